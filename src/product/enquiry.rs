//! Lists of products: by count and state, and by the filters of the older operation.

use axum::extract::State;
use db::{Amount, Conn};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Product;
use super::links::{self, Links};
use super::page::{Filter, Found, Which, find_page};
use super::store::{self, Row, legacy_kind};
use crate::app::App;
use crate::http::{Caller, Code, Envelope, Error, Faults, Json, List, ListEnvelope, Listing, Reply};
use crate::search;
use crate::setting::choice;
use crate::setting::list::List as Choices;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_products_by_take_and_status)).routes(routes!(get_products_by_filter))
}

/// How many products to list, and in which state.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductTakeStatusRequest {
    /// How many products: at most 1,000; 0 is as many as that.
    #[schema(example = 5)]
    take: i64,
    /// 0 not in use, 1 in use.
    #[schema(value_type = Vec<i64>, example = json!([1]))]
    status: Vec<Flag>,
    /// Products to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// The `next` of the page before; `skip` is not looked at then.
    #[schema(example = json!(null))]
    cursor: Option<String>,
}

/// Which items to list. Every filter but `productType` may be absent or null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductFilterRequest {
    /// 1031 or 1301 items, 1032 or 1302 bundles.
    #[schema(example = 1031)]
    product_type: i64,
    /// Product groups by name or number, separated by commas.
    #[schema(example = json!(null))]
    product_for: Option<String>,
    /// 1 what can be put on sales documents, 2 what is kept in stock; 0 or null all.
    #[schema(example = 0)]
    type_for: Option<i64>,
    /// Numbers of product groups of any level; 0 is none.
    #[schema(example = json!([0]))]
    product_group_ids: Option<Vec<i64>>,
    /// 1 or true in use, 0 or false not in use.
    #[schema(value_type = Option<Vec<bool>>, example = json!([true]))]
    status: Option<Vec<Flag>>,
    /// Items to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Items a page: at most 1,000; 0 is as many as that.
    #[schema(example = 0)]
    take: Option<i64>,
    /// Part of a name, a code or a barcode, in any script and letter case.
    #[schema(example = json!(null))]
    smart_search: Option<String>,
    /// `dateCreated` (the newest first, the default), `dateModified`, `productName`, `productCode`, with `asc` or `desc`
    /// behind it; another word is the default.
    #[schema(example = "productName asc")]
    order_by: Option<String>,
}

/// An item as the older operation lists it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductFilterItem {
    /// The product's number.
    #[schema(example = 280)]
    part_id: i64,
    /// 1031 an item, 1032 a bundle.
    #[schema(example = 1031)]
    part_type_id: i64,
    /// Name.
    #[schema(example = "Tissue Daisy")]
    part_name: String,
    /// Quantity in stock.
    #[schema(value_type = f64, example = 50)]
    qty: Amount,
    /// Regular price of the first tier.
    #[schema(value_type = Option<f64>, example = 12.5)]
    price: Option<Amount>,
    /// The company's number.
    #[schema(example = 507)]
    company_id: i64,
    /// Unit of measure.
    #[schema(example = "ชิ้น")]
    unit: Option<String>,
    /// Name.
    #[schema(example = "Tissue Daisy")]
    name: String,
    /// Whether it is in use.
    is_active: bool,
    /// The product's code.
    #[schema(example = "Li00001")]
    product_code: String,
    /// Barcode.
    product_barcode: Option<String>,
    /// Number of the narrowest product group.
    group_id: Option<i64>,
    /// Name of that group.
    group_name: Option<String>,
    /// Number of the unit.
    unit_id: Option<i64>,
    /// Whether it can be put on sales documents.
    is_for_sale: bool,
    /// Whether it is kept in stock.
    is_for_inventory: bool,
}

/// A state, which clients send as 0 and 1 or as false and true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flag, D::Error> {
        bool::deserialize(deserializer).map(Flag)
    }
}

/// List products by count and state, the newest first; each with its variants.
#[utoipa::path(
    post,
    path = "/v2/products/GetProduct",
    operation_id = "getProductsByTakeAndStatus",
    tag = "Product",
    request_body = ProductTakeStatusRequest,
    responses((status = 200, description = "One page of products.", body = ListEnvelope<Product>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_products_by_take_and_status(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<ProductTakeStatusRequest>,
) -> Result<List<Product>, Error> {
    let mut faults = Faults::default();
    let mut filter = Filter::page(input.skip, Some(input.take), &mut faults);
    filter.active = one_of(&input.status);
    filter.rows = Which::Products;
    if let Some(cursor) = input.cursor.as_deref().map(str::trim).filter(|cursor| !cursor.is_empty()) {
        filter.before = cursor.parse().ok();
        filter.skip = 0;
        if filter.before.is_none() {
            faults.add(Code::InvalidValue, "cursor", "cursor must be the next of an earlier page");
        }
    }
    faults.end()?;
    let mut conn = app.db.read().await?;
    let Found { rows, total, more } = find_page(&mut conn, caller.company, &filter, app.config.effort).await?;
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let value = links::views(&mut conn, caller.company, rows).await?;
    Ok(List { value, total, next })
}

/// List the items that can be sold or counted, by filters: variants stand for themselves.
#[utoipa::path(
    post,
    path = "/v1/products/getProduct",
    operation_id = "getProductsByFilter",
    tag = "Product",
    request_body = ProductFilterRequest,
    responses((status = 200, description = "One page of items.", body = Envelope<Listing<ProductFilterItem>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_products_by_filter(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<ProductFilterRequest>,
) -> Result<Reply<Listing<ProductFilterItem>>, Error> {
    let mut conn = app.db.read().await?;
    let filter = input.filter(&mut conn, caller.company).await?;
    let Found { rows, total, .. } = find_page(&mut conn, caller.company, &filter, app.config.effort).await?;
    let links = links::links(&mut conn, caller.company, &rows).await?;
    let items = rows.into_iter().zip(links).map(|(row, links)| item(row, links)).collect();
    Ok(Reply::ok(Listing::new(items, total)))
}

fn item(row: Row, links: Links) -> ProductFilterItem {
    ProductFilterItem {
        part_id: row.id,
        part_type_id: legacy_kind(row.kind),
        part_name: row.name.clone(),
        qty: links.qty,
        price: links.prices.first().map(|price| price.regular_price),
        company_id: row.company,
        unit: links.unit,
        name: row.name,
        is_active: row.active,
        product_code: row.code,
        product_barcode: row.barcode,
        group_id: row.sub_sub_category.or(row.sub_category).or(row.category),
        group_name: links.sub_sub_category.or(links.sub_category).or(links.category),
        unit_id: row.unit,
        is_for_sale: row.visibility,
        is_for_inventory: row.track_inventory,
    }
}

/// The one state that is asked for; none when both are, or none is.
fn one_of(states: &[Flag]) -> Option<bool> {
    let active = states.contains(&Flag(true));
    (!states.is_empty() && active != states.contains(&Flag(false))).then_some(active)
}

impl ProductFilterRequest {
    async fn filter(self, conn: &mut Conn, company: i64) -> Result<Filter, Error> {
        let mut faults = Faults::default();
        let mut filter = Filter::page(self.skip, self.take, &mut faults);
        faults.one_of("productType", self.product_type, &[1031, 1032, 1301, 1302]);
        if let Some(type_for) = self.type_for {
            faults.one_of("typeFor", type_for, &[0, 1, 2]);
        }
        faults.end()?;
        filter.order(self.order_by.as_deref().unwrap_or_default());
        let ids: Vec<i64> = self.product_group_ids.unwrap_or_default().into_iter().filter(|id| *id > 0).collect();
        let words: Vec<String> = self
            .product_for
            .iter()
            .flat_map(|words| words.split(','))
            .map(choice::key)
            .filter(|word| !word.is_empty())
            .collect();
        if !ids.is_empty() || !words.is_empty() {
            filter.groups = Some(groups(conn, company, &ids, &words).await?);
        }
        Ok(Filter {
            kind: Some(if self.product_type % 10 == 1 { store::PRODUCT } else { store::BUNDLE }),
            active: one_of(&self.status.unwrap_or_default()),
            sold: self.type_for == Some(1),
            stocked: self.type_for == Some(2),
            keyword: search::keyword(self.smart_search.as_deref()),
            ..filter
        })
    }
}

/// The groups that are asked for by number or name, by their level.
async fn groups(conn: &mut Conn, company: i64, ids: &[i64], words: &[String]) -> Result<[Vec<i64>; 3], Error> {
    let all = choice::all(conn, company, Choices::ProductGroups).await?;
    let mut levels = [Vec::new(), Vec::new(), Vec::new()];
    for group in &all {
        let is_named = words.iter().any(|word| *word == choice::key(&group.name) || *word == group.id.to_string());
        if !ids.contains(&group.id) && !is_named {
            continue;
        }
        let above = group.parent().and_then(|parent| all.iter().find(|other| other.id == parent));
        let level = match (group.parent(), above.and_then(|above| above.parent())) {
            (None, _) => 0,
            (Some(_), None) => 1,
            (Some(_), Some(_)) => 2,
        };
        levels[level].push(group.id);
    }
    Ok(levels)
}

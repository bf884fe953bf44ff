//! Lists of products: by count and state, and by the filters of the older operation.

use axum::extract::State;
use db::{Amount, Conn, Query};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Product;
use super::links::{self, Links};
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

/// The most products of one answer: the original documents no way to ask for more than the first of this list.
const MOST: i64 = 1_000;

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
            faults.add(Code::InvalidValue, "cursor", "cursor is not the next of a page");
        }
    }
    faults.end()?;
    let mut conn = app.db.read().await?;
    let Found { rows, counted, more } = find_page(&mut conn, caller.company, &filter).await?;
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let value = links::views(&mut conn, caller.company, rows).await?;
    Ok(List { value, total: counted.into(), next })
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
    let Found { rows, counted, .. } = find_page(&mut conn, caller.company, &filter).await?;
    let links = links::links(&mut conn, caller.company, &rows).await?;
    let items = rows.into_iter().zip(links).map(|(row, links)| item(row, links)).collect();
    Ok(Reply::ok(Listing::new(items, counted)))
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

/// The order of a list; each is that of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum By {
    #[default]
    DateCreated,
    DateModified,
    ProductName,
    ProductCode,
}

/// Which rows a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Which {
    /// What is sold and counted: every row but the parents of variants.
    #[default]
    Items,
    /// What people call a product: every row but the variants.
    Products,
}

/// Which products to list, in the database's words.
#[derive(Debug, Clone, Default)]
struct Filter {
    skip: i64,
    take: i64,
    by: By,
    descending: bool,
    rows: Which,
    /// Only those with a lower number.
    before: Option<i64>,
    keyword: Option<String>,
    kind: Option<i64>,
    active: Option<bool>,
    sold: bool,
    stocked: bool,
    /// Numbers of groups of the first, second and third level: in any of them. None is no filter.
    groups: Option<[Vec<i64>; 3]>,
}

impl Filter {
    fn page(skip: Option<i64>, take: Option<i64>, faults: &mut Faults) -> Filter {
        let (skip, take) = (skip.unwrap_or(0), take.unwrap_or(20));
        for (field, number) in [("skip", skip), ("take", take)] {
            if number < 0 {
                faults.add(Code::InvalidValue, field, format!("{field} must be 0 or more"));
            }
        }
        let take = if take == 0 { MOST } else { take.clamp(1, MOST) };
        Filter { skip: skip.max(0), take, descending: true, ..Filter::default() }
    }

    /// The order by its words; the default when they are not known, because those of the original are not.
    fn order(&mut self, text: &str) {
        let text = text.trim().to_lowercase();
        let (name, word) = text.split_once([' ', ':']).unwrap_or((text.as_str(), ""));
        let (name, minus) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let (by, usual) = match name {
            "datemodified" => (By::DateModified, true),
            "productname" | "partname" | "name" => (By::ProductName, false),
            "productcode" | "code" => (By::ProductCode, false),
            _ => (By::DateCreated, true),
        };
        self.by = by;
        self.descending = match word.trim() {
            "asc" => false,
            "desc" => true,
            _ => usual || minus,
        };
    }

    /// `where` with every filter.
    fn apply<'c>(&self, mut query: Query<'c>, company: i64) -> Query<'c> {
        query = query.push(" where product.company = ").push_bind(company).push(" and product.deleted_at is null");
        query = query.push(match self.rows {
            Which::Items => " and not product.is_parent",
            Which::Products => " and product.parent is null",
        });
        if let Some(kind) = self.kind {
            query = query.push(" and product.kind = ").push_bind(kind);
        }
        if let Some(active) = self.active {
            query = query.push(" and product.active = ").push_bind(active);
        }
        if self.sold {
            query = query.push(" and product.visibility = ").push_bind(true);
        }
        if self.stocked {
            query = query.push(" and product.track_inventory = ").push_bind(true);
        }
        if let Some(before) = self.before {
            query = query.push(" and product.id < ").push_bind(before);
        }
        if let Some(groups) = &self.groups {
            query = in_groups(query, groups);
        }
        match &self.keyword {
            Some(keyword) => {
                query.push(" and product.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'")
            }
            None => query,
        }
    }

    fn apply_order<'c>(&self, query: Query<'c>) -> Query<'c> {
        query.push(match (self.by, self.descending) {
            (By::DateCreated, true) => " order by product.id desc",
            (By::DateCreated, false) => " order by product.id",
            (By::DateModified, true) => " order by product.modified_at desc, product.id desc",
            (By::DateModified, false) => " order by product.modified_at, product.id",
            (By::ProductName, true) => " order by product.name_key desc, product.id desc",
            (By::ProductName, false) => " order by product.name_key, product.id",
            (By::ProductCode, true) => " order by product.code_key desc",
            (By::ProductCode, false) => " order by product.code_key",
        })
    }
}

/// In any of these groups. One group is the usual case, and the one that an index answers in the list's own order.
fn in_groups<'c>(mut query: Query<'c>, groups: &[Vec<i64>; 3]) -> Query<'c> {
    let levels = [
        ("product.category = ", "product.category in ", &groups[0]),
        ("product.sub_category = ", "product.sub_category in ", &groups[1]),
        ("product.sub_sub_category = ", "product.sub_sub_category in ", &groups[2]),
    ];
    let mut joint = " and (";
    for (is, is_in, ids) in levels {
        match ids.as_slice() {
            [] => continue,
            [id] => query = query.push(joint).push(is).push_bind(*id),
            ids => query = query.push(joint).push(is_in).push_ids(ids),
        }
        joint = " or ";
    }
    // Groups that are not there have no products.
    query.push(if joint == " or " { ")" } else { " and false" })
}

/// A page of products.
#[derive(Debug)]
struct Found {
    rows: Vec<Row>,
    counted: i64,
    more: bool,
}

/// Finds a page, and how many there are in all.
///
/// A keyword that few products can have is answered from the text index: those are looked at, all of them, which also
/// counts them. A keyword that many have is met soon in the list's own order, so that order is followed.
async fn find_page(conn: &mut Conn, company: i64, filter: &Filter) -> Result<Found, Error> {
    if let Some(keyword) = &filter.keyword {
        let most = usize::try_from(Listing::<Row>::MOST_COUNTED).unwrap_or(usize::MAX);
        let ids = conn.text_candidates("product_text", company, keyword, i64::MAX, most).await?;
        if ids.is_whole() {
            return among(conn, company, filter, &ids.ids).await;
        }
    }
    let most = Listing::<Row>::MOST_COUNTED + 1;
    // The page's own beginning is no filter: the count is of the whole list.
    let whole = Filter { before: None, ..filter.clone() };
    let query = whole.apply(conn.sql("select count(*) from (select 1 from product"), company);
    let counted = query.push(" limit ").push_bind(most).push(") as counted").one().await?;
    let query = filter.apply(conn.sql("select ").push(store::COLUMNS).push(" from product"), company);
    let query = filter.apply_order(query).push(" limit ").push_bind(filter.take + 1);
    let rows = query.push(" offset ").push_bind(filter.skip).all().await?;
    Ok(cut(rows, counted, filter.take))
}

fn cut(mut rows: Vec<Row>, counted: i64, take: i64) -> Found {
    let take = usize::try_from(take).unwrap_or_default();
    let more = rows.len() > take;
    rows.truncate(take);
    Found { rows, counted, more }
}

/// A page of these products, at most 10,000: all that match are put in order first, by number alone.
async fn among(conn: &mut Conn, company: i64, filter: &Filter, ids: &[i64]) -> Result<Found, Error> {
    if ids.is_empty() {
        return Ok(Found { rows: Vec::new(), counted: 0, more: false });
    }
    let query = conn.sql("select product.id from ").push_ids(ids).push(" as candidate cross join product");
    let query = filter.apply(query, company).push(" and product.id = candidate.id");
    let matching: Vec<i64> = filter.apply_order(query).all().await?;
    let counted = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let (skip, take) = (usize::try_from(filter.skip).unwrap_or(usize::MAX), filter.take + 1);
    let page: Vec<i64> = matching.into_iter().skip(skip).take(usize::try_from(take).unwrap_or_default()).collect();
    let query = conn.sql("select ").push(store::COLUMNS).push(" from ").push_ids(&page);
    let query = query.push(" as wanted cross join product where product.id = wanted.id and product.company = ");
    let mut rows: Vec<Row> = query.push_bind(company).all().await?;
    rows.sort_by_key(|row| page.iter().position(|id| *id == row.id));
    Ok(cut(rows, counted, filter.take))
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

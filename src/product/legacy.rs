//! The operations of the legacy portal: groups and units by number, and the record in `data.value`.

use axum::extract::State;
use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{ProductPriceWrite, ProductWrite};
use super::store::{self, Row};
use super::{links, put};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Patch, Path, Reply};
use crate::job::Kind;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(legacy_create_product)).routes(routes!(legacy_get_product))
}

/// The tier of the only price that the legacy portal knows.
pub(crate) const TIER: &str = "Normal Price";

/// A product as the legacy portal creates one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LegacyProductWrite {
    /// The product's code. One that is known is updated.
    #[schema(example = "Li00001")]
    product_code: String,
    /// Number of a product group; 0 is none.
    #[schema(example = 0)]
    group_id: i64,
    /// Name.
    #[schema(example = "Tissue Daisy")]
    product_name: String,
    /// Quantity in stock.
    #[schema(value_type = Option<f64>, example = 0)]
    qty: Option<Amount>,
    /// Price.
    #[schema(value_type = Option<f64>, example = 0)]
    price: Option<Amount>,
    /// Number of a unit; 0 is none.
    #[schema(example = 0)]
    unit_id: i64,
    /// Further details.
    #[schema(example = "string")]
    notes: Option<String>,
    /// Whether it can be put on sales documents.
    #[schema(example = true)]
    is_for_sale: bool,
    /// Whether it is kept in stock.
    #[schema(example = true)]
    is_for_inventory: bool,
}

/// A product as the legacy portal answers it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LegacyProduct {
    /// The product's code.
    #[schema(example = "Li00001")]
    product_code: String,
    /// Number of the narrowest product group.
    group_id: Option<i64>,
    /// Name of that group.
    group_name: Option<String>,
    /// Name.
    #[schema(example = "Tissue Daisy")]
    product_name: String,
    /// Quantity in stock.
    #[schema(value_type = f64, example = 50)]
    qty: Amount,
    /// Regular price of the first tier.
    #[schema(value_type = Option<f64>, example = 12.5)]
    price: Option<Amount>,
    /// The company's number.
    #[schema(example = 507)]
    company_id: i64,
    /// Number of the unit.
    unit_id: Option<i64>,
    /// Name of the unit.
    unit_name: Option<String>,
    /// Further details.
    notes: Option<String>,
    /// Whether it can be put on sales documents.
    is_for_sale: bool,
    /// Whether it is kept in stock.
    is_for_inventory: bool,
    /// Whether it is in use.
    is_active: bool,
}

/// One product, wrapped as the legacy portal wraps it.
#[derive(Debug, Serialize, ToSchema)]
struct WrappedProduct {
    value: LegacyProduct,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct LegacyPath {
    /// The product's code; a number that is no code is the product's number.
    code: String,
}

/// Create a product, or update the one of this code (legacy portal).
#[utoipa::path(
    post,
    path = "/v1/products",
    operation_id = "legacyCreateProduct",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = LegacyProductWrite,
    responses((status = 200, description = "The product.", body = Envelope<WrappedProduct>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn legacy_create_product(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<LegacyProductWrite>,
) -> Result<Reply<WrappedProduct>, Error> {
    let known = app.db.read().await?;
    let input = input.read(known, caller.company, faults).await?;
    let reply = caller
        .write(&app, async |mut tx| {
            let written = put::put(&mut tx, &caller, &input, app.now()).await?;
            let value = view(&mut tx, written.row).await?;
            tx.reply(Reply::ok(WrappedProduct { value })).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// Get a product by its code (legacy portal).
#[utoipa::path(
    get,
    path = "/v1/products/{code}",
    operation_id = "legacyGetProduct",
    tag = "Product",
    params(LegacyPath),
    responses((status = 200, description = "The product.", body = Envelope<WrappedProduct>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn legacy_get_product(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<LegacyPath>,
) -> Result<Reply<WrappedProduct>, Error> {
    let mut conn = app.db.read().await?;
    let mut found = store::by_code(&mut conn, caller.company, &path.code).await?;
    if let (None, Ok(id)) = (&found, path.code.trim().parse()) {
        found = store::by_id(&mut conn, caller.company, id).await?;
    }
    let row = found.ok_or(Error::NotFound("product"))?.living()?;
    let value = view(&mut conn, row).await?;
    Ok(Reply::ok(WrappedProduct { value }))
}

async fn view(conn: &mut Conn, row: Row) -> Result<LegacyProduct, Error> {
    let product = links::view(conn, row.clone()).await?;
    Ok(LegacyProduct {
        product_code: product.product_code,
        group_id: row.sub_sub_category.or(row.sub_category).or(row.category),
        group_name: product.sub_sub_category.or(product.sub_category).or(product.category),
        product_name: product.product_name,
        qty: product.qty,
        price: product.prices.first().map(|price| price.regular_price),
        company_id: row.company,
        unit_id: row.unit,
        unit_name: product.product_unit_name,
        notes: row.details.notes,
        is_for_sale: product.visibility,
        is_for_inventory: product.track_inventory,
        is_active: product.active,
    })
}

/// A property that a legacy client leaves out or sends as null stays as it is.
fn kept<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

impl LegacyProductWrite {
    /// The same product in the words of version 3; numbers of look-up entries become their names.
    async fn read(self, mut conn: Conn, company: i64, found: Vec<Fault>) -> Result<ProductWrite, Error> {
        // A code that could not be read has a stand-in, which is not to be looked for in the database.
        let is_read = found.is_empty();
        let mut faults = Faults::new(found);
        faults.required("productCode", &self.product_code, 50);
        faults.required("productName", &self.product_name, 300);
        let mut groups = path_of(&mut conn, company, self.group_id, &mut faults).await?.into_iter();
        let unit = entry(&mut conn, company, List::Units, "unitId", self.unit_id, &mut faults).await?;
        let product = ProductWrite {
            product_code: Some(self.product_code.clone()),
            product_name: Patch::Set(self.product_name),
            category: kept(groups.next()),
            sub_category: kept(groups.next()),
            sub_sub_category: kept(groups.next()),
            product_unit_name: kept(unit.map(|unit| unit.name)),
            qty: kept(self.qty),
            prices: match self.price {
                Some(price) => {
                    let code = is_read.then_some(self.product_code.as_str());
                    self::prices(&mut conn, company, code, price).await?
                }
                None => Patch::Keep,
            },
            notes: kept(self.notes),
            visibility: Patch::Set(self.is_for_sale),
            track_inventory: Patch::Set(self.is_for_inventory),
            ..ProductWrite::default()
        };
        // The rest is judged as in version 3; its list of prices is not what this client sent.
        for fault in product.check(Vec::new()).list().drain(..) {
            let field = if fault.field.starts_with("prices") { "price".to_owned() } else { fault.field };
            faults.add(fault.code, field, fault.message);
        }
        faults.end()?;
        Ok(product)
    }
}

/// The product's prices with the first one replaced: the others are not known to a legacy client.
async fn prices(
    conn: &mut Conn,
    company: i64,
    code: Option<&str>,
    price: Amount,
) -> Result<Patch<Vec<ProductPriceWrite>>, Error> {
    let known = match code {
        Some(code) => store::by_code(conn, company, code).await?,
        None => None,
    };
    let known = match known {
        Some(row) => links::view(conn, row).await?.prices,
        None => Vec::new(),
    };
    let mut prices: Vec<ProductPriceWrite> = known
        .into_iter()
        .map(|known| ProductPriceWrite {
            price_tier_name: known.price_tier_name,
            regular_price: known.regular_price,
            sale_price: known.sale_price,
            vat_value: known.vat_value,
            vat: None,
            use_default_vat: Some(known.use_default_vat),
            starts_at: known.starts_at,
            ends_at: known.ends_at,
        })
        .collect();
    match prices.first_mut() {
        Some(first) => first.regular_price = price,
        None => prices.push(ProductPriceWrite {
            price_tier_name: TIER.to_owned(),
            regular_price: price,
            use_default_vat: Some(true),
            ..ProductPriceWrite::default()
        }),
    }
    Ok(Patch::Set(prices))
}

/// The entry of this number; 0 is none, and one that is not there is a fault.
async fn entry(
    conn: &mut Conn,
    company: i64,
    list: List,
    field: &str,
    id: i64,
    faults: &mut Faults,
) -> Result<Option<Choice>, Error> {
    if id == 0 {
        return Ok(None);
    }
    let found = choice::find(conn, company, list, id).await?.filter(|choice| choice.is_active);
    if found.is_none() {
        faults.add(Code::NotFound, field, format!("{field} {id} is not an entry of {}", list.path()));
    }
    Ok(found)
}

/// The names of a product group and of those that it is part of, the widest first.
async fn path_of(conn: &mut Conn, company: i64, id: i64, faults: &mut Faults) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut group = entry(conn, company, List::ProductGroups, "groupId", id, faults).await?;
    while let Some(known) = group {
        let parent = known.parent();
        names.insert(0, known.name);
        group = match parent {
            Some(parent) if names.len() < 3 => choice::find(conn, company, List::ProductGroups, parent).await?,
            _ => None,
        };
    }
    Ok(names)
}

//! Products: what a company sells, one item or in variants, with prices by tier, parts of bundles, and stock.

mod codeguard;
mod enquiry;
mod image;
pub(crate) mod input;
pub(crate) mod legacy;
pub(crate) mod links;
mod lookup;
mod names;
mod page;
mod part;
pub(crate) mod plan;
pub(crate) mod put;
pub(crate) mod removal;
pub(crate) mod serial;
pub(crate) mod stock;
pub(crate) mod store;
pub(crate) mod ticket;

use axum::extract::State;
use db::Amount;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::input::{ProductPriceWrite, ProductVariantAttribute, ProductVariantWrite, ProductWrite, Texts};
pub(crate) use self::lookup::{ensure_attribute, ensure_unit};
pub use self::part::Part;
pub(crate) use self::part::set as set_parts;
pub(crate) use self::put::put;
use crate::app::App;
use crate::http::{Caller, Conditions, Envelope, Error, Path, Reply};

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_product_by_code))
        .routes(routes!(get_products_by_barcode))
        .merge(ticket::routes())
        .merge(enquiry::routes())
        .merge(image::routes())
        .merge(lookup::routes())
        .merge(part::routes())
        .merge(stock::routes())
        .merge(serial::routes())
        .merge(codeguard::routes())
        .merge(removal::routes())
        .merge(legacy::routes())
}

/// A product.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// The product's number.
    #[schema(example = 280)]
    pub product_id: i64,
    /// The product's code.
    #[schema(example = "Li00001")]
    pub product_code: String,
    /// Barcode.
    pub product_barcode: Option<String>,
    /// Name.
    #[schema(example = "Tissue Daisy")]
    pub product_name: String,
    /// Description.
    pub product_description: Option<String>,
    /// 1031 an item, 1032 a bundle.
    #[schema(example = 1031)]
    pub product_type: i64,
    /// Main category.
    #[schema(example = "Open API")]
    pub category: Option<String>,
    /// Second level.
    pub sub_category: Option<String>,
    /// Third level.
    #[schema(rename = "sub_SubCategory")]
    #[serde(rename = "sub_SubCategory")]
    pub sub_sub_category: Option<String>,
    /// Cost; null for a product with variants.
    #[schema(value_type = Option<f64>, example = 15.0)]
    pub cost: Option<Amount>,
    /// Prices by tier.
    pub prices: Vec<ProductPrice>,
    /// Unit of measure.
    #[schema(example = "ชิ้น")]
    pub product_unit_name: Option<String>,
    /// Weight.
    #[schema(value_type = Option<f64>)]
    pub product_weight: Option<Amount>,
    /// Unit of the weight.
    pub product_weight_unit: Option<String>,
    /// Tags.
    pub product_tag: Vec<String>,
    /// Addresses of pictures.
    pub product_image: Vec<String>,
    /// Whether stock is kept.
    pub track_inventory: bool,
    /// Quantity in stock; of a product with variants the sum of theirs.
    #[schema(value_type = f64, example = 50)]
    pub qty: Amount,
    /// Quantity at which to warn.
    #[schema(value_type = Option<f64>, example = 5)]
    pub low_stock_alert: Option<Amount>,
    /// Whether there is a warranty.
    pub use_warranty: bool,
    /// How long the warranty is.
    pub time_warranty_value: Option<i64>,
    /// `y` years, `m` months, `d` days.
    pub time_warranty_unit: Option<String>,
    /// Remark on the warranty.
    pub warranty_note: Option<String>,
    /// Whether it can be put on sales documents.
    pub visibility: bool,
    /// Whether it is in use.
    pub active: bool,
    /// Its variants.
    pub product_variant: Vec<ProductVariant>,
    /// Brand.
    pub brand_name: Option<String>,
    /// Code of the product that this is a variant of.
    pub parent_code: Option<String>,
    /// What it is told apart by, when it is a variant.
    pub attribute: Vec<ProductVariantAttribute>,
    /// What it consists of, when it is a bundle.
    pub parts: Vec<Part>,
    /// Who created the record: the id of an API client.
    pub created_by_user_id: String,
    /// When it was created.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    pub date_created: String,
    /// Who changed it last.
    pub modified_by_user_id: String,
    /// When it was changed last.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    pub date_modified: String,
}

/// A variant of a product: an item of its own.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductVariant {
    /// The variant's number.
    #[schema(example = 281)]
    pub product_id: i64,
    /// The variant's code.
    #[schema(example = "LI00002")]
    pub product_code: String,
    /// Name.
    #[schema(example = "TestMobilePhone")]
    pub product_name: String,
    /// Barcode.
    pub product_barcode: Option<String>,
    /// Description.
    pub product_description: Option<String>,
    /// Cost.
    #[schema(value_type = Option<f64>, example = 18_500.0)]
    pub cost: Option<Amount>,
    /// Prices by tier.
    pub prices: Vec<ProductPrice>,
    /// Addresses of pictures.
    pub product_image: Vec<String>,
    /// Quantity in stock.
    #[schema(value_type = f64, example = 34)]
    pub qty: Amount,
    /// Quantity at which to warn.
    #[schema(value_type = Option<f64>, example = 5)]
    pub low_stock_alert: Option<Amount>,
    /// Whether it is in use.
    pub active: bool,
    /// What it is told apart by.
    pub attribute: Vec<ProductVariantAttribute>,
}

/// A price of a tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductPrice {
    /// Price tier.
    #[schema(example = "Normal Price")]
    pub price_tier_name: String,
    /// Regular price.
    #[schema(value_type = f64, example = 12.5)]
    pub regular_price: Amount,
    /// Reduced price.
    #[schema(value_type = Option<f64>, example = 15.0)]
    pub sale_price: Option<Amount>,
    /// VAT in percent.
    #[schema(value_type = Option<f64>, example = 3.0)]
    pub vat_value: Option<Amount>,
    /// The same, as variants spell it.
    #[schema(value_type = Option<f64>, example = 3.0)]
    pub vat: Option<Amount>,
    /// Whether the company's usual VAT is meant.
    pub use_default_vat: bool,
    /// First moment of the price; null: always.
    pub starts_at: Option<String>,
    /// Last moment of the price; null: for ever.
    pub ends_at: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct CodePath {
    /// The product's code, in any letter case.
    product_code: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct BarcodePath {
    /// The whole barcode.
    barcode: String,
}

/// Get a product by its code.
///
/// The code of a variant leads to that variant alone; that of the product to it with all its variants.
#[utoipa::path(
    get,
    path = "/v2/products/{productCode}",
    operation_id = "getProductByCode",
    tag = "Product",
    params(CodePath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The product.", body = Envelope<Product>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_product_by_code(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CodePath>,
) -> Result<Reply<Product>, Error> {
    let mut conn = app.db.read().await?;
    let row = store::find(&mut conn, caller.company, &path.product_code).await?;
    let version = row.version;
    Ok(Reply::ok(links::view(&mut conn, row).await?).version(version, &conditions))
}

/// Get the products that carry a barcode, those in use first.
#[utoipa::path(
    get,
    path = "/v1/products/barcode/{barcode}",
    operation_id = "getProductsByBarcode",
    tag = "Product",
    params(BarcodePath),
    responses((status = 200, description = "The products: usually one, at most 200.", body = Envelope<Vec<Product>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_products_by_barcode(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<BarcodePath>,
) -> Result<Reply<Vec<Product>>, Error> {
    let mut conn = app.db.read().await?;
    let rows = store::by_barcode(&mut conn, caller.company, &path.barcode).await?;
    if rows.is_empty() {
        return Err(Error::NotFound("barcode"));
    }
    Ok(Reply::ok(links::views(&mut conn, caller.company, rows).await?))
}

//! `PUT /v1/products/stock`, the original's way to say how much there is, and reading it back.

use std::collections::HashMap;

use axum::extract::State;
use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fault;
use super::item::{self, Item};
use super::ledger::{self, Balance, By, Cause, Ledger, Reason};
use super::warehouse::Warehouses;
use crate::app::App;
use crate::http::lenient::{self, POISON};
use crate::http::{Bulk, Caller, Checked, Code, Envelope, Error, Fault, Faults, Path, Reply, language};
use crate::job::Kind;
use crate::product::CodePath;
use crate::product::store::{self, BUNDLE, Row};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(update_product_stock)).routes(routes!(get_product_stock))
}

/// The quantity that there is of a product.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductStockItem {
    /// The product's code, in any letter case.
    #[schema(example = "A001")]
    pub(crate) product_code: String,
    /// How many there are from now on.
    #[schema(value_type = f64, example = 20)]
    pub(crate) qty: Amount,
    /// Number or name of a warehouse; the company's own when it is absent.
    #[schema(example = json!(null))]
    pub(crate) warehouse: Option<String>,
}

/// What became of each item, in the shape that this operation has in the original.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductStockResponse {
    /// The items in their order.
    data: Vec<ProductStockResult>,
    /// 1000 all succeeded, 4001 one failed, 4002 several did.
    #[schema(example = 1000)]
    status_code: i64,
    /// The HTTP status again.
    #[schema(example = 200)]
    http_status_code: i64,
}

/// What became of an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductStockResult {
    /// The code as it was sent.
    #[schema(example = "A001")]
    product_code: String,
    /// How many there are now; of an item that failed, how many it asked for, or null when that could not be read.
    #[schema(value_type = Option<f64>, example = 20)]
    qty: Option<Amount>,
    /// Whether the item was carried out.
    #[schema(example = true)]
    is_success: bool,
    /// Why not; absent of an item that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ProductItemError>,
}

/// Why one item of several failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductItemError {
    /// What is wrong, in stable snake_case: of the first fault.
    #[schema(value_type = String, example = "not_found")]
    code: Code,
    /// The same for people.
    #[schema(example = "productCode \"A009\" is not a known product")]
    message: String,
    /// Every fault of the item.
    errors: Vec<Fault>,
}

impl From<Vec<Fault>> for ProductItemError {
    fn from(errors: Vec<Fault>) -> ProductItemError {
        let errors = language::told(errors);
        let messages: Vec<&str> = errors.iter().map(|fault| fault.message.as_str()).collect();
        let code = errors.first().map_or(Code::InvalidValue, |fault| fault.code);
        ProductItemError { code, message: messages.join("; "), errors }
    }
}

/// Stock of a product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductStock {
    /// The product's number.
    #[schema(example = 280)]
    product_id: i64,
    /// The product's code.
    #[schema(example = "A001")]
    product_code: String,
    /// Whether stock is kept.
    #[schema(example = true)]
    track_inventory: bool,
    /// Quantity at which to warn.
    #[schema(value_type = Option<f64>, example = 5)]
    low_stock_alert: Option<Amount>,
    /// How many there are in all warehouses. Of a product with variants: of all of them. Of a bundle: how many the parts
    /// make.
    #[schema(value_type = f64, example = 20)]
    qty: Amount,
    /// How many of them are reserved.
    #[schema(value_type = f64, example = 2)]
    reserved: Amount,
    /// How many can still be sold; below 0 when less was counted than is reserved.
    #[schema(value_type = f64, example = 18)]
    available: Amount,
    /// The warehouses in which it is or was.
    warehouses: Vec<WarehouseStock>,
}

/// Stock of a product in a warehouse.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WarehouseStock {
    /// The warehouse's number; 0 is the company's own.
    #[schema(example = 0)]
    warehouse_id: i64,
    /// Its name; the company's own has none.
    warehouse_name: Option<String>,
    /// How many are there.
    #[schema(value_type = f64, example = 20)]
    qty: Amount,
    /// How many of them are reserved.
    #[schema(value_type = f64, example = 2)]
    reserved: Amount,
    /// How many can still be sold.
    #[schema(value_type = f64, example = 18)]
    available: Amount,
}

/// The most items of one request.
const MOST: usize = 5000;

/// Set the quantities of products.
///
/// Each item succeeds or fails for itself, in the order in which they stand. A quantity replaces what was there;
/// the difference is a movement. Products that are not in use have stock, too.
#[utoipa::path(
    put,
    path = "/v1/products/stock",
    operation_id = "updateProductStock",
    tag = "Product",
    request_body = Vec<ProductStockItem>,
    responses((status = 200, description = "What became of each item.", body = ProductStockResponse)),
    extensions(("x-bulk" = json!(true))),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn update_product_stock(
    State(app): State<App>,
    caller: Caller,
    Bulk(body): Bulk,
) -> Result<Reply<ProductStockResponse>, Error> {
    let items = read(&body)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let results = set_body(&mut tx, &By::caller(&caller, app.now()), &items).await?;
            tx.reply(Reply::bare(ProductStockResponse::of(results))).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// Get how many there are of a product, and in which warehouses.
#[utoipa::path(
    get,
    path = "/v1/products/{productCode}/stock",
    operation_id = "getProductStock",
    tag = "Product",
    params(CodePath),
    responses((status = 200, description = "The stock.", body = Envelope<ProductStock>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_product_stock(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
) -> Result<Reply<ProductStock>, Error> {
    let mut conn = app.db.read().await?;
    let row = store::find(&mut conn, caller.company, &path.product_code).await?;
    Ok(Reply::ok(view(&mut conn, row, app.now()).await?))
}

impl ProductStockResponse {
    fn of(data: Vec<ProductStockResult>) -> ProductStockResponse {
        let status_code = match data.iter().filter(|result| !result.is_success).count() {
            0 => 1000,
            1 => 4001,
            _ => 4002,
        };
        ProductStockResponse { data, status_code, http_status_code: 200 }
    }
}

/// The items of a body: a list, or a single one.
fn read(body: &[u8]) -> Result<Vec<Checked<ProductStockItem>>, Error> {
    let invalid = |code, message: String| Error::invalid(code, "", message);
    let items = match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items,
        Ok(item @ Value::Object(_)) => vec![item],
        Ok(_) => return Err(invalid(Code::InvalidBody, "The body must be a list of products".to_owned())),
        Err(error) => return Err(invalid(Code::InvalidBody, format!("The body is not valid JSON: {error}"))),
    };
    if items.len() > MOST {
        return Err(invalid(Code::TooLong, format!("The body may have {MOST} items")));
    }
    let checked = items.iter().map(|item| match lenient::decode_value_all::<ProductStockItem>(item) {
        Ok((value, faults)) => {
            let mut faults = Faults::new(faults);
            faults.required("productCode", &value.product_code, 50);
            Checked { value, faults: std::mem::take(faults.list()) }
        }
        Err(faults) => Checked { value: ProductStockItem::default(), faults },
    });
    Ok(checked.collect())
}

/// Carries out the items of a body, those that cannot be read among them.
async fn set_body(
    tx: &mut Conn,
    by: &By<'_>,
    items: &[Checked<ProductStockItem>],
) -> Result<Vec<ProductStockResult>, Error> {
    let sound: Vec<&ProductStockItem> =
        items.iter().filter(|item| item.faults.is_empty()).map(|item| &item.value).collect();
    let mut done = set_all(tx, by, &sound).await?.into_iter();
    let results = items.iter().map(|Checked { value, faults }| {
        let product_code = if value.product_code == POISON { String::new() } else { value.product_code.clone() };
        let done = if faults.is_empty() { done.next() } else { None };
        match done.unwrap_or_else(|| Err(faults.clone())) {
            Ok(qty) => ProductStockResult { product_code, qty: Some(qty), is_success: true, error: None },
            Err(errors) => {
                let qty = Some(value.qty).filter(|_| !errors.iter().any(hides_qty));
                ProductStockResult { product_code, qty, is_success: false, error: Some(errors.into()) }
            }
        }
    });
    Ok(results.collect())
}

/// Makes quantities be what each item says, in the order of the items: answers how many there are then, or what is wrong
/// with an item. A handful of statements for any number of them. After the commit, wake the webhook job.
pub(crate) async fn set_all(
    tx: &mut Conn,
    by: &By<'_>,
    items: &[&ProductStockItem],
) -> Result<Vec<Result<Amount, Vec<Fault>>>, Error> {
    let mut quantities = Quantities::open(tx, by, items.iter().map(|item| item.product_code.as_str())).await?;
    let cause = Cause::of(Reason::Set);
    let done = items.iter().map(|item| quantities.set(item, &cause).map(|_| item.qty)).collect();
    quantities.close(tx, by).await?;
    Ok(done)
}

/// Whether the quantity, or the whole item, could not be read.
fn hides_qty(fault: &Fault) -> bool {
    let is_unread = matches!(fault.code, Code::InvalidType | Code::Required | Code::InvalidValue);
    fault.field.is_empty() || (fault.field == "qty" && is_unread)
}

/// Quantities that are set in one unit of work: the products that are named, held, and the warehouses.
#[derive(Debug)]
pub(crate) struct Quantities {
    products: HashMap<String, Item>,
    warehouses: Warehouses,
    ledger: Ledger,
}

/// A quantity that was set.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) product: i64,
    pub(crate) warehouse: i64,
    /// What there was.
    pub(crate) was: Amount,
    /// The number of the product's last movement.
    pub(crate) number: i64,
}

impl Quantities {
    /// Holds the products of these codes: a few statements for any number of them.
    pub(crate) async fn open(
        tx: &mut Conn,
        by: &By<'_>,
        codes: impl Iterator<Item = &str>,
    ) -> Result<Quantities, Error> {
        let products = item::by_codes(tx, by.company, codes).await?;
        let warehouses = Warehouses::load(tx, by.company).await?;
        let held: Vec<&Item> = products.values().filter(|item| item.without_stock().is_none()).collect();
        let ledger = Ledger::open(tx, by, &held).await?;
        Ok(Quantities { products, warehouses, ledger })
    }

    /// Enters one item.
    pub(crate) fn set(&mut self, item: &ProductStockItem, cause: &Cause<'_>) -> Result<Set, Vec<Fault>> {
        let ProductStockItem { product_code, qty, warehouse } = item;
        let mut faults = Faults::default();
        let warehouse = self.warehouses.read("warehouse", warehouse.as_deref(), *qty != Amount::ZERO, &mut faults);
        let Some(product) = self.products.get(&store::key(product_code)) else {
            let message = format!("productCode “{product_code}” is not a known product");
            faults.list().insert(0, Fault::new(Code::NotFound, "productCode", message));
            return Err(std::mem::take(faults.list()));
        };
        if let Some(message) = product.without_stock() {
            faults.add(Code::Conflict, "productCode", message);
        }
        if !faults.list().is_empty() {
            return Err(std::mem::take(faults.list()));
        }
        let was = self.ledger.balance(product.id, warehouse).quantity;
        match self.ledger.set(product.id, warehouse, *qty, cause) {
            Ok(()) => Ok(Set { product: product.id, warehouse, was, number: self.ledger.moves(product.id) }),
            Err(_) if *qty < Amount::ZERO => {
                let message = "qty must be 0 or more: the setting does not allow stock below that";
                Err(vec![Fault::new(Code::OutOfRange, "qty", message)])
            }
            Err(why) => Err(vec![fault(why, "qty", product, warehouse, *qty)]),
        }
    }

    /// Writes what was entered. After the commit, wake the webhook job.
    pub(crate) async fn close(self, tx: &mut Conn, by: &By<'_>) -> Result<(), Error> {
        self.ledger.close(tx, by).await.map(drop)
    }
}

/// Makes a quantity be what it was before the movement of this number; answers the number of the movement that does so,
/// and nothing where another movement has come there since.
pub(crate) async fn put_back(
    tx: &mut Conn,
    by: &By<'_>,
    (product, warehouse): (i64, i64),
    number: i64,
    (quantity, note): (Amount, &str),
) -> Result<Option<i64>, Error> {
    let items = item::by_ids(tx, by.company, &[product]).await?;
    let Some(item) = items.get(&product) else { return Ok(None) };
    // What was there once is allowed.
    let mut ledger = Ledger::hold(tx, by, &[item], true).await?;
    let last = super::standing(tx, by.company, product, Some(warehouse)).await?;
    if last.is_none_or(|last| last.number != number) {
        return Ok(None);
    }
    let cause = Cause { note: Some(note), ..Cause::of(Reason::Set) };
    let refused = |why| Error::Conflict(fault(why, "qty", item, warehouse, quantity));
    ledger.set(product, warehouse, quantity, &cause).map_err(refused)?;
    let number = ledger.moves(product);
    ledger.close(tx, by).await?;
    Ok(Some(number))
}

async fn view(conn: &mut Conn, row: Row, now: i64) -> Result<ProductStock, Error> {
    let company = row.company;
    let mut ids = vec![row.id];
    if row.is_parent {
        ids = store::variants(conn, company, &[row.id], false).await?.into_iter().map(|variant| variant.id).collect();
    }
    let mut all = Balance::default();
    let mut by_warehouse: HashMap<i64, Balance> = HashMap::new();
    if row.kind == BUNDLE {
        all = bundle(conn, company, row.id, now).await?;
    } else {
        for ((_, warehouse), balance) in ledger::balances(conn, company, &ids, now).await? {
            all = all.plus(balance);
            let there = by_warehouse.entry(warehouse).or_default();
            *there = there.plus(balance);
        }
    }
    let names = Warehouses::load(conn, company).await?;
    let warehouses = by_warehouse.into_iter().map(|(warehouse_id, balance)| WarehouseStock {
        warehouse_id,
        warehouse_name: names.name(warehouse_id),
        qty: balance.quantity,
        reserved: balance.reserved,
        available: balance.available(),
    });
    let mut warehouses: Vec<WarehouseStock> = warehouses.collect();
    warehouses.sort_unstable_by_key(|warehouse| warehouse.warehouse_id);
    Ok(ProductStock {
        product_id: row.id,
        product_code: row.code,
        track_inventory: row.track_inventory,
        low_stock_alert: row.low_stock_alert,
        qty: all.quantity,
        reserved: all.reserved,
        available: all.available(),
        warehouses,
    })
}

/// How many of a bundle its parts make: in whole pieces, of what is not reserved.
async fn bundle(conn: &mut Conn, company: i64, bundle: i64, now: i64) -> Result<Balance, Error> {
    let parts = item::parts(conn, company, &[bundle]).await?.remove(&bundle).unwrap_or_default();
    let counted: Vec<(i64, Amount)> =
        parts.into_iter().filter(|(item, _)| item.track_inventory).map(|(item, each)| (item.id, each)).collect();
    let ids: Vec<i64> = counted.iter().map(|(id, _)| *id).collect();
    let balances = ledger::balances(conn, company, &ids, now).await?;
    let makes = counted.into_iter().map(|(part, each)| {
        let there = balances.iter().filter(|((product, _), _)| *product == part);
        let there = there.fold(Balance::default(), |sum, (_, balance)| sum.plus(*balance));
        there.available().units().max(0) / each.units().max(1)
    });
    let quantity = makes.min().and_then(Amount::from_whole).unwrap_or_default();
    Ok(Balance { quantity, reserved: Amount::ZERO })
}

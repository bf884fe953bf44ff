//! Changing stock with a reason: sales, transfers between warehouses, and adjustments. Each is carried out whole or not
//! at all.

use std::collections::HashMap;

use axum::extract::State;
use db::{Amount, Conn};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::item::{self, Line};
use super::ledger::{By, Cause, Movement, Reason};
use super::movement::StockMovement;
use super::warehouse::Warehouses;
use super::{each, open};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Reply};
use crate::job::Kind;
use crate::product::store;
use crate::search;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sell_stock))
        .routes(routes!(return_stock))
        .routes(routes!(adjust_stock))
        .routes(routes!(transfer_stock))
}

/// So many of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StockLine {
    /// The product's code, in any letter case.
    #[schema(example = "A001")]
    pub(super) product_code: String,
    /// How many.
    #[schema(value_type = f64, example = 2)]
    pub(super) qty: Amount,
    /// Number or name of a warehouse; that of the request when it is absent.
    #[schema(example = json!(null))]
    pub(super) warehouse: Option<String>,
}

/// What is sold, or comes back.
#[derive(Debug, Deserialize, ToSchema)]
struct StockSale {
    /// The document that says so.
    #[schema(example = "SO2511-0001")]
    document: Option<String>,
    /// Number or name of a warehouse; the company's own when it is absent.
    #[schema(example = json!(null))]
    warehouse: Option<String>,
    /// The products: quantities above 0.
    items: Vec<StockLine>,
}

/// What has come or gone.
#[derive(Debug, Deserialize, ToSchema)]
struct StockAdjustment {
    /// `receipt`, `count`, `damage`, `loss` or `adjustment`, which it is when it is absent.
    #[schema(example = "receipt")]
    reason: Option<String>,
    /// The document that says so.
    #[schema(example = "GR2511-0001")]
    document: Option<String>,
    /// Note.
    #[schema(example = "Two boxes")]
    note: Option<String>,
    /// Number or name of a warehouse; the company's own when it is absent.
    #[schema(example = json!(null))]
    warehouse: Option<String>,
    /// What has come, or with a quantity below 0, gone.
    items: Vec<StockLine>,
}

/// What is moved from one warehouse to another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StockTransfer {
    /// Number or name of the warehouse in which it is; the company's own when it is absent.
    #[schema(example = "0")]
    from_warehouse: Option<String>,
    /// Number or name of the warehouse to which it goes; the company's own when it is absent.
    #[schema(example = "Chiang Mai")]
    to_warehouse: Option<String>,
    /// The document that says so.
    #[schema(example = json!(null))]
    document: Option<String>,
    /// Note.
    #[schema(example = json!(null))]
    note: Option<String>,
    /// What is moved: quantities above 0.
    items: Vec<StockTransferLine>,
}

/// So many of a product that is moved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StockTransferLine {
    /// The product's code, in any letter case.
    #[schema(example = "A001")]
    product_code: String,
    /// How many.
    #[schema(value_type = f64, example = 2)]
    qty: Amount,
}

/// Sell products from stock.
///
/// A bundle is sold as its parts; what is reserved for others is not there; products whose stock is not kept are passed
/// over. 409 names each item of which there are not enough, and then nothing is sold.
#[utoipa::path(
    post,
    path = "/v1/products/stock/sales",
    operation_id = "sellStock",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = StockSale,
    responses((status = 200, description = "The movements.", body = Envelope<Vec<StockMovement>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn sell_stock(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<StockSale>,
) -> Result<Reply<Vec<StockMovement>>, Error> {
    input.check(Faults::new(faults))?;
    let reply = caller
        .write(&app, async |mut tx| {
            let by = By::caller(&caller, app.now());
            let Found { lines, warehouses, codes } =
                Found::new(&mut tx, &by, input.warehouse.as_deref(), &input.items).await?;
            let moved = super::sell(&mut tx, &by, given(input.document.as_deref()), lines).await?;
            let moved = views(&mut tx, &by, &warehouses, codes, moved).await?;
            tx.reply(Reply::ok(moved)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// Take back products that were sold.
///
/// A bundle comes back as its parts; products whose stock is not kept are passed over.
#[utoipa::path(
    post,
    path = "/v1/products/stock/returns",
    operation_id = "returnStock",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = StockSale,
    responses((status = 200, description = "The movements.", body = Envelope<Vec<StockMovement>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn return_stock(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<StockSale>,
) -> Result<Reply<Vec<StockMovement>>, Error> {
    input.check(Faults::new(faults))?;
    let reply = caller
        .write(&app, async |mut tx| {
            let by = By::caller(&caller, app.now());
            let Found { lines, warehouses, codes } =
                Found::new(&mut tx, &by, input.warehouse.as_deref(), &input.items).await?;
            let moved = super::take_back(&mut tx, &by, given(input.document.as_deref()), lines).await?;
            let moved = views(&mut tx, &by, &warehouses, codes, moved).await?;
            tx.reply(Reply::ok(moved)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

impl StockSale {
    fn check(&self, mut faults: Faults) -> Result<(), Error> {
        check(&self.items, Sign::Above, &mut faults);
        texts(self.document.as_deref(), None, &mut faults);
        faults.end()
    }
}

/// Adjust stock: what has come, gone, broken, or was counted differently.
///
/// What is reserved does not hinder it. 409 names each item of which fewer are there than go.
#[utoipa::path(
    post,
    path = "/v1/products/stock/adjustments",
    operation_id = "adjustStock",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = StockAdjustment,
    responses((status = 200, description = "The movements.", body = Envelope<Vec<StockMovement>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn adjust_stock(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<StockAdjustment>,
) -> Result<Reply<Vec<StockMovement>>, Error> {
    let mut faults = Faults::new(faults);
    check(&input.items, Sign::Either, &mut faults);
    texts(input.document.as_deref(), input.note.as_deref(), &mut faults);
    let reason = reason(input.reason.as_deref(), &mut faults);
    faults.end()?;
    let reply = caller
        .write(&app, async |mut tx| {
            let by = By::caller(&caller, app.now());
            let found = Found::new(&mut tx, &by, input.warehouse.as_deref(), &input.items).await?;
            found.have_stock()?;
            let cause = Cause {
                document: given(input.document.as_deref()),
                note: given(input.note.as_deref()),
                ..Cause::of(reason)
            };
            let mut ledger = open(&mut tx, &by, &found.lines).await?;
            each(&found.lines, |line| ledger.add(line.item.id, line.warehouse, line.quantity, &cause))?;
            let moved = ledger.close(&mut tx, &by).await?;
            let moved = views(&mut tx, &by, &found.warehouses, found.codes, moved).await?;
            tx.reply(Reply::ok(moved)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// Move stock from one warehouse to another.
///
/// What is reserved stays. 409 names each item of which there are not enough.
#[utoipa::path(
    post,
    path = "/v1/products/stock/transfers",
    operation_id = "transferStock",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = StockTransfer,
    responses((status = 200, description = "The movements: out of the one and into the other, item by item.", body = Envelope<Vec<StockMovement>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn transfer_stock(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<StockTransfer>,
) -> Result<Reply<Vec<StockMovement>>, Error> {
    let mut faults = Faults::new(faults);
    let StockTransfer { from_warehouse, to_warehouse, document, note, items } = input;
    let items: Vec<StockLine> = items
        .into_iter()
        .map(|line| StockLine { product_code: line.product_code, qty: line.qty, warehouse: None })
        .collect();
    check(&items, Sign::Above, &mut faults);
    texts(document.as_deref(), note.as_deref(), &mut faults);
    faults.end()?;
    let reply = caller
        .write(&app, async |mut tx| {
            let by = By::caller(&caller, app.now());
            let found = Found::new(&mut tx, &by, None, &items).await?;
            found.have_stock()?;
            let mut faults = Faults::default();
            let from = found.warehouses.read("fromWarehouse", from_warehouse.as_deref(), false, &mut faults);
            let to = found.warehouses.read("toWarehouse", to_warehouse.as_deref(), true, &mut faults);
            if from == to {
                faults.add(Code::InvalidValue, "toWarehouse", "toWarehouse must differ from fromWarehouse");
            }
            faults.end()?;
            let cause = Cause {
                document: given(document.as_deref()),
                note: given(note.as_deref()),
                ..Cause::of(Reason::Transfer)
            };
            let lines: Vec<Line> = found.lines.into_iter().map(|line| Line { warehouse: from, ..line }).collect();
            let mut ledger = open(&mut tx, &by, &lines).await?;
            each(&lines, |line| {
                ledger.take(line.item.id, from, line.quantity, &cause)?;
                ledger.add(line.item.id, to, line.quantity, &cause)
            })?;
            let moved = ledger.close(&mut tx, &by).await?;
            let moved = views(&mut tx, &by, &found.warehouses, found.codes, moved).await?;
            tx.reply(Reply::ok(moved)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// Which quantities make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Above,
    Either,
}

/// The most items of one request.
const MOST: usize = 1000;

/// What can be judged of items without the database.
pub(super) fn check(items: &[StockLine], sign: Sign, faults: &mut Faults) {
    if items.is_empty() {
        faults.add(Code::Required, "items", "items is required");
    }
    if items.len() > MOST {
        faults.add(Code::TooLong, "items", format!("items may have {MOST} entries"));
    }
    for (index, line) in items.iter().enumerate().take(MOST) {
        faults.required(&format!("items[{index}].productCode"), &line.product_code, 50);
        let field = format!("items[{index}].qty");
        match sign {
            Sign::Above if line.qty <= Amount::ZERO => {
                faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be more than 0"));
            }
            Sign::Either if line.qty == Amount::ZERO => {
                faults.add(Code::OutOfRange, field.as_str(), format!("{field} must not be 0"));
            }
            Sign::Above | Sign::Either => {}
        }
    }
}

fn texts(document: Option<&str>, note: Option<&str>, faults: &mut Faults) {
    faults.longest("document", document.unwrap_or_default(), 100);
    faults.longest("note", note.unwrap_or_default(), 2000);
}

/// Why stock may be adjusted: the reasons that no other operation has.
fn reason(word: Option<&str>, faults: &mut Faults) -> Reason {
    const ALLOWED: [Reason; 5] = [Reason::Receipt, Reason::Count, Reason::Damage, Reason::Loss, Reason::Adjustment];
    let Some(word) = given(word) else { return Reason::Adjustment };
    Reason::read(word).filter(|reason| ALLOWED.contains(reason)).unwrap_or_else(|| {
        let words = ALLOWED.map(Reason::word).join(", ");
        faults.add(Code::InvalidValue, "reason", format!("reason must be one of {words}"));
        Reason::Adjustment
    })
}

/// A text that has something in it.
pub(super) fn given(text: Option<&str>) -> Option<&str> {
    text.map(search::trimmed).filter(|text| !text.is_empty())
}

/// The items of a request, found.
pub(super) struct Found {
    pub(super) lines: Vec<Line>,
    pub(super) warehouses: Warehouses,
    /// The codes of the products that are named, by number.
    pub(super) codes: HashMap<i64, String>,
}

impl Found {
    /// Finds products and warehouses; what is not there is a fault.
    pub(super) async fn new(
        tx: &mut Conn,
        by: &By<'_>,
        warehouse: Option<&str>,
        items: &[StockLine],
    ) -> Result<Found, Error> {
        let products = item::by_codes(tx, by.company, items.iter().map(|line| line.product_code.as_str())).await?;
        let warehouses = Warehouses::load(tx, by.company).await?;
        let mut faults = Faults::default();
        let usual = warehouses.read("warehouse", warehouse, false, &mut faults);
        let mut lines = Vec::with_capacity(items.len());
        for (index, line) in items.iter().enumerate() {
            let field = format!("items[{index}].warehouse");
            let warehouse = match given(line.warehouse.as_deref()) {
                Some(text) => warehouses.read(&field, Some(text), false, &mut faults),
                None => usual,
            };
            match products.get(&store::key(&line.product_code)) {
                Some(item) => {
                    let field = format!("items[{index}].qty");
                    lines.push(Line { item: item.clone(), warehouse, quantity: line.qty, field });
                }
                None => {
                    let message = format!("“{}” is not a known product", line.product_code);
                    faults.add(Code::NotFound, format!("items[{index}].productCode"), message);
                }
            }
        }
        faults.end()?;
        let codes = products.into_values().map(|item| (item.id, item.code)).collect();
        Ok(Found { lines, warehouses, codes })
    }

    /// 409 that names each product of which nothing can be in stock.
    fn have_stock(&self) -> Result<(), Error> {
        let faults: Vec<Fault> = self
            .lines
            .iter()
            .filter_map(|line| {
                let field = line.field.replace(".qty", ".productCode");
                Some(Fault::new(Code::Conflict, field, line.item.without_stock()?))
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::Conflicts(faults)) }
    }
}

/// Movements as the API shows them; `codes` lacks those of parts of bundles.
pub(super) async fn views(
    conn: &mut Conn,
    by: &By<'_>,
    names: &Warehouses,
    mut codes: HashMap<i64, String>,
    moved: Vec<Movement>,
) -> Result<Vec<StockMovement>, Error> {
    let unknown: Vec<i64> =
        moved.iter().map(|movement| movement.product).filter(|product| !codes.contains_key(product)).collect();
    for (id, item) in item::by_ids(conn, by.company, &unknown).await? {
        codes.insert(id, item.code);
    }
    let zone = time::zone(conn, by.company).await?;
    let views = moved.into_iter().map(|movement| {
        let code = codes.get(&movement.product).map(String::as_str).unwrap_or_default();
        StockMovement::of(movement, code, names, by, &zone)
    });
    Ok(views.collect())
}

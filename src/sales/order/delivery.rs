//! Handing over what was ordered, wholly or in parts, and taking it back: stock moves through its ledger.

use std::collections::BTreeSet;

use axum::extract::State;
use db::{Amount, Conn};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::{Row, SalesOrder};
use super::status::{Status, Who};
use super::write::{NAMES, change_status};
use super::{OrderPath, held};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::product::serial;
use crate::product::stock::{self, reservation};
use crate::product::store as products;
use crate::record::{self, Actor, Saved};
use crate::sales::content::Line;
use crate::sales::decimal::Decimal;
use crate::sales::{by_of, entry, outstanding};
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(deliver_sales_order)).routes(routes!(return_sales_order))
}

/// What is handed over, or comes back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderDeliveryWrite {
    /// The lines; all that is left of every line when it is absent.
    items: Option<Vec<SalesOrderDeliveryItem>>,
    /// The carrier's number.
    #[schema(example = "TH0123456789")]
    tracking_no: Option<String>,
    /// Address of the delivery document.
    shipping_document_url: Option<String>,
}

/// So many of a line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderDeliveryItem {
    /// Place of the line in the order, from 0; the first line of the product when it is absent.
    #[schema(example = 0)]
    line: Option<i64>,
    /// Product code.
    #[schema(example = "AB00025dddd")]
    product_code: Option<String>,
    /// How many; all that is left of the line when it is absent.
    #[schema(value_type = Option<f64>, example = 1)]
    qty: Option<Decimal>,
    /// Serial numbers of the pieces, as many as there are pieces; they are sold with this order. Of a line that was
    /// delivered with them a return names those that come back, unless all that is left of it does.
    #[schema(example = json!([]))]
    serial_numbers: Option<Vec<String>>,
}

/// So many of a line, found.
struct Part {
    line: usize,
    quantity: Amount,
    serials: Vec<String>,
    /// The property that the serial numbers came in.
    list: String,
}

/// Hand over what was ordered.
///
/// It leaves the stock, a bundle as the parts that it has then; the rest stays reserved, and with the last of it the
/// order is completed. 409 when a serial number is not one of the product.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/delivery",
    operation_id = "deliverSalesOrder",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = SalesOrderDeliveryWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn deliver_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesOrderDeliveryWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    Faults::new(faults).end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let saved = deliver(&mut tx, &by, old, &input).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Take back what was handed over.
///
/// What its delivery took is in stock again; its serial numbers can be sold anew. A completed order is open then, and
/// its stock reserved: it can be delivered again or cancelled.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/return",
    operation_id = "returnSalesOrder",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = SalesOrderDeliveryWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn return_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesOrderDeliveryWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    Faults::new(faults).end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let saved = take_back(&mut tx, &by, old, &input).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

async fn deliver(tx: &mut Conn, by: &Actor, old: Row, input: &SalesOrderDeliveryWrite) -> Result<Saved<Row>, Error> {
    if old.status() != Status::Open {
        let message =
            format!("Sales order {} is {}: only open orders can be delivered", old.number, old.status().word());
        return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
    }
    let mut faults = Faults::default();
    faults.longest("trackingNo", input.tracking_no.as_deref().unwrap_or_default(), 100);
    faults.longest("shippingDocumentUrl", input.shipping_document_url.as_deref().unwrap_or_default(), 2_000);
    let parts = parts(&old, input, false, &mut faults);
    faults.end()?;
    let mut row = old.clone();
    for part in &parts {
        let line = &mut row.lines[part.line];
        line.delivered = line.delivered.checked_add(part.quantity).unwrap_or(line.delivered);
        line.serials.extend(part.serials.iter().cloned());
    }
    let sold = lines_of(&old, &parts);
    let sold = entry::stock_lines(tx, row.company, &sold, "items", |line| line.quantity.amount()).await?;
    let rest = entry::stock_lines(tx, row.company, &row.lines, NAMES.lines, outstanding).await?;
    let is_last = rest.is_empty();
    match row.reservation {
        Some(reservation) => drop(reservation::consume_part(tx, &by_of(by), reservation, sold, rest).await?),
        None => drop(stock::sell(tx, &by_of(by), Some(&row.number), sold).await?),
    }
    if is_last {
        row.reservation = None;
    }
    for part in parts.iter().filter(|part| !part.serials.is_empty()) {
        let code = row.lines[part.line].code.clone();
        serial::mark(tx, by, &code, (&part.list, &part.serials), &row.number, true).await?;
    }
    if let Some(number) = input.tracking_no.as_deref().map(search::trimmed).filter(|number| !number.is_empty()) {
        row.tracking_no = Some(number.to_owned());
    }
    if let Some(url) = input.shipping_document_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
        row.shipping_url = Some(url.to_owned());
    }
    if row.is_wholly_delivered() {
        change_status(&mut row, Status::Open, Status::Completed, Who::Delivery)?;
    }
    record::save_as(tx, by, Some(old), row, "Delivered").await
}

async fn take_back(tx: &mut Conn, by: &Actor, old: Row, input: &SalesOrderDeliveryWrite) -> Result<Saved<Row>, Error> {
    let mut faults = Faults::default();
    let parts = parts(&old, input, true, &mut faults);
    for part in &parts {
        let known: BTreeSet<String> = old.lines[part.line].serials.iter().map(|number| products::key(number)).collect();
        for (index, number) in part.serials.iter().enumerate() {
            if !known.contains(&products::key(number)) {
                let message = format!("Piece {number} was not delivered with this line");
                faults.add(Code::InvalidValue, format!("{}[{index}]", part.list), message);
            }
        }
    }
    faults.end()?;
    // One that came back in earlier versions is still completed, and is opened now.
    let reopens = |row: &Row| row.status() == Status::Completed && !row.is_wholly_delivered();
    if parts.is_empty() && !reopens(&old) {
        let message = format!("Nothing was delivered for order {}", old.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
    }
    let mut row = old.clone();
    for part in &parts {
        let line = &mut row.lines[part.line];
        line.returned = line.returned.checked_add(part.quantity).unwrap_or(line.returned);
        let gone: BTreeSet<String> = part.serials.iter().map(|number| products::key(number)).collect();
        line.serials.retain(|number| !gone.contains(&products::key(number)));
    }
    let back = lines_of(&old, &parts);
    let back = entry::stock_lines(tx, row.company, &back, "items", |line| line.quantity.amount()).await?;
    let taken = stock::taken(tx, row.company, &row.number).await?;
    if taken.is_empty() && !is_delivered_here(tx, &row).await? {
        stock::take_back(tx, &by_of(by), Some(&row.number), back).await?;
    } else {
        let out = entry::stock_lines(tx, row.company, &old.lines, "items", away).await?;
        stock::give_back(tx, &by_of(by), &row.number, &taken, out, back).await?;
    }
    // What came back is owed again, and kept for the order as the rest is.
    if reopens(&row) {
        change_status(&mut row, Status::Completed, Status::Open, Who::Return)?;
    }
    super::write::move_stock(tx, by, Some(&old), &mut row).await?;
    for part in parts.iter().filter(|part| !part.serials.is_empty()) {
        let code = row.lines[part.line].code.clone();
        serial::mark(tx, by, &code, (&part.list, &part.serials), &row.number, false).await?;
    }
    record::save_as(tx, by, Some(old), row, "Returned").await
}

/// Whether something of it was handed over here. What was handed over on the server that it was copied from left the
/// stock there, and the ledger has no movement of it.
async fn is_delivered_here(tx: &mut Conn, row: &Row) -> Result<bool, db::Error> {
    let found: i64 = tx
        .sql("select count(*) from audit where company = $1 and ref = $2 and action in ('delivered', 'completed')")
        .bind(row.company)
        .bind(record::reference(row))
        .one()
        .await?;
    Ok(found > 0)
}

/// How many of a line are at the customer's.
fn away(line: &Line) -> Option<Amount> {
    line.delivered.checked_sub(line.returned)
}

/// The lines of some parts, with as many as there are in each.
fn lines_of(row: &Row, parts: &[Part]) -> Vec<Line> {
    let line = |part: &Part| Line { quantity: Decimal::from(part.quantity), ..row.lines[part.line].clone() };
    parts.iter().map(line).collect()
}

/// The lines of a request, by place or by product, and how many of each are handed over, or come back.
fn parts(row: &Row, input: &SalesOrderDeliveryWrite, is_back: bool, faults: &mut Faults) -> Vec<Part> {
    let left = if is_back { away } else { outstanding };
    let left: Vec<Amount> = row.lines.iter().map(|line| left(line).unwrap_or_default()).collect();
    // The pieces of a line that is no longer away are no longer sold.
    let all = |line: usize| if is_back { row.lines[line].serials.clone() } else { Vec::new() };
    let Some(items) = &input.items else {
        let whole = left.iter().enumerate().map(|(line, quantity)| Part {
            line,
            quantity: *quantity,
            serials: all(line),
            list: "items".to_owned(),
        });
        return whole.filter(|part| part.quantity > Amount::ZERO || !part.serials.is_empty()).collect();
    };
    if items.is_empty() {
        faults.add(Code::Required, "items", "items must not be empty");
    }
    let mut parts: Vec<Part> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("items[{index}]");
        let by_code =
            |code: &String| row.lines.iter().position(|line| products::key(&line.code) == products::key(code));
        let place = match (item.line, &item.product_code) {
            (Some(place), _) => usize::try_from(place).ok().filter(|place| *place < row.lines.len()),
            (None, Some(code)) => by_code(code),
            (None, None) => None,
        };
        let Some(line) = place else {
            faults.add(Code::NotFound, format!("{path}.line"), format!("{path} is not a line of the order"));
            continue;
        };
        if parts.iter().any(|part| part.line == line) {
            faults.add(Code::InvalidValue, format!("{path}.line"), format!("{path} repeats a line of this delivery"));
            continue;
        }
        let quantity = match item.qty {
            None => Some(left[line]),
            Some(qty) => qty.amount(),
        };
        let Some(quantity) = quantity.filter(|quantity| *quantity > Amount::ZERO && *quantity <= left[line]) else {
            let message = format!("{path}.qty must be above 0 and at most {}", left[line]);
            faults.add(Code::OutOfRange, format!("{path}.qty"), message);
            continue;
        };
        let mut serials: Vec<String> =
            item.serial_numbers.iter().flatten().map(|number| search::trimmed(number).to_owned()).collect();
        let list = format!("{path}.serialNumbers");
        let known = &row.lines[line].serials;
        let pieces = |count: usize| i64::try_from(count).ok().and_then(Amount::from_whole).unwrap_or_default();
        let count = pieces(serials.len());
        // Pieces that were delivered without a number come back without one.
        let least = if is_back {
            let plain = left[line].checked_sub(pieces(known.len())).unwrap_or_default().max(Amount::ZERO);
            quantity.checked_sub(plain).unwrap_or_default()
        } else {
            quantity
        };
        if serials.is_empty() && quantity == left[line] {
            serials = all(line);
        } else if is_back && !known.is_empty() && item.serial_numbers.is_none() {
            faults.add(Code::Required, list.as_str(), format!("{list} is required"));
        } else if (is_back || !serials.is_empty()) && (count < least || count > quantity) {
            faults.add(Code::InvalidValue, list.as_str(), format!("{list} must list {quantity} serial numbers"));
        }
        parts.push(Part { line, quantity, serials, list });
    }
    parts
}

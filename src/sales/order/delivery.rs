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
use super::write::change_status;
use super::{OrderPath, held};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::product::serial;
use crate::product::stock::{self, reservation};
use crate::product::store as products;
use crate::record::{self, Actor, Saved};
use crate::sales::decimal::Decimal;
use crate::sales::{by_of, entry, outstanding};

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
    /// Serial numbers of the pieces, as many as there are pieces; they are sold with this order.
    #[schema(example = json!([]))]
    serial_numbers: Option<Vec<String>>,
}

/// So many of a line, found.
struct Part {
    line: usize,
    quantity: Amount,
    serials: Vec<String>,
}

/// Hand over what was ordered.
///
/// It leaves the stock, the rest stays reserved, and with the last of it the order is completed. 409 when a serial number
/// is not one of the product.
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
/// It is in stock again; its serial numbers can be sold anew.
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
    let parts = parts(&old, input, outstanding, &mut faults);
    faults.end()?;
    let mut row = old.clone();
    let mut sold = old.lines.clone();
    for line in &mut sold {
        line.quantity = Decimal::ZERO;
    }
    for part in &parts {
        let line = &mut row.lines[part.line];
        line.delivered = line.delivered.checked_add(part.quantity).unwrap_or(line.delivered);
        line.serials.extend(part.serials.iter().cloned());
        sold[part.line].quantity = Decimal::from(part.quantity);
    }
    let sold = entry::stock_lines(tx, row.company, &sold, "items", |line| line.quantity.amount()).await?;
    let rest = entry::stock_lines(tx, row.company, &row.lines, "items", outstanding).await?;
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
        serial::mark(tx, &by.caller, &code, &part.serials, Some(&row.number), by.now).await?;
    }
    if let Some(number) = input.tracking_no.as_deref().map(str::trim).filter(|number| !number.is_empty()) {
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
    let parts = parts(&old, input, |line| line.delivered.checked_sub(line.returned), &mut faults);
    for part in &parts {
        for number in &part.serials {
            let line = &old.lines[part.line];
            if !line.serials.iter().any(|known| products::key(known) == products::key(number)) {
                let message = format!("Piece {number} was not delivered with this line");
                faults.add(Code::InvalidValue, "items", message);
            }
        }
    }
    faults.end()?;
    if parts.is_empty() {
        let message = format!("Nothing was delivered for order {}", old.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
    }
    let mut row = old.clone();
    let mut back = old.lines.clone();
    for line in &mut back {
        line.quantity = Decimal::ZERO;
    }
    for part in &parts {
        let line = &mut row.lines[part.line];
        line.returned = line.returned.checked_add(part.quantity).unwrap_or(line.returned);
        let gone: BTreeSet<String> = part.serials.iter().map(|number| products::key(number)).collect();
        line.serials.retain(|number| !gone.contains(&products::key(number)));
        back[part.line].quantity = Decimal::from(part.quantity);
    }
    let back = entry::stock_lines(tx, row.company, &back, "items", |line| line.quantity.amount()).await?;
    stock::take_back(tx, &by_of(by), Some(&row.number), back).await?;
    // What came back is owed again, and kept for the order as the rest is.
    super::write::move_stock(tx, by, Some(&old), &mut row).await?;
    for part in parts.iter().filter(|part| !part.serials.is_empty()) {
        let code = row.lines[part.line].code.clone();
        serial::mark(tx, &by.caller, &code, &part.serials, None, by.now).await?;
    }
    record::save_as(tx, by, Some(old), row, "Returned").await
}

/// The lines of a request, by place or by product, and how many of each.
fn parts(
    row: &Row,
    input: &SalesOrderDeliveryWrite,
    left: impl Fn(&crate::sales::content::Line) -> Option<Amount>,
    faults: &mut Faults,
) -> Vec<Part> {
    let left: Vec<Amount> = row.lines.iter().map(|line| left(line).unwrap_or_default()).collect();
    let Some(items) = &input.items else {
        let whole = left.iter().enumerate().filter(|(_, left)| **left > Amount::ZERO);
        return whole.map(|(line, left)| Part { line, quantity: *left, serials: Vec::new() }).collect();
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
        let serials: Vec<String> =
            item.serial_numbers.iter().flatten().map(|number| number.trim().to_owned()).collect();
        let count = Amount::from_whole(i64::try_from(serials.len()).unwrap_or_default());
        if !serials.is_empty() && count != Some(quantity) {
            let field = format!("{path}.serialNumbers");
            faults.add(Code::InvalidValue, field.as_str(), format!("{field} must list {quantity} serial numbers"));
        }
        parts.push(Part { line, quantity, serials });
    }
    parts
}

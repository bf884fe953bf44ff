//! What stands on a sales order.

use db::Conn;
use qrcode_generator::qr::{Encoder, ErrorCorrection};
use serde_json::{Value, json};

use super::write::{amount, day_if_any};
use super::{Found, Kind, Shop, Wish, buyer, staff_name};
use crate::http::{Caller, Error};
use crate::record;
use crate::sales::order::{Row, Status};
use crate::sales::{number_key, promptpay, rules};

pub(super) async fn find(conn: &mut Conn, caller: &Caller, number: &str, wish: &Wish) -> Result<Found, Error> {
    let row: Row = record::find(conn, caller, "number_key", number_key(number)).await?;
    let shop = Shop::load(conn, row.company).await?;
    let mut data = shop.begin(Kind::SalesOrder, &row.number, &row.dated, wish);
    let mark = match row.status() {
        Status::Draft => Some("draft"),
        Status::Rejected | Status::Cancelled => Some("void"),
        _ => None,
    };
    let currency = row.terms.currency.as_str();
    let instalments = row.schedule.iter().flat_map(|schedule| &schedule.instalments).map(|one| {
        json!({
            "no": one.number.to_string(),
            "due": day_if_any(one.due_on.as_deref(), wish),
            "amount": amount(one.amount, currency),
            "isPaid": one.paid >= one.amount,
        })
    });
    let more = [
        ("mark", json!(mark)),
        ("reference", json!(row.terms.reference)),
        ("quotationNo", json!(row.quotation_no)),
        ("subject", json!(row.subject)),
        ("contact", json!(row.contact_name)),
        ("recipient", json!({"name": row.recipient_name, "address": row.recipient_address})),
        ("paymentTerm", json!(row.terms.payment_term)),
        ("dueDate", day_if_any(row.due_on.as_deref(), wish)),
        ("note", json!(row.note)),
        ("remark", json!(row.remark)),
        ("instalments", instalments.collect()),
        ("promptPay", code(&row, &shop)),
        ("staff", json!(staff_name(conn, row.company, row.owner).await?)),
        ("buyer", buyer(conn, row.company, row.customer, row.terms.customer_address, wish).await?),
    ];
    data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    shop.content(&row.lines, &row.money, &row.terms, wish, &mut data);
    Ok((Kind::SalesOrder, row.number, data))
}

/// The code that pays what is still to be transferred for an open order in baht, as the operation `getSalesOrderPromptPay`
/// says it.
fn code(row: &Row, shop: &Shop) -> Value {
    let number = shop.setting.sales.promptpay.as_deref();
    let is_open = matches!(row.status(), Status::Open | Status::Completed) && row.terms.currency == "THB";
    let payload = number.filter(|_| is_open).zip(row.to_transfer()).and_then(|(number, left)| {
        let payee = rules::payee(number, &row.number)?;
        Some((promptpay::payload(&payee, Some(left)).ok()?, left))
    });
    payload.map_or(Value::Null, |(payload, left)| modules(&payload, &amount(left, "THB")))
}

/// A code as the grey values of its modules.
pub(super) fn modules(payload: &str, amount: &str) -> Value {
    let Ok(symbol) = Encoder::new(ErrorCorrection::Medium).encode_text(payload) else { return Value::Null };
    let matrix = symbol.to_matrix();
    let pixels: Vec<u8> = matrix.iter().flatten().map(|dark| if *dark { 0 } else { 255 }).collect();
    json!({"size": matrix.len(), "pixels": pixels, "amount": amount, "payload": payload})
}

//! What stands on a quotation.

use db::Conn;
use serde_json::json;

use super::write::{day, day_if_any};
use super::{Found, Kind, Shop, Wish, buyer, staff_name};
use crate::http::{Caller, Error};
use crate::record;
use crate::sales::number_key;
use crate::sales::quotation::{Row, Status};
use crate::time;

pub(super) async fn find(conn: &mut Conn, caller: &Caller, number: &str, wish: &Wish) -> Result<Found, Error> {
    let row: Row = record::find(conn, caller, "number_key", number_key(number)).await?;
    paper(conn, row, wish).await
}

pub(super) async fn paper(conn: &mut Conn, row: Row, wish: &Wish) -> Result<Found, Error> {
    let shop = Shop::load(conn, row.company).await?;
    let mut data = shop.begin(Kind::Quotation, &row.number, &row.dated, wish);
    let mark = match row.status() {
        Status::Draft | Status::WaitingForApproval => Some("draft"),
        Status::Rejected | Status::Cancelled => Some("void"),
        _ => None,
    };
    let accepted = row.acceptance.as_ref().filter(|answer| answer.accepted).map(|answer| {
        let on = time::day_of(answer.at, &shop.zone).to_string();
        json!({"name": answer.name, "date": day(&on, wish)})
    });
    let more = [
        ("mark", json!(mark)),
        ("revision", json!((row.revision > 1).then(|| row.revision.to_string()))),
        ("validUntil", day_if_any(Some(&row.valid_until), wish)),
        ("reference", json!(row.terms.reference)),
        ("subject", json!(row.subject)),
        ("contact", json!(row.contact_name)),
        ("recipient", json!({"name": row.recipient_name, "address": row.recipient_address})),
        ("paymentTerm", json!(row.terms.payment_term)),
        ("note", json!(row.note)),
        ("remark", json!(row.remark)),
        ("accepted", json!(accepted)),
        ("staff", json!(staff_name(conn, row.company, row.owner).await?)),
        ("buyer", buyer(conn, row.company, row.customer, row.terms.customer_address, wish).await?),
    ];
    data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    shop.content(&row.lines, &row.money, &row.terms, wish, &mut data);
    Ok((Kind::Quotation, row.number, data))
}

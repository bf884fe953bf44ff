//! What stands on a tax invoice, a receipt or a credit note: what was written down when it was issued.

use db::Conn;
use serde_json::{Value, json};

use super::write::{amount, day, day_if_any};
use super::{Found, Kind, Lang, Shop, Wish, branch_name};
use crate::http::{Caller, Error};
use crate::record;
use crate::sales::tax::{Party, Row};
use crate::sales::{number_key, order};

pub(super) async fn find(
    conn: &mut Conn,
    caller: &Caller,
    kind: Kind,
    number: &str,
    wish: &Wish,
) -> Result<Found, Error> {
    let found = find_any(conn, caller, number, wish).await?;
    if found.0 != kind {
        return Err(Error::NotFound("tax document"));
    }
    Ok(found)
}

pub(super) async fn find_any(conn: &mut Conn, caller: &Caller, number: &str, wish: &Wish) -> Result<Found, Error> {
    let row: Row = record::find(conn, caller, "number_key", number_key(number)).await?;
    // A document is seen by whoever may see its order.
    record::find::<order::Row>(conn, caller, "id", row.sales_order).await?;
    let kind = match row.kind.as_str() {
        "receipt" => Kind::Receipt,
        "creditNote" => Kind::CreditNote,
        _ => Kind::TaxInvoice,
    };
    let shop = Shop::load(conn, row.company).await?;
    let mut data = shop.begin(kind, &row.number, &row.issued_on, wish);
    let currency = row.body.terms.currency.as_str();
    let cancels = match &row.cancels {
        Some(number) => cancelled(conn, row.company, number, wish).await?,
        None => Value::Null,
    };
    let payments = row.body.payments.iter().map(|paid| {
        json!({
            "date": day_if_any(Some(&paid.paid_on), wish),
            "method": paid.method.as_deref().map(|method| method_name(method, wish.lang)),
            "amount": amount(paid.amount, currency),
        })
    });
    let mut seller = party(&row.body.seller, wish);
    // What was written down is Thai: the company's English name and address stand in the setting.
    if wish.lang == Lang::En {
        let is_head = row.body.seller.branch_code.as_deref() == Some("00000");
        let address = shop.setting.address_en.as_ref().filter(|_| is_head);
        for (field, english) in [("name", shop.setting.name_en.as_ref()), ("address", address)] {
            if let Some(english) = english.filter(|text| !text.trim().is_empty()) {
                seller[field] = json!(english);
            }
        }
    }
    seller["phone"] = json!(shop.setting.phone);
    seller["email"] = json!(shop.setting.email);
    let more = [
        ("mark", json!(row.cancelled_by.as_ref().map(|_| "void"))),
        ("cancelledBy", json!(row.cancelled_by)),
        ("cancels", cancels),
        ("reason", json!(row.reason)),
        ("orderNo", json!(row.sales_order_no)),
        ("paymentTerm", json!(row.body.terms.payment_term)),
        ("remark", json!(row.body.remark)),
        ("payments", payments.collect()),
        ("seller", seller),
        ("buyer", party(&row.body.buyer, wish)),
    ];
    data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    shop.content(&row.body.lines, &row.body.money, &row.body.terms, wish, &mut data);
    if let Some(totals) = data.get_mut("totals") {
        // On a receipt it is what was paid.
        totals["grandTotal"] = amount(row.grand_total, currency).into();
        totals["words"] = shop.words(row.grand_total, currency, wish);
    }
    Ok((kind, row.number, data))
}

/// The document that a credit note cancels.
async fn cancelled(conn: &mut Conn, company: i64, number: &str, wish: &Wish) -> Result<Value, Error> {
    let query = conn.rows::<Row>("tax_document").push(" where company = $1 and number_key = $2");
    let old: Option<Row> = query.bind(company).bind(number_key(number)).optional().await?;
    Ok(old.map_or_else(
        || json!({"number": number}),
        |old| json!({"number": old.number, "kind": old.kind, "date": day(&old.issued_on, wish)}),
    ))
}

/// How somebody paid, in words; what is none of the usual codes stays as it was typed.
fn method_name(method: &str, lang: Lang) -> String {
    let known = [
        ("cash", "เงินสด", "Cash"),
        ("transfer", "โอนเงิน", "Transfer"),
        ("promptpay", "พร้อมเพย์", "PromptPay"),
        ("card", "บัตร", "Card"),
        ("cheque", "เช็ค", "Cheque"),
    ];
    let found = known.iter().find(|(code, ..)| code.eq_ignore_ascii_case(method.trim()));
    let name = found.map(|(_, thai, english)| if lang == Lang::En { *english } else { *thai });
    name.unwrap_or(method).to_owned()
}

fn party(party: &Party, wish: &Wish) -> Value {
    let branch = party.branch_code.as_deref().filter(|_| party.tax_no.is_some());
    json!({
        "name": party.name,
        "address": party.address,
        "taxNo": party.tax_no,
        "branch": branch.map(|code| branch_name(code, wish.lang)),
    })
}

//! What stands on a contract.

use db::Conn;
use serde_json::json;

use super::write::{amount, day};
use super::{Found, Kind, Lang, Shop, Wish, buyer};
use crate::http::{Caller, Error};
use crate::record;
use crate::sales::contract::{self, Row};
use crate::sales::number_key;

pub(super) async fn find(conn: &mut Conn, caller: &Caller, number: &str, wish: &Wish) -> Result<Found, Error> {
    let row: Row = record::find(conn, caller, "number_key", number_key(number)).await?;
    let customer = row.customer();
    let company = caller.company;
    let view = record::view(conn, row).await?;
    let shop = Shop::load(conn, company).await?;
    let template = contract::first_template(conn, company).await?;
    let mut data = shop.begin(Kind::Contract, &view.contract_no, &view.date_created, wish);
    let services = view.contract_services.iter().map(|service| {
        json!({
            "subject": service.subject,
            "frequency": frequency(service.frequency, wish.lang),
            "times": service.number_of_times.to_string(),
            "note": service.agreement_note,
        })
    });
    // The status is 1604 once it was ended before its time.
    let mark = (view.status_id == 1604).then_some("void");
    let currency = shop.setting.currency.as_str();
    let more = [
        ("mark", json!(mark)),
        ("templateId", json!(template)),
        ("subject", json!(view.contract_name)),
        ("contractType", json!(view.contract_type)),
        ("starts", day(&view.date_start, wish)),
        ("ends", day(&view.date_end, wish)),
        ("currency", json!(currency)),
        ("value", super::amount_if_any(view.contract_value, currency)),
        ("words", shop.words(view.contract_value, currency, wish)),
        ("valueText", json!(amount(view.contract_value, currency))),
        ("description", json!(view.description)),
        ("services", services.collect()),
        ("staff", json!(view.owner_name)),
        ("buyer", buyer(conn, company, customer, None, wish).await?),
    ];
    data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Ok((Kind::Contract, view.contract_no, data))
}

fn frequency(frequency: i64, lang: Lang) -> &'static str {
    let (thai, english) = match frequency {
        260_001 => ("ต่อปี", "a year"),
        260_002 => ("ต่อไตรมาส", "a quarter"),
        260_003 => ("ต่อเดือน", "a month"),
        260_004 => ("ต่อสัปดาห์", "a week"),
        _ => ("ตลอดสัญญา", "in all"),
    };
    if lang == Lang::Th { thai } else { english }
}

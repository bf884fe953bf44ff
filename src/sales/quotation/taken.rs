//! A quotation that comes from another server, as it is stored there.

use db::Conn;
use serde::Deserialize;
use serde_json::Value;

use super::row::{Acceptance, Row};
use super::status::Status;
use super::write::{NAMES, blank};
use crate::http::{Code, Error, Faults, lenient};
use crate::record::{self, Actor, Outcome};
use crate::sales::taken::{self, DocumentTaken, text};
use crate::sales::{number_key, read_day};
use crate::setting::number;
use crate::time::{self, Zone};

/// What only quotations have in answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuotationTaken {
    quotation_no: Option<String>,
    quotation_status: Option<i64>,
    quotation_date: Option<String>,
    quotation_valid_until: Option<String>,
    is_expired: Option<bool>,
    revision: Option<i64>,
    sales_order_no: Option<String>,
    acceptance: Option<AcceptanceTaken>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AcceptanceTaken {
    revision: Option<i64>,
    is_accepted: Option<bool>,
    name: Option<String>,
    date: Option<String>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    reason: Option<String>,
}

impl AcceptanceTaken {
    fn read(&self, (revision, now): (i64, i64), zone: &Zone, faults: &mut Faults) -> Acceptance {
        Acceptance {
            revision: self.revision.unwrap_or(revision),
            accepted: self.is_accepted.unwrap_or_default(),
            name: self.name.clone().unwrap_or_default(),
            at: faults.time("acceptance.date", self.date.as_deref(), zone).unwrap_or(now),
            address: self.ip_address.clone().unwrap_or_default(),
            agent: self.user_agent.clone().unwrap_or_default(),
            reason: self.reason.clone(),
        }
    }
}

/// Writes a quotation as another server has it: its number, status, dates and amounts stay, nobody is told, and its approval
/// is not judged by the rules here. What can be done without is told in `left`.
pub(crate) async fn take(tx: &mut Conn, by: &Actor, record: &Value, left: &mut Faults) -> Result<Outcome, Error> {
    let common: DocumentTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let given: QuotationTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    let today = time::day_of(by.now, &zone);
    let mut faults = Faults::default();
    let number = text(given.quotation_no.as_deref()).unwrap_or_default();
    faults.required("quotationNo", &number, 50);
    let old: Option<Row> = record::held_to_take(tx, &by.caller, number_key(&number)).await?;
    let own = old.as_ref().map(|old| old.customer);
    let read = taken::read(tx, by, &common, (NAMES.lines, own), &mut faults, left).await?;
    let status = given.quotation_status.and_then(Status::of);
    if status.is_none() {
        faults.add(Code::InvalidValue, "quotationStatus", "quotationStatus must be from 1 to 7");
    }
    let dated = read_day("quotationDate", given.quotation_date.as_deref(), &zone, &mut faults);
    let until = read_day("quotationValidUntil", given.quotation_valid_until.as_deref(), &zone, &mut faults);
    let mut row = old.clone().unwrap_or_else(|| blank(by, today));
    row.status = status.unwrap_or(Status::Draft).number();
    row.dated = dated.map_or(row.dated, |day| day.to_string());
    row.valid_until = match until {
        Some(day) => day.to_string(),
        None if old.is_some() => row.valid_until,
        None => row.dated.clone(),
    };
    // What is over already is no news either: else it would be told once it is found out.
    let is_over = row.status <= Status::Sent.number() && row.valid_until < today.to_string();
    row.is_expired = given.is_expired.unwrap_or_default() || is_over;
    row.revision = given.revision.unwrap_or(row.revision).max(1);
    let accepted = given.acceptance.as_ref();
    row.acceptance = accepted.map(|one| one.read((row.revision, by.now), &zone, &mut faults));
    faults.end()?;
    row.customer = read.customer;
    (row.owner, row.staff_code) = match read.staff {
        Some((owner, code)) => (Some(owner), code),
        None => (None, String::new()),
    };
    (row.deal, row.deal_no) = read.deal.unzip();
    row.set_content(read.content);
    row.approval = read.approval;
    row.reason = read.reason;
    row.sales_order = text(given.sales_order_no.as_deref());
    row.created_at = read.made_at.unwrap_or(row.created_at);
    row.created_by = read.made_by.map_or(row.created_by, |user| user.to_string());
    if old.is_none() {
        row.id = number::next(tx, company, "quotation").await?;
        row.number_key = number_key(&number);
        row.number = number;
    }
    Ok(record::take_over(tx, by, old, row).await?.outcome)
}

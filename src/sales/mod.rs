//! Sales documents: quotations, orders, and what is common to them.

mod approval;
pub(crate) mod content;
pub mod contract;
pub mod deal;
pub mod decimal;
pub mod due;
mod entry;
mod for_deal;
pub(crate) mod order;
pub mod promptpay;
pub(crate) mod quotation;
mod report;
pub mod rules;
mod taken;
pub(crate) mod tax;
pub mod totals;
pub mod words;

use db::{Amount, Conn};
use jiff::civil::Date;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use self::content::Line;
use crate::app::App;
use crate::customer::store as customers;
use crate::http::lenient::POISON;
use crate::http::list::Lister;
use crate::http::{Caller, Code, Error, Faults};
use crate::product::stock::{self, By};
use crate::record::{Actor, Record};
use crate::search;
use crate::setting::number::{self, Pattern};
use crate::setting::profile::Setting;
use crate::staff::employee;
use crate::time::{self, Zone};

/// Characters of the reason for which a document is rejected or cancelled.
const LONGEST_REASON: usize = 1_000;

/// The routes of these resources.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(quotation::routes()).merge(order::routes()).merge(tax::routes()).merge(report::routes())
}

/// A document's number as it is compared.
pub(crate) fn number_key(number: &str) -> String {
    search::fold(search::trimmed(number))
}

/// A text that says something: blanks, and what could not be read, are none.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(search::trimmed).filter(|text| !text.is_empty() && !text.contains(POISON))
}

/// The customer that a document is for, kept from being merged or erased until the unit ends; documents of one customer
/// do not wait for each other.
async fn find_customer(
    tx: &mut Conn,
    caller: &Caller,
    code: Option<&str>,
    known: Option<i64>,
    faults: &mut Faults,
) -> Result<Option<i64>, Error> {
    let Some(code) = given(code) else { return Ok(None) };
    // Whoever merges or erases it meanwhile waits.
    let row = customers::shared_by_code(tx, caller.company, code).await?;
    let Some(row) = row.filter(|row| row.merged_into.is_none()) else {
        let found = customers::named_to_add(tx, caller, "customerCode", code, known).await;
        return Ok(faults.take(found)?.map(|customer| customer.id));
    };
    // The record's own customer may be named again, whoever looks after it.
    let is_own = known == Some(row.id);
    let is_seen = is_own || customers::is_seen(tx, caller, row.id).await?;
    if row.deleted_at.is_none() && is_seen {
        return Ok(Some(row.id));
    }
    faults.add(Code::NotFound, "customerCode", format!("customerCode “{code}” is not a known customer"));
    Ok(None)
}

/// So many customers a request may name, each of which gets a document of its own.
const MOST_CUSTOMERS: usize = 100;

/// The customers of these codes with the code that names each first, in their order and each once: two codes of one that was
/// merged are one customer. They are held as by [`find_customer`], always in the order of their numbers, so that two requests
/// do not wait for each other. Faults name `customerCodes[i]`; none at all are none.
async fn find_customers<'c>(
    tx: &mut Conn,
    caller: &Caller,
    codes: &[&'c str],
    faults: &mut Faults,
) -> Result<Vec<(customers::Row, &'c str)>, Error> {
    faults.most("customerCodes", codes.len(), MOST_CUSTOMERS);
    let mut found: Vec<(i64, usize, &str)> = Vec::new();
    for (index, code) in codes.iter().copied().enumerate().take(MOST_CUSTOMERS) {
        let field = format!("customerCodes[{index}]");
        if given(Some(code)).is_none() {
            faults.add(Code::Required, field.as_str(), format!("{field} is required"));
        } else if let Some(customer) = faults.take(customers::named(tx, caller, &field, code).await)? {
            found.push((customer.id, index, code));
        }
    }
    found.sort_unstable();
    let mut held: Vec<(usize, customers::Row, &str)> = Vec::new();
    for (_, index, code) in found {
        let field = format!("customerCodes[{index}]");
        if let Some(customer) = faults.take(customers::named_to_add(tx, caller, &field, code, None).await)? {
            held.push((index, customer, code));
        }
    }
    held.sort_unstable_by_key(|(index, _, _)| *index);
    let mut once: Vec<(customers::Row, &str)> = Vec::new();
    for (_, customer, code) in held {
        if once.iter().all(|(known, _)| known.id != customer.id) {
            once.push((customer, code));
        }
    }
    Ok(once)
}

/// The employee of a code: user id and the code in its own spelling.
async fn find_staff(
    conn: &mut Conn,
    company: i64,
    code: Option<&str>,
    faults: &mut Faults,
) -> Result<Option<(Uuid, String)>, Error> {
    let Some(code) = given(code) else { return Ok(None) };
    let found: Option<(Uuid, String)> = conn
        .sql("select id, staff_code from employee where company = $1 and staff_key = $2")
        .bind(company)
        .bind(employee::key(code))
        .optional()
        .await?;
    if found.is_none() {
        faults.add(Code::NotFound, "staffCode", format!("staffCode “{code}” is not a known employee"));
    }
    Ok(found)
}

/// A day in either era; of a moment the company's.
fn read_day(field: &str, text: Option<&str>, zone: &Zone, faults: &mut Faults) -> Option<Date> {
    let text = given(text).filter(|text| !time::is_unset(text))?;
    let day = words::read_day(text, zone);
    if day.is_none() {
        faults.add(Code::InvalidFormat, field, format!("{field} must be a day such as 2026-11-28"));
    }
    day
}

/// Whether a request leaves a day out: what is blank, and the empty date of .NET, say no more than what is absent.
fn is_no_day(text: Option<&str>) -> bool {
    given(text).is_none_or(time::is_unset)
}

/// The number of a new document: the given one, which must be free, or the next of its series, past those that were given.
async fn numbered(
    tx: &mut Conn,
    company: i64,
    (document, pattern): (&'static str, &Pattern),
    (day, branch): (Date, &str),
    given: Option<&str>,
) -> Result<String, Error> {
    if let Some(given) = given.map(search::trimmed).filter(|given| !given.is_empty()) {
        return Ok(given.to_owned());
    }
    let table = if document == "quotation" { "quotation" } else { "sales_order" };
    Ok(number::assign_free(tx, company, document, pattern, (day, branch), (table, "number_key")).await?)
}

/// A line for whatever goes beyond a draft.
fn need_lines(lines: &[Line], field: &'static str, faults: &mut Faults) {
    if lines.is_empty() {
        faults.add(Code::Required, field, format!("{field} is required: only a draft may be without lines"));
    }
}

/// 409 with each line of which more is wanted than there is, unless the company sells what it has not.
async fn short_of_stock(
    tx: &mut Conn,
    by: &Actor,
    setting: &Setting,
    lines: &[Line],
    names: &'static str,
) -> Result<(), Error> {
    if setting.allow_negative_stock {
        return Ok(());
    }
    let company = by.caller.company;
    let wanted = entry::stock_lines(tx, company, lines, names, |line| line.quantity.amount()).await?;
    stock::must_have(tx, &by_of(by), wanted).await
}

/// In whose name stock is changed.
fn by_of(by: &Actor) -> By<'_> {
    By { company: by.caller.company, actor: &by.caller.id, now: by.now }
}

/// How many of each line are handed over and not back.
fn outstanding(line: &Line) -> Option<Amount> {
    let wanted = line.quantity.amount()?;
    let kept = line.delivered.checked_sub(line.returned)?;
    wanted.checked_sub(kept)
}

/// Only documents of these days. Beside statuses, in another order than that of the days, a day is compared and not looked up
/// (`|| ''`): the index of the statuses has the order and the days, that of the days would have to be sorted.
fn of_days<R: Record>(
    list: &mut Lister<'_, R>,
    (day, from, to): (Option<String>, Option<String>, Option<String>),
    are_compared: bool,
) {
    if are_compared {
        list.equal(" and dated || '' >= ", from).equal(" and dated || '' <= ", to);
    } else {
        list.equal(" and dated >= ", from).equal(" and dated <= ", to);
    }
    list.equal(" and dated = ", day);
}

/// Only documents of this customer; the code of one that was merged leads to the survivor, where its documents are.
fn of_customer<R: Record>(list: &mut Lister<'_, R>, company: i64, code: Option<String>) {
    let Some(code) = code else { return };
    let key = customers::key(&code);
    list.only(
        &[" and customer in (select coalesce(merged_into, id) from customer where company = ", " and code_key = ", ")"],
        vec![company.into(), key.into()],
    );
}

/// Only documents of this salesperson.
fn of_staff<R: Record>(list: &mut Lister<'_, R>, company: i64, code: Option<String>) {
    let Some(code) = code else { return };
    let key = employee::key(&code);
    list.only(
        &[" and owner in (select id from employee where company = ", " and staff_key = ", ")"],
        vec![company.into(), key.into()],
    );
}

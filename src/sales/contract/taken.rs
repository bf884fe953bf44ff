//! A contract that comes from another server, as it is stored there. One that holds goes on here: its visits become tasks and
//! its owner is reminded, from the day after it came.

use db::{Amount, Conn};
use serde::Deserialize;
use serde_json::Value;

use super::put::{blank, number_key};
use super::row::{ACTIVE, CANCELLED, COMPLETED, OPEN, Row};
use super::run;
use super::service::{self, Service};
use crate::http::{Code, Error, Faults, lenient};
use crate::job::{self, Kind};
use crate::record::{self, Actor, Outcome};
use crate::sales::find_customer;
use crate::sales::taken::text;
use crate::setting::list::List;
use crate::setting::{choice, number};
use crate::staff::employee::key;
use crate::staff::known;
use crate::time::{self, Zone};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A contract in answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContractTaken {
    contract_no: Option<String>,
    contract_type: Option<String>,
    contract_name: Option<String>,
    status_id: Option<i64>,
    owner: Option<String>,
    date_start: Option<String>,
    date_end: Option<String>,
    contract_value: Option<Amount>,
    contract_services: Option<Vec<ServiceTaken>>,
    attachments: Option<Vec<FileTaken>>,
    customer_code: Option<String>,
    description: Option<String>,
    remind_days_before_end: Option<i64>,
    date_cancelled: Option<String>,
    cancel_reason: Option<String>,
    created_by_user_id: Option<String>,
    date_created: Option<String>,
    date_modified: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceTaken {
    subject: Option<String>,
    frequency: Option<i64>,
    number_of_times: Option<i64>,
    agreement_note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileTaken {}

/// Writes a contract as another server has it: its number, value and dates stay, and nobody is told. Files are told in `left`.
pub(crate) async fn take(tx: &mut Conn, by: &Actor, record: &Value, left: &mut Faults) -> Result<Outcome, Error> {
    let given: ContractTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    let mut faults = Faults::default();
    let number = text(given.contract_no.as_deref()).unwrap_or_default();
    faults.required("contractNo", &number, 50);
    let own: Option<i64> = tx
        .sql("select customer from contract where company = $1 and number_key = $2")
        .bind(company)
        .bind(number_key(&number))
        .optional()
        .await?;
    let customer = find_customer(tx, &by.caller, given.customer_code.as_deref(), own, &mut faults).await?;
    if customer.is_none() {
        faults.add(Code::Required, "customerCode", "customerCode is required");
    }
    let old: Option<Row> = record::held_to_take(tx, &by.caller, number_key(&number)).await?;
    let mut row = old.clone().unwrap_or_else(|| blank(by));
    row.customer = customer.unwrap_or(row.customer);
    fill(&mut row, &given, &zone, &mut faults);
    names(tx, &mut row, &given, &mut faults).await?;
    set_status(&mut row, &given, by.now, &zone, &mut faults);
    service::check(&row, &zone, &mut faults);
    faults.end()?;
    let files = given.attachments.as_ref().map_or(0, Vec::len);
    if files > 0 {
        left.add(Code::NotFound, "attachments", format!("attachments: {files} files are not copied"));
    }
    if old.is_none() {
        row.id = number::next(tx, company, "contract").await?;
        row.number_key = number_key(&number);
        row.number = number;
    }
    for service in row.services.iter_mut().flatten().filter(|service| service.id == 0) {
        service.id = number::next(tx, company, "contract-service").await?;
    }
    let saved = record::take_over(tx, by, old, row).await?;
    if saved.outcome != Outcome::Unchanged {
        service::schedule(tx, &saved.row, by.now, &zone).await?;
        run::call_off(tx, by, &saved.row, &zone).await?;
        if [OPEN, ACTIVE].contains(&saved.row.status) {
            // Whoever moves looks first; only a day on which it begins or ends comes sooner.
            let moments = [saved.row.starts_at, saved.row.last_moment(&zone) + 1];
            let next = moments.into_iter().filter(|at| *at > by.now).min().unwrap_or(by.now + DAY);
            let at = next.min(by.now + DAY);
            job::enqueue(tx, company, Kind::Contract, &saved.row.id.to_string(), at).await?;
        }
    }
    Ok(saved.outcome)
}

fn fill(row: &mut Row, given: &ContractTaken, zone: &Zone, faults: &mut Faults) {
    // A server that tells no name has one by its number.
    let name = text(given.contract_name.as_deref()).or_else(|| text(given.contract_no.as_deref()));
    row.name = name.unwrap_or_default();
    faults.longest("contractName", &row.name, 300);
    row.name_key = crate::search::fold(&row.name);
    row.value = given.contract_value.filter(|value| *value != Amount::ZERO);
    row.description = text(given.description.as_deref());
    row.starts_at = faults.time("dateStart", given.date_start.as_deref(), zone).unwrap_or(row.starts_at);
    row.ends_at = faults.time("dateEnd", given.date_end.as_deref(), zone).unwrap_or(row.ends_at);
    if row.last_moment(zone) < row.starts_at {
        faults.add(Code::InvalidValue, "dateEnd", "dateEnd is before dateStart");
    }
    faults.range("remindDaysBeforeEnd", given.remind_days_before_end, 0..=3650);
    row.remind_days = given.remind_days_before_end.unwrap_or(row.remind_days);
    row.created_at = faults.time("dateCreated", given.date_created.as_deref(), zone).unwrap_or(row.created_at);
    let mut known = row.services.take().unwrap_or_default();
    let mut services = Vec::new();
    for (index, one) in given.contract_services.iter().flatten().enumerate() {
        let write = service::ServiceWrite {
            subject: one.subject.as_deref(),
            frequency: one.frequency,
            times: one.number_of_times,
            note: one.agreement_note.as_deref(),
        };
        let read = write.read(&format!("contractServices[{index}]."), faults);
        // That of the same subject is the same agreement.
        let id = match known.iter().position(|known| known.subject == read.subject) {
            Some(at) => known.remove(at).id,
            None => 0,
        };
        services.push(Service { id, ..read });
    }
    row.services = Some(services).filter(|services| !services.is_empty());
}

/// The type, which is made when it is new, and the owner, who must be here.
async fn names(tx: &mut Conn, row: &mut Row, given: &ContractTaken, faults: &mut Faults) -> Result<(), Error> {
    match text(given.contract_type.as_deref()).filter(|kind| List::ContractTypes.takes(kind)) {
        Some(kind) => row.kind = choice::ensure(tx, row.company, List::ContractTypes, &kind).await?.id,
        None => faults.add(Code::Required, "contractType", "contractType is required"),
    }
    let owner = text(given.owner.as_deref());
    let people = owner.as_deref().into_iter().chain(given.created_by_user_id.as_deref());
    let people = known::by_codes(tx, row.company, people).await?;
    match &owner {
        None => faults.add(Code::Required, "owner", "owner is required"),
        Some(code) => match people.get(&key(code)) {
            Some(known) => row.owner = known.id,
            None => faults.add(Code::NotFound, "owner", format!("owner “{code}” is not a known employee")),
        },
    }
    if let Some(user) = known::maker(&people, given.created_by_user_id.as_deref()) {
        row.created_by = user.to_string();
    }
    Ok(())
}

/// One that has ended there has ended; what else it is its dates say. An end that is near was told of there.
fn set_status(row: &mut Row, given: &ContractTaken, now: i64, zone: &Zone, faults: &mut Faults) {
    let cancelled = faults.time("dateCancelled", given.date_cancelled.as_deref(), zone);
    let is_cancelled = cancelled.is_some() || given.status_id == Some(CANCELLED);
    let changed = given.date_modified.as_deref().and_then(|text| time::read(text, zone));
    row.cancelled_at = is_cancelled.then(|| cancelled.or(row.cancelled_at).or(changed).unwrap_or(now));
    row.cancel_reason = text(given.cancel_reason.as_deref());
    row.status = match given.status_id {
        Some(COMPLETED) if !is_cancelled => COMPLETED,
        _ => row.status_at(now, zone),
    };
    if row.remind_days > 0 && now >= row.remind_at(zone) {
        row.reminded_of = Some(row.ends_at);
    }
}

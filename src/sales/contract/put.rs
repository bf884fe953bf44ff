//! Writing a contract: what was asked for becomes a row, and what follows from it is scheduled.

use db::Conn;
use uuid::Uuid;

use super::row::{OPEN, Row};
use super::service::{self, Service, ServiceWrite};
use super::{ContractServiceAgreementWrite, ContractWrite, run};
use crate::customer::store as customers;
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults};
use crate::job::{self, Kind};
use crate::record::{self, Actor, Outcome, Saved};
use crate::setting::list::List;
use crate::setting::{choice, number};
use crate::staff::employee::key;
use crate::staff::known;
use crate::time::Zone;
use crate::{search, time};

/// Days before its end at which the owner of a contract is reminded, unless told.
const REMIND: i64 = 30;

/// A number as it is compared.
pub(super) fn number_key(number: &str) -> String {
    search::fold(search::trimmed(number))
}

/// Whether a text stands in for one that could not be read, whose fault is known.
pub(super) fn is_stand_in(text: &str) -> bool {
    text.contains('\0')
}

/// A contract of which nothing is known yet.
pub(super) fn blank(by: &Actor) -> Row {
    Row {
        company: by.caller.company,
        id: 0,
        number: String::new(),
        number_key: String::new(),
        name: String::new(),
        name_key: String::new(),
        kind: 0,
        customer: 0,
        owner: Uuid::nil(),
        starts_at: by.now,
        ends_at: by.now,
        value: None,
        description: None,
        services: None,
        status: OPEN,
        cancelled_at: None,
        cancel_reason: None,
        remind_days: REMIND,
        reminded_of: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: by.caller.id.clone(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    }
}

/// The contract of this number, held; none when there is none.
async fn held(tx: &mut Conn, by: &Actor, number: &str, conditions: &Conditions) -> Result<Option<Row>, Error> {
    if is_stand_in(number) {
        return Ok(None);
    }
    match record::held(tx, &by.caller, "number_key", number_key(number), conditions).await {
        Ok(row) => Ok(Some(row)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a contract, or changes the one of the given number; a number that is not known becomes that of a new one.
pub(super) async fn put(
    tx: &mut Conn,
    by: &Actor,
    input: &ContractWrite,
    conditions: &Conditions,
    mut faults: Faults,
) -> Result<Saved<Row>, Error> {
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    // The customer is held before the contract: a merge goes the same way.
    let code = input.customer_code.as_deref().unwrap_or_default();
    let customer = match code.trim().is_empty() {
        true => None,
        false => faults.take(
            customers::named_to_add(tx, &Caller::acting(company, &by.caller.id), "customerCode", code, None).await,
        )?,
    };
    let given = input.contract_no.as_deref().map(search::trimmed).filter(|number| !number.is_empty());
    if let Some(number) = given.filter(|_| customer.is_none()) {
        hold_customer(tx, company, number).await?;
    }
    let old = match given {
        Some(number) => held(tx, by, number, conditions).await?,
        None => None,
    };
    if let Some(old) = old.as_ref().filter(|old| old.cancelled_at.is_some()) {
        let message = format!("{} is cancelled and can no longer be changed", old.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "contractNo", message)));
    }
    let mut row = old.clone().unwrap_or_else(|| blank(by));
    if let Some(customer) = customer {
        // Only now it is known whether the contract is this customer's already.
        if row.customer != customer.id && !customers::is_seen(tx, &by.caller, customer.id).await? {
            faults.add(
                Code::NotFound,
                "customerCode",
                format!("customerCode “{}” is not a known customer", code.trim()),
            );
        }
        row.customer = customer.id;
    }
    if let Some(number) = given.filter(|_| old.is_none()) {
        faults.path_part("contractNo", number, &super::PATH_WORDS);
    }
    fill(tx, &mut row, input, old.is_none(), &mut faults, &zone).await?;
    if let Some(written) = input.contract_service.as_ref() {
        let write = ServiceWrite {
            subject: written.subject.as_deref(),
            frequency: written.frequency,
            times: written.number_of_times,
            note: written.agreement_note.as_deref(),
        };
        let read = write.read("contractService.", &mut faults);
        take_in(&mut row, read);
        faults.most("contractService", row.services.as_ref().map_or(0, Vec::len), 100);
    }
    service::check(&row, &zone, &mut faults);
    faults.end()?;
    if old.is_none() {
        row.id = number::next(tx, company, "contract").await?;
        row.number = match given {
            Some(number) => search::seen(number),
            None => number::of_record(tx, company, "contract", ("contract", "number_key"), by.now).await?,
        };
        row.number_key = number_key(&row.number);
    }
    save(tx, by, old, row, &zone, None).await
}

async fn fill(
    tx: &mut Conn,
    row: &mut Row,
    input: &ContractWrite,
    is_new: bool,
    faults: &mut Faults,
    zone: &Zone,
) -> Result<(), Error> {
    let mut text = |field: &str, text: &Option<String>, longest: usize| {
        let text = text.as_deref().map(search::trimmed);
        let text = text.map(|text| if time::is_unset(text) { "" } else { text });
        if let Some(text) = text.or_else(|| is_new.then_some("")) {
            faults.required(field, text, longest);
        }
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    if let Some(name) = text("contractName", &input.contract_name, 300) {
        row.name_key = search::fold(&name);
        row.name = name;
    }
    let kind = text("contractType", &input.contract_type, 200);
    text("customerCode", &input.customer_code, 50);
    let owner = text("owner", &input.owner, 100);
    let (start, end) = (text("dateStart", &input.date_start, 50), text("dateEnd", &input.date_end, 50));
    row.starts_at = faults.time("dateStart", start.as_deref(), zone).unwrap_or(row.starts_at);
    row.ends_at = faults.time("dateEnd", end.as_deref(), zone).unwrap_or(row.ends_at);
    if row.last_moment(zone) < row.starts_at {
        faults.add(Code::InvalidValue, "dateEnd", "dateEnd is before dateStart");
    }
    if let Some(number) = input.contract_no.as_deref() {
        faults.longest("contractNo", search::trimmed(number), 50);
        if number.contains('/') {
            faults.add(Code::InvalidFormat, "contractNo", "contractNo must not contain a slash");
        }
    }
    row.value = input.contract_value.clone().over(row.value);
    let largest = 1_000_000_000_000_000;
    if row.value.is_some_and(|value| !(0..=largest).contains(&value.units())) {
        faults.add(Code::OutOfRange, "contractValue", format!("contractValue must be from 0 to {}", largest / 10_000));
    }
    row.description = faults.text("description", &input.description, row.description.take(), 10_000);
    faults.range("remindDaysBeforeEnd", input.remind_days_before_end, 0..=3650);
    row.remind_days = input.remind_days_before_end.unwrap_or(row.remind_days);
    if let Some(kind) = kind.filter(|kind| !is_stand_in(kind) && List::ContractTypes.takes(kind)) {
        row.kind = choice::ensure(tx, row.company, List::ContractTypes, &kind).await?.id;
    }
    if let Some(owner) = owner {
        match known::by_codes(tx, row.company, [owner.as_str()]).await?.get(&key(&owner)) {
            Some(known) => row.owner = known.id,
            None => faults.add(Code::NotFound, "owner", format!("owner “{owner}” is not a known employee")),
        }
    }
    Ok(())
}

/// An agreement that comes with a contract: that of the same subject is changed, any other is added.
fn take_in(row: &mut Row, read: Service) {
    let services = row.services.get_or_insert_default();
    let same = |known: &&mut Service| known.subject.to_lowercase() == read.subject.to_lowercase();
    match services.iter_mut().find(same) {
        Some(known) => *known = Service { id: known.id, ..read },
        None => services.push(read),
    }
}

/// Adds an agreement to a contract, or changes the one of the given id.
pub(super) async fn put_service(
    tx: &mut Conn,
    by: &Actor,
    input: &ContractServiceAgreementWrite,
    mut faults: Faults,
) -> Result<(Saved<Row>, i64), Error> {
    let number = input.contract_no.as_deref().unwrap_or_default();
    faults.required("contractNo", number, 50);
    let write = ServiceWrite {
        subject: input.subject.as_deref(),
        frequency: input.frequency,
        times: input.number_of_times,
        note: input.agreement_note.as_deref(),
    };
    let read = write.read("", &mut faults);
    let id = input.contract_service_id.filter(|id| *id != 0);
    hold_customer(tx, by.caller.company, number).await?;
    let old = held(tx, by, number, &Conditions::default()).await?;
    let Some(old) = old else {
        if !number.trim().is_empty() {
            faults.add(Code::NotFound, "contractNo", format!("contractNo “{number}” is not a known contract"));
        }
        faults.end()?;
        return Err(Error::NotFound("contract"));
    };
    if old.cancelled_at.is_some() {
        let message = format!("{} is cancelled and cannot get more agreements", old.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "contractNo", message)));
    }
    let zone = time::zone(tx, old.company).await?;
    let mut row = old.clone();
    let services = row.services.get_or_insert_default();
    match id {
        None => services.push(read),
        Some(id) => match services.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = Service { id, ..read },
            None => {
                let message = format!("contractServiceId {id} is not an agreement of {}", old.number);
                faults.add(Code::NotFound, "contractServiceId", message);
            }
        },
    }
    faults.most("contractServices", row.services.as_ref().map_or(0, Vec::len), 100);
    service::check(&row, &zone, &mut faults);
    faults.end()?;
    let saved = save(tx, by, Some(old), row, &zone, None).await?;
    let last = saved.row.services.iter().flatten().next_back().map(|service| service.id);
    Ok((saved, id.or(last).unwrap_or_default()))
}

/// Holds the customer of a contract, which comes before the contract itself: its visits become tasks of the customer.
pub(super) async fn hold_customer(tx: &mut Conn, company: i64, number: &str) -> Result<(), Error> {
    if is_stand_in(number) {
        return Ok(());
    }
    let customer: Option<i64> = tx
        .sql("select customer from contract where company = $1 and number_key = $2")
        .bind(company)
        .bind(number_key(number))
        .optional()
        .await?;
    if let Some(customer) = customer {
        customers::hold(tx, company, customer).await?;
    }
    Ok(())
}

/// Ends a contract before its time.
pub(super) async fn cancel(tx: &mut Conn, by: &Actor, old: Row, reason: Option<String>) -> Result<Saved<Row>, Error> {
    let zone = time::zone(tx, old.company).await?;
    if old.cancelled_at.is_some() || old.status_at(by.now, &zone) == super::row::COMPLETED {
        let message = format!("{} has already ended", old.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "statusId", message)));
    }
    let mut row = old.clone();
    (row.cancelled_at, row.cancel_reason) = (Some(by.now), reason);
    save(tx, by, Some(old), row, &zone, Some("Cancelled")).await
}

/// Saves a contract with the status that its dates give it, its visits, and the work that is due one day.
pub(super) async fn save(
    tx: &mut Conn,
    by: &Actor,
    old: Option<Row>,
    mut row: Row,
    zone: &Zone,
    name: Option<&'static str>,
) -> Result<Saved<Row>, Error> {
    row.status = row.status_at(by.now, zone);
    for service in row.services.iter_mut().flatten().filter(|service| service.id == 0) {
        service.id = number::next(tx, row.company, "contract-service").await?;
    }
    let name = name.unwrap_or(if old.is_some() { "Updated" } else { "Created" });
    let planned = |row: &Row| (row.services.clone(), row.starts_at, row.last_moment(zone), row.cancelled_at);
    let before = old.as_ref().map(planned);
    let saved = record::save_as(tx, by, old, row, name).await?;
    if saved.outcome != Outcome::Unchanged {
        if before != Some(planned(&saved.row)) {
            service::schedule(tx, &saved.row, by.now, zone).await?;
            run::call_off(tx, by, &saved.row, zone).await?;
        }
        wake(tx, &saved.row, by.now).await?;
    }
    Ok(saved)
}

/// Lets the job of a contract look at it now; it finds out by itself when to look again.
pub(super) async fn wake(tx: &mut Conn, row: &Row, now: i64) -> Result<(), db::Error> {
    let key = row.id.to_string();
    job::enqueue(tx, row.company, Kind::Contract, &key, now).await?;
    job::hasten(tx, row.company, Kind::Contract, [key], now).await
}

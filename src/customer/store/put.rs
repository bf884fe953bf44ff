//! Creating or updating a customer: what is asked for is judged, then the record is drafted and saved.

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde_json::{Value, json};

use super::save::{insert, link, take_name};
use super::{Links, Row, announce, by_code, exactly, hold, hold_code, links_of, must_see, update};
use crate::audit::{self, Change};
use crate::customer::input::{self, CustomerWrite, Profile};
use crate::customer::{erased, identity};
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults, Patch};
use crate::record::Outcome;
use crate::setting::list::List;
use crate::setting::number::{self, Pattern};
use crate::setting::profile::{self, Setting};
use crate::setting::{choice, tax};
use crate::staff::employee;
use crate::{search, time};

/// What was written, and what looks wrong though it was taken.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) row: Row,
    pub(crate) outcome: Outcome,
    pub(crate) warnings: Vec<String>,
}

/// As much of a new customer as another resource knows.
#[derive(Debug)]
pub(crate) struct Introduction<'a> {
    /// The code; the next one when it is absent.
    pub(crate) code: Option<&'a str>,
    /// The name, which nobody has.
    pub(crate) name: &'a str,
    /// 1 lead, 2 prospect, 3 customer.
    pub(crate) state: i64,
    /// 1 business, 2 individual.
    pub(crate) kind: Option<i64>,
}

/// Creates a customer that another resource names for the first time.
pub(crate) async fn introduce(tx: &mut Conn, caller: &Caller, new: &Introduction<'_>, now: i64) -> Result<Row, Error> {
    let input = CustomerWrite {
        customer_code: new.code.map(str::to_owned),
        customer_name: new.name.to_owned(),
        customer_state: new.state,
        customer_type: new.kind.map_or(Patch::Keep, Patch::Set),
        ..CustomerWrite::default()
    };
    input.check(Vec::new())?;
    Ok(put(tx, caller, &input, &Conditions::default(), now).await?.row)
}

/// Creates a customer, or updates the one whose code is given; what did not change writes nothing.
pub(crate) async fn put(
    tx: &mut Conn,
    caller: &Caller,
    input: &CustomerWrite,
    conditions: &Conditions,
    now: i64,
) -> Result<Written, Error> {
    put_as(tx, caller, input, conditions, None, now).await
}

/// [`put`] with the id that a new customer gets, where one was taken beforehand.
pub(crate) async fn put_as(
    tx: &mut Conn,
    caller: &Caller,
    input: &CustomerWrite,
    conditions: &Conditions,
    id: Option<i64>,
    now: i64,
) -> Result<Written, Error> {
    let company = caller.company;
    let setting = profile::of(tx, company).await?;
    let mut warnings = Vec::new();
    check_tax(input, &setting, &mut warnings)?;
    let given = input.customer_code.as_deref().map(search::seen).filter(|code| !code.is_empty());
    let given = given.as_deref();
    let old = match given {
        Some(code) => {
            hold_code(tx, company, code).await?;
            old(tx, company, code).await?
        }
        None => None,
    };
    if let Some(old) = &old {
        must_see(tx, caller, old.id).await?;
    }
    conditions.allow_change(old.as_ref().map(|old| old.version))?;
    let was = match &old {
        Some(old) => links_of(tx, old).await?,
        None => Links::default(),
    };
    let wanted = wanted(input, old.as_ref(), &was);
    let code = old.as_ref().map(|old| old.code.clone()).unwrap_or_default();
    let mut row = draft(input, old.as_ref(), caller, old.as_ref().map_or(0, |old| old.id), code, now);
    check_rules(&row, &wanted)?;
    // Locks are taken in one order: the record, look-up lists, running numbers.
    let choices = choose(tx, company, &wanted).await?;
    if old.is_none() {
        row.id = match id {
            Some(id) => id,
            None => number::next(tx, company, "customer").await?,
        };
        row.code = new_code(tx, company, given, input, &setting, now).await?;
    }
    row.customer_group = choices.one(List::CustomerGroups, wanted.group.as_deref());
    row.source = choices.one(List::Sources, wanted.source.as_deref());
    row.classification = choices.one(List::Classifications, wanted.classification.as_deref());
    row.reason = choices.one(List::UnqualifiedReasons, wanted.reason.as_deref());
    if old.is_none() {
        insert(tx, &row, &setting).await?;
    }
    take_name(tx, caller, old.as_ref(), &row).await?;
    warnings.extend(unknown_owners(tx, company, &wanted.owners).await?);
    let links = Links { owners: wanted.owners.clone(), ..wanted };
    let change = Change {
        company,
        reference: format!("customer/{}", row.id),
        actor: &caller.id,
        action: if old.is_some() { "updated" } else { "created" },
        at: now,
    };
    let before = old.as_ref().map_or_else(|| json!({}), |old| entered(old, &was));
    if !audit::record(tx, &change, &before, &entered(&row, &links)).await? {
        // Nothing differs: the record keeps its version, and nobody is told.
        return Ok(Written { row: old.unwrap_or(row), outcome: Outcome::Unchanged, warnings });
    }
    if old.is_some() {
        update(tx, &row, &setting).await?;
    }
    link(tx, &row, &choices, (&was, &links), old.is_none()).await?;
    identity::derive(tx, &row, &setting.country, now).await?;
    announce(tx, row.clone(), links, if old.is_some() { "Updated" } else { "Created" }, now).await?;
    let outcome = if old.is_some() { Outcome::Updated(before) } else { Outcome::Created };
    Ok(Written { row, outcome, warnings })
}

/// The record that an update is about, held until the unit ends so that two updates cannot undo each other.
async fn old(tx: &mut Conn, company: i64, code: &str) -> Result<Option<Row>, Error> {
    let Some(found) = by_code(tx, company, code).await? else { return Ok(None) };
    let changeable = |row: &Row| match (row.erased_at, row.deleted_at, row.merged_into) {
        (Some(_), ..) => Err(erased::refusal(&row.code)),
        (.., Some(_)) => Err(Error::Changed),
        (_, Some(_), _) => {
            let message = format!("Customer {} was deleted; restore it first", row.code);
            Err(Error::Conflict(Fault::new(Code::Conflict, "customerCode", message)))
        }
        _ => Ok(()),
    };
    changeable(&found)?;
    hold(tx, company, found.id).await?;
    let held = exactly(tx, company, found.id).await?;
    held.as_ref().map_or(Ok(()), changeable)?;
    Ok(held)
}

/// The tax number and branch by the rules of Thailand, where the company is there: warned of, refused when it says so.
fn check_tax(input: &CustomerWrite, setting: &Setting, warnings: &mut Vec<String>) -> Result<(), Error> {
    if setting.country != "TH" {
        return Ok(());
    }
    let mut faults = Faults::default();
    let mut judge = |ok: bool, field: &str, message: &str| {
        if !ok && setting.refuse_wrong_tax_no {
            faults.add(Code::InvalidFormat, field, message);
        } else if !ok {
            warnings.push(message.to_owned());
        }
    };
    if let Patch::Set(number) = &input.customer_tax_no {
        let ok = search::seen(number).is_empty() || tax::is_tax_number(&search::ascii_digits(&search::seen(number)));
        judge(ok, "customerTaxNo", "customerTaxNo has a wrong check digit, or not 13 digits");
    }
    if let Patch::Set(branch) = &input.branch_code {
        let ok = branch.trim().is_empty() || tax::is_branch(branch.trim());
        judge(ok, "branchCode", "branchCode must have five digits in Thailand; 00000 is the head office");
    }
    faults.end()
}

/// The names that the record will have.
fn wanted(input: &CustomerWrite, old: Option<&Row>, was: &Links) -> Links {
    let mut wanted = Links {
        group: input::text(&input.customer_group_name, was.group.as_deref()),
        source: input::text(&input.source_name, was.source.as_deref()),
        classification: input::text(&input.classification_name, was.classification.as_deref()),
        reason: input::text(&input.unqulified_reason_name, was.reason.as_deref()),
        interests: input::names(&input.interests_name, &was.interests),
        tags: input::names(&input.customer_tags, &was.tags),
        owners: input::names(&input.owners, &was.owners),
    };
    // Whoever is no unqualified lead any more has no reason for it, unless one is given.
    if old.is_some()
        && matches!(input.lead_status, Patch::Set(1 | 2 | 4))
        && !matches!(input.unqulified_reason_name, Patch::Set(_))
    {
        wanted.reason = None;
    }
    wanted
}

/// The code of a new customer: as given, or the next free one of its kind.
async fn new_code(
    tx: &mut Conn,
    company: i64,
    given: Option<&str>,
    input: &CustomerWrite,
    setting: &Setting,
    now: i64,
) -> Result<String, Error> {
    if let Some(code) = given {
        return Ok(code.to_owned());
    }
    let (name, prefix) = match input.customer_state {
        1 => ("lead", "L"),
        2 => ("prospect", "P"),
        _ => ("customer", "C"),
    };
    let pattern = setting.numbers.get(name).cloned().unwrap_or_else(|| Pattern::code(prefix));
    let zone = time::zone(tx, company).await?;
    let today = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone).date();
    // Somebody may have given this code by hand.
    Ok(number::assign_free(tx, company, name, &pattern, (today, ""), ("customer", "code_key")).await?)
}

fn draft(input: &CustomerWrite, old: Option<&Row>, caller: &Caller, id: i64, code: String, now: i64) -> Row {
    let nothing = Profile::default();
    let text =
        |patch: &Patch<String>, was: Option<&Option<String>>| input::text(patch, was.and_then(|was| was.as_deref()));
    // Numbers and addresses have nothing in them that cannot be seen.
    let seen = |patch: &Patch<String>, was: Option<&Option<String>>| text(patch, was).map(|text| search::seen(&text));
    let moved = old.is_none_or(|old| old.state != input.customer_state);
    let usual = if input.customer_state == 1 { 1 } else { 4 };
    Row {
        company: caller.company,
        id,
        code,
        name: search::trimmed(&input.customer_name).to_owned(),
        state: input.customer_state,
        status: input.customer_status.clone().over(old.map(|old| old.status)).unwrap_or(0),
        kind: input.customer_type.clone().over(old.and_then(|old| old.kind)),
        lead_status: input.lead_status.clone().over(old.filter(|_| !moved).map(|old| old.lead_status)).unwrap_or(usual),
        customer_group: None,
        source: None,
        classification: None,
        reason: None,
        tax_no: seen(&input.customer_tax_no, old.map(|old| &old.tax_no)),
        branch: text(&input.branch_code, old.map(|old| &old.branch)),
        phone: seen(&input.customer_phone, old.map(|old| &old.phone)),
        mobile: seen(&input.customer_mobile, old.map(|old| &old.mobile)),
        email: seen(&input.customer_email, old.map(|old| &old.email)),
        profile: input.profile(old.map_or(&nothing, |old| &old.profile)),
        created_by: old.map_or_else(|| caller.id.clone(), |old| old.created_by.clone()),
        created_at: old.map_or(now, |old| old.created_at),
        modified_by: caller.id.clone(),
        modified_at: now,
        version: old.map_or(1, |old| old.version + 1),
        deleted_at: None,
        merged_into: None,
        erased_at: None,
    }
}

/// The rules that need the whole record: what a status asks for beside itself.
fn check_rules(row: &Row, links: &Links) -> Result<(), Error> {
    let mut faults = Faults::default();
    if row.status != 0 && row.profile.note.is_none() {
        faults.add(Code::Required, "customerNote", "customerNote is required with customerStatus 1 or 2");
    }
    if row.state == 1 && row.lead_status == 3 {
        if links.reason.is_none() {
            let message = "unqulifiedReasonName is required for a lead with leadStatus 3";
            faults.add(Code::Required, "unqulifiedReasonName", message);
        }
        if row.profile.reason_note.is_none() {
            let message = "unqulifiedReasonNote is required for a lead with leadStatus 3";
            faults.add(Code::Required, "unqulifiedReasonNote", message);
        }
    }
    faults.end()
}

/// Entries of look-up lists, by list and name.
pub(super) struct Choices(HashMap<(&'static str, String), i64>);

impl Choices {
    pub(super) fn one(&self, list: List, name: Option<&str>) -> Option<i64> {
        self.0.get(&(list.path(), choice::key(name?))).copied()
    }
}

/// The entries that a record names, in one statement; those that are new are made.
async fn choose(tx: &mut Conn, company: i64, wanted: &Links) -> Result<Choices, Error> {
    let single = [
        (List::CustomerGroups, &wanted.group),
        (List::Sources, &wanted.source),
        (List::Classifications, &wanted.classification),
        (List::UnqualifiedReasons, &wanted.reason),
    ];
    let single = single.into_iter().filter_map(|(list, name)| Some((list, name.as_deref()?)));
    let interests = wanted.interests.iter().map(|name| (List::Interests, name.as_str()));
    let tags = wanted.tags.iter().map(|name| (List::Tags, name.as_str()));
    let names: Vec<(List, &str)> = single.chain(interests).chain(tags).collect();
    choice::ensure_all(tx, company, &names).await.map(Choices)
}

/// A warning for each owner who is no employee yet.
async fn unknown_owners(conn: &mut Conn, company: i64, owners: &[String]) -> Result<Vec<String>, Error> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted = Rows::new(&[("staff_key", Type::Text)]);
    for owner in owners {
        wanted.push([employee::key(owner).into()]);
    }
    let known: Vec<String> = conn
        .sql("select employee.staff_key from ")
        .push_rows(&wanted)
        .push(" as input cross join employee where employee.staff_key = input.staff_key and employee.company = ")
        .push_bind(company)
        .all()
        .await?;
    let unknown = owners.iter().filter(|owner| !known.contains(&employee::key(owner)));
    Ok(unknown.map(|owner| format!("owners: {owner} is not a known employee yet")).collect())
}

/// What the audit trail compares: what people entered.
pub(crate) fn entered(row: &Row, links: &Links) -> Value {
    let profile = &row.profile;
    json!({
        "customerCode": row.code, "customerName": row.name, "customerState": row.state, "customerStatus": row.status,
        "customerType": row.kind, "customerPicture": profile.picture, "customer2ndName": profile.second_name,
        "customerAliases": profile.aliases, "customerTaxNo": row.tax_no, "branchCode": row.branch,
        "customerPhone": row.phone, "customerMobile": row.mobile, "customerEmail": row.email,
        "customerPosition": profile.position, "customerGender": profile.gender,
        "customerMaritalStatus": profile.marital_status, "customerBirthdate": profile.birthdate,
        "customerIncome": profile.income, "creditLimit": profile.credit_limit, "addresses": profile.addresses,
        "sourceName": links.source, "customerGroupName": links.group, "leadStatus": row.lead_status,
        "unqulifiedReasonName": links.reason, "unqulifiedReasonNote": profile.reason_note,
        "interestsName": links.interests, "customerTags": links.tags, "classificationName": links.classification,
        "contacts": profile.contacts, "customerSocialAccount": profile.social, "customFields": profile.custom_fields,
        "customerNote": profile.note, "owners": links.owners,
    })
}

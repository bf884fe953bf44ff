//! An expense that comes from another server, as it is stored there, with its steps of approval and its log.

use std::collections::HashMap;

use db::{Amount, Conn};
use serde::Deserialize;
use serde_json::Value;

use super::line::{self, KINDS, Limit, Line};
use super::put::{approver, blank, link};
use super::row::{APPROVED, CANCELLED, Entry, REJECTED, Row, State, WAITING};
use crate::http::{Code, Error, Faults, lenient};
use crate::record::{self, Actor, Outcome};
use crate::search;
use crate::setting::choice;
use crate::setting::list::List;
use crate::setting::number;
use crate::staff::employee::key;
use crate::staff::known::{self, Known};
use crate::time::{self, Zone};

/// An expense in answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpenseTaken {
    expense_no: Option<String>,
    status_id: Option<i64>,
    date_transaction: Option<String>,
    staff_code: Option<String>,
    subject: Option<String>,
    remark: Option<String>,
    reason: Option<String>,
    total: Option<Amount>,
    total_baht: Option<Amount>,
    total_to_pay: Option<Amount>,
    activity_id: Option<i64>,
    approve_levels: Option<i64>,
    waiting_approve_by_user_id: Option<String>,
    waiting_approve_by_rank_no: Option<i64>,
    approved_by_user_id: Option<String>,
    date_approved: Option<String>,
    expense_details: Option<Vec<DetailTaken>>,
    expense_states: Option<Vec<StateTaken>>,
    activity_logs: Option<Vec<LogTaken>>,
    attachments: Option<Vec<FileTaken>>,
    created_by_user_id: Option<String>,
    date_created: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailTaken {
    expense_type_id: Option<i64>,
    category_id: Option<i64>,
    amount: Option<Amount>,
    amount1: Option<Amount>,
    night: Option<i64>,
    miles_start: Option<i64>,
    miles_end: Option<i64>,
    training_title: Option<String>,
    hours: Option<i64>,
    minutes: Option<i64>,
    taxi: Option<Amount>,
    tollway: Option<Amount>,
    parking: Option<Amount>,
    person: Option<i64>,
    note: Option<String>,
    used_fuel_card: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateTaken {
    status_id: Option<i64>,
    approve_level: Option<i64>,
    created_by_user_id: Option<String>,
    date_created: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogTaken {
    comment: Option<String>,
    log_type: Option<i64>,
    status: Option<i64>,
    created_by_user_id: Option<String>,
    date_created: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileTaken {}

/// Who and when, of whatever was done.
struct Told<'a> {
    people: &'a HashMap<String, Known>,
    zone: &'a Zone,
    by: &'a Actor,
}

impl Told<'_> {
    fn who(&self, name: Option<&str>) -> String {
        name.map_or_else(|| self.by.caller.id.clone(), |name| known::told(self.people, name))
    }

    fn when(&self, text: Option<&str>, otherwise: i64) -> i64 {
        text.and_then(|text| time::read(text, self.zone)).unwrap_or(otherwise)
    }
}

/// Writes an expense as another server has it: its number, status, amounts and steps of approval stay, and nobody is told.
/// What can be done without is told in `left`.
pub(crate) async fn take(tx: &mut Conn, by: &Actor, record: &Value, left: &mut Faults) -> Result<Outcome, Error> {
    let given: ExpenseTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    let mut faults = Faults::default();
    let number = given.expense_no.as_deref().map(search::trimmed).unwrap_or_default();
    faults.required("expenseNo", number, 50);
    let old: Option<Row> = record::held_to_take(tx, &by.caller, search::fold(number)).await?;
    let mut row = old.clone().unwrap_or_else(|| blank(by));
    let people = known::by_codes(tx, company, given.people()).await?;
    let told = Told { people: &people, zone: &zone, by };
    fill(&mut row, &given, &told, &mut faults);
    row.lines = lines(&given, &row.lines, &mut faults);
    faults.end()?;
    leave(&given, left);
    let limits = choice::all(tx, company, List::ExpenseLimits).await?;
    let limits: Vec<Limit> = limits.iter().filter(|one| one.is_active).filter_map(Limit::of).collect();
    // What was claimed there is not refused for a limit here.
    let levels = line::judge(&mut row.lines, &limits, &mut Faults::default());
    row.levels = given.approve_levels.unwrap_or(levels).max(1);
    let (total, to_pay) = line::totals(&row.lines);
    row.total = given.total.or(given.total_baht).unwrap_or(Amount::from_units(total));
    row.to_pay = given.total_to_pay.unwrap_or(Amount::from_units(to_pay));
    if old.is_none() {
        row.id = number::next(tx, company, "expense").await?;
        row.number = number.to_owned();
        row.number_key = search::fold(number);
    }
    for line in row.lines.iter_mut().filter(|line| line.id == 0) {
        line.id = number::next(tx, company, "expense-line").await?;
    }
    history(tx, &mut row, &given, &told).await?;
    let waits_for = given.waiting_approve_by_user_id.as_deref().filter(|_| row.status == WAITING);
    row.waits_for = match known::maker(&people, waits_for) {
        Some(user) => Some(user),
        None => approver(tx, &row).await?,
    };
    let was = old.as_ref().map(|old| old.lines.clone());
    let saved = record::take_over(tx, by, old, row).await?;
    if saved.outcome != Outcome::Unchanged && was.as_ref() != Some(&saved.row.lines) {
        link(tx, &saved.row, was.is_some()).await?;
    }
    Ok(saved.outcome)
}

impl ExpenseTaken {
    /// Everybody whom it names.
    fn people(&self) -> Vec<&str> {
        let states = self.expense_states.iter().flatten().map(|state| &state.created_by_user_id);
        let log = self.activity_logs.iter().flatten().map(|entry| &entry.created_by_user_id);
        let own =
            [&self.staff_code, &self.waiting_approve_by_user_id, &self.approved_by_user_id, &self.created_by_user_id];
        own.into_iter().chain(states).chain(log).filter_map(Option::as_deref).collect()
    }
}

/// What is not copied with an expense.
fn leave(given: &ExpenseTaken, left: &mut Faults) {
    if let Some(id) = given.activity_id.filter(|id| *id != 0) {
        left.add(Code::NotFound, "activityId", format!("activityId {id}: activities are not copied"));
    }
    let files = given.attachments.as_ref().map_or(0, Vec::len);
    if files > 0 {
        left.add(Code::NotFound, "attachments", format!("attachments: {files} files are not copied"));
    }
}

fn fill(row: &mut Row, given: &ExpenseTaken, told: &Told<'_>, faults: &mut Faults) {
    let text =
        |text: &Option<String>| text.as_deref().map(search::trimmed).filter(|text| !text.is_empty()).map(str::to_owned);
    row.subject = text(&given.subject).unwrap_or_default();
    faults.longest("subject", &row.subject, 300);
    row.remark = text(&given.remark);
    row.reason = text(&given.reason);
    row.activity = None;
    row.spent_at = faults.time("dateTransaction", given.date_transaction.as_deref(), told.zone).unwrap_or(row.spent_at);
    let known = [WAITING, APPROVED, REJECTED, CANCELLED];
    match given.status_id {
        Some(status) => faults.one_of("statusId", status, &known),
        None => faults.add(Code::Required, "statusId", "statusId is required"),
    }
    row.status = given.status_id.unwrap_or(WAITING);
    (row.owner, row.team) = (None, None);
    if let Some(code) = text(&given.staff_code) {
        match told.people.get(&key(&code)) {
            Some(owner) => (row.owner, row.team) = (Some(owner.id), Some(owner.team)),
            None => faults.add(Code::NotFound, "staffCode", format!("staffCode “{code}” is not a known employee")),
        }
    }
    row.approved_by = text(&given.approved_by_user_id).map(|name| told.who(Some(&name)));
    row.approved_at = faults.time("dateApproved", given.date_approved.as_deref(), told.zone);
    row.created_at = faults.time("dateCreated", given.date_created.as_deref(), told.zone).unwrap_or(row.created_at);
    if let Some(user) = known::maker(told.people, given.created_by_user_id.as_deref()) {
        row.created_by = user.to_string();
    }
}

/// The lines as they are there; those at the same place keep their ids.
fn lines(given: &ExpenseTaken, old: &[Line], faults: &mut Faults) -> Vec<Line> {
    let units = |amount: Option<Amount>| amount.map(Amount::units);
    let mut lines = Vec::new();
    for (index, one) in given.expense_details.iter().flatten().enumerate() {
        let kind = one.expense_type_id.unwrap_or_default();
        faults.one_of(&format!("expenseDetails[{index}].expenseTypeId"), kind, &KINDS);
        lines.push(Line {
            id: old.get(index).map_or(0, |line| line.id),
            kind,
            category: one.category_id,
            amount: units(one.amount.or(one.amount1)).unwrap_or_default(),
            night: one.night,
            miles_start: one.miles_start,
            miles_end: one.miles_end,
            training_title: one.training_title.clone(),
            hours: one.hours,
            minutes: one.minutes,
            taxi: units(one.taxi),
            tollway: units(one.tollway),
            parking: units(one.parking),
            person: one.person,
            note: one.note.clone(),
            used_fuel_card: one.used_fuel_card.unwrap_or_default(),
            limit: None,
        });
    }
    lines
}

/// The steps of approval and the log. Of a server that tells none there is one: what it is now.
async fn history(tx: &mut Conn, row: &mut Row, given: &ExpenseTaken, told: &Told<'_>) -> Result<(), Error> {
    let company = row.company;
    let maker = given.created_by_user_id.as_deref();
    let mut states = Vec::new();
    for (index, one) in given.expense_states.iter().flatten().enumerate() {
        let known = row.states.get(index).map(|state| state.id);
        states.push(State {
            id: id(tx, company, "expense-state", known).await?,
            status: one.status_id.unwrap_or(row.status),
            level: one.approve_level.unwrap_or(1),
            by: told.who(one.created_by_user_id.as_deref()),
            at: told.when(one.date_created.as_deref(), row.created_at),
        });
    }
    let level = states.last().map_or(1, |state| state.level);
    row.level = given.waiting_approve_by_rank_no.unwrap_or(level).max(1);
    if states.is_empty() {
        let known = row.states.first().map(|state| state.id);
        let id = id(tx, company, "expense-state", known).await?;
        let (status, level) = (row.status, row.level);
        states.push(State { id, status, level, by: told.who(maker), at: row.created_at });
    }
    let mut log = Vec::new();
    for (index, one) in given.activity_logs.iter().flatten().enumerate() {
        let known = row.log.get(index).map(|entry| entry.id);
        log.push(Entry {
            id: id(tx, company, "expense-log", known).await?,
            kind: one.log_type.unwrap_or(2),
            status: one.status.unwrap_or(row.status),
            comment: one.comment.clone(),
            by: told.who(one.created_by_user_id.as_deref()),
            at: told.when(one.date_created.as_deref(), row.created_at),
        });
    }
    if log.is_empty() {
        let known = row.log.first().map(|entry| entry.id);
        let id = id(tx, company, "expense-log", known).await?;
        log.push(Entry { id, kind: 1, status: row.status, comment: None, by: told.who(maker), at: row.created_at });
    }
    (row.states, row.log) = (states, log);
    Ok(())
}

/// The id that it has already, or the next one.
async fn id(tx: &mut Conn, company: i64, name: &str, known: Option<i64>) -> Result<i64, Error> {
    match known {
        Some(id) => Ok(id),
        None => Ok(number::next(tx, company, name).await?),
    }
}

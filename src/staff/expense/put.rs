//! Writing an expense: what was asked for becomes a row, and each step of its approval is written down.

use db::{Amount, Conn, Rows, Type};
use uuid::Uuid;

use super::input::Wanted;
use super::line::{self, Limit, Line};
use super::row::{APPROVED, CANCELLED, Entry, REJECTED, Row, State, WAITING};
use crate::http::caller::Range;
use crate::http::{Caller, Code, Error, Fault, Faults};
use crate::record::{self, Actor, Outcome, Saved};
use crate::setting::choice;
use crate::setting::list::List;
use crate::setting::number;
use crate::staff::employee::key;
use crate::staff::known;
use crate::{search, time};

/// The most entries that the log of an expense keeps: the last ones.
const MOST_LOGGED: usize = 200;

/// What became of an expense, as its log and its events call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Created,
    Changed,
    Approved,
    Rejected,
    Cancelled,
}

impl Step {
    fn kind(self) -> i64 {
        match self {
            Step::Created => 1,
            Step::Changed => 2,
            Step::Approved => 3,
            Step::Rejected => 4,
            Step::Cancelled => 5,
        }
    }

    /// The name of its event.
    fn event(self) -> &'static str {
        match self {
            Step::Created => "Created",
            Step::Changed => "Updated",
            Step::Approved => "Approved",
            Step::Rejected => "Rejected",
            Step::Cancelled => "Cancelled",
        }
    }
}

/// The caller as an employee, when it is a person.
fn person(caller: &Caller) -> Option<Uuid> {
    match caller.range() {
        Range::Own { user } | Range::Team { user, .. } => Some(user),
        Range::All => caller.id.parse().ok(),
    }
}

/// An expense of which nothing is known yet.
pub(super) fn blank(by: &Actor) -> Row {
    Row {
        company: by.caller.company,
        id: 0,
        number: String::new(),
        number_key: String::new(),
        subject: String::new(),
        remark: None,
        owner: None,
        team: None,
        activity: None,
        spent_at: by.now,
        status: WAITING,
        level: 1,
        levels: 1,
        waits_for: None,
        approved_by: None,
        approved_at: None,
        reason: None,
        total: Amount::ZERO,
        to_pay: Amount::ZERO,
        lines: Vec::new(),
        states: Vec::new(),
        log: Vec::new(),
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: by.caller.id.clone(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    }
}

/// Creates an expense, or gives one that is held another content.
pub(super) async fn put(
    tx: &mut Conn,
    by: &Actor,
    old: Option<Row>,
    wanted: &Wanted,
    mut faults: Faults,
) -> Result<Saved<Row>, Error> {
    if let Some(old) = &old {
        old.changeable("id")?;
    }
    let mut row = old.clone().unwrap_or_else(|| blank(by));
    fill(tx, by, &mut row, old.as_ref(), wanted, &mut faults).await?;
    faults.end()?;
    if old.is_none() {
        row.id = number::next(tx, row.company, "expense").await?;
        row.number = number::of_record(tx, row.company, "expense", ("expense", "number_key"), by.now).await?;
        row.number_key = search::fold(&row.number);
    }
    for line in row.lines.iter_mut().filter(|line| line.id == 0) {
        line.id = number::next(tx, row.company, "expense-line").await?;
    }
    let step = if old.is_some() { Step::Changed } else { Step::Created };
    if row.status == REJECTED {
        (row.status, row.level, row.reason) = (WAITING, 1, None);
        state(tx, by, &mut row).await?;
    } else if old.is_none() {
        state(tx, by, &mut row).await?;
    }
    row.waits_for = approver(tx, &row).await?;
    save(tx, by, old, row, step, (by.caller.id.clone(), None)).await
}

async fn fill(
    tx: &mut Conn,
    by: &Actor,
    row: &mut Row,
    old: Option<&Row>,
    wanted: &Wanted,
    faults: &mut Faults,
) -> Result<(), Error> {
    let zone = time::zone(tx, row.company).await?;
    let subject = wanted.subject.as_deref().map(search::trimmed);
    if let Some(subject) = subject.or_else(|| old.is_none().then_some("")) {
        faults.required("subject", subject, 300);
        subject.clone_into(&mut row.subject);
    }
    row.remark = faults.text("remark", &wanted.remark, row.remark.take(), 10_000);
    row.activity = wanted.activity.clone().over(row.activity).filter(|id| *id != 0);
    row.spent_at = faults.time("dateTransaction", wanted.date.as_deref(), &zone).unwrap_or(row.spent_at);
    let code = wanted.staff_code.as_deref().filter(|code| !code.trim().is_empty());
    let owner = match code {
        Some(code) => {
            let found = known::by_codes(tx, row.company, [code]).await?;
            let found = found.get(&key(code)).cloned();
            if found.is_none() {
                faults.add(Code::NotFound, "staffCode", format!("staffCode “{code}” is not a known employee"));
            }
            found
        }
        None => match person(&by.caller).filter(|_| old.is_none()) {
            Some(user) => known::by_ids(tx, row.company, [user]).await?.remove(&user),
            None => None,
        },
    };
    if let Some(owner) = owner {
        (row.owner, row.team) = (Some(owner.id), Some(owner.team));
    }
    match &wanted.lines {
        Some(written) => {
            let known: Vec<i64> = row.lines.iter().map(|line| line.id).collect();
            let mut lines: Vec<Line> = Vec::with_capacity(written.len());
            for (index, write) in written.iter().enumerate() {
                let field = format!("ExpenseDetails[{index}]");
                let line = line::read(write, &field, faults);
                if line.id != 0 && (!known.contains(&line.id) || lines.iter().any(|other| other.id == line.id)) {
                    let field = format!("{field}.expenseDetailId");
                    faults.add(
                        Code::NotFound,
                        field.as_str(),
                        format!("{field} {} is not another line of this document", line.id),
                    );
                }
                lines.push(line);
            }
            row.lines = lines;
        }
        None if old.is_none() => {}
        None => return Ok(()),
    }
    if row.lines.is_empty() {
        faults.add(Code::Required, "ExpenseDetails", "ExpenseDetails: at least one line is required");
    }
    let limits: Vec<Limit> = choice::all(tx, row.company, List::ExpenseLimits)
        .await?
        .iter()
        .filter(|one| one.is_active)
        .filter_map(Limit::of)
        .collect();
    row.levels = line::judge(&mut row.lines, &limits, faults);
    let (total, to_pay) = line::totals(&row.lines);
    (row.total, row.to_pay) = (Amount::from_units(total), Amount::from_units(to_pay));
    Ok(())
}

/// Writes down a step of its approval.
async fn state(tx: &mut Conn, by: &Actor, row: &mut Row) -> Result<(), Error> {
    let id = number::next(tx, row.company, "expense-state").await?;
    row.states.push(State { id, status: row.status, level: row.level, by: by.caller.id.clone(), at: by.now });
    Ok(())
}

/// The employee who is expected to approve it: the superior so many levels above the one who claims, as far as there is one.
pub(super) async fn approver(tx: &mut Conn, row: &Row) -> Result<Option<Uuid>, Error> {
    let Some(owner) = row.owner.filter(|_| row.status == WAITING) else { return Ok(None) };
    let mut at = owner;
    for _ in 0..row.level.min(20) {
        match known::by_ids(tx, row.company, [at]).await?.remove(&at).and_then(|known| known.head) {
            Some(head) => at = head,
            None => break,
        }
    }
    Ok(Some(at).filter(|at| *at != owner))
}

/// Saves an expense with an entry in its log, and the types by which it is found. The entry is of the person whose word an API
/// client brings; the audit trail names the client.
async fn save(
    tx: &mut Conn,
    by: &Actor,
    old: Option<Row>,
    mut row: Row,
    step: Step,
    (by_whom, comment): (String, Option<String>),
) -> Result<Saved<Row>, Error> {
    let was = old.as_ref().map(|old| old.lines.clone());
    let id = number::next(tx, row.company, "expense-log").await?;
    row.log.push(Entry { id, kind: step.kind(), status: row.status, comment, by: by_whom, at: by.now });
    if row.log.len() > MOST_LOGGED {
        row.log.remove(0);
    }
    let saved = record::save_as(tx, by, old, row, step.event()).await?;
    if saved.outcome != Outcome::Unchanged && was.as_ref() != Some(&saved.row.lines) {
        link(tx, &saved.row, was.is_some()).await?;
    }
    Ok(saved)
}

/// Keeps what an expense comes to by the types of its lines, by which it is found.
pub(super) async fn link(tx: &mut Conn, row: &Row, had: bool) -> Result<(), db::Error> {
    if had {
        tx.sql("delete from expense_kind where company = $1 and expense = $2")
            .bind(row.company)
            .bind(row.id)
            .later()
            .await?;
    }
    let mut kinds: Vec<(i64, i64)> = Vec::new();
    for line in &row.lines {
        match kinds.iter_mut().find(|(kind, _)| *kind == line.kind) {
            Some((_, total)) => *total += line.amount,
            None => kinds.push((line.kind, line.amount)),
        }
    }
    let columns =
        [("company", Type::BigInt), ("expense", Type::BigInt), ("kind", Type::BigInt), ("total", Type::BigInt)];
    let mut rows = Rows::new(&columns);
    for (kind, total) in kinds {
        rows.push([row.company.into(), row.id.into(), kind.into(), total.into()]);
    }
    tx.sql("insert into expense_kind (company, expense, kind, total) ")
        .push_values("input.company, input.expense, input.kind, input.total", rows)
        .later()
        .await
}

/// A decision about an expense.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) step: Step,
    /// Staff code of the person who decides, where an API client says it for him.
    pub(super) staff_code: Option<String>,
    pub(super) comment: Option<String>,
}

/// Whether an expense of this status may take this step, and its status then.
fn may(status: i64, step: Step) -> Option<i64> {
    match (status, step) {
        (WAITING, Step::Approved) => Some(APPROVED),
        (WAITING, Step::Rejected) => Some(REJECTED),
        (WAITING | REJECTED, Step::Cancelled) => Some(CANCELLED),
        _ => None,
    }
}

/// Approves, rejects or withdraws an expense, which is held.
pub(super) async fn decide(tx: &mut Conn, by: &Actor, old: Row, decision: &Decision) -> Result<Saved<Row>, Error> {
    let refuse = |field: &str, message: String| Err(Error::Conflict(Fault::new(Code::Conflict, field, message)));
    let Some(next) = may(old.status, decision.step) else {
        let message = format!("{} is {} already", old.number, super::row::status_name(old.status).to_lowercase());
        return refuse("statusId", message);
    };
    let code = decision.staff_code.as_deref().filter(|code| !code.trim().is_empty());
    let who = match code {
        Some(code) => match known::by_codes(tx, old.company, [code]).await?.remove(&key(code)) {
            // A person speaks only for himself; an API client brings the word of another.
            Some(known) if by.caller.person.is_some() && person(&by.caller) != Some(known.id) => {
                return refuse("staffCode", "staffCode must be your own; only API clients may name others".to_owned());
            }
            Some(known) => Some(known.id),
            None => {
                return Err(Error::invalid(
                    Code::NotFound,
                    "staffCode",
                    format!("staffCode “{code}” is not a known employee"),
                ));
            }
        },
        None => person(&by.caller),
    };
    let name = who.map_or_else(|| by.caller.id.clone(), |who| who.to_string());
    let mut row = old.clone();
    if decision.step == Step::Approved {
        if who.is_some() && who == old.owner {
            return refuse("staffCode", format!("{} cannot be approved by the person who claims it", old.number));
        }
        // Each level is another person's; an API client that does not say whose word it brings is asked no further.
        let approved = old.states.iter().rev().take_while(|state| state.level > 1);
        if who.is_some() && approved.into_iter().any(|state| state.by == name) {
            return refuse("staffCode", format!("{} was already approved by this person at a lower level", old.number));
        }
    }
    if decision.step == Step::Approved && old.level < old.levels {
        row.level += 1;
    } else {
        row.status = next;
    }
    match row.status {
        APPROVED => (row.approved_by, row.approved_at) = (Some(name.clone()), Some(by.now)),
        REJECTED | CANCELLED => row.reason.clone_from(&decision.comment),
        _ => {}
    }
    let id = number::next(tx, row.company, "expense-state").await?;
    row.states.push(State { id, status: row.status, level: row.level, by: name.clone(), at: by.now });
    row.waits_for = approver(tx, &row).await?;
    save(tx, by, Some(old), row, decision.step, (name, decision.comment.clone())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expense_goes_only_where_it_may() {
        let all = [WAITING, APPROVED, REJECTED, CANCELLED];
        let table = |step| all.map(|status| may(status, step));
        assert_eq!(table(Step::Approved), [Some(APPROVED), None, None, None]);
        assert_eq!(table(Step::Rejected), [Some(REJECTED), None, None, None]);
        assert_eq!(table(Step::Cancelled), [Some(CANCELLED), None, Some(CANCELLED), None]);
    }
}

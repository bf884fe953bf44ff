//! Creating and changing a task.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::remind;
use super::row::{ChecklistItem, Priority, Row, Status, key};
use crate::chat::room;
use crate::customer::store as customers;
use crate::http::{Code, Conditions, Error, Fault, Faults, Patch};
use crate::record::{self, Actor, Saved};
use crate::recurrence;
use crate::search;
use crate::setting::number;
use crate::staff::employee;
use crate::time::{self, Zone};

/// One thing of a task's checklist, as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChecklistWrite {
    /// What is to be done.
    #[schema(example = "Print the contract")]
    text: String,
    /// Whether it is done; not when absent.
    is_done: Option<bool>,
}

/// A task to create, or to update when its number is given. What is absent stays as it is, null clears it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskWrite {
    /// The number of the task to update; absent or null creates one.
    #[schema(example = "TK2511-0001")]
    pub(crate) task_no: Option<String>,
    /// What is to be done. Required for a new task.
    #[schema(value_type = Option<String>, example = "Call back about the quotation")]
    pub(crate) subject: Patch<String>,
    /// More about it.
    #[schema(value_type = Option<String>)]
    pub(crate) note: Patch<String>,
    /// `open` (new tasks), `doing`, `done` or `cancelled`.
    #[schema(example = "open")]
    pub(crate) status: Option<String>,
    /// The same for clients that know done and not done only.
    pub(crate) is_done: Option<bool>,
    /// `low`, `normal` (new tasks), `high` or `urgent`.
    #[schema(example = "normal")]
    pub(crate) priority: Option<String>,
    /// By when; a day alone is due at its end.
    #[schema(value_type = Option<String>, example = "2025-01-31T17:00:00")]
    pub(crate) date_due: Patch<String>,
    /// When to remind whoever is to do it: an event `Task`/`Reminder`.
    #[schema(value_type = Option<String>)]
    pub(crate) date_remind: Patch<String>,
    /// Who is to do it: user id or staff code.
    #[schema(value_type = Option<String>, example = "EMP000")]
    pub(crate) assigned_to_user_id: Patch<String>,
    /// The customer's code.
    #[schema(value_type = Option<String>, example = "C000349")]
    pub(crate) customer_code: Patch<String>,
    /// Numbers of the deals that it is about.
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) deal_nos: Patch<Vec<String>>,
    /// Number of the case that it is about.
    #[schema(value_type = Option<String>)]
    pub(crate) case_no: Patch<String>,
    /// The chat room that it is about.
    #[schema(value_type = Option<String>)]
    pub(crate) room_id: Patch<Uuid>,
    /// Its steps.
    #[schema(value_type = Option<Vec<ChecklistWrite>>)]
    pub(crate) checklist: Patch<Vec<ChecklistWrite>>,
    /// Its labels.
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) labels: Patch<Vec<String>>,
    /// How it recurs: an `RRULE` of RFC 5545; needs `dateDue`.
    #[schema(value_type = Option<String>, example = "FREQ=WEEKLY;BYDAY=MO")]
    pub(crate) recurrence: Patch<String>,
}

/// Creates a task, or updates the one whose number is given. `found` is what the decoder has found to be wrong.
pub(crate) async fn put(
    tx: &mut Conn,
    by: &Actor,
    input: &TaskWrite,
    found: &[Fault],
    conditions: &Conditions,
) -> Result<Saved<Row>, Error> {
    let old: Option<Row> =
        record::held_if_named(tx, &by.caller, "number_key", input.number().map(key), conditions, found).await?;
    write(tx, by, old, None, input, found).await
}

/// The same for a file: a number that no task has is that of the new one.
pub(crate) async fn put_named(tx: &mut Conn, by: &Actor, input: &TaskWrite) -> Result<Saved<Row>, Error> {
    let given = input.number();
    let old = match given {
        Some(number) => match record::held(tx, &by.caller, "number_key", key(number), &Conditions::default()).await {
            Err(Error::NotFound(_)) => None,
            held => Some(held?),
        },
        None => None,
    };
    write(tx, by, old, given, input, &[]).await
}

/// Writes over a task, or creates one, under this number where one is given.
async fn write(
    tx: &mut Conn,
    by: &Actor,
    old: Option<Row>,
    given: Option<&str>,
    input: &TaskWrite,
    found: &[Fault],
) -> Result<Saved<Row>, Error> {
    let mut faults = Faults::new(found.to_vec());
    if let Some(number) = given.filter(|_| old.is_none()) {
        faults.longest("taskNo", number, 50);
        faults.path_part("taskNo", number, &["enquiry"]);
    }
    let zone = time::zone(tx, by.caller.company).await?;
    let draft = match &old {
        Some(old) => old.clone(),
        None => Row::new(by.caller.company, 0, String::new(), &by.caller.id, by.now),
    };
    let mut new = input.over(tx, draft, by, faults, &zone).await?;
    if old.is_none() {
        new.id = number::next(tx, by.caller.company, "task").await?;
        new.number = match given {
            Some(number) => number.to_owned(),
            None => number::of_record(tx, by.caller.company, "task", NUMBERS, by.now).await?,
        };
        new.number_key = key(&new.number);
    }
    save(tx, by, old, new).await
}

/// Saves a task, with what follows: its deals, its reminder, and the next of its series when it is done.
pub(super) async fn save(tx: &mut Conn, by: &Actor, old: Option<Row>, mut new: Row) -> Result<Saved<Row>, Error> {
    let was_closed = old.as_ref().is_some_and(|old| old.status.is_closed());
    let was_remind = old.as_ref().and_then(|old| old.remind_at);
    let was_deals = old.as_ref().and_then(|old| old.deal_nos.clone()).unwrap_or_default();
    let name = match (&old, new.status) {
        (None, _) => "Created",
        (Some(_), Status::Done) if !was_closed => "Done",
        _ => "Updated",
    };
    // Whoever hands a series on has no part in it any more: one that is opened and done again makes no second next task.
    let series = match new.status == Status::Done && !was_closed {
        true => new.series_start.take(),
        false => None,
    };
    let saved = record::save_as(tx, by, old, new, name).await?;
    let row = &saved.row;
    if row.deal_nos.clone().unwrap_or_default() != was_deals {
        link_deals(tx, row).await?;
    }
    if row.remind_at != was_remind {
        remind::ask(tx, row).await?;
    }
    if let Some(start) = series {
        recur(tx, by, row, start).await?;
    }
    Ok(saved)
}

/// Makes the next task of a series that began at `start`.
async fn recur(tx: &mut Conn, by: &Actor, done: &Row, start: i64) -> Result<(), Error> {
    let (Some(rule), Some(due)) = (&done.recurrence, done.due_at) else { return Ok(()) };
    let zone = time::zone(tx, by.caller.company).await?;
    let Some(next) = recurrence::next(rule, start, due, &zone) else { return Ok(()) };
    // In the order in which every task takes them, or two would wait for each other.
    let id = number::next(tx, by.caller.company, "task").await?;
    let number = number::of_record(tx, by.caller.company, "task", NUMBERS, by.now).await?;
    let fresh = Row::new(by.caller.company, id, number, &by.caller.id, by.now);
    let undone = |item: &ChecklistItem| ChecklistItem { is_done: false, ..item.clone() };
    let row = Row {
        subject: done.subject.clone(),
        note: done.note.clone(),
        priority: done.priority,
        // As long before it is due as before.
        remind_at: done.remind_at.map(|at| next - (due - at)),
        assignee: done.assignee,
        customer: done.customer,
        room: done.room,
        deal_nos: done.deal_nos.clone(),
        case_no: done.case_no.clone(),
        checklist: done.checklist.as_ref().map(|list| list.iter().map(undone).collect()),
        labels: done.labels.clone(),
        recurrence: done.recurrence.clone(),
        series_start: Some(start),
        ..fresh
    };
    let saved = record::save(tx, by, None, row.due(Some(next), done.due_has_time)).await?;
    link_deals(tx, &saved.row).await?;
    remind::ask(tx, &saved.row).await
}

/// Closes every open task of a deal as done; answers how many there were.
pub async fn finish_all(tx: &mut Conn, by: &Actor, deal_no: &str) -> Result<u64, Error> {
    let query = tx.rows::<Row>("task").push(
        " join task_deal on task_deal.company = task.company and task_deal.task = task.id
          where task_deal.company = $1 and task_deal.deal_no = $2 and task.company = $1
            and task.status in ('open', 'doing') and task.deleted_at is null",
    );
    // Those of others stay theirs: a caller closes what he may change.
    let query = record::within::<Row>(query.bind(by.caller.company).bind(key(deal_no)), &by.caller);
    let open: Vec<Row> = query.push(" order by task.id limit 1000").all().await?;
    let mut count = 0;
    for row in open {
        let found: Result<Row, Error> =
            record::held(tx, &by.caller, "number_key", row.number_key.clone(), &Conditions::default()).await;
        let held = match found {
            Err(Error::NotFound(_)) => continue,
            found => found?,
        };
        if !held.status.is_closed() {
            save(tx, by, Some(held.clone()), held.turned(Status::Done, by.now)).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Where the numbers of tasks stand.
const NUMBERS: number::Column = ("task", "number_key");

async fn link_deals(tx: &mut Conn, row: &Row) -> Result<(), Error> {
    tx.sql("delete from task_deal where company = $1 and task = $2").bind(row.company).bind(row.id).later().await?;
    let mut rows = Rows::new(&[("deal_no", Type::Text)]);
    for number in row.deal_nos.iter().flatten() {
        rows.push([key(number).into()]);
    }
    if !rows.is_empty() {
        tx.sql("insert into task_deal (company, task, deal_no) select $1, $2, deal_no from ")
            .bind(row.company)
            .bind(row.id)
            .push_rows(&rows)
            .push(" as input")
            .later()
            .await?;
    }
    Ok(())
}

impl TaskWrite {
    /// The number that is given.
    fn number(&self) -> Option<&str> {
        self.task_no.as_deref().map(search::trimmed).filter(|number| !number.is_empty())
    }

    /// The task after the change; 400 with every fault.
    async fn over(&self, tx: &mut Conn, old: Row, by: &Actor, mut faults: Faults, zone: &Zone) -> Result<Row, Error> {
        let company = old.company;
        let subject = faults.text("subject", &self.subject, Some(old.subject.clone()), 300).unwrap_or_default();
        if subject.is_empty() {
            faults.add(Code::Required, "subject", "subject is required");
        }
        let note = faults.text("note", &self.note, old.note.clone(), 10_000);
        let status = faults.choice("status", self.status.as_deref(), &Status::WORDS);
        let status = status.or(match self.is_done {
            Some(true) => Some(Status::Done),
            Some(false) if old.status == Status::Done => Some(Status::Open),
            _ => None,
        });
        let priority = faults.choice("priority", self.priority.as_deref(), &Priority::WORDS);
        let (due_at, has_time) = self.due(&old, &mut faults, zone);
        let remind_at = faults.patched_time("dateRemind", &self.date_remind, old.remind_at, zone);
        let recurrence = faults.text("recurrence", &self.recurrence, old.recurrence.clone(), 500);
        if let (Some(rule), Patch::Set(_)) = (&recurrence, &self.recurrence)
            && let Some(fault) = recurrence::fault(rule, zone)
        {
            faults.add(Code::InvalidFormat, "recurrence", format!("recurrence is not an RRULE: {fault}"));
        }
        if recurrence.is_some() && due_at.is_none() {
            faults.add(Code::Required, "dateDue", "dateDue is required when the task recurs");
        }
        let deal_nos = faults.names("dealNos", &self.deal_nos, old.deal_nos.clone().unwrap_or_default(), (100, 50));
        let case_no = faults.text("caseNo", &self.case_no, old.case_no.clone(), 50);
        let labels = faults.names("labels", &self.labels, old.labels.clone().unwrap_or_default(), (50, 100));
        let checklist = self.checklist(old.checklist.clone().unwrap_or_default(), &mut faults);
        let assignee = match &self.assigned_to_user_id {
            Patch::Keep => old.assignee,
            Patch::Clear => None,
            Patch::Set(text) if text.trim().is_empty() => None,
            Patch::Set(text) => faults.take(employee::named(tx, company, "assignedToUserId", text).await)?,
        };
        let room = match &self.room_id {
            Patch::Keep => old.room,
            Patch::Clear => None,
            Patch::Set(id) if old.room == Some(*id) => old.room,
            Patch::Set(id) => faults.take(room::named(tx, &by.caller, "roomId", *id).await)?,
        };
        // The customer is held last of all look-ups: nothing else is waited for while it is.
        let customer = match &self.customer_code {
            Patch::Keep => old.customer,
            Patch::Clear => None,
            Patch::Set(code) if code.trim().is_empty() => None,
            Patch::Set(code) => {
                let found = customers::named_to_add(tx, &by.caller, "customerCode", code, old.customer).await;
                faults.take(found)?.map(|customer| customer.id)
            }
        };
        faults.end()?;
        let filled = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
        // A series that was handed on stays so until the task gets another rule.
        let same = recurrence == old.recurrence && (due_at == old.due_at || old.series_start.is_none());
        let series_start = if same { old.series_start } else { recurrence.as_ref().and(due_at) };
        let row = Row {
            subject,
            note,
            priority: priority.unwrap_or(old.priority),
            remind_at,
            assignee,
            customer,
            room,
            deal_nos: filled(deal_nos),
            case_no,
            checklist: Some(checklist).filter(|list| !list.is_empty()),
            labels: filled(labels),
            recurrence,
            series_start,
            ..old
        };
        let status = status.unwrap_or(row.status);
        Ok(row.due(due_at, has_time).turned(status, by.now))
    }

    /// When the task is due, and whether by the hour: a day alone is due at its end.
    fn due(&self, old: &Row, faults: &mut Faults, zone: &Zone) -> (Option<i64>, bool) {
        match &self.date_due {
            Patch::Keep => (old.due_at, old.due_has_time),
            Patch::Clear => (None, false),
            Patch::Set(text) => faults.due("dateDue", text, zone),
        }
    }

    fn checklist(&self, old: Vec<ChecklistItem>, faults: &mut Faults) -> Vec<ChecklistItem> {
        let Patch::Set(given) = &self.checklist else {
            return if self.checklist == Patch::Clear { Vec::new() } else { old };
        };
        faults.most("checklist", given.len(), 100);
        let mut list = Vec::new();
        for (index, item) in given.iter().enumerate() {
            faults.required(&format!("checklist[{index}].text"), &item.text, 500);
            let text = search::trimmed(&item.text).to_owned();
            list.push(ChecklistItem { text, is_done: item.is_done.unwrap_or(false) });
        }
        list
    }
}

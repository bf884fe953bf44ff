//! A task as it is stored, and as callers and subscribers get it.

use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::customer::store as customers;
use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::search;
use crate::staff::employee;
use crate::time::{self, Zone};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    /// Nobody has begun.
    Open,
    /// Somebody is at it.
    Doing,
    /// It is done.
    Done,
    /// It will not be done.
    Cancelled,
}

impl Status {
    /// Every status, by the word in requests.
    pub(crate) const WORDS: [(&'static str, Status); 4] =
        [("open", Status::Open), ("doing", Status::Doing), ("done", Status::Done), ("cancelled", Status::Cancelled)];

    /// Whether nothing is left to do.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Status::Done | Status::Cancelled)
    }
}

/// How much a task matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Priority {
    /// When there is time.
    Low,
    /// As usual.
    Normal,
    /// Before others.
    High,
    /// At once.
    Urgent,
}

impl Priority {
    /// Every priority, by the word in requests.
    pub(crate) const WORDS: [(&'static str, Priority); 4] =
        [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High), ("urgent", Priority::Urgent)];
}

/// One thing of a task's checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChecklistItem {
    /// What is to be done.
    #[schema(example = "Print the contract")]
    pub(crate) text: String,
    /// Whether it is done.
    pub(crate) is_done: bool,
}

/// The place in the order of due dates of a task that has none.
const NEVER: i64 = i64::MAX;

/// A task as it is stored: the fields are the columns of `task`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) company: i64,
    pub(super) id: i64,
    pub(crate) number: String,
    pub(super) number_key: String,
    pub(super) subject: String,
    pub(super) note: Option<String>,
    pub(super) status: Status,
    pub(super) priority: Priority,
    pub(super) due_at: Option<i64>,
    pub(super) due_has_time: bool,
    pub(super) due_order: i64,
    pub(super) remind_at: Option<i64>,
    pub(super) assignee: Option<Uuid>,
    pub(super) customer: Option<i64>,
    pub(super) room: Option<Uuid>,
    pub(super) deal_nos: Option<Vec<String>>,
    pub(super) case_no: Option<String>,
    pub(super) checklist: Option<Vec<ChecklistItem>>,
    pub(super) labels: Option<Vec<String>>,
    pub(super) recurrence: Option<String>,
    pub(super) series_start: Option<i64>,
    pub(super) done_at: Option<i64>,
    pub(super) search_key: String,
    pub(super) created_by: String,
    pub(super) created_at: i64,
    pub(super) modified_by: String,
    pub(super) modified_at: i64,
    pub(super) version: i64,
    pub(super) deleted_at: Option<i64>,
}

impl Row {
    /// A task of which nothing is known but its number.
    pub(super) fn new(company: i64, id: i64, number: String, by: &str, now: i64) -> Row {
        Row {
            company,
            id,
            number_key: key(&number),
            number,
            subject: String::new(),
            note: None,
            status: Status::Open,
            priority: Priority::Normal,
            due_at: None,
            due_has_time: false,
            due_order: NEVER,
            remind_at: None,
            assignee: None,
            customer: None,
            room: None,
            deal_nos: None,
            case_no: None,
            checklist: None,
            labels: None,
            recurrence: None,
            series_start: None,
            done_at: None,
            search_key: String::new(),
            created_by: by.to_owned(),
            created_at: now,
            modified_by: by.to_owned(),
            modified_at: now,
            version: 0,
            deleted_at: None,
        }
    }

    /// The same task due at another time.
    pub(super) fn due(mut self, at: Option<i64>, has_time: bool) -> Row {
        (self.due_at, self.due_has_time, self.due_order) = (at, has_time && at.is_some(), at.unwrap_or(NEVER));
        self
    }

    /// The same task in another status.
    pub(super) fn turned(mut self, status: Status, now: i64) -> Row {
        if self.status != status {
            self.done_at = (status == Status::Done).then_some(now);
        }
        self.status = status;
        self
    }
}

/// A number as it is compared.
pub(crate) fn key(number: &str) -> String {
    search::fold(search::trimmed(number))
}

/// A task.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    /// Its number.
    #[schema(example = "TK2511-0001")]
    task_no: String,
    /// What is to be done.
    #[schema(example = "Call back about the quotation")]
    subject: String,
    /// More about it.
    note: Option<String>,
    /// `open`, `doing`, `done` or `cancelled`.
    status: Status,
    /// Whether it is done.
    is_done: bool,
    /// `low`, `normal`, `high` or `urgent`.
    priority: Priority,
    /// By when; a task without a time of day is due at the end of its day.
    #[schema(example = "2025-01-31T17:00:00+0700")]
    date_due: Option<String>,
    /// Whether `dateDue` has a time of day.
    has_due_time: bool,
    /// When whoever is to do it is reminded.
    date_remind: Option<String>,
    /// User id of whoever is to do it.
    assigned_to_user_id: Option<String>,
    /// The same by staff code.
    #[schema(example = "EMP001")]
    assigned_to_staff_code: Option<String>,
    /// The customer's code.
    #[schema(example = "C000349")]
    customer_code: Option<String>,
    /// The customer's name.
    #[schema(example = "Siam Tools Co., Ltd.")]
    customer_name: Option<String>,
    /// Numbers of the deals that it is about.
    deal_nos: Vec<String>,
    /// Number of the case that it is about.
    case_no: Option<String>,
    /// The chat room that it is about.
    room_id: Option<String>,
    /// Its steps.
    checklist: Vec<ChecklistItem>,
    /// Its labels.
    labels: Vec<String>,
    /// How it recurs: an `RRULE` of RFC 5545. When it is done, the next one of the series is made.
    #[schema(example = "FREQ=WEEKLY;BYDAY=MO")]
    recurrence: Option<String>,
    /// When it was done.
    date_done: Option<String>,
    /// Who created it.
    created_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// Who changed it last.
    modified_by_user_id: String,
    /// When.
    date_modified: String,
}

impl Record for Row {
    const TABLE: &'static str = "task";
    const TOPIC: &'static str = "Task";
    const OWNER: Option<&'static str> = Some("assignee");
    type View = Task;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.number, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.number.as_str(), &self.subject];
        words.extend(self.note.as_deref());
        words.extend(self.labels.iter().flatten().map(String::as_str));
        words
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<Task>, Error> {
        let known = customers::called(conn, company, rows.iter().filter_map(|row| row.customer)).await?;
        let staff = employee::codes(conn, company, rows.iter().filter_map(|row| row.assignee)).await?;
        let time = |at: i64| time::text(at, zone);
        Ok(rows
            .into_iter()
            .map(|row| {
                let customer = row.customer.and_then(|id| known.get(&id).cloned());
                (customer.unzip(), row)
            })
            .map(|((customer_code, customer_name), row)| Task {
                task_no: row.number,
                subject: row.subject,
                note: row.note,
                status: row.status,
                is_done: row.status == Status::Done,
                priority: row.priority,
                date_due: row.due_at.map(time),
                has_due_time: row.due_has_time,
                date_remind: row.remind_at.map(time),
                assigned_to_staff_code: row.assignee.and_then(|id| staff.get(&id).cloned()),
                assigned_to_user_id: row.assignee.map(|id| id.to_string()),
                customer_code,
                customer_name,
                deal_nos: row.deal_nos.unwrap_or_default(),
                case_no: row.case_no,
                room_id: row.room.map(|id| id.to_string()),
                checklist: row.checklist.unwrap_or_default(),
                labels: row.labels.unwrap_or_default(),
                recurrence: row.recurrence,
                date_done: row.done_at.map(time),
                created_by_user_id: row.created_by,
                date_created: time(row.created_at),
                modified_by_user_id: row.modified_by,
                date_modified: time(row.modified_at),
            })
            .collect())
    }
}

//! A case as it is stored, and as callers get it.

use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::target::Deadline;
use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::service::names::Names;
use crate::setting::list::List;
use crate::time::{self, Zone};

/// How far a case has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has looked at it yet.
    New,
    /// Somebody is on it.
    Open,
    /// It waits for the customer: the time for its resolution stands still.
    Waiting,
    /// It is done, as far as we know.
    Resolved,
    /// It is done for good.
    Closed,
    /// It was none.
    Cancelled,
}

impl Status {
    /// Every status with its number.
    pub const ALL: [(i64, Status); 6] = [
        (1, Status::New),
        (2, Status::Open),
        (3, Status::Waiting),
        (4, Status::Resolved),
        (5, Status::Closed),
        (6, Status::Cancelled),
    ];

    /// Its number in the API.
    pub fn number(self) -> i64 {
        Status::ALL.iter().find(|(_, status)| *status == self).map_or(0, |(number, _)| *number)
    }

    /// Its word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::Open => "open",
            Status::Waiting => "waiting",
            Status::Resolved => "resolved",
            Status::Closed => "closed",
            Status::Cancelled => "cancelled",
        }
    }

    /// The status that a caller names, by number or word.
    pub fn named(text: &str) -> Option<Status> {
        let text = text.trim();
        let named = |(number, status): &&(i64, Status)| {
            text.parse() == Ok(*number) || status.word().eq_ignore_ascii_case(&text.replace(' ', "_"))
        };
        Status::ALL.iter().find(named).map(|(_, status)| *status)
    }

    /// Whether somebody still has to do something about the case.
    pub fn is_open(self) -> bool {
        matches!(self, Status::New | Status::Open | Status::Waiting)
    }

    /// Whether a case may go from one status to another. What has ended can be opened again; nothing becomes new.
    pub fn may(from: Status, to: Status) -> bool {
        match (from, to) {
            (_, Status::New) => from == Status::New,
            (Status::Closed | Status::Cancelled, to) => to == Status::Open || to == from,
            (Status::Resolved, to) => matches!(to, Status::Open | Status::Resolved | Status::Closed),
            (Status::New | Status::Open | Status::Waiting, _) => true,
        }
    }
}

/// A case as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns of its table, described in its migration")]
pub struct Row {
    pub company: i64,
    pub id: i64,
    pub no: String,
    pub no_key: String,
    pub kind: i64,
    pub subject: String,
    pub customer: Option<i64>,
    pub category: i64,
    pub status: Status,
    pub raised_at: i64,
    pub due_at: i64,
    pub assignee: Option<Uuid>,
    pub note: Option<String>,
    pub activities: Vec<String>,
    pub deals: Vec<String>,
    pub rooms: Vec<Uuid>,
    pub response: Deadline,
    pub resolution: Deadline,
    pub due: Deadline,
    pub is_breached: bool,
    pub alarm_at: Option<i64>,
    pub comments: i64,
    pub merged_into: Option<i64>,
    pub closed_at: Option<i64>,
    pub search_key: String,
    pub created_by: String,
    pub created_at: i64,
    pub modified_by: String,
    pub modified_at: i64,
    pub version: i64,
    pub deleted_at: Option<i64>,
}

/// A case.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseView {
    /// Its number.
    #[schema(example = "T250200010")]
    pub case_no: String,
    /// 1 request for action, 2 for your information.
    #[schema(example = 1)]
    pub case_type: i64,
    /// What it is about.
    #[schema(example = "Create new case")]
    pub subject: String,
    /// The customer's code.
    #[schema(example = "C000154")]
    pub customer_code: Option<String>,
    /// Number of its category.
    #[schema(example = 2_140_016_585_i64)]
    pub category_id: i64,
    /// When it was raised.
    #[schema(example = "2025-02-05T17:35:53+0700")]
    pub date_case: String,
    /// When it is to be done.
    #[schema(example = "2025-02-05T17:35:53+0700")]
    pub date_due: String,
    /// Numbers of the activities that belong to it.
    #[schema(example = json!(["A20250200028", "A20250200029"]))]
    pub activity_nos: Vec<String>,
    /// Numbers of the deals that it is about.
    #[schema(example = json!(["D241200044", "D241200047"]))]
    pub deal_nos: Vec<String>,
    /// More about it.
    #[schema(example = "description")]
    pub note: Option<String>,
    /// User id of whoever sees to it; null while nobody does.
    #[schema(example = "6d473b8f-a6b3-4536-b1e6-f4b7688414e2")]
    pub assigned_to_user_id: Option<Uuid>,
    /// The same as a staff code.
    #[schema(example = "EMP000")]
    pub assigned_to_staff_code: Option<String>,
    /// The case's own number, which never changes.
    #[schema(example = 1)]
    pub case_id: i64,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// Name of the category.
    pub category_name: Option<String>,
    /// 1 new, 2 open, 3 waiting for the customer, 4 resolved, 5 closed, 6 cancelled.
    #[schema(example = 1)]
    pub status_id: i64,
    /// The same as a word.
    #[schema(example = "new")]
    pub status: Status,
    /// Ids of the chat rooms in which it is talked about.
    pub room_ids: Vec<Uuid>,
    /// By when somebody is to answer the customer.
    pub response: Target,
    /// By when the case is to be resolved.
    pub resolution: Target,
    /// How `dateDue` is kept.
    pub due: Target,
    /// Whether one of these times was missed.
    #[schema(example = false)]
    pub is_breached: bool,
    /// How many comments there are.
    #[schema(example = 0)]
    pub comment_count: i64,
    /// Number of the case that this one was merged into.
    pub merged_into_case_no: Option<String>,
    /// When it was closed or cancelled.
    pub date_closed: Option<String>,
    /// Who entered it: the id of an API client or of a user.
    pub created_by_user_id: String,
    /// When.
    #[schema(example = "2025-02-05T17:35:53+0700")]
    pub date_created: String,
    /// Who changed it last.
    pub modified_by_user_id: String,
    /// When.
    #[schema(example = "2025-02-05T17:35:53+0700")]
    pub date_modified: String,
}

/// A time that is to be kept.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The time; null when there is none, or while it stands still.
    pub date_due: Option<String>,
    /// When subscribers were warned that it comes near.
    pub date_warned: Option<String>,
    /// Since when it is missed.
    pub date_breached: Option<String>,
    /// When what it is about was done.
    pub date_met: Option<String>,
}

impl Target {
    fn of(deadline: &Deadline, zone: &Zone) -> Target {
        let text = |at: Option<i64>| at.map(|at| time::text(at, zone));
        Target {
            date_due: text(deadline.due),
            date_warned: text(deadline.warned),
            date_breached: text(deadline.breached),
            date_met: text(deadline.met),
        }
    }
}

impl Record for Row {
    const TABLE: &'static str = "service_case";
    const NAME: &'static str = "case";
    const TOPIC: &'static str = "Case";
    const OWNER: Option<&'static str> = Some("assignee");
    type View = CaseView;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.no, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.no, &self.subject, self.note.as_deref().unwrap_or_default()]
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<CaseView>, Error> {
        let mut names = Names::default();
        names.customers(conn, company, rows.iter().filter_map(|row| row.customer)).await?;
        names.people(conn, company, rows.iter().filter_map(|row| row.assignee)).await?;
        names.list(conn, company, List::CaseCategories).await?;
        let merged: Vec<i64> = rows.iter().filter_map(|row| row.merged_into).collect();
        let merged: Vec<(i64, String)> = match merged.is_empty() {
            true => Vec::new(),
            false => {
                let query = conn.sql("select id, no from service_case where company = $1 and id in ").bind(company);
                query.push_ids(&merged).all().await?
            }
        };
        let view = |row: Row| {
            let (customer_code, customer_name) = names.customer(row.customer);
            CaseView {
                case_no: row.no,
                case_type: row.kind,
                subject: row.subject,
                customer_code,
                category_id: row.category,
                date_case: time::text(row.raised_at, zone),
                date_due: time::text(row.due_at, zone),
                activity_nos: row.activities,
                deal_nos: row.deals,
                note: row.note,
                assigned_to_user_id: row.assignee,
                assigned_to_staff_code: names.find(row.assignee).map(|person| person.staff_code.clone()),
                case_id: row.id,
                customer_name,
                category_name: names.entry(List::CaseCategories, Some(row.category)),
                status_id: row.status.number(),
                status: row.status,
                room_ids: row.rooms,
                response: Target::of(&row.response, zone),
                resolution: Target::of(&row.resolution, zone),
                due: Target::of(&row.due, zone),
                is_breached: row.is_breached,
                comment_count: row.comments,
                merged_into_case_no: row
                    .merged_into
                    .and_then(|into| merged.iter().find(|(id, _)| *id == into).map(|(_, no)| no.clone())),
                date_closed: row.closed_at.map(|at| time::text(at, zone)),
                created_by_user_id: row.created_by,
                date_created: time::text(row.created_at, zone),
                modified_by_user_id: row.modified_by,
                date_modified: time::text(row.modified_at, zone),
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_follows_another_only_where_that_makes_sense() {
        // From each status in the order of their numbers: where a case may go.
        let table = [
            (Status::New, "123456"),
            (Status::Open, "23456"),
            (Status::Waiting, "23456"),
            (Status::Resolved, "245"),
            (Status::Closed, "25"),
            (Status::Cancelled, "26"),
        ];
        for (from, allowed) in table {
            let may = Status::ALL.iter().filter(|(_, to)| Status::may(from, *to));
            assert_eq!(may.map(|(number, _)| number.to_string()).collect::<String>(), allowed, "{from:?}");
        }
    }

    #[test]
    fn a_status_is_named_by_number_or_word() {
        for text in ["3", " Waiting "] {
            assert_eq!(Status::named(text), Some(Status::Waiting));
        }
        assert_eq!((Status::named("7"), Status::named("gone")), (None, None));
    }
}

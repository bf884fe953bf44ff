//! An expense as it is stored, and as callers and subscribers get it.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::line::Line;
use crate::attachment::AttachmentDto;
use crate::http::{Code, Error, Fault};
use crate::record::{Head, Record, Stamp};
use crate::staff::known::{self, Known};
use crate::time::{self, Zone};

/// An expense that waits for approval.
pub(super) const WAITING: i64 = 302;
/// An approved one.
pub(super) const APPROVED: i64 = 303;
/// A rejected one: it can be changed, and waits again then.
pub(super) const REJECTED: i64 = 304;
/// One that was withdrawn.
pub(super) const CANCELLED: i64 = 305;

/// The statuses in their order, and the words for them.
pub(super) const STATUSES: [(i64, &str); 4] =
    [(WAITING, "Waiting for approval"), (APPROVED, "Approved"), (REJECTED, "Rejected"), (CANCELLED, "Cancelled")];

/// A step of approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) id: i64,
    pub(super) status: i64,
    pub(super) level: i64,
    pub(super) by: String,
    pub(super) at: i64,
}

/// Something that happened to an expense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(super) id: i64,
    /// 1 created, 2 changed, 3 approved, 4 rejected, 5 cancelled.
    pub(super) kind: i64,
    pub(super) status: i64,
    pub(super) comment: Option<String>,
    pub(super) by: String,
    pub(super) at: i64,
}

/// An expense as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) company: i64,
    pub(super) id: i64,
    pub(super) number: String,
    pub(super) number_key: String,
    pub(super) subject: String,
    pub(super) remark: Option<String>,
    pub(super) owner: Option<Uuid>,
    pub(super) team: Option<i64>,
    pub(super) activity: Option<i64>,
    pub(super) spent_at: i64,
    pub(super) status: i64,
    pub(super) level: i64,
    pub(super) levels: i64,
    pub(super) waits_for: Option<Uuid>,
    pub(super) approved_by: Option<String>,
    pub(super) approved_at: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) total: Amount,
    pub(super) to_pay: Amount,
    pub(super) lines: Vec<Line>,
    pub(super) states: Vec<State>,
    pub(super) log: Vec<Entry>,
    pub(super) search_key: String,
    pub(super) created_by: String,
    pub(super) created_at: i64,
    pub(super) modified_by: String,
    pub(super) modified_at: i64,
    pub(super) version: i64,
    pub(super) deleted_at: Option<i64>,
}

impl Row {
    /// Whether its content can be changed: as long as nobody has approved it, and after a rejection.
    pub(super) fn can_change(&self) -> bool {
        self.status == REJECTED || (self.status == WAITING && self.level == 1)
    }

    /// 409 that names this field, when it can be neither changed nor deleted.
    pub(super) fn changeable(&self, field: &'static str) -> Result<(), Error> {
        let number = &self.number;
        let message = match self.status {
            _ if self.can_change() => return Ok(()),
            WAITING => {
                format!("{number} waits for approval at level {} and can be changed only after a rejection", self.level)
            }
            _ => format!("{number} is approved or cancelled and can no longer be changed"),
        };
        Err(Error::Conflict(Fault::new(Code::Conflict, field, message)))
    }
}

/// The word for a status.
pub(super) fn status_name(status: i64) -> String {
    STATUSES.iter().find(|(known, _)| *known == status).map_or("", |(_, word)| word).to_owned()
}

/// An expense.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expense {
    /// Its id.
    #[schema(example = 1)]
    pub expense_id: i64,
    /// The company's number.
    pub company_id: i64,
    /// Team of the employee who claims.
    pub team_id: Option<i64>,
    /// Number of its activity.
    pub activity_id: Option<i64>,
    /// Its number.
    #[schema(example = "EX2511-0001")]
    pub expense_no: String,
    /// 302 waits for approval, 303 approved, 304 rejected, 305 cancelled.
    #[schema(example = 302)]
    pub status_id: i64,
    /// The same in words.
    pub status_name: String,
    /// When the money was spent.
    #[schema(example = "2023-01-06T12:04:16+0700")]
    pub date_transaction: String,
    /// Who created it.
    pub created_by_user_id: String,
    /// When it was created.
    pub date_created: String,
    /// Who changed it last.
    pub updated_by_user_id: Option<String>,
    /// When it was last changed.
    pub date_updated: Option<String>,
    /// The same as `updatedByUserId`.
    pub modified_by_user_id: Option<String>,
    /// Staff code of the employee who claims.
    pub staff_code: Option<String>,
    /// The employee's name.
    pub staff_name: Option<String>,
    /// User id of the employee who is expected to approve it.
    pub waiting_approve_by_user_id: Option<String>,
    /// Not used here.
    pub waiting_approve_by_role_id: Option<String>,
    /// The level of approval that it waits for.
    pub waiting_approve_by_rank_no: Option<i64>,
    /// How many levels it has to pass.
    pub approve_levels: i64,
    /// Who approved it.
    pub approved_by_user_id: Option<String>,
    /// When.
    pub date_approved: Option<String>,
    /// Remark.
    pub remark: Option<String>,
    /// Title.
    pub subject: String,
    /// What it comes to.
    #[schema(value_type = f64)]
    pub total: Amount,
    /// The same.
    #[schema(value_type = f64)]
    pub total_baht: Amount,
    /// What is to be paid back: without what was paid with the company's card.
    #[schema(value_type = f64)]
    pub total_to_pay: Amount,
    /// Activities that it belongs to.
    pub activity_expenses: Vec<ActivityExpense>,
    /// Its lines.
    pub expense_details: Vec<ExpenseDetail>,
    /// Its steps of approval.
    pub expense_states: Vec<ExpenseState>,
    /// Whether it can be approved.
    pub can_approve: bool,
    /// Whether it can be changed.
    pub is_edit: bool,
    /// Whether it can be deleted.
    pub deletable: bool,
    /// Why it was rejected or cancelled.
    pub reason: Option<String>,
    /// Its files.
    pub attachments: Vec<AttachmentDto>,
    /// Picture of the employee; not kept here.
    pub picture_url: Option<String>,
    /// What happened to it.
    pub activity_logs: Vec<ExpenseActivityLog>,
}

/// An activity that an expense belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityExpense {
    /// Its number.
    pub activity_id: i64,
}

/// A line of an expense.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpenseDetail {
    /// Its id.
    pub expense_detail_id: i64,
    /// The expense.
    pub expense_id: i64,
    /// Its type.
    #[schema(example = 1001)]
    pub expense_type_id: i64,
    /// Number of its category.
    pub category_id: Option<i64>,
    /// What it comes to.
    #[schema(value_type = f64)]
    pub amount1: Amount,
    /// The same.
    #[schema(value_type = f64)]
    pub amount: Amount,
    /// Nights.
    pub night: Option<i64>,
    /// Odometer at the start.
    pub miles_start: Option<i64>,
    /// Odometer at the end.
    pub miles_end: Option<i64>,
    /// Topic of the training.
    pub training_title: Option<String>,
    /// Hours of training.
    pub hours: Option<i64>,
    /// Minutes of training.
    pub minutes: Option<i64>,
    /// Taxi.
    #[schema(value_type = Option<f64>)]
    pub taxi: Option<Amount>,
    /// Tolls.
    #[schema(value_type = Option<f64>)]
    pub tollway: Option<Amount>,
    /// Parking.
    #[schema(value_type = Option<f64>)]
    pub parking: Option<Amount>,
    /// How many people.
    pub person: Option<i64>,
    /// Remark.
    pub note: Option<String>,
    /// Paid with the company's card.
    pub used_fuel_card: bool,
    /// The range of `expense-limits` in which it is.
    pub expense_limit_ranges_id: Option<i64>,
}

impl ExpenseDetail {
    /// A line of the expense with this id.
    pub(super) fn of(expense_id: i64, line: Line) -> ExpenseDetail {
        let money = Amount::from_units;
        ExpenseDetail {
            expense_detail_id: line.id,
            expense_id,
            expense_type_id: line.kind,
            category_id: line.category,
            amount1: money(line.amount),
            amount: money(line.amount),
            night: line.night,
            miles_start: line.miles_start,
            miles_end: line.miles_end,
            training_title: line.training_title,
            hours: line.hours,
            minutes: line.minutes,
            taxi: line.taxi.map(money),
            tollway: line.tollway.map(money),
            parking: line.parking.map(money),
            person: line.person,
            note: line.note,
            used_fuel_card: line.used_fuel_card,
            expense_limit_ranges_id: line.limit,
        }
    }
}

/// A step of approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpenseState {
    /// Its id.
    pub expense_states_id: i64,
    /// The expense.
    pub expense_id: i64,
    /// The status that it brought.
    pub status_id: i64,
    /// Who did it.
    pub created_by_user_id: String,
    /// When.
    pub date_created: String,
    /// The level.
    pub approve_level: i64,
    /// Its place.
    pub seq: i64,
}

/// Something that happened to an expense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpenseActivityLog {
    /// Its id.
    pub activity_log_id: i64,
    /// The expense.
    pub ref_id: i64,
    /// What was said to it.
    pub comment: Option<String>,
    /// 1 created, 2 changed, 3 approved, 4 rejected, 5 cancelled.
    pub log_type: i64,
    /// The status afterwards.
    #[schema(example = 303)]
    pub status: i64,
    /// The status before; null of a new expense.
    #[schema(example = 302)]
    pub previous_status: Option<i64>,
    /// When.
    pub date_created: String,
    /// Who did it.
    pub created_by_user_id: String,
    /// The same person.
    pub user_info: ExpenseUserInfo,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpenseUserInfo {
    /// User id, or the id of an API client.
    pub user_id: String,
    /// Name of the employee, or of the API client.
    pub fullname: String,
    /// Since when there is the account.
    pub date_created: Option<String>,
    /// When it was last changed.
    pub date_modified: Option<String>,
    /// The same as `userId`.
    pub identity_user_id: String,
}

/// Who is who: employees by user id, API clients by their id.
#[derive(Debug, Default)]
pub(super) struct People {
    employees: HashMap<Uuid, Known>,
    clients: HashMap<String, String>,
}

impl People {
    async fn of_rows(conn: &mut Conn, company: i64, rows: &[Row]) -> Result<People, Error> {
        let mut ids: Vec<Uuid> = Vec::new();
        let mut others: Vec<String> = Vec::new();
        for row in rows {
            ids.extend(row.owner);
            for entry in &row.log {
                match entry.by.parse() {
                    Ok(id) => ids.push(id),
                    Err(_) => others.push(entry.by.clone()),
                }
            }
        }
        let employees = known::by_ids(conn, company, ids).await?;
        others.sort_unstable();
        others.dedup();
        let mut wanted = Rows::new(&[("id", Type::Text)]);
        for id in &others {
            wanted.push([id.as_str().into()]);
        }
        let clients: Vec<(String, String)> = match wanted.is_empty() {
            true => Vec::new(),
            false => {
                conn.sql("select client.id, client.name from ")
                    .push_rows(&wanted)
                    .push(" as input cross join client where client.id = input.id and client.company = ")
                    .push_bind(company)
                    .all()
                    .await?
            }
        };
        Ok(People { employees, clients: clients.into_iter().collect() })
    }

    fn info(&self, by: &str) -> ExpenseUserInfo {
        let employee = by.parse::<Uuid>().ok().and_then(|id| self.employees.get(&id));
        ExpenseUserInfo {
            user_id: by.to_owned(),
            fullname: employee.map(Known::fullname).or_else(|| self.clients.get(by).cloned()).unwrap_or_default(),
            date_created: None,
            date_modified: None,
            identity_user_id: by.to_owned(),
        }
    }
}

impl Row {
    fn view(self, people: &People, zone: &Zone) -> Expense {
        let time = |at: i64| time::text(at, zone);
        let (can_change, waits) = (self.can_change(), self.status == WAITING);
        let owner = self.owner.and_then(|id| people.employees.get(&id));
        let id = self.id;
        // Each entry follows on the one before it; that of the first that is still kept is not known.
        let before: Vec<Option<i64>> =
            std::iter::once(None).chain(self.log.iter().map(|entry| Some(entry.status))).collect();
        Expense {
            expense_id: id,
            company_id: self.company,
            team_id: self.team,
            activity_id: self.activity,
            expense_no: self.number,
            status_id: self.status,
            status_name: status_name(self.status),
            date_transaction: time(self.spent_at),
            created_by_user_id: self.created_by,
            date_created: time(self.created_at),
            updated_by_user_id: Some(self.modified_by.clone()),
            date_updated: Some(time(self.modified_at)),
            modified_by_user_id: Some(self.modified_by),
            staff_code: owner.map(|known| known.staff_code.clone()),
            staff_name: owner.map(Known::fullname),
            waiting_approve_by_user_id: self.waits_for.filter(|_| waits).map(|id| id.to_string()),
            waiting_approve_by_role_id: None,
            waiting_approve_by_rank_no: waits.then_some(self.level),
            approve_levels: self.levels,
            approved_by_user_id: self.approved_by,
            date_approved: self.approved_at.map(time),
            remark: self.remark,
            subject: self.subject,
            total: self.total,
            total_baht: self.total,
            total_to_pay: self.to_pay,
            activity_expenses: self.activity.map(|activity_id| ActivityExpense { activity_id }).into_iter().collect(),
            expense_details: self.lines.into_iter().map(|line| ExpenseDetail::of(id, line)).collect(),
            expense_states: (1..)
                .zip(self.states)
                .map(|(seq, state)| ExpenseState {
                    expense_states_id: state.id,
                    expense_id: id,
                    status_id: state.status,
                    created_by_user_id: state.by,
                    date_created: time(state.at),
                    approve_level: state.level,
                    seq,
                })
                .collect(),
            can_approve: waits,
            is_edit: can_change,
            deletable: can_change,
            reason: self.reason,
            attachments: Vec::new(),
            picture_url: None,
            activity_logs: self
                .log
                .into_iter()
                .zip(before)
                .map(|(entry, previous_status)| ExpenseActivityLog {
                    activity_log_id: entry.id,
                    ref_id: id,
                    user_info: people.info(&entry.by),
                    comment: entry.comment,
                    log_type: entry.kind,
                    status: entry.status,
                    previous_status,
                    date_created: time(entry.at),
                    created_by_user_id: entry.by,
                })
                .collect(),
        }
    }
}

impl Record for Row {
    const TABLE: &'static str = "expense";
    const TOPIC: &'static str = "Expense";
    const OWNER: Option<&'static str> = Some("owner");
    const STAMPED: &'static [&'static str] = &["dateUpdated", "updatedByUserId", "modifiedByUserId", "activityLogs"];
    type View = Expense;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.number, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let lines = self.lines.iter().flat_map(|line| [line.note.as_deref(), line.training_title.as_deref()]);
        let texts = std::iter::once(self.remark.as_deref()).chain(lines).flatten();
        [self.number.as_str(), self.subject.as_str()].into_iter().chain(texts).collect()
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<Expense>, Error> {
        let people = People::of_rows(conn, company, &rows).await?;
        Ok(rows.into_iter().map(|row| row.view(&people, zone)).collect())
    }
}

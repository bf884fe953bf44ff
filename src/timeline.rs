//! What happened with a customer, the newest first: chat rooms, events, activities, cases, tasks, deals, quotations, orders,
//! contracts and e-mails in one list.
//!
//! A page is one statement. Each kind of record reads no more of its index than a page has, from the cursor on where the page
//! before ended; so a page costs the same however long the history is. A new kind is one more `Arm`.

use std::cmp::Reverse;

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::{Conn, Query as Select, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::chat::room::preview;
use crate::customer::store as customers;
use crate::http::{Caller, Code, Envelope, Error, Faults, Page, Paging, Path, Query, Reply};
use crate::inbox::rights;
use crate::mail;
use crate::record;
use crate::sales::{contract, deal, order, quotation};
use crate::service::{Activity, Case};
use crate::task;
use crate::time::{self, Zone};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_customer_timeline))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct CustomerPath {
    /// The customer's code, in any letter case.
    customer_code: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct TimelineQuery {
    /// Only entries of these kinds, with commas between them: `room`, `event`, `activity`, `case`, `task`, `deal`,
    /// `quotation`, `order`, `contract`, `mail`.
    kinds: Option<String>,
    /// Entries a page: 1 to 200, default 20. Also spelled `pageLength`.
    take: Option<i64>,
    #[param(ignore)]
    page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it.
    cursor: Option<String>,
    /// The same as `cursor`.
    #[param(ignore)]
    before: Option<String>,
}

/// Something that happened with a customer, or is going to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TimelineEntry {
    /// `room`, `event`, `activity`, `case`, `task`, `deal`, `quotation`, `order`, `contract` or `mail`.
    #[schema(example = "case")]
    kind: String,
    /// When: of a room its last message, of an activity its begin, of a case when it was raised, of a deal when it was
    /// offered, of a contract its begin, of a task, a quotation and an order when it was entered, of an e-mail when it was
    /// asked for.
    #[schema(example = "2025-02-05T17:35:53+0700")]
    date: String,
    /// The record's number or id, by which its own operations know it.
    #[schema(example = "T250200010")]
    reference: String,
    /// What it is called.
    title: String,
    /// What was said last in the room, more about the event, or the record that an e-mail is about: `quotation/QT2511-0001`.
    text: Option<String>,
    /// How far it has come, of a kind of record that has a status.
    #[schema(example = "open")]
    status: Option<String>,
    /// User id of whoever sees to it.
    assigned_to_user_id: Option<Uuid>,
}

#[derive(Debug, Deserialize)]
struct Row {
    rank: i64,
    at: i64,
    number: i64,
    room: Option<Uuid>,
    reference: String,
    title: String,
    said: String,
    status: String,
    assignee: Option<Uuid>,
}

/// A kind of record in the timeline.
struct Arm {
    kind: &'static str,
    /// `select …` with the columns of [`Row`], up to `where company = `.
    select: &'static str,
    /// The column of its time, by which, with the customer before it, an index is ordered.
    at: &'static str,
    /// What rows must be besides; begins with ` and `.
    condition: &'static str,
    /// Whether its ids are UUIDs.
    by_uuid: bool,
    /// The scope without which the kind is left out, besides the customer's own.
    scope: &'static str,
    /// Narrows it to what the caller may see.
    within: for<'c> fn(Select<'c>, &Caller) -> Select<'c>,
}

/// The kinds; of entries of one moment the earlier kind comes first. The number that each selects as `rank` is its index here.
const ARMS: &[Arm] = &[
    Arm {
        kind: "room",
        select: "select 0 as rank, last_at as at, 0 as number, id as room, '' as reference, name as title,
                        coalesce(last_content, '') as said, '' as status, cast(null as uuid) as assignee
                 from room where company = ",
        at: "last_at",
        condition: " and erased_at is null",
        by_uuid: true,
        scope: "chat:read",
        within: rights::within,
    },
    Arm {
        kind: "event",
        select: "select 1 as rank, happens_at as at, id as number, cast(null as uuid) as room, cast(id as text) as reference, name as title,
                        coalesce(description, '') as said, '' as status, cast(null as uuid) as assignee
                 from customer_event where company = ",
        at: "happens_at",
        condition: "",
        by_uuid: false,
        scope: "customer:read",
        within: |query, _| query,
    },
    Arm {
        kind: "activity",
        select: "select 2 as rank, starts_at as at, id as number, cast(null as uuid) as room, no as reference, subject as title,
                        coalesce(outcome, '') as said, state as status, assignee
                 from activity where company = ",
        at: "starts_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "activity:read",
        within: |query, caller| record::within::<Activity>(query, caller),
    },
    Arm {
        kind: "case",
        select: "select 3 as rank, raised_at as at, id as number, cast(null as uuid) as room, no as reference, subject as title,
                        '' as said, status, assignee
                 from service_case where company = ",
        at: "raised_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "case:read",
        within: |query, caller| record::within::<Case>(query, caller),
    },
    Arm {
        kind: "task",
        select: "select 4 as rank, created_at as at, id as number, cast(null as uuid) as room, number as reference, subject as title,
                        '' as said, status, assignee
                 from task where company = ",
        at: "created_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "task:read",
        within: |query, caller| record::within::<task::Row>(query, caller),
    },
    Arm {
        kind: "deal",
        select: "select 5 as rank, deal_at as at, id as number, cast(null as uuid) as room, number as reference, name as title,
                        '' as said, case status when 1 then 'open' when 2 then 'won' when 3 then 'missed' else '' end as status, owner as assignee
                 from deal where company = ",
        at: "deal_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "deal:read",
        within: |query, caller| record::within::<deal::Row>(query, caller),
    },
    Arm {
        kind: "quotation",
        select: "select 6 as rank, created_at as at, id as number, cast(null as uuid) as room, number as reference, subject as title,
                        '' as said, case status when 1 then 'draft' when 2 then 'waitingForApproval' when 3 then 'waitingToBeSent'
                             when 4 then 'sent' when 5 then 'completed' when 6 then 'rejected' when 7 then 'cancelled' else '' end as status, owner as assignee
                 from quotation where company = ",
        at: "created_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "quotation:read",
        within: |query, caller| record::within::<quotation::Row>(query, caller),
    },
    Arm {
        kind: "order",
        select: "select 7 as rank, created_at as at, id as number, cast(null as uuid) as room, number as reference, subject as title,
                        '' as said, case status when 1 then 'draft' when 2 then 'open' when 3 then 'completed' when 4 then 'rejected'
                             when 5 then 'cancelled' else '' end as status, owner as assignee
                 from sales_order where company = ",
        at: "created_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "salesorder:read",
        within: |query, caller| record::within::<order::Row>(query, caller),
    },
    Arm {
        kind: "contract",
        select: "select 8 as rank, starts_at as at, id as number, cast(null as uuid) as room, number as reference, name as title,
                        '' as said, case status when 1601 then 'open' when 1602 then 'active' when 1603 then 'completed'
                             when 1604 then 'cancelled' else '' end as status, owner as assignee
                 from contract where company = ",
        at: "starts_at",
        condition: " and deleted_at is null",
        by_uuid: false,
        scope: "contract:read",
        within: |query, caller| record::within::<contract::Row>(query, caller),
    },
    Arm {
        kind: "mail",
        select: "select 9 as rank, created_at as at, id as number, cast(null as uuid) as room, cast(id as text) as reference, subject as title,
                        record as said, state as status, owner as assignee
                 from mail where company = ",
        at: "created_at",
        condition: " and customer is not null and deleted_at is null",
        by_uuid: false,
        scope: "mail:read",
        within: |query, caller| record::within::<mail::Row>(query, caller),
    },
];

/// A cursor: the page begins behind this entry: time, kind and id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    at: i64,
    rank: i64,
    id: String,
}

/// List what happened with a customer, the newest first.
///
/// A kind is left out where the caller may not read it: tasks without `task:read`, rooms without `chat:read`, and so on.
#[utoipa::path(
    get,
    path = "/v3/customers/{customerCode}/timeline",
    operation_id = "getCustomerTimeline",
    tag = "Customer",
    params(CustomerPath, TimelineQuery),
    responses((status = 200, description = "One page of entries.", body = Envelope<Page<TimelineEntry>>)),
    security(("bearerAuth" = ["customer:read"]))
)]
async fn get_customer_timeline(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CustomerPath>,
    Query(query): Query<TimelineQuery>,
) -> Result<Reply<Page<TimelineEntry>>, Error> {
    let mut conn = app.db.read().await?;
    let customer = customers::find(&mut conn, &caller, &path.customer_code).await?;
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, query.page_length, faults.list());
    let kinds = kinds(query.kinds.as_deref().unwrap_or_default(), &mut faults);
    let cursor = query.cursor.or(query.before).filter(|text| !text.trim().is_empty());
    let after = cursor.as_deref().map(Cursor::read);
    if after == Some(None) {
        faults.add(Code::InvalidValue, "cursor", "cursor must be the next of an earlier page of the timeline");
    }
    faults.end()?;
    let rows = read(&mut conn, &caller, customer.id, &kinds, after.flatten().as_ref(), paging.take + 1).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let page = Page::cut(rows, paging.take, |row| row.cursor().text());
    let value = page.value.into_iter().map(|row| row.view(&zone)).collect();
    Ok(Reply::ok(Page { value, next: page.next }))
}

/// The indexes of the kinds that are asked for; all when none is.
fn kinds(text: &str, faults: &mut Faults) -> Vec<usize> {
    let mut kinds = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match ARMS.iter().position(|arm| arm.kind.eq_ignore_ascii_case(word)) {
            Some(rank) => kinds.push(rank),
            None => {
                let known: Vec<&str> = ARMS.iter().map(|arm| arm.kind).collect();
                faults.add(Code::InvalidValue, "kinds", format!("kinds must be some of {}", known.join(", ")));
            }
        }
    }
    if kinds.is_empty() {
        kinds = (0..ARMS.len()).collect();
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

async fn read(
    conn: &mut Conn,
    caller: &Caller,
    customer: i64,
    kinds: &[usize],
    after: Option<&Cursor>,
    most: i64,
) -> Result<Vec<Row>, Error> {
    let has = |wanted: &str| caller.scopes.iter().any(|scope| scope == wanted);
    let arms: Vec<(usize, &Arm)> =
        ARMS.iter().enumerate().filter(|(rank, arm)| kinds.contains(rank) && has(arm.scope)).collect();
    if arms.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = conn.sql("");
    for (index, (rank, arm)) in arms.into_iter().enumerate() {
        query = query.push(if index == 0 { "select * from (" } else { " union all select * from (" });
        query = query.push(arm.select).push_bind(caller.company);
        query = query.push(" and customer = ").push_bind(customer).push(arm.condition);
        query = (arm.within)(query, caller);
        if let Some(cursor) = after {
            query = arm.behind(query, i64::try_from(rank).unwrap_or_default(), cursor);
        }
        query = query.push(" order by ").push(arm.at).push(" desc, id desc limit ").push_bind(most);
        query = query.push(") as arm");
    }
    let mut rows: Vec<Row> = query.all().await?;
    let order = |row: &Row| (Reverse(row.at), row.rank, Reverse((row.number, row.room)));
    rows.sort_by_key(order);
    rows.truncate(usize::try_from(most).unwrap_or_default());
    Ok(rows)
}

impl Arm {
    /// Only what comes behind a cursor.
    fn behind<'c>(&self, query: Select<'c>, rank: i64, cursor: &Cursor) -> Select<'c> {
        let id: Option<Value> = match self.by_uuid {
            true => Uuid::parse_str(&cursor.id).ok().map(Value::from),
            false => cursor.id.parse::<i64>().ok().map(Value::from),
        };
        match id.filter(|_| rank == cursor.rank) {
            Some(id) => {
                let query = query.push(" and (").push(self.at).push(", id) < (").push_bind(cursor.at);
                query.push(", ").push_bind(id).push(")")
            }
            None if rank > cursor.rank => query.push(" and ").push(self.at).push(" <= ").push_bind(cursor.at),
            None => query.push(" and ").push(self.at).push(" < ").push_bind(cursor.at),
        }
    }
}

impl Cursor {
    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}:{}", self.at, self.rank, self.id))
    }

    fn read(text: &str) -> Option<Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.splitn(3, ':');
        let (at, rank, id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.to_owned());
        Some(Cursor { at, rank, id })
    }
}

impl Row {
    fn cursor(&self) -> Cursor {
        Cursor {
            at: self.at,
            rank: self.rank,
            id: self.room.map_or_else(|| self.number.to_string(), |room| room.to_string()),
        }
    }

    fn view(self, zone: &Zone) -> TimelineEntry {
        let arm = usize::try_from(self.rank).ok().and_then(|rank| ARMS.get(rank));
        let text = |text: &str| Some(preview(text).to_owned()).filter(|text| !text.is_empty());
        TimelineEntry {
            kind: arm.map_or("", |arm| arm.kind).to_owned(),
            date: time::text(self.at, zone),
            reference: self.room.map_or(self.reference, |room| room.to_string()),
            text: text(&self.said),
            status: text(&self.status),
            title: self.title,
            assigned_to_user_id: self.assignee,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { at: -5, rank: 3, id: "a:b".to_owned() };
        assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        assert_eq!((Cursor::read("x"), Cursor::read("")), (None, None));
    }

    #[test]
    fn each_kind_says_its_own_index() {
        for (rank, arm) in ARMS.iter().enumerate() {
            assert!(arm.select.starts_with(&format!("select {rank} as rank,")), "{}", arm.kind);
        }
    }
}

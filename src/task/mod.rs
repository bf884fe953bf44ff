//! Tasks: what somebody is to do, by when, and for which customer. The resource to copy: see CONTRIBUTING.md.

mod put;
mod remind;
mod row;

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub use self::put::finish_all;
pub(crate) use self::put::{TaskWrite, put, put_named};
pub(crate) use self::remind::run;
use self::row::{Priority, Status};
pub(crate) use self::row::{Row, Task, key};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Checked, Conditions, Envelope, Error, Json, List, ListEnvelope, Path, Reply};
use crate::record;
use crate::staff::employee;

/// All routes of this module.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_task))
        .routes(routes!(enquire_tasks))
        .routes(routes!(get_task, delete_task))
        .routes(routes!(set_task_status))
        .routes(routes!(restore_task))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct TaskPath {
    /// The task's number.
    task_no: String,
}

/// Where a task stands now.
#[derive(Debug, Deserialize, ToSchema)]
struct TaskStatusWrite {
    /// `open`, `doing`, `done` or `cancelled`.
    #[schema(example = "done")]
    status: String,
}

/// Which tasks to list. Every property may be absent or null: no filter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TaskEnquiry {
    /// Part of number, subject, note or a label, in any letter case.
    keyword: Option<String>,
    /// Only tasks in one of these states.
    #[schema(example = json!(["open", "doing"]))]
    statuses: Option<Vec<String>>,
    /// Only tasks of one of these priorities.
    priorities: Option<Vec<String>>,
    /// Only tasks of this employee: user id or staff code.
    assigned_to_user_id: Option<String>,
    /// Only tasks of this customer.
    customer_code: Option<String>,
    /// Only tasks about this deal.
    deal_no: Option<String>,
    /// Only tasks about this case.
    case_no: Option<String>,
    /// Only tasks about this chat room.
    room_id: Option<Uuid>,
    /// Only tasks that are due from this time on.
    date_due_from: Option<String>,
    /// Only tasks that are due until this time; a day belongs to it.
    date_due_to: Option<String>,
    /// True: only tasks that are past their time and not closed.
    is_overdue: Option<bool>,
    /// `dateDue`, `dateModified` or `dateCreated`; with `-` before it the other way round.
    #[schema(example = "dateDue")]
    order_by: Option<String>,
    /// Records to leave out; not together with `cursor`.
    skip: Option<i64>,
    /// Records a page: at most 200, default 20.
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

/// The orders of lists; each has its index.
const ORDERS: [Order; 3] = [
    Order { name: "dateDue", column: "due_order", descending: false },
    Order { name: "dateModified", column: "modified_at", descending: true },
    Order { name: "dateCreated", column: "id", descending: true },
];

/// Create a task.
///
/// With `taskNo` the task of that number is updated: what is absent stays as it is, null clears it.
#[utoipa::path(
    post,
    path = "/v1/task",
    operation_id = "createOrUpdateTask",
    tag = "Task",
    params(Conditions),
    request_body = TaskWrite,
    responses((status = 200, description = "The task.", body = Envelope<Task>)),
    security(("bearerAuth" = ["task:write"]))
)]
async fn put_task(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Checked { value: input, faults }: Checked<TaskWrite>,
) -> Result<Reply<Task>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let saved = put(&mut tx, &by, &input, &faults, &conditions).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Get a task by its number.
#[utoipa::path(
    get,
    path = "/v1/task/{taskNo}",
    operation_id = "getTask",
    tag = "Task",
    params(TaskPath, Conditions),
    responses((status = 200, description = "The task.", body = Envelope<Task>)),
    security(("bearerAuth" = ["task:read"]))
)]
async fn get_task(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TaskPath>,
) -> Result<Reply<Task>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "number_key", key(&path.task_no)).await?;
    record::reply(&mut conn, row, &conditions).await
}

/// List tasks.
#[utoipa::path(
    post,
    path = "/v1/task/enquiry",
    operation_id = "enquireTasks",
    tag = "Task",
    request_body = TaskEnquiry,
    responses((status = 200, description = "One page of tasks.", body = ListEnvelope<Task>)),
    security(("bearerAuth" = ["task:read"]))
)]
async fn enquire_tasks(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<TaskEnquiry>,
) -> Result<List<Task>, Error> {
    let mut conn = app.db.read().await?;
    let page =
        PageWrite { skip: input.skip, take: input.take, page_length: input.page_length, cursor: input.cursor.clone() };
    let mut list = Lister::<Row>::open(&mut conn, &caller, &page, faults).await?;
    let statuses = words("statuses", input.statuses.as_deref(), &Status::WORDS, &mut list);
    let priorities = words("priorities", input.priorities.as_deref(), &Priority::WORDS, &mut list);
    list.keyword("keyword", input.keyword.as_deref())
        .any(" and status in (", statuses, ")")
        .any(" and priority in (", priorities, ")")
        .equal(" and case_no = ", input.case_no.as_deref())
        .equal(" and room = ", input.room_id)
        .period(
            ("dateDueFrom", input.date_due_from.as_deref(), " and due_order >= "),
            ("dateDueTo", input.date_due_to.as_deref(), " and due_order <= "),
        )
        .order(input.order_by.as_deref(), &ORDERS);
    if let Some(text) = input.assigned_to_user_id.as_deref() {
        let found = employee::named(&mut conn, caller.company, "assignedToUserId", text).await;
        let found = list.faults().take(found)?;
        list.equal(" and assignee = ", found);
    }
    if let Some(code) = input.customer_code.as_deref() {
        let found = customers::named(&mut conn, &caller, "customerCode", code).await;
        let found = list.faults().take(found)?.map(|customer| customer.id);
        list.equal(" and customer = ", found);
    }
    if let Some(deal) = input.deal_no.as_deref() {
        let parts = [" and id in (select task from task_deal where company = ", " and deal_no = ", ")"];
        list.only(&parts, vec![caller.company.into(), key(deal).into()]);
    }
    if input.is_overdue == Some(true) {
        list.only(&[" and status in ('open', 'doing') and due_order < ", ""], vec![app.now().into()]);
    }
    Ok(list.find(&mut conn).await?.list())
}

/// The words of a list as they are stored; what is none of them is a fault.
fn words<T: Copy>(
    field: &str,
    given: Option<&[String]>,
    known: &[(&'static str, T)],
    list: &mut Lister<'_, Row>,
) -> Vec<&'static str> {
    let known: Vec<(&'static str, &'static str)> = known.iter().map(|(word, _)| (*word, *word)).collect();
    let read = |(index, word): (usize, &String)| list.faults().choice(&format!("{field}[{index}]"), Some(word), &known);
    given.unwrap_or_default().iter().enumerate().filter_map(read).collect()
}

/// Set where a task stands.
///
/// When a task that recurs is done, the next one of its series is made.
#[utoipa::path(
    put,
    path = "/v1/task/{taskNo}/status",
    operation_id = "setTaskStatus",
    tag = "Task",
    params(TaskPath, Conditions),
    request_body = TaskStatusWrite,
    responses((status = 200, description = "The task.", body = Envelope<Task>)),
    security(("bearerAuth" = ["task:write"]))
)]
async fn set_task_status(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TaskPath>,
    Json(input): Json<TaskStatusWrite>,
) -> Result<Reply<Task>, Error> {
    let mut faults = crate::http::Faults::default();
    faults.required("status", &input.status, 20);
    let status = faults.choice("status", Some(&input.status), &Status::WORDS);
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old: Row = record::held(&mut tx, &caller, "number_key", key(&path.task_no), &conditions).await?;
            let new = old.clone().turned(status.unwrap_or(Status::Open), by.now);
            let saved = put::save(&mut tx, &by, Some(old), new).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Delete a task; it can be restored.
#[utoipa::path(
    delete,
    path = "/v1/task/{taskNo}",
    operation_id = "deleteTask",
    tag = "Task",
    params(TaskPath, Conditions),
    responses((status = 200, description = "It is deleted.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["task:write"]))
)]
async fn delete_task(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TaskPath>,
) -> Result<Reply<Option<String>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old: Row = record::held(&mut tx, &caller, "number_key", key(&path.task_no), &conditions).await?;
            record::remove(&mut tx, &by, old).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}

/// Restore a task that was deleted.
#[utoipa::path(
    post,
    path = "/v1/task/{taskNo}/restore",
    operation_id = "restoreTask",
    tag = "Task",
    params(TaskPath),
    responses((status = 200, description = "The task.", body = Envelope<Task>)),
    security(("bearerAuth" = ["task:write"]))
)]
async fn restore_task(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TaskPath>,
) -> Result<Reply<Task>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old: Row = record::held_deleted(&mut tx, &caller, "number_key", key(&path.task_no)).await?;
            let saved = record::restore(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

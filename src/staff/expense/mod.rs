//! Expenses: what employees claim, line by line, and its approval.

mod enquiry;
mod file;
mod input;
mod line;
mod put;
mod row;
mod taken;

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::row::Expense;
pub(crate) use self::row::Row;
pub(crate) use self::taken::take;

use self::input::{ExpenseWrite, Wanted};
use self::put::{Decision, Step};
use crate::app::App;
use crate::http::reply::One;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply, lenient};
use crate::record::{self, Actor};
use crate::search;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_expense))
        .routes(routes!(update_expense, get_expense, delete_expense))
        .routes(routes!(approve_expense))
        .routes(routes!(reject_expense))
        .routes(routes!(cancel_expense))
        .merge(enquiry::routes())
        .merge(file::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ExpensePath {
    /// Id of the expense.
    id: i64,
}

/// A decision about an expense.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExpenseDecision {
    /// What is said to it; required of a rejection.
    #[schema(example = "The receipt is missing")]
    comment: Option<String>,
    /// The same.
    reason: Option<String>,
    /// Staff code of the person who decides, where an API client brings his word.
    staff_code: Option<String>,
}

/// Create an expense with its lines: it waits for approval.
#[utoipa::path(
    post,
    path = "/v1/Expenses",
    operation_id = "createExpense",
    tag = "Expense",
    request_body = ExpenseWrite,
    responses((status = 200, description = "The expense.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:write"]))
)]
async fn create_expense(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ExpenseWrite>,
) -> Result<Reply<One<Expense>>, Error> {
    let (wanted, faults) = read(input, faults);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let saved = put::put(&mut tx, &by, None, &wanted, faults.clone()).await?;
            let value = file::write(&app, &mut tx, &caller, saved.view, &wanted).await?;
            tx.reply(Reply::ok(One { value })).await
        })
        .await
}

fn read(input: ExpenseWrite, found: Vec<Fault>) -> (Wanted, Faults) {
    let mut faults = Faults::new(found);
    let wanted = input::read(input, &mut faults);
    (wanted, faults)
}

/// Enters an expense as a request would, for who has no request.
pub(crate) async fn enter(tx: &mut Conn, by: &Actor, body: Value) -> Result<(), Error> {
    let input: ExpenseWrite = lenient::decode_value(&body).map_err(Error::Invalid)?;
    let (wanted, faults) = read(input, Vec::new());
    put::put(tx, by, None, &wanted, faults).await.map(drop)
}

/// Replace the content of an expense: lines that are left out go, what else is absent stays. 409 once it is approved.
#[utoipa::path(
    put,
    path = "/v1/Expenses/{id}",
    operation_id = "updateExpense",
    tag = "Expense",
    params(ExpensePath, Conditions),
    request_body = ExpenseWrite,
    responses((status = 200, description = "The expense.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:write"]))
)]
async fn update_expense(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ExpensePath>,
    Checked { value: input, faults }: Checked<ExpenseWrite>,
) -> Result<Reply<One<Expense>>, Error> {
    let (wanted, faults) = read(input, faults);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = match record::held::<Row>(&mut tx, &caller, "id", path.id, &conditions).await {
                Err(Error::NotFound(what)) => {
                    faults.clone().end()?;
                    return Err(Error::NotFound(what));
                }
                found => found?,
            };
            let saved = put::put(&mut tx, &by, Some(old), &wanted, faults.clone()).await?;
            let version = saved.row.version;
            let value = file::write(&app, &mut tx, &caller, saved.view, &wanted).await?;
            tx.reply(Reply::ok(One { value }).version(version, &Conditions::default())).await
        })
        .await
}

/// Read one expense with its lines, its steps of approval, its files and its log.
#[utoipa::path(
    get,
    path = "/v1/Expenses/{id}",
    operation_id = "getExpense",
    tag = "Expense",
    params(ExpensePath, Conditions),
    responses((status = 200, description = "The expense.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:read"]))
)]
async fn get_expense(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ExpensePath>,
) -> Result<Reply<One<Expense>>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "id", path.id).await?;
    let version = row.version;
    let view = record::view(&mut conn, row).await?;
    let value = file::with_files(&app, &mut conn, view).await?;
    Ok(Reply::ok(One { value }).version(version, &conditions))
}

/// Delete an expense that is not approved.
#[utoipa::path(
    delete,
    path = "/v1/Expenses/{id}",
    operation_id = "deleteExpense",
    tag = "Expense",
    params(ExpensePath, Conditions),
    responses((status = 200, description = "The expense as it was.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:write"]))
)]
async fn delete_expense(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ExpensePath>,
) -> Result<Reply<One<Expense>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old: Row = record::held(&mut tx, &caller, "id", path.id, &conditions).await?;
            old.changeable("id")?;
            let saved = record::remove(&mut tx, &by, old).await?;
            tx.reply(Reply::ok(One { value: saved.view })).await
        })
        .await
}

/// Approve an expense on the level on which it waits.
#[utoipa::path(
    post,
    path = "/v1/Expenses/{id}/approve",
    operation_id = "approveExpense",
    tag = "Expense",
    params(ExpensePath, Conditions),
    request_body = ExpenseDecision,
    responses((status = 200, description = "The expense: approved, or waiting on the next level.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:approve"]))
)]
async fn approve_expense(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ExpensePath>,
    Checked { value: input, faults }: Checked<ExpenseDecision>,
) -> Result<Reply<One<Expense>>, Error> {
    decide(&app, &caller, &conditions, path.id, Step::Approved, input, faults).await
}

/// Reject an expense: whoever claims can change it, and then it waits again from the first level on.
#[utoipa::path(
    post,
    path = "/v1/Expenses/{id}/reject",
    operation_id = "rejectExpense",
    tag = "Expense",
    params(ExpensePath, Conditions),
    request_body = ExpenseDecision,
    responses((status = 200, description = "The expense.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:approve"]))
)]
async fn reject_expense(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ExpensePath>,
    Checked { value: input, faults }: Checked<ExpenseDecision>,
) -> Result<Reply<One<Expense>>, Error> {
    decide(&app, &caller, &conditions, path.id, Step::Rejected, input, faults).await
}

/// Withdraw an expense that is not approved.
#[utoipa::path(
    post,
    path = "/v1/Expenses/{id}/cancel",
    operation_id = "cancelExpense",
    tag = "Expense",
    params(ExpensePath, Conditions),
    request_body = ExpenseDecision,
    responses((status = 200, description = "The expense.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:write"]))
)]
async fn cancel_expense(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ExpensePath>,
    Checked { value: input, faults }: Checked<ExpenseDecision>,
) -> Result<Reply<One<Expense>>, Error> {
    decide(&app, &caller, &conditions, path.id, Step::Cancelled, input, faults).await
}

async fn decide(
    app: &App,
    caller: &Caller,
    conditions: &Conditions,
    id: i64,
    step: Step,
    input: ExpenseDecision,
    found: Vec<Fault>,
) -> Result<Reply<One<Expense>>, Error> {
    let mut faults = Faults::new(found);
    let comment = input.comment.or(input.reason).map(|text| search::trimmed(&text).to_owned());
    let comment = comment.filter(|text| !text.is_empty());
    if step == Step::Rejected && comment.is_none() {
        faults.add(Code::Required, "comment", "comment is required: say why it is rejected");
    }
    faults.longest("comment", comment.as_deref().unwrap_or_default(), 2000);
    faults.end()?;
    let decision = Decision { step, staff_code: input.staff_code, comment };
    caller
        .write(app, async |mut tx| {
            let by = tx.actor();
            let old: Row = record::held(&mut tx, caller, "id", id, conditions).await?;
            let saved = put::decide(&mut tx, &by, old, &decision).await?;
            let version = saved.row.version;
            let value = file::with_files(app, &mut tx, saved.view).await?;
            tx.reply(Reply::ok(One { value }).version(version, &Conditions::default())).await
        })
        .await
}

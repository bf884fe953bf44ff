//! Cases: what customers ask for, complain of, or let us know; who sees to it, and by when.

mod comment;
mod enquiry;
mod merge;
mod put;
mod room;
mod row;
mod target;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::put::CaseCreateRequest;
use self::put::{CaseUpdateRequest, Input};
pub use self::row::Row;
pub(crate) use self::row::Status;
pub(crate) use self::target::run;
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Json, Path, Reply, lenient};
use crate::record::{self, Actor, Outcome, Saved};
use crate::search;
use crate::setting::choice;
use crate::setting::list::List;

pub(crate) use self::row::CaseView;

/// What stands in paths where the number of a case may: no new case gets it.
const PATH_WORDS: [&str; 2] = ["categories", "enquiry"];

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add_case))
        .routes(routes!(get_case_categories))
        .routes(routes!(update_case, get_case, delete_case))
        .routes(routes!(restore_case))
        .routes(routes!(change_case_status))
        .merge(comment::routes())
        .merge(enquiry::routes())
        .merge(merge::routes())
        .merge(room::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct CasePath {
    /// The case's number.
    #[param(example = "T250200010")]
    case_no: String,
}

/// A category that a case can have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CaseCategory {
    /// Its number.
    #[schema(example = 2_140_016_585_i64)]
    category_id: i64,
    /// Its name.
    #[schema(example = "แจ้งซ่อม")]
    category_name: String,
    /// Its name in English.
    #[schema(example = "Repair")]
    category_name_en: Option<String>,
}

/// Another status for a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CaseStatusRequest {
    /// 1 new, 2 open, 3 waiting for the customer, 4 resolved, 5 closed, 6 cancelled.
    #[schema(example = 2)]
    status_id: Option<i64>,
    /// The same as a word: `open`.
    status: Option<String>,
    /// Why, as a comment.
    comment: Option<String>,
}

/// Open a case, tied to a customer, activities, deals and chat rooms where it is about some.
#[utoipa::path(
    post,
    path = "/v1/case",
    operation_id = "addCase",
    tag = "Case",
    request_body = CaseCreateRequest,
    responses((status = 200, description = "The case.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn add_case(
    State(app): State<App>,
    caller: Caller,
    Checked { value: new, faults }: Checked<CaseCreateRequest>,
) -> Result<Reply<CaseView>, Error> {
    let input = Input::from(new);
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let saved = put::create(&mut tx, &by, &input, faults.clone()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Opens a case in the caller's unit, as `POST /v1/case` does.
pub(crate) async fn open(tx: &mut db::Conn, by: &Actor, new: CaseCreateRequest) -> Result<Saved<Row>, Error> {
    put::create(tx, by, &Input::from(new), Vec::new()).await
}

/// Opens a case, or changes the one whose number is given, and gives it the status that is given: for files of cases, whose rows
/// are what both operations take.
pub(crate) async fn put(tx: &mut db::Conn, by: &Actor, body: &Value) -> Result<Saved<Row>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Known {
        case_no: Option<String>,
        status: Option<String>,
    }
    let known: Known = lenient::decode_value(body).map_err(Error::Invalid)?;
    let old: Option<Row> = match known.case_no.as_deref().filter(|no| !no.trim().is_empty()) {
        Some(no) => match held(tx, &by.caller, no, &Conditions::default()).await {
            Err(Error::NotFound(_)) => None,
            held => Some(held?),
        },
        None => None,
    };
    let saved = match old {
        Some(old) => {
            let change: CaseUpdateRequest = lenient::decode_value(body).map_err(Error::Invalid)?;
            put::update(tx, by, old, &change, Vec::new()).await?
        }
        None => open(tx, by, lenient::decode_value(body).map_err(Error::Invalid)?).await?,
    };
    let Some(word) = known.status.as_deref().filter(|word| !word.trim().is_empty()) else { return Ok(saved) };
    let Some(status) = Status::named(word) else {
        let message = format!("status “{word}” is not one of new, open, waiting, resolved, closed, cancelled");
        return Err(Error::invalid(Code::InvalidValue, "status", message));
    };
    if status == saved.row.status {
        return Ok(saved);
    }
    let turned = turn(tx, by, saved.row, status).await?;
    // What the file did to the record is what it did first.
    let outcome = if saved.outcome == Outcome::Unchanged { turned.outcome } else { saved.outcome };
    Ok(Saved { outcome, ..turned })
}

/// Change a case: what is absent stays, null clears.
#[utoipa::path(
    put,
    path = "/v1/case/{caseNo}",
    operation_id = "updateCaseByCaseNo",
    tag = "Case",
    params(CasePath, Conditions),
    request_body = CaseUpdateRequest,
    responses((status = 200, description = "The case after the change.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn update_case(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CasePath>,
    Json(change): Json<CaseUpdateRequest>,
) -> Result<Reply<CaseView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old = held(&mut tx, &caller, &path.case_no, &conditions).await?;
            let saved = put::update(&mut tx, &by, old, &change, Vec::new()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Read a case by its number.
#[utoipa::path(
    get,
    path = "/v1/case/{caseNo}",
    operation_id = "getCaseByCaseNo",
    tag = "Case",
    params(CasePath, Conditions),
    responses((status = 200, description = "The case.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:read"]))
)]
async fn get_case(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CasePath>,
) -> Result<Reply<CaseView>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "no_key", put::key(&path.case_no)).await?;
    record::reply(&mut conn, row, &conditions).await
}

/// Delete a case: it is in no list any more, and can be restored.
#[utoipa::path(
    delete,
    path = "/v1/case/{caseNo}",
    operation_id = "deleteCase",
    tag = "Case",
    params(CasePath, Conditions),
    responses((status = 200, description = "The case as it was.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn delete_case(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CasePath>,
) -> Result<Reply<CaseView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old = held(&mut tx, &caller, &path.case_no, &conditions).await?;
            let saved = record::remove(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Restore a case that was deleted.
#[utoipa::path(
    post,
    path = "/v1/case/{caseNo}/restore",
    operation_id = "restoreCase",
    tag = "Case",
    params(CasePath),
    responses((status = 200, description = "The case.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn restore_case(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CasePath>,
) -> Result<Reply<CaseView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old: Row = record::held_deleted(&mut tx, &caller, "no_key", put::key(&path.case_no)).await?;
            let saved = restore(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Brings a case back that was deleted.
pub(crate) async fn restore(tx: &mut db::Conn, by: &Actor, old: Row) -> Result<Saved<Row>, Error> {
    let saved = record::restore(tx, by, old).await?;
    target::ask(tx, &saved.row).await?;
    Ok(saved)
}

/// List the categories that a case can have.
#[utoipa::path(
    get,
    path = "/v1/case/categories",
    operation_id = "getCaseCategories",
    tag = "Case",
    responses((status = 200, description = "The categories that can be chosen.", body = Envelope<Vec<CaseCategory>>)),
    security(("bearerAuth" = ["case:read"]))
)]
async fn get_case_categories(State(app): State<App>, caller: Caller) -> Result<Reply<Vec<CaseCategory>>, Error> {
    let all = choice::all(&mut app.db.read().await?, caller.company, List::CaseCategories).await?;
    let active = all.into_iter().filter(|entry| entry.is_active);
    let categories = active.map(|entry| CaseCategory {
        category_id: entry.id,
        category_name: entry.name,
        category_name_en: entry.name_en,
    });
    Ok(Reply::ok(categories.collect()))
}

/// Give a case another status.
///
/// While a case waits for the customer, the time for its resolution stands still. What was resolved, closed or cancelled can
/// be opened again.
#[utoipa::path(
    put,
    path = "/v1/case/{caseNo}/status",
    operation_id = "changeCaseStatus",
    tag = "Case",
    params(CasePath, Conditions),
    request_body = CaseStatusRequest,
    responses((status = 200, description = "The case after the change.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn change_case_status(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CasePath>,
    Json(input): Json<CaseStatusRequest>,
) -> Result<Reply<CaseView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old = held(&mut tx, &caller, &path.case_no, &conditions).await?;
            let mut faults = Faults::default();
            let (field, text) = match (input.status_id, &input.status) {
                (Some(number), _) => ("statusId", number.to_string()),
                (None, word) => ("status", word.clone().unwrap_or_default()),
            };
            let status = Status::named(&text);
            if status.is_none() {
                let code = if text.trim().is_empty() { Code::Required } else { Code::InvalidValue };
                faults.add(
                    code,
                    field,
                    "statusId must be 1 new, 2 open, 3 waiting, 4 resolved, 5 closed or 6 cancelled",
                );
            }
            if let Some(comment) = &input.comment {
                faults.longest("comment", comment, comment::LONGEST);
            }
            faults.end()?;
            let saved = turn(&mut tx, &by, old, status.unwrap_or(Status::Open)).await?;
            let saved = match input.comment.as_deref().map(search::trimmed).filter(|text| !text.is_empty()) {
                Some(text) => comment::add(&mut tx, &by, saved.row, text, true).await?.0,
                None => saved,
            };
            tx.reply(saved.reply()).await
        })
        .await
}

/// Gives a case that is held another status; 409 where that does not follow.
async fn turn(tx: &mut db::Conn, by: &Actor, old: Row, to: Status) -> Result<Saved<Row>, Error> {
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "statusId", message)));
    if !Status::may(old.status, to) {
        return refuse(format!("{} is {} and cannot become {}", old.no, old.status.word(), to.word()));
    }
    let category = choice::find(tx, old.company, List::CaseCategories, old.category).await?;
    let targets = category.as_ref().map(target::Targets::of).unwrap_or_default();
    let calendar = target::calendar(tx, old.company, targets).await?;
    let mut row = Row { status: to, ..old.clone() };
    if to != old.status {
        target::follow(&mut row, old.status, &calendar, by.now);
    }
    put::save(tx, by, Some(old), row, "StatusChanged").await
}

/// A case by its number, held until the unit ends; 409 of one that was merged, which changes no more.
async fn held(tx: &mut db::Conn, caller: &Caller, no: &str, conditions: &Conditions) -> Result<Row, Error> {
    let row: Row = record::held(tx, caller, "no_key", put::key(no), conditions).await?;
    not_merged(tx, &row, "caseNo").await?;
    Ok(row)
}

/// 409 of a case that was merged, which names the one that stays; `field` is where the merged one was named.
async fn not_merged(tx: &mut db::Conn, row: &Row, field: &'static str) -> Result<(), Error> {
    let Some(into) = row.merged_into else { return Ok(()) };
    let query = tx.sql("select no from service_case where company = $1 and id = $2").bind(row.company).bind(into);
    let into: String = query.one().await?;
    let message = format!("{} was merged into the case {into}", row.no);
    Err(Error::Conflict(Fault::new(Code::Conflict, field, message)))
}

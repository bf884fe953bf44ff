//! Activities: visits, calls and meetings with customers, as they are planned and as they went.

mod calendar;
mod enquiry;
mod file;
mod put;
mod row;
mod visit;

use axum::extract::State as Shared;
use db::{Conn, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::put::{ActivityUpsertRequest, put};
pub use self::row::Row;
pub(crate) use self::row::{ActivityView, State};
use crate::app::App;
use crate::http::{Caller, Checked, Conditions, Envelope, Error, Path, Reply};
use crate::record::{self, Actor};
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::time;

/// What stands in paths where the number of an activity may: no new activity gets it.
const PATH_WORDS: [&str; 8] =
    ["calendars", "check-in", "enquiry", "key-activities", "keyactivities", "no", "statuses", "types"];

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_activity))
        .routes(routes!(get_activity_by_id))
        .routes(routes!(get_key_activities))
        .routes(routes!(get_activity_types))
        .routes(routes!(get_activity_statuses))
        .routes(routes!(get_activity_by_no, delete_activity))
        .routes(routes!(restore_activity))
        .merge(enquiry::routes())
        .merge(visit::routes())
        .merge(file::routes())
        .merge(calendar::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct NoPath {
    /// The activity's number; its id, when there are only digits.
    #[param(example = "A20250200028")]
    no: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct IdPath {
    /// The activity's id; its number, when there are not only digits.
    #[param(value_type = i64)]
    id: String,
}

/// An activity that was written, and what looks wrong with it.
#[derive(Debug, Serialize, ToSchema)]
struct ActivitySaved {
    #[serde(flatten)]
    activity: ActivityView,
    /// What looks wrong and is kept all the same: other activities of the same person at the same time.
    warnings: Vec<String>,
}

/// A key activity: what an activity is for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeyActivity {
    /// Its number.
    #[schema(example = 1)]
    key_activity_id: i64,
    /// Its name.
    #[schema(example = "นำเสนอสินค้า")]
    key_activity_name: String,
    /// Its name in English.
    #[schema(example = "Presentation")]
    key_activity_name_en: Option<String>,
}

/// A type of activities.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityType {
    /// Its number.
    #[schema(example = 1)]
    activity_type_id: i64,
    /// Its name.
    #[schema(example = "เข้าพบลูกค้า")]
    activity_type_name: String,
    /// Its name in English.
    #[schema(example = "Visit")]
    activity_type_name_en: Option<String>,
}

/// A status of activities.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityStatus {
    /// Its number.
    #[schema(example = 1)]
    status_id: i64,
    /// Its name.
    #[schema(example = "วางแผน")]
    status_name: String,
    /// Its name in English.
    #[schema(example = "Planned")]
    status_name_en: Option<String>,
    /// What it stands for.
    state: State,
}

/// Enter an activity, or change the one whose number is given.
///
/// What else the same person has planned at that time comes in `warnings`.
#[utoipa::path(
    post,
    path = "/v1/activity",
    operation_id = "createOrUpdateActivity",
    tag = "Activity",
    params(Conditions),
    request_body = ActivityUpsertRequest,
    responses((status = 200, description = "The activity.", body = Envelope<ActivitySaved>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn put_activity(
    Shared(app): Shared<App>,
    caller: Caller,
    conditions: Conditions,
    Checked { value: input, faults }: Checked<ActivityUpsertRequest>,
) -> Result<Reply<ActivitySaved>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let saved = put(&mut tx, &by, &input, &faults, &conditions).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            let warnings = put::overlaps(&mut tx, &caller, &saved.row, &zone).await?;
            let reply = Reply::ok(ActivitySaved { activity: saved.view, warnings });
            tx.reply(reply.version(saved.row.version, &Conditions::default())).await
        })
        .await
}

/// Read an activity by its id.
#[utoipa::path(
    get,
    path = "/v1/activities/{id}",
    operation_id = "getActivityById",
    tag = "Activity",
    params(IdPath, Conditions),
    responses((status = 200, description = "The activity.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn get_activity_by_id(
    Shared(app): Shared<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<IdPath>,
) -> Result<Reply<ActivityView>, Error> {
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, &caller, &path.id).await?;
    record::reply(&mut conn, row, &conditions).await
}

/// Read an activity by its number.
#[utoipa::path(
    get,
    path = "/v1/activity/{no}",
    operation_id = "getActivityByNo",
    tag = "Activity",
    params(NoPath, Conditions),
    responses((status = 200, description = "The activity.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn get_activity_by_no(
    Shared(app): Shared<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<NoPath>,
) -> Result<Reply<ActivityView>, Error> {
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, &caller, &path.no).await?;
    record::reply(&mut conn, row, &conditions).await
}

/// Delete an activity: it is in no list any more, and can be restored.
#[utoipa::path(
    delete,
    path = "/v1/activity/{no}",
    operation_id = "deleteActivity",
    tag = "Activity",
    params(NoPath, Conditions),
    responses((status = 200, description = "The activity as it was.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn delete_activity(
    Shared(app): Shared<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<NoPath>,
) -> Result<Reply<ActivityView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old = held(&mut tx, &caller, &path.no, &conditions).await?;
            let saved = record::remove(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Restore an activity that was deleted.
#[utoipa::path(
    post,
    path = "/v1/activity/{no}/restore",
    operation_id = "restoreActivity",
    tag = "Activity",
    params(NoPath),
    responses((status = 200, description = "The activity.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn restore_activity(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<NoPath>,
) -> Result<Reply<ActivityView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let (column, value) = by_name(&path.no);
            let old: Row = record::held_deleted(&mut tx, &caller, column, value).await?;
            let saved = record::restore(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// List the key activities of the company: what an activity can be for.
#[utoipa::path(
    get,
    path = "/v1/activity/key-activities",
    operation_id = "getKeyActivities",
    tag = "Activity",
    responses((status = 200, description = "Those that can be chosen.", body = Envelope<Vec<KeyActivity>>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn get_key_activities(Shared(app): Shared<App>, caller: Caller) -> Result<Reply<Vec<KeyActivity>>, Error> {
    let entries = entries(&app, &caller, List::KeyActivities).await?;
    let told = entries.into_iter().map(|entry| KeyActivity {
        key_activity_id: entry.id,
        key_activity_name: entry.name,
        key_activity_name_en: entry.name_en,
    });
    Ok(Reply::ok(told.collect()))
}

/// List the types that an activity can have.
#[utoipa::path(
    get,
    path = "/v1/activity/types",
    operation_id = "getActivityTypes",
    tag = "Activity",
    responses((status = 200, description = "Those that can be chosen.", body = Envelope<Vec<ActivityType>>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn get_activity_types(Shared(app): Shared<App>, caller: Caller) -> Result<Reply<Vec<ActivityType>>, Error> {
    let entries = entries(&app, &caller, List::ActivityTypes).await?;
    let told = entries.into_iter().map(|entry| ActivityType {
        activity_type_id: entry.id,
        activity_type_name: entry.name,
        activity_type_name_en: entry.name_en,
    });
    Ok(Reply::ok(told.collect()))
}

/// List the statuses that an activity can have.
#[utoipa::path(
    get,
    path = "/v1/activity/statuses",
    operation_id = "getActivityStatuses",
    tag = "Activity",
    responses((status = 200, description = "Those that can be chosen.", body = Envelope<Vec<ActivityStatus>>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn get_activity_statuses(Shared(app): Shared<App>, caller: Caller) -> Result<Reply<Vec<ActivityStatus>>, Error> {
    let entries = entries(&app, &caller, List::ActivityStatuses).await?;
    let told = entries.into_iter().map(|entry| ActivityStatus {
        state: put::state_of(&entry),
        status_id: entry.id,
        status_name: entry.name,
        status_name_en: entry.name_en,
    });
    Ok(Reply::ok(told.collect()))
}

async fn entries(app: &App, caller: &Caller, list: List) -> Result<Vec<Choice>, Error> {
    let mut all = choice::all(&mut app.db.read().await?, caller.company, list).await?;
    all.retain(|entry| entry.is_active);
    Ok(all)
}

/// By what an activity is found: its id when the text has only digits, else its number.
fn by_name(text: &str) -> (&'static str, Value) {
    match text.trim().parse::<i64>() {
        Ok(id) if text.trim().bytes().all(|letter| letter.is_ascii_digit()) => ("id", id.into()),
        _ => ("no_key", row::key(text).into()),
    }
}

/// An activity by its id or number.
async fn find(conn: &mut Conn, caller: &Caller, text: &str) -> Result<Row, Error> {
    let (column, value) = by_name(text);
    record::find(conn, caller, column, value).await
}

/// The same, held until the unit ends.
async fn held(tx: &mut Conn, caller: &Caller, text: &str, conditions: &Conditions) -> Result<Row, Error> {
    let (column, value) = by_name(text);
    record::held(tx, caller, column, value, conditions).await
}

//! The register of what persons ask for under a privacy law (in Thailand the Personal Data Protection Act, sections 30 to
//! 39): a copy of their data, or its erasure. Who asked, when, until when it is due, and what became of it.

mod archive;
pub(crate) mod erase;
pub(crate) mod export;
mod register;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::register::{Filter, Row};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Faults, Page, Paging, Path, Query, Reply};
use crate::time;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_privacy_request, list_privacy_requests))
        .routes(routes!(get_privacy_request))
        .routes(routes!(start_privacy_request))
        .routes(routes!(refuse_privacy_request))
        .routes(routes!(get_privacy_archive))
}

/// A request to enter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PrivacyRequestWrite {
    /// `export` (a copy of everything about the customer) or `erasure` (the person is removed, for good).
    #[schema(example = "export")]
    kind: String,
    /// The customer's code; a deleted customer's too.
    #[schema(example = "C000349")]
    customer_code: String,
    /// Who asked, and in whose name. Erasure removes it.
    #[schema(example = "The customer, by e-mail; identity checked by telephone")]
    requested_by: String,
    /// Why, when a reason was given. Erasure removes it.
    reason: Option<String>,
    /// When it came in; now when absent. The 30 days count from it.
    #[schema(example = json!(null))]
    date_received: Option<String>,
    /// Begin at once; otherwise it waits for `start` or `refuse`.
    #[schema(example = false)]
    start: Option<bool>,
}

/// Why a request is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PrivacyRefusalWrite {
    /// The reason, which the law wants written down.
    #[schema(example = "The documents must be kept for five years (Revenue Code)")]
    reason: String,
    /// The section of the law that it rests on.
    #[schema(example = "33")]
    section: Option<String>,
}

/// A request of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PrivacyRequest {
    /// Its number.
    #[schema(example = 12)]
    request_id: i64,
    /// `export` or `erasure`.
    #[schema(example = "export")]
    kind: String,
    /// Number of the customer for whom it was entered.
    customer_id: i64,
    /// Its code.
    #[schema(example = "C000349")]
    customer_code: String,
    /// `received`, `running`, `done`, `refused`, or `failed` (it can be started again).
    #[schema(example = "received")]
    state: String,
    /// Who asked.
    requested_by: String,
    /// Why.
    reason: Option<String>,
    /// Why it was refused, or failed.
    refusal_reason: Option<String>,
    /// The section of the law that the refusal rests on.
    refusal_section: Option<String>,
    /// When it came in.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_received: String,
    /// Until when it is to be answered: 30 days later.
    #[schema(example = "2025-02-28T15:38:43+0700")]
    date_due: String,
    /// Whether that is past and it is still open.
    is_overdue: bool,
    /// When it was done or refused.
    date_done: Option<String>,
    /// Who entered it: the id of an API client.
    created_by_user_id: String,
    /// What was done, as counts.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Where an export's archive is to be had, with a token; null when there is none (any more).
    archive_path: Option<String>,
    /// Its size in bytes.
    archive_size: Option<i64>,
    /// When it is deleted.
    date_archive_expires: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct RequestPath {
    /// The request's number.
    request_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct RequestQuery {
    /// Only requests in this state.
    state: Option<String>,
    /// Only `export`, or only `erasure`.
    kind: Option<String>,
    /// Only requests about this customer.
    customer_code: Option<String>,
    /// Only open requests that are past their time.
    overdue: Option<bool>,
    /// Number of a request: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<i64>,
    /// Requests a page: at most 200, default 20.
    take: Option<i64>,
}

/// Enter a request of a person: for a copy of the data, or for erasure.
///
/// It waits for `start` or `refuse`, so that whoever asks can be checked first; with `start` it begins at once.
#[utoipa::path(
    post,
    path = "/v1/privacy/requests",
    operation_id = "createPrivacyRequest",
    tag = "Privacy",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = PrivacyRequestWrite,
    responses((status = 201, description = "It is entered.", body = Envelope<PrivacyRequest>)),
    security(("bearerAuth" = ["privacy:write"], "subscriptionKey" = []))
)]
async fn create_privacy_request(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<PrivacyRequestWrite>,
) -> Result<Reply<PrivacyRequest>, Error> {
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let now = app.now();
    let received_at = check(&input, Faults::new(faults), &zone, now)?;
    let created = caller
        .write(&app, async |mut tx| {
            let mut row = register::create(&mut tx, &caller, &input, received_at, now).await?;
            if input.start == Some(true) {
                row = register::start(&mut tx, &caller, row.id, &Conditions::default(), now).await?;
            }
            let version = row.version;
            tx.reply(Reply::created(row.view(&zone, now)).version(version, &Conditions::default())).await
        })
        .await?;
    register::wake(&app);
    Ok(created)
}

/// List the requests of persons, the latest entered first: those about customers that the caller may see.
#[utoipa::path(
    get,
    path = "/v1/privacy/requests",
    operation_id = "listPrivacyRequests",
    tag = "Privacy",
    params(RequestQuery),
    responses((status = 200, description = "One page of requests.", body = Envelope<Page<PrivacyRequest>>)),
    security(("bearerAuth" = ["privacy:read"], "subscriptionKey" = []))
)]
async fn list_privacy_requests(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RequestQuery>,
) -> Result<Reply<Page<PrivacyRequest>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    let word = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_lowercase());
    let (state, kind) = (word(&query.state), word(&query.kind));
    one_of(&mut faults, "state", state.as_deref(), &register::STATES);
    one_of(&mut faults, "kind", kind.as_deref(), &register::KINDS);
    faults.end()?;
    let now = app.now();
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let filter = Filter { state, kind, customer: query.customer_code, overdue: query.overdue, before: query.before };
    let rows = register::list(&mut conn, &caller, &filter, paging.take + 1, now).await?;
    let value = rows.into_iter().map(|row| row.view(&zone, now)).collect();
    Ok(Reply::ok(Page::cut(value, paging.take, |request: &PrivacyRequest| request.request_id.to_string())))
}

/// Get a request of a person.
#[utoipa::path(
    get,
    path = "/v1/privacy/requests/{requestId}",
    operation_id = "getPrivacyRequest",
    tag = "Privacy",
    params(RequestPath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The request.", body = Envelope<PrivacyRequest>)),
    security(("bearerAuth" = ["privacy:read"], "subscriptionKey" = []))
)]
async fn get_privacy_request(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<RequestPath>,
) -> Result<Reply<PrivacyRequest>, Error> {
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let row = register::seen(&mut conn, &caller, path.request_id).await?;
    let version = row.version;
    Ok(Reply::ok(row.view(&zone, app.now())).version(version, &conditions))
}

/// Carry a request out: the archive is made, or the person erased, in the background.
///
/// Erasure cannot be taken back.
#[utoipa::path(
    post,
    path = "/v1/privacy/requests/{requestId}/start",
    operation_id = "startPrivacyRequest",
    tag = "Privacy",
    params(
        RequestPath,
        ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    responses((status = 200, description = "It runs.", body = Envelope<PrivacyRequest>)),
    security(("bearerAuth" = ["privacy:write"], "subscriptionKey" = []))
)]
async fn start_privacy_request(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<RequestPath>,
) -> Result<Reply<PrivacyRequest>, Error> {
    let now = app.now();
    let started = caller
        .write(&app, async |mut tx| {
            let row = register::start(&mut tx, &caller, path.request_id, &conditions, now).await?;
            let (zone, version) = (time::zone(&mut tx, caller.company).await?, row.version);
            tx.reply(Reply::ok(row.view(&zone, now)).version(version, &Conditions::default())).await
        })
        .await?;
    register::wake(&app);
    Ok(started)
}

/// Refuse a request, with the reason that the law wants written down.
#[utoipa::path(
    post,
    path = "/v1/privacy/requests/{requestId}/refuse",
    operation_id = "refusePrivacyRequest",
    tag = "Privacy",
    params(
        RequestPath,
        ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    request_body = PrivacyRefusalWrite,
    responses((status = 200, description = "It is refused.", body = Envelope<PrivacyRequest>)),
    security(("bearerAuth" = ["privacy:write"], "subscriptionKey" = []))
)]
async fn refuse_privacy_request(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<RequestPath>,
    Checked { value: input, faults }: Checked<PrivacyRefusalWrite>,
) -> Result<Reply<PrivacyRequest>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("reason", &input.reason, 2000);
    faults.longest("section", input.section.as_deref().unwrap_or_default(), 50);
    faults.end()?;
    let now = app.now();
    caller
        .write(&app, async |mut tx| {
            let row = register::refuse(&mut tx, &caller, path.request_id, &input, &conditions, now).await?;
            let (zone, version) = (time::zone(&mut tx, caller.company).await?, row.version);
            tx.reply(Reply::ok(row.view(&zone, now)).version(version, &Conditions::default())).await
        })
        .await
}

/// Download the archive of an export: a ZIP file.
///
/// 404 while there is none, and after its time: it is deleted a week after it was made.
#[utoipa::path(
    get,
    path = "/v1/privacy/requests/{requestId}/archive",
    operation_id = "getPrivacyArchive",
    tag = "Privacy",
    params(RequestPath),
    responses((status = 200, description = "The archive.", content_type = "application/zip")),
    security(("bearerAuth" = ["privacy:read"], "subscriptionKey" = []))
)]
async fn get_privacy_archive(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RequestPath>,
) -> Result<Response, Error> {
    let row = register::seen(&mut app.db.read().await?, &caller, path.request_id).await?;
    let archive = row.archive_at(app.now()).ok_or(Error::NotFound("archive"))?;
    let (size, bytes) = app.media.read(archive).await?.ok_or(Error::NotFound("archive"))?;
    tracing::info!(company = caller.company, client = caller.id, request = row.id, "a privacy archive is downloaded");
    let mut response = Response::new(Body::from_stream(bytes));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let name = format!("attachment; filename=\"privacy-request-{}.zip\"", row.id);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Refuses a request about a customer that the caller may not see, as if it were not there.
pub(crate) async fn must_see(conn: &mut Conn, caller: &Caller, id: i64) -> Result<(), Error> {
    register::seen(conn, caller, id).await.map(drop)
}

/// Everything that is wrong with a request, or when it came in.
fn check(input: &PrivacyRequestWrite, mut faults: Faults, zone: &time::Zone, now: i64) -> Result<i64, Error> {
    faults.required("kind", &input.kind, 50);
    one_of(&mut faults, "kind", Some(&input.kind), &register::KINDS);
    faults.required("customerCode", &input.customer_code, 50);
    faults.required("requestedBy", &input.requested_by, 300);
    faults.longest("reason", input.reason.as_deref().unwrap_or_default(), 2000);
    let mut received_at = now;
    if let Some(text) = input.date_received.as_deref().filter(|text| !text.trim().is_empty()) {
        match time::read(text, zone) {
            Some(at) if at <= now => received_at = at,
            Some(_) => faults.add(Code::OutOfRange, "dateReceived", "dateReceived must not be in the future"),
            None => faults.add(Code::InvalidFormat, "dateReceived", "dateReceived must be a time or a day"),
        }
    }
    faults.end()?;
    Ok(received_at)
}

fn one_of(faults: &mut Faults, field: &str, word: Option<&str>, words: &[&str]) {
    if let Some(word) = word
        && !words.contains(&word)
    {
        faults.add(Code::InvalidValue, field, format!("{field} must be one of {}", words.join(", ")));
    }
}

impl Row {
    fn view(self, zone: &time::Zone, now: i64) -> PrivacyRequest {
        let is_open = matches!(self.state.as_str(), "received" | "running" | "failed");
        let archive = self.archive_at(now).map(|_| format!("/v1/privacy/requests/{}/archive", self.id));
        PrivacyRequest {
            request_id: self.id,
            archive_size: self.archive_size.filter(|_| archive.is_some()),
            date_archive_expires: self.expires_at.map(|at| time::text(at, zone)),
            archive_path: archive,
            kind: self.kind,
            customer_id: self.customer,
            customer_code: self.customer_code,
            state: self.state,
            requested_by: self.requested_by,
            reason: self.reason,
            refusal_reason: self.refusal,
            refusal_section: self.section,
            date_received: time::text(self.received_at, zone),
            date_due: time::text(self.due_at, zone),
            is_overdue: is_open && now > self.due_at,
            date_done: self.done_at.map(|at| time::text(at, zone)),
            created_by_user_id: self.actor,
            result: self.result,
        }
    }
}

//! The operations about subscriptions. What became of each delivery: [`super::history`].

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::delivery::Subscription;
use super::post::{Post, post};
use super::subscription::{self, Listed, WebhookWrite};
use crate::app::App;
use crate::event;
use crate::event::catalogue::{self, EventKind};
use crate::http::{Caller, Conditions, Envelope, Error, Json, Listing, Path, Reply};
use crate::time::{self, Zone};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_webhook, list_webhooks))
        .routes(routes!(list_webhook_events))
        .routes(routes!(get_webhook, update_webhook, delete_webhook))
        .routes(routes!(test_webhook))
        .routes(routes!(rotate_webhook_secret))
        .merge(super::history::routes())
}

/// A subscription of a URL to events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its number.
    #[schema(example = 1)]
    webhook_id: i64,
    /// Where events are posted.
    #[schema(example = "https://example.com/hook")]
    url: String,
    /// What it is for.
    #[schema(example = "Stock to the shop")]
    description: Option<String>,
    /// Topics and events it hears of; an empty list means all that are not told by name only.
    #[schema(example = json!(["Chat", "Customer.Created"]))]
    topics: Vec<String>,
    /// `full`, or `thin`: of each record no more than what names it.
    #[schema(example = "full")]
    payload: String,
    /// Calls at once; null for the server's limit.
    #[schema(example = 8)]
    parallel: Option<i64>,
    /// Calls a second by each node; null for no limit.
    #[schema(example = 50)]
    rate_per_second: Option<i64>,
    /// `active`, `paused`, or `ended` by its receiver.
    #[schema(example = "active")]
    state: String,
    /// Why it is paused or ended.
    state_reason: Option<String>,
    /// Since when every delivery fails.
    failing_since: Option<String>,
    /// Until when nothing but one probe goes to it, because its receiver does not answer or asked for it.
    held_until: Option<String>,
    /// Until when the secret before the present one signs, too.
    old_secret_until: Option<String>,
    /// When it was made.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// When it was last changed.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_modified: String,
}

impl Webhook {
    fn new(row: Listed, zone: &Zone, now: i64) -> Webhook {
        let ahead = |at: i64| (at > now).then(|| time::text(at, zone));
        Webhook {
            webhook_id: row.id,
            topics: row.wishes(),
            held_until: ahead(row.held_until),
            old_secret_until: ahead(row.old_until),
            url: row.url,
            description: row.description,
            payload: row.payload,
            parallel: row.parallel,
            rate_per_second: row.rate,
            state: row.state,
            state_reason: row.state_reason,
            failing_since: row.failing_since.map(|at| time::text(at, zone)),
            date_created: time::text(row.created_at, zone),
            date_modified: time::text(row.modified_at.max(row.created_at), zone),
        }
    }
}

/// A new subscription, with the secret that is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookCreated {
    #[serde(flatten)]
    webhook: Webhook,
    /// Checks signatures, as Standard Webhooks describes it; not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// The secret that signs from now on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookSecret {
    /// The subscription's number.
    #[schema(example = 1)]
    webhook_id: i64,
    /// The new secret; not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// Until then each call is signed with the old secret, too.
    #[schema(example = "2025-01-30T15:38:43+0700")]
    old_secret_until: String,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTested {
    /// Whether the receiver took it: an answer from 200 to 299.
    #[schema(example = true)]
    delivered: bool,
    /// The status of the answer; null when there was none.
    #[schema(example = 200)]
    status: Option<i64>,
    /// Why it did not arrive.
    error: Option<String>,
    /// The beginning of the answer.
    #[schema(example = "{\"ok\":true}")]
    answer: Option<String>,
    /// How long it took, in milliseconds.
    #[schema(example = 42)]
    milliseconds: i64,
    /// The event's id, as the receiver got it in `webhook-id`.
    event_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookPath {
    /// The subscription's number.
    pub(super) id: i64,
}

impl WebhookTested {
    /// Whether the receiver took it.
    pub fn is_delivered(&self) -> bool {
        self.delivered
    }
}

async fn view(conn: &mut Conn, caller: &Caller, row: Listed, now: i64) -> Result<Webhook, Error> {
    let zone = time::zone(conn, caller.company).await?;
    Ok(Webhook::new(row, &zone, now))
}

/// Subscribe a URL to events.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    operation_id = "createWebhook",
    tag = "Webhooks",
    request_body = WebhookWrite,
    responses((status = 201, description = "The subscription, with its secret.", body = Envelope<WebhookCreated>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn create_webhook(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<WebhookWrite>,
) -> Result<Reply<WebhookCreated>, Error> {
    // A subscription sends what happens to everybody's records.
    caller.must_see_all("webhook:write")?;
    let secret = subscription::new_secret(&app.vault, caller.company)?;
    let now = app.now();
    caller
        .write(&app, async |mut tx| {
            let row = subscription::add(&mut tx, caller.company, &caller.id, &input, &secret, now).await?;
            let webhook = view(&mut tx, &caller, row, now).await?;
            tx.reply(Reply::created(WebhookCreated { webhook, secret: secret.text.clone() })).await
        })
        .await
}

/// List the subscriptions.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    operation_id = "listWebhooks",
    tag = "Webhooks",
    responses((status = 200, description = "The subscriptions, oldest first.", body = Envelope<Listing<Webhook>>)),
    security(("bearerAuth" = ["webhook:read"]))
)]
async fn list_webhooks(State(app): State<App>, caller: Caller) -> Result<Reply<Listing<Webhook>>, Error> {
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let rows = subscription::list(&mut conn, caller.company).await?;
    let total = i64::try_from(rows.len()).unwrap_or_default();
    let webhooks = rows.into_iter().map(|row| Webhook::new(row, &zone, app.now())).collect();
    Ok(Reply::ok(Listing::new(webhooks, total)))
}

/// List what a subscription can hear of.
#[utoipa::path(
    get,
    path = "/v1/webhooks/events",
    operation_id = "listWebhookEvents",
    tag = "Webhooks",
    responses((status = 200, description = "Every event, topic by topic.", body = Envelope<Listing<EventKind>>)),
    security(("bearerAuth" = ["webhook:read"]))
)]
async fn list_webhook_events(_: Caller) -> Result<Reply<Listing<EventKind>>, Error> {
    let kinds: Vec<EventKind> = catalogue::all().map(EventKind::from).collect();
    let total = i64::try_from(kinds.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(kinds, total)))
}

/// Read one subscription.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    operation_id = "getWebhook",
    tag = "Webhooks",
    params(WebhookPath, Conditions),
    responses((status = 200, description = "The subscription.", body = Envelope<Webhook>)),
    security(("bearerAuth" = ["webhook:read"]))
)]
async fn get_webhook(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<WebhookPath>,
) -> Result<Reply<Webhook>, Error> {
    let mut conn = app.db.read().await?;
    let row = subscription::find(&mut conn, caller.company, path.id).await?;
    let version = row.version;
    Ok(Reply::ok(view(&mut conn, &caller, row, app.now()).await?).version(version, &conditions))
}

/// Change a subscription, pause it, or let it go on.
#[utoipa::path(
    put,
    path = "/v1/webhooks/{id}",
    operation_id = "updateWebhook",
    tag = "Webhooks",
    params(WebhookPath, Conditions),
    request_body = WebhookWrite,
    responses((status = 200, description = "The subscription.", body = Envelope<Webhook>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn update_webhook(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<WebhookPath>,
    Json(input): Json<WebhookWrite>,
) -> Result<Reply<Webhook>, Error> {
    // A subscription sends what happens to everybody's records.
    caller.must_see_all("webhook:write")?;
    let now = app.now();
    caller
        .write(&app, async |mut tx| {
            let row =
                subscription::change(&mut tx, caller.company, &caller.id, path.id, &input, &conditions, now).await?;
            let version = row.version;
            let reply = Reply::ok(view(&mut tx, &caller, row, now).await?).version(version, &Conditions::default());
            tx.reply(reply).await
        })
        .await
}

/// Remove a subscription; what waits for it is not sent.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "Webhooks",
    params(WebhookPath),
    responses((status = 200, description = "It is removed.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn delete_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<WebhookPath>,
) -> Result<Reply<Option<String>>, Error> {
    let now = app.now();
    caller
        .write(&app, async |mut tx| {
            subscription::take_out(&mut tx, caller.company, &caller.id, path.id, now).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}

/// Post a test event to a subscription, and tell what came of it.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/test",
    operation_id = "testWebhook",
    tag = "Webhooks",
    params(WebhookPath),
    responses((status = 200, description = "What came of it; a receiver that failed is no error of the request.", body = Envelope<WebhookTested>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn test_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<WebhookPath>,
) -> Result<Reply<WebhookTested>, Error> {
    Ok(Reply::ok(test(&app, caller.company, path.id).await?))
}

/// Posts a test event to a subscription, also to one that is paused: one call, which leaves no delivery behind.
pub async fn test(app: &App, company: i64, id: i64) -> Result<WebhookTested, Error> {
    let found = Subscription::find(&mut app.db.read().await?, company, id).await?;
    let subscription = found.ok_or(Error::NotFound("webhook"))?;
    let secrets = subscription.secrets(app, company)?;
    let body = event::body("Webhook", "Test", "Webhook", &json!({"webhookId": id}))?;
    let event_id = Uuid::now_v7().to_string();
    let outcome = post(app, Post { url: &subscription.url, secrets: &secrets, id: &event_id, body }).await;
    Ok(WebhookTested {
        delivered: outcome.error.is_none(),
        status: outcome.status,
        error: outcome.error,
        answer: outcome.answer,
        milliseconds: outcome.millis,
        event_id,
    })
}

/// Give a subscription another secret; for a day each call is signed with the old one, too.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "Webhooks",
    params(WebhookPath),
    responses((status = 200, description = "The new secret.", body = Envelope<WebhookSecret>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn rotate_webhook_secret(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<WebhookPath>,
) -> Result<Reply<WebhookSecret>, Error> {
    // A subscription sends what happens to everybody's records.
    caller.must_see_all("webhook:write")?;
    let secret = subscription::new_secret(&app.vault, caller.company)?;
    let now = app.now();
    caller
        .write(&app, async |mut tx| {
            let until = subscription::rotate(&mut tx, caller.company, &caller.id, path.id, &secret, now).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            let old_secret_until = time::text(until, &zone);
            let answer = WebhookSecret { webhook_id: path.id, secret: secret.text.clone(), old_secret_until };
            tx.reply(Reply::ok(answer)).await
        })
        .await
}

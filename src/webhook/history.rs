//! What became of deliveries: requests and answers, and sending them again.

use axum::extract::State;
use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::api::WebhookPath;
use super::replay::{self, Span};
use super::subscription;
use crate::app::App;
use crate::event;
use crate::http::check::Faults;
use crate::http::{Caller, Code, Envelope, Error, Json, Page, Paging, Path, Query, Reply};
use crate::time::{self, Zone};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_webhook_deliveries))
        .routes(routes!(replay_webhook))
        .routes(routes!(replay_webhook_delivery))
}

/// One event on its way to one subscription.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// Its id: the subscription's number and the event's id.
    #[schema(example = "1-01936d1c-8a4e-7bb1-9d0e-2f1f2d1c7a55")]
    delivery_id: String,
    /// The subscription's number.
    #[schema(example = 1)]
    webhook_id: i64,
    /// The event's id, as the receiver gets it in `webhook-id`.
    #[schema(example = "01936d1c-8a4e-7bb1-9d0e-2f1f2d1c7a55")]
    event_id: String,
    /// Business area.
    #[schema(example = "Chat")]
    topic: String,
    /// What happened in it.
    #[schema(example = "Message")]
    event: String,
    /// `pending`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    state: String,
    /// Tries so far.
    #[schema(example = 1)]
    tries: i64,
    /// When it was to go out first.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// When it arrived, or was given up.
    #[schema(example = "2025-01-29T15:38:44+0700")]
    date_done: Option<String>,
    /// Why it was given up, or what the last try complained of.
    error: Option<String>,
    /// What is posted.
    request: DeliveryRequest,
    /// What came of the last try.
    answer: Option<DeliveryTry>,
    /// Tries that failed, the first one first.
    failed_tries: Vec<DeliveryTry>,
}

/// What is posted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryRequest {
    /// Where to.
    #[schema(example = "https://example.com/hook")]
    url: String,
    /// The body; null when the event is not kept any more, and for a person who does not see everybody's records.
    #[schema(value_type = Object)]
    body: Value,
}

/// What came of a try.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryTry {
    /// When it was made.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date: String,
    /// The status of the answer; null when there was none.
    #[schema(example = 200)]
    status: Option<i64>,
    /// Why it was no success.
    error: Option<String>,
    /// The beginning of the answer; null for a person who does not see everybody's records.
    #[schema(example = "{\"ok\":true}")]
    body: Option<String>,
    /// How long it took, in milliseconds.
    #[schema(example = 42)]
    milliseconds: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct DeliveryFilter {
    /// Only `pending`, `delivered` or `failed` ones.
    state: Option<String>,
    /// Only those of this event.
    event_id: Option<Uuid>,
    /// Where the page begins: `next` of the page before it.
    before: Option<Uuid>,
    /// Deliveries a page: at most 200, default 20.
    take: Option<i64>,
}

#[derive(Deserialize)]
struct Row {
    event: Uuid,
    state: String,
    tries: i64,
    last_status: Option<i64>,
    last_error: Option<String>,
    created_at: i64,
    done_at: Option<i64>,
    last_at: Option<i64>,
    last_millis: Option<i64>,
    last_answer: Option<String>,
    topic: Option<String>,
    name: Option<String>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct TryRow {
    event: Uuid,
    at: i64,
    millis: i64,
    status: Option<i64>,
    error: String,
    answer: Option<String>,
}

/// List what became of a subscription's deliveries, the newest first.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries",
    operation_id = "listWebhookDeliveries",
    tag = "Webhooks",
    params(WebhookPath, DeliveryFilter),
    responses((status = 200, description = "One page of deliveries, with what was sent and answered.", body = Envelope<Page<WebhookDelivery>>)),
    security(("bearerAuth" = ["webhook:read"]))
)]
async fn list_webhook_deliveries(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<WebhookPath>,
    Query(filter): Query<DeliveryFilter>,
) -> Result<Reply<Page<WebhookDelivery>>, Error> {
    let DeliveryFilter { state, event_id, before, take } = filter;
    let filter = Filter { state, event: event_id, before, take: take.unwrap_or(20) };
    let mut page = find(&mut app.db.read().await?, caller.company, path.id, &filter).await?;
    if !caller.sees_all() {
        // Bodies tell of everybody's records.
        for delivery in &mut page.value {
            delivery.request.body = Value::Null;
            delivery.answer.iter_mut().chain(&mut delivery.failed_tries).for_each(|tried| tried.body = None);
        }
    }
    Ok(Reply::ok(page))
}

/// Which deliveries are looked for.
#[derive(Debug)]
pub struct Filter {
    /// Only `pending`, `delivered` or `failed` ones.
    pub state: Option<String>,
    /// Only those of this event.
    pub event: Option<Uuid>,
    /// Only those of events before this one.
    pub before: Option<Uuid>,
    /// How many a page.
    pub take: i64,
}

/// A page of a subscription's deliveries, the newest first.
pub async fn find(conn: &mut Conn, company: i64, id: i64, filter: &Filter) -> Result<Page<WebhookDelivery>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, Some(filter.take), None, faults.list());
    let states = [("pending", "pending"), ("delivered", "delivered"), ("failed", "failed")];
    let state = faults.choice("state", filter.state.as_deref(), &states);
    faults.end()?;
    let webhook = subscription::find(conn, company, id).await?;
    let zone = time::zone(conn, company).await?;
    let mut query = conn
        .sql(
            "select d.event, d.state, d.tries, d.last_status, d.last_error, d.created_at, d.done_at, d.last_at,
                    d.last_millis, d.last_answer, event.topic, event.name, event.body
             from webhook_delivery as d left join event on event.company = d.company and event.id = d.event
             where d.company = $1 and d.webhook = $2",
        )
        .bind(company)
        .bind(id);
    if let Some(event) = filter.event {
        query = query.push(" and d.event = ").push_bind(event);
    }
    if let Some(before) = filter.before {
        query = query.push(" and d.event < ").push_bind(before);
    }
    query = match state {
        // In words, because an index holds just these.
        Some("failed") => query.push(" and d.state = 'failed'"),
        Some("pending") => query.push(" and d.state = 'pending'"),
        Some(state) => query.push(" and d.state = ").push_bind(state),
        None => query,
    };
    let rows: Vec<Row> = query.push(" order by d.event desc limit ").push_bind(paging.take + 1).all().await?;
    let page = Page::cut(rows, paging.take, |row| row.event.to_string());
    let failed = failed_tries(conn, company, id, &page.value).await?;
    let value = page.value.into_iter().map(|row| told(row, &webhook, &failed, &zone)).collect();
    Ok(Page { value, next: page.next })
}

async fn failed_tries(conn: &mut Conn, company: i64, webhook: i64, rows: &[Row]) -> Result<Vec<TryRow>, db::Error> {
    let mut events = Rows::new(&[("event", Type::Uuid)]);
    for row in rows {
        events.push([row.event.into()]);
    }
    if events.is_empty() {
        return Ok(Vec::new());
    }
    conn.sql(
        "select event, at, millis, status, error, answer from webhook_try
         where company = $1 and webhook = $2 and event in (select event from ",
    )
    .bind(company)
    .bind(webhook)
    .push_rows(&events)
    .push(" as input) order by event, id")
    .all()
    .await
}

fn told(row: Row, webhook: &subscription::Listed, failed: &[TryRow], zone: &Zone) -> WebhookDelivery {
    let thin = |body: String| if webhook.payload == "thin" { event::thin(&body) } else { body };
    let body = row.body.map(thin).and_then(|body| serde_json::from_str(&body).ok());
    let answer = row.last_at.map(|at| DeliveryTry {
        date: time::text(at, zone),
        status: row.last_status,
        error: row.last_error.clone(),
        body: row.last_answer,
        milliseconds: row.last_millis.unwrap_or_default(),
    });
    let tries = failed.iter().filter(|tried| tried.event == row.event).map(|tried| DeliveryTry {
        date: time::text(tried.at, zone),
        status: tried.status,
        error: Some(tried.error.clone()),
        body: tried.answer.clone(),
        milliseconds: tried.millis,
    });
    WebhookDelivery {
        delivery_id: format!("{}-{}", webhook.id, row.event),
        webhook_id: webhook.id,
        event_id: row.event.to_string(),
        topic: row.topic.unwrap_or_default(),
        event: row.name.unwrap_or_default(),
        state: row.state,
        tries: row.tries,
        date_created: time::text(row.created_at, zone),
        date_done: row.done_at.map(|at| time::text(at, zone)),
        error: row.last_error,
        request: DeliveryRequest { url: webhook.url.clone(), body: body.unwrap_or_default() },
        answer,
        failed_tries: tries.collect(),
    }
}

/// What is to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookReplay {
    /// From this time on, in the company's zone when it has no offset.
    #[schema(example = "2025-01-29T00:00:00+0700")]
    from: String,
    /// Until this time; until now when it is absent.
    #[schema(example = "2025-01-29T23:59:59+0700")]
    to: Option<String>,
    /// Also what arrived; without it, only what did not.
    #[schema(example = false)]
    all: Option<bool>,
}

/// How many events go out again.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookReplayed {
    /// The number of events.
    #[schema(example = 12)]
    count: u64,
}

/// Send a subscription again what it has missed in a time, or all of it.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/replay",
    operation_id = "replayWebhook",
    tag = "Webhooks",
    params(WebhookPath),
    request_body = WebhookReplay,
    responses((status = 200, description = "How many events go out again.", body = Envelope<WebhookReplayed>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn replay_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<WebhookPath>,
    Json(input): Json<WebhookReplay>,
) -> Result<Reply<WebhookReplayed>, Error> {
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let mut faults = Faults::default();
    faults.required("from", &input.from, 50);
    let from = faults.time("from", Some(input.from.as_str()), &zone).unwrap_or_default();
    let to = faults.time_end("to", input.to.as_deref(), &zone).unwrap_or(i64::MAX);
    if to < from {
        faults.add(Code::InvalidValue, "to", "to must not be before from");
    }
    faults.end()?;
    let span = Span { from, to, all: input.all.unwrap_or_default() };
    // In lots of its own: a request that is cut off has begun, and may be repeated.
    let count = replay::replay_span(&app.db, caller.company, path.id, span, app.now()).await?;
    caller.write(&app, async |tx| tx.reply(Reply::ok(WebhookReplayed { count })).await).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct DeliveryPath {
    /// The delivery's id.
    id: String,
}

/// Send one delivery again, whatever became of it.
#[utoipa::path(
    post,
    path = "/v1/webhooks/deliveries/{id}/replay",
    operation_id = "replayWebhookDelivery",
    tag = "Webhooks",
    params(DeliveryPath),
    responses((status = 200, description = "It goes out again.", body = Envelope<WebhookReplayed>)),
    security(("bearerAuth" = ["webhook:write"]))
)]
async fn replay_webhook_delivery(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<DeliveryPath>,
) -> Result<Reply<WebhookReplayed>, Error> {
    let named = path.id.split_once('-').and_then(|(id, event)| Some((id.parse::<i64>().ok()?, event.parse().ok()?)));
    let (webhook, event): (i64, Uuid) = named.ok_or(Error::NotFound("delivery"))?;
    caller
        .write(&app, async |mut tx| {
            replay::replay_one(&mut tx, caller.company, webhook, event, app.now()).await?;
            tx.reply(Reply::ok(WebhookReplayed { count: 1 })).await
        })
        .await
}

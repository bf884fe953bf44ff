//! Everything that is known of a message: how it was handed over, what that cost, the event that told of it, and what became of
//! each delivery of that.

use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::message::{self, ChatMessage};
use crate::event::first_id;
use crate::http::Caller;

/// A message with the story of its delivery.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageDetail {
    #[serde(flatten)]
    message: ChatMessage,
    /// What the delivery cost: `reply` (free) or `push` (counted by the provider); null before it was sent.
    cost: Option<String>,
    /// Why it failed or waits, in the provider's words.
    failure: Option<String>,
    /// Each try to hand it to the provider, oldest first.
    attempts: Vec<Attempt>,
    /// The event that told of it, and what became of that.
    events: Vec<MessageEvent>,
}

/// One try to hand a message to its provider.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    /// 1 for the first try of a call.
    number: i64,
    /// When it ended: Unix time in milliseconds.
    #[serde(alias = "at")]
    timestamp: i64,
    /// `reply` or `push`; messages that leave in one call share their attempts.
    route: String,
    /// `sent`, `retry`, `rate_limited`, `quota`, `token_dead`, `unauthorized`, `refused`, `unknown`.
    outcome: String,
    /// What the provider said.
    reason: Option<String>,
}

/// The event that told of a message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageEvent {
    /// The event's id, as receivers get it in `webhook-id`.
    id: Uuid,
    /// Its topic and name.
    #[schema(example = "Chat.Message")]
    name: String,
    /// When it happened: Unix time in milliseconds.
    timestamp: i64,
    /// What became of it at each subscription; empty for callers without `webhook:read`.
    deliveries: Vec<MessageDelivery>,
}

/// What became of an event at one subscription.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageDelivery {
    /// The subscription's number.
    #[serde(alias = "webhook")]
    #[schema(example = 1)]
    webhook_id: i64,
    /// Where it posts to.
    #[schema(example = "https://example.com/hook")]
    url: String,
    /// `pending`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    state: String,
    /// How often it was tried.
    #[schema(example = 1)]
    tries: i64,
    /// The status of the last answer.
    #[serde(alias = "last_status")]
    #[schema(example = 200)]
    status: Option<i64>,
    /// Why the last try failed.
    #[serde(alias = "last_error")]
    error: Option<String>,
    /// When it was done with: Unix time in milliseconds.
    #[serde(alias = "done_at")]
    done_at: Option<i64>,
}

/// A message with everything that is known of it. Deliveries are told to whoever may see webhooks.
pub(super) async fn detail(conn: &mut Conn, caller: &Caller, id: Uuid) -> Result<Option<MessageDetail>, db::Error> {
    #[derive(Deserialize)]
    struct Costs {
        cost: Option<String>,
        failure: Option<String>,
    }
    let company = caller.company;
    let Some(message) = message::find(conn, company, id).await? else { return Ok(None) };
    let costs: Costs = conn
        .sql("select cost, failure from message where company = $1 and id = $2")
        .bind(company)
        .bind(id)
        .one()
        .await?;
    let attempts = conn
        .sql(
            "select attempt.number, attempt.at, batch.route, attempt.outcome, attempt.reason
             from attempt join batch on batch.company = attempt.company and batch.id = attempt.batch
             where attempt.company = $1 and attempt.message = $2
             order by attempt.at, attempt.batch, attempt.number limit 200",
        )
        .bind(company)
        .bind(id)
        .all()
        .await?;
    let hears = caller.scopes.iter().any(|scope| scope == "webhook:read");
    let events = events(conn, company, id, hears).await?;
    Ok(Some(MessageDetail { message, cost: costs.cost, failure: costs.failure, attempts, events }))
}

/// An event of a message is written in the message's own unit of work; so much later, in milliseconds, there is none of it.
const SOON: i64 = 10_000;

/// The events that told of a message, with their deliveries where these are asked for.
async fn events(
    conn: &mut Conn,
    company: i64,
    message: Uuid,
    with_deliveries: bool,
) -> Result<Vec<MessageEvent>, db::Error> {
    // Of an id that is no time there is nothing to look for.
    let Some(made) = message.get_timestamp() else { return Ok(Vec::new()) };
    let at = i64::try_from(made.to_unix().0).unwrap_or_default() * 1000;
    let place: Option<(Uuid, i64)> = conn
        .sql("select room, number from message where company = $1 and id = $2")
        .bind(company)
        .bind(message)
        .optional()
        .await?;
    let Some((room, number)) = place else { return Ok(Vec::new()) };
    let found: Vec<(Uuid, String, String, i64)> = conn
        .sql(
            "select id, topic, name, at from event
             where company = $1 and id >= $2 and id < $3 and subject = $4 and place = $5 and topic = 'Chat' and name = 'Message'
             order by id limit 10",
        )
        .bind(company)
        .bind(first_id(at))
        .bind(first_id(at + SOON))
        .bind(room.to_string())
        .bind(number)
        .all()
        .await?;
    let mut events = Vec::with_capacity(found.len());
    for (id, topic, name, timestamp) in found {
        let deliveries = if with_deliveries { deliveries(conn, company, id).await? } else { Vec::new() };
        events.push(MessageEvent { id, name: format!("{topic}.{name}"), timestamp, deliveries });
    }
    Ok(events)
}

async fn deliveries(conn: &mut Conn, company: i64, event: Uuid) -> Result<Vec<MessageDelivery>, db::Error> {
    conn.sql(
        "select webhook_delivery.webhook, webhook.url, webhook_delivery.state, webhook_delivery.tries,
                webhook_delivery.last_status, webhook_delivery.last_error, webhook_delivery.done_at
         from webhook_delivery
         join webhook on webhook.company = webhook_delivery.company and webhook.id = webhook_delivery.webhook
         where webhook_delivery.company = $1 and webhook_delivery.event = $2
         order by webhook_delivery.webhook limit 100",
    )
    .bind(company)
    .bind(event)
    .all()
    .await
}

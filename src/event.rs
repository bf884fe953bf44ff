//! Events: what happened, written in the transaction in which it happened, and handed to the subscriptions that ask.

use db::{Conn, Rows, Type};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::Error;
use crate::job::{self, Kind};
use crate::webhook::delivery;

/// Something that happened.
#[derive(Debug)]
pub struct Event<'a> {
    /// The tenant.
    pub company: i64,
    /// Business area (`Chat`).
    pub topic: &'static str,
    /// What happened in it (`Message`).
    pub name: &'static str,
    /// What it is about, for example a room: a subscriber gets the events of one subject in order.
    pub subject: &'a str,
    /// Its place among the events of its subject, in which they are handed on: two nodes' clocks would not tell.
    pub place: i64,
    /// The body as subscribers get it: the same bytes at every try.
    pub body: String,
    /// When, in Unix milliseconds.
    pub at: i64,
}

/// Writes an event and one delivery for each subscription to its topic. After the commit, wake [`Kind::Webhook`].
pub async fn emit(tx: &mut Conn, event: &Event<'_>) -> Result<Uuid, db::Error> {
    emit_from(tx, event, event.at).await
}

/// The same for an event that is not handed on before this time, in Unix milliseconds.
pub async fn emit_from(tx: &mut Conn, event: &Event<'_>, from: i64) -> Result<Uuid, db::Error> {
    let id = Uuid::now_v7();
    tx.sql("insert into event (company, id, topic, name, subject, at, body, place) values ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(event.company)
        .bind(id)
        .bind(event.topic)
        .bind(event.name)
        .bind(event.subject)
        .bind(event.at)
        .bind(event.body.as_str())
        .bind(event.place)
        .later()
        .await?;
    let webhooks: Vec<i64> = tx
        .sql(
            "insert into webhook_delivery (company, webhook, event, subject, place, state, tries, created_at)
             select company, id, $2, $3, $6, 'pending', 0, $4 from webhook
             where company = $1 and state = 'active' and (topics = '' or ' ' || topics || ' ' like $5)
             returning webhook",
        )
        .bind(event.company)
        .bind(id)
        .bind(event.subject)
        .bind(event.at)
        .bind(format!("% {} %", event.topic))
        .bind(event.place)
        .all()
        .await?;
    if webhooks.is_empty() {
        return Ok(id);
    }
    let jobs = webhooks.into_iter().map(|webhook| delivery::wanted(webhook, event.subject, from));
    job::enqueue_all(tx, event.company, Kind::Webhook, jobs.collect()).await?;
    Ok(id)
}

/// [`emit`] for many, in three statements for each company: of one subject in the order of their places.
pub async fn emit_all(tx: &mut Conn, events: &[Event<'_>]) -> Result<(), db::Error> {
    for events in events.chunk_by(|one, next| one.company == next.company) {
        emit_of(tx, events).await?;
    }
    Ok(())
}

/// [`emit_all`] for events of one company.
async fn emit_of(tx: &mut Conn, events: &[Event<'_>]) -> Result<(), db::Error> {
    let Some(company) = events.first().map(|event| event.company) else { return Ok(()) };
    let mut rows = Rows::new(&[
        ("id", Type::Uuid),
        ("topic", Type::Text),
        ("name", Type::Text),
        ("subject", Type::Text),
        ("place", Type::BigInt),
        ("at", Type::BigInt),
        ("body", Type::Text),
    ]);
    let mut deliveries = Rows::new(&[
        ("id", Type::Uuid),
        ("topic", Type::Text),
        ("subject", Type::Text),
        ("place", Type::BigInt),
        ("at", Type::BigInt),
    ]);
    for event in events {
        let id = Uuid::now_v7();
        let Event { topic, name, subject, place, at, .. } = *event;
        rows.push([
            id.into(),
            topic.into(),
            name.into(),
            subject.into(),
            place.into(),
            at.into(),
            event.body.as_str().into(),
        ]);
        deliveries.push([id.into(), topic.into(), subject.into(), place.into(), at.into()]);
    }
    tx.sql(
        "insert into event (company, id, topic, name, subject, at, body, place)
         select $1, id, topic, name, subject, at, body, place from ",
    )
    .bind(company)
    .push_rows(&rows)
    .push(" as input")
    .later()
    .await?;
    let waiting: Vec<(i64, String)> = tx
        .sql(
            "insert into webhook_delivery (company, webhook, event, subject, place, state, tries, created_at)
             select $1, webhook.id, input.id, input.subject, input.place, 'pending', 0, input.at from ",
        )
        .bind(company)
        .push_rows(&deliveries)
        .push(
            " as input join webhook on webhook.company = $1 and webhook.state = 'active'
                and (webhook.topics = '' or ' ' || webhook.topics || ' ' like '% ' || input.topic || ' %')
             returning webhook, subject",
        )
        .all()
        .await?;
    let at = events.iter().map(|event| event.at).min().unwrap_or_default();
    let jobs = waiting.into_iter().map(|(webhook, subject)| delivery::wanted(webhook, &subject, at));
    job::enqueue_all(tx, company, Kind::Webhook, jobs.collect()).await
}

/// A body in the form of the original API's events: `{"Topic", "Event", "Data": {name: record}}`, PascalCase throughout.
pub fn body(topic: &str, event: &str, name: &str, record: &impl Serialize) -> Result<String, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        topic: &'a str,
        event: &'a str,
        data: Value,
    }
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    let record = serde_json::to_value(record).map_err(internal)?;
    serde_json::to_string(&Body { topic, event, data: json!({name: pascal(record)}) }).map_err(internal)
}

fn pascal(value: Value) -> Value {
    let capital = |name: String| {
        let mut letters = name.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    };
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (capital(name), pascal(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(pascal).collect()),
        other => other,
    }
}

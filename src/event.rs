//! Events: what happened, written in the transaction in which it happened, and handed to the subscriptions that ask.

use db::{Conn, Rows, Type};
use uuid::Uuid;

use crate::job::{self, Kind};

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
    let id = Uuid::now_v7();
    tx.sql("insert into event (company, id, topic, name, subject, at, body) values ($1, $2, $3, $4, $5, $6, $7)")
        .bind(event.company)
        .bind(id)
        .bind(event.topic)
        .bind(event.name)
        .bind(event.subject)
        .bind(event.at)
        .bind(event.body.as_str())
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
    let mut rows = Rows::new(&[("company", Type::BigInt), ("key", Type::Text), ("at", Type::BigInt)]);
    for webhook in webhooks {
        rows.push(vec![event.company.into(), format!("{webhook}:{}", event.subject).into(), event.at.into()]);
    }
    job::enqueue_all(tx, Kind::Webhook, &rows).await?;
    Ok(id)
}

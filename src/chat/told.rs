//! What subscribers are told of messages, with each message as the API answers it.
//!
//! That a message was sent, and how far it has come, is told by name only: whoever writes a lot of messages asks once
//! whether anybody wants to hear of it.

use channel::Platform;
use db::{Conn, Rows, Type};
use uuid::Uuid;

use super::message::{ChatMessage, ROW, Row};
use crate::event::{self, Event};
use crate::http::Error;

/// The body of an event about a message: the message, but for `Platform`, which receivers in the field read as a
/// number.
pub(super) fn body(name: &str, message: &ChatMessage) -> Result<String, Error> {
    let mut record = serde_json::to_value(message).map_err(|error| Error::Internal(error.to_string()))?;
    if let Some(platform) = Platform::read(&message.platform) {
        record["platform"] = platform.number().into();
    }
    event::body("Chat", name, "ChatMessage", &record)
}

/// Tells that messages of one company were sent by people and API clients: in one room in the order of their numbers.
pub(super) async fn sent(
    tx: &mut Conn,
    company: i64,
    messages: impl Iterator<Item = ChatMessage>,
    now: i64,
) -> Result<(), db::Error> {
    if !event::is_wanted(tx, company, "Chat", "StaffMessage").await? {
        return Ok(());
    }
    emit(tx, company, "StaffMessage", &messages.collect::<Vec<_>>(), now).await
}

/// Tells how far these messages have come, as they are stored now.
pub(super) async fn moved(tx: &mut Conn, company: i64, messages: &[Uuid], now: i64) -> Result<(), db::Error> {
    if messages.is_empty() || !event::is_wanted(tx, company, "Chat", "MessageStatus").await? {
        return Ok(());
    }
    let mut rows = Rows::new(&[("id", Type::Uuid)]);
    for message in messages {
        rows.push([(*message).into()]);
    }
    let found: Vec<Row> = tx
        .sql(ROW)
        .push(" where message.company = $1 and message.id in (select id from ")
        .bind(company)
        .push_rows(&rows)
        .push(" as input) order by message.room, message.number")
        .all()
        .await?;
    let messages: Vec<ChatMessage> = found.into_iter().map(ChatMessage::from).collect();
    emit(tx, company, "MessageStatus", &messages, now).await
}

/// In the order of the messages' numbers, so that a message's status never comes before the message.
async fn emit(
    tx: &mut Conn,
    company: i64,
    name: &'static str,
    messages: &[ChatMessage],
    now: i64,
) -> Result<(), db::Error> {
    let mut events = Vec::with_capacity(messages.len());
    for message in messages {
        let body = body(name, message).map_err(|error| db::Error::Invalid(error.to_string()))?;
        let place = message.vw_id.parse().unwrap_or_default();
        events.push(Event { company, topic: "Chat", name, subject: &message.room_id, place, body, at: now });
    }
    event::emit_all(tx, &events).await
}

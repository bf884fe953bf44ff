//! Events: what happened, written in the transaction in which it happened, and handed to the subscriptions that ask.

pub mod catalogue;
pub mod document;

use db::{Conn, Rows, Type};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::http::Error;
use crate::job::{self, Kind};
use crate::json::string_length;
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
    must_be_listed(event);
    let id = Uuid::now_v7();
    let (by_topic, by_name) = wishes(event.topic, event.name);
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
             where company = $1 and state = 'active'
               and ((topics = '' and $7) or ' ' || topics || ' ' like $5 or ' ' || topics || ' ' like $8)
             returning webhook",
        )
        .bind(event.company)
        .bind(id)
        .bind(event.subject)
        .bind(event.at)
        .bind(by_topic)
        .bind(event.place)
        .bind(!is_opt_in(event.topic, event.name))
        .bind(by_name)
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
        ("event", Type::Text),
        ("by_all", Type::Boolean),
        ("subject", Type::Text),
        ("place", Type::BigInt),
        ("at", Type::BigInt),
    ]);
    for event in events {
        must_be_listed(event);
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
        let (by_topic, by_event) = wishes(topic, name);
        deliveries.push([
            id.into(),
            by_topic.into(),
            by_event.into(),
            (!is_opt_in(topic, name)).into(),
            subject.into(),
            place.into(),
            at.into(),
        ]);
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
                and ((webhook.topics = '' and input.by_all) or ' ' || webhook.topics || ' ' like input.topic
                     or ' ' || webhook.topics || ' ' like input.event)
             returning webhook, subject",
        )
        .all()
        .await?;
    let at = events.iter().map(|event| event.at).min().unwrap_or_default();
    let jobs = waiting.into_iter().map(|(webhook, subject)| delivery::wanted(webhook, &subject, at));
    job::enqueue_all(tx, company, Kind::Webhook, jobs.collect()).await
}

/// What the catalogue does not list nobody could ask for: every test that raises it fails.
fn must_be_listed(event: &Event<'_>) {
    debug_assert!(
        catalogue::find(event.topic, event.name).is_some(),
        "{}.{} is not in the catalogue of events",
        event.topic,
        event.name
    );
}

/// Whether only subscriptions that name it hear of an event.
fn is_opt_in(topic: &str, name: &str) -> bool {
    catalogue::find(topic, name).is_some_and(|told| told.opt_in)
}

/// What a subscription that hears of an event has among its topics: patterns for the topic, and for the event by its name.
/// What is told by name only has no pattern for its topic but that of its name.
pub(crate) fn wishes(topic: &str, name: &str) -> (String, String) {
    let by_name = format!("% {topic}.{name} %");
    let by_topic = if is_opt_in(topic, name) { by_name.clone() } else { format!("% {topic} %") };
    (by_topic, by_name)
}

/// Whether any subscription hears of an event that is told by name only: whoever makes many of them asks first.
pub async fn is_wanted(conn: &mut Conn, company: i64, topic: &str, name: &str) -> Result<bool, db::Error> {
    let found: Option<i64> = conn
        .sql("select 1 from webhook where company = $1 and state = 'active' and ' ' || topics || ' ' like $2 limit 1")
        .bind(company)
        .bind(wishes(topic, name).1)
        .optional()
        .await?;
    Ok(found.is_some())
}

/// A body in the form of the original API's events: `{"Topic", "Event", "Data": {name: record}}`, PascalCase throughout.
pub fn body(topic: &str, event: &str, name: &str, record: &impl Serialize) -> Result<String, Error> {
    let told = to_raw_value(record).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(body_beside(topic, event, name, &told, None))
}

/// The same of a record that is written already, with one more member of `Data` beside it, where receivers of the original
/// look for it.
pub fn body_beside(topic: &str, event: &str, name: &str, told: &RawValue, beside: Option<(&str, &str)>) -> String {
    let string = |text: &str| Value::from(text).to_string();
    let (topic, event, name, told) = (string(topic), string(event), string(name), told.get());
    let beside = beside.map(|(name, value)| format!(",{}:{}", string(name), string(value))).unwrap_or_default();
    pascal(&format!(r#"{{"topic":{topic},"event":{event},"data":{{{name}:{told}{beside}}}}}"#))
}

/// JSON with the first letter of each name in upper case; a name that begins with an escape stays.
fn pascal(json: &str) -> String {
    let bytes = json.as_bytes();
    let mut text = String::with_capacity(json.len() + 64);
    let (mut copied, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'"' {
            continue;
        }
        let (start, string) = (at, json.get(at..).unwrap_or_default());
        let end = start + string_length(string) + 1;
        if bytes.get(end..).unwrap_or_default().trim_ascii_start().starts_with(b":") {
            text.push_str(&json[copied..start]);
            copied = start + push_capital(&mut text, string);
        }
        at = end;
    }
    text.push_str(&json[copied..]);
    text
}

/// The same body with no more of the record than what names it: properties that end in `Id`, `Code`, `No` or `Number`.
pub fn thin(body: &str) -> String {
    let Ok(mut told) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let names = |name: &str| ["Id", "Code", "No", "Number"].iter().any(|end| name.ends_with(end));
    for record in told.get_mut("Data").and_then(Value::as_object_mut).into_iter().flat_map(|data| data.values_mut()) {
        if let Some(fields) = record.as_object_mut() {
            fields.retain(|name, value| names(name) && (value.is_string() || value.is_number()));
        }
    }
    told.to_string()
}

/// A name with its first letter in upper case.
fn capital(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let first = push_capital(&mut text, name);
    text.push_str(&name[first..]);
    text
}

/// Adds the first letter of a name in upper case; answers how long it was.
fn push_capital(text: &mut String, name: &str) -> usize {
    let first = name.chars().next();
    match first {
        Some(letter) if letter.is_ascii() => text.push(letter.to_ascii_uppercase()),
        _ => text.extend(first.into_iter().flat_map(char::to_uppercase)),
    }
    first.map_or(0, char::len_utf8)
}

/// The least id that an event (or another row whose ids are of this kind) of this time can have: UUIDs of version
/// 7 (RFC 9562, section 5.7).
pub fn first_id(at: i64) -> Uuid {
    const LATEST: u64 = (1 << 48) - 1;
    Uuid::from_u128(u128::from(at.max(0).unsigned_abs().min(LATEST)) << 80)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_begin_with_capitals_and_values_stay() {
        let fields = BTreeMap::from([("", 1), ("\"q", 2), ("a b", 3), ("ölKey", 4), ("ก", 5), ("ßa", 6)]);
        let record = serde_json::json!({"orderNo": "so \"1\"", "note": "\\", "remark": "\": \"x", "lines": [{"netTotal": 1.5, "isFree": null}], "custom": fields});
        let told = to_raw_value(&record).expect("JSON");
        let body = body_beside("SalesOrder", "Created", "salesOrder", &told, Some(("salesOrderNo", "so1")));
        let expected = serde_json::json!({
            "Topic": "SalesOrder",
            "Event": "Created",
            "Data": {
                "SalesOrder": {
                    "OrderNo": "so \"1\"",
                    "Note": "\\",
                    "Remark": "\": \"x",
                    "Lines": [{"NetTotal": 1.5, "IsFree": null}],
                    "Custom": {"": 1, "\"q": 2, "A b": 3, "ÖlKey": 4, "ก": 5, "SSa": 6},
                },
                "SalesOrderNo": "so1",
            },
        });
        assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON"), expected);
    }

    #[test]
    fn the_first_id_of_a_time_is_not_above_any_of_it() {
        let before = first_id(1_763_884_800_000);
        let id = uuid::Builder::from_unix_timestamp_millis(1_763_884_800_000, &[0; 10]).into_uuid();
        assert!(before <= id);
        assert!(
            first_id(1_763_884_800_001)
                > uuid::Builder::from_unix_timestamp_millis(1_763_884_800_000, &[255; 10]).into_uuid()
        );
        assert!(first_id(i64::MAX) > first_id(1_763_884_800_000));
    }
}

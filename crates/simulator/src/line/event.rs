//! Makes webhook events in the shape of LINE's `webhook.yml`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::endpoint::is_id;
use super::state::{Account, Content, ContentKind, ContentStatus, State};

/// The image that a customer sends when a test does not say which: a PNG of one pixel.
pub(crate) const PICTURE: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0d, 0x49,
    0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x00, 0x01, 0x00, 0x00, 0x05, 0x00, 0x01, 0x0d, 0x0a, 0x2d, 0xb4, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The events that a bot may answer with a reply token; `unsend`, `unfollow`, `leave` and the like have none.
const WITH_REPLY_TOKEN: [&str; 9] = [
    "message",
    "follow",
    "join",
    "memberJoined",
    "postback",
    "videoPlayComplete",
    "beacon",
    "accountLink",
    "membership",
];

/// Makes one event from its full or short form, and remembers what a client may later ask for: the reply token, the
/// sender's profile, the medium. `Err` says what is wrong with the form.
pub(crate) fn make(state: &State, form: &Value) -> Result<Value, String> {
    let form = form.as_object().ok_or("an event is an object")?;
    let event = match form.contains_key("source") || form.contains_key("webhookEventId") {
        true => form.clone(),
        false => short(state, form)?,
    };
    complete(state, event)
}

/// The short form names a kind and a `userId`; everything else is invented as LINE would.
fn short(state: &State, form: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let kind = form.get("type").and_then(Value::as_str).ok_or("an event has a type")?;
    let mut event = Map::new();
    event.insert("source".to_owned(), source(state, form)?);
    let kind = match kind {
        "message" | "text" | "sticker" | "image" | "video" | "audio" | "file" | "location" => {
            event.insert("message".to_owned(), message(state, kind, form)?);
            "message"
        }
        "follow" => {
            let unblocked = form.get("isUnblocked").and_then(Value::as_bool).unwrap_or(false);
            event.insert("follow".to_owned(), json!({ "isUnblocked": unblocked }));
            kind
        }
        "unsend" => {
            let id = text(form, "messageId").ok_or("an unsend event names its messageId")?;
            event.insert("unsend".to_owned(), json!({ "messageId": id }));
            kind
        }
        "postback" => {
            let mut postback = Map::new();
            postback.insert("data".to_owned(), form.get("data").cloned().unwrap_or_else(|| json!("")));
            copy(form, &mut postback, &["params"]);
            event.insert("postback".to_owned(), postback.into());
            kind
        }
        "unfollow" | "join" | "leave" => kind,
        other => return Err(format!("there is no short form of {other}; send the whole event, with its source")),
    };
    event.insert("type".to_owned(), json!(kind));
    copy(form, &mut event, &["timestamp", "mode", "replyToken"]);
    Ok(event)
}

fn text<'a>(form: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    form.get(name).and_then(Value::as_str)
}

fn copy(from: &Map<String, Value>, to: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(*name) {
            to.insert((*name).to_owned(), value.clone());
        }
    }
}

fn source(state: &State, form: &Map<String, Value>) -> Result<Value, String> {
    let user = text(form, "userId");
    let mut source = Map::new();
    let (kind, name, letter) = match (form.contains_key("groupId"), form.contains_key("roomId")) {
        (true, _) => ("group", "groupId", 'C'),
        (_, true) => ("room", "roomId", 'R'),
        _ => ("user", "userId", 'U'),
    };
    let id = text(form, name).ok_or_else(|| format!("an event names its {name}"))?;
    for (id, letter) in [(Some(id), letter), (user, 'U')] {
        if let Some(id) = id
            && state.config.strict_ids
            && !is_id(id, &[letter])
        {
            return Err(format!("{id} is not an id of LINE's: {letter} and 32 hexadecimal digits"));
        }
    }
    source.insert("type".to_owned(), json!(kind));
    source.insert(name.to_owned(), json!(id));
    copy(form, &mut source, &["userId"]);
    Ok(source.into())
}

fn message(state: &State, kind: &str, form: &Map<String, Value>) -> Result<Value, String> {
    let kind = if kind == "message" { "text" } else { kind };
    let id = match text(form, "messageId") {
        Some(id) => id.to_owned(),
        None => state.account().message_id().to_string(),
    };
    let mut message = Map::new();
    message.insert("type".to_owned(), json!(kind));
    message.insert("id".to_owned(), json!(id));
    message.insert("markAsReadToken".to_owned(), json!(format!("read-{id}")));
    if matches!(kind, "text" | "sticker" | "image" | "video") {
        message.insert("quoteToken".to_owned(), json!(format!("quote-{id}")));
    }
    let mut defaults = |pairs: &[(&str, Value)]| {
        for (name, value) in pairs {
            let given = form.get(*name).cloned();
            message.insert((*name).to_owned(), given.unwrap_or_else(|| value.clone()));
        }
    };
    let provider = ("contentProvider", json!({ "type": "line" }));
    match kind {
        "text" => defaults(&[("text", json!(text(form, "text").ok_or("a text message has a text")?))]),
        "sticker" => defaults(&[
            ("packageId", json!("446")),
            ("stickerId", json!("1988")),
            ("stickerResourceType", json!("ANIMATION")),
        ]),
        "image" => defaults(&[provider]),
        "video" | "audio" => defaults(&[("duration", json!(60_000)), provider]),
        "file" => {
            let size = content_of(form)?.map_or(DEFAULT_FILE.len(), |bytes| bytes.len());
            defaults(&[("fileName", json!("file.txt")), ("fileSize", json!(size))]);
        }
        _ => defaults(&[("latitude", json!(13.756_331)), ("longitude", json!(100.501_765))]),
    }
    let optional = ["emojis", "mention", "quotedMessageId", "keywords", "imageSet", "title", "address"];
    copy(form, &mut message, &optional);
    if kind == "sticker" {
        copy(form, &mut message, &["text"]);
    }
    let provider = message.get("contentProvider").map(|provider| &provider["type"]);
    let own = provider.is_some_and(|kind| kind == "line") || kind == "file";
    if own && let Some(content) = content(kind, form)? {
        state.account().contents.insert(id, content);
    }
    Ok(message.into())
}

const DEFAULT_FILE: &[u8] = b"a simulated file\n";

fn content_of(form: &Map<String, Value>) -> Result<Option<Vec<u8>>, String> {
    let Some(encoded) = text(form, "content") else { return Ok(None) };
    STANDARD.decode(encoded).map(Some).map_err(|error| format!("content is not Base64: {error}"))
}

fn content(kind: &str, form: &Map<String, Value>) -> Result<Option<Content>, String> {
    let (kind, content_type, default) = match kind {
        "image" => (ContentKind::Image, "image/png", PICTURE),
        "video" => (ContentKind::Video, "video/mp4", &b"a simulated video\n"[..]),
        "audio" => (ContentKind::Audio, "audio/x-m4a", &b"a simulated audio\n"[..]),
        "file" => (ContentKind::File, "application/octet-stream", DEFAULT_FILE),
        _ => return Ok(None),
    };
    Ok(Some(Content {
        kind,
        content_type: text(form, "contentType").unwrap_or(content_type).to_owned(),
        bytes: content_of(form)?.map_or(Bytes::from_static(default), Bytes::from),
        status: ContentStatus::Succeeded,
    }))
}

/// Adds what every event has and the form left out, and lets the event have its effect on the account.
fn complete(state: &State, mut event: Map<String, Value>) -> Result<Value, String> {
    let now = state.clock.millis();
    let kind = text(&event, "type").ok_or("an event has a type")?.to_owned();
    event.entry("timestamp").or_insert_with(|| json!(now));
    event.entry("mode").or_insert_with(|| json!("active"));
    event.entry("webhookEventId").or_insert_with(|| json!(ulid(now)));
    event.entry("deliveryContext").or_insert_with(|| json!({ "isRedelivery": false }));
    // A channel on standby is not the one that answers, so LINE gives it no reply token.
    if WITH_REPLY_TOKEN.contains(&kind.as_str()) && event["mode"] == "active" {
        event.entry("replyToken").or_insert_with(|| json!(Uuid::new_v4().simple().to_string()));
    }
    let mut account = state.account();
    if let Some(token) = text(&event, "replyToken") {
        let to = chat(&event).ok_or("an event with a reply token has a source")?;
        account.issue_reply_token(token, &to, state.clock.elapsed(), false);
    }
    take_effect(&mut account, &kind, &event);
    drop(account);
    Ok(event.into())
}

/// Where an answer to the event would be seen.
fn chat(event: &Map<String, Value>) -> Option<String> {
    let source = event.get("source")?;
    let id = ["groupId", "roomId", "userId"].iter().find_map(|name| source[name].as_str());
    id.map(str::to_owned)
}

fn take_effect(account: &mut Account, kind: &str, event: &Map<String, Value>) {
    if let Some(user) = event.get("source").and_then(|source| source["userId"].as_str()) {
        let group = event
            .get("source")
            .and_then(|source| ["groupId", "roomId"].into_iter().find_map(|name| source[name].as_str()));
        match group {
            // Who writes in a group need not be a friend: such a member has a profile there alone.
            Some(group) => account.join(group, user),
            None => account.meet(user),
        }
        match kind {
            "unfollow" => {
                account.blocked.insert(user.to_owned());
            }
            "follow" => {
                account.blocked.remove(user);
            }
            _ => {}
        }
    }
    if let Some(message) = event.get("message")
        && let (Some(token), Some(id)) = (message["markAsReadToken"].as_str(), message["id"].as_str())
    {
        account.read_tokens.insert(token.to_owned(), id.to_owned());
    }
    if kind == "unsend"
        && let Some(id) = event.get("unsend").and_then(|unsend| unsend["messageId"].as_str())
        && let Some(content) = account.contents.get_mut(id)
    {
        content.status = ContentStatus::Unsent;
    }
}

/// An id in ULID form: 48 bits of time and 80 bits of chance in Crockford's base 32.
fn ulid(millis: i64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let chance = Uuid::new_v4().as_u128() & ((1 << 80) - 1);
    let value = (u128::from(millis.unsigned_abs()) << 80) | chance;
    // 26 digits hold 130 bits, so the first of them only ever uses three.
    let digit = |place: u32| DIGITS[(value >> (5 * place)) as usize % 32] as char;
    (0..26).rev().map(digit).collect()
}

//! Messages on their way out.

use super::{Credentials, RETRY_KEY_HEADER, request};
use crate::content::{Content, DEFAULT_AUDIO_MS};
use crate::fault::{Fault, Refusal};
use crate::platform::{Platform, limits};
use http::header::HeaderValue;
use http::{Method, Request};
use serde_json::{Value, json};
use std::fmt;
use uuid::Uuid;

/// How messages reach the customer.
#[derive(Clone, Copy)]
pub enum Route<'a> {
    /// As the answer to an event: free, once, within a minute.
    Reply {
        /// The event's reply token.
        token: &'a str,
    },
    /// At any time, counted for every recipient.
    Push {
        /// A user, a group or a room.
        to: &'a str,
        /// The same for every try of these messages, so that LINE accepts them once
        /// (<https://developers.line.biz/en/docs/messaging-api/retrying-api-request/>).
        retry_key: Uuid,
    },
}

impl fmt::Debug for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Whoever has the token can answer the customer, so it stays out of logs.
            Route::Reply { .. } => f.debug_struct("Reply").finish_non_exhaustive(),
            Route::Push { to, retry_key } => {
                f.debug_struct("Push").field("to", to).field("retry_key", retry_key).finish()
            }
        }
    }
}

/// Renders one request with one to five messages.
///
/// A push carries the retry key from its first try, since LINE does not accept a key that comes later. A reply never
/// carries one: LINE answers 400 to a retry key there.
pub fn send(
    credentials: &Credentials<'_>,
    route: Route<'_>,
    messages: &[Content],
) -> Result<Request<Vec<u8>>, Refusal> {
    let limit = limits(Platform::Line).batch;
    if messages.is_empty() || messages.len() > limit {
        return Err(Refusal::Count { given: messages.len(), limit });
    }
    let messages = messages
        .iter()
        .enumerate()
        .map(|(index, content)| render(content).map_err(|fault| Refusal::Message { position: index + 1, fault }))
        .collect::<Result<Vec<Value>, Refusal>>()?;
    match route {
        Route::Reply { token: "" } => Err(Refusal::Empty { what: "the reply token" }),
        Route::Push { to: "", .. } => Err(Refusal::Empty { what: "the recipient" }),
        Route::Reply { token } => {
            post(credentials, "/v2/bot/message/reply", json!({ "replyToken": token, "messages": messages }))
        }
        Route::Push { to, retry_key } => {
            let mut request = post(credentials, "/v2/bot/message/push", json!({ "to": to, "messages": messages }))?;
            let key = HeaderValue::try_from(retry_key.hyphenated().to_string())
                .map_err(|_| Refusal::Empty { what: "the retry key" })?;
            request.headers_mut().insert(RETRY_KEY_HEADER, key);
            Ok(request)
        }
    }
}

fn post(credentials: &Credentials<'_>, path: &str, body: Value) -> Result<Request<Vec<u8>>, Refusal> {
    request(credentials, credentials.api_base, Method::POST, path, Some(body.to_string().into_bytes()))
}

/// A message object (<https://developers.line.biz/en/reference/messaging-api/#message-objects>).
fn render(content: &Content) -> Result<Value, Fault> {
    if let Some(fault) = content.faults(Platform::Line).into_iter().next() {
        return Err(fault);
    }
    Ok(match content {
        Content::Text { text } => json!({ "type": "text", "text": text }),
        // LINE requires a preview of an image; the image is its own best guess.
        Content::Image { url, preview } => json!({
            "type": "image",
            "originalContentUrl": url,
            "previewImageUrl": preview.as_ref().unwrap_or(url),
        }),
        Content::Video { url, preview } => {
            json!({ "type": "video", "originalContentUrl": url, "previewImageUrl": preview })
        }
        Content::Audio { url, duration_ms } => json!({
            "type": "audio",
            "originalContentUrl": url,
            "duration": duration_ms.unwrap_or(DEFAULT_AUDIO_MS),
        }),
        // LINE has no outgoing files. A link in a text opens everywhere, can be copied and forwarded, and needs no
        // alternative text, which a card would.
        Content::File { url, name } => {
            let text = name.as_ref().map_or_else(|| url.clone(), |name| format!("{name}\n{url}"));
            json!({ "type": "text", "text": text })
        }
        Content::Sticker { package_id, sticker_id, .. } => {
            json!({ "type": "sticker", "packageId": package_id, "stickerId": sticker_id })
        }
        Content::Location { title, address, latitude, longitude } => json!({
            "type": "location",
            "title": title,
            "address": address,
            "latitude": latitude,
            "longitude": longitude,
        }),
        Content::Card { title, rows, button, url } => card(title, rows, button, url),
        Content::Unsupported { kind } => {
            return Err(Fault::kind(format!("LINE does not carry messages of type {kind}")));
        }
    })
}

/// A bubble with the title, a line for each row, and a button; the words beside it are for lists of chats and for those who
/// cannot see it (<https://developers.line.biz/en/reference/messaging-api/#flex-message>).
fn card(title: &str, rows: &[(String, String)], button: &str, url: &str) -> Value {
    let text = |text: &str, more: Value| {
        let mut object = json!({ "type": "text", "text": text, "wrap": true });
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
    };
    let mut contents = vec![text(title, json!({ "weight": "bold", "size": "lg" }))];
    for (name, value) in rows {
        contents.push(json!({
            "type": "box",
            "layout": "baseline",
            "spacing": "sm",
            "contents": [
                text(name, json!({ "size": "sm", "color": "#777777", "flex": 2 })),
                text(value, json!({ "size": "sm", "flex": 4 })),
            ],
        }));
    }
    json!({
        "type": "flex",
        "altText": title,
        "contents": {
            "type": "bubble",
            "body": { "type": "box", "layout": "vertical", "spacing": "md", "contents": contents },
            "footer": {
                "type": "box",
                "layout": "vertical",
                "contents": [{
                    "type": "button",
                    "style": "primary",
                    "action": { "type": "uri", "label": button, "uri": url },
                }],
            },
        },
    })
}

//! What LINE's answer to a send means.

use super::{ACCEPTED_REQUEST_ID_HEADER, REQUEST_ID_HEADER};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

/// What became of a send, and with that what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// LINE accepted the messages. Not "delivered": a customer who blocked the account receives nothing and LINE does
    /// not say so.
    Sent {
        /// LINE's ids of the messages, in their order; empty when LINE did not give any.
        provider_ids: Vec<String>,
        /// LINE's id of the request.
        request_id: Option<String>,
    },
    /// An earlier try with the same retry key was accepted: as good as sent.
    AlreadySent {
        /// LINE's ids of the messages, where the answer repeats them.
        provider_ids: Vec<String>,
        /// LINE's id of the request that was accepted.
        accepted_request_id: Option<String>,
    },
    /// LINE failed. The messages may have been accepted all the same: a push is repeated with the same retry key; a reply
    /// is repeated with the same token, and if that is then dead, the first try may have been what spent it.
    Retry {
        /// What LINE said.
        reason: String,
    },
    /// Too many requests. Nothing was accepted; the account slows down.
    RateLimited {
        /// What LINE said.
        reason: String,
    },
    /// The month's paid messages are used up. Trying again does not help before the plan or the month changes.
    QuotaReached {
        /// What LINE said.
        reason: String,
    },
    /// The reply token was used, or is too old. A push is the only way left, and it costs.
    ReplyTokenDead {
        /// What LINE said.
        reason: String,
    },
    /// LINE does not accept the account's access token, or the account may not send. Every further send of this account
    /// fails too, until a person mends it.
    Unauthorized {
        /// What LINE said.
        reason: String,
    },
    /// LINE refuses these messages; trying again changes nothing.
    Dead {
        /// What LINE said.
        reason: String,
    },
}

impl Outcome {
    /// What LINE said, where it did not accept the messages.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Sent { .. } | Outcome::AlreadySent { .. } => None,
            Outcome::Retry { reason }
            | Outcome::RateLimited { reason }
            | Outcome::QuotaReached { reason }
            | Outcome::ReplyTokenDead { reason }
            | Outcome::Unauthorized { reason }
            | Outcome::Dead { reason } => Some(reason),
        }
    }
}

/// Judges LINE's answer to a send.
///
/// The rules: repeat 5xx and time-outs, not 4xx, and 409 means that a push was accepted before
/// (<https://developers.line.biz/en/docs/messaging-api/retrying-api-request/>). A 429 is either a rate or the month's
/// quota, and only the text tells which (<https://developers.line.biz/en/reference/messaging-api/#error-messages>); LINE
/// documents no Retry-After.
pub fn outcome(route_is_reply: bool, status: u16, headers: &HeaderMap, body: &[u8]) -> Outcome {
    match status {
        200..=299 => Outcome::Sent { provider_ids: sent_ids(body), request_id: header(headers, REQUEST_ID_HEADER) },
        // A reply has no retry key to be in conflict with, so there 409 is only a refusal.
        409 if !route_is_reply => Outcome::AlreadySent {
            provider_ids: sent_ids(body),
            accepted_request_id: header(headers, ACCEPTED_REQUEST_ID_HEADER),
        },
        408 | 500..=599 => Outcome::Retry { reason: reason(status, body) },
        429 => {
            let reason = reason(status, body);
            if is_quota(&reason) { Outcome::QuotaReached { reason } } else { Outcome::RateLimited { reason } }
        }
        401 | 403 => Outcome::Unauthorized { reason: reason(status, body) },
        _ => {
            let reason = reason(status, body);
            if route_is_reply && status == 400 && contains(&reason, "invalid reply token") {
                Outcome::ReplyTokenDead { reason }
            } else {
                Outcome::Dead { reason }
            }
        }
    }
}

/// The two texts LINE has for a used-up month, for the free messages and for the additional ones of a paid plan.
fn is_quota(reason: &str) -> bool {
    contains(reason, "monthly limit") || contains(reason, "limit for additional messages")
}

fn contains(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(words)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The ids of an answer, read leniently: messages that were accepted must not be sent again because an id is missing.
fn sent_ids(body: &[u8]) -> Vec<String> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let sent = answer.get("sentMessages").and_then(Value::as_array);
    sent.into_iter().flatten().filter_map(|message| message.get("id")?.as_str().map(str::to_owned)).collect()
}

/// An error's text for people: LINE's message and details, or the beginning of whatever came instead of them.
pub(super) fn reason(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorResponse {
        message: String,
        #[serde(default)]
        details: Vec<Detail>,
    }
    #[derive(Deserialize)]
    struct Detail {
        message: Option<String>,
        property: Option<String>,
    }

    let Ok(error) = serde_json::from_slice::<ErrorResponse>(body) else {
        // A proxy's error page, most often: its beginning is enough to see which proxy it is.
        let page = String::from_utf8_lossy(body);
        let words: Vec<&str> = page.split_whitespace().collect();
        return shorten(format!("HTTP {status} {}", words.join(" ")).trim_end().to_owned());
    };
    let details: Vec<String> = error
        .details
        .into_iter()
        .filter_map(|detail| match (detail.property, detail.message) {
            (Some(property), Some(message)) => Some(format!("{property}: {message}")),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        })
        .collect();
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
    shorten(format!("HTTP {status} {}{details}", error.message))
}

/// Reasons are stored with the message and shown in the room; a long one is cut.
fn shorten(text: String) -> String {
    const LONGEST: usize = 500;
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

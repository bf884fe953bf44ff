//! The control interface under `/_control`, described on the crate's page.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Answer;
use super::callback;
use super::fault::Fault;
use super::state::{Content, ContentKind, ContentStatus, State, lock};

/// A list is cut here unless the caller asks for another length, so that a browser survives a bench's leavings.
const PAGE: usize = 1000;

/// Answers one order. Mistakes are told in plain words: this side is not LINE.
pub(crate) async fn answer(state: &Arc<State>, head: &Parts, body: Bytes) -> Answer {
    ordered(state, head, body).await.unwrap_or_else(|mistake| Answer::error(400, mistake))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Fault>),
    One(Fault),
}

/// `PUT /_control/quota`. What is left out stays as it is; `type` may be `none` or `limited` as in LINE's own answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Quota {
    r#type: Option<String>,
    value: Option<u64>,
    total_usage: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

async fn ordered(state: &Arc<State>, head: &Parts, body: Bytes) -> Result<Answer, String> {
    let path = head.uri.path().strip_prefix("/_control/").unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let done = Ok(Answer::empty(200));
    match (&head.method, segments.as_slice()) {
        (&Method::GET, ["sent"]) => {
            let (after, limit) = page(head)?;
            Ok(Answer::json(200, &state.sent_after(after, limit)))
        }
        (&Method::GET, ["sent", "count"]) => Ok(Answer::json(200, &json!({ "count": *state.deliveries.borrow() }))),
        (&Method::DELETE, ["sent"]) => {
            state.clear_sent();
            done
        }
        (&Method::GET, ["requests"]) => {
            let (after, limit) = page(head)?;
            Ok(Answer::json(200, &lock(&state.requests).list(after, limit)))
        }
        (&Method::DELETE, ["requests"]) => {
            lock(&state.requests).clear();
            done
        }
        (&Method::GET, ["faults"]) => Ok(Answer::json(200, &lock(&state.faults).list())),
        (&Method::POST, ["faults"]) => {
            let added = match parse(&body)? {
                OneOrMany::Many(faults) => faults,
                OneOrMany::One(fault) => vec![fault],
            };
            let mut faults = lock(&state.faults);
            added.into_iter().for_each(|fault| faults.add(fault));
            done
        }
        (&Method::DELETE, ["faults"]) => {
            lock(&state.faults).clear();
            done
        }
        (&Method::PUT, ["quota"]) => set_quota(state, parse(&body)?),
        (&Method::PUT, ["profiles", user]) => set_profile(state, user, parse(&body)?),
        (&Method::PUT, ["content", id]) => set_content(state, head, id, body),
        (&Method::GET, ["read"]) => Ok(Answer::json(200, &state.account().read)),
        (&Method::POST, ["clock"]) => {
            let advance: Advance = parse(&body)?;
            state.clock.advance(Duration::from_millis(advance.advance_ms));
            done
        }
        (&Method::POST, ["callback"]) => {
            let report = callback::run(state, parse(&body)?).await?;
            Ok(Answer::json(200, &report))
        }
        (&Method::GET, [""]) => Ok(Answer::bytes(200, "text/plain; charset=utf-8", Bytes::from(super::controls()))),
        _ => Ok(Answer::error(404, "Unknown control path; GET /_control lists them")),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn query<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let pairs = head.uri.query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn page(head: &Parts) -> Result<(u64, usize), String> {
    let number = |name: &str, default: u64| match query(head, name) {
        Some(value) => value.parse().map_err(|_| format!("{name} is not a number")),
        None => Ok(default),
    };
    let limit = usize::try_from(number("limit", PAGE as u64)?).unwrap_or(usize::MAX);
    Ok((number("after", 0)?, limit))
}

fn set_quota(state: &State, quota: Quota) -> Result<Answer, String> {
    let mut account = state.account();
    match (quota.r#type.as_deref(), quota.value) {
        (Some("none"), None) => account.quota = None,
        (Some("limited") | None, Some(value)) => account.quota = Some(value),
        (None, None) => {}
        _ => return Err("type is none, or limited with a value".to_owned()),
    }
    if let Some(usage) = quota.total_usage {
        account.usage = usage;
    }
    Ok(Answer::empty(200))
}

fn set_profile(state: &State, user: &str, mut profile: Value) -> Result<Answer, String> {
    let object = profile.as_object_mut().ok_or("a profile is an object")?;
    object.insert("userId".to_owned(), json!(user));
    if !object.contains_key("displayName") {
        return Err("a profile has a displayName".to_owned());
    }
    state.account().profiles.insert(user.to_owned(), profile);
    Ok(Answer::empty(200))
}

fn set_content(state: &State, head: &Parts, id: &str, bytes: Bytes) -> Result<Answer, String> {
    let given = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = given.unwrap_or("application/octet-stream").to_owned();
    let kind = match query(head, "kind").or(content_type.split('/').next()) {
        Some("image") => ContentKind::Image,
        Some("video") => ContentKind::Video,
        Some("audio") => ContentKind::Audio,
        _ => ContentKind::File,
    };
    let status = match query(head, "status").unwrap_or("succeeded") {
        "succeeded" => ContentStatus::Succeeded,
        "processing" => ContentStatus::Processing,
        "failed" => ContentStatus::Failed,
        other => return Err(format!("{other} is not processing, succeeded or failed")),
    };
    let content = Content { kind, content_type, bytes, status };
    state.account().contents.insert(id.to_owned(), content);
    Ok(Answer::empty(200))
}

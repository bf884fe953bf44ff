//! LINE's endpoints, as `messaging-api.yml` of line/line-openapi names them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, header, request::Parts};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::body::{Check, is_web_address};
use super::callback;
use super::message::{check_messages, is_quotable};
use super::more;
use super::record::Route;
use super::state::{ContentKind, ContentStatus, Outgoing, Send, State, To};

/// One request, read to its end.
pub(crate) struct Call<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) body: &'a Bytes,
    pub(crate) request_id: Uuid,
    /// A fault pretends that LINE still prepares the medium.
    pub(crate) processing: bool,
}

/// Answers one request as LINE would.
pub(crate) async fn answer(state: &Arc<State>, call: Call<'_>) -> Answer {
    answered(state, &call).await.unwrap_or_else(|refusal| refusal)
}

/// `Err` is a refusal; having it apart lets a check leave early.
pub(super) type Answered = Result<Answer, Answer>;

async fn answered(state: &Arc<State>, call: &Call<'_>) -> Answered {
    authorize(state, &call.head.headers)?;
    let path = call.head.uri.path().strip_prefix("/v2/bot/").ok_or_else(Answer::not_found)?;
    let segments: Vec<&str> = path.split('/').collect();
    let get = call.head.method == Method::GET;
    let post = call.head.method == Method::POST;
    let put = call.head.method == Method::PUT;
    match segments.as_slice() {
        ["message", "push"] if post => push(state, call),
        ["message", "multicast"] if post => multicast(state, call),
        ["message", "broadcast"] if post => more::broadcast(state, call),
        ["message", "narrowcast"] if post => more::narrowcast(state, call),
        other => {
            refuse_retry_key(call)?;
            match other {
                ["message", "reply"] if post => reply(state, call),
                ["message", "validate", "push" | "reply" | "multicast" | "broadcast" | "narrowcast"] if post => {
                    validate(state, call)
                }
                ["message", "quota"] if get => quota(state),
                ["message", "quota", "consumption"] if get => consumption(state),
                ["message", id, "content"] if get => content(state, call, id),
                ["message", id, "content", "preview"] if get => preview(state, id),
                ["message", id, "content", "transcoding"] if get => transcoding(state, call, id),
                ["profile", user] if get => profile(state, user),
                ["group", group, "summary"] if get => summary(state, group),
                ["group" | "room", chat, "member", user] if get => member(state, chat, user),
                ["group" | "room", chat, "members", "count"] if get => more::member_count(state, chat),
                ["group" | "room", chat, "members", "ids"] if get => more::members(state, call, chat),
                ["group" | "room", chat, "leave"] if post => more::leave(state, chat),
                ["message", "progress", "narrowcast"] if get => more::narrowcast_progress(state),
                ["message", "markAsRead"] if post => more::mark_chat_as_read(state, call),
                ["followers", "ids"] if get => more::followers(state, call),
                ["richmenu", ..] | ["user", _, "richmenu", ..] => more::rich_menu(state, call, other),
                ["info"] if get => info(state),
                ["chat", "markAsRead"] if post => mark_as_read(state, call),
                ["chat", "loading", "start"] if post => start_loading(state, call),
                ["channel", "webhook", "endpoint"] if get => webhook_endpoint(state),
                ["channel", "webhook", "endpoint"] if put => set_webhook_endpoint(state, call),
                ["channel", "webhook", "test"] if post => test_webhook(state, call).await,
                _ => Err(Answer::not_found()),
            }
        }
    }
}

/// Reference, "Status codes": 401 without a valid channel access token.
fn authorize(state: &State, headers: &HeaderMap) -> Result<(), Answer> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(Answer::missing_token)?;
    match &state.config.access_token {
        Some(expected) if token != expected => Err(Answer::invalid_token()),
        None if token.trim().is_empty() => Err(Answer::invalid_token()),
        _ => Ok(()),
    }
}

/// Guide, "Retry failed API requests": every endpoint but the sending ones answers 400 to a retry key.
fn refuse_retry_key(call: &Call<'_>) -> Result<(), Answer> {
    match call.head.headers.contains_key("x-line-retry-key") {
        true => Err(Answer::error(400, "The retry key is not supported for this API")),
        false => Ok(()),
    }
}

/// A retry key is a UUID in its usual hexadecimal form with hyphens.
pub(super) fn retry_key(call: &Call<'_>) -> Result<Option<Uuid>, Answer> {
    let Some(value) = call.head.headers.get("x-line-retry-key") else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| text.len() == 36);
    match text.and_then(|text| Uuid::try_parse(text).ok()) {
        Some(key) => Ok(Some(key)),
        None => Err(Answer::error(400, "Invalid retry key")),
    }
}

pub(super) fn within_rate(state: &State, endpoint: &'static str) -> Result<(), Answer> {
    match state.over_rate(endpoint) {
        true => Err(Answer::rate_limited()),
        false => Ok(()),
    }
}

/// The body as an object, or the refusal LINE gives to a wrong media type and to broken JSON.
pub(super) fn object(call: &Call<'_>) -> Result<Map<String, Value>, Answer> {
    let given = call.head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = given.unwrap_or("").split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Answer::error(415, format!("The content type, {media_type}, is not supported")));
    }
    let fault = |line: usize, column: usize| {
        let message = format!("The request body could not be parsed as JSON (line: {line}, column: {column})");
        Answer::error(400, message)
    };
    match serde_json::from_slice(call.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(fault(1, 1)),
        Err(error) => Err(fault(error.line(), error.column())),
    }
}

pub(super) fn take_messages(object: &mut Map<String, Value>) -> Vec<Outgoing> {
    let Some(Value::Array(messages)) = object.remove("messages") else { return Vec::new() };
    let outgoing = |message: Value| Outgoing { quotable: is_quotable(&message), json: message.to_string().into() };
    messages.into_iter().map(outgoing).collect()
}

/// The checks that all three ways to send have in common.
pub(super) fn checked(state: &State, body: &Map<String, Value>) -> Check {
    let mut check = Check::new(state.config.allow_http);
    check_messages(&mut check, body.get("messages"));
    check.flag_if_given(body.get("notificationDisabled"), "notificationDisabled");
    check
}

fn push(state: &State, call: &Call<'_>) -> Answered {
    let retry_key = retry_key(call)?;
    within_rate(state, "push")?;
    let mut body = object(call)?;
    let mut check = checked(state, &body);
    let to = check.text(body.get("to"), "to", 1000).unwrap_or_default().to_owned();
    refused(&check)?;
    recipient(state, &to, &['U', 'C', 'R'], "to")?;
    let messages = take_messages(&mut body);
    let to = To::Recipients(vec![to]);
    Ok(state.accept(Send { route: Route::Push, to, messages, retry_key, request_id: call.request_id }))
}

fn multicast(state: &State, call: &Call<'_>) -> Answered {
    let retry_key = retry_key(call)?;
    within_rate(state, "multicast")?;
    let mut body = object(call)?;
    let mut check = checked(state, &body);
    let mut to = Vec::new();
    for (index, user) in check.array(body.get("to"), "to", (1, 500)).into_iter().flatten().enumerate() {
        let user = check.text(Some(user), &format!("to[{index}]"), 1000).unwrap_or_default();
        to.push(user.to_owned());
    }
    refused(&check)?;
    for (index, user) in to.iter().enumerate() {
        recipient(state, user, &['U'], &format!("to[{index}]"))?;
    }
    // A person named twice still gets the message once.
    let mut seen = std::collections::HashSet::new();
    to.retain(|user| seen.insert(user.clone()));
    let messages = take_messages(&mut body);
    let to = To::Recipients(to);
    Ok(state.accept(Send { route: Route::Multicast, to, messages, retry_key, request_id: call.request_id }))
}

fn reply(state: &State, call: &Call<'_>) -> Answered {
    within_rate(state, "reply")?;
    let mut body = object(call)?;
    let mut check = checked(state, &body);
    let token = check.text(body.get("replyToken"), "replyToken", 1000).unwrap_or_default().to_owned();
    refused(&check)?;
    let messages = take_messages(&mut body);
    let to = To::ReplyToken(token);
    Ok(state.accept(Send { route: Route::Reply, to, messages, retry_key: None, request_id: call.request_id }))
}

fn validate(state: &State, call: &Call<'_>) -> Answered {
    let body = object(call)?;
    let mut check = Check::new(state.config.allow_http);
    check_messages(&mut check, body.get("messages"));
    refused(&check)?;
    Ok(Answer::empty(200))
}

pub(super) fn refused(check: &Check) -> Result<(), Answer> {
    match check.refusal() {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Ids are a letter and 32 hexadecimal digits in lower case (`webhook.yml`, `destination`).
pub(crate) fn is_id(id: &str, letters: &[char]) -> bool {
    let mut rest = id.chars();
    let letter = rest.next().is_some_and(|letter| letters.contains(&letter));
    let digits = rest.as_str();
    letter && digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn recipient(state: &State, id: &str, letters: &[char], property: &str) -> Result<(), Answer> {
    match state.config.strict_ids && !is_id(id, letters) {
        true => Err(Answer::invalid_property(property)),
        false => Ok(()),
    }
}

fn quota(state: &State) -> Answered {
    let body = match state.account().quota {
        Some(quota) => json!({ "type": "limited", "value": quota }),
        None => json!({ "type": "none" }),
    };
    Ok(Answer::json(200, &body))
}

fn consumption(state: &State) -> Answered {
    Ok(Answer::json(200, &json!({ "totalUsage": state.account().usage })))
}

/// 202 while the medium is prepared, 410 after the customer took it back, 404 when there is no such medium (reference,
/// "Get content").
fn content(state: &State, call: &Call<'_>, id: &str) -> Answered {
    let account = state.account();
    let content = account.contents.get(id).ok_or_else(Answer::not_found)?;
    match content.status {
        ContentStatus::Unsent => Err(Answer::error(410, "Gone")),
        ContentStatus::Failed => Err(Answer::not_found()),
        ContentStatus::Processing => Ok(Answer::empty(202)),
        ContentStatus::Succeeded if call.processing => Ok(Answer::empty(202)),
        ContentStatus::Succeeded => Ok(Answer::bytes(200, &content.content_type, content.bytes.clone())),
    }
}

/// Only images and videos have a preview; the fake one is the medium itself, or a picture in the place of a video.
fn preview(state: &State, id: &str) -> Answered {
    let account = state.account();
    let content = account.contents.get(id).ok_or_else(Answer::not_found)?;
    match (content.kind, content.status) {
        (_, ContentStatus::Unsent) => Err(Answer::error(410, "Gone")),
        (ContentKind::Image, _) => Ok(Answer::bytes(200, &content.content_type, content.bytes.clone())),
        (ContentKind::Video, _) => Ok(Answer::bytes(200, "image/png", Bytes::from_static(super::event::PICTURE))),
        (ContentKind::Audio | ContentKind::File, _) => {
            Err(Answer::error(400, "The message is not an image or a video"))
        }
    }
}

/// Only videos and audio are prepared; LINE answers 400 for other media.
fn transcoding(state: &State, call: &Call<'_>, id: &str) -> Answered {
    let account = state.account();
    let content = account.contents.get(id).ok_or_else(Answer::not_found)?;
    let status = match (content.kind, content.status) {
        (_, ContentStatus::Unsent) => return Err(Answer::error(410, "Gone")),
        (ContentKind::Image | ContentKind::File, _) => {
            return Err(Answer::error(400, "The message is not a video or an audio"));
        }
        (_, ContentStatus::Failed) => "failed",
        (_, ContentStatus::Processing) => "processing",
        (_, ContentStatus::Succeeded) if call.processing => "processing",
        (_, ContentStatus::Succeeded) => "succeeded",
    };
    Ok(Answer::json(200, &json!({ "status": status })))
}

/// 404 for people the account has never met and for those who blocked it.
fn profile(state: &State, user: &str) -> Answered {
    let account = state.account();
    if account.blocked.contains(user) {
        return Err(Answer::not_found());
    }
    let profile = account.profiles.get(user).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(200, profile))
}

/// Reference, "Get group chat summary": 404 for a group the account is not in.
fn summary(state: &State, group: &str) -> Answered {
    let account = state.account();
    let summary = account.groups.get(group).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(200, summary))
}

/// Reference, "Get group chat member profile": members have one whether or not they are friends of the account.
fn member(state: &State, chat: &str, user: &str) -> Answered {
    let account = state.account();
    let profile = account.members.get(&(chat.to_owned(), user.to_owned())).or_else(|| account.profiles.get(user));
    let profile = profile.ok_or_else(Answer::not_found)?;
    Ok(Answer::json(200, profile))
}

fn info(state: &State) -> Answered {
    let body = json!({
        "userId": state.config.bot_user_id,
        "basicId": "@000simul",
        "displayName": state.config.bot_name,
        "chatMode": "chat",
        "markAsReadMode": "manual",
    });
    Ok(Answer::json(200, &body))
}

fn mark_as_read(state: &State, call: &Call<'_>) -> Answered {
    let body = object(call)?;
    let mut check = Check::new(state.config.allow_http);
    let token = check.text(body.get("markAsReadToken"), "markAsReadToken", 1000).unwrap_or_default();
    refused(&check)?;
    let mut account = state.account();
    let Some(message) = account.read_tokens.get(token).cloned() else {
        return Err(Answer::invalid_property("markAsReadToken"));
    };
    account.read.push(message);
    Ok(Answer::empty(200))
}

/// Reference, "Display a loading indicator": 5 to 60 seconds in steps of 5, one-to-one chats only.
fn start_loading(state: &State, call: &Call<'_>) -> Answered {
    let body = object(call)?;
    let mut check = Check::new(state.config.allow_http);
    let chat = check.text(body.get("chatId"), "chatId", 1000).unwrap_or_default();
    if let Some(seconds) = body.get("loadingSeconds").filter(|value| !value.is_null()) {
        check.integer(Some(seconds), "loadingSeconds", 5, 60);
        if seconds.as_i64().is_some_and(|seconds| seconds % 5 != 0) {
            check.fail("loadingSeconds", "Must be a multiple of 5");
        }
    }
    refused(&check)?;
    recipient(state, chat, &['U'], "chatId")?;
    Ok(Answer::empty(202))
}

fn webhook_endpoint(state: &State) -> Answered {
    let account = state.account();
    let endpoint = account.webhook.as_ref().ok_or_else(Answer::not_found)?;
    Ok(Answer::json(200, &json!({ "endpoint": endpoint, "active": true })))
}

fn set_webhook_endpoint(state: &State, call: &Call<'_>) -> Answered {
    let body = object(call)?;
    let mut check = Check::new(state.config.allow_http);
    let endpoint = check.text(body.get("endpoint"), "endpoint", 500).unwrap_or_default();
    refused(&check)?;
    if !is_web_address(endpoint, state.config.allow_http) {
        return Err(Answer::error(400, "Invalid webhook endpoint URL"));
    }
    state.account().webhook = Some(endpoint.to_owned());
    Ok(Answer::empty(200))
}

/// Posts an empty list of events, which is how LINE asks a receiver whether it is there.
async fn test_webhook(state: &Arc<State>, call: &Call<'_>) -> Answered {
    let body = if call.body.is_empty() { Map::new() } else { object(call)? };
    let mut check = Check::new(state.config.allow_http);
    let given = check.text_if_given(body.get("endpoint"), "endpoint", 500).map(str::to_owned);
    refused(&check)?;
    let set = state.account().webhook.clone();
    let Some(endpoint) = given.or(set) else {
        return Err(Answer::error(400, "Invalid webhook endpoint URL"));
    };
    let at = jiff::Timestamp::from_millisecond(state.clock.millis()).unwrap_or_default();
    let post = callback::post(state, &endpoint, &[], callback::Signature::Right).await;
    let reason = post.error.clone().unwrap_or_else(|| "OK".to_owned());
    let detail = post.status.map_or_else(|| reason.clone(), |status| status.to_string());
    let body = json!({
        "success": post.error.is_none(),
        "timestamp": at.to_string(),
        "statusCode": post.status.unwrap_or(0),
        "reason": reason,
        "detail": detail,
    });
    Ok(Answer::json(200, &body))
}

//! LINE, through its Messaging API.
//!
//! The rules come from LINE's reference (<https://developers.line.biz/en/reference/messaging-api/>) and its OpenAPI
//! files (<https://github.com/line/line-openapi>), against which the tests check every request rendered here and every
//! event read here.

mod account;
mod outcome;
mod receive;
mod send;
mod signature;

pub use account::{
    BotInfo, Fetched, Group, LOADING_MAX_SECONDS, Profile, Quota, Transcoding, WebhookEndpoint, WebhookTest, bot_info,
    consumption, fetched, group, loading, mark_as_read, media, member, profile, quota, read_bot_info, read_consumption,
    read_group, read_profile, read_quota, read_transcoding, read_webhook_endpoint, read_webhook_test,
    set_webhook_endpoint, test_webhook, transcoding, webhook_endpoint,
};
pub use outcome::{Outcome, outcome};
pub use receive::{Callback, Event, EventKind, ImageSet, Media, Mention, Source, receive};
pub use send::{Route, send};
pub use signature::{SIGNATURE_HEADER, sign, verify};

use crate::fault::Refusal;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// Where LINE's Messaging API lives.
pub const API_BASE: &str = "https://api.line.me";

/// Where LINE keeps what customers send: another host than the rest
/// (<https://developers.line.biz/en/reference/messaging-api/#domain-name>).
pub const DATA_BASE: &str = "https://api-data.line.me";

/// How long a retry key protects from sending twice: 24 hours after the first try, in milliseconds
/// (<https://developers.line.biz/en/docs/messaging-api/retrying-api-request/>). Later tries may reach the customer a
/// second time, so a push that is still unsure then is given to a person.
pub const RETRY_KEY_LIFETIME_MS: i64 = 24 * 60 * 60 * 1_000;

/// Header of LINE's own id of a request, in every answer; LINE's support asks for it.
pub const REQUEST_ID_HEADER: &str = "x-line-request-id";

/// Header of a 409: the id of the earlier request that was accepted.
pub const ACCEPTED_REQUEST_ID_HEADER: &str = "x-line-accepted-request-id";

/// Header that makes a push safe to repeat.
pub const RETRY_KEY_HEADER: &str = "x-line-retry-key";

/// What a request needs to know of an account.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The channel access token.
    pub access_token: &'a str,
    /// [`API_BASE`], or a stand-in.
    pub api_base: &'a str,
    /// [`DATA_BASE`]; an account with a stand-in of its own uses that for both.
    pub data_base: &'a str,
}

impl<'a> Credentials<'a> {
    /// The credentials of an account, at LINE or at its own base.
    pub fn new(access_token: &'a str, own_base: Option<&'a str>) -> Credentials<'a> {
        Credentials { access_token, api_base: own_base.unwrap_or(API_BASE), data_base: own_base.unwrap_or(DATA_BASE) }
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token would be in every log line that shows a failed send.
        f.debug_struct("Credentials")
            .field("api_base", &self.api_base)
            .field("data_base", &self.data_base)
            .finish_non_exhaustive()
    }
}

/// Ids come from LINE, but also from whoever holds the database; one that holds a slash must not choose another path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Writes an id as one segment of a path.
fn segment(what: &'static str, id: &str) -> Result<String, Refusal> {
    match id {
        "" => Err(Refusal::Empty { what }),
        // These two mean another path even when they are percent-encoded, so there is no way to write them.
        "." | ".." => Err(Refusal::NotAnId { what }),
        _ => Ok(utf8_percent_encode(id, SEGMENT).to_string()),
    }
}

/// Builds a request to LINE: the one place that knows the base, the bearer token and the content type.
fn request(
    credentials: &Credentials<'_>,
    base: &str,
    method: Method,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Request<Vec<u8>>, Refusal> {
    if credentials.access_token.trim().is_empty() {
        return Err(Refusal::Account { setting: "access token", reason: "it is empty" });
    }
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", credentials.access_token.trim()))
        .map_err(|_| Refusal::Account { setting: "access token", reason: "it has characters a header cannot carry" })?;
    // Keeps the token out of the Debug output of the request.
    bearer.set_sensitive(true);

    let base = base.trim().trim_end_matches('/');
    if !base.starts_with("https://") && !base.starts_with("http://") {
        return Err(Refusal::Account { setting: "API base", reason: "it does not begin with https://" });
    }
    let mut request = Request::builder().method(method).uri(format!("{base}{path}")).header(AUTHORIZATION, bearer);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    request
        .body(body.unwrap_or_default())
        .map_err(|_| Refusal::Account { setting: "API base", reason: "it is not a URL" })
}

/// Whether this is the id of a user, a group or a room: U, C or R and 32 hexadecimal digits (`webhook.yml`).
pub fn is_chat_id(id: &str) -> bool {
    let digits = id.strip_prefix(['U', 'C', 'R']).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

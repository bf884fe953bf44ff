//! Everything else that is asked of LINE: quota, profiles, files, the account itself.

use super::outcome::reason;
use super::receive::Source;
use super::{Credentials, request, segment};
use crate::fault::{Error, Refusal};
use http::{Method, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

type Rendered = Result<Request<Vec<u8>>, Refusal>;

fn get(credentials: &Credentials<'_>, path: &str) -> Rendered {
    request(credentials, credentials.api_base, Method::GET, path, None)
}

fn post(credentials: &Credentials<'_>, path: &str, body: Value) -> Rendered {
    request(credentials, credentials.api_base, Method::POST, path, Some(body.to_string().into_bytes()))
}

fn read<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|source| Error::Json { what, source })
}

/// What LINE's answer to one of this module's requests means; sends are judged by [`super::outcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The body is what was asked for.
    Ready,
    /// LINE is still preparing it (202): ask again in a moment.
    NotYet,
    /// LINE failed or is busy: ask again later.
    Retry {
        /// What LINE said.
        reason: String,
    },
    /// The account's access token is not accepted, or the account may not ask this.
    Unauthorized {
        /// What LINE said.
        reason: String,
    },
    /// It does not exist, or no longer: LINE deletes files after a while, and hides the profiles of those who are not
    /// friends of the account.
    Gone {
        /// What LINE said.
        reason: String,
    },
    /// LINE refuses the request; asking again changes nothing.
    Dead {
        /// What LINE said.
        reason: String,
    },
}

/// Judges LINE's answer to a request of this module
/// (<https://developers.line.biz/en/reference/messaging-api/#status-codes>). For a file that is ready the body is not
/// looked at and may be empty.
pub fn fetched(status: u16, body: &[u8]) -> Fetched {
    match status {
        202 => Fetched::NotYet,
        200..=299 => Fetched::Ready,
        401 | 403 => Fetched::Unauthorized { reason: reason(status, body) },
        404 | 410 => Fetched::Gone { reason: reason(status, body) },
        408 | 429 | 500..=599 => Fetched::Retry { reason: reason(status, body) },
        _ => Fetched::Dead { reason: reason(status, body) },
    }
}

/// How many paid messages the account has in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// No limit is set.
    None,
    /// So many.
    Limited(i64),
}

/// Asks for the month's quota (<https://developers.line.biz/en/reference/messaging-api/#get-quota>).
pub fn quota(credentials: &Credentials<'_>) -> Rendered {
    get(credentials, "/v2/bot/message/quota")
}

/// Reads the answer to [`quota`].
pub fn read_quota(body: &[u8]) -> Result<Quota, Error> {
    #[derive(Deserialize)]
    struct Answer {
        r#type: String,
        value: Option<i64>,
    }
    let answer: Answer = read("LINE's quota", body)?;
    match (answer.r#type.as_str(), answer.value) {
        ("none", _) => Ok(Quota::None),
        ("limited", Some(value)) => Ok(Quota::Limited(value)),
        _ => Err(Error::Unknown { what: "the type of LINE's quota", value: answer.r#type }),
    }
}

/// Asks how much of the quota is used (<https://developers.line.biz/en/reference/messaging-api/#get-consumption>).
pub fn consumption(credentials: &Credentials<'_>) -> Rendered {
    get(credentials, "/v2/bot/message/quota/consumption")
}

/// Reads the answer to [`consumption`]: the paid messages sent this month.
pub fn read_consumption(body: &[u8]) -> Result<i64, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        total_usage: i64,
    }
    read("LINE's quota consumption", body).map(|answer: Answer| answer.total_usage)
}

/// A customer as LINE shows them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "ProfileAnswer")]
pub struct Profile {
    /// The name they chose.
    pub name: String,
    /// Their picture.
    pub picture: Option<String>,
    /// Their language, as a BCP 47 tag; only with their consent.
    pub language: Option<String>,
    /// Their status message.
    pub status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProfileAnswer {
    display_name: String,
    picture_url: Option<String>,
    language: Option<String>,
    status_message: Option<String>,
}

impl From<ProfileAnswer> for Profile {
    fn from(answer: ProfileAnswer) -> Profile {
        Profile {
            name: answer.display_name,
            picture: answer.picture_url,
            language: answer.language,
            status: answer.status_message,
        }
    }
}

/// Asks for a friend's profile (<https://developers.line.biz/en/reference/messaging-api/#get-profile>).
pub fn profile(credentials: &Credentials<'_>, user_id: &str) -> Rendered {
    get(credentials, &format!("/v2/bot/profile/{}", segment("the user id", user_id)?))
}

/// Asks for the profile of whoever acted in a chat: in a group or room also those who are not friends of the account
/// have one (<https://developers.line.biz/en/reference/messaging-api/#get-group-member-profile>).
pub fn member(credentials: &Credentials<'_>, source: &Source) -> Rendered {
    let user = source.user().unwrap_or_default();
    match source {
        Source::User(_) | Source::Unknown => profile(credentials, user),
        Source::Group { group, .. } => {
            let (group, user) = (segment("the group id", group)?, segment("the user id", user)?);
            get(credentials, &format!("/v2/bot/group/{group}/member/{user}"))
        }
        Source::Room { room, .. } => {
            let (room, user) = (segment("the room id", room)?, segment("the user id", user)?);
            get(credentials, &format!("/v2/bot/room/{room}/member/{user}"))
        }
    }
}

/// What a group shows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its name.
    pub group_name: String,
    /// Its picture.
    pub picture_url: Option<String>,
}

/// Asks for a group's name and picture (<https://developers.line.biz/en/reference/messaging-api/#get-group-summary>). A chat
/// of several persons that is no group has none.
pub fn group(credentials: &Credentials<'_>, group: &str) -> Rendered {
    get(credentials, &format!("/v2/bot/group/{}/summary", segment("the group id", group)?))
}

/// Reads the answer to [`group`].
pub fn read_group(body: &[u8]) -> Result<Group, Error> {
    read("LINE's group", body)
}

/// Reads the answer to [`profile`] or [`member`].
pub fn read_profile(body: &[u8]) -> Result<Profile, Error> {
    read("LINE's profile", body)
}

/// Asks for the file of a message (<https://developers.line.biz/en/reference/messaging-api/#get-content>). LINE keeps it
/// on another host and deletes it after a while, so it is fetched at once.
pub fn media(credentials: &Credentials<'_>, message_id: &str) -> Rendered {
    let path = format!("/v2/bot/message/{}/content", segment("the message id", message_id)?);
    request(credentials, credentials.data_base, Method::GET, &path, None)
}

/// Asks whether a video or sound is ready
/// (<https://developers.line.biz/en/reference/messaging-api/#verify-video-or-audio-preparation-status>).
pub fn transcoding(credentials: &Credentials<'_>, message_id: &str) -> Rendered {
    let path = format!("/v2/bot/message/{}/content/transcoding", segment("the message id", message_id)?);
    request(credentials, credentials.data_base, Method::GET, &path, None)
}

/// How far LINE is with a video or sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transcoding {
    /// It can be fetched.
    Ready,
    /// Ask again in a moment.
    Processing,
    /// LINE could not prepare it; it cannot be fetched.
    Failed,
}

/// Reads the answer to [`transcoding`].
pub fn read_transcoding(body: &[u8]) -> Result<Transcoding, Error> {
    #[derive(Deserialize)]
    struct Answer {
        status: String,
    }
    let answer: Answer = read("LINE's transcoding status", body)?;
    match answer.status.as_str() {
        "succeeded" => Ok(Transcoding::Ready),
        "processing" => Ok(Transcoding::Processing),
        "failed" => Ok(Transcoding::Failed),
        _ => Err(Error::Unknown { what: "LINE's transcoding status", value: answer.status }),
    }
}

/// The account as LINE sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "BotInfoAnswer")]
pub struct BotInfo {
    /// Its user id: the `destination` of its webhooks.
    pub user_id: String,
    /// Its basic id, such as `@216ru`.
    pub basic_id: String,
    /// Its premium id, when it has one.
    pub premium_id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub picture: Option<String>,
    /// Whether "Chat" is on in the account manager; marking as read by token fails when it is off.
    pub chat: bool,
    /// Whether LINE marks messages as read by itself.
    pub marks_as_read: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BotInfoAnswer {
    user_id: String,
    basic_id: String,
    premium_id: Option<String>,
    display_name: String,
    picture_url: Option<String>,
    chat_mode: Option<String>,
    mark_as_read_mode: Option<String>,
}

impl From<BotInfoAnswer> for BotInfo {
    fn from(answer: BotInfoAnswer) -> BotInfo {
        BotInfo {
            user_id: answer.user_id,
            basic_id: answer.basic_id,
            premium_id: answer.premium_id,
            name: answer.display_name,
            picture: answer.picture_url,
            chat: answer.chat_mode.as_deref() == Some("chat"),
            marks_as_read: answer.mark_as_read_mode.as_deref() == Some("auto"),
        }
    }
}

/// Asks who the account is: the cheapest proof that its access token works
/// (<https://developers.line.biz/en/reference/messaging-api/#get-bot-info>).
pub fn bot_info(credentials: &Credentials<'_>) -> Rendered {
    get(credentials, "/v2/bot/info")
}

/// Reads the answer to [`bot_info`].
pub fn read_bot_info(body: &[u8]) -> Result<BotInfo, Error> {
    read("LINE's bot info", body)
}

/// Where LINE sends the account's webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    /// The address.
    pub endpoint: String,
    /// Whether webhooks are switched on.
    pub active: bool,
}

/// Asks where LINE sends the account's webhooks
/// (<https://developers.line.biz/en/reference/messaging-api/#get-webhook-endpoint-information>).
pub fn webhook_endpoint(credentials: &Credentials<'_>) -> Rendered {
    get(credentials, "/v2/bot/channel/webhook/endpoint")
}

/// Reads the answer to [`webhook_endpoint`].
pub fn read_webhook_endpoint(body: &[u8]) -> Result<WebhookEndpoint, Error> {
    read("LINE's webhook endpoint", body)
}

/// The longest address that LINE takes for webhooks, in characters.
const LONGEST_ENDPOINT: usize = 500;

/// Tells LINE where to send the account's webhooks; LINE takes only addresses that begin with `https://`
/// (<https://developers.line.biz/en/reference/messaging-api/#set-webhook-endpoint-url>). Whether webhooks are switched on
/// stays as it is: that is a switch in LINE's console.
pub fn set_webhook_endpoint(credentials: &Credentials<'_>, endpoint: &str) -> Rendered {
    if endpoint.is_empty() {
        return Err(Refusal::Empty { what: "the webhook endpoint" });
    }
    if endpoint.chars().count() > LONGEST_ENDPOINT {
        return Err(Refusal::Account { setting: "webhook address", reason: "it is longer than LINE takes" });
    }
    let body = json!({ "endpoint": endpoint }).to_string().into_bytes();
    request(credentials, credentials.api_base, Method::PUT, "/v2/bot/channel/webhook/endpoint", Some(body))
}

/// Has LINE call the account's webhook with no events, to see whether it answers
/// (<https://developers.line.biz/en/reference/messaging-api/#test-webhook-endpoint>).
pub fn test_webhook(credentials: &Credentials<'_>) -> Rendered {
    post(credentials, "/v2/bot/channel/webhook/test", json!({}))
}

/// What came of LINE's call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTest {
    /// Whether the receiver answered as it should.
    #[serde(default)]
    pub success: bool,
    /// What it answered; zero or less when it did not.
    pub status_code: i32,
    /// A word of LINE's: `OK`, `COULD_NOT_CONNECT`, …
    pub reason: String,
    /// What happened.
    pub detail: String,
}

/// Reads the answer to [`test_webhook`].
pub fn read_webhook_test(body: &[u8]) -> Result<WebhookTest, Error> {
    read("LINE's test of the webhook", body)
}

/// Marks a message, and those before it, as read (<https://developers.line.biz/en/reference/messaging-api/#mark-as-read>).
/// LINE refuses it unless "Chat" is on in the account manager: see [`BotInfo::chat`].
pub fn mark_as_read(credentials: &Credentials<'_>, token: &str) -> Rendered {
    if token.is_empty() {
        return Err(Refusal::Empty { what: "the mark-as-read token" });
    }
    post(credentials, "/v2/bot/chat/markAsRead", json!({ "markAsReadToken": token }))
}

/// The longest time a loading animation plays
/// (<https://developers.line.biz/en/reference/messaging-api/#display-a-loading-indicator>).
pub const LOADING_MAX_SECONDS: u8 = 60;

/// Shows a person that an answer is being written; only in a chat with one person, and until the next message. LINE
/// takes 5 to 60 seconds in steps of five, so the time is rounded up to the next step.
pub fn loading(credentials: &Credentials<'_>, user_id: &str, seconds: u8) -> Rendered {
    if user_id.is_empty() {
        return Err(Refusal::Empty { what: "the user id" });
    }
    let seconds = seconds.clamp(1, LOADING_MAX_SECONDS).next_multiple_of(5);
    post(credentials, "/v2/bot/chat/loading/start", json!({ "chatId": user_id, "loadingSeconds": seconds }))
}

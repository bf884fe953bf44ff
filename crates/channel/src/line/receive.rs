//! Webhooks: what customers and LINE tell us.
//!
//! LINE adds event types, message types and fields without notice, and a webhook carries several events. So nothing here
//! fails for one event's sake: what is not understood becomes [`EventKind::Unknown`] and its neighbours are read.

use crate::content::Content;
use crate::fault::Error;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// One webhook. LINE's "Verify" button sends one without events.
#[derive(Debug, Clone, PartialEq)]
pub struct Callback {
    /// The user id of the account the events are for; empty when LINE gave none.
    pub destination: String,
    /// What happened, in LINE's order, which is not promised to be the order of time: sort by [`Event::at`].
    pub events: Vec<Event>,
}

/// One thing that happened.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// LINE's `webhookEventId`: the same when LINE delivers the event again, so the key to keep it once. An event without
    /// one gets a digest of itself.
    pub id: String,
    /// When it happened, in milliseconds of Unix time; 0 when LINE did not say.
    pub at: i64,
    /// Whether LINE delivers it again. Its reply token may be dead by now.
    pub redelivery: bool,
    /// Whether it is ours to answer: LINE's `mode` is not `standby`.
    pub active: bool,
    /// Where it happened.
    pub source: Source,
    /// The token that answers it, once and within a minute.
    pub reply_token: Option<String>,
    /// The token that marks the message as read.
    pub mark_as_read_token: Option<String>,
    /// What happened.
    pub kind: EventKind,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tokens let their holder act in the room, so only their presence is shown.
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("at", &self.at)
            .field("redelivery", &self.redelivery)
            .field("active", &self.active)
            .field("source", &self.source)
            .field("has_reply_token", &self.reply_token.is_some())
            .field("has_mark_as_read_token", &self.mark_as_read_token.is_some())
            .field("kind", &self.kind)
            .finish()
    }
}

/// Where an event happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A chat with one person.
    User(String),
    /// A group chat.
    Group {
        /// The group.
        group: String,
        /// Who acted, when LINE says so.
        user: Option<String>,
    },
    /// A chat of several persons that is not a group.
    Room {
        /// The room.
        room: String,
        /// Who acted, when LINE says so.
        user: Option<String>,
    },
    /// Not in a chat: events about the account itself, or a source that LINE did not name.
    Unknown,
}

impl Source {
    /// The id that a push is addressed to.
    pub fn chat(&self) -> Option<&str> {
        match self {
            Source::User(id) | Source::Group { group: id, .. } | Source::Room { room: id, .. } => Some(id),
            Source::Unknown => None,
        }
    }

    /// The person who acted.
    pub fn user(&self) -> Option<&str> {
        match self {
            Source::User(id) => Some(id),
            Source::Group { user, .. } | Source::Room { user, .. } => user.as_deref(),
            Source::Unknown => None,
        }
    }
}

/// What happened (<https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects>).
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a message: a box would be one more allocation for each"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// Somebody wrote.
    Message {
        /// LINE's id of the message: with it the content is fetched, and an unsend names it.
        id: String,
        /// What it says. Its URL is empty while LINE holds the file: see `media`.
        content: Content,
        /// Where its file is, for an image, a video, a sound or a file.
        media: Option<Media>,
        /// What an answer names to quote it.
        quote_token: Option<String>,
        /// The message it quotes.
        quoted_message_id: Option<String>,
        /// The pictures it was sent together with.
        image_set: Option<ImageSet>,
        /// Who is mentioned in it.
        mentions: Vec<Mention>,
    },
    /// Somebody took a message back. Its content is to be hidden, its trace kept.
    Unsend {
        /// The message.
        message_id: String,
    },
    /// A person added the account, or unblocked it.
    Follow {
        /// Whether the person had blocked it before.
        unblocked: bool,
    },
    /// A person blocked the account.
    Unfollow,
    /// The account joined a group or room.
    Join,
    /// The account left a group.
    Leave,
    /// Persons joined a group the account is in.
    MemberJoined {
        /// Who, as far as LINE says.
        users: Vec<String>,
    },
    /// Persons left a group the account is in.
    MemberLeft {
        /// Who, as far as LINE says.
        users: Vec<String>,
    },
    /// A button was pressed.
    Postback {
        /// The button's data.
        data: String,
        /// What was chosen with it: a date, a rich menu.
        params: BTreeMap<String, String>,
    },
    /// A video was watched to its end.
    VideoPlayComplete {
        /// The id the video was sent with.
        tracking_id: String,
    },
    /// A person came near a beacon.
    Beacon {
        /// The beacon.
        hwid: String,
        /// LINE's word: `enter`, `banner` or `stay`.
        action: String,
        /// The beacon's own message, in hexadecimal.
        device_message: Option<String>,
    },
    /// A person linked their LINE account with a customer record, or failed to.
    AccountLink {
        /// Whether it worked.
        ok: bool,
        /// The word we gave for this linking; it names the customer.
        nonce: String,
    },
    /// A membership began, ended or was renewed.
    Membership {
        /// LINE's word: `joined`, `left` or `renewed`.
        action: String,
        /// The membership plan.
        membership_id: Option<i64>,
    },
    /// A module channel was attached to an account or detached from it.
    Module {
        /// Whether it was attached.
        attached: bool,
        /// The account's user id.
        bot_id: Option<String>,
    },
    /// A module channel may answer now.
    Activated {
        /// Until when, in milliseconds of Unix time.
        expire_at: Option<i64>,
    },
    /// A module channel may no longer answer.
    Deactivated,
    /// The account was suspended by LINE.
    BotSuspended,
    /// The account is back from suspension.
    BotResumed,
    /// A notification message to a phone number was delivered.
    Delivery {
        /// The hashed number, or the tag it was sent with.
        data: String,
    },
    /// Something this version does not know, or an event without a part that it must have.
    Unknown {
        /// LINE's word for it; empty when even that is missing.
        kind: String,
        /// What was missing, for a kind that is known.
        fault: Option<String>,
    },
}

/// Where the file of a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// At LINE, which deletes it after a while: fetch it at once with [`super::media`].
    Line {
        /// Whether LINE may still be preparing it, as it does with video and audio: ask [`super::transcoding`] first.
        transcoded: bool,
        /// How many bytes it has, when LINE says so.
        size: Option<i64>,
    },
    /// At an address given by whoever sent it through the LINE front end framework.
    External {
        /// The file.
        url: String,
        /// A smaller picture of it.
        preview: Option<String>,
    },
}

/// Pictures that were sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// The id of the set.
    pub id: String,
    /// This picture's place in it, from 1; some old LINE apps do not say.
    pub index: Option<i64>,
    /// How many there are.
    pub total: Option<i64>,
}

/// Somebody who is mentioned in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Where in the text, in UTF-16 units.
    pub index: i64,
    /// How much of it.
    pub length: i64,
    /// Who, when LINE says so; nobody where all are meant.
    pub user: Option<String>,
    /// Everybody in the chat.
    pub all: bool,
}

/// Reads a webhook's body; the signature was checked before. Fails only when the body is not a webhook at all.
pub fn receive(body: &[u8]) -> Result<Callback, Error> {
    // Events are kept as text first, so that a number or a string that cannot be read spoils one event only.
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(default)]
        destination: Option<String>,
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|source| Error::Json { what: "the LINE webhook", source })?;
    Ok(Callback {
        destination: body.destination.unwrap_or_default(),
        events: body.events.into_iter().map(|raw| event(raw.get())).collect(),
    })
}

fn event(raw: &str) -> Event {
    // Half a character is no reason to lose the rest of what was written.
    let read = serde_json::from_str::<Value>(raw).or_else(|_| serde_json::from_str(&whole_characters(raw)));
    let (value, unreadable) = match read {
        Ok(value) => (value, None),
        Err(error) => (Value::Null, Some(error.to_string())),
    };
    let kind = match unreadable {
        None => kind(&value),
        Some(fault) => EventKind::Unknown { kind: String::new(), fault: Some(fault) },
    };
    Event {
        id: text(&value, "webhookEventId").unwrap_or_else(|| digest(raw)),
        at: value.get("timestamp").and_then(Value::as_i64).unwrap_or_default(),
        redelivery: flag(value.get("deliveryContext"), "isRedelivery"),
        active: text(&value, "mode").is_none_or(|mode| mode != "standby"),
        source: source(value.get("source")),
        reply_token: text(&value, "replyToken"),
        mark_as_read_token: value.get("message").and_then(|message| text(message, "markAsReadToken")),
        kind,
    }
}

/// JSON in which halves of characters (escapes of surrogates without their other half) are replaced by U+FFFD.
fn whole_characters(raw: &str) -> String {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (mut mended, mut rest) = (String::with_capacity(raw.len()), raw);
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        mended.push_str(before);
        let after = escape.get(6..).unwrap_or_default();
        let (length, text) = match unit(escape) {
            Some(0xd800..=0xdbff) if matches!(unit(after), Some(0xdc00..=0xdfff)) => (12, escape.get(..12)),
            Some(0xd800..=0xdfff) => (6, Some("\\ufffd")),
            Some(_) => (6, escape.get(..6)),
            // An escape of one letter, which may be a backslash itself.
            None => (2, escape.get(..2)),
        };
        mended.push_str(text.unwrap_or(escape));
        rest = escape.get(length..).unwrap_or_default();
    }
    mended.push_str(rest);
    mended
}

/// A name for an event that has none: the same for the same text, so it is still kept once.
fn digest(raw: &str) -> String {
    Sha256::digest(raw.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn source(source: Option<&Value>) -> Source {
    let Some(source) = source else { return Source::Unknown };
    let user = text(source, "userId");
    match text(source, "type").as_deref() {
        Some("user") => user.map_or(Source::Unknown, Source::User),
        Some("group") => text(source, "groupId").map_or(Source::Unknown, |group| Source::Group { group, user }),
        Some("room") => text(source, "roomId").map_or(Source::Unknown, |room| Source::Room { room, user }),
        _ => Source::Unknown,
    }
}

fn kind(event: &Value) -> EventKind {
    let kind = text(event, "type").unwrap_or_default();
    known(&kind, event).unwrap_or_else(|missing| {
        let fault = missing.map(|part| format!("{part} is missing"));
        EventKind::Unknown { kind, fault }
    })
}

/// Reads an event of a known kind. `Err(None)` is another kind, `Err(Some(part))` one without a part that it must have.
fn known(kind: &str, event: &Value) -> Result<EventKind, Option<&'static str>> {
    // One level down, every kind keeps its own part under a name of its own.
    let part = |name: &'static str| event.get(name).filter(|part| part.is_object()).ok_or(Some(name));
    let need = |name: &'static str, within: &Value| text(within, name).ok_or(Some(name));
    Ok(match kind {
        "message" => message(part("message")?)?,
        "unsend" => EventKind::Unsend { message_id: need("messageId", part("unsend")?)? },
        "follow" => EventKind::Follow { unblocked: flag(event.get("follow"), "isUnblocked") },
        "unfollow" => EventKind::Unfollow,
        "join" => EventKind::Join,
        "leave" => EventKind::Leave,
        "memberJoined" => EventKind::MemberJoined { users: users(part("joined")?) },
        "memberLeft" => EventKind::MemberLeft { users: users(part("left")?) },
        "postback" => {
            let postback = part("postback")?;
            EventKind::Postback { data: need("data", postback)?, params: params(postback.get("params")) }
        }
        "videoPlayComplete" => {
            EventKind::VideoPlayComplete { tracking_id: need("trackingId", part("videoPlayComplete")?)? }
        }
        "beacon" => {
            let beacon = part("beacon")?;
            EventKind::Beacon {
                hwid: need("hwid", beacon)?,
                action: need("type", beacon)?,
                device_message: text(beacon, "dm"),
            }
        }
        "accountLink" => {
            let link = part("link")?;
            EventKind::AccountLink { ok: need("result", link)? == "ok", nonce: need("nonce", link)? }
        }
        "membership" => {
            let membership = part("membership")?;
            EventKind::Membership {
                action: need("type", membership)?,
                membership_id: membership.get("membershipId").and_then(Value::as_i64),
            }
        }
        "module" => {
            let module = part("module")?;
            EventKind::Module { attached: need("type", module)? == "attached", bot_id: text(module, "botId") }
        }
        "activated" => EventKind::Activated {
            expire_at: event.get("chatControl").and_then(|control| control.get("expireAt")).and_then(Value::as_i64),
        },
        "deactivated" => EventKind::Deactivated,
        "botSuspended" => EventKind::BotSuspended,
        "botResumed" => EventKind::BotResumed,
        "delivery" => EventKind::Delivery { data: need("data", part("delivery")?)? },
        _ => return Err(None),
    })
}

/// Reads a message. Only its id is needed: content of a new kind, or without a part it should have, is still something
/// that the customer sent, and the room shows that.
fn message(message: &Value) -> Result<EventKind, Option<&'static str>> {
    let id = text(message, "id").ok_or(Some("id"))?;
    let kind = text(message, "type").ok_or(Some("type"))?;
    let (content, media) =
        content(&kind, message).unwrap_or_else(|| (Content::Unsupported { kind: kind.clone() }, None));
    let image_set = message.get("imageSet").and_then(|set| {
        Some(ImageSet {
            id: text(set, "id")?,
            index: set.get("index").and_then(Value::as_i64),
            total: set.get("total").and_then(Value::as_i64),
        })
    });
    let mentioned = message.get("mention").and_then(|mention| mention.get("mentionees")).and_then(Value::as_array);
    let mentions = mentioned.into_iter().flatten().filter_map(|one| {
        Some(Mention {
            index: one.get("index")?.as_i64()?,
            length: one.get("length")?.as_i64()?,
            user: text(one, "userId"),
            all: text(one, "type").is_some_and(|kind| kind == "all"),
        })
    });
    Ok(EventKind::Message {
        id,
        mentions: mentions.collect(),
        content,
        media,
        quote_token: text(message, "quoteToken"),
        quoted_message_id: text(message, "quotedMessageId"),
        image_set,
    })
}

fn content(kind: &str, message: &Value) -> Option<(Content, Option<Media>)> {
    Some(match kind {
        "text" => (Content::Text { text: text(message, "text")? }, None),
        "image" => {
            let media = media(message, false);
            let (url, preview) = address(&media);
            (Content::Image { url, preview }, Some(media))
        }
        "video" => {
            let media = media(message, true);
            let (url, preview) = address(&media);
            (Content::Video { url, preview }, Some(media))
        }
        "audio" => {
            let media = media(message, true);
            let duration_ms = message.get("duration").and_then(Value::as_i64);
            (Content::Audio { url: address(&media).0, duration_ms }, Some(media))
        }
        "file" => {
            let size = message.get("fileSize").and_then(Value::as_i64);
            let content = Content::File { url: String::new(), name: text(message, "fileName") };
            (content, Some(Media::Line { transcoded: false, size }))
        }
        "sticker" => {
            // What the customer wrote on a message sticker says more than LINE's words for the drawing.
            let written = text(message, "text").into_iter();
            let keywords = message.get("keywords").and_then(Value::as_array);
            let keywords = keywords.into_iter().flatten().filter_map(Value::as_str).map(clean);
            let content = Content::Sticker {
                package_id: text(message, "packageId")?,
                sticker_id: text(message, "stickerId")?,
                keywords: written.chain(keywords).collect(),
            };
            (content, None)
        }
        "location" => {
            let content = Content::Location {
                title: text(message, "title").unwrap_or_default(),
                address: text(message, "address").unwrap_or_default(),
                latitude: message.get("latitude")?.as_f64()?,
                longitude: message.get("longitude")?.as_f64()?,
            };
            (content, None)
        }
        _ => return None,
    })
}

/// Where the file is. Without a provider LINE is asked, since that is where nearly all files are.
fn media(message: &Value, transcoded: bool) -> Media {
    let provider = message.get("contentProvider");
    let external = provider.filter(|provider| text(provider, "type").is_some_and(|kind| kind == "external"));
    external
        .and_then(|provider| {
            Some(Media::External {
                url: text(provider, "originalContentUrl")?,
                preview: text(provider, "previewImageUrl"),
            })
        })
        .unwrap_or(Media::Line { transcoded, size: None })
}

fn address(media: &Media) -> (String, Option<String>) {
    match media {
        Media::Line { .. } => (String::new(), None),
        Media::External { url, preview } => (url.clone(), preview.clone()),
    }
}

fn users(part: &Value) -> Vec<String> {
    let members = part.get("members").and_then(Value::as_array);
    members.into_iter().flatten().filter_map(|member| text(member, "userId")).collect()
}

fn params(params: Option<&Value>) -> BTreeMap<String, String> {
    let params = params.and_then(Value::as_object);
    params.into_iter().flatten().filter_map(|(name, value)| Some((clean(name), clean(value.as_str()?)))).collect()
}

/// A text of an object; an empty one is the same as none.
fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(clean)
}

/// NUL cannot be stored in PostgreSQL, neither as text nor within JSON, and says nothing to a reader.
fn clean(text: &str) -> String {
    text.replace('\0', "")
}

fn flag(object: Option<&Value>, name: &str) -> bool {
    object.and_then(|object| object.get(name)).and_then(Value::as_bool).unwrap_or_default()
}

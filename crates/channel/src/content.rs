//! What a message says, whatever the platform.

use crate::fault::{Fault, FaultCode};
use crate::platform::{Platform, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The longest URL LINE takes for an image, a preview, a video or a sound: 2,000 characters
/// (<https://developers.line.biz/en/reference/messaging-api/#image-message>). Used everywhere, so that a message
/// accepted for one platform is not refused by the next.
pub const URL_LIMIT: usize = 2_000;

/// The longest title and the longest address of a place on LINE: 100 characters
/// (<https://developers.line.biz/en/reference/messaging-api/#location-message>).
pub const PLACE_LIMIT: usize = 100;

/// The longest name of a file: what common file systems allow. Our own rule.
pub const FILE_NAME_LIMIT: usize = 255;

/// The most rows of a card: what fits on a telephone without rolling. Our own rule.
pub(crate) const CARD_ROWS: usize = 12;

/// The longest words on a card's button on LINE: 40 characters
/// (<https://developers.line.biz/en/reference/messaging-api/#uri-action>).
pub(crate) const BUTTON_LIMIT: usize = 40;

/// The longest address behind a button on LINE: 1,000 characters (same page).
pub(crate) const BUTTON_URL_LIMIT: usize = 1_000;

/// The length LINE is told for a sound whose length is unknown: one minute. LINE requires `duration`
/// (<https://developers.line.biz/en/reference/messaging-api/#audio-message>) and only shows it beside the play button,
/// so a wrong figure is better than a message that cannot be sent.
pub const DEFAULT_AUDIO_MS: i64 = 60_000;

/// What a message says. Stored as JSON with the kind in `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Words.
    Text {
        /// The words, unchanged.
        text: String,
    },
    /// A picture.
    Image {
        /// Where it is; empty while the platform still holds it (see [`crate::line::Media`]).
        url: String,
        /// A smaller picture of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<String>,
    },
    /// A film.
    Video {
        /// Where it is; empty while the platform still holds it.
        url: String,
        /// The picture shown before it plays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<String>,
    },
    /// A sound.
    Audio {
        /// Where it is; empty while the platform still holds it.
        url: String,
        /// How long it plays, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<i64>,
    },
    /// Any other file.
    File {
        /// Where it is; empty while the platform still holds it.
        url: String,
        /// What it is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A sticker of LINE's shop.
    Sticker {
        /// Its package.
        package_id: String,
        /// Itself.
        sticker_id: String,
        /// Words for search and for those who cannot see it: those the customer wrote on it, then LINE's own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keywords: Vec<String>,
    },
    /// A place.
    Location {
        /// What the place is called; may be empty.
        #[serde(default)]
        title: String,
        /// Its address; may be empty.
        #[serde(default)]
        address: String,
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
    },
    /// A card with a button: a document that the customer is to look at. The program makes it; no caller writes one.
    Card {
        /// What it is.
        title: String,
        /// Names and values, in order.
        rows: Vec<(String, String)>,
        /// What stands on the button.
        button: String,
        /// Where the button leads.
        url: String,
    },
    /// Something this version does not know. Kept, so that the room shows that the customer sent it.
    Unsupported {
        /// The platform's own word for it.
        kind: String,
    },
}

impl Content {
    /// Reads the API's `type` and `content` for a platform, and names every fault.
    ///
    /// | `type` | `content` |
    /// | --- | --- |
    /// | `message` or `text` | the words |
    /// | `image`, `video` | an https URL, or `{"url", "preview"}` |
    /// | `audio` | an https URL, or `{"url", "duration"}` in milliseconds |
    /// | `file` | an https URL, or `{"url", "name"}` |
    /// | `sticker` | `packageId:stickerId` |
    /// | `location` | `{"title", "address", "latitude", "longitude"}` |
    ///
    /// The JSON forms are text within the string, because the API's `content` is a string.
    pub fn read(platform: Platform, kind: &str, content: &str) -> Result<Content, Vec<Fault>> {
        let read = match kind.trim().to_ascii_lowercase().as_str() {
            "message" | "text" => Ok(Content::Text { text: content.to_owned() }),
            "image" => media(content).map(|media| Content::Image { url: media.url, preview: media.preview }),
            "video" => media(content).map(|media| Content::Video { url: media.url, preview: media.preview }),
            "audio" => media(content).map(|media| Content::Audio { url: media.url, duration_ms: media.duration }),
            "file" => media(content).map(|media| Content::File { url: media.url, name: media.name }),
            "sticker" => sticker(content),
            "location" => location(content),
            "" => Err(vec![Fault { code: FaultCode::Required, ..Fault::kind("the type of the message is missing") }]),
            _ => Err(vec![Fault::kind(
                "unknown type; known are message, image, video, audio, file, sticker and location",
            )]),
        }?;
        let faults = read.faults(platform);
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }

    /// The API's word for the type; text is `message` there.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Text { .. } => "message",
            Content::Image { .. } => "image",
            Content::Video { .. } => "video",
            Content::Audio { .. } => "audio",
            Content::File { .. } => "file",
            Content::Sticker { .. } => "sticker",
            Content::Location { .. } => "location",
            Content::Card { .. } => "card",
            Content::Unsupported { .. } => "unsupported",
        }
    }

    /// The API's `content` string: the words, the URL, `packageId:stickerId`, the JSON of a place. For something
    /// unsupported it is the platform's word for it.
    pub fn text(&self) -> String {
        match self {
            Content::Text { text } => text.clone(),
            Content::Image { url, .. }
            | Content::Video { url, .. }
            | Content::Audio { url, .. }
            | Content::File { url, .. } => url.clone(),
            Content::Sticker { package_id, sticker_id, .. } => format!("{package_id}:{sticker_id}"),
            Content::Location { title, address, latitude, longitude } => {
                json!({ "title": title, "address": address, "latitude": latitude, "longitude": longitude }).to_string()
            }
            Content::Card { title, rows, url, .. } => {
                let rows: String = rows.iter().map(|(name, value)| format!("\n{name}: {value}")).collect();
                format!("{title}{rows}\n{url}")
            }
            Content::Unsupported { kind } => kind.clone(),
        }
    }

    /// The same content at another address: used when a customer's file has been fetched and stored here. Content
    /// without an address stays as it is.
    pub fn moved_to(self, address: String, small: Option<String>) -> Content {
        match self {
            Content::Image { .. } => Content::Image { url: address, preview: small },
            Content::Video { .. } => Content::Video { url: address, preview: small },
            Content::Audio { duration_ms, .. } => Content::Audio { url: address, duration_ms },
            Content::File { name, .. } => Content::File { url: address, name },
            other => other,
        }
    }

    /// Everything that keeps a platform from carrying this. Empty means that it can be sent.
    pub fn faults(&self, platform: Platform) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !carries(platform, self) {
            faults.push(Fault::kind(format!("{} does not carry messages of type {}", platform.label(), self.kind())));
        }
        match self {
            Content::Text { text } => check_text(platform, text, &mut faults),
            Content::Image { url, preview } => {
                check_url("the URL", url, &mut faults);
                check_preview(preview, &mut faults);
            }
            Content::Video { url, preview } => {
                check_url("the URL", url, &mut faults);
                check_preview(preview, &mut faults);
                if platform == Platform::Line && preview.is_none() {
                    faults.push(Fault::content(
                        FaultCode::Required,
                        "LINE shows a picture before a video plays, so a video needs a preview: give the content as \
                         the JSON text {\"url\": \"https://…/video.mp4\", \"preview\": \"https://…/preview.jpg\"}",
                    ));
                }
            }
            Content::Audio { url, duration_ms } => {
                check_url("the URL", url, &mut faults);
                if duration_ms.is_some_and(|duration| duration <= 0) {
                    faults.push(Fault::content(FaultCode::OutOfRange, "duration is in milliseconds and more than 0"));
                }
            }
            Content::File { url, name } => {
                check_url("the URL", url, &mut faults);
                check_words("name", name.as_deref().unwrap_or_default(), FILE_NAME_LIMIT, &mut faults);
            }
            Content::Sticker { package_id, sticker_id, .. } => {
                if !is_sticker_id(package_id) || !is_sticker_id(sticker_id) {
                    faults.push(Fault::content(FaultCode::InvalidFormat, STICKER_FORM));
                }
            }
            Content::Location { title, address, latitude, longitude } => {
                check_place(platform, "title", title, &mut faults);
                check_place(platform, "address", address, &mut faults);
                check_degrees("latitude", *latitude, 90.0, &mut faults);
                check_degrees("longitude", *longitude, 180.0, &mut faults);
            }
            Content::Card { title, rows, button, url } => {
                check_words("the title", title, PLACE_LIMIT, &mut faults);
                if title.trim().is_empty() || button.trim().is_empty() {
                    faults.push(Fault::content(FaultCode::Required, "a card has a title and a button"));
                }
                check_words("the button", button, BUTTON_LIMIT, &mut faults);
                if rows.len() > CARD_ROWS {
                    let message = format!("a card has at most {CARD_ROWS} rows");
                    faults.push(Fault::content(FaultCode::TooLong, message));
                }
                for (name, value) in rows {
                    check_words("the name of a row", name, PLACE_LIMIT, &mut faults);
                    check_words("the value of a row", value, PLACE_LIMIT * 4, &mut faults);
                    if name.trim().is_empty() || value.trim().is_empty() {
                        faults.push(Fault::content(FaultCode::Required, "a row has a name and a value"));
                    }
                }
                // A button is opened by the customer's telephone, not by the platform: it need not be https.
                if url.chars().count() > BUTTON_URL_LIMIT {
                    let message = format!("the URL has more than {BUTTON_URL_LIMIT} characters");
                    faults.push(Fault::content(FaultCode::TooLong, message));
                }
                if !url.is_ascii() || !(url.starts_with("https://") || url.starts_with("http://")) {
                    faults.push(Fault::content(FaultCode::InvalidUrl, "the URL is not an address of the web"));
                }
            }
            // It came from a customer and cannot be sent again; `carries` has said so.
            Content::Unsupported { .. } => {}
        }
        faults
    }
}

/// The length of a text as LINE counts it: UTF-16 code units, so an emoji is two
/// (<https://developers.line.biz/en/docs/messaging-api/text-character-count>).
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Which types a platform carries. A file is carried by LINE as a text with a link, because LINE has no outgoing files;
/// stickers are named by LINE's numbers; Messenger and Instagram have no outgoing places.
fn carries(platform: Platform, content: &Content) -> bool {
    match content {
        Content::Text { .. }
        | Content::Image { .. }
        | Content::Video { .. }
        | Content::Audio { .. }
        | Content::File { .. }
        | Content::Card { .. } => true,
        Content::Sticker { .. } => matches!(platform, Platform::Line | Platform::Web),
        Content::Location { .. } => matches!(platform, Platform::Line | Platform::WhatsApp | Platform::Web),
        Content::Unsupported { .. } => false,
    }
}

fn check_text(platform: Platform, text: &str, faults: &mut Vec<Fault>) {
    if text.trim().is_empty() {
        faults.push(Fault::content(FaultCode::Required, "the text is empty"));
    }
    check_words("the text", text, limits(platform).text_utf16_units, faults);
}

fn check_words(what: &str, words: &str, limit: usize, faults: &mut Vec<Fault>) {
    // No character has more units than bytes, so that most texts need not be counted.
    let length = if words.len() > limit { units(words) } else { 0 };
    if length > limit {
        faults.push(Fault::content(
            FaultCode::TooLong,
            format!("{what} has {length} UTF-16 units, more than the {limit} allowed"),
        ));
    }
    // PostgreSQL stores no NUL, neither as text nor within JSON.
    if words.contains('\0') {
        faults.push(Fault::content(FaultCode::InvalidFormat, format!("{what} contains a NUL character")));
    }
}

/// LINE alone has no place without words, and limits them; its limit serves the others too.
fn check_place(platform: Platform, what: &str, words: &str, faults: &mut Vec<Fault>) {
    if platform == Platform::Line && words.trim().is_empty() {
        faults.push(Fault::content(FaultCode::Required, format!("LINE needs the {what} of a location")));
    }
    check_words(what, words, PLACE_LIMIT, faults);
}

fn check_degrees(what: &str, degrees: f64, limit: f64, faults: &mut Vec<Fault>) {
    // A comparison with "not a number" is false, so this refuses it too.
    if !(-limit..=limit).contains(&degrees) {
        faults.push(Fault::content(FaultCode::OutOfRange, format!("{what} is between -{limit} and {limit} degrees")));
    }
}

fn check_preview(preview: &Option<String>, faults: &mut Vec<Fault>) {
    if let Some(preview) = preview {
        check_url("the preview", preview, faults);
    }
}

/// Platforms fetch the address themselves, over https only, and LINE wants it percent-encoded.
fn check_url(what: &str, url: &str, faults: &mut Vec<Fault>) {
    let fault = |code, message: &str| Fault::content(code, format!("{what} {message}"));
    if url.is_empty() {
        faults.push(fault(FaultCode::Required, "is missing"));
    } else if url.chars().count() > URL_LIMIT {
        faults.push(fault(FaultCode::TooLong, &format!("has more than {URL_LIMIT} characters")));
    } else if !url.is_ascii() || url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        faults.push(fault(
            FaultCode::InvalidUrl,
            "has characters that must be percent-encoded, such as spaces or Thai letters",
        ));
    } else if !is_https(url) {
        faults.push(fault(FaultCode::InvalidUrl, "is not an https URL"));
    }
}

fn is_https(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        uri.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

const STICKER_FORM: &str = "a sticker is written packageId:stickerId, both numbers, such as 446:1988";

/// LINE's ids are numbers written as text; nothing else is sent, so that nothing else reaches a URL.
fn is_sticker_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn sticker(content: &str) -> Result<Content, Vec<Fault>> {
    let (package, sticker) =
        content.split_once(':').ok_or_else(|| vec![Fault::content(FaultCode::InvalidFormat, STICKER_FORM)])?;
    Ok(Content::Sticker {
        package_id: package.trim().to_owned(),
        sticker_id: sticker.trim().to_owned(),
        keywords: Vec::new(),
    })
}

fn location(content: &str) -> Result<Content, Vec<Fault>> {
    const FORM: &str =
        "a location is the JSON text {\"title\": …, \"address\": …, \"latitude\": 13.7563, \"longitude\": 100.5018}";
    let object = object(content).ok_or_else(|| vec![Fault::content(FaultCode::InvalidFormat, FORM)])?;
    let mut faults = Vec::new();
    let title = string(&object, &["title"], &mut faults);
    let address = string(&object, &["address"], &mut faults);
    let latitude = number(&object, &["latitude", "lat"], &mut faults);
    let longitude = number(&object, &["longitude", "lng", "long", "lon"], &mut faults);
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) if faults.is_empty() => Ok(Content::Location {
            title: title.unwrap_or_default(),
            address: address.unwrap_or_default(),
            latitude,
            longitude,
        }),
        _ => Err(faults),
    }
}

/// The parts that media may have; each type takes those it knows.
struct Parts {
    url: String,
    preview: Option<String>,
    duration: Option<i64>,
    name: Option<String>,
}

/// Reads an address, or the JSON object around one. An address never begins with a brace.
fn media(content: &str) -> Result<Parts, Vec<Fault>> {
    let content = content.trim();
    if !content.starts_with('{') {
        return Ok(Parts { url: content.to_owned(), preview: None, duration: None, name: None });
    }
    let object = object(content).ok_or_else(|| {
        vec![Fault::content(
            FaultCode::InvalidFormat,
            "neither a URL nor a JSON object such as {\"url\": \"https://…\", \"preview\": \"https://…\"}",
        )]
    })?;
    let mut faults = Vec::new();
    let parts = Parts {
        url: string(&object, &["url"], &mut faults).unwrap_or_default(),
        preview: string(&object, &["preview"], &mut faults).filter(|preview| !preview.is_empty()),
        duration: integer(&object, &["duration"], &mut faults),
        name: string(&object, &["name"], &mut faults).filter(|name| !name.is_empty()),
    };
    if faults.is_empty() { Ok(parts) } else { Err(faults) }
}

fn object(content: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(content).ok()
}

/// Finds a member by any of its names, in any letter case; null is the same as absent.
fn member<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .find_map(|name| object.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()))
        .map(|(_, value)| value)
}

fn string(object: &Map<String, Value>, names: &[&str], faults: &mut Vec<Fault>) -> Option<String> {
    let value = member(object, names)?;
    let text = value.as_str();
    if text.is_none() {
        faults.push(Fault::content(FaultCode::InvalidFormat, format!("{} is not a text", names[0])));
    }
    text.map(|text| text.trim().to_owned())
}

/// A number, or its digits in a text: programs that write the API's strings often quote it.
fn number(object: &Map<String, Value>, names: &[&str], faults: &mut Vec<Fault>) -> Option<f64> {
    let Some(value) = member(object, names) else {
        faults.push(Fault::content(FaultCode::Required, format!("{} is missing", names[0])));
        return None;
    };
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    if number.is_none() {
        faults.push(Fault::content(FaultCode::InvalidFormat, format!("{} is not a number", names[0])));
    }
    number
}

fn integer(object: &Map<String, Value>, names: &[&str], faults: &mut Vec<Fault>) -> Option<i64> {
    let value = member(object, names)?;
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    if number.is_none() {
        faults.push(Fault::content(FaultCode::InvalidFormat, format!("{} is not a whole number", names[0])));
    }
    number
}

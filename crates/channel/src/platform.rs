//! The table of platforms: everything that differs by platform and is only a name or a number.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A place where customers write. The numbers are those of the API's webhooks, where 1 is LINE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// LINE Official Account, through the Messaging API.
    Line = 1,
    /// A Facebook page's Messenger.
    Messenger = 2,
    /// Instagram direct messages.
    Instagram = 3,
    /// WhatsApp Cloud API.
    WhatsApp = 4,
    /// Our own widget on a web page.
    Web = 5,
}

impl Platform {
    /// Every platform, in the order of its number.
    pub const ALL: [Platform; 5] =
        [Platform::Line, Platform::Messenger, Platform::Instagram, Platform::WhatsApp, Platform::Web];

    /// The number the API's webhooks show.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The word the API's requests and answers show.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Line => "line",
            Platform::Messenger => "messenger",
            Platform::Instagram => "instagram",
            Platform::WhatsApp => "whatsapp",
            Platform::Web => "web",
        }
    }

    /// The name people know it by, for pages and messages.
    pub fn label(self) -> &'static str {
        match self {
            Platform::Line => "LINE",
            Platform::Messenger => "Messenger",
            Platform::Instagram => "Instagram",
            Platform::WhatsApp => "WhatsApp",
            Platform::Web => "Web chat",
        }
    }

    /// Reads a platform as programs write it: the name in any case, the number's digits, or `facebook` for Messenger.
    ///
    /// The API's own forms differ (a name in requests, a number in webhooks) and programs send back what they received.
    pub fn read(text: &str) -> Option<Platform> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("facebook") {
            return Some(Platform::Messenger);
        }
        Platform::ALL
            .into_iter()
            .find(|platform| text.eq_ignore_ascii_case(platform.name()))
            .or_else(|| text.parse().ok().and_then(Platform::from_number))
    }

    /// The platform of a number, as the API's webhooks show it.
    pub fn from_number(number: i64) -> Option<Platform> {
        Platform::ALL.into_iter().find(|platform| platform.number() == number)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Platform::read(&text).ok_or_else(|| de::Error::custom(format_args!("no platform is called {text:?}")))
    }
}

/// How much a platform takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest text, in UTF-16 code units: the unit in which LINE counts
    /// (<https://developers.line.biz/en/docs/messaging-api/text-character-count>).
    pub text_utf16_units: usize,
    /// How many messages one request carries.
    pub batch: usize,
}

/// The limits of a platform.
///
/// LINE: 5,000 characters and five messages a request, `ReplyMessageRequest` and `PushMessageRequest` in LINE's OpenAPI
/// file. The others as their send pages say; they take one message a request. Our own widget's limit is our choice.
pub fn limits(platform: Platform) -> Limits {
    match platform {
        Platform::Line => Limits { text_utf16_units: 5_000, batch: 5 },
        Platform::Messenger => Limits { text_utf16_units: 2_000, batch: 1 },
        Platform::Instagram => Limits { text_utf16_units: 1_000, batch: 1 },
        Platform::WhatsApp => Limits { text_utf16_units: 4_096, batch: 1 },
        Platform::Web => Limits { text_utf16_units: 10_000, batch: 1 },
    }
}

//! The rules for outgoing message objects (reference, "Message objects" and "Action objects").

use serde_json::{Map, Value};

use super::body::Check;
use super::flex;

type Object = Map<String, Value>;

const TYPES: [&str; 11] =
    ["text", "textV2", "sticker", "image", "video", "audio", "location", "imagemap", "template", "flex", "coupon"];

/// Checks `messages`: one to five of them.
pub(crate) fn check_messages(check: &mut Check, messages: Option<&Value>) {
    let Some(messages) = check.array(messages, "messages", (1, 5)) else { return };
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        if let Some(message) = check.object(Some(message), &at) {
            check_message(check, message, &at);
        }
    }
}

/// Whether the answer to a send names a `quoteToken`: "only included when a message object that can be specified as a
/// quote target was sent".
pub(crate) fn is_quotable(message: &Value) -> bool {
    matches!(message["type"].as_str(), Some("text" | "textV2" | "sticker" | "image" | "video" | "template" | "flex"))
}

fn check_message(check: &mut Check, message: &Object, at: &str) {
    let kind = check.text(message.get("type"), &format!("{at}.type"), 100);
    let get = |name: &str| (message.get(name), format!("{at}.{name}"));
    match kind {
        Some("text") => text(check, message, at),
        Some("textV2") => text_v2(check, message, at),
        Some("sticker") => {
            for name in ["packageId", "stickerId"] {
                let (value, at) = get(name);
                check.text(value, &at, 20);
            }
            check.text_if_given(message.get("quoteToken"), &format!("{at}.quoteToken"), 1000);
        }
        Some("image") => {
            for name in ["originalContentUrl", "previewImageUrl"] {
                let (value, at) = get(name);
                check.link(value, &at);
            }
        }
        Some("video") => {
            for name in ["originalContentUrl", "previewImageUrl"] {
                let (value, at) = get(name);
                check.link(value, &at);
            }
            let (tracking, at) = get("trackingId");
            check.text_if_given(tracking, &at, 100);
        }
        Some("audio") => {
            let (link, link_at) = get("originalContentUrl");
            check.link(link, &link_at);
            let (duration, at) = get("duration");
            check.integer(duration, &at, 1, i64::MAX);
        }
        Some("location") => {
            for name in ["title", "address"] {
                let (value, at) = get(name);
                check.text(value, &at, 100);
            }
            let (latitude, latitude_at) = get("latitude");
            check.number(latitude, &latitude_at, 90.0);
            let (longitude, longitude_at) = get("longitude");
            check.number(longitude, &longitude_at, 180.0);
        }
        Some("imagemap") => imagemap(check, message, at),
        Some("template") => {
            check.text(message.get("altText"), &format!("{at}.altText"), 1500);
            template(check, message.get("template"), &format!("{at}.template"));
        }
        Some("flex") => {
            check.text(message.get("altText"), &format!("{at}.altText"), 1500);
            flex::check_container(check, message.get("contents"), &format!("{at}.contents"));
        }
        Some("coupon") => {
            check.text(message.get("couponId"), &format!("{at}.couponId"), 1000);
            check.text_if_given(message.get("deliveryTag"), &format!("{at}.deliveryTag"), 30);
        }
        other => check.one_of(other, &format!("{at}.type"), &TYPES),
    }
    if let Some(reply) = given(message, "quickReply") {
        quick_reply(check, reply, &format!("{at}.quickReply"));
    }
    if let Some(sender) = given(message, "sender") {
        let at = format!("{at}.sender");
        if let Some(sender) = check.object(Some(sender), &at) {
            check.text_if_given(sender.get("name"), &format!("{at}.name"), 20);
            check.link_if_given(sender.get("iconUrl"), &format!("{at}.iconUrl"));
        }
    }
}

/// A value that is there and not null.
pub(crate) fn given<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn text(check: &mut Check, message: &Object, at: &str) {
    check.text(message.get("text"), &format!("{at}.text"), 5000);
    check.text_if_given(message.get("quoteToken"), &format!("{at}.quoteToken"), 1000);
    let Some(emojis) = given(message, "emojis") else { return };
    let at = format!("{at}.emojis");
    for (index, emoji) in check.array(Some(emojis), &at, (1, 20)).into_iter().flatten().enumerate() {
        let at = format!("{at}[{index}]");
        if let Some(emoji) = check.object(Some(emoji), &at) {
            check.integer(emoji.get("index"), &format!("{at}.index"), 0, 5000);
            check.text(emoji.get("productId"), &format!("{at}.productId"), 100);
            check.text(emoji.get("emojiId"), &format!("{at}.emojiId"), 100);
        }
    }
}

fn text_v2(check: &mut Check, message: &Object, at: &str) {
    check.text(message.get("text"), &format!("{at}.text"), 5000);
    check.text_if_given(message.get("quoteToken"), &format!("{at}.quoteToken"), 1000);
    let Some(substitution) = given(message, "substitution") else { return };
    let at = format!("{at}.substitution");
    let Some(substitution) = check.object(Some(substitution), &at) else { return };
    for (name, replacement) in substitution {
        let at = format!("{at}.{name}");
        let Some(replacement) = check.object(Some(replacement), &at) else { continue };
        match check.text(replacement.get("type"), &format!("{at}.type"), 100) {
            Some("mention") => {
                let at = format!("{at}.mentionee");
                if let Some(mentionee) = check.object(replacement.get("mentionee"), &at) {
                    match check.text(mentionee.get("type"), &format!("{at}.type"), 100) {
                        Some("user") => {
                            check.text(mentionee.get("userId"), &format!("{at}.userId"), 33);
                        }
                        other => check.one_of(other, &format!("{at}.type"), &["user", "all"]),
                    }
                }
            }
            Some("emoji") => {
                check.text(replacement.get("productId"), &format!("{at}.productId"), 100);
                check.text(replacement.get("emojiId"), &format!("{at}.emojiId"), 100);
            }
            other => check.one_of(other, &format!("{at}.type"), &["mention", "emoji"]),
        }
    }
}

fn quick_reply(check: &mut Check, reply: &Value, at: &str) {
    let Some(reply) = check.object(Some(reply), at) else { return };
    let at = format!("{at}.items");
    let Some(items) = check.array(reply.get("items"), &at, (1, 13)) else { return };
    for (index, item) in items.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let Some(item) = check.object(Some(item), &at) else { continue };
        let kind = check.text_if_given(item.get("type"), &format!("{at}.type"), 100);
        check.one_of(kind, &format!("{at}.type"), &["action"]);
        check.link_if_given(item.get("imageUrl"), &format!("{at}.imageUrl"));
        check_action(check, item.get("action"), &format!("{at}.action"), Label::Required(20));
    }
}

fn imagemap(check: &mut Check, message: &Object, at: &str) {
    check.link(message.get("baseUrl"), &format!("{at}.baseUrl"));
    check.text(message.get("altText"), &format!("{at}.altText"), 1500);
    let size_at = format!("{at}.baseSize");
    if let Some(size) = check.object(message.get("baseSize"), &size_at) {
        check.integer(size.get("width"), &format!("{size_at}.width"), 1040, 1040);
        check.integer(size.get("height"), &format!("{size_at}.height"), 1, i64::from(i32::MAX));
    }
    let at = format!("{at}.actions");
    let Some(actions) = check.array(message.get("actions"), &at, (1, 50)) else { return };
    for (index, action) in actions.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let Some(action) = check.object(Some(action), &at) else { continue };
        match check.text(action.get("type"), &format!("{at}.type"), 100) {
            Some("uri") => {
                check.text(action.get("linkUri"), &format!("{at}.linkUri"), 1000);
            }
            Some("message") => {
                check.text(action.get("text"), &format!("{at}.text"), 400);
            }
            Some("clipboard") => {
                check.text(action.get("clipboardText"), &format!("{at}.clipboardText"), 1000);
            }
            other => check.one_of(other, &format!("{at}.type"), &["uri", "message", "clipboard"]),
        }
        check.object(action.get("area"), &format!("{at}.area"));
    }
}

fn template(check: &mut Check, template: Option<&Value>, at: &str) {
    let Some(template) = check.object(template, at) else { return };
    match check.text(template.get("type"), &format!("{at}.type"), 100) {
        Some("buttons") => column(check, template, at, (160, 60), 4),
        Some("confirm") => {
            check.text(template.get("text"), &format!("{at}.text"), 240);
            actions(check, template.get("actions"), &format!("{at}.actions"), (2, 2));
        }
        Some("carousel") => {
            let at = format!("{at}.columns");
            for (index, item) in check.array(template.get("columns"), &at, (1, 10)).into_iter().flatten().enumerate() {
                let at = format!("{at}[{index}]");
                if let Some(item) = check.object(Some(item), &at) {
                    column(check, item, &at, (120, 60), 3);
                }
            }
        }
        Some("image_carousel") => {
            let at = format!("{at}.columns");
            for (index, item) in check.array(template.get("columns"), &at, (1, 10)).into_iter().flatten().enumerate() {
                let at = format!("{at}[{index}]");
                if let Some(item) = check.object(Some(item), &at) {
                    check.link(item.get("imageUrl"), &format!("{at}.imageUrl"));
                    check_action(check, item.get("action"), &format!("{at}.action"), Label::Optional(12));
                }
            }
        }
        other => {
            check.one_of(other, &format!("{at}.type"), &["buttons", "confirm", "carousel", "image_carousel"]);
        }
    }
}

/// A buttons template and a carousel's column have the same parts; a title or an image leaves less room for the text.
fn column(check: &mut Check, column: &Object, at: &str, (alone, beside): (usize, usize), most: usize) {
    check.link_if_given(column.get("thumbnailImageUrl"), &format!("{at}.thumbnailImageUrl"));
    check.text_if_given(column.get("title"), &format!("{at}.title"), 40);
    let crowded = given(column, "title").is_some() || given(column, "thumbnailImageUrl").is_some();
    check.text(column.get("text"), &format!("{at}.text"), if crowded { beside } else { alone });
    actions(check, column.get("actions"), &format!("{at}.actions"), (1, most));
    if let Some(action) = given(column, "defaultAction") {
        check_action(check, Some(action), &format!("{at}.defaultAction"), Label::Optional(20));
    }
}

fn actions(check: &mut Check, actions: Option<&Value>, at: &str, range: (usize, usize)) {
    let Some(actions) = check.array(actions, at, range) else { return };
    for (index, action) in actions.iter().enumerate() {
        check_action(check, Some(action), &format!("{at}[{index}]"), Label::Required(20));
    }
}

/// Whether an action needs a label depends on where it stands, and so does the label's length.
#[derive(Clone, Copy)]
pub(crate) enum Label {
    Required(usize),
    Optional(usize),
}

pub(crate) fn check_action(check: &mut Check, action: Option<&Value>, at: &str, label: Label) {
    const TYPES: [&str; 9] = [
        "postback",
        "message",
        "uri",
        "datetimepicker",
        "camera",
        "cameraRoll",
        "location",
        "richmenuswitch",
        "clipboard",
    ];
    let Some(action) = check.object(action, at) else { return };
    let label_at = format!("{at}.label");
    match label {
        Label::Required(most) => check.text(action.get("label"), &label_at, most),
        Label::Optional(most) => check.text_if_given(action.get("label"), &label_at, most),
    };
    match check.text(action.get("type"), &format!("{at}.type"), 100) {
        Some("postback") => {
            check.text(action.get("data"), &format!("{at}.data"), 300);
            check.text_if_given(action.get("displayText"), &format!("{at}.displayText"), 300);
        }
        Some("message") => {
            check.text(action.get("text"), &format!("{at}.text"), 300);
        }
        Some("uri") => {
            let at = format!("{at}.uri");
            if let Some(uri) = check.text(action.get("uri"), &at, 1000) {
                let known = ["http://", "https://", "line://", "tel:"];
                if !known.iter().any(|scheme| uri.starts_with(scheme)) {
                    check.fail(at, "invalid uri scheme");
                }
            }
        }
        Some("datetimepicker") => {
            check.text(action.get("data"), &format!("{at}.data"), 300);
            let mode = check.text(action.get("mode"), &format!("{at}.mode"), 100);
            check.one_of(mode, &format!("{at}.mode"), &["date", "time", "datetime"]);
        }
        Some("clipboard") => {
            check.text(action.get("clipboardText"), &format!("{at}.clipboardText"), 1000);
        }
        Some("richmenuswitch") => {
            check.text(action.get("richMenuAliasId"), &format!("{at}.richMenuAliasId"), 32);
            check.text(action.get("data"), &format!("{at}.data"), 300);
        }
        Some("camera" | "cameraRoll" | "location") => {}
        other => check.one_of(other, &format!("{at}.type"), &TYPES),
    }
}

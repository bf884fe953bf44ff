//! The rules for Flex Messages that decide whether LINE takes them: structure, required fields and sizes.
//!
//! How a component looks (colours, margins, weights) is not checked; LINE mostly ignores what it does not know there.

use serde_json::{Map, Value};

use super::body::Check;
use super::message::{Label, check_action, given};

const COMPONENTS: [&str; 9] = ["box", "button", "image", "video", "icon", "text", "span", "separator", "filler"];

/// Reference, "Flex Message": a bubble of at most 30 KB, or a carousel of at most 12 bubbles and 50 KB.
pub(crate) fn check_container(check: &mut Check, container: Option<&Value>, at: &str) {
    let Some(object) = check.object(container, at) else { return };
    let size = container.map_or(0, |container| container.to_string().len());
    match check.text(object.get("type"), &format!("{at}.type"), 100) {
        Some("bubble") => {
            if size > 30 * 1024 {
                check.fail(at, "Size must be at most 30 KB");
            }
            bubble(check, object, at);
        }
        Some("carousel") => {
            if size > 50 * 1024 {
                check.fail(at, "Size must be at most 50 KB");
            }
            let at = format!("{at}.contents");
            for (index, item) in check.array(object.get("contents"), &at, (1, 12)).into_iter().flatten().enumerate() {
                let at = format!("{at}[{index}]");
                if let Some(item) = check.object(Some(item), &at) {
                    let kind = check.text(item.get("type"), &format!("{at}.type"), 100);
                    check.one_of(kind, &format!("{at}.type"), &["bubble"]);
                    bubble(check, item, &at);
                }
            }
        }
        other => check.one_of(other, &format!("{at}.type"), &["bubble", "carousel"]),
    }
}

fn bubble(check: &mut Check, bubble: &Map<String, Value>, at: &str) {
    const SIZES: [&str; 7] = ["nano", "micro", "deca", "hecto", "kilo", "mega", "giga"];
    let size = check.text_if_given(bubble.get("size"), &format!("{at}.size"), 100);
    check.one_of(size, &format!("{at}.size"), &SIZES);
    let mut blocks = 0;
    for block in ["header", "body", "footer"] {
        if let Some(value) = given(bubble, block) {
            blocks += 1;
            component(check, value, &format!("{at}.{block}"), &["box"]);
        }
    }
    if let Some(hero) = given(bubble, "hero") {
        blocks += 1;
        component(check, hero, &format!("{at}.hero"), &["box", "image", "video"]);
    }
    if blocks == 0 {
        check.fail(at, "At least one block must be specified");
    }
    action(check, bubble, at);
}

fn component(check: &mut Check, value: &Value, at: &str, allowed: &[&str]) {
    let Some(object) = check.object(Some(value), at) else { return };
    let kind = check.text(object.get("type"), &format!("{at}.type"), 100);
    check.one_of(kind, &format!("{at}.type"), allowed);
    match kind {
        Some("box") => {
            let layout = check.text(object.get("layout"), &format!("{at}.layout"), 100);
            check.one_of(layout, &format!("{at}.layout"), &["horizontal", "vertical", "baseline"]);
            let at = format!("{at}.contents");
            let contents = check.array(object.get("contents"), &at, (0, usize::MAX));
            for (index, item) in contents.into_iter().flatten().enumerate() {
                component(check, item, &format!("{at}[{index}]"), &COMPONENTS);
            }
        }
        Some("button") => {
            check_action(check, object.get("action"), &format!("{at}.action"), Label::Required(40));
            return;
        }
        Some("image" | "icon") => check.link(object.get("url"), &format!("{at}.url")),
        Some("video") => {
            check.link(object.get("url"), &format!("{at}.url"));
            check.link(object.get("previewUrl"), &format!("{at}.previewUrl"));
            match given(object, "altContent") {
                Some(alt) => component(check, alt, &format!("{at}.altContent"), &["box", "image"]),
                None => check.fail(format!("{at}.altContent"), "May not be null"),
            }
        }
        Some("text") => match given(object, "contents") {
            Some(spans) => {
                let at = format!("{at}.contents");
                for (index, span) in check.array(Some(spans), &at, (0, usize::MAX)).into_iter().flatten().enumerate() {
                    component(check, span, &format!("{at}[{index}]"), &["span"]);
                }
            }
            None => {
                check.text(object.get("text"), &format!("{at}.text"), 2000);
            }
        },
        Some("span") => {
            check.text_if_given(object.get("text"), &format!("{at}.text"), 2000);
        }
        _ => {}
    }
    action(check, object, at);
}

/// Boxes, images, texts and bubbles may be tapped; their actions need no label.
fn action(check: &mut Check, object: &Map<String, Value>, at: &str) {
    if let Some(action) = given(object, "action") {
        check_action(check, Some(action), &format!("{at}.action"), Label::Optional(40));
    }
}

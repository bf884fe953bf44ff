//! The rules for message objects, by LINE's validate endpoints.

use serde_json::{Value, json};
use simulator::line::Config;

use crate::support::{fake, fake_with, text};

const VALIDATE: &str = "/v2/bot/message/validate/push";

fn image() -> Value {
    json!({ "type": "image", "originalContentUrl": "https://example.com/a.jpg", "previewImageUrl": "https://example.com/b.jpg" })
}

fn uri_action() -> Value {
    json!({ "type": "uri", "label": "Open", "uri": "https://example.com/" })
}

fn quick(items: usize) -> Value {
    let item = json!({ "type": "action", "action": { "type": "message", "label": "Yes", "text": "yes" } });
    json!({ "type": "text", "text": "choose", "quickReply": { "items": vec![item; items] } })
}

fn with(mut message: Value, name: &str, value: Value) -> Value {
    message[name] = value;
    message
}

/// What is right passes, what is one step wrong is named by its place.
#[tokio::test]
async fn each_rule_is_kept() {
    let fake = fake().await;
    let sticker = json!({ "type": "sticker", "packageId": "446", "stickerId": "1988" });
    let video = with(with(image(), "type", json!("video")), "trackingId", json!("t"));
    let audio = json!({ "type": "audio", "originalContentUrl": "https://example.com/a.m4a", "duration": 60_000 });
    let location =
        json!({ "type": "location", "title": "Shop", "address": "1 Road", "latitude": 13.7, "longitude": 100.5 });
    let confirm = json!({ "type": "template", "altText": "Sure?",
        "template": { "type": "confirm", "text": "Sure?", "actions": [uri_action(), uri_action()] } });
    let buttons = json!({ "type": "template", "altText": "Menu",
        "template": { "type": "buttons", "title": "Menu", "text": "x".repeat(60), "actions": [uri_action()] } });
    let flex = json!({ "type": "flex", "altText": "Card", "contents": { "type": "bubble", "body": {
        "type": "box", "layout": "vertical", "contents": [
            { "type": "text", "text": "Total" }, { "type": "button", "action": uri_action() } ] } } });
    let imagemap = json!({ "type": "imagemap", "baseUrl": "https://example.com/map", "altText": "Map",
        "baseSize": { "width": 1040, "height": 700 },
        "actions": [{ "type": "message", "text": "a", "area": { "x": 0, "y": 0, "width": 1, "height": 1 } }] });
    let text_v2 = json!({ "type": "textV2", "text": "Hi {who}",
        "substitution": { "who": { "type": "mention", "mentionee": { "type": "all" } } } });
    let coupon = json!({ "type": "coupon", "couponId": "c1" });
    let right = [
        text("hi"),
        text(&"x".repeat(5000)),
        image(),
        video.clone(),
        audio.clone(),
        sticker.clone(),
        location.clone(),
        confirm.clone(),
        buttons.clone(),
        flex.clone(),
        imagemap.clone(),
        text_v2.clone(),
        coupon,
        quick(13),
    ];
    for message in right {
        let got = fake.post(VALIDATE, json!({ "messages": [message.clone()] })).await;
        assert_eq!((got.status, got.json()), (200, json!({})), "{message}");
    }
    let long = format!("https://example.com/{}", "x".repeat(2000));
    let wrong = [
        (json!({ "type": "text" }), "text"),
        (text(""), "text"),
        (text(&"x".repeat(5001)), "text"),
        // One emoji is two UTF-16 units.
        (text(&"😀".repeat(2501)), "text"),
        (json!({ "type": "file" }), "type"),
        (json!({ "text": "no type" }), "type"),
        (with(image(), "previewImageUrl", json!(null)), "previewImageUrl"),
        (with(image(), "originalContentUrl", json!("http://example.com/a.jpg")), "originalContentUrl"),
        (with(image(), "originalContentUrl", json!("https://example.com/ä.jpg")), "originalContentUrl"),
        (with(image(), "originalContentUrl", json!(long)), "originalContentUrl"),
        (with(video, "previewImageUrl", json!("")), "previewImageUrl"),
        (with(audio.clone(), "duration", json!(null)), "duration"),
        (with(audio, "duration", json!(0)), "duration"),
        (with(sticker, "stickerId", json!(null)), "stickerId"),
        (with(location.clone(), "title", json!("x".repeat(101))), "title"),
        (with(location.clone(), "latitude", json!(90.5)), "latitude"),
        (with(location, "address", json!(null)), "address"),
        (quick(14), "quickReply.items"),
        (with(text("hi"), "sender", json!({ "name": "x".repeat(21) })), "sender.name"),
        (
            with(confirm, "template", json!({ "type": "confirm", "text": "Sure?", "actions": [uri_action()] })),
            "template.actions",
        ),
        (with(buttons.clone(), "altText", json!(null)), "altText"),
        (
            with(
                buttons,
                "template",
                json!({ "type": "buttons", "title": "t", "text": "x".repeat(61), "actions": [uri_action()] }),
            ),
            "template.text",
        ),
        (with(flex.clone(), "contents", json!({ "type": "bubble" })), "contents"),
        (
            with(flex, "contents", json!({ "type": "bubble", "body": { "type": "text", "text": "a" } })),
            "contents.body.type",
        ),
        (with(imagemap, "baseSize", json!({ "width": 1000, "height": 1 })), "baseSize.width"),
        (with(text_v2, "substitution", json!({ "who": { "type": "person" } })), "substitution.who.type"),
    ];
    for (message, property) in wrong {
        let got = fake.post(VALIDATE, json!({ "messages": [message.clone()] })).await;
        assert_eq!(got.status, 400, "{message}");
        assert_eq!(got.message(), "The request body has 1 error(s)", "{message}");
        assert_eq!(got.json()["details"][0]["property"], format!("messages[0].{property}"));
    }
    assert_eq!(fake.line.sent_count(), 0);
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let fake = fake().await;
    let got = fake.post(VALIDATE, json!({ "messages": [text(""), { "type": "fax" }] })).await;
    assert_eq!(got.message(), "The request body has 2 error(s)");
    assert_eq!(got.json()["details"][0], json!({ "message": "May not be empty", "property": "messages[0].text" }));
    assert_eq!(got.json()["details"][1]["property"], "messages[1].type");
    let allowed = got.json()["details"][1]["message"].as_str().unwrap().to_owned();
    assert!(allowed.starts_with("Must be one of the following values: [text, "));
}

#[tokio::test]
async fn there_are_one_to_five_messages() {
    let fake = fake().await;
    for count in [0, 6] {
        let got = fake.post(VALIDATE, json!({ "messages": vec![text("a"); count] })).await;
        let detail = json!({ "message": "Size must be between 1 and 5", "property": "messages" });
        assert_eq!(got.json()["details"], json!([detail]));
    }
    assert_eq!(fake.post(VALIDATE, json!({ "messages": vec![text("a"); 5] })).await.status, 200);
    assert_eq!(fake.post("/v2/bot/message/validate/reply", json!({})).await.status, 400);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_named_alone() {
    let fake = fake().await;
    let got = fake.post(VALIDATE, json!({ "messages": [text(""), { "type": "text", "text": 5 }] })).await;
    assert_eq!(got.status, 400);
    let message = "The property, 'messages[1].text', in the request body is invalid (line: -, column: -)";
    assert_eq!(got.json(), json!({ "message": message }));
}

#[tokio::test]
async fn http_links_pass_only_when_the_configuration_says_so() {
    let fake = fake_with(Config { allow_http: true, ..Config::default() }).await;
    let local = with(image(), "originalContentUrl", json!("http://127.0.0.1:8080/a.jpg"));
    assert_eq!(fake.post(VALIDATE, json!({ "messages": [local] })).await.status, 200);
    let ftp = with(image(), "originalContentUrl", json!("ftp://127.0.0.1/a.jpg"));
    assert_eq!(fake.post(VALIDATE, json!({ "messages": [ftp] })).await.status, 400);
}

//! Webhooks as they come, and as they should not.

use channel::Content;
use channel::line::{Event, EventKind, ImageSet, Media, Mention, Source, receive};
use serde_json::{Value, json};

/// An event with everything that LINE sends around it.
fn event(parts: Value) -> Value {
    let mut event = json!({
        "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
        "timestamp": 1_692_251_666_727_i64,
        "mode": "active",
        "deliveryContext": { "isRedelivery": false },
        "source": { "type": "user", "userId": "U80696558e1aa831" },
    });
    event.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    event
}

fn receive_all(events: Value) -> Vec<Event> {
    let body = json!({ "destination": "Uaaaa", "events": events }).to_string();
    receive(body.as_bytes()).unwrap().events
}

fn receive_one(parts: Value) -> Event {
    receive_all(json!([event(parts)])).remove(0)
}

fn message(message: Value) -> (Content, Option<Media>) {
    match receive_one(json!({ "type": "message", "message": message })).kind {
        EventKind::Message { content, media, .. } => (content, media),
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn a_text_with_everything_around_it() {
    let event = receive_one(json!({
        "type": "message",
        "replyToken": "38ef843bde154d9b91c21320ffd17a0f",
        "deliveryContext": { "isRedelivery": true },
        "message": {
            "id": "468789577898262530",
            "type": "text",
            "quoteToken": "q3Plxr4AgKd",
            "quotedMessageId": "468789532432007169",
            "markAsReadToken": "nz0x74mZT2mRn",
            "text": "@All สวัสดี (love)",
            "emojis": [{ "index": 14, "length": 6, "productId": "5ac1", "emojiId": "001" }],
            "mention": { "mentionees": [{ "index": 0, "length": 4, "type": "all" }] },
        },
    }));
    assert_eq!(
        event,
        Event {
            id: "01FZ74A0TDDPYRVKNK77XKC3ZR".into(),
            at: 1_692_251_666_727,
            redelivery: true,
            active: true,
            source: Source::User("U80696558e1aa831".into()),
            reply_token: Some("38ef843bde154d9b91c21320ffd17a0f".into()),
            mark_as_read_token: Some("nz0x74mZT2mRn".into()),
            kind: EventKind::Message {
                id: "468789577898262530".into(),
                content: Content::Text { text: "@All สวัสดี (love)".into() },
                media: None,
                quote_token: Some("q3Plxr4AgKd".into()),
                quoted_message_id: Some("468789532432007169".into()),
                image_set: None,
                mentions: vec![Mention { index: 0, length: 4, user: None, all: true }],
            },
        }
    );
    let shown = format!("{event:?}");
    assert!(!shown.contains("38ef843b") && !shown.contains("nz0x74"), "{shown}");
}

#[test]
fn files_are_at_line_or_elsewhere() {
    let line = |transcoded| Some(Media::Line { transcoded, size: None });
    assert_eq!(
        message(json!({ "id": "1", "type": "image", "contentProvider": { "type": "line" } })),
        (Content::Image { url: String::new(), preview: None }, line(false))
    );
    assert_eq!(
        message(json!({ "id": "1", "type": "video", "duration": 60000, "contentProvider": { "type": "line" } })),
        (Content::Video { url: String::new(), preview: None }, line(true))
    );
    assert_eq!(
        message(json!({ "id": "1", "type": "audio", "duration": 1500, "contentProvider": { "type": "line" } })),
        (Content::Audio { url: String::new(), duration_ms: Some(1_500) }, line(true))
    );
    assert_eq!(
        message(json!({ "id": "1", "type": "file", "fileName": "file.txt", "fileSize": 2138 })),
        (
            Content::File { url: String::new(), name: Some("file.txt".into()) },
            Some(Media::Line { transcoded: false, size: Some(2_138) })
        )
    );
    let (url, preview) = ("https://example.com/a".to_owned(), Some("https://example.com/b".to_owned()));
    assert_eq!(
        message(json!({
            "id": "1",
            "type": "video",
            "contentProvider": { "type": "external", "originalContentUrl": url, "previewImageUrl": preview },
        })),
        (Content::Video { url: url.clone(), preview: preview.clone() }, Some(Media::External { url, preview }))
    );
    // Without a provider that can be used, LINE is asked.
    for provider in [json!(null), json!({ "type": "external" }), json!({ "type": "moon" })] {
        let (_, media) = message(json!({ "id": "1", "type": "image", "contentProvider": provider }));
        assert_eq!(media, line(false));
    }
}

#[test]
fn pictures_sent_together_keep_their_order() {
    let event = receive_one(json!({
        "type": "message",
        "message": { "id": "1", "type": "image", "imageSet": { "id": "E005D41A", "index": 1, "total": 2 } },
    }));
    let EventKind::Message { image_set, .. } = event.kind else { panic!("not a message") };
    assert_eq!(image_set, Some(ImageSet { id: "E005D41A".into(), index: Some(1), total: Some(2) }));
}

#[test]
fn stickers_and_places() {
    assert_eq!(
        message(json!({
            "id": "1", "type": "sticker", "packageId": "446", "stickerId": "1988", "stickerResourceType": "MESSAGE",
            "keywords": ["happy", 1, "yay"], "text": "See you\u{0} tomorrow",
        })),
        (
            Content::Sticker {
                package_id: "446".into(),
                sticker_id: "1988".into(),
                keywords: vec!["See you tomorrow".into(), "happy".into(), "yay".into()],
            },
            None
        )
    );
    assert_eq!(
        message(json!({ "id": "1", "type": "location", "latitude": 35.65910, "longitude": 139, "address": "東京" })),
        (Content::Location { title: String::new(), address: "東京".into(), latitude: 35.6591, longitude: 139.0 }, None)
    );
}

#[test]
fn what_a_customer_sent_is_shown_even_when_it_is_not_understood() {
    for content in [
        json!({ "id": "1", "type": "hologram", "depth": 3 }),
        json!({ "id": "1", "type": "sticker" }),
        json!({ "id": "1", "type": "location", "latitude": "north" }),
        json!({ "id": "1", "type": "text", "text": 5 }),
    ] {
        let kind = content["type"].as_str().unwrap().to_owned();
        assert_eq!(message(content), (Content::Unsupported { kind }, None));
    }
}

#[test]
fn events_without_words() {
    for (parts, kind) in [
        (
            json!({ "type": "unsend", "unsend": { "messageId": "325708" } }),
            EventKind::Unsend { message_id: "325708".into() },
        ),
        (json!({ "type": "follow", "follow": { "isUnblocked": true } }), EventKind::Follow { unblocked: true }),
        (json!({ "type": "follow" }), EventKind::Follow { unblocked: false }),
        (json!({ "type": "unfollow" }), EventKind::Unfollow),
        (
            json!({ "type": "memberJoined", "joined": { "members": [{ "type": "user", "userId": "U1" }, {}] } }),
            EventKind::MemberJoined { users: vec!["U1".into()] },
        ),
        (
            json!({
                "type": "postback",
                "postback": { "data": "storeId=12345", "params": { "datetime": "2017-12-25T01:00" } },
            }),
            EventKind::Postback {
                data: "storeId=12345".into(),
                params: [("datetime".to_owned(), "2017-12-25T01:00".to_owned())].into(),
            },
        ),
        (
            json!({ "type": "accountLink", "link": { "result": "ok", "nonce": "n0nce" } }),
            EventKind::AccountLink { ok: true, nonce: "n0nce".into() },
        ),
        (
            json!({ "type": "accountLink", "link": { "result": "failed", "nonce": "n0nce" } }),
            EventKind::AccountLink { ok: false, nonce: "n0nce".into() },
        ),
        (json!({ "type": "newThing", "x": 1 }), EventKind::Unknown { kind: "newThing".into(), fault: None }),
        (
            json!({ "type": "unsend", "unsend": {} }),
            EventKind::Unknown { kind: "unsend".into(), fault: Some("messageId is missing".into()) },
        ),
    ] {
        assert_eq!(receive_one(parts).kind, kind);
    }
}

#[test]
fn sources_name_the_chat_and_the_person() {
    for (source, chat, user) in [
        (json!({ "type": "user", "userId": "U1" }), Some("U1"), Some("U1")),
        (json!({ "type": "group", "groupId": "C1", "userId": "U1" }), Some("C1"), Some("U1")),
        (json!({ "type": "group", "groupId": "C1" }), Some("C1"), None),
        (json!({ "type": "room", "roomId": "R1", "userId": "U1" }), Some("R1"), Some("U1")),
        (json!({ "type": "user" }), None, None),
        (json!({ "type": "square", "id": "S1" }), None, None),
        (json!(null), None, None),
    ] {
        let event = receive_one(json!({ "type": "join", "source": source }));
        assert_eq!((event.source.chat(), event.source.user()), (chat, user), "{source}");
    }
}

#[test]
fn events_on_standby_are_not_ours_to_answer() {
    assert!(!receive_one(json!({ "type": "join", "mode": "standby" })).active);
    assert!(receive_one(json!({ "type": "join", "mode": null })).active);
}

#[test]
fn one_bad_event_does_not_lose_its_neighbours() {
    let good = event(json!({ "type": "message", "message": { "id": "1", "type": "text", "text": "Hello" } }));
    // A number out of range, a kind that is half of an emoji, a string and null: none of them is an event that is known.
    let body = format!(
        r#"{{"destination":"U","events":[{good},{{"type":"join","timestamp":1e999}},{{"type":"\ud83c"}},"x",null,{good}]}}"#
    );
    let events = receive(body.as_bytes()).unwrap().events;
    let known: Vec<bool> = events.iter().map(|event| matches!(event.kind, EventKind::Message { .. })).collect();
    assert_eq!(known, [true, false, false, false, false, true]);
    for event in &events[1..5] {
        assert!(
            matches!(&event.kind, EventKind::Unknown { kind, .. } if matches!(kind.as_str(), "" | "\u{fffd}")),
            "{event:?}"
        );
    }
}

#[test]
fn an_event_without_an_id_gets_one_of_its_own_that_stays() {
    let event = json!({ "type": "join", "timestamp": 1 });
    let other = json!({ "type": "join", "timestamp": 2 });
    let events = receive_all(json!([event, event, other]));
    assert_eq!(events[0].id.len(), 32);
    assert_eq!(events[0].id, events[1].id);
    assert_ne!(events[0].id, events[2].id);
}

#[test]
fn the_verify_button_sends_no_events() {
    let callback = receive(br#"{"destination":"Uaaaa","events":[]}"#).unwrap();
    assert_eq!((callback.destination.as_str(), callback.events.len()), ("Uaaaa", 0));
}

#[test]
fn a_body_that_is_no_webhook_is_an_error() {
    for body in ["", "null", "[]", "{}", r#"{"events": {}}"#, "\u{feff}{}", "{\"events\": ["] {
        assert!(receive(body.as_bytes()).is_err(), "{body}");
    }
    assert!(receive(b"{\"events\": [\"\xff\"]}").is_err());
}

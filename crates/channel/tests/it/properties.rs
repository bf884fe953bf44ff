//! What must hold for every input, not only for those we thought of.

use channel::line::{EventKind, outcome, receive};
use channel::{Content, Platform, limits};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON, with the names and words that the readers look for, so that they get past the first of them.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("message".to_owned()),
        Just("image".to_owned()),
        Just("sticker".to_owned()),
        Just("external".to_owned()),
        Just("group".to_owned()),
        any::<String>(),
    ];
    let name = prop_oneof![
        Just("type".to_owned()),
        Just("id".to_owned()),
        Just("message".to_owned()),
        Just("source".to_owned()),
        Just("contentProvider".to_owned()),
        Just("timestamp".to_owned()),
        Just("members".to_owned()),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Degrees as phones send them, to seven places: about a centimetre.
fn degrees(limit: i64) -> impl Strategy<Value = f64> {
    (-limit * 10_000_000..=limit * 10_000_000).prop_map(|degrees| degrees as f64 / 10_000_000.0)
}

fn any_content() -> impl Strategy<Value = Content> {
    let words = any::<String>;
    let maybe = || prop::option::of(any::<String>());
    prop_oneof![
        words().prop_map(|text| Content::Text { text }),
        (words(), maybe()).prop_map(|(url, preview)| Content::Image { url, preview }),
        (words(), maybe()).prop_map(|(url, preview)| Content::Video { url, preview }),
        (words(), prop::option::of(any::<i64>())).prop_map(|(url, duration_ms)| Content::Audio { url, duration_ms }),
        (words(), maybe()).prop_map(|(url, name)| Content::File { url, name }),
        (words(), words(), prop::collection::vec(words(), 0..4))
            .prop_map(|(package_id, sticker_id, keywords)| { Content::Sticker { package_id, sticker_id, keywords } }),
        (words(), words(), degrees(90), degrees(180)).prop_map(|(title, address, latitude, longitude)| {
            Content::Location { title, address, latitude, longitude }
        }),
        (words(), prop::collection::vec((words(), words()), 0..4), words(), words())
            .prop_map(|(title, rows, button, url)| Content::Card { title, rows, button, url }),
        words().prop_map(|kind| Content::Unsupported { kind }),
    ]
}

proptest! {
    #[test]
    fn receive_never_panics_on_bytes(body in any::<Vec<u8>>()) {
        let _ = receive(&body);
    }

    #[test]
    fn receive_keeps_one_event_for_each_that_came(events in prop::collection::vec(any_json(), 0..6)) {
        let body = json!({ "destination": "U", "events": events }).to_string();
        let callback = receive(body.as_bytes()).unwrap();
        prop_assert_eq!(callback.events.len(), events.len());
        prop_assert!(callback.events.iter().all(|event| !event.id.is_empty()));
    }

    #[test]
    fn receive_reads_any_part_of_any_kind(kind in "message|unsend|follow|postback|beacon|membership|module", part in any_json()) {
        let names = ["message", "unsend", "follow", "postback", "beacon", "membership", "module", "joined", "source"];
        let mut event: serde_json::Map<String, Value> = names.iter().map(|name| (name.to_string(), part.clone())).collect();
        event.insert("type".into(), kind.clone().into());
        let callback = receive(json!({ "events": [event] }).to_string().as_bytes()).unwrap();
        if let EventKind::Unknown { kind: named, fault } = &callback.events[0].kind {
            prop_assert_eq!(named, &kind);
            prop_assert!(fault.is_some());
        }
    }

    #[test]
    fn content_survives_storage(content in any_content()) {
        let stored = serde_json::to_string(&content).unwrap();
        prop_assert_eq!(serde_json::from_str::<Content>(&stored).unwrap(), content);
    }

    #[test]
    fn reading_content_never_panics_and_what_is_read_is_sendable(
        kind in prop_oneof!["message|image|video|audio|file|sticker|location", ".*"],
        content in prop_oneof![any::<String>(), any_json().prop_map(|json| json.to_string())],
    ) {
        for platform in Platform::ALL {
            match Content::read(platform, &kind, &content) {
                Ok(read) => prop_assert!(read.faults(platform).is_empty()),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }

    #[test]
    fn text_within_the_limit_is_taken_and_beyond_it_is_not(text in "\\PC{1,3000}") {
        for platform in Platform::ALL {
            let fits = text.encode_utf16().count() <= limits(platform).text_utf16_units && !text.trim().is_empty();
            prop_assert_eq!(Content::read(platform, "message", &text).is_ok(), fits);
        }
    }

    #[test]
    fn no_answer_panics(reply in any::<bool>(), status in any::<u16>(), body in any::<Vec<u8>>()) {
        let _ = outcome(reply, status, &HeaderMap::new(), &body);
    }
}

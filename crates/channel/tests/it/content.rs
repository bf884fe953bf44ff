//! What callers write as `type` and `content`.

use channel::{Content, DEFAULT_AUDIO_MS, FaultCode, PLACE_LIMIT, Platform, URL_LIMIT, limits};
use serde_json::json;

fn read(kind: &str, content: &str) -> Content {
    Content::read(Platform::Line, kind, content).unwrap()
}

/// The faults of a content, as the API shows them.
fn faults(platform: Platform, kind: &str, content: &str) -> Vec<(&'static str, &'static str)> {
    let faults = Content::read(platform, kind, content).unwrap_err();
    assert!(faults.iter().all(|fault| !fault.message.is_empty()));
    faults.iter().map(|fault| (fault.field, fault.code.as_str())).collect()
}

fn text(text: &str) -> Content {
    Content::Text { text: text.into() }
}

#[test]
fn text_is_read_under_both_of_its_names_and_never_changed() {
    assert_eq!(read("message", "  สวัสดี 🍎\n"), text("  สวัสดี 🍎\n"));
    assert_eq!(read("text", "{\"a\": 1}"), text("{\"a\": 1}"));
    assert_eq!(read(" Message ", "Hello, world"), text("Hello, world"));
}

#[test]
fn media_is_a_url_or_json_around_one() {
    let url = "https://example.com/a";
    assert_eq!(read("image", url), Content::Image { url: url.into(), preview: None });
    assert_eq!(
        read("image", r#"{"url": "https://example.com/a", "preview": "https://example.com/b"}"#),
        Content::Image { url: url.into(), preview: Some("https://example.com/b".into()) }
    );
    assert_eq!(
        read("video", r#"{"URL": "https://example.com/a", "Preview": "https://example.com/b", "name": null}"#),
        Content::Video { url: url.into(), preview: Some("https://example.com/b".into()) }
    );
    assert_eq!(
        read("audio", r#"{"url": "https://example.com/a", "duration": "1500"}"#),
        Content::Audio { url: url.into(), duration_ms: Some(1_500) }
    );
    assert_eq!(read("audio", url), Content::Audio { url: url.into(), duration_ms: None });
    assert_eq!(
        read("file", r#"{"url": "https://example.com/a", "name": "ใบเสนอราคา.pdf"}"#),
        Content::File { url: url.into(), name: Some("ใบเสนอราคา.pdf".into()) }
    );
}

#[test]
fn stickers_and_places_are_read() {
    assert_eq!(
        read("sticker", "446:1988"),
        Content::Sticker { package_id: "446".into(), sticker_id: "1988".into(), keywords: vec![] }
    );
    let place =
        Content::Location { title: "Office".into(), address: "Bangkok".into(), latitude: 13.7563, longitude: 100.5018 };
    for content in [
        r#"{"title": "Office", "address": "Bangkok", "latitude": 13.7563, "longitude": 100.5018}"#,
        r#"{"Title": "Office", "address": "Bangkok", "lat": "13.7563", "lng": 100.5018}"#,
        r#"{"title": "Office", "address": "Bangkok", "lat": 13.7563, "long": "100.5018"}"#,
    ] {
        assert_eq!(read("location", content), place);
    }
}

#[test]
fn what_was_read_is_shown_again() {
    for (kind, content) in [
        ("message", "Hello, world"),
        ("image", "https://example.com/a"),
        ("audio", "https://example.com/a"),
        ("file", "https://example.com/a"),
        ("sticker", "446:1988"),
        ("location", r#"{"address":"Bangkok","latitude":13.7563,"longitude":100.5018,"title":"Office"}"#),
    ] {
        let read = read(kind, content);
        assert_eq!(read.kind(), kind);
        assert_eq!(Content::read(Platform::Line, kind, &read.text()).unwrap(), read);
    }
    let unsupported = Content::Unsupported { kind: "flex".into() };
    assert_eq!((unsupported.kind(), unsupported.text().as_str()), ("unsupported", "flex"));
}

#[test]
fn text_is_counted_in_utf16_units_and_limited_by_platform() {
    for platform in Platform::ALL {
        let limit = limits(platform).text_utf16_units;
        assert!(Content::read(platform, "message", &"ก".repeat(limit)).is_ok());
        assert_eq!(faults(platform, "message", &"ก".repeat(limit + 1)), [("content", "too_long")]);
        // An emoji is two units, so half as many fit.
        assert!(Content::read(platform, "message", &"🍎".repeat(limit / 2)).is_ok());
        assert_eq!(faults(platform, "message", &"🍎".repeat(limit / 2 + 1)), [("content", "too_long")]);
    }
}

#[test]
fn empty_text_is_refused() {
    assert_eq!(faults(Platform::Line, "message", ""), [("content", "required")]);
    assert_eq!(faults(Platform::Web, "message", " \n"), [("content", "required")]);
}

#[test]
fn unknown_types_are_named() {
    assert_eq!(faults(Platform::Line, "flex", "{}"), [("type", "unsupported_type")]);
    assert_eq!(faults(Platform::Line, "", "Hello"), [("type", "required")]);
}

#[test]
fn what_a_platform_does_not_carry_is_named() {
    let place = r#"{"lat": 1, "lng": 2}"#;
    for platform in [Platform::Messenger, Platform::Instagram] {
        assert_eq!(faults(platform, "sticker", "446:1988"), [("type", "unsupported_type")]);
        assert_eq!(faults(platform, "location", place), [("type", "unsupported_type")]);
    }
    assert_eq!(faults(Platform::WhatsApp, "sticker", "446:1988"), [("type", "unsupported_type")]);
    assert!(Content::read(Platform::WhatsApp, "location", place).is_ok());
    assert!(Content::read(Platform::Web, "sticker", "446:1988").is_ok());
    let unsupported = Content::Unsupported { kind: "flex".into() };
    assert_eq!(unsupported.faults(Platform::Line)[0].code, FaultCode::UnsupportedType);
}

#[test]
fn urls_are_https_encoded_and_short_enough() {
    let long = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
    assert!(Content::read(Platform::Line, "image", &long(URL_LIMIT)).is_ok());
    for (url, code) in [
        ("", "required"),
        ("http://example.com/a.png", "invalid_url"),
        ("example.com/a.png", "invalid_url"),
        ("ftp://example.com/a.png", "invalid_url"),
        ("https://", "invalid_url"),
        ("https:///a.png", "invalid_url"),
        ("javascript:alert(1)", "invalid_url"),
        ("https://example.com/a b.png", "invalid_url"),
        ("https://example.com/a\nb.png", "invalid_url"),
        ("https://example.com/รูป.png", "invalid_url"),
        (long(URL_LIMIT + 1).as_str(), "too_long"),
    ] {
        for platform in Platform::ALL {
            assert_eq!(faults(platform, "image", url), [("content", code)], "{url}");
        }
    }
}

#[test]
fn every_fault_is_named_not_only_the_first() {
    assert_eq!(
        faults(Platform::Line, "video", r#"{"url": "http://example.com/a", "preview": "b"}"#),
        [("content", "invalid_url"), ("content", "invalid_url")]
    );
    assert_eq!(
        faults(Platform::Line, "location", r#"{"latitude": 91, "longitude": -181}"#),
        [("content", "required"), ("content", "required"), ("content", "out_of_range"), ("content", "out_of_range")]
    );
    assert_eq!(
        faults(Platform::Line, "location", r#"{"title": 1, "latitude": "north"}"#),
        [("content", "invalid_format"), ("content", "invalid_format"), ("content", "required")]
    );
}

#[test]
fn a_video_for_line_needs_a_preview_and_the_fault_says_how() {
    let faults = Content::read(Platform::Line, "video", "https://example.com/a.mp4").unwrap_err();
    assert_eq!((faults.len(), faults[0].field, faults[0].code), (1, "content", FaultCode::Required));
    assert!(faults[0].message.contains(r#"{"url": "https://…/video.mp4", "preview": "https://…/preview.jpg"}"#));
    assert!(Content::read(Platform::Messenger, "video", "https://example.com/a.mp4").is_ok());
}

#[test]
fn forms_that_cannot_be_read_are_named() {
    for (kind, content) in [
        ("image", "{"),
        ("image", r#"{"url": 1}"#),
        ("audio", r#"{"url": "https://example.com/a", "duration": "long"}"#),
        ("sticker", "446"),
        ("sticker", "446:"),
        ("sticker", "446:../1"),
        ("location", "13.7563,100.5018"),
        ("location", "[1, 2]"),
    ] {
        let faults = faults(Platform::Line, kind, content);
        assert!(faults.contains(&("content", "invalid_format")), "{kind} {content}: {faults:?}");
    }
    assert_eq!(
        faults(Platform::Line, "audio", r#"{"url": "https://example.com/a", "duration": 0}"#),
        [("content", "out_of_range")]
    );
    assert_eq!(faults(Platform::Line, "image", r#"{"preview": null}"#), [("content", "required")]);
}

#[test]
fn a_place_for_line_has_short_words() {
    let place = |title: String, address: String| {
        json!({ "title": title, "address": address, "latitude": 1, "longitude": 2 }).to_string()
    };
    assert!(
        Content::read(Platform::Line, "location", &place("ก".repeat(PLACE_LIMIT), "a".repeat(PLACE_LIMIT))).is_ok()
    );
    assert_eq!(
        faults(Platform::Line, "location", &place("ก".repeat(PLACE_LIMIT + 1), "🍎".repeat(PLACE_LIMIT))),
        [("content", "too_long"), ("content", "too_long")]
    );
}

#[test]
fn no_nul_gets_as_far_as_a_database() {
    let url = "https://example.com/a";
    for (kind, content) in [
        ("message", "a\0b".to_owned()),
        ("image", format!("{url}\0")),
        ("file", json!({ "url": url, "name": "a\0b" }).to_string()),
        ("location", json!({ "title": "a\0b", "address": "a", "lat": 1, "lng": 2 }).to_string()),
    ] {
        for platform in [Platform::Line, Platform::Web] {
            assert_eq!(faults(platform, kind, &content).len(), 1, "{kind}");
        }
    }
}

#[test]
fn content_is_stored_as_tagged_json() {
    for (content, stored) in [
        (text("Hello"), json!({ "type": "text", "text": "Hello" })),
        (read("image", "https://example.com/a"), json!({ "type": "image", "url": "https://example.com/a" })),
        (
            Content::Audio { url: "https://example.com/a".into(), duration_ms: Some(DEFAULT_AUDIO_MS) },
            json!({ "type": "audio", "url": "https://example.com/a", "duration_ms": 60_000 }),
        ),
        (
            Content::Sticker { package_id: "1".into(), sticker_id: "2".into(), keywords: vec!["hi".into()] },
            json!({ "type": "sticker", "package_id": "1", "sticker_id": "2", "keywords": ["hi"] }),
        ),
        (Content::Unsupported { kind: "flex".into() }, json!({ "type": "unsupported", "kind": "flex" })),
    ] {
        assert_eq!(serde_json::to_value(&content).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Content>(stored).unwrap(), content);
    }
}

#[test]
fn a_fetched_file_keeps_what_else_is_known_of_it() {
    let content = Content::File { url: String::new(), name: Some("a.pdf".into()) };
    let moved = content.moved_to("https://example.com/a".into(), None);
    assert_eq!(moved, Content::File { url: "https://example.com/a".into(), name: Some("a.pdf".into()) });
    assert_eq!(text("a").moved_to("https://example.com/a".into(), None), text("a"));
}

#[test]
fn platforms_are_read_as_programs_write_them() {
    for platform in Platform::ALL {
        assert_eq!(Platform::read(platform.name()), Some(platform));
        assert_eq!(Platform::read(&platform.name().to_uppercase()), Some(platform));
        assert_eq!(Platform::read(&platform.number().to_string()), Some(platform));
        assert_eq!(Platform::from_number(platform.number()), Some(platform));
        assert_eq!(platform.to_string(), platform.name());
        let stored = serde_json::to_string(&platform).unwrap();
        assert_eq!(stored, format!("\"{}\"", platform.name()));
        assert_eq!(serde_json::from_str::<Platform>(&stored).unwrap(), platform);
    }
    assert_eq!(Platform::Line.number(), 1);
    assert_eq!(Platform::read(" Facebook "), Some(Platform::Messenger));
    for wrong in ["", "0", "6", "-1", "1.0", "telegram", "99999999999999999999"] {
        assert_eq!(Platform::read(wrong), None, "{wrong}");
    }
}

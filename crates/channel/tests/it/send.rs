//! Golden tests of every request.

use channel::line::{self, Credentials, Route, Source};
use channel::{Content, Refusal};
use http::Request;
use serde_json::{Value, json};
use uuid::Uuid;

const KEY: Uuid = Uuid::from_u128(0x123e4567_e89b_12d3_a456_426614174000);

pub(crate) fn account() -> Credentials<'static> {
    Credentials::new("the-access-token", None)
}

/// One content of every kind that LINE carries, each with the message object it becomes.
pub(crate) fn rendered_contents() -> Vec<(Content, Value)> {
    let url = || "https://example.com/a".to_owned();
    let preview = || Some("https://example.com/b".to_owned());
    vec![
        (Content::Text { text: "สวัสดี 🍎".into() }, json!({ "type": "text", "text": "สวัสดี 🍎" })),
        (
            Content::Image { url: url(), preview: None },
            json!({ "type": "image", "originalContentUrl": url(), "previewImageUrl": url() }),
        ),
        (
            Content::Image { url: url(), preview: preview() },
            json!({ "type": "image", "originalContentUrl": url(), "previewImageUrl": "https://example.com/b" }),
        ),
        (
            Content::Video { url: url(), preview: preview() },
            json!({ "type": "video", "originalContentUrl": url(), "previewImageUrl": "https://example.com/b" }),
        ),
        (
            Content::Audio { url: url(), duration_ms: None },
            json!({ "type": "audio", "originalContentUrl": url(), "duration": 60_000 }),
        ),
        (
            Content::Audio { url: url(), duration_ms: Some(1_500) },
            json!({ "type": "audio", "originalContentUrl": url(), "duration": 1_500 }),
        ),
        (
            Content::Card {
                title: "ใบเสนอราคา QT2511-0001".into(),
                rows: vec![("ยอดรวม".into(), "107.00 THB".into())],
                button: "เปิดใบเสนอราคา".into(),
                url: url(),
            },
            json!({
                "type": "flex",
                "altText": "ใบเสนอราคา QT2511-0001",
                "contents": {
                    "type": "bubble",
                    "body": {
                        "type": "box",
                        "layout": "vertical",
                        "spacing": "md",
                        "contents": [
                            {
                                "type": "text",
                                "text": "ใบเสนอราคา QT2511-0001",
                                "wrap": true,
                                "weight": "bold",
                                "size": "lg",
                            },
                            {
                                "type": "box",
                                "layout": "baseline",
                                "spacing": "sm",
                                "contents": [
                                    {
                                        "type": "text",
                                        "text": "ยอดรวม",
                                        "wrap": true,
                                        "size": "sm",
                                        "color": "#777777",
                                        "flex": 2,
                                    },
                                    { "type": "text", "text": "107.00 THB", "wrap": true, "size": "sm", "flex": 4 },
                                ],
                            },
                        ],
                    },
                    "footer": {
                        "type": "box",
                        "layout": "vertical",
                        "contents": [{
                            "type": "button",
                            "style": "primary",
                            "action": { "type": "uri", "label": "เปิดใบเสนอราคา", "uri": url() },
                        }],
                    },
                },
            }),
        ),
        (Content::File { url: url(), name: None }, json!({ "type": "text", "text": url() })),
        (
            Content::File { url: url(), name: Some("QT-0001.pdf".into()) },
            json!({ "type": "text", "text": "QT-0001.pdf\nhttps://example.com/a" }),
        ),
        (
            Content::Sticker { package_id: "446".into(), sticker_id: "1988".into(), keywords: vec!["hi".into()] },
            json!({ "type": "sticker", "packageId": "446", "stickerId": "1988" }),
        ),
        (
            Content::Location {
                title: "Office".into(),
                address: "Bangkok".into(),
                latitude: 13.7563,
                longitude: 100.5018,
            },
            json!({
                "type": "location",
                "title": "Office",
                "address": "Bangkok",
                "latitude": 13.7563,
                "longitude": 100.5018,
            }),
        ),
    ]
}

/// A request as text: the request line, the headers and the body.
fn show(request: &Request<Vec<u8>>) -> (String, Vec<String>, Value) {
    let headers = request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    let body = if request.body().is_empty() { Value::Null } else { serde_json::from_slice(request.body()).unwrap() };
    (format!("{} {}", request.method(), request.uri()), headers.collect(), body)
}

fn text(text: &str) -> Content {
    Content::Text { text: text.into() }
}

#[test]
fn a_reply_carries_its_token_and_never_a_retry_key() {
    let request = line::send(&account(), Route::Reply { token: "t0k" }, &[text("a"), text("b")]).unwrap();
    let (line, headers, body) = show(&request);
    assert_eq!(line, "POST https://api.line.me/v2/bot/message/reply");
    assert_eq!(headers, ["authorization: Bearer the-access-token", "content-type: application/json"]);
    assert_eq!(
        body,
        json!({
            "replyToken": "t0k",
            "messages": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }],
        })
    );
}

#[test]
fn a_push_carries_its_retry_key_from_the_first_try() {
    let route = Route::Push { to: "U4af4980629", retry_key: KEY };
    let (line, headers, body) = show(&line::send(&account(), route, &[text("a")]).unwrap());
    assert_eq!(line, "POST https://api.line.me/v2/bot/message/push");
    assert_eq!(
        headers,
        [
            "authorization: Bearer the-access-token",
            "content-type: application/json",
            "x-line-retry-key: 123e4567-e89b-12d3-a456-426614174000",
        ]
    );
    assert_eq!(body, json!({ "to": "U4af4980629", "messages": [{ "type": "text", "text": "a" }] }));
}

#[test]
fn every_kind_of_content_becomes_its_message_object() {
    for (content, message) in rendered_contents() {
        let request = line::send(&account(), Route::Reply { token: "t0k" }, std::slice::from_ref(&content)).unwrap();
        assert_eq!(show(&request).2["messages"], json!([message]), "{content:?}");
    }
}

#[test]
fn a_request_takes_one_to_five_messages() {
    let route = Route::Reply { token: "t0k" };
    assert!(line::send(&account(), route, &vec![text("a"); 5]).is_ok());
    for given in [0, 6] {
        let refusal = line::send(&account(), route, &vec![text("a"); given]).unwrap_err();
        assert_eq!(refusal, Refusal::Count { given, limit: 5 });
    }
}

#[test]
fn a_message_line_does_not_take_is_refused_by_its_place() {
    let video = Content::Video { url: "https://example.com/a".into(), preview: None };
    for wrong in [video, text(""), text(&"a".repeat(5_001)), Content::Unsupported { kind: "flex".into() }] {
        let refusal = line::send(&account(), Route::Reply { token: "t0k" }, &[text("a"), wrong]).unwrap_err();
        assert!(matches!(refusal, Refusal::Message { position: 2, .. }), "{refusal:?}");
    }
}

#[test]
fn a_file_with_the_longest_name_and_address_still_fits_into_a_text() {
    let url = format!("https://example.com/{}", "a".repeat(channel::URL_LIMIT - 20));
    let file = Content::File { url, name: Some("ก".repeat(channel::FILE_NAME_LIMIT)) };
    assert!(line::send(&account(), Route::Reply { token: "t0k" }, &[file]).is_ok());
}

#[test]
fn the_other_requests() {
    let account = account();
    let group = Source::Group { group: "C1".into(), user: Some("U1".into()) };
    let room = Source::Room { room: "R1".into(), user: Some("U1".into()) };
    for (request, line) in [
        (line::quota(&account), "GET https://api.line.me/v2/bot/message/quota"),
        (line::consumption(&account), "GET https://api.line.me/v2/bot/message/quota/consumption"),
        (line::profile(&account, "U1"), "GET https://api.line.me/v2/bot/profile/U1"),
        (line::member(&account, &Source::User("U1".into())), "GET https://api.line.me/v2/bot/profile/U1"),
        (line::member(&account, &group), "GET https://api.line.me/v2/bot/group/C1/member/U1"),
        (line::member(&account, &room), "GET https://api.line.me/v2/bot/room/R1/member/U1"),
        (line::media(&account, "325708"), "GET https://api-data.line.me/v2/bot/message/325708/content"),
        (
            line::transcoding(&account, "325708"),
            "GET https://api-data.line.me/v2/bot/message/325708/content/transcoding",
        ),
        (line::bot_info(&account), "GET https://api.line.me/v2/bot/info"),
        (line::webhook_endpoint(&account), "GET https://api.line.me/v2/bot/channel/webhook/endpoint"),
    ] {
        let shown = show(&request.unwrap());
        assert_eq!(shown, (line.to_owned(), vec!["authorization: Bearer the-access-token".to_owned()], Value::Null));
    }

    let (line, _, body) = show(&line::set_webhook_endpoint(&account, "https://example.com/line").unwrap());
    assert_eq!(line, "PUT https://api.line.me/v2/bot/channel/webhook/endpoint");
    assert_eq!(body, json!({ "endpoint": "https://example.com/line" }));
    assert!(line::set_webhook_endpoint(&account, "").is_err());
    assert!(line::set_webhook_endpoint(&account, &"x".repeat(501)).is_err());
    let (line, _, body) = show(&line::test_webhook(&account).unwrap());
    assert_eq!((line.as_str(), body), ("POST https://api.line.me/v2/bot/channel/webhook/test", json!({})));

    let (line, _, body) = show(&line::mark_as_read(&account, "nz0x74mZT2mRn").unwrap());
    assert_eq!(line, "POST https://api.line.me/v2/bot/chat/markAsRead");
    assert_eq!(body, json!({ "markAsReadToken": "nz0x74mZT2mRn" }));

    for (asked, shown) in [(0, 5), (5, 5), (6, 10), (20, 20), (58, 60), (255, 60)] {
        let (line, _, body) = show(&line::loading(&account, "U1", asked).unwrap());
        assert_eq!(line, "POST https://api.line.me/v2/bot/chat/loading/start");
        assert_eq!(body, json!({ "chatId": "U1", "loadingSeconds": shown }));
    }
}

#[test]
fn ids_are_one_segment_of_the_path_whatever_they_hold() {
    for (id, segment) in [("../info", "..%2Finfo"), ("a?b#c", "a%3Fb%23c"), ("ก", "%E0%B8%81")] {
        let request = line::profile(&account(), id).unwrap();
        assert_eq!(request.uri().path(), format!("/v2/bot/profile/{segment}"));
    }
    for id in [".", ".."] {
        assert!(matches!(line::profile(&account(), id), Err(Refusal::NotAnId { .. })));
    }
    assert!(matches!(line::profile(&account(), ""), Err(Refusal::Empty { .. })));
    assert!(matches!(line::member(&account(), &Source::Unknown), Err(Refusal::Empty { .. })));
    assert!(matches!(line::send(&account(), Route::Reply { token: "" }, &[text("a")]), Err(Refusal::Empty { .. })));
    let nobody = Route::Push { to: "", retry_key: KEY };
    assert!(matches!(line::send(&account(), nobody, &[text("a")]), Err(Refusal::Empty { .. })));
    assert!(matches!(line::mark_as_read(&account(), ""), Err(Refusal::Empty { .. })));
    assert!(matches!(line::loading(&account(), "", 5), Err(Refusal::Empty { .. })));
}

#[test]
fn an_account_of_its_own_base_uses_it_for_files_too() {
    let account = Credentials::new("the-access-token", Some("http://127.0.0.1:8099/line/"));
    let request = line::media(&account, "1").unwrap();
    assert_eq!(request.uri(), "http://127.0.0.1:8099/line/v2/bot/message/1/content");
    assert_eq!(line::quota(&account).unwrap().uri(), "http://127.0.0.1:8099/line/v2/bot/message/quota");
}

#[test]
fn settings_that_make_no_request_are_named_without_their_value() {
    for (token, base) in [
        ("", None),
        ("a\nb", None),
        ("secret", Some("")),
        ("secret", Some("api.line.me")),
        ("secret", Some("https://a b")),
    ] {
        let refusal = line::quota(&Credentials::new(token, base)).unwrap_err();
        assert!(matches!(refusal, Refusal::Account { .. }));
        assert!(!refusal.to_string().contains("secret"));
    }
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let request = line::quota(&account()).unwrap();
    let shown = format!("{:?} {:?} {:?}", account(), Route::Reply { token: "t0k" }, request);
    assert!(!shown.contains("the-access-token") && !shown.contains("t0k"), "{shown}");
}

#[test]
fn a_signature_is_of_the_raw_bytes() {
    // Made with: printf '{"destination":"U","events":[]}' | openssl dgst -sha256 -hmac secret -binary | base64
    let body = br#"{"destination":"U","events":[]}"#;
    let signature = line::sign("secret", body);
    assert_eq!(signature, SIGNATURE);
    assert!(line::verify("secret", body, Some(&signature)));
    assert!(!line::verify("secret", br#"{"destination":"U","events":[ ]}"#, Some(&signature)));
    assert!(!line::verify("other", body, Some(&signature)));
    assert!(!line::verify("secret", body, None));
    for wrong in ["", "not base64", &signature[..20], "AAAA"] {
        assert!(!line::verify("secret", body, Some(wrong)));
    }
    // With an empty key anybody could sign.
    assert!(!line::verify("", body, Some(&line::sign("", body))));
    assert!(!line::verify("", body, Some("")));
}

const SIGNATURE: &str = "QobvK0ds8SKIlIPL37nhxBK6S+OpTXSd9wYYv/ezYVI=";

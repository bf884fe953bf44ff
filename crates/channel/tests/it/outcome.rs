//! Golden tests of every answer.

use channel::line::{self, Fetched, Outcome, Quota, Transcoding};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-line-request-id", HeaderValue::from_static("123e4567-e89b-12d3-a456-426655440001"));
    headers
}

fn outcome(reply: bool, status: u16, body: Value) -> Outcome {
    line::outcome(reply, status, &headers(), body.to_string().as_bytes())
}

#[test]
fn accepted_messages_have_ids() {
    let sent = Outcome::Sent {
        provider_ids: vec!["461230966842064897".into(), "461230966842064898".into()],
        request_id: Some("123e4567-e89b-12d3-a456-426655440001".into()),
    };
    let body = json!({
        "sentMessages": [
            { "id": "461230966842064897", "quoteToken": "IStG5h1Tz7b" },
            { "id": "461230966842064898" },
        ],
    });
    assert_eq!(outcome(true, 200, body.clone()), sent);
    assert_eq!(outcome(false, 200, body), sent);
    assert_eq!(sent.reason(), None);
}

#[test]
fn accepted_is_accepted_even_when_the_body_is_not_understood() {
    for body in ["", "{}", "<html>", r#"{"sentMessages": null}"#, r#"{"sentMessages": [{}, 1]}"#] {
        let outcome = line::outcome(false, 200, &HeaderMap::new(), body.as_bytes());
        assert_eq!(outcome, Outcome::Sent { provider_ids: vec![], request_id: None });
    }
}

#[test]
fn a_repeated_push_was_sent_before() {
    let mut headers = headers();
    headers.insert("x-line-accepted-request-id", HeaderValue::from_static("123e4567-e89b-12d3-a456-426655440002"));
    let body = json!({
        "message": "The retry key is already accepted",
        "sentMessages": [{ "id": "461230966842064897" }],
    });
    assert_eq!(
        line::outcome(false, 409, &headers, body.to_string().as_bytes()),
        Outcome::AlreadySent {
            provider_ids: vec!["461230966842064897".into()],
            accepted_request_id: Some("123e4567-e89b-12d3-a456-426655440002".into()),
        }
    );
    assert!(matches!(line::outcome(true, 409, &headers, b""), Outcome::Dead { .. }));
}

#[test]
fn failures_of_line_are_tried_again() {
    for status in [408, 500, 502, 503, 504] {
        for reply in [true, false] {
            let outcome = line::outcome(reply, status, &headers(), b"<html>\n  <b>Bad   Gateway</b>\n</html>");
            let reason = format!("HTTP {status} <html> <b>Bad Gateway</b> </html>");
            assert_eq!(outcome, Outcome::Retry { reason });
        }
    }
    assert_eq!(line::outcome(false, 500, &headers(), b""), Outcome::Retry { reason: "HTTP 500".into() });
}

#[test]
fn the_two_meanings_of_429_are_told_apart() {
    assert_eq!(
        outcome(false, 429, json!({ "message": "You have reached your monthly limit." })),
        Outcome::QuotaReached { reason: "HTTP 429 You have reached your monthly limit.".into() }
    );
    let additional = json!({ "message": "You have exceeded the target limit for additional messages." });
    assert!(matches!(outcome(false, 429, additional), Outcome::QuotaReached { .. }));
    assert_eq!(
        outcome(false, 429, json!({ "message": "The API rate limit has been exceeded. Try again later." })),
        Outcome::RateLimited { reason: "HTTP 429 The API rate limit has been exceeded. Try again later.".into() }
    );
    assert!(matches!(line::outcome(false, 429, &headers(), b""), Outcome::RateLimited { .. }));
}

#[test]
fn a_dead_reply_token_is_not_a_dead_message() {
    let body = json!({ "message": "Invalid reply token" });
    assert_eq!(
        outcome(true, 400, body.clone()),
        Outcome::ReplyTokenDead { reason: "HTTP 400 Invalid reply token".into() }
    );
    assert!(matches!(outcome(false, 400, body), Outcome::Dead { .. }));
}

#[test]
fn a_broken_account_is_told_from_a_broken_message() {
    for status in [401, 403] {
        let body = json!({ "message": "Authentication failed due to the following reason: invalid token." });
        assert!(matches!(outcome(false, status, body), Outcome::Unauthorized { .. }));
    }
    let body = json!({
        "message": "The request body has 2 error(s)",
        "details": [
            { "message": "May not be empty", "property": "messages[0].text" },
            { "message": "Must be one of the following values: [text]" },
            { "property": "to" },
            {},
        ],
    });
    let outcome = outcome(false, 400, body);
    assert_eq!(
        outcome.reason(),
        Some(
            "HTTP 400 The request body has 2 error(s) (messages[0].text: May not be empty; Must be one of the \
             following values: [text]; to)"
        )
    );
    assert!(matches!(outcome, Outcome::Dead { .. }));
    for status in [100, 301, 404, 410, 413, 415] {
        assert!(matches!(line::outcome(false, status, &headers(), b""), Outcome::Dead { .. }));
    }
}

#[test]
fn a_reason_is_cut_between_letters() {
    let reason = outcome(false, 400, json!({ "message": "ก".repeat(10_000) })).reason().unwrap().to_owned();
    assert_eq!(reason.chars().count(), 501);
    assert!(reason.ends_with('…'));
}

#[test]
fn answers_about_the_account_are_read() {
    assert_eq!(line::read_quota(br#"{"type": "none"}"#).unwrap(), Quota::None);
    assert_eq!(line::read_quota(br#"{"type": "limited", "value": 1000}"#).unwrap(), Quota::Limited(1_000));
    assert!(line::read_quota(br#"{"type": "limited"}"#).is_err());
    assert!(line::read_quota(br#"{"type": "weekly", "value": 3}"#).is_err());
    assert_eq!(line::read_consumption(br#"{"totalUsage": 500}"#).unwrap(), 500);
    assert!(line::read_consumption(b"{}").is_err());

    for (status, read) in
        [("succeeded", Transcoding::Ready), ("processing", Transcoding::Processing), ("failed", Transcoding::Failed)]
    {
        let body = json!({ "status": status }).to_string();
        assert_eq!(line::read_transcoding(body.as_bytes()).unwrap(), read);
    }
    assert!(line::read_transcoding(br#"{"status": "asleep"}"#).is_err());

    let profile = line::read_profile(br#"{"displayName": "LINE taro", "userId": "U4af4980629"}"#).unwrap();
    assert_eq!((profile.name.as_str(), profile.picture, profile.language), ("LINE taro", None, None));
    let bot = json!({
        "userId": "Ub9952f8", "basicId": "@216ru", "displayName": "Sala", "chatMode": "bot", "markAsReadMode": "auto",
    });
    let bot = line::read_bot_info(bot.to_string().as_bytes()).unwrap();
    assert_eq!((bot.user_id.as_str(), bot.chat, bot.marks_as_read), ("Ub9952f8", false, true));
    let endpoint = line::read_webhook_endpoint(br#"{"endpoint": "https://example.com/test", "active": true}"#).unwrap();
    assert!(endpoint.active);
    let test = br#"{"success": false, "timestamp": "2020-09-30T05:38:20.031Z", "statusCode": -1, "reason": "TIMEOUT", "detail": "d"}"#;
    let test = line::read_webhook_test(test).unwrap();
    assert_eq!((test.success, test.status_code, test.reason.as_str()), (false, -1, "TIMEOUT"));
}

#[test]
fn answers_to_questions_are_judged() {
    let body = br#"{"message": "Not found"}"#;
    let reason = |status: u16| format!("HTTP {status} Not found");
    assert_eq!(line::fetched(200, b"\x89PNG"), Fetched::Ready);
    assert_eq!(line::fetched(202, b""), Fetched::NotYet);
    assert_eq!(line::fetched(401, body), Fetched::Unauthorized { reason: reason(401) });
    assert_eq!(line::fetched(404, body), Fetched::Gone { reason: reason(404) });
    assert_eq!(line::fetched(410, body), Fetched::Gone { reason: reason(410) });
    assert_eq!(line::fetched(400, body), Fetched::Dead { reason: reason(400) });
    for status in [408, 429, 500, 503] {
        assert_eq!(line::fetched(status, body), Fetched::Retry { reason: reason(status) });
    }
}

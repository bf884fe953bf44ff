//! Messages on their way to LINE: which way, under which key, at what cost, once each and in order.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::line::{FaultKind, Route};

use crate::fake::Fake;

const PUSH: &str = "/v2/bot/message/push";
const REPLY: &str = "/v2/bot/message/reply";

fn messages(body: &str) -> usize {
    let body: Value = serde_json::from_str(body).unwrap();
    body["messages"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_push_carries_a_retry_key_from_its_first_try_and_its_cost_is_kept() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let id = fake.send(&room, "Hello").await;
    fake.run().await;
    let seen = fake.seen("ann");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].route, Route::Push);
    assert!(uuid::Uuid::parse_str(seen[0].retry_key.as_deref().unwrap()).is_ok());
    let message = fake.app.message(&id).await;
    assert_eq!(message["deliveryStatus"], "sent");
    assert_eq!(message["cost"], "push");
    let attempts = message["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["route"], "push");
    assert_eq!(attempts[0]["outcome"], "sent");
    assert_eq!(attempts[0]["number"], 1);
}

#[tokio::test]
async fn seven_messages_leave_as_five_and_two_in_order() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    for number in 1..=7 {
        fake.send(&room, &format!("{number}")).await;
    }
    fake.run().await;
    let calls: Vec<usize> = fake.calls(PUSH).iter().map(|call| messages(&call.body)).collect();
    assert_eq!(calls, [5, 2]);
    assert_eq!(fake.texts("ann"), ["1", "2", "3", "4", "5", "6", "7"]);
    let keys: Vec<String> = fake.seen("ann").into_iter().map(|seen| seen.retry_key.unwrap()).collect();
    assert_eq!(keys[0], keys[4], "one call, one key");
    assert_ne!(keys[4], keys[5], "another call, another key");
}

#[tokio::test]
async fn a_fresh_reply_token_is_used_once_and_costs_nothing() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let token = fake.say("ann", "Is it there?").await.reply_token(0).unwrap().to_owned();
    let free = fake.send(&room, "Yes").await;
    fake.run().await;
    let paid = fake.send(&room, "Shall we send it?").await;
    fake.run().await;
    let replies = fake.calls(REPLY);
    assert_eq!(replies.len(), 1);
    assert!(replies[0].body.contains(&token));
    assert_eq!(replies[0].header("x-line-retry-key"), None, "LINE refuses a retry key on replies");
    assert_eq!(fake.app.message(&free).await["cost"], "reply");
    assert_eq!(fake.app.message(&paid).await["cost"], "push");
    assert_eq!(fake.line.usage(), 1);
    assert_eq!(fake.texts("ann"), ["Yes", "Shall we send it?"]);
}

#[tokio::test]
async fn a_reply_token_serves_up_to_five_messages_and_the_rest_is_pushed() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    for number in 1..=6 {
        fake.send(&room, &format!("{number}")).await;
    }
    fake.run().await;
    let routes: Vec<Route> = fake.seen("ann").iter().map(|seen| seen.route).collect();
    assert_eq!(routes[..5], [Route::Reply; 5]);
    assert_eq!(routes[5], Route::Push);
}

#[tokio::test]
async fn a_reply_token_is_left_alone_after_fifty_seconds() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    fake.advance(Duration::from_secs(51));
    fake.send(&room, "Sorry for the wait").await;
    fake.run().await;
    assert_eq!(fake.seen("ann")[0].route, Route::Push);
    assert!(fake.calls(REPLY).is_empty());
}

#[tokio::test]
async fn the_newest_reply_token_is_the_one_that_is_used() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    fake.advance(Duration::from_secs(51));
    let second = fake.say("ann", "Anyone?").await.reply_token(0).unwrap().to_owned();
    fake.send(&room, "Here").await;
    fake.run().await;
    assert!(fake.calls(REPLY)[0].body.contains(&second));
}

/// What may happen to a call that LINE carries out all the same.
fn accepted_faults() -> [FaultKind; 3] {
    [
        FaultKind::Error { status: 500, accepted: true },
        FaultKind::Cut { accepted: true },
        FaultKind::Timeout { ms: None, accepted: true },
    ]
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_is_repeated_under_its_key_and_seen_once() {
    for fault in accepted_faults() {
        let mut fake = Fake::with("yes", |config| config.provider_timeout = 1, |_| {}).await;
        let room = fake.room("ann").await;
        fake.fault(fault.clone(), PUSH, 1);
        let id = fake.send(&room, "Once").await;
        fake.run().await;
        assert_eq!(fake.app.message(&id).await["deliveryStatus"], "pending", "{fault:?}");
        fake.later(Duration::from_secs(2)).await;
        let calls = fake.calls(PUSH);
        assert_eq!(calls.len(), 2, "{fault:?}");
        assert_eq!(calls[0].header("x-line-retry-key"), calls[1].header("x-line-retry-key"));
        assert_eq!(calls[0].body, calls[1].body);
        assert_eq!(calls[1].status, Some(409), "LINE says that it has it");
        assert_eq!(fake.texts("ann"), ["Once"], "{fault:?}");
        let message = fake.app.message(&id).await;
        assert_eq!(message["deliveryStatus"], "sent", "{fault:?}");
        assert_eq!(message["failure"], Value::Null);
        let outcomes: Vec<&str> =
            message["attempts"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["retry", "sent"], "{fault:?}");
    }
}

#[tokio::test]
async fn a_push_that_failed_unseen_is_repeated_and_seen_once() {
    let faults = [FaultKind::Error { status: 503, accepted: false }, FaultKind::Cut { accepted: false }];
    for fault in faults {
        let mut fake = Fake::new().await;
        let room = fake.room("ann").await;
        fake.fault(fault, PUSH, 2);
        fake.send(&room, "Once").await;
        fake.run().await;
        fake.later(Duration::from_secs(2)).await;
        fake.later(Duration::from_secs(4)).await;
        assert_eq!(fake.texts("ann"), ["Once"]);
        let keys: Vec<_> =
            fake.calls(PUSH).iter().map(|call| call.header("x-line-retry-key").map(str::to_owned)).collect();
        assert_eq!(keys.len(), 3);
        assert!(keys.iter().all(|key| key.is_some() && *key == keys[0]));
    }
}

#[tokio::test]
async fn a_reply_whose_answer_is_lost_counts_as_sent_when_its_token_turns_out_used() {
    for fault in accepted_faults() {
        let mut fake = Fake::with("yes", |config| config.provider_timeout = 1, |_| {}).await;
        let room = fake.room("ann").await;
        fake.say("ann", "Hello").await;
        fake.fault(fault.clone(), REPLY, 1);
        let id = fake.send(&room, "Once").await;
        fake.run().await;
        fake.later(Duration::from_secs(2)).await;
        assert_eq!(fake.texts("ann"), ["Once"], "{fault:?}");
        let message = fake.app.message(&id).await;
        assert_eq!(message["deliveryStatus"], "sent", "{fault:?}");
        assert_eq!(message["cost"], "reply");
        assert!(fake.calls(PUSH).is_empty(), "not paid for a second time");
    }
}

#[tokio::test]
async fn a_reply_that_may_have_arrived_and_outlives_its_token_is_given_to_a_person() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    fake.fault(FaultKind::Error { status: 500, accepted: true }, REPLY, 1);
    let id = fake.send(&room, "Once").await;
    fake.run().await;
    fake.later(Duration::from_secs(70)).await;
    let message = fake.app.message(&id).await;
    assert_eq!(message["deliveryStatus"], "failed");
    assert!(message["failure"].as_str().unwrap().contains("may or may not"), "{message}");
    assert_eq!(fake.texts("ann"), ["Once"]);
    let again = fake.app.post(&format!("/v1/chat/message/{id}/retry"), json!({})).await;
    assert_eq!(again.status, 200);
    fake.run().await;
    assert_eq!(fake.texts("ann"), ["Once", "Once"], "a person has decided");
}

#[tokio::test]
async fn a_reply_that_was_refused_for_its_rate_is_not_taken_for_sent() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    fake.fault(FaultKind::RateLimited, REPLY, 1);
    // The token dies while the account waits: the first try did nothing, so nothing was used.
    fake.fault(FaultKind::ReplyTokenDead, REPLY, 1);
    let id = fake.send(&room, "Hi").await;
    fake.run().await;
    fake.later(Duration::from_secs(2)).await;
    assert_eq!(fake.texts("ann"), ["Hi"]);
    assert_eq!(fake.app.message(&id).await["cost"], "push");
}

#[tokio::test]
async fn a_token_that_is_dead_at_its_first_use_becomes_a_push_when_the_account_pays() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    fake.fault(FaultKind::ReplyTokenDead, REPLY, 1);
    let id = fake.send(&room, "Hi").await;
    fake.run().await;
    assert_eq!(fake.seen("ann")[0].route, Route::Push);
    let message = fake.app.message(&id).await;
    assert_eq!(message["deliveryStatus"], "sent");
    let attempts: Vec<(&str, &str)> = message["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["route"].as_str().unwrap(), one["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(attempts, [("reply", "token_dead"), ("push", "sent")]);
}

#[tokio::test]
async fn an_account_that_asks_pays_only_for_what_a_person_retries() {
    let fake = Fake::late_push("ask").await;
    let room = fake.room("ann").await;
    let first = fake.send(&room, "First").await;
    let second = fake.send(&room, "Second").await;
    fake.run().await;
    assert!(fake.line.requests().is_empty());
    for id in [&first, &second] {
        let message = fake.app.message(id).await;
        assert_eq!(message["deliveryStatus"], "failed");
        assert!(message["failure"].as_str().unwrap().contains("too late for a free reply"), "{message}");
    }
    assert_eq!(fake.app.post(&format!("/v1/chat/message/{second}/retry"), json!({})).await.status, 200);
    let third = fake.send(&room, "Third").await;
    fake.run().await;
    assert_eq!(fake.texts("ann"), ["Second"], "paid for one, not for its neighbour");
    assert_eq!(fake.app.message(&second).await["cost"], "push");
    assert_eq!(fake.app.message(&third).await["deliveryStatus"], "failed");
}

#[tokio::test]
async fn an_account_that_never_pays_sends_with_the_next_free_token() {
    let fake = Fake::late_push("no").await;
    let room = fake.room("ann").await;
    let id = fake.send(&room, "News").await;
    fake.run().await;
    assert_eq!(fake.app.message(&id).await["deliveryStatus"], "failed");
    assert_eq!(fake.app.post(&format!("/v1/chat/message/{id}/retry"), json!({})).await.status, 200);
    fake.run().await;
    assert_eq!(fake.app.message(&id).await["deliveryStatus"], "failed", "a retry does not pay here");
    fake.say("ann", "Anything new?").await;
    fake.app.post(&format!("/v1/chat/message/{id}/retry"), json!({})).await;
    fake.run().await;
    assert_eq!(fake.seen("ann")[0].route, Route::Reply);
}

#[tokio::test]
async fn a_message_without_fault_is_not_retried() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let id = fake.send(&room, "Hi").await;
    assert_eq!(fake.app.post(&format!("/v1/chat/message/{id}/retry"), json!({})).await.status, 409);
    fake.run().await;
    assert_eq!(fake.app.post(&format!("/v1/chat/message/{id}/retry"), json!({})).await.status, 409);
    assert_eq!(fake.texts("ann"), ["Hi"]);
}

#[tokio::test]
async fn a_permanent_refusal_fails_the_one_message_and_the_others_arrive_in_order() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(fake.send(&room, text).await);
    }
    let refused = FaultKind::Error { status: 400, accepted: false };
    fake.fault(refused.clone(), PUSH, 1);
    fake.line.fault(simulator::line::Fault::new(refused).path(PUSH).skip(1).once());
    fake.run().await;
    assert_eq!(fake.texts("ann"), ["one", "three"]);
    let mut states = Vec::new();
    for id in &ids {
        states.push(fake.app.message(id).await["deliveryStatus"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["sent", "failed", "sent"]);
    assert!(fake.app.message(&ids[1]).await["failure"].as_str().unwrap().contains("HTTP 400"));
}

#[tokio::test]
async fn a_refused_message_leaves_the_free_token_to_the_next_one() {
    let fake = Fake::late_push("no").await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    fake.fault(FaultKind::Error { status: 400, accepted: false }, REPLY, 1);
    let bad = fake.send(&room, "bad").await;
    fake.run().await;
    fake.send(&room, "good").await;
    fake.run().await;
    assert_eq!(fake.app.message(&bad).await["deliveryStatus"], "failed");
    assert_eq!(fake.texts("ann"), ["good"]);
}

#[tokio::test]
async fn what_is_sent_to_a_removed_account_fails_with_the_reason() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Error { status: 500, accepted: false }, PUSH, 1);
    let waiting = fake.send(&room, "Waiting").await;
    fake.run().await;
    let (db, now) = (&fake.app.app.db, fake.app.app.now());
    sala::chat::account::remove(db, crate::app::COMPANY, &fake.account, now).await.unwrap();
    fake.later(Duration::ZERO).await;
    let message = fake.app.message(&waiting).await;
    assert_eq!(message["deliveryStatus"], "failed");
    assert_eq!(message["failure"], "the channel account was removed");
    assert!(fake.line.sent().is_empty());
    let report = fake
        .line
        .callback(simulator::line::Callback::to(fake.webhook()).text(&simulator::line::user_id("ann"), "?"))
        .await;
    assert_eq!(report.unwrap().status(), Some(404), "its callbacks are refused");
}

#[tokio::test]
async fn every_kind_of_content_arrives_as_line_expects_it() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let cases = [
        ("message", json!("Words"), json!({"type": "text", "text": "Words"})),
        (
            "image",
            json!("https://example.com/a.jpg"),
            json!({"type": "image", "originalContentUrl": "https://example.com/a.jpg", "previewImageUrl": "https://example.com/a.jpg"}),
        ),
        (
            "video",
            json!(r#"{"url": "https://example.com/a.mp4", "preview": "https://example.com/a.jpg"}"#),
            json!({"type": "video", "originalContentUrl": "https://example.com/a.mp4", "previewImageUrl": "https://example.com/a.jpg"}),
        ),
        (
            "audio",
            json!(r#"{"url": "https://example.com/a.m4a", "duration": 5000}"#),
            json!({"type": "audio", "originalContentUrl": "https://example.com/a.m4a", "duration": 5000}),
        ),
        (
            "file",
            json!(r#"{"url": "https://example.com/q.pdf", "name": "Quotation.pdf"}"#),
            json!({"type": "text", "text": "Quotation.pdf\nhttps://example.com/q.pdf"}),
        ),
        ("sticker", json!("446:1988"), json!({"type": "sticker", "packageId": "446", "stickerId": "1988"})),
        (
            "location",
            json!(r#"{"title": "Shop", "address": "Silom Road", "latitude": 13.5, "longitude": 100.25}"#),
            json!({"type": "location", "title": "Shop", "address": "Silom Road", "latitude": 13.5, "longitude": 100.25}),
        ),
    ];
    for (kind, content, expected) in cases {
        let body = json!({"roomId": room, "content": content, "type": kind, "platform": "line", "companyId": crate::app::COMPANY});
        let sent = fake.app.post("/v1/chat/message", body).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        fake.run().await;
        assert_eq!(fake.seen("ann").last().unwrap().message, expected, "{kind}");
    }
}

#[tokio::test]
async fn what_line_does_not_carry_is_refused_at_the_door() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    for (kind, content) in
        [("image", "http://example.com/a.jpg"), ("video", "https://example.com/a.mp4"), ("poll", "x")]
    {
        let body = json!({"roomId": room, "content": content, "type": kind, "platform": "line", "companyId": crate::app::COMPANY});
        assert_eq!(fake.app.post("/v1/chat/message", body).await.status, 400, "{kind}");
    }
    fake.run().await;
    assert!(fake.line.requests().is_empty());
}

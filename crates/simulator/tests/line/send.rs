//! Push, reply and multicast: who may send, what is accepted once, and what it costs.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::line::{Callback, Config, Route, user_id};

use crate::support::{Fake, KEY, PUSH, REPLY, Receiver, ann, fake, fake_with, push_body, text};

const MULTICAST: &str = "/v2/bot/message/multicast";

async fn reply_token(fake: &Fake) -> String {
    let receiver = Receiver::start(200).await;
    let report = fake.line.callback(Callback::to(&receiver.url).text(&ann(), "hello")).await.unwrap();
    report.reply_token(0).unwrap().to_owned()
}

fn reply_body(token: &str) -> Value {
    json!({ "replyToken": token, "messages": [text("hello yourself")] })
}

#[tokio::test]
async fn a_push_is_delivered_and_answered_with_its_ids() {
    let fake = fake().await;
    let body = json!({ "to": ann(), "messages": [
        text("one"),
        { "type": "audio", "originalContentUrl": "https://example.com/a.m4a", "duration": 1000 },
    ]});
    let got = fake.post(PUSH, body).await;
    assert_eq!(got.status, 200);
    let sent = fake.line.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].to, ann());
    assert_eq!(sent[0].message, text("one"));
    assert_eq!((sent[0].order, sent[1].order), (1, 2));
    assert_eq!(sent[0].route, Route::Push);
    assert_eq!(sent[0].request_id, got.header("x-line-request-id").unwrap());
    let answered = &got.json()["sentMessages"];
    assert_eq!(answered[0]["id"], sent[0].message_id);
    assert!(answered[0]["quoteToken"].is_string());
    assert_eq!(answered[1]["id"], sent[1].message_id);
    assert!(answered[1].get("quoteToken").is_none(), "an audio cannot be quoted");
}

#[tokio::test]
async fn every_answer_has_its_own_request_id() {
    let fake = fake().await;
    let first = fake.push("one").await;
    let second = fake.post(PUSH, json!({})).await;
    let third = fake.get("/v2/bot/nothing").await;
    assert_eq!((second.status, third.status), (400, 404));
    let ids = [&first, &second, &third].map(|got| got.header("x-line-request-id").unwrap());
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    let recorded: Vec<String> = fake.line.requests().into_iter().map(|request| request.request_id).collect();
    assert_eq!(recorded, ids);
}

#[tokio::test]
async fn without_the_right_token_nothing_is_sent() {
    let fake = fake_with(Config { access_token: Some("right".to_owned()), ..Config::default() }).await;
    let json = ("content-type", "application/json");
    let body = push_body("no").to_string();
    let missing = fake.raw("POST", PUSH, &[json], body.clone()).await.unwrap();
    assert_eq!(missing.status, 401);
    assert!(missing.message().starts_with("Authorization header required"));
    let basic = fake.raw("POST", PUSH, &[json, ("authorization", "Basic right")], body.clone()).await.unwrap();
    assert_eq!(basic.status, 401);
    let wrong = fake.raw("POST", PUSH, &[json, ("authorization", "Bearer wrong")], body.clone()).await.unwrap();
    assert_eq!(wrong.status, 401);
    assert!(wrong.message().contains("invalid token"));
    assert_eq!(fake.line.sent_count(), 0);
    let right = fake.raw("POST", PUSH, &[json, ("authorization", "Bearer right")], body).await.unwrap();
    assert_eq!(right.status, 200);
    let requests = fake.line.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[3].header("authorization"), Some("(redacted)"));
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let fake = fake().await;
    let token = ("authorization", "Bearer token");
    let form = fake.raw("POST", PUSH, &[token, ("content-type", "text/plain")], "{}").await.unwrap();
    assert_eq!((form.status, form.message().as_str()), (415, "The content type, text/plain, is not supported"));
    let json = ("content-type", "application/json; charset=utf-8");
    let broken = fake.raw("POST", PUSH, &[token, json], "{\"to\":").await.unwrap();
    assert_eq!(broken.status, 400);
    assert_eq!(broken.message(), "The request body could not be parsed as JSON (line: 1, column: 6)");
    let huge = fake.raw("POST", PUSH, &[token, json], vec![b' '; 2 * 1024 * 1024 + 1]).await;
    assert!(huge.is_err() || huge.is_ok_and(|got| got.status == 413));
    assert_eq!(fake.line.requests().last().unwrap().status, Some(413));
}

#[tokio::test]
async fn a_recipient_must_be_an_id_of_lines() {
    let fake = fake().await;
    for to in ["ann", "U123", "X4af4980629f54d6a8f6d4d1a3c3a4b5c"] {
        let got = fake.post(PUSH, json!({ "to": to, "messages": [text("hi")] })).await;
        assert_eq!(got.status, 400);
        assert_eq!(got.message(), "The property, 'to', in the request body is invalid (line: -, column: -)");
    }
    let lenient = fake_with(Config { strict_ids: false, ..Config::default() }).await;
    assert_eq!(lenient.post(PUSH, json!({ "to": "ann", "messages": [text("hi")] })).await.status, 200);
}

#[tokio::test]
async fn a_retry_key_is_accepted_once() {
    let fake = fake().await;
    let first = fake.push_with_key(KEY, "once").await.unwrap();
    assert_eq!(first.status, 200);
    let again = fake.push_with_key(&KEY.to_uppercase(), "once").await.unwrap();
    assert_eq!(again.status, 409);
    assert_eq!(again.message(), "The retry key is already accepted");
    assert_eq!(again.json()["sentMessages"], first.json()["sentMessages"]);
    assert_eq!(again.header("x-line-accepted-request-id"), first.header("x-line-request-id"));
    assert_ne!(again.header("x-line-request-id"), first.header("x-line-request-id"));
    let sent = fake.line.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].retry_key.as_deref(), Some(KEY));
    assert_eq!(fake.line.usage(), 1);
}

#[tokio::test]
async fn equal_requests_at_the_same_moment_are_accepted_once() {
    let fake = fake().await;
    let (a, b, c, d) = tokio::join!(
        fake.push_with_key(KEY, "once"),
        fake.push_with_key(KEY, "once"),
        fake.push_with_key(KEY, "once"),
        fake.push_with_key(KEY, "once"),
    );
    let mut statuses = [a, b, c, d].map(|got| got.unwrap().status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409]);
    assert_eq!(fake.line.sent_count(), 1);
}

#[tokio::test]
async fn a_retry_key_is_forgotten_after_a_day_and_not_kept_for_a_refusal() {
    let fake = fake().await;
    let refused = fake.post_with(PUSH, &[("x-line-retry-key", KEY)], json!({ "to": ann() })).await.unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(fake.push_with_key(KEY, "a").await.unwrap().status, 200);
    fake.line.advance(Duration::from_secs(24 * 60 * 60 - 60));
    assert_eq!(fake.push_with_key(KEY, "a").await.unwrap().status, 409);
    fake.line.advance(Duration::from_secs(60));
    assert_eq!(fake.push_with_key(KEY, "a").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_retry_key_is_a_uuid_and_only_for_sending() {
    let fake = fake().await;
    for key in ["abc", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"] {
        assert_eq!(fake.push_with_key(key, "no").await.unwrap().status, 400);
    }
    let key = [("x-line-retry-key", KEY)];
    let token = reply_token(&fake).await;
    assert_eq!(fake.post_with(REPLY, &key, reply_body(&token)).await.unwrap().status, 400);
    let validate = json!({ "messages": [text("a")] });
    assert_eq!(fake.post_with("/v2/bot/message/validate/push", &key, validate).await.unwrap().status, 400);
    assert_eq!(fake.line.sent_count(), 0);
    assert_eq!(fake.post(REPLY, reply_body(&token)).await.status, 200, "the refused reply left the token alone");
}

#[tokio::test]
async fn a_reply_token_serves_once_and_costs_nothing() {
    let fake = fake_with(Config { monthly_quota: Some(0), ..Config::default() }).await;
    let token = reply_token(&fake).await;
    let invalid = fake.post(REPLY, json!({ "replyToken": token, "messages": [] })).await;
    assert_eq!(invalid.status, 400, "a wrong body does not use the token up");
    let first = fake.post(REPLY, reply_body(&token)).await;
    assert_eq!(first.status, 200);
    assert!(first.json()["sentMessages"][0]["id"].is_string());
    let second = fake.post(REPLY, reply_body(&token)).await;
    assert_eq!((second.status, second.json()), (400, json!({ "message": "Invalid reply token" })));
    let unknown = fake.post(REPLY, reply_body("nonsense")).await;
    assert_eq!(unknown.message(), "Invalid reply token");
    let sent = fake.line.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].to.clone(), sent[0].route), (ann(), Route::Reply));
    assert_eq!(fake.line.usage(), 0);
}

#[tokio::test]
async fn a_reply_token_dies_after_a_minute() {
    let fake = fake().await;
    let (early, late) = (reply_token(&fake).await, reply_token(&fake).await);
    fake.line.advance(Duration::from_secs(50));
    assert_eq!(fake.post(REPLY, reply_body(&early)).await.status, 200);
    fake.line.advance(Duration::from_secs(10));
    assert_eq!(fake.post(REPLY, reply_body(&late)).await.message(), "Invalid reply token");
}

#[tokio::test]
async fn a_redelivered_event_brings_no_new_life_to_its_token_unless_asked() {
    for renews in [false, true] {
        let fake = fake_with(Config { redelivery_renews_reply_token: renews, ..Config::default() }).await;
        let receiver = Receiver::start(200).await;
        let first = fake.line.callback(Callback::to(&receiver.url).text(&ann(), "hello")).await.unwrap();
        fake.line.advance(Duration::from_secs(61));
        let again = Callback::to(&receiver.url).event(first.events[0].clone()).redeliver(1);
        fake.line.callback(again).await.unwrap();
        let got = fake.post(REPLY, reply_body(first.reply_token(0).unwrap())).await;
        assert_eq!(got.status, if renews { 200 } else { 400 });
    }
}

#[tokio::test]
async fn a_push_counts_each_recipient_and_the_month_has_an_end() {
    let fake = fake_with(Config { monthly_quota: Some(3), ..Config::default() }).await;
    assert_eq!(fake.get("/v2/bot/message/quota").await.json(), json!({ "type": "limited", "value": 3 }));
    let five: Vec<Value> = ["a", "b", "c", "d", "e"].map(text).to_vec();
    assert_eq!(fake.post(PUSH, json!({ "to": ann(), "messages": five })).await.status, 200);
    let usage = fake.get("/v2/bot/message/quota/consumption").await.json();
    assert_eq!(usage, json!({ "totalUsage": 1 }), "five bubbles to one person are one");
    let to = [ann(), user_id("bob"), user_id("cat")];
    let three = fake.post(MULTICAST, json!({ "to": to, "messages": [text("hi")] })).await;
    assert_eq!((three.status, three.message().as_str()), (429, "You have reached your monthly limit."));
    let two = fake.post(MULTICAST, json!({ "to": to[1..], "messages": [text("hi")] })).await;
    assert_eq!((two.status, two.json()), (200, json!({})));
    assert_eq!(fake.push("over").await.status, 429);
    assert_eq!(fake.line.sent_count(), 7);
    fake.line.set_quota(None);
    assert_eq!(fake.get("/v2/bot/message/quota").await.json(), json!({ "type": "none" }));
    assert_eq!(fake.push("free again").await.status, 200);
}

#[tokio::test]
async fn a_repeat_of_an_accepted_push_is_409_even_when_the_month_is_over() {
    let fake = fake_with(Config { monthly_quota: Some(1), ..Config::default() }).await;
    assert_eq!(fake.push_with_key(KEY, "last").await.unwrap().status, 200);
    assert_eq!(fake.push_with_key(KEY, "last").await.unwrap().status, 409);
    assert_eq!(fake.push("one more").await.status, 429);
}

#[tokio::test]
async fn a_multicast_goes_to_each_user_once_and_never_to_a_group() {
    let fake = fake().await;
    let bob = user_id("bob");
    let body = json!({ "to": [ann(), bob, ann()], "messages": [text("hi")] });
    let key = [("x-line-retry-key", KEY)];
    assert_eq!(fake.post_with(MULTICAST, &key, body.clone()).await.unwrap().status, 200);
    let again = fake.post_with(MULTICAST, &key, body).await.unwrap();
    assert_eq!((again.status, again.json()), (409, json!({ "message": "The retry key is already accepted" })));
    let to: Vec<String> = fake.line.sent().into_iter().map(|sent| sent.to).collect();
    assert_eq!(to, [ann(), bob]);
    let group = ann().replacen('U', "C", 1);
    let refused = fake.post(MULTICAST, json!({ "to": [group], "messages": [text("hi")] })).await;
    assert!(refused.message().contains("'to[0]'"));
    assert_eq!(fake.post(PUSH, json!({ "to": group, "messages": [text("hi")] })).await.status, 200);
    let nobody = fake.post(MULTICAST, json!({ "to": [], "messages": [text("hi")] })).await;
    assert_eq!(nobody.json()["details"][0]["property"], "to");
}

#[tokio::test]
async fn someone_who_blocked_the_account_sees_nothing_although_line_says_yes() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let unfollow = Callback::to(&receiver.url).event(json!({ "type": "unfollow", "userId": ann() }));
    fake.line.callback(unfollow).await.unwrap();
    assert_eq!(fake.push("anyone?").await.status, 200);
    assert_eq!((fake.line.sent_count(), fake.line.usage()), (0, 0));
    assert_eq!(fake.get(&format!("/v2/bot/profile/{}", ann())).await.status, 404);
    let follow = json!({ "type": "follow", "userId": ann(), "isUnblocked": true });
    fake.line.callback(Callback::to(&receiver.url).event(follow)).await.unwrap();
    assert_eq!(fake.push("welcome back").await.status, 200);
    assert_eq!(fake.line.sent_count(), 1);
}

#[tokio::test]
async fn each_endpoint_has_a_rate_of_its_own() {
    let fake = fake_with(Config { rate_per_second: Some(2), ..Config::default() }).await;
    // How many windows the requests fall into depends on the machine; that some pass and some do not, does not.
    let mut statuses = Vec::new();
    for _ in 0..50 {
        statuses.push(fake.push("quick").await.status);
    }
    assert!(statuses.contains(&429) && statuses.contains(&200));
    let refused = fake.post(REPLY, reply_body("unknown")).await;
    assert_eq!(refused.status, 400, "replies are counted apart");
    fake.line.advance(Duration::from_secs(1));
    assert_eq!(fake.push("later").await.status, 200);
    assert_eq!(fake.line.sent_count() as usize, statuses.iter().filter(|status| **status == 200).count() + 1);
}

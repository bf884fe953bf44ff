//! Callbacks: the events' shape, the signature, and every way in which they come twice, late or forged.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::line::{Callback, Config, sign, user_id};

use crate::support::{Fake, Receiver, ann, fake, fake_with};

async fn event(fake: &Fake, receiver: &Receiver, form: Value) -> Value {
    let report = fake.line.callback(Callback::to(&receiver.url).event(form)).await.unwrap();
    assert_eq!(report.status(), Some(200));
    let events = receiver.got().last().unwrap().events();
    assert_eq!(events, report.events, "the report shows what was posted");
    events[0].clone()
}

#[tokio::test]
async fn a_text_comes_in_lines_shape_and_signed() {
    let fake = fake_with(Config { channel_secret: "secret".to_owned(), ..Config::default() }).await;
    let receiver = Receiver::start(200).await;
    let report = fake.line.callback(Callback::to(&receiver.url).text(&ann(), "สวัสดี")).await.unwrap();
    assert_eq!((report.posts[0].status, report.posts[0].body.as_str()), (Some(200), "heard"));
    assert_eq!(report.posts[0].error, None);
    let posted = &receiver.got()[0];
    assert_eq!(posted.headers["x-line-signature"], sign("secret", &posted.body).as_str());
    assert_eq!(posted.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(posted.json()["destination"], Config::default().bot_user_id);
    let event = &posted.events()[0];
    assert_eq!(event["type"], "message");
    assert_eq!(event["mode"], "active");
    assert_eq!(event["source"], json!({ "type": "user", "userId": ann() }));
    assert_eq!(event["deliveryContext"], json!({ "isRedelivery": false }));
    assert!(event["timestamp"].as_i64().unwrap() > 1_700_000_000_000);
    let id = event["webhookEventId"].as_str().unwrap();
    assert!(id.len() == 26 && id.bytes().all(|digit| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&digit)));
    assert!(id.starts_with("01"), "a ULID begins with its time");
    assert_eq!(event["replyToken"].as_str().unwrap().len(), 32);
    let message = &event["message"];
    assert_eq!((&message["type"], &message["text"]), (&json!("text"), &json!("สวัสดี")));
    let id = message["id"].as_str().unwrap();
    assert!(id.len() == 18 && id.parse::<u64>().is_ok());
    assert!(message["quoteToken"].is_string() && message["markAsReadToken"].is_string());
}

/// A signature known from elsewhere, so that maker and checker are not wrong together (RFC 4231, test case 2).
#[test]
fn the_signature_is_hmac_sha256_in_base64() {
    assert_eq!(sign("Jefe", b"what do ya want for nothing?"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

#[tokio::test]
async fn each_short_form_becomes_a_whole_event() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let short = |kind: &str| json!({ "type": kind, "userId": ann() });
    // Per kind: the fields that `webhook.yml` requires, and whether the event can be answered.
    for (kind, required) in [
        ("sticker", vec!["packageId", "stickerId", "stickerResourceType", "quoteToken"]),
        ("image", vec!["contentProvider", "quoteToken"]),
        ("video", vec!["contentProvider", "quoteToken", "duration"]),
        ("audio", vec!["contentProvider", "duration"]),
        ("file", vec!["fileName", "fileSize"]),
        ("location", vec!["latitude", "longitude"]),
    ] {
        let event = event(&fake, &receiver, short(kind)).await;
        assert_eq!((&event["type"], &event["message"]["type"]), (&json!("message"), &json!(kind)));
        assert!(event["replyToken"].is_string());
        for field in required {
            assert!(!event["message"][field].is_null(), "{kind} has {field}");
        }
    }
    let follow = event(&fake, &receiver, short("follow")).await;
    assert_eq!(follow["follow"], json!({ "isUnblocked": false }));
    assert!(follow["replyToken"].is_string());
    let unfollow = event(&fake, &receiver, short("unfollow")).await;
    assert!(unfollow.get("replyToken").is_none() && unfollow.get("message").is_none());
    let unsend = event(&fake, &receiver, json!({ "type": "unsend", "userId": ann(), "messageId": "1" })).await;
    assert_eq!((&unsend["unsend"], unsend.get("replyToken")), (&json!({ "messageId": "1" }), None));
    let postback = json!({ "type": "postback", "userId": ann(), "data": "a=1", "params": { "date": "2026-01-01" } });
    let postback = event(&fake, &receiver, postback).await;
    assert_eq!(postback["postback"], json!({ "data": "a=1", "params": { "date": "2026-01-01" } }));
    assert!(postback["replyToken"].is_string());
}

#[tokio::test]
async fn a_form_may_set_time_mode_and_source() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let group = ann().replacen('U', "C", 1);
    let form = json!({ "type": "message", "userId": ann(), "groupId": group, "text": "hi", "timestamp": 5, "mode": "standby" });
    let event = event(&fake, &receiver, form).await;
    assert_eq!(event["timestamp"], 5);
    assert_eq!(event["mode"], "standby");
    assert!(event.get("replyToken").is_none(), "a channel on standby gets no reply token");
    assert_eq!(event["source"], json!({ "type": "group", "groupId": group, "userId": ann() }));
}

#[tokio::test]
async fn a_whole_event_passes_as_it_is_and_only_gaps_are_filled() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let whole = json!({
        "type": "accountLink", "source": { "type": "user", "userId": ann() }, "timestamp": 7,
        "link": { "result": "ok", "nonce": "n" }, "webhookEventId": "01H", "replyToken": "mine",
    });
    let event = event(&fake, &receiver, whole.clone()).await;
    for (name, value) in whole.as_object().unwrap() {
        assert_eq!(&event[name], value);
    }
    assert_eq!(event["deliveryContext"], json!({ "isRedelivery": false }));
    let reply = json!({ "replyToken": "mine", "messages": [{ "type": "text", "text": "linked" }] });
    assert_eq!(fake.post("/v2/bot/message/reply", reply).await.status, 200);
    assert_eq!(fake.line.sent()[0].to, ann());
}

#[tokio::test]
async fn a_redelivery_is_the_same_event_marked_as_such() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let callback = Callback::to(&receiver.url).text(&ann(), "hi").redeliver(2);
    let report = fake.line.callback(callback).await.unwrap();
    assert_eq!(report.posts.iter().map(|post| post.is_redelivery).collect::<Vec<_>>(), [false, true, true]);
    let got = receiver.got();
    assert_eq!(got.len(), 3);
    let first = got[0].events()[0].clone();
    for again in &got[1..] {
        assert_eq!(again.headers["x-line-signature"], sign(&Config::default().channel_secret, &again.body).as_str());
        let mut expected = first.clone();
        expected["deliveryContext"] = json!({ "isRedelivery": true });
        assert_eq!(again.events(), [expected]);
    }
}

#[tokio::test]
async fn events_can_be_many_split_and_turned_round() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let url = || Callback::to(&receiver.url).text(&ann(), "one").text(&user_id("bob"), "two");
    let texts = |from: usize| -> Vec<Vec<String>> {
        let text = |event: Value| event["message"]["text"].as_str().unwrap().to_owned();
        receiver.got()[from..].iter().map(|post| post.events().into_iter().map(text).collect()).collect()
    };
    fake.line.callback(url()).await.unwrap();
    assert_eq!(texts(0), [["one", "two"]]);
    fake.line.callback(Callback { reorder: true, ..url() }).await.unwrap();
    assert_eq!(texts(1), [["two", "one"]]);
    fake.line.callback(Callback { split: true, reorder: true, ..url() }).await.unwrap();
    assert_eq!(texts(2), [["two"], ["one"]]);
    let many = Callback { count: 25, split: true, concurrency: 8, ..url() };
    let report = fake.line.callback(many).await.unwrap();
    assert_eq!((report.posts.len(), receiver.got().len()), (50, 54));
    assert!(report.posts.iter().all(|post| post.status == Some(200)));
    let ids: HashSet<&str> = report.events.iter().map(|event| event["webhookEventId"].as_str().unwrap()).collect();
    let messages: HashSet<&str> = (0..50).map(|at| report.message_id(at).unwrap()).collect();
    assert_eq!((ids.len(), messages.len()), (50, 50));
}

#[tokio::test]
async fn a_bad_signature_is_well_formed_but_wrong() {
    let fake = fake().await;
    let receiver = Receiver::start(401).await;
    let callback = Callback { bad_signature: true, ..Callback::to(&receiver.url).text(&ann(), "hi") };
    let report = fake.line.callback(callback).await.unwrap();
    assert_eq!((report.status(), report.posts[0].error.as_deref()), (Some(401), Some("error_status_code")));
    let posted = &receiver.got()[0];
    let right = sign(&Config::default().channel_secret, &posted.body);
    let given = posted.headers["x-line-signature"].to_str().unwrap();
    assert!(given != right && given.len() == right.len());
}

#[tokio::test]
async fn failures_are_named_as_lines_error_statistics_name_them() {
    let hasty = fake_with(Config { webhook_timeout: Duration::from_millis(50), ..Config::default() }).await;
    let silent = Receiver::start(0).await;
    let report = hasty.line.callback(Callback::to(&silent.url).text(&ann(), "hi")).await.unwrap();
    assert_eq!((report.status(), report.posts[0].error.as_deref()), (None, Some("request_timeout")));
    let fake = fake().await;
    let free = tokio::net::TcpListener::bind(crate::support::here()).await.unwrap();
    let nobody = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let report = fake.line.callback(Callback::to(nobody).text(&ann(), "hi")).await.unwrap();
    assert_eq!(report.posts[0].error.as_deref(), Some("could_not_connect"));
    let report = fake.line.callback(Callback::to("https://127.0.0.1/").text(&ann(), "hi")).await.unwrap();
    assert!(report.posts[0].error.as_deref().unwrap().contains("http addresses only"));
}

#[tokio::test]
async fn a_wrong_order_is_explained() {
    let fake = fake().await;
    for (form, part) in [
        (json!({ "type": "message", "userId": "ann", "text": "hi" }), "not an id"),
        (json!({ "type": "message", "userId": ann() }), "has a text"),
        (json!({ "type": "beacon", "userId": ann() }), "no short form"),
        (json!({ "type": "unsend", "userId": ann() }), "messageId"),
        (json!("hi"), "an object"),
        (json!({ "userId": ann() }), "has a type"),
        (json!({ "type": "message", "text": "hi" }), "names its userId"),
    ] {
        let mistake = fake.line.callback(Callback::to("http://127.0.0.1:9/").event(form)).await.unwrap_err();
        assert!(mistake.contains(part), "{mistake}");
    }
    assert!(fake.line.callback(Callback::default()).await.unwrap_err().contains("no url"));
}

#[tokio::test]
async fn the_webhook_endpoint_can_be_set_and_tested() {
    let fake = fake_with(Config { allow_http: true, ..Config::default() }).await;
    let endpoint = "/v2/bot/channel/webhook/endpoint";
    assert_eq!(fake.get(endpoint).await.status, 404);
    assert_eq!(fake.post("/v2/bot/channel/webhook/test", json!({})).await.status, 400);
    assert_eq!(fake.put(endpoint, json!({ "endpoint": "nonsense" })).await.message(), "Invalid webhook endpoint URL");
    let receiver = Receiver::start(200).await;
    assert_eq!(fake.put(endpoint, json!({ "endpoint": receiver.url })).await.status, 200);
    assert_eq!(fake.get(endpoint).await.json(), json!({ "endpoint": receiver.url, "active": true }));
    let tested = fake.post("/v2/bot/channel/webhook/test", json!({})).await.json();
    assert_eq!(
        (&tested["success"], &tested["statusCode"], &tested["reason"]),
        (&json!(true), &json!(200), &json!("OK"))
    );
    assert!(tested["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(receiver.got()[0].events(), Vec::<Value>::new());
    let refusing = Receiver::start(500).await;
    let tested = fake.post("/v2/bot/channel/webhook/test", json!({ "endpoint": refusing.url })).await.json();
    assert_eq!((&tested["success"], &tested["reason"]), (&json!(false), &json!("error_status_code")));
    let report = fake.line.callback(Callback::default().text(&ann(), "hi")).await.unwrap();
    assert_eq!(report.status(), Some(200), "a callback without a url goes to the endpoint that was set");
}

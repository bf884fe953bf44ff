//! The control interface over HTTP: the same strings from another process.

use serde_json::{Value, json};
use simulator::line::Config;

use crate::support::{KEY, PUSH, Receiver, ann, fake, fake_with, push_body, text};

#[tokio::test]
async fn what_was_sent_can_be_read_and_forgotten() {
    let fake = fake().await;
    for words in ["one", "two", "three"] {
        fake.push(words).await;
    }
    fake.push_with_key(KEY, "four").await.unwrap();
    let sent = fake.get("/_control/sent").await.json();
    assert_eq!(sent.as_array().unwrap().len(), 4);
    assert_eq!(sent[3]["to"], ann());
    assert_eq!(sent[3]["message"], text("four"));
    assert_eq!((&sent[3]["route"], &sent[3]["retryKey"]), (&json!("push"), &json!(KEY)));
    assert_eq!(sent[3]["order"], 4);
    assert!(sent[3]["requestId"].is_string() && sent[3]["messageId"].is_string() && sent[3]["at"].is_i64());
    let page = fake.get("/_control/sent?after=1&limit=2").await.json();
    let orders: Vec<&Value> = page.as_array().unwrap().iter().map(|sent| &sent["order"]).collect();
    assert_eq!(orders, [2, 3]);
    assert_eq!(fake.get("/_control/sent/count").await.json(), json!({ "count": 4 }));
    assert_eq!(fake.delete("/_control/sent").await.status, 200);
    assert_eq!(fake.get("/_control/sent").await.json(), json!([]));
    fake.push("five").await;
    assert_eq!(fake.get("/_control/sent?after=4").await.json()[0]["order"], 5);
    assert_eq!(fake.line.wait_for_sent(5).await.len(), 1);
}

#[tokio::test]
async fn every_request_is_recorded_but_no_order() {
    let fake = fake().await;
    fake.push_with_key(KEY, "one").await.unwrap();
    fake.raw("GET", "/v2/bot/info?a=b", &[], "").await.unwrap();
    fake.get("/_control/sent").await;
    let requests = fake.get("/_control/requests").await;
    assert!(!String::from_utf8_lossy(&requests.bytes).contains("Bearer token"));
    let requests = requests.json();
    assert_eq!(requests.as_array().unwrap().len(), 2);
    assert_eq!((&requests[0]["method"], &requests[0]["path"]), (&json!("POST"), &json!(PUSH)));
    assert_eq!((&requests[0]["status"], &requests[1]["status"]), (&json!(200), &json!(401)));
    assert_eq!(requests[0]["body"], push_body("one").to_string());
    assert_eq!(requests[1]["path"], "/v2/bot/info?a=b");
    let headers = requests[0]["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-line-retry-key", KEY])));
    fake.delete("/_control/requests").await;
    assert_eq!(fake.get("/_control/requests").await.json(), json!([]));
}

#[tokio::test]
async fn only_the_last_requests_are_kept() {
    let fake = fake_with(Config { requests_kept: 3, ..Config::default() }).await;
    for _ in 0..5 {
        fake.get("/v2/bot/info").await;
    }
    let kept: Vec<(u64, Option<u16>)> =
        fake.line.requests().iter().map(|request| (request.order, request.status)).collect();
    assert_eq!(kept, [(3, Some(200)), (4, Some(200)), (5, Some(200))]);
    assert_eq!(fake.get("/_control/requests?after=4").await.json()[0]["order"], 5);
}

#[tokio::test]
async fn faults_come_as_one_or_as_a_list() {
    let fake = fake().await;
    let one = json!({ "kind": "error", "accepted": true, "times": 1, "path": "/v2/bot/message/push" });
    assert_eq!(fake.post("/_control/faults", one).await.status, 200);
    let list = json!([{ "kind": "rateLimited", "times": 1 }, { "kind": "cut", "accepted": false, "probability": 0.0 }]);
    assert_eq!(fake.post("/_control/faults", list).await.status, 200);
    assert_eq!(fake.get("/_control/faults").await.json().as_array().unwrap().len(), 3);
    assert_eq!(fake.push("a").await.status, 500);
    assert_eq!(fake.line.sent_count(), 1);
    assert_eq!(fake.push("b").await.status, 429);
    assert_eq!(fake.push("c").await.status, 200, "a fault of no chance never shows");
    fake.post("/_control/faults", json!({ "kind": "timeout", "ms": null })).await;
    assert_eq!(fake.delete("/_control/faults").await.status, 200);
    assert_eq!(fake.push("d").await.status, 200);
    assert_eq!(fake.post("/_control/faults", json!({ "kind": "plague" })).await.status, 400);
}

#[tokio::test]
async fn the_quota_is_set_in_lines_own_words() {
    let fake = fake().await;
    assert_eq!(
        fake.put("/_control/quota", json!({ "type": "limited", "value": 5, "totalUsage": 5 })).await.status,
        200
    );
    assert_eq!(fake.push("over").await.status, 429);
    assert_eq!(fake.put("/_control/quota", json!({ "totalUsage": 4 })).await.status, 200);
    assert_eq!(fake.push("last").await.status, 200);
    assert_eq!(fake.get("/v2/bot/message/quota/consumption").await.json(), json!({ "totalUsage": 5 }));
    assert_eq!(fake.put("/_control/quota", json!({ "type": "none" })).await.status, 200);
    assert_eq!(fake.push("free").await.status, 200);
    for wrong in [json!({ "type": "limited" }), json!({ "type": "none", "value": 1 }), json!({ "limit": 1 })] {
        assert_eq!(fake.put("/_control/quota", wrong).await.status, 400);
    }
}

#[tokio::test]
async fn a_callback_by_order_tells_what_the_receiver_said() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let order = json!({
        "url": receiver.url, "redeliver": 1,
        "events": [{ "type": "message", "userId": ann(), "text": "hi" }, { "type": "sticker", "userId": ann() }],
    });
    let report = fake.post("/_control/callback", order).await.json();
    assert_eq!(report["posts"].as_array().unwrap().len(), 2);
    assert_eq!((&report["posts"][0]["status"], &report["posts"][1]["isRedelivery"]), (&json!(200), &json!(true)));
    assert!(report["posts"][0]["ms"].is_u64());
    assert_eq!(report["posts"][0]["events"][1], report["events"][1]["webhookEventId"]);
    assert!(report["events"][0]["replyToken"].is_string() && report["events"][0]["message"]["id"].is_string());
    assert_eq!(receiver.got().len(), 2);
    let token = &report["events"][0]["replyToken"];
    fake.post("/_control/clock", json!({ "advanceMs": 61_000 })).await;
    let reply = json!({ "replyToken": token, "messages": [text("late")] });
    assert_eq!(fake.post("/v2/bot/message/reply", reply).await.message(), "Invalid reply token");
    let misspelt = fake.post("/_control/callback", json!({ "url": receiver.url, "event": [] })).await;
    assert_eq!(misspelt.status, 400);
    assert!(misspelt.message().contains("unknown field"));
}

#[tokio::test]
async fn an_unknown_order_is_not_found() {
    let fake = fake().await;
    assert_eq!(fake.get("/_control/everything").await.status, 404);
    assert_eq!(fake.delete("/_control/quota").await.status, 404);
}

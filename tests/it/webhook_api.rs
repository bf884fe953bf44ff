//! The operations about subscriptions: managing them, secrets that are replaced, what became of deliveries, sending again.

use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sala::event::{self, Event, catalogue};
use sala::job;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::line::FaultKind;

use crate::app::{COMPANY, TestApp};
use crate::fake::Fake;
use crate::inbox::write;
use crate::receiver::{Answer, Got, Receiver};

async fn shop() -> TestApp {
    TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 5;
    })
    .await
}

/// Makes a subscription through the API.
async fn subscribe(app: &TestApp, receiver: &Receiver, more: Value) -> Value {
    let mut body = json!({"url": receiver.url});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = app.post("/v1/webhooks", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.data().clone()
}

fn path(webhook: &Value, rest: &str) -> String {
    format!("/v1/webhooks/{}{rest}", webhook["webhookId"])
}

/// Something that happened, about a subject of its own.
async fn happen(app: &TestApp, topic: &'static str, name: &'static str, subject: &str) {
    let record =
        json!({"id": subject, "roomId": subject, "content": "words of a person", "platform": 1, "user": {"id": "U"}});
    let body = event::body(topic, name, "ChatMessage", &record).unwrap();
    let event = Event { company: COMPANY, topic, name, subject, place: 1, body, at: app.app.now() };
    let told = app.app.db.write(async |mut tx| {
        let event = Event { body: event.body.clone(), ..event };
        event::emit(&mut tx, &event).await
    });
    told.await.unwrap();
}

fn is_signed(secret: &Value, got: &Got) -> bool {
    let key = STANDARD.decode(secret.as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", got.header("webhook-id"), got.header("webhook-timestamp"), got.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test]
async fn a_subscription_is_made_changed_paused_and_removed() {
    let app = shop().await;
    let receiver = Receiver::start().await;
    let wrong = app
        .post(
            "/v1/webhooks",
            json!({"url": "ftp://x", "topics": ["Chat", "Chats"], "payload": "most", "parallel": 0, "ratePerSecond": -1,
                   "state": "tired"}),
        )
        .await;
    let fields: Vec<&str> = wrong.errors().into_iter().map(|(_, field)| field).collect();
    assert_eq!(fields, ["url", "topics[1]", "payload", "parallel", "ratePerSecond", "state"]);
    assert_eq!(app.post("/v1/webhooks", json!({})).await.errors(), [("required", "url")]);

    let made = subscribe(&app, &receiver, json!({"topics": ["chat", "customer.CREATED"], "description": "Shop"})).await;
    assert_eq!((&made["topics"], &made["state"]), (&json!(["Chat", "Customer.Created"]), &json!("active")));
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let read = app.get(&path(&made, "")).await;
    assert_eq!((read.data()["description"].as_str(), read.data().get("secret")), (Some("Shop"), None), "shown once");
    let tag = read.header("etag").to_owned();
    let listed = app.get("/v1/webhooks").await;
    assert_eq!((&listed.data()["total"], &listed.data()["value"][0]), (&json!(1), read.data()));

    let put = async |headers: &[(&str, &str)], body: Value| {
        app.request(Method::PUT, &path(&made, ""), headers, Some(body)).await
    };
    let changed = put(&[("if-match", &tag)], json!({"topics": [], "payload": "thin", "parallel": 2})).await;
    assert_eq!(
        (changed.status, &changed.data()["payload"], &changed.data()["url"]),
        (200, &json!("thin"), &made["url"])
    );
    assert_eq!(put(&[("if-match", &tag)], json!({"payload": "full"})).await.status, 412);

    happen(&app, "Chat", "Message", "a").await;
    put(&[], json!({"state": "paused"})).await;
    happen(&app, "Chat", "Message", "b").await;
    app.run_jobs().await;
    assert!(receiver.got().is_empty(), "a paused subscription hears nothing");
    assert_eq!(app.get(&path(&made, "")).await.data()["stateReason"], "paused by hand");
    put(&[], json!({"state": "active"})).await;
    let missed = app.post(&path(&made, "/replay"), json!({"from": "2020-01-01"})).await;
    assert_eq!(missed.data()["count"], 2);
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 2);

    assert_eq!(app.request(Method::DELETE, &path(&made, ""), &[], None).await.status, 200);
    for (method, rest) in [(Method::GET, ""), (Method::PUT, ""), (Method::DELETE, ""), (Method::POST, "/test")] {
        let body = (method == Method::PUT).then(|| json!({}));
        assert_eq!(app.request(method.clone(), &path(&made, rest), &[], body).await.status, 404, "{method} {rest}");
    }
    let trail = app.get("/v1/audit?ref=webhook/1").await;
    let actions: Vec<&str> =
        trail.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["deleted", "updated", "updated", "updated", "created"]);
    assert!(!trail.text.contains("whsec_"));
}

#[tokio::test]
async fn a_secret_that_is_replaced_signs_for_another_day() {
    let mut app = shop().await;
    let receiver = Receiver::start().await;
    let made = subscribe(&app, &receiver, json!({})).await;
    let replaced = app.post(&path(&made, "/rotate-secret"), json!({})).await;
    let (old, new) = (&made["secret"], &replaced.data()["secret"]);
    assert_ne!(old, new);
    happen(&app, "Chat", "Message", "a").await;
    app.run_jobs().await;
    let got = receiver.got();
    assert_eq!(got[0].header("webhook-signature").split(' ').count(), 2);
    assert!(is_signed(old, &got[0]) && is_signed(new, &got[0]));
    app.advance(Duration::from_secs(24 * 60 * 60 + 1));
    app.token = app.token_for(&app.client).await;
    assert_eq!(app.get(&path(&made, "")).await.data()["oldSecretUntil"], Value::Null);
    happen(&app, "Chat", "Message", "a").await;
    app.run_jobs().await;
    let got = receiver.got();
    assert!(!is_signed(old, &got[1]) && is_signed(new, &got[1]));
}

#[tokio::test]
async fn deliveries_show_what_was_sent_and_answered_and_go_out_again() {
    let app = shop().await;
    let receiver = Receiver::start().await;
    let made = subscribe(&app, &receiver, json!({})).await;
    receiver.answer([Answer::Status(500)]);
    happen(&app, "Chat", "Message", "a").await;
    app.run_jobs().await;
    app.advance(Duration::from_secs(6));
    app.run_jobs().await;
    let shown = app.get(&path(&made, "/deliveries")).await.data()["value"][0].clone();
    assert_eq!((&shown["state"], &shown["tries"]), (&json!("delivered"), &json!(2)));
    assert_eq!((&shown["topic"], &shown["event"]), (&json!("Chat"), &json!("Message")));
    assert_eq!(shown["eventId"], receiver.got()[0].header("webhook-id"));
    assert_eq!(shown["request"]["body"], serde_json::from_str::<Value>(&receiver.got()[0].body).unwrap());
    assert_eq!((&shown["answer"]["status"], &shown["answer"]["body"]), (&json!(200), &json!("{\"ok\":true}")));
    let failed = &shown["failedTries"];
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["status"]), (1, &json!(500)));
    assert_eq!(failed[0]["error"], "the receiver answered 500");

    let again = format!("/v1/webhooks/deliveries/{}/replay", shown["deliveryId"].as_str().unwrap());
    assert_eq!(app.post(&again, json!({})).await.status, 200);
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 3);
    assert_eq!(receiver.got()[2].header("webhook-id"), receiver.got()[0].header("webhook-id"));
    let other = app.tenant(508, &["webhook:read", "webhook:write"]).await;
    for (method, path) in [(Method::POST, again.clone()), (Method::GET, path(&made, "/deliveries"))] {
        assert_eq!(app.request_as(&other.token, method, &path, Some(json!({}))).await.status, 404, "{path}");
    }
    for wrong in ["1", "1-2", "x-01936d1c-8a4e-7bb1-9d0e-2f1f2d1c7a55", "9-01936d1c-8a4e-7bb1-9d0e-2f1f2d1c7a55"] {
        assert_eq!(
            app.post(&format!("/v1/webhooks/deliveries/{wrong}/replay"), json!({})).await.status,
            404,
            "{wrong}"
        );
    }

    happen(&app, "Chat", "Message", "b").await;
    app.run_jobs().await;
    let page = app.get(&path(&made, "/deliveries?take=1")).await.data().clone();
    let next = app.get(&path(&made, &format!("/deliveries?take=1&before={}", page["next"].as_str().unwrap()))).await;
    assert_eq!(next.data()["value"][0]["deliveryId"], shown["deliveryId"]);
    assert_eq!(app.get(&path(&made, "/deliveries?state=failed")).await.data()["value"], json!([]));
    let missed = app.post(&path(&made, "/replay"), json!({"from": "2020-01-01"})).await;
    assert_eq!(missed.data()["count"], 0, "nothing was missed");
    let past = app.post(&path(&made, "/replay"), json!({"from": "2020-01-01", "to": "2020-12-31", "all": true})).await;
    assert_eq!(past.data()["count"], 0);
    let all = app.post(&path(&made, "/replay"), json!({"from": "2020-01-01", "all": true})).await;
    assert_eq!(all.data()["count"], 2);
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 6);
    let wrong = app.post(&path(&made, "/replay"), json!({"from": "soon", "to": "2020-01-01"})).await;
    assert_eq!(wrong.errors()[0].1, "from");
}

#[tokio::test]
async fn a_subscription_hears_what_it_names_and_as_much_as_it_wants() {
    let app = shop().await;
    let (all, named, topic, thin) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await);
    subscribe(&app, &all, json!({})).await;
    subscribe(&app, &named, json!({"topics": ["Chat.MessageStatus"]})).await;
    subscribe(&app, &topic, json!({"topics": ["Chat"]})).await;
    subscribe(&app, &thin, json!({"topics": ["Chat.Message"], "payload": "thin"})).await;
    happen(&app, "Chat", "Message", "a").await;
    happen(&app, "Customer", "Created", "b").await;
    let room = app.sandbox_room().await;
    assert_eq!(app.send(&room, "ค่ะ").await.status, 201);
    app.run_jobs().await;
    let names = |receiver: &Receiver| -> Vec<String> {
        let bodies = receiver.got().into_iter().map(|got| serde_json::from_str::<Value>(&got.body).unwrap());
        let mut names: Vec<String> =
            bodies.map(|body| format!("{}.{}", body["Topic"], body["Event"]).replace('"', "")).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&all), ["Chat.Message", "Customer.Created"], "what is told by name only is not among all");
    assert_eq!(names(&named), ["Chat.MessageStatus"]);
    assert_eq!(names(&topic), ["Chat.Message"]);
    let body: Value = serde_json::from_str(&thin.got()[0].body).unwrap();
    assert_eq!(body["Data"], json!({"ChatMessage": {"Id": "a", "RoomId": "a"}}));
}

#[tokio::test]
async fn a_message_that_goes_out_is_told_by_name_and_then_how_far_it_has_come() {
    let fake = Fake::with("yes", |config| config.allow_private_webhooks = true, |_| {}).await;
    let receiver = Receiver::start().await;
    subscribe(&fake.app, &receiver, json!({"topics": ["Chat.StaffMessage", "Chat.MessageStatus"]})).await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Error { status: 400, accepted: false }, "/v2/bot/message/push", 1);
    let bad = fake.send(&room, "bad").await;
    fake.run().await;
    fake.send(&room, "good").await;
    fake.run().await;
    assert_eq!(fake.app.post(&format!("/v1/chat/message/{bad}/retry"), json!({})).await.status, 200);
    fake.run().await;
    let got = receiver.got();
    let told: Vec<(String, String, String)> = got
        .iter()
        .map(|got| {
            let body: Value = serde_json::from_str(&got.body).unwrap();
            let (message, text) = (got.message(), |value: &Value| value.as_str().unwrap().to_owned());
            (text(&body["Event"]), text(&message["Content"]), text(&message["DeliveryStatus"]))
        })
        .collect();
    let wanted = [
        ("StaffMessage", "bad", "pending"),
        ("MessageStatus", "bad", "failed"),
        ("StaffMessage", "good", "pending"),
        ("MessageStatus", "good", "sent"),
        ("MessageStatus", "bad", "sent"),
    ];
    assert_eq!(told, wanted.map(|(event, content, state)| (event.to_owned(), content.to_owned(), state.to_owned())));
    for got in &got {
        let message = got.message();
        assert_eq!((&message["Platform"], &message["User"]["Type"]), (&json!(1), &json!("client")), "{message}");
        assert_eq!(message["RoomId"], room.as_str());
    }
}

#[tokio::test]
async fn rooms_that_are_given_closed_and_opened_again_are_told_by_name() {
    let app = shop().await;
    let (receiver, topic) = (Receiver::start().await, Receiver::start().await);
    subscribe(&app, &receiver, json!({"topics": ["Chat.RoomAssigned", "Chat.RoomClosed", "Chat.RoomReopened"]})).await;
    subscribe(&app, &topic, json!({"topics": ["Chat"]})).await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let rules = json!({"rules": [{"mode": "round_robin"}]});
    assert_eq!(app.request(Method::PUT, "/v1/console/assignment", &[], Some(rules)).await.status, 200);
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let room = format!("/v1/console/rooms/{id}");
    let change = json!({"status": "closed", "assignee": null});
    assert_eq!(app.as_person(&nok, Method::PATCH, &room, Some(change)).await.status, 200);
    write(&app, &account, "U1", "ยังอยู่ไหม").await;
    app.run_jobs().await;
    let told: Vec<Value> = receiver
        .got()
        .iter()
        .map(|got| {
            let body: Value = serde_json::from_str(&got.body).unwrap();
            let room = &body["Data"]["Room"];
            let place = json!([room["RoomId"], room["AccountId"], room["Platform"]]);
            assert_eq!(place, json!([id, account, 1]));
            json!([body["Event"], room["Actor"], room["Status"], room["AssigneeId"]])
        })
        .collect();
    let wanted = [
        json!(["RoomAssigned", "rule", "open", nok.id]),
        json!(["RoomAssigned", nok.id, "closed", null]),
        json!(["RoomClosed", nok.id, "closed", null]),
        json!(["RoomReopened", "system", "open", null]),
        json!(["RoomAssigned", "rule", "open", nok.id]),
    ];
    assert_eq!(told, wanted);
    assert_eq!(topic.got().len(), 2, "the topic alone is the customer's two messages");
}

#[tokio::test]
async fn a_receiver_that_is_gone_ends_its_subscription_and_others_hear_of_it() {
    let app = shop().await;
    let (gone, told) = (Receiver::start().await, Receiver::start().await);
    let made = subscribe(&app, &gone, json!({"topics": ["Chat"]})).await;
    subscribe(&app, &told, json!({"topics": ["Webhook.Ended"]})).await;
    gone.always(Some(Answer::Status(410)));
    for subject in ["a", "b", "c"] {
        happen(&app, "Chat", "Message", subject).await;
    }
    app.run_jobs().await;
    assert_eq!(gone.got().len(), 1);
    let shown = app.get(&path(&made, "")).await;
    assert_eq!(shown.data()["state"], "ended");
    assert!(shown.data()["stateReason"].as_str().unwrap().contains("410"));
    assert!(told.got()[0].body.contains("\"Event\":\"Ended\""), "{}", told.got()[0].body);
    happen(&app, "Chat", "Message", "d").await;
    app.advance(Duration::from_secs(24 * 60 * 60));
    app.run_jobs().await;
    assert_eq!(gone.got().len(), 1);
}

#[tokio::test]
async fn a_test_says_what_the_receiver_answered_and_leaves_nothing_behind() {
    let app = shop().await;
    let receiver = Receiver::start().await;
    let made = subscribe(&app, &receiver, json!({"state": "paused"})).await;
    let tested = app.post(&path(&made, "/test"), json!({})).await;
    assert_eq!((&tested.data()["delivered"], &tested.data()["status"]), (&json!(true), &json!(200)));
    assert!(is_signed(&made["secret"], &receiver.got()[0]));
    receiver.answer([Answer::Status(404), Answer::Cut]);
    let refused = app.post(&path(&made, "/test"), json!({})).await;
    assert_eq!((&refused.data()["delivered"], &refused.data()["status"]), (&json!(false), &json!(404)));
    assert_eq!(refused.data()["answer"], "{\"ok\":true}");
    let cut = app.post(&path(&made, "/test"), json!({})).await;
    assert_eq!(cut.data()["status"], Value::Null);
    assert_eq!(app.get(&path(&made, "/deliveries")).await.data()["value"], json!([]));
}

#[tokio::test]
async fn a_subscription_gets_no_more_at_once_and_no_faster_than_it_asks_for() {
    let app = shop().await;
    let (narrow, slow) = (Receiver::start().await, Receiver::start().await);
    narrow.always(Some(Answer::Hang));
    subscribe(&app, &narrow, json!({"parallel": 2})).await;
    subscribe(&app, &slow, json!({"ratePerSecond": 1})).await;
    for subject in 0..60 {
        happen(&app, "Chat", "Message", &format!("room-{subject}")).await;
    }
    let node = job::start(&app.app).await.unwrap();
    let both = async {
        narrow.wait(2).await;
        slow.wait(1).await;
    };
    tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    node.stop(Duration::from_millis(10)).await;
    assert_eq!(narrow.got().len(), 2);
    assert!(slow.got().len() < 60, "{}", slow.got().len());
}

#[tokio::test]
async fn one_dead_receiver_among_a_hundred_slows_no_other() {
    let app = TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 600;
    })
    .await;
    let dead = Receiver::start().await;
    dead.always(Some(Answer::Hang));
    subscribe(&app, &dead, json!({})).await;
    let mut others = Vec::new();
    for _ in 1..100 {
        let receiver = Receiver::start().await;
        subscribe(&app, &receiver, json!({})).await;
        others.push(receiver);
    }
    for subject in 0..80 {
        happen(&app, "Chat", "Message", &format!("room-{subject}")).await;
    }
    let node = job::start(&app.app).await.unwrap();
    for receiver in &others {
        let all = tokio::time::timeout(Duration::from_secs(120), receiver.wait(80)).await;
        assert_eq!(all.expect("every other receiver gets everything").len(), 80);
    }
    assert!(dead.got().len() <= 64, "the dead one holds its own places only");
    node.stop(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn the_catalogue_is_what_the_document_the_api_and_the_code_say() {
    let app = shop().await;
    let document = crate::every_endpoint::document();
    let listed = app.get("/v1/webhooks/events").await.data()["value"].as_array().unwrap().clone();
    let operations = document["webhooks"].as_object().unwrap();
    assert_eq!((listed.len(), operations.len()), (catalogue::all().count(), catalogue::all().count()));
    for told in &listed {
        let id = format!("on{}{}", told["topic"].as_str().unwrap(), told["event"].as_str().unwrap());
        let operation = operations.values().find(|item| item["post"]["operationId"] == id.as_str());
        let operation = operation.unwrap_or_else(|| panic!("{id} is not in the document"));
        let schema = &operation["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["properties"]["Topic"]["enum"][0], told["topic"]);
        assert!(schema["properties"]["Data"]["properties"].get(told["data"].as_str().unwrap()).is_some(), "{schema}");
    }
    let message = &document["webhooks"]["chatMessage"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        ["properties"]["Data"]["properties"]["ChatMessage"]["$ref"];
    let name = message.as_str().unwrap().rsplit('/').next().unwrap();
    let properties = &document["components"]["schemas"][name]["properties"];
    for property in ["RoomId", "Platform", "Content", "User", "IsFirstCustomerMessage"] {
        assert!(properties.get(property).is_some(), "{property} of {name}");
    }
    // A record whose events nobody could subscribe to would be forgotten here.
    let topics = catalogue::topics();
    let mut sources = String::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if !path.ends_with("event/catalogue.rs") {
                sources.push_str(&text);
            }
            for line in text.lines() {
                let Some(rest) = line.trim().strip_prefix("const TOPIC: &'static str = \"") else { continue };
                let topic = rest.split('"').next().unwrap();
                assert!(topics.contains(&topic), "{topic} of {} is not in the catalogue", path.display());
                found += 1;
            }
        }
    }
    assert!(found < 1_000);
    // What is raised and not listed fails in `event::emit`; what is listed must be raised somewhere.
    for told in catalogue::all() {
        let is_raised = sources.contains(&format!("\"{}\"", told.name));
        assert!(is_raised, "{}.{} is in the catalogue, and nothing raises it", told.topic, told.name);
    }
}

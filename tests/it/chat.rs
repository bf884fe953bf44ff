//! Sending a message and reading it back.

use std::collections::BTreeMap;

use axum::http::Method;
use channel::Platform;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{COMPANY, TestApp, text_message};

const SEND: &str = "/v1/chat/message";

/// A message of another kind.
fn message(room: &str, kind: &str, content: &str) -> Value {
    let mut message = text_message(room, content);
    message["type"] = json!(kind);
    message
}

#[tokio::test]
async fn a_message_is_stored_answered_and_delivered() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let sent = app.send(&room, "Hello, world").await;
    assert_eq!(sent.status, 201);
    assert_eq!(sent.body["status"], json!({"code": "1000", "description": "Success"}));
    let data = sent.data().clone();
    let id = data["id"].as_str().unwrap();
    let expected = json!({
        "vwId": "1",
        "id": Uuid::parse_str(id).unwrap().to_string(),
        "roomId": room,
        "platform": "line",
        "user": {
            "id": app.client.client_id,
            "companyId": "507",
            "type": "client",
            "originalName": "Integration",
            "originalName_EN": "",
            "avatar": "",
            "role": "integration",
            "displayName": "Integration",
        },
        "content": "Hello, world",
        "timestamp": app.app.now(),
        "type": "message",
        "deliveryStatus": "pending",
        "traceId": sent.header("x-trace-id"),
        "isFirstCustomerMessage": false,
    });
    assert_eq!(data, expected);
    app.run_jobs().await;
    let mut later = app.message(id).await;
    assert_eq!(later["deliveryStatus"], "delivered");
    // But for its status and the story of its delivery, it is read back as it was answered.
    later["deliveryStatus"] = json!("pending");
    for member in ["cost", "failure", "attempts", "events"] {
        later.as_object_mut().unwrap().remove(member).unwrap();
    }
    assert_eq!(later, expected);
}

#[tokio::test]
async fn forms_of_platform_and_company_that_webhooks_give_are_taken_back() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    for platform in [json!("line"), json!("LINE"), json!(" Line "), json!(1), json!("1")] {
        let mut message = text_message(&room, "Hi");
        message["platform"] = platform;
        message["companyId"] = json!(COMPANY.to_string());
        let sent = app.post(SEND, message).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        assert_eq!(sent.data()["platform"], "line");
    }
    let messenger = app.room_of(COMPANY, Platform::Messenger, "M1").await;
    for platform in [json!("messenger"), json!(2), json!("2")] {
        let mut message = text_message(&messenger, "Hi");
        message["platform"] = platform;
        assert_eq!(app.post(SEND, message).await.data()["platform"], "messenger");
    }
}

#[tokio::test]
async fn names_in_other_letter_case_unknown_members_and_other_scalars_are_read() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let sent = app
        .post(
            SEND,
            json!({"RoomId": room.to_uppercase(), "CONTENT": 12345, "Type": "Message", "platForm": "line",
                   "companyid": 507.0, "note": null, "user": {"id": 1}}),
        )
        .await;
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(sent.data()["content"], "12345");
    assert_eq!(sent.data()["roomId"], room.as_str());
}

#[tokio::test]
async fn every_kind_that_line_carries_is_taken() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let place = r#"{"title":"Shop","address":"1 Silom","latitude":13.75,"longitude":100.5}"#;
    for (kind, content, answered_kind, answered) in [
        ("message", "สวัสดี 👋", "message", "สวัสดี 👋"),
        ("text", "Hi", "message", "Hi"),
        ("TEXT", " kept as it is\n", "message", " kept as it is\n"),
        ("image", "https://example.com/a.jpg", "image", "https://example.com/a.jpg"),
        (
            "video",
            r#"{"url":"https://example.com/a.mp4","preview":"https://example.com/a.jpg"}"#,
            "video",
            "https://example.com/a.mp4",
        ),
        ("audio", "https://example.com/a.m4a", "audio", "https://example.com/a.m4a"),
        ("file", "https://example.com/a.pdf", "file", "https://example.com/a.pdf"),
        ("sticker", "446:1988", "sticker", "446:1988"),
    ] {
        let sent = app.post(SEND, message(&room, kind, content)).await;
        assert_eq!(sent.status, 201, "{kind}: {sent:?}");
        assert_eq!((&sent.data()["type"], &sent.data()["content"]), (&json!(answered_kind), &json!(answered)));
    }
    let sent = app.post(SEND, message(&room, "location", place)).await;
    let answered: Value = serde_json::from_str(sent.data()["content"].as_str().unwrap()).unwrap();
    assert_eq!(answered, serde_json::from_str::<Value>(place).unwrap());
}

#[tokio::test]
async fn what_a_platform_cannot_carry_is_a_named_fault() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    for (kind, content, fault) in [
        ("poll", "yes or no", ("unsupported_type", "type")),
        ("", "Hi", ("required", "type")),
        ("message", "", ("required", "content")),
        ("message", " \n", ("required", "content")),
        ("image", "http://example.com/a.jpg", ("invalid_url", "content")),
        ("image", "a.jpg", ("invalid_url", "content")),
        ("video", "https://example.com/a.mp4", ("required", "content")),
        ("sticker", "446", ("invalid_format", "content")),
        ("sticker", "a:b", ("invalid_format", "content")),
        ("location", "Silom", ("invalid_format", "content")),
        ("location", r#"{"title":"a","address":"b","latitude":91,"longitude":0}"#, ("out_of_range", "content")),
    ] {
        let refused = app.post(SEND, message(&room, kind, content)).await;
        assert_eq!(refused.status, 400, "{kind} {content}: {refused:?}");
        assert_eq!(refused.errors(), [fault], "{kind} {content}");
        assert_eq!(refused.body["status"]["code"], "4001");
        assert!(refused.body["data"].is_null());
    }
    let messenger = app.room_of(COMPANY, Platform::Messenger, "M1").await;
    let mut sticker = message(&messenger, "sticker", "446:1988");
    sticker["platform"] = json!("messenger");
    assert_eq!(app.post(SEND, sticker).await.errors(), [("unsupported_type", "type")]);
}

#[tokio::test]
async fn a_text_has_at_most_5000_utf_16_units_on_line() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let a = |count: usize| "a".repeat(count);
    for fits in [a(5000), "😀".repeat(2500), format!("{}😀", a(4998)), "ก".repeat(5000)] {
        let sent = app.send(&room, &fits).await;
        assert_eq!(sent.status, 201);
        assert_eq!(sent.data()["content"], fits);
    }
    for too_long in [a(5001), format!("{}a", "😀".repeat(2500)), format!("{}😀", a(4999)), "ก".repeat(5001)] {
        assert_eq!(app.send(&room, &too_long).await.errors(), [("too_long", "content")]);
    }
}

#[tokio::test]
async fn rooms_of_others_are_unknown() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let foreign = app.room_of(508, Platform::Line, "U1").await;
    let refused = app.send(&foreign, "Hi").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.errors(), [("unknown_room", "roomId")]);
    let mut unknown = app.send(&Uuid::new_v4().to_string(), "Hi").await;
    unknown.body["traceId"] = refused.body["traceId"].clone();
    assert_eq!(unknown.body, refused.body, "another company's room cannot be told from none");
    assert_eq!(app.send("no uuid", "Hi").await.errors(), [("unknown_room", "roomId")]);
    for (member, value, fault) in [
        ("companyId", json!(508), ("wrong_company", "companyId")),
        ("platform", json!("messenger"), ("wrong_platform", "platform")),
        ("platform", json!(2), ("wrong_platform", "platform")),
        ("platform", json!("fax"), ("unknown_platform", "platform")),
        ("platform", json!(99), ("unknown_platform", "platform")),
    ] {
        let mut wrong = text_message(&room, "Hi");
        wrong[member] = value;
        let refused = app.post(SEND, wrong).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![fault]));
    }
    let history = app.get(&format!("/v1/chat/rooms/{room}/messages")).await;
    assert_eq!(history.data()["value"], json!([]), "nothing of that was stored");
}

#[tokio::test]
async fn every_fault_is_listed_whatever_the_others_are() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let unknown = Uuid::new_v4().to_string();
    for (body, faults) in [
        (
            json!({}),
            vec![
                ("required", "companyId"),
                ("required", "content"),
                ("required", "platform"),
                ("required", "roomId"),
                ("required", "type"),
            ],
        ),
        (
            json!({"roomId": null, "content": null, "type": null, "platform": null, "companyId": null}),
            vec![
                ("required", "companyId"),
                ("required", "content"),
                ("required", "platform"),
                ("required", "roomId"),
                ("required", "type"),
            ],
        ),
        (
            json!({"roomId": unknown, "content": "", "type": "message", "platform": "fax", "companyId": 508}),
            vec![
                ("required", "content"),
                ("unknown_platform", "platform"),
                ("unknown_room", "roomId"),
                ("wrong_company", "companyId"),
            ],
        ),
        // What cannot be read is listed beside what is only wrong.
        (
            json!({"roomId": unknown, "content": ["Hi"], "type": "poll", "platform": "line", "companyId": "many"}),
            vec![
                ("invalid_type", "companyId"),
                ("invalid_type", "content"),
                ("unknown_room", "roomId"),
                ("unsupported_type", "type"),
            ],
        ),
        (
            json!({"roomId": room, "content": "Hi", "platform": "messenger", "companyId": 508}),
            vec![("required", "type"), ("wrong_company", "companyId"), ("wrong_platform", "platform")],
        ),
    ] {
        let refused = app.post(SEND, body.clone()).await;
        let mut found = refused.errors();
        found.sort_unstable();
        assert_eq!((refused.status, found), (400, faults), "{body}");
        assert_eq!(refused.body["status"]["code"], "4002");
        assert!(refused.body["data"].is_null());
        let messages = refused.body["errors"].as_array().unwrap();
        assert!(messages.iter().all(|error| !error["message"].as_str().unwrap().is_empty()));
    }
}

#[tokio::test]
async fn numbers_run_in_each_room() {
    let app = TestApp::new().await;
    let first = app.sandbox_room().await;
    let second = app.room_of(COMPANY, Platform::Line, "U2").await;
    for (room, number) in [(&first, "1"), (&first, "2"), (&second, "1"), (&first, "3"), (&second, "2")] {
        assert_eq!(app.send(room, "Hi").await.data()["vwId"], number);
    }
}

#[tokio::test]
async fn the_trace_id_is_that_of_the_request() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let traced = async |parent: &str| {
        let sent = app.request(Method::POST, SEND, &[("traceparent", parent)], Some(text_message(&room, "Hi"))).await;
        let id = sent.data()["traceId"].as_str().unwrap().to_owned();
        assert_eq!(sent.header("x-trace-id"), id);
        id
    };
    let given = "4bf92f3577b34da6a3ce929d0e0e4736";
    assert_eq!(traced(&format!("00-{given}-00f067aa0ba902b7-01")).await, given);
    let zero = "0".repeat(32);
    for bad in ["nonsense", &format!("00-{zero}-00f067aa0ba902b7-01"), &format!("ff-{given}-00f067aa0ba902b7-01")] {
        let id = traced(bad).await;
        assert_eq!(id.len(), 32);
        assert!(id != given && id != zero, "{bad}");
    }
}

#[tokio::test]
async fn only_a_customers_first_message_is_the_first() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = app.room(&account, "U1").await;
    assert_eq!(app.send(&room, "Welcome").await.data()["isFirstCustomerMessage"], false);
    let say = async |customer: &str| {
        let said = app.post(&format!("/channels/sandbox/{account}/{customer}"), json!({"content": "Hi"})).await;
        assert_eq!(said.status, 201);
        let id = said.data()["id"].as_str().unwrap();
        assert_eq!(app.message(id).await["isFirstCustomerMessage"], said.data()["isFirstCustomerMessage"]);
        said.data()["isFirstCustomerMessage"].as_bool().unwrap()
    };
    assert!(say("U1").await);
    assert!(!say("U1").await);
    assert!(say("U2").await, "another customer has a first message of their own");
    assert_eq!(app.send(&room, "Thanks").await.data()["isFirstCustomerMessage"], false);
}

#[tokio::test]
async fn a_customers_message_names_the_customer() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let said = app
        .post(
            &format!("/channels/sandbox/{account}/U9"),
            json!({"content": "Hi", "name": "สมชาย", "timestamp": 1_700_000_000_000_i64}),
        )
        .await;
    let message = app.message(said.data()["id"].as_str().unwrap()).await;
    let user = &message["user"];
    assert_eq!((&user["type"], &user["role"]), (&json!("customer"), &json!("customer")));
    assert_eq!((&user["displayName"], &user["companyId"]), (&json!("สมชาย"), &json!("507")));
    assert_eq!(message["timestamp"], 1_700_000_000_000_i64);
    assert_eq!(message["deliveryStatus"], "delivered");
}

#[tokio::test]
async fn only_a_failed_message_is_tried_again() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = app.room(&account, "U1").await;
    let sent = app.send(&room, "Hi").await;
    let id = sent.data()["id"].as_str().unwrap();
    let retry = async |id: &str| app.request(Method::POST, &format!("{SEND}/{id}/retry"), &[], None).await;
    let refused = retry(id).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "id")]), "it is still pending");
    app.run_jobs().await;
    assert_eq!(retry(id).await.status, 409, "it was delivered");

    app.sql("update account set state = 'removed'").await;
    app.app.accounts.forget(&account);
    let lost = app.send(&room, "Anybody?").await.data()["id"].as_str().unwrap().to_owned();
    app.run_jobs().await;
    let failed = app.message(&lost).await;
    assert_eq!(failed["deliveryStatus"], "failed");
    assert_eq!(failed["failure"], "the channel account was removed");

    app.sql("update account set state = 'active'").await;
    app.app.accounts.forget(&account);
    let again = retry(&lost).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.data()["deliveryStatus"], "pending");
    assert_eq!(again.data()["vwId"], "2", "it keeps its number");
    app.run_jobs().await;
    let delivered = app.message(&lost).await;
    assert_eq!((&delivered["deliveryStatus"], &delivered["failure"]), (&json!("delivered"), &Value::Null));
    assert_eq!(app.message(id).await["deliveryStatus"], "delivered", "the other one stays as it was");

    let unknown = retry(&Uuid::new_v4().to_string()).await;
    assert_eq!((unknown.status, unknown.errors()), (404, vec![("not_found", "message")]));
}

#[tokio::test]
async fn a_status_only_moves_forward() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let seen = app.send(&room, "Hi").await.data()["id"].as_str().unwrap().to_owned();
    app.sql("update message set delivery = 4").await;
    let lost = app.send(&room, "Ho").await.data()["id"].as_str().unwrap().to_owned();
    app.sql("update message set delivery = 9 where number = 2").await;
    app.send(&room, "Hey").await;
    app.run_jobs().await;
    assert_eq!(app.message(&seen).await["deliveryStatus"], "read", "a delivery that is late says nothing new");
    assert_eq!(app.message(&lost).await["deliveryStatus"], "failed", "only who asks for it gets another try");
}

#[tokio::test]
async fn messages_of_others_are_not_found() {
    let app = TestApp::new().await;
    let stranger = app.tenant(508, &["chat:read", "chat:write"]).await;
    let room = app.sandbox_room().await;
    let id = app.send(&room, "Ours").await.data()["id"].as_str().unwrap().to_owned();
    for (method, path) in [(Method::GET, format!("{SEND}/{id}")), (Method::POST, format!("{SEND}/{id}/retry"))] {
        let refused = app.request_as(&stranger.token, method, &path, None).await;
        assert_eq!((refused.status, refused.errors()), (404, vec![("not_found", "message")]));
    }
    let refused = app.get(&format!("{SEND}/no-uuid")).await;
    assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_value", "id")]));
}

#[tokio::test]
async fn sends_at_the_same_moment_get_numbers_without_gap_or_double() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let mut rooms = Vec::new();
    for customer in ["U1", "U2", "U3", "U4", "U5"] {
        rooms.push(app.room(&account, customer).await);
    }
    let sends = (0..200).map(async |number: usize| {
        let room = &rooms[number % rooms.len()];
        let key = format!("key-{number}");
        // Some go through the queue, some alone with their key, some are at fault.
        let headers: &[(&str, &str)] = if number.is_multiple_of(3) { &[("idempotency-key", &key)] } else { &[] };
        let mut message = text_message(room, &number.to_string());
        if number % 10 == 9 {
            message["platform"] = json!("messenger");
        }
        (room.clone(), app.request(Method::POST, SEND, headers, Some(message)).await)
    });
    let mut numbers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (number, (room, sent)) in join_all(sends).await.into_iter().enumerate() {
        if number % 10 == 9 {
            assert_eq!(sent.errors(), [("wrong_platform", "platform")]);
            continue;
        }
        assert_eq!(sent.status, 201, "{sent:?}");
        numbers.entry(room).or_default().push(sent.data()["vwId"].as_str().unwrap().parse().unwrap());
    }
    assert_eq!(numbers.len(), rooms.len());
    for (room, mut numbers) in numbers {
        numbers.sort_unstable();
        let count = u64::try_from(numbers.len()).unwrap();
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{room}");
    }
    app.run_jobs().await;
    for room in &rooms {
        let history = app.get(&format!("/v1/chat/rooms/{room}/messages?take=200")).await;
        let messages = history.data()["value"].as_array().unwrap().clone();
        assert!(messages.iter().all(|message| message["deliveryStatus"] == "delivered"));
    }
}

#[tokio::test]
async fn a_path_with_another_method_says_which_it_offers() {
    let app = TestApp::new().await;
    let refused = app.get(SEND).await;
    assert_eq!((refused.status, refused.errors()), (405, vec![("method_not_allowed", "")]));
    assert_eq!(refused.header("allow"), "POST");
    let refused = app.get("/v1/chat/nothing").await;
    assert_eq!((refused.status, refused.errors()), (404, vec![("not_found", "")]));
}

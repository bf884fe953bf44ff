//! `Idempotency-Key`: a POST that is repeated acts once.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp, answer, request, text_message};

const SEND: &str = "/v1/chat/message";

async fn keyed(app: &TestApp, key: &str, path: &str, body: Option<Value>) -> Answer {
    app.request(Method::POST, path, &[("Idempotency-Key", key)], body).await
}

async fn send(app: &TestApp, key: &str, room: &str, text: &str) -> Answer {
    keyed(app, key, SEND, Some(text_message(room, text))).await
}

/// How many messages a room has.
async fn count(app: &TestApp, room: &str) -> usize {
    let history = app.get(&format!("/v1/chat/rooms/{room}/messages?take=200")).await;
    history.data()["value"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let first = send(&app, "order-1", &room, "Hi").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    app.advance(Duration::from_secs(600));
    app.run_jobs().await;
    let second = send(&app, "order-1", &room, "Hi").await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (201, "true"));
    assert_eq!(second.text, first.text, "byte for byte, whatever happened to the message since");
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(count(&app, &room).await, 1);
    assert_eq!(send(&app, "order-2", &room, "Hi").await.data()["vwId"], "2", "another key is another message");
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let first = send(&app, "k", &room, "Hi").await;
    let other = send(&app, "k", &room, "Ho").await;
    assert_eq!((other.status, other.errors()), (422, vec![("key_reused", "Idempotency-Key")]));
    let retry = format!("{SEND}/{}/retry", first.data()["id"].as_str().unwrap());
    assert_eq!(keyed(&app, "k", &retry, None).await.status, 422, "another operation is another request");
    assert_eq!(count(&app, &room).await, 1);
}

#[tokio::test]
async fn each_client_has_keys_of_its_own() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let sibling = app.tenant(COMPANY, &["chat:write"]).await;
    assert_eq!(send(&app, "k", &room, "Hi").await.data()["vwId"], "1");
    let call =
        request(&sibling.token, Method::POST, SEND, &[("idempotency-key", "k")], Some(text_message(&room, "Hi")));
    let other = app.call(call).await;
    assert_eq!((other.status, other.header("idempotency-replayed")), (201, ""));
    assert_eq!(other.data()["vwId"], "2");
}

#[tokio::test]
async fn while_the_first_runs_a_second_is_told_so_until_the_first_is_given_up() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let first = send(&app, "k", &room, "Hi").await;
    // As the row is while another node works on the request.
    app.sql("update idempotency set status = null, answer = null").await;
    let second = send(&app, "k", &room, "Hi").await;
    assert_eq!((second.status, second.errors()), (409, vec![("still_running", "Idempotency-Key")]));
    assert_eq!(send(&app, "k", &room, "Ho").await.status, 422, "a wrong repetition is wrong at once");
    app.advance(Duration::from_secs(59));
    assert_eq!(send(&app, "k", &room, "Hi").await.status, 409);
    // That node died: its change was never committed, so the request may act.
    app.advance(Duration::from_secs(1));
    let taken = send(&app, "k", &room, "Hi").await;
    assert_eq!((taken.status, taken.header("idempotency-replayed")), (201, ""));
    assert_ne!(taken.data()["id"], first.data()["id"]);
    assert_eq!(send(&app, "k", &room, "Hi").await.text, taken.text);
}

/// Every answer is the one message, or says that it is being written.
fn assert_one_message(answers: &[Answer]) {
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty(), "one of them acts");
    assert!(made.iter().all(|answer| answer.text == made[0].text), "{made:?}");
    assert_eq!(made.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, refused.errors()), (409, vec![("still_running", "Idempotency-Key")]));
    }
}

#[tokio::test]
async fn twins_at_the_same_moment_act_once() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    assert_one_message(&join_all((0..20).map(|_| send(&app, "k", &room, "Hi"))).await);
    assert_eq!(count(&app, &room).await, 1);
}

#[tokio::test]
async fn twins_on_two_nodes_act_once() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let (_, second) = app.second_node().await;
    for round in 1..=20 {
        let key = format!("key-{round}");
        let call = || {
            let body = Some(text_message(&room, &key));
            request(&app.token, Method::POST, SEND, &[("idempotency-key", &key)], body)
        };
        let (here, there) = join(app.call(call()), answer(&second, call())).await;
        assert_one_message(&[here, there]);
        assert_eq!(count(&app, &room).await, round);
    }
}

#[tokio::test]
async fn a_refusal_is_not_stored() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    assert_eq!(send(&app, "k", &room, "").await.status, 400);
    let right = send(&app, "k", &room, "Hi").await;
    assert_eq!((right.status, right.header("idempotency-replayed")), (201, ""));
    let missing = format!("{SEND}/{}/retry", uuid::Uuid::new_v4());
    for _ in 0..2 {
        let refused = keyed(&app, "other", &missing, None).await;
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (404, ""));
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let first = send(&app, "k", &room, "Hi").await;
    let later = async |key: &str| {
        let token = app.token_for(&app.client).await;
        app.call(request(&token, Method::POST, SEND, &[("idempotency-key", key)], Some(text_message(&room, "Hi"))))
            .await
    };
    app.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(later("k").await.text, first.text);
    app.advance(Duration::from_secs(1));
    let again = later("k").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, ""));
    assert_eq!(again.data()["vwId"], "2");
}

#[tokio::test]
async fn trying_a_message_again_is_repeated_safely() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let id = app.send(&room, "Hi").await.data()["id"].as_str().unwrap().to_owned();
    app.run_jobs().await;
    app.sql("update message set delivery = 9, failure = 'refused'").await;
    let retry = format!("{SEND}/{id}/retry");
    let first = keyed(&app, "k", &retry, None).await;
    assert_eq!((first.status, first.data()["deliveryStatus"].as_str()), (200, Some("pending")));
    app.run_jobs().await;
    let second = keyed(&app, "k", &retry, None).await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (200, "true"));
    assert_eq!(second.text, first.text);
    assert_eq!(app.message(&id).await["deliveryStatus"], "delivered", "the repetition did nothing");
}

#[tokio::test]
async fn a_post_that_only_reads_reads_again() {
    let app = TestApp::new().await;
    let enquire = || keyed(&app, "k", "/v1/conversation/enquiry", Some(json!({})));
    assert_eq!(enquire().await.data()["value"], json!([]));
    app.sandbox_room().await;
    assert_eq!(enquire().await.data()["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_short_and_visible() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    assert_eq!(send(&app, &"k".repeat(255), &room, "Hi").await.status, 201);
    for bad in ["", &"k".repeat(256), "ключ"] {
        let refused = send(&app, bad, &room, "Hi").await;
        assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_value", "Idempotency-Key")]), "{bad:?}");
    }
    let read =
        app.request(Method::GET, &format!("/v1/chat/rooms/{room}/messages"), &[("idempotency-key", "")], None).await;
    assert_eq!(read.status, 200, "what is not a POST has no use for a key");
}

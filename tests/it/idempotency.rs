//! `Idempotency-Key`: a POST that is repeated acts once.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use futures_util::future::{join, join_all};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::app::{Answer, COMPANY, TestApp, answer, is_postgres, request, text_message};
use crate::child::{Server, Shop, until};
use crate::scan::{columns, places};

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
    running(&app).await;
    let second = send(&app, "k", &room, "Hi").await;
    assert_eq!((second.status, second.errors()), (409, vec![("still_running", "Idempotency-Key")]));
    assert_eq!(second.header("retry-after"), "1", "most requests end at once");
    assert_eq!(send(&app, "k", &room, "Ho").await.status, 422, "a wrong repetition is wrong at once");
    app.advance(Duration::from_secs(7));
    let third = send(&app, "k", &room, "Hi").await;
    assert_eq!((third.status, third.header("retry-after")), (409, "3"));
    // That node died: its change was never committed, so the request may act.
    app.advance(Duration::from_secs(3));
    let taken = send(&app, "k", &room, "Hi").await;
    assert_eq!((taken.status, taken.header("idempotency-replayed")), (201, ""));
    assert_ne!(taken.data()["id"], first.data()["id"]);
    assert_eq!(send(&app, "k", &room, "Hi").await.text, taken.text);
}

/// Makes the rows what they are while another node works on their requests.
async fn running(app: &TestApp) {
    app.sql("update idempotency set status = null, answer = null").await;
}

#[tokio::test]
async fn a_claim_of_a_clock_that_was_wrong_keeps_nobody_waiting() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    send(&app, "k", &room, "Hi").await;
    running(&app).await;
    app.app.clock.set(app.app.now() - 2 * 3600 * 1000);
    let taken = send(&app, "k", &room, "Hi").await;
    assert_eq!((taken.status, taken.header("idempotency-replayed")), (201, ""));
}

#[tokio::test]
async fn a_server_that_was_started_again_knows_which_claims_are_dead() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    send(&app, "k", &room, "Hi").await;
    running(&app).await;
    app.advance(Duration::from_millis(1));
    let (_, second) = app.second_node().await;
    let call = request(&app.token, Method::POST, SEND, &[("idempotency-key", "k")], Some(text_message(&room, "Hi")));
    let again = answer(&second, call).await;
    // An SQLite file has one server at a time; of several nodes on PostgreSQL the first may live.
    assert_eq!(again.status, if is_postgres() { 409 } else { 201 }, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_same_key_can_be_used_when_the_answer_says_so() {
    let shop = Shop::new(1).await;
    let server = Server::start(&shop.app, &[]);
    let body = text_message(&shop.rooms[0], "Hi").to_string();
    let post = async |base: &str| {
        let request = reqwest::Client::new().post(format!("{base}{SEND}")).bearer_auth(&shop.app.token);
        let request = request.header("content-type", "application/json").header("idempotency-key", "k");
        request.body(body.clone()).send().await.unwrap()
    };
    assert_eq!(post(&server.base).await.status(), 201);
    server.kill();
    // As if it had been killed before the change was on disk.
    running(&shop.app).await;
    shop.app.sql("delete from message").await;
    let server = Server::start(&shop.app, &[]);
    let mut waited = 0;
    loop {
        let answer = post(&server.base).await;
        if answer.status() == 201 {
            break;
        }
        assert_eq!(answer.status(), 409);
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        waited += wait;
        assert!((1..=10).contains(&wait) && waited <= 11, "{wait} s, {waited} s in all");
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    assert!(is_postgres() || waited == 0);
}

#[tokio::test]
async fn a_long_request_keeps_its_key_for_as_long_as_its_node_lives() {
    let app = TestApp::new().await;
    let upload = |body: Body| {
        let request = Request::post("/v1/customer/attach-files").header("idempotency-key", "long");
        let request = request.header("authorization", format!("Bearer {}", app.token));
        request.header("content-type", "multipart/form-data; boundary=XX").body(body).unwrap()
    };
    // Its files are on their way for as long as the test wants.
    let (end, ended) = oneshot::channel::<()>();
    let body = stream::once(async move {
        let _ = ended.await;
        Ok::<_, Infallible>(Bytes::from_static(b"--XX--\r\n"))
    });
    let twin = async {
        until("the claim", async || claims(&app).await == 1).await;
        for _ in 0..10 {
            app.advance(Duration::from_secs(3));
            sala::http::idempotency::extend(&app.app).await.unwrap();
        }
        let twin = app.call(upload(Body::empty())).await;
        end.send(()).unwrap();
        twin
    };
    let (first, twin) = join(app.call(upload(Body::from_stream(body))), twin).await;
    assert_eq!((twin.status, twin.errors()), (409, vec![("still_running", "Idempotency-Key")]));
    assert_eq!(first.status, 400, "a form without files: {first:?}");
    assert_eq!(claims(&app).await, 0, "a refusal gives the key back");
}

async fn claims(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select count(*) from idempotency").one().await.unwrap()
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

/// Requests whose answers hold what is shown once, and where it stands in them.
fn secret_requests() -> [(&'static str, Value, &'static str); 3] {
    let user = json!({"email": "lek@example.com", "firstname": "Lek", "lastname": "Jaidee", "roleId": "Agent"});
    [
        ("/v1/console/users", user, "/link/url"),
        ("/v1/webhooks", json!({"url": "https://example.com/hook"}), "/secret"),
        ("/v1/clients", json!({"name": "Shop", "scopes": ["chat:read"]}), "/clientSecret"),
    ]
}

/// Makes them, each under its path as the key: the answers, and what is shown once.
async fn secrets(app: &TestApp) -> Vec<(Answer, String)> {
    let mut answers = Vec::new();
    for (path, body, secret) in secret_requests() {
        let answer = keyed(app, path, path, Some(body)).await;
        assert!(answer.status < 300, "{answer:?}");
        let secret = answer.data().pointer(secret).and_then(Value::as_str).unwrap_or_else(|| panic!("{answer:?}"));
        // Of a link the part that lets somebody in; a secret may have a slash of its own.
        let secret = if secret.starts_with("http") { secret.rsplit('/').next().unwrap() } else { secret }.to_owned();
        answers.push((answer, secret));
    }
    answers
}

#[tokio::test]
async fn what_is_shown_once_is_readable_in_no_table_and_repeated_all_the_same() {
    let app = TestApp::new().await;
    let first = secrets(&app).await;
    let columns = columns(&app).await;
    for (answer, secret) in &first {
        assert!(secret.len() > 20, "{secret}");
        assert_eq!(places(&app, &columns, secret).await, Vec::<String>::new(), "{answer:?}");
    }
    for ((first, _), (again, _)) in first.iter().zip(secrets(&app).await) {
        assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    }
    // Answers of the day before they were encrypted are still repeated.
    let room = app.sandbox_room().await;
    let sent = send(&app, "plain", &room, "Hi").await;
    let plain = sent.text.as_bytes();
    let older: Result<u64, db::Error> = app
        .app
        .db
        .write(async |mut tx| {
            let update = tx.sql("update idempotency set answer = $1, sealed = false where key = 'plain'");
            update.bind(plain).exec().await
        })
        .await;
    assert_eq!(older.unwrap(), 1);
    assert_eq!(send(&app, "plain", &room, "Hi").await.text, sent.text);
}

#[tokio::test]
async fn a_new_key_takes_kept_answers_and_second_factors_along() {
    let mut app = TestApp::new().await;
    let person = app.signed_in("Agent", "nok@example.com").await;
    let first = secrets(&app).await;
    let again = json!({"password": crate::app::PASSWORD});
    let begun = app.as_person(&person, Method::POST, "/v1/auth/totp", Some(again)).await;
    let code = crate::person::code(begun.data()["secret"].as_str().unwrap(), app.app.now());

    let new = sala::vault::new_key().unwrap();
    let mut rotate = std::process::Command::new(env!("CARGO_BIN_EXE_sala"));
    rotate.args(["key", "rotate", "--database", &app.database.url]).current_dir(&app.database.folder);
    let rotated = rotate.env("SALA_SECRET_KEY", format!("{new},{}", app.key)).output().unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    let said = String::from_utf8_lossy(&rotated.stdout).into_owned();
    assert!(said.starts_with("2 credentials") && said.contains("3 answers"), "{said}");

    app.key = new;
    let (_, server) = app.second_node().await;
    for ((path, body, _), (first, _)) in secret_requests().into_iter().zip(first) {
        let call = request(&app.token, Method::POST, path, &[("idempotency-key", path)], Some(body));
        let again = answer(&server, call).await;
        assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text), "{path}");
    }
    let confirm = person.request(Method::POST, "/v1/auth/totp/confirm", Some(json!({"code": code})));
    assert_eq!(answer(&server, confirm).await.status, 200);
}

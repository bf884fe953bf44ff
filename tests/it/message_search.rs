//! The search over all messages: what the index has and what it has not reached, in any script, and what was erased.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::app::{COMPANY, TestApp};

async fn say(app: &TestApp, account: &str, customer: &str, content: &str) -> String {
    let request = Request::post(format!("/channels/sandbox/{account}/{customer}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"content": content}).to_string()));
    let stored = app.call(request.unwrap()).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    stored.data()["roomId"].as_str().unwrap().to_owned()
}

/// Everything that is found, page by page.
async fn found(app: &TestApp, keyword: &str, take: usize) -> Vec<String> {
    let (mut texts, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.post("/v1/console/search", json!({"keyword": keyword, "take": take, "cursor": cursor})).await;
        let rows = page.data()["messages"].as_array().unwrap_or_else(|| panic!("{page:?}")).clone();
        texts.extend(rows.iter().map(|row| row["content"].as_str().unwrap().to_owned()));
        match page.data()["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return texts,
        }
    }
}

/// Lets a minute pass, and puts into the index what was said before.
async fn index(app: &mut TestApp) {
    app.advance(Duration::from_secs(5 * 60));
    sala::chat::texts::run(&app.app).await.unwrap();
    app.token = app.token_for(&app.client).await;
}

async fn placed(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select count(*) from message_place where company = $1").bind(COMPANY).one().await.unwrap()
}

#[tokio::test]
async fn a_word_is_found_in_all_that_was_ever_said() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    let texts = ["ขอใบเสนอราคาด้วยครับ", "ราคาเท่าไหร่", "Price, please", "PRICE again", "ｐｒｉｃｅ in full width"];
    for (place, text) in texts.iter().enumerate() {
        say(&app, &account, ["ann", "bob"][place % 2], text).await;
    }
    let thai = ["ราคาเท่าไหร่", "ขอใบเสนอราคาด้วยครับ"];
    let price = ["ｐｒｉｃｅ in full width", "PRICE again", "Price, please"];
    assert_eq!(found(&app, "ราคา", 20).await, thai, "before it is in the index");
    index(&mut app).await;
    assert_eq!(placed(&app).await, 5);
    say(&app, &account, "ann", "the newest price").await;
    for take in [1, 2, 20] {
        assert_eq!(found(&app, "ราคา", take).await, thai);
        assert_eq!(found(&app, "price", take).await, [&["the newest price"][..], &price].concat());
        assert_eq!(found(&app, "ซ", take).await, [""; 0]);
    }
    index(&mut app).await;
    assert_eq!((placed(&app).await, found(&app, "newest", 20).await), (6, vec!["the newest price".to_owned()]));
    assert_eq!(found(&app, "c", 2).await.len(), 4, "one letter is enough");
    sala::chat::texts::rebuild(&app.app, COMPANY).await.unwrap();
    assert_eq!((placed(&app).await, found(&app, "ราคา", 1).await.len()), (6, 2));
    let wrong = app.post("/v1/console/search", json!({"keyword": "x", "cursor": "nothing"})).await;
    assert_eq!(wrong.errors(), [("invalid_value", "cursor")]);
    let other = app.tenant(508, &["chat:read"]).await;
    let none = app.request_as(&other.token, Method::POST, "/v1/console/search", Some(json!({"keyword": "ราคา"}))).await;
    assert_eq!(none.data()["messages"], json!([]));
}

#[tokio::test]
async fn a_message_that_was_written_days_ago_and_sent_now_is_found() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = say(&app, &account, "ann", "hello").await;
    index(&mut app).await;
    let agent = app.signed_in("Agent", "nok@example.com").await;
    for (id, text) in [
        ("01890000-0000-7000-8000-000000000001", "delayed by the network"),
        ("f1890000-0000-4000-8000-000000000001", "delayed without a time"),
    ] {
        let body = json!({"id": id, "type": "message", "content": text});
        let sent = app.as_person(&agent, Method::POST, &format!("/v1/console/rooms/{room}/messages"), Some(body)).await;
        assert_eq!(sent.status, 201, "{sent:?}");
    }
    index(&mut app).await;
    let mut texts = found(&app, "delayed", 1).await;
    texts.sort_unstable();
    assert_eq!(texts, ["delayed by the network", "delayed without a time"]);
}

#[tokio::test]
async fn messages_with_ids_of_another_time_are_found_once_and_stand_before_nothing() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = say(&app, &account, "ann", "the first word").await;
    let agent = app.signed_in("Agent", "nok@example.com").await;
    let mut wanted = vec!["the first word".to_owned()];
    for place in 0..5 {
        let id = format!("f1890000-0000-{}000-8000-00000000000{place}", if place % 2 == 0 { 4 } else { 7 });
        let text = format!("word of another time {place}");
        let body = json!({"id": id, "type": "message", "content": text});
        let sent = app.as_person(&agent, Method::POST, &format!("/v1/console/rooms/{room}/messages"), Some(body)).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        wanted.push(text);
    }
    let sorted = |mut texts: Vec<String>| {
        texts.sort_unstable();
        texts
    };
    wanted.sort_unstable();
    for take in [1, 2, 20] {
        assert_eq!(sorted(found(&app, "word", take).await), wanted, "before they are in the index");
    }
    index(&mut app).await;
    say(&app, &account, "ann", "the last word").await;
    wanted.push("the last word".to_owned());
    wanted.sort_unstable();
    for take in [1, 2, 20] {
        assert_eq!(sorted(found(&app, "word", take).await), wanted);
    }
    index(&mut app).await;
    // All are in the index: not one is looked at for a keyword that none has.
    let none = app.post("/v1/console/search", json!({"keyword": "quartz"})).await;
    assert_eq!((&none.data()["searchedTo"], &none.data()["next"]), (&json!(null), &json!(null)));
    sala::chat::texts::rebuild(&app.app, COMPANY).await.unwrap();
    assert_eq!(placed(&app).await, 7);
    for take in [1, 2, 20] {
        assert_eq!(sorted(found(&app, "word", take).await), wanted, "made anew");
    }
}

#[tokio::test]
async fn whoever_sees_few_rooms_finds_a_common_word_in_those() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    let other = app.signed_in("Agent", "other@example.com").await;
    let agent = app.signed_in("Agent", "nok@example.com").await;
    let mine = say(&app, &account, "mine", "a common word").await;
    for number in 0..30 {
        let room = say(&app, &account, &format!("c{number}"), "a common word").await;
        let claimed =
            app.as_person(&other, Method::POST, &format!("/v1/console/rooms/{room}/claim"), Some(json!({}))).await;
        assert_eq!(claimed.status, 200, "{claimed:?}");
    }
    for _ in 0..2 {
        let body = json!({"keyword": "common"});
        let page = app.as_person(&agent, Method::POST, "/v1/console/search", Some(body)).await;
        let rooms: Vec<&str> =
            page.data()["messages"].as_array().unwrap().iter().map(|row| row["roomId"].as_str().unwrap()).collect();
        assert_eq!(rooms, [mine.as_str()], "{page:?}");
        index(&mut app).await;
    }
}

#[tokio::test]
async fn what_was_erased_is_in_no_index() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = say(&app, &account, "ann", "my secret address").await;
    say(&app, &account, "bob", "no secret at all").await;
    crate::customer::put(&app, crate::customer::plain("ann", "Ann")).await;
    let link = json!({"customerCode": "ann"});
    assert_eq!(app.request(Method::PUT, &format!("/v1/chat/rooms/{room}/customer"), &[], Some(link)).await.status, 200);
    index(&mut app).await;
    let both = app.post("/v1/console/search", json!({"keyword": "ann"})).await;
    assert_eq!(both.data()["customers"], json!([{"code": "ann", "name": "Ann"}]), "{both:?}");
    assert_eq!((placed(&app).await, found(&app, "secret", 20).await.len()), (2, 2));
    let id = crate::privacy::ask(&app, crate::privacy::asked("erasure", "ann")).await;
    assert!(crate::privacy::start(&app, id).await.status < 300);
    app.run_jobs().await;
    assert_eq!(crate::privacy::request(&app, id).await["state"], "done");
    assert_eq!((placed(&app).await, found(&app, "secret", 20).await), (1, vec!["no secret at all".to_owned()]));
    sala::chat::texts::rebuild(&app.app, COMPANY).await.unwrap();
    assert_eq!(placed(&app).await, 1, "an empty message has nothing to be found by");
}

//! The messages of a room, page by page.

use std::time::Duration;

use axum::http::Method;
use channel::Platform;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, COMPANY, TestApp};

async fn page(app: &TestApp, room: &str, query: &str) -> Answer {
    app.get(&format!("/v1/chat/rooms/{room}/messages{query}")).await
}

fn ids(page: &Answer) -> Vec<String> {
    let messages = page.data()["value"].as_array().unwrap();
    messages.iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

/// A room whose messages were not said in the order in which they came, some of them at the same moment.
async fn busy_room(app: &TestApp) -> String {
    let account = app.sandbox().await;
    let room = app.room(&account, "U1").await;
    let now = app.app.now();
    for (number, before) in [0, 5_000, 5_000, 2_000, 9_000, 0, 2_000, 1, 7_000, 0, 5_000].into_iter().enumerate() {
        let said = json!({"content": format!("said {number}"), "timestamp": now - before});
        assert_eq!(app.post(&format!("/channels/sandbox/{account}/U1"), said).await.status, 201);
        assert_eq!(app.send(&room, &format!("answer {number}")).await.status, 201);
    }
    app.advance(Duration::from_secs(1));
    assert_eq!(app.send(&room, "the last").await.status, 201);
    room
}

#[tokio::test]
async fn messages_come_newest_first_by_the_time_at_which_they_were_said() {
    let app = TestApp::new().await;
    let room = busy_room(&app).await;
    let all = page(&app, &room, "?take=200").await;
    let messages = all.data()["value"].as_array().unwrap();
    assert_eq!(messages.len(), 23);
    assert_eq!(messages[0]["content"], "the last");
    let place = |message: &Value| {
        let number: i64 = message["vwId"].as_str().unwrap().parse().unwrap();
        (message["timestamp"].as_i64().unwrap(), number)
    };
    assert!(messages.windows(2).all(|pair| place(&pair[0]) > place(&pair[1])), "{messages:#?}");
    assert!(all.data()["next"].is_null(), "there is no further page");
    assert_eq!(ids(&page(&app, &room, "").await), ids(&all)[..20], "20 unless told");
}

#[tokio::test]
async fn pages_of_every_size_give_each_message_once() {
    let app = TestApp::new().await;
    let room = busy_room(&app).await;
    let all = ids(&page(&app, &room, "?take=200").await);
    for take in 1..=all.len() + 1 {
        let mut found = Vec::new();
        let mut before = String::new();
        loop {
            let page = page(&app, &room, &format!("?take={take}{before}")).await;
            let ids = ids(&page);
            found.extend(ids.clone());
            assert!(found.len() <= all.len(), "take={take} goes round");
            match page.data()["next"].as_str() {
                Some(next) => {
                    assert_eq!(ids.len(), take);
                    assert_eq!(ids.last().unwrap(), next);
                    before = format!("&before={next}");
                }
                None => break,
            }
        }
        assert_eq!(found, all, "take={take}");
    }
}

#[tokio::test]
async fn a_page_stays_the_same_while_new_messages_come() {
    let app = TestApp::new().await;
    let room = busy_room(&app).await;
    let all = ids(&page(&app, &room, "?take=200").await);
    let query = format!("?take=5&before={}", all[4]);
    let second = ids(&page(&app, &room, &query).await);
    assert_eq!(second, all[5..10]);
    app.send(&room, "meanwhile").await;
    assert_eq!(ids(&page(&app, &room, &query).await), second);
}

#[tokio::test]
async fn rooms_of_others_are_not_found() {
    let app = TestApp::new().await;
    let foreign = app.room_of(508, Platform::Line, "U1").await;
    for room in [foreign, Uuid::new_v4().to_string()] {
        let refused = page(&app, &room, "").await;
        assert_eq!((refused.status, refused.errors()), (404, vec![("not_found", "room")]));
    }
    let refused = page(&app, "no-uuid", "").await;
    assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_value", "roomId")]));
}

#[tokio::test]
async fn a_cursor_is_a_message_of_the_room() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let other = app.room_of(COMPANY, Platform::Line, "U2").await;
    let foreign = app.send(&other, "elsewhere").await.data()["id"].as_str().unwrap().to_owned();
    for cursor in [foreign, Uuid::new_v4().to_string(), "no-uuid".to_owned(), "%00".to_owned()] {
        let refused = page(&app, &room, &format!("?before={cursor}")).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_value", "before")]), "{cursor}");
    }
}

#[tokio::test]
async fn a_page_has_1_to_200_messages() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    for number in 0..203 {
        assert_eq!(app.send(&room, &number.to_string()).await.status, 201);
    }
    for (query, length) in [
        ("?take=1", 1),
        ("?Take=3", 3),
        ("?pageLength=4", 4),
        ("?take=200", 200),
        ("?take=201", 200),
        ("?take=9223372036854775807", 200),
        ("?take=", 20),
        ("?before=&take=2", 2),
        ("?other=1", 20),
    ] {
        assert_eq!(ids(&page(&app, &room, query).await).len(), length, "{query}");
    }
    for (query, fault) in [
        ("?take=0", ("invalid_value", "take")),
        ("?take=-1", ("invalid_value", "take")),
        ("?pageLength=0", ("invalid_value", "pageLength")),
        ("?take=many", ("invalid_type", "take")),
        ("?take=1.5", ("invalid_type", "take")),
        ("?take=9223372036854775808", ("invalid_value", "take")),
    ] {
        let refused = page(&app, &room, query).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![fault]), "{query}");
    }
}

#[tokio::test]
async fn history_is_read_with_its_scope_only() {
    let app = TestApp::new().await;
    let writer = app.tenant(COMPANY, &["chat:write"]).await;
    let room = app.sandbox_room().await;
    let path = format!("/v1/chat/rooms/{room}/messages");
    assert_eq!(app.request_as(&writer.token, Method::GET, &path, None).await.status, 403);
}

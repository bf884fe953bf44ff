//! The log of changes and its streams: nothing is missed, whoever commits when.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use futures_util::StreamExt;
use sala::http::Server;
use serde_json::{Value, json};

use crate::app::{Session, TestApp};
use crate::inbox::write;

/// A stream, read event by event.
struct Events {
    body: axum::body::BodyDataStream,
    rest: String,
}

/// One event: its id, name and data.
#[derive(Debug)]
struct Event {
    id: Option<String>,
    name: String,
    data: Value,
}

impl Events {
    async fn open(server: &Server, request: Request<Body>) -> Events {
        let response = server.call(request).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { body: response.into_body().into_data_stream(), rest: String::new() }
    }

    /// The next event; none when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.rest.split_once("\n\n") {
                let block = block.to_owned();
                self.rest = rest.to_owned();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
                if let Some(name) = field("event: ") {
                    let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                    return Some(Event { id: field("id: "), name, data });
                }
            }
            let bytes = tokio::time::timeout(Duration::from_secs(60), self.body.next()).await.unwrap()?.unwrap();
            self.rest.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The next change of this kind.
    async fn change(&mut self, kind: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == "change" && event.data["kind"] == kind {
                return event;
            }
        }
    }
}

fn stream(person: &Session, query: &str) -> Request<Body> {
    person.request(Method::GET, &format!("/v1/console/stream{query}"), None)
}

async fn open(app: &TestApp, person: &Session, query: &str) -> Events {
    Events::open(&Server::new(app.app.clone()), stream(person, query)).await
}

#[tokio::test]
async fn what_happens_is_told_to_whom_it_concerns() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let account = app.sandbox().await;
    let mut events = open(&app, &nok, "").await;
    let hello = events.next().await.unwrap();
    assert_eq!((hello.name.as_str(), hello.id.is_some()), ("hello", true));
    let room = write(&app, &account, "U1", "สวัสดี").await;
    let told = events.change("messages").await;
    assert_eq!((&told.data["roomId"], &told.data["to"]), (&json!(room), &json!(1)));
    let path = format!("/v1/console/rooms/{room}");
    app.as_person(&owner, Method::PATCH, &path, Some(json!({"assignee": lek.id}))).await;
    let moved = events.change("room").await;
    assert_eq!(
        (&moved.data["action"], &moved.data["assignee"]),
        (&json!("assigned"), &json!(lek.id)),
        "it leaves the list"
    );
    // From now on the room is a colleague's: the next that is heard of is another room.
    write(&app, &account, "U1", "ยังอยู่ไหม").await;
    let other = write(&app, &account, "U2", "สวัสดี").await;
    assert_eq!(events.change("messages").await.data["roomId"], json!(other));
    app.as_person(&nok, Method::PUT, &format!("/v1/console/rooms/{other}/draft"), Some(json!({"content": "x"}))).await;
    assert_eq!(events.change("draft").await.data["roomId"], json!(other));
    let typing = json!({"roomId": other, "typing": true});
    app.as_person(&lek, Method::POST, "/v1/console/presence", Some(typing)).await;
    loop {
        let event = events.next().await.unwrap();
        if event.name == "presence" {
            assert_eq!((event.id, &event.data["userId"], &event.data["typing"]), (None, &json!(lek.id), &json!(true)));
            break;
        }
    }
}

#[tokio::test]
async fn a_stream_resumes_from_an_id_and_is_told_when_that_is_too_old() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let enquiry = app.as_person(&nok, Method::POST, "/v1/console/rooms/enquiry", Some(json!({}))).await;
    let cursor = enquiry.data()["streamCursor"].as_str().unwrap().to_owned();
    let room = write(&app, &account, "U1", "สวัสดี").await;
    let mut events = open(&app, &nok, &format!("?after={cursor}")).await;
    let told = events.change("messages").await;
    assert_eq!(told.data["roomId"], json!(room));
    let again = stream(&nok, "");
    let (mut parts, body) = again.into_parts();
    parts.headers.insert("last-event-id", told.id.as_deref().unwrap().parse().unwrap());
    let second = write(&app, &account, "U2", "สวัสดี").await;
    let mut events = Events::open(&Server::new(app.app.clone()), Request::from_parts(parts, body)).await;
    let mut rooms = BTreeSet::new();
    while rooms.len() < 2 {
        rooms.insert(events.change("messages").await.data["roomId"].as_str().unwrap().to_owned());
    }
    assert!(rooms.contains(&second));
    for old in ["not-an-id", "019ab0a2-5f6b-7d31-a1d5-1f2c8f0a9b6e"] {
        app.advance(Duration::from_secs(1));
        let mut events = open(&app, &nok, &format!("?after={old}")).await;
        events.next().await.unwrap();
        assert_eq!(events.next().await.unwrap().name, "reset", "{old}");
    }
    let changes =
        app.as_person(&nok, Method::GET, &format!("/v1/console/changes?after={cursor}&topic=messages"), None).await;
    assert_eq!(changes.data()["value"].as_array().unwrap().len(), 2);
    app.advance(Duration::from_secs(49 * 3600));
    let left =
        async || -> i64 { app.app.db.read().await.unwrap().sql("select count(*) from change").one().await.unwrap() };
    assert!(left().await > 0);
    let node = sala::job::start(&app.app).await.unwrap();
    let purged = async {
        while left().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), purged).await.expect("kept for two days");
    node.stop(Duration::from_secs(30)).await;
}

/// Whoever looks at a record hears that one of its kind was changed, by whomever: not which one, and only with the scope to
/// read such records.
#[tokio::test]
async fn the_kinds_of_records_that_change_are_told() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let first = app.as_person(&nok, Method::GET, "/v1/console/changes", None).await;
    let cursor = first.data()["cursor"].as_str().unwrap().to_owned();
    let mut events = open(&app, &nok, "").await;
    events.next().await.unwrap();
    let made = app.as_person(&owner, Method::PUT, "/v1/setting", Some(json!({"name": "ร้านใหม่"}))).await;
    assert_eq!(made.status, 200);
    let task = json!({"subject": "โทรกลับ"});
    assert!(app.as_person(&owner, Method::POST, "/v1/task", Some(task)).await.status < 300);
    let told = events.change("task").await;
    let at = json!(app.app.now());
    assert_eq!((told.id, told.data), (None, json!({"kind": "task", "at": at})), "not which one");
    let resumed =
        app.as_person(&nok, Method::GET, &format!("/v1/console/changes?after={cursor}&topic=task"), None).await;
    assert_eq!(resumed.data()["value"], json!([{"kind": "task", "at": at}]), "whoever was away for a while");
    // Agents may not read users.
    let path = format!("/v1/console/users/{}", lek.id);
    assert_eq!(app.as_person(&owner, Method::PATCH, &path, Some(json!({"roleId": "Viewer"}))).await.status, 200);
    for (person, hears) in [(&owner, true), (&nok, false)] {
        let path = format!("/v1/console/changes?after={cursor}&topic=user");
        let found = app.as_person(person, Method::GET, &path, None).await;
        assert_eq!(!found.data()["value"].as_array().unwrap().is_empty(), hears, "{found:?}");
    }
}

/// One look goes through so many entries of the trail; behind as many more every kind may have changed.
#[tokio::test]
async fn of_more_changes_than_are_looked_at_every_kind_is_told() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let first = app.as_person(&owner, Method::GET, "/v1/console/changes", None).await;
    let cursor = first.data()["cursor"].as_str().unwrap().to_owned();
    let kinds = async || -> BTreeSet<String> {
        let found =
            app.as_person(&owner, Method::GET, &format!("/v1/console/changes?after={cursor}&take=5000"), None).await;
        let told = found.data()["value"].as_array().unwrap().clone();
        told.iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
    };
    let change = async |count: usize| {
        let ids: Vec<uuid::Uuid> = (0..count).map(|_| uuid::Uuid::now_v7()).collect();
        let written = app.app.db.write(async |mut tx| {
            let mut rows = db::Rows::new(&[("id", db::Type::Uuid)]);
            for id in &ids {
                rows.push([(*id).into()]);
            }
            let insert = tx.sql("insert into audit (company, id, ref, at, actor, action, changes, trace) ");
            insert.push_values("507, input.id, 'task/TK1', 0, 'system', 'updated', '{}', ''", rows).exec().await
        });
        let written: Result<u64, db::Error> = written.await;
        assert_eq!(written, Ok(u64::try_from(count).unwrap()));
    };
    change(1).await;
    assert!(kinds().await.contains("task") && !kinds().await.contains("contract"), "{:?}", kinds().await);
    change(2_000).await;
    let told = kinds().await;
    assert!(told.contains("contract") && told.contains("setting") && !told.contains("room"), "{told:?}");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_server() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let nok = app.signed_in("Agent", "nok@example.com").await;
    let mut events = open(&app, &nok, "").await;
    let path = format!("/v1/console/users/{}", nok.id);
    app.as_person(&owner, Method::PATCH, &path, Some(json!({"isActive": false}))).await;
    let mut last = events.next().await.unwrap();
    while let Some(event) = events.next().await {
        last = event;
    }
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("bye", &json!("signed_out")));
    let mut events = open(&app, &owner, "").await;
    app.app.live.stop();
    let mut last = events.next().await.unwrap();
    while let Some(event) = events.next().await {
        last = event;
    }
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("bye", &json!("stopping")));
}

#[tokio::test]
async fn another_node_is_heard_and_no_person_has_streams_without_end() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let (_, elsewhere) = app.second_node().await;
    let mut events = Events::open(&elsewhere, stream(&nok, "")).await;
    events.next().await.unwrap();
    let room = write(&app, &account, "U1", "สวัสดี").await;
    assert_eq!(events.change("messages").await.data["roomId"], json!(room));
    let mut kept = Vec::new();
    for _ in 0..20 {
        kept.push(open(&app, &nok, "").await);
    }
    let refused = app.call(stream(&nok, "")).await;
    assert_eq!((refused.status, app.app.live.streams()), (429, 20));
    kept.clear();
    assert_eq!(app.app.live.streams(), 0);
}

/// Transactions commit in another order than they begin: whoever resumes from the last id seen would miss what began sooner and
/// committed later. One is held open while 64 others write; a reader that resumes a thousand times misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_that_was_open_for_long_is_not_missed() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let first = app.as_person(&nok, Method::GET, "/v1/console/changes", None).await;
    let start = first.data()["cursor"].as_str().unwrap().to_owned();
    let room = write(&app, &account, "U0", "สวัสดี").await;
    let mut rooms = Vec::new();
    for place in 0..64 {
        rooms.push(app.room(&account, &format!("V{place}")).await);
    }
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let held = {
        let (db, go, now) = (app.app.db.clone(), std::sync::Arc::clone(&go), app.app.now());
        let is_postgres = crate::app::is_postgres();
        tokio::spawn(async move {
            let done: Result<u64, db::Error> = db
                .write(async |mut tx| {
                    let body = r#"[{"to":{"scope":"chat:read"},"data":{"kind":"held","at":0}}]"#;
                    let written = tx
                        .sql("insert into change (company, id, at, kind, body) values (507, $1, $2, 'held', $3)")
                        .bind(
                            uuid::Builder::from_unix_timestamp_millis(u64::try_from(now).unwrap(), &[7; 10])
                                .into_uuid(),
                        )
                        .bind(now)
                        .bind(body)
                        .exec()
                        .await?;
                    // SQLite has one writer: the others wait for this unit, whatever it does.
                    if is_postgres {
                        go.notified().await;
                    }
                    Ok(written)
                })
                .await;
            done.unwrap()
        })
    };
    // The clock goes on while the transaction is open: ten seconds later than its id.
    app.advance(Duration::from_secs(10));
    let writers = rooms.iter().map(|room| app.send(room, "hello"));
    let sent = futures_util::future::join_all(writers).await;
    assert!(sent.iter().all(|sent| sent.status == 201));
    let mut seen = BTreeSet::new();
    let mut cursor = start;
    for turn in 0..1000 {
        if turn == 500 {
            go.notify_one();
            held_done(&app).await;
        }
        let path = format!("/v1/console/changes?after={cursor}&take=5000");
        let page = app.as_person(&nok, Method::GET, &path, None).await;
        assert_eq!(page.data()["reset"], false);
        cursor = page.data()["cursor"].as_str().unwrap().to_owned();
        for change in page.data()["value"].as_array().unwrap() {
            let kind = change["kind"].as_str().unwrap();
            seen.insert(format!("{kind} {}", change["roomId"].as_str().unwrap_or_default()));
        }
    }
    assert_eq!(held.await.unwrap(), 1);
    assert!(seen.contains("held "), "what committed last began first");
    for room in rooms.iter().chain([&room]) {
        assert!(seen.contains(&format!("messages {room}")), "{room} is missed");
    }
}

/// Waits until the transaction that was held open has committed.
async fn held_done(app: &TestApp) {
    loop {
        let found: i64 = app
            .app
            .db
            .read()
            .await
            .unwrap()
            .sql("select count(*) from change where kind = 'held'")
            .one()
            .await
            .unwrap();
        if found == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

//! What persons ask for under a privacy law: the register, and the archive of everything about a customer.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use simulator::line::user_id;

use crate::app::{Answer, COMPANY, TestApp};
use crate::customer::{plain, put};
use crate::fake::Fake;
use crate::media::files;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A request of this kind about a customer.
pub fn asked(kind: &str, code: &str) -> Value {
    json!({"kind": kind, "customerCode": code, "requestedBy": "The person, by e-mail", "reason": null})
}

/// Enters a request and answers its number.
pub async fn ask(app: &TestApp, body: Value) -> i64 {
    let answer = app.post("/v1/privacy/requests", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.data()["requestId"].as_i64().unwrap()
}

/// A request as it is now.
pub async fn request(app: &TestApp, id: i64) -> Value {
    app.get(&format!("/v1/privacy/requests/{id}")).await.data().clone()
}

/// Lets a request begin.
pub async fn start(app: &TestApp, id: i64) -> Answer {
    app.post(&format!("/v1/privacy/requests/{id}/start"), json!({})).await
}

/// The archive of a request.
pub async fn download(app: &TestApp, id: i64) -> Answer {
    app.get(&format!("/v1/privacy/requests/{id}/archive")).await
}

async fn refuse(app: &TestApp, id: i64, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/v1/privacy/requests/{id}/refuse");
    let body = json!({"reason": "Documents are kept for five years", "section": "33"});
    app.request(Method::POST, &path, headers, Some(body)).await
}

async fn listed(app: &TestApp, query: &str) -> Vec<i64> {
    let page = app.get(&format!("/v1/privacy/requests?{query}")).await;
    page.data()["value"].as_array().unwrap().iter().map(|row| row["requestId"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_request_is_entered_found_and_refused_with_its_reason() {
    let mut app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta")] {
        put(&app, plain(code, name)).await;
    }
    let mut first = asked("export", "A");
    first["dateReceived"] = json!("2025-01-29T15:38:43+0700");
    let first = ask(&app, first).await;
    let second = ask(&app, asked("erasure", "a")).await;
    let third = ask(&app, asked("export", "b")).await;
    let entered = request(&app, first).await;
    assert_eq!((&entered["state"], &entered["customerCode"]), (&json!("received"), &json!("a")));
    assert_eq!(entered["dateReceived"], "2025-01-29T15:38:43+0700");
    assert_eq!(entered["dateDue"], "2025-02-28T15:38:43+0700", "30 days");
    assert_eq!((&entered["isOverdue"], &request(&app, second).await["isOverdue"]), (&json!(true), &json!(false)));
    assert_eq!(app.run_jobs().await, 0, "nothing begins by itself");

    assert_eq!(listed(&app, "").await, [third, second, first]);
    assert_eq!(listed(&app, "take=2").await, [third, second]);
    assert_eq!(listed(&app, &format!("before={second}")).await, [first]);
    assert_eq!(listed(&app, "kind=export").await, [third, first]);
    assert_eq!(listed(&app, "customerCode=A").await, [second, first]);
    assert_eq!(listed(&app, "customerCode=nobody").await, [0; 0]);
    assert_eq!(listed(&app, "overdue=true").await, [first]);

    let again = app.post("/v1/privacy/requests", asked("export", "a")).await;
    assert_eq!((again.status, again.errors()), (409, vec![("conflict", "customerCode")]));
    assert_eq!(refuse(&app, first, &[("if-match", "\"9\"")]).await.status, 412);
    let refused = refuse(&app, first, &[("if-match", "\"1\"")]).await;
    assert_eq!((&refused.data()["state"], &refused.data()["refusalSection"]), (&json!("refused"), &json!("33")));
    assert_ne!(refused.data()["dateDone"], Value::Null);
    assert_eq!(listed(&app, "state=refused").await, [first]);
    assert_eq!(listed(&app, "overdue=true").await, [0; 0], "it is answered");
    for refused in [refuse(&app, first, &[]).await, start(&app, first).await] {
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "requestId")]));
    }
    let history = app.get(&format!("/v1/audit?ref=privacy/{first}")).await;
    let actions: Vec<&Value> = history.data()["value"].as_array().unwrap().iter().map(|one| &one["action"]).collect();
    assert_eq!(actions, ["refused", "received"]);
    app.advance(31 * DAY);
    app.token = app.token_for(&app.client).await;
    assert_eq!(listed(&app, "overdue=true").await, [third, second]);
}

#[tokio::test]
async fn every_fault_of_a_request_is_named() {
    let app = TestApp::new().await;
    let wrong = json!({"kind": "copy", "customerCode": "", "requestedBy": " ", "dateReceived": "2999-01-01"});
    let refused = app.post("/v1/privacy/requests", wrong).await;
    let mut fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["customerCode", "dateReceived", "kind", "requestedBy"]);
    let unknown = app.post("/v1/privacy/requests", asked("export", "nobody")).await;
    assert_eq!(unknown.errors(), [("not_found", "customerCode")]);
    let refused = app.get("/v1/privacy/requests?state=open&kind=copy").await;
    assert_eq!(refused.errors(), [("invalid_value", "state"), ("invalid_value", "kind")]);
    assert_eq!(refuse(&app, 9, &[]).await.errors(), [("not_found", "privacy request")]);
    put(&app, plain("a", "Alpha")).await;
    let id = ask(&app, asked("export", "a")).await;
    let path = format!("/v1/privacy/requests/{id}/refuse");
    assert_eq!(app.post(&path, json!({"reason": ""})).await.errors(), [("required", "reason")]);
}

/// The files of an archive.
fn unzip(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert!(files.insert(file.name().unwrap().into_owned(), content).is_none());
    }
    files
}

/// The records of a JSON Lines file.
fn records(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Vec<Value> {
    let text = std::str::from_utf8(files.get(path).unwrap_or_else(|| panic!("no {path}"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A customer with a room of its own at LINE, and everything else; answers the room.
pub async fn rich(fake: &Fake, code: &str, name: &str, user: &str) -> String {
    let app = &fake.app;
    fake.line.set_profile(&user_id(user), &format!("{name} at LINE"));
    fake.say(user, &format!("I am {name}")).await;
    let picture = json!({"type": "image", "userId": user_id(user), "content": STANDARD.encode(format!("picture of {name}")),
                         "contentType": "image/png"});
    fake.event(picture).await;
    fake.run().await;
    let room = fake.room_of(user).await;
    fake.send(&room, &format!("Hello {name}")).await;
    fake.run().await;
    let mut body = plain(code, name);
    body["customerEmail"] = json!(format!("{code}@example.com"));
    put(app, body).await;
    let path = format!("/v1/chat/rooms/{room}/customer");
    app.request(Method::PUT, &path, &[], Some(json!({"customerCode": code}))).await;
    let event = json!({"eventName": format!("Meeting {name}"), "eventType": 1, "eventDate": "2024-02-01T10:00:00",
                       "description": format!("With {name}"), "customerCode": code});
    assert_eq!(app.post("/v1/customerEvent", event).await.status, 200);
    let answer = json!({"SourceName": "NPS", "SourceType": 2, "Point": 9, "Comment": format!("{name} is happy"),
                        "AnswerBy": name, "CustomerCode": code, "DateCreated": "2024-02-01 10:00:00"});
    assert_eq!(app.post("/v3/customers/satisfaction", answer).await.status, 200);
    room
}

/// Puts a file into the store and attaches it to a customer.
pub async fn attach(app: &TestApp, code: &str, id: &str, name: &str, content: &str) {
    let (company, rest) = id.split_once('-').unwrap();
    let folder = app.database.folder.join("media").join(company).join(&rest[..2]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(rest), content).unwrap();
    let now = app.app.now();
    let done = app
        .app
        .db
        .write(async |mut tx| {
            tx.sql(
                "insert into attachment (company, id, record_kind, record, name, content_type, size, state, link_key,
                                         created_by, created_at)
                 select company, $3, 'customer', id, $4, 'text/plain', $5, 'stored', $6, 'x', $7 from customer
                 where company = $1 and code = $2",
            )
            .bind(COMPANY)
            .bind(code)
            .bind(id)
            .bind(name)
            .bind(i64::try_from(content.len()).unwrap())
            .bind(vec![1_u8])
            .bind(now)
            .exec()
            .await
        })
        .await;
    let done: Result<u64, db::Error> = done;
    assert_eq!(done.unwrap(), 1);
}

/// Two customers with everything, of whom the first was merged with a third; answers the first one's room.
async fn two(fake: &Fake) -> String {
    let room = rich(fake, "ann", "Ann Quartz", "ann").await;
    rich(fake, "bob", "Bob Granite", "bob").await;
    put(&fake.app, plain("ann2", "Annie Quartz")).await;
    attach(&fake.app, "ann", "507-attachmentofann", "../สัญญา 1.txt", "the contract").await;
    fake.app.post("/v3/customers/ann/merge", json!({"mergedCustomerCode": "ann2"})).await;
    room
}

/// What a server leaves that is killed while it writes the archive.
async fn leave_piece(fake: &Fake) {
    let name: String = {
        let mut conn = fake.app.app.db.read().await.unwrap();
        conn.sql("select archive from privacy_request").one().await.unwrap()
    };
    let rest = name.strip_prefix("507-").unwrap();
    let piece = fake.app.database.folder.join("media/507").join(&rest[..2]);
    std::fs::create_dir_all(&piece).unwrap();
    std::fs::write(piece.join(format!("{rest}#1")), "a piece").unwrap();
}

fn check_archive(bytes: &[u8], room: &str) {
    let found = unzip(bytes);
    for (path, content) in &found {
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains("Granite") && !text.contains("bob"), "{path} speaks of another customer: {text}");
    }
    let profile = records(&found, "profile.jsonl");
    let codes: Vec<&Value> = profile.iter().map(|one| &one["customerCode"]).collect();
    assert_eq!(codes, ["ann", "ann2"]);
    assert_eq!(profile[0]["customerEmail"], "ann@example.com");
    let kinds: Vec<Value> = records(&found, "identities.jsonl").iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["email", "line"]);
    assert_eq!(records(&found, "rooms.jsonl")[0]["id"], json!(room));
    assert_eq!(records(&found, "contacts.jsonl")[0]["name"], "Ann Quartz at LINE");
    let messages = records(&found, "messages.jsonl");
    let contents: Vec<&str> = messages.iter().map(|one| one["content"].as_str().unwrap()).collect();
    assert_eq!(contents.len(), 3);
    for content in ["I am Ann Quartz", "Hello Ann Quartz"] {
        assert!(contents.contains(&content), "{contents:?}");
    }
    assert_eq!(records(&found, "events.jsonl")[0]["description"], "With Ann Quartz");
    assert_eq!(records(&found, "satisfaction.jsonl")[0]["comment"], "Ann Quartz is happy");
    let actions: Vec<Value> = records(&found, "audit.jsonl").iter().map(|one| one["action"].clone()).collect();
    for action in ["created", "room linked", "event added", "merged", "merged into another"] {
        assert!(actions.contains(&json!(action)), "{action}: {actions:?}");
    }
    assert_eq!(records(&found, "merges.jsonl").len(), 1);
    assert_eq!(records(&found, "privacy-requests.jsonl")[0]["requestedBy"], "The person, by e-mail");
    let media = records(&found, "media.jsonl");
    assert_eq!(found[media[0]["path"].as_str().unwrap()], b"picture of Ann Quartz");
    let attached = records(&found, "attachments.jsonl");
    let path = attached[0]["path"].as_str().unwrap();
    assert_eq!(path, "attachments/507-attachmentofann-.._สัญญา 1.txt", "no name leads out of the folder");
    assert_eq!(found[path], b"the contract");
    // The manifest lists every other file, as it is.
    let manifest: Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), found.len() - 1);
    for file in listed {
        let content = &found[file["path"].as_str().unwrap()];
        let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&file["sha256"], &file["bytes"]), (&json!(hash), &json!(content.len())));
    }
    assert_eq!(manifest["missingFiles"], json!([]));
}

#[tokio::test]
async fn an_export_holds_everything_about_the_customer_and_nothing_of_others() {
    let mut fake = Fake::new().await;
    // Boxed: what a test of this length keeps on its stack is too much for a thread of tests.
    let room = Box::pin(two(&fake)).await;
    let mut body = asked("export", "ann");
    body["start"] = json!(true);
    let id = ask(&fake.app, body).await;
    assert_eq!(request(&fake.app, id).await["state"], "running");
    assert_eq!(download(&fake.app, id).await.errors(), [("not_found", "archive")]);
    leave_piece(&fake).await;
    fake.run().await;
    let done = request(&fake.app, id).await;
    assert_eq!(
        (&done["state"], &done["archivePath"]),
        (&json!("done"), &json!(format!("/v1/privacy/requests/{id}/archive")))
    );
    let archive = download(&fake.app, id).await;
    assert_eq!((archive.status, archive.header("content-type")), (200, "application/zip"));
    assert_eq!(archive.header("content-length"), archive.bytes.len().to_string());
    assert_eq!(done["archiveSize"], archive.bytes.len());
    assert_eq!(archive.header("cache-control"), "no-store");

    check_archive(&archive.bytes, &room);

    // Another company does not get it, and after a week nobody does.
    let stranger = fake.app.tenant(508, &["privacy:read"]).await;
    let path = format!("/v1/privacy/requests/{id}/archive");
    assert_eq!(fake.app.request_as(&stranger.token, Method::GET, &path, None).await.status, 404);
    let folder = fake.app.database.folder.join("media");
    assert_eq!(files(&folder).len(), 4, "two pictures, an attachment, the archive");
    fake.later(7 * DAY).await;
    assert_eq!(download(&fake.app, id).await.errors(), [("not_found", "archive")]);
    assert_eq!(files(&folder).len(), 3);
    let over = request(&fake.app, id).await;
    assert_eq!((&over["state"], &over["archivePath"]), (&json!("done"), &Value::Null));
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_and_a_long_conversation_is_complete() {
    let fake = Fake::new().await;
    let room = rich(&fake, "ann", "Ann Quartz", "ann").await;
    let folder = fake.app.database.folder.join("media");
    for file in files(&folder) {
        std::fs::remove_file(folder.join(file)).unwrap();
    }
    for number in 0..450 {
        assert_eq!(fake.app.send(&room, &format!("Message {number}")).await.status, 201);
    }
    let mut body = asked("export", "ann");
    body["start"] = json!(true);
    let id = ask(&fake.app, body).await;
    fake.run().await;
    let found = unzip(&download(&fake.app, id).await.bytes);
    let manifest: Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
    assert_eq!(manifest["missingFiles"].as_array().unwrap().len(), 1);
    assert_eq!(records(&found, "media.jsonl")[0]["path"], Value::Null);
    let messages = records(&found, "messages.jsonl");
    let mut contents: Vec<&str> = messages.iter().map(|one| one["content"].as_str().unwrap()).collect();
    assert_eq!(contents.len(), 453, "more than two lots");
    contents.sort_unstable();
    contents.dedup();
    assert_eq!(contents.len(), 453, "each once");
}

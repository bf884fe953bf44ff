//! Files that customers send: fetched in the background, kept apart by company, shown and never run.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::line::{FaultKind, user_id};

use crate::app::Answer;
use crate::fake::Fake;

/// A customer's file; answers the path under which it is served.
async fn file(fake: &Fake, room: &str, event: Value) -> String {
    fake.event(event).await;
    let last = fake.history(room).await.pop().unwrap();
    let content = last["content"].as_str().unwrap();
    content[content.find("/media/").unwrap()..].to_owned()
}

fn image(bytes: &[u8], kind: &str) -> Value {
    json!({"type": "image", "userId": user_id("ann"), "content": STANDARD.encode(bytes), "contentType": kind})
}

/// Gets a file as a browser does, without a token.
async fn open(fake: &Fake, path: &str) -> Answer {
    fake.app.call(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_picture_is_fetched_kept_and_served() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let path = file(&fake, &room, image(b"picture", "image/png")).await;
    let early = open(&fake, &path).await;
    assert_eq!(early.status, 503, "not fetched yet");
    assert_ne!(early.header("retry-after"), "");
    fake.run().await;
    let served = open(&fake, &path).await;
    assert_eq!(served.status, 200);
    assert_eq!(served.text, "picture");
    assert_eq!(served.header("content-type"), "image/png");
    assert_eq!(served.header("content-disposition"), "inline");
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    assert_eq!(served.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(served.header("content-length"), "7");
    assert_eq!(fake.calls("/v2/bot/message/").len(), 1);
    fake.run().await;
    assert_eq!(fake.calls("/v2/bot/message/").len(), 1, "fetched once");
}

#[tokio::test]
async fn only_pictures_sounds_and_films_open_in_place() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let cases = [
        ("image/jpeg", "inline"),
        ("video/mp4", "inline"),
        ("audio/x-m4a", "inline"),
        ("image/svg+xml", "attachment"),
        ("IMAGE/SVG+XML", "attachment"),
        ("text/html", "attachment"),
        ("application/pdf", "attachment"),
    ];
    for (at, (kind, disposition)) in cases.into_iter().enumerate() {
        let mut event = image(b"<script>alert(1)</script>", kind);
        event["timestamp"] = json!(fake.app.app.now() + i64::try_from(at).unwrap());
        let path = file(&fake, &room, event).await;
        fake.run().await;
        let served = open(&fake, &path).await;
        assert_eq!(served.header("content-disposition"), disposition, "{kind}");
        assert_eq!(served.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_film_that_line_still_prepares_is_asked_for_until_it_is_there() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::ContentProcessing, "/v2/bot/message/", 2);
    let path = file(&fake, &room, json!({"type": "video", "userId": user_id("ann")})).await;
    fake.run().await;
    assert_eq!(open(&fake, &path).await.status, 503);
    fake.later(Duration::from_secs(2)).await;
    assert_eq!(open(&fake, &path).await.status, 503);
    fake.later(Duration::from_secs(4)).await;
    assert_eq!(open(&fake, &path).await.status, 200);
    let contents = fake.line.requests().into_iter().filter(|call| call.path.ends_with("/content")).count();
    assert_eq!(contents, 1, "the file itself is asked for once it is ready");
}

#[tokio::test]
async fn a_download_that_breaks_off_is_begun_anew() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Cut { accepted: false }, "/v2/bot/message/", 1);
    fake.fault(FaultKind::Error { status: 500, accepted: false }, "/v2/bot/message/", 1);
    let path = file(&fake, &room, image(b"picture", "image/png")).await;
    fake.run().await;
    fake.later(Duration::from_secs(2)).await;
    fake.later(Duration::from_secs(4)).await;
    assert_eq!(open(&fake, &path).await.text, "picture");
}

#[tokio::test]
async fn a_file_that_is_gone_at_line_is_not_found() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Error { status: 404, accepted: false }, "/v2/bot/message/", 1);
    let path = file(&fake, &room, image(b"picture", "image/png")).await;
    fake.run().await;
    assert_eq!(open(&fake, &path).await.status, 404);
}

#[tokio::test]
async fn a_file_of_a_removed_account_is_not_waited_for() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let path = file(&fake, &room, image(b"picture", "image/png")).await;
    let (db, now) = (&fake.app.app.db, fake.app.app.now());
    sala::chat::account::remove(db, crate::app::COMPANY, &fake.account, now).await.unwrap();
    fake.app.app.accounts.forget(&fake.account);
    fake.run().await;
    assert_eq!(open(&fake, &path).await.status, 404);
}

#[tokio::test]
async fn taking_a_message_back_removes_its_file() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let report = fake.event(image(b"picture", "image/png")).await;
    fake.run().await;
    let folder = fake.app.database.folder.join("media");
    assert_eq!(files(&folder).len(), 1);
    let content = fake.history(&room).await[0]["content"].as_str().unwrap().to_owned();
    let path = &content[content.find("/media/").unwrap()..];
    let id = report.message_id(0).unwrap();
    fake.event(json!({"type": "unsend", "userId": user_id("ann"), "messageId": id})).await;
    assert_eq!(open(&fake, path).await.status, 404, "at once");
    fake.run().await;
    assert_eq!(files(&folder), Vec::<String>::new(), "and from the disk");
}

#[tokio::test]
async fn a_file_that_is_taken_back_before_it_was_fetched_is_never_kept() {
    let fake = Fake::new().await;
    let report = fake.event(image(b"picture", "image/png")).await;
    let id = report.message_id(0).unwrap();
    fake.event(json!({"type": "unsend", "userId": user_id("ann"), "messageId": id})).await;
    fake.run().await;
    assert_eq!(files(&fake.app.database.folder.join("media")), Vec::<String>::new());
}

#[tokio::test]
async fn a_large_file_is_kept_and_served_whole() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect();
    let path = file(&fake, &room, image(&bytes, "image/jpeg")).await;
    fake.run().await;
    let served = open(&fake, &path).await;
    assert_eq!(served.header("content-length"), "12000000");
    assert!(served.text.as_bytes() == bytes);
}

#[tokio::test]
async fn every_company_has_a_folder_of_its_own_and_no_id_leads_out_of_it() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let path = file(&fake, &room, image(b"picture", "image/png")).await;
    fake.run().await;
    let kept = files(&fake.app.database.folder.join("media"));
    assert_eq!(kept.len(), 1);
    assert!(kept[0].starts_with("507/"), "{kept:?}");
    let id = path.strip_prefix("/media/507-").unwrap();
    assert!(id.len() >= 20, "too long to guess: {id}");
    let shorter = &path[..path.len() - 1];
    for other in [
        format!("/media/508-{id}"),
        format!("/media/{id}"),
        shorter.to_owned(),
        "/media/507-..%2f..%2fsala.key".to_owned(),
        "/media/..%2fsala.db".to_owned(),
        "/media/507-".to_owned(),
    ] {
        assert_eq!(open(&fake, &other).await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn a_file_on_its_senders_own_server_stays_there() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let provider = json!({"type": "external", "originalContentUrl": "https://example.com/a.jpg", "previewImageUrl": "https://example.com/b.jpg"});
    fake.event(json!({"type": "image", "userId": user_id("ann"), "contentProvider": provider})).await;
    fake.run().await;
    assert_eq!(fake.history(&room).await[0]["content"], "https://example.com/a.jpg");
    assert!(fake.calls("/v2/bot/message/").is_empty());
}

/// The files below a folder, by their paths within it.
pub fn files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found
}

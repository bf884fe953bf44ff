//! A media store that takes no files: who sends one is told to come again, what customers send waits for it, and the rest works.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::line::user_id;

use super::{PDF, PNG, Part, attach, attach_json, form_request, kept, later, open, send, shop};
use crate::app::{Answer, TestApp};
use crate::fake::Fake;
use crate::privacy::{ask, asked, download, start};

/// Longer than the store is left alone after it has failed.
pub const PAUSE: Duration = Duration::from_secs(61);

/// More than goes to the store in one piece.
const LARGE: usize = 12_000_000;

fn places(app: &TestApp) -> (PathBuf, PathBuf) {
    (app.database.folder.join("media/507"), app.database.folder.join("aside"))
}

/// Makes the store refuse every file, as a disk does that is full or has failed: a file lies in the place of the company's
/// folder. Rights would not do, because the tests may run as the administrator.
pub fn refuse(app: &TestApp) {
    let (folder, aside) = places(app);
    if folder.exists() {
        std::fs::rename(&folder, aside).unwrap();
    }
    std::fs::write(folder, "").unwrap();
}

/// Makes it work again, with what it held.
pub fn relent(app: &TestApp) {
    let (folder, aside) = places(app);
    std::fs::remove_file(&folder).unwrap();
    if aside.exists() {
        std::fs::rename(aside, folder).unwrap();
    }
}

/// How many jobs of a kind there are, and how many of them were given up.
async fn waiting(app: &TestApp, kind: &'static str) -> (i64, i64) {
    let mut conn = app.app.db.read().await.unwrap();
    let count = conn.sql("select count(*) from job where kind = $1").bind(kind).one().await.unwrap();
    let dead = conn.sql("select count(*) from job where kind = $1 and dead").bind(kind).one().await.unwrap();
    (count, dead)
}

fn is_busy(answer: &Answer, message: &str) {
    assert_eq!((answer.status, answer.errors()), (503, vec![("busy", "")]), "{answer:?}");
    assert_eq!(answer.body["errors"][0]["message"], message);
    assert_ne!(answer.header("retry-after"), "");
}

const FULL: &str = "The media store cannot take files now";

#[tokio::test]
async fn an_upload_is_refused_and_works_when_it_is_sent_again() {
    let mut app = shop().await;
    crate::product::stock_lists(&app).await;
    crate::product::put_well(&app, json!([crate::product::plain("A1", "Cup")])).await;
    let large = vec![b'a'; LARGE];
    let small: [Part<'_>; 2] = [("customerCode", None, "", b"C1"), ("files", Some("a.pdf"), "", PDF)];
    let two: [Part<'_>; 3] = [small[0], small[1], ("files", Some("large.txt"), "", &large)];
    let key = [("idempotency-key", "upload-1")];
    let written = json!([{"content": STANDARD.encode(PDF), "name": "a.pdf"}]);
    let import = || {
        let request = Request::post("/v1/imports?kind=customers")
            .header("authorization", format!("Bearer {}", app.token))
            .header("content-type", "text/csv");
        request.body(Body::from("customer code,customer name\nA1,Ann\n")).unwrap()
    };

    refuse(&app);
    is_busy(&send(&app, &small, &key).await, FULL);
    is_busy(&send(&app, &two, &[]).await, FULL);
    is_busy(&send(&app, &[small[0], two[2]], &[]).await, FULL);
    is_busy(&attach_json(&app, written.clone()).await, FULL);
    is_busy(&app.call(form_request(&app, "/v1/products/A1/images", &small[1..], &[])).await, FULL);
    is_busy(&app.call(import()).await, FULL);
    let thai = app.call(form_request(&app, "/v1/products/A1/images", &small[1..], &[("accept-language", "th")])).await;
    assert_eq!((thai.status, &thai.body["errors"][0]["message"]), (503, &json!("ขณะนี้ที่เก็บไฟล์รับไฟล์ไม่ได้")));
    for list in ["/v3/customers/C1/files", "/v1/imports"] {
        let listed = app.get(list).await;
        let listed = listed.data();
        let rows = listed.as_array().or_else(|| listed["value"].as_array()).unwrap();
        assert_eq!(rows.len(), 0, "{list}: nothing is promised");
    }
    // The picture of documents is a part of the settings and needs no store.
    let pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let logo = json!({"content": pixel});
    let logo = app.request(Method::PUT, "/v1/documents/logo", &[], Some(logo)).await;
    assert_eq!((logo.status, &logo.data()["hasLogo"]), (200, &json!(true)), "{logo:?}");

    relent(&app);
    assert_eq!(kept(&app), 0);
    let again = send(&app, &small, &key).await;
    assert_eq!(again.status, 200, "a refusal is not kept for the key: {again:?}");
    assert_eq!(open(&app, &again.data()[0]["fileUrl"]).await.bytes, PDF);
    assert_eq!(send(&app, &two, &[]).await.status, 200);
    assert_eq!(attach_json(&app, written).await.status, 200);
    assert_eq!(app.call(import()).await.status, 202);
    assert_eq!(app.get("/v3/customers/C1/files").await.data()["total"], 4);
    app.run_jobs().await;
    assert_eq!(app.get("/v3/customers/A1").await.status, 200, "what was sent again is loaded");
    later(&mut app, Duration::from_secs(25 * 60 * 60)).await;
    assert_eq!((kept(&app), waiting(&app, "discard").await), (4, (0, 0)), "nothing is left of what was refused");
}

#[tokio::test]
async fn what_a_customer_sends_arrives_and_its_files_follow() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    refuse(&fake.app);
    let picture = async |fake: &Fake, bytes: &[u8], before: Option<&String>| {
        let content = STANDARD.encode(bytes);
        let event = json!({"type": "image", "userId": user_id("ann"), "content": content, "contentType": "image/png"});
        fake.event(event).await;
        fake.run().await;
        // Messages of one millisecond stand in no order of their own.
        let history = fake.history(&room).await;
        let mut pictures = history.iter().filter_map(|message| {
            let content = message["content"].as_str()?;
            Some(content[content.find("/media/")?..].to_owned())
        });
        pictures.find(|path| Some(path) != before).unwrap()
    };
    let get = async |fake: &Fake, path: &str| fake.app.call(Request::get(path).body(Body::empty()).unwrap()).await;
    let small = picture(&fake, &b"picture"[..], None).await;
    fake.say("ann", "Did you get my picture?").await;
    // Answers go out meanwhile.
    let sent = fake.send(&room, "One moment").await;
    fake.run().await;
    assert_eq!(fake.app.message(&sent).await["deliveryStatus"], "sent");
    assert_eq!(fake.texts("ann"), ["One moment"]);
    let history = fake.history(&room).await;
    let is_there = history.iter().any(|message| message["content"] == "Did you get my picture?");
    assert!(history.len() == 3 && is_there, "{history:?}");

    // For longer than a job may fail: this one does not.
    for _ in 0..70 {
        fake.later(PAUSE).await;
    }
    let bytes = vec![b'x'; LARGE];
    let large = picture(&fake, bytes.as_slice(), Some(&small)).await;
    is_busy(&get(&fake, &small).await, "The file is still being fetched from the provider");
    assert_eq!(waiting(&fake.app, "media").await, (2, 0));
    relent(&fake.app);
    // The tries at the store were none at LINE, which may be asked again as often as ever.
    fake.fault(simulator::line::FaultKind::Error { status: 500, accepted: false }, "/v2/bot/message/", 2);
    fake.later(PAUSE).await;
    is_busy(&get(&fake, &small).await, "The file is still being fetched from the provider");
    fake.later(PAUSE).await;
    let (small, large) = (get(&fake, &small).await, get(&fake, &large).await);
    assert_eq!((small.status, &small.bytes[..]), (200, &b"picture"[..]));
    assert!(large.status == 200 && large.bytes == bytes, "whole");
    assert_eq!(waiting(&fake.app, "media").await, (0, 0));
}

#[tokio::test]
async fn files_that_are_there_are_not_called_missing() {
    let mut app = shop().await;
    let file = attach(&app, "a.pdf", PDF).await;
    refuse(&app);
    is_busy(&open(&app, &file["fileUrl"]).await, "The media store cannot be read now");
    // Removed while the store is away: unreachable at once, and its bytes are deleted when that can be done.
    let path = format!("/v3/customers/C1/files/{}", file["fileId"].as_str().unwrap());
    let removed = app.request(Method::DELETE, &path, &[], None).await;
    assert_eq!(removed.status, 200, "{removed:?}");
    assert_eq!(open(&app, &file["fileUrl"]).await.status, 404);
    for _ in 0..70 {
        later(&mut app, PAUSE).await;
    }
    relent(&app);
    assert_eq!(kept(&app), 1);
    later(&mut app, PAUSE).await;
    assert_eq!(kept(&app), 0, "however long it took");
}

#[tokio::test]
async fn an_archive_is_made_when_there_is_room_for_it() {
    let mut app = shop().await;
    attach(&app, "a.png", PNG).await;
    let id = ask(&app, asked("export", "C1")).await;
    refuse(&app);
    assert_eq!(start(&app, id).await.status, 200);
    app.run_jobs().await;
    let state = async |app: &TestApp| -> Value { crate::privacy::request(app, id).await["state"].clone() };
    assert_eq!((state(&app).await, download(&app, id).await.status), (json!("running"), 404));
    relent(&app);
    later(&mut app, PAUSE).await;
    assert_eq!((state(&app).await, download(&app, id).await.status), (json!("done"), 200));
    refuse(&app);
    is_busy(&download(&app, id).await, "The media store cannot be read now");
}

/// The connection ends while an import is being stored: nobody knows whether it was.
#[tokio::test]
#[ignore = "needs a server that ends a connection: scripts/postgres.sh"]
async fn a_file_stays_while_nobody_knows_whether_its_import_was_stored() {
    let app = shop().await;
    app.sql(
        "create function die() returns trigger language plpgsql as
         $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$",
    )
    .await;
    app.sql("create constraint trigger die after insert on import deferrable initially deferred for each row execute function die()")
        .await;
    let import = || {
        let request = Request::post("/v1/imports?kind=customers")
            .header("authorization", format!("Bearer {}", app.token))
            .header("content-type", "text/csv");
        request.body(Body::from("customer code,customer name\nA1,Ann\n")).unwrap()
    };
    assert_eq!(app.call(import()).await.status, 503);
    assert_eq!(kept(&app), 1, "the import may be there, and needs its file");
    app.sql("drop trigger die on import").await;
    assert_eq!(app.call(import()).await.status, 202);
    app.run_jobs().await;
    assert_eq!(app.get("/v3/customers/A1").await.status, 200);
}

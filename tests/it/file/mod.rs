//! Files of customers: every way in, what they turn out to be, and who can get them out again.

mod fetched;
mod refused;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sala::config::Config;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::app::{Answer, COMPANY, TestApp};
use crate::receiver::Receiver;

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and the rest";

pub const PDF: &[u8] = b"%PDF-1.7 a contract";

/// A server with the customer C1.
async fn shop() -> TestApp {
    shop_with(|_| {}).await
}

async fn shop_with(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 1;
        change(config);
    })
    .await;
    let made = app
        .post(
            "/v3/customers",
            json!({"customerCode": "C1", "customerName": "ก้าวหน้า", "customerState": 3, "customerStatus": 0}),
        )
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    app
}

/// A part of a form: field, file name if it is a file, declared type, content.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a str, &'a [u8]);

fn form_body(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, kind, content) in parts {
        let name = name.map_or_else(String::new, |name| format!("; filename=\"{name}\""));
        let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{field}\"{name}\r\n{kind}\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

/// A form on its way to an operation.
pub fn form_request(app: &TestApp, path: &str, parts: &[Part<'_>], headers: &[(&str, &str)]) -> Request<Body> {
    let body = form_body(parts);
    let mut request = Request::post(path)
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "multipart/form-data; boundary=XX")
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

/// Sends a form to attach-files.
async fn send(app: &TestApp, parts: &[Part<'_>], headers: &[(&str, &str)]) -> Answer {
    app.call(form_request(app, "/v1/customer/attach-files", parts, headers)).await
}

async fn attach_json(app: &TestApp, files: Value) -> Answer {
    app.post("/v1/customer/attach-files", json!({"customerCode": "C1", "fileCategoryId": 1, "files": files})).await
}

/// Attaches one file in a form; answers it.
async fn attach(app: &TestApp, name: &str, content: &[u8]) -> Value {
    let parts: [Part<'_>; 2] = [("customerCode", None, "", b"C1"), ("files", Some(name), "image/png", content)];
    let answer = send(app, &parts, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.data()[0].clone()
}

/// The file of this id as the API shows it.
async fn file(app: &TestApp, id: &Value) -> Value {
    let answer = app.get(&format!("/v3/customers/C1/files/{}", id.as_str().unwrap())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.data().clone()
}

/// Gets an address of this server as a browser does, without a token.
async fn open(app: &TestApp, url: &Value) -> Answer {
    let url = url.as_str().unwrap();
    let path = &url[url.find("/files/").unwrap()..];
    app.call(Request::get(path).body(Body::empty()).unwrap()).await
}

/// The files in the media folder.
pub fn kept(app: &TestApp) -> usize {
    let mut count = 0;
    let mut folders = vec![app.database.folder.join("media")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { count += 1 }
        }
    }
    count
}

/// Moves the clock, runs what is due then, and renews the token.
async fn later(app: &mut TestApp, by: Duration) {
    app.advance(by);
    app.run_jobs().await;
    app.token = app.token_for(&app.client).await;
}

async fn jobs(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select count(*) from job where kind = 'file'").one().await.unwrap()
}

#[tokio::test]
async fn files_of_a_form_are_kept_and_served() {
    let app = shop().await;
    // The fields stand behind the files, as some clients send them.
    let parts: [Part<'_>; 4] = [
        ("files", Some("ใบเสนอราคา ที่ 1.pdf"), "application/pdf", PDF),
        ("files[]", Some("C:\\fakepath\\logo.png"), "application/octet-stream", PNG),
        ("CustomerCode", None, "", b"c1"),
        ("fileCategoryName", None, "", b"contract"),
    ];
    let answer = send(&app, &parts, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let files = answer.data().as_array().unwrap().clone();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0]["fileName"], "ใบเสนอราคา ที่ 1.pdf");
    assert_eq!((&files[0]["contentType"], &files[0]["size"]), (&json!("application/pdf"), &json!(PDF.len())));
    assert_eq!(files[0]["fileCategoryName"], "สัญญา", "found by its English name");
    assert_eq!((&files[1]["fileName"], &files[1]["contentType"]), (&json!("logo.png"), &json!("image/png")));
    let hash = files[0]["sha256"].as_str().unwrap();
    assert_eq!(hash, "46a5b1855bdaf2d61721f50202b00aa67db311e67315dc79f90123e463d175a4");
    assert_eq!(jobs(&app).await, 0, "bytes with a record need not be looked after");

    let served = open(&app, &files[0]["fileUrl"]).await;
    assert_eq!((served.status, served.text.as_bytes()), (200, PDF));
    assert_eq!(served.header("content-type"), "application/pdf");
    let disposition = served.header("content-disposition");
    let thai = "%E0%B9%83%E0%B8%9A%E0%B9%80%E0%B8%AA%E0%B8%99%E0%B8%AD%E0%B8%A3%E0%B8%B2%E0%B8%84%E0%B8%B2%20%E0%B8%97%E0%B8%B5%E0%B9%88%201.pdf";
    assert!(disposition.starts_with("attachment; filename=\"__________ ___ 1.pdf\""), "{disposition}");
    assert!(disposition.ends_with(&format!("filename*=UTF-8''{thai}")), "{disposition}");
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    assert_eq!(served.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(served.header("cache-control"), "private, no-store");
    assert!(open(&app, &files[1]["fileUrl"]).await.header("content-disposition").starts_with("inline"));

    let list = app.get("/v3/customers/C1/files?take=1").await;
    assert_eq!((&list.data()["total"], list.data()["value"].as_array().unwrap().len()), (&json!(2), 1));
    let second = app.get("/v3/customers/C1/files?skip=1&fileCategoryId=2").await;
    assert_eq!(second.data()["value"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/v3/customers/C1/files?fileCategoryId=1").await.data()["total"], 0);
    let audit = app.get("/v1/audit?ref=customer/1").await;
    assert!(audit.text.contains("file attached") && audit.text.contains("ใบเสนอราคา ที่ 1.pdf"), "{}", audit.text);
}

#[tokio::test]
async fn what_a_file_is_its_bytes_say() {
    let app = shop().await;
    let html = attach(&app, "photo.png", b"<!DOCTYPE html><script>alert(1)</script>").await;
    let program = attach(&app, "photo.jpg", b"MZ\x90\0\x03\0\0\0").await;
    let drawing = attach(&app, "a.png", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>").await;
    for (file, kind) in [
        (&html, "text/html"),
        (&program, "application/vnd.microsoft.portable-executable"),
        (&drawing, "image/svg+xml; charset=utf-8"),
    ] {
        assert!(file["contentType"].as_str().unwrap().starts_with(kind), "{file}");
        let served = open(&app, &file["fileUrl"]).await;
        assert!(served.header("content-disposition").starts_with("attachment; "), "{served:?}");
        assert_eq!(served.header("content-security-policy"), "default-src 'none'; sandbox");
    }
}

#[tokio::test]
async fn base64_in_json_is_a_file_too() {
    let app = shop().await;
    let data_url = format!("data:application/pdf;base64,{}", STANDARD.encode(PDF));
    let files = json!([{"fileName": "สัญญา.pdf", "content": STANDARD.encode(PDF)}, {"FileName": "b.png", "Base64": STANDARD.encode(PNG)}, data_url]);
    let answer = attach_json(&app, files).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let names: Vec<&Value> = answer.data().as_array().unwrap().iter().map(|file| &file["fileName"]).collect();
    assert_eq!(names, [&json!("สัญญา.pdf"), &json!("b.png"), &json!("file")]);
    assert_eq!(open(&app, &answer.data()[2]["fileUrl"]).await.text.as_bytes(), PDF);
    let single = attach_json(&app, json!({"name": "one.pdf", "data": STANDARD.encode(PDF)})).await;
    assert_eq!(single.data()[0]["fileName"], "one.pdf", "a single file is a list of one");
    let wrong = attach_json(&app, json!([{"content": "%%%"}, {"name": "x"}, 5, "ftp://example.com/a"])).await;
    let expected = [
        ("invalid_format", "files[0]"),
        ("required", "files[1]"),
        ("invalid_type", "files[2]"),
        ("invalid_url", "files[3]"),
    ];
    assert_eq!((wrong.status, wrong.errors()), (400, expected.to_vec()));
}

#[tokio::test]
async fn every_fault_of_a_request_is_named() {
    let app = shop().await;
    let nothing = app.post("/v1/customer/attach-files", json!({"customerCode": "C1"})).await;
    assert_eq!((nothing.status, nothing.errors()), (400, vec![("required", "files")]));
    let parts: [Part<'_>; 4] = [
        ("files", Some("a.pdf"), "", PDF),
        ("customerCode", None, "", b"nobody"),
        ("fileCategoryId", None, "", b"77"),
        ("file", Some(""), "", b""),
    ];
    let refused = send(&app, &parts, &[]).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!(refused.errors(), [("not_found", "customerCode"), ("not_found", "fileCategoryId")]);
    let mixed = app
        .post(
            "/v1/customer/attach-files",
            json!({"customerCode": "C1", "fileCategoryId": {}, "fileCategoryName": "none", "files": [5]}),
        )
        .await;
    let fields: Vec<&str> = mixed.errors().into_iter().map(|(_, field)| field).collect();
    assert_eq!(fields, ["fileCategoryId", "files[0]"]);
    app.run_jobs().await;
    assert_eq!((kept(&app), jobs(&app).await), (0, 0), "nothing is left of a refused request");
    let broken = Request::post("/v1/customer/attach-files")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(Body::from("--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nhalf of"));
    let refused = app.call(broken.unwrap()).await;
    assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_body", "")]));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_named_and_nothing_of_it_is_kept() {
    let mut app = shop_with(|config| config.max_file_size = 100_000).await;
    let large = vec![b'a'; 100_001];
    let parts: [Part<'_>; 3] = [
        ("customerCode", None, "", b"C1"),
        ("files", Some("ok.txt"), "", b"fine"),
        ("files", Some("ใหญ่.txt"), "", &large),
    ];
    let refused = send(&app, &parts, &[]).await;
    assert_eq!((refused.status, refused.errors()), (413, vec![("too_large", "files[1]")]));
    assert!(refused.text.contains("ใหญ่.txt is larger than 100000 bytes"), "{}", refused.text);
    let refused = attach_json(&app, json!([{"content": STANDARD.encode(&large), "name": "x"}])).await;
    assert_eq!((refused.status, refused.errors()), (413, vec![("too_large", "files[0]")]));
    app.run_jobs().await;
    later(&mut app, Duration::from_secs(25 * 60 * 60)).await;
    assert_eq!((kept(&app), jobs(&app).await), (0, 0));
    let exact = attach(&app, "exact.txt", &large[1..]).await;
    assert_eq!(exact["size"], 100_000);
    let many: Vec<Part<'_>> = std::iter::repeat_n(("files", Some("a.txt"), "", &b"a"[..]), 21).collect();
    assert_eq!(send(&app, &many, &[]).await.errors(), [("out_of_range", "files")]);
}

#[tokio::test]
async fn an_upload_that_stands_still_is_given_up() {
    let mut app = shop_with(|config| config.request_timeout = 1).await;
    let whole = form_body(&[("customerCode", None, "", b"C1"), ("files", Some("a.pdf"), "", PDF)]);
    let half = Bytes::copy_from_slice(&whole[..whole.len() - 20]);
    let body = stream::iter([Ok::<_, Infallible>(half)]).chain(stream::pending());
    let request = Request::post("/v1/customer/attach-files")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "multipart/form-data; boundary=XX");
    let refused = app.call(request.body(Body::from_stream(body)).unwrap()).await;
    assert_eq!((refused.status, refused.errors()), (503, vec![("busy", "")]), "{refused:?}");
    later(&mut app, Duration::from_secs(25 * 60 * 60)).await;
    assert_eq!((kept(&app), jobs(&app).await), (0, 0));
}

#[tokio::test]
async fn a_large_upload_passes_the_limit_of_bodies_and_comes_out_whole() {
    let app = shop().await;
    let large: Vec<u8> = (0..12_000_000_u32).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect();
    let stored = attach(&app, "large.txt", &large).await;
    assert_eq!(stored["size"], 12_000_000);
    let served = open(&app, &stored["fileUrl"]).await;
    assert!(served.text.as_bytes() == large);
}

#[tokio::test]
async fn a_key_makes_an_upload_happen_once() {
    let app = shop().await;
    let parts: [Part<'_>; 2] = [("customerCode", None, "", b"C1"), ("files", Some("a.pdf"), "", PDF)];
    let key = [("idempotency-key", "upload-1")];
    let first = send(&app, &parts, &key).await;
    let again = send(&app, &parts, &key).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"), "{again:?}");
    assert_eq!(first.text, again.text);
    let other: [Part<'_>; 2] = [("customerCode", None, "", b"C1"), ("files", Some("another.pdf"), "", PDF)];
    assert_eq!(send(&app, &other, &key).await.status, 422);
    app.run_jobs().await;
    assert_eq!((app.get("/v3/customers/C1/files").await.data()["total"].clone(), kept(&app)), (json!(1), 1));
}

#[tokio::test]
async fn links_expire_are_revoked_and_cannot_be_forged() {
    let mut app = shop().await;
    let stored = attach(&app, "a.pdf", PDF).await;
    let shown = &stored["fileUrl"];
    let path = format!("/v3/customers/C1/files/{}/link", stored["fileId"].as_str().unwrap());
    let first = app.post(&path, json!({"expiresIn": 7200})).await.data()["fileUrl"].clone();
    assert_eq!(open(&app, shown).await.status, 404, "the earlier link is revoked");
    assert_eq!(open(&app, &first).await.status, 200);
    let second = app.post(&path, json!({"expiresIn": 7200})).await.data()["fileUrl"].clone();
    assert_eq!((open(&app, &first).await.status, open(&app, &second).await.status), (404, 200));
    let link = second.as_str().unwrap();
    let (head, signature) = link.rsplit_once('=').unwrap();
    let expires: i64 = head.split(['=', '&']).nth(1).unwrap().parse().unwrap();
    for forged in [
        link.replace(&format!("expires={expires}"), &format!("expires={}", expires + 1)),
        format!("{head}=A{}", &signature[1..]),
        format!("{head}=short"),
        link.replace("/files/507-", "/files/508-"),
        link.replace("/files/507-", "/files/507-..%2f"),
    ] {
        if forged != link {
            assert_eq!(open(&app, &json!(forged)).await.status, 404, "{forged}");
        }
    }
    let unsigned = app.call(Request::get("/files/507-x").body(Body::empty()).unwrap()).await;
    assert_eq!(unsigned.status, 400);
    later(&mut app, Duration::from_secs(7201)).await;
    assert_eq!(open(&app, &second).await.status, 404, "expired");
    let fresh = file(&app, &stored["fileId"]).await["fileUrl"].clone();
    assert_eq!(open(&app, &fresh).await.status, 200, "the record gives a fresh one");
    for wrong in [json!({"expiresIn": 59}), json!({"expiresIn": 31_536_001})] {
        assert_eq!(app.post(&path, wrong).await.errors(), [("out_of_range", "expiresIn")]);
    }
}

#[tokio::test]
async fn files_are_of_one_company_and_one_customer() {
    let app = shop().await;
    let stored = attach(&app, "a.pdf", PDF).await;
    let id = stored["fileId"].as_str().unwrap();
    let stranger = app.tenant(508, &["customer:read", "customer:write"]).await;
    let body = json!({"customerCode": "C1", "customerName": "Theirs", "customerState": 3, "customerStatus": 0});
    let made = app.request_as(&stranger.token, Method::POST, "/v3/customers", Some(body)).await;
    assert_eq!(made.status, 200);
    let other = json!({"customerCode": "C2", "customerName": "Other", "customerState": 3, "customerStatus": 0});
    assert_eq!(app.post("/v3/customers", other).await.status, 200);
    for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/link")] {
        let foreign = format!("/v3/customers/C1/files/{id}{path}");
        let refused = app.request_as(&stranger.token, method.clone(), &foreign, None).await;
        assert_eq!((refused.status, refused.errors()), (404, vec![("not_found", "file")]), "{method} {path}");
        let refused = app.request(method.clone(), &format!("/v3/customers/C2/files/{id}{path}"), &[], None).await;
        assert_eq!(refused.status, 404, "{method} {path}");
    }
    assert_eq!(app.request_as(&stranger.token, Method::GET, "/v3/customers/C1/files", None).await.data()["total"], 0);
    assert_eq!(open(&app, &stored["fileUrl"]).await.status, 200);
}

#[tokio::test]
async fn a_deleted_file_is_gone_at_once_and_then_from_the_disk() {
    let app = shop().await;
    let receiver = subscribed(&app).await;
    let stored = attach(&app, "a.pdf", PDF).await;
    let path = format!("/v3/customers/C1/files/{}", stored["fileId"].as_str().unwrap());
    assert_eq!(app.request(Method::DELETE, &path, &[], None).await.status, 200);
    assert_eq!(open(&app, &stored["fileUrl"]).await.status, 404);
    assert_eq!((app.get(&path).await.status, app.request(Method::DELETE, &path, &[], None).await.status), (404, 404));
    assert_eq!(kept(&app), 1);
    app.run_jobs().await;
    assert_eq!((kept(&app), jobs(&app).await), (0, 0));
    let mut conn = app.app.db.read().await.unwrap();
    let rows: i64 = conn.sql("select count(*) from attachment").one().await.unwrap();
    assert_eq!(rows, 0, "not even its name is left");
    let told: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let events: Vec<&Value> = told.iter().map(|event| &event["Event"]).collect();
    assert_eq!(events, ["FileAttached", "FileRemoved"]);
    let file = &told[0]["Data"]["CustomerFile"];
    assert_eq!((&file["FileName"], &file["CustomerId"], &file["FileUrl"]), (&json!("a.pdf"), &json!(1), &Value::Null));
}

/// A receiver that hears of customers from now on.
async fn subscribed(app: &TestApp) -> Receiver {
    app.run_jobs().await;
    let receiver = Receiver::start().await;
    let topics = vec!["Customer".to_owned()];
    sala::webhook::subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &topics, app.app.now())
        .await
        .unwrap();
    receiver
}

#[tokio::test]
async fn bytes_that_never_got_a_record_are_deleted_a_day_later() {
    let mut app = shop().await;
    let stored = attach(&app, "a.pdf", PDF).await;
    // What is left when the server dies between the bytes and their record.
    app.sql(
        "insert into job (company, kind, key, run_at, version, tries, dead, created_at)
         select 507, 'file', '507-lost', created_at + 86400000, 1, 0, false, created_at from attachment",
    )
    .await;
    let mut lost = app.app.media.writer("507-lost");
    lost.write_all(b"lost").await.unwrap();
    lost.shutdown().await.unwrap();
    app.run_jobs().await;
    assert_eq!(kept(&app), 2);
    later(&mut app, Duration::from_secs(24 * 60 * 60 + 1)).await;
    assert_eq!((kept(&app), jobs(&app).await), (1, 0));
    assert_eq!(file(&app, &stored["fileId"]).await["state"], "stored");
}

#[tokio::test]
async fn a_category_in_use_is_taken_out_of_use_only_with_another() {
    let app = shop().await;
    let parts: [Part<'_>; 3] =
        [("customerCode", None, "", b"C1"), ("fileCategoryId", None, "", b"2"), ("files", Some("a.pdf"), "", PDF)];
    let stored = send(&app, &parts, &[]).await.data()[0].clone();
    let path = "/v1/setting/file-categories/2";
    let refused = app.request(Method::PUT, path, &[], Some(json!({"isActive": false}))).await;
    assert_eq!(refused.errors(), [("in_use", "isActive")]);
    let moved = app.request(Method::PUT, path, &[], Some(json!({"isActive": false, "reassignTo": 1}))).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(file(&app, &stored["fileId"]).await["fileCategoryId"], 1);
}

#[tokio::test]
async fn nothing_is_attached_to_a_deleted_customer() {
    let app = shop().await;
    let stored = attach(&app, "a.pdf", PDF).await;
    assert_eq!(app.request(Method::DELETE, "/v3/customers/C1", &[], None).await.status, 200);
    let parts: [Part<'_>; 2] = [("customerCode", None, "", b"C1"), ("files", Some("b.pdf"), "", PDF)];
    assert_eq!(send(&app, &parts, &[]).await.errors(), [("not_found", "customerCode")]);
    assert_eq!(app.get(&format!("/v3/customers/C1/files/{}", stored["fileId"].as_str().unwrap())).await.status, 404);
    assert_eq!(app.post("/v3/customers/C1/restore", json!({})).await.status, 200);
    assert_eq!(file(&app, &stored["fileId"]).await["state"], "stored");
}

//! E-mail: invitations, resets, quotations and contracts by a real SMTP server, and what becomes of them when it will not.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use futures_util::FutureExt;
use sala::config::SmtpSecurity;
use sala::job;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::{Answer, COMPANY, PASSWORD, TestApp};
use crate::customer::{plain, put};
use crate::deal::employee;
use crate::privacy::{ask, asked, start};
use crate::receiver::Receiver;
use crate::smtp::{self, Server};
use crate::stock::{item, put_products};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// A server whose e-mail goes to `server`, with a customer, an employee, a contract and a quotation.
async fn office(server: &Server) -> TestApp {
    office_with(|config| server.settings(config)).await
}

async fn office_with(change: impl FnOnce(&mut sala::config::Config)) -> TestApp {
    let app = TestApp::with(|config| {
        config.render = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp/render.sh").into());
        change(config);
    })
    .await;
    employee(&app, "EMP1", None).await;
    let mut buyer = plain("C-1", "บริษัท ผู้ซื้อ จำกัด");
    buyer["customerEmail"] = json!("buyer@example.com");
    put(&app, buyer).await;
    let mut product = item("10001");
    product["qty"] = json!(10);
    put_products(&app, &[product]).await;
    let contract = json!({"contractName": "สัญญาบำรุงรักษา", "contractNo": "CONT1", "customerCode": "C-1",
        "contractType": "MA", "contractValue": 2000, "dateStart": "2026-01-01 00:00:00",
        "dateEnd": "2026-12-31 00:00:00", "owner": "EMP1",
        "contractService": {"subject": "Visit", "frequency": 260_001, "numberOfTimes": 1}});
    assert_eq!(app.post("/v1/contract", contract).await.status, 200);
    app
}

async fn quotation(app: &TestApp) -> String {
    let body = json!({"quotationSubject": "เก้าอี้สำนักงาน", "quotationDate": "2026-11-01",
        "quotationValidUntil": "2099-02-04", "quotationStatus": 1, "customerCode": "C-1", "staffCode": "EMP1",
        "vatCalculation": true, "quotationDetails": [{"productCode": "10001", "qty": 2}]});
    app.post("/v2/quotation", body).await.data()["quotationNo"].as_str().unwrap().to_owned()
}

async fn send_contract(app: &TestApp, more: Value) -> Answer {
    let mut body = json!({"contractNo": "CONT1"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.post("/v1/contract/send-document", body).await
}

/// The newest e-mail of the log.
async fn newest(app: &TestApp) -> Value {
    let found = app.get("/v1/mail").await;
    found.data()[0].clone()
}

/// The part of a text that begins like this, up to the next blank.
fn link<'t>(text: &'t str, begin: &str) -> &'t str {
    let from = text.find(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    text[from..].split_whitespace().next().unwrap()
}

async fn plain_post(app: &TestApp, path: &str, body: Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    app.call(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn an_invitation_and_a_reset_come_by_mail_and_their_links_work() {
    let server = Server::start();
    let app = office(&server).await;
    let invitation = json!({"email": "nok@example.com", "firstname": "นก", "lastname": "ใจดี", "roleId": "Owner"});
    let invited = app.post("/v1/console/users", invitation).await;
    assert_eq!((invited.status, &invited.data()["link"]["mailed"]), (201, &json!(true)), "{invited:?}");
    let mail = newest(&app).await;
    assert_eq!((&mail["state"], &mail["kind"], &mail["attempts"]), (&json!("queued"), &json!("invite"), &json!(0)));
    app.run_jobs().await;
    let tries = server.tries();
    assert_eq!(tries.len(), 1);
    let got = &tries[0];
    assert_eq!((&got["tls"], &got["login"]), (&json!(true), &json!(true)), "{got}");
    assert_eq!(got["from"], json!(["Siam Tools", "no-reply@sala.example.com"]));
    assert_eq!((&got["to"], &got["rcptTo"]), (&json!(["nok@example.com"]), &json!(["nok@example.com"])));
    assert_eq!(
        (&got["subject"], &got["automatic"]),
        (&json!("คำเชิญเข้าใช้งานระบบของ Siam Tools"), &json!("auto-generated"))
    );
    let text = got["text"].as_str().unwrap();
    assert!(text.contains("เรียน คุณนก ใจดี"), "{text}");
    let token = link(text, "http").rsplit_once("/console/link/").unwrap().1;

    // The log says what became of it, and lets nobody in.
    let mail = newest(&app).await;
    assert_eq!((&mail["state"], &mail["attempts"], &mail["messageId"]), (&json!("sent"), &json!(1), &got["messageId"]));
    assert!(mail["answer"].as_str().unwrap().contains("250"), "{mail}");
    assert!(!mail.to_string().contains(token) && mail["text"].as_str().unwrap().contains("[ลิงก์]"), "{mail}");
    let set = plain_post(&app, &format!("/v1/auth/links/{token}"), json!({"password": PASSWORD})).await;
    assert_eq!(set.status, 201, "{set:?}");

    // Whoever forgot the password gets a link, and not one after another.
    app.advance(10 * MINUTE);
    for _ in 0..3 {
        assert_eq!(plain_post(&app, "/v1/auth/password/forgot", json!({"email": "NOK@example.com"})).await.status, 200);
        let unknown = plain_post(&app, "/v1/auth/password/forgot", json!({"email": "nobody@example.com"})).await;
        assert_eq!(unknown.status, 200);
    }
    app.run_jobs().await;
    let tries = server.tries();
    assert_eq!((tries.len(), &tries[1]["subject"]), (2, &json!("ตั้งรหัสผ่านใหม่สำหรับ Siam Tools")));
    let text = tries[1]["text"].as_str().unwrap();
    let token = link(text, "http").rsplit_once("/console/link/").unwrap().1;
    let again = plain_post(&app, &format!("/v1/auth/links/{token}"), json!({"password": "another good battery"})).await;
    assert_eq!(again.status, 201, "{again:?}");
    let about = newest(&app).await["record"].as_str().unwrap().to_owned();
    let both = app.get(&format!("/v1/mail?record={about}&state=sent")).await;
    assert_eq!(both.data().as_array().unwrap().len(), 2);
    assert_eq!(app.get("/v1/mail?state=queued").await.data(), &json!([]));
}

/// Fills the queue of e-mails with what waits behind the newest one.
async fn fill_queue(app: &TestApp) {
    app.sql(
        "insert into mail (company, id, kind, record, language, recipients, copies, subject, body, attachments, message_id,
                           size, message, state, attempts, tries, since, next_at, search_key, created_by, created_at,
                           modified_by, modified_at, version)
         with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 5000)
         select company, id + 1000 + n, 'quotation', 'quotation/none', language, recipients, copies, subject, body, attachments,
                message_id, size, message, 'queued', attempts, tries, since, next_at, search_key, created_by, created_at,
                modified_by, modified_at, version
         from mail cross join numbers where id = (select max(id) from mail)",
    )
    .await;
}

#[tokio::test]
async fn a_link_is_replaced_only_by_one_that_is_on_its_way() {
    let server = Server::start();
    let app = office(&server).await;
    let forgot = async || plain_post(&app, "/v1/auth/password/forgot", json!({"email": "nok@example.com"})).await;
    let works = async |link: &str| {
        let (_, token) = link.rsplit_once('/').unwrap();
        app.call(Request::get(format!("/v1/auth/links/{token}")).body(Body::empty()).unwrap()).await.status
    };
    let invitation = json!({"email": "nok@example.com", "firstname": "Nok", "lastname": "Jaidee", "roleId": "Agent"});
    let invited = app.post("/v1/console/users", invitation).await;
    let invitation = invited.data()["link"]["url"].as_str().unwrap().to_owned();
    app.run_jobs().await;

    // Two links that the person asked for: the second replaces the first, and neither ends the invitation.
    let mut links = Vec::new();
    for _ in 0..2 {
        app.advance(10 * MINUTE);
        assert_eq!(forgot().await.status, 200);
        app.run_jobs().await;
        let tries = server.tries();
        links.push(link(tries.last().unwrap()["text"].as_str().unwrap(), "http").to_owned());
    }
    assert_eq!((works(&links[0]).await, works(&links[1]).await, works(&invitation).await), (404, 200, 200));

    // No further e-mail is taken: what there is stays good.
    fill_queue(&app).await;
    app.advance(10 * MINUTE);
    let full = json!({"email": "lek@example.com", "firstname": "Lek", "lastname": "Dee", "roleId": "Agent"});
    let full = app.post("/v1/console/users", full).await;
    assert_eq!((full.status, &full.data()["link"]["mailed"]), (201, &json!(false)), "{full:?}");
    assert_eq!(forgot().await.status, 200);
    assert_eq!((works(&links[1]).await, works(&invitation).await), (200, 200));

    // A new password ends them all.
    let (_, token) = links[1].rsplit_once('/').unwrap();
    let set = plain_post(&app, &format!("/v1/auth/links/{token}"), json!({"password": PASSWORD})).await;
    assert_eq!(set.status, 201, "{set:?}");
    assert_eq!(works(&invitation).await, 404);
}

#[tokio::test]
async fn a_quotation_goes_out_with_a_link_by_which_it_is_accepted() {
    let server = Server::start();
    let app = office(&server).await;
    let sender = json!({"mail": {"senderName": "ฝ่ายขาย \"สยาม\" <ทูลส์>", "replyTo": "sales@example.com"}});
    assert_eq!(app.request(Method::PUT, "/v1/setting", &[], Some(sender)).await.status, 200);
    let no = quotation(&app).await;
    let body = json!({"cc": "boss@example.com; second@example.com,boss@example.com"});
    let sent = app.post(&format!("/v1/quotation/{no}/email"), body).await;
    assert_eq!((sent.status, &sent.data()["quotationNo"]), (200, &json!(no)), "{sent:?}");
    app.run_jobs().await;
    let got = &server.tries()[0];
    assert_eq!(got["from"][0], "ฝ่ายขาย \"สยาม\" <ทูลส์>");
    assert_eq!(got["replyTo"], "sales@example.com");
    assert_eq!(
        (&got["to"], &got["cc"]),
        (&json!(["buyer@example.com"]), &json!(["boss@example.com", "second@example.com"]))
    );
    assert_eq!(got["rcptTo"].as_array().unwrap().len(), 3);
    assert_eq!(got["subject"], format!("ใบเสนอราคา {no} จาก Siam Tools"));
    let text = got["text"].as_str().unwrap();
    assert!(text.contains("เรียน บริษัท ผู้ซื้อ จำกัด") && text.contains("เก้าอี้สำนักงาน"), "{text}");
    assert!(text.contains("4 กุมภาพันธ์ 2642") && text.contains("THB"), "{text}");
    let url = link(text, "http");
    let path = &url[url.find("/quotation/").unwrap()..];
    let page = app.call(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(&no), "{}", page.text);
    assert_eq!(got["files"][0]["name"], format!("{no}.pdf"));
    let status = app.get(&format!("/v2/quotation/{no}")).await.data()["quotationStatus"].clone();
    assert_eq!(status, 4, "the quotation is sent by that");
    let history = app.get(&format!("/v1/audit?ref=quotation/{no}")).await;
    let actions: Vec<&str> =
        history.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"mail_queued") && actions.contains(&"mail_sent"), "{actions:?}");
    // Words of one's own: the link is put below them.
    let own =
        json!({"subject": "{number} สำหรับคุณ", "message": "สวัสดี {name}", "language": "en", "email": "x@example.com"});
    assert_eq!(app.post(&format!("/v1/quotation/{no}/email"), own).await.status, 200);
    app.run_jobs().await;
    let got = &server.tries()[1];
    assert_eq!((&got["subject"], &got["to"]), (&json!(format!("{no} สำหรับคุณ")), &json!(["x@example.com"])));
    let text = got["text"].as_str().unwrap();
    assert!(text.starts_with("สวัสดี บริษัท ผู้ซื้อ จำกัด\n\nhttp"), "{text}");
}

#[tokio::test]
async fn files_of_a_contract_go_along_under_their_thai_names() {
    use base64::Engine as _;
    let server = Server::start();
    let app = office(&server).await;
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    let name = "สัญญาบำรุงรักษา ฉบับลงนาม (ที่ 2).bin";
    let content = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let files = json!({"contractNo": "CONT1", "files": [{"content": content, "fileName": name}]});
    let attached = app.post("/v1/contract/attach-files", files).await;
    assert_eq!(attached.status, 200, "{attached:?}");
    let id = attached.data()["attachments"][0]["fileId"].as_str().unwrap().to_owned();
    let wrong = send_contract(&app, json!({"fileIds": [id, "507-nothing"]})).await;
    assert_eq!(wrong.errors(), [("not_found", "fileIds[1]")]);
    let sent = send_contract(&app, json!({ "fileIds": [id] })).await;
    assert_eq!((sent.status, sent.data()), (200, &json!(null)), "{sent:?}");
    let mail = newest(&app).await;
    assert_eq!((&mail["attachments"][1]["name"], &mail["attachments"][1]["size"]), (&json!(name), &json!(200_000)));
    app.run_jobs().await;
    let got = server.tries()[0].clone();
    let document = json!([got["files"][0]["name"], got["files"][0]["type"]]);
    assert_eq!(document, json!(["CONT1.pdf", "application/pdf"]), "the contract's document first");
    assert_eq!((&got["files"][1]["name"], &got["files"][1]["size"]), (&json!(name), &json!(200_000)));
    let sum: String = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&bytes))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(got["files"][1]["sha256"], sum);
    assert_eq!(got["subject"], "สัญญา CONT1 จาก Siam Tools");
    let text = got["text"].as_str().unwrap();
    assert!(text.contains("1 มกราคม 2569") && text.contains("31 ธันวาคม 2569"), "{text}");
}

#[tokio::test]
async fn without_the_program_for_documents_a_contract_is_refused_and_a_quotation_goes_as_a_link() {
    let server = Server::start();
    let app = office_with(|config| {
        server.settings(config);
        config.render = Some("/nowhere/sala-render".into());
    })
    .await;
    let refused = send_contract(&app, json!({})).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("not_configured", "render")]));
    let no = quotation(&app).await;
    assert_eq!(app.post(&format!("/v1/quotation/{no}/email"), json!({})).await.status, 200);
    app.run_jobs().await;
    let tries = server.tries();
    assert_eq!((tries.len(), &tries[0]["files"]), (1, &json!([])));
    assert!(tries[0]["text"].as_str().unwrap().contains("/quotation/"));
}

#[tokio::test]
async fn a_quotation_whose_document_cannot_be_made_is_not_sent() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("render");
    let app = office_with(|config| {
        server.settings(config);
        config.render = Some(program.clone());
    })
    .await;
    let works = |works: bool| {
        use std::os::unix::fs::PermissionsExt as _;
        let text = if works { include_str!("smtp/render.sh") } else { "#!/bin/sh\ncat >/dev/null\nexit 1\n" };
        let other = folder.path().join("other");
        std::fs::write(&other, text).unwrap();
        std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&other, &program).unwrap();
    };
    works(false);
    let no = quotation(&app).await;
    let state = async || {
        let read = app.get(&format!("/v1/quotation/{no}")).await;
        (read.data()["quotationStatus"].clone(), read.header("etag").to_owned())
    };
    let before = state().await;
    let failed = app.post(&format!("/v1/quotation/{no}/email"), json!({})).await;
    assert!(failed.status >= 500, "{failed:?}");
    assert_eq!(
        (state().await, app.get("/v1/mail").await.data()),
        (before, &json!([])),
        "it is no more sent than its e-mail"
    );
    works(true);
    // What is refused when the e-mail is stored takes the status back, too.
    assert_eq!(app.post("/v1/contract/send-document", json!({"contractNo": "CONT1"})).await.status, 200);
    let before = state().await;
    fill_queue(&app).await;
    assert_eq!(app.post(&format!("/v1/quotation/{no}/email"), json!({})).await.status, 429);
    assert_eq!(state().await, before);
    app.sql("delete from mail where id > 1000").await;
    assert_eq!(app.post(&format!("/v1/quotation/{no}/email"), json!({})).await.status, 200);
    assert_eq!(state().await.0, 4);
}

#[tokio::test]
async fn english_mail_names_the_company_in_english() {
    let server = Server::start();
    let app = office(&server).await;
    let names = json!({"name": "บริษัท สยามทูลส์ จำกัด", "nameEn": "Siam Tools Co., Ltd."});
    assert_eq!(app.request(Method::PUT, "/v1/setting", &[], Some(names)).await.status, 200);
    let no = quotation(&app).await;
    for (language, name, other) in
        [("en", "Siam Tools Co., Ltd.", "สยามทูลส์"), ("th", "บริษัท สยามทูลส์ จำกัด", "Siam Tools")]
    {
        assert_eq!(app.post(&format!("/v1/quotation/{no}/email"), json!({"language": language})).await.status, 200);
        assert_eq!(send_contract(&app, json!({"language": language})).await.status, 200);
        app.run_jobs().await;
        for got in server.tries().iter().rev().take(2) {
            let words = format!("{} {}", got["subject"], got["text"]);
            assert_eq!(got["from"][0], json!(name));
            assert!(words.contains(name) && !words.contains(other), "{got}");
        }
    }
}

#[tokio::test]
async fn nobody_writes_headers() {
    let server = Server::start();
    let app = office(&server).await;
    for (body, fields) in [
        (json!({"email": "a@example.com\r\nBcc: evil@example.com"}), &["email"][..]),
        (json!({"email": "a@example.com", "cc": "b@example.com\nBcc: evil@example.com"}), &["cc"]),
        (json!({"email": "evil <a@example.com>"}), &["email"]),
        (json!({"email": " ;, ", "cc": "b@example.com"}), &["email"]),
        (json!({"email": "\"a\r\nb\"@example.com"}), &["email"]),
        (json!({"subject": "Hello\r\nBcc: evil@example.com"}), &["subject"]),
        (json!({"subject": "{password}", "message": "{link}"}), &["subject", "message"]),
        (json!({"language": "fr", "subject": "x".repeat(201)}), &["language", "subject"]),
    ] {
        let refused = send_contract(&app, body.clone()).await;
        let found: Vec<&str> = refused.errors().iter().map(|(_, field)| *field).collect();
        assert_eq!((refused.status, found.as_slice()), (400, fields), "{body}");
    }
    // What stands in a record is no header either.
    let name = "Chairs\r\nBcc: evil@example.com\r\n\r\nBody";
    let changed = json!({"contractNo": "CONT1", "contractName": name});
    assert_eq!(app.post("/v1/contract", changed).await.status, 200);
    let sent = send_contract(&app, json!({"subject": "{contract}", "message": "{contract}\n.\nQUIT\n..x"})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    app.run_jobs().await;
    let got = &server.tries()[0];
    assert_eq!((&got["bcc"], &got["rcptTo"]), (&json!(null), &json!(["buyer@example.com"])), "{got}");
    assert!(got["subject"].as_str().unwrap().starts_with("Chairs Bcc: evil@example.com"), "{got}");
    assert!(got["text"].as_str().unwrap().contains("\n.\nQUIT\n..x"), "{got}");
    let refused = app
        .request(Method::PUT, "/v1/setting", &[], Some(json!({"mail": {"senderName": "a\r\nb", "replyTo": "x"}})))
        .await;
    assert_eq!(refused.errors(), [("invalid_format", "mail.senderName"), ("invalid_format", "mail.replyTo")]);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_under_the_same_id() {
    let server = Server::start();
    let app = office_with(|config| {
        server.settings(config);
        config.smtp.timeout = 1;
    })
    .await;
    server.answers(&["450 4.2.1 greylisted", "421 4.3.2 shutting down", "hang"]);
    assert_eq!(send_contract(&app, json!({})).await.status, 200);
    for (tries, said) in [(1, "greylisted"), (2, "shutting down"), (3, "did not answer")] {
        app.run_jobs().await;
        let mail = newest(&app).await;
        assert_eq!((&mail["state"], &mail["attempts"]), (&json!("queued"), &json!(tries)), "{mail}");
        assert!(mail["answer"].as_str().unwrap().contains(said), "{mail}");
        app.run_jobs().await;
        assert_eq!(server.tries().len(), tries, "not before its time");
        app.advance(6 * MINUTE);
    }
    app.run_jobs().await;
    let mail = newest(&app).await;
    assert_eq!((&mail["state"], &mail["attempts"]), (&json!("sent"), &json!(4)), "{mail}");
    let tries = server.tries();
    assert_eq!(tries.len(), 4);
    assert!(tries.iter().all(|got| got["messageId"] == mail["messageId"] && got["text"] == tries[0]["text"]));
}

#[tokio::test]
async fn a_refusal_is_final_shown_and_can_be_tried_again() {
    let server = Server::start();
    let mut app = office(&server).await;
    server.answers(&["552 5.3.4 too large for us"]);
    server.refuses("gone@example.com", "550 5.1.1 no such mailbox");
    assert_eq!(send_contract(&app, json!({})).await.status, 200);
    let several = json!({"email": "gone@example.com", "cc": "malee@example.com"});
    assert_eq!(send_contract(&app, several).await.status, 200);
    app.run_jobs().await;
    app.advance(4 * DAY);
    // The token is older than it may become by now.
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
    let found = app.get("/v1/mail?record=contract/CONT1&state=refused").await;
    let answers: Vec<&str> =
        found.data().as_array().unwrap().iter().map(|one| one["answer"].as_str().unwrap()).collect();
    assert_eq!(answers.len(), 2, "{answers:?}");
    // Of several recipients it is said which one the server refuses.
    let named = answers[0].starts_with("gone@example.com: ") && answers[0].contains("no such mailbox");
    assert!(named && answers[1].contains("too large for us"), "{answers:?}");
    assert_eq!(server.tries().len(), 1, "a refusal is not tried again");
    let history = app.get("/v1/audit?ref=contract/CONT1").await;
    let entry = history.data()["value"].as_array().unwrap().iter().find(|entry| entry["action"] == "mail_refused");
    assert!(entry.unwrap()["changes"]["answer"][1].as_str().unwrap().contains("5"), "{history:?}");
    let id = found.data()[1]["mailId"].as_i64().unwrap();
    let retried = app.post(&format!("/v1/mail/{id}/retry"), json!(null)).await;
    assert_eq!((retried.status, &retried.data()["state"]), (200, &json!("queued")), "{retried:?}");
    app.run_jobs().await;
    let mail = app.get(&format!("/v1/mail/{id}")).await;
    assert_eq!((&mail.data()["state"], &mail.data()["attempts"]), (&json!("sent"), &json!(2)));
    let again = app.post(&format!("/v1/mail/{id}/retry"), json!(null)).await;
    assert_eq!((again.status, again.errors()), (409, vec![("conflict", "state")]));
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_not_the_mails_fault_and_three_days_are_enough() {
    let server = Server::start();
    let mut app = office_with(|config| {
        server.settings(config);
        config.smtp.password = Some("wrong".into());
    })
    .await;
    assert_eq!(send_contract(&app, json!({})).await.status, 200);
    assert_eq!(send_contract(&app, json!({})).await.status, 200);
    app.run_jobs().await;
    let mails = app.get("/v1/mail").await;
    let of = |at: usize| (mails.data()[at]["state"].clone(), mails.data()[at]["attempts"].clone());
    assert_eq!(
        (of(1), of(0)),
        ((json!("queued"), json!(0)), (json!("queued"), json!(0))),
        "neither was tried: {mails:?}"
    );
    let answer = mails.data()[1]["answer"].as_str().unwrap();
    assert!(answer.contains("the login") && answer.contains("535") && !answer.contains("wrong"), "{answer}");
    app.advance(3 * DAY);
    app.run_jobs().await;
    app.advance(MINUTE);
    // The token is older than it may become by now.
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
    let mails = app.get("/v1/mail?state=failed").await;
    assert_eq!(mails.data().as_array().unwrap().len(), 2, "{mails:?}");
}

#[tokio::test]
async fn a_dead_server_keeps_no_other_work_waiting() {
    // It takes connections and never says a word; a try lasts longer than the test.
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = dead.local_addr().unwrap().port();
    let app = office_with(|config| {
        config.smtp.host = Some("127.0.0.1".to_owned());
        config.smtp.port = Some(port);
        config.smtp.security = SmtpSecurity::None;
        config.smtp.from = Some("no-reply@example.com".to_owned());
        config.smtp.timeout = 3600;
        config.allow_private_webhooks = true;
    })
    .await;
    let receiver = Receiver::start().await;
    let (db, vault) = (&app.app.db, &app.app.vault);
    let topics = ["Task".to_owned()];
    sala::webhook::subscription::create(db, vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    for _ in 0..30 {
        assert_eq!(send_contract(&app, json!({})).await.status, 200);
    }
    let node = job::start(&app.app).await.unwrap();
    let held = dead.accept().await.unwrap();
    for round in 1..=3 {
        let task = json!({"subject": "Call", "staffCode": "EMP1", "customerCode": "C-1", "dateDue": "2099-01-01"});
        let made = app.post("/v1/task", task).await;
        assert_eq!(made.status, 200, "{made:?}");
        tokio::time::timeout(MINUTE, receiver.wait(round)).await.expect("webhooks go out");
    }
    assert!(dead.accept().now_or_never().is_none(), "one connection at a time");
    drop(held);
    node.stop(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_company_sends_no_more_in_an_hour_than_it_may() {
    let server = Server::start();
    let app = office_with(|config| {
        server.settings(config);
        config.smtp.hourly = 2;
    })
    .await;
    for _ in 0..3 {
        assert_eq!(send_contract(&app, json!({})).await.status, 200);
    }
    app.run_jobs().await;
    assert_eq!(server.tries().len(), 2);
    app.advance(59 * MINUTE);
    app.run_jobs().await;
    assert_eq!(server.tries().len(), 2);
    app.advance(2 * MINUTE);
    app.run_jobs().await;
    assert_eq!(server.tries().len(), 3);
}

#[tokio::test]
async fn a_company_writes_its_own_words() {
    let server = Server::start();
    let app = office(&server).await;
    let all = app.get("/v1/mail/templates").await;
    assert_eq!(all.data()["value"].as_array().unwrap().len(), 10);
    assert!(all.data()["value"].as_array().unwrap().iter().all(|one| one["isStandard"] == true));
    let path = "/v1/mail/templates/quotation/th";
    let write = async |path: &str, body: Value| app.request(Method::PUT, path, &[], Some(body)).await;
    let wrong = write(path, json!({"subject": "{nubmer}\nx", "text": "{until} {price}"})).await;
    assert_eq!(wrong.errors(), [("invalid_value", "subject"), ("invalid_value", "text")]);
    let without = write(path, json!({"subject": "{number}", "text": "{number}"})).await;
    assert_eq!(without.errors(), [("required", "text")]);
    assert_eq!(
        write(path, json!({"subject": " ", "text": ""})).await.errors(),
        [("required", "subject"), ("required", "text")]
    );
    assert!(
        [400, 404].contains(&write("/v1/mail/templates/poem/th", json!({"subject": "a", "text": "b"})).await.status)
    );
    let own = write(path, json!({"subject": "ราคา {number} {x y}", "text": "{name}: {link}"})).await;
    assert_eq!(
        (own.status, &own.data()["isStandard"], &own.data()["version"]),
        (200, &json!(false), &json!(1)),
        "{own:?}"
    );
    let stale = [("if-match", "\"0\"")];
    let body = json!({"subject": "{number}", "text": "{link}"});
    assert_eq!(app.request(Method::PUT, path, &stale, Some(body)).await.status, 412);
    let no = quotation(&app).await;
    assert_eq!(app.post(&format!("/v1/quotation/{no}/email"), json!({})).await.status, 200);
    app.run_jobs().await;
    let got = &server.tries()[0];
    assert_eq!(got["subject"], format!("ราคา {no} {{x y}}"));
    assert!(got["text"].as_str().unwrap().starts_with("บริษัท ผู้ซื้อ จำกัด: http"), "{got}");
    let back = app.request(Method::DELETE, path, &[], None).await;
    assert_eq!((&back.data()["isStandard"], &back.data()["version"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn a_person_sends_a_trial_to_oneself_and_sees_only_what_is_within_range() {
    let server = Server::start();
    let app = office(&server).await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let agent = app.signed_in("Agent", "agent@example.com").await;
    app.run_jobs().await;
    let before = server.tries().len();
    let sent = app.as_person(&owner, Method::POST, "/v1/mail/test", None).await;
    assert_eq!((sent.status, &sent.data()["to"]), (200, &json!(["owner@example.com"])), "{sent:?}");
    assert_eq!(app.as_person(&agent, Method::POST, "/v1/mail/test", None).await.status, 403);
    assert_eq!(app.post("/v1/mail/test", json!(null)).await.errors(), [("people_only", "")]);
    assert_eq!(send_contract(&app, json!({})).await.status, 200);
    app.run_jobs().await;
    assert_eq!(server.tries().len(), before + 2);
    let kinds = async |session| {
        let seen = app.as_person(session, Method::GET, "/v1/mail", None).await;
        let kind = |one: &Value| one["kind"].as_str().unwrap().to_owned();
        seen.data().as_array().unwrap().iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&owner).await, ["contract", "test", "invite", "invite"]);
    assert_eq!(kinds(&agent).await, ["invite"], "the agent's own");
    let contract = newest(&app).await["mailId"].as_i64().unwrap();
    assert_eq!(app.as_person(&agent, Method::GET, &format!("/v1/mail/{contract}"), None).await.status, 404);
}

#[tokio::test]
async fn who_is_erased_is_in_no_mail_and_gets_none() {
    let server = Server::start();
    let mut app = office(&server).await;
    assert_eq!(send_contract(&app, json!({"message": "ถึง {name}"})).await.status, 200);
    let id = ask(&app, asked("erasure", "C-1")).await;
    assert_eq!(start(&app, id).await.status, 200);
    // Before its turn the erasure empties it.
    app.sql("update job set run_at = run_at + 3600000 where kind = 'mail'").await;
    app.run_jobs().await;
    app.advance(2 * 60 * MINUTE);
    // The token is older than it may become by now.
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
    assert_eq!(server.tries(), [json!(null); 0]);
    let mail = newest(&app).await;
    assert_eq!(
        (&mail["state"], &mail["to"], &mail["subject"], &mail["text"]),
        (&json!("failed"), &json!([]), &json!(""), &json!(""))
    );
    assert_ne!(send_contract(&app, json!({"email": "a@example.com"})).await.status, 200);
}

#[tokio::test]
async fn the_doctor_and_a_trial_log_in() {
    let server = Server::start();
    let app = office(&server).await;
    let sala = |args: &[&str], password: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_sala"))
            .args(args)
            .args(["--database", &app.database.url])
            .env("SALA_SECRET_KEY", &app.key)
            .env("SALA_SMTP_HOST", "127.0.0.1")
            .env("SALA_SMTP_PORT", server.port.to_string())
            .env("SALA_SMTP_CA", server.ca())
            .env("SALA_SMTP_USER", smtp::USER)
            .env("SALA_SMTP_PASSWORD", password)
            .env("SALA_SMTP_FROM", "no-reply@sala.example.com")
            .output()
            .unwrap()
    };
    let finding = |output: &std::process::Output| {
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        findings.into_iter().find(|finding| finding["check"] == "e-mail").unwrap()
    };
    let well = finding(&sala(&["doctor", "--json"], smtp::PASSWORD));
    assert_eq!(well["ok"], true, "{well}");
    let wrong = sala(&["doctor", "--json"], "wrong-password");
    let told = finding(&wrong);
    assert!(told["ok"] == false && told["message"].as_str().unwrap().contains("535"), "{told}");
    assert!(!String::from_utf8_lossy(&[wrong.stdout, wrong.stderr].concat()).contains("wrong-password"));
    let sent = sala(&["mail", "test", "--to", "me@example.com"], smtp::PASSWORD);
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(server.tries()[0]["to"], json!(["me@example.com"]));
    let refused = sala(&["mail", "test", "--to", "nobody"], smtp::PASSWORD);
    assert!(!refused.status.success());
}

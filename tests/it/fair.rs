//! Fair shares: whoever is slow, silent or busy keeps no other company waiting. What comes first is told by order and by
//! what was asked of whom, never by how long it took.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sala::app::App;
use sala::event::{self, Event};
use sala::job::{self, Kind, run_due};
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{COMPANY, Tenant, TestApp};
use crate::receiver::{Answer, Receiver};

/// Nobody waits so long for what is to come at once; only a test that fails does.
const NET: Duration = Duration::from_secs(60);

async fn subscribe(app: &TestApp, company: i64, receiver: &Receiver) -> i64 {
    let (db, vault) = (&app.app.db, &app.app.vault);
    subscription::create(db, vault, company, &receiver.url, &[], app.app.now()).await.unwrap().id
}

/// So many events, each about a subject of its own.
async fn happen(app: &App, company: i64, count: usize) {
    let subjects: Vec<String> = (0..count).map(|number| format!("room-{number}")).collect();
    let body = |subject: &str| json!({"Topic": "Chat", "Event": "Message", "Data": {"Subject": subject}}).to_string();
    let event = |subject: &'static str| Event {
        company,
        topic: "Chat",
        name: "Message",
        subject,
        place: 1,
        body: body(subject),
        at: app.now(),
    };
    let events: Vec<Event<'_>> = subjects.into_iter().map(|subject| event(String::leak(subject))).collect();
    for lot in events.chunks(1_000) {
        app.db.write(async |mut tx| event::emit_all(&mut tx, lot).await).await.unwrap();
    }
    app.wakes.wake(Kind::Webhook);
}

/// Posts to a subscription that wait, and how many of them a node holds.
async fn posts(app: &App, webhook: i64) -> (i64, i64) {
    let mut conn = app.db.read().await.unwrap();
    conn.sql("select count(*), count(worker) from job where kind = 'webhook' and lane = $1")
        .bind(webhook.to_string())
        .one()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_silent_receiver_with_6000_events_keeps_no_other_company_waiting() {
    // A call lasts longer than the test: whatever waited for one would wait for ever.
    let app = TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 600;
    })
    .await;
    let (silent, other, second) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    silent.always(Some(Answer::Hang));
    let webhook = subscribe(&app, COMPANY, &silent).await;
    happen(&app.app, COMPANY, 6_000).await;
    subscribe(&app, COMPANY, &second).await;
    app.tenant(508, &[]).await;
    subscribe(&app, 508, &other).await;
    let node = job::start(&app.app).await.unwrap();
    tokio::time::timeout(NET, silent.wait(64)).await.expect("the silent one is called");
    for round in 1..=3 {
        happen(&app.app, 508, round).await;
        let expected = (1..=round).sum();
        tokio::time::timeout(NET, other.wait(expected)).await.expect("another company's events go out");
    }
    happen(&app.app, COMPANY, 1).await;
    tokio::time::timeout(NET, second.wait(1)).await.expect("another subscription of the same company is served");
    assert_eq!(silent.got().len(), 64, "as many calls at once as a subscription may have");
    assert_eq!(posts(&app.app, webhook).await.1, 64, "what has no place is not claimed");
    node.stop(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn tries_in_a_row_without_an_answer_hold_the_whole_subscription_back() {
    let app = TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 1;
    })
    .await;
    let (silent, other) = (Receiver::start().await, Receiver::start().await);
    silent.always(Some(Answer::Hang));
    let webhook = subscribe(&app, COMPANY, &silent).await;
    happen(&app.app, COMPANY, 600).await;
    app.run_jobs().await;
    assert_eq!(silent.got().len(), 3, "three tries, and the other 597 events are not even tried");
    subscribe(&app, COMPANY, &other).await;
    happen(&app.app, COMPANY, 2).await;
    app.run_jobs().await;
    assert_eq!((silent.got().len(), other.got().len()), (3, 2), "its neighbour is not held back");
    for (probe, wait) in [(4, 5), (5, 30), (6, 120)] {
        app.advance(Duration::from_secs(wait - 1));
        app.run_jobs().await;
        assert_eq!(silent.got().len(), probe - 1, "not before its time");
        app.advance(Duration::from_secs(2));
        app.run_jobs().await;
        assert_eq!(silent.got().len(), probe, "one probe");
    }
    silent.always(None);
    app.advance(Duration::from_secs(301));
    app.run_jobs().await;
    // The subjects that had been tried wait for their own time.
    app.advance(Duration::from_secs(2 * 60 * 60));
    app.run_jobs().await;
    let mut bodies: Vec<String> = silent.got().into_iter().skip(6).map(|got| got.body).collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), 600, "everything arrives when it answers again");
    assert_eq!(silent.got().len(), 6 + 602, "and once: two subjects had two events");
    assert_eq!(posts(&app.app, webhook).await, (0, 0));
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_wait_is_left_alone_until_then() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let receiver = Receiver::start().await;
    subscribe(&app, COMPANY, &receiver).await;
    receiver.answer([Answer::With(429, "retry-after", "900".to_owned())]);
    happen(&app.app, COMPANY, 20).await;
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 1);
    app.advance(Duration::from_secs(899));
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 1, "not before the time it named");
    app.advance(Duration::from_secs(2));
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 21);
}

async fn hand_in(app: &TestApp, token: &str, rows: std::ops::Range<usize>) -> String {
    let mut file = "customerCode,customerName\n".to_owned();
    for row in rows {
        file.push_str(&format!("K{row},Customer {row}\n"));
    }
    let request = Request::post("/v1/imports?kind=customers")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "text/csv");
    let begun = app.call(request.body(Body::from(file)).unwrap()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    begun.data()["importId"].as_str().unwrap().to_owned()
}

async fn state(app: &TestApp, token: &str, import: &str) -> String {
    let found = app.request_as(token, Method::GET, &format!("/v1/imports/{import}"), None).await;
    found.data()["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ten_imports_of_a_company_keep_no_other_company_waiting() {
    let app = TestApp::new().await;
    let other = app.tenant(508, &["import:write", "import:read", "customer:write", "customer:read"]).await;
    let mut files = Vec::new();
    for file in 0..10 {
        files.push(hand_in(&app, &app.token, file * 1_000..(file + 1) * 1_000).await);
    }
    let small = hand_in(&app, &other.token, 0..1).await;
    let node = job::start(&app.app).await.unwrap();
    let done = async {
        while state(&app, &other.token, &small).await != "done" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NET, done).await.expect("the other company's file is loaded");
    let mut waiting = 0;
    for file in &files {
        waiting += usize::from(state(&app, &app.token, file).await == "waiting");
    }
    assert!(waiting >= 8, "one after another: {waiting} still wait");
    node.stop(Duration::from_millis(10)).await;
}

async fn attach(app: &TestApp, token: &str, urls: &[String]) -> Vec<Value> {
    let shop = json!({"customerCode": "C1", "customerName": "Shop", "customerState": 3, "customerStatus": 0});
    let made = app.request_as(token, Method::POST, "/v3/customers", Some(shop)).await;
    assert!(matches!(made.status, 200 | 409), "{made:?}");
    let body = json!({"customerCode": "C1", "fileCategoryId": 1, "files": urls});
    let attached = app.request_as(token, Method::POST, "/v1/customer/attach-files", Some(body)).await;
    assert_eq!(attached.status, 200, "{attached:?}");
    attached.data().as_array().unwrap().clone()
}

const FILES: [&str; 4] = ["customer:write", "customer:read", "file:write", "file:read"];

async fn until_stored(app: &TestApp, tenant: &Tenant, file: &Value) {
    let path = format!("/v3/customers/C1/files/{}", file["fileId"].as_str().unwrap());
    let stored = async {
        while app.request_as(&tenant.token, Method::GET, &path, None).await.data()["state"] != "stored" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NET, stored).await.expect("the file is fetched");
}

#[tokio::test]
async fn addresses_that_give_nothing_keep_neither_other_companies_files_nor_deletions_waiting() {
    let app = TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 600;
    })
    .await;
    let (silent, good) = (Receiver::start().await, Receiver::start().await);
    silent.always(Some(Answer::Hang));
    let urls: Vec<String> = (0..20).map(|number| format!("{}/{number}.pdf", silent.url)).collect();
    let dripping = attach(&app, &app.token, &urls).await;
    let other = app.tenant(508, &FILES).await;
    let node = job::start(&app.app).await.unwrap();
    tokio::time::timeout(NET, silent.wait(2)).await.expect("two are being fetched");
    let file = attach(&app, &other.token, std::slice::from_ref(&good.url)).await.remove(0);
    until_stored(&app, &other, &file).await;
    assert_eq!(silent.got().len(), 2, "two at a time for each company");
    // A file that was removed is gone although its company's places for fetching are taken.
    let id = dripping[19]["fileId"].as_str().unwrap().to_owned();
    let removed = app.request(Method::DELETE, &format!("/v3/customers/C1/files/{id}"), &[], None).await;
    assert_eq!(removed.status, 200, "{removed:?}");
    let gone = async {
        let left = async || -> i64 {
            let mut conn = app.app.db.read().await.unwrap();
            conn.sql("select count(*) from attachment where company = 507 and id = $1").bind(&id).one().await.unwrap()
        };
        while left().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NET, gone).await.expect("the file is deleted");
    node.stop(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_job_whose_workers_end_before_it_does_is_set_aside() {
    let app = TestApp::with(|config| {
        config.allow_private_webhooks = true;
        config.webhook_timeout = 600;
    })
    .await;
    let silent = Receiver::start().await;
    silent.always(Some(Answer::Hang));
    attach(&app, &app.token, std::slice::from_ref(&silent.url)).await;
    for worker in 1..=4 {
        let node = job::start(&app.app).await.unwrap();
        if worker < 4 {
            tokio::time::timeout(NET, silent.wait(worker)).await.expect("the file is asked for");
            // The worker ends in the middle of it, and nothing is given back.
            drop(node);
            app.advance(Duration::from_secs(16));
        } else {
            let dead = async {
                while job::dead::list(&mut app.app.db.read().await.unwrap(), None, None).await.unwrap().is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(NET, dead).await.expect("it is set aside");
            node.stop(Duration::from_millis(10)).await;
        }
    }
    let dead = job::dead::list(&mut app.app.db.read().await.unwrap(), Some(COMPANY), None).await.unwrap();
    assert!(dead[0].error.as_deref().unwrap().contains("again and again"), "{dead:?}");
    run_due(&app.app).await.unwrap();
    assert_eq!(silent.got().len(), 3, "a fourth worker is spared, and whoever comes later");
    // Whoever has mended what it was lets it run again.
    silent.always(None);
    assert_eq!(job::dead::retry(&app.app.db, Some(COMPANY), None, app.app.now()).await.unwrap(), 1);
    run_due(&app.app).await.unwrap();
    assert_eq!(silent.got().len(), 4);
}

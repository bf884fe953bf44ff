//! Background work: leases, work asked for during a run, jobs that only fail, and a node that stops.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use sala::app::App;
use sala::job::{self, run_due};
use sala::webhook::subscription;
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::line::FaultKind;
use tokio::sync::Notify;

use crate::app::{COMPANY, TestApp};
use crate::fake::Fake;
use crate::receiver::{Answer, Receiver};

const PUSH: &str = "/v2/bot/message/push";

#[derive(Debug, Deserialize)]
struct JobRow {
    tries: i64,
    dead: bool,
    error: Option<String>,
}

async fn jobs(app: &App, kind: &'static str) -> Vec<JobRow> {
    let mut conn = app.db.read().await.unwrap();
    conn.sql("select tries, dead, error from job where kind = $1").bind(kind).all().await.unwrap()
}

#[tokio::test]
async fn a_lease_that_ends_hands_the_job_to_another_node() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Timeout { ms: None, accepted: true }, PUSH, 1);
    let id = fake.send(&room, "Once").await;
    let node = job::start(&fake.app.app).await.unwrap();
    fake.line.wait_for_requests(1).await;
    // The node dies in the middle of the call: nothing is written down and nothing is handed back.
    drop(node);
    let (other, _server) = fake.app.second_node().await;
    other.clock.advance(Duration::from_secs(14));
    assert_eq!(run_due(&other).await.unwrap(), 0, "the lease still holds");
    other.clock.advance(Duration::from_secs(6));
    // What comes regularly may be due by now, too.
    assert!(run_due(&other).await.unwrap() >= 1);
    assert_eq!(fake.texts("ann"), ["Once"]);
    let calls = fake.calls(PUSH);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].header("x-line-retry-key"), calls[1].header("x-line-retry-key"));
    assert_eq!(fake.app.message(&id).await["deliveryStatus"], "sent");
    assert!(jobs(&other, "deliver").await.is_empty());
}

#[tokio::test]
async fn a_node_that_stops_hands_its_jobs_back() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Timeout { ms: None, accepted: true }, PUSH, 1);
    fake.send(&room, "Once").await;
    let node = job::start(&fake.app.app).await.unwrap();
    fake.line.wait_for_requests(1).await;
    node.stop(Duration::from_millis(20)).await;
    let (other, _server) = fake.app.second_node().await;
    assert_eq!(run_due(&other).await.unwrap(), 1, "at once, without waiting for a lease");
    assert_eq!(fake.texts("ann"), ["Once"]);
}

#[tokio::test]
async fn a_node_that_stops_lets_its_running_jobs_end() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Slow { ms: 200 }, PUSH, 1);
    let id = fake.send(&room, "Once").await;
    let node = job::start(&fake.app.app).await.unwrap();
    fake.line.wait_for_requests(1).await;
    node.stop(Duration::from_secs(30)).await;
    assert_eq!(fake.app.message(&id).await["deliveryStatus"], "sent");
    assert!(jobs(&fake.app.app, "deliver").await.is_empty());
}

/// A server with a sandbox and one subscription; its parts.
async fn hooked() -> (TestApp, String, Receiver, i64) {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let account = app.sandbox().await;
    let receiver = Receiver::start().await;
    let (db, vault) = (&app.app.db, &app.app.vault);
    let webhook = subscription::create(db, vault, COMPANY, &receiver.url, &[], app.app.now()).await.unwrap();
    (app, account, receiver, webhook.id)
}

async fn say(app: &TestApp, account: &str, text: &str) {
    let request = Request::post(format!("/channels/sandbox/{account}/U1"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"content": text}).to_string()));
    assert_eq!(app.call(request.unwrap()).await.status, 201);
}

#[tokio::test]
async fn work_asked_for_during_a_run_is_not_lost() {
    let (app, account, receiver, _) = hooked().await;
    let told = Arc::new(Notify::new());
    receiver.answer([Answer::After(Arc::clone(&told))]);
    say(&app, &account, "first").await;
    let node = app.app.clone();
    let running = tokio::spawn(async move { run_due(&node).await });
    receiver.wait(1).await;
    // The run has read what waits; this comes after.
    say(&app, &account, "second").await;
    told.notify_one();
    running.await.unwrap().unwrap();
    assert_eq!(receiver.contents(), ["first", "second"]);
    assert!(jobs(&app.app, "webhook").await.is_empty());
}

/// A subscription's job that has failed until it was set aside; mended since.
async fn set_aside() -> (TestApp, String, Receiver) {
    let (app, account, receiver, webhook) = hooked().await;
    let secret: Vec<u8> = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select secret from webhook where id = $1").bind(webhook).one().await.unwrap()
    };
    set_secret(&app, b"not to be opened").await;
    say(&app, &account, "first").await;
    app.run_jobs().await;
    let failing = jobs(&app.app, "webhook").await;
    assert!(!failing[0].dead);
    assert!(failing[0].error.as_deref().unwrap().contains("internal"), "{failing:?}");
    for _ in 0..70 {
        app.advance(Duration::from_secs(20 * 60));
        app.run_jobs().await;
    }
    let dead = jobs(&app.app, "webhook").await;
    assert!(dead[0].dead && dead[0].tries == 60, "{dead:?}");
    assert!(doctor_says(&app).contains("failed for good"));
    set_secret(&app, &secret).await;
    app.run_jobs().await;
    assert!(receiver.got().is_empty(), "it stays aside");
    (app, account, receiver)
}

#[tokio::test]
async fn a_job_that_only_fails_is_set_aside_visibly_and_revived_by_new_work() {
    let (app, account, receiver) = set_aside().await;
    say(&app, &account, "second").await;
    app.run_jobs().await;
    assert_eq!(receiver.contents(), ["first", "second"]);
    assert!(jobs(&app.app, "webhook").await.is_empty());
}

#[tokio::test]
async fn a_job_that_was_set_aside_is_listed_and_run_again_by_command() {
    let (app, _, receiver) = set_aside().await;
    let sala = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sala"));
        let output = command.arg("job").args(args).args(["--json", "--database", &app.database.url]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let listed: Value = serde_json::from_str(&sala(&["list"])).unwrap();
    assert_eq!((&listed[0]["company"], &listed[0]["kind"]), (&COMPANY.into(), &"webhook".into()), "{listed}");
    assert!(listed[0]["error"].as_str().unwrap().contains("internal"), "{listed}");
    for others in [["--company", "508"], ["--kind", "deliver"]] {
        assert_eq!(sala(&["list", others[0], others[1]]).trim(), "[]");
        assert!(sala(&["retry", others[0], others[1]]).starts_with("0 jobs"));
    }
    assert!(sala(&["retry", "--company", "507", "--kind", "webhook"]).starts_with("1 jobs"));
    app.run_jobs().await;
    assert_eq!(receiver.contents(), ["first"]);
}

async fn set_secret(app: &TestApp, secret: &[u8]) {
    let done: Result<u64, db::Error> =
        app.app.db.write(async |mut tx| tx.sql("update webhook set secret = $1").bind(secret).exec().await).await;
    assert_eq!(done.unwrap(), 1);
}

/// What `sala doctor` says of jobs.
fn doctor_says(app: &TestApp) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sala"))
        .args(["doctor", "--json", "--offline", "--database", &app.database.url])
        .env("SALA_SECRET_KEY", sala::vault::new_key().unwrap())
        .current_dir(&app.database.folder)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report.as_array().unwrap().iter().filter(|finding| finding["check"] == "jobs");
    findings.map(|finding| finding["message"].to_string()).collect()
}

#[tokio::test]
async fn waiting_is_no_failure_however_often() {
    let (app, account, receiver, _) = hooked().await;
    receiver.refuse("cursed");
    say(&app, &account, "cursed").await;
    // As many tries as an event has, and then one real failure.
    app.sql("update job set tries = 500 where kind = 'webhook'").await;
    let secret: Vec<u8> = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select secret from webhook").one().await.unwrap()
    };
    set_secret(&app, b"not to be opened").await;
    app.run_jobs().await;
    assert!(!jobs(&app.app, "webhook").await[0].dead);
    set_secret(&app, &secret).await;
    app.advance(Duration::from_secs(20 * 60));
    app.run_jobs().await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn what_is_past_its_time_is_deleted() {
    let fake = Fake::new().await;
    fake.room("ann").await;
    fake.say("ann", "Hello").await;
    let count = async |app: &App| -> i64 {
        let mut conn = app.db.read().await.unwrap();
        conn.sql("select count(*) from inbound").one().await.unwrap()
    };
    assert_eq!(count(&fake.app.app).await, 1);
    fake.advance(Duration::from_secs(31 * 24 * 60 * 60));
    let node = job::start(&fake.app.app).await.unwrap();
    let purged = async {
        while count(&fake.app.app).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), purged).await.unwrap();
    node.stop(Duration::from_secs(30)).await;
    assert_eq!(fake.rooms_in_database().await, 1, "rooms and messages stay");
}

//! What is kept only for a time: for how long says the company's setting, and one company's says nothing of another's.

use std::time::Duration;

use axum::http::Method;
use sala::event::{self, Event};
use sala::job;
use serde_json::json;

use crate::app::{COMPANY, TestApp};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// An event of so many days ago.
async fn past(app: &TestApp, company: i64, days: i64) {
    let at = app.app.now() - days * DAY;
    let event = Event { company, topic: "Chat", name: "Message", subject: "room", place: 1, body: "{}".to_owned(), at };
    app.app
        .db
        .write(async |mut tx| event::emit(&mut tx, &Event { body: "{}".to_owned(), ..event }).await)
        .await
        .unwrap();
    // Its id says when it happened, as that of an event of that day does.
    let id = uuid::Uuid::from_u128((u128::from(at.unsigned_abs()) << 80) | u128::from(rand(days)));
    let moved: Result<u64, db::Error> = app
        .app
        .db
        .write(async |mut tx| {
            tx.sql("update event set id = $1 where company = $2 and at = $3")
                .bind(id)
                .bind(company)
                .bind(at)
                .exec()
                .await
        })
        .await;
    assert_eq!(moved.unwrap(), 1);
}

fn rand(days: i64) -> u64 {
    days.unsigned_abs().wrapping_mul(0x9E37_79B9)
}

async fn ages(app: &TestApp, company: i64) -> Vec<i64> {
    let mut conn = app.app.db.read().await.unwrap();
    let times: Vec<i64> =
        conn.sql("select at from event where company = $1 order by at desc").bind(company).all().await.unwrap();
    times.into_iter().map(|at| (app.app.now() - at) / DAY).collect()
}

#[tokio::test]
async fn each_company_keeps_events_as_long_as_its_setting_says() {
    let app = TestApp::new().await;
    app.tenant(508, &[]).await;
    let set = async |body: serde_json::Value| app.request(Method::PUT, "/v1/setting", &[], Some(body)).await;
    let wrong = set(json!({"retention": {"events": 0, "deliveries": 40_000}})).await;
    let fields: Vec<&str> = wrong.errors().into_iter().map(|(_, field)| field).collect();
    assert_eq!(fields, ["retention.events", "retention.deliveries"]);
    assert_eq!(set(json!({"retention": {"events": 30, "audit": 400}})).await.status, 200);
    for company in [COMPANY, 508] {
        for days in [10, 40, 100] {
            past(&app, company, days).await;
        }
    }
    let node = job::start(&app.app).await.unwrap();
    let purged = async {
        while ages(&app, 508).await.len() > 2 || ages(&app, COMPANY).await.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), purged).await.unwrap();
    node.stop(Duration::from_secs(30)).await;
    assert_eq!((ages(&app, COMPANY).await, ages(&app, 508).await), (vec![10], vec![10, 40]));
    let shown = app.get("/v1/setting").await.data()["retention"].clone();
    assert_eq!(shown, json!({"events": 30, "deliveries": 30, "attempts": 90, "mails": 365, "audit": 400}));
    // A limit for all of it holds for what would be kept longer.
    assert_eq!(set(json!({"retentionDays": 5})).await.status, 200);
    let report = std::process::Command::new(env!("CARGO_BIN_EXE_sala"))
        .args(["doctor", "--json", "--offline", "--database", &app.database.url])
        .env("SALA_SECRET_KEY", &app.key)
        .current_dir(&app.database.folder)
        .output()
        .unwrap();
    let said = String::from_utf8(report.stdout).unwrap();
    assert!(said.contains("keeps events 5 days, deliveries 5, tries 5, e-mails 5, the audit trail 5 days"), "{said}");
    assert!(
        said.contains("keeps events 90 days, deliveries 30, tries 90, e-mails 365, the audit trail for good"),
        "{said}"
    );
    assert!(said.contains("older events are still there"), "of 507: {said}");
}

//! The audit trail of a whole company: sifted, page by page, with the names of its records.

use axum::http::Method;
use sala::audit::{self, Change};
use sala::http::Error;
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp};

#[tokio::test]
async fn the_trail_is_sifted_by_kind_person_and_day_and_says_what_its_records_are_called() {
    let app = TestApp::new().await;
    let person = app.signed_in("Administrator", "nok@example.com").await;
    let customer = json!({"customerCode": "C1", "customerName": "สยามทูลส์", "customerState": 1});
    app.post("/v3/customers", customer).await.data();
    let subject = json!({"subject": "Call back", "customerCode": "C1"});
    let task = app.as_person(&person, Method::POST, "/v1/task", Some(subject)).await;
    let task = task.data();
    assert_eq!((&task["customerCode"], &task["customerName"]), (&json!("C1"), &json!("สยามทูลส์")));
    let number = task["taskNo"].as_str().unwrap();
    let listed = app.post("/v1/task/enquiry", json!({"customerCode": "C1"})).await;
    assert_eq!(listed.data()[0]["customerName"], "สยามทูลส์");

    let trail =
        async |query: &str| app.get(&format!("/v1/audit?{query}")).await.data()["value"].as_array().unwrap().clone();
    let tasks = trail("kind=task&take=200").await;
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    assert_eq!((&tasks[0]["ref"], &tasks[0]["name"]), (&json!(format!("task/{number}")), &json!("Call back")));
    assert_eq!(tasks[0]["key"], json!(null));
    let customers = trail("kind=customer").await;
    assert_eq!((&customers[0]["name"], &customers[0]["key"]), (&json!("สยามทูลส์"), &json!("C1")));
    let theirs = trail(&format!("actor={}&take=200", person.id)).await;
    assert!(theirs.iter().any(|entry| entry["ref"] == tasks[0]["ref"]), "{theirs:?}");
    assert!(theirs.iter().all(|entry| entry["actor"] == person.id.as_str()));
    assert_eq!(trail(&format!("actor={}&kind=customer", person.id)).await, Vec::<Value>::new());
    let (before, after) = ("dateTo=2001-01-01", "dateFrom=2001-01-01");
    assert_eq!(trail(&format!("{before}&kind=task")).await, Vec::<Value>::new());
    assert_eq!(trail(&format!("{after}&kind=task")).await, tasks);
    let today = tasks[0]["date"].as_str().unwrap().split('T').next().unwrap();
    assert_eq!(trail(&format!("dateFrom={today}&dateTo={today}&kind=task")).await, tasks);

    let account = app.sandbox().await;
    let room = app.room(&account, "U1").await;
    let path = format!("/v1/console/rooms/{room}");
    let labelled = app.request(Method::PATCH, &path, &[], Some(json!({"priority": "high"}))).await;
    assert_eq!(labelled.status, 200, "{labelled:?}");
    assert_eq!(trail("kind=room").await[0]["name"], "Somchai");

    // Of one record, too; and what is no kind or no day is a fault at its field.
    assert_eq!(trail(&format!("ref=task/{number}&actor={}", person.id)).await, tasks);
    assert_eq!(trail(&format!("ref=task/{number}&actor=system")).await, Vec::<Value>::new());
    let wrong = app.get("/v1/audit?kind=a%25b&dateFrom=soon&take=x").await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[tokio::test]
async fn a_page_of_the_trail_that_finds_little_goes_on_where_it_ended() {
    let app = TestApp::new().await;
    app.post("/v1/task", json!({"subject": "The oldest"})).await.data();
    let at = app.app.now();
    let filled = app.app.db.write(async |mut tx| {
        for _ in 0..5_001 {
            let reference = "assignment".to_owned();
            let change = Change { company: COMPANY, reference, actor: "system", action: "updated", at };
            audit::record(&mut tx, &change, &json!({"rules": 0}), &json!({"rules": 1})).await?;
        }
        Ok(())
    });
    let filled: Result<(), Error> = filled.await;
    filled.unwrap();
    let first = app.get("/v1/audit?kind=task").await;
    assert_eq!(first.data()["value"], json!([]));
    let next = first.data()["next"].as_str().unwrap();
    let second = app.get(&format!("/v1/audit?kind=task&before={next}")).await;
    assert_eq!(
        (second.data()["value"][0]["name"].as_str(), &second.data()["next"]),
        (Some("The oldest"), &json!(null))
    );
}

/// A record may be another customer's when its first one is erased: the code is told, and the name is found by it.
#[tokio::test]
async fn the_trail_of_a_record_leaves_its_customers_name_out() {
    let app = crate::sales::market().await;
    let quotation = crate::sales::quote(&app, json!({})).await;
    let order = crate::sales::sell(&app, json!({})).await;
    let task = app.post("/v1/task", json!({"subject": "Call", "customerCode": "daisy"})).await;
    for (kind, made, number) in
        [("quotation", quotation, "quotationNo"), ("sales_order", order, "salesOrderNo"), ("task", task, "taskNo")]
    {
        let reference = format!("{kind}/{}", made.data()[number].as_str().unwrap_or_else(|| panic!("{made:?}")));
        let trail = app.get(&format!("/v1/audit?ref={reference}")).await;
        let entries = trail.data()["value"].as_array().unwrap().clone();
        let created = entries.last().unwrap_or_else(|| panic!("{reference}"));
        assert_eq!(created["changes"]["customerCode"], json!([null, "daisy"]), "{reference}");
        assert_eq!(created["changes"]["customerName"], json!(null), "{reference}");
    }
}

/// What stands under a name in a file of the console's words.
fn words(language: &str, name: &str) -> Vec<String> {
    let file = format!("{}/web/src/i18n/{language}/audit.ts", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let (_, block) = text.split_once(&format!("  {name}: {{\n")).unwrap();
    let (block, _) = block.split_once("\n  }").unwrap();
    let mut keys: Vec<String> = block
        .lines()
        .map(|line| line.trim().split_once(": ").unwrap_or_else(|| panic!("{line}")).0.trim_matches('\'').to_owned())
        .collect();
    keys.sort();
    keys
}

/// Whatever is not in the vocabulary fails every test that writes it.
#[test]
fn the_console_has_words_for_all_that_the_trail_can_say() {
    for language in ["en", "th"] {
        assert_eq!(words(language, "actions"), audit::vocabulary::ACTIONS, "{language}");
        assert_eq!(words(language, "kinds"), audit::vocabulary::KINDS, "{language}");
    }
}

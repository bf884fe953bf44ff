//! Contracts: the documented examples, service agreements and their visits, status by dates, reminders, and honest mail.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::customer::{plain, put};
use crate::deal::employee;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn with_examples() -> TestApp {
    let app = TestApp::new().await;
    employee(&app, "UAT007", None).await;
    let mut lead = plain("L000308", "A lead");
    lead["customerState"] = json!(1);
    lead["customerEmail"] = json!("lead@example.com");
    put(&app, lead).await;
    app
}

fn example() -> Value {
    json!({"contractNo": "CONT250600006", "contractName": "test contract open api 3", "customerCode": "L000308",
           "contractType": "MA", "contractValue": 2000, "dateStart": "2025-06-18 00:00:00",
           "dateEnd": "2026-06-18 21:37:51", "description": null, "owner": "UAT007",
           "contractService": {"subject": "test frequency open api", "frequency": 260_001, "numberOfTimes": 1,
                               "agreementNote": null}})
}

async fn write(app: &TestApp, body: Value) -> Value {
    let made = app.post("/v1/contract", body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.data().clone()
}

/// A time so many days from now, as contracts write it.
fn day(app: &TestApp, days: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(app.app.now() + days * 86_400_000).unwrap();
    at.to_zoned(jiff::tz::TimeZone::get("Asia/Bangkok").unwrap()).strftime("%Y-%m-%d 00:00:00").to_string()
}

/// A contract from and to so many days from now.
async fn around(app: &TestApp, from: i64, to: i64, service: Value) -> Value {
    let mut body = example();
    body["contractNo"] = Value::Null;
    body["dateStart"] = json!(day(app, from));
    body["dateEnd"] = json!(day(app, to));
    body["contractService"] = service;
    write(app, body).await
}

async fn status(app: &TestApp, no: &str) -> Value {
    app.get(&format!("/v1/contract/{no}")).await.data()["statusName"].clone()
}

async fn tasks(app: &TestApp) -> Vec<(String, String)> {
    let found = app.post("/v1/task/enquiry", json!({"orderBy": "dateDue", "take": 200})).await;
    let rows = found.data().as_array().unwrap_or_else(|| panic!("{found:?}")).clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["subject"]), text(&row["status"]))).collect()
}

/// Lets time pass: tokens end within it, and what is due is done.
async fn pass(app: &mut TestApp, time: Duration) {
    app.advance(time);
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
}

async fn visits(app: &TestApp, no: &str) -> Vec<Value> {
    app.get(&format!("/v1/contract/{no}/visits")).await.data()["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_documented_bodies_are_taken_as_they_are_written() {
    let app = with_examples().await;
    let made = write(&app, example()).await;
    assert_eq!((&made["contractNo"], &made["contractType"]), (&json!("CONT250600006"), &json!("MA")));
    assert_eq!((&made["contractValue"], &made["owner"]), (&json!(2000), &json!("UAT007")));
    assert_eq!((&made["customerType"], &made["customerCode"]), (&json!(11_100), &json!("L000308")));
    assert_eq!((&made["dateStart"], &made["dateEnd"]), (&json!("2025-06-18 00:00:00"), &json!("2026-06-18 21:37:51")));
    let services = made["contractServices"].as_array().unwrap();
    assert_eq!((services.len(), &services[0]["frequency"]), (1, &json!(260_001)));
    let again = write(&app, example()).await;
    assert_eq!(again, made, "the same once more changes nothing");
    let read = app.get("/v1/Contract/cont250600006").await;
    assert_eq!(read.data(), &made);
    // The contract and the agreement that the next example names.
    app.sql("update counter set value = 37880 where name = 'contract-service'").await;
    let mut named = example();
    named["contractNo"] = json!("string");
    let named = write(&app, named).await;
    assert_eq!(named["contractServices"][0]["contractServiceId"], 37_881);
    let agreement = json!({"contractNo": "string", "contractServiceId": 37_881, "subject": "string", "frequency": 260_001,
                           "numberOfTimes": 1, "agreementNote": null});
    let changed = app.post("/v1/contract/service-agreement", agreement.clone()).await;
    let mut expected = agreement;
    expected.as_object_mut().unwrap().remove("contractNo");
    assert_eq!(changed.data(), &expected);
    let added = app
        .post(
            "/v1/contract/service-agreement",
            json!({"contractNo": "string", "frequency": "260003", "subject": "Filters", "numberOfTimes": 2}),
        )
        .await;
    assert_eq!(added.data()["contractServiceId"], 37_882);
    let types = app.get("/v1/contract-types").await;
    assert!(types.data().as_array().unwrap().iter().any(|one| one["contractType"] == "MA"), "{types:?}");
    let templates = app.get("/v1/contract/contract-templates").await;
    assert_eq!(templates.data()[0]["templateId"], 1);
    let send = json!({"contractNo": "CONT250600006", "templateId": 1, "email": "buyer@example.com"});
    for path in ["/v1/contract/send-document", "/v1/contract/send", "/v1/contract/CONT250600006/send-document"] {
        let refused = app.post(path, send.clone()).await;
        assert_eq!((refused.status, refused.errors()), (409, vec![("not_configured", "mail")]), "{path}");
    }
    app.run_jobs().await;
}

#[tokio::test]
async fn every_fault_of_a_contract_is_named() {
    let app = with_examples().await;
    let empty = app.post("/v1/contract", json!({})).await;
    let fields = ["contractName", "contractType", "customerCode", "owner", "dateStart", "dateEnd"];
    assert_eq!(empty.errors(), fields.map(|field| ("required", field)));
    let mut body = example();
    body["contractNo"] = json!("a/b");
    body["customerCode"] = json!("nobody");
    body["owner"] = json!("nobody");
    body["dateEnd"] = json!("2025-06-17");
    body["contractValue"] = json!(-1);
    body["contractService"] = json!({"subject": " ", "frequency": 1});
    let wrong = app.post("/v1/contract", body).await;
    let mut errors = wrong.errors();
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            ("invalid_format", "contractNo"),
            ("invalid_value", "contractService.frequency"),
            ("invalid_value", "dateEnd"),
            ("not_found", "customerCode"),
            ("not_found", "owner"),
            ("out_of_range", "contractValue"),
            ("required", "contractService.numberOfTimes"),
            ("required", "contractService.subject")
        ]
    );
    let made = write(&app, example()).await;
    let partly = json!({"contractNo": "CONT250600006", "contractName": "Another", "contractValue": null});
    let changed = write(&app, partly).await;
    assert_eq!((&changed["contractName"], &changed["contractValue"]), (&json!("Another"), &json!(0)));
    assert_eq!(changed["dateEnd"], made["dateEnd"], "what is absent stays");
    let unknown = app
        .post(
            "/v1/contract/service-agreement",
            json!({"contractNo": "x", "frequency": 260_001, "subject": "y", "numberOfTimes": 1}),
        )
        .await;
    assert_eq!(unknown.errors(), [("not_found", "contractNo")]);
    let unknown = app.post("/v1/contract/service-agreement", json!({"contractNo": "CONT250600006", "contractServiceId": 9, "frequency": 260_001, "subject": "y", "numberOfTimes": 1})).await;
    assert_eq!(unknown.errors(), [("not_found", "contractServiceId")]);
    // A visit on each day of ten years is too many.
    write(&app, json!({"contractNo": "CONT250600006", "dateEnd": "2035-06-17"})).await;
    let many = json!({"contractNo": "CONT250600006", "frequency": 260_004, "subject": "y", "numberOfTimes": 300});
    assert_eq!(app.post("/v1/contract/service-agreement", many).await.errors(), [("out_of_range", "numberOfTimes")]);
    let send = app
        .post("/v1/contract/send-document", json!({"contractNo": "x", "templateId": 9, "email": "no address"}))
        .await;
    assert_eq!(
        send.errors(),
        [("not_found", "contractNo"), ("not_found", "templateId"), ("invalid_format", "email")],
        "every fault at once"
    );
    let send = app
        .post(
            "/v1/contract/send-document",
            json!({"contractNo": "CONT250600006", "templateId": 9, "email": "no address"}),
        )
        .await;
    assert_eq!(send.errors(), [("not_found", "templateId"), ("invalid_format", "email")]);
    assert_eq!(app.post("/v1/contract/x/send-document", json!({})).await.status, 404);
    assert_eq!(app.get("/v1/contract/x").await.status, 404);
}

#[tokio::test]
async fn a_contract_begins_and_ends_by_its_dates_and_its_owner_is_reminded() {
    let mut app = with_examples().await;
    let made = around(&app, 10, 60, Value::Null).await;
    let no = made["contractNo"].as_str().unwrap().to_owned();
    assert!(no.starts_with("CONT") && no.len() == 13, "{no}");
    assert_eq!(made["statusName"], "Open");
    app.run_jobs().await;
    assert_eq!(status(&app, &no).await, "Open");
    pass(&mut app, DAY * 11).await;
    assert_eq!(status(&app, &no).await, "Active");
    assert!(tasks(&app).await.is_empty());
    pass(&mut app, DAY * 21).await;
    let reminder = format!("Renew contract {no}: test contract open api 3");
    assert_eq!(tasks(&app).await, [(reminder.clone(), "open".to_owned())]);
    pass(&mut app, DAY).await;
    assert_eq!(tasks(&app).await.len(), 1, "once for each end");
    // It is renewed: another end, another reminder.
    write(&app, json!({"contractNo": no, "dateEnd": day(&app, 40)})).await;
    app.run_jobs().await;
    assert_eq!(tasks(&app).await.len(), 1);
    pass(&mut app, DAY * 12).await;
    assert_eq!(tasks(&app).await.len(), 2);
    pass(&mut app, DAY * 40).await;
    assert_eq!(status(&app, &no).await, "Completed");
    let late = app.post(&format!("/v1/contract/{no}/cancel"), json!({})).await;
    assert_eq!((late.status, late.errors()), (409, vec![("conflict", "statusId")]));
    let audit = app.get(&format!("/v1/audit?ref=contract/{no}")).await;
    let actions: Vec<&str> =
        audit.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["completed", "updated", "activated", "created"]);
}

#[tokio::test]
async fn visits_are_dated_become_tasks_in_time_and_are_called_off_with_the_contract() {
    let mut app = with_examples().await;
    let service = json!({"subject": "Clean the filters", "frequency": 260_003, "numberOfTimes": 1});
    let made = around(&app, 0, 364, service).await;
    let no = made["contractNo"].as_str().unwrap().to_owned();
    assert_eq!(visits(&app, &no).await.len(), 12);
    app.run_jobs().await;
    let subject = format!("Clean the filters ({no})");
    let known = tasks(&app).await.len();
    assert!((1..=2).contains(&known), "those of the next 30 days: {known}");
    assert_eq!(tasks(&app).await[0], (subject.clone(), "open".to_owned()));
    for _ in 0..31 {
        pass(&mut app, DAY * 2).await;
    }
    let later = tasks(&app).await.len();
    assert!((3..=4).contains(&later), "{later}");
    // Twice a month from now on: what has a task stays, the rest is planned anew.
    let id = made["contractServices"][0]["contractServiceId"].clone();
    let agreement = json!({"contractNo": no, "contractServiceId": id, "subject": "Clean the filters", "frequency": 260_003,
                           "numberOfTimes": 2});
    assert_eq!(app.post("/v1/contract/service-agreement", agreement).await.status, 200);
    let planned = visits(&app, &no).await;
    // Of the year's 24 up to five lie in the 62 days that have passed; three or four have a task.
    assert!(planned.len() >= 22, "{}", planned.len());
    assert_eq!(planned.iter().filter(|visit| visit["taskNo"].is_string()).count(), later);
    let cancelled = app.post(&format!("/v1/contract/{no}/cancel"), json!({"reason": "The branch is closed"})).await;
    let data = cancelled.data();
    assert_eq!((&data["statusId"], &data["cancelReason"]), (&json!(1604), &json!("The branch is closed")));
    app.run_jobs().await;
    let left = visits(&app, &no).await;
    assert!(left.iter().all(|visit| visit["taskNo"].is_string()), "{left:?}");
    assert!(left.iter().any(|visit| visit["taskStatus"] == "cancelled"), "{left:?}");
    let again = app.post("/v1/contract", json!({"contractNo": no, "contractName": "x"})).await;
    assert_eq!((again.status, again.errors()), (409, vec![("conflict", "contractNo")]));
}

#[tokio::test]
async fn tasks_without_a_reason_are_cancelled_those_of_today_and_of_the_renewal_as_well() {
    let mut app = with_examples().await;
    let open = async |app: &TestApp| -> Vec<String> {
        let all = tasks(app).await.into_iter();
        all.filter(|(_, status)| status == "open").map(|(subject, _)| subject).collect()
    };
    let service = json!({"subject": "Clean the filters", "frequency": 260_004, "numberOfTimes": 1});
    let made = around(&app, 0, 20, service).await;
    let no = made["contractNo"].as_str().unwrap().to_owned();
    let visit = format!("Clean the filters ({no})");
    let renewal = format!("Renew contract {no}: test contract open api 3");
    app.run_jobs().await;
    let all = [visit.clone(), visit.clone(), visit.clone(), renewal.clone()];
    assert_eq!(open(&app).await, all);
    assert_eq!(visits(&app, &no).await.len(), 3, "a renewal is no visit");
    // It ends sooner: what lies behind its end goes, and comes back with it.
    write(&app, json!({"contractNo": no, "dateEnd": day(&app, 8)})).await;
    app.run_jobs().await;
    assert_eq!(open(&app).await, [visit.clone(), visit.clone(), renewal.clone()]);
    assert_eq!(visits(&app, &no).await.len(), 2);
    write(&app, json!({"contractNo": no, "dateEnd": day(&app, 20)})).await;
    app.run_jobs().await;
    assert_eq!(open(&app).await, all);
    pass(&mut app, DAY * 7).await;
    // What was to be done before today may have been done; a colleague's task is the contract's as well.
    assert_eq!(app.post(&format!("/v1/contract/{no}/cancel"), json!({})).await.status, 200);
    app.run_jobs().await;
    assert_eq!(open(&app).await, [visit]);
}

#[tokio::test]
async fn what_cannot_be_seen_is_taken_from_the_ends_of_names() {
    let app = with_examples().await;
    let unseen = |text: &str| format!("\u{feff}\u{200b} {text}\u{200f} \u{200b}");
    let mut body = example();
    body["contractNo"] = json!(unseen("CONT-9"));
    body["contractName"] = json!(unseen("Care"));
    body["description"] = json!(unseen("For a year"));
    body["contractService"]["subject"] = json!(unseen("Filters"));
    let made = write(&app, body).await;
    assert_eq!(
        (&made["contractNo"], &made["contractName"], &made["description"], &made["contractServices"][0]["subject"]),
        (&json!("CONT-9"), &json!("Care"), &json!("For a year"), &json!("Filters"))
    );
    let lines = json!([{"expenseTypeId": 1004, "amount": 1, "note": unseen("tea")}]);
    let spent = app.post("/v1/Expenses", json!({"subject": unseen("Tea"), "expenseDetails": lines})).await;
    let spent = &spent.data()["value"];
    assert_eq!((&spent["subject"], &spent["expenseDetails"][0]["note"]), (&json!("Tea"), &json!("tea")));
    let task = app.post("/v1/task", json!({"subject": unseen("Call"), "checklist": [{"text": unseen("Ask")}]})).await;
    assert_eq!((&task.data()["subject"], &task.data()["checklist"][0]["text"]), (&json!("Call"), &json!("Ask")));
    let empty = app.post("/v1/task", json!({"subject": "\u{200b} \u{feff}"})).await;
    assert_eq!(empty.errors(), [("required", "subject")]);
}

#[tokio::test]
async fn contracts_are_listed_found_and_carry_files() {
    let app = with_examples().await;
    write(&app, example()).await;
    let mut other = example();
    other["contractNo"] = json!("CONT-2");
    other["contractName"] = json!("สัญญาเช่า");
    other["contractType"] = json!("เช่า");
    other["dateEnd"] = json!("2030-01-31");
    write(&app, other).await;
    let found = async |body: Value| -> Vec<String> {
        let answer: Answer = app.post("/v1/contract/enquiry", body).await;
        let rows = answer.data().as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
        rows.iter().map(|row| row["contractNo"].as_str().unwrap().to_owned()).collect()
    };
    let (first, second) = ("CONT250600006", "CONT-2");
    assert_eq!(found(json!({})).await, [second, first]);
    assert_eq!(found(json!({"orderBy": "dateEnd"})).await, [first, second]);
    assert_eq!(found(json!({"keyword": "เช่า"})).await, [second]);
    assert_eq!(found(json!({"contractType": "ma"})).await, [first]);
    assert_eq!(
        found(json!({"customerCode": "L000308", "owner": "uat007", "dateEndFrom": "2030-01-31"})).await,
        [second]
    );
    assert_eq!(found(json!({"owner": "nobody"})).await, Vec::<String>::new());
    assert_eq!(found(json!({"statusIds": [1604]})).await, Vec::<String>::new());
    let files = json!([{"content": "JVBERi0xLjcK", "fileName": "signed.pdf"}]);
    let attached = app.post("/v1/contract/attach-files", json!({"contractNo": "cont-2", "files": files})).await;
    assert_eq!(attached.data()["attachments"][0]["filename"], "signed.pdf");
    let read = app.get("/v1/contract/CONT-2").await;
    assert_eq!(
        (&read.data()["attachments"][0]["type"], &read.data()["attachments"][0]["isProcessed"]),
        (&json!(4), &json!(true))
    );
    // Its history says so, and one that was written under its id, as it used to be, is moved there.
    let history = async || {
        let answer: Answer = app.get("/v1/audit?ref=contract/CONT-2").await;
        let entries = answer.data()["value"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
        entries.iter().filter(|entry| entry["action"] == "file attached").count()
    };
    assert_eq!(history().await, 1);
    app.sql("update audit set ref = 'contract/2' where action = 'file attached'").await;
    assert_eq!(history().await, 0);
    for statement in include_str!("../../migrations/0043_trail_of_files.sql").split_inclusive(";\n") {
        app.sql(statement).await;
    }
    assert_eq!(history().await, 1);
    let kept = app.request(Method::PUT, "/v1/setting/contract-types/1", &[], Some(json!({"isActive": false}))).await;
    assert_eq!(kept.status, 409, "a type in use");
}

/// Many at once under one number, and many without: each is taken once, and every number is its own.
#[tokio::test]
async fn numbers_are_given_once_however_many_contracts_are_made_at_once() {
    let app = with_examples().await;
    let writes = (0..32).map(|index| {
        let mut body = example();
        body["contractNo"] = if index % 4 == 0 { json!("ONE") } else { Value::Null };
        app.post("/v1/contract", body)
    });
    let mut numbers: Vec<String> = Vec::new();
    for answer in join_all(writes).await {
        assert_eq!(answer.status, 200, "{answer:?}");
        numbers.push(answer.data()["contractNo"].as_str().unwrap().to_owned());
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 25, "{numbers:?}");
    let listed = app.post("/v1/contract/enquiry", json!({"take": 200})).await;
    assert_eq!(listed.body["total"], 25);
}

//! Expenses: both shapes of the body, the rules of each type of line, limits, approval level by level, files and the log.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::deal::{employee, entry};

fn creation() -> Value {
    json!({
        "ExpenseDetails": [
            {"expenseTypeId": 1003, "amount": 850.5, "milesStart": 12_000, "milesEnd": 12_140, "usedFuelCard": false},
            {"expenseTypeId": 1006, "amount": 0, "taxi": 120, "tollway": 60, "parking": 40}
        ],
        "subject": "Visit to customer", "activityId": null, "dateTransaction": "2021-09-17T10:42:31.981Z", "remark": null,
        "attachments": null
    })
}

fn update_body() -> Value {
    json!({
        "ExpenseDetails": [{"expenseDetailId": 11, "expenseTypeId": 1001, "amount": 1200, "night": 2}],
        "subject": "Visit to customer", "activityId": null, "dateTransaction": "2021-09-17T10:42:31.981Z",
        "remark": "second night added",
        "attachments": [{"attachmentId": 1, "refId": 1, "type": 2, "filename": "bill", "extension": ".jpg", "fileSize": 10_240,
            "isActive": "true", "createdByUserId": "string", "dateCreated": "2023-01-25T15:26:54+0700", "resourceUrl": "string",
            "companyId": 1, "isProcessed": true, "url": "string", "urlResponseUpload": "string", "thumbnail": "string"}]
    })
}

fn other(amount: i64) -> Value {
    json!({"expenseTypeId": 1004, "amount": amount, "note": "paper"})
}

async fn create(app: &TestApp, body: Value) -> Value {
    let made = app.post("/v1/Expenses", body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.data()["value"].clone()
}

async fn update(app: &TestApp, id: i64, body: Value) -> Answer {
    app.request(Method::PUT, &format!("/v1/expenses/{id}"), &[], Some(body)).await
}

async fn decide(app: &TestApp, id: i64, what: &str, body: Value) -> Answer {
    app.post(&format!("/v1/expenses/{id}/{what}"), body).await
}

#[tokio::test]
async fn the_documented_bodies_are_taken_as_they_are_written() {
    let app = TestApp::new().await;
    let made = create(&app, creation()).await;
    assert_eq!((&made["expenseId"], &made["statusId"]), (&json!(1), &json!(302)));
    assert_eq!(
        (&made["total"], &made["totalBaht"], &made["totalToPay"]),
        (&json!(1070.5), &json!(1070.5), &json!(1070.5))
    );
    assert_eq!(made["dateTransaction"], "2021-09-17T17:42:31+0700");
    let line = &made["expenseDetails"][1];
    assert_eq!((&line["amount1"], &line["taxi"], &line["parking"]), (&json!(220), &json!(120), &json!(40)));
    // The line that the example of the update names.
    app.sql("update counter set value = 10 where name = 'expense-line'").await;
    let mut body = creation();
    body["ExpenseDetails"] = json!([{"expenseTypeId": 1001, "amount": 600, "night": 1}]);
    let second = create(&app, body).await;
    assert_eq!(second["expenseDetails"][0]["expenseDetailId"], 11);
    let changed = update(&app, 2, update_body()).await;
    let value = &changed.data()["value"];
    assert_eq!((&value["total"], &value["remark"]), (&json!(1200), &json!("second night added")));
    assert_eq!(value["expenseDetails"][0]["expenseDetailId"], 11);
    assert_eq!(value["attachments"], json!([]), "an attachment that is not there says nothing");
    // Drawn the other way: wrapped.
    let plain = update_body();
    let wrapped = json!({"ExpenseDetails": plain, "subject": "Visit to customer"});
    let again = update(&app, 2, wrapped).await;
    assert_eq!(again.data()["value"]["expenseDetails"], value["expenseDetails"]);
    let listed = app
        .post(
            "/v1/expenses/enquiry",
            json!({"expenseTypeId": 1001, "statusIds": ["string"], "staffCodes": ["string"],
            "searchText": "string", "dateStart": "2021-09-17T10:42:31.981Z", "dateEnd": "2021-09-17T10:42:31.981Z"}),
        )
        .await;
    assert_eq!((listed.status, &listed.data()["value"]), (200, &json!([])));
    let groups = app.post("/v1/Expenses/Enquiry", json!({"expenseTypeId": 1001, "statusIds": ["302"]})).await;
    assert_eq!(groups.data()["value"][0]["statusName"], "Waiting for approval");
    assert_eq!(groups.data()["value"][0]["expenses"][0]["expenseNo"], second["expenseNo"]);
    let read = app.get("/v1/Expenses/2").await;
    let log: Vec<&Value> =
        read.data()["value"]["activityLogs"].as_array().unwrap().iter().map(|one| &one["logType"]).collect();
    assert_eq!(log, [&json!(1), &json!(2)], "what changes nothing is not written down");
    assert_eq!(read.data()["value"]["activityLogs"][0]["userInfo"]["fullname"], "Integration");
}

#[tokio::test]
async fn every_fault_of_a_line_is_named() {
    let app = TestApp::new().await;
    let empty = app.post("/v1/Expenses", json!({})).await;
    assert_eq!(empty.errors(), [("required", "subject"), ("required", "ExpenseDetails")]);
    let body = json!({"subject": "x", "expenseDetails": [
        {"expenseTypeId": 1001, "amount": 1}, {"expenseTypeId": 1003, "amount": 1, "milesStart": 5, "milesEnd": 4},
        {"amount": 1}, {"expenseTypeId": 1005, "amount": -1, "hours": "x"}, {"expenseTypeId": 1009, "amount": 1},
        {"expenseDetailId": 77, "expenseTypeId": 1004, "amount": 1}
    ]});
    let wrong = app.post("/v1/Expenses", body).await;
    let mut fields: Vec<&str> = wrong.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "ExpenseDetails[0].night",
            "ExpenseDetails[1].milesEnd",
            "ExpenseDetails[2].expenseTypeId",
            "ExpenseDetails[3].amount",
            "ExpenseDetails[3].hours",
            "ExpenseDetails[3].trainingTitle",
            "ExpenseDetails[4].expenseTypeId",
            "ExpenseDetails[5].expenseDetailId"
        ]
    );
    let card = json!({"subject": "x", "expenseDetails": [
        {"expenseTypeId": 1003, "amount": 100, "milesStart": 1, "milesEnd": 2, "usedFuelCard": true, "night": 3}, other(20)]});
    let made = create(&app, card).await;
    assert_eq!((&made["total"], &made["totalToPay"]), (&json!(120), &json!(20)));
    assert_eq!(made["expenseDetails"][0]["night"], Value::Null, "what does not count for a type is not kept");
}

#[tokio::test]
async fn limits_say_how_many_levels_approve_and_each_is_another_persons() {
    let app = TestApp::new().await;
    employee(&app, "BOSS", None).await;
    employee(&app, "HEAD", Some("BOSS")).await;
    employee(&app, "STAFF", Some("HEAD")).await;
    let first =
        entry(&app, "expense-limits", None, "Small", json!({"expenseTypeId": 1004, "upTo": 100, "approveLevel": 1}))
            .await;
    entry(&app, "expense-limits", None, "Large", json!({"expenseTypeId": 1004, "upTo": 500.5, "approveLevel": 2}))
        .await;
    let refused = app.post("/v1/setting/expense-limits", json!({"name": "x", "detail": {"expenseTypeId": 7}})).await;
    assert_eq!(refused.errors(), [("invalid_value", "detail.expenseTypeId")]);
    let claim = |amount: i64| json!({"subject": "Paper", "staffCode": "staff", "expenseDetails": [other(amount)]});
    let above = app.post("/v1/Expenses", claim(501)).await;
    assert_eq!(above.errors(), [("out_of_range", "ExpenseDetails[0].amount")]);
    let small = create(&app, claim(100)).await;
    assert_eq!(
        (&small["approveLevels"], &small["expenseDetails"][0]["expenseLimitRangesId"]),
        (&json!(1), &json!(first))
    );
    let large = create(&app, claim(500)).await;
    assert_eq!((&large["approveLevels"], &large["waitingApproveByRankNo"]), (&json!(2), &json!(1)));
    let head = app.get("/v1/employees/HEAD").await.data()["value"]["userId"].clone();
    let boss = app.get("/v1/employees/BOSS").await.data()["value"]["userId"].clone();
    assert_eq!(large["waitingApproveByUserId"], head);
    let own = decide(&app, 2, "approve", json!({"staffCode": "STAFF"})).await;
    assert_eq!((own.status, own.errors()), (409, vec![("conflict", "staffCode")]));
    let once = decide(&app, 2, "approve", json!({"staffCode": "HEAD", "comment": "fine"})).await;
    let value = &once.data()["value"];
    assert_eq!((&value["statusId"], &value["waitingApproveByRankNo"]), (&json!(302), &json!(2)));
    assert_eq!((&value["waitingApproveByUserId"], &value["isEdit"]), (&boss, &json!(false)));
    assert_eq!(decide(&app, 2, "approve", json!({"staffCode": "HEAD"})).await.status, 409);
    let late = update(&app, 2, json!({"subject": "Other"})).await;
    let why = late.body["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(late.status == 409 && why.contains("waits for approval at level 2"), "{late:?}");
    let twice = decide(&app, 2, "approve", json!({"staffCode": "BOSS"})).await;
    let value = &twice.data()["value"];
    assert_eq!((&value["statusName"], &value["approvedByUserId"]), (&json!("Approved"), &boss));
    let levels: Vec<_> = value["expenseStates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["approveLevel"].clone(), one["seq"].clone()))
        .collect();
    assert_eq!(levels, [(json!(1), json!(1)), (json!(2), json!(2)), (json!(2), json!(3))]);
    assert_eq!(decide(&app, 2, "approve", json!({})).await.status, 409);
    assert_eq!(decide(&app, 2, "cancel", json!({})).await.status, 409);
    // The other one is rejected, changed, and waits again.
    assert_eq!(decide(&app, 1, "reject", json!({})).await.errors(), [("required", "comment")]);
    let rejected = decide(&app, 1, "reject", json!({"reason": "no receipt"})).await;
    assert_eq!(
        (&rejected.data()["value"]["statusId"], &rejected.data()["value"]["reason"]),
        (&json!(304), &json!("no receipt"))
    );
    let again = update(&app, 1, json!({"remark": "receipt added"})).await;
    assert_eq!((&again.data()["value"]["statusId"], &again.data()["value"]["reason"]), (&json!(302), &Value::Null));
    let groups = app.post("/v1/expenses/enquiry", json!({"expenseTypeId": 0, "staffCodes": ["staff"]})).await;
    let told: Vec<_> = groups.data()["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["statusId"].clone(), group["expenses"].as_array().unwrap().len()))
        .collect();
    assert_eq!((told, &groups.data()["total"]), (vec![(json!(302), 1), (json!(303), 1)], &json!(2)));
    assert_eq!(app.request(Method::DELETE, "/v1/expenses/2", &[], None).await.status, 409);
    assert_eq!(app.request(Method::DELETE, "/v1/expenses/1", &[], None).await.status, 200);
    assert_eq!(app.get("/v1/expenses/1").await.status, 404);
}

#[tokio::test]
async fn receipts_are_attached_listed_and_removed() {
    let app = TestApp::new().await;
    create(&app, json!({"subject": "Paper", "expenseDetails": [other(5)]})).await;
    let none = app.post("/v1/expenses/attach-files", json!({"expenseId": 1})).await;
    assert_eq!(none.errors(), [("required", "files")]);
    let files = json!([{"content": "iVBORw0KGgoAAAANSUhEUg==", "fileName": "receipt.png"}]);
    let unknown = app.post("/v1/expenses/attach-files", json!({"expenseId": 9, "files": files})).await;
    assert_eq!(unknown.errors(), [("not_found", "expenseId")]);
    let attached = app.post("/v1/expenses/attach-files", json!({"expenseId": 1, "files": files})).await;
    let file = attached.data()["value"]["attachments"][0].clone();
    assert_eq!(
        (&file["filename"], &file["extension"], &file["type"]),
        (&json!("receipt.png"), &json!(".png"), &json!(2))
    );
    assert!(file["thumbnail"].is_string() && file["url"] == file["thumbnail"], "{file}");
    let history =
        app.get(&format!("/v1/audit?ref=expense/{}", attached.data()["value"]["expenseNo"].as_str().unwrap())).await;
    assert!(history.text.contains("file attached"), "{}", history.text);
    let kept = update(&app, 1, json!({"attachments": [file]})).await;
    assert_eq!(kept.data()["value"]["attachments"].as_array().unwrap().len(), 1);
    let mut gone = file.clone();
    gone["isActive"] = json!("false");
    let removed = update(&app, 1, json!({"attachments": [gone]})).await;
    assert_eq!(removed.data()["value"]["attachments"], json!([]));
    let bad = update(&app, 1, json!({"attachments": [{"url": "http://127.0.0.1/receipt.jpg"}]})).await;
    assert_eq!(bad.errors(), [("invalid_url", "attachments[0].url")]);
    let fetched =
        update(&app, 1, json!({"attachments": [{"attachmentId": 0, "url": "https://files.example/bill.jpg"}]})).await;
    let file = &fetched.data()["value"]["attachments"][0];
    assert_eq!((&file["filename"], &file["isProcessed"]), (&json!("bill.jpg"), &json!(false)));
}

/// Eight people approve the same level at the same moment: it passes one level, not two.
#[tokio::test]
async fn a_level_is_passed_once_however_many_approve_it() {
    let app = TestApp::new().await;
    entry(&app, "expense-limits", None, "Large", json!({"expenseTypeId": 1004, "approveLevel": 3})).await;
    create(&app, json!({"subject": "Paper", "expenseDetails": [other(5)]})).await;
    let version = app.get("/v1/expenses/1").await.header("etag").to_owned();
    let headers = [("if-match", version.as_str())];
    let approvals = (0..8).map(|_| app.request(Method::POST, "/v1/expenses/1/approve", &headers, Some(json!({}))));
    let mut statuses: Vec<u16> = join_all(approvals).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(app.get("/v1/expenses/1").await.data()["value"]["waitingApproveByRankNo"], 2);
}

/// Each entry of the log: its type, the status before and after, the comment, and who it was.
fn log(answer: &Answer) -> Vec<Value> {
    let entries = answer.data()["value"]["activityLogs"].as_array().unwrap().iter();
    let told = entries.map(|one| {
        assert_eq!(one["createdByUserId"], one["userInfo"]["userId"]);
        json!([one["logType"], one["previousStatus"], one["status"], one["comment"], one["userInfo"]["fullname"]])
    });
    told.collect()
}

#[tokio::test]
async fn every_step_is_in_the_log_with_who_when_and_from_which_status_to_which() {
    let app = TestApp::new().await;
    employee(&app, "BOSS", None).await;
    employee(&app, "HEAD", Some("BOSS")).await;
    employee(&app, "STAFF", Some("HEAD")).await;
    entry(&app, "expense-limits", None, "Large", json!({"expenseTypeId": 1004, "approveLevel": 2})).await;
    let claim = json!({"subject": "Paper", "staffCode": "STAFF", "expenseDetails": [other(50)]});
    let mut times = vec![create(&app, claim.clone()).await["dateCreated"].clone()];
    let minute = std::time::Duration::from_secs(60);
    for (step, body) in [
        ("reject", json!({"staffCode": "HEAD", "comment": "no receipt"})),
        ("", json!({"remark": "receipt added"})),
        ("approve", json!({"staffCode": "HEAD", "comment": "fine"})),
        ("approve", json!({"staffCode": "BOSS"})),
    ] {
        app.advance(minute);
        let done = if step.is_empty() { update(&app, 1, body).await } else { decide(&app, 1, step, body).await };
        assert_eq!(done.status, 200, "{step}: {done:?}");
        times.push(done.data()["value"]["dateUpdated"].clone());
    }
    // What is refused, and what changes nothing, is no step.
    assert_eq!(decide(&app, 1, "approve", json!({"staffCode": "BOSS"})).await.status, 409);
    assert_eq!(decide(&app, 1, "cancel", json!({})).await.status, 409);
    let read = app.get("/v1/expenses/1").await;
    assert_eq!(
        log(&read),
        [
            json!([1, null, 302, null, "Integration"]),
            json!([4, 302, 304, "no receipt", "HEAD Jaidee"]),
            json!([2, 304, 302, null, "Integration"]),
            json!([3, 302, 302, "fine", "HEAD Jaidee"]),
            json!([3, 302, 303, null, "BOSS Jaidee"]),
        ]
    );
    let logged: Vec<Value> =
        read.data()["value"]["activityLogs"].as_array().unwrap().iter().map(|one| one["dateCreated"].clone()).collect();
    assert_eq!(logged, times);
    let mut distinct = times.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), 5, "a minute apart: {times:?}");

    create(&app, claim).await;
    decide(&app, 2, "reject", json!({"comment": "twice"})).await.data();
    let withdrawn = decide(&app, 2, "cancel", json!({"comment": "it was the same"})).await;
    assert_eq!(
        log(&withdrawn),
        [
            json!([1, null, 302, null, "Integration"]),
            json!([4, 302, 304, "twice", "Integration"]),
            json!([5, 304, 305, "it was the same", "Integration"]),
        ]
    );
}

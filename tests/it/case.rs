//! Cases: the documented requests, targets in working time, comments, merges, and cases out of chat rooms.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp};
use crate::customer::plain;
use crate::import::{import, undo};

/// The assignee of the original's examples.
pub const CLERK: &str = "6d473b8f-a6b3-4536-b1e6-f4b7688414e2";

/// The category of the original's examples.
const CATEGORY: i64 = 2_140_016_585;

const MINUTE: Duration = Duration::from_secs(60);

/// A server with the records that the original's examples name.
async fn ready() -> TestApp {
    ready_with(json!({})).await
}

/// The same with targets of the category.
async fn ready_with(detail: Value) -> TestApp {
    let app = TestApp::new().await;
    people(&app).await;
    assert_eq!(app.post("/v3/customers", plain("C000154", "Chao Phraya Foods")).await.status, 200);
    for no in ["A20250200028", "A20250200029", "A9"] {
        let visit = json!({"activityNo": no, "subject": "เข้าพบ", "dateAppointmentStart": "2025-02-05T10:00:00"});
        assert_eq!(app.post("/v1/activity", visit).await.status, 200);
    }
    let category = json!({"id": CATEGORY, "name": "ติดตั้ง", "nameEn": "Installation", "detail": detail});
    let made = app.post("/v1/setting/case-categories", category).await;
    assert_eq!((made.status, &made.data()["id"]), (201, &json!(CATEGORY)), "{made:?}");
    app
}

/// The employees EMP001, with the user id of the examples, and EMP002.
pub async fn people(app: &TestApp) {
    for (code, id) in [("EMP001", json!(CLERK)), ("EMP002", Value::Null)] {
        let employee = json!({"staffCode": code, "userId": id, "email": "malee@example.com", "firstname": "Malee",
                              "lastname": code, "roleName": "Support", "teamName": "Team A"});
        let put = app.request(Method::PUT, "/v1/Employees", &[], Some(employee)).await;
        assert_eq!(put.status, 200, "{put:?}");
    }
}

/// The body of `POST /v1/case` as the original's page has it.
fn example() -> Value {
    json!({
        "caseType": 1,
        "subject": "Create new case",
        "customerCode": "C000154",
        "categoryId": 2_140_016_585_i64,
        "dateCase": "2025-02-05T17:35:53.693+0700",
        "dateDue": "2025-02-05T17:35:53.693+0700",
        "activityNos": ["A20250200028", "A20250200029"],
        "dealNos": ["D241200044", "D241200047"],
        "note": "description",
        "assignedToUserId": "6d473b8f-a6b3-4536-b1e6-f4b7688414e2",
    })
}

/// The example with other values.
fn with(change: Value) -> Value {
    let mut body = example();
    for (name, value) in change.as_object().unwrap() {
        body[name.as_str()] = value.clone();
    }
    body
}

/// A case that is raised now and due in a month, so that only its category's targets are near.
async fn opened(app: &TestApp, change: Value) -> String {
    let now = app.app.now();
    let text = |at: i64| sala::time::text(at, &sala::time::Zone::UTC);
    let mut body = with(json!({"dateCase": text(now), "dateDue": text(now + 30 * 86_400_000)}));
    for (name, value) in change.as_object().unwrap() {
        body[name.as_str()] = value.clone();
    }
    let made = app.post("/v1/case", body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.data()["caseNo"].as_str().unwrap().to_owned()
}

async fn put(app: &TestApp, path: &str, body: Value) -> Answer {
    app.request(Method::PUT, path, &[], Some(body)).await
}

async fn case(app: &TestApp, no: &str) -> Value {
    app.get(&format!("/v1/case/{no}")).await.data().clone()
}

/// What happened to a case, the newest first.
async fn history(app: &TestApp, no: &str) -> Vec<String> {
    let answer = app.get(&format!("/v1/audit?ref=case/{no}")).await;
    let entries = answer.data()["value"].as_array().unwrap().clone();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

async fn listed(app: &TestApp, filter: Value) -> Vec<String> {
    let answer = app.post("/v1/case/enquiry", filter).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.data().as_array().unwrap().clone();
    rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_documented_examples_are_taken_as_they_are() {
    let app = ready().await;
    let made = app.post("/v1/case", example()).await;
    let data = made.data();
    assert_eq!(data["dateCase"], "2025-02-05T17:35:53+0700");
    for (name, value) in example().as_object().unwrap() {
        if !name.starts_with("date") {
            assert_eq!(&data[name.as_str()], value, "{name}");
        }
    }
    let no = data["caseNo"].as_str().unwrap();
    let now = jiff::Timestamp::from_millisecond(app.app.now()).unwrap();
    let month = now.to_zoned(sala::time::Zone::get("Asia/Bangkok").unwrap()).strftime("T%y%m00001").to_string();
    assert_eq!(no, month);
    let update = json!({
        "subject": "Update Case",
        "customerCode": "C000154",
        "categoryId": 2_140_016_585_i64,
        "dateCase": "2025-02-05T17:35:53.693+0700",
        "dateDue": "2025-02-05T17:35:53.693+0700",
        "activityNos": ["A20250200028", "A20250200029"],
        "dealNos": ["D241200044", "D241200047"],
        "note": "description",
        "assignedToUserId": "6d473b8f-a6b3-4536-b1e6-f4b7688414e2",
    });
    let updated = put(&app, &format!("/v1/Cases/{}", no.to_lowercase()), update).await;
    assert_eq!((&updated.data()["subject"], &updated.data()["caseType"]), (&json!("Update Case"), &json!(1)));
    assert_eq!(updated.header("etag"), "\"2\"");
    assert_eq!(&case(&app, no).await, updated.data());
    let categories = app.get("/v1/case/categories").await;
    let found = categories.data().as_array().unwrap().iter().any(|one| {
        one["categoryId"] == CATEGORY && one["categoryName"] == "ติดตั้ง" && one["categoryNameEn"] == "Installation"
    });
    assert!(found, "{categories:?}");
}

#[tokio::test]
async fn dates_and_people_are_taken_as_real_clients_send_them() {
    let app = ready().await;
    for date in ["2025-01-01T05:00:00.000+07:00", "2025-01-01T05:00:00", "2024-12-31T22:00:00Z", "2025-01-01 05:00:00"]
    {
        let made = app.post("/v1/case", with(json!({"dateCase": date, "assignedToUserId": "emp002"}))).await;
        assert_eq!(made.data()["dateCase"], "2025-01-01T05:00:00+0700", "{date}");
        assert_eq!(made.data()["assignedToStaffCode"], "EMP002");
    }
    let mut minimal = example();
    for name in ["customerCode", "activityNos", "dealNos", "note"] {
        minimal[name] = Value::Null;
    }
    let made = app.post("/v1/case", minimal).await;
    assert_eq!((&made.data()["customerCode"], &made.data()["activityNos"]), (&Value::Null, &json!([])));
    // An update that leaves something out keeps it; null clears; the customer goes by two names.
    let no = made.data()["caseNo"].as_str().unwrap().to_owned();
    let path = format!("/v1/case/{no}");
    let changed = put(&app, &path, json!({"customerNo": "c000154", "note": "x", "dealNos": ["D1", " d1 ", ""]})).await;
    assert_eq!(changed.data()["customerCode"], "C000154");
    assert_eq!((&changed.data()["dealNos"], &changed.data()["subject"]), (&json!(["D1"]), &json!("Create new case")));
    let cleared = put(&app, &path, json!({"note": null, "dealNos": null, "assignedToUserId": null})).await;
    assert_eq!((&cleared.data()["note"], &cleared.data()["dealNos"]), (&Value::Null, &json!([])));
    assert_eq!(cleared.data()["assignedToUserId"], Value::Null);
    // A number from elsewhere is kept, and is nobody else's.
    let named = app.post("/v1/case", with(json!({"caseNo": "T240100001"}))).await;
    assert_eq!(named.data()["caseNo"], "T240100001");
    let again = app.post("/v1/case", with(json!({"caseNo": "t240100001"}))).await;
    assert_eq!((again.status, again.errors()), (409, vec![("taken", "caseNo")]));
}

#[tokio::test]
async fn what_is_wrong_with_a_case_is_named() {
    let app = ready().await;
    let wrong =
        with(json!({"caseType": 3, "subject": " ", "customerCode": "nobody", "categoryId": 99, "dateCase": "soon",
                            "dateDue": "", "assignedToUserId": "EMP999", "roomIds": [CLERK]}));
    let refused = app.post("/v1/case", wrong).await;
    let mut errors = refused.errors();
    errors.sort_unstable_by_key(|(_, field)| *field);
    assert_eq!(
        errors,
        [
            ("not_found", "assignedToUserId"),
            ("invalid_value", "caseType"),
            ("not_found", "categoryId"),
            ("not_found", "customerCode"),
            ("invalid_format", "dateCase"),
            ("required", "dateDue"),
            ("unknown_room", "roomIds[0]"),
            ("required", "subject"),
        ]
    );
    // An id that is none hides no other fault, and is told of in plain words.
    let odd = app.post("/v1/case", with(json!({"roomIds": ["x", "y"], "subject": " "}))).await;
    let mut errors = odd.errors();
    errors.sort_unstable();
    assert_eq!(errors, [("invalid_value", "roomIds[0]"), ("invalid_value", "roomIds[1]"), ("required", "subject")]);
    assert!(odd.text.contains("roomIds[0] must be an id like 0") && !odd.text.contains("UUID"), "{}", odd.text);
    let odd = app.get("/v1/chat/rooms/x/messages").await;
    assert!(odd.status == 400 && odd.text.contains("roomId must be an id like 0"), "{odd:?}");
    // The empty date of .NET is none.
    let unset = app.post("/v1/case", with(json!({"dateCase": "0001-01-01T00:00:00", "dateDue": "0001-01-01"}))).await;
    assert_eq!(unset.errors(), [("required", "dateCase"), ("required", "dateDue")]);
    let nothing = app.post("/v1/case", json!({})).await;
    assert_eq!((nothing.status, nothing.errors().len()), (400, 6), "{nothing:?}");
    let no = opened(&app, json!({})).await;
    let late = app
        .request(Method::PUT, &format!("/v1/case/{no}"), &[("if-match", "\"7\"")], Some(json!({"subject": "x"})))
        .await;
    assert_eq!(late.status, 412);
    let status = format!("/v1/case/{no}/status");
    assert_eq!(put(&app, &status, json!({})).await.errors(), [("required", "status")]);
    assert_eq!(put(&app, &status, json!({"statusId": 9})).await.errors(), [("invalid_value", "statusId")]);
    for detail in [json!({"responseMinutes": 0}), json!({"resolutionMinutes": "soon"}), json!({"aroundTheClock": 2})] {
        let category = json!({"name": "ซ่อมด่วน", "detail": detail});
        assert_eq!(app.post("/v1/setting/case-categories", category).await.status, 400, "{detail}");
    }
}

#[tokio::test]
async fn targets_are_counted_in_working_time_and_told_of() {
    let mut app =
        ready_with(json!({"responseMinutes": 60, "resolutionMinutes": 120, "warnMinutes": 20, "aroundTheClock": true}))
            .await;
    let no = opened(&app, json!({"subject": "ไฟดับ"})).await;
    app.run_jobs().await;
    assert_eq!(history(&app, &no).await, ["created"]);
    app.advance(41 * MINUTE);
    app.run_jobs().await;
    app.run_jobs().await;
    assert_eq!(history(&app, &no).await, ["responsewarning", "created"]);
    app.advance(20 * MINUTE);
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
    let missed = case(&app, &no).await;
    assert_eq!(
        (&missed["isBreached"], &missed["response"]["dateBreached"]),
        (&json!(true), &missed["response"]["dateDue"])
    );
    // The answer comes late; the resolution in time, after it stood still while we waited for the customer.
    let waiting = put(&app, &format!("/v1/case/{no}/status"), json!({"status": "waiting"})).await;
    assert!(waiting.data()["response"]["dateMet"].is_string());
    assert_eq!(waiting.data()["resolution"]["dateDue"], Value::Null);
    app.advance(600 * MINUTE);
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
    put(&app, &format!("/v1/case/{no}/status"), json!({"statusId": 2, "comment": "ลูกค้าตอบแล้ว"})).await;
    app.advance(40 * MINUTE);
    app.run_jobs().await;
    let resolved = put(&app, &format!("/v1/case/{no}/status"), json!({"statusId": 4})).await;
    let resolution = &resolved.data()["resolution"];
    assert!(resolution["dateMet"].is_string() && resolution["dateWarned"].is_string(), "{resolution}");
    assert_eq!(resolution["dateBreached"], Value::Null);
    app.advance(6_000 * MINUTE);
    app.token = app.token_for(&app.client).await;
    app.run_jobs().await;
    let told = [
        "statuschanged",
        "resolutionwarning",
        "commented",
        "statuschanged",
        "statuschanged",
        "responsebreached",
        "responsewarning",
        "created",
    ];
    assert_eq!(history(&app, &no).await, told);
    assert_eq!(listed(&app, json!({"isBreached": true})).await, ["ไฟดับ"]);
    // Opened again it is late by now, and that is told once.
    put(&app, &format!("/v1/case/{no}/status"), json!({"statusId": 2})).await;
    app.run_jobs().await;
    app.run_jobs().await;
    assert_eq!(history(&app, &no).await[..2], ["resolutionbreached".to_owned(), "statuschanged".to_owned()]);
}

#[tokio::test]
async fn a_target_that_comes_nearer_is_told_of_in_time() {
    let app = ready_with(json!({"resolutionMinutes": 10_000, "aroundTheClock": true})).await;
    let no = opened(&app, json!({})).await;
    let soon = json!({"name": "ด่วน", "detail": {"responseMinutes": 10, "aroundTheClock": true}});
    let urgent = app.post("/v1/setting/case-categories", soon).await.data()["id"].clone();
    put(&app, &format!("/v1/case/{no}"), json!({"categoryId": urgent})).await;
    app.advance(11 * MINUTE);
    app.run_jobs().await;
    assert_eq!(history(&app, &no).await[0], "responsebreached");
    // dateDue is kept to as well; a date in the past is late at once.
    let past = opened(&app, json!({"dateDue": "2025-01-01"})).await;
    app.run_jobs().await;
    assert_eq!(history(&app, &past).await, ["duebreached", "created"]);
    // A deleted case rings no more, until it is there again.
    let gone = opened(&app, json!({"categoryId": urgent})).await;
    assert_eq!(app.request(Method::DELETE, &format!("/v1/case/{gone}"), &[], None).await.status, 200);
    assert_eq!(app.get(&format!("/v1/case/{gone}")).await.status, 404);
    app.advance(11 * MINUTE);
    app.run_jobs().await;
    assert_eq!(app.post(&format!("/v1/case/{gone}/restore"), json!({})).await.status, 200);
    assert_eq!(app.post(&format!("/v1/case/{gone}/restore"), json!({})).await.status, 409);
    app.run_jobs().await;
    assert_eq!(history(&app, &gone).await, ["responsebreached", "restored", "deleted", "created"]);
}

#[tokio::test]
async fn office_hours_and_holidays_of_the_setting_count() {
    let app = ready_with(json!({"responseMinutes": 60, "resolutionMinutes": 480})).await;
    let hours: Vec<Value> = (1..=5).map(|day| json!({"day": day, "from": "09:00", "to": "17:00"})).collect();
    let setting = json!({"businessHours": hours, "holidays": [{"date": "2026-04-13", "name": "วันสงกรานต์"}]});
    assert_eq!(put(&app, "/v1/setting", setting).await.status, 200);
    // Friday at half past four; Monday is a holiday.
    let made = app.post("/v1/case", with(json!({"dateCase": "2026-04-10T16:30:00"}))).await;
    assert_eq!(made.data()["response"]["dateDue"], "2026-04-14T09:30:00+0700");
    assert_eq!(made.data()["resolution"]["dateDue"], "2026-04-14T16:30:00+0700");
}

#[tokio::test]
async fn a_status_follows_another_only_where_that_makes_sense() {
    let app = ready().await;
    let no = opened(&app, json!({})).await;
    let status = format!("/v1/case/{no}/status");
    for (to, code) in [(2, 200), (2, 200), (5, 200), (4, 409), (3, 409), (2, 200), (1, 409), (6, 200), (2, 200)] {
        let answer = put(&app, &status, json!({"statusId": to})).await;
        assert_eq!(answer.status, code, "{to}: {answer:?}");
    }
    let closed = put(&app, &status, json!({"statusId": "closed", "status": "closed"})).await;
    assert_eq!(closed.status, 400);
    let closed = put(&app, &status, json!({"status": "Closed"})).await;
    assert!(closed.data()["dateClosed"].is_string());
    assert_eq!(put(&app, &status, json!({"status": "open"})).await.data()["dateClosed"], Value::Null);
}

#[tokio::test]
async fn comments_are_kept_and_the_first_for_the_customer_answers() {
    let app = ready_with(json!({"responseMinutes": 60})).await;
    let no = opened(&app, json!({})).await;
    let path = format!("/v1/case/{no}/comments");
    let first = app.post(&path, json!({"comment": " โทรแล้วไม่รับ ", "isInternal": true})).await;
    assert_eq!((first.status, &first.data()["comment"]), (201, &json!("โทรแล้วไม่รับ")));
    assert_eq!(case(&app, &no).await["response"]["dateMet"], Value::Null);
    app.post(&path, json!({"comment": "สวัสดีครับ"})).await;
    let answered = case(&app, &no).await;
    assert!(answered["response"]["dateMet"].is_string());
    assert_eq!((&answered["commentCount"], &answered["status"]), (&json!(2), &json!("new")));
    assert_eq!(app.post(&path, json!({"comment": ""})).await.errors(), [("required", "comment")]);
    let page = app.get(&format!("{path}?take=1")).await;
    assert_eq!(page.data()["value"][0]["comment"], "สวัสดีครับ");
    let next = app.get(&format!("{path}?before={}", page.data()["next"].as_str().unwrap())).await;
    assert_eq!((next.data()["value"].as_array().unwrap().len(), &next.data()["next"]), (1, &Value::Null));
}

#[tokio::test]
async fn two_cases_become_one() {
    let app = ready().await;
    let first = opened(&app, json!({"customerCode": null, "dealNos": ["D1"], "note": "a"})).await;
    let second = opened(&app, json!({"dealNos": ["D2", "D1"], "note": "b", "activityNos": []})).await;
    app.post(&format!("/v1/case/{second}/comments"), json!({"comment": "สอง"})).await;
    app.post("/v1/task", json!({"subject": "โทรกลับ", "caseNo": second})).await;
    let merge = |from: &str, into: &str| {
        let (path, body) = (format!("/v1/case/{from}/merge"), json!({"intoCaseNo": into}));
        let app = &app;
        async move { app.post(&path, body).await }
    };
    assert_eq!(merge(&second, &second).await.errors(), [("invalid_value", "intoCaseNo")]);
    assert_eq!(merge(&second, "T0").await.errors(), [("not_found", "intoCaseNo")]);
    let joined = merge(&second, &first).await;
    let data = joined.data();
    assert_eq!((&data["caseNo"], &data["customerCode"]), (&json!(first), &json!("C000154")));
    assert_eq!((&data["dealNos"], &data["commentCount"]), (&json!(["D1", "D2"]), &json!(1)));
    assert_eq!(data["note"], format!("a\n\n{second}: b"));
    let merged = case(&app, &second).await;
    assert_eq!((&merged["status"], &merged["mergedIntoCaseNo"]), (&json!("closed"), &json!(first)));
    assert_eq!(app.get(&format!("/v1/case/{first}/comments")).await.data()["value"][0]["comment"], "สอง");
    // The merged case changes no more: whoever tries is told which one stays.
    let path = format!("/v1/case/{second}");
    for refused in [
        put(&app, &format!("{path}/status"), json!({"statusId": 2})).await,
        put(&app, &path, json!({"subject": "x"})).await,
        app.post(&format!("{path}/comments"), json!({"comment": "x"})).await,
        app.request(Method::DELETE, &path, &[], None).await,
        merge(&second, &first).await,
    ] {
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "caseNo")]), "{refused:?}");
        assert!(refused.text.contains(&first), "{refused:?}");
    }
    assert_eq!(history(&app, &second).await[0], "merged");
    // Its tasks are those of the case that stays.
    for (no, count) in [(&first, 1), (&second, 0)] {
        assert_eq!(app.post("/v1/task/enquiry", json!({"caseNo": no})).await.body["total"], count, "{no}");
    }
    // What has ended takes in nothing.
    let third = opened(&app, json!({})).await;
    put(&app, &format!("/v1/case/{first}/status"), json!({"statusId": 5})).await;
    let refused = merge(&third, &first).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "intoCaseNo")]));
    assert!(refused.text.contains(&first), "{refused:?}");
}

#[tokio::test]
async fn a_bare_day_is_due_at_its_end() {
    let app = ready().await;
    let today = sala::time::text(app.app.now(), &sala::time::Zone::get("Asia/Bangkok").unwrap())[..10].to_owned();
    let made = app.post("/v1/case", with(json!({"dateCase": today, "dateDue": today}))).await;
    let (no, due) = (made.data()["caseNo"].as_str().unwrap().to_owned(), made.data()["dateDue"].clone());
    assert_eq!(due, format!("{today}T23:59:59+0700"));
    app.run_jobs().await;
    assert_eq!(case(&app, &no).await["isBreached"], false);
    // What is sent back as it was answered changes nothing.
    let path = format!("/v1/case/{no}");
    assert_eq!(put(&app, &path, json!({"dateDue": due})).await.data()["dateModified"], made.data()["dateModified"]);
    assert_eq!(history(&app, &no).await, ["created"]);
}

#[tokio::test]
async fn no_new_number_is_a_word_of_the_paths() {
    let app = ready().await;
    let document = app.get("/openapi.json").await;
    let contract = json!({"contractName": "MA", "contractType": "MA", "customerCode": "C000154", "owner": "EMP001",
                          "dateStart": "2025-01-01", "dateEnd": "2025-12-31"});
    let activity = json!({"subject": "x", "dateAppointmentStart": "2025-02-05T10:00:00"});
    for (path, field, body) in [
        ("/v1/case", "caseNo", with(json!({}))),
        ("/v1/activity", "activityNo", activity),
        ("/v1/contract", "contractNo", contract),
    ] {
        let body = |no: &str| {
            let mut body = body.clone();
            body[field] = json!(no);
            body
        };
        let begin = format!("{path}/");
        let paths = document.body["paths"].as_object().unwrap().keys();
        let words = paths.filter_map(|known| known.strip_prefix(&begin)).map(|rest| rest.split('/').next().unwrap());
        let words: std::collections::BTreeSet<&str> = words.filter(|word| !word.starts_with('{')).collect();
        assert!(!words.is_empty(), "{path}");
        for word in words.into_iter().map(str::to_uppercase).chain([".".to_owned()]) {
            let refused = app.post(path, body(&word)).await;
            assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_value", field)]), "{path}/{word}");
        }
        assert_eq!(app.post(path, body("ENQUIRY-1")).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_case_is_tied_only_to_what_its_caller_may_see() {
    let app = ready().await;
    let agent = app.signed_in("Agent", "nok@example.com").await;
    let head = app.signed_in("Supervisor", "head@example.com").await;
    let theirs = json!({"activityNo": "THEIRS-1", "subject": "secret plan", "assignToUserId": head.id,
                        "dateAppointmentStart": "2025-02-05T10:00:00"});
    assert_eq!(app.post("/v1/activity", theirs).await.status, 200);
    let room = app.sandbox_room().await;
    let given = Some(json!({"assignee": head.id}));
    let assigned = app.request(Method::PATCH, &format!("/v1/console/rooms/{room}"), &[], given).await;
    assert_eq!(assigned.status, 200, "{assigned:?}");
    let body = with(json!({"activityNos": ["THEIRS-1"], "roomIds": [room], "customerCode": null,
                           "assignedToUserId": agent.id}));
    let refused = app.as_person(&agent, Method::POST, "/v1/case", Some(body.clone())).await;
    assert_eq!(refused.errors(), [("not_found", "activityNos"), ("unknown_room", "roomIds[0]")], "{refused:?}");
    for (path, body) in [
        ("/v1/task", json!({"subject": "x", "roomId": room})),
        ("/v1/activity", json!({"subject": "x", "roomId": room, "dateAppointmentStart": "2025-03-05T10:00:00"})),
    ] {
        let refused = app.as_person(&agent, Method::POST, path, Some(body)).await;
        assert_eq!(refused.errors(), [("unknown_room", "roomId")], "{path}: {refused:?}");
    }
    // What the case has already may be sent back.
    let made = app.post("/v1/case", body).await;
    let path = format!("/v1/case/{}", made.data()["caseNo"].as_str().unwrap());
    let back = json!({"activityNos": ["THEIRS-1"], "roomIds": [room], "note": "x"});
    assert_eq!(app.as_person(&agent, Method::PUT, &path, Some(back)).await.status, 200);
    // Of an activity that is not his he is told the time only.
    let mine = json!({"subject": "x", "assignToUserId": head.id, "dateAppointmentStart": "2025-02-05T10:30:00"});
    let made = app.as_person(&agent, Method::POST, "/v1/activity", Some(mine)).await;
    let told = "Whoever is to do this is busy from 2025-02-05T10:00:00+0700 to 2025-02-05T11:00:00+0700";
    assert_eq!(made.data()["warnings"], json!([told]), "{made:?}");
    assert!(!made.text.contains("secret"), "{made:?}");
}

#[tokio::test]
async fn a_chat_room_becomes_a_case_in_one_call() {
    let app = ready_with(json!({"resolutionMinutes": 60, "aroundTheClock": true, "assignee": "EMP001"})).await;
    let account = app.sandbox().await;
    let room = app.room(&account, "U1").await;
    let path = format!("/v1/chat/rooms/{room}/case");
    let bare = app.post(&path, json!({})).await;
    assert_eq!((&bare.data()["subject"], &bare.data()["assignedToUserId"]), (&json!("Somchai"), &Value::Null));
    let linked = json!({"customerCode": "C000154"});
    assert_eq!(put(&app, &format!("/v1/chat/rooms/{room}/customer"), linked).await.status, 200);
    let said = app.call(
        axum::http::Request::post(format!("/channels/sandbox/{account}/U1"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(json!({"content": "เครื่องกรองน้ำรั่ว"}).to_string()))
            .unwrap(),
    );
    assert_eq!(said.await.status, 201);
    let made = app.post(&path, json!({"categoryId": CATEGORY, "note": "ด่วน"})).await;
    let data = made.data();
    assert_eq!((&data["subject"], &data["customerCode"]), (&json!("เครื่องกรองน้ำรั่ว"), &json!("C000154")));
    assert_eq!((&data["assignedToUserId"], &data["roomIds"]), (&json!(CLERK), &json!([room])));
    assert_eq!(data["dateDue"], data["resolution"]["dateDue"]);
    assert_eq!(listed(&app, json!({"roomId": room, "orderBy": "caseNo"})).await, ["เครื่องกรองน้ำรั่ว", "Somchai"]);
    let nowhere = app.post(&format!("/v1/chat/rooms/{CLERK}/case"), json!({})).await;
    assert_eq!((nowhere.status, nowhere.errors()), (404, vec![("not_found", "room")]));
}

#[tokio::test]
async fn cases_are_listed_by_filters_and_in_stated_orders() {
    let app = ready().await;
    let cases = [
        ("ก", json!({"dateCase": "2025-01-01", "dateDue": "2025-03-01", "caseType": 2})),
        ("ข", json!({"dateCase": "2025-01-02", "dateDue": "2025-02-01", "customerCode": null, "activityNos": ["A9"]})),
        ("ค", json!({"dateCase": "2025-01-03", "dateDue": "2025-01-05", "assignedToUserId": "EMP002", "dealNos": []})),
    ];
    let mut nos = Vec::new();
    for (subject, change) in cases {
        let mut body = with(change);
        body["subject"] = json!(subject);
        nos.push(app.post("/v1/case", body).await.data()["caseNo"].as_str().unwrap().to_owned());
    }
    put(&app, &format!("/v1/case/{}/status", nos[0]), json!({"statusId": 5})).await;
    for (filter, expected) in [
        (json!({}), "คขก"),
        (json!({"orderBy": "dateDue"}), "คขก"),
        (json!({"orderBy": "-dateDue"}), "กขค"),
        (json!({"orderBy": "caseNo", "take": 2}), "คข"),
        (json!({"customerCode": "C000154"}), "คก"),
        (json!({"isOpen": true}), "คข"),
        (json!({"isOpen": false}), "ก"),
        (json!({"statusIds": [1, 5]}), "คขก"),
        (json!({"caseType": 2}), "ก"),
        (json!({"staffCodes": ["emp002"]}), "ค"),
        (json!({"assignedToUserIds": [CLERK]}), "ขก"),
        (json!({"isUnassigned": true}), ""),
        (json!({"activityNo": "a9"}), "ข"),
        (json!({"dealNo": "D241200044"}), "ขก"),
        (json!({"dateStart": "2025-01-02", "dateEnd": "2025-01-02"}), "ข"),
        (json!({"dateDueEnd": "2025-02-01"}), "คข"),
        (json!({"keyword": nos[1].to_lowercase()}), "ข"),
        (json!({"categoryIds": [1]}), ""),
    ] {
        assert_eq!(listed(&app, filter.clone()).await.concat(), expected, "{filter}");
    }
    let page = app.post("/v1/cases/enquiry", json!({"take": 2})).await;
    assert_eq!((&page.body["total"], page.body["next"].is_string()), (&json!(3), true));
    let rest = listed(&app, json!({"take": 2, "cursor": page.body["next"]})).await;
    assert_eq!(rest, ["ก"]);
    let wrong = app.post("/v1/case/enquiry", json!({"orderBy": "x", "statusIds": [9], "customerCode": "nobody"})).await;
    assert_eq!(wrong.errors().len(), 3, "{wrong:?}");
    let (_, headers, bytes) = app
        .file(crate::app::request(
            &app.token,
            Method::POST,
            "/v1/case/enquiry",
            &[("accept", "text/csv")],
            Some(json!({})),
        ))
        .await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 4);
}

#[tokio::test]
async fn a_category_in_use_is_taken_out_of_use_only_with_another() {
    let app = ready().await;
    let no = opened(&app, json!({})).await;
    let path = format!("/v1/setting/case-categories/{CATEGORY}");
    assert_eq!(put(&app, &path, json!({"isActive": false})).await.status, 409);
    assert_eq!(put(&app, &path, json!({"isActive": false, "reassignTo": 1})).await.status, 200);
    assert_eq!(case(&app, &no).await["categoryId"], 1);
    // Another company sees nothing of it.
    let stranger = app.tenant(COMPANY + 1, &["case:read", "case:write"]).await;
    let foreign = app.request_as(&stranger.token, Method::GET, &format!("/v1/case/{no}"), None).await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test]
async fn a_file_of_cases_is_loaded_and_taken_back() {
    let app = ready().await;
    opened(&app, json!({"caseNo": "T240100001", "subject": "เดิม"})).await;
    let file = "เลขที่เคส,หัวข้อ,รหัสลูกค้า,categoryId,ประเภท,วันที่แจ้ง,กำหนดเสร็จ,ผู้รับผิดชอบ,สถานะ\n\
                T240100001,แก้ไข,C000154,2140016585,1,2024-01-05,2099-01-06,EMP001,\n\
                T240100002,ใหม่,C000154,2140016585,2,2024-01-05,2099-01-06,EMP001,closed\n\
                ,ไม่มีหมวด,,99,1,2024-01-05,2099-01-06,EMP001,\n";
    let request = axum::http::Request::post("/v1/imports?kind=cases")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "text/csv")
        .body(axum::body::Body::from(file));
    let begun = app.call(request.unwrap()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    app.run_jobs().await;
    let path = format!("/v1/imports/{}", begun.data()["importId"].as_str().unwrap());
    let done = app.get(&path).await;
    let counts = ["created", "updated", "failed"].map(|name| done.data()[name].as_i64().unwrap());
    assert_eq!(counts, [1, 1, 1], "{done:?}");
    assert_eq!(case(&app, "T240100001").await["subject"], "แก้ไข");
    assert_eq!(case(&app, "T240100002").await["status"], "closed");
    assert_eq!(app.post(&format!("{path}/undo"), json!({})).await.status, 202);
    app.run_jobs().await;
    assert_eq!(case(&app, "T240100001").await["subject"], "เดิม");
    assert_eq!(app.get("/v1/case/T240100002").await.status, 404);
    let again = import(&app, "kind=cases", file).await;
    assert_eq!(crate::import::counts(&again), (1, 1, 0, 1), "{again:#}");
    assert_eq!(case(&app, "T240100002").await["status"], "closed");
    undo(&app, &again).await;
    assert_eq!(app.get("/v1/case/T240100002").await.status, 404);
}

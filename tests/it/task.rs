//! Tasks: created, changed, listed, done again and again, deleted and restored.

use std::time::Duration;

use axum::http::Method;
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp};
use crate::customer::plain;
use crate::import::{counts, import, told, undo};
use crate::receiver::Receiver;

async fn put(app: &TestApp, body: Value) -> Value {
    let answer = app.post("/v1/task", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.data().clone()
}

/// The numbers that an enquiry answers, and its `next`.
async fn list(app: &TestApp, body: Value) -> (Vec<String>, Value) {
    let answer = app.post("/v1/task/enquiry", body).await;
    let tasks = answer.data().as_array().unwrap_or_else(|| panic!("{answer:?}"));
    let subjects = tasks.iter().map(|task| task["subject"].as_str().unwrap().to_owned()).collect();
    (subjects, answer.body["next"].clone())
}

async fn with_people() -> TestApp {
    let app = TestApp::new().await;
    assert_eq!(app.post("/v3/customers", plain("C000349", "Daaisyy")).await.status, 200);
    let employee = json!({"staffCode": "EMP000", "email": "a@example.com", "firstname": "Arun", "lastname": "S",
                          "roleName": "Sales", "teamName": "Team A"});
    assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(employee)).await.status, 200);
    app
}

#[tokio::test]
async fn a_task_is_created_read_changed_deleted_and_restored() {
    let app = with_people().await;
    let room = app.sandbox_room().await;
    let made = put(
        &app,
        json!({"subject": " Call back ", "note": "about the quotation", "dateDue": "2025-01-31", "priority": "High",
               "assignedToUserId": "emp000", "customerCode": "c000349", "roomId": room, "dealNos": ["D-1", "d-1"],
               "checklist": [{"text": "Print"}], "labels": ["vip"]}),
    )
    .await;
    let number = made["taskNo"].as_str().unwrap().to_owned();
    assert!(number.starts_with("TK"), "{number}");
    assert_eq!(
        (&made["subject"], &made["priority"], &made["status"]),
        (&json!("Call back"), &json!("high"), &json!("open"))
    );
    assert_eq!((&made["dateDue"], &made["hasDueTime"]), (&json!("2025-01-31T23:59:59+0700"), &json!(false)));
    assert_eq!((&made["assignedToStaffCode"], &made["customerCode"]), (&json!("EMP000"), &json!("C000349")));
    assert_eq!((&made["dealNos"], &made["roomId"]), (&json!(["D-1"]), &json!(room)));
    assert_eq!(made["checklist"], json!([{"text": "Print", "isDone": false}]));
    let path = format!("/v1/task/{}", number.to_lowercase());
    let read = app.get(&path).await;
    assert_eq!((read.data(), read.header("etag")), (&made, "\"1\""));

    let changed = put(&app, json!({"taskNo": number, "note": null, "dateDue": "2025-02-01T09:00:00"})).await;
    assert_eq!((&changed["note"], &changed["subject"]), (&Value::Null, &json!("Call back")));
    assert_eq!((&changed["dateDue"], &changed["hasDueTime"]), (&json!("2025-02-01T09:00:00+0700"), &json!(true)));
    assert_eq!(app.request(Method::DELETE, &path, &[("if-match", "\"1\"")], None).await.status, 412);
    assert_eq!(app.request(Method::DELETE, &path, &[("if-match", "\"2\"")], None).await.status, 200);
    assert_eq!(app.get(&path).await.status, 404);
    assert_eq!(list(&app, json!({})).await.0, Vec::<String>::new());
    assert_eq!(app.post(&format!("{path}/restore"), json!({})).await.data()["subject"], "Call back");
    assert_eq!(app.post(&format!("{path}/restore"), json!({})).await.status, 409);
    let history = app.get(&format!("/v1/audit?ref=task/{number}")).await;
    let actions: Vec<&str> =
        history.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["restored", "deleted", "updated", "created"]);
}

#[tokio::test]
async fn what_does_not_differ_keeps_its_version_and_every_fault_is_named() {
    let app = with_people().await;
    let made = put(&app, json!({"subject": "Once"})).await;
    let again = app.post("/v1/task", json!({"taskNo": made["taskNo"], "subject": "Once"})).await;
    assert_eq!((again.data(), again.header("etag")), (&made, "\"1\""));
    let refused = app
        .post(
            "/v1/task",
            json!({"subject": "", "status": "late", "priority": 7, "dateDue": "soon", "assignedToUserId": "nobody",
                   "customerCode": "C9", "roomId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "recurrence": "often",
                   "checklist": [{"text": ""}]}),
        )
        .await;
    let mut fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    let expected = [
        "assignedToUserId",
        "checklist[0].text",
        "customerCode",
        "dateDue",
        "priority",
        "recurrence",
        "roomId",
        "status",
        "subject",
    ];
    assert_eq!((refused.status, fields.as_slice()), (400, expected.as_slice()));
    assert_eq!(app.post("/v1/task", json!({"taskNo": "TK0", "subject": "x"})).await.status, 404);
    let none = app.request(Method::POST, "/v1/task", &[("if-match", "\"1\"")], Some(json!({"subject": "x"}))).await;
    assert_eq!(none.status, 412, "a version is of a task that is there");
}

#[tokio::test]
async fn tasks_are_listed_by_filters_orders_and_pages() {
    let app = with_people().await;
    for (subject, due, status, assignee) in [
        ("b", json!("2025-01-02T10:00:00"), "open", json!("EMP000")),
        ("a", json!("2025-01-01T10:00:00"), "done", json!("EMP000")),
        ("c", Value::Null, "doing", Value::Null),
        ("d", json!("2025-01-02T10:00:00"), "open", Value::Null),
    ] {
        put(&app, json!({"subject": subject, "dateDue": due, "status": status, "assignedToUserId": assignee})).await;
    }
    let all = |body: Value| async { list(&app, body).await.0.join("") };
    assert_eq!(all(json!({})).await, "abdc");
    assert_eq!(all(json!({"orderBy": "-dateDue"})).await, "cdba");
    assert_eq!(all(json!({"orderBy": "dateCreated"})).await, "dcab");
    assert_eq!(all(json!({"statuses": ["Open", "doing"]})).await, "bdc");
    assert_eq!(all(json!({"assignedToUserId": "emp000"})).await, "ab");
    assert_eq!(all(json!({"dateDueFrom": "2025-01-02", "dateDueTo": "2025-01-02"})).await, "bd");
    assert_eq!(all(json!({"isOverdue": true})).await, "bd");
    assert_eq!(all(json!({"keyword": "A"})).await, "a");
    assert_eq!(all(json!({"skip": 1, "take": 2})).await, "bd");
    for order in ["dateDue", "-dateDue", "dateModified", "dateCreated"] {
        let whole = all(json!({"orderBy": order})).await;
        let (mut pages, mut cursor) = (String::new(), Value::Null);
        loop {
            let (page, next) = list(&app, json!({"orderBy": order, "take": 1, "cursor": cursor})).await;
            pages.push_str(&page.join(""));
            cursor = next;
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(pages, whole, "{order}");
    }
    let refused = app.post("/v1/task/enquiry", json!({"orderBy": "size", "statuses": ["x"], "cursor": "zzz"})).await;
    assert_eq!(
        refused.errors(),
        [("invalid_value", "statuses[0]"), ("invalid_value", "orderBy"), ("invalid_value", "cursor")]
    );
}

#[tokio::test]
async fn a_task_that_recurs_is_followed_by_the_next_one() {
    let app = with_people().await;
    let made = put(
        &app,
        json!({"subject": "Backup", "dateDue": "2025-01-31T18:00:00", "dateRemind": "2025-01-31T17:00:00",
               "recurrence": "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", "checklist": [{"text": "Disk", "isDone": true}]}),
    )
    .await;
    let path = format!("/v1/task/{}/status", made["taskNo"].as_str().unwrap());
    let done = app.request(Method::PUT, &path, &[], Some(json!({"status": "done"}))).await;
    assert_eq!((&done.data()["status"], &done.data()["isDone"]), (&json!("done"), &json!(true)));
    assert_ne!(done.data()["dateDone"], Value::Null);
    // Done is done: saying it again makes no third task, nor does opening it between, not even with another time.
    app.request(Method::PUT, &path, &[], Some(json!({"status": "done"}))).await;
    let moved = json!({"taskNo": made["taskNo"], "status": "open", "dateDue": "2025-01-30T18:00:00"});
    assert_eq!(put(&app, moved).await["recurrence"], made["recurrence"]);
    app.request(Method::PUT, &path, &[], Some(json!({"status": "done"}))).await;
    let open = app.post("/v1/task/enquiry", json!({"statuses": ["open"]})).await;
    let open = open.data().as_array().unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (&open[0]["dateDue"], &open[0]["dateRemind"]),
        (&json!("2025-02-28T18:00:00+0700"), &json!("2025-02-28T17:00:00+0700"))
    );
    assert_eq!(open[0]["checklist"], json!([{"text": "Disk", "isDone": false}]));
    // The series ends with its count.
    let path = format!("/v1/task/{}/status", open[0]["taskNo"].as_str().unwrap());
    app.request(Method::PUT, &path, &[], Some(json!({"status": "done"}))).await;
    assert_eq!(list(&app, json!({"statuses": ["open"]})).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_task_reminds_once_at_its_time() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let receiver = Receiver::start().await;
    subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &["Task".to_owned()], app.app.now())
        .await
        .unwrap();
    let at = |seconds: i64| {
        let time = jiff::Timestamp::from_millisecond(app.app.now() + seconds * 1000).unwrap();
        time.to_string()
    };
    let made = put(&app, json!({"subject": "Later", "dateRemind": at(60)})).await;
    put(&app, json!({"taskNo": made["taskNo"], "dateRemind": at(120)})).await;
    let names = |receiver: &Receiver| -> Vec<String> {
        let bodies = receiver.got().into_iter().map(|got| serde_json::from_str::<Value>(&got.body).unwrap());
        bodies.map(|body| body["Event"].as_str().unwrap().to_owned()).collect()
    };
    app.run_jobs().await;
    assert_eq!(names(&receiver), ["Created", "Updated"]);
    app.advance(Duration::from_secs(61));
    app.run_jobs().await;
    assert_eq!(names(&receiver), ["Created", "Updated"]);
    app.advance(Duration::from_secs(60));
    app.run_jobs().await;
    app.run_jobs().await;
    assert_eq!(names(&receiver), ["Created", "Updated", "Reminder"]);
}

#[tokio::test]
async fn two_changes_at_once_are_both_there_or_one_is_refused() {
    let app = with_people().await;
    let made = put(&app, json!({"subject": "Twice"})).await;
    let change = |field: &'static str, value: Value, tag: &'static str| {
        let body = json!({"taskNo": made["taskNo"], field: value});
        app.request(Method::POST, "/v1/task", if tag.is_empty() { &[] } else { &[("if-match", "\"1\"")] }, Some(body))
    };
    let (one, two) = tokio::join!(change("note", json!("n"), "1"), change("labels", json!(["l"]), "1"));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let (one, two) = tokio::join!(change("priority", json!("urgent"), ""), change("caseNo", json!("T1"), ""));
    assert_eq!((one.status, two.status), (200, 200));
    let task = app.get(&format!("/v1/task/{}", made["taskNo"].as_str().unwrap())).await;
    assert_eq!((&task.data()["priority"], &task.data()["caseNo"]), (&json!("urgent"), &json!("T1")));
}

#[tokio::test]
async fn tasks_come_out_of_a_file_once_and_go_back() {
    let app = with_people().await;
    let made = put(&app, json!({"subject": "Known", "note": "before"})).await;
    let number = made["taskNo"].as_str().unwrap();
    let text = format!(
        "เลขที่งาน,หัวข้อ,กำหนดส่ง,รหัสพนักงาน,รหัสลูกค้า,รายละเอียด\n\
         {number},Known,2025-03-01,EMP000,C000349,after\n,Fresh,2025-03-02,,,\n,,2025-03-02,,,no subject\n,Lost,,EMP9,,\n"
    );
    let done = import(&app, "kind=tasks", text.as_str()).await;
    assert_eq!(counts(&done), (1, 1, 0, 2), "{done:#}");
    let read = app.get(&format!("/v1/task/{number}")).await;
    assert_eq!((&read.data()["note"], &read.data()["assignedToStaffCode"]), (&json!("after"), &json!("EMP000")));
    let again = import(&app, "kind=tasks", format!("เลขที่งาน,หัวข้อ,รายละเอียด\n{number},Known,after\n")).await;
    assert_eq!(counts(&again), (0, 0, 1, 0), "{again:#}");
    undo(&app, &done).await;
    assert_eq!(app.get(&format!("/v1/task/{number}")).await.data()["note"], "before");
    assert_eq!(list(&app, json!({})).await.0, ["Known"]);
}

#[tokio::test]
async fn tasks_of_a_file_keep_their_numbers_and_come_back_after_an_undo() {
    let app = with_people().await;
    let text = "Task no,Subject,Due\nT-1,One,2569-05-17T10:00:00\nT-2,Two,31 ธ.ค. 2568\n\
                ,Three,17/5/2026 9:05\n,Four,46000\n";
    for _ in 0..2 {
        let done = import(&app, "kind=tasks", text).await;
        assert_eq!(counts(&done), (4, 0, 0, 0), "{done:#}");
        assert_eq!(told(&done, "warnings"), [(4, "Task no".to_owned(), "warning".to_owned())]);
        for (number, due) in [("T-1", "2026-05-17T10:00:00+0700"), ("t-2", "2025-12-31T23:59:59+0700")] {
            assert_eq!(app.get(&format!("/v1/task/{number}")).await.data()["dateDue"], due);
        }
        let found = app.post("/v1/task/enquiry", json!({"keyword": "Three"})).await;
        assert_eq!(found.data()[0]["dateDue"], "2026-05-17T09:05:00+0700");
        undo(&app, &done).await;
        assert_eq!(app.get("/v1/task/T-1").await.status, 404);
    }
    // What somebody has deleted himself does not come back by a file.
    import(&app, "kind=tasks", text).await;
    assert_eq!(app.request(Method::DELETE, "/v1/task/T-1", &[], None).await.status, 200);
    let done = import(&app, "kind=tasks", "Task no,Subject\nT-1,One\n").await;
    assert_eq!(counts(&done), (0, 0, 0, 1), "{done:#}");
    assert_eq!(told(&done, "errors"), [(2, "Task no".to_owned(), "conflict".to_owned())]);
    assert!(done["errors"][0]["message"].as_str().unwrap().starts_with("T-1 was deleted"), "{done:#}");
    // Through the API a number that no task has is none.
    assert_eq!(app.post("/v1/task", json!({"taskNo": "T-9", "subject": "x"})).await.status, 404);
}

/// A file may bring any number of the coming ones. They are stepped over, and none beyond them is left out.
#[tokio::test]
async fn numbers_that_a_file_has_taken_are_stepped_over() {
    let app = with_people().await;
    let first = put(&app, json!({"subject": "First"})).await;
    let first = first["taskNo"].as_str().unwrap();
    let head = first.strip_suffix("0001").unwrap_or_else(|| panic!("{first}"));
    let rows: Vec<String> =
        (2..=700).filter(|number| *number != 650).map(|number| format!("{head}{number:04},Loaded\n")).collect();
    let file = format!("task no,subject\n{}", rows.concat());
    let done = crate::import::import(&app, "kind=tasks", file.as_str()).await;
    assert_eq!(done["created"], 698, "{done}");
    for wanted in [650, 701, 702] {
        assert_eq!(put(&app, json!({"subject": "Next"})).await["taskNo"], format!("{head}{wanted:04}"));
    }
}

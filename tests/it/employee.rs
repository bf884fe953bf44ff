//! Employees.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

async fn put(app: &TestApp, body: Value) -> Answer {
    app.request(Method::PUT, "/v1/Employees", &[], Some(body)).await
}

fn patty() -> Value {
    json!({"staffCode": "EMP001", "email": "patty@example.com", "firstname": "Patty", "lastname": "Saruta",
           "nickname": "Pat", "phoneNumber": "0800000000", "roleName": "Sales", "teamName": "Team A", "isActive": true})
}

fn colleague(code: &str, first: &str) -> Value {
    json!({"staffCode": code, "email": format!("{code}@example.com"), "firstname": first, "lastname": "Jaidee",
           "roleName": "Admin", "teamName": "Team A"})
}

async fn enquire(app: &TestApp, body: Value) -> Vec<String> {
    let answer = app.post("/v1/Employees/Enquiry", body).await;
    let value = answer.data()["value"].as_array().unwrap().clone();
    value.iter().map(|row| row["staffCode"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_employee_is_created_read_and_updated_by_code() {
    let app = TestApp::new().await;
    let made = put(&app, patty()).await;
    assert_eq!(made.status, 200, "{made:?}");
    let read = app.get("/v1/employees/emp001").await;
    let value = &read.data()["value"];
    assert_eq!((&value["fullname"], &value["teamName"]), (&json!("Patty Saruta"), &json!("Team A")));
    assert_eq!(value["companyId"], 507);
    assert!(value["dateCreated"].as_str().unwrap().ends_with("+0700"));
    for field in ["title", "orgString", "isAgreementPDPA", "siteId", "level"] {
        assert!(value.as_object().unwrap().contains_key(field), "{field} is declared, so it is there");
    }
    let mut update = patty();
    update["lastname"] = json!("Jaidee");
    update["phoneNumber"] = Value::Null;
    update.as_object_mut().unwrap().remove("nickname");
    put(&app, update).await;
    let value = app.get("/v1/Employees/EMP001").await.data()["value"].clone();
    assert_eq!(value["fullname"], "Patty Jaidee");
    assert_eq!((&value["nickname"], &value["phoneNumber"]), (&json!("Pat"), &Value::Null), "absent keeps, null clears");
    assert_eq!(app.get("/v1/Employees/nobody").await.status, 404);
}

#[tokio::test]
async fn every_fault_of_an_employee_is_named() {
    let app = TestApp::new().await;
    let refused = put(&app, json!({"staffCode": " ", "email": "no-address", "firstname": "x", "lastname": "y", "roleName": "Sales", "teamName": "", "timeZone": "Mars"})).await;
    let expected = [
        ("required", "staffCode"),
        ("required", "teamName"),
        ("invalid_format", "email"),
        ("invalid_value", "timeZone"),
    ];
    assert_eq!(refused.errors(), expected);
    let mut unknown_role = patty();
    unknown_role["roleName"] = json!("Emperor");
    assert_eq!(put(&app, unknown_role).await.errors(), [("invalid_value", "roleName")]);
    let teams = app.get("/v1/setting/teams").await;
    assert!(!teams.body.to_string().contains("Team A"), "a refused employee leaves no team behind");
}

#[tokio::test]
async fn nobody_reports_to_themselves_on_any_way() {
    let app = TestApp::new().await;
    for (code, name) in [("A", "Anan"), ("B", "Boon"), ("C", "Chai")] {
        put(&app, colleague(code, name)).await;
    }
    let set_head = async |code: &str, name: &str, head: Value| {
        let mut body = colleague(code, name);
        body["headCode"] = head;
        put(&app, body).await
    };
    assert_eq!(set_head("B", "Boon", json!("A")).await.status, 200);
    assert_eq!(set_head("C", "Chai", json!("b")).await.status, 200);
    let value = app.get("/v1/Employees/C").await.data()["value"].clone();
    assert_eq!((&value["orgString"], &value["orgLevel"], &value["headCode"]), (&json!("A/B"), &json!(2), &json!("B")));
    for (code, name, head) in [("A", "Anan", "C"), ("A", "Anan", "A")] {
        assert_eq!(set_head(code, name, json!(head)).await.errors(), [("invalid_value", "headCode")]);
    }
    assert_eq!(set_head("A", "Anan", json!("nobody")).await.errors(), [("not_found", "headCode")]);
    assert_eq!(set_head("B", "Boon", Value::Null).await.data()["value"]["headCode"], Value::Null);
}

#[tokio::test]
async fn enquiry_takes_what_the_known_client_sends() {
    let app = TestApp::new().await;
    put(&app, patty()).await;
    put(&app, colleague("EMP002", "สมชาย")).await;
    let nulls = json!({"employeeType": null, "teamId": null, "status": null, "keyWord": "PATT", "orderBy": 0, "skip": 0, "pageLength": 20, "type": null});
    assert_eq!(enquire(&app, nulls).await, ["EMP001"]);
    assert_eq!(enquire(&app, json!({"KEYWORD": "มชา", "pagelength": "5"})).await, ["EMP002"]);
    assert_eq!(enquire(&app, json!({"keyWord": "%"})).await, Vec::<String>::new(), "wildcards are letters");
    assert_eq!(enquire(&app, json!({"orderBy": 1, "skip": 1})).await, ["EMP002"]);
    let team = app.get("/v1/Employees/EMP001").await.data()["value"]["teamId"].clone();
    assert_eq!(enquire(&app, json!({"teamId": team, "status": 1, "orderBy": 1})).await, ["EMP001", "EMP002"]);
    let answer = app.post("/v1/Employees/Enquiry", json!({"pageLength": 1})).await;
    assert_eq!((&answer.data()["total"], &answer.data()["totalIsEstimate"]), (&json!(2), &json!(false)));
    let faults = app.post("/v1/Employees/Enquiry", json!({"orderBy": 9, "skip": -1, "pageLength": 0})).await;
    assert_eq!(faults.errors().len(), 3);
}

#[tokio::test]
async fn a_keyword_finds_an_employee_however_its_letters_are_spelled() {
    let app = TestApp::new().await;
    put(&app, colleague("EMP001", "Nguyễn Thị Ánh")).await;
    put(&app, colleague("EMP002", "ＳＵＤＡ")).await;
    put(&app, colleague("EMP003", "Ho\u{300}a")).await;
    for (keyword, found) in [
        ("nguye\u{302}\u{303}n", "EMP001"),
        ("A\u{301}NH", "EMP001"),
        ("suda", "EMP002"),
        ("ｓｕｄ", "EMP002"),
        ("hòa", "EMP003"),
        ("ＥＭＰ００３", "EMP003"),
    ] {
        assert_eq!(enquire(&app, json!({"keyWord": keyword})).await, [found], "{keyword:?}");
    }
}

#[tokio::test]
async fn a_team_in_use_is_retired_only_with_another_in_its_place() {
    let app = TestApp::new().await;
    put(&app, patty()).await;
    let team = app.get("/v1/Employees/EMP001").await.data()["value"]["teamId"].as_i64().unwrap();
    let path = format!("/v1/setting/teams/{team}");
    let refused = app.request(Method::PUT, &path, &[], Some(json!({"isActive": false}))).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("in_use", "isActive")]));
    let moved = app.request(Method::PUT, &path, &[], Some(json!({"isActive": false, "reassignTo": 1}))).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(app.get("/v1/Employees/EMP001").await.data()["value"]["teamId"], 1);
}

#[tokio::test]
async fn changes_are_audited_and_versions_checked() {
    let app = TestApp::new().await;
    put(&app, patty()).await;
    put(&app, patty()).await;
    let read = app.get("/v1/Employees/EMP001").await;
    let tag = read.header("etag").to_owned();
    let mut update = patty();
    update["nickname"] = json!("Patty");
    let won = app.request(Method::PUT, "/v1/Employees", &[("if-match", &tag)], Some(update.clone())).await;
    assert_eq!(won.status, 200);
    let lost = app.request(Method::PUT, "/v1/Employees", &[("if-match", &tag)], Some(update)).await;
    assert_eq!(lost.status, 412);
    let trail = app.get("/v1/audit?ref=employee/EMP001").await;
    let entries = trail.data()["value"].as_array().unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["updated", "created"], "a change that changes nothing is none");
    assert_eq!(entries[0]["changes"], json!({"nickname": ["Pat", "Patty"]}));
}

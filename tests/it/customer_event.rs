//! Events and satisfaction of customers.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::customer::plain;

/// A server with the customer of the original's examples.
async fn with_customer() -> TestApp {
    let app = TestApp::new().await;
    assert_eq!(app.post("/v3/customers", plain("C000349", "Daaisyy")).await.status, 200);
    app
}

fn meeting() -> Value {
    json!({"eventName": "Meeting with Client", "eventType": 1, "eventDate": "2024-02-01T10:00:00",
           "description": "Discuss project requirements", "customerCode": "C000349"})
}

async fn filter(app: &TestApp, query: &str, body: Option<Value>) -> Vec<String> {
    let answer = app.request(Method::GET, &format!("/v1/customerEvent/filter?{query}"), &[], body).await;
    let rows = answer.data().as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
    rows.iter().map(|row| row["eventName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_event_is_added_listed_changed_and_removed() {
    let app = with_customer().await;
    let made = app.post("/v1/CustomerEvent", meeting()).await;
    let expected = json!({"eventId": 1, "eventName": "Meeting with Client", "eventDate": "2024-02-01T10:00:00+0700",
                          "eventType": 1, "description": "Discuss project requirements"});
    assert_eq!(made.data(), &expected);
    let listed = app.get("/v1/customerEvent/filter?customerCode=c000349").await;
    let mut item = expected.clone();
    item["customerId"] = json!(1);
    assert_eq!(listed.data(), &json!([item]));
    let change = json!({"eventName": "Updated Meeting", "eventType": 2, "eventDate": "2024-02-05T14:00:00",
                        "description": "Updated project discussion", "customerCode": "C000349"});
    let changed = app.request(Method::PUT, "/v1/customerEvent/1", &[], Some(change.clone())).await;
    assert_eq!((&changed.data()["eventName"], &changed.data()["eventType"]), (&json!("Updated Meeting"), &json!(2)));
    let late = app.request(Method::PUT, "/v1/customerEvent/1", &[("if-match", "\"1\"")], Some(change)).await;
    assert_eq!(late.status, 412);
    let history = app.get("/v1/audit?ref=customer/1").await;
    assert_eq!(history.data()["value"][0]["action"], "event changed");
    let gone = app.request(Method::DELETE, "/v1/customerEvent?eventId=1", &[], None).await;
    assert_eq!(gone.data(), &Value::Null);
    for (method, body) in [(Method::DELETE, None), (Method::PUT, Some(meeting()))] {
        assert_eq!(app.request(method, "/v1/customerEvent/1", &[], body).await.status, 404);
    }
}

#[tokio::test]
async fn events_are_listed_by_type_and_period_from_the_body_or_the_query() {
    let app = with_customer().await;
    for (name, kind, date) in
        [("a", 1, "2025-01-01"), ("b", 2, "2025-01-31T23:59:59"), ("c", 4, "2025-02-01 00:00:00+07:00")]
    {
        let body = json!({"eventName": name, "eventType": kind, "eventDate": date, "customerCode": "C000349"});
        assert_eq!(app.post("/v1/customerEvent", body).await.status, 200, "{name}");
    }
    let january = Some(json!({"DateFrom": "2025-01-01T00:00:00", "DateTo": "2025-01-31T23:59:59"}));
    assert_eq!(filter(&app, "customerCode=C000349&eventTypeIds=1", january.clone()).await, ["a"]);
    assert_eq!(filter(&app, "customerCode=C000349", january).await, ["a", "b"]);
    assert_eq!(filter(&app, "customerCode=C000349&dateFrom=2025-01-31&dateTo=2025-02-01", None).await, ["b", "c"]);
    assert_eq!(
        filter(&app, "customerCode=C000349&eventTypeIds=1,4", Some(json!({"dateFrom": null}))).await,
        ["a", "c"]
    );
    assert_eq!(filter(&app, "customerCode=C000349&eventTypeIds=1&eventTypeIds=2", None).await, ["a", "b"]);
    let faults = async |query: &str| -> Answer { app.get(&format!("/v1/customerEvent/filter?{query}")).await };
    assert_eq!(faults("dateFrom=x").await.errors(), [("required", "customerCode")]);
    assert_eq!(faults("customerCode=nobody").await.errors(), [("not_found", "customerCode")]);
    let wrong = faults("customerCode=C000349&dateFrom=soon&dateTo=late&eventTypeIds=x").await;
    assert_eq!(
        wrong.errors(),
        [("invalid_format", "dateFrom"), ("invalid_format", "dateTo"), ("invalid_type", "eventTypeIds")]
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_named() {
    let app = with_customer().await;
    let refused =
        app.post("/v1/customerEvent", json!({"eventName": "", "eventDate": "soon", "customerCode": "x"})).await;
    let mut fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["eventDate", "eventName", "eventType"]);
    let mut unknown = meeting();
    unknown["eventType"] = json!(99);
    unknown["customerCode"] = json!("nobody");
    let refused = app.post("/v1/customerEvent", unknown).await;
    assert_eq!(refused.errors(), [("not_found", "customerCode"), ("not_found", "eventType")]);
    let types = app.get("/v1/customerevent/EVENT-TYPES").await;
    let types = types.data().as_array().unwrap();
    assert!(types.len() >= 4 && types[0]["eventTypeId"] == 1 && types[0]["eventTypeName"].is_string(), "{types:?}");
    // A type in use is taken out of use only when its events get another.
    app.post("/v1/customerEvent", meeting()).await;
    let retire = |body: Value| app.request(Method::PUT, "/v1/setting/event-types/1", &[], Some(body));
    assert_eq!(retire(json!({"isActive": false})).await.status, 409);
    assert_eq!(retire(json!({"isActive": false, "reassignTo": 2})).await.status, 200);
    let listed = app.get("/v1/customerEvent/filter?customerCode=C000349").await;
    assert_eq!(listed.data()[0]["eventType"], 2);
}

#[tokio::test]
async fn satisfaction_is_recorded_under_its_survey() {
    let app = with_customer().await;
    let example = json!({"AnswerBy": "Bob Name", "SourceName": "NPS [Venio]", "SourceType": 2, "Point": 9, "Comment": "good",
                         "CustomerCode": "C000349", "DateCreated": "2024-02-01 10:00:00"});
    let stored = app.post("/v3/customers/satisfaction", example.clone()).await;
    assert_eq!((stored.status, stored.data()), (200, &Value::Null));
    let mut second = example.clone();
    second["Point"] = json!("1");
    second["DateCreated"] = json!("2024-02-02T10:00:00");
    assert_eq!(app.post("/v3/customers/satisfaction", second).await.status, 200);
    let first = app.get("/v3/customers/C000349/satisfaction?take=1").await;
    let answer = &first.data()["value"][0];
    assert_eq!((&answer["point"], &answer["sourceName"]), (&json!(1), &json!("NPS [Venio]")));
    assert_eq!(answer["dateCreated"], "2024-02-02T10:00:00+0700");
    let next = first.data()["next"].as_str().unwrap().to_owned();
    let last = app.get(&format!("/v3/customers/C000349/satisfaction?before={next}")).await;
    assert_eq!((&last.data()["value"][0]["answerBy"], &last.data()["next"]), (&json!("Bob Name"), &Value::Null));
    let surveys = app.get("/v1/setting/satisfaction-sources").await;
    assert_eq!(surveys.data()["value"].as_array().unwrap().len(), 1);
    let mut wrong = example.clone();
    wrong["SourceType"] = json!(1);
    wrong["Point"] = json!(6);
    wrong["DateCreated"] = json!("yesterday");
    let refused = app.post("/v3/customers/satisfaction", wrong).await;
    assert_eq!(refused.errors(), [("out_of_range", "Point"), ("invalid_format", "DateCreated")]);
    let mut unknown = example;
    unknown["CustomerCode"] = json!("nobody");
    assert_eq!(app.post("/v3/customers/satisfaction", unknown).await.errors(), [("not_found", "CustomerCode")]);
}

#[tokio::test]
async fn file_categories_are_those_of_the_setting() {
    let app = TestApp::new().await;
    let listed = app.get("/v3/customers/file-categories").await;
    let categories = listed.data().as_array().unwrap();
    let set = app.get("/v1/setting/file-categories").await;
    let set = set.data()["value"].as_array().unwrap();
    assert_eq!(categories.len(), set.len());
    assert_eq!(
        (&categories[0]["fileCategoryId"], &categories[0]["fileCategoryName"]),
        (&set[0]["id"], &set[0]["name"])
    );
}

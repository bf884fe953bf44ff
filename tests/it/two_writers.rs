//! Two writers at once: of two changes that name one version one wins and the other is told; of two that name none both are
//! there. Every operation that takes `If-Match` has its line here.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::customer::plain;

/// An operation, the record that it changes, and two changes that do not meet.
struct Case {
    id: &'static str,
    method: Method,
    path: String,
    one: Value,
    two: Value,
    /// Where the record is read, and which of its fields the two changes are.
    read: (String, [&'static str; 2]),
}

/// Operations whose change is not a field of a record: their own tests say what two of them at once do.
const OTHERS: &[&str] = &[
    "refusePrivacyRequest",
    "startPrivacyRequest",
    "setProductParts",
    "undoCustomerMerge",
    "deleteCustomer",
    "mergeCustomers",
    "deleteProduct",
    "deleteCustomerEvent",
    "setTaskStatus",
    "deleteTask",
];

/// Operations that hold and save their record as tasks do (`record::held`, `record::save`), which is tried here with tasks.
/// What two of them at once do to the rest of their record is in their own tests.
const AS_TASKS: &[&str] = &[
    "addSalesOrderPayment",
    "approveExpense",
    "approveQuotation",
    "approveSalesOrder",
    "cancelContract",
    "cancelExpense",
    "cancelQuotation",
    "cancelSalesOrder",
    "cancelSalesOrderPayment",
    "changeCaseStatus",
    "convertQuotationToSalesOrder",
    "createOrUpdateActivity",
    "createOrUpdateContract",
    "createOrUpdateSalesOrder",
    "createUpdateQuotation",
    "deleteActivity",
    "deleteCase",
    "deleteDeal",
    "deleteExpense",
    "deleteMailTemplate",
    "deliverSalesOrder",
    "emailQuotation",
    "issueCreditNote",
    "issueReceipt",
    "issueTaxInvoice",
    "linkQuotation",
    "mergeCase",
    "moveDeal",
    "putDraft",
    "putMailTemplate",
    "refuseSalesOrder",
    "rejectExpense",
    "rejectQuotation",
    "returnSalesOrder",
    "sendQuotation",
    "updateCannedReply",
    "updateCaseByCaseNo",
    "updateConsoleRoom",
    "updateDeal",
    "updateExpense",
    "updateSalesOrderPayment",
    "updateUser",
    "updateView",
    "updateWebhook",
];

fn employee(more: Value) -> Value {
    let mut body = json!({"staffCode": "EMP000", "email": "a@example.com", "firstname": "Arun", "lastname": "S",
                          "roleName": "Sales", "teamName": "Team A"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn customer(more: Value) -> Value {
    let mut body = plain("C000349", "Daaisyy");
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn cases(app: &TestApp) -> Vec<Case> {
    assert_eq!(app.post("/v3/customers", plain("C000349", "Daaisyy")).await.status, 200);
    assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(employee(json!({})))).await.status, 200);
    let task = app.post("/v1/task", json!({"subject": "Twice"})).await.data()["taskNo"].clone();
    let brand = app.post("/v1/setting/brands", json!({"name": "Zebra"})).await.data()["id"].clone();
    let provider =
        json!({"name": "Sign in", "issuer": "https://id.example.com", "clientId": "sala", "secret": "a secret"});
    let provider = app.post("/v1/console/sso", provider).await.data()["id"].clone();
    vec![
        Case {
            id: "createOrUpdateEmployee",
            method: Method::PUT,
            path: "/v1/Employees".to_owned(),
            one: employee(json!({"nickname": "One"})),
            two: employee(json!({"phoneNumber": "0812345678"})),
            read: ("/v1/Employees/EMP000".to_owned(), ["/value/nickname", "/value/phoneNumber"]),
        },
        Case {
            id: "createOrUpdateCustomer",
            method: Method::POST,
            path: "/v3/customers".to_owned(),
            one: customer(json!({"customerPosition": "One"})),
            two: customer(json!({"customerNote": "Two"})),
            read: ("/v3/customers/C000349".to_owned(), ["/customerPosition", "/customerNote"]),
        },
        Case {
            id: "updateSetting",
            method: Method::PUT,
            path: "/v1/setting".to_owned(),
            one: json!({"nameEn": "One"}),
            two: json!({"phone": "021234567"}),
            read: ("/v1/setting".to_owned(), ["/nameEn", "/phone"]),
        },
        Case {
            id: "updateIdentityProvider",
            method: Method::PATCH,
            path: format!("/v1/console/sso/{}", provider.as_str().unwrap()),
            one: json!({"nameEn": "One"}),
            two: json!({"trustEmail": true}),
            read: ("/v1/console/sso".to_owned(), ["/0/nameEn", "/0/trustEmail"]),
        },
        Case {
            id: "updateChoice",
            method: Method::PUT,
            path: format!("/v1/setting/brands/{brand}"),
            one: json!({"nameEn": "One"}),
            two: json!({"position": 77}),
            read: ("/v1/setting/brands".to_owned(), ["/0/nameEn", "/0/position"]),
        },
        Case {
            id: "createOrUpdateTask",
            method: Method::POST,
            path: "/v1/task".to_owned(),
            one: json!({"taskNo": task, "note": "One"}),
            two: json!({"taskNo": task, "caseNo": "T1"}),
            read: (format!("/v1/task/{}", task.as_str().unwrap()), ["/note", "/caseNo"]),
        },
    ]
}

/// The list of a list operation, or the record.
fn record(data: &Value) -> &Value {
    data.get("value").filter(|value| value.is_array()).unwrap_or(data)
}

#[tokio::test]
async fn every_operation_that_takes_a_version_is_tried() {
    let app = TestApp::new().await;
    let mut known: Vec<String> = cases(&app).await.iter().map(|case| case.id.to_owned()).collect();
    known.extend(OTHERS.iter().chain(AS_TASKS).map(|id| (*id).to_owned()));
    known.extend(["editCustomerEvent".to_owned()]);
    let document = serde_json::to_value(sala::http::document()).unwrap();
    let mut missing = Vec::new();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        let takes =
            operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "If-Match"));
        let id = operation["operationId"].as_str().unwrap_or_default();
        if takes && !known.iter().any(|known| known == id) {
            missing.push(id.to_owned());
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "each needs a line in this file");
}

#[tokio::test]
async fn of_two_changes_of_one_version_one_is_told() {
    let app = TestApp::new().await;
    for case in cases(&app).await {
        let tag = app.get(&case.read.0).await.header("etag").to_owned();
        let tag = if tag.is_empty() { "\"1\"".to_owned() } else { tag };
        let headers = [("if-match", tag.as_str())];
        let send = |body: &Value| app.request(case.method.clone(), &case.path, &headers, Some(body.clone()));
        let (one, two) = tokio::join!(send(&case.one), send(&case.two));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{}: {one:?} {two:?}", case.id);
    }
}

#[tokio::test]
async fn of_two_changes_without_a_version_both_are_there() {
    let app = TestApp::new().await;
    for case in cases(&app).await {
        let send = |body: &Value| app.request(case.method.clone(), &case.path, &[], Some(body.clone()));
        let (one, two) = tokio::join!(send(&case.one), send(&case.two));
        assert_eq!((one.status, two.status), (200, 200), "{}: {one:?} {two:?}", case.id);
        let read = app.get(&case.read.0).await;
        for field in case.read.1 {
            let value = record(read.data()).pointer(field).or_else(|| read.data().pointer(field));
            assert!(value.is_some_and(|value| !value.is_null()), "{} {field}: {read:?}", case.id);
        }
    }
}

#[tokio::test]
async fn two_records_of_one_name_at_once_are_one_and_a_refusal_that_names_the_field() {
    let app = TestApp::new().await;
    let create = |code: &'static str, email: &'static str| {
        let mut body = employee(json!({"email": email}));
        body["staffCode"] = json!(code);
        app.request(Method::PUT, "/v1/Employees", &[], Some(body))
    };
    let answers = tokio::join!(create("EMP9", "a@example.com"), create("EMP9", "b@example.com"));
    for answer in [&answers.0, &answers.1] {
        assert!(matches!(answer.status, 200 | 409), "{answer:?}");
        if answer.status == 409 {
            assert_eq!(answer.errors(), [("taken", "staffCode")]);
        }
    }
    let name = |name: &'static str| app.post("/v1/setting/brands", json!({"name": name}));
    let ids = (name("First").await.data()["id"].clone(), name("Second").await.data()["id"].clone());
    let app = &app;
    let rename = |id: Value| {
        let path = format!("/v1/setting/brands/{id}");
        async move { app.request(Method::PUT, &path, &[], Some(json!({"name": "Same"}))).await }
    };
    let answers = tokio::join!(rename(ids.0), rename(ids.1));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{answers:?}");
}

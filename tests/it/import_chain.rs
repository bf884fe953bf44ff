//! Imports of the same records that are taken back one after another, the latest first.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::import::{counts, import, undo};

/// A file that makes a record, one that changes it, and where the record is read.
struct Kind {
    name: &'static str,
    makes: &'static str,
    changes: &'static str,
    path: &'static str,
    /// What in the answer is `One` after the first file and `Two` after the second.
    place: &'static str,
    expected: [Value; 2],
    /// How a person changes it.
    hand: (Method, &'static str, Value),
}

fn kinds() -> Vec<Kind> {
    let names = || [json!("One"), json!("Two")];
    vec![
        Kind {
            name: "customers",
            makes: "code,name,note\nCH1,One,first\n",
            changes: "code,name,note\nCH1,Two,second\n",
            path: "/v3/customers/CH1",
            place: "/customerName",
            expected: names(),
            hand: (
                Method::POST,
                "/v3/customers",
                json!({"customerCode": "CH1", "customerName": "By hand", "customerState": 3}),
            ),
        },
        Kind {
            name: "employees",
            makes: "staffCode,firstname,lastname,email,roleName,teamName\nCH2,One,X,ch2@example.com,Sales,Team A\n",
            changes: "staffCode,firstname\nCH2,Two\n",
            path: "/v1/Employees/CH2",
            place: "/value/firstname",
            expected: names(),
            hand: (
                Method::PUT,
                "/v1/Employees",
                json!({"staffCode": "CH2", "email": "ch2@example.com", "firstname": "By hand", "lastname": "X",
                       "roleName": "Sales", "teamName": "Team A"}),
            ),
        },
        Kind {
            name: "products",
            makes: "code,name,qty\nCH3,One,10\n",
            changes: "code,name,qty\nCH3,Two,20\n",
            path: "/v2/products/CH3",
            place: "/productName",
            expected: names(),
            hand: (Method::POST, "/v1/products/stock/sales", json!({"items": [{"productCode": "CH3", "qty": 1}]})),
        },
        Kind {
            name: "stock",
            makes: "sku,qty\n10001,15\n",
            changes: "sku,qty\n10001,25\n",
            path: "/v1/products/10001/stock",
            place: "/qty",
            expected: [json!(15), json!(25)],
            hand: (Method::POST, "/v1/products/stock/sales", json!({"items": [{"productCode": "10001", "qty": 1}]})),
        },
        Kind {
            name: "tasks",
            makes: "taskNo,subject\nCH-5,One\n",
            changes: "taskNo,subject\nCH-5,Two\n",
            path: "/v1/task/CH-5",
            place: "/subject",
            expected: names(),
            hand: (Method::POST, "/v1/task", json!({"taskNo": "CH-5", "subject": "By hand"})),
        },
        Kind {
            name: "orders",
            makes: "order no,date,customer,product code,quantity,price,remark\nCH-6,2026-11-28,daisy,AB00025dddd,1,100,One\n",
            changes: "order no,product code,quantity,price,remark\nCH-6,AB00025dddd,3,100,Two\n",
            path: "/v2/salesorder/CH-6",
            place: "/remark",
            expected: names(),
            hand: (Method::POST, "/v2/salesorder", json!({"salesOrderNo": "CH-6", "remark": "By hand"})),
        },
        Kind {
            name: "deals",
            makes: "dealNo,dealName,customerCode,dealValue,probability,expectedCloseDate,assignTo,boardName,dealStageName\n\
                    CH-7,One,daisy,5000,40%,2099-03-01,Admin01,Chain,Offer\n",
            changes: "dealNo,dealName\nCH-7,Two\n",
            path: "/v1/deals/1",
            place: "/value/dealsName",
            expected: names(),
            hand: (Method::PUT, "/v1/deals/1", json!({"dealName": "By hand"})),
        },
        Kind {
            name: "activities",
            makes: "activityNo,subject,date,staff code\nCH-8,One,5/1/2567 9:05,EMP001\n",
            changes: "activityNo,subject\nCH-8,Two\n",
            path: "/v1/activity/CH-8",
            place: "/subject",
            expected: names(),
            hand: (Method::POST, "/v1/activity", json!({"activityNo": "CH-8", "subject": "By hand"})),
        },
        Kind {
            name: "cases",
            makes: "caseNo,subject,customerCode,categoryId,caseType,dateCase,dateDue,staff code\n\
                    CH-9,One,daisy,77,1,2024-01-05,2099-01-06,EMP001\n",
            changes: "caseNo,subject\nCH-9,Two\n",
            path: "/v1/case/CH-9",
            place: "/subject",
            expected: names(),
            hand: (Method::PUT, "/v1/case/CH-9", json!({"subject": "By hand"})),
        },
    ]
}

/// A market with employees, a category of cases, and a board with one stage.
pub async fn ready() -> TestApp {
    let app = crate::sales::market().await;
    crate::case::people(&app).await;
    let category = json!({"id": 77, "name": "Chain", "detail": {}});
    assert_eq!(app.post("/v1/setting/case-categories", category).await.status, 201);
    let board = crate::deal::entry(&app, "boards", None, "Chain", json!(null)).await;
    crate::deal::entry(&app, "stages", None, "Offer", json!({"boardId": board, "kind": "open"})).await;
    app
}

async fn read(app: &TestApp, kind: &Kind) -> Value {
    let answer = app.get(kind.path).await;
    assert_eq!(answer.status, 200, "{}: {answer:?}", kind.name);
    answer.data().pointer(kind.place).cloned().unwrap_or_else(|| panic!("{}: {answer:?}", kind.name))
}

/// Whether what the first file made is gone, as far as the API deletes it.
async fn is_gone(app: &TestApp, kind: &Kind) -> bool {
    let answer = app.get(kind.path).await;
    match kind.name {
        "employees" => answer.data()["value"]["isActive"] == false,
        "stock" => answer.data()["qty"] == 10,
        "orders" => answer.data()["salesOrderStatus"] == 5,
        _ => answer.status == 404,
    }
}

#[track_caller]
fn assert_undone(back: &Value, kind: &Kind, kept: i64) {
    let found = (&back["state"], &back["undone"], &back["kept"]);
    assert_eq!(found, (&json!("undone"), &json!(1 - kept), &json!(kept)), "{}: {back:#}", kind.name);
}

#[tokio::test]
async fn imports_of_one_record_are_taken_back_in_turn() {
    let app = ready().await;
    for kind in kinds() {
        let query = format!("kind={}", kind.name);
        let first = import(&app, &query, kind.makes).await;
        assert_eq!(counts(&first).3, 0, "{}: {first:#}", kind.name);
        assert_eq!(read(&app, &kind).await, kind.expected[0], "{}", kind.name);
        let second = import(&app, &query, kind.changes).await;
        assert_eq!(counts(&second), (0, 1, 0, 0), "{}: {second:#}", kind.name);
        let third =
            import(&app, &query, kind.changes.replace("Two", "Three").replace(",25", ",35").replace(",20", ",30"))
                .await;
        assert_eq!(counts(&third), (0, 1, 0, 0), "{}: {third:#}", kind.name);
        assert_undone(&undo(&app, &third).await, &kind, 0);
        assert_eq!(read(&app, &kind).await, kind.expected[1], "{}", kind.name);
        assert_undone(&undo(&app, &second).await, &kind, 0);
        assert_eq!(read(&app, &kind).await, kind.expected[0], "{}", kind.name);
        assert_undone(&undo(&app, &first).await, &kind, 0);
        assert!(is_gone(&app, &kind).await, "{}", kind.name);
    }
}

#[tokio::test]
async fn what_a_person_has_changed_between_two_imports_or_after_them_stays() {
    let app = ready().await;
    for kind in kinds() {
        let query = format!("kind={}", kind.name);
        let first = import(&app, &query, kind.makes).await;
        let second = import(&app, &query, kind.changes).await;
        let (method, path, body) = kind.hand.clone();
        let changed = app.request(method, path, &[], Some(body)).await;
        assert!(matches!(changed.status, 200 | 201), "{}: {changed:?}", kind.name);
        let by_hand = app.get(kind.path).await;
        for import in [&second, &first] {
            let back = undo(&app, import).await;
            assert_undone(&back, &kind, 1);
            assert!(back["left"][0]["reason"].as_str().unwrap().ends_with("since"), "{}: {back:#}", kind.name);
        }
        assert_eq!(app.get(kind.path).await.data(), by_hand.data(), "{}: nothing is lost", kind.name);
    }
    // Between the two: what the second finds is not what the first has left.
    let app = ready().await;
    for kind in kinds() {
        let query = format!("kind={}", kind.name);
        let first = import(&app, &query, kind.makes).await;
        app.advance(Duration::from_secs(1));
        let (method, path, body) = kind.hand.clone();
        app.request(method, path, &[], Some(body)).await;
        let by_hand = read(&app, &kind).await;
        let second = import(&app, &query, kind.changes).await;
        assert_undone(&undo(&app, &second).await, &kind, 0);
        assert_undone(&undo(&app, &first).await, &kind, 1);
        assert_eq!(read(&app, &kind).await, by_hand, "{}", kind.name);
    }
}

//! Lists as files: CSV and workbooks of any enquiry.

use std::io::Cursor;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use calamine::{Data, Reader, Xlsx};
use serde_json::{Value, json};

use crate::app::{TestApp, request};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

async fn ask(
    app: &TestApp,
    accept: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, HeaderMap, Vec<u8>) {
    app.file(request(&app.token, method, path, &[("accept", accept)], body)).await
}

/// The rows of a workbook's only sheet.
async fn workbook(app: &TestApp, method: Method, path: &str, body: Option<Value>) -> Vec<Vec<Data>> {
    let (status, headers, bytes) = ask(app, XLSX, method, path, body).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, XLSX), "{path}");
    assert!(headers["content-disposition"].to_str().unwrap().ends_with(".xlsx\""));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let sheet = book.worksheet_range_at(0).unwrap().unwrap();
    sheet.rows().map(<[Data]>::to_vec).collect()
}

async fn csv(app: &TestApp, method: Method, path: &str, body: Option<Value>) -> Vec<Vec<String>> {
    let (status, headers, bytes) = ask(app, "text/csv", method, path, body).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"), "{path}");
    let text = String::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("a mark, so that Excel shows Thai");
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Four hundred and fifty customers: more than two pages.
async fn customers(app: &TestApp) {
    let mut text = "code,name,phone,tags,line id,state,note\n".to_owned();
    for number in 0..450 {
        let state = if number % 5 == 0 { 1 } else { 3 };
        text.push_str(&format!("K{number:03},ลูกค้า {number},081{number:07},a; b,line{number},{state},=1+{number}\n"));
    }
    let request = Request::post("/v1/imports?kind=customers")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "text/csv");
    assert_eq!(app.call(request.body(Body::from(text)).unwrap()).await.status, 202);
    app.run_jobs().await;
}

fn column(rows: &[Vec<Data>], name: &str) -> Vec<String> {
    let place = rows[0].iter().position(|cell| cell == &Data::String(name.to_owned()));
    let place = place.unwrap_or_else(|| panic!("no column {name}: {:?}", rows[0]));
    rows[1..].iter().map(|row| row[place].to_string()).collect()
}

#[tokio::test]
async fn a_workbook_holds_the_whole_list_as_the_pages_show_it() {
    let app = TestApp::new().await;
    customers(&app).await;
    let mut body = json!({"Take": 5, "skip": 3, "orderBy": "customerCode", "customerState": 3});
    let rows = workbook(&app, Method::POST, "/v3/customers/enquiry", Some(body.clone())).await;
    assert_eq!(rows.len(), 361, "the head and every customer, whatever page was asked for");
    body = json!({"take": 200, "orderBy": "customerCode", "customerState": 3});
    let mut page = app.post("/v3/customers/enquiry", body.clone()).await;
    let mut expected: Vec<Value> = page.data().as_array().unwrap().clone();
    while let Some(next) = page.body["next"].as_str().map(str::to_owned) {
        body["cursor"] = json!(next);
        page = app.post("/v3/customers/enquiry", body.clone()).await;
        expected.extend(page.data().as_array().unwrap().iter().cloned());
    }
    assert_eq!(expected.len(), 360);
    for name in ["customerCode", "customerName", "customerPhone", "dateCreated", "customerNote"] {
        let texts: Vec<String> = expected.iter().map(|one| one[name].as_str().unwrap().to_owned()).collect();
        assert_eq!(column(&rows, name), texts, "{name}");
    }
    assert_eq!(column(&rows, "customerTags")[0], "a; b");
    let lines: Vec<&str> = expected.iter().map(|one| one["customerSocialAccount"]["line"].as_str().unwrap()).collect();
    assert_eq!(column(&rows, "customerSocialAccount.line"), lines);
    let head: Vec<String> = rows[0].iter().map(ToString::to_string).collect();
    assert_eq!(head[..3], ["customerId", "customerCode", "customerName"], "in the order of the answer");
    assert!(matches!(rows[1][0], Data::Float(_)), "a number is one: {:?}", rows[1]);
    assert_eq!(rows[1][head.iter().position(|name| name == "owners").unwrap()], Data::Empty);
}

#[tokio::test]
async fn csv_holds_the_whole_list_and_computes_nothing() {
    let app = TestApp::new().await;
    customers(&app).await;
    let rows = csv(&app, Method::POST, "/v3/customers/enquiry", None).await;
    assert_eq!(rows.len(), 451);
    let place = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
    assert_eq!(rows[1][place("customerCode")], "K449", "the newest first, as the list has it");
    assert_eq!(rows[1][place("customerNote")], "'=1+449", "a text is no formula");
    assert_eq!(rows[1][place("customerPhone")], "0810000449");
    let (_, _, bytes) = ask(&app, "text/csv", Method::POST, "/v3/customers/enquiry", None).await;
    assert!(String::from_utf8_lossy(&bytes).contains(",\"K449\",\"ลูกค้า 449\","), "texts are in quotes");
    // What was handed out can be handed in: nothing changes.
    let (_, _, bytes) = ask(&app, "text/csv", Method::POST, "/v3/customers/enquiry", None).await;
    let request = Request::post("/v1/imports?kind=customers")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "text/csv");
    let begun = app.call(request.body(Body::from(bytes)).unwrap()).await;
    app.run_jobs().await;
    let path = format!("/v1/imports/{}", begun.data()["importId"].as_str().unwrap());
    let done = app.get(&path).await;
    assert_eq!((&done.data()["unchanged"], &done.data()["failed"]), (&json!(450), &json!(0)), "{done:?}");
}

#[tokio::test]
async fn every_kind_of_list_can_be_had_as_a_file() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    for number in 0..230 {
        app.room(&account, &format!("U{number}")).await;
    }
    let rooms = workbook(&app, Method::POST, "/v1/conversation/enquiry", Some(json!({"pageLength": 1}))).await;
    let mut ids = column(&rooms, "roomId");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 230, "pages that are skipped to hold each room once");

    for number in 0..3 {
        let body = json!({"staffCode": format!("E{number}"), "email": "a@example.com", "firstname": "A", "lastname": "B",
                          "roleName": "Sales", "teamName": "T", "nickname": format!("n{number}")});
        app.request(Method::PUT, "/v1/Employees", &[], Some(body)).await;
    }
    let staff = csv(&app, Method::POST, "/v1/Employees/Enquiry", Some(json!({"orderBy": 1, "pageLength": 1}))).await;
    let codes: Vec<&str> = staff[1..].iter().map(|row| row[6].as_str()).collect();
    assert_eq!((staff[0][6].as_str(), codes), ("staffCode", vec!["E0", "E1", "E2"]));

    for number in 0..205 {
        let body = json!({"staffCode": "E0", "email": "a@example.com", "firstname": "A", "lastname": "B",
                          "roleName": "Sales", "teamName": "T", "nickname": format!("x{number}")});
        app.request(Method::PUT, "/v1/Employees", &[], Some(body)).await;
    }
    let audit = csv(&app, Method::GET, "/v1/audit?ref=employee%2FE0&take=2", None).await;
    assert_eq!(audit.len(), 207, "the head, the creation, and each change: pages by cursor in the query");
    let changes = audit[0].iter().position(|name| name.starts_with("changes")).unwrap();
    assert!(audit[1][changes].contains("x204"), "{:?}", audit[1]);
    let legacy = csv(&app, Method::POST, "/v1/Customers/enquiry", Some(json!({"customerType": 11300}))).await;
    assert_eq!(legacy.len(), 1, "a list without records has its head");
    assert!(legacy[0].len() > 10);
}

#[tokio::test]
async fn a_company_has_two_exports_at_once_and_a_node_four() {
    let app = TestApp::new().await;
    customers(&app).await;
    let begin = async |token: &str, accept: &str| {
        let call = request(token, Method::POST, "/v3/customers/enquiry", &[("accept", accept)], Some(json!({})));
        app.begin(call).await
    };
    let mut others = Vec::new();
    for company in [508, 509] {
        others.push(app.tenant(company, &["customer:read"]).await.token);
    }
    let first = begin(&app.token, "text/csv").await;
    let second = begin(&app.token, XLSX).await;
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    for accept in ["text/csv", XLSX] {
        let third = begin(&app.token, accept).await;
        assert_eq!((third.status().as_u16(), third.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    }
    assert_eq!(begin(&app.token, "application/json").await.status(), StatusCode::OK, "pages are no exports");
    let third = begin(&others[0], "text/csv").await;
    let fourth = begin(&others[0], "text/csv").await;
    assert_eq!((third.status(), fourth.status()), (StatusCode::OK, StatusCode::OK), "each company has its own");
    assert_eq!(begin(&others[1], "text/csv").await.status().as_u16(), 429, "the node has no more");
    // One that is not wanted any more makes room, and so does one that was read to its end.
    drop(first);
    let fifth = begin(&others[1], "text/csv").await;
    assert_eq!(fifth.status(), StatusCode::OK);
    assert_eq!(begin(&app.token, "text/csv").await.status().as_u16(), 429);
    let read = axum::body::to_bytes(second.into_body(), usize::MAX).await.unwrap();
    assert!(read.len() > 10_000);
    assert_eq!(begin(&app.token, "text/csv").await.status(), StatusCode::OK);
    // A refusal takes no place.
    for _ in 0..5 {
        let refused = request(&app.token, Method::POST, "/v3/customers/enquiry", &[("accept", XLSX)], Some(json!([1])));
        assert_eq!(app.file(refused).await.0, 400);
    }
}

#[tokio::test]
async fn each_page_of_an_export_counts_as_a_request() {
    let app = TestApp::with(|config| config.rate_limit = 10).await;
    customers(&app).await;
    app.advance(Duration::from_secs(10));
    let (status, headers, _) = ask(&app, "text/csv", Method::POST, "/v3/customers/enquiry", None).await;
    assert_eq!((status, headers["ratelimit-remaining"].to_str().unwrap()), (200, "19"), "when the answer began");
    let next = app.get("/v1/setting").await;
    assert_eq!(next.header("ratelimit-remaining"), "16", "two more pages, and this");
    // Half of what a client may have at once stays for its other requests: the export waits, they do not.
    for remaining in (10..16).rev() {
        assert_eq!(app.get("/v1/setting").await.header("ratelimit-remaining"), remaining.to_string());
    }
    let call = request(&app.token, Method::POST, "/v3/customers/enquiry", &[("accept", "text/csv")], None);
    let body = app.begin(call).await.into_body();
    let mut reading = tokio::spawn(axum::body::to_bytes(body, usize::MAX));
    let answered = app.get("/v1/setting").await;
    assert_eq!((answered.status, answered.header("ratelimit-remaining")), (200, "8"));
    // Its pages come as the rate allows.
    let mut rounds = 0;
    let bytes = loop {
        tokio::select! {
            bytes = &mut reading => break bytes.unwrap().unwrap(),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                app.advance(Duration::from_millis(100));
                rounds += 1;
            }
        }
    };
    assert!(rounds >= 3, "three tokens had to come back: {rounds}");
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 451);
}

#[tokio::test]
async fn a_refusal_is_answered_as_always_and_other_answers_stay_json() {
    let app = TestApp::new().await;
    let (status, headers, bytes) =
        ask(&app, XLSX, Method::POST, "/v3/customers/enquiry", Some(json!({"customerState": 9}))).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (400, "application/json"));
    let refused: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(refused["errors"][0]["field"], "customerState");
    let (status, _, bytes) = ask(&app, XLSX, Method::POST, "/v3/customers/enquiry", Some(json!([1]))).await;
    assert_eq!(status, 400, "{}", String::from_utf8_lossy(&bytes));
    let (status, headers, _) = ask(&app, "text/csv", Method::GET, "/v1/setting", None).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/json"));
    let (_, headers, _) = ask(&app, "text/html, */*", Method::POST, "/v3/customers/enquiry", None).await;
    assert_eq!(headers["content-type"], "application/json");
    let nobody = request("wrong", Method::POST, "/v3/customers/enquiry", &[("accept", "text/csv")], None);
    assert_eq!(app.file(nobody).await.0, 401);
    let document = crate::every_endpoint::document();
    let offered = &document["paths"]["/v3/customers/enquiry"]["post"]["responses"]["200"]["content"];
    assert!(offered["text/csv"].is_object() && offered[XLSX].is_object());
    assert!(document["paths"]["/v1/setting"]["get"]["responses"]["200"]["content"]["text/csv"].is_null());
}

/// A sheet of a workbook, by its name.
async fn sheet(app: &TestApp, method: Method, path: &str, name: &str) -> Vec<Vec<String>> {
    let body = (method == Method::POST).then(|| json!({}));
    let (status, _, bytes) = ask(app, XLSX, method, path, body).await;
    assert_eq!(status, 200, "{path}");
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let sheet = book.worksheet_range(name).unwrap();
    sheet.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

#[tokio::test]
async fn what_is_listed_in_groups_is_a_row_each_in_a_file() {
    let app = TestApp::new().await;
    for number in 0..205 {
        let lines = json!([{"expenseTypeId": 1004, "amount": 1}, {"expenseTypeId": 1002, "amount": 2, "note": "tea"}]);
        let made =
            app.post("/v1/Expenses", json!({"subject": format!("Paper {number}"), "expenseDetails": lines})).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    assert_eq!(app.post("/v1/expenses/1/cancel", json!({})).await.status, 200);
    let path = "/v1/Expenses/Enquiry";
    let rows = csv(&app, Method::POST, path, None).await;
    assert_eq!((rows.len(), &rows[0][0]), (206, &"statusName".to_owned()), "{:?}", rows[0]);
    let place = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
    let mut numbers: Vec<&str> = rows[1..].iter().map(|row| row[place("expenseNo")].as_str()).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 205, "each once");
    assert_eq!((rows[1][0].as_str(), rows[205][0].as_str()), ("Waiting for approval", "Cancelled"));
    assert_eq!(workbook(&app, Method::POST, path, Some(json!({}))).await.len(), 206);
    let lines = sheet(&app, Method::POST, path, "Lines").await;
    assert_eq!((lines.len(), &lines[0][..3]), (411, &["expenseNo", "line", "expenseDetailId"].map(str::to_owned)[..]));
    let page = app.post(path, json!({"skip": 200, "take": 10})).await;
    let groups = page.data()["value"].as_array().unwrap();
    let counts: Vec<usize> = groups.iter().map(|group| group["expenses"].as_array().unwrap().len()).collect();
    assert_eq!((counts, page.data()["total"].as_i64()), (vec![4, 1], Some(205)), "{page:?}");
    assert!(groups[0]["expenses"][0].get("expenseDetails").is_none(), "lines are for who asks for them");
}

#[tokio::test]
async fn what_no_cell_can_hold_has_a_sheet() {
    let app = TestApp::new().await;
    let steps: Vec<Value> = (0..100).map(|step| json!({"text": format!("{step:03} {}", "x".repeat(490))})).collect();
    let made = app.post("/v1/task", json!({"subject": "Move", "checklist": steps})).await;
    let no = made.data()["taskNo"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned();
    let rows = workbook(&app, Method::POST, "/v1/task/enquiry", Some(json!({}))).await;
    assert_eq!(column(&rows, "checklist"), ["see checklist"]);
    let steps = sheet(&app, Method::POST, "/v1/task/enquiry", "checklist").await;
    assert_eq!(steps.len(), 101, "{:?}", steps[0]);
    assert!(steps[100].iter().any(|cell| cell.starts_with("099 x")), "{:?}", steps[100]);
    // What changed is something else each time: all of it is in one column, and the whole of a long text on a sheet.
    assert_eq!(app.post("/v1/task", json!({"taskNo": no, "subject": "Move out"})).await.status, 200);
    let path = format!("/v1/audit?ref=task%2F{no}");
    let changes = column(&workbook(&app, Method::GET, &path, None).await, "changes");
    assert!(changes[0].contains("Move out") && changes[1].ends_with('…'), "{changes:?}");
    let parts = sheet(&app, Method::GET, &path, "Long texts").await;
    assert_eq!(parts[0], ["sheet", "row", "column", "part", "text"]);
    assert_eq!(parts[1][1..4], ["3", "changes", "1"]);
    let whole: String = parts[1..].iter().map(|part| part[4].as_str()).collect();
    assert!(whole.len() > 49_000 && whole.contains("099 x"), "{}", whole.len());
}

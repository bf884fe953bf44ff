//! Imports through the API: what is loaded, what is refused, what happens the second time, and how it is taken back.

use axum::body::Body;
use axum::http::{Method, Request};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, COMPANY, TestApp};

/// Hands in a file as the body itself.
async fn hand_in(app: &TestApp, query: &str, file: impl Into<Vec<u8>>) -> Answer {
    let request = Request::post(format!("/v1/imports?{query}"))
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "text/csv");
    app.call(request.body(Body::from(file.into())).unwrap()).await
}

#[tokio::test]
async fn every_kind_is_offered_with_the_columns_that_a_mapping_may_name() {
    let app = TestApp::new().await;
    let offered = app.get("/v1/imports/kinds").await;
    assert_eq!(offered.status, 200, "{offered:?}");
    let kinds = offered.data()["value"].as_array().unwrap();
    let names: Vec<&str> = kinds.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    for wanted in ["customers", "employees", "products", "stock", "tasks", "orders", "deals", "activities", "cases"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    for kind in kinds {
        let (name, columns) = (kind["kind"].as_str().unwrap(), kind["columns"].as_array().unwrap());
        assert!(kind["isAllowed"] == true && !columns.is_empty(), "{kind}");
        // Each field is one that a mapping of this kind takes.
        let mapping: serde_json::Map<String, Value> =
            columns.iter().enumerate().map(|(n, one)| (format!("c{n}"), one["field"].clone())).collect();
        let mapping = Value::Object(mapping).to_string();
        let mapping: String = form_urlencoded::byte_serialize(mapping.as_bytes()).collect();
        import(&app, &format!("kind={name}&dryRun=true&mapping={mapping}"), "c0\nx\n").await;
    }
}

/// The import of a file, when it has come to its end.
pub async fn import(app: &TestApp, query: &str, file: impl Into<Vec<u8>>) -> Value {
    let begun = hand_in(app, query, file).await;
    assert_eq!((begun.status, &begun.data()["state"]), (202, &json!("waiting")), "{begun:?}");
    app.run_jobs().await;
    look(app, begun.data()).await
}

async fn look(app: &TestApp, import: &Value) -> Value {
    app.get(&format!("/v1/imports/{}", import["importId"].as_str().unwrap())).await.data().clone()
}

pub async fn undo(app: &TestApp, import: &Value) -> Value {
    let asked = app.post(&format!("/v1/imports/{}/undo", import["importId"].as_str().unwrap()), json!({})).await;
    assert_eq!((asked.status, &asked.data()["state"]), (202, &json!("undoing")), "{asked:?}");
    app.run_jobs().await;
    look(app, import).await
}

pub async fn errors(app: &TestApp, import: &Value) -> String {
    let path = format!("/v1/imports/{}/errors", import["importId"].as_str().unwrap());
    let answer = app.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    answer.text
}

/// Created, updated, unchanged, refused.
pub fn counts(import: &Value) -> (i64, i64, i64, i64) {
    assert_eq!(import["state"], "done", "{import:#}");
    let count = |name: &str| import[name].as_i64().unwrap();
    assert_eq!(
        count("created") + count("updated") + count("unchanged") + count("failed"),
        count("rows"),
        "every row is counted once: {import:#}"
    );
    (count("created"), count("updated"), count("unchanged"), count("failed"))
}

pub fn told(import: &Value, what: &str) -> Vec<(i64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = import[what].as_array().unwrap().iter();
    list.map(|one| (one["row"].as_i64().unwrap(), text(&one["column"]), text(&one["code"]))).collect()
}

async fn customer(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v3/customers/{code}")).await.data().clone()
}

async fn total(app: &TestApp) -> i64 {
    app.post("/v3/customers/enquiry", json!({"take": 1})).await.body["total"].as_i64().unwrap()
}

/// How many changes of customers the audit trail knows, and how many events there are.
async fn written(app: &TestApp) -> (i64, i64) {
    let mut conn = app.app.db.read().await.unwrap();
    let audit = conn.sql("select count(*) from audit where ref like 'customer/%'").one().await.unwrap();
    (audit, conn.sql("select count(*) from event").one().await.unwrap())
}

/// A thousand customers, ten of whom are at fault: the row in the file, the column, the code.
fn thousand() -> (String, Vec<(i64, &'static str, &'static str)>) {
    let mut text = "รหัสลูกค้า,ชื่อลูกค้า,E-Mail,วันเกิด,ประเภทลูกค้า,กลุ่มลูกค้า,ผู้ดูแล\r\n".to_owned();
    let mut faults = Vec::new();
    for number in 0..1000 {
        let row = number + 2;
        let (mut code, mut name) = (format!("K{number:04}"), format!("บริษัท {number} จำกัด"));
        let (mut email, mut day, mut kind) = (format!("k{number}@example.com"), "31/12/2540", "นิติบุคคล");
        match number {
            7 | 407 => {
                email = "nobody".to_owned();
                faults.push((row, "E-Mail", "invalid_format"));
            }
            50 | 999 => {
                day = "31/02/2540";
                faults.push((row, "วันเกิด", "invalid_format"));
            }
            101 | 502 => {
                kind = "หุ้นส่วน";
                faults.push((row, "ประเภทลูกค้า", "invalid_value"));
            }
            299 => {
                name = String::new();
                faults.push((row, "ชื่อลูกค้า", "required"));
            }
            300 => {
                code = "a/b".to_owned();
                faults.push((row, "รหัสลูกค้า", "invalid_format"));
            }
            640 => {
                name = "บริษัท 12 จำกัด".to_owned();
                faults.push((row, "ชื่อลูกค้า", "duplicate"));
            }
            700 => {
                name = "Taken Before".to_owned();
                faults.push((row, "ชื่อลูกค้า", "taken"));
            }
            _ => {}
        }
        text.push_str(&format!("{code},{name},{email},{day},{kind},\"กลุ่ม; {}\",A1\r\n", number % 3));
    }
    (text, faults)
}

#[tokio::test]
async fn of_a_thousand_rows_ten_are_refused_by_row_and_column_and_the_rest_is_loaded_once() {
    let app = TestApp::new().await;
    app.post("/v3/customers", json!({"customerCode": "old", "customerName": "Taken before", "customerState": 3})).await;
    let (text, expected) = thousand();
    let first = import(&app, "kind=customers&fileName=k.csv", text.as_str()).await;
    assert_eq!(counts(&first), (990, 0, 0, 10));
    let expected: Vec<(i64, String, String)> =
        expected.into_iter().map(|(row, column, code)| (row, column.to_owned(), code.to_owned())).collect();
    assert_eq!(told(&first, "errors"), expected);
    assert_eq!(
        (&first["progress"], &first["fileName"], &first["rowsDone"]),
        (&json!(100), &json!("k.csv"), &json!(1000))
    );
    assert_eq!(total(&app).await, 991);
    let one = customer(&app, "k0123").await;
    assert_eq!((&one["customerName"], &one["customerType"]), (&json!("บริษัท 123 จำกัด"), &json!(1)));
    assert_eq!((&one["customerBirthdate"], &one["customerGroupName"]), (&json!("1997-12-31"), &json!("กลุ่ม; 0")));
    assert_eq!((&one["owners"], &one["customerState"]), (&json!(["A1"]), &json!(3)));
    assert!(first["warned"].as_i64().unwrap() >= 990, "an owner who is no employee yet is warned of");

    // Again: nothing changes, for nobody.
    let before = written(&app).await;
    let again = import(&app, "kind=customers", text.as_str()).await;
    assert_eq!(counts(&again), (0, 0, 990, 10));
    assert_eq!(told(&again, "errors"), expected);
    assert_eq!((written(&app).await, total(&app).await), (before, 991));

    // The refused rows, corrected, are a file that can be handed in as it is.
    let refused = errors(&app, &again).await;
    assert!(refused.starts_with("\u{feff}#row,#column,#code,#message,รหัสลูกค้า,"), "{refused}");
    assert_eq!(refused.lines().count(), 11);
    assert!(refused.contains("\r\n9,E-Mail,invalid_format,"), "{refused}");
    let corrected = refused
        .replace("nobody", "")
        .replace("31/02/2540", "28/02/2540")
        .replace("หุ้นส่วน", "1")
        .replace("K0299,,", "K0299,บริษัท 299 จำกัด,")
        .replace(",a/b,", ",K0300,")
        .replace("บริษัท 12 จำกัด", "บริษัท 640 จำกัด")
        .replace("Taken Before", "บริษัท 700 จำกัด");
    let third = import(&app, "kind=customers", corrected).await;
    assert_eq!(counts(&third), (10, 0, 0, 0), "{third:#}");
    assert_eq!((total(&app).await, errors(&app, &third).await.lines().count()), (1001, 1));
    let listed = app.get("/v1/imports?take=2").await;
    let listed = &listed.data()["value"];
    assert_eq!((&listed[0]["importId"], listed.as_array().unwrap().len()), (&third["importId"], 2));
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_and_writes_nothing() {
    let app = TestApp::new().await;
    let known = json!({"customerCode": "A", "customerName": "Ann", "customerState": 2, "customerPhone": "021234567"});
    app.post("/v3/customers", known).await;
    app.post("/v3/customers", json!({"customerCode": "B", "customerName": "Bob", "customerState": 3})).await;
    let before = (customer(&app, "A").await, written(&app).await);
    let text = "code,name,phone,group\nA,Ann,21234568,New group\nB,Bob,,\nC,Cat,,\n,Dan,,\n,Eve,x@y,\n";
    let tried = import(&app, "kind=customers&dryRun=true", text).await;
    assert_eq!(counts(&tried), (3, 1, 1, 0), "{tried:#}");
    assert_eq!((&tried["dryRun"], &tried["undoUntil"]), (&json!(true), &Value::Null));
    assert_eq!(told(&tried, "warnings"), [(2, "phone".to_owned(), "repaired".to_owned())]);
    let columns = tried["columns"].as_array().unwrap();
    assert_eq!(columns[2], json!({"header": "phone", "field": "customerPhone", "ignored": null}));
    assert_eq!((customer(&app, "A").await, written(&app).await), before);
    assert_eq!(total(&app).await, 2);
    let groups = app.get("/v1/setting/customer-groups").await;
    assert!(!groups.text.contains("New group"));
    let path = format!("/v1/imports/{}/undo", tried["importId"].as_str().unwrap());
    assert_eq!(app.post(&path, json!({})).await.errors(), [("conflict", "importId")]);
    // What it told comes true; a prospect stays one.
    let done = import(&app, "kind=customers", text).await;
    assert_eq!(counts(&done), (3, 1, 1, 0));
    let ann = customer(&app, "A").await;
    assert_eq!((&ann["customerPhone"], &ann["customerState"]), (&json!("021234568"), &json!(2)));
}

#[tokio::test]
async fn a_row_without_a_code_is_the_customer_of_its_tax_number_and_branch_or_of_its_name() {
    let app = TestApp::new().await;
    let text = "name,tax id,branch,phone\nก้าวหน้า,0105561000008,00001,021111111\nSomchai,,,0812345678\n";
    assert_eq!(counts(&import(&app, "kind=customers", text).await), (2, 0, 0, 0));
    let renamed =
        "name,tax id,branch,mobile\nก้าวหน้า (ใหม่),0105561000008,1,\nsomchai,,,0899999999\nOther,0105561000008,2,\n";
    let second = import(&app, "kind=customers", renamed).await;
    assert_eq!(counts(&second), (1, 2, 0, 0), "{second:#}");
    assert_eq!(total(&app).await, 3);
    let found = app.get("/v3/customers/tax/0105561000008?branchCode=00001").await;
    let found = &found.data()[0];
    assert_eq!(
        (&found["customerName"], &found["customerPhone"]),
        (&json!("ก้าวหน้า (ใหม่)"), &json!("021111111")),
        "an empty or absent cell keeps"
    );
    // Two rows for one record would undo each other at every run.
    let twice = "code,name\nX,One\nx,Two\n,Three\n,three\n";
    let refused = import(&app, "kind=customers", twice).await;
    assert_eq!(counts(&refused), (2, 0, 0, 2));
    let expected = [(3, "code".to_owned(), "duplicate".to_owned()), (5, "name".to_owned(), "duplicate".to_owned())];
    assert_eq!(told(&refused, "errors"), expected);
}

#[tokio::test]
async fn addresses_contacts_and_own_fields_are_put_among_those_that_are_there() {
    let app = TestApp::new().await;
    let known = json!({"customerCode": "A", "customerName": "Ann", "customerState": 3,
        "addresses": [{"locationAddress": "Bangkok", "locationType": 1}, {"locationAddress": "Trang", "locationType": 2}],
        "contacts": [{"contactName": "Bob", "contactEmail": "bob@example.com"}],
        "customFields": [{"customFieldName": "Colour", "customFieldValue": ["red"]}],
        "customerSocialAccount": {"facebook": "ann"}});
    app.post("/v3/customers", known).await;
    let text = "code,address,address type,contact person,contacts.contactMobile,line id,Score,Remark\n\
                A,Krabi,shipping,bob,0812345678,ann99,7,x\n";
    let mapping = "%7B%22score%22%3A%22customFields.Score%22%2C%22Remark%22%3Anull%7D";
    let done = import(&app, &format!("kind=customers&mapping={mapping}"), text).await;
    assert_eq!(counts(&done), (0, 1, 0, 0), "{done:#}");
    let ignored = &done["columns"][7];
    assert_eq!((&ignored["field"], &ignored["ignored"]), (&Value::Null, &json!("mapped")));
    let ann = customer(&app, "A").await;
    let places: Vec<&Value> = ann["addresses"].as_array().unwrap().iter().map(|one| &one["locationAddress"]).collect();
    assert_eq!(places, ["Bangkok", "Krabi"]);
    let bob = &ann["contacts"][0];
    assert_eq!((&bob["contactEmail"], &bob["contactMobile"]), (&json!("bob@example.com"), &json!("0812345678")));
    assert_eq!(ann["customFields"][1], json!({"customFieldName": "Score", "customFieldValue": ["7"]}));
    let social = &ann["customerSocialAccount"];
    assert_eq!((&social["facebook"], &social["line"]), (&json!("ann"), &json!("ann99")));
    // Taken back, everything is as it was.
    let back = undo(&app, &done).await;
    assert_eq!((&back["state"], &back["undone"], &back["kept"]), (&json!("undone"), &json!(1), &json!(0)));
    let ann = customer(&app, "A").await;
    assert_eq!(ann["addresses"][1]["locationAddress"], "Trang");
    assert_eq!(ann["customFields"], json!([{"customFieldName": "Colour", "customFieldValue": ["red"]}]));
    let bob = &ann["contacts"][0];
    assert_eq!((&bob["contactName"], &bob["contactMobile"]), (&json!("Bob"), &Value::Null));
    assert_eq!(ann["customerSocialAccount"]["line"], Value::Null);
}

#[tokio::test]
async fn an_import_is_taken_back_where_nobody_has_changed_anything_since() {
    let app = TestApp::new().await;
    for (code, name) in [("A", "Ann"), ("B", "Bob"), ("U", "Same")] {
        let body = json!({"customerCode": code, "customerName": name, "customerState": 3, "customerNote": "before"});
        app.post("/v3/customers", body).await;
    }
    let text = "code,name,note\nA,Anna,after\nB,Bobby,after\nC,Cat,after\nD,Dan,after\nU,Same,before\n";
    let done = import(&app, "kind=customers", text).await;
    assert_eq!(counts(&done), (2, 2, 1, 0));
    for (code, name) in [("B", "Bobby"), ("D", "Dan")] {
        let body =
            json!({"customerCode": code, "customerName": name, "customerState": 3, "customerPhone": "021234567"});
        app.post("/v3/customers", body).await;
    }
    let back = undo(&app, &done).await;
    assert_eq!((&back["state"], &back["undone"], &back["kept"]), (&json!("undone"), &json!(2), &json!(2)), "{back:#}");
    let left: Vec<&Value> = back["left"].as_array().unwrap().iter().map(|left| &left["row"]).collect();
    assert_eq!(left, [3, 5]);
    assert_eq!(back["left"][0]["reason"], "it was changed since");
    let ann = customer(&app, "A").await;
    assert_eq!((&ann["customerName"], &ann["customerNote"]), (&json!("Ann"), &json!("before")));
    assert_eq!(customer(&app, "B").await["customerNote"], "after");
    assert_eq!(app.get("/v3/customers/C").await.status, 404);
    assert_eq!(app.get("/v3/customers/D").await.status, 200);
    let path = format!("/v1/imports/{}/undo", done["importId"].as_str().unwrap());
    assert_eq!(app.post(&path, json!({})).await.errors(), [("conflict", "importId")], "once");
    // The corrected file brings back what the undoing has deleted.
    let again = import(&app, "kind=customers", text).await;
    assert_eq!(counts(&again), (1, 1, 3, 0), "{again:#}");
    assert_eq!(customer(&app, "C").await["customerName"], "Cat");
    // What a person has deleted stays deleted.
    app.request(Method::DELETE, "/v3/customers/C", &[], None).await;
    let refused = import(&app, "kind=customers", text).await;
    assert_eq!(told(&refused, "errors"), [(4, "code".to_owned(), "conflict".to_owned())]);
}

#[tokio::test]
async fn a_running_import_can_be_stopped_and_taken_back() {
    let app = TestApp::new().await;
    let begun = hand_in(&app, "kind=customers", "name\nAnn\nBob\n").await;
    let back = undo(&app, begun.data()).await;
    assert_eq!((&back["state"], &back["created"]), (&json!("undone"), &json!(0)));
    assert_eq!(total(&app).await, 0);
}

/// A workbook as people make them: titles above the header, numbers that were text, days of both calendars.
fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Cover").unwrap().write_string(0, 0, "Customers of the year").unwrap();
    let sheet = book.add_worksheet();
    let day = Format::new().set_num_format("dd/mm/yyyy");
    sheet.merge_range(0, 0, 0, 5, "ลูกค้าปี 2568", &Format::new()).unwrap();
    for (column, header) in (0..).zip(["Code", "ชื่อลูกค้า", "เบอร์โทร", "Tax ID", "สาขา", "วันเกิด", "รายได้", "Internal ref"])
    {
        sheet.write_string(2, column, header).unwrap();
    }
    sheet.write_number(3, 0, 1001).unwrap();
    sheet.write_string(3, 1, " ก้าวหน้า ").unwrap();
    sheet.write_number(3, 2, 812_345_678).unwrap();
    sheet.write_number(3, 3, 105_561_000_008.0).unwrap();
    sheet.write_number(3, 4, 0).unwrap();
    sheet.write_datetime_with_format(3, 5, ExcelDateTime::from_ymd(2000, 2, 29).unwrap(), &day).unwrap();
    sheet.write_number(3, 6, 50_000).unwrap();
    // Row 5 is empty.
    sheet.write_string(5, 0, "A-7").unwrap();
    sheet.write_string(5, 1, "Second").unwrap();
    sheet.write_string(5, 2, "2.1234567E+07").unwrap();
    sheet.write_datetime_with_format(5, 5, ExcelDateTime::from_ymd(2543, 3, 1).unwrap(), &day).unwrap();
    sheet.write_formula(5, 7, rust_xlsxwriter::Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    sheet.write_number(6, 0, 1002.0).unwrap();
    sheet.write_string(6, 1, "Third").unwrap();
    sheet.write_number(6, 5, 36_585).unwrap();
    sheet.write_number(6, 2, 8.123_456_789_012_346e15).unwrap();
    for row in 7..40 {
        sheet.write_string(row, 12, " ").unwrap();
    }
    book.save_to_buffer().unwrap()
}

#[tokio::test]
async fn what_excel_does_to_numbers_and_days_is_put_right() {
    let app = TestApp::new().await;
    let done = import(&app, "kind=customers&fileName=k.xlsx", workbook()).await;
    assert_eq!(counts(&done), (2, 0, 0, 1), "{done:#}");
    let expected = [(7, "เบอร์โทร".to_owned(), "invalid_format".to_owned())];
    assert_eq!(told(&done, "errors"), expected, "a rounded number cannot be had back");
    let first = customer(&app, "1001").await;
    for (field, value) in [
        ("customerName", json!("ก้าวหน้า")),
        ("customerPhone", json!("0812345678")),
        ("customerTaxNo", json!("0105561000008")),
        ("branchCode", json!("00000")),
        ("customerBirthdate", json!("2000-02-29")),
        ("customerIncome", json!("50000")),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    let second = customer(&app, "A-7").await;
    assert_eq!((&second["customerPhone"], &second["customerBirthdate"]), (&json!("021234567"), &json!("2000-03-01")));
    let repaired: Vec<(i64, String)> =
        told(&done, "warnings").into_iter().filter(|one| one.2 == "repaired").map(|one| (one.0, one.1)).collect();
    let expected = [(4, "เบอร์โทร"), (4, "Tax ID"), (4, "สาขา"), (6, "เบอร์โทร")];
    assert_eq!(repaired, expected.map(|(row, column)| (row, column.to_owned())));
    assert_eq!(done["columns"][7], json!({"header": "Internal ref", "field": null, "ignored": "unknown"}));
    // Another country's numbers are left as they are.
    let setting = app.get("/v1/setting").await.data().clone();
    let mut setting = setting;
    setting["country"] = json!("LA");
    let saved = app.request(Method::PUT, "/v1/setting", &[], Some(setting)).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    import(&app, "kind=customers", "code,name,phone\nL,Lao,812345678\n").await;
    assert_eq!(customer(&app, "L").await["customerPhone"], "812345678");
}

#[tokio::test]
async fn an_address_is_taken_out_of_what_is_written_around_it() {
    let app = TestApp::new().await;
    let file = "code,name,email\nA,Ann,Som <a@x.co>\nB,Bob,mailto:b@x.co\nC,Cat,<c@x.co>\nD,Dan,a b@c.co\n\
                E,Eve,\"a@b,co\"\nF,Fay,a@b.co.\nG,Gus,\"Som <a@x.co>, Nok <b@x.co>\"\n";
    let done = import(&app, "kind=customers", file).await;
    assert_eq!(counts(&done), (3, 0, 0, 4), "{done:#}");
    let of = |rows: std::ops::RangeInclusive<i64>, code: &str| -> Vec<(i64, String, String)> {
        rows.map(|row| (row, "email".to_owned(), code.to_owned())).collect()
    };
    assert_eq!((told(&done, "warnings"), told(&done, "errors")), (of(2..=4, "repaired"), of(5..=8, "invalid_format")));
    for code in ["a", "b", "c"] {
        assert_eq!(customer(&app, code).await["customerEmail"], format!("{code}@x.co"));
    }
    for wrong in ["<a@x.co>", "mailto:a@x.co", "a@x..co"] {
        let body = json!({"customerCode": "Z", "customerName": "Zoe", "customerState": 3, "customerEmail": wrong});
        assert_eq!(app.post("/v3/customers", body).await.errors(), [("invalid_format", "customerEmail")], "{wrong}");
    }
}

/// A form with a file, as browsers send it.
fn form(file: &[u8], fields: &[(&str, &str)]) -> Body {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"ลูกค้า.csv\"\r\ncontent-type: text/csv\r\n\r\n";
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    Body::from(body)
}

async fn hand_in_form(app: &TestApp, body: Body) -> Answer {
    let request = Request::post("/v1/imports")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "multipart/form-data; boundary=edge");
    app.call(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_form_with_a_file_of_windows_thai_is_read() {
    let app = TestApp::new().await;
    let text = "ชื่อลูกค้า;โทรศัพท์;หมายเหตุ\r\nก้าวหน้า;02-123-4567;\"สอง\r\nบรรทัด; ก\"\r\n";
    let (bytes, _, lossy) = encoding_rs::WINDOWS_874.encode(text);
    assert!(!lossy);
    let fields = [("kind", "Customers"), ("dryRun", "0"), ("mapping", "{\"หมายเหตุ\": \"customerNote\"}")];
    let begun = hand_in_form(&app, form(&bytes, &fields)).await;
    assert_eq!((begun.status, &begun.data()["fileName"]), (202, &json!("ลูกค้า.csv")), "{begun:?}");
    app.run_jobs().await;
    let done = look(&app, begun.data()).await;
    assert_eq!(counts(&done), (1, 0, 0, 0));
    let name = "/v3/customers/name/%E0%B8%81%E0%B9%89%E0%B8%B2%E0%B8%A7%E0%B8%AB%E0%B8%99%E0%B9%89%E0%B8%B2";
    let read = app.get(name).await;
    assert_eq!(read.data()["customerNote"], "สอง\r\nบรรทัด; ก");
    for (fields, field) in [
        (&[][..], "kind"),
        (&[("kind", "pets")], "kind"),
        (&[("kind", "customers"), ("dryRun", "maybe")], "dryRun"),
        (&[("kind", "customers"), ("mapping", "no")], "mapping"),
        (&[("kind", "customers"), ("mapping", "{\"A\": \"dog\"}")], "mapping.A"),
        (&[("kind", "employees"), ("mapping", "{\"A\": \"customFields.X\"}")], "mapping.A"),
    ] {
        let refused = hand_in_form(&app, form(b"name\nAnn\n", fields)).await;
        assert_eq!((refused.status, refused.errors()[0].1), (400, field), "{refused:?}");
    }
    let without = hand_in_form(
        &app,
        Body::from("--edge\r\ncontent-disposition: form-data; name=\"kind\"\r\n\r\ncustomers\r\n--edge--\r\n"),
    );
    assert_eq!(without.await.errors(), [("required", "file")]);
    assert_eq!(stored(&app), 0, "files that are not needed any more are gone");
}

/// How many files lie in the media store.
fn stored(app: &TestApp) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    count(&app.database.folder.join("media"))
}

#[tokio::test]
async fn what_cannot_be_loaded_is_refused_in_words() {
    let app = TestApp::with(|config| config.import_limit = 1000).await;
    for (query, field) in [("kind=pets", "kind"), ("dryRun=maybe&kind=customers", "dryRun"), ("x=1", "kind")] {
        assert_eq!(hand_in(&app, query, "name\nAnn\n").await.errors()[0].1, field, "{query}");
    }
    assert_eq!(hand_in(&app, "kind=customers", "").await.errors(), [("required", "file")]);
    let exact = format!("name\n{}\n", "a".repeat(994));
    assert_eq!(hand_in(&app, "kind=customers&dryRun=1", exact.clone()).await.status, 202);
    assert_eq!(hand_in(&app, "kind=customers", exact + "\n").await.errors(), [("too_large", "")]);
    let json = app.post("/v1/imports?kind=customers", json!({"file": "x"})).await;
    assert_eq!((json.status, json.errors()), (415, vec![("media_type", "Content-Type")]));
    // Who may import may not for that reason write every kind of record.
    let scopes = ["import:read", "import:write", "employee:write"];
    let other = app.tenant(COMPANY, &scopes).await;
    let request = |query: &str| {
        let request = Request::post(format!("/v1/imports?{query}"))
            .header("authorization", format!("Bearer {}", other.token))
            .header("content-type", "text/csv");
        request.body(Body::from("name\nAnn\n")).unwrap()
    };
    assert_eq!(app.call(request("kind=customers")).await.status, 403);
    assert_eq!(app.call(request("kind=employees&dryRun=1")).await.status, 202);
    app.run_jobs().await;
    for (file, why) in [("a,b\n1,2\n", "header"), ("PK\u{3}\u{4}rubbish", "workbook")] {
        let failed = import(&app, "kind=customers", file).await;
        assert_eq!((&failed["state"], &failed["problem"]["code"]), (&json!("failed"), &json!("unreadable")));
        assert!(failed["problem"]["message"].as_str().unwrap().contains(why), "{failed:#}");
    }
    let missing = app.get(&format!("/v1/imports/{}", Uuid::new_v4())).await;
    assert_eq!(missing.errors(), [("not_found", "import")]);
    assert_eq!(stored(&app), 0);
}

#[tokio::test]
async fn a_repeated_request_begins_one_import() {
    let app = TestApp::new().await;
    let request = || {
        let request = Request::post("/v1/imports?kind=customers")
            .header("authorization", format!("Bearer {}", app.token))
            .header("content-type", "text/csv")
            .header("idempotency-key", "once");
        request.body(Body::from("name\nAnn\n")).unwrap()
    };
    let (first, second) = (app.call(request()).await, app.call(request()).await);
    assert_eq!(first.data()["importId"], second.data()["importId"]);
    assert_eq!(second.header("idempotency-replayed"), "true");
    app.run_jobs().await;
    assert_eq!(app.get("/v1/imports").await.data()["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn employees_come_in_any_order_and_are_linked_by_code() {
    let app = TestApp::new().await;
    let text = "รหัสพนักงาน,ชื่อ,นามสกุล,อีเมล,บทบาท,ทีม,หัวหน้า,เบอร์โทร,สถานะ\n\
                E3,Cat,C,cat@example.com,Sales,A,E2,812345678,\n\
                E2,Bob,B,bob@example.com,Sales,A,E1,,\n\
                E1,Ann,A,ann@example.com,Admin,A,,,ใช้งาน\n\
                E4,Dan,D,dan@example.com,Wizard,A,E1,,\n\
                E5,Eve,E,eve@example.com,Sales,A,E9,,\n\
                E6,Fay,F,fay@example.com,Sales,A,E4,,\n\
                E7,Gus,G,,Sales,A,E1,,\n";
    let first = import(&app, "kind=employees", text).await;
    assert_eq!(counts(&first), (4, 0, 0, 3), "{first:#}");
    let expected = [(5, "บทบาท", "invalid_value"), (6, "หัวหน้า", "not_found"), (8, "email", "required")];
    let expected: Vec<(i64, String, String)> =
        expected.map(|(row, column, code)| (row, column.to_owned(), code.to_owned())).to_vec();
    let found = told(&first, "errors");
    assert_eq!(found[..2], expected[..2], "{first:#}");
    assert_eq!((found[2].0, found[2].2.as_str()), (8, "required"));
    // Whose superior was refused is loaded without one, and that is said.
    assert!(told(&first, "warnings").contains(&(7, "หัวหน้า".to_owned(), "not_found".to_owned())), "{first:#}");
    let cat = app.get("/v1/Employees/e3").await.data()["value"].clone();
    assert_eq!((&cat["headCode"], &cat["orgString"]), (&json!("E2"), &json!("E1/E2")));
    assert_eq!((&cat["phoneNumber"], &cat["isActive"]), (&json!("0812345678"), &json!(true)));
    let again = import(&app, "kind=employees", text).await;
    assert_eq!(counts(&again), (0, 0, 4, 3), "{again:#}");
    // A file with a few columns changes those; the others stay.
    let moved = import(&app, "kind=employees", "code,team,head\nE3,Bangkok,E1\n").await;
    assert_eq!(counts(&moved), (0, 1, 0, 0), "{moved:#}");
    let back = undo(&app, &moved).await;
    assert_eq!((&back["undone"], &back["kept"]), (&json!(1), &json!(0)), "{back:#}");
    let cat = app.get("/v1/Employees/E3").await.data()["value"].clone();
    assert_eq!((&cat["teamName"], &cat["headCode"]), (&json!("A"), &json!("E2")));
    // E3 is as the first import has left it, since the later one was taken back.
    let back = undo(&app, &first).await;
    assert_eq!((&back["undone"], &back["kept"]), (&json!(4), &json!(0)), "{back:#}");
    assert_eq!(app.get("/v1/Employees/E2").await.data()["value"]["isActive"], false);
    let third = import(&app, "kind=employees", text).await;
    assert_eq!(counts(&third), (0, 4, 0, 3), "{third:#}");
    assert_eq!(app.get("/v1/Employees/E2").await.data()["value"]["isActive"], true);
}

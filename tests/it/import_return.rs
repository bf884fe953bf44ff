//! Lists that are exported, edited or not, and imported again: what nobody has touched is unchanged, and what was edited arrives.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, request};
use crate::import::{counts, errors, import};
use crate::import_chain::ready;
use crate::sales::{sell, text};

const CSV: &str = "text/csv";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The lists that are kinds of import as well.
const LISTS: [(&str, &str); 7] = [
    ("customers", "/v3/customers/enquiry"),
    ("employees", "/v1/Employees/Enquiry"),
    ("tasks", "/v1/task/enquiry"),
    ("orders", "/v2/salesorder/enquiry"),
    ("deals", "/v1/deals/enquiry"),
    ("activities", "/v1/activities/enquiry"),
    ("cases", "/v1/case/enquiry"),
];

async fn export(app: &TestApp, path: &str, accept: &str) -> Vec<u8> {
    let ask = request(&app.token, Method::POST, path, &[("accept", accept)], Some(json!({})));
    let (status, _, file) = app.file(ask).await;
    assert_eq!(status, 200, "{path}");
    file
}

/// An exported list with cells edited: in the row that has `mark`, the cell of each column.
fn edited(file: &[u8], mark: &str, cells: &[(&str, &str)]) -> Vec<u8> {
    // The mark by which Excel knows the encoding is of no cell.
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
    let mut rows: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    let head = rows[0].clone();
    let row = rows.iter_mut().skip(1).find(|row| row.iter().any(|cell| cell == mark)).expect("the row");
    for (column, value) in cells {
        let place = head.iter().position(|name| name == column);
        row[place.unwrap_or_else(|| panic!("no column {column}: {head:?}"))] = (*value).to_owned();
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

/// One record of each kind, with what it may have.
async fn shop() -> TestApp {
    let app = ready().await;
    let post = async |path: &str, body: Value| {
        let made = app.post(path, body).await;
        assert!(matches!(made.status, 200 | 201), "{path}: {made:?}");
    };
    post(
        "/v3/customers",
        json!({"customerCode": "RICH", "customerName": "บริษัท ครบ จำกัด", "customerState": 3, "customerType": 1,
               "customerTaxNo": "0105561000003", "branchCode": "00000", "customerPhone": "02-000-1111",
               "customerEmail": "rich@example.com", "customerBirthdate": "2000-06-04", "creditLimit": 1500.5,
               "addresses": [{"locationAddress": "1 Rama IV", "locationName": "Office", "locationType": 1},
                             {"locationAddress": "2 Bang Na", "locationName": "Store", "locationType": 2}],
               "contacts": [{"contactName": "Ann", "contactStatus": true, "contactMobile": "0812345678"},
                            {"contactName": "Bob", "contactStatus": true}],
               "customerTags": ["a", "b"], "customerSocialAccount": {"line": "rich99"}, "customerNote": "two\nlines",
               "owners": ["Admin01"], "customFields": [{"customFieldName": "Score", "customFieldValue": ["7"]}]}),
    )
    .await;
    post(
        "/v1/deals",
        json!({"customerCodes": ["daisy"], "dealName": "Ten pumps", "probability": 40, "dealValue": 5000.25, "assignTo": "Admin01",
               "dealDate": "2026-11-28T09:10:11", "expectedCloseDate": "2099-03-01T17:32:49", "note": "soon",
               "dealQuantity": 2.5, "labelNames": ["hot", "new"]}),
    )
    .await;
    post(
        "/v1/activity",
        json!({"activityNo": "A-1", "subject": "Visit", "assignToUserId": "EMP001", "customerCode": "daisy",
               "dateAppointmentStart": "2025-02-05T10:00:00.250+0700", "note": "bring samples", "visitLocation": "1 Rama IV",
               "visitLocationName": "Office", "contactName": "Ann", "report": "went well", "outcome": "sold", "nextStep": "call"}),
    )
    .await;
    post(
        "/v1/case",
        json!({"caseNo": "T-1", "caseType": 1, "subject": "Leak", "customerCode": "daisy", "categoryId": 77,
               "dateCase": "2025-02-05T17:35:53.693+0700", "dateDue": "2025-02-07T17:35:53.693+0700",
               "activityNos": ["A-1"], "assignedToUserId": "EMP001", "note": "roof"}),
    )
    .await;
    let tasks = "taskNo,subject,dateDue,priority,labels,customerCode,staff code,note\n\
                 K-1,Call,2099-01-05 14:30,high,x;y,daisy,EMP001,after lunch\n\
                 K-2,Write,2099-01-06,,,,,\n";
    assert_eq!(counts(&import(&app, "kind=tasks", tasks).await), (2, 0, 0, 0));
    app
}

#[tokio::test]
async fn a_list_that_nobody_has_edited_changes_nothing() {
    let app = shop().await;
    app.post("/v2/salesorder", orders()[0].clone()).await.data();
    for (kind, path) in LISTS {
        for accept in [CSV, XLSX] {
            let back = import(&app, &format!("kind={kind}"), export(&app, path, accept).await).await;
            let (created, updated, unchanged, failed) = counts(&back);
            assert!(unchanged > 0, "{kind} {accept}: {back:#}");
            assert_eq!(
                (created, updated, failed),
                (0, 0, 0),
                "{kind} {accept}: {back:#} {}",
                errors(&app, &back).await
            );
        }
    }
}

#[tokio::test]
async fn what_was_edited_in_a_list_arrives() {
    let app = shop().await;
    let number = text(&app.post("/v2/salesorder", orders()[0].clone()).await, "salesOrderNo");
    let deal = app.get("/v1/deals/1").await.data()["value"]["dealNo"].as_str().unwrap().to_owned();
    for (kind, mark, cells, path, read) in [
        ("customers", "RICH", vec![("customerName", "Edited")], "/v3/customers/RICH".to_owned(), "/customerName"),
        ("employees", "Admin01", vec![("firstname", "Edited")], "/v1/Employees/Admin01".to_owned(), "/value/firstname"),
        ("tasks", "K-1", vec![("subject", "Edited")], "/v1/task/K-1".to_owned(), "/subject"),
        ("orders", number.as_str(), vec![("remark", "Edited")], format!("/v2/salesorder/{number}"), "/remark"),
        (
            "deals",
            deal.as_str(),
            vec![("dealsName", "Edited"), ("dealsValue", "6000")],
            "/v1/deals/1".to_owned(),
            "/value/dealsName",
        ),
        ("activities", "A-1", vec![("subject", "Edited")], "/v1/activity/A-1".to_owned(), "/subject"),
        ("cases", "T-1", vec![("subject", "Edited")], "/v1/case/T-1".to_owned(), "/subject"),
    ] {
        let list = LISTS.iter().find(|(name, _)| *name == kind).unwrap().1;
        let file = edited(&export(&app, list, CSV).await, mark, &cells);
        let back = import(&app, &format!("kind={kind}"), file).await;
        let (created, updated, _, failed) = counts(&back);
        assert_eq!((created, updated, failed), (0, 1, 0), "{kind}: {back:#}");
        let now = app.get(&path).await;
        assert_eq!(now.data().pointer(read), Some(&json!("Edited")), "{kind}: {now:?}");
    }
    let now = app.get("/v1/deals/1").await.data()["value"].clone();
    assert_eq!((&now["dealsValue"], &now["expectedCloseDate"]), (&json!(6000), &json!("2099-03-01T17:32:49+0700")));
    // A spreadsheet that shows the day alone takes no time away; another day is another day.
    for (day, expected) in [("01/03/2099", "2099-03-01T17:32:49+0700"), ("2/3/2642", "2099-03-02T00:00:00+0700")] {
        let file = edited(&export(&app, "/v1/deals/enquiry", CSV).await, &deal, &[("expectedCloseDate", day)]);
        assert_eq!(counts(&import(&app, "kind=deals", file).await).3, 0);
        assert_eq!(app.get("/v1/deals/1").await.data()["value"]["expectedCloseDate"], expected, "{day}");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_the_row_of_a_deal_is_said() {
    let app = shop().await;
    let file = "dealName,customerCode,assignTo,boardName,dealStageName,dealValue,probability,expectedCloseDate\n\
                Pumps,nobody,nobody,No board,No stage,1,50,2099-03-01\n";
    let back = import(&app, "kind=deals", file).await;
    assert_eq!(counts(&back), (0, 0, 0, 1), "{back:#}");
    let said = errors(&app, &back).await;
    for column in ["customerCode", "assignTo", "boardName", "dealStageName"] {
        assert!(said.lines().skip(1).any(|line| line.contains(column)), "{column}: {said}");
    }
}

/// Orders with discounts of their own and of their lines: the first is 963 in all.
fn orders() -> [Value; 3] {
    let order = |changes: Value| crate::sales::with(crate::sales::order(), changes);
    [
        order(json!({"discountType": true, "discountValue": 10, "discountName": "New year",
                     "salesOrderDetails": [{"productCode": "10001", "qty": 1, "price": 1000, "vatTaxValue": 7}]})),
        order(json!({"discountType": false, "discountValue": 22.5,
                     "salesOrderDetails": [
                         {"productCode": "10001", "qty": 1, "price": 1000, "vatTaxValue": 7, "discountType": true, "discountValue": 5},
                         {"productCode": "10001", "qty": 1.5, "price": 99.75, "discountType": false, "discountValue": 3},
                         {"productCode": "AB00025dddd", "qty": 1, "price": 10, "whtTaxValue": 3}]})),
        order(json!({"salesOrderStatus": 1, "salesOrderDetails": [{"productCode": "10001", "qty": 2, "price": 5}]})),
    ]
}

#[tokio::test]
async fn orders_come_back_with_the_discounts_that_they_had() {
    let app = crate::sales::market().await;
    let mut numbers = Vec::new();
    for body in orders() {
        let made = app.post("/v2/salesorder", body).await;
        numbers.push(text(&made, "salesOrderNo"));
    }
    let cancelled = text(&sell(&app, json!({})).await, "salesOrderNo");
    app.post(&format!("/v2/salesorder/{cancelled}/cancel"), json!({})).await.data();
    let whole = async |number: &str| app.get(&format!("/v2/salesorder/{number}")).await.data().clone();
    let before = whole(&numbers[0]).await;
    assert_eq!(before["grandTotal"], 963);
    for accept in [CSV, XLSX] {
        let back = import(&app, "kind=orders", export(&app, "/v2/salesorder/enquiry", accept).await).await;
        let (created, updated, _, failed) = counts(&back);
        assert_eq!((created, updated, failed), (0, 0, 0), "{accept}: {back:#} {}", errors(&app, &back).await);
        assert_eq!(whole(&numbers[0]).await, before, "{accept}");
        // Of a workbook the sheet is read whose rows are lines.
        let sheet = if accept == XLSX { json!("Lines") } else { Value::Null };
        assert_eq!(back["sheet"], sheet, "{back:#}");
    }
    // The order's own discount is the order's, and what a list says of amounts is of no line.
    let file = edited(&export(&app, "/v2/salesorder/enquiry", CSV).await, &numbers[0], &[("discountValue", "20")]);
    assert_eq!(counts(&import(&app, "kind=orders", file).await).1, 1);
    let after = whole(&numbers[0]).await;
    assert_eq!(
        (&after["discountValue"], &after["discountType"], &after["grandTotal"]),
        (&json!(20), &json!(true), &json!(856))
    );
    assert_eq!(after["salesorderDetails"][0]["discountValue"], Value::Null, "{after:#}");
    // A sheet of lines says what its lines have.
    let lines = format!(
        "salesOrderNo,line,productCode,qty,price,discountType,discountValue,discountAmount,documentDiscountAmount\n\
         {},1,10001,1,1000,true,10,0,200\n",
        numbers[0]
    );
    let back = import(&app, "kind=orders", lines).await;
    assert_eq!(counts(&back), (0, 1, 0, 0), "{back:#}");
    let after = whole(&numbers[0]).await;
    let line = &after["salesorderDetails"][0];
    assert_eq!((&line["discountValue"], &line["discountType"]), (&json!(10), &json!(true)), "{after:#}");
    assert_eq!((&after["discountValue"], &after["grandTotal"]), (&json!(20), &json!(770.4)), "{after:#}");
    // A list of discounts without lines is of orders.
    let back = import(&app, "kind=orders", format!("order no,discount\n{},5\n", numbers[0])).await;
    assert_eq!(counts(&back), (0, 0, 1, 0), "{back:#}");
    let ignored: Vec<&Value> = back["columns"].as_array().unwrap().iter().map(|one| &one["ignored"]).collect();
    assert_eq!(ignored, [&Value::Null, &json!("unknown")]);
}

//! `sala import venio`: deals, quotations, orders, contracts and expenses come over as they are stored there.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::child::Server;
use crate::deal::{employee, entry};
use crate::sales::{quote, sell, stock, stocked, text, with};
use crate::venio::{Elsewhere, counts, reports, run, token};

/// A company that has sold: deals on a board of its own, quotations, orders that are paid in parts and delivered, contracts,
/// and expenses that are approved and that wait.
async fn traded() -> TestApp {
    let app = stocked(TestApp::new().await).await;
    employee(&app, "boss", None).await;
    employee(&app, "clerk", Some("boss")).await;
    let board = entry(&app, "boards", None, "Partners", json!(null)).await;
    let pilot = json!({"boardId": board, "kind": "open", "probability": 40});
    let pilot = entry(&app, "stages", None, "Pilot", pilot).await;
    let gone = entry(&app, "stages", None, "Gone", json!({"boardId": board, "kind": "missed"})).await;
    let interest = entry(&app, "interests", None, "Software", json!(null)).await;
    let label = entry(&app, "labels", None, "Hot", json!({"color": "#f00"})).await;
    let reason = entry(&app, "missed-reasons", None, "Too dear", json!(null)).await;
    let template = entry(&app, "header-templates", None, "Letterhead", json!(null)).await;
    let deal = json!({"customerCodes": ["daisy"], "boardId": board, "dealStageId": pilot, "dealName": "Ten to begin with",
        "probability": 40, "dealValue": 12_345.67, "dealQuantity": 2.5, "dealQuantityUnit": "set",
        "dealInterests": [interest], "dealLabels": [label], "dealDate": "2023-02-07T16:51:40+0700",
        "expectedCloseDate": "2023-03-08T16:51:40+0700", "note": "ขอบคุณ", "assignTo": "clerk",
        "participantCodes": ["Admin01"]});
    let lost = json!({"dealName": "Lost", "dealStageId": gone, "reasonCategoryId": reason, "remark": "far too dear"});
    app.post("/v1/deals", with(deal.clone(), lost)).await.data();
    let made = app.post("/v1/deals", deal).await;
    let number = made.data()["value"]["dealNo"].clone();

    let lines = json!([
        {"productCode": "AB00025dddd", "qty": 2, "price": 800, "discountType": false, "discountValue": 10,
         "vatTaxValue": 7, "productDescription": "with a case"},
        {"productCode": "10001", "productName": "Another", "qty": 1.5, "price": 99.99, "discountType": true,
         "discountValue": 12.5}]);
    let offer = json!({"quotationDetails": lines, "quotationStatus": 4, "dealNo": number, "discountType": true,
        "discountValue": 3, "discountName": "Fair", "paymentTerm": "Net 30", "remark": "r", "privateNote": "p",
        "recipientName": "Nok", "recipientAddress": "1 Rama IV"});
    let quotation = text(&quote(&app, offer).await, "quotationNo");
    let convert = format!("/v1/quotation/{quotation}/convert-to-salesorder");
    app.post(&convert, json!({"quotationNo": quotation})).await.data();
    let abroad = json!({"headerTemplateId": template, "currencyCode": "USD", "currencyRate": 35.5});
    quote(&app, abroad).await.data();

    let plan = json!({"salesOrderDetails": [{"productCode": "10001", "qty": 2, "price": 100.01, "vatTaxValue": 7}],
        "trackingNo": "TH1", "payment": {"valueType": 2, "schedulePayments": [
            {"installmentValue": 50, "dueDate": "2099-01-31"}, {"installmentValue": 50, "dueDate": "2099-02-28"}]}});
    let order = text(&sell(&app, plan).await, "salesOrderNo");
    let payments = format!("/v2/salesorder/{order}/payments");
    let part = json!({"amount": 40, "paidDate": "2023-05-20", "method": "transfer", "reference": "R1"});
    app.post(&payments, part).await.data();
    app.post(&payments, json!({"amount": 5, "note": "by mistake"})).await.data();
    let mistake = app.get(&payments).await.data()["value"][0]["paymentId"].clone();
    app.request(Method::DELETE, &format!("{payments}/{mistake}"), &[], None).await.data();
    app.post(&payments, json!({"amount": 10, "installmentNumber": 2, "method": "cash"})).await.data();
    let parcel = json!({"items": [{"productCode": "10001", "qty": 1}]});
    app.post(&format!("/v2/salesorder/{order}/delivery"), parcel).await.data();
    sell(&app, json!({"salesOrderStatus": 3})).await.data();

    let contract = json!({"contractNo": "CONT250600006", "contractName": "Care", "customerCode": "daisy",
        "contractType": "MA", "contractValue": 2000.5, "dateStart": "2023-06-18 00:00:00",
        "dateEnd": "2060-06-18 21:37:51", "description": "d", "owner": "clerk",
        "contractService": {"subject": "Visit", "frequency": 260_001, "numberOfTimes": 1, "agreementNote": "n"}});
    app.post("/v1/contract", contract.clone()).await.data();
    app.post("/v1/contract", with(contract, json!({"contractNo": "CONT-2"}))).await.data();
    app.post("/v1/contract/CONT-2/cancel", json!({"reason": "closed"})).await.data();

    let claim = json!({"subject": "Trip", "staffCode": "clerk", "dateTransaction": "2021-09-17T10:42:31+0700",
        "remark": "r", "ExpenseDetails": [
            {"expenseTypeId": 1006, "taxi": 120, "tollway": 60, "parking": 40},
            {"expenseTypeId": 1003, "amount": 850.5, "milesStart": 12_000, "milesEnd": 12_140, "usedFuelCard": true}]});
    let made = app.post("/v1/Expenses", claim.clone()).await;
    let id = made.data()["value"]["expenseId"].clone();
    let decision = json!({"staffCode": "boss", "comment": "fine"});
    app.post(&format!("/v1/Expenses/{id}/approve"), decision).await.data();
    app.post("/v1/Expenses", claim).await.data();
    app
}

/// Everything that was sold, as the API shows it record by record, without what belongs to the server: numbers, who did it,
/// and when it was changed here.
async fn sold(app: &TestApp) -> Value {
    let mut all = json!({"deals": [], "quotations": [], "orders": [], "contracts": [], "expenses": []});
    let mut add = |list: &str, row: Value| all[list].as_array_mut().unwrap().push(row);
    for row in app.post("/v1/deals/enquiry", json!({"take": 200})).await.data()["value"].as_array().unwrap() {
        add("deals", app.get(&format!("/v1/deals/{}", row["dealsId"])).await.data()["value"].clone());
    }
    for (list, path, number) in [
        ("quotations", "/v1/quotation", "quotationNo"),
        ("orders", "/v2/salesorder", "salesOrderNo"),
        ("contracts", "/v1/contract", "contractNo"),
    ] {
        for row in app.post(&format!("{path}/enquiry"), json!({"take": 200})).await.data().as_array().unwrap() {
            let path = format!("{path}/{}", row[number].as_str().unwrap());
            let mut record = app.get(&path).await.data().clone();
            if list == "orders" {
                record["payments"] = app.get(&format!("{path}/payments")).await.data()["value"].clone();
            }
            add(list, record);
        }
    }
    let groups = app.post("/v1/Expenses/Enquiry", json!({"expenseTypeId": 0})).await;
    for row in groups.data()["value"].as_array().unwrap().iter().flat_map(|group| group["expenses"].as_array().unwrap())
    {
        add("expenses", app.get(&format!("/v1/Expenses/{}", row["expenseId"])).await.data()["value"].clone());
    }
    for (list, number) in [
        ("deals", "dealNo"),
        ("quotations", "quotationNo"),
        ("orders", "salesOrderNo"),
        ("contracts", "contractNo"),
        ("expenses", "expenseNo"),
    ] {
        all[list].as_array_mut().unwrap().sort_by_key(|row| row[number].to_string());
    }
    bare(&mut all);
    all
}

fn bare(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // The name of an API client is known only where the client is.
            let own = ["dateModified", "dateUpdated", "fullname"];
            fields.retain(|name, _| !name.ends_with("Id") && !own.contains(&name.as_str()));
            fields.values_mut().for_each(bare);
        }
        Value::Array(items) => items.iter_mut().for_each(bare),
        _ => {}
    }
}

/// How many events there are of what is sold.
async fn told_of_sales(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    let topics = "select count(*) from event where topic in ('Deal', 'Quotation', 'SalesOrder', 'Contract', 'Expense')";
    conn.sql(topics).one().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sold_comes_over_as_it_is_stored_and_nobody_is_told() {
    let (there, here) = (traded().await, TestApp::new().await);
    let server = Server::start(&there, &[]);
    let client = (there.client.client_id.as_str(), there.client.client_secret.as_str());
    let first = run(&here, &server.base, client, &["--rate", "1000"]);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let sales = ["deals", "quotations", "orders", "contracts", "expenses"];
    let expected = [2, 2, 3, 2, 2].map(|count| [count, count, 0, 0, 0, count]);
    let told = reports(&first);
    let of_sales = |told: &[Value]| {
        told.iter().filter(|one| sales.iter().any(|kind| one["kind"] == *kind)).map(counts).collect::<Vec<_>>()
    };
    assert_eq!(of_sales(&told), expected, "{told:?}");
    let (original, copy) = (sold(&there).await, sold(&here).await);
    for kind in sales {
        let pairs = original[kind].as_array().unwrap().iter().zip(copy[kind].as_array().unwrap());
        for (original, copy) in pairs {
            assert_eq!(copy, original, "{kind}");
        }
        assert_eq!(copy[kind].as_array().unwrap().len(), original[kind].as_array().unwrap().len(), "{kind}");
    }
    assert!(
        original["orders"].as_array().unwrap().iter().any(|order| order["payments"].as_array().unwrap().len() == 3)
    );
    assert_eq!(told_of_sales(&here).await, 0);
    // Its stock has come with the products: what was sold there is not taken once more.
    assert_eq!(stock(&here, "10001").await[0], stock(&there, "10001").await[0]);

    let second = run(&here, &server.base, client, &["--rate", "1000"]);
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    let unchanged = [2, 2, 3, 2, 2].map(|count| [count, 0, 0, count, 0, count]);
    assert_eq!(of_sales(&reports(&second)), unchanged, "{second:?}");

    // The next numbers here come behind those that were brought.
    let next = text(&sell(&here, json!({})).await, "salesOrderNo");
    assert!(original["orders"].as_array().unwrap().iter().all(|order| order["salesOrderNo"] != next), "{next}");
    // What is changed there follows; what was changed here stays, and is told.
    let numbers: Vec<String> = original["quotations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["quotationStatus"] == 1)
        .map(|one| one["quotationNo"].as_str().unwrap().to_owned())
        .collect();
    let change = json!({"quotationNo": numbers[0], "remark": "new there"});
    let token = there.token_for(&there.client).await;
    there.request_as(&token, Method::POST, "/v2/quotation", Some(change)).await.data();
    let args = ["--rate", "1000", "--kind", "quotations"];
    let third = run(&here, &server.base, client, &args);
    assert_eq!(counts(&reports(&third)[0]), [2, 0, 1, 1, 0, 2], "{third:?}");
    let path = format!("/v1/quotation/{}", numbers[0]);
    assert_eq!(here.get(&path).await.data()["remark"], "new there");
    here.post("/v2/quotation", json!({"quotationNo": numbers[0], "remark": "new here"})).await.data();
    let fourth = run(&here, &server.base, client, &args);
    let complaints = String::from_utf8_lossy(&fourth.stderr).into_owned();
    assert_eq!((fourth.status.code(), &counts(&reports(&fourth)[0])[2..5]), (Some(2), &[0, 1, 1][..]), "{fourth:?}");
    assert!(complaints.contains(&numbers[0]) && complaints.contains("was changed here"), "{complaints}");
    assert_eq!(here.get(&path).await.data()["remark"], "new here");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_something_that_is_not_here_is_told_by_record_and_field() {
    let (there, here) = (traded().await, TestApp::new().await);
    let server = Server::start(&there, &[]);
    let client = (there.client.client_id.as_str(), there.client.client_secret.as_str());
    let kinds = ["--kind", "orders", "--kind", "contracts", "--kind", "expenses", "--kind", "deals"];
    let alone = run(&here, &server.base, client, &[&["--rate", "1000"][..], &kinds[..]].concat());
    assert_eq!(alone.status.code(), Some(2), "{alone:?}");
    for report in reports(&alone) {
        let [read, created, _, _, failed, here] = counts(&report);
        assert_eq!((created, failed, here), (0, read, 0), "{report}");
    }
    let complaints = String::from_utf8_lossy(&alone.stderr).into_owned();
    for (record, field) in [
        ("deals D", "customerCode"),
        ("deals D", "assignTo"),
        ("orders SO", "salesOrderDetails[0].productCode"),
        ("orders SO", "quotationNo"),
        ("contracts CONT250600006", "owner"),
        ("expenses EX", "staffCode"),
    ] {
        let is_told = |line: &str| line.contains(record) && line.contains(&format!("\"{field}\""));
        assert!(complaints.lines().any(is_told), "{record} {field}: {complaints}");
    }
    // Once everything is here, nothing is left to complain of.
    let all = run(&here, &server.base, client, &["--rate", "1000"]);
    assert_eq!(all.status.code(), Some(0), "{all:?}");
    assert_eq!(sold(&here).await, sold(&there).await);
}

/// An order with no more than the published pages show of one; its amounts are what some other rule has made of its lines.
fn published() -> Value {
    json!({"salesOrderSubject": "Order - Daisy", "customerCode": "daisy", "customerId": 77, "salesOrderNo": "SO2604-0032",
        "salesOrderStatus": 3, "salesOrderDate": "2026-04-21T00:00:00+0700", "staffCode": "Admin01",
        "vatCalculation": true, "currencyCode": "THB", "discountValue": null, "discountType": null,
        "headerTemplateId": 9, "subTotal": 100, "subTotalWithDiscount": 99.5, "totalVat": 6.97, "grandTotal": 106.47,
        "payment": {"valueType": 1, "schedulePayments": [
            {"installmentNumber": 1, "status": 2, "installmentValue": 50, "dueDate": "2026-05-21T00:00:00+0700"},
            {"installmentNumber": 2, "status": 1, "installmentValue": 56.47, "dueDate": null}]},
        "salesorderDetails": [{"productCode": "10001", "productName": "Headphone", "price": 33.335, "qty": 3,
            "productUnitName": "ชิ้น", "vatTaxValue": 7, "whtTaxValue": null, "totalPrice": 100}]})
}

async fn orders(Json(body): Json<Value>) -> Json<Value> {
    let rows = if body["skip"] == 0 { json!([{"salesOrderNo": "SO2604-0032"}]) } else { json!([]) };
    Json(json!({"status": {"code": "1000"}, "data": rows}))
}

async fn order() -> Json<Value> {
    Json(json!({"status": {"code": "1000"}, "data": published()}))
}

async fn refused() -> (StatusCode, Json<Value>) {
    (StatusCode::FORBIDDEN, Json(json!({"message": "not for you"})))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_server_that_shows_less_the_amounts_stay_and_what_it_has_not_is_told() {
    let router = Router::new()
        .route("/authorization/connect/token", post(token))
        .route("/v2/salesorder/enquiry", post(orders))
        .route("/v2/salesorder/{number}", get(order))
        .route("/v1/Expenses/Enquiry", post(refused))
        .with_state(Arc::new(Elsewhere::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let here = stocked(TestApp::new().await).await;
    let kinds = ["--rate", "1000", "--kind", "orders", "--kind", "contracts", "--kind", "expenses"];
    let copied = run(&here, &base, ("their client", "right"), &kinds);
    assert_eq!(copied.status.code(), Some(2), "{copied:?}");
    let told: Vec<_> = reports(&copied).iter().map(counts).collect();
    assert_eq!(told, [[1, 1, 0, 0, 0, 1], [0; 6], [0; 6]], "{copied:?}");
    let complaints = String::from_utf8_lossy(&copied.stderr).into_owned();
    for line in ["contracts *: ", "expenses *: ", "orders SO2604-0032: "] {
        assert!(complaints.contains(line), "{complaints}");
    }
    assert!(complaints.contains("\"headerTemplateId\""), "{complaints}");
    let order = here.get("/v2/salesorder/SO2604-0032").await.data().clone();
    let amounts =
        ["subTotal", "subTotalWithDiscount", "totalVat", "grandTotal", "netTotal", "discountAmount", "paidAmount"];
    assert_eq!(json!(amounts.map(|name| order[name].clone())), json!([100, 99.5, 6.97, 106.47, 99.5, 0.5, 50]));
    assert_eq!((&order["salesOrderStatus"], &order["deliveryState"]), (&json!(3), &json!("all")), "{order}");
    assert_eq!(order["salesorderDetails"][0]["totalPrice"], 100);
    let payments = here.get("/v2/salesorder/SO2604-0032/payments").await.data()["value"].clone();
    assert_eq!(payments.as_array().unwrap().len(), 1, "{payments}");
    assert_eq!((&payments[0]["amount"], &payments[0]["paidDate"]), (&json!(50), &json!("2026-05-21T00:00:00+0700")));
    assert_eq!(stock(&here, "10001").await, json!([10, 0, 10]));
    let again = run(&here, &base, ("their client", "right"), &kinds);
    assert_eq!(counts(&reports(&again)[0]), [1, 0, 0, 1, 0, 1], "{again:?}");
    serving.abort();
}

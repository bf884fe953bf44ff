//! Amounts in the company's currency beside those of a document, and orders that are paid too much and get money back.

use axum::http::Method;
use serde_json::{Value, json};

use super::{market, quote, sell, setting, text};
use crate::app::{Answer, TestApp};

const AMOUNTS: [&str; 7] = [
    "currencyCode",
    "currencyRate",
    "netTotal",
    "grandTotal",
    "companyNetTotal",
    "companyTotalVat",
    "companyGrandTotal",
];

fn amounts(data: &Value) -> Value {
    AMOUNTS.iter().map(|name| data[*name].clone()).collect()
}

async fn change(app: &TestApp, number: &str, changes: Value) -> Answer {
    app.post("/v2/salesorder", super::with(json!({"salesOrderNo": number}), changes)).await
}

/// `[code, netTotal]` of each row of the report.
async fn report(app: &TestApp, by: &str) -> Vec<Value> {
    let found = app.get(&format!("/v1/sales/report?by={by}")).await;
    let rows = found.data()["value"].as_array().unwrap().clone();
    rows.iter().map(|row| json!([row["code"], row["netTotal"]])).collect()
}

#[tokio::test]
async fn amounts_in_the_companys_currency_stand_beside_and_add_up() {
    let app = market().await;
    setting(&app, json!({"allowNegativeStock": true})).await.data();
    // 76441.09 by itself, which would be a satang too much beside the VAT.
    let lines = json!([{"productCode": "10001", "price": 2304, "qty": 1, "vatTaxValue": 7}]);
    let foreign = json!({"currencyCode": "usd", "currencyRate": 35.5, "vatCalculation": false});
    let contained = sell(&app, super::with(foreign, json!({"salesOrderDetails": lines, "salesOrderStatus": 1}))).await;
    assert_eq!(amounts(contained.data()), json!(["USD", 35.5, 2153.27, 2304, 76441.08, 5350.92, 81792]));

    // A quotation hands both on, and the order's lines together are what the order is.
    let line = |code: &str| json!({"productCode": code, "price": "0.10", "qty": 1, "vatTaxValue": 7});
    let lines = json!([line("10001"), line("AB00025dddd"), line("10001")]);
    let foreign = json!({"currencyCode": "USD", "currencyRate": "35.555", "quotationStatus": 4});
    let quoted = quote(&app, super::with(foreign, json!({"quotationDetails": lines}))).await;
    let wanted = json!(["USD", 35.555, 0.3, 0.32, 10.67, 0.71, 11.38]);
    assert_eq!(amounts(quoted.data()), wanted);
    let path = format!("/v1/quotation/{}/convert-to-salesorder", text(&quoted, "quotationNo"));
    let number = text(&app.post(&path, json!({})).await, "salesOrderNo");
    let read = app.get(&format!("/v2/salesorder/{number}")).await;
    assert_eq!(amounts(read.data()), wanted);
    assert_eq!(report(&app, "product").await, [json!(["10001", 7.11]), json!(["AB00025dddd", 3.56])]);
    for by in ["customer", "employee", "month"] {
        assert_eq!(report(&app, by).await[0][1], json!(10.67), "{by}");
    }
    let sums = async |by: &str| report(&app, by).await.iter().map(|row| row[1].clone()).collect::<Vec<_>>();

    // Another date has another rate; another currency none until it gets one, and the company's own never.
    let later = change(&app, &number, json!({"salesOrderDate": "2023-06-01", "currencyRate": 40})).await;
    assert_eq!(amounts(later.data()), json!(["USD", 40, 0.3, 0.32, 12, 0.8, 12.8]));
    assert_eq!(sums("product").await, [json!(8), json!(4)]);
    let euro = change(&app, &number, json!({"currencyCode": "EUR"})).await;
    assert_eq!(amounts(euro.data()), json!(["EUR", null, 0.3, 0.32, null, null, null]));
    assert_eq!(sums("product").await, Vec::<Value>::new(), "without a rate it is not counted");
    let rated = change(&app, &number, json!({"currencyRate": 50})).await;
    assert_eq!(amounts(rated.data()), json!(["EUR", 50, 0.3, 0.32, 15, 1, 16]));
    let own = change(&app, &number, json!({"currencyCode": "THB", "currencyRate": 50})).await;
    assert_eq!(amounts(own.data()), json!(["THB", null, 0.3, 0.32, 0.3, 0.02, 0.32]));
    assert_eq!(sums("product").await, [json!(0.2), json!(0.1)]);
}

#[tokio::test]
async fn a_document_that_comes_to_nothing_and_a_currency_without_places_are_converted_too() {
    let app = market().await;
    setting(&app, json!({"allowNegativeStock": true, "currency": "JPY"})).await.data();
    let back = |price: i64| json!([{"productCode": "10001", "price": 10, "qty": 1}, {"productCode": "AB00025dddd", "price": price, "qty": 1}]);
    let foreign = |lines: Value| json!({"currencyCode": "USD", "currencyRate": "150.27", "salesOrderDetails": lines});
    let nothing = sell(&app, foreign(back(-10))).await;
    assert_eq!(amounts(nothing.data()), json!(["USD", 150.27, 0, 0, 0, 0, 0]));
    let product = report(&app, "product").await;
    assert_eq!(product, [json!(["10001", 1503]), json!(["AB00025dddd", -1503])], "each line by the rate");
    let some = sell(&app, foreign(back(5))).await;
    assert_eq!(amounts(some.data()), json!(["USD", 150.27, 15, 15, 2254, 0, 2254]));
    assert_eq!(report(&app, "month").await, [json!(["2023-05", 2254])], "in whole yen");
}

#[tokio::test]
async fn tax_documents_of_another_currency_show_the_companys_too() {
    let app = market().await;
    let profile =
        json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม", "branches": [{"code": "00000", "name": "HQ"}]});
    setting(&app, profile).await.data();
    let lines = json!([{"productCode": "10001", "price": 100, "qty": 1, "vatTaxValue": 7}]);
    let made = sell(&app, json!({"currencyCode": "USD", "salesOrderDetails": lines})).await;
    let number = text(&made, "salesOrderNo");
    let issue = async |what: &str| {
        app.post(&format!("/v2/salesorder/{number}/{what}"), json!({"issueDate": "2026-01-15"})).await
    };
    assert_eq!(issue("tax-invoice").await.errors(), [("required", "currencyRate")]);
    change(&app, &number, json!({"currencyRate": 36})).await.data();
    let invoice = issue("tax-invoice").await;
    assert_eq!(amounts(invoice.data()), json!(["USD", 36, 100, 107, 3600, 252, 3852]));
    app.post(&format!("/v2/salesorder/{number}/payments"), json!({"amount": 50.5})).await.data();
    let receipt = issue("receipt").await;
    let data = receipt.data();
    assert_eq!((&data["grandTotal"], &data["companyGrandTotal"]), (&json!(50.5), &json!(1818)));
    let path = format!("/v1/taxdocuments/{}/credit-note", text(&invoice, "taxDocumentNo"));
    let note = app.post(&path, json!({"reason": "Returned", "issueDate": "2026-01-16"})).await;
    assert_eq!(amounts(note.data()), json!(["USD", 36, 100, 107, 3600, 252, 3852]), "as on what it cancels");
}

/// `[paymentState, paidAmount, outstandingAmount]`.
fn state(answer: &Answer) -> Value {
    let data = answer.data();
    json!([data["paymentState"], data["paidAmount"], data["outstandingAmount"]])
}

/// Amounts that are owed, by the report.
async fn owed(app: &TestApp) -> Vec<Value> {
    let found = app.get("/v1/sales/receivables").await;
    found.data()["value"].as_array().unwrap().iter().map(|row| row["total"].clone()).collect()
}

#[tokio::test]
async fn an_order_is_paid_in_part_exactly_too_much_and_gets_money_back() {
    let app = market().await;
    setting(&app, json!({"sales": {"promptpay": "0812345678"}})).await.data();
    let lines = json!([{"productCode": "10001", "price": 100, "qty": 1, "vatTaxValue": 7}]);
    let made = sell(&app, json!({"salesOrderDetails": lines})).await;
    let number = text(&made, "salesOrderNo");
    let path = format!("/v2/salesorder/{number}/payments");
    let pay = async |amount: Value| app.post(&path, json!({"amount": amount})).await;
    let undo = async |id: i64| app.request(Method::DELETE, &format!("{path}/{id}"), &[], None).await;
    assert_eq!(state(&made), json!(["unpaid", 0, 107]));
    assert_eq!(pay(json!(-0.01)).await.errors(), [("out_of_range", "amount")], "nothing is paid");
    assert_eq!(pay(json!(0)).await.errors(), [("out_of_range", "amount")]);
    assert_eq!(state(&pay(json!(40)).await), json!(["partly", 40, 67]));
    assert_eq!(owed(&app).await, [json!(67)]);
    let code = async || app.get(&format!("/v2/salesorder/{number}/promptpay")).await;
    assert_eq!(code().await.data()["amount"], 67);
    assert_eq!(state(&pay(json!(67)).await), json!(["paid", 107, 0]));
    assert_eq!(state(&pay(json!("10.50")).await), json!(["over", 117.5, -10.5]));
    assert_eq!((owed(&app).await, code().await.status), (vec![], 409), "nothing is left to pay");
    let found = app.post("/v2/salesorder/enquiry", json!({"paymentState": "over"})).await;
    assert_eq!((&found.body["total"], &found.data()[0]["salesOrderNo"]), (&json!(1), &json!(number)));

    // What was too much goes back, and then a satang more.
    assert_eq!(pay(json!(-117.51)).await.errors(), [("out_of_range", "amount")]);
    assert_eq!(pay(json!(-10.501)).await.errors(), [("out_of_range", "amount")]);
    assert_eq!(state(&pay(json!(-10.5)).await), json!(["paid", 107, 0]));
    assert_eq!(state(&pay(json!(-0.01)).await), json!(["partly", 106.99, 0.01]));
    assert_eq!(owed(&app).await, [json!(0.01)]);
    let listed = app.get(&path).await;
    let listed: Vec<&Value> = listed.data()["value"].as_array().unwrap().iter().map(|one| &one["amount"]).collect();
    assert_eq!(listed, [&json!(-0.01), &json!(-10.5), &json!(10.5), &json!(67), &json!(40)]);
    assert_eq!(state(&undo(5).await), json!(["paid", 107, 0]), "what was given back by mistake");
    assert_eq!(undo(5).await.status, 404);

    // What was paid cannot be taken back after it was given back.
    undo(1).await.data();
    assert_eq!(state(&undo(2).await), json!(["unpaid", 0, 107]));
    let refused = undo(3).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "paymentId")]));
    assert_eq!(state(&undo(4).await), json!(["partly", 10.5, 96.5]));

    // Money is given back for a cancelled order, and none comes in for it.
    app.post(&format!("/v2/salesorder/{number}/cancel"), json!({})).await.data();
    assert_eq!(pay(json!(1)).await.errors(), [("conflict", "salesOrderNo")]);
    assert_eq!(state(&pay(json!(-10.5)).await), json!(["unpaid", 0, 107]));
    assert_eq!(owed(&app).await, Vec::<Value>::new());
    let history = app.get(&format!("/v1/audit?ref=sales_order/{number}")).await;
    let paid = history.data()["value"].as_array().unwrap().iter().filter(|entry| entry["action"] == "paid").count();
    assert_eq!(paid, 2, "each time that it was paid in full: {history:?}");
}

#[tokio::test]
async fn what_is_given_back_opens_instalments_again_and_has_no_receipt() {
    let app = market().await;
    let profile =
        json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม", "branches": [{"code": "00000", "name": "HQ"}]});
    setting(&app, profile).await.data();
    let plan = json!({"salesOrderDetails": [{"productCode": "10001", "price": 100, "qty": 1}], "payment": {
        "schedulePayments": [{"installmentValue": 60, "dueDate": "2099-01-31"}, {"installmentValue": 40, "dueDate": "2099-02-28"}]}});
    let number = text(&sell(&app, plan).await, "salesOrderNo");
    let path = format!("/v2/salesorder/{number}/payments");
    // `[outstandingAmount, dueDate, [status, paidAmount] of each instalment]`
    let pay = async |body: Value| {
        let answer = app.post(&path, body).await;
        let data = answer.data();
        let parts = data["payment"]["schedulePayments"].as_array().unwrap().iter();
        let parts: Vec<Value> = parts.map(|part| json!([part["status"], part["paidAmount"]])).collect();
        json!([data["outstandingAmount"], data["dueDate"].as_str().map(|day| &day[..10]), parts])
    };
    assert_eq!(pay(json!({"amount": 105})).await, json!([-5, null, [[2, 60], [2, 40]]]));
    let some = pay(json!({"amount": -15})).await;
    assert_eq!(some, json!([10, "2099-02-28", [[2, 60], [1, 30]]]), "what was too much, then the latest");
    let first = pay(json!({"amount": -20, "installmentNumber": 1})).await;
    assert_eq!(first, json!([30, "2099-01-31", [[1, 40], [1, 30]]]));
    let more = pay(json!({"amount": -50})).await;
    assert_eq!(more, json!([80, "2099-01-31", [[1, 20], [1, 0]]]));
    assert_eq!(pay(json!({"amount": 80})).await, json!([0, null, [[2, 60], [2, 40]]]));
    let receipt = app.post(&format!("/v2/salesorder/{number}/receipt"), json!({"issueDate": "2026-02-01"})).await;
    let ids: Vec<Value> =
        receipt.data()["payments"].as_array().unwrap().iter().map(|paid| paid["paymentId"].clone()).collect();
    assert_eq!((&receipt.data()["grandTotal"], ids), (&json!(185), vec![json!(1), json!(5)]), "of what came in");
}

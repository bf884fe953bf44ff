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
    assert_eq!((&receipt.data()["grandTotal"], ids), (&json!(100), vec![json!(1), json!(5)]), "of what was kept");
}

/// One piece at 100 with VAT: 107.
fn one() -> Value {
    json!([{"productCode": "10001", "price": 100, "qty": 1, "vatTaxValue": 7}])
}

#[tokio::test]
async fn a_day_with_an_offset_is_the_company_s() {
    let app = market().await;
    let profile =
        json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม", "branches": [{"code": "00000", "name": "HQ"}]});
    setting(&app, profile).await.data();
    let day = |answer: &Answer, field: &str| text(answer, field)[..10].to_owned();
    let dated = async |day: &str| sell(&app, json!({"salesOrderDate": day, "salesOrderDetails": one()})).await;
    let made = dated("2025-11-09T17:00:00.000Z").await;
    assert_eq!(day(&made, "salesOrderDate"), "2025-11-10");
    assert_eq!(day(&dated("9999-12-31").await, "salesOrderDate"), "9999-12-31");
    for wrong in ["2025-11-10 or the day after", "2025-11-10Tgarbage"] {
        assert_eq!(dated(wrong).await.errors(), [("invalid_format", "salesOrderDate")], "{wrong}");
    }
    let path = format!("/v2/salesorder/{}", text(&made, "salesOrderNo"));
    let paid = json!({"amount": 107, "paidDate": "2025-11-09T17:00:00Z"});
    app.post(&format!("{path}/payments"), paid).await.data();
    let listed = app.get(&format!("{path}/payments")).await;
    assert_eq!(listed.data()["value"][0]["paidDate"], "2025-11-10T00:00:00+0700");
    let invoice = app.post(&format!("{path}/tax-invoice"), json!({"issueDate": "2025-11-30T17:30:00Z"})).await;
    assert_eq!(day(&invoice, "issueDate"), "2025-12-01");
    let credit = format!("/v1/taxdocuments/{}/credit-note", text(&invoice, "taxDocumentNo"));
    let note = app.post(&credit, json!({"reason": "x", "issueDate": "2025-11-30T18:00:00Z"})).await;
    assert_eq!(day(&note, "issueDate"), "2025-12-01");
    let found = app.post("/v2/salesorder/enquiry", json!({"salesOrderDate": "2025-11-09T17:00:00Z"})).await;
    assert_eq!(found.body["total"], 1);
}

#[tokio::test]
async fn money_that_was_given_back_has_no_receipt_and_the_currency_stays() {
    let app = market().await;
    let profile =
        json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม", "branches": [{"code": "00000", "name": "HQ"}]});
    setting(&app, profile).await.data();
    let number = text(&sell(&app, json!({"salesOrderDetails": one()})).await, "salesOrderNo");
    let path = |what: &str| format!("/v2/salesorder/{number}/{what}");
    let pay = async |amount: Value| app.post(&path("payments"), json!({"amount": amount})).await.data().clone();
    let receipt = async || app.post(&path("receipt"), json!({})).await;
    pay(json!(50.55)).await;
    assert_eq!(change(&app, &number, json!({"currencyCode": "JPY"})).await.errors(), [("conflict", "currencyCode")]);
    change(&app, &number, json!({"currencyCode": "THB", "remark": "x"})).await.data();
    pay(json!(-50.55)).await;
    assert_eq!(receipt().await.errors(), [("conflict", "paymentId")], "nothing is held");
    pay(json!(60)).await;
    pay(json!(47)).await;
    pay(json!(-50)).await;
    let kept = receipt().await;
    let payments: Vec<Value> =
        kept.data()["payments"].as_array().unwrap().iter().map(|p| json!([p["paymentId"], p["amount"]])).collect();
    assert_eq!((&kept.data()["grandTotal"], payments), (&json!(57), vec![json!([3, 57])]));
    assert_eq!(receipt().await.errors(), [("conflict", "paymentId")]);
}

#[tokio::test]
async fn an_instalment_stays_paid_by_payments_that_are_not_its_own() {
    let app = market().await;
    let plan = json!({"salesOrderDetails": one(), "payment": {"valueType": 2, "schedulePayments": [
        {"installmentValue": 50}, {"installmentValue": 50}]}});
    let number = text(&sell(&app, plan).await, "salesOrderNo");
    let path = format!("/v2/salesorder/{number}/payment");
    let unpaid = async |part: i64| {
        let body = json!({"payments": [{"periodNo": part, "status": 1}]});
        app.request(Method::PUT, &path, &[], Some(body)).await
    };
    app.post(&format!("{path}s"), json!({"amount": 60})).await.data();
    let refused = unpaid(1).await;
    assert_eq!(refused.errors(), [("conflict", "payments[0].InstallmentNumber")]);
    assert!(refused.text.contains("payment 1"), "{refused:?}");
    unpaid(2).await.data();
    app.request(Method::DELETE, &format!("{path}s/1"), &[], None).await.data();
    unpaid(1).await.data();
}

#[tokio::test]
async fn what_is_paid_for_an_instalment_is_its_own_whatever_was_given_back() {
    let app = market().await;
    let plan = json!({"salesOrderDetails": [{"productCode": "10001", "price": 100, "qty": 1}],
                      "payment": {"schedulePayments": [{"installmentValue": 50}, {"installmentValue": 50}]}});
    // What is paid of each instalment, and of the order.
    let paid = async |number: &str| {
        let order = app.get(&format!("/v2/salesorder/{number}")).await;
        let parts = order.data()["payment"]["schedulePayments"].as_array().unwrap().clone();
        let parts: Vec<Value> = parts.iter().map(|part| part["paidAmount"].clone()).collect();
        json!([parts, order.data()["paidAmount"]])
    };
    let first = [json!({"amount": 50, "installmentNumber": 1}), json!({"amount": -50, "installmentNumber": 1})];
    let second = [json!({"amount": 50, "installmentNumber": 2}), json!({"amount": -10})];
    let first = [first[0].clone(), first[1].clone(), first[0].clone()];
    for (payments, part, before, after) in [
        (first.to_vec(), 1, json!([[50, 0], 50]), json!([[50, 0], 50])),
        (second.to_vec(), 2, json!([[0, 40], 40]), json!([[0, 50], 50])),
    ] {
        let number = text(&sell(&app, plan.clone()).await, "salesOrderNo");
        let path = format!("/v2/salesorder/{number}/payment");
        for payment in payments {
            app.post(&format!("{path}s"), payment).await.data();
        }
        assert_eq!(paid(&number).await, before);
        for _ in 0..2 {
            let body = json!({"payments": [{"periodNo": part, "status": 2}]});
            app.request(Method::PUT, &path, &[], Some(body)).await.data();
            assert_eq!(paid(&number).await, after, "no money is entered that never came");
        }
    }
    // A refund stays behind when the payment is cancelled that it was of.
    let number = text(&sell(&app, plan.clone()).await, "salesOrderNo");
    let path = format!("/v2/salesorder/{number}/payment");
    for payment in [json!({"amount": 50, "installmentNumber": 1}), json!({"amount": -10})] {
        app.post(&format!("{path}s"), payment).await.data();
    }
    let body = json!({"payments": [{"periodNo": 1, "status": 1}, {"periodNo": 2, "status": 2}]});
    let refused = app.request(Method::PUT, &path, &[], Some(body)).await;
    assert_eq!(refused.errors(), [("conflict", "paymentId")]);
    assert_eq!(paid(&number).await, json!([[40, 0], 40]));

    let thirds = json!({"salesOrderDetails": [{"productCode": "10001", "price": 10, "qty": 1}], "payment": {
        "schedulePayments": [{"installmentValue": 3.333}, {"installmentValue": 3.33}, {"installmentValue": 3.337}]}});
    let places = |index: usize| format!("payment.schedulePayments[{index}].installmentValue");
    let refused = sell(&app, thirds).await;
    assert_eq!(refused.errors(), [("out_of_range", places(0).as_str()), ("out_of_range", places(2).as_str())]);
}

#[tokio::test]
async fn an_order_below_nothing_is_paid_out() {
    let app = market().await;
    let lines = json!([{"productCode": "10001", "price": -5, "qty": 2}]);
    let number = text(&sell(&app, json!({"salesOrderDetails": lines})).await, "salesOrderNo");
    let pay =
        async |amount: Value| app.post(&format!("/v2/salesorder/{number}/payments"), json!({"amount": amount})).await;
    assert_eq!(pay(json!(-10.01)).await.errors(), [("out_of_range", "amount")]);
    assert_eq!(state(&pay(json!(-4)).await), json!(["over", -4, -6]));
    assert_eq!(state(&pay(json!(-6)).await), json!(["paid", -10, 0]));
    assert_eq!(pay(json!(-0.01)).await.errors(), [("out_of_range", "amount")]);
}

#[tokio::test]
async fn promptpay_asks_for_money_that_can_be_taken() {
    let app = market().await;
    setting(&app, json!({"sales": {"promptpay": "0812345678"}})).await.data();
    let made = sell(&app, json!({"salesOrderDetails": one(), "salesOrderStatus": 1})).await;
    let path = |what: &str| format!("/v2/salesorder/{}/{what}", text(&made, "salesOrderNo"));
    let code = async || app.get(&path("promptpay")).await;
    assert_eq!(code().await.errors(), [("conflict", "salesOrderNo")], "of a draft");
    change(&app, &text(&made, "salesOrderNo"), json!({"salesOrderStatus": 2})).await.data();
    assert_eq!(code().await.data()["amount"], 107);
    app.post(&path("payments"), json!({"amount": 107})).await.data();
    let paid = code().await;
    assert!(paid.status == 409 && paid.text.contains("left to pay"), "{paid:?}");
    app.post(&path("cancel"), json!({})).await.data();
    assert!(code().await.text.contains("is cancelled"));
}

#[tokio::test]
async fn promptpay_leaves_out_what_the_buyer_withholds() {
    let app = market().await;
    setting(&app, json!({"sales": {"promptpay": "0812345678"}})).await.data();
    let lines = json!([{"productCode": "10001", "price": 1000, "qty": 1, "vatTaxValue": 7, "whtTaxValue": 3}]);
    let number = text(&sell(&app, json!({"salesOrderDetails": lines})).await, "salesOrderNo");
    let path = |what: &str| format!("/v2/salesorder/{number}/{what}");
    let code = async || app.get(&path("promptpay")).await;
    let asked = code().await;
    assert_eq!(asked.data()["amount"], 1040, "as the order's document says");
    assert!(text(&asked, "payload").contains("54071040.00"), "{asked:?}");
    let pay = async |amount: Value| app.post(&path("payments"), json!({"amount": amount})).await;
    assert_eq!(state(&pay(json!(1000)).await), json!(["partly", 1000, 70]));
    assert_eq!(code().await.data()["amount"], 40);
    assert_eq!(state(&pay(json!(40)).await), json!(["partly", 1040, 30]));
    let nothing = code().await;
    assert!(nothing.status == 409 && nothing.text.contains("left to pay by transfer"), "{nothing:?}");
    assert_eq!(state(&pay(json!(30)).await), json!(["paid", 1070, 0]), "the certificate came");
    assert_eq!(code().await.status, 409);
}

#[tokio::test]
async fn a_promptpay_number_that_nobody_can_pay_is_refused() {
    let app = market().await;
    for number in ["08123456789", "081234567", "6681234567", "123", "12345678901234", "081-234-567x"] {
        let refused = setting(&app, json!({"sales": {"promptpay": number}})).await;
        assert_eq!(refused.errors(), [("out_of_range", "sales.promptpay")], "{number}");
    }
    let order = text(&sell(&app, json!({"salesOrderDetails": one()})).await, "salesOrderNo");
    for number in ["0812345678", "+66 81-234-5678", "812345678", "1-1111-11111-11-1", "099400016550100"] {
        setting(&app, json!({"sales": {"promptpay": number}})).await.data();
        assert_eq!(app.get(&format!("/v2/salesorder/{order}/promptpay")).await.status, 200, "{number}");
    }
}

#[tokio::test]
async fn only_a_draft_is_without_lines_and_what_comes_to_nothing_is_paid() {
    let app = market().await;
    let sent = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let empty = app.post("/v2/quotation", json!({"quotationNo": sent, "quotationDetails": []})).await;
    assert_eq!(empty.errors(), [("required", "quotationDetails")]);
    let draft = text(&quote(&app, json!({})).await, "quotationNo");
    app.post("/v2/quotation", json!({"quotationNo": draft, "quotationDetails": []})).await.data();
    for what in ["link", "convert-to-salesorder"] {
        let refused = app.post(&format!("/v1/quotation/{draft}/{what}"), json!({})).await;
        assert_eq!(refused.errors(), [("required", "quotationDetails")], "{what}");
    }
    for status in [2, 3] {
        for lines in [json!([]), Value::Null] {
            let refused = sell(&app, json!({"salesOrderStatus": status, "salesOrderDetails": lines})).await;
            assert_eq!(refused.errors(), [("required", "salesOrderDetails")], "{status}");
        }
    }
    let draft = text(&sell(&app, json!({"salesOrderStatus": 1, "salesOrderDetails": []})).await, "salesOrderNo");
    let approved = app.post(&format!("/v2/salesorder/{draft}/approve"), json!({})).await;
    assert_eq!(approved.errors(), [("required", "salesOrderDetails")]);
    change(&app, &draft, json!({"salesOrderStatus": 5})).await.data();

    let free = json!([{"productCode": "10001", "price": 0, "qty": 1, "vatTaxValue": 7}]);
    let made = sell(&app, json!({"salesOrderDetails": free})).await;
    assert_eq!(state(&made), json!(["paid", 0, 0]));
    let invoice = app.post(&format!("/v2/salesorder/{}/tax-invoice", text(&made, "salesOrderNo")), json!({})).await;
    assert_eq!((invoice.status, invoice.errors()), (409, vec![("conflict", "salesOrderNo")]));
    let quoted = text(&quote(&app, json!({"quotationStatus": 4, "quotationDetails": free})).await, "quotationNo");
    let order = app.post(&format!("/v1/quotation/{quoted}/convert-to-salesorder"), json!({})).await;
    let read = app.get(&format!("/v2/salesorder/{}", text(&order, "salesOrderNo"))).await;
    assert_eq!(state(&read), json!(["paid", 0, 0]));
    assert_eq!(owed(&app).await, Vec::<Value>::new());
}

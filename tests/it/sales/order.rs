//! Orders: stock, deliveries, payments, files, reports.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{market, order, quote, sell, setting, stock, text, with};
use crate::app::{Answer, TestApp, answer, request};
use crate::import::{counts, import, undo};
use crate::stock::{item, put_products};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_piece_is_sold_once_and_numbers_have_no_gap() {
    let app = market().await;
    let servers = [app.second_node().await.1, app.second_node().await.1];
    let all_at_once = async |body: Value| {
        let mut tasks = Vec::new();
        for index in 0..64 {
            let request = request(&app.token, Method::POST, "/v2/salesorder", &[], Some(body.clone()));
            let server = servers[index % 2].clone();
            tasks.push(tokio::spawn(async move { answer(&server, request).await }));
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    };
    let buyers = all_at_once(with(order(), json!({"salesOrderDetails": [{"productCode": "10001", "qty": 10}]}))).await;
    let (won, lost): (Vec<&Answer>, Vec<&Answer>) = buyers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "exactly one gets the last of it");
    for answer in lost {
        assert_eq!(answer.errors(), [("insufficient_stock", "salesOrderDetails[0].qty")]);
    }
    for answer in all_at_once(with(order(), json!({"salesOrderStatus": 1}))).await {
        answer.data();
    }
    assert_eq!(stock(&app, "10001").await, json!([10, 10, 0]));
    let mut numbers = Vec::new();
    for skip in [0] {
        let page =
            app.post("/v2/salesorder/enquiry", json!({"take": 200, "skip": skip, "orderBy": "salesOrderNo"})).await;
        numbers.extend(
            page.data().as_array().unwrap().iter().map(|order| order["salesOrderNo"].as_str().unwrap().to_owned()),
        );
    }
    let expected: Vec<String> = (1..=65).map(|number| format!("SO2305-{number:04}")).collect();
    assert_eq!(numbers, expected, "no gap and no double, whoever was refused");
}

#[tokio::test]
async fn an_order_is_delivered_in_parts_and_comes_back() {
    let app = market().await;
    app.post("/v3/products/10001/serials", json!({"serialNumbers": ["SN1", "SN2", "SN3", "SN4"]})).await.data();
    let made = sell(
        &app,
        json!({"salesOrderDetails": [{"productCode": "10001", "qty": 4}, {"productCode": "AB00025dddd", "qty": 2.5}]}),
    )
    .await;
    let number = text(&made, "salesOrderNo");
    let path = |what: &str| format!("/v2/salesorder/{number}/{what}");
    assert_eq!(
        (stock(&app, "10001").await, stock(&app, "AB00025dddd").await),
        (json!([10, 4, 6]), json!([10, 2.5, 7.5]))
    );
    let wrong = app.post(&path("delivery"), json!({"items": [{"line": 7}, {"productCode": "10001", "qty": 5}, {"line": 1, "qty": 1, "serialNumbers": ["A", "B"]}]})).await;
    assert_eq!(
        wrong.errors(),
        [("not_found", "items[0].line"), ("out_of_range", "items[1].qty"), ("invalid_value", "items[2].serialNumbers")]
    );
    let part = app.post(&path("delivery"), json!({"items": [{"productCode": "10001", "qty": 3, "serialNumbers": ["SN1", "SN2", "SN3"]}], "trackingNo": "TH1"})).await;
    let data = part.data();
    assert_eq!(
        (&data["deliveryState"], &data["salesOrderStatus"], &data["trackingNo"]),
        (&json!("partly"), &json!(2), &json!("TH1"))
    );
    assert_eq!(
        (&data["salesorderDetails"][0]["deliveredQty"], &data["salesorderDetails"][0]["serialNumbers"]),
        (&json!(3), &json!(["SN1", "SN2", "SN3"]))
    );
    assert_eq!(
        (stock(&app, "10001").await, stock(&app, "AB00025dddd").await),
        (json!([7, 1, 6]), json!([10, 2.5, 7.5]))
    );
    let twice = app
        .post(&path("delivery"), json!({"items": [{"productCode": "10001", "qty": 1, "serialNumbers": ["SN1"]}]}))
        .await;
    assert_eq!(twice.errors(), [("taken", "items[0].serialNumbers[0]")]);
    // What was delivered is the line's: it can no longer be changed, nor the order be cancelled.
    let other = app
        .post(
            "/v2/salesorder",
            json!({"salesOrderNo": number, "salesOrderDetails": [{"productCode": "10001", "qty": 1}]}),
        )
        .await;
    assert_eq!(other.errors(), [("conflict", "salesOrderDetails")]);
    assert_eq!(app.post(&path("cancel"), json!({})).await.errors(), [("conflict", "salesOrderStatus")]);
    let rest = app.post(&path("delivery"), json!({})).await;
    assert_eq!(
        (&rest.data()["deliveryState"], &rest.data()["salesOrderStatus"], &rest.data()["reservationId"]),
        (&json!("all"), &json!(3), &Value::Null)
    );
    assert_eq!(
        (stock(&app, "10001").await, stock(&app, "AB00025dddd").await),
        (json!([6, 0, 6]), json!([7.5, 0, 7.5]))
    );
    let back = app.post(&path("return"), json!({"items": [{"line": 0, "qty": 1, "serialNumbers": ["sn2"]}]})).await;
    assert_eq!(
        (&back.data()["salesorderDetails"][0]["returnedQty"], &back.data()["salesorderDetails"][0]["serialNumbers"]),
        (&json!(1), &json!(["SN1", "SN3"]))
    );
    // What came back is owed again.
    assert_eq!((&back.data()["salesOrderStatus"], stock(&app, "10001").await), (&json!(2), json!([7, 1, 6])));
    let serials = app.get("/v3/products/serials?serialNumber=SN2").await;
    assert_eq!(serials.status, 200, "{serials:?}");
    let movements = app.get("/v1/products/10001/movements").await;
    let reasons: Vec<Value> = movements.data()["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| json!([m["delta"], m["reason"], m["document"]]))
        .take(3)
        .collect();
    assert_eq!(reasons, [json!([1, "return", number]), json!([-1, "sale", number]), json!([-3, "sale", number])]);
    // An order that is completed at once takes what it sells.
    let done =
        sell(&app, json!({"salesOrderStatus": 3, "salesOrderDetails": [{"productCode": "10001", "qty": 6}]})).await;
    assert_eq!((&done.data()["salesOrderStatus"], stock(&app, "10001").await), (&json!(3), json!([1, 1, 0])));
    let none =
        sell(&app, json!({"salesOrderStatus": 3, "salesOrderDetails": [{"productCode": "10001", "qty": 1}]})).await;
    assert_eq!((none.status, none.errors()), (409, vec![("insufficient_stock", "salesOrderDetails[0].qty")]));
    let moved = sell(&app, json!({"salesOrderDetails": [{"productCode": "AB00025dddd", "qty": 7}]})).await;
    let number = text(&moved, "salesOrderNo");
    let fewer = app
        .post(
            "/v2/salesorder",
            json!({"salesOrderNo": number, "salesOrderDetails": [{"productCode": "AB00025dddd", "qty": 2}]}),
        )
        .await;
    assert_eq!((fewer.status, stock(&app, "AB00025dddd").await), (200, json!([7.5, 2, 5.5])));
    app.post("/v2/salesorder", json!({"salesOrderNo": number, "salesOrderStatus": 1})).await.data();
    assert_eq!(stock(&app, "AB00025dddd").await, json!([7.5, 0, 7.5]));
}

/// An open order of one line: its path.
async fn ordered(app: &TestApp, line: Value) -> String {
    let made = sell(app, json!({"salesOrderDetails": [line]})).await;
    format!("/v2/salesorder/{}", text(&made, "salesOrderNo"))
}

async fn parts(app: &TestApp, bundle: &str, parts: Value) {
    let path = format!("/v1/products/{bundle}/parts");
    app.request(Method::PUT, &path, &[], Some(json!({"parts": parts}))).await.data();
}

#[tokio::test]
async fn what_comes_back_is_what_was_taken() {
    let app = market().await;
    put_products(&app, &[item("BUN")]).await;
    parts(&app, "BUN", json!([{"productCode": "10001", "quantity": 2}])).await;
    let order = ordered(&app, json!({"productCode": "BUN", "qty": 3})).await;
    let move_it = async |what: &str, body: Value| app.post(&format!("{order}/{what}"), body).await.data().clone();
    move_it("delivery", json!({"items": [{"line": 0, "qty": 2}]})).await;
    assert_eq!(stock(&app, "10001").await, json!([6, 2, 4]));
    parts(&app, "BUN", json!([{"productCode": "AB00025dddd", "quantity": 1}])).await;
    move_it("return", json!({"items": [{"line": 0, "qty": 1}]})).await;
    assert_eq!(stock(&app, "10001").await, json!([8, 0, 8]));
    // What is delivered now are the parts of now; all that was taken comes back.
    move_it("delivery", json!({})).await;
    assert_eq!((stock(&app, "10001").await, stock(&app, "AB00025dddd").await), (json!([8, 0, 8]), json!([8, 0, 8])));
    parts(&app, "BUN", json!([{"productCode": "10001", "quantity": 1}])).await;
    move_it("return", json!({})).await;
    assert_eq!((&stock(&app, "10001").await[0], stock(&app, "AB00025dddd").await), (&json!(10), json!([10, 0, 10])));

    // Of a product whose stock was not kept nothing was taken, and the other way round.
    let kept = async |is_kept: bool| {
        let body = json!({"productCode": "AB00025dddd", "trackInventory": is_kept});
        put_products(&app, &[body]).await;
    };
    for (then, now, after) in [(false, true, 10), (true, false, 10)] {
        kept(then).await;
        let order = ordered(&app, json!({"productCode": "AB00025dddd", "qty": 2})).await;
        app.post(&format!("{order}/delivery"), json!({})).await.data();
        kept(now).await;
        app.post(&format!("{order}/return"), json!({})).await.data();
        assert_eq!(stock(&app, "AB00025dddd").await[0], json!(after), "kept {then}, then {now}");
        app.post(&format!("{order}/cancel"), json!({})).await.data();
    }
}

#[tokio::test]
async fn the_pieces_of_a_line_come_back_with_it() {
    let app = market().await;
    let numbers = json!({"serialNumbers": ["SN1", "SN2", "SN3", "SN4"]});
    app.post("/v3/products/10001/serials", numbers).await.data();
    let order = ordered(&app, json!({"productCode": "10001", "qty": 3})).await;
    let post = async |order: &str, what: &str, numbers: Value| {
        let item = json!({"line": 0, "qty": numbers.as_array().map_or(1, Vec::len), "serialNumbers": numbers});
        app.post(&format!("{order}/{what}"), json!({"items": [item]})).await
    };
    let unknown = post(&order, "delivery", json!(["SN1", "NOPE"])).await;
    assert_eq!((unknown.status, unknown.errors()), (409, vec![("not_found", "items[0].serialNumbers[1]")]));
    assert_eq!(app.get("/v3/products/serials/status?serialNumber=NOPE").await.status, 404);
    let twice = post(&order, "delivery", json!(["SN1", "sn1"])).await;
    assert_eq!((twice.status, twice.errors()), (400, vec![("invalid_value", "items[0].serialNumbers[1]")]));
    post(&order, "delivery", json!(["SN1"])).await.data();
    let again = post(&order, "delivery", json!(["SN2", "SN1"])).await;
    assert_eq!((again.status, again.errors()), (409, vec![("taken", "items[0].serialNumbers[1]")]));
    post(&order, "delivery", json!(["SN2", "SN3"])).await.data();
    let unnamed = post(&order, "return", Value::Null).await;
    assert_eq!((unnamed.status, unnamed.errors()), (400, vec![("required", "items[0].serialNumbers")]));
    let foreign = post(&order, "return", json!(["SN4"])).await;
    assert_eq!(foreign.errors(), [("invalid_value", "items[0].serialNumbers[0]")]);
    post(&order, "return", json!(["SN2"])).await.data();
    let back = app.post(&format!("{order}/return"), json!({})).await;
    assert_eq!(back.data()["salesorderDetails"][0]["serialNumbers"], json!([]));
    for number in ["SN1", "SN2", "SN3"] {
        let piece = app.get(&format!("/v3/products/serials/status?serialNumber={number}")).await;
        assert_eq!((&piece.data()["status"], &piece.data()["saleOrderNo"]), (&json!(1), &Value::Null), "{number}");
    }
    let other = ordered(&app, json!({"productCode": "10001", "qty": 1})).await;
    post(&other, "delivery", json!(["SN1"])).await.data();
    post(&order, "delivery", json!(["SN2"])).await.data();
    assert_eq!(post(&order, "delivery", json!(["SN1"])).await.errors(), [("taken", "items[0].serialNumbers[0]")]);
}

#[tokio::test]
async fn a_sale_that_came_back_can_be_left() {
    let app = market().await;
    setting(&app, json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม กรุงเทพฯ"})).await.data();
    let order = ordered(&app, json!({"productCode": "10001", "qty": 1, "price": 1000, "vatTaxValue": 7})).await;
    let post = async |what: &str| app.post(&format!("{order}/{what}"), json!({})).await;
    assert_eq!(post("delivery").await.data()["salesOrderStatus"], 3);
    let invoice = text(&post("tax-invoice").await, "taxDocumentNo");
    let back = post("return").await;
    assert_eq!((&back.data()["salesOrderStatus"], stock(&app, "10001").await), (&json!(2), json!([10, 1, 9])));
    assert_eq!(post("return").await.errors(), [("conflict", "salesOrderNo")]);
    assert_eq!(post("delivery").await.data()["salesOrderStatus"], 3, "it can be delivered again");
    post("return").await.data();
    assert_eq!(post("cancel").await.errors(), [("conflict", "salesOrderStatus")], "its invoice stands");
    app.post(&format!("/v1/taxdocuments/{invoice}/credit-note"), json!({"reason": "returned"})).await.data();
    assert_eq!(post("cancel").await.data()["salesOrderStatus"], 5);
    assert_eq!(stock(&app, "10001").await, json!([10, 0, 10]));
    for report in ["report", "receivables"] {
        assert_eq!(app.get(&format!("/v1/sales/{report}")).await.data()["value"], json!([]), "{report}");
    }
}

#[tokio::test]
async fn faults_of_orders_are_called_as_the_request_calls_them() {
    let app = market().await;
    for (path, field) in [
        ("/v2/salesorder/nothing", "salesOrderNo"),
        ("/v2/salesorder/id/99", "salesOrderId"),
        ("/v1/taxdocuments/nothing", "taxDocumentNo"),
    ] {
        let unknown = app.get(path).await;
        assert_eq!((unknown.status, unknown.errors()), (404, vec![("not_found", field)]), "{path}");
        assert!(!unknown.body.to_string().contains("No such sales_order"), "{unknown:?}");
    }
    let old = async |products: Value| {
        app.post("/v1/SalesOrders", json!({"products": products, "customerCodes": ["daisy"]})).await
    };
    let none = old(json!([])).await;
    assert_eq!((none.status, none.errors()), (400, vec![("required", "products")]));
    let short = old(json!([{"code": "10001", "qty": 11}])).await;
    assert_eq!((short.status, short.errors()), (409, vec![("insufficient_stock", "products[0].qty")]));
    // The line of the request is named, not that of the order.
    let two = json!([{"productCode": "AB00025dddd", "qty": 1}, {"productCode": "10001", "qty": 3}]);
    let order = text(&sell(&app, json!({"salesOrderDetails": two})).await, "salesOrderNo");
    let lost = json!({"reason": "loss", "items": [{"productCode": "10001", "qty": -9}]});
    app.post("/v1/products/stock/adjustments", lost).await.data();
    let short = app.post(&format!("/v2/salesorder/{order}/delivery"), json!({"items": [{"line": 1}]})).await;
    assert_eq!((short.status, short.errors()), (409, vec![("insufficient_stock", "items[0].qty")]));
}

#[tokio::test]
async fn an_order_is_paid_in_parts_and_falls_due() {
    let app = market().await;
    let plan = json!({"salesOrderDetails": [{"productCode": "10001", "qty": 1, "price": 100.01, "vatTaxValue": 7}],
        "payment": {"valueType": 2, "schedulePayments": [
            {"installmentValue": 33.3, "dueDate": "2099-01-31"}, {"installmentValue": 33.3, "dueDate": "2099-02-28"}, {"installmentValue": 33.4}]}});
    let made = sell(&app, plan).await;
    let number = text(&made, "salesOrderNo");
    let amounts = |answer: &Answer| {
        answer.data()["payment"]["schedulePayments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["amount"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (&made.data()["grandTotal"], amounts(&made)),
        (&json!(107.01), vec![json!(35.63), json!(35.63), json!(35.75)])
    );
    assert_eq!(
        (&made.data()["dueDate"], &made.data()["isOverdue"]),
        (&json!("2099-01-31T00:00:00+0700"), &json!(false))
    );
    let path = format!("/v2/salesorder/{number}/payments");
    let pay = async |body: Value| app.post(&path, body).await;
    assert_eq!(pay(json!({"amount": 0})).await.errors(), [("out_of_range", "amount")]);
    assert_eq!(pay(json!({"amount": 1.001})).await.errors(), [("out_of_range", "amount")]);
    assert_eq!(pay(json!({"amount": 1, "installmentNumber": 9})).await.errors(), [("not_found", "installmentNumber")]);
    let slip = "004000060000010103002021900021231231212000115102TH91049C30";
    let first = pay(json!({"amount": 40, "method": "promptpay", "reference": slip, "paidDate": "2026-05-21"})).await;
    let data = first.data();
    assert_eq!(
        (&data["paymentState"], &data["paidAmount"], &data["outstandingAmount"]),
        (&json!("partly"), &json!(40), &json!(67.01))
    );
    let statuses: Vec<Value> = data["payment"]["schedulePayments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| json!([i["status"], i["paidAmount"]]))
        .collect();
    assert_eq!(statuses, [json!([2, 35.63]), json!([1, 4.37]), json!([1, 0])]);
    assert_eq!(pay(json!({"amount": 40, "reference": "0002123123121200011"})).await.errors(), [("taken", "reference")]);
    let set = async |body: Value| {
        app.request(Method::PUT, &format!("/v2/salesorder/{number}/payment"), &[], Some(body)).await
    };
    set(json!({"payments": [{"InstallmentNumber": 2, "status": 2}, {"installmentNumber": 3, "status": "2"}]}))
        .await
        .data();
    let read = app.get(&format!("/v2/salesorder/{number}")).await;
    assert_eq!((&read.data()["paymentState"], &read.data()["dueDate"]), (&json!("paid"), &Value::Null));
    set(json!({"payments": [{"installmentNumber": 3, "status": 1}]})).await.data();
    assert_eq!(app.get(&format!("/v2/salesorder/{number}")).await.data()["paymentState"], "partly");
    assert_eq!(
        set(json!({"payments": [{"periodNo": 8, "status": 2}, {"status": 3}]})).await.errors(),
        [("invalid_value", "payments[1].status"), ("required", "payments[1].InstallmentNumber")]
    );
    assert_eq!(
        set(json!({"payments": [{"periodNo": 8, "status": 2}]})).await.errors(),
        [("not_found", "payments[0].InstallmentNumber")]
    );
    let over = pay(json!({"amount": 36})).await;
    assert_eq!((&over.data()["paymentState"], &over.data()["outstandingAmount"]), (&json!("over"), &json!(-0.25)));
    let payments = app.get(&path).await;
    let list = payments.data()["value"].as_array().unwrap();
    assert_eq!((list.len(), &list[0]["amount"], &list[3]["reference"]), (4, &json!(36), &json!("0002123123121200011")));
    let undone = app.request(Method::DELETE, &format!("{path}/{}", list[0]["paymentId"]), &[], None).await;
    assert_eq!(undone.data()["paymentState"], "partly");
    let plan = json!({"payment": {"schedulePayments": [{"installmentValue": 5}, {"installmentNumber": 7, "installmentValue": 0}]}});
    assert_eq!(sell(&app, plan).await.errors().len(), 3);

    // A day later than the instalment's the order is overdue; the job says so once.
    let late = sell(
        &app,
        json!({"salesOrderDetails": [{"productCode": "10001", "qty": 1, "price": 50}],
        "payment": {"schedulePayments": [{"installmentValue": 50, "dueDate": "2099-06-01"}]}}),
    )
    .await;
    let number = text(&late, "salesOrderNo");
    let soon = quote(&app, json!({"quotationValidUntil": "2099-05-31", "quotationStatus": 4})).await;
    let quotation = text(&soon, "quotationNo");
    let at: i64 = 4_083_930_000_000; // 2099-06-01T00:00:00+0700
    let ahead = u64::try_from(at - app.app.now()).unwrap();
    app.advance(Duration::from_millis(ahead));
    sala::sales::due::run(&app.app).await.unwrap();
    let token = app.token_for(&app.client).await;
    let get = async |path: String| app.request_as(&token, Method::GET, &path, None).await.data().clone();
    assert_eq!(get(format!("/v2/salesorder/{number}")).await["isOverdue"], false, "its last day is not over");
    assert_eq!(get(format!("/v1/quotation/{quotation}")).await["isExpired"], true);
    let post = async |path: &str, body: Value| app.request_as(&token, Method::POST, path, Some(body)).await;
    let convert = format!("/v1/quotation/{quotation}/convert-to-salesorder");
    assert_eq!(post(&convert, json!({})).await.errors(), [("conflict", "quotationNo")]);
    // Whoever completes it by hand is not the customer.
    post("/v2/quotation", json!({"quotationNo": quotation, "quotationStatus": 5})).await.data();
    assert_eq!(post(&convert, json!({})).await.errors(), [("conflict", "quotationNo")]);
    app.advance(Duration::from_secs(24 * 3600));
    sala::sales::due::run(&app.app).await.unwrap();
    sala::sales::due::run(&app.app).await.unwrap();
    let token = app.token_for(&app.client).await;
    let audit = app.request_as(&token, Method::GET, &format!("/v1/audit?ref=sales_order/{number}"), None).await;
    let actions: Vec<&str> =
        audit.data()["value"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["overdue", "created"]);
}

#[tokio::test]
async fn several_orders_are_rejected_together_and_the_rule_of_rounding_stays() {
    let app = market().await;
    setting(&app, json!({"rounding": "line"})).await.data();
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 1.24, "vatTaxValue": 10}, {"productCode": "10001", "qty": 1, "price": 1.24, "vatTaxValue": 10}]);
    let one = sell(&app, json!({"salesOrderDetails": lines})).await;
    assert_eq!(one.data()["totalVat"], json!(0.24), "on each line");
    assert_eq!(setting(&app, json!({"rounding": "document"})).await.errors(), [("conflict", "rounding")]);
    setting(&app, json!({"rounding": "line", "nameEn": "Siam Tools"})).await.data();
    let two = sell(&app, json!({})).await;
    let ids = json!([one.data()["salesOrderId"], two.data()["salesOrderId"]]);
    let reject = async |body: Value| app.request(Method::DELETE, "/v1/salesorders/reject", &[], Some(body)).await;
    assert_eq!(reject(json!({"salesOrderIds": ids})).await.errors(), [("required", "reason")]);
    assert_eq!(reject(json!({"salesOrderIds": [1, 99], "reason": "x"})).await.status, 404, "all of them or none");
    assert_eq!(stock(&app, "10001").await, json!([10, 4, 6]));
    assert_eq!(reject(json!({"salesOrderIds": ids, "reason": "unpaid"})).await.status, 200);
    assert_eq!(stock(&app, "10001").await, json!([10, 0, 10]));
    let read = app.get(&format!("/v2/salesorder/{}", text(&one, "salesOrderNo"))).await;
    assert_eq!((&read.data()["salesOrderStatus"], &read.data()["reason"]), (&json!(4), &json!("unpaid")));
    let other = app
        .post("/v2/salesorder", json!({"salesOrderNo": read.data()["salesOrderNo"], "customerCode": "nobody"}))
        .await;
    assert_eq!(other.errors(), [("not_found", "customerCode")]);
}

#[tokio::test]
async fn a_workbook_of_orders_has_their_lines() {
    let app = market().await;
    let two = json!([{"productCode": "10001", "qty": 1}, {"productCode": "AB00025dddd", "qty": 2, "vatTaxValue": 7}]);
    sell(&app, json!({"salesOrderDetails": two})).await.data();
    sell(&app, json!({})).await.data();
    let accept = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let wanted = request(
        &app.token,
        Method::POST,
        "/v2/salesorder/enquiry",
        &[("accept", accept)],
        Some(json!({"orderBy": "salesOrderNo"})),
    );
    let (status, _, bytes) = app.file(wanted).await;
    assert_eq!(status, 200);
    let mut book: calamine::Xlsx<_> = calamine::Reader::new(std::io::Cursor::new(bytes)).unwrap();
    let rows: Vec<Vec<String>> = {
        let sheet = calamine::Reader::worksheet_range(&mut book, "Lines").unwrap();
        sheet.rows().map(|row| row.iter().take(3).map(ToString::to_string).collect()).collect()
    };
    assert_eq!(rows[0], ["salesOrderNo", "line", "productCode"]);
    assert_eq!(
        rows[1..],
        [["SO2305-0001", "1", "10001"], ["SO2305-0001", "2", "AB00025dddd"], ["SO2305-0002", "1", "10001"]]
    );
}

#[tokio::test]
async fn sales_are_summed_as_orders_are_written() {
    let app = market().await;
    let other = json!({"customerCode": "C2", "customerName": "Other", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", other).await.data();
    let line = |code: &str, price: i64| json!({"productCode": code, "qty": 1, "price": price, "vatTaxValue": 7});
    for (day, customer, lines, more) in [
        (
            "2026-01-10",
            "daisy",
            json!([line("10001", 100), line("AB00025dddd", 50)]),
            json!({"discountType": true, "discountValue": 10}),
        ),
        ("2026-02-10", "C2", json!([line("10001", 107)]), json!({"vatCalculation": false})),
        ("2026-02-11", "daisy", json!([line("10001", 1)]), json!({"currencyCode": "USD", "currencyRate": 35})),
        ("2026-02-12", "daisy", json!([line("10001", 999)]), json!({"salesOrderStatus": 1})),
    ] {
        sell(&app, with(more, json!({"salesOrderDate": day, "customerCode": customer, "salesOrderDetails": lines})))
            .await
            .data();
    }
    let report = async |query: &str| {
        let found = app.get(&format!("/v1/sales/report?{query}")).await;
        let rows = found.data()["value"].as_array().unwrap().clone();
        rows.iter().map(|row| json!([row["code"], row["orders"], row["netTotal"]])).collect::<Vec<_>>()
    };
    assert_eq!(report("by=month").await, [json!(["2026-01", 1, 135]), json!(["2026-02", 2, 135])]);
    assert_eq!(report("by=product").await, [json!(["10001", 3, 225]), json!(["AB00025dddd", 1, 45])]);
    assert_eq!(report("by=customer&dateFrom=2026-02-01").await, [json!(["C2", 1, 100]), json!(["daisy", 1, 35])]);
    assert_eq!(report("by=employee&take=1").await, [json!(["Admin01", 3, 270])]);
    assert_eq!(
        app.get("/v1/sales/report?by=moon&take=0").await.errors(),
        [("invalid_value", "by"), ("out_of_range", "take")]
    );
    let owed = app.get("/v1/sales/receivables").await;
    let rows = owed.data()["value"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| json!([row["currencyCode"], row["total"]])).collect::<Vec<_>>(),
        [json!(["THB", 251.45]), json!(["USD", 1.07])]
    );
    // What is rejected is not sold.
    let all = app.post("/v2/salesorder/enquiry", json!({"customerCode": "C2"})).await;
    let id = &all.data()[0]["salesOrderId"];
    app.request(Method::DELETE, "/v1/salesorders/reject", &[], Some(json!({"salesOrderIds": [id], "reason": "x"})))
        .await;
    assert_eq!(report("by=month&dateFrom=2026-02-01").await, [json!(["2026-02", 1, 35])]);
}

#[tokio::test]
async fn an_order_in_a_file_names_its_deal() {
    let app = market().await;
    let board = crate::deal::entry(&app, "boards", None, "B", json!(null)).await;
    crate::deal::entry(&app, "stages", None, "Offer", json!({"boardId": board, "kind": "open"})).await;
    let deal = json!({"customerCodes": ["daisy"], "boardId": board, "dealName": "Chairs", "probability": 20, "dealValue": 10,
                      "dealDate": "2025-01-01", "expectedCloseDate": "2025-02-01", "assignTo": "Admin01"});
    let number = app.post("/v1/deals", deal).await.data()["value"]["dealNo"].as_str().unwrap().to_owned();
    let file = format!(
        "order no,date,customer,deal no,product code,quantity,unit price\n\
         OLD-1,2026-11-28,daisy,{number},10001,1,100\nOLD-2,2026-11-28,daisy,nothing,10001,1,100\n"
    );
    let done = import(&app, "kind=orders", file.clone()).await;
    assert_eq!(counts(&done), (1, 0, 0, 1), "{done:#}");
    assert_eq!(app.get("/v2/salesorder/OLD-1").await.data()["dealNo"], json!(number));
    let again = import(&app, "kind=orders", file).await;
    assert_eq!(counts(&again), (0, 0, 1, 1), "{again:#}");
}

#[tokio::test]
async fn a_discount_in_a_file_is_what_its_header_says() {
    let app = market().await;
    for (number, header, discount, total) in [
        ("D-1", "Discount (%)", "10", 192.6),
        ("D-2", "ส่วนลด (บาท)", "10", 203.3),
        ("D-3", "ส่วนลด เปอร์เซ็นต์", "10%", 192.6),
    ] {
        let file = format!(
            "order no,date,customer,product code,quantity,Total (ราคา),Price,{header},VAT (Amount),VAT (%)\n\
             {number},2026-11-28,daisy,10001,2,999,100,{discount},14,7\n"
        );
        let done = import(&app, "kind=orders", file.clone()).await;
        assert_eq!(counts(&done), (1, 0, 0, 0), "{done:#}");
        let left = |name: &str, reason: &str| json!({"what": "column", "name": name, "reason": reason});
        assert_eq!(done["leftOut"], json!([left("Total (ราคา)", "duplicate"), left("VAT (Amount)", "unclear")]));
        let read = app.get(&format!("/v2/salesorder/{number}")).await;
        assert_eq!(read.data()["grandTotal"].as_f64(), Some(total), "{header}: {read:?}");
        let again = import(&app, "kind=orders", file).await;
        assert_eq!(counts(&again), (0, 0, 1, 0), "{again:#}");
    }
    let both = "order no,date,customer,product code,quantity,price,discount,discount %\n\
                D-4,2026-11-28,daisy,10001,1,100,5,5\nD-5,2026-11-28,daisy,10001,1,100,0,5\n";
    let done = import(&app, "kind=orders", both).await;
    assert_eq!(counts(&done), (1, 0, 0, 1), "{done:#}");
    assert_eq!(done["errors"][0]["column"], "discount %");
}

/// Product, quantity and price of each line.
async fn lines(app: &TestApp, number: &str) -> Vec<(String, f64, f64)> {
    let read = app.get(&format!("/v2/salesorder/{number}")).await;
    let lines = read.data()["salesorderDetails"].as_array().unwrap().clone();
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    let line =
        |line: &Value| (line["productCode"].as_str().unwrap().to_owned(), number(&line["qty"]), number(&line["price"]));
    lines.iter().map(line).collect()
}

#[tokio::test]
async fn equal_lines_of_an_order_in_a_file_are_all_kept_and_a_later_file_corrects() {
    let app = market().await;
    let head = "order no,date,customer,product code,quantity,price\n";
    let file = format!(
        "{head}E-1,2026-11-28,daisy,10001,1,100\nE-1,,,10001,1,100\nE-1,,,10001,1.0,100.00\nE-1,,,AB00025dddd,2,50\n\
         E-2,2026-11-28,daisy,10001,1,100\nE-2,,,10001,2,100\nE-2,,,10001,1,100\n"
    );
    let one = |product: &str, quantity: f64, price: f64| (product.to_owned(), quantity, price);
    let expected =
        [one("10001", 1.0, 100.0), one("10001", 1.0, 100.0), one("10001", 1.0, 100.0), one("AB00025dddd", 2.0, 50.0)];
    for turn in 0..2 {
        let done = import(&app, "kind=orders", file.clone()).await;
        assert_eq!(counts(&done), if turn == 0 { (2, 5, 0, 0) } else { (0, 0, 7, 0) }, "{done:#}");
        assert_eq!(lines(&app, "E-1").await, expected);
        let second = [one("10001", 1.0, 100.0), one("10001", 2.0, 100.0), one("10001", 1.0, 100.0)];
        assert_eq!(lines(&app, "E-2").await, second);
    }
    // The only line of its product is corrected, and that is said; one of several is not guessed at.
    let later = format!("{head}E-1,,,AB00025dddd,3,40\nE-2,,,10001,9,100\n");
    let done = import(&app, "kind=orders", later.clone()).await;
    assert_eq!(counts(&done), (0, 1, 0, 1), "{done:#}");
    assert_eq!(done["warnings"][0]["message"], "line 4 of order E-1 is now as this row says", "{done:#}");
    assert_eq!((&done["errors"][0]["row"], &done["errors"][0]["code"]), (&json!(3), &json!("conflict")), "{done:#}");
    assert_eq!(lines(&app, "E-1").await.last(), Some(&one("AB00025dddd", 3.0, 40.0)));
    assert_eq!(counts(&import(&app, "kind=orders", later).await), (0, 0, 1, 1));
    // A product that the order does not have is a further line.
    let further = format!("{head}E-2,,,AB00025dddd,1,60\n");
    assert_eq!(counts(&import(&app, "kind=orders", further).await), (0, 1, 0, 0));
    assert_eq!(lines(&app, "E-2").await.len(), 4);
    undo(&app, &done).await;
    assert_eq!(lines(&app, "E-1").await, expected);
}

#[tokio::test]
async fn a_percentage_is_no_amount() {
    let app = market().await;
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    let percent = rust_xlsxwriter::Format::new().set_num_format("0%");
    for (column, header) in
        ["order no", "date", "customer", "product code", "quantity", "price", "discount"].iter().enumerate()
    {
        sheet.write_string(0, u16::try_from(column).unwrap(), *header).unwrap();
    }
    for (column, text) in ["P-1", "2026-11-28", "daisy", "10001"].iter().enumerate() {
        sheet.write_string(1, u16::try_from(column).unwrap(), *text).unwrap();
    }
    sheet.write_number(1, 4, 1.0).unwrap();
    sheet.write_number(1, 5, 100.0).unwrap();
    sheet.write_number_with_format(1, 6, 0.1, &percent).unwrap();
    let done = import(&app, "kind=orders", workbook.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (0, 0, 0, 1), "{done:#}");
    let fault = &done["errors"][0];
    assert_eq!((&fault["row"], &fault["column"]), (&json!(2), &json!("discount")), "{done:#}");
    assert!(fault["message"].as_str().unwrap().starts_with("10% is a percentage"), "{done:#}");
    // In a column of percentages it is what it says.
    let file = "order no,date,customer,product code,quantity,price,discount %\nP-2,2026-11-28,daisy,10001,1,100,10%\n";
    assert_eq!(counts(&import(&app, "kind=orders", file).await), (1, 0, 0, 0));
    assert_eq!(app.get("/v2/salesorder/P-2").await.data()["grandTotal"].as_f64(), Some(90.0));
}

#[tokio::test]
async fn orders_come_out_of_a_file_once_and_go_back() {
    let app = market().await;
    let file = "เลขที่ใบสั่งขาย,วันที่,รหัสลูกค้า,รหัสสินค้า,จำนวน,ราคา,ภาษีมูลค่าเพิ่ม\n\
                OLD-1,28/11/2569,daisy,10001,2,100,7\nOLD-1,,,AB00025dddd,1,50.25,7\n\
                OLD-2,2026-11-27,daisy,10001,1,10,\nOLD-3,2026-11-27,nobody,10001,1,10,\n";
    let done = import(&app, "kind=orders", file).await;
    assert_eq!(counts(&done), (2, 1, 0, 1), "{done:#}");
    let read = app.get("/v2/salesorder/OLD-1").await;
    let data = read.data();
    assert_eq!((&data["salesOrderDate"], &data["grandTotal"]), (&json!("2026-11-28T00:00:00+0700"), &json!(267.77)));
    assert_eq!(
        (data["salesorderDetails"].as_array().unwrap().len(), stock(&app, "10001").await),
        (2, json!([10, 3, 7]))
    );
    let again = import(&app, "kind=orders", file).await;
    assert_eq!(counts(&again), (0, 0, 3, 1), "{again:#}");
    undo(&app, &done).await;
    assert_eq!(app.get("/v2/salesorder/OLD-1").await.data()["salesOrderStatus"], 5);
    assert_eq!(stock(&app, "10001").await, json!([10, 0, 10]));
    let refused = import(&app, "kind=orders", file).await;
    // The row that names no day and no customer says of the order what is there, and is warned.
    assert_eq!(counts(&refused), (0, 0, 1, 3), "{refused:#}");
    assert!(refused["errors"][0]["message"].as_str().unwrap().starts_with("order OLD-1 is cancelled"), "{refused:#}");
    // A code that is typed in wide letters is the same line the second time too.
    let wide =
        "order no,date,customer,product code,quantity,price\nW-1,2026-11-28,daisy,ＡＢ０００２５ｄｄｄｄ,1,100\n";
    assert_eq!(counts(&import(&app, "kind=orders", wide).await), (1, 0, 0, 0));
    assert_eq!(counts(&import(&app, "kind=orders", wide).await), (0, 0, 1, 0));
}

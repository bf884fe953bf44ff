//! What quotations, orders and deals refuse: what is blank, named twice, out of range or out of use, by the names of the request.

use axum::http::Method;
use serde_json::{Value, json};

use super::{market, quote, sell, text};
use crate::app::TestApp;

async fn simple(app: &TestApp, codes: Value, product: &str) -> crate::app::Answer {
    app.post("/v1/salesorders", json!({"products": [{"code": product, "qty": 1}], "customerCodes": codes})).await
}

#[tokio::test]
async fn what_is_blank_is_not_given() {
    let app = market().await;
    for code in ["", "  ", "\u{200b}"] {
        let body = json!({"customerCode": code});
        for answer in [quote(&app, body.clone()).await, sell(&app, body.clone()).await] {
            assert_eq!((answer.status, answer.errors()), (400, vec![("required", "customerCode")]), "{code:?}");
        }
    }
    for day in ["", " ", "0001-01-01T00:00:00"] {
        let quoted =
            quote(&app, json!({"quotationDate": day, "quotationValidUntil": day, "staffCode": "\u{200b}"})).await;
        let required = [("required", "quotationDate"), ("required", "quotationValidUntil"), ("required", "staffCode")];
        assert_eq!(quoted.errors(), required, "{day}");
        let sold = sell(&app, json!({"salesOrderDate": day})).await;
        assert_eq!(sold.errors(), [("required", "salesOrderDate")], "{day}");
    }
}

#[tokio::test]
async fn an_order_is_made_once_for_each_customer() {
    let app = market().await;
    let blank = simple(&app, json!(["daisy", "  "]), "10001").await;
    assert_eq!((blank.status, blank.errors()), (400, vec![("required", "customerCodes[1]")]));
    let unknown = simple(&app, json!(["nobody"]), "none").await;
    assert_eq!(unknown.errors(), [("not_found", "customerCodes[0]"), ("not_found", "products[0].code")]);
    let rose = json!({"customerCode": "rose", "customerName": "Rose", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", rose).await.data();
    let tulip = json!({"customerCode": "tulip", "customerName": "Tulip", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", tulip).await.data();
    app.post("/v3/customers/daisy/merge", json!({"mergedCustomerCode": "rose"})).await.data();
    let made = simple(&app, json!(["tulip", "DAISY", "daisy", " Tulip ", "rose"]), "10001").await;
    let numbers = made.data()["salesOrderNos"].as_array().unwrap().clone();
    let mut customers = Vec::new();
    for number in &numbers {
        let order = app.get(&format!("/v2/salesorder/{}", number.as_str().unwrap())).await;
        customers.push(text(&order, "customerCode"));
    }
    assert_eq!(customers, ["tulip", "daisy"], "in the order of the request");
}

#[tokio::test]
async fn one_wrong_value_is_one_error() {
    let app = market().await;
    for path in ["/v1/quotation/enquiry", "/v2/salesorder/enquiry", "/v1/deals/enquiry"] {
        for field in ["take", "pageLength", "skip"] {
            let wrong = app.post(path, json!({field: "x"})).await;
            assert_eq!(wrong.errors(), [("invalid_type", field)], "{path}");
            assert_eq!(wrong.body["status"]["code"], "4001", "{path} {field}");
        }
        assert_eq!(app.post(path, json!({"take": 0})).await.errors(), [("invalid_value", "take")], "{path}");
    }
    let quoted = quote(&app, json!({"quotationDetails": ["x", {"productCode": "none"}]})).await;
    assert_eq!(
        quoted.errors(),
        [("invalid_type", "quotationDetails[0]"), ("not_found", "quotationDetails[1].productCode")]
    );
    let sold = sell(&app, json!({"salesOrderDetails": [[], {"productCode": "none"}]})).await;
    assert_eq!(
        sold.errors(),
        [("invalid_type", "salesOrderDetails[0]"), ("not_found", "salesOrderDetails[1].productCode")]
    );
}

#[tokio::test]
async fn what_is_too_long_or_worth_too_much_is_refused() {
    let app = market().await;
    let reason = "ก".repeat(1_001);
    let quoted = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let sold = text(&sell(&app, json!({})).await, "salesOrderNo");
    for (path, body) in [
        ("/v2/quotation", json!({"quotationNo": quoted, "quotationStatus": 6, "reason": reason})),
        ("/v2/salesorder", json!({"salesOrderNo": sold, "salesOrderStatus": 4, "reason": reason})),
    ] {
        assert_eq!(app.post(path, body.clone()).await.errors(), [("too_long", "reason")], "{path}");
        let mut body = body;
        body["reason"] = json!("ก".repeat(1_000));
        app.post(path, body).await.data();
    }
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 10_000_000_000_000_i64}]);
    let dear =
        json!({"currencyCode": "USD", "currencyRate": 1e11, "quotationDetails": lines, "salesOrderDetails": lines});
    for answer in [quote(&app, dear.clone()).await, sell(&app, dear).await] {
        assert_eq!((answer.status, answer.errors()), (400, vec![("out_of_range", "currencyRate")]));
    }
    // A float is read to the fifteen digits that it holds.
    for (sent, price) in [(19.990000000000002, 19.99), (33.300000000000004, 33.3)] {
        let made = sell(&app, json!({"salesOrderDetails": [{"productCode": "10001", "qty": 1, "price": sent}]})).await;
        let data = made.data();
        assert_eq!((&data["salesorderDetails"][0]["price"], &data["grandTotal"]), (&json!(price), &json!(price)));
    }
}

#[tokio::test]
async fn orders_that_cannot_be_rejected_are_named_by_their_place() {
    let app = market().await;
    let one = sell(&app, json!({})).await.data()["salesOrderId"].clone();
    let done = sell(&app, json!({"salesOrderStatus": 3})).await.data()["salesOrderId"].clone();
    let reject = async |ids: Value| {
        let body = json!({"salesOrderIds": ids, "reason": "unpaid"});
        app.request(Method::DELETE, "/v1/salesorders/reject", &[], Some(body)).await
    };
    let unknown = reject(json!([one, 99, done, 98])).await;
    let named = vec![("not_found", "salesOrderIds[3]"), ("not_found", "salesOrderIds[1]")];
    assert_eq!((unknown.status, unknown.errors()), (404, named));
    let refused = reject(json!([done, one, done])).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "salesOrderIds[0]")]));
    let read = app.get(&format!("/v2/salesorder/id/{one}")).await;
    assert_eq!(read.data()["salesOrderStatus"], 2, "all of them or none");
}

#[tokio::test]
async fn a_deal_gets_no_entry_that_is_out_of_use_and_cancels_its_orders_by_either_name() {
    let app = market().await;
    let board = crate::deal::entry(&app, "boards", None, "B", json!(null)).await;
    crate::deal::entry(&app, "stages", None, "Offer", json!({"boardId": board, "kind": "open"})).await;
    let missed = json!({"boardId": board, "kind": "missed"});
    let missed = crate::deal::entry(&app, "stages", None, "Missed", missed).await;
    let reason = crate::deal::entry(&app, "missed-reasons", None, "Too dear", json!(null)).await;
    let label = crate::deal::entry(&app, "labels", None, "Hot", json!(null)).await;
    let unset = json!({"customerCodes": ["daisy", "  "], "boardId": board, "dealName": "Chairs", "probability": 20,
                       "dealValue": 10, "expectedCloseDate": "0001-01-01T00:00:00", "assignTo": "Admin01"});
    let refused = app.post("/v1/deals", unset.clone()).await;
    assert_eq!(refused.errors(), [("required", "expectedCloseDate"), ("required", "customerCodes[1]")]);
    let deal = super::with(unset, json!({"customerCodes": ["daisy"], "expectedCloseDate": "2025-02-01"}));
    app.request(Method::PUT, &format!("/v1/setting/labels/{label}"), &[], Some(json!({"isActive": false})))
        .await
        .data();
    let labelled = |changes: Value| super::with(deal.clone(), changes);
    let by_id = app.post("/v1/deals", labelled(json!({"dealLabels": [label]}))).await;
    assert_eq!(by_id.errors(), [("invalid_value", "dealLabels[0]")]);
    let by_name = app.post("/v1/deals", labelled(json!({"labelNames": ["hot"]}))).await;
    assert_eq!(by_name.errors(), [("invalid_value", "labelNames[0]")]);

    let id = app.post("/v1/deals", deal.clone()).await.data()["value"]["dealsId"].clone();
    let order = text(&sell(&app, json!({"dealId": id})).await, "salesOrderNo");
    let lost = json!({"dealStageId": missed, "reasonCategoryId": reason, "cancelAllOrder": true});
    app.post(&format!("/v1/deals/{id}/move"), lost).await.data();
    assert_eq!(app.get(&format!("/v2/salesorder/{order}")).await.data()["salesOrderStatus"], 5);
}

//! Tax invoices, receipts and credit notes.

use axum::http::Method;
use serde_json::{Value, json};

use super::{market, sell, setting, text};
use crate::app::{answer, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tax_documents_have_all_that_the_law_wants_and_no_gap() {
    let app = market().await;
    let number = text(&sell(&app, json!({"salesOrderStatus": 1})).await, "salesOrderNo");
    let issue =
        async |number: &str, what: &str, body: Value| app.post(&format!("/v2/salesorder/{number}/{what}"), body).await;
    assert_eq!(issue(&number, "tax-invoice", json!({})).await.errors(), [("conflict", "salesOrderNo")], "a draft");
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 100, "vatTaxValue": 7}]);
    let plain = text(&sell(&app, json!({})).await, "salesOrderNo");
    let missing =
        issue(&plain, "tax-invoice", json!({"issueDate": "2999-01-01", "branchCode": "00009", "buyerTaxNo": "1"}))
            .await;
    let errors = missing.errors();
    for field in ["issueDate", "branchCode", "seller.address", "seller.taxNo", "buyerTaxNo", "vatTaxValue"] {
        assert!(errors.iter().any(|(_, name)| *name == field), "{field} in {errors:?}");
    }
    let profile = json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม กรุงเทพฯ", "branches": [
        {"code": "00000", "name": "สำนักงานใหญ่"}, {"code": "00001", "name": "สาขาเชียงใหม่", "address": "1 ถนนนิมมาน เชียงใหม่"}]});
    setting(&app, profile).await.data();
    let year = &text(&app.get("/v1/setting").await, "timeZone");
    assert_eq!(year, "Asia/Bangkok");
    let order = text(&sell(&app, json!({"salesOrderDetails": lines})).await, "salesOrderNo");
    let made = issue(&order, "tax-invoice", json!({"issueDate": "2026-01-15", "buyerTaxNo": "0105561000003"})).await;
    let data = made.data();
    assert_eq!(
        (&data["taxDocumentNo"], &data["title"], &data["grandTotal"]),
        (&json!("INV00000-26-000001"), &json!("ใบกำกับภาษี"), &json!(107))
    );
    assert_eq!(
        (&data["seller"]["taxNo"], &data["buyer"]["name"], &data["buyer"]["address"]),
        (&json!("0105561000003"), &json!("Daisy Co., Ltd."), &json!("Office 1 Rama IV"))
    );
    assert_eq!(
        (&data["buyer"]["branchName"], &data["totalVat"], &data["details"][0]["productName"]),
        (&json!("สำนักงานใหญ่"), &json!(7), &json!("Product 10001"))
    );
    assert_eq!(issue(&order, "tax-invoice", json!({})).await.errors(), [("conflict", "salesOrderNo")], "it has one");
    let read = app.get(&format!("/v2/salesorder/{order}")).await;
    assert_eq!(read.data()["invoiceInfo"]["taxInvoiceNo"], "INV00000-26-000001");
    let change = app.post("/v2/salesorder", json!({"salesOrderNo": order, "remark": "x"})).await;
    assert_eq!(change.errors(), [("conflict", "salesOrderNo")]);
    assert_eq!(
        app.post(&format!("/v2/salesorder/{order}/cancel"), json!({})).await.errors(),
        [("conflict", "salesOrderStatus")]
    );
    // Only a credit note that equals it cancels it.
    let path = "/v1/taxdocuments/inv00000-26-000001/credit-note";
    assert_eq!(app.post(path, json!({})).await.errors(), [("required", "reason")]);
    assert_eq!(
        app.post(path, json!({"reason": "x", "grandTotal": 106.99})).await.errors(),
        [("invalid_value", "grandTotal")]
    );
    let note = app.post(path, json!({"reason": "คืนสินค้า", "grandTotal": 107, "issueDate": "2026-01-20"})).await;
    assert_eq!(
        (&note.data()["taxDocumentNo"], &note.data()["cancelsNo"], &note.data()["grandTotal"]),
        (&json!("CN00000-26-000001"), &json!("INV00000-26-000001"), &json!(107))
    );
    assert_eq!(app.post(path, json!({"reason": "again"})).await.errors(), [("conflict", "taxDocumentNo")]);
    let second = issue(&order, "tax-invoice", json!({"branchCode": "00001", "issueDate": "2026-02-01"})).await;
    assert_eq!(second.data()["taxDocumentNo"], "INV00001-26-000001", "each branch counts for itself");
    // A receipt names its payments, and one payment has one receipt.
    assert_eq!(issue(&order, "receipt", json!({})).await.errors(), [("conflict", "paymentId")]);
    app.post(&format!("/v2/salesorder/{order}/payments"), json!({"amount": 60})).await.data();
    app.post(&format!("/v2/salesorder/{order}/payments"), json!({"amount": 47})).await.data();
    let receipt = issue(&order, "receipt", json!({"paymentId": 1, "issueDate": "2026-02-01"})).await;
    assert_eq!(
        (&receipt.data()["taxDocumentNo"], &receipt.data()["grandTotal"]),
        (&json!("RE00000-26-000001"), &json!(60))
    );
    let undo = app.request(Method::DELETE, &format!("/v2/salesorder/{order}/payments/1"), &[], None).await;
    assert_eq!(undo.errors(), [("conflict", "paymentId")]);
    let rest = issue(&order, "receipt", json!({"issueDate": "2026-02-01"})).await;
    assert_eq!((&rest.data()["grandTotal"], &rest.data()["payments"][0]["paymentId"]), (&json!(47), &json!(2)));
    let found =
        app.post("/v1/taxdocuments/enquiry", json!({"taxDocumentType": "taxInvoice", "orderBy": "issueDate"})).await;
    let numbers: Vec<&Value> = found.data().as_array().unwrap().iter().map(|d| &d["taxDocumentNo"]).collect();
    assert_eq!(numbers, ["INV00001-26-000001", "INV00000-26-000001"]);
    // Sixty-four at once: no gap, no double; a refused one leaves none.
    let mut orders = Vec::new();
    setting(&app, json!({"allowNegativeStock": true})).await.data();
    for _ in 0..64 {
        orders.push(text(&sell(&app, json!({"salesOrderDetails": lines})).await, "salesOrderNo"));
    }
    let (_, server) = app.second_node().await;
    let mut tasks = Vec::new();
    for (index, order) in orders.iter().enumerate() {
        let body = if index % 8 == 7 {
            json!({"issueDate": "2026-03-01", "buyerTaxNo": "12"})
        } else {
            json!({"issueDate": "2026-03-01"})
        };
        let request =
            request(&app.token, Method::POST, &format!("/v2/salesorder/{order}/tax-invoice"), &[], Some(body));
        let server = server.clone();
        tasks.push(tokio::spawn(async move { answer(&server, request).await }));
    }
    let mut numbers = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.status == 200 {
            numbers.push(text(&answer, "taxDocumentNo"));
        }
    }
    numbers.sort_unstable();
    let expected: Vec<String> = (2..=57).map(|number| format!("INV00000-26-{number:06}")).collect();
    assert_eq!(numbers, expected);
}

//! What an erasure leaves of what a person was offered, ordered and paid: the tax documents as they were issued, and for the books
//! products, amounts, days and numbers.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{declare, market, page, path_of, quote, sell, setting, text};
use crate::app::TestApp;
use crate::privacy::{ask, asked, request, start};
use crate::scan::{columns, places};

/// A quotation of the person, who is named wherever something can be typed in.
fn offer(more: Value) -> Value {
    let body = json!({"customerCode": "C-7", "quotationStatus": 4, "quotationSubject": "Rings for Quartz",
        "contactName": "Quartz Wife", "recipientName": "Quartz Receiver", "recipientAddress": "Quartz Lane",
        "quotationNote": "Quartz note", "remark": "Quartz remark", "privateNote": "Quartz secret", "referenceNo": "PO of Quartz",
        "paymentTerm": "Quartz pays later", "discountType": false, "discountValue": 1, "discountName": "Quartz discount",
        "quotationDetails": [{"productCode": "10001", "qty": 2, "price": 100, "vatTaxValue": 7,
                              "productDescription": "Engraved: Quartz"}]});
    super::with(body, more)
}

async fn link(app: &TestApp, number: &str) -> String {
    let made = app.post(&format!("/v1/quotation/{number}/link"), json!({})).await;
    path_of(made.data()["url"].as_str().unwrap()).to_owned()
}

/// The order of the offer that the person accepts, with its invoice and its receipt.
async fn bought(app: &TestApp) -> (String, String, String) {
    let number = text(&quote(app, offer(json!({}))).await, "quotationNo");
    app.post("/v2/quotation", json!({"quotationNo": number, "remark": "Quartz again"})).await.data();
    declare(app, &link(app, &number).await, "answer=accept&name=Quartz+Marker").await;
    let order = app.post(&format!("/v1/quotation/{number}/convert-to-salesorder"), json!({})).await;
    let order = text(&order, "salesOrderNo");
    let paid = json!({"amount": 212.93, "method": "transfer", "reference": "KBANK-1", "note": "Quartz paid"});
    let paid = app.post(&format!("/v2/salesorder/{order}/payments"), paid).await;
    assert_eq!(paid.data()["paymentState"], "paid");
    let invoice = app.post(&format!("/v2/salesorder/{order}/tax-invoice"), json!({"issueDate": "2026-01-15"})).await;
    assert_eq!(
        (&invoice.data()["buyer"]["name"], &invoice.data()["buyer"]["address"]),
        (&json!("Quartz Marker Ltd."), &json!("Office 99 Gypsum Road"))
    );
    let receipt = app.post(&format!("/v2/salesorder/{order}/receipt"), json!({"issueDate": "2026-01-15"})).await;
    (order, text(&invoice, "taxDocumentNo"), text(&receipt, "taxDocumentNo"))
}

/// Documents that came to nothing, each with a reason; answers the link to an offer that is still open.
async fn not_bought(app: &TestApp) -> String {
    let declined = text(&quote(app, offer(json!({}))).await, "quotationNo");
    declare(app, &link(app, &declined).await, "answer=decline&name=Quartz&reason=Quartz+thinks+it+too+dear").await;
    let order =
        sell(app, json!({"customerCode": "C-7", "salesOrderNote": "Quartz note", "trackingNo": "TH-QUARTZ"})).await;
    let cancel = format!("/v2/salesorder/{}/cancel", text(&order, "salesOrderNo"));
    app.post(&cancel, json!({"reason": "Quartz changed her mind"})).await.data();
    let open = text(&quote(app, offer(json!({}))).await, "quotationNo");
    let path = link(app, &open).await;
    // By the rules from now on a person decides, and says why.
    setting(app, json!({"sales": {"approveAbove": 50}})).await.data();
    let dear = text(&quote(app, offer(json!({}))).await, "quotationNo");
    let rejected = app.post(&format!("/v1/quotation/{dear}/reject"), json!({"reason": "Quartz never pays"})).await;
    assert_eq!(rejected.data()["approval"]["reason"], "Quartz never pays", "{rejected:?}");
    path
}

async fn document(app: &TestApp, number: &str) -> Value {
    app.get(&format!("/v1/taxdocuments/{number}")).await.data().clone()
}

#[tokio::test]
async fn the_law_and_the_books_keep_what_they_need_and_nothing_else_names_the_person() {
    let app = market().await;
    let profile =
        json!({"taxNo": "0105561000003", "address": "99 ถนนสีลม", "branches": [{"code": "00000", "name": "HQ"}]});
    setting(&app, profile).await.data();
    let customer = json!({"customerCode": "C-7", "customerName": "Quartz Marker Ltd.", "customerState": 3, "customerType": 1,
        "addresses": [{"locationAddress": "99 Gypsum Road", "locationName": "Office", "locationType": 1}]});
    app.post("/v3/customers", customer).await.data();
    sell(&app, json!({"remark": "Granite's own"})).await.data();
    let (order, invoice, receipt) = Box::pin(bought(&app)).await;
    let path = Box::pin(not_bought(&app)).await;
    assert_eq!(page(&app, &path).await.status, 200);
    app.run_jobs().await;
    let columns = columns(&app).await;
    let before = places(&app, &columns, "quartz").await;
    for place in [
        "audit.changes",
        "customer.name",
        "quotation.acceptance",
        "quotation.approval",
        "quotation.lines",
        "quotation.reason",
        "quotation.terms",
        "quotation_revision.body",
        "sales_order.lines",
        "sales_order.reason",
        "sales_order.terms",
        "sales_order.tracking_no",
        "sales_payment.note",
        "tax_document.body",
    ] {
        assert!(before.iter().any(|known| known == place), "the scan finds it in {place}: {before:?}");
    }
    let issued = (document(&app, &invoice).await, document(&app, &receipt).await);
    let sold = app.get("/v1/sales/report?by=month").await.data().clone();
    let ordered = app.get(&format!("/v2/salesorder/{order}")).await.data().clone();

    let id = ask(&app, asked("erasure", "C-7")).await;
    assert_eq!(start(&app, id).await.status, 200);
    app.run_jobs().await;
    assert_eq!(request(&app, id).await["state"], "done");
    for marker in ["quartz", "gypsum"] {
        let mut left = places(&app, &columns, marker).await;
        left.retain(|place| !place.starts_with("tax_document."));
        assert_eq!(left, Vec::<String>::new(), "{marker}");
    }
    assert!(!places(&app, &columns, "Granite's own").await.is_empty(), "others lose nothing");

    // As they were issued, with whom they name; and cancelled only as the law has it.
    assert_eq!((document(&app, &invoice).await, document(&app, &receipt).await), issued);
    let found = app.post("/v1/taxdocuments/enquiry", json!({"salesOrderNo": order})).await;
    assert_eq!(found.body["total"], 2);
    // The books go on saying what was sold and paid.
    let read = app.get(&format!("/v2/salesorder/{order}")).await;
    let data = read.data();
    for kept in [
        "salesOrderNo",
        "salesOrderDate",
        "salesOrderStatus",
        "subTotal",
        "totalVat",
        "grandTotal",
        "paidAmount",
        "paymentState",
        "invoiceInfo",
        "quotationNo",
        "discountValue",
        "customerId",
        "customerCode",
    ] {
        assert_eq!(data[kept], ordered[kept], "{kept}");
    }
    let line = |of: &Value| {
        let line = &of["salesorderDetails"][0];
        json!([line["productCode"], line["productName"], line["qty"], line["price"], line["totalPrice"]])
    };
    assert_eq!(line(data), line(&ordered));
    assert_eq!((&data["grandTotal"], &data["customerName"]), (&json!(212.93), &json!("(erased)")));
    for gone in [
        "recipientName",
        "recipientAddress",
        "contactName",
        "remark",
        "salesOrderNote",
        "privateNote",
        "referenceNo",
        "paymentTerm",
        "discountName",
    ] {
        assert_eq!(data[gone], Value::Null, "{gone}");
    }
    assert_eq!(data["salesorderDetails"][0]["productDescription"], Value::Null);
    let payments = app.get(&format!("/v2/salesorder/{order}/payments")).await;
    let payment = &payments.data()["value"][0];
    assert_eq!(
        (&payment["amount"], &payment["reference"], &payment["receiptNo"], &payment["note"]),
        (&json!(212.93), &json!("KBANK-1"), &json!(receipt), &Value::Null)
    );
    assert_eq!(app.get("/v1/sales/report?by=month").await.data(), &sold);
    // Nobody declares anything any more.
    assert_eq!(page(&app, &path).await.status, 404);
    assert_eq!(declare(&app, &path, "answer=accept&name=Quartz").await.status, 404);
    let note = app.post(&format!("/v1/taxdocuments/{invoice}/credit-note"), json!({"reason": "คืนสินค้า"})).await;
    assert_eq!(
        (&note.data()["buyer"], &note.data()["grandTotal"]),
        (&issued.0["buyer"], &json!(212.93)),
        "an invoice can still be cancelled: {note:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_during_an_erasure_stays_handed_over() {
    let app = market().await;
    let customer = json!({"customerCode": "C-7", "customerName": "Quartz", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", customer).await.data();
    let mut orders = Vec::new();
    for _ in 0..10 {
        let lines = json!([{"productCode": "10001", "qty": 1, "price": 100, "productDescription": "Engraved: Quartz"}]);
        let made = sell(&app, json!({"customerCode": "C-7", "salesOrderDetails": lines})).await;
        orders.push(text(&made, "salesOrderNo"));
    }
    let id = ask(&app, asked("erasure", "C-7")).await;
    assert_eq!(start(&app, id).await.status, 200);
    let deliver = async |order: &String| {
        app.post(&format!("/v2/salesorder/{order}/delivery"), json!({"items": [{"productCode": "10001", "qty": 1}]}))
            .await
    };
    let (answers, _) = tokio::join!(join_all(orders.iter().map(deliver)), app.run_jobs());
    app.run_jobs().await;
    assert_eq!(request(&app, id).await["state"], "done");
    for (order, answer) in orders.iter().zip(answers) {
        assert_eq!(answer.status, 200, "{answer:?}");
        let shown = app.get(&format!("/v2/salesorder/{order}")).await;
        let line = &shown.data()["salesorderDetails"][0];
        assert_eq!((&line["deliveredQty"], &line["productDescription"]), (&json!(1), &Value::Null), "{line:#}");
    }
}

//! What a quotation or an order must have before it leaves the draft: approval by the rules of today, stock, and days to go.

use serde_json::{Value, json};

use super::{market, quote, sell, setting, stock, text, with};
use crate::app::{Answer, TestApp};

async fn requote(app: &TestApp, number: &str, changes: Value) -> Answer {
    app.post("/v2/quotation", with(json!({"quotationNo": number}), changes)).await
}

async fn act(app: &TestApp, number: &str, what: &str) -> Answer {
    app.post(&format!("/v1/quotation/{number}/{what}"), json!({"reason": "why"})).await
}

/// `[status, state, why]`
fn stands(answer: &Answer, status: &str) -> Value {
    let data = answer.data();
    json!([data[status], data["approval"]["state"], data["approval"]["why"]])
}

#[tokio::test]
async fn a_draft_that_is_older_than_a_rule_is_approved_too() {
    let app = market().await;
    let dear = json!({"quotationDetails": [{"productCode": "10001", "qty": 5, "price": 300}]});
    let number = text(&quote(&app, dear.clone()).await, "quotationNo");
    let cheap = json!({"quotationDetails": [{"productCode": "10001", "qty": 1, "price": 300}]});
    let other = text(&quote(&app, cheap).await, "quotationNo");
    let sent = text(&quote(&app, with(dear, json!({"quotationStatus": 4}))).await, "quotationNo");
    setting(&app, json!({"sales": {"approveAbove": 1000}})).await.data();
    for what in ["link", "convert-to-salesorder"] {
        assert_eq!(act(&app, &number, what).await.errors(), [("conflict", "quotationNo")], "{what}");
    }
    let read = app.get(&format!("/v1/quotation/{number}")).await;
    assert_eq!(stands(&read, "quotationStatus"), json!([1, null, null]));
    act(&app, &other, "link").await.data();
    act(&app, &sent, "link").await.data();
    assert_eq!(
        stands(&requote(&app, &number, json!({"quotationStatus": 4})).await, "quotationStatus"),
        json!([2, "waiting", ["amount"]])
    );
    act(&app, &number, "approve").await.data();
    act(&app, &number, "link").await.data();
    // A rule that is gone keeps nothing back, and what is sent then stays sent.
    let waits = json!({"quotationStatus": 4, "quotationDetails": [{"productCode": "10001", "qty": 4, "price": 300}]});
    let number = text(&quote(&app, waits).await, "quotationNo");
    requote(&app, &number, json!({"quotationStatus": 1})).await.data();
    setting(&app, json!({"sales": {"approveAbove": null}})).await.data();
    for _ in 0..2 {
        act(&app, &number, "link").await.data();
    }
}

#[tokio::test]
async fn an_offer_leaves_the_draft_with_its_stock() {
    let app = market().await;
    let number =
        text(&quote(&app, json!({"quotationDetails": [{"productCode": "10001", "qty": 11}]})).await, "quotationNo");
    let short = [("insufficient_stock", "quotationDetails[0].qty")];
    for status in [2, 3, 4] {
        let refused = requote(&app, &number, json!({"quotationStatus": status})).await;
        assert_eq!((refused.status, refused.errors()), (409, short.to_vec()), "{status}");
    }
    assert_eq!(act(&app, &number, "link").await.errors(), short);
    requote(&app, &number, json!({"quotationStatus": 7})).await.data();
    assert_eq!(act(&app, &number, "link").await.errors(), [("conflict", "quotationStatus")], "it is cancelled");

    // What was refused is offered anew, and others have bought meanwhile.
    let lines = json!({"quotationStatus": 4, "quotationDetails": [{"productCode": "10001", "qty": 10}]});
    let number = text(&quote(&app, lines).await, "quotationNo");
    sell(&app, json!({"salesOrderStatus": 3})).await.data();
    assert_eq!(stock(&app, "10001").await, json!([8, 0, 8]));
    requote(&app, &number, json!({"quotationStatus": 6, "reason": "too dear"})).await.data();
    assert_eq!(requote(&app, &number, json!({"quotationStatus": 4})).await.errors(), short);
    assert_eq!(act(&app, &number, "link").await.errors(), short);
    requote(&app, &number, json!({"quotationStatus": 1})).await.data();
    setting(&app, json!({"allowNegativeStock": true})).await.data();
    act(&app, &number, "link").await.data();
}

#[tokio::test]
async fn what_was_refused_waits_again_without_a_rule_too() {
    let app = market().await;
    let number = text(&quote(&app, json!({"quotationStatus": 2})).await, "quotationNo");
    act(&app, &number, "reject").await.data();
    assert_eq!(act(&app, &number, "link").await.errors(), [("conflict", "quotationNo")]);
    let waits = json!([2, "waiting", ["refused"]]);
    let set = async |status: i64| {
        stands(&requote(&app, &number, json!({"quotationStatus": status})).await, "quotationStatus")
    };
    assert_eq!(set(4).await, waits);
    // Nor is there a way round it.
    set(1).await;
    assert_eq!(act(&app, &number, "link").await.errors(), [("conflict", "quotationNo")]);
    assert_eq!(set(3).await, waits);
    assert_eq!(act(&app, &number, "approve").await.data()["quotationStatus"], 3);
    assert_eq!(set(4).await, json!([4, "approved", ["refused"]]));
    // Another offer is judged by the rules alone.
    let number = text(&quote(&app, json!({"quotationStatus": 2})).await, "quotationNo");
    act(&app, &number, "reject").await.data();
    let cheaper = json!({"quotationStatus": 4, "discountType": false, "discountValue": 1});
    assert_eq!(requote(&app, &number, cheaper).await.data()["quotationStatus"], 4);

    let number = text(&sell(&app, json!({"salesOrderStatus": 1})).await, "salesOrderNo");
    let path = |what: &str| format!("/v2/salesorder/{number}/{what}");
    app.post(&path("reject"), json!({"reason": "why"})).await.data();
    for _ in 0..2 {
        let again = app.post("/v2/salesorder", json!({"salesOrderNo": number, "salesOrderStatus": 2})).await;
        assert_eq!(stands(&again, "salesOrderStatus"), json!([1, "waiting", ["refused"]]));
    }
    assert_eq!(app.post(&path("approve"), json!({})).await.data()["salesOrderStatus"], 2);
}

#[tokio::test]
async fn a_quotation_is_over_when_its_day_is_and_not_when_a_job_has_noted_it() {
    let app = market().await;
    let sent = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let draft = text(&quote(&app, json!({})).await, "quotationNo");
    app.sql("update quotation set valid_until = '2023-02-04'").await;
    assert_eq!(app.get(&format!("/v1/quotation/{sent}")).await.data()["isExpired"], true);
    for (number, what) in [(&sent, "convert-to-salesorder"), (&draft, "convert-to-salesorder"), (&draft, "link")] {
        let refused = act(&app, number, what).await;
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "quotationNo")]), "{what}");
        assert!(refused.text.contains("valid until 2023-02-04"), "{refused:?}");
    }
}

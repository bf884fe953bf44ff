//! Quotations: statuses, approval, the order that one becomes, and what the customer does.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{declare, market, page, path_of, quote, sell, setting, stock, text, with};
use crate::app::{Answer, TestApp, answer, request};

#[tokio::test]
async fn a_quotation_goes_its_way() {
    let app = market().await;
    let made = quote(&app, json!({"quotationNote": "first", "quotationDate": "4/1/2566"})).await;
    let number = text(&made, "quotationNo");
    assert!(number.starts_with("QT2301-"), "{number}");
    assert_eq!(
        (&made.data()["quotationDate"], &made.data()["isExpired"]),
        (&json!("2023-01-04T00:00:00+0700"), &json!(false))
    );
    let set = async |changes: Value| app.post("/v2/quotation", with(json!({"quotationNo": number}), changes)).await;
    // What is absent stays; what is null is cleared.
    let kept = set(json!({"remark": "printed"})).await;
    assert_eq!(
        (&kept.data()["quotationNote"], &kept.data()["remark"], &kept.data()["grandTotal"]),
        (&json!("first"), &json!("printed"), &made.data()["grandTotal"])
    );
    let cleared = set(json!({"quotationNote": null})).await;
    assert_eq!((&cleared.data()["quotationNote"], &cleared.data()["revision"]), (&Value::Null, &json!(1)));
    assert_eq!(set(json!({"quotationStatus": 6})).await.errors(), [("conflict", "quotationStatus")]);
    assert_eq!(set(json!({"quotationStatus": 4})).await.data()["quotationStatus"], 4);
    let version = app.get(&format!("/v1/quotation/{number}")).await.header("etag").to_owned();
    let unchanged = set(json!({"quotationStatus": 4})).await;
    assert_eq!(unchanged.header("etag"), version, "nothing differs, so it keeps its version");
    // What the customer may have seen is kept.
    let lines = json!([{"productCode": "AB00025dddd", "qty": 3, "price": 9, "vatTaxValue": 7}]);
    let revised = set(json!({"quotationDetails": lines})).await;
    assert_eq!((&revised.data()["revision"], &revised.data()["subTotal"]), (&json!(2), &json!(27)));
    let revisions = app.get(&format!("/v1/quotation/{number}/revisions")).await;
    let value = revisions.data()["value"].as_array().unwrap();
    assert_eq!((value.len(), &value[1]["quotation"]["subTotal"]), (2, &json!(10)));
    let compared = app.get(&format!("/v1/quotation/{number}/revisions/compare?from=1&to=2")).await;
    let changes = &compared.data()["changes"];
    assert_eq!((&changes["subTotal"], &changes["quotationDetails[0].qty"]), (&json!([10, 27]), &json!([2, 3])));
    assert_eq!(app.get(&format!("/v1/quotation/{number}/revisions/compare?from=7")).await.status, 404);
    let stale = app
        .request(
            Method::POST,
            "/v2/quotation",
            &[("if-match", &version)],
            Some(json!({"quotationNo": number, "remark": "x"})),
        )
        .await;
    assert_eq!(stale.status, 412);
    let cancelled = app.post(&format!("/v1/quotation/{number}/cancel"), json!({"reason": "no money"})).await;
    assert_eq!((&cancelled.data()["quotationStatus"], &cancelled.data()["reason"]), (&json!(7), &json!("no money")));
    assert_eq!(
        app.post(&format!("/v1/quotation/{number}/cancel"), json!({})).await.status,
        200,
        "asked twice is asked once"
    );
    assert_eq!(set(json!({"remark": "late"})).await.errors(), [("conflict", "quotationNo")]);
    let audit = app.get(&format!("/v1/audit?ref=quotation/{number}")).await;
    let actions: Vec<&str> =
        audit.data()["value"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["cancelled", "updated", "sent", "updated", "updated", "created"]);
}

#[tokio::test]
async fn what_the_rules_demand_is_approved_first() {
    let app = market().await;
    let rules = json!({"sales": {"approveAbove": 1000, "approveDiscountAbove": 10, "approveMarginBelow": 20}});
    setting(&app, rules).await.data();
    let plain =
        quote(&app, json!({"quotationStatus": 4, "quotationDetails": [{"productCode": "10001", "qty": 1}]})).await;
    assert_eq!((&plain.data()["quotationStatus"], &plain.data()["approval"]), (&json!(4), &Value::Null));
    for (line, why) in [
        (json!({"productCode": "10001", "qty": 5, "price": 300}), json!(["amount"])),
        (
            json!({"productCode": "10001", "qty": 1, "price": 100, "discountType": true, "discountValue": 11}),
            json!(["discount"]),
        ),
        (json!({"productCode": "10001", "qty": 1, "price": 7}), json!(["margin"])),
    ] {
        let made = quote(&app, json!({"quotationStatus": 3, "quotationDetails": [line]})).await;
        assert_eq!((&made.data()["quotationStatus"], &made.data()["approval"]["why"]), (&json!(2), &why));
    }
    let dear = json!({"quotationStatus": 3, "quotationDetails": [{"productCode": "10001", "qty": 5, "price": 300}]});
    let number = text(&quote(&app, dear.clone()).await, "quotationNo");
    let path = |what: &str| format!("/v1/quotation/{number}/{what}");
    let convert = app.post(&path("convert-to-salesorder"), json!({})).await;
    assert_eq!(convert.errors(), [("conflict", "quotationNo")]);
    let editor = app.tenant(507, &["quotation:read", "quotation:write"]).await;
    let own = app.request_as(&editor.token, Method::POST, &path("approve"), Some(json!({}))).await;
    assert_eq!(own.errors(), [("missing_scope", "")]);
    let approved = app.post(&path("approve"), json!({"reason": "ลูกค้าเก่า"})).await;
    let data = approved.data();
    assert_eq!(
        (&data["quotationStatus"], &data["approval"]["state"], &data["approval"]["reason"]),
        (&json!(3), &json!("approved"), &json!("ลูกค้าเก่า"))
    );
    assert_eq!(app.post(&path("approve"), json!({})).await.errors(), [("conflict", "quotationStatus")]);
    // Another offer is another decision.
    let changed = app
        .post(
            "/v2/quotation",
            json!({"quotationNo": number, "quotationStatus": 4, "discountType": false, "discountValue": 1}),
        )
        .await;
    assert_eq!(
        (&changed.data()["quotationStatus"], &changed.data()["approval"]["state"]),
        (&json!(2), &json!("waiting"))
    );
    assert_eq!(app.post(&path("reject"), json!({})).await.errors(), [("required", "reason")]);
    assert_eq!(app.post(&path("reject"), json!({"reason": "too cheap"})).await.data()["quotationStatus"], 6);

    let made = sell(&app, json!({"salesOrderDetails": [{"productCode": "10001", "qty": 5, "price": 300}]})).await;
    assert_eq!((&made.data()["salesOrderStatus"], &made.data()["approval"]["state"]), (&json!(1), &json!("waiting")));
    assert_eq!(stock(&app, "10001").await, json!([10, 0, 10]));
    let path = format!("/v2/salesorder/{}/approve", text(&made, "salesOrderNo"));
    assert_eq!(app.post(&path, json!({})).await.data()["salesOrderStatus"], 2);
    assert_eq!(stock(&app, "10001").await, json!([10, 5, 5]));
}

#[tokio::test]
async fn what_is_given_away_or_of_unknown_worth_is_approved_first() {
    let app = market().await;
    let rules = async |sales: Value| setting(&app, json!({"sales": sales})).await.data().clone();
    let why = async |changes: Value| {
        let made = sell(&app, changes).await;
        json!([made.data()["salesOrderStatus"], made.data()["approval"]["why"]])
    };
    rules(json!({"approveMarginBelow": 20})).await;
    let waits = json!([1, ["margin"]]);
    for line in [
        json!({"productCode": "10001", "price": 0}),
        json!({"productCode": "10001", "price": -5}),
        json!({"productCode": "10001", "price": 100, "discountType": true, "discountValue": 100}),
    ] {
        assert_eq!(why(json!({"salesOrderDetails": [line]})).await, waits, "{line}");
    }
    let whole = json!({"discountType": true, "discountValue": 100});
    assert_eq!(why(whole).await, waits);
    rules(json!({"approveMarginBelow": null, "approveAbove": 1000})).await;
    let lines = json!([{"productCode": "10001", "price": 9}]);
    let foreign = |rate: Value| json!({"currencyCode": "KWD", "currencyRate": rate, "salesOrderDetails": lines});
    assert_eq!(why(foreign(Value::Null)).await, json!([1, ["amount"]]));
    assert_eq!(why(foreign(json!(110))).await, json!([2, null]));
}

#[tokio::test]
async fn a_decision_stands_until_what_was_judged_changes() {
    let app = market().await;
    setting(&app, json!({"sales": {"approveAbove": 1000}})).await.data();
    let dear = json!([{"productCode": "10001", "qty": 5, "price": 300}]);
    // `[status, state, reason]` of a quotation and an order: [refused, again, approved, after a note, after a change].
    let made = quote(&app, json!({"quotationStatus": 3, "quotationDetails": dear})).await;
    let number = text(&made, "quotationNo");
    let of = |answer: crate::app::Answer, status: &str| {
        let data = answer.data();
        json!([data[status], data["approval"]["state"], data["approval"]["reason"]])
    };
    let act = async |what: &str| {
        of(app.post(&format!("/v1/quotation/{number}/{what}"), json!({"reason": "why"})).await, "quotationStatus")
    };
    let set = async |changes: Value| {
        let body = with(json!({"quotationNo": number}), changes);
        of(app.post("/v2/quotation", body).await, "quotationStatus")
    };
    assert_eq!(act("reject").await, json!([6, "rejected", "why"]));
    assert_eq!(set(json!({"remark": "x"})).await, json!([6, "rejected", "why"]));
    assert_eq!(set(json!({"quotationStatus": 2})).await, json!([2, "waiting", null]));
    assert_eq!(act("approve").await, json!([3, "approved", "why"]));
    assert_eq!(set(json!({"privateNote": "x"})).await, json!([3, "approved", "why"]));
    assert_eq!(set(json!({"discountType": false, "discountValue": 1})).await, json!([2, "waiting", null]));

    let number = text(&sell(&app, json!({"salesOrderDetails": dear})).await, "salesOrderNo");
    let act = async |what: &str| {
        of(app.post(&format!("/v2/salesorder/{number}/{what}"), json!({"reason": "why"})).await, "salesOrderStatus")
    };
    let set = async |changes: Value| {
        let body = with(json!({"salesOrderNo": number}), changes);
        of(app.post("/v2/salesorder", body).await, "salesOrderStatus")
    };
    assert_eq!(act("reject").await, json!([4, "rejected", "why"]));
    assert_eq!(set(json!({"salesOrderStatus": 2})).await, json!([1, "waiting", null]));
    assert_eq!(act("approve").await, json!([2, "approved", "why"]));
    let notes = json!({"privateNote": "x", "remark": "x", "referenceNo": "PO-1", "salesOrderSubject": "Again"});
    assert_eq!(set(notes).await, json!([2, "approved", "why"]));
    assert_eq!(stock(&app, "10001").await, json!([10, 5, 5]));
    assert_eq!(set(json!({"discountType": false, "discountValue": 1})).await, json!([1, "waiting", null]));
}

#[tokio::test]
async fn an_order_keeps_the_reference_of_its_quotation() {
    let app = market().await;
    let number = text(&quote(&app, json!({"quotationStatus": 4, "referenceNo": "PO-77"})).await, "quotationNo");
    let convert =
        async |number: &str| app.post(&format!("/v1/quotation/{number}/convert-to-salesorder"), json!({})).await;
    let order = text(&convert(&number).await, "salesOrderNo");
    let read = app.get(&format!("/v2/salesorder/{order}")).await;
    assert_eq!((&read.data()["referenceNo"], &read.data()["quotationNo"]), (&json!("PO-77"), &json!(number)));
    // Completed by hand, in time.
    let number = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    app.post("/v2/quotation", json!({"quotationNo": number, "quotationStatus": 5})).await.data();
    let order = text(&convert(&number).await, "salesOrderNo");
    assert_eq!(app.get(&format!("/v2/salesorder/{order}")).await.data()["referenceNo"], number);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quotation_becomes_one_order_with_its_amounts() {
    let app = market().await;
    let details = json!([{"productCode": "10001", "qty": 3, "price": 33.335, "discountType": true, "discountValue": 33.333, "vatTaxValue": 7},
                         {"productCode": "AB00025dddd", "qty": 4, "vatTaxValue": 0, "whTaxValue": 3}]);
    let made = quote(
        &app,
        json!({"quotationStatus": 4, "discountType": false, "discountValue": 7.77, "quotationDetails": details}),
    )
    .await;
    let number = text(&made, "quotationNo");
    let path = format!("/v1/quotation/{number}/convert-to-salesorder");
    assert_eq!(app.post(&path, json!({"quotationNo": "other"})).await.errors(), [("invalid_value", "QuotationNo")]);
    let first = app.post(&path, json!({})).await;
    let second = app.post(&path, json!({})).await;
    assert_eq!(first.data(), second.data());
    let order = text(&first, "salesOrderNo");
    let read = app.get(&format!("/v2/salesorder/{order}")).await;
    for name in [
        "subTotal",
        "subTotalWithDiscount",
        "grandTotal",
        "totalVat",
        "totalWht",
        "taxes",
        "discountAmount",
        "customerCode",
        "staffCode",
    ] {
        assert_eq!(read.data()[name], made.data()[name], "{name}");
    }
    let prices = |lines: &Value| {
        lines.as_array().unwrap().iter().map(|l| (l["totalPrice"].clone(), l["vatAmount"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(prices(&read.data()["salesorderDetails"]), prices(&made.data()["quotationDetails"]));
    assert_eq!(
        (&read.data()["quotationNo"], &read.data()["referenceNo"], &read.data()["salesOrderStatus"]),
        (&json!(number), &json!(number), &json!(2))
    );
    let quotation = app.get(&format!("/v1/quotation/{number}")).await;
    assert_eq!((&quotation.data()["quotationStatus"], &quotation.data()["salesOrderNo"]), (&json!(5), &json!(order)));
    assert_eq!((stock(&app, "10001").await, stock(&app, "AB00025dddd").await), (json!([10, 3, 7]), json!([10, 4, 6])));
    let cancelled = app.post(&format!("/v2/salesorder/{order}/cancel"), json!({"reason": "changed their mind"})).await;
    assert_eq!((&cancelled.data()["salesOrderStatus"], &cancelled.data()["reservationId"]), (&json!(5), &Value::Null));
    assert_eq!(
        (stock(&app, "10001").await, stock(&app, "AB00025dddd").await),
        (json!([10, 0, 10]), json!([10, 0, 10]))
    );
    // Sixty-four who convert at once get one order.
    let sent = quote(&app, json!({"quotationStatus": 4})).await;
    let path = format!("/v1/quotation/{}/convert-to-salesorder", text(&sent, "quotationNo"));
    let (_, server) = app.second_node().await;
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let (server, request) = (server.clone(), request(&app.token, Method::POST, &path, &[], Some(json!({}))));
        tasks.push(tokio::spawn(async move { answer(&server, request).await }));
    }
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(text(&task.await.unwrap(), "salesOrderNo"));
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
}

#[tokio::test]
async fn a_customer_accepts_on_the_page() {
    let app = market().await;
    let draft = quote(&app, json!({"quotationSubject": "<b>\"Chairs\"</b>", "paymentTerm": "Net 30"})).await;
    let number = text(&draft, "quotationNo");
    let link = app.post(&format!("/v1/quotation/{number}/link"), json!({})).await;
    let path = path_of(link.data()["url"].as_str().unwrap()).to_owned();
    let shown = page(&app, &path).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(shown.header("content-security-policy").contains("default-src 'none'"));
    for words in [
        "ใบเสนอราคา",
        "4 มกราคม 2566",
        "Daisy Co., Ltd.",
        "&lt;b&gt;&quot;Chairs&quot;",
        "สิบบาทเจ็ดสิบสตางค์",
        "10.70 THB",
        "ยอมรับ",
    ] {
        assert!(shown.text.contains(words), "{words} in {}", shown.text);
    }
    assert!(!shown.text.contains("ใบกำกับภาษี") && !shown.text.contains("<script"));
    let english = page(&app, &format!("{path}?lang=en")).await;
    assert!(english.text.contains("4 January 2023") && english.text.contains("Ten baht and seventy satang only"));
    let mut wrong = path.clone();
    wrong.replace_range(wrong.len() - 3.., "AAA");
    for unknown in [wrong.as_str(), "/quotation/507-abc", "/quotation/x", &path.replace("/507-", "/508-")] {
        assert_eq!(page(&app, unknown).await.status, 404, "{unknown}");
    }
    // A name that nobody can read is none: blanks, U+200B, U+202E, a filler, signs.
    for nobody in ["+", "%E2%80%8B", "%E2%80%AE", "%E3%85%A4", "-"] {
        let refused = declare(&app, &path, &format!("answer=accept&name={nobody}")).await;
        assert!(refused.status == 400 && refused.text.contains("กรุณากรอกชื่อ"), "{nobody}: {refused:?}");
    }
    assert_eq!(declare(&app, &path, "answer=perhaps&name=Somchai").await.status, 400);
    let name = "%E2%80%AE%E0%B8%AA%E0%B8%A1%E2%80%8B%E0%B8%8A%E0%B8%B2%E0%B8%A2";
    let done = declare(&app, &path, &format!("answer=accept&name={name}&lang=th")).await;
    assert!(done.status == 200 && done.text.contains("ยอมรับใบเสนอราคาแล้วโดย สมชาย"), "{done:?}");
    declare(&app, &path, "answer=decline&name=Other").await;
    let read = app.get(&format!("/v1/quotation/{number}")).await;
    let data = read.data();
    let evidence = &data["acceptance"];
    assert_eq!(
        (&data["quotationStatus"], &evidence["name"], &evidence["isAccepted"]),
        (&json!(5), &json!("สมชาย"), &json!(true))
    );
    assert_eq!(
        (&evidence["ipAddress"], &evidence["userAgent"], &evidence["revision"]),
        (&json!("203.0.113.7"), &json!("Browser/1"), &json!(1))
    );
    assert_eq!(data["salesOrderNo"], Value::Null, "by this company's rules a person makes the order");
    let order = app.post(&format!("/v1/quotation/{number}/convert-to-salesorder"), json!({})).await;
    assert!(order.data()["salesOrderNo"].is_string());

    // By the rules of others the order is made at once; and what is declined is rejected.
    setting(&app, json!({"sales": {"convertOnAcceptance": true, "linkDays": 3}})).await.data();
    let number = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let url = text(&app.post(&format!("/v1/quotation/{number}/link"), json!({})).await, "url");
    declare(&app, path_of(&url), "answer=accept&name=Somchai").await;
    let read = app.get(&format!("/v1/quotation/{number}")).await;
    assert!(read.data()["salesOrderNo"].is_string(), "{read:?}");
    let number = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let url = text(&app.post(&format!("/v1/quotation/{number}/link"), json!({})).await, "url");
    let declined = declare(&app, path_of(&url), "answer=decline&name=Somchai&reason=too+dear&lang=en").await;
    assert!(declined.text.contains("Declined by Somchai"));
    let read = app.get(&format!("/v1/quotation/{number}")).await;
    assert_eq!((&read.data()["quotationStatus"], &read.data()["reason"]), (&json!(6), &json!("too dear")));
    // Another revision is another offer, and a link does not last.
    let number = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let url = text(&app.post(&format!("/v1/quotation/{number}/link"), json!({})).await, "url");
    app.post("/v2/quotation", json!({"quotationNo": number, "remark": "changed"})).await.data();
    assert_eq!(page(&app, path_of(&url)).await.status, 404);
    let url = text(&app.post(&format!("/v1/quotation/{number}/link"), json!({})).await, "url");
    assert_eq!(page(&app, path_of(&url)).await.status, 200);
    app.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(page(&app, path_of(&url)).await.status, 404);
}

/// The path of the page of a new quotation, and its number.
async fn offered(app: &TestApp, changes: Value) -> (String, String) {
    let number = text(&quote(app, changes).await, "quotationNo");
    let link = app.post(&format!("/v1/quotation/{number}/link"), json!({})).await;
    (path_of(link.data()["url"].as_str().unwrap()).to_owned(), number)
}

#[tokio::test]
async fn a_link_that_is_no_longer_good_says_so_on_a_page() {
    let app = market().await;
    let (path, number) = offered(&app, json!({})).await;
    let policy = page(&app, &path).await.header("content-security-policy").to_owned();
    app.post("/v2/quotation", json!({"quotationNo": number, "remark": "changed"})).await.data();
    let gone = |answer: &Answer, words: &str| {
        assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"), "{answer:?}");
        assert_eq!(
            (answer.header("content-security-policy"), answer.header("cache-control")),
            (&*policy, "private, no-store")
        );
        assert!(answer.text.contains(words) && !answer.text.contains(&number), "{}", answer.text);
    };
    let (thai, english) = ("ลิงก์นี้ใช้ไม่ได้แล้ว", "This link is no longer valid");
    for dead in [path.as_str(), "/quotation/x", "/quotation/507-abc"] {
        gone(&page(&app, dead).await, thai);
        gone(&page(&app, &format!("{dead}?lang=en")).await, english);
        gone(&page(&app, &format!("{dead}/document")).await, thai);
        gone(&page(&app, &format!("{dead}/document?lang=en")).await, english);
        gone(&declare(&app, dead, "answer=accept&name=Somchai&lang=en").await, english);
        gone(&declare(&app, dead, "answer=decline&name=Somchai").await, thai);
    }
    let browser = axum::http::Request::get("/quotation/x").header("accept-language", "en-GB,en;q=0.9");
    gone(&app.call(browser.body(axum::body::Body::empty()).unwrap()).await, english);
}

#[tokio::test]
async fn a_change_that_nobody_outside_sees_leaves_the_link_alone() {
    let app = market().await;
    setting(&app, json!({"allowNegativeStock": true})).await.data();
    app.post("/v1/setting/warehouses", json!({"name": "North"})).await.data();
    let (path, number) = offered(&app, json!({})).await;
    let change = async |changes: Value| app.post("/v2/quotation", with(json!({"quotationNo": number}), changes)).await;
    for (name, value) in
        [("privateNote", json!("call him")), ("contactId", json!(7)), ("warehouseCode", json!("North"))]
    {
        let changed = change(json!({name: value})).await;
        assert_eq!((&changed.data()["revision"], &changed.data()["quotationStatus"]), (&json!(1), &json!(4)), "{name}");
        assert_eq!(page(&app, &path).await.status, 200, "{name}");
    }
    assert_eq!(app.get(&format!("/v1/quotation/{number}")).await.data()["privateNote"], "call him");
    let revisions = app.get(&format!("/v1/quotation/{number}/revisions")).await;
    assert_eq!(revisions.data()["value"].as_array().unwrap().len(), 1);
    let shown = change(json!({"quotationNote": "printed", "privateNote": "again"})).await;
    assert_eq!((&shown.data()["revision"], page(&app, &path).await.status), (&json!(2), 404));
}

#[tokio::test]
async fn the_page_adds_up_as_the_document_does() {
    let app = market().await;
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 107, "vatTaxValue": 7, "whTaxValue": 3},
                       {"productCode": "AB00025dddd", "qty": 1, "price": 100}]);
    let terms = json!({"vatCalculation": false, "discountType": true, "discountValue": 10, "quotationDetails": lines});
    let (path, number) = offered(&app, terms).await;
    let data = app.get(&format!("/v1/quotation/{number}")).await.data().clone();
    assert_eq!((&data["netTotal"], &data["totalWht"]), (&json!(180), &json!(2.7)));
    let shown = page(&app, &format!("{path}?lang=en")).await.text;
    let foot = &shown[shown.find("<tfoot>").unwrap()..shown.find("</tfoot>").unwrap()];
    let cells = foot.split("<tr").skip(1).map(|row| {
        let cell = |tag: &str| row.split(&format!("</{tag}>")).next().unwrap().rsplit('>').next().unwrap();
        format!("{} {}", cell("th"), cell("td"))
    });
    assert_eq!(
        cells.collect::<Vec<_>>(),
        [
            "Subtotal 207.00",
            "Discount 10% -20.70",
            "After discount 186.30",
            "Net of VAT 180.00",
            "VAT 7% of 90.00 6.30",
            "Not taxed 90.00",
            "Grand total 186.30 THB",
            "Withholding tax -2.70",
            "Net to pay 183.60",
        ]
    );
}

#[tokio::test]
async fn the_page_names_the_company_in_its_language() {
    let app = market().await;
    setting(&app, json!({"name": "บริษัท สยามทูลส์ จำกัด", "nameEn": "Siam Tools Co., Ltd."})).await.data();
    let (path, _) = offered(&app, json!({})).await;
    let (thai, english) = ("<p class=\"company\">บริษัท สยามทูลส์ จำกัด<", "<p class=\"company\">Siam Tools Co., Ltd.<");
    assert!(page(&app, &format!("{path}?lang=th")).await.text.contains(thai));
    assert!(page(&app, &format!("{path}?lang=en")).await.text.contains(english));
    setting(&app, json!({"nameEn": null})).await.data();
    assert!(page(&app, &format!("{path}?lang=en")).await.text.contains(thai), "it has no other");
}

#[tokio::test]
async fn nobody_accepts_after_the_last_valid_day() {
    let app = market().await;
    let (path, number) = offered(&app, json!({})).await;
    // The night's work has not marked it yet.
    app.sql("update quotation set valid_until = '2023-02-04', is_expired = false").await;
    let refused = declare(&app, &path, "answer=accept&name=Somchai&lang=en").await;
    assert!(refused.status == 200 && refused.text.contains("This quotation is no longer valid"), "{refused:?}");
    let read = app.get(&format!("/v1/quotation/{number}")).await;
    assert_eq!((&read.data()["quotationStatus"], &read.data()["acceptance"]), (&json!(4), &Value::Null));
}

#[tokio::test]
async fn the_page_shows_discounts_and_the_places_of_the_currency() {
    let app = market().await;
    let line = json!({"productCode": "10001", "qty": 2, "price": 100, "discountType": true, "discountValue": 25});
    for (currency, words) in [
        ("THB", ["<td>100<br><small>Discount 25% -50.00</small></td>", "150.00 THB"]),
        ("JPY", ["<td>100<br><small>Discount 25% -50</small></td>", "<td>150 JPY</td>"]),
    ] {
        let made = quote(&app, json!({"currencyCode": currency, "quotationDetails": [line]})).await;
        let link = app.post(&format!("/v1/quotation/{}/link", text(&made, "quotationNo")), json!({})).await;
        let shown = page(&app, &format!("{}?lang=en", path_of(link.data()["url"].as_str().unwrap()))).await;
        assert!(words.iter().all(|words| shown.text.contains(words)), "{}", shown.text);
    }
}

#[tokio::test]
async fn a_quotation_goes_into_the_customer_s_room() {
    let app = market().await;
    let room = app.sandbox_room().await;
    let number = text(&quote(&app, json!({"quotationStatus": 1})).await, "quotationNo");
    let send = async |body: Value| app.post(&format!("/v1/quotation/{number}/send"), body).await;
    assert_eq!(send(json!({})).await.errors(), [("required", "roomId")]);
    assert_eq!(
        send(json!({"roomId": "x", "language": "fr"})).await.errors(),
        [("invalid_value", "language"), ("unknown_room", "roomId")]
    );
    app.request(Method::PUT, &format!("/v1/chat/rooms/{room}/customer"), &[], Some(json!({"customerCode": "daisy"})))
        .await
        .data();
    let sent = send(json!({})).await;
    let id = text(&sent, "messageId");
    let message = app.message(&id).await;
    assert_eq!((&message["type"], &message["roomId"]), (&json!("card"), &json!(room)));
    let content = message["content"].as_str().unwrap();
    assert!(
        content.contains("ใบเสนอราคา") && content.contains("10.70 THB") && content.contains("/quotation/507-"),
        "{content}"
    );
    app.run_jobs().await;
    assert_eq!(app.message(&id).await["deliveryStatus"], "delivered", "the sandbox shows it at once");
    assert_eq!(app.get(&format!("/v1/quotation/{number}")).await.data()["quotationStatus"], 4);
    let other = json!({"customerCode": "C2", "customerName": "Other", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", other).await.data();
    let theirs = text(&quote(&app, json!({"customerCode": "C2"})).await, "quotationNo");
    let wrong = app.post(&format!("/v1/quotation/{theirs}/send"), json!({"roomId": room})).await;
    assert_eq!(wrong.errors(), [("invalid_value", "roomId")]);
}

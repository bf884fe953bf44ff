//! Quotations and sales orders: what is accepted and answered, statuses, approval, conversion, stock, payments.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, answer, request};
use crate::import::{counts, import, undo};
use crate::stock::{item, put_products};

/// A company that can sell: a customer, a salesperson, and two products of which ten are in stock.
pub async fn market() -> TestApp {
    stocked(TestApp::new().await).await
}

/// The same on this server.
pub async fn stocked(app: TestApp) -> TestApp {
    let staff = json!({"staffCode": "Admin01", "email": "admin@example.com", "firstname": "Arun", "lastname": "Saelim",
                       "roleName": "Sales", "teamName": "Team A"});
    app.request(Method::PUT, "/v1/Employees", &[], Some(staff)).await.data();
    let customer = json!({"customerCode": "daisy", "customerName": "Daisy Co., Ltd.", "customerState": 3, "customerType": 1,
                          "addresses": [{"locationAddress": "1 Rama IV", "locationName": "Office", "locationType": 1}]});
    app.post("/v3/customers", customer).await.data();
    let mut products: Vec<Value> = ["AB00025dddd", "10001"].map(item).into();
    for product in &mut products {
        product["qty"] = json!(10);
        product["cost"] = json!(6);
    }
    put_products(&app, &products).await;
    app
}

pub fn quotation() -> Value {
    json!({"quotationSubject": "Test open api edit quotation", "quotationDate": "2023-01-04",
           "quotationValidUntil": "2099-02-04", "quotationStatus": 1, "customerCode": "daisy", "staffCode": "Admin01",
           "vatCalculation": true,
           "quotationDetails": [{"productCode": "AB00025dddd", "qty": 2, "discountType": false, "discountValue": 10, "vatTaxValue": 7}]})
}

pub fn order() -> Value {
    json!({"salesOrderSubject": "consoleapp openapi", "salesOrderDate": "2023-05-01", "salesOrderStatus": 2,
           "customerCode": "daisy", "staffCode": "Admin01", "referenceNo": "Q01230000005", "vatCalculation": true,
           "salesOrderDetails": [{"productCode": "10001", "qty": 2}]})
}

/// The same with other properties.
pub fn with(mut body: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub async fn quote(app: &TestApp, changes: Value) -> Answer {
    app.post("/v2/quotation", with(quotation(), changes)).await
}

pub async fn sell(app: &TestApp, changes: Value) -> Answer {
    app.post("/v2/salesorder", with(order(), changes)).await
}

pub fn text(answer: &Answer, field: &str) -> String {
    answer.data()[field].as_str().unwrap_or_else(|| panic!("{field}: {answer:?}")).to_owned()
}

/// `[qty, reserved, available]` of a product.
pub async fn stock(app: &TestApp, code: &str) -> Value {
    let stock = app.get(&format!("/v1/products/{code}/stock")).await.data().clone();
    json!([stock["qty"], stock["reserved"], stock["available"]])
}

async fn setting(app: &TestApp, body: Value) -> Answer {
    app.request(Method::PUT, "/v1/setting", &[], Some(body)).await
}

#[tokio::test]
async fn the_examples_of_the_reference_are_accepted_as_written() {
    let app = market().await;
    let example = json!({
        "quotationSubject": "Test open api edit quotation", "quotationDate": "2023-01-04", "quotationValidUntil": "2023-02-04",
        "quotationStatus": 1, "customerCode": "daisy", "staffCode": "Admin01", "referenceNo": "DRAFT2301000004",
        "vatCalculation": true,
        "quotationDetails": [{"productCode": "AB00025dddd", "qty": 2, "discountType": false, "discountValue": 10}]
    });
    let made = app.post("/v2/quotation", example.clone()).await;
    assert_eq!(made.data()["referenceNo"], "DRAFT2301000004", "{made:?}");
    // Once a quotation has that number, the older form of the request changes it.
    app.sql("update quotation set number = 'DRAFT2301000004', number_key = 'draft2301000004'").await;
    let changed = app.post("/v2/quotation", with(example, json!({"quotationSubject": "Again"}))).await;
    assert_eq!(
        (text(&changed, "quotationNo"), text(&changed, "quotationSubject")),
        ("DRAFT2301000004".into(), "Again".into())
    );
    let found = app.post("/v1/quotation/enquiry", json!({"take": 5, "skip": 0})).await;
    assert_eq!((&found.body["total"], found.data().as_array().unwrap().len()), (&json!(1), 1));
    let enquiry = json!({"take": 5, "skip": 0, "quotationDate": "2022-12-16", "staffCode": "Admin01",
                         "quotationNo": "Q12220000110", "customerCode": "daisy", "quotationStatus": 2});
    assert_eq!(app.post("/v1/quotation/enquiry", enquiry).await.data(), &json!([]));
    let sent = quote(&app, json!({"quotationStatus": 4})).await;
    app.sql("update quotation set number = 'Q01230000002', number_key = 'q01230000002' where status = 4").await;
    sent.data();
    let path = "/v1/quotation/Q01230000002/convert-to-salesorder";
    let order = app.post(path, json!({"QuotationNo": "Q01230000002"})).await;
    assert_eq!(order.body["status"]["code"], "1000", "{order:?}");
    let again = app.post(path, json!({"quotationNo": "q01230000002"})).await;
    assert_eq!(again.data(), order.data());

    app.sql("update sales_order set number = 'SO23010005', number_key = 'so23010005'").await;
    let example = json!({
        "salesOrderSubject": "consoleapp openapi", "salesOrderNo": "SO23010005", "salesOrderDate": "2023-05-01",
        "salesOrderStatus": 2, "customerCode": "daisy", "staffCode": "Admin01", "referenceNo": "Q01230000005",
        "vatCalculation": true, "salesOrderDetails": [{"productCode": "10001", "qty": 2}]
    });
    let changed = app.post("/v2/salesorder", example).await;
    assert_eq!(changed.data()["salesorderDetails"][0]["productCode"], "10001", "{changed:?}");
    assert_eq!(app.get("/v2/salesorder/SO23010005").await.status, 200);

    let plan = json!({"payment": {"valueType": 2, "schedulePayments": [
        {"installmentNumber": 1, "installmentValue": 50}, {"installmentNumber": 2, "installmentValue": 50}]}});
    let number = text(&sell(&app, plan).await, "salesOrderNo");
    let body = json!({"payments": [{"periodNo": 1, "status": 2}, {"periodNo": 2, "status": 1}]});
    let paid = app.request(Method::PUT, &format!("/v2/salesorder/{number}/payment"), &[], Some(body)).await;
    assert_eq!(paid.body, json!({"status": {"code": "1000", "description": "Success"}, "data": true}));
    let nothing = json!({"salesOrderIds": [], "reason": "string"});
    let rejected = app.request(Method::DELETE, "/v1/salesorders/reject", &[], Some(nothing)).await;
    assert_eq!((&rejected.body["statusCode"], &rejected.body["httpStatusCode"]), (&json!(1000), &json!(200)));
    let templates = app.get("/v2/salesorder/headerTemplate").await;
    assert_eq!(templates.data()[0]["headerTemplateId"], 1);

    put_products(&app, &[item("string")]).await;
    let customer = json!({"customerCode": "string", "customerName": "String", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", customer).await.data();
    let legacy = json!({"products": [{"code": "string", "qty": 0, "discount": 0}], "customerCodes": ["string"],
                        "dateOrder": "2021-09-18T06:18:08.058Z", "remark": "string"});
    let made = app.post("/v1/SalesOrders", legacy).await;
    let id = made.data()["salesOrderIds"][0].as_i64().unwrap();
    let old = app.get(&format!("/v1/salesorders/{id}")).await;
    let value = &old.data()["value"];
    assert_eq!((&value["saleOrderNo"], &value["orderType"]), (&made.data()["salesOrderNos"][0], &json!(1)));
    assert_eq!(
        (&value["dateOrder"], &value["customer"]["customerCode"]),
        (&json!("2021-09-18T00:00:00+0700"), &json!("string"))
    );
}

#[tokio::test]
async fn the_published_orders_come_to_their_totals() {
    let app = market().await;
    let first = json!({"vatCalculation": true, "discountType": false, "discountValue": 100, "discountName": "Special discount",
        "salesOrderStatus": 1,
        "salesOrderDetails": [
            {"productCode": "10001", "price": 1000, "qty": 2, "discountType": false, "discountValue": 50, "vatTaxValue": 7, "whtTaxValue": 3},
            {"productCode": "AB00025dddd", "price": 500, "qty": 5, "discountType": false, "discountValue": 175, "vatTaxValue": 7}]});
    let made = sell(&app, first).await;
    let data = made.data();
    let amounts = ["subTotal", "subTotalWithDiscount", "totalVat", "grandTotal", "totalWht", "netToReceive"];
    assert_eq!(
        amounts.map(|name| data[name].clone()),
        [4275.0, 4175.0, 292.25, 4467.25, 57.13, 4410.12].map(|n| json!(n)).map(whole)
    );
    assert_eq!(data["grandTotalInWords"], "สี่พันสี่ร้อยหกสิบเจ็ดบาทยี่สิบห้าสตางค์");
    let lines = data["salesorderDetails"].as_array().unwrap();
    assert_eq!((&lines[0]["totalPrice"], &lines[1]["totalPrice"]), (&json!(1950), &json!(2325)));
    assert_eq!(lines[1]["whtTaxValue"], Value::Null);
    for field in ["productDescription", "warehouseCode", "isShipping", "unitId", "whtTaxValue"] {
        assert!(lines[0].as_object().unwrap().contains_key(field), "{field} is null, never absent");
    }
    let second = json!({"vatCalculation": false, "discountType": true, "discountValue": 20, "currencyCode": "usd",
        "currencyRate": 35.5, "salesOrderStatus": 1,
        "salesOrderDetails": [
            {"productCode": "10001", "price": 800, "qty": 2, "discountType": true, "discountValue": 20, "vatTaxValue": 7},
            {"productCode": "AB00025dddd", "price": 1600, "qty": 1, "vatTaxValue": 7}]});
    let made = sell(&app, second).await;
    let data = made.data();
    let amounts = ["subTotal", "subTotalWithDiscount", "grandTotal", "totalVat", "companyGrandTotal"];
    assert_eq!(
        amounts.map(|name| data[name].clone()),
        [json!(2880), json!(2304), json!(2304), json!(150.73), json!(81792)]
    );
    assert_eq!((&data["currencyCode"], &data["grandTotalInWords"]), (&json!("USD"), &Value::Null));
    // What is read later is what was stored, also after the product's price and the company's rates have changed.
    let number = data["salesOrderNo"].as_str().unwrap();
    let read = app.get(&format!("/v2/salesorder/{}", number.to_lowercase())).await;
    assert_eq!(read.data(), data);
    let by_id = app.get(&format!("/v2/salesorder?salesOrderId={}", data["salesOrderId"])).await;
    assert_eq!(by_id.data(), data);
}

/// A number as JSON writes it without places.
fn whole(value: Value) -> Value {
    match value.as_f64() {
        Some(number) if number.fract() == 0.0 => json!(number.round().to_string().parse::<i64>().unwrap()),
        _ => value,
    }
}

#[tokio::test]
async fn every_fault_is_named() {
    let app = market().await;
    let empty = app.post("/v2/quotation", json!({})).await;
    let fields: Vec<&str> = empty.errors().into_iter().map(|(_, field)| field).collect();
    let required = [
        "quotationSubject",
        "quotationDate",
        "quotationValidUntil",
        "quotationStatus",
        "customerCode",
        "staffCode",
        "vatCalculation",
        "quotationDetails",
    ];
    assert!(required.iter().all(|field| fields.contains(field)), "{fields:?}");
    let wrong = quote(
        &app,
        json!({
            "customerCode": "nobody", "staffCode": "nobody", "quotationDate": "yesterday", "quotationStatus": 9,
            "currencyCode": "Baht", "discountValue": 5, "headerTemplateId": 99, "warehouseCode": "Moon",
            "quotationDetails": [
                {"productCode": "none"}, {"productCode": "10001", "qty": 1, "discountType": false, "discountValue": 11},
                {"productCode": "10001", "productUnitName": "gallon", "vatTaxValue": 101, "whTaxValue": 4.5},
                {"productCode": "10001", "price": "1.0000001", "discountValue": 1}]
        }),
    )
    .await;
    let errors = wrong.errors();
    for expected in [
        ("not_found", "customerCode"),
        ("not_found", "staffCode"),
        ("invalid_format", "quotationDate"),
        ("invalid_value", "quotationStatus"),
        ("invalid_format", "currencyCode"),
        ("required", "discountType"),
        ("not_found", "headerTemplateId"),
        ("not_found", "warehouseCode"),
        ("not_found", "quotationDetails[0].productCode"),
        ("out_of_range", "quotationDetails[1].discountValue"),
        ("not_found", "quotationDetails[2].productUnitName"),
        ("out_of_range", "quotationDetails[2].vatTaxValue"),
        ("not_found", "quotationDetails[2].whTaxValue"),
        ("out_of_range", "quotationDetails[3].price"),
        ("required", "quotationDetails[3].discountType"),
    ] {
        assert!(errors.contains(&expected), "{expected:?} in {errors:?}");
    }
    assert_eq!(app.get("/v1/quotation/nothing").await.status, 404);
    assert_eq!(app.post("/v2/quotation", with(quotation(), json!({"quotationNo": "nothing"}))).await.status, 404);
    // A rate that the company does not have is made; one that is out of use is refused.
    let vat = |rate: f64| json!({"quotationDetails": [{"productCode": "10001", "qty": 1, "vatTaxValue": rate}]});
    quote(&app, vat(10.75)).await.data();
    let rates = app.get("/v1/setting/vat-rates").await;
    let made =
        rates.data()["value"].as_array().unwrap().iter().find(|rate| rate["detail"]["rate"] == json!(10.75)).unwrap();
    app.request(Method::PUT, &format!("/v1/setting/vat-rates/{}", made["id"]), &[], Some(json!({"isActive": false})))
        .await
        .data();
    assert_eq!(quote(&app, vat(10.75)).await.errors(), [("invalid_value", "quotationDetails[0].vatTaxValue")]);
}

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
    assert_eq!(twice.errors(), [("taken", "serialNumbers")]);
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
    assert_eq!(stock(&app, "10001").await, json!([7, 0, 7]));
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
        sell(&app, json!({"salesOrderStatus": 3, "salesOrderDetails": [{"productCode": "10001", "qty": 7}]})).await;
    assert_eq!((&done.data()["salesOrderStatus"], stock(&app, "10001").await), (&json!(3), json!([0, 0, 0])));
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
    let convert = app
        .request_as(&token, Method::POST, &format!("/v1/quotation/{quotation}/convert-to-salesorder"), Some(json!({})))
        .await;
    assert_eq!(convert.errors(), [("conflict", "quotationNo")]);
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
async fn lists_are_filtered_and_ordered() {
    let app = market().await;
    let other = json!({"customerCode": "C2", "customerName": "Other", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", other).await.data();
    for (day, status, customer, price) in
        [("2023-01-01", 1, "daisy", 30), ("2023-01-02", 4, "C2", 10), ("2023-01-03", 4, "daisy", 20)]
    {
        let lines = json!([{"productCode": "10001", "qty": 1, "price": price}]);
        quote(&app, json!({"quotationDate": day, "quotationStatus": status, "customerCode": customer, "quotationDetails": lines, "recipientName": format!("คุณ {customer}")})).await.data();
    }
    let days = async |body: Value| {
        let found = app.post("/v1/quotation/enquiry", body).await;
        found
            .data()
            .as_array()
            .unwrap()
            .iter()
            .map(|q| q["quotationDate"].as_str().unwrap()[8..10].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(days(json!({"take": 10})).await, ["03", "02", "01"]);
    assert_eq!(days(json!({"take": 10, "quotationStatus": 4})).await, ["03", "02"]);
    assert_eq!(days(json!({"take": 10, "customerCode": "DAISY"})).await, ["03", "01"]);
    assert_eq!(days(json!({"take": 10, "quotationDate": "2023-01-02T10:00:00"})).await, ["02"]);
    assert_eq!(days(json!({"take": 10, "dateFrom": "2566-01-02", "orderBy": "-quotationDate"})).await, ["02", "03"]);
    assert_eq!(days(json!({"take": 10, "orderBy": "grandTotal"})).await, ["01", "03", "02"]);
    assert_eq!(days(json!({"take": 10, "keyword": "คุณ c2"})).await, ["02"]);
    assert_eq!(days(json!({"take": 10, "staffCode": "nobody"})).await, [""; 0]);
    assert_eq!(days(json!({"take": 1, "skip": 1})).await, ["02"]);
    let page = app.post("/v1/quotation/enquiry", json!({"take": 2})).await;
    assert_eq!(page.body["total"], 3);
    assert_eq!(days(json!({"take": 2, "cursor": page.body["next"]})).await, ["01"]);
    // Page by page in each order, amounts with places too: nothing is left out and nothing comes twice.
    let lines = json!([{"productCode": "10001", "qty": 1, "price": "20.55"}]);
    quote(&app, json!({"quotationDate": "2023-01-04", "quotationStatus": 4, "quotationDetails": lines})).await.data();
    for order in ["dateCreated", "quotationDate", "quotationNo", "grandTotal"] {
        for order in [order.to_owned(), format!("-{order}")] {
            let whole = days(json!({"take": 10, "orderBy": order})).await;
            let (mut pages, mut cursor) = (Vec::new(), Value::Null);
            while pages.len() < 10 {
                let page =
                    app.post("/v1/quotation/enquiry", json!({"take": 1, "orderBy": order, "cursor": cursor})).await;
                pages.extend(
                    page.data()
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|q| q["quotationDate"].as_str().unwrap()[8..10].to_owned()),
                );
                cursor = page.body["next"].clone();
                if cursor.is_null() {
                    break;
                }
            }
            assert_eq!(pages, whole, "{order}");
        }
    }
    let stranger = app.tenant(508, &["quotation:read", "salesorder:read"]).await;
    let theirs = app.request_as(&stranger.token, Method::POST, "/v1/quotation/enquiry", Some(json!({"take": 5}))).await;
    assert_eq!(theirs.data(), &json!([]));
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

/// A path of this server out of an address.
pub fn path_of(address: &str) -> &str {
    address.find("/quotation/").map(|at| &address[at..]).unwrap()
}

pub async fn page(app: &TestApp, path: &str) -> Answer {
    app.call(axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap()).await
}

pub async fn declare(app: &TestApp, path: &str, form: &str) -> Answer {
    let request = axum::http::Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "Browser/1")
        .header("x-forwarded-for", "203.0.113.7");
    app.call(request.body(axum::body::Body::from(form.to_owned())).unwrap()).await
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
    assert_eq!(declare(&app, &path, "answer=accept&name=+").await.status, 400);
    assert_eq!(declare(&app, &path, "answer=perhaps&name=Somchai").await.status, 400);
    let done = declare(&app, &path, "answer=accept&name=%E0%B8%AA%E0%B8%A1%E0%B8%8A%E0%B8%B2%E0%B8%A2&lang=th").await;
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
}

#[tokio::test]
async fn documents_name_their_deal_and_are_cancelled_with_it() {
    let app = market().await;
    let customer =
        json!({"customerCode": "rose", "customerName": "Rose Co., Ltd.", "customerState": 3, "customerType": 1});
    app.post("/v3/customers", customer).await.data();
    let board = crate::deal::entry(&app, "boards", None, "B", json!(null)).await;
    let stage = json!({"boardId": board, "kind": "open"});
    crate::deal::entry(&app, "stages", None, "Offer", stage).await;
    let stage = json!({"boardId": board, "kind": "missed"});
    let missed = crate::deal::entry(&app, "stages", None, "Missed", stage).await;
    let reason = crate::deal::entry(&app, "missed-reasons", None, "Too dear", json!(null)).await;
    let deal = json!({"customerCodes": ["daisy", "rose"], "boardId": board, "dealName": "Chairs", "probability": 20,
                      "dealValue": 10, "dealDate": "2025-01-01", "expectedCloseDate": "2025-02-01", "assignTo": "Admin01"});
    let deals = app.post("/v1/deals", deal).await.data()["deals"].clone();
    let (id, number) = (deals[0]["dealsId"].clone(), deals[0]["dealNo"].clone());

    assert_eq!(sell(&app, json!({"dealNo": "D0"})).await.errors(), [("not_found", "dealNo")]);
    assert_eq!(sell(&app, json!({"dealId": deals[1]["dealsId"]})).await.errors(), [("invalid_value", "dealId")]);
    assert_eq!(
        sell(&app, json!({"dealId": deals[1]["dealsId"], "dealNo": number})).await.errors(),
        [("not_found", "dealNo")]
    );
    let none = sell(&app, json!({"dealId": 0, "dealNo": "", "salesOrderStatus": 1})).await;
    assert_eq!((&none.data()["dealId"], &none.data()["dealNo"]), (&Value::Null, &Value::Null));

    // A conversion passes the deal on; what was read can be sent back.
    let quoted = quote(&app, json!({"quotationStatus": 4, "dealNo": number})).await;
    assert_eq!((&quoted.data()["dealId"], &quoted.data()["dealNo"]), (&id, &number), "{quoted:?}");
    let quotation_no = text(&quoted, "quotationNo");
    let moved = app.post("/v2/quotation", json!({"quotationNo": quotation_no, "customerCode": "rose"})).await;
    assert_eq!(moved.errors(), [("invalid_value", "customerCode")]);
    let path = format!("/v1/quotation/{quotation_no}/convert-to-salesorder");
    let converted = text(&app.post(&path, json!({})).await, "salesOrderNo");
    let read = app.get(&format!("/v2/salesorder/{converted}")).await;
    assert_eq!((&read.data()["dealId"], &read.data()["dealNo"]), (&id, &number));
    let draft = text(&sell(&app, json!({"dealId": id, "dealNo": number, "salesOrderStatus": 1})).await, "salesOrderNo");
    let same = app.post("/v2/salesorder", json!({"salesOrderNo": draft, "remark": "x", "dealId": id})).await;
    assert_eq!(same.data()["dealNo"], number);
    let found = app.post("/v2/salesorder/enquiry", json!({"dealNo": number})).await;
    assert_eq!(found.body["total"], 2, "{found:?}");
    assert_eq!(app.post("/v1/quotation/enquiry", json!({"dealId": id})).await.body["total"], 1);
    let page = app.get(&format!("/v1/deals/{id}/documents")).await;
    assert_eq!(page.data()["quotations"][0]["number"], json!(quotation_no), "{page:?}");
    assert_eq!(
        (&page.data()["salesOrders"][0]["number"], &page.data()["salesOrders"][1]["number"]),
        (&json!(draft), &json!(converted))
    );
    let reader = app.tenant(crate::app::COMPANY, &["deal:read", "deal:write"]).await;
    let page = app.request_as(&reader.token, Method::GET, &format!("/v1/deals/{id}/documents"), None).await;
    assert_eq!((&page.data()["quotations"], &page.data()["salesOrders"]), (&json!([]), &json!([])));

    // An order of which something was delivered stops all of it.
    let delivered =
        app.post(&format!("/v2/salesorder/{converted}/delivery"), json!({"items": [{"line": 0, "qty": 1}]})).await;
    assert_eq!(delivered.status, 200, "{delivered:?}");
    let away = json!({"dealStageId": missed, "reasonCategoryId": reason, "cancleAllOrder": true});
    let update = async |token: &str, body: Value| {
        app.request_as(token, Method::PUT, &format!("/v1/deals/{id}"), Some(body)).await
    };
    let refused = update(&app.token, away.clone()).await;
    assert_eq!(refused.errors(), [("conflict", "cancleAllOrder")], "{refused:?}");
    assert!(refused.body.to_string().contains(&converted), "{refused:?}");
    assert_eq!(app.get(&format!("/v1/deals/{id}")).await.data()["value"]["statusId"], 1, "nothing of it is done");
    assert_eq!(update(&reader.token, away.clone()).await.status, 403);
    let back = app.post(&format!("/v2/salesorder/{converted}/return"), json!({"items": [{"line": 0, "qty": 1}]})).await;
    assert_eq!(back.status, 200, "{back:?}");

    let lost = update(&app.token, away.clone()).await;
    assert_eq!(lost.data()["value"]["statusId"], 3, "{lost:?}");
    for order in [&draft, &converted] {
        let order = app.get(&format!("/v2/salesorder/{order}")).await;
        assert_eq!((&order.data()["salesOrderStatus"], &order.data()["reservationId"]), (&json!(5), &Value::Null));
        let history = app.get(&format!("/v1/audit?ref=sales_order/{}", text(&order, "salesOrderNo"))).await;
        assert_eq!(history.data()["value"][0]["action"], "cancelled", "{history:?}");
    }
    assert_eq!(stock(&app, "AB00025dddd").await, json!([10, 0, 10]));
    assert_eq!(update(&app.token, away).await.status, 200, "there is nothing left to cancel");
}

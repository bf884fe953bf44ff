//! Quotations and sales orders: what is accepted and answered, statuses, approval, conversion, stock, payments.

mod approval;
mod erasure;
mod money;
mod order;
mod quotation;
mod refused;
mod tax;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
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
    // Days beside statuses, whichever of them leads: both ends belong to the period.
    for order in ["dateCreated", "quotationDate"] {
        let of = async |narrowed: Value| days(with(json!({"take": 10, "orderBy": order}), narrowed)).await;
        assert_eq!(of(json!({"quotationStatus": 4, "dateFrom": "2023-01-02", "dateTo": "2023-01-02"})).await, ["02"]);
        assert_eq!(of(json!({"quotationStatuses": [1, 4], "dateFrom": "2023-01-02"})).await, ["03", "02"]);
        assert_eq!(of(json!({"quotationStatuses": [1, 4], "dateTo": "2023-01-02"})).await, ["02", "01"]);
        assert_eq!(of(json!({"quotationStatus": 1, "dateFrom": "2023-01-02"})).await, [""; 0]);
    }
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
    for day in ["2023-05-01", "2023-05-02"] {
        sell(&app, json!({"salesOrderDate": day, "salesOrderStatus": 1})).await.data();
    }
    for order in ["dateCreated", "salesOrderDate"] {
        let narrowed =
            json!({"salesOrderStatuses": [1], "dateFrom": "2023-05-02", "dateTo": "2023-05-02", "orderBy": order});
        let found = app.post("/v2/salesorder/enquiry", narrowed).await;
        assert_eq!(
            (found.data().as_array().unwrap().len(), &found.body["total"]),
            (1, &json!(1)),
            "{order}: {found:?}"
        );
        assert_eq!(&found.data()[0]["salesOrderDate"].as_str().unwrap()[..10], "2023-05-02");
    }
    let stranger = app.tenant(508, &["quotation:read", "salesorder:read"]).await;
    let theirs = app.request_as(&stranger.token, Method::POST, "/v1/quotation/enquiry", Some(json!({"take": 5}))).await;
    assert_eq!(theirs.data(), &json!([]));
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

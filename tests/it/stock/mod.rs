//! Stock: quantities, movements, warehouses, reservations, bundles, and that nothing is sold twice.

mod ledger;
mod reserved;

use std::time::Duration;

use axum::http::Method;
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp};
use crate::receiver::Receiver;

/// A product of which stock is kept.
pub fn item(code: &str) -> Value {
    json!({"productCode": code, "productName": format!("Product {code}"), "category": "General", "cost": 1,
           "productUnitName": "ชิ้น", "prices": [{"priceTierName": "Normal Price", "regularPrice": 10}],
           "trackInventory": true, "useWarranty": false, "visibility": true, "active": true})
}

/// Writes products, none of which may be at fault.
pub async fn put_products(app: &TestApp, products: &[Value]) {
    let accepted = app.post("/v3/products", json!({"products": products})).await;
    let ticket = accepted.data()["ticketId"].clone();
    app.run_jobs().await;
    let ticket = app.get(&format!("/tickets/{ticket}")).await;
    assert_eq!((&ticket.data()["state"], &ticket.data()["failed"]), (&json!("done"), &json!(0)), "{ticket:?}");
}

/// A server whose company has these products.
async fn shop(codes: &[&str]) -> TestApp {
    let app = TestApp::new().await;
    put_products(&app, &codes.iter().map(|code| item(code)).collect::<Vec<_>>()).await;
    app
}

async fn set(app: &TestApp, body: Value) -> Answer {
    app.request(Method::PUT, "/v1/products/stock", &[], Some(body)).await
}

/// Sets one quantity, which must be possible.
async fn set_one(app: &TestApp, code: &str, qty: Value) {
    let answer = set(app, json!([{"productCode": code, "qty": qty}])).await;
    assert_eq!(answer.body["data"][0]["isSuccess"], true, "{answer:?}");
}

async fn stock(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v1/products/{code}/stock")).await.data().clone()
}

/// `[qty, reserved, available]` in all warehouses.
async fn three(app: &TestApp, code: &str) -> Value {
    let stock = stock(app, code).await;
    json!([stock["qty"], stock["reserved"], stock["available"]])
}

/// Movements as `[delta, balance, reason, document]`, the latest first.
async fn movements(app: &TestApp, code: &str, query: &str) -> Vec<Value> {
    let answer = app.get(&format!("/v1/products/{code}/movements{query}")).await;
    let rows = answer.data()["value"].as_array().unwrap();
    rows.iter().map(|row| json!([row["delta"], row["balance"], row["reason"], row["document"]])).collect()
}

async fn sell(app: &TestApp, document: &str, code: &str, qty: Value) -> Answer {
    let body = json!({"document": document, "items": [{"productCode": code, "qty": qty}]});
    app.post("/v1/products/stock/sales", body).await
}

async fn reserve(app: &TestApp, document: &str, code: &str, qty: i64) -> Answer {
    let body = json!({"document": document, "items": [{"productCode": code, "qty": qty}]});
    app.post("/v1/products/reservations", body).await
}

async fn warehouse(app: &TestApp, name: &str) -> i64 {
    app.post("/v1/setting/warehouses", json!({"name": name})).await.data()["id"].as_i64().unwrap()
}

async fn allow_negative(app: &TestApp, is_allowed: bool) {
    app.request(Method::PUT, "/v1/setting", &[], Some(json!({"allowNegativeStock": is_allowed}))).await.data();
}

#[tokio::test]
async fn quantities_are_set_item_by_item_in_the_documented_shape() {
    let app = shop(&["A001", "A002", "A003"]).await;
    let documented = json!([{"productCode": "A001", "qty": 20}, {"productCode": "A002", "qty": 20}, {"productCode": "A003", "qty": 20}]);
    let done = set(&app, documented.clone()).await;
    let expected = r#"{"data":[{"productCode":"A001","qty":20,"isSuccess":true},{"productCode":"A002","qty":20,"isSuccess":true},{"productCode":"A003","qty":20,"isSuccess":true}],"statusCode":1000,"httpStatusCode":200}"#;
    assert_eq!((done.status, done.text.as_str()), (200, expected));
    // It sets: once more is the same, and no movement.
    assert_eq!(set(&app, documented).await.text, expected);
    assert_eq!(movements(&app, "A001", "").await, [json!([20, 20, "set", null])]);
    assert_eq!(app.get("/v2/products/a001").await.data()["qty"], 20);
    // Each item for itself, in order: text for a number, a code twice, one that is unknown, one that cannot be read.
    let mixed = json!([
        {"productCode": "a001", "qty": "12.5"}, {"productCode": "nobody", "qty": 1}, {"ProductCode": "A001", "QTY": 7},
        {"productCode": "A002", "qty": -1}, {"productCode": "A002", "qty": "many"}, {"qty": 3}, 5,
        {"productCode": "A003", "qty": 1, "warehouse": "Nowhere"}
    ]);
    let done = set(&app, mixed).await;
    assert_eq!((done.status, &done.body["statusCode"], &done.body["httpStatusCode"]), (200, &json!(4002), &json!(200)));
    let rows: Vec<Value> = done.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!([
                row["productCode"],
                row["qty"],
                row["isSuccess"],
                row["error"]["code"],
                row["error"]["errors"][0]["field"]
            ])
        })
        .collect();
    assert_eq!(
        rows,
        [
            json!(["a001", 12.5, true, null, null]),
            json!(["nobody", 1, false, "not_found", "productCode"]),
            json!(["A001", 7, true, null, null]),
            json!(["A002", -1, false, "out_of_range", "qty"]),
            json!(["A002", null, false, "invalid_type", "qty"]),
            json!(["", 3, false, "required", "productCode"]),
            json!(["", null, false, "invalid_type", ""]),
            json!(["A003", 1, false, "not_found", "warehouse"]),
        ]
    );
    assert!(done.body["data"][0].get("error").is_none(), "an item that succeeds has no error");
    assert_eq!(
        movements(&app, "A001", "?take=2").await,
        [json!([-5.5, 7, "set", null]), json!([-7.5, 12.5, "set", null])]
    );
    assert_eq!(three(&app, "A002").await, json!([20, 0, 20]));
    // One fault alone; a single item without its list.
    let one = set(&app, json!({"productCode": "nobody", "qty": 1})).await;
    assert_eq!((&one.body["statusCode"], one.body["data"].as_array().unwrap().len()), (&json!(4001), 1));
    assert_eq!(set(&app, json!({"productCode": "A001", "qty": 1})).await.body["data"][0]["isSuccess"], true);
    assert_eq!(set(&app, json!([])).await.body, json!({"data": [], "statusCode": 1000, "httpStatusCode": 200}));
    for wrong in [json!("text"), json!(5), Value::Null] {
        let refused = set(&app, wrong).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_body", "")]));
    }
    assert_eq!(app.request(Method::PUT, "/v1/products/stock", &[], None).await.status, 400);
}

#[tokio::test]
async fn products_out_of_use_have_stock_and_deleted_ones_and_parents_have_none() {
    let app = TestApp::new().await;
    app.post("/v1/setting/attributes", json!({"name": "Size", "detail": {"values": ["S", "M"]}})).await;
    let mut parent = item("shirt");
    parent["productVariant"] = json!(["S", "M"].map(|size| {
        let prices = json!([{"priceTierName": "Normal Price", "regularPrice": 10}]);
        json!({"productCode": format!("shirt-{size}"), "productName": size, "qty": 3, "prices": prices, "cost": 1,
               "attribute": [{"attributeName": "Size", "attributeValueName": size}]})
    }));
    let mut resting = item("resting");
    resting["active"] = json!(false);
    put_products(&app, &[parent, resting, item("gone")]).await;
    app.request(Method::DELETE, "/v3/products/gone", &[], None).await.data();
    let items = json!([{"productCode": "resting", "qty": 4}, {"productCode": "gone", "qty": 4}, {"productCode": "shirt", "qty": 4},
                       {"productCode": "shirt-S", "qty": 4}]);
    let done = set(&app, items).await;
    let codes: Vec<&Value> = done.body["data"].as_array().unwrap().iter().map(|row| &row["error"]["code"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("not_found"), &json!("conflict"), &Value::Null]);
    assert_eq!((three(&app, "resting").await, three(&app, "shirt").await), (json!([4, 0, 4]), json!([7, 0, 7])));
    assert_eq!(app.get("/v1/products/gone/stock").await.status, 404);
    assert_eq!(sell(&app, "SO1", "shirt", json!(1)).await.errors(), [("invalid_value", "items[0].qty")]);
}

#[tokio::test]
async fn what_a_product_is_written_with_is_in_the_ledger() {
    let app = TestApp::new().await;
    let mut product = item("A001");
    product["qty"] = json!(50);
    put_products(&app, std::slice::from_ref(&product)).await;
    assert_eq!(movements(&app, "A001", "").await, [json!([50, 50, "initial", null])]);
    // Writing it again with the same quantity is no movement; what other warehouses have is not touched.
    let north = warehouse(&app, "North").await;
    set(&app, json!([{"productCode": "A001", "qty": 8, "warehouse": north}])).await;
    put_products(&app, std::slice::from_ref(&product)).await;
    assert_eq!(movements(&app, "A001", "").await.len(), 2);
    product["qty"] = json!(60);
    put_products(&app, &[product]).await;
    assert_eq!(movements(&app, "A001", "?take=1").await, [json!([10, 60, "set", null])]);
    assert_eq!(app.get("/v2/products/A001").await.data()["qty"], 68);
    assert_eq!(stock(&app, "A001").await["warehouses"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn movements_say_what_why_where_when_and_who() {
    let mut app = shop(&["A001"]).await;
    let north = warehouse(&app, "North").await;
    let start = app.app.now();
    set_one(&app, "A001", json!(20)).await;
    app.advance(Duration::from_secs(48 * 3600));
    app.token = app.token_for(&app.client).await;
    sell(&app, "SO1", "A001", json!(2)).await.data();
    let adjustment =
        json!({"reason": "Damage", "document": "D1", "note": "wet", "items": [{"productCode": "a001", "qty": -3}]});
    app.post("/v1/products/stock/adjustments", adjustment).await.data();
    let transfer = json!({"toWarehouse": "north", "items": [{"productCode": "A001", "qty": 5}]});
    let moved = app.post("/v1/products/stock/transfers", transfer).await;
    let moved: Vec<Value> =
        moved.data().as_array().unwrap().iter().map(|row| json!([row["warehouseId"], row["delta"]])).collect();
    assert_eq!(moved, [json!([0, -5]), json!([north, 5])]);
    app.post("/v1/products/stock/returns", json!({"document": "SO1", "items": [{"productCode": "A001", "qty": 1}]}))
        .await
        .data();
    let all = app.get("/v1/products/A001/movements").await;
    let rows = all.data()["value"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["movementId"].as_i64().unwrap()).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
    let damage = json!({"movementId": 3, "productCode": "A001", "warehouseId": 0, "warehouseName": null, "delta": -3,
                        "balance": 15, "reason": "damage", "document": "D1", "note": "wet", "actor": app.client.client_id,
                        "date": rows[3]["date"]});
    assert_eq!(rows[3], damage);
    assert_eq!(rows[1]["warehouseName"], "North");
    // Filters, and pages.
    let reasons = async |query: &str| -> Vec<String> {
        movements(&app, "A001", query).await.iter().map(|row| row[2].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(reasons("?reason=SALE").await, ["sale"]);
    assert_eq!(reasons("?warehouse=North").await, ["transfer"]);
    assert_eq!(reasons(&format!("?warehouse={north}&reason=transfer")).await, ["transfer"]);
    assert_eq!(reasons("?warehouse=0&take=1").await, ["return"]);
    let day = |at: i64| {
        let zone = jiff::tz::TimeZone::get("Asia/Bangkok").unwrap();
        jiff::Timestamp::from_millisecond(at).unwrap().to_zoned(zone).date().to_string()
    };
    assert_eq!(reasons(&format!("?to={}", day(start))).await, ["set"]);
    assert_eq!(reasons(&format!("?from={}", day(app.app.now()))).await.len(), 5);
    let first = app.get("/v1/products/A001/movements?take=4").await;
    assert_eq!(first.data()["next"], "3");
    let rest = app.get("/v1/products/A001/movements?take=4&before=3").await;
    assert_eq!((rest.data()["value"].as_array().unwrap().len(), &rest.data()["next"]), (2, &Value::Null));
    let wrong = app.get("/v1/products/A001/movements?reason=luck&from=soon&warehouse=Mars&take=0").await;
    let fields: Vec<&str> = wrong.errors().iter().map(|(_, field)| *field).collect();
    assert_eq!((wrong.status, fields), (400, vec!["take", "from", "reason", "warehouse"]));
    assert_eq!(app.get("/v1/products/nobody/movements").await.status, 404);
}

#[tokio::test]
async fn a_change_of_several_products_is_whole_or_nothing() {
    let app = shop(&["A001", "A002"]).await;
    let north = warehouse(&app, "North").await;
    set(&app, json!([{"productCode": "A001", "qty": 5}, {"productCode": "A002", "qty": 1}])).await;
    let items = json!([{"productCode": "A001", "qty": 2}, {"productCode": "A002", "qty": 2}, {"productCode": "A001", "qty": 4}]);
    let refused = app.post("/v1/products/stock/sales", json!({"items": items})).await;
    let short = vec![("insufficient_stock", "items[1].qty"), ("insufficient_stock", "items[2].qty")];
    assert_eq!((refused.status, refused.errors(), &refused.body["status"]["code"]), (409, short, &json!("4002")));
    assert_eq!((three(&app, "A001").await, three(&app, "A002").await), (json!([5, 0, 5]), json!([1, 0, 1])));
    let gone = json!({"items": [{"productCode": "A001", "qty": -5}, {"productCode": "A002", "qty": -2}]});
    assert_eq!(
        app.post("/v1/products/stock/adjustments", gone).await.errors(),
        [("insufficient_stock", "items[1].qty")]
    );
    let transfer = json!({"fromWarehouse": north, "items": [{"productCode": "A001", "qty": 1}]});
    assert_eq!(
        app.post("/v1/products/stock/transfers", transfer).await.errors(),
        [("insufficient_stock", "items[0].qty")]
    );
    assert_eq!(movements(&app, "A001", "").await.len(), 1);
    let wrong =
        json!({"reason": "luck", "items": [{"productCode": "", "qty": 0}, {"productCode": "nobody", "qty": 1}]});
    let refused = app.post("/v1/products/stock/adjustments", wrong).await;
    let expected =
        [("required", "items[0].productCode"), ("out_of_range", "items[0].qty"), ("invalid_value", "reason")];
    assert_eq!(refused.errors(), expected);
    let unknown = json!({"warehouse": "Mars", "items": [{"productCode": "nobody", "qty": 1}]});
    let expected = [("not_found", "warehouse"), ("not_found", "items[0].productCode")];
    assert_eq!(app.post("/v1/products/stock/sales", unknown).await.errors(), expected);
    let same = json!({"items": [{"productCode": "A001", "qty": 1}]});
    assert_eq!(app.post("/v1/products/stock/transfers", same).await.errors(), [("invalid_value", "toWarehouse")]);
    assert_eq!(app.post("/v1/products/stock/sales", json!({})).await.errors(), [("required", "items")]);
}

#[tokio::test]
async fn a_warehouse_is_taken_out_of_use_when_it_is_empty() {
    let app = shop(&["A001"]).await;
    let north = warehouse(&app, "North").await;
    set(&app, json!([{"productCode": "A001", "qty": 5, "warehouse": "NORTH"}])).await;
    let path = format!("/v1/setting/warehouses/{north}");
    let retire = async |body: Value| app.request(Method::PUT, &path, &[], Some(body)).await;
    assert_eq!(retire(json!({"isActive": false})).await.errors(), [("in_use", "isActive")]);
    let south = warehouse(&app, "South").await;
    assert_eq!(retire(json!({"isActive": false, "reassignTo": south})).await.errors(), [("in_use", "isActive")]);
    let transfer =
        json!({"fromWarehouse": "North", "toWarehouse": south, "items": [{"productCode": "A001", "qty": 5}]});
    app.post("/v1/products/stock/transfers", transfer).await.data();
    retire(json!({"isActive": false})).await.data();
    let late = set(&app, json!([{"productCode": "A001", "qty": 5, "warehouse": "North"}])).await;
    assert_eq!(late.body["data"][0]["error"]["code"], "invalid_value");
    let stock = stock(&app, "A001").await;
    let there: Vec<Value> =
        stock["warehouses"].as_array().unwrap().iter().map(|w| json!([w["warehouseName"], w["qty"]])).collect();
    assert_eq!(there, [json!(["North", 0]), json!(["South", 5])]);
}

#[tokio::test]
async fn stock_falls_below_zero_only_where_the_company_allows_it() {
    let app = shop(&["A001"]).await;
    set_one(&app, "A001", json!(1)).await;
    assert_eq!(sell(&app, "SO1", "A001", json!(3)).await.status, 409);
    allow_negative(&app, true).await;
    sell(&app, "SO1", "A001", json!(3)).await.data();
    assert_eq!(three(&app, "A001").await, json!([-2, 0, -2]));
    set_one(&app, "A001", json!(-5)).await;
    // What is below zero may come nearer to it when the rule is back, and not go further away.
    allow_negative(&app, false).await;
    set_one(&app, "A001", json!(-4)).await;
    let further = set(&app, json!([{"productCode": "A001", "qty": -6}])).await;
    assert_eq!(further.body["data"][0]["error"]["errors"][0]["field"], "qty");
    assert_eq!(sell(&app, "SO2", "A001", json!(1)).await.status, 409);
    app.post("/v1/products/stock/adjustments", json!({"items": [{"productCode": "A001", "qty": 1}]})).await.data();
    assert_eq!(three(&app, "A001").await, json!([-3, 0, -3]));
}

#[tokio::test]
async fn a_thousand_quantities_are_set_at_once() {
    let app = TestApp::new().await;
    let codes: Vec<String> = (0..1000).map(|number| format!("P{number}")).collect();
    put_products(&app, &codes.iter().map(|code| item(code)).collect::<Vec<_>>()).await;
    let items: Vec<Value> = codes.iter().zip(1..).map(|(code, qty)| json!({"productCode": code, "qty": qty})).collect();
    let done = set(&app, json!(items)).await;
    assert_eq!((&done.body["statusCode"], done.body["data"].as_array().unwrap().len()), (&json!(1000), 1000));
    assert_eq!((three(&app, "P0").await, three(&app, "P999").await), (json!([1, 0, 1]), json!([1000, 0, 1000])));
    let too_many: Vec<Value> = (0..5001).map(|_| json!({"productCode": "P0", "qty": 1})).collect();
    assert_eq!(set(&app, json!(too_many)).await.errors(), [("too_long", "")]);
}

#[tokio::test]
async fn subscribers_hear_of_changes_and_once_of_low_stock() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let mut product = item("A001");
    product["qty"] = json!(50);
    product["lowStockAlert"] = json!(5);
    put_products(&app, &[product]).await;
    let receiver = Receiver::start().await;
    let topics = ["Product".to_owned()];
    subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    for qty in [44, 1, 1] {
        sell(&app, "SO1", "A001", json!(qty)).await.data();
    }
    for qty in [6, 5, 5] {
        set_one(&app, "A001", json!(qty)).await;
    }
    app.run_jobs().await;
    let bodies: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let told: Vec<Value> =
        bodies.iter().map(|body| json!([body["Topic"], body["Event"], body["Data"]["Stock"]["Qty"]])).collect();
    let expected = [
        json!(["Product", "StockChanged", 6]),
        json!(["Product", "StockChanged", 5]),
        json!(["Product", "LowStock", 5]),
        json!(["Product", "StockChanged", 4]),
        json!(["Product", "StockChanged", 6]),
        json!(["Product", "StockChanged", 5]),
        json!(["Product", "LowStock", 5]),
    ];
    assert_eq!(told, expected, "low when it crosses the level, and not again before it was above");
    let change = json!({"ProductId": bodies[0]["Data"]["Stock"]["ProductId"], "ProductCode": "A001", "Qty": 6, "LowStockAlert": 5,
        "Changes": [{"WarehouseId": 0, "Delta": -44, "Balance": 6, "Reason": "sale", "Document": "SO1"}]});
    assert_eq!(bodies[0]["Data"]["Stock"], change);
    assert_eq!(bodies[2]["Data"]["Stock"]["ProductName"], "Product A001");
}

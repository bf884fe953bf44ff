//! Quantities out of files: through the ledger, each in its warehouse, and back again where nothing has moved since.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::import::{counts, import, told, undo};
use crate::product::put_well;

/// A company with so many products, `P0` and on, of ten pieces each.
async fn shop(products: usize) -> TestApp {
    let app = TestApp::new().await;
    let rows: String = (0..products).map(|number| format!("P{number},Product {number},885{number},10\n")).collect();
    let loaded = import(&app, "kind=products", format!("code,name,barcode,qty\n{rows}")).await;
    assert_eq!(counts(&loaded).0, i64::try_from(products).unwrap());
    app
}

/// What there is of a product, warehouse by warehouse.
async fn stock(app: &TestApp, code: &str) -> Vec<(Value, Value)> {
    let stock = app.get(&format!("/v1/products/{code}/stock")).await;
    let warehouses = stock.data()["warehouses"].as_array().unwrap().iter();
    warehouses.map(|one| (one["warehouseName"].clone(), one["qty"].clone())).collect()
}

async fn movements(app: &TestApp) -> i64 {
    app.app.db.read().await.unwrap().sql("select count(*) from stock_movement").one().await.unwrap()
}

#[tokio::test]
async fn of_a_thousand_quantities_ten_are_refused_by_row_and_column_and_the_rest_is_set_once() {
    let app = shop(1000).await;
    app.post("/v1/setting/warehouses", json!({"name": "คลังเหนือ"})).await;
    let mut text = "รหัสสินค้า,บาร์โค้ด,คลังสินค้า,จำนวนคงเหลือ\n".to_owned();
    let mut expected = Vec::new();
    for number in 0..1000 {
        let (mut code, mut barcode, mut warehouse, mut qty) = (format!("p{number}"), "", "", "12.5");
        let mut fault = |column: &str, code: &str| expected.push((number + 2, column.to_owned(), code.to_owned()));
        match number {
            5 | 205 => (code = format!("none{number}"), fault("รหัสสินค้า", "not_found")).1,
            6 | 106 => (qty = "lots", fault("จำนวนคงเหลือ", "invalid_type")).1,
            7 | 107 => (qty = "", fault("จำนวนคงเหลือ", "required")).1,
            8 | 999 => (warehouse = "คลังใต้", fault("คลังสินค้า", "not_found")).1,
            9 => (qty = "-1", fault("จำนวนคงเหลือ", "out_of_range")).1,
            300 => ((code, barcode) = (String::new(), "777"), fault("บาร์โค้ด", "not_found")).1,
            301 => (code, barcode) = (String::new(), "885301"),
            302 => warehouse = "คลังเหนือ",
            303 => qty = "10",
            _ => {}
        }
        text.push_str(&format!("{code},{barcode},{warehouse},{qty}\n"));
    }
    let done = import(&app, "kind=stock", text.as_str()).await;
    assert_eq!(told(&done, "errors"), expected, "{done:#}");
    assert_eq!(counts(&done), (0, 989, 1, 10));
    assert_eq!(movements(&app).await, 1000 + 989, "what was so already has not moved");
    assert_eq!(stock(&app, "P0").await, [(Value::Null, json!(12.5))]);
    assert_eq!(stock(&app, "P301").await, [(Value::Null, json!(12.5))]);
    assert_eq!(stock(&app, "P302").await, [(Value::Null, json!(10)), (json!("คลังเหนือ"), json!(12.5))]);
    let moved = app.get("/v1/products/P0/movements").await.data()["value"][0].clone();
    let note = format!("import {}", done["importId"].as_str().unwrap());
    assert_eq!((&moved["reason"], &moved["delta"], &moved["note"]), (&json!("set"), &json!(2.5), &json!(note)));
    let again = import(&app, "kind=stock", text.as_str()).await;
    assert_eq!((counts(&again), told(&again, "errors")), ((0, 0, 990, 10), expected));
    assert_eq!(movements(&app).await, 1000 + 989);
}

#[tokio::test]
async fn quantities_are_put_back_where_nothing_has_moved_them_since() {
    let app = shop(4).await;
    app.post("/v1/setting/warehouses", json!({"name": "North"})).await;
    let text = "sku,warehouse,qty\nP0,,\"1,000\"\nP0,North,7\nP1,,20\nP2,,10\n";
    let tried = import(&app, "kind=stock&dryRun=true", text).await;
    assert_eq!((counts(&tried), movements(&app).await), ((0, 3, 1, 0), 4));
    let done = import(&app, "kind=stock", text).await;
    assert_eq!(counts(&done), (0, 3, 1, 0), "{done:#}");
    let sold = json!({"items": [{"productCode": "P1", "qty": 1}, {"productCode": "P2", "qty": 1}]});
    assert_eq!(app.post("/v1/products/stock/sales", sold).await.status, 200);
    let back = undo(&app, &done).await;
    assert_eq!((&back["state"], &back["undone"], &back["kept"]), (&json!("undone"), &json!(2), &json!(1)), "{back:#}");
    assert_eq!((&back["left"][0]["row"], &back["left"][0]["reason"]), (&json!(4), &json!("its stock has moved since")));
    assert_eq!(stock(&app, "P0").await, [(Value::Null, json!(10)), (json!("North"), json!(0))]);
    assert_eq!(stock(&app, "P1").await, [(Value::Null, json!(19))]);
    let moved = app.get("/v1/products/P0/movements").await.data()["value"][0].clone();
    let note = format!("undo of import {}", done["importId"].as_str().unwrap());
    assert_eq!((&moved["reason"], &moved["note"]), (&json!("set"), &json!(note)));
    assert_eq!(counts(&import(&app, "kind=stock", text).await), (0, 4, 0, 0), "the same file again");
}

#[tokio::test]
async fn what_has_no_stock_and_what_is_named_twice_is_refused() {
    let app = shop(3).await;
    let barcode = json!([{"productCode": "P1", "productBarcode": "8850"}]);
    put_well(&app, barcode).await;
    let parts = json!({"parts": [{"productCode": "P0", "quantity": 2}]});
    assert_eq!(app.request(Method::PUT, "/v1/products/P2/parts", &[], Some(parts)).await.status, 200);
    let text = "code,barcode,qty\nP2,,5\n,8850,5\nP0,,5\np0,,6\n,,7\n";
    let refused = import(&app, "kind=stock", text).await;
    assert_eq!(counts(&refused), (0, 1, 0, 4), "{refused:#}");
    let expected =
        [(2, "code", "conflict"), (3, "barcode", "invalid_value"), (5, "code", "duplicate"), (6, "code", "required")];
    assert_eq!(told(&refused, "errors"), expected.map(|(row, column, code)| (row, column.to_owned(), code.to_owned())));
}

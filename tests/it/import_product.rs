//! Products out of files: the columns, what is refused, what happens the second time, and how it is taken back.

use std::time::Duration;

use axum::http::Method;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::import::{counts, errors, import, told, undo};
use crate::product::put_well;

async fn product(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v2/products/{code}")).await.data().clone()
}

/// How many products, changes of products, movements and events there are.
async fn written(app: &TestApp) -> [i64; 4] {
    let mut conn = app.app.db.read().await.unwrap();
    [
        conn.sql("select count(*) from product where deleted_at is null").one().await.unwrap(),
        conn.sql("select count(*) from audit where ref like 'product/%'").one().await.unwrap(),
        conn.sql("select count(*) from stock_movement").one().await.unwrap(),
        conn.sql("select count(*) from event").one().await.unwrap(),
    ]
}

async fn sell(app: &TestApp, code: &str, qty: i64) {
    let sold = app.post("/v1/products/stock/sales", json!({"items": [{"productCode": code, "qty": qty}]})).await;
    assert_eq!(sold.status, 200, "{sold:?}");
}

/// A thousand products, ten of which are at fault: the row in the file, the column, the code.
fn thousand() -> (String, Vec<(i64, String, String)>) {
    let mut text =
        "รหัสสินค้า,ชื่อสินค้า,หมวดหมู่,หมวดย่อย,หน่วยนับ,ราคาขาย,VAT (%),ต้นทุน,จำนวนคงเหลือ,บาร์โค้ด,แท็ก,สถานะ\r\n".to_owned();
    let mut faults = Vec::new();
    for number in 0..1000 {
        let (mut code, mut name, mut unit) = (format!("P{number:04}"), format!("สินค้า {number}"), "ชิ้น");
        let (mut price, mut vat, mut cost, mut qty, mut sub, mut status) =
            ("\"1,250.50\"", "7%", "900", "5", "หมวดรอง", "ใช้งาน");
        let mut fault = |column: &str, code: &str| faults.push((number + 2, column.to_owned(), code.to_owned()));
        match number {
            7 => (unit = "โหล", fault("หน่วยนับ", "not_found")).1,
            50 => (price = "cheap", fault("ราคาขาย", "invalid_type")).1,
            101 => (vat = "107", fault("VAT (%)", "out_of_range")).1,
            202 => (cost = "-1", fault("ต้นทุน", "out_of_range")).1,
            299 => (name = String::new(), fault("ชื่อสินค้า", "required")).1,
            300 => (code = String::new(), fault("รหัสสินค้า", "required")).1,
            501 => (qty = "-5", fault("จำนวนคงเหลือ", "out_of_range")).1,
            640 => (code = "p0012".to_owned(), fault("รหัสสินค้า", "duplicate")).1,
            700 => (status = "แล้วแต่", fault("สถานะ", "invalid_type")).1,
            999 => (price = "1.23456", fault("ราคาขาย", "invalid_type")).1,
            _ => {}
        }
        if number % 2 == 1 {
            sub = "";
        }
        text.push_str(&format!(
            "{code},{name},หมวด {},{sub},{unit},{price},{vat},{cost},{qty},885{number:010},\"ใหม่, ขายดี\",{status}\r\n",
            number % 3
        ));
    }
    (text, faults)
}

#[tokio::test]
async fn of_a_thousand_products_ten_are_refused_by_row_and_column_and_the_rest_is_loaded_once() {
    let app = TestApp::new().await;
    let (text, expected) = thousand();
    let first = import(&app, "kind=products&fileName=p.csv", text.as_str()).await;
    assert_eq!(told(&first, "errors"), expected, "{first:#}");
    assert_eq!(counts(&first), (990, 0, 0, 10));
    let one = product(&app, "p0124").await;
    for (field, value) in [
        ("productName", json!("สินค้า 124")),
        ("category", json!("หมวด 1")),
        ("subCategory", json!("หมวดรอง")),
        ("productUnitName", json!("ชิ้น")),
        ("cost", json!(900)),
        ("qty", json!(5)),
        ("trackInventory", json!(true)),
        ("productBarcode", json!("8850000000124")),
        ("productTag", json!(["ใหม่", "ขายดี"])),
        ("active", json!(true)),
    ] {
        assert_eq!(one[field], value, "{field}");
    }
    let price = &one["prices"][0];
    assert_eq!((&price["priceTierName"], &price["regularPrice"]), (&json!("Normal Price"), &json!(1250.5)));
    assert_eq!((&price["vatValue"], &price["useDefaultVat"]), (&json!(7), &json!(false)));
    let moved = app.get("/v1/products/P0124/movements").await.data()["value"].clone();
    let note = format!("import {}", first["importId"].as_str().unwrap());
    assert_eq!((&moved[0]["reason"], &moved[0]["note"]), (&json!("initial"), &json!(note)));

    // Again: nothing changes, for nobody.
    let before = written(&app).await;
    assert_eq!(before[..3], [990, 990, 990]);
    let again = import(&app, "kind=products", text.as_str()).await;
    assert_eq!((counts(&again), told(&again, "errors")), ((0, 0, 990, 10), expected));
    assert_eq!(written(&app).await, before);

    // The refused rows, corrected, are a file that can be handed in as it is.
    let corrected = errors(&app, &again)
        .await
        .replace("โหล", "กล่อง")
        .replace("cheap", "9")
        .replace(",107,", ",7,")
        .replace("'-1,", "1,")
        .replace("'-5,", "5,")
        .replace("P0299,,", "P0299,สินค้า 299,")
        .replace(",,สินค้า 300", ",P0300,สินค้า 300")
        .replace("p0012", "P0640")
        .replace("แล้วแต่", "0")
        .replace("1.23456", "1.2345");
    let third = import(&app, "kind=products", corrected).await;
    assert_eq!(counts(&third), (10, 0, 0, 0), "{third:#}");
    assert_eq!(product(&app, "P0700").await["active"], json!(false));
}

#[tokio::test]
async fn prices_are_put_among_those_that_are_there_and_those_of_further_tiers_are_mapped() {
    let app = TestApp::new().await;
    let prices = json!([{"priceTierName": "Normal Price", "regularPrice": 10, "salePrice": 9, "useDefaultVat": true},
        {"priceTierName": "ขายส่ง", "regularPrice": 8, "vatValue": 7}]);
    let known = json!({"productCode": "A", "productName": "Ann", "category": "C", "productUnitName": "ชิ้น", "cost": 1,
        "prices": prices, "trackInventory": false, "useWarranty": false, "visibility": true, "active": true});
    put_well(&app, json!([known])).await;
    let mapping = "%7B%22Member%22%3A%22prices.Member%22%2C%22Bulk%22%3A%22prices.%E0%B8%82%E0%B8%B2%E0%B8%A2%E0%B8%AA%E0%B9%88%E0%B8%87%22%7D";
    let text = "code,name,price,Member,Bulk,warranty period,warranty unit\n\
                A,,11,\"1,000\",7.5,,\nB,Bob,20,15,,12,เดือน\nC,Cat,30,cheap,,,\n";
    let query = format!("kind=products&mapping={mapping}");
    let tried = import(&app, &format!("{query}&dryRun=true"), text).await;
    assert_eq!(counts(&tried), (1, 1, 0, 1), "{tried:#}");
    assert_eq!(written(&app).await[0], 1, "a dry run writes nothing");
    let done = import(&app, &query, text).await;
    assert_eq!(counts(&done), (1, 1, 0, 1), "{done:#}");
    assert_eq!(told(&done, "errors"), [(4, "Member".to_owned(), "invalid_type".to_owned())]);
    let tiers = |product: &Value| {
        let prices = product["prices"].as_array().unwrap().iter();
        prices
            .map(|price| json!([price["priceTierName"], price["regularPrice"], price["salePrice"], price["vatValue"]]))
            .collect::<Vec<Value>>()
    };
    let ann = product(&app, "A").await;
    let expected =
        [json!(["Normal Price", 11, 9, null]), json!(["ขายส่ง", 7.5, null, 7]), json!(["Member", 1000, null, null])];
    assert_eq!(tiers(&ann), expected);
    assert_eq!((&ann["productName"], &ann["trackInventory"]), (&json!("Ann"), &json!(false)), "an empty cell keeps");
    let bob = product(&app, "B").await;
    assert_eq!(tiers(&bob), [json!(["Normal Price", 20, null, null]), json!(["Member", 15, null, null])]);
    let warranty = ["useWarranty", "timeWarrantyValue", "timeWarrantyUnit"].map(|field| bob[field].clone());
    assert_eq!(warranty, [json!(true), json!(12), json!("m")]);
    assert_eq!((&bob["category"], &bob["visibility"], &bob["active"]), (&Value::Null, &json!(true), &json!(true)));
    assert_eq!(counts(&import(&app, &query, text).await), (0, 0, 2, 1));
    // Taken back, the prices are those that were there.
    let back = undo(&app, &done).await;
    assert_eq!((&back["undone"], &back["kept"]), (&json!(2), &json!(0)), "{back:#}");
    let expected = [json!(["Normal Price", 10, 9, null]), json!(["ขายส่ง", 8, null, 7])];
    assert_eq!(tiers(&product(&app, "A").await), expected);
}

#[tokio::test]
async fn an_import_of_products_is_taken_back_where_nobody_has_changed_anything_since() {
    let app = TestApp::new().await;
    let first = "code,name,category,brand,price,qty,note\nA,Ann,One,X,10,5,\nB,Bob,One,X,10,5,\nM,Moe,,,10,5,\nU,Same,One,X,10,5,\n";
    assert_eq!(counts(&import(&app, "kind=products", first).await), (4, 0, 0, 0));
    let known = ["A", "B", "M"].map(|code| (code, product(&app, code)));
    let mut before = Vec::new();
    for (code, product) in known {
        before.push((code, product.await));
    }
    app.advance(Duration::from_secs(60));
    let text = "code,name,category,brand,price,qty,barcode\n\
                A,Anna,Two,,11,7,885\nB,Bobby,,,,,\nM,Moe,Three,,,6,\nC,Cat,One,,1,3,\nD,Dan,One,,1,3,\nE,Eve,One,,1,,\nU,Same,One,X,10,5,\n";
    let done = import(&app, "kind=products", text).await;
    assert_eq!(counts(&done), (3, 3, 1, 0), "{done:#}");
    app.advance(Duration::from_secs(60));
    // B is changed, M is sold of, and so is D; E has moved without the import having done so.
    put_well(&app, json!([{"productCode": "B", "productDescription": "by hand"}])).await;
    sell(&app, "M", 1).await;
    sell(&app, "D", 1).await;
    let set = json!([{"productCode": "E", "qty": 2}]);
    app.request(Method::PUT, "/v1/products/stock", &[], Some(set)).await;
    let back = undo(&app, &done).await;
    assert_eq!((&back["state"], &back["undone"], &back["kept"]), (&json!("undone"), &json!(2), &json!(4)), "{back:#}");
    let mut left: Vec<(i64, &str)> = back["left"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| (left["row"].as_i64().unwrap(), left["reason"].as_str().unwrap()))
        .collect();
    left.sort_unstable();
    let moved = "its stock has moved since";
    assert_eq!(left, [(3, "it was changed since"), (4, moved), (6, moved), (7, moved)]);
    let mut ann = product(&app, "A").await;
    ann["dateModified"] = before[0].1["dateModified"].clone();
    assert_eq!(ann, before[0].1, "as it was, its quantity and its category, too");
    assert_eq!(product(&app, "B").await["productName"], "Bobby");
    assert_eq!(app.get("/v2/products/C").await.status, 404);
    assert_eq!(app.get("/v2/products/D").await.status, 200);
    let movements = app.get("/v1/products/A/movements").await.data()["value"].clone();
    let note = format!("undo of import {}", done["importId"].as_str().unwrap());
    assert_eq!((&movements[0]["delta"], &movements[0]["note"]), (&json!(-2), &json!(note)));
    // What the undoing has deleted comes back with the same file, and can be taken back again.
    let again = import(&app, "kind=products", text).await;
    assert_eq!(counts(&again), (1, 3, 3, 0), "A, M and D are as the file says once more: {again:#}");
    assert_eq!(product(&app, "C").await["qty"], 3);
    let back = undo(&app, &again).await;
    assert_eq!((&back["undone"], &back["kept"]), (&json!(4), &json!(0)), "{back:#}");
    assert_eq!(app.get("/v2/products/C").await.status, 404);
    // What a person has deleted stays deleted.
    app.request(Method::DELETE, "/v3/products/A", &[], None).await;
    let refused = import(&app, "kind=products", text).await;
    assert_eq!(told(&refused, "errors"), [(2, "code".to_owned(), "conflict".to_owned())]);
}

#[tokio::test]
async fn variants_and_their_products_are_changed_by_their_codes() {
    let app = crate::product::shop().await;
    let variant = |code: &str, size: &str| {
        json!({"productCode": code, "productName": code, "cost": 1,
            "prices": [{"priceTierName": "Normal Price", "regularPrice": 10}],
            "attribute": [{"attributeName": "Size", "attributeValueName": size}]})
    };
    let shirt = json!({"productCode": "T", "productName": "Shirt", "category": "C", "productUnitName": "API",
        "trackInventory": true, "useWarranty": false, "visibility": true, "active": true,
        "productVariant": [variant("T1", "16 GB"), variant("T2", "32 GB")]});
    put_well(&app, json!([shirt])).await;
    let text = "code,name,brand,price,qty\nT,Shirts,Acme,,\nT1,Small,,12,4\n";
    let done = import(&app, "kind=products", text).await;
    assert_eq!(counts(&done), (0, 2, 0, 0), "{done:#}");
    let all = product(&app, "T").await;
    assert_eq!((&all["productName"], &all["brandName"]), (&json!("Shirts"), &json!("Acme")));
    let small = product(&app, "T1").await;
    assert_eq!(
        (&small["productName"], &small["brandName"], &small["qty"]),
        (&json!("Small"), &json!("Acme"), &json!(4))
    );
    assert_eq!((&small["parentCode"], &small["prices"][0]["regularPrice"]), (&json!("T"), &json!(12)));
    assert_eq!(counts(&import(&app, "kind=products", text).await), (0, 0, 2, 0));
}

#[tokio::test]
async fn a_workbook_of_products_is_read_as_people_see_it() {
    let app = TestApp::new().await;
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in (0..).zip(["SKU", "ชื่อสินค้า", "ราคา", "ภาษี", "ต้นทุน", "Barcode", "หน่วย"])
    {
        sheet.write_string(0, column, header).unwrap();
    }
    sheet.write_number(1, 0, 1001).unwrap();
    sheet.write_string(1, 1, "ทิชชู่").unwrap();
    sheet.write_number(1, 2, 100.1 + 0.2).unwrap();
    sheet.write_number(1, 3, 0.07).unwrap();
    sheet.write_number(1, 4, 12.5).unwrap();
    sheet.write_number(1, 5, 8_850_000_000_017_f64).unwrap();
    sheet.write_string(1, 6, "Piece").unwrap();
    let done = import(&app, "kind=products&fileName=p.xlsx", book.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (1, 0, 0, 0), "{done:#}");
    assert_eq!(told(&done, "warnings"), [(2, "ภาษี".to_owned(), "repaired".to_owned())]);
    let one = product(&app, "1001").await;
    assert_eq!((&one["productBarcode"], &one["cost"]), (&json!("8850000000017"), &json!(12.5)));
    assert_eq!((&one["prices"][0]["regularPrice"], &one["prices"][0]["vatValue"]), (&json!(100.3), &json!(7)));
    assert_eq!(one["productUnitName"], "ชิ้น", "by its English name");
}

#[tokio::test]
async fn rows_without_a_code_are_refused_also_where_there_are_no_others() {
    let app = TestApp::new().await;
    for kind in ["products", "stock"] {
        let refused = import(&app, &format!("kind={kind}"), "name,code,qty\nAnn,,1\nBob,,2\n").await;
        assert_eq!(counts(&refused), (0, 0, 0, 2), "{refused:#}");
        let expected = [2, 3].map(|row| (row, "code".to_owned(), "required".to_owned()));
        assert_eq!(told(&refused, "errors"), expected, "{kind}");
    }
    assert_eq!(written(&app).await[..3], [0, 0, 0]);
}

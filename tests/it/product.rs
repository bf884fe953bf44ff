//! Products: writing items and variants, bundles, barcodes, removal, the legacy operations.

use axum::http::Method;
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp};
use crate::receiver::Receiver;

/// The example of a single product, as the original's sample client sends it.
pub fn tissue() -> Value {
    json!({
        "productCode": "Li00001", "productBarcode": "", "productName": "Tissue Daisy",
        "productDescription": "Open API Test", "category": "Open API", "cost": 15.0,
        "prices": [{"priceTierName": "Normal Price", "regularPrice": 12.5, "salePrice": 15.0, "vatValue": 3.0,
                    "useDefaultVat": true}],
        "productUnitName": "API", "trackInventory": true, "qty": 50, "lowStockAlert": 5, "useWarranty": false,
        "visibility": true, "active": true
    })
}

/// The example of a product with a variant; the parent has no code, cost or prices.
pub fn phone() -> Value {
    json!({
        "productBarcode": "", "productName": "Tissue Daisy", "productDescription": "Open API Test",
        "category": "Open API", "subCategory": "SKU", "productUnitName": "API", "trackInventory": true,
        "useWarranty": false, "visibility": true, "active": true,
        "productVariant": [{
            "productCode": "LI00002", "productName": "TestMobilePhone", "productBarcode": null, "cost": 18500.0, "qty": 34,
            "lowStockAlert": 5,
            "prices": [{"priceTierName": "Normal Price", "regularPrice": 12.5, "salePrice": 20000.0}],
            "attribute": [{"attributeName": "Size", "attributeValueName": "16 GB"}]
        }]
    })
}

/// A single product with no more than it needs.
pub fn plain(code: &str, name: &str) -> Value {
    json!({"productCode": code, "productName": name, "category": "General", "cost": 1, "productUnitName": "API",
           "prices": [{"priceTierName": "Normal Price", "regularPrice": 10}], "trackInventory": true,
           "useWarranty": false, "visibility": true, "active": true})
}

/// A server whose company has the unit and the attribute of the examples.
pub async fn shop() -> TestApp {
    let app = TestApp::new().await;
    stock_lists(&app).await;
    app
}

/// Makes the unit and the attribute of the examples.
pub async fn stock_lists(app: &TestApp) {
    let unit = app.post("/v1/setting/units", json!({"name": "API"})).await;
    assert_eq!(unit.status, 201, "{unit:?}");
    let values = json!({"name": "Size", "detail": {"values": ["16 GB", "32 GB"]}});
    assert_eq!(app.post("/v1/setting/attributes", values).await.status, 201);
}

/// Sends products and works off the ticket; answers the ticket.
pub async fn put(app: &TestApp, products: Value) -> Value {
    let accepted = app.post("/v3/Products", json!({"products": products})).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let id = accepted.data()["ticketId"].as_i64().unwrap();
    app.run_jobs().await;
    let ticket = app.get(&format!("/tickets/{id}")).await.data().clone();
    assert_eq!((&ticket["state"], &ticket["progress"]), (&json!("done"), &json!(100)), "{ticket}");
    ticket
}

/// The same, where nothing may be at fault.
pub async fn put_well(app: &TestApp, products: Value) -> Value {
    let ticket = put(app, products).await;
    assert_eq!(ticket["failed"], 0, "{ticket}");
    ticket
}

/// The faults of the only product that is sent: code and field.
async fn faults(app: &TestApp, product: Value) -> Vec<(String, String)> {
    let ticket = put(app, json!([product])).await;
    let errors = ticket["errors"][0]["errors"].as_array().unwrap_or_else(|| panic!("no errors: {ticket}")).clone();
    let text = |error: &Value, member: &str| error[member].as_str().unwrap().to_owned();
    let mut faults: Vec<(String, String)> =
        errors.iter().map(|error| (text(error, "code"), text(error, "field"))).collect();
    faults.sort();
    faults
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(code, field)| ((*code).to_owned(), (*field).to_owned())).collect()
}

async fn read(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v2/products/{code}")).await.data().clone()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[member].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_examples_are_taken_as_they_are_and_read_as_they_were_written() {
    let app = shop().await;
    let ticket = put_well(&app, json!([tissue(), phone()])).await;
    assert_eq!((&ticket["total"], &ticket["created"]), (&json!(2), &json!(2)));
    let tissue_read = read(&app, "li00001").await;
    for (field, sent) in tissue().as_object().unwrap() {
        match field.as_str() {
            "productBarcode" => assert_eq!(tissue_read[field], Value::Null, "an empty barcode is none"),
            "prices" => {
                for (name, value) in sent[0].as_object().unwrap() {
                    assert_eq!(tissue_read["prices"][0][name].as_f64(), value.as_f64(), "{name}");
                }
            }
            _ if sent.is_number() => assert_eq!(tissue_read[field].as_f64(), sent.as_f64(), "{field}"),
            _ => assert_eq!(&tissue_read[field], sent, "{field}"),
        }
    }
    assert!(tissue_read["dateCreated"].as_str().unwrap().ends_with("+0700"));
    // The parent has a code of its own, and is found again by its variants' codes.
    let parent = read(&app, "PRD000001").await;
    assert_eq!((&parent["cost"], &parent["prices"]), (&Value::Null, &json!([])));
    assert_eq!((&parent["qty"], &parent["sub_SubCategory"]), (&json!(34), &Value::Null));
    let variant = &parent["productVariant"][0];
    assert_eq!((&variant["productCode"], &variant["cost"]), (&json!("LI00002"), &json!(18500)));
    assert_eq!(variant["attribute"], phone()["productVariant"][0]["attribute"]);
    assert_eq!(variant["prices"][0]["salePrice"], 20000);
    let alone = read(&app, "LI00002").await;
    assert_eq!((&alone["parentCode"], &alone["category"]), (&json!("PRD000001"), &json!("Open API")));
    assert_eq!((&alone["qty"], &alone["subCategory"]), (&json!(34), &json!("SKU")));
    let again = put_well(&app, json!([tissue(), phone()])).await;
    assert_eq!((&again["unchanged"], &again["created"]), (&json!(2), &json!(0)));
    // What is new of the lists was made, once.
    let groups = app.get("/v1/products/groups").await;
    assert_eq!(names(groups.data(), "groupName"), ["Open API", "SKU"]);
    assert_eq!(groups.data()[1]["parentId"], groups.data()[0]["groupId"]);
    let rates = app.get("/v1/setting/vat-rates").await;
    assert!(names(&rates.data()["value"], "name").contains(&"VAT 3%".to_owned()));
    assert_eq!(names(app.get("/v1/products/units%20Copy").await.data(), "unitName").last().unwrap(), "API");
    let properties = app.get("/V1/Products/Properties").await;
    assert_eq!(properties.data()[0]["attributeName"], "Size");
    assert_eq!(names(&properties.data()[0]["attributeValues"], "attributeValueName"), ["16 GB", "32 GB"]);
}

#[tokio::test]
async fn what_the_pages_and_the_sample_contradict_each_other_in_is_taken_either_way() {
    let app = shop().await;
    let mut one = plain("one", "One");
    for (field, value) in [
        ("productTag", json!("new")),
        ("productImage", json!("https://example.com/a.png")),
        ("timeWarrantyValue", json!("2")),
        ("timeWarrantyUnit", json!("Y")),
        ("useWarranty", json!("true")),
        ("ACTIVE", json!(1)),
        ("cost", json!("15.25")),
        ("brandName", json!("Daisy")),
        ("productVariant", json!([])),
        ("unknownField", json!({"a": 1})),
    ] {
        one.as_object_mut().unwrap().remove(&field.to_lowercase());
        one[field] = value;
    }
    let mut two = phone();
    two["productVariant"][0]["productBarcode"] = json!(null);
    two["productVariant"][0]["active"] = json!("true");
    two["productVariant"][0]["prices"] = json!([{"priceTierName": "Normal Price", "regularPrice": 5, "salePrice": 6, "vat": 7}, {"priceTierName": "VIP", "regularPrice": "4.5", "vatValue": 0, "useDefaultVat": false}]);
    two["prices"] = json!([]);
    two["cost"] = json!(null);
    two["productCode"] = json!("");
    put_well(&app, json!([one, two])).await;
    let one = read(&app, "one").await;
    assert_eq!((&one["productTag"], &one["productImage"]), (&json!(["new"]), &json!(["https://example.com/a.png"])));
    assert_eq!((&one["timeWarrantyValue"], &one["timeWarrantyUnit"]), (&json!(2), &json!("y")));
    assert_eq!((&one["cost"], &one["brandName"]), (&json!(15.25), &json!("Daisy")));
    let prices = read(&app, "LI00002").await["prices"].clone();
    assert_eq!((&prices[0]["vat"], &prices[0]["vatValue"]), (&json!(7), &json!(7)));
    assert_eq!((&prices[1]["regularPrice"], &prices[1]["vatValue"]), (&json!(4.5), &json!(0)));
    // One product where a list is meant, and the list's name in another letter case.
    let accepted = app.post("/v3/products", json!({"Products": plain("three", "Three")})).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    app.run_jobs().await;
    assert_eq!(read(&app, "three").await["productName"], "Three");
}

#[tokio::test]
async fn absent_keeps_and_null_clears() {
    let app = shop().await;
    let mut full = tissue();
    full["subCategory"] = json!("Paper");
    full["sub_SubCategory"] = json!("Soft");
    full["productTag"] = json!(["a", "b"]);
    full["brandName"] = json!("Daisy");
    full["productWeight"] = json!(0.25);
    full["productWeightUnit"] = json!("kilogram");
    put_well(&app, json!([full])).await;
    let ticket = put_well(
        &app,
        json!([{"productCode": "LI00001", "productDescription": null, "brandName": null, "qty": 7, "productTag": ["B", "c", "B"]}]),
    )
    .await;
    assert_eq!(ticket["updated"], 1);
    let product = read(&app, "Li00001").await;
    assert_eq!((&product["productDescription"], &product["brandName"]), (&Value::Null, &Value::Null));
    assert_eq!((&product["productTag"], &product["qty"]), (&json!(["b", "c"]), &json!(7)));
    assert_eq!((&product["sub_SubCategory"], &product["productWeight"]), (&json!("Soft"), &json!(0.25)));
    assert_eq!(product["productCode"], "Li00001", "the code keeps the form in which it was first given");
    // Another category has other parts; the same name below another category is another group.
    put_well(&app, json!([{"productCode": "Li00001", "category": "Other"}])).await;
    let moved = read(&app, "Li00001").await;
    assert_eq!((&moved["subCategory"], &moved["sub_SubCategory"]), (&Value::Null, &Value::Null));
    put_well(&app, json!([{"productCode": "Li00001", "subCategory": "paper"}])).await;
    let groups = app.get("/v1/products/groups").await;
    assert_eq!(names(groups.data(), "groupName"), ["Open API", "Paper", "Soft", "Other", "paper"]);
    let refused = faults(&app, json!({"productCode": "Li00001", "active": null, "productName": " "})).await;
    assert_eq!(refused, pairs(&[("required", "active"), ("required", "productName")]));
}

#[tokio::test]
async fn every_fault_of_a_product_is_named() {
    let app = shop().await;
    let wrong = json!({"productCode": "x".repeat(51), "cost": -1, "prices": [{"regularPrice": "much", "salePrice": -1}, {"priceTierName": "A"}],
        "trackInventory": "perhaps", "timeWarrantyUnit": "w", "timeWarrantyValue": "long", "qty": -1,
        "productImage": ["https://example.com/a.png", "file:///etc/passwd"]});
    let expected = [
        ("invalid_type", "prices[0].regularPrice"),
        ("invalid_type", "trackInventory"),
        ("invalid_type", "timeWarrantyValue"),
        ("invalid_url", "productImage[1]"),
        ("invalid_value", "timeWarrantyUnit"),
        ("out_of_range", "cost"),
        ("out_of_range", "prices[0].salePrice"),
        ("out_of_range", "qty"),
        ("required", "prices[0].priceTierName"),
        ("required", "prices[1].regularPrice"),
        ("too_long", "productCode"),
    ];
    let mut expected = pairs(&expected);
    expected.sort();
    assert_eq!(faults(&app, wrong).await, expected);
    // What a new product must have, and what must be in a list already.
    let new = json!({"productCode": "new", "productUnitName": "Barrel"});
    let required =
        ["active", "category", "cost", "prices", "productName", "trackInventory", "useWarranty", "visibility"];
    let mut expected = vec![("not_found", "productUnitName")];
    expected.extend(required.map(|field| ("required", field)));
    assert_eq!(faults(&app, new).await, pairs(&expected));
    let mut no_code = plain("", "No code");
    no_code["productUnitName"] = json!(" ");
    assert_eq!(faults(&app, no_code).await, pairs(&[("required", "productCode"), ("required", "productUnitName")]));
    let mut variant = phone();
    variant["productVariant"] = json!([
        {"productCode": "v1", "productName": "V1", "prices": [], "attribute": [{"attributeName": "Size", "attributeValueName": "1 TB"}]},
        {"productCode": "V1", "productName": "V1 again"},
        {"productCode": "v2", "productName": "V2", "prices": [{"priceTierName": "A", "regularPrice": 1, "endsAt": "soon"}],
         "attribute": [{"attributeName": "Colour", "attributeValueName": "red"}]}
    ]);
    let expected = [
        ("invalid_format", "productVariant[2].prices[0].endsAt"),
        ("invalid_value", "productVariant[1].productCode"),
        ("not_found", "productVariant[0].attribute[0].attributeValueName"),
        ("not_found", "productVariant[2].attribute[0].attributeName"),
        ("required", "productVariant[0].prices"),
        ("required", "productVariant[1].attribute"),
        ("required", "productVariant[1].prices"),
    ];
    assert_eq!(faults(&app, variant).await, pairs(&expected));
    let mut levels = plain("levels", "Levels");
    levels["sub_SubCategory"] = json!("C");
    assert_eq!(faults(&app, levels).await, pairs(&[("required", "subCategory")]));
    for nothing in [json!("text"), json!(17)] {
        assert_eq!(faults(&app, nothing).await, pairs(&[("invalid_type", "")]));
    }
}

#[tokio::test]
async fn variants_share_what_their_product_says_and_keep_what_is_their_own() {
    let app = shop().await;
    let mut product = phone();
    product["productCode"] = json!("PHONE");
    let mut second = product["productVariant"][0].clone();
    second["productCode"] = json!("LI00003");
    second["attribute"][0]["attributeValueName"] = json!("32 gb");
    product["productVariant"].as_array_mut().unwrap().push(second);
    put_well(&app, json!([product])).await;
    let tag = app.get("/v2/products/PHONE").await.header("etag").to_owned();
    // A variant that is not named stays, and has what its product says now.
    let change = json!({"productCode": "phone", "category": "Phones", "productTag": ["hot"],
        "productVariant": [{"productCode": "LI00003", "productName": "Large", "active": false}]});
    put_well(&app, json!([change])).await;
    let phone = read(&app, "PHONE").await;
    assert_eq!(names(&phone["productVariant"], "productCode"), ["LI00002", "LI00003"]);
    assert_eq!(phone["productVariant"][1]["attribute"][0]["attributeValueName"], "32 GB");
    assert_eq!(
        (&phone["productVariant"][0]["active"], &phone["productVariant"][1]["active"]),
        (&json!(true), &json!(false))
    );
    for code in ["LI00002", "LI00003"] {
        let variant = read(&app, code).await;
        assert_eq!((&variant["category"], &variant["productTag"]), (&json!("Phones"), &json!(["hot"])), "{code}");
    }
    assert_ne!(app.get("/v2/products/PHONE").await.header("etag"), tag);
    // A product that is taken out of use takes its variants with it, unless they say otherwise.
    put_well(&app, json!([{"productCode": "PHONE", "active": false}])).await;
    assert_eq!(read(&app, "LI00002").await["active"], false);
    // A variant may be written by itself, which changes what is read of its product.
    let tag = app.get("/v2/products/PHONE").await.header("etag").to_owned();
    put_well(&app, json!([{"productCode": "LI00002", "cost": 99, "active": true}])).await;
    let read_again = app.get("/v2/products/PHONE").await;
    assert_ne!(read_again.header("etag"), tag);
    assert_eq!(read_again.data()["productVariant"][0]["cost"], 99);
    // By its product's new name it is found, too.
    put_well(&app, json!([{"productCode": "PHONE", "productName": "โทรศัพท์"}])).await;
    let found = app
        .post(
            "/v1/products/getProduct",
            json!({"productType": 1031, "status": [true], "take": 5, "smartSearch": "ศัพท์"}),
        )
        .await;
    assert_eq!(names(&found.data()["value"], "productCode"), ["LI00002"]);
}

#[tokio::test]
async fn codes_that_belong_elsewhere_are_refused() {
    let app = shop().await;
    let mut one = phone();
    one["productCode"] = json!("ONE");
    let mut two = phone();
    two["productCode"] = json!("TWO");
    two["productVariant"][0]["productCode"] = json!("LI00009");
    put_well(&app, json!([one, two, plain("single", "Single"), plain("loose", "Loose")])).await;
    let mut steal = phone();
    steal["productCode"] = json!("TWO");
    let conflict = |field: &str| vec![("conflict".to_owned(), field.to_owned())];
    assert_eq!(faults(&app, steal).await, conflict("productVariant[0].productCode"));
    let mut both = phone();
    let mut other = both["productVariant"][0].clone();
    other["productCode"] = json!("LI00009");
    both["productVariant"].as_array_mut().unwrap().push(other);
    assert!(faults(&app, both).await.contains(&("conflict".to_owned(), "productVariant".to_owned())));
    let mut into = phone();
    into["productCode"] = json!("single");
    into["productVariant"][0]["productCode"] = json!("NEW");
    assert_eq!(faults(&app, into).await, conflict("productVariant"));
    // An item of its own may become a variant.
    let mut adopt = phone();
    adopt["productCode"] = json!("ONE");
    adopt["productVariant"][0]["productCode"] = json!("loose");
    put_well(&app, json!([adopt])).await;
    assert_eq!(read(&app, "loose").await["parentCode"], "ONE");
    assert_eq!(names(&read(&app, "ONE").await["productVariant"], "productCode"), ["LI00002", "loose"]);
}

#[tokio::test]
async fn prices_hold_from_and_to_a_day() {
    let app = shop().await;
    let mut product = plain("dated", "Dated");
    product["prices"] = json!([
        {"priceTierName": "Normal Price", "regularPrice": 100},
        {"priceTierName": "normal price", "regularPrice": 80, "startsAt": "2026-12-01", "endsAt": "2026-12-31"}
    ]);
    put_well(&app, json!([product])).await;
    let prices = read(&app, "dated").await["prices"].clone();
    assert_eq!((&prices[1]["priceTierName"], &prices[0]["startsAt"]), (&json!("Normal Price"), &Value::Null));
    assert_eq!(prices[1]["startsAt"], "2026-12-01T00:00:00+0700");
    assert_eq!(prices[1]["endsAt"], "2026-12-31T23:59:59+0700");
    product["prices"][1]["endsAt"] = json!("2026-11-30");
    assert_eq!(faults(&app, product).await, pairs(&[("invalid_value", "prices[1].endsAt")]));
}

#[tokio::test]
async fn a_barcode_leads_to_what_carries_it() {
    let app = shop().await;
    let with = |code: &str, barcode: &str, active: bool| {
        let mut product = plain(code, code);
        product["productBarcode"] = json!(barcode);
        product["active"] = json!(active);
        product
    };
    let products = json!([with("old", "885A", false), with("new", " 885a ", true), with("other", "886", true)]);
    put_well(&app, products).await;
    let found = app.get("/v1/products/barcode/885a").await;
    assert_eq!(names(found.data(), "productCode"), ["new", "old"], "those in use come first");
    put_well(&app, json!([{"productCode": "new", "productBarcode": null}])).await;
    assert_eq!(names(app.get("/v1/products/barcode/885A").await.data(), "productCode"), ["old"]);
    let unknown = app.get("/v1/products/barcode/999").await;
    assert_eq!((unknown.status, unknown.errors()), (404, vec![("not_found", "barcode")]));
}

#[tokio::test]
async fn a_bundle_consists_of_items() {
    let app = shop().await;
    put_well(&app, json!([plain("set", "Set"), plain("cup", "Cup"), plain("plate", "Plate"), phone()])).await;
    let set = async |code: &str, parts: Value, headers: &[(&str, &str)]| {
        app.request(Method::PUT, &format!("/v1/products/{code}/parts"), headers, Some(json!({"parts": parts}))).await
    };
    let parts = json!([{"productCode": "cup", "quantity": 2}, {"productCode": "PLATE", "quantity": "0.5"}]);
    let made = set("set", parts, &[("if-match", "\"1\"")]).await;
    assert_eq!((made.status, &made.data()["productType"]), (200, &json!(1032)), "{made:?}");
    let expected = json!([{"productCode": "cup", "quantity": 2}, {"productCode": "plate", "quantity": 0.5}]);
    assert_eq!(read(&app, "set").await["parts"], expected);
    let bundles = app.post("/v1/products/getProduct", json!({"productType": 1302, "status": [1], "take": 5})).await;
    assert_eq!(names(&bundles.data()["value"], "productCode"), ["set"]);
    assert_eq!(bundles.data()["value"][0]["partTypeId"], 1032);
    assert_eq!(set("set", json!([]), &[("if-match", "\"1\"")]).await.status, 412);
    let wrong = set("cup", json!([{"productCode": "set", "quantity": 1}]), &[]).await;
    assert_eq!((wrong.status, wrong.errors().len()), (400, 2), "{wrong:?}");
    let wrong = json!([{"productCode": "PRD000001", "quantity": 1}, {"productCode": "nobody", "quantity": 1}, {"productCode": "plate", "quantity": 1}]);
    let wrong = set("set", wrong, &[]).await;
    assert_eq!(wrong.errors(), [("invalid_value", "parts[0].productCode"), ("not_found", "parts[1].productCode")]);
    let wrong =
        set("set", json!([{"productCode": "cup", "quantity": 0}, {"productCode": "CUP", "quantity": 1}]), &[]).await;
    assert_eq!(wrong.errors(), [("out_of_range", "parts[0].quantity"), ("invalid_value", "parts[1].productCode")]);
    // A variant may be a bundle, too, and stays one whatever becomes of its product.
    assert_eq!(set("LI00002", json!([{"productCode": "plate", "quantity": 3}]), &[]).await.status, 200);
    put_well(&app, json!([{"productCode": "PRD000001", "category": "Sets"}, phone()])).await;
    let variant = read(&app, "LI00002").await;
    assert_eq!((&variant["productType"], &variant["parts"][0]["quantity"]), (&json!(1032), &json!(3)));
    // A part cannot be deleted while the bundle is there.
    let refused = app.request(Method::DELETE, "/v3/products/cup", &[], None).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("in_use", "productCode")]));
    assert_eq!(set("set", json!([]), &[]).await.data()["productType"], 1031);
    assert_eq!(app.request(Method::DELETE, "/v3/products/cup", &[], None).await.status, 200);
}

#[tokio::test]
async fn a_deleted_product_can_be_restored_with_its_variants() {
    let app = shop().await;
    let mut product = phone();
    product["productCode"] = json!("PHONE");
    put_well(&app, json!([product.clone()])).await;
    let delete = async |code: &str, headers: &[(&str, &str)]| {
        app.request(Method::DELETE, &format!("/v3/Products/{code}"), headers, None).await
    };
    assert_eq!(delete("PHONE", &[("if-match", "\"9\"")]).await.status, 412);
    assert_eq!(delete("phone", &[]).await.status, 200);
    for code in ["PHONE", "LI00002"] {
        assert_eq!(app.get(&format!("/v2/products/{code}")).await.status, 404, "{code}");
    }
    let all = app.post("/v2/Products/GetProduct", json!({"take": 5, "status": [0, 1]})).await;
    assert_eq!((&all.body["total"], all.data()), (&json!(0), &json!([])));
    assert_eq!(faults(&app, product).await, pairs(&[("conflict", "productCode")]));
    let restore =
        async |code: &str| app.request(Method::POST, &format!("/v3/products/{code}/restore"), &[], None).await;
    let refused = restore("LI00002").await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "productCode")]));
    let restored = restore("PHONE").await;
    assert_eq!(names(&restored.data()["productVariant"], "productCode"), ["LI00002"], "{restored:?}");
    assert_eq!(restore("PHONE").await.status, 409);
    let number = read(&app, "PHONE").await["productId"].clone();
    let audit = app.get(&format!("/v1/audit?ref=product/{number}")).await;
    assert_eq!(names(&audit.data()["value"], "action"), ["restored", "deleted", "created"]);
}

#[tokio::test]
async fn a_version_that_is_known_is_not_sent_again() {
    let app = shop().await;
    put_well(&app, json!([tissue()])).await;
    let first = app.get("/v2/products/Li00001").await;
    let tag = first.header("etag").to_owned();
    let headers = [("if-none-match", tag.as_str())];
    assert_eq!(app.request(Method::GET, "/v2/products/Li00001", &headers, None).await.status, 304);
    put_well(&app, json!([{"productCode": "Li00001", "cost": 16}])).await;
    assert_eq!(app.request(Method::GET, "/v2/products/Li00001", &headers, None).await.status, 200);
}

#[tokio::test]
async fn those_who_listen_hear_of_products() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    stock_lists(&app).await;
    let receiver = Receiver::start().await;
    let topics = ["Product".to_owned()];
    subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    put_well(&app, json!([tissue(), phone()])).await;
    put_well(&app, json!([{"productCode": "Li00001", "cost": 16}, tissue(), {"productCode": "Li00001"}])).await;
    app.request(Method::DELETE, "/v3/products/Li00001", &[], None).await;
    app.run_jobs().await;
    let mut heard: Vec<(String, String)> = Vec::new();
    for event in receiver.got() {
        let body: Value = serde_json::from_str(&event.body).unwrap();
        assert_eq!(body["Topic"], "Product");
        let product = &body["Data"]["Product"];
        heard.push((body["Event"].as_str().unwrap().to_owned(), product["ProductCode"].as_str().unwrap().to_owned()));
        if product["ProductCode"] == "PRD000001" {
            assert_eq!(product["ProductVariant"][0]["Qty"], 34);
        }
    }
    heard.sort();
    let expected = [
        ("Created", "Li00001"),
        ("Created", "PRD000001"),
        ("Deleted", "Li00001"),
        ("Updated", "Li00001"),
        ("Updated", "Li00001"),
    ];
    assert_eq!(heard, pairs(&expected));
}

#[tokio::test]
async fn the_legacy_operations_speak_in_numbers() {
    let app = shop().await;
    let example = json!({"productCode": "string", "groupId": 0, "productName": "string", "qty": 0, "price": 0, "unitId": 0,
                         "notes": "string", "isForSale": true, "isForInventory": true});
    let made = app.post("/v1/Products", example).await;
    assert_eq!((made.status, &made.data()["value"]["unitId"]), (200, &Value::Null), "{made:?}");
    let group = app.post("/v1/setting/product-groups", json!({"name": "Paper"})).await.data()["id"].clone();
    let part = json!({"name": "Soft", "detail": {"parentId": group}});
    let part = app.post("/v1/setting/product-groups", part).await.data()["id"].clone();
    let unit = app.get("/v1/products/units").await.data().as_array().unwrap().last().unwrap()["unitId"].clone();
    let legacy = |price: Value| {
        json!({"productCode": "L1", "groupId": part, "productName": "Legacy", "qty": 2.5, "price": price, "unitId": unit,
               "isForSale": 1, "isForInventory": "false"})
    };
    assert_eq!(app.post("/v1/Products", legacy(json!(9.5))).await.status, 200);
    let read_legacy = |answer: Answer| answer.data()["value"].clone();
    let value = read_legacy(app.get("/v1/Products/l1").await);
    let expected = json!({"productCode": "L1", "groupId": part, "groupName": "Soft", "productName": "Legacy", "qty": 2.5,
        "price": 9.5, "companyId": COMPANY, "unitId": unit, "unitName": "API", "notes": null, "isForSale": true,
        "isForInventory": false, "isActive": true});
    assert_eq!(value, expected);
    let modern = read(&app, "L1").await;
    assert_eq!((&modern["category"], &modern["subCategory"]), (&json!("Paper"), &json!("Soft")));
    assert_eq!(read_legacy(app.get(&format!("/v1/products/{}", modern["productId"])).await)["productCode"], "L1");
    // Another price is the first of several; the others stay.
    put_well(&app, json!([{"productCode": "L1", "prices": [{"priceTierName": "A", "regularPrice": 1}, {"priceTierName": "B", "regularPrice": 2}]}])).await;
    app.post("/v1/Products", legacy(json!(3))).await;
    let prices = read(&app, "L1").await["prices"].clone();
    assert_eq!((&prices[0]["regularPrice"], &prices[1]["regularPrice"]), (&json!(3), &json!(2)));
    let wrong =
        json!({"productCode": " ", "groupId": 99, "productName": "x", "unitId": 99, "isForSale": true, "price": -1});
    let refused = app.post("/v1/Products", wrong).await;
    let mut errors = refused.errors();
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            ("not_found", "groupId"),
            ("not_found", "unitId"),
            ("out_of_range", "price"),
            ("required", "isForInventory"),
            ("required", "productCode")
        ]
    );
}

#[tokio::test]
async fn entries_that_products_use_are_kept_or_moved() {
    let app = shop().await;
    let mut product = tissue();
    product["productTag"] = json!(["old", "kept"]);
    put_well(&app, json!([product])).await;
    let id = async |list: &str, name: &str| {
        let all = app.get(&format!("/v1/setting/{list}")).await;
        let all = all.data()["value"].as_array().unwrap().clone();
        all.iter().find(|entry| entry["name"] == name).unwrap()["id"].as_i64().unwrap()
    };
    for (list, name, other) in [
        ("units", "API", "Other unit"),
        ("product-tags", "old", "new"),
        ("product-groups", "Open API", "Elsewhere"),
        ("price-tiers", "Normal Price", "List price"),
    ] {
        let from = id(list, name).await;
        let made = app.post(&format!("/v1/setting/{list}"), json!({"name": other})).await;
        let to = made.data()["id"].clone();
        let retire =
            async |body: Value| app.request(Method::PUT, &format!("/v1/setting/{list}/{from}"), &[], Some(body)).await;
        assert_eq!(retire(json!({"isActive": false})).await.errors(), [("in_use", "isActive")], "{list}");
        assert_eq!(retire(json!({"isActive": false, "reassignTo": to})).await.status, 200, "{list}");
    }
    let product = read(&app, "Li00001").await;
    assert_eq!((&product["productUnitName"], &product["category"]), (&json!("Other unit"), &json!("Elsewhere")));
    assert_eq!(product["prices"][0]["priceTierName"], "List price");
    assert_eq!(product["productTag"], json!(["new", "kept"]));
    // A unit that is out of use cannot be chosen any more.
    assert_eq!(
        faults(&app, json!({"productCode": "Li00001", "productUnitName": "API"})).await,
        pairs(&[("not_found", "productUnitName")])
    );
    // A group cannot become a part of its own part, nor have a fourth level.
    let mut deep = plain("deep", "Deep");
    deep["productUnitName"] = json!("other UNIT");
    deep["subCategory"] = json!("Second");
    deep["sub_SubCategory"] = json!("Third");
    put_well(&app, json!([deep])).await;
    let (first, third) = (id("product-groups", "General").await, id("product-groups", "Third").await);
    let refused = app
        .request(
            Method::PUT,
            &format!("/v1/setting/product-groups/{first}"),
            &[],
            Some(json!({"detail": {"parentId": third}})),
        )
        .await;
    assert_eq!(refused.errors(), [("invalid_value", "detail.parentId")]);
    let refused =
        app.post("/v1/setting/product-groups", json!({"name": "Fourth", "detail": {"parentId": third}})).await;
    assert_eq!(refused.errors(), [("invalid_value", "detail.parentId")]);
}

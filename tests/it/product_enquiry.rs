//! Lists of products: by count and state, by the filters of the older operation, by keyword.

use axum::http::Method;
use sala::search::Effort;
use serde_json::{Value, json};

use crate::app::{TestApp, answer, request};
use crate::product::{phone, plain, put_well, shop};

async fn codes(app: &TestApp, mut body: Value) -> Vec<String> {
    for (field, usual) in [("productType", json!(1031)), ("status", json!([true])), ("take", json!(100))] {
        if body.get(field).is_none() {
            body[field] = usual;
        }
    }
    let answer = app.post("/v1/products/getProduct", body).await;
    answer.data()["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["productCode"].as_str().unwrap().to_owned())
        .collect()
}

/// Five items, one of them a variant and one not in use.
async fn filled() -> TestApp {
    let app = shop().await;
    let mut products = vec![];
    for (code, name, category) in [("B1", "Blue pen", "Pens"), ("A1", "แก้วน้ำ", "Cups"), ("C1", "50%_off!", "Pens")]
    {
        let mut product = plain(code, name);
        product["category"] = json!(category);
        product["productBarcode"] = json!(format!("885{code}"));
        products.push(product);
    }
    products[1]["subCategory"] = json!("Glass");
    products[1]["visibility"] = json!(false);
    products[2]["trackInventory"] = json!(false);
    let mut gone = plain("D1", "Old pen");
    gone["active"] = json!(false);
    gone["category"] = json!("Pens");
    products.push(gone);
    products.push(phone());
    put_well(&app, json!(products)).await;
    app
}

#[tokio::test]
async fn the_example_is_taken_as_it_is() {
    let app = filled().await;
    let example = json!({"productFor": "string", "typeFor": 0, "productType": 1031, "productGroupIds": [0],
                         "status": [true], "skip": 0, "take": 0, "smartSearch": "string", "orderBy": "string"});
    let answer = app.post("/v1/products/getProduct", example).await;
    assert_eq!((answer.status, &answer.data()["value"]), (200, &json!([])));
    let item = app.post("/v1/Products/GetProduct", json!({"productType": 1031, "smartSearch": "blue"})).await;
    let expected = json!({"partId": 1, "partTypeId": 1031, "partName": "Blue pen", "qty": 0, "price": 10, "companyId": 507,
        "unit": "API", "name": "Blue pen", "isActive": true, "productCode": "B1", "productBarcode": "885B1", "groupId": 1,
        "groupName": "Pens", "unitId": item.data()["value"][0]["unitId"], "isForSale": true, "isForInventory": true});
    assert_eq!(item.data()["value"], json!([expected]));
    assert_eq!((&item.data()["total"], &item.data()["totalIsEstimate"]), (&json!(1), &json!(false)));
}

#[tokio::test]
async fn each_filter_narrows_the_list() {
    let app = filled().await;
    // Items that can be sold: variants, and not their parent. The newest come first.
    assert_eq!(codes(&app, json!({})).await, ["LI00002", "C1", "A1", "B1"]);
    for status in [json!([1, 0]), json!([true, false]), json!([]), json!(null)] {
        assert_eq!(codes(&app, json!({"status": status})).await.len(), 5, "{status}");
    }
    for status in [json!([0]), json!([false]), json!(["false"])] {
        assert_eq!(codes(&app, json!({"status": status})).await, ["D1"], "{status}");
    }
    assert_eq!(codes(&app, json!({"productType": 1301})).await.len(), 4);
    for bundle in [1032, 1302] {
        assert!(codes(&app, json!({"productType": bundle})).await.is_empty());
    }
    assert_eq!(codes(&app, json!({"typeFor": 1})).await, ["LI00002", "C1", "B1"]);
    assert_eq!(codes(&app, json!({"typeFor": 2})).await, ["LI00002", "A1", "B1"]);
    let groups = app.get("/v1/products/groups").await;
    let id = |name: &str| {
        let groups = groups.data().as_array().unwrap();
        groups.iter().find(|group| group["groupName"] == name).unwrap()["groupId"].clone()
    };
    assert_eq!(codes(&app, json!({"productGroupIds": [id("Pens")]})).await, ["C1", "B1"]);
    assert_eq!(codes(&app, json!({"productGroupIds": [id("Glass")]})).await, ["A1"]);
    assert_eq!(codes(&app, json!({"productGroupIds": [id("Glass"), id("Pens"), 0]})).await, ["C1", "A1", "B1"]);
    assert!(codes(&app, json!({"productGroupIds": [999]})).await.is_empty());
    assert_eq!(codes(&app, json!({"productFor": " cups, Open API"})).await, ["LI00002", "A1"]);
    let refused = app.post("/v1/products/getProduct", json!({"productType": 1, "typeFor": 3, "skip": -1})).await;
    let mut errors = refused.errors();
    errors.sort_unstable();
    assert_eq!(errors, [("invalid_value", "productType"), ("invalid_value", "skip"), ("invalid_value", "typeFor")]);
    assert_eq!(app.post("/v1/products/getProduct", json!({})).await.errors(), [("required", "productType")]);
}

#[tokio::test]
async fn a_keyword_is_part_of_a_name_a_code_or_a_barcode_in_any_script() {
    let app = filled().await;
    let search = async |keyword: &str| codes(&app, json!({"smartSearch": keyword, "status": [0, 1]})).await;
    assert_eq!(search("PEN").await, ["D1", "B1"]);
    assert_eq!(search("ก้ว").await, ["A1"]);
    assert_eq!(search("885c").await, ["C1"]);
    assert_eq!(search("50%_").await, ["C1"]);
    assert_eq!(search("5__o").await, Vec::<String>::new());
    assert_eq!(search("1").await, ["D1", "C1", "A1", "B1"], "codes and barcodes alike");
    assert_eq!(search("daisy").await, ["LI00002"], "the name of the product that it is a variant of");
    assert_eq!(
        codes(&app, json!({"smartSearch": "pen", "orderBy": "productCode", "skip": 1, "status": null})).await,
        ["D1"]
    );
}

#[tokio::test]
async fn a_keyword_that_many_have_leads_to_the_same_pages() {
    const LENGTH: usize = 60;
    let app = shop().await;
    // The order of names and codes is another one than that of the numbers.
    let spread = |number: usize| number * 7 % LENGTH;
    let is_active = |number: usize| !number.is_multiple_of(3);
    let products = (0..LENGTH).map(|number| {
        let kind = if number < 20 { "Old pen" } else { "Pen" };
        let mut product = plain(&format!("N{:02}", spread(number)), &format!("{kind} {:02}", spread(number)));
        product["active"] = json!(is_active(number));
        product
    });
    put_well(&app, products.collect()).await;
    let least = Effort { entries: 7, rows: 5, passed: 1, sorted: 1 };
    let (_, hasty) = app.node(|config| config.effort = least).await;
    let (mut estimates, mut found) = (0, 0);
    for keyword in ["pen", "old", "n1", "pen 4", "none"] {
        for (status, wanted) in [(json!([1]), Some(true)), (json!([0]), Some(false)), (json!([]), None)] {
            let name = |number: usize| format!("{}pen {:02}", if number < 20 { "old " } else { "" }, spread(number));
            let fits = |number: &usize| {
                let text = format!("{}\nn{:02}", name(*number), spread(*number));
                text.contains(keyword) && wanted.is_none_or(|wanted| wanted == is_active(*number))
            };
            let mut fitting: Vec<usize> = (0..LENGTH).rev().filter(fits).collect();
            for order in ["dateCreated", "dateCreated asc", "productName", "productCode desc"] {
                match order {
                    "dateCreated asc" => fitting.reverse(),
                    "productName" => fitting.sort_by_key(|number| name(*number)),
                    "productCode desc" => fitting.sort_by_key(|number| std::cmp::Reverse(spread(*number))),
                    _ => {}
                }
                for skip in [0, 3, 30] {
                    let body = json!({"productType": 1031, "status": status, "smartSearch": keyword, "orderBy": order,
                                      "skip": skip, "take": 10});
                    let request = request(&app.token, Method::POST, "/v1/products/getProduct", &[], Some(body.clone()));
                    let page = answer(&hasty, request).await;
                    let items = page.data()["value"].as_array().unwrap();
                    let codes: Vec<&str> = items.iter().map(|item| item["productCode"].as_str().unwrap()).collect();
                    let expected: Vec<String> =
                        fitting.iter().skip(skip).take(10).map(|number| format!("N{:02}", spread(*number))).collect();
                    assert_eq!(codes, expected, "{body}");
                    found += expected.len();
                    let whole = app.post("/v1/products/getProduct", body.clone()).await;
                    assert_eq!(whole.data()["value"], page.data()["value"], "{body}");
                    assert_eq!(whole.data()["total"], json!(fitting.len()), "{body}");
                    let is_estimate = page.data()["totalIsEstimate"] == json!(true);
                    assert!(is_estimate || page.data()["total"] == json!(fitting.len()), "{body}: {page:?}");
                    // Where the first page is the last, nothing is left to be guessed.
                    assert!(!is_estimate || skip > 0 || fitting.len() > 10, "{body}");
                    estimates += usize::from(is_estimate);
                }
            }
        }
    }
    assert!(found > 500 && estimates > 20, "{found} {estimates}");
}

#[tokio::test]
async fn a_list_has_the_order_that_is_asked_for() {
    let app = filled().await;
    let by = async |order: &str| codes(&app, json!({"orderBy": order})).await;
    assert_eq!(by("productCode").await, ["A1", "B1", "C1", "LI00002"]);
    assert_eq!(by("ProductCode desc").await, ["LI00002", "C1", "B1", "A1"]);
    assert_eq!(by("productName").await, ["C1", "B1", "LI00002", "A1"]);
    assert_eq!(by("-productName").await, ["A1", "LI00002", "B1", "C1"]);
    assert_eq!(by("dateCreated asc").await, ["B1", "A1", "C1", "LI00002"]);
    app.advance(std::time::Duration::from_secs(1));
    put_well(&app, json!([{"productCode": "B1", "cost": 3}])).await;
    assert_eq!(by("dateModified").await[0], "B1");
    assert_eq!(by("dateModified asc").await[3], "B1");
    assert_eq!(codes(&app, json!({"orderBy": "productCode", "skip": 1, "take": 2})).await, ["B1", "C1"]);
}

#[tokio::test]
async fn products_are_listed_by_count_and_state() {
    let app = filled().await;
    let list = async |body: Value| {
        let answer = app.post("/v2/products/getproduct", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let codes =
            answer.data().as_array().unwrap().iter().map(|product| product["productCode"].as_str().unwrap().to_owned());
        (codes.collect::<Vec<String>>(), answer.body["next"].clone())
    };
    // What people call a product: with its variants in it.
    let (all, next) = list(json!({"take": 5, "status": [1]})).await;
    assert_eq!((all, next), (["PRD000001", "C1", "A1", "B1"].map(str::to_owned).to_vec(), Value::Null));
    assert_eq!(list(json!({"take": 0, "status": [0]})).await.0, ["D1"]);
    assert_eq!(list(json!({"take": 0, "status": [0, 1]})).await.0.len(), 5);
    let (first, next) = list(json!({"take": 2, "status": [1]})).await;
    assert_eq!(first, ["PRD000001", "C1"]);
    let (second, next) = list(json!({"take": 2, "status": [1], "cursor": next})).await;
    assert_eq!((second, next), (["A1", "B1"].map(str::to_owned).to_vec(), Value::Null));
    assert_eq!(list(json!({"take": 1, "skip": 1, "status": [1]})).await.0, ["C1"]);
    let refused = app.post("/v2/Products/GetProduct", json!({"take": -1, "cursor": "x", "status": [2]})).await;
    assert!(!refused.errors().is_empty());
    assert_eq!(
        app.post("/v2/Products/GetProduct", json!({})).await.errors(),
        [("required", "take"), ("required", "status")]
    );
}

#[tokio::test]
async fn another_companys_products_are_not_there() {
    let app = filled().await;
    let other = app.tenant(508, &["product:read", "product:write"]).await;
    let ask = async |body: Value| {
        app.request_as(&other.token, axum::http::Method::POST, "/v1/products/getProduct", Some(body)).await
    };
    for keyword in [json!("pen"), json!(null)] {
        let found = ask(json!({"productType": 1031, "smartSearch": keyword})).await;
        assert_eq!((&found.data()["value"], &found.data()["total"]), (&json!([]), &json!(0)));
    }
    for path in ["/v2/products/B1", "/v1/products/B1", "/v1/products/barcode/885B1", "/tickets/1", "/tickets/1/items"] {
        let refused = app.request_as(&other.token, axum::http::Method::GET, path, None).await;
        assert_eq!(refused.status, 404, "{path}");
    }
}

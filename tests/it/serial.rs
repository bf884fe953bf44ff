//! Serial numbers: registering, verifying for a customer, warranty, and Codeguard products.

use axum::http::Method;
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp, answer, request};
use crate::receiver::Receiver;
use crate::stock::{item, put_products};

/// A server with a product of two years' warranty, and two pieces of it.
async fn shop() -> TestApp {
    let app = TestApp::new().await;
    put_products(&app, &[guarded("P1", json!(2), "y"), item("P2")]).await;
    register(&app, "P1", json!({"serialNumbers": ["SN-1", "SN-2"]})).await.data();
    app
}

fn guarded(code: &str, length: Value, unit: &str) -> Value {
    let mut product = item(code);
    product["useWarranty"] = json!(true);
    product["timeWarrantyValue"] = length;
    product["timeWarrantyUnit"] = json!(unit);
    product
}

async fn register(app: &TestApp, code: &str, body: Value) -> Answer {
    app.post(&format!("/v3/products/{code}/serials"), body).await
}

async fn verify(app: &TestApp, body: Value) -> Answer {
    app.post("/v3/products/serials/verification", body).await
}

/// The request example of the original, for this number.
fn documented(serial: &str) -> Value {
    json!({"SerialNumber": serial, "CustomerName": "John Doe", "CustomerCode": "Coode", "CustomerType": 1,
           "SaleOrderNo": "SO23080001xxxxxxx", "Note": "This is a test note.", "Latitude": 13.7563, "Longtitude": 100.5018,
           "PurchaseDate": "2023-08-04"})
}

async fn customer(app: &TestApp, code: &str, name: &str) {
    let body = json!({"customerCode": code, "customerName": name, "customerState": 3});
    app.post("/v3/customers", body).await.data();
}

async fn status(app: &TestApp, serial: &str) -> Value {
    app.get(&format!("/v3/Products/serials/status?serialNumber={serial}")).await.data().clone()
}

#[tokio::test]
async fn a_customer_verifies_a_piece_and_its_warranty_begins() {
    let app = shop().await;
    let verified = verify(&app, documented("sn-1")).await;
    let data = verified.data();
    let expected = json!({
        "serialNumber": "SN-1", "productCode": "P1", "productName": "Product P1", "status": 3, "statusName": "Verified",
        "customerCode": "Coode", "customerName": "John Doe", "saleOrderNo": "SO23080001xxxxxxx", "purchaseDate": "2023-08-04",
        "warrantyStart": "2023-08-04", "warrantyEnd": "2025-08-04", "isInWarranty": data["isInWarranty"],
        "verifiedDate": data["verifiedDate"], "dateCreated": data["dateCreated"], "dateModified": data["dateModified"],
        "isFirstVerification": true, "note": "This is a test note.", "latitude": 13.7563, "longitude": 100.5018
    });
    assert_eq!(data, &expected);
    // The customer was new, and is what the request says.
    let made = app.get("/v3/customers/Coode").await;
    assert_eq!(
        json!([made.data()["customerName"], made.data()["customerType"], made.data()["customerState"]]),
        json!(["John Doe", 1, 3])
    );
    // The same customer again: nothing changes, whatever else is said.
    let mut again = documented("SN-1");
    again["PurchaseDate"] = json!("2024-01-01");
    let again = verify(&app, again).await;
    assert_eq!(
        (&again.data()["isFirstVerification"], &again.data()["warrantyEnd"]),
        (&json!(false), &json!("2025-08-04"))
    );
    // Another one: refused, without a word of whose it is.
    customer(&app, "C2", "Jane").await;
    let mut other = documented("SN-1");
    other["CustomerCode"] = json!("C2");
    let refused = verify(&app, other).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("taken", "SerialNumber")]));
    assert!(!refused.text.contains("John") && !refused.text.contains("Coode"), "{refused:?}");
    let history = app.get("/v1/audit?ref=serial/SN-1").await;
    let entry = &history.data()["value"][0];
    assert_eq!((&entry["action"], &entry["changes"]["status"]), (&json!("verified"), &json!([1, 3])));
    assert!(
        !history.text.contains("test note") && !history.text.contains("13.75"),
        "the person's words are in one place"
    );
}

#[tokio::test]
async fn every_bad_field_of_a_verification_is_named() {
    let app = shop().await;
    let wrong = json!({"SerialNumber": "", "CustomerType": 7, "Latitude": 91, "Longtitude": "-181", "PurchaseDate": "04/08/2023"});
    let refused = verify(&app, wrong).await;
    let mut fields = refused.errors();
    fields.sort_by_key(|(_, field)| *field);
    let expected = [
        ("required", "CustomerCode"),
        ("invalid_value", "CustomerType"),
        ("out_of_range", "Latitude"),
        ("out_of_range", "Longtitude"),
        ("invalid_format", "PurchaseDate"),
        ("required", "SerialNumber"),
    ];
    assert_eq!((refused.status, fields), (400, expected.to_vec()));
    let mut future = documented("SN-1");
    future["PurchaseDate"] = json!("2999-01-01");
    assert_eq!(verify(&app, future).await.errors(), [("out_of_range", "PurchaseDate")]);
    let unknown = verify(&app, documented("SN-9")).await;
    assert_eq!((unknown.status, unknown.errors()), (404, vec![("not_found", "SerialNumber")]));
    let refused =
        verify(&app, json!({"SerialNumber": "SN-1", "CustomerCode": "nobody", "PurchaseDate": "2023-08-04"})).await;
    assert_eq!((refused.status, refused.errors()), (400, vec![("not_found", "CustomerCode")]));
    assert_eq!(status(&app, "SN-1").await["status"], 1);
}

#[tokio::test]
async fn customers_are_known_by_code_or_whole_name_and_made_only_by_those_who_may() {
    let app = shop().await;
    customer(&app, "C1", "Somchai").await;
    let by_name = json!({"SerialNumber": "SN-1", "CustomerName": "somchai", "PurchaseDate": "2023-08-04T10:00:00"});
    assert_eq!(verify(&app, by_name).await.data()["customerCode"], "C1");
    // A token that may not write customers verifies for those who are there, and makes none.
    let client = app.tenant(COMPANY, &["product:read", "product:write"]).await;
    let as_client = async |body: Value| {
        app.request_as(&client.token, Method::POST, "/v3/products/serials/verification", Some(body)).await
    };
    let refused =
        as_client(json!({"SerialNumber": "SN-2", "CustomerName": "Nobody", "PurchaseDate": "2023-08-04"})).await;
    assert_eq!((refused.status, refused.errors()), (400, vec![("not_found", "CustomerName")]));
    as_client(json!({"SerialNumber": "SN-2", "CustomerCode": "c1", "PurchaseDate": "2023-08-04"})).await.data();
    register(&app, "P1", json!({"serialNumbers": ["SN-3"]})).await.data();
    let lead =
        json!({"SerialNumber": "SN-3", "CustomerName": "New", "CustomerType": "11100", "PurchaseDate": "2023-08-04"});
    assert_eq!(verify(&app, lead).await.data()["customerCode"], "L000001");
}

#[tokio::test]
async fn a_warranty_is_counted_by_the_calendar() {
    let mut app = TestApp::new().await;
    let lengths = [("A", json!(1), "m"), ("B", json!("1"), "y"), ("C", json!(30), "d"), ("D", json!(null), "y")];
    let mut products: Vec<Value> =
        lengths.into_iter().map(|(code, length, unit)| guarded(code, length, unit)).collect();
    products.push(item("E"));
    put_products(&app, &products).await;
    customer(&app, "C1", "Somchai").await;
    let mut ends = Vec::new();
    for code in ["A", "B", "C", "D", "E"] {
        register(&app, code, json!({"serialNumbers": [format!("SN-{code}")]})).await.data();
        let body = json!({"SerialNumber": format!("SN-{code}"), "CustomerCode": "C1", "PurchaseDate": "2024-01-31"});
        let data = verify(&app, body).await.data().clone();
        ends.push(json!([data["warrantyStart"], data["warrantyEnd"], data["isInWarranty"]]));
    }
    let start = "2024-01-31";
    let expected = [
        json!([start, "2024-02-29", false]),
        json!([start, "2025-01-31", false]),
        json!([start, "2024-03-01", false]),
        json!([start, null, true]),
        json!([null, null, false]),
    ];
    assert_eq!(ends, expected);
    // It holds to the end of its last day.
    let zone = jiff::tz::TimeZone::get("Asia/Bangkok").unwrap();
    let today = jiff::Timestamp::from_millisecond(app.app.now()).unwrap().to_zoned(zone).date();
    put_products(&app, &[guarded("F", json!(0), "d")]).await;
    register(&app, "F", json!({"serialNumbers": ["SN-F"]})).await.data();
    let body = json!({"SerialNumber": "SN-F", "CustomerCode": "C1", "PurchaseDate": today.to_string()});
    assert_eq!(verify(&app, body).await.data()["isInWarranty"], true);
    app.advance(std::time::Duration::from_secs(24 * 3600));
    app.token = app.token_for(&app.client).await;
    assert_eq!(status(&app, "SN-F").await["isInWarranty"], false);
}

#[tokio::test]
async fn the_status_of_a_number_and_the_list_of_statuses() {
    let app = shop().await;
    let codes = app.get("/v3/Products/serials/status").await;
    let names: Vec<Value> =
        codes.data().as_array().unwrap().iter().map(|row| json!([row["statusId"], row["statusName"]])).collect();
    assert_eq!(names, [json!([1, "Registered"]), json!([2, "Sold"]), json!([3, "Verified"]), json!([4, "Blocked"])]);
    let path = "/v3/products/serials/status?serialNumber=sn-1";
    let read = app.get(path).await;
    assert_eq!((&read.data()["serialNumber"], &read.data()["status"]), (&json!("SN-1"), &json!(1)));
    let tag = read.header("etag").to_owned();
    assert_eq!(app.request(Method::GET, path, &[("if-none-match", &tag)], None).await.status, 304);
    verify(&app, documented("SN-1")).await.data();
    assert_eq!(app.request(Method::GET, path, &[("if-none-match", &tag)], None).await.status, 200);
    assert_eq!(
        app.get("/v3/products/serials/status?serialNumber=SN-9").await.errors(),
        [("not_found", "serialNumber")]
    );
    // Another company's numbers are its own.
    let stranger = app.tenant(508, &["product:read"]).await;
    assert_eq!(app.request_as(&stranger.token, Method::GET, path, None).await.status, 404);
}

#[tokio::test]
async fn numbers_are_registered_whole_or_not_at_all_and_can_be_sent_again() {
    let app = shop().await;
    let body = json!({"serialNumbers": ["SN-3", 4, " SN-1 "], "serials": [{"serialNumber": "SN-5", "status": "2", "saleOrderNo": "SO1"}]});
    let counts = |answer: &Answer| {
        let data = answer.data();
        json!([data["registered"], data["updated"], data["unchanged"]])
    };
    assert_eq!(counts(&register(&app, "p1", body.clone()).await), json!([3, 0, 1]));
    assert_eq!(counts(&register(&app, "P1", body).await), json!([0, 0, 4]));
    assert_eq!(json!([status(&app, "SN-5").await["status"], status(&app, "4").await["status"]]), json!([2, 1]));
    let foreign = register(&app, "P2", json!({"serialNumbers": ["SN-6", "sn-1"]})).await;
    assert_eq!((foreign.status, foreign.errors()), (409, vec![("taken", "serialNumbers[1]")]));
    assert_eq!(app.get("/v3/products/serials/status?serialNumber=SN-6").await.status, 404, "all or none");
    let wrong = json!({"serialNumbers": ["A", "a", "x".repeat(101)], "serials": [{"serialNumber": "B", "status": 3}, {"status": 1}]});
    let refused = register(&app, "P1", wrong).await;
    let mut errors = refused.errors();
    errors.sort_by_key(|(_, field)| *field);
    let expected = [
        ("invalid_value", "serialNumbers[1]"),
        ("too_long", "serialNumbers[2]"),
        ("invalid_value", "serials[0].status"),
        ("required", "serials[1].serialNumber"),
    ];
    assert_eq!(errors, expected);
    assert_eq!(register(&app, "P1", json!({})).await.errors(), [("required", "serialNumbers")]);
    assert_eq!(register(&app, "nobody", json!({"serialNumbers": ["A"]})).await.status, 404);
    // Lists by product, status and customer, page by page.
    verify(&app, documented("SN-1")).await.data();
    let list = async |query: &str| {
        let answer = app.get(&format!("/v3/products/serials?{query}")).await;
        let rows = answer.data()["value"].as_array().unwrap();
        let numbers: Vec<String> = rows.iter().map(|row| row["serialNumber"].as_str().unwrap().to_owned()).collect();
        (numbers, answer.data()["next"].as_str().map(str::to_owned))
    };
    assert_eq!(list("productCode=P1").await.0.len(), 5);
    assert_eq!(list("status=3").await.0, ["SN-1"]);
    assert_eq!(list("customerCode=Coode&productCode=P1").await.0, ["SN-1"]);
    assert_eq!(list("productCode=P2").await.0, Vec::<String>::new());
    let (first, next) = list("take=3").await;
    let (second, end) = list(&format!("take=3&before={}", next.unwrap())).await;
    let mut all: Vec<String> = first.into_iter().chain(second).collect();
    all.sort();
    assert_eq!((all, end), (["4", "SN-1", "SN-2", "SN-3", "SN-5"].map(str::to_owned).to_vec(), None));
    let refused = app.get("/v3/products/serials?status=9&productCode=x&customerCode=y").await;
    assert_eq!(
        refused.errors(),
        [("invalid_value", "status"), ("not_found", "productCode"), ("not_found", "customerCode")]
    );
}

#[tokio::test]
async fn a_blocked_number_is_not_verified_and_one_that_came_back_has_no_owner() {
    let app = shop().await;
    let mark = async |status: i64| {
        register(&app, "P1", json!({"serials": [{"serialNumber": "SN-1", "status": status}]})).await.data().clone()
    };
    assert_eq!(mark(4).await["updated"], 1);
    let refused = verify(&app, documented("SN-1")).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "SerialNumber")]));
    mark(2).await;
    verify(&app, documented("SN-1")).await.data();
    mark(1).await;
    let back = status(&app, "SN-1").await;
    assert_eq!(json!([back["status"], back["customerCode"], back["warrantyEnd"]]), json!([1, null, null]));
    customer(&app, "C2", "Jane").await;
    let mut other = documented("SN-1");
    other["CustomerCode"] = json!("C2");
    other.as_object_mut().unwrap().remove("Note");
    let verified = verify(&app, other).await;
    assert_eq!(json!([verified.data()["customerName"], verified.data()["note"]]), json!(["Jane", null]));
    let id = app.get("/v2/products/P1").await.data()["productId"].clone();
    let history = app.get(&format!("/v1/audit?ref=product/{id}")).await;
    let changes: Vec<&Value> =
        history.data()["value"].as_array().unwrap().iter().map(|e| &e["changes"]["SN-1"]).collect();
    assert_eq!(changes[0], &json!([[3, "SO23080001xxxxxxx"], [1, "SO23080001xxxxxxx"]]));
}

/// Ten customers want the same piece at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_piece_is_verified_by_one_customer_only() {
    let app = shop().await;
    for number in 0..10 {
        customer(&app, &format!("C{number}"), &format!("Name {number}")).await;
    }
    let (_, server) = app.second_node().await;
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let (server, token) = (server.clone(), app.token.clone());
            let body =
                json!({"SerialNumber": "SN-1", "CustomerCode": format!("C{number}"), "PurchaseDate": "2023-08-04"});
            tokio::spawn(async move {
                let path = "/v3/products/serials/verification";
                answer(&server, request(&token, Method::POST, path, &[], Some(body))).await.status
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn subscribers_hear_of_a_verification_without_the_person_s_words() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    put_products(&app, &[guarded("P1", json!(2), "y")]).await;
    register(&app, "P1", json!({"serialNumbers": ["SN-1"]})).await.data();
    let receiver = Receiver::start().await;
    let topics = ["Product".to_owned()];
    subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    verify(&app, documented("SN-1")).await.data();
    verify(&app, documented("SN-1")).await.data();
    app.run_jobs().await;
    let bodies: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let expected = json!([{"Topic": "Product", "Event": "SerialVerified", "Data": {"Serial": {
        "SerialNumber": "SN-1", "ProductCode": "P1", "CustomerCode": "Coode", "SaleOrderNo": "SO23080001xxxxxxx",
        "PurchaseDate": "2023-08-04", "WarrantyStart": "2023-08-04", "WarrantyEnd": "2025-08-04"}}}]);
    assert_eq!(json!(bodies), expected);
}

#[tokio::test]
async fn codeguard_products_are_written_with_their_numbers() {
    let app = shop().await;
    let guard = async |products: Value| {
        let answer = app.post("/v3/Products/codeguard", json!({"products": products})).await;
        let rows = answer.data().as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| {
                let error = row["error"]["errors"][0].clone();
                json!([
                    row["productCode"],
                    row["isSuccess"],
                    row["product"],
                    row["serials"]["registered"],
                    error["code"],
                    error["field"]
                ])
            })
            .collect::<Vec<_>>()
    };
    let products = json!([
        {"productCode": "G1", "productName": "Guarded", "useWarranty": true, "timeWarrantyValue": 6, "timeWarrantyUnit": "m",
         "serialNumbers": ["G-1", "G-2"]},
        {"productCode": "P1", "serials": [{"serialNumber": "SN-1"}, {"serialNumber": "SN-3", "status": 2}]},
        {"productCode": "G2", "productName": "Taken", "serialNumbers": ["SN-2"]},
        {"productCode": "G3", "serialNumbers": ["G-3"]},
        {"productName": "No code", "serialNumbers": "x"},
        {"productCode": "G1", "serialNumbers": ["G-2", "G-4"]},
    ]);
    assert_eq!(
        guard(products).await,
        [
            json!(["G1", true, "created", 2, null, null]),
            json!(["P1", true, "unchanged", 1, null, null]),
            json!(["G2", false, null, null, "taken", "serialNumbers[0]"]),
            json!(["G3", false, null, null, "required", "productName"]),
            json!(["", false, null, null, "invalid_type", "serialNumbers"]),
            json!(["G1", true, "unchanged", 1, null, null]),
        ]
    );
    assert_eq!(app.get("/v2/products/G2").await.status, 404, "of a product that fails nothing is written");
    let mut body = documented("G-1");
    body["PurchaseDate"] = json!("2023-08-31");
    assert_eq!(verify(&app, body).await.data()["warrantyEnd"], "2024-02-29");
    assert_eq!(app.post("/v3/products/codeguard", json!({})).await.errors(), [("required", "products")]);
    let many: Vec<Value> = (0..201).map(|number| json!({"productCode": format!("X{number}")})).collect();
    let refused = app.post("/v3/products/codeguard", json!({"products": many})).await;
    assert_eq!(refused.errors(), [("too_long", "products")]);
}

//! Many products at once: the ticket, what becomes of each product, and the work that goes on after a kill.

use std::time::Duration;

use axum::http::Method;
use sala::job;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::child::{Server, until};
use crate::product::{phone, plain, put, put_well, shop, tissue};

/// So many products, some of them at fault.
fn many(count: usize, is_bad: impl Fn(usize) -> bool) -> Value {
    let product = |number: usize| {
        let mut product = plain(&format!("P{number:05}"), &format!("Product {number}"));
        product["qty"] = json!(number);
        if is_bad(number) {
            product["productUnitName"] = json!("Barrel");
        }
        product
    };
    json!((0..count).map(product).collect::<Vec<Value>>())
}

async fn count(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select count(*) from product").one().await.unwrap()
}

#[tokio::test]
async fn a_request_is_acknowledged_before_it_is_worked_on() {
    let app = shop().await;
    let accepted = app.post("/v3/Products", json!({"products": [tissue(), {"productCode": "bad"}]})).await;
    assert_eq!(accepted.data(), &json!({"ticketId": 1, "total": 2}));
    let waiting = app.get("/tickets/1").await.data().clone();
    assert_eq!(
        (&waiting["state"], &waiting["progress"], &waiting["errors"]),
        (&json!("waiting"), &json!(0), &json!([]))
    );
    assert_eq!(app.get("/v2/products/Li00001").await.status, 404);
    app.run_jobs().await;
    for path in ["/tickets/1", "/v1/tickets/1", "/V3/Tickets/1/"] {
        let ticket = app.get(path).await.data().clone();
        assert_eq!(
            (&ticket["state"], &ticket["progress"], &ticket["processed"]),
            (&json!("done"), &json!(100), &json!(2))
        );
        assert_eq!((&ticket["created"], &ticket["failed"]), (&json!(1), &json!(1)));
        let error = &ticket["errors"][0];
        assert_eq!(
            (&error["index"], &error["productCode"], &error["state"]),
            (&json!(1), &json!("bad"), &json!("failed"))
        );
        assert!(ticket["dateFinished"].as_str().unwrap().ends_with("+0700"));
    }
    let items = app.get("/tickets/1/items?take=1").await.data().clone();
    let number = app.get("/v2/products/Li00001").await.data()["productId"].clone();
    let expected =
        json!([{"index": 0, "state": "created", "productId": number, "productCode": "Li00001", "errors": []}]);
    assert_eq!(items, expected);
    assert_eq!(app.get("/tickets/2").await.errors(), [("not_found", "ticket")]);
}

#[tokio::test]
async fn a_body_that_is_no_list_of_products_is_refused_at_once() {
    let app = shop().await;
    for (body, fault) in [
        ("{}", ("required", "products")),
        ("", ("required", "products")),
        (r#"{"products": null}"#, ("required", "products")),
        (r#"{"products": [null, ""]}"#, ("required", "products")),
        (r#"{"products": 5}"#, ("invalid_type", "products")),
        ("[]", ("invalid_body", "")),
        (r#"{"products": [{]}"#, ("invalid_body", "")),
    ] {
        let request =
            axum::http::Request::post("/v3/products").header("authorization", format!("Bearer {}", app.token));
        let refused = app.call(request.body(axum::body::Body::from(body)).unwrap()).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![fault]), "{body}");
    }
    let refused = app.post("/v3/products", json!({"products": vec![json!({}); 10_001]})).await;
    assert_eq!(refused.errors(), [("too_long", "products")]);
    assert_eq!(app.run_jobs().await, 0);
}

#[tokio::test]
async fn ten_bad_ones_of_a_thousand_are_named_and_the_rest_is_loaded() {
    let app = shop().await;
    let is_bad = |number: usize| number % 100 == 7;
    let ticket = put(&app, many(1000, is_bad)).await;
    assert_eq!((&ticket["created"], &ticket["failed"]), (&json!(990), &json!(10)));
    for (place, error) in ticket["errors"].as_array().unwrap().iter().enumerate() {
        let number = place * 100 + 7;
        assert_eq!((&error["index"], &error["productCode"]), (&json!(number), &json!(format!("P{number:05}"))));
        assert_eq!(
            (&error["errors"][0]["code"], &error["errors"][0]["field"]),
            (&json!("not_found"), &json!("productUnitName"))
        );
    }
    assert_eq!(count(&app).await, 990);
    // The same again changes nothing.
    let again = put(&app, many(1000, is_bad)).await;
    assert_eq!((&again["unchanged"], &again["failed"], &again["updated"]), (&json!(990), &json!(10), &json!(0)));
    let page = app.get("/tickets/2?skip=8&take=5").await.data().clone();
    assert_eq!(page["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn products_of_one_request_follow_one_another() {
    let app = shop().await;
    let mut later = plain("same", "Second");
    later["qty"] = json!(9);
    put_well(&app, json!([plain("same", "First"), {"productCode": "SAME", "cost": 5}, later])).await;
    // Of two requests the later one counts, whatever the order in which the work is asked for.
    for name in ["Third", "Fourth"] {
        app.post("/v3/products", json!({"products": [plain("same", name)]})).await;
    }
    app.run_jobs().await;
    let product = app.get("/v2/products/same").await.data().clone();
    assert_eq!((&product["productName"], &product["qty"]), (&json!("Fourth"), &json!(9)));
    assert_eq!(count(&app).await, 1);
}

/// The products of a request are read together; what an earlier one of them changes holds for the later ones all the same.
#[tokio::test]
async fn a_product_that_is_named_again_is_written_again() {
    let app = shop().await;
    let mut first = plain("A", "First");
    first["qty"] = json!(5);
    put_well(&app, json!([first])).await;
    let again = json!([{"productCode": "A", "qty": 7}, {"productCode": "A", "qty": 5, "productName": "Third"}]);
    let ticket = put(&app, again).await;
    assert_eq!((&ticket["updated"], &ticket["failed"]), (&json!(2), &json!(0)), "{ticket:#}");
    let now = app.get("/v2/products/A").await.data().clone();
    assert_eq!((&now["qty"], &now["productName"]), (&json!(5), &json!("Third")));

    let variant = json!({"productCode": "T1", "productName": "T1", "cost": 1,
        "prices": [{"priceTierName": "Normal Price", "regularPrice": 10}],
        "attribute": [{"attributeName": "Size", "attributeValueName": "16 GB"}]});
    let shirt = json!({"productCode": "T", "productName": "Shirt", "category": "C", "productUnitName": "API",
        "trackInventory": true, "useWarranty": false, "visibility": true, "active": true, "productVariant": [variant]});
    let ticket = put(&app, json!([shirt, {"productCode": "T1", "productName": "Small"}])).await;
    assert_eq!(
        (&ticket["created"], &ticket["updated"], &ticket["failed"]),
        (&json!(1), &json!(1), &json!(0)),
        "{ticket:#}"
    );
    assert_eq!(app.get("/v2/products/T1").await.data()["productName"], "Small");
}

#[tokio::test]
async fn what_only_the_database_refuses_spoils_no_other() {
    let app = shop().await;
    // A text index has numbers of 32 bits: a product beyond them cannot be written, which no check foresees.
    app.sql("insert into counter (company, name, value) values (507, 'product', 4294967294)").await;
    let ticket =
        put(&app, json!([plain("last", "Last"), plain("beyond", "Beyond"), {"productCode": "last", "cost": 3}])).await;
    assert_eq!(
        (&ticket["created"], &ticket["updated"], &ticket["failed"]),
        (&json!(1), &json!(1), &json!(1)),
        "{ticket}"
    );
    assert_eq!((&ticket["errors"][0]["index"], &ticket["errors"][0]["productCode"]), (&json!(1), &json!("beyond")));
    assert_eq!(count(&app).await, 1);
}

#[tokio::test]
async fn a_repeated_request_has_one_ticket() {
    let app = shop().await;
    let body = json!({"products": [tissue()]});
    let send = async |key: &str| {
        app.request(Method::POST, "/v3/products", &[("idempotency-key", key)], Some(body.clone())).await
    };
    let first = send("one").await;
    let again = send("one").await;
    assert_eq!((first.data(), again.header("idempotency-replayed")), (again.data(), "true"));
    assert_eq!(send("two").await.data()["ticketId"], 2);
}

#[tokio::test]
async fn a_request_may_be_larger_than_others() {
    let app = shop().await;
    let mut large = tissue();
    large["unknown"] = json!("x".repeat(app.app.config.body_limit));
    for headers in [&[][..], &[("idempotency-key", "large")]] {
        let answer = app.request(Method::POST, "/v3/products", headers, Some(json!({"products": [large]}))).await;
        assert_eq!(answer.status, 200, "{:?}", answer.status);
    }
    assert_eq!(app.post("/v1/products", large).await.status, 413);
}

#[tokio::test]
async fn two_companies_do_not_meet() {
    let app = shop().await;
    let other = app.tenant(508, &["product:read", "product:write", "setting:write"]).await;
    let as_other =
        async |method: Method, path: &str, body: Option<Value>| app.request_as(&other.token, method, path, body).await;
    assert_eq!(as_other(Method::POST, "/v1/setting/units", Some(json!({"name": "API"}))).await.status, 201);
    put_well(&app, json!([tissue()])).await;
    let mut theirs = tissue();
    theirs["productName"] = json!("Theirs");
    as_other(Method::POST, "/v3/products", Some(json!({"products": [theirs]}))).await;
    app.run_jobs().await;
    assert_eq!(app.get("/v2/products/Li00001").await.data()["productName"], "Tissue Daisy");
    assert_eq!(as_other(Method::GET, "/v2/products/Li00001", None).await.data()["productName"], "Theirs");
}

#[tokio::test]
async fn many_requests_at_once_make_each_product_once() {
    let app = shop().await;
    let legacy = |number: usize| {
        json!({"productCode": format!("L{}", number / 4), "groupId": 0, "productName": format!("L{}", number / 4), "unitId": 0,
               "isForSale": true, "isForInventory": true})
    };
    let answers = futures_util::future::join_all((0..32).map(|number| app.post("/v1/products", legacy(number)))).await;
    // Whoever comes second updates, or is told that the first is still at it.
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.errors() == [("taken", "productCode")]));
    assert_eq!(count(&app).await, 8);
    let requests = (0..6).map(|_| app.post("/v3/products", json!({"products": [phone(), tissue()]})));
    futures_util::future::join_all(requests).await;
    app.run_jobs().await;
    assert_eq!(count(&app).await, 11);
}

#[tokio::test]
async fn tickets_are_forgotten_after_a_month() {
    let app = shop().await;
    put(&app, json!([tissue(), {"productCode": "bad"}])).await;
    app.post("/v3/products", json!({"products": [phone()]})).await;
    app.sql("update job set run_at = 9000000000000000 where kind = 'products'").await;
    app.advance(Duration::from_secs(31 * 24 * 60 * 60));
    let node = job::start(&app.app).await.unwrap();
    let tickets = async || -> i64 {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select count(*) from product_ticket").one().await.unwrap()
    };
    until("the old ticket is forgotten", async || tickets().await == 1).await;
    node.stop(Duration::from_secs(30)).await;
    // The one that is not done is kept, however old.
    let mut conn = app.app.db.read().await.unwrap();
    let left: Vec<i64> = conn.sql("select ticket from product_ticket_item").all().await.unwrap();
    assert_eq!(left, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_where_it_was() {
    let app = shop().await;
    let server = Server::start(&app, &[]);
    let http = reqwest::Client::new();
    let total: i64 = 1_000;
    let body = json!({"products": many(1_000, |number| number % 400 == 5)});
    let sent = http.post(format!("{}/v3/products", server.base)).bearer_auth(&app.token).body(body.to_string());
    let accepted: Value = serde_json::from_slice(&sent.send().await.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(accepted["data"], json!({"ticketId": 1, "total": total}));
    let processed = async || app.get("/tickets/1").await.data()["processed"].as_i64().unwrap();
    until("a part of the work", async || processed().await > 0).await;
    server.kill();
    let before = processed().await;
    assert!(before < total, "it was killed in the middle");
    let _server = Server::start(&app, &[]);
    until("the rest of the work", async || app.get("/tickets/1").await.data()["state"] == "done").await;
    let ticket = app.get("/tickets/1").await.data().clone();
    assert_eq!((&ticket["created"], &ticket["failed"], &ticket["updated"]), (&json!(total - 3), &json!(3), &json!(0)));
    assert_eq!(count(&app).await, total - 3);
}

//! Reservations, bundles, and buyers at the same moment.

use std::time::Duration;

use axum::http::Method;
use sala::job;
use serde_json::{Value, json};

use super::ledger::check;
use super::{item, movements, put_products, reserve, sell, set, set_one, shop, stock, three, warehouse};
use crate::app::{TestApp, answer, request};

#[tokio::test]
async fn what_is_reserved_is_not_sold_to_others() {
    let app = shop(&["A001"]).await;
    set_one(&app, "A001", json!(10)).await;
    let made = reserve(&app, "SO1", "A001", 7).await;
    let data = made.data();
    assert_eq!(
        json!([data["document"], data["state"], data["items"], data["expiresAt"], data["createdByUserId"]]),
        json!(["SO1", "open", [{"productCode": "A001", "warehouseId": 0, "warehouseName": null, "qty": 7}], null, app.client.client_id])
    );
    let id = data["reservationId"].clone();
    assert_eq!(three(&app, "A001").await, json!([10, 7, 3]));
    assert_eq!(sell(&app, "SO2", "A001", json!(4)).await.errors(), [("insufficient_stock", "items[0].qty")]);
    assert_eq!(reserve(&app, "SO2", "A001", 4).await.errors(), [("insufficient_stock", "items[0].qty")]);
    assert_eq!(reserve(&app, "so1", "A001", 1).await.errors(), [("taken", "document")]);
    sell(&app, "SO2", "A001", json!(3)).await.data();
    let path = format!("/v1/products/reservations/{id}");
    let read = app.get(&path).await;
    let etag = read.header("etag").to_owned();
    assert_eq!(app.request(Method::GET, &path, &[("if-none-match", &etag)], None).await.status, 304);
    let consumed = app.post(&format!("{path}/consume"), json!({})).await;
    assert_eq!(
        (&consumed.data()["state"], &consumed.data()["endedByUserId"]),
        (&json!("consumed"), &json!(app.client.client_id))
    );
    assert_eq!(app.request(Method::GET, &path, &[("if-none-match", &etag)], None).await.status, 200);
    assert_eq!(three(&app, "A001").await, json!([0, 0, 0]));
    assert_eq!(movements(&app, "A001", "?take=1").await, [json!([-7, 0, "sale", "SO1"])]);
    for again in ["consume", "release"] {
        let refused = app.post(&format!("{path}/{again}"), json!({})).await;
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "reservationId")]));
    }
    // The document can reserve anew, and give it up.
    set_one(&app, "A001", json!(5)).await;
    let second = reserve(&app, "SO1", "A001", 5).await.data()["reservationId"].clone();
    app.post(&format!("/v1/products/reservations/{second}/release"), json!({})).await.data();
    assert_eq!(three(&app, "A001").await, json!([5, 0, 5]));
    let states = async |query: &str| {
        let answer = app.get(&format!("/v1/products/reservations?{query}")).await;
        let rows = answer.data()["value"].as_array().unwrap();
        rows.iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states("document=so1").await, ["released", "consumed"]);
    assert_eq!(states("state=Consumed").await, ["consumed"]);
    assert_eq!(states(&format!("before={second}")).await, ["consumed"]);
    assert_eq!(states("state=open").await, Vec::<String>::new());
    assert_eq!(app.get("/v1/products/reservations?state=lost").await.errors(), [("invalid_value", "state")]);
    assert_eq!(app.get("/v1/products/reservations/999").await.status, 404);
}

#[tokio::test]
async fn a_reservation_whose_time_is_over_holds_nothing() {
    let mut app = shop(&["A001"]).await;
    set_one(&app, "A001", json!(5)).await;
    let body = |at: &str| json!({"document": "SO1", "expiresAt": at, "items": [{"productCode": "A001", "qty": 5}]});
    let past = app.post("/v1/products/reservations", body("2020-01-01")).await;
    assert_eq!(past.errors(), [("out_of_range", "expiresAt")]);
    assert_eq!(app.post("/v1/products/reservations", body("soon")).await.errors(), [("invalid_format", "expiresAt")]);
    let later = jiff::Timestamp::from_millisecond(app.app.now() + 3_600_000).unwrap().to_string();
    let id = app.post("/v1/products/reservations", body(&later)).await.data()["reservationId"].clone();
    assert_eq!(sell(&app, "SO2", "A001", json!(1)).await.status, 409);
    app.advance(Duration::from_secs(3600));
    app.token = app.token_for(&app.client).await;
    assert_eq!(three(&app, "A001").await, json!([5, 0, 5]));
    assert_eq!(app.get(&format!("/v1/products/reservations/{id}")).await.data()["state"], "expired");
    assert_eq!(app.get("/v1/products/reservations?state=expired").await.data()["value"].as_array().unwrap().len(), 1);
    let refused = app.post(&format!("/v1/products/reservations/{id}/consume"), json!({})).await;
    assert_eq!(refused.errors(), [("conflict", "reservationId")]);
    sell(&app, "SO2", "A001", json!(1)).await.data();
    // The document may reserve again.
    reserve(&app, "SO1", "A001", 4).await.data();
    assert_eq!(three(&app, "A001").await, json!([4, 4, 0]));
    // A count that finds less than is reserved is a fact; what cannot be delivered then is said.
    set_one(&app, "A001", json!(1)).await;
    assert_eq!(three(&app, "A001").await, json!([1, 4, -3]));
    let refused = app.post("/v1/products/reservations/2/consume", json!({})).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("insufficient_stock", "items[0].qty")]));
    assert_eq!(app.get("/v1/products/reservations/2").await.data()["state"], "open");
}

#[tokio::test]
async fn what_nobody_came_back_to_is_ended_in_the_background() {
    let mut app = shop(&["A001"]).await;
    set_one(&app, "A001", json!(5)).await;
    let north = warehouse(&app, "North").await;
    set(&app, json!([{"productCode": "A001", "qty": 1, "warehouse": north}])).await;
    let later = jiff::Timestamp::from_millisecond(app.app.now() + 60_000).unwrap().to_string();
    let body = json!({"document": "CART", "expiresAt": later, "warehouse": north, "items": [{"productCode": "A001", "qty": 1}]});
    app.post("/v1/products/reservations", body).await.data();
    reserve(&app, "SO1", "A001", 1).await.data();
    set(&app, json!([{"productCode": "A001", "qty": 0, "warehouse": north}])).await;
    app.advance(Duration::from_secs(3600));
    app.token = app.token_for(&app.client).await;
    let retire = async || {
        let path = format!("/v1/setting/warehouses/{north}");
        app.request(Method::PUT, &path, &[], Some(json!({"isActive": false}))).await
    };
    assert_eq!(retire().await.errors(), [("in_use", "isActive")], "it is still written down as kept there");
    let node = job::start(&app.app).await.unwrap();
    let ended = async {
        while retire().await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    node.stop(Duration::from_secs(30)).await;
    assert_eq!(three(&app, "A001").await, json!([5, 1, 4]));
    let ended = app.get("/v1/products/reservations/1").await;
    assert_eq!(
        json!([ended.data()["state"], ended.data()["dateEnded"], ended.data()["endedByUserId"]]),
        json!(["expired", ended.data()["expiresAt"], null])
    );
    assert_eq!(app.get("/v1/products/reservations/2").await.data()["state"], "open");
}

#[tokio::test]
async fn a_bundle_sells_its_parts() {
    let app = TestApp::new().await;
    let mut advice = item("advice");
    advice["trackInventory"] = json!(false);
    put_products(&app, &[item("cup"), item("spoon"), advice, item("set")]).await;
    let parts = json!({"parts": [{"productCode": "cup", "quantity": 2}, {"productCode": "spoon", "quantity": 0.5},
                                 {"productCode": "advice", "quantity": 1}]});
    app.request(Method::PUT, "/v1/products/set/parts", &[], Some(parts)).await.data();
    set(&app, json!([{"productCode": "cup", "qty": 9}, {"productCode": "spoon", "qty": 10}])).await;
    assert_eq!(set(&app, json!([{"productCode": "set", "qty": 9}])).await.body["data"][0]["error"]["code"], "conflict");
    assert_eq!(three(&app, "set").await, json!([4, 0, 4]));
    let sold = sell(&app, "SO1", "set", json!(3)).await;
    let rows: Vec<Value> =
        sold.data().as_array().unwrap().iter().map(|row| json!([row["productCode"], row["delta"]])).collect();
    assert_eq!(rows, [json!(["cup", -6]), json!(["spoon", -1.5])]);
    assert_eq!((three(&app, "cup").await, three(&app, "set").await), (json!([3, 0, 3]), json!([1, 0, 1])));
    assert_eq!(sell(&app, "SO2", "set", json!(2)).await.errors(), [("insufficient_stock", "items[0].qty")]);
    assert_eq!(movements(&app, "set", "").await, Vec::<Value>::new());
    // A reservation keeps the parts, too, and what comes back are parts.
    let made = reserve(&app, "SO3", "set", 1).await;
    assert_eq!(made.data()["items"].as_array().unwrap().len(), 2);
    assert_eq!((three(&app, "cup").await, three(&app, "set").await), (json!([3, 2, 1]), json!([0, 0, 0])));
    app.post("/v1/products/stock/returns", json!({"document": "SO1", "items": [{"productCode": "set", "qty": 1}]}))
        .await
        .data();
    assert_eq!((three(&app, "cup").await, three(&app, "spoon").await), (json!([5, 2, 3]), json!([9, 0.5, 8.5])));
    // What is not counted is never short.
    assert_eq!(sell(&app, "SO4", "advice", json!(1000)).await.data(), &json!([]));
}

/// Fifty of a product; forty buyers of three each, on two nodes at once, some of whom reserve first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn buyers_at_the_same_moment_cannot_buy_more_than_there_is() {
    let app = shop(&["A001", "A002"]).await;
    set(&app, json!([{"productCode": "A001", "qty": 50}, {"productCode": "A002", "qty": 50}])).await;
    let (_, first) = app.second_node().await;
    let (_, second) = app.second_node().await;
    let mut buyers = Vec::new();
    for buyer in 0..40 {
        let server = if buyer % 2 == 0 { first.clone() } else { second.clone() };
        let token = app.token.clone();
        buyers.push(tokio::spawn(async move {
            // The products in different orders: whoever locks them as they come waits for ever.
            let mut items = vec![json!({"productCode": "A001", "qty": 3}), json!({"productCode": "A002", "qty": 1})];
            if buyer % 3 == 0 {
                items.reverse();
            }
            let body = json!({"document": format!("SO{buyer}"), "items": items});
            let post = async |path: &str, body: Value| {
                answer(&server, request(&token, Method::POST, path, &[], Some(body))).await
            };
            if buyer % 4 != 0 {
                return post("/v1/products/stock/sales", body).await.status;
            }
            let reserved = post("/v1/products/reservations", body).await;
            if reserved.status != 200 {
                return reserved.status;
            }
            let id = &reserved.data()["reservationId"];
            post(&format!("/v1/products/reservations/{id}/consume"), json!({})).await.status
        }));
    }
    let mut served = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            200 => served += 1,
            409 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!((three(&app, "A001").await, three(&app, "A002").await), (json!([2, 0, 2]), json!([34, 0, 34])));
    assert_eq!(served, 16, "sixteen times three is what fits into fifty");
    check(&app, &["A001", "A002"]).await;
}

/// Setting the same products in any order at once neither fails nor tears their ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_set_the_same_products_wait_for_each_other() {
    let codes: Vec<String> = (0..30).map(|number| format!("P{number}")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let app = shop(&codes).await;
    let (_, server) = app.second_node().await;
    let mut tasks = Vec::new();
    for turn in 0..12_usize {
        let mut items: Vec<Value> = codes.iter().map(|code| json!({"productCode": code, "qty": turn})).collect();
        items.rotate_left(turn * 7 % 30);
        let (server, token) = (server.clone(), app.token.clone());
        tasks.push(tokio::spawn(async move {
            answer(&server, request(&token, Method::PUT, "/v1/products/stock", &[], Some(json!(items)))).await
        }));
    }
    for task in tasks {
        let done = task.await.unwrap();
        assert_eq!((done.status, &done.body["statusCode"]), (200, &json!(1000)), "{done:?}");
    }
    check(&app, &codes).await;
    let mut last = Vec::new();
    for code in &codes {
        last.push(stock(&app, code).await["qty"].clone());
    }
    last.dedup();
    assert_eq!(last.len(), 1, "each request is carried out whole: {last:?}");
}

#[tokio::test]
async fn a_repeated_sale_sells_once() {
    let app = shop(&["A001"]).await;
    set_one(&app, "A001", json!(5)).await;
    let body = json!({"document": "SO1", "items": [{"productCode": "A001", "qty": 2}]});
    let key = [("idempotency-key", "sale-1")];
    let first = app.request(Method::POST, "/v1/products/stock/sales", &key, Some(body.clone())).await;
    let second = app.request(Method::POST, "/v1/products/stock/sales", &key, Some(body)).await;
    assert_eq!((first.text, second.header("idempotency-replayed")), (second.text.clone(), "true"));
    assert_eq!(three(&app, "A001").await, json!([3, 0, 3]));
}

//! Whatever is done, the ledger adds up to what is there.

use std::collections::{BTreeMap, HashMap};

use axum::http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{set, shop, stock, warehouse};
use crate::app::TestApp;

/// How many things can be done to stock.
const KINDS: usize = 9;

/// Whatever is done: the movements of each product are numbered without a gap, each balance is the one before and its
/// delta, their sum is what is there, nothing is below zero, and what is reserved is what open reservations keep.
#[tokio::test]
async fn the_sum_of_the_movements_is_what_is_there() {
    let app = shop(&["P0", "P1", "P2", "P3"]).await;
    let parts = json!({"parts": [{"productCode": "P0", "quantity": 2}, {"productCode": "P1", "quantity": 1}]});
    app.request(Method::PUT, "/v1/products/P3/parts", &[], Some(parts)).await.data();
    let north = warehouse(&app, "North").await;
    let mut runner = TestRunner::deterministic();
    let strategy = proptest::collection::vec((0..KINDS, 0..4_usize, any::<bool>(), 1..40_i64), 160);
    let steps = strategy.new_tree(&mut runner).unwrap().current();
    let mut open: Vec<Value> = Vec::new();
    let mut outcomes: BTreeMap<(usize, u16), usize> = BTreeMap::new();
    for (number, (kind, product, is_north, qty)) in steps.into_iter().enumerate() {
        let warehouse = if is_north { north } else { 0 };
        let line = json!([{"productCode": format!("P{product}"), "qty": qty}]);
        let body = json!({"document": format!("DOC{number}"), "warehouse": warehouse, "items": line});
        let done = match kind {
            0 => set(&app, json!([{"productCode": format!("P{product}"), "qty": qty, "warehouse": warehouse}])).await,
            1 => app.post("/v1/products/stock/sales", body).await,
            2 => app.post("/v1/products/stock/returns", body).await,
            3 => app.post("/v1/products/stock/adjustments", body).await,
            4 => {
                let mut body = body;
                body["items"][0]["qty"] = json!(-qty);
                app.post("/v1/products/stock/adjustments", body).await
            }
            5 => {
                let (from, to) = if is_north { (north, 0) } else { (0, north) };
                let body = json!({"fromWarehouse": from, "toWarehouse": to, "items": line});
                app.post("/v1/products/stock/transfers", body).await
            }
            6 => {
                let done = app.post("/v1/products/reservations", body).await;
                if done.status == 200 {
                    open.push(done.data()["reservationId"].clone());
                }
                done
            }
            _ if open.is_empty() => continue,
            _ => {
                let id = open.remove(0);
                let how = if kind == 7 { "consume" } else { "release" };
                let done = app.post(&format!("/v1/products/reservations/{id}/{how}"), json!({})).await;
                if done.status != 200 {
                    open.push(id);
                }
                done
            }
        };
        assert!(matches!(done.status, 200 | 409), "{kind}: {done:?}");
        *outcomes.entry((kind, done.status)).or_default() += 1;
    }
    for kind in 0..KINDS {
        assert!(outcomes.contains_key(&(kind, 200)), "{kind} never succeeded: {outcomes:?}");
    }
    check(&app, &["P0", "P1", "P2"]).await;
    let reserved = app.get("/v1/products/reservations?state=open&take=200").await;
    let mut kept: HashMap<String, i64> = HashMap::new();
    for reservation in reserved.data()["value"].as_array().unwrap() {
        for item in reservation["items"].as_array().unwrap() {
            *kept.entry(item["productCode"].as_str().unwrap().to_owned()).or_default() += item["qty"].as_i64().unwrap();
        }
    }
    for code in ["P0", "P1", "P2"] {
        assert_eq!(stock(&app, code).await["reserved"], json!(kept.get(code).copied().unwrap_or_default()), "{code}");
    }
}

/// Reads the whole ledger of these products and adds it up.
pub async fn check(app: &TestApp, codes: &[&str]) {
    for code in codes {
        let mut rows: Vec<Value> = Vec::new();
        let mut query = "?take=200".to_owned();
        loop {
            let page = app.get(&format!("/v1/products/{code}/movements{query}")).await.data().clone();
            rows.extend(page["value"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            query = format!("?take=200&before={next}");
        }
        let mut balances: HashMap<i64, i64> = HashMap::new();
        for (row, number) in rows.iter().rev().zip(1_i64..) {
            assert_eq!(row["movementId"], number, "{code}");
            let balance = balances.entry(row["warehouseId"].as_i64().unwrap()).or_default();
            *balance += row["delta"].as_i64().unwrap();
            assert_eq!(row["balance"], *balance, "{code} {number}");
            assert!(*balance >= 0, "{code} {number}");
        }
        for there in stock(app, code).await["warehouses"].as_array().unwrap() {
            let sum = balances.remove(&there["warehouseId"].as_i64().unwrap()).unwrap_or_default();
            assert_eq!(there["qty"], sum, "{code}");
        }
        assert!(balances.values().all(|left| *left == 0), "{code}: {balances:?}");
    }
}

//! Two customers that are one: what follows, what goes back, and what keeps a merge from being made or undone.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use channel::Platform;
use futures_util::future::join_all;
use sala::customer::LINKED_TABLES;
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp};
use crate::customer::{plain, put};
use crate::receiver::Receiver;
use crate::scan::columns;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn merge(app: &TestApp, survivor: &str, merged: &str) -> Answer {
    app.post(&format!("/v3/customers/{survivor}/merge"), json!({"mergedCustomerCode": merged})).await
}

/// Merges and answers the merge's number.
async fn merged(app: &TestApp, survivor: &str, other: &str) -> i64 {
    let answer = merge(app, survivor, other).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.data()["mergeId"].as_i64().unwrap()
}

async fn undo(app: &TestApp, id: i64) -> Answer {
    app.post(&format!("/v3/customers/merges/{id}/undo"), json!({})).await
}

async fn read(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v3/customers/{code}")).await.data().clone()
}

async fn found(app: &TestApp, keyword: &str) -> Vec<String> {
    let answer = app.post("/v3/customers/search", json!({"keyword": keyword})).await;
    let rows = answer.data().as_array().unwrap().clone();
    rows.iter().map(|row| row["customerCode"].as_str().unwrap().to_owned()).collect()
}

async fn event(app: &TestApp, code: &str, name: &str) {
    let body = json!({"eventName": name, "eventType": 1, "eventDate": "2024-02-01T10:00:00", "customerCode": code});
    let added = app.post("/v1/customerEvent", body).await;
    assert_eq!(added.status, 200, "{added:?}");
}

async fn event_names(app: &TestApp, code: &str) -> Vec<String> {
    let answer = app.get(&format!("/v1/customerEvent/filter?customerCode={code}")).await;
    let rows = answer.data().as_array().unwrap().clone();
    let mut names: Vec<String> = rows.iter().map(|row| row["eventName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn link(app: &TestApp, room: &str, code: &str) {
    let path = format!("/v1/chat/rooms/{room}/customer");
    let linked = app.request(Method::PUT, &path, &[], Some(json!({"customerCode": code}))).await;
    assert_eq!(linked.data()["customer"]["customerCode"], code);
}

async fn customer_of(app: &TestApp, room: &str) -> Value {
    app.get(&format!("/v1/chat/rooms/{room}/customer")).await.data()["customer"]["customerCode"].clone()
}

async fn actions(app: &TestApp, id: &Value) -> Vec<Value> {
    let history = app.get(&format!("/v1/audit?ref=customer/{id}")).await;
    history.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect()
}

/// Two customers with everything that can belong to one; answers the rooms of both.
async fn pair(app: &TestApp) -> (String, String) {
    let mut stays = plain("stays", "Siam One");
    stays["customerPhone"] = json!("02-111-1111");
    stays["owners"] = json!(["EMP1"]);
    stays["customerTags"] = json!(["hot"]);
    stays["contacts"] = json!([{"contactName": "Somsri"}]);
    put(app, stays).await;
    let mut goes = plain("goes", "Siam Two");
    goes["customerPhone"] = json!("02-222-2222");
    goes["customerEmail"] = json!("two@example.com");
    goes["customerTaxNo"] = json!("0105561000008");
    goes["branchCode"] = json!("00001");
    goes["customerAliases"] = json!(["Old Two"]);
    goes["owners"] = json!(["EMP1", "EMP2"]);
    goes["customerTags"] = json!(["hot", "new"]);
    goes["interestsName"] = json!(["Boats"]);
    goes["customerGroupName"] = json!("CRM");
    goes["contacts"] = json!([{"contactName": "Somchai"}]);
    goes["customFields"] = json!([{"customFieldName": "Colour", "customFieldValue": ["red"]}]);
    goes["customerSocialAccount"] = json!({"line": "two99"});
    put(app, goes).await;
    let first = app.room_of(COMPANY, Platform::Line, "Uone").await;
    let second = app.room_of(COMPANY, Platform::Line, "Utwo").await;
    link(app, &first, "stays").await;
    link(app, &second, "goes").await;
    event(app, "goes", "Theirs").await;
    let answer = json!({"SourceName": "NPS", "SourceType": 2, "Point": 9, "Comment": "good", "CustomerCode": "goes",
                        "DateCreated": "2024-02-01 10:00:00"});
    app.post("/v3/customers/satisfaction", answer).await;
    app.sql(
        "insert into attachment (company, id, record_kind, record, name, state, link_key, created_by, created_at)
         select company, '507-file', 'customer', id, 'contract.pdf', 'stored', (select key_hash from client limit 1), 'x', 0
         from customer where code = 'goes'",
    )
    .await;
    (first, second)
}

/// The customer's number to which the attachment belongs.
async fn attached_to(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select record from attachment where id = '507-file'").one().await.unwrap()
}

#[tokio::test]
async fn a_merge_moves_everything_and_its_undo_brings_exactly_that_back() {
    let app = TestApp::new().await;
    let (first, second) = pair(&app).await;
    let (stays, goes) = (read(&app, "stays").await, read(&app, "goes").await);
    let answer = merge(&app, "STAYS", "Goes").await;
    let merge = answer.data();
    let moved = json!({"rooms": 1, "events": 1, "satisfactions": 1, "attachments": 1, "owners": 1, "tags": 1, "interests": 1,
                       "identities": 4});
    assert_eq!(merge["moved"], moved);
    assert_eq!((&merge["survivorCustomerCode"], &merge["mergedCustomerCode"]), (&json!("stays"), &json!("goes")));

    // The old code leads to the survivor, which says what it did not say before.
    let one = read(&app, "goes").await;
    assert_eq!((&one["customerCode"], &one["customerName"]), (&json!("stays"), &json!("Siam One")));
    assert_eq!(one["customerPhone"], "02-111-1111", "what the survivor says stays");
    for field in ["customerEmail", "customerTaxNo", "branchCode", "customFields", "customerGroupName", "interestsName"]
    {
        assert_eq!(one[field], goes[field], "{field}");
    }
    assert_eq!(one["customerAliases"], json!(["Siam Two", "Old Two"]));
    assert_eq!((&one["owners"], &one["customerTags"]), (&json!(["EMP1", "EMP2"]), &json!(["hot", "new"])));
    let names: Vec<&Value> =
        one["contacts"].as_array().unwrap().iter().map(|contact| &contact["contactName"]).collect();
    assert_eq!(names, ["Somsri", "Somchai"]);
    for room in [&first, &second] {
        assert_eq!(customer_of(&app, room).await, "stays");
    }
    assert_eq!(event_names(&app, "stays").await, ["Theirs"]);
    assert_eq!(app.get("/v3/customers/stays/satisfaction").await.data()["value"][0]["point"], 9);
    assert_eq!(json!(attached_to(&app).await), one["customerId"]);
    // It is found by all that the other was known by, and only it.
    for keyword in ["siam two", "old two", "goes", "022222222", "two@example.com", "0105561000008"] {
        assert_eq!(found(&app, keyword).await, ["stays"], "{keyword}");
    }
    let known = app.post("/v3/customers/existence", json!({"customerPhone": "02 222 2222"})).await;
    assert_eq!(known.data()["customers"][0]["customerCode"], "stays");
    assert_eq!(known.data()["customers"].as_array().unwrap().len(), 1);

    // What comes meanwhile is the survivor's.
    event(&app, "stays", "New").await;
    let third = app.room_of(COMPANY, Platform::Line, "Uthree").await;
    link(&app, &third, "stays").await;
    put(&app, json!({"customerCode": "stays", "customerName": "Siam One", "customerState": 3, "customerEmail": "own@example.com",
                     "customerMobile": "081-333-3333"}))
    .await;

    let undone = undo(&app, merge["mergeId"].as_i64().unwrap()).await;
    assert_ne!(undone.data()["dateUndone"], Value::Null);
    let mut back = read(&app, "goes").await;
    for changed in ["dateModified", "modifiedByUserId"] {
        back[changed] = goes[changed].clone();
    }
    assert_eq!(back, goes, "whole as it was");
    let left = read(&app, "stays").await;
    assert_eq!((&left["customerEmail"], &left["customerMobile"]), (&json!("own@example.com"), &json!("081-333-3333")));
    for (field, value) in stays.as_object().unwrap() {
        if !matches!(field.as_str(), "customerEmail" | "customerMobile" | "dateModified" | "modifiedByUserId") {
            assert_eq!(&left[field], value, "{field}");
        }
    }
    assert_eq!(
        (customer_of(&app, &first).await, customer_of(&app, &second).await, customer_of(&app, &third).await),
        (json!("stays"), json!("goes"), json!("stays"))
    );
    assert_eq!(
        (event_names(&app, "stays").await, event_names(&app, "goes").await),
        (vec!["New".into()], vec!["Theirs".into()])
    );
    assert_eq!(json!(attached_to(&app).await), goes["customerId"]);
    for (keyword, code) in
        [("siam two", "goes"), ("022222222", "goes"), ("siam one", "stays"), ("own@example", "stays")]
    {
        assert_eq!(found(&app, keyword).await, [code], "{keyword}");
    }
    let known = app
        .post("/v3/customers/existence", json!({"customerPhone": "022222222", "customerEmail": "two@example.com"}))
        .await;
    assert_eq!(known.data()["customers"].as_array().unwrap().len(), 1);
    assert_eq!(known.data()["customers"][0]["customerCode"], "goes");
    // Room identities went back with their rooms.
    let suggested = app.room_of(COMPANY, Platform::Line, "Utwo").await;
    let there = app.get(&format!("/v1/chat/rooms/{suggested}/customer")).await;
    let codes: Vec<&Value> =
        there.data()["suggestions"].as_array().unwrap().iter().map(|c| &c["customerCode"]).collect();
    assert_eq!(codes, ["goes"]);
    let survivor = actions(&app, &stays["customerId"]).await;
    assert_eq!(survivor[0], "merge undone");
    assert!(survivor.contains(&json!("merged")));
    assert_eq!(actions(&app, &goes["customerId"]).await[..2], [json!("restored"), json!("merged into another")]);
    assert_eq!(undo(&app, merge["mergeId"].as_i64().unwrap()).await.errors(), [("conflict", "mergeId")]);
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_keeps_a_merge_from_being_undone() {
    let app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta")] {
        put(&app, plain(code, name)).await;
    }
    let id = merged(&app, "a", "b").await;
    put(&app, plain("c", "BETA")).await;
    let refused = undo(&app, id).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("taken", "customerName")]));
    assert!(refused.text.contains("Customer c"), "{}", refused.text);
    assert_eq!(read(&app, "b").await["customerCode"], "a", "nothing of it was done");
    put(&app, plain("c", "Gamma")).await;
    assert_eq!(undo(&app, id).await.status, 200);
    assert_eq!(read(&app, "b").await["customerName"], "Beta");
}

#[tokio::test]
async fn merges_that_follow_one_another_are_undone_backwards() {
    let app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta"), ("c", "Gamma")] {
        put(&app, plain(code, name)).await;
    }
    let room = app.room_of(COMPANY, Platform::Line, "Ualpha").await;
    link(&app, &room, "a").await;
    let first = merged(&app, "b", "a").await;
    let second = merged(&app, "c", "b").await;
    assert_eq!(
        (read(&app, "a").await["customerCode"].clone(), customer_of(&app, &room).await),
        (json!("c"), json!("c"))
    );
    assert_eq!(found(&app, "alpha").await, ["c"]);
    let refused = undo(&app, first).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "mergeId")]));
    assert!(refused.text.contains("undo that merge first"), "{}", refused.text);
    let listed = app.get("/v3/customers/a/merges").await;
    assert_eq!(listed.data()["value"][0]["mergeId"], second);
    assert_eq!(undo(&app, second).await.status, 200);
    assert_eq!(
        (read(&app, "a").await["customerCode"].clone(), customer_of(&app, &room).await),
        (json!("b"), json!("b"))
    );
    assert_eq!(undo(&app, first).await.status, 200);
    assert_eq!(customer_of(&app, &room).await, "a");
    for code in ["a", "b", "c"] {
        assert_eq!(read(&app, code).await["customerCode"], code);
    }
    let page = app.get("/v3/customers/b/merges?take=1").await;
    let next = page.data()["next"].as_str().unwrap();
    let rest = app.get(&format!("/v3/customers/b/merges?before={next}")).await;
    assert_eq!(
        (&page.data()["value"][0]["mergeId"], &rest.data()["value"][0]["mergeId"]),
        (&json!(second), &json!(first))
    );
    // However long a chain grows, the oldest code leads to its end.
    put(&app, plain("n0", "Number 0")).await;
    for number in 1..=25 {
        put(&app, plain(&format!("n{number}"), &format!("Number {number}"))).await;
        merged(&app, &format!("n{number}"), &format!("n{}", number - 1)).await;
    }
    assert_eq!(read(&app, "n0").await["customerCode"], "n25");
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused() {
    let app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta"), ("c", "Gamma"), ("d", "Delta")] {
        put(&app, plain(code, name)).await;
    }
    let field = "mergedCustomerCode";
    assert_eq!(merge(&app, "a", "A").await.errors(), [("invalid_value", field)]);
    assert_eq!(merge(&app, "a", "nobody").await.errors(), [("not_found", field)]);
    assert_eq!(merge(&app, "a", " ").await.errors(), [("required", field)]);
    assert_eq!(merge(&app, "nobody", "a").await.status, 404);
    app.request(Method::DELETE, "/v3/customers/d", &[], None).await;
    assert_eq!(merge(&app, "a", "d").await.errors(), [("not_found", field)]);
    assert_eq!(merge(&app, "d", "a").await.status, 404);
    let stale = app
        .request(
            Method::POST,
            "/v3/customers/a/merge",
            &[("if-match", "\"9\"")],
            Some(json!({"mergedCustomerCode": "b"})),
        )
        .await;
    assert_eq!(stale.status, 412);
    let id = merged(&app, "a", "b").await;
    for (survivor, other) in [("c", "b"), ("a", "b"), ("b", "a")] {
        let refused = merge(&app, survivor, other).await;
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", field)]), "{survivor} {other}");
        assert!(refused.text.contains("b was already merged into a"), "{}", refused.text);
    }
    // Writing to the old code writes to the survivor.
    let mut again = plain("b", "Alpha");
    again["customerEmail"] = json!("alpha@example.com");
    assert_eq!(put(&app, again).await.data()["customerCode"], "a");
    assert_eq!(app.post("/v3/customers/b/restore", json!({})).await.status, 409, "it is not deleted");
    app.request(Method::DELETE, "/v3/customers/a", &[], None).await;
    let refused = undo(&app, id).await;
    assert_eq!((refused.status, refused.text.contains("restore it first")), (409, true));
    app.post("/v3/customers/a/restore", json!({})).await;
    let path = format!("/v3/customers/merges/{id}/undo");
    assert_eq!(app.request(Method::POST, &path, &[("if-match", "\"1\"")], None).await.status, 412);
    assert_eq!(undo(&app, id).await.status, 200);
    assert_eq!(undo(&app, 999).await.errors(), [("not_found", "merge")]);
}

#[tokio::test]
async fn two_customers_that_are_merged_both_ways_at_once_become_one() {
    let app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta")] {
        put(&app, plain(code, name)).await;
    }
    let both = (0..12).map(|index| async move { if index % 2 == 0 { ("a", "b") } else { ("b", "a") } });
    let pairs = join_all(both).await;
    let answers = join_all(pairs.iter().map(|(survivor, other)| merge(&app, survivor, other))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    let (a, b) = (read(&app, "a").await, read(&app, "b").await);
    assert_eq!(a["customerId"], b["customerId"]);
    let undone = join_all((0..4).map(|_| undo(&app, 1))).await;
    assert_eq!(undone.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_ne!(read(&app, "a").await["customerId"], read(&app, "b").await["customerId"]);
}

#[tokio::test]
async fn what_is_added_at_the_moment_of_a_merge_is_not_left_behind() {
    let app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta")] {
        put(&app, plain(code, name)).await;
    }
    let adding = join_all((0..12).map(|number| {
        let app = &app;
        async move { event(app, "b", &format!("Event {number:02}")).await }
    }));
    let (_, merge) = tokio::join!(adding, merge(&app, "a", "b"));
    assert_eq!(merge.status, 200, "{merge:?}");
    assert_eq!(event_names(&app, "a").await.len(), 12);
}

#[tokio::test]
async fn a_merge_is_made_once_for_its_idempotency_key() {
    let app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta")] {
        put(&app, plain(code, name)).await;
    }
    let once = async |path: &str| {
        let body = json!({"mergedCustomerCode": "b"});
        app.request(Method::POST, path, &[("idempotency-key", path)], Some(body)).await
    };
    let (first, second) = (once("/v3/customers/a/merge").await, once("/v3/customers/a/merge").await);
    assert_eq!((first.status, second.status, &first.text), (200, 200, &second.text));
    assert_eq!(second.header("idempotency-replayed"), "true");
    let path = format!("/v3/customers/merges/{}/undo", first.data()["mergeId"]);
    let (first, second) = (once(&path).await, once(&path).await);
    assert_eq!((first.status, second.status, &first.text), (200, 200, &second.text));
}

#[tokio::test]
async fn a_merge_can_be_undone_for_thirty_days() {
    let mut app = TestApp::new().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta"), ("c", "Gamma")] {
        put(&app, plain(code, name)).await;
    }
    let early = merged(&app, "a", "b").await;
    app.advance(DAY);
    app.token = app.token_for(&app.client).await;
    let late = merged(&app, "a", "c").await;
    app.advance(29 * DAY);
    app.token = app.token_for(&app.client).await;
    let refused = undo(&app, early).await;
    assert_eq!((refused.status, refused.text.contains("30 days")), (409, true));
    // What such a merge moved is forgotten by the purge; what can still be undone is kept.
    let kept = async || -> i64 {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select count(*) from customer_merge where detail is not null").one().await.unwrap()
    };
    assert_eq!(kept().await, 2);
    let node = sala::job::start(&app.app).await.unwrap();
    let purged = async {
        while kept().await > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), purged).await.unwrap();
    node.stop(Duration::from_secs(30)).await;
    assert_eq!(undo(&app, late).await.status, 200);
}

#[tokio::test]
async fn subscribers_hear_of_a_merge_and_of_its_undo() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let receiver = Receiver::start().await;
    for (code, name) in [("a", "Alpha"), ("b", "Beta")] {
        put(&app, plain(code, name)).await;
    }
    let topics = ["Customer".to_owned()];
    subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    let id = merged(&app, "a", "b").await;
    app.run_jobs().await;
    undo(&app, id).await;
    app.run_jobs().await;
    let bodies: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let mut told: Vec<Value> = bodies
        .iter()
        .map(|body| {
            let customer = &body["Data"]["Customer"];
            json!([body["Event"], customer["CustomerCode"], customer["MergedCustomerCode"]])
        })
        .collect();
    assert_eq!(told.remove(0), json!(["Merged", "a", "b"]));
    assert_eq!(bodies[0]["Data"]["Customer"]["CustomerAliases"], json!(["Beta"]));
    told.sort_by_key(Value::to_string);
    assert_eq!(told, [json!(["MergeUndone", "a", "b"]), json!(["Restored", "b", null])]);
}

#[tokio::test]
async fn every_table_with_a_customer_is_on_the_list_of_what_belongs_to_one() {
    let app = TestApp::new().await;
    let listed: BTreeSet<(&str, &str)> = LINKED_TABLES.iter().map(|line| (line.table, line.column)).collect();
    assert_eq!(listed.len(), LINKED_TABLES.len(), "each once");
    let columns = columns(&app).await;
    for column in columns.iter().filter(|column| column.column_name == "customer") {
        let line = (column.table_name.as_str(), "customer");
        assert!(listed.contains(&line), "{line:?} is missing in src/customer/linked_tables.rs");
    }
    for (table, name) in listed {
        let known = columns.iter().any(|column| column.table_name == table && column.column_name == name);
        assert!(known, "{table}.{name} is not in the database");
    }
}

//! Deals: the documented examples, what an update keeps and clears, boards, the order of a stage, and what deals are found by.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::customer::{plain, put};
use crate::import::{counts, import, undo};

/// Adds an entry to a look-up list, under its own number where one is given.
pub async fn entry(app: &TestApp, list: &str, id: Option<i64>, name: &str, detail: Value) -> i64 {
    let body = json!({"id": id, "name": name, "detail": detail});
    let made = app.post(&format!("/v1/setting/{list}"), body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.data()["id"].as_i64().unwrap()
}

/// Creates an employee.
pub async fn employee(app: &TestApp, code: &str, head: Option<&str>) {
    let body = json!({"staffCode": code, "email": format!("{code}@example.com"), "firstname": code, "lastname": "Jaidee",
                      "roleName": "Admin", "teamName": "Team A", "headCode": head});
    assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(body)).await.status, 200);
}

/// A server with what the examples name: the board, its stages, interests, labels, a reason, two employees and a customer.
async fn with_examples() -> TestApp {
    let app = TestApp::new().await;
    let board = entry(&app, "boards", Some(34_628_319), "Bigger deals", json!(null)).await;
    entry(&app, "stages", Some(5509), "Offer", json!({"boardId": board, "kind": "open", "probability": 30})).await;
    entry(&app, "stages", Some(5510), "Won", json!({"boardId": board, "kind": "won"})).await;
    entry(&app, "stages", Some(5511), "Missed", json!({"boardId": board, "kind": "missed"})).await;
    entry(&app, "interests", Some(1001), "Software", json!(null)).await;
    for (id, name) in [(1002, "Hot"), (98_199_047, "Large"), (34_064_271, "Old friends")] {
        entry(&app, "labels", Some(id), name, json!({"color": "#f00"})).await;
    }
    entry(&app, "missed-reasons", Some(39_733_557), "Too dear", json!(null)).await;
    for code in ["staff01", "staff02"] {
        employee(&app, code, None).await;
    }
    put(&app, plain("string", "The customer of the example")).await;
    put(&app, plain("C000349", "Daaisyy")).await;
    app
}

fn creation() -> Value {
    json!({"customerCodes": ["string"], "boardId": 34_628_319, "dealName": "dealName", "probability": 20,
           "dealQuantity": 91_493_369, "dealQuantityUnit": "unit", "dealValue": 10, "dealInterests": [1001],
           "dealLabels": [1002], "dealDate": "2023-02-07T16:51:40+0700", "expectedCloseDate": "2023-02-08T16:51:40+0700",
           "note": "string", "assignTo": "staff01", "participantCodes": ["staff02"],
           "dateFollowUp": "2023-02-08T16:51:40+0700"})
}

async fn create(app: &TestApp, body: Value) -> Value {
    let made = app.post("/v1/deals", body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.data()["value"].clone()
}

async fn update(app: &TestApp, id: &Value, body: Value) -> Answer {
    app.request(Method::PUT, &format!("/v1/Deals/{id}"), &[], Some(body)).await
}

/// A deal with a name and a value in a stage.
async fn deal(app: &TestApp, name: &str, value: i64, stage: Option<i64>) -> Value {
    let mut body = creation();
    body["dealName"] = json!(name);
    body["dealValue"] = json!(value);
    body["dealStageId"] = json!(stage);
    body["dateFollowUp"] = Value::Null;
    create(app, body).await
}

#[tokio::test]
async fn the_documented_bodies_are_taken_as_they_are_written() {
    let app = with_examples().await;
    let made = create(&app, creation()).await;
    assert_eq!(made["dealsId"], 1);
    assert!(made["dealNo"].as_str().unwrap().starts_with('D'), "{made}");
    assert_eq!(made["dealNo"].as_str().unwrap().len(), 10, "{made}");
    assert_eq!((&made["boardId"], &made["dealStageId"]), (&json!(34_628_319), &json!(5509)));
    assert_eq!((&made["dealsValue"], &made["weightedValue"], &made["statusId"]), (&json!(10), &json!(2), &json!(1)));
    assert_eq!(made["dealsInterests"], json!([{"interestId": 1001, "interestName": "Software"}]));
    assert_eq!(made["dealsDate"], "2023-02-07T16:51:40+0700");
    assert_eq!(made["customer"]["customerCode"], "string");
    let change = json!({"dealName": "string", "probability": 100, "dealQuantityUnit": "unit", "dealQuantity": 90,
        "dealValue": 10_000, "dealInterests": [], "dealLabels": [98_199_047, 34_064_271],
        "dealDate": "2023-02-08T16:51:40+0700", "expectedCloseDate": "2023-02-08T16:51:40+0700", "note": "string",
        "assignTo": "staff01", "participantCodes": ["staff02"], "dateFollowUp": "2023-02-08T16:51:40+0700",
        "followUpNotes": "string", "dealStageId": 5509, "remark": "string", "reasonCategoryId": 39_733_557,
        "markAllTaskAsDone": false, "cancleAllOrder": true});
    let changed = update(&app, &made["dealsId"], change).await;
    let value = &changed.data()["value"];
    assert_eq!(
        (&value["dealsInterests"], &value["dealQuantity"], &value["measure"]),
        (&json!([]), &json!(90), &json!(90))
    );
    assert_eq!(value["dealsLabels"][0]["labelName"], "Large");
    assert_eq!(value["reasonCategoryId"], Value::Null, "only a missed deal has a reason");
    let listed = app
        .post(
            "/v1/Deals/Enquiry",
            json!({"dealStageIds": [0], "pageLength": 10, "skip": 0, "orderBy": "string", "keyword": "string"}),
        )
        .await;
    let row = &listed.data()["value"][0];
    assert_eq!((&row["dealsName"], &row["customerCode"]), (&json!("string"), &json!("string")));
    assert_eq!((&row["dealMeasureUnit"], &row["statusName"]), (&json!({"unitName": "unit"}), &json!("Open")));
    let read = app.get("/v1/Deals/1").await;
    assert_eq!(&read.data()["value"], value);
    assert_eq!(
        app.request(Method::GET, "/v1/deals/1", &[("if-none-match", read.header("etag"))], None).await.status,
        304
    );
}

#[tokio::test]
async fn each_customer_gets_a_deal_of_its_own_and_every_fault_is_named() {
    let app = with_examples().await;
    let mut body = creation();
    body["customerCodes"] = json!(["C000349", "string", "c000349"]);
    let made = app.post("/v1/deals", body.clone()).await;
    let deals = made.data()["deals"].as_array().unwrap();
    let codes: Vec<&Value> = deals.iter().map(|deal| &deal["customer"]["customerCode"]).collect();
    assert_eq!(codes, [&json!("C000349"), &json!("string")]);
    assert_eq!(made.data()["value"], deals[0]);
    let empty = app.post("/v1/deals", json!({})).await;
    let fields = ["customerCodes", "dealName", "probability", "dealValue", "expectedCloseDate", "assignTo"];
    assert_eq!(empty.errors(), fields.map(|field| ("required", field)));
    body["customerCodes"] = json!(["nobody"]);
    body["assignTo"] = json!("nobody");
    body["boardId"] = json!(1_000_000);
    body["dealLabels"] = json!([1002, 7]);
    body["probability"] = json!(101);
    let wrong = app.post("/v1/deals", body).await;
    let mut errors = wrong.errors();
    errors.sort_unstable();
    let expected = [
        ("invalid_value", "boardId"),
        ("not_found", "assignTo"),
        ("not_found", "customerCodes[0]"),
        ("not_found", "dealLabels[1]"),
        ("out_of_range", "probability"),
    ];
    let kept: Vec<_> = errors.iter().filter(|(_, field)| *field != "boardId").copied().collect();
    assert_eq!(kept, expected[1..], "{errors:?}");
    assert!(errors.iter().any(|(_, field)| *field == "boardId"));
    // The older page: no board, names of labels.
    let old = json!({"customerCodes": ["string"], "dealName": "Old", "probability": 5, "dealValue": 12.5,
                     "dealDate": "2021-09-17T06:52:03.606Z", "expectedCloseDate": "2021-09-18", "assignTo": "STAFF01",
                     "labelNames": ["hot", "New one"]});
    let value = create(&app, old).await;
    assert_eq!(value["dealsLabels"][0]["labelId"], 1002, "{value}");
    assert_eq!(value["dealsLabels"][1]["labelName"], "New one");
    assert_eq!((&value["dealsValue"], &value["dealsDate"]), (&json!(12.5), &json!("2021-09-17T13:52:03+0700")));
}

#[tokio::test]
async fn an_update_keeps_what_is_absent_and_a_missed_stage_needs_a_reason() {
    let app = with_examples().await;
    let made = create(&app, creation()).await;
    let id = &made["dealsId"];
    let same = update(&app, id, json!({"dealName": "dealName"})).await;
    assert_eq!(same.data()["value"], made, "nothing differs");
    let emptied = update(&app, id, json!({"dealLabels": [], "participantCodes": [], "note": null})).await;
    let value = &emptied.data()["value"];
    assert_eq!(
        (&value["dealsLabels"], &value["participantCodes"], &value["notes"]),
        (&json!([]), &json!([]), &Value::Null)
    );
    assert_eq!(value["dealsInterests"], made["dealsInterests"]);
    let late = app.request(Method::PUT, &format!("/v1/deals/{id}"), &[("if-match", "\"1\"")], Some(json!({}))).await;
    assert_eq!(late.status, 412);
    let missed = update(&app, id, json!({"dealStageId": 5511})).await;
    assert_eq!((missed.status, missed.errors()), (400, vec![("required", "reasonCategoryId")]));
    let other = entry(&app, "boards", None, "Other", json!(null)).await;
    let stage = entry(&app, "stages", None, "Elsewhere", json!({"boardId": other})).await;
    let elsewhere = update(&app, id, json!({"dealStageId": stage})).await;
    assert_eq!(elsewhere.errors(), [("invalid_value", "dealStageId")]);
    let missed =
        update(&app, id, json!({"dealStageId": 5511, "reasonCategoryId": 39_733_557, "remark": "next year"})).await;
    let value = &missed.data()["value"];
    assert_eq!((&value["statusName"], &value["reasonCategoryName"]), (&json!("Missed"), &json!("Too dear")));
    assert!(value["dateClosed"].is_string());
    let again = update(&app, id, json!({"dealStageId": 5509})).await;
    let value = &again.data()["value"];
    assert_eq!(
        (&value["statusName"], &value["reasonCategoryId"], &value["dateClosed"]),
        (&json!("Open"), &Value::Null, &Value::Null)
    );
    assert_eq!(update(&app, &json!(99), json!({})).await.status, 404);
    let history = app.get(&format!("/v1/deals/{id}/history")).await;
    let stays = history.data()["value"].as_array().unwrap();
    let stages: Vec<&Value> = stays.iter().map(|stay| &stay["dealStageId"]).collect();
    assert_eq!(stages, [&json!(5509), &json!(5511), &json!(5509)]);
    assert!(stays[0]["dateLeft"].is_string() && stays[2]["dateLeft"].is_null());
    let audit = app.get(&format!("/v1/audit?ref=deal/{}", made["dealNo"].as_str().unwrap())).await;
    let actions: Vec<&str> =
        audit.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["reopened", "missed", "updated", "created"]);
    let gone = app.request(Method::DELETE, &format!("/v1/deals/{id}"), &[], None).await;
    assert_eq!(gone.status, 200);
    assert_eq!(app.get(&format!("/v1/deals/{id}")).await.status, 404);
    assert_eq!(app.post(&format!("/v1/deals/{id}/restore"), json!({})).await.status, 200);
    assert_eq!(app.get(&format!("/v1/deals/{id}")).await.status, 200);
}

#[tokio::test]
async fn time_in_a_stage_is_counted() {
    let app = with_examples().await;
    let made = create(&app, creation()).await;
    app.advance(Duration::from_secs(90));
    update(&app, &made["dealsId"], json!({"dealStageId": 5510})).await;
    app.advance(Duration::from_secs(30));
    let history = app.get("/v1/deals/1/history").await;
    let seconds: Vec<&Value> =
        history.data()["value"].as_array().unwrap().iter().map(|stay| &stay["seconds"]).collect();
    assert_eq!(seconds, [&json!(90), &json!(30)]);
}

#[tokio::test]
async fn a_board_shows_its_stages_in_order_with_what_they_are_worth() {
    let app = with_examples().await;
    for (name, value) in [("a", 100), ("b", 200), ("c", 300)] {
        deal(&app, name, value, None).await;
    }
    deal(&app, "won", 1000, Some(5510)).await;
    let board = async |query: &str| app.get(&format!("/v1/deals/boards/34628319{query}")).await;
    let seen = board("").await;
    let stages = seen.data()["stages"].as_array().unwrap();
    let told: Vec<_> = stages
        .iter()
        .map(|stage| {
            (
                stage["kind"].as_str().unwrap(),
                stage["count"].as_i64().unwrap(),
                stage["value"].clone(),
                stage["weightedValue"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("open", 3, json!(600), json!(120)), ("won", 1, json!(1000), json!(200)), ("missed", 0, json!(0), json!(0))]
    );
    let names = |answer: &Answer| -> Vec<String> {
        let deals = answer.data()["stages"][0]["deals"].as_array().unwrap().clone();
        deals.iter().map(|deal| deal["dealsName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&seen), ["a", "b", "c"]);
    let moved = app.post("/v1/deals/3/move", json!({"beforeDealId": 1})).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(names(&board("").await), ["c", "a", "b"]);
    app.post("/v1/deals/3/move", json!({"afterDealId": 1})).await;
    assert_eq!(names(&board("").await), ["a", "c", "b"]);
    // So often that the room between two deals ends.
    for round in 0..30 {
        let (moving, fixed) = if round % 2 == 0 { (2, 3) } else { (3, 2) };
        let moved = app.post(&format!("/v1/deals/{moving}/move"), json!({"beforeDealId": fixed})).await;
        assert_eq!(moved.status, 200, "{moved:?}");
    }
    assert_eq!(names(&board("").await), ["a", "c", "b"]);
    let cut = board("?most=2").await;
    assert_eq!((names(&cut).len(), &cut.data()["hasMore"]), (2, &json!(true)));
    assert_eq!(cut.data()["stages"][0]["count"], 3);
    assert_eq!(names(&board("?assignTo=staff02").await), Vec::<String>::new());
    assert_eq!(names(&board("?labelId=1002&keyword=C").await), ["c"]);
    assert_eq!(app.get("/v1/deals/boards/99").await.status, 404);
    let stranger = app.post("/v1/deals/1/move", json!({"beforeDealId": 4})).await;
    assert_eq!((stranger.status, stranger.errors()), (409, vec![("conflict", "beforeDealId")]));
}

#[tokio::test]
async fn the_order_of_a_stage_is_total_however_many_move_at_once() {
    let app = with_examples().await;
    for index in 0..12 {
        deal(&app, &format!("d{index}"), 1, None).await;
    }
    let mut moves = Vec::new();
    for index in 0..48_i64 {
        let app = &app;
        moves.push(async move {
            let (moving, fixed) = (index % 12 + 1, (index * 5 + 3) % 12 + 1);
            let body = match index % 4 {
                0 => json!({"beforeDealId": fixed}),
                1 => json!({"afterDealId": fixed}),
                2 => json!({"dealStageId": 5509, "beforeDealId": fixed}),
                _ => json!({"dealStageId": 5509}),
            };
            let moved = app.post(&format!("/v1/deals/{moving}/move"), body).await;
            // Beside itself a deal cannot be put: it is asked for as it stands.
            assert!([200, 409].contains(&moved.status), "{moved:?}");
        });
    }
    join_all(moves).await;
    let board = app.get("/v1/deals/boards/34628319").await;
    let deals = board.data()["stages"][0]["deals"].as_array().unwrap();
    let places: Vec<i64> = deals.iter().map(|deal| deal["dealsIndex"].as_i64().unwrap()).collect();
    assert_eq!(places.len(), 12);
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
}

#[tokio::test]
async fn many_deals_made_at_once_have_numbers_and_places_of_their_own() {
    let app = with_examples().await;
    let mut writers = Vec::new();
    for index in 0..24 {
        let app = &app;
        writers.push(async move {
            let mut body = creation();
            body["customerCodes"] =
                if index % 2 == 0 { json!(["string", "C000349"]) } else { json!(["C000349", "string"]) };
            body["dateFollowUp"] = Value::Null;
            let made = app.post("/v1/deals", body).await;
            assert_eq!(made.status, 200, "{made:?}");
        });
    }
    join_all(writers).await;
    let listed = app.post("/v1/deals/enquiry", json!({"take": 200})).await;
    assert_eq!(listed.data()["total"], 48);
    let rows = listed.data()["value"].as_array().unwrap();
    let numbers: Vec<i64> =
        rows.iter().rev().map(|row| row["dealNo"].as_str().unwrap()[5..].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=48).collect::<Vec<i64>>(), "no gap, no double");
    let board = app.get("/v1/deals/boards/34628319").await;
    let deals = board.data()["stages"][0]["deals"].as_array().unwrap();
    let places: Vec<i64> = deals.iter().map(|deal| deal["dealsIndex"].as_i64().unwrap()).collect();
    assert!(places.len() == 48 && places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
}

#[tokio::test]
async fn deals_are_found_by_all_that_they_are_filtered_by() {
    let app = with_examples().await;
    for index in 0..12_i64 {
        let mut body = creation();
        body["dealName"] = json!(format!("Deal {index:02}"));
        body["dealValue"] = json!(index * 100);
        body["assignTo"] = json!(if index % 2 == 0 { "staff01" } else { "staff02" });
        body["customerCodes"] = json!([if index % 3 == 0 { "C000349" } else { "string" }]);
        body["dealLabels"] = json!(if index % 4 == 0 { vec![1002, 98_199_047] } else { vec![34_064_271] });
        body["dealInterests"] = json!(if index < 6 { vec![1001] } else { vec![] });
        body["expectedCloseDate"] = json!(format!("2025-03-{:02}", index + 1));
        body["dealStageId"] = json!(if index == 11 { 5510 } else { 5509 });
        body["note"] = json!(if index == 5 { "กระบี่" } else { "plain" });
        body["dateFollowUp"] = Value::Null;
        create(&app, body).await;
    }
    let found = async |body: Value| -> Vec<i64> {
        let answer = app.post("/v1/deals/enquiry", body).await;
        let rows = answer.data()["value"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
        assert_eq!(answer.data()["total"], rows.len(), "{answer:?}");
        rows.iter().map(|row| row["dealsName"].as_str().unwrap()[5..].parse().unwrap()).collect()
    };
    let all = |keep: &dyn Fn(i64) -> bool| -> Vec<i64> { (0..12).rev().filter(|index| keep(*index)).collect() };
    let take = |mut body: Value| {
        body["take"] = json!(50);
        body
    };
    for (body, expected) in [
        (json!({}), all(&|_| true)),
        (json!({"boardId": 34_628_319, "dealStageIds": [5510]}), all(&|index| index == 11)),
        (json!({"statusIds": [2]}), all(&|index| index == 11)),
        (json!({"staffCodes": ["STAFF02"]}), all(&|index| index % 2 == 1)),
        (json!({"staffCodes": ["nobody"]}), vec![]),
        (json!({"customerCodes": ["c000349"]}), all(&|index| index % 3 == 0)),
        (json!({"customerCode": "nobody"}), vec![]),
        (json!({"dealLabels": [1002]}), all(&|index| index % 4 == 0)),
        (json!({"dealLabels": [1002, 34_064_271]}), all(&|_| true)),
        (json!({"dealInterests": [1001], "dealLabels": [34_064_271]}), all(&|index| index < 6 && index % 4 != 0)),
        (json!({"valueFrom": 300, "valueTo": 500}), all(&|index| (3..=5).contains(&index))),
        (
            json!({"expectedCloseDateFrom": "2025-03-02", "expectedCloseDateTo": "2025-03-04"}),
            all(&|index| (1..=3).contains(&index)),
        ),
        (json!({"keyWord": "กระบี่"}), vec![5]),
        (json!({"keyword": "deal 0", "assignTo": "staff01"}), all(&|index| index < 10 && index % 2 == 0)),
        (json!({"boardId": 1}), vec![]),
    ] {
        assert_eq!(found(take(body.clone())).await, expected, "{body}");
    }
    let by_value = found(take(json!({"orderBy": "-dealValue"}))).await;
    assert_eq!(by_value, (0..12).collect::<Vec<i64>>());
    assert_eq!(found(take(json!({"orderBy": 0}))).await, all(&|_| true));
    let page = app.post("/v1/deals/enquiry", json!({"skip": 2, "take": 3})).await;
    assert_eq!((page.data()["value"].as_array().unwrap().len(), &page.data()["total"]), (3, &json!(12)));
    let csv = app
        .request(Method::POST, "/v1/deals/enquiry", &[("accept", "text/csv")], Some(json!({"statusIds": [2]})))
        .await;
    assert!(csv.text.contains("Deal 11") && !csv.text.contains("Deal 10"), "{csv:?}");
}

#[tokio::test]
async fn lists_are_found_by_every_spelling_of_their_paths_and_entries_in_use_are_kept() {
    let app = with_examples().await;
    deal(&app, "one", 1, None).await;
    for path in ["/v1/deals/boards", "/v1/Deals/Board", "/v1/deal/boards"] {
        let boards = app.get(path).await;
        let names: Vec<&Value> =
            boards.data()["value"].as_array().unwrap().iter().map(|one| &one["boardName"]).collect();
        assert_eq!(names, [&json!("งานขาย"), &json!("Bigger deals")], "{path}");
    }
    for path in
        ["/v1/deals/stages?boardId=34628319", "/v1/deals/stage?boardId=34628319", "/v1/deals/boards/34628319/stages"]
    {
        let stages = app.get(path).await;
        let kinds: Vec<&Value> = stages.data()["value"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
        assert_eq!(kinds, [&json!("open"), &json!("won"), &json!("missed")], "{path}");
    }
    for (paths, member, id) in [
        (["/v1/deals/interests", "/v1/deal/interests"], "interestId", 1001),
        (["/v1/deals/labels", "/v1/deals/label"], "labelId", 1002),
        (["/v1/deals/missed-reason-categories", "/v1/deals/missed-reasons"], "reasonCategoryId", 39_733_557),
    ] {
        for path in paths {
            let list = app.get(path).await;
            assert!(list.data()["value"].as_array().unwrap().iter().any(|one| one[member] == id), "{path} {list:?}");
        }
    }
    let retire = async |list: &str, id: i64, body: Value| {
        app.request(Method::PUT, &format!("/v1/setting/{list}/{id}"), &[], Some(body)).await
    };
    let off = json!({"isActive": false});
    for (list, id) in [("boards", 34_628_319), ("stages", 5509), ("labels", 1002), ("interests", 1001)] {
        assert_eq!(retire(list, id, off.clone()).await.status, 409, "{list}");
    }
    let moved = retire("labels", 1002, json!({"isActive": false, "reassignTo": 98_199_047})).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    let read = app.get("/v1/deals/1").await;
    assert_eq!(read.data()["value"]["dealsLabels"], json!([{"labelId": 98_199_047, "labelName": "Large"}]));
    let found = app.post("/v1/deals/enquiry", json!({"dealLabels": [98_199_047]})).await;
    assert_eq!(found.data()["total"], 1);
}

#[tokio::test]
async fn deals_go_with_their_customer_when_it_is_merged_and_say_nothing_of_it_once_it_is_erased() {
    let app = with_examples().await;
    let mut body = creation();
    body["dealName"] = json!("Roof for Quartz");
    body["note"] = json!("Quartz likes red");
    body["dateFollowUp"] = Value::Null;
    let made = create(&app, body).await;
    let merged = app.post("/v3/customers/C000349/merge", json!({"mergedCustomerCode": "string"})).await;
    assert_eq!((merged.status, &merged.data()["moved"]["deals"]), (200, &json!(1)), "{merged:?}");
    let read = app.get("/v1/deals/1").await;
    assert_eq!(read.data()["value"]["customer"]["customerCode"], "C000349");
    let asked = crate::privacy::ask(&app, crate::privacy::asked("erasure", "C000349")).await;
    let started = crate::privacy::start(&app, asked).await;
    assert_eq!(started.status, 200, "{started:?}");
    app.run_jobs().await;
    let read = app.get("/v1/deals/1").await;
    let value = &read.data()["value"];
    assert_eq!((&value["dealsName"], &value["notes"]), (&made["dealNo"], &Value::Null));
    assert_eq!(value["customer"]["customerName"], "(erased)");
    let audit = app.get(&format!("/v1/audit?ref=deal/{}", made["dealNo"].as_str().unwrap())).await;
    assert!(!audit.text.contains("Quartz"), "{audit:?}");
}

#[tokio::test]
async fn a_follow_up_is_a_task_and_all_tasks_of_a_deal_can_be_done_at_once() {
    let app = with_examples().await;
    let made = create(&app, creation()).await;
    let number = made["dealNo"].clone();
    let tasks = async || -> Vec<(String, String)> {
        let found = app.post("/v1/task/enquiry", json!({"dealNo": number, "orderBy": "dateCreated"})).await;
        let rows = found.data().as_array().unwrap_or_else(|| panic!("{found:?}")).clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut told: Vec<_> = rows.iter().map(|row| (text(&row["dateDue"]), text(&row["status"]))).collect();
        told.sort();
        told
    };
    let first = ("2023-02-08T16:51:40+0700".to_owned(), "open".to_owned());
    assert_eq!(tasks().await, std::slice::from_ref(&first));
    update(&app, &made["dealsId"], json!({"dateFollowUp": "2023-02-08T16:51:40+0700", "probability": 30})).await;
    assert_eq!(tasks().await, std::slice::from_ref(&first), "the same time once more");
    let changed = update(
        &app,
        &made["dealsId"],
        json!({"dateFollowUp": "2023-03-08T09:00:00", "followUpNotes": "Call again", "markAllTaskAsDone": true}),
    )
    .await;
    assert_eq!(changed.data()["value"]["followUpNotes"], "Call again");
    let done = (first.0, "done".to_owned());
    assert_eq!(tasks().await, [done, ("2023-03-08T09:00:00+0700".to_owned(), "open".to_owned())]);
    let task = app.post("/v1/task/enquiry", json!({"dealNo": number, "statuses": ["open"]})).await;
    let task = &task.data()[0];
    assert_eq!(
        (&task["note"], &task["assignedToStaffCode"], &task["customerCode"]),
        (&json!("Call again"), &json!("staff01"), &json!("string"))
    );
}

#[tokio::test]
async fn a_day_before_the_year_1_is_a_typing_fault() {
    let app = with_examples().await;
    let made = deal(&app, "Early", 100, None).await;
    for wrong in ["-000541-12-31", "0000-12-31T00:00:00"] {
        let answer = update(&app, &made["dealsId"], json!({"expectedCloseDate": wrong, "dealDate": wrong})).await;
        let mut errors = answer.errors();
        errors.sort_unstable();
        assert_eq!(errors, ["dealDate", "expectedCloseDate"].map(|field| ("invalid_format", field)));
    }
}

#[tokio::test]
async fn deals_come_out_of_a_file_once_and_go_back() {
    let app = with_examples().await;
    let made = deal(&app, "Known", 100, None).await;
    let number = made["dealNo"].as_str().unwrap();
    let text = format!(
        "เลขที่ดีล,ชื่อดีล,รหัสลูกค้า,มูลค่า,โอกาส,คาดว่าจะปิด,ผู้รับผิดชอบ,บอร์ด,ขั้นตอน,ป้าย\n\
         {number},Renamed,,\"1,250.50\",,,,,Won,\n\
         OLD-7,Fresh,C000349,5000,40%,2025-03-01,staff02,Bigger deals,Offer,hot;new\n\
         ,No customer,,1,1,2025-03-01,staff02,,,\n\
         ,Lost,C000349,1,1,2025-03-01,staff02,,Nowhere,\n"
    );
    let done = import(&app, "kind=deals", text.as_str()).await;
    assert_eq!(counts(&done), (1, 1, 0, 2), "{done:#}");
    let read = app.get("/v1/deals/1").await;
    let value = &read.data()["value"];
    assert_eq!(
        (&value["dealsName"], &value["dealsValue"], &value["statusName"]),
        (&json!("Renamed"), &json!(1250.5), &json!("Won"))
    );
    let fresh = app.post("/v1/deals/enquiry", json!({"keyword": "old-7"})).await;
    let row = &fresh.data()["value"][0];
    assert_eq!(
        (&row["dealsName"], &row["probability"], &row["labels"]),
        (&json!("Fresh"), &json!(40), &json!(["Hot", "new"]))
    );
    undo(&app, &done).await;
    let read = app.get("/v1/deals/1").await;
    let value = &read.data()["value"];
    assert_eq!(
        (&value["dealsName"], &value["dealsValue"], &value["statusName"]),
        (&json!("Known"), &json!(100), &json!("Open"))
    );
    let left = app.post("/v1/deals/enquiry", json!({})).await;
    assert_eq!(left.data()["total"], 1);
    // The same file brings back what was taken back.
    for _ in 0..2 {
        let again = import(&app, "kind=deals", text.as_str()).await;
        assert_eq!(counts(&again), (1, 1, 0, 2), "{again:#}");
        let fresh = app.post("/v1/deals/enquiry", json!({"keyword": "old-7"})).await;
        assert_eq!(fresh.data()["value"][0]["probability"], 40);
        undo(&app, &again).await;
        assert_eq!(app.post("/v1/deals/enquiry", json!({})).await.data()["total"], 1);
    }
}

//! One fold for everything that is compared: what looks the same is the same, wherever it is entered and looked for; and
//! what was different under an earlier fold is left and named.

use serde_json::{Value, json};

use crate::app::{TestApp, is_postgres};
use crate::import::{counts, import};

async fn create(app: &TestApp, body: Value) -> u16 {
    app.post("/v3/customers", body).await.status
}

async fn existing(app: &TestApp, body: Value) -> Vec<String> {
    let found = app.post("/v3/customers/existence", body).await;
    let found = found.data()["customers"].as_array().unwrap().clone();
    found.iter().map(|one| one["customerCode"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_looks_the_same_is_the_same_customer() {
    let app = TestApp::new().await;
    let text = "customerCode,customerName,customerEmail\n\
                ZW01,Zero Width Co,zw@example.com\n\
                ZW01\u{200b},Zero Width Co\u{200b},zw2@example.com\u{200b}\n\
                \u{200f}ZW02,RTL Mark Co,\u{200f}RTL@example.com\n";
    let done = import(&app, "kind=customers", text).await;
    assert_eq!(counts(&done), (2, 0, 0, 1), "{done:#}");
    let second = app.get("/v3/customers/ZW02").await.data().clone();
    assert_eq!((&second["customerCode"], &second["customerEmail"]), (&json!("ZW02"), &json!("RTL@example.com")));
    assert_eq!(existing(&app, json!({"customerEmail": "rtl@example.com"})).await, ["ZW02"]);
    assert_eq!(existing(&app, json!({"customerEmail": "rtl@example.com\u{200b}"})).await, ["ZW02"]);

    let name = |code: &str, name: &str| json!({"customerCode": code, "customerName": name, "customerState": 3});
    assert_eq!(create(&app, name("T1", "ร้านน้ำแข็ง")).await, 200);
    for (code, spelling) in [
        ("T2", "ร้านน\u{e4d}\u{e49}\u{e32}แข็ง"),
        ("T3", "ร้านน\u{e49}\u{e4d}\u{e32}\u{e40}\u{e40}ข็ง"),
        ("T4", "ร้านน้ำแข็ง\u{200d}"),
    ] {
        assert_eq!(create(&app, name(code, spelling)).await, 409, "{spelling}");
    }
    for keyword in ["น้ำแข็ง", "น\u{e4d}\u{e49}\u{e32}\u{e40}\u{e40}ข็ง"] {
        let found = app.post("/v3/customers/enquiry", json!({"keyword": keyword})).await;
        assert_eq!(found.body["total"], 1, "{keyword}");
    }
    // Digits of every script, and dashes.
    assert_eq!(create(&app, name("A-๑๒๓", "Digits")).await, 200);
    assert_eq!(app.get("/v3/customers/a%E2%80%93123").await.data()["customerName"], "Digits");
    let tax =
        json!({"customerCode": "X1", "customerName": "Tax", "customerState": 3, "customerTaxNo": "0-1055-61000-00-8"});
    assert_eq!(create(&app, tax).await, 200);
    assert_eq!(existing(&app, json!({"customerTaxNo": "๐๑๐๕๕๖๑๐๐๐๐๐๘"})).await, ["X1"]);
}

#[tokio::test]
async fn look_up_entries_that_look_the_same_are_one() {
    let app = TestApp::new().await;
    let before = entries(&app).await;
    for (code, group, tags) in [
        ("L1", "Café", json!(["VIP", "น้ำ"])),
        ("L2", "Cafe\u{301}", json!(["ＶＩＰ", "น\u{e4d}\u{e49}\u{e32}"])),
        ("L3", "CAFÉ\u{200b}", json!(["vip\u{200b}"])),
    ] {
        let body = json!({"customerCode": code, "customerName": code, "customerState": 3, "customerGroupName": group,
            "customerTags": tags});
        assert_eq!(create(&app, body).await, 200);
    }
    let found = app.post("/v3/customers/enquiry", json!({"customerGroupName": "café"})).await;
    assert_eq!(found.body["total"], 3);
    let found = app.post("/v3/customers/enquiry", json!({"customerTags": ["vip"]})).await;
    assert_eq!(found.body["total"], 3);
    assert_eq!(entries(&app).await - before, 3, "a group and two tags");
}

async fn entries(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select count(*) from choice").one().await.unwrap()
}

#[tokio::test]
async fn records_of_an_earlier_fold_are_folded_anew_and_clashes_are_named() {
    let app = TestApp::new().await;
    let body = |code: &str, name: &str| {
        json!({"customerCode": code, "customerName": name, "customerState": 3, "customerEmail": format!("{code}@example.com"),
            "customerGroupName": "Gold"})
    };
    for (code, name) in [("F1", "One"), ("F2", "Two"), ("F3", "Three")] {
        assert_eq!(create(&app, body(code, name)).await, 200);
    }
    app.run_jobs().await;
    // As an earlier program has left them: F2 was entered with a letter that cannot be seen, F3 as F1.
    app.sql("update customer set code_key = 'f2-before', name_key = 'before', search_key = 'before', tax_key = null where code = 'F2'").await;
    app.sql("update customer_name set name_key = 'two-before' where name_key = 'two'").await;
    app.sql("update customer_identity set value = 'F2-before' where value = 'f2@example.com'").await;
    app.sql("update choice set name_key = 'gold-before' where name_key = 'gold'").await;
    app.sql("update customer set code = 'f1', code_key = 'f1-before' where code = 'F3'").await;
    app.app
        .db
        .write(async |mut tx| sala::refold::ask(&mut tx, 507, 0).await)
        .await
        .map_err(|error: db::Error| error)
        .unwrap();
    app.run_jobs().await;
    assert_eq!(app.get("/v3/customers/f2").await.data()["customerName"], "Two");
    assert_eq!(existing(&app, json!({"customerName": "TWO"})).await, ["F2"]);
    assert_eq!(existing(&app, json!({"customerEmail": "f2@example.com"})).await, ["F2"]);
    let found = app.post("/v3/customers/enquiry", json!({"keyword": "two"})).await;
    assert_eq!(found.body["total"], 1);
    let found = app.post("/v3/customers/enquiry", json!({"customerGroupName": "gold"})).await;
    assert_eq!(found.body["total"], 3);
    // Nothing is merged: the other one stays, and is named.
    assert_eq!(app.get("/v3/customers/F1").await.data()["customerName"], "One");
    let clashes = sala::refold::clashes(&mut app.app.db.read().await.unwrap()).await.unwrap();
    let named: Vec<(&str, &str)> = clashes.iter().map(|clash| (clash.kind.as_str(), clash.record.as_str())).collect();
    assert_eq!(named, [("customer code", "f1 (Three)")]);
    // Renamed by a person, it is looked at again the next day.
    app.sql("update customer set code = 'F3' where code = 'f1'").await;
    app.advance(std::time::Duration::from_secs(25 * 60 * 60));
    app.run_jobs().await;
    assert!(sala::refold::clashes(&mut app.app.db.read().await.unwrap()).await.unwrap().is_empty());
    let third: String = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select code_key from customer where code = 'F3'").one().await.unwrap()
    };
    assert_eq!(third, "f3");
}

#[tokio::test]
async fn spaces_in_a_row_are_one() {
    let app = TestApp::new().await;
    let name = |code: &str, name: &str| json!({"customerCode": code, "customerName": name, "customerState": 3, "customerTags": [name]});
    assert_eq!(create(&app, name("S1", "บริษัท เอ")).await, 200);
    for (code, spelling) in
        [("S2", "บริษัท  เอ"), ("S3", "บริษัท\u{a0}เอ"), ("S4", " บริษัท \tเอ "), ("S5", "บริษัท \u{200b} เอ")]
    {
        assert_eq!(create(&app, name(code, spelling)).await, 409, "{spelling}");
        assert_eq!(existing(&app, json!({"customerName": spelling})).await, ["S1"], "{spelling}");
        let found = app.post("/v3/customers/enquiry", json!({"keyword": spelling})).await;
        assert_eq!(found.body["total"], 1, "{spelling}");
    }
    let before = entries(&app).await;
    let other =
        json!({"customerCode": "S6", "customerName": "Other", "customerState": 3, "customerTags": ["บริษัท   เอ"]});
    assert_eq!(create(&app, other).await, 200);
    assert_eq!(entries(&app).await, before, "the same tag");
    // As typed; and codes and addresses are what they were.
    assert_eq!(create(&app, name("S 7", "Typed  so")).await, 200);
    assert_eq!(app.get("/v3/customers/S%207").await.data()["customerName"], "Typed  so");
    assert_eq!(app.get("/v3/customers/S%20%207").await.data()["customerName"], "Typed  so");
    let spaced = json!({"customerCode": "S8", "customerName": "Spaced", "customerState": 3, "customerEmail": "a  b@example.com"});
    assert_eq!(create(&app, spaced).await, 400);
}

#[tokio::test]
async fn what_was_stored_before_spaces_were_one_is_folded_anew() {
    let app = TestApp::new().await;
    let customer = |code: &str, name: &str| {
        json!({"customerCode": code, "customerName": name, "customerState": 3,
        "customerPhone": "LINE 081-777-8832"})
    };
    assert_eq!(create(&app, customer("R1", "Two  spaces")).await, 200);
    assert_eq!(create(&app, customer("R2", "Other")).await, 200);
    let task = |subject: &str| json!({"subject": subject});
    for subject in ["Call  back", "Call again"] {
        assert_eq!(app.post("/v1/task", task(subject)).await.status, 200);
    }
    app.run_jobs().await;
    app.sql("update customer set name_key = 'two  spaces', search_key = 'two  spaces' where code = 'R1'").await;
    app.sql("update customer_name set name_key = 'two  spaces' where name_key = 'two spaces'").await;
    app.sql("update customer set name = 'Two spaces', name_key = 'two spaces' where code = 'R2'").await;
    app.sql("update customer_name set name_key = 'two spaces' where name_key = 'other'").await;
    app.sql("delete from customer_identity").await;
    app.sql("update task set search_key = 'call  back' where subject = 'Call  back'").await;
    let numbers = app.post("/v1/task/enquiry", json!({})).await.data().clone();
    let number = |subject: &str| {
        let mut all = numbers.as_array().unwrap().iter();
        all.find(|task| task["subject"] == subject).unwrap()["taskNo"].as_str().unwrap().to_owned()
    };
    let (first, second) = (number("Call  back"), number("Call again"));
    app.sql("update task set number = 'T  1', number_key = 't  1' where subject = 'Call  back'").await;
    app.sql("update task set number = 'T 1', number_key = 't 1' where subject = 'Call again'").await;
    assert_ne!(first, second);
    assert!(existing(&app, json!({"customerPhone": "0817778832"})).await.is_empty());
    app.app
        .db
        .write(async |mut tx| sala::refold::ask(&mut tx, 507, 0).await)
        .await
        .map_err(|error: db::Error| error)
        .unwrap();
    app.run_jobs().await;
    assert_eq!(existing(&app, json!({"customerPhone": "+66 81 777 8832"})).await, ["R1", "R2"]);
    assert_eq!(app.post("/v3/customers/enquiry", json!({"keyword": "two spaces"})).await.body["total"], 2);
    assert_eq!(app.post("/v3/customers/enquiry", json!({"keyword": "081 777 8832"})).await.body["total"], 2);
    assert_eq!(app.post("/v1/task/enquiry", json!({"keyword": "call back"})).await.data().as_array().unwrap().len(), 1);
    // Nothing is merged: what looks the same now is named.
    let clashes = sala::refold::clashes(&mut app.app.db.read().await.unwrap()).await.unwrap();
    let named: Vec<(&str, &str)> = clashes.iter().map(|clash| (clash.kind.as_str(), clash.record.as_str())).collect();
    assert_eq!(named, [("customer name", "R1 (Two  spaces)"), ("task number", "T  1")]);
    assert_eq!(app.get("/v3/customers/R1").await.data()["customerName"], "Two  spaces");
}

#[tokio::test]
async fn telephones_are_found_whatever_stands_around_them() {
    let app = TestApp::new().await;
    let typed = [
        ("0817778801 (LINE)", "0817778801"),
        ("LINE 081-777-8802", "+66 81 777 8802"),
        ("คุณเอ 081-777-8803", "081 777 8803"),
        ("081-777-8804 คุณเอ", "0817778804"),
        ("02-777-8805-9", "02 777 8805"),
        ("02-777-8811 กด 3", "027778811"),
        ("081_777_8806", "081-777-8806"),
        ("มือถือ: 0817778807 / บ้าน 027778807", "02-777-8807"),
        ("081 777 8808 (office hours)", "0066817778808"),
        ("Tel 02-777-8812 Fax 02-777-8813", "02 777 8813"),
    ];
    for (at, (phone, _)) in typed.iter().enumerate() {
        let code = format!("T{at}");
        let body = json!({"customerCode": code, "customerName": code, "customerState": 3, "customerPhone": phone});
        assert_eq!(create(&app, body).await, 200, "{phone}");
        assert_eq!(app.get(&format!("/v3/customers/{code}")).await.data()["customerPhone"], *phone, "as typed");
    }
    for (at, (phone, number)) in typed.iter().enumerate() {
        let code = format!("T{at}");
        assert_eq!(existing(&app, json!({"customerPhone": number})).await, [code.as_str()], "{phone}");
        let digits = number.trim_start_matches("00");
        for query in [json!({"keyword": digits}), json!({"customerPhone": number})] {
            let found = app.post("/v3/customers/enquiry", query).await;
            assert_eq!(found.body["data"][0]["customerCode"], json!(code), "{phone} {found:?}");
        }
    }
    for none in ["28/11/2026", "0105561000008", "@abc1234567", "som0817778801@example.com", "SO2511-0001"] {
        assert!(existing(&app, json!({"customerPhone": none})).await.is_empty(), "{none}");
    }
}

/// Twelve requests at once that make the same record, each with a tag that is new: none meets a deadlock, and all are done.
#[tokio::test(flavor = "multi_thread")]
async fn creations_of_one_code_with_new_tags_meet_no_deadlock() {
    let app = TestApp::new().await;
    for round in 0..100 {
        let customers = (0..12).map(|number| {
            let body = json!({"customerCode": format!("D{round}"), "customerName": format!("Name {round}"), "customerState": 3,
                "customerTags": [format!("tag {round} {number}")], "customerGroupName": format!("group {round} {number}")});
            app.post("/v3/customers", body)
        });
        for answer in futures_util::future::join_all(customers).await {
            assert!(matches!(answer.status, 200 | 201), "round {round}: {answer:?}");
        }
    }
    if is_postgres() {
        let mut conn = app.app.db.read().await.unwrap();
        let deadlocks: i64 =
            conn.sql("select deadlocks from pg_stat_database where datname = current_database()").one().await.unwrap();
        assert_eq!(deadlocks, 0);
    }
}

//! The company's profile, its look-up lists, document numbers, and the audit trail.

use axum::http::Method;
use jiff::civil::date;
use sala::setting::number::{self, Pattern};
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp};

async fn put(app: &TestApp, path: &str, body: Value) -> crate::app::Answer {
    app.request(Method::PUT, path, &[], Some(body)).await
}

#[tokio::test]
async fn the_profile_begins_with_sensible_rules_and_changes_piece_by_piece() {
    let app = TestApp::new().await;
    let first = app.get("/v1/setting").await;
    let data = first.data();
    assert_eq!((data["companyId"].as_i64(), data["name"].as_str()), (Some(COMPANY), Some("Siam Tools")));
    assert_eq!(data["vatRates"][0]["rate"], 7);
    assert_eq!(data["rounding"], "document");

    let body = json!({"NameEn": "Siam Tools Ltd", "phone": "02 123 4567", "vatRates": [{"from": "2030-01-01", "rate": "7.25"}]});
    let changed = put(&app, "/v1/setting", body).await;
    assert_eq!(changed.data()["nameEn"], "Siam Tools Ltd");
    assert_eq!(changed.data()["vatRates"], json!([{"from": "2030-01-01", "rate": 7.25}]));
    let cleared = put(&app, "/v1/setting", json!({"phone": null})).await;
    assert_eq!(cleared.data()["phone"], Value::Null);
    assert_eq!(cleared.data()["nameEn"], "Siam Tools Ltd", "what is absent stays");
}

#[tokio::test]
async fn every_fault_of_a_profile_is_named_and_nothing_is_stored() {
    let app = TestApp::new().await;
    let body = json!({
        "name": " ", "timeZone": "Mars/Olympus", "currency": "baht", "logoUrl": "http://x", "retentionDays": 0,
        "branches": [{"code": "1", "name": "x"}], "vatRates": [{"from": "2025-01-01", "rate": 101}],
        "businessHours": [{"day": 8, "from": "17:00", "to": "09:00"}],
        "numbers": {"quotation": {"prefix": "QT", "era": "gregorian", "period": "month", "digits": 11, "perBranch": false}},
    });
    let refused = put(&app, "/v1/setting", body).await;
    assert_eq!((refused.status, &refused.body["status"]["code"]), (400, &json!("4002")));
    let fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    let expected = [
        "name",
        "timeZone",
        "currency",
        "logoUrl",
        "retentionDays",
        "branches[0].code",
        "vatRates[0].rate",
        "businessHours[0].day",
        "businessHours[0].to",
        "numbers.quotation.digits",
    ];
    assert_eq!(fields, expected);
    assert_eq!(app.get("/v1/setting").await.data()["name"], "Siam Tools");
}

#[tokio::test]
async fn a_wrong_tax_number_is_warned_of_and_refused_only_when_the_company_says_so() {
    let app = TestApp::new().await;
    let warned = put(&app, "/v1/setting", json!({"taxNo": "1101700230707"})).await;
    assert_eq!(warned.data()["warnings"].as_array().unwrap().len(), 1);
    let right = put(&app, "/v1/setting", json!({"taxNo": "1101700230708", "refuseWrongTaxNo": true})).await;
    assert_eq!(right.data()["warnings"], json!([]));
    let refused = put(&app, "/v1/setting", json!({"taxNo": "1101700230707"})).await;
    assert_eq!(refused.errors(), [("invalid_value", "taxNo")]);
}

#[tokio::test]
async fn versions_spare_reads_and_refuse_lost_races() {
    let app = TestApp::new().await;
    let read = app.get("/v1/setting").await;
    let tag = read.header("etag").to_owned();
    let again = app.request(Method::GET, "/v1/setting", &[("if-none-match", &tag)], None).await;
    assert_eq!(again.status, 304);
    let change = |name: &'static str| Some(json!({"name": name}));
    let won = app.request(Method::PUT, "/v1/setting", &[("if-match", &tag)], change("First")).await;
    assert_eq!(won.status, 200);
    let lost = app.request(Method::PUT, "/v1/setting", &[("if-match", &tag)], change("Second")).await;
    assert_eq!((lost.status, lost.errors()), (412, vec![("changed", "If-Match")]));
    assert_eq!(
        app.request(Method::PUT, "/v1/setting", &[], change("Third")).await.status,
        200,
        "old clients send none"
    );
}

#[tokio::test]
async fn a_list_is_filled_renamed_reordered_and_retired() {
    let app = TestApp::new().await;
    let made = app.post("/v1/setting/sources", json!({"name": " งานแสดงสินค้า ", "nameEn": "Fair", "position": 0})).await;
    assert_eq!(made.status, 201);
    let id = made.data()["id"].as_i64().unwrap();
    let list = app.get("/v1/setting/sources").await;
    assert_eq!(list.data()["value"][0]["name"], "งานแสดงสินค้า", "position 0 is first");

    let twice = app.post("/v1/setting/sources", json!({"name": "งานแสดงสินค้า"})).await;
    assert_eq!((twice.status, twice.errors()), (409, vec![("taken", "name")]));
    let upper = app.post("/v1/setting/sources", json!({"name": "FACEBOOK"})).await;
    assert_eq!(upper.status, 409, "letter case makes no new name");

    let path = format!("/v1/setting/sources/{id}");
    let renamed = put(&app, &path, json!({"name": "Messe", "nameEn": null})).await;
    assert_eq!((&renamed.data()["name"], &renamed.data()["nameEn"]), (&json!("Messe"), &Value::Null));
    assert_eq!(put(&app, &path, json!({"isActive": false})).await.data()["isActive"], false);
    let active = app.get("/v1/setting/sources?activeOnly=true").await;
    assert!(active.data()["value"].as_array().unwrap().iter().all(|one| one["name"] != "Messe"));
    assert_eq!(put(&app, "/v1/setting/sources/9999", json!({"name": "x"})).await.status, 404);
    assert_eq!(app.get("/v1/setting/nothing").await.status, 400);
}

#[tokio::test]
async fn entries_are_checked_by_their_list() {
    let app = TestApp::new().await;
    let long = app.post("/v1/setting/classifications", json!({"name": "VIPS"})).await;
    assert_eq!(long.errors(), [("too_long", "name")]);
    let rate = app.post("/v1/setting/vat-rates", json!({"name": "x", "detail": {"rate": -1}})).await;
    assert_eq!(rate.errors(), [("invalid_value", "detail.rate")]);
    let empty = app.post("/v1/setting/tags", json!({"name": "  "})).await;
    assert_eq!(empty.errors(), [("required", "name")]);
}

#[tokio::test]
async fn the_audit_trail_says_who_changed_what() {
    let app = TestApp::new().await;
    put(&app, "/v1/setting", json!({"name": "Renamed"})).await;
    put(&app, "/v1/setting", json!({"name": "Renamed again"})).await;
    let trail = app.get(&format!("/v1/audit?ref=setting/{COMPANY}&take=1")).await;
    let newest = &trail.data()["value"][0];
    assert_eq!(newest["changes"]["name"], json!(["Renamed", "Renamed again"]));
    assert_eq!(newest["actor"], app.client.client_id);
    let next = trail.data()["next"].as_str().unwrap();
    let older = app.get(&format!("/v1/audit?ref=setting/{COMPANY}&take=1&before={next}")).await;
    assert_eq!(older.data()["value"][0]["changes"]["name"], json!(["Siam Tools", "Renamed"]));
    assert_eq!(older.data()["next"], Value::Null);
}

#[tokio::test]
async fn words_that_are_kept_on_one_line_are_the_standard_ones_and_the_company_s_own() {
    let app = TestApp::new().await;
    let put =
        async |words: Value| app.request(Method::PUT, "/v1/setting", &[], Some(json!({"unbrokenWords": words}))).await;
    let kept = put(json!([" บางแสน ", "บางแสน", "", "พัทยา"])).await;
    assert_eq!(kept.data()["unbrokenWords"], json!(["บางแสน", "พัทยา"]), "each once");
    let listed = app.get("/v1/documents/unbroken-words").await;
    assert_eq!(listed.data()["own"], json!(["บางแสน", "พัทยา"]));
    let standard = listed.data()["standard"].as_array().unwrap();
    assert!(standard.len() > 100 && standard.contains(&json!("กรุงเทพมหานคร")), "{}", standard.len());
    let wrong = put(json!(["สอง คำ", "ก", "ok"])).await;
    assert_eq!(
        wrong.errors(),
        [("invalid_format", "unbrokenWords[0]"), ("invalid_format", "unbrokenWords[1]")],
        "{wrong:?}"
    );
    let many: Vec<String> = (0..501).map(|number| format!("word{number}")).collect();
    assert_eq!(put(json!(many)).await.errors(), [("too_long", "unbrokenWords")]);
    assert_eq!(put(json!([])).await.data()["unbrokenWords"], json!([]));
}

/// Document numbers: gapless and never twice, also when 64 writers want one at once and some of them give up.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn document_numbers_are_gapless_under_64_writers() {
    let app = TestApp::new().await;
    let pattern = Pattern::usual("QT");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let (app, pattern) = (app.app.clone(), pattern.clone());
        writers.spawn(async move {
            let assigned: Result<String, db::Error> = app
                .db
                .write(async |mut tx| {
                    let day = date(2025, 11, 23);
                    let number = number::assign(&mut tx, COMPANY, "quotation", &pattern, day, "00000").await?;
                    // A document that fails after its number was assigned gives it back.
                    if writer % 4 == 0 { Err(db::Error::NoRow) } else { Ok(number) }
                })
                .await;
            assigned.ok()
        });
    }
    let mut numbers: Vec<String> = writers.join_all().await.into_iter().flatten().collect();
    numbers.sort();
    let expected: Vec<String> = (1..=48).map(|number| format!("QT2511-{number:04}")).collect();
    assert_eq!(numbers, expected);
}

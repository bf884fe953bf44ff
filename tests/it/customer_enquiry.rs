//! Lists of customers: filters, order, pages, keywords in any script.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::customer::plain;

async fn put(app: &TestApp, body: Value) {
    let answer = app.post("/v3/customers", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The codes that an enquiry answers, in order.
async fn enquire(app: &TestApp, body: Value) -> Vec<String> {
    codes(app, "/v3/customers/enquiry", body).await
}

async fn codes(app: &TestApp, path: &str, body: Value) -> Vec<String> {
    let answer = app.post(path, body).await;
    let rows = answer.data().as_array().unwrap_or_else(|| panic!("{answer:?}"));
    rows.iter().map(|row| row["customerCode"].as_str().unwrap().to_owned()).collect()
}

/// Customers with something of everything that is filtered by.
async fn some() -> TestApp {
    let app = TestApp::new().await;
    for (index, (code, name)) in
        [("c1", "Banana"), ("c2", "apple"), ("c3", "Cherry"), ("c4", "Date")].into_iter().enumerate()
    {
        let mut body = plain(code, name);
        body["customerState"] = json!(index % 3 + 1);
        body["customerType"] = json!(index % 2 + 1);
        body["customerGroupName"] = json!(if index < 2 { "Gold" } else { "Silver" });
        body["sourceName"] = json!(if index == 0 { "Fair" } else { "Website" });
        body["classificationName"] = json!(if index == 3 { "VIP" } else { "A" });
        body["interestsName"] = json!(if index == 1 { ["Cars"] } else { ["Boats"] });
        body["customerTags"] = json!([format!("tag{index}"), "all"]);
        body["owners"] = json!([if index < 3 { "EMP1" } else { "EMP2" }]);
        body["customerPhone"] = json!(format!("081-000-000{index}"));
        body["customerEmail"] = json!(format!("{code}@example.com"));
        body["customerTaxNo"] = json!(format!("99999999{index}"));
        put(&app, body).await;
    }
    app
}

#[tokio::test]
async fn each_filter_narrows_the_list() {
    let app = some().await;
    let cases = [
        (json!({}), vec!["c4", "c3", "c2", "c1"]),
        (json!({"keyword": "Daaisyy", "customerState": 3, "skip": 0, "take": 20}), vec![]),
        (json!({"customerState": "1"}), vec!["c4", "c1"]),
        (json!({"customerType": 11200}), vec!["c2"]),
        (json!({"customerType": 2, "owners": ["emp1"]}), vec!["c2"]),
        (json!({"customerStatus": 1}), vec![]),
        (json!({"leadStatus": 1}), vec!["c4", "c1"]),
        (json!({"customerCode": "C3"}), vec!["c3"]),
        (json!({"CUSTOMERNAME": "APPLE"}), vec!["c2"]),
        (json!({"customerTaxNo": "99999999-2"}), vec!["c3"]),
        (json!({"customerPhone": "+66 81 000 0003"}), vec!["c4"]),
        (json!({"customerEmail": "C1@EXAMPLE.com"}), vec!["c1"]),
        (json!({"owners": ["EMP2", "nobody"]}), vec!["c4"]),
        (json!({"owners": null, "customerGroupName": "gold"}), vec!["c2", "c1"]),
        (json!({"sourceName": "Fair"}), vec!["c1"]),
        (json!({"sourceName": "unknown"}), vec![]),
        (json!({"classificationName": "VIP"}), vec!["c4"]),
        (json!({"interestsName": ["cars"]}), vec!["c2"]),
        (json!({"customerTags": ["TAG0", "tag3"]}), vec!["c4", "c1"]),
        (json!({"customerTags": [""]}), vec!["c4", "c3", "c2", "c1"]),
        (json!({"dateTo": "2020-01-01"}), vec![]),
        (json!({"dateFrom": "2020-01-01T00:00:00", "modifiedFrom": "2020-01-01"}), vec!["c4", "c3", "c2", "c1"]),
        (json!({"keyword": "an", "customerState": 1}), vec!["c1"]),
    ];
    for (body, expected) in cases {
        assert_eq!(enquire(&app, body.clone()).await, expected, "{body}");
    }
    let refused = app
        .post(
            "/v3/customers/enquiry",
            json!({"customerState": 9, "orderBy": "x", "dateFrom": "soon", "take": 0, "cursor": "?"}),
        )
        .await;
    let mut fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["cursor", "customerState", "dateFrom", "orderBy", "take"]);
}

#[tokio::test]
async fn pages_follow_one_another_in_every_order() {
    let app = some().await;
    let orders = [
        ("customerName", ["c2", "c1", "c3", "c4"]),
        ("customerName desc", ["c4", "c3", "c1", "c2"]),
        ("CustomerCode", ["c1", "c2", "c3", "c4"]),
        ("-customerCode", ["c4", "c3", "c2", "c1"]),
        ("dateCreated asc", ["c1", "c2", "c3", "c4"]),
        ("dateModified", ["c4", "c3", "c2", "c1"]),
    ];
    for (order, expected) in orders {
        for keyword in [json!(null), json!("example.com")] {
            let mut seen =
                enquire(&app, json!({"orderBy": order, "skip": 0, "pageLength": 1, "keyword": keyword})).await;
            let first =
                app.post("/v3/customers/enquiry", json!({"orderBy": order, "take": 1, "keyword": keyword})).await;
            assert_eq!((&first.body["total"], &first.body["totalIsEstimate"]), (&json!(4), &json!(false)));
            let mut next = first.body["next"].clone();
            while next.is_string() {
                let page = app
                    .post(
                        "/v3/customers/enquiry",
                        json!({"cursor": next, "take": 1, "keyword": keyword, "orderBy": order}),
                    )
                    .await;
                seen.push(page.data()[0]["customerCode"].as_str().unwrap().to_owned());
                next = page.body["next"].clone();
            }
            assert_eq!(seen, expected, "{order} {keyword}");
            let skipped = enquire(&app, json!({"orderBy": order, "skip": 3, "take": 5, "keyword": keyword})).await;
            assert_eq!(skipped, expected[3..]);
        }
    }
}

#[tokio::test]
async fn a_keyword_is_found_in_any_script_and_in_every_name_and_number() {
    let app = TestApp::new().await;
    let names = [
        ("th", "บริษัท ก้าวหน้า จำกัด", "ก้าวห"),
        ("lo", "ບໍລິສັດ ລາວ", "ລາວ"),
        ("km", "ក្រុមហ៊ុន ភ្នំពេញ", "ភ្នំ"),
        ("my", "မြန်မာ ကုမ္ပဏီ", "ကုမ္ပ"),
        ("vi", "Nguyễn Văn Đức", "VĂN đ"),
        ("zh", "李明有限公司", "李明"),
        ("en", "Smith & Sons 100%", "SONS 100%"),
    ];
    for (code, name, _) in names {
        put(&app, plain(code, name)).await;
    }
    for (code, name, keyword) in names {
        assert_eq!(codes(&app, "/v3/customers/search", json!({"keyword": keyword})).await, [code], "{name}");
        assert_eq!(enquire(&app, json!({"keyword": keyword})).await, [code], "{name}");
    }
    let decomposed = "Nguye\u{302}\u{303}n";
    assert_eq!(codes(&app, "/v3/customers/search", json!({"keyword": decomposed})).await, ["vi"]);
    let mut full = crate::customer::daisy();
    full["customerCode"] = json!("daisy");
    full["customerEmail"] = json!("d.wong@example.co.th");
    put(&app, full).await;
    let parts = [
        "daai",
        "NG",
        "openapi",
        "ais",
        "0660018286",
        "066-001-8286",
        "+66 66001",
        "wong@exa",
        "000000111",
        "Contact002",
        "1234567890",
    ];
    for part in parts {
        let found = codes(&app, "/v3/customers/search", json!({"keyword": part})).await;
        assert!(found.contains(&"daisy".to_owned()), "{part}: {found:?}");
    }
    for nobody in ["daisx", "%", "_", "!", "' or 1=1 --", "\"", "d%y"] {
        let found = codes(&app, "/v3/customers/search", json!({"keyword": nobody})).await;
        assert!(!found.contains(&"daisy".to_owned()), "{nobody}: {found:?}");
    }
    // After a change it is found by the new name only.
    put(&app, plain("zh", "王芳")).await;
    assert_eq!(codes(&app, "/v3/customers/search", json!({"keyword": "王"})).await, ["zh"]);
    assert!(codes(&app, "/v3/customers/search", json!({"keyword": "李明"})).await.is_empty());
}

#[tokio::test]
async fn a_search_begins_with_what_fits_best() {
    let app = TestApp::new().await;
    for (code, name) in
        [("a1", "Siam"), ("a2", "Siam Tools"), ("siam", "Other"), ("a4", "New Siam"), ("a5", "Siam Motors")]
    {
        put(&app, plain(code, name)).await;
    }
    assert_eq!(codes(&app, "/v3/customers/search", json!({"keyword": "siam"})).await, ["siam", "a1", "a5", "a2", "a4"]);
    let tenant = app.tenant(508, &["customer:read"]).await;
    let other = app
        .request_as(&tenant.token, axum::http::Method::POST, "/v3/customers/search", Some(json!({"keyword": "siam"})))
        .await;
    assert_eq!((other.data(), &other.body["total"]), (&json!([]), &json!(0)));
}

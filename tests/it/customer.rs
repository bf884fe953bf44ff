//! Customers: create or update, look-ups, the legacy operations.

use axum::http::Method;
use channel::Platform;
use sala::webhook::subscription;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp};
use crate::receiver::Receiver;

/// The example of the original page's request.
pub fn daisy() -> Value {
    json!({
        "customerCode": null, "customerName": "Daaisyy", "customerState": 3, "customerStatus": 0, "customerType": 2,
        "customer2ndName": "ng", "customerAliases": ["testOpenApi"], "customerTaxNo": "0000000000111", "branchCode": null,
        "customerPhone": "+66660018286", "customerMobile": "+66660018286", "customerPosition": "staff",
        "customerGender": 2, "customerMaritalStatus": 2, "customerBirthdate": "2000-06-04", "customerIncome": "50000",
        "addresses": [{"locationAddress": "samutsakhon", "locationName": "samutsakhon", "locationType": 2,
                       "latitude": "0.00", "longitude": "20.34"}],
        "sourceName": "Website", "customerGroupName": "CRM", "leadStatus": 4, "interestsName": [], "customerTags": [],
        "classificationName": "S",
        "contacts": [{"contactName": "Contact002", "contactStatus": true, "contactMobile": "1234567890",
                      "contactPosition": "Intern", "contactBirthdate": "2000-06-04", "contactNote": "test open api"}],
        "customerSocialAccount": {"facebook": ""},
        "customFields": [{"customFieldName": "UTM Source", "customFieldValue": ["newsletter"]}],
        "customerNote": "create for test", "owners": ["Admin01"]
    })
}

/// A customer with no more than it needs.
pub fn plain(code: &str, name: &str) -> Value {
    json!({"customerCode": code, "customerName": name, "customerState": 3})
}

/// Creates or updates a customer, which must be taken.
pub async fn put(app: &TestApp, body: Value) -> Answer {
    let answer = app.post("/v3/customers", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn read(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v3/customers/{code}")).await.data().clone()
}

#[tokio::test]
async fn the_documented_example_creates_a_customer_that_reads_as_it_was_written() {
    let app = TestApp::new().await;
    let made = put(&app, daisy()).await;
    let code = made.data()["customerCode"].as_str().unwrap().to_owned();
    assert_eq!(code, "C000001");
    let warnings = made.data()["warnings"].to_string();
    assert!(warnings.contains("check digit") && warnings.contains("Admin01"), "{warnings}");
    let customer = read(&app, &code).await;
    for (field, sent) in daisy().as_object().unwrap() {
        match field.as_str() {
            "customerCode" => {}
            // An empty account is none, and absent properties of a contact are null.
            "customerSocialAccount" => assert_eq!(customer[field]["facebook"], Value::Null),
            "contacts" => {
                for (name, value) in sent[0].as_object().unwrap() {
                    assert_eq!(&customer["contacts"][0][name], value, "{name}");
                }
            }
            _ => assert_eq!(&customer[field], sent, "{field}"),
        }
    }
    assert_eq!(customer["customerId"], made.data()["customerId"]);
    assert!(customer["dateCreated"].as_str().unwrap().ends_with("+0700"));
    // A lead and a prospect count for themselves.
    let lead = put(&app, json!({"customerName": "A lead", "customerState": 1})).await;
    assert_eq!(lead.data()["customerCode"], "L000001");
    assert_eq!(read(&app, "L000001").await["leadStatus"], 1);
    let prospect = put(&app, json!({"customerName": "A prospect", "customerState": "2"})).await;
    assert_eq!(prospect.data()["customerCode"], "P000001");
    assert_eq!(read(&app, "p000001").await["leadStatus"], 4);
}

#[tokio::test]
async fn a_given_code_is_created_and_then_updated() {
    let app = TestApp::new().await;
    put(&app, plain("daisy", "Daisy")).await;
    let mut full = daisy();
    full["customerCode"] = json!("DAISY");
    full["customerName"] = json!("Daisy");
    let updated = put(&app, full).await;
    assert_eq!(updated.data()["customerCode"], "daisy", "the code keeps the form in which it was first given");
    // Absent keeps, null clears.
    let change = json!({"customerCode": "daisy", "customerName": "Daisy Co", "customerState": 3, "customerPhone": null,
                        "contacts": null, "owners": null, "customerSocialAccount": {"line": "daisy99"},
                        "customFields": [{"customFieldName": "utm source", "customFieldValue": [""]},
                                         {"customFieldName": "Colour", "customFieldValue": ["red", "blue"]}]});
    put(&app, change).await;
    let customer = read(&app, "daisy").await;
    assert_eq!((&customer["customerPhone"], &customer["contacts"]), (&Value::Null, &json!([])));
    assert_eq!((&customer["owners"], &customer["customerMobile"]), (&json!([]), &json!("+66660018286")));
    assert_eq!(customer["customerSocialAccount"]["line"], "daisy99");
    assert_eq!(customer["customFields"], json!([{"customFieldName": "Colour", "customFieldValue": ["red", "blue"]}]));
    // The next code steps over one that was given by hand.
    put(&app, plain("C000001", "By hand")).await;
    let next = put(&app, json!({"customerName": "By number", "customerState": 3})).await;
    assert_eq!(next.data()["customerCode"], "C000002");
}

#[tokio::test]
async fn what_real_clients_send_is_taken() {
    let app = TestApp::new().await;
    let go_client = json!({"customerName": "A lead", "customerState": 1, "customerStatus": 0, "customerType": 1,
        "leadStatus": 1, "owners": null, "interestsName": [""], "customerTags": null, "customerEmail": null,
        "customFields": [{"customFieldName": "UTM Source", "customFieldValue": [""]}],
        "contacts": [{"contactName": "Somchai", "contactStatus": "true"}]});
    put(&app, go_client).await;
    let sample = json!({"CustomerCode": "daisy", "customername": "Daaisyy", "CustomerState": "3", "customerStatus": "0",
        "customerType": "2", "addresses": [{"locationAddress": "x", "latitude": 13.75, "longitude": "100.5"}],
        "contacts": {"contactName": "One only", "contactStatus": "false"}, "unknownField": {"a": 1}});
    put(&app, sample).await;
    let daisy = read(&app, "daisy").await;
    assert_eq!(daisy["contacts"][0]["contactName"], "One only");
    assert_eq!(
        (&daisy["contacts"][0]["contactStatus"], &daisy["addresses"][0]["latitude"]),
        (&json!(false), &json!("13.75"))
    );
}

#[tokio::test]
async fn every_fault_of_a_customer_is_named() {
    let app = TestApp::new().await;
    let wrong = json!({"customerCode": "a/b", "customerName": " ", "customerState": 4, "customerStatus": "x",
        "customerGender": 3, "customerBirthdate": "yesterday", "customerEmail": "nobody", "classificationName": "LONG",
        "addresses": [{"latitude": "91", "locationType": 3}], "contacts": [{"contactName": "", "contactEmail": "x"}]});
    let refused = app.post("/v3/customers", wrong).await;
    assert_eq!(refused.status, 400);
    let mut fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    let expected = [
        "addresses[0].latitude",
        "addresses[0].locationType",
        "classificationName",
        "contacts[0].contactEmail",
        "contacts[0].contactName",
        "customerBirthdate",
        "customerCode",
        "customerEmail",
        "customerGender",
        "customerName",
        "customerState",
        "customerStatus",
    ];
    assert_eq!(fields, expected);
    let closed = json!({"customerName": "Closed", "customerState": 3, "customerStatus": 2});
    assert_eq!(app.post("/v3/customers", closed).await.errors(), [("required", "customerNote")]);
    let unqualified = json!({"customerName": "Lead", "customerState": 1, "leadStatus": 3});
    let refused = app.post("/v3/customers", unqualified).await;
    assert_eq!(refused.errors(), [("required", "unqulifiedReasonName"), ("required", "unqulifiedReasonNote")]);
    let good = json!({"customerName": "Lead", "customerState": 1, "leadStatus": 3, "unqulifiedReasonName": "No budget",
                      "unqulifiedReasonNote": "asked twice"});
    put(&app, good).await;
    assert_eq!(read(&app, "L000001").await["unqulifiedReasonName"], "No budget");
}

#[tokio::test]
async fn a_name_belongs_to_one_customer() {
    let app = TestApp::new().await;
    put(&app, plain("one", "Siam Tools")).await;
    put(&app, plain("two", "Other")).await;
    for body in [plain("three", " SIAM tools "), plain("two", "siam TOOLS")] {
        let taken = app.post("/v3/customers", body).await;
        assert_eq!((taken.status, taken.errors()), (409, vec![("taken", "customerName")]));
        assert!(taken.text.contains("Customer one"), "{}", taken.text);
    }
    assert_eq!(app.get("/v3/customers/three").await.status, 404, "a refused customer is not there");
    // Its own name is no hindrance, and a name that was given up is free.
    put(&app, plain("one", "SIAM TOOLS")).await;
    put(&app, plain("one", "Renamed")).await;
    put(&app, plain("two", "Siam Tools")).await;
}

#[tokio::test]
async fn many_requests_at_once_make_each_customer_once() {
    let app = TestApp::new().await;
    let requests = (0..32).map(|index| {
        let body = json!({"customerName": format!("Customer {}", index / 2), "customerState": 3, "customerTags": ["hot", "new"],
                          "sourceName": "Fair"});
        app.post("/v3/customers", body)
    });
    let answers = futures_util::future::join_all(requests).await;
    let mut codes: Vec<String> = Vec::new();
    for answer in &answers {
        match answer.status {
            200 => codes.push(answer.data()["customerCode"].as_str().unwrap().to_owned()),
            other => assert_eq!((other, answer.errors()), (409, vec![("taken", "customerName")])),
        }
    }
    codes.sort();
    let count = codes.len();
    codes.dedup();
    assert_eq!((count, codes.len()), (16, 16));
    let tags = app.get("/v1/setting/tags").await;
    assert_eq!(tags.data()["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_customer_is_found_by_code_number_name_and_tax_number() {
    let app = TestApp::new().await;
    let mut body = plain("C 1", "บริษัท ก้าวหน้า/สอง จำกัด");
    body["customerTaxNo"] = json!("0-1055-61000-00-8");
    body["branchCode"] = json!("00000");
    let id = put(&app, body).await.data()["customerId"].clone();
    let mut branch = plain("C2", "Branch");
    branch["customerTaxNo"] = json!("0105561000008");
    branch["branchCode"] = json!("00001");
    put(&app, branch).await;
    assert_eq!(read(&app, "c%201").await["customerId"], id);
    let paths = [
        format!("/v3/customers/id/{id}"),
        format!("/V3/Customers/ID/{id}/"),
        "/v3/customers/name/%E0%B8%9A%E0%B8%A3%E0%B8%B4%E0%B8%A9%E0%B8%B1%E0%B8%97%20%E0%B8%81%E0%B9%89%E0%B8%B2%E0%B8%A7%E0%B8%AB%E0%B8%99%E0%B9%89%E0%B8%B2%2F%E0%B8%AA%E0%B8%AD%E0%B8%87%20%E0%B8%88%E0%B8%B3%E0%B8%81%E0%B8%B1%E0%B8%94".to_owned(),
        "/v3/customers?customerName=%E0%B8%9A%E0%B8%A3%E0%B8%B4%E0%B8%A9%E0%B8%B1%E0%B8%97+%E0%B8%81%E0%B9%89%E0%B8%B2%E0%B8%A7%E0%B8%AB%E0%B8%99%E0%B9%89%E0%B8%B2%2F%E0%B8%AA%E0%B8%AD%E0%B8%87+%E0%B8%88%E0%B8%B3%E0%B8%81%E0%B8%B1%E0%B8%94".to_owned(),
    ];
    for path in paths {
        let found = app.get(&path).await;
        assert_eq!(found.data()["customerCode"], "C 1", "{path}");
    }
    let both = app.get("/v3/customers/tax/0105561000008").await;
    let codes: Vec<&Value> = both.data().as_array().unwrap().iter().map(|customer| &customer["customerCode"]).collect();
    assert_eq!(codes, ["C 1", "C2"]);
    let one = app.get("/v3/customers/tax/0105561000008?branchCode=00001").await;
    assert_eq!(one.data().as_array().unwrap().len(), 1);
    for unknown in ["id/999", "nobody", "name/nobody", "tax/999"] {
        assert_eq!(app.get(&format!("/v3/customers/{unknown}")).await.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn existence_says_who_and_by_what() {
    let app = TestApp::new().await;
    put(&app, daisy()).await;
    let mut other = plain("two", "Another");
    other["customerEmail"] = json!("Daisy@Example.com");
    put(&app, other).await;
    let ask = async |body: Value| app.post("/v3/customers/existence", body).await.data().clone();
    let found =
        ask(json!({"customerName": "daaisyy", "customerPhone": "066-001-8286", "customerEmail": "daisy@example.com"}))
            .await;
    assert_eq!(found["exists"], true);
    let customers = found["customers"].as_array().unwrap();
    assert_eq!(
        (&customers[0]["matched"], &customers[1]["matched"]),
        (&json!(["customerName", "customerPhone"]), &json!(["customerEmail"]))
    );
    assert_eq!(ask(json!({"customerTaxNo": "0-0000-00000-11-1"})).await["exists"], true);
    assert_eq!(ask(json!({"customerPhone": "not a number"})).await["exists"], false);
    assert_eq!(app.post("/v3/customers/existence", json!({"customerName": " "})).await.errors().len(), 4);
}

#[tokio::test]
async fn a_strict_thai_company_refuses_wrong_tax_numbers() {
    let app = TestApp::new().await;
    app.request(Method::PUT, "/v1/setting", &[], Some(json!({"refuseWrongTaxNo": true}))).await;
    let mut body = plain("one", "One");
    body["customerTaxNo"] = json!("0000000000111");
    body["branchCode"] = json!("1");
    let refused = app.post("/v3/customers", body.clone()).await;
    assert_eq!(refused.errors(), [("invalid_format", "customerTaxNo"), ("invalid_format", "branchCode")]);
    app.request(Method::PUT, "/v1/setting", &[], Some(json!({"country": "LA"}))).await;
    put(&app, body).await;
}

#[tokio::test]
async fn a_customer_has_versions_a_history_and_events() {
    let app = TestApp::new().await;
    let hook = app.request(Method::POST, "/v3/customers", &[], Some(plain("one", "One"))).await;
    let first = hook.header("etag").to_owned();
    assert_eq!(app.request(Method::GET, "/v3/customers/one", &[("if-none-match", &first)], None).await.status, 304);
    let changed = app.request(Method::POST, "/v3/customers", &[("if-match", &first)], Some(plain("one", "Uno"))).await;
    assert_eq!(changed.status, 200);
    let late = app.request(Method::POST, "/v3/customers", &[("if-match", &first)], Some(plain("one", "Late"))).await;
    assert_eq!((late.status, late.errors()), (412, vec![("changed", "If-Match")]));
    // The same once more changes nothing: no version, no history.
    let same = put(&app, plain("one", "Uno")).await;
    assert_eq!(same.header("etag"), changed.header("etag"));
    let id = same.data()["customerId"].clone();
    let history = app.get(&format!("/v1/audit?ref=customer/{id}")).await;
    let entries = history.data()["value"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["changes"], json!({"customerName": ["One", "Uno"]}));
}

#[tokio::test]
async fn the_legacy_operations_keep_their_own_shapes() {
    let app = TestApp::new().await;
    let example = json!({"owners": ["Admin01"], "contactName": "Contact002", "customerCode": "C000349",
                         "customerName": "Daaisyy", "customerType": 11300});
    let made = app.post("/v1/Customers", example).await;
    assert_eq!((made.status, &made.body["customerCode"]), (200, &json!("C000349")), "{made:?}");
    let fields = [
        "customerId",
        "companyId",
        "customerCode",
        "customerName",
        "customerType",
        "isActive",
        "createdByUserId",
        "dateCreated",
        "modifiedByUserId",
        "dateModified",
        "leadStatus",
        "customerStateId",
        "hasOwner",
        "dateAcquired",
        "uniqueName",
        "email",
        "customerOwnersStr",
        "PictureUrl",
        "addresses",
        "leadStates",
        "customerInterests",
    ];
    let id = made.body["customerId"].clone();
    for path in ["/v1/Customers/C000349".to_owned(), format!("/v1/customers/{id}")] {
        let read = app.get(&path).await;
        assert!(fields.iter().all(|field| read.body.as_object().unwrap().contains_key(*field)), "{read:?}");
        assert_eq!((&read.body["customerType"], &read.body["hasOwner"]), (&json!(11300), &json!(true)));
    }
    let mut lead = json!({"contactName": "x", "customerCode": "L1", "customerName": "Lead", "customerType": "11100",
        "locations": [{"locationAddress": "Bangkok", "latitude": "13.7563", "longitude": "100.5018"}], "notes": "n"});
    app.post("/v1/Customers", lead.clone()).await;
    let documented = json!({"customerType": 11100, "latitude": 0.0, "longitude": 0.0, "distanceLimit": 0.0, "states": 0,
                            "pageLength": 20, "skip": 0});
    let enquire = async |body: Value| {
        let answer = app.post("/v1/Customers/Enquiry", body).await;
        let rows = answer.body.as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
        rows.iter().map(|row| row["customerCode"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(enquire(documented.clone()).await, ["L1"]);
    // 8.4 km away; the table's misspelling.
    let near = |kilometres: f64| json!({"ccustomerType": 11100, "pageLength": 20, "latitude": 13.69, "longitude": 100.54, "distanceLimit": kilometres});
    assert_eq!((enquire(near(9.0)).await, enquire(near(8.0)).await), (vec!["L1".to_owned()], vec![]));
    let mut columns = documented;
    columns["displayColumns"] = json!(["CustomerName"]);
    assert_eq!(app.post("/v1/Customers/Enquiry", columns).await.body, json!([{"customerName": "Lead"}]));
    assert_eq!(app.post("/v1/Customers/Enquiry", json!({})).await.errors(), [("required", "pageLength")]);
    lead["groupId"] = json!(999);
    lead["customerType"] = json!(1);
    let refused = app.post("/v1/Customers", lead).await;
    assert_eq!(refused.errors(), [("invalid_value", "customerType"), ("not_found", "groupId")]);
}

#[tokio::test]
async fn subscribers_hear_of_a_customer_in_the_original_api_s_form() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let receiver = Receiver::start().await;
    let topics = ["Customer".to_owned()];
    subscription::create(&app.app.db, &app.app.vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    put(&app, plain("one", "One")).await;
    put(&app, plain("one", "Uno")).await;
    put(&app, plain("one", "Uno")).await;
    app.run_jobs().await;
    let bodies: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let told: Vec<(&Value, &Value, &Value)> =
        bodies.iter().map(|body| (&body["Topic"], &body["Event"], &body["Data"]["Customer"]["CustomerName"])).collect();
    let expected = [json!(["Customer", "Created", "One"]), json!(["Customer", "Updated", "Uno"])];
    assert_eq!(told.iter().map(|(topic, event, name)| json!([topic, event, name])).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_deleted_customer_is_out_of_sight_and_can_come_back() {
    let app = TestApp::new().await;
    put(&app, plain("one", "One")).await;
    let delete = async |headers: &[(&str, &str)]| app.request(Method::DELETE, "/v3/customers/ONE", headers, None).await;
    assert_eq!(delete(&[("if-match", "\"7\"")]).await.status, 412);
    assert_eq!(delete(&[]).await.data(), &Value::Null);
    assert_eq!((delete(&[]).await.status, app.get("/v3/customers/one").await.status), (404, 404));
    assert_eq!(app.get("/v3/customers/name/one").await.status, 404);
    for path in ["/v3/customers/enquiry", "/v3/customers/search"] {
        assert_eq!(app.post(path, json!({"keyword": "one"})).await.data(), &json!([]), "{path}");
    }
    assert_eq!(app.post("/v3/customers/existence", json!({"customerName": "one"})).await.data()["exists"], false);
    let written = app.post("/v3/customers", plain("one", "One")).await;
    assert_eq!((written.status, written.errors()), (409, vec![("conflict", "customerCode")]));
    // Its name is free, and while another has it the customer cannot come back.
    put(&app, plain("two", "One")).await;
    let restore = async || app.post("/v3/customers/one/restore", json!({})).await;
    assert_eq!(restore().await.errors(), [("taken", "customerName")]);
    put(&app, plain("two", "Two")).await;
    let restored = restore().await;
    assert_eq!((&restored.data()["customerName"], restored.header("etag")), (&json!("One"), "\"3\""));
    assert_eq!(app.post("/v3/customers/search", json!({"keyword": "one"})).await.data()[0]["customerCode"], "one");
    assert_eq!(restore().await.errors(), [("conflict", "customerCode")]);
    let history = app.get("/v1/audit?ref=customer/1").await;
    let actions: Vec<&Value> =
        history.data()["value"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["restored", "deleted", "created"]);
}

#[tokio::test]
async fn a_room_is_linked_by_hand_and_a_matching_account_is_only_suggested() {
    let app = TestApp::new().await;
    let room = app.room_of(COMPANY, Platform::Line, "Udaisy").await;
    let path = format!("/v1/chat/rooms/{room}/customer");
    let mut known = plain("known", "Known by LINE");
    known["customerSocialAccount"] = json!({"line": "UDaisy"});
    put(&app, known).await;
    put(&app, plain("other", "Other")).await;
    let suggested = app.get(&path).await;
    assert_eq!(suggested.data()["customer"], Value::Null, "nothing is linked silently");
    assert_eq!(suggested.data()["suggestions"][0]["customerCode"], "known");
    let link = async |code: Value| app.request(Method::PUT, &path, &[], Some(json!({"customerCode": code}))).await;
    let linked = link(json!("OTHER")).await;
    assert_eq!(linked.data()["customer"]["customerCode"], "other");
    assert_eq!(linked.data()["suggestions"][0]["customerCode"], "known");
    // Whoever is known by one room is suggested for another room of the same person.
    let second = app.room_of(COMPANY, Platform::Line, "Udaisy").await;
    let there = app.get(&format!("/v1/chat/rooms/{second}/customer")).await;
    let codes: Vec<&Value> =
        there.data()["suggestions"].as_array().unwrap().iter().map(|c| &c["customerCode"]).collect();
    assert_eq!(codes, ["known", "other"]);
    let unlinked = link(Value::Null).await;
    assert_eq!(
        (&unlinked.data()["customer"], unlinked.data()["suggestions"].as_array().unwrap().len()),
        (&Value::Null, 1)
    );
    assert_eq!(link(json!("nobody")).await.errors(), [("not_found", "customerCode")]);
    let history = app.get("/v1/audit?ref=customer/2").await;
    assert_eq!(history.data()["value"][0]["action"], "room unlinked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_customers_made_at_once_have_numbers_of_their_own() {
    let app = TestApp::new().await;
    let (_, server) = app.second_node().await;
    let mut tasks = Vec::new();
    for place in 0..96 {
        let body = plain(&format!("C{place}"), &format!("Customer {place}"));
        let (server, request) =
            (server.clone(), crate::app::request(&app.token, Method::POST, "/v3/customers", &[], Some(body)));
        tasks.push(tokio::spawn(async move { crate::app::answer(&server, request).await }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        let made = task.await.unwrap();
        assert_eq!(made.status, 200, "{made:?}");
        ids.push(made.data()["customerId"].as_i64().unwrap());
    }
    // A name that is taken spends none, and who is written again keeps his.
    put(&app, plain("C0", "Customer 0 again")).await;
    let again = app.post("/v3/customers", plain("C1", "Customer 1 again")).await;
    assert!(ids.contains(&again.data()["customerId"].as_i64().unwrap()));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 96);
    let next = app.post("/v3/customers", plain("LAST", "Last")).await;
    assert!(next.data()["customerId"].as_i64().unwrap() > ids[95], "a number is given once");
}

#[tokio::test]
async fn an_individuals_contact_and_its_accounts_are_kept() {
    let app = TestApp::new().await;
    let body = json!({"customerCode": "X1", "customerName": "X1", "customerState": 3, "customerType": 2,
        "contact": {"contactName": "Mum", "contactMobile": "0812345678", "contactSocialAccount": {"line": "mum.line"}}});
    let made = app.post("/v3/customers", body).await;
    assert_eq!(made.data()["warnings"], json!([]));
    let contacts = read(&app, "X1").await["contacts"].clone();
    assert_eq!((&contacts[0]["contactName"], contacts.as_array().map(Vec::len)), (&json!("Mum"), Some(1)));
    assert_eq!(contacts[0]["contactSocialAccount"]["line"], "mum.line");
}

#[tokio::test]
async fn a_property_that_is_none_is_told_with_the_likest_one() {
    let app = TestApp::new().await;
    let body =
        json!({"customerName": "X2", "customerState": 3, "phone": "0812345678", "CUSTOMERNOTE": "kept", "หมายเลข": 1});
    let made = app.post("/v3/customers", body).await;
    let warnings = made.data()["warnings"].to_string();
    assert!(warnings.contains("phone is not a property here") && warnings.contains("did you mean customerPhone?"));
    assert!(warnings.contains("หมายเลข") && !warnings.contains("NOTE"), "{warnings}");
    assert!(made.header("x-ignored-properties").starts_with("phone"), "{made:?}");
    let found = app.post("/v3/customers/search", json!({"searchTxt": "x"})).await;
    assert_eq!((found.status, found.header("x-ignored-properties")), (200, "searchTxt"));
    let plain = app.post("/v3/customers/search", json!({})).await;
    assert_eq!(plain.header("x-ignored-properties"), "");
}

#[tokio::test]
async fn the_audit_trail_is_found_by_code_as_well() {
    let app = TestApp::new().await;
    app.post(
        "/v3/customers",
        json!({"customerCode": "AC/DC".replace('/', "-"), "customerName": "A", "customerState": 3}),
    )
    .await;
    let customer = read(&app, "AC-DC").await;
    for reference in ["customer/ac-dc".to_owned(), format!("customer/{}", customer["customerId"])] {
        let trail = app.get(&format!("/v1/audit?ref={reference}")).await;
        assert_eq!(trail.data()["value"].as_array().map(Vec::len), Some(1), "{reference}: {trail:?}");
    }
    // A number goes before a code of the same digits.
    let first = customer["customerId"].to_string();
    let other = json!({"customerCode": first, "customerName": "Other", "customerState": 3});
    app.post("/v3/customers", other).await.data();
    let trail = app.get(&format!("/v1/audit?ref=customer/{first}")).await;
    assert!(trail.text.contains("AC-DC") && !trail.text.contains("Other"), "{trail:?}");
}

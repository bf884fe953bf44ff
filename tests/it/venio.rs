//! `sala import venio`: a company comes over from another server that speaks the API, from Sala or from one that knows less.

use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::child::{Server, until};

/// `sala import venio` from this server into a test's database.
fn command(app: &TestApp, base: &str, client: (&str, &str), args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sala"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALA_")) {
        command.env_remove(name);
    }
    command
        .args(["import", "venio", "--company", "507", "--json", "--base-url", base, "--client-id", client.0])
        .args(args)
        .env("SALA_DATABASE", &app.database.url)
        .env("SALA_SECRET_KEY", &app.key)
        .env("SALA_VENIO_CLIENT_SECRET", client.1)
        .current_dir(&app.database.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub fn run(app: &TestApp, base: &str, client: (&str, &str), args: &[&str]) -> Output {
    command(app, base, client, args).output().unwrap()
}

/// What a run reports, kind by kind.
pub fn reports(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// Of a report what was read, created, updated, unchanged and refused, and how many there are here.
pub fn counts(report: &Value) -> [i64; 6] {
    ["read", "created", "updated", "unchanged", "failed", "here"].map(|name| report[name].as_i64().unwrap())
}

/// A wrong address is said at the first contact: tries are for a server that has answered before.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nobody_answers_is_said_at_once() {
    let app = TestApp::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, Router::new()).await });
    for (address, why) in [(free, "could not connect"), (other, "no such address")] {
        let base = format!("http://{address}");
        let output = run(&app, &base, ("id", "secret"), &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(why) && said.contains(&base), "{base}: {said}");
        assert!(!said.contains("times"), "{base}: {said}");
    }
    serving.abort();
}

/// A company with something of everything that is copied.
async fn filled() -> TestApp {
    let app = TestApp::new().await;
    // The superior comes after those who report to him, by any order of names.
    for (code, name, head) in [("E3", "Zoe", None), ("E1", "Ann", Some("E3")), ("E2", "Bob", Some("E1"))] {
        let body = json!({"staffCode": code, "email": format!("{name}@example.com"), "firstname": name, "lastname": "Lee",
            "nickname": "N", "phoneNumber": "0812345678", "roleName": "Sales", "teamName": format!("Team {name}"),
            "isActive": true});
        assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(body.clone())).await.status, 200);
        if let Some(head) = head {
            let with_head = json!({"staffCode": code, "email": body["email"], "firstname": name, "lastname": "Lee",
                "roleName": "Sales", "teamName": body["teamName"], "headCode": head});
            assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(with_head)).await.status, 200);
        }
    }
    for number in 0..130 {
        let body = json!({"customerName": format!("ลูกค้า {number}"), "customerState": number % 3 + 1, "customerType": 1,
            "customerPhone": format!("08{number:08}"), "customerEmail": format!("c{number}@example.com"),
            "customerTags": ["vip", format!("t{}", number % 4)], "interestsName": ["tea"], "owners": ["E1", "E2"],
            "sourceName": "Fair", "customerGroupName": "Gold", "customerNote": "ขอบคุณ",
            "addresses": [{"locationAddress": "1 Rama IV", "locationName": "Office"}],
            "contacts": [{"contactName": "Nok", "contactPhone": "021234567"}],
            "customerSocialAccount": {"line": format!("line{number}")},
            "customFields": [{"customFieldName": "Size", "customFieldValue": ["L"]}]});
        let made = app.post("/v3/customers", body).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    let price =
        |regular: f64| json!([{"priceTierName": "Normal Price", "regularPrice": regular, "useDefaultVat": true}]);
    let unit = json!({"name": "หลอด"});
    assert_eq!(app.post("/v1/setting/units", unit).await.status, 201);
    let size = json!({"name": "Capacity", "detail": {"values": ["16 GB", "32 GB"]}});
    assert_eq!(app.post("/v1/setting/attributes", size).await.status, 201);
    let plain = |code: &str| {
        json!({"productCode": code, "productName": format!("Item {code}"), "category": "Lamps", "subCategory": "LED",
            "cost": 10.25, "prices": price(19.5), "productUnitName": "หลอด", "trackInventory": true, "qty": 40,
            "lowStockAlert": 5, "useWarranty": true, "timeWarrantyValue": 2, "timeWarrantyUnit": "y",
            "visibility": true, "active": code != "P2", "productTag": ["new"], "brandName": "Siam"})
    };
    let variant = |code: &str, value: &str| {
        json!({"productCode": code, "productName": code, "cost": 5, "qty": 7, "prices": price(9.0),
            "attribute": [{"attributeName": "Capacity", "attributeValueName": value}]})
    };
    let phone = json!({"productCode": "M1", "productName": "Phone", "category": "Phones", "productUnitName": "หลอด",
        "trackInventory": true, "useWarranty": false, "visibility": true, "active": true,
        "productVariant": [variant("M1-16", "16 GB"), variant("M1-32", "32 GB")]});
    let products = json!({"products": [plain("P1"), plain("P2"), phone, plain("B1")]});
    assert_eq!(app.post("/v3/Products", products).await.status, 200);
    app.run_jobs().await;
    let parts = json!({"parts": [{"productCode": "P1", "quantity": 2}, {"productCode": "P2", "quantity": 1}]});
    let bundle = app.request(Method::PUT, "/v1/products/B1/parts", &[], Some(parts)).await;
    assert_eq!(bundle.status, 200, "{bundle:?}");
    app
}

/// Everything that was copied, as the API shows it, without what belongs to the server: numbers, times and who did it.
async fn shown(app: &TestApp) -> Value {
    let employees = app.post("/v1/Employees/Enquiry", json!({"orderBy": 1, "skip": 0, "pageLength": 200})).await;
    let customers = app.post("/v3/customers/enquiry", json!({"take": 200, "orderBy": "customerCode"})).await;
    let products = app.post("/v2/Products/GetProduct", json!({"take": 200, "status": [0, 1]})).await;
    let mut all =
        json!({"employees": employees.data()["value"], "customers": customers.data(), "products": products.data()});
    for list in ["employees", "customers", "products"] {
        all[list].as_array_mut().unwrap().sort_by_key(|row| row.to_string());
    }
    strip(&mut all);
    all
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let own = ["Id", "ByUserId", "dateCreated", "dateModified"];
            fields.retain(|name, _| !own.iter().any(|end| name.ends_with(end)) && name != "companyName");
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The rows of each list by their codes, because their numbers may differ.
fn by_code(mut all: Value) -> Value {
    for (list, code) in [("employees", "staffCode"), ("customers", "customerCode"), ("products", "productCode")] {
        all[list].as_array_mut().unwrap().sort_by_key(|row| row[code].to_string());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_company_shows_what_the_original_shows_and_a_second_run_changes_nothing() {
    let (there, here) = (filled().await, TestApp::new().await);
    let server = Server::start(&there, &[]);
    let client = (there.client.client_id.as_str(), there.client.client_secret.as_str());
    let first = run(&here, &server.base, client, &["--rate", "1000"]);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let told = reports(&first);
    let expected = [
        ("employees", [3, 3, 0, 0, 0, 3]),
        ("customers", [130, 130, 0, 0, 0, 130]),
        ("products", [4, 4, 0, 0, 0, 4]),
        ("deals", [0; 6]),
        ("quotations", [0; 6]),
        ("orders", [0; 6]),
        ("contracts", [0; 6]),
        ("expenses", [0; 6]),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (report, (kind, numbers)) in told.iter().zip(expected) {
        assert_eq!((report["kind"].as_str(), counts(report)), (Some(kind), numbers), "{told:?}");
        // Lists of what is sold do not say how many there are.
        if numbers[0] > 0 {
            assert_eq!(report["there"], report["here"], "{told:?}");
        }
    }
    let (original, copy) = (by_code(shown(&there).await), by_code(shown(&here).await));
    assert_eq!(original["employees"][1]["headCode"], "E1");
    assert_eq!(original["products"][0]["parts"].as_array().unwrap().len(), 2);
    assert_eq!(copy, original);

    let second = run(&here, &server.base, client, &["--rate", "1000"]);
    let told = reports(&second);
    assert_eq!(
        told.iter().take(3).map(counts).map(|c| [c[1], c[2], c[3]]).collect::<Vec<_>>(),
        [[0, 0, 3], [0, 0, 130], [0, 0, 4]]
    );

    // Only what was changed since.
    there.advance(Duration::from_secs(86_400));
    let since = sala::time::text(there.app.now(), &sala::time::Zone::UTC);
    let changed =
        json!({"customerCode": "L000001", "customerName": "ลูกค้า 0", "customerState": 1, "customerNote": "new"});
    let token = there.token_for(&there.client).await;
    assert_eq!(there.request_as(&token, Method::POST, "/v3/customers", Some(changed)).await.status, 200);
    let third = run(&here, &server.base, client, &["--rate", "1000", "--kind", "customers", "--since", &since]);
    let told = reports(&third);
    assert_eq!((told.len(), counts(&told[0])[..4].to_vec()), (1, vec![1, 0, 1, 0]), "{third:?}");
    let note = here.get("/v3/customers/L000001").await.data()["customerNote"].clone();
    assert_eq!(note, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_goes_on_where_it_was() {
    let (there, here) = (filled().await, TestApp::new().await);
    let server = Server::start(&there, &[]);
    let client = (there.client.client_id.as_str(), there.client.client_secret.as_str());
    let args = ["--rate", "1000", "--kind", "customers"];
    let count = async || -> i64 {
        let mut conn = here.app.db.read().await.unwrap();
        conn.sql("select count(*) from customer").one().await.unwrap()
    };
    let mut child = command(&here, &server.base, client, &args).spawn().unwrap();
    until("some customers", async || count().await > 10).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let last = run(&here, &server.base, client, &args);
    assert_eq!(last.status.code(), Some(0), "{last:?}");
    // Each was made once, and counted once, by whichever run.
    assert_eq!(counts(&reports(&last)[0]), [130, 130, 0, 0, 0, 130], "{last:?}");
    assert_eq!(by_code(shown(&here).await)["customers"], by_code(shown(&there).await)["customers"]);
}

/// A server that knows no more of the API than its published pages say, and is not always well.
#[derive(Default)]
pub struct Elsewhere {
    calls: AtomicUsize,
    tokens: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

/// Gives a token to whoever has the right secret.
pub async fn token(State(server): State<Arc<Elsewhere>>, body: String) -> (StatusCode, Json<Value>) {
    if !body.contains("client_secret=right") {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"})));
    }
    let number = server.tokens.fetch_add(1, Ordering::SeqCst);
    (StatusCode::OK, Json(json!({"access_token": format!("t{number}"), "token_type": "Bearer", "expires_in": 3600})))
}

/// Every second call fails in some way, and the first token does not live long.
fn trouble(server: &Elsewhere, headers: &HeaderMap, what: &str) -> Option<(StatusCode, HeaderMap, Json<Value>)> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(text("ocp-apim-subscription-key"), "key");
    server.seen.lock().unwrap().push(what.to_owned());
    let answer = |status: StatusCode, wait: &str| {
        let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), wait.parse().unwrap())]);
        Some((status, headers, Json(json!({"statusCode": status.as_u16(), "message": "not now"}))))
    };
    match server.calls.fetch_add(1, Ordering::SeqCst) {
        1 => answer(StatusCode::TOO_MANY_REQUESTS, "0"),
        3 => answer(StatusCode::BAD_GATEWAY, "0"),
        _ if text("authorization") == "Bearer t0" && server.calls.load(Ordering::SeqCst) > 5 => {
            answer(StatusCode::UNAUTHORIZED, "0")
        }
        _ => None,
    }
}

type Said = (StatusCode, HeaderMap, Json<Value>);

async fn employees(State(server): State<Arc<Elsewhere>>, headers: HeaderMap, Json(body): Json<Value>) -> Said {
    if let Some(trouble) = trouble(&server, &headers, "employees") {
        return trouble;
    }
    assert!(body["status"].is_null() && body["pageLength"].is_i64(), "{body}");
    let rows = match body["skip"].as_i64() {
        Some(0) => json!([{"userId": "u1", "fullname": "Som Chai", "staffCode": "S1"},
                          {"userId": "u2", "fullname": "Nok Dee", "staffCode": "S2"}]),
        _ => json!([]),
    };
    (StatusCode::OK, HeaderMap::new(), Json(json!({"status": {"code": "1000"}, "data": {"value": rows}})))
}

async fn employee(State(server): State<Arc<Elsewhere>>, headers: HeaderMap, Path(code): Path<String>) -> Said {
    if let Some(trouble) = trouble(&server, &headers, "employee") {
        return trouble;
    }
    let value = match code.as_str() {
        "S1" => json!({"staffCode": "S1", "username": "som@example.com", "firstname": "Som", "lastname": "Chai",
                       "teamName": "South", "role": "Regional Wizard", "isActive": true}),
        _ => {
            json!({"staffCode": "S2", "username": "no address", "fullname": "Nok Dee", "teamName": "South", "role": "Sales"})
        }
    };
    (StatusCode::OK, HeaderMap::new(), Json(json!({"status": {"code": "1000"}, "data": {"value": value}})))
}

/// Knows no skip: every page is the first one.
async fn customers(State(server): State<Arc<Elsewhere>>, headers: HeaderMap) -> Said {
    if let Some(trouble) = trouble(&server, &headers, "customers") {
        return trouble;
    }
    let rows = json!([{"customerId": 1, "customerCode": "K1", "customerName": "Kay", "customerState": 3}]);
    (StatusCode::OK, HeaderMap::new(), Json(json!({"status": {"code": "1000"}, "data": rows})))
}

async fn customer(State(server): State<Arc<Elsewhere>>, headers: HeaderMap, Path(code): Path<String>) -> Said {
    if let Some(trouble) = trouble(&server, &headers, "customer") {
        return trouble;
    }
    let data = json!({"customerId": 1, "customerCode": code, "customerName": "Kay", "customerState": 3, "contacts": [],
                      "customFields": [], "customerPhone": "021112222", "unknownField": 1});
    (StatusCode::OK, HeaderMap::new(), Json(json!({"status": {"code": "1000"}, "data": data})))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shows_less_and_fails_now_and_then_is_read_all_the_same() {
    let server = Arc::new(Elsewhere::default());
    let router = Router::new()
        .route("/authorization/connect/token", post(token))
        .route("/v1/Employees/Enquiry", post(employees))
        .route("/v1/Employees/{code}", get(employee))
        .route("/v3/customers/enquiry", post(customers))
        .route("/v3/customers/{code}", get(customer))
        .with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let here = TestApp::new().await;
    let kinds = ["--rate", "1000", "--subscription-key", "key", "--kind", "employees", "--kind", "customers"];
    let copied = run(&here, &base, ("their client", "right"), &[&kinds[..], &["--default-role", "Sales"]].concat());
    let complaints = String::from_utf8_lossy(&copied.stderr).into_owned();
    assert_eq!(copied.status.code(), Some(2), "{copied:?}");
    assert!(complaints.contains("employees S2") && complaints.contains("email"), "{complaints}");
    assert!(!complaints.contains("right"), "no secret is told: {complaints}");
    let told = reports(&copied);
    assert_eq!(counts(&told[0]), [2, 1, 0, 0, 1, 1], "{told:?}");
    assert_eq!(counts(&told[1]), [1, 1, 0, 0, 0, 1], "{told:?}");
    assert_eq!(told[0]["there"], Value::Null);
    let kay = here.get("/v3/customers/K1").await;
    assert_eq!(kay.data()["customerPhone"], "021112222");
    let som = here.get("/v1/Employees/S1").await;
    assert_eq!(som.data()["value"]["role"], "พนักงานขาย", "an unknown role becomes the default one");
    assert_eq!(server.tokens.load(Ordering::SeqCst), 2, "a token that is refused is renewed once");

    let refused = run(&here, &base, ("their client", "wrong"), &kinds);
    let complaints = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaints.contains("client id or secret is refused"), "{complaints}");
    serving.abort();
}

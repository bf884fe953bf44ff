//! What holds for every operation of the document: a new one is covered without a line here.

use axum::body::Body;
use axum::http::{Method, Request};
use channel::Platform;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::{Answer, COMPANY, TestApp, request};

/// Operations that anyone may call, each for a reason of its own.
const OPEN: [&str; 21] = [
    "answerQuotationPage", // sealed
    "beginSso",            // leads to the identity provider
    "endSso",              // with what it says
    "forgotPassword",      // answers everybody the same
    "getCalendar",         // its address is a secret
    "getFile",             // signed
    "getHealth",
    "getImage", // of a product, for everybody
    "getLink",  // nor can the token of a one-time link
    "getMedia", // its address cannot be guessed
    "getMetrics",
    "getReadiness",
    "listSignInProviders", // stands on the sign-in page
    "playSandboxCustomer", // nor can this account's
    "receiveLineCallback", // signed
    "requestAccessToken",
    "showQuotationDocument", // sealed
    "showQuotationPage",     // sealed
    "signIn",                // with a password
    "signInWithCode",
    "useLink",
];

/// Operations whose path takes a number of digits as an id, and anything else as the number of a document.
const EITHER: [&str; 1] = ["getActivityById"];

/// Operations that take a file: its size and its media type are tested with them.
const FILES: [&str; 1] = ["createImport"];

/// An operation as the document describes it.
pub struct Operation {
    pub id: String,
    pub method: Method,
    pub path: String,
    pub scope: Option<String>,
    /// Whether it is about the person who is signed in, and no token reaches it.
    pub personal: bool,
    /// `(name, in, schema)` of each parameter in the path or the query.
    pub parameters: Vec<(String, String, Value)>,
    /// The query that the operation cannot do without, with its question mark; else empty.
    pub query: String,
    /// Whether the body may be a form with files.
    pub takes_form: bool,
    /// Media type and schema of the body.
    pub body: Option<(String, Value)>,
}

/// The document as JSON.
pub fn document() -> Value {
    serde_json::to_value(sala::http::document()).unwrap()
}

/// Every operation of the document.
pub fn operations() -> Vec<Operation> {
    let document = document();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.filter(|parameter| parameter["in"] != "header").map(|parameter| {
                let text = |member: &str| parameter[member].as_str().unwrap().to_owned();
                (text("name"), text("in"), resolve(&document, &parameter["schema"]))
            });
            let needed = operation["parameters"].as_array().into_iter().flatten();
            let needed = needed.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
            let pairs: Vec<String> =
                needed.map(|parameter| format!("{}=text", parameter["name"].as_str().unwrap())).collect();
            let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
            let content = operation["requestBody"]["content"].as_object();
            // The first one, which is JSON wherever there are several.
            let body = content.and_then(|content| content.iter().next());
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                scope: operation["security"][0]["bearerAuth"][0].as_str().map(str::to_owned),
                personal: operation["security"][0]["cookieAuth"].is_array(),
                parameters: parameters.collect(),
                query,
                takes_form: content.is_some_and(|content| content.contains_key("multipart/form-data")),
                body: body.map(|(kind, content)| (kind.clone(), resolve(&document, &content["schema"]))),
            });
        }
    }
    operations
}

/// A schema without references, as deep as samples need it.
fn resolve(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return resolve(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let mut schema = schema.clone();
    if let Some(properties) = schema["properties"].as_object().cloned() {
        let resolved: Map<String, Value> =
            properties.into_iter().map(|(name, property)| (name, resolve(document, &property))).collect();
        schema["properties"] = Value::Object(resolved);
    }
    if schema["items"].is_object() {
        schema["items"] = resolve(document, &schema["items"]);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // One record that is described in parts.
        let parts: Vec<Value> = parts.iter().map(|part| resolve(document, part)).collect();
        let properties: Map<String, Value> =
            parts.iter().filter_map(|part| part["properties"].as_object().cloned()).flatten().collect();
        return json!({"type": "object", "properties": properties});
    }
    for several in ["oneOf", "anyOf"] {
        let parts = schema[several].as_array().cloned().unwrap_or_default();
        if let Some(part) = parts.iter().find(|part| part["type"] != "null") {
            return resolve(document, part);
        }
    }
    schema
}

/// The type of a schema that may also be null.
fn kind(schema: &Value) -> &str {
    let types = schema["type"].as_array();
    let not_null = types.and_then(|types| types.iter().filter_map(Value::as_str).find(|kind| *kind != "null"));
    not_null.or_else(|| schema["type"].as_str()).unwrap_or_else(|| panic!("a schema without a type: {schema}"))
}

/// A value that a schema allows: its example, or the plainest one.
fn sample(schema: &Value) -> Value {
    let example = ["example", "default", "const"].iter().find_map(|member| schema.get(*member));
    if let Some(example) = example.or_else(|| schema["examples"].get(0)).or_else(|| schema["enum"].get(0)) {
        return example.clone();
    }
    match kind(schema) {
        "object" => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Value::Object(properties.map(|(name, property)| (name.clone(), sample(property))).collect())
        }
        "array" => json!([sample(&schema["items"])]),
        "string" if schema["format"] == "uuid" => json!(Uuid::new_v4()),
        "string" => json!("text"),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        other => panic!("no sample of {other}: {schema}"),
    }
}

/// A value of another type than the schema's, which even a lenient reader cannot read.
fn wrong(schema: &Value) -> Value {
    match kind(schema) {
        "object" | "array" => json!("text"),
        _ => json!({"an": "object"}),
    }
}

impl Operation {
    fn is_json(&self) -> bool {
        self.body.as_ref().is_some_and(|(kind, _)| kind == "application/json")
    }

    /// The path with these values in place of its parameters.
    pub fn path_with(&self, value: impl Fn(&str, &Value) -> String) -> String {
        let mut path = self.path.clone();
        for (name, _, schema) in self.parameters.iter().filter(|(_, place, _)| place == "path") {
            path = path.replace(&format!("{{{name}}}"), &value(name, schema));
        }
        assert!(!path.contains('{'), "{}: a parameter of the path is not declared", self.id);
        path
    }

    fn sample_path(&self) -> String {
        let path = self.path_with(|_, schema| sample(schema).to_string().trim_matches('"').to_owned());
        format!("{path}{}", self.query)
    }

    /// A body that the operation's schema allows.
    pub fn sample_body(&self) -> Option<Value> {
        self.body.as_ref().map(|(_, schema)| sample(schema))
    }

    async fn call(&self, app: &TestApp, token: &str, path: &str, body: Option<Value>) -> Answer {
        app.call(request(token, self.method.clone(), path, &[], body)).await
    }
}

fn secured() -> Vec<Operation> {
    let secured: Vec<Operation> = operations().into_iter().filter(|operation| operation.scope.is_some()).collect();
    assert!(secured.len() >= 5, "the document is not read rightly");
    for operation in &secured {
        let is_known = operation.body.is_none() || operation.is_json() || FILES.contains(&operation.id.as_str());
        assert!(is_known, "{}: JSON bodies are exercised here, and files in tests of their own", operation.id);
    }
    secured
}

#[test]
fn only_known_operations_are_open_to_anyone() {
    let open: Vec<String> = operations()
        .into_iter()
        .filter(|operation| operation.scope.is_none() && !operation.personal)
        .map(|operation| operation.id)
        .collect();
    let mut sorted = open.clone();
    sorted.sort();
    assert_eq!(sorted, OPEN, "an operation declares security((\"bearerAuth\" = [scope])) or is named here");
}

#[tokio::test]
async fn without_a_token_nothing_is_done() {
    let app = TestApp::new().await;
    for operation in secured() {
        let plain = Request::builder().method(operation.method.clone()).uri(operation.sample_path());
        let refused = app.call(plain.body(Body::empty()).unwrap()).await;
        assert_eq!((refused.status, refused.errors()), (401, vec![("unauthorized", "")]), "{}", operation.id);
        assert_eq!(refused.body["status"]["description"], "Unauthorized");
        let refused = operation.call(&app, "sala_507_wrong", &operation.sample_path(), operation.sample_body()).await;
        assert_eq!(refused.status, 401, "{}", operation.id);
        assert_eq!(refused.body["status"]["description"], "User authentication required");
    }
}

#[tokio::test]
async fn without_the_operations_scope_nothing_is_done() {
    let app = TestApp::new().await;
    for operation in secured() {
        let scope = operation.scope.clone().unwrap();
        let others: Vec<&str> = app.client.scopes.iter().map(String::as_str).filter(|other| *other != scope).collect();
        let client = app.tenant(COMPANY, &others).await;
        let refused = operation.call(&app, &client.token, &operation.sample_path(), operation.sample_body()).await;
        assert_eq!((refused.status, refused.errors()), (403, vec![("missing_scope", "")]), "{}", operation.id);
        assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains(&scope));
    }
}

/// What the first company's client is not to find: paths of operations, and what another company has in the place of their first
/// parameter. An operation belongs to the first path that its own begins with.
async fn records_of(app: &mut TestApp, company: i64) -> Vec<(&'static str, String)> {
    let scopes: Vec<String> = app.client.scopes.clone();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let room = app.room_of(company, Platform::Line, "U1").await;
    let theirs = app.tenant(company, &scopes).await;
    let ours = std::mem::replace(&mut app.token, theirs.token.clone());
    let made = async |method: Method, path: &str, body: Value| {
        let answer = app.request(method, path, &[], Some(body)).await;
        assert!(answer.status < 300, "{path}: {answer:?}");
        answer.data().clone()
    };
    let post = async |path: &str, body: Value| made(Method::POST, path, body).await;
    let word = |value: &Value| value.to_string().trim_matches('"').to_owned();
    let staff = json!({"staffCode": "THEIRS", "email": "a@example.com", "firstname": "Arun", "lastname": "S", "roleName": "Sales",
                       "teamName": "Team A"});
    made(Method::PUT, "/v1/Employees", staff).await;
    let customer = json!({"customerCode": "THEIRS", "customerName": "Their customer", "customerState": 3, "customerTaxNo": "0105561000003"});
    let customer = post("/v3/customers", customer).await;
    let mut product = crate::stock::item("THEIRS");
    product["productBarcode"] = json!("8850000000017");
    product["qty"] = json!(10);
    let ticket = post("/v3/products", json!({"products": [product]})).await["ticketId"].clone();
    app.run_jobs().await;
    let day = json!("2025-06-18T10:00:00");
    let task = post("/v1/task", json!({"subject": "Theirs", "dateDue": day, "customerCode": "THEIRS"})).await;
    let visit = json!({"subject": "Theirs", "dateAppointmentStart": day, "customerCode": "THEIRS"});
    let activity = post("/v1/activity", visit).await;
    let calendar = post("/v1/activity/calendars", json!({"userId": "THEIRS"})).await;
    let category = post("/v1/setting/case-categories", json!({"name": "Theirs"})).await;
    let case = json!({"caseType": 1, "subject": "Theirs", "customerCode": "THEIRS", "categoryId": category["id"], "dateCase": day,
                      "dateDue": day, "assignedToUserId": "THEIRS"});
    let case = post("/v1/case", case).await;
    let deal = json!({"customerCodes": ["THEIRS"], "dealName": "Theirs", "probability": 20, "dealValue": 10, "assignTo": "THEIRS",
                      "expectedCloseDate": day});
    let deal = post("/v1/deals", deal).await;
    let line = json!([{"productCode": "THEIRS", "qty": 1, "vatTaxValue": 7}]);
    let quotation = json!({"quotationSubject": "Theirs", "quotationDate": "2026-01-04", "quotationValidUntil": "2099-02-04",
                           "quotationStatus": 1, "customerCode": "THEIRS", "staffCode": "THEIRS", "vatCalculation": true,
                           "quotationDetails": line});
    let quotation = post("/v2/quotation", quotation).await;
    let order = json!({"salesOrderSubject": "Theirs", "salesOrderDate": "2026-01-04", "salesOrderStatus": 2, "customerCode": "THEIRS",
                       "staffCode": "THEIRS", "vatCalculation": true, "salesOrderDetails": line});
    let order = post("/v2/salesorder", order).await;
    let contract = json!({"contractNo": "THEIRS", "contractName": "Theirs", "customerCode": "THEIRS", "contractType": "MA",
                          "dateStart": "2025-06-18", "dateEnd": "2099-06-18", "owner": "THEIRS"});
    post("/v1/contract", contract).await;
    let claim =
        json!({"subject": "Theirs", "dateTransaction": day, "ExpenseDetails": [{"expenseTypeId": 1004, "amount": 5}]});
    let expense = post("/v1/Expenses", claim).await;
    let event = json!({"eventName": "Theirs", "eventType": 1, "eventDate": day, "customerCode": "THEIRS"});
    let event = post("/v1/customerEvent", event).await;
    let hook = post("/v1/webhooks", json!({"url": "https://example.com/theirs"})).await;
    let asked = post("/v1/privacy/requests", crate::privacy::asked("export", "THEIRS")).await;
    let kept = json!({"document": "THEIRS", "items": [{"productCode": "THEIRS", "qty": 1}]});
    let kept = post("/v1/products/reservations", kept).await;
    let reply = post("/v1/console/replies", json!({"name": "theirs", "textEn": "Hello"})).await;
    let view = post("/v1/console/views", json!({"name": "Theirs", "filter": {}})).await;
    let user = json!({"email": "theirs@example.com", "firstname": "Nok", "lastname": "S", "roleId": "Agent"});
    let user = post("/v1/console/users", user).await;
    let message =
        json!({"roomId": room, "content": "Theirs", "type": "message", "platform": "line", "companyId": company});
    let message = post("/v1/chat/message", message).await;
    let records = vec![
        ("/tickets/{ticketId}", word(&ticket)),
        ("/v1/Customers/{code}", "THEIRS".to_owned()),
        ("/v1/Employees/{code}", "THEIRS".to_owned()),
        ("/v1/Expenses/{id}", word(&expense["value"]["expenseId"])),
        ("/v1/activities/{id}", word(&activity["activityNo"])),
        ("/v1/activity/calendars/{calendarId}", word(&calendar["calendarId"])),
        ("/v1/activity/{no}", word(&activity["activityNo"])),
        ("/v1/case/{caseNo}", word(&case["caseNo"])),
        ("/v1/chat/message/{id}", word(&message["id"])),
        ("/v1/chat/rooms/{roomId}", room.clone()),
        ("/v1/console/replies/{id}", word(&reply["id"])),
        ("/v1/console/rooms/{id}", room.clone()),
        ("/v1/console/users/{id}", word(&user["user"]["id"])),
        ("/v1/console/views/{id}", word(&view["id"])),
        ("/v1/contract/{no}", "THEIRS".to_owned()),
        ("/v1/customerEvent/{eventId}", word(&event["eventId"])),
        ("/v1/deals/{id}", word(&deal["value"]["dealsId"])),
        ("/v1/privacy/requests/{requestId}", word(&asked["requestId"])),
        ("/v1/products/barcode/{barcode}", "8850000000017".to_owned()),
        ("/v1/products/reservations/{reservationId}", word(&kept["reservationId"])),
        ("/v1/products/{code}", "THEIRS".to_owned()),
        ("/v1/products/{productCode}", "THEIRS".to_owned()),
        ("/v1/quotation/{quotationNo}", word(&quotation["quotationNo"])),
        ("/v1/salesorders/{id}", word(&order["salesOrderId"])),
        ("/v1/task/{taskNo}", word(&task["taskNo"])),
        ("/v1/webhooks/{id}", word(&hook["webhookId"])),
        ("/v2/products/{productCode}", "THEIRS".to_owned()),
        ("/v2/salesorder/id/{salesOrderId}", word(&order["salesOrderId"])),
        ("/v2/salesorder/{salesOrderNo}", word(&order["salesOrderNo"])),
        ("/v3/customers/id/{customerId}", word(&customer["customerId"])),
        ("/v3/customers/name/{customerName}", "Their%20customer".to_owned()),
        ("/v3/customers/tax/{taxId}", "0105561000003".to_owned()),
        ("/v3/customers/{customerCode}", "THEIRS".to_owned()),
        ("/v3/products/{productCode}", "THEIRS".to_owned()),
    ];
    // They are there for whom they belong to.
    for (path, value) in &records {
        assert!(!value.is_empty() && value != "null", "{path}: what it names was not read");
        let is_read = |operation: &&Operation| operation.path == *path && operation.method == Method::GET;
        if operations().iter().any(|operation| is_read(&operation)) {
            let (begin, _) = path.split_once('{').unwrap();
            let read = app.get(&format!("{begin}{value}")).await;
            assert_eq!(read.status, 200, "{path}: {read:?}");
        }
    }
    app.token = ours;
    records
}

#[tokio::test]
async fn records_of_another_company_are_not_found() {
    let mut app = TestApp::new().await;
    let records = records_of(&mut app, 508).await;
    // A parameter that is one of a few words chooses, and names no record.
    let names_record = |(_, place, schema): &&(String, String, Value)| place == "path" && schema.get("enum").is_none();
    let mut real = 0;
    for operation in secured().iter().filter(|operation| operation.parameters.iter().any(|one| names_record(&one))) {
        let theirs = records.iter().find(|(path, _)| operation.path.starts_with(path));
        real += usize::from(theirs.is_some());
        let first = operation.path.split(['{', '}']).nth(1).unwrap_or_default();
        let path = operation.path_with(|name, schema| match (theirs, schema["format"] == "uuid", kind(schema)) {
            (Some((_, value)), _, _) if name == first => value.clone(),
            (_, true, _) => Uuid::new_v4().to_string(),
            // Numbers count in each company for itself: another company's is one that is not there.
            (_, _, "integer") => "999999".to_owned(),
            _ => sample(schema).to_string().trim_matches('"').to_owned(),
        });
        let refused = operation.call(&app, &app.token, &path, operation.sample_body()).await;
        assert_eq!(refused.status, 404, "{}: {refused:?}", operation.id);
        let (code, what) = refused.errors()[0];
        assert_eq!(code, "not_found");
        assert!(!what.is_empty(), "{}: the record is not found, not the path", operation.id);
    }
    assert!(real >= 80, "{real} operations were called with a record of somebody else");
}

#[tokio::test]
async fn values_of_a_wrong_type_are_named() {
    let app = TestApp::new().await;
    for operation in operations() {
        if operation.is_json() && operation.scope.is_some() {
            let (_, schema) = operation.body.as_ref().unwrap();
            if schema["type"] == "array" {
                // A bare list, whose items are answered one by one: their own test names their fields.
                let refused = operation.call(&app, &app.token, &operation.sample_path(), Some(wrong(schema))).await;
                assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_body", "")]), "{}", operation.id);
            }
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let mut body = sample(schema);
                body[name] = wrong(property);
                let refused = operation.call(&app, &app.token, &operation.sample_path(), Some(body)).await;
                assert_eq!(refused.status, 400, "{} {name}: {refused:?}", operation.id);
                let named = refused.errors().iter().any(|(code, field)| *code == "invalid_type" && field == name);
                assert!(named, "{} {name}: {refused:?}", operation.id);
            }
        }
        for (name, place, schema) in operation.parameters.iter().filter(|_| operation.scope.is_some()) {
            if kind(schema) == "string" && schema["format"] != "uuid" {
                continue;
            }
            if place == "path" && EITHER.contains(&operation.id.as_str()) {
                continue;
            }
            let path = match place.as_str() {
                "path" => operation.path_with(|_, _| "wrong".to_owned()),
                _ => {
                    let path = operation.sample_path();
                    let mark = if operation.query.is_empty() { '?' } else { '&' };
                    format!("{path}{mark}{name}=wrong")
                }
            };
            let refused = operation.call(&app, &app.token, &path, operation.sample_body()).await;
            assert_eq!(refused.status, 400, "{} {name}: {refused:?}", operation.id);
            assert!(refused.errors().iter().any(|(_, field)| field == name), "{} {name}: {refused:?}", operation.id);
        }
    }
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let app = TestApp::with(|config| (config.body_limit, config.bulk_body_limit) = (10_000, 10_000)).await;
    let owner = app.signed_in("Owner", "nok@example.com").await;
    let mut count = 0;
    for operation in operations() {
        let Some((kind, _)) = &operation.body else { continue };
        if FILES.contains(&operation.id.as_str()) {
            continue;
        }
        if operation.scope.is_none() && operation.path.contains('{') {
            // Open to anyone: whose account it is about is asked before its body is read.
            continue;
        }
        for (size, is_refused) in [(10_000, false), (10_001, true), (100_000, true)] {
            let mut body = operation.sample_body().unwrap().to_string();
            body.push_str(&" ".repeat(size - body.len()));
            let call = Request::builder()
                .method(operation.method.clone())
                .uri(operation.sample_path())
                .header("content-type", kind);
            let call = match operation.personal {
                true => call
                    .header("cookie", &owner.cookie)
                    .header("sec-fetch-site", "same-origin")
                    .header("x-sala-console", "1"),
                false => call.header("authorization", format!("Bearer {}", app.token)),
            };
            let answered = app.call(call.body(Body::from(body)).unwrap()).await;
            assert_eq!(answered.status == 413, is_refused, "{} {size}: {answered:?}", operation.id);
            if is_refused {
                assert_eq!(answered.errors(), [("too_large", "")], "{}", operation.id);
            }
            count += 1;
        }
    }
    assert!(count > 0);
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let app = TestApp::new().await;
    for operation in secured().iter().filter(|operation| operation.is_json()) {
        let body = operation.sample_body().unwrap().to_string();
        for (kind, is_refused) in [
            ("text/plain", true),
            ("application/x-www-form-urlencoded", true),
            ("multipart/form-data; boundary=x", true),
            ("json", true),
            ("application/json; charset=utf-8", false),
            ("Application/JSON", false),
            ("application/vnd.api+json", false),
        ] {
            if operation.takes_form && kind.starts_with("multipart/") {
                continue;
            }
            let call = Request::builder()
                .method(operation.method.clone())
                .uri(operation.sample_path())
                .header("authorization", format!("Bearer {}", app.token))
                .header("content-type", kind);
            let answered = app.call(call.body(Body::from(body.clone())).unwrap()).await;
            assert_eq!(answered.status == 415, is_refused, "{} {kind}: {answered:?}", operation.id);
            if is_refused {
                assert_eq!(answered.errors(), [("media_type", "Content-Type")]);
            }
        }
    }
}

/// Everything that a token or a session reaches.
fn guarded() -> Vec<Operation> {
    operations().into_iter().filter(|operation| operation.scope.is_some() || operation.personal).collect()
}

/// Operations whose answer has no end: they are read in a test of their own.
pub fn has_no_end(operation: &Operation) -> bool {
    operation.id == "streamChanges"
}

/// Operations that end the session with which they are called.
fn ends_session(operation: &Operation) -> bool {
    ["signOut", "signOutEverywhere", "changePassword"].contains(&operation.id.as_str())
}

#[tokio::test]
async fn a_person_does_what_the_role_grants_and_no_more() {
    let app = TestApp::new().await;
    for (role, all) in
        [("Owner", true), ("Administrator", true), ("Supervisor", false), ("Agent", false), ("Viewer", false)]
    {
        let person = app.signed_in(role, &format!("{role}@example.com")).await;
        let me = app.as_person(&person, Method::GET, "/v1/auth/me", None).await;
        let granted: Vec<String> = serde_json::from_value(me.data()["scopes"].clone()).unwrap();
        assert_eq!(granted.len() == app.client.scopes.len(), all, "{role}: {granted:?}");
        for operation in guarded().iter().filter(|operation| !ends_session(operation)) {
            let granted_stream =
                has_no_end(operation) && granted.iter().any(|scope| Some(scope) == operation.scope.as_ref());
            if granted_stream {
                continue;
            }
            let request = person.request(operation.method.clone(), &operation.sample_path(), operation.sample_body());
            let answered = app.call(request).await;
            let may = operation.scope.as_ref().is_none_or(|scope| granted.contains(scope));
            assert_ne!(answered.status, 401, "{role} {}: {answered:?}", operation.id);
            let missing = answered.status == 403 && answered.errors() == [("missing_scope", "")];
            if !may {
                assert!(missing, "{role} {}: {answered:?}", operation.id);
            } else if all {
                assert_ne!(answered.status, 403, "{role} {}: {answered:?}", operation.id);
            }
        }
    }
}

#[tokio::test]
async fn pages_of_other_servers_change_nothing() {
    let app = TestApp::new().await;
    let person = app.signed_in("Owner", "nok@example.com").await;
    for operation in guarded().iter().filter(|operation| operation.method != Method::GET) {
        for (headers, foreign) in [
            (vec![("sec-fetch-site", "cross-site"), ("x-sala-console", "1")], "another server"),
            (vec![("sec-fetch-site", "same-site"), ("x-sala-console", "1")], "a neighbour"),
            (vec![("origin", "https://evil.example"), ("host", "sala.example"), ("x-sala-console", "1")], "an origin"),
            (vec![("sec-fetch-site", "same-origin")], "a form"),
            (vec![("x-sala-console", "1")], "nobody says where from"),
        ] {
            let mut request = Request::builder().method(operation.method.clone()).uri(operation.sample_path());
            for (name, value) in headers.into_iter().chain([("cookie", person.cookie.as_str())]) {
                request = request.header(name, value);
            }
            let body = operation.sample_body().map_or_else(Body::empty, |body| Body::from(body.to_string()));
            let refused = app.call(request.header("content-type", "application/json").body(body).unwrap()).await;
            assert_eq!(
                (refused.status, refused.errors()),
                (403, vec![("foreign_origin", "")]),
                "{} {foreign}",
                operation.id
            );
        }
    }
    assert_eq!(app.as_person(&person, Method::GET, "/v1/auth/me", None).await.status, 200);
}

#[tokio::test]
async fn without_a_session_or_with_one_that_is_over_nothing_is_done() {
    let app = TestApp::new().await;
    let person = app.signed_in("Owner", "nok@example.com").await;
    app.advance(std::time::Duration::from_secs(12 * 3600 + 1));
    let nobody = crate::app::Session { cookie: "sala=507_wrong".to_owned(), id: String::new() };
    for operation in guarded() {
        for session in [&person, &nobody] {
            let request = session.request(operation.method.clone(), &operation.sample_path(), operation.sample_body());
            let refused = app.call(request).await;
            assert_eq!((refused.status, refused.errors()), (401, vec![("unauthorized", "")]), "{}", operation.id);
        }
        let plain = Request::builder().method(operation.method.clone()).uri(operation.sample_path());
        assert_eq!(app.call(plain.body(Body::empty()).unwrap()).await.status, 401, "{}", operation.id);
    }
}

#[tokio::test]
async fn no_token_reaches_what_is_a_persons_own() {
    let app = TestApp::new().await;
    for operation in operations().iter().filter(|operation| operation.personal) {
        let refused = operation.call(&app, &app.token, &operation.sample_path(), operation.sample_body()).await;
        assert_eq!((refused.status, refused.errors()), (403, vec![("people_only", "")]), "{}", operation.id);
    }
}

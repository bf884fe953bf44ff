//! What nobody sends by accident: always an enveloped 4xx, never a 500 or a panic.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::app::{Answer, Session, TestApp, text_message};
use crate::every_endpoint::{Operation, has_no_end, operations};

/// A server with a room, a message and a sandbox, by whose ids every operation can be reached.
struct Target {
    app: TestApp,
    account: String,
    room: String,
    message: String,
    /// Who calls what is a person's own.
    owner: Session,
}

impl Target {
    async fn new() -> Target {
        let app = TestApp::new().await;
        let account = app.sandbox().await;
        let room = app.room(&account, "U1").await;
        let message = app.send(&room, "Hi").await.data()["id"].as_str().unwrap().to_owned();
        let owner = app.signed_in("Owner", "nok@example.com").await;
        Target { app, account, room, message, owner }
    }

    fn path(&self, operation: &Operation) -> String {
        operation.path_with(|name, schema| match name {
            "accountId" => self.account.clone(),
            "roomId" => self.room.clone(),
            "externalId" => "U1".to_owned(),
            _ if schema["type"] == "integer" => "1".to_owned(),
            _ if schema["enum"].is_array() => schema["enum"][0].as_str().unwrap().to_owned(),
            _ => self.message.clone(),
        })
    }

    /// Sends a body and sees that the answer is one.
    async fn post(&self, operation: &Operation, body: impl Into<Body>) -> Answer {
        let kind = operation.body.as_ref().map_or("application/json", |(kind, _)| kind);
        let request =
            Request::builder().method(operation.method.clone()).uri(self.path(operation)).header("content-type", kind);
        let request = match operation.personal {
            true => request
                .header("cookie", &self.owner.cookie)
                .header("sec-fetch-site", "same-origin")
                .header("x-sala-console", "1"),
            false => request.header("authorization", format!("Bearer {}", self.app.token)),
        };
        self.call(&operation.id, request.body(body.into()).unwrap()).await
    }

    async fn call(&self, what: &str, request: Request<Body>) -> Answer {
        let answer = self.app.call(request).await;
        assert_clean(&answer, what);
        answer
    }
}

/// Never a 500, and every refusal in one of the three shapes that the document knows.
fn assert_clean(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {answer:?}");
    assert!(!answer.header("x-trace-id").is_empty(), "{what}");
    if answer.status < 400 {
        return;
    }
    // A customer who follows a link that is no longer good reads a page.
    if matches!(what, "showQuotationPage" | "answerQuotationPage" | "showQuotationDocument") && answer.status == 404 {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{what}: {answer:?}");
        return;
    }
    assert_eq!(answer.header("content-type"), "application/json", "{what}: {answer:?}");
    let oauth = answer.body["error"].is_string() && answer.body["error_description"].is_string();
    let gateway = answer.body["statusCode"] == 401 && answer.body["message"].is_string();
    if oauth || gateway {
        return;
    }
    let count = answer.errors().len();
    let code = if count > 1 { "4002" } else { "4001" };
    assert!((1..=50).contains(&count), "{what}: {count} errors: {answer:?}");
    assert_eq!(answer.body["status"]["code"], code, "{what}: {answer:?}");
    assert!(answer.body["data"].is_null(), "{what}: {answer:?}");
    assert_eq!(answer.body["traceId"], answer.header("x-trace-id"), "{what}");
}

fn posts() -> Vec<Operation> {
    let posts: Vec<Operation> = operations().into_iter().filter(|operation| operation.method == Method::POST).collect();
    assert!(posts.len() >= 6);
    posts
}

/// Operations with a JSON body, and the names and samples of its properties.
fn json_posts() -> Vec<(Operation, Vec<(String, Value)>)> {
    let with_json =
        posts().into_iter().filter(|post| post.body.as_ref().is_some_and(|(kind, _)| kind == "application/json"));
    let with_names = with_json.filter_map(|operation| {
        let (_, schema) = operation.body.as_ref()?;
        let properties = schema["properties"].as_object()?;
        let properties = properties.iter().map(|(name, property)| (name.clone(), property.clone())).collect();
        Some((operation, properties))
    });
    with_names.collect()
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused() {
    let target = Target::new().await;
    let deep = |open: &str| open.repeat(100_000).into_bytes();
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("half an object", b"{\"roomId\":".to_vec()),
        ("a comma too many", b"{\"a\":1,}".to_vec()),
        ("two values", b"{} {}".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a list of objects", b"[{}]".to_vec()),
        ("a text", b"\"text\"".to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("a NUL", b"\0".to_vec()),
        ("a NUL within", b"{\"content\":\"a\0b\"}".to_vec()),
        ("no UTF-8", b"{\"content\":\"\xff\xfe\"}".to_vec()),
        ("half a letter", b"{\"content\":\"\xe0\xb8\"}".to_vec()),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
        ("a lone surrogate", b"{\"content\":\"\\ud800\"}".to_vec()),
        ("surrogates the wrong way round", b"{\"content\":\"\\udc00\\ud800\"}".to_vec()),
        ("a number beyond all", b"{\"companyId\":1e400}".to_vec()),
        ("not a number", b"{\"companyId\":NaN}".to_vec()),
        ("deep lists", deep("[")),
        ("deep closed lists", closed),
        ("deep objects", deep("{\"a\":")),
        ("a deep member", [b"{\"content\":".as_slice(), &deep("["), b"}"].concat()),
        ("comments", b"{/* */}".to_vec()),
        ("10 MB of nothing", vec![b' '; 10_000_000]),
        ("10 MB of text", [b"{\"content\":\"".as_slice(), &vec![b'x'; 10_000_000], b"\"}"].concat()),
    ];
    for operation in posts() {
        for (what, body) in &bodies {
            let answer = target.post(&operation, body.clone()).await;
            if operation.body.is_some() {
                assert!(answer.status >= 400, "{} {what}: {answer:?}", operation.id);
            }
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_an_object_without_members() {
    let target = Target::new().await;
    for operation in posts() {
        let empty = target.post(&operation, "").await;
        let object = target.post(&operation, "{}").await;
        if operation.scope.is_some() {
            assert_eq!(empty.status, object.status, "{}", operation.id);
        }
    }
}

/// Operations whose texts are compared with a secret and never kept: with a NUL in them they are simply wrong.
const SECRETS: [&str; 7] = [
    "beginTotp",
    "changePassword",
    "confirmTotp",
    "forgotPassword", // answers everybody the same
    "renewRecoveryCodes",
    "signIn",
    "signInWithCode",
];

#[tokio::test]
async fn a_nul_is_refused_in_every_text() {
    let target = Target::new().await;
    for (operation, properties) in json_posts() {
        if SECRETS.contains(&operation.id.as_str()) {
            continue;
        }
        if operation.scope.is_none() && operation.path.contains('{') {
            // Open to anyone: what its address names is looked for before its body is read.
            continue;
        }
        for (name, _) in &properties {
            for text in ["\0", "a\0b", "\0\0\0"] {
                let mut body = operation.sample_body().unwrap();
                body[name] = json!(text);
                let refused = target.post(&operation, body.to_string()).await;
                assert_eq!(refused.status, 400, "{} {name}: {refused:?}", operation.id);
                assert!(
                    refused.errors().iter().any(|(_, field)| field == name),
                    "{} {name}: {refused:?}",
                    operation.id
                );
            }
        }
    }
}

#[tokio::test]
async fn strange_values_in_every_member_are_answered() {
    let target = Target::new().await;
    let long = "x".repeat(900_000);
    let wide = "😀".repeat(200_000);
    let escaped = "\\u0e01".repeat(100_000);
    let raw = [
        "null",
        "true",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "[\"\"]",
        "{\"\":{}}",
        "-0",
        "-1",
        "0.1",
        "1e308",
        "-1e308",
        "1e-400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "123456789012345678901234567890.123456789",
        "\"\"",
        "\" \"",
        "\"-1\"",
        "\"9999999999999999999999\"",
        "\"\\u202e\\u200b\\ufeff\"",
        "\"\\ud83d\\ude00\"",
        "\"'; drop table room; --\"",
        "\"%s%n{}${x}\"",
        "\"../../etc/passwd\"",
        "\"<script>\"",
        "\"\\r\\nX: y\"",
        "\"\\u007f\\u0001\"",
        "\"e\\u0301\"",
        "\"İıſK\"",
    ];
    let mut values: Vec<String> = raw.iter().map(|&value| value.to_owned()).collect();
    values.extend([format!("\"{long}\""), format!("\"{wide}\""), format!("\"{escaped}\""), "9".repeat(100_000)]);
    for (operation, properties) in json_posts() {
        for (name, _) in &properties {
            for value in &values {
                let mut body = operation.sample_body().unwrap();
                if name != "roomId" && body.get("roomId").is_some() {
                    // Within a real room, so that the database is reached.
                    body["roomId"] = json!(target.room);
                }
                body[name] = json!("here it goes");
                let body = body.to_string().replacen("\"here it goes\"", value, 1);
                target.post(&operation, body).await;
            }
        }
    }
}

#[tokio::test]
async fn of_many_faults_fifty_are_told() {
    let target = Target::new().await;
    let mut most = 0;
    for (operation, properties) in json_posts() {
        for (name, property) in &properties {
            let is_list = property["type"] == "array" || property["type"][0] == "array";
            let members = [json!({}), json!("\u{202e}"), json!([1])];
            for member in members.iter().filter(|_| is_list) {
                let mut body = operation.sample_body().unwrap();
                body[name] = json!(vec![member; 3000]);
                let answer = target.post(&operation, body.to_string()).await;
                most = most.max(answer.body["errors"].as_array().map_or(0, Vec::len));
            }
        }
    }
    assert_eq!(most, 50, "some have as many");
}

#[tokio::test]
async fn of_two_members_of_one_name_one_is_taken() {
    let target = Target::new().await;
    let room = &target.room;
    let body = format!(
        r#"{{"roomId":"no","content":"one","content":"two","type":"message","platform":"line","companyId":1,"companyId":507,"roomId":"{room}","ROOMID":"other"}}"#
    );
    let operation = posts().into_iter().find(|operation| operation.id == "sendChatMessage").unwrap();
    let sent = target.post(&operation, body).await;
    assert_eq!((sent.status, sent.data()["content"].as_str()), (201, Some("two")));
    let many = format!("{{{}}}", vec!["\"content\":\"x\""; 60_000].join(","));
    assert_eq!(target.post(&operation, many).await.status, 400);
    let unknown: Vec<String> = (0..50_000).map(|number| format!("\"member{number}\":{number}")).collect();
    assert_eq!(target.post(&operation, format!("{{{}}}", unknown.join(","))).await.status, 400);
}

#[tokio::test]
async fn strange_paths_and_queries_are_answered() {
    let target = Target::new().await;
    let long = "x".repeat(10_000);
    let odd = [
        "%00",
        "a%00b",
        "%ff%fe",
        "%E0%B8",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%F0%9F%98%80",
        "'",
        "%22",
        "%",
        "%zz",
        "-1",
        "507-",
        "99999999999999999999-x",
        "*",
        "+",
        "%0d%0aX:%20y",
        &long,
    ];
    for operation in operations() {
        let method = || operation.method.clone();
        let request = |uri: String| {
            let request = Request::builder().method(method()).uri(uri);
            request.header("authorization", format!("Bearer {}", target.app.token))
        };
        if has_no_end(&operation) {
            continue;
        }
        for value in odd {
            let path = operation.path_with(|_, _| value.to_owned());
            let answer = target.call(&operation.id, request(path).body(Body::empty()).unwrap()).await;
            if operation.path.contains('{') {
                // What a browser was led to leads it back to where people sign in, which says why.
                let is_led = answer.status == 303 && answer.header("location").starts_with("/console/?sso=");
                assert!(answer.status >= 400 || is_led, "{} {value}: {answer:?}", operation.id);
            }
            let mut query: Vec<String> = operation
                .parameters
                .iter()
                .filter(|(_, place, _)| place == "query")
                .map(|(name, ..)| format!("{name}={value}&{name}={value}"))
                .collect();
            query.push(format!("{value}={value}&&=&?"));
            for query in query {
                let uri = format!("{}?{query}", target.path(&operation));
                target.call(&operation.id, request(uri).body(Body::empty()).unwrap()).await;
            }
        }
    }
    for path in
        ["//", "/v1", "/v1/", "/v1//chat/message", "/%00", "/v1/chat/message/../message", "/docs/../openapi.json"]
    {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = target.call(path, request).await;
        assert!(answer.status >= 400, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn strange_headers_are_answered() {
    let target = Target::new().await;
    let bytes = HeaderValue::from_bytes(b"\xff\xfe\x80").unwrap();
    let long = HeaderValue::from_str(&"x".repeat(20_000)).unwrap();
    let values = [bytes, long, HeaderValue::from_static(""), HeaderValue::from_static(",;=\"%00")];
    for operation in posts() {
        for name in [
            "authorization",
            "content-type",
            "content-length",
            "idempotency-key",
            "ocp-apim-subscription-key",
            "traceparent",
            "accept",
            "accept-encoding",
            "expect",
            "host",
            "x-forwarded-for",
            "x-line-signature",
            "x-http-method-override",
        ] {
            for value in &values {
                let mut request = Request::builder()
                    .method(operation.method.clone())
                    .uri(target.path(&operation))
                    .header("authorization", format!("Bearer {}", target.app.token))
                    .body(Body::from(text_message(&target.room, "Hi").to_string()))
                    .unwrap();
                request.headers_mut().insert(name, value.clone());
                target.call(&format!("{} {name}", operation.id), request).await;
            }
        }
    }
    for method in ["PATCH", "TRACE", "CONNECT", "PROPFIND", "OPTIONS", "HEAD"] {
        let request = Request::builder().method(method).uri("/v1/chat/message").body(Body::empty()).unwrap();
        let answer = target.app.call(request).await;
        assert!((400..500).contains(&answer.status), "{method}: {answer:?}");
    }
}

/// Any JSON at all, a few levels deep; names are often those that an operation knows.
fn any_json(names: Vec<String>) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        any::<String>().prop_map(|value| json!(value)),
        "[0-9a-zA-Z:/.{}\"%_ -]{0,40}".prop_map(|value| json!(value)),
        proptest::sample::select(vec!["line", "messenger", "message", "image", "sticker", "location", "507", "true"])
            .prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let known = proptest::sample::select(names.clone());
        let name = prop_oneof![4 => known, 1 => any::<String>()];
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            4 => proptest::collection::btree_map(name, inner, 0..7).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn any_json_to_any_post_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let target = runtime.block_on(Target::new());
    for (operation, properties) in json_posts() {
        let names = properties.into_iter().map(|(name, _)| name).collect();
        let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
        let tried = runner.run(&any_json(names), |mut body| {
            if body.get("roomId").is_some_and(Value::is_string) {
                body["roomId"] = json!(target.room);
            }
            runtime.block_on(target.post(&operation, body.to_string()));
            Ok(())
        });
        tried.unwrap_or_else(|failure| panic!("{}: {failure}", operation.id));
    }
    runtime.block_on(async move { drop(target) });
}

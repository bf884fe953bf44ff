//! Messages in Thai for who asks for it, in English for everybody else.

use axum::http::Method;
use sala::http::{Code, Language};
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp, request};
use crate::every_endpoint::operations;

/// Whether people who read Thai can read it: it has Thai letters.
fn is_thai(text: &str) -> bool {
    text.chars().any(|letter| ('\u{e00}'..='\u{e7f}').contains(&letter))
}

/// Every sentence of a refusal is Thai, and its headers say so.
fn assert_thai(answered: &Answer, of: &str, missing: &mut Vec<String>) {
    assert!(answered.status >= 400, "{of}: {answered:?}");
    assert_eq!(answered.headers["content-language"], "th", "{of}");
    let varies = answered.headers.get_all("vary").iter().any(|value| value == "accept-language");
    assert!(varies, "{of}: a cache must know that the answer depends on the language");
    assert!(is_thai(answered.body["status"]["description"].as_str().unwrap()), "{of}: {answered:?}");
    for error in answered.body["errors"].as_array().unwrap() {
        let message = error["message"].as_str().unwrap();
        assert!(is_thai(message), "{of}: {message}");
        // A message without a Thai sentence of its own is told by its code, with its English words behind.
        if is_fallback(message) {
            missing.push(format!("{of}: {message}"));
        }
    }
}

fn is_fallback(message: &str) -> bool {
    Code::ALL.into_iter().any(|code| message.starts_with(&format!("{} (", Language::Thai.sentence(code))))
}

const THAI: &[(&str, &str)] = &[("accept-language", "th-TH,th;q=0.9,en;q=0.8")];

#[tokio::test]
async fn every_operation_refuses_in_thai() {
    let app = TestApp::new().await;
    let nobody = app.tenant(COMPANY, &[]).await;
    let mut missing = Vec::new();
    for operation in operations().iter().filter(|operation| operation.scope.is_some()) {
        let call = async |token: &str, path: &str, body: Option<Value>| {
            app.call(request(token, operation.method.clone(), path, THAI, body)).await
        };
        let path = operation.path_with(|_, schema| match schema["format"] == "uuid" {
            true => uuid::Uuid::new_v4().to_string(),
            false => "999999".to_owned(),
        });
        let path = format!("{path}{}", operation.query);
        assert_thai(&call("sala_507_wrong", &path, operation.sample_body()).await, &operation.id, &mut missing);
        assert_thai(&call(&nobody.token, &path, operation.sample_body()).await, &operation.id, &mut missing);
        // A stream has no end that could be waited for.
        if operation.id == "streamChanges" {
            continue;
        }
        // Whatever is refused of these: a body of the wrong type, one without anything, a record that is not there.
        for body in [json!("text"), json!({}), json!({"companyId": "x", "skip": -1, "take": "x", "items": 3})] {
            let answered = call(&app.token, &path, operation.body.as_ref().map(|_| body)).await;
            if answered.status >= 400 {
                assert_thai(&answered, &operation.id, &mut missing);
            }
        }
        let answered = call(&app.token, &path, operation.sample_body()).await;
        if answered.status >= 400 {
            assert_thai(&answered, &operation.id, &mut missing);
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "each needs a line in messages.th");
}

#[tokio::test]
async fn the_language_is_the_callers() {
    let app = TestApp::new().await;
    let refused = async |language: &str| {
        let headers: Vec<(&str, &str)> =
            if language.is_empty() { Vec::new() } else { vec![("accept-language", language)] };
        app.call(request(&app.token, Method::POST, "/v1/chat/message", &headers, Some(json!({})))).await
    };
    for (language, tag, message) in [
        ("th", "th", "ต้องระบุ roomId"),
        ("en-GB, th;q=0.8", "en", "roomId is required"),
        ("fr", "en", "roomId is required"),
        ("", "en", "roomId is required"),
    ] {
        let answered = refused(language).await;
        assert_eq!(answered.headers["content-language"], tag, "{language}");
        let errors = answered.body["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["message"] == message), "{language}: {answered:?}");
        assert!(errors.iter().any(|error| (&error["code"], &error["field"]) == (&json!("required"), &json!("roomId"))));
    }
    let unknown = app.call(request(&app.token, Method::GET, "/v1/nothing", THAI, None)).await;
    assert_eq!(unknown.body["errors"][0]["code"], "not_found");
    let mut missing = Vec::new();
    assert_thai(&unknown, "a path that is not there", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
    let found = app.call(request(&app.token, Method::GET, "/v1/setting", THAI, None)).await;
    assert_eq!((found.status, found.headers.get("content-language")), (200, None), "records are in no language");
}

#[tokio::test]
async fn the_gateways_own_refusal_is_told_in_thai_too() {
    let app = TestApp::with(|config| config.require_subscription_key = true).await;
    let refused = app.call(request(&app.token, Method::GET, "/v1/setting", THAI, None)).await;
    assert_eq!((refused.status, &refused.body["statusCode"]), (401, &json!(401)));
    assert!(is_thai(refused.body["message"].as_str().unwrap()), "{refused:?}");
}

#[test]
fn every_code_has_both_sentences() {
    for code in Code::ALL {
        assert!(is_thai(Language::Thai.sentence(code)), "{code:?}");
        assert!(!is_thai(Language::English.sentence(code)) && !Language::English.sentence(code).is_empty());
    }
}

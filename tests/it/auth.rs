//! Tokens, subscription keys, scopes, and what slows a caller down.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sala::oauth::{self, NewClient};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::{Answer, COMPANY, TestApp, answer, request, text_message};

const TOKEN: &str = "/authorization/connect/token";
const ENQUIRY: &str = "/v1/conversation/enquiry";

fn credentials(client: &NewClient) -> String {
    format!("grant_type=client_credentials&client_id={}&client_secret={}", client.client_id, client.client_secret)
}

/// An enquiry with this Authorization header, or none.
async fn enquire(app: &TestApp, authorization: Option<&str>) -> Answer {
    let mut request = Request::post(ENQUIRY).header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    app.call(request.body(Body::from("{}")).unwrap()).await
}

/// A refused token or none: the envelope, the text, and how to do it right.
fn assert_unauthorized(refused: &Answer, text: &str, challenge: &str) {
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.body["status"], json!({"code": "4001", "description": text}));
    assert!(refused.body["data"].is_null());
    assert_eq!(refused.errors(), [("unauthorized", "")]);
    assert_eq!(refused.body["errors"][0]["message"], text);
    assert_eq!(refused.header("www-authenticate"), challenge);
    assert_eq!(refused.header("x-trace-id"), refused.body["traceId"]);
}

fn assert_bad_token(refused: &Answer) {
    assert_unauthorized(refused, "User authentication required", "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn a_token_answer_begins_with_the_token_and_is_not_to_be_stored() {
    let app = TestApp::new().await;
    let issued = app.form(TOKEN, &credentials(&app.client)).await;
    assert_eq!(issued.status, 200);
    assert!(issued.text.starts_with("{\"access_token\":\"sala_507_"), "{}", issued.text);
    assert_eq!(issued.body["expires_in"], 3600);
    assert_eq!(issued.body["token_type"], "Bearer");
    assert_eq!(issued.body["scope"], app.client.scopes.join(" "));
    assert_eq!(issued.body.as_object().unwrap().len(), 4);
    assert_eq!(issued.header("cache-control"), "no-store");
    let bearer = format!("Bearer {}", issued.body["access_token"].as_str().unwrap());
    assert_eq!(enquire(&app, Some(&bearer)).await.status, 200);
}

#[tokio::test]
async fn the_token_path_is_found_in_any_letter_case() {
    let app = TestApp::new().await;
    for path in ["/authorization/Connect/Token", "/AUTHORIZATION/CONNECT/TOKEN", "/authorization/connect/token/"] {
        assert_eq!(app.form(path, &credentials(&app.client)).await.status, 200, "{path}");
    }
    assert_eq!(app.post("/V1/Chat/Message", json!({})).await.status, 400);
}

#[tokio::test]
async fn a_refused_token_request_says_why_in_the_words_of_oauth() {
    let app = TestApp::new().await;
    let (id, secret) = (&app.client.client_id, &app.client.client_secret);
    let grant = "grant_type=client_credentials";
    let right = credentials(&app.client);
    for (form, error) in [
        (format!("{grant}&client_id={id}&client_secret=wrong"), "invalid_client"),
        (format!("{grant}&client_id=507-nobody&client_secret={secret}"), "invalid_client"),
        (format!("{grant}&client_id=nobody&client_secret={secret}"), "invalid_client"),
        (format!("{grant}&client_id=508-{id}&client_secret={secret}"), "invalid_client"),
        (format!("grant_type=password&client_id={id}&client_secret={secret}"), "unsupported_grant_type"),
        (format!("grant_type=&client_id={id}&client_secret={secret}"), "invalid_request"),
        (format!("client_id={id}&client_secret={secret}"), "invalid_request"),
        (format!("{grant}&client_secret={secret}"), "invalid_request"),
        (format!("{grant}&client_id={id}"), "invalid_request"),
        (format!("{grant}&client_id={id}&client_secret="), "invalid_request"),
        (format!("{grant}&client_id={}&client_secret={secret}", "x".repeat(300)), "invalid_request"),
        (format!("{right}&{grant}"), "invalid_request"),
        (format!("{right}&client_secret=other"), "invalid_request"),
        (format!("{right}&scope=chat:read%20money:print"), "invalid_scope"),
        (String::new(), "invalid_request"),
    ] {
        let refused = app.form(TOKEN, &form).await;
        assert_eq!(refused.status, 400, "{form}: {refused:?}");
        assert_eq!(refused.body["error"], error, "{form}");
        assert!(!refused.body["error_description"].as_str().unwrap().is_empty());
        assert_eq!(refused.header("cache-control"), "no-store");
        assert!(!refused.text.contains(secret.as_str()), "the answer repeats the secret");
    }
    let wrong = app.form(TOKEN, &format!("{grant}&client_id={id}&client_secret=wrong")).await;
    let unknown = app.form(TOKEN, &format!("{grant}&client_id=507-nobody&client_secret=wrong")).await;
    assert_eq!(wrong.body, unknown.body, "a stranger cannot tell which clients exist");
}

#[tokio::test]
async fn a_token_request_that_is_no_form_or_too_large_is_refused() {
    let app = TestApp::new().await;
    let json = Request::post(TOKEN).header("content-type", "application/json");
    let refused = app.call(json.body(Body::from("{}")).unwrap()).await;
    assert_eq!((refused.status, refused.body["error"].as_str()), (400, Some("invalid_request")));
    let large = format!("{}&more={}", credentials(&app.client), "x".repeat(app.app.config.body_limit));
    let refused = app.form(TOKEN, &large).await;
    assert_eq!(refused.status, 413);
    assert_eq!(refused.errors(), [("too_large", "")]);
}

#[tokio::test]
async fn credentials_also_come_by_http_basic() {
    let app = TestApp::new().await;
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let basic = async |id: &str, secret: &str| {
        let value = format!("basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let request = Request::post(TOKEN)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("authorization", value);
        app.call(request.body(Body::from("grant_type=client_credentials")).unwrap()).await
    };
    let (id, secret) = (app.client.client_id.as_str(), app.client.client_secret.as_str());
    assert_eq!(basic(id, secret).await.status, 200);
    assert_eq!(basic(&encoded(id), &encoded(secret)).await.status, 200);
    let refused = basic(id, "wrong").await;
    assert_eq!((refused.status, refused.body["error"].as_str()), (401, Some("invalid_client")));
    assert!(refused.header("www-authenticate").starts_with("Basic realm="));
}

#[tokio::test]
async fn a_token_may_be_asked_to_allow_less() {
    let app = TestApp::new().await;
    let form = format!("{}&scope=chat:read", credentials(&app.client));
    let issued = app.form(TOKEN, &form).await;
    assert_eq!(issued.body["scope"], "chat:read");
    let token = issued.body["access_token"].as_str().unwrap();
    assert_eq!(app.request_as(token, Method::POST, ENQUIRY, Some(json!({}))).await.status, 200);
    let room = app.sandbox_room().await;
    let refused = app.request_as(token, Method::POST, "/v1/chat/message", Some(text_message(&room, "Hi"))).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.errors(), [("missing_scope", "")]);
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"chat:write\"");
}

#[tokio::test]
async fn tokens_secrets_and_keys_are_stored_as_hashes_only() {
    #[derive(Deserialize)]
    struct Stored {
        secret_hash: Vec<u8>,
        key_hash: Vec<u8>,
        hash: Vec<u8>,
    }
    let app = TestApp::new().await;
    let mut conn = app.app.db.read().await.unwrap();
    let stored: Stored = conn
        .sql("select secret_hash, key_hash, hash from client join token on token.client = client.id")
        .one()
        .await
        .unwrap();
    assert_eq!(stored.hash, Sha256::digest(&app.token).to_vec());
    assert_eq!(stored.secret_hash, Sha256::digest(&app.client.client_secret).to_vec());
    assert_eq!(stored.key_hash, Sha256::digest(&app.client.subscription_key).to_vec());
}

#[tokio::test]
async fn a_token_ends_after_an_hour() {
    let app = TestApp::new().await;
    app.advance(Duration::from_secs(3599));
    assert_eq!(app.post(ENQUIRY, json!({})).await.status, 200);
    app.advance(Duration::from_secs(1));
    assert_bad_token(&app.post(ENQUIRY, json!({})).await);
}

#[tokio::test]
async fn a_revoked_client_is_out_on_every_node() {
    let app = TestApp::new().await;
    let (_, second) = app.second_node().await;
    assert_eq!(app.post(ENQUIRY, json!({})).await.status, 200);
    oauth::revoke_client(&app.app.db, COMPANY, &app.client.client_id, app.app.now()).await.unwrap();
    // The second node has not seen the token before; the first remembers it for less than a second.
    let call = || request(&app.token, Method::POST, ENQUIRY, &[], Some(json!({})));
    assert_bad_token(&answer(&second, call()).await);
    app.app.tokens.clear();
    assert_bad_token(&app.call(call()).await);
    let refused = app.form(TOKEN, &credentials(&app.client)).await;
    assert_eq!((refused.status, refused.body["error"].as_str()), (400, Some("invalid_client")));
}

#[tokio::test]
async fn the_word_bearer_is_read_in_any_letter_case() {
    let app = TestApp::new().await;
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer ", " bEaReR"] {
        assert_eq!(enquire(&app, Some(&format!("{scheme} {}", app.token))).await.status, 200, "{scheme:?}");
    }
}

#[tokio::test]
async fn a_missing_token_and_a_bad_one_are_told_apart() {
    let app = TestApp::new().await;
    assert_unauthorized(&enquire(&app, None).await, "Unauthorized", "Bearer");
    assert_unauthorized(&enquire(&app, Some("Basic dTpw")).await, "Unauthorized", "Bearer");
    let moved = app.token.replace("sala_507_", "sala_508_");
    let longer = format!("{}x", app.token);
    for bad in ["", "x", "sala_507_", "sala_507_AAAA", "sala_99999999999999999999_x", &moved, &longer] {
        assert_bad_token(&enquire(&app, Some(&format!("Bearer {bad}"))).await);
    }
    let bytes = Request::post(ENQUIRY).header("authorization", &b"Bearer \xff\xfe"[..]);
    assert_bad_token(&app.call(bytes.body(Body::empty()).unwrap()).await);
}

#[tokio::test]
async fn a_subscription_key_is_checked_when_it_is_sent() {
    let app = TestApp::new().await;
    let sibling = app.tenant(COMPANY, &["chat:read"]).await;
    let stranger = app.tenant(508, &["chat:read"]).await;
    let with = async |key: &str| {
        let headers = [("Ocp-Apim-Subscription-Key", key)];
        let called = app.request(Method::POST, ENQUIRY, &headers, Some(json!({}))).await;
        let form =
            Request::post(TOKEN).header("content-type", "application/x-www-form-urlencoded").header(headers[0].0, key);
        let token = app.call(form.body(Body::from(credentials(&app.client))).unwrap()).await;
        assert_eq!(token.status, called.status, "the token request treats {key:?} as every operation does");
        assert_eq!(token.body.get("statusCode"), called.body.get("statusCode"));
        called
    };
    assert_eq!(with(&app.client.subscription_key).await.status, 200);
    assert_eq!(with(&sibling.client.subscription_key).await.status, 200, "the key is the company's");
    for wrong in [stranger.client.subscription_key.as_str(), "wrong"] {
        let refused = with(wrong).await;
        assert_eq!(refused.status, 401);
        let members = refused.body.as_object().unwrap();
        assert_eq!(members.keys().collect::<Vec<_>>(), ["message", "statusCode"], "the gateway's shape");
        assert_eq!(refused.body["statusCode"], 401);
        assert!(refused.body["message"].as_str().unwrap().contains("invalid subscription key"));
        assert!(refused.header("www-authenticate").contains("Ocp-Apim-Subscription-Key"));
    }
}

#[tokio::test]
async fn a_server_may_demand_the_subscription_key_of_all_but_send_message() {
    let app = TestApp::with(|config| config.require_subscription_key = true).await;
    let room = app.sandbox_room().await;
    assert_eq!(app.send(&room, "Hi").await.status, 201, "the original page of send-message names no key");
    let refused = app.post(ENQUIRY, json!({})).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["statusCode"], 401);
    assert!(refused.body["message"].as_str().unwrap().contains("missing subscription key"));
    let headers = [("ocp-apim-subscription-key", app.client.subscription_key.as_str())];
    assert_eq!(app.request(Method::POST, ENQUIRY, &headers, Some(json!({}))).await.status, 200);
    let refused = app.form(TOKEN, &credentials(&app.client)).await;
    assert_eq!((refused.status, refused.body["statusCode"].as_i64()), (401, Some(401)));
}

#[tokio::test]
async fn a_client_that_calls_too_often_is_told_when_to_come_back() {
    let app = TestApp::with(|config| config.rate_limit = 2).await;
    let other = app.tenant(COMPANY, &["chat:read"]).await;
    for remaining in ["3", "2", "1", "0"] {
        let answered = app.post(ENQUIRY, json!({})).await;
        assert_eq!(answered.status, 200);
        assert_eq!(answered.header("ratelimit-limit"), "4");
        assert_eq!(answered.header("ratelimit-remaining"), remaining);
        assert_eq!(answered.header("ratelimit-policy"), "\"client\";q=4;w=2");
    }
    let refused = app.post(ENQUIRY, json!({})).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.errors(), [("rate_limited", "")]);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let answered = app.request_as(&other.token, Method::POST, ENQUIRY, Some(json!({}))).await;
    assert_eq!(answered.status, 200, "each client has a rate of its own");
    app.advance(Duration::from_millis(500));
    assert_eq!(app.post(ENQUIRY, json!({})).await.status, 200);
    assert_eq!(app.post(ENQUIRY, json!({})).await.status, 429);
    app.advance(Duration::from_secs(2));
    assert_eq!(app.post(ENQUIRY, json!({})).await.header("ratelimit-remaining"), "3");
}

#[tokio::test]
async fn a_clock_that_is_set_locks_nobody_out() {
    const HOURS: i64 = 2 * 3600 * 1000;
    let app = TestApp::with(|config| config.rate_limit = 2).await;
    assert_eq!(app.post(ENQUIRY, json!({})).await.header("ratelimit-remaining"), "3");
    for by in [-HOURS, HOURS, -HOURS] {
        app.app.clock.set(app.app.now() + by);
        app.advance(Duration::from_millis(500));
        // A token of the hour before may have ended; the rate has not.
        let token = app.token_for(&app.client).await;
        let answered = app.request_as(&token, Method::POST, ENQUIRY, Some(json!({}))).await;
        assert_eq!((answered.status, answered.header("ratelimit-remaining")), (200, "3"), "{by}: {answered:?}");
    }
    for number in 0..11 {
        let tried = from(&app, "203.0.113.5:4000", &[], guess(&app)).await;
        assert_eq!(tried.status, if number < 10 { 400 } else { 429 });
    }
    app.app.clock.set(app.app.now() - HOURS);
    assert_eq!(from(&app, "203.0.113.5:4000", &[], guess(&app)).await.header("retry-after"), "5");
}

/// A token request over a connection from this address, with more headers.
async fn from(app: &TestApp, address: &str, headers: &[(&str, &str)], form: String) -> Answer {
    let address: SocketAddr = address.parse().unwrap();
    let mut request = Request::post(TOKEN)
        .header("content-type", "application/x-www-form-urlencoded")
        .extension(ConnectInfo(address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.call(request.body(Body::from(form)).unwrap()).await
}

fn guess(app: &TestApp) -> String {
    format!("grant_type=client_credentials&client_id={}&client_secret=guess", app.client.client_id)
}

#[tokio::test]
async fn guessing_secrets_is_slowed_for_each_client_and_address() {
    let app = TestApp::new().await;
    let (here, there) = ("203.0.113.5:4000", "203.0.113.6:4000");
    for _ in 0..10 {
        assert_eq!(from(&app, here, &[], guess(&app)).await.status, 400);
    }
    for _ in 0..3 {
        let slowed = from(&app, here, &[], guess(&app)).await;
        assert_eq!(slowed.status, 429);
        assert_eq!(slowed.body["error"], "slow_down");
        assert_eq!(slowed.header("retry-after"), "5");
        assert_eq!(slowed.header("cache-control"), "no-store");
        let right = from(&app, here, &[], credentials(&app.client)).await;
        assert_eq!(right.status, 200, "who has the secret is never kept out by those who guess it");
    }
    assert_eq!(from(&app, there, &[], guess(&app)).await.status, 400, "another address is not slowed");
    app.advance(Duration::from_secs(5));
    assert_eq!(from(&app, here, &[], guess(&app)).await.status, 400);
    assert_eq!(from(&app, here, &[], guess(&app)).await.status, 429);
}

#[tokio::test]
async fn guessing_for_many_clients_is_slowed_too() {
    let app = TestApp::new().await;
    let here = "[2001:db8::1]:4000";
    for number in 0..100 {
        let form = format!("grant_type=client_credentials&client_id=507-{number}&client_secret=guess");
        assert_eq!(from(&app, here, &[], form).await.status, 400);
    }
    assert_eq!(from(&app, here, &[], guess(&app)).await.status, 429);
    let beside = "[2001:db8::ffff:2]:4000";
    assert_eq!(from(&app, beside, &[], guess(&app)).await.status, 429, "addresses of one line are one caller");
    assert_eq!(from(&app, beside, &[], credentials(&app.client)).await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_caller_has_an_address() {
    let app = TestApp::with(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let (proxy, stranger) = ("10.0.0.1:4000", "203.0.113.1:4000");
    for (name, hops) in
        [("X-Forwarded-For", ["198.51.100.1", "198.51.100.2"]), ("Forwarded", ["for=198.51.100.3", "for=198.51.100.4"])]
    {
        for _ in 0..10 {
            assert_eq!(from(&app, proxy, &[(name, hops[0])], guess(&app)).await.status, 400);
        }
        assert_eq!(from(&app, proxy, &[(name, hops[0])], guess(&app)).await.status, 429);
        assert_eq!(from(&app, proxy, &[(name, hops[1])], guess(&app)).await.status, 400, "{name}");
    }
    // Whoever is no proxy has the address of its connection, whatever it says.
    for number in 0..10 {
        let hop = format!("198.51.100.{number}");
        assert_eq!(from(&app, stranger, &[("X-Forwarded-For", &hop)], guess(&app)).await.status, 400);
    }
    assert_eq!(from(&app, stranger, &[("X-Forwarded-For", "198.51.100.99")], guess(&app)).await.status, 429);
}

//! What administrators enter: who may, what is checked, and what is said of a provider that fails.

use std::process::Command;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::idp::{CLIENT, Idp, SECRET};
use super::{Sso, browse, enter, led, second_factor};
use crate::app::{COMPANY, PASSWORD, TestApp, answer};

#[tokio::test]
async fn a_provider_is_entered_changed_and_taken_away() {
    let sso = Sso::new().await;
    let path = format!("/v1/console/sso/{}", sso.id);
    let read = sso.app.get(&path).await;
    let provider = read.data();
    assert_eq!((&provider["issuer"], &provider["clientId"]), (&json!(sso.idp.url), &json!(CLIENT)));
    assert_eq!(
        (&provider["hasSecret"], &provider["joinRole"], &provider["domains"]),
        (&json!(true), &Value::Null, &json!([]))
    );
    let redirect = provider["redirectUri"].as_str().unwrap();
    assert!(redirect.ends_with(&format!("/v1/auth/oidc/{}/callback", sso.id)), "{redirect}");
    sso.change(json!({"joinRoleId": "Agent", "domains": ["example.com", "EXAMPLE.com"], "nameEn": null})).await;
    let stale =
        sso.app.request(Method::PATCH, &path, &[("if-match", read.header("etag"))], Some(json!({"name": "x"}))).await;
    assert_eq!(stale.status, 412);
    let listed = sso.app.get("/v1/console/sso").await;
    let row = &listed.data()["value"][0];
    assert_eq!(
        (&row["joinRole"]["nameEn"], &row["domains"], &row["nameEn"]),
        (&json!("Agent"), &json!(["example.com"]), &Value::Null)
    );
    let columns = crate::scan::columns(&sso.app).await;
    assert_eq!(crate::scan::places(&sso.app, &columns, SECRET).await, Vec::<String>::new(), "the secret is sealed");
    for answer in [&read, &listed, &sso.app.get(&format!("/v1/audit?ref=sso/{}", sso.id)).await] {
        assert!(!answer.text.contains(SECRET), "{answer:?}");
    }

    // A secret that is known to one provider is not told to another.
    let moved = sso.app.request(Method::PATCH, &path, &[], Some(json!({"issuer": "https://id.example.com"}))).await;
    assert_eq!(moved.errors(), [("required", "secret")]);
    sso.change(json!({"issuer": "https://id.example.com", "secret": null})).await;
    assert_eq!(sso.app.get(&path).await.data()["hasSecret"], false);
    assert_eq!(sso.app.request(Method::DELETE, &path, &[], None).await.status, 200);
    assert_eq!(sso.app.get(&path).await.status, 404);
    assert!(led(&browse(&sso.app, &sso.start(), "").await).to.starts_with("/console/?sso=provider"));
    let acts = sso.app.get(&format!("/v1/audit?ref=sso/{}", sso.id)).await;
    let acts: Vec<&Value> = acts.data()["value"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(acts, ["deleted", "updated", "updated", "created"]);
}

#[tokio::test]
async fn every_fault_is_named() {
    let app = TestApp::new().await;
    let refused = app
        .post("/v1/console/sso", json!({"issuer": "http://id.example.com", "domains": ["example", "a b.com"]}))
        .await;
    let named = refused.errors();
    for fault in
        [("required", "name"), ("invalid_url", "issuer"), ("required", "clientId"), ("invalid_format", "domains")]
    {
        assert!(named.contains(&fault), "{fault:?}: {named:?}");
    }
    for issuer in
        ["https://127.0.0.1/", "https://10.0.0.7/", "https://[::1]/", "https://me:pw@id.example.com", "id.example.com"]
    {
        let body = json!({"name": "x", "clientId": "x", "issuer": issuer});
        assert_eq!(app.post("/v1/console/sso", body).await.errors(), [("invalid_url", "issuer")], "{issuer}");
    }
    let body = json!({"name": "x", "clientId": "x", "issuer": "https://id.example.com", "joinRoleId": "Nobody"});
    assert_eq!(app.post("/v1/console/sso", body).await.errors(), [("invalid_value", "joinRoleId")]);
    let body = json!({"name": "x", "clientId": "x", "issuer": "https://id.example.com"});
    for _ in 0..10 {
        assert_eq!(app.post("/v1/console/sso", body.clone()).await.status, 201);
    }
    assert_eq!(app.post("/v1/console/sso", body).await.errors(), [("conflict", "")]);
}

#[tokio::test]
async fn only_who_may_do_everything_says_which_provider_is_believed() {
    let app = TestApp::with(|config| config.allow_private_sso = true).await;
    let idp = Idp::start().await;
    let id = enter(&app, &app.token, &idp, json!({})).await;
    let some = app.tenant(COMPANY, &["user:read", "user:write"]).await;
    let body = json!({"name": "x", "clientId": "x", "issuer": idp.url});
    for (method, path) in [
        (Method::POST, "/v1/console/sso".to_owned()),
        (Method::PATCH, format!("/v1/console/sso/{id}")),
        (Method::DELETE, format!("/v1/console/sso/{id}")),
        (Method::POST, format!("/v1/console/sso/{id}/check")),
    ] {
        let refused = app.request_as(&some.token, method.clone(), &path, Some(body.clone())).await;
        assert_eq!((refused.status, refused.errors()), (403, vec![("missing_scope", "")]), "{method} {path}");
    }
    assert_eq!(app.request_as(&some.token, Method::GET, "/v1/console/sso", None).await.status, 200);
}

#[tokio::test]
async fn a_check_says_what_is_wrong_with_a_provider() {
    let sso = Sso::new().await;
    let check = async || {
        let checked = sso.app.post(&format!("/v1/console/sso/{}/check", sso.id), json!({})).await;
        checked.data().clone()
    };
    assert_eq!(check().await, json!({"isGood": true, "problem": null, "code": null}));
    let large = "x".repeat(300 * 1024);
    let wrong = [
        ("issuer", json!({"issuer": "https://id.example.com"})),
        ("missing", json!({"token_endpoint": null})),
        ("address", json!({"jwks_uri": "ftp://id.example.com/keys"})),
        ("algorithm", json!({"id_token_signing_alg_values_supported": ["HS256"]})),
        ("flow", json!({"response_types_supported": ["id_token"]})),
        ("status", json!({"jwks_uri": format!("{}/gone", sso.idp.url)})),
        // Nothing listens on that port.
        ("unreachable", json!({"jwks_uri": "http://127.0.0.1:1/"})),
        ("too_large", json!({"more": large})),
    ];
    for (code, discovery) in wrong {
        sso.idp.play().discovery = discovery;
        let said = check().await;
        assert_eq!((&said["isGood"], &said["code"]), (&json!(false), &json!(code)), "{said}");
    }
    sso.idp.play().discovery = json!({});
    assert_eq!(check().await["isGood"], true, "it is asked anew");
}

#[tokio::test]
async fn private_addresses_are_not_called_unless_the_operator_allows_it() {
    let app = TestApp::new().await;
    let idp = Idp::start().await;
    // The name is a public one for all that its words say; what counts is where it leads.
    let issuer = idp.url.replace("http://127.0.0.1", "https://localhost");
    let made = app.post("/v1/console/sso", json!({"name": "x", "clientId": "x", "issuer": issuer})).await;
    let id = made.data()["id"].as_str().unwrap();
    let said = app.post(&format!("/v1/console/sso/{id}/check"), json!({})).await;
    assert_eq!(said.data()["code"], "unreachable");
    assert!(said.data()["problem"].as_str().unwrap().contains("private address"), "{said:?}");
    let begun = led(&browse(&app, &format!("/v1/auth/oidc/{id}/start"), "").await);
    assert!(begun.to.starts_with("/console/?sso=provider"), "{}", begun.to);
    assert_eq!(idp.calls("/.well-known/openid-configuration"), 0);
}

#[tokio::test]
async fn another_key_opens_the_clients_secret_and_second_factors() {
    let mut sso = Sso::new().await;
    let person = sso.app.signed_in("Agent", "mali@example.com").await;
    let code = second_factor(&sso.app, &person).await;
    let new = sala::vault::new_key().unwrap();
    let rotated = Command::new(env!("CARGO_BIN_EXE_sala"))
        .args(["key", "rotate"])
        .env("SALA_DATABASE", &sso.app.database.url)
        .env("SALA_SECRET_KEY", format!("{new},{}", sso.app.key))
        .output()
        .unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    sso.app.key = new;
    let (app, node) = sso.app.second_node().await;
    let browse = async |path: &str, cookie: &str| {
        let request = Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap();
        led(&answer(&node, request).await)
    };
    let begun = browse(&sso.start(), "").await;
    let back = sso.idp.approve(&begun.to, app.now(), &json!({}));
    assert!(browse(&back, &begun.way).await.session.is_some());
    let post = async |path: &str, body: Value| {
        let request = Request::post(path).header("content-type", "application/json");
        answer(&node, request.body(Body::from(body.to_string())).unwrap()).await
    };
    app.clock.advance(Duration::from_secs(60));
    let asked = post("/v1/auth/sessions", json!({"email": "mali@example.com", "password": PASSWORD})).await;
    let body = json!({"challenge": asked.data()["challenge"], "code": code(app.now())});
    assert_eq!(post("/v1/auth/sessions/totp", body).await.data()["step"], "done");
}

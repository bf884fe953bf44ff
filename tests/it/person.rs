//! People: invitations, signing in and out, second factors, and what administrators may do.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::app::{Answer, COMPANY, PASSWORD, Session, TestApp, cookie_of};

async fn plain(app: &TestApp, path: &str, body: Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    app.call(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    plain(app, "/v1/auth/sessions", json!({"email": email, "password": password})).await
}

fn session(answer: &Answer) -> Session {
    let id = answer.data()["me"]["user"]["id"].as_str().unwrap().to_owned();
    Session { cookie: cookie_of(answer), id }
}

async fn me(app: &TestApp, session: &Session) -> Answer {
    app.as_person(session, Method::GET, "/v1/auth/me", None).await
}

#[tokio::test]
async fn who_is_signed_in_hears_what_the_server_is_set_up_for() {
    for (is_set_up, program) in [(false, "/nowhere/sala-render"), (true, env!("CARGO_BIN_EXE_sala"))] {
        let app = TestApp::with(|config| {
            config.render = Some(program.into());
            if is_set_up {
                config.smtp.host = Some("127.0.0.1".to_owned());
                config.smtp.security = sala::config::SmtpSecurity::None;
                config.smtp.from = Some("Sala <sala@example.com>".to_owned());
            }
        })
        .await;
        let person = app.signed_in("Agent", "nok@example.com").await;
        let said = me(&app, &person).await;
        assert_eq!(said.data()["features"], json!({"documents": is_set_up, "mail": is_set_up}), "{said:?}");
    }
}

#[tokio::test]
async fn an_invited_person_sets_a_password_and_signs_in_and_out() {
    let app = TestApp::new().await;
    let invitation = json!({"email": "Nok@Example.com", "firstname": "Nok", "lastname": "Jaidee", "roleId": "Agent"});
    let invited = app.post("/v1/console/users", invitation.clone()).await;
    assert_eq!((invited.status, &invited.data()["user"]["state"]), (201, &json!("invited")));
    assert_eq!(app.post("/v1/console/users", invitation).await.errors(), [("taken", "email")]);
    let (_, token) = invited.data()["link"]["url"].as_str().unwrap().rsplit_once('/').unwrap();
    let path = format!("/v1/auth/links/{token}");
    let link = app.call(Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((&link.data()["purpose"], &link.data()["name"]), (&json!("invite"), &json!("Nok Jaidee")));
    for weak in ["short", "password123", "nok"] {
        assert_eq!(plain(&app, &path, json!({"password": weak})).await.errors(), [("weak_password", "password")]);
    }
    let set = plain(&app, &path, json!({"password": PASSWORD})).await;
    assert_eq!((set.status, &set.data()["step"]), (201, &json!("done")));
    assert_eq!(plain(&app, &path, json!({"password": PASSWORD})).await.status, 404, "a link is good once");

    let again = sign_in(&app, " nok@example.COM ", PASSWORD).await;
    assert_eq!(again.status, 201, "{again:?}");
    let cookie = again.header("set-cookie");
    assert!(cookie.starts_with(&format!("sala={COMPANY}_")), "{cookie}");
    assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax;") && !cookie.contains("Secure"), "{cookie}");
    let (first, second) = (session(&set), session(&again));
    assert_ne!(first.cookie, second.cookie, "each sign-in has a token of its own");
    let said = me(&app, &second).await;
    assert_eq!(said.data()["user"]["email"], "Nok@Example.com");
    assert_eq!((&said.data()["range"], &said.data()["user"]["role"]["nameEn"]), (&json!("own"), &json!("Agent")));
    let own = app.as_person(&second, Method::GET, "/v1/auth/sessions", None).await;
    assert_eq!(own.data()["value"].as_array().unwrap().len(), 2);

    let out = app.as_person(&second, Method::DELETE, "/v1/auth/sessions/current", None).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    assert_eq!(me(&app, &second).await.status, 401);
    assert_eq!(me(&app, &first).await.status, 200);
    assert_eq!(app.as_person(&first, Method::DELETE, "/v1/auth/sessions", None).await.status, 200);
    assert_eq!(me(&app, &first).await.status, 401);
    let audit = app.get(&format!("/v1/audit?ref=user/{}", said.data()["user"]["staffCode"].as_str().unwrap())).await;
    let actions: Vec<&str> =
        audit.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["signed_in", "signed_in", "password_set", "created"]);
}

#[tokio::test]
async fn wrong_passwords_say_nothing_and_run_out() {
    let app = TestApp::new().await;
    app.signed_in("Agent", "nok@example.com").await;
    let (wrong, unknown) =
        (sign_in(&app, "nok@example.com", "not the password").await, sign_in(&app, "who@example.com", PASSWORD).await);
    assert_eq!((wrong.status, wrong.errors()), (400, vec![("invalid_credentials", "password")]));
    assert_eq!(wrong.body["errors"], unknown.body["errors"]);
    for _ in 0..9 {
        sign_in(&app, "nok@example.com", "not the password").await;
    }
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.status, 429);
    app.advance(Duration::from_secs(60));
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_after_a_month() {
    let app = TestApp::new().await;
    let person = app.signed_in("Agent", "nok@example.com").await;
    for _ in 0..3 {
        app.advance(Duration::from_secs(11 * 3600));
        assert_eq!(me(&app, &person).await.status, 200);
    }
    app.advance(Duration::from_secs(13 * 3600));
    assert_eq!(me(&app, &person).await.status, 401);
    let person = session(&sign_in(&app, "nok@example.com", PASSWORD).await);
    for _ in 0..65 {
        app.advance(Duration::from_secs(11 * 3600));
        me(&app, &person).await;
    }
    app.advance(Duration::from_secs(6 * 3600));
    assert_eq!(me(&app, &person).await.status, 401, "thirty days are over");
    app.run_jobs().await;
}

#[tokio::test]
async fn over_https_the_browser_itself_guards_the_cookie() {
    let app = TestApp::with(|config| config.public_url = Some("https://sala.example".to_owned())).await;
    app.signed_in("Agent", "nok@example.com").await;
    let cookie = sign_in(&app, "nok@example.com", PASSWORD).await.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-sala=") && cookie.ends_with("; Secure"), "{cookie}");
    // A neighbour's page could set the plain name.
    let plain = Session { cookie: cookie.split(';').next().unwrap().replace("__Host-", ""), id: String::new() };
    assert_eq!(me(&app, &plain).await.status, 401);
}

/// What an authenticator shows at this time.
pub fn code(secret: &str, at: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate(u64::try_from(at / 1000).unwrap()).to_string()
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_no_code_is_good_twice() {
    let app = TestApp::new().await;
    let person = app.signed_in("Agent", "nok@example.com").await;
    let other = session(&sign_in(&app, "nok@example.com", PASSWORD).await);
    let again = Some(json!({"password": PASSWORD}));
    let wrong = Some(json!({"password": "not the password"}));
    let refused = app.as_person(&person, Method::POST, "/v1/auth/totp", wrong).await;
    assert_eq!(refused.errors(), [("invalid_credentials", "password")]);
    let begun = app.as_person(&person, Method::POST, "/v1/auth/totp", again.clone()).await;
    let secret = begun.data()["secret"].as_str().unwrap().to_owned();
    assert!(begun.data()["qr"].as_str().unwrap().contains("<svg"));
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.data()["step"], "done", "nothing is asked for yet");
    let first = json!({"code": code(&secret, app.app.now())});
    let codes = app.as_person(&person, Method::POST, "/v1/auth/totp/confirm", Some(first.clone())).await;
    let recovery: Vec<String> = serde_json::from_value(codes.data()["recoveryCodes"].clone()).unwrap();
    assert_eq!(recovery.len(), 10);
    assert_eq!(me(&app, &other).await.status, 401, "other sessions end");

    let asked = sign_in(&app, "nok@example.com", PASSWORD).await;
    assert_eq!((asked.status, &asked.data()["step"]), (200, &json!("totp")));
    assert!(asked.header("set-cookie").is_empty());
    let challenge = asked.data()["challenge"].as_str().unwrap().to_owned();
    let answer =
        async |code: &str| plain(&app, "/v1/auth/sessions/totp", json!({"challenge": challenge, "code": code})).await;
    assert_eq!(answer(first["code"].as_str().unwrap()).await.errors(), [("invalid_code", "code")], "used before");
    app.advance(Duration::from_secs(30));
    let next = code(&secret, app.app.now());
    let done = answer(&next).await;
    assert_eq!(done.status, 201, "{done:?}");
    assert_eq!(answer(&next).await.errors(), [("challenge_ended", "challenge")]);

    let by_recovery = async |code: &str| {
        let asked = sign_in(&app, "nok@example.com", PASSWORD).await;
        let challenge = asked.data()["challenge"].clone();
        plain(&app, "/v1/auth/sessions/totp", json!({"challenge": challenge, "code": code})).await.status
    };
    assert_eq!(by_recovery(&recovery[0].to_uppercase()).await, 201);
    assert_eq!(by_recovery(&recovery[0]).await, 400, "each is good once");
    let asked = sign_in(&app, "nok@example.com", PASSWORD).await;
    let challenge = asked.data()["challenge"].clone();
    for _ in 0..5 {
        plain(&app, "/v1/auth/sessions/totp", json!({"challenge": challenge, "code": "000000"})).await;
    }
    let over = plain(&app, "/v1/auth/sessions/totp", json!({"challenge": challenge, "code": recovery[1]})).await;
    assert_eq!(over.errors(), [("challenge_ended", "challenge")]);
    let person = session(&done);
    assert_eq!(app.as_person(&person, Method::DELETE, "/v1/auth/totp", again).await.status, 200);
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.data()["step"], "done");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let app = TestApp::new().await;
    let person = app.signed_in("Agent", "nok@example.com").await;
    let other = session(&sign_in(&app, "nok@example.com", PASSWORD).await);
    let change = |current: &str| Some(json!({"current": current, "new": "another fine pass"}));
    let wrong = app.as_person(&person, Method::POST, "/v1/auth/password", change("wrong wrong")).await;
    assert_eq!(wrong.errors(), [("invalid_credentials", "current")]);
    let changed = app.as_person(&person, Method::POST, "/v1/auth/password", change(PASSWORD)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!((me(&app, &other).await.status, me(&app, &person).await.status), (401, 401));
    let fresh = Session { cookie: cookie_of(&changed), id: String::new() };
    assert_eq!(me(&app, &fresh).await.status, 200);
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.status, 400);
}

#[tokio::test]
async fn who_is_shut_out_is_so_everywhere_and_somebody_is_left() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let agent = app.signed_in("Agent", "nok@example.com").await;
    let path = format!("/v1/console/users/{}", agent.id);
    let own = format!("/v1/console/users/{}", owner.id);
    let out = Some(json!({"isActive": false}));
    let last = app.as_person(&owner, Method::PATCH, &own, out.clone()).await;
    assert_eq!((last.status, last.errors()), (409, vec![("conflict", "")]));
    assert_eq!(app.as_person(&agent, Method::PATCH, &own, out.clone()).await.status, 403);
    let done = app.as_person(&owner, Method::PATCH, &path, out).await;
    assert_eq!(done.data()["state"], "disabled", "{done:?}");
    assert_eq!(me(&app, &agent).await.status, 401);
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.status, 400);
    let back =
        app.as_person(&owner, Method::PATCH, &path, Some(json!({"isActive": true, "roleId": "Supervisor"}))).await;
    assert_eq!((&back.data()["state"], &back.data()["range"]), (&json!("active"), &json!("team")));
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let app = TestApp::new().await;
    let limited = app.tenant(COMPANY, &["user:read", "user:write", "chat:read"]).await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let invitation = json!({"email": "x@example.com", "firstname": "X", "lastname": "Y", "roleId": "Owner"});
    let refused = app.request_as(&limited.token, Method::POST, "/v1/console/users", Some(invitation)).await;
    assert_eq!((refused.status, refused.errors()), (403, vec![("missing_scope", "")]));
    let path = format!("/v1/console/users/{}/link", owner.id);
    assert_eq!(app.request_as(&limited.token, Method::POST, &path, None).await.status, 403);
}

#[tokio::test]
async fn the_same_name_in_two_companies_chooses_one() {
    let app = TestApp::new().await;
    app.signed_in("Agent", "nok@example.com").await;
    let scopes: Vec<&str> = app.client.scopes.iter().map(String::as_str).collect();
    let other = app.tenant(508, &scopes).await;
    let invitation = json!({"email": "nok@example.com", "firstname": "Nok", "lastname": "Jaidee", "roleId": "Agent"});
    let invited = app.request_as(&other.token, Method::POST, "/v1/console/users", Some(invitation)).await;
    let (_, token) = invited.data()["link"]["url"].as_str().unwrap().rsplit_once('/').unwrap();
    plain(&app, &format!("/v1/auth/links/{token}"), json!({"password": PASSWORD})).await;
    let asked = sign_in(&app, "nok@example.com", PASSWORD).await;
    let ids: Vec<i64> =
        asked.data()["companies"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
    assert_eq!((asked.status, ids), (200, vec![507, 508]));
    let body = json!({"email": "nok@example.com", "password": PASSWORD, "companyId": 508});
    let chosen = session(&plain(&app, "/v1/auth/sessions", body).await);
    assert_eq!(me(&app, &chosen).await.data()["company"]["id"], 508);
}

#[tokio::test]
async fn the_command_line_lets_people_in_and_shuts_them_out() {
    let app = TestApp::new().await;
    let run = |args: &[&str]| {
        let done = crate::transfer::sala(&app.database, &app.key, args);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let made =
        run(&["user", "create", "--company", "507", "--email", "nok@example.com", "--firstname", "Nok", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let (_, token) = made["link"].as_str().unwrap().rsplit_once('/').unwrap();
    let set = plain(&app, &format!("/v1/auth/links/{token}"), json!({"password": PASSWORD})).await;
    assert_eq!(set.data()["me"]["user"]["role"]["nameEn"], "Owner", "{set:?}");
    assert!(run(&["user", "list", "--company", "507"]).contains("email=nok@example.com"));
    let link = run(&["user", "reset", "--company", "507", "nok@example.com"]);
    let (_, token) = link.trim().rsplit_once('/').unwrap();
    let link = app.call(Request::get(format!("/v1/auth/links/{token}")).body(Body::empty()).unwrap()).await;
    assert_eq!(link.data()["purpose"], "reset");
    run(&["user", "disable", "--company", "507", "nok@example.com"]);
    assert_eq!(sign_in(&app, "nok@example.com", PASSWORD).await.status, 400);
}

#[tokio::test]
async fn a_password_that_is_changed_at_the_same_moment_lets_nobody_in() {
    let app = TestApp::new().await;
    let person = app.signed_in("Agent", "nok@example.com").await;
    let change = Some(json!({"current": PASSWORD, "new": "another fine pass"}));
    let change = app.as_person(&person, Method::POST, "/v1/auth/password", change);
    let old = || sign_in(&app, "nok@example.com", PASSWORD);
    let (changed, one, two, three) = tokio::join!(change, old(), old(), old());
    assert_eq!(changed.status, 200, "{changed:?}");
    for answer in [one, two, three] {
        // Whoever came before the change is signed out by it; whoever came after it was not let in.
        match answer.status {
            201 => assert_eq!(me(&app, &session(&answer)).await.status, 401),
            _ => assert_eq!(answer.errors(), [("invalid_credentials", "password")]),
        }
    }
}

//! Single sign-on: who gets in by an identity provider, who does not, and what administrators may enter.

mod idp;
mod manage;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use self::idp::{CLIENT, Idp, SECRET, Sign};
use crate::app::{Answer, COMPANY, PASSWORD, Session, TestApp};

/// A server, a provider, a person whom it knows, and a browser.
struct Sso {
    app: TestApp,
    idp: Idp,
    /// The provider's id here.
    id: String,
}

/// An answer that leads on: where to, and the session's and the sign-in's cookie as a browser keeps them.
struct Led {
    to: String,
    session: Option<Session>,
    way: String,
}

fn led(answer: &Answer) -> Led {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let cookies: Vec<&str> =
        answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    let value = |name: &str| {
        let found = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}=")));
        found.map(|cookie| cookie.split(';').next().unwrap().to_owned()).filter(|cookie| !cookie.ends_with('='))
    };
    let session = value("sala").map(|cookie| Session { cookie, id: String::new() });
    Led { to: answer.header("location").to_owned(), session, way: value("sala-sso").unwrap_or_default() }
}

async fn browse(app: &TestApp, path: &str, cookie: &str) -> Answer {
    // As it comes back from another site: only what is Lax comes along.
    let request = Request::get(path).header("cookie", cookie).header("sec-fetch-site", "cross-site");
    app.call(request.body(Body::empty()).unwrap()).await
}

impl Sso {
    async fn new() -> Sso {
        Sso::with(json!({})).await
    }

    /// With other settings of the provider.
    async fn with(settings: Value) -> Sso {
        let app = TestApp::with(|config| config.allow_private_sso = true).await;
        let idp = Idp::start().await;
        let id = enter(&app, &app.token, &idp, settings).await;
        app.signed_in("Agent", "nok@example.com").await;
        Sso { app, idp, id }
    }

    fn start(&self) -> String {
        format!("/v1/auth/oidc/{}/start", self.id)
    }

    /// Somebody goes to the provider, says these things there, and comes back.
    async fn sign_in(&self, claims: Value) -> Led {
        let begun = led(&browse(&self.app, &self.start(), "").await);
        let back = self.idp.approve(&begun.to, self.app.app.now(), &claims);
        led(&browse(&self.app, &back, &begun.way).await)
    }

    /// The same of somebody who does not get in: the reason.
    async fn refused(&self, claims: Value) -> String {
        reason(&self.sign_in(claims).await)
    }

    /// The e-mail of whoever is signed in.
    async fn email(&self, led: &Led) -> Value {
        let session = led.session.as_ref().unwrap_or_else(|| panic!("nobody is signed in: {}", led.to));
        let me = self.app.as_person(session, Method::GET, "/v1/auth/me", None).await;
        me.data()["user"]["email"].clone()
    }

    /// Changes the provider.
    async fn change(&self, body: Value) {
        let changed = self.app.request(Method::PATCH, &format!("/v1/console/sso/{}", self.id), &[], Some(body)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
}

fn reason(led: &Led) -> String {
    assert!(led.session.is_none(), "somebody was signed in");
    let rest = led.to.strip_prefix("/console/?sso=").unwrap_or_else(|| panic!("not to the sign-in page: {}", led.to));
    let (reason, company) = rest.split_once("&company=").unwrap();
    assert_eq!(company, COMPANY.to_string());
    reason.to_owned()
}

/// Enters a provider.
async fn enter(app: &TestApp, token: &str, idp: &Idp, settings: Value) -> String {
    let mut body = json!({
        "name": "เข้าสู่ระบบด้วยบัญชีบริษัท", "nameEn": "Company account", "issuer": idp.url, "clientId": CLIENT, "secret": SECRET,
    });
    for (name, value) in settings.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = app.request_as(token, Method::POST, "/v1/console/sso", Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.data()["id"].as_str().unwrap().to_owned()
}

async fn password(app: &TestApp, email: &str) -> Answer {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let request = Request::post("/v1/auth/sessions").header("content-type", "application/json");
    app.call(request.body(Body::from(body)).unwrap()).await
}

/// Gives a person a second factor; answers the code of a time.
async fn second_factor(app: &TestApp, person: &Session) -> impl Fn(i64) -> String + use<> {
    let again = Some(json!({"password": PASSWORD}));
    let begun = app.as_person(person, Method::POST, "/v1/auth/totp", again).await;
    let secret = totp_rs::Secret::try_from_base32(begun.data()["secret"].as_str().unwrap()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let code = move |at: i64| totp.generate(u64::try_from(at / 1000).unwrap()).to_string();
    let first = Some(json!({"code": code(app.app.now())}));
    assert_eq!(app.as_person(person, Method::POST, "/v1/auth/totp/confirm", first).await.status, 200);
    code
}

#[tokio::test]
async fn a_person_whom_the_provider_knows_is_signed_in() {
    let sso = Sso::new().await;
    let offered = browse(&sso.app, "/v1/auth/oidc", "").await;
    assert_eq!(
        offered.data()["value"],
        json!([{"id": sso.id, "name": "เข้าสู่ระบบด้วยบัญชีบริษัท", "nameEn": "Company account"}])
    );
    assert_eq!((&offered.data()["companyId"], &offered.data()["ssoOnly"]), (&json!(COMPANY), &json!(false)));

    let begun = browse(&sso.app, &format!("{}?path=/console/customers%3Fq=a", sso.start()), "").await;
    let cookie = begun.header("set-cookie");
    assert!(
        cookie.starts_with("sala-sso=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    assert_eq!(begun.header("referrer-policy"), "no-referrer");
    let begun = led(&begun);
    assert!(!begun.to.contains(SECRET), "{}", begun.to);
    let back = sso.idp.approve(&begun.to, sso.app.app.now(), &json!({"email": "NOK@example.com"}));
    let ended = led(&browse(&sso.app, &back, &begun.way).await);
    assert_eq!((ended.to.as_str(), ended.way.as_str()), ("/console/customers?q=a", ""));
    assert_eq!(sso.email(&ended).await, "nok@example.com");
    // What the person is called at the provider stays; the e-mail may change there.
    for claims in [json!({"email": "new@example.com"}), json!({"email": null, "email_verified": null})] {
        let again = sso.sign_in(claims).await;
        assert_eq!((again.to.as_str(), sso.email(&again).await), ("/console/", json!("nok@example.com")));
    }
    let me = sso.app.as_person(ended.session.as_ref().unwrap(), Method::GET, "/v1/auth/me", None).await;
    let audit = format!("/v1/audit?ref=user/{}", me.data()["user"]["staffCode"].as_str().unwrap());
    let audit = sso.app.get(&audit).await;
    let acts: Vec<&Value> =
        audit.data()["value"].as_array().unwrap().iter().map(|entry| &entry["action"]).take(4).collect();
    assert_eq!(acts, ["signed_in", "signed_in", "signed_in", "identity_linked"]);
    assert!(audit.text.contains("\"sso\""), "how they came in is written down");
    assert_eq!(sso.idp.calls("/.well-known/openid-configuration"), 1, "what the provider says of itself is kept");
    assert_eq!(sso.idp.calls("/keys"), 1);
}

#[tokio::test]
async fn the_second_factor_is_the_providers_matter() {
    let sso = Sso::new().await;
    let person = sso.app.signed_in("Agent", "mali@example.com").await;
    drop(second_factor(&sso.app, &person).await);
    assert_eq!(password(&sso.app, "mali@example.com").await.data()["step"], "totp");
    let ended = sso.sign_in(json!({"sub": "mali", "email": "mali@example.com"})).await;
    assert_eq!(sso.email(&ended).await, "mali@example.com");
}

#[tokio::test]
async fn a_token_that_is_not_for_this_sign_in_is_not_believed() {
    let sso = Sso::new().await;
    let now = sso.app.app.now() / 1000;
    let wrong = [
        ("nonce", json!({"nonce": "another"})),
        ("no nonce", json!({"nonce": null})),
        ("issuer", json!({"iss": "https://id.example.com"})),
        ("issuer with a slash", json!({"iss": format!("{}/", sso.idp.url)})),
        ("audience", json!({"aud": "another"})),
        ("no audience", json!({"aud": null})),
        ("several, and not said for whom", json!({"aud": [CLIENT, "another"]})),
        ("party", json!({"aud": [CLIENT, "another"], "azp": "another"})),
        ("party of one", json!({"azp": "another"})),
        ("over", json!({"exp": now - 200})),
        ("no end", json!({"exp": null})),
        ("made in the future", json!({"iat": now + 600})),
        ("made long ago", json!({"iat": now - 7200})),
        ("not yet", json!({"nbf": now + 600})),
        ("nobody", json!({"sub": null})),
        ("an empty name", json!({"sub": ""})),
        ("a number", json!({"sub": 7})),
    ];
    for (what, claims) in wrong {
        assert_eq!(sso.refused(claims).await, "refused", "{what}");
    }
    for sign in [Sign::Nothing, Sign::Hs256, Sign::Foreign, Sign::Cut] {
        sso.idp.play().sign = sign;
        assert_eq!(sso.refused(json!({})).await, "refused", "{sign:?}");
    }
    for sign in [Sign::Es256, Sign::Rs256] {
        sso.idp.play().sign = sign;
        let claims = json!({"aud": [CLIENT, "another"], "azp": CLIENT, "exp": now - 60});
        let ended = sso.sign_in(claims).await;
        assert_eq!(sso.email(&ended).await, "nok@example.com", "{sign:?}, and a clock that is a minute late");
    }
}

#[tokio::test]
async fn a_new_key_is_asked_for_and_not_all_the_time() {
    let sso = Sso::new().await;
    sso.sign_in(json!({})).await;
    assert_eq!(sso.idp.calls("/keys"), 1);
    sso.idp.play().renew_keys();
    for _ in 0..5 {
        assert_eq!(sso.refused(json!({})).await, "refused", "the keys were read a moment ago");
    }
    assert_eq!(sso.idp.calls("/keys"), 1);
    sso.app.advance(Duration::from_secs(6));
    let ended = sso.sign_in(json!({})).await;
    assert_eq!(sso.email(&ended).await, "nok@example.com");
    assert_eq!(sso.idp.calls("/keys"), 2);
    sso.app.advance(Duration::from_secs(3601));
    sso.sign_in(json!({})).await;
    assert_eq!((sso.idp.calls("/keys"), sso.idp.calls("/.well-known/openid-configuration")), (3, 2));
}

#[tokio::test]
async fn a_sign_in_ends_once_and_in_the_browser_that_began_it() {
    let sso = Sso::new().await;
    let begin = async || led(&browse(&sso.app, &sso.start(), "").await);
    let approve = |begun: &Led| sso.idp.approve(&begun.to, sso.app.app.now(), &json!({}));
    let (mine, theirs) = (begin().await, begin().await);
    assert_ne!(mine.way, theirs.way);
    let back = approve(&mine);
    for cookie in ["", "sala-sso=AAAA", theirs.way.as_str()] {
        assert_eq!(reason(&led(&browse(&sso.app, &back, cookie).await)), "ended", "{cookie}");
    }
    let (path, _) = back.split_once('?').unwrap();
    for query in ["", "?code=code-1", "?state=507_wrong&code=code-1"] {
        assert_eq!(reason(&led(&browse(&sso.app, &format!("{path}{query}"), &mine.way).await)), "ended", "{query}");
    }
    assert_eq!(sso.idp.calls("/token"), 0, "no code of a stranger goes to the provider");
    // A provider that names itself in what it sends back must be the one that was asked (RFC 9207).
    let mixed = browse(&sso.app, &format!("{back}&iss=https://id.example.com"), &mine.way).await;
    assert_eq!(reason(&led(&mixed)), "refused");
    assert!(led(&browse(&sso.app, &back, &mine.way).await).session.is_some());
    assert_eq!(reason(&led(&browse(&sso.app, &back, &mine.way).await)), "ended", "the provider takes a code once");
    // And where it takes one twice, the sign-in itself is used up.
    sso.idp.play().forgets = true;
    let begun = begin().await;
    let back = approve(&begun);
    assert!(led(&browse(&sso.app, &back, &begun.way).await).session.is_some());
    assert_eq!(reason(&led(&browse(&sso.app, &back, &begun.way).await)), "ended");

    let begun = begin().await;
    let denied = approve(&begun).replace("code=", "error=access_denied&was=");
    assert_eq!(reason(&led(&browse(&sso.app, &denied, &begun.way).await)), "denied");
    let begun = begin().await;
    let back = approve(&begun);
    sso.app.advance(Duration::from_secs(601));
    assert_eq!(reason(&led(&browse(&sso.app, &back, &begun.way).await)), "ended", "it took too long");
}

#[tokio::test]
async fn a_sign_in_leads_to_no_other_server() {
    let sso = Sso::new().await;
    for path in ["https://evil.example/", "//evil.example/console/", "/console/%5C%5Cevil.example", "/v1/auth/me"] {
        let begun = led(&browse(&sso.app, &format!("{}?path={path}", sso.start()), "").await);
        let back = sso.idp.approve(&begun.to, sso.app.app.now(), &json!({}));
        assert_eq!(led(&browse(&sso.app, &back, &begun.way).await).to, "/console/", "{path}");
    }
}

#[tokio::test]
async fn over_https_the_browser_guards_both_cookies() {
    let app = TestApp::with(|config| {
        config.allow_private_sso = true;
        config.public_url = Some("https://sala.example".to_owned());
    })
    .await;
    let idp = Idp::start().await;
    let id = enter(&app, &app.token, &idp, json!({})).await;
    app.signed_in("Agent", "nok@example.com").await;
    let begun = browse(&app, &format!("/v1/auth/oidc/{id}/start"), "").await;
    let cookie = begun.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-sala-sso=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(
        begun
            .header("location")
            .contains(&format!("redirect_uri=https%3A%2F%2Fsala.example%2Fv1%2Fauth%2Foidc%2F{id}%2Fcallback"))
    );
    let back = idp.approve(begun.header("location"), app.app.now(), &json!({}));
    let ended = browse(&app, &back, cookie.split(';').next().unwrap()).await;
    let cookies: Vec<&str> = ended.headers.get_all("set-cookie").iter().map(|one| one.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|one| one.starts_with("__Host-sala=507_") && one.ends_with("; Secure")), "{cookies:?}");
    assert!(cookies.iter().any(|one| one.starts_with("__Host-sala-sso=;") && one.contains("Max-Age=0")), "{cookies:?}");
}

#[tokio::test]
async fn only_a_verified_e_mail_of_the_company_says_who_somebody_is() {
    let sso = Sso::with(json!({"domains": ["Example.com", "@example.org"]})).await;
    for claims in [
        json!({"email_verified": false}),
        json!({"email_verified": "false"}),
        json!({"email_verified": null}),
        json!({"email": null}),
    ] {
        assert_eq!(sso.refused(claims.clone()).await, "unverified", "{claims}");
    }
    for email in ["nok@example.net", "nok@example.com.example.net", "nok@example.com@evil.net", "nok@sub.example.com"] {
        assert_eq!(sso.refused(json!({"email": email})).await, "domain", "{email}");
    }
    assert_eq!(sso.refused(json!({"email": "who@example.org"})).await, "unknown");
    // It looks the same to a search, and is another address.
    assert_eq!(sso.refused(json!({"email": "nök@example.com"})).await, "unknown");
    sso.change(json!({"trustEmail": true})).await;
    assert_eq!(sso.refused(json!({"email_verified": false})).await, "unverified", "what is said is not overruled");
    let ended = sso.sign_in(json!({"email_verified": null})).await;
    assert_eq!(sso.email(&ended).await, "nok@example.com");
    assert_eq!(sso.refused(json!({"email": "nok@example.net"})).await, "domain", "also of somebody who is known");
}

#[tokio::test]
async fn an_e_mail_may_stand_where_it_is_asked_for() {
    let sso = Sso::new().await;
    let bare = json!({"email": null, "email_verified": null});
    sso.idp.play().user_info = json!({"sub": "somebody-else", "email": "nok@example.com", "email_verified": true});
    assert_eq!(sso.refused(bare.clone()).await, "unverified", "it is said of another person");
    sso.idp.play().user_info = json!({"sub": "nok-1", "email": "nok@example.com", "email_verified": true});
    let ended = sso.sign_in(bare).await;
    assert_eq!(sso.email(&ended).await, "nok@example.com");
}

#[tokio::test]
async fn unknown_people_are_made_where_the_company_wants_that() {
    let sso = Sso::new().await;
    let new =
        json!({"sub": "mali-1", "email": "Mali@example.com", "name": null, "given_name": "มะลิ", "family_name": "ใจดี"});
    assert_eq!(sso.refused(new.clone()).await, "unknown");
    sso.change(json!({"joinRoleId": "Viewer"})).await;
    let ended = sso.sign_in(new.clone()).await;
    let session = ended.session.as_ref().unwrap();
    let me = sso.app.as_person(session, Method::GET, "/v1/auth/me", None).await;
    let user = &me.data()["user"];
    assert_eq!((&user["email"], &user["name"]), (&json!("Mali@example.com"), &json!("มะลิ ใจดี")));
    assert_eq!(user["role"]["nameEn"], "Viewer");
    let again = sso.sign_in(new).await;
    let again = sso.app.as_person(again.session.as_ref().unwrap(), Method::GET, "/v1/auth/me", None).await;
    assert_eq!(again.data()["user"]["id"], user["id"]);
    // Of one name only, and of none.
    for (sub, claims) in [
        ("one", json!({"sub": "one", "email": "one@example.com", "name": "Cher"})),
        ("none", json!({"sub": "none", "email": "none@example.com", "name": null})),
    ] {
        let ended = sso.sign_in(claims).await;
        assert_eq!(sso.email(&ended).await, format!("{sub}@example.com"));
    }
    assert_eq!(sso.refused(json!({"sub": "x", "email": "x@example.com", "email_verified": false})).await, "unverified");
}

#[tokio::test]
async fn whoever_may_not_sign_in_any_more_does_not() {
    let sso = Sso::with(json!({"joinRoleId": "Viewer"})).await;
    let ended = sso.sign_in(json!({})).await;
    let me = sso.app.as_person(ended.session.as_ref().unwrap(), Method::GET, "/v1/auth/me", None).await;
    let (id, code) = (me.data()["user"]["id"].as_str().unwrap(), me.data()["user"]["staffCode"].as_str().unwrap());
    let turn = async |active: bool| {
        let path = format!("/v1/console/users/{id}");
        let turned = sso.app.request(Method::PATCH, &path, &[], Some(json!({"isActive": active}))).await;
        assert_eq!(turned.status, 200, "{turned:?}");
    };
    turn(false).await;
    assert_eq!(sso.refused(json!({})).await, "disabled");
    assert_eq!(sso.refused(json!({"sub": "another"})).await, "disabled", "found by the e-mail");
    turn(true).await;
    assert!(sso.sign_in(json!({})).await.session.is_some());
    // Somebody who has left is not made anew.
    let gone = json!({"staffCode": "GONE", "email": "gone@example.com", "firstname": "Arun", "lastname": "S", "roleName": "Sales",
                      "teamName": "Team A", "isActive": false});
    assert!(sso.app.request(Method::PUT, "/v1/Employees", &[], Some(gone)).await.status < 300);
    assert_eq!(sso.refused(json!({"sub": "gone", "email": "gone@example.com"})).await, "disabled");
    assert_ne!(code, "GONE");
}

#[tokio::test]
async fn a_provider_names_people_of_its_own_company_only() {
    let sso = Sso::new().await;
    let scopes: Vec<&str> = sso.app.client.scopes.iter().map(String::as_str).collect();
    let other = sso.app.tenant(508, &scopes).await;
    let theirs = enter(&sso.app, &other.token, &sso.idp, json!({})).await;
    assert!(theirs.starts_with("508-"), "{theirs}");
    // Their provider vouches for our person's e-mail: nobody of theirs has it.
    let begun = led(&browse(&sso.app, &format!("/v1/auth/oidc/{theirs}/start"), "").await);
    let back = sso.idp.approve(&begun.to, sso.app.app.now(), &json!({}));
    let refused = led(&browse(&sso.app, &back, &begun.way).await);
    assert!(refused.session.is_none() && refused.to.starts_with("/console/?sso=unknown&company=508"), "{}", refused.to);
    // What was begun at theirs does not end at ours.
    let begun = led(&browse(&sso.app, &format!("/v1/auth/oidc/{theirs}/start"), "").await);
    let back = sso.idp.approve(&begun.to, sso.app.app.now(), &json!({})).replace(&theirs, &sso.id);
    assert_eq!(reason(&led(&browse(&sso.app, &back, &begun.way).await)), "ended");
    // Nor is theirs found as ours.
    let mixed = format!("507-{}", theirs.split_once('-').unwrap().1);
    for id in [mixed.as_str(), "507-wrong", "wrong", "507"] {
        let begun = led(&browse(&sso.app, &format!("/v1/auth/oidc/{id}/start"), "").await);
        assert!(begun.way.is_empty() && begun.to.starts_with("/console/?sso=provider"), "{id}: {}", begun.to);
    }
    let offered = browse(&sso.app, "/v1/auth/oidc", "").await;
    assert_eq!(
        (&offered.data()["companyId"], &offered.data()["value"]),
        (&Value::Null, &json!([])),
        "of which company?"
    );
    assert_eq!(browse(&sso.app, "/v1/auth/oidc?companyId=508", "").await.data()["value"][0]["id"], theirs);
    assert_eq!(browse(&sso.app, "/v1/auth/oidc?companyId=999", "").await.data()["value"], json!([]));
}

#[tokio::test]
async fn a_company_may_sign_in_by_its_provider_only() {
    let sso = Sso::new().await;
    sso.app.signed_in("Owner", "owner@example.com").await;
    let invited = json!({"email": "mali@example.com", "firstname": "Mali", "lastname": "S", "roleId": "Agent"});
    let invited = sso.app.post("/v1/console/users", invited).await;
    let link = invited.data()["link"]["url"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    let set = async |only: bool| sso.app.request(Method::PUT, "/v1/setting", &[], Some(json!({"ssoOnly": only}))).await;
    sso.change(json!({"isActive": false})).await;
    assert_eq!(set(true).await.errors(), [("conflict", "ssoOnly")], "nobody could sign in");
    assert!(led(&browse(&sso.app, &sso.start(), "").await).to.starts_with("/console/?sso=provider"));
    sso.change(json!({"isActive": true})).await;
    assert_eq!(set(true).await.data()["ssoOnly"], true);
    assert_eq!(browse(&sso.app, "/v1/auth/oidc", "").await.data()["ssoOnly"], true);

    assert_eq!(password(&sso.app, "nok@example.com").await.errors(), [("sso_required", "password")]);
    assert_eq!(
        password(&sso.app, "owner@example.com").await.status,
        201,
        "whoever may do everything is never locked out"
    );
    let wrong = json!({"email": "nok@example.com", "password": "not the password"}).to_string();
    let wrong = Request::post("/v1/auth/sessions").header("content-type", "application/json").body(Body::from(wrong));
    assert_eq!(sso.app.call(wrong.unwrap()).await.errors(), [("invalid_credentials", "password")]);
    let by_link = Request::post(format!("/v1/auth/links/{link}")).header("content-type", "application/json");
    let by_link = by_link.body(Body::from(json!({"password": PASSWORD}).to_string())).unwrap();
    assert_eq!(sso.app.call(by_link).await.errors(), [("sso_required", "password")]);
    assert!(sso.sign_in(json!({})).await.session.is_some());
    assert!(
        sso.sign_in(json!({"sub": "mali", "email": "mali@example.com"})).await.session.is_some(),
        "invited, and in"
    );
    // A provider that is taken away takes the rule along.
    sso.change(json!({"isActive": false})).await;
    assert_eq!(password(&sso.app, "nok@example.com").await.status, 201);
}

#[tokio::test]
async fn a_second_factor_that_was_asked_for_before_lets_nobody_in_after() {
    let sso = Sso::new().await;
    let person = sso.app.signed_in("Agent", "mali@example.com").await;
    let code = second_factor(&sso.app, &person).await;
    sso.app.advance(Duration::from_secs(60));
    let asked = password(&sso.app, "mali@example.com").await;
    let only = sso.app.request(Method::PUT, "/v1/setting", &[], Some(json!({"ssoOnly": true}))).await;
    assert_eq!(only.status, 200, "{only:?}");
    let body = json!({"challenge": asked.data()["challenge"], "code": code(sso.app.app.now())}).to_string();
    let request = Request::post("/v1/auth/sessions/totp").header("content-type", "application/json");
    let answered = sso.app.call(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answered.errors(), [("sso_required", "password")]);
}

#[tokio::test]
async fn strangers_write_nothing_and_cannot_ask_without_end() {
    let sso = Sso::new().await;
    for _ in 0..3 {
        led(&browse(&sso.app, &sso.start(), "").await);
        sso.refused(json!({"nonce": "another"})).await;
    }
    let count: i64 = sso.app.app.db.read().await.unwrap().sql("select count(*) from sign_on").one().await.unwrap();
    assert_eq!(count, 0);
    let mut busy = false;
    for _ in 0..250 {
        busy = busy || led(&browse(&sso.app, &sso.start(), "").await).to.starts_with("/console/?sso=busy");
    }
    assert!(busy, "one place asks again and again");
    sso.app.advance(Duration::from_secs(60));
    let ended = sso.sign_in(json!({})).await;
    assert_eq!(sso.email(&ended).await, "nok@example.com");
}

#[tokio::test]
async fn of_two_first_sign_ins_at_once_one_makes_the_person() {
    let sso = Sso::with(json!({"joinRoleId": "Viewer"})).await;
    let new = json!({"sub": "mali-1", "email": "mali@example.com"});
    let (one, two) = tokio::join!(sso.sign_in(new.clone()), sso.sign_in(new));
    assert!(one.session.is_some() || two.session.is_some(), "{} {}", one.to, two.to);
    let users = sso.app.get("/v1/console/users?keyword=jaidee").await;
    assert_eq!(users.data()["value"].as_array().unwrap().len(), 1, "{users:?}");
}

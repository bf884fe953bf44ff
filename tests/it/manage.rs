//! What administrators look after: channel accounts, API clients, failed jobs, the server.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::app::{COMPANY, TestApp};
use crate::fake::Fake;

#[tokio::test]
async fn an_account_is_connected_changed_renewed_and_taken_out() {
    let app = TestApp::new().await;
    let wrong = app.post("/v1/accounts", json!({"platform": "line", "name": " ", "latePush": "maybe"})).await;
    let mut faults = wrong.errors();
    faults.sort_unstable();
    assert_eq!(
        faults,
        [
            ("invalid_value", "latePush"),
            ("required", "accessToken"),
            ("required", "channelSecret"),
            ("required", "name")
        ]
    );
    let wish = json!({"platform": "whatsapp", "name": "W", "channelSecret": "s", "accessToken": "t"});
    assert_eq!(app.post("/v1/accounts", wish).await.errors(), [("invalid_value", "platform")]);
    let wish = json!({"platform": "LINE", "name": "ร้านน้ำปั่น", "channelSecret": "top", "accessToken": "secret"});
    let made = app.post("/v1/accounts", wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text.contains("top") && !made.text.contains("secret\""), "no secret comes back: {made:?}");
    let id = made.data()["id"].as_str().unwrap().to_owned();
    let url = made.data()["webhookUrl"].as_str().unwrap();
    assert!(url.ends_with(&format!("/channels/line/{id}")), "{url}");
    assert_eq!((&made.data()["latePush"], &made.data()["state"]), (&json!("yes"), &json!("active")));

    let path = format!("/v1/accounts/{id}");
    let changed = app.request(Method::PATCH, &path, &[], Some(json!({"latePush": "no"}))).await;
    assert_eq!((&changed.data()["latePush"], &changed.data()["name"]), (&json!("no"), &json!("ร้านน้ำปั่น")));
    let secrets = json!({"channelSecret": "other", "accessToken": "two words"});
    let refused = app.request(Method::PUT, &format!("{path}/credentials"), &[], Some(secrets)).await;
    assert_eq!(refused.errors(), [("invalid_format", "accessToken")]);
    let secrets = json!({"channelSecret": "other", "accessToken": "token"});
    let renewed = app.request(Method::PUT, &format!("{path}/credentials"), &[], Some(secrets)).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let listed = app.get("/v1/accounts").await;
    assert_eq!(listed.data()["value"].as_array().unwrap().len(), 1);
    assert_eq!(app.request(Method::DELETE, &path, &[], None).await.status, 200);
    assert_eq!(app.get(&path).await.status, 404);
    assert_eq!(app.get("/v1/accounts").await.data()["total"], 0);
    let audit = app.get(&format!("/v1/audit?ref=account/{id}")).await;
    let actions: Vec<&str> =
        audit.data()["value"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["deleted", "updated", "updated", "created"]);
    assert!(!audit.text.contains("other") && !audit.text.contains("token"), "{audit:?}");
}

#[tokio::test]
async fn a_check_says_what_the_provider_says() {
    let play = |line: &mut simulator::line::Config| {
        (line.monthly_quota, line.access_token) = (Some(500), Some("token".to_owned()));
    };
    let fake = Fake::with("yes", |_| {}, play).await;
    let path = format!("/v1/accounts/{}/check", fake.account);
    let checked = fake.app.post(&path, json!({})).await;
    assert_eq!(checked.status, 200, "{checked:?}");
    let check = checked.data();
    assert_eq!(check["token"], true, "{check}");
    assert!(check["providerName"].as_str().is_some_and(|name| !name.is_empty()), "{check}");
    assert_eq!((&check["account"]["quotaLimit"], &check["account"]["quotaUsed"]), (&json!(500), &json!(0)));
    assert_eq!(check["lastCallbackAt"], json!(null));
    fake.say("ann", "สวัสดีค่ะ").await;
    let checked = fake.app.post(&path, json!({})).await;
    assert!(checked.data()["lastCallbackAt"].is_i64(), "the customer's message came through: {checked:?}");

    let secrets = json!({"channelSecret": "wrong", "accessToken": "wrong"});
    let renew = format!("/v1/accounts/{}/credentials", fake.account);
    assert_eq!(fake.app.request(Method::PUT, &renew, &[], Some(secrets)).await.status, 200);
    let refused = fake.app.post(&path, json!({})).await;
    assert_eq!((&refused.data()["token"], &refused.data()["problem"]), (&json!(false), &json!("LINE answers 401")));
}

#[tokio::test]
async fn the_webhook_is_entered_at_the_provider_and_tried() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let public = base.clone();
    let fake = Fake::with("yes", |config| config.public_url = Some(public), |line| line.allow_http = true).await;
    let server = sala::http::Server::new(fake.app.app.clone());
    tokio::spawn(sala::http::listen::serve(listener, server, std::future::pending()));

    let check = format!("/v1/accounts/{}/check", fake.account);
    let before = fake.app.post(&check, json!({})).await;
    assert_eq!((&before.data()["endpoint"], &before.data()["webhookTest"]), (&json!(null), &json!(null)));
    let path = format!("/v1/accounts/{}/webhook", fake.account);
    let entered = fake.app.request(Method::PUT, &path, &[], None).await;
    assert_eq!(entered.status, 200, "{entered:?}");
    let said = entered.data();
    assert_eq!(said["endpoint"], json!(format!("{base}/channels/line/{}", fake.account)), "{said}");
    assert_eq!((&said["isOurs"], &said["isUsed"], &said["problem"]), (&json!(true), &json!(true), &json!(null)));
    assert_eq!(
        (&said["webhookTest"]["success"], &said["webhookTest"]["status"]),
        (&json!(true), &json!(200)),
        "{said}"
    );
    // The provider's try is nobody's message, and clears what the doctor says of a wrong secret.
    let after = fake.app.post(&check, json!({})).await;
    assert_eq!(after.data()["lastCallbackAt"], json!(null), "{after:?}");
    let trail = fake.app.get(&format!("/v1/audit?ref=account/{}", fake.account)).await;
    assert_eq!(trail.data()["value"][0]["action"], "updated", "{trail:?}");
    assert!(trail.text.contains("webhook"), "{trail:?}");

    let sandbox = fake.app.sandbox().await;
    let refused = fake.app.request(Method::PUT, &format!("/v1/accounts/{sandbox}/webhook"), &[], None).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "id")]));
}

#[tokio::test]
async fn an_address_that_the_provider_refuses_is_told_in_its_words() {
    let fake = Fake::with("yes", |_| {}, |line| line.allow_http = false).await;
    let path = format!("/v1/accounts/{}/webhook", fake.account);
    let entered = fake.app.request(Method::PUT, &path, &[], None).await;
    assert_eq!(entered.status, 200, "{entered:?}");
    let said = entered.data();
    assert_eq!((&said["token"], &said["endpoint"], &said["isOurs"]), (&json!(true), &json!(null), &json!(false)));
    assert!(said["problem"].as_str().is_some_and(|why| why.starts_with("LINE answers 400")), "{said}");
}

#[tokio::test]
async fn a_person_kept_to_some_accounts_has_to_do_with_no_other() {
    let app = TestApp::new().await;
    let (own, other) = (app.sandbox().await, app.sandbox().await);
    let person = app.signed_in("Administrator", "nok@example.com").await;
    let keep = json!({"accounts": [own]});
    let kept = app.request(Method::PATCH, &format!("/v1/console/users/{}", person.id), &[], Some(keep)).await;
    assert_eq!(kept.status, 200, "{kept:?}");
    app.app.tokens.clear();
    let seen = app.as_person(&person, Method::GET, "/v1/accounts", None).await;
    assert_eq!((&seen.data()["total"], &seen.data()["value"][0]["id"]), (&json!(1), &json!(own)));
    for method in [Method::GET, Method::DELETE] {
        let path = format!("/v1/accounts/{other}");
        assert_eq!(app.as_person(&person, method, &path, None).await.status, 404);
    }
    // Nor does the history tell of it, or the page of the system.
    for (account, status) in [(&own, 200), (&other, 404)] {
        let trail = app.as_person(&person, Method::GET, &format!("/v1/audit?ref=account/{account}"), None).await;
        assert_eq!(trail.status, status, "{trail:?}");
    }
    let system = app.as_person(&person, Method::GET, "/v1/system", None).await;
    let told = system.data()["findings"].as_array().unwrap().iter().filter(|one| one["code"] == "account").count();
    assert_eq!(told, 1, "{system:?}");
    let more = json!({"platform": "line", "name": "More", "isSandbox": true});
    assert_eq!(app.as_person(&person, Method::POST, "/v1/accounts", Some(more)).await.status, 403);
    let client = json!({"name": "Robot", "scopes": ["chat:read"]});
    let refused = app.as_person(&person, Method::POST, "/v1/clients", Some(client)).await;
    assert_eq!(refused.status, 403, "a client would see every account: {refused:?}");
}

#[tokio::test]
async fn a_client_is_made_used_changed_and_taken_out_of_use_and_back() {
    let app = TestApp::new().await;
    let none = app.post("/v1/clients", json!({"name": "Shop", "scopes": []})).await;
    assert_eq!(none.errors(), [("required", "scopes")]);
    let unknown = app.post("/v1/clients", json!({"name": "Shop", "scopes": ["chat:read", "moon:read"]})).await;
    assert_eq!(unknown.errors(), [("invalid_value", "scopes[1]")]);
    let made = app.post("/v1/clients", json!({"name": "Shop", "scopes": ["setting:read", "chat:read"]})).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.data()["scopes"], json!(["chat:read", "setting:read"]));
    let text = |answer: &crate::app::Answer, field: &str| answer.data()[field].as_str().unwrap().to_owned();
    let id = text(&made, "id");
    let form = |secret: &str| format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let token = async |secret: &str| app.form("/authorization/connect/token", &form(secret)).await;
    let first = token(&text(&made, "clientSecret")).await;
    let first = first.body["access_token"].as_str().unwrap().to_owned();
    let works = async |token: &str| app.request_as(token, Method::GET, "/v1/setting", None).await.status;
    assert_eq!(works(&first).await, 200);

    let path = format!("/v1/clients/{id}");
    let renewed = app.post(&format!("{path}/secret"), json!({})).await;
    assert_ne!(text(&renewed, "clientSecret"), text(&made, "clientSecret"));
    assert_eq!(works(&first).await, 401, "its tokens ended with the secret");
    assert_eq!(token(&text(&made, "clientSecret")).await.status, 400);
    let second = token(&text(&renewed, "clientSecret")).await.body["access_token"].as_str().unwrap().to_owned();
    let off = app.request(Method::PATCH, &path, &[], Some(json!({"isActive": false}))).await;
    assert_eq!(off.data()["isActive"], false);
    assert_eq!(works(&second).await, 401);
    let on = app.request(Method::PATCH, &path, &[], Some(json!({"isActive": true, "name": "Web shop"}))).await;
    assert_eq!((&on.data()["isActive"], &on.data()["name"]), (&json!(true), &json!("Web shop")));
    assert_eq!(token(&text(&renewed, "clientSecret")).await.status, 200);
    let listed = app.get("/v1/clients").await;
    assert_eq!(listed.data()["value"].as_array().unwrap().len(), 2);
    assert!(!listed.text.contains(&text(&renewed, "clientSecret")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_change_a_client_at_once_none_undoes_the_other() {
    let app = TestApp::new().await;
    let (_, server) = app.second_node().await;
    for round in 0..8 {
        let made = app.post("/v1/clients", json!({"name": "Shop", "scopes": ["chat:read"]})).await;
        let path = format!("/v1/clients/{}", made.data()["id"].as_str().unwrap());
        let name = format!("Shop {round}");
        let change = |body| crate::app::request(&app.token, Method::PATCH, &path, &[], Some(body));
        let (off, named) = futures_util::future::join(
            crate::app::answer(&server, change(json!({"isActive": false}))),
            app.call(change(json!({"name": name}))),
        )
        .await;
        assert_eq!((off.status, named.status), (200, 200));
        let now = app.get(&path).await;
        assert_eq!((&now.data()["isActive"], &now.data()["name"]), (&json!(false), &json!(name)), "round {round}");
    }
}

#[tokio::test]
async fn nobody_gives_a_client_more_than_they_have() {
    let app = TestApp::new().await;
    let strong = app.client.id.clone();
    let weak = app.tenant(COMPANY, &["client:read", "client:write", "chat:read"]).await;
    let ask =
        async |method: Method, path: &str, body| app.request_as(&weak.token, method, path, Some(body)).await.status;
    assert_eq!(ask(Method::POST, "/v1/clients", json!({"name": "A", "scopes": ["chat:read"]})).await, 201);
    assert_eq!(ask(Method::POST, "/v1/clients", json!({"name": "A", "scopes": ["chat:write"]})).await, 403);
    let (path, own) = (format!("/v1/clients/{strong}"), format!("/v1/clients/{}", weak.client.id));
    assert_eq!(ask(Method::POST, &format!("{path}/secret"), json!({})).await, 403);
    assert_eq!(ask(Method::PATCH, &own, json!({"scopes": ["chat:write"]})).await, 403);
    assert_eq!(ask(Method::PATCH, &path, json!({"isActive": false})).await, 200);
    assert_eq!(ask(Method::PATCH, &path, json!({"isActive": true})).await, 403);
    let listed = app.request_as(&weak.token, Method::GET, "/v1/clients", None).await;
    assert_eq!(listed.data()["scopes"], json!(["chat:read", "client:read", "client:write"]));
    let foreign = app.tenant(508, &["client:read", "client:write", "account:read", "system:read"]).await;
    let get = async |path: &str| app.request_as(&foreign.token, Method::GET, path, None).await;
    assert_eq!(get(&path).await.status, 404);
    assert_eq!(get("/v1/accounts").await.data()["total"], 0);
}

#[tokio::test]
async fn failed_jobs_are_told_and_run_again() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    app.send(&room, "สวัสดี").await;
    assert_eq!(app.get("/v1/system").await.data()["failedJobs"], 0);
    app.sql("update job set dead = true, error = 'the disk is full' where kind = 'deliver'").await;
    let system = app.get("/v1/system").await;
    assert_eq!(system.data()["failedJobs"], 1, "{system:?}");
    let first = &system.data()["findings"][0];
    assert_eq!((&first["code"], &first["ok"], &first["number"]), (&json!("jobs_failed"), &json!(false), &json!(1)));
    let listed = app.get("/v1/jobs/failed?kind=deliver").await;
    let job = &listed.data()["value"][0];
    assert_eq!(
        (&job["kind"], &job["key"], &job["error"]),
        (&json!("deliver"), &json!(room), &json!("the disk is full"))
    );
    assert_eq!(app.get("/v1/jobs/failed?kind=moon").await.errors(), [("invalid_value", "kind")]);
    let foreign = app.tenant(508, &["system:read", "system:write"]).await;
    let others = app.request_as(&foreign.token, Method::POST, "/v1/jobs/failed/retry", Some(json!({}))).await;
    assert_eq!(others.data()["retried"], 0, "another company's jobs are its own");
    assert_eq!(app.post("/v1/jobs/failed/retry", json!({"key": room})).await.errors(), [("required", "kind")]);
    let other = json!({"kind": "deliver", "key": "another"});
    assert_eq!(app.post("/v1/jobs/failed/retry", other).await.data()["retried"], 0);
    let retried = app.post("/v1/jobs/failed/retry", json!({"kind": "deliver", "key": room})).await;
    assert_eq!(retried.data()["retried"], 1);
    assert!(app.run_jobs().await > 0);
    assert_eq!(app.get("/v1/system").await.data()["failedJobs"], 0);
}

#[tokio::test]
async fn the_system_tells_what_needs_an_eye_and_how_old_the_backup_is() {
    let app = TestApp::with(|_| {}).await;
    let well = app.get("/v1/system").await;
    assert!(well.data()["findings"].as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{well:?}");
    assert_eq!(well.data()["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(well.data()["backup"], json!(null));
    let room = app.sandbox_room().await;
    app.send(&room, "Hi").await;
    app.advance(Duration::from_secs(1800));
    let late = app.get("/v1/system").await;
    assert_eq!(
        (&late.data()["findings"][0]["code"], &late.data()["findings"][0]["number"]),
        (&json!("jobs_late"), &json!(30))
    );

    let file = app.database.folder.join("kept.db");
    let node = app.node(|config| config.database_file = Some(file.clone())).await;
    let ask = async |path: &str| {
        let request = crate::app::request(&app.token, Method::GET, path, &[], None);
        crate::app::answer(&node.1, request).await
    };
    let never = ask("/v1/system").await;
    let finding = |answer: &crate::app::Answer| {
        let findings = answer.data()["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["code"] == "backup").unwrap()
    };
    assert_eq!(finding(&never)["ok"], false);
    let mark = sala::backup::Mark { at: app.app.now() - 9 * 24 * 3600 * 1000, bytes: 4096, media_files: Some(2) };
    sala::backup::leave(&file, &mark).unwrap();
    let old = ask("/v1/system").await;
    assert_eq!((&finding(&old)["ok"], &finding(&old)["number"]), (&json!(false), &json!(9)));
    assert_eq!(old.data()["backup"], json!({"at": mark.at, "bytes": 4096, "withMedia": true}));
    sala::backup::leave(&file, &sala::backup::Mark { at: app.app.now(), ..mark }).unwrap();
    assert_eq!(finding(&ask("/v1/system").await)["ok"], true);
}

#[tokio::test]
async fn a_messages_passport_tells_of_its_event_and_of_each_delivery() {
    let app = TestApp::new().await;
    let hook = app.post("/v1/webhooks", json!({"url": "https://example.com/hook", "topics": ["Chat"]})).await;
    assert_eq!(hook.status, 201, "{hook:?}");
    let account = app.sandbox().await;
    let said = app.post(&format!("/channels/sandbox/{account}/U1"), json!({"content": "สวัสดี"})).await;
    let id = said.data()["id"].as_str().unwrap_or_else(|| panic!("{said:?}")).to_owned();
    let passport = app.message(&id).await;
    let event = &passport["events"][0];
    assert_eq!(event["name"], "Chat.Message", "{passport}");
    let delivery = &event["deliveries"][0];
    assert_eq!((&delivery["url"], &delivery["state"]), (&json!("https://example.com/hook"), &json!("pending")));
    let chat = app.tenant(COMPANY, &["chat:read"]).await;
    let path = format!("/v1/chat/message/{id}");
    let seen = app.request_as(&chat.token, Method::GET, &path, None).await;
    assert_eq!(seen.data()["events"][0]["deliveries"], json!([]), "webhooks are not everybody's to see");
}

#[tokio::test]
async fn the_whole_trail_is_for_whoever_sees_everything_and_names_who_did_it() {
    let app = TestApp::new().await;
    let made = app.post("/v1/clients", json!({"name": "Shop", "scopes": ["setting:read"]})).await;
    let id = made.data()["id"].as_str().unwrap();
    let person = app.signed_in("Administrator", "nok@example.com").await;
    let turned = json!({"isActive": false});
    app.as_person(&person, Method::PATCH, &format!("/v1/clients/{id}"), Some(turned)).await.data();
    let trail = app.get("/v1/audit?take=1").await;
    let newest = &trail.data()["value"][0];
    assert_eq!((&newest["ref"], &newest["action"]), (&json!(format!("client/{id}")), &json!("updated")));
    assert_eq!((&newest["actor"], &newest["actorName"]), (&json!(person.id), &json!("Nok Administrator")));
    let next = trail.data()["next"].as_str().unwrap();
    let older = app.get(&format!("/v1/audit?take=200&before={next}")).await;
    let older = older.data()["value"].as_array().unwrap().clone();
    assert!(older.iter().all(|entry| entry["id"].as_str().unwrap() < next));
    let first = older.iter().find(|entry| entry["ref"] == format!("client/{id}").as_str()).unwrap();
    assert_eq!((&first["action"], &first["actorName"]), (&json!("created"), &json!("Integration")));
    let agent = app.signed_in("Agent", "ann@example.com").await;
    assert_eq!(app.as_person(&agent, Method::GET, "/v1/audit", None).await.status, 403);
    assert_eq!(app.as_person(&agent, Method::GET, "/v1/audit?kind=client", None).await.status, 403);
    let path = format!("/v1/audit?ref=client/{id}");
    assert_eq!(app.as_person(&agent, Method::GET, &path, None).await.status, 403);
    let foreign = app.tenant(508, &app.client.scopes.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let other = app.request_as(&foreign.token, Method::GET, "/v1/audit?take=200", None).await;
    assert!(
        other.data()["value"].as_array().unwrap().iter().all(|entry| entry["ref"] != format!("client/{id}").as_str())
    );
}

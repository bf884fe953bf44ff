//! What operators look at: health, readiness, metrics and the log.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use sala::config::Role;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, answer};
use crate::cli::Sala;
use crate::serve::{Serving, http};

async fn open(app: &TestApp, path: &str) -> Answer {
    app.call(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_server_with_its_database_is_alive_and_ready() {
    let app = TestApp::new().await;
    let alive = open(&app, "/healthz").await;
    assert_eq!((alive.status, alive.text.as_str()), (200, "ok\n"));
    let ready = open(&app, "/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.body, json!({"ready": true, "database": true, "migrations": true, "jobs": true}));
}

#[tokio::test]
async fn a_database_of_another_version_makes_a_server_not_ready() {
    let app = TestApp::new().await;
    for change in ["update _migration set version = version + 1000", "delete from _migration"] {
        app.sql(change).await;
        let ready = open(&app, "/readyz").await;
        assert_eq!((ready.status, &ready.body["migrations"]), (503, &json!(false)), "{change}: {ready:?}");
        assert_eq!((&ready.body["ready"], &ready.body["database"]), (&json!(false), &json!(true)));
        assert_eq!(open(&app, "/healthz").await.status, 200, "the process itself is well");
    }
}

#[tokio::test]
async fn however_many_jobs_wait_a_node_stays_ready_and_its_metrics_tell() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    app.send(&room, "Hi").await;
    app.advance(Duration::from_secs(24 * 3600));
    let ready = open(&app, "/readyz").await;
    assert_eq!((ready.status, &ready.body["ready"]), (200, &json!(true)), "a tenant's backlog takes no node away");
    let mut conn = app.app.db.read().await.unwrap();
    let depths = sala::job::depths(&mut conn, app.app.now()).await.unwrap();
    assert_eq!(depths.iter().map(|depth| depth.lag).max(), Some(24 * 3600 * 1000));
}

#[tokio::test]
async fn a_node_whose_loops_have_ended_is_not_ready() {
    let app = TestApp::new().await;
    let runner = sala::job::start(&app.app).await.unwrap();
    assert_eq!(open(&app, "/readyz").await.body["jobs"], json!(true));
    runner.stop(Duration::from_secs(30)).await;
    let ready = open(&app, "/readyz").await;
    assert_eq!((ready.status, &ready.body["ready"], &ready.body["jobs"]), (503, &json!(false), &json!(false)));
}

#[tokio::test]
async fn without_its_database_a_server_says_so_and_goes_on() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    app.app.db.close().await;
    assert_eq!(open(&app, "/healthz").await.status, 200);
    let ready = open(&app, "/readyz").await;
    assert_eq!((ready.status, &ready.body["database"]), (503, &json!(false)));
    assert_eq!(open(&app, "/metrics").await.status, 200, "this is when metrics are looked at");
    for refused in [
        app.send(&room, "Hi").await,
        app.form("/authorization/connect/token", "grant_type=client_credentials&client_id=507-a&client_secret=b").await,
    ] {
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{refused:?}");
        assert_eq!(refused.errors(), [("busy", "")]);
    }
}

#[tokio::test]
async fn a_server_with_too_much_to_do_refuses_work_but_tells_its_health() {
    let app = TestApp::new().await;
    let (_, full) = app.node(|config| config.max_requests = 0).await;
    let get = async |path: &str| answer(&full, Request::get(path).body(Body::empty()).unwrap()).await;
    let refused = get("/openapi.json").await;
    assert_eq!((refused.status, refused.errors(), refused.header("retry-after")), (503, vec![("busy", "")], "1"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(path).await.status, 200, "{path}: whoever watches must not take it for dead");
    }
}

#[tokio::test]
async fn what_is_refused_for_want_of_room_is_counted_and_hardly_logged() {
    let sala = Sala::new().await;
    let begun = Instant::now();
    let mut serving = sala.serve(&["--max-requests", "0"]);
    for _ in 0..100 {
        assert_eq!(http(serving.address, "GET", "/v1/setting", &[], "").0, 503);
    }
    let (_, metrics) = http(serving.address, "GET", "/metrics", &[], "");
    assert!(metrics.contains("sala_http_unavailable_total{reason=\"requests\"} 100"), "{metrics}");
    serving.terminate();
    let (_, log) = serving.wait();
    let lines = log.lines().filter(|line| line.contains("too many requests in progress")).count();
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((1..=seconds + 2).contains(&lines), "{lines} lines in {seconds} s");
}

#[tokio::test]
async fn the_log_names_the_address_that_a_trusted_proxy_tells() {
    let sala = Sala::new().await;
    let mut serving = sala.serve(&["--trusted-proxies", "192.0.2.0/24,127.0.0.1"]);
    let behind = [("x-forwarded-for", "198.51.100.1, 203.0.113.77, 192.0.2.4")];
    assert_eq!(http(serving.address, "GET", "/v1/setting", &behind, "").0, 401);
    serving.terminate();
    let (_, log) = serving.wait();
    assert!(log.lines().any(|line| line.contains("\"address\":\"203.0.113.77\"")), "{log}");
    assert!(!log.contains("198.51.100.1"), "what the caller wrote itself is not believed: {log}");
}

#[tokio::test]
async fn answers_say_how_browsers_are_to_take_them() {
    let app = TestApp::new().await;
    for path in ["/docs", "/openapi.json", "/healthz", "/nothing"] {
        let answer = open(&app, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), if path == "/docs" { "DENY" } else { "" }, "{path}");
    }
    let list = app.post("/v3/customers/enquiry", json!({})).await;
    assert_eq!((list.status, list.header("cache-control")), (200, "no-store"));
    let refused = app.post("/v3/customers", json!({})).await;
    assert_eq!((refused.status, refused.header("cache-control")), (400, "no-store"));
    let record = app.get("/v1/setting").await;
    assert_eq!((record.header("etag").is_empty(), record.header("cache-control")), (false, "private, no-cache"));
}

#[tokio::test]
async fn a_worker_offers_no_more_than_its_health() {
    let app = TestApp::new().await;
    let (_, worker) = app.node(|config| config.role = Role::Worker).await;
    let get = async |path: &str| answer(&worker, Request::get(path).body(Body::empty()).unwrap()).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(path).await.status, 200, "{path}");
    }
    for path in ["/", "/docs", "/openapi.json", "/v1/chat/message", "/authorization/connect/token", "/media/x"] {
        let refused = get(path).await;
        assert_eq!((refused.status, refused.errors()), (404, vec![("not_found", "")]), "{path}");
        assert!(
            refused.text.contains("works in the background") && !refused.text.contains("/docs"),
            "{}",
            refused.text
        );
    }
    let (_, api) = app.node(|config| config.role = Role::Api).await;
    assert_eq!(answer(&api, Request::get("/docs").body(Body::empty()).unwrap()).await.status, 200);
}

/// A company with a client and a sandbox on a server in a process of its own.
struct Shop {
    serving: Serving,
    client: Value,
    token: String,
    account: String,
    room: String,
}

impl Shop {
    fn open(sala: &Sala) -> Shop {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
        let client = sala.json(&["client", "create", "--company", "507", "--name", "Shop"]);
        let sandbox =
            ["account", "create", "--company", "507", "--platform", "line", "--name", "A", "--sandbox", "--json"];
        let account = text(&sala.json(&sandbox)["id"]);
        let room = ["room", "create", "--company", "507", "--account", &account, "--external-id", "U1", "--json"];
        let room = text(&sala.json(&room)["id"]);
        let mut shop =
            Shop { serving: sala.serve(&["--rate-limit", "0"]), client, token: String::new(), account, room };
        let (status, token) = shop.ask_token(shop.client["client_secret"].as_str().unwrap());
        assert_eq!(status, 200);
        shop.token = text(&token["access_token"]);
        shop
    }

    fn ask_token(&self, secret: &str) -> (u16, Value) {
        let id = self.client["client_id"].as_str().unwrap();
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, body) = http(self.serving.address, "POST", "/authorization/connect/token", &headers, &form);
        (status, serde_json::from_str(&body).unwrap())
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let key = self.client["subscription_key"].as_str().unwrap();
        let headers = [
            ("authorization", bearer.as_str()),
            ("ocp-apim-subscription-key", key),
            ("content-type", "application/json"),
        ];
        let (status, body) = http(self.serving.address, method, path, &headers, body);
        (status, serde_json::from_str(&body).unwrap_or(json!(body)))
    }

    fn send(&self, text: &str) -> Value {
        let body =
            json!({"roomId": self.room, "content": text, "type": "message", "platform": "line", "companyId": 507});
        let (status, sent) = self.call("POST", "/v1/chat/message", &body.to_string());
        assert_eq!(status, 201, "{sent}");
        sent["data"].clone()
    }

    /// Asks until the background delivery has happened.
    fn delivered(&self, message: &Value) {
        let started = Instant::now();
        let path = format!("/v1/chat/message/{}", message["id"].as_str().unwrap());
        while self.call("GET", &path, "").1["data"]["deliveryStatus"] != "delivered" {
            assert!(started.elapsed() < Duration::from_secs(30), "the message is not delivered");
        }
    }
}

#[tokio::test]
async fn metrics_count_requests_jobs_and_commits() {
    let sala = Sala::new().await;
    let shop = Shop::open(&sala);
    shop.delivered(&shop.send("Hi"));
    assert_eq!(shop.call("POST", "/v1/chat/message", "{}").0, 400);
    assert_eq!(shop.call("GET", "/nothing/at/all", "").0, 404);
    let (_, metrics) = shop.call("GET", "/metrics", "");
    let metrics = metrics.as_str().unwrap();
    for series in [
        "sala_http_requests_total{operation=\"sendChatMessage\",status=\"201\"} 1",
        "sala_http_requests_total{operation=\"sendChatMessage\",status=\"400\"} 1",
        "sala_http_requests_total{operation=\"requestAccessToken\",status=\"200\"} 1",
        "sala_http_requests_total{operation=\"other\",status=\"404\"} 1",
        "sala_http_request_seconds_bucket{operation=\"sendChatMessage\",le=\"0.005\"}",
        "sala_http_request_seconds_count{operation=\"sendChatMessage\"} 2",
        "sala_jobs_waiting{kind=\"deliver\"}",
        "sala_job_oldest_seconds{kind=\"webhook\"}",
        "sala_jobs_total{kind=\"deliver\",outcome=\"ok\"}",
        "sala_deliveries_total{platform=\"line\",outcome=\"sent\"} 1",
        "sala_send_batch_size",
        "sala_db_commits_total",
        "sala_db_units_total",
        "sala_db_largest_group",
        "sala_db_pool_size",
        "sala_db_pool_idle",
        "sala_db_pool_waiting",
    ] {
        assert!(metrics.contains(series), "{series} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn the_log_tells_who_and_what_but_no_secret_and_no_message() {
    let sala = Sala::new().await;
    let mut shop = Shop::open(&sala);
    let sent = shop.send("hush-message-out");
    shop.delivered(&sent);
    let customer = format!("/channels/sandbox/{}/U1", shop.account);
    assert_eq!(shop.call("POST", &customer, "{\"content\":\"hush-message-in\"}").0, 201);
    assert_eq!(shop.call("POST", "/v1/chat/message", "{\"content\":\"hush-message-bad\"").0, 400);
    assert_eq!(shop.ask_token("hush-wrong-secret").0, 400);
    assert_eq!(shop.call("POST", "/v1/conversation/enquiry", "{\"keyword\":\"hush-keyword\"}").0, 200);
    shop.serving.terminate();
    let (code, log) = shop.serving.wait();
    assert_eq!(code, Some(0));
    let secrets = ["client_secret", "subscription_key"].map(|name| shop.client[name].as_str().unwrap());
    for secret in [shop.token.as_str(), "hush"].into_iter().chain(secrets) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
    let trace = sent["traceId"].as_str().unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let told = lines.iter().find(|line| line["span"]["trace_id"] == trace).expect("the request is in the log");
    assert_eq!((&told["span"]["operation"], &told["status"]), (&json!("sendChatMessage"), &json!(201)));
    assert_eq!((&told["span"]["company"], &told["span"]["client"]), (&json!(507), &shop.client["client_id"]));
}

//! A server with a LINE account that the simulator plays: what it sends arrives there, what customers write comes from it.

use std::time::Duration;

use channel::Platform;
use sala::chat::account::{self, Credentials, NewAccount};
use sala::config::Config;
use sala::http::{Server, listen};
use serde_json::{Value, json};
use simulator::line::{Callback, Delivered, Fault, FaultKind, Line, Recorded, Report, user_id};

use crate::app::{COMPANY, TestApp};

/// The simulator's secret and token, as an administrator would enter them.
pub fn credentials(token: &str) -> Credentials {
    let config = simulator::line::Config::default();
    Credentials { channel_secret: config.channel_secret, access_token: token.to_owned() }
}

/// A server, a LINE, and an account that joins them.
pub struct Fake {
    pub app: TestApp,
    pub line: Line,
    pub account: String,
    base: String,
}

impl Fake {
    pub async fn new() -> Fake {
        Fake::with("yes", |_| {}, |_| {}).await
    }

    /// With another rule for late answers.
    pub async fn late_push(rule: &str) -> Fake {
        Fake::with(rule, |_| {}, |_| {}).await
    }

    pub async fn with(
        rule: &str,
        change: impl FnOnce(&mut Config),
        play: impl FnOnce(&mut simulator::line::Config),
    ) -> Fake {
        if let Ok(level) = std::env::var("SALA_TEST_LOG") {
            sala::telemetry::start_log(&level, sala::telemetry::LogFormat::Auto);
        }
        let app = TestApp::with(change).await;
        let base = listen(&app.app).await;
        let mut config = simulator::line::Config::default();
        play(&mut config);
        let line = Line::start("127.0.0.1:0".parse().unwrap(), config).await.unwrap();
        let account = connect(&app, &line, rule, "token").await;
        Fake { app, line, account, base }
    }

    /// One more account at the same LINE.
    pub async fn another_account(&self) -> String {
        connect(&self.app, &self.line, "yes", "another").await
    }

    /// A room of the account with this customer.
    pub async fn room(&self, name: &str) -> String {
        self.app.room(&self.account, &user_id(name)).await
    }

    /// The room that this customer's own message has opened.
    pub async fn room_of(&self, name: &str) -> String {
        let mut conn = self.app.app.db.read().await.unwrap();
        let id: uuid::Uuid =
            conn.sql("select id from room where external_id = $1").bind(user_id(name)).one().await.unwrap();
        id.to_string()
    }

    /// Where LINE posts the account's events.
    pub fn webhook(&self) -> String {
        format!("{}/channels/line/{}", self.base, self.account)
    }

    /// The customer writes.
    pub async fn say(&self, name: &str, text: &str) -> Report {
        self.event(json!({"type": "message", "userId": user_id(name), "text": text})).await
    }

    /// LINE posts one event, which is taken.
    pub async fn event(&self, event: Value) -> Report {
        self.callback(Callback::to(self.webhook()).event(event)).await
    }

    /// LINE posts a callback, which is taken.
    pub async fn callback(&self, callback: Callback) -> Report {
        let report = self.line.callback(callback).await.unwrap();
        for post in &report.posts {
            assert_eq!(post.status, Some(200), "{post:?}");
        }
        report
    }

    /// Sends a text and answers its id.
    pub async fn send(&self, room: &str, text: &str) -> String {
        let sent = self.app.send(room, text).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        sent.data()["id"].as_str().unwrap().to_owned()
    }

    /// Runs the jobs that are due.
    pub async fn run(&self) {
        self.app.run_jobs().await;
    }

    /// Time passes, here and at LINE.
    pub fn advance(&self, by: Duration) {
        self.app.advance(by);
        self.line.advance(by);
    }

    /// Time passes and what is due then is done.
    pub async fn later(&mut self, by: Duration) {
        self.advance(by);
        if by >= Duration::from_secs(60) {
            // The test's token may have come to its end.
            self.app.token = self.app.token_for(&self.app.client).await;
        }
        // An account is looked at anew after a moment of real time; the test does not wait for it.
        self.app.app.accounts.forget(&self.account);
        self.run().await;
    }

    /// A fault for the next calls to a path.
    pub fn fault(&self, kind: FaultKind, path: &str, times: u64) {
        self.line.fault(Fault::new(kind).path(path).times(times));
    }

    /// What this customer has seen.
    pub fn seen(&self, name: &str) -> Vec<Delivered> {
        self.line.sent().into_iter().filter(|sent| sent.to == user_id(name)).collect()
    }

    /// The texts that this customer has seen.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.seen(name).iter().map(|sent| sent.message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The calls to a path.
    pub fn calls(&self, path: &str) -> Vec<Recorded> {
        self.line.requests().into_iter().filter(|request| request.path.starts_with(path)).collect()
    }

    /// The account as `sala account list` shows it.
    pub async fn listed(&self) -> account::Listed {
        let mut conn = self.app.app.db.read().await.unwrap();
        let listed = account::list(&mut conn, COMPANY).await.unwrap();
        listed.into_iter().find(|listed| listed.id == self.account).unwrap()
    }

    /// The messages of a room, oldest first.
    pub async fn history(&self, room: &str) -> Vec<Value> {
        let page = self.app.get(&format!("/v1/chat/rooms/{room}/messages?take=200")).await;
        let mut messages = page.data()["value"].as_array().unwrap().clone();
        messages.reverse();
        messages
    }

    /// How many rooms there are, whatever became of the test's token.
    pub async fn rooms_in_database(&self) -> i64 {
        let mut conn = self.app.app.db.read().await.unwrap();
        conn.sql("select count(*) from room").one().await.unwrap()
    }

    /// The rooms as the list of conversations shows them.
    pub async fn rooms(&self) -> Vec<Value> {
        let page = self.app.post("/v1/conversation/enquiry", json!({})).await;
        page.data()["value"].as_array().unwrap().clone()
    }
}

async fn connect(app: &TestApp, line: &Line, rule: &str, token: &str) -> String {
    let new = NewAccount {
        company: COMPANY,
        platform: Platform::Line,
        name: "Shop".to_owned(),
        credentials: Some(credentials(token)),
        api_base: Some(line.url()),
        late_push: rule.to_owned(),
    };
    account::create(&app.app.db, &app.app.vault, new, app.app.now()).await.unwrap().id
}

/// Lets a node listen, so that others can call it; answers its base address.
pub async fn listen(app: &sala::app::App) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(listen::serve(listener, Server::new(app.clone()), std::future::pending()));
    base
}

//! A server for one test: a database of its own, a clock that stands, jobs that run when told.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use channel::Platform;
use clap::Parser;
use sala::MIGRATIONS;
use sala::app::{App, Clock};
use sala::chat::account::{self, Credentials, NewAccount};
use sala::chat::room;
use sala::config::Config;
use sala::http::Server;
use sala::media::Store;
use sala::oauth::{self, NewClient};
use sala::setting::company;
use sala::vault::{Vault, new_key};
use serde_json::{Value, json};
use uuid::Uuid;

/// The company of most tests.
pub const COMPANY: i64 = 507;

/// Which engine this run is about.
pub fn is_postgres() -> bool {
    match std::env::var("SALA_TEST_DATABASE").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("SALA_TEST_DATABASE is {other:?}, not sqlite or postgres"),
    }
}

/// A database for one test, gone with it.
pub struct TestDatabase {
    /// Its address, as `--database` takes it.
    pub url: String,
    /// A folder of the test's own.
    pub folder: PathBuf,
    admin: Option<(String, String)>,
}

impl TestDatabase {
    /// A database at this address, which is not dropped with the test.
    pub fn at(url: &str) -> TestDatabase {
        let folder = std::env::temp_dir().join(format!("sala_{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        TestDatabase { url: url.to_owned(), folder, admin: None }
    }

    /// An empty database.
    pub async fn new() -> TestDatabase {
        let name = format!("sala_{}", Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        if !is_postgres() {
            let url = format!("sqlite:{}", folder.join("sala.db").display());
            return TestDatabase { url, folder, admin: None };
        }
        let server = std::env::var("SALA_TEST_POSTGRES").expect("SALA_TEST_POSTGRES: run through scripts/postgres.sh");
        postgres(&server, &format!("create database {name}")).await;
        let (base, query) = server.split_once('?').map_or((server.as_str(), ""), |(base, query)| (base, query));
        let (base, _) = base.rsplit_once('/').unwrap();
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        TestDatabase { url: format!("{base}/{name}{query}"), folder, admin: Some((server, name)) }
    }
}

/// Runs one statement on the PostgreSQL server itself.
pub async fn postgres(server: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
    drop(client);
    let _ = connection.await;
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some((server, name)) = self.admin.take() {
            // A runtime of its own: the test's may be ending.
            let dropped = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(postgres(&server, &format!("drop database {name} with (force)")));
            });
            let _ = dropped.join();
        }
    }
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    config: Config,
}

/// The settings of `sala serve` without any option.
pub fn default_config() -> Config {
    Defaults::parse_from(["test"]).config
}

/// A server in this process.
pub struct TestApp {
    pub app: App,
    pub client: NewClient,
    pub token: String,
    pub database: TestDatabase,
    server: Server,
    /// Encrypts its stored credentials.
    pub key: String,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    /// The body as it came, where the order of properties or the exact bytes matter.
    pub text: String,
    /// The same where it is no text.
    pub bytes: axum::body::Bytes,
}

impl Answer {
    /// The envelope's data, which must be there.
    pub fn data(&self) -> &Value {
        assert_eq!(self.body["status"]["code"], "1000", "{self:?}");
        &self.body["data"]
    }

    /// `(code, field)` of every error.
    pub fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {self:?}"));
        errors.iter().map(|error| (error["code"].as_str().unwrap(), error["field"].as_str().unwrap())).collect()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl TestApp {
    /// A server with company 507 and a client with every scope.
    pub async fn new() -> TestApp {
        TestApp::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> TestApp {
        TestApp::on(TestDatabase::new().await, change).await
    }

    /// The same on a given database.
    pub async fn on(database: TestDatabase, change: impl FnOnce(&mut Config)) -> TestApp {
        let reader = Some(env!("CARGO_BIN_EXE_sala").into());
        let mut config = Config { rate_limit: 0, reader, ..default_config() };
        change(&mut config);
        let db = db::Db::open(&database.url, db::Options::default()).await.unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        let clock = Clock::at(Clock::System.now());
        let media = Store::open(&database.folder.join("media").display().to_string()).unwrap();
        let key = new_key().unwrap();
        let vault = Vault::from_text(&key).unwrap();
        let metrics = sala::telemetry::start_metrics();
        let app = App::new(config, db, vault, media, clock, metrics).unwrap();
        company::create(&app.db, Some(COMPANY), "Siam Tools", "Asia/Bangkok", app.now()).await.unwrap();
        let scopes = sala::http::operations().scopes();
        let client = oauth::create_client(&app.db, COMPANY, "Integration", &scopes, app.now()).await.unwrap();
        let server = Server::new(app.clone());
        let mut test = TestApp { app, client, token: String::new(), database, server, key };
        test.token = test.token_for(&test.client).await;
        test
    }

    /// A server on another database that holds the same company, with the same key and client.
    pub async fn moved_to(&self, database: TestDatabase) -> TestApp {
        let (app, server) = self.node_of(&database, self.app.config.clone()).await;
        let (client, key) = (self.client.clone(), self.key.clone());
        let mut test = TestApp { app, client, token: String::new(), database, server, key };
        test.token = test.token_for(&test.client).await;
        test
    }

    /// A second node on the same database, with parts of its own.
    pub async fn second_node(&self) -> (App, Server) {
        self.node(|_| {}).await
    }

    /// The same with other settings.
    pub async fn node(&self, change: impl FnOnce(&mut Config)) -> (App, Server) {
        let mut config = self.app.config.clone();
        change(&mut config);
        self.node_of(&self.database, config).await
    }

    /// A node of another database, with this one's key and time.
    pub async fn node_of(&self, database: &TestDatabase, config: Config) -> (App, Server) {
        let db = db::Db::open(&database.url, db::Options::default()).await.unwrap();
        let media = Store::open(&database.folder.join("media").display().to_string()).unwrap();
        let vault = Vault::from_text(&self.key).unwrap();
        let clock = Clock::at(self.app.now());
        let app = App::new(config, db, vault, media, clock, None).unwrap();
        (app.clone(), Server::new(app))
    }

    /// A token for this client.
    pub async fn token_for(&self, client: &NewClient) -> String {
        let (id, secret) = (&client.client_id, &client.client_secret);
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let request = Request::post("/authorization/connect/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("ocp-apim-subscription-key", &client.subscription_key);
        let answer = self.call(request.body(Body::from(form)).unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Posts a form without a token.
    pub async fn form(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.call(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Sends any request.
    pub async fn call(&self, request: Request<Body>) -> Answer {
        answer(&self.server, request).await
    }

    /// Sends any request, and leaves the body of the answer unread.
    pub async fn begin(&self, request: Request<Body>) -> axum::response::Response {
        self.server.call(request).await
    }

    /// Sends any request whose answer is a file: its status, headers and bytes.
    pub async fn file(&self, request: Request<Body>) -> (u16, HeaderMap, Vec<u8>) {
        let (parts, body) = self.server.call(request).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status.as_u16(), parts.headers, bytes.to_vec())
    }

    /// Sends a request with the token, more headers, and a JSON body.
    pub async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        self.call(request(&self.token, method, path, headers, body)).await
    }

    /// Sends a request with the token of another client.
    pub async fn request_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call(request(token, method, path, &[], body)).await
    }

    /// One more client with a token: of the test's company or of another, which is made when it is not there.
    pub async fn tenant(&self, company: i64, scopes: &[&str]) -> Tenant {
        self.ensure_company(company).await;
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let client = oauth::create_client(&self.app.db, company, "Another", &scopes, self.app.now()).await.unwrap();
        let token = self.token_for(&client).await;
        Tenant { client, token }
    }

    async fn ensure_company(&self, company: i64) {
        let known = company::find(&mut self.app.db.read().await.unwrap(), company).await.unwrap();
        if known.is_none() {
            company::create(&self.app.db, Some(company), "Other", "Asia/Bangkok", self.app.now()).await.unwrap();
        }
    }

    /// A sandbox room of any company on any platform.
    pub async fn room_of(&self, company: i64, platform: Platform, external_id: &str) -> String {
        self.ensure_company(company).await;
        let new = NewAccount {
            company,
            platform,
            name: "Account".to_owned(),
            credentials: None,
            api_base: None,
            late_push: "yes".to_owned(),
        };
        let account = account::create(&self.app.db, &self.app.vault, new, self.app.now()).await.unwrap().id;
        let made = room::create(&self.app.db, company, &account, external_id, None, "Somchai", self.app.now()).await;
        made.unwrap().id.to_string()
    }

    /// Runs one statement of the test's own, where no operation brings about what a test needs.
    pub async fn sql(&self, statement: &'static str) {
        let done = self.app.db.write(async |mut tx| tx.sql(statement).exec().await).await;
        let done: Result<u64, db::Error> = done;
        done.unwrap();
    }

    /// A person of a role who is signed in: invited by the test's client, with a password set by the link.
    pub async fn signed_in(&self, role: &str, email: &str) -> Session {
        let invitation = json!({"email": email, "firstname": "Nok", "lastname": role, "roleId": role});
        let invited = self.post("/v1/console/users", invitation).await;
        assert_eq!(invited.status, 201, "{invited:?}");
        let url = invited.data()["link"]["url"].as_str().unwrap();
        let (_, token) = url.rsplit_once('/').unwrap();
        let set = Request::post(format!("/v1/auth/links/{token}")).header("content-type", "application/json");
        let set = self.call(set.body(Body::from(json!({"password": PASSWORD}).to_string())).unwrap()).await;
        assert_eq!(set.status, 201, "{set:?}");
        Session { cookie: cookie_of(&set), id: set.data()["me"]["user"]["id"].as_str().unwrap().to_owned() }
    }

    /// Sends a request as the console's page does for a person who is signed in.
    pub async fn as_person(&self, session: &Session, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call(session.request(method, path, body)).await
    }

    /// Gets with the token.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[], None).await
    }

    /// Posts JSON with the token.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, &[], Some(body)).await
    }

    /// A sandbox account on LINE.
    pub async fn sandbox(&self) -> String {
        self.account(Platform::Line, None, None).await
    }

    /// An account.
    pub async fn account(
        &self,
        platform: Platform,
        credentials: Option<Credentials>,
        api_base: Option<String>,
    ) -> String {
        let new = NewAccount {
            company: COMPANY,
            platform,
            name: "Account".to_owned(),
            credentials,
            api_base,
            late_push: "yes".to_owned(),
        };
        account::create(&self.app.db, &self.app.vault, new, self.app.now()).await.unwrap().id
    }

    /// A room of an account for this customer.
    pub async fn room(&self, account: &str, external_id: &str) -> String {
        let made = room::create(&self.app.db, COMPANY, account, external_id, None, "Somchai", self.app.now()).await;
        made.unwrap().id.to_string()
    }

    /// A LINE sandbox with one room.
    pub async fn sandbox_room(&self) -> String {
        let account = self.sandbox().await;
        self.room(&account, "U1").await
    }

    /// Sends a text message.
    pub async fn send(&self, room: &str, text: &str) -> Answer {
        self.post("/v1/chat/message", text_message(room, text)).await
    }

    /// Runs the jobs that are due until none is; answers how many runs there were.
    pub async fn run_jobs(&self) -> usize {
        sala::job::run_due(&self.app).await.unwrap()
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    /// One message, with its attempts.
    pub async fn message(&self, id: &str) -> Value {
        self.get(&format!("/v1/chat/message/{id}")).await.data().clone()
    }
}

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery";

/// A person who is signed in.
pub struct Session {
    /// The cookie, as a browser sends it.
    pub cookie: String,
    /// The user id.
    pub id: String,
}

impl Session {
    /// A request of the console's page.
    pub fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        request = request.header("sec-fetch-site", "same-origin").header("x-sala-console", "1");
        match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
            }
            None => request.body(Body::empty()).unwrap(),
        }
    }
}

/// The cookie that an answer sets, as a browser sends it back.
pub fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// One more client.
pub struct Tenant {
    pub client: NewClient,
    pub token: String,
}

/// A request with a token, more headers, and a JSON body.
pub fn request(
    token: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    request.body(body).unwrap()
}

/// Sends a request to a server and reads the answer.
pub async fn answer(server: &Server, request: Request<Body>) -> Answer {
    let response = server.call(request).await;
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(text));
    Answer { status: parts.status.as_u16(), headers: parts.headers, body, text, bytes }
}

/// The body of send-message for a text on LINE.
pub fn text_message(room: &str, text: &str) -> Value {
    json!({"roomId": room, "content": text, "type": "message", "platform": "line", "companyId": COMPANY})
}

//! The program itself: its commands, what they print, and how a server starts and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sala::vault::new_key;
use serde_json::{Value, json};

use crate::app::{TestDatabase, is_postgres};

/// The program, on a database of its own.
pub struct Sala {
    pub database: TestDatabase,
    key: String,
}

impl Sala {
    pub async fn new() -> Sala {
        Sala { database: TestDatabase::new().await, key: new_key().unwrap() }
    }

    /// A command with nothing but this database in its environment; PostgreSQL needs the key, SQLite makes a file.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sala"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALA_")) {
            command.env_remove(name);
        }
        command.args(args).env("SALA_DATABASE", &self.database.url).current_dir(&self.database.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if is_postgres() {
            command.env("SALA_SECRET_KEY", &self.key);
        }
        command
    }

    /// What a command prints that must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        printed(&self.command(args).output().unwrap())
    }

    /// The same as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// What a command complains of that must fail.
    fn refused(&self, args: &[&str]) -> String {
        complaint(&self.command(args).output().unwrap())
    }

    /// Starts a server on a free port.
    pub fn serve(&self, args: &[&str]) -> Serving {
        let all = [&["serve", "--listen", "127.0.0.1:0", "--log", "debug", "--log-format", "json"], args].concat();
        let mut child = self.command(&all).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).unwrap();
            String::from_utf8_lossy(&log).into_owned()
        });
        // Read to its end: a server whose output nobody reads cannot go on printing.
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(told.send(line))));
        let first = lines.recv().expect("the server says where it listens");
        let address = first.strip_prefix("Sala listens on http://").unwrap().parse().unwrap();
        let mut welcome = String::new();
        while args.contains(&"--demo") && !welcome.contains("/channels/sandbox/") {
            welcome.push_str(&lines.recv().expect("the demo's calls are printed"));
            welcome.push('\n');
        }
        Serving { child, address, welcome, log: Some(log) }
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "errors go to standard error: {output:?}");
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(complaint.contains("error: "), "{complaint}");
    complaint
}

/// A server in a process of its own.
pub struct Serving {
    child: Child,
    pub address: SocketAddr,
    welcome: String,
    log: Option<JoinHandle<String>>,
}

/// No test waits longer than this for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

impl Serving {
    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until the process is gone; answers whether it ended well, and what it logged.
    pub fn wait(&mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(started.elapsed() < PATIENCE, "the server does not end"),
            }
            std::thread::yield_now();
        };
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request over a connection of its own; answers the status and the body.
pub fn http(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: sala\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    read_answer(&answer)
}

fn read_answer(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn records_are_made_listed_and_removed() {
    let sala = Sala::new().await;
    let company = sala.json(&["company", "create", "--name", "Siam Tools", "--id", "507", "--json"]);
    assert_eq!(
        (&company["id"], &company["name"], &company["time_zone"]),
        (&json!(507), &json!("Siam Tools"), &json!("Asia/Bangkok"))
    );
    let next = sala.json(&["--json", "company", "create", "--name", "Next", "--time-zone", "Asia/Ho_Chi_Minh"]);
    assert_eq!(next["id"], 508, "without a number it gets the next one");
    let companies = sala.json(&["company", "--json", "list"]);
    assert_eq!(companies, json!([company, next]));

    let client = sala.json(&["client", "create", "--company", "507", "--name", "Shop", "--scope", "chat:read"]);
    for secret in ["client_id", "client_secret", "subscription_key"] {
        assert!(client[secret].as_str().unwrap().len() >= 10, "{client}");
    }
    assert_eq!((&client["id"], &client["scopes"]), (&client["client_id"], &json!(["chat:read"])));
    let id = client["id"].as_str().unwrap();
    let listed = sala.ok(&["client", "list", "--company", "507", "--json"]);
    assert!(!listed.contains(client["client_secret"].as_str().unwrap()), "a secret is shown once");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["revoked_at"]), (&json!(id), &Value::Null));
    sala.ok(&["client", "revoke", id, "--company", "507"]);
    assert!(sala.json(&["--json", "--company", "507", "client", "list"])[0]["revoked_at"].is_i64());

    let account = sala.json(&[
        "account",
        "create",
        "--company",
        "507",
        "--platform",
        "line",
        "--name",
        "Box",
        "--sandbox",
        "--json",
    ]);
    let id = account["id"].as_str().unwrap();
    assert_eq!(
        (&account["platform"], &account["sandbox"], &account["state"]),
        (&json!("line"), &json!(true), &json!("active"))
    );
    assert_eq!(sala.json(&["account", "list", "--company", "507", "--json"]), json!([account]));
    assert_eq!(sala.json(&["account", "list", "--company", "508", "--json"]), json!([]));

    let given = "26259b2c-509c-4ff5-a82a-d1b5505b014d";
    let room = [
        "room",
        "create",
        "--company",
        "507",
        "--account",
        id,
        "--external-id",
        "U1",
        "--id",
        given,
        "--name",
        "สมชาย",
        "--json",
    ];
    let made = sala.json(&room);
    assert_eq!((&made["id"], &made["external_id"], &made["name"]), (&json!(given), &json!("U1"), &json!("สมชาย")));
    assert!(sala.refused(&room).contains("already"));

    let webhook = sala.json(&[
        "webhook",
        "create",
        "--company",
        "507",
        "--url",
        "https://example.com/in",
        "--topic",
        "Chat",
        "--json",
    ]);
    assert_eq!((&webhook["id"], &webhook["topics"]), (&json!(1), &json!(["Chat"])));
    let secret = webhook["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let listed = sala.ok(&["webhook", "list", "--company", "507", "--json"]);
    assert!(!listed.contains(secret));
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()[0]["url"], "https://example.com/in");

    sala.ok(&["webhook", "remove", "1", "--company", "507"]);
    assert_eq!(sala.json(&["webhook", "list", "--company", "507", "--json"]), json!([]));
    sala.ok(&["account", "remove", id, "--company", "507"]);
    assert_eq!(sala.json(&["account", "list", "--company", "507", "--json"]), json!([]));
    let text = sala.ok(&["company", "list"]);
    assert!(text.contains("id=507") && text.lines().count() == 2, "without --json a line for each: {text}");
}

#[tokio::test]
async fn what_goes_wrong_is_said_on_standard_error() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let unused = "00000000-0000-4000-8000-000000000000";
    for (args, why) in [
        (&["company", "create", "--name", "Twice", "--id", "507"][..], "507"),
        (&["company", "create", "--name", " "], "name"),
        (&["company", "create", "--name", "X", "--id", "0"], "1 or more"),
        (&["company", "create", "--name", "X", "--time-zone", "Mars/Base"], "Mars/Base"),
        (&["company", "create"], "--name"),
        (&["client", "list"], "--company"),
        (&["client", "create", "--company", "9", "--name", "X"], "company 9"),
        (&["client", "create", "--company", "507", "--name", "X", "--scope", "money:print"], "money:print"),
        (&["client", "revoke", "nobody", "--company", "507"], "client"),
        (&["client", "revoke", "--company", "507"], "ID"),
        (&["account", "create", "--company", "507", "--platform", "fax", "--name", "X", "--sandbox"], "fax"),
        (&["account", "create", "--company", "507", "--platform", "line", "--name", "X"], "--channel-secret"),
        (
            &[
                "account",
                "create",
                "--company",
                "507",
                "--platform",
                "messenger",
                "--name",
                "X",
                "--channel-secret",
                "a",
            ],
            "--sandbox",
        ),
        (&["account", "remove", "507-none", "--company", "507"], "account"),
        (&["room", "create", "--company", "507", "--account", "507-none", "--external-id", "U1"], "507-none"),
        (
            &["room", "create", "--company", "507", "--account", "a", "--external-id", "U1", "--id", "no-uuid"],
            "no-uuid",
        ),
        (&["webhook", "create", "--company", "507", "--url", "ftp://example.com"], "https://"),
        (&["webhook", "create", "--company", "507", "--url", "https://u:p@example.com"], "credentials"),
        (&["webhook", "create", "--company", "507", "--url", "https://example.com", "--topic", "Weather"], "Weather"),
        (&["webhook", "remove", "7", "--company", "507"], "webhook"),
        (&["webhook", "remove", unused, "--company", "507"], unused),
        (&["serve", "--listen", "nowhere"], "nowhere"),
        (&["--database", "mysql://x/y", "company", "list"], "sqlite: or postgres://"),
        (&["fly"], "fly"),
    ] {
        let complaint = sala.refused(args);
        assert!(complaint.contains(why), "{args:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{args:?}: {complaint}");
    }
}

#[tokio::test]
async fn every_option_also_comes_from_the_environment() {
    let sala = Sala::new().await;
    let mut company = sala.command(&["company", "create"]);
    company.env("SALA_NAME", "Siam Tools").env("SALA_ID", "507").env("SALA_JSON", "true");
    let company: Value = serde_json::from_str(&printed(&company.output().unwrap())).unwrap();
    assert_eq!(company["id"], 507);
    let mut client = sala.command(&["client", "create"]);
    client.env("SALA_COMPANY", "507").env("SALA_NAME", "Shop").env("SALA_SCOPE", "chat:read chat:write");
    let client: Value = serde_json::from_str(&printed(&client.output().unwrap())).unwrap();
    assert_eq!(client["scopes"], json!(["chat:read", "chat:write"]));
    let mut listed = sala.command(&["client", "list"]);
    listed.env("SALA_COMPANY", "507").env("SALA_JSON", "false");
    assert!(!printed(&listed.output().unwrap()).starts_with('['));
}

#[tokio::test]
async fn secrets_come_from_the_environment_or_standard_input_and_are_never_shown() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let create = ["account", "create", "--company", "507", "--platform", "line", "--name", "LINE", "--json"];
    let (secret, token) = ("hush-secret-5f6b", "hush-token-7d31");

    let mut by_environment = sala.command(&create);
    by_environment.env("SALA_CHANNEL_SECRET", secret).env("SALA_ACCESS_TOKEN", token);
    let mut by_input = sala.command(&[&create[..], &["--channel-secret", "-", "--access-token", "-"]].concat());
    let mut child = by_input.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{secret}\n{token}").unwrap();
    let by_option = [&create[..], &["--channel-secret", secret, "--access-token", token]].concat();
    let mut help = sala.command(&["account", "create", "--help"]);
    help.env("SALA_CHANNEL_SECRET", secret).env("SALA_ACCESS_TOKEN", token).env("SALA_SECRET_KEY", "hush");

    let outputs = [
        by_environment.output().unwrap(),
        child.wait_with_output().unwrap(),
        sala.command(&by_option).output().unwrap(),
        sala.command(&["account", "list", "--company", "507", "--json"]).output().unwrap(),
        help.output().unwrap(),
    ];
    for output in &outputs {
        assert!(output.status.success(), "{output:?}");
        let shown = [output.stdout.clone(), output.stderr.clone()].concat();
        assert!(!String::from_utf8_lossy(&shown).contains("hush"), "{output:?}");
    }
    let listed: Value = serde_json::from_slice(&outputs[3].stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3);

    let db = db::Db::open(&sala.database.url, db::Options::default()).await.unwrap();
    let stored: Vec<Vec<u8>> = db.read().await.unwrap().sql("select secrets from account").all().await.unwrap();
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|sealed| !String::from_utf8_lossy(sealed).contains("hush")), "they are stored encrypted");
    db.close().await;
}

#[tokio::test]
async fn the_key_is_asked_for_on_postgresql_and_made_beside_sqlite() {
    let sala = Sala::new().await;
    let create = ["account", "create", "--company", "507", "--platform", "line", "--name", "A", "--sandbox"];
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    if is_postgres() {
        for args in [&create[..], &["serve", "--listen", "127.0.0.1:0"]] {
            let complaint = complaint(&sala.command(args).env_remove("SALA_SECRET_KEY").output().unwrap());
            assert!(complaint.contains("SALA_SECRET_KEY") && complaint.contains("openssl rand -hex 32"), "{complaint}");
        }
    } else {
        sala.ok(&create);
        let file = sala.database.folder.join("sala.key");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&file).unwrap().trim().len(), 64);
    }
    for bad in ["short", "", &"zz".repeat(32)] {
        let complaint = complaint(&sala.command(&create).env("SALA_SECRET_KEY", bad).output().unwrap());
        assert!(complaint.contains("openssl rand -hex 32"), "{bad:?}: {complaint}");
    }
}

/// The findings of `sala doctor` but for the disk's, which is not the test's; its exit code follows from all.
fn doctor(sala: &Sala, key: Option<&str>) -> Vec<Value> {
    let mut command = sala.command(&["doctor", "--offline", "--json"]);
    if let Some(key) = key {
        command.env("SALA_SECRET_KEY", key);
    }
    let output = command.output().unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let well = findings.iter().all(|finding| finding["ok"] == true);
    assert_eq!(output.status.code(), Some(i32::from(!well)), "{findings:?}");
    assert!(findings.iter().any(|finding| finding["check"] == "disk"));
    findings.into_iter().filter(|finding| finding["check"] != "disk").collect()
}

/// The messages of what is wrong.
fn wrong(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter(|finding| finding["ok"] == false)
        .map(|finding| finding["message"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_new_key_keeps_credentials_readable() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let credentials = ["--channel-secret", "a", "--access-token", "b"];
    sala.ok(
        &[&["account", "create", "--company", "507", "--platform", "line", "--name", "A"][..], &credentials].concat()
    );
    sala.ok(&["webhook", "create", "--company", "507", "--url", "https://example.com/in"]);
    assert_eq!(wrong(&doctor(&sala, None)), [""; 0]);
    if is_postgres() {
        let new = sala.ok(&["key", "new"]).trim().to_owned();
        let both = format!("{new},{}", sala.key);
        let rotated = printed(&sala.command(&["key", "rotate"]).env("SALA_SECRET_KEY", both).output().unwrap());
        assert!(rotated.starts_with("2 credentials"), "{rotated}");
        assert_eq!(wrong(&doctor(&sala, Some(&new))), [""; 0]);
        let stale = doctor(&sala, None);
        assert!(wrong(&stale)[0].contains("cannot be decrypted"), "{stale:?}");
    } else {
        let file = sala.database.folder.join("sala.key");
        let old = std::fs::read_to_string(&file).unwrap();
        let rotated = sala.ok(&["key", "rotate"]);
        assert!(rotated.starts_with("2 credentials"), "{rotated}");
        assert_ne!(std::fs::read_to_string(&file).unwrap(), old);
        assert_eq!(wrong(&doctor(&sala, None)), [""; 0]);
        let stale = doctor(&sala, Some(old.trim()));
        assert!(wrong(&stale)[0].contains("cannot be decrypted"), "{stale:?}");
    }
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_and_how_to_mend_it() {
    let sala = Sala::new().await;
    let unmade = doctor(&sala, None);
    assert!(wrong(&unmade)[0].contains("run: sala migrate"), "{unmade:?}");
    let migrated = sala.ok(&["migrate"]);
    assert!(migrated.starts_with(&format!("{} migrations applied", sala::MIGRATIONS.len())), "{migrated}");
    assert!(sala.ok(&["migrate"]).starts_with("0 migrations applied"), "a second time there is nothing to do");
    assert_eq!(wrong(&doctor(&sala, None)), [""; 0]);

    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    sala.ok(&["webhook", "create", "--company", "507", "--url", "https://example.com/in"]);
    // Nobody listens there, so the doctor cannot reach the account's provider.
    let api = ["--channel-secret", "a", "--access-token", "b", "--api-base", "http://127.0.0.1:9"];
    sala.ok(&[&["account", "create", "--company", "507", "--platform", "line", "--name", "A"][..], &api].concat());
    let online = sala.command(&["doctor", "--json"]).output().unwrap();
    assert_eq!(online.status.code(), Some(1), "{online:?}");

    let db = db::Db::open(&sala.database.url, db::Options::default()).await.unwrap();
    for (change, advice) in [
        (
            "update webhook set state = 'paused', state_reason = 'it failed for 3 days'",
            "sala webhook resume 1 --company 507",
        ),
        ("update webhook set state = 'active', failing_since = 1", "has failed for more than an hour"),
        ("update account set state = 'broken', state_reason = 'token expired'", "sala account renew"),
        ("update account set state = 'stopped'", "raise the plan"),
    ] {
        let changed: Result<u64, db::Error> = db.write(async |mut tx| tx.sql(change).exec().await).await;
        assert_eq!(changed.unwrap(), 1);
        let findings = doctor(&sala, None);
        assert!(wrong(&findings).iter().any(|message| message.contains(advice)), "{change}: {findings:?}");
    }
    db.close().await;
    let text = sala.command(&["doctor", "--offline"]).output().unwrap();
    assert_eq!(text.status.code(), Some(1));
    assert!(String::from_utf8(text.stdout).unwrap().contains("BAD  account"));
}

#[tokio::test]
async fn the_document_is_printed() {
    let sala = Sala::new().await;
    assert_eq!(sala.json(&["openapi"]), crate::every_endpoint::document());
}

/// The words of a shell command: enough of the shell for the lines that a server prints.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter == ' ' => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Does what a printed `curl` does.
fn curl(address: SocketAddr, line: &str, token: &str) -> (u16, Value) {
    let (_, line) = line.split_once("curl ").unwrap();
    let line = line.replace("$TOKEN", token);
    let words = words(line.split(" | ").next().unwrap());
    let base = format!("http://{address}");
    let path = words.iter().find_map(|word| word.strip_prefix(&base)).expect("the line names the server").to_owned();
    let after = |option: &str| -> Vec<String> {
        words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].clone()).collect()
    };
    let mut headers: Vec<(String, String)> = after("-H")
        .into_iter()
        .map(|header| header.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap())
        .collect();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
    }
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (status, body) = http(address, "POST", &path, &headers, &after("-d").join("&"));
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn the_demo_prints_calls_that_work() {
    let sala = Sala::new().await;
    // A second start is as good as the first, with a new client and the same room.
    for number in ["1", "3"] {
        let mut serving = sala.serve(&["--demo"]);
        let lines: Vec<&str> = serving.welcome.lines().filter(|line| line.contains("curl ")).collect();
        let [token, message, customer] = lines[..] else { panic!("three calls: {}", serving.welcome) };
        let (status, token) = curl(serving.address, token, "");
        assert_eq!(status, 200, "{token}");
        let (status, sent) = curl(serving.address, message, token["access_token"].as_str().unwrap());
        assert_eq!(status, 201, "{sent}");
        assert_eq!(sent["data"].as_object().unwrap().len(), 11);
        assert_eq!((&sent["data"]["vwId"], &sent["data"]["content"]), (&json!(number), &json!("Hello, world")));
        let (status, said) = curl(serving.address, customer, "");
        assert_eq!((status, &said["data"]["roomId"]), (201, &sent["data"]["roomId"]));
        assert_eq!(said["data"]["isFirstCustomerMessage"], number == "1");
        serving.terminate();
        assert_eq!(serving.wait().0, Some(0));
    }
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "600"]);
    let clients = sala.json(&["client", "list", "--company", "507", "--json"]);
    let open = clients.as_array().unwrap().iter().filter(|client| client["revoked_at"].is_null()).count();
    assert_eq!((clients.as_array().unwrap().len(), open), (2, 1), "the former start's client is revoked");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_finishes_what_it_has_begun() {
    let sala = Sala::new().await;
    let mut serving = sala.serve(&["--demo"]);
    let token = serving.welcome.lines().find(|line| line.starts_with("TOKEN=")).unwrap();
    let token = curl(serving.address, token, "").1["access_token"].as_str().unwrap().to_owned();

    // An idle connection must not keep the server.
    let idle = TcpStream::connect(serving.address).unwrap();
    let body = json!({"roomId": "26259b2c-509c-4ff5-a82a-d1b5505b014d", "content": "Last words", "type": "message",
                      "platform": "line", "companyId": 507})
    .to_string();
    let mut begun = TcpStream::connect(serving.address).unwrap();
    write!(
        begun,
        "POST /v1/chat/message HTTP/1.1\r\nhost: sala\r\nauthorization: Bearer {token}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    // The server asks for the body: it has begun.
    let mut reader = BufReader::new(begun.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    reader.read_line(&mut line).unwrap();

    serving.terminate();
    let started = Instant::now();
    while TcpStream::connect(serving.address).is_ok() {
        assert!(started.elapsed() < PATIENCE, "the server goes on accepting");
        std::thread::yield_now();
    }
    begun.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).unwrap();
    let (status, answer) = read_answer(&answer);
    assert_eq!(status, 201, "{answer}");
    assert_eq!(serving.wait().0, Some(0));
    drop(idle);

    let serving = sala.serve(&["--demo"]);
    let token = serving.welcome.lines().find(|line| line.starts_with("TOKEN=")).unwrap();
    let token = curl(serving.address, token, "").1["access_token"].as_str().unwrap().to_owned();
    let path = "/v1/chat/rooms/26259b2c-509c-4ff5-a82a-d1b5505b014d/messages";
    let bearer = format!("Bearer {token}");
    let (_, history) = http(serving.address, "GET", path, &[("authorization", &bearer)], "");
    assert!(history.contains("Last words"), "{history}");
}

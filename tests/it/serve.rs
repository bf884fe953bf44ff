//! A server in a process of its own: how it starts, what it prints, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::Sala;

impl Sala {
    /// Starts a server on a free port.
    pub fn serve(&self, args: &[&str]) -> Serving {
        self.serve_on("127.0.0.1:0", args)
    }

    /// The same where it listens at another address.
    pub fn serve_on(&self, listen: &str, args: &[&str]) -> Serving {
        let all = [&["serve", "--listen", listen, "--log", "debug", "--log-format", "json"], args].concat();
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
        while args.contains(&"--demo") && !welcome.contains("/messages -H") {
            welcome.push_str(&lines.recv().expect("the demo's calls are printed"));
            welcome.push('\n');
        }
        Serving { child, address, welcome, log: Some(log) }
    }
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
    // A second start is as good as the first: what was pasted into something after the first goes on working.
    let mut printed = Vec::new();
    for number in ["1", "3"] {
        let mut serving = sala.serve(&["--demo"]);
        let lines: Vec<&str> = serving.welcome.lines().filter(|line| line.contains("curl ")).collect();
        let [token, message, customer, _] = lines[..] else { panic!("four calls: {}", serving.welcome) };
        printed.push(serving.welcome.lines().filter(|line| line.starts_with("  ")).collect::<Vec<_>>().join("\n"));
        let (status, token) = curl(serving.address, token, "");
        assert_eq!(status, 200, "{token}");
        let (status, sent) = curl(serving.address, message, token["access_token"].as_str().unwrap());
        assert_eq!(status, 201, "{sent}");
        assert_eq!(sent["data"].as_object().unwrap().len(), 11);
        assert_eq!((&sent["data"]["vwId"], &sent["data"]["content"]), (&json!(number), &json!("Hello, world")));
        let (status, said) = curl(serving.address, customer, "");
        assert_eq!((status, &said["data"]["roomId"]), (201, &sent["data"]["roomId"]));
        assert_eq!(said["data"]["isFirstCustomerMessage"], number == "1");
        // Whoever tries it gives the company a name of its own.
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let (status, said) = http(serving.address, "PUT", "/v1/setting", &headers, r#"{"name": "Siam Tools"}"#);
        assert_eq!(status, 200, "{said}");
        serving.terminate();
        assert_eq!(serving.wait().0, Some(0));
    }
    sala.ok(&["company", "create", "--name", "Siam Tools Rayong", "--id", "600"]);
    let clients = sala.json(&["client", "list", "--company", "507", "--json"]);
    let open = clients.as_array().unwrap().iter().filter(|client| client["revoked_at"].is_null()).count();
    match crate::app::is_postgres() {
        // There is no file beside the database.
        true => assert_eq!((clients.as_array().unwrap().len(), open), (2, 1), "the former start's client is revoked"),
        false => {
            assert_eq!((clients.as_array().unwrap().len(), open), (1, 1), "the credentials stay");
            assert_eq!(printed[0], printed[1]);
        }
    }
}

#[tokio::test]
async fn the_demo_has_the_records_that_documented_examples_name() {
    let sala = Sala::new().await;
    let serving = sala.serve(&["--demo"]);
    let token = serving.welcome.lines().find(|line| line.starts_with("TOKEN=")).unwrap();
    let token = curl(serving.address, token, "").1["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    // As the reference has them.
    let examples = [
        (
            "PUT",
            "/v1/Employees",
            json!({"staffCode": "EMP001", "email": "patty@example.com", "firstname": "Patty", "lastname": "Saruta",
                   "nickname": "Pat", "phoneNumber": "0800000000", "roleName": "Sales", "teamName": "Team A",
                   "headCode": "EMP000", "isActive": true}),
        ),
        (
            "POST",
            "/v3/customers/satisfaction",
            json!({"AnswerBy": "Bob Name", "SourceName": "NPS [Venio]", "SourceType": 2, "Point": 9, "Comment": "good",
                   "CustomerCode": "C000349", "DateCreated": "2024-02-01 10:00:00"}),
        ),
        (
            "POST",
            "/v1/customerEvent",
            json!({"eventName": "Meeting with Client", "eventType": 1, "eventDate": "2024-02-01T10:00:00",
                   "customerCode": "C000349"}),
        ),
        (
            "GET",
            "/v1/customerEvent/filter?customerCode=C000055&eventTypeIds=1",
            json!({"DateFrom": "2025-01-01T00:00:00", "DateTo": "2025-01-31T23:59:59"}),
        ),
        (
            "PUT",
            "/v1/customerEvent/13",
            json!({"eventName": "Updated Meeting", "eventType": 2, "eventDate": "2024-02-05T14:00:00",
                   "customerCode": "C000349"}),
        ),
        ("DELETE", "/v1/customerEvent/13", Value::Null),
        ("GET", "/v3/customers/C000349", Value::Null),
    ];
    for (method, path, body) in examples {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = http(serving.address, method, path, &headers, &body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        if path.contains("filter") {
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["data"].as_array().map(Vec::len), Some(1), "{answer}");
        }
    }
}

#[tokio::test]
async fn the_demo_is_refused_where_its_number_is_another_companys() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Sala Demo", "--id", "507"]);
    let said = sala.refused(&["serve", "--listen", "127.0.0.1:0", "--demo"]);
    assert!(said.contains("--demo is for a database of its own") && !said.contains("panic"), "{said}");
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

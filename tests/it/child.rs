//! Servers in processes of their own, which can be killed, and the load that they are killed under.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use channel::Platform;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use simulator::line::{Config, Line, user_id};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::app::{TestApp, text_message};
use crate::fake::credentials;

/// Everything that a child must do in time has so long: far more than it needs.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// `sala serve` in a process of its own.
pub struct Server {
    process: Child,
    pub base: String,
}

impl Server {
    /// Serves the test's database; returns when it listens.
    pub fn start(app: &TestApp, options: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sala"));
        Server::launch(app, command.args(["serve"]), options)
    }

    /// The same through a shell that first runs `before`, such as a limit.
    pub fn after(app: &TestApp, before: &str, options: &[&str]) -> Server {
        let script = format!("{before}; exec \"$0\" serve \"$@\"");
        let mut command = Command::new("sh");
        Server::launch(app, command.args(["-c", &script, env!("CARGO_BIN_EXE_sala")]), options)
    }

    fn launch(app: &TestApp, command: &mut Command, options: &[&str]) -> Server {
        let mut process = command
            .args(["--listen", "127.0.0.1:0", "--rate-limit", "0", "--log", "error"])
            .args(["--allow-private-webhooks", "--database", &app.database.url])
            .args(options)
            .env("SALA_SECRET_KEY", &app.key)
            .env("SALA_MEDIA", app.database.folder.join("media"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the server says where it listens").unwrap();
        let base = line.strip_prefix("Sala listens on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Server { process, base }
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) {
        let mut process = self.take();
        tokio::task::spawn_blocking(move || process.wait().unwrap()).await.unwrap();
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to end; answers its exit code and how long it took.
    pub async fn terminate(mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut process = self.take();
        let status = tokio::task::spawn_blocking(move || process.wait().unwrap()).await.unwrap();
        (status.code(), begun.elapsed())
    }

    /// The process, leaving nothing for the drop to kill.
    fn take(&mut self) -> Child {
        let nothing = Command::new("true").spawn().unwrap();
        std::mem::replace(&mut self.process, nothing)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A LINE, an account at it, and rooms whose messages are pushed.
pub struct Shop {
    pub app: TestApp,
    pub line: Line,
    pub rooms: Vec<String>,
}

impl Shop {
    pub async fn new(rooms: usize) -> Shop {
        Shop::on(TestApp::new().await, rooms).await
    }

    pub async fn on(app: TestApp, count: usize) -> Shop {
        let line = Line::start("127.0.0.1:0".parse().unwrap(), Config::default()).await.unwrap();
        let account = app.account(Platform::Line, Some(credentials("token")), Some(line.url())).await;
        let mut rooms = Vec::new();
        for number in 0..count {
            rooms.push(app.room(&account, &user_id(&number.to_string())).await);
        }
        Shop { app, line, rooms }
    }

    /// The messages in the database: room, number, id, content, state.
    pub async fn stored(&self) -> Vec<Stored> {
        let mut conn = self.app.app.db.read().await.unwrap();
        conn.sql("select room, number, id, content, delivery from message order by room, number").all().await.unwrap()
    }

    /// Waits until nothing is on its way any more.
    pub async fn settle(&self) {
        let settled = async {
            while self.stored().await.iter().any(|message| message.delivery == 1) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, settled).await.is_err() {
            let waiting: Vec<Stored> = self.stored().await.into_iter().filter(|one| one.delivery == 1).collect();
            panic!("{} messages still wait, the first is {:?}", waiting.len(), waiting[0]);
        }
    }

    /// Every acknowledged message is there once, and each message was seen once, in the order of its room.
    pub async fn check(&self, acknowledged: &[Acknowledged]) {
        let stored = self.stored().await;
        let mut places: BTreeMap<Uuid, &Stored> = BTreeMap::new();
        for message in &stored {
            assert!(places.insert(message.id, message).is_none());
            assert_eq!(message.delivery, 2, "{message:?}");
        }
        let contents: HashSet<&str> = stored.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(contents.len(), stored.len(), "nothing is stored twice");
        for one in acknowledged {
            let found = places.get(&one.id).unwrap_or_else(|| panic!("{one:?} was acknowledged and is lost"));
            assert_eq!((found.number, &found.content), (one.number, &one.content));
        }
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for sent in self.line.sent() {
            let text = sent.message["text"].as_str().unwrap().to_owned();
            seen.entry(sent.to).or_default().push(text);
        }
        for (number, room) in self.rooms.iter().enumerate() {
            let room: Uuid = room.parse().unwrap();
            let expected: Vec<&str> =
                stored.iter().filter(|one| one.room == room).map(|one| one.content.as_str()).collect();
            let got = seen.remove(&user_id(&number.to_string())).unwrap_or_default();
            assert_eq!(got, expected, "what customer {number} has seen");
        }
        assert!(seen.is_empty());
    }
}

/// A message as the database has it.
#[derive(Debug, Deserialize)]
pub struct Stored {
    pub room: Uuid,
    pub number: i64,
    pub id: Uuid,
    pub content: String,
    pub delivery: i64,
}

/// A message that was answered with 201.
#[derive(Debug)]
pub struct Acknowledged {
    pub id: Uuid,
    pub number: i64,
    pub content: String,
}

/// Connections that send until they are told to stop.
pub struct Load {
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    refused: Arc<Mutex<Vec<(u16, String)>>>,
    broken: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    connections: JoinSet<()>,
}

impl Load {
    /// So many connections, each to the next of the addresses, each of which sends at most `most` messages.
    pub fn start(shop: &Shop, bases: &[&str], connections: usize, most: usize) -> Load {
        Load::with(shop, bases, connections, most, "")
    }

    /// The same with longer messages.
    pub fn with(shop: &Shop, bases: &[&str], connections: usize, most: usize, padding: &str) -> Load {
        let mut load = Load {
            acknowledged: Arc::default(),
            refused: Arc::default(),
            broken: Arc::default(),
            stop: Arc::default(),
            connections: JoinSet::new(),
        };
        let name = Uuid::new_v4().simple().to_string();
        for connection in 0..connections {
            let (name, padding) = (name[..8].to_owned(), padding.to_owned());
            let url = format!("{}/v1/chat/message", bases[connection % bases.len()]);
            let (rooms, token) = (shop.rooms.clone(), shop.app.token.clone());
            let (acknowledged, refused) = (Arc::clone(&load.acknowledged), Arc::clone(&load.refused));
            let (broken, stop) = (Arc::clone(&load.broken), Arc::clone(&load.stop));
            load.connections.spawn(async move {
                let client = Client::builder().timeout(Duration::from_secs(40)).build().unwrap();
                for number in 0..most {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let content = format!("{name} {connection}-{number} {padding}");
                    let room = &rooms[(connection * 7 + number) % rooms.len()];
                    let request = client.post(&url).bearer_auth(&token).header("content-type", "application/json");
                    let sent = request.body(text_message(room, &content).to_string()).send().await;
                    let Ok(answer) = sent else {
                        broken.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    };
                    let status = answer.status().as_u16();
                    let Ok(body) = answer.text().await else { continue };
                    if status != 201 {
                        refused.lock().unwrap().push((status, body));
                        continue;
                    }
                    let data = serde_json::from_str::<Value>(&body).unwrap()["data"].take();
                    let text = |name: &str| data[name].as_str().unwrap().to_owned();
                    let (id, number) = (text("id").parse().unwrap(), text("vwId").parse().unwrap());
                    acknowledged.lock().unwrap().push(Acknowledged { id, number, content });
                }
            });
        }
        load
    }

    /// How many were acknowledged so far.
    pub fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// The messages that were acknowledged so far.
    pub fn so_far(&self) -> Vec<Uuid> {
        self.acknowledged.lock().unwrap().iter().map(|one| one.id).collect()
    }

    /// How many were refused so far.
    pub fn refused(&self) -> usize {
        self.refused.lock().unwrap().len()
    }

    /// Stops the connections; answers what was acknowledged, and what was refused with which status.
    pub async fn end(mut self) -> (Vec<Acknowledged>, Vec<(u16, String)>) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.connections.join_next().await {
            ended.unwrap();
        }
        (std::mem::take(&mut *self.acknowledged.lock().unwrap()), std::mem::take(&mut *self.refused.lock().unwrap()))
    }
}

/// Waits for something that a child brings about.
pub async fn until(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !happened().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "{what} did not happen in time");
}

//! Sala as a child process: its commands, its start, its memory, its end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Result, load};

/// The tenant that everything is measured with.
pub(crate) const COMPANY: i64 = 507;

/// A program and a database.
#[derive(Clone)]
pub(crate) struct Sala {
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) database: String,
}

impl Sala {
    /// On a SQLite file in a folder of its own.
    pub(crate) fn embedded(program: &Path, folder: PathBuf) -> Result<Sala> {
        std::fs::create_dir_all(&folder)?;
        let database = format!("sqlite:{}", folder.join("sala.db").display());
        Ok(Sala { program: program.to_owned(), folder, database })
    }

    /// The SQLite file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("sala.db")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("SALA_DATABASE", &self.database).env("SALA_COMPANY", COMPANY.to_string());
        if self.database.starts_with("postgres") {
            command.env("SALA_SECRET_KEY", "6b".repeat(32));
        }
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Starts a command, which says nothing here.
    pub(crate) fn start(&self, words: &[&str]) -> Result<Child> {
        Ok(self.command().args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Runs a command that prints one record.
    pub(crate) fn create(&self, words: &[&str]) -> Result<Value> {
        let output = self.command().args(words).arg("--json").stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("sala {} failed", words.join(" ")).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Starts the server and waits until it says that it is ready.
    pub(crate) fn serve(&self, options: &[&str]) -> Result<Server> {
        let started = Instant::now();
        let log = std::fs::File::create(self.folder.join("server.log"))?;
        let mut child = self
            .command()
            .args(["serve", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--allow-private-webhooks"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().rsplit("http://").next().and_then(|address| address.parse().ok());
        let mut server = Server { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        server.address = address.ok_or_else(|| format!("sala serve did not start; see {}", self.folder.display()))?;
        load::once(server.address, "GET /readyz HTTP/1.1\r\nhost: sala\r\n\r\n")?;
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// The simulator of LINE.
    pub(crate) fn simulate(&self) -> Result<Server> {
        let mut child = self
            .command()
            .args(["simulate", "line", "--listen", "127.0.0.1:0", "--channel-secret", "secret"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next()?.trim().parse().ok());
        let mut server = Server { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        server.address = address.ok_or("sala simulate did not start")?;
        Ok(server)
    }
}

/// A running child; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) ready_after: Duration,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let deadline = Instant::now() + Duration::from_secs(12);
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("the server did not stop in time".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The proportional set size of a process in megabytes.
pub(crate) fn memory(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// The seconds of processor time that a process has used, from the ticks (hundredths) in its status line.
pub(crate) fn processor(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold spaces; user and system time are the twelfth and thirteenth field after it.
    let fields = text.rsplit(") ").next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// An API client's token and what goes before the body of each of its requests.
pub(crate) struct Client {
    head: String,
}

impl Client {
    /// Asks for a token as any integrator does.
    pub(crate) fn new(address: SocketAddr, record: &Value) -> Result<Client> {
        let word = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            word("client_id"),
            word("client_secret")
        );
        let answer = load::once(
            address,
            &format!(
                "POST /authorization/connect/token HTTP/1.1\r\nhost: sala\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
        )?;
        let answer: Value = serde_json::from_str(&answer)?;
        let token = answer["access_token"].as_str().ok_or("no token")?;
        let head = format!("host: sala\r\nauthorization: Bearer {token}\r\n");
        Ok(Client { head })
    }

    pub(crate) fn get(&self, path: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head).as_bytes());
    }

    pub(crate) fn post(&self, path: &str, body: &str, out: &mut Vec<u8>) {
        let length = body.len();
        let head = &self.head;
        out.extend_from_slice(
            format!(
                "POST {path} HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
    }

    /// Sends a message of 300 letters into a room.
    pub(crate) fn send(&self, room: uuid::Uuid, out: &mut Vec<u8>) {
        const TEXT: &str = match std::str::from_utf8(&[b'm'; 300]) {
            Ok(text) => text,
            Err(_) => "",
        };
        let body = format!(
            r#"{{"roomId":"{room}","content":"{TEXT}","type":"message","platform":"line","companyId":{COMPANY}}}"#
        );
        self.post("/v1/chat/message", &body, out);
    }
}

/// Looks at something every 50 ms while other work goes on, and keeps the largest value.
pub(crate) fn watch<T>(look: impl Fn() -> Option<f64> + Send + Sync, work: impl FnOnce() -> T) -> (T, f64) {
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let watcher = threads.spawn(|| {
            let mut most: f64 = 0.0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                most = most.max(look().unwrap_or(0.0));
                std::thread::sleep(Duration::from_millis(50));
            }
            most
        });
        let result = work();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        (result, watcher.join().unwrap_or(f64::NAN))
    })
}

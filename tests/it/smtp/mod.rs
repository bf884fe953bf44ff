//! A real SMTP server on loopback (aiosmtpd): STARTTLS with a certificate of its own, a login, and answers of one's choice.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use sala::config::{Config, Secret, Smtp, SmtpSecurity};
use serde_json::{Value, json};

/// What logs in.
pub const USER: &str = "sala";
pub const PASSWORD: &str = "secret of the relay";

/// The server, until this is dropped.
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    child: Child,
    line: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Server {
    pub fn start() -> Server {
        let top = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let made = Command::new(top.join("scripts/smtp.sh")).output().unwrap();
        assert!(made.status.success(), "scripts/smtp.sh: {}", String::from_utf8_lossy(&made.stderr));
        let folder = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
        let mut child = Command::new(folder.join("venv/bin/python"))
            .arg(top.join("tests/it/smtp/server.py"))
            .args([folder.join("server.pem"), folder.join("server.key")])
            .args([USER, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        out.read_line(&mut port).unwrap();
        let line = Mutex::new((child.stdin.take().unwrap(), out));
        Server { port: port.trim().parse().unwrap(), folder, child, line }
    }

    fn ask(&self, command: &Value) -> Value {
        let mut line = self.line.lock().unwrap();
        writeln!(line.0, "{command}").unwrap();
        line.0.flush().unwrap();
        let mut answer = String::new();
        line.1.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Every message that it was given, also those that it did not take.
    pub fn tries(&self) -> Vec<Value> {
        self.ask(&json!({"list": true}))["tries"].as_array().unwrap().clone()
    }

    /// What the next messages are answered; `hang` is no answer at all.
    pub fn answers(&self, answers: &[&str]) {
        self.ask(&json!({ "answers": answers }));
    }

    /// What a recipient is answered.
    pub fn refuses(&self, recipient: &str, answer: &str) {
        self.ask(&json!({"recipients": {recipient: answer}}));
    }

    /// Certificates to trust.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Settings with which e-mail goes to it.
    pub fn settings(&self, config: &mut Config) {
        config.smtp = Smtp {
            host: Some("127.0.0.1".to_owned()),
            port: Some(self.port),
            security: SmtpSecurity::Starttls,
            ca: Some(self.ca()),
            user: Some(USER.to_owned()),
            password: Some(Secret::from(PASSWORD)),
            password_file: None,
            from: Some("no-reply@sala.example.com".to_owned()),
            timeout: 20,
            hourly: 500,
        };
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

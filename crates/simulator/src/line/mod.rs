//! One fake LINE: [`Line`] starts it and holds the strings.

mod answer;
mod body;
mod callback;
mod clock;
mod config;
mod control;
mod endpoint;
mod event;
mod fault;
mod flex;
mod message;
mod more;
mod record;
mod server;
mod state;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use callback::{Callback, Post, Report};
pub use config::Config;
pub use fault::{Fault, FaultKind};
pub use record::{Delivered, Recorded, Route};
use state::{State, lock};

/// A handle to one running fake LINE; clones drive the same one. It stops when the last handle is dropped.
#[derive(Clone)]
pub struct Line {
    state: Arc<State>,
    address: SocketAddr,
    running: Arc<Running>,
}

/// The server's task. Dropping the sender ends it.
struct Running {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

impl Line {
    /// Binds the address, of which the port may be 0, and serves in a task of its own.
    pub async fn start(listen: SocketAddr, config: Config) -> io::Result<Line> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(config));
        let (stop, mut stopped) = watch::channel(false);
        let shutdown = async move {
            // An error means that every handle is gone, which ends the server as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let task = tokio::spawn(server::serve(listener, Arc::clone(&state), shutdown));
        let running = Arc::new(Running { stop, task: Mutex::new(Some(task)) });
        Ok(Line { state, address, running })
    }

    /// Serves on the listener until `shutdown` is ready, for the command line.
    pub async fn serve(listener: TcpListener, config: Config, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        server::serve(listener, Arc::new(State::new(config)), shutdown).await
    }

    /// Where LINE's endpoints are, `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        format!("http://{address}")
    }

    /// Adds a fault behind those in force.
    pub fn fault(&self, fault: Fault) {
        lock(&self.state.faults).add(fault);
    }

    /// Takes every fault away.
    pub fn clear_faults(&self) {
        lock(&self.state.faults).clear();
    }

    /// Everything that customers have seen, in the order of acceptance.
    pub fn sent(&self) -> Vec<Delivered> {
        self.state.sent_after(0, usize::MAX)
    }

    /// How many messages customers have seen since the start.
    pub fn sent_count(&self) -> u64 {
        *self.state.deliveries.borrow()
    }

    /// Waits until customers have seen so many messages since the start. It waits for ever if they never do.
    pub async fn wait_for_sent(&self, count: u64) -> Vec<Delivered> {
        // The state holds the sender, so the channel cannot close while this handle lives.
        let _ = self.state.deliveries.subscribe().wait_for(|sent| *sent >= count).await;
        self.sent()
    }

    /// Forgets what was sent. Retry keys, reply tokens and the quota's use are kept.
    pub fn clear_sent(&self) {
        self.state.clear_sent();
    }

    /// The last requests in their order of arrival, refused ones and those without an answer included.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state.requests).list(0, usize::MAX)
    }

    /// Waits until so many requests have arrived since the start. It waits for ever if they never do.
    pub async fn wait_for_requests(&self, count: u64) -> Vec<Recorded> {
        let _ = self.state.arrivals.subscribe().wait_for(|arrived| *arrived >= count).await;
        self.requests()
    }

    /// Makes the events of a callback and posts them. `Err` says what is wrong with the callback itself.
    pub async fn callback(&self, callback: Callback) -> Result<Report, String> {
        callback::run(&self.state, callback).await
    }

    /// Sets the month's limit, or none.
    pub fn set_quota(&self, limit: Option<u64>) {
        self.state.account().quota = limit;
    }

    /// How many messages of the month are used.
    pub fn usage(&self) -> u64 {
        self.state.account().usage
    }

    /// Gives a group a name, and somebody in it one.
    pub fn set_group(&self, group: &str, name: &str, member: &str, display_name: &str) {
        let mut account = self.state.account();
        account.groups.insert(group.to_owned(), json!({ "groupId": group, "groupName": name }));
        let profile = json!({ "displayName": display_name, "userId": member });
        account.members.insert((group.to_owned(), member.to_owned()), profile);
    }

    /// Gives a customer a name. `PUT /_control/profiles/{userId}` sets the other fields too.
    pub fn set_profile(&self, user_id: &str, display_name: &str) {
        let profile: Value = json!({ "displayName": display_name, "userId": user_id, "language": "en" });
        self.state.account().profiles.insert(user_id.to_owned(), profile);
    }

    /// The ids of the messages that were marked as read, in order.
    pub fn read(&self) -> Vec<String> {
        self.state.account().read.clone()
    }

    /// Lets time pass for reply tokens, retry keys, rate windows and the times of events.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Closes the listener and every connection, and waits until the port is free.
    pub async fn stop(self) {
        self.running.stop.send_replace(true);
        let task = lock(&self.running.task).take();
        if let Some(task) = task {
            // The server ends without an error, and a panic in it has been shown already.
            let _ = task.await;
        }
    }
}

/// A user id in LINE's form, always the same for the same name.
pub fn user_id(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    digest[..16].iter().fold("U".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

/// The `x-line-signature` of a body, for tests that post a callback themselves.
pub fn sign(channel_secret: &str, body: &[u8]) -> String {
    callback::sign(channel_secret, body)
}

/// What the control interface can do: the text of `GET /_control`.
pub fn controls() -> String {
    let page = include_str!("../lib.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let described =
        page.map(|line| line.strip_prefix(' ').unwrap_or(line)).skip_while(|line| !line.starts_with("# The control"));
    described.fold(String::new(), |text, line| text + line + "\n")
}

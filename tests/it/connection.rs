//! Connections: those that stand still are closed, and nobody keeps others out by holding them open.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use sala::http::Server;
use sala::http::listen::{self, Patience};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::app::TestApp;
use crate::child::{self, until};

/// Long enough for anything that a test does, and too long to be waited for.
const LONG: Duration = Duration::from_secs(3600);

const PATIENT: Patience = Patience { head: LONG, idle: LONG, stalled: LONG, linger: LONG };

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(100);

/// A server that listens, with its address.
async fn listening(patience: Patience, most: usize) -> (TestApp, SocketAddr) {
    let app = TestApp::with(|config| {
        config.patience = patience;
        config.max_connections = most;
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(listen::serve(listener, Server::new(app.app.clone()), pending()));
    (app, address)
}

/// A connection as a client sees it.
struct Wire(TcpStream);

impl Wire {
    async fn open(address: SocketAddr) -> Wire {
        Wire(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// The next answer's head and body, by its length.
    async fn answer(&mut self) -> (String, String) {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.0.read_buf(&mut bytes).await.unwrap() > 0, "{}", String::from_utf8_lossy(&bytes));
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = bytes[end..].to_vec();
        let length: usize = length.parse().unwrap();
        while body.len() < length {
            assert!(self.0.read_buf(&mut body).await.unwrap() > 0);
        }
        (head, String::from_utf8(body).unwrap())
    }

    async fn is_well(&mut self) {
        self.send(WELL).await;
        assert_eq!(self.answer().await.1, "ok\n");
    }

    /// Waits until the other side closes.
    async fn closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = self.0.read_to_end(&mut rest).await;
        assert_eq!(String::from_utf8_lossy(&rest), "", "closed without a word");
    }
}

const WELL: &str = "GET /healthz HTTP/1.1\r\nhost: sala\r\n\r\n";
const HALF: &str = "GET /healthz HTTP/1.1\r\nhost: sala\r\nx-half";

#[tokio::test]
async fn a_connection_whose_request_does_not_come_is_closed() {
    let (_app, address) = listening(Patience { head: SHORT, ..PATIENT }, 100).await;
    let mut kept = Wire::open(address).await;
    kept.is_well().await;
    let mut silent = Wire::open(address).await;
    let mut half = Wire::open(address).await;
    half.send(HALF).await;
    silent.closed().await;
    half.closed().await;
    kept.is_well().await;
    kept.send(HALF).await;
    kept.closed().await;
}

#[tokio::test]
async fn a_connection_between_two_requests_is_closed_after_a_while() {
    let (_app, address) = listening(Patience { idle: SHORT, ..PATIENT }, 100).await;
    let mut idle = Wire::open(address).await;
    idle.is_well().await;
    idle.closed().await;
}

#[tokio::test]
async fn a_reader_that_stands_still_is_cut_off() {
    let (app, address) = listening(Patience { stalled: SHORT, ..PATIENT }, 100).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut reader = Wire(socket.connect(address).await.unwrap());
    // More than the system keeps on the way.
    let script = "GET /docs/scalar.js HTTP/1.1\r\nhost: sala\r\n\r\n";
    reader.send(&script.repeat(20)).await;
    until("the end of the connection", async || app.app.connections.open() == 0).await;
    Wire::open(address).await.is_well().await;
}

#[tokio::test]
async fn a_connection_that_does_nothing_makes_room_for_a_new_one() {
    let (app, address) = listening(PATIENT, 4).await;
    let mut used = Wire::open(address).await;
    used.is_well().await;
    let mut first = Wire::open(address).await;
    until("its place", async || app.app.connections.open() == 2).await;
    let mut half = Wire::open(address).await;
    half.send(HALF).await;
    until("its place", async || app.app.connections.open() == 3).await;
    let _last = Wire::open(address).await;
    until("its place", async || app.app.connections.open() == 4).await;
    let mut new = Wire::open(address).await;
    new.is_well().await;
    first.closed().await;
    used.is_well().await;
    for _ in 0..20 {
        Wire::open(address).await.is_well().await;
    }
    half.closed().await;
    assert!(app.app.connections.turned_away().0 >= 2);
    assert_eq!(app.app.connections.turned_away().1, 0);
}

#[tokio::test]
async fn connections_that_are_answered_are_not_closed_for_new_ones() {
    let (app, address) = listening(PATIENT, 2).await;
    // Each is asked for its body, so both have begun.
    let begin = "POST /authorization/connect/token HTTP/1.1\r\nhost: sala\r\nexpect: 100-continue\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: 1\r\n\r\n";
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::open(address).await;
        wire.send(begin).await;
        let mut asked = [0; 25];
        wire.0.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        busy.push(wire);
    }
    let mut refused = Wire::open(address).await;
    let (head, _) = refused.answer().await;
    assert!(head.starts_with("http/1.1 503 ") && head.contains("retry-after: 1"), "{head}");
    refused.closed().await;
    assert_eq!(app.app.connections.turned_away(), (0, 1));
    for wire in &mut busy {
        wire.send("x").await;
        assert!(wire.answer().await.0.starts_with("http/1.1 400 "));
    }
    Wire::open(address).await.is_well().await;
}

#[tokio::test]
async fn an_answer_that_leaves_a_part_of_the_request_says_that_the_connection_ends() {
    let (_app, address) = listening(PATIENT, 100).await;
    let post = |length: usize, more: &str| {
        format!(
            "POST /v3/customers HTTP/1.1\r\nhost: sala\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"
        )
    };
    // A short body is read away, and the connection is as good as before.
    let mut wire = Wire::open(address).await;
    wire.send(&format!("{}{{}}", post(2, ""))).await;
    let (head, _) = wire.answer().await;
    assert!(head.starts_with("http/1.1 401 ") && !head.contains("connection: close"), "{head}");
    wire.is_well().await;
    // One that does not come, or is long, is not waited for; who sends it all first gets the answer nevertheless.
    let long = " ".repeat(3_000_000);
    for (length, more, sent) in [(1000, "", "{"), (3_000_000, "", long.as_str()), (10, "expect: 100-continue\r\n", "")]
    {
        let mut wire = Wire::open(address).await;
        wire.send(&post(length, more)).await;
        wire.send(sent).await;
        let (head, _) = wire.answer().await;
        assert!(head.starts_with("http/1.1 401 ") && head.contains("connection: close"), "{length}: {head}");
        wire.closed().await;
    }
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_request_that_has_not_come() {
    let app = TestApp::with(|config| config.patience = PATIENT).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(listen::serve(listener, Server::new(app.app.clone()), async {
        let _ = stopped.await;
    }));
    let mut wires = [Wire::open(address).await, Wire::open(address).await, Wire::open(address).await];
    wires[0].send(HALF).await;
    wires[1].is_well().await;
    until("their places", async || app.app.connections.open() == 3).await;
    stop.send(()).unwrap();
    serving.await.unwrap();
    for wire in &mut wires {
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_open_files_is_raised_and_never_reached() {
    let app = TestApp::new().await;
    // One after the other: an SQLite file has one server.
    for (limit, count) in [("ulimit -n 200", 400), ("ulimit -Sn 64", 200)] {
        let server = child::Server::after(&app, limit, &[]);
        let address: SocketAddr = server.base.strip_prefix("http://").unwrap().parse().unwrap();
        let mut silent = Vec::new();
        for _ in 0..count {
            silent.push(Wire::open(address).await);
        }
        Wire::open(address).await.is_well().await;
        server.kill();
    }
}

//! From a customer's message to the integrator's webhook, and messages out to LINE as the simulator plays it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::load::{self, Plan, message_length, percentile};
use crate::report::Report;
use crate::seed;
use crate::server::{Client, Sala, Server};
use crate::{Bench, Result};

/// Rooms that webhooks and deliveries are spread over.
const ROOMS: u32 = 10_000;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let sala = Sala::embedded(&bench.program, bench.folder.join("hooks"))?;
    let line = sala.simulate()?;
    let (record, account) = seed::company(&sala, Some(&format!("http://{}", line.address)))?;
    seed::rooms(&sala, &account, ROOMS)?;
    let receiver = Receiver::start()?;
    sala.create(&["webhook", "create", "--url", &format!("http://{}/hook", receiver.address)])?;

    let server = sala.serve(&["--role", "all"])?;
    let (middle, tail) = latency(&server, &account, &receiver, if bench.quick { 200 } else { 1_000 })?;
    report.under("LINE callback to webhook received, light load, p50", middle, 20.0, "ms");
    report.tell("LINE callback to webhook received, light load, p99", format!("{tail:.1} ms"));
    server.stop()?;

    let count = if bench.quick { 20_000 } else { 60_000 };
    let rate = webhooks(&sala, &account, &receiver, count)?;
    report.over("Webhook deliveries to a local receiver, 10,000 rooms", rate, 3_000.0);
    let rate = line_deliveries(&sala, &record, &line, count / 2)?;
    report.tell("Messages delivered to the simulator of LINE, 10,000 rooms", format!("{rate:.0}/s"));
    Ok(())
}

/// One receiver that never answers among a hundred: what reaches the others, and how soon.
pub(crate) fn hundred(bench: &Bench, report: &mut Report) -> Result<()> {
    const OTHERS: u64 = 99;
    let sala = Sala::embedded(&bench.program, bench.folder.join("hundred"))?;
    let line = sala.simulate()?;
    let (_, account) = seed::company(&sala, Some(&format!("http://{}", line.address)))?;
    seed::rooms(&sala, &account, ROOMS)?;
    let receiver = Receiver::start()?;
    // It takes connections, because the system does, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    sala.create(&["webhook", "create", "--url", &format!("http://{}/hook", silent.local_addr()?)])?;
    for number in 0..OTHERS {
        sala.create(&["webhook", "create", "--url", &format!("http://{}/hook/{number}", receiver.address)])?;
    }
    let count = if bench.quick { 500 } else { 2_000 };
    let server = sala.serve(&["--role", "api"])?;
    let its_account = account.clone();
    load::run(Plan::count(server.address, 8, count / 50), move |number, out| {
        out.extend_from_slice(&callback(&its_account, 5_000_000 + number * 50, 50));
    })?;
    server.stop()?;
    let server = sala.serve(&["--role", "all"])?;
    let all = count * OTHERS;
    let rate = steady(all, || Ok(receiver.count.load(Ordering::Relaxed)))?;
    report.over("Webhook deliveries to 99 receivers beside one that is silent", rate, 2_000.0);
    if receiver.count.load(Ordering::Relaxed) < all {
        // Times of single messages say nothing beside a backlog.
        return server.stop();
    }
    let mut connection = std::net::TcpStream::connect(server.address)?;
    connection.set_nodelay(true)?;
    let mut micros = Vec::new();
    for number in 0..if bench.quick { 20 } else { 100 } {
        let request = callback(&account, 9_000_000 + number, 1);
        receiver.watched.store(true, Ordering::Relaxed);
        let started = Instant::now();
        std::io::Write::write_all(&mut connection, &request)?;
        let mut answer = [0; 4096];
        std::io::Read::read(&mut connection, &mut answer)?;
        for _ in 0..OTHERS {
            let arrived = receiver.arrivals.recv_timeout(Duration::from_secs(10))?;
            micros.push(u32::try_from((arrived - started).as_micros())?);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    micros.sort_unstable();
    report.under("LINE callback to each of the 99 webhooks received, p50", percentile(&micros, 0.5), 20.0, "ms");
    server.stop()?;
    drop(silent);
    Ok(())
}

/// Callbacks one after another, each waited for until its webhook has come.
fn latency(server: &Server, account: &str, receiver: &Receiver, count: u64) -> Result<(f64, f64)> {
    let mut connection = std::net::TcpStream::connect(server.address)?;
    connection.set_nodelay(true)?;
    let mut micros = Vec::new();
    for number in 0..count {
        let request = callback(account, number, 1);
        let started = Instant::now();
        receiver.watched.store(true, Ordering::Relaxed);
        std::io::Write::write_all(&mut connection, &request)?;
        let mut answer = [0; 4096];
        std::io::Read::read(&mut connection, &mut answer)?;
        let arrived = receiver.arrivals.recv_timeout(Duration::from_secs(10))?;
        // The first ones open connections and prepare statements.
        if number >= 20 {
            micros.push(u32::try_from((arrived - started).as_micros())?);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    receiver.watched.store(false, Ordering::Relaxed);
    micros.sort_unstable();
    Ok((percentile(&micros, 0.5), percentile(&micros, 0.99)))
}

/// A backlog of events, taken in by a node that does not deliver, is delivered by one that does.
fn webhooks(sala: &Sala, account: &str, receiver: &Receiver, count: u64) -> Result<f64> {
    let server = sala.serve(&["--role", "api"])?;
    let account = account.to_owned();
    // Fifty events in a callback, as LINE sends them after a pause.
    load::run(Plan::count(server.address, 8, count / 50), move |number, out| {
        out.extend_from_slice(&callback(&account, 1_000_000 + number * 50, 50));
    })?;
    server.stop()?;
    let before = receiver.count.load(Ordering::Relaxed);
    let server = sala.serve(&["--role", "worker"])?;
    let rate = steady(count, || Ok(receiver.count.load(Ordering::Relaxed) - before))?;
    server.stop()?;
    Ok(rate)
}

/// A backlog of messages, accepted by a node that does not deliver, goes out to the simulator.
fn line_deliveries(sala: &Sala, record: &serde_json::Value, line: &Server, count: u64) -> Result<f64> {
    let server = sala.serve(&["--role", "api"])?;
    let client = Rc::new(Client::new(server.address, record)?);
    load::run(Plan::count(server.address, 64, count), move |number, out| {
        client.send(seed::room(crate::limits::spread(number, ROOMS)), out);
    })?;
    server.stop()?;
    let sent = || -> Result<u64> {
        let answer = load::once(line.address, "GET /_control/sent/count HTTP/1.1\r\nhost: line\r\n\r\n")?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        answer["count"].as_u64().ok_or_else(|| format!("no count in {answer}").into())
    };
    let before = sent()?;
    let server = sala.serve(&["--role", "worker"])?;
    let rate = steady(count, || Ok(sent()? - before))?;
    server.stop()?;
    Ok(rate)
}

/// Waits until a count is reached, for two minutes at most; answers how many came in a second, from the first on. What is slow is
/// a figure and not the end of the other measurements.
#[expect(clippy::cast_precision_loss, reason = "a count of a few hundred thousand")]
fn steady(count: u64, look: impl Fn() -> Result<u64>) -> Result<f64> {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut first = None;
    loop {
        let now = look()?;
        if now > 0 && first.is_none() {
            first = Some((now, Instant::now()));
        }
        let is_over = Instant::now() >= deadline;
        if let Some((first, since)) = first.filter(|_| now >= count || is_over) {
            return Ok((now - first) as f64 / since.elapsed().as_secs_f64());
        }
        if is_over {
            return Err("nothing was delivered in two minutes".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A signed callback with so many messages, each from the next customer.
fn callback(account: &str, number: u64, events: u64) -> Vec<u8> {
    let event = |number: u64| {
        let user = seed::customer(crate::limits::spread(number, ROOMS));
        serde_json::json!({
            "type": "message",
            "message": {"type": "text", "id": format!("{number}"), "quoteToken": "q", "text": "m".repeat(300)},
            "webhookEventId": format!("{number:026}"),
            "deliveryContext": {"isRedelivery": false},
            "timestamp": 1_763_884_800_000_u64 + number,
            "source": {"type": "user", "userId": user},
            "mode": "active",
        })
    };
    let events: Vec<_> = (number..number + events).map(event).collect();
    let body = serde_json::json!({"destination": format!("U{:032x}", 0), "events": events}).to_string();
    // HMAC takes keys of any length, so this never fails.
    let signature = Hmac::<Sha256>::new_from_slice(b"secret").map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(body.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        },
    );
    let length = body.len();
    format!(
        "POST /channels/line/{account} HTTP/1.1\r\nhost: sala\r\ncontent-type: application/json\r\nx-line-signature: {signature}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An integrator's server, as small as it can be: counts what it is given and answers 200.
struct Receiver {
    address: SocketAddr,
    count: Arc<AtomicU64>,
    /// Whether somebody waits for the times of arrival.
    watched: Arc<std::sync::atomic::AtomicBool>,
    arrivals: mpsc::Receiver<Instant>,
}

impl Receiver {
    fn start() -> Result<Receiver> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (sender, arrivals) = mpsc::channel();
        let (count, watched) = (Arc::<AtomicU64>::default(), Arc::default());
        let receiver = Receiver { address, count: Arc::clone(&count), watched: Arc::clone(&watched), arrivals };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("receiver".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _)) = listener.accept().await {
                    let (count, watched, sender) = (Arc::clone(&count), Arc::clone(&watched), sender.clone());
                    tokio::spawn(async move {
                        let arrived = || {
                            count.fetch_add(1, Ordering::Relaxed);
                            if watched.load(Ordering::Relaxed) {
                                let _ = sender.send(Instant::now());
                            }
                        };
                        // A connection that ends ends its task; the other side opens another.
                        let _ = receive(stream, arrived).await;
                    });
                }
            });
        })?;
        Ok(receiver)
    }
}

async fn receive(mut stream: TcpStream, arrived: impl Fn()) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::with_capacity(8 * 1024);
    loop {
        while message_length(&bytes).is_none_or(|wanted| bytes.len() < wanted) {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        arrived();
        bytes.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}

//! The load generator: keep-alive connections that write ready-made bytes and read no more of an answer than its status
//! and its length. It runs on one thread, so that as little as possible is taken from the server.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// What to do: how many connections, for how long, or how often.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// Not counted: connections are opened, statements prepared, pages read.
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    /// Ends earlier after so many requests, however long that takes.
    pub(crate) most: u64,
    /// A pause between the requests of a connection, for figures at light load.
    pub(crate) pause: Duration,
}

impl Plan {
    /// As fast as it goes, for a time.
    pub(crate) fn full(address: SocketAddr, connections: usize, time: Duration) -> Plan {
        let warm_up = Duration::from_millis(500);
        Plan { address, connections, warm_up, time, most: u64::MAX, pause: Duration::ZERO }
    }

    /// So many requests, as fast as they go.
    pub(crate) fn count(address: SocketAddr, connections: usize, most: u64) -> Plan {
        let (warm_up, time) = (Duration::ZERO, Duration::from_secs(120));
        Plan { address, connections, warm_up, time, most, pause: Duration::ZERO }
    }
}

/// What came of it.
pub(crate) struct Outcome {
    /// Requests a second, the warm-up left out.
    pub(crate) rate: f64,
    /// Requests in all.
    pub(crate) answered: f64,
    /// Microseconds, sorted.
    latencies: Vec<u32>,
}

impl Outcome {
    /// The milliseconds under which this share of the requests stayed.
    pub(crate) fn latency(&self, share: f64) -> f64 {
        percentile(&self.latencies, share)
    }
}

/// The value, in milliseconds, under which this share of the sorted microseconds stays; without end where nothing was answered.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into a list in memory")]
#[expect(clippy::cast_precision_loss, reason = "a list of a few million values")]
pub(crate) fn percentile(sorted: &[u32], share: f64) -> f64 {
    let place = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(f64::INFINITY, |micros| f64::from(*micros) / 1000.0)
}

struct Shared<R> {
    plan: Plan,
    begin: Instant,
    end: Instant,
    sent: Cell<u64>,
    request: R,
}

/// Runs a plan; `request` writes the request of this number to the end of a buffer. Any answer but 2xx is an error,
/// because a server that refuses is quick.
#[expect(clippy::cast_precision_loss, reason = "a count of a few million")]
pub(crate) fn run(plan: Plan, request: impl Fn(u64, &mut Vec<u8>) + 'static) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let begin = Instant::now() + plan.warm_up;
        let shared = Rc::new(Shared { plan, begin, end: begin + plan.time, sent: Cell::new(0), request });
        let connections: Vec<_> =
            (0..plan.connections).map(|_| tokio::task::spawn_local(connection(Rc::clone(&shared)))).collect();
        let mut latencies = Vec::new();
        for connection in connections {
            latencies.extend(connection.await??);
        }
        let seconds = shared.end.min(Instant::now()).duration_since(begin).as_secs_f64();
        latencies.sort_unstable();
        Ok(Outcome { rate: latencies.len() as f64 / seconds, answered: shared.sent.get() as f64, latencies })
    })
}

/// One connection: a request, its answer, and the next.
async fn connection<R: Fn(u64, &mut Vec<u8>)>(shared: Rc<Shared<R>>) -> Result<Vec<u32>> {
    let mut stream = TcpStream::connect(shared.plan.address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut answer, mut latencies) = (Vec::new(), Vec::with_capacity(16 * 1024), Vec::new());
    loop {
        let (number, started) = (shared.sent.get(), Instant::now());
        if started >= shared.end || number >= shared.plan.most {
            return Ok(latencies);
        }
        shared.sent.set(number + 1);
        request.clear();
        (shared.request)(number, &mut request);
        stream.write_all(&request).await?;
        read_answer(&mut stream, &mut answer).await?;
        let ended = Instant::now();
        if started >= shared.begin && (ended <= shared.end || shared.plan.most < u64::MAX) {
            latencies.push(u32::try_from((ended - started).as_micros()).unwrap_or(u32::MAX));
        }
        if !shared.plan.pause.is_zero() {
            tokio::time::sleep(shared.plan.pause).await;
        }
    }
}

/// Reads one answer and nothing of the next, which is not asked for before.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    let mut wanted = None;
    while wanted.is_none_or(|wanted| answer.len() < wanted) {
        if stream.read_buf(answer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if wanted.is_none() {
            wanted = message_length(answer);
        }
    }
    if answer.get(9) == Some(&b'2') {
        return Ok(());
    }
    Err(format!("unexpected answer: {}", String::from_utf8_lossy(answer)).into())
}

/// The length of a message with its head, once the head is complete; a body without a length counts as none.
pub(crate) fn message_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    Some(head + header(&bytes[..head], b"content-length: ").and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// The value of a header; the name in lower case, with colon and space.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let at = head.windows(name.len()).position(|part| part.eq_ignore_ascii_case(name))? + name.len();
    let end = head[at..].iter().position(|byte| *byte == b'\r')? + at;
    std::str::from_utf8(&head[at..end]).ok()
}

/// One request, its answer as text. For what is not measured: tokens, metrics.
pub(crate) fn once(address: SocketAddr, request: &str) -> Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while message_length(&answer).is_none_or(|wanted| answer.len() < wanted) {
        match stream.read(&mut chunk)? {
            0 => return Err("the server closed the connection".into()),
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.get(9..10) == Some("2") => Ok(body.to_owned()),
        _ => Err(format!("unexpected answer: {text}").into()),
    }
}

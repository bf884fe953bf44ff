//! Connections: accepted, answered until they close, and let go when the server stops.
//!
//! A connection that does nothing is closed: before its request is there, between two requests, and when its reader takes
//! nothing of an answer. There is room for so many; when all of it is taken, one that does nothing makes room for a new
//! one, so that nobody keeps others out by holding connections open.

mod body;
mod line;
mod seat;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request};
use axum::serve::Listener;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use self::body::{Answer, Unread};
use self::line::Line;
use self::seat::Seat;
pub use self::seat::Seats;
use super::Server;

/// How long a connection may stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the head of a request is complete, from its first byte or from the beginning of the connection.
    pub head: Duration,
    /// Between two requests. Longer than the minute for which balancers keep connections, so that it is they who close.
    pub idle: Duration,
    /// While the other side takes nothing of an answer.
    pub stalled: Duration,
    /// After an answer that did not wait for the request's end, so that the sender gets to read it.
    pub linger: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            head: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            stalled: Duration::from_secs(60),
            linger: Duration::from_secs(3),
        }
    }
}

/// What a connection is told for which there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Answers connections until `stop` ends, then waits for the requests in progress.
pub async fn serve(mut listener: TcpListener, server: Server, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        // Of the trait: it goes on after an error, such as too many open files.
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        match server.app.connections.take() {
            Some(seat) => drop(tokio::spawn(connection(stream, peer, server.clone(), seat, graceful.watcher()))),
            // Whoever has filled the room has it all in use: requests of its own are shed then, too.
            None => drop(stream.try_write(NO_ROOM)),
        }
    }
    drop(listener);
    server.app.connections.close_idle();
    graceful.shutdown().await;
}

/// One connection, to its end. HTTP/1 only, so nothing has to be guessed from its first bytes.
async fn connection(stream: TcpStream, peer: SocketAddr, server: Server, seat: Arc<Seat>, watcher: Watcher) {
    // An answer leaves at once; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let patience = server.app.config.patience;
    let line = Line::new(stream, Arc::clone(&seat), patience.linger);
    let own = Arc::clone(&seat);
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, seat) = (server.clone(), Arc::clone(&own));
        async move { Ok::<_, Infallible>(respond(request, peer, server, seat).await) }
    });
    let mut answering = pin!(watcher.watch(http1::Builder::new().serve_connection(TokioIo::new(line), service)));
    let mut cut = pin!(seat.cut());
    let mut timer = pin!(sleep_until(Instant::now() + patience.head));
    let mut armed = None;
    poll_fn(|cx| {
        // A connection that breaks is its client's matter.
        if answering.as_mut().poll(cx).is_ready() || cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let deadline = seat.deadline(&patience);
        if deadline != armed {
            armed = deadline;
            // While a request is being answered there is no deadline: the timer may go off, and nothing follows.
            if let Some(deadline) = deadline {
                timer.as_mut().reset(deadline);
            }
        }
        match (armed, timer.as_mut().poll(cx)) {
            (Some(_), Poll::Ready(())) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
}

async fn respond(
    request: Request<Incoming>,
    peer: SocketAddr,
    server: Server,
    seat: Arc<Seat>,
) -> http::Response<Answer> {
    seat.begin();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(ConnectInfo(peer));
    let asks_first = parts.headers.contains_key(EXPECT);
    let (body, unread) = if body.is_end_stream() { (Body::empty(), None) } else { Unread::share(body) };
    let mut response = server.call(Request::from_parts(parts, body)).await;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if let Some(unread) = unread
        && refused
        && (asks_first || !unread.is_over().await)
    {
        // What is still to come of the request would be taken for the next one's beginning: it is not read.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        seat.linger();
    }
    response.map(|body| Answer::new(body, seat))
}

//! Connections: accepted, answered until they close, and let go when the server stops.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use super::Server;

/// Answers connections until `stop` ends, then waits for the requests in progress.
pub async fn serve(mut listener: TcpListener, server: Server, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        // Of the trait: it goes on after an error, such as too many open files.
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let connection = graceful.watch(connection(stream, peer, server.clone()));
        // A connection that breaks is its client's matter.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// One connection. HTTP/1 only, so nothing has to be guessed from its first bytes.
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    server: Server,
) -> http1::Connection<TokioIo<TcpStream>, impl hyper::service::HttpService<Incoming, ResBody = Body, Future: Send>> {
    // An answer leaves at once; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let server = server.clone();
        request.extensions_mut().insert(ConnectInfo(peer));
        async move { Ok::<_, Infallible>(server.call(request.map(Body::new)).await) }
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service)
}

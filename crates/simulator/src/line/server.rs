//! The server: takes connections, records requests, shows faults, and asks `endpoint` for the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::answer::Answer;
use super::control;
use super::endpoint::{self, Call};
use super::fault::FaultKind;
use super::record::header_lines;
use super::state::{State, lock};

/// Reference, "Status codes": requests of more than 2 MB are refused with 413.
const LARGEST_BODY: usize = 2 * 1024 * 1024;
/// Media given over the control interface may be larger than anything LINE takes from a bot.
const LARGEST_CONTENT: usize = 256 * 1024 * 1024;

/// The order to close the connection without an answer. hyper does so when a service fails.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut on command")
    }
}

impl std::error::Error for Cut {}

/// Serves until `shutdown` is ready; connections that are open then are closed at once, as in an outage.
pub(crate) async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = listener.accept() => accepted,
            // Finished connections are taken out, or the set would grow for ever.
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file handles, most likely: some will be free again soon, and a busy loop would not help.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Answers are small and wanted at once; a socket that refuses the option works all the same.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(|request| handle(Arc::clone(&state), request));
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // A failed connection is the client's matter or a fault on command; both are seen in `requests`.
            let _ = connection.await;
        });
    }
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let controls = head.uri.path() == "/_control" || head.uri.path().starts_with("/_control/");
    let limit = if controls { LARGEST_CONTENT } else { LARGEST_BODY };
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(()),
        // The client went away in the middle of its request.
        Err(_) => return Err(Cut),
    };
    if controls {
        let body = body.unwrap_or_default();
        return Ok(response(control::answer(&state, &head, body).await, None));
    }
    let request_id = Uuid::new_v4();
    let headers = header_lines(&head.headers);
    let text = body.as_ref().map_or(&[][..], |body| body);
    let at = state.clock.millis();
    let order = lock(&state.requests).arrived(request_id, &head, headers, text, at);
    state.arrivals.send_if_modified(|count| {
        let more = order > *count;
        *count = (*count).max(order);
        more
    });
    let answer = match &body {
        Ok(body) => play(&state, &head, body, request_id).await?,
        Err(()) => Answer::error(413, "Payload Too Large"),
    };
    lock(&state.requests).answered(order, answer.status);
    Ok(response(answer, Some(request_id)))
}

/// The answer to one request, spoilt by the fault that is due.
async fn play(state: &Arc<State>, head: &http::request::Parts, body: &Bytes, request_id: Uuid) -> Result<Answer, Cut> {
    let fault = lock(&state.faults).pick(head.uri.path());
    let processing = fault == Some(FaultKind::ContentProcessing);
    let call = || endpoint::answer(state, Call { head, body, request_id, processing });
    match fault {
        None | Some(FaultKind::ContentProcessing) => Ok(call().await),
        Some(FaultKind::Error { status, accepted }) => {
            if accepted {
                call().await;
            }
            Ok(failure(status))
        }
        Some(FaultKind::RateLimited) => Ok(Answer::rate_limited()),
        Some(FaultKind::OverQuota) => Ok(Answer::over_quota()),
        Some(FaultKind::Unauthorized) => Ok(Answer::invalid_token()),
        Some(FaultKind::ReplyTokenDead) => Ok(Answer::invalid_reply_token()),
        Some(FaultKind::Timeout { ms, accepted }) => {
            let answer = if accepted { call().await } else { failure(500) };
            match ms {
                Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                // hyper drops this when the client closes the connection.
                None => std::future::pending().await,
            }
            Ok(answer)
        }
        Some(FaultKind::Cut { accepted }) => {
            if accepted {
                call().await;
            }
            Err(Cut)
        }
        Some(FaultKind::Slow { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(call().await)
        }
    }
}

fn failure(status: u16) -> Answer {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    Answer::error(status, reason.unwrap_or("Internal Server Error"))
}

/// Reference, "Response headers": every answer of LINE's carries `x-line-request-id`.
fn response(answer: Answer, request_id: Option<Uuid>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("content-type", &answer.content_type);
    if let Some(id) = request_id {
        set("x-line-request-id", &id.to_string());
    }
    if let Some(id) = &answer.accepted_request_id {
        set("x-line-accepted-request-id", id);
    }
    response
}

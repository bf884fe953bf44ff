//! One call to a receiver, and what its answer means.

use std::time::{Duration, Instant};

use axum::http::header::RETRY_AFTER;
use metrics::histogram;
use reqwest::{Response, Url};

use super::client::names_private_address;
use super::sign;
use crate::app::App;
use crate::chat::line::describe;

/// So much of an answer is kept, in bytes.
const KEPT: usize = 2_000;

/// An answer's body may take so long, once its head is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is posted, and how it is signed.
pub(super) struct Post<'a> {
    pub(super) url: &'a str,
    /// The secrets that are valid, the present one first.
    pub(super) secrets: &'a [Vec<u8>],
    pub(super) id: &'a str,
    pub(super) body: String,
}

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The status of the answer; none when there was no answer.
    pub(super) status: Option<i64>,
    /// Why it was no success.
    pub(super) error: Option<String>,
    /// The beginning of the answer.
    pub(super) answer: Option<String>,
    /// How long it took, in milliseconds.
    pub(super) millis: i64,
    /// The receiver asks for no further try of this event (`webhook-delivery: abort-message`).
    pub(super) abort: bool,
    /// The receiver wants to hear nothing any more (410).
    pub(super) gone: bool,
    /// For how long the receiver asks to be left alone (`Retry-After`), in milliseconds.
    pub(super) wait: Option<i64>,
}

impl Outcome {
    fn silent(error: String) -> Outcome {
        Outcome { error: Some(error), ..Outcome::default() }
    }
}

/// Makes the call; only a 2xx answer is success, and a redirect is none.
pub(super) async fn post(app: &App, post: Post<'_>) -> Outcome {
    let Ok(url) = post.url.parse::<Url>() else { return Outcome::silent("the URL cannot be read".to_owned()) };
    if !app.config.allow_private_webhooks && names_private_address(&url) {
        return Outcome::silent("private addresses are not allowed".to_owned());
    }
    let timestamp = app.now() / 1000;
    let signatures: Vec<String> =
        post.secrets.iter().map(|secret| sign::signature(secret, post.id, timestamp, &post.body)).collect();
    let started = Instant::now();
    let request = app
        .webhook_http
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", post.id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signatures.join(" "))
        .body(post.body);
    let answered = request.send().await;
    histogram!("sala_webhook_seconds").record(started.elapsed());
    let millis = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    match answered {
        Ok(response) => Outcome { millis, ..read(response, app.now()).await },
        Err(error) => Outcome { millis, ..Outcome::silent(describe(&error)) },
    }
}

async fn read(mut response: Response, now: i64) -> Outcome {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let abort = header("webhook-delivery") == Some("abort-message");
    let wait = header(RETRY_AFTER.as_str()).and_then(|value| retry_after(value, now));
    // A short answer is read to its end, so that the connection can be used again; of a long one the beginning is enough.
    let mut bytes = Vec::new();
    let reading = async {
        while bytes.len() < KEPT
            && let Ok(Some(piece)) = response.chunk().await
        {
            bytes.extend_from_slice(&piece);
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    bytes.truncate(KEPT);
    // PostgreSQL keeps no zero characters.
    let answer = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    let code = status.as_u16();
    Outcome {
        status: Some(i64::from(code)),
        error: (!status.is_success()).then(|| format!("the receiver answered {code}")),
        answer: (!answer.is_empty()).then_some(answer),
        millis: 0,
        abort,
        gone: code == 410,
        wait: wait.filter(|_| !status.is_success()),
    }
}

/// `Retry-After` in milliseconds from now: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds.max(0).saturating_mul(1000));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some((at - now).max(0))
}

#[cfg(test)]
mod tests {
    use super::retry_after;

    #[test]
    fn a_wait_is_named_in_seconds_or_by_its_end() {
        assert_eq!(retry_after("120", 0), Some(120_000));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770_000), Some(7_000));
        assert_eq!((retry_after("Sun, 06 Nov 1994 08:49:37 GMT", i64::MAX), retry_after("soon", 0)), (Some(0), None));
    }
}

//! Posting events to a subscription: the events of one subject in order, each until it arrives or its time is over.

use axum::http::header::RETRY_AFTER;
use base64::Engine;
use db::Conn;
use metrics::{counter, histogram};
use serde::Deserialize;
use uuid::Uuid;

use super::client::names_private_address;
use super::{hold, sign, subscription};
use crate::app::App;
use crate::chat::line::describe;
use crate::http::Error;
use crate::job::{self, Job, Next, Wanted};

/// How long an event is tried, and how long a subscription may fail before it is paused.
const GIVE_UP: i64 = 3 * 24 * 60 * 60 * 1000;

/// Waits between tries, in seconds; the last one repeats.
const SCHEDULE: [i64; 8] = [5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];

/// A run ends after this many events, so that one busy subject leaves room for others.
const MOST: usize = 50;

/// The job that posts what waits for a subscription about a subject.
pub fn wanted(webhook: i64, subject: &str, at: i64) -> Wanted {
    Wanted { key: format!("{webhook}:{subject}"), lane: webhook.to_string(), at }
}

#[derive(Deserialize)]
pub(super) struct Subscription {
    url: String,
    secret: Vec<u8>,
    state: String,
    failing_since: Option<i64>,
    strikes: i64,
    /// Until when it is held back; 0 when it is not.
    pub(super) held_until: i64,
    /// Until when others are put off while this run probes it.
    #[serde(skip)]
    pub(super) probe_until: Option<i64>,
}

#[derive(Deserialize)]
struct Waiting {
    event: Uuid,
    tries: i64,
    created_at: i64,
    body: String,
}

/// Posts what waits for one subscription and subject.
pub async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Some((webhook, subject)) = job.key.split_once(':') else { return Ok(Next::Done) };
    let Ok(webhook) = webhook.parse::<i64>() else { return Ok(Next::Done) };
    let mut conn = app.db.read().await?;
    let found: Option<Subscription> = conn
        .sql(
            "select url, secret, state, failing_since, strikes, held_until from webhook where company = $1 and id = $2",
        )
        .bind(job.company)
        .bind(webhook)
        .optional()
        .await?;
    let Some(mut subscription) = found.filter(|found| found.state == "active") else { return Ok(Next::Done) };
    let secret = app
        .vault
        .open(&subscription::purpose(job.company), &subscription.secret)
        .map_err(|error| Error::Internal(error.to_string()))?;
    let waiting = waiting(&mut conn, job.company, webhook, subject).await?;
    drop(conn);
    if let Some(until) = hold::admit(app, job.company, webhook, &mut subscription).await? {
        return Ok(Next::At(until));
    }
    let count = waiting.len();
    for (index, event) in waiting.into_iter().enumerate() {
        let last = index + 1 == count && count < MOST;
        let result = post(app, &subscription.url, &secret, &event).await;
        let now = app.now();
        counter!("sala_webhook_deliveries_total", "outcome" => if result.is_ok() { "delivered" } else { "failed" })
            .increment(1);
        match result {
            Ok(status) => {
                let failing = subscription.failing_since.is_some() || subscription.strikes > 0;
                app.db
                    .write(async |mut tx| {
                        delivered(&mut tx, job.company, webhook, &event, status, now, failing).await?;
                        if last { job::finish(&mut tx, job, now).await } else { Ok(()) }
                    })
                    .await?;
                if failing {
                    hold::release(app, job.company, webhook, &subscription).await?;
                    (subscription.failing_since, subscription.strikes, subscription.held_until) = (None, 0, 0);
                }
            }
            Err(failure) => return fail(app, job, webhook, &subscription, &event, &failure, now).await,
        }
    }
    Ok(match count {
        0 => Next::Done,
        MOST => Next::Again,
        _ => Next::Finished,
    })
}

async fn waiting(conn: &mut Conn, company: i64, webhook: i64, subject: &str) -> Result<Vec<Waiting>, db::Error> {
    conn.sql(
        "select delivery.event, delivery.tries, delivery.created_at, event.body
         from webhook_delivery as delivery
         join event on event.company = delivery.company and event.id = delivery.event
         where delivery.company = $1 and delivery.webhook = $2 and delivery.subject = $3 and delivery.state = 'pending'
         order by delivery.place, delivery.event limit 50",
    )
    .bind(company)
    .bind(webhook)
    .bind(subject)
    .all()
    .await
}

/// Why a delivery did not arrive.
struct Failure {
    status: Option<i64>,
    error: String,
    /// The receiver asks for no further try of this message (`webhook-delivery: abort-message`).
    abort: bool,
    /// For how long the receiver asks to be left alone (`Retry-After`), in milliseconds.
    wait: Option<i64>,
}

impl Failure {
    fn silent(error: String) -> Failure {
        Failure { status: None, error, abort: false, wait: None }
    }
}

/// One try; only a 2xx answer is success, and a redirect is none.
async fn post(app: &App, url: &str, secret: &[u8], event: &Waiting) -> Result<i64, Failure> {
    let url: reqwest::Url = url.parse().map_err(|_| Failure::silent("the URL cannot be read".to_owned()))?;
    if !app.config.allow_private_webhooks && names_private_address(&url) {
        return Err(Failure::silent("private addresses are not allowed".to_owned()));
    }
    let id = event.event.to_string();
    let timestamp = app.now() / 1000;
    let started = std::time::Instant::now();
    let request = app
        .webhook_http
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", sign::signature(secret, &id, timestamp, &event.body))
        .body(event.body.clone());
    let response = request.send().await.map_err(|error| Failure::silent(describe(&error)))?;
    histogram!("sala_webhook_seconds").record(started.elapsed());
    let status = response.status();
    let abort = response.headers().get("webhook-delivery").is_some_and(|value| value == "abort-message");
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, app.now()));
    // The answer's body is not wanted, but reading a small one lets the connection be used again.
    let small = response.content_length().is_some_and(|length| length <= 4096);
    if small {
        let _ = response.bytes().await;
    }
    if status.is_success() {
        return Ok(i64::from(status.as_u16()));
    }
    let error = format!("the receiver answered {}", status.as_u16());
    Err(Failure { status: Some(i64::from(status.as_u16())), error, abort, wait })
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

async fn delivered(
    tx: &mut Conn,
    company: i64,
    webhook: i64,
    event: &Waiting,
    status: i64,
    now: i64,
    was_failing: bool,
) -> Result<(), db::Error> {
    tx.sql(
        "update webhook_delivery set state = 'delivered', tries = tries + 1, last_status = $1, last_error = null, done_at = $2
         where company = $3 and webhook = $4 and event = $5",
    )
    .bind(status)
    .bind(now)
    .bind(company)
    .bind(webhook)
    .bind(event.event)
    .later()
    .await?;
    if was_failing {
        tx.sql("update webhook set failing_since = null, strikes = 0, held_until = 0 where company = $1 and id = $2")
            .bind(company)
            .bind(webhook)
            .later()
            .await?;
    }
    Ok(())
}

/// Writes a failure down; an event whose time is over has failed, a subscription that failed as long is paused.
async fn fail(
    app: &App,
    job: &Job,
    webhook: i64,
    subscription: &Subscription,
    event: &Waiting,
    failure: &Failure,
    now: i64,
) -> Result<Next, Error> {
    let over = failure.abort || now - event.created_at >= GIVE_UP;
    let pause = subscription.failing_since.is_some_and(|since| now - since >= GIVE_UP);
    let strikes: Option<i64> = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update webhook_delivery
                 set tries = tries + 1, last_status = $1, last_error = $2, state = case when $3 then 'failed' else state end,
                     done_at = case when $3 then $4 else done_at end
                 where company = $5 and webhook = $6 and event = $7",
            )
            .bind(failure.status)
            .bind(failure.error.as_str())
            .bind(over)
            .bind(now)
            .bind(job.company)
            .bind(webhook)
            .bind(event.event)
            .later()
            .await?;
            let strikes = tx
                .sql(
                    "update webhook set failing_since = coalesce(failing_since, $1), strikes = case when $6 then 0 else strikes + 1 end,
                            held_until = case when $6 then 0 else held_until end,
                            state = case when $2 then 'paused' else state end,
                            state_reason = case when $2 then $3 else state_reason end
                     where company = $4 and id = $5 and state = 'active' returning strikes",
                )
            .bind(now)
            .bind(pause)
            .bind(format!("every delivery failed for three days; last: {}", failure.error))
            .bind(job.company)
            .bind(webhook)
            .bind(failure.abort)
            .optional()
            .await?;
            if pause {
                subscription::give_up(&mut tx, job.company, webhook, "the subscription was paused", now).await?;
            }
            Ok::<_, db::Error>(strikes)
        })
        .await?;
    if pause {
        tracing::error!(webhook, company = job.company, "a webhook failed for three days and is paused");
        return Ok(Next::Done);
    }
    tracing::warn!(webhook, tries = event.tries + 1, error = failure.error, "webhook not delivered");
    if failure.abort {
        // A receiver that refuses one event is well.
        hold::release(app, job.company, webhook, subscription).await?;
        return Ok(Next::Again);
    }
    let silent = failure.status.is_none();
    let held = strikes.and_then(|strikes| hold::until(strikes, silent, failure.wait, now));
    if let Some(until) = held {
        tracing::warn!(webhook, company = job.company, seconds = (until - now) / 1000, "a webhook is held back");
        hold::put_off(app, job.company, webhook, until).await?;
    }
    if over {
        return Ok(Next::Again);
    }
    let place = usize::try_from(event.tries).unwrap_or(usize::MAX).min(SCHEDULE.len() - 1);
    let wait = SCHEDULE[place] * 1000;
    let next = now + wait + job::backoff(1, 1000) * wait / 10_000 - wait / 10;
    Ok(Next::At(held.map_or(next, |held| held.max(next))))
}

/// The raw key in a secret's text form, as receivers have it; for tests and receivers written in Rust.
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(secret.strip_prefix(sign::PREFIX)?).ok()
}

//! Posting events to a subscription: the events of one subject in order, each until it arrives or its time is over.

use base64::Engine;
use db::Conn;
use metrics::counter;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::post::{Outcome, Post, post};
use super::{backoff, sign, subscription};
use crate::app::App;
use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::Error;
use crate::job::{self, Job, Kind, Next, Wanted};

/// How long an event is tried, and how long a subscription may fail before it is paused.
pub(crate) const GIVE_UP: i64 = 3 * 24 * 60 * 60 * 1000;

/// Waits between tries, in seconds; the last one repeats.
const SCHEDULE: [i64; 8] = [5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];

/// A run ends after this many events, so that one busy subject leaves room for others.
const MOST: i64 = 50;

/// When there are more calls than a subscription takes at once, the others look again so much later (milliseconds).
const CROWDED: i64 = 100;

/// The job that posts what waits for a subscription about a subject.
pub fn wanted(webhook: i64, subject: &str, at: i64) -> Wanted {
    Wanted { key: format!("{webhook}:{subject}"), lane: webhook.to_string(), at }
}

/// What a delivery needs to know of its subscription.
#[derive(Deserialize)]
pub(super) struct Subscription {
    pub(super) url: String,
    secret: Vec<u8>,
    old_secret: Option<Vec<u8>>,
    old_until: i64,
    payload: String,
    parallel: Option<i64>,
    rate: Option<i64>,
    state: String,
    failing_since: Option<i64>,
    strikes: i64,
    /// Until when it is held back; 0 when it is not.
    pub(super) held_until: i64,
    /// Until when others are put off while this run probes it.
    #[serde(skip)]
    pub(super) probe_until: Option<i64>,
}

impl Subscription {
    /// The subscription, if there is one and it was not removed.
    pub(super) async fn find(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Subscription>, db::Error> {
        conn.sql(
            "select url, secret, old_secret, old_until, payload, parallel, rate, state, failing_since, strikes, held_until
             from webhook where company = $1 and id = $2 and state <> 'removed'",
        )
        .bind(company)
        .bind(id)
        .optional()
        .await
    }

    /// The secrets that are valid now, the present one first.
    pub(super) fn secrets(&self, app: &App, company: i64) -> Result<Vec<Vec<u8>>, Error> {
        let old = self.old_secret.as_ref().filter(|_| self.old_until > app.now());
        let open = |sealed: &Vec<u8>| app.vault.open(&subscription::purpose(company), sealed);
        let opened = [Some(&self.secret), old].into_iter().flatten().map(open);
        opened.collect::<Result<_, _>>().map_err(|error| Error::Internal(error.to_string()))
    }

    /// Calls at once that it takes.
    pub(super) fn concurrency(&self) -> Option<usize> {
        self.parallel.and_then(|parallel| usize::try_from(parallel).ok())
    }

    fn body(&self, full: String) -> String {
        if self.payload == "thin" { event::thin(&full) } else { full }
    }
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
    let found = Subscription::find(&mut conn, job.company, webhook).await?;
    let Some(mut subscription) = found.filter(|found| found.state == "active") else {
        drop(conn);
        // An event that was written while the subscription was paused or ended has a delivery that nobody gave up.
        app.db
            .write(async |mut tx| {
                let state: Option<String> = tx
                    .sql("select state from webhook where company = $1 and id = $2")
                    .bind(job.company)
                    .bind(webhook)
                    .held()
                    .optional()
                    .await?;
                if state.as_deref() != Some("active") {
                    let why = "the subscription is not active";
                    subscription::give_up(&mut tx, job.company, webhook, why, app.now()).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        return Ok(Next::Done);
    };
    let secrets = subscription.secrets(app, job.company)?;
    let waiting = waiting(&mut conn, job.company, webhook, subject).await?;
    drop(conn);
    if let Some(until) = backoff::admit(app, job.company, webhook, &mut subscription).await? {
        return Ok(Next::At(until));
    }
    let lane = webhook.to_string();
    if subscription.held_until == 0 {
        app.shares.limit(Kind::Webhook, job.company, &lane, subscription.concurrency());
        if app.shares.is_one_too_many(Kind::Webhook, job.company, &lane) {
            return Ok(Next::At(app.now() + CROWDED));
        }
    }
    let count = i64::try_from(waiting.len()).unwrap_or(MOST);
    for (index, event) in (1..).zip(waiting) {
        if let Some(wait) = subscription.rate.and_then(|rate| app.shares.pace(Kind::Webhook, job.company, &lane, rate))
        {
            return Ok(Next::At(app.now() + wait));
        }
        let last = index == count && count < MOST;
        let id = event.event.to_string();
        let body = subscription.body(event.body.clone());
        let outcome = post(app, Post { url: &subscription.url, secrets: &secrets, id: &id, body }).await;
        let now = app.now();
        let word = if outcome.error.is_none() { "delivered" } else { "failed" };
        counter!("sala_webhook_deliveries_total", "outcome" => word).increment(1);
        if outcome.error.is_some() {
            return fail(app, job, webhook, &subscription, &event, &outcome, now).await;
        }
        let failing = subscription.failing_since.is_some() || subscription.strikes > 0 || subscription.held_until > 0;
        app.db
            .write(async |mut tx| {
                delivered(&mut tx, job.company, webhook, &event, &outcome, now, failing).await?;
                if last { job::finish(&mut tx, job, now).await } else { Ok(()) }
            })
            .await?;
        if failing {
            backoff::release(app, job.company, webhook, &subscription).await?;
            (subscription.failing_since, subscription.strikes, subscription.held_until) = (None, 0, 0);
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
         order by delivery.place, delivery.event limit $4",
    )
    .bind(company)
    .bind(webhook)
    .bind(subject)
    .bind(MOST)
    .all()
    .await
}

async fn delivered(
    tx: &mut Conn,
    company: i64,
    webhook: i64,
    event: &Waiting,
    outcome: &Outcome,
    now: i64,
    was_failing: bool,
) -> Result<(), db::Error> {
    tx.sql(
        "update webhook_delivery
         set state = 'delivered', tries = tries + 1, last_status = $1, last_error = null, done_at = $2, last_at = $2,
             last_millis = $6, last_answer = $7
         where company = $3 and webhook = $4 and event = $5",
    )
    .bind(outcome.status)
    .bind(now)
    .bind(company)
    .bind(webhook)
    .bind(event.event)
    .bind(outcome.millis)
    .bind(outcome.answer.clone())
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

/// What becomes of a subscription after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    /// It failed for three days.
    Paused,
    /// The receiver said that it wants no more.
    Ended,
}

impl Fate {
    fn state(self) -> &'static str {
        match self {
            Fate::GoesOn => "active",
            Fate::Paused => "paused",
            Fate::Ended => "ended",
        }
    }
}

/// Writes a failure down; an event whose time is over has failed, a subscription that failed as long is paused.
async fn fail(
    app: &App,
    job: &Job,
    webhook: i64,
    subscription: &Subscription,
    event: &Waiting,
    outcome: &Outcome,
    now: i64,
) -> Result<Next, Error> {
    let error = outcome.error.as_deref().unwrap_or_default();
    let over = outcome.abort || outcome.gone || now - event.created_at >= GIVE_UP;
    let fate = match subscription.failing_since {
        _ if outcome.gone => Fate::Ended,
        Some(since) if now - since >= GIVE_UP => Fate::Paused,
        _ => Fate::GoesOn,
    };
    let strikes = app
        .db
        .write(async |mut tx| {
            write_down(&mut tx, job.company, webhook, event, outcome, over, now).await?;
            let strikes = strike(&mut tx, job.company, webhook, fate, outcome, now).await?;
            if fate != Fate::GoesOn && strikes.is_some() {
                end(&mut tx, job.company, webhook, fate, error, now).await?;
            }
            Ok::<_, Error>(strikes)
        })
        .await?;
    if fate != Fate::GoesOn {
        tracing::error!(webhook, company = job.company, error, "a webhook is {}", fate.state());
        return Ok(Next::Done);
    }
    tracing::warn!(webhook, tries = event.tries + 1, error, "webhook not delivered");
    if outcome.abort {
        // A receiver that refuses one event is well.
        backoff::release(app, job.company, webhook, subscription).await?;
        return Ok(Next::Again);
    }
    let silent = outcome.status.is_none();
    let held = strikes.and_then(|strikes| backoff::until(strikes, silent, outcome.wait, now));
    if let Some(until) = held {
        tracing::warn!(webhook, company = job.company, seconds = (until - now) / 1000, "a webhook is held back");
        backoff::put_off(app, job.company, webhook, until).await?;
    }
    if over {
        return Ok(Next::Again);
    }
    let next = now + pause(event.tries);
    Ok(Next::At(held.map_or(next, |held| held.max(next))))
}

/// How long to wait after so many tries before this one, in milliseconds.
pub(crate) fn pause(tries: i64) -> i64 {
    let place = usize::try_from(tries).unwrap_or(usize::MAX).min(SCHEDULE.len() - 1);
    let wait = SCHEDULE[place] * 1000;
    wait + job::backoff(1, 1000) * wait / 10_000 - wait / 10
}

/// The try, beside its delivery.
async fn write_down(
    tx: &mut Conn,
    company: i64,
    webhook: i64,
    event: &Waiting,
    outcome: &Outcome,
    over: bool,
    now: i64,
) -> Result<(), db::Error> {
    tx.sql(
        "update webhook_delivery
         set tries = tries + 1, last_status = $1, last_error = $2, state = case when $3 then 'failed' else state end,
             done_at = case when $3 then $4 else done_at end, last_at = $4, last_millis = $8, last_answer = $9
         where company = $5 and webhook = $6 and event = $7",
    )
    .bind(outcome.status)
    .bind(outcome.error.clone())
    .bind(over)
    .bind(now)
    .bind(company)
    .bind(webhook)
    .bind(event.event)
    .bind(outcome.millis)
    .bind(outcome.answer.clone())
    .later()
    .await?;
    tx.sql(
        "insert into webhook_try (company, webhook, event, id, at, millis, status, error, answer)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(company)
    .bind(webhook)
    .bind(event.event)
    .bind(Uuid::now_v7())
    .bind(now)
    .bind(outcome.millis)
    .bind(outcome.status)
    .bind(outcome.error.clone().unwrap_or_default())
    .bind(outcome.answer.clone())
    .later()
    .await
}

/// Counts a failure; answers how many there have been in a row, nothing when the subscription is not active any more.
async fn strike(
    tx: &mut Conn,
    company: i64,
    webhook: i64,
    fate: Fate,
    outcome: &Outcome,
    now: i64,
) -> Result<Option<i64>, db::Error> {
    let error = outcome.error.as_deref().unwrap_or_default();
    let why = match fate {
        Fate::GoesOn => None,
        Fate::Paused => Some(format!("every delivery failed for three days; last: {error}")),
        Fate::Ended => Some("the receiver answered 410: it wants to hear nothing any more".to_owned()),
    };
    tx.sql(
        "update webhook set failing_since = coalesce(failing_since, $1), state = $2, state_reason = $3,
                strikes = case when $4 then 0 else strikes + 1 end, held_until = case when $4 then 0 else held_until end
         where company = $5 and id = $6 and state = 'active' returning strikes",
    )
    .bind(now)
    .bind(fate.state())
    .bind(why)
    .bind(outcome.abort)
    .bind(company)
    .bind(webhook)
    .optional()
    .await
}

/// Gives up what waits for a subscription that hears no more, and says so: in the audit trail, and to subscriptions that
/// name the event.
async fn end(tx: &mut Conn, company: i64, webhook: i64, fate: Fate, error: &str, now: i64) -> Result<(), Error> {
    let why = format!("the subscription was {}", fate.state());
    subscription::give_up(tx, company, webhook, &why, now).await?;
    let change =
        Change { company, reference: format!("webhook/{webhook}"), actor: "system", action: fate.state(), at: now };
    audit::record(tx, &change, &json!({"state": "active"}), &json!({"state": fate.state(), "error": error})).await?;
    let name = if fate == Fate::Ended { "Ended" } else { "Paused" };
    if event::is_wanted(tx, company, "Webhook", name).await? {
        let record = json!({"webhookId": webhook, "state": fate.state(), "error": error});
        let body = event::body("Webhook", name, "Webhook", &record)?;
        let subject = format!("webhook/{webhook}");
        event::emit(tx, &Event { company, topic: "Webhook", name, subject: &subject, place: now, body, at: now })
            .await?;
    }
    Ok(())
}

/// The raw key in a secret's text form, as receivers have it; for tests and receivers written in Rust.
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(secret.strip_prefix(sign::PREFIX)?).ok()
}

//! Handing a room's waiting messages to their provider: in order, one call at a time, none lost, none doubled.
//!
//! Before a call is made, the batch it carries is written down: which messages, which way, under which key. Whoever
//! repeats it after a crash repeats that same batch, so LINE, which keeps the keys of pushes, delivers once. A reply has
//! no key; but its token works once, so a repeated reply that LINE refuses within the token's life was taken before.

use channel::Content;
use channel::line::{self, Outcome, Route};
use channel::plan::{self, Lane, LatePush, Token};
use db::Conn;
use metrics::counter;
use serde::Deserialize;
use uuid::Uuid;

use super::account::{self, Account, State};
use super::line::{ask_quota, call};
use super::message::Delivery;
use crate::app::App;
use crate::http::Error;
use crate::job::{self, Job, Kind, Next, backoff};

/// After this time a batch that the provider never took has failed.
const GIVE_UP: i64 = 24 * 60 * 60 * 1000;

/// The longest wait between two tries.
const LONGEST_WAIT: i64 = 15 * 60 * 1000;

/// LINE's own words: a reply token is good for a minute. Within it, a token that is refused was used.
const TOKEN_LIFE: i64 = 60 * 1000;

/// How long an account whose credentials are refused waits before one more try.
const BROKEN_PAUSE: i64 = 10 * 60 * 1000;

/// How long a stopped account's messages wait before they are looked at again.
const STOPPED_PAUSE: i64 = 10 * 60 * 1000;

/// A run ends after this many calls, so that a busy room leaves room for others.
const MOST_CALLS: usize = 20;

/// Delivers a room.
pub async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(room) = Uuid::parse_str(&job.key) else { return Ok(Next::Done) };
    let account: Option<String> = app
        .db
        .read()
        .await?
        .sql("select account from room where company = $1 and id = $2")
        .bind(job.company)
        .bind(room)
        .optional()
        .await?;
    let Some(account) = account else { return Ok(Next::Done) };
    let Some(_place) = app.accounts.place(&account).await else { return Ok(Next::At(app.now())) };
    for _ in 0..MOST_CALLS {
        let Some(account) = app.accounts.get(app, &account).await? else { return Ok(Next::Done) };
        if let Some(next) = deliver_once(app, job, room, &account).await? {
            return Ok(next);
        }
    }
    Ok(Next::Again)
}

/// One batch of a room: nothing when there may be more, else how the run ends.
async fn deliver_once(app: &App, job: &Job, room: Uuid, account: &Account) -> Result<Option<Next>, Error> {
    let now = app.now();
    if account.state == State::Removed {
        app.db.write(async |mut tx| fail_all(&mut tx, job, room, "the channel account was removed", now).await).await?;
        return Ok(Some(Next::Finished));
    }
    if account.is_sandbox() {
        let all = app.db.write(async |mut tx| deliver_to_sandbox(&mut tx, job, room, now).await).await?;
        return Ok(all.then_some(Next::Finished));
    }
    if account.paused_until > now {
        return Ok(Some(Next::At(account.paused_until)));
    }
    let planned = app.db.write(async |mut tx| plan_batch(&mut tx, job, room, account, now).await).await?;
    let batch = match planned {
        Planned::Nothing => return Ok(Some(Next::Finished)),
        Planned::Wait(until) => return Ok(Some(Next::At(until))),
        Planned::Batch(batch) => batch,
    };
    let result = hand_over(app, account, &batch).await;
    let now = app.now();
    let step = decide(app, account, &batch, result, now).await;
    counter!("sala_deliveries_total", "platform" => account.platform.name(), "outcome" => step.outcome)
        .increment(batch.messages.len() as u64);
    let next = app.db.write(async |mut tx| record(&mut tx, job, account, &batch, &step, now).await).await?;
    if step.changes_account() {
        app.accounts.forget(&account.id);
    }
    Ok(next)
}

/// A batch that is written down and may be sent.
#[derive(Debug)]
struct Batch {
    id: Uuid,
    room: Uuid,
    to: String,
    /// The reply token, for a batch that goes out as a reply.
    token: Option<String>,
    token_at: i64,
    /// Tries so far, this one included.
    tries: i64,
    created_at: i64,
    messages: Vec<Pending>,
}

impl Batch {
    fn route(&self) -> &'static str {
        if self.token.is_some() { "reply" } else { "push" }
    }
}

#[derive(Debug, Deserialize)]
struct Pending {
    id: Uuid,
    kind: String,
    content: String,
    body: Option<serde_json::Value>,
    batch: Option<Uuid>,
    alone: bool,
    paid_ok: bool,
}

impl Pending {
    fn content(&self) -> Content {
        let whole = self.body.clone().and_then(|body| serde_json::from_value(body).ok());
        whole.unwrap_or_else(|| match self.kind.as_str() {
            "message" => Content::Text { text: self.content.clone() },
            kind => Content::Unsupported { kind: kind.to_owned() },
        })
    }
}

enum Planned {
    Nothing,
    Wait(i64),
    Batch(Batch),
}

#[derive(Deserialize)]
struct StoredBatch {
    token: Option<String>,
    token_at: Option<i64>,
    tries: i64,
    created_at: i64,
}

#[derive(Deserialize)]
struct RoomState {
    external_id: String,
    reply_token: Option<String>,
    reply_token_at: Option<i64>,
}

/// Decides what goes out next and writes it down; with nothing to send, the job ends here.
async fn plan_batch(tx: &mut Conn, job: &Job, room: Uuid, account: &Account, now: i64) -> Result<Planned, db::Error> {
    let limit = channel::limits(account.platform).batch;
    let mut pending: Vec<Pending> = tx
        .sql(
            "select id, kind, content, body, batch, alone, paid_ok from message
             where company = $1 and room = $2 and delivery = 1 order by number limit $3",
        )
        .bind(job.company)
        .bind(room)
        .bind(i64::try_from(limit).unwrap_or(1))
        .all()
        .await?;
    let Some(first) = pending.first() else {
        job::finish(tx, job, now).await?;
        return Ok(Planned::Nothing);
    };
    let state: RoomState = tx
        .sql("select external_id, reply_token, reply_token_at from room where company = $1 and id = $2")
        .bind(job.company)
        .bind(room)
        .one()
        .await?;
    if let Some(id) = first.batch {
        // Written down before, and not known to have arrived: the same messages again, under the same key.
        pending.retain(|message| message.batch == Some(id));
        let stored: StoredBatch = tx
            .sql(
                "update batch set tries = tries + 1 where company = $1 and id = $2
                 returning token, token_at, tries, created_at",
            )
            .bind(job.company)
            .bind(id)
            .one()
            .await?;
        return Ok(Planned::Batch(Batch {
            id,
            room,
            to: state.external_id,
            token: stored.token,
            token_at: stored.token_at.unwrap_or_default(),
            tries: stored.tries,
            created_at: stored.created_at,
            messages: pending,
        }));
    }
    // A message that was refused together with others goes out alone, so that only the one at fault fails.
    let together = pending.iter().take_while(|message| message.batch.is_none() && !message.alone).count();
    pending.truncate(together.max(1));
    let token = state.reply_token.as_deref().zip(state.reply_token_at);
    let token = token.map(|(token, received_at)| Token { token, received_at });
    let stopped = account.state == State::Stopped;
    let late_push = match account.late_push {
        LatePush::Ask if pending.iter().all(|message| message.paid_ok) => LatePush::Yes,
        policy => policy,
    };
    let plan = plan::plan(now, token.as_ref(), late_push, stopped, pending.len(), limit);
    let token = match plan.lane {
        Lane::Reply => token.map(|token| (token.token.to_owned(), token.received_at)),
        Lane::Push => None,
        Lane::Stopped => return hold(tx, job, room, "waits: the month's paid messages are used up", now).await,
        Lane::Ask => {
            fail_all(tx, job, room, "too late for a free reply, and this account sends no paid push", now).await?;
            return Ok(Planned::Nothing);
        }
    };
    pending.truncate(plan.count);
    let batch = Batch {
        id: Uuid::new_v4(),
        room,
        to: state.external_id,
        token_at: token.as_ref().map(|(_, at)| *at).unwrap_or_default(),
        token: token.map(|(token, _)| token),
        tries: 1,
        created_at: now,
        messages: pending,
    };
    write_down(tx, job.company, &batch).await?;
    Ok(Planned::Batch(batch))
}

/// Stores a batch before its first try; a reply token is taken from the room with it, so that nobody else uses it.
async fn write_down(tx: &mut Conn, company: i64, batch: &Batch) -> Result<(), db::Error> {
    tx.sql(
        "insert into batch (company, id, room, route, token, token_at, tries, created_at)
         values ($1, $2, $3, $4, $5, $6, 1, $7)",
    )
    .bind(company)
    .bind(batch.id)
    .bind(batch.room)
    .bind(batch.route())
    .bind(batch.token.clone())
    .bind(batch.token.as_ref().map(|_| batch.token_at))
    .bind(batch.created_at)
    .later()
    .await?;
    if batch.token.is_some() {
        tx.sql("update room set reply_token = null where company = $1 and id = $2")
            .bind(company)
            .bind(batch.room)
            .later()
            .await?;
    }
    for message in &batch.messages {
        tx.sql("update message set batch = $1 where company = $2 and id = $3")
            .bind(batch.id)
            .bind(company)
            .bind(message.id)
            .later()
            .await?;
    }
    Ok(())
}

/// Leaves a room's messages waiting, with the reason where people look.
async fn hold(tx: &mut Conn, job: &Job, room: Uuid, why: &str, now: i64) -> Result<Planned, db::Error> {
    tx.sql("update message set failure = $1 where company = $2 and room = $3 and delivery = 1 and batch is null")
        .bind(why)
        .bind(job.company)
        .bind(room)
        .exec()
        .await?;
    Ok(Planned::Wait(now + STOPPED_PAUSE))
}

/// Fails everything that waits in a room.
async fn fail_all(tx: &mut Conn, job: &Job, room: Uuid, why: &str, now: i64) -> Result<(), db::Error> {
    tx.sql("update message set delivery = 9, failure = $1 where company = $2 and room = $3 and delivery = 1")
        .bind(why)
        .bind(job.company)
        .bind(room)
        .exec()
        .await?;
    job::finish(tx, job, now).await
}

/// The sandbox is Sala itself: what it is given has arrived. True when nothing waits any more.
async fn deliver_to_sandbox(tx: &mut Conn, job: &Job, room: Uuid, now: i64) -> Result<bool, db::Error> {
    tx.sql("update message set delivery = 3, cost = 'reply' where company = $1 and room = $2 and delivery = 1")
        .bind(job.company)
        .bind(room)
        .exec()
        .await?;
    job::finish(tx, job, now).await?;
    Ok(true)
}

/// What a try brought: LINE's judgement, or no answer.
enum Tried {
    Judged(Outcome),
    NoAnswer { never_sent: bool, reason: String },
    Unsendable(String),
}

async fn hand_over(app: &App, account: &Account, batch: &Batch) -> Tried {
    let Some(credentials) = account.line() else {
        return Tried::Unsendable("the account has no credentials".to_owned());
    };
    let contents: Vec<Content> = batch.messages.iter().map(Pending::content).collect();
    let route = match &batch.token {
        Some(token) => Route::Reply { token },
        None => Route::Push { to: &batch.to, retry_key: batch.id },
    };
    let request = match line::send(&credentials, route, &contents) {
        Ok(request) => request,
        Err(refusal) => return Tried::Unsendable(refusal.to_string()),
    };
    match call(app, request).await {
        Ok(answer) => Tried::Judged(line::outcome(batch.token.is_some(), answer.status, &answer.headers, &answer.body)),
        Err(failed) => Tried::NoAnswer { never_sent: failed.never_sent, reason: failed.reason },
    }
}

/// What follows from a try.
#[derive(Debug)]
struct Step {
    /// The word in attempts and metrics.
    outcome: &'static str,
    reason: Option<String>,
    then: Then,
}

#[derive(Debug)]
enum Then {
    /// The provider has them.
    Sent(Vec<String>),
    /// The same batch again, at this time.
    Repeat(i64),
    /// The account waits until this time, and the same batch goes out again then.
    Pause(i64, State),
    /// The same messages in a new batch: alone, or as a push.
    Replan { alone: bool },
    /// They will not arrive.
    Fail,
}

impl Step {
    fn changes_account(&self) -> bool {
        matches!(self.then, Then::Pause(..))
    }
}

async fn decide(app: &App, account: &Account, batch: &Batch, tried: Tried, now: i64) -> Step {
    let step = |outcome, reason: String, then| Step { outcome, reason: Some(reason), then };
    let is_reply = batch.token.is_some();
    // A reply is repeated quickly, while its token lives; a push under its key for a day.
    let again = |reason: String, outcome| {
        let wait = if is_reply { backoff(batch.tries, 8_000) } else { backoff(batch.tries, LONGEST_WAIT) };
        match now + wait - batch.created_at > GIVE_UP {
            true => step("refused", format!("given up after a day: {reason}"), Then::Fail),
            false => step(outcome, reason, Then::Repeat(now + wait)),
        }
    };
    match tried {
        Tried::Judged(Outcome::Sent { provider_ids, .. } | Outcome::AlreadySent { provider_ids, .. }) => {
            Step { outcome: "sent", reason: None, then: Then::Sent(provider_ids) }
        }
        Tried::Judged(Outcome::Retry { reason }) => again(reason, "retry"),
        Tried::NoAnswer { never_sent: true, reason } if is_reply && batch.tries == 1 => {
            step("retry", reason, Then::Replan { alone: false })
        }
        Tried::NoAnswer { reason, .. } => again(reason, "retry"),
        Tried::Judged(Outcome::RateLimited { reason }) => {
            // Both kinds of 429 may come with the same words: the quota endpoints know which it is.
            match ask_quota(app, account).await {
                Some(month) if !is_reply && month.limit.is_some_and(|limit| month.used >= limit) => {
                    quota_reached(account, batch, reason)
                }
                _ => step("rate_limited", reason, Then::Pause(now + backoff(batch.tries, 60_000), account.state)),
            }
        }
        Tried::Judged(Outcome::QuotaReached { reason }) => quota_reached(account, batch, reason),
        Tried::Judged(Outcome::ReplyTokenDead { reason }) if batch.tries == 1 => {
            step("token_dead", reason, Then::Replan { alone: false })
        }
        Tried::Judged(Outcome::ReplyTokenDead { reason }) => match now - batch.token_at < TOKEN_LIFE {
            // Only this batch had the token, and it is young: an earlier try, whose answer was lost, has used it.
            true => step("sent", format!("taken at an earlier try: {reason}"), Then::Sent(Vec::new())),
            false => {
                let why = format!("LINE may or may not have shown it; a retry sends it again: {reason}");
                step("unknown", why, Then::Fail)
            }
        },
        Tried::Judged(Outcome::Unauthorized { reason }) => {
            tracing::error!(account = account.id, reason, "the provider refuses the account's credentials");
            step("unauthorized", reason, Then::Pause(now + BROKEN_PAUSE, State::Broken))
        }
        Tried::Judged(Outcome::Dead { reason }) | Tried::Unsendable(reason) => match batch.messages.len() {
            1 => step("refused", reason, Then::Fail),
            _ => step("refused", reason, Then::Replan { alone: true }),
        },
    }
}

fn quota_reached(account: &Account, batch: &Batch, reason: String) -> Step {
    tracing::error!(account = account.id, reason, "the month's paid messages are used up; the account is stopped");
    debug_assert!(batch.token.is_none(), "replies cost nothing");
    Step { outcome: "quota", reason: Some(reason), then: Then::Pause(0, State::Stopped) }
}

/// Writes down what a try brought; nothing when the next batch may follow at once.
async fn record(
    tx: &mut Conn,
    job: &Job,
    account: &Account,
    batch: &Batch,
    step: &Step,
    now: i64,
) -> Result<Option<Next>, db::Error> {
    for message in &batch.messages {
        tx.sql(
            "insert into attempt (company, message, batch, number, at, outcome, reason)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (company, message, batch, number) do nothing",
        )
        .bind(job.company)
        .bind(message.id)
        .bind(batch.id)
        .bind(batch.tries)
        .bind(now)
        .bind(step.outcome)
        .bind(step.reason.clone())
        .later()
        .await?;
    }
    match &step.then {
        Then::Sent(provider_ids) => {
            for (index, message) in batch.messages.iter().enumerate() {
                tx.sql(
                    "update message set delivery = case when delivery < $1 then $1 else delivery end, cost = $2,
                            provider_id = $3, failure = null
                     where company = $4 and id = $5 and batch = $6",
                )
                .bind(Delivery::Sent as i64)
                .bind(batch.route())
                .bind(provider_ids.get(index).cloned())
                .bind(job.company)
                .bind(message.id)
                .bind(batch.id)
                .later()
                .await?;
            }
            if account.state == State::Broken {
                account::set_state(tx, account, State::Active, None, 0).await?;
            }
            Ok(None)
        }
        Then::Repeat(at) => {
            set_failure(tx, job.company, batch, step.reason.as_deref(), false).await?;
            Ok(Some(Next::At(*at)))
        }
        Then::Pause(until, state) => {
            let stopped = *state == State::Stopped;
            account::set_state(tx, account, *state, step.reason.as_deref(), *until).await?;
            set_failure(tx, job.company, batch, step.reason.as_deref(), stopped).await?;
            if stopped || step.outcome == "rate_limited" {
                job::enqueue(tx, job.company, Kind::Quota, &account.id, now).await?;
            }
            Ok(Some(Next::At(if stopped { now + STOPPED_PAUSE } else { *until })))
        }
        Then::Replan { alone } => {
            if *alone {
                tx.sql(
                    "update message set alone = true where company = $1 and batch = $2 and room = $3 and delivery = 1",
                )
                .bind(job.company)
                .bind(batch.id)
                .bind(batch.room)
                .exec()
                .await?;
            }
            set_failure(tx, job.company, batch, None, true).await?;
            Ok(None)
        }
        Then::Fail => {
            for message in &batch.messages {
                tx.sql(
                    "update message set delivery = $1, failure = $2 where company = $3 and id = $4 and delivery = 1",
                )
                .bind(Delivery::Failed as i64)
                .bind(step.reason.clone())
                .bind(job.company)
                .bind(message.id)
                .later()
                .await?;
            }
            Ok(None)
        }
    }
}

/// Notes why a batch's messages still wait; `release` takes them out of the batch, for a new plan.
async fn set_failure(
    tx: &mut Conn,
    company: i64,
    batch: &Batch,
    reason: Option<&str>,
    release: bool,
) -> Result<(), db::Error> {
    for message in &batch.messages {
        tx.sql(
            "update message set failure = $1, batch = case when $2 then null else batch end
             where company = $3 and id = $4 and batch = $5 and delivery = 1",
        )
        .bind(reason)
        .bind(release)
        .bind(company)
        .bind(message.id)
        .bind(batch.id)
        .later()
        .await?;
    }
    Ok(())
}

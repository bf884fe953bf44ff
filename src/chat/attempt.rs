//! One try to hand a batch to its provider: the call, what its answer means, and what is written down.
//!
//! What decides most is whether an earlier try may have arrived. A try counts as refused when it is known to have done
//! nothing (the connection was never made, or the provider said no); any other one without a good answer may have
//! reached the customer, and from then on the batch is repeated as it is or given to a person, never sent anew.

use channel::Content;
use channel::line::{self, Outcome, Route};
use channel::plan::REPLY_TOKEN_LIFETIME_MS;
use db::Conn;
use serde::Deserialize;
use uuid::Uuid;

use super::account::{self, Account, State};
use super::delivery::STOPPED_PAUSE;
use super::line::{ask_quota, call};
use super::message::Delivery;
use super::told;
use crate::app::App;
use crate::inbox;
use crate::job::{self, Job, Kind, Next, backoff};

/// After this time a batch that the provider never took has failed; LINE keeps a retry key as long.
pub(super) const GIVE_UP: i64 = line::RETRY_KEY_LIFETIME_MS;

/// The longest wait between two tries.
const LONGEST_WAIT: i64 = 15 * 60 * 1000;

/// The longest wait between two tries while a reply token lives.
const LONGEST_REPLY_WAIT: i64 = 8 * 1000;

/// How long an account whose credentials are refused waits before one more try.
const BROKEN_PAUSE: i64 = 10 * 60 * 1000;

/// A batch that is written down and may be sent.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: Uuid,
    pub(super) room: Uuid,
    pub(super) to: String,
    /// The reply token, for a batch that goes out as a reply.
    pub(super) token: Option<String>,
    pub(super) token_at: i64,
    /// Tries so far, this one included.
    pub(super) tries: i64,
    /// Earlier tries that are known to have done nothing.
    pub(super) refused: i64,
    pub(super) created_at: i64,
    pub(super) messages: Vec<Pending>,
}

impl Batch {
    pub(super) fn route(&self) -> &'static str {
        if self.token.is_some() { "reply" } else { "push" }
    }

    /// Whether an earlier try may have arrived.
    pub(super) fn is_unsure(&self) -> bool {
        self.tries - 1 > self.refused
    }

    /// Whether the reply token would still be good if nobody had used it.
    fn has_live_token(&self, now: i64) -> bool {
        self.token.is_some() && now - self.token_at < REPLY_TOKEN_LIFETIME_MS
    }
}

/// A message that waits to be handed over.
#[derive(Debug, Deserialize)]
pub(super) struct Pending {
    pub(super) id: Uuid,
    kind: String,
    content: String,
    body: Option<serde_json::Value>,
    pub(super) batch: Option<Uuid>,
    pub(super) alone: bool,
    pub(super) paid_ok: bool,
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

/// What follows from a try.
#[derive(Debug)]
pub(super) struct Step {
    /// The word in attempts and metrics.
    pub(super) outcome: &'static str,
    reason: Option<String>,
    /// Whether the provider is known to have done nothing.
    refused: bool,
    then: Then,
}

#[derive(Debug)]
enum Then {
    /// The provider has them.
    Sent(Vec<String>),
    /// The same batch again, at this time.
    Repeat(i64),
    /// Too many calls: the account waits until this time, and the same batch goes out again then.
    Pause(i64),
    /// The provider refuses the account's credentials.
    Broken(i64),
    /// The month's paid messages are used up.
    Stopped,
    /// The same messages in a new batch: alone, or as a push.
    Replan { alone: bool },
    /// They will not arrive.
    Fail,
}

impl Step {
    /// Whether the account is another one afterwards.
    pub(super) fn changes_account(&self) -> bool {
        matches!(self.then, Then::Pause(_) | Then::Broken(_) | Then::Stopped)
    }
}

/// What a try brought: LINE's judgement, or no answer.
enum Tried {
    Judged(Outcome),
    NoAnswer { never_sent: bool, reason: String },
    Unsendable(String),
}

/// Makes the call, outside any transaction, and says what follows.
pub(super) async fn make(app: &App, account: &Account, batch: &Batch) -> Step {
    let tried = hand_over(app, account, batch).await;
    let now = app.now();
    match tried {
        Tried::Judged(Outcome::RateLimited { reason }) if batch.token.is_none() && is_used_up(app, account).await => {
            // Both kinds of 429 may come with the same words: the quota endpoints know which it is.
            decide(account, batch, Tried::Judged(Outcome::QuotaReached { reason }), now)
        }
        tried => decide(account, batch, tried, now),
    }
}

async fn is_used_up(app: &App, account: &Account) -> bool {
    let month = ask_quota(app, account).await;
    month.is_some_and(|month| month.limit.is_some_and(|limit| month.used >= limit))
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

/// Why a message was given up: what the provider said last, and whether it may have taken it all the same.
pub(super) fn given_up(last: &str, is_unsure: bool) -> String {
    let more = if is_unsure { "; it may have arrived, and a retry sends it again" } else { "" };
    format!("given up after a day: {last}{more}")
}

fn decide(account: &Account, batch: &Batch, tried: Tried, now: i64) -> Step {
    let step = |outcome, reason: String, refused, then| Step { outcome, reason: Some(reason), refused, then };
    // A reply is repeated quickly, while its token lives; a push under its key for a day.
    let again = |reason: String, refused: bool| {
        let most = if batch.has_live_token(now) { LONGEST_REPLY_WAIT } else { LONGEST_WAIT };
        let at = now + backoff(batch.tries, most);
        match at - batch.created_at > GIVE_UP {
            true => step("refused", given_up(&reason, !refused || batch.is_unsure()), refused, Then::Fail),
            false => step("retry", reason, refused, Then::Repeat(at)),
        }
    };
    match tried {
        Tried::Judged(Outcome::Sent { provider_ids, .. } | Outcome::AlreadySent { provider_ids, .. }) => {
            Step { outcome: "sent", reason: None, refused: false, then: Then::Sent(provider_ids) }
        }
        Tried::Judged(Outcome::Retry { reason }) => again(reason, false),
        Tried::NoAnswer { never_sent, reason } => again(reason, never_sent),
        Tried::Judged(Outcome::QuotaReached { reason }) if batch.token.is_none() => {
            tracing::error!(
                account = account.id,
                reason,
                "the month's paid messages are used up; the account is stopped"
            );
            step("quota", reason, true, Then::Stopped)
        }
        // A reply costs nothing, so for one the month cannot be used up.
        Tried::Judged(Outcome::RateLimited { reason } | Outcome::QuotaReached { reason }) => {
            step("rate_limited", reason, true, Then::Pause(now + backoff(batch.tries, 60_000)))
        }
        Tried::Judged(Outcome::ReplyTokenDead { reason }) if !batch.is_unsure() => {
            step("token_dead", reason, true, Then::Replan { alone: false })
        }
        Tried::Judged(Outcome::ReplyTokenDead { reason }) if batch.has_live_token(now) => {
            // Only this batch had the token, and it is young: an earlier try, whose answer was lost, has used it.
            step("sent", format!("taken at an earlier try: {reason}"), false, Then::Sent(Vec::new()))
        }
        Tried::Judged(Outcome::ReplyTokenDead { reason }) => {
            let why = format!("LINE may or may not have shown it; a retry sends it again: {reason}");
            step("unknown", why, false, Then::Fail)
        }
        Tried::Judged(Outcome::Unauthorized { reason }) => {
            tracing::error!(account = account.id, reason, "the provider refuses the account's credentials");
            step("unauthorized", reason, true, Then::Broken(now + BROKEN_PAUSE))
        }
        Tried::Judged(Outcome::Dead { reason }) | Tried::Unsendable(reason) => match batch.messages.len() {
            1 => step("refused", reason, true, Then::Fail),
            _ => step("refused", reason, true, Then::Replan { alone: true }),
        },
    }
}

/// Writes down what a try brought; nothing when the next batch may follow at once.
pub(super) async fn record(
    tx: &mut Conn,
    job: &Job,
    account: &Account,
    batch: &Batch,
    step: &Step,
    now: i64,
) -> Result<Option<Next>, db::Error> {
    note(tx, job.company, batch, step, now).await?;
    inbox::delivered(tx, job.company, batch.room, now).await?;
    let reason = step.reason.as_deref().unwrap_or_default();
    match &step.then {
        Then::Sent(provider_ids) => {
            sent(tx, job.company, batch, provider_ids, now).await?;
            if account.state == State::Broken {
                account::set_state(tx, account, State::Active, None, 0).await?;
            }
            // Most rooms have one batch: the run ends with it, without a transaction that only finds nothing more.
            let next: Option<i64> = tx
                .sql("select number from message where company = $1 and room = $2 and delivery = 1 order by number limit 1")
                .bind(job.company)
                .bind(batch.room)
                .optional()
                .await?;
            if next.is_some() {
                return Ok(None);
            }
            job::finish(tx, job, now).await?;
            Ok(Some(Next::Finished))
        }
        Then::Repeat(at) => {
            explain(tx, job.company, batch, reason).await?;
            Ok(Some(Next::At(*at)))
        }
        Then::Pause(until) => {
            account::pause(tx, account, *until).await?;
            explain(tx, job.company, batch, reason).await?;
            job::enqueue(tx, job.company, Kind::Quota, &account.id, now).await?;
            Ok(Some(Next::At(*until)))
        }
        Then::Broken(until) => {
            account::set_state(tx, account, State::Broken, Some(reason), *until).await?;
            explain(tx, job.company, batch, reason).await?;
            Ok(Some(Next::At(*until)))
        }
        Then::Stopped => {
            account::set_state(tx, account, State::Stopped, Some(reason), 0).await?;
            if batch.is_unsure() {
                explain(tx, job.company, batch, reason).await?;
            } else {
                // Out of the batch, so that a free reply token can take them before the quota returns.
                release(tx, job.company, batch, Some(reason)).await?;
            }
            job::enqueue(tx, job.company, Kind::Quota, &account.id, now).await?;
            Ok(Some(Next::At(now + STOPPED_PAUSE)))
        }
        Then::Replan { alone } => {
            if *alone {
                give_back_token(tx, job.company, batch, now).await?;
                tx.sql(
                    "update message set alone = true where company = $1 and batch = $2 and room = $3 and delivery = 1",
                )
                .bind(job.company)
                .bind(batch.id)
                .bind(batch.room)
                .exec()
                .await?;
            }
            release(tx, job.company, batch, None).await?;
            Ok(None)
        }
        Then::Fail => {
            if step.refused {
                give_back_token(tx, job.company, batch, now).await?;
            }
            fail(tx, job.company, batch, reason, now).await?;
            Ok(None)
        }
    }
}

/// The try itself, for the one who asks why a message is late.
async fn note(tx: &mut Conn, company: i64, batch: &Batch, step: &Step, now: i64) -> Result<(), db::Error> {
    for message in &batch.messages {
        tx.sql(
            "insert into attempt (company, message, batch, number, at, outcome, reason)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (company, message, batch, number) do nothing",
        )
        .bind(company)
        .bind(message.id)
        .bind(batch.id)
        .bind(batch.tries)
        .bind(now)
        .bind(step.outcome)
        .bind(step.reason.clone())
        .later()
        .await?;
    }
    if step.refused {
        tx.sql("update batch set refused = refused + 1 where company = $1 and id = $2")
            .bind(company)
            .bind(batch.id)
            .later()
            .await?;
    }
    Ok(())
}

async fn sent(tx: &mut Conn, company: i64, batch: &Batch, provider_ids: &[String], now: i64) -> Result<(), db::Error> {
    for (index, message) in batch.messages.iter().enumerate() {
        tx.sql(
            "update message set delivery = case when delivery < $1 then $1 else delivery end, cost = $2,
                    provider_id = $3, failure = null
             where company = $4 and id = $5 and batch = $6",
        )
        .bind(Delivery::Sent as i64)
        .bind(batch.route())
        .bind(provider_ids.get(index).cloned())
        .bind(company)
        .bind(message.id)
        .bind(batch.id)
        .later()
        .await?;
    }
    let messages: Vec<Uuid> = batch.messages.iter().map(|message| message.id).collect();
    told::moved(tx, company, &messages, now).await
}

/// Notes why a batch's messages still wait.
async fn explain(tx: &mut Conn, company: i64, batch: &Batch, reason: &str) -> Result<(), db::Error> {
    tx.sql("update message set failure = $1 where company = $2 and room = $3 and batch = $4 and delivery = 1")
        .bind(reason)
        .bind(company)
        .bind(batch.room)
        .bind(batch.id)
        .later()
        .await
}

/// Takes a batch's messages out of it, for a new plan.
pub(super) async fn release(tx: &mut Conn, company: i64, batch: &Batch, reason: Option<&str>) -> Result<(), db::Error> {
    tx.sql(
        "update message set failure = $1, batch = null
         where company = $2 and room = $3 and batch = $4 and delivery = 1",
    )
    .bind(reason)
    .bind(company)
    .bind(batch.room)
    .bind(batch.id)
    .later()
    .await
}

/// A batch's messages will not arrive.
pub(super) async fn fail(tx: &mut Conn, company: i64, batch: &Batch, reason: &str, now: i64) -> Result<(), db::Error> {
    let failed: Vec<Uuid> = tx
        .sql(
            "update message set delivery = $1, failure = $2
             where company = $3 and room = $4 and batch = $5 and delivery = 1 returning id",
        )
        .bind(Delivery::Failed as i64)
        .bind(reason)
        .bind(company)
        .bind(batch.room)
        .bind(batch.id)
        .all()
        .await?;
    told::moved(tx, company, &failed, now).await
}

/// What LINE refused did not use its reply token; unless a newer one has come, the next messages may have it.
async fn give_back_token(tx: &mut Conn, company: i64, batch: &Batch, now: i64) -> Result<(), db::Error> {
    if batch.is_unsure() || !batch.has_live_token(now) {
        return Ok(());
    }
    tx.sql(
        "update room set reply_token = $1, reply_token_at = $2
         where company = $3 and id = $4 and reply_token is null",
    )
    .bind(batch.token.clone())
    .bind(batch.token_at)
    .bind(company)
    .bind(batch.room)
    .later()
    .await
}

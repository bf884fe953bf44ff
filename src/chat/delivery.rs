//! Handing a room's waiting messages to their provider: in order, one call at a time, none lost, none doubled.
//!
//! Before a call is made, the batch it carries is written down: which messages, which way, under which key. Whoever
//! repeats it after a crash repeats that same batch, so LINE, which keeps the keys of pushes, delivers once. A reply has
//! no key; but its token works once, so a repeated reply that LINE refuses within the token's life was taken before.

use channel::plan::{self, Lane, LatePush, Token};
use db::Conn;
use metrics::counter;
use serde::Deserialize;
use uuid::Uuid;

use super::account::{Account, State};
use super::attempt::{self, Batch, GIVE_UP, Pending};
use super::told;
use crate::app::App;
use crate::http::Error;
use crate::inbox;
use crate::job::{self, Job, Next};

/// How long a stopped account's messages wait before they are looked at again.
pub(super) const STOPPED_PAUSE: i64 = 10 * 60 * 1000;

/// A run ends after this many calls, so that a busy room leaves room for others.
const MOST_CALLS: usize = 20;

/// Delivers a room.
pub async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(room) = Uuid::parse_str(&job.key) else { return Ok(Next::Done) };
    let found: Option<(String, Option<i64>)> = app
        .db
        .read()
        .await?
        .sql("select account, erased_at from room where company = $1 and id = $2")
        .bind(job.company)
        .bind(room)
        .optional()
        .await?;
    let Some((account, erased_at)) = found else { return Ok(Next::Done) };
    if erased_at.is_some() {
        let now = app.now();
        app.db.write(async |mut tx| fail_all(&mut tx, job, room, "the customer was erased", now).await).await?;
        return Ok(Next::Finished);
    }
    for _ in 0..MOST_CALLS {
        let Some(account) = app.accounts.get(app, &account).await? else { return Ok(Next::Done) };
        let next = deliver_once(app, job, room, &account).await?;
        app.live.wake(job.company);
        if let Some(next) = next {
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
        let count = app.db.write(async |mut tx| deliver_to_sandbox(&mut tx, job, room, now).await).await?;
        counter!("sala_deliveries_total", "platform" => account.platform.name(), "outcome" => "sent").increment(count);
        return Ok(Some(Next::Finished));
    }
    if account.paused_until > now {
        return Ok(Some(Next::At(account.paused_until)));
    }
    let planned = app.db.write(async |mut tx| plan_batch(&mut tx, job, room, account, now).await).await?;
    let batch = match planned {
        Planned::Nothing => return Ok(Some(Next::Finished)),
        Planned::Settled => return Ok(None),
        Planned::Wait(until) => return Ok(Some(Next::At(until))),
        Planned::Batch(batch) => batch,
    };
    let step = attempt::make(app, account, &batch).await;
    let now = app.now();
    counter!("sala_deliveries_total", "platform" => account.platform.name(), "outcome" => step.outcome)
        .increment(batch.messages.len() as u64);
    let next = app.db.write(async |mut tx| attempt::record(&mut tx, job, account, &batch, &step, now).await).await?;
    if step.changes_account() {
        app.accounts.forget(&account.id);
    }
    Ok(next)
}

enum Planned {
    /// Nothing waits any more.
    Nothing,
    /// Something was settled without a call; there may be more.
    Settled,
    Wait(i64),
    Batch(Batch),
}

#[derive(Deserialize)]
struct StoredBatch {
    token: Option<String>,
    token_at: Option<i64>,
    tries: i64,
    refused: i64,
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
        return repeat(tx, job.company, room, id, state.external_id, pending, now).await;
    }
    // A message that was refused together with others goes out alone, so that only the one at fault fails.
    let together = pending.iter().take_while(|message| message.batch.is_none() && !message.alone).count();
    pending.truncate(together.max(1));
    let token = state.reply_token.as_deref().zip(state.reply_token_at);
    let token = token.map(|(token, received_at)| Token { token, received_at });
    let stopped = account.state == State::Stopped;
    // A person has said of some messages that they may cost; those and the others are decided apart.
    let paid_ok = account.late_push == LatePush::Ask && pending.first().is_some_and(|message| message.paid_ok);
    if account.late_push == LatePush::Ask {
        let same = pending.iter().take_while(|message| message.paid_ok == paid_ok).count();
        pending.truncate(same);
    }
    let late_push = if paid_ok { LatePush::Yes } else { account.late_push };
    let plan = plan::plan(now, token.as_ref(), late_push, stopped, pending.len(), limit);
    let token = match plan.lane {
        Lane::Reply => token.map(|token| (token.token.to_owned(), token.received_at)),
        Lane::Push => None,
        Lane::Stopped => {
            return leave_waiting(tx, job, room, "waits: the month's paid messages are used up", now).await;
        }
        Lane::Ask => {
            refuse_late(tx, job.company, room, account.late_push, now).await?;
            return Ok(Planned::Settled);
        }
    };
    pending.truncate(plan.count);
    let batch = Batch {
        // In the order of time, as the attempts are shown.
        id: Uuid::now_v7(),
        room,
        to: state.external_id,
        token_at: token.as_ref().map(|(_, at)| *at).unwrap_or_default(),
        token: token.map(|(token, _)| token),
        tries: 1,
        refused: 0,
        created_at: now,
        messages: pending,
    };
    write_down(tx, job.company, &batch).await?;
    Ok(Planned::Batch(batch))
}

/// A batch that was written down before goes out again, unless its key is too old to keep it from arriving twice.
async fn repeat(
    tx: &mut Conn,
    company: i64,
    room: Uuid,
    id: Uuid,
    to: String,
    messages: Vec<Pending>,
    now: i64,
) -> Result<Planned, db::Error> {
    let stored: StoredBatch = tx
        .sql(
            "update batch set tries = tries + 1 where company = $1 and id = $2
             returning token, token_at, tries, refused, created_at",
        )
        .bind(company)
        .bind(id)
        .one()
        .await?;
    let batch = Batch {
        id,
        room,
        to,
        token: stored.token,
        token_at: stored.token_at.unwrap_or_default(),
        tries: stored.tries,
        refused: stored.refused,
        created_at: stored.created_at,
        messages,
    };
    if now - batch.created_at < GIVE_UP {
        return Ok(Planned::Batch(batch));
    }
    if batch.is_unsure() {
        let last: Option<String> = tx
            .sql("select failure from message where company = $1 and room = $2 and batch = $3 and failure is not null limit 1")
            .bind(company)
            .bind(room)
            .bind(id)
            .optional()
            .await?;
        let why = attempt::given_up(last.as_deref().unwrap_or("no answer"), true);
        attempt::fail(tx, company, &batch, &why, now).await?;
    } else {
        attempt::release(tx, company, &batch, None).await?;
    }
    Ok(Planned::Settled)
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
async fn leave_waiting(tx: &mut Conn, job: &Job, room: Uuid, why: &str, now: i64) -> Result<Planned, db::Error> {
    tx.sql("update message set failure = $1 where company = $2 and room = $3 and delivery = 1 and batch is null")
        .bind(why)
        .bind(job.company)
        .bind(room)
        .exec()
        .await?;
    Ok(Planned::Wait(now + STOPPED_PAUSE))
}

/// Fails what is too late to be free and may not cost; what a person has paid for stays.
async fn refuse_late(tx: &mut Conn, company: i64, room: Uuid, policy: LatePush, now: i64) -> Result<(), db::Error> {
    let ask = policy == LatePush::Ask;
    let why = match ask {
        true => "too late for a free reply; a retry sends it as a paid push",
        false => "too late for a free reply, and this account sends no paid push",
    };
    let failed: Vec<Uuid> = tx
        .sql(
            "update message set delivery = 9, failure = $1
             where company = $2 and room = $3 and delivery = 1 and batch is null and not (paid_ok and $4)
             returning id",
        )
        .bind(why)
        .bind(company)
        .bind(room)
        .bind(ask)
        .all()
        .await?;
    told::moved(tx, company, &failed, now).await?;
    inbox::delivered(tx, company, room, now).await
}

/// Fails everything that waits in a room.
async fn fail_all(tx: &mut Conn, job: &Job, room: Uuid, why: &str, now: i64) -> Result<(), db::Error> {
    let failed: Vec<Uuid> = tx
        .sql(
            "update message set delivery = 9, failure = $1 where company = $2 and room = $3 and delivery = 1
             returning id",
        )
        .bind(why)
        .bind(job.company)
        .bind(room)
        .all()
        .await?;
    told::moved(tx, job.company, &failed, now).await?;
    inbox::delivered(tx, job.company, room, now).await?;
    job::finish(tx, job, now).await
}

/// The sandbox is Sala itself: what it is given has arrived. Answers how many messages that were.
async fn deliver_to_sandbox(tx: &mut Conn, job: &Job, room: Uuid, now: i64) -> Result<u64, db::Error> {
    let arrived: Vec<Uuid> = tx
        .sql(
            "update message set delivery = 3, cost = 'reply' where company = $1 and room = $2 and delivery = 1
             returning id",
        )
        .bind(job.company)
        .bind(room)
        .all()
        .await?;
    if !arrived.is_empty() {
        told::moved(tx, job.company, &arrived, now).await?;
        inbox::delivered(tx, job.company, room, now).await?;
    }
    job::finish(tx, job, now).await?;
    Ok(arrived.len() as u64)
}

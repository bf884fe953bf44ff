//! Handing a subscription again what it has missed, or all of a time.

use db::{Conn, Db, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use super::delivery::wanted;
use super::subscription::{self, Listed};
use crate::event::{catalogue, first_id};
use crate::http::{Code, Error, Fault};
use crate::job::{self, Kind};
use crate::setting::profile;
use crate::setting::retention::{self, Retention};

/// Events looked at in one unit of work.
const LOT: i64 = 500;

/// What is sent again.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// From this time on, in Unix milliseconds.
    pub from: i64,
    /// Until this time.
    pub to: i64,
    /// What arrived, too; otherwise only what did not arrive and does not wait any more.
    pub all: bool,
}

#[derive(Deserialize)]
struct Told {
    id: Uuid,
    topic: String,
    name: String,
    subject: String,
    place: i64,
}

/// Makes every event since a time (Unix milliseconds) due again for a subscription, unless it arrived or still waits;
/// says how many.
///
/// # Errors
/// See [`replay_span`].
pub async fn replay(db: &Db, tenant: i64, id: i64, since: i64, now: i64) -> Result<u64, Error> {
    replay_span(db, tenant, id, Span { from: since, to: i64::MAX, all: false }, now).await
}

/// Makes the events of a time due again for a subscription; says how many. Events are kept for 90 days unless the setting
/// says otherwise, and go out in the order of their subject, but behind what has gone out meanwhile.
///
/// # Errors
/// 404 when the company has no such subscription, 409 when it is not active.
pub async fn replay_span(db: &Db, tenant: i64, id: i64, span: Span, now: i64) -> Result<u64, Error> {
    let listed = subscription::find(&mut db.read().await?, tenant, id).await?;
    if listed.state != "active" {
        return Err(subscription::paused());
    }
    let mut replayed = 0;
    let mut since = span.from;
    if !span.all {
        // What became of older ones is not known any more: it would be sent a second time.
        let ages = Retention::of(&*profile::of(&mut db.read().await?, tenant).await?);
        since = since.max(retention::before(now, ages.deliveries));
    }
    let (mut from, end) = (first_id(since), first_id(span.to.saturating_add(1)));
    loop {
        let lot: Vec<Told> = db
            .read()
            .await?
            .sql(
                "select id, topic, name, subject, place from event
                 where company = $1 and id >= $2 and id < $3 order by id limit $4",
            )
            .bind(tenant)
            .bind(from)
            .bind(end)
            .bind(LOT)
            .all()
            .await?;
        let Some(last) = lot.last().map(|told| told.id) else { return Ok(replayed) };
        replayed += db.write(async |mut tx| due_again(&mut tx, tenant, &listed, &lot, span.all, now).await).await?;
        from = Uuid::from_u128(last.as_u128().saturating_add(1));
    }
}

/// Makes one delivery due again, whatever became of it.
///
/// # Errors
/// 404 without such a delivery, 409 when its subscription is not active.
pub async fn replay_one(tx: &mut Conn, tenant: i64, webhook: i64, event: Uuid, now: i64) -> Result<(), Error> {
    let listed = subscription::find(tx, tenant, webhook).await?;
    if listed.state != "active" {
        return Err(subscription::paused());
    }
    let subject: Option<String> = tx
        .sql(
            "update webhook_delivery set state = 'pending', tries = 0, last_error = null, done_at = null, created_at = $4
             where company = $1 and webhook = $2 and event = $3 returning subject",
        )
        .bind(tenant)
        .bind(webhook)
        .bind(event)
        .bind(now)
        .optional()
        .await?;
    let subject = subject.ok_or(Error::NotFound("delivery"))?;
    let kept: Option<i64> =
        tx.sql("select 1 from event where company = $1 and id = $2").bind(tenant).bind(event).optional().await?;
    if kept.is_none() {
        let message = "The event is no longer stored";
        return Err(Error::Conflict(Fault::new(Code::Conflict, "delivery", message)));
    }
    Ok(job::enqueue_all(tx, tenant, Kind::Webhook, vec![wanted(webhook, &subject, now)]).await?)
}

/// Whether a subscription hears of an event.
fn hears(listed: &Listed, told: &Told) -> bool {
    let by_name = format!("{}.{}", told.topic, told.name);
    let opt_in = catalogue::find(&told.topic, &told.name).is_some_and(|told| told.opt_in);
    let mut wishes = listed.topics.split_whitespace().peekable();
    if wishes.peek().is_none() {
        return !opt_in;
    }
    wishes.any(|wish| wish == by_name || (wish == told.topic && !opt_in))
}

async fn due_again(
    tx: &mut Conn,
    tenant: i64,
    listed: &Listed,
    lot: &[Told],
    all: bool,
    now: i64,
) -> Result<u64, db::Error> {
    let mut rows = Rows::new(&[("id", Type::Uuid), ("subject", Type::Text), ("place", Type::BigInt)]);
    for told in lot.iter().filter(|told| hears(listed, told)) {
        rows.push([told.id.into(), told.subject.as_str().into(), told.place.into()]);
    }
    if rows.is_empty() {
        return Ok(0);
    }
    let subjects: Vec<String> = tx
        .sql(
            "insert into webhook_delivery (company, webhook, event, subject, place, state, tries, created_at)
             select $1, $2, id, subject, place, 'pending', 0, $3 from ",
        )
        .bind(tenant)
        .bind(listed.id)
        .bind(now)
        .push_rows(&rows)
        .push(
            " as input where true
             on conflict (company, webhook, event) do update
             set state = 'pending', tries = 0, last_error = null, done_at = null, created_at = excluded.created_at
             where webhook_delivery.state = 'failed' or (webhook_delivery.state = 'delivered' and ",
        )
        .push_bind(all)
        .push(") returning subject")
        .all()
        .await?;
    let jobs = subjects.iter().map(|subject| wanted(listed.id, subject, now));
    job::enqueue_all(tx, tenant, Kind::Webhook, jobs.collect()).await?;
    Ok(subjects.len() as u64)
}

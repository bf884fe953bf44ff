//! Deletes what is past its time, a little at once so that no writer waits long: the server's own, and then what each
//! company keeps only for as long as its setting says.

use db::Conn;
use uuid::Uuid;

use super::{Next, each_company};
use crate::app::App;
use crate::customer::merge;
use crate::event::first_id;
use crate::http::{Error, idempotency};
use crate::product::stock::reservation;
use crate::product::ticket;
use crate::setting::profile;
use crate::setting::retention::{Retention, before};
use crate::{import, live, oauth, person};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Rows of one table deleted in one unit of work.
const MOST: i64 = 500;

/// Until the next round when there is nothing more to delete.
const PAUSE: i64 = 10 * 60 * 1000;

/// One round.
pub(super) async fn run(app: &App) -> Result<Next, Error> {
    let now = app.now();
    let deleted = app.db.write(async |mut tx| round(&mut tx, now).await).await?;
    let mut is_more = deleted >= MOST.unsigned_abs();
    is_more |= each_company(app, "purging", |company| of_one(app, company, now)).await?;
    if deleted > 0 {
        tracing::debug!(deleted, "purged");
    }
    Ok(if is_more { Next::Again } else { Next::At(now + PAUSE) })
}

/// What one company keeps too long; whether there may be more.
async fn of_one(app: &App, company: i64, now: i64) -> Result<bool, Error> {
    let ages = Retention::of(&*profile::of(&mut app.db.read().await?, company).await?);
    let deleted = app.db.write(async |mut tx| of_company(&mut tx, company, ages, now).await).await?;
    if deleted > 0 {
        tracing::debug!(company, deleted, "purged");
    }
    Ok(deleted >= MOST.unsigned_abs())
}

async fn round(tx: &mut Conn, now: i64) -> Result<u64, db::Error> {
    let mut deleted = idempotency::purge(tx, now, MOST).await?;
    deleted += oauth::purge(tx, now, MOST).await?;
    deleted += person::purge(tx, now, MOST).await?;
    deleted += live::purge(tx, now, MOST).await?;
    deleted += merge::purge(tx, now, MOST).await?;
    deleted += import::purge(tx, now, MOST).await?;
    deleted += ticket::purge(tx, now - 30 * DAY, MOST).await?;
    deleted += reservation::expire(tx, now, MOST).await?;
    // A provider repeats an event for hours at most; its id is kept for a month.
    deleted += tx
        .sql(
            "delete from inbound where (company, account, event) in
               (select company, account, event from inbound where at <= $1 order by at limit $2)",
        )
        .bind(now - 30 * DAY)
        .bind(MOST)
        .exec()
        .await?;
    Ok(deleted)
}

/// What one company keeps for a time. Events and audit entries are found by their ids, which begin with their time.
async fn of_company(tx: &mut Conn, company: i64, ages: Retention, now: i64) -> Result<u64, db::Error> {
    let mut deleted = 0;
    for statement in [
        "delete from attempt where company = $1 and (message, batch, number) in
           (select message, batch, number from attempt where company = $1 and at <= $2 order by at limit $3)",
        "delete from batch where company = $1 and id in
           (select id from batch where company = $1 and created_at <= $2 order by created_at limit $3)",
    ] {
        deleted += tx.sql(statement).bind(company).bind(before(now, ages.attempts)).bind(MOST).exec().await?;
    }
    for statement in [
        "delete from webhook_delivery where company = $1 and (webhook, event) in
           (select webhook, event from webhook_delivery
            where company = $1 and state <> 'pending' and done_at <= $2 order by done_at limit $3)",
        "delete from webhook_try where company = $1 and (webhook, event, id) in
           (select webhook, event, id from webhook_try where company = $1 and at <= $2 order by at limit $3)",
    ] {
        deleted += tx.sql(statement).bind(company).bind(before(now, ages.deliveries)).bind(MOST).exec().await?;
    }
    // Links in what was never sent are over after a week; the bytes of files would only take room.
    for (statement, days) in [
        (
            "update mail set message = null where company = $1 and done_at is not null and id in
               (select id from mail where company = $1 and done_at <= $2 and message is not null order by done_at limit $3)",
            14.min(ages.mails),
        ),
        (
            "delete from mail where company = $1 and done_at is not null and id in
               (select id from mail where company = $1 and done_at <= $2 order by done_at limit $3)",
            ages.mails,
        ),
    ] {
        deleted += tx.sql(statement).bind(company).bind(before(now, days)).bind(MOST).exec().await?;
    }
    let past = |days: i64| first_id(before(now, days));
    deleted += tx
        .sql(
            "delete from event where company = $1 and id in
               (select event.id from event
                where event.company = $1 and event.id < $2
                  and not exists (select 1 from webhook_delivery as d where d.company = event.company and d.event = event.id)
                order by event.id limit $3)",
        )
        .bind(company)
        .bind(past(ages.events))
        .bind(MOST)
        .exec()
        .await?;
    if let Some(days) = ages.audit {
        deleted += by_id(tx, company, past(days)).await?;
    }
    Ok(deleted)
}

async fn by_id(tx: &mut Conn, company: i64, past: Uuid) -> Result<u64, db::Error> {
    tx.sql(
        "delete from audit where company = $1 and id in
           (select id from audit where company = $1 and id < $2 order by id limit $3)",
    )
    .bind(company)
    .bind(past)
    .bind(MOST)
    .exec()
    .await
}

//! Deletes what is past its time, a little at once so that no writer waits long.

use db::Conn;

use super::Next;
use crate::app::App;
use crate::customer::merge;
use crate::http::{Error, idempotency};
use crate::product::stock::reservation;
use crate::product::ticket;
use crate::{import, oauth};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Rows of one table deleted in one unit of work.
const MOST: i64 = 500;

/// Until the next round when there is nothing more to delete.
const PAUSE: i64 = 10 * 60 * 1000;

/// One round.
pub(super) async fn run(app: &App) -> Result<Next, Error> {
    let now = app.now();
    let deleted = app.db.write(async |mut tx| round(&mut tx, now).await).await?;
    if deleted > 0 {
        tracing::debug!(deleted, "purged");
    }
    let most = u64::try_from(MOST).unwrap_or(u64::MAX);
    Ok(if deleted >= most { Next::Again } else { Next::At(now + PAUSE) })
}

async fn round(tx: &mut Conn, now: i64) -> Result<u64, db::Error> {
    let mut deleted = idempotency::purge(tx, now, MOST).await?;
    deleted += oauth::purge(tx, now, MOST).await?;
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
    deleted += tx
        .sql(
            "delete from attempt where (company, message, batch, number) in
               (select company, message, batch, number from attempt where at <= $1 order by at limit $2)",
        )
        .bind(now - 90 * DAY)
        .bind(MOST)
        .exec()
        .await?;
    deleted += tx
        .sql(
            "delete from batch where (company, id) in
               (select company, id from batch where created_at <= $1 order by created_at limit $2)",
        )
        .bind(now - 90 * DAY)
        .bind(MOST)
        .exec()
        .await?;
    deleted += tx
        .sql(
            "delete from webhook_delivery where (company, webhook, event) in
               (select company, webhook, event from webhook_delivery
                where state <> 'pending' and done_at <= $1 order by done_at limit $2)",
        )
        .bind(now - 30 * DAY)
        .bind(MOST)
        .exec()
        .await?;
    deleted += tx
        .sql(
            "delete from event where (company, id) in
               (select event.company, event.id from event
                where event.at <= $1
                  and not exists (select 1 from webhook_delivery as d where d.company = event.company and d.event = event.id)
                order by event.at limit $2)",
        )
        .bind(now - 90 * DAY)
        .bind(MOST)
        .exec()
        .await?;
    Ok(deleted)
}

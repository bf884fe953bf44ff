//! Handing a subscription what it has missed: events whose tries ended, and those of a pause.

use db::Db;
use uuid::Uuid;

use crate::http::Error;
use crate::job::{self, Kind};

/// Events looked at in one unit of work.
const LOT: i64 = 500;

/// Makes every event since a time (Unix milliseconds) due again for a subscription, unless it arrived or still waits;
/// says how many. Events are kept for 90 days, and go out in the order of their subject, but behind what has gone out
/// meanwhile.
///
/// # Errors
/// 404 when the company has no such subscription, 409 when it is paused.
pub async fn replay(db: &Db, tenant: i64, id: i64, since: i64, now: i64) -> Result<u64, Error> {
    let state: Option<String> = db
        .read()
        .await?
        .sql("select state from webhook where company = $1 and id = $2 and state <> 'removed'")
        .bind(tenant)
        .bind(id)
        .optional()
        .await?;
    if state.ok_or(Error::NotFound("webhook"))? == "paused" {
        return Err(super::subscription::paused());
    }
    let mut replayed = 0;
    let mut from = first_id(since);
    loop {
        let lot: Vec<Uuid> = db
            .read()
            .await?
            .sql("select id from event where company = $1 and id >= $2 order by id limit $3")
            .bind(tenant)
            .bind(from)
            .bind(LOT)
            .all()
            .await?;
        let Some(last) = lot.last().copied() else { return Ok(replayed) };
        replayed += db.write(async |mut tx| due_again(&mut tx, tenant, id, (from, last), now).await).await?;
        from = Uuid::from_u128(last.as_u128().saturating_add(1));
    }
}

/// The least id that an event of this time can have: they are UUIDs of version 7 (RFC 9562, section 5.7).
fn first_id(at: i64) -> Uuid {
    Uuid::from_u128(u128::from(at.max(0).unsigned_abs()) << 80)
}

async fn due_again(
    tx: &mut db::Conn,
    tenant: i64,
    id: i64,
    (first, last): (Uuid, Uuid),
    now: i64,
) -> Result<u64, db::Error> {
    let subjects: Vec<String> = tx
        .sql(
            "insert into webhook_delivery (company, webhook, event, subject, place, state, tries, created_at)
             select event.company, webhook.id, event.id, event.subject, event.place, 'pending', 0, $5
             from event join webhook on webhook.company = event.company and webhook.id = $2
             where event.company = $1 and event.id >= $3 and event.id <= $4
               and (webhook.topics = '' or ' ' || webhook.topics || ' ' like '% ' || event.topic || ' %')
             on conflict (company, webhook, event) do update
             set state = 'pending', tries = 0, last_error = null, done_at = null, created_at = excluded.created_at
             where webhook_delivery.state = 'failed'
             returning subject",
        )
        .bind(tenant)
        .bind(id)
        .bind(first)
        .bind(last)
        .bind(now)
        .all()
        .await?;
    let count = subjects.len() as u64;
    let jobs = subjects.iter().map(|subject| super::delivery::wanted(id, subject, now));
    job::enqueue_all(tx, tenant, Kind::Webhook, jobs.collect()).await?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_of_a_time_is_not_above_any_of_it() {
        let before = first_id(1_763_884_800_000);
        let id = uuid::Builder::from_unix_timestamp_millis(1_763_884_800_000, &[0; 10]).into_uuid();
        assert!(before <= id);
        assert!(
            first_id(1_763_884_800_001)
                > uuid::Builder::from_unix_timestamp_millis(1_763_884_800_000, &[255; 10]).into_uuid()
        );
    }
}

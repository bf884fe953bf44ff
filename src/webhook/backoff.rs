//! Backoff of a whole subscription: after tries in a row that came to nothing, or when the receiver asks for it. Until
//! its time nothing goes to it, then one event as a probe; when that arrives, the others go on at once.

use db::{Conn, Db};

use super::delivery::Subscription;
use crate::app::App;
use crate::job::Kind;

/// Tries in a row without any answer after which a subscription is held back.
const SILENT: i64 = 3;

/// Tries in a row with a bad answer after which it is.
const REFUSED: i64 = 20;

/// How long it is held back, in seconds: the first time, the second time, and so on; the last one repeats.
const WAITS: [i64; 6] = [5, 30, 2 * 60, 5 * 60, 15 * 60, 30 * 60];

/// Longer than this no receiver makes Sala wait (milliseconds).
const LONGEST: i64 = 24 * 60 * 60 * 1000;

/// Jobs that are put off, or called back, in one unit of work.
const LOT: i64 = 2_000;

/// Until when a subscription is to be held back, after so many tries in a row that came to nothing; the last one got no
/// answer at all, or one that asks for a wait (milliseconds).
pub(super) fn until(strikes: i64, silent: bool, asked: Option<i64>, now: i64) -> Option<i64> {
    if let Some(wait) = asked {
        return Some(now + wait.clamp(1000, LONGEST));
    }
    let over = strikes - if silent { SILENT } else { REFUSED };
    let place = usize::try_from(over).ok()?.min(WAITS.len() - 1);
    Some(now + WAITS[place] * 1000)
}

/// Whether an event may go out now; otherwise, when to ask again. Of a subscription whose time is over, only the one who
/// comes first may: its call is the probe.
pub(super) async fn admit(
    app: &App,
    company: i64,
    webhook: i64,
    subscription: &mut Subscription,
) -> Result<Option<i64>, db::Error> {
    let now = app.now();
    let held = subscription.held_until;
    if held == 0 {
        return Ok(None);
    }
    app.shares.limit(Kind::Webhook, company, &webhook.to_string(), Some(1));
    if held > now {
        return Ok(Some(held));
    }
    let timeout = i64::try_from(app.config.webhook_timeout.max(1)).unwrap_or(LONGEST) * 1000;
    let until = now + timeout + 5_000;
    let mine = app
        .db
        .write(async |mut tx| {
            tx.sql("update webhook set held_until = $1 where company = $2 and id = $3 and held_until = $4")
                .bind(until)
                .bind(company)
                .bind(webhook)
                .bind(held)
                .exec()
                .await
        })
        .await?;
    subscription.probe_until = Some(until);
    Ok((mine == 0).then_some(until))
}

/// The probe arrived: what waited for the subscription's time goes on now.
pub(super) async fn release(
    app: &App,
    company: i64,
    webhook: i64,
    subscription: &Subscription,
) -> Result<(), db::Error> {
    app.shares.limit(Kind::Webhook, company, &webhook.to_string(), subscription.concurrency());
    if subscription.held_until == 0 {
        return Ok(());
    }
    for at in [Some(subscription.held_until), subscription.probe_until].into_iter().flatten() {
        // Those that wait for a time of their own keep it.
        while call_back(&app.db, company, webhook, at, app.now()).await? >= LOT.unsigned_abs() {}
    }
    app.wakes.wake(Kind::Webhook);
    Ok(())
}

async fn call_back(db: &Db, company: i64, webhook: i64, at: i64, now: i64) -> Result<u64, db::Error> {
    db.write(async |mut tx| {
        tx.sql(
            "update job set run_at = $1
             where company = $2 and kind = 'webhook' and worker is null and run_at = $4 and key in
               (select key from job where company = $2 and kind = 'webhook' and lane = $3 and not dead and run_at = $4
                and worker is null limit $5)",
        )
        .bind(now)
        .bind(company)
        .bind(webhook.to_string())
        .bind(at)
        .bind(LOT)
        .exec()
        .await
    })
    .await
}

/// Puts off what waits for a subscription that is held back.
pub(super) async fn put_off(app: &App, company: i64, webhook: i64, until: i64) -> Result<(), db::Error> {
    app.shares.limit(Kind::Webhook, company, &webhook.to_string(), Some(1));
    app.db
        .write(async |mut tx| {
            tx.sql("update webhook set held_until = $1 where company = $2 and id = $3")
                .bind(until)
                .bind(company)
                .bind(webhook)
                .exec()
                .await
        })
        .await?;
    while app.db.write(async |mut tx| put_off_lot(&mut tx, company, webhook, until).await).await? >= LOT.unsigned_abs()
    {
    }
    Ok(())
}

async fn put_off_lot(tx: &mut Conn, company: i64, webhook: i64, until: i64) -> Result<u64, db::Error> {
    tx.sql(
        "update job set run_at = $1
         where company = $2 and kind = 'webhook' and worker is null and run_at < $1 and key in
           (select key from job where company = $2 and kind = 'webhook' and lane = $3 and not dead and run_at < $1
            and worker is null order by run_at limit $4)",
    )
    .bind(until)
    .bind(company)
    .bind(webhook.to_string())
    .bind(LOT)
    .exec()
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_the_tries_that_came_to_nothing() {
        assert_eq!(
            [1, 2, 3, 4, 8, 90].map(|strikes| until(strikes, true, None, 0)),
            [None, None, Some(5_000), Some(30_000), Some(1_800_000), Some(1_800_000)]
        );
        assert_eq!([19, 20, 21].map(|strikes| until(strikes, false, None, 0)), [None, Some(5_000), Some(30_000)]);
        assert_eq!(until(1, false, Some(90_000), 10), Some(90_010));
        assert_eq!(until(1, false, Some(i64::MAX), 0), Some(LONGEST));
    }
}

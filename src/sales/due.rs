//! What becomes of documents by the calendar alone: quotations expire, orders are overdue.

use db::Conn;
use serde::Deserialize;

use super::{order, quotation};
use crate::app::App;
use crate::http::{Caller, Conditions, Error};
use crate::job::Next;
use crate::record::{self, Actor};
use crate::time::{self, Zone};

/// Documents of one round.
const MOST: i64 = 200;
/// Documents written in one unit of work.
const LOT: usize = 20;
/// Until the next round when there is nothing more to do.
const PAUSE: i64 = 10 * 60 * 1000;
/// The zone that is first to begin a day is so far ahead.
const AHEAD: i64 = 14 * 60 * 60 * 1000;

#[derive(Debug, Deserialize)]
struct Due {
    company: i64,
    id: i64,
    day: String,
}

/// One round over all companies: nothing is written of a document whose day is not over in its company's zone.
pub async fn run(app: &App) -> Result<Next, Error> {
    let now = app.now();
    let latest = time::day_of(now + AHEAD, &Zone::UTC).to_string();
    let quotations: Vec<Due> = due(
        &mut app.db.read().await?,
        "select company, id, valid_until as day from quotation
         where not is_expired and status <= 4 and valid_until < $1 order by valid_until limit $2",
        &latest,
    )
    .await?;
    let orders: Vec<Due> = due(
        &mut app.db.read().await?,
        "select company, id, due_on as day from sales_order
         where due_on is not null and not is_overdue and status in (2, 3) and due_on < $1 order by due_on limit $2",
        &latest,
    )
    .await?;
    let found = quotations.len() + orders.len();
    let mut done = 0;
    for lot in quotations.chunks(LOT) {
        done += app.db.write(async |mut tx| expire(&mut tx, lot, now).await).await?;
    }
    for lot in orders.chunks(LOT) {
        done += app.db.write(async |mut tx| fall_due(&mut tx, lot, now).await).await?;
    }
    let full = i64::try_from(found).unwrap_or(i64::MAX) >= MOST;
    Ok(if full && done > 0 { Next::Again } else { Next::At(now + PAUSE) })
}

async fn due(conn: &mut Conn, text: &'static str, latest: &str) -> Result<Vec<Due>, db::Error> {
    conn.sql(text).bind(latest).bind(MOST).all().await
}

async fn is_over(tx: &mut Conn, due: &Due, now: i64) -> Result<bool, Error> {
    let zone = time::zone(tx, due.company).await?;
    Ok(due.day < time::day_of(now, &zone).to_string())
}

fn system(company: i64, now: i64) -> Actor {
    Actor { caller: Caller::acting(company, "system"), now }
}

async fn expire(tx: &mut Conn, lot: &[Due], now: i64) -> Result<usize, Error> {
    let mut done = 0;
    for due in lot {
        if !is_over(tx, due, now).await? {
            continue;
        }
        let by = system(due.company, now);
        let found = record::held::<quotation::Row>(tx, &by.caller, "id", due.id, &Conditions::default()).await;
        let old = match found {
            Err(Error::NotFound(_)) => continue,
            found => found?,
        };
        // It may have been written meanwhile.
        if old.is_expired || old.valid_until != due.day {
            continue;
        }
        let row = quotation::Row { is_expired: true, ..old.clone() };
        record::save_as(tx, &by, Some(old), row, "Expired").await?;
        done += 1;
    }
    Ok(done)
}

async fn fall_due(tx: &mut Conn, lot: &[Due], now: i64) -> Result<usize, Error> {
    let mut done = 0;
    for due in lot {
        if !is_over(tx, due, now).await? {
            continue;
        }
        let by = system(due.company, now);
        let found = record::held::<order::Row>(tx, &by.caller, "id", due.id, &Conditions::default()).await;
        let old = match found {
            Err(Error::NotFound(_)) => continue,
            found => found?,
        };
        if old.is_overdue || old.due_on.as_deref() != Some(due.day.as_str()) || old.paid >= old.grand_total {
            continue;
        }
        let row = order::Row { is_overdue: true, ..old.clone() };
        record::save_as(tx, &by, Some(old), row, "Overdue").await?;
        done += 1;
    }
    Ok(done)
}

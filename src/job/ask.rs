//! Asking for work, in the transaction of the change that makes it necessary. The jobs of one call are one company's, and
//! so are the rows that its statement touches.

use db::{Conn, Rows, Type};

use super::{Kind, asked};

/// Work to ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Which one of its kind.
    pub key: String,
    /// What it shares its places with; empty for nothing but its company.
    pub lane: String,
    /// When it is due, in Unix milliseconds.
    pub at: i64,
}

/// Asks for work. The end of the request or job that asks wakes the search for it.
pub async fn enqueue(tx: &mut Conn, company: i64, kind: Kind, key: &str, at: i64) -> Result<(), db::Error> {
    enqueue_in(tx, company, kind, "", key, at).await
}

/// [`enqueue`] in a lane: what the job shares its places with.
pub async fn enqueue_in(
    tx: &mut Conn,
    company: i64,
    kind: Kind,
    lane: &str,
    key: &str,
    at: i64,
) -> Result<(), db::Error> {
    asked(kind);
    tx.sql(
        "insert into job (company, kind, key, lane, run_at, version, tries, dead, created_at)
         values ($1, $2, $3, $4, $5, 1, 0, false, $5)
         on conflict (company, kind, key) do update
         set version = job.version + 1, dead = false, failures = case when job.dead then 0 else job.failures end,
             lost = case when job.dead then 0 else job.lost end, lane = excluded.lane,
             run_at = case when job.dead then excluded.run_at else job.run_at end",
    )
    .bind(company)
    .bind(kind.name())
    .bind(key)
    .bind(lane)
    .bind(at)
    .later()
    .await
}

/// [`enqueue_in`] for many of one company. They are written in the order of their keys, so that two units that ask for
/// the same never wait for each other.
pub async fn enqueue_all(tx: &mut Conn, company: i64, kind: Kind, mut wanted: Vec<Wanted>) -> Result<(), db::Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    asked(kind);
    wanted.sort_unstable();
    wanted.dedup_by(|next, one| next.key == one.key);
    let mut rows = Rows::new(&[("key", Type::Text), ("lane", Type::Text), ("at", Type::BigInt)]);
    for Wanted { key, lane, at } in wanted {
        rows.push([key.into(), lane.into(), at.into()]);
    }
    tx.sql("insert into job (company, kind, key, lane, run_at, version, tries, dead, created_at) ")
        .bind(company)
        .bind(kind.name())
        .push_values("$1, $2, input.key, input.lane, input.at, 1, 0, false, input.at", rows)
        .push(
            " on conflict (company, kind, key) do update
             set version = job.version + 1, dead = false, failures = case when job.dead then 0 else job.failures end,
                 lost = case when job.dead then 0 else job.lost end, lane = excluded.lane,
                 run_at = case when job.dead then excluded.run_at else job.run_at end",
        )
        .later()
        .await
}

/// Lets a company's waiting jobs with these keys run now. Those that run already are left alone.
pub async fn hasten(
    tx: &mut Conn,
    company: i64,
    kind: Kind,
    keys: impl IntoIterator<Item = String>,
    now: i64,
) -> Result<(), db::Error> {
    asked(kind);
    let rows = keys_of(keys);
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql(
        "update job set run_at = $1
         where company = $2 and kind = $3 and worker is null and key in (select key from ",
    )
    .bind(now)
    .bind(company)
    .bind(kind.name())
    .push_rows(&rows)
    .push(" as input)")
    .later()
    .await
}

/// Keys as rows of a statement.
pub(super) fn keys_of(keys: impl IntoIterator<Item = String>) -> Rows {
    let mut rows = Rows::new(&[("key", Type::Text)]);
    for key in keys {
        rows.push([key.into()]);
    }
    rows
}

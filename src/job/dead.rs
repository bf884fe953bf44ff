//! Jobs that failed for good: they stay, so that somebody can mend what stopped them and let them run again.

use db::{Conn, Db};
use serde::{Deserialize, Serialize};

use super::Kind;

/// A job that is tried no more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Dead {
    /// The tenant; 0 for the server's own work.
    pub company: i64,
    /// What kind of work.
    pub kind: String,
    /// Which one of the kind.
    pub key: String,
    /// How often it was tried.
    pub tries: i64,
    /// What the last run complained of.
    pub error: Option<String>,
}

/// Those of a company and kind, or of all: at most 1,000.
pub async fn list(conn: &mut Conn, company: Option<i64>, kind: Option<Kind>) -> Result<Vec<Dead>, db::Error> {
    let mut query = conn.sql("select company, kind, key, tries, error from job where dead");
    if let Some(company) = company {
        query = query.push(" and company = ").push_bind(company);
    }
    if let Some(kind) = kind {
        query = query.push(" and kind = ").push_bind(kind.name());
    }
    query.push(" order by company, kind, key limit 1000").all().await
}

/// Lets those of a company and kind, or all, run again; says how many. A server finds them when it next looks.
pub async fn retry(db: &Db, company: Option<i64>, kind: Option<Kind>, now: i64) -> Result<u64, db::Error> {
    db.write(async |mut tx| revive(&mut tx, (company, kind, None), now).await).await
}

/// The same in a transaction, and also for one key of a kind.
pub(crate) async fn revive(
    tx: &mut Conn,
    (company, kind, key): (Option<i64>, Option<Kind>, Option<&str>),
    now: i64,
) -> Result<u64, db::Error> {
    let mut query =
        tx.sql("update job set dead = false, failures = 0, lost = 0, worker = null, run_at = ").push_bind(now);
    query = query.push(" where dead");
    if let Some(company) = company {
        query = query.push(" and company = ").push_bind(company);
    }
    if let Some(kind) = kind {
        query = query.push(" and kind = ").push_bind(kind.name());
    }
    if let Some(key) = key {
        query = query.push(" and key = ").push_bind(key);
    }
    query.exec().await
}

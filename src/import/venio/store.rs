//! How far a copy is, in the database: moved in the unit of work that writes the record.

use db::{Conn, Db};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kind::{Kind, Outcome, Step};
use super::{Order, Report};
use crate::http::{Error, Fault};

/// In the place of a code: the list itself could not be read.
const WHOLE: &str = "*";

/// A record that could not be taken, or not all of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// The kind of record.
    pub(crate) step: String,
    /// Its code.
    pub(crate) code: String,
    /// What is wrong with it: a list of code, field, message.
    pub(crate) faults: Value,
}

/// The copy of one kind of record, as far as it is.
#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    company: i64,
    source: String,
    step: String,
    pub(super) since: Option<i64>,
    pub(super) total: Option<i64>,
    pub(super) skip: i64,
    pub(super) cursor: Option<String>,
    pub(super) done: i64,
    pub(super) first: Option<String>,
    created: i64,
    updated: i64,
    unchanged: i64,
    older: i64,
    failed: i64,
    /// The other server said that there is no further page.
    #[serde(default)]
    pub(super) is_read: bool,
}

impl Progress {
    /// Goes on with a copy that was cut off, or begins one.
    pub(super) async fn open(db: &Db, order: &Order, source: &str, step: Step, now: i64) -> Result<Progress, Error> {
        let progress = db
            .write(async |mut tx| {
                tx.sql(
                    "insert into venio_copy (company, source, step, started_at, since, skip, done, created, updated,
                                             unchanged, older, failed)
                     values ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, 0, 0)
                     on conflict (company, source, step) do update
                     set started_at = excluded.started_at, ended_at = null, since = excluded.since, total = null, skip = 0,
                         cursor = null, done = 0, first = null, created = 0, updated = 0, unchanged = 0, older = 0,
                         failed = 0
                     where venio_copy.ended_at is not null",
                )
                .bind(order.company)
                .bind(source)
                .bind(step.name())
                .bind(now)
                .bind(order.since)
                .exec()
                .await?;
                tx.sql("delete from venio_copy_fault where company = $1 and source = $2 and step = $3 and code = $4")
                    .bind(order.company)
                    .bind(source)
                    .bind(step.name())
                    .bind(WHOLE)
                    .exec()
                    .await?;
                tx.sql(
                    "select company, source, step, since, total, skip, cursor, done, first, created, updated, unchanged,
                            older, failed
                     from venio_copy where company = $1 and source = $2 and step = $3",
                )
                .bind(order.company)
                .bind(source)
                .bind(step.name())
                .one::<Progress>()
                .await
            })
            .await?;
        Ok(progress)
    }

    /// Writes down, with the record itself, that one more of the page is dealt with, and what of it was left out.
    pub(super) async fn count(
        &self,
        tx: &mut Conn,
        code: &str,
        outcome: Outcome,
        left: &[Fault],
    ) -> Result<(), db::Error> {
        let [created, updated, unchanged] =
            [Outcome::Created, Outcome::Updated, Outcome::Unchanged].map(|which| i64::from(which == outcome));
        self.step_on(tx, [created, updated, unchanged, i64::from(outcome == Outcome::Left), 0]).await?;
        if !left.is_empty() {
            return self.note(tx, code, &json!(left)).await;
        }
        tx.sql("delete from venio_copy_fault where company = $1 and source = $2 and step = $3 and code = $4")
            .bind(self.company)
            .bind(&self.source)
            .bind(&self.step)
            .bind(code)
            .later()
            .await
    }

    async fn step_on(&self, tx: &mut Conn, by: [i64; 5]) -> Result<(), db::Error> {
        let [created, updated, unchanged, older, failed] = by;
        tx.sql(
            "update venio_copy set done = done + 1, created = created + $4, updated = updated + $5,
                    unchanged = unchanged + $6, older = older + $7, failed = failed + $8
             where company = $1 and source = $2 and step = $3",
        )
        .bind(self.company)
        .bind(&self.source)
        .bind(&self.step)
        .bind(created)
        .bind(updated)
        .bind(unchanged)
        .bind(older)
        .bind(failed)
        .later()
        .await
    }

    /// The same here, once it is on disk.
    pub(super) fn counted(&mut self, outcome: Outcome) {
        self.done += 1;
        *match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Left => &mut self.older,
        } += 1;
    }

    /// Passes over a record.
    pub(super) async fn pass(&mut self, db: &Db) -> Result<(), Error> {
        db.write(async |mut tx| self.step_on(&mut tx, [0, 0, 0, 1, 0]).await).await?;
        self.counted(Outcome::Left);
        Ok(())
    }

    /// Writes down why a record could not be taken.
    pub(super) async fn fail(&mut self, db: &Db, code: &str, faults: &Value) -> Result<(), Error> {
        db.write(async |mut tx| {
            self.note(&mut tx, code, faults).await?;
            self.step_on(&mut tx, [0, 0, 0, 0, 1]).await
        })
        .await?;
        self.done += 1;
        self.failed += 1;
        Ok(())
    }

    async fn note(&self, tx: &mut Conn, code: &str, faults: &Value) -> Result<(), db::Error> {
        tx.sql(
            "insert into venio_copy_fault (company, source, step, code, faults) values ($1, $2, $3, $4, $5)
             on conflict (company, source, step, code) do update set faults = excluded.faults",
        )
        .bind(self.company)
        .bind(&self.source)
        .bind(&self.step)
        .bind(code)
        .bind(faults)
        .later()
        .await
    }

    /// Writes down that the other server does not list these records at all.
    pub(super) async fn lack(&self, db: &Db, fault: Fault) -> Result<(), Error> {
        let faults = json!([fault]);
        db.write(async |mut tx| self.note(&mut tx, WHOLE, &faults).await).await?;
        Ok(())
    }

    /// Turns the page.
    pub(super) async fn turn(&mut self, db: &Db, rows: i64, next: Option<String>) -> Result<(), Error> {
        // A server that speaks of a next page says by its absence that there is none.
        self.is_read = next.is_none() && self.cursor.is_some();
        (self.skip, self.cursor, self.done) = (self.skip + rows, next, 0);
        db.write(async |mut tx| {
            tx.sql(
                "update venio_copy set skip = $4, cursor = $5, done = 0, total = $6, first = $7
                 where company = $1 and source = $2 and step = $3",
            )
            .bind(self.company)
            .bind(&self.source)
            .bind(&self.step)
            .bind(self.skip)
            .bind(self.cursor.as_deref())
            .bind(self.total)
            .bind(self.first.as_deref())
            .exec()
            .await
        })
        .await?;
        Ok(())
    }

    /// The copy is complete: the next one begins anew.
    pub(super) async fn end(&self, db: &Db, now: i64) -> Result<(), Error> {
        db.write(async |mut tx| {
            tx.sql("update venio_copy set ended_at = $4 where company = $1 and source = $2 and step = $3")
                .bind(self.company)
                .bind(&self.source)
                .bind(&self.step)
                .bind(now)
                .exec()
                .await
        })
        .await?;
        Ok(())
    }

    /// What became of it so far.
    pub(super) async fn report(&self, db: &Db, kind: Kind) -> Result<Report, Error> {
        let (created, updated, unchanged) = (self.created, self.updated, self.unchanged);
        let (older, failed) = (self.older, self.failed);
        let read = created + updated + unchanged + older + failed;
        let here = kind.count(&mut db.read().await?, self.company).await?;
        Ok(Report { kind, there: self.total, read, created, updated, unchanged, older, failed, here })
    }
}

/// What could not be taken at the last try, or not as a whole: the first 1,000.
pub(super) async fn refused(db: &Db, company: i64) -> Result<Vec<Refused>, db::Error> {
    db.read()
        .await?
        .sql("select step, code, faults from venio_copy_fault where company = $1 order by step, code limit 1000")
        .bind(company)
        .all()
        .await
}

//! Taking an import back: what it made is deleted, what it changed is restored, a lot of records in one unit of work.

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde::Deserialize;

use super::kind::{Kind, Line, Undo, Undone};
use super::run::{Failed, REST, passing};
use super::store::{self, Import, State};
use crate::app::App;
use crate::http::{Code, Error, Fault};
use crate::job::{self, Kind as JobKind};
use crate::person;
use crate::record::Record;
use crate::service::link;

/// Records that are taken back in a unit of work.
const LOT: i64 = 100;

/// Takes back what an import has written, a lot of records in one unit of work.
pub(super) async fn take_back(app: &App, mut import: Import) -> Result<(), Error> {
    let Some(kind) = Kind::named(&import.kind) else { return Ok(()) };
    let actor = import.undo_actor.as_deref().unwrap_or(&import.actor);
    let caller = person::acting(&mut app.db.read().await?, import.company, actor).await?;
    let note = import.note();
    loop {
        let lines = lines(&mut app.db.read().await?, &import, LOT).await?;
        let mut kept: HashMap<usize, &'static str> = HashMap::new();
        let mut most = lines.len();
        loop {
            let part = lines.get(..most).unwrap_or(&lines);
            let now = app.now();
            let ended = app
                .db
                .write(async |mut tx| {
                    if !claim(&mut tx, &import).await? {
                        return Err(Failed::Moved);
                    }
                    let undo = Undo { caller: &caller, note: &note, began: import.created_at, now };
                    let mut done = Vec::with_capacity(part.len());
                    for (at, line) in part.iter().enumerate() {
                        let undone = match kept.get(&at) {
                            Some(why) => Undone::Kept(why),
                            None => {
                                let undone = kind.undo(&mut tx, &undo, line).await;
                                undone.map_err(|error| passing(Failed::Row(at, error)))?
                            }
                        };
                        done.push((line, undone));
                    }
                    save(&mut tx, &import, &done, now).await?;
                    move_earlier_on(&mut tx, &import, kind, &done).await?;
                    job::advance(&mut tx, import.company, JobKind::Import, &import.id.to_string()).await?;
                    Ok(())
                })
                .await;
            match ended {
                Ok(()) => break,
                Err(Failed::Row(at, error)) => {
                    kept.insert(at, why(&error));
                    most = at + 1;
                }
                Err(Failed::Whole(error)) => return Err(error),
                Err(Failed::Moved | Failed::Tried(_)) => return Ok(()),
            }
        }
        tokio::time::sleep(REST).await;
        let found = store::find(&mut app.db.read().await?, import.company, import.id).await?;
        match found {
            Some(found) if found.state == State::Undoing => import = found,
            _ => return Ok(()),
        }
    }
}

/// Why a record could not be put back.
fn why(error: &Error) -> &'static str {
    match error {
        Error::Conflict(_) => "another record has its name now",
        Error::Invalid(_) => "the earlier value is no longer allowed",
        error => {
            tracing::error!(%error, "a record of an import could not be put back");
            "the server failed with it"
        }
    }
}

/// Asks for an import to be taken back; false when it is in a state that does not allow it.
pub(super) async fn ask(tx: &mut Conn, import: &Import, actor: &str) -> Result<bool, db::Error> {
    let asked = tx
        .sql(
            "update import set state = 'undoing', ended_at = null, undo_actor = $3
             where company = $1 and id = $2 and not dry_run and state in ('waiting', 'running', 'done', 'failed')",
        )
        .bind(import.company)
        .bind(import.id)
        .bind(actor)
        .exec()
        .await?;
    Ok(asked == 1)
}

/// The next records to take back.
async fn lines(conn: &mut Conn, import: &Import, most: i64) -> Result<Vec<Line>, db::Error> {
    conn.sql(
        "select record, created, version, coalesce(was, version - 1) as was, before from import_row
         where company = $1 and import = $2 and record > $3 order by record limit $4",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(&import.undo_after)
    .bind(most)
    .all()
    .await
}

/// Claims the progress for this unit of work; false when somebody else has gone on.
async fn claim(tx: &mut Conn, import: &Import) -> Result<bool, db::Error> {
    let held = tx
        .sql(
            "update import set undo_after = undo_after
             where company = $1 and id = $2 and undo_after = $3 and state = 'undoing'",
        )
        .bind(import.company)
        .bind(import.id)
        .bind(&import.undo_after)
        .exec()
        .await?;
    Ok(held == 1)
}

/// Writes down what became of these records; without any the taking back is at its end.
async fn save(tx: &mut Conn, import: &Import, done: &[(&Line, Undone)], now: i64) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[("record", Type::Text), ("undo", Type::Text), ("version", Type::BigInt)]);
    let mut kept = 0;
    for (Line { record, .. }, undone) in done {
        match undone {
            Undone::Restored(version) => drop(rows.push([record.as_str().into(), "undone".into(), (*version).into()])),
            Undone::Kept(why) => {
                kept += 1;
                rows.push([record.as_str().into(), (*why).into(), None::<i64>.into()]);
            }
        }
    }
    if !rows.is_empty() {
        tx.sql("update import_row set undo = input.undo, version = coalesce(input.version, import_row.version) from ")
            .push_rows(&rows)
            .push(" as input where import_row.record = input.record and import_row.company = ")
            .push_bind(import.company)
            .push(" and import_row.import = ")
            .push_bind(import.id)
            // Only the rows of this lot are gone through, whichever side SQLite begins with.
            .push(" and import_row.record > ")
            .push_bind(&import.undo_after)
            .push(" and import_row.record <= ")
            .push_bind(done.last().map_or("", |(line, _)| line.record.as_str()))
            .later()
            .await?;
    }
    let is_end = done.is_empty();
    tx.sql(
        "update import set undone = undone + $3, kept = kept + $4, undo_after = $5, state = $6, ended_at = $7
         where company = $1 and id = $2",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(i64::try_from(done.len()).unwrap_or_default() - kept)
    .bind(kept)
    .bind(done.last().map_or(import.undo_after.as_str(), |(line, _)| line.record.as_str()))
    .bind(if is_end { State::Undone.name() } else { State::Undoing.name() })
    .bind(is_end.then_some(now))
    .exec()
    .await
    .map(drop)
}

/// Records that are as they were before this import are what an earlier import has left, though in a new version: that import
/// can be taken back next. One that somebody has changed between the two is in no version that the earlier one knows.
async fn move_earlier_on(
    tx: &mut Conn,
    import: &Import,
    kind: Kind,
    done: &[(&Line, Undone)],
) -> Result<(), db::Error> {
    // Stock is known by its movements: those that were taken back do not count.
    if kind == Kind::Stock {
        return Ok(());
    }
    let mut rows = Rows::new(&[("record", Type::Text), ("was", Type::BigInt), ("version", Type::BigInt)]);
    for (line, undone) in done.iter().filter(|(line, _)| !line.created) {
        match undone {
            Undone::Restored(version) if *version != line.version => {
                rows.push([line.record.as_str().into(), line.was.into(), (*version).into()]);
            }
            _ => {}
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("update import_row set version = input.version from ")
        .push_rows(&rows)
        .push(" as input where import_row.record = input.record and import_row.version = input.was and import_row.company = ")
        .push_bind(import.company)
        .push(" and import_row.undo is null and import_row.import <> ")
        .push_bind(import.id)
        // As above.
        .push(" and import_row.record > ")
        .push_bind(&import.undo_after)
        .push(" and import_row.record <= ")
        .push_bind(done.last().map_or("", |(line, _)| line.record.as_str()))
        .push(" and exists (select 1 from import where import.company = import_row.company and import.id = import_row.import and import.kind = ")
        .push_bind(kind.name())
        .push(")")
        .exec()
        .await
        .map(drop)
}

/// A record that was left as it is when its import was taken back.
#[derive(Debug, Deserialize)]
pub(super) struct Kept {
    pub(super) line: i64,
    pub(super) record: String,
    pub(super) undo: String,
}

/// The first of them.
pub(super) async fn kept(conn: &mut Conn, import: &Import, most: i64) -> Result<Vec<Kept>, db::Error> {
    conn.sql(
        "select line, record, undo from import_row
         where company = $1 and import = $2 and undo is not null and undo <> 'undone' order by record limit $3",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(most)
    .all()
    .await
}

/// Whether a record is in the state in which an import that was taken back has left it: the next import of it may bring it
/// back.
pub(super) async fn was_undone(
    tx: &mut Conn,
    company: i64,
    kind: &'static str,
    record: &str,
    version: i64,
) -> Result<bool, db::Error> {
    let found: Option<i64> = tx
        .sql(
            "select 1 from import
             join import_row on import_row.company = import.company and import_row.import = import.id
                            and import_row.record = $3
             where import.company = $1 and import.state = 'undone' and import.kind = $2 and import_row.created
               and import_row.undo = 'undone' and import_row.version = $4 limit 1",
        )
        .bind(company)
        .bind(kind)
        .bind(record)
        .bind(version)
        .optional()
        .await?;
    Ok(found.is_some())
}

/// The deleted records that rows name, by the keys of their numbers.
pub(super) async fn gone<R: Record>(
    tx: &mut Conn,
    company: i64,
    column: &'static str,
    keys: Vec<String>,
) -> Result<HashMap<String, R>, Error> {
    let mut wanted = Rows::new(&[("number_key", Type::Text)]);
    for key in keys {
        wanted.push([key.into()]);
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let query = tx.rows::<R>(R::TABLE).push(" where company = $1 and deleted_at is not null and ").push(column);
    let query = query.push(" in (select number_key from ").bind(company).push_rows(&wanted).push(" as wanted)");
    let rows: Vec<R> = query.all().await?;
    Ok(rows.into_iter().map(|row| (link::key(row.head().name), row)).collect())
}

/// The deleted record that a row names, to be brought back: an import that was taken back has deleted it. 409 when
/// somebody else has.
pub(super) async fn to_bring_back<R: Record>(
    tx: &mut Conn,
    kind: &'static str,
    gone: &HashMap<String, R>,
    key: Option<(&'static str, String)>,
) -> Result<Option<R>, Error> {
    let Some((field, row)) = key.and_then(|(field, key)| Some((field, gone.get(&key)?))) else { return Ok(None) };
    let head = row.head();
    if was_undone(tx, head.company, kind, head.name, head.version).await? {
        return Ok(Some(row.clone()));
    }
    let message = format!("{} was deleted; restore it, or give this row another number", head.name);
    Err(Error::Conflict(Fault::new(Code::Conflict, field, message)))
}

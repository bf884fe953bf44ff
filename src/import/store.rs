//! Imports in the database: the record of each, its faults, and what it has written.

use db::{Conn, Json, Rows, Type};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::header::{Layout, Mapping};
use super::kind::{Change, Written};
use super::record::{Record, RowFault};
use super::sheet::Source;
use crate::http::{Error, Paging};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Waiting,
    Running,
    Done,
    Failed,
    Undoing,
    Undone,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Done => "done",
            State::Failed => "failed",
            State::Undoing => "undoing",
            State::Undone => "undone",
        }
    }

    /// Whether nothing happens to it any more by itself.
    pub(crate) fn is_settled(self) -> bool {
        matches!(self, State::Done | State::Failed | State::Undone)
    }
}

/// An import as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Import {
    pub(super) company: i64,
    pub(crate) id: Uuid,
    pub(super) kind: String,
    pub(crate) state: State,
    pub(super) dry_run: bool,
    pub(super) file_name: String,
    pub(super) file: Option<String>,
    pub(super) mapping: Mapping,
    pub(super) encoding: Option<String>,
    pub(super) layout: Option<Layout>,
    pub(super) source: Option<Source>,
    pub(super) problem: Option<Value>,
    pub(super) actor: String,
    pub(super) created_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) rows_total: Option<i64>,
    pub(super) pass: i64,
    pub(super) rows_done: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) unchanged: i64,
    pub(super) failed: i64,
    pub(super) warned: i64,
    pub(super) undo_after: String,
    pub(super) undo_actor: Option<String>,
    pub(super) undone: i64,
    pub(super) kept: i64,
}

impl Import {
    /// What is written down with the movements of stock that it makes.
    pub(super) fn note(&self) -> String {
        format!("import {}", self.id)
    }
}

const IMPORT: &str = "
    select company, id, kind, state, dry_run, file_name, file, mapping, encoding, layout, source, problem, actor,
           created_at, ended_at,
           rows_total, pass, rows_done, created, updated, unchanged, failed, warned, undo_after, undo_actor, undone, kept
    from import where company = $1";

/// What a new import is made of.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) kind: super::Kind,
    pub(crate) dry_run: bool,
    pub(crate) file_name: String,
    pub(crate) mapping: Mapping,
    /// The encoding of a text, where it was named.
    pub(crate) encoding: Option<String>,
}

/// Writes down an import whose file is stored.
pub(super) async fn create(
    tx: &mut Conn,
    company: i64,
    actor: &str,
    new: &New,
    (file, size): (&str, i64),
    now: i64,
) -> Result<Uuid, db::Error> {
    let id = Uuid::now_v7();
    tx.sql(
        "insert into import (company, id, kind, state, dry_run, file_name, file, file_size, mapping, actor, created_at, pass,
                             rows_done, created, updated, unchanged, failed, warned, undo_after, undone, kept, encoding)
         values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, $10, 1, 0, 0, 0, 0, 0, 0, '', 0, 0, $11)",
    )
    .bind(company)
    .bind(id)
    .bind(new.kind.name())
    .bind(new.dry_run)
    .bind(&new.file_name)
    .bind(file)
    .bind(size)
    .bind(Json(&new.mapping))
    .bind(actor)
    .bind(now)
    .bind(new.encoding.as_deref())
    .exec()
    .await?;
    Ok(id)
}

/// One import.
pub(crate) async fn find(conn: &mut Conn, company: i64, id: Uuid) -> Result<Option<Import>, db::Error> {
    conn.sql(IMPORT).push(" and id = $2").bind(company).bind(id).optional().await
}

/// The imports of a company, or those that somebody asked for, newest first: one more than a page, which says whether there
/// is another.
pub(super) async fn list(
    conn: &mut Conn,
    company: i64,
    actor: Option<&str>,
    before: Option<Uuid>,
    paging: Paging,
) -> Result<Vec<Import>, db::Error> {
    let mut query = conn.sql(IMPORT).bind(company);
    if let Some(actor) = actor {
        query = query.push(" and actor = ").push_bind(actor);
    }
    if let Some(before) = before {
        query = query.push(" and id < ").push_bind(before);
    }
    query.push(" order by id desc limit ").push_bind(paging.take + 1).all().await
}

/// What the file turned out to be: the work on it begins.
pub(super) async fn begin(
    tx: &mut Conn,
    import: &Import,
    layout: &Layout,
    source: &Source,
    total: i64,
) -> Result<bool, db::Error> {
    let begun = tx
        .sql(
            "update import set state = 'running', layout = $3, rows_total = $4, source = $5
             where company = $1 and id = $2 and state in ('waiting', 'running')",
        )
        .bind(import.company)
        .bind(import.id)
        .bind(Json(layout))
        .bind(total)
        .bind(Json(source))
        .exec()
        .await?;
    Ok(begun == 1)
}

/// Ends an import that cannot be gone on with; what it has written stays until it is taken back.
pub(super) async fn fail(tx: &mut Conn, import: &Import, code: &str, message: &str, now: i64) -> Result<(), db::Error> {
    tx.sql(
        "update import set state = 'failed', problem = $3, ended_at = $4
         where company = $1 and id = $2 and state in ('waiting', 'running')",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(json!({"code": code, "message": message}))
    .bind(now)
    .exec()
    .await
    .map(drop)
}

/// The next run through the file, or the end.
pub(super) async fn end_pass(
    tx: &mut Conn,
    import: &Import,
    pass: i64,
    passes: i64,
    now: i64,
) -> Result<(), db::Error> {
    let is_last = pass >= passes;
    tx.sql(
        "update import set state = $4, pass = $5, rows_done = case when $6 then rows_done else 0 end, ended_at = $7
         where company = $1 and id = $2 and pass = $3 and state = 'running'",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(pass)
    .bind(if is_last { State::Done.name() } else { State::Running.name() })
    .bind(if is_last { pass } else { pass + 1 })
    .bind(is_last)
    .bind(is_last.then_some(now))
    .exec()
    .await
    .map(drop)
}

/// Where a run through the file stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) pass: i64,
    pub(super) done: i64,
}

/// Claims the progress of the file for this unit of work; false when somebody else has gone on, or stopped it.
pub(super) async fn claim(tx: &mut Conn, import: &Import, progress: Progress) -> Result<bool, db::Error> {
    let held = tx
        .sql(
            "update import set rows_done = rows_done
             where company = $1 and id = $2 and pass = $3 and rows_done = $4 and state = 'running'",
        )
        .bind(import.company)
        .bind(import.id)
        .bind(progress.pass)
        .bind(progress.done)
        .exec()
        .await?;
    Ok(held == 1)
}

/// What became of a lot of rows.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) unchanged: i64,
    pub(super) failed: i64,
    pub(super) warned: i64,
    /// A new record was made of a row without a number, and that was warned of.
    pub(super) is_unnumbered: bool,
    /// Whether warnings are kept, or only counted.
    tells_warnings: bool,
    faults: Vec<(i64, bool, RowFault, Option<Vec<String>>)>,
    written: Vec<(i64, Taken)>,
}

/// A record that rows have written.
#[derive(Debug)]
struct Taken {
    record: String,
    is_new: bool,
    /// What it was.
    before: Option<Value>,
    /// Its version before, which each change raises by one; and after it.
    was: i64,
    version: i64,
}

impl Taken {
    fn of(Written { record, change, version, .. }: Written) -> Taken {
        let is_new = matches!(change, Change::Created);
        let before = if let Change::Updated(before) = change { Some(before) } else { None };
        Taken { record, is_new, before, was: version - 1, version }
    }
}

impl Outcome {
    /// Nothing yet; warnings are kept, or only counted.
    pub(super) fn new(tells_warnings: bool) -> Outcome {
        Outcome { tells_warnings, ..Outcome::default() }
    }

    /// A row that was not taken.
    pub(super) fn refuse(&mut self, record: &Record, faults: &[RowFault]) {
        (self.rows, self.failed) = (self.rows + 1, self.failed + 1);
        for (progress, fault) in faults.iter().enumerate() {
            let cells = (progress == 0).then(|| record.cells.clone());
            self.faults.push((record.number, false, fault.clone(), cells));
        }
    }

    /// A row that was left alone.
    pub(super) fn pass_over(&mut self) {
        self.rows += 1;
    }

    /// A row that was taken.
    pub(super) fn take(&mut self, record: &Record, written: Written, warnings: Vec<RowFault>) {
        self.rows += 1;
        match written.change {
            Change::Created => self.created += 1,
            Change::Updated(_) => self.updated += 1,
            Change::Unchanged => self.unchanged += 1,
        }
        self.warn(record, warnings);
        if matches!(written.change, Change::Unchanged) {
            return;
        }
        // A record of several rows is what it was before the first of them, and what the last of them has made of it.
        match self.written.iter_mut().find(|(_, known)| known.record == written.record) {
            Some((_, known)) => known.version = written.version,
            None => self.written.push((record.number, Taken::of(written))),
        }
    }

    /// What was put right in a row, or could not be done for it.
    pub(super) fn warn(&mut self, record: &Record, warnings: Vec<RowFault>) {
        self.warned += i64::from(!warnings.is_empty());
        self.faults.extend(warnings.into_iter().map(|warning| (record.number, true, warning, None)));
    }
}

/// More rows at fault end an import; more warnings are counted and not kept.
pub(super) const MOST_FAULTS: i64 = 10_000;

/// Writes down what became of a lot, and moves the progress. In a second run only what differs from the first
/// counts.
pub(super) async fn save(tx: &mut Conn, import: &Import, progress: Progress, outcome: &Outcome) -> Result<(), Error> {
    save_faults(tx, import, progress, outcome).await?;
    let again = if progress.pass > 1 { save_again(tx, import, outcome).await? } else { 0 };
    if progress.pass == 1 && !import.dry_run {
        save_written(tx, import, &outcome.written).await?;
    }
    let counts = match progress.pass {
        1 => [outcome.created, outcome.updated, outcome.unchanged, outcome.failed],
        _ => [0, again, -again, 0],
    };
    let moved = tx
        .sql(
            "update import set rows_done = rows_done + $5, created = created + $6, updated = updated + $7,
                    unchanged = unchanged + $8, failed = failed + $9, warned = warned + $10
             where company = $1 and id = $2 and pass = $3 and rows_done = $4 and state = 'running'",
        )
        .bind(import.company)
        .bind(import.id)
        .bind(progress.pass)
        .bind(progress.done)
        .bind(outcome.rows)
        .bind(counts[0])
        .bind(counts[1])
        .bind(counts[2])
        .bind(counts[3])
        .bind(outcome.warned)
        .exec()
        .await?;
    match moved {
        1 => Ok(()),
        _ => Err(Error::Busy("Another node has taken over the import")),
    }
}

async fn save_faults(tx: &mut Conn, import: &Import, progress: Progress, outcome: &Outcome) -> Result<(), Error> {
    let mut rows = Rows::new(&[
        ("line", Type::BigInt),
        ("position", Type::BigInt),
        ("warning", Type::Boolean),
        ("header", Type::Text),
        ("code", Type::Text),
        ("message", Type::Text),
        ("cells", Type::Json),
    ]);
    let (mut line, mut position) = (0, 0);
    for (number, is_warning, fault, cells) in outcome.faults.iter().filter(|fault| outcome.tells_warnings || !fault.1) {
        (line, position) = if *number == line { (line, position + 1) } else { (*number, progress.pass * 1000) };
        rows.push([
            line.into(),
            position.into(),
            (*is_warning).into(),
            fault.column.as_str().into(),
            fault.code.as_str().into(),
            fault.message.as_str().into(),
            cells.as_ref().map(Json).into(),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into import_fault (company, import, line, position, warning, header, code, message, cells) select ")
        .push_bind(import.company)
        .push(", ")
        .push_bind(import.id)
        .push(", line, position, warning, header, code, message, cells from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, import, line, position) do nothing")
        .exec()
        .await?;
    Ok(())
}

/// A record that two rows of one file have written keeps what it was before the first.
async fn save_written(tx: &mut Conn, import: &Import, written: &[(i64, Taken)]) -> Result<(), db::Error> {
    if written.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(&[
        ("record", Type::Text),
        ("line", Type::BigInt),
        ("created", Type::Boolean),
        ("version", Type::BigInt),
        ("was", Type::BigInt),
        ("before", Type::Json),
    ]);
    for (number, written) in written {
        rows.push([
            written.record.as_str().into(),
            (*number).into(),
            written.is_new.into(),
            written.version.into(),
            written.was.into(),
            written.before.as_ref().into(),
        ]);
    }
    tx.sql("insert into import_row (company, import, record, line, created, version, was, before) select ")
        .push_bind(import.company)
        .push(", ")
        .push_bind(import.id)
        .push(", record, line, created, version, was, before from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, import, record) do update set version = excluded.version")
        .exec()
        .await
        .map(drop)
}

/// What a second run has changed: how many records that the first had found as the file says.
async fn save_again(tx: &mut Conn, import: &Import, outcome: &Outcome) -> Result<i64, db::Error> {
    if outcome.written.is_empty() {
        return Ok(0);
    }
    let before = count_written(tx, import).await?;
    save_written(tx, import, &outcome.written).await?;
    Ok(count_written(tx, import).await? - before)
}

async fn count_written(tx: &mut Conn, import: &Import) -> Result<i64, db::Error> {
    let query = tx.sql("select count(*) from import_row where company = $1 and import = $2");
    query.bind(import.company).bind(import.id).one().await
}

/// The rows between these that were refused: a second run leaves them alone.
pub(super) async fn refused(tx: &mut Conn, import: &Import, from: i64, to: i64) -> Result<Vec<i64>, db::Error> {
    tx.sql(
        "select distinct line from import_fault
         where company = $1 and import = $2 and not warning and line between $3 and $4",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(from)
    .bind(to)
    .all()
    .await
}

/// A row that was refused or put right.
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    pub(super) line: i64,
    pub(super) position: i64,
    pub(super) header: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) cells: Option<Vec<String>>,
}

/// Faults, or warnings, of an import after this place, in the order of the file.
pub(super) async fn faults(
    conn: &mut Conn,
    import: &Import,
    warning: bool,
    (line, position): (i64, i64),
    most: i64,
) -> Result<Vec<Fault>, db::Error> {
    conn.sql(
        "select line, position, header, code, message, cells from import_fault
         where company = $1 and import = $2 and warning = $3 and (line, position) > ($4, $5)
         order by line, position limit $6",
    )
    .bind(import.company)
    .bind(import.id)
    .bind(warning)
    .bind(line)
    .bind(position)
    .bind(most)
    .all()
    .await
}

/// The file is not needed any more.
pub(super) async fn forget_file(tx: &mut Conn, import: &Import) -> Result<(), db::Error> {
    tx.sql("update import set file = null where company = $1 and id = $2")
        .bind(import.company)
        .bind(import.id)
        .exec()
        .await
        .map(drop)
}

/// Forgets the rows of imports that ended before this time, at most so many at once: they cannot be taken back then.
pub(crate) async fn purge(tx: &mut Conn, before: i64, most: i64) -> Result<u64, db::Error> {
    let mut deleted = tx
        .sql(
            "delete from import_fault where (company, import, line, position) in
               (select fault.company, fault.import, fault.line, fault.position from import
                join import_fault as fault on fault.company = import.company and fault.import = import.id
                where import.ended_at <= $1 limit $2)",
        )
        .bind(before)
        .bind(most)
        .exec()
        .await?;
    deleted += tx
        .sql(
            "delete from import_row where (company, import, record) in
               (select line.company, line.import, line.record from import
                join import_row as line on line.company = import.company and line.import = import.id
                where import.ended_at <= $1 limit $2)",
        )
        .bind(before)
        .bind(most)
        .exec()
        .await?;
    Ok(deleted)
}

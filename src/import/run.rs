//! The job that loads a file, lot by lot, and the one that takes an import back.
//!
//! A lot of rows is one unit of work, and the progress moves in it: whoever is killed goes on where the last lot
//! ended, and whoever works on a file that another has gone on with finds the progress moved, and stops. A row that cannot be
//! written undoes its lot, which is then written again up to that row, and the row is put down as refused.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use db::Conn;
use futures_util::TryStreamExt;
use tempfile::{NamedTempFile, TempPath};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::amount::Commas;
use super::cell::{Cell, Form, Reading};
use super::header::{Layout, form_of};
use super::kind::{Kind, Task};
use super::record::{self, Record, RowFault, hash, word};
use super::sheet::{self, Ask, Found, SheetRow, Source, Unreadable};
use super::store::{self, Import, MOST_FAULTS, Outcome, Progress, State};
use super::undo;
use crate::app::App;
use crate::http::{Caller, Code, Error};
use crate::job::{self, Job, Kind as JobKind, Next};
use crate::media;
use crate::person;
use crate::setting::profile;

/// Rows in a unit of work: enough that a COMMIT costs little, and few enough that other writers wait for a twentieth of a
/// second.
const LOT: usize = 100;

/// Between two lots the writer of SQLite is left alone for longer than another process waits before it asks again: a server
/// on the same file would otherwise wait for as long as `sala import` runs.
pub(super) const REST: Duration = Duration::from_millis(7);

/// Job: goes on with an import until it is settled.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(id) = job.key.parse() else { return Ok(Next::Done) };
    let find = async || store::find(&mut app.db.read().await?, job.company, id).await;
    let Some(import) = find().await? else { return Ok(Next::Done) };
    match import.state {
        State::Waiting | State::Running => load(app, import).await?,
        State::Undoing => undo::take_back(app, import).await?,
        State::Done | State::Failed | State::Undone => {}
    }
    app.wakes.wake(JobKind::Webhook);
    let Some(import) = find().await? else { return Ok(Next::Done) };
    if !import.state.is_settled() {
        return Ok(Next::Again);
    }
    if let Some(file) = &import.file {
        app.media.delete(file).await?;
        app.db.write(async |mut tx| store::forget_file(&mut tx, &import).await).await?;
    }
    Ok(Next::Done)
}

/// Why the work on a file ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Somebody else has gone on with it, or it was stopped: nothing is wrong.
    Moved,
    /// It cannot be gone on with.
    Unfit(&'static str, String),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<db::Error> for Stop {
    fn from(error: db::Error) -> Stop {
        Stop::Failed(error.into())
    }
}

impl From<Unreadable> for Stop {
    fn from(why: Unreadable) -> Stop {
        Stop::Unfit("unreadable", why.0)
    }
}

/// Ends an import whose job ends its workers.
pub(crate) async fn give_up(tx: &mut Conn, job: &Job, now: i64) -> Result<(), db::Error> {
    let Ok(id) = job.key.parse() else { return Ok(()) };
    let Some(import) = store::find(tx, job.company, id).await? else { return Ok(()) };
    store::fail(tx, &import, "crashed", "the server ended several times while it read this file", now).await
}

async fn load(app: &App, import: Import) -> Result<(), Error> {
    match load_all(app, import.clone()).await {
        Ok(()) | Err(Stop::Moved) => Ok(()),
        Err(Stop::Unfit(code, message)) => {
            let now = app.now();
            Ok(app.db.write(async |mut tx| store::fail(&mut tx, &import, code, &message, now).await).await?)
        }
        Err(Stop::Failed(error)) => Err(error),
    }
}

async fn load_all(app: &App, import: Import) -> Result<(), Stop> {
    let kind =
        Kind::named(&import.kind).ok_or_else(|| Stop::Unfit("kind", format!("{} is not a known kind", import.kind)))?;
    let country = profile::of(&mut app.db.read().await?, import.company).await?.country.clone();
    let file = fetch(app, &import).await?;
    let ask = || Ask { kind, mapping: import.mapping.clone(), encoding: import.encoding.clone() };
    let reader = || app.config.reader.clone();
    // The whole file is read once before anything is written: what cannot be read to its end is not begun.
    let (path, asked, by) = (file.to_path_buf(), ask(), reader());
    let scan = tokio::task::spawn_blocking(move || scan(&path, &asked, by.as_deref(), &country));
    let scan = scan.await.map_err(|error| Error::Internal(format!("an import: {error}")))??;
    if !app
        .db
        .write(async |mut tx| store::begin(&mut tx, &import, &scan.layout, &scan.source, scan.total).await)
        .await?
    {
        return Err(Stop::Moved);
    }
    let passes = if import.dry_run { 1 } else { kind.passes() };
    for pass in import.pass..=passes {
        let done = if pass == import.pass { import.rows_done } else { 0 };
        let caller = person::acting(&mut app.db.read().await?, import.company, &import.actor).await?;
        let mut loading = Loading {
            app,
            import: &import,
            kind,
            caller,
            scan: &scan,
            progress: Progress { pass, done },
            failed: import.failed,
            warned: import.warned,
            is_unnumbered: false,
        };
        loading.pass(file.to_path_buf(), ask()).await?;
        let now = app.now();
        app.db.write(async |mut tx| store::end_pass(&mut tx, &import, pass, passes, now).await).await?;
    }
    Ok(())
}

/// The file on this node's own disk, where it can be read to and fro; it is gone with the path.
async fn fetch(app: &App, import: &Import) -> Result<TempPath, Stop> {
    let gone = || Stop::Unfit("file", "the file no longer exists".to_owned());
    let (_, mut pieces) = app.media.read(import.file.as_deref().ok_or_else(gone)?).await?.ok_or_else(gone)?;
    let disk = |error: std::io::Error| Error::Internal(format!("a temporary file: {error}"));
    let (file, path) = NamedTempFile::new().map_err(disk)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    while let Some(piece) = pieces.try_next().await.map_err(|error| media::unread(&error))? {
        file.write_all(&piece).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    Ok(path)
}

/// What is known of a file before its rows are written.
struct Scan {
    layout: Layout,
    source: Source,
    reading: Reading,
    total: i64,
    /// What its rows are known by.
    keys: HashSet<u64>,
}

fn scan(path: &Path, ask: &Ask, reader: Option<&Path>, country: &str) -> Result<Scan, Stop> {
    let (kind, reading) = (ask.kind, Reading::of(country));
    let mut scan =
        Scan { layout: Layout::default(), source: Source::default(), reading, total: 0, keys: HashSet::new() };
    // Only where the file is gone through again does it matter what stands further down.
    let is_linked = kind.passes() > 1;
    let (mut amounts, mut commas) = (Vec::new(), Commas::default());
    sheet::read(path, ask, reader, &mut |found| {
        match found {
            Found::Header { layout, source } => {
                scan.reading.is_from_1904 = source.is_from_1904;
                scan.reading.is_text = source.separator.is_some();
                let is_amount = |field: &str| matches!(form_of(field, kind.columns()), Form::Amount | Form::Percent);
                let fields = layout.columns.iter().map(|column| column.field.as_deref()).enumerate();
                amounts = fields.filter(|(_, field)| field.is_some_and(is_amount)).map(|(column, _)| column).collect();
                (scan.layout, scan.source) = (layout, source);
            }
            Found::Row(row) => {
                scan.total += 1;
                for column in &amounts {
                    if let Some(Cell::Text(text)) = row.cells.get(*column) {
                        commas.see(text.trim_end_matches('%'));
                    }
                }
                if is_linked {
                    let record = record::parse(row, &scan.layout, kind.columns(), &scan.reading);
                    scan.keys.extend(kind.keys(&record).iter().map(hash));
                }
            }
        }
        true
    })?;
    scan.reading.comma = commas.decide(scan.source.separator);
    Ok(scan)
}

/// One run through the file.
struct Loading<'a> {
    app: &'a App,
    import: &'a Import,
    kind: Kind,
    caller: Caller,
    scan: &'a Scan,
    progress: Progress,
    failed: i64,
    warned: i64,
    /// Rows without a number were warned of.
    is_unnumbered: bool,
}

/// Why a lot was not written.
pub(super) enum Failed {
    /// The row at this place cannot be written.
    Row(usize, Error),
    /// It was only tried: this is what would have become of it.
    Tried(Outcome),
    Moved,
    Whole(Error),
}

impl From<db::Error> for Failed {
    fn from(error: db::Error) -> Failed {
        Failed::Whole(error.into())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Whole(error)
    }
}

impl Loading<'_> {
    async fn pass(&mut self, path: PathBuf, ask: Ask) -> Result<(), Stop> {
        let (sender, mut rows) = mpsc::channel::<Vec<SheetRow>>(2);
        let by = self.app.config.reader.clone();
        let reader = tokio::task::spawn_blocking(move || send(&path, &ask, by.as_deref(), &sender));
        let (mut seen, mut counts) = (HashMap::new(), HashMap::new());
        let (mut read, mut lot) = (0, Vec::with_capacity(LOT));
        while let Some(batch) = rows.recv().await {
            for row in batch {
                let record = self.parse(row, &mut seen, &mut counts);
                read += 1;
                // What was dealt with before is read all the same: it says what later rows repeat.
                if read > self.progress.done {
                    lot.push(record);
                }
                if lot.len() == LOT {
                    self.deal(&lot).await?;
                    lot.clear();
                }
            }
        }
        self.deal(&lot).await?;
        reader.await.map_err(|error| Error::Internal(format!("an import: {error}")))??;
        Ok(())
    }

    /// A row as a record; one that names the same record as an earlier row of the file is at fault, because the second
    /// would undo the first.
    fn parse(&self, row: SheetRow, seen: &mut HashMap<u64, i64>, counts: &mut HashMap<u64, usize>) -> Record {
        let mut record = record::parse(row, &self.scan.layout, self.kind.columns(), &self.scan.reading);
        for key in self.kind.keys(&record) {
            let earlier = *seen.entry(hash(&key)).or_insert(record.number);
            if earlier != record.number {
                let column = self.scan.layout.header_of(key.0);
                let message = format!("row {earlier} of this file has the same {}", key.0);
                record.faults.push(RowFault { code: "duplicate".to_owned(), column, message });
            }
        }
        for key in self.kind.counted(&record) {
            let count = counts.entry(hash(&key)).or_insert(0);
            *count += 1;
            record.places.push(*count);
        }
        record
    }

    /// Deals with these rows, in one unit of work or in as many as their faults make necessary.
    async fn deal(&mut self, mut lot: &[Record]) -> Result<(), Stop> {
        let mut refused: HashMap<i64, Vec<RowFault>> = HashMap::new();
        let mut most = lot.len();
        while !lot.is_empty() {
            let part = lot.get(..most.clamp(1, lot.len())).unwrap_or(lot);
            match self.write(part, &refused).await {
                Ok(outcome) => {
                    (self.failed, self.warned) = (self.failed + outcome.failed, self.warned + outcome.warned);
                    self.is_unnumbered |= outcome.is_unnumbered;
                    tokio::time::sleep(REST).await;
                    self.progress.done += i64::try_from(part.len()).unwrap_or_default();
                    lot = lot.get(part.len()..).unwrap_or_default();
                    most = lot.len();
                }
                Err(Failed::Row(at, error)) => {
                    if let Some(record) = part.get(at) {
                        refused.insert(record.number, self.faults_of(error));
                    }
                    // The rows before it are good, as they have just been written; it ends their lot.
                    most = at + 1;
                }
                // A lot that took too long is tried in smaller ones before the job gives up for now.
                Err(Failed::Whole(error)) if is_passing(&error) && part.len() > LOT / 10 => {
                    tracing::debug!(%error, "a lot of an import is split");
                    most = part.len() / 4;
                }
                Err(Failed::Whole(error)) if is_passing(&error) => return Err(error.into()),
                Err(Failed::Whole(error)) if part.len() == 1 => {
                    let record = part.first().map_or(0, |record| record.number);
                    if refused.contains_key(&record) {
                        // It is not the row: it was not even tried.
                        return Err(error.into());
                    }
                    refused.insert(record, self.faults_of(error));
                }
                // Which row it was cannot be told: one after another.
                Err(Failed::Whole(_)) => most = 1,
                Err(Failed::Moved | Failed::Tried(_)) => return Err(Stop::Moved),
            }
            if self.failed > MOST_FAULTS {
                let message = format!("more than {MOST_FAULTS} rows have errors; check that this is the right file");
                return Err(Stop::Unfit("too_many_faults", message));
            }
        }
        Ok(())
    }

    fn faults_of(&self, error: Error) -> Vec<RowFault> {
        match error {
            error if error.status().is_client_error() => record::in_columns(error.faults(), &self.scan.layout),
            error => {
                tracing::error!(%error, import = %self.import.id, "a row of an import failed");
                let message = "the server failed with this row; the log says why".to_owned();
                vec![RowFault { code: word(Code::Internal), column: String::new(), message }]
            }
        }
    }

    /// Writes rows; a dry run takes them back and keeps only what became of them.
    async fn write(&self, lot: &[Record], refused: &HashMap<i64, Vec<RowFault>>) -> Result<Outcome, Failed> {
        let written = self
            .app
            .db
            .write(async |mut tx| {
                let outcome = self.rows(&mut tx, lot, refused).await?;
                if self.import.dry_run {
                    return Err(Failed::Tried(outcome));
                }
                store::save(&mut tx, self.import, self.progress, &outcome).await?;
                self.advance(&mut tx).await?;
                Ok(outcome)
            })
            .await;
        let outcome = match written {
            Err(Failed::Tried(outcome)) => outcome,
            written => return written,
        };
        self.app
            .db
            .write(async |mut tx| {
                if !store::claim(&mut tx, self.import, self.progress).await? {
                    return Err(Failed::Moved);
                }
                store::save(&mut tx, self.import, self.progress, &outcome).await?;
                self.advance(&mut tx).await?;
                Ok(())
            })
            .await?;
        Ok(outcome)
    }

    async fn advance(&self, tx: &mut Conn) -> Result<(), db::Error> {
        job::advance(tx, self.import.company, JobKind::Import, &self.import.id.to_string()).await
    }

    async fn rows(
        &self,
        tx: &mut Conn,
        lot: &[Record],
        refused: &HashMap<i64, Vec<RowFault>>,
    ) -> Result<Outcome, Failed> {
        if !store::claim(tx, self.import, self.progress).await? {
            return Err(Failed::Moved);
        }
        let is_second = self.progress.pass > 1;
        let before = match (is_second, lot.first(), lot.last()) {
            (true, Some(first), Some(last)) => store::refused(tx, self.import, first.number, last.number).await?,
            _ => Vec::new(),
        };
        let is_good = |record: &&Record| record.faults.is_empty() && !refused.contains_key(&record.number);
        let good: Vec<&Record> = lot.iter().filter(is_good).collect();
        let in_file = |key: &(&'static str, String)| self.scan.keys.contains(&hash(key));
        let note = self.import.note();
        let task = Task { caller: &self.caller, note: &note, is_second, in_file: &in_file, now: self.app.now() };
        let mut prepared = self.kind.prepare(tx, &task, &good).await?;
        let mut outcome = Outcome::new(self.warned < MOST_FAULTS);
        for (at, record) in lot.iter().enumerate() {
            let faults = refused.get(&record.number).or(Some(&record.faults)).filter(|faults| !faults.is_empty());
            match faults {
                _ if before.contains(&record.number) => outcome.pass_over(),
                // What a second run cannot link was written by the first, and stays.
                Some(faults) if is_second => {
                    outcome.pass_over();
                    outcome.warn(record, faults.clone());
                }
                Some(faults) => outcome.refuse(record, faults),
                None => {
                    let mut written = prepared
                        .write(tx, &task, record)
                        .await
                        .map_err(|error| Failed::Row(at, error))
                        .map_err(passing)?;
                    let number = self.kind.number().filter(|number| record.text(number).is_none());
                    if let Some(number) = number.filter(|_| !self.is_unnumbered && !outcome.is_unnumbered) {
                        outcome.is_unnumbered = true;
                        let message = format!("rows without {number} are created anew each time the file is imported");
                        written.warnings.push((number, message));
                    }
                    let doubts = std::mem::take(&mut written.warnings).into_iter().map(|(field, message)| RowFault {
                        code: "warning".to_owned(),
                        column: self.scan.layout.header_of(field),
                        message,
                    });
                    // Said once, by the first run.
                    let warnings =
                        if is_second { Vec::new() } else { record.warnings.iter().cloned().chain(doubts).collect() };
                    outcome.take(record, written, warnings);
                }
            }
        }
        prepared.close(tx, &task).await?;
        Ok(outcome)
    }
}

/// A row whose failure passes by itself is no fault of the row.
pub(super) fn passing(failed: Failed) -> Failed {
    match failed {
        Failed::Row(_, error) if is_passing(&error) => Failed::Whole(error),
        failed => failed,
    }
}

/// Whether the same may succeed a little later: the job tries again then.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Busy(_) | Error::Db(db::Error::Full | db::Error::Unknown) => true,
        Error::Db(error) => error.is_transient(),
        _ => false,
    }
}

fn send(path: &Path, ask: &Ask, reader: Option<&Path>, sender: &mpsc::Sender<Vec<SheetRow>>) -> Result<(), Stop> {
    let mut batch = Vec::with_capacity(LOT);
    sheet::read(path, ask, reader, &mut |found| {
        let Found::Row(row) = found else { return true };
        batch.push(row);
        // Nobody listens any more: the work has ended.
        batch.len() < LOT || sender.blocking_send(std::mem::replace(&mut batch, Vec::with_capacity(LOT))).is_ok()
    })?;
    let _ = sender.blocking_send(batch);
    Ok(())
}

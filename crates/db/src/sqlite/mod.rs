//! SQLite: one writer whose transaction is shared by a group of units (see `group`), several readers, with whom units also read
//! until they have the writer.

mod group;
mod slot;
mod statement;
mod text;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, ffi};
use serde::de::DeserializeOwned;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Error, Options, Stats, Value, query::EachRow};

use group::Writer;
pub(crate) use slot::Member;
pub(crate) use text::Entry;

/// Prepared statements kept per connection; more than the product has.
const STATEMENTS: usize = 1_000;

/// How long a connection waits inside SQLite itself, for the short moments of recovery and checkpoint only. Waiting for
/// another process to end its transaction is done outside, without blocking the thread.
const BUSY: Duration = Duration::from_millis(250);

/// How many steps a reader's statement makes between two looks at the clock; about a millisecond.
const STEPS: i32 = 100_000;

/// How often the tender looks after the log and after units that hold the writer for too long.
const TICK: Duration = Duration::from_millis(50);
const CHECKPOINT: Duration = Duration::from_millis(200);

/// A SQLite file: its writer, its readers and the thread that tends them.
pub(crate) struct Sqlite {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    tender: Arc<Tender>,
    acquire: Duration,
    /// The highest row that each table had when it was last sampled.
    sampled: Mutex<HashMap<String, i64>>,
}

impl Sqlite {
    pub(crate) async fn open(path: &str, options: &Options) -> Result<Self, Error> {
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(Error::Unavailable("a SQLite database needs a file".into()));
        }
        let path = PathBuf::from(path);
        let deadline = Instant::now() + options.acquire_timeout;
        // Another process may be switching the file to WAL or recovering it at this moment.
        let connection = loop {
            match writer(&path, options) {
                Err(Error::Busy) if Instant::now() < deadline => group::pause().await,
                other => break other?,
            }
        };
        let count = if options.pool_size == 0 { 4 } else { options.pool_size };
        let idle = (0..count).map(|_| reader(&path, options.read_limit)).collect::<Result<Vec<_>, _>>()?;
        let readers = Arc::new(Readers {
            permits: Semaphore::new(count),
            idle: Mutex::new(idle),
            size: count,
            path: path.clone(),
            limit: options.read_limit,
            tuned: AtomicU64::new(0),
        });
        let writer = Arc::new(Writer::new(connection, options));
        Writer::start(&writer)?;
        let tender = Arc::new(Tender::default());
        let checkpoints = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (watched, stop) = (Arc::clone(&writer), Arc::clone(&tender));
        std::thread::Builder::new()
            .name("db-tend".into())
            .spawn(move || tend(&checkpoints, &watched, &stop))
            .map_err(|_| Error::Unavailable("no thread for the database".into()))?;
        Ok(Self { writer, readers, tender, acquire: options.acquire_timeout, sampled: Mutex::default() })
    }

    pub(crate) async fn read(&self) -> Result<Reader, Error> {
        let permit = match tokio::time::timeout(self.acquire, self.readers.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Error::Unavailable("the database is closed".into())),
            Err(_) => {
                self.writer.count_busy();
                return Err(Error::Busy);
            }
        };
        Readers::take(&self.readers, permit).ok_or_else(|| Error::Unavailable("the database is closed".into()))
    }

    pub(crate) async fn write<T, E, F>(&self, unit: impl Fn(crate::Conn) -> F) -> Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = Result<T, E>> + Send,
    {
        Writer::write(&self.writer, &self.readers, self.acquire, unit).await
    }

    /// Runs migrations and the like: the writer alone, with a transaction of their own.
    pub(crate) async fn alone<T>(&self, work: impl FnMut(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        Writer::alone(&self.writer, self.acquire, work).await
    }

    /// Samples the tables that have grown tenfold, index by index so that no writer waits long; readers learn of it when they
    /// are next taken.
    pub(crate) async fn tune(&self) -> Result<(), Error> {
        let sampled = lock(&self.sampled).clone();
        let grown = self.alone(|writer| grown(writer, &sampled).map_err(error)).await?;
        for Grown { table, highest, indexes } in &grown {
            for index in indexes {
                let sample = format!("pragma analysis_limit = 1000; analyze \"{index}\"");
                self.alone(|writer| writer.execute_batch(&sample).map_err(error)).await?;
            }
            lock(&self.sampled).insert(table.clone(), *highest);
        }
        if !grown.is_empty() {
            self.readers.tuned.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.writer.stats();
        stats.pool_size = self.readers.size;
        stats.pool_idle = lock(&self.readers.idle).len();
        stats
    }

    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.permits.close();
        lock(&self.readers.idle).clear();
        self.tender.stop();
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.writer.stop();
        self.tender.stop();
    }
}

struct Readers {
    permits: Semaphore,
    idle: Mutex<Vec<Timed>>,
    size: usize,
    path: PathBuf,
    limit: Duration,
    /// How often the tables were sampled.
    tuned: AtomicU64,
}

impl Readers {
    /// A reader, if one is at hand.
    fn try_take(this: &Arc<Self>) -> Option<Reader> {
        Self::take(this, this.permits.try_acquire().ok()?)
    }

    /// The reader of this permit; none when the database is closed.
    fn take(this: &Arc<Self>, permit: SemaphorePermit<'_>) -> Option<Reader> {
        let connection = lock(&this.idle).pop()?;
        permit.forget();
        Some(Reader { connection: Some(this.tuned(connection)), home: Arc::clone(this), frozen: false })
    }

    /// The same connection, or a new one when the tables were sampled since: what was found is read with the schema.
    fn tuned(&self, connection: Timed) -> Timed {
        let tuned = self.tuned.load(Relaxed);
        if connection.tuned == tuned {
            return connection;
        }
        // Without a new one the old one goes on with the plans that it has.
        reader(&self.path, self.limit).map_or(connection, |new| Timed { tuned, ..new })
    }
}

/// A connection whose statements are stopped when they take too long.
struct Timed {
    connection: Connection,
    started: Arc<Mutex<Instant>>,
    /// The sampling that its plans are of.
    tuned: u64,
}

/// A connection that only reads; each statement sees the latest committed state.
pub(crate) struct Reader {
    connection: Option<Timed>,
    home: Arc<Readers>,
    /// It holds a transaction, so that it goes on seeing one state.
    frozen: bool,
}

impl Reader {
    /// Makes every statement from now on see the state of this moment.
    pub(crate) fn freeze(mut self) -> Result<Self, Error> {
        // The state is chosen by the first look, not by `begin`.
        let connection = self.connection()?;
        connection.execute_batch("begin; select count(*) from sqlite_schema").map_err(error)?;
        self.frozen = true;
        Ok(self)
    }

    pub(crate) fn fetch<R: DeserializeOwned>(
        &mut self,
        text: &str,
        values: &[Value],
        each: Option<&EachRow>,
        most: usize,
    ) -> Result<Vec<R>, Error> {
        statement::fetch(self.connection()?, text, values, each, most)
    }

    pub(crate) fn exec(&mut self, text: &str, values: &[Value], each: Option<&EachRow>) -> Result<u64, Error> {
        statement::exec(self.connection()?, text, values, each)
    }

    fn connection(&self) -> Result<&Connection, Error> {
        let Some(timed) = &self.connection else {
            return Err(Error::Unavailable("the database is closed".into()));
        };
        *lock(&timed.started) = Instant::now();
        Ok(&timed.connection)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.home.permits.is_closed()
        {
            if self.frozen {
                // Nothing was written; a transaction that an error has ended already is no fault.
                let _ = connection.connection.execute_batch("rollback");
            }
            lock(&self.home.idle).push(connection);
            self.home.permits.add_permits(1);
        }
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(error)?;
    connection.busy_timeout(BUSY).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan that looks at bound values, such as that of `limit $1`, would be made again each time one is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(error)?;
    connection.execute_batch("pragma temp_store = memory; pragma foreign_keys = on").map_err(error)?;
    Ok(connection)
}

fn writer(path: &Path, options: &Options) -> Result<Connection, Error> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    // Of the pages of a busy company's indexes the usual 2 MB hold few. But a COMMIT looks at each page that is held, once pages
    // have changed places in an index: with 32 MB that took a sixth of the processor.
    connection.execute_batch("pragma cache_size = -8000").map_err(error)?;
    // The page count of the log at which a COMMIT checkpoints by itself is far above what the tender leaves.
    connection
        .execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 16384")
        .map_err(error)?;
    if let Some(pages) = options.sqlite_max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(error)?;
    }
    Ok(connection)
}

fn reader(path: &Path, limit: Duration) -> Result<Timed, Error> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("pragma query_only = on").map_err(error)?;
    let started = Arc::new(Mutex::new(Instant::now()));
    let clock = Arc::clone(&started);
    connection.progress_handler(STEPS, Some(move || lock(&clock).elapsed() >= limit)).map_err(error)?;
    Ok(Timed { connection, started, tuned: 0 })
}

/// A table that has grown since it was sampled.
struct Grown {
    table: String,
    /// The highest number that a row of it has: at hand, where the count is not.
    highest: i64,
    indexes: Vec<String>,
}

/// The tables that are ten times what they were when they were sampled, or have an index that never was. `pragma optimize` would
/// count the tables of a text index, too, which takes a while and tells nothing.
fn grown(writer: &Connection, sampled: &HashMap<String, i64>) -> rusqlite::Result<Vec<Grown>> {
    let mut known: HashMap<(String, String), i64> = HashMap::new();
    if writer.prepare("select 1 from sqlite_schema where name = 'sqlite_stat1'")?.exists([])? {
        let mut found =
            writer.prepare("select tbl, idx, cast(stat as integer) from sqlite_stat1 where idx is not null")?;
        for row in found.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))? {
            let (index, count) = row?;
            known.insert(index, count);
        }
    }
    let mut indexes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut found = writer.prepare(
        "select tables.name, indexes.name from pragma_table_list as tables, pragma_index_list(tables.name) as indexes
         where tables.schema = 'main' and tables.type = 'table' and tables.wr = 0
           and tables.name not like 'sqlite!_%' escape '!'",
    )?;
    for row in found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (table, index): (String, String) = row?;
        indexes.entry(table).or_default().push(index);
    }
    let mut grown = Vec::new();
    for (table, indexes) in indexes {
        let highest = format!("select coalesce(max(rowid), 0) from \"{table}\"");
        let highest: i64 = writer.query_row(&highest, [], |row| row.get(0))?;
        let counts: Vec<Option<i64>> =
            indexes.iter().map(|index| known.get(&(table.clone(), index.clone())).copied()).collect();
        // Of a table whose old rows are deleted the highest says less with time, but not of what this process has seen.
        let before = sampled.get(&table).copied().or(counts.iter().flatten().max().copied()).unwrap_or_default();
        let is_new = counts.contains(&None) && !sampled.contains_key(&table);
        if highest / 10 >= before.max(1) || (is_new && highest >= 10) {
            grown.push(Grown { table, highest, indexes });
        }
    }
    Ok(grown)
}

/// Stops the tending thread.
#[derive(Default)]
struct Tender {
    stopped: Mutex<bool>,
    wake: std::sync::Condvar,
}

impl Tender {
    fn stop(&self) {
        *lock(&self.stopped) = true;
        self.wake.notify_all();
    }

    /// Waits for the next tick; false when it is over.
    fn tick(&self) -> bool {
        let stopped = lock(&self.stopped);
        let waited = self.wake.wait_timeout_while(stopped, TICK, |stopped| !*stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn tend(connection: &Connection, writer: &Arc<Writer>, stop: &Tender) {
    let mut last = Instant::now();
    while stop.tick() {
        writer.watch();
        if last.elapsed() >= CHECKPOINT {
            // A passive checkpoint waits for nobody. When it fails the log grows until the next one succeeds.
            if let Err(fault) = connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())) {
                tracing::debug!(error = %error(fault), "checkpoint");
            }
            last = Instant::now();
        }
    }
}

/// Runs what takes long; the other tasks of this thread go on in another one meanwhile, where the runtime has others.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    if has_threads() { tokio::task::block_in_place(work) } else { work() }
}

fn has_threads() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// A lock that goes on after a panic of another thread: what it guards is repaired by rollback, not by giving up.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sorts SQLite's errors. Only messages that quote the statement or the schema are kept, never those that may quote values.
pub(crate) fn error(fault: rusqlite::Error) -> Error {
    match fault {
        rusqlite::Error::SqlInputError { msg, .. } => Error::Sql(msg),
        rusqlite::Error::SqliteFailure(code, message) => failure(code, message),
        rusqlite::Error::MultipleStatement => Error::Sql("more than one statement".into()),
        rusqlite::Error::InvalidParameterCount(..) => Error::Sql("a parameter has no value".into()),
        rusqlite::Error::NulError(_) => Error::Invalid("a NUL character".into()),
        other => Error::Sql(other.to_string()),
    }
}

/// The same for text of our own, which holds no values: what is wrong with it may be said in full.
pub(crate) fn error_in_text(fault: rusqlite::Error) -> Error {
    match fault {
        rusqlite::Error::SqliteFailure(code, Some(message)) if code.extended_code == ffi::SQLITE_ERROR => {
            Error::Sql(message)
        }
        other => error(other),
    }
}

fn failure(code: ffi::Error, message: Option<String>) -> Error {
    let text = || message.clone().unwrap_or_else(|| code.to_string());
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let text = text();
            return Error::Duplicate(text.strip_prefix("UNIQUE constraint failed: ").unwrap_or(&text).to_owned());
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return Error::Reference(text()),
        // A foreign key with `on delete restrict` reports itself as a trigger.
        ffi::SQLITE_CONSTRAINT_TRIGGER if text().contains("FOREIGN KEY") => return Error::Reference(text()),
        ffi::SQLITE_IOERR_WRITE => return Error::Full,
        _ => {}
    }
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OperationInterrupted => Error::Busy,
        ErrorCode::DiskFull => Error::Full,
        ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Error::Unavailable(code.to_string())
        }
        ErrorCode::ConstraintViolation => Error::Sql(text()),
        _ => Error::Sql(code.to_string()),
    }
}

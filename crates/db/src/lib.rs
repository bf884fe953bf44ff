//! One face over SQLite and PostgreSQL: statements, rows, units of work, migrations. No word of the product in it.
//!
//! ```no_run
//! # async fn example(db: &db::Db, company: i64) -> Result<(), db::Error> {
//! let mut reader = db.read().await?;
//! let rooms: i64 = reader.sql("select count(*) from room where company = $1").bind(company).one().await?;
//!
//! db.write(async |mut tx| {
//!     tx.sql("update room set rooms = $2 where company = $1").bind(company).bind(rooms).exec().await?;
//!     rename(&mut tx, company).await
//! })
//! .await
//! # }
//! # async fn rename(tx: &mut db::Conn, company: i64) -> Result<(), db::Error> { Ok(()) }
//! ```
//!
//! What differs between the engines and cannot be hidden here, so do not rely on it: `->>` of a number is text on
//! PostgreSQL and a number on SQLite; an expression without `as` has another column name; `like` ignores the case of
//! ASCII letters on SQLite.

mod amount;
pub mod bulk;
mod error;
pub mod file;
mod ids;
mod migrate;
mod postgres;
mod query;
mod record;
mod row;
mod rows;
mod sqlite;
mod text;
mod value;

use std::{any::Any, fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;

pub use amount::Amount;
pub use error::Error;
pub use ids::Ids;
pub use migrate::{Migrated, Migration, MigrationState};
pub use query::Query;
pub use record::Key;
pub use rows::{Rows, Type};
pub use text::TextSet;
pub use value::{Json, Value};

use migrate::compare;
use postgres::Postgres;
use query::EachRow;
use sqlite::Sqlite;

/// A database. Cheap to clone; all clones share its connections.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Engine>,
}

enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Which database it is, for the doctor and the logs only: nothing else may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Kind {
    /// What stands before the number of a parameter in a text that this crate makes. SQLite takes `?12` for the number that it
    /// is, and `$12` for a name, of which the number is asked back one by one.
    const fn mark(self) -> char {
        match self {
            Self::Sqlite => '?',
            Self::Postgres => '$',
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// How to open a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections to PostgreSQL, or readers of SQLite; zero is 8 of the former and 4 of the latter.
    pub pool_size: usize,
    /// How long to wait for a connection, or for another process that writes, before [`Error::Busy`].
    pub acquire_timeout: Duration,
    /// How long a unit of work may take before it is rolled back and answers [`Error::Busy`].
    pub hold_limit: Duration,
    /// How long one statement of a reader may take before it is stopped and answers [`Error::Busy`].
    pub read_limit: Duration,
    /// How old a group of units on SQLite may get before it is committed even though more units wait.
    pub group_age: Duration,
    /// The largest size of a SQLite file in pages of 4 KiB; beyond it, [`Error::Full`].
    pub sqlite_max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pool_size: 0,
            acquire_timeout: Duration::from_secs(5),
            hold_limit: Duration::from_secs(5),
            read_limit: Duration::from_secs(30),
            group_age: Duration::from_millis(10),
            sqlite_max_pages: None,
        }
    }
}

/// Counters and gauges, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// COMMITs of units of work; on SQLite one for a whole group.
    pub commits: u64,
    /// Units of work in those COMMITs.
    pub members: u64,
    /// The largest group so far.
    pub largest_group: u64,
    /// Units that ran again: their group failed, or the server asked for it.
    pub run_again: u64,
    /// Calls that ended as [`Error::Busy`].
    pub busy: u64,
    /// Connections of the pool, or readers.
    pub pool_size: usize,
    /// Those not in use.
    pub pool_idle: usize,
    /// Who waits for a connection, or for the writer.
    pub waiting: usize,
}

impl Db {
    /// Opens `sqlite:PATH` (created when missing) or `postgres://…`.
    ///
    /// PostgreSQL takes `sslmode` and `sslrootcert` as libpq does. Nothing is migrated.
    pub async fn open(url: &str, options: Options) -> Result<Self, Error> {
        let engine = if let Some(path) = url.strip_prefix("sqlite:") {
            Engine::Sqlite(Sqlite::open(path.strip_prefix("//").unwrap_or(path), &options).await?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engine::Postgres(Postgres::open(url, &options).await?)
        } else {
            return Err(Error::Unavailable("the database URL begins with sqlite: or postgres://".into()));
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    /// Applies the missing migrations in order, each in a transaction of its own; several nodes may do so at once.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Migrated, Error> {
        match &*self.engine {
            Engine::Sqlite(database) => migrate::run_sqlite(database, migrations).await,
            Engine::Postgres(database) => migrate::run_postgres(database, migrations).await,
        }
    }

    /// Tells SQLite's planner how the tables have grown, as its authors advise: from a sample of each index whose table is
    /// ten times what it was. Without this it takes every index but a unique one for as good as any other. PostgreSQL does
    /// so by itself.
    pub async fn tune(&self) -> Result<(), Error> {
        match &*self.engine {
            Engine::Sqlite(database) => database.tune().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Distributes the tables that have this column over the servers of a Citus cluster by it, and answers which were not
    /// distributed before. Tables of later migrations are distributed by calling it again.
    pub async fn distribute(&self, column: &str) -> Result<Vec<String>, Error> {
        match &*self.engine {
            Engine::Sqlite(_) => Err(Error::Unavailable("an SQLite file is on one machine".into())),
            Engine::Postgres(database) => postgres::distribute(database, column).await,
        }
    }

    /// How the database compares with these migrations; writes nothing.
    pub async fn migration_state(&self, migrations: &[Migration]) -> Result<MigrationState, Error> {
        let mut reader = self.read().await?;
        let exists = match self.kind() {
            Kind::Sqlite => "select exists (select 1 from sqlite_schema where name = '_migration')",
            Kind::Postgres => "select to_regclass('_migration') is not null",
        };
        if !reader.sql(exists).one::<bool>().await? {
            return Ok(compare(migrations, &Vec::new()));
        }
        let applied = reader.sql("select version, checksum from _migration order by version").all().await?;
        Ok(compare(migrations, &applied))
    }

    /// A connection that reads; each statement sees what is committed when it runs.
    ///
    /// On SQLite a statement runs on the thread of its task: a read that takes long belongs into smaller ones, or says
    /// [`Query::aside`].
    pub async fn read(&self) -> Result<Conn, Error> {
        Ok(Conn::new(match &*self.engine {
            Engine::Sqlite(database) => Inner::SqliteReader(database.read().await?),
            Engine::Postgres(database) => Inner::PostgresReader(database.read().await?),
        }))
    }

    /// A unit of work: all of it happens, or nothing. Returns when the change is on disk.
    ///
    /// **The unit may run more than once** (another unit spoiled their common COMMIT, a deadlock, a connection that was
    /// lost before COMMIT), so it has no effect outside of the database: caches, pushes and wake-ups come after `write`.
    /// For the same reason it borrows what it uses: the closure is not `move`. A statement that failed fails the unit,
    /// even when the unit ignores the error. Nothing slow, such as the network, is awaited inside.
    ///
    /// What a unit selects before it changes or holds anything is what is committed then, and may be changed by others
    /// before it ends: what has to stay is read with [`Query::held`] or [`Query::shared`]. On SQLite a unit has the writer
    /// from there on, and then sees all of it as it will be committed.
    ///
    /// The unit is handed its connection by value, `async |mut tx|`, and passes it on as `&mut tx`: a future that calls
    /// a closure over `&mut Conn` cannot be proven `Send` by today's compiler (rust-lang/rust#110338).
    pub async fn write<T, E, F>(&self, unit: impl Fn(Conn) -> F) -> Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = Result<T, E>> + Send,
    {
        match &*self.engine {
            Engine::Sqlite(database) => database.write(unit).await,
            Engine::Postgres(database) => database.write(unit).await,
        }
    }

    /// Counters and gauges as they are now.
    pub fn stats(&self) -> Stats {
        match &*self.engine {
            Engine::Sqlite(database) => database.stats(),
            Engine::Postgres(database) => database.stats(),
        }
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match &*self.engine {
            Engine::Sqlite(_) => Kind::Sqlite,
            Engine::Postgres(_) => Kind::Postgres,
        }
    }

    /// Waits for the units under way and closes the connections; whatever comes later is [`Error::Unavailable`].
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(database) => database.close().await,
            Engine::Postgres(database) => database.close().await,
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({})", self.kind())
    }
}

/// A connection: a reader, or the transaction of a unit of work.
pub struct Conn {
    inner: Inner,
    /// What a unit of work keeps of a tenant.
    kept: Vec<(i64, Arc<dyn Any + Send + Sync>)>,
}

enum Inner {
    SqliteReader(sqlite::Reader),
    SqliteUnit(Arc<sqlite::Member>),
    PostgresReader(postgres::Reader),
    PostgresUnit(Arc<postgres::Unit>),
}

impl Conn {
    /// Begins a statement. Its text is a constant: what a user typed can only ever be bound.
    pub fn sql<'c>(&'c mut self, text: &'static str) -> Query<'c> {
        Query::new(self, text)
    }

    /// Waits until no other unit of work holds this name, and holds it until the unit ends. Whoever names what it is going
    /// to write before it writes anything meets others in one order, also where what is written is not there yet. SQLite
    /// has one writer, who holds everything.
    pub async fn lock(&mut self, name: &str) -> Result<(), Error> {
        match &mut self.inner {
            Inner::PostgresUnit(unit) => {
                unit.later("select pg_advisory_xact_lock(hashtextextended($1, 0))", vec![name.into()]).await
            }
            Inner::SqliteUnit(unit) => unit.turn().await,
            Inner::SqliteReader(_) | Inner::PostgresReader(_) => {
                Err(Error::Sql("a name is held in a unit of work".into()))
            }
        }
    }

    /// What this unit of work has kept of a tenant.
    pub fn kept<T: Any + Send + Sync>(&self, company: i64) -> Option<Arc<T>> {
        let mut known = self.kept.iter().filter(|(of, _)| *of == company);
        known.find_map(|(_, value)| Arc::clone(value).downcast().ok())
    }

    /// Keeps for the rest of this unit of work what was read of a tenant and is asked for at many steps. A reader keeps
    /// nothing, because each of its statements sees what is committed by then.
    pub fn keep<T: Any + Send + Sync>(&mut self, company: i64, value: T) -> Arc<T> {
        self.keep_shared(company, Arc::new(value))
    }

    /// [`Conn::keep`] for what others hold, too.
    pub fn keep_shared<T: Any + Send + Sync>(&mut self, company: i64, value: Arc<T>) -> Arc<T> {
        if !self.is_reader() {
            self.kept.push((company, Arc::clone(&value) as Arc<dyn Any + Send + Sync>));
        }
        value
    }

    /// Forgets what was kept: for who changes what that was read from.
    pub fn forget(&mut self) {
        self.kept.clear();
    }

    fn new(inner: Inner) -> Self {
        Self { inner, kept: Vec::new() }
    }

    pub(crate) fn member(member: Arc<sqlite::Member>) -> Self {
        Self::new(Inner::SqliteUnit(member))
    }

    pub(crate) fn unit(unit: Arc<postgres::Unit>) -> Self {
        Self::new(Inner::PostgresUnit(unit))
    }

    fn kind(&self) -> Kind {
        match self.inner {
            Inner::SqliteReader(_) | Inner::SqliteUnit(_) => Kind::Sqlite,
            Inner::PostgresReader(_) | Inner::PostgresUnit(_) => Kind::Postgres,
        }
    }

    fn is_reader(&self) -> bool {
        matches!(self.inner, Inner::SqliteReader(_) | Inner::PostgresReader(_))
    }

    /// `holds`: the rows are held until the unit ends.
    async fn fetch<R: DeserializeOwned>(
        &mut self,
        text: &str,
        values: Vec<Value>,
        each: Option<&EachRow>,
        (most, holds): (usize, bool),
    ) -> Result<Vec<R>, Error> {
        match &mut self.inner {
            Inner::SqliteReader(reader) => reader.fetch(text, &values, each, most),
            Inner::SqliteUnit(unit) => {
                if !holds
                    && query::only_reads(text)
                    && let Some(read) = unit.read(text, &values, each, most)
                {
                    return read;
                }
                unit.turn().await?;
                unit.fetch(text, &values, each, most)
            }
            Inner::PostgresReader(reader) => reader.fetch(text, &values, most).await,
            Inner::PostgresUnit(unit) => unit.fetch(text, &values, most).await,
        }
    }

    async fn exec(&mut self, text: &str, values: Vec<Value>, each: Option<&EachRow>) -> Result<u64, Error> {
        match &mut self.inner {
            Inner::SqliteReader(reader) => reader.exec(text, &values, each),
            Inner::SqliteUnit(unit) => {
                unit.turn().await?;
                unit.exec(text, &values, each)
            }
            Inner::PostgresReader(reader) => reader.exec(text, &values).await,
            Inner::PostgresUnit(unit) => unit.exec(text, &values).await,
        }
    }

    /// Changes a text index of SQLite when the unit's group commits.
    async fn index_entry(&mut self, entry: sqlite::Entry) -> Result<(), Error> {
        match &self.inner {
            Inner::SqliteUnit(unit) => {
                unit.turn().await?;
                unit.index(entry)
            }
            _ => Err(Error::Sql("a text index is changed in a unit of work".into())),
        }
    }

    /// Lets a unit on SQLite see what it and the units before it have for text indexes.
    async fn show_index(&mut self) -> Result<(), Error> {
        match &self.inner {
            Inner::SqliteUnit(unit) => {
                unit.turn().await?;
                unit.show_index()
            }
            _ => Ok(()),
        }
    }

    async fn later(
        &mut self,
        text: std::borrow::Cow<'static, str>,
        values: Vec<Value>,
        each: Option<EachRow>,
    ) -> Result<(), Error> {
        match &mut self.inner {
            Inner::PostgresUnit(unit) => unit.later(&text, values).await,
            _ => self.exec(&text, values, each.as_ref()).await.map(drop),
        }
    }
}

/// The version of the SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

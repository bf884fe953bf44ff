//! PostgreSQL: a pool, statements cached by their text, pipelined transactions.

mod distribute;
mod encode;
mod tls;
mod unit;

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType};
use futures_util::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use tokio_postgres::{Client, Config, Statement, config::Host, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Conn, Error, Options, Stats, Value};

pub(crate) use distribute::distribute;
pub(crate) use unit::Unit;

/// A pool of connections to one server.
pub(crate) struct Postgres {
    pool: Pool,
    /// Where the server is, in words.
    servers: String,
    tls: MakeRustlsConnect,
    hold: Duration,
    read: Duration,
    counts: unit::Counts,
}

impl Postgres {
    pub(crate) async fn open(url: &str, options: &Options) -> Result<Self, Error> {
        let (mut config, dial) = tls::parse(url)?;
        if config.get_application_name().is_none() {
            config.application_name("sala");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.acquire_timeout);
        }
        let servers = servers(&config);
        // Statements are few and short: planning each again for its values costs more than a generic plan ever does, and
        // so does starting workers or compiling for one that a generic plan takes for a long one.
        let given = config.get_options().unwrap_or_default().to_owned();
        // A page that is not in memory comes from a disk without a moving arm. With the default of 4 the plan of a few rows
        // joined to a table of a few thousand reads the whole table.
        let open = |mode: &str| {
            let mut config = config.clone();
            config.options(format!(
                "-c plan_cache_mode={mode} -c max_parallel_workers_per_gather=0 -c jit=off \
                 -c random_page_cost=1.1 {given}"
            ));
            let tls = dial.tls();
            let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
            let pool = Pool::builder(Manager::from_connect(config, dial.clone(), manager))
                .max_size(if options.pool_size == 0 { 8 } else { options.pool_size })
                .runtime(Runtime::Tokio1)
                .wait_timeout(Some(options.acquire_timeout))
                .create_timeout(Some(options.acquire_timeout))
                .recycle_timeout(Some(options.acquire_timeout))
                .build()
                .map_err(|e| Error::Unavailable(e.to_string()))?;
            let (hold, read, counts) = (options.hold_limit, options.read_limit, unit::Counts::default());
            Ok::<_, Error>(Self { pool, servers: servers.clone(), tls, hold, read, counts })
        };
        let this = open("force_generic_plan")?;
        // A wrong password or a server that is down is said now, not at the first request.
        let is_citus = distribute::is_citus(&*this.get().await?).await?;
        if !is_citus {
            return Ok(this);
        }
        // Citus finds out from a statement's values on which server its rows are: a generic plan has none.
        this.pool.close();
        open("auto")
    }

    async fn get(&self) -> Result<Object, Error> {
        self.pool.get().await.map_err(|fault| match fault {
            PoolError::Timeout(TimeoutType::Wait) => {
                self.counts.busy();
                Error::Busy
            }
            PoolError::Timeout(_) => Error::Unavailable(format!("{} did not answer in time", self.servers)),
            PoolError::Backend(fault) => match (unconnected(&fault), error(&fault)) {
                (Some(why), _) => Error::Unavailable(format!("could not connect to {}: {why}", self.servers)),
                (None, full @ (Error::Unavailable(_) | Error::Busy)) => full,
                (None, other) => Error::Unavailable(other.to_string()),
            },
            PoolError::Closed => Error::Unavailable("the database is closed".into()),
            other => Error::Unavailable(other.to_string()),
        })
    }

    pub(crate) async fn read(&self) -> Result<Reader, Error> {
        let client = Arc::new(self.get().await?);
        Ok(Reader { client: Some(client), under_way: false, frozen: false, tls: self.tls.clone(), limit: self.read })
    }

    pub(crate) async fn write<T, E, F>(&self, unit: impl Fn(Conn) -> F) -> Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = Result<T, E>> + Send,
    {
        unit::write(self, unit).await
    }

    /// Several statements in one text, in a transaction of their own with this advisory lock held.
    pub(crate) async fn connection(&self) -> Result<Object, Error> {
        self.get().await
    }

    pub(crate) fn stats(&self) -> Stats {
        let status = self.pool.status();
        let mut stats = self.counts.stats();
        stats.pool_size = status.size;
        stats.pool_idle = status.available;
        stats.waiting = status.waiting;
        stats
    }

    /// Lets nobody in any more and waits for those who are, as long as a unit may take.
    pub(crate) async fn close(&self) {
        self.pool.close();
        let gone = async {
            while self.pool.status().size > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(self.hold, gone).await.is_err() {
            tracing::warn!("closed the database with connections still in use");
        }
    }
}

/// A pooled connection outside of any transaction.
pub(crate) struct Reader {
    /// Taken away when the reader is dropped, or when a statement took too long.
    client: Option<Shared>,
    /// Still set when dropped: the answer of a statement has not been waited for.
    under_way: bool,
    /// It holds a transaction, so that it goes on seeing one state.
    frozen: bool,
    tls: MakeRustlsConnect,
    limit: Duration,
}

impl Reader {
    /// Makes every statement from now on see the state of this moment.
    pub(crate) async fn freeze(mut self) -> Result<Self, Error> {
        let client = self.enter()?;
        self.frozen = true;
        // The state is chosen by the first look, not by `begin`.
        let begin = "begin isolation level repeatable read read only; select 1";
        client.batch_execute(begin).await.map_err(|fault| error(&fault))?;
        self.under_way = false;
        Ok(self)
    }

    pub(crate) async fn fetch<R: DeserializeOwned>(
        &mut self,
        text: &str,
        values: &[Value],
        most: usize,
    ) -> Result<Vec<R>, Error> {
        let client = self.enter()?;
        let read = async {
            let statement = prepare(&client, text, values).await?;
            match fetch(&client, &statement, values, most).await {
                Err(Fault::Server(fault)) if stale(&fault) => {
                    client.statement_cache.clear();
                    let statement = prepare(&client, text, values).await?;
                    fetch(&client, &statement, values, most).await
                }
                other => other,
            }
        };
        let Ok(result) = tokio::time::timeout(self.limit, read).await else { return Err(Error::Busy) };
        self.under_way = false;
        result.map_err(Fault::into)
    }

    pub(crate) async fn exec(&mut self, text: &str, values: &[Value]) -> Result<u64, Error> {
        self.fetch::<()>(text, values, usize::MAX).await.map(|rows| rows.len() as u64)
    }

    fn enter(&mut self) -> Result<Shared, Error> {
        if self.under_way {
            self.give_up();
        }
        let Some(client) = &self.client else {
            return Err(Error::Busy);
        };
        self.under_way = true;
        Ok(Arc::clone(client))
    }

    /// Stops the statement that is still running and gives the connection back after that.
    fn give_up(&mut self) {
        if let Some(client) = self.client.take() {
            unit::abandon(client, self.tls.clone());
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.under_way || self.frozen {
            self.give_up();
        }
    }
}

/// A statement fails on the server, or its rows do not fit the type they are asked as.
enum Fault {
    Server(tokio_postgres::Error),
    Ours(Error),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Server(fault) => error(&fault),
            Fault::Ours(fault) => fault,
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(fault: tokio_postgres::Error) -> Self {
        Self::Server(fault)
    }
}

async fn prepare(client: &Object, text: &str, values: &[Value]) -> Result<Statement, Fault> {
    let statement = client.prepare_cached(text).await?;
    let (asked, bound) = (statement.params().len(), values.len());
    if asked != bound {
        // The driver would panic.
        return Err(Fault::Ours(Error::Sql(format!("{bound} values were bound to {asked} parameters"))));
    }
    Ok(statement)
}

async fn fetch<R: DeserializeOwned>(
    client: &Client,
    statement: &Statement,
    values: &[Value],
    most: usize,
) -> Result<Vec<R>, Fault> {
    let mut rows = std::pin::pin!(client.query_raw(statement, values).await?);
    let mut read = Vec::new();
    let mut wrong = None;
    // All rows are received even when they are not wanted, so that an error at the end of the statement is seen.
    while let Some(row) = rows.next().await {
        let row = row?;
        if read.len() < most && wrong.is_none() {
            match crate::row::decode(&encode::Row(&row)) {
                Ok(row) => read.push(row),
                Err(fault) => wrong = Some(fault),
            }
        }
    }
    match wrong {
        Some(fault) => Err(Fault::Ours(fault)),
        None => Ok(read),
    }
}

/// A migration changed a table under a prepared statement: it has to be prepared again.
fn stale(fault: &tokio_postgres::Error) -> bool {
    fault.as_db_error().is_some_and(|db| {
        *db.code() == SqlState::FEATURE_NOT_SUPPORTED
            && db.message().contains("cached plan must not change result type")
    })
}

/// The servers of a configuration: the address without user and password.
fn servers(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(folder) => format!("{}, port {port}", folder.display()),
        }
    });
    hosts.collect::<Vec<_>>().join(" or ")
}

/// Why no connection came about, in the system's words: nobody listens, or the name is not known.
fn unconnected(fault: &tokio_postgres::Error) -> Option<String> {
    let source = std::error::Error::source(fault)?;
    fault.to_string().starts_with("error connecting").then(|| source.to_string())
}

/// Whether the connection is gone, as opposed to the server having refused something.
fn lost(fault: &tokio_postgres::Error) -> bool {
    match fault.code() {
        Some(code) => code.code().starts_with("08") || code.code().starts_with("57P"),
        None => fault.is_closed() || std::error::Error::source(fault).is_some_and(|s| s.is::<std::io::Error>()),
    }
}

/// The columns of a unique index that has a value already, as SQLite names them: `employee.company, employee.staff_key`. The
/// server's detail goes on with the values, which are left out.
fn duplicate(db: &tokio_postgres::error::DbError) -> String {
    let columns = db.detail().and_then(|detail| detail.strip_prefix("Key (")?.split_once(")=("));
    let table = db.table().unwrap_or_default();
    match columns {
        Some((columns, _)) => {
            let columns: Vec<String> = columns.split(", ").map(|column| format!("{table}.{column}")).collect();
            columns.join(", ")
        }
        None => [table, db.constraint().unwrap_or_default()].join("."),
    }
}

/// Sorts PostgreSQL's errors. Its own words are used only where they quote the statement, never where they quote values.
pub(crate) fn error(fault: &tokio_postgres::Error) -> Error {
    if let Some(db) = fault.as_db_error() {
        let code = db.code().code();
        let what = || {
            let parts = [db.constraint(), db.table(), db.column()];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            format!("{code} {}", parts.join(" of "))
        };
        return match code {
            "23505" => Error::Duplicate(duplicate(db)),
            "23503" | "23001" => Error::Reference(what()),
            "53100" => Error::Full,
            // The server became a standby; another connection may find the one that writes.
            "25006" => Error::Unavailable("the server only reads".into()),
            "22021" | "22P05" => Error::Invalid("text that the server cannot keep".into()),
            "40001" | "40P01" | "55P03" | "57014" | "53300" => Error::Busy,
            _ if ["08", "28", "3D", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
                // About names of databases and roles, or that the server starts or stops; never about values.
                let own = ["28", "3D", "57P"].iter().any(|class| code.starts_with(class));
                let words = if own { db.message() } else { code };
                Error::Unavailable(format!("the server says: {words}"))
            }
            _ if code.starts_with("42") => Error::Sql(format!("{code} {}", db.message())),
            _ => Error::Sql(what()),
        };
    }
    if let Some(why) = unconnected(fault) {
        return Error::Unavailable(format!("could not connect: {why}"));
    }
    if let Some(source) = std::error::Error::source(fault)
        && fault.to_string().contains("TLS handshake")
    {
        return Error::Unavailable(format!(
            "no connection with TLS: {source}; set sslmode=disable, or switch TLS on at the server"
        ));
    }
    if lost(fault) {
        return Error::Unavailable("the connection was lost".into());
    }
    Error::Sql(fault.to_string())
}

/// Rows of a statement without parameters or types of interest, for the migration runner.
pub(crate) async fn applied(client: &Client) -> Result<Vec<(i64, String)>, Error> {
    let rows = client
        .query_raw("select version, checksum from _migration order by version", std::iter::empty::<i64>())
        .await
        .map_err(|fault| error(&fault))?;
    let rows: Vec<_> = rows.try_collect().await.map_err(|fault| error(&fault))?;
    rows.iter().map(|row| crate::row::decode(&encode::Row(row))).collect()
}

type Shared = Arc<Object>;

//! `sala serve`.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use super::lock::Lock;
use super::{Failure, announce, demo, keys, make_folder, media, open_unmigrated, sqlite_file};
use crate::app::{App, Clock};
use crate::config::{Common, Config, Role};
use crate::http::{Server, idempotency};
use crate::job::{self, Runner};
use crate::{MIGRATIONS, http, telemetry};

/// Requests and jobs get this long to end after SIGTERM; the process is gone within ten seconds.
const GRACE: Duration = Duration::from_secs(7);

/// How often what has become meaningless is forgotten, and measured times are put into their histograms: until then each
/// is kept by itself, so that a server whose metrics nobody asks for would grow.
const UPKEEP: Duration = Duration::from_secs(5);

/// How often it is looked whether tables have grown so much that their lists are better read in another way.
const TUNING: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or an interrupt.
pub(super) async fn run(common: &Common, config: Config) -> Result<(), Failure> {
    // Asked for first, so that a signal that comes while the server starts is not lost.
    let mut stopped = std::pin::pin!(stop_signal());
    let demo = config.demo;
    let server = tokio::select! {
        server = serve(common, config) => server?,
        () = &mut stopped => return Ok(()),
    };
    let welcome = match demo {
        true => demo::welcome(&server.app, common, server.address).await,
        false => Ok(String::new()),
    };
    let welcome = match welcome {
        Ok(welcome) => welcome,
        Err(failure) => {
            // Its loops run already.
            server.stop().await;
            return Err(failure);
        }
    };
    announce(&format!("Sala listens on http://{}{welcome}", server.address));
    stopped.await;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// A server that listens.
pub struct Running {
    /// Its parts.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    jobs: Option<Runner>,
    upkeep: JoinSet<()>,
    _lock: Option<Lock>,
}

/// Opens the database, brings it up to date, and starts what the role asks for.
pub async fn serve(common: &Common, mut config: Config) -> Result<Running, Failure> {
    // Looked at first: a database is not made for a server that cannot listen.
    let listener = TcpListener::bind(config.listen).await.map_err(|error| not_listening(config.listen, &error))?;
    make_folder(common)?;
    let lock = Lock::take(&common.database)?;
    let db = open_unmigrated(common, config.pool_size).await?;
    let migrated = db.migrate(MIGRATIONS).await?;
    if config.demo {
        demo::check(&db).await?;
    }
    let vault = keys::fitting(common, &db).await?;
    tracing::info!(applied = migrated.applied, version = migrated.version, database = %db.kind(), "schema is current");
    let media = media(common, config.media.as_ref())?;
    let address = listener.local_addr()?;
    config.listen = address;
    config.database_file = sqlite_file(&common.database);
    config.max_connections = config.max_connections.min(most_connections());
    let role = config.role;
    let app = App::new(config, db, vault, media, Clock::System, telemetry::start_metrics())
        .map_err(|error| Failure::new(error.to_string()))?;
    let jobs = match role {
        Role::Api => None,
        Role::Worker | Role::All => Some(job::start(&app).await?),
    };
    let upkeep = upkeep(&app);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(http::listen::serve(listener, Server::new(app.clone()), async move {
        let _ = stopped.await;
    }));
    Ok(Running { app, address, stop, serving, jobs, upkeep, _lock: lock })
}

/// Why nobody can listen at an address, and what to do.
fn not_listening(address: SocketAddr, error: &std::io::Error) -> Failure {
    Failure::new(match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "another program listens on {address}; choose another address with --listen or SALA_LISTEN, such as \
             127.0.0.1:8081"
        ),
        std::io::ErrorKind::AddrNotAvailable => format!("{address} is not an address of this machine"),
        std::io::ErrorKind::PermissionDenied => {
            format!("{address}: this user may not listen on a port below 1024; put a proxy before the server")
        }
        _ => format!("{address}: {error}"),
    })
}

/// What is done every few seconds beside the server's work.
fn upkeep(app: &App) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let tidied = app.clone();
    tasks.spawn(every(UPKEEP, move || {
        let app = tidied.clone();
        async move {
            app.tidy();
            if let Some(metrics) = &app.metrics {
                metrics.run_upkeep();
            }
        }
    }));
    let tuned = app.db.clone();
    tasks.spawn(every(TUNING, move || {
        let db = tuned.clone();
        async move {
            if let Err(error) = db.tune().await {
                tracing::warn!(%error, "the tables could not be sampled; lists may be slow until they are");
            }
        }
    }));
    let extended = app.clone();
    tasks.spawn(every(idempotency::WORD, move || {
        let app = extended.clone();
        async move {
            if let Err(error) = idempotency::extend(&app).await {
                tracing::warn!(%error, "the leases of idempotency keys could not be extended");
            }
        }
    }));
    tasks
}

async fn every<F: Future<Output = ()>>(pause: Duration, work: impl Fn() -> F) {
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().await;
    }
}

/// As many connections as the process may have open files, but for a quarter, which the database, files and calls to
/// others need. The soft limit is raised to the hard one first: it is as low as it is for programs that cannot count far.
#[cfg(unix)]
fn most_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Where there is no limit at all.
    const MANY: u64 = 1 << 20;
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: Some(limit.maximum.unwrap_or(MANY)), maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(MANY);
    usize::try_from(files / 4 * 3).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn most_connections() -> usize {
    usize::MAX
}

impl Running {
    /// Stops accepting, lets requests and jobs end, hands back the rest.
    pub async fn stop(mut self) {
        let _ = self.stop.send(());
        // Streams end by themselves never: their readers go to another node.
        self.app.live.stop();
        let abort = self.serving.abort_handle();
        let jobs = async {
            if let Some(jobs) = self.jobs {
                jobs.stop(GRACE).await;
            }
        };
        let (served, ()) = tokio::join!(tokio::time::timeout(GRACE, self.serving), jobs);
        if served.is_err() {
            abort.abort();
        }
        self.upkeep.shutdown().await;
        self.app.db.close().await;
    }
}

#[cfg(unix)]
fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (term, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        match (term, interrupt) {
            (Ok(mut term), Ok(mut interrupt)) => {
                tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
            }
            // Without signal handlers the default action ends the process.
            _ => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
fn stop_signal() -> impl Future<Output = ()> {
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

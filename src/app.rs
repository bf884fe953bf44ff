//! What every part of the server shares: cheap to clone, and its parts can be replaced by tests.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use crate::chat::account::Accounts;
use crate::chat::queue::SendQueue;
use crate::config::Config;
use crate::document;
use crate::http::caller::TokenCache;
use crate::http::idempotency::Running;
use crate::http::limit::{Buckets, Guesses};
use crate::http::listen::Seats;
use crate::http::openapi::Operations;
use crate::http::sheet::Exports;
use crate::job::{Loops, Shares, Wakes};
use crate::live::Hub;
use crate::mail::smtp::Mailer;
use crate::media::Store;
use crate::person::sso;
use crate::setting::block::Blocks;
use crate::telemetry::Meter;
use crate::vault::Vault;
use crate::webhook;

/// The server's shared parts.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts themselves; [`App`] dereferences to them.
pub struct Parts {
    /// The database.
    pub db: db::Db,
    /// The settings.
    pub config: Config,
    /// The time; tests set it.
    pub clock: Clock,
    /// Encrypts credentials.
    pub vault: Vault,
    /// Calls providers.
    pub http: reqwest::Client,
    /// Calls webhooks: refuses private addresses unless allowed.
    pub webhook_http: reqwest::Client,
    /// Identity providers, as they were a while ago.
    pub sso: sso::Providers,
    /// Where media are kept.
    pub media: Store,
    /// What the document declares of each operation.
    pub operations: Arc<Operations>,
    /// Counts the answers to requests for no operation of the document.
    pub other: Meter,
    /// Tokens checked a moment ago.
    pub tokens: TokenCache,
    /// Requests of each client; none when the rate is not limited.
    pub limits: Option<Buckets<(i64, String)>>,
    /// Wrong credentials at the token endpoint.
    pub guesses: Guesses,
    /// Wrong passwords and codes of each name and address. Unlike secrets of clients they can be guessed, so that beyond some the
    /// right one is refused, too.
    pub sign_ins: Buckets<(String, std::net::IpAddr)>,
    /// Hands e-mail to its server; none where no server is set.
    pub mail: Option<Mailer>,
    /// The streams of this node.
    pub live: Hub,
    /// Places for the hashing of passwords.
    pub hashing: Arc<Semaphore>,
    /// Places for those who wait for one.
    pub hash_queue: Semaphore,
    /// Places for requests in progress.
    pub places: Semaphore,
    /// The connections to this node.
    pub connections: Seats,
    /// Lists that are being exported.
    pub exports: Exports,
    /// Documents that are being made.
    pub documents: document::Room,
    /// Pictures of documents that were fetched a while ago.
    pub logos: document::Logos,
    /// Ids of records, taken in blocks.
    pub ids: Blocks,
    /// Requests with an idempotency key that this node works on.
    pub running: Running,
    /// The job loops of this node.
    pub loops: Loops,
    /// Sends that wait for the writer.
    pub sends: SendQueue,
    /// Channel accounts used a moment ago.
    pub accounts: Accounts,
    /// The places for jobs, shared out between companies and lanes.
    pub shares: Arc<Shares>,
    /// Wakes the job loops of this node.
    pub wakes: Wakes,
    /// Writes the metrics; none when another server of this process does.
    pub metrics: Option<PrometheusHandle>,
}

/// The source of time.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands until it is moved.
    Set(Standing),
}

/// A clock that stands: what it shows (Unix milliseconds), and how long it has gone.
#[derive(Debug)]
pub struct Standing {
    shown: AtomicI64,
    gone: AtomicI64,
}

/// When this process first asked how late it is.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock {
    /// A clock that stands at this time (Unix milliseconds).
    pub fn at(shown: i64) -> Clock {
        Clock::Set(Standing { shown: AtomicI64::new(shown), gone: AtomicI64::new(0) })
    }

    /// Unix milliseconds.
    pub fn now(&self) -> i64 {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
            Clock::Set(clock) => clock.shown.load(Ordering::SeqCst),
        }
    }

    /// Milliseconds since some moment: they only grow, whatever happens to the time that the machine shows.
    pub fn steady(&self) -> i64 {
        match self {
            Clock::System => i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX),
            Clock::Set(clock) => clock.gone.load(Ordering::SeqCst),
        }
    }

    /// Moves a standing clock on.
    pub fn advance(&self, by: Duration) {
        if let Clock::Set(clock) = self {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            clock.shown.fetch_add(by, Ordering::SeqCst);
            clock.gone.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Sets what a standing clock shows, as whoever sets a machine's clock does: no time goes by.
    pub fn set(&self, shown: i64) {
        if let Clock::Set(clock) = self {
            clock.shown.store(shown, Ordering::SeqCst);
        }
    }
}

/// Why a server's parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No client for calls to others.
    #[error("HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// The settings for e-mail are wrong.
    #[error("{0}")]
    Mail(String),
}

impl App {
    /// Puts the parts together; nothing runs until [`crate::job::start`] and a listener do.
    pub fn new(
        config: Config,
        db: db::Db,
        vault: Vault,
        media: Store,
        clock: Clock,
        metrics: Option<PrometheusHandle>,
    ) -> Result<App, StartError> {
        let rate = config.rate_limit;
        use_tls();
        let mail = Mailer::open(&config.smtp).map_err(StartError::Mail)?;
        let provider = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(config.provider_timeout.max(1)))
            .read_timeout(Duration::from_secs(config.provider_timeout.max(1)))
            .pool_max_idle_per_host(64)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sala/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(App(Arc::new(Parts {
            webhook_http: webhook::client::build(
                config.allow_private_webhooks,
                Duration::from_secs(config.webhook_timeout.max(1)),
            )?,
            sso: sso::Providers::new(config.allow_private_sso)?,
            http: provider,
            operations: crate::http::operations(),
            other: Meter::new("other"),
            tokens: TokenCache::default(),
            limits: (rate > 0).then(|| Buckets::new(f64::from(rate), u64::from(rate) * 2)),
            guesses: Guesses::default(),
            sign_ins: Buckets::new(0.2, 10),
            mail,
            live: Hub::default(),
            hashing: Arc::new(Semaphore::new(crate::person::password::AT_ONCE)),
            hash_queue: Semaphore::new(crate::person::password::MOST_WAITING),
            places: Semaphore::new(config.max_requests),
            connections: Seats::new(config.max_connections),
            exports: Exports::default(),
            documents: document::Room::default(),
            logos: document::Logos::default(),
            ids: Blocks::default(),
            running: Running::since(clock.now()),
            loops: Loops::default(),
            sends: SendQueue::new(db.kind()),
            accounts: Accounts::default(),
            shares: Arc::default(),
            wakes: Wakes::default(),
            db,
            config,
            clock,
            vault,
            media,
            metrics,
        })))
    }

    /// The present time in Unix milliseconds.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Milliseconds since some moment, whatever happens to the clock: for what must happen after a while.
    pub fn steady(&self) -> i64 {
        self.clock.steady()
    }

    /// Forgets what has become meaningless since. To be called every few seconds: a request that did it would keep
    /// others waiting.
    pub fn tidy(&self) {
        let now = self.steady();
        if let Some(limits) = &self.limits {
            limits.prune(now);
        }
        self.guesses.prune(now);
        self.sign_ins.prune(now);
        self.sso.prune(now);
    }
}

/// Names the library that connections are encrypted with, before the first client of this process is made; a second call
/// finds it named already.
pub fn use_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

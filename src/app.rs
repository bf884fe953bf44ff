//! What every part of the server shares: cheap to clone, and its parts can be replaced by tests.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use crate::chat::account::Accounts;
use crate::chat::queue::SendQueue;
use crate::config::Config;
use crate::http::caller::TokenCache;
use crate::http::limit::{Buckets, Guesses};
use crate::http::openapi::Operations;
use crate::job::{Shares, Wakes};
use crate::media::Store;
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
    /// Where media are kept.
    pub media: Store,
    /// What the document declares of each operation.
    pub operations: Operations,
    /// Counts the answers to requests for no operation of the document.
    pub other: Meter,
    /// Tokens checked a moment ago.
    pub tokens: TokenCache,
    /// Requests of each client; none when the rate is not limited.
    pub limits: Option<Buckets<(i64, String)>>,
    /// Wrong credentials at the token endpoint.
    pub guesses: Guesses,
    /// Places for requests in progress.
    pub places: Semaphore,
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
    /// A clock that stands until it is moved; Unix milliseconds.
    Set(AtomicI64),
}

impl Clock {
    /// Unix milliseconds.
    pub fn now(&self) -> i64 {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
            Clock::Set(at) => at.load(Ordering::SeqCst),
        }
    }

    /// Moves a standing clock on.
    pub fn advance(&self, by: Duration) {
        if let Clock::Set(at) = self {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
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
    ) -> Result<App, reqwest::Error> {
        let rate = config.rate_limit;
        // Of several TLS providers one must be named; a second call finds it named already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let provider = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(config.provider_timeout.max(1)))
            .read_timeout(Duration::from_secs(config.provider_timeout.max(1)))
            .pool_max_idle_per_host(64)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sala/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let document = crate::http::document();
        Ok(App(Arc::new(Parts {
            webhook_http: webhook::client::build(
                config.allow_private_webhooks,
                Duration::from_secs(config.webhook_timeout.max(1)),
            )?,
            http: provider,
            operations: Operations::read(&document),
            other: Meter::new("other"),
            tokens: TokenCache::default(),
            limits: (rate > 0).then(|| Buckets::new(f64::from(rate), u64::from(rate) * 2)),
            guesses: Guesses::default(),
            places: Semaphore::new(config.max_requests),
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
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

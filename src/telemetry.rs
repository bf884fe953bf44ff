//! Trace ids, logs and metrics.

use std::cell::Cell;
use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ValueEnum;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

tokio::task_local! {
    /// The trace id of the request or job that runs in this task.
    static TRACE: Cell<TraceId>;
}

/// A W3C trace id: 16 bytes, written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// A new random id.
    pub fn random() -> TraceId {
        TraceId(uuid::Uuid::new_v4().as_u128())
    }

    /// The trace id of a `traceparent` header (`00-<32 hex>-<16 hex>-<2 hex>`, W3C Trace Context, section 3.2).
    pub fn parse(traceparent: &str) -> Option<TraceId> {
        let mut parts = traceparent.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let lengths = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
        let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !lengths || version == "ff" || ![version, trace, span, flags].into_iter().all(hex) {
            return None;
        }
        u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0).map(TraceId)
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Runs `work` under this trace id.
pub async fn traced<T>(id: TraceId, work: impl Future<Output = T>) -> T {
    TRACE.scope(Cell::new(id), work).await
}

/// The trace id of the present request, as text; a new one outside any request.
pub fn trace_id() -> String {
    TRACE.try_with(Cell::get).unwrap_or_else(|_| TraceId::random()).to_string()
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text in a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends log lines to standard error. `filter` is in the syntax of `RUST_LOG`.
pub fn start_log(filter: &str, format: LogFormat) {
    let json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (tests start several servers in one process) keeps the first subscriber.
    let _ = if json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
}

/// Upper bounds of the latency histograms, in seconds.
const LATENCY: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Starts recording metrics in this process, once; what it returns writes them in Prometheus' text format.
pub fn start_metrics() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY);
        builder.ok()?.install_recorder().ok()
    };
    RECORDER.get_or_init(install).clone()
}

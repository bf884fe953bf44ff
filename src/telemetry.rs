//! Trace ids, logs and metrics.

use std::cell::RefCell;
use std::fmt;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::ser::{Serialize, SerializeMap, Serializer};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::http::caller::Client;
use crate::http::language::Language;
use crate::http::lenient::Ignored;
use crate::http::openapi::Rule;

tokio::task_local! {
    /// The request or job that runs in this task.
    static WORK: RefCell<Work>;
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

/// What every log line of a request or job tells of it. Kept beside the task and written only with a line, where a span
/// of `tracing` would be written out for each request, most of which log nothing.
#[derive(Debug, Clone)]
pub struct Work {
    /// Its trace id.
    pub trace: TraceId,
    /// The operation of a request, once it is known.
    pub operation: Option<Arc<Rule>>,
    /// The API client, once it is known.
    pub client: Option<Arc<Client>>,
    /// The kind and the company of a job.
    pub job: Option<(&'static str, i64)>,
    /// The kinds of jobs that it asked for, a bit each.
    pub asked: u32,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The language of its messages.
    pub language: Language,
    /// Whether it has answered a message, so that its answer is in that language.
    pub spoke: bool,
    /// Properties of its body that are none here.
    pub ignored: Vec<Ignored>,
}

impl Work {
    /// Work of which no more is known yet.
    pub fn new(trace: TraceId) -> Work {
        Work {
            trace,
            operation: None,
            client: None,
            job: None,
            asked: 0,
            address: None,
            language: Language::English,
            spoke: false,
            ignored: Vec::new(),
        }
    }

    /// The operation's id; a bounded set of words whatever callers send.
    pub fn operation(&self) -> Option<&str> {
        self.operation.as_ref().map(|rule| rule.id.as_str())
    }

    fn words(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let client = self.client.as_ref().map(|client| client.id.as_str());
        let words = [("operation", self.operation()), ("kind", self.job.map(|(kind, _)| kind)), ("client", client)];
        words.into_iter().filter_map(|(name, text)| Some((name, text?)))
    }

    fn company(&self) -> Option<i64> {
        self.client.as_ref().map(|client| client.company).or(self.job.map(|(_, company)| company))
    }
}

impl Serialize for Work {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("trace_id", &format_args!("{}", self.trace))?;
        for (name, text) in self.words() {
            map.serialize_entry(name, text)?;
        }
        if let Some(company) = self.company() {
            map.serialize_entry("company", &company)?;
        }
        if let Some(address) = self.address {
            map.serialize_entry("address", &address)?;
        }
        map.end()
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace_id={}", self.trace)?;
        for (name, text) in self.words() {
            write!(f, " {name}={text}")?;
        }
        self.company().map_or(Ok(()), |company| write!(f, " company={company}"))?;
        self.address.map_or(Ok(()), |address| write!(f, " address={address}"))
    }
}

/// Runs `task` as this work.
pub async fn traced<T>(work: Work, task: impl Future<Output = T>) -> T {
    WORK.scope(RefCell::new(work), task).await
}

/// Changes what is known of the present work; nothing outside any.
pub fn tell(change: impl FnOnce(&mut Work)) {
    let _ = WORK.try_with(|work| change(&mut work.borrow_mut()));
}

/// Looks at the present work.
fn present<T>(look: impl FnOnce(&Work) -> T) -> Option<T> {
    // A line that is written while the work is being changed does without it.
    WORK.try_with(|work| work.try_borrow().ok().map(|work| look(&work))).ok().flatten()
}

/// The kinds of jobs that the present work has asked for, a bit each.
pub fn asked() -> u32 {
    present(|work| work.asked).unwrap_or_default()
}

/// The operation of the present request, once it is known.
pub fn operation() -> Option<Arc<Rule>> {
    present(|work| work.operation.clone()).flatten()
}

/// The language in which the present request is answered.
pub fn language() -> Language {
    present(|work| work.language).unwrap_or_default()
}

/// Properties of the present request's body that are none here.
pub fn ignored() -> Vec<Ignored> {
    present(|work| work.ignored.clone()).unwrap_or_default()
}

/// Whether the present request has answered a message in its language.
pub fn spoke() -> bool {
    present(|work| work.spoke).unwrap_or_default()
}

/// The present work, to go on with it elsewhere.
pub fn work() -> Work {
    present(Work::clone).unwrap_or_else(|| Work::new(TraceId::random()))
}

/// Whether the present request was made with a good token.
pub fn has_client() -> bool {
    present(|work| work.client.is_some()).unwrap_or_default()
}

/// Whether the present request is of a client that wants `status.code` as a number.
pub fn number_codes() -> bool {
    present(|work| work.client.as_ref().is_some_and(|client| client.number_codes)).unwrap_or_default()
}

/// The trace id of the present request or job; a new one outside any.
pub fn trace() -> TraceId {
    present(|work| work.trace).unwrap_or_else(TraceId::random)
}

/// The same as text.
pub fn trace_id() -> String {
    trace().to_string()
}

/// Adds the present work to lines of text.
struct TextFields(DefaultFields);

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        present(|work| write!(writer, " {work}")).unwrap_or(Ok(()))
    }
}

/// Adds the present work to lines of JSON.
struct JsonLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for JsonLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        match (line.trim_end().strip_suffix('}'), present(serde_json::to_string)) {
            (Some(open), Some(Ok(work))) => writeln!(writer, "{open},\"span\":{work}}}"),
            _ => writer.write_str(&line),
        }
    }
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

/// Whether log lines are text for people.
static FOR_PEOPLE: AtomicBool = AtomicBool::new(false);

/// Whether each request gets a line at `info`: where people read the log as it is written.
pub fn tells_requests() -> bool {
    FOR_PEOPLE.load(Ordering::Relaxed)
}

/// Sends log lines to standard error. `filter` is in the syntax of `RUST_LOG`.
pub fn start_log(filter: &str, format: LogFormat) {
    let json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    FOR_PEOPLE.store(!json, Ordering::Relaxed);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (tests start several servers in one process) keeps the first subscriber.
    let _ = if json {
        builder.json().flatten_event(true).map_event_format(JsonLine).try_init()
    } else {
        builder.fmt_fields(TextFields(DefaultFields::new())).try_init()
    };
}

/// Counts the answers of one operation. Its series are looked up once, not for every request.
#[derive(Debug)]
pub struct Meter {
    operation: String,
    seconds: OnceLock<Histogram>,
    answers: Mutex<Vec<(u16, Counter)>>,
}

impl Meter {
    /// Counts under this name; nothing is recorded before the first answer.
    pub fn new(operation: &str) -> Meter {
        Meter { operation: operation.to_owned(), seconds: OnceLock::new(), answers: Mutex::default() }
    }

    /// An answer with this status after this time.
    pub fn record(&self, status: u16, elapsed: Duration) {
        let name = || self.operation.clone();
        self.seconds.get_or_init(|| histogram!("sala_http_request_seconds", "operation" => name())).record(elapsed);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // An operation has a handful of statuses, so looking through them is quicker than hashing.
        match answers.iter().find(|(known, _)| *known == status) {
            Some((_, counter)) => counter.increment(1),
            None => {
                let labels = [("operation", name()), ("status", status.to_string())];
                let counter = counter!("sala_http_requests_total", &labels);
                counter.increment(1);
                answers.push((status, counter));
            }
        }
    }
}

/// Lets one log line a second pass, for what may happen at every request.
#[derive(Debug, Default)]
pub struct Sparse(Mutex<(Option<Instant>, u64)>);

impl Sparse {
    /// A line that has not passed yet.
    pub const fn new() -> Sparse {
        Sparse(Mutex::new((None, 0)))
    }

    /// Whether a line may be written now, and then how many were left out since the last.
    pub fn pass(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let recent = state.0.is_some_and(|last| now.duration_since(last) < Duration::from_secs(1));
        if recent {
            state.1 += 1;
            return None;
        }
        Some(std::mem::replace(&mut *state, (Some(now), 0)).1)
    }
}

/// Upper bounds of the latency histograms, in seconds.
const LATENCY: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Starts recording metrics in this process, once; what it returns writes them in Prometheus' text format.
pub fn start_metrics() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY);
        let handle = builder.ok()?.install_recorder().ok()?;
        crate::ops::describe_metrics();
        Some(handle)
    };
    RECORDER.get_or_init(install).clone()
}

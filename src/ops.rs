//! What operators look at: health, readiness, metrics, and the pages of the API's document.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::Response;
use db::Conn;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::reply::json as json_answer;
use crate::{MIGRATIONS, job};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready)).routes(routes!(metrics))
}

/// The process is alive.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    tag = "Operations",
    responses((status = 200, description = "Alive.", body = String, content_type = "text/plain")),
    security(())
)]
async fn alive() -> &'static str {
    "ok\n"
}

/// How ready the server is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    /// Whether requests will be answered well.
    ready: bool,
    /// Whether the database answers.
    database: bool,
    /// Whether the database's schema is this program's.
    migrations: bool,
    /// Whether the loops that run background jobs on this node run.
    jobs: bool,
}

/// This node can do its work: the database answers, its schema is current, and its loops run.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = "Operations",
    responses(
        (status = 200, description = "Ready.", body = Readiness),
        (status = 503, description = "Not ready; the body says why.", body = Readiness),
    ),
    security(())
)]
async fn ready(State(app): State<App>) -> Response {
    let readiness = look(&app).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_answer(status, serde_json::to_vec(&readiness).unwrap_or_default())
}

async fn look(app: &App) -> Readiness {
    let state = app.db.migration_state(MIGRATIONS).await;
    let (database, migrations) = (state.is_ok(), matches!(state, Ok(db::MigrationState::Current)));
    // However many jobs wait: nothing would be won by a node less. The metrics and the doctor tell of them.
    let jobs = app.loops.run();
    Readiness { ready: database && migrations && jobs, database, migrations, jobs }
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "Operations",
    responses((status = 200, description = "Metrics.", body = String, content_type = "text/plain")),
    security(())
)]
async fn metrics(State(app): State<App>) -> Response {
    // Metrics are looked at when the database cannot be reached: the others are answered all the same.
    match async { job::depths(&mut app.db.read().await?, app.now()).await }.await {
        Ok(depths) => record_jobs(&depths),
        Err(error) => tracing::warn!(%error, "the jobs could not be counted"),
    }
    record_database(&app.db.stats());
    record_connections(&app);
    record_process();
    match async { states(&mut app.db.read().await?).await }.await {
        Ok(states) => record_states(&states),
        Err(error) => tracing::warn!(%error, "the states of accounts and webhooks could not be counted"),
    }
    let text = app.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render).unwrap_or_default();
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    response
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds")]
fn record_jobs(depths: &[job::Depth]) {
    for depth in depths {
        let kind = depth.kind.name();
        gauge!("sala_jobs_waiting", "kind" => kind).set(depth.waiting as f64);
        gauge!("sala_job_oldest_seconds", "kind" => kind).set(depth.lag as f64 / 1000.0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
fn record_database(stats: &db::Stats) {
    counter!("sala_db_commits_total").absolute(stats.commits);
    counter!("sala_db_units_total").absolute(stats.members);
    counter!("sala_db_busy_total").absolute(stats.busy);
    gauge!("sala_db_largest_group").set(stats.largest_group as f64);
    gauge!("sala_db_pool_size").set(stats.pool_size as f64);
    gauge!("sala_db_pool_idle").set(stats.pool_idle as f64);
    gauge!("sala_db_pool_waiting").set(stats.waiting as f64);
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
fn record_connections(app: &App) {
    let (displaced, refused) = app.connections.turned_away();
    gauge!("sala_http_connections").set(app.connections.open() as f64);
    counter!("sala_http_connections_displaced_total").absolute(displaced);
    counter!("sala_http_connections_refused_total").absolute(refused);
}

/// How many accounts or webhooks of the server are in a state.
#[derive(Debug, Deserialize)]
struct InState {
    what: String,
    state: String,
    count: i64,
}

async fn states(conn: &mut Conn) -> Result<Vec<InState>, db::Error> {
    conn.sql(
        "select 'account' as what, state, count(*) as count from account group by state
         union all select 'webhook' as what, state, count(*) as count from webhook group by state",
    )
    .all()
    .await
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
fn record_states(states: &[InState]) {
    // A state that nobody is in any more is told of as 0, so that an alert about it ends.
    for (what, known) in [("account", ["active", "stopped", "broken"]), ("webhook", ["active", "paused", "ended"])] {
        let name = if what == "account" { "sala_accounts" } else { "sala_webhooks" };
        for state in known {
            let found = states.iter().find(|one| one.what == what && one.state == state);
            gauge!(name, "state" => state).set(found.map_or(0, |one| one.count) as f64);
        }
    }
}

/// The process and the build, under the names that Prometheus' own libraries use.
#[expect(clippy::cast_precision_loss, reason = "bytes, descriptors and seconds")]
fn record_process() {
    gauge!("sala_build_info", "version" => env!("CARGO_PKG_VERSION"), "sqlite" => db::sqlite_version()).set(1.0);
    // Linux alone tells; elsewhere the series are absent.
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let status = read("status");
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    if let Some(resident) = kilobytes.and_then(|text| text.trim().parse::<u64>().ok()) {
        gauge!("process_resident_memory_bytes").set((resident * 1024) as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
    let stat = read("stat");
    let fields: Vec<&str> = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    // Fields 14 and 15 of proc(5): user and system time in hundredths of a second.
    if !fields.is_empty() {
        gauge!("process_cpu_seconds_total").set((ticks(11) + ticks(12)) as f64 / 100.0);
    }
}

/// What the series mean, told once: the lines `# HELP` of the metrics.
pub(crate) fn describe_metrics() {
    describe_counter!("sala_http_requests_total", "Answered requests by operation and status");
    describe_histogram!("sala_http_request_seconds", "Time to answer by operation");
    describe_counter!("sala_http_unavailable_total", "Requests answered 503, by what was short");
    describe_gauge!("sala_jobs_waiting", "Jobs that are due, by kind");
    describe_gauge!("sala_job_oldest_seconds", "How long the oldest due job has waited, by kind");
    describe_counter!("sala_jobs_total", "Jobs that ended, by kind and outcome");
    describe_counter!("sala_deliveries_total", "Messages handed to a provider, by platform and outcome");
    describe_counter!("sala_inbound_events_total", "Events taken from providers, by platform");
    describe_counter!("sala_callbacks_refused_total", "Callbacks refused: unknown account or wrong signature");
    describe_counter!("sala_db_commits_total", "Commits");
    describe_counter!("sala_db_units_total", "Units of work committed; several share a commit on SQLite");
    describe_gauge!("sala_http_connections", "Open connections");
    describe_gauge!("sala_accounts", "Channel accounts by state");
    describe_gauge!("sala_webhooks", "Webhook subscriptions by state");
    describe_gauge!("sala_quota_left", "Paid messages left this month, by account");
    describe_gauge!("sala_build_info", "Always 1; the version is in the labels");
    describe_gauge!("process_resident_memory_bytes", "Resident memory");
    describe_gauge!("process_open_fds", "Open file descriptors");
    describe_gauge!("process_cpu_seconds_total", "Processor time used");
}

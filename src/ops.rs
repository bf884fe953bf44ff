//! What operators look at: health, readiness, metrics, and the pages of the API's document.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use metrics::{counter, gauge};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::config::Role;
use crate::http::page_routes;
use crate::http::reply::json as json_answer;
use crate::{MIGRATIONS, job};

/// A node whose oldest due job waits longer than this is not ready (milliseconds).
const MOST_LAG: i64 = 5 * 60 * 1000;

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
    /// How long the oldest due job has waited, in milliseconds.
    job_lag: i64,
}

/// The server can do its work: the database answers, its schema is current, and jobs do not pile up where it runs them.
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
    let migrations = matches!(app.db.migration_state(MIGRATIONS).await, Ok(db::MigrationState::Current));
    let now = app.now();
    let depths = async { job::depths(&mut app.db.read().await?, now).await }.await;
    let database = depths.is_ok();
    let job_lag = depths.unwrap_or_default().iter().map(|depth| depth.lag).max().unwrap_or_default();
    // A node that only answers goes on answering: others are behind with their jobs, and nothing would be won without it.
    let in_time = app.config.role == Role::Api || job_lag < MOST_LAG;
    Readiness { ready: database && migrations && in_time, database, migrations, job_lag }
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

/// The document's page at `/` and `/docs`, which needs no outside network, and the document itself.
pub fn pages(document: &utoipa::openapi::OpenApi) -> Router<App> {
    let settings = json!({
        "url": "/openapi.json",
        "theme": "default",
        "hideClientButton": true,
        "hiddenClients": [],
        "defaultHttpClient": {"targetKey": "shell", "clientKey": "curl"},
        "telemetry": false,
        "withDefaultFonts": false,
        // The page stays on this machine: no assistants, no hosting offers.
        "agent": {"disabled": true},
        "mcp": {"disabled": true},
        "showDeveloperTools": "never",
        "metaData": {"title": "Sala API"},
    });
    let html = scalar_api_reference::scalar_html(&settings, Some("/docs/scalar.js"));
    page_routes(html, || SCRIPT.clone(), document.to_json().unwrap_or_default())
}

/// The script of the document's page: five megabytes, which take memory only when somebody looks at it.
static SCRIPT: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(scalar_api_reference::get_asset("scalar.js").unwrap_or_default()));

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
use crate::http::page_routes;
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

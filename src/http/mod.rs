//! The way in and out, the same for every operation.

pub mod caller;
pub mod check;
pub mod error;
pub mod etag;
pub mod idempotency;
pub mod input;
pub mod lenient;
pub mod limit;
pub mod openapi;
pub mod paths;
pub mod reply;
pub mod sheet;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt;
use metrics::{counter, histogram};
use tracing::Instrument;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use caller::Caller;
pub use check::Faults;
pub use error::{Code, Error, Fault};
pub use etag::Conditions;
pub use input::{Bulk, Checked, Json, Paging, Patch, Path, Query};
pub use reply::{Envelope, List, ListEnvelope, Listing, Page, Reply, Total};

use crate::app::App;
use crate::config::Role;
use crate::telemetry::{TraceId, traced};
use crate::{attachment, audit, chat, customer, import, media, oauth, ops, privacy, product, setting, staff};
use paths::Paths;

/// Every resource's routes, with the document that they declare. A new resource is one line here.
fn resources() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .merge(oauth::routes())
        .merge(chat::routes())
        .merge(media::routes())
        .merge(customer::routes())
        .merge(privacy::routes())
        .merge(attachment::routes())
        .merge(product::routes())
        .merge(staff::employee::routes())
        .merge(setting::routes())
        .merge(audit::routes())
        .merge(import::routes())
        .merge(ops::routes())
}

/// The API's document, complete.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = resources().into_openapi();
    openapi::complete(&mut document);
    document
}

/// The whole server as one service: what `sala serve` listens with and what the tests call.
#[derive(Clone)]
pub struct Server {
    router: Router,
    paths: Arc<Paths>,
}

impl Server {
    /// Builds the routes over `app`; a node that only works in the background offers no more than its health.
    pub fn new(app: App) -> Server {
        let (api, mut document) = resources().split_for_parts();
        openapi::complete(&mut document);
        let extra = ["/openapi.json", "/docs", "/docs/scalar.js"];
        let paths = Paths::new(document.paths.paths.keys().map(String::as_str).chain(extra));
        let (api, pages) = match app.config.role {
            Role::Worker => (ops::routes().into(), Router::new()),
            Role::Api | Role::All => (api, ops::pages(&document)),
        };
        let router = api
            .route_layer(middleware::from_fn_with_state(app.clone(), sheet::instead))
            .route_layer(middleware::from_fn_with_state(app.clone(), caller::authenticate))
            .merge(pages)
            .fallback(async || Error::NoRoute)
            .method_not_allowed_fallback(async || Error::Method)
            .layer(middleware::from_fn_with_state(app.clone(), around))
            .with_state(app);
        Server { router, paths: Arc::new(paths) }
    }

    /// Answers one request.
    pub async fn call(&self, mut request: Request) -> Response {
        self.paths.rewrite(&mut request);
        match tower::ServiceExt::oneshot(self.router.clone(), request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// The same for a listener.
    pub fn into_service(
        self,
    ) -> impl tower::Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
    {
        let paths = self.paths;
        tower::ServiceExt::map_request(self.router, move |mut request: Request| {
            paths.rewrite(&mut request);
            request
        })
    }
}

const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// Around every request: trace id, load shedding, time limit, a net for panics, and the measurements.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let header = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let trace = header.and_then(TraceId::parse).unwrap_or_else(TraceId::random);
    let path = request.extensions().get::<MatchedPath>().cloned();
    let rule = path.as_ref().and_then(|path| app.operations.find(request.method(), path.as_str()));
    // A bounded set of words for logs and metrics, whatever callers send.
    let operation = rule.map_or("other", |rule| rule.id.as_str());
    let span = tracing::info_span!(
        "request", trace_id = %trace, operation, method = %request.method(),
        company = tracing::field::Empty, client = tracing::field::Empty
    );

    let limit = match rule.is_some_and(|rule| rule.upload) {
        true => app.config.upload_timeout.max(app.config.request_timeout),
        false => app.config.request_timeout,
    };
    let limit = Duration::from_secs(limit);
    let work = async {
        // Health is told however much there is to do: a busy server must not be taken for a dead one.
        let place = app.places.try_acquire();
        if place.is_err() && !matches!(operation, "getHealth" | "getReadiness" | "getMetrics") {
            return Error::Busy("The server has too many requests in progress").into_response();
        }
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => Error::Internal(format!("panic: {}", panic_text(&panic))).into_response(),
            Err(_) => Error::Busy("The request took too long; repeat it with the same Idempotency-Key").into_response(),
        }
    };
    let mut response = traced(trace, work.instrument(span.clone())).await;

    let elapsed = started.elapsed();
    let status = response.status();
    counter!("sala_http_requests_total", "operation" => operation.to_owned(), "status" => status.as_str().to_owned())
        .increment(1);
    histogram!("sala_http_request_seconds", "operation" => operation.to_owned()).record(elapsed);
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ms = elapsed.as_secs_f64() * 1000.0, "answered"));
    if let Ok(value) = HeaderValue::from_str(&trace.to_string()) {
        response.headers_mut().insert(TRACE_ID, value);
    }
    response
}

fn panic_text(panic: &Box<dyn std::any::Any + Send>) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}

/// The document's page and the document itself, for [`ops::pages`].
pub(crate) fn page_routes(html: String, script: Vec<u8>, document: String) -> Router<App> {
    let script = axum::body::Bytes::from(script);
    let html = axum::response::Html(html);
    let page = html.clone();
    Router::new()
        .route("/", get(async move || html.clone()))
        .route("/docs", get(async move || page.clone()))
        .route("/docs/scalar.js", get(async move || asset("application/javascript", script.clone())))
        .route("/openapi.json", get(async move || asset("application/json", document.clone())))
}

fn asset(kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The absolute address of a path of this server.
pub fn absolute(app: &App, path: &str) -> String {
    let base = app.config.public_url.clone().unwrap_or_else(|| format!("http://{}", app.config.listen));
    debug_assert!(Uri::try_from(path).is_ok());
    format!("{}{path}", base.trim_end_matches('/'))
}

//! The way in and out, the same for every operation.

pub mod caller;
pub mod check;
pub mod error;
pub mod etag;
pub mod idempotency;
pub mod input;
pub mod language;
pub mod lenient;
pub mod limit;
pub mod list;
pub mod listen;
pub mod openapi;
pub mod origin;
pub(crate) mod page;
pub mod paths;
pub mod peer;
pub mod reply;
pub mod sheet;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::Service as _;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use caller::Caller;
pub use check::{Faults, is_email};
pub use error::{Code, Error, Fault};
pub use etag::Conditions;
pub use input::{Bulk, Checked, Json, Paging, Patch, Path, Query};
pub use language::Language;
pub use reply::{Envelope, List, ListEnvelope, Listing, Page, Reply, Total};

use crate::app::App;
use crate::config::Role;
use crate::telemetry::{self, TraceId, Work};
use crate::{
    attachment, audit, chat, console, customer, docs, document, import, inbox, live, mail, manage, media, oauth, ops,
    person, privacy, product, report, sales, service, setting, staff, task, timeline, webhook,
};
use openapi::Operations;
use paths::Paths;
use peer::Peer;

/// Every resource's routes, with the document that they declare. A new resource is one line here.
fn resources() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .merge(oauth::routes())
        .merge(person::routes())
        .merge(inbox::routes())
        .merge(live::routes())
        .merge(chat::routes())
        .merge(media::routes())
        .merge(customer::routes())
        .merge(privacy::routes())
        .merge(attachment::routes())
        .merge(product::routes())
        .merge(sales::routes())
        .merge(service::routes())
        .merge(timeline::routes())
        .merge(staff::employee::routes())
        .merge(task::routes())
        .merge(staff::expense::routes())
        .merge(sales::deal::routes())
        .merge(sales::contract::routes())
        .merge(setting::routes())
        .merge(document::routes())
        .merge(audit::routes())
        .merge(mail::routes())
        .merge(webhook::routes())
        .merge(report::routes())
        .merge(import::routes())
        .merge(manage::routes())
        .merge(ops::routes())
}

/// The API's document, complete.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = resources().into_openapi();
    openapi::complete(&mut document);
    document
}

/// What every server of this process offers.
struct Offer {
    routes: Router<App>,
    pages: Router<App>,
    paths: Arc<Paths>,
    operations: Arc<Operations>,
}

/// Put together once: the document is a few hundred thousand parts, and nothing of it depends on a server.
static OFFER: LazyLock<Offer> = LazyLock::new(|| {
    let (routes, mut document) = resources().split_for_parts();
    openapi::complete(&mut document);
    let extra = ["/openapi.json", "/docs", "/docs/scalar.js"];
    let paths = Paths::new(document.paths.paths.keys().map(String::as_str).chain(extra));
    let pages = docs::pages(&document).merge(console::pages());
    Offer { routes, pages, paths: Arc::new(paths), operations: Arc::new(Operations::read(&document)) }
});

/// What the server enforces of the document.
pub fn operations() -> Arc<Operations> {
    Arc::clone(&OFFER.operations)
}

/// The whole server as one service: what `sala serve` listens with and what the tests call.
#[derive(Clone)]
pub struct Server {
    app: App,
    router: Router,
    paths: Arc<Paths>,
}

impl Server {
    /// Builds the routes over `app`; a node that only works in the background offers no more than its health.
    pub fn new(app: App) -> Server {
        let (api, pages) = match app.config.role {
            Role::Worker => (ops::routes().into(), Router::new().fallback(async || Error::NotServed)),
            Role::Api | Role::All => (OFFER.routes.clone(), OFFER.pages.clone().fallback(async || Error::NoRoute)),
        };
        let router = api
            .route_layer(middleware::from_fn_with_state(app.clone(), caller::authenticate))
            .merge(pages)
            .method_not_allowed_fallback(async || Error::Method)
            .with_state(app.clone());
        Server { app, router, paths: Arc::clone(&OFFER.paths) }
    }

    /// Answers one request. Around every one: trace id, load shedding, time limit, a net for panics, and the measurements.
    pub async fn call(&self, mut request: Request) -> Response {
        let started = Instant::now();
        let header = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        let trace = header.and_then(TraceId::parse).unwrap_or_else(TraceId::random);
        self.paths.rewrite(&mut request);
        let method = request.method().clone();
        let peer = Peer::of(&request, &self.app.config.trusted_proxies);
        request.extensions_mut().insert(peer);
        let wanted = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = Language::wanted(wanted.unwrap_or_default());
        let work = Work { address: Some(peer.0), language, ..Work::new(trace) };
        let mut response = telemetry::traced(work, async {
            let mut response = self.answer(request).await;
            self.app.wakes.wake_all(telemetry::asked());
            let (status, elapsed) = (response.status().as_u16(), started.elapsed());
            let operation = telemetry::operation();
            operation.as_deref().map_or(&self.app.other, |rule| &rule.meter).record(status, elapsed);
            // The operation's name stands in the line; the path is left out, because one may hold a token.
            let ms = tenths(elapsed);
            if telemetry::tells_requests() && operation.is_some() {
                tracing::info!(%method, status, ms, "answered");
            } else {
                tracing::debug!(%method, status, ms, "answered");
            }
            if telemetry::has_client() {
                keep_private(response.headers_mut());
            }
            let ignored: Vec<String> = telemetry::ignored().into_iter().map(|one| one.path).collect();
            // A name may have any letters; a header has ASCII alone.
            let shown = ignored.join(", ").replace(|letter: char| !matches!(letter, ' '..='~'), "?");
            if let Some(value) = HeaderValue::from_str(&shown).ok().filter(|_| !ignored.is_empty()) {
                response.headers_mut().insert(IGNORED, value);
            }
            if telemetry::spoke() {
                let headers = response.headers_mut();
                headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
                headers.append(VARY, HeaderValue::from_static("accept-language"));
            }
            response
        })
        .await;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&trace.to_string()) {
            headers.insert(TRACE_ID, value);
        }
        guard(headers);
        response
    }

    async fn answer(&self, request: Request) -> Response {
        // Health is told however much there is to do: a busy server must not be taken for a dead one.
        let place = self.app.places.try_acquire();
        if place.is_err() && !matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics") {
            return Error::Shed.into_response();
        }
        let limit = self.time_limit(&request);
        let answer = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind();
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => Error::Internal(format!("panic: {}", panic_text(&panic))).into_response(),
            Err(_) => Error::Slow.into_response(),
        }
    }

    /// How long a request may take: receiving files takes as long as their sender's line does. The path of an operation
    /// that takes files has no parameters, so that it is known before the request is routed.
    fn time_limit(&self, request: &Request) -> Duration {
        let config = &self.app.config;
        let rule = self.app.operations.find(request.method(), request.uri().path());
        Duration::from_secs(match rule.is_some_and(|rule| rule.upload) {
            true => config.upload_timeout.max(config.request_timeout),
            false => config.request_timeout,
        })
    }
}

/// Milliseconds with one decimal.
fn tenths(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}

/// What browsers are told of every answer: it is what it says, and no page of others' shows it in a frame.
fn guard(headers: &mut HeaderMap) {
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/html") {
        headers.entry(X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    }
}

/// What was answered to a token is for its holder: nobody on the way keeps it. A record with a version may be kept by the
/// caller, who asks each time whether it is still the same.
fn keep_private(headers: &mut HeaderMap) {
    let value = if headers.contains_key(ETAG) { "private, no-cache" } else { "no-store" };
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(value));
}

/// Properties of the body that the operation does not have: a slip of the pen is seen, and no old client fails.
const IGNORED: HeaderName = HeaderName::from_static("x-ignored-properties");

const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

fn panic_text(panic: &Box<dyn std::any::Any + Send>) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}

/// The absolute address of a path of this server.
pub fn absolute(app: &App, path: &str) -> String {
    let base = app.config.public_url.clone().unwrap_or_else(|| format!("http://{}", app.config.listen));
    debug_assert!(Uri::try_from(path).is_ok());
    format!("{}{path}", base.trim_end_matches('/'))
}

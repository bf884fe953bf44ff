//! Where a request of a browser comes from: with a cookie, only the console's own pages may change anything.

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};

use crate::app::App;

/// A header that no form and no foreign page can send without being asked first.
pub const HEADER: &str = "x-sala-console";

/// Whether a method changes nothing.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a change that a cookie vouches for was asked for by one of the server's own pages.
pub fn is_own(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let same = match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        // A browser that does not say so names the page's origin with every change.
        None => text(ORIGIN.as_str()).is_some_and(|origin| is_here(app, headers, origin)),
    };
    same && headers.contains_key(HEADER)
}

/// Whether a request that needs no cookie comes from a page of another server. Programs name no page.
pub fn is_foreign(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => !is_here(app, headers, origin),
        (None, None) => false,
    }
}

/// Whether an origin is this server's: the address that was called, or the one that the settings name.
fn is_here(app: &App, headers: &HeaderMap, origin: &str) -> bool {
    let authority = |address: &str| Uri::try_from(address).ok().and_then(|uri| uri.authority().map(|a| a.to_string()));
    let Some(asking) = authority(origin) else { return false };
    let called = headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = app.config.public_url.as_deref().and_then(authority);
    called.is_some_and(|host| host.eq_ignore_ascii_case(&asking))
        || named.is_some_and(|name| name.eq_ignore_ascii_case(&asking))
}

/// Whether the browser reaches the server by https: only then may a cookie demand it.
pub fn is_https(app: &App, headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
    app.config.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) || forwarded == Some("https")
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

//! The console's files: built into the program, served below `/console/`, with the headers that keep strangers out of the page.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::attachment::hex;

/// `(name, bytes)` of everything in `web/dist`, sorted by name; empty when the console was not built.
const BUILT: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Where the page is.
const HOME: &str = "/console/";

const INDEX: &str = "index.html";

/// Says what the page may do beyond the policy; read, not served.
const POLICY: &str = "csp.json";

/// What stands in the place of a console that was not built.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sala</title><h1>Built without console</h1>\
    <p>This program holds no console. <code>make web</code> builds it with Node 20 or newer; the next <code>cargo build</code> takes it in.</p>\
    <p lang=\"th\">โปรแกรมนี้ไม่มีหน้าจอคอนโซล ใช้ <code>make web</code> เพื่อสร้าง แล้ว <code>cargo build</code> อีกครั้ง</p>\
    <p><a href=\"/docs\">API</a></p></html>";

static FILES: LazyLock<Files> = LazyLock::new(|| Files::new(BUILT));

/// Whether a console is built in.
pub fn is_built() -> bool {
    !BUILT.is_empty()
}

/// The console's own routes.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route("/console", get(async || home()))
        .route(HOME, get(async |request: Request| FILES.answer("", request.headers())))
        .route(
            "/console/{*path}",
            get(async |Path(path): Path<String>, request: Request| FILES.answer(&path, request.headers())),
        )
}

/// Leads to the console.
pub(crate) fn home() -> Response {
    (StatusCode::FOUND, [(LOCATION, HOME)]).into_response()
}

/// The files as they are served.
struct Files {
    served: HashMap<&'static str, Served>,
    policy: HeaderValue,
}

/// One file.
struct Served {
    kind: &'static str,
    tag: HeaderValue,
    plain: &'static [u8],
    /// The same, made smaller beforehand: the name of the coding, and its bytes.
    smaller: Vec<(&'static str, &'static [u8])>,
}

/// Codings in the order in which they are preferred, and how their files end.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

impl Files {
    fn new(built: &'static [(&'static str, &'static [u8])]) -> Files {
        let known: HashMap<&str, &'static [u8]> = built.iter().copied().collect();
        let mut served = HashMap::new();
        for (name, plain) in built {
            let is_coded = CODINGS
                .iter()
                .any(|(_, ending)| name.strip_suffix(ending).is_some_and(|plain| known.contains_key(plain)));
            if is_coded || *name == POLICY {
                continue;
            }
            let smaller = CODINGS
                .iter()
                .filter_map(|(coding, ending)| Some((*coding, *known.get(format!("{name}{ending}").as_str())?)));
            served.insert(*name, Served { kind: media_type(name), tag: tag(plain), plain, smaller: smaller.collect() });
        }
        let index = known.get(INDEX).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        let wished = known.get(POLICY).and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        Files { served, policy: policy(&index, &wished) }
    }

    fn answer(&self, path: &str, headers: &HeaderMap) -> Response {
        if self.served.is_empty() {
            return self.guarded((StatusCode::NOT_FOUND, axum::response::Html(NOT_BUILT)).into_response());
        }
        // Every address that is no file is one of the application's own.
        let (name, file) = match self.served.get_key_value(path).filter(|(name, _)| **name != INDEX) {
            Some((name, file)) => (*name, file),
            None if path.starts_with("assets/") => return crate::http::Error::NoRoute.into_response(),
            None => match self.served.get(INDEX) {
                Some(file) => (INDEX, file),
                None => return crate::http::Error::NoRoute.into_response(),
            },
        };
        let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let known =
            known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.tag));
        let mut response = Response::new(Body::empty());
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            let accepted = headers.get(ACCEPT_ENCODING).and_then(|text| text.to_str().ok()).unwrap_or_default();
            match file.smaller.iter().find(|(coding, _)| accepts(accepted, coding)) {
                Some((coding, bytes)) => {
                    *response.body_mut() = Body::from(Bytes::from_static(bytes));
                    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
                }
                None => *response.body_mut() = Body::from(Bytes::from_static(file.plain)),
            }
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
        }
        let kept = match name.starts_with("assets/") {
            // Their names hold a hash of what is in them.
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(ETAG, file.tag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        self.guarded(response)
    }

    fn guarded(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
        response
    }
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{}\"", hex(&Sha256::digest(bytes)[..16]));
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether a coding is among those that a client takes; `q=0` refuses it.
fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, ""));
        let zero = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f64>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case(coding) && !zero
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// What the built console asks for beyond the policy.
#[derive(Debug, Default, Deserialize)]
struct Wished {
    /// Hashes of styles that a component writes into the page: `sha256-…`.
    #[serde(default)]
    style: Vec<String>,
}

/// No script but the console's own files; styles also where they stand in the page as it was built.
fn policy(index: &str, wished: &Wished) -> HeaderValue {
    let blocks = index.split("<style").skip(1).filter_map(|rest| rest.split_once('>')?.1.split_once("</style>"));
    let written = blocks.map(|(style, _)| format!("sha256-{}", STANDARD.encode(Sha256::digest(style))));
    let is_hash = |hash: &&String| {
        hash.starts_with("sha256-") && hash.chars().all(|c| c.is_ascii_alphanumeric() || "+/=-".contains(c))
    };
    let styles: Vec<String> =
        written.chain(wished.style.iter().filter(is_hash).cloned()).map(|hash| format!(" '{hash}'")).collect();
    let text = format!(
        "default-src 'self'; img-src 'self' data: blob: https:; media-src 'self' blob:; style-src 'self'{}; font-src 'self'; \
         connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        styles.concat()
    );
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &[(&str, &[u8])] = &[
        ("assets/index-1.js", b"script"),
        ("assets/index-1.js.br", b"small"),
        ("csp.json", br#"{"style": ["sha256-abc=", "'unsafe-inline'"]}"#),
        ("index.html", b"<html><style>a{}</style></html>"),
    ];

    fn get(files: &Files, path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, HeaderValue::from_str(value).expect("value"));
        }
        files.answer(path, &map)
    }

    #[test]
    fn files_and_the_applications_own_addresses_are_told_apart() {
        let files = Files::new(SOME);
        let script = get(&files, "assets/index-1.js", &[(ACCEPT_ENCODING, "gzip;q=0, br")]);
        assert_eq!(script.headers()[CONTENT_ENCODING], "br");
        assert!(script.headers()[CACHE_CONTROL].to_str().expect("text").contains("immutable"));
        assert!(!get(&files, "assets/index-1.js", &[]).headers().contains_key(CONTENT_ENCODING));
        let page = get(&files, "rooms/1", &[]);
        assert_eq!(
            (page.status(), &page.headers()[CACHE_CONTROL]),
            (StatusCode::OK, &HeaderValue::from_static("no-cache"))
        );
        let tag = page.headers()[ETAG].to_str().expect("text").to_owned();
        assert_eq!(get(&files, "", &[(IF_NONE_MATCH, &tag)]).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(get(&files, "assets/gone.js", &[]).status(), StatusCode::NOT_FOUND);
        assert_eq!(get(&files, "csp.json", &[]).headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    }

    #[test]
    fn only_styles_of_the_built_page_stand_in_it() {
        let page = get(&Files::new(SOME), "", &[]);
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text");
        let hash = STANDARD.encode(Sha256::digest("a{}"));
        assert!(policy.contains(&format!("style-src 'self' 'sha256-{hash}' 'sha256-abc=';")), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

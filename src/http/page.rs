//! Files of the program's own pages: made smaller once, kept by the browser, and answered 304 while they are the same.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::attachment::hex;

/// One file, as it is served.
pub(crate) struct Page {
    kind: &'static str,
    source: Box<dyn Fn() -> Bytes + Send + Sync>,
    made: OnceLock<Made>,
}

/// What is made of a file when it is first asked for: five megabytes take neither memory nor time before that.
#[derive(Debug)]
struct Made {
    plain: Bytes,
    smaller: Bytes,
    tag: HeaderValue,
}

impl Page {
    /// A file of this media type, whose text is made when it is first asked for.
    pub(crate) fn new(kind: &'static str, source: impl Fn() -> Bytes + Send + Sync + 'static) -> Arc<Page> {
        Arc::new(Page { kind, source: Box::new(source), made: OnceLock::new() })
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| Made::new((self.source)()))
    }

    /// The answer to a request with these headers.
    pub(crate) async fn answer(self: Arc<Page>, headers: HeaderMap) -> Response {
        if self.made.get().is_none() {
            // Making it smaller takes up to a second, in which other requests go on.
            let page = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || {
                page.made();
            })
            .await
            {
                return super::Error::Internal(error.to_string()).into_response();
            }
        }
        let made = self.made();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let mut response = Response::new(Body::empty());
        let is_known = text(IF_NONE_MATCH).split(',').any(|tag| tag.trim().trim_start_matches("W/") == made.tag);
        let takes_gzip = text(ACCEPT_ENCODING).split(',').any(|coding| {
            let (name, rest) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && !matches!(rest.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if takes_gzip {
            *response.body_mut() = Body::from(made.smaller.clone());
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        } else {
            *response.body_mut() = Body::from(made.plain.clone());
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(ETAG, made.tag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // Asked for again each time, and answered without a body while the program is the same.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

impl Made {
    fn new(plain: Bytes) -> Made {
        let mut writer = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to a Vec cannot fail.
        let smaller = writer.write_all(&plain).and_then(|()| writer.finish()).unwrap_or_default();
        let tag = format!("\"{}\"", hex(&Sha256::digest(&plain)[..16]));
        Made {
            plain,
            smaller: smaller.into(),
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }
}

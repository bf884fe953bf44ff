//! Versions of records: `ETag` on reads, `If-None-Match` to be spared an unchanged record, `If-Match` to change only what
//! one has seen (RFC 9110, section 13). All optional: clients of the original API send none.

use axum::extract::FromRequestParts;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use utoipa::IntoParams;

use super::error::Error;

/// What a request says of the version that it knows.
///
/// In the document an operation that names them as its parameters has the one that fits its method.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Conditions {
    /// The version that was read: 412 when it is another by now
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// A version that is known: 304 when it is still the same
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Conditions, Self::Rejection> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Conditions { if_match: text(IF_MATCH), if_none_match: text(IF_NONE_MATCH) })
    }
}

impl Conditions {
    /// 412 when the request wants to change another version than this one; `None` is a record that is not there yet.
    pub fn allow_change(&self, version: Option<i64>) -> Result<(), Error> {
        match (&self.if_match, version) {
            (None, _) => Ok(()),
            (Some(tags), Some(version)) if names(tags, version) => Ok(()),
            (Some(_), _) => Err(Error::Changed),
        }
    }

    /// Whether the caller has this version already.
    pub fn has(&self, version: i64) -> bool {
        self.if_none_match.as_deref().is_some_and(|tags| names(tags, version))
    }
}

/// The tag of a version.
pub fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

fn names(tags: &str, version: i64) -> bool {
    let tag = tag(version);
    tags.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

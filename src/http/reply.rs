//! The envelope of every successful answer.

use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::error::Status;
use super::etag::{self, Conditions};

/// A successful answer: its status and its data, wrapped in the envelope when written.
#[derive(Debug)]
pub struct Reply<T> {
    /// The HTTP status: 200, or 201 for a record that was made.
    pub status: StatusCode,
    /// What the envelope carries in `data`.
    pub data: T,
    /// The record's version, sent as `ETag`.
    version: Option<i64>,
    /// The caller has this version already: 304 without a body.
    known: bool,
    /// The data without an envelope, as the legacy operations answer.
    bare: bool,
    /// The data as JSON, where it has been written already.
    written: Option<Box<RawValue>>,
}

/// `{"status": {"code": "1000", "description": "Success"}, "data": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// `1000`, `Success`.
    pub status: Status,
    /// The record, the page, or null.
    pub data: T,
}

/// One record, or a short list without pages, as the original API's first groups wrap it: in `data.value`.
#[derive(Debug, Serialize, ToSchema)]
pub struct One<T> {
    /// What was asked for.
    pub value: T,
}

/// A page of records: the original API wraps its lists in `data.value`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The records of this page, in the operation's stated order.
    pub value: Vec<T>,
    /// Where the next page begins (pass it as `before`); null on the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page out of one more record than it holds, which says whether there is a next page.
    pub fn cut(mut value: Vec<T>, take: i64, cursor: impl Fn(&T) -> String) -> Page<T> {
        let take = usize::try_from(take).unwrap_or_default();
        let more = value.len() > take;
        value.truncate(take);
        let next = value.last().filter(|_| more).map(cursor);
        Page { value, next }
    }
}

/// A page whose records lie directly in `data`, as the newer groups of the original API have it; the count stands beside.
#[derive(Debug)]
pub struct List<T> {
    /// The records of this page, in the order that was asked for.
    pub value: Vec<T>,
    /// How many there are in all.
    pub total: Total,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// The body of a [`List`].
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListEnvelope<T> {
    /// `1000`, `Success`.
    pub status: Status,
    /// The records of this page.
    pub data: Vec<T>,
    /// How many records there are in all; exact up to 10,000.
    #[schema(example = 42)]
    pub total: i64,
    /// True when `total` is not exact: there are more than 10,000, or counting them would take too long.
    #[schema(example = false)]
    pub total_is_estimate: bool,
    /// Where the next page begins: pass it as `cursor`. Null on the last page.
    pub next: Option<String>,
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        let Listing { value: data, total, total_is_estimate } = Listing::new(self.value, self.total);
        let status = Status { code: "1000", description: "Success".to_owned() };
        let envelope = ListEnvelope { status, data, total, total_is_estimate, next: self.next };
        match serde_json::to_vec(&envelope) {
            Ok(body) => json(StatusCode::OK, body),
            Err(error) => super::Error::Internal(error.to_string()).into_response(),
        }
    }
}

/// A list of records with their count.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listing<T> {
    /// The records of this page.
    pub value: Vec<T>,
    /// How many records there are in all; exact up to 10,000.
    #[schema(example = 42)]
    pub total: i64,
    /// True when `total` is not exact: there are more than 10,000, or counting them would take too long.
    #[schema(example = false)]
    pub total_is_estimate: bool,
}

impl<T> Listing<T> {
    /// More records than this are not counted.
    pub const MOST_COUNTED: i64 = 10_000;

    /// A page and how many records there are in all.
    pub fn new(value: Vec<T>, total: impl Into<Total>) -> Listing<T> {
        let Total { number, is_estimate } = total.into();
        Listing { value, total: number, total_is_estimate: is_estimate }
    }
}

/// How many records a list has in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// The number; at most [`Listing::MOST_COUNTED`].
    pub number: i64,
    /// Whether it is not exact.
    pub is_estimate: bool,
}

impl Total {
    /// About so many.
    pub fn about(number: i64) -> Total {
        Total { is_estimate: true, ..Total::from(number) }
    }
}

/// Of a count that was stopped one beyond [`Listing::MOST_COUNTED`].
impl From<i64> for Total {
    fn from(counted: i64) -> Total {
        let most = Listing::<()>::MOST_COUNTED;
        Total { number: counted.min(most), is_estimate: counted > most }
    }
}

impl<T: Serialize> Reply<T> {
    /// 200 with `data`.
    pub fn ok(data: T) -> Reply<T> {
        Reply { status: StatusCode::OK, data, version: None, known: false, bare: false, written: None }
    }

    /// 201 with `data`.
    pub fn created(data: T) -> Reply<T> {
        Reply { status: StatusCode::CREATED, data, version: None, known: false, bare: false, written: None }
    }

    /// 200 with the record alone, without the envelope: a legacy operation's answer.
    pub fn bare(data: T) -> Reply<T> {
        Reply { bare: true, ..Reply::ok(data) }
    }

    /// Says how the data is written, where somebody else needed that too.
    pub(crate) fn written(mut self, json: Option<Box<RawValue>>) -> Reply<T> {
        self.written = json;
        self
    }

    /// Sends the record's version along, and nothing else to a caller who has it.
    pub fn version(mut self, version: i64, conditions: &Conditions) -> Reply<T> {
        self.version = Some(version);
        self.known = conditions.has(version);
        self
    }

    /// The bytes of the body; an idempotent operation stores exactly these.
    pub fn body(&self) -> Result<Vec<u8>, super::Error> {
        let status = Status { code: "1000", description: "Success".to_owned() };
        // Most answers fit; what grows step by step is copied at each.
        let mut body = Vec::with_capacity(self.written.as_ref().map_or(1024, |data| data.get().len() + 128));
        let written = match (&self.written, self.bare) {
            (Some(data), true) => serde_json::to_writer(&mut body, data),
            (Some(data), false) => serde_json::to_writer(&mut body, &Envelope { status, data }),
            (None, true) => serde_json::to_writer(&mut body, &self.data),
            (None, false) => serde_json::to_writer(&mut body, &Envelope { status, data: &self.data }),
        };
        written.map_err(|error| super::Error::Internal(error.to_string()))?;
        Ok(body)
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let mut response = match (self.known, self.body()) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, Ok(body)) => json(self.status, body),
            (false, Err(error)) => return error.into_response(),
        };
        if let Some(tag) = self.version.and_then(|version| HeaderValue::from_str(&etag::tag(version)).ok()) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

/// A JSON answer of ready bytes.
pub fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

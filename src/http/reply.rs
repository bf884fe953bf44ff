//! The envelope of every successful answer.

use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Status;

/// A successful answer: its status and its data, wrapped in the envelope when written.
#[derive(Debug)]
pub struct Reply<T> {
    /// The HTTP status: 200, or 201 for a record that was made.
    pub status: StatusCode,
    /// What the envelope carries in `data`.
    pub data: T,
}

/// `{"status": {"code": "1000", "description": "Success"}, "data": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// `1000`, `Success`.
    pub status: Status,
    /// The record, the page, or null.
    pub data: T,
}

/// A page of records: the original API wraps its lists in `data.value`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The records of this page, in the operation's stated order.
    pub value: Vec<T>,
    /// Where the next page begins (pass it as `before`); null on the last page.
    pub next: Option<String>,
}

impl<T: Serialize> Reply<T> {
    /// 200 with `data`.
    pub fn ok(data: T) -> Reply<T> {
        Reply { status: StatusCode::OK, data }
    }

    /// 201 with `data`.
    pub fn created(data: T) -> Reply<T> {
        Reply { status: StatusCode::CREATED, data }
    }

    /// The bytes of the body; an idempotent operation stores exactly these.
    pub fn body(&self) -> Result<Vec<u8>, super::Error> {
        let status = Status { code: "1000", description: "Success".to_owned() };
        serde_json::to_vec(&Envelope { status, data: &self.data }).map_err(|e| super::Error::Internal(e.to_string()))
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match self.body() {
            Ok(body) => json(self.status, body),
            Err(error) => error.into_response(),
        }
    }
}

/// A JSON answer of ready bytes.
pub fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

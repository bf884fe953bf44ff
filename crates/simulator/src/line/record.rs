//! What the fake LINE remembers: every request it met and every message a customer would have seen.

use std::collections::VecDeque;

use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

/// A message that a customer sees, recorded once however often it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// The place in the order of acceptance, from 1.
    pub order: u64,
    /// The user, group or room that sees the message.
    pub to: String,
    /// The message object as it was sent.
    pub message: Value,
    /// The id that LINE gave to the message.
    pub message_id: String,
    /// How it was sent.
    pub route: Route,
    /// `X-Line-Retry-Key` of the accepted request.
    pub retry_key: Option<String>,
    /// `x-line-request-id` of the accepted request.
    pub request_id: String,
    /// Milliseconds since 1970, by the simulator's clock.
    pub at: i64,
}

/// The endpoint by which a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Route {
    /// With a reply token, free of charge.
    Reply,
    /// To one user, group or room, counted.
    Push,
    /// To up to 500 users, counted for each.
    Multicast,
    /// To every friend.
    Broadcast,
    /// To every friend, in the background.
    Narrowcast,
}

/// One request that reached the fake LINE, refused ones included.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The place in the order of arrival, from 1.
    pub order: u64,
    /// `x-line-request-id` of the answer.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in their order, with the access token removed.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
    /// The status that was answered; absent while the request is held or when its connection was cut.
    pub status: Option<u16>,
    /// Milliseconds since 1970, by the simulator's clock.
    pub at: i64,
}

impl Recorded {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A delivered message in the least memory: a bench leaves millions of them behind.
pub(crate) struct StoredMessage {
    pub(crate) to: Box<str>,
    pub(crate) message: Box<str>,
    pub(crate) message_id: u64,
    pub(crate) route: Route,
    pub(crate) retry_key: Option<uuid::Uuid>,
    pub(crate) request_id: uuid::Uuid,
    pub(crate) at: i64,
}

impl StoredMessage {
    pub(crate) fn delivered(&self, order: u64) -> Delivered {
        Delivered {
            order,
            to: self.to.to_string(),
            message: serde_json::from_str(&self.message).unwrap_or_default(),
            message_id: self.message_id.to_string(),
            route: self.route,
            retry_key: self.retry_key.map(|key| key.to_string()),
            request_id: self.request_id.to_string(),
            at: self.at,
        }
    }
}

struct StoredRequest {
    request_id: uuid::Uuid,
    method: http::Method,
    path: Box<str>,
    headers: Box<str>,
    body: Box<[u8]>,
    status: u16,
    at: i64,
}

/// The last requests, bounded so that a bench may run for as long as it likes.
pub(crate) struct Requests {
    kept: VecDeque<StoredRequest>,
    limit: usize,
    arrived: u64,
}

impl Requests {
    pub(crate) fn new(limit: usize) -> Requests {
        Requests { kept: VecDeque::new(), limit, arrived: 0 }
    }

    /// Notes a request when it arrives, not when it is answered: some are never answered.
    pub(crate) fn arrived(
        &mut self,
        request_id: uuid::Uuid,
        head: &http::request::Parts,
        headers: Box<str>,
        body: &[u8],
        at: i64,
    ) -> u64 {
        self.arrived += 1;
        if self.kept.len() >= self.limit {
            self.kept.pop_front();
        }
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        self.kept.push_back(StoredRequest {
            request_id,
            method: head.method.clone(),
            path: path.into(),
            headers,
            body: body.into(),
            status: 0,
            at,
        });
        self.arrived
    }

    pub(crate) fn answered(&mut self, order: u64, status: u16) {
        let back = self.arrived - order;
        let at = (self.kept.len() as u64).checked_sub(back + 1);
        if let Some(request) = at.and_then(|at| self.kept.get_mut(at as usize)) {
            request.status = status;
        }
    }

    /// The requests after `after` in order, at most `limit` of them.
    pub(crate) fn list(&self, after: u64, limit: usize) -> Vec<Recorded> {
        let first = self.arrived - self.kept.len() as u64;
        let skip = after.saturating_sub(first) as usize;
        self.kept
            .iter()
            .zip(first + 1..)
            .skip(skip)
            .take(limit)
            .map(|(request, order)| request.recorded(order))
            .collect()
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}

impl StoredRequest {
    fn recorded(&self, order: u64) -> Recorded {
        let headers = self.headers.lines().filter_map(|line| line.split_once(": "));
        Recorded {
            order,
            request_id: self.request_id.to_string(),
            method: self.method.to_string(),
            path: self.path.to_string(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: String::from_utf8_lossy(&self.body).into_owned(),
            status: (self.status != 0).then_some(self.status),
            at: self.at,
        }
    }
}

/// One header a line. The token is a secret of whoever uses the simulator, so it is never kept.
pub(crate) fn header_lines(headers: &HeaderMap) -> Box<str> {
    let mut lines = String::new();
    for (name, value) in headers {
        let value =
            if name == header::AUTHORIZATION { "(redacted)".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        lines.push_str(name.as_str());
        lines.push_str(": ");
        lines.push_str(&value);
        lines.push('\n');
    }
    lines.into()
}

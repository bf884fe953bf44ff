//! Bodies of requests, of which it is known whether they were read to their end, and of answers, whose end is heard of.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::seat::Seat;

/// A rest of a body that is shorter is read, so that the connection can be used again.
const SHORT: u64 = 64 * 1024;

/// How often the connection is given a chance to hand over bytes that have come already.
const CHANCES: usize = 8;

/// What a handler has left of a request's body.
#[derive(Debug, Clone)]
pub(super) struct Unread(Arc<Mutex<Incoming>>);

impl Unread {
    /// The body for the handler, and what stays of it for whoever answers.
    pub(super) fn share(body: Incoming) -> (Body, Option<Unread>) {
        let unread = Unread(Arc::new(Mutex::new(body)));
        (Body::new(unread.clone()), Some(unread))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Incoming) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether nothing is to come any more, once a short rest that has arrived is read away.
    pub(super) async fn is_over(&self) -> bool {
        let (mut left, mut chances) = (SHORT, CHANCES);
        loop {
            if self.with(|body| body.is_end_stream()) {
                return true;
            }
            if self.with(|body| body.size_hint().lower()) > left {
                return false;
            }
            match self.with(|body| body.frame().now_or_never()) {
                Some(None) => return true,
                Some(Some(Err(_))) => return false,
                Some(Some(Ok(frame))) => {
                    let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                    match left.checked_sub(length) {
                        Some(rest) => left = rest,
                        None => return false,
                    }
                }
                None if chances == 0 => return false,
                None => {
                    chances -= 1;
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

/// The body of an answer; when it is gone, the request has been answered.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    seat: Arc<Seat>,
}

impl Answer {
    pub(super) fn new(body: Body, seat: Arc<Seat>) -> Answer {
        Answer { body, seat }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.seat.end();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

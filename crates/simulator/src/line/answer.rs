//! What LINE answers: a status, a body, and LINE's own words for each refusal.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

/// One complete answer; the server adds `x-line-request-id`.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// `x-line-accepted-request-id`, present only when a retry key was accepted before.
    pub(crate) accepted_request_id: Option<String>,
}

/// One entry of `details` in LINE's `ErrorResponse`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    pub(crate) message: String,
    pub(crate) property: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Answer {
        // Only maps with string keys are ever passed here, so this cannot fail in practice.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Answer::bytes(status, "application/json", body.into())
    }

    pub(crate) fn bytes(status: u16, content_type: &str, body: Bytes) -> Answer {
        Answer { status, content_type: content_type.to_owned(), body, accepted_request_id: None }
    }

    /// LINE answers an empty object where it has nothing to say.
    pub(crate) fn empty(status: u16) -> Answer {
        Answer::json(status, &json!({}))
    }

    /// LINE's `ErrorResponse` without details.
    pub(crate) fn error(status: u16, message: impl Into<String>) -> Answer {
        Answer::json(status, &json!({ "message": message.into() }))
    }

    /// Reference, "Error messages": every fault of the body is listed, not only the first.
    pub(crate) fn invalid(details: &[Detail]) -> Answer {
        let message = format!("The request body has {} error(s)", details.len());
        Answer::json(400, &json!({ "message": message, "details": details }))
    }

    /// Reference, "Error messages"; LINE writes dashes when it cannot name the place.
    pub(crate) fn invalid_property(property: &str) -> Answer {
        Answer::error(400, format!("The property, '{property}', in the request body is invalid (line: -, column: -)"))
    }

    pub(crate) fn not_found() -> Answer {
        Answer::error(404, "Not found")
    }

    pub(crate) fn missing_token() -> Answer {
        Answer::error(
            401,
            "Authorization header required. Must follow the scheme, 'Authorization: Bearer <ACCESS TOKEN>'",
        )
    }

    pub(crate) fn invalid_token() -> Answer {
        Answer::error(
            401,
            "Authentication failed due to the following reason: invalid token. \
             Confirm that the access token in the authorization header is valid.",
        )
    }

    pub(crate) fn rate_limited() -> Answer {
        Answer::error(429, "The API rate limit has been exceeded. Try again later.")
    }

    pub(crate) fn over_quota() -> Answer {
        Answer::error(429, "You have reached your monthly limit.")
    }

    pub(crate) fn invalid_reply_token() -> Answer {
        Answer::error(400, "Invalid reply token")
    }

    /// Guide, "Retry failed API requests": a push's 409 repeats what the accepted request answered.
    pub(crate) fn already_accepted(request_id: String, sent: Option<&Value>) -> Answer {
        let mut body = json!({ "message": "The retry key is already accepted" });
        if let Some(sent) = sent {
            body["sentMessages"] = sent.clone();
        }
        Answer { accepted_request_id: Some(request_id), ..Answer::json(409, &body) }
    }
}

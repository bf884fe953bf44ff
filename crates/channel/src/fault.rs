//! What can be wrong: with a caller's content, with a request to render, with bytes from a platform.

use std::fmt;

/// One thing wrong with what a caller gave; a caller is told all of them at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The API's field: `content` or `type`.
    pub field: &'static str,
    /// The kind of fault, stable for programs.
    pub code: FaultCode,
    /// What is wrong and how to mend it, for people.
    pub message: String,
}

impl Fault {
    pub(crate) fn content(code: FaultCode, message: impl Into<String>) -> Fault {
        Fault { field: "content", code, message: message.into() }
    }

    pub(crate) fn kind(message: impl Into<String>) -> Fault {
        Fault { field: "type", code: FaultCode::UnsupportedType, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// The kinds of fault. [`FaultCode::as_str`] is part of the API and does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// Something that must be there is missing or empty.
    Required,
    /// Longer than the platform takes.
    TooLong,
    /// Not an https address that a platform can fetch.
    InvalidUrl,
    /// Not in the form this type of message has.
    InvalidFormat,
    /// A number outside its range.
    OutOfRange,
    /// The platform does not carry this type of message, or the type is unknown.
    UnsupportedType,
}

impl FaultCode {
    /// The code as the API's errors show it.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultCode::Required => "required",
            FaultCode::TooLong => "too_long",
            FaultCode::InvalidUrl => "invalid_url",
            FaultCode::InvalidFormat => "invalid_format",
            FaultCode::OutOfRange => "out_of_range",
            FaultCode::UnsupportedType => "unsupported_type",
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why no request was rendered. A refusal is final: the same arguments are refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A request carries at least one message, and no more than the platform's batch.
    #[error("one request carries 1 to {limit} messages, not {given}")]
    Count {
        /// How many there were.
        given: usize,
        /// How many the platform takes.
        limit: usize,
    },
    /// A message the platform does not take.
    #[error("message {position}: {fault}")]
    Message {
        /// Which of the messages, from 1.
        position: usize,
        /// The first thing wrong with it.
        fault: Fault,
    },
    /// No one to send to: a recipient or token is empty.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// An id that would be another address within a URL.
    #[error("{what} is not an id")]
    NotAnId {
        /// What is not an id.
        what: &'static str,
    },
    /// The account's settings do not make a request. Says which one, never its value.
    #[error("the account's {setting} is not usable: {reason}")]
    Account {
        /// The setting to mend.
        setting: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Bytes from a platform that are not what its specification says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not JSON of the expected shape.
    #[error("{what} could not be read: {source}")]
    Json {
        /// What was being read.
        what: &'static str,
        /// Where it went wrong.
        source: serde_json::Error,
    },
    /// A value the specification does not have.
    #[error("{what} has the unknown value {value:?}")]
    Unknown {
        /// The field.
        what: &'static str,
        /// Its value.
        value: String,
    },
}

//! The fake LINE as a client meets it: over HTTP, rule by rule and fault by fault.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod callback;
mod control;
mod fault;
mod media;
mod message;
mod more;
mod send;
mod support;

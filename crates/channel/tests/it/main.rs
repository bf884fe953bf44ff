//! One binary for all tests of the crate: platform rules seen from outside, as the product uses them.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking and speaks on stderr")]

mod content;
mod outcome;
mod plan;
mod properties;
mod receive;
mod schema;
mod send;
mod specification;

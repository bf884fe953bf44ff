//! What this crate promises, on the engine that `SALA_TEST_DATABASE` names (`sqlite`, the default, or `postgres`).
//!
//! Each test has a database of its own. For PostgreSQL `SALA_TEST_POSTGRES` is the URL of a server; without it the tests
//! fail rather than pass without having run. What only SQLite can show always runs on it; what only a server can show is
//! ignored without one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bulk;
mod group;
mod migrations;
mod postgres;
mod records;
mod statements;
mod support;
mod text;
mod types;
mod units;

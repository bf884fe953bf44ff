//! Chat platforms as pure functions.
//!
//! A platform's rules are easy to break and slow to notice, so they live here, away from tasks, databases and sockets:
//! bytes go in, a decision comes out, and times are arguments. Whoever sends the requests and stores the results calls
//! these functions in this order:
//!
//! 1. [`line::verify`] and [`line::receive`] read a webhook.
//! 2. [`Content::read`] reads what a program wants to say, and names every fault.
//! 3. [`plan::plan`] decides how much of a waiting batch leaves now, and whether that is free or paid.
//! 4. [`line::send`] renders the HTTP request and [`line::outcome`] judges the answer.

mod content;
mod fault;
pub mod line;
pub mod plan;
mod platform;

pub use content::{Content, DEFAULT_AUDIO_MS, FILE_NAME_LIMIT, PLACE_LIMIT, URL_LIMIT};
pub use fault::{Error, Fault, FaultCode, Refusal};
pub use platform::{Limits, Platform, limits};

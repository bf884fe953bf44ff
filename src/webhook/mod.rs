//! Webhooks out: subscriptions, signatures, and deliveries that are repeated until they arrive.

pub mod api;
mod backoff;
pub mod client;
pub mod delivery;
pub mod history;
mod post;
pub mod replay;
pub mod sign;
pub mod subscription;

pub use api::routes;

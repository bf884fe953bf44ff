//! Webhooks out: subscriptions, signatures, and deliveries that are repeated until they arrive.

pub mod client;
pub mod delivery;
mod hold;
pub mod replay;
pub mod sign;
pub mod subscription;

//! The company and its settings.

pub mod company;
pub mod number;

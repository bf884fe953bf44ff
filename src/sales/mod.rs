//! Sales documents, and what is common to them.

pub mod decimal;
pub mod promptpay;
pub mod totals;
pub mod words;

//! Employees: who works here, what they may do, and to whom they report.

pub mod employee;
pub mod expense;
pub(crate) mod known;

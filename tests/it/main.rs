//! Every behaviour through the front door, on the engine that SALA_TEST_DATABASE names (sqlite unless told).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "one binary, whose modules share a few helpers")]

mod account;
mod app;
mod auth;
mod chat;
mod child;
mod cli;
mod customer;
mod customer_enquiry;
mod customer_event;
mod employee;
mod enquiry;
mod every_endpoint;
mod fake;
mod faults;
mod history;
mod hostile;
mod idempotency;
mod inbound;
mod jobs;
mod kill;
mod line;
mod media;
mod nodes;
mod openapi;
mod ops;
mod product;
mod product_enquiry;
mod product_ticket;
mod receiver;
mod serial;
mod serve;
mod setting;
mod stock;
mod webhook;

//! Sala: a self-hosted customer platform that speaks the Venio Open API.
//!
//! The modules in reading order: [`http`] is the way in and out; [`oauth`] says who may; [`chat`] is what it is for;
//! [`event`], [`webhook`] and [`job`] are what follows from it; [`setting`] holds the tenants. ARCHITECTURE.md is the map.

pub mod app;
pub mod cli;
pub mod config;
pub mod http;

pub mod oauth;

pub mod chat;
pub mod media;

pub mod event;
pub mod job;
pub mod webhook;

pub mod audit;
pub mod customer;
pub mod setting;
pub mod staff;

pub mod ops;
pub mod search;
pub mod telemetry;
pub mod time;
pub mod vault;

/// Every migration, in order. A file that has shipped is never edited; a change is a new file.
pub const MIGRATIONS: &[db::Migration] = &[
    db::Migration { version: 1, name: "foundation", sql: include_str!("../migrations/0001_foundation.sql") },
    db::Migration { version: 2, name: "people", sql: include_str!("../migrations/0002_people.sql") },
    db::Migration { version: 3, name: "customers", sql: include_str!("../migrations/0003_customers.sql") },
    db::Migration { version: 4, name: "customer_lists", sql: include_str!("../migrations/0004_customer_lists.sql") },
];

//! Sala: a self-hosted customer platform that speaks the Venio Open API.
//!
//! The modules in reading order: [`http`] is the way in and out; [`oauth`] says who may; [`chat`] is what it is for;
//! [`event`], [`webhook`] and [`job`] are what follows from it; [`setting`] holds the tenants. ARCHITECTURE.md is the map.

pub mod app;
pub mod cli;
pub mod config;
pub mod console;
mod docs;
pub mod http;

pub mod manage;
pub mod oauth;

pub mod chat;
pub mod inbox;
pub mod live;
pub mod mail;
pub mod media;
pub mod person;

pub mod event;
pub mod job;
pub mod record;
pub mod webhook;

pub mod attachment;
pub mod audit;
pub mod customer;
pub mod document;
pub mod import;
pub mod privacy;
pub mod product;
pub mod report;
pub mod sales;
pub mod service;
pub mod setting;
pub mod staff;
pub mod task;
pub mod timeline;
pub mod transfer;

pub mod backup;
mod json;
pub mod ops;
pub mod random;
pub mod recurrence;
pub mod refold;
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
    db::Migration { version: 5, name: "merge_privacy", sql: include_str!("../migrations/0005_merge_privacy.sql") },
    db::Migration { version: 6, name: "company_import", sql: include_str!("../migrations/0006_company_import.sql") },
    db::Migration { version: 7, name: "products", sql: include_str!("../migrations/0007_products.sql") },
    db::Migration { version: 8, name: "stock", sql: include_str!("../migrations/0008_stock.sql") },
    db::Migration { version: 9, name: "imports", sql: include_str!("../migrations/0009_imports.sql") },
    db::Migration { version: 10, name: "event_place", sql: include_str!("../migrations/0010_event_place.sql") },
    db::Migration { version: 11, name: "venio_copies", sql: include_str!("../migrations/0011_venio_copies.sql") },
    db::Migration { version: 12, name: "product_lists", sql: include_str!("../migrations/0012_product_lists.sql") },
    db::Migration { version: 13, name: "tasks", sql: include_str!("../migrations/0013_tasks.sql") },
    db::Migration { version: 14, name: "job_lanes", sql: include_str!("../migrations/0014_job_lanes.sql") },
    db::Migration { version: 15, name: "workbooks", sql: include_str!("../migrations/0015_workbooks.sql") },
    db::Migration { version: 16, name: "fold", sql: include_str!("../migrations/0016_fold.sql") },
    db::Migration { version: 17, name: "details", sql: include_str!("../migrations/0017_details.sql") },
    db::Migration { version: 18, name: "webhooks", sql: include_str!("../migrations/0018_webhooks.sql") },
    db::Migration { version: 19, name: "reports", sql: include_str!("../migrations/0019_reports.sql") },
    db::Migration { version: 20, name: "sales", sql: include_str!("../migrations/0020_sales.sql") },
    db::Migration { version: 21, name: "deals", sql: include_str!("../migrations/0021_deals.sql") },
    db::Migration { version: 22, name: "expenses", sql: include_str!("../migrations/0022_expenses.sql") },
    db::Migration { version: 23, name: "contracts", sql: include_str!("../migrations/0023_contracts.sql") },
    db::Migration { version: 24, name: "cases", sql: include_str!("../migrations/0024_cases.sql") },
    db::Migration { version: 25, name: "activities", sql: include_str!("../migrations/0025_activities.sql") },
    db::Migration { version: 26, name: "users", sql: include_str!("../migrations/0026_users.sql") },
    db::Migration { version: 27, name: "inbox", sql: include_str!("../migrations/0027_inbox.sql") },
    db::Migration { version: 28, name: "documents", sql: include_str!("../migrations/0028_documents.sql") },
    db::Migration { version: 29, name: "mail", sql: include_str!("../migrations/0029_mail.sql") },
    db::Migration { version: 30, name: "deal_documents", sql: include_str!("../migrations/0030_deal_documents.sql") },
    db::Migration { version: 31, name: "timeline", sql: include_str!("../migrations/0031_timeline.sql") },
    db::Migration { version: 32, name: "message_text", sql: include_str!("../migrations/0032_message_text.sql") },
    db::Migration { version: 33, name: "record_figures", sql: include_str!("../migrations/0033_record_figures.sql") },
    db::Migration { version: 34, name: "first_hour", sql: include_str!("../migrations/0034_first_hour.sql") },
    db::Migration { version: 35, name: "sales_lists", sql: include_str!("../migrations/0035_sales_lists.sql") },
    db::Migration { version: 36, name: "sales_figures", sql: include_str!("../migrations/0036_sales_figures.sql") },
    db::Migration { version: 37, name: "named_templates", sql: include_str!("../migrations/0037_named_templates.sql") },
    db::Migration { version: 38, name: "strays", sql: include_str!("../migrations/0038_strays.sql") },
    db::Migration { version: 39, name: "sealed_answers", sql: include_str!("../migrations/0039_sealed_answers.sql") },
    db::Migration { version: 40, name: "sso", sql: include_str!("../migrations/0040_sso.sql") },
    db::Migration { version: 41, name: "sold_in_bundles", sql: include_str!("../migrations/0041_sold_in_bundles.sql") },
    db::Migration { version: 42, name: "expense_figures", sql: include_str!("../migrations/0042_expense_figures.sql") },
    db::Migration { version: 43, name: "trail_of_files", sql: include_str!("../migrations/0043_trail_of_files.sql") },
    db::Migration { version: 44, name: "spaces", sql: include_str!("../migrations/0044_spaces.sql") },
    db::Migration { version: 45, name: "import_chain", sql: include_str!("../migrations/0045_import_chain.sql") },
];

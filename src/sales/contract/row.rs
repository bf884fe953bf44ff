//! A contract as it is stored, and as callers and subscribers get it.

use std::collections::HashMap;

use db::{Amount, Conn};
use jiff::civil::Time;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::service::{ContractServiceDto, Service, text};
use crate::attachment::AttachmentDto;
use crate::customer::erased;
use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::setting::choice;
use crate::setting::list::List;
use crate::staff::known;
use crate::time::{self, Zone};

/// A contract that has not begun.
pub(super) const OPEN: i64 = 1601;
/// One that holds.
pub(super) const ACTIVE: i64 = 1602;
/// One whose time is over.
pub(super) const COMPLETED: i64 = 1603;
/// One that was ended before its time.
pub(super) const CANCELLED: i64 = 1604;

/// The word for a status.
pub(super) fn status_name(status: i64) -> &'static str {
    match status {
        OPEN => "Open",
        ACTIVE => "Active",
        COMPLETED => "Completed",
        CANCELLED => "Cancelled",
        _ => "",
    }
}

/// A contract as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) company: i64,
    pub(super) id: i64,
    pub(super) number: String,
    pub(super) number_key: String,
    pub(super) name: String,
    pub(super) name_key: String,
    pub(super) kind: i64,
    pub(super) customer: i64,
    pub(super) owner: Uuid,
    pub(super) starts_at: i64,
    pub(super) ends_at: i64,
    pub(super) value: Option<Amount>,
    pub(super) description: Option<String>,
    pub(super) services: Option<Vec<Service>>,
    pub(super) status: i64,
    pub(super) cancelled_at: Option<i64>,
    pub(super) cancel_reason: Option<String>,
    pub(super) remind_days: i64,
    pub(super) reminded_of: Option<i64>,
    pub(super) search_key: String,
    pub(super) created_by: String,
    pub(super) created_at: i64,
    pub(super) modified_by: String,
    pub(super) modified_at: i64,
    pub(super) version: i64,
    pub(super) deleted_at: Option<i64>,
}

impl Row {
    /// Number of the customer.
    pub(crate) fn customer(&self) -> i64 {
        self.customer
    }

    /// Its last moment: an end at midnight is a day, which belongs to it.
    pub(super) fn last_moment(&self, zone: &Zone) -> i64 {
        let end = Timestamp::from_millisecond(self.ends_at).unwrap_or_default().to_zoned(zone.clone());
        if end.time() != Time::midnight() {
            return self.ends_at;
        }
        end.checked_add(1.day()).map_or(self.ends_at, |next| next.timestamp().as_millisecond() - 1)
    }

    /// When its owner is reminded of its end.
    pub(super) fn remind_at(&self, zone: &Zone) -> i64 {
        self.last_moment(zone) - self.remind_days * 24 * 60 * 60 * 1000
    }

    /// What its dates say of it at this time.
    pub(super) fn status_at(&self, now: i64, zone: &Zone) -> i64 {
        if self.cancelled_at.is_some() {
            CANCELLED
        } else if now < self.starts_at {
            OPEN
        } else if now <= self.last_moment(zone) {
            ACTIVE
        } else {
            COMPLETED
        }
    }
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// Its number.
    #[schema(example = "CONT250600006")]
    pub contract_no: String,
    /// Name of its type.
    #[schema(example = "MA")]
    pub contract_type: String,
    /// 1601 open, 1602 active, 1603 completed, 1604 cancelled.
    #[schema(example = 1602)]
    pub status_id: i64,
    /// The same in words.
    #[schema(example = "Active")]
    pub status_name: String,
    /// What it is called.
    pub contract_name: String,
    /// Staff code of the employee whose contract it is.
    #[schema(example = "UAT007")]
    pub owner: String,
    /// The employee's name.
    pub owner_name: String,
    /// Its first day.
    #[schema(example = "2025-06-18 00:00:00")]
    pub date_start: String,
    /// Its last day.
    #[schema(example = "2026-06-18 21:37:51")]
    pub date_end: String,
    /// What it is worth; 0 when nothing was said.
    #[schema(value_type = f64, example = 2000)]
    pub contract_value: Amount,
    /// Its service agreements.
    pub contract_services: Vec<ContractServiceDto>,
    /// Its files.
    pub attachments: Vec<AttachmentDto>,
    /// The customer's code.
    #[schema(example = "L000308")]
    pub customer_code: String,
    /// The customer's name.
    pub customer_name: String,
    /// 11100 lead, 11200 prospect, 11300 customer.
    #[schema(example = 11_100)]
    pub customer_type: i64,
    /// Description.
    pub description: Option<String>,
    /// So many days before its end its owner is reminded of it; 0 for never.
    pub remind_days_before_end: i64,
    /// When it was cancelled.
    pub date_cancelled: Option<String>,
    /// Why.
    pub cancel_reason: Option<String>,
    /// Who created it.
    pub created_by_user_id: String,
    /// When.
    #[schema(example = "2025-06-18T09:00:00+0700")]
    pub date_created: String,
    /// Who changed it last.
    pub modified_by_user_id: String,
    /// When.
    pub date_modified: String,
}

impl Record for Row {
    const TABLE: &'static str = "contract";
    const TOPIC: &'static str = "Contract";
    const OWNER: Option<&'static str> = Some("owner");
    type View = Contract;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.number, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let services = self.services.iter().flatten().map(|service| service.subject.as_str());
        [self.number.as_str(), self.name.as_str()]
            .into_iter()
            .chain(self.description.as_deref())
            .chain(services)
            .collect()
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<Contract>, Error> {
        #[derive(Deserialize)]
        struct Customer {
            id: i64,
            code: String,
            name: String,
            state: i64,
            is_erased: bool,
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids: Vec<i64> = rows.iter().map(|row| row.customer).collect();
        ids.sort_unstable();
        ids.dedup();
        let customers: Vec<Customer> = conn
            .sql("select id, code, name, state, erased_at is not null as is_erased from customer where company = $1 and id in ")
            .bind(company)
            .push_ids(&ids)
            .all()
            .await?;
        let customers: HashMap<i64, Customer> = customers.into_iter().map(|one| (one.id, one)).collect();
        let kinds = choice::all(conn, company, List::ContractTypes).await?;
        let people = known::by_ids(conn, company, rows.iter().map(|row| row.owner)).await?;
        let view = |row: Row| {
            let customer = customers.get(&row.customer);
            let owner = people.get(&row.owner);
            let name = |one: &Customer| if one.is_erased { erased::NAME.to_owned() } else { one.name.clone() };
            Contract {
                contract_no: row.number,
                contract_type: kinds
                    .iter()
                    .find(|one| one.id == row.kind)
                    .map(|one| one.name.clone())
                    .unwrap_or_default(),
                status_id: row.status,
                status_name: status_name(row.status).to_owned(),
                contract_name: row.name,
                owner: owner.map(|one| one.staff_code.clone()).unwrap_or_default(),
                owner_name: owner.map(known::Known::fullname).unwrap_or_default(),
                date_start: text(row.starts_at, zone),
                date_end: text(row.ends_at, zone),
                contract_value: row.value.unwrap_or_default(),
                contract_services: row.services.unwrap_or_default().into_iter().map(Into::into).collect(),
                attachments: Vec::new(),
                customer_code: customer.map(|one| one.code.clone()).unwrap_or_default(),
                customer_name: customer.map(name).unwrap_or_default(),
                customer_type: customer.map_or(0, |one| 11_000 + one.state * 100),
                description: row.description,
                remind_days_before_end: row.remind_days,
                date_cancelled: row.cancelled_at.map(|at| time::text(at, zone)),
                cancel_reason: row.cancel_reason,
                created_by_user_id: row.created_by,
                date_created: time::text(row.created_at, zone),
                modified_by_user_id: row.modified_by,
                date_modified: time::text(row.modified_at, zone),
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

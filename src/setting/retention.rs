//! How long a company keeps what only tells of its work: events, deliveries, tries, and the audit trail.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::profile::Setting;
use crate::http::Patch;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Days after which it is deleted. Records are never deleted by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Retention {
    /// What subscriptions are told of: what is older cannot be sent again.
    #[schema(example = 90)]
    pub events: i64,
    /// What became of deliveries to subscriptions.
    #[schema(example = 30)]
    pub deliveries: i64,
    /// Tries to hand messages to their channel.
    #[schema(example = 90)]
    pub attempts: i64,
    /// E-mails that were sent, refused or given up.
    #[schema(example = 365)]
    pub mails: i64,
    /// The audit trail; null keeps it.
    #[schema(example = 3650)]
    pub audit: Option<i64>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { events: 90, deliveries: 30, attempts: 90, mails: 365, audit: None }
    }
}

impl Retention {
    /// The ages of a company: each its own, but none above `retentionDays`.
    pub fn of(setting: &Setting) -> Retention {
        let own = setting.retention;
        let most = setting.retention_days.unwrap_or(i64::MAX);
        Retention {
            events: own.events.min(most),
            deliveries: own.deliveries.min(most),
            attempts: own.attempts.min(most),
            mails: own.mails.min(most),
            audit: own.audit.or(setting.retention_days).map(|days| days.min(most)),
        }
    }

    /// Fields that are out of range.
    pub(super) fn faults(self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("retention.events", Some(self.events)),
            ("retention.deliveries", Some(self.deliveries)),
            ("retention.attempts", Some(self.attempts)),
            ("retention.mails", Some(self.mails)),
            ("retention.audit", self.audit),
        ];
        all.into_iter()
            .filter(|(_, days)| days.is_some_and(|days| !(1..=36_500).contains(&days)))
            .map(|(field, _)| field)
    }
}

/// Days to keep what only tells of work; what is absent stays as it is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionWrite {
    /// What subscriptions are told of.
    #[schema(example = 90)]
    events: Option<i64>,
    /// What became of deliveries to subscriptions.
    #[schema(example = 30)]
    deliveries: Option<i64>,
    /// Tries to hand messages to their channel.
    #[schema(example = 90)]
    attempts: Option<i64>,
    /// E-mails that were sent, refused or given up.
    #[schema(example = 365)]
    mails: Option<i64>,
    /// The audit trail; null keeps it.
    #[schema(value_type = Option<i64>, example = 3650)]
    audit: Patch<i64>,
}

impl RetentionWrite {
    /// The ages after this was written over them.
    pub(super) fn over(&self, was: Retention) -> Retention {
        Retention {
            events: self.events.unwrap_or(was.events),
            deliveries: self.deliveries.unwrap_or(was.deliveries),
            attempts: self.attempts.unwrap_or(was.attempts),
            mails: self.mails.unwrap_or(was.mails),
            audit: self.audit.clone().over(was.audit),
        }
    }
}

/// The time before which what is kept for so many days is deleted.
pub fn before(now: i64, days: i64) -> i64 {
    now - days.saturating_mul(DAY)
}

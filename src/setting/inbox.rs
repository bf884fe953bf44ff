//! How quickly customers are answered: what the inbox counts down.

use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::profile;
use crate::http::{Error, Patch};
use crate::service::hours::Calendar;
use crate::time;

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// The longest time to an answer: a year.
const MOST_MINUTES: i64 = 525_600;

/// Times within which customers are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InboxSetting {
    /// Minutes of working time within which whoever has written is answered; null sets no target.
    #[schema(example = 30)]
    pub response_minutes: Option<i64>,
}

/// A change of it; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxSettingWrite {
    /// Minutes of working time within which whoever has written is answered; null for no target.
    #[schema(value_type = Option<i64>, example = 30)]
    response_minutes: Patch<i64>,
}

impl InboxSettingWrite {
    pub(super) fn over(&self, was: InboxSetting) -> InboxSetting {
        InboxSetting { response_minutes: self.response_minutes.clone().over(was.response_minutes) }
    }
}

impl InboxSetting {
    /// Whether the times can be kept to.
    pub(super) fn is_sound(&self) -> bool {
        self.response_minutes.is_none_or(|minutes| (1..=MOST_MINUTES).contains(&minutes))
    }
}

/// What says until when a customer is to be answered.
#[derive(Debug)]
pub(crate) struct Clock {
    calendar: Calendar,
    response: i64,
}

impl Clock {
    /// A company's; none when it has set no target.
    pub(crate) async fn of(conn: &mut Conn, company: i64) -> Result<Option<Clock>, Error> {
        let setting = profile::of(conn, company).await?;
        let Some(minutes) = setting.inbox.response_minutes else { return Ok(None) };
        let zone = time::zone(conn, company).await?;
        Ok(Some(Clock { calendar: Calendar::of(&setting, &zone), response: minutes * MINUTE }))
    }

    /// When the target of somebody who waits since then is missed; both in Unix milliseconds.
    pub(crate) fn respond_by(&self, since: i64) -> i64 {
        self.calendar.add(since, self.response)
    }
}

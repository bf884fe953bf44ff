//! How a company shows in its e-mails.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Patch;

/// How a company shows in its e-mails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MailSetting {
    /// The name before the server's address; the company's name when null.
    #[schema(example = "ฝ่ายขาย สยามทูลส์")]
    pub sender_name: Option<String>,
    /// Where answers go; the company's own e-mail when null.
    #[schema(example = "sales@example.com")]
    pub reply_to: Option<String>,
}

/// A change of it; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailSettingWrite {
    /// The name before the server's address; null for the company's name.
    #[schema(value_type = Option<String>, example = "ฝ่ายขาย สยามทูลส์")]
    sender_name: Patch<String>,
    /// Where answers go; null for the company's own e-mail.
    #[schema(value_type = Option<String>, example = "sales@example.com")]
    reply_to: Patch<String>,
}

impl MailSettingWrite {
    pub(super) fn over(&self, was: &MailSetting) -> MailSetting {
        let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        MailSetting {
            sender_name: filled(self.sender_name.clone().over(was.sender_name.clone())),
            reply_to: filled(self.reply_to.clone().over(was.reply_to.clone())),
        }
    }
}

//! Files as the original API's first groups show them: their ids are numbers.

use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::AttachedFile;

/// A file of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentDto {
    /// Its id among the files of its record.
    pub attachment_id: i64,
    /// Its id everywhere.
    pub file_id: String,
    /// Number of the record.
    pub ref_id: i64,
    /// 1 of an activity, 2 of an expense, 3 of a customer, 4 of a contract.
    #[serde(rename = "type")]
    pub kind: i64,
    /// Its name.
    pub filename: String,
    /// The end of its name.
    pub extension: String,
    /// How many bytes it has; null until it is here.
    pub file_size: Option<i64>,
    /// True: a file that was removed is not listed.
    pub is_active: bool,
    /// Who attached it.
    pub created_by_user_id: String,
    /// When.
    pub date_created: String,
    /// Where it can be had for an hour.
    pub resource_url: Option<String>,
    /// The company's number.
    pub company_id: i64,
    /// Whether it is here.
    pub is_processed: bool,
    /// Where it can be had for an hour.
    pub url: Option<String>,
    /// The same.
    pub url_response_upload: Option<String>,
    /// The same, of a picture.
    pub thumbnail: Option<String>,
    /// What it is by its first bytes.
    pub content_type: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: Option<String>,
    /// `waiting` (to be fetched), `stored` or `failed`.
    pub state: String,
    /// Why it could not be fetched, or not yet.
    pub reason: Option<String>,
}

impl AttachmentDto {
    /// A file of the record with this number, of the kind that the number stands for.
    pub fn new(file: AttachedFile, company: i64, record: i64, kind: i64) -> AttachmentDto {
        let extension = file.file_name.rsplit_once('.').map(|(_, end)| format!(".{end}")).unwrap_or_default();
        let is_picture = file.content_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
        AttachmentDto {
            attachment_id: number(&file.file_id),
            ref_id: record,
            kind,
            extension,
            file_size: file.size,
            is_active: true,
            created_by_user_id: file.created_by_user_id,
            date_created: file.date_created,
            resource_url: file.file_url.clone(),
            company_id: company,
            is_processed: file.state == "stored",
            thumbnail: file.file_url.clone().filter(|_| is_picture),
            url_response_upload: file.file_url.clone(),
            url: file.file_url,
            file_id: file.file_id,
            filename: file.file_name,
            content_type: file.content_type,
            sha256: file.sha256,
            state: file.state,
            reason: file.reason,
        }
    }
}

/// A number for a file: 48 bits of the hash of its id, which no two files of a record share.
fn number(id: &str) -> i64 {
    let hash = Sha256::digest(id.as_bytes());
    hash.iter().take(6).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

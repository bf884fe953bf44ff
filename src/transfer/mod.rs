//! A whole company, out of one server and into another: the way from SQLite to PostgreSQL and back, and the copy that
//! belongs to the company itself.
//!
//! An export is a folder or a ZIP file with `manifest.json`, one JSON Lines file for each table (`tables/customer.jsonl`),
//! the files of the media store (`files/507-…`), and `files.jsonl`, which lists them.

mod export;
mod import;
mod pack;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use export::export;
pub use import::import;

use crate::attachment::hex;

/// The format of exports that this program writes; it reads all up to this one.
const FORMAT: u32 = 1;

const MANIFEST: &str = "manifest.json";
const FILES: &str = "files.jsonl";

/// What the vault seals in an export with secrets, so that an import knows at once whether it has the key.
const KEY_PURPOSE: &str = "export";
const KEY_SAMPLE: &[u8] = b"sala";

/// A table of a company, and how it is carried over.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The table.
    pub table: &'static str,
    /// Whether it goes only with secrets.
    pub secret: bool,
    /// Columns that are emptied unless secrets go along.
    pub secrets: &'static [&'static str],
    /// Columns that get random bytes when the export has nothing for them.
    pub fresh: &'static [&'static str],
    /// Its text index, and the column with the text.
    pub text: Option<(&'static str, &'static str)>,
}

const fn part(table: &'static str) -> Part {
    Part { table, secret: false, secrets: &[], fresh: &[], text: None }
}

const fn secret(table: &'static str) -> Part {
    Part { secret: true, ..part(table) }
}

/// Every table of a company, each behind those that its rows point to. A test compares this with the schema: a new table
/// has its line here or in [`LEFT_OUT`].
pub const TABLES: &[Part] = &[
    part("company"),
    part("document_template"),
    part("document_template_named"),
    part("document_logo"),
    part("counter"),
    part("choice"),
    part("employee"),
    Part { text: Some(("customer_text", "search_key")), ..part("customer") },
    part("customer_name"),
    part("customer_owner"),
    part("customer_choice"),
    part("customer_identity"),
    part("customer_event"),
    part("deal"),
    part("deal_choice"),
    part("deal_stage"),
    part("contract"),
    part("contract_visit"),
    part("expense"),
    part("expense_kind"),
    // A password and a second factor are as secret as a client's: without them everybody is invited anew.
    Part { secrets: &["password", "totp", "totp_pending", "recovery"], ..part("person") },
    Part { secrets: &["secret"], ..part("identity_provider") },
    part("person_identity"),
    part("satisfaction"),
    part("customer_merge"),
    part("customer_merge_item"),
    part("privacy_request"),
    Part { secrets: &["secrets"], ..part("account") },
    part("contact"),
    Part { secrets: &["reply_token"], ..part("room") },
    part("room_gram"),
    part("task"),
    part("task_deal"),
    part("message"),
    part("message_stray"),
    part("room_label"),
    part("room_note"),
    part("room_mention"),
    part("room_draft"),
    part("room_read"),
    part("canned_reply"),
    part("inbox_view"),
    part("inbox_rule"),
    part("batch"),
    part("attempt"),
    part("inbound"),
    part("media"),
    // A link is good as long as its key is the same; without secrets every file gets another.
    Part { secrets: &["link_key"], fresh: &["link_key"], ..part("attachment") },
    part("event"),
    part("audit"),
    Part { text: Some(("product_text", "search_key")), ..part("product") },
    part("product_price"),
    part("product_attribute"),
    part("product_tag"),
    part("product_part"),
    part("product_stock"),
    part("stock_level"),
    part("stock_movement"),
    part("stock_reservation"),
    part("stock_reservation_line"),
    part("product_serial"),
    part("quotation"),
    part("quotation_revision"),
    part("sales_order"),
    part("sales_line"),
    part("sales_payment"),
    part("tax_document"),
    // The bytes hold links that let in whoever has them.
    Part { secrets: &["message"], ..part("mail") },
    part("mail_template"),
    part("activity"),
    part("service_case"),
    part("case_comment"),
    part("record_link"),
    secret("activity_calendar"),
    secret("client"),
    secret("webhook"),
    secret("webhook_delivery"),
    secret("webhook_try"),
    // Waiting work is carried out by whoever has it: a copy must not send what the original sends.
    secret("job"),
    secret("product_ticket"),
    secret("product_ticket_item"),
];

/// Tables that are not carried over, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("tally", "figures are made anew out of the records"),
    ("tally_cursor", "see tally"),
    ("tally_room", "see tally"),
    ("tally_record", "see tally"),
    ("message_place", "the text index of messages is made anew out of them"),
    ("message_text_cursor", "see message_place"),
    ("token", "access tokens live for an hour"),
    ("change", "whoever follows it does so on one server"),
    ("session", "whoever is signed in is so on one server"),
    ("person_link", "links live for a week at most, and name their server"),
    ("sign_on", "a sign-in that is used up is remembered for minutes, on one server"),
    ("idempotency", "keys live for a day, and are of use only to the server that gave the answer"),
    ("company_import", "how far an import has come is a matter of its own server"),
    ("fold_clash", "what looks the same is found anew where it is read in"),
    ("import", "a file that was loaded is taken back where it was loaded"),
    ("import_fault", "see import"),
    ("import_row", "see import"),
    ("venio_copy", "how far a copy has come is a matter of its own server"),
    ("venio_copy_fault", "see venio_copy"),
];

/// What an export says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The format of the export.
    pub format: u32,
    /// The version of the schema that its tables have.
    pub schema: i64,
    /// The company's number.
    pub company: i64,
    /// The company's name.
    pub name: String,
    /// When it was made, in Unix milliseconds.
    pub made_at: i64,
    /// Whether clients, credentials, subscriptions and waiting work are in it.
    pub with_secrets: bool,
    /// A sample sealed with the secret key, in hexadecimal; only with secrets.
    pub key_sample: Option<String>,
    /// The tables, in the order in which they are to be read.
    pub tables: Vec<TableFile>,
    /// The list of the files from the media store.
    pub files: FileList,
}

/// The file of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableFile {
    /// The table.
    pub table: String,
    /// Where its rows are.
    pub file: String,
    /// The columns that each row has.
    pub columns: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// A sum over the rows that does not depend on their order, which differs between databases: equal content, equal sum.
    pub content: String,
}

/// The list of the files from the media store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileList {
    /// Where it is.
    pub file: String,
    /// How many files are in the export.
    pub count: u64,
    /// How many have a record, but no bytes in the store.
    pub missing: u64,
    /// SHA-256 of the list, in hexadecimal.
    pub sha256: String,
}

/// One file from the media store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFile {
    id: String,
    size: u64,
    sha256: String,
}

impl StoredFile {
    fn name(&self) -> String {
        format!("files/{}", self.id)
    }
}

/// What an export or import has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The company's number.
    pub company: i64,
    /// Rows of all tables.
    pub rows: u64,
    /// Files from the media store.
    pub files: u64,
    /// Files that have a record and no bytes.
    pub missing: u64,
}

/// Why a company was not carried over, in words for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The export, the target, or the request is at fault.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// The media store failed.
    #[error("{0}")]
    Store(#[from] crate::http::Error),
    /// The file system failed.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

fn refused(why: impl Into<String>) -> TransferError {
    TransferError::Refused(why.into())
}

/// The sum over rows, in any order: their hashes as four numbers, each added up.
#[derive(Debug, Default)]
struct Content([u64; 4]);

impl Content {
    fn add(&mut self, line: &[u8]) {
        let hash = Sha256::digest(line);
        for (sum, bytes) in self.0.iter_mut().zip(hash.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*bytes));
        }
    }

    fn text(&self) -> String {
        self.0.iter().map(|sum| hex(&sum.to_be_bytes())).collect()
    }
}

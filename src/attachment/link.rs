//! Signed links: whoever holds one can get the file until it expires, or until another link is made.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use utoipa::ToSchema;

use super::Row;
use crate::app::App;
use crate::http::{Code, Error, Fault, absolute};

/// The link that comes with a file's record is good for so many seconds.
pub(super) const SHOWN_FOR: i64 = 60 * 60;

/// A link to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Where the file can be had without a token.
    #[schema(example = "https://sala.example.com/files/507-q3Jz0b8e5mA1kQ2xvN7c9w?expires=1763884800&signature=…")]
    pub file_url: String,
    /// Until when.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    pub date_expires: String,
}

/// A key for the links of one file.
pub(super) fn new_key() -> Result<Vec<u8>, Error> {
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(key)
}

/// The address of a file, good until this time (Unix seconds).
pub(super) fn sign(app: &App, id: &str, key: &[u8], until: i64) -> String {
    let signature = mac(id, key, until).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    absolute(app, &format!("/files/{id}?expires={until}&signature={}", signature.unwrap_or_default()))
}

/// The address of a file that everybody may see, good as long as the file is there: its id, which nobody guesses, is the
/// permission, so that the address outlives a move of the company to another server.
pub(super) fn public(app: &App, id: &str) -> String {
    absolute(app, &format!("/images/{id}"))
}

/// The id of the file that such an address leads to.
pub fn public_id(address: &str) -> Option<&str> {
    address.rsplit_once("/images/").map(|(_, id)| id)
}

/// Whether a link's signature is one of this key; compared in constant time.
pub(super) fn is_good(id: &str, key: &[u8], until: i64, signature: &str) -> bool {
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    mac(id, key, until).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
}

fn mac(id: &str, key: &[u8], until: i64) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}\n{until}").as_bytes());
    Some(mac)
}

/// 409 for a file that is not here yet, or never will be.
pub(super) fn must_be_here(row: &Row) -> Result<(), Error> {
    if row.state == "stored" {
        return Ok(());
    }
    let message = format!("The file is {}; only a stored file has a link", row.state);
    Err(Error::Conflict(Fault::new(Code::Conflict, "fileId", message)))
}

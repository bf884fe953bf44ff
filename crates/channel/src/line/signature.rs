//! The proof that a webhook comes from LINE.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature; header names have no letter case.
pub const SIGNATURE_HEADER: &str = "x-line-signature";

/// Whether the body was signed with the channel secret: Base64 of HMAC-SHA256 over the raw bytes, compared in constant
/// time (<https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/>).
///
/// An account without a secret verifies nothing: anybody can sign with an empty key.
pub fn verify(channel_secret: &str, body: &[u8], signature: Option<&str>) -> bool {
    let Some(signature) = signature else { return false };
    let Ok(signature) = STANDARD.decode(signature.trim()) else { return false };
    let Some(mac) = mac(channel_secret, body) else { return false };
    mac.verify_slice(&signature).is_ok()
}

/// Signs a body as LINE does: for tests, simulators and the doctor's own webhook call. Empty for an empty secret.
pub fn sign(channel_secret: &str, body: &[u8]) -> String {
    mac(channel_secret, body).map(|mac| STANDARD.encode(mac.finalize().into_bytes())).unwrap_or_default()
}

fn mac(channel_secret: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    if channel_secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(channel_secret.as_bytes()).ok()?;
    mac.update(body);
    Some(mac)
}

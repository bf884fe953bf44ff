//! Credentials at rest: XChaCha20-Poly1305 with a key that is not in the database.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

/// Encrypts with its first key and decrypts with any.
pub struct Vault {
    keys: Vec<Key>,
}

struct Key {
    /// The first bytes of the key's SHA-256, in front of each ciphertext: says which key it needs.
    id: [u8; 4],
    bytes: [u8; 32],
}

/// Why a vault could not be opened, or a secret not read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The text is no key.
    #[error("a secret key is 32 bytes in hex or Base64; make one with: sala key new (or openssl rand -hex 32)")]
    Format,
    /// PostgreSQL, and no key given.
    #[error(
        "PostgreSQL needs SALA_SECRET_KEY, the key that encrypts stored credentials, the same on every node; make one \
         with: sala key new (or openssl rand -hex 32)"
    )]
    Missing,
    /// The key file cannot be used.
    #[error("key file {0}: {1}")]
    File(PathBuf, io::Error),
    /// The ciphertext was made with another key, or was changed.
    #[error("a stored credential cannot be decrypted with this secret key")]
    Refused,
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Random,
}

const NONCE: usize = 24;

impl Vault {
    /// The keys of `SALA_SECRET_KEY`: one, or several separated by commas while one is being replaced.
    pub fn from_text(text: &str) -> Result<Vault, VaultError> {
        let keys: Vec<Key> = text.split(',').map(|key| parse(key.trim())).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(VaultError::Format) } else { Ok(Vault { keys }) }
    }

    /// The keys of a file, which is made with a new key and mode 0600 when it is not there.
    pub fn from_file(path: &Path) -> Result<Vault, VaultError> {
        let failed = |error| VaultError::File(path.to_owned(), error);
        match fs::read_to_string(path) {
            Ok(text) => Vault::from_text(&text.trim().replace('\n', ",")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match write_new(path, &new_key()?) {
                    Ok(()) => {}
                    // Another process made it first: its key is the key.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(failed(error)),
                }
                Vault::from_text(fs::read_to_string(path).map_err(failed)?.trim())
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Encrypts `plain` for this purpose (company and kind of record): a ciphertext moved elsewhere does not decrypt.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.keys.first().ok_or(VaultError::Missing)?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let sealed = key.cipher().encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| VaultError::Refused)?;
        Ok([key.id.as_slice(), &nonce, &sealed].concat())
    }

    /// Decrypts what [`Vault::seal`] made for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (id, rest) = sealed.split_at_checked(4).ok_or(VaultError::Refused)?;
        let (nonce, text) = rest.split_at_checked(NONCE).ok_or(VaultError::Refused)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(VaultError::Refused)?;
        let payload = Payload { msg: text, aad: purpose.as_bytes() };
        key.cipher().decrypt(XNonce::from_slice(nonce), payload).map_err(|_| VaultError::Refused)
    }

    /// Whether this ciphertext was made with the first key.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|key| sealed.starts_with(&key.id))
    }
}

impl Key {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.bytes).into())
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} keys)", self.keys.len())
    }
}

fn parse(text: &str) -> Result<Key, VaultError> {
    let hex = |text: &str| -> Option<Vec<u8>> {
        let pairs = text.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
    };
    let bytes = match text.len() {
        64 => hex(text),
        _ => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok(),
    };
    let bytes: [u8; 32] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(VaultError::Format)?;
    let digest = Sha256::digest(bytes);
    Ok(Key { id: [digest[0], digest[1], digest[2], digest[3]], bytes })
}

/// A new random key in hex.
pub fn new_key() -> Result<String, VaultError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a key file that only its owner reads, and only when there is none.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{text}\n").as_bytes())?;
    file.sync_all()
}

/// Copies a key file under a name with the date, for what was encrypted with its keys and lies elsewhere; answers the copy.
pub fn keep_old(path: &Path, now: i64) -> Result<PathBuf, VaultError> {
    let failed = |error| VaultError::File(path.to_owned(), error);
    let time = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let mut name = path.as_os_str().to_owned();
    name.push(time.strftime(".%Y%m%dT%H%M%SZ").to_string());
    let copy = PathBuf::from(name);
    write_new(&copy, fs::read_to_string(path).map_err(failed)?.trim()).map_err(failed)?;
    Ok(copy)
}

/// Replaces a key file's keys in one step.
pub fn replace_file(path: &Path, keys: &[&str]) -> Result<(), VaultError> {
    let failed = |error| VaultError::File(path.to_owned(), error);
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    write_new(&new, &keys.join("\n")).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_was_sealed_for_the_same_purpose_with_a_known_key() {
        let (one, two) = (new_key().expect("key"), new_key().expect("key"));
        let old = Vault::from_text(&one).expect("vault");
        let sealed = old.seal("507/account", b"token").expect("seals");
        assert_eq!(old.open("507/account", &sealed).expect("opens"), b"token");
        assert!(old.open("508/account", &sealed).is_err());
        let both = Vault::from_text(&format!("{two},{one}")).expect("vault");
        assert_eq!(both.open("507/account", &sealed).expect("opens"), b"token");
        assert!(!both.is_current(&sealed));
        assert!(Vault::from_text(&two).expect("vault").open("507/account", &sealed).is_err());
        assert!(Vault::from_text("short").is_err());
    }
}

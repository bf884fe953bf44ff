//! Passwords: how they are hashed, and which are refused.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::app::App;
use crate::http::{Code, Error, Fault};

/// Hashes at once: each takes 19 MiB and a core, and strangers may ask for them.
pub(crate) const AT_ONCE: usize = 2;

/// Who hash or wait for it; whoever comes then is asked to come again.
pub(crate) const MOST_WAITING: usize = 64;

const SHORTEST: usize = 10;
const LONGEST: usize = 200;

/// What is hashed where there is no such person, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsYS1zYWxhLXNhbGE$RVBuOExIOVZkSlhGQ3RqVDNRc0JwWkxZb1ZGa0h4aWM";

/// Passwords and parts of them that everybody tries first.
const COMMON: [&str; 24] = [
    "password",
    "passw0rd",
    "123456789",
    "1234567890",
    "0123456789",
    "987654321",
    "qwertyuiop",
    "qwerty123",
    "1q2w3e4r",
    "asdfghjkl",
    "zxcvbnm",
    "iloveyou",
    "letmein",
    "welcome",
    "abc12345",
    "abcd1234",
    "aa123456",
    "11111111",
    "00000000",
    "88888888",
    "99999999",
    "admin123",
    "changeme",
    "รหัสผ่าน",
];

/// The faults of a new password of a person who is called so.
pub(crate) fn check(field: &str, password: &str, names: &[&str]) -> Result<(), Error> {
    let weak = |why: String| Err(Error::invalid(Code::WeakPassword, field, why));
    let length = password.chars().count();
    if length < SHORTEST {
        return weak(format!("{field} must have {SHORTEST} characters"));
    }
    if length > LONGEST {
        return Err(Error::Invalid(vec![Fault::new(
            Code::TooLong,
            field,
            format!("{field} may have {LONGEST} characters"),
        )]));
    }
    let folded = crate::search::fold(password);
    let mut letters: Vec<char> = folded.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 5 {
        return weak(format!("{field} has too few different characters"));
    }
    // A known word with a few letters around it is tried as soon as the word itself.
    let known = COMMON.iter().copied().chain(names.iter().copied().filter(|name| name.chars().count() >= 4));
    for word in known {
        let word = crate::search::fold(word);
        if folded.contains(&word) && length < word.chars().count() + 5 {
            return weak(format!("{field} is too easy to guess"));
        }
    }
    Ok(())
}

/// The hash under which a password is kept.
pub(crate) async fn hash(app: &App, password: &str) -> Result<String, Error> {
    let password = password.to_owned();
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| Error::Internal(error.to_string()))?;
    aside(app, move || {
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|error| Error::Internal(error.to_string()))
    })
    .await?
}

/// Whether this is the password of the hash; without one it takes as long and is not.
pub(crate) async fn verify(app: &App, password: &str, hash: Option<&str>) -> Result<bool, Error> {
    let (password, known) = (password.to_owned(), hash.is_some());
    let hash = hash.unwrap_or(NOBODY).to_owned();
    aside(app, move || {
        let parsed = PasswordHash::new(&hash);
        let fits = parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && known
    })
    .await
}

/// Runs it on a thread of its own, a few at a time; who comes while many wait is sent away.
async fn aside<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let _turn = app.hash_queue.try_acquire().map_err(|_| Error::Busy("Too many sign-ins at the moment"))?;
    let place = Arc::clone(&app.hashing).acquire_owned().await.map_err(|_| Error::Busy("The server is stopping"))?;
    // The place goes with the work: who does not wait for its end has not ended it.
    let done = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    })
    .await;
    done.map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for weak in ["short", "password12", "1234567890", "aaaaaaaaaaaa", "Patty-12345"] {
            assert!(check("password", weak, &["Patty-123"]).is_err(), "{weak}");
        }
        for good in ["correct horse battery", "ม้าถูกต้องแบตเตอรี่", "x7!kQ2#mPz"]
        {
            assert!(check("password", good, &["Patty"]).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_stand_in_is_a_hash() {
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}

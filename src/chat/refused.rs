//! Callbacks that were refused: somebody has set a channel up wrongly, and only the log and the doctor can say so.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;

use super::account::Account;
use crate::app::App;

/// Each fault of each account is told once in this time.
const PAUSE: Duration = Duration::from_secs(60);

/// Accounts that are not there that are remembered; strangers may call any address.
const MOST: usize = 1000;

/// What is wrong with a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wrong {
    /// No account has the id of the address.
    Account,
    /// The signature does not fit: the channel secret is another one.
    Secret,
}

static TOLD: LazyLock<Mutex<HashMap<(String, Wrong), Instant>>> = LazyLock::new(Mutex::default);

/// Whether it is time to tell of this again.
fn is_due(id: &str, wrong: Wrong) -> bool {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    told.retain(|_, at| now.duration_since(*at) < PAUSE);
    // Of accounts that are there, there are not so many.
    if wrong == Wrong::Account && told.keys().filter(|(_, known)| *known == Wrong::Account).count() >= MOST {
        return false;
    }
    match told.entry((id.to_owned(), wrong)) {
        std::collections::hash_map::Entry::Occupied(_) => false,
        std::collections::hash_map::Entry::Vacant(place) => {
            place.insert(now);
            true
        }
    }
}

/// A callback for an address that no account has.
pub(super) fn unknown(id: &str) {
    counter!("sala_callbacks_refused_total", "reason" => "account").increment(1);
    // What a stranger put into the address is cut before it is logged.
    let id: String = id.chars().filter(char::is_ascii_graphic).take(40).collect();
    if is_due(&id, Wrong::Account) {
        tracing::warn!(
            account = %id,
            "a callback came for a channel account that is not there; compare the webhook URL in the provider's console with \
             sala account list"
        );
    }
}

/// A callback whose signature does not fit: it is told of, and written down for the doctor.
pub(super) async fn unsigned(app: &App, account: &Account) {
    counter!("sala_callbacks_refused_total", "reason" => "signature").increment(1);
    if !is_due(&account.id, Wrong::Secret) {
        return;
    }
    tracing::warn!(
        account = %account.id,
        "a callback was refused: its signature does not match; is the channel secret right? mend it with sala account renew"
    );
    let now = app.now();
    let written = app.db.write(async |mut tx| {
        tx.sql("update account set refused_at = $1, refused_reason = 'signature' where company = $2 and id = $3")
            .bind(now)
            .bind(account.company)
            .bind(&account.id)
            .exec()
            .await
    });
    if let Err(error) = written.await {
        tracing::warn!(%error, "that a callback was refused could not be written down");
    }
}

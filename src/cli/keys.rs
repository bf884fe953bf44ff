//! Whether the key at hand is the one of the database: a server with another one would refuse every callback.

use db::Db;
use serde::Deserialize;

use super::{Failure, key_file, vault};
use crate::chat::account;
use crate::config::Common;
use crate::vault::Vault;
use crate::webhook::subscription;

/// Credentials that are looked at; they were all encrypted with the same key, but for a crash while it was changed.
const LOOKED_AT: i64 = 50;

/// What is stored under the key.
#[derive(Debug)]
pub(super) struct Stored {
    /// Accounts and webhooks: what they are called, what they were encrypted for, and the ciphertext.
    found: Vec<(String, String, Vec<u8>)>,
}

#[derive(Deserialize)]
struct Row {
    company: i64,
    id: String,
    secret: Vec<u8>,
}

impl Stored {
    /// Reads what is stored.
    pub(super) async fn read(db: &Db) -> Result<Stored, Failure> {
        let mut conn = db.read().await?;
        let accounts: Vec<Row> = conn
            .sql(
                "select company, id, secrets as secret from account
                 where secrets is not null and state <> 'removed' order by company, id limit $1",
            )
            .bind(LOOKED_AT)
            .all()
            .await?;
        let webhooks: Vec<Row> = conn
            .sql("select company, cast(id as text) as id, secret from webhook order by company, id limit $1")
            .bind(LOOKED_AT)
            .all()
            .await?;
        let accounts =
            accounts.into_iter().map(|row| (format!("account {}", row.id), account::purpose(row.company), row.secret));
        let webhooks = webhooks.into_iter().map(|row| {
            let name = format!("webhook {} of company {}", row.id, row.company);
            (name, subscription::purpose(row.company), row.secret)
        });
        Ok(Stored { found: accounts.chain(webhooks).collect() })
    }

    /// Whether nothing is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What this key does not open.
    pub(super) fn closed_to(&self, vault: &Vault) -> Vec<&str> {
        let closed = self.found.iter().filter(|(_, purpose, sealed)| vault.open(purpose, sealed).is_err());
        closed.map(|(name, _, _)| name.as_str()).collect()
    }
}

/// The vault for a server: refused when it opens nothing of what is stored, so that no callback is lost to it.
pub(super) async fn fitting(common: &Common, db: &Db) -> Result<Vault, Failure> {
    let stored = Stored::read(db).await?;
    let file = key_file(&common.database).filter(|_| common.secret_key.is_none());
    if let Some(file) = file.filter(|file| !file.exists() && !stored.is_empty()) {
        return Err(Failure::new(format!(
            "{} is not there, and the database holds credentials that were encrypted with it; put it back, or, when it \
             is lost, enter them again: sala account renew ID --company NUMBER",
            file.display()
        )));
    }
    let vault = vault(common)?;
    let closed = stored.closed_to(&vault);
    if !closed.is_empty() && closed.len() == stored.found.len() {
        return Err(Failure::new(format!(
            "the secret key is not the one of this database: it opens none of its {} credentials; put the right key back, \
             or, when it is lost, enter them again: sala account renew ID --company NUMBER, sala webhook rotate-secret ID \
             --company NUMBER",
            closed.len()
        )));
    }
    for name in closed {
        tracing::warn!(%name, "its credentials were encrypted with another key; sala doctor says what to do");
    }
    Ok(vault)
}

//! `sala key`.

use clap::{Args, Subcommand};
use db::Conn;
use serde::Deserialize;

use super::lock::Lock;
use super::{Failure, key_file, now, open, print_text};
use crate::chat::account;
use crate::config::Common;
use crate::http::idempotency;
use crate::mail;
use crate::person::sso::provider;
use crate::person::totp;
use crate::vault::{self, Vault};
use crate::webhook::subscription;

#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a new random key.
    New,
    /// Encrypt every stored credential with a new key. With SALA_SECRET_KEY: set it to `new,old` first, and to `new`
    /// afterwards; a key file is replaced by this command.
    Rotate,
}

impl Key {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        match self.action {
            Action::New => print_text(&vault::new_key()?),
            Action::Rotate => rotate(common).await,
        }
    }
}

async fn rotate(common: &Common) -> Result<(), Failure> {
    super::must_be_there(common)?;
    // A server that runs would go on with the old key, and refuse every callback from now on.
    let _lock = Lock::take(&common.database)?;
    let db = open(common).await?;
    let file = key_file(&common.database).filter(|_| common.secret_key.is_none());
    let mut kept = None;
    let (vault, new) = match (&common.secret_key, &file) {
        (Some(text), _) => (Vault::from_text(text)?, None),
        (None, Some(file)) => {
            Vault::from_file(file)?;
            let old = std::fs::read_to_string(file)?.trim().replace('\n', ",");
            kept = Some(vault::keep_old(file, now())?);
            let new = vault::new_key()?;
            // Both keys are in the file before anything is encrypted with the new one: a crash in between loses nothing.
            vault::replace_file(file, &[&new, &old])?;
            (Vault::from_text(&format!("{new},{old}"))?, Some(new))
        }
        (None, None) => return Err(vault::VaultError::Missing.into()),
    };
    let (count, answers) = db.write(async |mut tx| reseal(&mut tx, &vault).await).await?;
    if let (Some(file), Some(new)) = (file, new) {
        vault::replace_file(&file, &[&new])?;
    }
    print_text(&format!("{count} credentials are encrypted with the new key; restart every server"))?;
    if answers > 0 {
        print_text(&format!("So are {answers} answers that are kept for repeated requests"))?;
    }
    match kept {
        Some(old) => {
            print_text(&format!("The old key is kept in {}: backups that were made until now need it", old.display()))
        }
        None => print_text("Keep the old key: backups that were made until now need it"),
    }
}

#[derive(Deserialize)]
struct Sealed {
    company: i64,
    id: String,
    secret: Vec<u8>,
}

/// Opens and seals again what is not sealed with the first key, all or nothing: how many credentials, and how many answers.
async fn reseal(tx: &mut Conn, vault: &Vault) -> Result<(usize, usize), crate::http::Error> {
    let failed = |error: vault::VaultError| crate::http::Error::Internal(error.to_string());
    let accounts: Vec<Sealed> =
        tx.sql("select company, id, secrets as secret from account where secrets is not null").all().await?;
    let mut count = 0;
    for row in accounts.into_iter().filter(|row| !vault.is_current(&row.secret)) {
        let purpose = account::purpose(row.company);
        let sealed = vault.seal(&purpose, &vault.open(&purpose, &row.secret).map_err(failed)?).map_err(failed)?;
        tx.sql("update account set secrets = $1 where company = $2 and id = $3")
            .bind(sealed)
            .bind(row.company)
            .bind(row.id)
            .exec()
            .await?;
        count += 1;
    }
    let webhooks: Vec<Sealed> = tx.sql("select company, cast(id as text) as id, secret from webhook").all().await?;
    for row in webhooks.into_iter().filter(|row| !vault.is_current(&row.secret)) {
        let purpose = subscription::purpose(row.company);
        let sealed = vault.seal(&purpose, &vault.open(&purpose, &row.secret).map_err(failed)?).map_err(failed)?;
        tx.sql("update webhook set secret = $1 where company = $2 and id = $3")
            .bind(sealed)
            .bind(row.company)
            .bind(row.id.parse::<i64>().unwrap_or_default())
            .exec()
            .await?;
        count += 1;
    }
    let providers: Vec<Sealed> =
        tx.sql("select company, id, secret from identity_provider where secret is not null").all().await?;
    for row in providers.into_iter().filter(|row| !vault.is_current(&row.secret)) {
        let purpose = provider::purpose(row.company);
        let sealed = vault.seal(&purpose, &vault.open(&purpose, &row.secret).map_err(failed)?).map_err(failed)?;
        tx.sql("update identity_provider set secret = $1 where company = $2 and id = $3")
            .bind(sealed)
            .bind(row.company)
            .bind(row.id)
            .exec()
            .await?;
        count += 1;
    }
    let mails: Vec<(i64, i64)> =
        tx.sql("select company, id from mail where message is not null order by company, id").all().await?;
    for (company, id) in mails {
        // One at a time: each may be large.
        let query = tx.sql("select message from mail where company = $1 and id = $2").bind(company).bind(id);
        let sealed: Option<Vec<u8>> = query.one().await?;
        let Some(sealed) = sealed.filter(|sealed| !vault.is_current(sealed)) else { continue };
        let purpose = mail::purpose(company);
        let sealed = vault.seal(&purpose, &vault.open(&purpose, &sealed).map_err(failed)?).map_err(failed)?;
        tx.sql("update mail set message = $1 where company = $2 and id = $3")
            .bind(sealed)
            .bind(company)
            .bind(id)
            .exec()
            .await?;
        count += 1;
    }
    count += totp::reseal(tx, vault).await?;
    Ok((count, idempotency::reseal(tx, vault).await?))
}

//! Webhook subscriptions: which URL hears of which topics.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::{Conn, Db};
use serde::{Deserialize, Serialize};

use super::sign::PREFIX;
use crate::http::{Code, Error, Fault};
use crate::setting::{company, number};
use crate::vault::Vault;

/// Topics that events have.
pub const TOPICS: [&str; 5] = ["Chat", "Customer", "Employee", "Product", "Task"];

/// The purpose under which a subscription's secret is sealed.
pub fn purpose(company: i64) -> String {
    format!("{company}/webhook")
}

/// A new subscription, with the secret that is shown once.
#[derive(Debug, Serialize)]
pub struct NewWebhook {
    /// The subscription's id.
    pub id: i64,
    /// Where events go.
    pub url: String,
    /// The topics; empty means all.
    pub topics: Vec<String>,
    /// Checks signatures (`whsec_…`, Standard Webhooks).
    pub secret: String,
}

/// Makes a subscription. Whether a private address is reached is decided by the server, when it connects.
pub async fn create(
    db: &Db,
    vault: &Vault,
    tenant: i64,
    url: &str,
    topics: &[String],
    now: i64,
) -> Result<NewWebhook, Error> {
    check(url, topics)?;
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Error::Internal(error.to_string()))?;
    let sealed = vault.seal(&purpose(tenant), &key).map_err(|error| Error::Internal(error.to_string()))?;
    let words = topics.join(" ");
    let id = db
        .write(async |mut tx| {
            company::must_exist(&mut tx, tenant).await?;
            let id = number::next(&mut tx, tenant, "webhook").await?;
            tx.sql(
                "insert into webhook (company, id, url, topics, secret, state, created_at)
                 values ($1, $2, $3, $4, $5, 'active', $6)",
            )
            .bind(tenant)
            .bind(id)
            .bind(url)
            .bind(&words)
            .bind(sealed.as_slice())
            .bind(now)
            .exec()
            .await?;
            Ok::<_, Error>(id)
        })
        .await?;
    let secret = format!("{PREFIX}{}", STANDARD.encode(key));
    Ok(NewWebhook { id, url: url.to_owned(), topics: topics.to_vec(), secret })
}

fn check(url: &str, topics: &[String]) -> Result<(), Error> {
    let mut faults = Vec::new();
    match url.parse::<reqwest::Url>() {
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => {
            faults.push(Fault::new(Code::InvalidUrl, "url", "A webhook's URL begins with https:// or http://"));
        }
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            faults.push(Fault::new(Code::InvalidUrl, "url", "A webhook's URL holds no credentials"));
        }
        Ok(_) => {}
        Err(error) => faults.push(Fault::new(Code::InvalidUrl, "url", format!("The URL cannot be read: {error}"))),
    }
    for topic in topics.iter().filter(|topic| !TOPICS.contains(&topic.as_str())) {
        faults.push(Fault::new(Code::InvalidValue, "topic", format!("{topic:?} is none of {}", TOPICS.join(", "))));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// A subscription as lists show it: no secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// The subscription's id.
    pub id: i64,
    /// Where events go.
    pub url: String,
    /// Topics separated by spaces; empty means all.
    pub topics: String,
    /// `active` or `paused`.
    pub state: String,
    /// Why it is paused.
    pub state_reason: Option<String>,
    /// Since when every delivery fails, in Unix milliseconds.
    pub failing_since: Option<i64>,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
}

const LISTED: &str = "select id, url, topics, state, state_reason, failing_since, created_at from webhook";

/// The subscriptions of a company, oldest first.
pub async fn list(conn: &mut Conn, tenant: i64) -> Result<Vec<Listed>, db::Error> {
    conn.sql(LISTED).push(" where company = $1 and state <> 'removed' order by id limit 1000").bind(tenant).all().await
}

/// Removes a subscription; what waits for it is given up.
pub async fn remove(db: &Db, tenant: i64, id: i64, now: i64) -> Result<(), Error> {
    db.write(async |mut tx| {
        let removed = tx
            .sql("update webhook set state = 'removed' where company = $1 and id = $2 and state <> 'removed'")
            .bind(tenant)
            .bind(id)
            .exec()
            .await?;
        if removed == 0 {
            return Err(Error::NotFound("webhook"));
        }
        give_up(&mut tx, tenant, id, "the subscription was removed", now).await?;
        Ok(())
    })
    .await
}

/// Starts a paused subscription again; says since when it failed, in Unix milliseconds. What it has missed is not sent by
/// itself: [`replay`](super::replay::replay).
pub async fn resume(db: &Db, tenant: i64, id: i64) -> Result<Option<i64>, Error> {
    db.write(async |mut tx| {
        let paused = "select failing_since from webhook where company = $1 and id = $2 and state = 'paused'";
        let failing: Option<Option<i64>> = tx.sql(paused).bind(tenant).bind(id).optional().await?;
        let failing = failing.ok_or(Error::NotFound("paused webhook"))?;
        tx.sql(
            "update webhook set state = 'active', state_reason = null, failing_since = null
             where company = $1 and id = $2 and state = 'paused'",
        )
        .bind(tenant)
        .bind(id)
        .exec()
        .await?;
        Ok(failing)
    })
    .await
}

/// The refusal of what only an active subscription can do.
pub(super) fn paused() -> Error {
    Error::Conflict(Fault::new(Code::Conflict, "webhook", "The subscription is paused; resume it first"))
}

/// Gives up what waits for a subscription.
pub async fn give_up(tx: &mut Conn, tenant: i64, id: i64, why: &str, now: i64) -> Result<(), db::Error> {
    tx.sql(
        "update webhook_delivery set state = 'failed', last_error = $1, done_at = $2
         where company = $3 and webhook = $4 and state = 'pending'",
    )
    .bind(why)
    .bind(now)
    .bind(tenant)
    .bind(id)
    .exec()
    .await?;
    Ok(())
}

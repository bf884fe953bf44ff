//! Webhook subscriptions: which URL hears of which events, how much of them, and with which secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::{Conn, Db};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::sign::PREFIX;
use crate::audit::{self, Change};
use crate::event::catalogue;
use crate::http::check::Faults;
use crate::http::{Code, Conditions, Error, Fault, Patch};
use crate::setting::{company, number};
use crate::vault::Vault;

/// How long a secret that was replaced still signs (milliseconds).
const OVERLAP: i64 = 24 * 60 * 60 * 1000;

/// Calls at once that a subscription may ask for, at most; the server's own limit may be lower.
const MOST_PARALLEL: i64 = 256;

/// Calls a second that a subscription may ask for, at most.
const MOST_RATE: i64 = 10_000;

/// The purpose under which a subscription's secret is sealed.
pub fn purpose(company: i64) -> String {
    format!("{company}/webhook")
}

/// A subscription as it is stored, without its secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listed {
    /// The subscription's id.
    pub id: i64,
    /// Where events go.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Topics and events separated by spaces; empty means all that are not told by name only.
    pub topics: String,
    /// `full`, or `thin`: no more of a record than what names it.
    pub payload: String,
    /// Calls at once; the server's limit when it is not set.
    pub parallel: Option<i64>,
    /// Calls a second; without a limit when it is not set.
    pub rate: Option<i64>,
    /// `active`, `paused`, or `ended` by the receiver.
    pub state: String,
    /// Why it is paused or ended.
    pub state_reason: Option<String>,
    /// Since when every delivery fails, in Unix milliseconds.
    pub failing_since: Option<i64>,
    /// Until when it is held back; 0 when it is not.
    pub held_until: i64,
    /// Until when the secret before the present one signs, too.
    pub old_until: i64,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// When it was last changed.
    pub modified_at: i64,
    /// How many times it was saved.
    pub version: i64,
}

impl Listed {
    /// What it asks for, word by word.
    pub fn wishes(&self) -> Vec<String> {
        self.topics.split_whitespace().map(str::to_owned).collect()
    }
}

const LISTED: &str = "select id, url, description, topics, payload, parallel, rate, state, state_reason, failing_since,
    held_until, old_until, created_at, modified_at, version from webhook";

/// What is written of a subscription. Absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookWrite {
    /// Where events are posted: https:// or http://, without credentials. Required for a new subscription.
    #[schema(example = "https://example.com/hook")]
    pub url: Option<String>,
    /// What it is for.
    #[schema(value_type = Option<String>, example = "Stock to the shop")]
    pub description: Patch<String>,
    /// Topics (`Chat`) and events (`Chat.Message`), in any letter case; an empty list means all that are not told by name
    /// only. `GET /v1/webhooks/events` lists them.
    #[schema(value_type = Option<Vec<String>>, example = json!(["Chat", "Customer.Created"]))]
    pub topics: Patch<Vec<String>>,
    /// `full` (the default), or `thin`: of each record no more than what names it.
    #[schema(example = "full")]
    pub payload: Option<String>,
    /// Calls at once, 1 to 256; null for the server's limit.
    #[schema(value_type = Option<i64>, example = 8)]
    pub parallel: Patch<i64>,
    /// Calls a second by each node, 1 to 10,000; null for no limit.
    #[schema(value_type = Option<i64>, example = 50)]
    pub rate_per_second: Patch<i64>,
    /// `active` or `paused`: a paused subscription hears nothing, and is not sent by itself what it has missed.
    #[schema(example = "active")]
    pub state: Option<String>,
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
    let write =
        WebhookWrite { url: Some(url.to_owned()), topics: Patch::Set(topics.to_vec()), ..WebhookWrite::default() };
    let secret = new_secret(vault, tenant)?;
    let made = db.write(async |mut tx| add(&mut tx, tenant, "system", &write, &secret, now).await).await?;
    Ok(NewWebhook { id: made.id, url: made.url.clone(), topics: made.wishes(), secret: secret.text })
}

/// A secret in both its forms.
pub struct Secret {
    /// As receivers have it.
    pub text: String,
    sealed: Vec<u8>,
}

/// A new random secret.
pub fn new_secret(vault: &Vault, company: i64) -> Result<Secret, Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Error::Internal(error.to_string()))?;
    let sealed = vault.seal(&purpose(company), &key).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Secret { text: format!("{PREFIX}{}", STANDARD.encode(key)), sealed })
}

/// Adds a subscription in the caller's transaction.
pub async fn add(
    tx: &mut Conn,
    tenant: i64,
    by: &str,
    write: &WebhookWrite,
    secret: &Secret,
    now: i64,
) -> Result<Listed, Error> {
    company::must_exist(tx, tenant).await?;
    let blank = Listed {
        id: 0,
        url: String::new(),
        description: None,
        topics: String::new(),
        payload: "full".to_owned(),
        parallel: None,
        rate: None,
        state: "active".to_owned(),
        state_reason: None,
        failing_since: None,
        held_until: 0,
        old_until: 0,
        created_at: now,
        modified_at: now,
        version: 1,
    };
    let mut row = apply(&blank, write)?;
    row.id = number::next(tx, tenant, "webhook").await?;
    tx.sql(
        "insert into webhook (company, id, url, description, topics, payload, parallel, rate, secret, state, state_reason,
                              created_at, modified_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 1)",
    )
    .bind(tenant)
    .bind(row.id)
    .bind(&row.url)
    .bind(row.description.clone())
    .bind(&row.topics)
    .bind(&row.payload)
    .bind(row.parallel)
    .bind(row.rate)
    .bind(secret.sealed.as_slice())
    .bind(&row.state)
    .bind(row.state_reason.clone())
    .bind(now)
    .later()
    .await?;
    let change = Change { company: tenant, reference: reference(row.id), actor: by, action: "created", at: now };
    audit::record(tx, &change, &json!({}), &audited(&row)).await?;
    Ok(row)
}

/// Changes a subscription in the caller's transaction.
pub async fn change(
    tx: &mut Conn,
    tenant: i64,
    by: &str,
    id: i64,
    write: &WebhookWrite,
    conditions: &Conditions,
    now: i64,
) -> Result<Listed, Error> {
    let old = held(tx, tenant, id).await?;
    conditions.allow_change(Some(old.version))?;
    let mut row = apply(&old, write)?;
    let change = Change { company: tenant, reference: reference(id), actor: by, action: "updated", at: now };
    if !audit::record(tx, &change, &audited(&old), &audited(&row)).await? {
        return Ok(old);
    }
    (row.version, row.modified_at) = (old.version + 1, now);
    let starts = row.state == "active" && old.state != "active";
    if starts {
        (row.failing_since, row.held_until) = (None, 0);
    }
    tx.sql(
        "update webhook set url = $3, description = $4, topics = $5, payload = $6, parallel = $7, rate = $8, state = $9,
                state_reason = $10, failing_since = $11, held_until = $12, modified_at = $13, version = $14,
                strikes = case when $15 then 0 else strikes end
         where company = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(&row.url)
    .bind(row.description.clone())
    .bind(&row.topics)
    .bind(&row.payload)
    .bind(row.parallel)
    .bind(row.rate)
    .bind(&row.state)
    .bind(row.state_reason.clone())
    .bind(row.failing_since)
    .bind(row.held_until)
    .bind(now)
    .bind(row.version)
    .bind(starts)
    .exec()
    .await?;
    if row.state != "active" && old.state == "active" {
        give_up(tx, tenant, id, "the subscription was paused", now).await?;
    }
    Ok(row)
}

/// A subscription after what was written; every fault is named.
fn apply(old: &Listed, write: &WebhookWrite) -> Result<Listed, Error> {
    let mut faults = Faults::default();
    let mut row = old.clone();
    match write.url.as_deref().map(str::trim) {
        Some(url) => {
            if let Err(why) = check_url(url) {
                faults.add(Code::InvalidUrl, "url", why);
            }
            faults.longest("url", url, 2_000);
            url.clone_into(&mut row.url);
        }
        None if old.url.is_empty() => faults.add(Code::Required, "url", "url is required"),
        None => {}
    }
    row.description = faults.text("description", &write.description, row.description, 500);
    match &write.topics {
        Patch::Keep => {}
        Patch::Clear => row.topics.clear(),
        Patch::Set(words) => row.topics = wishes(words, &mut faults).join(" "),
    }
    let payloads = [("full", "full"), ("thin", "thin")];
    if let Some(payload) = faults.choice("payload", write.payload.as_deref(), &payloads) {
        payload.clone_into(&mut row.payload);
    }
    row.parallel = write.parallel.clone().over(row.parallel);
    faults.range("parallel", row.parallel, 1..=MOST_PARALLEL);
    row.rate = write.rate_per_second.clone().over(row.rate);
    faults.range("ratePerSecond", row.rate, 1..=MOST_RATE);
    let states = [("active", "active"), ("paused", "paused")];
    if let Some(state) = faults.choice("state", write.state.as_deref(), &states)
        && state != row.state
    {
        state.clone_into(&mut row.state);
        row.state_reason = (state == "paused").then(|| "paused by hand".to_owned());
    }
    faults.end()?;
    Ok(row)
}

fn check_url(url: &str) -> Result<(), String> {
    match url.parse::<reqwest::Url>() {
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => {
            Err("A webhook's URL must begin with https:// or http://".to_owned())
        }
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            Err("A webhook's URL must not contain credentials".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("The URL cannot be read: {error}")),
    }
}

fn wishes(words: &[String], faults: &mut Faults) -> Vec<String> {
    let mut wishes = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match catalogue::wish(word) {
            Some(wish) if !wishes.contains(&wish) => wishes.push(wish),
            Some(_) => {}
            None => {
                let topics = catalogue::topics().join(", ");
                let message = format!("“{word}” is neither a topic ({topics}) nor an event such as Chat.Message");
                faults.add(Code::InvalidValue, format!("topics[{at}]"), message);
            }
        }
    }
    wishes
}

fn reference(id: i64) -> String {
    format!("webhook/{id}")
}

/// What the audit trail compares.
fn audited(row: &Listed) -> serde_json::Value {
    json!({
        "url": row.url,
        "description": row.description,
        "topics": row.wishes(),
        "payload": row.payload,
        "parallel": row.parallel,
        "ratePerSecond": row.rate,
        "state": row.state,
    })
}

/// The subscriptions of a company, oldest first.
pub async fn list(conn: &mut Conn, tenant: i64) -> Result<Vec<Listed>, db::Error> {
    conn.sql(LISTED).push(" where company = $1 and state <> 'removed' order by id limit 1000").bind(tenant).all().await
}

/// One subscription; 404 without.
pub async fn find(conn: &mut Conn, tenant: i64, id: i64) -> Result<Listed, Error> {
    let query = conn.sql(LISTED).push(" where company = $1 and id = $2 and state <> 'removed'").bind(tenant).bind(id);
    query.optional().await?.ok_or(Error::NotFound("webhook"))
}

/// The same, kept from others until the unit ends.
async fn held(tx: &mut Conn, tenant: i64, id: i64) -> Result<Listed, Error> {
    let query = tx.sql(LISTED).push(" where company = $1 and id = $2 and state <> 'removed'").bind(tenant).bind(id);
    query.held().optional().await?.ok_or(Error::NotFound("webhook"))
}

/// Gives a subscription another secret; the one before it signs, too, for a day. Answers until when.
pub async fn rotate(tx: &mut Conn, tenant: i64, by: &str, id: i64, secret: &Secret, now: i64) -> Result<i64, Error> {
    let old = held(tx, tenant, id).await?;
    let until = now + OVERLAP;
    tx.sql(
        "update webhook set old_secret = secret, old_until = $3, secret = $4, modified_at = $5, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(until)
    .bind(secret.sealed.as_slice())
    .bind(now)
    .exec()
    .await?;
    let change = Change { company: tenant, reference: reference(id), actor: by, action: "secret replaced", at: now };
    audit::record(tx, &change, &json!({"oldSecretUntil": old.old_until}), &json!({"oldSecretUntil": until})).await?;
    Ok(until)
}

/// Removes a subscription; what waits for it is given up.
pub async fn remove(db: &Db, tenant: i64, id: i64, now: i64) -> Result<(), Error> {
    db.write(async |mut tx| take_out(&mut tx, tenant, "system", id, now).await).await
}

/// [`remove`] in the caller's transaction.
pub async fn take_out(tx: &mut Conn, tenant: i64, by: &str, id: i64, now: i64) -> Result<(), Error> {
    let old = held(tx, tenant, id).await?;
    tx.sql("update webhook set state = 'removed', old_secret = null, old_until = 0 where company = $1 and id = $2")
        .bind(tenant)
        .bind(id)
        .exec()
        .await?;
    let change = Change { company: tenant, reference: reference(id), actor: by, action: "deleted", at: now };
    audit::record(tx, &change, &audited(&old), &json!({})).await?;
    Ok(give_up(tx, tenant, id, "the subscription was removed", now).await?)
}

/// Starts a paused subscription again; says since when it failed, in Unix milliseconds. What it has missed is not sent by
/// itself: [`replay`](super::replay::replay).
pub async fn resume(db: &Db, tenant: i64, id: i64) -> Result<Option<i64>, Error> {
    db.write(async |mut tx| {
        let old = held(&mut tx, tenant, id).await?;
        if old.state == "active" {
            return Err(Error::NotFound("paused webhook"));
        }
        let write = WebhookWrite { state: Some("active".to_owned()), ..WebhookWrite::default() };
        change(&mut tx, tenant, "system", id, &write, &Conditions::default(), old.modified_at).await?;
        Ok(old.failing_since)
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

//! Channel accounts: a LINE official account, a page, or a sandbox that delivers to Sala itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use channel::Platform;
use channel::plan::LatePush;
use db::{Conn, Db};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::http::Error;
use crate::job::{self, Kind};
use crate::random;
use crate::setting;
use crate::vault::Vault;

/// A channel account, ready to use.
#[derive(Debug, Clone)]
pub struct Account {
    /// The tenant.
    pub company: i64,
    /// The account's id, which begins with its company.
    pub id: String,
    /// Its platform.
    pub platform: Platform,
    /// Its name, as the administrator gave it.
    pub name: String,
    /// Whether it delivers to Sala itself.
    pub sandbox: bool,
    /// The channel's credentials; none for a sandbox.
    pub credentials: Option<Credentials>,
    /// Another address of the provider, for simulators and proxies.
    pub api_base: Option<String>,
    /// What to do with an answer that is too late to be free.
    pub late_push: LatePush,
    /// Whether it works.
    pub state: State,
    /// Nothing is sent before this time (Unix milliseconds).
    pub paused_until: i64,
}

/// The secrets of a channel, stored encrypted.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Signs callbacks.
    pub channel_secret: String,
    /// Authorises calls.
    pub access_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

/// Whether an account works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    Active,
    /// The month's paid messages are used up; replies still go out.
    Stopped,
    /// The provider refuses its credentials; tried again now and then.
    Broken,
    /// Taken out of use by the administrator.
    Removed,
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Stopped => "stopped",
            State::Broken => "broken",
            State::Removed => "removed",
        }
    }
}

impl Account {
    /// Whether it delivers to Sala itself.
    pub fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// What the LINE adapter needs.
    pub fn line(&self) -> Option<channel::line::Credentials<'_>> {
        let credentials = self.credentials.as_ref()?;
        Some(channel::line::Credentials::new(&credentials.access_token, self.api_base.as_deref()))
    }
}

/// The company in an account's id (`507-…`).
pub fn company_of(id: &str) -> Option<i64> {
    id.split_once('-')?.0.parse().ok()
}

#[derive(Deserialize)]
struct Row {
    id: String,
    platform: i64,
    name: String,
    sandbox: bool,
    secrets: Option<Vec<u8>>,
    api_base: Option<String>,
    late_push: String,
    state: State,
    paused_until: i64,
}

/// The purpose under which an account's secrets are sealed.
pub fn purpose(company: i64) -> String {
    format!("{company}/account")
}

async fn load(app: &App, company: i64, id: &str) -> Result<Option<Account>, Error> {
    let row: Option<Row> = app
        .db
        .read()
        .await?
        .sql(
            "select id, platform, name, sandbox, secrets, api_base, late_push, state, paused_until
             from account where company = $1 and id = $2",
        )
        .bind(company)
        .bind(id)
        .optional()
        .await?;
    let Some(row) = row else { return Ok(None) };
    let credentials = match row.secrets {
        Some(sealed) => {
            let plain = app.vault.open(&purpose(company), &sealed).map_err(|e| Error::Internal(e.to_string()))?;
            Some(serde_json::from_slice(&plain).map_err(|_| Error::Internal("account secrets".to_owned()))?)
        }
        None => None,
    };
    Ok(Some(Account {
        company,
        id: row.id,
        platform: Platform::from_number(row.platform).ok_or_else(|| Error::Internal("unknown platform".to_owned()))?,
        name: row.name,
        sandbox: row.sandbox,
        credentials,
        api_base: row.api_base,
        late_push: match row.late_push.as_str() {
            "ask" => LatePush::Ask,
            "no" => LatePush::No,
            _ => LatePush::Yes,
        },
        state: row.state,
        paused_until: row.paused_until,
    }))
}

/// Accounts used a moment ago.
#[derive(Debug, Default)]
pub struct Accounts {
    known: Mutex<HashMap<String, (Instant, Arc<Account>)>>,
}

/// How long an account is used without looking again.
const CACHED: Duration = Duration::from_millis(900);

impl Accounts {
    /// An account by its id, removed ones too.
    pub async fn get(&self, app: &App, id: &str) -> Result<Option<Arc<Account>>, Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((at, account)) = known
            && at.elapsed() < CACHED
        {
            return Ok(Some(account));
        }
        let Some(company) = company_of(id) else { return Ok(None) };
        let Some(account) = load(app, company, id).await? else { return Ok(None) };
        let account = Arc::new(account);
        let entry = (Instant::now(), Arc::clone(&account));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), entry);
        Ok(Some(account))
    }

    /// Forgets an account that was changed.
    pub fn forget(&self, id: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// What `sala account create` asks for.
#[derive(Debug)]
pub struct NewAccount {
    /// The tenant.
    pub company: i64,
    /// The platform.
    pub platform: Platform,
    /// A name for people.
    pub name: String,
    /// The channel's credentials; none for a sandbox.
    pub credentials: Option<Credentials>,
    /// Another address of the provider.
    pub api_base: Option<String>,
    /// `yes`, `ask` or `no`.
    pub late_push: String,
}

/// An account as lists show it: no secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// The account's id.
    pub id: String,
    /// The platform's name.
    #[serde(deserialize_with = "platform_name")]
    pub platform: String,
    /// The account's name.
    pub name: String,
    /// Whether it delivers to Sala itself.
    pub sandbox: bool,
    /// Whether it works.
    pub state: String,
    /// Why it does not.
    pub state_reason: Option<String>,
    /// `yes`, `ask` or `no`.
    pub late_push: String,
    /// Another address of the provider.
    pub api_base: Option<String>,
    /// Paid messages a month, as the provider said.
    pub quota_limit: Option<i64>,
    /// How many of them are used.
    pub quota_used: Option<i64>,
    /// When the provider was last asked for both, in Unix milliseconds.
    pub quota_checked_at: Option<i64>,
    /// When the provider last called, in Unix milliseconds.
    pub last_callback_at: Option<i64>,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
}

fn platform_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let number = i64::deserialize(deserializer)?;
    Ok(Platform::from_number(number).map_or_else(|| number.to_string(), |platform| platform.name().to_owned()))
}

/// Makes an account.
pub async fn create(db: &Db, vault: &Vault, new: NewAccount, now: i64) -> Result<Listed, Error> {
    let sealed = new.credentials.as_ref().map(|credentials| seal(vault, new.company, credentials)).transpose()?;
    let id = new_id(new.company)?;
    db.write(async |mut tx| {
        setting::company::must_exist(&mut tx, new.company).await?;
        add(&mut tx, &id, &new, sealed.as_deref(), now).await
    })
    .await
}

/// Lets an account work again that was stopped or broken; what waits goes out.
pub async fn resume(db: &Db, company: i64, id: &str, now: i64) -> Result<Listed, Error> {
    db.write(async |mut tx| {
        let changed = tx
            .sql(
                "update account set paused_until = 0, state_reason = null, state = 'active'
                 where company = $1 and id = $2 and state <> 'removed'",
            )
            .bind(company)
            .bind(id)
            .exec()
            .await?;
        if changed == 0 {
            return Err(Error::NotFound("account"));
        }
        hasten(&mut tx, company, id, now).await?;
        find(&mut tx, company, id).await?.ok_or(Error::NotFound("account"))
    })
    .await
}

/// An id for a new account; it begins with its company.
pub(crate) fn new_id(company: i64) -> Result<String, Error> {
    Ok(format!("{company}-{}", random::text(9)?.to_ascii_lowercase().replace(['-', '_'], "x")))
}

/// Credentials as they are stored.
pub(crate) fn seal(vault: &Vault, company: i64, credentials: &Credentials) -> Result<Vec<u8>, Error> {
    let plain = serde_json::to_vec(credentials).map_err(|error| Error::Internal(error.to_string()))?;
    vault.seal(&purpose(company), &plain).map_err(|error| Error::Internal(error.to_string()))
}

/// The same in a transaction; without sealed credentials it is a sandbox.
pub(crate) async fn add(
    tx: &mut Conn,
    id: &str,
    new: &NewAccount,
    sealed: Option<&[u8]>,
    now: i64,
) -> Result<Listed, Error> {
    tx.sql(
        "insert into account (company, id, platform, name, sandbox, secrets, api_base, late_push, state,
                              paused_until, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'active', 0, $9)",
    )
    .bind(new.company)
    .bind(id)
    .bind(new.platform.number())
    .bind(&new.name)
    .bind(sealed.is_none())
    .bind(sealed)
    .bind(new.api_base.clone())
    .bind(&new.late_push)
    .bind(now)
    .exec()
    .await?;
    find(tx, new.company, id).await?.ok_or(Error::NotFound("account"))
}

/// Replaces an account's credentials in place: a channel account is not its token, so its rooms and its waiting
/// messages stay, and go out with the new one.
pub async fn renew(
    db: &Db,
    vault: &Vault,
    company: i64,
    id: &str,
    credentials: &Credentials,
    now: i64,
) -> Result<Listed, Error> {
    let sealed = seal(vault, company, credentials)?;
    db.write(async |mut tx| put_credentials(&mut tx, company, id, &sealed, now).await).await
}

/// The same in a transaction.
pub(crate) async fn put_credentials(
    tx: &mut Conn,
    company: i64,
    id: &str,
    sealed: &[u8],
    now: i64,
) -> Result<Listed, Error> {
    let changed = tx
        .sql(
            "update account set secrets = $1, sandbox = false, paused_until = 0, state_reason = null, state = 'active',
                                refused_at = null, refused_reason = null
             where company = $2 and id = $3 and state <> 'removed'",
        )
        .bind(sealed)
        .bind(company)
        .bind(id)
        .exec()
        .await?;
    if changed == 0 {
        return Err(Error::NotFound("account"));
    }
    hasten(tx, company, id, now).await?;
    find(tx, company, id).await?.ok_or(Error::NotFound("account"))
}

/// Gives an account another name, or another rule for late answers.
pub(crate) async fn change(
    tx: &mut Conn,
    company: i64,
    id: &str,
    name: &str,
    late_push: &str,
) -> Result<Listed, Error> {
    tx.sql("update account set name = $1, late_push = $2 where company = $3 and id = $4 and state <> 'removed'")
        .bind(name)
        .bind(late_push)
        .bind(company)
        .bind(id)
        .exec()
        .await?;
    find(tx, company, id).await?.ok_or(Error::NotFound("account"))
}

const LISTED: &str =
    "select id, platform, name, sandbox, state, state_reason, late_push, api_base, quota_limit, quota_used,
                             quota_checked_at, last_callback_at, created_at
                      from account where company = $1";

/// An account by its id, removed ones too.
pub(crate) async fn find(conn: &mut Conn, company: i64, id: &str) -> Result<Option<Listed>, db::Error> {
    conn.sql(LISTED).push(" and id = $2").bind(company).bind(id).optional().await
}

/// The same, kept from others until the unit ends.
pub(crate) async fn held(tx: &mut Conn, company: i64, id: &str) -> Result<Option<Listed>, db::Error> {
    tx.sql(LISTED).push(" and id = $2").bind(company).bind(id).held().optional().await
}

/// The accounts of a company, oldest first.
pub async fn list(conn: &mut Conn, company: i64) -> Result<Vec<Listed>, db::Error> {
    conn.sql(LISTED).push(" and state <> 'removed' order by created_at, id limit 1000").bind(company).all().await
}

/// Takes an account out of use: callbacks are refused, waiting messages fail, its rooms stay readable.
pub async fn remove(db: &Db, company: i64, id: &str, now: i64) -> Result<(), Error> {
    db.write(async |mut tx| take_out(&mut tx, company, id, now).await).await
}

/// The same in a transaction.
pub(crate) async fn take_out(tx: &mut Conn, company: i64, id: &str, now: i64) -> Result<(), Error> {
    let removed = tx
        .sql("update account set state = 'removed', secrets = null where company = $1 and id = $2 and state <> 'removed'")
        .bind(company)
        .bind(id)
        .exec()
        .await?;
    if removed == 0 {
        return Err(Error::NotFound("account"));
    }
    Ok(hasten(tx, company, id, now).await?)
}

/// Rooms of one account that are hastened at once; further ones are looked at when their own time comes.
const MOST_HASTENED: i64 = 10_000;

/// Lets what waits for an account be looked at now: it was mended, or taken out of use.
pub async fn hasten(tx: &mut Conn, company: i64, id: &str, now: i64) -> Result<(), db::Error> {
    let rooms: Vec<Uuid> = tx
        .sql(
            "select distinct message.room from message
             join room on room.company = message.company and room.id = message.room
             where message.company = $1 and message.delivery = 1 and room.account = $2
             order by message.room limit $3",
        )
        .bind(company)
        .bind(id)
        .bind(MOST_HASTENED)
        .all()
        .await?;
    job::hasten(tx, company, Kind::Deliver, rooms.iter().map(Uuid::to_string), now).await
}

/// Lets an account wait after too many calls; how it is otherwise stays as it is.
pub async fn pause(tx: &mut Conn, account: &Account, until: i64) -> Result<(), db::Error> {
    tx.sql("update account set paused_until = $1 where company = $2 and id = $3 and paused_until < $1")
        .bind(until)
        .bind(account.company)
        .bind(&account.id)
        .exec()
        .await?;
    Ok(())
}

/// Writes down what the provider said of the month.
pub async fn set_quota(
    tx: &mut Conn,
    account: &Account,
    limit: Option<i64>,
    used: i64,
    now: i64,
) -> Result<(), db::Error> {
    tx.sql(
        "update account set quota_limit = $1, quota_used = $2, quota_checked_at = $3 where company = $4 and id = $5",
    )
    .bind(limit)
    .bind(used)
    .bind(now)
    .bind(account.company)
    .bind(&account.id)
    .exec()
    .await?;
    Ok(())
}

/// Writes down how an account is: stopped at its quota, broken, or well again.
pub async fn set_state(
    tx: &mut Conn,
    account: &Account,
    state: State,
    reason: Option<&str>,
    paused_until: i64,
) -> Result<(), db::Error> {
    tx.sql(
        "update account set state = $1, state_reason = $2, paused_until = $3
         where company = $4 and id = $5 and state <> 'removed'",
    )
    .bind(state.as_str())
    .bind(reason)
    .bind(paused_until)
    .bind(account.company)
    .bind(&account.id)
    .exec()
    .await?;
    Ok(())
}

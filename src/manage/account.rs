//! Channel accounts over HTTP: connecting one, looking whether it works, renewing its credentials, taking it out of use.
//! The address of the provider is left to whoever has the command line: this server calls it.

use std::sync::Arc;

use axum::extract::State;
use channel::Platform;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::note;
use super::provider::{ChannelAccountCheck, ask, enter, is_address_of};
use crate::app::App;
use crate::chat::account::{self, Account, Credentials, Listed, NewAccount};
use crate::chat::line::ask_quota;
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Listing, Path, Reply};
use crate::job::Kind;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_channel_accounts, create_channel_account))
        .routes(routes!(get_channel_account, update_channel_account, remove_channel_account))
        .routes(routes!(renew_channel_account))
        .routes(routes!(check_channel_account))
        .routes(routes!(enter_channel_webhook))
}

/// A channel account. Its credentials are never answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelAccount {
    /// Its id.
    #[schema(example = "507-k3j9x2mqw7ha")]
    id: String,
    /// The platform: `line`, `messenger`, …
    #[schema(example = "line")]
    platform: String,
    /// Its name, for people.
    #[schema(example = "Siam Tools")]
    name: String,
    /// Whether it delivers to this server itself instead of a provider.
    #[schema(example = false)]
    is_sandbox: bool,
    /// `active`; `stopped` when the month's paid messages are used up; `broken` when the provider refuses its credentials.
    #[schema(example = "active")]
    state: String,
    /// Why it is stopped or broken, as the provider put it.
    state_reason: Option<String>,
    /// What happens to an answer that is too late for its free reply: `yes` pays for it, `ask` waits for a person, `no`
    /// never pays.
    #[schema(example = "yes")]
    late_push: String,
    /// The address to enter with the provider, at which this server is called; null where none is called for.
    #[schema(example = "https://sala.example.com/channels/line/507-k3j9x2mqw7ha")]
    webhook_url: Option<String>,
    /// Paid messages a month, as the provider said; null when it was not asked, or sets no limit.
    #[schema(example = 15000)]
    quota_limit: Option<i64>,
    /// How many of them are used.
    #[schema(example = 1204)]
    quota_used: Option<i64>,
    /// When the provider was last asked for both: Unix time in milliseconds.
    quota_checked_at: Option<i64>,
    /// When the provider last called: Unix time in milliseconds.
    last_callback_at: Option<i64>,
    /// When it was made: Unix time in milliseconds.
    created_at: i64,
}

/// The secrets of a channel, as its provider shows them.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChannelSecrets {
    /// Signs callbacks: "Channel secret" in LINE's console.
    #[schema(example = "<Channel-Secret>")]
    channel_secret: Option<String>,
    /// Authorises calls: "Channel access token (long-lived)" in LINE's console.
    #[schema(example = "<Channel-Access-Token>")]
    access_token: Option<String>,
}

/// A channel account to be connected.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewChannelAccount {
    /// `line`, `messenger`, `instagram`, `whatsapp` or `web`; the others than `line` only as a sandbox so far.
    #[schema(example = "line")]
    platform: String,
    /// Its name, for people.
    #[schema(example = "Siam Tools")]
    name: String,
    /// Deliver to this server itself instead of a provider: for trying things out.
    #[schema(example = false)]
    is_sandbox: Option<bool>,
    /// What happens to an answer that is too late for its free reply: `yes`, the default, `ask` or `no`.
    #[schema(example = "yes")]
    late_push: Option<String>,
    /// Signs callbacks: "Channel secret" in LINE's console. Not of a sandbox.
    #[schema(example = "<Channel-Secret>")]
    channel_secret: Option<String>,
    /// Authorises calls: "Channel access token (long-lived)" in LINE's console. Not of a sandbox.
    #[schema(example = "<Channel-Access-Token>")]
    access_token: Option<String>,
}

/// A change of a channel account; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChannelAccountUpdate {
    /// Its name, for people.
    #[schema(example = "Siam Tools")]
    name: Option<String>,
    /// What happens to an answer that is too late for its free reply: `yes`, `ask` or `no`.
    #[schema(example = "ask")]
    late_push: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct AccountPath {
    /// The account's id.
    id: String,
}

/// The address that a provider calls.
fn webhook_url(app: &App, account: &Listed) -> Option<String> {
    (account.platform == Platform::Line.name() && !account.sandbox).then(|| {
        let base = app.config.public_url.clone().unwrap_or_else(|| format!("http://{}", app.config.listen));
        format!("{}/channels/line/{}", base.trim_end_matches('/'), account.id)
    })
}

fn view(app: &App, row: Listed) -> ChannelAccount {
    ChannelAccount {
        webhook_url: webhook_url(app, &row),
        id: row.id,
        platform: row.platform,
        name: row.name,
        is_sandbox: row.sandbox,
        state: row.state,
        state_reason: row.state_reason,
        late_push: row.late_push,
        quota_limit: row.quota_limit,
        quota_used: row.quota_used,
        quota_checked_at: row.quota_checked_at,
        last_callback_at: row.last_callback_at,
        created_at: row.created_at,
    }
}

/// An account that works or could work, and that the caller has to do with.
async fn must(conn: &mut Conn, caller: &Caller, id: &str) -> Result<Listed, Error> {
    usable(caller, account::find(conn, caller.company, id).await?)
}

/// The same, held until the unit ends.
async fn held(tx: &mut Conn, caller: &Caller, id: &str) -> Result<Listed, Error> {
    usable(caller, account::held(tx, caller.company, id).await?)
}

fn usable(caller: &Caller, found: Option<Listed>) -> Result<Listed, Error> {
    let found = found.filter(|row| row.state != "removed" && caller.sees_account(&row.id));
    found.ok_or(Error::NotFound("account"))
}

async fn one(conn: &mut Conn, app: &App, caller: &Caller, id: &str) -> Result<ChannelAccount, Error> {
    Ok(view(app, must(conn, caller, id).await?))
}

/// What the audit trail keeps of an account.
fn noted(row: &Listed) -> serde_json::Value {
    json!({"name": row.name, "platform": row.platform, "latePush": row.late_push, "sandbox": row.sandbox})
}

const LATE: [(&str, &str); 3] = [("yes", "yes"), ("ask", "ask"), ("no", "no")];

/// The longest secret of a channel that is taken, in characters.
const LONGEST_SECRET: usize = 1000;

/// Both secrets, or the faults that name them.
fn credentials(channel_secret: Option<&str>, access_token: Option<&str>, faults: &mut Faults) -> Credentials {
    let mut one = |field: &str, text: Option<&str>| {
        let text = text.unwrap_or_default().trim().to_owned();
        faults.required(field, &text, LONGEST_SECRET);
        // Both travel in headers.
        if text.chars().any(|c| !c.is_ascii_graphic()) {
            faults.add(Code::InvalidFormat, field, format!("{field} may contain only letters, digits and symbols"));
        }
        text
    };
    Credentials { channel_secret: one("channelSecret", channel_secret), access_token: one("accessToken", access_token) }
}

/// List the channel accounts.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    operation_id = "listChannelAccounts",
    tag = "Channels",
    responses((status = 200, description = "The accounts, oldest first.", body = Envelope<Listing<ChannelAccount>>)),
    security(("bearerAuth" = ["account:read"], "subscriptionKey" = []))
)]
async fn list_channel_accounts(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Listing<ChannelAccount>>, Error> {
    let mut conn = app.db.read().await?;
    let rows = account::list(&mut conn, caller.company).await?;
    let seen = rows.into_iter().filter(|row| caller.sees_account(&row.id));
    let value: Vec<ChannelAccount> = seen.map(|row| view(&app, row)).collect();
    let total = i64::try_from(value.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(value, total)))
}

/// Read one channel account.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}",
    operation_id = "getChannelAccount",
    tag = "Channels",
    params(AccountPath),
    responses((status = 200, description = "The account.", body = Envelope<ChannelAccount>)),
    security(("bearerAuth" = ["account:read"], "subscriptionKey" = []))
)]
async fn get_channel_account(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Result<Reply<ChannelAccount>, Error> {
    Ok(Reply::ok(one(&mut app.db.read().await?, &app, &caller, &path.id).await?))
}

/// Connect a channel account, or make a sandbox.
///
/// Enter the answer's `webhookUrl` with the provider; then `POST /v1/accounts/{id}/check` says what is still missing.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    operation_id = "createChannelAccount",
    tag = "Channels",
    request_body = NewChannelAccount,
    responses((status = 201, description = "The account.", body = Envelope<ChannelAccount>)),
    security(("bearerAuth" = ["account:write"], "subscriptionKey" = []))
)]
async fn create_channel_account(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<NewChannelAccount>,
) -> Result<Reply<ChannelAccount>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("name", input.name.trim(), 200);
    let platform = Platform::read(input.platform.trim());
    if platform.is_none() {
        faults.add(
            Code::UnknownPlatform,
            "platform",
            "platform must be one of line, messenger, instagram, whatsapp, web",
        );
    }
    let late = faults.choice("latePush", input.late_push.as_deref(), &LATE).unwrap_or("yes");
    let sandbox = input.is_sandbox == Some(true);
    if !sandbox && platform.is_some_and(|platform| platform != Platform::Line) {
        faults.add(
            Code::InvalidValue,
            "platform",
            "only line accounts can have credentials so far; use isSandbox for the others",
        );
    }
    let secrets = (input.channel_secret.as_deref(), input.access_token.as_deref());
    let credentials = (!sandbox).then(|| credentials(secrets.0, secrets.1, &mut faults));
    faults.end()?;
    let sealed =
        credentials.as_ref().map(|credentials| account::seal(&app.vault, caller.company, credentials)).transpose()?;
    let id = account::new_id(caller.company)?;
    let new = NewAccount {
        company: caller.company,
        platform: platform.unwrap_or(Platform::Line),
        name: input.name.trim().to_owned(),
        credentials,
        api_base: None,
        late_push: late.to_owned(),
    };
    // Whoever is kept to some accounts would not see the new one.
    if !caller.sees_account(&id) {
        return Err(Error::Forbidden("account:write".to_owned()));
    }
    caller
        .write(&app, async |mut tx| {
            let row = account::add(&mut tx, &id, &new, sealed.as_deref(), app.now()).await?;
            note(&mut tx, &caller, format!("account/{id}"), "created", (&json!({}), &noted(&row)), app.now()).await?;
            tx.reply(Reply::created(view(&app, row))).await
        })
        .await
}

/// Change a channel account's name, or what becomes of late answers.
#[utoipa::path(
    patch,
    path = "/v1/accounts/{id}",
    operation_id = "updateChannelAccount",
    tag = "Channels",
    params(AccountPath),
    request_body = ChannelAccountUpdate,
    responses((status = 200, description = "The account.", body = Envelope<ChannelAccount>)),
    security(("bearerAuth" = ["account:write"], "subscriptionKey" = []))
)]
async fn update_channel_account(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    Checked { value: input, faults }: Checked<ChannelAccountUpdate>,
) -> Result<Reply<ChannelAccount>, Error> {
    let mut faults = Faults::new(faults);
    if let Some(name) = &input.name {
        faults.required("name", name.trim(), 200);
    }
    let late = faults.choice("latePush", input.late_push.as_deref(), &LATE);
    faults.end()?;
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, &path.id).await?;
            let name = input.name.as_deref().map_or(old.name.as_str(), str::trim);
            let late = late.unwrap_or(&old.late_push);
            let new = account::change(&mut tx, caller.company, &old.id, name, late).await?;
            note(&mut tx, &caller, format!("account/{}", old.id), "updated", (&noted(&old), &noted(&new)), app.now())
                .await?;
            tx.reply(Reply::ok(view(&app, new))).await
        })
        .await?;
    app.accounts.forget(&path.id);
    Ok(reply)
}

/// Replace a channel account's credentials; its rooms and its waiting messages stay, and go out with the new ones.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/credentials",
    operation_id = "renewChannelAccount",
    tag = "Channels",
    params(AccountPath),
    request_body = ChannelSecrets,
    responses((status = 200, description = "The account.", body = Envelope<ChannelAccount>)),
    security(("bearerAuth" = ["account:write"], "subscriptionKey" = []))
)]
async fn renew_channel_account(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    Checked { value: input, faults }: Checked<ChannelSecrets>,
) -> Result<Reply<ChannelAccount>, Error> {
    let mut faults = Faults::new(faults);
    let credentials = credentials(input.channel_secret.as_deref(), input.access_token.as_deref(), &mut faults);
    faults.end()?;
    let sealed = account::seal(&app.vault, caller.company, &credentials)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, &path.id).await?;
            if old.platform != Platform::Line.name() {
                let why = "Only line accounts can have credentials so far";
                return Err(Error::Conflict(Fault::new(Code::Conflict, "id", why)));
            }
            let new = account::put_credentials(&mut tx, caller.company, &old.id, &sealed, app.now()).await?;
            // That they were replaced is told, never what they are.
            let (from, to) = (json!({"credentials": "before"}), json!({"credentials": "renewed"}));
            note(&mut tx, &caller, format!("account/{}", old.id), "updated", (&from, &to), app.now()).await?;
            tx.reply(Reply::ok(view(&app, new))).await
        })
        .await?;
    app.accounts.forget(&path.id);
    app.wakes.wake(Kind::Deliver);
    Ok(reply)
}

/// Take a channel account out of use: callbacks are refused, waiting messages fail, its rooms stay readable.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}",
    operation_id = "removeChannelAccount",
    tag = "Channels",
    params(AccountPath),
    responses((status = 200, description = "It is out of use.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["account:write"], "subscriptionKey" = []))
)]
async fn remove_channel_account(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Result<Reply<Option<String>>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, &path.id).await?;
            account::take_out(&mut tx, caller.company, &old.id, app.now()).await?;
            note(&mut tx, &caller, format!("account/{}", old.id), "deleted", (&noted(&old), &json!({})), app.now())
                .await?;
            tx.reply(Reply::ok(None)).await
        })
        .await?;
    app.accounts.forget(&path.id);
    app.wakes.wake(Kind::Deliver);
    Ok(reply)
}

/// Ask the provider whether an account works: its token, its webhook, and its quota.
///
/// Nothing is sent to a customer. A sandbox always works.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/check",
    operation_id = "checkChannelAccount",
    tag = "Channels",
    params(AccountPath),
    responses((status = 200, description = "What the provider says.", body = Envelope<ChannelAccountCheck>)),
    security(("bearerAuth" = ["account:write"], "subscriptionKey" = []))
)]
async fn check_channel_account(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Result<Reply<ChannelAccountCheck>, Error> {
    let (row, account) = fresh(&app, &caller, &path.id).await?;
    let check = look(&app, &row, &account).await;
    answer(&app, &caller, &account, check, None).await
}

/// Tell the provider to call this server, and have it try: what "Webhook URL" and "Verify" do in LINE's console.
///
/// It replaces the address that is entered there. Whether the provider uses it ("Use webhook") stays a switch of its own, which
/// `isUsed` tells of. 409 `conflict` for a sandbox, which no provider calls.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/webhook",
    operation_id = "enterChannelWebhook",
    tag = "Channels",
    params(AccountPath),
    responses((status = 200, description = "What the provider says afterwards.", body = Envelope<ChannelAccountCheck>)),
    security(("bearerAuth" = ["account:write"], "subscriptionKey" = []))
)]
async fn enter_channel_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Result<Reply<ChannelAccountCheck>, Error> {
    let (row, account) = fresh(&app, &caller, &path.id).await?;
    let (Some(credentials), Some(address)) = (account.line(), webhook_url(&app, &row)) else {
        return Err(Error::Conflict(Fault::new(Code::Conflict, "id", "No provider calls a sandbox")));
    };
    let before = ask(&app, &account).await;
    let entered = if before.token { enter(&app, &credentials, &address).await } else { Ok(None) };
    let mut check = look(&app, &row, &account).await;
    match entered {
        Ok(test) => check.webhook_test = test,
        Err(why) => check.problem = Some(why),
    }
    let moved = (before.endpoint != check.endpoint).then(|| (before.endpoint, check.endpoint.clone()));
    answer(&app, &caller, &account, check, moved).await
}

/// The account as it is stored now, not as a node remembers it.
async fn fresh(app: &App, caller: &Caller, id: &str) -> Result<(Listed, Arc<Account>), Error> {
    let row = must(&mut app.db.read().await?, caller, id).await?;
    app.accounts.forget(&row.id);
    let account = app.accounts.get(app, &row.id).await?.ok_or(Error::NotFound("account"))?;
    Ok((row, account))
}

/// Everything that the provider says of the account, without its quota.
async fn look(app: &App, row: &Listed, account: &Account) -> ChannelAccountCheck {
    let mut check = ask(app, account).await;
    check.last_callback_at = row.last_callback_at;
    check.is_ours =
        account.is_sandbox() || check.endpoint.as_deref().is_some_and(|endpoint| is_address_of(endpoint, &account.id));
    check
}

/// Keeps what the provider said of the quota, and of another address of the webhook if it has one now; answers the rest.
async fn answer(
    app: &App,
    caller: &Caller,
    account: &Account,
    check: ChannelAccountCheck,
    moved: Option<(Option<String>, Option<String>)>,
) -> Result<Reply<ChannelAccountCheck>, Error> {
    let month = if check.token { ask_quota(app, account).await } else { None };
    caller
        .write(app, async |mut tx| {
            if let Some(month) = &month {
                account::set_quota(&mut tx, account, month.limit, month.used, app.now()).await?;
            }
            if let Some((from, to)) = &moved {
                let (from, to) = (json!({"webhook": from}), json!({"webhook": to}));
                note(&mut tx, caller, format!("account/{}", account.id), "updated", (&from, &to), app.now()).await?;
            }
            let shown = one(&mut tx, app, caller, &account.id).await?;
            tx.reply(Reply::ok(ChannelAccountCheck { account: Some(shown), ..check.clone() })).await
        })
        .await
}

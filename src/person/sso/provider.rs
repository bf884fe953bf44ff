//! A company's identity providers, as administrators enter them. Whoever says which provider is believed can be anybody at the next
//! sign-in: that is for those alone who may do everything.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::remote::{self, Trouble};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Faults, Json, Patch, Path, Reply, absolute};
use crate::person::user::may_give;
use crate::person::{Named, role};
use crate::random;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_identity_providers, create_identity_provider))
        .routes(routes!(get_identity_provider, update_identity_provider, delete_identity_provider))
        .routes(routes!(check_identity_provider))
}

/// Providers that a company may have.
const MOST: usize = 10;

/// Domains that a provider may be limited to.
const MOST_DOMAINS: usize = 50;

/// A provider as stored.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Provider {
    pub(super) company: i64,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) name_en: Option<String>,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) secret: Option<Vec<u8>>,
    domains: Value,
    pub(super) trust_email: bool,
    pub(super) join_role: Option<i64>,
    pub(super) enabled: bool,
    created_at: i64,
    modified_at: i64,
    version: i64,
}

/// Reads [`Provider`]s.
const ROW: &str = "
    select company, id, name, name_en, issuer, client_id, secret, domains, trust_email, join_role, enabled, created_at,
           modified_at, version
    from identity_provider where company = $1";

/// What a client's secret is sealed for.
pub(crate) fn purpose(company: i64) -> String {
    format!("{company}/sso")
}

impl Provider {
    pub(super) fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Where the provider sends people back to; it must know this address.
    pub(super) fn redirect(&self, app: &App) -> String {
        absolute(app, &format!("/v1/auth/oidc/{}/callback", self.id))
    }

    /// The client's secret, opened.
    pub(super) fn opened(&self, app: &App) -> Result<Option<String>, Error> {
        let Some(sealed) = &self.secret else { return Ok(None) };
        let plain = app.vault.open(&purpose(self.company), sealed);
        let plain = plain.map_err(|error| Error::Internal(error.to_string()))?;
        String::from_utf8(plain).map(Some).map_err(|error| Error::Internal(error.to_string()))
    }

    /// What the audit trail compares.
    fn entered(&self) -> Value {
        json!({
            "name": self.name, "nameEn": self.name_en, "issuer": self.issuer, "clientId": self.client_id,
            "hasSecret": self.secret.is_some(), "domains": self.domains, "trustEmail": self.trust_email,
            "joinRoleId": self.join_role, "isActive": self.enabled,
        })
    }
}

/// All providers of a company, oldest first.
pub(super) async fn all(conn: &mut Conn, company: i64) -> Result<Vec<Provider>, db::Error> {
    conn.sql(ROW).push(" order by created_at, id").bind(company).all().await
}

/// One provider.
pub(super) async fn find(conn: &mut Conn, company: i64, id: &str) -> Result<Option<Provider>, db::Error> {
    conn.sql(ROW).push(" and id = $2").bind(company).bind(id).optional().await
}

/// An identity provider by which a company's people sign in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IdentityProvider {
    /// Its id.
    #[schema(example = "507-Zk0aPq3x")]
    id: String,
    /// What the button says.
    #[schema(example = "เข้าสู่ระบบด้วย Google")]
    name: String,
    /// The same in English; the name when null.
    #[schema(example = "Sign in with Google")]
    name_en: Option<String>,
    /// The provider's own name: the address below which `/.well-known/openid-configuration` is.
    #[schema(example = "https://accounts.google.com")]
    issuer: String,
    /// What it calls this server.
    #[schema(example = "sala-console")]
    client_id: String,
    /// Whether a client's secret is stored; it is not shown.
    has_secret: bool,
    /// Domains whose e-mails may sign in; an empty list is any that the provider knows.
    #[schema(example = json!(["example.com"]))]
    domains: Vec<String>,
    /// Whether an e-mail counts as verified where the provider does not say.
    trust_email: bool,
    /// The role of people who are made at their first sign-in; null where unknown people are refused.
    join_role: Option<Named>,
    /// Whether the sign-in page offers it.
    is_active: bool,
    /// The address to be entered at the provider, to which it sends people back.
    #[schema(example = "https://sala.example.com/v1/auth/oidc/507-Zk0aPq3x/callback")]
    redirect_uri: String,
    /// When it was made: Unix time in milliseconds.
    created_at: i64,
    /// When it was last changed.
    modified_at: i64,
}

/// An identity provider to be entered or changed; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IdentityProviderWrite {
    /// What the button says; needed for a new one.
    #[schema(example = "เข้าสู่ระบบด้วย Google")]
    name: Option<String>,
    /// The same in English.
    #[schema(value_type = Option<String>, example = "Sign in with Google")]
    name_en: Patch<String>,
    /// The provider's own name, an https address; needed for a new one.
    #[schema(example = "https://accounts.google.com")]
    issuer: Option<String>,
    /// What it calls this server; needed for a new one.
    #[schema(example = "sala-console")]
    client_id: Option<String>,
    /// The client's secret; null for a provider that asks for none. A new issuer needs it again.
    #[schema(value_type = Option<String>, example = "the-secret-that-the-provider-shows")]
    secret: Patch<String>,
    /// Domains whose e-mails may sign in, all of them; an empty list is any.
    #[schema(example = json!(["example.com"]))]
    domains: Option<Vec<String>>,
    /// Whether an e-mail counts as verified where the provider does not say (Microsoft Entra does not). One that it calls
    /// unverified never counts.
    #[schema(example = false)]
    trust_email: Option<bool>,
    /// The role of people who are made at their first sign-in, by number or name; null refuses unknown people.
    #[schema(value_type = Option<String>, example = "Agent")]
    join_role_id: Patch<String>,
    /// Whether the sign-in page offers it.
    #[schema(example = true)]
    is_active: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
struct IdentityProviders {
    /// The providers, oldest first.
    value: Vec<IdentityProvider>,
}

/// What a provider said when it was asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IdentityProviderCheck {
    /// Whether people can be sent to it.
    is_good: bool,
    /// What is wrong, in English.
    #[schema(example = "The discovery document answers 404")]
    problem: Option<String>,
    /// What is wrong, as a word: `unreachable`, `too_large`, `no_json`, `status`, `issuer`, `address`, `missing`, `keys`,
    /// `algorithm`, `flow`, `secret`.
    #[schema(example = "status")]
    code: Option<&'static str>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ProviderPath {
    /// The provider.
    id: String,
}

fn view(app: &App, row: Provider, roles: &[Choice]) -> IdentityProvider {
    let join = row.join_role.map(|id| {
        let known = roles.iter().find(|role| role.id == id);
        Named {
            id,
            name: known.map(|role| role.name.clone()).unwrap_or_default(),
            name_en: known.and_then(|role| role.name_en.clone()),
        }
    });
    IdentityProvider {
        redirect_uri: row.redirect(app),
        domains: row.domains().map(str::to_owned).collect(),
        has_secret: row.secret.is_some(),
        join_role: join,
        id: row.id,
        name: row.name,
        name_en: row.name_en,
        issuer: row.issuer,
        client_id: row.client_id,
        trust_email: row.trust_email,
        is_active: row.enabled,
        created_at: row.created_at,
        modified_at: row.modified_at,
    }
}

async fn shown(conn: &mut Conn, app: &App, row: Provider) -> Result<IdentityProvider, Error> {
    let roles = choice::all(conn, row.company, List::Roles).await?;
    Ok(view(app, row, &roles))
}

/// Whoever enters a provider may do everything: it can name anybody.
fn may_enter(app: &App, caller: &Caller) -> Result<(), Error> {
    may_give(app, caller, Some(&role::detail(&["*"], "all")))
}

/// List the identity providers.
#[utoipa::path(
    get,
    path = "/v1/console/sso",
    operation_id = "listIdentityProviders",
    tag = "Users",
    responses((status = 200, description = "The providers.", body = Envelope<IdentityProviders>)),
    security(("bearerAuth" = ["user:read"], "subscriptionKey" = []))
)]
async fn list_identity_providers(State(app): State<App>, caller: Caller) -> Result<Reply<IdentityProviders>, Error> {
    let mut conn = app.db.read().await?;
    let roles = choice::all(&mut conn, caller.company, List::Roles).await?;
    let rows = all(&mut conn, caller.company).await?;
    Ok(Reply::ok(IdentityProviders { value: rows.into_iter().map(|row| view(&app, row, &roles)).collect() }))
}

/// Read one identity provider.
#[utoipa::path(
    get,
    path = "/v1/console/sso/{id}",
    operation_id = "getIdentityProvider",
    tag = "Users",
    params(ProviderPath, Conditions),
    responses((status = 200, description = "The provider.", body = Envelope<IdentityProvider>)),
    security(("bearerAuth" = ["user:read"], "subscriptionKey" = []))
)]
async fn get_identity_provider(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ProviderPath>,
) -> Result<Reply<IdentityProvider>, Error> {
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, caller.company, &path.id).await?.ok_or(Error::NotFound("identity provider"))?;
    let version = row.version;
    Ok(Reply::ok(shown(&mut conn, &app, row).await?).version(version, &conditions))
}

/// Enter an identity provider (OpenID Connect).
///
/// For callers who may do everything. The answer names the address to be entered at the provider.
#[utoipa::path(
    post,
    path = "/v1/console/sso",
    operation_id = "createIdentityProvider",
    tag = "Users",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = IdentityProviderWrite,
    responses((status = 201, description = "The provider.", body = Envelope<IdentityProvider>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn create_identity_provider(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<IdentityProviderWrite>,
) -> Result<Reply<IdentityProvider>, Error> {
    may_enter(&app, &caller)?;
    let (company, now) = (caller.company, app.now());
    let new = Provider {
        company,
        id: format!("{company}-{}", random::text(6)?),
        name: String::new(),
        name_en: None,
        issuer: String::new(),
        client_id: String::new(),
        secret: None,
        domains: json!([]),
        trust_email: false,
        join_role: None,
        enabled: true,
        created_at: now,
        modified_at: now,
        version: 1,
    };
    caller
        .write(&app, async |mut tx| {
            tx.lock(&format!("sso/{company}")).await?;
            let row = merged(&mut tx, &app, &new, &input).await?;
            if all(&mut tx, company).await?.len() >= MOST {
                let message = format!("A company may have {MOST} identity providers");
                return Err(Error::Conflict(Fault::new(Code::Conflict, "", message)));
            }
            tx.sql(
                "insert into identity_provider (company, id, name, name_en, issuer, client_id, secret, domains, trust_email,
                                                join_role, enabled, created_by, created_at, modified_by, modified_at, version)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13, 1)",
            )
            .bind(company)
            .bind(&row.id)
            .bind(&row.name)
            .bind(row.name_en.as_deref())
            .bind(&row.issuer)
            .bind(&row.client_id)
            .bind(row.secret.as_deref())
            .bind(row.domains.clone())
            .bind(row.trust_email)
            .bind(row.join_role)
            .bind(row.enabled)
            .bind(&caller.id)
            .bind(now)
            .exec()
            .await?;
            note(&mut tx, &caller, &row, "created", (&json!({}), &row.entered()), now).await?;
            let reply = Reply::created(shown(&mut tx, &app, row).await?);
            tx.reply(reply).await
        })
        .await
}

/// Change an identity provider.
///
/// For callers who may do everything.
#[utoipa::path(
    patch,
    path = "/v1/console/sso/{id}",
    operation_id = "updateIdentityProvider",
    tag = "Users",
    params(ProviderPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = IdentityProviderWrite,
    responses((status = 200, description = "The provider.", body = Envelope<IdentityProvider>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn update_identity_provider(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ProviderPath>,
    Json(input): Json<IdentityProviderWrite>,
) -> Result<Reply<IdentityProvider>, Error> {
    may_enter(&app, &caller)?;
    let (company, now) = (caller.company, app.now());
    let reply = caller
        .write(&app, async |mut tx| {
            tx.lock(&format!("sso/{company}")).await?;
            let old = find(&mut tx, company, &path.id).await?.ok_or(Error::NotFound("identity provider"))?;
            conditions.allow_change(Some(old.version))?;
            let mut row = merged(&mut tx, &app, &old, &input).await?;
            (row.modified_at, row.version) = (now, old.version + 1);
            tx.sql(
                "update identity_provider set name = $3, name_en = $4, issuer = $5, client_id = $6, secret = $7, domains = $8,
                    trust_email = $9, join_role = $10, enabled = $11, modified_by = $12, modified_at = $13, version = $14
                 where company = $1 and id = $2",
            )
            .bind(company)
            .bind(&row.id)
            .bind(&row.name)
            .bind(row.name_en.as_deref())
            .bind(&row.issuer)
            .bind(&row.client_id)
            .bind(row.secret.as_deref())
            .bind(row.domains.clone())
            .bind(row.trust_email)
            .bind(row.join_role)
            .bind(row.enabled)
            .bind(&caller.id)
            .bind(now)
            .bind(row.version)
            .exec()
            .await?;
            note(&mut tx, &caller, &row, "updated", (&old.entered(), &row.entered()), now).await?;
            let version = row.version;
            let reply = Reply::ok(shown(&mut tx, &app, row).await?).version(version, &Conditions::default());
            tx.reply(reply).await
        })
        .await?;
    Ok(reply)
}

/// Take an identity provider away; nobody signs in by it any more. People and their sessions stay.
#[utoipa::path(
    delete,
    path = "/v1/console/sso/{id}",
    operation_id = "deleteIdentityProvider",
    tag = "Users",
    params(ProviderPath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn delete_identity_provider(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProviderPath>,
) -> Result<Reply<()>, Error> {
    may_enter(&app, &caller)?;
    let company = caller.company;
    caller
        .write(&app, async |mut tx| {
            tx.lock(&format!("sso/{company}")).await?;
            let old = find(&mut tx, company, &path.id).await?.ok_or(Error::NotFound("identity provider"))?;
            let gone = tx.sql("delete from identity_provider where company = $1 and id = $2");
            gone.bind(company).bind(&path.id).exec().await?;
            note(&mut tx, &caller, &old, "deleted", (&old.entered(), &json!({})), app.now()).await?;
            tx.reply(Reply::ok(())).await
        })
        .await
}

/// Ask an identity provider for what it says of itself, and say what is wrong with it.
#[utoipa::path(
    post,
    path = "/v1/console/sso/{id}/check",
    operation_id = "checkIdentityProvider",
    tag = "Users",
    params(ProviderPath),
    responses((status = 200, description = "What it said; one that is wrong is no error of the request.", body = Envelope<IdentityProviderCheck>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn check_identity_provider(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProviderPath>,
) -> Result<Reply<IdentityProviderCheck>, Error> {
    let row = find(&mut app.db.read().await?, caller.company, &path.id).await?;
    let row = row.ok_or(Error::NotFound("identity provider"))?;
    may_enter(&app, &caller)?;
    let trouble = asked(&app, &row).await.err();
    Ok(Reply::ok(IdentityProviderCheck {
        is_good: trouble.is_none(),
        code: trouble.as_ref().map(|trouble| trouble.code),
        problem: trouble.map(|trouble| trouble.message),
    }))
}

/// What is wrong with a provider, as far as can be seen without a person.
async fn asked(app: &App, row: &Provider) -> Result<(), Trouble> {
    if row.opened(app).is_err() {
        return Err(Trouble::new("secret", "The client's secret was sealed with another key; enter it again"));
    }
    app.sso.forget(&row.issuer);
    let discovery = remote::discovery(app, &row.issuer).await?;
    if !discovery.signs_well {
        return Err(Trouble::new("algorithm", "The provider signs by none of RS256, PS256 and ES256"));
    }
    if !discovery.has_codes {
        return Err(Trouble::new("flow", "The provider does not offer the authorization code flow"));
    }
    remote::keys(app, &discovery, false).await.map(drop)
}

async fn note(
    tx: &mut Conn,
    caller: &Caller,
    row: &Provider,
    action: &'static str,
    (from, to): (&Value, &Value),
    at: i64,
) -> Result<(), Error> {
    let reference = format!("sso/{}", row.id);
    audit::record(tx, &Change { company: row.company, reference, actor: &caller.id, action, at }, from, to).await?;
    Ok(())
}

/// A provider after a change, when nothing is wrong with it.
async fn merged(tx: &mut Conn, app: &App, old: &Provider, input: &IdentityProviderWrite) -> Result<Provider, Error> {
    let text = |new: &Option<String>, old: &str| new.as_deref().map_or(old, str::trim).to_owned();
    let mut row = Provider {
        name: text(&input.name, &old.name),
        name_en: input.name_en.clone().over(old.name_en.clone()).map(|name| name.trim().to_owned()),
        issuer: text(&input.issuer, &old.issuer),
        client_id: text(&input.client_id, &old.client_id),
        trust_email: input.trust_email.unwrap_or(old.trust_email),
        enabled: input.is_active.unwrap_or(old.enabled),
        ..old.clone()
    };
    row.name_en = row.name_en.filter(|name| !name.is_empty());
    let mut faults = Faults::default();
    faults.required("name", &row.name, 100);
    faults.longest("nameEn", row.name_en.as_deref().unwrap_or_default(), 100);
    faults.required("issuer", &row.issuer, 500);
    faults.required("clientId", &row.client_id, 500);
    if !row.issuer.is_empty() && remote::address(&row.issuer, app.config.allow_private_sso).is_none() {
        faults.add(Code::InvalidUrl, "issuer", "issuer is not a public https address");
    }
    row.secret = match &input.secret {
        // A secret that is known to one provider is not told to another.
        Patch::Keep if old.secret.is_some() && row.issuer != old.issuer => {
            faults.add(Code::Required, "secret", "secret is required with a new issuer");
            None
        }
        Patch::Keep => old.secret.clone(),
        Patch::Clear => None,
        Patch::Set(secret) => {
            faults.longest("secret", secret, 2000);
            let secret = secret.trim();
            let sealed = app.vault.seal(&purpose(row.company), secret.as_bytes());
            let sealed = sealed.map_err(|error| Error::Internal(error.to_string()))?;
            (!secret.is_empty()).then_some(sealed)
        }
    };
    if let Some(domains) = &input.domains {
        row.domains = domains_of(domains, &mut faults);
    }
    faults.end()?;
    row.join_role = match &input.join_role_id {
        Patch::Keep => old.join_role,
        Patch::Clear => None,
        Patch::Set(wanted) if wanted.trim().is_empty() => None,
        Patch::Set(wanted) => Some(role::find(tx, row.company, "joinRoleId", wanted).await?.id),
    };
    Ok(row)
}

fn domains_of(domains: &[String], faults: &mut Faults) -> Value {
    if domains.len() > MOST_DOMAINS {
        faults.add(Code::TooLong, "domains", format!("domains may have {MOST_DOMAINS} entries"));
    }
    let mut known: Vec<String> = Vec::new();
    for domain in domains.iter().take(MOST_DOMAINS) {
        let plain = domain.trim().trim_start_matches('@').to_lowercase();
        let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-');
        if plain.len() > 253 || !plain.contains('.') || !plain.split('.').all(is_name) {
            faults.add(
                Code::InvalidFormat,
                "domains",
                format!("domains: “{domain}” is not a domain such as example.com"),
            );
        } else if !known.contains(&plain) {
            known.push(plain);
        }
    }
    json!(known)
}

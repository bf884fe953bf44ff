//! Single sign-on (OpenID Connect Core 1.0): the authorization code flow with PKCE, begun and ended here; it ends in a session like
//! any other. A sign-in on its way lives in a sealed cookie of the browser that began it, so that strangers write nothing here.

mod admit;
pub(crate) mod provider;
mod remote;
mod token;

use std::net::IpAddr;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::Conn;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::admit::Known;
use self::provider::Provider;
use self::remote::{Client, Discovery, Exchanged, Trouble, Turn};
use self::token::{Claims, Expected, Refused};
use super::link::Token;
use super::role;
use super::session::{self, Browser};
use super::store::Row;
use crate::app::App;
use crate::http::peer::Peer;
use crate::http::{Envelope, Error, Path, Query, Reply, origin};
use crate::random;
use crate::setting::profile;

pub use remote::Providers;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_sign_in_providers))
        .routes(routes!(begin_sso))
        .routes(routes!(end_sso))
        .merge(provider::routes())
}

/// How long somebody may be at the provider, in milliseconds.
const LIFE: i64 = 10 * 60 * 1000;

/// The longest page that a sign-in leads to, in bytes.
const LONGEST_PATH: usize = 500;

/// Why a sign-in did not come to its end: the word that the sign-in page gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The person, or the provider, said no.
    Denied,
    /// It took too long, was begun in another browser, or is over.
    Ended,
    /// The provider does not answer, or not as it must.
    Provider,
    /// What it says of the person is not believed.
    Refused,
    /// It vouches for no e-mail.
    Unverified,
    /// The e-mail is of a domain that the company does not admit.
    Domain,
    /// The company knows nobody of this e-mail.
    Unknown,
    /// The person may not sign in any more.
    Disabled,
    /// Too many sign in at once.
    Busy,
    /// The server failed.
    Failed,
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Why::Denied => "denied",
            Why::Ended => "ended",
            Why::Provider => "provider",
            Why::Refused => "refused",
            Why::Unverified => "unverified",
            Why::Domain => "domain",
            Why::Unknown => "unknown",
            Why::Disabled => "disabled",
            Why::Busy => "busy",
            Why::Failed => "failed",
        }
    }
}

/// What ends a sign-in before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something that the person is told.
    Why(Why),
    /// A defect or a shortage of this server.
    Error(Error),
}

impl From<Why> for Stop {
    fn from(why: Why) -> Stop {
        Stop::Why(why)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl From<db::Error> for Stop {
    fn from(error: db::Error) -> Stop {
        Stop::Error(Error::Db(error))
    }
}

/// What the sign-in page of a company offers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignInProviders {
    /// The company; null where the server has several and none was named.
    #[schema(example = 507)]
    company_id: Option<i64>,
    /// The providers, oldest first.
    value: Vec<SignInProvider>,
    /// Whether only owners may use a password.
    sso_only: bool,
}

/// A provider by which people sign in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignInProvider {
    /// Its id.
    #[schema(example = "507-Zk0aPq3x")]
    id: String,
    /// What the button says.
    #[schema(example = "เข้าสู่ระบบด้วย Google")]
    name: String,
    /// The same in English, where there is one.
    #[schema(example = "Sign in with Google")]
    name_en: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The company; the server's only one when absent.
    company_id: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ProviderPath {
    /// The provider.
    id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BeginQuery {
    /// The page of the console that comes afterwards: a path below `/console/`.
    path: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EndQuery {
    /// What the sign-in was begun with.
    state: Option<String>,
    /// What the provider gives a token for.
    code: Option<String>,
    /// Why it gives none.
    error: Option<String>,
    /// The provider's own name (RFC 9207).
    iss: Option<String>,
}

/// A sign-in on its way, sealed in the browser's cookie.
#[derive(Debug, Serialize, Deserialize)]
struct OnTheWay {
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    path: String,
    until: i64,
}

/// The active provider behind an id.
async fn active(app: &App, id: &str) -> Result<Option<Provider>, Error> {
    let company = id.split_once('-').and_then(|(company, _)| company.parse::<i64>().ok());
    let Some(company) = company else { return Ok(None) };
    Ok(provider::find(&mut app.db.read().await?, company, id).await?.filter(|row| row.enabled))
}

/// Whether this person must sign in by the company's provider: the company wants so, one is active, and the role is not one that
/// may do everything. Those may use a password, so that a provider that fails locks nobody out for good.
pub(super) async fn is_demanded(conn: &mut Conn, row: &Row) -> Result<bool, Error> {
    Ok(!role::is_all(row.role_detail.as_ref()) && is_only(conn, row.company).await?)
}

/// Whether people of this company sign in by its provider only.
async fn is_only(conn: &mut Conn, company: i64) -> Result<bool, Error> {
    if !has_active(conn, company).await? {
        return Ok(false);
    }
    Ok(profile::of(conn, company).await?.sso_only)
}

/// Whether there is a provider to sign in by.
pub(crate) async fn has_active(conn: &mut Conn, company: i64) -> Result<bool, db::Error> {
    Ok(provider::all(conn, company).await?.iter().any(|row| row.enabled))
}

/// List the identity providers by which people of a company sign in.
#[utoipa::path(
    get,
    path = "/v1/auth/oidc",
    operation_id = "listSignInProviders",
    tag = "Sign-in",
    params(ListQuery),
    responses(
        (status = 200, description = "The providers.", body = Envelope<SignInProviders>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn list_sign_in_providers(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<SignInProviders>, Error> {
    let mut conn = app.db.read().await?;
    let company = match query.company_id {
        Some(company) => Some(company),
        None => {
            let first: Vec<i64> = conn.sql("select company from company order by company limit 2").all().await?;
            if let [only] = first.as_slice() { Some(*only) } else { None }
        }
    };
    let Some(company) = company else {
        return Ok(Reply::ok(SignInProviders { company_id: None, value: Vec::new(), sso_only: false }));
    };
    let rows = provider::all(&mut conn, company).await?.into_iter().filter(|row| row.enabled);
    let value: Vec<SignInProvider> =
        rows.map(|row| SignInProvider { id: row.id, name: row.name, name_en: row.name_en }).collect();
    // A company without a provider looks the same as one that is not there.
    let sso_only = !value.is_empty() && profile::of(&mut conn, company).await?.sso_only;
    Ok(Reply::ok(SignInProviders { company_id: Some(company), value, sso_only }))
}

/// Begin to sign in by an identity provider.
///
/// For the browser itself: the answer sets a cookie and leads to the provider, or back to the sign-in page with a reason (`sso`).
#[utoipa::path(
    get,
    path = "/v1/auth/oidc/{id}/start",
    operation_id = "beginSso",
    tag = "Sign-in",
    params(ProviderPath, BeginQuery),
    responses((status = 303, description = "To the provider, or back to the sign-in page.")),
    security(())
)]
async fn begin_sso(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    Path(path): Path<ProviderPath>,
    Query(query): Query<BeginQuery>,
) -> Response {
    let page = query.path.filter(|page| is_page(page)).unwrap_or_else(|| "/console/".to_owned());
    match begin(&app, address, &path.id, page).await {
        Ok((url, cookie)) => {
            let mut response = leads(url.as_str());
            set_cookie(&app, &headers, &mut response, Some(&cookie));
            response
        }
        Err(stop) => back(&path.id, stop),
    }
}

async fn begin(app: &App, address: IpAddr, id: &str, path: String) -> Result<(Url, String), Stop> {
    let provider = active(app, id).await?.ok_or(Why::Provider)?;
    let _turn = Turn::take(app, provider.company, address).ok_or(Why::Busy)?;
    let discovery = remote::discovery(app, &provider.issuer).await.map_err(|trouble| told(&provider, &trouble))?;
    let state = Token::new(provider.company)?.text;
    let (nonce, verifier) = (random::text(32)?, random::text(32)?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let mut url = discovery.authorization.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("scope", "openid email profile")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &provider.redirect(app))
        .append_pair("state", &state)
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    let until = app.now() + LIFE;
    let way = OnTheWay { provider: provider.id, state, nonce, verifier, path, until };
    let plain = serde_json::to_vec(&way).map_err(|error| Error::Internal(error.to_string()))?;
    let sealed = app.vault.seal(WAY, &plain).map_err(|error| Error::Internal(error.to_string()))?;
    Ok((url, URL_SAFE_NO_PAD.encode(sealed)))
}

/// What the cookie is sealed for.
const WAY: &str = "sso-way";

/// Whether a sign-in may lead there: a page of the console, and nothing that a browser reads as another server.
fn is_page(path: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>');
    path.len() <= LONGEST_PATH && path.starts_with("/console/") && path.chars().all(is_plain)
}

/// End to sign in by an identity provider.
///
/// The provider sends the browser here. The answer sets the session's cookie and leads to the console, or back to the sign-in page
/// with a reason (`sso`).
#[utoipa::path(
    get,
    path = "/v1/auth/oidc/{id}/callback",
    operation_id = "endSso",
    tag = "Sign-in",
    params(ProviderPath, EndQuery),
    responses((status = 303, description = "To the console, or back to the sign-in page.")),
    security(())
)]
async fn end_sso(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    Path(path): Path<ProviderPath>,
    Query(query): Query<EndQuery>,
) -> Response {
    let browser = Browser { headers: &headers, address };
    let mut response = match end(&app, &browser, &path.id, &query).await {
        Ok((token, page)) => {
            let mut response = leads(&page);
            session::set_cookie(&app, &headers, &mut response, Some(&token));
            response
        }
        Err(stop) => back(&path.id, stop),
    };
    set_cookie(&app, &headers, &mut response, None);
    response
}

async fn end(app: &App, browser: &Browser<'_>, id: &str, query: &EndQuery) -> Result<(String, String), Stop> {
    let cookie = origin::cookie(browser.headers, cookie_name(origin::is_https(app, browser.headers)));
    let way = cookie.and_then(|cookie| opened(app, cookie)).ok_or(Why::Ended)?;
    let state = query.state.as_deref().unwrap_or_default();
    if way.provider != id || way.state != state || way.until <= app.now() {
        return Err(Why::Ended.into());
    }
    let provider = active(app, id).await?.ok_or(Why::Provider)?;
    if let Some(error) = &query.error {
        let said: String = error.chars().take(100).collect();
        tracing::info!(provider = %provider.id, %said, "a sign-in was ended at the identity provider");
        return Err(Why::Denied.into());
    }
    let code = query.code.as_deref().ok_or(Why::Denied)?;
    let known = {
        let _turn = Turn::take(app, provider.company, browser.address).ok_or(Why::Busy)?;
        let trouble = |trouble: Trouble| Stop::from(told(&provider, &trouble));
        let discovery = remote::discovery(app, &provider.issuer).await.map_err(trouble)?;
        if query.iss.as_deref().is_some_and(|issuer| issuer != discovery.issuer) {
            return Err(Why::Refused.into());
        }
        let claims = claims(app, &provider, &discovery, (code, &way)).await?;
        Known::read(&provider, &discovery.issuer, &claims)?
    };
    let used = Token::read(way.state);
    let new = app
        .db
        .write(async |mut tx| admit::admit(&mut tx, app, &provider, &known, (&used.hash, way.until), browser).await)
        .await;
    let new = new.inspect_err(|stop: &Stop| {
        if let Stop::Why(why) = stop {
            tracing::warn!(provider = %provider.id, why = why.word(), "nobody was signed in by SSO");
        }
    })?;
    Ok((new.token.text, way.path))
}

fn opened(app: &App, cookie: &str) -> Option<OnTheWay> {
    let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
    serde_json::from_slice(&app.vault.open(WAY, &sealed).ok()?).ok()
}

/// Exchanges the code, and reads what the provider says of the person.
async fn claims(
    app: &App,
    provider: &Provider,
    discovery: &Discovery,
    (code, way): (&str, &OnTheWay),
) -> Result<Claims, Stop> {
    let trouble = |trouble: Trouble| Stop::from(told(provider, &trouble));
    let secret = provider.opened(app)?;
    let client = Client { id: &provider.client_id, secret: secret.as_deref() };
    let redirect = provider.redirect(app);
    let exchanged = remote::exchange(app, discovery, &client, (code, &way.verifier, &redirect)).await;
    let (id, access) = match exchanged.map_err(trouble)? {
        Exchanged::Tokens { id, access } => (id, access),
        // The code is over, or was used.
        Exchanged::Refused("invalid_grant") => return Err(Why::Ended.into()),
        Exchanged::Refused(word) => {
            let message = format!("The token endpoint refuses the client: {word}");
            return Err(trouble(Trouble::new("client", message)));
        }
    };
    let expected =
        Expected { issuer: &discovery.issuer, client: &provider.client_id, nonce: &way.nonce, now: app.now() };
    let keys = remote::keys(app, discovery, false).await.map_err(trouble)?;
    let mut believed = token::verify(&id, &keys, &expected);
    if matches!(believed, Err(Refused::UnknownKey)) {
        // The provider signs with a key that is newer than what is kept.
        let keys = remote::keys(app, discovery, true).await.map_err(trouble)?;
        believed = token::verify(&id, &keys, &expected);
    }
    let claims = believed.map_err(|refused| {
        let why = match refused {
            Refused::UnknownKey => "its key is not known",
            Refused::Because(why) => why,
        };
        tracing::warn!(provider = %provider.id, why, "an id token is not believed");
        Why::Refused
    })?;
    // Some put the e-mail, or whether it is verified, where it is asked for only.
    let is_whole = claims.text("email").is_some() && claims.truth("email_verified").is_some();
    if let (false, Some(url), Some(access)) = (is_whole, &discovery.user_info, &access) {
        let said = remote::user_info(app, url, access).await.map_err(trouble)?;
        // It may be about another person than the token (Core 1.0, section 5.3.4).
        if said.subject() == claims.subject() && said.text("email").is_some() {
            return Ok(said);
        }
    }
    Ok(claims)
}

/// Writes down for the operator what is wrong with a provider.
fn told(provider: &Provider, trouble: &Trouble) -> Why {
    tracing::warn!(provider = %provider.id, code = trouble.code, problem = %trouble.message, "an identity provider fails");
    Why::Provider
}

/// The cookie of a sign-in on its way.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-sala-sso" } else { "sala-sso" }
}

/// Sets that cookie, or takes it away. `Lax` lets it come along when the provider leads back.
fn set_cookie(app: &App, headers: &HeaderMap, response: &mut Response, value: Option<&str>) {
    let https = origin::is_https(app, headers);
    let (name, secure) = (cookie_name(https), if https { "; Secure" } else { "" });
    let age = if value.is_some() { LIFE / 1000 } else { 0 };
    let value = value.unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Leads the browser on; nothing of this address is told to where it goes.
fn leads(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/console/")));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Back to the sign-in page, which says why in the person's language.
fn back(id: &str, stop: Stop) -> Response {
    let why = match stop {
        Stop::Why(why) => why,
        Stop::Error(error) => {
            // Its answer is where an error is logged; the browser gets a page instead.
            drop(error.into_response());
            Why::Failed
        }
    };
    let company = id.split_once('-').and_then(|(company, _)| company.parse::<i64>().ok());
    let company = company.map(|company| format!("&company={company}")).unwrap_or_default();
    leads(&format!("/console/?sso={}{company}", why.word()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_pages_of_the_console_only() {
        for good in ["/console/", "/console/inbox?room=1&view=mine", "/console/customers/C%2F1#files"] {
            assert!(is_page(good), "{good}");
        }
        let long = format!("/console/{}", "a".repeat(LONGEST_PATH));
        for bad in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/console/",
            "/consolex",
            "/console/\r\nx: y",
            "/console/\\x",
            &long,
        ] {
            assert!(!is_page(bad), "{bad}");
        }
    }
}

//! The token endpoint: what API clients show, and what it opens.

mod client;

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::Conn;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::client::*;
use crate::app::App;
use crate::http::caller::{Client, Range, SUBSCRIPTION_KEY};
use crate::http::error::GatewayError;
use crate::http::peer::Peer;
use crate::http::{Error, input};
use crate::random;

/// How long a token is good, in seconds. Clients of the original API assume an hour without asking.
pub const TOKEN_LIFETIME: i64 = 3600;

/// The longest client id that is looked up, in bytes.
const LONGEST_ID: usize = 100;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request_access_token))
}

/// The form of a token request (RFC 6749, section 4.4.2).
#[derive(Debug, Default, ToSchema)]
#[expect(dead_code, reason = "the document's picture of the form; the form itself is read pair by pair")]
struct TokenRequest {
    /// Only `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The client's id; may come by HTTP Basic instead.
    #[schema(example = "507-k3j9x2mqw7ha")]
    client_id: String,
    /// The client's secret; may come by HTTP Basic instead.
    #[schema(example = "<Your-Client-Secret>")]
    client_secret: String,
    /// Scopes separated by spaces; all of the client's when absent.
    scope: Option<String>,
}

/// A token. `access_token` comes first: a client in the field takes the first property by position.
#[derive(Debug, Serialize, ToSchema)]
struct TokenResponse {
    /// Send it as `Authorization: Bearer …`.
    #[schema(example = "sala_507_Zk0…")]
    access_token: String,
    /// Lifetime in seconds.
    #[schema(example = 3600)]
    expires_in: i64,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// What the token allows.
    #[schema(example = "chat:read chat:write")]
    scope: String,
}

/// The error body of OAuth 2.0 (RFC 6749, section 5.2).
#[derive(Debug, Serialize, ToSchema)]
struct OAuthError {
    /// `invalid_request`, `invalid_client`, `unsupported_grant_type`, `invalid_scope`, or `slow_down`.
    #[schema(example = "invalid_client")]
    error: &'static str,
    /// The same for people.
    error_description: String,
}

/// A 401 of the token request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the document's picture of the answer")]
enum TokenRefused {
    OAuth(OAuthError),
    Gateway(GatewayError),
}

/// Exchange client credentials for a bearer access token.
///
/// OAuth 2.0 client credentials, form encoded. The answer is a plain OAuth body, not the envelope.
#[utoipa::path(
    post,
    path = "/authorization/connect/token",
    operation_id = "requestAccessToken",
    tag = "Authentication API",
    params(("Ocp-Apim-Subscription-Key" = Option<String>, Header, description = "Checked when sent")),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Token issued.", body = TokenResponse),
        (status = 400, description = "The request or the credentials are wrong.", body = OAuthError),
        (status = 401, description = "Credentials by HTTP Basic are wrong, or the subscription key is.", body = TokenRefused),
        (status = 403, description = "Not answered here; listed by the original API."),
        (status = 429, description = "Too many wrong credentials from this address; right ones are always taken.", body = OAuthError),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn request_access_token(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    request: Request,
) -> Response {
    match issue(&app, address, &headers, request).await {
        Ok(token) => no_store(axum::Json(token).into_response()),
        Err(Refusal::OAuth(status, error, description)) => {
            let mut response =
                (status, axum::Json(OAuthError { error, error_description: description })).into_response();
            if status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"sala\""));
            }
            no_store(response)
        }
        Err(Refusal::SlowDown(seconds)) => {
            let error_description = format!("Too many wrong credentials; try again in {seconds} s");
            let body = OAuthError { error: "slow_down", error_description };
            let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            no_store(response)
        }
        Err(Refusal::Other(error)) => error.into_response(),
    }
}

enum Refusal {
    OAuth(StatusCode, &'static str, String),
    SlowDown(u64),
    Other(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Other(error)
    }
}

impl From<db::Error> for Refusal {
    fn from(error: db::Error) -> Refusal {
        Refusal::Other(error.into())
    }
}

async fn issue(app: &App, address: IpAddr, headers: &HeaderMap, request: Request) -> Result<TokenResponse, Refusal> {
    let form = Form::read(headers, &input::body(request, app.config.body_limit).await?)?;
    let now = app.now();
    let wrong = || {
        let verdict = app.guesses.wrong(&form.client_id, address, app.steady());
        if !verdict.allowed {
            return Refusal::SlowDown(verdict.wait.div_ceil(1000).max(1));
        }
        // The reference's example answers 400; RFC 6749 demands 401 where HTTP Basic was used.
        let status = if form.basic { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        Refusal::OAuth(
            status,
            "invalid_client",
            "The client id or secret is wrong, or the client was revoked".to_owned(),
        )
    };
    let named = form.client_id.split_once('-').and_then(|(company, _)| company.parse::<i64>().ok());
    let found = find_client(&mut app.db.read().await?, named, &form.client_id).await?;
    let client = found.ok_or_else(wrong)?;
    let company = client.company;
    let secret: [u8; 32] = Sha256::digest(form.client_secret.as_bytes()).into();
    if !bool::from(secret.as_slice().ct_eq(&client.secret_hash)) {
        return Err(wrong());
    }
    if let Some(key) = headers.get(SUBSCRIPTION_KEY).filter(|key| !key.is_empty()) {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let own = bool::from(hash.as_slice().ct_eq(&client.key_hash));
        if !own && !is_company_key(app, company, &hash).await? {
            return Err(Error::KeyRefused.into());
        }
    } else if app.config.require_subscription_key {
        return Err(Error::KeyMissing.into());
    }
    let scope = granted(&client.scopes, form.scope.as_deref())?;
    let token = format!("sala_{company}_{}", random::text(32)?);
    let hash = Sha256::digest(token.as_bytes()).to_vec();
    let is_so = app
        .db
        .write(async |mut tx| {
            // What was looked at must still be so: whoever changes a client ends its tokens, and this must be one of them.
            let same: Option<i64> = tx
                .sql(
                    "select company from client
                     where company = $1 and id = $2 and secret_hash = $3 and scopes = $4 and revoked_at is null",
                )
                .bind(company)
                .bind(&form.client_id)
                .bind(secret.as_slice())
                .bind(&client.scopes)
                .shared()
                .optional()
                .await?;
            if same.is_none() {
                return Ok(false);
            }
            tx.sql("insert into token (company, hash, client, scopes, expires_at) values ($1, $2, $3, $4, $5)")
                .bind(company)
                .bind(hash.as_slice())
                .bind(&form.client_id)
                .bind(&scope)
                .bind(now + TOKEN_LIFETIME * 1000)
                .exec()
                .await?;
            Ok(true)
        })
        .await
        .map_err(|error: db::Error| Refusal::Other(error.into()))?;
    if !is_so {
        return Err(wrong());
    }
    Ok(TokenResponse { access_token: token, expires_in: TOKEN_LIFETIME, token_type: "Bearer", scope })
}

/// The client of an id: of the company that the id begins with, or, of one that was brought along, of any.
async fn find_client(conn: &mut Conn, named: Option<i64>, id: &str) -> Result<Option<StoredClient>, db::Error> {
    if let Some(company) = named {
        let found = conn
            .sql(
                "select company, secret_hash, key_hash, scopes from client
                 where company = $1 and id = $2 and revoked_at is null",
            )
            .bind(company)
            .bind(id)
            .optional()
            .await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    conn.sql("select company, secret_hash, key_hash, scopes from client where id = $1 and revoked_at is null limit 1")
        .bind(id)
        .optional()
        .await
}

#[derive(Deserialize)]
struct StoredClient {
    company: i64,
    secret_hash: Vec<u8>,
    key_hash: Vec<u8>,
    scopes: String,
}

struct Form {
    client_id: String,
    client_secret: String,
    scope: Option<String>,
    basic: bool,
}

impl Form {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Form, Refusal> {
        let invalid = |why: &str| Refusal::OAuth(StatusCode::BAD_REQUEST, "invalid_request", why.to_owned());
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.is_empty() && !kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return Err(invalid("Send application/x-www-form-urlencoded"));
        }
        let (mut grant, mut id, mut secret, mut scope) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(body) {
            let slot = match name.as_ref() {
                "grant_type" => &mut grant,
                "client_id" => &mut id,
                "client_secret" => &mut secret,
                "scope" => &mut scope,
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(invalid(&format!("{name} is given more than once")));
            }
        }
        let basic = basic_credentials(headers);
        let by_basic = basic.is_some();
        if let Some((basic_id, basic_secret)) = basic {
            id = Some(basic_id);
            secret = Some(basic_secret);
        }
        match grant.as_deref() {
            Some("client_credentials") => {}
            None | Some("") => return Err(invalid("grant_type is required")),
            Some(_) => {
                let why = "Only client_credentials is offered".to_owned();
                return Err(Refusal::OAuth(StatusCode::BAD_REQUEST, "unsupported_grant_type", why));
            }
        }
        let filled = |value: Option<String>| value.filter(|value| !value.is_empty());
        match (filled(id), filled(secret)) {
            // A longer id than any that exists would only fill the memory that counts wrong guesses.
            (Some(client_id), Some(client_secret)) if !client_id.contains('\0') && client_id.len() <= LONGEST_ID => {
                Ok(Form { client_id, client_secret, scope: filled(scope), basic: by_basic })
            }
            (None, _) => Err(invalid("client_id is required")),
            (_, None) => Err(invalid("client_secret is required")),
            _ => Err(invalid("client_id is not a client's id")),
        }
    }
}

/// Id and secret of HTTP Basic, each form encoded first (RFC 6749, section 2.3.1).
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(|t| t.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

/// The scopes asked for, as far as the client has them; all of its own when none is asked for, or none that is known here:
/// a program that was written for the original asks for the original's scopes (RFC 6749, section 3.3).
fn granted(scopes: &str, asked: Option<&str>) -> Result<String, Refusal> {
    let Some(asked) = asked else { return Ok(scopes.to_owned()) };
    let own: Vec<&str> = scopes.split_whitespace().collect();
    let known: Vec<&str> = asked.split_whitespace().filter(|one| own.contains(one)).collect();
    // One of this API's form that the client lacks is refused: it would be missed at the first call.
    let lacking: Vec<&str> = asked.split_whitespace().filter(|one| one.contains(':') && !own.contains(one)).collect();
    if !lacking.is_empty() {
        let why = format!("The client does not have these scopes: {}", lacking.join(", "));
        return Err(Refusal::OAuth(StatusCode::BAD_REQUEST, "invalid_scope", why));
    }
    Ok(if known.is_empty() { scopes.to_owned() } else { known.join(" ") })
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The company that a token names; the token's hash must be known to that company.
pub fn company_of(token: &str) -> Option<i64> {
    token.strip_prefix("sala_")?.split_once('_')?.0.parse().ok()
}

/// The client of a token that is known, whose client is not revoked.
pub async fn find_token(app: &App, company: i64, hash: &[u8; 32]) -> Result<Option<Client>, db::Error> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        name: String,
        scopes: String,
        key_hash: Vec<u8>,
        expires_at: i64,
        number_codes: bool,
    }
    let row: Option<Row> = app
        .db
        .read()
        .await?
        .sql(
            "select client.id, client.name, token.scopes, client.key_hash, token.expires_at, client.number_codes
             from token join client on client.company = token.company and client.id = token.client
             where token.company = $1 and token.hash = $2 and client.revoked_at is null",
        )
        .bind(company)
        .bind(hash.as_slice())
        .optional()
        .await?;
    Ok(row.map(|row| Client {
        company,
        id: row.id,
        name: row.name,
        scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
        key_hash: row.key_hash,
        expires_at: row.expires_at,
        number_codes: row.number_codes,
        range: Range::All,
        person: None,
    }))
}

/// Whether this is the hash of a subscription key of the company.
pub async fn is_company_key(app: &App, company: i64, hash: &[u8; 32]) -> Result<bool, db::Error> {
    let found: Option<i64> = app
        .db
        .read()
        .await?
        .sql("select 1 from client where company = $1 and key_hash = $2 and revoked_at is null")
        .bind(company)
        .bind(hash.as_slice())
        .optional()
        .await?;
    Ok(found.is_some())
}

/// Forgets tokens whose time is over; at most `most` at once.
pub async fn purge(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    tx.sql(
        "delete from token where (company, hash) in
           (select company, hash from token where expires_at <= $1 order by expires_at limit $2)",
    )
    .bind(now)
    .bind(most)
    .exec()
    .await
}

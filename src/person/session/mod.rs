//! Signing in and out: a session is a random token in a cookie that no script can read; only its hash is kept.

mod by_link;
mod own;

use std::net::IpAddr;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::link::{self, Purpose, Token};
use super::store::{self, Row};
use super::{CompanyName, Guess, Me, MeSession, me_of, password, sso, totp};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::peer::Peer;
use crate::http::{Code, Envelope, Error, Fault, Faults, Json, Reply, origin};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_in_with_code))
        .merge(own::routes())
        .merge(by_link::routes())
}

/// A session ends after this time whatever happens, in milliseconds.
const LONGEST: i64 = 30 * 24 * 60 * 60 * 1000;

/// Wrong codes after which a sign-in begins anew.
const MOST_TRIES: i64 = 5;

/// A name and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    /// The e-mail.
    #[schema(example = "patty@example.com")]
    email: String,
    /// The password.
    #[schema(example = "correct horse battery")]
    password: String,
    /// The company, where the same name and password are good in several.
    #[schema(example = 507)]
    company_id: Option<i64>,
}

/// The second factor of a sign-in.
#[derive(Debug, Deserialize, ToSchema)]
struct SecondFactor {
    /// What the first step answered.
    challenge: String,
    /// Six digits of the authenticator, or a recovery code.
    #[schema(example = "123456")]
    code: String,
}

/// How far a sign-in has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum SignedIn {
    /// The cookie is set.
    Done {
        /// Who is signed in.
        me: Box<Me>,
    },
    /// A second factor is wanted.
    Totp {
        /// To be sent along with the code.
        challenge: String,
        /// When it ends: Unix time in milliseconds.
        expires_at: i64,
    },
    /// The company is to be named.
    Company {
        /// Where this name and password are good.
        companies: Vec<CompanyName>,
    },
}

/// The cookie's name. The browser itself keeps one that begins with `__Host-` to this server and to https.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-sala" } else { "sala" }
}

/// The session's token of a request.
pub fn token_of<'h>(app: &App, headers: &'h HeaderMap) -> Option<&'h str> {
    origin::cookie(headers, cookie_name(origin::is_https(app, headers)))
}

/// Sets the cookie, or takes it away.
pub(super) fn set_cookie(app: &App, headers: &HeaderMap, response: &mut Response, token: Option<&str>) {
    let https = origin::is_https(app, headers);
    let age = if token.is_some() { LONGEST / 1000 } else { 0 };
    let secure = if https { "; Secure" } else { "" };
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}",
        cookie_name(https),
        token.unwrap_or_default()
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// What is known of a sign-in beside its secrets.
pub(super) struct Browser<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) address: IpAddr,
}

impl Browser<'_> {
    fn agent(&self) -> String {
        let agent = self.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        agent.chars().take(200).collect()
    }
}

fn refuse_foreign(app: &App, headers: &HeaderMap) -> Result<(), Error> {
    if origin::is_foreign(app, headers) { Err(Error::ForeignOrigin) } else { Ok(()) }
}

/// Sign in with e-mail and password.
///
/// The answer sets a cookie (`__Host-sala` over https, else `sala`), or asks for a second factor or for the company.
#[utoipa::path(
    post,
    path = "/v1/auth/sessions",
    operation_id = "signIn",
    tag = "Sign-in",
    request_body = SignIn,
    responses(
        (status = 201, description = "Signed in.", body = Envelope<SignedIn>),
        (status = 200, description = "One more step.", body = Envelope<SignedIn>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 415, response = inline(crate::http::openapi::MediaType)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn sign_in(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    Json(input): Json<SignIn>,
) -> Result<Response, Error> {
    refuse_foreign(&app, &headers)?;
    let mut faults = Faults::default();
    faults.required("email", &input.email, 254);
    faults.required("password", &input.password, 200);
    faults.end()?;
    let guess = Guess::at(&input.email, address);
    guess.take(&app)?;
    let asked = store::everywhere(&mut app.db.read().await?, &input.email, input.company_id).await?;
    let mut fits: Vec<&Row> = Vec::new();
    let mut verified = false;
    for row in &asked {
        verified = true;
        if password::verify(&app, &input.password, row.password.as_deref()).await? && row.is_active() {
            fits.push(row);
        }
    }
    if !verified {
        password::verify(&app, &input.password, None).await?;
    }
    let browser = Browser { headers: &headers, address };
    match fits.as_slice() {
        [] => Err(wrong()),
        [row] => {
            guess.was_right(&app);
            admit(&app, row, &browser).await
        }
        several => {
            guess.was_right(&app);
            let companies = several.iter().map(|row| CompanyName::of(row)).collect();
            Ok(Reply::ok(SignedIn::Company { companies }).into_response())
        }
    }
}

fn wrong() -> Error {
    let message = "The e-mail or the password is wrong";
    Error::Invalid(vec![Fault::new(Code::InvalidCredentials, "password", message)])
}

/// The refusal of a password that is right, where the company signs in by its identity provider only.
fn sso_required() -> Error {
    let message = "Your company signs in by single sign-on; a password does not open it";
    Error::Invalid(vec![Fault::new(Code::SsoRequired, "password", message)])
}

/// A person whose password is right: signed in, or asked for the second factor.
async fn admit(app: &App, row: &Row, browser: &Browser<'_>) -> Result<Response, Error> {
    if sso::is_demanded(&mut app.db.read().await?, row).await? {
        return Err(sso_required());
    }
    if row.totp.is_none() {
        return begin(app, row, browser, None).await;
    }
    let token = Token::new(row.company)?;
    let now = app.now();
    let expires_at = app
        .db
        .write(async |mut tx| {
            link::store(&mut tx, (row.company, row.id), Purpose::Totp, &token, &row.id.to_string(), now).await
        })
        .await?;
    Ok(Reply::ok(SignedIn::Totp { challenge: token.text, expires_at }).into_response())
}

/// What a session begins with, in its own unit of work.
async fn begin(
    app: &App,
    row: &Row,
    browser: &Browser<'_>,
    fits: Option<(&Token, &totp::Fits)>,
) -> Result<Response, Error> {
    let new = New::of(row)?;
    let (now, by) = (app.now(), if fits.is_some() { "totp" } else { "password" });
    app.db
        .write(async |mut tx| {
            if let Some((challenge, fits)) = fits
                && !(link::take(&mut tx, row.company, challenge).await? && totp::use_up(&mut tx, row, fits).await?)
            {
                return Err(totp::refused());
            }
            if !is_unchanged(&mut tx, row).await? {
                return Err(if fits.is_some() { totp::refused() } else { wrong() });
            }
            // Again, for a sign-in that has waited for its second factor.
            if fits.is_some() && sso::is_demanded(&mut tx, row).await? {
                return Err(sso_required());
            }
            open(&mut tx, row, &new, browser, (&json!({ "by": by }), now)).await
        })
        .await?;
    let me = MeSession { id: new.id.to_string(), expires_at: now + store::IDLE };
    let me = me_of(&mut app.db.read().await?, app, row.clone(), me).await?;
    let mut response = Reply::created(SignedIn::Done { me: Box::new(me) }).into_response();
    set_cookie(app, browser.headers, &mut response, Some(&new.token.text));
    Ok(response)
}

/// Whether the password, the second factor and the right to sign in are still those that were looked at. The person is held:
/// a change at the same moment comes before, and is seen here, or after, and ends the session.
pub(super) async fn is_unchanged(tx: &mut Conn, row: &Row) -> Result<bool, db::Error> {
    let query = tx.sql("select password, totp, disabled from person where company = $1 and id = $2");
    let now: Option<(Option<String>, Option<Vec<u8>>, bool)> =
        query.bind(row.company).bind(row.id).held().optional().await?;
    Ok(now.is_some_and(|(password, totp, disabled)| password == row.password && totp == row.totp && !disabled))
}

/// A session to be begun: its token goes into the cookie, and into no table.
pub(super) struct New {
    pub(super) token: Token,
    id: Uuid,
}

impl New {
    pub(super) fn of(row: &Row) -> Result<New, Error> {
        Ok(New { token: Token::new(row.company)?, id: Uuid::new_v4() })
    }
}

/// Writes a session down in the unit that has found its person good, and how they came in.
pub(super) async fn open(
    tx: &mut Conn,
    row: &Row,
    new: &New,
    browser: &Browser<'_>,
    (way, now): (&Value, i64),
) -> Result<(), Error> {
    tx.sql(
        "insert into session (company, id, person, hash, address, agent, created_at, seen_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
    )
    .bind(row.company)
    .bind(new.id)
    .bind(row.id)
    .bind(new.token.hash.as_slice())
    .bind(browser.address.to_string())
    .bind(browser.agent())
    .bind(now)
    .bind(now + LONGEST)
    .later()
    .await?;
    tx.sql("update person set last_sign_in_at = $3 where company = $1 and id = $2")
        .bind(row.company)
        .bind(row.id)
        .bind(now)
        .later()
        .await?;
    let mut happened = json!({"address": browser.address.to_string(), "agent": browser.agent()});
    if let (Some(happened), Some(way)) = (happened.as_object_mut(), way.as_object()) {
        happened.extend(way.clone());
    }
    record(tx, row, "signed_in", &happened, now).await
}

async fn note(tx: &mut Conn, row: &Row, action: &'static str, browser: &Browser<'_>, now: i64) -> Result<(), Error> {
    let happened = json!({"address": browser.address.to_string(), "agent": browser.agent()});
    record(tx, row, action, &happened, now).await
}

/// Writes into the person's history what they did themselves.
pub(super) async fn record(
    tx: &mut Conn,
    row: &Row,
    action: &'static str,
    happened: &Value,
    now: i64,
) -> Result<(), Error> {
    let by = row.id.to_string();
    let change =
        Change { company: row.company, reference: format!("user/{}", row.staff_code), actor: &by, action, at: now };
    audit::record(tx, &change, &json!({}), happened).await?;
    Ok(())
}

/// Sign in with the second factor.
#[utoipa::path(
    post,
    path = "/v1/auth/sessions/totp",
    operation_id = "signInWithCode",
    tag = "Sign-in",
    request_body = SecondFactor,
    responses(
        (status = 201, description = "Signed in.", body = Envelope<SignedIn>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 415, response = inline(crate::http::openapi::MediaType)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn sign_in_with_code(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    Json(input): Json<SecondFactor>,
) -> Result<Response, Error> {
    refuse_foreign(&app, &headers)?;
    let challenge = Token::read(input.challenge.trim().to_owned());
    let ended = || Error::invalid(Code::ChallengeEnded, "challenge", "This sign-in took too long; start again");
    // Counted before the code is looked at, so that many at once are no more tries than one after another.
    let counted = app
        .db
        .write(async |mut tx| {
            let Some(company) = challenge.company() else { return Ok(None) };
            tx.sql(
                "update person_link set tries = tries + 1
                 where company = $1 and hash = $2 and purpose = 'totp' and expires_at > $3 and tries < $4 returning person",
            )
            .bind(company)
            .bind(challenge.hash.as_slice())
            .bind(app.now())
            .bind(MOST_TRIES)
            .optional::<Uuid>()
            .await
            .map(|person| Some(company).zip(person))
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    let (company, person) = counted.ok_or_else(ended)?;
    let row = store::find(&mut app.db.read().await?, company, person).await?;
    let row = row.filter(Row::is_active).ok_or_else(ended)?;
    // Of the person, from wherever: only who knows the password comes here.
    let guess = Guess::at(&format!("code/{}/{}", row.company, row.email), IpAddr::from([127, 0, 0, 1]));
    guess.take(&app)?;
    match totp::check(&app, &row, &input.code)? {
        Some(fits) => {
            guess.was_right(&app);
            begin(&app, &row, &Browser { headers: &headers, address }, Some((&challenge, &fits))).await
        }
        None => Err(totp::refused()),
    }
}

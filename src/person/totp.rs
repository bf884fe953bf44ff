//! The second factor: codes of an authenticator (RFC 6238), and recovery codes for whoever lost theirs.

use axum::extract::State;
use db::Conn;
use qrcode_generator::Renderer;
use qrcode_generator::qr::{Encoder, ErrorCorrection};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::store::{self, Row};
use super::{Guess, confirm_password, own};
use crate::app::App;
use crate::attachment::hex;
use crate::audit::{self, Change};
use crate::http::caller::Signed;
use crate::http::{Code, Envelope, Error, Fault, Json, Reply};
use crate::vault::{Vault, VaultError};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(begin_totp, remove_totp))
        .routes(routes!(confirm_totp))
        .routes(routes!(renew_recovery_codes))
}

/// Recovery codes that a person gets.
const RECOVERY_CODES: usize = 10;

/// The present password again: whoever found an open screen does not know it.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Again {
    /// The present password.
    #[schema(example = "correct horse battery")]
    pub(super) password: String,
}

/// What an authenticator needs.
#[derive(Debug, Serialize, ToSchema)]
struct Enrolment {
    /// The secret, to be typed in.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same as an address (`otpauth://totp/…`).
    uri: String,
    /// The same as a picture (SVG).
    qr: String,
}

/// The first code of a new authenticator.
#[derive(Debug, Deserialize, ToSchema)]
struct FirstCode {
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Codes for whoever lost the authenticator, each good once; shown once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecoveryCodes {
    /// The codes.
    recovery_codes: Vec<String>,
}

fn purpose(company: i64) -> String {
    format!("{company}/totp")
}

/// Encrypts every second factor with the vault's first key; answers how many were not.
pub(crate) async fn reseal(tx: &mut Conn, vault: &Vault) -> Result<usize, Error> {
    #[derive(Deserialize)]
    struct Sealed {
        company: i64,
        id: Uuid,
        totp: Option<Vec<u8>>,
        totp_pending: Option<Vec<u8>>,
    }
    let failed = |error: VaultError| Error::Internal(error.to_string());
    let again = |company: i64, sealed: Option<Vec<u8>>| -> Result<(Option<Vec<u8>>, usize), Error> {
        let Some(old) = sealed.as_ref().filter(|sealed| !vault.is_current(sealed)) else { return Ok((sealed, 0)) };
        let plain = vault.open(&purpose(company), old).map_err(failed)?;
        Ok((Some(vault.seal(&purpose(company), &plain).map_err(failed)?), 1))
    };
    let rows: Vec<Sealed> = tx
        .sql(
            "select company, id, totp, totp_pending from person where totp is not null or totp_pending is not null
             order by company, id",
        )
        .held()
        .all()
        .await?;
    let mut count = 0;
    for row in rows {
        let (totp, first) = again(row.company, row.totp)?;
        let (pending, second) = again(row.company, row.totp_pending)?;
        if first + second > 0 {
            tx.sql("update person set totp = $3, totp_pending = $4 where company = $1 and id = $2")
                .bind(row.company)
                .bind(row.id)
                .bind(totp)
                .bind(pending)
                .exec()
                .await?;
        }
        count += first + second;
    }
    Ok(count)
}

fn totp(secret: Vec<u8>) -> Result<Totp, Error> {
    let built = Builder::new().with_secret(secret).build();
    built.map_err(|error| Error::Internal(error.to_string()))
}

fn open(app: &App, row: &Row, sealed: &[u8]) -> Result<Totp, Error> {
    totp(app.vault.open(&purpose(row.company), sealed).map_err(|error| Error::Internal(error.to_string()))?)
}

fn wrong_code() -> Error {
    Error::Invalid(vec![Fault::new(Code::InvalidCode, "code", "The code is wrong, already used, or expired")])
}

/// Begin with a second factor.
///
/// Nothing is demanded yet: the new authenticator's first code confirms it.
#[utoipa::path(
    post,
    path = "/v1/auth/totp",
    operation_id = "beginTotp",
    tag = "Sign-in",
    request_body = Again,
    responses((status = 200, description = "What the authenticator needs.", body = Envelope<Enrolment>)),
    security(("cookieAuth" = []))
)]
async fn begin_totp(State(app): State<App>, me: Signed, Json(input): Json<Again>) -> Result<Reply<Enrolment>, Error> {
    let row = own(&app, &me).await?;
    confirm_password(&app, &row, "password", &input.password).await?;
    let mut secret = [0; 20];
    getrandom::fill(&mut secret).map_err(|error| Error::Internal(error.to_string()))?;
    let sealed = app.vault.seal(&purpose(row.company), &secret).map_err(|error| Error::Internal(error.to_string()))?;
    let enrolment = enrolment(&row, secret)?;
    app.db
        .write(async |mut tx| {
            tx.sql("update person set totp_pending = $3 where company = $1 and id = $2")
                .bind(row.company)
                .bind(row.id)
                .bind(sealed.as_slice())
                .exec()
                .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    Ok(Reply::ok(enrolment))
}

fn enrolment(row: &Row, secret: [u8; 20]) -> Result<Enrolment, Error> {
    let text = Secret::from(secret).to_base32();
    let escaped =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let (issuer, account) = (escaped(&format!("Sala {}", row.company_name)), escaped(&row.email));
    let uri = format!("otpauth://totp/{issuer}:{account}?secret={text}&issuer={issuer}");
    let failed = |why: String| Error::Internal(why);
    let symbol = Encoder::new(ErrorCorrection::Medium).encode_text(&uri).map_err(|error| failed(error.to_string()))?;
    let qr = Renderer::new(&symbol, 264).to_svg_string(None::<&str>).map_err(|error| failed(error.to_string()))?;
    Ok(Enrolment { secret: text, uri, qr })
}

/// Confirm a second factor with the authenticator's first code.
///
/// From now on every sign-in asks for a code. The other sessions end.
#[utoipa::path(
    post,
    path = "/v1/auth/totp/confirm",
    operation_id = "confirmTotp",
    tag = "Sign-in",
    request_body = FirstCode,
    responses((status = 200, description = "The recovery codes.", body = Envelope<RecoveryCodes>)),
    security(("cookieAuth" = []))
)]
async fn confirm_totp(
    State(app): State<App>,
    me: Signed,
    Json(input): Json<FirstCode>,
) -> Result<Reply<RecoveryCodes>, Error> {
    let row = own(&app, &me).await?;
    let pending = row
        .totp_pending
        .as_deref()
        .ok_or_else(|| Error::Conflict(Fault::new(Code::Conflict, "code", "Begin with POST /v1/auth/totp")))?;
    let guess = Guess::of_user(&row);
    guess.take(&app)?;
    let step = open(&app, &row, pending)?.check(input.code.trim(), seconds(&app)).ok_or_else(wrong_code)?;
    guess.was_right(&app);
    let codes = codes()?;
    let now = app.now();
    app.db
        .write(async |mut tx| {
            let done = tx
                .sql(
                    "update person set totp = totp_pending, totp_pending = null, totp_step = $3, recovery = $4,
                        modified_at = $5, version = version + 1
                 where company = $1 and id = $2 and totp_pending = $6",
                )
                .bind(row.company)
                .bind(row.id)
                .bind(i64::try_from(step).unwrap_or(i64::MAX))
                .bind(hashed(&codes))
                .bind(now)
                .bind(pending)
                .exec()
                .await?;
            if done != 1 {
                // It was confirmed a moment ago, or begun anew: this code is of another secret.
                return Err(wrong_code());
            }
            store::end_sessions(&mut tx, row.company, row.id, Some(me.person.session)).await?;
            noted(&mut tx, &me, &row, now).await
        })
        .await?;
    app.tokens.clear();
    Ok(Reply::ok(RecoveryCodes { recovery_codes: codes }))
}

/// Make new recovery codes; the old ones are worth nothing any more.
#[utoipa::path(
    post,
    path = "/v1/auth/totp/recovery",
    operation_id = "renewRecoveryCodes",
    tag = "Sign-in",
    request_body = Again,
    responses((status = 200, description = "The recovery codes.", body = Envelope<RecoveryCodes>)),
    security(("cookieAuth" = []))
)]
async fn renew_recovery_codes(
    State(app): State<App>,
    me: Signed,
    Json(input): Json<Again>,
) -> Result<Reply<RecoveryCodes>, Error> {
    let row = own(&app, &me).await?;
    confirm_password(&app, &row, "password", &input.password).await?;
    if row.totp.is_none() {
        let message = "Set up a second factor first; recovery codes replace it";
        return Err(Error::Conflict(Fault::new(Code::Conflict, "", message)));
    }
    let codes = codes()?;
    app.db
        .write(async |mut tx| {
            tx.sql("update person set recovery = $3, version = version + 1 where company = $1 and id = $2")
                .bind(row.company)
                .bind(row.id)
                .bind(hashed(&codes))
                .exec()
                .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    Ok(Reply::ok(RecoveryCodes { recovery_codes: codes }))
}

/// Do without a second factor.
#[utoipa::path(
    delete,
    path = "/v1/auth/totp",
    operation_id = "removeTotp",
    tag = "Sign-in",
    request_body = Again,
    responses((status = 200, description = "It is off.", body = Envelope<Option<String>>)),
    security(("cookieAuth" = []))
)]
async fn remove_totp(State(app): State<App>, me: Signed, Json(input): Json<Again>) -> Result<Reply<()>, Error> {
    let row = own(&app, &me).await?;
    confirm_password(&app, &row, "password", &input.password).await?;
    let now = app.now();
    app.db
        .write(async |mut tx| {
            clear(&mut tx, &row, now).await?;
            noted(&mut tx, &me, &row, now).await
        })
        .await?;
    Ok(Reply::ok(()))
}

/// Takes the second factor off.
pub(super) async fn clear(tx: &mut Conn, row: &Row, now: i64) -> Result<(), db::Error> {
    tx.sql(
        "update person set totp = null, totp_pending = null, recovery = null, modified_at = $3, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(row.company)
    .bind(row.id)
    .bind(now)
    .exec()
    .await?;
    Ok(())
}

/// Writes into the audit trail what a person changed of their own sign-in.
async fn noted(tx: &mut Conn, me: &Signed, old: &Row, now: i64) -> Result<(), Error> {
    let new = store::find(tx, old.company, old.id).await?.ok_or(Error::NotFound("user"))?;
    let reference = format!("user/{}", old.staff_code);
    let change = Change { company: old.company, reference, actor: &me.caller.id, action: "updated", at: now };
    audit::record(tx, &change, &old.entered(), &new.entered()).await?;
    Ok(())
}

fn seconds(app: &App) -> u64 {
    u64::try_from(app.now() / 1000).unwrap_or_default()
}

fn codes() -> Result<Vec<String>, Error> {
    // Eighty bits each, in letters that are told apart on paper.
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789z";
    (0..RECOVERY_CODES)
        .map(|_| {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(|error| Error::Internal(error.to_string()))?;
            let letters: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % 32])).collect();
            Ok(format!("{}-{}-{}-{}", &letters[..4], &letters[4..8], &letters[8..12], &letters[12..]))
        })
        .collect()
}

fn code_hash(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    hex(&Sha256::digest(plain.to_ascii_lowercase().as_bytes()))
}

fn hashed(codes: &[String]) -> String {
    codes.iter().map(|code| code_hash(code)).collect::<Vec<_>>().join(" ")
}

/// What a code does that fits.
pub(super) enum Fits {
    /// The authenticator's, of this step.
    Step(i64),
    /// A recovery code; these are left.
    Recovery(String),
}

/// Whether a code is good for a sign-in now.
pub(super) fn check(app: &App, row: &Row, code: &str) -> Result<Option<Fits>, Error> {
    let Some(sealed) = row.totp.as_deref() else { return Ok(None) };
    let code = code.trim();
    let step = open(app, row, sealed)?.check(&code.replace(' ', ""), seconds(app));
    if let Some(step) = step.and_then(|step| i64::try_from(step).ok()).filter(|step| *step > row.totp_step) {
        return Ok(Some(Fits::Step(step)));
    }
    let wanted = code_hash(code);
    let known = row.recovery.as_deref().unwrap_or_default();
    if code.len() >= 16 && known.split(' ').any(|hash| hash == wanted) {
        let left: Vec<&str> = known.split(' ').filter(|hash| *hash != wanted).collect();
        return Ok(Some(Fits::Recovery(left.join(" "))));
    }
    Ok(None)
}

/// Uses a code up; false when it was used a moment ago.
pub(super) async fn use_up(tx: &mut Conn, row: &Row, fits: &Fits) -> Result<bool, db::Error> {
    let used = match fits {
        Fits::Step(step) => {
            tx.sql("update person set totp_step = $3 where company = $1 and id = $2 and totp_step < $3")
                .bind(row.company)
                .bind(row.id)
                .bind(*step)
                .exec()
                .await?
        }
        Fits::Recovery(left) => {
            tx.sql("update person set recovery = $3 where company = $1 and id = $2 and recovery = $4")
                .bind(row.company)
                .bind(row.id)
                .bind(left.as_str())
                .bind(row.recovery.as_deref())
                .exec()
                .await?
        }
    };
    Ok(used == 1)
}

/// The refusal of a code.
pub(super) fn refused() -> Error {
    wrong_code()
}

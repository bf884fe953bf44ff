//! Who somebody is that a provider names: the person whom it named before, else the one of the verified e-mail, else, where the
//! company wants that, a new one.

use db::Conn;
use serde_json::json;
use uuid::Uuid;

use super::provider::Provider;
use super::token::Claims;
use super::{Stop, Why};
use crate::app::App;
use crate::http::{Caller, Error};
use crate::person::session::{self, Browser, New};
use crate::person::store::{self, Row};
use crate::person::user::{self, Invitation};
use crate::setting::choice;
use crate::setting::list::List;

/// What a provider says of a person, as far as it counts.
#[derive(Debug)]
pub(super) struct Known {
    issuer: String,
    subject: String,
    /// Only when it is verified.
    email: Option<String>,
    firstname: String,
    lastname: String,
}

impl Known {
    /// Reads what is said; refused where the company admits nobody of this e-mail.
    pub(super) fn read(provider: &Provider, issuer: &str, claims: &Claims) -> Result<Known, Stop> {
        let subject = claims.subject().ok_or(Why::Refused)?.to_owned();
        let said = claims.text("email").filter(|email| email.contains('@') && email.len() <= 254);
        let verified = claims.truth("email_verified").unwrap_or(provider.trust_email);
        let email = said.filter(|_| verified).map(str::to_owned);
        let mut domains = provider.domains().peekable();
        if domains.peek().is_some() {
            let email = email.as_deref().ok_or(Why::Unverified)?;
            let domain = email.rsplit('@').next().unwrap_or_default().to_lowercase();
            if !domains.any(|known| known == domain) {
                return Err(Why::Domain.into());
            }
        }
        let (first, last) =
            claims.text("name").map(|name| name.split_once(' ').unwrap_or((name, ""))).unwrap_or_default();
        let local = said.and_then(|email| email.split('@').next()).unwrap_or_default();
        let filled = |texts: [Option<&str>; 3]| {
            let found = texts.into_iter().flatten().map(str::trim).find(|text| !text.is_empty());
            found.unwrap_or_default().chars().take(200).collect()
        };
        Ok(Known {
            issuer: issuer.to_owned(),
            subject,
            email,
            firstname: filled([claims.text("given_name"), Some(first), Some(local)]),
            lastname: filled([claims.text("family_name"), Some(last), Some("-")]),
        })
    }
}

/// Finds or makes the person and begins a session, in one unit. The state is used up by it: a second time it is good for nothing.
pub(super) async fn admit(
    tx: &mut Conn,
    app: &App,
    provider: &Provider,
    known: &Known,
    (state, until): (&[u8; 32], i64),
    browser: &Browser<'_>,
) -> Result<New, Stop> {
    let (company, now) = (provider.company, app.now());
    let used = tx
        .sql("insert into sign_on (company, hash, expires_at) values ($1, $2, $3) on conflict (company, hash) do nothing")
        .bind(company)
        .bind(state.as_slice())
        .bind(until)
        .exec()
        .await?;
    if used != 1 {
        return Err(Why::Ended.into());
    }
    let person = identity(tx, company, known).await?;
    let row = match person {
        Some(person) => store::find(tx, company, person).await?.ok_or(Why::Unknown)?,
        None => {
            let row = by_email(tx, app, provider, known).await?;
            link(tx, &row, known, now).await?;
            row
        }
    };
    if !row.is_active() {
        return Err(Why::Disabled.into());
    }
    if !session::is_unchanged(tx, &row).await? {
        return Err(Why::Ended.into());
    }
    tx.sql("update person_identity set used_at = $4 where company = $1 and issuer = $2 and subject = $3")
        .bind(company)
        .bind(&known.issuer)
        .bind(&known.subject)
        .bind(now)
        .exec()
        .await?;
    let new = New::of(&row)?;
    session::open(tx, &row, &new, browser, (&json!({"by": "sso", "provider": provider.name}), now)).await?;
    Ok(new)
}

async fn identity(tx: &mut Conn, company: i64, known: &Known) -> Result<Option<Uuid>, db::Error> {
    tx.sql("select person from person_identity where company = $1 and issuer = $2 and subject = $3")
        .bind(company)
        .bind(&known.issuer)
        .bind(&known.subject)
        .optional()
        .await
}

/// The person of the verified e-mail, who is made where the company wants that.
async fn by_email(tx: &mut Conn, app: &App, provider: &Provider, known: &Known) -> Result<Row, Stop> {
    let company = provider.company;
    let email = known.email.as_deref().ok_or(Why::Unverified)?;
    // Of two first sign-ins at the same moment one makes the person, and the other finds it.
    tx.lock(&format!("users/{company}")).await?;
    if let Some(row) = store::by_email(tx, company, email).await? {
        // What looks alike (an accent, a wide letter) is found, too, and may be another person's address.
        let plain = |text: &str| text.trim().to_lowercase();
        return if plain(&row.email) == plain(email) { Ok(row) } else { Err(Why::Unknown.into()) };
    }
    let Some(wanted) = provider.join_role else { return Err(Why::Unknown.into()) };
    let role =
        choice::find(tx, company, List::Roles, wanted).await?.filter(|role| role.is_active).ok_or(Why::Unknown)?;
    let new = Invitation {
        email: email.to_owned(),
        firstname: Some(known.firstname.clone()),
        lastname: Some(known.lastname.clone()),
        role_id: role.id.to_string(),
        ..Invitation::default()
    };
    user::check(&new).map_err(not_made)?;
    user::create(tx, &Caller::acting(company, "system"), &new, &role, app.now()).await.map_err(not_made)
}

/// What cannot be made is nobody whom the company knows; the log says why.
fn not_made(error: Error) -> Stop {
    match error {
        Error::Invalid(faults) => {
            tracing::warn!(?faults, "a person who signed in by SSO could not be made");
            Why::Unknown.into()
        }
        Error::Conflict(fault) => {
            tracing::warn!(?fault, "a person who signed in by SSO could not be made");
            Why::Unknown.into()
        }
        other => other.into(),
    }
}

async fn link(tx: &mut Conn, row: &Row, known: &Known, now: i64) -> Result<(), Error> {
    tx.sql(
        "insert into person_identity (company, issuer, subject, person, created_at, used_at) values ($1, $2, $3, $4, $5, $5)",
    )
    .bind(row.company)
    .bind(&known.issuer)
    .bind(&known.subject)
    .bind(row.id)
    .bind(now)
    .exec()
    .await?;
    session::record(tx, row, "identity_linked", &json!({"issuer": known.issuer}), now).await
}

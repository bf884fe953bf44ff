//! `sala user`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, parts, print_list, print_record, print_text};
use crate::app::App;
use crate::config::Common;
use crate::http::{Caller, Error};
use crate::person::link::{self, Token};
use crate::person::store::{self, Row};
use crate::person::user::{self, Invitation, User as View};
use crate::person::{password, role};

#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let an employee sign in; a new employee is created. Prints a link to set the password, unless one is given.
    Create(Create),
    /// Print a new invitation link for a person without a password.
    Invite(Who),
    /// Print a link to set a new password; this ends all sessions.
    Reset(Reset),
    /// List the people who can sign in.
    List,
    /// Disable a person's access, at once and everywhere.
    Disable(Who),
}

#[derive(Debug, Args)]
struct Create {
    /// The e-mail that signs in.
    #[arg(long, env = "SALA_EMAIL")]
    email: String,
    /// First name.
    #[arg(long, env = "SALA_FIRSTNAME", default_value = "")]
    firstname: String,
    /// Last name.
    #[arg(long, env = "SALA_LASTNAME", default_value = "")]
    lastname: String,
    /// Code of the employee.
    #[arg(long, env = "SALA_STAFF_CODE")]
    staff_code: Option<String>,
    /// A role by its name or number.
    #[arg(long = "as", env = "SALA_USER_ROLE", default_value = role::OWNER)]
    role: String,
    /// The password; without it, a link to set one is printed.
    #[arg(long, env = "SALA_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

#[derive(Debug, Args)]
struct Who {
    /// The e-mail that signs in.
    #[arg(value_name = "EMAIL")]
    email: String,
}

#[derive(Debug, Args)]
struct Reset {
    #[command(flatten)]
    who: Who,
    /// Also remove the second factor.
    #[arg(long)]
    totp: bool,
}

/// A person to be made by the command line or the demo.
pub(super) struct New<'a> {
    pub(super) email: &'a str,
    pub(super) names: (&'a str, &'a str),
    pub(super) staff_code: Option<&'a str>,
    pub(super) role: &'a str,
    pub(super) password: Option<&'a str>,
}

/// Lets a person sign in: with the given password, or by the link that is answered.
pub(super) async fn create(app: &App, company: i64, new: &New<'_>) -> Result<(Row, Option<link::UserLink>), Error> {
    let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let invitation = Invitation {
        email: new.email.to_owned(),
        firstname: filled(new.names.0),
        lastname: filled(new.names.1).or_else(|| filled("-")),
        staff_code: new.staff_code.map(str::to_owned),
        role_id: new.role.to_owned(),
        ..Invitation::default()
    };
    user::check(&invitation)?;
    let hash = match new.password {
        Some(given) => {
            password::check("password", given, &[new.email, new.names.0, new.names.1])?;
            Some(password::hash(app, given).await?)
        }
        None => None,
    };
    let (by, token, now) = (Caller::acting(company, "system"), Token::new(company)?, app.now());
    app.db
        .write(async |mut tx| {
            crate::setting::company::must_exist(&mut tx, company).await?;
            role::ensure(&mut tx, company).await?;
            let role = role::find(&mut tx, company, "role", &invitation.role_id).await?;
            let row = user::create(&mut tx, &by, &invitation, &role, now).await?;
            let link = match &hash {
                Some(hash) => {
                    store::set_password(&mut tx, &row, hash, None, now).await?;
                    None
                }
                None => Some(link::hand_over(&mut tx, app, &row, &token, "system").await?),
            };
            Ok((row, link))
        })
        .await
}

async fn of(app: &App, company: i64, who: &Who) -> Result<Row, Failure> {
    let found = store::by_email(&mut app.db.read().await?, company, &who.email).await?;
    found.ok_or_else(|| Failure::new(format!("nobody signs in to company {company} with {}", who.email)))
}

impl User {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = super::required_company(common)?;
        let app = parts(common, None).await?;
        match self.action {
            Action::Create(new) => {
                let new = New {
                    email: &new.email,
                    names: (&new.firstname, &new.lastname),
                    staff_code: new.staff_code.as_deref(),
                    role: &new.role,
                    password: new.password.as_deref(),
                };
                let (row, link) = create(&app, company, &new).await?;
                print_record(
                    common,
                    &json!({"email": row.email, "staffCode": row.staff_code, "link": link.map(|link| link.url)}),
                )
            }
            Action::Invite(who) => {
                let row = of(&app, company, &who).await?;
                if row.password.is_some() {
                    return Err(Failure::new(format!("{} has a password; use `sala user reset`", row.email)));
                }
                print_text(&renew(&app, &row, false).await?)
            }
            Action::Reset(Reset { who, totp }) => {
                let row = of(&app, company, &who).await?;
                print_text(&renew(&app, &row, totp).await?)
            }
            Action::List => {
                let rows = store::list(&mut app.db.read().await?, company, None).await?;
                print_list(common, &rows.into_iter().map(View::from).collect::<Vec<_>>())
            }
            Action::Disable(who) => {
                let row = of(&app, company, &who).await?;
                let now = app.now();
                app.db
                    .write(async |mut tx| {
                        tx.sql("update person set disabled = true, modified_at = $3, version = version + 1 where company = $1 and id = $2")
                            .bind(company)
                            .bind(row.id)
                            .bind(now)
                            .exec()
                            .await?;
                        store::end_links(&mut tx, company, row.id).await?;
                        store::end_sessions(&mut tx, company, row.id, None).await
                    })
                    .await
                    .map_err(|error: db::Error| Failure::from(error))?;
                print_text(&format!("{} is shut out", row.email))
            }
        }
    }
}

/// A new link; the person's sessions end.
async fn renew(app: &App, row: &Row, totp: bool) -> Result<String, Failure> {
    let (token, now) = (Token::new(row.company)?, app.now());
    let link = app
        .db
        .write(async |mut tx| {
            if totp {
                tx.sql("update person set totp = null, totp_pending = null, recovery = null, version = version + 1 where company = $1 and id = $2")
                    .bind(row.company)
                    .bind(row.id)
                    .exec()
                    .await?;
            }
            store::end_sessions(&mut tx, row.company, row.id, None).await?;
            tx.sql("update person set modified_at = $3 where company = $1 and id = $2")
                .bind(row.company)
                .bind(row.id)
                .bind(now)
                .exec()
                .await?;
            link::hand_over(&mut tx, app, row, &token, "system").await
        })
        .await?;
    Ok(link.url)
}

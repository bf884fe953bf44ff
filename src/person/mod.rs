//! People: employees who sign in. Their sessions reach the same operations as tokens do; roles say which, and whose records.

pub(crate) mod link;
pub(crate) mod password;
pub(crate) mod role;
mod session;
pub mod sso;
pub(crate) mod store;
pub(crate) mod totp;
pub(crate) mod user;

use std::net::IpAddr;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use session::{cookie_name, token_of};
pub(crate) use store::{acting, find_session, is_unwritten, purge, seen};

use self::store::Row;
use crate::app::App;
use crate::audit::{self, Change};
use crate::document;
use crate::http::caller::Signed;
use crate::http::limit::household;
use crate::http::{Code, Envelope, Error, Fault, Faults, Json, Patch, Reply};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(session::routes())
        .merge(sso::routes())
        .merge(totp::routes())
        .merge(user::routes())
        .routes(routes!(get_me, update_me))
        .routes(routes!(change_password))
}

/// An entry of a look-up list that a person has.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    /// Its number.
    #[schema(example = 1)]
    pub(crate) id: i64,
    /// Its name.
    #[schema(example = "เจ้าของ")]
    pub(crate) name: String,
    /// Its name in English, where there is one.
    #[schema(example = "Owner")]
    pub(crate) name_en: Option<String>,
}

impl Named {
    fn role(row: &Row) -> Named {
        let name = row.role_name.clone().unwrap_or_default();
        Named { id: row.role, name, name_en: row.role_name_en.clone() }
    }

    fn team(row: &Row) -> Option<Named> {
        Some(Named { id: row.team, name: row.team_name.clone()?, name_en: None })
    }
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Me {
    /// The person.
    user: MeUser,
    /// The company of this session.
    company: MeCompany,
    /// Other companies where the same e-mail signs in.
    companies: Vec<CompanyName>,
    /// What the role grants.
    #[schema(example = json!(["chat:read", "chat:write"]))]
    scopes: Vec<String>,
    /// Whose records: `own`, `team` or `all`.
    #[schema(example = "own")]
    range: &'static str,
    /// The channel accounts whose rooms the person sees; null is every one.
    accounts: Option<Vec<String>>,
    /// What the person set in the console.
    #[schema(value_type = Object)]
    preferences: Value,
    /// The session.
    session: MeSession,
    /// The server's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// What this server can do besides: what is set up differs from one to the next.
    features: MeFeatures,
}

/// What a server is set up for.
#[derive(Debug, Serialize, ToSchema)]
struct MeFeatures {
    /// It makes documents (PDF): the program that does is there.
    #[schema(example = true)]
    documents: bool,
    /// It sends e-mail: a server for it is configured.
    #[schema(example = true)]
    mail: bool,
}

/// The person of a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MeUser {
    /// The employee's user id.
    id: String,
    /// The e-mail that signs in.
    #[schema(example = "patty@example.com")]
    email: String,
    /// First and last name.
    #[schema(example = "Patty Saruta")]
    name: String,
    /// Nickname.
    nickname: Option<String>,
    /// Employee code.
    #[schema(example = "EMP001")]
    staff_code: String,
    /// The role.
    role: Named,
    /// The team.
    team: Option<Named>,
    /// Whether sign-in asks for a second factor.
    has_totp: bool,
    /// `th` or `en`; null when the person has not chosen.
    language: Option<String>,
}

/// The company of a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MeCompany {
    /// Its number.
    #[schema(example = 507)]
    id: i64,
    /// Its name.
    name: String,
    /// Its IANA time zone.
    #[schema(example = "Asia/Bangkok")]
    time_zone: String,
}

/// A company by name.
#[derive(Debug, Serialize, ToSchema)]
struct CompanyName {
    /// Its number.
    #[schema(example = 507)]
    id: i64,
    /// Its name.
    name: String,
}

impl CompanyName {
    fn of(row: &Row) -> CompanyName {
        CompanyName { id: row.company, name: row.company_name.clone() }
    }
}

/// The session that a request came with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MeSession {
    /// Its id.
    id: String,
    /// When it ends unless it is used: Unix time in milliseconds.
    expires_at: i64,
}

/// What a person sets of their own.
#[derive(Debug, Deserialize, ToSchema)]
struct MeUpdate {
    /// `th` or `en`; null for the browser's.
    #[schema(value_type = Option<String>, example = "th")]
    language: Patch<String>,
    /// Whatever the console keeps for the person, as a whole; at most 32 KB.
    #[schema(value_type = Option<Object>)]
    preferences: Patch<Value>,
}

/// A new password of one's own.
#[derive(Debug, Deserialize, ToSchema)]
struct NewPassword {
    /// The present one.
    current: String,
    /// The new one: at least 10 characters.
    #[schema(example = "correct horse battery")]
    new: String,
}

/// The signed-in person's record.
async fn own(app: &App, me: &Signed) -> Result<Row, Error> {
    let found = store::find(&mut app.db.read().await?, me.caller.company, me.person.id).await?;
    found.ok_or(Error::TokenRefused)
}

async fn me_of(conn: &mut Conn, app: &App, row: Row, session: MeSession) -> Result<Me, Error> {
    let others = store::everywhere(conn, &row.email, None).await?;
    let companies = others.iter().filter(|other| other.company != row.company && other.is_active());
    Ok(Me {
        companies: companies.map(CompanyName::of).collect(),
        company: MeCompany { id: row.company, name: row.company_name.clone(), time_zone: row.time_zone.clone() },
        scopes: role::granted(row.role_detail.as_ref(), app.operations.known_scopes()),
        range: row.reach().word(),
        accounts: row.account_list(),
        preferences: row.preferences.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        session,
        version: env!("CARGO_PKG_VERSION"),
        features: MeFeatures { documents: document::is_there(app), mail: app.mail.is_some() },
        user: MeUser {
            id: row.id.to_string(),
            name: row.name(),
            role: Named::role(&row),
            team: Named::team(&row),
            has_totp: row.totp.is_some(),
            email: row.email,
            nickname: row.nickname,
            staff_code: row.staff_code,
            language: row.language,
        },
    })
}

async fn present(app: &App, me: &Signed) -> Result<Me, Error> {
    let row = own(app, me).await?;
    let session = MeSession { id: me.person.session.to_string(), expires_at: me.caller.expires_at };
    me_of(&mut app.db.read().await?, app, row, session).await
}

/// Say who is signed in, and what they may do.
#[utoipa::path(
    get,
    path = "/v1/auth/me",
    operation_id = "getMe",
    tag = "Sign-in",
    responses((status = 200, description = "The person.", body = Envelope<Me>)),
    security(("cookieAuth" = []))
)]
async fn get_me(State(app): State<App>, me: Signed) -> Result<Reply<Me>, Error> {
    Ok(Reply::ok(present(&app, &me).await?))
}

/// The most that is kept of what a person set, in bytes.
const MOST_PREFERENCES: usize = 32 * 1024;

/// Change one's own language and preferences.
#[utoipa::path(
    patch,
    path = "/v1/auth/me",
    operation_id = "updateMe",
    tag = "Sign-in",
    request_body = MeUpdate,
    responses((status = 200, description = "The person.", body = Envelope<Me>)),
    security(("cookieAuth" = []))
)]
async fn update_me(State(app): State<App>, me: Signed, Json(input): Json<MeUpdate>) -> Result<Reply<Me>, Error> {
    let mut faults = Faults::default();
    if let Patch::Set(language) = &input.language
        && !matches!(language.as_str(), "th" | "en")
    {
        faults.add(Code::InvalidValue, "language", "language must be th or en");
    }
    if let Patch::Set(preferences) = &input.preferences {
        if !preferences.is_object() {
            faults.add(Code::InvalidType, "preferences", "preferences must be an object");
        } else if preferences.to_string().len() > MOST_PREFERENCES {
            faults.add(Code::TooLong, "preferences", format!("preferences may have {MOST_PREFERENCES} bytes"));
        }
    }
    faults.end()?;
    let row = own(&app, &me).await?;
    // What is absent is left to the database, so that two screens that change one thing each lose none.
    let (keeps_language, keeps_preferences) = (input.language == Patch::Keep, input.preferences == Patch::Keep);
    let (language, preferences) = (input.language.over(None), input.preferences.over(None));
    app.db
        .write(async |mut tx| {
            tx.sql(
                "update person set language = case when $5 then language else $3 end,
                   preferences = case when $6 then preferences else $4 end
                 where company = $1 and id = $2",
            )
            .bind(row.company)
            .bind(row.id)
            .bind(language.clone())
            .bind(preferences.clone())
            .bind(keeps_language)
            .bind(keeps_preferences)
            .exec()
            .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    Ok(Reply::ok(present(&app, &me).await?))
}

/// Change one's own password; every other session ends, and this one goes on under a new cookie.
#[utoipa::path(
    post,
    path = "/v1/auth/password",
    operation_id = "changePassword",
    tag = "Sign-in",
    request_body = NewPassword,
    responses((status = 200, description = "It is changed.", body = Envelope<Option<String>>)),
    security(("cookieAuth" = []))
)]
async fn change_password(
    State(app): State<App>,
    me: Signed,
    headers: HeaderMap,
    Json(input): Json<NewPassword>,
) -> Result<Response, Error> {
    let row = own(&app, &me).await?;
    password::check("new", &input.new, &row.names())?;
    confirm_password(&app, &row, "current", &input.current).await?;
    let hash = password::hash(&app, &input.new).await?;
    let token = link::Token::new(row.company)?;
    let now = app.now();
    app.db
        .write(async |mut tx| {
            store::set_password(&mut tx, &row, &hash, Some(me.person.session), now).await?;
            tx.sql("update session set hash = $3 where company = $1 and id = $2")
                .bind(row.company)
                .bind(me.person.session)
                .bind(token.hash.as_slice())
                .exec()
                .await?;
            let reference = format!("user/{}", row.staff_code);
            let change =
                Change { company: row.company, reference, actor: &me.caller.id, action: "password_changed", at: now };
            let changed = |at: i64| serde_json::json!({ "passwordChangedAt": at });
            audit::record(&mut tx, &change, &changed(0), &changed(now)).await?;
            Ok::<_, Error>(())
        })
        .await?;
    app.tokens.clear();
    let mut response = Reply::ok(()).into_response();
    session::set_cookie(&app, &headers, &mut response, Some(&token.text));
    Ok(response)
}

/// Refuses unless this is the person's password; wrong ones are counted as those of a sign-in are.
async fn confirm_password(app: &App, row: &Row, field: &str, password: &str) -> Result<(), Error> {
    let guess = Guess::of_user(row);
    guess.take(app)?;
    if password::verify(app, password, row.password.as_deref()).await? {
        guess.was_right(app);
        return Ok(());
    }
    Err(Error::Invalid(vec![Fault::new(
        Code::InvalidCredentials,
        field,
        format!("{field} is not the current password"),
    )]))
}

/// Guesses at one secret from one place; few are free.
#[derive(Debug, Clone)]
struct Guess(String, IpAddr);

impl Guess {
    /// At what a name signs in with.
    fn at(email: &str, address: IpAddr) -> Guess {
        // A longer name than any that exists would only fill the memory that counts.
        let name = format!("user:{}", store::email_key(email).chars().take(100).collect::<String>());
        Guess(name, household(address))
    }

    /// By whoever sits before a session that is open.
    fn of_user(row: &Row) -> Guess {
        Guess::at(&format!("{}/{}", row.company, row.email), IpAddr::from([127, 0, 0, 1]))
    }

    /// Takes a guess before it is looked at, so that many at once are no more than one after another.
    fn take(&self, app: &App) -> Result<(), Error> {
        let verdict = app.sign_ins.take((self.0.clone(), self.1), app.steady());
        match verdict.allowed {
            true => Ok(()),
            false => Err(Error::TooMany { retry_after: verdict.wait.div_ceil(1000).max(1) }),
        }
    }

    /// Gives back a guess that was right.
    fn was_right(&self, app: &App) {
        app.sign_ins.give(&(self.0.clone(), self.1), app.steady());
    }
}

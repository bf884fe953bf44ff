//! Who may sign in: inviting, changing and shutting out, for administrators.

mod colleague;
mod invite;

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) use invite::{Invitation, check, create, may_give};

use self::invite::{assign_role, check_accounts, may_open};
use super::link::{self, Token, UserLink};
use super::store::{self, Row};
use super::{Named, role, totp};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Json, Patch, Path, Query, Reply};
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_users, invite_user))
        .routes(routes!(get_user, update_user))
        .routes(routes!(renew_user_link))
        .routes(routes!(reset_user_totp))
        .routes(routes!(end_user_sessions))
        .merge(colleague::routes())
}

/// A person who may sign in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    /// The employee's user id.
    id: String,
    /// The e-mail that signs in.
    #[schema(example = "patty@example.com")]
    pub(crate) email: String,
    /// First and last name.
    #[schema(example = "Patty Saruta")]
    name: String,
    /// First name.
    firstname: String,
    /// Last name.
    lastname: String,
    /// Nickname.
    nickname: Option<String>,
    /// Employee code.
    #[schema(example = "EMP001")]
    staff_code: String,
    /// The role.
    role: Named,
    /// Whose records the role is about: `own`, `team` or `all`.
    #[schema(example = "own")]
    range: &'static str,
    /// The team.
    team: Option<Named>,
    /// The channel accounts whose rooms the person sees; null is every one.
    accounts: Option<Vec<String>>,
    /// `invited` until there is a password, then `active`; `disabled` when shut out.
    #[schema(example = "active")]
    state: &'static str,
    /// Whether the person may sign in.
    is_active: bool,
    /// Whether there is a password.
    has_password: bool,
    /// Whether sign-in asks for a second factor.
    has_totp: bool,
    /// The last sign-in: Unix time in milliseconds.
    last_sign_in_at: Option<i64>,
    /// When the person was invited.
    created_at: i64,
    /// The version, as `If-Match` names it.
    version: i64,
}

impl From<Row> for User {
    fn from(row: Row) -> User {
        User {
            id: row.id.to_string(),
            name: row.name(),
            role: Named::role(&row),
            range: row.reach().word(),
            team: Named::team(&row),
            accounts: row.account_list(),
            state: match (row.is_active(), &row.password) {
                (false, _) => "disabled",
                (true, None) => "invited",
                (true, Some(_)) => "active",
            },
            is_active: row.is_active(),
            has_password: row.password.is_some(),
            has_totp: row.totp.is_some(),
            last_sign_in_at: row.last_sign_in_at,
            created_at: row.created_at,
            version: row.version,
            email: row.email,
            firstname: row.firstname,
            lastname: row.lastname,
            nickname: row.nickname,
            staff_code: row.staff_code,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// Part of the name, nickname, e-mail or code.
    keyword: Option<String>,
    /// Only those who may sign in, or only the others.
    active: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Users {
    /// The people, by name.
    value: Vec<User>,
}

/// A change of a person; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserUpdate {
    /// The role's number, or its name.
    #[schema(example = "Agent")]
    role_id: Option<String>,
    /// The team's number.
    team_id: Option<i64>,
    /// The channel accounts; null is every one.
    #[schema(value_type = Option<Vec<String>>)]
    accounts: Patch<Vec<String>>,
    /// False shuts the person out, at once and everywhere.
    is_active: Option<bool>,
}

/// A person and the link to hand over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invited {
    /// The person.
    pub(crate) user: User,
    /// Sets the first password; shown once.
    pub(crate) link: UserLink,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct UserPath {
    /// The user id.
    id: Uuid,
}

/// List who may sign in.
#[utoipa::path(
    get,
    path = "/v1/console/users",
    operation_id = "listUsers",
    tag = "Users",
    params(UsersQuery),
    responses((status = 200, description = "The people.", body = Envelope<Users>)),
    security(("bearerAuth" = ["user:read"], "subscriptionKey" = []))
)]
async fn list_users(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<UsersQuery>,
) -> Result<Reply<Users>, Error> {
    let keyword = search::keyword(query.keyword.as_deref());
    let rows = store::list(&mut app.db.read().await?, caller.company, keyword.as_deref()).await?;
    let wanted = rows.into_iter().filter(|row| query.active.is_none_or(|active| active == row.is_active()));
    Ok(Reply::ok(Users { value: wanted.map(User::from).collect() }))
}

/// Read one person.
#[utoipa::path(
    get,
    path = "/v1/console/users/{id}",
    operation_id = "getUser",
    tag = "Users",
    params(UserPath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The person.", body = Envelope<User>)),
    security(("bearerAuth" = ["user:read"], "subscriptionKey" = []))
)]
async fn get_user(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<UserPath>,
) -> Result<Reply<User>, Error> {
    let row = store::find(&mut app.db.read().await?, caller.company, path.id).await?.ok_or(Error::NotFound("user"))?;
    let version = row.version;
    Ok(Reply::ok(User::from(row)).version(version, &conditions))
}

/// Invite a person.
///
/// The answer holds a link that sets the first password; it is good for a week and shown once.
#[utoipa::path(
    post,
    path = "/v1/console/users",
    operation_id = "inviteUser",
    tag = "Users",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = Invitation,
    responses((status = 201, description = "The person and the link.", body = Envelope<Invited>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn invite_user(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<Invitation>,
) -> Result<Reply<Invited>, Error> {
    check(&input)?;
    let token = Token::new(caller.company)?;
    caller
        .write(&app, async |mut tx| {
            let role = role::find(&mut tx, caller.company, "roleId", &input.role_id).await?;
            may_give(&app, &caller, role.detail.as_ref())?;
            may_open(&caller, input.accounts.as_deref())?;
            let row = create(&mut tx, &caller, &input, &role, app.now()).await?;
            let link = link::hand_over(&mut tx, &app, &row, &token, &caller.id).await?;
            tx.reply(Reply::created(Invited { user: row.into(), link })).await
        })
        .await
}

async fn note(
    tx: &mut Conn,
    caller: &Caller,
    row: &Row,
    action: &'static str,
    from: &Value,
    to: &Value,
    at: i64,
) -> Result<bool, Error> {
    let reference = format!("user/{}", row.staff_code);
    audit::record(tx, &Change { company: row.company, reference, actor: &caller.id, action, at }, from, to).await
}

/// Change a person's role, team, channel accounts, or whether they may sign in.
#[utoipa::path(
    patch,
    path = "/v1/console/users/{id}",
    operation_id = "updateUser",
    tag = "Users",
    params(UserPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = UserUpdate,
    responses((status = 200, description = "The person.", body = Envelope<User>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn update_user(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<UserPath>,
    Json(input): Json<UserUpdate>,
) -> Result<Reply<User>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &app, &caller, path.id).await?;
            conditions.allow_change(Some(old.version))?;
            let row = update(&mut tx, &app, &caller, &old, &input).await?;
            let version = row.version;
            tx.reply(Reply::ok(User::from(row)).version(version, &Conditions::default())).await
        })
        .await?;
    app.tokens.clear();
    Ok(reply)
}

/// A person whom the caller may change: nobody with more rights than the caller.
async fn held(tx: &mut Conn, app: &App, caller: &Caller, id: Uuid) -> Result<Row, Error> {
    // One change of a company's people after another: two owners who take the role from each other are not both obeyed.
    tx.lock(&format!("users/{}", caller.company)).await?;
    let row = store::find(tx, caller.company, id).await?.ok_or(Error::NotFound("user"))?;
    may_give(app, caller, row.role_detail.as_ref())?;
    Ok(row)
}

async fn update(tx: &mut Conn, app: &App, caller: &Caller, old: &Row, input: &UserUpdate) -> Result<Row, Error> {
    let (company, now) = (old.company, app.now());
    let role = match &input.role_id {
        Some(wanted) => Some(role::find(tx, company, "roleId", wanted).await?),
        None => None,
    };
    if let Some(role) = &role {
        may_give(app, caller, role.detail.as_ref())?;
    }
    let accounts = input.accounts.clone().over(old.account_list());
    if input.accounts != Patch::Keep {
        may_open(caller, accounts.as_deref())?;
    }
    check_accounts(tx, company, accounts.as_deref()).await?;
    assign_role(tx, company, old.id, role.as_ref().map(|role| role.id), input.team_id, now).await?;
    tx.sql(
        "update person set accounts = $3, disabled = $4, modified_at = $5, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(company)
    .bind(old.id)
    .bind(accounts.map(|accounts| json!(accounts)))
    .bind(input.is_active.map_or(old.disabled, |active| !active))
    .bind(now)
    .exec()
    .await?;
    if input.is_active == Some(true) && !old.employed {
        tx.sql(
            "update employee set active = true, modified_at = $3, version = version + 1 where company = $1 and id = $2",
        )
        .bind(company)
        .bind(old.id)
        .bind(now)
        .exec()
        .await?;
    }
    let new = store::find(tx, company, old.id).await?.ok_or(Error::NotFound("user"))?;
    settled(tx, old, &new).await?;
    note(tx, caller, &new, "updated", &old.entered(), &new.entered(), now).await?;
    Ok(new)
}

/// What follows from a change: who was shut out is so everywhere, and somebody must be left who may do everything.
async fn settled(tx: &mut Conn, old: &Row, new: &Row) -> Result<(), Error> {
    if !new.is_active() {
        store::end_sessions(tx, new.company, new.id, None).await?;
        store::end_links(tx, new.company, new.id).await?;
    }
    let was_all = old.is_active() && role::is_all(old.role_detail.as_ref());
    let is_all = new.is_active() && role::is_all(new.role_detail.as_ref());
    if !was_all || is_all {
        return Ok(());
    }
    must_be_left(tx, new.company).await
}

/// Refuses a change after which nobody is left who may do everything.
pub(crate) async fn must_be_left(tx: &mut Conn, company: i64) -> Result<(), Error> {
    match has_owner(tx, company).await? {
        true => Ok(()),
        false => {
            let message = "At least one user must have full access; give another user that role first";
            Err(Error::Conflict(Fault::new(Code::Conflict, "", message)))
        }
    }
}

/// Whether somebody may do everything.
pub(crate) async fn has_owner(conn: &mut Conn, company: i64) -> Result<bool, db::Error> {
    let people = store::list(conn, company, None).await?;
    Ok(people.iter().any(|row| row.is_active() && role::is_all(row.role_detail.as_ref())))
}

/// Make a new link for a person: the invitation again, or a new password.
#[utoipa::path(
    post,
    path = "/v1/console/users/{id}/link",
    operation_id = "renewUserLink",
    tag = "Users",
    params(UserPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 201, description = "The link; earlier ones are over.", body = Envelope<UserLink>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn renew_user_link(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<UserPath>,
) -> Result<Reply<UserLink>, Error> {
    let token = Token::new(caller.company)?;
    caller
        .write(&app, async |mut tx| {
            let row = held(&mut tx, &app, &caller, path.id).await?;
            let link = link::hand_over(&mut tx, &app, &row, &token, &caller.id).await?;
            note(&mut tx, &caller, &row, "link_made", &json!({}), &json!({"expiresAt": link.expires_at}), app.now())
                .await?;
            tx.reply(Reply::created(link)).await
        })
        .await
}

/// Take a person's second factor off, for whoever lost both the authenticator and the recovery codes.
#[utoipa::path(
    delete,
    path = "/v1/console/users/{id}/totp",
    operation_id = "resetUserTotp",
    tag = "Users",
    params(UserPath),
    responses((status = 200, description = "The person.", body = Envelope<User>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn reset_user_totp(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<UserPath>,
) -> Result<Reply<User>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &app, &caller, path.id).await?;
            totp::clear(&mut tx, &old, app.now()).await?;
            store::end_sessions(&mut tx, old.company, old.id, None).await?;
            let new = store::find(&mut tx, old.company, old.id).await?.ok_or(Error::NotFound("user"))?;
            note(&mut tx, &caller, &new, "totp_reset", &old.entered(), &new.entered(), app.now()).await?;
            tx.reply(Reply::ok(User::from(new))).await
        })
        .await?;
    app.tokens.clear();
    Ok(reply)
}

/// End every session of a person.
#[utoipa::path(
    delete,
    path = "/v1/console/users/{id}/sessions",
    operation_id = "endUserSessions",
    tag = "Users",
    params(UserPath),
    responses((status = 200, description = "They are over.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["user:write"], "subscriptionKey" = []))
)]
async fn end_user_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<UserPath>,
) -> Result<Reply<()>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let row = held(&mut tx, &app, &caller, path.id).await?;
            let ended = store::end_sessions(&mut tx, row.company, row.id, None).await?;
            note(&mut tx, &caller, &row, "signed_out", &json!({}), &json!({"sessions": ended}), app.now()).await?;
            tx.reply(Reply::ok(())).await
        })
        .await?;
    app.tokens.clear();
    Ok(reply)
}

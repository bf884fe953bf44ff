//! Inviting: an employee who may sign in from now on, and what nobody gives away.

use db::Conn;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::note;
use crate::app::App;
use crate::http::caller::Range;
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults, lenient};
use crate::person::role::{self, Reach};
use crate::person::store::{self, Row};
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::setting::number;
use crate::staff::employee::{self, EmployeeUpsert};

/// A person to be invited.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitation {
    /// The e-mail that will sign in.
    #[schema(example = "patty@example.com")]
    pub(crate) email: String,
    /// First name; needed unless the employee is there.
    #[schema(example = "Patty")]
    pub(crate) firstname: Option<String>,
    /// Last name.
    #[schema(example = "Saruta")]
    pub(crate) lastname: Option<String>,
    /// Nickname.
    pub(crate) nickname: Option<String>,
    /// Code of the employee: one who is there is invited, else a new one gets it.
    #[schema(example = "EMP001")]
    pub(crate) staff_code: Option<String>,
    /// The role's number, or its name.
    #[schema(example = "Agent")]
    pub(crate) role_id: String,
    /// The team's number.
    #[schema(example = 1)]
    pub(crate) team_id: Option<i64>,
    /// The channel accounts whose rooms the person may see; every one when absent.
    pub(crate) accounts: Option<Vec<String>>,
}

/// The faults of an invitation that can be seen without the database.
pub(crate) fn check(input: &Invitation) -> Result<(), Error> {
    let mut faults = Faults::default();
    faults.required("email", &input.email, 254);
    faults.required("roleId", &input.role_id, 200);
    faults.email("email", &input.email);
    for (field, text) in [("firstname", &input.firstname), ("lastname", &input.lastname), ("nickname", &input.nickname)]
    {
        faults.longest(field, text.as_deref().unwrap_or_default(), 200);
    }
    faults.longest("staffCode", input.staff_code.as_deref().unwrap_or_default(), 50);
    faults.end()
}

/// Nobody gives away more than they have.
pub(crate) fn may_give(app: &App, caller: &Caller, detail: Option<&Value>) -> Result<(), Error> {
    let granted = role::granted(detail, app.operations.known_scopes());
    if let Some(scope) = granted.into_iter().find(|scope| !caller.scopes.contains(scope)) {
        return Err(Error::Forbidden(scope));
    }
    let fits = match caller.range() {
        Range::All => true,
        Range::Team { .. } => Reach::of(detail) != Reach::All,
        Range::Own { .. } => Reach::of(detail) == Reach::Own,
    };
    match fits {
        true => Ok(()),
        false => Err(Error::invalid(Code::InvalidValue, "roleId", "roleId has a wider range than yours")),
    }
}

/// The same of channel accounts.
pub(super) fn may_open(caller: &Caller, wanted: Option<&[String]>) -> Result<(), Error> {
    let own = caller.person.as_ref().and_then(|person| person.accounts.as_ref());
    match own {
        Some(own) if !wanted.is_some_and(|wanted| wanted.iter().all(|account| own.contains(account))) => {
            Err(Error::invalid(Code::InvalidValue, "accounts", "accounts must not include more than your own"))
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct KnownEmployee {
    id: Uuid,
    staff_code: String,
}

/// Lets an employee sign in, who is made when there is none of that code or e-mail. There is no password yet.
pub(crate) async fn create(
    tx: &mut Conn,
    caller: &Caller,
    input: &Invitation,
    role: &Choice,
    now: i64,
) -> Result<Row, Error> {
    let company = caller.company;
    let email = input.email.trim();
    if let Some(known) = store::by_email(tx, company, email).await? {
        let message = format!("{} already signs in with this e-mail", known.name());
        return Err(Error::Conflict(Fault::new(Code::Taken, "email", message)));
    }
    check_accounts(tx, company, input.accounts.as_deref()).await?;
    let employee = match known_employee(tx, company, input).await? {
        Some(known) => known,
        None => new_employee(tx, caller, input, role, now).await?,
    };
    if store::find(tx, company, employee.id).await?.is_some() {
        let message = format!("Employee {} already signs in with another e-mail", employee.staff_code);
        return Err(Error::Conflict(Fault::new(Code::Taken, "staffCode", message)));
    }
    tx.sql(
        "insert into person (company, id, email, email_key, totp_step, accounts, disabled, created_by, created_at,
                             modified_at, version)
         values ($1, $2, $3, $4, 0, $5, false, $6, $7, $7, 1)",
    )
    .bind(company)
    .bind(employee.id)
    .bind(email)
    .bind(store::email_key(email))
    .bind(input.accounts.as_ref().map(|accounts| json!(accounts)))
    .bind(&caller.id)
    .bind(now)
    .exec()
    .await?;
    assign_role(tx, company, employee.id, Some(role.id), input.team_id, now).await?;
    let row = store::find(tx, company, employee.id).await?.ok_or(Error::NotFound("user"))?;
    note(tx, caller, &row, "created", &json!({}), &row.entered(), now).await?;
    Ok(row)
}

async fn known_employee(tx: &mut Conn, company: i64, input: &Invitation) -> Result<Option<KnownEmployee>, db::Error> {
    let query = tx.sql("select id, staff_code from employee where company = $1 and ").bind(company);
    match input.staff_code.as_deref().map(str::trim).filter(|code| !code.is_empty()) {
        Some(code) => query.push("staff_key = ").push_bind(employee::key(code)).optional().await,
        None => {
            query.push("lower(email) = ").push_bind(input.email.trim().to_lowercase()).push(" limit 1").optional().await
        }
    }
}

async fn new_employee(
    tx: &mut Conn,
    caller: &Caller,
    input: &Invitation,
    role: &Choice,
    now: i64,
) -> Result<KnownEmployee, Error> {
    let company = caller.company;
    let mut faults = Faults::default();
    faults.required("firstname", input.firstname.as_deref().unwrap_or_default(), 200);
    faults.required("lastname", input.lastname.as_deref().unwrap_or_default(), 200);
    faults.end()?;
    let code = match input.staff_code.as_deref().map(str::trim).filter(|code| !code.is_empty()) {
        Some(code) => code.to_owned(),
        None => {
            number::free(tx, company, "staff-code", ("employee", "staff_key"), |number| format!("U{number:03}")).await?
        }
    };
    let team = match input.team_id {
        Some(team) => team_of(tx, company, team).await?.name,
        None => choice::all(tx, company, List::Teams)
            .await?
            .first()
            .map_or_else(|| "ทีม 1".to_owned(), |team| team.name.clone()),
    };
    let body = json!({
        "staffCode": code, "email": input.email.trim(), "firstname": input.firstname, "lastname": input.lastname,
        "nickname": input.nickname, "roleName": role.name, "teamName": team, "isActive": true,
    });
    let upsert: EmployeeUpsert = lenient::decode_value(&body).map_err(Error::Invalid)?;
    employee::put(tx, caller, &upsert, &Conditions::default(), now).await?;
    let found = tx.sql("select id, staff_code from employee where company = $1 and staff_key = $2");
    Ok(found.bind(company).bind(employee::key(&code)).one().await?)
}

async fn team_of(tx: &mut Conn, company: i64, team: i64) -> Result<Choice, Error> {
    let found = choice::find(tx, company, List::Teams, team).await?.filter(|team| team.is_active);
    found.ok_or_else(|| Error::invalid(Code::InvalidValue, "teamId", format!("teamId {team} is not a known team")))
}

pub(super) async fn check_accounts(tx: &mut Conn, company: i64, accounts: Option<&[String]>) -> Result<(), Error> {
    let Some(accounts) = accounts else { return Ok(()) };
    let known: Vec<String> = tx.sql("select id from account where company = $1").bind(company).all().await?;
    match accounts.iter().find(|account| !known.contains(account)) {
        None => Ok(()),
        Some(unknown) => {
            Err(Error::invalid(Code::InvalidValue, "accounts", format!("{unknown} is not a known channel account")))
        }
    }
}

/// Gives an employee a role and a team.
pub(super) async fn assign_role(
    tx: &mut Conn,
    company: i64,
    id: Uuid,
    role: Option<i64>,
    team: Option<i64>,
    now: i64,
) -> Result<(), Error> {
    if let Some(team) = team {
        team_of(tx, company, team).await?;
    }
    tx.sql(
        "update employee set role = coalesce($3, role), team = coalesce($4, team), modified_at = $5, version = version + 1
         where company = $1 and id = $2 and (role <> coalesce($3, role) or team <> coalesce($4, team))",
    )
    .bind(company)
    .bind(id)
    .bind(role)
    .bind(team)
    .bind(now)
    .exec()
    .await?;
    Ok(())
}

//! Employees: enquiry, reading one by code, create or update by code.

mod store;

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::store::{Filter, by_code, count, find_page, heads};
pub(crate) use self::store::{Row, by_codes, codes, is_role, key, named, put};
use crate::app::App;
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Json, Listing, Patch, Path, Reply, is_email};
use crate::job::Kind;
use crate::search;
use crate::time;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(enquire_employees))
        .routes(routes!(get_employee))
        .routes(routes!(create_or_update_employee))
}

/// Which employees to list. Every property may be absent or null: no filter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EmployeeEnquiry {
    /// Kind of employee: the number of a role.
    employee_type: Option<i64>,
    /// The team's number.
    team_id: Option<i64>,
    /// 1 or true: in use; 0 or false: not. All when absent.
    #[schema(value_type = Option<i64>)]
    status: Option<bool>,
    /// Part of the name, nickname, e-mail or code, in any letter case.
    #[schema(example = "Patty")]
    key_word: Option<String>,
    /// 0 by first name, 1 by staff code, 2 newest first.
    #[schema(example = 0)]
    order_by: Option<i64>,
    /// Employees to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Employees a page: at most 200, default 20.
    #[schema(example = 20)]
    page_length: Option<i64>,
    /// Taken and not used: its meaning in the original API is not known.
    #[serde(rename = "type")]
    #[expect(dead_code, reason = "clients send it")]
    kind: Option<i64>,
}

/// An employee.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Employee {
    /// User id (UUID).
    #[schema(example = "0f6d5a52-7d3c-4d6e-9f3c-3c1f7c1f0a01")]
    pub user_id: String,
    /// Login name: the e-mail.
    #[schema(example = "patty@example.com")]
    pub username: String,
    /// Company number.
    #[schema(example = 507)]
    pub company_id: i64,
    /// Company name.
    pub company_name: String,
    /// Team number.
    pub team_id: i64,
    /// Team name.
    #[schema(example = "Sales")]
    pub team_name: String,
    /// Employee code.
    #[schema(example = "EMP001")]
    pub staff_code: String,
    /// Title; not kept here.
    pub title: Option<String>,
    /// First name.
    #[schema(example = "Patty")]
    pub firstname: String,
    /// Last name.
    #[schema(example = "Saruta")]
    pub lastname: String,
    /// First and last name.
    #[schema(example = "Patty Saruta")]
    pub fullname: String,
    /// Nickname.
    pub nickname: Option<String>,
    /// Position; not kept here.
    pub position: Option<String>,
    /// Telephone number, as it was typed.
    #[schema(example = "0800000000")]
    pub phone_number: Option<String>,
    /// Codes of the superiors, the highest first, separated by `/`.
    pub org_string: Option<String>,
    /// How many superiors there are above.
    pub org_level: Option<i64>,
    /// Latitude; not kept here.
    pub latitude: Option<f64>,
    /// Longitude; not kept here.
    pub longitude: Option<f64>,
    /// Place; not kept here.
    pub location: Option<String>,
    /// Name of the place; not kept here.
    pub location_name: Option<String>,
    /// Whether the account is in use.
    pub is_active: bool,
    /// Who created the record: the id of an API client.
    pub created_by_user_id: Option<String>,
    /// Whether a picture is stored.
    pub has_picture: bool,
    /// When the record was created.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    pub date_created: String,
    /// When it was last changed.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    pub date_modified: Option<String>,
    /// Role name.
    #[schema(example = "Sales")]
    pub role: Option<String>,
    /// Level; not kept here.
    pub level: Option<i64>,
    /// Work site; not kept here.
    pub site_id: Option<i64>,
    /// Whether the employee accepted the personal-data terms; not kept here.
    #[serde(rename = "isAgreementPDPA")]
    pub is_agreement_pdpa: Option<bool>,
    /// Address of the picture.
    pub picture_url: Option<String>,
    /// Employee code of the superior.
    #[schema(example = "EMP000")]
    pub head_code: Option<String>,
    /// The employee's own IANA time zone; null for the company's.
    pub time_zone: Option<String>,
}

/// One employee, wrapped as the original API wraps it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Wrapped {
    value: Employee,
}

/// An employee to create, or to update when the code is known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmployeeUpsert {
    /// Employee code: the key, in any letter case.
    #[schema(example = "EMP001")]
    staff_code: String,
    /// User id of a new employee who has one elsewhere already, so that what names him by it goes on doing so; made when
    /// absent, and never changed.
    #[schema(value_type = Option<String>, format = Uuid)]
    user_id: Option<Uuid>,
    /// E-mail.
    #[schema(example = "patty@example.com")]
    email: String,
    /// First name.
    #[schema(example = "Patty")]
    firstname: String,
    /// Last name.
    #[schema(example = "Saruta")]
    lastname: String,
    /// Nickname; absent keeps, null clears.
    #[schema(value_type = Option<String>, example = "Pat")]
    nickname: Patch<String>,
    /// Telephone number; absent keeps, null clears.
    #[schema(value_type = Option<String>, example = "0800000000")]
    phone_number: Patch<String>,
    /// Name of the role, in Thai or English; it must be in the list `roles`.
    #[schema(example = "Sales")]
    role_name: String,
    /// Name of the team; made when it is new.
    #[schema(example = "Team A")]
    team_name: String,
    /// Employee code of the superior; absent keeps, null clears. Circles are refused.
    #[schema(value_type = Option<String>, example = "EMP000")]
    head_code: Patch<String>,
    /// Whether the account is in use; absent or null keeps, and is true for a new employee.
    is_active: Option<bool>,
    /// The employee's own IANA time zone; absent keeps, null clears.
    #[schema(value_type = Option<String>, example = "Asia/Bangkok")]
    time_zone: Patch<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct EmployeePath {
    /// Employee code.
    code: String,
}

/// List the company's employees.
#[utoipa::path(
    post,
    path = "/v1/Employees/Enquiry",
    operation_id = "enquireEmployees",
    tag = "Employee",
    request_body = EmployeeEnquiry,
    responses((status = 200, description = "One page of employees.", body = Envelope<Listing<Employee>>)),
    security(("bearerAuth" = ["employee:read"], "subscriptionKey" = []))
)]
async fn enquire_employees(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<EmployeeEnquiry>,
) -> Result<Reply<Listing<Employee>>, Error> {
    let filter = Filter::read(input)?;
    let mut conn = app.db.read().await?;
    let total = count(&mut conn, caller.company, &filter).await?;
    let rows = find_page(&mut conn, caller.company, &filter).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    Ok(Reply::ok(Listing::new(rows.into_iter().map(|row| row.view(&zone)).collect(), total)))
}

/// Read one employee by employee code.
#[utoipa::path(
    get,
    path = "/v1/Employees/{code}",
    operation_id = "getEmployee",
    tag = "Employee",
    params(EmployeePath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The employee.", body = Envelope<Wrapped>)),
    security(("bearerAuth" = ["employee:read"], "subscriptionKey" = []))
)]
async fn get_employee(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<EmployeePath>,
) -> Result<Reply<Wrapped>, Error> {
    let mut conn = app.db.read().await?;
    let row = by_code(&mut conn, caller.company, &path.code).await?.ok_or(Error::NotFound("employee"))?;
    let reply = wrapped(&mut conn, row, &conditions).await?;
    Ok(reply)
}

/// Create an employee, or update the one with the same staff code.
#[utoipa::path(
    put,
    path = "/v1/Employees",
    operation_id = "createOrUpdateEmployee",
    tag = "Employee",
    params(("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = EmployeeUpsert,
    responses((status = 200, description = "The employee.", body = Envelope<Wrapped>)),
    security(("bearerAuth" = ["employee:write"], "subscriptionKey" = []))
)]
async fn create_or_update_employee(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Json(input): Json<EmployeeUpsert>,
) -> Result<Reply<Wrapped>, Error> {
    check(&input)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let row = put(&mut tx, &caller, &input, &conditions, app.now()).await?.row;
            let reply = wrapped(&mut tx, row, &Conditions::default()).await?;
            tx.reply(reply).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

async fn wrapped(conn: &mut Conn, row: Row, conditions: &Conditions) -> Result<Reply<Wrapped>, Error> {
    let zone = time::zone(conn, row.company).await?;
    let (version, heads) = (row.version, heads(conn, row.company, row.head).await?);
    let mut value = row.view(&zone);
    value.org_level = Some(i64::try_from(heads.len()).unwrap_or_default());
    value.org_string = (!heads.is_empty()).then(|| heads.join("/"));
    Ok(Reply::ok(Wrapped { value }).version(version, conditions))
}

/// Looks at every field that can be judged without the record.
pub(crate) fn check(input: &EmployeeUpsert) -> Result<(), Error> {
    let required = [
        ("staffCode", &input.staff_code, 50),
        ("email", &input.email, 254),
        ("firstname", &input.firstname, 200),
        ("lastname", &input.lastname, 200),
        ("roleName", &input.role_name, 200),
        ("teamName", &input.team_name, 200),
    ];
    let mut faults = Vec::new();
    for (field, value, longest) in required {
        match search::trimmed(value).chars().count() {
            0 => faults.push(Fault::new(Code::Required, field, format!("{field} is required"))),
            length if length > longest => {
                faults.push(Fault::new(Code::TooLong, field, format!("{field} may have {longest} characters")));
            }
            _ => {}
        }
    }
    if !input.email.trim().is_empty() && !is_email(&input.email) {
        faults.push(Fault::new(Code::InvalidFormat, "email", "email is not an e-mail address"));
    }
    if let Patch::Set(zone) = &input.time_zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        faults.push(Fault::new(
            Code::InvalidValue,
            "timeZone",
            format!("{zone} is not an IANA time zone such as Asia/Bangkok"),
        ));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

//! Employees in the database: finding, counting, saving, and who reports to whom.

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Employee, EmployeeEnquiry, EmployeeUpsert};
use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::{Caller, Code, Conditions, Error, Fault, Listing, Paging, Patch};
use crate::record::{Outcome, Written};
use crate::search;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::time::{self, Zone};

/// An employee as it is stored: the fields are columns of `employee`, and names that stand in other tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) company: i64,
    #[serde(skip_serializing)]
    company_name: String,
    id: Uuid,
    staff_code: String,
    email: String,
    firstname: String,
    lastname: String,
    nickname: Option<String>,
    phone: Option<String>,
    role: i64,
    #[serde(skip_serializing)]
    role_name: Option<String>,
    team: i64,
    #[serde(skip_serializing)]
    team_name: Option<String>,
    pub(super) head: Option<Uuid>,
    #[serde(skip_serializing)]
    head_code: Option<String>,
    active: bool,
    time_zone: Option<String>,
    created_by: Option<String>,
    created_at: i64,
    modified_at: i64,
    pub(crate) version: i64,
}

/// The columns that follow from others.
#[derive(Serialize)]
struct Keys {
    /// Written once: the code never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff_key: Option<String>,
    search_key: String,
}

const ROW: &str = "
    select employee.company, company.name as company_name, employee.id, employee.staff_code, employee.email,
           employee.firstname, employee.lastname, employee.nickname, employee.phone,
           employee.role, role.name as role_name, employee.team, team.name as team_name, employee.head, head.staff_code as head_code,
           employee.active, employee.time_zone, employee.created_by, employee.created_at, employee.modified_at,
           employee.version
    from employee
    join company on company.company = employee.company
    left join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role
    left join choice as team on team.company = employee.company and team.list = 'teams' and team.id = employee.team
    left join employee as head on head.company = employee.company and head.id = employee.head";

impl Row {
    pub(super) fn view(self, zone: &Zone) -> Employee {
        let fullname = format!("{} {}", self.firstname, self.lastname).trim().to_owned();
        Employee {
            user_id: self.id.to_string(),
            username: self.email,
            company_id: self.company,
            company_name: self.company_name,
            team_id: self.team,
            team_name: self.team_name.unwrap_or_default(),
            staff_code: self.staff_code,
            title: None,
            firstname: self.firstname,
            lastname: self.lastname,
            fullname,
            nickname: self.nickname,
            position: None,
            phone_number: self.phone,
            org_string: None,
            org_level: None,
            latitude: None,
            longitude: None,
            location: None,
            location_name: None,
            is_active: self.active,
            created_by_user_id: self.created_by,
            has_picture: false,
            date_created: time::text(self.created_at, zone),
            date_modified: Some(time::text(self.modified_at, zone)),
            role: self.role_name,
            level: None,
            site_id: None,
            is_agreement_pdpa: None,
            picture_url: None,
            head_code: self.head_code,
            time_zone: self.time_zone,
        }
    }

    /// The code, in the form in which it was first given.
    pub(crate) fn staff_code(&self) -> &str {
        &self.staff_code
    }

    /// Whether the account is in use.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// The employee after a request.
    fn after(input: &EmployeeUpsert, caller: &Caller, links: Links, old: Option<&Row>, now: i64) -> Row {
        let (head, head_code) = links.head.unzip();
        Row {
            company: caller.company,
            company_name: links.company_name,
            id: links.id,
            staff_code: old.map_or_else(|| search::seen(&input.staff_code), |old| old.staff_code.clone()),
            email: search::seen(&input.email),
            firstname: search::trimmed(&input.firstname).to_owned(),
            lastname: search::trimmed(&input.lastname).to_owned(),
            nickname: input.nickname.clone().over(old.and_then(|old| old.nickname.clone())),
            phone: input.phone_number.clone().over(old.and_then(|old| old.phone.clone())),
            role: links.role.id,
            role_name: Some(links.role.name),
            team: links.team.id,
            team_name: Some(links.team.name),
            head,
            head_code,
            active: input.is_active.unwrap_or_else(|| old.is_none_or(|old| old.active)),
            time_zone: input.time_zone.clone().over(old.and_then(|old| old.time_zone.clone())),
            created_by: old.map_or_else(|| Some(caller.id.clone()), |old| old.created_by.clone()),
            created_at: old.map_or(now, |old| old.created_at),
            modified_at: now,
            version: old.map_or(1, |old| old.version + 1),
        }
    }

    /// What a keyword is looked for in.
    fn search_key(&self) -> String {
        let nickname = self.nickname.as_deref().unwrap_or_default();
        search::fold(&[self.firstname.as_str(), &self.lastname, nickname, &self.email, &self.staff_code].join(" "))
    }

    /// What the audit trail compares: what people entered.
    pub(crate) fn entered(&self) -> Value {
        json!({
            "staffCode": self.staff_code, "email": self.email, "firstname": self.firstname, "lastname": self.lastname,
            "nickname": self.nickname, "phoneNumber": self.phone, "role": self.role_name, "team": self.team_name,
            "headCode": self.head_code, "isActive": self.active, "timeZone": self.time_zone,
        })
    }
}

/// A code as it is compared.
pub(crate) fn key(code: &str) -> String {
    search::fold(search::trimmed(code))
}

pub(super) async fn by_code(conn: &mut Conn, company: i64, code: &str) -> Result<Option<Row>, db::Error> {
    conn.sql(ROW)
        .push(" where employee.company = $1 and employee.staff_key = $2")
        .bind(company)
        .bind(key(code))
        .optional()
        .await
}

/// The employees of these keys.
pub(crate) async fn by_codes(conn: &mut Conn, company: i64, keys: &[String]) -> Result<Vec<Row>, db::Error> {
    let mut wanted = Rows::new(&[("staff_key", Type::Text)]);
    for key in keys {
        wanted.push([key.as_str().into()]);
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let query = conn.sql(ROW).push(" where employee.company = $1 and employee.staff_key in (select staff_key from ");
    query.bind(company).push_rows(&wanted).push(" as wanted)").all().await
}

/// The staff codes of these employees, by their user ids.
pub(crate) async fn codes(
    conn: &mut Conn,
    company: i64,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, db::Error> {
    let mut wanted = Rows::new(&[("id", Type::Uuid)]);
    for id in ids {
        wanted.push([id.into()]);
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let codes: Vec<(Uuid, String)> = conn
        .sql("select id, staff_code from employee where company = $1 and id in (select id from ")
        .bind(company)
        .push_rows(&wanted)
        .push(" as wanted)")
        .all()
        .await?;
    Ok(codes.into_iter().collect())
}

/// The user id of the employee whom a request names by user id or staff code; a fault of that field when there is none.
pub(crate) async fn named(conn: &mut Conn, company: i64, field: &str, text: &str) -> Result<Uuid, Error> {
    let text = text.trim();
    let query = conn.sql("select id from employee where company = $1 and ").bind(company);
    let found: Option<Uuid> = match Uuid::try_parse(text) {
        Ok(id) => query.push("id = ").push_bind(id).optional().await?,
        Err(_) => query.push("staff_key = ").push_bind(key(text)).optional().await?,
    };
    found.ok_or_else(|| Error::invalid(Code::NotFound, field, format!("{field} “{text}” is not an employee")))
}

pub(super) struct Filter {
    paging: Paging,
    role: Option<i64>,
    team: Option<i64>,
    active: Option<bool>,
    keyword: Option<String>,
    order: &'static str,
}

impl Filter {
    pub(super) fn read(input: EmployeeEnquiry) -> Result<Filter, Error> {
        let mut faults = Vec::new();
        let paging = Paging::read(input.skip, None, input.page_length, &mut faults);
        let order = match input.order_by.unwrap_or(0) {
            0 => " order by employee.firstname, employee.lastname, employee.id",
            1 => " order by employee.staff_key",
            2 => " order by employee.created_at desc, employee.id desc",
            _ => {
                faults.push(Fault::new(Code::InvalidValue, "orderBy", "orderBy must be 0, 1 or 2"));
                ""
            }
        };
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let keyword = search::keyword(input.key_word.as_deref());
        Ok(Filter { paging, role: input.employee_type, team: input.team_id, active: input.status, keyword, order })
    }

    fn apply<'c>(&self, mut query: db::Query<'c>, company: i64) -> db::Query<'c> {
        query = query.push(" where employee.company = $1").bind(company);
        if let Some(role) = self.role {
            query = query.push(" and employee.role = ").push_bind(role);
        }
        if let Some(team) = self.team {
            query = query.push(" and employee.team = ").push_bind(team);
        }
        if let Some(active) = self.active {
            query = query.push(" and employee.active = ").push_bind(active);
        }
        if let Some(keyword) = &self.keyword {
            query =
                query.push(" and employee.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
        }
        query
    }
}

pub(super) async fn count(conn: &mut Conn, company: i64, filter: &Filter) -> Result<i64, db::Error> {
    let query = filter.apply(conn.sql("select count(*) from (select 1 from employee"), company);
    query.push(" limit ").push_bind(Listing::<Employee>::MOST_COUNTED + 1).push(") as counted").one().await
}

pub(super) async fn find_page(conn: &mut Conn, company: i64, filter: &Filter) -> Result<Vec<Row>, db::Error> {
    let query = filter.apply(conn.sql(ROW), company).push(filter.order);
    query.push(" limit ").push_bind(filter.paging.take).push(" offset ").push_bind(filter.paging.skip).all().await
}

/// Deeper organisations than this are cut off in answers.
const DEEPEST: i64 = 50;

/// The codes of the superiors above `head`, the highest first.
pub(super) async fn heads(conn: &mut Conn, company: i64, head: Option<Uuid>) -> Result<Vec<String>, db::Error> {
    let Some(head) = head else { return Ok(Vec::new()) };
    conn.sql(
        "with recursive above (id, staff_code, head, level) as (
           select id, staff_code, head, 1 from employee where company = $1 and id = $2
           union all
           select e.id, e.staff_code, e.head, above.level + 1 from employee as e
           join above on e.id = above.head where e.company = $1 and above.level < $3
         )
         select staff_code from above order by level desc",
    )
    .bind(company)
    .bind(head)
    .bind(DEEPEST)
    .all()
    .await
}

/// Creates or updates; what did not change writes nothing.
pub(crate) async fn put(
    tx: &mut Conn,
    caller: &Caller,
    input: &EmployeeUpsert,
    conditions: &Conditions,
    now: i64,
) -> Result<Written<Row>, Error> {
    let company = caller.company;
    // Held until the unit ends: two updates at once come one after the other.
    let held = tx.sql("select 1 from employee where company = $1 and staff_key = $2").bind(company);
    held.bind(key(&input.staff_code)).held().optional::<i64>().await?;
    let old = by_code(tx, company, &input.staff_code).await?;
    conditions.allow_change(old.as_ref().map(|old| old.version))?;
    let id = match &old {
        Some(old) => old.id,
        None => user_id(tx, company, input).await?,
    };
    if input.user_id.is_some_and(|given| given != id) {
        let message = format!("{} has the user id {id}, which never changes", input.staff_code.trim());
        return Err(Error::invalid(Code::InvalidValue, "userId", message));
    }
    let role = role(tx, company, &input.role_name).await?;
    let is_shut_out = |old: &Row| old.active && input.is_active == Some(false);
    let guarded = old.as_ref().and_then(|old| match old.role_name.as_deref() != Some(role.name.as_str()) {
        true => Some("roleName"),
        false => is_shut_out(old).then_some("isActive"),
    });
    if let Some(field) = guarded
        && crate::person::store::find(tx, company, id).await?.is_some()
    {
        // There the rights of whoever asks are looked at, and somebody is left who may do everything.
        let message = "This employee signs in; change the role or the access with PATCH /v1/console/users/{id}";
        return Err(Error::invalid(Code::InvalidValue, field, message));
    }
    let team = choice::ensure(tx, company, List::Teams, &input.team_name).await?;
    let head = head(tx, company, id, input, old.as_ref()).await?;
    let company_name = match &old {
        Some(old) => old.company_name.clone(),
        None => tx.sql("select name from company where company = $1").bind(company).one().await?,
    };
    let new = Row::after(input, caller, Links { id, company_name, role, team, head }, old.as_ref(), now);
    let (action, name) = if old.is_some() { ("updated", "Updated") } else { ("created", "Created") };
    let reference = format!("employee/{}", new.staff_code);
    let change = Change { company, reference, actor: &caller.id, action, at: now };
    let before = old.as_ref().map_or_else(|| json!({}), Row::entered);
    if !audit::record(tx, &change, &before, &new.entered()).await? {
        // Nothing differs: the record keeps its version, and nobody is told.
        return Ok(Written { row: old.unwrap_or(new), outcome: Outcome::Unchanged });
    }
    let staff_key = old.is_none().then(|| key(&new.staff_code));
    let row = (&new, Keys { staff_key, search_key: new.search_key() });
    if old.is_none() {
        tx.insert("employee", &row).await?;
    } else if !tx.replace("employee", &row).await? {
        return Err(Error::Changed);
    }
    announce(tx, &new, name, now).await?;
    let outcome = if old.is_some() { Outcome::Updated(before) } else { Outcome::Created };
    Ok(Written { row: new, outcome })
}

/// The id of a new employee.
async fn user_id(tx: &mut Conn, company: i64, input: &EmployeeUpsert) -> Result<Uuid, Error> {
    let Some(id) = input.user_id else { return Ok(Uuid::new_v4()) };
    let known: Option<String> = tx
        .sql("select staff_code from employee where company = $1 and id = $2")
        .bind(company)
        .bind(id)
        .optional()
        .await?;
    match known {
        Some(code) => {
            Err(Error::Conflict(Fault::new(Code::Taken, "userId", format!("{id} is already the user id of {code}"))))
        }
        None => Ok(id),
    }
}

/// What stands in other tables.
struct Links {
    id: Uuid,
    company_name: String,
    role: Choice,
    team: Choice,
    head: Option<(Uuid, String)>,
}

/// Whether there is a role of this Thai or English name.
pub(crate) async fn is_role(conn: &mut Conn, company: i64, name: &str) -> Result<bool, Error> {
    match role(conn, company, name).await {
        Ok(_) => Ok(true),
        Err(Error::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A role by its Thai or English name. A role grants scopes, so it is never made by the way.
async fn role(conn: &mut Conn, company: i64, name: &str) -> Result<Choice, Error> {
    if let Some(role) = choice::by_name(conn, company, List::Roles, name).await? {
        return Ok(role);
    }
    let all = choice::all(conn, company, List::Roles).await?;
    let wanted = key(name);
    let english = |role: &&Choice| role.name_en.as_deref().is_some_and(|english| key(english) == wanted);
    if let Some(role) = all.iter().find(english) {
        return Ok(role.clone());
    }
    let known: Vec<&str> = all.iter().filter(|role| role.is_active).map(|role| role.name.as_str()).collect();
    let message = format!("roleName “{name}” is not one of {}", known.join(", "));
    Err(Error::invalid(Code::InvalidValue, "roleName", message))
}

/// The superior after the change, with its code; unknown codes and circles are refused.
async fn head(
    conn: &mut Conn,
    company: i64,
    id: Uuid,
    input: &EmployeeUpsert,
    old: Option<&Row>,
) -> Result<Option<(Uuid, String)>, Error> {
    let code = match &input.head_code {
        Patch::Keep => return Ok(old.and_then(|old| old.head.zip(old.head_code.clone()))),
        Patch::Clear => return Ok(None),
        Patch::Set(code) if code.trim().is_empty() => return Ok(None),
        Patch::Set(code) => code,
    };
    let unknown = || Error::invalid(Code::NotFound, "headCode", format!("headCode “{code}” is not a known employee"));
    let (head, head_code) =
        by_code(conn, company, code).await?.map(|row| (row.id, row.staff_code)).ok_or_else(unknown)?;
    let above: Option<i64> = conn
        .sql(
            "with recursive above (id, head) as (
               select id, head from employee where company = $1 and id = $2
               union
               select e.id, e.head from employee as e join above on e.id = above.head where e.company = $1
             )
             select 1 from above where id = $3",
        )
        .bind(company)
        .bind(head)
        .bind(id)
        .optional()
        .await?;
    match above {
        None => Ok(Some((head, head_code))),
        Some(_) => {
            let message = format!("{code} reports to this employee, so this would be a circle");
            Err(Error::invalid(Code::InvalidValue, "headCode", message))
        }
    }
}

/// Tells subscriptions, in the PascalCase of the original API's events.
async fn announce(tx: &mut Conn, row: &Row, name: &'static str, now: i64) -> Result<(), Error> {
    let zone = time::zone(tx, row.company).await?;
    let subject = format!("employee/{}", row.staff_code);
    let body = event::body("Employee", name, "Employee", &row.clone().view(&zone))?;
    event::emit(
        tx,
        &Event { company: row.company, topic: "Employee", name, subject: &subject, place: row.version, body, at: now },
    )
    .await?;
    Ok(())
}

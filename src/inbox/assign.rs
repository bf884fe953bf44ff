//! Who gets a room that a customer opens: nobody, who is next, or who has the fewest. The decision is made in the transaction
//! that stores the customer's message, and written into the room and its history.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Reply};
use crate::live;
use crate::person::role;
use crate::setting::choice;
use crate::setting::list::List;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_rules, put_rules))
}

/// How a room finds its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Nobody,
    RoundRobin,
    LeastBusy,
}

impl Mode {
    fn read(word: &str) -> Option<Mode> {
        match word.trim().to_lowercase().as_str() {
            "nobody" | "" => Some(Mode::Nobody),
            "round_robin" => Some(Mode::RoundRobin),
            "least_busy" => Some(Mode::LeastBusy),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Mode::Nobody => "nobody",
            Mode::RoundRobin => "round_robin",
            Mode::LeastBusy => "least_busy",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AssignmentRule {
    /// The channel account; null for every other one.
    account: Option<String>,
    /// `nobody`, `round_robin` or `least_busy`.
    #[schema(example = "least_busy")]
    mode: String,
    /// The team whose people are asked; everybody when null.
    team: Option<i64>,
    /// Open rooms that one person has at most; any number when null.
    #[schema(example = 10)]
    capacity: Option<i64>,
    /// Only people who are there.
    #[serde(alias = "only_present")]
    only_present: bool,
    /// Only within the company's business hours.
    #[serde(alias = "only_in_hours")]
    only_in_hours: bool,
}

/// Every rule.
#[derive(Debug, Serialize, ToSchema)]
struct AssignmentRules {
    /// The rules; without one a room is nobody's until somebody takes it.
    rules: Vec<AssignmentRule>,
}

/// The rules as they are to be.
#[derive(Debug, Deserialize, ToSchema)]
struct RulesInput {
    /// All rules, at most one for each channel account.
    rules: Vec<RuleInput>,
}

/// A rule as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RuleInput {
    /// The channel account; null or absent for every other one.
    account: Option<String>,
    /// `nobody`, `round_robin` or `least_busy`.
    #[schema(example = "least_busy")]
    mode: String,
    /// The team whose people are asked.
    team: Option<i64>,
    /// Open rooms that one person has at most.
    #[schema(example = 10)]
    capacity: Option<i64>,
    /// Only people who are there.
    only_present: Option<bool>,
    /// Only within the company's business hours.
    only_in_hours: Option<bool>,
}

async fn rules(conn: &mut Conn, company: i64) -> Result<Vec<AssignmentRule>, db::Error> {
    let rows: Vec<AssignmentRule> = conn
        .sql(
            "select case when account = '' then null else account end as account, mode, team, capacity, only_present,
                    only_in_hours
             from inbox_rule where company = $1 order by inbox_rule.account limit 1000",
        )
        .bind(company)
        .all()
        .await?;
    Ok(rows)
}

/// Read who gets a room that a customer opens.
#[utoipa::path(
    get,
    path = "/v1/console/assignment",
    operation_id = "getAssignmentRules",
    tag = "Inbox",
    responses((status = 200, description = "The rules.", body = Envelope<AssignmentRules>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn get_rules(State(app): State<App>, caller: Caller) -> Result<Reply<AssignmentRules>, Error> {
    Ok(Reply::ok(AssignmentRules { rules: rules(&mut app.db.read().await?, caller.company).await? }))
}

/// Say who gets a room that a customer opens.
#[utoipa::path(
    put,
    path = "/v1/console/assignment",
    operation_id = "putAssignmentRules",
    tag = "Inbox",
    request_body = RulesInput,
    responses((status = 200, description = "The rules.", body = Envelope<AssignmentRules>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn put_rules(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<RulesInput>,
) -> Result<Reply<AssignmentRules>, Error> {
    let mut faults = Faults::new(faults);
    let mut seen = Vec::new();
    for (place, rule) in input.rules.iter().enumerate() {
        let field = |name: &str| format!("rules[{place}].{name}");
        if Mode::read(&rule.mode).is_none() {
            faults.add(Code::InvalidValue, field("mode"), "mode must be nobody, round_robin or least_busy");
        }
        if rule.capacity.is_some_and(|capacity| capacity < 1) {
            faults.add(Code::OutOfRange, field("capacity"), "capacity must be 1 or more");
        }
        let account = rule.account.as_deref().unwrap_or_default().trim();
        if seen.contains(&account) {
            faults.add(Code::Taken, field("account"), "a channel account can have only one rule");
        }
        seen.push(account);
    }
    if input.rules.len() > 1000 {
        faults.add(Code::TooLong, "rules", "There may be 1000 rules");
    }
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let new = replace(&mut tx, &caller, &input, app.now()).await?;
            tx.reply(Reply::ok(AssignmentRules { rules: new })).await
        })
        .await
}

async fn replace(tx: &mut Conn, caller: &Caller, input: &RulesInput, now: i64) -> Result<Vec<AssignmentRule>, Error> {
    let company = caller.company;
    let old = rules(tx, company).await?;
    let accounts: Vec<String> = tx.sql("select id from account where company = $1").bind(company).all().await?;
    tx.sql("delete from inbox_rule where company = $1").bind(company).exec().await?;
    for (place, rule) in input.rules.iter().enumerate() {
        let account = rule.account.as_deref().unwrap_or_default().trim();
        let unknown = |name: &str, what: &str| {
            Error::Invalid(vec![Fault::new(Code::InvalidValue, format!("rules[{place}].{name}"), what)])
        };
        if !account.is_empty() && !accounts.iter().any(|known| known == account) {
            return Err(unknown("account", "account is not a known channel account"));
        }
        if let Some(team) = rule.team
            && choice::find(tx, company, List::Teams, team).await?.is_none()
        {
            return Err(unknown("team", "team is not a known team"));
        }
        tx.sql(
            "insert into inbox_rule (company, account, mode, team, capacity, only_present, only_in_hours, version)
             values ($1, $2, $3, $4, $5, $6, $7, 1)",
        )
        .bind(company)
        .bind(account)
        .bind(Mode::read(&rule.mode).unwrap_or(Mode::Nobody).word())
        .bind(rule.team)
        .bind(rule.capacity)
        .bind(rule.only_present == Some(true))
        .bind(rule.only_in_hours == Some(true))
        .exec()
        .await?;
    }
    let new = rules(tx, company).await?;
    let change = Change { company, reference: "assignment".to_owned(), actor: &caller.id, action: "updated", at: now };
    audit::record(tx, &change, &json!({"rules": old}), &json!({"rules": new})).await?;
    Ok(new)
}

#[derive(Deserialize)]
struct Stored {
    account: String,
    mode: Mode,
    team: Option<i64>,
    capacity: Option<i64>,
    only_present: bool,
    only_in_hours: bool,
    last: Option<Uuid>,
}

#[derive(Deserialize)]
struct Candidate {
    id: Uuid,
    team: i64,
    accounts: Option<serde_json::Value>,
    role: Option<serde_json::Value>,
    rooms: i64,
}

/// People who are looked at for one room.
const MOST: i64 = 500;

/// Gives a room that is nobody's to whom the account's rule names. Answers the person and their team.
pub(crate) async fn choose(
    tx: &mut Conn,
    app: &App,
    (company, account, room): (i64, &str, Uuid),
) -> Result<Option<(Uuid, i64)>, Error> {
    let rule: Option<Stored> = tx
        .sql(
            "select account, mode, team, capacity, only_present, only_in_hours, last from inbox_rule
             where company = $1 and account in ($2, '') order by account desc limit 1",
        )
        .bind(company)
        .bind(account)
        // Held, so that of two rooms that come at once each has its turn.
        .held()
        .optional()
        .await?;
    let Some(rule) = rule.filter(|rule| rule.mode != Mode::Nobody) else { return Ok(None) };
    let now = app.now();
    if rule.only_in_hours && !crate::setting::profile::is_open(tx, company, now).await? {
        return Ok(None);
    }
    let mut query = tx
        .sql(
            "select person.id, employee.team, person.accounts, role.detail as role,
                    (select count(*) from (select 1 from room
                       where room.company = person.company and room.assignee = person.id and room.status = 1 limit 1000) as held) as rooms
             from person
             join employee on employee.company = person.company and employee.id = person.id
             join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role
             where person.company = $1 and not person.disabled and employee.active and person.password is not null",
        )
        .bind(company);
    if let Some(team) = rule.team {
        query = query.push(" and employee.team = ").push_bind(team);
    }
    let mut people: Vec<Candidate> = query.push(" order by person.id limit ").push_bind(MOST).all().await?;
    // Whoever may not answer gets no room.
    let answering = ["chat:write".to_owned()];
    people.retain(|one| {
        let limited = one.accounts.as_ref().and_then(|list| list.as_array());
        let may = limited.is_none_or(|list| list.iter().any(|known| known.as_str() == Some(account)))
            && !role::granted(one.role.as_ref(), &answering).is_empty();
        may && rule.capacity.is_none_or(|most| one.rooms < most)
            && (!rule.only_present || live::is_present(app, company, one.id))
    });
    // In turn among equals: whoever comes after the last one.
    let turn = |one: &Candidate| rule.last.is_some_and(|last| one.id <= last);
    let chosen = match rule.mode {
        Mode::LeastBusy => people.iter().min_by_key(|one| (one.rooms, turn(one), one.id)),
        Mode::RoundRobin | Mode::Nobody => people.iter().min_by_key(|one| (turn(one), one.id)),
    };
    let Some(chosen) = chosen else { return Ok(None) };
    let given = tx.sql(
        "update room set assignee = $3, assigned_by = 'rule', team = coalesce(team, $4), shape = status * 2 + 1, version = version + 1
         where company = $1 and id = $2 and assignee is null",
    )
    .bind(company)
    .bind(room)
    .bind(chosen.id)
    .bind(chosen.team)
    .exec()
    .await?;
    if given == 0 {
        return Ok(None);
    }
    tx.sql("update inbox_rule set last = $3 where company = $1 and account = $2")
        .bind(company)
        .bind(&rule.account)
        .bind(chosen.id)
        .exec()
        .await?;
    let change = Change { company, reference: format!("room/{room}"), actor: "system", action: "assigned", at: now };
    let rule = json!({"mode": rule.mode.word(), "account": rule.account, "openRooms": chosen.rooms});
    audit::record(tx, &change, &json!({}), &json!({"assignee": chosen.id, "rule": rule})).await?;
    Ok(Some((chosen.id, chosen.team)))
}

//! People in the database.

use db::Conn;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::role::{self, Reach};
use crate::app::App;
use crate::http::caller::{Client, Person, Range};
use crate::http::{Caller, Error};

/// A person as stored, with what the employee's record says of them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) password: Option<String>,
    pub(crate) totp: Option<Vec<u8>>,
    pub(crate) totp_pending: Option<Vec<u8>>,
    pub(crate) totp_step: i64,
    pub(crate) recovery: Option<String>,
    pub(crate) accounts: Option<Value>,
    pub(crate) language: Option<String>,
    pub(crate) preferences: Option<Value>,
    pub(crate) disabled: bool,
    pub(crate) last_sign_in_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) version: i64,
    pub(crate) staff_code: String,
    pub(crate) firstname: String,
    pub(crate) lastname: String,
    pub(crate) nickname: Option<String>,
    pub(crate) employed: bool,
    pub(crate) role: i64,
    pub(crate) role_name: Option<String>,
    pub(crate) role_name_en: Option<String>,
    pub(crate) role_detail: Option<Value>,
    pub(crate) team: i64,
    pub(crate) team_name: Option<String>,
    pub(crate) company_name: String,
    pub(crate) time_zone: String,
}

/// Reads [`Row`]s; add a condition that begins with ` where person.company = $1`.
const ROW: &str = "
    select person.company, person.id, person.email, person.password, person.totp, person.totp_pending, person.totp_step,
           person.recovery, person.accounts, person.language, person.preferences, person.disabled,
           person.last_sign_in_at, person.created_at, person.version, employee.staff_code, employee.firstname,
           employee.lastname, employee.nickname, employee.active as employed, employee.role, role.name as role_name,
           role.name_en as role_name_en, role.detail as role_detail, employee.team, team.name as team_name,
           company.name as company_name, company.time_zone
    from person
    join employee on employee.company = person.company and employee.id = person.id
    join company on company.company = person.company
    left join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role
    left join choice as team on team.company = employee.company and team.list = 'teams' and team.id = employee.team";

impl Row {
    /// First and last name.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.firstname, self.lastname).trim().to_owned()
    }

    /// Whether the person may sign in.
    pub(crate) fn is_active(&self) -> bool {
        self.employed && !self.disabled
    }

    pub(crate) fn reach(&self) -> Reach {
        Reach::of(self.role_detail.as_ref())
    }

    /// The channel accounts whose rooms the person may see; none is every one.
    pub(crate) fn account_list(&self) -> Option<Vec<String>> {
        accounts(self.accounts.as_ref())
    }

    /// What the audit trail compares: what administrators decide.
    pub(crate) fn entered(&self) -> Value {
        json!({
            "email": self.email, "role": self.role_name, "team": self.team_name, "accounts": self.accounts,
            "isActive": self.is_active(), "hasPassword": self.password.is_some(), "hasTotp": self.totp.is_some(),
        })
    }

    /// The words that a password must not be.
    pub(crate) fn names(&self) -> [&str; 6] {
        let local = self.email.split('@').next().unwrap_or_default();
        let nickname = self.nickname.as_deref().unwrap_or_default();
        [local, &self.firstname, &self.lastname, nickname, &self.staff_code, &self.company_name]
    }
}

fn accounts(stored: Option<&Value>) -> Option<Vec<String>> {
    let list = stored?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// An e-mail as it is compared.
pub(crate) fn email_key(email: &str) -> String {
    crate::search::fold(email.trim())
}

/// One person.
pub(crate) async fn find(conn: &mut Conn, company: i64, id: Uuid) -> Result<Option<Row>, db::Error> {
    conn.sql(ROW).push(" where person.company = $1 and person.id = $2").bind(company).bind(id).optional().await
}

/// The person of this e-mail.
pub(crate) async fn by_email(conn: &mut Conn, company: i64, email: &str) -> Result<Option<Row>, db::Error> {
    let query = conn.sql(ROW).push(" where person.company = $1 and person.email_key = $2");
    query.bind(company).bind(email_key(email)).optional().await
}

/// So many companies of one person are looked at.
const MOST_COMPANIES: i64 = 5;

/// The people of this e-mail, of one company or of whatever.
pub(crate) async fn everywhere(conn: &mut Conn, email: &str, company: Option<i64>) -> Result<Vec<Row>, db::Error> {
    let mut query = conn.sql(ROW).push(" where person.email_key = $1").bind(email_key(email));
    if let Some(company) = company {
        query = query.push(" and person.company = ").push_bind(company);
    }
    // Who was invited and has no password yet comes last, so that invitations of other companies push nobody out.
    let query = query.push(" order by (person.password is null), person.company limit ");
    query.push_bind(MOST_COMPANIES).all().await
}

/// The most people that a list gives.
const MOST: i64 = 1000;

/// The people of a company, by name.
pub(crate) async fn list(conn: &mut Conn, company: i64, keyword: Option<&str>) -> Result<Vec<Row>, db::Error> {
    let mut query = conn.sql(ROW).push(" where person.company = $1").bind(company);
    if let Some(keyword) = keyword {
        query = query.push(" and employee.search_key like ").push_bind(crate::search::pattern(keyword));
        query = query.push(" escape '!'");
    }
    query.push(" order by employee.firstname, employee.lastname, employee.id limit ").push_bind(MOST).all().await
}

/// A session that may still be good.
#[derive(Debug, Clone, Deserialize)]
struct SessionRow {
    company: i64,
    session: Uuid,
    person: Uuid,
    seen_at: i64,
    expires_at: i64,
    version: i64,
    firstname: String,
    lastname: String,
    team: i64,
    accounts: Option<Value>,
    role_name: Option<String>,
    role_detail: Option<Value>,
}

/// Without a request for so long a session ends.
pub(crate) const IDLE: i64 = 12 * 60 * 60 * 1000;

/// The caller behind a session's token, as long as both are good.
pub(crate) async fn find_session(app: &App, company: i64, hash: &[u8; 32]) -> Result<Option<Client>, db::Error> {
    let row: Option<SessionRow> = app
        .db
        .read()
        .await?
        .sql(
            "select session.company, session.id as session, session.person, session.seen_at, session.expires_at,
                    employee.firstname, employee.lastname, employee.team, person.accounts, role.name as role_name,
                    role.detail as role_detail,
                    person.version + employee.version + coalesce(role.version, 0) as version
             from session
             join person on person.company = session.company and person.id = session.person
             join employee on employee.company = person.company and employee.id = person.id
             left join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role
             where session.company = $1 and session.hash = $2 and not person.disabled and employee.active",
        )
        .bind(company)
        .bind(hash.as_slice())
        .optional()
        .await?;
    Ok(row.map(|row| {
        let user = row.person;
        Client {
            company: row.company,
            id: user.to_string(),
            name: format!("{} {}", row.firstname, row.lastname).trim().to_owned(),
            scopes: role::granted(row.role_detail.as_ref(), app.operations.known_scopes()),
            key_hash: Vec::new(),
            expires_at: row.expires_at.min(row.seen_at + IDLE),
            number_codes: false,
            range: range(user, row.team, row.role_detail.as_ref()),
            person: Some(Person {
                id: user,
                session: row.session,
                seen_at: row.seen_at,
                version: row.version,
                team: row.team,
                role: row.role_name.unwrap_or_default(),
                accounts: accounts(row.accounts.as_ref()),
            }),
        }
    }))
}

fn range(user: Uuid, team: i64, role: Option<&Value>) -> Range {
    match Reach::of(role) {
        Reach::All => Range::All,
        Reach::Team => Range::Team { user, team },
        Reach::Own => Range::Own { user },
    }
}

/// Whoever asked for work that is done later, with the range that they have by then.
pub(crate) async fn acting(conn: &mut Conn, company: i64, actor: &str) -> Result<Caller, db::Error> {
    #[derive(Deserialize)]
    struct Role {
        team: i64,
        detail: Option<Value>,
    }
    let Ok(user) = actor.parse::<Uuid>() else { return Ok(Caller::acting(company, actor)) };
    let role: Option<Role> = conn
        .sql(
            "select employee.team, role.detail from employee
             left join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role
             where employee.company = $1 and employee.id = $2",
        )
        .bind(company)
        .bind(user)
        .optional()
        .await?;
    // An API client, which sees every record, may have brought an id of this form along.
    let range = role.map_or(Range::All, |role| range(user, role.team, role.detail.as_ref()));
    Ok(Caller::acting_within(company, actor, range))
}

/// Ends the sessions of a person; all, or all but one.
pub(crate) async fn end_sessions(
    tx: &mut Conn,
    company: i64,
    person: Uuid,
    but: Option<Uuid>,
) -> Result<u64, db::Error> {
    let query = tx.sql("delete from session where company = $1 and person = $2").bind(company).bind(person);
    match but {
        Some(kept) => query.push(" and id <> ").push_bind(kept).exec().await,
        None => query.exec().await,
    }
}

/// Takes the links away that a person has not used.
pub(crate) async fn end_links(tx: &mut Conn, company: i64, person: Uuid) -> Result<(), db::Error> {
    tx.sql("delete from person_link where company = $1 and person = $2").bind(company).bind(person).later().await
}

/// Gives a person another password; whoever is signed in with the old one is so no more.
pub(crate) async fn set_password(
    tx: &mut Conn,
    row: &Row,
    hash: &str,
    kept: Option<Uuid>,
    now: i64,
) -> Result<(), Error> {
    tx.sql("update person set password = $3, modified_at = $4, version = version + 1 where company = $1 and id = $2")
        .bind(row.company)
        .bind(row.id)
        .bind(hash)
        .bind(now)
        .later()
        .await?;
    end_links(tx, row.company, row.id).await?;
    end_sessions(tx, row.company, row.id, kept).await?;
    Ok(())
}

/// Forgets sessions, links and used sign-ins whose time is over; at most `most` of each.
pub(crate) async fn purge(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    let mut gone = tx
        .sql(
            "delete from session where (company, id) in
               (select company, id from session where expires_at <= $1 order by expires_at limit $2)",
        )
        .bind(now)
        .bind(most)
        .exec()
        .await?;
    gone += tx
        .sql(
            "delete from person_link where (company, hash) in
               (select company, hash from person_link where expires_at <= $1 order by expires_at limit $2)",
        )
        .bind(now)
        .bind(most)
        .exec()
        .await?;
    gone += tx
        .sql(
            "delete from sign_on where (company, hash) in
               (select company, hash from sign_on where expires_at <= $1 order by expires_at limit $2)",
        )
        .bind(now)
        .bind(most)
        .exec()
        .await?;
    Ok(gone)
}

/// How exactly it is written down when a session was last used.
const SEEN: i64 = 5 * 60 * 1000;

/// Whether it is time to write down that a session is used.
pub(crate) fn is_unwritten(client: &Client, now: i64) -> bool {
    client.person.as_ref().is_some_and(|person| person.seen_at < now - SEEN)
}

/// Writes down now and then that a session is used, which keeps it from ending.
pub(crate) async fn seen(app: &App, mut client: Client) -> Result<Client, db::Error> {
    let now = app.now();
    if !is_unwritten(&client, now) {
        return Ok(client);
    }
    let Some(person) = &mut client.person else { return Ok(client) };
    let (company, session) = (client.company, person.session);
    let end: Option<i64> = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update session set seen_at = $3 where company = $1 and id = $2 and seen_at < $3 returning expires_at",
            )
            .bind(company)
            .bind(session)
            .bind(now)
            .optional()
            .await
        })
        .await?;
    if let Some(end) = end {
        person.seen_at = now;
        client.expires_at = end.min(now + IDLE);
    }
    Ok(client)
}

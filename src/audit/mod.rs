//! The audit trail: who changed what, when, from what to what. Written in the transaction of the change.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use db::{Conn, Json, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::known::Known;
use crate::app::App;
use crate::customer::store as customers;
use crate::http::caller::Range;
use crate::http::{Caller, Code, Envelope, Error, Faults, Page, Paging, Query, Reply};
use crate::inbox::rights;
use crate::sales::{contract, deal, order, quotation, tax};
use crate::service::{Activity, Case};
use crate::setting::list::List;
use crate::staff::{employee, expense};
use crate::{json, mail, privacy, record, search, task, telemetry, time};

mod known;
pub mod vocabulary;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// What a change was done to, and by whom.
#[derive(Debug)]
pub struct Change<'a> {
    /// The tenant.
    pub company: i64,
    /// The record: `employee/EMP001`.
    pub reference: String,
    /// Who did it: the id of an API client.
    pub actor: &'a str,
    /// `created`, `updated`, `deleted`, …
    pub action: &'a str,
    /// When, in Unix milliseconds.
    pub at: i64,
}

/// Writes down a change from one state of a record to another; false when nothing differs, and then nothing is written.
pub async fn record(
    tx: &mut Conn,
    change: &Change<'_>,
    from: &impl Serialize,
    to: &impl Serialize,
) -> Result<bool, Error> {
    record_read(tx, change, &told(from)?, told(to)?).await
}

/// The same of what is JSON already: `{}` where the record is not there.
pub async fn record_read(tx: &mut Conn, change: &Change<'_>, from: &Value, to: Value) -> Result<bool, Error> {
    let differences = differences(from, to);
    if differences.is_empty() {
        return Ok(false);
    }
    write(tx, change, Json(differences).into()).await?;
    Ok(true)
}

/// The same of a record that is new, as it is written: what is null is no change, nor are these fields.
pub async fn record_new(
    tx: &mut Conn,
    change: &Change<'_>,
    told: &RawValue,
    without: &'static [&'static str],
) -> Result<(), Error> {
    Ok(write(tx, change, db::Value::json(of_new(told, without))).await?)
}

/// `{"field": [null, value]}` for each field of a new record.
fn of_new(told: &RawValue, without: &[&str]) -> String {
    let mut changes = String::with_capacity(told.get().len() * 5 / 4);
    for (name, value) in json::fields(told).filter(|(name, value)| *value != "null" && !without.contains(name)) {
        let before = if changes.is_empty() { '{' } else { ',' };
        changes.push(before);
        for part in ["\"", name, "\":[null,", value, "]"] {
            changes.push_str(part);
        }
    }
    let end = if changes.is_empty() { "{}" } else { "}" };
    changes.push_str(end);
    changes
}

async fn write(tx: &mut Conn, change: &Change<'_>, changes: db::Value) -> Result<(), db::Error> {
    debug_assert!(
        vocabulary::is_listed(&change.reference, change.action),
        "{} {} is not in the vocabulary of the audit trail",
        change.reference,
        change.action
    );
    tx.sql(
        "insert into audit (company, id, ref, at, actor, action, changes, trace)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(change.company)
    .bind(Uuid::now_v7())
    .bind(change.reference.as_str())
    .bind(change.at)
    .bind(change.actor)
    .bind(change.action)
    .bind(changes)
    .bind(telemetry::trace_id())
    .later()
    .await
}

/// A record as the trail compares it.
pub fn told(record: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(record).map_err(|error| Error::Internal(error.to_string()))
}

/// `{"field": [from, to]}` for each field that is not the same.
fn differences(from: &Value, to: Value) -> Map<String, Value> {
    let nothing = Map::new();
    let from = from.as_object().unwrap_or(&nothing);
    let mut to = if let Value::Object(fields) = to { fields } else { Map::new() };
    for name in from.keys() {
        if !to.contains_key(name) {
            to.insert(name.clone(), Value::Null);
        }
    }
    to.into_iter()
        .filter_map(|(name, new)| {
            let old = from.get(&name).unwrap_or(&Value::Null);
            (*old != new).then(|| (name, Value::Array(vec![old.clone(), new])))
        })
        .collect()
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// The record: `employee/EMP001`, `setting/507`, `teams/3`; who may not read the record itself may not read its history.
    /// The whole company when it is absent, for whoever may see all of it: with every scope to read, and everybody's records.
    r#ref: Option<String>,
    /// Only changes of this kind of record: what stands before the stroke of `ref`, such as `customer` or `task`.
    kind: Option<String>,
    /// Only changes by this person or program: a user id, a staff code, the id of an API client, or `system`.
    actor: Option<String>,
    /// Only changes from this day or time on.
    date_from: Option<String>,
    /// Only changes up to this time, or to the end of this day.
    date_to: Option<String>,
    /// Id of an entry: only older ones are given.
    before: Option<Uuid>,
    /// Entries a page: 1 to 200, default 20. With `kind` or `actor` a page may have fewer, or none, while `next` is there:
    /// each page looks through a bounded number of entries.
    take: Option<i64>,
}

/// So many entries a page looks through for those of a kind or of a person, for which there is no index.
const SCANNED: i64 = 5_000;

/// Which entries are asked for.
#[derive(Debug, Default)]
struct Wanted {
    reference: Option<String>,
    kind: Option<String>,
    actor: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    before: Option<Uuid>,
}

impl Wanted {
    /// The entries that are looked through, the newest first: `opening` ends before the name of their table. An id begins
    /// with the time at which it was made.
    fn scanned<'c>(&self, conn: &'c mut Conn, opening: &'static str, company: i64) -> db::Query<'c> {
        let made = |at: i64| Uuid::from_u128(u128::try_from(at.max(0)).unwrap_or_default() << 80);
        let mut select = conn.sql(opening).push(" audit where company = ").push_bind(company);
        if let Some(reference) = &self.reference {
            select = select.push(" and ref = ").push_bind(reference.as_str());
        }
        if let Some(before) = self.before {
            select = select.push(" and id < ").push_bind(before);
        }
        // A clock may go a little otherwise between an id and its entry; the entries' own times decide.
        if let Some(from) = self.from {
            select = select.push(" and id >= ").push_bind(made(from - SLACK));
        }
        if let Some(to) = self.to {
            select = select.push(" and id < ").push_bind(made(to + SLACK));
        }
        select.push(" order by id desc limit ")
    }

    /// Whether some of the entries that are looked through may not be wanted.
    fn is_sifted(&self) -> bool {
        self.kind.is_some() || self.actor.is_some() || self.from.is_some() || self.to.is_some()
    }

    /// So many of the wanted entries, and the last one that was looked at where there may be more behind it.
    async fn page(&self, conn: &mut Conn, company: i64, most: i64) -> Result<(Vec<Row>, Option<Uuid>), db::Error> {
        if !self.is_sifted() {
            let opening = "select id, ref, at, actor, action, changes, trace from";
            return Ok((self.scanned(conn, opening, company).push_bind(most).all().await?, None));
        }
        let opening = "select a.id, a.ref, a.at, a.actor, a.action, a.changes, a.trace from (select id from";
        let mut select = self.scanned(conn, opening, company).push_bind(SCANNED);
        select = select.push(") as scanned cross join audit a where a.company = ").push_bind(company);
        select = select.push(" and a.id = scanned.id");
        if let Some(kind) = &self.kind {
            // What a company has once only, such as `assignment`, has no stroke.
            select = select.push(" and (a.ref = ").push_bind(kind.as_str());
            select = select.push(" or a.ref like ").push_bind(format!("{kind}/%")).push(")");
        }
        if let Some(actor) = &self.actor {
            select = select.push(" and a.actor = ").push_bind(actor.as_str());
        }
        if let Some(from) = self.from {
            select = select.push(" and a.at >= ").push_bind(from);
        }
        if let Some(to) = self.to {
            select = select.push(" and a.at <= ").push_bind(to);
        }
        let rows: Vec<Row> = select.push(" order by a.id desc limit ").push_bind(most).all().await?;
        if i64::try_from(rows.len()).is_ok_and(|found| found >= most) {
            return Ok((rows, None));
        }
        let last = self.scanned(conn, "select id from", company).push("1 offset ").push_bind(SCANNED - 1);
        let last: Option<(Uuid,)> = last.optional().await?;
        Ok((rows, last.map(|(id,)| id)))
    }
}

/// Milliseconds by which an id may be made before or after the time of its entry.
const SLACK: i64 = 3_600_000;

/// One change of a record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditEntry {
    /// The entry.
    id: String,
    /// When it happened.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date: String,
    /// The record: `employee/EMP001`.
    #[schema(example = "employee/EMP001")]
    r#ref: String,
    /// What the record is called now: a customer's name, the subject of a task; null when it has no name, or is no more.
    #[schema(example = "Patty Saruta")]
    name: Option<String>,
    /// What the record's own operations are called with, where that is not what stands behind the stroke of `ref`: the code of
    /// a customer or product, the id of a deal or expense.
    #[schema(example = "C000349")]
    key: Option<String>,
    /// Who did it: the id of an API client, the user id of a person, or `system`.
    actor: String,
    /// The name of whoever did it, where there is one.
    #[schema(example = "Patty Saruta")]
    actor_name: Option<String>,
    /// `created`, `updated`, `deleted`.
    #[schema(example = "updated")]
    action: String,
    /// Each field that changed, with its value before and after.
    #[schema(value_type = Object, example = json!({"nickname": ["Pat", "Patty"]}))]
    changes: Value,
    /// Trace id of the request that did it.
    trace_id: String,
}

#[derive(Deserialize)]
struct Row {
    id: Uuid,
    r#ref: String,
    at: i64,
    actor: String,
    action: String,
    changes: Value,
    trace: String,
}

/// List the changes of a record, newest first.
#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "listAudit",
    tag = "Setting",
    params(AuditQuery),
    responses((status = 200, description = "One page of changes.", body = Envelope<Page<AuditEntry>>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Reply<Page<AuditEntry>>, Error> {
    let mut faults = Faults::new(Vec::new());
    let paging = Paging::read(None, query.take, None, faults.list());
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let text = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let mut wanted = Wanted {
        reference: text(query.r#ref.as_deref()),
        kind: text(query.kind.as_deref()),
        actor: text(query.actor.as_deref()),
        from: faults.time("dateFrom", query.date_from.as_deref(), &zone),
        to: faults.time_end("dateTo", query.date_to.as_deref(), &zone),
        before: query.before,
    };
    let is_word = |kind: &String| kind.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_'));
    if wanted.kind.as_ref().is_some_and(|kind| !is_word(kind)) {
        faults.add(Code::InvalidFormat, "kind", "kind must be a kind of record such as customer");
    }
    faults.end()?;
    if let Some(reference) = wanted.reference {
        wanted.reference = Some(by_number(&mut conn, caller.company, &reference).await?);
    }
    match &wanted.reference {
        Some(reference) => must_see(&mut conn, &caller, reference).await?,
        None => must_see_all(&app, &caller)?,
    }
    if let Some(actor) = wanted.actor {
        wanted.actor = Some(user_id(&mut conn, caller.company, actor).await?);
    }
    let (mut rows, last) = wanted.page(&mut conn, caller.company, paging.take + 1).await?;
    let most = usize::try_from(paging.take).unwrap_or_default();
    let more = rows.len() > most;
    rows.truncate(most);
    let next = if more { rows.last().map(|row| row.id) } else { last };
    let names = actors(&mut conn, caller.company, &rows).await?;
    let known = Known::read(&mut conn, caller.company, rows.iter().map(|row| row.r#ref.as_str())).await?;
    let entries = rows.into_iter().map(|row| {
        let (name, key) = known.of(&row.r#ref);
        AuditEntry {
            id: row.id.to_string(),
            date: time::text(row.at, &zone),
            actor_name: names.get(&row.actor).cloned(),
            name,
            key,
            r#ref: row.r#ref,
            actor: row.actor,
            action: row.action,
            changes: row.changes,
            trace_id: row.trace,
        }
    });
    Ok(Reply::ok(Page { value: entries.collect(), next: next.map(|id| id.to_string()) }))
}

/// Who an entry says did it: a person by user id, who may be asked for by staff code too.
async fn user_id(conn: &mut Conn, company: i64, actor: String) -> Result<String, db::Error> {
    let query = conn.sql("select id from employee where company = $1 and staff_key = $2");
    let found: Option<Uuid> = query.bind(company).bind(employee::key(&actor)).optional().await?;
    Ok(found.map_or(actor, |id| id.to_string()))
}

/// The reference under which a record's history is kept: customers and products are named by number there, and may be asked
/// for by code as well.
async fn by_number(conn: &mut Conn, company: i64, reference: &str) -> Result<String, db::Error> {
    let Some((kind, name)) = reference.split_once('/') else { return Ok(reference.to_owned()) };
    // The number goes before a code of the same digits: entries name their record by it.
    if let Ok(number) = name.trim().parse::<i64>() {
        let query = match kind {
            "customer" => conn.sql("select id from customer where company = $1 and id = $2"),
            "product" => conn.sql("select id from product where company = $1 and id = $2"),
            _ => return Ok(reference.to_owned()),
        };
        let found: Option<i64> = query.bind(company).bind(number).optional().await?;
        if found.is_some() {
            return Ok(format!("{kind}/{number}"));
        }
    }
    let query = match kind {
        "customer" => conn.sql("select id from customer where company = $1 and code_key = $2"),
        "product" => conn.sql("select id from product where company = $1 and code_key = $2"),
        _ => return Ok(reference.to_owned()),
    };
    let found: Option<i64> = query.bind(company).bind(search::fold(name.trim())).optional().await?;
    Ok(found.map_or_else(|| reference.to_owned(), |number| format!("{kind}/{number}")))
}

/// The names of those who did something on a page: people by their user ids, programs by their client ids.
async fn actors(conn: &mut Conn, company: i64, rows: &[Row]) -> Result<HashMap<String, String>, db::Error> {
    let mut people = Rows::new(&[("id", Type::Uuid)]);
    let mut clients = Rows::new(&[("id", Type::Text)]);
    let seen: BTreeSet<&str> = rows.iter().map(|row| row.actor.as_str()).collect();
    for actor in seen {
        match Uuid::try_parse(actor) {
            Ok(id) => people.push([id.into()]),
            Err(_) => clients.push([actor.into()]),
        };
    }
    let mut names = HashMap::new();
    if rows.is_empty() {
        return Ok(names);
    }
    let found: Vec<(Uuid, String)> = conn
        .sql(
            "select id, trim(firstname || ' ' || lastname) from employee where company = $1 and id in (select id from ",
        )
        .bind(company)
        .push_rows(&people)
        .push(" as wanted)")
        .all()
        .await?;
    names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
    let found: Vec<(String, String)> = conn
        .sql("select id, name from client where company = $1 and id in (select id from ")
        .bind(company)
        .push_rows(&clients)
        .push(" as wanted)")
        .all()
        .await?;
    names.extend(found);
    Ok(names)
}

/// The trail of a whole company holds something of every record: it is for whoever may see each of them.
fn must_see_all(app: &App, caller: &Caller) -> Result<(), Error> {
    let mut reads = app.operations.known_scopes().iter().filter(|scope| scope.ends_with(":read"));
    if let Some(missing) = reads.find(|scope| !caller.scopes.contains(scope)) {
        return Err(Error::Forbidden(missing.clone()));
    }
    match caller.sees_all() {
        true => Ok(()),
        false => Err(Error::invalid(Code::Required, "ref", "ref is required, because you may not see every record")),
    }
}

/// The kind of record that a reference names: what stands before the stroke.
pub(crate) fn kind_of(reference: &str) -> &str {
    reference.split_once('/').map_or(reference, |(kind, _)| kind)
}

/// The scope that reads a record of this kind.
pub(crate) fn scope_of(kind: &str) -> &'static str {
    match kind {
        "account" => "account:read",
        "activity" => "activity:read",
        "case" => "case:read",
        "client" => "client:read",
        "contract" => "contract:read",
        "customer" => "customer:read",
        "deal" => "deal:read",
        "employee" => "employee:read",
        "expense" => "expense:read",
        "mail" | "mail_template" => "mail:read",
        "privacy" => "privacy:read",
        "product" | "serial" => "product:read",
        "quotation" => "quotation:read",
        "reply" | "room" | "view" => "chat:read",
        "sales_order" => "salesorder:read",
        "system" => "system:read",
        "task" => "task:read",
        "tax_document" => "taxdocument:read",
        "user" | "sso" => "user:read",
        "webhook" => "webhook:read",
        _ => "setting:read",
    }
}

/// Refuses the history of a record that the caller may not see, as the record itself is refused.
async fn must_see(conn: &mut Conn, caller: &Caller, reference: &str) -> Result<(), Error> {
    let (kind, name) = reference.split_once('/').unwrap_or((reference, ""));
    let scope = scope_of(kind);
    if !caller.scopes.iter().any(|own| own == scope) {
        return Err(Error::Forbidden(scope.to_owned()));
    }
    if kind == "account" && !caller.sees_account(name.trim()) {
        return Err(Error::NotFound("account"));
    }
    if kind == "room" {
        let room = Uuid::try_parse(name).map_err(|_| Error::NotFound("room"))?;
        return rights::must(conn, caller, room).await.map(drop);
    }
    if caller.range() == Range::All {
        return Ok(());
    }
    let key = search::fold(name.trim());
    match kind {
        "customer" => {
            let id: i64 = name.trim().parse().map_err(|_| Error::NotFound("customer"))?;
            // One that was merged is looked after by those of the survivor.
            if let Some(row) = customers::by_id(conn, caller.company, id).await? {
                customers::must_see(conn, caller, row.id).await?;
            }
        }
        "task" => drop(record::find::<task::Row>(conn, caller, "number_key", key).await?),
        "deal" => drop(record::find::<deal::Row>(conn, caller, "number_key", key).await?),
        "quotation" => drop(record::find::<quotation::Row>(conn, caller, "number_key", key).await?),
        "sales_order" => drop(record::find::<order::Row>(conn, caller, "number_key", key).await?),
        "contract" => drop(record::find::<contract::Row>(conn, caller, "number_key", key).await?),
        "activity" => drop(record::find::<Activity>(conn, caller, "no_key", key).await?),
        "case" => drop(record::find::<Case>(conn, caller, "no_key", key).await?),
        "expense" => drop(record::find::<expense::Row>(conn, caller, "number_key", key).await?),
        "mail" => drop(record::find::<mail::Row>(conn, caller, "message_id", name).await?),
        "tax_document" => {
            let row = record::find::<tax::Row>(conn, caller, "number_key", key).await?;
            // A document is seen by whoever may see its order.
            record::find::<order::Row>(conn, caller, "id", row.sales_order).await?;
        }
        "privacy" => {
            let id = name.trim().parse().map_err(|_| Error::NotFound("privacy request"))?;
            privacy::must_see(conn, caller, id).await?;
        }
        // What has no range: whoever has the scope reads all of them.
        "account" | "client" | "employee" | "mail_template" | "product" | "reply" | "serial" | "sso" | "system"
        | "user" | "webhook" | "assignment" | "documentLogo" | "documentTemplate" | "setting" => {}
        list if serde_json::from_value::<List>(list.into()).is_ok() => {}
        // Nobody knows whose it is.
        _ => return Err(Error::NotFound("record")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_written_down() {
        let (from, to) = (json!({"a": 1, "b": "x", "c": null}), json!({"a": 1, "b": "y", "d": true}));
        assert_eq!(Value::Object(differences(&from, to)), json!({"b": ["x", "y"], "d": [null, true]}));
    }
}

//! The audit trail: who changed what, when, from what to what. Written in the transaction of the change.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use db::{Conn, Json, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::customer::store as customers;
use crate::http::caller::Range;
use crate::http::{Caller, Code, Envelope, Error, Page, Paging, Query, Reply};
use crate::inbox::rights;
use crate::sales::{contract, deal, order, quotation, tax};
use crate::service::{Activity, Case};
use crate::setting::list::List;
use crate::staff::expense;
use crate::{mail, privacy, record, search, task, telemetry, time};

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
    .bind(Json(differences))
    .bind(telemetry::trace_id())
    .later()
    .await?;
    Ok(true)
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
    /// Id of an entry: only older ones are given.
    before: Option<Uuid>,
    /// Entries a page: 1 to 200, default 20.
    take: Option<i64>,
}

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
    let mut faults = Vec::new();
    let paging = Paging::read(None, query.take, None, &mut faults);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let reference = query.r#ref.as_deref().map(str::trim).filter(|reference| !reference.is_empty());
    let reference = match reference {
        Some(reference) => Some(by_number(&mut conn, caller.company, reference).await?),
        None => None,
    };
    match &reference {
        Some(reference) => must_see(&mut conn, &caller, reference).await?,
        None => must_see_all(&app, &caller)?,
    }
    let mut select = conn
        .sql("select id, ref, at, actor, action, changes, trace from audit where company = $1")
        .bind(caller.company);
    if let Some(reference) = reference {
        select = select.push(" and ref = ").push_bind(reference);
    }
    if let Some(before) = query.before {
        select = select.push(" and id < ").push_bind(before);
    }
    let rows: Vec<Row> = select.push(" order by id desc limit ").push_bind(paging.take + 1).all().await?;
    let names = actors(&mut conn, caller.company, &rows).await?;
    let entries = rows.into_iter().map(|row| AuditEntry {
        id: row.id.to_string(),
        date: time::text(row.at, &zone),
        actor_name: names.get(&row.actor).cloned(),
        r#ref: row.r#ref,
        actor: row.actor,
        action: row.action,
        changes: row.changes,
        trace_id: row.trace,
    });
    Ok(Reply::ok(Page::cut(entries.collect(), paging.take, |entry| entry.id.clone())))
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

/// The scope that reads a record of this kind.
fn scope_of(kind: &str) -> &'static str {
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

//! The audit trail: who changed what, when, from what to what. Written in the transaction of the change.

use axum::extract::State;
use db::{Conn, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::customer::store as customers;
use crate::http::caller::Range;
use crate::http::{Caller, Envelope, Error, Page, Paging, Query, Reply};
use crate::inbox::rights;
use crate::sales::{contract, deal, order, quotation};
use crate::service::{Activity, Case};
use crate::{record, search, task, telemetry, time};

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
    let differences = differences(&object(from)?, &object(to)?);
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

fn object(record: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}

/// `{"field": [from, to]}` for each field that is not the same.
fn differences(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut differences = Map::new();
    for name in from.keys().chain(to.keys()) {
        let (old, new) = (from.get(name).unwrap_or(&Value::Null), to.get(name).unwrap_or(&Value::Null));
        if old != new {
            differences.insert(name.clone(), Value::Array(vec![old.clone(), new.clone()]));
        }
    }
    differences
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// The record: `employee/EMP001`, `setting/507`, `teams/3`.
    r#ref: String,
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
    /// Who did it: the id of an API client.
    actor: String,
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
    must_see(&mut conn, &caller, &query.r#ref).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let mut select = conn
        .sql("select id, at, actor, action, changes, trace from audit where company = $1 and ref = $2")
        .bind(caller.company)
        .bind(query.r#ref.as_str());
    if let Some(before) = query.before {
        select = select.push(" and id < ").push_bind(before);
    }
    let rows: Vec<Row> = select.push(" order by id desc limit ").push_bind(paging.take + 1).all().await?;
    let entries = rows.into_iter().map(|row| AuditEntry {
        id: row.id.to_string(),
        date: time::text(row.at, &zone),
        actor: row.actor,
        action: row.action,
        changes: row.changes,
        trace_id: row.trace,
    });
    Ok(Reply::ok(Page::cut(entries.collect(), paging.take, |entry| entry.id.clone())))
}

/// Refuses the history of a record that the caller may not see, as the record itself is refused.
async fn must_see(conn: &mut Conn, caller: &Caller, reference: &str) -> Result<(), Error> {
    let Some((kind, name)) = reference.split_once('/') else { return Ok(()) };
    if kind == "user" && !caller.scopes.iter().any(|scope| scope == "user:read") {
        return Err(Error::Forbidden("user:read".to_owned()));
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
        _ => {}
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
        let differences = differences(from.as_object().expect("object"), to.as_object().expect("object"));
        assert_eq!(Value::Object(differences), json!({"b": ["x", "y"], "d": [null, true]}));
    }
}

//! Revisions: how a quotation was before it was changed, once others may have seen it.

use axum::extract::State;
use db::{Conn, Json as Stored};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::QuotationPath;
use super::row::{Quotation, Row};
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Path, Query, Reply};
use crate::record::{self, Actor};
use crate::sales::number_key;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_quotation_revisions)).routes(routes!(compare_quotation_revisions))
}

/// A quotation as it was.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationRevision {
    /// Its place, from 1.
    #[schema(example = 1)]
    revision: i64,
    /// When it was replaced; null for the present one.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_replaced: Option<String>,
    /// Who replaced it.
    replaced_by_user_id: Option<String>,
    /// The quotation as it was.
    #[schema(value_type = Quotation)]
    quotation: Value,
}

/// All revisions of a quotation.
#[derive(Debug, Serialize, ToSchema)]
struct QuotationRevisions {
    /// The newest first; the first is the present one.
    value: Vec<QuotationRevision>,
}

/// What differs between two revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationComparison {
    /// The older one.
    #[schema(example = 1)]
    from: i64,
    /// The newer one.
    #[schema(example = 2)]
    to: i64,
    /// Each property that differs, with both values; lines by their place (`quotationDetails[0].price`).
    #[schema(value_type = Object, example = json!({"grandTotal": [4467.25, 4000]}))]
    changes: Map<String, Value>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CompareQuery {
    /// A revision; the one before `to` when it is absent.
    from: Option<i64>,
    /// Another; the present one when it is absent.
    to: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Kept {
    revision: i64,
    body: Value,
    replaced_by: String,
    replaced_at: i64,
}

/// Keeps a quotation as it is now, before it is changed.
pub(super) async fn keep(tx: &mut Conn, by: &Actor, old: &Row) -> Result<(), Error> {
    let view: Quotation = record::view(tx, old.clone()).await?;
    tx.sql(
        "insert into quotation_revision (company, quotation, revision, customer, body, replaced_by, replaced_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(old.company)
    .bind(old.id)
    .bind(old.revision)
    .bind(old.customer)
    .bind(Stored(&view))
    .bind(&by.caller.id)
    .bind(by.now)
    .later()
    .await?;
    Ok(())
}

/// List the revisions of a quotation, the newest first.
#[utoipa::path(
    get,
    path = "/v1/quotation/{quotationNo}/revisions",
    operation_id = "listQuotationRevisions",
    tag = "Quotation",
    params(QuotationPath),
    responses((status = 200, description = "The revisions.", body = Envelope<QuotationRevisions>)),
    security(("bearerAuth" = ["quotation:read"], "subscriptionKey" = []))
)]
async fn list_quotation_revisions(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<QuotationPath>,
) -> Result<Reply<QuotationRevisions>, Error> {
    let mut conn = app.db.read().await?;
    let value = all(&mut conn, &caller, &path.quotation_no).await?;
    Ok(Reply::ok(QuotationRevisions { value }))
}

/// Compare two revisions of a quotation.
#[utoipa::path(
    get,
    path = "/v1/quotation/{quotationNo}/revisions/compare",
    operation_id = "compareQuotationRevisions",
    tag = "Quotation",
    params(QuotationPath, CompareQuery),
    responses((status = 200, description = "What differs.", body = Envelope<QuotationComparison>)),
    security(("bearerAuth" = ["quotation:read"], "subscriptionKey" = []))
)]
async fn compare_quotation_revisions(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<QuotationPath>,
    Query(query): Query<CompareQuery>,
) -> Result<Reply<QuotationComparison>, Error> {
    let mut conn = app.db.read().await?;
    let all = all(&mut conn, &caller, &path.quotation_no).await?;
    let to = query.to.or_else(|| all.first().map(|revision| revision.revision)).unwrap_or(1);
    let from = query.from.unwrap_or((to - 1).max(1));
    let find = |number: i64| {
        let found = all.iter().find(|revision| revision.revision == number);
        found.map(|revision| &revision.quotation).ok_or(Error::NotFound("revision"))
    };
    let mut changes = Map::new();
    differ("", find(from)?, find(to)?, &mut changes);
    Ok(Reply::ok(QuotationComparison { from, to, changes }))
}

async fn all(conn: &mut Conn, caller: &Caller, number: &str) -> Result<Vec<QuotationRevision>, Error> {
    let row: Row = record::find(conn, caller, "number_key", number_key(number)).await?;
    let zone = time::zone(conn, row.company).await?;
    let kept: Vec<Kept> = conn
        .sql(
            "select revision, body, replaced_by, replaced_at from quotation_revision
             where company = $1 and quotation = $2 order by revision desc limit 200",
        )
        .bind(row.company)
        .bind(row.id)
        .all()
        .await?;
    let revision = row.revision;
    let present = serde_json::to_value(record::view(conn, row).await?).map_err(|e| Error::Internal(e.to_string()))?;
    let mut all =
        vec![QuotationRevision { revision, date_replaced: None, replaced_by_user_id: None, quotation: present }];
    all.extend(kept.into_iter().map(|kept| QuotationRevision {
        revision: kept.revision,
        date_replaced: Some(time::text(kept.replaced_at, &zone)),
        replaced_by_user_id: Some(kept.replaced_by),
        quotation: kept.body,
    }));
    Ok(all)
}

/// What follows from any change and says nothing of the offer.
const ASIDE: [&str; 4] = ["revision", "dateModified", "modifiedByUserId", "quotationStatus"];

fn differ(path: &str, from: &Value, to: &Value, changes: &mut Map<String, Value>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (from, to) {
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))) {
                if !(path.is_empty() && ASIDE.contains(&name.as_str())) {
                    let value = |side: &Map<String, Value>| side.get(name).cloned().unwrap_or_default();
                    differ(&below(name), &value(one), &value(other), changes);
                }
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for index in 0..one.len().max(other.len()) {
                let value = |side: &[Value]| side.get(index).cloned().unwrap_or_default();
                differ(&format!("{path}[{index}]"), &value(one), &value(other), changes);
            }
        }
        _ if from != to => {
            changes.insert(path.to_owned(), Value::Array(vec![from.clone(), to.clone()]));
        }
        _ => {}
    }
}

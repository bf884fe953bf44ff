//! The movements of a product: what changed its stock, when, why, and what was there afterwards.

use axum::extract::State;
use db::Amount;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ledger::{By, Movement, Reason};
use super::warehouse::Warehouses;
use crate::app::App;
use crate::http::{Caller, Code, Envelope, Error, Faults, Page, Paging, Path, Query, Reply};
use crate::product::CodePath;
use crate::product::store;
use crate::time::{self, Zone};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_stock_movements))
}

/// A change of a product's stock.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StockMovement {
    /// Its place among the product's movements, from 1.
    #[schema(example = 7)]
    movement_id: i64,
    /// The product's code.
    #[schema(example = "A001")]
    product_code: String,
    /// The warehouse's number; 0 is the company's own.
    #[schema(example = 0)]
    warehouse_id: i64,
    /// Its name; the company's own has none.
    warehouse_name: Option<String>,
    /// How many came; below 0, how many went.
    #[schema(value_type = f64, example = -2)]
    delta: Amount,
    /// How many are in the warehouse after it.
    #[schema(value_type = f64, example = 18)]
    balance: Amount,
    /// `initial`, `set`, `sale`, `return`, `receipt`, `transfer`, `count`, `damage`, `loss`, `adjustment`.
    #[schema(example = "sale")]
    reason: String,
    /// The document that caused it.
    #[schema(example = "SO2511-0001")]
    document: Option<String>,
    /// Note.
    note: Option<String>,
    /// Who did it: the id of an API client.
    actor: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date: String,
}

impl StockMovement {
    /// A movement that was just entered.
    pub(super) fn of(movement: Movement, code: &str, names: &Warehouses, by: &By<'_>, zone: &Zone) -> StockMovement {
        StockMovement {
            movement_id: movement.number,
            product_code: code.to_owned(),
            warehouse_id: movement.warehouse,
            warehouse_name: names.name(movement.warehouse),
            delta: movement.delta,
            balance: movement.balance,
            reason: movement.reason.word().to_owned(),
            document: movement.document,
            note: movement.note,
            actor: by.actor.to_owned(),
            date: time::text(by.now, zone),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct MovementQuery {
    /// Only from this time on.
    #[param(example = "2025-01-01")]
    from: Option<String>,
    /// Only up to this time; a bare day counts whole.
    #[param(example = "2025-01-31")]
    to: Option<String>,
    /// Only those with this reason.
    #[param(example = "sale")]
    reason: Option<String>,
    /// Only those in this warehouse: its number or name, 0 for the company's own.
    #[param(example = "0")]
    warehouse: Option<String>,
    /// Number of a movement: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<i64>,
    /// Movements a page: at most 200, default 20.
    take: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Row {
    number: i64,
    warehouse: i64,
    delta: Amount,
    balance: Amount,
    reason: String,
    document: Option<String>,
    note: Option<String>,
    actor: String,
    at: i64,
}

/// List the movements of a product's stock, the latest first.
#[utoipa::path(
    get,
    path = "/v1/products/{productCode}/movements",
    operation_id = "listStockMovements",
    tag = "Product",
    params(CodePath, MovementQuery),
    responses((status = 200, description = "One page of movements.", body = Envelope<Page<StockMovement>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn list_stock_movements(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    Query(query): Query<MovementQuery>,
) -> Result<Reply<Page<StockMovement>>, Error> {
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let names = Warehouses::load(&mut conn, caller.company).await?;
    let mut faults = Faults::default();
    let filter = Filter::read(&query, &names, &zone, &mut faults);
    faults.end()?;
    let product = store::find(&mut conn, caller.company, &path.product_code).await?;
    let mut select = conn
        .sql(
            "select number, warehouse, delta, balance, reason, document, note, actor, at from stock_movement
             where company = $1 and product = $2",
        )
        .bind(caller.company)
        .bind(product.id);
    if let Some(before) = query.before {
        select = select.push(" and number < ").push_bind(before);
    }
    if let Some(from) = filter.from {
        select = select.push(" and at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        select = select.push(" and at <= ").push_bind(to);
    }
    if let Some(reason) = filter.reason {
        select = select.push(" and reason = ").push_bind(reason.word());
    }
    if let Some(warehouse) = filter.warehouse {
        select = select.push(" and warehouse = ").push_bind(warehouse);
    }
    let rows: Vec<Row> = select.push(" order by number desc limit ").push_bind(filter.take + 1).all().await?;
    let movements = rows.into_iter().map(|row| StockMovement {
        movement_id: row.number,
        product_code: product.code.clone(),
        warehouse_id: row.warehouse,
        warehouse_name: names.name(row.warehouse),
        delta: row.delta,
        balance: row.balance,
        reason: row.reason,
        document: row.document,
        note: row.note,
        actor: row.actor,
        date: time::text(row.at, &zone),
    });
    Ok(Reply::ok(Page::cut(movements.collect(), filter.take, |movement| movement.movement_id.to_string())))
}

struct Filter {
    from: Option<i64>,
    to: Option<i64>,
    reason: Option<Reason>,
    warehouse: Option<i64>,
    take: i64,
}

impl Filter {
    fn read(query: &MovementQuery, names: &Warehouses, zone: &Zone, faults: &mut Faults) -> Filter {
        let paging = Paging::read(None, query.take, None, faults.list());
        let from = moment("from", query.from.as_deref(), faults, |text| time::read(text, zone));
        let to = moment("to", query.to.as_deref(), faults, |text| time::read_end(text, zone));
        let reason = query.reason.as_deref().and_then(|word| {
            let reason = Reason::read(word);
            if reason.is_none() {
                let words = Reason::ALL.map(Reason::word).join(", ");
                faults.add(Code::InvalidValue, "reason", format!("reason must be one of {words}"));
            }
            reason
        });
        let warehouse = query.warehouse.as_deref().map(|text| names.read("warehouse", Some(text), false, faults));
        Filter { from, to, reason, warehouse, take: paging.take }
    }
}

fn moment(field: &str, text: Option<&str>, faults: &mut Faults, read: impl Fn(&str) -> Option<i64>) -> Option<i64> {
    let at = read(text?);
    if at.is_none() {
        faults.add(Code::InvalidFormat, field, format!("{field} must be a time such as 2025-01-31T10:00:00"));
    }
    at
}

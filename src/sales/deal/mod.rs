//! Deals: what may be sold to a customer, on a board whose stages it goes through until it is won or missed.

mod board;
mod document;
mod enquiry;
mod input;
mod lookup;
mod plan;
mod stage;
mod store;
mod taken;
mod view;

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::input::{DealCreate, DealUpdate};
pub(crate) use self::store::Row;
pub(crate) use self::taken::{name_on_board, take};
pub use self::view::{Deal, DealCustomer, DealStage, DealsInterest, DealsLabel};

use self::stage::Spot;
use crate::app::App;
use crate::customer::store as customers;
use crate::http::reply::One;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Faults, Patch, Path, Reply, lenient};
use crate::record::{self, Actor, Saved};
use crate::sales::{find_customers, order};
use crate::search;
use crate::setting::choice;
use crate::setting::list::List;
use crate::task::{self, TaskWrite};
use crate::time;

/// The status of a deal that is neither won nor missed.
pub(crate) const OPEN: i64 = 1;
/// The status of a deal that was won.
pub(crate) const WON: i64 = 2;
/// The status of a deal that was missed.
pub(crate) const MISSED: i64 = 3;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_deals))
        .routes(routes!(get_deal, update_deal, delete_deal))
        .routes(routes!(restore_deal))
        .routes(routes!(move_deal))
        .routes(routes!(get_deal_history))
        .merge(enquiry::routes())
        .merge(board::routes())
        .merge(lookup::routes())
        .merge(document::routes())
}

/// The deals that a request has made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DealsMade {
    /// The deal of the first customer.
    value: Deal,
    /// The deals of all customers, in their order.
    deals: Vec<Deal>,
}

/// Where a deal is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealMove {
    /// Number of a stage of its board; the one in which it is when absent.
    #[schema(example = 5509)]
    deal_stage_id: Option<i64>,
    /// Directly before this deal of that stage.
    before_deal_id: Option<i64>,
    /// Directly behind this deal of that stage; at the end of another stage when neither is given.
    #[schema(example = json!(null))]
    after_deal_id: Option<i64>,
    /// Number of the reason: required with a stage for missed deals.
    reason_category_id: Option<i64>,
    /// Remark on how it ended.
    remark: Option<String>,
    /// Mark every task of the deal as done.
    mark_all_task_as_done: Option<bool>,
    /// Cancel every open order of the deal: all of them or none. 409 names those that cannot be cancelled.
    #[serde(alias = "cancelAllOrder")]
    cancle_all_order: Option<bool>,
}

/// A stage that a deal has been in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealStay {
    /// Number of the stage.
    deal_stage_id: i64,
    /// Its name.
    deal_stage_name: String,
    /// When the deal came there.
    date_entered: String,
    /// When it left; null of the stage in which it is.
    date_left: Option<String>,
    /// How long it was there, in seconds; until now where it still is.
    seconds: i64,
    /// Who brought it there.
    entered_by_user_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct DealPath {
    /// Id of the deal (`dealsId`).
    id: i64,
}

/// Create a deal on a board for one or more customers.
///
/// Each customer gets a deal of its own; `data.value` is the first, `data.deals` all of them.
#[utoipa::path(
    post,
    path = "/v1/deals",
    operation_id = "createDeal",
    tag = "Deal",
    request_body = DealCreate,
    responses((status = 200, description = "The deals.", body = Envelope<DealsMade>)),
    security(("bearerAuth" = ["deal:write"]))
)]
async fn create_deals(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<DealCreate>,
) -> Result<Reply<DealsMade>, Error> {
    let mut faults = Faults::new(faults);
    input.missing(&mut faults);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let made = create(&mut tx, &by, &input, None, faults.clone()).await?;
            let deals: Vec<Deal> = made.into_iter().map(|saved| saved.view).collect();
            let value = deals.first().cloned().ok_or(Error::NotFound("customer"))?;
            tx.reply(Reply::ok(DealsMade { value, deals })).await
        })
        .await
}

/// Makes a deal for each customer of the request, under a number of its own where one is given; 400 with every fault.
pub(crate) async fn create(
    tx: &mut Conn,
    by: &Actor,
    input: &DealCreate,
    number: Option<&str>,
    mut faults: Faults,
) -> Result<Vec<Saved<Row>>, Error> {
    let company = by.caller.company;
    let wanted = input.wanted();
    wanted.check(&mut faults);
    let customers = find_customers(tx, &by.caller, &input.customers(), &mut faults).await?;
    let stage = plan::first_stage(tx, company, input.board_id, wanted.deal_stage_id, &mut faults).await?;
    let mut row = plan::blank(by);
    plan::fill(tx, by, &mut row, &wanted, &mut faults).await?;
    plan::judge(&mut row, stage.as_ref(), &mut faults);
    faults.end()?;
    let stage = stage.ok_or(Error::NotFound("stage"))?;
    let mut made = Vec::with_capacity(customers.len());
    for (customer, _) in customers {
        let mut row = Row { customer: customer.id, ..row.clone() };
        plan::number(tx, &mut row, number).await?;
        plan::settle(tx, by, &mut row, &stage, Spot::End).await?;
        let saved = plan::save(tx, by, None, row).await?;
        after(tx, by, None, &saved.row, &wanted).await?;
        made.push(saved);
    }
    Ok(made)
}

/// A number as it is compared.
pub(crate) fn number_key(number: &str) -> String {
    search::fold(search::trimmed(number))
}

/// Changes the deal of this number, or creates one, under this number where one is given.
pub(crate) async fn put_named(
    tx: &mut Conn,
    by: &Actor,
    number: Option<&str>,
    body: Map<String, Value>,
) -> Result<Saved<Row>, Error> {
    let number = number.map(search::trimmed).filter(|number| !number.is_empty());
    let known: Option<i64> = match number {
        Some(number) => {
            tx.sql("select id from deal where company = $1 and number_key = $2 and deleted_at is null")
                .bind(by.caller.company)
                .bind(number_key(number))
                .optional()
                .await?
        }
        None => None,
    };
    let body = Value::Object(body);
    if let Some(id) = known {
        let (wanted, found): (DealUpdate, _) = lenient::decode_value_all(&body).map_err(Error::Invalid)?;
        let mut faults = Faults::new(found);
        wanted.check(&mut faults);
        let conditions = Conditions::default();
        return change(tx, by, &Asked { id, wanted: &wanted, spot: Spot::End, conditions: &conditions }, faults).await;
    }
    let (input, found): (DealCreate, _) = lenient::decode_value_all(&body).map_err(Error::Invalid)?;
    let mut faults = Faults::new(found);
    input.missing(&mut faults);
    let made = create(tx, by, &input, number, faults).await?;
    made.into_iter().next().ok_or(Error::NotFound("customer"))
}

/// Read one deal by its id.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}",
    operation_id = "getDeal",
    tag = "Deal",
    params(DealPath, Conditions),
    responses((status = 200, description = "The deal.", body = Envelope<One<Deal>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<DealPath>,
) -> Result<Reply<One<Deal>>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "id", path.id).await?;
    let version = row.version;
    let value = record::view(&mut conn, row).await?;
    Ok(Reply::ok(One { value }).version(version, &conditions))
}

/// Change a deal by its id: what is absent stays, an empty list empties.
#[utoipa::path(
    put,
    path = "/v1/deals/{id}",
    operation_id = "updateDeal",
    tag = "Deal",
    params(DealPath, Conditions),
    request_body = DealUpdate,
    responses((status = 200, description = "The deal after the change.", body = Envelope<One<Deal>>)),
    security(("bearerAuth" = ["deal:write"]))
)]
async fn update_deal(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<DealPath>,
    Checked { value: input, faults }: Checked<DealUpdate>,
) -> Result<Reply<One<Deal>>, Error> {
    let mut faults = Faults::new(faults);
    input.check(&mut faults);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let asked = Asked { id: path.id, wanted: &input, spot: Spot::End, conditions: &conditions };
            let saved = change(&mut tx, &by, &asked, faults.clone()).await?;
            tx.reply(answer(saved)).await
        })
        .await
}

/// Move a deal to another stage of its board, or to another place in its stage.
#[utoipa::path(
    post,
    path = "/v1/deals/{id}/move",
    operation_id = "moveDeal",
    tag = "Deal",
    params(DealPath, Conditions),
    request_body = DealMove,
    responses((status = 200, description = "The deal in its new place.", body = Envelope<One<Deal>>)),
    security(("bearerAuth" = ["deal:write"]))
)]
async fn move_deal(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<DealPath>,
    Checked { value: input, faults }: Checked<DealMove>,
) -> Result<Reply<One<Deal>>, Error> {
    let mut faults = Faults::new(faults);
    let spot = match (input.before_deal_id, input.after_deal_id) {
        (Some(_), Some(_)) => {
            faults.add(Code::InvalidValue, "afterDealId", "beforeDealId and afterDealId cannot be used together");
            Spot::End
        }
        (Some(id), None) => Spot::Before(id),
        (None, Some(id)) => Spot::Behind(id),
        (None, None) => Spot::End,
    };
    let wanted = DealUpdate {
        deal_stage_id: input.deal_stage_id,
        reason_category_id: input.reason_category_id.map_or_else(Patch::default, Patch::Set),
        remark: input.remark.clone().map_or_else(Patch::default, Patch::Set),
        mark_all_task_as_done: input.mark_all_task_as_done,
        cancle_all_order: input.cancle_all_order,
        ..DealUpdate::default()
    };
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let asked = Asked { id: path.id, wanted: &wanted, spot, conditions: &conditions };
            let saved = change(&mut tx, &by, &asked, faults.clone()).await?;
            tx.reply(answer(saved)).await
        })
        .await
}

/// What is asked of a deal.
struct Asked<'a> {
    id: i64,
    wanted: &'a DealUpdate,
    spot: Spot,
    conditions: &'a Conditions,
}

fn answer(saved: Saved<Row>) -> Reply<One<Deal>> {
    Reply::ok(One { value: saved.view }).version(saved.row.version, &Conditions::default())
}

async fn change(tx: &mut Conn, by: &Actor, asked: &Asked<'_>, mut faults: Faults) -> Result<Saved<Row>, Error> {
    let (wanted, company) = (asked.wanted, by.caller.company);
    // The stage comes first: whoever waits for it must not hold a deal meanwhile.
    let stage = match wanted.deal_stage_id.filter(|id| *id != 0) {
        Some(id) => Some((id, stage::hold(tx, company, id).await?)),
        None if asked.spot != Spot::End => {
            let row: Row = faults.found(record::find(tx, &by.caller, "id", asked.id).await)?;
            Some((row.stage, stage::hold(tx, company, row.stage).await?))
        }
        None => None,
    };
    // A task for the customer is held by its customer: that comes before the deal too.
    if matches!(wanted.date_follow_up, Patch::Set(_)) {
        let customer: Option<i64> = tx
            .sql("select customer from deal where company = $1 and id = $2")
            .bind(company)
            .bind(asked.id)
            .optional()
            .await?;
        if let Some(customer) = customer {
            customers::hold(tx, company, customer).await?;
        }
    }
    let old: Row = faults.found(record::held(tx, &by.caller, "id", asked.id, asked.conditions).await)?;
    let mut row = old.clone();
    plan::fill(tx, by, &mut row, wanted, &mut faults).await?;
    let stage = match stage {
        // Taken out of use, it still keeps the deals that it has.
        Some((id, Some(stage))) if id == old.stage => Some(stage),
        Some((id, found)) => plan::fitting(found, id, Some(old.board), &mut faults),
        None => None,
    };
    plan::judge(&mut row, stage.as_ref(), &mut faults);
    faults.end()?;
    if let Some(stage) = &stage {
        plan::settle(tx, by, &mut row, stage, asked.spot).await?;
    }
    let saved = plan::save(tx, by, Some(old.clone()), row).await?;
    after(tx, by, Some(&old), &saved.row, wanted).await?;
    Ok(saved)
}

/// What else a request asks for: a task to follow up, tasks to be done, orders to be cancelled.
async fn after(tx: &mut Conn, by: &Actor, old: Option<&Row>, row: &Row, wanted: &DealUpdate) -> Result<(), Error> {
    // The tasks that are there; the one to follow up comes behind them.
    if wanted.mark_all_task_as_done == Some(true) {
        task::finish_all(tx, by, &row.number).await?;
    }
    if wanted.cancle_all_order == Some(true) && old.is_some() {
        order::cancel_of_deal(tx, by, row).await?;
    }
    let before = old.and_then(|old| old.follow_up_at);
    if let Some(at) = row.follow_up_at.filter(|at| Some(*at) != before) {
        follow_up(tx, by, row, at).await?;
    }
    Ok(())
}

/// Makes the task to follow up a deal, of the person in charge.
async fn follow_up(tx: &mut Conn, by: &Actor, row: &Row, at: i64) -> Result<(), Error> {
    let zone = time::zone(tx, row.company).await?;
    // Whoever has the deal need not have its customer; the task is of the deal then.
    let seen = customers::is_seen(tx, &by.caller, row.customer).await?;
    let customer = customers::exactly(tx, row.company, row.customer).await?.filter(|_| seen);
    let subject: String = format!("Follow up: {}", row.name).chars().take(300).collect();
    let task = TaskWrite {
        subject: Patch::Set(subject),
        note: row.follow_up_note.clone().map_or_else(Patch::default, Patch::Set),
        date_due: Patch::Set(time::text(at, &zone)),
        assigned_to_user_id: Patch::Set(row.owner.to_string()),
        customer_code: customer.map_or_else(Patch::default, |customer| Patch::Set(customer.code)),
        deal_nos: Patch::Set(vec![row.number.clone()]),
        ..TaskWrite::default()
    };
    task::put(tx, by, &task, &[], &Conditions::default()).await?;
    Ok(())
}

/// Delete a deal: it is in no list and on no board any more.
#[utoipa::path(
    delete,
    path = "/v1/deals/{id}",
    operation_id = "deleteDeal",
    tag = "Deal",
    params(DealPath, Conditions),
    responses((status = 200, description = "The deal as it was.", body = Envelope<One<Deal>>)),
    security(("bearerAuth" = ["deal:write"]))
)]
async fn delete_deal(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<DealPath>,
) -> Result<Reply<One<Deal>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let row: Row = record::held(&mut tx, &caller, "id", path.id, &conditions).await?;
            let saved = record::remove(&mut tx, &by, row).await?;
            tx.reply(answer(saved)).await
        })
        .await
}

/// Restore a deal that was deleted: it is at the end of its stage.
#[utoipa::path(
    post,
    path = "/v1/deals/{id}/restore",
    operation_id = "restoreDeal",
    tag = "Deal",
    params(DealPath),
    responses((status = 200, description = "The deal.", body = Envelope<One<Deal>>)),
    security(("bearerAuth" = ["deal:write"]))
)]
async fn restore_deal(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<DealPath>,
) -> Result<Reply<One<Deal>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let saved = restore(&mut tx, &by, path.id).await?;
            tx.reply(answer(saved)).await
        })
        .await
}

/// Brings a deal back that was deleted, at the end of its stage.
pub(crate) async fn restore(tx: &mut Conn, by: &Actor, id: i64) -> Result<Saved<Row>, Error> {
    let company = by.caller.company;
    let found: Option<i64> =
        tx.sql("select stage from deal where company = $1 and id = $2").bind(company).bind(id).optional().await?;
    let stage = found.ok_or(Error::NotFound("deal"))?;
    stage::hold(tx, company, stage).await?;
    let mut row: Row = record::held_deleted(tx, &by.caller, "id", id).await?;
    row.place = stage::place(tx, company, row.stage, row.id, Spot::End).await?;
    record::restore(tx, by, row).await
}

/// List the stages that a deal has been in, and for how long.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}/history",
    operation_id = "getDealHistory",
    tag = "Deal",
    params(DealPath),
    responses((status = 200, description = "The stages, the first one first.", body = Envelope<One<Vec<DealStay>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_history(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<DealPath>,
) -> Result<Reply<One<Vec<DealStay>>>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "id", path.id).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let entries = choice::all(&mut conn, caller.company, List::Stages).await?;
    let stays = stage::stays(&mut conn, caller.company, row.id).await?;
    let view = |stay: stage::Stay| DealStay {
        deal_stage_id: stay.stage,
        deal_stage_name: entries
            .iter()
            .find(|one| one.id == stay.stage)
            .map(|one| one.name.clone())
            .unwrap_or_default(),
        date_entered: time::text(stay.entered_at, &zone),
        date_left: stay.left_at.map(|at| time::text(at, &zone)),
        seconds: (stay.left_at.unwrap_or_else(|| app.now()) - stay.entered_at).max(0) / 1000,
        entered_by_user_id: stay.entered_by,
    };
    Ok(Reply::ok(One { value: stays.into_iter().map(view).collect() }))
}

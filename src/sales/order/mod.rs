//! Sales orders: create or update, get, enquiry, approval, cancelling, rejecting, payments, deliveries, and the shapes of
//! the first generation.

mod delivery;
mod legacy;
pub(crate) mod payment;
mod row;
mod schedule;
mod status;
mod taken;
mod write;

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::row::Row;
use self::row::SalesOrder;
pub(crate) use self::status::{Status, Who};
pub(crate) use self::taken::take;
pub(crate) use self::write::{SalesOrderWrite, put};
use super::approval::{Approval, SalesDecisionWrite};
use super::quotation::{self, checked_reason};
use super::{number_key, read_day, report};
use crate::app::App;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, List, ListEnvelope, Path, Reply};
use crate::record::{self, Actor, Saved};
use crate::search;
use crate::setting::choice;
use crate::setting::list::List as Choices;
use crate::setting::profile;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_or_update_sales_order))
        .routes(routes!(get_sales_order_header_templates))
        .routes(routes!(get_sales_order_by_sales_order_no))
        .routes(routes!(get_sales_order))
        .routes(routes!(enquire_sales_orders))
        .routes(routes!(cancel_sales_order))
        .routes(routes!(approve_sales_order))
        .routes(routes!(refuse_sales_order))
        .routes(routes!(reject_sales_orders))
        .merge(payment::routes())
        .merge(delivery::routes())
        .merge(legacy::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct OrderPath {
    /// Number of the order, in any letter case.
    pub(super) sales_order_no: String,
}

/// The order of this number.
pub(super) async fn find(conn: &mut Conn, caller: &Caller, number: &str) -> Result<Row, Error> {
    record::find(conn, caller, "number_key", number_key(number)).await
}

/// The same, held until the unit ends.
pub(super) async fn held(tx: &mut Conn, by: &Actor, number: &str, conditions: &Conditions) -> Result<Row, Error> {
    record::held(tx, &by.caller, "number_key", number_key(number), conditions).await
}

/// The order that was made of a quotation.
pub(super) async fn of_quotation(conn: &mut Conn, company: i64, quotation: i64) -> Result<Option<Row>, db::Error> {
    let query = conn.rows::<Row>("sales_order").push(" where company = $1 and quotation = $2");
    query.bind(company).bind(quotation).optional().await
}

/// Makes an open order of a quotation: content and amounts are copied, nothing is computed. One without a reference gets the
/// quotation's number.
pub(super) async fn of_content(tx: &mut Conn, by: &Actor, from: &quotation::Row) -> Result<Saved<Row>, Error> {
    let setting = profile::of(tx, from.company).await?;
    let zone = time::zone(tx, from.company).await?;
    let today = time::day_of(by.now, &zone);
    let mut row = write::blank(by, today);
    row.customer = from.customer;
    row.owner = from.owner;
    row.staff_code = Some(from.staff_code.clone());
    row.quotation = Some(from.id);
    row.quotation_no = Some(from.number.clone());
    (row.deal, row.deal_no) = (from.deal, from.deal_no.clone());
    row.approval.clone_from(&from.approval);
    let mut content = from.content();
    content.terms.reference.get_or_insert_with(|| from.number.clone());
    row.set_content(content);
    row.status = Status::Open.number();
    payment::settle(tx, &mut row, today).await?;
    write::number_new(tx, by, &setting, &mut row, None).await?;
    write::move_stock(tx, by, None, &mut row).await?;
    let saved = record::save(tx, by, None, row).await?;
    report::keep(tx, &saved).await?;
    Ok(saved)
}

/// Which orders to list. Every filter may be absent or null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderEnquiry {
    /// Number of an order, whole.
    #[schema(example = "SO2604-0032")]
    sales_order_no: Option<String>,
    /// 1 draft, 2 open, 3 completed, 4 rejected, 5 cancelled.
    #[schema(example = 2)]
    sales_order_status: Option<i64>,
    /// Several of them.
    sales_order_statuses: Option<Vec<i64>>,
    /// Code of the salesperson.
    staff_code: Option<String>,
    /// Id of the deal that they are for.
    deal_id: Option<i64>,
    /// The same by the deal's number.
    deal_no: Option<String>,
    /// Code of the customer.
    #[schema(example = "C000001")]
    customer_code: Option<String>,
    /// The order's day; a time of day is left out.
    sales_order_date: Option<String>,
    /// The first day of a period.
    date_from: Option<String>,
    /// Its last day.
    date_to: Option<String>,
    /// `unpaid`, `partly`, `paid`, `over`.
    payment_state: Option<String>,
    /// Only those that are overdue, or only those that are not.
    is_overdue: Option<bool>,
    /// Part of number, subject, recipient or reference, in any letter case.
    keyword: Option<String>,
    /// `dateCreated` (newest first), `salesOrderDate` (latest first), `salesOrderNo`, `grandTotal`; with `-` before it the
    /// other way round.
    order_by: Option<String>,
    /// Orders to leave out; not together with `cursor`.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Orders a page: at most 200, default 20.
    #[schema(example = 5)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

const ORDERS: [Order; 4] = [
    Order { name: "dateCreated", column: "id", descending: true },
    Order { name: "salesOrderDate", column: "dated", descending: true },
    Order { name: "salesOrderNo", column: "number_key", descending: false },
    Order { name: "grandTotal", column: "grand_total", descending: true },
];

/// Create a sales order, or change an existing one.
///
/// Lines are replaced as a whole, as long as nothing of them was delivered. An order that the company's rules want
/// approved stays a draft until it is.
#[utoipa::path(
    post,
    path = "/v2/salesorder",
    operation_id = "createOrUpdateSalesOrder",
    tag = "SalesOrder",
    params(Conditions),
    request_body = SalesOrderWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn create_or_update_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Checked { value: input, faults }: Checked<SalesOrderWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let saved = put(&mut tx, &by, &input, &conditions, Faults::new(faults.clone()), None).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Get a sales order by its number.
#[utoipa::path(
    get,
    path = "/v2/salesorder/{salesOrderNo}",
    operation_id = "getSalesOrderBySalesOrderNo",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn get_sales_order_by_sales_order_no(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
) -> Result<Reply<SalesOrder>, Error> {
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, &caller, &path.sales_order_no).await?;
    record::reply(&mut conn, row, &conditions).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct OrderIdPath {
    /// Internal number of the order (`salesOrderId`).
    sales_order_id: i64,
}

/// Get a sales order by its internal number.
#[utoipa::path(
    get,
    path = "/v2/salesorder/id/{salesOrderId}",
    operation_id = "getSalesOrder",
    tag = "SalesOrder",
    params(OrderIdPath, Conditions),
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn get_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderIdPath>,
) -> Result<Reply<SalesOrder>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "id", path.sales_order_id).await?;
    record::reply(&mut conn, row, &conditions).await
}

/// List sales orders, one page at a time.
#[utoipa::path(
    post,
    path = "/v2/salesorder/enquiry",
    operation_id = "enquireSalesOrders",
    tag = "SalesOrder",
    request_body = SalesOrderEnquiry,
    responses((status = 200, description = "One page of orders.", body = ListEnvelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn enquire_sales_orders(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<SalesOrderEnquiry>,
) -> Result<List<SalesOrder>, Error> {
    let mut conn = app.db.read().await?;
    let page = PageWrite { skip: input.skip, take: input.take, page_length: input.page_length, cursor: input.cursor };
    let mut list: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, faults).await?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let zone = list.zone().clone();
    let day = |field: &str, text: Option<&str>, list: &mut Lister<'_, Row>| {
        read_day(field, text, &zone, list.faults()).map(|day| day.to_string())
    };
    let dated = day("salesOrderDate", input.sales_order_date.as_deref(), &mut list);
    let from = day("dateFrom", input.date_from.as_deref(), &mut list);
    let to = day("dateTo", input.date_to.as_deref(), &mut list);
    let statuses: Vec<i64> =
        input.sales_order_status.into_iter().chain(input.sales_order_statuses.into_iter().flatten()).collect();
    if statuses.iter().any(|status| Status::of(*status).is_none()) {
        list.faults().add(Code::InvalidValue, "salesOrderStatus", "salesOrderStatus must be from 1 to 5");
    }
    let states = [("unpaid", "unpaid"), ("partly", "partly"), ("paid", "paid"), ("over", "over")];
    let paid = list.faults().choice("paymentState", input.payment_state.as_deref(), &states);
    let by_status = !statuses.is_empty();
    list.equal(" and number_key = ", given(input.sales_order_no).map(|number| number_key(&number)))
        .any(" and status in (", statuses, ")")
        .equal(" and payment_state = ", paid)
        .equal(" and is_overdue = ", input.is_overdue)
        .keyword("keyword", input.keyword.as_deref())
        .order(input.order_by.as_deref(), &ORDERS);
    let are_compared = by_status && !list.is_ordered_by("dated");
    super::of_days(&mut list, (dated, from, to), are_compared);
    super::of_customer(&mut list, caller.company, given(input.customer_code));
    super::of_staff(&mut list, caller.company, given(input.staff_code));
    super::for_deal::only(&mut list, caller.company, input.deal_id, input.deal_no);
    Ok(list.find(&mut conn).await?.list())
}

/// A header template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HeaderTemplate {
    /// Its number.
    #[schema(example = 1)]
    header_template_id: i64,
    /// Its name.
    #[schema(example = "มาตรฐาน")]
    header_template_name: String,
}

/// List the header templates that `headerTemplateId` can name.
#[utoipa::path(
    get,
    path = "/v2/salesorder/headerTemplate",
    operation_id = "getSalesOrderHeaderTemplates",
    tag = "SalesOrder",
    responses((status = 200, description = "The templates.", body = Envelope<Vec<HeaderTemplate>>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn get_sales_order_header_templates(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Vec<HeaderTemplate>>, Error> {
    let mut conn = app.db.read().await?;
    let all = choice::all(&mut conn, caller.company, Choices::HeaderTemplates).await?;
    let templates = all.into_iter().filter(|choice| choice.is_active);
    let templates =
        templates.map(|choice| HeaderTemplate { header_template_id: choice.id, header_template_name: choice.name });
    Ok(Reply::ok(templates.collect()))
}

/// Gives an order another status, with what that does to its stock.
async fn turn(
    tx: &mut Conn,
    by: &Actor,
    old: Row,
    to: Status,
    who: Who,
    reason: Option<String>,
) -> Result<Saved<Row>, Error> {
    let mut row = old.clone();
    write::change_status(&mut row, old.status(), to, who)?;
    if who == Who::Approver {
        let state = if to == Status::Rejected { "rejected" } else { "approved" };
        row.approval = Some(Approval::decided(row.approval.take(), by, state, reason.clone()));
    }
    if matches!(to, Status::Rejected | Status::Cancelled) {
        row.reason = reason;
        row.is_overdue = false;
    }
    write::move_stock(tx, by, Some(&old), &mut row).await?;
    let saved = record::save_as(tx, by, Some(old), row, to.event()).await?;
    report::keep(tx, &saved).await?;
    Ok(saved)
}

/// Cancels an order; its stock is free again.
pub(crate) async fn cancel(tx: &mut Conn, by: &Actor, old: Row) -> Result<Saved<Row>, Error> {
    turn(tx, by, old, Status::Cancelled, Who::Editor, None).await
}

/// The most orders that are cancelled with their deal at once.
const MOST_OF_DEAL: usize = 200;

/// Cancels all open orders of a deal, which is held, each as if by itself: all of them or none. 409 that names those that
/// cannot be cancelled, and 403 without the right to change orders.
pub(super) async fn cancel_of_deal(tx: &mut Conn, by: &Actor, deal: &super::deal::Row) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "cancleAllOrder", message)));
    let ids: Vec<i64> = tx
        .sql(
            "select id from sales_order where company = $1 and deal = $2 and status in (1, 2) and deleted_at is null
             order by id limit $3",
        )
        .bind(deal.company)
        .bind(deal.id)
        .bind(i64::try_from(MOST_OF_DEAL).unwrap_or_default() + 1)
        .all()
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    if !by.caller.scopes.iter().any(|scope| scope == "salesorder:write") {
        return Err(Error::Forbidden("salesorder:write".to_owned()));
    }
    if ids.len() > MOST_OF_DEAL {
        return refuse(format!(
            "Deal {} has more than {MOST_OF_DEAL} open orders; cancel them by themselves",
            deal.number
        ));
    }
    let (mut orders, mut refused, mut hidden): (Vec<Row>, Vec<String>, usize) = (Vec::new(), Vec::new(), 0);
    for id in ids {
        match record::held::<Row>(tx, &by.caller, "id", id, &Conditions::default()).await {
            Err(Error::NotFound(_)) => hidden += 1,
            // Somebody else may have ended it meanwhile.
            Ok(row) if !matches!(row.status(), Status::Draft | Status::Open) => {}
            Ok(row) => match write::change_status(&mut row.clone(), row.status(), Status::Cancelled, Who::Editor) {
                Err(Error::Conflict(fault)) => refused.push(format!("{}: {}", row.number, fault.message)),
                done => {
                    done?;
                    orders.push(row);
                }
            },
            Err(error) => return Err(error),
        }
    }
    if hidden > 0 {
        refused.push(format!("{hidden} of them you may not change"));
    }
    if !refused.is_empty() {
        let message = format!("Not all orders of deal {} can be cancelled. {}", deal.number, refused.join(". "));
        return refuse(message);
    }
    for order in orders {
        cancel(tx, by, order).await?;
    }
    Ok(())
}

/// Cancel a sales order: its stock is free again.
///
/// 409 when something of it was delivered, or a tax invoice was issued.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/cancel",
    operation_id = "cancelSalesOrder",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = SalesDecisionWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn cancel_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesDecisionWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    Faults::new(faults).end()?;
    let reason = checked_reason(input.reason.as_deref(), false)?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            if old.status() == Status::Cancelled {
                let reply = record::reply(&mut tx, old, &Conditions::default()).await?;
                return tx.reply(reply).await;
            }
            let saved = turn(&mut tx, &by, old, Status::Cancelled, Who::Editor, reason.clone()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Approve a sales order that waits for it: it is open, and its stock is reserved.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/approve",
    operation_id = "approveSalesOrder",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = SalesDecisionWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:approve"], "subscriptionKey" = []))
)]
async fn approve_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesDecisionWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    Faults::new(faults).end()?;
    let reason = checked_reason(input.reason.as_deref(), false)?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let saved = turn(&mut tx, &by, old, Status::Open, Who::Approver, reason.clone()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Refuse a sales order that waits for approval.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/reject",
    operation_id = "refuseSalesOrder",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = SalesDecisionWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:approve"], "subscriptionKey" = []))
)]
async fn refuse_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesDecisionWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    Faults::new(faults).end()?;
    let reason = checked_reason(input.reason.as_deref(), true)?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let saved = turn(&mut tx, &by, old, Status::Rejected, Who::Approver, reason.clone()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Orders to reject.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderRejectWrite {
    /// Their internal numbers (`salesOrderId`); at most 200. None is none to reject.
    #[schema(example = json!([]))]
    sales_order_ids: Vec<i64>,
    /// Why.
    #[schema(example = "ลูกค้าไม่ชำระเงิน")]
    reason: String,
}

/// The flat envelope of the older operations.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderOlderEnvelope {
    /// 1000 success.
    #[schema(example = 1000)]
    status_code: i64,
    /// The HTTP status again.
    #[schema(example = 200)]
    http_status_code: i64,
    /// The same in words.
    #[schema(example = "Success")]
    message: &'static str,
}

/// Reject several sales orders by their internal numbers: all of them or none.
#[utoipa::path(
    delete,
    path = "/v1/salesorders/reject",
    operation_id = "rejectSalesOrders",
    tag = "SalesOrder",
    request_body = SalesOrderRejectWrite,
    responses((status = 200, description = "Done.", body = SalesOrderOlderEnvelope)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn reject_sales_orders(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<SalesOrderRejectWrite>,
) -> Result<Reply<SalesOrderOlderEnvelope>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("reason", &input.reason, 1_000);
    faults.most("salesOrderIds", input.sales_order_ids.len(), 200);
    faults.end()?;
    let mut ids: Vec<(i64, usize)> = input.sales_order_ids.iter().copied().zip(0..).collect();
    ids.sort_unstable();
    ids.dedup_by_key(|(id, _)| *id);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let (mut unknown, mut refused) = (Vec::new(), Vec::new());
            for (id, index) in &ids {
                let field = format!("salesOrderIds[{index}]");
                let held = record::held::<Row>(&mut tx, &by.caller, "id", *id, &Conditions::default()).await;
                let old = match held {
                    Err(Error::NotFound(_)) => {
                        unknown.push(Fault::new(Code::NotFound, field, format!("No such sales order: {id}")));
                        continue;
                    }
                    held => held?,
                };
                if old.status() == Status::Rejected {
                    continue;
                }
                let reason = Some(search::trimmed(&input.reason).to_owned());
                match turn(&mut tx, &by, old, Status::Rejected, Who::Editor, reason).await {
                    Err(Error::Conflict(fault)) => refused.push(Fault { field, ..fault }),
                    turned => drop(turned?),
                }
            }
            if !unknown.is_empty() {
                return Err(Error::Unknown(unknown));
            }
            if !refused.is_empty() {
                return Err(Error::Conflicts(refused));
            }
            let done = SalesOrderOlderEnvelope { status_code: 1000, http_status_code: 200, message: "Success" };
            tx.reply(Reply::bare(done)).await
        })
        .await
}

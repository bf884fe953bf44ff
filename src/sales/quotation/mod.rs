//! Quotations: create or update, get, enquiry, approval, cancelling, conversion to an order, revisions.

mod convert;
mod email;
mod link;
mod page;
mod revision;
mod row;
mod send;
mod status;
mod taken;
mod write;

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::row::Quotation;
pub(crate) use self::row::Row;
pub(crate) use self::status::{Status, Who};
pub(crate) use self::taken::take;
pub(crate) use self::write::{QuotationWrite, put};
use super::approval::{Approval, SalesDecisionWrite};
use super::rules::SalesRules;
use super::{LONGEST_REASON, need_lines, number_key, read_day, short_of_stock};
use crate::app::App;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, List, ListEnvelope, Path, Reply};
use crate::record::{self, Actor, Saved};
use crate::search;
use crate::setting::profile;
use crate::time;
use db::Conn;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_update_quotation))
        .routes(routes!(get_quotation_by_quotation_no))
        .routes(routes!(enquire_quotations))
        .routes(routes!(cancel_quotation))
        .routes(routes!(approve_quotation))
        .routes(routes!(reject_quotation))
        .merge(convert::routes())
        .merge(send::routes())
        .merge(email::routes())
        .merge(page::routes())
        .merge(revision::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct QuotationPath {
    /// Number of the quotation, in any letter case.
    pub(super) quotation_no: String,
}

/// Which quotations to list. Every filter may be absent or null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationEnquiry {
    /// Number of a quotation, whole.
    #[schema(example = "QT2511-0001")]
    quotation_no: Option<String>,
    /// 1 draft, 2 waiting for approval, 3 waiting to be sent, 4 sent, 5 completed, 6 rejected, 7 cancelled.
    #[schema(example = 2)]
    quotation_status: Option<i64>,
    /// Several of them.
    quotation_statuses: Option<Vec<i64>>,
    /// Code of the salesperson.
    #[schema(example = "Admin01")]
    staff_code: Option<String>,
    /// Id of the deal that they are for.
    deal_id: Option<i64>,
    /// The same by the deal's number.
    deal_no: Option<String>,
    /// Code of the customer.
    #[schema(example = "daisy")]
    customer_code: Option<String>,
    /// The quotation's day; a time of day is left out.
    #[schema(example = "2022-12-16")]
    quotation_date: Option<String>,
    /// The first day of a period.
    date_from: Option<String>,
    /// Its last day.
    date_to: Option<String>,
    /// Only those whose validity is over, or only those where it is not.
    is_expired: Option<bool>,
    /// Part of number, subject, recipient or reference, in any letter case.
    keyword: Option<String>,
    /// `dateCreated` (newest first), `quotationDate` (latest first), `quotationNo`, `grandTotal`; with `-` before it the
    /// other way round.
    order_by: Option<String>,
    /// Quotations to leave out; not together with `cursor`.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Quotations a page: at most 200, default 20.
    #[schema(example = 5)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

const ORDERS: [Order; 4] = [
    Order { name: "dateCreated", column: "id", descending: true },
    Order { name: "quotationDate", column: "dated", descending: true },
    Order { name: "quotationNo", column: "number_key", descending: false },
    Order { name: "grandTotal", column: "grand_total", descending: true },
];

/// Create a quotation, or change an existing one.
///
/// Lines are replaced as a whole. A quotation that the company's rules want approved waits for that (2). One that others
/// may have seen keeps its former content as a revision.
#[utoipa::path(
    post,
    path = "/v2/quotation",
    operation_id = "createUpdateQuotation",
    tag = "Quotation",
    params(Conditions),
    request_body = QuotationWrite,
    responses((status = 200, description = "The quotation.", body = Envelope<Quotation>)),
    security(("bearerAuth" = ["quotation:write"], "subscriptionKey" = []))
)]
async fn create_update_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Checked { value: input, faults }: Checked<QuotationWrite>,
) -> Result<Reply<Quotation>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let saved = put(&mut tx, &by, &input, &conditions, Faults::new(faults.clone()), None).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Get a quotation by its number.
#[utoipa::path(
    get,
    path = "/v1/quotation/{quotationNo}",
    operation_id = "getQuotationByQuotationNo",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    responses((status = 200, description = "The quotation.", body = Envelope<Quotation>)),
    security(("bearerAuth" = ["quotation:read"], "subscriptionKey" = []))
)]
async fn get_quotation_by_quotation_no(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
) -> Result<Reply<Quotation>, Error> {
    let mut conn = app.db.read().await?;
    let mut row: Row = record::find(&mut conn, &caller, "number_key", number_key(&path.quotation_no)).await?;
    let zone = time::zone(&mut conn, row.company).await?;
    // Lists tell what the job has noted, one quotation what the day says.
    row.is_expired = row.is_over(time::day_of(app.now(), &zone));
    record::reply(&mut conn, row, &conditions).await
}

/// List quotations, one page at a time.
#[utoipa::path(
    post,
    path = "/v1/quotation/enquiry",
    operation_id = "enquireQuotations",
    tag = "Quotation",
    request_body = QuotationEnquiry,
    responses((status = 200, description = "One page of quotations.", body = ListEnvelope<Quotation>)),
    security(("bearerAuth" = ["quotation:read"], "subscriptionKey" = []))
)]
async fn enquire_quotations(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<QuotationEnquiry>,
) -> Result<List<Quotation>, Error> {
    let mut conn = app.db.read().await?;
    let page = PageWrite { skip: input.skip, take: input.take, page_length: input.page_length, cursor: input.cursor };
    let mut list: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, faults).await?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let zone = list.zone().clone();
    let day = |field: &str, text: Option<&str>, list: &mut Lister<'_, Row>| {
        read_day(field, text, &zone, list.faults()).map(|day| day.to_string())
    };
    let dated = day("quotationDate", input.quotation_date.as_deref(), &mut list);
    let from = day("dateFrom", input.date_from.as_deref(), &mut list);
    let to = day("dateTo", input.date_to.as_deref(), &mut list);
    let statuses: Vec<i64> =
        input.quotation_status.into_iter().chain(input.quotation_statuses.into_iter().flatten()).collect();
    for status in &statuses {
        if Status::of(*status).is_none() {
            list.faults().add(Code::InvalidValue, "quotationStatus", "quotationStatus must be from 1 to 7");
        }
    }
    let by_status = !statuses.is_empty();
    list.equal(" and number_key = ", given(input.quotation_no).map(|number| number_key(&number)))
        .any(" and status in (", statuses, ")")
        .equal(" and is_expired = ", input.is_expired)
        .keyword("keyword", input.keyword.as_deref())
        .order(input.order_by.as_deref(), &ORDERS);
    let are_compared = by_status && !list.is_ordered_by("dated");
    super::of_days(&mut list, (dated, from, to), are_compared);
    super::of_customer(&mut list, caller.company, given(input.customer_code));
    super::of_staff(&mut list, caller.company, given(input.staff_code));
    super::for_deal::only(&mut list, caller.company, input.deal_id, input.deal_no);
    Ok(list.find(&mut conn).await?.list())
}

/// Why a quotation is cancelled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationCancelWrite {
    /// The number again; that of the path counts.
    #[expect(dead_code, reason = "clients send it")]
    quotation_no: Option<String>,
    /// Why.
    #[schema(example = "ลูกค้ายกเลิก")]
    reason: Option<String>,
}

/// Cancel a quotation.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/cancel",
    operation_id = "cancelQuotation",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    request_body = QuotationCancelWrite,
    responses((status = 200, description = "The quotation.", body = Envelope<Quotation>)),
    security(("bearerAuth" = ["quotation:write"], "subscriptionKey" = []))
)]
async fn cancel_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
    Checked { value: input, faults }: Checked<QuotationCancelWrite>,
) -> Result<Reply<Quotation>, Error> {
    Faults::new(faults).end()?;
    let reason = checked_reason(input.reason.as_deref(), false)?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let key = number_key(&path.quotation_no);
            let old: Row = record::held(&mut tx, &by.caller, "number_key", key, &conditions).await?;
            if old.status() == Status::Cancelled {
                let reply = record::reply(&mut tx, old, &Conditions::default()).await?;
                return tx.reply(reply).await;
            }
            let saved = turn(&mut tx, &by, old, Status::Cancelled, Who::Editor, reason.clone()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Approve a quotation that waits for it.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/approve",
    operation_id = "approveQuotation",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    request_body = SalesDecisionWrite,
    responses((status = 200, description = "The quotation, waiting to be sent.", body = Envelope<Quotation>)),
    security(("bearerAuth" = ["quotation:approve"], "subscriptionKey" = []))
)]
async fn approve_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
    Checked { value: input, faults }: Checked<SalesDecisionWrite>,
) -> Result<Reply<Quotation>, Error> {
    Faults::new(faults).end()?;
    let reason = checked_reason(input.reason.as_deref(), false)?;
    decide(&app, &caller, &conditions, &path, Status::WaitingToBeSent, reason).await
}

/// Refuse a quotation that waits for approval.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/reject",
    operation_id = "rejectQuotation",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    request_body = SalesDecisionWrite,
    responses((status = 200, description = "The quotation, rejected.", body = Envelope<Quotation>)),
    security(("bearerAuth" = ["quotation:approve"], "subscriptionKey" = []))
)]
async fn reject_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
    Checked { value: input, faults }: Checked<SalesDecisionWrite>,
) -> Result<Reply<Quotation>, Error> {
    Faults::new(faults).end()?;
    let reason = checked_reason(input.reason.as_deref(), true)?;
    decide(&app, &caller, &conditions, &path, Status::Rejected, reason).await
}

async fn decide(
    app: &App,
    caller: &Caller,
    conditions: &Conditions,
    path: &QuotationPath,
    to: Status,
    reason: Option<String>,
) -> Result<Reply<Quotation>, Error> {
    caller
        .write(app, async |mut tx| {
            let by = tx.actor();
            let key = number_key(&path.quotation_no);
            let old: Row = record::held(&mut tx, &by.caller, "number_key", key, conditions).await?;
            let saved = turn(&mut tx, &by, old, to, Who::Approver, reason.clone()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// A reason within its length, which may be demanded.
pub(super) fn checked_reason(reason: Option<&str>, is_required: bool) -> Result<Option<String>, Error> {
    let mut faults = Faults::default();
    let reason = reason.map(search::trimmed).filter(|reason| !reason.is_empty());
    if is_required && reason.is_none() {
        faults.add(Code::Required, "reason", "reason is required");
    }
    faults.longest("reason", reason.unwrap_or_default(), LONGEST_REASON);
    faults.end()?;
    Ok(reason.map(str::to_owned))
}

/// The approval with which a quotation goes on as it is; 409 without one that the company's rules want. What is not offered yet
/// is judged by the rules of today, as when it is written.
fn approved(row: &Row, rules: &SalesRules) -> Result<Option<Approval>, Error> {
    let approval = match row.status().is_offered() {
        true => row.approval.clone(),
        false => Approval::after(row.approval.clone(), rules, &row.content(), false),
    };
    if Approval::allows(approval.as_ref()) {
        return Ok(approval);
    }
    let message = match row.status() {
        Status::WaitingForApproval => format!("Quotation {} waits for approval", row.number),
        _ => format!("Quotation {} must be approved first: give it quotationStatus 2", row.number),
    };
    Err(Error::Conflict(Fault::new(Code::Conflict, "quotationNo", message)))
}

/// Gives a quotation another status; 409 where that is not allowed, or when stock is short of what is offered by that.
pub(crate) async fn turn(
    tx: &mut Conn,
    by: &Actor,
    old: Row,
    to: Status,
    who: Who,
    reason: Option<String>,
) -> Result<Saved<Row>, Error> {
    status::must(&old.number, old.status(), to, who)?;
    if !matches!(to, Status::Draft | Status::Rejected | Status::Cancelled) {
        let mut faults = Faults::default();
        need_lines(&old.lines, write::NAMES.lines, &mut faults);
        faults.end()?;
    }
    let mut row = old.clone();
    if to.is_offered() && !old.status().is_offered() {
        let setting = profile::of(tx, old.company).await?;
        row.approval = approved(&old, &setting.sales)?;
        short_of_stock(tx, by, &setting, &old.lines, write::NAMES.lines).await?;
    }
    row.status = to.number();
    if matches!(to, Status::WaitingToBeSent | Status::Sent) {
        // Whoever declined may answer anew.
        row.acceptance = None;
    }
    if who == Who::Approver {
        let state = if to == Status::Rejected { "rejected" } else { "approved" };
        row.approval = Some(Approval::decided(row.approval.take(), by, state, reason.clone()));
    }
    if matches!(to, Status::Rejected | Status::Cancelled) {
        row.reason = reason;
    }
    record::save_as(tx, by, Some(old), row, to.event()).await
}

//! Payments of an order: partly, in instalments, too much, and taken back.

use axum::extract::State;
use db::{Amount, Conn};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::{Row, SalesOrder};
use super::schedule::{is_over, take_out};
use super::status::Status;
use super::{OrderPath, held};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::record::{self, Actor, Saved};
use crate::sales::decimal::Decimal;
use crate::sales::{promptpay, read_day, rules, totals};
use crate::search;
use crate::setting::{number, profile};
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(update_sales_order_payment))
        .routes(routes!(list_sales_order_payments, add_sales_order_payment))
        .routes(routes!(cancel_sales_order_payment))
        .routes(routes!(get_sales_order_promptpay))
}

/// Which instalments are paid.
#[derive(Debug, Deserialize, ToSchema)]
struct SalesOrderPaymentUpdate {
    /// The instalments.
    payments: Vec<SalesOrderInstalmentStatus>,
}

/// An instalment and whether it is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderInstalmentStatus {
    /// Its number, from 1. An order without a plan of payment has one.
    #[serde(rename = "InstallmentNumber")]
    #[schema(example = 1)]
    installment_number: Option<i64>,
    /// The same.
    #[schema(example = 1)]
    period_no: Option<i64>,
    /// 1 not paid: its payments are cancelled; 2 paid: what is left of it is paid.
    #[schema(example = 2)]
    status: i64,
}

/// Money that came in, or was given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderPaymentWrite {
    /// How much, in the order's currency: more than is left if so much was paid, below 0 if it was given back, at most what was
    /// paid, or what an order below 0 comes to.
    #[schema(value_type = f64, example = 2000)]
    amount: Decimal,
    /// The day on which it came; today when it is absent.
    #[schema(example = "2026-05-21")]
    paid_date: Option<String>,
    /// Number of the instalment that it is for; when it is absent the oldest first, of what is given back the latest.
    #[schema(example = 1)]
    installment_number: Option<i64>,
    /// How: `cash`, `transfer`, `promptpay`, `card`, `cheque`, or anything else.
    #[schema(example = "transfer")]
    method: Option<String>,
    /// The bank's reference, or what stands in the QR code of its slip.
    #[schema(example = "0002123123121200011")]
    reference: Option<String>,
    /// What is to be remembered.
    note: Option<String>,
}

/// A payment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesPayment {
    /// Its number.
    #[schema(example = 1)]
    payment_id: i64,
    /// How much; below 0 where it was given back.
    #[schema(value_type = f64, example = 2000)]
    amount: Amount,
    /// The day on which it came.
    #[schema(example = "2026-05-21T00:00:00+0700")]
    paid_date: String,
    /// The instalment that it is for.
    installment_number: Option<i64>,
    /// How.
    #[schema(example = "transfer")]
    method: Option<String>,
    /// The bank's reference.
    reference: Option<String>,
    /// What is to be remembered.
    note: Option<String>,
    /// Number of the receipt that was issued for it.
    receipt_no: Option<String>,
    /// Whether it was taken back.
    #[schema(example = false)]
    is_cancelled: bool,
    /// Who entered it.
    created_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
}

/// All payments of an order.
#[derive(Debug, Serialize, ToSchema)]
struct SalesPayments {
    /// The latest first.
    value: Vec<SalesPayment>,
}

/// What a customer's bank app reads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderPromptPay {
    /// What the QR code says.
    payload: String,
    /// The amount in it: `netToReceive` less what was paid. What the buyer withholds is entered as a payment of its own.
    #[schema(value_type = f64, example = 4467.25)]
    amount: Amount,
    /// What a bank counter's bar code says; only for a biller.
    barcode: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct PaymentPath {
    /// Number of the order, in any letter case.
    sales_order_no: String,
    /// Number of the payment.
    payment_id: i64,
}

/// A payment as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: i64,
    pub(crate) amount: Amount,
    pub(crate) paid_on: String,
    pub(crate) instalment: Option<i64>,
    pub(crate) method: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) receipt: Option<String>,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) cancelled_at: Option<i64>,
}

impl Payment {
    /// One that is entered now; its number follows.
    pub(super) fn new(by: &Actor, amount: Amount, paid_on: String) -> Payment {
        Payment {
            id: 0,
            amount,
            paid_on,
            instalment: None,
            method: None,
            reference: None,
            note: None,
            receipt: None,
            created_by: by.caller.id.clone(),
            created_at: by.now,
            cancelled_at: None,
        }
    }
}

const COLUMNS: &str = "select id, amount, paid_on, instalment, method, reference, note, receipt, created_by, created_at, \
    cancelled_at from sales_payment where company = $1 and sales_order = $2";

/// The payments of an order, the oldest first.
pub(crate) async fn of(conn: &mut Conn, company: i64, order: i64) -> Result<Vec<Payment>, db::Error> {
    conn.sql(COLUMNS).push(" order by id").bind(company).bind(order).all().await
}

/// Says which instalments are paid.
///
/// An order without a plan of payment is one instalment. What `2` pays is entered as a payment of today. 409 where `1` is
/// said of an instalment that payments without its number cover: they are cancelled by themselves.
#[utoipa::path(
    put,
    path = "/v2/salesorder/{salesOrderNo}/payment",
    operation_id = "updateSalesOrderPayment",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body(content = SalesOrderPaymentUpdate, example = json!({"payments": [{"periodNo": 1, "status": 2}]})),
    responses((status = 200, description = "Done.", body = Envelope<bool>)),
    security(("bearerAuth" = ["salesorder:write"])),
    extensions(("x-no-subscription-key" = json!(true)))
)]
async fn update_sales_order_payment(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesOrderPaymentUpdate>,
) -> Result<Reply<bool>, Error> {
    let mut faults = Faults::new(faults);
    faults.most("payments", input.payments.len(), 120);
    for (index, payment) in input.payments.iter().take(120).enumerate() {
        faults.one_of(&format!("payments[{index}].status"), payment.status, &[1, 2]);
        if payment.installment_number.or(payment.period_no).is_none() {
            let field = format!("payments[{index}].InstallmentNumber");
            faults.add(Code::Required, field.as_str(), format!("{field} is required"));
        }
    }
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let pays = input.payments.iter().any(|payment| payment.status == 2);
            if pays {
                takes_money(&old)?;
            }
            let mut faults = Faults::default();
            for (index, payment) in input.payments.iter().enumerate() {
                let number = payment.installment_number.or(payment.period_no).unwrap_or_default();
                let field = format!("payments[{index}].InstallmentNumber");
                set_instalment(&mut tx, &by, &old, number, payment.status == 2, &field, &mut faults).await?;
            }
            faults.end()?;
            resettle(&mut tx, &by, old).await?;
            tx.reply(Reply::ok(true)).await
        })
        .await
}

/// 409 for an order for which no money comes in.
fn takes_money(row: &Row) -> Result<(), Error> {
    if matches!(row.status(), Status::Open | Status::Completed) {
        return Ok(());
    }
    let message = format!("Sales order {} is {}: no payment can be entered", row.number, row.status().word());
    Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)))
}

async fn set_instalment(
    tx: &mut Conn,
    by: &Actor,
    row: &Row,
    number: i64,
    is_paid: bool,
    field: &str,
    faults: &mut Faults,
) -> Result<(), Error> {
    // Of several that are set together each is settled before the next is looked at.
    let payments = of(tx, row.company, row.id).await?;
    let living: Vec<&Payment> = payments.iter().filter(|payment| payment.cancelled_at.is_none()).collect();
    let (amount, paid) = match &row.schedule {
        None if number == 1 => (row.money.grand_total, sum(living.iter().map(|payment| payment.amount))),
        None => {
            faults.add(
                Code::NotFound,
                field,
                format!("{field}: the order has no payment plan, so its only instalment is 1"),
            );
            return Ok(());
        }
        Some(schedule) => {
            let mut schedule = schedule.clone();
            schedule.settle(&parts(&living));
            match schedule.instalments.iter().find(|instalment| instalment.number == number) {
                Some(instalment) => (instalment.amount, instalment.paid),
                None => {
                    let message = format!("{field} {number} is not an instalment of the order");
                    faults.add(Code::NotFound, field, message);
                    return Ok(());
                }
            }
        }
    };
    if is_paid {
        let rest = amount.checked_sub(paid).unwrap_or_default();
        if rest > Amount::ZERO {
            let zone = time::zone(tx, row.company).await?;
            let today = time::day_of(by.now, &zone);
            let new = Payment { instalment: Some(number), ..Payment::new(by, rest, today.to_string()) };
            enter(tx, row, &new).await?;
        }
        return Ok(());
    }
    let (own, others): (Vec<&Payment>, Vec<&Payment>) =
        living.into_iter().partition(|payment| row.schedule.is_none() || payment.instalment == Some(number));
    for payment in own {
        take_back(tx, by, row, payment).await?;
    }
    refuse_short(row, sum(others.iter().map(|payment| payment.amount)))?;
    let mut schedule = row.schedule.clone();
    if let Some(schedule) = &mut schedule {
        schedule.settle(&parts(&others));
    }
    let still =
        schedule.iter().flat_map(|schedule| &schedule.instalments).find(|instalment| instalment.number == number);
    if still.is_some_and(|instalment| instalment.paid > Amount::ZERO && instalment.paid >= instalment.amount) {
        let came = || others.iter().filter(|payment| payment.amount > Amount::ZERO);
        let is_free = came().any(|payment| payment.instalment.is_none());
        let ids =
            came().filter(|payment| payment.instalment.is_none() || !is_free).map(|payment| payment.id.to_string());
        let message = format!(
            "Instalment {number} is paid by what is not its own: cancel payment {}",
            ids.collect::<Vec<_>>().join(", ")
        );
        return Err(Error::Conflict(Fault::new(Code::Conflict, field, message)));
    }
    Ok(())
}

/// What each is for and how much, as a plan of payment takes it.
fn parts(payments: &[&Payment]) -> Vec<(Option<i64>, Amount)> {
    payments.iter().map(|payment| (payment.instalment, payment.amount)).collect()
}

/// The payments of which something was not given back, and how much: what is below 0 is taken off the latest before it.
pub(crate) fn kept(payments: &[Payment]) -> Vec<(&Payment, Amount)> {
    let mut kept: Vec<(&Payment, Amount)> = Vec::new();
    // More was given back than was there, since a payment was cancelled later.
    let mut back = Amount::ZERO;
    for payment in payments.iter().filter(|payment| payment.cancelled_at.is_none()) {
        if payment.amount > Amount::ZERO {
            kept.push((payment, payment.amount));
        } else {
            back = back.checked_sub(payment.amount).unwrap_or(back);
        }
        for (_, rest) in kept.iter_mut().rev() {
            take_out(rest, &mut back);
        }
    }
    kept.retain(|(_, rest)| *rest > Amount::ZERO);
    kept
}

/// Enters a payment.
pub(super) async fn enter(tx: &mut Conn, row: &Row, payment: &Payment) -> Result<(), Error> {
    let id = number::next(tx, row.company, "sales-payment").await?;
    tx.sql(
        "insert into sales_payment (company, id, sales_order, customer, amount, paid_on, instalment, method, reference, note,
                                    receipt, created_by, created_at, cancelled_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(row.company)
    .bind(id)
    .bind(row.id)
    .bind(row.customer)
    .bind(payment.amount)
    .bind(payment.paid_on.as_str())
    .bind(payment.instalment)
    .bind(payment.method.as_deref())
    .bind(payment.reference.as_deref())
    .bind(payment.note.as_deref())
    .bind(payment.receipt.as_deref())
    .bind(payment.created_by.as_str())
    .bind(payment.created_at)
    .bind(payment.cancelled_at)
    .exec()
    .await?;
    Ok(())
}

async fn take_back(tx: &mut Conn, by: &Actor, row: &Row, payment: &Payment) -> Result<(), Error> {
    if let Some(receipt) = &payment.receipt {
        let message = format!("Receipt {receipt} was issued for payment {}", payment.id);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "paymentId", message)));
    }
    tx.sql("update sales_payment set cancelled_at = $4 where company = $1 and sales_order = $2 and id = $3")
        .bind(row.company)
        .bind(row.id)
        .bind(payment.id)
        .bind(by.now)
        .exec()
        .await?;
    Ok(())
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum))
}

/// Reads the payments of an order that is being written, and says how it stands.
pub(super) async fn settle(tx: &mut Conn, row: &mut Row, today: Date) -> Result<(), Error> {
    let payments = if row.id == 0 { Vec::new() } else { of(tx, row.company, row.id).await? };
    let living: Vec<&Payment> = payments.iter().filter(|payment| payment.cancelled_at.is_none()).collect();
    row.paid = sum(living.iter().map(|payment| payment.amount));
    if let Some(schedule) = &mut row.schedule {
        schedule.settle(&parts(&living));
    }
    let total = row.money.grand_total;
    row.payment_state = state(row.paid, total).to_owned();
    row.due_on = row.schedule.as_ref().and_then(|schedule| schedule.due_on());
    let is_owed = matches!(row.status(), Status::Open | Status::Completed) && row.paid < total;
    row.is_overdue = is_owed && is_over(row.due_on.as_deref(), today);
    Ok(())
}

/// How an order of this total stands; one that comes to nothing is paid.
pub(super) fn state(paid: Amount, total: Amount) -> &'static str {
    match paid {
        paid if paid > total => "over",
        paid if paid == total => "paid",
        paid if paid > Amount::ZERO => "partly",
        _ => "unpaid",
    }
}

/// The least that can have been paid for an order: nothing, or what it comes to where that is below 0.
fn least(row: &Row) -> Amount {
    row.money.grand_total.min(Amount::ZERO)
}

/// 409 when the payments that are left come to less than [`least`].
fn refuse_short(row: &Row, paid: Amount) -> Result<(), Error> {
    if paid >= least(row) {
        return Ok(());
    }
    let message = "More would be given back than was paid: cancel what was given back first";
    Err(Error::Conflict(Fault::new(Code::Conflict, "paymentId", message)))
}

/// Saves an order after its payments have changed.
async fn resettle(tx: &mut Conn, by: &Actor, old: Row) -> Result<Saved<Row>, Error> {
    let mut row = old.clone();
    let zone = time::zone(tx, row.company).await?;
    settle(tx, &mut row, time::day_of(by.now, &zone)).await?;
    refuse_short(&row, row.paid)?;
    let event = match (old.payment_state.as_str(), row.payment_state.as_str()) {
        ("paid" | "over", "paid" | "over") => "Updated",
        (_, "paid" | "over") => "Paid",
        _ => "Updated",
    };
    record::save_as(tx, by, Some(old), row, event).await
}

/// List the payments of an order, the latest first.
#[utoipa::path(
    get,
    path = "/v2/salesorder/{salesOrderNo}/payments",
    operation_id = "listSalesOrderPayments",
    tag = "SalesOrder",
    params(OrderPath),
    responses((status = 200, description = "The payments.", body = Envelope<SalesPayments>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn list_sales_order_payments(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<OrderPath>,
) -> Result<Reply<SalesPayments>, Error> {
    let mut conn = app.db.read().await?;
    let row = super::find(&mut conn, &caller, &path.sales_order_no).await?;
    let zone = time::zone(&mut conn, row.company).await?;
    let payments = of(&mut conn, row.company, row.id).await?;
    let value = payments.into_iter().rev().map(|payment| SalesPayment {
        payment_id: payment.id,
        amount: payment.amount,
        paid_date: time::day_text(&payment.paid_on, &zone),
        installment_number: payment.instalment,
        method: payment.method,
        reference: payment.reference,
        note: payment.note,
        receipt_no: payment.receipt,
        is_cancelled: payment.cancelled_at.is_some(),
        created_by_user_id: payment.created_by,
        date_created: time::text(payment.created_at, &zone),
    });
    Ok(Reply::ok(SalesPayments { value: value.collect() }))
}

/// Enter money that came in for an order, or that was given back.
///
/// What was given back is below 0: of an order of any status, at most what was paid, or what an order below 0 comes to.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/payments",
    operation_id = "addSalesOrderPayment",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = SalesOrderPaymentWrite,
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn add_sales_order_payment(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<SalesOrderPaymentWrite>,
) -> Result<Reply<SalesOrder>, Error> {
    let mut faults = Faults::new(faults);
    if input.amount.is_zero() {
        faults.add(Code::OutOfRange, "amount", "amount must not be 0");
    }
    for (field, text, longest) in
        [("method", &input.method, 50), ("reference", &input.reference, 300), ("note", &input.note, 1_000)]
    {
        faults.longest(field, text.as_deref().unwrap_or_default(), longest);
    }
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let zone = time::zone(&mut tx, by.caller.company).await?;
            let mut faults = faults.clone();
            let paid_on = read_day("paidDate", input.paid_date.as_deref(), &zone, &mut faults);
            faults.end()?;
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            // Money is given back most of all for what was cancelled.
            let is_back = input.amount.is_negative();
            if !is_back {
                takes_money(&old)?;
            }
            let places = totals::places(&old.terms.currency);
            let amount = input.amount.amount().filter(|_| input.amount.places() <= places);
            let amount = amount.ok_or_else(|| {
                let message = format!("amount may have {places} decimal places in {}", old.terms.currency);
                Error::invalid(Code::OutOfRange, "amount", message)
            })?;
            if is_back && old.paid.checked_add(amount).is_none_or(|paid| paid < least(&old)) {
                let message = format!("amount: {} of this order is paid, and no more can be given back", old.paid);
                return Err(Error::invalid(Code::OutOfRange, "amount", message));
            }
            let known =
                |number| old.schedule.as_ref().is_some_and(|s| s.instalments.iter().any(|i| i.number == number));
            if let Some(number) = input.installment_number.filter(|number| !known(*number)) {
                let message = format!("installmentNumber {number} is not an instalment of the order");
                return Err(Error::invalid(Code::NotFound, "installmentNumber", message));
            }
            // The QR code of a bank's slip names the payment by the bank's own reference.
            let given = input.reference.as_deref().map(search::trimmed).filter(|reference| !reference.is_empty());
            let slip = given.and_then(promptpay::slip).map(|slip| slip.reference);
            let reference = slip.or_else(|| given.map(str::to_owned));
            if let Some(reference) = &reference {
                refuse_twice(&mut tx, &old, reference).await?;
            }
            let paid_on = paid_on.unwrap_or_else(|| time::day_of(by.now, &zone));
            let new = Payment {
                instalment: input.installment_number,
                method: input.method.clone(),
                reference,
                note: input.note.clone(),
                ..Payment::new(&by, amount, paid_on.to_string())
            };
            enter(&mut tx, &old, &new).await?;
            let saved = resettle(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// One transfer pays once: 409 when its reference is that of a payment that holds.
async fn refuse_twice(tx: &mut Conn, row: &Row, reference: &str) -> Result<(), Error> {
    let known: Option<i64> = tx
        .sql(
            "select id from sales_payment where company = $1 and sales_order = $2 and reference = $3 and cancelled_at is null
             limit 1",
        )
        .bind(row.company)
        .bind(row.id)
        .bind(reference)
        .optional()
        .await?;
    match known {
        Some(id) => {
            let message = format!("Payment {id} of this order has this reference");
            Err(Error::Conflict(Fault::new(Code::Taken, "reference", message)))
        }
        None => Ok(()),
    }
}

/// Take back a payment that was entered by mistake.
///
/// 409 when a receipt was issued for it.
#[utoipa::path(
    delete,
    path = "/v2/salesorder/{salesOrderNo}/payments/{paymentId}",
    operation_id = "cancelSalesOrderPayment",
    tag = "SalesOrder",
    params(PaymentPath, Conditions),
    responses((status = 200, description = "The order.", body = Envelope<SalesOrder>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn cancel_sales_order_payment(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<PaymentPath>,
) -> Result<Reply<SalesOrder>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let payments = of(&mut tx, old.company, old.id).await?;
            let payment = payments.iter().find(|payment| payment.id == path.payment_id);
            let payment = payment.filter(|payment| payment.cancelled_at.is_none()).ok_or(Error::NotFound("payment"))?;
            take_back(&mut tx, &by, &old, payment).await?;
            let saved = resettle(&mut tx, &by, old).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Get what the QR code of an order's payment says.
///
/// By the PromptPay number of the company's setting; a biller's bill carries the order's number. 409 without a number, for
/// an order that is not in baht or neither open nor completed, or when nothing is left to pay but the tax that the buyer
/// withholds.
#[utoipa::path(
    get,
    path = "/v2/salesorder/{salesOrderNo}/promptpay",
    operation_id = "getSalesOrderPromptPay",
    tag = "SalesOrder",
    params(OrderPath),
    responses((status = 200, description = "What the code says.", body = Envelope<SalesOrderPromptPay>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn get_sales_order_promptpay(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<OrderPath>,
) -> Result<Reply<SalesOrderPromptPay>, Error> {
    let mut conn = app.db.read().await?;
    let row = super::find(&mut conn, &caller, &path.sales_order_no).await?;
    let setting = profile::of(&mut conn, row.company).await?;
    let refuse = |message: &str| Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message));
    takes_money(&row)?;
    let number = setting.sales.promptpay.as_deref().ok_or_else(|| refuse("The setting has no PromptPay number"))?;
    if row.terms.currency != "THB" {
        return Err(refuse("PromptPay is for baht only"));
    }
    let Some(amount) = row.to_transfer() else {
        return Err(refuse(&format!("Nothing of sales order {} is left to pay by transfer", row.number)));
    };
    let payee = rules::payee(number, &row.number).ok_or_else(|| refuse("The PromptPay number is wrong"))?;
    let payload = promptpay::payload(&payee, Some(amount)).map_err(|why| refuse(&why.to_string()))?;
    let barcode = match &payee {
        promptpay::Payee::Bill { biller, reference1, .. } => {
            promptpay::barcode(biller, reference1, None, Some(amount)).ok()
        }
        _ => None,
    };
    Ok(Reply::ok(SalesOrderPromptPay { payload, amount, barcode }))
}

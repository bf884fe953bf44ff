//! An order that comes from another server, as it is stored there, with its payments. Stock is not moved: what is in stock
//! there comes over with the products, and a reservation is made when the order is first changed here.

use std::collections::HashMap;

use db::{Amount, Conn};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::payment::{self, Payment};
use super::row::Row;
use super::schedule::{Instalment, Schedule, is_over};
use super::status::Status;
use super::write::{NAMES, blank};
use crate::http::{Code, Error, Faults, lenient};
use crate::record::{self, Actor, Outcome};
use crate::sales::decimal::Decimal;
use crate::sales::taken::{self, DocumentTaken, text};
use crate::sales::{number_key, read_day, report};
use crate::setting::number;
use crate::staff::known::{self, Known};
use crate::time::{self, Zone};

/// What only orders have in answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderTaken {
    sales_order_no: Option<String>,
    sales_order_status: Option<i64>,
    sales_order_date: Option<String>,
    quotation_no: Option<String>,
    payment: Option<PlanTaken>,
    /// Its payments, which the copy has looked up.
    payments: Option<Vec<PaymentTaken>>,
    paid_amount: Option<Amount>,
    payment_state: Option<String>,
    due_date: Option<String>,
    is_overdue: Option<bool>,
    invoice_info: Option<InvoiceTaken>,
    shipping_document_url: Option<String>,
    tracking_no: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceTaken {
    tax_invoice_no: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanTaken {
    value_type: Option<i64>,
    schedule_payments: Option<Vec<InstalmentTaken>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstalmentTaken {
    installment_number: Option<i64>,
    status: Option<i64>,
    installment_value: Option<Decimal>,
    amount: Option<Amount>,
    paid_amount: Option<Amount>,
    due_date: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentTaken {
    amount: Option<Amount>,
    paid_date: Option<String>,
    installment_number: Option<i64>,
    method: Option<String>,
    reference: Option<String>,
    note: Option<String>,
    receipt_no: Option<String>,
    is_cancelled: Option<bool>,
    created_by_user_id: Option<String>,
    date_created: Option<String>,
}

/// Writes an order as another server has it: its number, status, dates, amounts and payments stay, nobody is told, and its
/// approval is not judged by the rules here. What can be done without is told in `left`.
pub(crate) async fn take(tx: &mut Conn, by: &Actor, record: &Value, left: &mut Faults) -> Result<Outcome, Error> {
    let common: DocumentTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let given: OrderTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    let today = time::day_of(by.now, &zone);
    let mut faults = Faults::default();
    let number = text(given.sales_order_no.as_deref()).unwrap_or_default();
    faults.required("salesOrderNo", &number, 50);
    let old: Option<Row> = record::held_to_take(tx, &by.caller, number_key(&number)).await?;
    let own = old.as_ref().map(|old| old.customer);
    let read = taken::read(tx, by, &common, (NAMES.lines, own), &mut faults, left).await?;
    let status = given.sales_order_status.and_then(Status::of);
    if status.is_none() {
        faults.add(Code::InvalidValue, "salesOrderStatus", "salesOrderStatus must be from 1 to 5");
    }
    let dated = read_day("salesOrderDate", given.sales_order_date.as_deref(), &zone, &mut faults);
    let mut row = old.clone().unwrap_or_else(|| blank(by, today));
    row.status = status.unwrap_or(Status::Draft).number();
    row.dated = dated.map_or(row.dated, |day| day.to_string());
    row.customer = read.customer;
    (row.owner, row.staff_code) = read.staff.unzip();
    (row.deal, row.deal_no) = read.deal.unzip();
    (row.quotation, row.quotation_no) = quotation(tx, company, &given, &mut faults).await?.unzip();
    row.set_content(read.content);
    if row.status() == Status::Completed && !read.tells_deliveries {
        deliver_all(&mut row);
    }
    row.approval = read.approval;
    row.reason = read.reason;
    row.tax_invoice = given.invoice_info.as_ref().and_then(|info| text(info.tax_invoice_no.as_deref()));
    row.tracking_no = text(given.tracking_no.as_deref());
    row.shipping_url = text(given.shipping_document_url.as_deref());
    row.created_at = read.made_at.unwrap_or(row.created_at);
    row.created_by = read.made_by.map_or(row.created_by, |user| user.to_string());
    row.schedule = given.payment.as_ref().and_then(|plan| plan.read(&row, &zone, &mut faults));
    let payments = payments(tx, by, &row, &given, &zone, &mut faults).await?;
    settle(&mut row, &given, &payments, (today, &zone), &mut faults);
    faults.end()?;
    if old.is_none() {
        row.id = number::next(tx, company, "sales-order").await?;
        row.number_key = number_key(&number);
        row.number = number;
    }
    let saved = record::take_over(tx, by, old, row).await?;
    report::keep(tx, &saved).await?;
    let is_new = put_payments(tx, &saved.row, payments).await?;
    Ok(match saved.outcome {
        Outcome::Unchanged if is_new => Outcome::Updated(Value::Null),
        outcome => outcome,
    })
}

/// The quotation that it was made of.
async fn quotation(
    tx: &mut Conn,
    company: i64,
    given: &OrderTaken,
    faults: &mut Faults,
) -> Result<Option<(i64, String)>, Error> {
    let Some(number) = text(given.quotation_no.as_deref()) else { return Ok(None) };
    let found: Option<(i64, String)> = tx
        .sql("select id, number from quotation where company = $1 and number_key = $2")
        .bind(company)
        .bind(number_key(&number))
        .optional()
        .await?;
    if found.is_none() {
        faults.add(Code::NotFound, "quotationNo", format!("quotationNo “{number}” is not a known quotation"));
    }
    Ok(found)
}

/// A completed order is handed over, whether the other server keeps count of that or not.
fn deliver_all(row: &mut Row) {
    for line in &mut row.lines {
        line.delivered = line.quantity.amount().filter(|all| *all > Amount::ZERO).unwrap_or_default();
    }
}

impl PlanTaken {
    fn read(&self, row: &Row, zone: &Zone, faults: &mut Faults) -> Option<Schedule> {
        let given = self.schedule_payments.as_deref().filter(|given| !given.is_empty())?;
        let mut instalments = Vec::with_capacity(given.len());
        for (place, one) in (1_i64..).zip(given) {
            let field = format!("payment.schedulePayments[{}].dueDate", place - 1);
            instalments.push(Instalment {
                number: one.installment_number.unwrap_or(place),
                value: one.installment_value.unwrap_or_default(),
                amount: Amount::ZERO,
                paid: Amount::ZERO,
                due_on: read_day(&field, one.due_date.as_deref(), zone, faults).map(|day| day.to_string()),
            });
        }
        let mut schedule = Schedule { is_percent: self.value_type == Some(2), instalments };
        // What an instalment comes to is computed only where the other server does not say it.
        schedule.value(row.grand_total, &row.currency, &mut Faults::default());
        for (instalment, one) in schedule.instalments.iter_mut().zip(given) {
            instalment.amount = one.amount.unwrap_or(instalment.amount);
            let whole = if one.status == Some(2) { instalment.amount } else { Amount::ZERO };
            instalment.paid = one.paid_amount.unwrap_or(whole);
        }
        Some(schedule)
    }
}

/// The payments as they will be stored. Of a server that does not list them, those that its paid instalments say.
async fn payments(
    tx: &mut Conn,
    by: &Actor,
    row: &Row,
    given: &OrderTaken,
    zone: &Zone,
    faults: &mut Faults,
) -> Result<Vec<Payment>, Error> {
    let Some(listed) = &given.payments else { return Ok(supposed(by, row, given)) };
    let names: Vec<&str> = listed.iter().filter_map(|payment| payment.created_by_user_id.as_deref()).collect();
    let people = known::by_codes(tx, by.caller.company, names).await?;
    // They are listed the latest first, and are numbered in the order in which they came.
    Ok(listed.iter().rev().map(|payment| payment.read(by, row, (&people, zone), faults)).collect())
}

impl PaymentTaken {
    fn read(
        &self,
        by: &Actor,
        row: &Row,
        (people, zone): (&HashMap<String, Known>, &Zone),
        faults: &mut Faults,
    ) -> Payment {
        let paid_on = read_day("payments.paidDate", self.paid_date.as_deref(), zone, faults);
        Payment {
            amount: self.amount.unwrap_or_default(),
            paid_on: paid_on.map_or_else(|| row.dated.clone(), |day| day.to_string()),
            instalment: self.installment_number,
            method: text(self.method.as_deref()),
            reference: text(self.reference.as_deref()),
            note: text(self.note.as_deref()),
            receipt: text(self.receipt_no.as_deref()),
            created_by: self.created_by_user_id.as_deref().map_or(by.caller.id.clone(), |by| known::told(people, by)),
            created_at: faults.time("payments.dateCreated", self.date_created.as_deref(), zone).unwrap_or(by.now),
            cancelled_at: self.is_cancelled.unwrap_or_default().then_some(by.now),
            ..supposed_one(by, row)
        }
    }
}

fn supposed_one(by: &Actor, row: &Row) -> Payment {
    Payment { created_at: row.created_at, ..Payment::new(by, row.paid, row.dated.clone()) }
}

fn supposed(by: &Actor, row: &Row, given: &OrderTaken) -> Vec<Payment> {
    let paid = row.schedule.iter().flat_map(|schedule| &schedule.instalments).filter(|one| one.paid > Amount::ZERO);
    let of_plan: Vec<Payment> = paid
        .map(|one| Payment {
            amount: one.paid,
            paid_on: one.due_on.clone().unwrap_or_else(|| row.dated.clone()),
            instalment: Some(one.number),
            ..supposed_one(by, row)
        })
        .collect();
    match given.paid_amount.filter(|paid| *paid > Amount::ZERO) {
        Some(amount) if of_plan.is_empty() => vec![Payment { amount, ..supposed_one(by, row) }],
        _ => of_plan,
    }
}

/// How the order stands, as the other server says it; else as its payments do.
fn settle(row: &mut Row, given: &OrderTaken, payments: &[Payment], (today, zone): (Date, &Zone), faults: &mut Faults) {
    let living = payments.iter().filter(|payment| payment.cancelled_at.is_none());
    let sum = living.fold(Amount::ZERO, |sum, payment| sum.checked_add(payment.amount).unwrap_or(sum));
    row.paid = given.paid_amount.unwrap_or(sum);
    let total = row.money.grand_total;
    let state = payment::state(row.paid, total);
    let told = given.payment_state.as_deref().filter(|told| matches!(*told, "unpaid" | "partly" | "paid" | "over"));
    row.payment_state = told.unwrap_or(state).to_owned();
    let due = read_day("dueDate", given.due_date.as_deref(), zone, faults).map(|day| day.to_string());
    row.due_on = due.or_else(|| row.schedule.as_ref().and_then(Schedule::due_on));
    // What is over already is no news either: else it would be told once it is found out.
    let is_owed = matches!(row.status(), Status::Open | Status::Completed) && row.paid < total;
    row.is_overdue = given.is_overdue.unwrap_or_default() || (is_owed && is_over(row.due_on.as_deref(), today));
}

/// Whether two payments are one, on both servers.
fn is_same(one: &Payment, other: &Payment) -> bool {
    let of = |payment: &Payment| (payment.amount, payment.instalment, payment.cancelled_at.is_some());
    let texts = |payment: &Payment| {
        let Payment { paid_on, method, reference, note, .. } = payment.clone();
        (paid_on, method, reference, note)
    };
    of(one) == of(other) && texts(one) == texts(other)
}

/// Makes the payments of an order what they are there; answers whether any was another. Nobody has changed the order here.
async fn put_payments(tx: &mut Conn, row: &Row, payments: Vec<Payment>) -> Result<bool, Error> {
    let mut there = payment::of(tx, row.company, row.id).await?;
    let mut new = Vec::new();
    for given in payments {
        match there.iter().position(|known| is_same(known, &given)) {
            Some(at) => drop(there.remove(at)),
            None => new.push(given),
        }
    }
    // A receipt that was issued here stays, and its payment with it.
    there.retain(|payment| payment.receipt.is_none());
    let is_other = !new.is_empty() || !there.is_empty();
    for gone in there {
        tx.sql("delete from sales_payment where company = $1 and sales_order = $2 and id = $3")
            .bind(row.company)
            .bind(row.id)
            .bind(gone.id)
            .exec()
            .await?;
    }
    for payment in new {
        payment::enter(tx, row, &payment).await?;
    }
    Ok(is_other)
}

//! Creating an order, and changing one; what that does to stock.

use db::{Amount, Conn};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::ToSchema;

use super::row::Row;
use super::schedule::{SalesOrderPaymentPlanWrite, Schedule};
use super::status::{self, Status, Who};
use crate::http::{Code, Conditions, Error, Fault, Faults, Patch};
use crate::product::stock::{self, reservation};
use crate::record::{self, Actor, Saved};
use crate::sales::approval::Approval;
use crate::sales::content::{Content, Money, Terms};
use crate::sales::decimal::Decimal;
use crate::sales::entry::{self, Entry, Names, SalesLineWrite};
use crate::sales::for_deal;
use crate::sales::report;
use crate::sales::{
    LONGEST_REASON, by_of, find_customer, find_staff, given as given_text, is_no_day, need_lines, number_key, numbered,
    outstanding, read_day,
};
use crate::search;
use crate::setting::number::{self, Pattern};
use crate::setting::profile::{self, Setting};
use crate::time;

/// An order to create, or to change when its number is known.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderWrite {
    /// Number of the order to change; absent creates one.
    #[schema(example = json!(null))]
    pub(super) sales_order_no: Option<String>,
    /// Title; required in a new order.
    #[schema(value_type = Option<String>, example = "consoleapp openapi")]
    pub(super) sales_order_subject: Patch<String>,
    /// Code of the customer; required in a new order, and never changed.
    #[schema(example = "daisy")]
    pub(super) customer_code: Option<String>,
    /// Its date, `YYYY-MM-DD`, in either era; required in a new order.
    #[schema(example = "2023-05-01")]
    pub(super) sales_order_date: Option<String>,
    /// 1 draft, 2 open, 3 completed, 4 rejected, 5 cancelled; required in a new order, which is 1 to 3. Stock is kept for
    /// an open order and taken by a completed one.
    #[schema(example = 2)]
    pub(super) sales_order_status: Option<i64>,
    /// Code of the salesperson.
    #[schema(value_type = Option<String>, example = "Admin01")]
    pub(super) staff_code: Patch<String>,
    /// Number of the contact person; kept as it is sent.
    #[schema(value_type = Option<i64>)]
    pub(super) contact_id: Patch<i64>,
    /// Contact person.
    #[schema(value_type = Option<String>)]
    pub(super) contact_name: Patch<String>,
    /// Reference number, for example that of the quotation.
    #[schema(value_type = Option<String>, example = "Q01230000005")]
    pub(super) reference_no: Patch<String>,
    /// Who receives the goods.
    #[schema(value_type = Option<String>)]
    pub(super) recipient_name: Patch<String>,
    /// Delivery address.
    #[schema(value_type = Option<String>)]
    pub(super) recipient_address: Patch<String>,
    /// An entry of the list `header-templates`; the first of it when it is absent.
    #[schema(value_type = Option<i64>)]
    pub(super) header_template_id: Patch<i64>,
    /// True: prices are without VAT; false: prices contain it. Required in a new order.
    #[schema(example = true)]
    pub(super) vat_calculation: Option<bool>,
    /// Currency (ISO 4217); the company's own when it is absent or null. Not changed while the order has payments.
    #[schema(value_type = Option<String>, example = "THB")]
    pub(super) currency_code: Patch<String>,
    /// So many units of the company's currency for one of this one, on the document's date.
    #[schema(value_type = Option<f64>)]
    pub(super) currency_rate: Patch<Decimal>,
    /// Label of the document's discount.
    #[schema(value_type = Option<String>)]
    pub(super) discount_name: Patch<String>,
    /// True percent, false amount: required with `discountValue`.
    #[schema(value_type = Option<bool>)]
    pub(super) discount_type: Patch<bool>,
    /// Off the whole; no more than the total of the lines.
    #[schema(value_type = Option<f64>)]
    pub(super) discount_value: Patch<Decimal>,
    /// Terms of payment.
    #[schema(value_type = Option<String>)]
    pub(super) payment_term: Patch<String>,
    /// Remark that is printed.
    #[schema(value_type = Option<String>)]
    pub(super) remark: Patch<String>,
    /// Additional note.
    #[schema(value_type = Option<String>)]
    pub(super) sales_order_note: Patch<String>,
    /// All lines; absent keeps them. Only a draft may be without.
    pub(super) sales_order_details: Option<Vec<SalesLineWrite>>,
    /// Name or number of the warehouse of lines that name none.
    #[schema(value_type = Option<String>)]
    pub(super) warehouse_code: Patch<String>,
    /// Note that is not printed.
    #[schema(value_type = Option<String>)]
    pub(super) private_note: Patch<String>,
    /// Place of an address among the customer's, from 1.
    #[schema(value_type = Option<i64>)]
    pub(super) customer_address_id: Patch<i64>,
    /// The plan of payment; null takes it away.
    #[schema(value_type = Option<SalesOrderPaymentPlanWrite>)]
    pub(super) payment: Patch<SalesOrderPaymentPlanWrite>,
    /// The carrier's number.
    #[schema(value_type = Option<String>)]
    pub(super) tracking_no: Patch<String>,
    /// Address of the delivery document.
    #[schema(value_type = Option<String>)]
    pub(super) shipping_document_url: Patch<String>,
    /// Why it is rejected or cancelled, when it is.
    pub(super) reason: Option<String>,
    /// Id of the deal that it is for: one of the same customer. Null or 0 is none.
    #[schema(value_type = Option<i64>, example = json!(null))]
    pub(super) deal_id: Patch<i64>,
    /// The same by the deal's number.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub(super) deal_no: Patch<String>,
}

/// How the fields are called.
pub(super) const NAMES: Names = Names {
    subject: "salesOrderSubject",
    lines: "salesOrderDetails",
    note: "salesOrderNote",
    withholding: "whtTaxValue",
};

impl SalesOrderWrite {
    fn entry(&self) -> Entry {
        let given = self.clone();
        Entry {
            subject: given.sales_order_subject,
            contact_name: given.contact_name,
            contact_id: given.contact_id,
            reference: given.reference_no,
            recipient_name: given.recipient_name,
            recipient_address: given.recipient_address,
            customer_address: given.customer_address_id,
            header_template: given.header_template_id,
            excludes_vat: given.vat_calculation,
            currency: given.currency_code,
            currency_rate: given.currency_rate,
            discount_name: given.discount_name,
            discount_type: given.discount_type,
            discount_value: given.discount_value,
            payment_term: given.payment_term,
            note: given.sales_order_note,
            remark: given.remark,
            private_note: given.private_note,
            warehouse: given.warehouse_code,
            lines: given.sales_order_details,
        }
    }

    /// What a new order must say.
    fn check_new(&self, faults: &mut Faults) {
        let missing = [
            ("salesOrderSubject", !matches!(self.sales_order_subject, Patch::Set(_))),
            ("salesOrderDate", is_no_day(self.sales_order_date.as_deref())),
            ("salesOrderStatus", self.sales_order_status.is_none()),
            ("customerCode", given_text(self.customer_code.as_deref()).is_none()),
            ("vatCalculation", self.vat_calculation.is_none()),
        ];
        for (field, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
            faults.add(Code::Required, field, format!("{field} is required"));
        }
    }
}

/// Creates an order, or changes the one that the request names. `given` is the number of one that comes from elsewhere.
pub(crate) async fn put(
    tx: &mut Conn,
    by: &Actor,
    input: &SalesOrderWrite,
    conditions: &Conditions,
    mut faults: Faults,
    given: Option<&str>,
) -> Result<Saved<Row>, Error> {
    let company = by.caller.company;
    let number = given_text(input.sales_order_no.as_deref());
    let old: Option<Row> = match number {
        Some(number) => {
            let found = record::held(tx, &by.caller, "number_key", number_key(number), conditions).await;
            Some(faults.found(found)?)
        }
        None => {
            conditions.allow_change(None)?;
            input.check_new(&mut faults);
            None
        }
    };
    let setting = profile::of(tx, company).await?;
    let zone = time::zone(tx, company).await?;
    let today = time::day_of(by.now, &zone);
    let was = old.as_ref().map(Row::content);
    let own = old.as_ref().map(|old| old.customer);
    let entry = input.entry();
    let mut content = entry::content(tx, (company, by.now), &setting, NAMES, was.as_ref(), &entry, &mut faults).await?;
    let staff = match &input.staff_code {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(code) => Some(find_staff(tx, company, Some(code), &mut faults).await?),
    };
    // The first that is held, unless the order is: until here others write, on SQLite, too.
    let customer = find_customer(tx, &by.caller, input.customer_code.as_deref(), own, &mut faults).await?;
    let mut row = match &old {
        Some(old) => old.clone(),
        None => blank(by, today),
    };
    match (&old, customer) {
        (Some(old), Some(customer)) if customer != old.customer => {
            let message = "customerCode of an order cannot be changed";
            faults.add(Code::InvalidValue, "customerCode", message);
        }
        (_, Some(customer)) => row.customer = customer,
        (_, None) => {}
    }
    if let Some(staff) = staff {
        (row.owner, row.staff_code) = staff.unzip();
    }
    let asked = for_deal::Asked { id: &input.deal_id, number: &input.deal_no };
    let deal = row.deal.zip(row.deal_no.take());
    let bought_by = Some(row.customer).filter(|customer| *customer != 0);
    (row.deal, row.deal_no) = for_deal::of(tx, by, asked, deal, bought_by, &mut faults).await?.unzip();
    if let Some(day) = read_day("salesOrderDate", input.sales_order_date.as_deref(), &zone, &mut faults) {
        row.dated = day.to_string();
    }
    row.tracking_no = faults.text("trackingNo", &input.tracking_no, row.tracking_no.take(), 100);
    row.shipping_url = faults.text("shippingDocumentUrl", &input.shipping_document_url, row.shipping_url.take(), 2_000);
    let wanted = input.sales_order_status.map(|number| {
        let most = if old.is_some() { 5 } else { 3 };
        let status = Status::of(number).filter(|status| status.number() <= most);
        status.unwrap_or_else(|| {
            faults.add(Code::InvalidValue, "salesOrderStatus", format!("salesOrderStatus must be from 1 to {most}"));
            Status::Draft
        })
    });
    match (&input.payment, &mut row.schedule) {
        (Patch::Set(plan), schedule) => {
            let total = (content.money.grand_total, content.terms.currency.as_str());
            *schedule = Schedule::read(plan, total, &zone, &mut faults);
        }
        (Patch::Clear, schedule) => *schedule = None,
        (Patch::Keep, Some(schedule)) => {
            schedule.value(content.money.grand_total, &content.terms.currency, &mut faults);
        }
        (Patch::Keep, None) => {}
    }
    let status = wanted.or(old.as_ref().map(Row::status)).unwrap_or(Status::Draft);
    if matches!(status, Status::Open | Status::Completed)
        || (status != Status::Draft && input.sales_order_details.is_some())
    {
        need_lines(&content.lines, NAMES.lines, &mut faults);
    }
    let reason = input.reason.as_deref().map(search::trimmed);
    faults.longest("reason", reason.unwrap_or_default(), LONGEST_REASON);
    faults.end()?;
    if let Some(was) = &was {
        keep_currency(tx, &row, &content).await?;
        keep_deliveries(&row, was, &mut content)?;
    }
    let before = old.as_ref().zip(was.as_ref());
    let changed = before.is_none_or(|(old, was)| old.dated != row.dated || *was != content);
    if let Some(number) = row.tax_invoice.as_ref().filter(|_| changed) {
        let message = format!("Tax invoice {number} was issued; cancel it by a credit note first");
        return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
    }
    let is_judged_anew =
        |(old, was): (&Row, &Content)| old.dated != row.dated || was.clone().judged() != content.clone().judged();
    let is_other = changed && before.is_none_or(is_judged_anew);
    // What stands without approval, and is not changed, is not judged by rules that came later.
    let stands = row.approval.is_none()
        && old.as_ref().is_some_and(|old| matches!(old.status(), Status::Open | Status::Completed));
    let approved_before = !is_other && (row.quotation.is_some() || stands);
    if !approved_before {
        row.approval = Approval::after(row.approval.take(), &setting.sales, &content, is_other);
    }
    row.set_content(content);
    let event = settle(&mut row, old.as_ref(), wanted, changed)?;
    if matches!(row.status(), Status::Rejected | Status::Cancelled) && reason.is_some() {
        row.reason = reason.map(str::to_owned);
    }
    super::payment::settle(tx, &mut row, today).await?;
    if old.is_none() {
        number_new(tx, by, &setting, &mut row, given).await?;
    }
    move_stock(tx, by, old.as_ref(), &mut row).await?;
    let saved = record::save_as(tx, by, old, row, event).await?;
    report::keep(tx, &saved).await?;
    Ok(saved)
}

/// Gives a new order its ids: last of all, so that a number is used only by an order that is written.
pub(super) async fn number_new(
    tx: &mut Conn,
    by: &Actor,
    setting: &Setting,
    row: &mut Row,
    given: Option<&str>,
) -> Result<(), Error> {
    row.id = number::next(tx, row.company, "sales-order").await?;
    let pattern = setting.numbers.get("salesOrder").cloned().unwrap_or_else(|| Pattern::usual("SO"));
    let zone = time::zone(tx, row.company).await?;
    let day = row.dated.parse().unwrap_or_else(|_| time::day_of(by.now, &zone));
    row.number = numbered(tx, row.company, ("salesOrder", &pattern), (day, "00000"), given).await?;
    row.number_key = number_key(&row.number);
    Ok(())
}

/// An order stays in the currency in which it was paid.
async fn keep_currency(tx: &mut Conn, row: &Row, content: &Content) -> Result<(), Error> {
    if row.terms.currency == content.terms.currency {
        return Ok(());
    }
    let payments = super::payment::of(tx, row.company, row.id).await?;
    if payments.iter().all(|payment| payment.cancelled_at.is_some()) {
        return Ok(());
    }
    let message = format!("Sales order {} has payments in {}; cancel them first", row.number, row.terms.currency);
    Err(Error::Conflict(Fault::new(Code::Conflict, "currencyCode", message)))
}

/// Lines of which something was handed over stay as they are: what was delivered is theirs.
fn keep_deliveries(row: &Row, was: &Content, content: &mut Content) -> Result<(), Error> {
    if was.lines.iter().all(|line| line.delivered == Amount::ZERO) {
        return Ok(());
    }
    let same = |one: &crate::sales::content::Line, other: &crate::sales::content::Line| {
        (one.product, one.quantity, one.price, one.warehouse)
            == (other.product, other.quantity, other.price, other.warehouse)
    };
    let fits = was.lines.len() == content.lines.len()
        && was.lines.iter().zip(&content.lines).all(|(one, other)| same(one, other));
    if !fits {
        let message = format!("Goods of order {} were delivered, so its lines cannot be changed", row.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, NAMES.lines, message)));
    }
    for (line, was) in content.lines.iter_mut().zip(&was.lines) {
        line.delivered = was.delivered;
        line.returned = was.returned;
        line.serials.clone_from(&was.serials);
    }
    Ok(())
}

/// An order without anything.
pub(super) fn blank(by: &Actor, today: Date) -> Row {
    Row {
        company: by.caller.company,
        id: 0,
        number: String::new(),
        number_key: String::new(),
        status: Status::Draft.number(),
        dated: today.to_string(),
        customer: 0,
        owner: None,
        staff_code: None,
        quotation: None,
        quotation_no: None,
        deal: None,
        deal_no: None,
        subject: String::new(),
        contact_name: None,
        recipient_name: None,
        recipient_address: None,
        note: None,
        remark: None,
        private_note: None,
        terms: Terms::default(),
        lines: Vec::new(),
        money: Money::default(),
        grand_total: Amount::ZERO,
        currency: String::new(),
        schedule: None,
        paid: Amount::ZERO,
        payment_state: "unpaid".to_owned(),
        due_on: None,
        is_overdue: false,
        reservation: None,
        tracking_no: None,
        shipping_url: None,
        approval: None,
        reason: None,
        tax_invoice: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: by.caller.id.clone(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    }
}

/// The status after a write, by what is wanted and what the rules demand; answers the name of its event.
fn settle(row: &mut Row, old: Option<&Row>, wanted: Option<Status>, changed: bool) -> Result<&'static str, Error> {
    let from = old.map(Row::status);
    let mut to = wanted.or(from).unwrap_or(Status::Draft);
    // An order has no status of its own for that: it stays a draft until it is approved.
    if matches!(to, Status::Open | Status::Completed) && !Approval::allows(row.approval.as_ref()) {
        to = Status::Draft;
    }
    if !matches!(to, Status::Rejected | Status::Cancelled) {
        row.approval = row.approval.take().map(Approval::again);
    }
    let Some(from) = from else {
        row.status = to.number();
        return Ok("Created");
    };
    if changed && matches!(from, Status::Completed | Status::Cancelled) {
        let message = format!("Sales order {} is {} and cannot be changed", row.number, from.word());
        return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
    }
    if from == to {
        return Ok("Updated");
    }
    change_status(row, from, to, Who::Editor)?;
    Ok(to.event())
}

/// Gives an order another status, as far as that is allowed and nothing of it is at the customer's.
pub(super) fn change_status(row: &mut Row, from: Status, to: Status, who: Who) -> Result<(), Error> {
    status::must(&row.number, from, to, who)?;
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderStatus", message)));
    if matches!(to, Status::Draft | Status::Rejected | Status::Cancelled) {
        if row.is_delivered() {
            return refuse(format!("Goods of order {} were delivered; return them first", row.number));
        }
        if let Some(invoice) = &row.tax_invoice {
            let message = format!("Tax invoice {invoice} was issued; cancel it by a credit note first");
            return refuse(message);
        }
    } else {
        let mut faults = Faults::default();
        need_lines(&row.lines, NAMES.lines, &mut faults);
        faults.end()?;
    }
    row.status = to.number();
    if !matches!(to, Status::Rejected | Status::Cancelled) {
        row.reason = None;
    }
    Ok(())
}

/// Keeps, frees and takes stock, as the change of an order demands.
pub(super) async fn move_stock(tx: &mut Conn, by: &Actor, old: Option<&Row>, row: &mut Row) -> Result<(), Error> {
    let keeps = |row: &Row| {
        let lines = row.lines.iter().map(|line| (line.product, line.warehouse, outstanding(line)));
        row.status().reserves().then(|| lines.collect::<Vec<_>>())
    };
    let was = old.and_then(|old| keeps(old).filter(|_| old.reservation.is_some()));
    let now = keeps(row);
    let completes = row.status() == Status::Completed && old.map(Row::status) != Some(Status::Completed);
    if completes {
        return complete(tx, by, row).await;
    }
    if was.is_some() && was == now {
        return Ok(());
    }
    if let Some(reservation) = row.reservation.take() {
        reservation::release(tx, &by_of(by), reservation).await?;
    }
    if now.is_some() {
        let lines = entry::stock_lines(tx, row.company, &row.lines, NAMES.lines, outstanding).await?;
        row.reservation = reservation::keep(tx, &by_of(by), &row.number, lines).await?;
    }
    Ok(())
}

/// Hands over all that is left.
async fn complete(tx: &mut Conn, by: &Actor, row: &mut Row) -> Result<(), Error> {
    let lines = entry::stock_lines(tx, row.company, &row.lines, NAMES.lines, outstanding).await?;
    match row.reservation.take() {
        Some(reservation) => drop(reservation::consume_part(tx, &by_of(by), reservation, lines, Vec::new()).await?),
        None => drop(stock::sell(tx, &by_of(by), Some(&row.number), lines).await?),
    }
    for line in &mut row.lines {
        if let Some(rest) = outstanding(line).filter(|rest| *rest > Amount::ZERO) {
            line.delivered = line.delivered.checked_add(rest).unwrap_or(line.delivered);
        }
    }
    Ok(())
}

//! An order as it is stored, and as callers get it.

use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::schedule::{SalesOrderPayment, Schedule};
use super::status::Status;
use crate::customer::store as customers;
use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::sales::approval::{Approval, SalesApproval};
use crate::sales::content::{Around, Content, Line, Money, SalesAmounts, SalesDiscount, SalesLine, Terms, Texts};
use crate::sales::decimal::Decimal;
use crate::setting::profile;
use crate::time::{self, Zone};

/// An order as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: i64,
    pub(crate) number: String,
    /// The number as it is compared.
    pub(crate) number_key: String,
    pub(crate) status: i64,
    /// `YYYY-MM-DD`.
    pub(crate) dated: String,
    pub(crate) customer: i64,
    pub(crate) owner: Option<Uuid>,
    pub(crate) staff_code: Option<String>,
    /// The quotation that it was made of.
    pub(crate) quotation: Option<i64>,
    pub(crate) quotation_no: Option<String>,
    /// The deal that it is for: its id and its number.
    pub(crate) deal: Option<i64>,
    pub(crate) deal_no: Option<String>,
    pub(crate) subject: String,
    pub(crate) contact_name: Option<String>,
    pub(crate) recipient_name: Option<String>,
    pub(crate) recipient_address: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) remark: Option<String>,
    pub(crate) private_note: Option<String>,
    pub(crate) terms: Terms,
    pub(crate) lines: Vec<Line>,
    pub(crate) money: Money,
    /// As in `money`, for lists.
    pub(crate) grand_total: Amount,
    /// As in `terms`, for lists.
    pub(crate) currency: String,
    pub(crate) schedule: Option<Schedule>,
    /// What was paid of it.
    pub(crate) paid: Amount,
    /// `unpaid`, `partly`, `paid`, `over`.
    pub(crate) payment_state: String,
    /// The day of the first instalment that is not wholly paid.
    pub(crate) due_on: Option<String>,
    pub(crate) is_overdue: bool,
    /// The open reservation of its stock.
    pub(crate) reservation: Option<i64>,
    pub(crate) tracking_no: Option<String>,
    pub(crate) shipping_url: Option<String>,
    pub(crate) approval: Option<Approval>,
    /// Why it was rejected or cancelled.
    pub(crate) reason: Option<String>,
    /// Number of the tax invoice that holds.
    pub(crate) tax_invoice: Option<String>,
    pub(crate) search_key: String,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) modified_by: String,
    pub(crate) modified_at: i64,
    pub(crate) version: i64,
    pub(crate) deleted_at: Option<i64>,
}

impl Row {
    /// The status; a number that is none does not occur.
    pub(crate) fn status(&self) -> Status {
        Status::of(self.status).unwrap_or(Status::Draft)
    }

    /// Its content.
    pub(crate) fn content(&self) -> Content {
        Content {
            texts: Texts {
                subject: self.subject.clone(),
                contact_name: self.contact_name.clone(),
                recipient_name: self.recipient_name.clone(),
                recipient_address: self.recipient_address.clone(),
                note: self.note.clone(),
                remark: self.remark.clone(),
                private_note: self.private_note.clone(),
            },
            terms: self.terms.clone(),
            lines: self.lines.clone(),
            money: self.money.clone(),
        }
    }

    /// Puts content in the place of its own.
    pub(crate) fn set_content(&mut self, content: Content) {
        let Content { texts, terms, lines, money } = content;
        self.subject = texts.subject;
        self.contact_name = texts.contact_name;
        self.recipient_name = texts.recipient_name;
        self.recipient_address = texts.recipient_address;
        self.note = texts.note;
        self.remark = texts.remark;
        self.private_note = texts.private_note;
        self.currency.clone_from(&terms.currency);
        self.terms = terms;
        self.lines = lines;
        self.grand_total = money.grand_total;
        self.money = money;
    }

    /// What is still to be transferred: what is left without the tax that the buyer withholds, which comes as a certificate and
    /// is entered then. None when that is nothing.
    pub(crate) fn to_transfer(&self) -> Option<Amount> {
        self.money.net_to_receive.checked_sub(self.paid).filter(|left| *left > Amount::ZERO)
    }

    /// Whether something of it was handed over and is not back.
    pub(crate) fn is_delivered(&self) -> bool {
        self.lines.iter().any(|line| line.delivered > line.returned)
    }

    /// Whether everything of it was handed over and is not back.
    pub(crate) fn is_wholly_delivered(&self) -> bool {
        self.lines.iter().all(|line| crate::sales::outstanding(line).is_none_or(|rest| rest <= Amount::ZERO))
    }
}

/// A sales order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrder {
    /// Title.
    #[schema(example = "Order - ABC Co., Ltd.")]
    sales_order_subject: String,
    /// Code of the customer.
    #[schema(example = "CUST-001")]
    pub(super) customer_code: String,
    /// Number of the customer.
    #[schema(example = 1001)]
    customer_id: i64,
    /// Name of the customer.
    #[schema(example = "ABC Co., Ltd.")]
    pub(super) customer_name: String,
    /// Its number.
    #[schema(example = "SO2604-0032")]
    sales_order_no: String,
    /// Its internal number: the key of the reject call.
    #[schema(example = 281940)]
    pub(super) sales_order_id: i64,
    /// 1 draft, 2 open, 3 completed, 4 rejected, 5 cancelled.
    #[schema(example = 1)]
    sales_order_status: i64,
    /// Its date.
    #[schema(example = "2026-04-21T00:00:00+0700")]
    sales_order_date: String,
    /// Reference number, for example that of the quotation.
    reference_no: Option<String>,
    /// Number of the quotation that it was made of.
    quotation_no: Option<String>,
    /// Id of the deal that it is for.
    deal_id: Option<i64>,
    /// The deal's number.
    deal_no: Option<String>,
    /// Who receives the goods.
    recipient_name: Option<String>,
    /// Delivery address.
    recipient_address: Option<String>,
    /// The same together.
    recipient: SalesOrderRecipient,
    /// Contact person.
    contact_name: Option<String>,
    /// Number of the contact person, as it was sent.
    contact_id: Option<i64>,
    /// Header template of the printed document.
    #[schema(example = 1)]
    header_template_id: Option<i64>,
    /// Name of the warehouse; null for the company's own.
    #[schema(example = "WHGENERAL")]
    warehouse_code: Option<String>,
    /// Place of the customer's address, as it was sent.
    customer_address_id: Option<i64>,
    /// That address.
    sales_order_customer_address: Option<SalesOrderCustomerAddress>,
    /// Its lines; the original spells them with a small o.
    #[serde(rename = "salesorderDetails")]
    salesorder_details: Vec<SalesLine>,
    /// Label of the document's discount.
    discount_name: Option<String>,
    /// The document's discount, as it was entered.
    #[schema(value_type = Option<f64>)]
    discount_value: Option<Decimal>,
    /// True percent, false amount.
    discount_type: Option<bool>,
    /// The same as a list.
    discounts: Vec<SalesDiscount>,
    /// Terms of payment.
    #[schema(example = "Net 30")]
    payment_term: Option<String>,
    /// Remark that is printed.
    remark: Option<String>,
    /// Code of the salesperson.
    #[schema(example = "STAFF-001")]
    staff_code: Option<String>,
    /// Additional note.
    sales_order_note: Option<String>,
    /// Note that is not printed.
    private_note: Option<String>,
    /// True: prices are without VAT; false: prices contain it.
    #[schema(example = true)]
    vat_calculation: bool,
    /// Sum of the lines.
    #[schema(value_type = f64, example = 4275)]
    pub(super) sub_total: Amount,
    /// The same less the document's discount.
    #[schema(value_type = f64, example = 4175)]
    sub_total_with_discount: Amount,
    /// With VAT; what is withheld is not taken off.
    #[schema(value_type = f64, example = 4467.25)]
    pub(super) grand_total: Amount,
    /// VAT.
    #[schema(value_type = f64, example = 292.25)]
    total_vat: Amount,
    /// Currency (ISO 4217).
    #[schema(example = "THB")]
    pub(super) currency_code: String,
    #[serde(flatten)]
    amounts: SalesAmounts,
    /// The plan of payment, where there is one.
    payment: Option<SalesOrderPayment>,
    /// What was paid.
    #[schema(value_type = f64, example = 0)]
    paid_amount: Amount,
    /// What is still to be paid; below zero when too much was.
    #[schema(value_type = f64, example = 4467.25)]
    outstanding_amount: Amount,
    /// `unpaid`, `partly`, `paid`, `over`.
    #[schema(example = "unpaid")]
    payment_state: String,
    /// The day of the first instalment that is not wholly paid.
    due_date: Option<String>,
    /// Whether that day is over.
    is_overdue: bool,
    /// Number of the reservation that keeps its stock.
    reservation_id: Option<i64>,
    /// What was handed over: `none`, `partly`, `all`.
    #[schema(example = "none")]
    delivery_state: &'static str,
    /// The tax invoice that was issued for it, if any.
    invoice_info: Option<SalesOrderInvoiceInfo>,
    /// Address of the delivery document.
    shipping_document_url: Option<String>,
    /// The carrier's number.
    tracking_no: Option<String>,
    /// Marketplace that it came from; not kept here.
    integration_platform: Option<i64>,
    /// Whether that was paid there; not kept here.
    is_integration_order_paid: Option<bool>,
    /// Approval, where the company's rules demand it.
    approval: Option<SalesApproval>,
    /// Why it was rejected or cancelled.
    reason: Option<String>,
    /// Who made it: the id of an API client or of a user.
    pub(super) created_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    pub(super) date_created: String,
    /// Who changed it last.
    modified_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_modified: String,
}

/// Who receives the goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SalesOrderRecipient {
    /// Name.
    name: Option<String>,
    /// Address.
    address: Option<String>,
}

/// An address of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderCustomerAddress {
    /// Its place among the customer's addresses, from 1.
    address_id: i64,
    /// Name of the place.
    location_name: Option<String>,
    /// Address.
    location: Option<String>,
    /// Both.
    full_address: String,
}

/// The tax invoice that was issued for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderInvoiceInfo {
    /// Its number.
    #[schema(example = "INV00000-26-000001")]
    tax_invoice_no: String,
}

impl Record for Row {
    const TABLE: &'static str = "sales_order";
    const NAME_BY_ID: &'static str = "sales_order_id";
    const TOPIC: &'static str = "SalesOrder";
    const OWNER: Option<&'static str> = Some("owner");
    // One receiver of the original reads only this, and spells it so.
    const NUMBER: Option<&'static str> = Some("SaleOrderNo");

    type View = SalesOrder;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.number, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.number.as_str(), self.subject.as_str()];
        words.extend(self.recipient_name.as_deref());
        words.extend(self.terms.reference.as_deref());
        words
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<SalesOrder>, Error> {
        let customers = rows.iter().map(|row| row.customer).collect();
        let reading = profile::of(conn, company).await?.sales.reading;
        let lines = rows.iter().flat_map(|row| &row.lines);
        let around = Around::load(conn, company, customers, lines, reading).await?;
        let mut named: Vec<i64> =
            rows.iter().filter(|row| row.terms.customer_address.is_some()).map(|row| row.customer).collect();
        named.sort_unstable();
        named.dedup();
        let addresses = customers::addresses(conn, company, &named).await?;
        let address = |row: &Row| {
            let place = row.terms.customer_address?;
            let index = usize::try_from(place).ok()?.checked_sub(1)?;
            let found = addresses.get(&row.customer)?.get(index)?;
            let both = [found.location_name.clone(), found.location_address.clone()];
            Some(SalesOrderCustomerAddress {
                address_id: place,
                location_name: found.location_name.clone(),
                location: found.location_address.clone(),
                full_address: both.into_iter().flatten().collect::<Vec<_>>().join(" "),
            })
        };
        let views = rows.into_iter().map(|row| {
            let address = address(&row);
            view(row, address, &around, zone)
        });
        Ok(views.collect())
    }
}

fn view(row: Row, address: Option<SalesOrderCustomerAddress>, around: &Around, zone: &Zone) -> SalesOrder {
    let customer = around.customers.get(&row.customer);
    let amounts = SalesAmounts::of(&row.money, &row.terms, around.reading);
    let delivery_state = match (row.is_delivered(), row.is_wholly_delivered()) {
        (false, _) => "none",
        (true, false) => "partly",
        (true, true) => "all",
    };
    SalesOrder {
        customer_code: customer.map(|customer| customer.code.clone()).unwrap_or_default(),
        customer_id: row.customer,
        customer_name: customer.map(|customer| customer.name.clone()).unwrap_or_default(),
        sales_order_subject: row.subject,
        sales_order_no: row.number,
        sales_order_id: row.id,
        sales_order_status: row.status,
        sales_order_date: time::day_text(&row.dated, zone),
        reference_no: row.terms.reference.clone(),
        quotation_no: row.quotation_no,
        deal_id: row.deal,
        deal_no: row.deal_no,
        recipient: SalesOrderRecipient { name: row.recipient_name.clone(), address: row.recipient_address.clone() },
        recipient_name: row.recipient_name,
        recipient_address: row.recipient_address,
        contact_name: row.contact_name,
        contact_id: row.terms.contact_id,
        header_template_id: row.terms.header_template,
        warehouse_code: around.warehouses.get(&row.terms.warehouse).cloned(),
        customer_address_id: row.terms.customer_address,
        sales_order_customer_address: address,
        salesorder_details: row.lines.into_iter().map(|line| SalesLine::of(line, &around.warehouses)).collect(),
        discounts: SalesDiscount::list(&row.terms),
        discount_name: row.terms.discount_name,
        discount_value: row.terms.discount_value,
        discount_type: row.terms.discount_is_percent,
        payment_term: row.terms.payment_term,
        remark: row.remark,
        staff_code: row.staff_code,
        sales_order_note: row.note,
        private_note: row.private_note,
        vat_calculation: !row.terms.includes_vat,
        sub_total: row.money.sub_total,
        sub_total_with_discount: row.money.sub_total_with_discount,
        grand_total: row.money.grand_total,
        total_vat: row.money.total_vat,
        currency_code: row.terms.currency,
        amounts,
        payment: row.schedule.map(|schedule| schedule.view(zone)),
        paid_amount: row.paid,
        outstanding_amount: row.money.grand_total.checked_sub(row.paid).unwrap_or_default(),
        payment_state: row.payment_state,
        due_date: row.due_on.map(|day| time::day_text(&day, zone)),
        is_overdue: row.is_overdue,
        reservation_id: row.reservation,
        delivery_state,
        invoice_info: row.tax_invoice.map(|tax_invoice_no| SalesOrderInvoiceInfo { tax_invoice_no }),
        shipping_document_url: row.shipping_url,
        tracking_no: row.tracking_no,
        integration_platform: None,
        is_integration_order_paid: None,
        approval: row.approval.map(|approval| approval.view(zone)),
        reason: row.reason,
        created_by_user_id: row.created_by,
        date_created: time::text(row.created_at, zone),
        modified_by_user_id: row.modified_by,
        date_modified: time::text(row.modified_at, zone),
    }
}

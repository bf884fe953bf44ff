//! A quotation as it is stored, and as callers get it.

use db::{Amount, Conn};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::status::Status;
use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::sales::approval::{Approval, SalesApproval};
use crate::sales::content::{Around, Content, Line, Money, SalesAmounts, SalesDiscount, SalesLine, Terms, Texts};
use crate::sales::decimal::Decimal;
use crate::setting::profile;
use crate::time::{self, Zone};

/// A quotation as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: i64,
    pub(crate) number: String,
    /// The number as it is compared.
    pub(crate) number_key: String,
    /// 1, and one more with each change of what is shown, after it was approved, sent or rejected.
    pub(crate) revision: i64,
    pub(crate) status: i64,
    /// `YYYY-MM-DD`.
    pub(crate) dated: String,
    /// The last valid day.
    pub(crate) valid_until: String,
    pub(crate) is_expired: bool,
    pub(crate) customer: i64,
    pub(crate) owner: Option<Uuid>,
    pub(crate) staff_code: String,
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
    pub(crate) approval: Option<Approval>,
    pub(crate) acceptance: Option<Acceptance>,
    /// Number of the order that was made of it.
    pub(crate) sales_order: Option<String>,
    /// The deal that it is for: its id and its number.
    pub(crate) deal: Option<i64>,
    pub(crate) deal_no: Option<String>,
    /// Why it was rejected or cancelled.
    pub(crate) reason: Option<String>,
    pub(crate) search_key: String,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) modified_by: String,
    pub(crate) modified_at: i64,
    pub(crate) version: i64,
    pub(crate) deleted_at: Option<i64>,
}

/// What a customer declared on a quotation's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acceptance {
    /// Which revision was on the page.
    pub(crate) revision: i64,
    /// Whether it was accepted; else it was declined.
    pub(crate) accepted: bool,
    /// As the customer signed.
    pub(crate) name: String,
    /// When, in Unix milliseconds.
    pub(crate) at: i64,
    /// From which network address.
    pub(crate) address: String,
    /// What the customer's browser called itself.
    pub(crate) agent: String,
    /// Why it was declined.
    pub(crate) reason: Option<String>,
}

impl Row {
    /// The status; a number that is none does not occur.
    pub(crate) fn status(&self) -> Status {
        Status::of(self.status).unwrap_or(Status::Draft)
    }

    /// Whether its validity is over: what the day says counts before the job has noted it.
    pub(super) fn is_over(&self, today: Date) -> bool {
        let is_past = || self.valid_until.parse::<Date>().is_ok_and(|last| last < today);
        self.is_expired || self.status <= Status::Sent.number() && is_past()
    }

    /// Whether the customer has accepted it.
    pub(super) fn is_accepted(&self) -> bool {
        self.acceptance.as_ref().is_some_and(|acceptance| acceptance.accepted)
    }

    /// Its content, as an order takes it over.
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
        self.terms = terms;
        self.lines = lines;
        self.grand_total = money.grand_total;
        self.money = money;
    }
}

/// A quotation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Quotation {
    /// Title.
    #[schema(example = "Test open api edit quotation")]
    pub(crate) quotation_subject: String,
    /// Code of the customer.
    #[schema(example = "daisy")]
    pub(crate) customer_code: String,
    /// Number of the customer.
    #[schema(example = 12)]
    customer_id: i64,
    /// Name of the customer.
    #[schema(example = "Daisy Co., Ltd.")]
    pub(crate) customer_name: String,
    /// Its number.
    #[schema(example = "QT2511-0001")]
    pub(crate) quotation_no: String,
    /// Its internal number.
    #[schema(example = 1)]
    quotation_id: i64,
    /// 1 draft, 2 waiting for approval, 3 waiting to be sent, 4 sent, 5 completed, 6 rejected, 7 cancelled.
    #[schema(example = 1)]
    quotation_status: i64,
    /// Additional details.
    quotation_note: Option<String>,
    /// Its date.
    #[schema(example = "2023-01-04T00:00:00+0700")]
    pub(crate) quotation_date: String,
    /// The last valid day.
    #[schema(example = "2023-02-04T00:00:00+0700")]
    pub(crate) quotation_valid_until: String,
    /// Whether that day is over.
    #[schema(example = false)]
    is_expired: bool,
    /// 1, and one more with each change after it was approved, sent or rejected; a change that neither the page nor the PDF
    /// shows, such as `privateNote`, does not count.
    #[schema(example = 1)]
    revision: i64,
    /// Contact person.
    contact_name: Option<String>,
    /// Number of the contact person, as it was sent.
    contact_id: Option<i64>,
    /// Recipient's name.
    recipient_name: Option<String>,
    /// Recipient's address.
    recipient_address: Option<String>,
    /// Header template of the printed document.
    #[schema(example = 1)]
    header_template_id: Option<i64>,
    /// Its lines.
    pub(crate) quotation_details: Vec<SalesLine>,
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
    payment_term: Option<String>,
    /// Remark that is printed.
    pub(crate) remark: Option<String>,
    /// Note that is not printed.
    private_note: Option<String>,
    /// Code of the salesperson.
    #[schema(example = "Admin01")]
    staff_code: String,
    /// Reference number.
    reference_no: Option<String>,
    /// True: prices are without VAT; false: prices contain it.
    #[schema(example = true)]
    vat_calculation: bool,
    /// Sum of the lines.
    #[schema(value_type = f64, example = 4275)]
    pub(crate) sub_total: Amount,
    /// The same less the document's discount.
    #[schema(value_type = f64, example = 4175)]
    pub(crate) sub_total_with_discount: Amount,
    /// With VAT; what is withheld is not taken off.
    #[schema(value_type = f64, example = 4467.25)]
    pub(crate) grand_total: Amount,
    /// VAT.
    #[schema(value_type = f64, example = 292.25)]
    pub(crate) total_vat: Amount,
    /// Currency (ISO 4217).
    #[schema(example = "THB")]
    pub(crate) currency_code: String,
    #[serde(flatten)]
    amounts: SalesAmounts,
    /// Approval, where the company's rules demand it.
    approval: Option<SalesApproval>,
    /// What the customer declared on the quotation's page.
    acceptance: Option<QuotationAcceptance>,
    /// Number of the sales order that was made of it.
    sales_order_no: Option<String>,
    /// Id of the deal that it is for.
    deal_id: Option<i64>,
    /// The deal's number.
    deal_no: Option<String>,
    /// Why it was rejected or cancelled.
    reason: Option<String>,
    /// Who made it: the id of an API client or of a user.
    created_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// Who changed it last.
    modified_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_modified: String,
}

/// What a customer declared on a quotation's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotationAcceptance {
    /// Which revision was on the page.
    revision: i64,
    /// True accepted, false declined.
    is_accepted: bool,
    /// As the customer signed.
    name: String,
    /// When.
    date: String,
    /// From which network address.
    ip_address: String,
    /// What the customer's browser called itself.
    user_agent: String,
    /// Why it was declined.
    reason: Option<String>,
}

impl Acceptance {
    fn view(self, zone: &Zone) -> QuotationAcceptance {
        QuotationAcceptance {
            revision: self.revision,
            is_accepted: self.accepted,
            name: self.name,
            date: time::text(self.at, zone),
            ip_address: self.address,
            user_agent: self.agent,
            reason: self.reason,
        }
    }
}

impl Record for Row {
    const TABLE: &'static str = "quotation";
    const TOPIC: &'static str = "Quotation";
    const OWNER: Option<&'static str> = Some("owner");

    type View = Quotation;

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

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<Quotation>, Error> {
        let customers = rows.iter().map(|row| row.customer).collect();
        let reading = profile::of(conn, company).await?.sales.reading;
        let lines = rows.iter().flat_map(|row| &row.lines);
        let around = Around::load(conn, company, customers, lines, reading).await?;
        Ok(rows.into_iter().map(|row| view(row, &around, zone)).collect())
    }
}

fn view(row: Row, around: &Around, zone: &Zone) -> Quotation {
    let customer = around.customers.get(&row.customer);
    let amounts = SalesAmounts::of(&row.money, &row.terms, around.reading);
    Quotation {
        customer_code: customer.map(|customer| customer.code.clone()).unwrap_or_default(),
        customer_id: row.customer,
        customer_name: customer.map(|customer| customer.name.clone()).unwrap_or_default(),
        quotation_no: row.number,
        quotation_id: row.id,
        quotation_status: row.status,
        quotation_note: row.note,
        quotation_date: time::day_text(&row.dated, zone),
        quotation_valid_until: time::day_text(&row.valid_until, zone),
        is_expired: row.is_expired,
        revision: row.revision,
        quotation_subject: row.subject,
        contact_name: row.contact_name,
        contact_id: row.terms.contact_id,
        recipient_name: row.recipient_name,
        recipient_address: row.recipient_address,
        header_template_id: row.terms.header_template,
        quotation_details: row.lines.into_iter().map(|line| SalesLine::of(line, &around.warehouses)).collect(),
        discounts: SalesDiscount::list(&row.terms),
        discount_name: row.terms.discount_name,
        discount_value: row.terms.discount_value,
        discount_type: row.terms.discount_is_percent,
        payment_term: row.terms.payment_term,
        remark: row.remark,
        private_note: row.private_note,
        staff_code: row.staff_code,
        reference_no: row.terms.reference,
        vat_calculation: !row.terms.includes_vat,
        sub_total: row.money.sub_total,
        sub_total_with_discount: row.money.sub_total_with_discount,
        grand_total: row.money.grand_total,
        total_vat: row.money.total_vat,
        currency_code: row.terms.currency,
        amounts,
        approval: row.approval.map(|approval| approval.view(zone)),
        acceptance: row.acceptance.map(|acceptance| acceptance.view(zone)),
        sales_order_no: row.sales_order,
        deal_id: row.deal,
        deal_no: row.deal_no,
        reason: row.reason,
        created_by_user_id: row.created_by,
        date_created: time::text(row.created_at, zone),
        modified_by_user_id: row.modified_by,
        date_modified: time::text(row.modified_at, zone),
    }
}

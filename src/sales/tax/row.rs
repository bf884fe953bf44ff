//! A tax document as it is stored, and as callers get it. What the law wants on it is written with it, so that it says for
//! ever what it said when it was issued.

use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::sales::content::{Around, Line, Money, SalesAmounts, SalesLine, Terms};
use crate::sales::decimal;
use crate::setting::profile;
use crate::time::{self, Zone};

/// The kinds of tax documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Invoice,
    Receipt,
    CreditNote,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Kind; 3] = [Kind::Invoice, Kind::Receipt, Kind::CreditNote];

    /// The word in the database, in the API, and among the patterns of numbers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Invoice => "taxInvoice",
            Kind::Receipt => "receipt",
            Kind::CreditNote => "creditNote",
        }
    }

    /// What its numbers begin with, unless the setting says otherwise.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Kind::Invoice => "INV",
            Kind::Receipt => "RE",
            Kind::CreditNote => "CN",
        }
    }

    /// The words that must stand on it.
    fn titles(self) -> (&'static str, &'static str) {
        match self {
            Kind::Invoice => ("ใบกำกับภาษี", "Tax Invoice"),
            Kind::Receipt => ("ใบเสร็จรับเงิน", "Receipt"),
            Kind::CreditNote => ("ใบลดหนี้", "Credit Note"),
        }
    }

    pub(crate) fn of(word: &str) -> Kind {
        Kind::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Kind::Invoice)
    }
}

/// A tax document as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) number: String,
    pub(crate) number_key: String,
    pub(crate) branch: String,
    /// `YYYY-MM-DD`.
    pub(crate) issued_on: String,
    pub(crate) sales_order: i64,
    pub(crate) sales_order_no: String,
    pub(crate) customer: i64,
    pub(crate) grand_total: Amount,
    pub(crate) body: Body,
    /// Of a credit note: the document that it cancels.
    pub(crate) cancels: Option<String>,
    /// The credit note that cancels this document.
    pub(crate) cancelled_by: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) search_key: String,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) modified_by: String,
    pub(crate) modified_at: i64,
    pub(crate) version: i64,
    pub(crate) deleted_at: Option<i64>,
}

/// What stands on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    pub(crate) seller: Party,
    pub(crate) buyer: Party,
    pub(crate) terms: Terms,
    pub(crate) lines: Vec<Line>,
    pub(crate) money: Money,
    pub(crate) payments: Vec<Paid>,
    pub(crate) remark: Option<String>,
}

/// Who sells, or who buys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Party {
    /// Name.
    #[schema(example = "บริษัท สยามทูลส์ จำกัด")]
    pub(crate) name: String,
    /// Address.
    pub(crate) address: String,
    /// Tax number of 13 digits.
    #[schema(example = "0105561000003")]
    pub(crate) tax_no: Option<String>,
    /// Branch of five digits; `00000` is the head office.
    #[schema(example = "00000")]
    pub(crate) branch_code: Option<String>,
    /// The branch in words.
    #[schema(example = "สำนักงานใหญ่")]
    pub(crate) branch_name: Option<String>,
}

/// A payment on a receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Paid {
    pub(crate) payment: i64,
    #[serde(with = "decimal::units")]
    pub(crate) amount: Amount,
    pub(crate) paid_on: String,
    pub(crate) method: Option<String>,
}

/// A tax document of an order: tax invoice, receipt or credit note.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaxDocument {
    /// Its number: without a gap for each kind, branch and year.
    #[schema(example = "INV00000-26-000001")]
    tax_document_no: String,
    /// `taxInvoice`, `receipt`, `creditNote`.
    #[schema(example = "taxInvoice")]
    tax_document_type: String,
    /// The words that stand on it.
    #[schema(example = "ใบกำกับภาษี")]
    title: &'static str,
    /// The same in English.
    #[schema(example = "Tax Invoice")]
    title_en: &'static str,
    /// The branch that issued it.
    #[schema(example = "00000")]
    branch_code: String,
    /// When it was issued.
    #[schema(example = "2026-04-21T00:00:00+0700")]
    issue_date: String,
    /// Number of the order.
    #[schema(example = "SO2604-0032")]
    sales_order_no: String,
    /// Number of the customer.
    customer_id: i64,
    /// Who sells.
    seller: Party,
    /// Who buys.
    buyer: Party,
    /// What is sold; empty on a receipt.
    details: Vec<SalesLine>,
    /// What was paid; on a receipt.
    payments: Vec<TaxDocumentPayment>,
    /// True: prices are without VAT; false: prices contain it.
    vat_calculation: bool,
    /// Sum of the lines.
    #[schema(value_type = f64)]
    sub_total: Amount,
    /// The same less the document's discount.
    #[schema(value_type = f64)]
    sub_total_with_discount: Amount,
    /// VAT.
    #[schema(value_type = f64)]
    total_vat: Amount,
    /// With VAT; on a receipt what was paid.
    #[schema(value_type = f64)]
    grand_total: Amount,
    /// Currency.
    #[schema(example = "THB")]
    currency_code: String,
    #[serde(flatten)]
    amounts: SalesAmounts,
    /// Remark.
    remark: Option<String>,
    /// Number of the document that this credit note cancels.
    cancels_no: Option<String>,
    /// Number of the credit note that cancels this document.
    cancelled_by_no: Option<String>,
    /// Why a credit note was issued.
    reason: Option<String>,
    /// Who issued it.
    created_by_user_id: String,
    /// When it was entered.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
}

/// A payment on a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaxDocumentPayment {
    /// Its number.
    payment_id: i64,
    /// How much.
    #[schema(value_type = f64)]
    amount: Amount,
    /// The day on which it came.
    paid_date: String,
    /// How.
    method: Option<String>,
}

impl Record for Row {
    const TABLE: &'static str = "tax_document";
    const TOPIC: &'static str = "TaxDocument";

    type View = TaxDocument;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.number, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.number.as_str(), self.sales_order_no.as_str(), self.body.buyer.name.as_str()];
        words.extend(self.body.buyer.tax_no.as_deref());
        words
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<TaxDocument>, Error> {
        let reading = profile::of(conn, company).await?.sales.reading;
        let lines = rows.iter().flat_map(|row| &row.body.lines);
        let around = Around::load(conn, company, Vec::new(), lines, reading).await?;
        Ok(rows.into_iter().map(|row| view(row, &around, zone)).collect())
    }
}

fn view(row: Row, around: &Around, zone: &Zone) -> TaxDocument {
    let (title, title_en) = Kind::of(&row.kind).titles();
    let Body { seller, buyer, terms, lines, money, payments, remark } = row.body;
    TaxDocument {
        tax_document_no: row.number,
        tax_document_type: row.kind,
        title,
        title_en,
        branch_code: row.branch,
        issue_date: time::day_text(&row.issued_on, zone),
        sales_order_no: row.sales_order_no,
        customer_id: row.customer,
        seller,
        buyer,
        details: lines.into_iter().map(|line| SalesLine::of(line, &around.warehouses)).collect(),
        payments: payments
            .into_iter()
            .map(|paid| TaxDocumentPayment {
                payment_id: paid.payment,
                amount: paid.amount,
                paid_date: time::day_text(&paid.paid_on, zone),
                method: paid.method,
            })
            .collect(),
        vat_calculation: !terms.includes_vat,
        sub_total: money.sub_total,
        sub_total_with_discount: money.sub_total_with_discount,
        total_vat: money.total_vat,
        grand_total: row.grand_total,
        amounts: SalesAmounts::of(&money, &terms, around.reading),
        currency_code: terms.currency,
        remark,
        cancels_no: row.cancels,
        cancelled_by_no: row.cancelled_by,
        reason: row.reason,
        created_by_user_id: row.created_by,
        date_created: time::text(row.created_at, zone),
    }
}

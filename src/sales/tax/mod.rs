//! Tax invoices, receipts and credit notes of orders: numbers without a gap for each branch and year, refused while the
//! law's particulars are missing, cancelled only by a credit note that equals them.

mod row;

use axum::extract::State;
use db::{Amount, Conn};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::row::{Body, Kind, Paid, TaxDocument};
pub(crate) use self::row::{Party, Row};
use super::order::payment::{self, Payment};
use super::order::{self, Status};
use super::{number_key, read_day, totals};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, List, ListEnvelope, Path, Reply};
use crate::record::{self, Actor, Saved};
use crate::sales::decimal::Decimal;
use crate::search;
use crate::setting::number::{self, Pattern, Period};
use crate::setting::profile::{self, Setting};
use crate::setting::tax;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(issue_tax_invoice))
        .routes(routes!(issue_receipt))
        .routes(routes!(issue_credit_note))
        .routes(routes!(get_tax_document))
        .routes(routes!(enquire_tax_documents))
}

/// What a tax document is to say beyond the order.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TaxDocumentWrite {
    /// The branch that issues it; the head office when it is absent.
    #[schema(example = "00000")]
    branch_code: Option<String>,
    /// The day of issue, not in the future; today when it is absent.
    #[schema(example = "2026-04-21")]
    issue_date: Option<String>,
    /// The buyer's name; the customer's when it is absent.
    buyer_name: Option<String>,
    /// The buyer's address; the customer's billing address when it is absent.
    buyer_address: Option<String>,
    /// The buyer's tax number; the customer's when it is absent.
    buyer_tax_no: Option<String>,
    /// The buyer's branch; the customer's when it is absent.
    buyer_branch_code: Option<String>,
    /// Of a receipt: only this payment; all without a receipt when it is absent.
    payment_id: Option<i64>,
    /// Remark.
    remark: Option<String>,
}

/// Why a document is cancelled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreditNoteWrite {
    /// Why: it stands on the credit note.
    #[schema(example = "สินค้าชำรุด รับคืนทั้งหมด")]
    reason: String,
    /// The day of issue; today when it is absent.
    #[schema(example = "2026-04-21")]
    issue_date: Option<String>,
    /// What it comes to: it must equal the document that it cancels, and may be left out.
    #[schema(value_type = Option<f64>)]
    grand_total: Option<Decimal>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct OrderPath {
    /// Number of the order, in any letter case.
    sales_order_no: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct TaxPath {
    /// Number of the document, in any letter case.
    tax_document_no: String,
}

/// Issue the tax invoice of an order.
///
/// 400 names each particular of the law that is missing: the company's name, address, tax number and branch, the buyer's
/// name and address. 409 when the order has one already, is a draft, rejected or cancelled, or comes to nothing.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/tax-invoice",
    operation_id = "issueTaxInvoice",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = TaxDocumentWrite,
    responses((status = 200, description = "The tax invoice.", body = Envelope<TaxDocument>)),
    security(("bearerAuth" = ["taxdocument:write"], "subscriptionKey" = []))
)]
async fn issue_tax_invoice(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<TaxDocumentWrite>,
) -> Result<Reply<TaxDocument>, Error> {
    Faults::new(faults).end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = order::held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let saved = invoice(&mut tx, &by, old, &input, Faults::default()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Issue a receipt for what was paid of an order.
///
/// For one payment, or for all that have no receipt yet, without what was given back: that is taken off the latest payments
/// before it. 409 when nothing is left.
#[utoipa::path(
    post,
    path = "/v2/salesorder/{salesOrderNo}/receipt",
    operation_id = "issueReceipt",
    tag = "SalesOrder",
    params(OrderPath, Conditions),
    request_body = TaxDocumentWrite,
    responses((status = 200, description = "The receipt.", body = Envelope<TaxDocument>)),
    security(("bearerAuth" = ["taxdocument:write"], "subscriptionKey" = []))
)]
async fn issue_receipt(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<OrderPath>,
    Checked { value: input, faults }: Checked<TaxDocumentWrite>,
) -> Result<Reply<TaxDocument>, Error> {
    Faults::new(faults).end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old = order::held(&mut tx, &by, &path.sales_order_no, &conditions).await?;
            let saved = receipt(&mut tx, &by, &old, &input, Faults::default()).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Cancel a tax invoice or a receipt by a credit note that equals it.
#[utoipa::path(
    post,
    path = "/v1/taxdocuments/{taxDocumentNo}/credit-note",
    operation_id = "issueCreditNote",
    tag = "SalesOrder",
    params(TaxPath, Conditions),
    request_body = CreditNoteWrite,
    responses((status = 200, description = "The credit note.", body = Envelope<TaxDocument>)),
    security(("bearerAuth" = ["taxdocument:write"], "subscriptionKey" = []))
)]
async fn issue_credit_note(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TaxPath>,
    Checked { value: input, faults }: Checked<CreditNoteWrite>,
) -> Result<Reply<TaxDocument>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("reason", &input.reason, 1_000);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let zone = time::zone(&mut tx, by.caller.company).await?;
            let mut faults = faults.clone();
            let day = read_day("issueDate", input.issue_date.as_deref(), &zone, &mut faults);
            faults.end()?;
            let saved = credit(&mut tx, &by, &path.tax_document_no, &conditions, &input, day).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Get a tax document by its number.
#[utoipa::path(
    get,
    path = "/v1/taxdocuments/{taxDocumentNo}",
    operation_id = "getTaxDocument",
    tag = "SalesOrder",
    params(TaxPath, Conditions),
    responses((status = 200, description = "The document.", body = Envelope<TaxDocument>)),
    security(("bearerAuth" = ["taxdocument:read"], "subscriptionKey" = []))
)]
async fn get_tax_document(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TaxPath>,
) -> Result<Reply<TaxDocument>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "number_key", number_key(&path.tax_document_no)).await?;
    // A document is seen by whoever may see its order.
    record::find::<order::Row>(&mut conn, &caller, "id", row.sales_order).await?;
    record::reply(&mut conn, row, &conditions).await
}

/// Which tax documents to list. Every filter may be absent or null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TaxDocumentEnquiry {
    /// `taxInvoice`, `receipt`, `creditNote`.
    #[schema(example = "taxInvoice")]
    tax_document_type: Option<String>,
    /// The branch that issued it.
    branch_code: Option<String>,
    /// Number of the order.
    sales_order_no: Option<String>,
    /// Code of the customer.
    customer_code: Option<String>,
    /// The first day of a period.
    date_from: Option<String>,
    /// Its last day.
    date_to: Option<String>,
    /// Part of number, order or buyer, in any letter case.
    keyword: Option<String>,
    /// `dateCreated` (newest first), `issueDate`, `taxDocumentNo`; with `-` before it the other way round.
    order_by: Option<String>,
    /// Documents to leave out; not together with `cursor`.
    skip: Option<i64>,
    /// Documents a page: at most 200, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

const ORDERS: [Order; 3] = [
    Order { name: "dateCreated", column: "id", descending: true },
    Order { name: "issueDate", column: "issued_on", descending: true },
    Order { name: "taxDocumentNo", column: "number_key", descending: false },
];

/// List tax documents, one page at a time.
#[utoipa::path(
    post,
    path = "/v1/taxdocuments/enquiry",
    operation_id = "enquireTaxDocuments",
    tag = "SalesOrder",
    request_body = TaxDocumentEnquiry,
    responses((status = 200, description = "One page of documents.", body = ListEnvelope<TaxDocument>)),
    security(("bearerAuth" = ["taxdocument:read"], "subscriptionKey" = []))
)]
async fn enquire_tax_documents(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<TaxDocumentEnquiry>,
) -> Result<List<TaxDocument>, Error> {
    let mut conn = app.db.read().await?;
    let page = PageWrite { skip: input.skip, take: input.take, page_length: None, cursor: input.cursor };
    let mut list: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, faults).await?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let kinds = Kind::ALL.map(|kind| (kind.word(), kind.word()));
    let kind = list.faults().choice("taxDocumentType", input.tax_document_type.as_deref(), &kinds);
    let zone = list.zone().clone();
    let from = read_day("dateFrom", input.date_from.as_deref(), &zone, list.faults()).map(|day| day.to_string());
    let to = read_day("dateTo", input.date_to.as_deref(), &zone, list.faults()).map(|day| day.to_string());
    list.equal(" and kind = ", kind)
        .equal(" and branch = ", given(input.branch_code))
        .equal(" and issued_on >= ", from)
        .equal(" and issued_on <= ", to)
        .keyword("keyword", input.keyword.as_deref())
        .order(input.order_by.as_deref(), &ORDERS);
    if let Some(number) = given(input.sales_order_no) {
        let parts = [" and sales_order in (select id from sales_order where company = ", " and number_key = ", ")"];
        list.only(&parts, vec![caller.company.into(), number_key(&number).into()]);
    }
    super::of_customer(&mut list, caller.company, given(input.customer_code));
    list.within_of::<order::Row>(" and sales_order in (select id from sales_order where company = ");
    Ok(list.find(&mut conn).await?.list())
}

async fn invoice(
    tx: &mut Conn,
    by: &Actor,
    old: order::Row,
    input: &TaxDocumentWrite,
    mut faults: Faults,
) -> Result<Saved<Row>, Error> {
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
    if !matches!(old.status(), Status::Open | Status::Completed) {
        return refuse(format!("Sales order {} is {}", old.number, old.status().word()));
    }
    if let Some(number) = &old.tax_invoice {
        return refuse(format!("Sales order {} has tax invoice {number}", old.number));
    }
    if old.money.grand_total <= Amount::ZERO && !old.lines.is_empty() {
        let total = old.money.grand_total;
        return refuse(format!("Sales order {} comes to {total}: there is nothing to invoice", old.number));
    }
    let setting = profile::of(tx, old.company).await?;
    let issue = Issue::read(tx, by, &setting, &old, input, &mut faults).await?;
    if old.lines.is_empty() {
        faults.add(Code::Required, "salesOrderDetails", "A tax invoice needs at least one line");
    }
    if old.money.rates.iter().all(|rate| rate.rate.is_none()) {
        faults.add(Code::Required, "vatTaxValue", "No line of the order has VAT");
    }
    if old.money.own_total_vat.is_none() {
        faults.add(Code::Required, "currencyRate", "A tax invoice also shows baht: set the order's exchange rate");
    }
    faults.end()?;
    let body = Body {
        seller: issue.seller,
        buyer: issue.buyer,
        terms: old.terms.clone(),
        lines: old.lines.clone(),
        money: old.money.clone(),
        payments: Vec::new(),
        remark: trimmed(input.remark.as_deref()),
    };
    let row = blank(by, &old, Kind::Invoice, &issue.branch, issue.day, body, old.money.grand_total);
    let saved = numbered(tx, by, &setting, row, issue.day).await?;
    let number = saved.row.number.clone();
    let order = order::Row { tax_invoice: Some(number), ..old.clone() };
    record::save_as(tx, by, Some(old), order, "Invoiced").await?;
    Ok(saved)
}

async fn receipt(
    tx: &mut Conn,
    by: &Actor,
    old: &order::Row,
    input: &TaxDocumentWrite,
    mut faults: Faults,
) -> Result<Saved<Row>, Error> {
    let setting = profile::of(tx, old.company).await?;
    let issue = Issue::read(tx, by, &setting, old, input, &mut faults).await?;
    faults.end()?;
    let all = payment::of(tx, old.company, old.id).await?;
    let fits =
        |payment: &Payment| payment.receipt.is_none() && input.payment_id.is_none_or(|wanted| wanted == payment.id);
    let paid: Vec<Paid> = payment::kept(&all)
        .into_iter()
        .filter(|(payment, _)| fits(payment))
        .map(|(payment, amount)| Paid {
            payment: payment.id,
            amount,
            paid_on: payment.paid_on.clone(),
            method: payment.method.clone(),
        })
        .collect();
    if paid.is_empty() {
        let message = format!("Order {} has no payment without a receipt that was not given back", old.number);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "paymentId", message)));
    }
    let total = paid.iter().fold(Amount::ZERO, |sum, paid| sum.checked_add(paid.amount).unwrap_or(sum));
    let mut terms = old.terms.clone();
    terms.discount_value = None;
    let money = super::content::Money {
        grand_total: total,
        net_to_receive: total,
        own_grand_total: match terms.currency_rate.filter(|_| terms.currency != setting.currency) {
            Some(rate) => totals::converted(total, rate, totals::places(&setting.currency)),
            None => (terms.currency == setting.currency).then_some(total),
        },
        ..super::content::Money::default()
    };
    let body = Body {
        seller: issue.seller,
        buyer: issue.buyer,
        terms,
        lines: Vec::new(),
        money,
        payments: paid,
        remark: trimmed(input.remark.as_deref()),
    };
    let row = blank(by, old, Kind::Receipt, &issue.branch, issue.day, body, total);
    let saved = numbered(tx, by, &setting, row, issue.day).await?;
    mark_receipt(tx, &saved.row, Some(&saved.row.number)).await?;
    Ok(saved)
}

/// Says on the payments of a receipt that they have it, or have it no longer.
async fn mark_receipt(tx: &mut Conn, row: &Row, number: Option<&str>) -> Result<(), db::Error> {
    let ids: Vec<i64> = row.body.payments.iter().map(|paid| paid.payment).collect();
    tx.sql("update sales_payment set receipt = ")
        .push_bind(number)
        .push(" where company = ")
        .push_bind(row.company)
        .push(" and id in (select id from ")
        .push_ids(&ids)
        .push(" as input)")
        .exec()
        .await?;
    Ok(())
}

async fn credit(
    tx: &mut Conn,
    by: &Actor,
    number: &str,
    conditions: &Conditions,
    input: &CreditNoteWrite,
    day: Option<Date>,
) -> Result<Saved<Row>, Error> {
    let key = number_key(number);
    // The order is held before the documents of it, as where they are issued.
    let known: Row = record::find(tx, &by.caller, "number_key", key.clone()).await?;
    let order = order::held(tx, by, &known.sales_order_no, &Conditions::default()).await?;
    let old: Row = record::held(tx, &by.caller, "number_key", key, conditions).await?;
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "taxDocumentNo", message)));
    if old.kind == Kind::CreditNote.word() {
        return refuse(format!("{} is itself a credit note", old.number));
    }
    if let Some(other) = &old.cancelled_by {
        return refuse(format!("{} is already cancelled by {other}", old.number));
    }
    let equals = input.grand_total.is_none_or(|total| total.amount() == Some(old.grand_total));
    if !equals {
        let message = format!("grandTotal must be {}, as on {}", old.grand_total, old.number);
        return Err(Error::invalid(Code::InvalidValue, "grandTotal", message));
    }
    let setting = profile::of(tx, old.company).await?;
    let zone = time::zone(tx, old.company).await?;
    let today = time::day_of(by.now, &zone);
    let day = day.unwrap_or(today);
    if day > today || day.to_string() < old.issued_on {
        let message = "issueDate must be from the document's date to today";
        return Err(Error::invalid(Code::OutOfRange, "issueDate", message));
    }
    let mut row = blank(by, &order, Kind::CreditNote, &old.branch, day, old.body.clone(), old.grand_total);
    row.cancels = Some(old.number.clone());
    row.reason = Some(search::trimmed(&input.reason).to_owned());
    let saved = numbered(tx, by, &setting, row, day).await?;
    let number = saved.row.number.clone();
    let cancelled = Row { cancelled_by: Some(number), ..old.clone() };
    if old.kind == Kind::Receipt.word() {
        mark_receipt(tx, &old, None).await?;
    } else {
        let freed = order::Row { tax_invoice: None, ..order.clone() };
        record::save_as(tx, by, Some(order), freed, "Credited").await?;
    }
    record::save_as(tx, by, Some(old), cancelled, "Cancelled").await?;
    Ok(saved)
}

/// What is common to every document that is issued.
struct Issue {
    seller: Party,
    buyer: Party,
    branch: String,
    day: Date,
}

impl Issue {
    /// Gathers the particulars that the law wants (Revenue Code, section 86/4), and says which are missing.
    async fn read(
        tx: &mut Conn,
        by: &Actor,
        setting: &Setting,
        order: &order::Row,
        input: &TaxDocumentWrite,
        faults: &mut Faults,
    ) -> Result<Issue, Error> {
        let zone = time::zone(tx, order.company).await?;
        let today = time::day_of(by.now, &zone);
        let day = read_day("issueDate", input.issue_date.as_deref(), &zone, faults).unwrap_or(today);
        if day > today {
            faults.add(Code::OutOfRange, "issueDate", "issueDate must not be in the future");
        }
        let name: String = tx.sql("select name from company where company = $1").bind(order.company).one().await?;
        let code = trimmed(input.branch_code.as_deref()).unwrap_or_else(|| "00000".to_owned());
        let branch = setting.branches.iter().find(|branch| branch.code == code);
        if branch.is_none() {
            faults.add(Code::NotFound, "branchCode", format!("branchCode “{code}” is not a branch in the setting"));
        }
        let own = branch.and_then(|branch| trimmed(branch.address.as_deref()));
        let address = own.or_else(|| trimmed(setting.address.as_deref()).filter(|_| code == "00000"));
        if address.is_none() {
            faults.add(Code::Required, "seller.address", "The setting has no address for this branch");
        }
        let tax_no = trimmed(setting.tax_no.as_deref()).filter(|number| tax::is_tax_number(number));
        if tax_no.is_none() {
            faults.add(Code::Required, "seller.taxNo", "The setting has no valid tax number of 13 digits");
        }
        let seller = Party {
            name,
            address: address.unwrap_or_default(),
            tax_no,
            branch_name: branch.map(|branch| branch.name.clone()),
            branch_code: Some(code.clone()),
        };
        let buyer = buyer(tx, order, input, faults).await?;
        Ok(Issue { seller, buyer, branch: code, day })
    }
}

async fn buyer(
    tx: &mut Conn,
    order: &order::Row,
    input: &TaxDocumentWrite,
    faults: &mut Faults,
) -> Result<Party, Error> {
    let customer = customers::exactly(tx, order.company, order.customer).await?.ok_or(Error::NotFound("customer"))?;
    let addresses = &customer.profile.addresses;
    let billing = addresses.iter().find(|address| address.location_type == Some(1)).or_else(|| addresses.first());
    let known = billing.and_then(|address| {
        let parts: Vec<&str> =
            [&address.location_name, &address.location_address].into_iter().flatten().map(String::as_str).collect();
        trimmed(Some(&parts.join(" ")))
    });
    let name = trimmed(input.buyer_name.as_deref()).unwrap_or(customer.name);
    let address = trimmed(input.buyer_address.as_deref()).or(known);
    faults.longest("buyerName", &name, 300);
    if name.is_empty() {
        faults.add(Code::Required, "buyerName", "buyerName is required");
    }
    if address.is_none() {
        faults.add(Code::Required, "buyerAddress", "buyerAddress is required: the customer has no address");
    }
    let tax_no = trimmed(input.buyer_tax_no.as_deref()).or_else(|| trimmed(customer.tax_no.as_deref()));
    let branch_code = trimmed(input.buyer_branch_code.as_deref()).or_else(|| trimmed(customer.branch.as_deref()));
    if tax_no.as_deref().is_some_and(|number| !tax::is_tax_number(number)) {
        faults.add(Code::InvalidValue, "buyerTaxNo", "buyerTaxNo has a wrong check digit, or not 13 digits");
    }
    // Companies' numbers begin with 0; of those the head office or branch must be named.
    let is_company = tax_no.as_deref().is_some_and(|number| number.trim_start().starts_with('0'));
    let branch_code = branch_code.or_else(|| is_company.then(|| "00000".to_owned()));
    if branch_code.as_deref().is_some_and(|code| !tax::is_branch(code)) {
        faults.add(Code::InvalidFormat, "buyerBranchCode", "buyerBranchCode has five digits; 00000 is the head office");
    }
    let branch_name = branch_code.as_deref().map(|code| match code {
        "00000" => "สำนักงานใหญ่".to_owned(),
        code => format!("สาขาที่ {code}"),
    });
    Ok(Party { name, address: address.unwrap_or_default(), tax_no, branch_code, branch_name })
}

fn blank(by: &Actor, order: &order::Row, kind: Kind, branch: &str, day: Date, body: Body, grand_total: Amount) -> Row {
    Row {
        company: order.company,
        id: 0,
        kind: kind.word().to_owned(),
        number: String::new(),
        number_key: String::new(),
        branch: branch.to_owned(),
        issued_on: day.to_string(),
        sales_order: order.id,
        sales_order_no: order.number.clone(),
        customer: order.customer,
        grand_total,
        body,
        cancels: None,
        cancelled_by: None,
        reason: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: by.caller.id.clone(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    }
}

/// Gives a document the next number of its kind, branch and year, and writes it: both or neither.
async fn numbered(tx: &mut Conn, by: &Actor, setting: &Setting, mut row: Row, day: Date) -> Result<Saved<Row>, Error> {
    let kind = Kind::of(&row.kind);
    let pattern = setting.numbers.get(kind.word()).cloned().unwrap_or_else(|| Pattern::yearly(kind.prefix()));
    // Each place of business counts for itself, and never beyond a year, whatever the pattern says.
    let period = if pattern.period == Period::None { Period::Year } else { pattern.period };
    let pattern = Pattern { per_branch: true, period, ..pattern };
    row.id = number::next(tx, row.company, "tax-document").await?;
    row.number = number::assign(tx, row.company, kind.word(), &pattern, day, &row.branch).await?;
    row.number_key = number_key(&row.number);
    record::save_as(tx, by, None, row, "Issued").await
}

fn trimmed(text: Option<&str>) -> Option<String> {
    text.map(search::trimmed).filter(|text| !text.is_empty()).map(str::to_owned)
}

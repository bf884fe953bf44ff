//! Quotations and orders that come from another server: what it has stored is taken over, and only what it does not say is
//! computed. What a document refers to must be here; goods that were sold may be out of use by now.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use super::approval::Approval;
use super::content::{Content, Line, Money, RateMoney, Terms, Texts};
use super::decimal::Decimal;
use super::{entry, find_customer, find_staff, for_deal, totals};
use crate::http::{Code, Error, Faults, Patch};
use crate::product::stock::Warehouses;
use crate::product::store as products;
use crate::record::Actor;
use crate::search;
use crate::setting::choice;
use crate::setting::list::List;
use crate::setting::profile::{self, Setting};
use crate::staff::known::{self, Known};
use crate::time::{self, Zone};

/// What quotations and orders have in common in answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentTaken {
    quotation_subject: Option<String>,
    sales_order_subject: Option<String>,
    quotation_note: Option<String>,
    sales_order_note: Option<String>,
    quotation_details: Option<Vec<LineTaken>>,
    salesorder_details: Option<Vec<LineTaken>>,
    customer_code: Option<String>,
    staff_code: Option<String>,
    deal_no: Option<String>,
    contact_name: Option<String>,
    contact_id: Option<i64>,
    recipient_name: Option<String>,
    recipient_address: Option<String>,
    customer_address_id: Option<i64>,
    header_template_id: Option<i64>,
    /// Its name, which the copy has looked up.
    header_template_name: Option<String>,
    warehouse_code: Option<String>,
    reference_no: Option<String>,
    payment_term: Option<String>,
    remark: Option<String>,
    private_note: Option<String>,
    discount_name: Option<String>,
    discount_value: Option<Decimal>,
    discount_type: Option<bool>,
    vat_calculation: Option<bool>,
    currency_code: Option<String>,
    currency_rate: Option<Decimal>,
    sub_total: Option<Amount>,
    sub_total_with_discount: Option<Amount>,
    discount_amount: Option<Amount>,
    total_vat: Option<Amount>,
    net_total: Option<Amount>,
    grand_total: Option<Amount>,
    #[serde(rename = "totalWht")]
    withheld: Option<Amount>,
    net_to_receive: Option<Amount>,
    taxes: Option<Vec<TaxTaken>>,
    company_net_total: Option<Amount>,
    company_total_vat: Option<Amount>,
    company_grand_total: Option<Amount>,
    approval: Option<ApprovalTaken>,
    reason: Option<String>,
    created_by_user_id: Option<String>,
    date_created: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineTaken {
    product_code: Option<String>,
    product_name: Option<String>,
    product_description: Option<String>,
    product_unit_name: Option<String>,
    price: Option<Decimal>,
    qty: Option<Decimal>,
    discount_value: Option<Decimal>,
    discount_type: Option<bool>,
    vat_tax_value: Option<Decimal>,
    wht_tax_value: Option<Decimal>,
    wh_tax_value: Option<Decimal>,
    warehouse_code: Option<String>,
    is_shipping: Option<bool>,
    total_price: Option<Amount>,
    discount_amount: Option<Amount>,
    document_discount_amount: Option<Amount>,
    vat_amount: Option<Amount>,
    wht_amount: Option<Amount>,
    delivered_qty: Option<Amount>,
    returned_qty: Option<Amount>,
    serial_numbers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaxTaken {
    vat_tax_value: Option<Decimal>,
    base: Option<Amount>,
    vat: Option<Amount>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApprovalTaken {
    state: Option<String>,
    why: Option<Vec<String>>,
    approved_by_user_id: Option<String>,
    date_approved: Option<String>,
    reason: Option<String>,
}

/// A document as it was read: what it refers to is here.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) content: Content,
    pub(super) customer: i64,
    pub(super) staff: Option<(Uuid, String)>,
    pub(super) deal: Option<(i64, String)>,
    pub(super) approval: Option<Approval>,
    pub(super) reason: Option<String>,
    /// Who made it, where that is an employee here.
    pub(super) made_by: Option<Uuid>,
    pub(super) made_at: Option<i64>,
    /// Whether the other server says how many of its lines were handed over.
    pub(super) tells_deliveries: bool,
}

/// A text that says something.
pub(super) fn text(given: Option<&str>) -> Option<String> {
    given.map(search::trimmed).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Reads a document. `lines` is how its lines are called; `own` is the customer of the document that is here already. What
/// can be done without is told in `left` when it is not here; everything else that is missing is a fault.
pub(super) async fn read(
    tx: &mut Conn,
    by: &Actor,
    taken: &DocumentTaken,
    (lines, own): (&'static str, Option<i64>),
    faults: &mut Faults,
    left: &mut Faults,
) -> Result<Document, Error> {
    let company = by.caller.company;
    let setting = profile::of(tx, company).await?;
    let zone = time::zone(tx, company).await?;
    let customer = find_customer(tx, &by.caller, taken.customer_code.as_deref(), own, faults).await?;
    if customer.is_none() {
        faults.add(Code::Required, "customerCode", "customerCode is required");
    }
    let customer = customer.unwrap_or_default();
    let staff = find_staff(tx, company, taken.staff_code.as_deref(), faults).await?;
    let deal = taken.deal_no.clone().map_or(Patch::Clear, Patch::Set);
    let asked = for_deal::Asked { id: &Patch::Keep, number: &deal };
    let bought_by = Some(customer).filter(|customer| *customer != 0);
    let deal = for_deal::of(tx, by, asked, None, bought_by, faults).await?;
    let warehouses = Warehouses::load(tx, company).await?;
    let given = taken.quotation_details.as_deref().or(taken.salesorder_details.as_deref()).unwrap_or_default();
    let mut content = Content {
        texts: texts(taken, faults),
        terms: terms(tx, company, taken, &setting, &warehouses, left).await?,
        lines: read_lines(tx, company, given, (lines, &warehouses), faults).await?,
        money: Money::default(),
    };
    set_money(&mut content, taken, given, &setting);
    let approver = taken.approval.as_ref().and_then(|approval| approval.approved_by_user_id.as_deref());
    let people = [taken.created_by_user_id.as_deref(), approver].into_iter().flatten();
    let people = known::by_codes(tx, company, people).await?;
    Ok(Document {
        content,
        customer,
        staff,
        deal,
        approval: taken.approval.as_ref().map(|approval| approval.read(&people, &zone, faults)),
        reason: text(taken.reason.as_deref()),
        made_by: known::maker(&people, taken.created_by_user_id.as_deref()),
        made_at: faults.time("dateCreated", taken.date_created.as_deref(), &zone),
        tells_deliveries: given.iter().any(|line| line.delivered_qty.is_some()),
    })
}

impl ApprovalTaken {
    fn read(&self, people: &HashMap<String, Known>, zone: &Zone, faults: &mut Faults) -> Approval {
        let state = self.state.as_deref().map(str::trim).unwrap_or_default();
        Approval {
            state: if matches!(state, "approved" | "rejected") { state } else { "waiting" }.to_owned(),
            why: self.why.clone().unwrap_or_default(),
            by: self.approved_by_user_id.as_deref().map(|name| known::told(people, name)),
            at: faults.time("approval.dateApproved", self.date_approved.as_deref(), zone),
            reason: self.reason.clone(),
        }
    }
}

fn texts(taken: &DocumentTaken, faults: &mut Faults) -> Texts {
    let (field, subject) = match &taken.sales_order_subject {
        Some(subject) => ("salesOrderSubject", Some(subject)),
        None => ("quotationSubject", taken.quotation_subject.as_ref()),
    };
    let subject = subject.map(|subject| search::trimmed(subject)).unwrap_or_default();
    faults.longest(field, subject, 300);
    let note = taken.quotation_note.as_deref().or(taken.sales_order_note.as_deref());
    Texts {
        subject: subject.to_owned(),
        contact_name: text(taken.contact_name.as_deref()),
        recipient_name: text(taken.recipient_name.as_deref()),
        recipient_address: text(taken.recipient_address.as_deref()),
        note: text(note),
        remark: text(taken.remark.as_deref()),
        private_note: text(taken.private_note.as_deref()),
    }
}

async fn terms(
    tx: &mut Conn,
    company: i64,
    taken: &DocumentTaken,
    setting: &Setting,
    warehouses: &Warehouses,
    left: &mut Faults,
) -> Result<Terms, Error> {
    let template = match (taken.header_template_id.filter(|id| *id != 0), text(taken.header_template_name.as_deref())) {
        (_, Some(name)) => Some(choice::ensure(tx, company, List::HeaderTemplates, &name).await?.id),
        (None, None) => None,
        (Some(id), None) => {
            let message = format!("headerTemplateId {id} is not in the list header-templates; the first of it is used");
            left.add(Code::NotFound, "headerTemplateId", message);
            choice::first_active(tx, company, List::HeaderTemplates).await?
        }
    };
    let discount_value = taken.discount_value.filter(|value| !value.is_zero());
    let currency = text(taken.currency_code.as_deref()).map(|code| code.to_ascii_uppercase());
    Ok(Terms {
        contact_id: taken.contact_id,
        reference: text(taken.reference_no.as_deref()),
        header_template: template,
        customer_address: taken.customer_address_id,
        payment_term: text(taken.payment_term.as_deref()),
        includes_vat: taken.vat_calculation == Some(false),
        currency: currency.filter(|code| code.len() == 3).unwrap_or_else(|| setting.currency.clone()),
        currency_rate: taken.currency_rate,
        discount_name: text(taken.discount_name.as_deref()),
        discount_is_percent: discount_value.and(taken.discount_type),
        discount_value,
        // Lines name their own; this one is only for lines that are added later.
        warehouse: warehouses.read("warehouseCode", taken.warehouse_code.as_deref(), false, left),
    })
}

/// A product as lines need it, also one that is out of use.
#[derive(Debug, Clone, Deserialize)]
struct Product {
    id: i64,
    code: String,
    code_key: String,
    name: String,
    kind: i64,
    cost: Option<Amount>,
    unit: Option<i64>,
    unit_name: Option<String>,
    unit_name_en: Option<String>,
}

async fn sold(tx: &mut Conn, company: i64, given: &[LineTaken]) -> Result<HashMap<String, Product>, Error> {
    let codes = given.iter().filter_map(|line| super::given(line.product_code.as_deref()));
    let mut keys: Vec<String> = codes.map(products::key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut wanted = Rows::new(&[("code_key", Type::Text)]);
    for key in keys {
        wanted.push([key.into()]);
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Product> = tx
        .sql(
            "select product.id, product.code, product.code_key, product.name, product.kind, product.cost, product.unit,
                    unit.name as unit_name, unit.name_en as unit_name_en from ",
        )
        .push_rows(&wanted)
        .push(
            " as input cross join product
             left join choice as unit on unit.company = product.company and unit.list = 'units' and unit.id = product.unit
             where product.code_key = input.code_key and product.deleted_at is null and product.company = ",
        )
        .push_bind(company)
        .all()
        .await?;
    Ok(found.into_iter().map(|product| (product.code_key.clone(), product)).collect())
}

async fn read_lines(
    tx: &mut Conn,
    company: i64,
    given: &[LineTaken],
    (names, warehouses): (&'static str, &Warehouses),
    faults: &mut Faults,
) -> Result<Vec<Line>, Error> {
    let products = sold(tx, company, given).await?;
    faults.most(names, given.len(), totals::MOST_LINES);
    let mut lines = Vec::with_capacity(given.len());
    for (index, line) in given.iter().enumerate().take(totals::MOST_LINES) {
        let field = format!("{names}[{index}].productCode");
        let Some(code) = super::given(line.product_code.as_deref()) else {
            faults.add(Code::Required, field.as_str(), format!("{field} is required"));
            continue;
        };
        let Some(product) = products.get(&products::key(code)) else {
            faults.add(Code::NotFound, field.as_str(), format!("{field} “{code}” is not a known product"));
            continue;
        };
        let field = format!("{names}[{index}].warehouseCode");
        let warehouse = warehouses.read(&field, line.warehouse_code.as_deref(), false, faults);
        let unit = match text(line.product_unit_name.as_deref()) {
            Some(name) => Some((unit_of(tx, company, product, &name).await?, name)),
            None => None,
        };
        lines.push(line.read(product, unit, warehouse));
    }
    Ok(lines)
}

/// The unit of this name: the product's own, or the entry of the list, which is made when there is none.
async fn unit_of(tx: &mut Conn, company: i64, product: &Product, name: &str) -> Result<Option<i64>, Error> {
    let own = [&product.unit_name, &product.unit_name_en];
    if own.into_iter().flatten().any(|own| choice::key(own) == choice::key(name)) {
        return Ok(product.unit);
    }
    crate::product::ensure_unit(tx, company, name).await?;
    Ok(choice::by_name(tx, company, List::Units, name).await?.map(|unit| unit.id))
}

impl LineTaken {
    fn read(&self, product: &Product, unit: Option<(Option<i64>, String)>, warehouse: i64) -> Line {
        let (unit, unit_name) = unit.unzip();
        let discount_value = self.discount_value.filter(|value| !value.is_zero());
        Line {
            product: product.id,
            code: product.code.clone(),
            name: text(self.product_name.as_deref()).unwrap_or_else(|| product.name.clone()),
            description: text(self.product_description.as_deref()),
            unit: unit.flatten(),
            unit_name,
            price: self.price.unwrap_or_default(),
            quantity: self.qty.unwrap_or(Decimal::new(1, 0)),
            discount_is_percent: discount_value.and(self.discount_type),
            discount_value,
            vat_rate: self.vat_tax_value,
            withholding_rate: self.wht_tax_value.or(self.wh_tax_value),
            warehouse,
            is_shipping: self.is_shipping,
            cost: if product.kind == products::BUNDLE { None } else { product.cost },
            delivered: self.delivered_qty.unwrap_or_default(),
            returned: self.returned_qty.unwrap_or_default(),
            serials: self.serial_numbers.clone().unwrap_or_default(),
            ..Line::default()
        }
    }
}

/// The amounts as they are stored there. What the other server does not say of them is computed, as far as it can be.
fn set_money(content: &mut Content, taken: &DocumentTaken, given: &[LineTaken], setting: &Setting) {
    if let Ok(totals) = totals::total(&entry::document(content, setting)) {
        content.set_totals(totals, &setting.currency);
    }
    for (line, given) in content.lines.iter_mut().zip(given) {
        line.total = given.total_price.unwrap_or(line.total);
        line.gross = given.discount_amount.and_then(|off| line.total.checked_add(off)).unwrap_or(line.gross);
        line.share = given.document_discount_amount.unwrap_or(line.share);
        line.vat = given.vat_amount.unwrap_or(line.vat);
        line.withholding = given.wht_amount.unwrap_or(line.withholding);
    }
    let (terms, money) = (&content.terms, &mut content.money);
    let less = |one: Amount, other: Amount| one.checked_sub(other).unwrap_or(one);
    money.sub_total = taken.sub_total.unwrap_or(money.sub_total);
    money.sub_total_with_discount = taken.sub_total_with_discount.unwrap_or(money.sub_total_with_discount);
    money.discount = taken.discount_amount.unwrap_or(less(money.sub_total, money.sub_total_with_discount));
    money.total_vat = taken.total_vat.unwrap_or(money.total_vat);
    money.grand_total = taken.grand_total.unwrap_or(money.grand_total);
    money.net = taken.net_total.unwrap_or(less(money.grand_total, money.total_vat));
    money.withholding = taken.withheld.unwrap_or(money.withholding);
    money.net_to_receive = taken.net_to_receive.unwrap_or(less(money.grand_total, money.withholding));
    let whole = (money.net, money.total_vat);
    if let Some(taxes) = &taken.taxes {
        money.rates = taxes.iter().map(TaxTaken::read).collect();
    } else if let [only] = &mut money.rates[..] {
        (only.base, only.vat) = whole;
    }
    let own = |told: Option<Amount>, amount: Amount| {
        if terms.currency == setting.currency {
            return Some(amount);
        }
        told.or_else(|| totals::converted(amount, terms.currency_rate?, totals::places(&setting.currency)))
    };
    money.own_net = own(taken.company_net_total, money.net);
    money.own_total_vat = own(taken.company_total_vat, money.total_vat);
    money.own_grand_total = own(taken.company_grand_total, money.grand_total);
}

impl TaxTaken {
    fn read(&self) -> RateMoney {
        RateMoney { rate: self.vat_tax_value, base: self.base.unwrap_or_default(), vat: self.vat.unwrap_or_default() }
    }
}

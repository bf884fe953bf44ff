//! What is written of a quotation or an order, judged and made into its content: names looked up, usual values filled in,
//! amounts computed.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::content::{Content, Line, Terms, Texts};
use super::decimal::Decimal;
use super::totals::{self, Discount, Document, Field, Problem, Rule, Wrong};
use crate::http::{Code, Error, Faults, Patch};
use crate::product::stock::{Item, Warehouses};
use crate::product::store::{self as products, Details};
use crate::search;
use crate::setting::choice::{self, New};
use crate::setting::list::List;
use crate::setting::profile::{Rounding, Setting};

/// A line to be written.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesLineWrite {
    /// Product code.
    #[schema(example = "AB00025dddd")]
    product_code: String,
    /// What it is called on this document; the product's own name when it is absent.
    product_name: Option<String>,
    /// For one, at most six decimal places; the product's own price when it is absent.
    #[schema(value_type = Option<f64>, example = 100)]
    price: Option<Decimal>,
    /// How many, at most six decimal places; 1 when it is absent.
    #[schema(value_type = Option<f64>, example = 2)]
    qty: Option<Decimal>,
    /// Unit of measure, which must be the product's; the product's own when it is absent.
    product_unit_name: Option<String>,
    /// What is said of it; the product's own description when it is absent.
    product_description: Option<String>,
    /// The same, as one client of the original API spells it.
    product_descriptioin: Option<String>,
    /// True percent, false amount: required with `discountValue`.
    #[schema(example = false)]
    discount_type: Option<bool>,
    /// Off the line: an amount once, not for each piece; no more than the line's price.
    #[schema(value_type = Option<f64>, example = 10)]
    discount_value: Option<Decimal>,
    /// VAT in percent; null is without VAT. A rate that the company does not have is made, one out of use is refused.
    #[schema(value_type = Option<f64>, example = 7)]
    vat_tax_value: Option<Decimal>,
    /// Withholding tax in percent, which must be in the list `withholding-rates`.
    #[schema(value_type = Option<f64>)]
    wht_tax_value: Option<Decimal>,
    /// The same in the spelling of quotations.
    #[schema(value_type = Option<f64>)]
    wh_tax_value: Option<Decimal>,
    /// Name or number of the warehouse; the document's when it is absent.
    warehouse_code: Option<String>,
    /// Whether it is to be sent.
    is_shipping: Option<bool>,
    /// Taken and not used: the unit follows from the product.
    #[expect(dead_code, reason = "clients send what they have read")]
    unit_id: Option<i64>,
}

impl SalesLineWrite {
    /// Of the first generation: a code, a quantity, an amount off the line.
    pub(super) fn simple(code: String, qty: Option<Decimal>, discount: Option<Decimal>) -> SalesLineWrite {
        let discount = discount.filter(|discount| !discount.is_zero());
        SalesLineWrite {
            product_code: code,
            qty,
            discount_type: discount.map(|_| false),
            discount_value: discount,
            ..SalesLineWrite::default()
        }
    }
}

/// How the fields of a document are called in its requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) subject: &'static str,
    pub(super) lines: &'static str,
    pub(super) note: &'static str,
    pub(super) withholding: &'static str,
}

/// What a request says of a document's content. An update keeps what is absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) subject: Patch<String>,
    pub(super) contact_name: Patch<String>,
    pub(super) contact_id: Patch<i64>,
    pub(super) reference: Patch<String>,
    pub(super) recipient_name: Patch<String>,
    pub(super) recipient_address: Patch<String>,
    pub(super) customer_address: Patch<i64>,
    pub(super) header_template: Patch<i64>,
    pub(super) excludes_vat: Option<bool>,
    pub(super) currency: Patch<String>,
    pub(super) currency_rate: Patch<Decimal>,
    pub(super) discount_name: Patch<String>,
    pub(super) discount_type: Patch<bool>,
    pub(super) discount_value: Patch<Decimal>,
    pub(super) payment_term: Patch<String>,
    pub(super) note: Patch<String>,
    pub(super) remark: Patch<String>,
    pub(super) private_note: Patch<String>,
    pub(super) warehouse: Patch<String>,
    pub(super) lines: Option<Vec<SalesLineWrite>>,
}

/// Looks everything up and computes the document; every fault is added. Nothing but missing VAT rates is written.
pub(super) async fn content(
    tx: &mut Conn,
    (company, now): (i64, i64),
    setting: &Setting,
    names: Names,
    old: Option<&Content>,
    entry: &Entry,
    faults: &mut Faults,
) -> Result<Content, Error> {
    let was = old.cloned().unwrap_or_default();
    // Most companies keep everything in one place.
    let warehouses = match names_warehouse(entry) {
        true => Warehouses::load(tx, company).await?,
        false => Warehouses::default(),
    };
    let texts = texts(names, entry, was.texts, faults);
    let terms = terms(tx, company, setting, entry, (old.is_none(), was.terms), &warehouses, faults).await?;
    let lines = match &entry.lines {
        None => was.lines,
        Some(given) => {
            let shop = Shop::open(tx, (company, now), given).await?;
            shop.lines(tx, names, given, (&warehouses, terms.warehouse), faults).await?
        }
    };
    let mut content = Content { texts, terms, lines, money: was.money };
    let document = document(&content, setting);
    match totals::total(&document) {
        Ok(totals) => {
            content.set_totals(totals, &setting.currency);
            let money = &content.money;
            let own = [money.own_net, money.own_total_vat, money.own_grand_total];
            if content.terms.currency_rate.is_some() && own.iter().any(Option::is_none) {
                let message = format!("currencyRate makes the document worth too much in {}", setting.currency);
                faults.add(Code::OutOfRange, "currencyRate", message);
            }
        }
        Err(wrong) => wrong.into_iter().for_each(|wrong| say(wrong, names, &document, faults)),
    }
    Ok(content)
}

/// Whether the document or one of its lines names a warehouse.
fn names_warehouse(entry: &Entry) -> bool {
    let names_one = |line: &SalesLineWrite| super::given(line.warehouse_code.as_deref()).is_some();
    matches!(entry.warehouse, Patch::Set(_)) || entry.lines.iter().flatten().any(names_one)
}

fn texts(names: Names, entry: &Entry, was: Texts, faults: &mut Faults) -> Texts {
    let subject = faults.text(names.subject, &entry.subject, Some(was.subject), 300).unwrap_or_default();
    if subject.is_empty() {
        faults.add(Code::Required, names.subject, format!("{} is required", names.subject));
    }
    Texts {
        subject,
        contact_name: faults.text("contactName", &entry.contact_name, was.contact_name, 300),
        recipient_name: faults.text("recipientName", &entry.recipient_name, was.recipient_name, 300),
        recipient_address: faults.text("recipientAddress", &entry.recipient_address, was.recipient_address, 1_000),
        note: faults.text(names.note, &entry.note, was.note, 4_000),
        remark: faults.text("remark", &entry.remark, was.remark, 4_000),
        private_note: faults.text("privateNote", &entry.private_note, was.private_note, 4_000),
    }
}

async fn terms(
    tx: &mut Conn,
    company: i64,
    setting: &Setting,
    entry: &Entry,
    (is_new, was): (bool, Terms),
    warehouses: &Warehouses,
    faults: &mut Faults,
) -> Result<Terms, Error> {
    let currency = match &entry.currency {
        Patch::Set(code) if !code.trim().is_empty() => code.trim().to_ascii_uppercase(),
        Patch::Keep if !is_new => was.currency.clone(),
        _ => setting.currency.clone(),
    };
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        faults.add(Code::InvalidFormat, "currencyCode", "currencyCode must be three letters (ISO 4217)");
    }
    // A rate is that of one currency: another one is without until it gets its own.
    let kept_rate = was.currency_rate.filter(|_| was.currency == currency);
    let currency_rate = entry.currency_rate.clone().over(kept_rate);
    if currency_rate.is_some_and(|rate| rate.is_negative() || rate.is_zero()) {
        faults.add(Code::OutOfRange, "currencyRate", "currencyRate must be above 0");
    }
    let currency_rate = currency_rate.filter(|_| currency != setting.currency);
    let header_template = match entry.header_template {
        Patch::Set(id) => {
            match choice::find(tx, company, List::HeaderTemplates, id).await?.filter(|choice| choice.is_active) {
                Some(found) => Some(found.id),
                None => {
                    let message = format!("headerTemplateId {id} is not in the list header-templates");
                    faults.add(Code::NotFound, "headerTemplateId", message);
                    None
                }
            }
        }
        Patch::Keep if !is_new => was.header_template,
        _ => choice::first_active(tx, company, List::HeaderTemplates).await?,
    };
    let discount_value = entry.discount_value.clone().over(was.discount_value).filter(|value| !value.is_zero());
    let discount_is_percent = entry.discount_type.clone().over(was.discount_is_percent);
    check_discount("", discount_value, discount_is_percent, faults);
    let warehouse = match &entry.warehouse {
        Patch::Keep => was.warehouse,
        Patch::Clear => 0,
        Patch::Set(name) => warehouses.read("warehouseCode", Some(name), true, faults),
    };
    Ok(Terms {
        contact_id: entry.contact_id.clone().over(was.contact_id),
        reference: faults.text("referenceNo", &entry.reference, was.reference, 100),
        header_template,
        customer_address: entry.customer_address.clone().over(was.customer_address),
        payment_term: faults.text("paymentTerm", &entry.payment_term, was.payment_term, 300),
        includes_vat: entry.excludes_vat.map_or(was.includes_vat, |excludes| !excludes),
        currency,
        currency_rate,
        discount_name: faults.text("discountName", &entry.discount_name, was.discount_name, 300),
        discount_is_percent: discount_value.and(discount_is_percent),
        discount_value,
        warehouse,
    })
}

/// A value needs its kind, and is never below zero: what a document adds is a line.
fn check_discount(path: &str, value: Option<Decimal>, is_percent: Option<bool>, faults: &mut Faults) {
    let Some(value) = value else { return };
    if is_percent.is_none() {
        let field = format!("{path}discountType");
        faults.add(Code::Required, field.as_str(), format!("{field} is required with discountValue"));
    }
    if value.is_negative() {
        let field = format!("{path}discountValue");
        faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be 0 or more"));
    }
}

fn discount(value: Option<Decimal>, is_percent: Option<bool>) -> Discount {
    match (value, is_percent) {
        (Some(value), Some(true)) => Discount::Percent(value),
        (Some(value), _) => Discount::Amount(value),
        (None, _) => Discount::None,
    }
}

/// The document as the totals see it.
pub(super) fn document(content: &Content, setting: &Setting) -> Document {
    let terms = &content.terms;
    let lines = content.lines.iter().map(|line| totals::Line {
        quantity: line.quantity,
        price: line.price,
        discount: discount(line.discount_value, line.discount_is_percent),
        vat: line.vat_rate,
        withholding: line.withholding_rate,
    });
    Document {
        places: totals::places(&terms.currency),
        includes_vat: terms.includes_vat,
        rule: match setting.rounding {
            Rounding::Document => Rule::Document,
            Rounding::Line => Rule::Line,
            Rounding::Sum => Rule::Sum,
        },
        lines: lines.collect(),
        discount: discount(terms.discount_value, terms.discount_is_percent),
    }
}

/// A fault of the totals in the words of the request.
fn say(wrong: Wrong, names: Names, document: &Document, faults: &mut Faults) {
    let field = match wrong.field {
        Field::Quantity => "qty",
        Field::Price => "price",
        Field::Discount => "discountValue",
        Field::Vat => "vatTaxValue",
        Field::Withholding => names.withholding,
        Field::Lines => "",
    };
    let field = match wrong.line {
        Some(index) => format!("{}[{index}].{field}", names.lines),
        None if wrong.field == Field::Lines => names.lines.to_owned(),
        None => field.to_owned(),
    };
    let (code, message) = match wrong.problem {
        Problem::Places => (Code::OutOfRange, format!("{field} may have {} decimal places", totals::PLACES)),
        Problem::Percent => (Code::OutOfRange, format!("{field} must be a percentage from 0 to 100")),
        Problem::Limit if wrong.line.is_some() => {
            (Code::OutOfRange, format!("{field} must not be more than the line's price"))
        }
        Problem::Limit => (Code::OutOfRange, format!("{field} must not be more than the total of the lines")),
        Problem::Large => (Code::OutOfRange, format!("{field} makes the document worth too much")),
        Problem::Many => {
            (Code::TooLong, format!("A document may have {} lines, not {}", totals::MOST_LINES, document.lines.len()))
        }
    };
    faults.add(code, field, message);
}

/// A product as lines need it.
#[derive(Debug, Clone, Deserialize)]
struct Product {
    id: i64,
    code: String,
    code_key: String,
    name: String,
    kind: i64,
    is_parent: bool,
    track_inventory: bool,
    active: bool,
    cost: Option<Amount>,
    details: Details,
    unit: Option<i64>,
    unit_name: Option<String>,
    unit_name_en: Option<String>,
    price: Option<Amount>,
}

/// What lines choose from.
struct Shop {
    company: i64,
    products: HashMap<String, Product>,
    vat: Vec<Rate>,
    withholding: Vec<Rate>,
}

/// An entry of a list of rates.
struct Rate {
    /// Percent.
    rate: Decimal,
    is_active: bool,
}

impl Rate {
    fn of(detail: Option<&Value>, is_active: bool) -> Option<Rate> {
        let rate = match detail?.get("rate")? {
            Value::Number(number) => number.to_string().parse().ok()?,
            Value::String(text) => text.parse().ok()?,
            _ => return None,
        };
        Some(Rate { rate, is_active })
    }

    async fn all(tx: &mut Conn, company: i64, list: List) -> Result<Vec<Rate>, Error> {
        let entries = choice::details(tx, company, list).await?;
        Ok(entries.iter().filter_map(|(detail, is_active)| Rate::of(detail.as_ref(), *is_active)).collect())
    }
}

impl Shop {
    async fn open(tx: &mut Conn, (company, now): (i64, i64), lines: &[SalesLineWrite]) -> Result<Shop, Error> {
        let codes = lines.iter().filter_map(|line| super::given(Some(&line.product_code)));
        let mut keys: Vec<String> = codes.map(products::key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut wanted = Rows::new(&[("code_key", Type::Text)]);
        for key in keys {
            wanted.push([key.into()]);
        }
        let mut shop = Shop { company, products: HashMap::new(), vat: Vec::new(), withholding: Vec::new() };
        if wanted.is_empty() {
            return Ok(shop);
        }
        let found: Vec<Product> = tx
            .sql(
                "select product.id, product.code, product.code_key, product.name, product.kind, product.is_parent,
                        product.track_inventory, product.active, product.cost, product.details, product.unit,
                        unit.name as unit_name, unit.name_en as unit_name_en,
                        (select coalesce(price.sale_price, price.regular_price) from product_price as price
                         where price.company = product.company and price.product = product.id
                           and (price.starts_at is null or price.starts_at <= ",
            )
            .push_bind(now)
            .push(") and (price.ends_at is null or price.ends_at > ")
            .push_bind(now)
            .push(") order by price.position limit 1) as price from ")
            .push_rows(&wanted)
            .push(
                " as input cross join product
                 left join choice as unit on unit.company = product.company and unit.list = 'units' and unit.id = product.unit
                 where product.code_key = input.code_key and product.deleted_at is null and product.company = ",
            )
            .push_bind(company)
            .all()
            .await?;
        shop.products = found.into_iter().map(|product| (product.code_key.clone(), product)).collect();
        if lines.iter().any(|line| line.vat_tax_value.is_some()) {
            shop.vat = Rate::all(tx, company, List::VatRates).await?;
        }
        if lines.iter().any(|line| line.wht_tax_value.or(line.wh_tax_value).is_some()) {
            shop.withholding = Rate::all(tx, company, List::WithholdingRates).await?;
        }
        Ok(shop)
    }

    async fn lines(
        mut self,
        tx: &mut Conn,
        names: Names,
        given: &[SalesLineWrite],
        (warehouses, usual): (&Warehouses, i64),
        faults: &mut Faults,
    ) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::with_capacity(given.len());
        for (index, write) in given.iter().enumerate().take(totals::MOST_LINES + 1) {
            let path = format!("{}[{index}].", names.lines);
            if super::given(Some(&write.product_code)).is_none() {
                faults.add(Code::Required, format!("{path}productCode"), format!("{path}productCode is required"));
                lines.push(Line::default());
                continue;
            }
            let Some(product) = self.products.get(&products::key(&write.product_code)).cloned() else {
                let message = format!("{path}productCode “{}” is not a known product", write.product_code);
                faults.add(Code::NotFound, format!("{path}productCode"), message);
                lines.push(Line::default());
                continue;
            };
            self.rates(tx, &path, names, write, faults).await?;
            lines.push(line(&path, write, product, warehouses, usual, faults));
        }
        Ok(lines)
    }

    /// VAT and withholding of a line, by the company's lists.
    async fn rates(
        &mut self,
        tx: &mut Conn,
        path: &str,
        names: Names,
        write: &SalesLineWrite,
        faults: &mut Faults,
    ) -> Result<(), Error> {
        let percent = |rate: &Decimal| (Decimal::ZERO..=Decimal::HUNDRED).contains(rate);
        if let Some(rate) = write.vat_tax_value.filter(percent) {
            let is_known = self.vat.iter().any(|known| known.rate == rate);
            let is_used = self.vat.iter().any(|known| known.rate == rate && known.is_active);
            if !is_known {
                let detail: Value = json!({"rate": rate});
                let name = format!("VAT {rate}%");
                let new = New { id: None, name: &name, name_en: Some(&name), detail: Some(&detail), ..New::default() };
                let made = choice::create(tx, self.company, List::VatRates, &new).await?;
                self.vat.extend(Rate::of(made.detail.as_ref(), made.is_active));
            } else if !is_used {
                let message = format!("{path}vatTaxValue {rate} is out of use");
                faults.add(Code::InvalidValue, format!("{path}vatTaxValue"), message);
            }
        }
        if let Some(rate) = write.wht_tax_value.or(write.wh_tax_value).filter(percent)
            && !rate.is_zero()
            && !self.withholding.iter().any(|known| known.is_active && known.rate == rate)
        {
            let field = format!("{path}{}", names.withholding);
            let message = format!("{field} {rate} is not in the list withholding-rates");
            faults.add(Code::NotFound, field, message);
        }
        Ok(())
    }
}

fn line(
    path: &str,
    write: &SalesLineWrite,
    product: Product,
    warehouses: &Warehouses,
    usual: i64,
    faults: &mut Faults,
) -> Line {
    let given =
        |text: &Option<String>| text.as_deref().map(search::trimmed).filter(|text| !text.is_empty()).map(str::to_owned);
    if product.is_parent {
        let message = format!("Product {} has variants: name one of them", product.code);
        faults.add(Code::InvalidValue, format!("{path}productCode"), message);
    } else if !product.active {
        let message = format!("Product {} is out of use", product.code);
        faults.add(Code::InvalidValue, format!("{path}productCode"), message);
    }
    if let Some(unit) = given(&write.product_unit_name) {
        let own = [&product.unit_name, &product.unit_name_en];
        if !own.into_iter().flatten().any(|own| choice::key(own) == choice::key(&unit)) {
            let message = format!("{path}productUnitName “{unit}” is not a unit of product {}", product.code);
            faults.add(Code::NotFound, format!("{path}productUnitName"), message);
        }
    }
    let name = given(&write.product_name).unwrap_or(product.name);
    faults.longest(&format!("{path}productName"), &name, 300);
    let description = given(&write.product_description).or_else(|| given(&write.product_descriptioin));
    faults.longest(&format!("{path}productDescription"), description.as_deref().unwrap_or_default(), 4_000);
    let discount_value = write.discount_value.filter(|value| !value.is_zero());
    check_discount(path, discount_value, write.discount_type, faults);
    let quantity = write.qty.unwrap_or(Decimal::new(1, 0));
    if product.track_inventory && quantity.amount().is_none() {
        let message = format!("{path}qty may have four decimal places, because stock of {} is kept", product.code);
        faults.add(Code::OutOfRange, format!("{path}qty"), message);
    }
    let warehouse = match given(&write.warehouse_code) {
        Some(name) => warehouses.read(&format!("{path}warehouseCode"), Some(&name), true, faults),
        None => usual,
    };
    Line {
        product: product.id,
        code: product.code,
        name,
        description: description.or(product.details.description),
        unit: product.unit,
        unit_name: product.unit_name,
        price: write.price.or(product.price.map(Decimal::from)).unwrap_or_default(),
        quantity,
        discount_is_percent: discount_value.and(write.discount_type),
        discount_value,
        vat_rate: write.vat_tax_value,
        withholding_rate: write.wht_tax_value.or(write.wh_tax_value),
        warehouse,
        is_shipping: write.is_shipping,
        cost: if product.kind == products::BUNDLE { None } else { product.cost },
        ..Line::default()
    }
}

/// The lines as stock sees them, where anything is taken: what is not above zero is not.
pub(super) async fn stock_lines(
    conn: &mut Conn,
    company: i64,
    lines: &[Line],
    names: &'static str,
    quantity: impl Fn(&Line) -> Option<Amount>,
) -> Result<Vec<crate::product::stock::Line>, db::Error> {
    let ids: Vec<i64> = lines.iter().map(|line| line.product).collect();
    let items: HashMap<i64, Item> = crate::product::stock::items(conn, company, &ids).await?;
    let taken = lines.iter().enumerate().filter_map(|(index, line)| {
        let quantity = quantity(line).filter(|quantity| *quantity > Amount::ZERO)?;
        let item = items.get(&line.product)?.clone();
        let field = format!("{names}[{index}].qty");
        Some(crate::product::stock::Line { item, warehouse: line.warehouse, quantity, field })
    });
    Ok(taken.collect())
}

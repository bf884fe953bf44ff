//! What quotations and orders have in common as they are stored: lines, terms, amounts. Lines and amounts are one JSON
//! column each, so that a document is one row and a copy of it is one value.

use std::collections::HashMap;

use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::decimal::{self, Decimal};
use super::totals::{self, Totals};
use super::words::{self, Reading};

/// A line as it is stored: what was entered, what the product was called then, and its amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    /// The product's number.
    pub(crate) product: i64,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// An entry of the list `units`, and its name then.
    pub(crate) unit: Option<i64>,
    pub(crate) unit_name: Option<String>,
    #[serde(with = "decimal::text")]
    pub(crate) price: Decimal,
    #[serde(with = "decimal::text")]
    pub(crate) quantity: Decimal,
    pub(crate) discount_is_percent: Option<bool>,
    #[serde(with = "decimal::text_option")]
    pub(crate) discount_value: Option<Decimal>,
    #[serde(with = "decimal::text_option")]
    pub(crate) vat_rate: Option<Decimal>,
    #[serde(with = "decimal::text_option")]
    pub(crate) withholding_rate: Option<Decimal>,
    pub(crate) warehouse: i64,
    pub(crate) is_shipping: Option<bool>,
    /// What one of it costs the company, in its own currency.
    #[serde(with = "decimal::units_option")]
    pub(crate) cost: Option<Amount>,
    #[serde(with = "decimal::units")]
    pub(crate) gross: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) total: Amount,
    /// Its share of the document's discount.
    #[serde(with = "decimal::units")]
    pub(crate) share: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) vat: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) withholding: Amount,
    /// How many were handed over, those that came back included.
    #[serde(with = "decimal::units")]
    pub(crate) delivered: Amount,
    /// How many of those came back.
    #[serde(with = "decimal::units")]
    pub(crate) returned: Amount,
    /// Serial numbers of the pieces that were handed over.
    pub(crate) serials: Vec<String>,
}

/// A document's amounts as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Money {
    #[serde(with = "decimal::units")]
    pub(crate) sub_total: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) discount: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) sub_total_with_discount: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) net: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) total_vat: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) grand_total: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) withholding: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) net_to_receive: Amount,
    pub(crate) rates: Vec<RateMoney>,
    /// In the company's currency, by the document's rate; null without a rate.
    #[serde(with = "decimal::units_option")]
    pub(crate) own_net: Option<Amount>,
    #[serde(with = "decimal::units_option")]
    pub(crate) own_total_vat: Option<Amount>,
    #[serde(with = "decimal::units_option")]
    pub(crate) own_grand_total: Option<Amount>,
}

/// The amounts of a VAT rate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RateMoney {
    #[serde(with = "decimal::text_option")]
    pub(crate) rate: Option<Decimal>,
    #[serde(with = "decimal::units")]
    pub(crate) base: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) vat: Amount,
}

/// Everything that a quotation hands on to its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Terms {
    pub(crate) contact_id: Option<i64>,
    pub(crate) reference: Option<String>,
    pub(crate) header_template: Option<i64>,
    pub(crate) customer_address: Option<i64>,
    pub(crate) payment_term: Option<String>,
    /// Whether prices contain VAT: the API's `vatCalculation` is the opposite.
    pub(crate) includes_vat: bool,
    pub(crate) currency: String,
    /// So many units of the company's currency for one of the document's, as typed in.
    #[serde(with = "decimal::text_option")]
    pub(crate) currency_rate: Option<Decimal>,
    pub(crate) discount_name: Option<String>,
    pub(crate) discount_is_percent: Option<bool>,
    #[serde(with = "decimal::text_option")]
    pub(crate) discount_value: Option<Decimal>,
    pub(crate) warehouse: i64,
}

/// What may name a person: columns of their own, so that they can be emptied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Texts {
    pub(crate) subject: String,
    pub(crate) contact_name: Option<String>,
    pub(crate) recipient_name: Option<String>,
    pub(crate) recipient_address: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) remark: Option<String>,
    pub(crate) private_note: Option<String>,
}

/// A document's content as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) texts: Texts,
    pub(crate) terms: Terms,
    pub(crate) lines: Vec<Line>,
    pub(crate) money: Money,
}

impl Content {
    /// Takes over what was computed.
    pub(super) fn set_totals(&mut self, totals: Totals, own_currency: &str) {
        for (line, amounts) in self.lines.iter_mut().zip(totals.lines) {
            line.gross = amounts.gross;
            line.total = amounts.total;
            line.share = amounts.share;
            line.vat = amounts.vat;
            line.withholding = amounts.withholding;
        }
        let is_own = self.terms.currency == own_currency;
        let own = |amount: Amount| {
            if is_own {
                return Some(amount);
            }
            totals::converted(amount, self.terms.currency_rate?, totals::places(own_currency))
        };
        let (own_total_vat, own_grand_total) = (own(totals.total_vat), own(totals.grand_total));
        // Both are rounded, and what is before VAT is the rest, so that they add up there, too.
        let rest = own_grand_total.zip(own_total_vat).and_then(|(total, vat)| total.checked_sub(vat));
        let own_net = if is_own { Some(totals.net) } else { rest };
        let rates = totals.rates.iter().map(|rate| RateMoney { rate: rate.rate, base: rate.base, vat: rate.vat });
        self.money = Money {
            sub_total: totals.sub_total,
            discount: totals.discount,
            sub_total_with_discount: totals.sub_total_with_discount,
            net: totals.net,
            total_vat: totals.total_vat,
            grand_total: totals.grand_total,
            withholding: totals.withholding,
            net_to_receive: totals.net_to_receive,
            rates: rates.collect(),
            own_net,
            own_total_vat,
            own_grand_total,
        };
    }

    /// All that is taken off, lines' and document's, in percent of the gross; none when nothing is sold.
    pub(super) fn discount_percent(&self) -> Option<f64> {
        let sum = |of: fn(&Line) -> Amount| self.lines.iter().map(|line| i128::from(of(line).units())).sum::<i128>();
        let gross = sum(|line| line.gross);
        let after = i128::from(self.money.sub_total_with_discount.units());
        #[expect(clippy::cast_precision_loss, reason = "it is only compared with a limit in whole percents or tenths")]
        let percent = (gross > 0).then(|| (gross - after) as f64 * 100.0 / gross as f64);
        percent
    }

    /// What is earned, in percent of the price before VAT; none when a cost or the rate is not known. What costs something
    /// and is given away earns less than any limit.
    pub(super) fn margin_percent(&self) -> Option<f64> {
        let mut cost: i128 = 0;
        for line in &self.lines {
            let quantity = i128::from(line.quantity.amount()?.units());
            cost = cost.checked_add(i128::from(line.cost?.units()).checked_mul(quantity)? / 10_000)?;
        }
        let net = if self.money.net <= Amount::ZERO { 0 } else { i128::from(self.money.own_net?.units()) };
        if net <= 0 {
            return (cost > 0).then_some(f64::NEG_INFINITY);
        }
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let percent = (net - cost) as f64 * 100.0 / net as f64;
        Some(percent)
    }

    /// What a page or a PDF may show: without the private note, and what only the company's own work needs.
    pub(super) fn shown(mut self) -> Content {
        self.texts.private_note = None;
        (self.terms.contact_id, self.terms.warehouse) = (None, 0);
        for line in &mut self.lines {
            (line.warehouse, line.cost, line.is_shipping) = (0, None, None);
        }
        self
    }

    /// What an approval is about: terms, lines and amounts, without what is only said of them.
    pub(super) fn judged(self) -> (Terms, Vec<Line>, Money) {
        let Content { mut terms, lines, money, .. } = self;
        (terms.contact_id, terms.header_template, terms.customer_address) = (None, None, None);
        (terms.reference, terms.discount_name) = (None, None);
        (terms, lines, money)
    }
}

/// A line of a quotation or an order. What is not known is null, never absent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesLine {
    /// Product code.
    #[schema(example = "AB00025dddd")]
    product_code: String,
    /// What it is called on this document.
    #[schema(example = "Venio Headphone")]
    product_name: String,
    /// For one.
    #[schema(value_type = f64, example = 800)]
    price: Decimal,
    /// How many.
    #[schema(value_type = f64, example = 2)]
    qty: Decimal,
    /// Unit of measure.
    #[schema(example = "ชิ้น")]
    product_unit_name: Option<String>,
    /// What is said of it.
    product_description: Option<String>,
    /// Discount, as it was entered.
    #[schema(value_type = Option<f64>)]
    discount_value: Option<Decimal>,
    /// True percent, false amount.
    discount_type: Option<bool>,
    /// VAT in percent; null without VAT.
    #[schema(value_type = Option<f64>, example = 7)]
    vat_tax_value: Option<Decimal>,
    /// Withholding tax in percent.
    #[schema(value_type = Option<f64>)]
    wht_tax_value: Option<Decimal>,
    /// The same in the spelling of the quotation's request.
    #[schema(value_type = Option<f64>)]
    wh_tax_value: Option<Decimal>,
    /// Price times quantity less its discount.
    #[schema(value_type = f64, example = 1600)]
    total_price: Amount,
    /// Number of the unit.
    unit_id: Option<i64>,
    /// Whether it is to be sent.
    is_shipping: Option<bool>,
    /// Name of the warehouse; null for the company's own.
    warehouse_code: Option<String>,
    /// What its own discount comes to.
    #[schema(value_type = f64)]
    discount_amount: Amount,
    /// Its share of the document's discount.
    #[schema(value_type = f64)]
    document_discount_amount: Amount,
    /// Its VAT.
    #[schema(value_type = f64)]
    vat_amount: Amount,
    /// What of it is withheld.
    #[schema(value_type = f64)]
    wht_amount: Amount,
    /// How many were handed over.
    #[schema(value_type = f64)]
    delivered_qty: Amount,
    /// How many of those came back.
    #[schema(value_type = f64)]
    returned_qty: Amount,
    /// Serial numbers of the pieces that were handed over.
    serial_numbers: Vec<String>,
}

impl SalesLine {
    /// The line as callers get it.
    pub(super) fn of(line: Line, warehouses: &HashMap<i64, String>) -> SalesLine {
        SalesLine {
            product_code: line.code,
            product_name: line.name,
            price: line.price,
            qty: line.quantity,
            product_unit_name: line.unit_name,
            product_description: line.description,
            discount_value: line.discount_value,
            discount_type: line.discount_is_percent,
            vat_tax_value: line.vat_rate,
            wht_tax_value: line.withholding_rate,
            wh_tax_value: line.withholding_rate,
            total_price: line.total,
            unit_id: line.unit,
            is_shipping: line.is_shipping,
            warehouse_code: warehouses.get(&line.warehouse).cloned(),
            discount_amount: line.gross.checked_sub(line.total).unwrap_or_default(),
            document_discount_amount: line.share,
            vat_amount: line.vat,
            wht_amount: line.withholding,
            delivered_qty: line.delivered,
            returned_qty: line.returned,
            serial_numbers: line.serials,
        }
    }
}

/// The amounts of a VAT rate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesTax {
    /// Percent; null for what is outside VAT.
    #[schema(value_type = Option<f64>, example = 7)]
    vat_tax_value: Option<Decimal>,
    /// What is taxed: after all discounts and before VAT.
    #[schema(value_type = f64, example = 4175)]
    base: Amount,
    /// The tax.
    #[schema(value_type = f64, example = 292.25)]
    vat: Amount,
}

/// Amounts of a document, as the original names them and beyond.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesAmounts {
    /// VAT, rate by rate.
    taxes: Vec<SalesTax>,
    /// What the document's discount comes to.
    #[schema(value_type = f64, example = 100)]
    discount_amount: Amount,
    /// Before VAT and after all discounts.
    #[schema(value_type = f64, example = 4175)]
    net_total: Amount,
    /// What the buyer withholds; it is not taken off `grandTotal`.
    #[schema(value_type = f64, example = 0)]
    total_wht: Amount,
    /// `grandTotal` less what is withheld.
    #[schema(value_type = f64, example = 4467.25)]
    net_to_receive: Amount,
    /// `grandTotal` in words, in baht only.
    #[schema(example = "สี่พันสี่ร้อยหกสิบเจ็ดบาทยี่สิบห้าสตางค์")]
    grand_total_in_words: Option<String>,
    /// So many units of the company's currency for one of the document's.
    #[schema(value_type = Option<f64>)]
    currency_rate: Option<Decimal>,
    /// `netTotal` in the company's currency; null without a rate.
    #[schema(value_type = Option<f64>)]
    company_net_total: Option<Amount>,
    /// `totalVat` in the company's currency.
    #[schema(value_type = Option<f64>)]
    company_total_vat: Option<Amount>,
    /// `grandTotal` in the company's currency.
    #[schema(value_type = Option<f64>)]
    company_grand_total: Option<Amount>,
}

impl SalesAmounts {
    /// The amounts as callers get them.
    pub(super) fn of(money: &Money, terms: &Terms, reading: Reading) -> SalesAmounts {
        let taxes =
            money.rates.iter().map(|rate| SalesTax { vat_tax_value: rate.rate, base: rate.base, vat: rate.vat });
        SalesAmounts {
            taxes: taxes.collect(),
            discount_amount: money.discount,
            net_total: money.net,
            total_wht: money.withholding,
            net_to_receive: money.net_to_receive,
            grand_total_in_words: (terms.currency == "THB").then(|| words::baht(money.grand_total, reading)),
            currency_rate: terms.currency_rate,
            company_net_total: money.own_net,
            company_total_vat: money.own_total_vat,
            company_grand_total: money.own_grand_total,
        }
    }
}

/// A discount in a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesDiscount {
    /// Its label.
    discount_name: Option<String>,
    /// True percent, false amount.
    discount_type: Option<bool>,
    /// As it was entered.
    #[schema(value_type = Option<f64>)]
    discount_value: Option<Decimal>,
}

impl SalesDiscount {
    /// The document's discount as a list of at most one.
    pub(super) fn list(terms: &Terms) -> Vec<SalesDiscount> {
        let discount = terms.discount_value.map(|value| SalesDiscount {
            discount_name: terms.discount_name.clone(),
            discount_type: terms.discount_is_percent,
            discount_value: Some(value),
        });
        discount.into_iter().collect()
    }
}

/// A customer as documents show it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) name: String,
}

/// What views of documents need from other tables.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) customers: HashMap<i64, Customer>,
    pub(crate) warehouses: HashMap<i64, String>,
    pub(crate) reading: Reading,
}

impl Around {
    /// Reads it for all of these documents together.
    pub(crate) async fn load(
        conn: &mut Conn,
        company: i64,
        customers: Vec<i64>,
        lines: impl Iterator<Item = &Line>,
        reading: Reading,
    ) -> Result<Around, db::Error> {
        let mut ids = customers;
        ids.sort_unstable();
        ids.dedup();
        let mut around = Around { reading, ..Around::default() };
        if !ids.is_empty() {
            let found: Vec<Customer> = conn
                .sql("select customer.id, customer.code, customer.name from ")
                .push_ids(&ids)
                .push(" as input cross join customer where customer.id = input.id and customer.company = ")
                .push_bind(company)
                .all()
                .await?;
            around.customers = found.into_iter().map(|customer| (customer.id, customer)).collect();
        }
        // Most companies keep everything in one place, which has no name.
        if lines.into_iter().any(|line| line.warehouse != 0) {
            let found: Vec<(i64, String)> = conn
                .sql("select id, name from choice where company = $1 and list = 'warehouses'")
                .bind(company)
                .all()
                .await?;
            around.warehouses = found.into_iter().collect();
        }
        Ok(around)
    }
}

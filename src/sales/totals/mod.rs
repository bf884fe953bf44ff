//! Totals of a document: a pure function from lines and rules to amounts, without a database and without a clock.
//!
//! A line is quantity times price less its discount. The document's discount is spread over the VAT rates first, in
//! proportion, the rest unit by unit to the largest base and then to the higher rate; inside a rate over the lines, for
//! show. So the order of the lines never changes a total. Everything is rounded half away from zero, and by whole numbers
//! of any length: nothing overflows before the result is judged. The result is stored and copied, never computed again.

mod exact;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use db::Amount;
use num_bigint::BigInt;

use self::exact::{Exact, apportion, power, spread};
use super::decimal::Decimal;

/// Most lines of a document.
pub const MOST_LINES: usize = 1_000;
/// Places that a price or a quantity may have.
pub const PLACES: u32 = 6;
/// A line may not be worth more than this, in whole units of the currency.
const MOST: i64 = 10_000_000_000_000;

/// Where amounts are rounded. A company keeps the rule of its first document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Lines are rounded, VAT once for each rate of the document.
    Document,
    /// Lines are rounded, and VAT on each of them.
    Line,
    /// Lines are not rounded until they are summed, VAT once for each rate of the document.
    Sum,
}

/// What is taken off a line or a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Discount {
    /// Nothing.
    #[default]
    None,
    /// An amount, once for the line, not for each piece.
    Amount(Decimal),
    /// A percentage.
    Percent(Decimal),
}

/// A line, as it is entered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// How many; fractions and negative quantities are allowed.
    pub quantity: Decimal,
    /// For one.
    pub price: Decimal,
    /// Off the line.
    pub discount: Discount,
    /// VAT in percent; `None` for what is outside VAT.
    pub vat: Option<Decimal>,
    /// Withholding tax in percent, of the price before VAT.
    pub withholding: Option<Decimal>,
}

/// A document, as it is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Places of its currency, 0 to 4.
    pub places: u32,
    /// Whether prices contain VAT.
    pub includes_vat: bool,
    /// Where amounts are rounded.
    pub rule: Rule,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Off the whole.
    pub discount: Discount,
}

/// A line's amounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineTotals {
    /// Quantity times price.
    pub gross: Amount,
    /// What its own discount takes off: `gross` is this and `total`.
    pub discount: Amount,
    /// Quantity times price less its discount, with VAT where prices contain it.
    pub total: Amount,
    /// Its share of the document's discount.
    pub share: Amount,
    /// Its VAT, a share of that of its rate.
    pub vat: Amount,
    /// What of it is withheld, a share of that of its rate.
    pub withholding: Amount,
}

/// A rate's amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Percent; `None` for what is outside VAT.
    pub rate: Option<Decimal>,
    /// What is taxed: after all discounts and before VAT.
    pub base: Amount,
    /// The tax.
    pub vat: Amount,
}

/// A document's amounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// One for each line, in their order.
    pub lines: Vec<LineTotals>,
    /// The sum of the lines, with VAT where prices contain it.
    pub sub_total: Amount,
    /// The document's discount.
    pub discount: Amount,
    /// The sum less the document's discount.
    pub sub_total_with_discount: Amount,
    /// One for each rate, the highest first and what is outside VAT last.
    pub rates: Vec<Rate>,
    /// Before VAT.
    pub net: Amount,
    /// VAT of all rates.
    pub total_vat: Amount,
    /// With VAT. Nothing withheld is taken off.
    pub grand_total: Amount,
    /// What the buyer withholds and hands to the tax office.
    pub withholding: Amount,
    /// The grand total less what is withheld.
    pub net_to_receive: Amount,
}

/// Which input is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// How many.
    Quantity,
    /// For one.
    Price,
    /// A line's discount, or the document's.
    Discount,
    /// VAT in percent.
    Vat,
    /// Withholding tax in percent.
    Withholding,
    /// The lines as such.
    Lines,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// More places than are kept.
    Places,
    /// No percentage from 0 to 100.
    Percent,
    /// More than what it is taken from, or of the other sign.
    Limit,
    /// Worth more than is counted here.
    Large,
    /// More lines than a document has.
    Many,
}

/// A fault of a document: which line (`None` for the document itself), which field, what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong {
    /// The line's place, from 0.
    pub line: Option<usize>,
    /// The field.
    pub field: Field,
    /// What is wrong.
    pub problem: Problem,
}

/// Computes a document, or says everything that is wrong with it.
pub fn total(document: &Document) -> Result<Totals, Vec<Wrong>> {
    let wrong = check(document);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let sums = Sums::of(document).map_err(|wrong| vec![wrong])?;
    sums.totals(document).ok_or_else(|| vec![Wrong { line: None, field: Field::Lines, problem: Problem::Large }])
}

/// What can be said of each input for itself.
fn check(document: &Document) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if document.lines.len() > MOST_LINES {
        return vec![Wrong { line: None, field: Field::Lines, problem: Problem::Many }];
    }
    let percent = |value: Decimal| (Decimal::ZERO..=Decimal::HUNDRED).contains(&value);
    for (index, line) in document.lines.iter().enumerate() {
        let mut say = |field, problem| wrong.push(Wrong { line: Some(index), field, problem });
        if line.quantity.places() > PLACES {
            say(Field::Quantity, Problem::Places);
        }
        if line.price.places() > PLACES {
            say(Field::Price, Problem::Places);
        }
        if line.vat.is_some_and(|rate| !percent(rate)) {
            say(Field::Vat, Problem::Percent);
        }
        if line.withholding.is_some_and(|rate| !percent(rate)) {
            say(Field::Withholding, Problem::Percent);
        }
        let gross = Exact::product(line.quantity, line.price);
        if gross.exceeds(MOST) {
            say(Field::Price, Problem::Large);
        }
        match line.discount {
            Discount::Percent(value) if !percent(value) => say(Field::Discount, Problem::Percent),
            Discount::Amount(value) if !Exact::from(value).is_within(&gross) => say(Field::Discount, Problem::Limit),
            _ => {}
        }
    }
    if let Discount::Percent(value) = document.discount
        && !percent(value)
    {
        wrong.push(Wrong { line: None, field: Field::Discount, problem: Problem::Percent });
    }
    wrong
}

/// Lines of one VAT rate and one rate of withholding.
#[derive(Debug, Default)]
struct Group {
    lines: Vec<usize>,
    share: BigInt,
    vat: BigInt,
}

/// Lines of one VAT rate.
#[derive(Debug, Default)]
struct Taxed {
    rate: Option<Decimal>,
    groups: BTreeMap<Reverse<Option<Decimal>>, Group>,
    /// The sum of the lines, rounded.
    sum: BigInt,
    share: BigInt,
    vat: BigInt,
}

/// A document between input and result; all whole numbers are units of the currency's last place.
#[derive(Debug)]
struct Sums {
    gross: Vec<BigInt>,
    /// Lines after their discount, rounded or not, as the rule says.
    exact: Vec<Exact>,
    sub_total: BigInt,
    discount: BigInt,
    rates: Vec<Taxed>,
}

impl Sums {
    fn of(document: &Document) -> Result<Sums, Wrong> {
        let places = document.places;
        let mut gross = Vec::with_capacity(document.lines.len());
        let mut exact = Vec::with_capacity(document.lines.len());
        let mut rates: BTreeMap<Reverse<Option<Decimal>>, Taxed> = BTreeMap::new();
        for (index, line) in document.lines.iter().enumerate() {
            let product = Exact::product(line.quantity, line.price);
            let value = product.less(line.discount);
            gross.push(product.round(places));
            exact.push(match document.rule {
                Rule::Sum => value,
                Rule::Document | Rule::Line => Exact { units: value.round(places), places },
            });
            let taxed = rates.entry(Reverse(line.vat)).or_default();
            taxed.rate = line.vat;
            taxed.groups.entry(Reverse(line.withholding)).or_default().lines.push(index);
        }
        let sum = |lines: &mut dyn Iterator<Item = &Exact>| {
            lines.fold(Exact::from(Decimal::ZERO), |sum, line| sum.plus(line))
        };
        let whole = sum(&mut exact.iter());
        let sub_total = whole.round(places);
        let discount = match document.discount {
            Discount::None => BigInt::ZERO,
            Discount::Percent(value) => whole.percent(value).round(places),
            Discount::Amount(value) => Exact::from(value).round(places),
        };
        let limit = Exact { units: discount.clone(), places }.is_within(&Exact { units: sub_total.clone(), places });
        if !limit {
            return Err(Wrong { line: None, field: Field::Discount, problem: Problem::Limit });
        }
        let mut rates: Vec<Taxed> = rates.into_values().collect();
        let parts: Vec<Exact> = rates
            .iter()
            .map(|taxed| sum(&mut taxed.groups.values().flat_map(|group| &group.lines).map(|line| &exact[*line])))
            .collect();
        for (taxed, part) in rates.iter_mut().zip(apportion(&sub_total, &parts, places)) {
            taxed.sum = part;
        }
        let mut sums = Sums { gross, exact, sub_total, discount, rates };
        sums.spread_discount();
        Ok(sums)
    }

    /// Over rates, inside a rate over its rates of withholding: both are sets, whatever the order of the lines.
    fn spread_discount(&mut self) {
        let weights: Vec<BigInt> = self.rates.iter().map(|taxed| taxed.sum.clone()).collect();
        for (taxed, share) in self.rates.iter_mut().zip(spread(&self.discount, &weights)) {
            let common = places_of(&self.exact);
            let weights: Vec<BigInt> = taxed
                .groups
                .values()
                .map(|group| group.lines.iter().map(|line| self.exact[*line].at(common)).sum())
                .collect();
            for (group, part) in taxed.groups.values_mut().zip(spread_all(&share, &weights)) {
                group.share = part;
            }
            taxed.share = share;
        }
    }

    fn totals(mut self, document: &Document) -> Option<Totals> {
        let places = document.places;
        let common = places_of(&self.exact).max(places);
        let up = power(common - places);
        let mut lines = vec![LineTotals::default(); document.lines.len()];
        let mut vat = vec![BigInt::ZERO; document.lines.len()];
        let mut withheld: BTreeMap<Decimal, (BigInt, Vec<(usize, BigInt)>)> = BTreeMap::new();
        for taxed in &mut self.rates {
            let rate = taxed.rate.unwrap_or_default();
            let tax = |value: &Exact| {
                if document.includes_vat { value.contained(rate, places) } else { value.percent(rate).round(places) }
            };
            // What remains of each line after its share, in units of the common place.
            let mut after: BTreeMap<usize, BigInt> = BTreeMap::new();
            for group in taxed.groups.values() {
                let weights: Vec<BigInt> = group.lines.iter().map(|line| self.exact[*line].at(common)).collect();
                let shares = spread_all(&group.share, &weights);
                for ((line, weight), share) in group.lines.iter().zip(&weights).zip(shares) {
                    after.insert(*line, weight - &share * &up);
                    lines[*line].share = amount(&share, places)?;
                }
            }
            if document.rule == Rule::Line {
                for group in taxed.groups.values_mut() {
                    for line in &group.lines {
                        vat[*line] = tax(&Exact { units: after[line].clone(), places: common });
                        group.vat += &vat[*line];
                    }
                    taxed.vat += &group.vat;
                }
            } else {
                let rest = match document.rule {
                    Rule::Sum => Exact { units: after.values().sum(), places: common },
                    _ => Exact { units: &taxed.sum - &taxed.share, places },
                };
                taxed.vat = tax(&rest);
                let weights: Vec<BigInt> = taxed
                    .groups
                    .values()
                    .map(|group| group.lines.iter().map(|line| after[line].clone()).sum())
                    .collect();
                for (group, part) in taxed.groups.values_mut().zip(spread_all(&taxed.vat, &weights)) {
                    let weights: Vec<BigInt> = group.lines.iter().map(|line| after[line].clone()).collect();
                    for (line, share) in group.lines.iter().zip(spread_all(&part, &weights)) {
                        vat[*line] = share;
                    }
                    group.vat = part;
                }
            }
            for (Reverse(rate), group) in &taxed.groups {
                let Some(rate) = rate.filter(|rate| !rate.is_zero()) else { continue };
                let entry = withheld.entry(rate).or_default();
                for line in &group.lines {
                    let contained = if document.includes_vat { &vat[*line] * &up } else { BigInt::ZERO };
                    let base = &after[line] - contained;
                    entry.0 += &base;
                    entry.1.push((*line, base));
                }
            }
        }
        let mut withholding = BigInt::ZERO;
        for (rate, (base, mut parts)) in withheld {
            let tax = Exact { units: base, places: common }.percent(rate).round(places);
            parts.sort_by_key(|(line, _)| *line);
            let weights: Vec<BigInt> = parts.iter().map(|(_, base)| base.clone()).collect();
            for ((line, _), share) in parts.iter().zip(spread_all(&tax, &weights)) {
                lines[*line].withholding = amount(&share, places)?;
            }
            withholding += tax;
        }
        for (index, line) in lines.iter_mut().enumerate() {
            line.gross = amount(&self.gross[index], places)?;
            line.total = amount(&self.exact[index].round(places), places)?;
            line.discount = line.gross.checked_sub(line.total)?;
            line.vat = amount(&vat[index], places)?;
        }
        self.gather(document, lines, &withholding)
    }

    /// The document's own amounts, from those of its rates.
    fn gather(&self, document: &Document, lines: Vec<LineTotals>, withholding: &BigInt) -> Option<Totals> {
        let places = document.places;
        let mut rates = Vec::with_capacity(self.rates.len());
        let (mut net, mut total_vat) = (BigInt::ZERO, BigInt::ZERO);
        for taxed in &self.rates {
            let rest = &taxed.sum - &taxed.share;
            let base = if document.includes_vat { rest - &taxed.vat } else { rest };
            rates.push(Rate { rate: taxed.rate, base: amount(&base, places)?, vat: amount(&taxed.vat, places)? });
            net += base;
            total_vat += &taxed.vat;
        }
        let grand_total = &net + &total_vat;
        Some(Totals {
            lines,
            sub_total: amount(&self.sub_total, places)?,
            discount: amount(&self.discount, places)?,
            sub_total_with_discount: amount(&(&self.sub_total - &self.discount), places)?,
            rates,
            net: amount(&net, places)?,
            total_vat: amount(&total_vat, places)?,
            grand_total: amount(&grand_total, places)?,
            withholding: amount(withholding, places)?,
            net_to_receive: amount(&(grand_total - withholding), places)?,
        })
    }
}

/// An amount in the company's own currency, by a document's rate: so many units of it for one of the document's.
/// `None` when it is more than a row holds.
pub fn converted(value: Amount, rate: Decimal, places: u32) -> Option<Amount> {
    amount(&Exact::product(Decimal::from(value), rate).round(places), places)
}

/// As [`spread`], but an amount is never lost: where all weights together are nothing, the first takes it.
fn spread_all(amount: &BigInt, weights: &[BigInt]) -> Vec<BigInt> {
    let mut shares = spread(amount, weights);
    let sum: BigInt = shares.iter().sum();
    if sum != *amount
        && let Some(first) = shares.first_mut()
    {
        *first += amount - sum;
    }
    shares
}

fn places_of(values: &[Exact]) -> u32 {
    values.iter().map(|value| value.places).max().unwrap_or_default()
}

/// An amount of so many units of the given place; `None` when it is more than a row holds.
fn amount(units: &BigInt, places: u32) -> Option<Amount> {
    let units = units * power(4_u32.checked_sub(places)?);
    i64::try_from(units).ok().map(Amount::from_units)
}

/// How many places the amounts of a currency have. KHR counts as without: nothing smaller than a riel is in use.
pub fn places(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KHR" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests;

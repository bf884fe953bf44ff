//! Decimals of any length, and how a whole number is divided into parts that sum to it.

use std::cmp::Reverse;

use num_bigint::{BigInt, Sign};

use super::Discount;
use crate::sales::decimal::Decimal;

/// A decimal of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) units: BigInt,
    pub(super) places: u32,
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Exact {
        Exact { units: value.at(value.places()), places: value.places() }
    }
}

impl Exact {
    pub(super) fn product(one: Decimal, other: Decimal) -> Exact {
        Exact { units: one.at(one.places()) * other.at(other.places()), places: one.places() + other.places() }
    }

    pub(super) fn at(&self, places: u32) -> BigInt {
        match places.saturating_sub(self.places) {
            0 => self.units.clone(),
            up => &self.units * power(up),
        }
    }

    pub(super) fn plus(&self, other: &Exact) -> Exact {
        let places = self.places.max(other.places);
        Exact { units: self.at(places) + other.at(places), places }
    }

    pub(super) fn minus(&self, other: &Exact) -> Exact {
        let places = self.places.max(other.places);
        Exact { units: self.at(places) - other.at(places), places }
    }

    /// So many percent of it.
    pub(super) fn percent(&self, rate: Decimal) -> Exact {
        Exact { units: &self.units * rate.at(rate.places()), places: self.places + rate.places() + 2 }
    }

    pub(super) fn less(&self, discount: Discount) -> Exact {
        match discount {
            Discount::None => self.clone(),
            Discount::Amount(value) => self.minus(&Exact::from(value)),
            Discount::Percent(value) => self.minus(&self.percent(value)),
        }
    }

    /// Rounded to so many places, half away from zero, in units of the last place.
    pub(super) fn round(&self, places: u32) -> BigInt {
        if self.places <= places {
            return self.at(places);
        }
        divide(&self.units, &power(self.places - places))
    }

    /// The VAT in it, for an amount that contains it.
    pub(super) fn contained(&self, rate: Decimal, places: u32) -> BigInt {
        let part = rate.at(rate.places());
        let whole = Decimal::HUNDRED.at(rate.places()) + &part;
        let up = places.saturating_sub(self.places);
        let down = self.places.saturating_sub(places);
        divide(&(&self.units * part * power(up)), &(whole * power(down)))
    }

    pub(super) fn exceeds(&self, whole: i64) -> bool {
        self.units.magnitude() > (BigInt::from(whole) * power(self.places)).magnitude()
    }

    /// Whether it can be taken off the other without passing zero, nor growing it.
    pub(super) fn is_within(&self, other: &Exact) -> bool {
        let places = self.places.max(other.places);
        let (part, whole) = (self.at(places), other.at(places));
        part.sign() == Sign::NoSign || (part.sign() == whole.sign() && part.magnitude() <= whole.magnitude())
    }
}

pub(super) fn power(places: u32) -> BigInt {
    10_u128.checked_pow(places).map_or_else(|| BigInt::from(10).pow(places), BigInt::from)
}

/// A quotient, half away from zero; the divisor is positive.
fn divide(number: &BigInt, by: &BigInt) -> BigInt {
    let positive: BigInt = number.magnitude().clone().into();
    let rounded: BigInt = (positive * 2 + by) / (by * 2);
    if number.sign() == Sign::Minus { -rounded } else { rounded }
}

/// A quotient rounded down; the divisor is positive.
fn floor(number: &BigInt, by: &BigInt) -> BigInt {
    let quotient = number / by;
    if number.sign() == Sign::Minus && &quotient * by != *number { quotient - 1 } else { quotient }
}

/// Divides an amount in proportion to weights. What is left of it by rounding down goes, unit by unit, to the weights in
/// their order of size; of equal ones the first takes it. Weights of nothing get nothing.
pub(super) fn spread(amount: &BigInt, weights: &[BigInt]) -> Vec<BigInt> {
    let mut sum: BigInt = weights.iter().sum();
    if sum.sign() == Sign::NoSign || amount.sign() == Sign::NoSign {
        return vec![BigInt::ZERO; weights.len()];
    }
    let mut amount = amount.clone();
    // A document with all signs turned must give the same shares with their signs turned.
    let turned = amount.sign() == Sign::Minus;
    if turned {
        amount = -amount;
    }
    let flip = sum.sign() == Sign::Minus;
    if flip {
        sum = -sum;
    }
    let weight = |index: usize| if flip { -&weights[index] } else { weights[index].clone() };
    let mut shares: Vec<BigInt> = (0..weights.len()).map(|index| floor(&(&amount * weight(index)), &sum)).collect();
    let mut rest = amount - shares.iter().sum::<BigInt>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_cached_key(|index| {
        let weight = weight(*index);
        Reverse((weight.magnitude().clone(), weight))
    });
    for index in order {
        if rest.sign() != Sign::Plus {
            break;
        }
        shares[index] += 1;
        rest -= 1;
    }
    if turned { shares.into_iter().map(|share| -share).collect() } else { shares }
}

/// Divides a rounded sum over the exact parts that it is the sum of: each is cut to whole units, and the units that are
/// then missing, or too many, fall to those that the cut changed most, of equal ones to the first.
pub(super) fn apportion(sum: &BigInt, parts: &[Exact], places: u32) -> Vec<BigInt> {
    let common = parts.iter().map(|part| part.places).max().unwrap_or_default().max(places);
    let unit = power(common - places);
    let (mut cut, lost): (Vec<BigInt>, Vec<BigInt>) = parts
        .iter()
        .map(|part| {
            let exact = part.at(common);
            let whole = &exact / &unit;
            let lost = exact - &whole * &unit;
            (whole, lost)
        })
        .unzip();
    let rest = sum - cut.iter().sum::<BigInt>();
    let step = if rest.sign() == Sign::Minus { -1 } else { 1 };
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_cached_key(|index| Reverse(&lost[*index] * step));
    // There are always enough: the rest is the rounded sum of what the cuts took.
    let count = usize::try_from(rest * step).unwrap_or_default();
    for index in order.into_iter().take(count) {
        cut[index] += step;
    }
    cut
}

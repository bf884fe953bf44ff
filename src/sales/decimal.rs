//! Exact decimals of prices, quantities, rates and discounts, as people write them.

use std::{cmp::Ordering, fmt, str::FromStr};

use num_bigint::BigInt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use crate::http::lenient::POISON;

/// More places than these are refused; amounts with eighteen of them occur in files of other systems.
pub const MOST_PLACES: u32 = 18;
/// More digits before the point than these are refused.
const MOST_WHOLE: usize = 18;

/// A decimal number of up to 18 digits before the point and 18 behind it, without trailing zeros.
///
/// In a row it is text; in JSON it is the number itself, or text when a client sends text. Nothing is rounded when it is
/// read, and it knows no arithmetic: that is [`super::totals`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    units: i128,
    places: u32,
}

impl Decimal {
    /// The name by which a decimal asks the lenient decoder for its digits.
    pub const NEWTYPE: &'static str = "sala decimal";
    /// Nothing.
    pub const ZERO: Self = Self { units: 0, places: 0 };
    /// A hundred: the whole of a percentage.
    pub const HUNDRED: Self = Self { units: 100, places: 0 };

    /// So many units of the given decimal place; `new(1250, 2)` is 12.5.
    pub const fn new(units: i128, places: u32) -> Self {
        let (mut units, mut places) = (units, places);
        while places > 0 && units % 10 == 0 {
            units /= 10;
            places -= 1;
        }
        Self { units, places }
    }

    /// The digits as one whole number, and how many of them stand behind the point.
    pub const fn parts(self) -> (i128, u32) {
        (self.units, self.places)
    }

    /// How many digits stand behind the point.
    pub const fn places(self) -> u32 {
        self.places
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.units < 0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }

    /// The same as an amount of a row; `None` when that would have to be rounded or is too large.
    pub fn amount(self) -> Option<db::Amount> {
        let up = 4_u32.checked_sub(self.places)?;
        let units = self.units.checked_mul(10_i128.pow(up))?;
        i64::try_from(units).ok().map(db::Amount::from_units)
    }

    /// The number with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { units: -self.units, places: self.places }
    }

    /// The sum; of numbers too large for one it is the first.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let places = self.places.max(other.places);
        self.small_at(places)
            .zip(other.small_at(places))
            .and_then(|(one, other)| one.checked_add(other))
            .map_or(self, |sum| Self::new(sum, places))
    }

    /// The digits as a whole number, as they stand with so many places; at least as many as it has.
    pub(super) fn at(self, places: u32) -> BigInt {
        self.small_at(places).map_or_else(
            || BigInt::from(self.units) * BigInt::from(10).pow(places.saturating_sub(self.places)),
            BigInt::from,
        )
    }

    /// The same, where 128 bits hold it.
    fn small_at(self, places: u32) -> Option<i128> {
        self.units.checked_mul(10_i128.checked_pow(places.saturating_sub(self.places))?)
    }
}

impl From<db::Amount> for Decimal {
    fn from(amount: db::Amount) -> Self {
        Self::new(i128::from(amount.units()), 4)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let places = self.places.max(other.places);
        match (self.small_at(places), other.small_at(places)) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => self.at(places).cmp(&other.at(places)),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = self.units.unsigned_abs().to_string();
        let places = self.places as usize;
        if places == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, rest) = digits.split_at(digits.len() - places);
        write!(f, "{sign}{whole}.{rest}")
    }
}

/// Why a text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of at most 18 digits before the point and 18 behind it")]
pub struct NoDecimal;

impl FromStr for Decimal {
    type Err = NoDecimal;

    fn from_str(text: &str) -> Result<Self, NoDecimal> {
        parse(text.trim()).ok_or(NoDecimal)
    }
}

fn parse(text: &str) -> Option<Decimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let wrong = !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || wrong || (mantissa.contains('.') && fraction.is_empty()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let all = format!("{whole}{fraction}");
    let all = all.trim_start_matches('0');
    if all.is_empty() {
        return Some(Decimal::ZERO);
    }
    if all.len() > MOST_WHOLE + MOST_PLACES as usize {
        return None;
    }
    let mut units: i128 = all.parse().ok()?;
    let mut places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if places < -i32::try_from(MOST_WHOLE).ok()? {
        return None;
    }
    while places < 0 {
        units = units.checked_mul(10)?;
        places += 1;
    }
    let number = Decimal::new(if negative { -units } else { units }, u32::try_from(places).ok()?);
    let whole = number.units.unsigned_abs().to_string().len().saturating_sub(number.places as usize);
    (number.places <= MOST_PLACES && whole <= MOST_WHOLE).then_some(number)
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        match (i64::try_from(self.units), self.amount()) {
            (Ok(whole), _) if self.places == 0 => serializer.serialize_i64(whole),
            // Nearly every price: an amount is written more quickly.
            (_, Some(amount)) => amount.serialize(serializer),
            _ => RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_newtype_struct(Self::NEWTYPE, Outside)
        } else {
            deserializer.deserialize_str(Outside)
        }
    }
}

/// Reads the number people write, from text, an integer or a float.
struct Outside;

impl<'de> de::Visitor<'de> for Outside {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Decimal, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        if text == POISON {
            return Ok(Decimal::ZERO);
        }
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Decimal, E> {
        self.visit_str(&whole.to_string())
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Decimal, E> {
        self.visit_str(&whole.to_string())
    }

    fn visit_f64<E: de::Error>(self, float: f64) -> Result<Decimal, E> {
        // The shortest digits that mean this float: for what people write with up to 15 digits, the digits they wrote.
        self.visit_str(&float.to_string())
    }
}

/// A decimal in stored JSON, where numbers would become floats: `#[serde(with = "decimal::text")]`.
pub mod text {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Decimal;

    /// Writes the digits as text.
    pub fn serialize<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        Decimal::deserialize(deserializer)
    }
}

/// The same for one that may be absent.
pub mod text_option {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Decimal;

    /// Writes the digits as text, or null.
    pub fn serialize<S: Serializer>(number: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => serializer.collect_str(number),
            None => serializer.serialize_none(),
        }
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        Option::deserialize(deserializer)
    }
}

/// An amount in stored JSON, as its ten-thousandths: `#[serde(with = "decimal::units")]`.
pub mod units {
    use db::Amount;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the ten-thousandths.
    pub fn serialize<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(amount.units())
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        i64::deserialize(deserializer).map(Amount::from_units)
    }
}

/// The same for one that may be absent.
pub mod units_option {
    use db::Amount;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the ten-thousandths, or null.
    pub fn serialize<S: Serializer>(amount: &Option<Amount>, serializer: S) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => serializer.serialize_some(&amount.units()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Amount>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Amount::from_units))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_digit_by_digit() {
        for (text, shown) in [
            ("12.50", "12.5"),
            ("-0.000000000000000001", "-0.000000000000000001"),
            ("2.521254522145214511", "2.521254522145214511"),
            ("1e3", "1000"),
            ("1.5E-2", "0.015"),
            ("+7", "7"),
            ("000", "0"),
            ("-0.0", "0"),
            ("999999999999999999", "999999999999999999"),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), shown, "{text}");
        }
        for text in
            ["", "-", ".5", "1.", "1,5", "0x1", "NaN", "inf", "1e99", "1e-19", "1000000000000000000", "1e2147483647"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn order_and_equality_look_at_the_number() {
        let read = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(read("7"), read("7.000"));
        assert!(read("7.5") > read("7.49999") && read("-1") < read("0") && read("10") > read("9.9"));
        assert_eq!(read("12.5").amount().unwrap().units(), 125_000);
        assert_eq!(read("0.00001").amount(), None);
    }

    #[test]
    fn json_keeps_the_digits() {
        let number: Decimal = serde_json::from_str("82.6446").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "82.6446");
        let number: Decimal = serde_json::from_str("\"2.521254522145214511\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "2.521254522145214511");
        assert_eq!(serde_json::to_string(&Decimal::new(300, 2)).unwrap(), "3");
    }

    proptest! {
        #[test]
        fn text_round_trips(units in -999_999_999_999_999_999_i128..1_000_000_000_000_000_000, places in 0_u32..=18) {
            let number = Decimal::new(units, places);
            prop_assert_eq!(number.to_string().parse::<Decimal>().unwrap(), number);
        }
    }
}

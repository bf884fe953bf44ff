//! Money and quantities: exact, ordered the same in both engines, a JSON number outside.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
    ser,
};
use serde_json::value::RawValue;

use crate::Error;

const SCALE: i64 = 10_000;
/// Below so many ten-thousandths an amount has at most 15 digits: the float next to it is written with the very same digits,
/// and more quickly than a text of them is handed on.
const FLOAT: u64 = 1_000_000_000_000_000;
/// The name by which serde_json hands out the digits of a number as they were written.
const RAW: &str = "$serde_json::private::RawValue";

/// A decimal number of at most four places, kept as ten-thousandths.
///
/// In a row it is that `bigint`; in JSON it is the number itself (`12.5`), written and read digit by digit: no float is
/// involved when the JSON is read from text. When a float is all there is (a number that already went through
/// `serde_json::Value`), it is taken only where a float is still exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

impl Amount {
    /// The name of the newtype as which an amount asks a self-describing format for its digits.
    pub const NEWTYPE: &'static str = RAW;

    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount of so many ten-thousandths.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// A whole amount; `None` when it is too large.
    pub const fn from_whole(whole: i64) -> Option<Self> {
        match whole.checked_mul(SCALE) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The ten-thousandths.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The sum, unless it is too large.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The difference, unless it is too large.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }
}

impl fmt::Display for Amount {
    /// Without trailing zeros: `12.5`, `-0.0001`, `3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let (whole, rest) = (units / SCALE.unsigned_abs(), units % SCALE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{rest:04}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = Error;

    /// Reads what JSON calls a number, exponents included. More than four places that are not zero, or too large a
    /// number, is an error: nothing is rounded.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map(Self).ok_or_else(|| Error::Invalid("not an amount with at most four decimal places".into()))
    }
}

fn parse(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || (mantissa.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut units: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        // A bound far above i64 keeps the sum from overflowing while leaving room for trailing zeros to be divided away.
        units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    if units == 0 {
        return Some(0);
    }
    let mut shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(4)?;
    while shift > 0 {
        units = units.checked_mul(10)?;
        shift -= 1;
    }
    while shift < 0 {
        if units % 10 != 0 {
            return None;
        }
        units /= 10;
        shift += 1;
    }
    i64::try_from(if negative { -units } else { units }).ok()
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_i64(self.0);
        }
        if self.0 % SCALE == 0 {
            return serializer.serialize_i64(self.0 / SCALE);
        }
        if self.0.unsigned_abs() < FLOAT {
            #[expect(clippy::cast_precision_loss, reason = "both are whole numbers of at most 15 digits")]
            return serializer.serialize_f64(self.0 as f64 / SCALE as f64);
        }
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_newtype_struct(RAW, Outside)
        } else {
            // A row: the number is the ten-thousandths themselves.
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// Reads the number people write, from whatever the format can give: its digits, a string, an integer, a float.
struct Outside;

impl<'de> Visitor<'de> for Outside {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number with at most four decimal places")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Amount, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Amount, A::Error> {
        if map.next_key::<String>()?.as_deref() != Some(RAW) {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        }
        let raw = map.next_value::<String>()?;
        let digits = match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => quoted.trim(),
            None => raw.as_str(),
        };
        self.visit_str(digits)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        parse(text).map(Amount).ok_or_else(|| E::custom("expected a number with at most four decimal places"))
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Amount, E> {
        Amount::from_whole(whole).ok_or_else(|| E::custom("the number is too large"))
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Amount, E> {
        let whole = i64::try_from(whole).map_err(|_| E::custom("the number is too large"))?;
        self.visit_i64(whole)
    }

    fn visit_f64<E: de::Error>(self, float: f64) -> Result<Amount, E> {
        // Fifteen significant digits survive a float; four of them are places.
        if float.abs() >= 1e11 {
            return Err(E::custom("the number is too large to be exact here, send it as a string"));
        }
        self.visit_str(&float.to_string())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<Amount, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn numbers_and_strings_are_read_digit_by_digit() {
        for (json, units) in [
            ("12.5", 125_000),
            ("\"12.5\"", 125_000),
            ("-0.0001", -1),
            ("1e3", 10_000_000),
            ("1.50000000", 15_000),
            ("0e99", 0),
            ("922337203685477.5807", i64::MAX),
            ("-922337203685477.5808", i64::MIN),
            ("\"922337203685477.5807\"", i64::MAX),
        ] {
            assert_eq!(read(json).unwrap().units(), units, "{json}");
        }
    }

    #[test]
    fn what_would_have_to_be_rounded_is_refused() {
        for json in
            ["0.00001", "922337203685477.5808", "\"1,5\"", "\"\"", "true", "null", "{}", "1e999", "\".5\"", "\"1.\""]
        {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_number_that_went_through_a_value_is_exact_or_refused() {
        let value: serde_json::Value = serde_json::from_str("12.3456").unwrap();
        assert_eq!(serde_json::from_value::<Amount>(value).unwrap().units(), 123_456);
        let value: serde_json::Value = serde_json::from_str("922337203685477.5807").unwrap();
        assert!(serde_json::from_value::<Amount>(value).is_err());
    }

    #[test]
    fn a_flattened_amount_is_still_the_number_people_write() {
        #[derive(Deserialize)]
        struct Inner {
            total: Amount,
        }
        #[derive(Deserialize)]
        struct Outer {
            #[serde(flatten)]
            inner: Inner,
        }
        let outer: Outer = serde_json::from_str(r#"{"total": 7}"#).unwrap();
        assert_eq!(outer.inner.total.units(), 70_000);
    }

    proptest! {
        #[test]
        fn json_and_text_round_trip(units: i64) {
            let amount = Amount::from_units(units);
            prop_assert_eq!(amount.to_string().parse::<Amount>().unwrap(), amount);
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(&json, &amount.to_string());
            prop_assert_eq!(read(&json).unwrap(), amount);
        }

        #[test]
        fn amounts_that_are_written_as_floats_keep_their_digits(
            units in -1_000_100_000_000_000_i64..1_000_100_000_000_000,
            places in 0_u32..15,
        ) {
            let amount = Amount::from_units(units / 10_i64.pow(places));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(&json, &amount.to_string());
            prop_assert_eq!(read(&json).unwrap(), amount);
        }
    }
}

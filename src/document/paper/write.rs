//! How amounts and days are written on documents. Nothing is computed here: what was stored gets its commas.

use db::Amount;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Lang, Wish};
use crate::document::Era;
use crate::sales::decimal::Decimal;
use crate::sales::{totals, words};

/// An amount with the places of its currency, or as many more as it has.
pub(super) fn amount(amount: Amount, currency: &str) -> String {
    number(Decimal::from(amount), totals::places(currency))
}

/// The same, and nothing where it is nothing.
pub(super) fn amount_if_any(of: Amount, currency: &str) -> Value {
    if of == Amount::ZERO { Value::Null } else { Value::from(amount(of, currency)) }
}

/// A number with at least so many places.
pub(super) fn number(number: Decimal, least: u32) -> String {
    let mut text = number.to_string();
    let missing = least.saturating_sub(number.places());
    if missing > 0 {
        if number.places() == 0 {
            text.push('.');
        }
        text.extend(std::iter::repeat_n('0', missing as usize));
    }
    grouped(&text)
}

/// Commas between thousands.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let mut text = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// A day in every form that a template may want; `text` is the one that was asked for. What is no day stays as it is.
pub(super) fn day(text: &str, wish: &Wish) -> Value {
    let Ok(day) = text.get(..10).unwrap_or(text).parse::<Date>() else {
        return json!({"text": text, "buddhist": text, "gregorian": text, "iso": text});
    };
    let buddhist = words::buddhist(day, words::Form::Long);
    let gregorian = match wish.lang {
        Lang::Th => words::gregorian_thai(day),
        Lang::En => words::gregorian(day),
    };
    let text = match wish.era.unwrap_or(if wish.lang == Lang::Th { Era::Buddhist } else { Era::Gregorian }) {
        Era::Buddhist => buddhist.clone(),
        Era::Gregorian => gregorian.clone(),
    };
    json!({"text": text, "buddhist": buddhist, "gregorian": gregorian, "iso": day.to_string()})
}

/// The same where there may be none.
pub(super) fn day_if_any(text: Option<&str>, wish: &Wish) -> Value {
    text.filter(|text| !text.is_empty()).map_or(Value::Null, |text| day(text, wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_their_commas() {
        for (units, currency, text) in [
            (12_345_678_900, "THB", "1,234,567.89"),
            (0, "THB", "0.00"),
            (-10_000_000, "THB", "-1,000.00"),
            (10_000_000, "JPY", "1,000"),
            (9_990_000, "THB", "999.00"),
            (12_345, "THB", "1.2345"),
            (i64::MIN, "THB", "-922,337,203,685,477.5808"),
        ] {
            assert_eq!(amount(Amount::from_units(units), currency), text);
        }
        assert_eq!(number(Decimal::new(25, 1), 0), "2.5");
        assert_eq!(number(Decimal::new(1_000, 0), 0), "1,000");
    }
}

//! Amounts as people write them: with commas between thousands, or with a comma before the fraction.

use serde_json::Value;

use super::cell::Read;
use crate::http::Code;
use crate::search::ascii_digits;

/// What a comma in the numbers of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comma {
    /// It stands between thousands.
    Groups,
    /// It stands before the fraction.
    Fraction,
    /// It may be either: what may be read in two ways is refused.
    Unknown,
}

/// What the numbers of a file say of its commas.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Commas {
    between: bool,
    before: bool,
}

impl Commas {
    /// Takes notice of a number.
    pub(super) fn see(&mut self, text: &str) {
        match Notation::of(&bare(text)) {
            Notation::Sure { comma: Some(Comma::Groups), .. } => self.between = true,
            Notation::Sure { comma: Some(Comma::Fraction), .. } => self.before = true,
            _ => {}
        }
    }

    /// What a comma is in a file whose cells are apart by this separator: where they are apart by semicolons, that is
    /// often because the comma stands before the fraction.
    pub(super) fn decide(self, separator: Option<char>) -> Comma {
        match (self.between, self.before) {
            (true, true) => Comma::Unknown,
            (true, false) => Comma::Groups,
            (false, true) => Comma::Fraction,
            (false, false) if separator == Some(';') => Comma::Unknown,
            (false, false) => Comma::Groups,
        }
    }
}

/// An amount as people write it, as a plain number: `฿1,250.00` and `1.250,50`. What may be read in two ways is refused;
/// what is no number stays as it is, and whoever takes it says so.
pub(super) fn amount(text: &str, comma: Comma) -> Result<Read, (Code, String)> {
    let number = bare(text);
    match (Notation::of(&number), comma) {
        (Notation::Sure { value, .. }, _) => Ok(value.into()),
        (Notation::Thousand { with_comma: true, .. }, Comma::Unknown) => {
            let message =
                format!("“{text}” may be {} or {}: write it without a comma", without(&number), dotted(&number));
            Err((Code::InvalidFormat, message))
        }
        (Notation::Thousand { with_comma: true, .. }, Comma::Groups) => Ok(without(&number).into()),
        (Notation::Thousand { with_comma: true, .. }, Comma::Fraction) => Ok(dotted(&number).into()),
        // `1.250` is what it says unless the file writes its fractions with a comma.
        (Notation::Thousand { with_comma: false, .. }, Comma::Groups) => Ok(number.into()),
        (Notation::Thousand { with_comma: false, .. }, Comma::Fraction) => {
            let value = number.replace('.', "");
            let warning = Some(format!("{text} was read as {value}: this file writes fractions with a comma"));
            Ok(Read { value: Value::String(value), warning })
        }
        (Notation::Thousand { with_comma: false, .. }, Comma::Unknown) => {
            let warning = Some(format!("{text} was read as {number}"));
            Ok(Read { value: Value::String(number), warning })
        }
        (Notation::Wrong, _) => Ok(text.trim().to_owned().into()),
    }
}

/// Whether a text is a number, in one way of reading or another.
pub(super) fn is_number(text: &str) -> bool {
    Notation::of(&bare(text)) != Notation::Wrong
}

fn without(number: &str) -> String {
    number.replace(',', "")
}

fn dotted(number: &str) -> String {
    number.replace(',', ".")
}

/// The number without what stands around it: spaces between thousands, the currency, brackets for a minus.
fn bare(text: &str) -> String {
    let text = ascii_digits(text.trim());
    let text = text.trim();
    let inside = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (minus, text) = match inside {
        Some(inside) => ("-", inside),
        None => ("", text),
    };
    let text = text.trim_start_matches('฿').trim_start_matches("THB");
    let text = text.trim_end_matches('฿').trim_end_matches("บาท").trim_end_matches("บ.").trim_end_matches("THB");
    let text = text.trim().strip_suffix(".-").unwrap_or(text.trim());
    let (sign, text) = match text.strip_prefix(['-', '−', '–']) {
        Some(rest) => (if minus.is_empty() { "-" } else { "" }, rest.trim()),
        None => (minus, text.strip_prefix('+').unwrap_or(text)),
    };
    format!("{sign}{}", spaced(text).unwrap_or_else(|| text.to_owned()))
}

/// A number whose thousands are apart by spaces or apostrophes, without them.
fn spaced(text: &str) -> Option<String> {
    let is_space = |letter: char| matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’');
    let (whole, _) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut groups = whole.split(is_space);
    let first = groups.next()?;
    let are_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped = (1..=3).contains(&first.len())
        && are_digits(first)
        && groups.all(|group| group.len() == 3 && are_digits(group));
    is_grouped.then(|| text.replace(is_space, ""))
}

/// What the points and commas of a number say.
#[derive(Debug, PartialEq)]
enum Notation {
    /// It can be read in one way only, which may say what a comma is.
    Sure {
        value: String,
        comma: Option<Comma>,
    },
    /// One to three digits, a comma or a point, and three digits.
    Thousand {
        with_comma: bool,
    },
    Wrong,
}

impl Notation {
    fn of(number: &str) -> Notation {
        let digits = number.strip_prefix('-').unwrap_or(number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.')) {
            return Notation::Wrong;
        }
        let sure = |value: String, comma| Notation::Sure { value, comma };
        let (commas, points) = (digits.matches(',').count(), digits.matches('.').count());
        let parts = |separator: char| digits.split_once(separator).unwrap_or((digits, ""));
        match (commas, points) {
            (0, 0) => sure(number.to_owned(), None),
            (1, 0) | (0, 1) => {
                let with_comma = commas == 1;
                let (whole, fraction) = parts(if with_comma { ',' } else { '.' });
                let is_group = fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
                match (is_group, with_comma) {
                    (true, _) => Notation::Thousand { with_comma },
                    (false, true) if whole.is_empty() || fraction.is_empty() => Notation::Wrong,
                    (false, true) => sure(dotted(number), Some(Comma::Fraction)),
                    (false, false) => sure(number.to_owned(), Some(Comma::Groups)),
                }
            }
            (_, 0) if are_groups(digits, ',') => sure(without(number), Some(Comma::Groups)),
            (0, _) if are_groups(digits, '.') => sure(number.replace('.', ""), Some(Comma::Fraction)),
            (_, 1) => {
                let (whole, fraction) = parts('.');
                match are_groups(whole, ',') && !fraction.contains(',') {
                    true => sure(without(number), Some(Comma::Groups)),
                    false if commas == 1 && are_groups(parts(',').0, '.') => {
                        sure(dotted(&number.replace('.', "")), Some(Comma::Fraction))
                    }
                    false => Notation::Wrong,
                }
            }
            (1, _) if are_groups(parts(',').0, '.') && !parts(',').1.contains('.') => {
                sure(dotted(&number.replace('.', "")), Some(Comma::Fraction))
            }
            _ => Notation::Wrong,
        }
    }
}

/// Whether digits stand in groups of three behind the first; in India, of two but for the last.
fn are_groups(digits: &str, separator: char) -> bool {
    let mut groups: Vec<&str> = digits.split(separator).collect();
    let last = groups.pop().unwrap_or_default();
    let Some((first, between)) = groups.split_first() else { return false };
    let is_first = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let all = |length: usize| between.iter().all(|group| group.len() == length);
    is_first && last.len() == 3 && (all(3) || separator == ',' && all(2) && first.len() < 3)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str, comma: Comma) -> Option<Value> {
        amount(text, comma).ok().map(|read| read.value)
    }

    #[test]
    fn a_number_that_can_be_read_in_one_way_is() {
        for comma in [Comma::Groups, Comma::Fraction, Comma::Unknown] {
            for (text, expected) in [
                ("0,125", "0.125"),
                ("12,5", "12.5"),
                ("1234,567", "1234.567"),
                ("1.250,50", "1250.50"),
                ("1.234.567,8", "1234567.8"),
                ("1,250.50", "1250.50"),
                ("1,234,567", "1234567"),
                ("1.234.567", "1234567"),
                ("12,34,567.8", "1234567.8"),
                ("1 250,50", "1250.50"),
                ("1\u{a0}250.50", "1250.50"),
                ("1'250.50", "1250.50"),
                ("0.125", "0.125"),
                ("-12,5", "-12.5"),
                ("(1,250.00)", "-1250.00"),
                ("−5", "-5"),
                ("฿ 12000", "12000"),
                ("500.-", "500"),
                ("99 บาท", "99"),
                ("THB 99", "99"),
                ("๑๒๐", "120"),
                ("１２０", "120"),
            ] {
                assert_eq!(read(text, comma), Some(json!(expected)), "{text} {comma:?}");
            }
            for wrong in ["abc", "1,2,3", "1,25,0", "$5", "1.2.3", ",5", "1,", "5 kg", "1,250.5,0", "12 34"] {
                assert_eq!(read(wrong, comma), Some(json!(wrong)), "stays, and is refused by whoever takes it");
            }
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_decided_by_its_file() {
        assert_eq!(read("1,500", Comma::Groups), Some(json!("1500")));
        assert_eq!(read("1,500", Comma::Fraction), Some(json!("1.500")));
        assert_eq!(read("1,500", Comma::Unknown), None);
        assert_eq!(read("1.500", Comma::Groups), Some(json!("1.500")));
        assert_eq!(read("1.500", Comma::Fraction), Some(json!("1500")));
        let of = |texts: &[&str], separator| {
            let mut commas = Commas::default();
            texts.iter().for_each(|text| commas.see(text));
            commas.decide(separator)
        };
        assert_eq!(of(&["1,500"], Some(',')), Comma::Groups);
        assert_eq!(of(&["1,500", "12"], Some(';')), Comma::Unknown);
        assert_eq!(of(&["1,500", "0,125"], Some(';')), Comma::Fraction);
        assert_eq!(of(&["1,500", "1,250.50"], Some(';')), Comma::Groups);
        assert_eq!(of(&["0,5", "1,250.50"], None), Comma::Unknown);
    }
}

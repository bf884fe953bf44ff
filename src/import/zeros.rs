//! Zeros that a spreadsheet has taken from the front of numbers, by what a country's numbers look like.

use serde_json::Value;

use super::cell::{Read, Reading};
use super::header::key;

/// The text of a value that is made of digits only.
fn bare(read: &Read) -> Option<&str> {
    read.value.as_str().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn repaired(read: &Read, text: String) -> Read {
    let warning = format!("{} was read as {text}: a leading zero was lost", read.value.as_str().unwrap_or_default());
    Read { value: Value::String(text), warning: Some(warning) }
}

/// A Thai number without its trunk zero: nine digits of a mobile (06, 08, 09), eight of another.
pub(super) fn phone(read: Read, reading: &Reading) -> Read {
    let is_short = |digits: &str| {
        matches!((digits.len(), digits.bytes().next()), (9, Some(b'6' | b'8' | b'9')) | (8, Some(b'2'..=b'7')))
    };
    match bare(&read).filter(|digits| reading.country == "TH" && is_short(digits)) {
        Some(digits) => repaired(&read, format!("0{digits}")),
        None => read,
    }
}

/// A company's number in Thailand begins with 0 and has 13 digits.
pub(super) fn tax_no(read: Read, reading: &Reading) -> Read {
    match bare(&read).filter(|digits| reading.country == "TH" && digits.len() == 12) {
        Some(digits) => repaired(&read, format!("0{digits}")),
        None => read,
    }
}

/// A branch in Thailand has five digits; the head office is called so as often as it is numbered.
pub(super) fn branch(read: Read, reading: &Reading) -> Read {
    if reading.country != "TH" {
        return read;
    }
    let word = key(read.value.as_str().unwrap_or_default());
    if ["สำนักงานใหญ่", "สนญ", "head office", "hq"].iter().any(|name| key(name) == word) {
        return "00000".to_owned().into();
    }
    match bare(&read).filter(|digits| digits.len() < 5) {
        Some(digits) => repaired(&read, format!("{digits:0>5}")),
        None => read,
    }
}

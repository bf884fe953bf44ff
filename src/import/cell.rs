//! What stands in a cell, and what it means in a column of some form: Excel's oddities are put right here.

use jiff::civil::{Date, date};
use serde_json::Value;

use super::header::key;
use crate::http::Code;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Cell {
    #[default]
    Empty,
    Text(String),
    Number(f64),
    Flag(bool),
    /// A day, without the time of day.
    Day(Date),
    /// A formula that failed: `#REF!`.
    Wrong(String),
}

impl Cell {
    /// The cell as text, as a file of errors shows it.
    pub(super) fn text(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) | Cell::Wrong(text) => text.clone(),
            Cell::Number(number) => plain(*number),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Day(day) => day.to_string(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Cell::Empty => true,
            Cell::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

/// How the cells of a column are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Text as it stands.
    Text,
    /// Letters and digits that are no quantity: a code.
    Code,
    Phone,
    TaxNo,
    Branch,
    Day,
    /// A quantity or a sum of money.
    Amount,
    /// A percentage.
    Percent,
    /// Yes or no.
    Flag,
    /// One of a few numbers, or the words for it.
    Choice(&'static [(i64, &'static [&'static str])]),
    /// Names apart by semicolons, bars or line ends.
    Names,
    /// The same, apart by commas as well.
    List,
}

/// What the reading of cells depends on.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The company's country, whose telephone and tax numbers are meant.
    pub(super) country: String,
    /// Days are counted from 1904 in this workbook.
    pub(super) from_1904: bool,
}

/// A value, and what was put right in it.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub(super) value: Value,
    pub(super) warning: Option<String>,
}

impl From<String> for Read {
    fn from(text: String) -> Read {
        Read { value: Value::String(text), warning: None }
    }
}

/// What a cell says in a column of this form; nothing when it is empty.
pub(super) fn read(cell: &Cell, form: Form, reading: &Reading) -> Result<Option<Read>, (Code, String)> {
    if cell.is_empty() {
        return Ok(None);
    }
    if let Cell::Wrong(error) = cell {
        return Err((Code::InvalidValue, format!("the cell holds the error {error}")));
    }
    let text = shown(&cell.text());
    match form {
        Form::Text => Ok(Some(text.into())),
        Form::Code => Ok(Some(digits(cell, text)?)),
        Form::Phone => digits(cell, text).map(|read| Some(phone(read, reading))),
        Form::TaxNo => digits(cell, text).map(|read| Some(tax_no(read, reading))),
        Form::Branch => digits(cell, text).map(|read| Some(branch(read, reading))),
        Form::Day => day(cell, &text, reading).map(|day| Some(day.to_string().into())).ok_or_else(|| {
            (Code::InvalidFormat, format!("{text:?} is no day such as 31/12/2025, 2025-12-31 or 31 ธ.ค. 2568"))
        }),
        Form::Amount => Ok(Some(quantity(cell, &text).into())),
        Form::Percent => Ok(Some(percent(cell, &text))),
        Form::Flag => flag(cell, &text).map(|flag| Some(Read { value: Value::Bool(flag), warning: None })),
        Form::Choice(choices) => {
            choice(&text, choices).map(|number| Some(Read { value: number.into(), warning: None }))
        }
        Form::Names => Ok(Some(names(&text, &[';', '|', '\n']))),
        Form::List => Ok(Some(names(&text, &[';', '|', '\n', ',']))),
    }
}

/// A text as it was meant: trimmed, and without the apostrophe that keeps a spreadsheet from computing it.
fn shown(text: &str) -> String {
    let text = text.trim();
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

/// A number without a fraction of zeros and never in scientific notation.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{number:.0}") } else { number.to_string() }
}

/// Digits that a spreadsheet took for a quantity, as they were: `8.12345678E+08` and `812345678.0` are 812345678. What it
/// rounded cannot be had back.
fn digits(cell: &Cell, text: String) -> Result<Read, (Code, String)> {
    let lost = || {
        let message =
            format!("{text}: the spreadsheet has rounded this number; format the column as text and type it again");
        (Code::InvalidFormat, message)
    };
    if let Cell::Number(number) = cell {
        // A float holds fifteen digits.
        return if number.abs() < 1e15 { Ok(text.into()) } else { Err(lost()) };
    }
    let Some((mantissa, exponent)) = scientific(&text) else { return Ok(text.into()) };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    if exponent > 0 && fraction.len() < exponent || fraction.len() > exponent {
        return Err(lost());
    }
    let warning = Some(format!("{text} was read as {whole}{fraction}"));
    Ok(Read { value: Value::String(format!("{whole}{fraction}")), warning })
}

/// Mantissa and exponent of `1.5E+3`, or of `15.0`, whose exponent is 0.
fn scientific(text: &str) -> Option<(&str, usize)> {
    let (mantissa, exponent) = match text.split_once(['E', 'e']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_quantity = match exponent {
        // `15.0`, but not `1.2.3`, `08` or `081.2`, which is how people group a telephone.
        0 => !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0'),
        // `1E5` is a code as well; only a spreadsheet writes two digits of exponent.
        _ => whole.len() == 1 && (!fraction.is_empty() || text.contains('+')),
    };
    (is_quantity && !whole.is_empty() && are_digits(whole) && are_digits(fraction) && exponent < 40)
        .then_some((mantissa, exponent))
}

/// The text of a value that is made of digits only.
fn bare(read: &Read) -> Option<&str> {
    read.value.as_str().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn repaired(read: &Read, text: String) -> Read {
    let warning = format!("{} was read as {text}: a leading zero was lost", read.value.as_str().unwrap_or_default());
    Read { value: Value::String(text), warning: Some(warning) }
}

/// A Thai number without its trunk zero: nine digits of a mobile (06, 08, 09), eight of another.
fn phone(read: Read, reading: &Reading) -> Read {
    let is_short = |digits: &str| {
        matches!((digits.len(), digits.bytes().next()), (9, Some(b'6' | b'8' | b'9')) | (8, Some(b'2'..=b'7')))
    };
    match bare(&read).filter(|digits| reading.country == "TH" && is_short(digits)) {
        Some(digits) => repaired(&read, format!("0{digits}")),
        None => read,
    }
}

/// A company's number in Thailand begins with 0 and has 13 digits.
fn tax_no(read: Read, reading: &Reading) -> Read {
    match bare(&read).filter(|digits| reading.country == "TH" && digits.len() == 12) {
        Some(digits) => repaired(&read, format!("0{digits}")),
        None => read,
    }
}

/// A branch in Thailand has five digits; the head office is called so as often as it is numbered.
fn branch(read: Read, reading: &Reading) -> Read {
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

/// A number as it was typed: a float that a spreadsheet has computed is cut to the fifteen digits that it shows.
fn quantity(cell: &Cell, text: &str) -> String {
    match cell {
        Cell::Number(number) if number.fract() != 0.0 && number.abs() < 1e15 => {
            let whole = number.trunc().abs().to_string().trim_start_matches('0').len();
            let shown = format!("{number:.places$}", places = 15 - whole.min(15));
            shown.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => amount(text),
    }
}

/// An amount as people write it, without the commas between thousands and the currency: `฿1,250.00`. A comma that is
/// elsewhere stays, and makes it no number.
pub(super) fn amount(text: &str) -> String {
    let bare = text.trim().trim_start_matches('฿').trim_end_matches("บาท").trim();
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_grouped = !first.is_empty() && !fraction.contains(',') && groups.all(|group| group.len() == 3);
    if is_grouped { bare.replace(',', "") } else { bare.to_owned() }
}

/// A percentage: `7%` in a text, and what a spreadsheet shows so, which it keeps as 0.07.
fn percent(cell: &Cell, text: &str) -> Read {
    match cell {
        Cell::Number(number) if (0.0..1.0).contains(number) && *number != 0.0 => {
            let hundredfold = number * 100.0;
            let value = quantity(&Cell::Number(hundredfold), &plain(hundredfold));
            let warning = Some(format!("{text} was read as {value} percent"));
            Read { value: Value::String(value), warning }
        }
        _ => quantity(cell, text.trim_end_matches('%').trim()).into(),
    }
}

const MONTHS: [[&str; 4]; 12] = [
    ["january", "jan", "มกราคม", "มค"],
    ["february", "feb", "กุมภาพันธ์", "กพ"],
    ["march", "mar", "มีนาคม", "มีค"],
    ["april", "apr", "เมษายน", "เมย"],
    ["may", "may", "พฤษภาคม", "พค"],
    ["june", "jun", "มิถุนายน", "มิย"],
    ["july", "jul", "กรกฎาคม", "กค"],
    ["august", "aug", "สิงหาคม", "สค"],
    ["september", "sep", "กันยายน", "กย"],
    ["october", "oct", "ตุลาคม", "ตค"],
    ["november", "nov", "พฤศจิกายน", "พย"],
    ["december", "dec", "ธันวาคม", "ธค"],
];

fn day(cell: &Cell, text: &str, reading: &Reading) -> Option<Date> {
    match cell {
        Cell::Day(day) => gregorian(i64::from(day.year()), i64::from(day.month()), i64::from(day.day())),
        Cell::Number(number) => numbered(*number, reading.from_1904),
        _ => match text.parse::<f64>() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                numbered(number, reading.from_1904)
            }
            _ => written(text),
        },
    }
}

/// A number in a column of days: the day's number in Excel, or `20251231`. Smaller ones are taken for years, which are no
/// days.
fn numbered(number: f64, from_1904: bool) -> Option<Date> {
    let whole = number.trunc();
    if (10_000_101.0..100_000_000.0).contains(&whole) {
        #[expect(clippy::cast_possible_truncation, reason = "checked to have eight digits")]
        let number = whole as i64;
        return gregorian(number / 10_000, number / 100 % 100, number % 100);
    }
    (whole >= 10_000.0).then(|| serial(whole, from_1904)).flatten()
}

/// The day of a number in Excel. Its first calendar counts a 29 February 1900 that never was; the other begins in 1904.
pub(super) fn serial(number: f64, from_1904: bool) -> Option<Date> {
    let whole = number.trunc();
    if !(0.0..3_000_000.0).contains(&whole) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    let days = whole as i64;
    let begin = match from_1904 {
        true => date(1904, 1, 1),
        false if days < 60 => date(1899, 12, 31),
        false => date(1899, 12, 30),
    };
    begin.checked_add(jiff::Span::new().days(days)).ok()
}

/// A day as people write it: day, month, year, or the year first; months in numbers or words, years of either calendar.
fn written(text: &str) -> Option<Date> {
    let lower = text.to_lowercase();
    // The time of day is left out.
    let lower = match lower.split_once('t') {
        Some((day, time))
            if time.starts_with(|c: char| c.is_ascii_digit()) && day.ends_with(|c: char| c.is_ascii_digit()) =>
        {
            day
        }
        _ => lower.as_str(),
    };
    let words = lower.split_whitespace().take_while(|word| !word.contains(':')).collect::<Vec<_>>().join(" ");
    let has_words = words.chars().any(char::is_alphabetic);
    let words = if has_words { words.replace('.', "") } else { words };
    let parts: Vec<&str> = words.split(['/', '-', '.', ' ', ',']).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let month = |word: &str| {
        let place = MONTHS.iter().position(|names| names.contains(&word))?;
        i64::try_from(place + 1).ok()
    };
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    if first.len() == 4 && number(first).is_some() {
        return gregorian(number(first)?, month(second).or_else(|| number(second))?, number(third)?);
    }
    // Two digits of a year do not say of which century, nor of which calendar.
    let year = number(third).filter(|_| third.len() == 4)?;
    if let Some(named) = month(first) {
        return gregorian(year, named, number(second)?);
    }
    let (day, month) = (number(first)?, month(second).or_else(|| number(second))?);
    if month > 12 && day <= 12 { gregorian(year, day, month) } else { gregorian(year, month, day) }
}

/// A day of the Gregorian calendar; a year beyond 2400 is Buddhist.
fn gregorian(year: i64, month: i64, day: i64) -> Option<Date> {
    let year = if year > 2400 { year - 543 } else { year };
    Date::new(
        i16::try_from(year).ok().filter(|year| *year >= 1000)?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

fn flag(cell: &Cell, text: &str) -> Result<bool, (Code, String)> {
    if let Cell::Flag(flag) = cell {
        return Ok(*flag);
    }
    const YES: [&str; 11] = ["true", "yes", "y", "1", "active", "ใช่", "ใช้งาน", "เปิด", "เปิดใช้งาน", "on", "x"];
    const NO: [&str; 11] = ["false", "no", "n", "0", "inactive", "ไม่ใช่", "ไม่ใช้งาน", "ปิด", "ปิดใช้งาน", "off", "ไม่ใช้"];
    let word = key(text);
    let is_one_of = |words: &[&str]| words.iter().any(|known| key(known) == word);
    match (is_one_of(&YES), is_one_of(&NO)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err((Code::InvalidType, format!("{text:?} is neither yes nor no"))),
    }
}

fn choice(text: &str, choices: &[(i64, &[&str])]) -> Result<i64, (Code, String)> {
    let word = key(text);
    let number = text.parse::<f64>().ok();
    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
    let found = choices
        .iter()
        .find(|(known, words)| number == Some(*known as f64) || words.iter().any(|name| key(name) == word));
    found.map(|(known, _)| *known).ok_or_else(|| {
        let known: Vec<String> =
            choices.iter().map(|(number, words)| format!("{number} {}", words.first().unwrap_or(&""))).collect();
        (Code::InvalidValue, format!("{text:?} is none of {}", known.join(", ")))
    })
}

fn names(text: &str, between: &[char]) -> Read {
    let names = text.split(between).map(str::trim).filter(|name| !name.is_empty());
    Read { value: names.map(|name| Value::String(name.to_owned())).collect(), warning: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn thai() -> Reading {
        Reading { country: "TH".to_owned(), from_1904: false }
    }

    fn value(cell: Cell, form: Form) -> (Value, bool) {
        let read = read(&cell, form, &thai()).expect("reads").expect("something");
        (read.value, read.warning.is_some())
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn digits_that_were_taken_for_a_quantity_are_put_right() {
        for (cell, form, expected, is_warned) in [
            (Cell::Number(812_345_678.0), Form::Phone, "0812345678", true),
            (text("812345678"), Form::Phone, "0812345678", true),
            (text("8.12345678E+08"), Form::Phone, "0812345678", true),
            (text("21234567.0"), Form::Phone, "021234567", true),
            (text("081-234-5678"), Form::Phone, "081-234-5678", false),
            (text("081.234"), Form::Phone, "081.234", false),
            (text("'+66812345678"), Form::Phone, "+66812345678", false),
            (Cell::Number(66_812_345_678.0), Form::Phone, "66812345678", false),
            (Cell::Number(105_561_000_008.0), Form::TaxNo, "0105561000008", true),
            (text("1.05561000008E+11"), Form::TaxNo, "0105561000008", true),
            (text("1101700230708"), Form::TaxNo, "1101700230708", false),
            (Cell::Number(1.0), Form::Branch, "00001", true),
            (text("สำนักงานใหญ่"), Form::Branch, "00000", false),
            (Cell::Number(42.0), Form::Code, "42", false),
            (text("42.0"), Form::Code, "42", true),
            (text("1E5"), Form::Code, "1E5", false),
            (text("A-7"), Form::Code, "A-7", false),
        ] {
            assert_eq!(value(cell.clone(), form), (json!(expected), is_warned), "{cell:?} {form:?}");
        }
        for rounded in [text("6.68123E+10"), Cell::Number(1.1e16), text("1.05561E+11")] {
            let refused = read(&rounded, Form::Phone, &thai()).expect_err("digits are lost");
            assert_eq!(refused.0, Code::InvalidFormat, "{rounded:?}");
        }
        let lao = Reading { country: "LA".to_owned(), from_1904: false };
        let kept = read(&Cell::Number(812_345_678.0), Form::Phone, &lao).expect("reads").expect("something");
        assert_eq!(kept, Read::from("812345678".to_owned()));
    }

    #[test]
    fn an_amount_is_read_as_people_write_it() {
        for (cell, form, expected, is_warned) in [
            (text("1,250.50"), Form::Amount, "1250.50", false),
            (text("฿ 12,000"), Form::Amount, "12000", false),
            (text("99 บาท"), Form::Amount, "99", false),
            (text("1,50"), Form::Amount, "1,50", false),
            (Cell::Number(12.5), Form::Amount, "12.5", false),
            (Cell::Number(0.1 + 0.2), Form::Amount, "0.3", false),
            (Cell::Number(-3.0 * 0.1), Form::Amount, "-0.3", false),
            (Cell::Number(1e6), Form::Amount, "1000000", false),
            (text("7%"), Form::Percent, "7", false),
            (Cell::Number(7.0), Form::Percent, "7", false),
            (Cell::Number(0.07), Form::Percent, "7", true),
            (Cell::Number(0.1), Form::Percent, "10", true),
            (Cell::Number(0.0), Form::Percent, "0", false),
        ] {
            assert_eq!(value(cell.clone(), form), (json!(expected), is_warned), "{cell:?}");
        }
    }

    #[test]
    fn a_day_is_read_in_every_spelling() {
        for same in [
            text("2024-02-29"),
            text("29/02/2024"),
            text("29-2-2567"),
            text("29.02.2567"),
            text("2567-02-29"),
            text("2024-02-29T10:00:00+0700"),
            text("29/2/2567 10:15:00"),
            text("29 ก.พ. 2567"),
            text("29 กุมภาพันธ์ 2567"),
            text("29-Feb-2024"),
            text("Feb 29, 2024"),
            text("20240229"),
            text("45351"),
            text("45351.75"),
            Cell::Number(45_351.0),
            Cell::Number(20_240_229.0),
            Cell::Day(date(2024, 2, 29)),
        ] {
            assert_eq!(value(same.clone(), Form::Day).0, json!("2024-02-29"), "{same:?}");
        }
        // The month comes first only where it cannot be the day.
        assert_eq!(value(text("12/31/2024"), Form::Day).0, json!("2024-12-31"));
        assert_eq!(value(text("03/04/2024"), Form::Day).0, json!("2024-04-03"));
        assert_eq!(value(Cell::Day(date(2567, 3, 1)), Form::Day).0, json!("2024-03-01"));
        for wrong in ["31/02/2024", "29/02/67", "2024", "soon", "13/13/2024", "1/2", "29 foo 2024"] {
            assert!(read(&text(wrong), Form::Day, &thai()).is_err(), "{wrong}");
        }
        let mac = Reading { country: "TH".to_owned(), from_1904: true };
        let day = read(&Cell::Number(43_889.0), Form::Day, &mac).expect("reads").expect("something");
        assert_eq!(day.value, json!("2024-02-29"));
    }

    #[test]
    fn excel_counts_a_day_that_never_was() {
        assert_eq!(serial(59.0, false), Some(date(1900, 2, 28)));
        assert_eq!(serial(61.0, false), Some(date(1900, 3, 1)));
        assert_eq!(serial(0.0, true), Some(date(1904, 1, 1)));
        assert_eq!(serial(-1.0, false), None);
    }

    #[test]
    fn words_are_read_as_what_they_say() {
        const SEX: &[(i64, &[&str])] = &[(1, &["male", "ชาย"]), (2, &["female", "หญิง"])];
        for (cell, expected) in [(text("ชาย"), 1), (text("Female"), 2), (Cell::Number(2.0), 2), (text("1"), 1)] {
            assert_eq!(value(cell, Form::Choice(SEX)).0, json!(expected));
        }
        assert!(read(&text("x"), Form::Choice(SEX), &thai()).is_err());
        assert_eq!(value(text("ใช่"), Form::Flag).0, json!(true));
        assert_eq!(value(text("No"), Form::Flag).0, json!(false));
        assert!(read(&text("maybe"), Form::Flag, &thai()).is_err());
        assert_eq!(value(text("a; b|c\nd"), Form::Names).0, json!(["a", "b", "c", "d"]));
        assert_eq!(value(text("a, b"), Form::List).0, json!(["a", "b"]));
        assert_eq!(value(text("A, B"), Form::Names).0, json!(["A, B"]));
        assert_eq!(read(&text(" "), Form::Text, &thai()).expect("reads"), None);
        assert!(read(&Cell::Wrong("#REF!".to_owned()), Form::Text, &thai()).is_err());
    }
}

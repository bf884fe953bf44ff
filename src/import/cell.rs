//! What stands in a cell, and what it means in a column of some form: Excel's oddities are put right here.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amount::{Comma, amount, is_number};
use super::day::{day, is_day, is_unclear, moment};
use super::header::key;
use super::zeros::{branch, phone, tax_no};
use crate::http::Code;
use crate::search::{self, ascii_digits};
use crate::time;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) enum Cell {
    #[default]
    Empty,
    Text(String),
    Number(Number),
    Flag(bool),
    Day(Date),
    /// A day with its time of day.
    Moment(DateTime),
    /// A time of day, or a length of time, as it is shown.
    Time(String),
    /// A formula that failed: `#REF!`.
    Wrong(String),
    /// A formula that nobody has computed yet.
    Uncomputed,
}

/// A number, and how the spreadsheet shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Number {
    #[serde(with = "bits")]
    pub(super) value: f64,
    pub(super) shown: Shown,
}

/// How a spreadsheet shows a number, as far as that says more than the number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shown {
    /// As it is.
    Plain,
    /// With zeros or words of its format.
    As(String),
    /// A hundred times as large, with a percent sign.
    Percent,
    /// With an exponent.
    Rounded,
    /// This kind of file does not tell.
    Untold,
}

/// A float as its bits: what is read is what was written.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

impl Cell {
    /// The cell as text, as the spreadsheet shows it and a file of errors does.
    pub(super) fn text(&self) -> String {
        match self {
            Cell::Empty | Cell::Uncomputed => String::new(),
            // PostgreSQL keeps no NUL.
            Cell::Text(text) => text.replace('\0', ""),
            Cell::Wrong(text) | Cell::Time(text) => text.clone(),
            Cell::Number(Number { shown: Shown::As(text), .. }) => text.clone(),
            Cell::Number(Number { value, shown: Shown::Percent }) => format!("{}%", fifteen(value * 100.0)),
            Cell::Number(Number { value, .. }) => fifteen(*value),
            Cell::Flag(flag) => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
            Cell::Day(day) => day.to_string(),
            Cell::Moment(at) => {
                let form = if at.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
                at.strftime(form).to_string()
            }
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
    Email,
    TaxNo,
    Branch,
    Day,
    /// A day, with its time of day where there is one.
    Moment,
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

impl Form {
    /// A control character that this text holds and must not. Words and lists may have lines and tabs; what else
    /// cannot be seen in a text is passed over wherever it is compared.
    fn control_in(self, text: &str) -> Option<char> {
        match self {
            Form::Text | Form::Names | Form::List => None,
            Form::Phone => search::control(text, true),
            _ => search::control(text, false),
        }
    }
}

/// What the reading of cells depends on.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The company's country, whose telephone and tax numbers are meant.
    pub(super) country: String,
    /// Days are counted from 1904 in this workbook.
    pub(super) is_from_1904: bool,
    /// The file is a text, in which nothing says what a spreadsheet has made of its cells.
    pub(super) is_text: bool,
    /// What a comma in a number is.
    pub(super) comma: Comma,
}

impl Reading {
    /// What is known of a file that was not looked at.
    pub(super) fn of(country: &str) -> Reading {
        Reading { country: country.to_owned(), is_from_1904: false, is_text: false, comma: Comma::Groups }
    }
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
    match cell {
        Cell::Wrong(error) => return Err((Code::InvalidValue, format!("the cell contains the error {error}"))),
        Cell::Uncomputed => {
            let message = "the cell contains a formula without a stored value; open the file in a spreadsheet program and save it";
            return Err((Code::InvalidValue, message.to_owned()));
        }
        Cell::Text(raw) => {
            if let Some(letter) = form.control_in(raw) {
                let message = format!("the cell contains the control character U+{:04X}", u32::from(letter));
                return Err((Code::InvalidValue, message));
            }
        }
        _ => {}
    }
    let text = shown(&cell.text());
    match form {
        Form::Text => match is_quantity(cell, &text) {
            true => digits(cell, text).map(Some),
            false => Ok(Some(doubtful(text))),
        },
        Form::Code => code(cell, text, reading).map(Some),
        Form::Phone => digits(cell, ascii_digits(&text)).map(|read| Some(phone(read, reading))),
        Form::Email => Ok(Some(email(text))),
        Form::TaxNo => digits(cell, ascii_digits(&text)).map(|read| Some(tax_no(read, reading))),
        Form::Branch => digits(cell, ascii_digits(&text)).map(|read| Some(branch(read, reading))),
        Form::Day => {
            let digits = ascii_digits(&text);
            day(cell, &digits, reading).map(|day| Some(day.to_string().into())).ok_or_else(|| {
                let message = match is_unclear(&digits) {
                    true => format!("“{text}” may be several days: write it as 31/12/2025, 2025-12-31 or 31 ธ.ค. 2568"),
                    false => format!("“{text}” is not a day such as 31/12/2025, 2025-12-31 or 31 ธ.ค. 2568"),
                };
                (Code::InvalidFormat, message)
            })
        }
        Form::Moment if time::is_unset(&text) => Ok(None),
        Form::Moment => moment(cell, &ascii_digits(&text), reading).map(|at| Some(at.into())).ok_or_else(|| {
            let message = format!("“{text}” is not a time such as 31/12/2025 14:30, 2025-12-31 or 31 ธ.ค. 2568");
            (Code::InvalidFormat, message)
        }),
        Form::Amount => quantity(cell, &text, reading).map(Some),
        Form::Percent => percent(cell, &text, reading).map(Some),
        Form::Flag => flag(cell, &text).map(|flag| Some(Read { value: Value::Bool(flag), warning: None })),
        Form::Choice(choices) => {
            choice(&ascii_digits(&text), choices).map(|number| Some(Read { value: number.into(), warning: None }))
        }
        Form::Names => Ok(Some(names(&text, &[';', '|', '\n']))),
        Form::List => Ok(Some(names(&text, &[';', '|', '\n', ',']))),
    }
}

/// A text as it was meant: trimmed, and without the apostrophe that keeps a spreadsheet from computing it.
fn shown(text: &str) -> String {
    let text = search::trimmed(text);
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

/// Whether a text stands in a cell as a number that a spreadsheet has rounded, or may have: it goes the way of digits.
fn is_quantity(cell: &Cell, text: &str) -> bool {
    match cell {
        Cell::Number(Number { value, .. }) => value.abs() >= 1e15,
        Cell::Text(_) => scientific(text).is_some_and(|(_, exponent)| exponent > 0),
        _ => false,
    }
}

/// Whether a text reads like Thai of one byte a letter that was taken for Latin-1, as `¡Ò¿` for กาฟ: letters and signs in
/// one run.
fn is_latin_of_thai(text: &str) -> bool {
    text.split(|letter: char| !matches!(letter, '\u{a1}'..='\u{fb}')).any(|run| {
        let signs = run.chars().filter(|letter| matches!(letter, '\u{a1}'..='\u{bf}')).count();
        let length = run.chars().count();
        length > 2 && signs > 0 && signs < length
    })
}

/// A text; one that some program has garbled before is warned of.
fn doubtful(text: String) -> Read {
    // `à¸` and `à¹` are how Thai in UTF-8 looks when it was taken for Windows-1252.
    let is_garbled = text.contains('\u{fffd}') || text.contains("à¸") || text.contains("à¹") || is_latin_of_thai(&text);
    let warning = is_garbled.then(|| format!("“{text}” looks garbled: letters were lost before the import"));
    Read { value: Value::String(text), warning }
}

/// A number as people see it: to fifteen digits, which is what a spreadsheet keeps, never in scientific notation.
pub(super) fn fifteen(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    // Zero has no sign.
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

fn lost(text: &str) -> (Code, String) {
    let message =
        format!("{text}: the spreadsheet has rounded this number; format the column as text and type it again");
    (Code::InvalidFormat, message)
}

/// What a spreadsheet made of something that is no number.
fn changed(text: &str, into: &str) -> (Code, String) {
    let message =
        format!("{text}: the spreadsheet turned this into {into}; format the column as text and type it again");
    (Code::InvalidFormat, message)
}

/// A code: what a spreadsheet made of it is refused or warned of.
fn code(cell: &Cell, text: String, reading: &Reading) -> Result<Read, (Code, String)> {
    let mut read = digits(cell, text.clone())?;
    let doubt = match cell {
        Cell::Number(Number { value, shown: Shown::Plain | Shown::Untold }) if value.fract() != 0.0 => {
            Some(format!("{text} is a number in the spreadsheet: zeros at its end, if any, are lost"))
        }
        Cell::Number(Number { shown: Shown::Untold, .. }) => Some(format!(
            "{text} is a number in the spreadsheet, and this kind of file does not store its format: leading zeros, \
             if any, are lost"
        )),
        Cell::Text(_) if reading.is_text && (is_flag(&text) || is_day(&text)) => {
            Some(format!("{text} looks like a code that a spreadsheet has changed"))
        }
        _ => None,
    };
    read.warning = read.warning.or(doubt);
    Ok(read)
}

fn is_flag(text: &str) -> bool {
    ["true", "false", "จริง", "เท็จ"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Digits that a spreadsheet took for a quantity, as they were: `8.12345678E+08` and `812345678.0` are 812345678. What it
/// rounded cannot be had back.
fn digits(cell: &Cell, text: String) -> Result<Read, (Code, String)> {
    match cell {
        Cell::Day(_) | Cell::Moment(_) => return Err(changed(&text, "a day")),
        Cell::Time(_) => return Err(changed(&text, "a time of day")),
        Cell::Flag(_) => return Err(changed(&text, "yes or no")),
        Cell::Number(Number { shown: Shown::Percent, .. }) => return Err(changed(&text, "a percentage")),
        // `1E5` that was typed is shown so; a long number is only short of room.
        Cell::Number(Number { shown: Shown::Rounded, .. }) if text.trim_end_matches('0').len() < 6 => {
            return Err(changed(&text, "a power of ten"));
        }
        // A float holds fifteen digits.
        Cell::Number(Number { value, .. }) if value.abs() >= 1e15 => return Err(lost(&text)),
        Cell::Number(_) => return Ok(text.into()),
        _ => {}
    }
    let Some((mantissa, exponent)) = scientific(&text) else { return Ok(text.into()) };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    if exponent > 0 && fraction.len() < exponent || fraction.len() > exponent {
        return Err(lost(&text));
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

/// An e-mail address, out of what programs write around one: `Som <som@x.co>`, `<som@x.co>`, `mailto:som@x.co`.
fn email(text: String) -> Read {
    let angled = text.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
    let inner = angled.filter(|inner| !inner.contains(['<', '>'])).unwrap_or(&text).trim();
    let is_link = inner.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let link = inner.get(7..).filter(|_| is_link).map(|link| link.split('?').next().unwrap_or_default().trim());
    match link.unwrap_or(inner).to_owned() {
        address if address == text => doubtful(text),
        address => {
            let warning = Some(format!("{text} was read as {address}"));
            Read { value: Value::String(address), warning }
        }
    }
}

/// A number as it was typed: a float that a spreadsheet has computed is cut to the fifteen digits that it shows.
fn quantity(cell: &Cell, text: &str, reading: &Reading) -> Result<Read, (Code, String)> {
    match cell {
        Cell::Number(Number { shown: Shown::Percent, .. }) => Err(no_amount(text)),
        Cell::Number(Number { value, .. }) => Ok(fifteen(*value).into()),
        Cell::Text(_) if text.strip_suffix('%').is_some_and(is_number) => Err(no_amount(text)),
        _ => amount(text, reading.comma),
    }
}

fn no_amount(text: &str) -> (Code, String) {
    let message = format!(
        "{text} is a percentage, and this column holds amounts: name it as one of percentages, or write the amount"
    );
    (Code::InvalidFormat, message)
}

/// A percentage: `7%` in a text, and what a spreadsheet shows so, which it keeps as 0.07.
fn percent(cell: &Cell, text: &str, reading: &Reading) -> Result<Read, (Code, String)> {
    match cell {
        Cell::Number(Number { value, shown: Shown::Percent }) => Ok(fifteen(value * 100.0).into()),
        Cell::Number(Number { value, .. }) if *value > 0.0 && *value < 1.0 => {
            let hundredfold = fifteen(value * 100.0);
            let warning = Some(format!("{text} was read as {hundredfold} percent"));
            Ok(Read { value: Value::String(hundredfold), warning })
        }
        Cell::Number(Number { value, shown }) => {
            // Where the others of a column are fractions, 1 is all of it.
            let most = if *shown == Shown::Untold { 2.0 } else { 1.0 };
            let is_doubtful = (1.0..=most).contains(value);
            let warning = is_doubtful.then(|| {
                format!(
                    "{text} was read as {text} percent; where the spreadsheet shows {}%, it must be typed so",
                    fifteen(value * 100.0)
                )
            });
            Ok(Read { value: Value::String(fifteen(*value)), warning })
        }
        _ if text.ends_with(['%', '％']) => amount(text.trim_end_matches(['%', '％']).trim(), reading.comma),
        // Of a number that was written as text nobody knows how it was shown: it is read as one without a format.
        _ => {
            let read = amount(text, reading.comma)?;
            match read.value.as_str().and_then(|number| number.parse::<f64>().ok()) {
                Some(value @ 0.0..=1.0) if read.warning.is_none() && value != 0.0 => {
                    percent(&Cell::Number(Number { value, shown: Shown::Plain }), text, reading)
                }
                _ => Ok(read),
            }
        }
    }
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
        _ => Err((Code::InvalidType, format!("“{text}” must be yes or no"))),
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
        (Code::InvalidValue, format!("“{text}” is not one of {}", known.join(", ")))
    })
}

fn names(text: &str, between: &[char]) -> Read {
    let names = text.split(between).map(str::trim).filter(|name| !name.is_empty());
    Read { value: names.map(|name| Value::String(name.to_owned())).collect(), warning: None }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    fn thai() -> Reading {
        Reading::of("TH")
    }

    fn number(value: f64) -> Cell {
        shown_as(value, Shown::Plain)
    }

    fn shown_as(value: f64, shown: Shown) -> Cell {
        Cell::Number(Number { value, shown })
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
            (number(812_345_678.0), Form::Phone, "0812345678", true),
            (text("812345678"), Form::Phone, "0812345678", true),
            (text("8.12345678E+08"), Form::Phone, "0812345678", true),
            (text("21234567.0"), Form::Phone, "021234567", true),
            (text("081-234-5678"), Form::Phone, "081-234-5678", false),
            (text("081.234"), Form::Phone, "081.234", false),
            (text("'+66812345678"), Form::Phone, "+66812345678", false),
            (number(66_812_345_678.0), Form::Phone, "66812345678", false),
            (number(105_561_000_008.0), Form::TaxNo, "0105561000008", true),
            (text("1.05561000008E+11"), Form::TaxNo, "0105561000008", true),
            (text("1101700230708"), Form::TaxNo, "1101700230708", false),
            (number(1.0), Form::Branch, "00001", true),
            (text("สำนักงานใหญ่"), Form::Branch, "00000", false),
            (number(42.0), Form::Code, "42", false),
            (text("๘๑๒๓๔๕๖๗๘"), Form::Phone, "0812345678", true),
            (text("42.0"), Form::Code, "42", true),
            (text("1E5"), Form::Code, "1E5", false),
            (text("A-7"), Form::Code, "A-7", false),
        ] {
            assert_eq!(value(cell.clone(), form), (json!(expected), is_warned), "{cell:?} {form:?}");
        }
        for rounded in [text("6.68123E+10"), number(1.1e16), text("1.05561E+11")] {
            let refused = read(&rounded, Form::Phone, &thai()).expect_err("digits are lost");
            assert_eq!(refused.0, Code::InvalidFormat, "{rounded:?}");
        }
        let lao = Reading::of("LA");
        let kept = read(&number(812_345_678.0), Form::Phone, &lao).expect("reads").expect("something");
        assert_eq!(kept, Read::from("812345678".to_owned()));
    }

    #[test]
    fn an_amount_is_read_as_people_write_it() {
        for (cell, form, expected, is_warned) in [
            (text("1,250.50"), Form::Amount, "1250.50", false),
            (text("฿ 12,000"), Form::Amount, "12000", false),
            (text("99 บาท"), Form::Amount, "99", false),
            (text("1,50"), Form::Amount, "1.50", false),
            (number(12.5), Form::Amount, "12.5", false),
            (number(0.1 + 0.2), Form::Amount, "0.3", false),
            (number(-3.0 * 0.1), Form::Amount, "-0.3", false),
            (number(1e6), Form::Amount, "1000000", false),
            (text("7%"), Form::Percent, "7", false),
            (number(7.0), Form::Percent, "7", false),
            (number(0.07), Form::Percent, "7", true),
            (number(0.1), Form::Percent, "10", true),
            (number(0.0), Form::Percent, "0", false),
            (number(1.0), Form::Percent, "1", true),
            (text("0.07"), Form::Percent, "7", true),
            (text("0.07%"), Form::Percent, "0.07", false),
            (text("1"), Form::Percent, "1", true),
            (text("1%"), Form::Percent, "1", false),
            (shown_as(1.0, Shown::Percent), Form::Percent, "100", false),
            (shown_as(1.5, Shown::Percent), Form::Percent, "150", false),
            (shown_as(0.07, Shown::Percent), Form::Percent, "7", false),
            (shown_as(1.0, Shown::Untold), Form::Percent, "1", true),
            (text("๗%"), Form::Percent, "7", false),
            (text("๑,๒๕๐.๕๐"), Form::Amount, "1250.50", false),
        ] {
            assert_eq!(value(cell.clone(), form), (json!(expected), is_warned), "{cell:?}");
        }
        for percentage in [shown_as(0.1, Shown::Percent), text("10%"), text("10 %"), text("12,5%")] {
            let refused = read(&percentage, Form::Amount, &thai()).expect_err("no amount");
            assert!(refused.1.contains("is a percentage"), "{refused:?}");
        }
    }

    #[test]
    fn what_a_spreadsheet_made_of_a_code_is_refused_or_said() {
        for (cell, expected, is_warned) in [
            (shown_as(123.0, Shown::As("00123".to_owned())), "00123", false),
            (shown_as(7.0, Shown::As("SKU-0007".to_owned())), "SKU-0007", false),
            (shown_as(8_850_123_456_789.0, Shown::Rounded), "8850123456789", false),
            (shown_as(42.0, Shown::Untold), "42", true),
            (number(10.1), "10.1", true),
        ] {
            assert_eq!(value(cell.clone(), Form::Code), (json!(expected), is_warned), "{cell:?}");
        }
        for cell in [
            Cell::Day(date(2026, 2, 1)),
            Cell::Moment(date(2026, 2, 1).at(14, 30, 0, 0)),
            Cell::Time("14:30".to_owned()),
            Cell::Flag(true),
            shown_as(0.5, Shown::Percent),
            shown_as(100_000.0, Shown::Rounded),
            Cell::Uncomputed,
        ] {
            assert!(read(&cell, Form::Code, &thai()).is_err(), "{cell:?}");
            assert!(read(&cell, Form::Phone, &thai()).is_err(), "{cell:?}");
        }
        let reading = Reading { is_text: true, ..thai() };
        for (typed, is_warned) in
            [("1-Feb", true), ("Feb-26", true), ("2026-02-01", true), ("TRUE", true), ("A-1", false), ("1-2", false)]
        {
            let read = read(&text(typed), Form::Code, &reading).expect("reads").expect("something");
            assert_eq!((read.value, read.warning.is_some()), (json!(typed), is_warned));
        }
    }

    #[test]
    fn a_text_is_what_the_spreadsheet_shows() {
        for (cell, expected) in [
            (Cell::Flag(true), "TRUE"),
            (Cell::Time("14:30".to_owned()), "14:30"),
            (Cell::Moment(date(2026, 5, 17).at(14, 30, 0, 0)), "2026-05-17 14:30"),
            (Cell::Moment(date(2026, 5, 17).at(14, 30, 9, 0)), "2026-05-17 14:30:09"),
            (Cell::Day(date(2026, 5, 17)), "2026-05-17"),
            (number(4126.650000000001), "4126.65"),
            (number(0.1 + 0.2), "0.3"),
            (number(1e-7), "0.0000001"),
            (number(1e14), "100000000000000"),
            (number(-0.0), "0"),
            (shown_as(0.07, Shown::Percent), "7%"),
            (shown_as(12.0, Shown::As("12 kg".to_owned())), "12 kg"),
        ] {
            assert_eq!(value(cell.clone(), Form::Text), (json!(expected), false), "{cell:?}");
        }
        for garbled in ["Zo\u{fffd}", "¡Ò¿", "à¸\u{81}"] {
            assert!(value(text(garbled), Form::Text).1, "what was garbled before is warned of: {garbled}");
        }
        for fine in ["¿Qué?", "Müller & Söhne", "£££", "25 °C", "1E5", "1.0"] {
            assert_eq!(value(text(fine), Form::Text), (json!(fine), false));
        }
        assert_eq!(value(text("8.12345678E+08"), Form::Text), (json!("812345678"), true));
        for rounded in [number(1e20), number(4_512_345_678_901_230.0), text("6.68123E+10"), text("1.23457E+15")] {
            assert!(read(&rounded, Form::Text, &thai()).is_err(), "{rounded:?}");
        }
        assert_eq!(value(text("\u{200b}ZW01\u{200f} "), Form::Text).0, json!("ZW01"));
    }

    #[test]
    fn control_characters_are_no_part_of_codes_and_numbers() {
        let forms =
            [Form::Code, Form::Phone, Form::TaxNo, Form::Branch, Form::Email, Form::Amount, Form::Percent, Form::Day];
        for control in ['\0', '\u{1}', '\u{8}', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}'] {
            for form in forms {
                for typed in [format!("0{control}1"), format!("{control}01"), format!("01{control}")] {
                    let refused = read(&text(&typed), form, &thai()).expect_err("a control character");
                    let message = format!("the cell contains the control character U+{:04X}", u32::from(control));
                    assert_eq!(refused, (Code::InvalidValue, message), "{typed:?} {form:?}");
                }
            }
        }
        assert!(read(&text("A\tB"), Form::Code, &thai()).is_err());
        assert!(read(&text("A\nB"), Form::Code, &thai()).is_err());
        assert_eq!(value(text("A1\n"), Form::Code).0, json!("A1"), "a line end behind it is none of it");
        assert_eq!(value(text("081-234-5678\n02-123-4567"), Form::Phone).0, json!("081-234-5678\n02-123-4567"));
        assert_eq!(value(text("line\nline\tline"), Form::Text).0, json!("line\nline\tline"));
        assert_eq!(value(text("A\u{200b}1"), Form::Code).0, json!("A\u{200b}1"), "the record leaves it out");
    }

    #[test]
    fn words_are_read_as_what_they_say() {
        const SEX: &[(i64, &[&str])] = &[(1, &["male", "ชาย"]), (2, &["female", "หญิง"])];
        for (cell, expected) in [(text("ชาย"), 1), (text("Female"), 2), (number(2.0), 2), (text("1"), 1)] {
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

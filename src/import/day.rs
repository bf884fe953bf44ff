//! Days as people and spreadsheets write them.

use jiff::civil::{Date, date};

use super::cell::{Cell, Reading};

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

/// The day that a cell says, in a column of days.
pub(super) fn day(cell: &Cell, text: &str, reading: &Reading) -> Option<Date> {
    match cell {
        Cell::Day(day) => gregorian(i64::from(day.year()), i64::from(day.month()), i64::from(day.day())),
        Cell::Moment(at) => gregorian(i64::from(at.year()), i64::from(at.month()), i64::from(at.day())),
        Cell::Number(number) => numbered(number.value, reading.is_from_1904),
        Cell::Time(_) | Cell::Flag(_) => None,
        _ => match text.parse::<f64>() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                numbered(number, reading.is_from_1904)
            }
            _ => written(text),
        },
    }
}

/// A number in a column of days: the day's number in Excel, or `20251231`. Smaller ones are taken for years, which are no
/// days.
fn numbered(number: f64, is_from_1904: bool) -> Option<Date> {
    let whole = number.trunc();
    if (10_000_101.0..100_000_000.0).contains(&whole) {
        #[expect(clippy::cast_possible_truncation, reason = "checked to have eight digits")]
        let number = whole as i64;
        return gregorian(number / 10_000, number / 100 % 100, number % 100);
    }
    (whole >= 10_000.0).then(|| serial(whole, is_from_1904)).flatten()
}

/// The day of a number in Excel. Its first calendar counts a 29 February 1900 that never was; the other begins in 1904.
pub(super) fn serial(number: f64, is_from_1904: bool) -> Option<Date> {
    let whole = number.trunc();
    if !(0.0..3_000_000.0).contains(&whole) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    let days = whole as i64;
    let begin = match is_from_1904 {
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

/// A day as spreadsheets write it where they took something for one: also `1-Feb` and `Feb-26`.
pub(super) fn is_day(text: &str) -> bool {
    let part = |text: &str| {
        let lower = text.to_lowercase().replace('.', "");
        let is_month = MONTHS.iter().flatten().any(|name| *name == lower);
        (is_month, !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match text.split_once('-').map(|(one, other)| (part(one), part(other))) {
        Some(((true, _), (_, true)) | ((_, true), (true, _))) => true,
        _ => {
            let is_written = text.contains(['-', '/', ' ']) && text.len() >= 8;
            is_written && written(text).is_some_and(|day| (1950..2100).contains(&day.year()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::{Number, Shown};
    use super::*;
    use crate::search::ascii_digits;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn number(value: f64) -> Cell {
        Cell::Number(Number { value, shown: Shown::Plain })
    }

    fn said(cell: &Cell) -> Option<Date> {
        day(cell, &ascii_digits(&cell.text()), &Reading::of("TH"))
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
            text("๒๙/๐๒/๒๕๖๗"),
            text("๒๙ ก.พ. ๒๕๖๗"),
            Cell::Moment(date(2024, 2, 29).at(14, 30, 0, 0)),
            text("29 กุมภาพันธ์ 2567"),
            text("29-Feb-2024"),
            text("Feb 29, 2024"),
            text("20240229"),
            text("45351"),
            text("45351.75"),
            number(45_351.0),
            number(20_240_229.0),
            Cell::Day(date(2024, 2, 29)),
        ] {
            assert_eq!(said(&same), Some(date(2024, 2, 29)), "{same:?}");
        }
        // The month comes first only where it cannot be the day.
        assert_eq!(said(&text("12/31/2024")), Some(date(2024, 12, 31)));
        assert_eq!(said(&text("03/04/2024")), Some(date(2024, 4, 3)));
        assert_eq!(said(&Cell::Day(date(2567, 3, 1))), Some(date(2024, 3, 1)));
        for wrong in ["31/02/2024", "29/02/67", "2024", "soon", "13/13/2024", "1/2", "29 foo 2024"] {
            assert_eq!(said(&text(wrong)), None, "{wrong}");
        }
        let mac = Reading { is_from_1904: true, ..Reading::of("TH") };
        assert_eq!(day(&number(43_889.0), "43889", &mac), Some(date(2024, 2, 29)));
    }

    #[test]
    fn excel_counts_a_day_that_never_was() {
        assert_eq!(serial(59.0, false), Some(date(1900, 2, 28)));
        assert_eq!(serial(61.0, false), Some(date(1900, 3, 1)));
        assert_eq!(serial(0.0, true), Some(date(1904, 1, 1)));
        assert_eq!(serial(-1.0, false), None);
    }
}

//! Days as people and spreadsheets write them.

use std::time::Duration;

use jiff::civil::{Date, Time, date};

use super::cell::{Cell, Reading};
use crate::time::western;

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
        Cell::Day(day) => kept(*day),
        Cell::Moment(at) => kept(at.date()),
        Cell::Number(number) => numbered(&number.value.trunc().to_string(), reading.is_from_1904),
        Cell::Time(_) | Cell::Flag(_) => None,
        _ => match number_of(text) {
            Some(whole) => numbered(whole, reading.is_from_1904),
            None => written(text),
        },
    }
}

/// The day that a cell says in a column of times, with its time of day where it says one: as the API reads it.
pub(super) fn moment(cell: &Cell, text: &str, reading: &Reading) -> Option<String> {
    let on = day(cell, text, reading)?;
    let time = match cell {
        Cell::Day(_) => None,
        Cell::Moment(at) => Some(clock(at.time())),
        Cell::Number(number) => part_of_day(number.value.fract()),
        _ => match number_of(text) {
            Some(_) => part_of_day(text.parse::<f64>().ok()?.fract()),
            None => match time_text(text) {
                Some(time) => Some(written_time(&time)?),
                None => None,
            },
        },
    };
    Some(time.map_or_else(|| on.to_string(), |time| format!("{on}T{time}")))
}

/// The time of day of the part of a day that has gone, to the second: a whole day says none.
fn part_of_day(part: f64) -> Option<String> {
    let gone = Duration::try_from_secs_f64((part * 86_400.0).round()).ok().filter(|gone| !gone.is_zero())?;
    Time::midnight().checked_add(gone).ok().map(clock)
}

fn clock(time: Time) -> String {
    time.strftime("%H:%M:%S").to_string()
}

/// What stands behind the day in a text, in small letters.
fn time_text(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let time = match lower.split_once('t') {
        Some((day, time))
            if time.starts_with(|c: char| c.is_ascii_digit()) && day.ends_with(|c: char| c.is_ascii_digit()) =>
        {
            time.to_owned()
        }
        _ => lower.split_whitespace().skip_while(|word| !word.contains(':')).collect::<Vec<_>>().join(" "),
    };
    Some(time).filter(|time| !time.is_empty())
}

/// A time of day as people write it: `9:05`, `14:30 น.`, `2:30 PM`, `10:00:00+0700`.
fn written_time(text: &str) -> Option<String> {
    let text = text.trim_end_matches('.').trim_end_matches('น').trim_end();
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(text), _) => (text, Some(0)),
        (_, Some(text)) => (text, Some(12)),
        _ => (text, None),
    };
    let (time, offset) = text.split_at(text.find(['+', '-', 'z']).unwrap_or(text.len()));
    let number = |text: &str| text.parse::<i8>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let mut parts = time.trim().split(':');
    let mut hour = number(parts.next()?)?;
    let minute = number(parts.next().unwrap_or("0"))?;
    // Parts of a second are left out.
    let second = number(parts.next().unwrap_or("0").split('.').next()?)?;
    if let Some(half) = half {
        hour = Some(hour).filter(|hour| (1..=12).contains(hour))? % 12 + half;
    }
    let time = Time::new(hour, minute, second, 0).ok().filter(|_| parts.next().is_none())?;
    let digits: String = offset.chars().skip(1).filter(|letter| *letter != ':').collect();
    let offset = match offset.chars().next() {
        None => String::new(),
        Some('z') if digits.is_empty() => "Z".to_owned(),
        Some(sign @ ('+' | '-')) if matches!(digits.len(), 2 | 4) && digits.bytes().all(|one| one.is_ascii_digit()) => {
            format!("{sign}{digits:0<4}")
        }
        Some(_) => return None,
    };
    Some(format!("{}{offset}", clock(time)))
}

/// The years that a number may say: others come of a number that is no day.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2150;

/// A day that a spreadsheet keeps, in either era.
fn kept(day: Date) -> Option<Date> {
    gregorian(i64::from(day.year()), i64::from(day.month()), i64::from(day.day()))
        .filter(|day| day.year() <= *YEARS.end())
}

/// The whole part of a text that is a number without a sign.
fn number_of(text: &str) -> Option<&str> {
    let is_number = text.parse::<f64>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then(|| text.split('.').next().unwrap_or_default())
}

/// Whether digits may say several days: `010125` is in 2025 or in 2001, and `311290` may have lost a century.
pub(super) fn is_unclear(text: &str) -> bool {
    let Some(digits) = number_of(text) else { return false };
    let part = |place: usize| digits.get(place..place + 2).and_then(|part| part.parse::<u8>().ok()).unwrap_or_default();
    let is_date = |day: usize| (1..=12).contains(&part(2)) && (1..=31).contains(&part(day));
    match digits.len() {
        6 => digits.starts_with('0') || is_date(0) || is_date(4),
        8 => false,
        length => length > 4 && digits.starts_with('0'),
    }
}

/// Digits in a column of days: the day's number in Excel, or `20251231`, or `31122025`. Smaller ones are taken for years,
/// which are no days; what may say several days says none.
fn numbered(digits: &str, is_from_1904: bool) -> Option<Date> {
    if is_unclear(digits) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let day = if digits.len() == 8 {
        let likely = |day: &Date| YEARS.contains(&day.year());
        let year_first = gregorian(number / 10_000, number / 100 % 100, number % 100).filter(likely);
        year_first.or_else(|| gregorian(number % 10_000, number / 10_000 % 100, number / 1_000_000))
    } else if number >= 10_000 {
        #[expect(clippy::cast_precision_loss, reason = "serial takes only small ones")]
        serial(number as f64, is_from_1904).and_then(kept)
    } else {
        None
    };
    day.filter(|day| YEARS.contains(&day.year()))
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

/// A day of the Gregorian calendar, in either era.
fn gregorian(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(
        i16::try_from(year).ok().map(western).filter(|year| *year >= 1000)?,
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
            text("29022567"),
            text("29022024"),
            number(29_022_567.0),
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
        for digits in ["010190", "311290", "251231", "150568", "1012533", "0101253", "2999999", "99999999"] {
            assert_eq!(said(&text(digits)), None, "{digits}");
        }
        // The number of a Buddhist day.
        assert_eq!(said(&text("244347")), said(&Cell::Day(date(2568, 12, 29))));
        assert_eq!(said(&number(311_290.0)), None);
        assert_eq!(said(&Cell::Day(date(2752, 4, 7))), None, "what a column of days made of 311290");
        let mac = Reading { is_from_1904: true, ..Reading::of("TH") };
        assert_eq!(day(&number(43_889.0), "43889", &mac), Some(date(2024, 2, 29)));
    }

    #[test]
    fn a_time_keeps_its_day_and_its_hour() {
        let said = |cell: &Cell| moment(cell, &ascii_digits(&cell.text()), &Reading::of("TH"));
        for (cell, expected) in [
            (text("2569-05-17T10:00:00"), "2026-05-17T10:00:00"),
            (text("2569-05-17T10:00:00+0700"), "2026-05-17T10:00:00+0700"),
            (text("2026-05-17T03:00:00.000Z"), "2026-05-17T03:00:00Z"),
            (text("2569-01-05 09:00"), "2026-01-05T09:00:00"),
            (text("2569-01-05"), "2026-01-05"),
            (text("31 ธ.ค. 2568 14:30 น."), "2025-12-31T14:30:00"),
            (text("17/5/2026 9:05 PM"), "2026-05-17T21:05:00"),
            (text("๑๗/๕/๒๕๖๙ ๙:๐๕"), "2026-05-17T09:05:00"),
            (text("46000"), "2025-12-09"),
            (number(46_000.5), "2025-12-09T12:00:00"),
            (Cell::Moment(date(2569, 5, 17).at(9, 5, 0, 0)), "2026-05-17T09:05:00"),
            (Cell::Day(date(2569, 5, 17)), "2026-05-17"),
        ] {
            assert_eq!(said(&cell).as_deref(), Some(expected), "{cell:?}");
        }
        for wrong in ["17/5/2026 25:00", "17/5/2026 9:05:00:00", "17/5/2026 9:05 or so", "soon", "09:00"] {
            assert_eq!(said(&text(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn excel_counts_a_day_that_never_was() {
        assert_eq!(serial(59.0, false), Some(date(1900, 2, 28)));
        assert_eq!(serial(61.0, false), Some(date(1900, 3, 1)));
        assert_eq!(serial(0.0, true), Some(date(1904, 1, 1)));
        assert_eq!(serial(-1.0, false), None);
    }
}

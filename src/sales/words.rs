//! Amounts in Thai words and days of the Buddhist era, as documents print them.

use db::Amount;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::{self, Zone};

/// How disputed amounts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// As spreadsheets and banks do: 101 is หนึ่งร้อยหนึ่ง, and 0.50 is ห้าสิบสตางค์.
    #[default]
    Spreadsheet,
    /// As the Royal Society does: 101 is หนึ่งร้อยเอ็ด, and 0.50 is ศูนย์บาทห้าสิบสตางค์.
    RoyalSociety,
}

const DIGITS: [&str; 10] = ["ศูนย์", "หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า"];
const PLACES: [&str; 6] = ["", "สิบ", "ร้อย", "พัน", "หมื่น", "แสน"];
const MILLION: u64 = 1_000_000;

/// An amount of baht in words; more places than two are rounded, half away from zero.
pub fn baht(amount: Amount, reading: Reading) -> String {
    let satang = (amount.units().unsigned_abs() + 50) / 100;
    let (whole, rest) = (satang / 100, satang % 100);
    let mut words = String::new();
    if amount.units() < 0 && satang > 0 {
        words.push_str("ลบ");
    }
    if whole > 0 || rest == 0 || reading == Reading::RoyalSociety {
        say(whole, reading, &mut words);
        words.push_str("บาท");
    }
    if rest == 0 {
        words.push_str("ถ้วน");
    } else {
        say(rest, reading, &mut words);
        words.push_str("สตางค์");
    }
    words
}

/// Six digits at a time; ล้าน stands between them, as often as they are millions.
fn say(number: u64, reading: Reading, words: &mut String) {
    if number == 0 {
        words.push_str(DIGITS[0]);
        return;
    }
    let (millions, rest) = (number / MILLION, number % MILLION);
    if millions > 0 {
        say(millions, reading, words);
        words.push_str("ล้าน");
    }
    let digits = format!("{rest:06}");
    for (digit, place) in digits.bytes().zip((0..PLACES.len()).rev()) {
        let tens = digits.as_bytes()[4];
        let more = millions > 0 || rest > 9;
        let is_last = place == 0 && digit == b'1';
        match (digit, place) {
            (b'0', _) => {}
            (b'1', 1) => words.push_str("สิบ"),
            (b'2', 1) => words.push_str("ยี่สิบ"),
            _ if is_last && (tens != b'0' || (more && reading == Reading::RoyalSociety)) => words.push_str("เอ็ด"),
            _ => {
                words.push_str(DIGITS[usize::from(digit - b'0')]);
                words.push_str(PLACES[place]);
            }
        }
    }
}

/// A number with English words, for documents in English: `One thousand two hundred baht and fifty satang only`.
pub fn english(amount: Amount, unit: &str, part: &str) -> String {
    let hundredths = (amount.units().unsigned_abs() + 50) / 100;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let mut words = String::new();
    if amount.units() < 0 && hundredths > 0 {
        words.push_str("minus ");
    }
    spell(whole, &mut words);
    words.push(' ');
    words.push_str(unit);
    if rest > 0 {
        words.push_str(" and ");
        spell(rest, &mut words);
        words.push(' ');
        words.push_str(part);
    }
    words.push_str(" only");
    if let Some(first) = words.get(..1) {
        let first = first.to_uppercase();
        words.replace_range(..1, &first);
    }
    words
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const LARGE: [(u64, &str); 5] = [
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (MILLION, "million"),
    (1_000, "thousand"),
    (100, "hundred"),
];

fn spell(number: u64, words: &mut String) {
    let mut rest = number;
    for (size, name) in LARGE {
        if rest >= size {
            spell(rest / size, words);
            words.push(' ');
            words.push_str(name);
            rest %= size;
            if rest > 0 {
                words.push(' ');
            }
        }
    }
    if rest == 0 && number > 0 {
        return;
    }
    match usize::try_from(rest) {
        Ok(small @ 0..20) => words.push_str(SMALL[small]),
        Ok(tens) => {
            words.push_str(TENS[tens / 10 - 2]);
            if tens % 10 > 0 {
                words.push('-');
                words.push_str(SMALL[tens % 10]);
            }
        }
        Err(_) => {}
    }
}

/// How a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// วันเสาร์ที่ 28 พฤศจิกายน พ.ศ. 2569
    Full,
    /// 28 พฤศจิกายน 2569
    Long,
    /// 28 พ.ย. 2569
    Medium,
    /// 28/11/69
    Short,
}

const MONTHS: [(&str, &str, &str); 12] = [
    ("มกราคม", "ม.ค.", "January"),
    ("กุมภาพันธ์", "ก.พ.", "February"),
    ("มีนาคม", "มี.ค.", "March"),
    ("เมษายน", "เม.ย.", "April"),
    ("พฤษภาคม", "พ.ค.", "May"),
    ("มิถุนายน", "มิ.ย.", "June"),
    ("กรกฎาคม", "ก.ค.", "July"),
    ("สิงหาคม", "ส.ค.", "August"),
    ("กันยายน", "ก.ย.", "September"),
    ("ตุลาคม", "ต.ค.", "October"),
    ("พฤศจิกายน", "พ.ย.", "November"),
    ("ธันวาคม", "ธ.ค.", "December"),
];

fn month(day: Date) -> (&'static str, &'static str, &'static str) {
    MONTHS[usize::from(day.month().unsigned_abs()).saturating_sub(1) % MONTHS.len()]
}

/// A day of the Buddhist era: the Gregorian year and 543, also before 1941.
pub fn buddhist(day: Date, form: Form) -> String {
    let year = i32::from(day.year()) + 543;
    let (long, short, _) = month(day);
    match form {
        Form::Full => {
            let weekday = match day.weekday() {
                Weekday::Monday => "จันทร์",
                Weekday::Tuesday => "อังคาร",
                Weekday::Wednesday => "พุธ",
                Weekday::Thursday => "พฤหัสบดี",
                Weekday::Friday => "ศุกร์",
                Weekday::Saturday => "เสาร์",
                Weekday::Sunday => "อาทิตย์",
            };
            format!("วัน{weekday}ที่ {} {long} พ.ศ. {year}", day.day())
        }
        Form::Long => format!("{} {long} {year}", day.day()),
        Form::Medium => format!("{} {short} {year}", day.day()),
        Form::Short => format!("{}/{}/{:02}", day.day(), day.month(), year % 100),
    }
}

/// A day of the Gregorian era in Thai: 28 พฤศจิกายน ค.ศ. 2026.
pub fn gregorian_thai(day: Date) -> String {
    format!("{} {} ค.ศ. {}", day.day(), month(day).0, day.year())
}

/// A day in English: 28 November 2026.
pub fn gregorian(day: Date) -> String {
    format!("{} {} {}", day.day(), month(day).2, day.year())
}

/// The same text with Thai digits.
pub fn thai_digits(text: &str) -> String {
    let thai = |letter: char| match letter.to_digit(10) {
        Some(digit) if letter.is_ascii() => char::from_u32(u32::from('๐') + digit).unwrap_or(letter),
        _ => letter,
    };
    text.chars().map(thai).collect()
}

/// A day as people write it: ISO or day first (`28/11/2569`), with Thai digits as well. With a time of day and its offset
/// behind it, it is the zone's day at that moment. Two digits of a year are not taken: they could be of either era.
pub fn read_day(text: &str, zone: &Zone) -> Option<Date> {
    let plain_digit = |letter: char| match u32::from(letter).checked_sub(u32::from('๐')) {
        Some(digit @ 0..=9) => char::from_digit(digit, 10).unwrap_or(letter),
        _ => letter,
    };
    let text: String = text.trim().chars().map(plain_digit).collect();
    let (day, time) = text.split_once(['T', ' ']).map_or((text.as_str(), None), |(day, time)| (day, Some(time)));
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let [first, month, last] = parts[..] else { return None };
    let (year, date) = if first.len() == 4 { (first, last) } else { (last, first) };
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty();
    if year.len() != 4 || !plain(year) || !plain(month) || !plain(date) || date.len() > 2 || month.len() > 2 {
        return None;
    }
    let day = Date::new(time::western(year.parse().ok()?), month.parse().ok()?, date.parse().ok()?).ok()?;
    if day.year() < 1 {
        return None;
    }
    match time {
        Some(time) => time::read(&format!("{day}T{}", time.trim_start()), zone).map(|at| time::day_of(at, zone)),
        None => Some(day),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Amounts and their words, as spreadsheets say them.
    const WORDS: &str = include_str!("words.txt");
    /// Days in each form.
    const DAYS: &str = include_str!("days.txt");

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_said_as_spreadsheets_say_them() {
        assert!(WORDS.lines().count() > 80);
        for line in WORDS.lines() {
            let (number, words) = line.split_once(' ').unwrap();
            assert_eq!(baht(amount(number), Reading::Spreadsheet), words, "{number}");
        }
    }

    #[test]
    fn disputed_amounts_follow_the_setting() {
        for (number, spreadsheet, society) in [
            ("101", "หนึ่งร้อยหนึ่งบาทถ้วน", "หนึ่งร้อยเอ็ดบาทถ้วน"),
            ("1000001", "หนึ่งล้านหนึ่งบาทถ้วน", "หนึ่งล้านเอ็ดบาทถ้วน"),
            ("0.50", "ห้าสิบสตางค์", "ศูนย์บาทห้าสิบสตางค์"),
            ("0.01", "หนึ่งสตางค์", "ศูนย์บาทหนึ่งสตางค์"),
            ("1", "หนึ่งบาทถ้วน", "หนึ่งบาทถ้วน"),
            ("1000000", "หนึ่งล้านบาทถ้วน", "หนึ่งล้านบาทถ้วน"),
            ("11000000", "สิบเอ็ดล้านบาทถ้วน", "สิบเอ็ดล้านบาทถ้วน"),
            ("1.234", "หนึ่งบาทยี่สิบสามสตางค์", "หนึ่งบาทยี่สิบสามสตางค์"),
            ("1.995", "สองบาทถ้วน", "สองบาทถ้วน"),
            ("-0.001", "ศูนย์บาทถ้วน", "ศูนย์บาทถ้วน"),
        ] {
            assert_eq!(baht(amount(number), Reading::Spreadsheet), spreadsheet, "{number}");
            assert_eq!(baht(amount(number), Reading::RoyalSociety), society, "{number}");
        }
        // The largest amounts there are can be said.
        assert!(baht(Amount::from_units(i64::MIN), Reading::Spreadsheet).starts_with("ลบเก้าร้อยยี่สิบสองล้าน"));
    }

    #[test]
    fn amounts_are_said_in_english() {
        for (number, words) in [
            ("0", "Zero baht only"),
            (
                "1234567.89",
                "One million two hundred thirty-four thousand five hundred sixty-seven baht and eighty-nine satang only",
            ),
            ("100", "One hundred baht only"),
            ("-20.15", "Minus twenty baht and fifteen satang only"),
            ("1000001", "One million one baht only"),
        ] {
            assert_eq!(english(amount(number), "baht", "satang"), words);
        }
    }

    #[test]
    fn days_are_written_in_the_buddhist_era() {
        for line in DAYS.lines() {
            let [iso, full, long, medium, short, thai, gregorian_long, english] =
                line.split('|').collect::<Vec<_>>().try_into().unwrap();
            let day: Date = iso.parse().unwrap();
            let forms = [Form::Full, Form::Long, Form::Medium, Form::Short].map(|form| buddhist(day, form));
            assert_eq!(forms, [full, long, medium, short]);
            assert_eq!(thai_digits(long), thai);
            assert_eq!((gregorian_thai(day).as_str(), gregorian(day).as_str()), (gregorian_long, english));
            let slashed = format!("{}/{}/{}", day.day(), day.month(), i32::from(day.year()) + 543);
            // A year of this century is read in its era; one past 2400 is taken for Buddhist.
            if day.year() < 2400 {
                assert_eq!(read_day(iso, &Zone::UTC), Some(day));
                assert_eq!(read_day(&slashed, &Zone::UTC), Some(day), "{slashed}");
                assert_eq!(read_day(&thai_digits(&slashed), &Zone::UTC), Some(day));
            }
        }
    }

    #[test]
    fn days_are_read_in_both_eras() {
        let day: Date = "2024-02-29".parse().unwrap();
        let zone = Zone::get("Asia/Bangkok").unwrap();
        for text in [
            "2024-02-29",
            "2567-02-29",
            "29/2/2567",
            "29/02/2024",
            " 2024-02-29T00:00:00+0700 ",
            "29.2.2567",
            "2024-02-28T17:00:00.000Z",
            "28/2/2567 17:00:00Z",
            "2024-02-29T23:59:59",
            "๒๙/๒/๒๕๖๗ ๒๓:๕๙",
        ] {
            assert_eq!(read_day(text, &zone), Some(day), "{text}");
        }
        for text in [
            "29/2/67",
            "2566-02-29",
            "2024-13-01",
            "",
            "soon",
            "1/2/3/4",
            "+1/2/2024",
            "001/2/2024",
            "2024-02-29 or the day after",
            "2024-02-29Tgarbage",
            "2024-02-29T",
            "2024-02-29T25:00:00",
            "0000-02-29",
        ] {
            assert_eq!(read_day(text, &zone), None, "{text}");
        }
        assert_eq!(read_day("9999-12-31", &zone), Some(Date::new(9999, 12, 31).unwrap()));
    }
}

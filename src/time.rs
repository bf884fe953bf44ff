//! Times as the API writes them: `2025-01-29T15:38:43+0700`, in the company's zone.

use std::borrow::Cow;

use db::Conn;
use jiff::civil::{Date, DateTime, Time};
pub use jiff::tz::TimeZone as Zone;
use jiff::{Timestamp, Unit};

/// The zone of a company.
pub async fn zone(conn: &mut Conn, company: i64) -> Result<Zone, db::Error> {
    if let Some(known) = conn.kept::<Zone>(company) {
        return Ok(Zone::clone(&known));
    }
    let name: Option<String> =
        conn.sql("select time_zone from company where company = $1").bind(company).optional().await?;
    let Some(name) = name else { return Ok(Zone::UTC) };
    let zone = conn.keep(company, zone_of(&name));
    Ok(Zone::clone(&zone))
}

/// The zone of this IANA name.
pub(crate) fn zone_of(name: &str) -> Zone {
    Zone::get(name).unwrap_or(Zone::UTC)
}

/// Unix milliseconds as the API's text.
pub fn text(at: i64, zone: &Zone) -> String {
    let time = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone());
    time.strftime("%Y-%m-%dT%H:%M:%S%z").to_string()
}

/// A day of a document as the API's text: its beginning, `2026-06-05T00:00:00+0700`. What is no day stays as it is.
pub fn day_text(day: &str, zone: &Zone) -> String {
    match day.parse::<Date>().ok().and_then(|day| day.to_zoned(zone.clone()).ok()) {
        Some(time) => time.strftime("%Y-%m-%dT%H:%M:%S%z").to_string(),
        None => day.to_owned(),
    }
}

/// The day at this time.
pub fn day_of(at: i64, zone: &Zone) -> Date {
    Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone()).date()
}

/// Whether this stands for no time at all: .NET writes `0001-01-01T00:00:00` of a date that nobody has set.
pub fn is_unset(text: &str) -> bool {
    let rest = text.trim().strip_prefix("0001-01-01");
    rest.is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_digit() || " T:.Z+-".contains(letter)))
}

/// A year of the Gregorian era: one from 2401 to 2700 is Buddhist. Later ones are of days that never come (`9999-12-31`).
pub fn western(year: i16) -> i16 {
    if (2401..=2700).contains(&year) { year - 543 } else { year }
}

/// A time or a day that begins with its year, in the Gregorian era: `2569-12-01` is `2026-12-01`.
fn in_western(text: &str) -> Cow<'_, str> {
    let Some((digits, rest)) = text.split_at_checked(4) else { return text.into() };
    match digits.parse::<i16>() {
        Ok(year) if western(year) != year => format!("{}{rest}", western(year)).into(),
        _ => text.into(),
    }
}

/// A time as clients write it, in Unix milliseconds: with an offset (`+0700`, `+07:00`, `Z`), without one (then it is the
/// zone's), with a space for the `T`, or a bare day, which is its beginning. The year may be of the Buddhist era.
pub fn read(text: &str, zone: &Zone) -> Option<i64> {
    let text = text.trim();
    if is_unset(text) {
        return None;
    }
    let text = in_western(text);
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time).filter(|time| is_ours(time.to_zoned(Zone::UTC).date())).map(|time| time.as_millisecond());
    }
    moment(text.parse::<DateTime>().ok()?, zone)
}

/// The same for the end of a period: a bare day counts to its last millisecond, a whole second likewise.
pub fn read_end(text: &str, zone: &Zone) -> Option<i64> {
    let text = text.trim();
    if text.contains(':') {
        let at = read(text, zone)?;
        return Some(if at % 1000 == 0 { at + 999 } else { at });
    }
    let day = in_western(text).parse::<Date>().ok().filter(|day| !is_unset(text) && is_ours(*day));
    moment(day?.tomorrow().ok()?.to_datetime(Time::midnight()), zone).map(|next| next - 1)
}

/// A day as clients write it, in either era; a time of day behind it is left out.
pub fn read_day(text: &str) -> Option<Date> {
    let text = text.trim();
    if is_unset(text) {
        return None;
    }
    let text = in_western(text);
    let day = text.parse::<Date>().ok().or_else(|| text.parse::<DateTime>().ok().map(|time| time.date()));
    day.filter(|day| is_ours(*day))
}

/// Whether a year has the four digits that it is written with everywhere; nobody means a day before the year 1.
fn is_ours(day: Date) -> bool {
    day.year() >= 1
}

fn moment(time: DateTime, zone: &Zone) -> Option<i64> {
    let time = time.round(Unit::Millisecond).ok().filter(|time| is_ours(time.date()))?;
    time.to_zoned(zone.clone()).ok().map(|time| time.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_offset_without_a_colon() {
        let zone = Zone::get("Asia/Bangkok").expect("zone");
        assert_eq!(text(1_738_139_923_000, &zone), "2025-01-29T15:38:43+0700");
    }

    #[test]
    fn reads_what_clients_write() {
        let zone = Zone::get("Asia/Bangkok").expect("zone");
        for same in [
            "2025-01-29T15:38:43+0700",
            "2025-01-29T15:38:43.000+07:00",
            "2025-01-29T08:38:43Z",
            "2025-01-29T15:38:43",
            " 2025-01-29 15:38:43 ",
        ] {
            assert_eq!(read(same, &zone), Some(1_738_139_923_000), "{same}");
        }
        let day = 1_738_083_600_000;
        assert_eq!((read("2025-01-29", &zone), read_end("2025-01-29", &zone)), (Some(day), Some(day + 86_399_999)));
        assert_eq!(read_end("2025-01-29T00:00:00", &zone), Some(day + 999));
        assert_eq!(read_day("2000-06-04T00:00:00"), read_day("2000-06-04"));
        // A leap day of the Buddhist era is none of the same Gregorian year.
        for (buddhist, same) in [
            ("2567-02-29", "2024-02-29"),
            ("2568-01-29T15:38:43+0700", "2025-01-29T15:38:43+0700"),
            ("2568-01-29 15:38:43", "2025-01-29 15:38:43"),
            ("2401-01-01", "1858-01-01"),
            ("2700-12-31", "2157-12-31"),
        ] {
            assert!(read(buddhist, &zone).is_some(), "{buddhist}");
            assert_eq!(read(buddhist, &zone), read(same, &zone), "{buddhist}");
            assert_eq!(read_end(buddhist, &zone), read_end(same, &zone), "{buddhist}");
            assert_eq!(read_day(buddhist), read_day(same), "{buddhist}");
        }
        let never = ["2400-12-31", "2701-01-01", "9999-12-31"];
        assert_eq!(never.map(|text| read_day(text).map(Date::year)), [Some(2400), Some(2701), Some(9999)]);
        let unset = ["", "0001-01-01T00:00:00", "0001-01-01"];
        let early = ["-000541-12-31", "0000-06-01T00:00:00Z", "0000-12-31"];
        for wrong in unset.into_iter().chain(early).chain(["29/01/2025", "2025-13-01", "soon"]) {
            assert_eq!((read(wrong, &zone), read_end(wrong, &zone), read_day(wrong)), (None, None, None), "{wrong}");
        }
    }
}

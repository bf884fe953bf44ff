//! How long a warranty lasts, by the calendar.

use jiff::Span;
use jiff::civil::Date;

/// The last day of a warranty that begins on this day: the same day so many years, months or days later. A day that a
/// month does not have is its last one; beyond the calendar's end it is the calendar's last day.
pub(super) fn last_day(first: Date, length: i64, unit: &str) -> Date {
    let span = match unit {
        "y" => Span::new().try_years(length),
        "m" => Span::new().try_months(length),
        _ => Span::new().try_days(length),
    };
    span.and_then(|span| first.checked_add(span)).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_month_without_that_day_ends_with_its_last() {
        for (first, length, unit, last) in [
            (date(2025, 1, 31), 1, "m", date(2025, 2, 28)),
            (date(2024, 1, 31), 1, "m", date(2024, 2, 29)),
            (date(2025, 1, 31), 2, "m", date(2025, 3, 31)),
            (date(2025, 1, 31), 3, "m", date(2025, 4, 30)),
            (date(2024, 11, 30), 3, "m", date(2025, 2, 28)),
            (date(2024, 2, 29), 1, "y", date(2025, 2, 28)),
            (date(2024, 2, 29), 4, "y", date(2028, 2, 29)),
            (date(2023, 8, 4), 2, "y", date(2025, 8, 4)),
            (date(2024, 12, 31), 1, "d", date(2025, 1, 1)),
            (date(2024, 2, 28), 365, "d", date(2025, 2, 27)),
            (date(2025, 5, 5), 0, "d", date(2025, 5, 5)),
        ] {
            assert_eq!(last_day(first, length, unit), last, "{first} and {length} {unit}");
        }
    }

    #[test]
    fn a_warranty_without_an_end_in_sight_ends_with_the_calendar() {
        assert_eq!(last_day(date(2025, 1, 1), 100_000, "y"), Date::MAX);
        assert_eq!(last_day(date(9999, 12, 1), 1, "m"), Date::MAX);
    }
}

//! Working time: how long something takes when only the company's hours count, and not its holidays.

use std::collections::HashSet;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan};

use crate::setting::profile::Setting;
use crate::time::Zone;

/// A target further away than this many days of the calendar is not looked for.
const MOST_DAYS: usize = 3_660;

/// When a company works. Without working hours it works all day, and without holidays every day.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    /// The hours of each day of the week, Monday first, in order and without overlaps.
    week: [Vec<(Time, Time)>; 7],
    holidays: HashSet<Date>,
    zone: Zone,
}

impl Calendar {
    /// The calendar of a company's setting.
    pub(crate) fn of(setting: &Setting, zone: &Zone) -> Calendar {
        let mut week: [Vec<(Time, Time)>; 7] = Default::default();
        for hours in &setting.business_hours {
            let day = usize::try_from(hours.day - 1).ok().and_then(|day| week.get_mut(day));
            if let Some(day) = day.filter(|_| hours.from < hours.to) {
                day.push((hours.from, hours.to));
            }
        }
        if week.iter().all(Vec::is_empty) {
            return Calendar {
                holidays: setting.holidays.iter().map(|holiday| holiday.date).collect(),
                ..Calendar::always(zone)
            };
        }
        for day in &mut week {
            day.sort_unstable();
            let mut joined: Vec<(Time, Time)> = Vec::new();
            for (from, to) in day.drain(..) {
                match joined.last_mut() {
                    Some(last) if from <= last.1 => last.1 = last.1.max(to),
                    _ => joined.push((from, to)),
                }
            }
            *day = joined;
        }
        let holidays = setting.holidays.iter().map(|holiday| holiday.date).collect();
        Calendar { week, holidays, zone: zone.clone() }
    }

    /// Day and night, on holidays too.
    pub(crate) fn always(zone: &Zone) -> Calendar {
        let whole = || vec![(Time::midnight(), Time::MAX)];
        Calendar { week: std::array::from_fn(|_| whole()), holidays: HashSet::new(), zone: zone.clone() }
    }

    /// The moment at which so many milliseconds of working time have passed since `from`, both in Unix milliseconds.
    pub(crate) fn add(&self, from: i64, working: i64) -> i64 {
        let mut left = working;
        let mut last = from;
        for (begin, end) in self.spans(from) {
            let begin = begin.max(from);
            if end - begin >= left {
                return begin + left;
            }
            left -= end - begin;
            last = end;
        }
        last + left
    }

    /// The working time between two moments in milliseconds; 0 when the second is not later.
    pub(crate) fn between(&self, from: i64, to: i64) -> i64 {
        let spans = self.spans(from).take_while(|(begin, _)| *begin < to);
        spans.map(|(begin, end)| (end.min(to) - begin.max(from)).max(0)).sum()
    }

    /// The spans of working time that end after `from`, in order.
    fn spans(&self, from: i64) -> impl Iterator<Item = (i64, i64)> {
        let first = Timestamp::from_millisecond(from).unwrap_or_default().to_zoned(self.zone.clone()).date();
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(MOST_DAYS);
        let days = days.filter(|day| !self.holidays.contains(day));
        days.flat_map(move |day| {
            let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
            self.week[weekday].iter().map(move |(begin, end)| (self.moment(day, *begin), self.moment_of_end(day, *end)))
        })
        .filter(move |(begin, end)| begin < end && *end > from)
    }

    fn moment(&self, day: Date, time: Time) -> i64 {
        let zoned = day.to_datetime(time).to_zoned(self.zone.clone());
        zoned.map(|zoned| zoned.timestamp().as_millisecond()).unwrap_or_default()
    }

    /// A day that ends at its last moment ends where the next one begins.
    fn moment_of_end(&self, day: Date, time: Time) -> i64 {
        match day.checked_add(1.day()) {
            Ok(next) if time >= Time::constant(23, 59, 0, 0) => self.moment(next, Time::midnight()),
            _ => self.moment(day, time),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::setting::profile::{Holiday, Hours};
    use crate::time::read;

    const HOUR: i64 = 3_600_000;

    fn bangkok() -> Zone {
        Zone::get("Asia/Bangkok").expect("zone")
    }

    fn at(text: &str) -> i64 {
        read(text, &bangkok()).expect("time")
    }

    /// Monday to Friday from 9 to 12 and from 13 to 17, and Songkran.
    fn office() -> Calendar {
        let half = |day, from, to| Hours { day, from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0) };
        let setting = Setting {
            business_hours: (1..=5).flat_map(|day| [half(day, 13, 17), half(day, 9, 12)]).collect(),
            holidays: vec![Holiday { date: date(2026, 4, 13), name: "วันสงกรานต์".to_owned() }],
            ..Setting::default()
        };
        Calendar::of(&setting, &bangkok())
    }

    #[test]
    fn only_working_hours_count() {
        let office = office();
        let cases = [
            ("2026-04-08T09:00:00", 1, "2026-04-08T10:00:00"),
            // Over lunch.
            ("2026-04-08T11:30:00", 1, "2026-04-08T13:30:00"),
            // To the very end of a day, and over the night.
            ("2026-04-08T16:00:00", 1, "2026-04-08T17:00:00"),
            ("2026-04-08T16:00:00", 2, "2026-04-09T10:00:00"),
            // From Friday evening over the weekend and a holiday.
            ("2026-04-10T20:00:00", 3, "2026-04-14T12:00:00"),
            ("2026-04-10T16:30:00", 8, "2026-04-15T09:30:00"),
        ];
        for (from, hours, to) in cases {
            assert_eq!(office.add(at(from), hours * HOUR), at(to), "{from} + {hours} h");
            assert_eq!(office.between(at(from), at(to)), hours * HOUR, "{from} to {to}");
        }
        assert_eq!(office.between(at("2026-04-11T09:00:00"), at("2026-04-13T17:00:00")), 0);
        assert_eq!(office.between(at("2026-04-09T09:00:00"), at("2026-04-08T09:00:00")), 0);
    }

    #[test]
    fn without_hours_all_days_count_except_holidays() {
        let calendar = Calendar::of(&Setting { business_hours: Vec::new(), ..Setting::default() }, &bangkok());
        assert_eq!(calendar.add(at("2026-04-11T23:00:00"), 26 * HOUR), at("2026-04-13T01:00:00"));
        let holidays = vec![Holiday { date: date(2026, 4, 12), name: String::new() }];
        let calendar = Calendar::of(&Setting { holidays, ..Setting::default() }, &bangkok());
        assert_eq!(calendar.add(at("2026-04-11T23:00:00"), 2 * HOUR), at("2026-04-13T01:00:00"));
        assert_eq!(Calendar::always(&bangkok()).add(at("2026-04-11T23:00:00"), 2 * HOUR), at("2026-04-12T01:00:00"));
    }

    #[test]
    fn a_company_that_never_works_still_has_an_end() {
        let mut never = office();
        never.week = Default::default();
        assert_eq!(never.add(at("2026-04-11T23:00:00"), HOUR), at("2026-04-12T00:00:00"));
        assert_eq!(never.between(0, at("2026-04-11T23:00:00")), 0);
    }
}

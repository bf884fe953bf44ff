//! Rules of recurrence: `FREQ=WEEKLY;BYDAY=MO` (RFC 5545, `RRULE`), read by a crate and kept within bounds.

use jiff::Timestamp;
use rrule::{Frequency, RRule, RRuleError, RRuleSet};

use crate::time::Zone;

/// So many occurrences of a series are passed to find the next one.
const MOST_PASSED: usize = 10_000;

/// What is wrong with a rule, in words; nothing when it can be followed.
pub(crate) fn fault(rule: &str, zone: &Zone) -> Option<String> {
    if rule.len() > 500 || rule.contains(['\n', '\r']) {
        return Some("a rule must be one line of at most 500 characters".to_owned());
    }
    let set = match set(rule, 0, zone) {
        Ok(set) => set,
        Err(error) => return Some(error.to_string()),
    };
    if set.get_rrule().iter().any(|rule| rule.get_count() == Some(0)) {
        return Some("COUNT must be 1 or more".to_owned());
    }
    // A whole period is in memory before its first time is given: one of seconds would be millions.
    let often = |rule: &RRule| {
        matches!(rule.get_freq(), Frequency::Secondly | Frequency::Minutely)
            || rule.get_by_minute().len() > 1
            || rule.get_by_second().len() > 1
    };
    set.get_rrule().iter().any(often).then(|| "a rule recurs at most once an hour".to_owned())
}

/// The first time after `after` at which a series recurs that began at `start`; both in Unix milliseconds.
pub(crate) fn next(rule: &str, start: i64, after: i64, zone: &Zone) -> Option<i64> {
    let times = set(rule, start, zone).ok()?.limit();
    let mut times = times.into_iter().take(MOST_PASSED).map(|time| time.timestamp_millis());
    times.find(|time| *time > after)
}

/// The next times after `after`, at most so many, in one walk.
pub(crate) fn following(rule: &str, start: i64, after: i64, zone: &Zone, most: usize) -> Vec<i64> {
    let Ok(times) = set(rule, start, zone) else { return Vec::new() };
    let times = times.limit().into_iter().take(MOST_PASSED).map(|time| time.timestamp_millis());
    times.filter(|time| *time > after).take(most).collect()
}

fn set(rule: &str, start: i64, zone: &Zone) -> Result<RRuleSet, RRuleError> {
    let time = Timestamp::from_millisecond(start).unwrap_or_default().to_zoned(zone.clone());
    let name = zone.iana_name().unwrap_or("UTC");
    let rule = rule.trim();
    let rule = rule.get(..6).filter(|head| head.eq_ignore_ascii_case("RRULE:")).map_or(rule, |_| &rule[6..]);
    format!("DTSTART;TZID={name}:{}\nRRULE:{rule}", time.strftime("%Y%m%dT%H%M%S")).parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    #[test]
    fn a_series_goes_on_in_the_company_s_zone_and_ends_by_its_count() {
        let zone = Zone::get("Asia/Bangkok").expect("zone");
        let at = |text| time::read(text, &zone).expect("time");
        let start = at("2025-01-31T09:30:00");
        assert_eq!(next("FREQ=MONTHLY;BYMONTHDAY=-1", start, start, &zone), Some(at("2025-02-28T09:30:00")));
        assert_eq!(next("RRULE:FREQ=WEEKLY;BYDAY=MO", start, start, &zone), Some(at("2025-02-03T09:30:00")));
        assert_eq!(next("FREQ=DAILY;COUNT=2", start, at("2025-02-01T09:30:00"), &zone), None);
        assert!(fault("FREQ=DAILY", &zone).is_none());
        assert_eq!(following("FREQ=DAILY;COUNT=3", start, start, &zone, 9).len(), 2);
        let seconds = (0..60).map(|one| one.to_string()).collect::<Vec<_>>().join(",");
        for often in [format!("FREQ=YEARLY;BYSECOND={seconds}"), format!("FREQ=HOURLY;BYMINUTE={seconds}")] {
            assert!(fault(&often, &zone).is_some(), "{often}");
        }
        for wrong in [
            "",
            "often",
            "FREQ=DAILY;COUNT=0",
            "FREQ=SECONDLY",
            "FREQ=DAILY;INTERVAL=0;BYDAY=XX",
            "FREQ=DAILY\nRRULE:FREQ=DAILY",
        ] {
            assert!(fault(wrong, &zone).is_some(), "{wrong}");
        }
    }
}

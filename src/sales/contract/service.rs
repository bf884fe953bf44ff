//! Service agreements of contracts, and the visits that follow from their schedule.

use db::{Conn, Rows, Type};
use jiff::civil::DateTime;
use jiff::{Span, Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::row::Row;
use crate::http::{Code, Faults};
use crate::search;
use crate::time::Zone;

/// Once, several times a year: the frequencies of the original API.
pub(super) const FREQUENCIES: [i64; 5] = [260_001, 260_002, 260_003, 260_004, CUSTOM];
const CUSTOM: i64 = 260_005;

/// What stands in the place of an agreement where the task of a renewal is kept among those of visits.
pub(super) const RENEWAL: i64 = 0;

/// More visits than this are not promised by one agreement.
const MOST_VISITS: usize = 1000;

/// A service agreement as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(super) id: i64,
    pub(super) subject: String,
    pub(super) frequency: i64,
    pub(super) times: i64,
    pub(super) note: Option<String>,
}

/// A service agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContractServiceDto {
    /// Its id.
    #[schema(example = 37_881)]
    pub contract_service_id: i64,
    /// What is done.
    pub subject: String,
    /// 260001 yearly, 260002 quarterly, 260003 monthly, 260004 weekly, 260005 custom.
    #[schema(example = 260_001)]
    pub frequency: i64,
    /// How many times in each of these periods; of a custom one, in all.
    #[schema(example = 1)]
    pub number_of_times: i64,
    /// Note of the agreement.
    pub agreement_note: Option<String>,
}

impl From<Service> for ContractServiceDto {
    fn from(service: Service) -> ContractServiceDto {
        ContractServiceDto {
            contract_service_id: service.id,
            subject: service.subject,
            frequency: service.frequency,
            number_of_times: service.times,
            agreement_note: service.note,
        }
    }
}

/// What is written of an agreement.
#[derive(Debug, Clone)]
pub(super) struct ServiceWrite<'a> {
    pub(super) subject: Option<&'a str>,
    pub(super) frequency: Option<i64>,
    pub(super) times: Option<i64>,
    pub(super) note: Option<&'a str>,
}

impl ServiceWrite<'_> {
    /// The agreement, as yet without its id; what is missing or wrong is a fault of `prefix` and its field.
    pub(super) fn read(&self, prefix: &str, faults: &mut Faults) -> Service {
        let name = |name: &str| format!("{prefix}{name}");
        faults.required(&name("subject"), self.subject.unwrap_or_default(), 300);
        faults.longest(&name("agreementNote"), self.note.unwrap_or_default(), 10_000);
        match self.frequency {
            Some(frequency) => faults.one_of(&name("frequency"), frequency, &FREQUENCIES),
            None => faults.add(Code::Required, name("frequency"), format!("{prefix}frequency is required")),
        }
        match self.times {
            Some(_) => faults.range(&name("numberOfTimes"), self.times, 1..=366),
            None => faults.add(Code::Required, name("numberOfTimes"), format!("{prefix}numberOfTimes is required")),
        }
        let note = self.note.map(search::trimmed).filter(|note| !note.is_empty());
        Service {
            id: 0,
            subject: search::trimmed(self.subject.unwrap_or_default()).to_owned(),
            frequency: self.frequency.unwrap_or_default(),
            times: self.times.unwrap_or_default(),
            note: note.map(str::to_owned),
        }
    }
}

/// How long the periods of a frequency are; none of a custom one, which is as long as the contract.
fn period(frequency: i64, count: i64) -> Option<Span> {
    match frequency {
        260_001 => Some(count.years()),
        260_002 => Some((count * 3).months()),
        260_003 => Some(count.months()),
        260_004 => Some(count.weeks()),
        _ => None,
    }
}

/// The days of an agreement's visits, in Unix milliseconds: in each period that begins within the contract so many, as far
/// apart as whole days allow, the first on the period's first day. None when there would be too many.
pub(super) fn visits(service: &Service, from: i64, until: i64, zone: &Zone) -> Option<Vec<i64>> {
    let start = Timestamp::from_millisecond(from).ok()?.to_zoned(zone.clone());
    let end = Timestamp::from_millisecond(until).ok()?.to_zoned(zone.clone());
    let times = service.times.clamp(1, 366);
    let mut found: Vec<i64> = Vec::new();
    let mut count = 0;
    loop {
        let (begin, next) = match period(service.frequency, count) {
            Some(span) => {
                (start.checked_add(span).ok()?, start.checked_add(period(service.frequency, count + 1)?).ok()?)
            }
            None => (start.clone(), end.checked_add(1.day()).ok()?),
        };
        if begin > end {
            return Some(found);
        }
        let days = i64::from(begin.date().until(next.date()).ok()?.get_days());
        for visit in 0..times {
            let at: Zoned = begin.checked_add((days * visit / times).days()).ok()?;
            let at = at.timestamp().as_millisecond();
            if at <= until && found.last() != Some(&at) {
                found.push(at);
            }
        }
        if found.len() > MOST_VISITS {
            return None;
        }
        // One that has no period, a frequency at fault among them, is gone through once.
        if period(service.frequency, 0).is_none() {
            return Some(found);
        }
        count += 1;
    }
}

/// Whether each agreement's visits can be counted.
pub(super) fn check(row: &Row, zone: &Zone, faults: &mut Faults) {
    for service in row.services.iter().flatten() {
        if visits(service, row.starts_at, row.last_moment(zone), zone).is_none() {
            let message = format!("numberOfTimes: {} would have more than {MOST_VISITS} visits", service.subject);
            faults.add(Code::OutOfRange, "numberOfTimes", message);
        }
    }
}

/// A visit whose day is longer over than this, when it is planned, is planned no more: the contract was entered after it.
const OVER: i64 = 24 * 60 * 60 * 1000;

/// Makes the visits anew: those that have a task stay, the others are as the agreements say now. A contract that was
/// cancelled has no more of them.
pub(super) async fn schedule(tx: &mut Conn, row: &Row, now: i64, zone: &Zone) -> Result<(), db::Error> {
    tx.sql("delete from contract_visit where company = $1 and contract = $2 and task is null")
        .bind(row.company)
        .bind(row.id)
        .later()
        .await?;
    if row.cancelled_at.is_some() || row.deleted_at.is_some() {
        return Ok(());
    }
    let columns =
        [("company", Type::BigInt), ("contract", Type::BigInt), ("service", Type::BigInt), ("due_at", Type::BigInt)];
    let mut rows = Rows::new(&columns);
    for service in row.services.iter().flatten() {
        let visits = visits(service, row.starts_at, row.last_moment(zone), zone).unwrap_or_default();
        for due in visits.into_iter().filter(|due| *due >= now - OVER) {
            rows.push([row.company.into(), row.id.into(), service.id.into(), due.into()]);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into contract_visit (company, contract, service, due_at) ")
        .push_values("input.company, input.contract, input.service, input.due_at", rows)
        .push(" on conflict (company, contract, service, due_at) do nothing")
        .later()
        .await
}

/// A time as the pages of contracts write it: with a blank, and without an offset.
pub(super) fn text(at: i64, zone: &Zone) -> String {
    let time: DateTime = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone()).datetime();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    fn days(frequency: i64, times: i64, from: &str, until: &str) -> Vec<String> {
        let zone = Zone::get("Asia/Bangkok").expect("zone");
        let service = Service { id: 1, subject: String::new(), frequency, times, note: None };
        let read = |text: &str| time::read(text, &zone).expect("time");
        let found = visits(&service, read(from), read(until), &zone).expect("few");
        found.into_iter().map(|at| text(at, &zone)[..10].to_owned()).collect()
    }

    #[test]
    fn visits_lie_within_the_contract_so_many_in_each_period() {
        // A frequency that is at fault ends all the same.
        assert_eq!(days(0, 1, "2025-06-18", "2026-06-18"), ["2025-06-18"]);
        assert_eq!(days(260_001, 1, "2025-06-18", "2026-06-18T21:37:51"), ["2025-06-18", "2026-06-18"]);
        assert_eq!(days(260_001, 1, "2025-06-18", "2026-06-17T23:59:59"), ["2025-06-18"]);
        assert_eq!(
            days(260_002, 1, "2025-01-31", "2025-12-31"),
            ["2025-01-31", "2025-04-30", "2025-07-31", "2025-10-31"]
        );
        assert_eq!(
            days(260_003, 2, "2025-02-01", "2025-03-31"),
            ["2025-02-01", "2025-02-15", "2025-03-01", "2025-03-16"]
        );
        assert_eq!(days(260_004, 1, "2025-01-01", "2025-01-16"), ["2025-01-01", "2025-01-08", "2025-01-15"]);
        assert_eq!(days(260_005, 3, "2025-01-01", "2025-12-31").len(), 3);
        let zone = Zone::UTC;
        let service = Service { id: 1, subject: String::new(), frequency: 260_004, times: 7, note: None };
        assert_eq!(visits(&service, 0, 2_000_000_000_000, &zone), None);
    }
}

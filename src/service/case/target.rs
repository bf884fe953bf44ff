//! Times that a case is to be kept to: its category's targets for the first answer and for the resolution, in working time,
//! and `dateDue`. A job tells subscribers before one of them comes and when it is missed.

use db::Conn;
use serde::{Deserialize, Serialize};

use super::row::{Row, Status};
use crate::app::App;
use crate::http::{Caller, Error};
use crate::job::{self, Job, Kind, Next};
use crate::record::{self, Actor, Record as _};
use crate::service::hours::Calendar;
use crate::setting::choice::Choice;
use crate::setting::profile;
use crate::time;

const MINUTE: i64 = 60_000;

/// A time to be kept, and what became of it. All in Unix milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deadline {
    /// The time.
    pub due: Option<i64>,
    /// When to warn.
    pub warn: Option<i64>,
    /// When subscribers were warned.
    pub warned: Option<i64>,
    /// Since when it is missed.
    pub breached: Option<i64>,
    /// When what it is about was done.
    pub met: Option<i64>,
    /// The working time that was left when it was stopped: to the time itself, and to the warning.
    pub left: Option<(i64, i64)>,
}

/// What subscribers are told of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    Warning,
    Breach,
}

impl Deadline {
    /// A deadline at this time, of which is warned so long before.
    fn at(due: i64, warn: i64) -> Deadline {
        Deadline { due: Some(due), warn: Some(warn).filter(|warn| *warn < due), ..Deadline::default() }
    }

    /// What is to be told next, and when.
    fn next(&self) -> Option<(i64, Alarm)> {
        if self.met.is_some() || self.breached.is_some() {
            return None;
        }
        let due = self.due?;
        // Nobody is warned of what is missed at the same moment.
        let warning = self.warn.filter(|_| self.warned.is_none());
        Some(warning.map_or((due, Alarm::Breach), |warn| (warn, Alarm::Warning)))
    }

    /// What it is about was done.
    pub(super) fn meet(&mut self, now: i64) {
        if self.met.is_none() {
            self.met = Some(now);
            if self.breached.is_none() {
                self.breached = self.due.filter(|due| *due < now);
            }
        }
    }

    /// What is to be told by now: it is written down. A warning that comes too late is left out.
    fn ring(&mut self, now: i64) -> Option<Alarm> {
        let (at, alarm) = self.next().filter(|(at, _)| *at <= now)?;
        let missed = self.due.filter(|due| *due <= now);
        match (alarm, missed) {
            (Alarm::Warning, None) => {
                self.warned = Some(at);
                Some(Alarm::Warning)
            }
            (_, since) => {
                self.breached = since.or(Some(at));
                Some(Alarm::Breach)
            }
        }
    }

    /// It was not done after all.
    fn unmeet(&mut self) {
        self.met = None;
    }

    /// Stops: the working time that is left is kept.
    fn stop(&mut self, calendar: &Calendar, now: i64) {
        if let Some(due) = self.due.filter(|_| self.met.is_none() && self.breached.is_none()) {
            let warn = self.warn.unwrap_or(due);
            self.left = Some((calendar.between(now, due), calendar.between(now, warn)));
            (self.due, self.warn) = (None, None);
        }
    }

    /// Goes on from now.
    fn go_on(&mut self, calendar: &Calendar, now: i64) {
        if let Some((left, to_warning)) = self.left.take() {
            let warning = calendar.add(now, to_warning);
            let due = calendar.add(now, left);
            (self.due, self.warn) = (Some(due), Some(warning).filter(|warn| *warn < due));
        }
    }
}

/// The targets of a category, out of what its entry holds beyond its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Targets {
    response: Option<i64>,
    resolution: Option<i64>,
    warn: Option<i64>,
    around_the_clock: bool,
}

impl Targets {
    /// Of an entry of the list `case-categories`.
    pub(super) fn of(category: &Choice) -> Targets {
        let detail = category.detail.as_ref();
        let minutes = |name: &str| detail.and_then(|detail| detail.get(name)?.as_i64()).filter(|minutes| *minutes > 0);
        Targets {
            response: minutes("responseMinutes"),
            resolution: minutes("resolutionMinutes"),
            warn: minutes("warnMinutes"),
            around_the_clock: detail.and_then(|detail| detail.get("aroundTheClock")?.as_bool()) == Some(true),
        }
    }

    /// How long before a time of so many minutes is warned: as the category says, or after four fifths.
    fn lead(&self, minutes: i64) -> i64 {
        self.warn.unwrap_or(minutes / 5).min(minutes)
    }

    fn deadline(&self, calendar: &Calendar, from: i64, minutes: Option<i64>) -> Deadline {
        let Some(minutes) = minutes else { return Deadline::default() };
        let warn = calendar.add(from, (minutes - self.lead(minutes)) * MINUTE);
        Deadline::at(calendar.add(from, minutes * MINUTE), warn)
    }

    /// When a case of this category that was raised at `from` is to be resolved.
    pub(super) fn due(&self, calendar: &Calendar, from: i64) -> Option<i64> {
        self.resolution.map(|minutes| calendar.add(from, minutes * MINUTE))
    }
}

/// The calendar by which a category's targets are counted.
pub(super) async fn calendar(conn: &mut Conn, company: i64, targets: Targets) -> Result<Calendar, Error> {
    let zone = time::zone(conn, company).await?;
    Ok(match targets.around_the_clock {
        true => Calendar::always(&zone),
        false => Calendar::of(&*profile::of(conn, company).await?, &zone),
    })
}

/// Sets the deadlines of a case that is new, or whose category, begin or due date changed.
pub(super) fn set(row: &mut Row, old: Option<&Row>, targets: Targets, calendar: &Calendar) {
    let moved = old.is_none_or(|old| (old.category, old.raised_at) != (row.category, row.raised_at));
    if moved {
        let from = row.raised_at;
        for (deadline, minutes) in [(&mut row.response, targets.response), (&mut row.resolution, targets.resolution)] {
            let met = deadline.met;
            *deadline = targets.deadline(calendar, from, minutes);
            if let Some(met) = met {
                deadline.meet(met);
            }
        }
        if row.status == Status::Waiting {
            row.resolution.stop(calendar, row.modified_at);
        }
    }
    if old.is_none_or(|old| old.due_at != row.due_at) {
        let met = row.due.met;
        row.due = Deadline::at(row.due_at, targets.warn.map_or(row.due_at, |minutes| row.due_at - minutes * MINUTE));
        if let Some(met) = met {
            row.due.meet(met);
        }
    }
    settle(row);
}

/// Follows a change of status.
pub(super) fn follow(row: &mut Row, from: Status, calendar: &Calendar, now: i64) {
    let to = row.status;
    if from == Status::New && to != Status::Cancelled {
        row.response.meet(now);
    }
    if from == Status::Waiting && to != Status::Waiting {
        row.resolution.go_on(calendar, now);
    }
    match to {
        Status::Resolved | Status::Closed | Status::Cancelled => {
            row.resolution.meet(now);
            row.due.meet(now);
        }
        Status::New | Status::Open | Status::Waiting => {
            row.resolution.unmeet();
            row.due.unmeet();
        }
    }
    if to == Status::Waiting && from != Status::Waiting {
        row.resolution.stop(calendar, now);
    }
    let ended = matches!(to, Status::Closed | Status::Cancelled);
    row.closed_at = if ended { row.closed_at.or(Some(now)) } else { None };
    settle(row);
}

/// What follows from the deadlines: whether one was missed, and when the job has to look again.
pub(super) fn settle(row: &mut Row) {
    let deadlines = [&row.response, &row.resolution, &row.due];
    let is_breached = deadlines.iter().any(|deadline| deadline.breached.is_some());
    let next = deadlines.iter().filter_map(|deadline| deadline.next().map(|(at, _)| at)).min();
    row.is_breached = is_breached;
    row.alarm_at = next.filter(|_| row.status.is_open());
}

/// Asks for the job at the time of the case's next alarm, if there is one. Each time has a job of its own: one that comes
/// when nothing is to be told does nothing.
pub(super) async fn ask(tx: &mut Conn, row: &Row) -> Result<(), db::Error> {
    match row.alarm_at {
        Some(at) => job::enqueue(tx, row.company, Kind::Remind, &format!("case:{}:{at}", row.id), at).await,
        None => Ok(()),
    }
}

/// What is due now of a case: it is written down, and named.
fn ring(row: &mut Row, now: i64) -> Option<&'static str> {
    let told = match row.response.ring(now) {
        Some(Alarm::Warning) => Some("ResponseWarning"),
        Some(Alarm::Breach) => Some("ResponseBreached"),
        None => match row.resolution.ring(now) {
            Some(Alarm::Warning) => Some("ResolutionWarning"),
            Some(Alarm::Breach) => Some("ResolutionBreached"),
            None => match row.due.ring(now) {
                Some(Alarm::Warning) => Some("DueWarning"),
                Some(Alarm::Breach) => Some("DueBreached"),
                None => None,
            },
        },
    };
    settle(row);
    told
}

/// Job: tells of the times of a case that are near or missed.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let id = job.key.split(':').nth(1).and_then(|id| id.parse::<i64>().ok());
    let Some(id) = id else { return Ok(Next::Done) };
    let by = Actor { caller: Caller::acting(job.company, "system"), now: app.now() };
    app.db
        .write(async |mut tx| {
            let query = tx.rows::<Row>(Row::TABLE).push(" where company = $1 and id = $2").bind(job.company).bind(id);
            let found: Option<Row> = query.held().optional().await?;
            job::finish(&mut tx, job, by.now).await?;
            let Some(mut row) = found.filter(|row| row.deleted_at.is_none() && row.status.is_open()) else {
                return Ok(());
            };
            let mut old = row.clone();
            while let Some(name) = ring(&mut row, by.now) {
                row = record::save_as(&mut tx, &by, Some(old), row, name).await?.row;
                old = row.clone();
            }
            ask(&mut tx, &row).await?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(Next::Finished)
}

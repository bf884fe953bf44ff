//! Adding up: each source goes on where it stopped, a lot in one unit of work that also moves its progress, so that whoever is
//! killed goes on there and nothing is counted twice. A minute behind the records, because a unit that began earlier may
//! commit later.

use std::collections::BTreeMap;

use db::{Conn, Rows, Type};
use jiff::Timestamp;

use super::records::{self, Of};
use super::{chat, figures, satisfaction};
use crate::app::App;
use crate::http::Error;
use crate::job::{Next, each_company};
use crate::time::{self, Zone};

/// So far behind the present records are added up, in milliseconds.
const BEHIND: i64 = 60 * 1000;

/// How often it is looked for more.
const PAUSE: i64 = 60 * 1000;

/// The progress of a source whose figures are to be made anew.
pub(super) const ANEW: &str = "anew";

/// Rows deleted in one unit of work.
const LOT: i64 = 2_000;

/// Units of work of one company and source in one run: others come next.
const MOST: usize = 50;

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Messages, in the order of their ids.
    Chat,
    /// Answers of customers, in the order of their numbers.
    Satisfaction,
    /// Records that change, in the order of their changes.
    Records(Of),
}

impl Source {
    const ALL: [Source; 7] = [
        Source::Chat,
        Source::Satisfaction,
        Source::Records(Of::Cases),
        Source::Records(Of::Activities),
        Source::Records(Of::Deals),
        Source::Records(Of::Expenses),
        Source::Records(Of::Orders),
    ];

    fn name(self) -> &'static str {
        match self {
            Source::Chat => "chat",
            Source::Satisfaction => "satisfaction",
            Source::Records(of) => of.name(),
        }
    }

    /// The measures that it adds up.
    fn measures(self) -> &'static [&'static str] {
        match self {
            Source::Chat => chat::MEASURES,
            Source::Satisfaction => satisfaction::MEASURES,
            Source::Records(of) => of.measures(),
        }
    }
}

/// Figures that are to be added: measure, time and key; how many, and how much.
#[derive(Debug)]
pub(super) struct Sums<'z> {
    zone: &'z Zone,
    sums: BTreeMap<(&'static str, i64, i64, String), (i64, i64)>,
}

impl<'z> Sums<'z> {
    /// None yet, of a company in this zone.
    pub(super) fn new(zone: &'z Zone) -> Sums<'z> {
        Sums { zone, sums: BTreeMap::new() }
    }

    /// The company's zone.
    pub(super) fn zone(&self) -> &'z Zone {
        self.zone
    }

    /// Each of them.
    pub(super) fn each(self) -> impl Iterator<Item = ((&'static str, i64, i64, String), (i64, i64))> {
        self.sums.into_iter()
    }

    /// Counts one of a measure at a time (Unix milliseconds), which is worth so much.
    pub(super) fn add(&mut self, measure: &'static str, at: i64, key: &str, worth: i64) {
        let (day, hour) = self.progress(at);
        self.put((measure, day, hour, key.to_owned()), 1, worth);
    }

    /// The day and the hour of a time, as they are kept.
    pub(super) fn progress(&self, at: i64) -> (i64, i64) {
        let time = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(self.zone.clone());
        (figures::number(time.date()), i64::from(time.hour()))
    }

    /// Adds so many, which are worth so much; takes them back when they are below zero.
    pub(super) fn put(&mut self, progress: (&'static str, i64, i64, String), count: i64, worth: i64) {
        let sum = self.sums.entry(progress).or_default();
        *sum = (sum.0 + count, sum.1 + worth);
    }
}

/// What one lot of a source comes to.
pub(super) struct Lot {
    /// Where the next one begins; none when there is nothing more.
    pub(super) progress: Option<String>,
    /// Whether there may be more.
    pub(super) is_more: bool,
}

/// Job: adds up what is new in every company.
pub async fn run(app: &App) -> Result<Next, Error> {
    let is_more = each_company(app, "adding up figures", |company| catch_up(app, company)).await?;
    Ok(if is_more { Next::Again } else { Next::At(app.now() + PAUSE) })
}

/// Adds up what is new in one company; whether there may be more.
async fn catch_up(app: &App, company: i64) -> Result<bool, Error> {
    let zone = time::zone(&mut app.db.read().await?, company).await?;
    let mut is_more = false;
    for source in Source::ALL {
        let mut left = MOST;
        while left > 0 && step(app, company, source, &zone).await? {
            left -= 1;
        }
        is_more |= left == 0;
    }
    Ok(is_more)
}

/// Makes the figures of a company anew, out of all its records.
pub async fn rebuild(app: &App, company: i64) -> Result<(), Error> {
    for source in Source::ALL {
        app.db
            .write(async |mut tx| {
                tx.sql(
                    "insert into tally_cursor (company, source, place) values ($1, $2, $3)
                     on conflict (company, source) do update set place = excluded.place",
                )
                .bind(company)
                .bind(source.name())
                .bind(ANEW)
                .exec()
                .await
                .map(drop)
                .map_err(Error::Db)
            })
            .await?;
    }
    while catch_up(app, company).await? {}
    Ok(())
}

/// How far the records of this kind have been added up; none before the first.
pub(super) async fn progress(conn: &mut Conn, company: i64, of: Of) -> Result<Option<String>, db::Error> {
    conn.sql("select place from tally_cursor where company = $1 and source = $2")
        .bind(company)
        .bind(Source::Records(of).name())
        .optional()
        .await
}

/// One lot of one source; whether there may be more.
async fn step(app: &App, company: i64, source: Source, zone: &Zone) -> Result<bool, Error> {
    let until = app.now() - BEHIND;
    app.db
        .write(async |mut tx| {
            let progress: Option<String> = tx
                .sql("select place from tally_cursor where company = $1 and source = $2")
                .bind(company)
                .bind(source.name())
                .held()
                .optional()
                .await?;
            if progress.as_deref() == Some(ANEW) {
                clear(&mut tx, company, source).await?;
                return Ok(true);
            }
            let mut sums = Sums::new(zone);
            let before = progress.as_deref().unwrap_or_default();
            let lot = match source {
                Source::Chat => chat::add_up(&mut tx, company, before, until, &mut sums).await?,
                Source::Satisfaction => satisfaction::add_up(&mut tx, company, before, &mut sums).await?,
                Source::Records(of) => records::add_up(&mut tx, company, of, (before, until), &mut sums).await?,
            };
            let Some(next) = lot.progress else { return Ok(false) };
            write(&mut tx, company, sums).await?;
            if !move_on(&mut tx, company, source, progress.as_deref(), &next).await? {
                // Another has added up the same meanwhile.
                return Err(Error::Busy("Another node is updating the figures"));
            }
            Ok(lot.is_more)
        })
        .await
}

async fn write(tx: &mut Conn, company: i64, sums: Sums<'_>) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[
        ("measure", Type::Text),
        ("day", Type::BigInt),
        ("hour", Type::BigInt),
        ("key", Type::Text),
        ("count", Type::BigInt),
        ("total", Type::BigInt),
    ]);
    for ((measure, day, hour, key), (count, total)) in sums.sums {
        // What was taken back and added again is no change.
        if (count, total) == (0, 0) {
            continue;
        }
        rows.push([measure.into(), day.into(), hour.into(), key.into(), count.into(), total.into()]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into tally (company, measure, day, hour, key, count, total) ")
        .bind(company)
        .push_values("$1, input.measure, input.day, input.hour, input.key, input.count, input.total", rows)
        .push(
            " on conflict (company, measure, day, hour, key) do update
             set count = tally.count + excluded.count, total = tally.total + excluded.total",
        )
        .exec()
        .await
        .map(drop)
}

async fn move_on(tx: &mut Conn, company: i64, source: Source, from: Option<&str>, to: &str) -> Result<bool, db::Error> {
    let moved = match from {
        Some(from) => {
            tx.sql("update tally_cursor set place = $3 where company = $1 and source = $2 and place = $4")
                .bind(company)
                .bind(source.name())
                .bind(to)
                .bind(from)
                .exec()
                .await?
        }
        None => {
            tx.sql(
                "insert into tally_cursor (company, source, place) values ($1, $2, $3)
                 on conflict (company, source) do nothing",
            )
            .bind(company)
            .bind(source.name())
            .bind(to)
            .exec()
            .await?
        }
    };
    Ok(moved == 1)
}

/// Deletes a lot of a source's figures; when none is left, its progress, so that it begins anew.
async fn clear(tx: &mut Conn, company: i64, source: Source) -> Result<(), db::Error> {
    let mut measures = Rows::new(&[("measure", Type::Text)]);
    for measure in source.measures() {
        measures.push([(*measure).into()]);
    }
    let gone = tx
        .sql(
            "delete from tally where company = $1 and (measure, day, hour, key) in
               (select measure, day, hour, key from tally where company = $1 and measure in (select measure from ",
        )
        .bind(company)
        .push_rows(&measures)
        .push(" as input) limit ")
        .push_bind(LOT)
        .push(")")
        .exec()
        .await?;
    if gone > 0 {
        return Ok(());
    }
    if let Source::Records(of) = source
        && records::clear(tx, company, of, LOT).await?
    {
        return Ok(());
    }
    if source == Source::Chat {
        tx.sql("delete from tally_room where company = $1").bind(company).exec().await?;
    }
    tx.sql("delete from tally_cursor where company = $1 and source = $2")
        .bind(company)
        .bind(source.name())
        .exec()
        .await
        .map(drop)
}

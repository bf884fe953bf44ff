//! Figures out of tallies.

use std::collections::BTreeMap;

use db::{Amount, Conn, Rows, Type};
use jiff::civil::Date;
use serde::Deserialize;

use super::ReportRow;
use crate::setting::list::List;

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Day,
    Week,
    Month,
    Weekday,
    Hour,
    Channel,
    /// Entries of a look-up list, under this word.
    Entry(&'static str, List),
    /// Employees.
    Person,
    /// Something else that has a number, under this word.
    Number(&'static str),
    Nothing,
}

impl By {
    pub(super) fn word(self) -> &'static str {
        match self {
            By::Day => "day",
            By::Week => "week",
            By::Month => "month",
            By::Weekday => "weekday",
            By::Hour => "hour",
            By::Channel => "channel",
            By::Entry(word, _) | By::Number(word) => word,
            By::Person => "person",
            By::Nothing => "none",
        }
    }

    /// Whether rows are told apart by their key, not by their time.
    fn is_key(self) -> bool {
        matches!(self, By::Channel | By::Entry(..) | By::Person | By::Number(_))
    }

    /// The group of a tally.
    fn group(self, row: &Row, span: Span) -> String {
        let day = day(row.part).unwrap_or(span.from);
        match self {
            By::Day => day.to_string(),
            By::Week => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(jiff::Span::new().days(back)).unwrap_or(day).to_string()
            }
            By::Month => day.strftime("%Y-%m").to_string(),
            By::Weekday => day.weekday().to_monday_one_offset().to_string(),
            By::Hour => format!("{:02}", row.part),
            By::Channel | By::Entry(..) | By::Person | By::Number(_) => row.key.clone(),
            By::Nothing => format!("{}/{}", span.from, span.to),
        }
    }
}

/// How a figure comes out of its measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// How many.
    Count,
    /// How many, and how much on average.
    Average,
    /// The same of amounts of money, and how much in all.
    Amount,
    /// How many are left at the end: those of the measure, less those of this one, since the beginning.
    Left(&'static str),
}

/// A figure of a report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure {
    /// Its name in answers.
    pub(super) name: &'static str,
    /// The measure that it is of.
    pub(super) measure: &'static str,
    /// That of whole records, each counted once, where one is several by key: what rows by time are of.
    pub(super) whole: Option<&'static str>,
    pub(super) kind: Kind,
}

/// The first and the last day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: Date,
    pub(super) to: Date,
}

/// Amounts are ten-thousandths.
const AMOUNT: i64 = 10_000;

/// A day as it is kept: 20250129.
pub(super) fn number(day: Date) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

fn day(number: i64) -> Option<Date> {
    let part = |value: i64| i8::try_from(value).ok();
    Date::new(i16::try_from(number / 10_000).ok()?, part(number / 100 % 100)?, part(number % 100)?).ok()
}

#[derive(Debug, Deserialize)]
struct Row {
    measure: String,
    /// The day or the hour.
    part: i64,
    key: String,
    count: i64,
    total: i64,
}

/// The rows of a report, group by group; of each the figures in their order.
pub(super) async fn read(
    conn: &mut Conn,
    company: i64,
    figures: &[Figure],
    by: By,
    span: Span,
) -> Result<Vec<ReportRow>, db::Error> {
    let measure = |figure: &Figure| figure.whole.filter(|_| !by.is_key()).unwrap_or(figure.measure);
    let figures: Vec<Figure> = figures.iter().map(|figure| Figure { measure: measure(figure), ..*figure }).collect();
    let figures = figures.as_slice();
    let mut groups: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    let is_left = figures.iter().any(|figure| matches!(figure.kind, Kind::Left(_)));
    let mut left = Vec::new();
    if is_left {
        left = before(conn, company, &measures(figures), span).await?;
        // Days on which nothing happened have something left, too.
        for group in days(by, span) {
            groups.insert(group, vec![(0, 0); figures.len()]);
        }
        if by.is_key() {
            for row in &left {
                groups.entry(row.key.clone()).or_insert_with(|| vec![(0, 0); figures.len()]);
            }
        }
    }
    for row in within(conn, company, &measures(figures), by, span).await? {
        let sums = groups.entry(by.group(&row, span)).or_insert_with(|| vec![(0, 0); figures.len()]);
        for (figure, sum) in figures.iter().zip(sums) {
            let sign = share(figure, &row);
            *sum = (sum.0 + sign * row.count, sum.1 + sign * row.total);
        }
    }
    let begin = |figure: &Figure, group: &str| -> i64 {
        let rows = left.iter().filter(|row| !by.is_key() || row.key == group);
        rows.map(|row| share(figure, row) * row.count).sum()
    };
    let mut running: Vec<Option<i64>> = vec![None; figures.len()];
    let mut rows = Vec::with_capacity(groups.len() * figures.len());
    for (group, sums) in groups {
        for (at, (figure, (mut count, total))) in figures.iter().zip(sums).enumerate() {
            if matches!(figure.kind, Kind::Left(_)) {
                let known = running[at].filter(|_| !by.is_key());
                count += known.unwrap_or_else(|| begin(figure, &group));
                running[at] = Some(count);
            }
            let scale = if figure.kind == Kind::Amount { AMOUNT } else { 1 };
            let is_measured = matches!(figure.kind, Kind::Average | Kind::Amount);
            let average = (is_measured && count > 0).then(|| average(total, count * scale));
            let total = (figure.kind == Kind::Amount).then(|| Amount::from_units(total));
            let (group, figure) = (group.clone(), figure.name.to_owned());
            rows.push(ReportRow { group, group_name: None, figure, count, average, total });
        }
    }
    Ok(rows)
}

/// Whether a tally is one of a figure's: 1, or -1 when it lessens it, else 0.
fn share(figure: &Figure, row: &Row) -> i64 {
    match figure.kind {
        _ if row.measure == figure.measure => 1,
        Kind::Left(less) if row.measure == less => -1,
        _ => 0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums of seconds and points")]
fn average(total: i64, count: i64) -> f64 {
    (total as f64 / count as f64 * 100.0).round() / 100.0
}

fn measures(figures: &[Figure]) -> Rows {
    let mut names: Vec<&str> = figures.iter().map(|figure| figure.measure).collect();
    names.extend(figures.iter().filter_map(|figure| match figure.kind {
        Kind::Left(less) => Some(less),
        _ => None,
    }));
    names.sort_unstable();
    names.dedup();
    let mut rows = Rows::new(&[("measure", Type::Text)]);
    for name in names {
        rows.push([name.into()]);
    }
    rows
}

/// The groups of every day of a period.
fn days(by: By, span: Span) -> Vec<String> {
    if by.is_key() {
        return Vec::new();
    }
    let days = span.from.series(jiff::Span::new().days(1)).take_while(|day| *day <= span.to);
    let row = |day| Row { measure: String::new(), part: number(day), key: String::new(), count: 0, total: 0 };
    days.map(|day| by.group(&row(day), span)).collect()
}

async fn within(conn: &mut Conn, company: i64, measures: &Rows, by: By, span: Span) -> Result<Vec<Row>, db::Error> {
    let query = match by {
        By::Hour => conn.sql("select measure, hour as part, key, cast(sum(count) as bigint) as count, cast(sum(total) as bigint) as total"),
        _ => conn.sql("select measure, day as part, key, cast(sum(count) as bigint) as count, cast(sum(total) as bigint) as total"),
    };
    let query = query
        .push(" from tally where company = $1 and day >= $2 and day <= $3 and measure in (select measure from ")
        .bind(company)
        .bind(number(span.from))
        .bind(number(span.to))
        .push_rows(measures)
        .push(" as input)");
    match by {
        By::Hour => query.push(" group by measure, hour, key having sum(count) <> 0 or sum(total) <> 0").all().await,
        _ => query.push(" group by measure, day, key having sum(count) <> 0 or sum(total) <> 0").all().await,
    }
}

/// What was there before a period.
async fn before(conn: &mut Conn, company: i64, measures: &Rows, span: Span) -> Result<Vec<Row>, db::Error> {
    conn.sql(
        "select measure, 0 as part, key, cast(sum(count) as bigint) as count, cast(sum(total) as bigint) as total
         from tally where company = $1 and day < $2 and measure in (select measure from ",
    )
    .bind(company)
    .bind(number(span.from))
    .push_rows(measures)
    .push(" as input) group by measure, key")
    .all()
    .await
}

//! Running numbers of a company: integer ids, and the numbers of documents.

use db::{Conn, Rows, Type};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::profile::{self, Setting};
use crate::http::{Code, Error, Fault};
use crate::{search, time};

/// The next number of this name. Gapless: the counter moves in the caller's transaction and goes back with it.
pub async fn next(tx: &mut Conn, company: i64, name: &str) -> Result<i64, db::Error> {
    tx.sql(
        "insert into counter (company, name, value) values ($1, $2, 1)
         on conflict (company, name) do update set value = counter.value + 1
         returning value",
    )
    .bind(company)
    .bind(name)
    .one()
    .await
}

/// Moves a counter on to a number that was chosen elsewhere, so that it is not given again.
pub async fn at_least(tx: &mut Conn, company: i64, name: &str, number: i64) -> Result<(), db::Error> {
    tx.sql(
        "insert into counter (company, name, value) values ($1, $2, $3)
         on conflict (company, name) do update
         set value = case when counter.value < excluded.value then excluded.value else counter.value end",
    )
    .bind(company)
    .bind(name)
    .bind(number)
    .exec()
    .await
    .map(drop)
}

/// How the numbers of one kind of document look: `QT2511-0001`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    /// What every number begins with.
    #[schema(example = "QT")]
    pub prefix: String,
    /// Which years are written: Gregorian 2025, Buddhist 2568.
    pub era: Era,
    /// What of the date is written; the running part begins anew with each.
    pub period: Period,
    /// Digits of the running part, 1 to 10; it grows beyond them rather than collide.
    #[schema(example = 4)]
    pub digits: u32,
    /// Whether each branch counts for itself (its code is written, too).
    pub per_branch: bool,
    /// What stands between the date and the running part; a hyphen unless told.
    #[serde(default)]
    #[schema(example = "-")]
    pub separator: Option<String>,
    /// Whether years are written with four digits.
    #[serde(default)]
    pub long_year: Option<bool>,
}

/// Which years are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// 2025.
    Gregorian,
    /// 2568.
    Buddhist,
}

/// What of the date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Nothing: one series for ever.
    None,
    /// Two digits of the year.
    Year,
    /// Two digits of the year and two of the month.
    Month,
}

impl Pattern {
    /// The usual form of a kind of document.
    pub fn usual(prefix: &str) -> Pattern {
        Pattern {
            prefix: prefix.to_owned(),
            era: Era::Gregorian,
            period: Period::Month,
            digits: 4,
            per_branch: false,
            separator: None,
            long_year: None,
        }
    }

    /// The form of the original API's cases and deals: `T250200010`, five digits directly behind year and month.
    pub fn dense(prefix: &str) -> Pattern {
        Pattern { digits: 5, separator: Some(String::new()), ..Pattern::usual(prefix) }
    }

    /// The form of its activities, whose years have four digits: `A20250200028`.
    pub fn dense_with_long_year(prefix: &str) -> Pattern {
        Pattern { long_year: Some(true), ..Pattern::dense(prefix) }
    }

    /// The form of a tax document's number: each branch counts for itself, anew with each year.
    pub fn yearly(prefix: &str) -> Pattern {
        Pattern { period: Period::Year, digits: 6, per_branch: true, ..Pattern::usual(prefix) }
    }

    /// The form of a record's code: one series for ever, six digits.
    pub fn code(prefix: &str) -> Pattern {
        Pattern { period: Period::None, digits: 6, ..Pattern::usual(prefix) }
    }

    /// What is wrong with a pattern.
    pub fn faults(&self, field: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.prefix.chars().count() > 10 {
            faults.push(Fault::new(Code::TooLong, format!("{field}.prefix"), "A prefix may have 10 characters"));
        }
        if !(1..=10).contains(&self.digits) {
            faults.push(Fault::new(Code::OutOfRange, format!("{field}.digits"), "digits must be from 1 to 10"));
        }
        if self.separator.as_ref().is_some_and(|text| text.chars().count() > 3) {
            faults.push(Fault::new(Code::TooLong, format!("{field}.separator"), "A separator may have 3 characters"));
        }
        faults
    }

    /// What stands before the running part, which is also the name of the series.
    fn head(&self, date: Date, branch: &str) -> String {
        let year = i32::from(date.year()) + if self.era == Era::Buddhist { 543 } else { 0 };
        let year = if self.long_year == Some(true) { format!("{year:04}") } else { format!("{:02}", year % 100) };
        let separator = self.separator.as_deref().unwrap_or("-");
        let period = match self.period {
            Period::None => String::new(),
            Period::Year => format!("{year}{separator}"),
            Period::Month => format!("{year}{:02}{separator}", date.month()),
        };
        let branch = if self.per_branch { format!("{branch}-") } else { String::new() };
        format!("{}{branch}{period}", self.prefix)
    }
}

/// Assigns the next number of a document, in the document's own transaction: gapless, and never twice.
pub async fn assign(
    tx: &mut Conn,
    company: i64,
    document: &str,
    pattern: &Pattern,
    date: Date,
    branch: &str,
) -> Result<String, db::Error> {
    let head = pattern.head(date, branch);
    let number = next(tx, company, &format!("{document}:{head}")).await?;
    let digits = pattern.digits as usize;
    Ok(format!("{head}{number:0digits$}"))
}

/// Where the numbers of a kind of record stand: the table, and its column of folded numbers.
pub type Column = (&'static str, &'static str);

/// So many numbers are looked up at once where the next one is taken.
const AT_ONCE: i64 = 256;

/// The same as [`assign`], stepping over numbers that somebody has chosen for another record.
pub async fn assign_free(
    tx: &mut Conn,
    company: i64,
    document: &str,
    pattern: &Pattern,
    (date, branch): (Date, &str),
    column: Column,
) -> Result<String, db::Error> {
    let head = pattern.head(date, branch);
    let digits = pattern.digits as usize;
    free(tx, company, &format!("{document}:{head}"), column, |number| format!("{head}{number:0digits$}")).await
}

/// The next number of a series whose text no record has. A file may have brought any number of the coming ones: they are
/// looked up many at once.
pub async fn free(
    tx: &mut Conn,
    company: i64,
    series: &str,
    (table, column): Column,
    text: impl Fn(i64) -> String,
) -> Result<String, db::Error> {
    let mut number = next(tx, company, series).await?;
    let first = text(number);
    let query = tx.sql("select 1 from ").push(table).push(" where company = $1 and ").push(column).push(" = $2");
    let taken: Option<i64> = query.bind(company).bind(search::fold(&first)).optional().await?;
    if taken.is_none() {
        return Ok(first);
    }
    loop {
        number += 1;
        let mut wanted = Rows::new(&[("number", Type::BigInt), ("text", Type::Text)]);
        for number in number..number + AT_ONCE {
            wanted.push([number.into(), search::fold(&text(number)).into()]);
        }
        let free: Option<i64> = tx
            .sql("select min(input.number) from ")
            .push_rows(&wanted)
            .push(" as input where not exists (select 1 from ")
            .push(table)
            .push(" as t where t.company = ")
            .push_bind(company)
            .push(" and t.")
            .push(column)
            .push(" = input.text)")
            .one()
            .await?;
        if let Some(free) = free {
            at_least(tx, company, series, free).await?;
            return Ok(text(free));
        }
        number += AT_ONCE - 1;
    }
}

/// The next number of a record, by the pattern of its kind in the company's setting. A number that somebody has chosen for
/// another record is stepped over.
pub async fn of_record(
    tx: &mut Conn,
    company: i64,
    kind: &'static str,
    column: Column,
    at: i64,
) -> Result<String, Error> {
    // A setting that was saved before there was this kind does not name it.
    let pattern = match profile::of(tx, company).await?.numbers.get(kind).cloned() {
        Some(pattern) => pattern,
        None => Setting::default().numbers.remove(kind).unwrap_or_else(|| Pattern::usual("")),
    };
    let zone = time::zone(tx, company).await?;
    Ok(assign_free(tx, company, kind, &pattern, (time::day_of(at, &zone), "00000"), column).await?)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_number_names_its_period_in_the_company_s_era() {
        let day = date(2025, 11, 23);
        assert_eq!(Pattern::usual("QT").head(day, "00000"), "QT2511-");
        let buddhist = Pattern { era: Era::Buddhist, period: Period::Year, per_branch: true, ..Pattern::usual("INV") };
        assert_eq!(buddhist.head(day, "00001"), "INV00001-68-");
        assert_eq!(Pattern::dense("T").head(day, ""), "T2511");
        assert_eq!(Pattern::dense_with_long_year("A").head(day, ""), "A202511");
        assert_eq!(Pattern { period: Period::None, ..Pattern::usual("C") }.head(day, ""), "C");
    }
}

//! Running numbers of a company: integer ids, and the numbers of documents.

use db::Conn;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Code, Fault};

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
        Pattern { prefix: prefix.to_owned(), era: Era::Gregorian, period: Period::Month, digits: 4, per_branch: false }
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
        faults
    }

    /// What stands before the running part, which is also the name of the series.
    fn head(&self, date: Date, branch: &str) -> String {
        let year = i32::from(date.year()) + if self.era == Era::Buddhist { 543 } else { 0 };
        let period = match self.period {
            Period::None => String::new(),
            Period::Year => format!("{:02}-", year % 100),
            Period::Month => format!("{:02}{:02}-", year % 100, date.month()),
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
        assert_eq!(Pattern { period: Period::None, ..Pattern::usual("C") }.head(day, ""), "C");
    }
}

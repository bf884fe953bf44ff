//! What orders come to: sold by product, customer and salesperson, and what is still owed by the day on which it is due.
//!
//! Days are added up, and of what is sold months besides, so that a period costs its whole months and the days at its ends.
//! What changed since it was added up is looked at for each answer: it says what holds now.

use std::collections::BTreeMap;

use db::{Conn, Query, Rows, Type};
use jiff::civil::Date;
use serde::Deserialize;
use uuid::Uuid;

use super::figures::number;
use super::records::{self, Changed, Fact, Of};
use super::tally::{self, Sums};
use crate::http::Error;
use crate::time::{self, Zone};

const BY_PRODUCT: &str = "sales.product";
const BY_CUSTOMER: &str = "sales.customer";
const BY_EMPLOYEE: &str = "sales.employee";
const PRODUCT_MONTHS: &str = "sales.product.month";
const CUSTOMER_MONTHS: &str = "sales.customer.month";
const EMPLOYEE_MONTHS: &str = "sales.employee.month";
const OWED: &str = "sales.owed";
const OWED_SOME_DAY: &str = "sales.owed.undated";

pub(super) const MEASURES: &[&str] =
    &[BY_PRODUCT, BY_CUSTOMER, BY_EMPLOYEE, PRODUCT_MONTHS, CUSTOMER_MONTHS, EMPLOYEE_MONTHS, OWED, OWED_SOME_DAY];

/// The measure that has the months of this one.
pub(super) fn months_of(measure: &str) -> Option<&'static str> {
    match measure {
        BY_PRODUCT => Some(PRODUCT_MONTHS),
        BY_CUSTOMER => Some(CUSTOMER_MONTHS),
        BY_EMPLOYEE => Some(EMPLOYEE_MONTHS),
        _ => None,
    }
}

/// The month of a day, as it is kept: 20250100.
pub(super) fn month(day: i64) -> i64 {
    day / 100 * 100
}

#[derive(Debug, Deserialize)]
struct OrderRow {
    id: i64,
    modified_at: i64,
    deleted_at: Option<i64>,
    status: i64,
    dated: String,
    customer: i64,
    owner: Option<Uuid>,
    currency: String,
    grand_total: i64,
    paid: i64,
    payment_state: String,
    due_on: Option<String>,
}

/// Orders that changed since a progress and before a time, with what each comes to.
pub(super) async fn orders(
    conn: &mut Conn,
    company: i64,
    after: (i64, i64),
    until: i64,
    zone: &Zone,
) -> Result<Vec<Changed>, db::Error> {
    let rows: Vec<OrderRow> = conn
        .sql(
            "select id, modified_at, deleted_at, status, dated, customer, owner, currency, grand_total, paid, payment_state, due_on
             from sales_order where company = $1 and (modified_at, id) > ($2, $3) and modified_at < $4
             order by modified_at, id limit $5",
        )
        .bind(company)
        .bind(after.0)
        .bind(after.1)
        .bind(until)
        .bind(records::MOST)
        .all()
        .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<(i64, i64, i64)> = conn
        .sql("select sales_order, product, cast(sum(net) as bigint) from sales_line where company = $1 and sales_order in ")
        .bind(company)
        .push_ids(&ids)
        .push(" group by sales_order, product order by sales_order, product")
        .all()
        .await?;
    let mut of_order: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    for (order, product, net) in lines {
        of_order.entry(order).or_default().push((product, net));
    }
    let changed = rows.into_iter().map(|row| {
        let lines = of_order.remove(&row.id).unwrap_or_default();
        Changed { id: row.id, at: row.modified_at, facts: facts(&row, &lines, zone) }
    });
    Ok(changed.collect())
}

/// What an order comes to while it is open or completed; its lines are products with what they earn.
fn facts(row: &OrderRow, lines: &[(i64, i64)], zone: &Zone) -> Vec<Fact> {
    let begin = |day: &str| {
        let day: Date = day.parse().ok()?;
        Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
    };
    let dated = begin(&row.dated).filter(|_| row.deleted_at.is_none() && matches!(row.status, 2 | 3));
    let Some(at) = dated else { return Vec::new() };
    let mut facts: Vec<Fact> =
        lines.iter().map(|(product, net)| Fact(BY_PRODUCT, at, product.to_string(), *net)).collect();
    // One without a rate of its currency earns nothing that could be added.
    if !lines.is_empty() {
        let net = lines.iter().fold(0_i64, |sum, (_, net)| sum.saturating_add(*net));
        facts.push(Fact(BY_CUSTOMER, at, row.customer.to_string(), net));
        facts.extend(row.owner.map(|owner| Fact(BY_EMPLOYEE, at, owner.to_string(), net)));
    }
    if matches!(row.payment_state.as_str(), "unpaid" | "partly") {
        let rest = row.grand_total.saturating_sub(row.paid);
        facts.push(match row.due_on.as_deref().and_then(begin) {
            Some(due) => Fact(OWED, due, row.currency.clone(), rest),
            None => Fact(OWED_SOME_DAY, at, row.currency.clone(), rest),
        });
    }
    facts
}

/// What sales are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sold {
    Product,
    Customer,
    Employee,
    Month,
}

impl Sold {
    /// The measure with its days.
    fn days(self) -> &'static str {
        match self {
            Sold::Product => BY_PRODUCT,
            Sold::Employee => BY_EMPLOYEE,
            // Every order has a customer.
            Sold::Customer | Sold::Month => BY_CUSTOMER,
        }
    }
}

/// What was sold of one: a product, a customer, an employee by their ids, or a month as `202501`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Sum {
    pub(crate) key: String,
    /// How many orders.
    pub(crate) orders: i64,
    /// Ten-thousandths of the company's currency.
    pub(crate) net: i64,
}

/// So many more than are asked for are read: those that sold the same are put in order by their codes.
const SPARE: usize = 200;

/// How often an answer is begun anew because what is added up went on meanwhile.
const TRIES: usize = 5;

/// What was sold in a period: at least the first `most` of those that sold most, and all months. None when it cannot be told
/// from what is added up: it is being made anew, or too much has changed since.
pub(crate) async fn sold(
    conn: &mut Conn,
    company: i64,
    by: Sold,
    period: (Option<Date>, Option<Date>),
    most: usize,
) -> Result<Option<Vec<Sum>>, Error> {
    let zone = time::zone(conn, company).await?;
    let (first, last) = (period.0.map_or(i64::MIN, number), period.1.map_or(i64::MAX, number));
    for _ in 0..TRIES {
        let Some((progress, late)) = lately(conn, company, &zone).await? else { return Ok(None) };
        let mut changed: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for ((measure, day, _, key), (count, total)) in late.each() {
            if measure == by.days() && (first..=last).contains(&day) {
                let key = if by == Sold::Month { (day / 100).to_string() } else { key };
                let sum = changed.entry(key).or_default();
                *sum = (sum.0 + count, sum.1 + total);
            }
        }
        if by == Sold::Customer {
            changed = survivors(conn, company, changed).await?;
        }
        let limit = most.saturating_add(changed.len() + SPARE);
        let mut sums: Vec<Sum> = by.query(conn, company, period, None, limit).aside().all().await?;
        if !changed.is_empty() && by != Sold::Month {
            // Those that changed are known whole, wherever they stood before.
            let mut keys = Rows::new(&[("key", Type::Text)]);
            for key in changed.keys() {
                keys.push([key.as_str().into()]);
            }
            let known: Vec<Sum> = by.query(conn, company, period, Some(&keys), changed.len()).aside().all().await?;
            sums.retain(|sum| !changed.contains_key(&sum.key));
            sums.extend(known);
        }
        for sum in &mut sums {
            if let Some((count, total)) = changed.remove(&sum.key) {
                (sum.orders, sum.net) = (sum.orders + count, sum.net + total);
            }
        }
        sums.extend(changed.into_iter().map(|(key, (orders, net))| Sum { key, orders, net }));
        sums.retain(|sum| sum.orders > 0);
        if tally::progress(conn, company, Of::Orders).await? == progress {
            return Ok(Some(sums));
        }
    }
    Ok(None)
}

/// How far is added up, and what changed since; none when that is more than is looked at for an answer.
async fn lately<'z>(
    conn: &mut Conn,
    company: i64,
    zone: &'z Zone,
) -> Result<Option<(Option<String>, Sums<'z>)>, Error> {
    let progress = tally::progress(conn, company, Of::Orders).await?;
    if progress.as_deref() == Some(tally::ANEW) {
        return Ok(None);
    }
    let mut sums = Sums::new(zone);
    let begin = progress.as_deref().unwrap_or_default();
    let is_whole = records::lately(conn, company, Of::Orders, begin, &mut sums).await?;
    Ok(is_whole.then_some((progress, sums)))
}

/// The same by the customers who have taken the place of others.
async fn survivors(
    conn: &mut Conn,
    company: i64,
    changed: BTreeMap<String, (i64, i64)>,
) -> Result<BTreeMap<String, (i64, i64)>, db::Error> {
    let ids: Vec<i64> = changed.keys().filter_map(|key| key.parse().ok()).collect();
    if ids.is_empty() {
        return Ok(changed);
    }
    let now: Vec<(i64, i64)> = conn
        .sql("select id, coalesce(merged_into, id) from customer where company = $1 and id in ")
        .bind(company)
        .push_ids(&ids)
        .all()
        .await?;
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (id, survivor) in now {
        if let Some((count, total)) = changed.get(&id.to_string()) {
            let sum = sums.entry(survivor.to_string()).or_default();
            *sum = (sum.0 + count, sum.1 + total);
        }
    }
    Ok(sums)
}

/// What a period is read of: its whole months, and the days before and behind them. A range that ends before it begins is none.
#[derive(Debug, PartialEq, Eq)]
struct Ranges {
    months: (i64, i64),
    before: (i64, i64),
    behind: (i64, i64),
}

const NONE: (i64, i64) = (1, 0);

fn ranges((from, to): (Option<Date>, Option<Date>)) -> Ranges {
    let day = jiff::Span::new().days(1);
    // The first month that begins in the period, and the last that ends in it.
    let first = from.map_or(i64::MIN, |from| match from.day() {
        1 => month(number(from)),
        _ => from.last_of_month().checked_add(day).map_or(i64::MAX, |next| month(number(next))),
    });
    let last = to.map_or(i64::MAX, |to| match to == to.last_of_month() {
        true => month(number(to)),
        false => to.first_of_month().checked_sub(day).map_or(i64::MIN, |earlier| month(number(earlier))),
    });
    if first > last {
        let (from, to) = (from.map_or(i64::MIN, number), to.map_or(i64::MAX, number));
        return Ranges { months: NONE, before: (from, to), behind: NONE };
    }
    Ranges {
        months: (first, last),
        before: from.map_or(NONE, |from| (number(from), first - 1)),
        // The days of a month follow its own number, at most 31.
        behind: to.map_or(NONE, |to| (last + 32, number(to))),
    }
}

impl Sold {
    /// The sums of a period; only those of some keys, when these are given.
    fn query<'c>(
        self,
        conn: &'c mut Conn,
        company: i64,
        period: (Option<Date>, Option<Date>),
        only: Option<&Rows>,
        limit: usize,
    ) -> Query<'c> {
        const PARTS: &str = "(select key, day, count, total from tally
                   where company = $1 and measure = $2 and day >= $3 and day <= $4
                   union all select key, day, count, total from tally
                   where company = $1 and measure = $5 and day >= $6 and day <= $7
                   union all select key, day, count, total from tally
                   where company = $1 and measure = $5 and day >= $8 and day <= $9) as part";
        let Ranges { months, before, behind } = ranges(period);
        let (begin, middle, only_these, end) = match self {
            Sold::Product | Sold::Employee => (
                "select key, cast(sum(count) as bigint) as orders, cast(sum(total) as bigint) as net from ",
                "",
                " where key in (select key from ",
                " group by key having sum(count) <> 0 order by net desc, key limit ",
            ),
            Sold::Customer => (
                "select cast(coalesce(customer.merged_into, customer.id) as text) as key,
                        cast(sum(part.count) as bigint) as orders, cast(sum(part.total) as bigint) as net
                 from (select key, sum(count) as count, sum(total) as total from ",
                " group by key) as part
                 join customer on customer.company = $1 and customer.id = cast(part.key as bigint)",
                " where cast(coalesce(customer.merged_into, customer.id) as text) in (select key from ",
                " group by coalesce(customer.merged_into, customer.id) having sum(part.count) <> 0
                 order by net desc, key limit ",
            ),
            Sold::Month => (
                "select cast(day / 100 as text) as key, cast(sum(count) as bigint) as orders,
                        cast(sum(total) as bigint) as net from ",
                "",
                " where key in (select key from ",
                " group by day / 100 having sum(count) <> 0 order by day / 100 limit ",
            ),
        };
        let days = self.days();
        let query = conn
            .sql(begin)
            .push(PARTS)
            .push(middle)
            .bind(company)
            .bind(months_of(days).unwrap_or(days))
            .bind(months.0)
            .bind(months.1)
            .bind(days)
            .bind(before.0)
            .bind(before.1)
            .bind(behind.0)
            .bind(behind.1);
        let query = match only {
            Some(keys) => query.push(only_these).push_rows(keys).push(" as input)"),
            None => query,
        };
        query.push(end).push_bind(i64::try_from(limit).unwrap_or(i64::MAX))
    }
}

/// What is owed in a currency, by the days on which it is due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Owed {
    pub(crate) currency: String,
    /// The group of its days: the number of the given days that it lies before.
    pub(crate) age: i64,
    /// How many orders.
    pub(crate) orders: i64,
    /// Ten-thousandths of the currency.
    pub(crate) rest: i64,
}

/// What is owed, by currency and by how many of these days, the latest first, are later than the day on which it is due. None
/// when it cannot be told from what is added up.
pub(crate) async fn owed(conn: &mut Conn, company: i64, days: [Date; 4]) -> Result<Option<Vec<Owed>>, Error> {
    let zone = time::zone(conn, company).await?;
    let days = days.map(number);
    for _ in 0..TRIES {
        let Some((progress, late)) = lately(conn, company, &zone).await? else { return Ok(None) };
        let found: Vec<Owed> = conn
            .sql(
                "select key as currency, age, cast(sum(count) as bigint) as orders, cast(sum(total) as bigint) as rest from (
                   select key, count, total, case when day >= $3 then 0 when day >= $4 then 1 when day >= $5 then 2
                                                  when day >= $6 then 3 else 4 end as age
                   from tally where company = $1 and measure = $2
                   union all select key, count, total, 0 as age from tally where company = $1 and measure = $7
                 ) as part group by key, age order by key, age",
            )
            .bind(company)
            .bind(OWED)
            .bind(days[0])
            .bind(days[1])
            .bind(days[2])
            .bind(days[3])
            .bind(OWED_SOME_DAY)
            .aside()
            .all()
            .await?;
        let mut sums: BTreeMap<(String, i64), (i64, i64)> = BTreeMap::new();
        for Owed { currency, age, orders, rest } in found {
            sums.insert((currency, age), (orders, rest));
        }
        for ((measure, day, _, currency), (count, total)) in late.each() {
            let age = match measure {
                OWED => days.iter().filter(|limit| day < **limit).count(),
                OWED_SOME_DAY => 0,
                _ => continue,
            };
            let sum = sums.entry((currency, i64::try_from(age).unwrap_or_default())).or_default();
            *sum = (sum.0 + count, sum.1 + total);
        }
        if tally::progress(conn, company, Of::Orders).await? == progress {
            let owed = sums.into_iter().filter(|(_, (orders, _))| *orders > 0);
            let owed = owed.map(|((currency, age), (orders, rest))| Owed { currency, age, orders, rest });
            return Ok(Some(owed.collect()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_period_is_its_months_and_the_days_around_them() {
        let of = |from, to| ranges((Some(from), Some(to)));
        let months = of(date(2026, 1, 1), date(2026, 3, 31));
        assert_eq!((months.months, months.before.0 > months.before.1), ((20_260_100, 20_260_300), true));
        let around = of(date(2025, 12, 15), date(2026, 2, 10));
        assert_eq!((around.months, around.before), ((20_260_100, 20_260_100), (20_251_215, 20_260_099)));
        assert_eq!(around.behind, (20_260_132, 20_260_210));
        let inside = of(date(2026, 2, 3), date(2026, 2, 27));
        assert_eq!(inside, Ranges { months: NONE, before: (20_260_203, 20_260_227), behind: NONE });
        let all = ranges((None, None));
        assert_eq!(all, Ranges { months: (i64::MIN, i64::MAX), before: NONE, behind: NONE });
    }
}

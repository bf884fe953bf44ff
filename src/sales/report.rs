//! Reports of sales: by product, customer, salesperson and month, and what is still to be paid by age.
//!
//! They come out of what is added up while things happen (`report::sold`), with what changed since. Whoever sees only some orders
//! gets what those come to, summed from a row for each line that is kept as orders are written; so does everybody while what is
//! added up is made anew.

use std::collections::HashMap;

use axum::extract::State;
use db::{Amount, Conn, Rows, Type};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::decimal::Decimal;
use super::order::{self, Status};
use super::{read_day, totals};
use crate::app::App;
use crate::http::caller::Range;
use crate::http::{Caller, Envelope, Error, Faults, Query, Reply};
use crate::record::{self, Outcome, Saved};
use crate::report::sold::{self, Owed, Sold};
use crate::setting::profile;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report_sales)).routes(routes!(report_receivables))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct SalesQuery {
    /// `product`, `customer`, `employee` or `month`; `month` when it is absent.
    by: Option<String>,
    /// The first day of the period.
    date_from: Option<String>,
    /// Its last day.
    date_to: Option<String>,
    /// Rows: at most 200, default 20; those that sold most come first, months in their order.
    take: Option<i64>,
}

/// Sales of one product, customer, salesperson or month.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all(serialize = "camelCase"))]
#[schema(rename_all = "camelCase")]
struct SalesRow {
    /// Code of the product, the customer or the employee; the month as `2026-04`.
    #[schema(example = "2026-04")]
    code: String,
    /// Its name; the same for a month.
    #[schema(example = "2026-04")]
    name: String,
    /// How many orders.
    #[schema(example = 12)]
    orders: i64,
    /// Before VAT and after all discounts, in the company's currency.
    #[schema(value_type = f64, example = 41750)]
    net_total: Amount,
}

/// Sales of a period.
#[derive(Debug, Serialize, ToSchema)]
struct SalesReport {
    /// The rows.
    value: Vec<SalesRow>,
}

/// Report what was sold: open and completed orders, before VAT, in the company's currency.
///
/// An order in another currency without a rate is not counted.
#[utoipa::path(
    get,
    path = "/v1/sales/report",
    operation_id = "reportSales",
    tag = "SalesOrder",
    params(SalesQuery),
    responses((status = 200, description = "The sums.", body = Envelope<SalesReport>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn report_sales(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SalesQuery>,
) -> Result<Reply<SalesReport>, Error> {
    let mut faults = Faults::default();
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let kinds =
        [("product", By::Product), ("customer", By::Customer), ("employee", By::Employee), ("month", By::Month)];
    let by = faults.choice("by", query.by.as_deref(), &kinds).unwrap_or(By::Month);
    let from = read_day("dateFrom", query.date_from.as_deref(), &zone, &mut faults);
    let to = read_day("dateTo", query.date_to.as_deref(), &zone, &mut faults);
    faults.range("take", query.take, 1..=200);
    faults.end()?;
    let most = query.take.unwrap_or(20);
    if caller.range() == Range::All
        && let Some(value) = added_up(&mut conn, caller.company, by, (from, to), most).await?
    {
        return Ok(Reply::ok(SalesReport { value }));
    }
    let first = from.unwrap_or(Date::MIN).to_string();
    let last = to.unwrap_or(Date::MAX).to_string();
    let (text, end) = match by {
        By::Product => (
            "select product.code, product.name, count(distinct line.sales_order) as orders,
                    cast(sum(line.net) as bigint) as net_total
             from sales_line as line
             join product on product.company = line.company and product.id = line.product
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3",
            " group by product.code, product.name order by net_total desc, product.code limit $4",
        ),
        By::Customer => (
            "select customer.code, customer.name, count(distinct line.sales_order) as orders,
                    cast(sum(line.net) as bigint) as net_total
             from sales_line as line
             join sales_order as document on document.company = line.company and document.id = line.sales_order
             join customer on customer.company = document.company and customer.id = document.customer
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3",
            " group by customer.code, customer.name order by net_total desc, customer.code limit $4",
        ),
        By::Employee => (
            "select employee.staff_code as code, employee.firstname || ' ' || employee.lastname as name,
                    count(distinct line.sales_order) as orders, cast(sum(line.net) as bigint) as net_total
             from sales_line as line
             join sales_order as document on document.company = line.company and document.id = line.sales_order
             join employee on employee.company = document.company and employee.id = document.owner
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3",
            " group by employee.staff_code, employee.firstname, employee.lastname order by net_total desc, code limit $4",
        ),
        By::Month => (
            "select substr(line.dated, 1, 7) as code, substr(line.dated, 1, 7) as name,
                    count(distinct line.sales_order) as orders, cast(sum(line.net) as bigint) as net_total
             from sales_line as line
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3",
            " group by substr(line.dated, 1, 7) order by code limit $4",
        ),
    };
    let mut found = conn.sql(text).bind(caller.company).bind(first).bind(last).bind(most);
    if caller.range() != Range::All {
        // Whoever sees only some orders sees what those come to.
        found = found.push(" and line.sales_order in (select id from sales_order where company = ");
        found = record::within::<order::Row>(found.push_bind(caller.company), &caller).push(")");
    }
    let value: Vec<SalesRow> = found.push(end).aside().all().await?;
    Ok(Reply::ok(SalesReport { value }))
}

#[derive(Debug, Clone, Copy)]
enum By {
    Product,
    Customer,
    Employee,
    Month,
}

/// The rows out of what is added up; none when that is being made anew.
async fn added_up(
    conn: &mut Conn,
    company: i64,
    by: By,
    period: (Option<Date>, Option<Date>),
    most: i64,
) -> Result<Option<Vec<SalesRow>>, Error> {
    let most = usize::try_from(most).unwrap_or_default();
    let of = match by {
        By::Product => Sold::Product,
        By::Customer => Sold::Customer,
        By::Employee => Sold::Employee,
        By::Month => Sold::Month,
    };
    let Some(mut sums) = sold::sold(conn, company, of, period, most).await? else { return Ok(None) };
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.net));
    // Those that sold as much as the last are put in order by their codes.
    if let Some(least) = sums.get(most.saturating_sub(1)).filter(|_| !matches!(by, By::Month)).map(|sum| sum.net) {
        sums.retain(|sum| sum.net >= least);
    }
    let keys: Vec<&str> = sums.iter().map(|sum| sum.key.as_str()).collect();
    let names = names(conn, company, by, &keys).await?;
    let mut rows: Vec<SalesRow> = sums
        .into_iter()
        .filter_map(|sum| {
            let (code, name) = names.get(&sum.key)?.clone();
            Some(SalesRow { code, name, orders: sum.orders, net_total: Amount::from_units(sum.net) })
        })
        .collect();
    match by {
        By::Month => rows.sort_by(|one, other| one.code.cmp(&other.code)),
        _ => rows.sort_by(|one, other| (other.net_total, &one.code).cmp(&(one.net_total, &other.code))),
    }
    rows.truncate(most);
    Ok(Some(rows))
}

/// Code and name of each key.
async fn names(
    conn: &mut Conn,
    company: i64,
    by: By,
    keys: &[&str],
) -> Result<HashMap<String, (String, String)>, Error> {
    let ids: Vec<i64> = keys.iter().filter_map(|key| key.parse().ok()).collect();
    let text = match by {
        By::Month => {
            let month = |key: &&str| {
                let text = key.get(..4).zip(key.get(4..)).map(|(year, month)| format!("{year}-{month}"))?;
                Some(((*key).to_owned(), (text.clone(), text)))
            };
            return Ok(keys.iter().filter_map(month).collect());
        }
        By::Employee => return employees(conn, company, keys).await,
        By::Product => "select id, code, name from product where company = $1 and id in ",
        By::Customer => "select id, code, name from customer where company = $1 and id in ",
    };
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, String, String)> = conn.sql(text).bind(company).push_ids(&ids).all().await?;
    Ok(found.into_iter().map(|(id, code, name)| (id.to_string(), (code, name))).collect())
}

async fn employees(conn: &mut Conn, company: i64, keys: &[&str]) -> Result<HashMap<String, (String, String)>, Error> {
    let mut rows = Rows::new(&[("id", Type::Uuid)]);
    for id in keys.iter().filter_map(|key| Uuid::parse_str(key).ok()) {
        rows.push([id.into()]);
    }
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Uuid, String, String)> = conn
        .sql(
            "select employee.id, employee.staff_code, employee.firstname || ' ' || employee.lastname from employee
             where employee.company = $1 and employee.id in (select id from ",
        )
        .bind(company)
        .push_rows(&rows)
        .push(" as input)")
        .all()
        .await?;
    Ok(found.into_iter().map(|(id, code, name)| (id.to_string(), (code, name))).collect())
}

/// What is still to be paid, by how long it is overdue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Receivables {
    /// In which currency.
    #[schema(example = "THB")]
    currency_code: String,
    /// Not due yet, or without a day on which it is due.
    #[schema(value_type = f64)]
    not_due: Amount,
    /// 1 to 30 days overdue.
    #[schema(value_type = f64)]
    days30: Amount,
    /// 31 to 60 days.
    #[schema(value_type = f64)]
    days60: Amount,
    /// 61 to 90 days.
    #[schema(value_type = f64)]
    days90: Amount,
    /// More than 90 days.
    #[schema(value_type = f64)]
    older: Amount,
    /// All of it.
    #[schema(value_type = f64)]
    total: Amount,
}

/// What is still to be paid.
#[derive(Debug, Serialize, ToSchema)]
struct ReceivablesReport {
    /// A row for each currency.
    value: Vec<Receivables>,
}

/// Report what is still to be paid of open and completed orders, by how long it is overdue.
#[utoipa::path(
    get,
    path = "/v1/sales/receivables",
    operation_id = "reportReceivables",
    tag = "SalesOrder",
    responses((status = 200, description = "The sums.", body = Envelope<ReceivablesReport>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn report_receivables(State(app): State<App>, caller: Caller) -> Result<Reply<ReceivablesReport>, Error> {
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let today = time::day_of(app.now(), &zone);
    let back = |days: i64| today.saturating_sub(jiff::Span::new().days(days));
    let owed = match caller.range() {
        Range::All => sold::owed(&mut conn, caller.company, [today, back(30), back(60), back(90)]).await?,
        _ => None,
    };
    if let Some(owed) = owed {
        let rows = owed.into_iter().map(|Owed { currency, age, rest, .. }| Open {
            currency,
            age,
            rest: Amount::from_units(rest),
        });
        return Ok(Reply::ok(ReceivablesReport { value: by_age(rows) }));
    }
    let ago = |days: i64| back(days).to_string();
    let open = conn
        .sql(
            "select currency, age, cast(sum(rest) as bigint) as rest from (
               select currency, grand_total - paid as rest,
                      case when due_on is null or due_on >= $2 then 0 when due_on >= $3 then 1 when due_on >= $4 then 2
                           when due_on >= $5 then 3 else 4 end as age
               from sales_order where company = $1 and status in (2, 3) and payment_state in ('unpaid', 'partly')",
        )
        .bind(caller.company)
        .bind(today.to_string())
        .bind(ago(30))
        .bind(ago(60))
        .bind(ago(90));
    let open = record::within::<order::Row>(open, &caller);
    let rows: Vec<Open> = open.push(") as open group by currency, age order by currency").aside().all().await?;
    Ok(Reply::ok(ReceivablesReport { value: by_age(rows) }))
}

/// A row for each currency; what is owed in one comes together.
fn by_age(rows: impl IntoIterator<Item = Open>) -> Vec<Receivables> {
    let mut value: Vec<Receivables> = Vec::new();
    for Open { currency, age, rest } in rows {
        if value.last().is_none_or(|last| last.currency_code != currency) {
            let none = Amount::ZERO;
            let (not_due, days30, days60, days90, older, total) = (none, none, none, none, none, none);
            value.push(Receivables { currency_code: currency, not_due, days30, days60, days90, older, total });
        }
        let Some(last) = value.last_mut() else { continue };
        let place = match age {
            0 => &mut last.not_due,
            1 => &mut last.days30,
            2 => &mut last.days60,
            3 => &mut last.days90,
            _ => &mut last.older,
        };
        *place = place.checked_add(rest).unwrap_or(*place);
        last.total = last.total.checked_add(rest).unwrap_or(last.total);
    }
    value
}

#[derive(Debug, Deserialize)]
struct Open {
    currency: String,
    age: i64,
    rest: Amount,
}

/// Keeps a row for each line of an order that is sold, as it is written.
pub(super) async fn keep(tx: &mut Conn, saved: &Saved<order::Row>) -> Result<(), Error> {
    let row = &saved.row;
    match saved.outcome {
        Outcome::Created => {}
        Outcome::Unchanged => return Ok(()),
        Outcome::Updated(_) => {
            tx.sql("delete from sales_line where company = $1 and sales_order = $2")
                .bind(row.company)
                .bind(row.id)
                .later()
                .await?;
        }
    }
    if !matches!(row.status(), Status::Open | Status::Completed) {
        return Ok(());
    }
    // Nearly every order is in the company's own currency and has no rate.
    let rate = match row.terms.currency_rate {
        Some(rate) => {
            let own = profile::of(tx, row.company).await?.currency.clone();
            (own != row.terms.currency).then(|| (rate, totals::places(&own)))
        }
        None => None,
    };
    let mut rows = Rows::new(&[("position", Type::BigInt), ("product", Type::BigInt), ("net", Type::BigInt)]);
    let nets = own_nets(row, rate).unwrap_or_default();
    for (position, (line, net)) in (0_i64..).zip(row.lines.iter().zip(nets)) {
        rows.push([position.into(), line.product.into(), net.into()]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into sales_line (company, sales_order, position, product, dated, is_sold, net) select ")
        .push_bind(row.company)
        .push(", ")
        .push_bind(row.id)
        .push(", position, product, ")
        .push_bind(row.dated.as_str())
        .push(", true, net from ")
        .push_rows(&rows)
        .push(" as input")
        .later()
        .await?;
    Ok(())
}

/// What each line earns before VAT, in the company's currency: by a rate and with so many places where the order is in another.
/// Together they are what the order itself says; none when it says nothing, for want of a rate.
fn own_nets(row: &order::Row, rate: Option<(Decimal, u32)>) -> Option<Vec<Amount>> {
    let whole = row.money.own_net?;
    let mut nets = Vec::with_capacity(row.lines.len());
    for line in &row.lines {
        let after = line.total.checked_sub(line.share)?;
        let net = if row.terms.includes_vat { after.checked_sub(line.vat)? } else { after };
        nets.push(match rate {
            Some((rate, places)) => totals::converted(net, rate, places)?,
            None => net,
        });
    }
    // Each was rounded by itself; the largest takes what that left.
    let sum = nets.iter().try_fold(Amount::ZERO, |sum, net| sum.checked_add(*net))?;
    let rest = whole.checked_sub(sum)?;
    if let Some(largest) = nets.iter_mut().max_by_key(|net| net.units().unsigned_abs()) {
        *largest = largest.checked_add(rest)?;
    }
    Some(nets)
}

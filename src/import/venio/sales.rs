//! Deals, quotations, orders, contracts and expenses: how one is read whole, and how it is written.

use std::collections::HashMap;

use db::Conn;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Number, Value, json};

use super::kind::{Step, data_of};
use super::source::{Page, Source};
use crate::http::{Error, Faults};
use crate::record::{Actor, Outcome};
use crate::sales::{contract, deal, order, quotation};
use crate::staff::expense;
use crate::time::{self, Zone};

/// The record as a whole, with what its answer says only by numbers: the people by their staff codes, the template by its
/// name, and the payments of an order.
pub(super) async fn whole(step: Step, source: &mut Source, code: &str, row: Value) -> Result<Option<Value>, Error> {
    let mut record = match address(step, code, &row) {
        None => row,
        Some((path, name)) => {
            let Some(answer) = source.get(path, &name).await? else { return Ok(None) };
            merged(row, data_of(answer))
        }
    };
    if !record.is_object() {
        return Ok(Some(record));
    }
    if let Some(template) = record["headerTemplateId"].as_i64().filter(|id| *id != 0) {
        record["headerTemplateName"] = json!(source.template(template).await?);
    }
    if step == Step::Orders && is_paid(&record) {
        let number = utf8_percent_encode(code, NON_ALPHANUMERIC);
        record["payments"] = json!(source.look(&format!("/v2/salesorder/{number}/payments")).await?);
    }
    tidy(&mut record, source.people().await?);
    Ok(Some(record))
}

/// Where the whole record is read, by which name; none when the list shows it already.
fn address(step: Step, code: &str, row: &Value) -> Option<(&'static str, String)> {
    let by_id = |path: &'static str, field: &str| {
        let id = match &row[field] {
            Value::String(id) => id.clone(),
            id => id.as_i64()?.to_string(),
        };
        Some((path, id))
    };
    let by_code = |path: &'static str, field: &str| {
        (row.get(field).is_none() && !code.is_empty()).then(|| (path, code.to_owned()))
    };
    match step {
        Step::Deals => by_id("/v1/deals", "dealsId"),
        Step::Expenses => by_id("/v1/Expenses", "expenseId"),
        Step::Quotations => by_code("/v1/quotation", "quotationDetails"),
        Step::Orders => by_code("/v2/salesorder", "salesorderDetails"),
        Step::Contracts => by_code("/v1/contract", "contractServices"),
        _ => None,
    }
}

/// A row of a list with what the whole record says; lists have some names that the record has not.
fn merged(row: Value, whole: Value) -> Value {
    match (row, whole) {
        (Value::Object(mut fields), Value::Object(whole)) => {
            fields.extend(whole.into_iter().filter(|(_, value)| !value.is_null()));
            Value::Object(fields)
        }
        (row, _) => row,
    }
}

/// Whether something of an order is paid.
fn is_paid(record: &Value) -> bool {
    let instalments = record["payment"]["schedulePayments"].as_array();
    let is_nonzero = |value: &Value| value.as_f64().is_some_and(|amount| amount != 0.0);
    is_nonzero(&record["paidAmount"])
        || instalments.into_iter().flatten().any(|one| one["status"] == 2 || is_nonzero(&one["paidAmount"]))
}

/// Puts staff codes in the place of user ids, which are others here, and the amounts that are meant in the place of those
/// that a server's floating-point sums have made of them: 99.35 for 99.35000000000001.
fn tidy(value: &mut Value, people: &HashMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(id) if name.ends_with("ByUserId") => {
                        if let Some(code) = people.get(id.as_str()) {
                            id.clone_from(code);
                        }
                    }
                    value => tidy(value, people),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, people)),
        Value::Number(number) if number.is_f64() => {
            // Fifteen digits of a float are those that somebody wrote; what is behind them is not.
            let written = number.as_f64().and_then(|float| format!("{float:.14e}").parse().ok());
            if let Some(written) = written.and_then(Number::from_f64) {
                *number = written;
            }
        }
        _ => {}
    }
}

/// More expenses than these are in no answer.
const MOST_EXPENSES: usize = 1000;

/// Expenses come in groups, all at once, the latest: the rest is asked for by the time of the oldest of them.
pub(super) fn ungrouped(page: Page, cursor: Option<&str>) -> Page {
    let mut rows = Vec::new();
    for mut group in page.rows {
        match group.get_mut("expenses").map(Value::take) {
            Some(Value::Array(expenses)) => rows.extend(expenses),
            _ => rows.push(group),
        }
    }
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let is_cut = page.total.map_or(rows.len() >= MOST_EXPENSES, |total| total > count);
    let oldest = rows.iter().filter_map(|row| time::read(row["dateTransaction"].as_str()?, &Zone::UTC)).min();
    // Answers have no fractions of a second: those of the same second come once more, and are the same then.
    let next = oldest.filter(|_| is_cut).map(|oldest| time::text(oldest + 1000, &Zone::UTC));
    let next = next.filter(|next| Some(next.as_str()) != cursor);
    Page { rows, total: page.total.filter(|_| cursor.is_none()), next }
}

/// Writes a record as it is stored there.
pub(super) async fn put(
    step: Step,
    tx: &mut Conn,
    by: &Actor,
    record: &Value,
    left: &mut Faults,
) -> Result<Outcome, Error> {
    match step {
        Step::Deals => Box::pin(deal::take(tx, by, record)).await,
        Step::Quotations => Box::pin(quotation::take(tx, by, record, left)).await,
        Step::Orders => Box::pin(order::take(tx, by, record, left)).await,
        Step::Contracts => Box::pin(contract::take(tx, by, record, left)).await,
        Step::Expenses => Box::pin(expense::take(tx, by, record, left)).await,
        _ => Ok(Outcome::Unchanged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expenses_are_asked_for_by_their_time_until_all_are_there() {
        let row = |number: &str, at: &str| json!({"expenseNo": number, "dateTransaction": at});
        let groups = vec![
            json!({"statusId": 302, "expenses": [row("EX3", "2026-01-03T00:00:00+0700")]}),
            json!({"statusId": 303, "expenses": [row("EX2", "2026-01-02T00:00:00+0700")]}),
        ];
        let page = |total| Page { rows: groups.clone(), total: Some(total), next: None };
        let all = ungrouped(page(2), None);
        assert_eq!((all.rows.len(), all.total, all.next), (2, Some(2), None));
        let cut = ungrouped(page(3), None);
        assert_eq!(cut.next.as_deref(), Some("2026-01-01T17:00:01+0000"));
        // More of one second than fit into an answer are no reason to ask for ever.
        assert_eq!(ungrouped(page(3), cut.next.as_deref()).next, None);
    }

    #[test]
    fn people_are_named_by_their_codes_wherever_they_are_told() {
        let people = HashMap::from([("u1".to_owned(), "E1".to_owned())]);
        let mut record = json!({"createdByUserId": "u1", "name": "u1", "log": [{"createdByUserId": "u1", "userId": "u1"}],
            "modifiedByUserId": "a client"});
        tidy(&mut record, &people);
        let expected = json!({"createdByUserId": "E1", "name": "u1", "log": [{"createdByUserId": "E1", "userId": "u1"}],
            "modifiedByUserId": "a client"});
        assert_eq!(record, expected);
    }

    #[test]
    fn amounts_are_those_that_were_meant() {
        let came = "[99.35000000000001, 0.1, 10000000000.5, 12345.67, 33.335, 7, -0.30000000000000004]";
        let mut amounts: Value = serde_json::from_str(came).unwrap_or_default();
        tidy(&mut amounts, &HashMap::new());
        assert_eq!(amounts.to_string(), "[99.35,0.1,10000000000.5,12345.67,33.335,7,-0.3]");
    }
}

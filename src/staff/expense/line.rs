//! The lines of an expense: which fields count for which type, what is wrong with them, what they come to, and the limits.

use db::Amount;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Code, Faults};
use crate::search;
use crate::setting::choice::Choice;

/// The types of expense.
pub(crate) const KINDS: [i64; 9] = [0, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008];
const ACCOMMODATION: i64 = 1001;
const ENTERTAINMENT: i64 = 1002;
const FUEL: i64 = 1003;
const TRAINING: i64 = 1005;
const TRAVELLING: i64 = 1006;
const STAFF_MEETING: i64 = 1007;

/// The largest amount of a line, in ten-thousandths: a hundred million.
const LARGEST: i64 = 1_000_000_000_000;

/// A line of an expense.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExpenseDetailWrite {
    /// Id of a line that is there.
    #[schema(example = json!(null))]
    pub(super) expense_detail_id: Option<i64>,
    /// 0 none, 1001 accommodation, 1002 entertainment, 1003 fuel, 1004 other, 1005 training, 1006 travelling, 1007 meeting with
    /// staff, 1008 meeting with sales.
    #[schema(value_type = i64, example = 1001)]
    pub(super) expense_type_id: Option<i64>,
    /// Amount of money; of travelling its three parts count instead.
    #[schema(value_type = Option<f64>, example = 1200)]
    pub(super) amount: Option<Amount>,
    /// Number of a category of the caller's own.
    pub(super) category_id: Option<i64>,
    /// Nights; required for accommodation.
    #[schema(example = 2)]
    pub(super) night: Option<i64>,
    /// Odometer at the start; required for fuel.
    pub(super) miles_start: Option<i64>,
    /// Odometer at the end; required for fuel, above the start.
    pub(super) miles_end: Option<i64>,
    /// Topic; required for training.
    pub(super) training_title: Option<String>,
    /// Hours; required for training.
    pub(super) hours: Option<i64>,
    /// Minutes of training.
    #[schema(example = 30)]
    pub(super) minutes: Option<i64>,
    /// Taxi, of travelling.
    #[schema(value_type = Option<f64>)]
    pub(super) taxi: Option<Amount>,
    /// Tolls, of travelling.
    #[schema(value_type = Option<f64>)]
    pub(super) tollway: Option<Amount>,
    /// Parking, of travelling.
    #[schema(value_type = Option<f64>)]
    pub(super) parking: Option<Amount>,
    /// How many people.
    pub(super) person: Option<i64>,
    /// Remark.
    pub(super) note: Option<String>,
    /// Paid with the company's card for fuel.
    pub(super) used_fuel_card: Option<bool>,
}

/// A line as it is stored: only what counts for its type. Amounts are ten-thousandths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(super) id: i64,
    pub(super) kind: i64,
    pub(super) category: Option<i64>,
    /// What the line comes to.
    pub(super) amount: i64,
    pub(super) night: Option<i64>,
    pub(super) miles_start: Option<i64>,
    pub(super) miles_end: Option<i64>,
    pub(super) training_title: Option<String>,
    pub(super) hours: Option<i64>,
    pub(super) minutes: Option<i64>,
    pub(super) taxi: Option<i64>,
    pub(super) tollway: Option<i64>,
    pub(super) parking: Option<i64>,
    pub(super) person: Option<i64>,
    pub(super) note: Option<String>,
    pub(super) used_fuel_card: bool,
    /// The entry of `expense-limits` in whose range it is.
    pub(super) limit: Option<i64>,
}

/// What a type of expense has to have; answers the line, as yet without its id and its limit.
pub(super) fn read(write: &ExpenseDetailWrite, field: &str, faults: &mut Faults) -> Line {
    let name = |name: &str| format!("{field}.{name}");
    let kind = write.expense_type_id.unwrap_or_default();
    match write.expense_type_id {
        None => faults.add(Code::Required, name("expenseTypeId"), format!("{field}.expenseTypeId is required")),
        Some(kind) => faults.one_of(&name("expenseTypeId"), kind, &KINDS),
    }
    let mut need = |what: &str, is_there: bool| {
        if !is_there {
            let message = format!("{field}.{what} is required for this type");
            faults.add(Code::Required, name(what), message);
        }
    };
    match kind {
        ACCOMMODATION => need("night", write.night.is_some()),
        FUEL => {
            need("milesStart", write.miles_start.is_some());
            need("milesEnd", write.miles_end.is_some());
        }
        TRAINING => {
            let title = write.training_title.as_deref().map(search::trimmed);
            need("trainingTitle", title.is_some_and(|title| !title.is_empty()));
            need("hours", write.hours.is_some());
        }
        _ => {}
    }
    let mut money = |what: &str, amount: Option<Amount>| {
        let units = amount.map(Amount::units);
        if units.is_some_and(|units| !(0..=LARGEST).contains(&units)) {
            let message = format!("{field}.{what} must be from 0 to {}", LARGEST / 10_000);
            faults.add(Code::OutOfRange, name(what), message);
        }
        units.map(|units| units.clamp(0, LARGEST))
    };
    let amount = money("amount", write.amount).unwrap_or_default();
    let (taxi, tollway, parking) =
        (money("taxi", write.taxi), money("tollway", write.tollway), money("parking", write.parking));
    let is = |kinds: &[i64]| kinds.contains(&kind);
    let only = |kinds: &[i64], number: Option<i64>| number.filter(|_| is(kinds));
    let travels = is(&[TRAVELLING]);
    let line = Line {
        id: write.expense_detail_id.unwrap_or_default(),
        kind,
        category: write.category_id,
        amount: match travels {
            true => [taxi, tollway, parking].into_iter().flatten().sum(),
            false => amount,
        },
        night: only(&[ACCOMMODATION], write.night),
        miles_start: only(&[FUEL], write.miles_start),
        miles_end: only(&[FUEL], write.miles_end),
        training_title: write
            .training_title
            .as_deref()
            .filter(|_| is(&[TRAINING]))
            .map(|text| search::trimmed(text).to_owned()),
        hours: only(&[TRAINING], write.hours),
        minutes: only(&[TRAINING], write.minutes),
        taxi: taxi.filter(|_| travels),
        tollway: tollway.filter(|_| travels),
        parking: parking.filter(|_| travels),
        person: only(&[ENTERTAINMENT, TRAINING, STAFF_MEETING], write.person),
        note: write.note.as_deref().map(search::trimmed).filter(|note| !note.is_empty()).map(str::to_owned),
        used_fuel_card: is(&[FUEL]) && write.used_fuel_card == Some(true),
        limit: None,
    };
    bounds(&line, field, faults);
    line
}

fn bounds(line: &Line, field: &str, faults: &mut Faults) {
    let name = |name: &str| format!("{field}.{name}");
    faults.range(&name("night"), line.night, 1..=366);
    faults.range(&name("hours"), line.hours, 0..=10_000);
    faults.range(&name("minutes"), line.minutes, 0..=59);
    faults.range(&name("person"), line.person, 0..=100_000);
    faults.range(&name("milesStart"), line.miles_start, 0..=100_000_000);
    faults.range(&name("milesEnd"), line.miles_end, 0..=100_000_000);
    if let (Some(start), Some(end)) = (line.miles_start, line.miles_end)
        && start >= end
    {
        faults.add(Code::OutOfRange, name("milesEnd"), format!("{field}.milesEnd must be above milesStart"));
    }
    faults.longest(&name("trainingTitle"), line.training_title.as_deref().unwrap_or_default(), 300);
    faults.longest(&name("note"), line.note.as_deref().unwrap_or_default(), 2000);
}

/// What the lines come to: all of them, and those that the company did not pay with a card of its own.
pub(super) fn totals(lines: &[Line]) -> (i64, i64) {
    let sum = |lines: &mut dyn Iterator<Item = &Line>| lines.fold(0_i64, |sum, line| sum.saturating_add(line.amount));
    (sum(&mut lines.iter()), sum(&mut lines.iter().filter(|line| !line.used_fuel_card)))
}

/// A range of amounts of a type, and how many levels approve what lies in it.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    id: i64,
    kind: i64,
    /// The largest amount, in ten-thousandths; none for no end.
    up_to: Option<i64>,
    level: i64,
}

impl Limit {
    /// Out of its entry in the list.
    pub(super) fn of(entry: &Choice) -> Option<Limit> {
        let detail = entry.detail.as_ref()?;
        let up_to = match &detail["upTo"] {
            serde_json::Value::Null => None,
            number => Some(number.to_string().parse::<Amount>().ok()?.units()),
        };
        Some(Limit {
            id: entry.id,
            kind: detail["expenseTypeId"].as_i64()?,
            up_to,
            level: detail["approveLevel"].as_i64().unwrap_or(1),
        })
    }
}

/// Finds the range of each line, and answers how many levels the expense has to pass: one where nothing is said of a type. An
/// amount above every range of its type is a fault.
pub(super) fn judge(lines: &mut [Line], limits: &[Limit], faults: &mut Faults) -> i64 {
    let mut levels = 1;
    for (index, line) in lines.iter_mut().enumerate() {
        let mut ranges: Vec<&Limit> = limits.iter().filter(|limit| limit.kind == line.kind).collect();
        if ranges.is_empty() {
            continue;
        }
        ranges.sort_by_key(|limit| limit.up_to.unwrap_or(i64::MAX));
        match ranges.iter().find(|limit| limit.up_to.is_none_or(|up_to| line.amount <= up_to)) {
            Some(limit) => {
                line.limit = Some(limit.id);
                levels = levels.max(limit.level);
            }
            None => {
                let most = ranges.last().and_then(|limit| limit.up_to).unwrap_or_default();
                let field = format!("ExpenseDetails[{index}].amount");
                let message = format!("{field} is above the limit of its type, {}", Amount::from_units(most));
                faults.add(Code::OutOfRange, field, message);
            }
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(kind: i64) -> ExpenseDetailWrite {
        ExpenseDetailWrite { expense_type_id: Some(kind), amount: Amount::from_whole(100), ..Default::default() }
    }

    fn faults(write: &ExpenseDetailWrite) -> Vec<String> {
        let mut faults = Faults::default();
        read(write, "d", &mut faults);
        faults.list().iter().map(|fault| fault.field.clone()).collect()
    }

    #[test]
    fn each_type_has_its_own_rules() {
        assert_eq!(faults(&write(1001)), ["d.night"]);
        assert_eq!(faults(&write(1003)), ["d.milesStart", "d.milesEnd"]);
        assert_eq!(faults(&write(1005)), ["d.trainingTitle", "d.hours"]);
        let fuel = ExpenseDetailWrite { miles_start: Some(5), miles_end: Some(5), ..write(1003) };
        assert_eq!(faults(&fuel), ["d.milesEnd"]);
        for kind in [0, 1002, 1004, 1006, 1007, 1008] {
            assert!(faults(&write(kind)).is_empty(), "{kind}");
        }
        assert_eq!(faults(&write(1009)), ["d.expenseTypeId"]);
    }

    #[test]
    fn travelling_is_the_sum_of_its_parts_and_a_card_is_not_paid_back() {
        let travel = ExpenseDetailWrite {
            taxi: Amount::from_whole(120),
            tollway: Amount::from_whole(60),
            parking: Amount::from_whole(40),
            ..write(1006)
        };
        let fuel =
            ExpenseDetailWrite { miles_start: Some(1), miles_end: Some(2), used_fuel_card: Some(true), ..write(1003) };
        let mut none = Faults::default();
        let lines = [read(&travel, "d", &mut none), read(&fuel, "d", &mut none)];
        assert_eq!(totals(&lines), (3_200_000, 2_200_000));
    }

    #[test]
    fn a_range_says_how_many_levels_approve() {
        let limit = |id, up_to: Option<i64>, level| Limit { id, kind: 1004, up_to, level };
        let limits = [limit(2, Some(5_000_000), 2), limit(1, Some(1_000_000), 1)];
        let mut none = Faults::default();
        let mut lines = vec![read(&write(1004), "d", &mut none)];
        assert_eq!((judge(&mut lines, &limits, &mut none), lines[0].limit), (1, Some(1)));
        lines[0].amount = 5_000_000;
        assert_eq!((judge(&mut lines, &limits, &mut none), lines[0].limit), (2, Some(2)));
        lines[0].amount = 5_000_001;
        judge(&mut lines, &limits, &mut none);
        assert_eq!(none.list()[0].field, "ExpenseDetails[0].amount");
    }
}

//! The plan of payment of an order: instalments, what each is worth, and what of each is paid.

use db::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Code, Faults};
use crate::sales::decimal::{self, Decimal};
use crate::sales::{read_day, totals};
use crate::time::{self, Zone};

/// Instalments as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    /// Whether values are percents of the total, else amounts.
    pub(crate) is_percent: bool,
    pub(crate) instalments: Vec<Instalment>,
}

/// An instalment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instalment {
    pub(crate) number: i64,
    #[serde(with = "decimal::text")]
    pub(crate) value: Decimal,
    #[serde(with = "decimal::units")]
    pub(crate) amount: Amount,
    #[serde(with = "decimal::units")]
    pub(crate) paid: Amount,
    /// `YYYY-MM-DD`.
    pub(crate) due_on: Option<String>,
}

/// A plan of payment to be written.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderPaymentPlanWrite {
    /// 1: values are amounts; 2: percents of the total. 1 when it is absent.
    #[schema(example = 1)]
    value_type: Option<i64>,
    /// The instalments, at most 120. Their values come to the total, or to 100 percent.
    schedule_payments: Vec<SalesOrderInstalmentWrite>,
}

/// An instalment to be written.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderInstalmentWrite {
    /// Its number, from 1; its place when it is absent.
    #[schema(example = 1)]
    installment_number: Option<i64>,
    /// What it is worth.
    #[schema(value_type = Option<f64>, example = 4467.25)]
    installment_value: Option<Decimal>,
    /// The day on which it is due.
    #[schema(example = "2026-05-21")]
    due_date: Option<String>,
    /// Taken and not used: payments say what is paid.
    #[expect(dead_code, reason = "clients send what they have read")]
    status: Option<i64>,
}

/// The plan of payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderPayment {
    /// 1: values are amounts; 2: percents of the total.
    #[schema(example = 1)]
    value_type: i64,
    /// The instalments.
    schedule_payments: Vec<SalesOrderSchedulePayment>,
}

/// An instalment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderSchedulePayment {
    /// Its number, from 1.
    #[schema(example = 1)]
    installment_number: i64,
    /// 1 not paid, or not wholly; 2 paid.
    #[schema(example = 1)]
    status: i64,
    /// What it is worth, in the plan's kind of values.
    #[schema(value_type = f64, example = 4467.25)]
    installment_value: Decimal,
    /// The same as an amount.
    #[schema(value_type = f64, example = 4467.25)]
    amount: Amount,
    /// What of it is paid.
    #[schema(value_type = f64, example = 0)]
    paid_amount: Amount,
    /// The day on which it is due.
    due_date: Option<String>,
}

const MOST: usize = 120;

impl Instalment {
    /// Takes as much of this money as it still needs.
    fn take(&mut self, money: &mut Amount) {
        let open = self.amount.checked_sub(self.paid).unwrap_or_default();
        let taken = open.min(*money).max(Amount::ZERO);
        self.paid = self.paid.checked_add(taken).unwrap_or(self.paid);
        *money = money.checked_sub(taken).unwrap_or_default();
    }
}

impl Schedule {
    /// A plan as it was sent, for a document of this total; nothing for an empty one.
    pub(super) fn read(
        write: &SalesOrderPaymentPlanWrite,
        (total, currency): (Amount, &str),
        zone: &Zone,
        faults: &mut Faults,
    ) -> Option<Schedule> {
        let is_percent = match write.value_type.unwrap_or(1) {
            1 => false,
            2 => true,
            _ => {
                faults.add(Code::InvalidValue, "payment.valueType", "payment.valueType must be 1 or 2");
                false
            }
        };
        faults.most("payment.schedulePayments", write.schedule_payments.len(), MOST);
        if write.schedule_payments.is_empty() {
            return None;
        }
        let places = totals::places(currency);
        let mut has_places = true;
        let mut instalments = Vec::with_capacity(write.schedule_payments.len());
        for (index, given) in write.schedule_payments.iter().enumerate().take(MOST) {
            let path = format!("payment.schedulePayments[{index}]");
            let place = i64::try_from(index).unwrap_or_default() + 1;
            if given.installment_number.is_some_and(|number| number != place) {
                let field = format!("{path}.installmentNumber");
                faults.add(
                    Code::InvalidValue,
                    field.as_str(),
                    format!("{field} must be {place}: they are counted from 1"),
                );
            }
            let value = given.installment_value.unwrap_or_default();
            if value.is_negative() || value.is_zero() {
                let field = format!("{path}.installmentValue");
                faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be above 0"));
            }
            if !is_percent && value.places() > places {
                let field = format!("{path}.installmentValue");
                let message = format!("{field} may have {places} decimal places in {currency}");
                faults.add(Code::OutOfRange, field, message);
                has_places = false;
            }
            let due_on = read_day(&format!("{path}.dueDate"), given.due_date.as_deref(), zone, faults);
            instalments.push(Instalment {
                number: place,
                value,
                amount: Amount::ZERO,
                paid: Amount::ZERO,
                due_on: due_on.map(|day| day.to_string()),
            });
        }
        let mut schedule = Schedule { is_percent, instalments };
        // What would be rounded adds up to something else: that is said already.
        if has_places {
            schedule.value(total, currency, faults);
        }
        Some(schedule)
    }

    /// What each instalment comes to; of percents the last takes what rounding leaves.
    pub(super) fn value(&mut self, total: Amount, currency: &str, faults: &mut Faults) {
        let places = totals::places(currency);
        let mut left = total;
        let mut percents = Decimal::ZERO;
        let last = self.instalments.len().saturating_sub(1);
        for (index, instalment) in self.instalments.iter_mut().enumerate() {
            let amount = if self.is_percent {
                percents = percents.plus(instalment.value);
                // A percent is a hundredth: the rate of a conversion with two places more.
                let (units, behind) = instalment.value.parts();
                totals::converted(total, Decimal::new(units, behind + 2), places)
            } else {
                totals::converted(Amount::from_units(10_000), instalment.value, places)
            };
            let amount = amount.unwrap_or_default();
            instalment.amount = if self.is_percent && index == last { left } else { amount };
            left = left.checked_sub(instalment.amount).unwrap_or_default();
        }
        let fits = if self.is_percent { percents == Decimal::HUNDRED } else { left == Amount::ZERO };
        if !fits {
            let whole = if self.is_percent { "100".to_owned() } else { total.to_string() };
            let message = format!("The values of payment.schedulePayments must add up to {whole}");
            faults.add(Code::InvalidValue, "payment.schedulePayments", message);
        }
    }

    /// Divides what was paid over the instalments, in the order in which it was entered: what was paid for one is its own, the
    /// rest pays the oldest first. What was given back (below zero) was of its own instalment, or of what was paid too much,
    /// or of the latest.
    pub(super) fn settle(&mut self, payments: &[(Option<i64>, Amount)]) {
        for instalment in &mut self.instalments {
            instalment.paid = Amount::ZERO;
        }
        let (mut free, mut back) = (Amount::ZERO, Amount::ZERO);
        for (number, amount) in payments {
            if *amount > Amount::ZERO {
                let rest = self.pay_own(*number, *amount);
                free = free.checked_add(rest).unwrap_or(free);
            } else {
                back = back.checked_sub(*amount).unwrap_or(back);
            }
            // More was given back than was there, since a payment was cancelled later: it is taken off what came after.
            if back > Amount::ZERO {
                self.pay_oldest(&mut free);
                self.give_back(*number, &mut free, &mut back);
            }
        }
        self.pay_oldest(&mut free);
    }

    fn numbered(&mut self, number: Option<i64>) -> Option<&mut Instalment> {
        self.instalments.iter_mut().find(|instalment| Some(instalment.number) == number)
    }

    /// Pays the instalment that is named; answers what is more than it needs.
    fn pay_own(&mut self, number: Option<i64>, mut amount: Amount) -> Amount {
        if let Some(instalment) = self.numbered(number) {
            instalment.take(&mut amount);
        }
        amount
    }

    /// Pays with what is of no instalment, the oldest first.
    fn pay_oldest(&mut self, free: &mut Amount) {
        for instalment in &mut self.instalments {
            instalment.take(free);
        }
    }

    fn give_back(&mut self, number: Option<i64>, free: &mut Amount, back: &mut Amount) {
        if let Some(instalment) = self.numbered(number) {
            take_out(&mut instalment.paid, back);
        }
        take_out(free, back);
        for instalment in self.instalments.iter_mut().rev() {
            take_out(&mut instalment.paid, back);
        }
    }

    /// The day of the first instalment that is not wholly paid.
    pub(super) fn due_on(&self) -> Option<String> {
        let open = self.instalments.iter().filter(|instalment| instalment.paid < instalment.amount);
        open.filter_map(|instalment| instalment.due_on.clone()).min()
    }

    /// As callers get it.
    pub(super) fn view(self, zone: &Zone) -> SalesOrderPayment {
        let value_type = if self.is_percent { 2 } else { 1 };
        let instalments = self.instalments.into_iter().map(|instalment| SalesOrderSchedulePayment {
            installment_number: instalment.number,
            status: if instalment.paid < instalment.amount { 1 } else { 2 },
            installment_value: instalment.value,
            amount: instalment.amount,
            paid_amount: instalment.paid,
            due_date: instalment.due_on.map(|day| time::day_text(&day, zone)),
        });
        SalesOrderPayment { value_type, schedule_payments: instalments.collect() }
    }
}

/// Takes as much of what is given back out of this as there is.
pub(super) fn take_out(of: &mut Amount, back: &mut Amount) {
    let taken = (*of).min(*back);
    *of = of.checked_sub(taken).unwrap_or_default();
    *back = back.checked_sub(taken).unwrap_or_default();
}

/// Whether a day is over, by the company's calendar.
pub(super) fn is_over(day: Option<&str>, today: Date) -> bool {
    day.and_then(|day| day.parse::<Date>().ok()).is_some_and(|day| day < today)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn baht(whole: i64) -> Amount {
        Amount::from_units(whole * 10_000)
    }

    fn plan(amounts: &[i64]) -> Schedule {
        let instalments = (1..).zip(amounts).map(|(number, amount)| Instalment {
            number,
            value: Decimal::new(i128::from(*amount), 0),
            amount: baht(*amount),
            paid: Amount::ZERO,
            due_on: None,
        });
        Schedule { is_percent: false, instalments: instalments.collect() }
    }

    /// What of each instalment is paid, in whole units.
    fn paid(amounts: &[i64], payments: &[(Option<i64>, i64)]) -> Vec<i64> {
        let mut plan = plan(amounts);
        let payments: Vec<_> = payments.iter().map(|(number, amount)| (*number, baht(*amount))).collect();
        plan.settle(&payments);
        plan.instalments.iter().map(|instalment| instalment.paid.units() / 10_000).collect()
    }

    #[test]
    fn payments_count_in_the_order_in_which_they_were_entered() {
        for (payments, expected) in [
            (vec![(Some(1), 50), (Some(1), -50), (Some(1), 50)], [50, 0]),
            (vec![(Some(2), 50), (None, -10), (Some(2), 10)], [0, 50]),
            (vec![(None, 60), (Some(2), -10), (Some(2), 10)], [50, 10]),
            (vec![(None, 120), (None, -15), (None, -10)], [50, 45]),
            // Its payment was cancelled: what came later pays for what was given back.
            (vec![(None, -30), (Some(1), 50), (None, 40)], [50, 10]),
        ] {
            assert_eq!(paid(&[50, 50], &payments), expected, "{payments:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_of_an_instalment_pays_it_and_no_money_is_lost(
            amounts in prop::collection::vec(1..100_i64, 1..5),
            given in prop::collection::vec((prop::option::of(1..6_i64), -60..80_i64), 0..12),
            number in 1..5_i64,
        ) {
            // No more is given back than was paid.
            let mut sum = 0;
            let mut payments: Vec<(Option<i64>, i64)> = Vec::new();
            for (number, amount) in given {
                let amount = amount.max(-sum);
                sum += amount;
                payments.push((number, amount));
            }
            let number = number.min(i64::try_from(amounts.len()).unwrap_or(1));
            let at = usize::try_from(number).unwrap_or(1) - 1;
            let before = paid(&amounts, &payments);
            prop_assert_eq!(before.iter().sum::<i64>(), sum.min(amounts.iter().sum()));
            payments.push((Some(number), amounts[at] - before[at]));
            let after = paid(&amounts, &payments);
            prop_assert_eq!(after[at], amounts[at]);
            for other in (0..amounts.len()).filter(|other| *other != at) {
                prop_assert_eq!(after[other], before[other]);
            }
        }
    }
}

//! What is written about a deal: the bodies of the newer and of the older pages, and what is wrong with them by themselves.

use db::Amount;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{Code, Faults, Patch};
use crate::sales::{given, is_no_day};
use crate::search;

/// The largest value of a deal, in ten-thousandths: a hundred billion.
const LARGEST: i64 = 1_000_000_000_000_000;

/// A deal to create, for each of the customers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DealCreate {
    /// Codes of the customers: each gets a deal of its own.
    #[schema(example = json!(["C000349"]))]
    pub(super) customer_codes: Option<Vec<String>>,
    /// The same for one customer.
    pub(super) customer_code: Option<String>,
    /// Number of a board; the first one when absent, as older clients know none.
    #[schema(example = 34_628_319)]
    pub(super) board_id: Option<i64>,
    /// What it is called.
    #[schema(value_type = String, example = "dealName")]
    #[serde(alias = "dealsName")]
    deal_name: Option<String>,
    /// Chance of winning, in percent.
    #[schema(value_type = i64, example = 20)]
    probability: Option<i64>,
    /// What it is worth, in the company's currency.
    #[schema(value_type = f64, example = 10)]
    #[serde(alias = "dealsValue")]
    deal_value: Option<Amount>,
    /// How many.
    #[schema(value_type = Option<f64>, example = 90)]
    deal_quantity: Patch<Amount>,
    /// Of what: any text.
    #[schema(value_type = Option<String>, example = "unit")]
    deal_quantity_unit: Patch<String>,
    /// Numbers of interests.
    #[schema(example = json!([1001]))]
    deal_interests: Option<Vec<i64>>,
    /// Numbers of labels.
    #[schema(example = json!([1002]))]
    deal_labels: Option<Vec<i64>>,
    /// Names of labels, as older clients send them; new ones are made.
    label_names: Option<Vec<String>>,
    /// When it was offered; now when absent.
    #[schema(example = "2023-02-07T16:51:40+0700")]
    #[serde(alias = "dealsDate")]
    deal_date: Option<String>,
    /// When it is expected to be closed.
    #[schema(value_type = String, example = "2023-02-08T16:51:40+0700")]
    expected_close_date: Option<String>,
    /// Details.
    #[schema(value_type = Option<String>)]
    #[serde(alias = "notes")]
    note: Patch<String>,
    /// Staff code of the person in charge.
    #[schema(value_type = String, example = "staff01")]
    assign_to: Option<String>,
    /// Staff codes of those who take part.
    #[schema(example = json!(["staff02"]))]
    participant_codes: Option<Vec<String>>,
    /// When to follow up: a task of the person in charge.
    #[schema(value_type = Option<String>, example = "2023-02-08T16:51:40+0700")]
    date_follow_up: Patch<String>,
    /// What to do then.
    #[schema(value_type = Option<String>)]
    follow_up_notes: Patch<String>,
    /// Remark on how it ended.
    #[schema(value_type = Option<String>)]
    remark: Patch<String>,
    /// Number of the stage; the board's first one when absent.
    #[schema(example = 5509)]
    deal_stage_id: Option<i64>,
    /// Number of the reason for which it was missed: required with a stage for missed deals.
    #[schema(value_type = Option<i64>, example = 39_733_557)]
    reason_category_id: Patch<i64>,
    /// Mark every task of the deal as done.
    mark_all_task_as_done: Option<bool>,
    /// Cancel every order of the deal. Spelled so in the API.
    #[serde(alias = "cancelAllOrder")]
    cancle_all_order: Option<bool>,
}

/// A change of a deal: what is absent stays, an empty list empties.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DealUpdate {
    /// What it is called.
    #[schema(example = "dealName")]
    #[serde(alias = "dealsName")]
    pub(super) deal_name: Option<String>,
    /// Chance of winning, in percent.
    #[schema(example = 100)]
    pub(super) probability: Option<i64>,
    /// What it is worth.
    #[schema(value_type = Option<f64>, example = 10_000)]
    #[serde(alias = "dealsValue")]
    pub(super) deal_value: Option<Amount>,
    /// How many.
    #[schema(value_type = Option<f64>, example = 90)]
    pub(super) deal_quantity: Patch<Amount>,
    /// Of what: any text.
    #[schema(value_type = Option<String>, example = "unit")]
    pub(super) deal_quantity_unit: Patch<String>,
    /// Numbers of interests.
    #[schema(example = json!([]))]
    pub(super) deal_interests: Option<Vec<i64>>,
    /// Numbers of labels.
    #[schema(example = json!([]))]
    pub(super) deal_labels: Option<Vec<i64>>,
    /// Names of labels, as older clients send them.
    #[schema(example = json!([]))]
    pub(super) label_names: Option<Vec<String>>,
    /// When it was offered.
    #[schema(example = "2023-02-08T16:51:40+0700")]
    #[serde(alias = "dealsDate")]
    pub(super) deal_date: Option<String>,
    /// When it is expected to be closed.
    #[schema(example = "2023-02-08T16:51:40+0700")]
    pub(super) expected_close_date: Option<String>,
    /// Details.
    #[schema(value_type = Option<String>)]
    #[serde(alias = "notes")]
    pub(super) note: Patch<String>,
    /// Staff code of the person in charge.
    #[schema(example = "staff01")]
    pub(super) assign_to: Option<String>,
    /// Staff codes of those who take part.
    #[schema(example = json!(["staff02"]))]
    pub(super) participant_codes: Option<Vec<String>>,
    /// When to follow up: a task of the person in charge.
    #[schema(value_type = Option<String>, example = "2023-02-08T16:51:40+0700")]
    pub(super) date_follow_up: Patch<String>,
    /// What to do then.
    #[schema(value_type = Option<String>)]
    pub(super) follow_up_notes: Patch<String>,
    /// Remark on how it ended.
    #[schema(value_type = Option<String>)]
    pub(super) remark: Patch<String>,
    /// Number of a stage of its board.
    #[schema(example = 5509)]
    pub(super) deal_stage_id: Option<i64>,
    /// Number of the reason for which it was missed: required with a stage for missed deals.
    #[schema(value_type = Option<i64>, example = 39_733_557)]
    pub(super) reason_category_id: Patch<i64>,
    /// Mark every task of the deal as done.
    pub(super) mark_all_task_as_done: Option<bool>,
    /// Cancel every order of the deal. Spelled so in the API.
    #[serde(alias = "cancelAllOrder")]
    pub(super) cancle_all_order: Option<bool>,
}

impl DealCreate {
    /// The codes of the customers.
    pub(super) fn customers(&self) -> Vec<&str> {
        let one = self.customer_code.iter().filter(|code| !search::trimmed(code).is_empty());
        self.customer_codes.iter().flatten().chain(one).map(|code| search::trimmed(code)).collect()
    }

    /// What every deal of the request is to be.
    pub(super) fn wanted(&self) -> DealUpdate {
        DealUpdate {
            deal_name: self.deal_name.clone(),
            probability: self.probability,
            deal_value: self.deal_value,
            deal_quantity: self.deal_quantity.clone(),
            deal_quantity_unit: self.deal_quantity_unit.clone(),
            deal_interests: self.deal_interests.clone(),
            deal_labels: self.deal_labels.clone(),
            label_names: self.label_names.clone(),
            deal_date: self.deal_date.clone(),
            expected_close_date: self.expected_close_date.clone(),
            note: self.note.clone(),
            assign_to: self.assign_to.clone(),
            participant_codes: self.participant_codes.clone(),
            date_follow_up: self.date_follow_up.clone(),
            follow_up_notes: self.follow_up_notes.clone(),
            remark: self.remark.clone(),
            deal_stage_id: self.deal_stage_id,
            reason_category_id: self.reason_category_id.clone(),
            mark_all_task_as_done: self.mark_all_task_as_done,
            cancle_all_order: self.cancle_all_order,
        }
    }

    /// What is missing: the pages demand it of a new deal.
    pub(super) fn missing(&self, faults: &mut Faults) {
        let blank = |text: &Option<String>| given(text.as_deref()).is_none();
        let absent = [
            ("customerCodes", self.customers().is_empty()),
            ("dealName", blank(&self.deal_name)),
            ("probability", self.probability.is_none()),
            ("dealValue", self.deal_value.is_none()),
            ("expectedCloseDate", is_no_day(self.expected_close_date.as_deref())),
            ("assignTo", blank(&self.assign_to)),
        ];
        for (field, _) in absent.into_iter().filter(|(_, absent)| *absent) {
            faults.add(Code::Required, field, format!("{field} is required"));
        }
    }
}

impl DealUpdate {
    /// What is wrong with it whatever the deal is like.
    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(name) = &self.deal_name {
            faults.required("dealName", name, 300);
        }
        faults.range("probability", self.probability, 0..=100);
        amount(faults, "dealValue", self.deal_value);
        if let Patch::Set(quantity) = self.deal_quantity {
            amount(faults, "dealQuantity", Some(quantity));
        }
        for (field, ids) in [("dealInterests", &self.deal_interests), ("dealLabels", &self.deal_labels)] {
            faults.most(field, ids.as_ref().map_or(0, Vec::len), 100);
        }
        for (index, name) in self.label_names.iter().flatten().enumerate() {
            faults.longest(&format!("labelNames[{index}]"), name, 200);
        }
        faults.most("labelNames", self.label_names.as_ref().map_or(0, Vec::len), 100);
        faults.most("participantCodes", self.participant_codes.as_ref().map_or(0, Vec::len), 100);
    }
}

/// An amount that is not negative and not beyond what can be summed up.
fn amount(faults: &mut Faults, field: &str, amount: Option<Amount>) {
    if amount.is_some_and(|amount| !(0..=LARGEST).contains(&amount.units())) {
        let largest = LARGEST / 10_000;
        faults.add(Code::OutOfRange, field, format!("{field} must be from 0 to {largest}"));
    }
}

//! A deal as callers and subscribers get it.

use db::Amount;
use serde::Serialize;
use utoipa::ToSchema;

/// A deal.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deal {
    /// Its id.
    #[schema(example = 1)]
    pub deals_id: i64,
    /// The customer's number.
    pub customer_id: i64,
    /// Its number.
    #[schema(example = "D241200044")]
    pub deal_no: String,
    /// What it is called.
    pub deals_name: String,
    /// What it is worth.
    #[schema(value_type = f64, example = 10)]
    pub deals_value: Amount,
    /// Value times chance.
    #[schema(value_type = f64, example = 2)]
    pub weighted_value: Amount,
    /// 1 open, 2 won, 3 missed.
    #[schema(example = 1)]
    pub status_id: i64,
    /// The same in words.
    #[schema(example = "Open")]
    pub status_name: String,
    /// Number of its stage.
    #[schema(example = 5509)]
    pub deal_stage_id: i64,
    /// Its place among the deals of its stage: they are in the order of these numbers, which have gaps.
    #[schema(example = 1024)]
    pub deals_index: i64,
    /// When it was offered.
    #[schema(example = "2023-02-07T16:51:40+0700")]
    pub deals_date: String,
    /// When it is expected to be closed.
    #[schema(example = "2023-02-08T16:51:40+0700")]
    pub expected_close_date: String,
    /// When it was won or missed.
    pub date_closed: Option<String>,
    /// Chance of winning, in percent.
    #[schema(example = 20)]
    pub probability: i64,
    /// Details.
    pub notes: Option<String>,
    /// False of a deal that was deleted.
    pub is_active: bool,
    /// Number of its board.
    #[schema(example = 34_628_319)]
    pub board_id: i64,
    /// Name of its board.
    pub board_name: String,
    /// When it was created.
    #[schema(example = "2023-02-07T16:51:40+0700")]
    pub date_created: String,
    /// Who created it.
    pub create_by_user_id: String,
    /// When it was last changed.
    pub date_modified: String,
    /// Who changed it last.
    pub modified_by_user_id: Option<String>,
    /// The whole part of the quantity.
    pub measure: i64,
    /// How many.
    #[schema(value_type = Option<f64>)]
    pub deal_quantity: Option<Amount>,
    /// Of what.
    pub deal_quantity_unit: Option<String>,
    /// The customer.
    pub customer: DealCustomer,
    /// Its stage.
    pub deal_stage: DealStage,
    /// Its interests.
    pub deals_interests: Vec<DealsInterest>,
    /// Its labels.
    pub deals_labels: Vec<DealsLabel>,
    /// Staff code of the person in charge.
    #[schema(example = "staff01")]
    pub assign_to: String,
    /// The person's name.
    pub assign_to_name: String,
    /// Staff codes of those who take part.
    pub participant_codes: Vec<String>,
    /// When to follow up.
    pub date_follow_up: Option<String>,
    /// What to do then.
    pub follow_up_notes: Option<String>,
    /// Remark on how it ended.
    pub remark: Option<String>,
    /// Number of the reason for which it was missed.
    pub reason_category_id: Option<i64>,
    /// Name of that reason.
    pub reason_category_name: Option<String>,
    /// Whether it is still open.
    pub is_action: bool,
    /// Whether the caller may edit it.
    pub is_edit: bool,
}

/// The customer of a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealCustomer {
    /// The customer's number.
    pub customer_id: i64,
    /// The customer's code.
    #[schema(example = "C000154")]
    pub customer_code: String,
    /// The customer's name.
    pub customer_name: String,
}

/// The stage of a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealStage {
    /// Its number.
    #[schema(example = 5509)]
    pub deal_stage_id: i64,
    /// Its name.
    #[schema(example = "Proposal")]
    pub deal_stage_name: String,
    /// The board that it belongs to.
    pub board_id: i64,
    /// Its place on the board.
    pub deal_stage_index: i64,
}

/// An interest of a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealsInterest {
    /// Its number.
    pub interest_id: i64,
    /// Its name.
    pub interest_name: String,
}

/// A label of a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealsLabel {
    /// Its number.
    pub label_id: i64,
    /// Its name.
    pub label_name: String,
}

//! A company's rules for its sales documents: part of its setting.

use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::content::Content;
use super::promptpay::{self, Payee};
use super::words::Reading;
use crate::http::{Code, Fault, Patch};

/// Rules for quotations, orders and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SalesRules {
    /// A document worth more than this, in the company's currency, must be approved, and one in another currency without
    /// a rate; null: none for that.
    #[schema(value_type = Option<f64>, example = json!(null))]
    pub approve_above: Option<Amount>,
    /// A document with more percent off than this must be approved.
    #[schema(value_type = Option<f64>, example = json!(null))]
    pub approve_discount_above: Option<Amount>,
    /// A document that earns less percent than this must be approved; one whose costs are not known is not judged.
    #[schema(value_type = Option<f64>, example = json!(null))]
    pub approve_margin_below: Option<Amount>,
    /// Whether an order is made at once when the customer accepts a quotation on its page.
    #[schema(example = false)]
    pub convert_on_acceptance: bool,
    /// For how many days the link to a quotation's page is good; never longer than the quotation is valid.
    #[schema(example = 30)]
    pub link_days: i64,
    /// How disputed amounts are read in words.
    pub reading: Reading,
    /// Who is paid by PromptPay: a biller id of 15 digits, a tax number or a mobile telephone number.
    #[schema(example = json!(null))]
    pub promptpay: Option<String>,
}

/// A change of the rules: what is absent stays, null takes a limit away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SalesRulesUpdate {
    /// A document worth more than this, in the company's currency, must be approved.
    #[schema(value_type = Option<f64>)]
    approve_above: Patch<Amount>,
    /// A document with more percent off than this must be approved.
    #[schema(value_type = Option<f64>)]
    approve_discount_above: Patch<Amount>,
    /// A document that earns less percent than this must be approved.
    #[schema(value_type = Option<f64>)]
    approve_margin_below: Patch<Amount>,
    /// Whether an order is made at once when the customer accepts a quotation on its page.
    convert_on_acceptance: Option<bool>,
    /// For how many days the link to a quotation's page is good.
    link_days: Option<i64>,
    /// How disputed amounts are read in words.
    reading: Option<Reading>,
    /// Who is paid by PromptPay.
    #[schema(value_type = Option<String>)]
    promptpay: Patch<String>,
}

impl SalesRulesUpdate {
    /// The rules after it.
    pub fn over(&self, was: &SalesRules) -> SalesRules {
        SalesRules {
            approve_above: self.approve_above.clone().over(was.approve_above),
            approve_discount_above: self.approve_discount_above.clone().over(was.approve_discount_above),
            approve_margin_below: self.approve_margin_below.clone().over(was.approve_margin_below),
            convert_on_acceptance: self.convert_on_acceptance.unwrap_or(was.convert_on_acceptance),
            link_days: self.link_days.unwrap_or(was.link_days),
            reading: self.reading.unwrap_or(was.reading),
            promptpay: self.promptpay.clone().over(was.promptpay.clone()),
        }
    }
}

impl Default for SalesRules {
    fn default() -> SalesRules {
        SalesRules {
            approve_above: None,
            approve_discount_above: None,
            approve_margin_below: None,
            convert_on_acceptance: false,
            link_days: 30,
            reading: Reading::default(),
            promptpay: None,
        }
    }
}

impl SalesRules {
    /// What is wrong with them.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut need = |ok: bool, field: &str, message: &str| {
            if !ok {
                faults.push(Fault::new(Code::OutOfRange, format!("sales.{field}"), message));
            }
        };
        let positive = |amount: Option<Amount>| amount.is_none_or(|amount| amount >= Amount::ZERO);
        need(positive(self.approve_above), "approveAbove", "approveAbove must be 0 or more");
        need(positive(self.approve_discount_above), "approveDiscountAbove", "approveDiscountAbove must be 0 or more");
        need((1..=366).contains(&self.link_days), "linkDays", "linkDays must be from 1 to 366");
        let is_payable =
            |number: &str| payee(number, "1").is_some_and(|payee| promptpay::payload(&payee, None).is_ok());
        let message =
            "promptpay must be a mobile telephone number, a tax number of 13 digits or a biller id of 15 digits";
        need(self.promptpay.as_deref().is_none_or(is_payable), "promptpay", message);
        faults
    }

    /// Why a document must be approved before it goes on; nothing when it need not.
    pub(super) fn demands(&self, content: &Content) -> Vec<&'static str> {
        let mut why = Vec::new();
        let above = |limit: Option<Amount>, value: Option<f64>| {
            limit.zip(value).is_some_and(|(limit, value)| value > percent(limit) + 1e-9)
        };
        // What is not known in the company's currency may be worth anything.
        let worth = content.money.own_grand_total;
        if self.approve_above.is_some_and(|limit| worth.is_none_or(|worth| worth > limit)) {
            why.push("amount");
        }
        if above(self.approve_discount_above, content.discount_percent()) {
            why.push("discount");
        }
        let margin = self.approve_margin_below.zip(content.margin_percent());
        if margin.is_some_and(|(limit, margin)| margin + 1e-9 < percent(limit)) {
            why.push("margin");
        }
        why
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage with four places")]
fn percent(limit: Amount) -> f64 {
    limit.units() as f64 / 10_000.0
}

/// Whom a code pays: by a biller's number a bill that carries the document's number, else the number's owner.
pub(crate) fn payee(number: &str, document: &str) -> Option<Payee> {
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let others = number.chars().any(|letter| !letter.is_ascii_digit() && !matches!(letter, ' ' | '-' | '+'));
    match digits {
        15 if !others => Some(Payee::Bill {
            biller: number.to_owned(),
            reference1: document.to_owned(),
            reference2: None,
            reference3: None,
        }),
        13 if !others => Some(Payee::TaxNumber(number.to_owned())),
        9..=11 if !others => Some(Payee::Mobile(number.to_owned())),
        _ => None,
    }
}

/// Whether the company has a document, by which its rule of rounding is fixed.
pub(crate) async fn has_documents(conn: &mut Conn, company: i64) -> Result<bool, db::Error> {
    let found: i64 = conn
        .sql(
            "select (select count(*) from (select 1 from quotation where company = $1 limit 1) as one)
                  + (select count(*) from (select 1 from sales_order where company = $1 limit 1) as other)",
        )
        .bind(company)
        .one()
        .await?;
    Ok(found > 0)
}

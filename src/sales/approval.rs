//! Approval of a document by the company's rules: why it is needed, who gave it, and what he said.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::content::Content;
use super::rules::SalesRules;
use crate::record::Actor;
use crate::time::{self, Zone};

/// A document's approval as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Approval {
    /// `waiting`, `approved`, `rejected`.
    pub(crate) state: String,
    /// What made it necessary: `amount`, `discount`, `margin`, or that it was `refused` before.
    pub(crate) why: Vec<String>,
    /// Who decided: the id of an API client or of a user.
    pub(crate) by: Option<String>,
    /// When, in Unix milliseconds.
    pub(crate) at: Option<i64>,
    /// What he said.
    pub(crate) reason: Option<String>,
}

/// Why a document waits that was refused before.
const REFUSED: &str = "refused";

impl Approval {
    /// What becomes of an approval when the document is written: a changed document is judged anew.
    pub(super) fn after(
        was: Option<Approval>,
        rules: &SalesRules,
        content: &Content,
        changed: bool,
    ) -> Option<Approval> {
        let why = rules.demands(content);
        match was {
            // What was refused waits again, whether a rule had wanted its approval or somebody had asked for it.
            Some(was) if !changed && (was.state != "waiting" || was.was_refused()) => Some(was),
            _ if why.is_empty() => None,
            Some(was) if !changed => Some(was),
            _ => Some(Approval {
                state: "waiting".to_owned(),
                why: why.into_iter().map(str::to_owned).collect(),
                by: None,
                at: None,
                reason: None,
            }),
        }
    }

    /// The same when the document is sent again: what was refused waits once more.
    pub(super) fn again(self) -> Approval {
        match self.state.as_str() {
            "rejected" => {
                let mut why = self.why;
                if !why.iter().any(|why| why == REFUSED) {
                    why.push(REFUSED.to_owned());
                }
                Approval { state: "waiting".to_owned(), why, by: None, at: None, reason: None }
            }
            _ => self,
        }
    }

    fn was_refused(&self) -> bool {
        self.why.iter().any(|why| why == REFUSED)
    }

    /// Whether the document may go on.
    pub(super) fn allows(approval: Option<&Approval>) -> bool {
        approval.is_none_or(|approval| approval.state == "approved")
    }

    /// The same after a decision.
    pub(super) fn decided(was: Option<Approval>, by: &Actor, state: &str, reason: Option<String>) -> Approval {
        Approval {
            state: state.to_owned(),
            why: was.map(|was| was.why).unwrap_or_default(),
            by: Some(by.caller.id.clone()),
            at: Some(by.now),
            reason,
        }
    }

    /// As callers get it.
    pub(super) fn view(self, zone: &Zone) -> SalesApproval {
        SalesApproval {
            state: self.state,
            why: self.why,
            approved_by_user_id: self.by,
            date_approved: self.at.map(|at| time::text(at, zone)),
            reason: self.reason,
        }
    }
}

/// The approval of a document that needs one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesApproval {
    /// `waiting`, `approved` or `rejected`.
    #[schema(example = "waiting")]
    state: String,
    /// What made it necessary: `amount`, `discount`, `margin`, or that it was `refused` before.
    why: Vec<String>,
    /// Who decided.
    approved_by_user_id: Option<String>,
    /// When.
    date_approved: Option<String>,
    /// What he said.
    reason: Option<String>,
}

/// A decision on a document.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesDecisionWrite {
    /// Why; required to reject.
    #[schema(example = "ลูกค้าเก่า")]
    pub(crate) reason: Option<String>,
}

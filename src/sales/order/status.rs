//! What an order can be, what can become of it, and who may bring that about.

use crate::http::{Code, Error, Fault};

/// An order's status; the number is the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Draft = 1,
    Open = 2,
    Completed = 3,
    Rejected = 4,
    Cancelled = 5,
}

/// Who brings a change about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever may write orders.
    Editor,
    /// Whoever may approve them.
    Approver,
    /// The last delivery.
    Delivery,
    /// What came back of it.
    Return,
}

impl Status {
    /// Every status.
    pub(crate) const ALL: [Status; 5] =
        [Status::Draft, Status::Open, Status::Completed, Status::Rejected, Status::Cancelled];

    /// The status of the API's number.
    pub(crate) fn of(number: i64) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.number() == number)
    }

    /// The API's number.
    pub(crate) fn number(self) -> i64 {
        self as i64
    }

    /// In words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Status::Draft => "a draft",
            Status::Open => "open",
            Status::Completed => "completed",
            Status::Rejected => "rejected",
            Status::Cancelled => "cancelled",
        }
    }

    /// The name of the event that tells of it.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Status::Draft => "Reopened",
            Status::Open => "Opened",
            Status::Completed => "Completed",
            Status::Rejected => "Rejected",
            Status::Cancelled => "Cancelled",
        }
    }

    /// Whether stock is kept for it.
    pub(crate) fn reserves(self) -> bool {
        self == Status::Open
    }
}

/// Whether an order may go from one status to another. What was delivered must come back before it is taken out of use,
/// which is decided where that is known.
pub(crate) fn may(from: Status, to: Status, who: Who) -> bool {
    use Status::{Cancelled, Completed, Draft, Open, Rejected};
    match who {
        Who::Editor => matches!(
            (from, to),
            (Draft, Open | Completed | Rejected | Cancelled)
                | (Open, Draft | Completed | Rejected | Cancelled)
                | (Rejected, Draft | Open | Cancelled)
        ),
        Who::Approver => matches!((from, to), (Draft, Open | Rejected)),
        Who::Delivery => matches!((from, to), (Open, Completed)),
        Who::Return => matches!((from, to), (Completed, Open)),
    }
}

/// 409 unless [`may`].
pub(crate) fn must(number: &str, from: Status, to: Status, who: Who) -> Result<(), Error> {
    if may(from, to, who) {
        return Ok(());
    }
    let message = format!("Sales order {number} is {}; it cannot become {}", from.word(), to.word());
    Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderStatus", message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_bring_about_what() {
        // Rows: from 1 to 5. Columns: to 1 to 5. e editor, a approver, d delivery, r return.
        let table = [
            ["", "ea", "e", "ea", "e"],
            ["e", "", "ed", "e", "e"],
            ["", "r", "", "", ""],
            ["e", "e", "", "", "e"],
            ["", "", "", "", ""],
        ];
        let letters = [('e', Who::Editor), ('a', Who::Approver), ('d', Who::Delivery), ('r', Who::Return)];
        for (from, row) in Status::ALL.into_iter().zip(table) {
            for (to, allowed) in Status::ALL.into_iter().zip(row) {
                for (letter, who) in letters {
                    assert_eq!(may(from, to, who), allowed.contains(letter), "{from:?} to {to:?} by {who:?}");
                }
            }
        }
    }
}

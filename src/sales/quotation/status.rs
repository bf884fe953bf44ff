//! What a quotation can be, what can become of it, and who may bring that about.

use crate::http::{Code, Error, Fault};

/// A quotation's status; the number is the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Draft = 1,
    WaitingForApproval = 2,
    WaitingToBeSent = 3,
    Sent = 4,
    Completed = 5,
    Rejected = 6,
    Cancelled = 7,
}

/// Who brings a change about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever may write quotations.
    Editor,
    /// Whoever may approve them.
    Approver,
    /// The customer, on the quotation's page.
    Customer,
    /// A conversion to an order.
    Conversion,
}

impl Status {
    /// Every status.
    pub(crate) const ALL: [Status; 7] = [
        Status::Draft,
        Status::WaitingForApproval,
        Status::WaitingToBeSent,
        Status::Sent,
        Status::Completed,
        Status::Rejected,
        Status::Cancelled,
    ];

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
            Status::WaitingForApproval => "waiting for approval",
            Status::WaitingToBeSent => "waiting to be sent",
            Status::Sent => "sent",
            Status::Completed => "completed",
            Status::Rejected => "rejected",
            Status::Cancelled => "cancelled",
        }
    }

    /// The name of the event that tells of it.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Status::Draft => "Reopened",
            Status::WaitingForApproval => "Submitted",
            Status::WaitingToBeSent => "Approved",
            Status::Sent => "Sent",
            Status::Completed => "Completed",
            Status::Rejected => "Rejected",
            Status::Cancelled => "Cancelled",
        }
    }

    /// Whether it is on its way to the customer, or was: it is neither a draft nor refused nor cancelled.
    pub(crate) fn is_offered(self) -> bool {
        !matches!(self, Status::Draft | Status::Rejected | Status::Cancelled)
    }

    /// Whether its content can be changed.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Status::Completed | Status::Cancelled)
    }
}

/// Whether a quotation may go from one status to another. One that needs approval passes through
/// [`Status::WaitingForApproval`], which is decided where that need is known.
pub(crate) fn may(from: Status, to: Status, who: Who) -> bool {
    use Status::{Cancelled, Completed, Draft, Rejected, Sent, WaitingForApproval, WaitingToBeSent};
    match who {
        Who::Editor => matches!(
            (from, to),
            (Draft, WaitingForApproval | WaitingToBeSent | Sent | Cancelled)
                | (WaitingForApproval, Draft | Cancelled)
                | (WaitingToBeSent, Draft | WaitingForApproval | Sent | Rejected | Cancelled)
                | (Sent, Draft | WaitingForApproval | WaitingToBeSent | Completed | Rejected | Cancelled)
                | (Rejected, Draft | WaitingForApproval | WaitingToBeSent | Sent | Cancelled)
        ),
        Who::Approver => matches!((from, to), (WaitingForApproval, WaitingToBeSent | Rejected)),
        Who::Customer => matches!((from, to), (Sent, Completed | Rejected)),
        Who::Conversion => matches!((from, to), (Draft | WaitingToBeSent | Sent, Completed)),
    }
}

/// 409 unless [`may`].
pub(crate) fn must(number: &str, from: Status, to: Status, who: Who) -> Result<(), Error> {
    if may(from, to, who) {
        return Ok(());
    }
    let message = format!("Quotation {number} is {}; it cannot become {}", from.word(), to.word());
    Err(Error::Conflict(Fault::new(Code::Conflict, "quotationStatus", message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_bring_about_what() {
        // Rows: from 1 to 7. Columns: to 1 to 7. e editor, a approver, c customer, o conversion.
        let table = [
            ["", "e", "e", "e", "o", "", "e"],
            ["e", "", "a", "", "", "a", "e"],
            ["e", "e", "", "e", "o", "e", "e"],
            ["e", "e", "e", "", "eco", "ec", "e"],
            ["", "", "", "", "", "", ""],
            ["e", "e", "e", "e", "", "", "e"],
            ["", "", "", "", "", "", ""],
        ];
        let letters = [('e', Who::Editor), ('a', Who::Approver), ('c', Who::Customer), ('o', Who::Conversion)];
        for (from, row) in Status::ALL.into_iter().zip(table) {
            for (to, allowed) in Status::ALL.into_iter().zip(row) {
                for (letter, who) in letters {
                    assert_eq!(may(from, to, who), allowed.contains(letter), "{from:?} to {to:?} by {who:?}");
                }
            }
        }
    }
}

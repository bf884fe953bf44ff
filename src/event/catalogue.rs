//! Every event that Sala tells of, in one place: what subscriptions may ask for, the `webhooks` of the document, and the list
//! on its page are made of it. A new resource adds its lines to `PARTS`.

use serde::Serialize;

/// What a subscription can hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Business area: `Chat`.
    pub topic: &'static str,
    /// What happened in it: `Message`.
    pub name: &'static str,
    /// The property of `Data` that holds the record.
    pub data: &'static str,
    /// The schema of the record among the document's, whose properties are told in PascalCase; empty where the document
    /// describes no more than that it is an object.
    pub schema: &'static str,
    /// When it happens, in a sentence.
    pub when: &'static str,
    /// Told only to subscriptions that name it: there may be many of them.
    pub opt_in: bool,
}

const fn told(
    topic: &'static str,
    name: &'static str,
    data: &'static str,
    schema: &'static str,
    when: &'static str,
) -> Told {
    Told { topic, name, data, schema, when, opt_in: false }
}

const fn opt_in(name: &'static str, data: &'static str, schema: &'static str, when: &'static str) -> Told {
    Told { opt_in: true, ..told("Chat", name, data, schema, when) }
}

/// What is told of every record that is kept by [`crate::record`]; `topic` is also the property of `Data`.
const fn kept(topic: &'static str, schema: &'static str) -> [Told; 2] {
    [
        told(topic, "Created", topic, schema, "A record was made."),
        told(topic, "Updated", topic, schema, "A record was changed."),
    ]
}

/// What is told of every record that can be deleted.
const fn deleted(topic: &'static str, schema: &'static str) -> Told {
    told(topic, "Deleted", topic, schema, "A record was deleted; it can be restored.")
}

/// All that is told of a record that can be deleted and restored.
const fn record(topic: &'static str, schema: &'static str) -> [Told; 4] {
    let [created, updated] = kept(topic, schema);
    let restored = told(topic, "Restored", topic, schema, "A deleted record was restored.");
    [created, updated, deleted(topic, schema), restored]
}

/// What is told of a record's files.
const fn files(topic: &'static str, data: &'static str) -> [Told; 2] {
    [
        told(topic, "FileAttached", data, "", "A file of a record is there."),
        told(topic, "FileRemoved", data, "", "A file of a record was removed."),
    ]
}

/// What happened to a record whose topic is also the property of `Data`.
const fn happened(topic: &'static str, name: &'static str, when: &'static str) -> Told {
    told(topic, name, topic, "", when)
}

const CHAT: [Told; 6] = [
    told("Chat", "Message", "ChatMessage", "ChatMessage", "A customer wrote in a chat room, in words or otherwise."),
    opt_in("StaffMessage", "ChatMessage", "ChatMessage", "A person or an API client wrote to a customer."),
    opt_in("MessageStatus", "ChatMessage", "ChatMessage", "A message went out, arrived, was read, or failed."),
    opt_in("RoomAssigned", "Room", "", "A room was given to somebody, or to nobody."),
    opt_in("RoomClosed", "Room", "", "A room was closed."),
    opt_in("RoomReopened", "Room", "", "A closed room was opened again."),
];

const CUSTOMER: [Told; 3] = [
    told("Customer", "Merged", "Customer", "", "Another customer was merged into this one."),
    told("Customer", "MergeUndone", "Customer", "", "A merge was undone; the other customer is restored besides."),
    told("Customer", "Erased", "Customer", "", "The person was removed from a customer's records."),
];

const PRODUCT: [Told; 3] = [
    told("Product", "StockChanged", "Stock", "", "The quantity of a product changed."),
    told("Product", "LowStock", "Stock", "", "A product fell to its alert quantity."),
    told("Product", "SerialVerified", "Serial", "", "A serial number was verified."),
];

const TASK: [Told; 2] = [
    told("Task", "Done", "Task", "Task", "A task was done."),
    told("Task", "Reminder", "Task", "Task", "The time has come that a task asks to be reminded of."),
];

const ACTIVITY: [Told; 2] = [
    happened("Activity", "CheckedIn", "Somebody arrived at an activity."),
    happened("Activity", "CheckedOut", "Somebody left an activity."),
];

const CASE: [Told; 9] = [
    happened("Case", "StatusChanged", "A case has another status."),
    happened("Case", "Commented", "Somebody commented on a case."),
    happened("Case", "Merged", "A case was merged into another one, which is updated besides."),
    happened("Case", "ResponseWarning", "A case's time for a first answer is almost over."),
    happened("Case", "ResponseBreached", "A case's time for a first answer is over."),
    happened("Case", "ResolutionWarning", "A case's time for a solution is almost over."),
    happened("Case", "ResolutionBreached", "A case's time for a solution is over."),
    happened("Case", "DueWarning", "A case is almost due."),
    happened("Case", "DueBreached", "A case is overdue."),
];

const DEAL: [Told; 4] = [
    happened("Deal", "StageChanged", "A deal went to another stage."),
    happened("Deal", "Won", "A deal was won."),
    happened("Deal", "Missed", "A deal was lost."),
    happened("Deal", "Reopened", "A deal that was won or lost is open again."),
];

const QUOTATION: [Told; 11] = [
    happened("Quotation", "Reopened", "A quotation is a draft again."),
    happened("Quotation", "Submitted", "A quotation waits for approval."),
    happened("Quotation", "Approved", "A quotation waits to be sent."),
    happened("Quotation", "Sent", "A quotation was sent."),
    happened("Quotation", "Accepted", "The customer accepted a quotation on its page."),
    happened("Quotation", "Declined", "The customer declined a quotation on its page."),
    happened("Quotation", "Completed", "A quotation was completed."),
    happened("Quotation", "Converted", "A sales order was made of a quotation."),
    happened("Quotation", "Expired", "A quotation is no longer valid."),
    happened("Quotation", "Rejected", "A quotation was rejected."),
    happened("Quotation", "Cancelled", "A quotation was cancelled."),
];

const SALES_ORDER: [Told; 11] = [
    happened("SalesOrder", "Reopened", "A sales order is a draft again."),
    happened("SalesOrder", "Opened", "A sales order is open."),
    happened("SalesOrder", "Delivered", "Goods of a sales order were delivered."),
    happened("SalesOrder", "Returned", "Goods of a sales order came back."),
    happened("SalesOrder", "Paid", "A sales order is paid in full."),
    happened("SalesOrder", "Overdue", "A payment of a sales order is overdue."),
    happened("SalesOrder", "Invoiced", "A tax invoice of a sales order was issued."),
    happened("SalesOrder", "Credited", "The tax invoice of a sales order was cancelled by a credit note."),
    happened("SalesOrder", "Completed", "A sales order was completed."),
    happened("SalesOrder", "Rejected", "A sales order was rejected."),
    happened("SalesOrder", "Cancelled", "A sales order was cancelled."),
];

const TAX_DOCUMENT: [Told; 2] = [
    happened("TaxDocument", "Issued", "A tax invoice, a receipt or a credit note was issued."),
    happened("TaxDocument", "Cancelled", "A tax document was cancelled by a credit note."),
];

const CONTRACT: [Told; 4] = [
    happened("Contract", "Activated", "A contract has begun."),
    happened("Contract", "RenewalDue", "The time has come to be reminded of a contract's end."),
    happened("Contract", "Completed", "A contract has ended."),
    happened("Contract", "Cancelled", "A contract was cancelled."),
];

const EXPENSE: [Told; 4] = [
    deleted("Expense", ""),
    happened("Expense", "Approved", "An expense was approved."),
    happened("Expense", "Rejected", "An expense was rejected."),
    happened("Expense", "Cancelled", "An expense was cancelled."),
];

const MAIL: [Told; 3] = [
    told("Mail", "Sent", "Mail", "Mail", "The SMTP server took an e-mail about a document."),
    told("Mail", "Refused", "Mail", "Mail", "The SMTP server will not have an e-mail about a document."),
    told("Mail", "Failed", "Mail", "Mail", "An e-mail about a document was tried for three days."),
];

const fn of_webhooks(name: &'static str, when: &'static str) -> Told {
    Told { opt_in: true, ..told("Webhook", name, "Webhook", "", when) }
}

const WEBHOOK: [Told; 3] = [
    of_webhooks("Test", "Somebody asked for a test of a subscription, which is sent to it alone."),
    of_webhooks("Paused", "Another subscription failed for three days, and is paused."),
    of_webhooks("Ended", "Another subscription's receiver answered 410, and is sent no more."),
];

/// The lines of all resources.
const PARTS: &[&[Told]] = &[
    &CHAT,
    &record("Customer", ""),
    &CUSTOMER,
    &files("Customer", "CustomerFile"),
    &record("Product", ""),
    &PRODUCT,
    &files("Product", "ProductFile"),
    &kept("Employee", "Employee"),
    &record("Task", "Task"),
    &TASK,
    &record("Activity", ""),
    &ACTIVITY,
    &files("Activity", "ActivityFile"),
    &record("Case", ""),
    &CASE,
    &record("Deal", ""),
    &DEAL,
    &kept("Quotation", ""),
    &QUOTATION,
    &kept("SalesOrder", ""),
    &SALES_ORDER,
    &TAX_DOCUMENT,
    &kept("Contract", ""),
    &CONTRACT,
    &files("Contract", "ContractFile"),
    &kept("Expense", ""),
    &EXPENSE,
    &files("Expense", "ExpenseFile"),
    &MAIL,
    &WEBHOOK,
];

/// Every event, topic by topic.
pub fn all() -> impl Iterator<Item = &'static Told> {
    PARTS.iter().copied().flatten()
}

/// The event of this topic and name.
pub fn find(topic: &str, name: &str) -> Option<&'static Told> {
    all().find(|told| told.topic == topic && told.name == name)
}

/// What a subscription may ask for: each topic, and each event as `Topic.Event`; in their own spelling, whatever the letter
/// case asked in.
pub fn wish(word: &str) -> Option<String> {
    let word = word.trim().replace(['/', ':'], ".");
    for told in all() {
        if told.topic.eq_ignore_ascii_case(&word) {
            return Some(told.topic.to_owned());
        }
        let full = format!("{}.{}", told.topic, told.name);
        if full.eq_ignore_ascii_case(&word) {
            return Some(full);
        }
    }
    None
}

/// The topics, each once.
pub fn topics() -> Vec<&'static str> {
    let mut topics: Vec<&str> = Vec::new();
    for told in all() {
        if !topics.contains(&told.topic) {
            topics.push(told.topic);
        }
    }
    topics
}

/// The list as the document's page shows it.
pub fn page() -> String {
    let mut text = String::from(
        "Events are posted to the addresses that a company subscribes, signed as Standard Webhooks asks (`webhook-id`, \
         `webhook-timestamp`, `webhook-signature`). Any answer from 200 to 299 is success; otherwise the event is tried \
         for three days, the later ones of its record waiting behind it. `Retry-After` is kept to, 410 ends the \
         subscription, and the header `webhook-delivery: abort-message` drops one event. A subscription names topics \
         (`Chat`) or events (`Chat.Message`); without any it hears of all but those marked \"by name only\".\n\n\
         | Topic | Event | In `Data` | When |\n| --- | --- | --- | --- |\n",
    );
    for Told { topic, name, data, when, opt_in, .. } in all().copied() {
        let only = if opt_in { " By name only." } else { "" };
        text.push_str(&format!("| {topic} | {name} | `{data}` | {when}{only} |\n"));
    }
    text
}

/// An event as the API lists it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventKind {
    /// Business area.
    #[schema(example = "Chat")]
    topic: &'static str,
    /// What happened in it.
    #[schema(example = "Message")]
    event: &'static str,
    /// What a subscription names to hear of it alone.
    #[schema(example = "Chat.Message")]
    name: String,
    /// The property of `Data` that holds the record.
    #[schema(example = "ChatMessage")]
    data: &'static str,
    /// When it happens.
    #[schema(example = "A customer wrote in a chat room, in words or otherwise.")]
    description: &'static str,
    /// Whether only subscriptions that name it hear of it.
    #[schema(example = false)]
    by_name_only: bool,
}

impl From<&Told> for EventKind {
    fn from(told: &Told) -> EventKind {
        EventKind {
            topic: told.topic,
            event: told.name,
            name: format!("{}.{}", told.topic, told.name),
            data: told.data,
            description: told.when,
            by_name_only: told.opt_in,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_is_listed_twice() {
        let names: Vec<(&str, &str)> = all().map(|told| (told.topic, told.name)).collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name:?}");
        }
    }

    #[test]
    fn wishes_are_words_of_the_catalogue_in_any_letter_case() {
        for (word, wished) in [("chat", "Chat"), ("CHAT.message", "Chat.Message"), (" Task/Reminder ", "Task.Reminder")]
        {
            assert_eq!(wish(word).as_deref(), Some(wished));
        }
        for wrong in ["", "Chats", "Chat.", "Chat.Massage", "."] {
            assert_eq!(wish(wrong), None, "{wrong:?}");
        }
    }
}

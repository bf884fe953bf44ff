//! The body of an expense in its two shapes: plain, and wrapped into an object called `ExpenseDetails` as one page draws it.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::line::ExpenseDetailWrite;
use crate::http::{Code, Faults, Patch, lenient};

/// An expense to create, or as it is to be: what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExpenseWrite {
    /// Its lines; or an object with all of these properties.
    #[serde(rename = "ExpenseDetails")]
    #[schema(value_type = ExpenseDetails)]
    details: Option<Value>,
    /// Title.
    #[schema(example = "Visit to customer")]
    subject: Option<String>,
    /// Number of the activity that it belongs to.
    #[schema(value_type = Option<i64>, example = json!(null))]
    activity_id: Patch<i64>,
    /// When the money was spent.
    #[schema(example = "2021-09-17T10:42:31.981Z")]
    date_transaction: Option<String>,
    /// Remark.
    #[schema(value_type = Option<String>)]
    remark: Patch<String>,
    /// Files. One with an address and without a known id is fetched; one that is not active any more is removed.
    #[schema(example = json!(null))]
    attachments: Option<Vec<ExpenseAttachmentWrite>>,
    /// Staff code of the employee who claims; the caller when absent.
    staff_code: Option<String>,
}

/// Lines, or a whole body in their place.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the document's picture of a property that has two shapes")]
pub(crate) enum ExpenseDetails {
    /// The lines.
    List(Vec<ExpenseDetailWrite>),
    /// The whole body.
    Wrapped(ExpenseWrapped),
}

/// The body in the place of its lines.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document's picture of a property that has two shapes")]
pub(crate) struct ExpenseWrapped {
    /// The lines.
    #[schema(rename = "ExpenseDetails")]
    details: Vec<ExpenseDetailWrite>,
    /// Title.
    subject: Option<String>,
    /// Number of the activity that it belongs to.
    activity_id: Option<i64>,
    /// When the money was spent.
    date_transaction: Option<String>,
    /// Remark.
    remark: Option<String>,
    /// Files.
    attachments: Option<Vec<ExpenseAttachmentWrite>>,
}

/// A file of an expense, as answers have it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExpenseAttachmentWrite {
    /// Its id.
    pub(super) attachment_id: Option<i64>,
    /// The expense.
    #[expect(dead_code, reason = "clients send it back")]
    ref_id: Option<i64>,
    /// 2.
    #[serde(rename = "type")]
    #[expect(dead_code, reason = "clients send it back")]
    kind: Option<i64>,
    /// Its name.
    pub(super) filename: Option<String>,
    /// The end of its name.
    pub(super) extension: Option<String>,
    /// How many bytes it has.
    #[expect(dead_code, reason = "clients send it back")]
    file_size: Option<i64>,
    /// False: it is to be removed.
    pub(super) is_active: Option<bool>,
    /// Who attached it.
    #[expect(dead_code, reason = "clients send it back")]
    created_by_user_id: Option<String>,
    /// When.
    #[expect(dead_code, reason = "clients send it back")]
    date_created: Option<String>,
    /// Where it can be had.
    pub(super) resource_url: Option<String>,
    /// The company.
    #[expect(dead_code, reason = "clients send it back")]
    company_id: Option<i64>,
    /// Whether it is here.
    #[expect(dead_code, reason = "clients send it back")]
    is_processed: Option<bool>,
    /// Where it can be had.
    pub(super) url: Option<String>,
    /// Where it can be had.
    #[expect(dead_code, reason = "clients send it back")]
    url_response_upload: Option<String>,
    /// A small picture of it.
    #[expect(dead_code, reason = "clients send it back")]
    thumbnail: Option<String>,
}

/// What was asked for, whichever shape it had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(super) lines: Option<Vec<ExpenseDetailWrite>>,
    pub(super) subject: Option<String>,
    pub(super) activity: Patch<i64>,
    pub(super) date: Option<String>,
    pub(super) remark: Patch<String>,
    pub(super) attachments: Vec<ExpenseAttachmentWrite>,
    pub(super) staff_code: Option<String>,
}

/// Reads a body of either shape; what stands in the wrapped part comes before what stands around it.
pub(super) fn read(body: ExpenseWrite, faults: &mut Faults) -> Wanted {
    let mut wanted = Wanted {
        lines: None,
        subject: body.subject,
        activity: body.activity_id,
        date: body.date_transaction,
        remark: body.remark,
        attachments: body.attachments.unwrap_or_default(),
        staff_code: body.staff_code,
    };
    match body.details {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) => wanted.lines = Some(lines(&items, faults)),
        Some(object @ Value::Object(_)) => match lenient::decode_value_all::<ExpenseWrite>(&object) {
            Ok((inner, found)) => {
                for fault in found {
                    faults.add(fault.code, format!("ExpenseDetails.{}", fault.field), fault.message);
                }
                // Only one object deep: what is wrapped again is no list of lines.
                if matches!(inner.details, Some(Value::Object(_))) {
                    faults.add(Code::InvalidType, "ExpenseDetails", "ExpenseDetails must be a list");
                }
                let inner = read_plain(inner, faults);
                wanted.lines = inner.lines;
                wanted.subject = inner.subject.or(wanted.subject);
                wanted.date = inner.date.or(wanted.date);
                wanted.staff_code = inner.staff_code.or(wanted.staff_code);
                if inner.activity != Patch::Keep {
                    wanted.activity = inner.activity;
                }
                if inner.remark != Patch::Keep {
                    wanted.remark = inner.remark;
                }
                wanted.attachments.extend(inner.attachments);
            }
            Err(found) => {
                for fault in found {
                    faults.add(fault.code, format!("ExpenseDetails.{}", fault.field), fault.message);
                }
            }
        },
        Some(_) => faults.add(Code::InvalidType, "ExpenseDetails", "ExpenseDetails must be a list"),
    }
    wanted
}

fn read_plain(body: ExpenseWrite, faults: &mut Faults) -> Wanted {
    let items = match &body.details {
        Some(Value::Array(items)) => Some(lines(items, faults)),
        _ => None,
    };
    Wanted {
        lines: items,
        subject: body.subject,
        activity: body.activity_id,
        date: body.date_transaction,
        remark: body.remark,
        attachments: body.attachments.unwrap_or_default(),
        staff_code: body.staff_code,
    }
}

fn lines(items: &[Value], faults: &mut Faults) -> Vec<ExpenseDetailWrite> {
    faults.most("ExpenseDetails", items.len(), 200);
    let mut lines = Vec::new();
    for (index, item) in items.iter().enumerate().take(200) {
        let field = format!("ExpenseDetails[{index}]");
        if !item.is_object() {
            faults.add(Code::InvalidType, field.as_str(), format!("{field} must be an object"));
            continue;
        }
        let found = match lenient::decode_value_all::<ExpenseDetailWrite>(item) {
            Ok((line, found)) => {
                lines.push(line);
                found
            }
            Err(found) => found,
        };
        for fault in found {
            faults.add(fault.code, format!("{field}.{}", fault.field), format!("{field}.{}", fault.message));
        }
    }
    lines
}

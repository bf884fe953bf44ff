//! Cases: a row is the case of its number; one without a number is new.

use std::collections::HashMap;

use db::Conn;
use serde_json::Value;

use super::cell::Form;
use super::header::{Column, column};
use super::kind::{Line, Task, Undone, Written};
use super::record::Record;
use super::undo::to_bring_back;
use crate::http::{Caller, Conditions, Error};
use crate::record::{self, Actor, Record as _};
use crate::service::case;
use crate::service::{Case, link};

/// The columns, by the fields of `POST /v1/case`.
pub(super) const COLUMNS: &[Column] = &[
    column("caseNo", Form::Code, &["case no", "case number", "ticket", "ticket no", "number", "เลขที่เคส", "เลขที่"]),
    column("caseType", Form::Text, &["type", "ประเภท"]),
    column("subject", Form::Text, &["case", "title", "หัวข้อ", "เคส", "เรื่อง"]),
    column("note", Form::Text, &["description", "details", "รายละเอียด", "หมายเหตุ", "บันทึก"]),
    column("customerCode", Form::Code, &["customer", "customer code", "รหัสลูกค้า", "ลูกค้า"]),
    column("categoryId", Form::Text, &["category", "หมวดหมู่", "รหัสหมวดหมู่"]),
    column("dateCase", Form::Moment, &["date", "raised", "วันที่", "วันที่แจ้ง"]),
    column("dateDue", Form::Moment, &["due", "due date", "deadline", "กำหนดเสร็จ", "วันครบกำหนด"]),
    column(
        "assignedToUserId",
        Form::Code,
        &["assignee", "assigned to", "owner", "staff code", "ผู้รับผิดชอบ", "รหัสพนักงาน", "มอบหมายให้"],
    ),
    column("status", Form::Text, &["state", "สถานะ"]),
    column("activityNos", Form::List, &["activities", "เลขที่กิจกรรม"]),
    column("dealNos", Form::List, &["deals", "deal no", "เลขที่ดีล"]),
];

/// What a row is known by: its number.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    record.text("caseNo").map(|no| ("caseNo", link::key(no))).into_iter().collect()
}

/// Writes one row.
pub(super) async fn write(
    tx: &mut Conn,
    by: &Task<'_>,
    gone: &HashMap<String, Case>,
    record: &Record,
) -> Result<Written, Error> {
    let (body, _) = record.fields();
    let by = Actor { caller: by.caller.clone(), now: by.now };
    let back = to_bring_back(tx, "cases", gone, keys(record).pop()).await?;
    let is_back = back.is_some();
    if let Some(row) = back {
        case::restore(tx, &by, row).await?;
    }
    Ok(Written::from(case::put(tx, &by, &Value::Object(body)).await?).again(is_back))
}

/// Deletes a case that the import made, or gives one back what it was before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let key = link::key(&line.record);
    let row: Case = match record::held(tx, caller, "no_key", key, &Conditions::default()).await {
        Err(Error::NotFound(_)) => return Ok(Undone::Kept("it is gone")),
        held => held?,
    };
    if row.head().version != line.version {
        return Ok(Undone::Kept("it was changed since"));
    }
    let by = Actor { caller: caller.clone(), now };
    let saved = match (line.created, &line.before) {
        (true, _) => record::remove(tx, &by, row).await?,
        (false, Some(before)) => case::put(tx, &by, before).await?,
        (false, None) => return Ok(Undone::Kept("nothing is known of it")),
    };
    Ok(Undone::Restored(saved.row.head().version))
}

//! Tasks: a row is the task of its number; one without a number is new.

use std::collections::HashMap;

use db::Conn;
use serde_json::Value;

use super::cell::Form;
use super::header::{Column, column};
use super::kind::{Line, Task, Undone, Written};
use super::record::Record;
use super::undo::to_bring_back;
use crate::http::{Caller, Conditions, Error, lenient};
use crate::record::{self, Actor, Record as _};
use crate::task::{self, Row, TaskWrite};

/// The columns, by the fields of `POST /v1/task`.
pub(super) const COLUMNS: &[Column] = &[
    column("taskNo", Form::Code, &["task no", "task number", "number", "เลขที่งาน", "เลขที่"]),
    column("subject", Form::Text, &["task", "title", "หัวข้อ", "ชื่องาน", "งาน", "เรื่อง"]),
    column("note", Form::Text, &["description", "details", "รายละเอียด", "หมายเหตุ", "บันทึก"]),
    column("status", Form::Text, &["state", "สถานะ"]),
    column("priority", Form::Text, &["ความสำคัญ", "ลำดับความสำคัญ"]),
    column("hasDueTime", Form::Flag, &[]),
    column("dateDue", Form::Moment, &["due", "due date", "deadline", "กำหนดส่ง", "วันครบกำหนด", "กำหนดเสร็จ"]),
    column(
        "assignedToUserId",
        Form::Code,
        &["assignee", "assigned to", "owner", "staff code", "ผู้รับผิดชอบ", "รหัสพนักงาน", "มอบหมายให้"],
    ),
    column("customerCode", Form::Code, &["customer", "customer code", "รหัสลูกค้า", "ลูกค้า"]),
    column("dealNos", Form::List, &["deals", "deal no", "เลขที่ดีล"]),
    column("labels", Form::List, &["tags", "ป้าย", "ป้ายกำกับ"]),
];

/// What a row is known by: its number.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    record.text("taskNo").map(|number| ("taskNo", task::key(number))).into_iter().collect()
}

/// Writes one row.
pub(super) async fn write(
    tx: &mut Conn,
    by: &Task<'_>,
    gone: &HashMap<String, Row>,
    record: &Record,
) -> Result<Written, Error> {
    let (mut body, _) = record.fields();
    // In an exported list a day without a time is its midnight.
    let is_whole_day = body.remove("hasDueTime") == Some(Value::Bool(false));
    if let Some(Value::String(due)) = body.get_mut("dateDue").filter(|_| is_whole_day) {
        let day = due.split_once('T').map_or(due.as_str(), |(day, _)| day);
        *due = day.to_owned();
    }
    let input: TaskWrite = lenient::decode_value(&Value::Object(body)).map_err(Error::Invalid)?;
    let by = Actor { caller: by.caller.clone(), now: by.now };
    let back = to_bring_back(tx, "tasks", gone, keys(record).pop()).await?;
    let is_back = back.is_some();
    if let Some(row) = back {
        record::restore(tx, &by, row).await?;
    }
    Ok(Written::from(task::put_named(tx, &by, &input).await?).again(is_back))
}

/// Deletes a task that the import made, or gives one back what it was before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let key = task::key(&line.record);
    let row: Row = match record::held(tx, caller, "number_key", key, &Conditions::default()).await {
        Err(Error::NotFound(_)) => return Ok(Undone::Kept("it is gone")),
        held => held?,
    };
    if row.head().version != line.version {
        return Ok(Undone::Kept("it was changed since"));
    }
    let by = Actor { caller: caller.clone(), now };
    let saved = match (line.created, &line.before) {
        (true, _) => record::remove(tx, &by, row).await?,
        (false, Some(before)) => {
            let input: TaskWrite = lenient::decode_value(before).map_err(Error::Invalid)?;
            task::put(tx, &by, &input, &[], &Conditions::default()).await?
        }
        (false, None) => return Ok(Undone::Kept("nothing is known of it")),
    };
    Ok(Undone::Restored(saved.row.head().version))
}

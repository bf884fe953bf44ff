//! Activities: a row is the activity of its number; one without a number is new.

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
use crate::service::Activity;
use crate::service::activity::{self, ActivityUpsertRequest};
use crate::service::link;

/// The columns, by the fields of `POST /v1/activity`.
pub(super) const COLUMNS: &[Column] = &[
    column("activityNo", Form::Code, &["activity no", "activity number", "number", "เลขที่กิจกรรม", "เลขที่"]),
    column("subject", Form::Text, &["activity", "title", "หัวข้อ", "กิจกรรม", "เรื่อง"]),
    column("note", Form::Text, &["description", "details", "รายละเอียด", "หมายเหตุ", "บันทึก"]),
    column("customerCode", Form::Code, &["customer", "customer code", "รหัสลูกค้า", "ลูกค้า"]),
    column("contactName", Form::Text, &["contact", "ผู้ติดต่อ"]),
    column("dateAppointmentStart", Form::Moment, &["start", "begin", "date", "วันที่", "เริ่ม", "วันเวลาเริ่ม"]),
    column("dateAppointmentEnd", Form::Moment, &["end", "สิ้นสุด", "วันเวลาสิ้นสุด"]),
    column(
        "assignToUserId",
        Form::Code,
        &["assignee", "assigned to", "owner", "staff code", "ผู้รับผิดชอบ", "รหัสพนักงาน", "มอบหมายให้"],
    ),
    column("activityTypeId", Form::Text, &["type", "ประเภท"]),
    column("statusId", Form::Text, &["status", "สถานะ"]),
    column("visitLocationName", Form::Text, &["place", "location", "สถานที่"]),
    column("visitLocation", Form::Text, &["address", "ที่อยู่"]),
    column("dealNos", Form::List, &["deals", "deal no", "เลขที่ดีล"]),
    column("report", Form::Text, &["รายงาน", "ผลการเข้าพบ"]),
    column("outcome", Form::Text, &["result", "ผลลัพธ์"]),
    column("nextStep", Form::Text, &["next step", "ขั้นตอนถัดไป"]),
];

/// What a row is known by: its number.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    record.text("activityNo").map(|no| ("activityNo", link::key(no))).into_iter().collect()
}

/// Writes one row.
pub(super) async fn write(
    tx: &mut Conn,
    by: &Task<'_>,
    gone: &HashMap<String, Activity>,
    record: &Record,
) -> Result<Written, Error> {
    let (body, _) = record.fields();
    let input: ActivityUpsertRequest = lenient::decode_value(&Value::Object(body)).map_err(Error::Invalid)?;
    let by = Actor { caller: by.caller.clone(), now: by.now };
    let back = to_bring_back(tx, "activities", gone, keys(record).pop()).await?;
    let is_back = back.is_some();
    if let Some(row) = back {
        record::restore(tx, &by, row).await?;
    }
    let saved = activity::put(tx, &by, &input, &[], &Conditions::default()).await?;
    Ok(Written::from(saved).again(is_back))
}

/// Deletes an activity that the import made, or gives one back what it was before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let key = link::key(&line.record);
    let row: Activity = match record::held(tx, caller, "no_key", key, &Conditions::default()).await {
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
            let input: ActivityUpsertRequest = lenient::decode_value(before).map_err(Error::Invalid)?;
            activity::put(tx, &by, &input, &[], &Conditions::default()).await?
        }
        (false, None) => return Ok(Undone::Kept("nothing is known of it")),
    };
    Ok(Undone::Restored(saved.row.head().version))
}

//! Deals: a row is the deal of its number; one without a number is new. Board, stage and reason are known by their names.

use std::collections::HashMap;

use db::Conn;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cell::Form;
use super::header::{Column, column};
use super::kind::{Line, Task, Undone, Written};
use super::record::Record;
use super::undo::to_bring_back;
use crate::http::{Caller, Code, Conditions, Error, Faults};
use crate::record::{self, Actor, Record as _};
use crate::sales::deal::{self, Row};
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::time;

/// The columns, by the fields of `POST /v1/deals`, and names in the place of numbers; the names of the list of deals besides.
pub(super) const COLUMNS: &[Column] = &[
    column("dealNo", Form::Code, &["deal no", "deal number", "number", "เลขที่ดีล", "เลขที่"]),
    column("dealName", Form::Text, &["deal", "deals name", "name", "title", "ชื่อดีล", "ชื่อ", "หัวข้อ"]),
    column("customerCode", Form::Code, &["customer", "customer code", "รหัสลูกค้า", "ลูกค้า"]),
    column("dealValue", Form::Amount, &["value", "deals value", "amount", "มูลค่า", "มูลค่าดีล", "จำนวนเงิน"]),
    column("probability", Form::Percent, &["chance", "โอกาส", "โอกาสสำเร็จ", "ความน่าจะเป็น"]),
    column("boardName", Form::Text, &["board", "pipeline", "บอร์ด"]),
    column("dealStageName", Form::Text, &["stage", "ขั้นตอน", "สถานะดีล"]),
    column("dealDate", Form::Moment, &["date", "deals date", "offered", "วันที่เสนอ", "วันที่"]),
    column("expectedCloseDate", Form::Moment, &["close date", "expected close", "วันที่คาดว่าจะปิด", "คาดว่าจะปิด"]),
    column("assignTo", Form::Code, &["owner", "assigned to", "staff code", "ผู้รับผิดชอบ", "รหัสพนักงาน", "เจ้าของ"]),
    column("participantCodes", Form::List, &["participants", "ผู้ร่วมงาน"]),
    column("dealQuantity", Form::Amount, &["quantity", "จำนวน"]),
    column("dealQuantityUnit", Form::Text, &["unit", "deal measure unit unit name", "หน่วย"]),
    column("labelNames", Form::List, &["labels", "tags", "ป้าย", "ป้ายกำกับ"]),
    column("note", Form::Text, &["notes", "description", "details", "รายละเอียด", "หมายเหตุ"]),
    column("reasonName", Form::Text, &["missed reason", "lost reason", "reason", "เหตุผล", "เหตุผลที่ปิดไม่ได้"]),
    column("remark", Form::Text, &["ข้อสังเกต"]),
];

/// What a row is known by: its number.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    record.text("dealNo").map(|number| ("dealNo", deal::number_key(number))).into_iter().collect()
}

/// Writes one row.
pub(super) async fn write(
    tx: &mut Conn,
    task: &Task<'_>,
    gone: &HashMap<String, Row>,
    record: &Record,
) -> Result<Written, Error> {
    let (mut body, _) = record.fields();
    let company = task.caller.company;
    let known = match record.text("dealNo") {
        Some(number) => known(tx, company, number).await?,
        None => None,
    };
    if let Some(known) = &known {
        let zone = time::zone(tx, company).await?;
        for (field, at) in [("dealDate", known.deal_at), ("expectedCloseDate", known.close_at)] {
            let day = body.get(field).and_then(Value::as_str).filter(|text| !text.contains('T'));
            // A spreadsheet that shows the day alone does not say that it is at midnight.
            if day.and_then(time::read_day) == Some(time::day_of(at, &zone)) {
                body.remove(field);
            }
        }
    }
    let mut faults = Faults::default();
    let board = match body.remove("boardName") {
        Some(Value::String(name)) => faults.take(named(tx, company, List::Boards, "boardName", &name, None).await)?,
        _ => None,
    };
    if let Some(board) = &board {
        body.insert("boardId".to_owned(), board.id.into());
    }
    if let Some(Value::String(name)) = body.remove("dealStageName") {
        // A deal that is there stays on its board.
        let of = board.map(|board| board.id).or(known.map(|known| known.board));
        if let Some(stage) = faults.take(named(tx, company, List::Stages, "dealStageName", &name, of).await)? {
            body.insert("dealStageId".to_owned(), stage.id.into());
        }
    }
    if let Some(Value::String(name)) = body.remove("reasonName")
        && let Some(reason) = faults.take(named(tx, company, List::MissedReasons, "reasonName", &name, None).await)?
    {
        body.insert("reasonCategoryId".to_owned(), reason.id.into());
    }
    let number = record.text("dealNo").map(str::to_owned);
    body.remove("dealNo");
    let by = Actor { caller: task.caller.clone(), now: task.now };
    let back = to_bring_back(tx, "deals", gone, keys(record).pop()).await?;
    let is_back = back.is_some();
    if let Some(row) = back {
        deal::restore(tx, &by, row.id).await?;
    }
    // A row with an unknown name is written for nothing, so that whatever else is wrong with it is told as well.
    let saved = faults.take(deal::put_named(tx, &by, number.as_deref(), body).await)?;
    faults.end()?;
    let saved = saved.ok_or(Error::NotFound("deal"))?;
    Ok(Written::from(saved).again(is_back))
}

/// What a row leaves as it is of its deal.
#[derive(Debug, Deserialize)]
struct Known {
    board: i64,
    deal_at: i64,
    close_at: i64,
}

/// That of the deal of this number, if there is one.
async fn known(tx: &mut Conn, company: i64, number: &str) -> Result<Option<Known>, db::Error> {
    tx.sql("select board, deal_at, close_at from deal where company = $1 and number_key = $2")
        .bind(company)
        .bind(deal::number_key(number))
        .optional()
        .await
}

/// The entry of this Thai or English name; of a stage, on this board where one is given.
async fn named(
    tx: &mut Conn,
    company: i64,
    list: List,
    field: &str,
    name: &str,
    board: Option<i64>,
) -> Result<Choice, Error> {
    let wanted = choice::key(name);
    let fits = |one: &Choice| {
        let is_named = [Some(one.name.as_str()), one.name_en.as_deref()]
            .into_iter()
            .flatten()
            .any(|name| choice::key(name) == wanted);
        let of = one.detail.as_ref().and_then(|detail| detail["boardId"].as_i64());
        is_named && one.is_active && board.is_none_or(|board| of == Some(board))
    };
    let found = choice::all(tx, company, list).await?.into_iter().find(fits);
    found.ok_or_else(|| Error::invalid(Code::NotFound, field, format!("{field} “{name}” is not in {}", list.path())))
}

/// Deletes a deal that the import made, or gives one back what it was before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let key = deal::number_key(&line.record);
    let by = Actor { caller: caller.clone(), now };
    if !line.created {
        let Some(before) = &line.before else { return Ok(Undone::Kept("nothing is known of it")) };
        let found: Result<Row, Error> = record::find(tx, caller, "number_key", key).await;
        return match found {
            Err(Error::NotFound(_)) => Ok(Undone::Kept("it is gone")),
            Ok(row) if row.head().version != line.version => Ok(Undone::Kept("it was changed since")),
            Ok(row) => {
                let saved = deal::put_named(tx, &by, Some(&row.number), as_it_was(before)).await?;
                Ok(Undone::Restored(saved.row.head().version))
            }
            Err(error) => Err(error),
        };
    }
    let row: Row = match record::held(tx, caller, "number_key", key, &Conditions::default()).await {
        Err(Error::NotFound(_)) => return Ok(Undone::Kept("it is gone")),
        held => held?,
    };
    if row.head().version != line.version {
        return Ok(Undone::Kept("it was changed since"));
    }
    Ok(Undone::Restored(record::remove(tx, &by, row).await?.row.head().version))
}

/// A deal's answer in the words of its update.
fn as_it_was(view: &Value) -> Map<String, Value> {
    let mut body = Map::new();
    for (told, asked) in [
        ("dealsName", "dealName"),
        ("dealsValue", "dealValue"),
        ("dealsDate", "dealDate"),
        ("notes", "note"),
        ("probability", "probability"),
        ("expectedCloseDate", "expectedCloseDate"),
        ("assignTo", "assignTo"),
        ("participantCodes", "participantCodes"),
        ("dealQuantity", "dealQuantity"),
        ("dealQuantityUnit", "dealQuantityUnit"),
        ("dealStageId", "dealStageId"),
        ("reasonCategoryId", "reasonCategoryId"),
        ("remark", "remark"),
    ] {
        body.insert(asked.to_owned(), view[told].clone());
    }
    for (told, member, asked) in
        [("dealsInterests", "interestId", "dealInterests"), ("dealsLabels", "labelId", "dealLabels")]
    {
        let ids: Vec<&Value> = view[told].as_array().into_iter().flatten().map(|one| &one[member]).collect();
        body.insert(asked.to_owned(), json!(ids));
    }
    body
}

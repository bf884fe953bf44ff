//! Employees: a row is the employee of its staff code.

use std::collections::HashMap;

use db::Conn;
use serde_json::{Map, Value};

use super::cell::Form;
use super::header::{Column, column};
use super::kind::{Line, Task, Undone, Written};
use super::record::Record;
use super::undo::was_undone;
use crate::http::{Caller, Code, Conditions, Error, lenient};
use crate::staff::employee::{self, EmployeeUpsert, Row};

/// The columns, by the fields of `PUT /v1/Employees`.
pub(super) const COLUMNS: &[Column] = &[
    column(
        "staffCode",
        Form::Code,
        &["employee code", "employee id", "employee no", "code", "รหัสพนักงาน", "รหัส", "เลขที่พนักงาน", "เลขประจำตัวพนักงาน"],
    ),
    column("email", Form::Email, &["e-mail", "email address", "username", "login", "อีเมล", "อีเมล์", "อีเมลล์", "ชื่อผู้ใช้"]),
    column("firstname", Form::Text, &["first name", "given name", "name", "ชื่อ", "ชื่อจริง", "ชื่อพนักงาน"]),
    column("lastname", Form::Text, &["last name", "surname", "family name", "นามสกุล", "สกุล"]),
    column("nickname", Form::Text, &["nick name", "ชื่อเล่น"]),
    column(
        "phoneNumber",
        Form::Phone,
        &["phone", "telephone", "tel", "mobile", "โทรศัพท์", "เบอร์โทร", "เบอร์โทรศัพท์", "มือถือ", "เบอร์มือถือ"],
    ),
    column("roleName", Form::Text, &["role", "permission", "บทบาท", "สิทธิ์", "สิทธิ์การใช้งาน"]),
    column("teamName", Form::Text, &["team", "department", "ทีม", "แผนก", "ฝ่าย"]),
    column(
        "headCode",
        Form::Code,
        &["head", "manager", "manager code", "supervisor", "reports to", "superior", "หัวหน้า", "รหัสหัวหน้า", "ผู้บังคับบัญชา"],
    ),
    column("isActive", Form::Flag, &["active", "status", "enabled", "สถานะ", "ใช้งาน", "การใช้งาน"]),
    column("timeZone", Form::Text, &["timezone", "เขตเวลา"]),
];

/// What a row is known by: its staff code.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    record.text("staffCode").map(|code| ("staffCode", employee::key(code))).into_iter().collect()
}

/// The employees that a lot of rows is about, as far as they are there, and their superiors.
#[derive(Debug)]
pub(super) struct Lot {
    known: HashMap<String, Row>,
}

pub(super) async fn prepare(tx: &mut Conn, company: i64, records: &[&Record]) -> Result<Lot, Error> {
    let codes = records.iter().flat_map(|record| [record.text("staffCode"), record.text("headCode")]);
    let codes: Vec<String> = codes.flatten().map(employee::key).collect();
    let rows = employee::by_codes(tx, company, &codes).await?;
    Ok(Lot { known: rows.into_iter().map(|row| (employee::key(row.staff_code()), row)).collect() })
}

impl Lot {
    pub(super) async fn write(&self, tx: &mut Conn, task: &Task<'_>, record: &Record) -> Result<Written, Error> {
        let (mut body, _) = record.fields();
        let old = record.text("staffCode").and_then(|code| self.known.get(&employee::key(code)));
        // What the API demands and the row does not say stays as it is.
        let before = old.map(before).unwrap_or_default();
        for field in ["staffCode", "email", "firstname", "lastname", "roleName", "teamName"] {
            if let Some(value) = before.get(field) {
                body.entry(field).or_insert_with(|| value.clone());
            }
        }
        if let Some(old) = old.filter(|old| !old.is_active() && !body.contains_key("isActive"))
            && was_undone(tx, task.caller.company, "employees", &employee::key(old.staff_code()), old.version).await?
        {
            body.insert("isActive".to_owned(), true.into());
        }
        // A superior who comes further down is named in the second run, when everybody is there.
        let head = record.text("headCode").map(employee::key);
        let comes_later =
            |head: &String| !self.known.contains_key(head) && (task.in_file)(&("staffCode", head.clone()));
        if !task.is_second && head.as_ref().is_some_and(comes_later) {
            body.remove("headCode");
        }
        put(tx, task.caller, body, task.now).await
    }
}

async fn put(tx: &mut Conn, caller: &Caller, body: Map<String, Value>, now: i64) -> Result<Written, Error> {
    let input: EmployeeUpsert = lenient::decode_value(&Value::Object(body)).map_err(Error::Invalid)?;
    employee::check(&input)?;
    let written = employee::put(tx, caller, &input, &Conditions::default(), now).await?;
    Ok(Written {
        record: employee::key(written.row.staff_code()),
        change: written.outcome,
        version: written.row.version,
        warnings: Vec::new(),
    })
}

/// What an employee is written with to be as it is.
fn before(row: &Row) -> Map<String, Value> {
    upsert(row.entered())
}

/// What was entered, in the words of the request.
fn upsert(entered: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = entered else { return Map::new() };
    for (told, asked) in [("role", "roleName"), ("team", "teamName")] {
        if let Some(value) = fields.remove(told) {
            fields.insert(asked.to_owned(), value);
        }
    }
    fields
}

/// Takes an employee that the import made out of use, because the API deletes none, or gives one back what was entered
/// before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let found = employee::by_codes(tx, caller.company, std::slice::from_ref(&line.record)).await?;
    let Some(row) = found.into_iter().next() else { return Ok(Undone::Kept("it is gone")) };
    if row.version != line.version {
        return Ok(Undone::Kept("it was changed since"));
    }
    let body = match (line.created, &line.before) {
        (true, _) => {
            let mut body = before(&row);
            body.insert("isActive".to_owned(), false.into());
            body
        }
        (false, Some(entered)) => upsert(entered.clone()),
        (false, None) => return Ok(Undone::Kept("nothing is known of it")),
    };
    match put(tx, caller, body, now).await {
        Ok(written) => Ok(Undone::Restored(written.version)),
        Err(Error::Invalid(faults)) if faults.iter().any(|fault| fault.code == Code::NotFound) => {
            Ok(Undone::Kept("its superior is gone"))
        }
        Err(error) => Err(error),
    }
}

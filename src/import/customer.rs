//! Customers.
//!
//! A row with a code is the customer of that code. One without is the customer with its tax number and branch, when it has
//! both, or else the one of its name; so a file can be handed in twice without making doubles.

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde_json::{Map, Value, json};

use super::cell::Form;
use super::header::{Column, column};
use super::kind::{Change, Line, Task, Undone, Written};
use super::record::Record;
use super::undo::was_undone;
use crate::customer::{self, CustomerWrite, Row};
use crate::http::{Caller, Conditions, Error, lenient};
use crate::setting::choice;

const STATES: &[(i64, &[&str])] = &[
    (1, &["lead", "ผู้สนใจ", "ผู้มุ่งหวัง", "ลีด"]),
    (2, &["prospect", "ว่าที่ลูกค้า", "ผู้มีโอกาสเป็นลูกค้า"]),
    (3, &["customer", "ลูกค้า"]),
];
const STATUSES: &[(i64, &[&str])] = &[
    (0, &["active", "ใช้งาน", "ปกติ"]),
    (1, &["ended", "inactive", "สิ้นสุด", "ไม่ใช้งาน"]),
    (2, &["closed", "ปิด", "ปิดกิจการ"]),
];
const TYPES: &[(i64, &[&str])] = &[
    (1, &["business", "company", "corporate", "juristic person", "นิติบุคคล", "บริษัท", "องค์กร"]),
    (2, &["individual", "person", "personal", "บุคคลธรรมดา", "บุคคล"]),
];
const GENDERS: &[(i64, &[&str])] = &[(1, &["male", "m", "ชาย"]), (2, &["female", "f", "หญิง"])];
const MARITAL: &[(i64, &[&str])] = &[
    (1, &["single", "โสด"]),
    (2, &["engaged", "หมั้น"]),
    (3, &["married", "สมรส", "แต่งงาน"]),
    (4, &["separated", "แยกกันอยู่"]),
    (5, &["divorced", "หย่า", "หย่าร้าง"]),
    (6, &["widowed", "หม้าย", "ม่าย"]),
];
const LEAD: &[(i64, &[&str])] = &[
    (1, &["new", "ใหม่"]),
    (2, &["follow-up", "ติดตาม"]),
    (3, &["unqualified", "ไม่ผ่านเกณฑ์", "ไม่มีคุณสมบัติ"]),
    (4, &["interested", "สนใจ"]),
];
const PLACES: &[(i64, &[&str])] =
    &[(1, &["billing", "ที่อยู่ออกใบกำกับภาษี", "ออกบิล"]), (2, &["shipping", "delivery", "ที่อยู่จัดส่ง", "จัดส่ง"])];

/// The columns, by the fields of `POST /v3/customers`. One address and one contact stand in a row.
pub(super) const COLUMNS: &[Column] = &[
    column("customerCode", Form::Code, &["customer code", "code", "customer no", "รหัสลูกค้า", "รหัส", "เลขที่ลูกค้า"]),
    column(
        "customerName",
        Form::Text,
        &["name", "customer", "company name", "full name", "ชื่อลูกค้า", "ชื่อ", "ชื่อบริษัท", "ชื่อ-นามสกุล", "ชื่อ นามสกุล"],
    ),
    column("customerState", Form::Choice(STATES), &["state", "lifecycle stage", "สถานะลูกค้า", "ขั้น", "ระดับลูกค้า"]),
    column("customerStatus", Form::Choice(STATUSES), &["status", "active", "สถานะ", "สถานะการใช้งาน"]),
    column("customerType", Form::Choice(TYPES), &["type", "ประเภทลูกค้า", "ประเภท", "ประเภทบุคคล"]),
    column("customerPicture", Form::Text, &["picture", "picture url", "image", "logo", "รูป", "รูปภาพ"]),
    column(
        "customer2ndName",
        Form::Text,
        &["second name", "2nd name", "name (english)", "english name", "ชื่อที่สอง", "ชื่ออังกฤษ", "ชื่อภาษาอังกฤษ"],
    ),
    column("customerAliases", Form::Names, &["aliases", "alias", "other names", "ชื่ออื่น", "ชื่อเรียกอื่น", "นามแฝง"]),
    column(
        "customerTaxNo",
        Form::TaxNo,
        &[
            "tax no",
            "tax id",
            "tax number",
            "vat no",
            "vat number",
            "tin",
            "เลขประจำตัวผู้เสียภาษี",
            "เลขผู้เสียภาษี",
            "เลขที่ผู้เสียภาษี",
            "เลขประจำตัวผู้เสียภาษีอากร",
        ],
    ),
    column("branchCode", Form::Branch, &["branch", "branch no", "รหัสสาขา", "สาขา", "เลขที่สาขา", "สาขาที่"]),
    column(
        "customerPhone",
        Form::Phone,
        &["phone", "phone number", "telephone", "tel", "โทรศัพท์", "เบอร์โทร", "เบอร์โทรศัพท์", "โทร", "หมายเลขโทรศัพท์"],
    ),
    column(
        "customerMobile",
        Form::Phone,
        &["mobile", "mobile phone", "mobile number", "cell phone", "มือถือ", "เบอร์มือถือ", "โทรศัพท์มือถือ"],
    ),
    column("customerEmail", Form::Email, &["email", "e-mail", "email address", "mail", "อีเมล", "อีเมล์", "อีเมลล์"]),
    column("customerPosition", Form::Text, &["position", "job title", "title", "ตำแหน่ง", "ตำแหน่งงาน"]),
    column("customerGender", Form::Choice(GENDERS), &["gender", "sex", "เพศ"]),
    column("customerMaritalStatus", Form::Choice(MARITAL), &["marital status", "สถานภาพ", "สถานภาพสมรส"]),
    column(
        "customerBirthdate",
        Form::Day,
        &["birthdate", "birth date", "date of birth", "birthday", "dob", "วันเกิด", "วันเดือนปีเกิด"],
    ),
    column("customerIncome", Form::Text, &["income", "รายได้"]),
    column("creditLimit", Form::Text, &["credit limit", "credit", "วงเงินเครดิต", "วงเงิน"]),
    column("sourceName", Form::Text, &["source", "lead source", "แหล่งที่มา", "ที่มา", "ช่องทาง"]),
    column("customerGroupName", Form::Text, &["customer group", "group", "กลุ่มลูกค้า", "กลุ่ม"]),
    column("leadStatus", Form::Choice(LEAD), &["lead status", "สถานะลีด", "สถานะผู้สนใจ"]),
    column(
        "unqulifiedReasonName",
        Form::Text,
        &["unqualified reason", "unqualified reason name", "เหตุผลที่ไม่ผ่าน", "สาเหตุที่ไม่ผ่าน"],
    ),
    column("unqulifiedReasonNote", Form::Text, &["unqualified note", "unqualified reason note", "หมายเหตุที่ไม่ผ่าน"]),
    column("interestsName", Form::List, &["interests", "interest", "ความสนใจ", "สิ่งที่สนใจ"]),
    column("customerTags", Form::List, &["tags", "tag", "labels", "แท็ก", "ป้ายกำกับ"]),
    column("classificationName", Form::Text, &["classification", "class", "grade", "เกรด", "ระดับ", "การจัดชั้น"]),
    column("customerNote", Form::Text, &["note", "notes", "remark", "remarks", "comment", "หมายเหตุ", "บันทึก"]),
    column(
        "owners",
        Form::List,
        &[
            "owner",
            "sales",
            "sales person",
            "salesperson",
            "sales code",
            "assigned to",
            "ผู้ดูแล",
            "พนักงานขาย",
            "ผู้รับผิดชอบ",
            "เซลล์",
        ],
    ),
    column("addresses.locationAddress", Form::Text, &["address", "ที่อยู่"]),
    column("addresses.locationName", Form::Text, &["place", "address name", "ชื่อสถานที่", "สถานที่"]),
    column("addresses.locationType", Form::Choice(PLACES), &["address type", "ประเภทที่อยู่"]),
    column("addresses.latitude", Form::Text, &["lat", "ละติจูด"]),
    column("addresses.longitude", Form::Text, &["lng", "long", "lon", "ลองจิจูด"]),
    column("contacts.contactName", Form::Text, &["contact", "contact person", "ผู้ติดต่อ", "ชื่อผู้ติดต่อ"]),
    column("contacts.contactPhone", Form::Phone, &["โทรศัพท์ผู้ติดต่อ", "เบอร์ผู้ติดต่อ"]),
    column("contacts.contactMobile", Form::Phone, &["มือถือผู้ติดต่อ"]),
    column("contacts.contactEmail", Form::Email, &["อีเมลผู้ติดต่อ"]),
    column("contacts.contactPosition", Form::Text, &["contact title", "ตำแหน่งผู้ติดต่อ"]),
    column("contacts.contactBirthdate", Form::Day, &["วันเกิดผู้ติดต่อ"]),
    column("contacts.contactNote", Form::Text, &["หมายเหตุผู้ติดต่อ"]),
    column("customerSocialAccount.line", Form::Text, &["line id", "ไลน์", "ไลน์ไอดี", "ไอดีไลน์"]),
    column("customerSocialAccount.facebook", Form::Text, &["fb", "เฟซบุ๊ก", "เฟสบุ๊ค"]),
    column("customerSocialAccount.instagram", Form::Text, &["ig", "อินสตาแกรม"]),
    column("customerSocialAccount.linkedin", Form::Text, &[]),
    column("customerSocialAccount.skype", Form::Text, &[]),
    column("customerSocialAccount.telegram", Form::Text, &[]),
    column("customerSocialAccount.wechat", Form::Text, &[]),
    column("customerSocialAccount.whatsapp", Form::Phone, &[]),
];

/// What a row is known by: its code; its tax number and branch; its name.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    let code = record.text("customerCode").map(|code| ("customerCode", customer::key(code)));
    let tax = registration(record).filter(|_| code.is_none());
    let name = record.text("customerName").map(|name| ("customerName", customer::key(name)));
    code.into_iter()
        .chain(tax.map(|(number, branch)| ("customerTaxNo", format!("{number}/{branch}"))))
        .chain(name)
        .collect()
}

/// Tax number and branch, where a row has both.
fn registration(record: &Record) -> Option<(String, String)> {
    Some((customer::tax_key(record.text("customerTaxNo")?), record.text("branchCode")?.to_owned()))
}

/// The customers that a lot of rows is about, as far as they are there.
#[derive(Debug, Default)]
pub(super) struct Lot {
    by_code: HashMap<String, Row>,
    by_name: HashMap<String, Row>,
    by_tax: HashMap<(String, String), Row>,
}

/// Reads them: a statement for each way in which rows are known.
pub(super) async fn prepare(tx: &mut Conn, company: i64, records: &[&Record]) -> Result<Lot, Error> {
    let (mut codes, mut names, mut taxes) = (one_column(), one_column(), one_column());
    let mut codes_held: Vec<&str> = records.iter().filter_map(|record| record.text("customerCode")).collect();
    for record in records {
        match (record.text("customerCode"), registration(record), record.text("customerName")) {
            (Some(code), _, _) => drop(codes.push([customer::key(code).into()])),
            (None, tax, name) => {
                if let Some((number, _)) = tax {
                    taxes.push([number.into()]);
                }
                if let Some(name) = name {
                    names.push([customer::key(name).into()]);
                }
            }
        }
    }
    // Locks are taken in one order: records, look-up lists, running numbers.
    codes_held.sort_unstable();
    for code in &codes_held {
        customer::hold_code(tx, company, code).await?;
    }
    let mut lot = Lot::default();
    for row in
        known(tx, company, " as input cross join customer where customer.code_key = input.wanted", &codes).await?
    {
        let key = customer::key(&row.code);
        // The code of one that was merged leads to the survivor, as it does everywhere.
        let row = match row.merged_into {
            Some(_) => customer::by_code(tx, company, &key).await?.unwrap_or(row),
            None => row,
        };
        lot.by_code.insert(key, row);
    }
    let by_name =
        " as input cross join customer where customer.name_key = input.wanted and customer.deleted_at is null";
    for row in known(tx, company, by_name, &names).await? {
        lot.by_name.insert(customer::key(&row.name), row);
    }
    let by_tax = " as input cross join customer where customer.tax_key = input.wanted and customer.deleted_at is null";
    let mut several = Vec::new();
    for row in known(tx, company, by_tax, &taxes).await? {
        let Some((number, branch)) = row.tax_no.as_deref().zip(row.branch.clone()) else { continue };
        let registration = (customer::tax_key(number), branch);
        let id = row.id;
        if lot.by_tax.insert(registration.clone(), row).is_some_and(|other| other.id != id) {
            several.push(registration);
        }
    }
    // A registration that several customers have does not say which is meant.
    lot.by_tax.retain(|registration, _| !several.contains(registration));
    let rows = lot.by_code.values().chain(lot.by_name.values()).chain(lot.by_tax.values());
    let mut ids: Vec<i64> = rows.map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    customer::hold_all(tx, company, &ids).await?;
    if records.len() > 1 {
        choice::hold_lists(tx, company).await?;
    }
    Ok(lot)
}

fn one_column() -> Rows {
    Rows::new(&[("wanted", Type::Text)])
}

/// The customers that a join of what is wanted finds. `cross join` keeps its order on SQLite, which would otherwise go through
/// every customer for each lot.
async fn known(tx: &mut Conn, company: i64, join: &'static str, wanted: &Rows) -> Result<Vec<Row>, db::Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let query = tx.select::<Row>("customer").push(" from ").push_rows(wanted).push(join);
    query.push(" and customer.company = ").push_bind(company).all().await
}

impl Lot {
    fn find(&self, record: &Record) -> Option<&Row> {
        if let Some(code) = record.text("customerCode") {
            return self.by_code.get(&customer::key(code));
        }
        let by_tax = registration(record).and_then(|registration| self.by_tax.get(&registration));
        by_tax.or_else(|| self.by_name.get(&customer::key(record.text("customerName")?)))
    }

    pub(super) async fn write(&self, tx: &mut Conn, task: &Task<'_>, record: &Record) -> Result<Written, Error> {
        let old = self.find(record);
        let body = body(record, old);
        if let Some(old) = old.filter(|old| old.deleted_at.is_some())
            && was_undone(tx, old.company, "customers", &old.id.to_string(), old.version).await?
        {
            // It is made again, so that taking this import back deletes it again.
            customer::restore(tx, task.caller, old.clone(), task.now).await?;
            let written = put(tx, task.caller, body, task.now).await?;
            return Ok(Written { change: Change::Created, ..written });
        }
        put(tx, task.caller, body, task.now).await
    }
}

async fn put(tx: &mut Conn, caller: &Caller, body: Map<String, Value>, now: i64) -> Result<Written, Error> {
    let (input, faults) = lenient::decode_value_all::<CustomerWrite>(&Value::Object(body)).map_err(Error::Invalid)?;
    input.check(faults)?;
    let written = customer::put(tx, caller, &input, &Conditions::default(), now).await?;
    let field = |warning: &str| {
        let named = ["customerTaxNo", "branchCode", "owners"].into_iter().find(|field| warning.starts_with(field));
        named.unwrap_or_default()
    };
    Ok(Written {
        record: written.row.id.to_string(),
        change: written.outcome,
        version: written.row.version,
        warnings: written.warnings.into_iter().map(|warning| (field(&warning), warning)).collect(),
    })
}

/// The request that a row stands for. What the API demands and the row does not say stays as it is; a new record is a
/// customer. An address and a contact are put among those that are there.
fn body(record: &Record, old: Option<&Row>) -> Map<String, Value> {
    let (mut body, nested) = record.fields();
    if let Some(old) = old {
        body.insert("customerCode".to_owned(), old.code.clone().into());
    }
    let state = old.map_or(3, |old| old.state);
    body.entry("customerState").or_insert_with(|| state.into());
    if let Some(old) = old {
        body.entry("customerName").or_insert_with(|| old.name.clone().into());
    }
    let (mut address, mut contact, mut social, mut custom) = (Map::new(), Map::new(), Map::new(), Vec::new());
    for (above, name, value) in nested {
        match above {
            "addresses" => drop(address.insert(name.to_owned(), value.clone())),
            "contacts" => drop(contact.insert(name.to_owned(), value.clone())),
            "customerSocialAccount" => drop(social.insert(name.to_owned(), value.clone())),
            _ => custom.push(json!({"customFieldName": name, "customFieldValue": [value]})),
        }
    }
    let addresses = old.map_or_else(Vec::new, |old| objects(&old.profile.addresses));
    let contacts = old.map_or_else(Vec::new, |old| objects(&old.profile.contacts));
    if !address.is_empty() {
        let kind = address.get("locationType").cloned();
        let is_it = |known: &Map<String, Value>| kind.is_none() || known.get("locationType") == kind.as_ref();
        body.insert("addresses".to_owned(), among(addresses, address, is_it));
    }
    if !contact.is_empty() {
        let wanted = contact.get("contactName").and_then(Value::as_str).map(customer::key);
        let is_it = |known: &Map<String, Value>| {
            wanted.is_none() || known.get("contactName").and_then(Value::as_str).map(customer::key) == wanted
        };
        body.insert("contacts".to_owned(), among(contacts, contact, is_it));
    }
    if !social.is_empty() {
        body.insert("customerSocialAccount".to_owned(), Value::Object(social));
    }
    if !custom.is_empty() {
        body.insert("customFields".to_owned(), Value::Array(custom));
    }
    body
}

fn objects(items: &[impl serde::Serialize]) -> Vec<Map<String, Value>> {
    let values = items.iter().filter_map(|item| serde_json::to_value(item).ok());
    values.filter_map(|value| if let Value::Object(object) = value { Some(object) } else { None }).collect()
}

/// The list with one more entry, or with the one that is meant changed.
fn among(
    mut known: Vec<Map<String, Value>>,
    new: Map<String, Value>,
    is_it: impl Fn(&Map<String, Value>) -> bool,
) -> Value {
    match known.iter_mut().find(|entry| is_it(entry)) {
        Some(entry) => entry.extend(new),
        None => known.push(new),
    }
    known.into_iter().map(Value::Object).collect()
}

/// Deletes a customer that the import made, or gives one back what was entered before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let id = line.record.parse().unwrap_or_default();
    customer::hold(tx, caller.company, id).await?;
    let Some(row) = customer::exactly(tx, caller.company, id).await? else { return Ok(Undone::Kept("it is gone")) };
    if row.version != line.version || row.deleted_at.is_some() {
        return Ok(Undone::Kept("it was changed since"));
    }
    if line.created {
        return Ok(Undone::Restored(customer::delete(tx, caller, row, now).await?.version));
    }
    let Some(Value::Object(mut before)) = line.before.clone() else {
        return Ok(Undone::Kept("nothing is known of it"));
    };
    // Custom fields change by name: those that came with the import are named, without a value.
    let known: Vec<Value> = before.get("customFields").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_new = |name: &str| !known.iter().any(|field| field["customFieldName"] == name);
    let names = row.profile.custom_fields.iter().map(|field| field.custom_field_name.as_str());
    let gone = names.filter(|name| is_new(name)).map(|name| json!({"customFieldName": name, "customFieldValue": []}));
    let fields = known.iter().cloned().chain(gone).collect();
    before.insert("customFields".to_owned(), fields);
    Ok(Undone::Restored(put(tx, caller, before, now).await?.version))
}

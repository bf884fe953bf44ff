//! Products: a row is the item of its code. Variants are changed by their own codes, and made through the API.

use db::Conn;
use serde_json::{Map, Value};

use super::cell::Form;
use super::header::{Column, column, key};
use super::kind::{Change, Line, Task, Undo, Undone, Written};
use super::record::{Nested, Record};
use super::undo::was_undone;
use crate::http::{Code, Error, lenient};
use crate::product::legacy::TIER;
use crate::product::plan::Demand;
use crate::product::put::Batch;
use crate::product::stock::{self, UNDO};
use crate::product::store::{self, Row};
use crate::product::{ProductWrite, removal};
use crate::record;

/// What people call a product's code.
pub(super) const CODE: Column = column(
    "productCode",
    Form::Code,
    &["product code", "code", "sku", "item code", "item no", "product no", "รหัสสินค้า", "รหัส", "เลขที่สินค้า"],
);

pub(super) const BARCODE: Column =
    column("productBarcode", Form::Code, &["barcode", "bar code", "ean", "upc", "gtin", "บาร์โค้ด", "บาร์โคด", "รหัสแท่ง"]);

/// The columns, by the fields of `POST /v3/products`. One price stands in a row; those of further tiers are named by a
/// mapping.
pub(super) const COLUMNS: &[Column] = &[
    CODE,
    BARCODE,
    column(
        "productName",
        Form::Text,
        &["product name", "name", "item name", "item", "title", "ชื่อสินค้า", "ชื่อ", "รายการ", "ชื่อรายการ", "รายการสินค้า"],
    ),
    column("productDescription", Form::Text, &["description", "details", "รายละเอียด", "รายละเอียดสินค้า", "คำอธิบาย"]),
    column(
        "category",
        Form::Text,
        &[
            "main category",
            "product group",
            "group",
            "หมวด",
            "หมวดหมู่",
            "หมวดสินค้า",
            "หมวดหมู่สินค้า",
            "กลุ่มสินค้า",
            "ประเภทสินค้า",
        ],
    ),
    column("subCategory", Form::Text, &["sub category", "sub group", "หมวดย่อย", "หมวดหมู่ย่อย", "กลุ่มย่อย"]),
    column("sub_SubCategory", Form::Text, &["third category", "หมวดย่อยที่ 2", "หมวดหมู่ย่อยที่ 2", "กลุ่มย่อยที่ 2"]),
    column("cost", Form::Amount, &["cost price", "unit cost", "ต้นทุน", "ราคาทุน", "ต้นทุนต่อหน่วย"]),
    column(
        "prices.regularPrice",
        Form::Amount,
        &["price", "unit price", "selling price", "list price", "ราคา", "ราคาขาย", "ราคาปกติ", "ราคาต่อหน่วย", "ราคาสินค้า"],
    ),
    column(
        "prices.salePrice",
        Form::Amount,
        &["reduced price", "discount price", "special price", "ราคาพิเศษ", "ราคาลด", "ราคาโปรโมชั่น"],
    ),
    column("prices.priceTierName", Form::Text, &["price tier", "tier", "price level", "ระดับราคา", "กลุ่มราคา"]),
    column(
        "prices.vatValue",
        Form::Percent,
        &["vat", "vat rate", "tax rate", "ภาษี", "ภาษีมูลค่าเพิ่ม", "อัตราภาษี", "ภาษีมูลค่าเพิ่ม %"],
    ),
    column("prices.useDefaultVat", Form::Flag, &["default vat", "ใช้ภาษีปกติ", "ใช้ vat ปกติ"]),
    column("prices.startsAt", Form::Day, &["price from", "ราคาเริ่มวันที่", "วันที่เริ่มราคา"]),
    column("prices.endsAt", Form::Day, &["price until", "ราคาถึงวันที่", "วันที่สิ้นสุดราคา"]),
    column("productUnitName", Form::Text, &["unit", "unit name", "uom", "unit of measure", "หน่วย", "หน่วยนับ", "ชื่อหน่วย"]),
    column("productWeight", Form::Amount, &["weight", "น้ำหนัก"]),
    column("productWeightUnit", Form::Text, &["weight unit", "หน่วยน้ำหนัก"]),
    column("brandName", Form::Text, &["brand", "ยี่ห้อ", "แบรนด์", "ตราสินค้า"]),
    column("productTag", Form::List, &["tags", "tag", "labels", "แท็ก", "ป้ายกำกับ"]),
    column(
        "productImage",
        Form::Names,
        &["image", "images", "image url", "picture", "pictures", "photo", "รูป", "รูปภาพ", "รูปสินค้า", "ภาพ"],
    ),
    column(
        "trackInventory",
        Form::Flag,
        &["track stock", "stock item", "นับสต็อก", "นับสต๊อก", "ติดตามสต็อก", "ติดตามสต๊อก", "คุมสต็อก", "คุมสต๊อก"],
    ),
    column(
        "qty",
        Form::Amount,
        &["quantity", "stock", "on hand", "in stock", "จำนวน", "คงเหลือ", "จำนวนคงเหลือ", "ยอดคงเหลือ", "สต็อก", "สต๊อก"],
    ),
    column(
        "lowStockAlert",
        Form::Amount,
        &["low stock", "reorder point", "minimum stock", "จุดสั่งซื้อ", "สต็อกขั้นต่ำ", "สต๊อกขั้นต่ำ", "แจ้งเตือนสต็อกต่ำ"],
    ),
    column("useWarranty", Form::Flag, &["warranty", "has warranty", "มีประกัน", "รับประกัน", "การรับประกัน"]),
    column(
        "timeWarrantyValue",
        Form::Amount,
        &["warranty period", "warranty length", "ระยะเวลารับประกัน", "ระยะรับประกัน"],
    ),
    column("timeWarrantyUnit", Form::Text, &["warranty unit", "หน่วยรับประกัน", "หน่วยระยะเวลารับประกัน"]),
    column("warrantyNote", Form::Text, &["warranty remark", "หมายเหตุรับประกัน", "หมายเหตุการรับประกัน"]),
    column("visibility", Form::Flag, &["visible", "for sale", "ขายได้", "แสดง", "เปิดขาย"]),
    column("active", Form::Flag, &["is active", "status", "enabled", "สถานะ", "ใช้งาน", "การใช้งาน"]),
];

/// What a row is known by: its code.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    record.text("productCode").map(|code| ("productCode", store::key(code))).into_iter().collect()
}

/// What a lot of rows is written with: the products that it is about are read already.
#[derive(Debug)]
pub(super) struct Lot<'a>(Batch<'a>);

pub(super) async fn prepare<'a>(tx: &mut Conn, task: &Task<'a>, records: &[&Record]) -> Result<Lot<'a>, Error> {
    let codes: Vec<&str> = records.iter().filter_map(|record| record.text("productCode")).collect();
    let mut batch = Batch::open(tx, task.caller, task.now).await?.noting(task.note);
    batch.gather(tx, &codes).await?;
    Ok(Lot(batch))
}

impl Lot<'_> {
    pub(super) async fn write(&mut self, tx: &mut Conn, task: &Task<'_>, record: &Record) -> Result<Written, Error> {
        let Lot(batch) = self;
        let code = record.text("productCode").unwrap_or_default();
        let old = batch.gathered(code);
        let (mut body, nested) = record.fields();
        let (prices, tiers) = prices(&nested, || old.map(|old| batch.entered(old)["prices"].take()));
        if !prices.is_empty() {
            body.insert("prices".to_owned(), prices.into());
        }
        if let Some(Value::String(unit)) = body.get_mut("timeWarrantyUnit") {
            *unit = warranty_unit(unit).to_owned();
        }
        let deleted = old.map(|(row, _)| row).filter(|row| row.deleted_at.is_some()).cloned();
        if old.is_none() {
            // Whoever gives these of a new product means them to count.
            for (says, flag) in
                [("qty", "trackInventory"), ("lowStockAlert", "trackInventory"), ("timeWarrantyValue", "useWarranty")]
            {
                if body.contains_key(says) {
                    body.entry(flag).or_insert(Value::Bool(true));
                }
            }
        }
        let mut is_back = false;
        if let Some(row) = deleted
            && was_undone(tx, row.company, "products", &row.id.to_string(), row.version).await?
        {
            // It is made again, so that taking this import back deletes it again.
            removal::restore(tx, task.caller, row, task.now).await?;
            batch.forget(code);
            is_back = true;
        }
        let put = put(tx, batch, body).await.map_err(|error| in_tiers(error, &tiers))?;
        let written = written(put);
        Ok(if is_back { Written { change: Change::Created, ..written } } else { written })
    }
}

async fn put(tx: &mut Conn, batch: &mut Batch<'_>, body: Map<String, Value>) -> Result<record::Written<Row>, Error> {
    let (input, found) = lenient::decode_value_all::<ProductWrite>(&Value::Object(body)).map_err(Error::Invalid)?;
    // What could not be read has stand-ins in its place, which are not to be looked for in the database.
    let is_read = found.is_empty();
    let mut faults = input.check(found);
    if !is_read {
        return Err(Error::Invalid(std::mem::take(faults.list())));
    }
    let plan = batch.plan(tx, &input, faults, Demand::Usual).await?;
    batch.carry_out(tx, plan).await
}

fn written(record::Written { row, outcome }: record::Written<Row>) -> Written {
    Written { record: row.id.to_string(), change: outcome, version: row.version, warnings: Vec::new() }
}

/// The product's prices with those of the row among them: the one of the same tier is changed. Beside them the place and
/// the tier of each that a mapping names. Nothing when the row has no price.
fn prices(nested: &[Nested<'_>], known: impl FnOnce() -> Option<Value>) -> (Vec<Value>, Vec<(usize, String)>) {
    let (mut one, mut mapped) = (Map::new(), Vec::new());
    for (_, name, value) in nested.iter().filter(|(above, _, _)| *above == "prices") {
        if COLUMNS.iter().any(|column| column.field.strip_prefix("prices.") == Some(name)) {
            one.insert((*name).to_owned(), (*value).clone());
        } else {
            mapped.push((*name, value.as_str().unwrap_or_default().to_owned()));
        }
    }
    if one.is_empty() && mapped.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut prices = match known() {
        Some(Value::Array(prices)) => prices,
        _ => Vec::new(),
    };
    // The VAT of the row is that of all its prices.
    let vat: Map<String, Value> =
        one.iter().filter(|(name, _)| matches!(name.as_str(), "vatValue" | "useDefaultVat")).map(pair).collect();
    if !one.is_empty() {
        let tier = one.remove("priceTierName").as_ref().and_then(Value::as_str).map(str::to_owned);
        let first = || prices.first().and_then(|price| price["priceTierName"].as_str()).map(str::to_owned);
        let tier = tier.or_else(first).unwrap_or_else(|| TIER.to_owned());
        among(&mut prices, &tier, one);
    }
    let mut tiers = Vec::with_capacity(mapped.len());
    for (tier, amount) in mapped {
        let mut price = vat.clone();
        price.insert("regularPrice".to_owned(), amount.into());
        tiers.push((among(&mut prices, tier, price), tier.to_owned()));
    }
    (prices, tiers)
}

fn pair((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Puts a price among others, where one of its tier is or at their end; answers where.
fn among(prices: &mut Vec<Value>, tier: &str, mut price: Map<String, Value>) -> usize {
    let is_it = |known: &Value| known["priceTierName"].as_str().is_some_and(|known| key(known) == key(tier));
    let place = prices.iter().position(is_it);
    match place.and_then(|place| prices.get_mut(place)).and_then(Value::as_object_mut) {
        Some(known) => known.extend(price),
        None => {
            let is_usual = !price.contains_key("vatValue");
            price.entry("useDefaultVat").or_insert(is_usual.into());
            price.insert("priceTierName".to_owned(), tier.into());
            prices.push(Value::Object(price));
        }
    }
    place.unwrap_or(prices.len() - 1)
}

/// A fault of a price that a mapping names is one of that column.
fn in_tiers(error: Error, tiers: &[(usize, String)]) -> Error {
    let Error::Invalid(mut faults) = error else { return error };
    for fault in &mut faults {
        let of = |(place, _): &&(usize, String)| fault.field.starts_with(&format!("prices[{place}]"));
        if let Some((_, tier)) = tiers.iter().find(of) {
            fault.field = format!("prices.{tier}");
        }
    }
    Error::Invalid(faults)
}

/// The unit of a warranty, which people write out.
fn warranty_unit(text: &str) -> &str {
    const UNITS: [(&str, [&str; 4]); 3] = [
        ("y", ["year", "years", "yr", "ปี"]),
        ("m", ["month", "months", "mo", "เดือน"]),
        ("d", ["day", "days", "d", "วัน"]),
    ];
    let word = key(text);
    UNITS.into_iter().find(|(_, words)| words.iter().any(|known| key(known) == word)).map_or(text, |(unit, _)| unit)
}

/// Deletes a product that the import made, or gives one back what was entered before, its quantity too.
pub(super) async fn undo(tx: &mut Conn, undo: &Undo<'_>, line: &Line) -> Result<Undone, Error> {
    let company = undo.caller.company;
    let known = store::by_id(tx, company, line.record.parse().unwrap_or_default()).await?;
    let Some(Row { code, .. }) = known else { return Ok(Undone::Kept("it is gone")) };
    let row = removal::held(tx, company, &code).await?;
    if row.version != line.version || row.deleted_at.is_some() {
        return Ok(Undone::Kept("it was changed since"));
    }
    let last = stock::last(tx, company, row.id).await?.filter(|last| last.note.as_deref() != Some(undo.note));
    let has_moved = match &line.before {
        None => last.is_some_and(|last| last.at > undo.began),
        // What the import did not touch may have moved.
        Some(before) => last.is_some() && before.get("qty").is_some(),
    };
    if has_moved {
        return Ok(Undone::Kept("its stock has moved since"));
    }
    if line.created {
        return match removal::delete(tx, undo.caller, row, undo.now).await {
            Ok(row) => Ok(Undone::Restored(row.version)),
            Err(Error::Conflict(fault)) if fault.code == Code::InUse => {
                Ok(Undone::Kept("it is a part of a bundle now"))
            }
            Err(error) => Err(error),
        };
    }
    let Some(before) = &line.before else { return Ok(Undone::Kept("nothing is known of it")) };
    let input: ProductWrite = lenient::decode_value(before).map_err(Error::Invalid)?;
    let note = format!("{UNDO}{}", undo.note);
    let mut batch = Batch::open(tx, undo.caller, undo.now).await?.noting(&note);
    Ok(Undone::Restored(batch.put_back(tx, &input).await?.row.version))
}

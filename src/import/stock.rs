//! Stock: a row says how much there is of a product in a warehouse. What it says is entered in the ledger, in one go for
//! all rows of a lot.

use std::collections::HashMap;

use db::{Amount, Conn};
use serde_json::{Value, json};

use super::cell::Form;
use super::header::{Column, column, key};
use super::kind::{Change, Line, Task, Undo, Undone, Written};
use super::product;
use super::record::Record;
use crate::http::{Code, Error, lenient};
use crate::product::stock::set::{ProductStockItem, Quantities, put_back};
use crate::product::stock::{By, Cause, Reason, UNDO, codes_of};
use crate::product::store;

/// The columns, by the fields of `PUT /v1/products/stock`; a barcode may stand for the code.
pub(super) const COLUMNS: &[Column] = &[
    product::CODE,
    product::BARCODE,
    column("warehouse", Form::Code, &["warehouse name", "location", "store", "คลัง", "คลังสินค้า", "โกดัง", "สาขา"]),
    column(
        "qty",
        Form::Amount,
        &[
            "quantity",
            "stock",
            "on hand",
            "in stock",
            "count",
            "จำนวน",
            "คงเหลือ",
            "จำนวนคงเหลือ",
            "ยอดคงเหลือ",
            "จำนวนนับ",
            "สต็อก",
            "สต๊อก",
        ],
    ),
];

/// What a row is known by: code or barcode, and the warehouse.
pub(super) fn keys(record: &Record) -> Vec<(&'static str, String)> {
    let warehouse = record.text("warehouse").map(key).filter(|warehouse| warehouse != "0").unwrap_or_default();
    let known = ["productCode", "productBarcode"].into_iter().find_map(|field| Some((field, record.text(field)?)));
    known.map(|(field, text)| (field, format!("{}/{warehouse}", store::key(text)))).into_iter().collect()
}

/// The products that a lot of rows is about, whose stock is held, and what was entered so far.
#[derive(Debug)]
pub(super) struct Lot {
    /// The codes of the products that carry a barcode.
    by_barcode: HashMap<String, Vec<String>>,
    quantities: Quantities,
}

fn by<'a>(task: &Task<'a>) -> By<'a> {
    By::caller(task.caller, task.now)
}

pub(super) async fn prepare(tx: &mut Conn, task: &Task<'_>, records: &[&Record]) -> Result<Lot, Error> {
    let (named, others): (Vec<&Record>, Vec<&Record>) =
        records.iter().partition(|record| record.text("productCode").is_some());
    let barcodes: Vec<&str> = others.iter().filter_map(|record| record.text("productBarcode")).collect();
    let by_barcode = codes_of(tx, task.caller.company, &barcodes).await?;
    let codes = named.iter().filter_map(|record| record.text("productCode"));
    let codes = codes.chain(by_barcode.values().flatten().map(String::as_str));
    let quantities = Quantities::open(tx, &by(task), codes).await?;
    Ok(Lot { by_barcode, quantities })
}

impl Lot {
    /// Enters one row, in memory; what [`Lot::close`] writes.
    pub(super) fn write(&mut self, task: &Task<'_>, record: &Record) -> Result<Written, Error> {
        let (mut body, _) = record.fields();
        if record.text("productCode").is_none()
            && let Some(barcode) = record.text("productBarcode")
        {
            body.insert("productCode".to_owned(), self.code_of(barcode)?.into());
        }
        let item: ProductStockItem = lenient::decode_value(&Value::Object(body)).map_err(Error::Invalid)?;
        let cause = Cause { note: Some(task.note), ..Cause::of(Reason::Set) };
        let set = self.quantities.set(&item, &cause).map_err(Error::Invalid)?;
        Ok(Written {
            record: format!("{}/{}", set.product, set.warehouse),
            change: match set.was == item.qty {
                true => Change::Unchanged,
                false => Change::Updated(json!({"qty": set.was})),
            },
            version: set.number,
            warnings: Vec::new(),
        })
    }

    /// The code of the one product that carries this barcode.
    fn code_of(&self, barcode: &str) -> Result<&str, Error> {
        let (code, message) = match self.by_barcode.get(&store::key(barcode)).map(Vec::as_slice) {
            Some([code]) => return Ok(code),
            Some([_, _, ..]) => (Code::InvalidValue, "belongs to several products: send the productCode"),
            _ => (Code::NotFound, "is carried by no product"),
        };
        Err(Error::invalid(code, "productBarcode", format!("productBarcode “{barcode}” {message}")))
    }

    pub(super) async fn close(self, tx: &mut Conn, task: &Task<'_>) -> Result<(), Error> {
        self.quantities.close(tx, &by(task)).await
    }
}

/// Puts a quantity back to what it was, where nothing has moved it since.
pub(super) async fn undo(tx: &mut Conn, undo: &Undo<'_>, line: &Line) -> Result<Undone, Error> {
    let place = line.record.split_once('/').and_then(|(product, warehouse)| {
        let number = |text: &str| text.parse::<i64>().ok();
        number(product).zip(number(warehouse))
    });
    let was = line.before.as_ref().and_then(|before| serde_json::from_value::<Amount>(before["qty"].clone()).ok());
    let Some((place, was)) = place.zip(was) else { return Ok(Undone::Kept("nothing is known of it")) };
    let note = format!("{UNDO}{}", undo.note);
    let by = By::caller(undo.caller, undo.now);
    match put_back(tx, &by, place, line.version, (was, &note)).await? {
        Some(number) => Ok(Undone::Restored(number)),
        None => Ok(Undone::Kept("its stock has moved since")),
    }
}

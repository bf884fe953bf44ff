//! A row as a record: the values of its fields, and what is wrong with them.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::amount;
use super::cell::{self, Cell, Reading};
use super::header::{Column, Layout, form_of, key};
use super::sheet::SheetRow;
use crate::http::{Code, Fault};
use crate::search;

/// What is wrong with a row, or was put right in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct RowFault {
    /// Stable code, as in `errors`; `repaired`, or `warning`, for a row that was taken all the same.
    #[schema(example = "invalid_format")]
    pub(super) code: String,
    /// The column's header in the file.
    #[schema(example = "อีเมล")]
    pub(super) column: String,
    /// The same for people.
    #[schema(example = "customerEmail is not an e-mail address")]
    pub(super) message: String,
}

/// A row that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Its number in the spreadsheet.
    pub(super) number: i64,
    /// What it says, field by field; empty cells say nothing.
    values: Vec<(String, Value)>,
    /// Why it cannot be taken.
    pub(super) faults: Vec<RowFault>,
    /// What was put right.
    pub(super) warnings: Vec<RowFault>,
    /// Its cells as they stand in the file.
    pub(super) cells: Vec<String>,
    /// How many rows up to this one have the same in common, for each of [`super::kind::Kind::counted`].
    pub(super) places: Vec<usize>,
}

/// A value below a field: the field, its own name, and the value.
pub(super) type Nested<'r> = (&'r str, &'r str, &'r Value);

/// A code as it is written in answers.
pub(super) fn word(code: Code) -> String {
    json!(code).as_str().unwrap_or_default().to_owned()
}

/// Faults of a record's fields as faults of the row's columns.
pub(super) fn in_columns(faults: Vec<Fault>, layout: &Layout) -> Vec<RowFault> {
    let of_column = |fault: Fault| RowFault {
        code: word(fault.code),
        column: layout.header_of(&fault.field),
        message: fault.message,
    };
    faults.into_iter().map(of_column).collect()
}

/// Reads a row by the columns of its file.
pub(super) fn parse(row: SheetRow, layout: &Layout, columns: &[Column], reading: &Reading) -> Record {
    let mut record = Record {
        number: row.number,
        values: Vec::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
        cells: row.cells.iter().map(Cell::text).collect(),
        places: Vec::new(),
    };
    let of_row = |code: &str, message: &str| RowFault {
        code: code.to_owned(),
        column: String::new(),
        message: message.to_owned(),
    };
    record.faults.extend(row.wrong.as_deref().map(|why| of_row(&word(Code::InvalidFormat), why)));
    record.warnings.extend(row.doubt.as_deref().map(|why| of_row("warning", why)));
    if is_total(&row.cells) {
        record.faults.push(of_row("total", "this row looks like a total of the others, and is left out"));
        return record;
    }
    if repeats(&row.cells, layout) {
        record.faults.push(of_row("heading", "this row repeats the header, and is left out"));
        return record;
    }
    if row.cells.iter().skip(layout.columns.len()).any(|cell| !cell.is_empty()) {
        let message = "the row has more cells than the header";
        match reading.is_text {
            // A separator in a cell without quotation marks has moved the cells behind it.
            true => record.faults.push(of_row(&word(Code::InvalidFormat), message)),
            false => record.warnings.push(of_row("warning", message)),
        }
    }
    for (cell, column) in row.cells.iter().zip(&layout.columns) {
        let Some(field) = &column.field else { continue };
        let form = form_of(field, columns);
        let told = |code: String, message: String| RowFault { code, column: column.header.clone(), message };
        match cell::read(cell, form, reading) {
            Ok(None) => {}
            Ok(Some(read)) => {
                record.values.push((field.clone(), read.value));
                record.warnings.extend(read.warning.map(|message| told("repaired".to_owned(), message)));
            }
            Err((code, message)) => record.faults.push(told(word(code), message)),
        }
    }
    record
}

/// Whether a row is the header once more, as where two files were put together.
fn repeats(cells: &[Cell], layout: &Layout) -> bool {
    let texts = cells.iter().map(Cell::text).chain(std::iter::repeat_with(String::new));
    let says = |text: &str, header: &str| search::trimmed(text).to_lowercase() == header.to_lowercase();
    cells.len() <= layout.columns.len()
        && layout.columns.iter().zip(texts).all(|(column, text)| says(&text, &column.header))
}

/// What people write before a total.
const TOTALS: [&str; 24] = [
    "total",
    "totals",
    "grand total",
    "sub total",
    "sum",
    "net total",
    "total amount",
    "total qty",
    "รวม",
    "รวมทั้งสิ้น",
    "รวมทั้งหมด",
    "รวมเงิน",
    "รวมเป็นเงิน",
    "รวมจำนวน",
    "รวมยอด",
    "ยอดรวม",
    "ยอดรวมทั้งสิ้น",
    "ยอดรวมทั้งหมด",
    "ผลรวม",
    "จำนวนรวม",
    "รวมสุทธิ",
    "ยอดรวมสุทธิ",
    "ລວມ",
    "ລວມທັງໝົດ",
];

/// Whether a row says nothing but a total: one text that is a word for it, and numbers.
fn is_total(cells: &[Cell]) -> bool {
    let (mut words, mut others) = (0, 0);
    for cell in cells.iter().filter(|cell| !cell.is_empty()) {
        match cell {
            Cell::Text(text) if amount::is_number(text) => {}
            Cell::Text(text) => {
                let word = key(text);
                let word = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
                let word = ["รายการ", "ราย", "items", "customers", "products", "records", "rows"]
                    .iter()
                    .find_map(|unit| word.strip_suffix(unit))
                    .unwrap_or(word);
                let word = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
                let is_word = TOTALS.iter().any(|total| key(total) == word);
                (words, others) = (words + usize::from(is_word), others + usize::from(!is_word));
            }
            Cell::Number(_) | Cell::Uncomputed | Cell::Wrong(_) => {}
            _ => others += 1,
        }
    }
    words > 0 && others == 0
}

impl Record {
    /// The value of a field.
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| known == field).map(|(_, value)| value)
    }

    /// The text of a field.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str)
    }

    /// The plain fields as an object, and those below others (`contacts.contactName`) by what is above them.
    pub(super) fn fields(&self) -> (Map<String, Value>, Vec<Nested<'_>>) {
        let mut plain = Map::new();
        let mut nested = Vec::new();
        for (field, value) in &self.values {
            match field.split_once('.') {
                Some((above, name)) => nested.push((above, name, value)),
                None => drop(plain.insert(field.clone(), value.clone())),
            }
        }
        (plain, nested)
    }
}

/// What a record is known by, small enough to be kept for every row of a file.
pub(super) fn hash(key: &(&'static str, String)) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

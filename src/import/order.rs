//! Sales orders: a row is a line of the order of its number. Rows of one number make one order, whose other columns need only
//! stand in the first; a line that the order has already is not added again, and the only line of a product that says otherwise
//! is corrected. In a file without columns of lines a row is an order.

use std::sync::LazyLock;

use db::Conn;
use serde_json::{Map, Value, json};

use super::cell::Form;
use super::header::{Column, Layout, column};
use super::kind::{Line, Task, Undone, Written};
use super::record::Record;
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults, lenient};
use crate::product::store as products;
use crate::record::{self, Actor, Record as _};
use crate::sales::decimal::Decimal;
use crate::sales::order::{self, Row, SalesOrderWrite, Status};
use crate::search;

/// The property of an order's lines.
const LINES: &str = "salesOrderDetails";

/// The columns, by the fields of `POST /v2/salesorder`.
pub(super) const COLUMNS: &[Column] = &[
    column("salesOrderNo", Form::Code, &["order no", "order number", "so no", "เลขที่ใบสั่งขาย", "เลขที่คำสั่งซื้อ", "เลขที่"]),
    column("salesOrderSubject", Form::Text, &["subject", "title", "เรื่อง", "หัวข้อ"]),
    column("salesOrderDate", Form::Day, &["date", "order date", "วันที่", "วันที่สั่งซื้อ", "วันที่ขาย"]),
    column("salesOrderStatus", Form::Text, &["status", "สถานะ"]),
    column("customerCode", Form::Code, &["customer", "customer code", "รหัสลูกค้า", "ลูกค้า"]),
    column("staffCode", Form::Code, &["salesperson", "staff", "staff code", "พนักงานขาย", "รหัสพนักงาน"]),
    column("referenceNo", Form::Code, &["reference", "quotation no", "เลขที่อ้างอิง", "เลขที่ใบเสนอราคา"]),
    column("dealNo", Form::Code, &["deal", "deal no", "deal number", "เลขที่ดีล", "ดีล"]),
    column("currencyCode", Form::Code, &["currency", "สกุลเงิน"]),
    column("paymentTerm", Form::Text, &["terms", "payment terms", "เงื่อนไขการชำระเงิน"]),
    column("remark", Form::Text, &["remarks", "หมายเหตุ"]),
    column("vatCalculation", Form::Flag, &["price excludes vat", "ราคาไม่รวมภาษี"]),
    column("salesOrderDetails.productCode", Form::Code, &["product", "product code", "sku", "รหัสสินค้า", "สินค้า"]),
    column("salesOrderDetails.productName", Form::Text, &["product name", "ชื่อสินค้า", "รายการ"]),
    column("salesOrderDetails.qty", Form::Amount, &["quantity", "จำนวน"]),
    column("salesOrderDetails.price", Form::Amount, &["unit price", "ราคา", "ราคาต่อหน่วย"]),
    column("salesOrderDetails.discountValue", Form::Amount, &["discount", "ส่วนลด"]),
    column("salesOrderDetails.discountType", Form::Flag, &[]),
    // Not of the API: the same as a percentage.
    column("salesOrderDetails.discountPercent", Form::Percent, &["discount %", "ส่วนลด %"]),
    column("salesOrderDetails.vatTaxValue", Form::Percent, &["vat", "vat rate", "ภาษีมูลค่าเพิ่ม", "อัตราภาษี"]),
    column("salesOrderDetails.whtTaxValue", Form::Percent, &["wht", "withholding", "หัก ณ ที่จ่าย"]),
    // Below those of the lines, which have these names where there are lines.
    column("discountName", Form::Text, &["bill discount name", "ชื่อส่วนลดท้ายบิล"]),
    column("discountValue", Form::Amount, &["bill discount", "ส่วนลดท้ายบิล"]),
    column("discountType", Form::Flag, &[]),
];

/// The columns of a file whose rows are whole orders, as the list of orders is: nothing in it is of a line.
static WHOLE: LazyLock<Vec<Column>> =
    LazyLock::new(|| COLUMNS.iter().filter(|column| !column.field.contains('.')).copied().collect());

/// The columns of a file in which no product, quantity or price was understood: its rows carry no lines, and `discountValue` is
/// the order's.
pub(super) fn columns_beside(layout: &Layout) -> Option<&'static [Column]> {
    (!carries_lines(layout)).then(|| WHOLE.as_slice())
}

/// Whether the rows of a file carry lines of orders.
pub(super) fn carries_lines(layout: &Layout) -> bool {
    let of_line = ["productCode", "productName", "qty", "price"];
    let mut fields =
        layout.columns.iter().filter_map(|column| column.field.as_deref()?.strip_prefix(LINES)?.strip_prefix('.'));
    fields.any(|field| of_line.contains(&field))
}

/// Writes one row.
pub(super) async fn write(tx: &mut Conn, by: &Task<'_>, record: &Record) -> Result<Written, Error> {
    let by = Actor { caller: by.caller.clone(), now: by.now };
    let number = record.text("salesOrderNo").map(str::to_owned);
    let number = number.ok_or_else(|| Error::invalid(Code::Required, "salesOrderNo", "salesOrderNo is required"))?;
    let (mut body, nested) = record.fields();
    let mut line: Map<String, Value> =
        nested.into_iter().map(|(_, name, value)| (name.to_owned(), value.clone())).collect();
    let is_zero = |value: &Value| {
        let number = value.as_str().and_then(|text| text.parse::<Decimal>().ok());
        number.is_some_and(|number| number.is_zero())
    };
    let percent = line.remove("discountPercent");
    if let Some(percent) = percent.filter(|percent| !is_zero(percent) || !line.contains_key("discountValue")) {
        if line.get("discountValue").is_some_and(|value| !is_zero(value)) {
            let message = "a line has one discount, an amount or a percentage: leave one of the two columns out";
            return Err(Error::invalid(Code::InvalidValue, "salesOrderDetails.discountPercent", message));
        }
        line.insert("discountValue".to_owned(), percent);
        line.insert("discountType".to_owned(), json!(true));
    } else if line.contains_key("discountValue") {
        line.entry("discountType").or_insert(json!(false));
    }
    let mut warnings = Vec::new();
    let known = known(tx, &by, &number).await?;
    match &known {
        None => {
            body.remove("salesOrderNo");
            body.entry("salesOrderSubject").or_insert_with(|| json!(number));
            body.entry("salesOrderStatus").or_insert_with(|| json!(Status::Open.number()));
            body.entry("vatCalculation").or_insert_with(|| json!(true));
            body.insert(LINES.to_owned(), json!([line]));
        }
        // A row of the list of lines says nothing else of a cancelled order than what is there.
        Some(view)
            if view["salesOrderStatus"] == Status::Cancelled.number()
                && body.len() == 1
                && place(&lines_of(view), &line, &record.places) == Place::There =>
        {
            warnings.push(("salesOrderNo", format!("order {number} is cancelled")));
        }
        // Nothing becomes of a cancelled order any more: a file that says otherwise must not be taken for done.
        Some(view) if view["salesOrderStatus"] == Status::Cancelled.number() && !says_cancelled(&body) => {
            let message = format!("order {number} is cancelled; give the rows another order number");
            return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderNo", message)));
        }
        Some(_) if line.is_empty() => {}
        Some(view) => {
            let lines = lines_of(view);
            match place(&lines, &line, &record.places) {
                Place::There => {}
                Place::New => {
                    let all: Vec<Value> = lines.into_iter().chain([Value::Object(line)]).collect();
                    body.insert(LINES.to_owned(), Value::Array(all));
                }
                Place::Instead(at) => {
                    let mut lines = lines;
                    if let Some(Value::Object(known)) = lines.get_mut(at) {
                        known.extend(line);
                    }
                    body.insert(LINES.to_owned(), Value::Array(lines));
                    let message = format!("line {} of order {number} is now as this row says", at + 1);
                    warnings.push(("salesOrderDetails.productCode", message));
                }
                Place::Unclear => {
                    let message = format!(
                        "order {number} has several lines of this product, and none of them is as this row says: change the order itself"
                    );
                    return Err(Error::Conflict(Fault::new(Code::Conflict, "salesOrderDetails.productCode", message)));
                }
            }
        }
    }
    let input: SalesOrderWrite = lenient::decode_value(&Value::Object(body)).map_err(Error::Invalid)?;
    let given = known.is_none().then_some(number.as_str());
    let saved = order::put(tx, &by, &input, &Conditions::default(), Faults::default(), given).await?;
    Ok(Written { warnings, ..Written::from(saved) })
}

/// The lines of an order as the API shows it.
fn lines_of(view: &Value) -> Vec<Value> {
    view["salesorderDetails"].as_array().cloned().unwrap_or_default()
}

/// Where a row's line is among those of its order.
#[derive(Debug, PartialEq)]
enum Place {
    /// One of them says what the row says.
    There,
    /// The row is a further line.
    New,
    /// The only line of the row's product says otherwise: the row corrects it.
    Instead(usize),
    /// Several lines of the product say otherwise.
    Unclear,
}

/// Of a product, the first row of a file is one line of the order, the second another, and so on; of several rows that say the
/// same each is a line of its own. So a file that is handed in again changes nothing, and no line of it is dropped.
fn place(lines: &[Value], line: &Map<String, Value>, places: &[usize]) -> Place {
    let (of_product, same) = (places.first().copied().unwrap_or(1), places.get(1).copied().unwrap_or(1));
    let is_of_product = |known: &Value| match (line.get("productCode"), line.get("productName")) {
        (Some(code), _) => products::key(&as_text(&known["productCode"])) == products::key(&as_text(code)),
        (None, Some(name)) => search::fold(&as_text(&known["productName"])) == search::fold(&as_text(name)),
        (None, None) => true,
    };
    let known: Vec<usize> =
        lines.iter().enumerate().filter(|(_, known)| is_of_product(known)).map(|(at, _)| at).collect();
    if of_product > known.len() {
        return Place::New;
    }
    if lines.iter().filter(|known| says(known, line)).count() >= same {
        return Place::There;
    }
    match known.as_slice() {
        [one] => Place::Instead(*one),
        _ => Place::Unclear,
    }
}

/// What rows of a file have in common: the order and the product; the order and all of the line.
pub(super) fn counted(record: &Record) -> Vec<(&'static str, String)> {
    let Some(number) = record.text("salesOrderNo") else { return Vec::new() };
    let (_, nested) = record.fields();
    if nested.is_empty() {
        return Vec::new();
    }
    let of = |wanted: &str| nested.iter().find(|(_, name, _)| *name == wanted).map(|(_, _, value)| as_text(value));
    let product = match (of("productCode"), of("productName")) {
        (Some(code), _) => products::key(&code),
        (None, name) => search::fold(&name.unwrap_or_default()),
    };
    let line = nested.iter().map(|(_, name, value)| {
        let text = as_text(value);
        let is_fraction = text.contains('.') && text.parse::<Decimal>().is_ok();
        let text = match *name {
            "productCode" => products::key(&text),
            _ if is_fraction => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            _ => text,
        };
        format!("{name}\n{text}")
    });
    let mut line: Vec<String> = line.collect();
    line.sort_unstable();
    let order = crate::sales::number_key(number);
    vec![("product", format!("{order}\n{product}")), ("line", format!("{order}\n{}", line.join("\n")))]
}

/// The order of this number as the API shows it.
async fn known(tx: &mut Conn, by: &Actor, number: &str) -> Result<Option<Value>, Error> {
    let key = crate::sales::number_key(number);
    let found = record::held::<Row>(tx, &by.caller, "number_key", key, &Conditions::default()).await;
    match found {
        Ok(row) => {
            let view = record::view(tx, row).await?;
            serde_json::to_value(view).map(Some).map_err(|error| Error::Internal(error.to_string()))
        }
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a row itself says that its order is cancelled.
fn says_cancelled(body: &Map<String, Value>) -> bool {
    let number = body.get("salesOrderStatus").and_then(Value::as_str).and_then(|text| text.trim().parse::<i64>().ok());
    number == Some(Status::Cancelled.number())
}

/// Whether a line is what a row says, as far as the row says anything.
fn says(known: &Value, line: &Map<String, Value>) -> bool {
    line.iter().all(|(name, value)| {
        let (one, other) = (as_text(&known[name.as_str()]), as_text(value));
        let number = |text: &str| text.parse::<Decimal>().ok();
        // As the product was found by it.
        one == other
            || number(&one).is_some_and(|one| Some(one) == number(&other))
            || name == "productCode" && products::key(&one) == products::key(&other)
    })
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_lowercase(),
        other => other.to_string(),
    }
}

/// Cancels an order that the import made, or gives one back what it was before.
pub(super) async fn undo(tx: &mut Conn, caller: &Caller, line: &Line, now: i64) -> Result<Undone, Error> {
    let key = crate::sales::number_key(&line.record);
    let row: Row = match record::held(tx, caller, "number_key", key, &Conditions::default()).await {
        Err(Error::NotFound(_)) => return Ok(Undone::Kept("it is gone")),
        held => held?,
    };
    if row.head().version != line.version {
        return Ok(Undone::Kept("it was changed since"));
    }
    let by = Actor { caller: caller.clone(), now };
    let saved = match (line.created, &line.before) {
        (true, _) if row.status() == Status::Completed => return Ok(Undone::Kept("it is completed")),
        (true, _) => order::cancel(tx, &by, row).await?,
        (false, Some(before)) => {
            let input: SalesOrderWrite = lenient::decode_value(before).map_err(Error::Invalid)?;
            order::put(tx, &by, &input, &Conditions::default(), Faults::default(), None).await?
        }
        (false, None) => return Ok(Undone::Kept("nothing is known of it")),
    };
    Ok(Undone::Restored(saved.row.head().version))
}

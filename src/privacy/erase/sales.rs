//! What was offered, ordered and paid stays for the books: products, amounts, days and numbers. What somebody typed in beside
//! them, inside the JSON of a document, may name the person and goes. Tax documents stay as they were issued.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use serde_json::Value;

use super::LOT;
use crate::app::App;
use crate::http::Error;

/// Parts of documents, and the free texts in each: in the part itself, or in each of its entries where it is a list.
const PARTS: [(&str, &str, &[&str]); 6] = [
    ("quotation", "terms", TERMS),
    ("quotation", "lines", LINES),
    ("quotation", "approval", APPROVAL),
    ("sales_order", "terms", TERMS),
    ("sales_order", "lines", LINES),
    ("sales_order", "approval", APPROVAL),
];

const TERMS: &[&str] = &["reference", "payment_term", "discount_name"];
const LINES: &[&str] = &["description"];
const APPROVAL: &[&str] = &["reason"];

#[derive(Deserialize)]
struct Part {
    id: i64,
    body: Value,
}

/// Empties these texts in all documents of the customers, a lot at a time.
pub(super) async fn erase_texts(app: &App, company: i64, ids: &[i64]) -> Result<(), Error> {
    for part in PARTS {
        let mut after = 0;
        while let Some(last) = app.db.write(async |mut tx| erase_lot(&mut tx, company, ids, part, after).await).await? {
            after = last;
        }
    }
    Ok(())
}

/// The next lot of one part; answers its last document. The documents are held: what somebody writes into them at the same
/// moment comes before or after.
async fn erase_lot(
    tx: &mut Conn,
    company: i64,
    ids: &[i64],
    (table, column, texts): (&'static str, &'static str, &[&str]),
    after: i64,
) -> Result<Option<i64>, Error> {
    let parts: Vec<Part> = tx
        .sql("select id, ")
        .push(column)
        .push(" as body from ")
        .push(table)
        .push(" where company = $1 and id > $2 and ")
        .push(column)
        .push(" is not null and customer in ")
        .bind(company)
        .bind(after)
        .push_ids(ids)
        .push(" order by id limit ")
        .push_bind(LOT)
        .held()
        .all()
        .await?;
    let last = parts.last().map(|part| part.id);
    let mut rows = Rows::new(&[("id", Type::BigInt), ("body", Type::Json)]);
    for Part { id, mut body } in parts {
        if empty(&mut body, texts) {
            rows.push([id.into(), body.into()]);
        }
    }
    if !rows.is_empty() {
        tx.sql("update ")
            .push(table)
            .push(" set ")
            .push(column)
            .push(" = input.body from ")
            .push_rows(&rows)
            .push(" as input where ")
            .push(table)
            .push(".id = input.id and ")
            .push(table)
            .push(".company = ")
            .push_bind(company)
            .exec()
            .await?;
    }
    Ok(last)
}

/// Empties the texts of a part; whether there were any.
fn empty(body: &mut Value, texts: &[&str]) -> bool {
    match body {
        Value::Array(entries) => entries.iter_mut().filter_map(|entry| empty(entry, texts).then_some(())).count() > 0,
        Value::Object(fields) => {
            let mut was_filled = false;
            for text in texts {
                if let Some(value) = fields.get_mut(*text).filter(|value| !value.is_null()) {
                    *value = Value::Null;
                    was_filled = true;
                }
            }
            was_filled
        }
        _ => false,
    }
}

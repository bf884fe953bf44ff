//! Records that are known by a number, and what they are searched by.

use db::{Conn, Rows, Type};
use serde::Deserialize;

use super::{Cursor, PAGE, clash};
use crate::{search, service};

/// A kind of record that is known by a number, unique in its company.
#[derive(Debug)]
pub(super) struct Numbered {
    /// Its table, and the key of its job.
    pub(super) table: &'static str,
    /// What the number is called in the list of clashes.
    clash: &'static str,
    /// The column of the number, and that of its folded form.
    number: (&'static str, &'static str),
    /// Whether it has a name that is compared.
    is_named: bool,
}

const fn numbered(table: &'static str, clash: &'static str) -> Numbered {
    Numbered { table, clash, number: ("number", "number_key"), is_named: false }
}

/// All of them.
pub(super) const NUMBERED: [Numbered; 9] = [
    numbered("task", "task number"),
    numbered("quotation", "quotation number"),
    numbered("sales_order", "sales order number"),
    numbered("tax_document", "tax document number"),
    Numbered { is_named: true, ..numbered("deal", "deal number") },
    numbered("expense", "expense number"),
    Numbered { is_named: true, ..numbered("contract", "contract number") },
    Numbered { number: ("no", "no_key"), ..numbered("service_case", "case number") },
    Numbered { number: ("no", "no_key"), ..numbered("activity", "activity number") },
];

/// Folds the next records of a kind that is known by a number.
pub(super) async fn numbered_page(
    tx: &mut Conn,
    company: i64,
    kind: &Numbered,
    after: Cursor,
) -> Result<Option<Cursor>, db::Error> {
    #[derive(Deserialize)]
    struct Found {
        id: i64,
        number: String,
        number_key: String,
        name: String,
        name_key: String,
        search_key: String,
    }
    let (number, key) = kind.number;
    let names = if kind.is_named { "name, name_key" } else { "'' as name, '' as name_key" };
    let rows: Vec<Found> = tx
        .sql("select id, ")
        .push(number)
        .push(" as number, ")
        .push(key)
        .push(" as number_key, search_key, ")
        .push(names)
        .push(" from ")
        .push(kind.table)
        .push(" where company = $1 and id > $2 order by id limit $3")
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
    for row in rows {
        let (text, name) = (search::fold(&row.search_key), search::fold(&row.name));
        if text != row.search_key || name != row.name_key {
            let named = if kind.is_named { ", name_key = $4" } else { "" };
            let update = tx
                .sql("update ")
                .push(kind.table)
                .push(" set search_key = $3")
                .push(named)
                .push(" where company = $1 and id = $2")
                .bind(company)
                .bind(row.id)
                .bind(text);
            if kind.is_named { update.bind(name) } else { update }.later().await?;
        }
        let folded = service::link::key(&row.number);
        if folded == row.number_key {
            continue;
        }
        let moved = tx
            .sql("update ")
            .push(kind.table)
            .push(" set ")
            .push(key)
            .push(" = $3 where company = $1 and id = $2 and not exists (select 1 from ")
            .push(kind.table)
            .push(" as other where other.company = $1 and other.")
            .push(key)
            .push(" = $3)")
            .bind(company)
            .bind(row.id)
            .bind(folded)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, kind.table, kind.clash, &row.number).await?;
        }
    }
    Ok(Some(Cursor { id: last, ..Cursor::default() }))
}

/// Folds the names of the next canned replies.
pub(super) async fn replies(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    let rows: Vec<(i64, String, String)> = tx
        .sql("select id, name, name_key from canned_reply where company = $1 and id > $2 order by id limit $3")
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let Some(last) = rows.last().map(|row| row.0) else { return Ok(None) };
    for (id, name, was) in rows {
        let key = search::fold(&name);
        if key == was {
            continue;
        }
        let moved = tx
            .sql(
                "update canned_reply set name_key = $3 where company = $1 and id = $2
                 and not exists (select 1 from canned_reply as other where other.company = $1 and other.name_key = $3)",
            )
            .bind(company)
            .bind(id)
            .bind(key)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, "reply", "name of a reply", &name).await?;
        }
    }
    Ok(Some(Cursor { id: last, ..Cursor::default() }))
}

/// Folds what the next mails are searched by.
pub(super) async fn mails(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    let rows: Vec<(i64, String)> = tx
        .sql("select id, search_key from mail where company = $1 and id > $2 order by id limit $3")
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let Some(last) = rows.last().map(|row| row.0) else { return Ok(None) };
    let mut moved = Rows::new(&[("id", Type::BigInt), ("search_key", Type::Text)]);
    for (id, was) in rows {
        let key = search::fold(&was);
        if key != was {
            moved.push([id.into(), key.into()]);
        }
    }
    if !moved.is_empty() {
        tx.sql("update mail set search_key = input.search_key from ")
            .push_rows(&moved)
            .push(" as input where mail.id = input.id and mail.company = ")
            .push_bind(company)
            .later()
            .await?;
    }
    Ok(Some(Cursor { id: last, ..Cursor::default() }))
}

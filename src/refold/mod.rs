//! Brings what is compared to the fold of this program: a job for each kind of record, which its migration asks for.
//!
//! Records that were different under an earlier fold may be the same under this one. They are left as they are, written down,
//! and looked at again every day: the doctor names them, and a person renames one.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::customer::store as customer;
use crate::http::Error;
use crate::job::{self, Job, Kind, Next};
use crate::setting::{choice, profile};
use crate::staff::employee;
use crate::{chat, search};

mod records;

/// Records in one unit of work.
const PAGE: i64 = 200;

/// Until records that look the same are looked at again.
const PAUSE: i64 = 24 * 60 * 60 * 1000;

/// What is folded: the keys of the jobs.
pub const SECTIONS: [&str; 19] = [
    "customer",
    "owner",
    "choice",
    "employee",
    "product",
    "stock",
    "room",
    "reply",
    "message",
    "mail",
    "task",
    "quotation",
    "sales_order",
    "tax_document",
    "deal",
    "expense",
    "contract",
    "service_case",
    "activity",
];

/// Asks for everything of a company to be folded.
pub async fn ask(tx: &mut Conn, company: i64, now: i64) -> Result<(), db::Error> {
    for section in SECTIONS {
        job::enqueue(tx, company, Kind::Refold, section, now).await?;
    }
    Ok(())
}

/// A record that looks like another one.
#[derive(Debug, Deserialize)]
pub struct Clash {
    /// The tenant.
    pub company: i64,
    /// What kind of record, and which of its fields.
    pub kind: String,
    /// The record, as people know it.
    pub record: String,
}

/// Those that are known, at most 1,000.
pub async fn clashes(conn: &mut Conn) -> Result<Vec<Clash>, db::Error> {
    conn.sql("select company, kind, record from fold_clash order by company, kind, record limit 1000").all().await
}

/// Job: folds all records of one kind.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let company = job.company;
    let forget = app.db.write(async |mut tx| {
        tx.sql("delete from fold_clash where company = $1 and section = $2").bind(company).bind(&job.key).exec().await
    });
    let _: u64 = forget.await?;
    let mut after = Cursor::default();
    loop {
        let done = app
            .db
            .write(async |mut tx| {
                job::advance(&mut tx, company, Kind::Refold, &job.key).await?;
                page(&mut tx, company, &job.key, after.clone()).await
            })
            .await?;
        match done {
            Some(next) => after = next,
            None => break,
        }
    }
    let known: Option<i64> = {
        let mut conn = app.db.read().await?;
        let query = conn.sql("select 1 from fold_clash where company = $1 and section = $2 limit 1");
        query.bind(company).bind(&job.key).optional().await?
    };
    if known.is_some() {
        tracing::warn!(company, section = %job.key, "records look the same as others: sala doctor names them");
        return Ok(Next::At(app.now() + PAUSE));
    }
    Ok(Next::Done)
}

/// Where a section stands: behind this record.
#[derive(Debug, Clone, Default)]
struct Cursor {
    id: i64,
    text: String,
    uuid: Uuid,
}

/// Folds the next records; nothing when there are none.
async fn page(tx: &mut Conn, company: i64, section: &str, after: Cursor) -> Result<Option<Cursor>, Error> {
    match section {
        "customer" => customers(tx, company, after).await,
        "owner" => Ok(owners(tx, company, after).await?),
        "choice" => Ok(choices(tx, company, after).await?),
        "employee" => Ok(employees(tx, company, after).await?),
        "product" => Ok(products(tx, company, after).await?),
        "stock" => Ok(stock(tx, company, after).await?),
        "room" => Ok(rooms(tx, company, after).await?),
        "reply" => Ok(records::replies(tx, company, after).await?),
        "mail" => Ok(records::mails(tx, company, after).await?),
        "message" => {
            let next = chat::texts::fold_anew(tx, company, after.id).await?;
            Ok(next.map(|id| Cursor { id, ..Cursor::default() }))
        }
        section => match records::NUMBERED.iter().find(|kind| kind.table == section) {
            Some(kind) => Ok(records::numbered_page(tx, company, kind, after).await?),
            None => Ok(None),
        },
    }
}

/// Writes down that a record looks like another one.
async fn clash(tx: &mut Conn, company: i64, section: &str, kind: &str, record: &str) -> Result<(), db::Error> {
    tx.sql(
        "insert into fold_clash (company, section, kind, record) values ($1, $2, $3, $4)
         on conflict (company, section, kind, record) do nothing",
    )
    .bind(company)
    .bind(section)
    .bind(kind)
    .bind(record)
    .later()
    .await
}

async fn customers(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, Error> {
    let rows = customer::after(tx, company, after.id, PAGE).await?;
    let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
    let country = profile::of(tx, company).await?.country.clone();
    for row in rows.iter().filter(|row| row.erased_at.is_none()) {
        let found = customer::refold(tx, row, &country).await?;
        for (is_clear, kind) in [(found.code, "customer code"), (found.name, "customer name")] {
            if !is_clear {
                clash(tx, company, "customer", kind, &format!("{} ({})", row.code, row.name)).await?;
            }
        }
    }
    Ok(Some(Cursor { id: last, ..Cursor::default() }))
}

async fn owners(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    let rows: Vec<(i64, String, String)> = tx
        .sql(
            "select customer, staff_key, staff_code from customer_owner
             where company = $1 and (customer, staff_key) > ($2, $3) order by customer, staff_key limit $4",
        )
        .bind(company)
        .bind(after.id)
        .bind(&after.text)
        .bind(PAGE)
        .all()
        .await?;
    let Some((id, text, _)) = rows.last().cloned() else { return Ok(None) };
    for (customer, was, code) in rows {
        let key = employee::key(&code);
        if key == was {
            continue;
        }
        // One who is there under either spelling is there once.
        tx.sql(
            "update customer_owner set staff_key = $4 where company = $1 and customer = $2 and staff_key = $3
             and not exists (select 1 from customer_owner as other
                             where other.company = $1 and other.customer = $2 and other.staff_key = $4)",
        )
        .bind(company)
        .bind(customer)
        .bind(was)
        .bind(key)
        .later()
        .await?;
    }
    Ok(Some(Cursor { id, text, ..Cursor::default() }))
}

async fn choices(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    #[derive(Deserialize)]
    struct Entry {
        list: String,
        id: i64,
        name: String,
        name_key: String,
        detail: Option<Value>,
    }
    let rows: Vec<Entry> = tx
        .sql(
            "select list, id, name, name_key, detail from choice
             where company = $1 and (list, id) > ($2, $3) order by list, id limit $4",
        )
        .bind(company)
        .bind(&after.text)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let Some(cursor) = rows.last().map(|row| Cursor { id: row.id, text: row.list.clone(), ..Cursor::default() }) else {
        return Ok(None);
    };
    for row in rows {
        let key = choice::key_below(choice::parent_in(row.detail.as_ref()), &row.name);
        if key == row.name_key {
            continue;
        }
        let moved = tx
            .sql(
                "update choice set name_key = $4 where company = $1 and list = $2 and id = $3
                 and not exists (select 1 from choice as other
                                 where other.company = $1 and other.list = $2 and other.name_key = $4)",
            )
            .bind(company)
            .bind(&row.list)
            .bind(row.id)
            .bind(key)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, "choice", &format!("entry of {}", row.list), &row.name).await?;
        }
    }
    Ok(Some(cursor))
}

async fn employees(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    let rows: Vec<(i64, String, String, String)> = tx
        .sql(
            "select id, staff_code, staff_key, search_key from employee
             where company = $1 and id > $2 order by id limit $3",
        )
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let Some(last) = rows.last().map(|row| row.0) else { return Ok(None) };
    for (id, code, was, text) in rows {
        let (key, folded) = (employee::key(&code), search::fold(&text));
        if folded != text {
            tx.sql("update employee set search_key = $3 where company = $1 and id = $2")
                .bind(company)
                .bind(id)
                .bind(folded)
                .later()
                .await?;
        }
        if key == was {
            continue;
        }
        let moved = tx
            .sql(
                "update employee set staff_key = $3 where company = $1 and id = $2
                 and not exists (select 1 from employee as other where other.company = $1 and other.staff_key = $3)",
            )
            .bind(company)
            .bind(id)
            .bind(key)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, "employee", "employee code", &code).await?;
        }
    }
    Ok(Some(Cursor { id: last, ..Cursor::default() }))
}

async fn products(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    #[derive(Deserialize)]
    struct Product {
        id: i64,
        code: String,
        code_key: String,
        name: String,
        name_key: String,
        barcode: Option<String>,
        barcode_key: Option<String>,
        search_key: String,
    }
    let rows: Vec<Product> = tx
        .sql(
            "select id, code, code_key, name, name_key, barcode, barcode_key, search_key from product
             where company = $1 and id > $2 order by id limit $3",
        )
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
    for row in rows {
        let key = |text: &str| search::fold(search::trimmed(text));
        let (name, barcode, text) = (key(&row.name), row.barcode.as_deref().map(key), search::fold(&row.search_key));
        if name != row.name_key || barcode != row.barcode_key || text != row.search_key {
            tx.sql(
                "update product set name_key = $3, barcode_key = $4, search_key = $5 where company = $1 and id = $2",
            )
            .bind(company)
            .bind(row.id)
            .bind(name)
            .bind(barcode)
            .bind(text.as_str())
            .later()
            .await?;
        }
        if text != row.search_key {
            tx.index_text("product_text", company, row.id, &text).await?;
        }
        let code = key(&row.code);
        if code == row.code_key {
            continue;
        }
        let moved = tx
            .sql(
                "update product set code_key = $3 where company = $1 and id = $2
                 and not exists (select 1 from product as other where other.company = $1 and other.code_key = $3)",
            )
            .bind(company)
            .bind(row.id)
            .bind(code)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, "product", "product code", &row.code).await?;
        }
    }
    Ok(Some(Cursor { id: last, ..Cursor::default() }))
}

/// Serial numbers, and the documents of reservations: few of each product, so they are gone through by its number.
async fn stock(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    let key = |text: &str| search::fold(search::trimmed(text));
    let serials: Vec<(i64, String, String)> = tx
        .sql("select id, serial, serial_key from product_serial where company = $1 and id > $2 order by id limit $3")
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    let reservations: Vec<(i64, String, String)> = tx
        .sql("select id, document, document_key from stock_reservation where company = $1 and id > $2 order by id limit $3")
        .bind(company)
        .bind(after.id)
        .bind(PAGE)
        .all()
        .await?;
    // Both run by numbers of their own: the page ends where the first of them does, and what is folded twice is so anyway.
    let is_full = |rows: &[(i64, String, String)]| rows.len() as i64 == PAGE;
    let ends = [&serials, &reservations].into_iter().filter(|rows| is_full(rows)).filter_map(|rows| rows.last());
    let next = ends.map(|row| row.0).min();
    for (id, serial, was) in serials.iter().filter(|row| key(&row.1) != row.2) {
        let moved = tx
            .sql(
                "update product_serial set serial_key = $3 where company = $1 and id = $2 and serial_key = $4
                 and not exists (select 1 from product_serial as other where other.company = $1 and other.serial_key = $3)",
            )
            .bind(company)
            .bind(*id)
            .bind(key(serial))
            .bind(was)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, "stock", "serial number", serial).await?;
        }
    }
    for (id, document, was) in reservations.iter().filter(|row| key(&row.1) != row.2) {
        let moved = tx
            .sql(
                "update stock_reservation set document_key = $3 where company = $1 and id = $2 and document_key = $4
                 and (state <> 'open' or not exists
                      (select 1 from stock_reservation as other
                       where other.company = $1 and other.document_key = $3 and other.state = 'open'))",
            )
            .bind(company)
            .bind(*id)
            .bind(key(document))
            .bind(was)
            .exec()
            .await?;
        if moved == 0 {
            clash(tx, company, "stock", "document of a reservation", document).await?;
        }
    }
    Ok(next.map(|id| Cursor { id, ..Cursor::default() }))
}

async fn rooms(tx: &mut Conn, company: i64, after: Cursor) -> Result<Option<Cursor>, db::Error> {
    let rows: Vec<(Uuid, String, String)> = tx
        .sql("select id, name, name_key from room where company = $1 and id > $2 order by id limit $3")
        .bind(company)
        .bind(after.uuid)
        .bind(PAGE)
        .all()
        .await?;
    let Some(last) = rows.last().map(|row| row.0) else { return Ok(None) };
    let mut moved = Rows::new(&[("id", Type::Uuid), ("name_key", Type::Text)]);
    for (id, name, was) in &rows {
        let key = search::fold(name);
        if key != *was {
            chat::room::index_name(tx, company, *id, name).await?;
            moved.push([(*id).into(), key.into()]);
        }
    }
    if !moved.is_empty() {
        tx.sql("update room set name_key = input.name_key from ")
            .push_rows(&moved)
            .push(" as input where room.id = input.id and room.company = ")
            .push_bind(company)
            .later()
            .await?;
    }
    Ok(Some(Cursor { uuid: last, ..Cursor::default() }))
}

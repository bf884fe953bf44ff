//! Erasure of what imports keep of the files that people handed in.

use db::{Conn, Rows, Type};
use serde_json::Value;
use uuid::Uuid;

use super::{Counts, LOT};
use crate::app::App;
use crate::customer::store::{self, Row};
use crate::http::Error;

/// The kinds of import whose rows are records that belong to customers, and those records' names up to the list of customers.
const OF_RECORDS: [(&str, &str); 5] = [
    ("tasks", "select number from task where company = $1 and customer in "),
    ("orders", "select number from sales_order where company = $1 and customer in "),
    ("deals", "select number from deal where company = $1 and customer in "),
    ("activities", "select no from activity where company = $1 and customer in "),
    ("cases", "select no from service_case where company = $1 and customer in "),
];

/// Takes the person out of what imports keep: what a record was before, and rows of files that were refused.
pub(super) async fn erase_imports(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<(), Error> {
    let words = words(app, company, ids).await?;
    let mut records = Rows::new(&[("record", Type::Text)]);
    for id in ids {
        records.push([id.to_string().into()]);
    }
    let before: u64 = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update import_row set before = null
                 where company = $1 and before is not null
                   and import in (select id from import where company = $1 and kind = 'customers')
                   and record in (select record from ",
            )
            .bind(company)
            .push_rows(&records)
            .push(" as input)")
            .exec()
            .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    let mut of_others = 0;
    for (kind, found) in OF_RECORDS {
        let emptied: u64 = app
            .db
            .write(async |mut tx| {
                tx.sql(
                    "update import_row set before = null
                     where company = $1 and before is not null
                       and import in (select id from import where company = $1 and kind = $2)
                       and record in (",
                )
                .bind(company)
                .bind(kind)
                .push(found)
                .push_ids(ids)
                .push(")")
                .exec()
                .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
        of_others += emptied;
    }
    counts.add("imports", before + of_others);
    let mut after = (Uuid::nil(), i64::MIN, i64::MIN);
    loop {
        let refused: Vec<(Uuid, i64, i64, String, Option<Value>)> = app
            .db
            .read()
            .await?
            .sql(
                "select import, line, position, message, cells from import_fault
                 where company = $1 and (import, line, position) > ($2, $3, $4) order by import, line, position limit $5",
            )
            .bind(company)
            .bind(after.0)
            .bind(after.1)
            .bind(after.2)
            .bind(LOT)
            .all()
            .await?;
        let Some((import, line, position, ..)) = refused.last() else { return Ok(()) };
        after = (*import, *line, *position);
        let mut rows = Rows::new(&[("import", Type::Uuid), ("line", Type::BigInt), ("position", Type::BigInt)]);
        for (import, line, position, message, cells) in refused {
            let text = format!("{message}\n{}", cells.map(|cells| cells.to_string()).unwrap_or_default());
            if words.iter().any(|word| text.contains(word.as_str())) {
                rows.push([import.into(), line.into(), position.into()]);
            }
        }
        if !rows.is_empty() {
            app.db.write(async |mut tx| empty_faults(&mut tx, company, &rows).await).await?;
            counts.add("importRows", rows.len() as u64);
        }
    }
}

/// By what a row of a file is known to be about the person: every text of the records that is long enough not to stand
/// everywhere.
async fn words(app: &App, company: i64, ids: &[i64]) -> Result<Vec<String>, Error> {
    const LEAST: usize = 4;
    let mut conn = app.db.read().await?;
    let mut words = Vec::new();
    for id in ids {
        let Some(row) = store::exactly(&mut conn, company, *id).await? else { continue };
        let texts = known_by(&row).into_iter().filter(|text| text.chars().count() >= LEAST);
        words.extend(texts.filter_map(|text| {
            let quoted = serde_json::to_string(text).ok()?;
            Some(quoted.trim_matches('"').to_owned())
        }));
    }
    Ok(words)
}

/// The names, telephones, e-mails and accounts of the person and of those who are reached for it.
fn known_by(row: &Row) -> Vec<&str> {
    let profile = &row.profile;
    let own = [&row.phone, &row.mobile, &row.email, &profile.second_name];
    let contacts = profile.contacts.iter().flat_map(|contact| {
        let texts = [&contact.contact_phone, &contact.contact_mobile, &contact.contact_email];
        std::iter::once(contact.contact_name.as_str()).chain(texts.into_iter().filter_map(|text| text.as_deref()))
    });
    std::iter::once(row.name.as_str())
        .chain(profile.aliases.iter().map(String::as_str))
        .chain(own.into_iter().filter_map(|text| text.as_deref()))
        .chain(contacts)
        .chain(profile.social.known().map(|(_, account)| account))
        .collect()
}

async fn empty_faults(tx: &mut Conn, company: i64, rows: &Rows) -> Result<u64, db::Error> {
    tx.sql("update import_fault set message = '', cells = null from ")
        .push_rows(rows)
        .push(
            " as input where import_fault.import = input.import and import_fault.line = input.line
              and import_fault.position = input.position and import_fault.company = ",
        )
        .push_bind(company)
        .exec()
        .await
}

//! How a customer is known elsewhere: telephones in E.164, e-mails, accounts of chat platforms. Rows of their own, so that
//! whoever writes can be recognised.

use db::{Conn, Rows, Type};
use serde::Deserialize;

use super::store::Row;
use crate::search;
use crate::setting::phone;

/// Where an identity comes from that follows from the record's own fields.
pub(crate) const FROM_RECORD: &str = "record";

/// Makes the identities that follow from a record be those of its fields now; those known from rooms stay.
pub(crate) async fn derive(tx: &mut Conn, row: &Row, country: &str, now: i64) -> Result<(), db::Error> {
    if row.version > 1 {
        tx.sql("delete from customer_identity where company = $1 and customer = $2 and source = $3")
            .bind(row.company)
            .bind(row.id)
            .bind(FROM_RECORD)
            .later()
            .await?;
    }
    insert(tx, row, of_record(row, country), now).await
}

async fn insert(tx: &mut Conn, row: &Row, found: Vec<(&'static str, String)>, now: i64) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[("kind", Type::Text), ("value", Type::Text)]);
    for (kind, value) in found {
        rows.push([kind.into(), value.into()]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into customer_identity (company, customer, kind, value, source, created_at) select ")
        .push_bind(row.company)
        .push(", ")
        .push_bind(row.id)
        .push(", kind, value, ")
        .push_bind(FROM_RECORD)
        .push(", ")
        .push_bind(now)
        .push(" from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, customer, kind, value, source) do nothing")
        .later()
        .await
}

/// The same for a record whose fields did not change: written only where they are compared otherwise now.
pub(crate) async fn rederive(tx: &mut Conn, row: &Row, country: &str) -> Result<(), db::Error> {
    #[derive(Deserialize)]
    struct Known {
        kind: String,
        value: String,
        created_at: i64,
    }
    let known: Vec<Known> = tx
        .sql(
            "select kind, value, created_at from customer_identity
             where company = $1 and customer = $2 and source = $3 order by kind, value",
        )
        .bind(row.company)
        .bind(row.id)
        .bind(FROM_RECORD)
        .all()
        .await?;
    let mut wanted = of_record(row, country);
    // Of a record that was deleted nothing is derived any more.
    if row.deleted_at.is_some() || row.erased_at.is_some() {
        wanted.clear();
    }
    let is_so = known.len() == wanted.len()
        && known.iter().zip(&wanted).all(|(known, (kind, value))| known.kind == *kind && known.value == *value);
    if is_so || row.deleted_at.is_some() {
        return Ok(());
    }
    let since = known.iter().map(|known| known.created_at).min().unwrap_or(row.created_at);
    tx.sql("delete from customer_identity where company = $1 and customer = $2 and source = $3")
        .bind(row.company)
        .bind(row.id)
        .bind(FROM_RECORD)
        .later()
        .await?;
    insert(tx, row, wanted, since).await
}

/// Kind and value of each identity that a record's fields say, in the form in which they are compared.
fn of_record(row: &Row, country: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for number in [&row.phone, &row.mobile].into_iter().flatten() {
        found.extend(phone::numbers(number, country).into_iter().map(|number| ("phone", number)));
    }
    found.extend(row.email.as_deref().map(|email| ("email", search::fold(search::trimmed(email)))));
    let social = row.profile.social.known();
    found.extend(social.map(|(network, account)| (network, search::fold(search::trimmed(account)))));
    found.sort_unstable();
    found.dedup();
    found
}

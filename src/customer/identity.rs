//! How a customer is known elsewhere: telephones in E.164, e-mails, accounts of chat platforms. Rows of their own, so that
//! whoever writes can be recognised.

use db::{Conn, Rows, Type};

use super::store::Row;
use crate::setting::phone;

/// Where an identity comes from that follows from the record's own fields.
pub(crate) const FROM_RECORD: &str = "record";

/// Makes the identities that follow from a record be those of its fields now; those known from rooms stay.
pub(crate) async fn derive(tx: &mut Conn, row: &Row, country: &str, now: i64) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[("kind", Type::Text), ("value", Type::Text)]);
    for (kind, value) in of_record(row, country) {
        rows.push([kind.into(), value.into()]);
    }
    if row.version > 1 {
        tx.sql("delete from customer_identity where company = $1 and customer = $2 and source = $3")
            .bind(row.company)
            .bind(row.id)
            .bind(FROM_RECORD)
            .later()
            .await?;
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

/// Kind and value of each identity that a record's fields say, in the form in which they are compared.
fn of_record(row: &Row, country: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for number in [&row.phone, &row.mobile].into_iter().flatten() {
        found.extend(phone::e164(number, country).map(|number| ("phone", number)));
    }
    found.extend(row.email.as_deref().map(|email| ("email", email.trim().to_lowercase())));
    let social = row.profile.social.known();
    found.extend(social.map(|(network, account)| (network, account.trim().to_lowercase())));
    found.sort_unstable();
    found.dedup();
    found
}

//! What is left of a customer whose person was erased: a shell with number and code, so that documents keep what they
//! refer to. It is shown, is in no list, and is never changed again.

use db::{Conn, Json as Stored};

use super::input::Profile;
use super::store::{Links, Row, TEXTS};
use crate::http::{Code, Error, Fault};

/// What stands in the place of the name.
pub(crate) const NAME: &str = "(erased)";

/// 409 for whoever would change an erased customer.
pub(crate) fn refusal(code: &str) -> Error {
    let message = format!("Customer {code} was erased on request and cannot be changed");
    Error::Conflict(Fault::new(Code::Conflict, "customerCode", message))
}

/// A record without its person. What was chosen from lists for statistics stays: state, group, source, class, owners.
pub(super) fn shell(row: Row, links: Links) -> (Row, Links) {
    let row = Row {
        name: NAME.to_owned(),
        reason: None,
        tax_no: None,
        branch: None,
        phone: None,
        mobile: None,
        email: None,
        profile: Profile::default(),
        ..row
    };
    (row, Links { reason: None, interests: Vec::new(), tags: Vec::new(), ..links })
}

/// Writes shells over these records and takes them out of the search.
pub(crate) async fn write(tx: &mut Conn, company: i64, ids: &[i64], now: i64) -> Result<(), db::Error> {
    tx.sql(
        "update customer
         set name = $2, name_key = $2, reason = null, tax_no = null, tax_key = null, branch = null, phone = null,
             mobile = null, email = null, latitude = null, longitude = null, profile = $3, search_key = '',
             modified_at = $4, version = version + 1
         where company = $1 and id in ",
    )
    .bind(company)
    .bind(NAME)
    .bind(Stored(Profile::default()))
    .bind(now)
    .push_ids(ids)
    .exec()
    .await?;
    for id in ids {
        tx.forget_text(TEXTS, company, *id).await?;
    }
    Ok(())
}

//! The deal that a quotation or an order is for.

use db::Conn;
use serde::Deserialize;

use super::deal::{self, number_key};
use crate::http::list::Lister;
use crate::http::{Code, Error, Faults, Patch};
use crate::record::{self, Actor, Record};

/// A deal that a document names.
#[derive(Debug, Deserialize)]
pub(super) struct ForDeal {
    pub(super) id: i64,
    pub(super) number: String,
    customer: i64,
}

/// How a request names the deal: by `dealId`, by `dealNo`, or by both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) id: &'a Patch<i64>,
    pub(super) number: &'a Patch<String>,
}

/// The deal of a document after a request, with the document's customer as it is then: both stay when neither is asked
/// for. 0 and an empty number are none. The deal is kept from being changed until the unit ends.
pub(super) async fn of(
    tx: &mut Conn,
    by: &Actor,
    asked: Asked<'_>,
    old: Option<(i64, String)>,
    customer: Option<i64>,
    faults: &mut Faults,
) -> Result<Option<(i64, String)>, Error> {
    let id = match asked.id {
        Patch::Set(id) if *id != 0 => Some(*id),
        _ => None,
    };
    let number = match asked.number {
        Patch::Set(number) => super::given(Some(number)),
        _ => None,
    };
    if id.is_none() && number.is_none() {
        let stays = (asked.id, asked.number) == (&Patch::Keep, &Patch::Keep);
        return Ok(old.filter(|_| stays));
    }
    // Whoever sends back what was read changes nothing, also when the deal is deleted or somebody else's by now.
    let same = old.as_ref().is_some_and(|(known, name)| {
        id.is_none_or(|id| id == *known) && number.is_none_or(|number| number_key(number) == number_key(name))
    });
    if same {
        return Ok(old);
    }
    let field = if number.is_some() { "dealNo" } else { "dealId" };
    let query = tx.sql("select id, number, customer from deal where company = $1 and deleted_at is null");
    let mut query = query.bind(by.caller.company);
    if let Some(id) = id {
        query = query.push(" and id = ").push_bind(id);
    }
    if let Some(number) = number {
        query = query.push(" and number_key = ").push_bind(number_key(number));
    }
    let found: Option<ForDeal> = record::within::<deal::Row>(query, &by.caller).shared().optional().await?;
    let Some(found) = found else {
        let name = number.map_or_else(|| id.unwrap_or_default().to_string(), str::to_owned);
        faults.add(Code::NotFound, field, format!("{field} “{name}” is not a known deal"));
        return Ok(old);
    };
    if customer.is_some_and(|customer| customer != found.customer) {
        let message = format!("{field}: deal {} is for another customer", found.number);
        faults.add(Code::InvalidValue, field, message);
    }
    Ok(Some((found.id, found.number)))
}

/// Only documents of this deal.
pub(super) fn only<R: Record>(list: &mut Lister<'_, R>, company: i64, id: Option<i64>, number: Option<String>) {
    list.equal(" and deal = ", id.filter(|id| *id != 0));
    if let Some(number) = number.filter(|number| !number.trim().is_empty()) {
        list.only(
            &[" and deal in (select id from deal where company = ", " and number_key = ", ")"],
            vec![company.into(), number_key(&number).into()],
        );
    }
}

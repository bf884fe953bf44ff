//! What the records of a page of the audit trail are called now, and what their own operations are called with.

use std::collections::{BTreeMap, HashMap};

use db::{Conn, Rows, Type};
use uuid::Uuid;

use crate::search;

/// The records of a page by kind and by what stands behind the stroke of their reference.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<(&'static str, String), (String, Option<String>)>);

/// The kinds that have names. Each has a query of its own, and a page asks each once.
const KINDS: [&str; 15] = [
    "account",
    "activity",
    "case",
    "client",
    "contract",
    "customer",
    "deal",
    "employee",
    "expense",
    "product",
    "quotation",
    "room",
    "sales_order",
    "task",
    "user",
];

impl Known {
    /// Reads what these references name.
    pub(super) async fn read<'r>(
        conn: &mut Conn,
        company: i64,
        references: impl Iterator<Item = &'r str>,
    ) -> Result<Known, db::Error> {
        let mut wanted: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for reference in references {
            if let Some((kind, name)) = split(reference) {
                wanted.entry(kind).or_default().push(key(kind, name));
            }
        }
        let mut known = HashMap::new();
        for (kind, names) in wanted {
            let found: Vec<(String, String, Option<String>)> = match numbered(kind) {
                None if kind == "room" => rooms(conn, company, &names).await?,
                Some(text) => {
                    let ids: Vec<i64> = names.iter().filter_map(|name| name.parse().ok()).collect();
                    conn.sql(text).bind(company).push_ids(&ids).all().await?
                }
                None => {
                    let mut rows = Rows::new(&[("name", Type::Text)]);
                    for name in names {
                        rows.push([name.into()]);
                    }
                    let query = conn.sql(named(kind)).bind(company).push(" in (select name from ").push_rows(&rows);
                    query.push(" as wanted)").all().await?
                }
            };
            known.extend(found.into_iter().map(|(at, name, key)| ((kind, at), (name, key))));
        }
        Ok(Known(known))
    }

    /// The name of a record, and what its operations are called with where its reference does not say it.
    pub(super) fn of(&self, reference: &str) -> (Option<String>, Option<String>) {
        let found = split(reference).and_then(|(kind, name)| self.0.get(&(kind, key(kind, name))));
        found.map_or((None, None), |(name, key)| (Some(name.clone()).filter(|name| !name.is_empty()), key.clone()))
    }
}

/// Conversations by the names of those who write in them.
async fn rooms(
    conn: &mut Conn,
    company: i64,
    names: &[String],
) -> Result<Vec<(String, String, Option<String>)>, db::Error> {
    let mut rows = Rows::new(&[("id", Type::Uuid)]);
    for id in names.iter().filter_map(|name| Uuid::try_parse(name).ok()) {
        rows.push([id.into()]);
    }
    let query = conn.sql("select id, name from room where company = $1 and id in (select id from ").bind(company);
    let found: Vec<(Uuid, String)> = query.push_rows(&rows).push(" as wanted)").all().await?;
    Ok(found.into_iter().map(|(id, name)| (id.to_string(), name, None)).collect())
}

/// A kind that has names, and the record.
fn split(reference: &str) -> Option<(&'static str, &str)> {
    let (kind, name) = reference.split_once('/')?;
    KINDS.into_iter().find(|known| *known == kind).map(|kind| (kind, name))
}

/// The record as its table finds it.
fn key(kind: &str, name: &str) -> String {
    match kind {
        "account" | "client" | "customer" | "product" | "room" => name.to_owned(),
        _ => search::fold(search::trimmed(name)),
    }
}

/// The query for a kind whose references have the record's internal number; it ends where the numbers go.
fn numbered(kind: &str) -> Option<&'static str> {
    match kind {
        "customer" => Some("select cast(id as text), name, code from customer where company = $1 and id in "),
        "product" => Some("select cast(id as text), name, code from product where company = $1 and id in "),
        _ => None,
    }
}

/// The query for any other kind: how the record is found, its name, and its key; it ends with the column that is compared.
fn named(kind: &str) -> &'static str {
    match kind {
        "account" => "select id, name, cast(null as text) from account where company = $1 and id",
        "activity" => "select no_key, subject, cast(null as text) from activity where company = $1 and no_key",
        "case" => "select no_key, subject, cast(null as text) from service_case where company = $1 and no_key",
        "client" => "select id, name, cast(null as text) from client where company = $1 and id",
        "contract" => "select number_key, name, cast(null as text) from contract where company = $1 and number_key",
        "deal" => "select number_key, name, cast(id as text) from deal where company = $1 and number_key",
        "expense" => "select number_key, subject, cast(id as text) from expense where company = $1 and number_key",
        "quotation" => {
            "select number_key, subject, cast(null as text) from quotation where company = $1 and number_key"
        }
        "sales_order" => {
            "select number_key, subject, cast(null as text) from sales_order where company = $1 and number_key"
        }
        "task" => "select number_key, subject, cast(null as text) from task where company = $1 and number_key",
        _ => {
            "select staff_key, trim(firstname || ' ' || lastname), cast(null as text)
             from employee where company = $1 and staff_key"
        }
    }
}

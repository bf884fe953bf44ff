//! What stands in other tables beside a record: customers by code and name, people by staff code, entries of look-up lists
//! by name; read once for all rows of a page.

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use crate::http::{Code, Error};
use crate::setting::choice;
use crate::setting::list::List;
use crate::staff::employee;

/// An employee, in short.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Person {
    /// The user id.
    pub(crate) id: Uuid,
    /// The staff code.
    pub(crate) staff_code: String,
    /// First and last name.
    pub(crate) name: String,
    /// The team's number.
    pub(crate) team: i64,
}

const PERSON: &str =
    "select id, staff_code, trim(firstname || ' ' || lastname) as name, team from employee where company = $1";

/// The employee that a body's `field` names, by user id or staff code; 400 that names the field when there is none.
pub(crate) async fn person(conn: &mut Conn, company: i64, field: &str, text: &str) -> Result<Person, Error> {
    let by_id: Option<Person> = match Uuid::parse_str(text.trim()) {
        Ok(id) => conn.sql(PERSON).push(" and id = $2").bind(company).bind(id).optional().await?,
        Err(_) => None,
    };
    let found = match by_id {
        Some(found) => Some(found),
        None => {
            let query = conn.sql(PERSON).push(" and staff_key = $2").bind(company);
            query.bind(employee::key(text)).optional().await?
        }
    };
    found.ok_or_else(|| {
        Error::invalid(Code::NotFound, field, format!("{field} “{}” is not a known employee", text.trim()))
    })
}

/// Names by which a page of records shows what they point at.
#[derive(Debug, Default)]
pub(crate) struct Names {
    customers: HashMap<i64, (String, String)>,
    people: HashMap<Uuid, Person>,
    choices: HashMap<(&'static str, i64), String>,
}

impl Names {
    /// Reads the codes and names of these customers.
    pub(crate) async fn customers(
        &mut self,
        conn: &mut Conn,
        company: i64,
        ids: impl Iterator<Item = i64>,
    ) -> Result<(), db::Error> {
        let mut ids: Vec<i64> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let query = conn.sql("select id, code, name from customer where company = $1 and id in ").bind(company);
        let found: Vec<(i64, String, String)> = query.push_ids(&ids).all().await?;
        self.customers.extend(found.into_iter().map(|(id, code, name)| (id, (code, name))));
        Ok(())
    }

    /// Reads these employees.
    pub(crate) async fn people(
        &mut self,
        conn: &mut Conn,
        company: i64,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<(), db::Error> {
        let mut ids: Vec<Uuid> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[("id", Type::Uuid)]);
        for id in ids {
            rows.push([id.into()]);
        }
        let query = conn.sql(PERSON).push(" and id in (select id from ").bind(company);
        let found: Vec<Person> = query.push_rows(&rows).push(" as wanted)").all().await?;
        self.people.extend(found.into_iter().map(|person| (person.id, person)));
        Ok(())
    }

    /// Reads the names of all entries of a list.
    pub(crate) async fn list(&mut self, conn: &mut Conn, company: i64, list: List) -> Result<(), db::Error> {
        for entry in choice::all(conn, company, list).await? {
            self.choices.insert((list.path(), entry.id), entry.name);
        }
        Ok(())
    }

    /// A customer's code and name.
    pub(crate) fn customer(&self, id: Option<i64>) -> (Option<String>, Option<String>) {
        id.and_then(|id| self.customers.get(&id)).cloned().unzip()
    }

    /// An employee.
    pub(crate) fn find(&self, id: Option<Uuid>) -> Option<&Person> {
        self.people.get(&id?)
    }

    /// The name of an entry.
    pub(crate) fn entry(&self, list: List, id: Option<i64>) -> Option<String> {
        self.choices.get(&(list.path(), id?)).cloned()
    }
}

//! Employees as other records name them: by code in requests and answers, by user id in the database.

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use super::employee::key;
use crate::http::{Code, Faults};

/// An employee whom a record names.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) staff_code: String,
    firstname: String,
    lastname: String,
    pub(crate) head: Option<Uuid>,
    pub(crate) team: i64,
}

impl Known {
    /// First and last name.
    pub(crate) fn fullname(&self) -> String {
        format!("{} {}", self.firstname, self.lastname).trim().to_owned()
    }
}

const KNOWN: &str = "select employee.id, employee.staff_code, employee.firstname, employee.lastname, employee.head, employee.team from ";

/// The employees of these codes, by [`key`]; user ids are understood too.
pub(crate) async fn by_codes<'a>(
    conn: &mut Conn,
    company: i64,
    codes: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, Known>, db::Error> {
    let mut wanted = Rows::new(&[("staff_key", Type::Text), ("id", Type::Uuid)]);
    // The stand-in of a field at fault is no code.
    for code in codes.into_iter().filter(|code| !code.contains('\0')) {
        wanted.push([key(code).into(), code.trim().parse::<Uuid>().ok().into()]);
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Known> = conn
        .sql(KNOWN)
        .push_rows(&wanted)
        .push(
            " as input cross join employee
              where (employee.staff_key = input.staff_key or employee.id = input.id) and employee.company = ",
        )
        .push_bind(company)
        .all()
        .await?;
    let mut known = HashMap::new();
    for employee in found {
        known.insert(employee.id.to_string(), employee.clone());
        known.insert(key(&employee.staff_code), employee);
    }
    Ok(known)
}

/// The employees of these user ids.
pub(crate) async fn by_ids(
    conn: &mut Conn,
    company: i64,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Known>, db::Error> {
    let mut wanted = Rows::new(&[("id", Type::Uuid)]);
    let mut ids: Vec<Uuid> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        wanted.push([id.into()]);
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let query = conn.sql(KNOWN).push_rows(&wanted);
    let query = query.push(" as input cross join employee where employee.id = input.id and employee.company = ");
    let found: Vec<Known> = query.push_bind(company).all().await?;
    Ok(found.into_iter().map(|employee| (employee.id, employee)).collect())
}

/// The user id of an employee whom a record from another server names; another name stays as it is.
pub(crate) fn told(known: &HashMap<String, Known>, name: &str) -> String {
    maker(known, Some(name)).map_or_else(|| name.to_owned(), |id| id.to_string())
}

/// The user id of an employee whom a record from another server names, if there is such a one.
pub(crate) fn maker(known: &HashMap<String, Known>, name: Option<&str>) -> Option<Uuid> {
    known.get(&key(name?)).map(|employee| employee.id)
}

/// The user ids of those that a body's `field` names; whoever is no employee is a fault. A blank names nobody.
pub(crate) fn ids_in(known: &HashMap<String, Known>, faults: &mut Faults, named: &[(String, &str)]) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for (field, code) in named {
        if code.trim().is_empty() {
            continue;
        }
        match known.get(&key(code)) {
            Some(employee) if ids.contains(&employee.id) => {}
            Some(employee) => ids.push(employee.id),
            None => faults.add(Code::NotFound, field.as_str(), format!("{field} “{code}” is not a known employee")),
        }
    }
    ids
}

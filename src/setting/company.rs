//! Companies: the tenants. Everything else is keyed by one.

use db::{Conn, Db};
use serde::{Deserialize, Serialize};

use super::list;
use crate::http::{Code, Error, Fault};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// The company's number, which the API calls `companyId`.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its IANA time zone; dates without an offset are read in it.
    pub time_zone: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
}

/// Text indexes have 31 bits for the company.
const LARGEST_ID: i64 = i32::MAX as i64;

/// Makes a company; without an id it gets the next free one.
pub async fn create(db: &Db, id: Option<i64>, name: &str, time_zone: &str, now: i64) -> Result<Company, Error> {
    if let Some(id) = id
        && !(1..=LARGEST_ID).contains(&id)
    {
        return Err(Error::invalid(Code::InvalidValue, "id", format!("A company's id must be from 1 to {LARGEST_ID}")));
    }
    if name.trim().is_empty() {
        return Err(Error::invalid(Code::Required, "name", "A company needs a name"));
    }
    if jiff::tz::TimeZone::get(time_zone).is_err() {
        return Err(Error::invalid(
            Code::InvalidValue,
            "timeZone",
            format!("{time_zone} is not an IANA time zone such as Asia/Bangkok"),
        ));
    }
    db.write(async |mut tx| {
        let id = match id {
            Some(id) => id,
            None => tx.sql("select coalesce(max(company), 0) + 1 from company").one().await?,
        };
        let made = tx
            .sql(
                "insert into company (company, name, time_zone, created_at) values ($1, $2, $3, $4)
                 on conflict (company) do nothing",
            )
            .bind(id)
            .bind(name)
            .bind(time_zone)
            .bind(now)
            .exec()
            .await?;
        if made == 0 {
            let message = format!("Company {id} already exists");
            return Err(Error::Conflict(Fault::new(Code::Conflict, "id", message)));
        }
        list::seed(&mut tx, id).await?;
        Ok(Company { id, name: name.to_owned(), time_zone: time_zone.to_owned(), created_at: now })
    })
    .await
}

const COMPANY: &str = "select company as id, name, time_zone, created_at from company";

/// The companies of this server, by number.
pub async fn list(conn: &mut Conn) -> Result<Vec<Company>, db::Error> {
    conn.sql(COMPANY).push(" order by company limit 10000").all().await
}

/// One company.
pub async fn find(conn: &mut Conn, company: i64) -> Result<Option<Company>, db::Error> {
    conn.sql(COMPANY).push(" where company = $1").bind(company).optional().await
}

/// Refuses with a named fault where there is no such company.
pub async fn must_exist(conn: &mut Conn, company: i64) -> Result<Company, Error> {
    let found = find(conn, company).await?;
    found.ok_or_else(|| Error::invalid(Code::NotFound, "company", format!("There is no company {company}")))
}

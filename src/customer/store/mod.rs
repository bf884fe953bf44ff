//! Customers in the database: finding one, and what a record's answer is put together from.

mod put;
mod reach;
mod save;

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};

pub(crate) use self::put::{Introduction, entered, introduce, put, put_as};
pub(crate) use self::reach::{Reach, is_seen, must_see, within};
pub(crate) use self::save::{announce, announce_with, claim_name, refold, release_name, update};
use super::input::{CustomerAddress, Profile};
use super::{Customer, Match, erased};
use crate::http::{Caller, Code, Error};
use crate::search;
use crate::setting::list::List;
use crate::time::{self, Zone};

/// A customer as it is stored: the fields are columns of its table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) state: i64,
    pub(crate) status: i64,
    pub(crate) kind: Option<i64>,
    pub(crate) lead_status: i64,
    pub(crate) customer_group: Option<i64>,
    pub(crate) source: Option<i64>,
    pub(crate) classification: Option<i64>,
    pub(crate) reason: Option<i64>,
    pub(crate) tax_no: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) mobile: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) profile: Profile,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) modified_by: String,
    pub(crate) modified_at: i64,
    pub(crate) version: i64,
    pub(crate) deleted_at: Option<i64>,
    pub(crate) merged_into: Option<i64>,
    pub(crate) erased_at: Option<i64>,
}

/// The table.
pub(crate) const TABLE: &str = "customer";

/// The text index of customers.
pub(crate) const TEXTS: &str = "customer_text";

/// What stands in other tables, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) group: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) classification: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) interests: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) owners: Vec<String>,
}

impl Row {
    /// The customer as the API shows it; of one whose person is being erased already no more than what will stay.
    pub(crate) fn view(self, links: Links, zone: &Zone) -> Customer {
        let (row, links) = if self.erased_at.is_some() { erased::shell(self, links) } else { (self, links) };
        row.view_as_stored(links, zone)
    }

    fn view_as_stored(self, links: Links, zone: &Zone) -> Customer {
        let profile = self.profile;
        Customer {
            customer_id: self.id,
            customer_code: self.code,
            customer_name: self.name,
            customer_state: self.state,
            customer_status: self.status,
            customer_type: self.kind,
            customer_picture: profile.picture,
            customer_second_name: profile.second_name,
            customer_aliases: profile.aliases,
            customer_tax_no: self.tax_no,
            branch_code: self.branch,
            customer_phone: self.phone,
            customer_mobile: self.mobile,
            customer_email: self.email,
            customer_position: profile.position,
            customer_gender: profile.gender,
            customer_marital_status: profile.marital_status,
            customer_birthdate: profile.birthdate,
            customer_income: profile.income,
            credit_limit: profile.credit_limit,
            addresses: profile.addresses,
            source_name: links.source,
            customer_group_name: links.group,
            lead_status: self.lead_status,
            unqulified_reason_name: links.reason,
            unqulified_reason_note: profile.reason_note,
            interests_name: links.interests,
            customer_tags: links.tags,
            classification_name: links.classification,
            contacts: profile.contacts,
            customer_social_account: profile.social,
            custom_fields: profile.custom_fields,
            customer_note: profile.note,
            owners: links.owners,
            created_by_user_id: self.created_by,
            date_created: time::text(self.created_at, zone),
            modified_by_user_id: self.modified_by,
            date_modified: time::text(self.modified_at, zone),
            date_erased: self.erased_at.map(|at| time::text(at, zone)),
        }
    }

    /// 404 for a customer that was deleted; one whose person was erased is shown, as the shell that is left.
    pub(crate) fn shown(self) -> Result<Row, Error> {
        if self.erased_at.is_some() { Ok(self) } else { self.living() }
    }

    /// State, kind, status and lead status as one number, by which lists find customers: a digit each.
    fn shape(&self) -> i64 {
        self.state * 1000 + self.kind.unwrap_or(0) * 100 + self.status * 10 + self.lead_status
    }

    /// 404 for a customer that was deleted or merged away.
    pub(crate) fn living(self) -> Result<Row, Error> {
        if self.deleted_at.is_some() { Err(Error::NotFound("customer")) } else { Ok(self) }
    }
}

/// A code as it is compared.
pub(crate) fn key(code: &str) -> String {
    search::fold(search::trimmed(code))
}

/// A tax number as it is compared.
pub(crate) fn tax_key(number: &str) -> String {
    search::fold(number).chars().filter(|letter| !matches!(letter, ' ' | '-')).collect()
}

/// Merges that follow one another further than this are not followed.
const MOST_MERGES: usize = 20;

/// The customer of this code, deleted or not; the code of one that was merged leads to the survivor.
pub(crate) async fn by_code(conn: &mut Conn, company: i64, code: &str) -> Result<Option<Row>, Error> {
    let query = conn.rows::<Row>(TABLE).push(" where company = $1 and code_key = $2");
    let found: Option<Row> = query.bind(company).bind(key(code)).optional().await?;
    follow(conn, company, found).await
}

/// What a document has to know of its customer.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) deleted_at: Option<i64>,
    pub(crate) merged_into: Option<i64>,
}

/// The customer of this code itself, deleted, merged or not: nobody changes it until the unit ends.
pub(crate) async fn shared_by_code(tx: &mut Conn, company: i64, code: &str) -> Result<Option<Named>, db::Error> {
    let query = tx.rows::<Named>(TABLE).push(" where company = $1 and code_key = $2");
    query.bind(company).bind(key(code)).shared().optional().await
}

/// The customer of this number, deleted or not; the number of one that was merged leads to the survivor.
pub(crate) async fn by_id(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Row>, Error> {
    let found = exactly(conn, company, id).await?;
    follow(conn, company, found).await
}

async fn follow(conn: &mut Conn, company: i64, mut found: Option<Row>) -> Result<Option<Row>, Error> {
    for _ in 0..MOST_MERGES {
        let Some(into) = found.as_ref().and_then(|row| row.merged_into) else { return Ok(found) };
        found = exactly(conn, company, into).await?;
    }
    Ok(found)
}

/// The customer of this number itself, even when it was merged.
pub(crate) async fn exactly(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Row>, db::Error> {
    conn.rows::<Row>(TABLE).push(" where company = $1 and id = $2").bind(company).bind(id).optional().await
}

/// The addresses of these customers, by their numbers: one statement for any number of them.
pub(crate) async fn addresses(
    conn: &mut Conn,
    company: i64,
    ids: &[i64],
) -> Result<HashMap<i64, Vec<CustomerAddress>>, db::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = conn.rows::<Row>(TABLE).push(" where company = $1 and id in ").bind(company);
    let rows: Vec<Row> = query.push_ids(ids).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.profile.addresses)).collect())
}

/// The customers behind this number, in its order.
pub(crate) async fn after(conn: &mut Conn, company: i64, id: i64, most: i64) -> Result<Vec<Row>, db::Error> {
    let query = conn.rows::<Row>(TABLE).push(" where company = $1 and id > $2 order by id limit $3");
    query.bind(company).bind(id).bind(most).all().await
}

/// Holds a code before its customer is looked for, so that of two who make one at once the second finds it.
pub(crate) async fn hold_code(tx: &mut Conn, company: i64, code: &str) -> Result<(), db::Error> {
    tx.lock(&format!("customer/{company}/{}", key(code))).await
}

/// The living customer of this code, within the caller's range; 404 when there is none.
pub(crate) async fn find(conn: &mut Conn, caller: &Caller, code: &str) -> Result<Row, Error> {
    let row = by_code(conn, caller.company, code).await?.ok_or(Error::NotFound("customer"))?.living()?;
    must_see(conn, caller, row.id).await?;
    Ok(row)
}

/// The living customer that a body's `field` names, within the caller's range; 400 that names the field when there is none.
pub(crate) async fn named(conn: &mut Conn, caller: &Caller, field: &str, code: &str) -> Result<Row, Error> {
    let row = by_code(conn, caller.company, code).await?.filter(|row| row.deleted_at.is_none());
    let unknown = || Error::invalid(Code::NotFound, field, format!("{field} “{code}” is not a known customer"));
    let row = row.ok_or_else(unknown)?;
    match is_seen(conn, caller, row.id).await? {
        true => Ok(row),
        false => Err(unknown()),
    }
}

/// The same for whoever adds something to the customer: until the unit ends it is not merged or erased, which would
/// leave behind what comes while they count what there is. `known` is the customer whose the record is already: it may be named
/// again, whoever looks after it.
pub(crate) async fn named_to_add(
    tx: &mut Conn,
    caller: &Caller,
    field: &str,
    code: &str,
    known: Option<i64>,
) -> Result<Row, Error> {
    let unknown = || Error::invalid(Code::NotFound, field, format!("{field} “{code}” is not a known customer"));
    loop {
        let found = by_code(tx, caller.company, code).await?.filter(|row| row.deleted_at.is_none());
        let found = found.ok_or_else(unknown)?;
        hold(tx, caller.company, found.id).await?;
        let held = by_code(tx, caller.company, code).await?.filter(|row| row.deleted_at.is_none());
        let held = held.ok_or_else(unknown)?;
        if held.id != found.id {
            continue;
        }
        if known != Some(held.id) && !is_seen(tx, caller, held.id).await? {
            return Err(unknown());
        }
        return Ok(held);
    }
}

/// The codes and names of these customers, by their numbers.
pub(crate) async fn called(
    conn: &mut Conn,
    company: i64,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, (String, String)>, db::Error> {
    let mut ids: Vec<i64> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    ids.sort_unstable();
    ids.dedup();
    let query = conn.sql("select id, code, name from customer where company = $1 and id in ").bind(company);
    let found: Vec<(i64, String, String)> = query.push_ids(&ids).all().await?;
    Ok(found.into_iter().map(|(id, code, name)| (id, (code, name))).collect())
}

/// The living customer of this whole name.
pub(crate) async fn by_name(conn: &mut Conn, company: i64, name: &str) -> Result<Option<Row>, db::Error> {
    conn.select::<Row>(TABLE)
        .push(
            " from customer_name
             join customer on customer.company = customer_name.company and customer.id = customer_name.customer
             where customer_name.company = $1 and customer_name.name_key = $2",
        )
        .bind(company)
        .bind(key(name))
        .optional()
        .await
}

/// The most customers that one look-up answers.
const MOST_FOUND: i64 = 200;

/// The living customers of this tax number within the caller's range, by branch; of one branch when it is given.
pub(crate) async fn by_tax(
    conn: &mut Conn,
    caller: &Caller,
    number: &str,
    branch: Option<&str>,
) -> Result<Vec<Row>, db::Error> {
    let mut query = conn
        .rows::<Row>(TABLE)
        .push(" where company = $1 and tax_key = $2 and deleted_at is null")
        .bind(caller.company)
        .bind(tax_key(number));
    if let Some(branch) = branch {
        query = query.push(" and branch = ").push_bind(branch.trim());
    }
    within(query, caller).push(" order by branch, id limit ").push_bind(MOST_FOUND).all().await
}

/// What a customer might be known by.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: Option<String>,
    pub(crate) tax_no: Option<String>,
    /// In E.164.
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
}

/// The living customers within the caller's range that have any of these, and which, the oldest first.
pub(crate) async fn matching(conn: &mut Conn, caller: &Caller, known: &Known) -> Result<Vec<Match>, Error> {
    #[derive(Deserialize)]
    struct Found {
        id: i64,
        code: String,
        name: String,
        by: i64,
    }
    const FIELDS: [&str; 4] = ["customerName", "customerTaxNo", "customerPhone", "customerEmail"];
    // Each part is a look-up in an index of its own; what is not asked for compares with null and finds nothing.
    let found = conn
        .sql(
            "select customer.id, customer.code, customer.name, found.how as by from (
               select customer as id, 0 as how from customer_name where company = $1 and name_key = $2
               union all
               select id, 1 from customer where company = $1 and tax_key = $3
               union all
               select customer, 2 from customer_identity where company = $1 and kind = 'phone' and value = $4
               union all
               select customer, 3 from customer_identity where company = $1 and kind = 'email' and value = $5
             ) as found join customer on customer.company = $1 and customer.id = found.id and customer.deleted_at is null
             where 0 = 0",
        )
        .bind(caller.company)
        .bind(known.name.as_deref().map(key))
        .bind(known.tax_no.as_deref().map(tax_key))
        .bind(known.phone.as_deref())
        .bind(known.email.as_deref().map(|email| search::fold(search::trimmed(email))));
    let found = within(found, caller).push(" order by customer.id, found.how limit ").push_bind(MOST_FOUND * 4);
    let found: Vec<Found> = found.all().await?;
    let mut matches: Vec<Match> = Vec::new();
    for Found { id, code, name, by } in found {
        let field = usize::try_from(by).ok().and_then(|by| FIELDS.get(by)).copied().unwrap_or_default();
        match matches.last_mut().filter(|last| last.customer_id == id) {
            Some(last) if last.matched.contains(&field) => {}
            Some(last) => last.matched.push(field),
            None => {
                matches.push(Match { customer_id: id, customer_code: code, customer_name: name, matched: vec![field] })
            }
        }
    }
    matches.truncate(usize::try_from(MOST_FOUND).unwrap_or_default());
    Ok(matches)
}

/// Keeps others from changing a customer until the unit of work ends.
pub(crate) async fn hold(tx: &mut Conn, company: i64, id: i64) -> Result<(), db::Error> {
    tx.sql("update customer set version = version where company = $1 and id = $2")
        .bind(company)
        .bind(id)
        .exec()
        .await?;
    Ok(())
}

/// The same for several.
pub(crate) async fn hold_all(tx: &mut Conn, company: i64, ids: &[i64]) -> Result<(), db::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    tx.sql("update customer set version = version where company = $1 and id in (select id from ")
        .bind(company)
        .push_ids(ids)
        .push(" as wanted)")
        .exec()
        .await
        .map(drop)
}

/// What stands in other tables, of each of these customers: two statements for any number of them.
pub(crate) async fn links(conn: &mut Conn, company: i64, rows: &[Row]) -> Result<Vec<Links>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    #[derive(Deserialize)]
    struct Link {
        customer: i64,
        list: String,
        name: String,
    }
    let mut wanted = Rows::new(&[("customer", Type::BigInt), ("list", Type::Text), ("choice", Type::BigInt)]);
    let mut ids = Rows::new(&[("customer", Type::BigInt)]);
    for row in rows {
        ids.push([row.id.into()]);
        let single = [
            (List::CustomerGroups, row.customer_group),
            (List::Sources, row.source),
            (List::Classifications, row.classification),
            (List::UnqualifiedReasons, row.reason),
        ];
        for (list, choice) in single {
            if let Some(choice) = choice {
                wanted.push([row.id.into(), list.path().into(), choice.into()]);
            }
        }
    }
    // In a cross join SQLite looks the customers up, of which there are few: it would rather read all owners of the company.
    let found: Vec<Link> = conn
        .sql("select customer, list, name from (")
        .push("select input.customer, choice.list, choice.name, 0 as position from ")
        .push_rows(&wanted)
        .push(" as input cross join choice where choice.company = ")
        .push_bind(company)
        .push(
            " and choice.list = input.list and choice.id = input.choice
             union all
             select used.customer, used.list, choice.name, used.position from ",
        )
        .push_rows(&ids)
        .push(
            " as input cross join customer_choice as used cross join choice
             where choice.company = used.company and choice.list = used.list and choice.id = used.choice
             and used.customer = input.customer and used.company = ",
        )
        .push_bind(company)
        .push(
            " union all
             select owner.customer, 'owners', coalesce(employee.staff_code, owner.staff_code), owner.position from ",
        )
        .push_rows(&ids)
        .push(
            " as input cross join customer_owner as owner
             left join employee on employee.company = owner.company and employee.staff_key = owner.staff_key
             where owner.customer = input.customer and owner.company = ",
        )
        .push_bind(company)
        .push(") as named order by customer, position")
        .all()
        .await?;
    let mut by_customer: HashMap<i64, Links> = HashMap::new();
    for Link { customer, list, name } in found {
        let links = by_customer.entry(customer).or_default();
        match list.as_str() {
            "owners" => links.owners.push(name),
            list if list == List::Interests.path() => links.interests.push(name),
            list if list == List::Tags.path() => links.tags.push(name),
            list if list == List::CustomerGroups.path() => links.group = Some(name),
            list if list == List::Sources.path() => links.source = Some(name),
            list if list == List::Classifications.path() => links.classification = Some(name),
            _ => links.reason = Some(name),
        }
    }
    Ok(rows.iter().map(|row| by_customer.remove(&row.id).unwrap_or_default()).collect())
}

/// The same of one customer.
pub(crate) async fn links_of(conn: &mut Conn, row: &Row) -> Result<Links, Error> {
    let links = links(conn, row.company, std::slice::from_ref(row)).await?;
    Ok(links.into_iter().next().unwrap_or_default())
}

//! Customers in the database: finding one, creating or updating one, and what a record's answer is put together from.

use std::collections::HashMap;

use db::{Conn, Json as Stored, Rows, Type};
use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{self, CustomerWrite, Profile};
use super::{Customer, Match, erased, identity};
use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults, Patch};
use crate::search;
use crate::setting::list::List;
use crate::setting::number::{self, Pattern};
use crate::setting::profile::{self, Setting};
use crate::setting::{choice, phone, tax};
use crate::time::{self, Zone};

/// A customer as it is stored.
#[derive(Debug, Clone, Deserialize)]
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

/// The columns of [`Row`].
pub(crate) const COLUMNS: &str = "customer.company, customer.id, customer.code, customer.name, customer.state, customer.status, \
    customer.kind, customer.lead_status, customer.customer_group, customer.source, customer.classification, \
    customer.reason, customer.tax_no, customer.branch, customer.phone, customer.mobile, customer.email, \
    customer.profile, customer.created_by, customer.created_at, customer.modified_by, customer.modified_at, \
    customer.version, customer.deleted_at, customer.merged_into, customer.erased_at";

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
    search::fold(code.trim())
}

/// A tax number as it is compared.
pub(crate) fn tax_key(number: &str) -> String {
    number.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect::<String>().to_lowercase()
}

/// Merges that follow one another further than this are not followed.
const MOST_MERGES: usize = 20;

/// The customer of this code, deleted or not; the code of one that was merged leads to the survivor.
pub(crate) async fn by_code(conn: &mut Conn, company: i64, code: &str) -> Result<Option<Row>, Error> {
    let found: Option<Row> = conn
        .sql("select ")
        .push(COLUMNS)
        .push(" from customer where company = $1 and code_key = $2")
        .bind(company)
        .bind(key(code))
        .optional()
        .await?;
    follow(conn, company, found).await
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
    conn.sql("select ")
        .push(COLUMNS)
        .push(" from customer where company = $1 and id = $2")
        .bind(company)
        .bind(id)
        .optional()
        .await
}

/// The living customer of this code; 404 when there is none.
pub(crate) async fn find(conn: &mut Conn, company: i64, code: &str) -> Result<Row, Error> {
    by_code(conn, company, code).await?.ok_or(Error::NotFound("customer"))?.living()
}

/// The living customer that a body's `field` names; 400 that names the field when there is none.
pub(crate) async fn named(conn: &mut Conn, company: i64, field: &str, code: &str) -> Result<Row, Error> {
    let row = by_code(conn, company, code).await?.filter(|row| row.deleted_at.is_none());
    row.ok_or_else(|| Error::invalid(Code::NotFound, field, format!("{field} {code:?} is no customer")))
}

/// The same for whoever adds something to the customer: until the unit ends it is not merged or erased, which would
/// leave behind what comes while they count what there is.
pub(crate) async fn named_to_add(tx: &mut Conn, company: i64, field: &str, code: &str) -> Result<Row, Error> {
    loop {
        let found = named(tx, company, field, code).await?;
        hold(tx, company, found.id).await?;
        let held = named(tx, company, field, code).await?;
        if held.id == found.id {
            return Ok(held);
        }
    }
}

/// The living customer of this whole name.
pub(crate) async fn by_name(conn: &mut Conn, company: i64, name: &str) -> Result<Option<Row>, db::Error> {
    conn.sql("select ")
        .push(COLUMNS)
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

/// The living customers of this tax number, by branch; of one branch when it is given.
pub(crate) async fn by_tax(
    conn: &mut Conn,
    company: i64,
    number: &str,
    branch: Option<&str>,
) -> Result<Vec<Row>, db::Error> {
    let mut query = conn
        .sql("select ")
        .push(COLUMNS)
        .push(" from customer where company = $1 and tax_key = $2 and deleted_at is null")
        .bind(company)
        .bind(tax_key(number));
    if let Some(branch) = branch {
        query = query.push(" and branch = ").push_bind(branch.trim());
    }
    query.push(" order by branch, id limit ").push_bind(MOST_FOUND).all().await
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

/// The living customers that have any of these, and which, the oldest first.
pub(crate) async fn matching(conn: &mut Conn, company: i64, known: &Known) -> Result<Vec<Match>, Error> {
    #[derive(Deserialize)]
    struct Found {
        id: i64,
        code: String,
        name: String,
        by: i64,
    }
    const FIELDS: [&str; 4] = ["customerName", "customerTaxNo", "customerPhone", "customerEmail"];
    // Each part is a look-up in an index of its own; what is not asked for compares with null and finds nothing.
    let found: Vec<Found> = conn
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
             order by customer.id, found.how limit $6",
        )
        .bind(company)
        .bind(known.name.as_deref().map(key))
        .bind(known.tax_no.as_deref().map(tax_key))
        .bind(known.phone.as_deref())
        .bind(known.email.as_deref().map(str::to_lowercase))
        .bind(MOST_FOUND * 4)
        .all()
        .await?;
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

/// What was written, and what looks wrong though it was taken.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) row: Row,
    pub(crate) outcome: Outcome,
    pub(crate) warnings: Vec<String>,
}

/// What a write did.
#[derive(Debug)]
pub(crate) enum Outcome {
    Created,
    /// With what people had entered before.
    Updated(Value),
    Unchanged,
}

/// As much of a new customer as another resource knows.
#[derive(Debug)]
pub(crate) struct Introduction<'a> {
    /// The code; the next one when it is absent.
    pub(crate) code: Option<&'a str>,
    /// The name, which nobody has.
    pub(crate) name: &'a str,
    /// 1 lead, 2 prospect, 3 customer.
    pub(crate) state: i64,
    /// 1 business, 2 individual.
    pub(crate) kind: Option<i64>,
}

/// Creates a customer that another resource names for the first time.
pub(crate) async fn introduce(tx: &mut Conn, caller: &Caller, new: &Introduction<'_>, now: i64) -> Result<Row, Error> {
    let input = CustomerWrite {
        customer_code: new.code.map(str::to_owned),
        customer_name: new.name.to_owned(),
        customer_state: new.state,
        customer_type: new.kind.map_or(Patch::Keep, Patch::Set),
        ..CustomerWrite::default()
    };
    input.check(Vec::new())?;
    Ok(put(tx, caller, &input, &Conditions::default(), now).await?.row)
}

/// Creates a customer, or updates the one whose code is given; what did not change writes nothing.
pub(crate) async fn put(
    tx: &mut Conn,
    caller: &Caller,
    input: &CustomerWrite,
    conditions: &Conditions,
    now: i64,
) -> Result<Written, Error> {
    let company = caller.company;
    let setting = profile::of(tx, company).await?;
    let mut warnings = Vec::new();
    check_tax(input, &setting, &mut warnings)?;
    let given = input.customer_code.as_deref().map(str::trim).filter(|code| !code.is_empty());
    let old = match given {
        Some(code) => old(tx, company, code).await?,
        None => None,
    };
    conditions.allow_change(old.as_ref().map(|old| old.version))?;
    let was = match &old {
        Some(old) => links_of(tx, old).await?,
        None => Links::default(),
    };
    let wanted = wanted(input, old.as_ref(), &was);
    let (id, code) = match &old {
        Some(old) => (old.id, old.code.clone()),
        None => {
            (number::next(tx, company, "customer").await?, new_code(tx, company, given, input, &setting, now).await?)
        }
    };
    let mut row = draft(input, old.as_ref(), caller, id, code, now);
    check_rules(&row, &wanted)?;
    let choices = choose(tx, company, &wanted).await?;
    row.customer_group = choices.one(List::CustomerGroups, wanted.group.as_deref());
    row.source = choices.one(List::Sources, wanted.source.as_deref());
    row.classification = choices.one(List::Classifications, wanted.classification.as_deref());
    row.reason = choices.one(List::UnqualifiedReasons, wanted.reason.as_deref());
    if old.is_none() {
        insert(tx, &row, &setting).await?;
    }
    take_name(tx, old.as_ref(), &row).await?;
    warnings.extend(unknown_owners(tx, company, &wanted.owners).await?);
    let links = Links { owners: wanted.owners.clone(), ..wanted };
    let change = Change {
        company,
        reference: format!("customer/{}", row.id),
        actor: &caller.id,
        action: if old.is_some() { "updated" } else { "created" },
        at: now,
    };
    let before = old.as_ref().map_or_else(|| json!({}), |old| entered(old, &was));
    if !audit::record(tx, &change, &before, &entered(&row, &links)).await? {
        // Nothing differs: the record keeps its version, and nobody is told.
        return Ok(Written { row: old.unwrap_or(row), outcome: Outcome::Unchanged, warnings });
    }
    if old.is_some() {
        update(tx, &row, &setting).await?;
    }
    link(tx, &row, &choices, (&was, &links), old.is_none()).await?;
    identity::derive(tx, &row, &setting.country, now).await?;
    announce(tx, row.clone(), links, if old.is_some() { "Updated" } else { "Created" }, now).await?;
    let outcome = if old.is_some() { Outcome::Updated(before) } else { Outcome::Created };
    Ok(Written { row, outcome, warnings })
}

/// The record that an update is about, held until the unit ends so that two updates cannot undo each other.
async fn old(tx: &mut Conn, company: i64, code: &str) -> Result<Option<Row>, Error> {
    let Some(found) = by_code(tx, company, code).await? else { return Ok(None) };
    let changeable = |row: &Row| match (row.erased_at, row.deleted_at, row.merged_into) {
        (Some(_), ..) => Err(erased::refusal(&row.code)),
        (.., Some(_)) => Err(Error::Changed),
        (_, Some(_), _) => {
            let message = format!("Customer {} was deleted; restore it first", row.code);
            Err(Error::Conflict(Fault::new(Code::Conflict, "customerCode", message)))
        }
        _ => Ok(()),
    };
    changeable(&found)?;
    hold(tx, company, found.id).await?;
    let held = exactly(tx, company, found.id).await?;
    held.as_ref().map_or(Ok(()), changeable)?;
    Ok(held)
}

/// The tax number and branch by the rules of Thailand, where the company is there: warned of, refused when it says so.
fn check_tax(input: &CustomerWrite, setting: &Setting, warnings: &mut Vec<String>) -> Result<(), Error> {
    if setting.country != "TH" {
        return Ok(());
    }
    let mut faults = Faults::default();
    let mut judge = |ok: bool, field: &str, message: &str| {
        if !ok && setting.refuse_wrong_tax_no {
            faults.add(Code::InvalidFormat, field, message);
        } else if !ok {
            warnings.push(message.to_owned());
        }
    };
    if let Patch::Set(number) = &input.customer_tax_no {
        let ok = number.trim().is_empty() || tax::is_tax_number(number);
        judge(ok, "customerTaxNo", "customerTaxNo has a wrong check digit, or not 13 digits");
    }
    if let Patch::Set(branch) = &input.branch_code {
        let ok = branch.trim().is_empty() || tax::is_branch(branch.trim());
        judge(ok, "branchCode", "branchCode has five digits in Thailand; 00000 is the head office");
    }
    faults.end()
}

/// The names that the record will have.
fn wanted(input: &CustomerWrite, old: Option<&Row>, was: &Links) -> Links {
    let mut wanted = Links {
        group: input::text(&input.customer_group_name, was.group.as_deref()),
        source: input::text(&input.source_name, was.source.as_deref()),
        classification: input::text(&input.classification_name, was.classification.as_deref()),
        reason: input::text(&input.unqulified_reason_name, was.reason.as_deref()),
        interests: input::names(&input.interests_name, &was.interests),
        tags: input::names(&input.customer_tags, &was.tags),
        owners: input::names(&input.owners, &was.owners),
    };
    // Whoever is no unqualified lead any more has no reason for it, unless one is given.
    if old.is_some()
        && matches!(input.lead_status, Patch::Set(1 | 2 | 4))
        && !matches!(input.unqulified_reason_name, Patch::Set(_))
    {
        wanted.reason = None;
    }
    wanted
}

/// The code of a new customer: as given, or the next free one of its kind.
async fn new_code(
    tx: &mut Conn,
    company: i64,
    given: Option<&str>,
    input: &CustomerWrite,
    setting: &Setting,
    now: i64,
) -> Result<String, Error> {
    if let Some(code) = given {
        return Ok(code.to_owned());
    }
    let (name, prefix) = match input.customer_state {
        1 => ("lead", "L"),
        2 => ("prospect", "P"),
        _ => ("customer", "C"),
    };
    let pattern = setting.numbers.get(name).cloned().unwrap_or_else(|| Pattern::code(prefix));
    let zone = time::zone(tx, company).await?;
    let today = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone).date();
    loop {
        let code = number::assign(tx, company, name, &pattern, today, "").await?;
        let taken: Option<i64> = tx
            .sql("select 1 from customer where company = $1 and code_key = $2")
            .bind(company)
            .bind(key(&code))
            .optional()
            .await?;
        // Somebody may have given this code by hand.
        if taken.is_none() {
            return Ok(code);
        }
    }
}

fn draft(input: &CustomerWrite, old: Option<&Row>, caller: &Caller, id: i64, code: String, now: i64) -> Row {
    let nothing = Profile::default();
    let text =
        |patch: &Patch<String>, was: Option<&Option<String>>| input::text(patch, was.and_then(|was| was.as_deref()));
    let moved = old.is_none_or(|old| old.state != input.customer_state);
    let usual = if input.customer_state == 1 { 1 } else { 4 };
    Row {
        company: caller.company,
        id,
        code,
        name: input.customer_name.trim().to_owned(),
        state: input.customer_state,
        status: input.customer_status.clone().over(old.map(|old| old.status)).unwrap_or(0),
        kind: input.customer_type.clone().over(old.and_then(|old| old.kind)),
        lead_status: input.lead_status.clone().over(old.filter(|_| !moved).map(|old| old.lead_status)).unwrap_or(usual),
        customer_group: None,
        source: None,
        classification: None,
        reason: None,
        tax_no: text(&input.customer_tax_no, old.map(|old| &old.tax_no)),
        branch: text(&input.branch_code, old.map(|old| &old.branch)),
        phone: text(&input.customer_phone, old.map(|old| &old.phone)),
        mobile: text(&input.customer_mobile, old.map(|old| &old.mobile)),
        email: text(&input.customer_email, old.map(|old| &old.email)),
        profile: input.profile(old.map_or(&nothing, |old| &old.profile)),
        created_by: old.map_or_else(|| caller.id.clone(), |old| old.created_by.clone()),
        created_at: old.map_or(now, |old| old.created_at),
        modified_by: caller.id.clone(),
        modified_at: now,
        version: old.map_or(1, |old| old.version + 1),
        deleted_at: None,
        merged_into: None,
        erased_at: None,
    }
}

/// The rules that need the whole record: what a status asks for beside itself.
fn check_rules(row: &Row, links: &Links) -> Result<(), Error> {
    let mut faults = Faults::default();
    if row.status != 0 && row.profile.note.is_none() {
        faults.add(Code::Required, "customerNote", "customerNote is required with customerStatus 1 or 2");
    }
    if row.state == 1 && row.lead_status == 3 {
        if links.reason.is_none() {
            let message = "unqulifiedReasonName is required for a lead with leadStatus 3";
            faults.add(Code::Required, "unqulifiedReasonName", message);
        }
        if row.profile.reason_note.is_none() {
            let message = "unqulifiedReasonNote is required for a lead with leadStatus 3";
            faults.add(Code::Required, "unqulifiedReasonNote", message);
        }
    }
    faults.end()
}

/// Entries of look-up lists, by list and name.
struct Choices(HashMap<(&'static str, String), i64>);

impl Choices {
    fn one(&self, list: List, name: Option<&str>) -> Option<i64> {
        self.0.get(&(list.path(), choice::key(name?))).copied()
    }
}

/// The entries that a record names, in one statement; those that are new are made.
async fn choose(tx: &mut Conn, company: i64, wanted: &Links) -> Result<Choices, Error> {
    let single = [
        (List::CustomerGroups, &wanted.group),
        (List::Sources, &wanted.source),
        (List::Classifications, &wanted.classification),
        (List::UnqualifiedReasons, &wanted.reason),
    ];
    let single = single.into_iter().filter_map(|(list, name)| Some((list, name.as_deref()?)));
    let interests = wanted.interests.iter().map(|name| (List::Interests, name.as_str()));
    let tags = wanted.tags.iter().map(|name| (List::Tags, name.as_str()));
    let names: Vec<(List, &str)> = single.chain(interests).chain(tags).collect();
    choice::ensure_all(tx, company, &names).await.map(Choices)
}

/// Makes the name this customer's; 409 that names the other who has it.
async fn take_name(tx: &mut Conn, old: Option<&Row>, row: &Row) -> Result<(), Error> {
    let name = key(&row.name);
    if let Some(old) = old {
        if key(&old.name) == name {
            return Ok(());
        }
        release_name(tx, row.company, row.id).await?;
    }
    claim_name(tx, row.company, row.id, &row.name).await
}

/// Reserves a name for a customer; 409 when another has it.
pub(crate) async fn claim_name(tx: &mut Conn, company: i64, customer: i64, name: &str) -> Result<(), Error> {
    let taken = tx
        .sql("insert into customer_name (company, name_key, customer) values ($1, $2, $3) on conflict (company, name_key) do nothing")
        .bind(company)
        .bind(key(name))
        .bind(customer)
        .exec()
        .await?;
    if taken == 1 {
        return Ok(());
    }
    let code: Option<String> = tx
        .sql(
            "select customer.code from customer_name
             join customer on customer.company = customer_name.company and customer.id = customer_name.customer
             where customer_name.company = $1 and customer_name.name_key = $2",
        )
        .bind(company)
        .bind(key(name))
        .optional()
        .await?;
    let message = format!("Customer {} has this name", code.unwrap_or_default());
    Err(Error::Conflict(Fault::new(Code::Taken, "customerName", message)))
}

/// Gives a customer's name free.
pub(crate) async fn release_name(tx: &mut Conn, company: i64, customer: i64) -> Result<(), db::Error> {
    tx.sql("delete from customer_name where company = $1 and customer = $2").bind(company).bind(customer).later().await
}

/// A warning for each owner who is no employee yet.
async fn unknown_owners(conn: &mut Conn, company: i64, owners: &[String]) -> Result<Vec<String>, Error> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted = Rows::new(&[("staff_key", Type::Text)]);
    for owner in owners {
        wanted.push([owner.to_lowercase().into()]);
    }
    let known: Vec<String> = conn
        .sql("select employee.staff_key from ")
        .push_rows(&wanted)
        .push(" as input cross join employee where employee.staff_key = input.staff_key and employee.company = ")
        .push_bind(company)
        .all()
        .await?;
    let unknown = owners.iter().filter(|owner| !known.contains(&owner.to_lowercase()));
    Ok(unknown.map(|owner| format!("owners: {owner} is no employee yet")).collect())
}

/// What the audit trail compares: what people entered.
pub(crate) fn entered(row: &Row, links: &Links) -> Value {
    let profile = &row.profile;
    json!({
        "customerCode": row.code, "customerName": row.name, "customerState": row.state, "customerStatus": row.status,
        "customerType": row.kind, "customerPicture": profile.picture, "customer2ndName": profile.second_name,
        "customerAliases": profile.aliases, "customerTaxNo": row.tax_no, "branchCode": row.branch,
        "customerPhone": row.phone, "customerMobile": row.mobile, "customerEmail": row.email,
        "customerPosition": profile.position, "customerGender": profile.gender,
        "customerMaritalStatus": profile.marital_status, "customerBirthdate": profile.birthdate,
        "customerIncome": profile.income, "creditLimit": profile.credit_limit, "addresses": profile.addresses,
        "sourceName": links.source, "customerGroupName": links.group, "leadStatus": row.lead_status,
        "unqulifiedReasonName": links.reason, "unqulifiedReasonNote": profile.reason_note,
        "interestsName": links.interests, "customerTags": links.tags, "classificationName": links.classification,
        "contacts": profile.contacts, "customerSocialAccount": profile.social, "customFields": profile.custom_fields,
        "customerNote": profile.note, "owners": links.owners,
    })
}

/// What a keyword is looked for in: names, code, telephones as typed and in E.164, e-mails, tax number.
fn search_text(row: &Row, country: &str) -> String {
    let profile = &row.profile;
    let mut words: Vec<String> = vec![row.name.clone(), row.code.clone()];
    words.extend(profile.second_name.clone());
    words.extend(profile.aliases.iter().cloned());
    words.extend(row.email.clone());
    words.extend(row.tax_no.as_deref().map(tax_key));
    words.extend(profile.former.iter().flat_map(|former| std::iter::once(&former.code).chain(&former.words)).cloned());
    let contacts = profile.contacts.iter();
    words.extend(contacts.clone().map(|contact| contact.contact_name.clone()));
    words.extend(contacts.clone().filter_map(|contact| contact.contact_email.clone()));
    let of_contacts = contacts.flat_map(|contact| [&contact.contact_phone, &contact.contact_mobile]);
    let of_former = profile.former.iter().flat_map(|former| &former.phones);
    for number in [&row.phone, &row.mobile].into_iter().chain(of_contacts).flatten().chain(of_former) {
        words.push(number.clone());
        words.push(number.chars().filter(char::is_ascii_digit).collect());
        if let Some(number) = phone::e164(number, country) {
            words.extend(phone::national(&number, country));
            words.push(number);
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for word in words.into_iter().map(|word| search::fold(word.trim())).filter(|word| !word.is_empty()) {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.join("\n")
}

/// The first address that has a place on the map, in millionths of a degree.
fn place(profile: &Profile) -> Option<(i64, i64)> {
    let degrees = |text: &Option<String>| text.as_deref()?.trim().parse::<f64>().ok();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within 180 degrees")]
    let millionths = |degrees: f64| (degrees * 1e6).round() as i64;
    let mut places = profile.addresses.iter().filter_map(|a| Some((degrees(&a.latitude)?, degrees(&a.longitude)?)));
    places.next().map(|(latitude, longitude)| (millionths(latitude), millionths(longitude)))
}

async fn insert(tx: &mut Conn, row: &Row, setting: &Setting) -> Result<(), Error> {
    let (latitude, longitude) = place(&row.profile).unzip();
    let text = search_text(row, &setting.country);
    let made = tx
        .sql(
            "insert into customer (company, id, code, code_key, name, name_key, state, status, kind, lead_status,
                                   customer_group, source, classification, reason, tax_no, tax_key, branch, phone, mobile,
                                   email, latitude, longitude, profile, search_key, created_by, created_at, modified_by,
                                   modified_at, version, shape)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                     $23, $24, $25, $26, $25, $26, 1, $27)
             on conflict (company, code_key) do nothing",
        )
        .bind(row.company)
        .bind(row.id)
        .bind(&row.code)
        .bind(key(&row.code))
        .bind(&row.name)
        .bind(key(&row.name))
        .bind(row.state)
        .bind(row.status)
        .bind(row.kind)
        .bind(row.lead_status)
        .bind(row.customer_group)
        .bind(row.source)
        .bind(row.classification)
        .bind(row.reason)
        .bind(row.tax_no.as_deref())
        .bind(row.tax_no.as_deref().map(tax_key))
        .bind(row.branch.as_deref())
        .bind(row.phone.as_deref())
        .bind(row.mobile.as_deref())
        .bind(row.email.as_deref())
        .bind(latitude)
        .bind(longitude)
        .bind(Stored(&row.profile))
        .bind(text.as_str())
        .bind(&row.created_by)
        .bind(row.created_at)
        .bind(row.shape())
        .exec()
        .await?;
    if made == 0 {
        let message =
            format!("Customer {} is being created by another request; repeat this one to update it", row.code);
        return Err(Error::Conflict(Fault::new(Code::Taken, "customerCode", message)));
    }
    tx.index_text("customer_text", row.company, row.id, &text).await?;
    Ok(())
}

/// Writes the whole record over the stored one.
pub(crate) async fn update(tx: &mut Conn, row: &Row, setting: &Setting) -> Result<(), Error> {
    let (latitude, longitude) = place(&row.profile).unzip();
    let text = search_text(row, &setting.country);
    let was: Option<String> = tx
        .sql("select search_key from customer where company = $1 and id = $2")
        .bind(row.company)
        .bind(row.id)
        .optional()
        .await?;
    tx.sql(
        "update customer
         set name = $3, name_key = $4, state = $5, status = $6, kind = $7, lead_status = $8, customer_group = $9,
             source = $10, classification = $11, reason = $12, tax_no = $13, tax_key = $14, branch = $15, phone = $16,
             mobile = $17, email = $18, latitude = $19, longitude = $20, profile = $21, search_key = $22,
             modified_by = $23, modified_at = $24, version = $25, deleted_at = $26, merged_into = $27, erased_at = $28,
             shape = $29
         where company = $1 and id = $2",
    )
    .bind(row.company)
    .bind(row.id)
    .bind(&row.name)
    .bind(key(&row.name))
    .bind(row.state)
    .bind(row.status)
    .bind(row.kind)
    .bind(row.lead_status)
    .bind(row.customer_group)
    .bind(row.source)
    .bind(row.classification)
    .bind(row.reason)
    .bind(row.tax_no.as_deref())
    .bind(row.tax_no.as_deref().map(tax_key))
    .bind(row.branch.as_deref())
    .bind(row.phone.as_deref())
    .bind(row.mobile.as_deref())
    .bind(row.email.as_deref())
    .bind(latitude)
    .bind(longitude)
    .bind(Stored(&row.profile))
    .bind(text.as_str())
    .bind(&row.modified_by)
    .bind(row.modified_at)
    .bind(row.version)
    .bind(row.deleted_at)
    .bind(row.merged_into)
    .bind(row.erased_at)
    .bind(row.shape())
    .later()
    .await?;
    if was.as_deref() != Some(text.as_str()) {
        tx.index_text("customer_text", row.company, row.id, &text).await?;
    }
    Ok(())
}

/// Writes owners, interests and tags, where they differ.
async fn link(
    tx: &mut Conn,
    row: &Row,
    choices: &Choices,
    (was, new): (&Links, &Links),
    is_new: bool,
) -> Result<(), Error> {
    if was.owners != new.owners {
        if !is_new {
            tx.sql("delete from customer_owner where company = $1 and customer = $2")
                .bind(row.company)
                .bind(row.id)
                .later()
                .await?;
        }
        let mut owners =
            Rows::new(&[("staff_key", Type::Text), ("staff_code", Type::Text), ("position", Type::BigInt)]);
        for (position, owner) in (0_i64..).zip(&new.owners) {
            owners.push([owner.to_lowercase().into(), owner.as_str().into(), position.into()]);
        }
        tx.sql("insert into customer_owner (company, customer, staff_key, staff_code, position) select ")
            .push_bind(row.company)
            .push(", ")
            .push_bind(row.id)
            .push(", staff_key, staff_code, position from ")
            .push_rows(&owners)
            .push(" as input where true on conflict (company, customer, staff_key) do nothing")
            .later()
            .await?;
    }
    if was.interests != new.interests || was.tags != new.tags {
        if !is_new {
            tx.sql("delete from customer_choice where company = $1 and customer = $2")
                .bind(row.company)
                .bind(row.id)
                .later()
                .await?;
        }
        let mut used = Rows::new(&[("list", Type::Text), ("choice", Type::BigInt), ("position", Type::BigInt)]);
        for (list, names) in [(List::Interests, &new.interests), (List::Tags, &new.tags)] {
            for (position, name) in (0_i64..).zip(names) {
                if let Some(choice) = choices.one(list, Some(name)) {
                    used.push([list.path().into(), choice.into(), position.into()]);
                }
            }
        }
        tx.sql("insert into customer_choice (company, customer, list, choice, position) select ")
            .push_bind(row.company)
            .push(", ")
            .push_bind(row.id)
            .push(", list, choice, position from ")
            .push_rows(&used)
            .push(" as input where true on conflict (company, customer, list, choice) do nothing")
            .later()
            .await?;
    }
    Ok(())
}

/// Tells subscriptions, in the PascalCase of the original API's events. After the commit, wake the webhook job.
pub(crate) async fn announce(tx: &mut Conn, row: Row, links: Links, name: &'static str, now: i64) -> Result<(), Error> {
    announce_with(tx, row, links, name, json!({}), now).await
}

/// The same with more properties beside the customer's own.
pub(crate) async fn announce_with(
    tx: &mut Conn,
    row: Row,
    links: Links,
    name: &'static str,
    more: Value,
    now: i64,
) -> Result<(), Error> {
    let zone = time::zone(tx, row.company).await?;
    let (company, place, subject) = (row.company, row.version, format!("customer/{}", row.id));
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    let mut record = serde_json::to_value(row.view(links, &zone)).map_err(internal)?;
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
    }
    let body = event::body("Customer", name, "Customer", &record)?;
    event::emit(tx, &Event { company, topic: "Customer", name, subject: &subject, place, body, at: now }).await?;
    Ok(())
}

//! Saving a customer: names, of which each is taken once, the record, what it is linked with, and the event.

use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::put::Choices;
use super::reach::is_seen;
use super::{Links, Row, TABLE, TEXTS, key, tax_key};
use crate::customer::identity;
use crate::customer::input::Profile;
use crate::event::{self, Event};
use crate::http::{Caller, Code, Error, Fault};
use crate::search;
use crate::setting::list::List;
use crate::setting::phone;
use crate::setting::profile::Setting;
use crate::staff::employee;
use crate::time;

/// Makes the name this customer's; 409 that names the other who has it.
pub(super) async fn take_name(tx: &mut Conn, caller: &Caller, old: Option<&Row>, row: &Row) -> Result<(), Error> {
    let name = key(&row.name);
    if let Some(old) = old {
        if key(&old.name) == name {
            return Ok(());
        }
        release_name(tx, row.company, row.id).await?;
    }
    claim_name(tx, caller, row.id, &row.name).await
}

/// Reserves a name for a customer; 409 when another has it, which is named if the caller may see it.
pub(crate) async fn claim_name(tx: &mut Conn, caller: &Caller, customer: i64, name: &str) -> Result<(), Error> {
    let company = caller.company;
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
    let other: Option<(i64, String)> = tx
        .sql(
            "select customer.id, customer.code from customer_name
             join customer on customer.company = customer_name.company and customer.id = customer_name.customer
             where customer_name.company = $1 and customer_name.name_key = $2",
        )
        .bind(company)
        .bind(key(name))
        .optional()
        .await?;
    let message = match other {
        Some((id, code)) if is_seen(tx, caller, id).await? => format!("Customer {code} has this name"),
        _ => "Another customer has this name".to_owned(),
    };
    Err(Error::Conflict(Fault::new(Code::Taken, "customerName", message)))
}

/// Gives a customer's name free.
pub(crate) async fn release_name(tx: &mut Conn, company: i64, customer: i64) -> Result<(), db::Error> {
    tx.sql("delete from customer_name where company = $1 and customer = $2").bind(company).bind(customer).later().await
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
        words.push(search::ascii_digits(number).chars().filter(char::is_ascii_digit).collect());
        for number in phone::numbers(number, country) {
            words.extend(phone::national(&number, country));
            words.push(number);
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for word in words.into_iter().map(|word| search::fold(search::trimmed(&word))).filter(|word| !word.is_empty()) {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.join("\n")
}

/// The first address that has a place on the map, in millionths of a degree.
fn coordinates(profile: &Profile) -> Option<(i64, i64)> {
    let degrees = |text: &Option<String>| text.as_deref()?.trim().parse::<f64>().ok();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within 180 degrees")]
    let millionths = |degrees: f64| (degrees * 1e6).round() as i64;
    let mut places = profile.addresses.iter().filter_map(|a| Some((degrees(&a.latitude)?, degrees(&a.longitude)?)));
    places.next().map(|(latitude, longitude)| (millionths(latitude), millionths(longitude)))
}

/// The columns that follow from others.
#[derive(Debug, Serialize)]
struct Keys<'a> {
    /// Written once: the code never changes, and a key that another customer has under a newer fold stays as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_key: Option<String>,
    name_key: String,
    tax_key: Option<String>,
    latitude: Option<i64>,
    longitude: Option<i64>,
    search_key: &'a str,
    shape: i64,
}

impl Keys<'_> {
    fn of<'a>(row: &Row, search_key: &'a str, code_key: Option<String>) -> Keys<'a> {
        let (latitude, longitude) = coordinates(&row.profile).unzip();
        let (name_key, tax_key) = (key(&row.name), row.tax_no.as_deref().map(tax_key));
        Keys { code_key, name_key, tax_key, latitude, longitude, search_key, shape: row.shape() }
    }
}

pub(super) async fn insert(tx: &mut Conn, row: &Row, setting: &Setting) -> Result<(), Error> {
    let text = search_text(row, &setting.country);
    if !tx.insert_new(TABLE, &(row, Keys::of(row, &text, Some(key(&row.code))))).await? {
        let message =
            format!("Customer {} is being created by another request; repeat this one to update it", row.code);
        return Err(Error::Conflict(Fault::new(Code::Taken, "customerCode", message)));
    }
    tx.index_text(TEXTS, row.company, row.id, &text).await?;
    Ok(())
}

/// Writes the whole record over the stored one, which is held.
pub(crate) async fn update(tx: &mut Conn, row: &Row, setting: &Setting) -> Result<(), Error> {
    let text = search_text(row, &setting.country);
    let was: Option<String> = tx
        .sql("select search_key from customer where company = $1 and id = $2")
        .bind(row.company)
        .bind(row.id)
        .optional()
        .await?;
    tx.replace_held(TABLE, &(row, Keys::of(row, &text, None))).await?;
    if was.as_deref() != Some(text.as_str()) {
        tx.index_text(TEXTS, row.company, row.id, &text).await?;
    }
    Ok(())
}

/// Writes owners, interests and tags, where they differ.
pub(super) async fn link(
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
            owners.push([employee::key(owner).into(), owner.as_str().into(), position.into()]);
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

/// Whether a record could be given the keys that its texts have under this program's fold.
#[derive(Debug)]
pub(crate) struct Refolded {
    pub(crate) code: bool,
    pub(crate) name: bool,
}

/// Brings the keys of a customer to this program's fold; what another has already is left.
pub(crate) async fn refold(tx: &mut Conn, row: &Row, country: &str) -> Result<Refolded, Error> {
    #[derive(Deserialize)]
    struct Keys {
        code_key: String,
        name_key: String,
        tax_key: Option<String>,
        search_key: String,
        taken: Option<String>,
    }
    let was: Keys = tx
        .sql(
            "select code_key, customer.name_key, tax_key, search_key, customer_name.name_key as taken from customer
             left join customer_name on customer_name.company = customer.company and customer_name.customer = customer.id
             where customer.company = $1 and customer.id = $2 limit 1",
        )
        .bind(row.company)
        .bind(row.id)
        .one()
        .await?;
    let (name, tax, text) = (key(&row.name), row.tax_no.as_deref().map(tax_key), search_text(row, country));
    if (&name, &tax, &text) != (&was.name_key, &was.tax_key, &was.search_key) {
        tx.sql("update customer set name_key = $3, tax_key = $4, search_key = $5 where company = $1 and id = $2")
            .bind(row.company)
            .bind(row.id)
            .bind(name.as_str())
            .bind(tax)
            .bind(text.as_str())
            .later()
            .await?;
    }
    if text != was.search_key {
        tx.index_text(TEXTS, row.company, row.id, &text).await?;
    }
    identity::rederive(tx, row, country).await?;
    let mut refolded = Refolded { code: true, name: true };
    if was.taken.as_ref().is_some_and(|taken| *taken != name) {
        let moved = tx
            .sql(
                "update customer_name set name_key = $3 where company = $1 and customer = $2
                 and not exists (select 1 from customer_name as other where other.company = $1 and other.name_key = $3)",
            )
            .bind(row.company)
            .bind(row.id)
            .bind(name)
            .exec()
            .await?;
        refolded.name = moved > 0;
    }
    let code = key(&row.code);
    if code != was.code_key {
        let moved = tx
            .sql(
                "update customer set code_key = $3 where company = $1 and id = $2
                 and not exists (select 1 from customer as other where other.company = $1 and other.code_key = $3)",
            )
            .bind(row.company)
            .bind(row.id)
            .bind(code)
            .exec()
            .await?;
        refolded.code = moved > 0;
    }
    Ok(refolded)
}

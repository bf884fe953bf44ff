//! Saving a customer: names, of which each is taken once, the record, what it is linked with, and the event.

use db::{Conn, Json as Stored, Rows, Type};
use serde::Deserialize;
use serde_json::{Value, json};

use super::put::Choices;
use super::reach::is_seen;
use super::{Links, Row, TEXTS, key, tax_key};
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
fn place(profile: &Profile) -> Option<(i64, i64)> {
    let degrees = |text: &Option<String>| text.as_deref()?.trim().parse::<f64>().ok();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within 180 degrees")]
    let millionths = |degrees: f64| (degrees * 1e6).round() as i64;
    let mut places = profile.addresses.iter().filter_map(|a| Some((degrees(&a.latitude)?, degrees(&a.longitude)?)));
    places.next().map(|(latitude, longitude)| (millionths(latitude), millionths(longitude)))
}

pub(super) async fn insert(tx: &mut Conn, row: &Row, setting: &Setting) -> Result<(), Error> {
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
    tx.index_text(TEXTS, row.company, row.id, &text).await?;
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

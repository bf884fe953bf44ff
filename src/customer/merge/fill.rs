//! What the survivor's own fields take over of the merged record, and how it is given back: only what is empty is
//! filled, lists are united, and what is given back is what is still as it was taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::customer::input::{CustomerAddress, CustomerContact, CustomerCustomField, Former};
use crate::customer::store::{Row, key, tax_key};
use crate::search;

/// What the survivor took over.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Taken {
    texts: BTreeMap<String, String>,
    numbers: BTreeMap<String, i64>,
    aliases: Vec<String>,
    addresses: Vec<CustomerAddress>,
    contacts: Vec<CustomerContact>,
    custom_fields: Vec<CustomerCustomField>,
}

type Text = fn(&mut Row) -> &mut Option<String>;
type Number = fn(&mut Row) -> &mut Option<i64>;

/// Texts that are filled where the survivor has none.
const TEXTS: [(&str, Text); 20] = [
    ("customerTaxNo", |row| &mut row.tax_no),
    ("branchCode", |row| &mut row.branch),
    ("customerPhone", |row| &mut row.phone),
    ("customerMobile", |row| &mut row.mobile),
    ("customerEmail", |row| &mut row.email),
    ("customerPicture", |row| &mut row.profile.picture),
    ("customer2ndName", |row| &mut row.profile.second_name),
    ("customerPosition", |row| &mut row.profile.position),
    ("customerBirthdate", |row| &mut row.profile.birthdate),
    ("customerIncome", |row| &mut row.profile.income),
    ("creditLimit", |row| &mut row.profile.credit_limit),
    ("customerNote", |row| &mut row.profile.note),
    ("facebook", |row| &mut row.profile.social.facebook),
    ("instagram", |row| &mut row.profile.social.instagram),
    ("line", |row| &mut row.profile.social.line),
    ("linkedin", |row| &mut row.profile.social.linkedin),
    ("skype", |row| &mut row.profile.social.skype),
    ("telegram", |row| &mut row.profile.social.telegram),
    ("wechat", |row| &mut row.profile.social.wechat),
    ("whatsapp", |row| &mut row.profile.social.whatsapp),
];

/// Numbers likewise; groups and the like are entries of the same lists.
const NUMBERS: [(&str, Number); 6] = [
    ("customerType", |row| &mut row.kind),
    ("customerGroupName", |row| &mut row.customer_group),
    ("sourceName", |row| &mut row.source),
    ("classificationName", |row| &mut row.classification),
    ("customerGender", |row| &mut row.profile.gender),
    ("customerMaritalStatus", |row| &mut row.profile.marital_status),
];

/// The survivor after the merge, and what it took over.
pub(super) fn fill(survivor: &Row, merged: &Row, merge: i64) -> (Row, Taken) {
    let (mut row, mut other, mut taken) = (survivor.clone(), merged.clone(), Taken::default());
    // A branch belongs to its tax number: both are taken, or neither.
    let has_tax = row.tax_no.is_some() || row.branch.is_some();
    for (name, field) in TEXTS {
        let keeps = has_tax && matches!(name, "customerTaxNo" | "branchCode");
        if let (None, Some(value), false) = (field(&mut row).clone(), field(&mut other).clone(), keeps) {
            *field(&mut row) = Some(value.clone());
            taken.texts.insert(name.to_owned(), value);
        }
    }
    for (name, field) in NUMBERS {
        if let (None, Some(value)) = (*field(&mut row), *field(&mut other)) {
            *field(&mut row) = Some(value);
            taken.numbers.insert(name.to_owned(), value);
        }
    }
    let own = key(&row.name);
    for name in std::iter::once(&merged.name).chain(&merged.profile.aliases) {
        if key(name) != own && !row.profile.aliases.iter().any(|known| key(known) == key(name)) {
            row.profile.aliases.push(name.clone());
            taken.aliases.push(name.clone());
        }
    }
    taken.addresses = unite(&mut row.profile.addresses, &merged.profile.addresses, PartialEq::eq);
    taken.contacts = unite(&mut row.profile.contacts, &merged.profile.contacts, PartialEq::eq);
    taken.custom_fields = unite(&mut row.profile.custom_fields, &merged.profile.custom_fields, |known, new| {
        search::fold(&known.custom_field_name) == search::fold(&new.custom_field_name)
    });
    remember(&mut row, merged, merge);
    (row, taken)
}

/// Adds what is not there yet; answers what was added.
fn unite<T: Clone>(list: &mut Vec<T>, others: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut added = Vec::new();
    for other in others {
        if !list.iter().any(|known| same(known, other)) {
            list.push(other.clone());
            added.push(other.clone());
        }
    }
    added
}

/// Keeps what the merged record was known by and the survivor does not say, so that a keyword still finds it.
fn remember(row: &mut Row, merged: &Row, merge: i64) {
    let lost = |own: &Option<String>, other: &Option<String>| other.clone().filter(|_| own != other);
    let phones = [&merged.phone, &merged.mobile].into_iter().flatten();
    let phones = phones.filter(|phone| ![&row.phone, &row.mobile].into_iter().flatten().any(|own| own == *phone));
    let former = Former {
        merge,
        code: merged.code.clone(),
        phones: phones.cloned().collect(),
        words: [
            lost(&row.profile.second_name, &merged.profile.second_name),
            lost(&row.email, &merged.email),
            lost(&row.tax_no, &merged.tax_no).as_deref().map(tax_key),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    row.profile.former.push(former);
    row.profile.former.extend(merged.profile.former.iter().map(|former| Former { merge, ..former.clone() }));
}

/// The survivor after the undo: what it took over goes, where it is still what was taken.
pub(super) fn give_back(survivor: &Row, taken: &Taken, merge: i64) -> Row {
    let mut row = survivor.clone();
    for (name, field) in TEXTS {
        // An ended or closed customer needs a note, which may be the one that was taken over.
        let needed = name == "customerNote" && row.status != 0;
        let value = taken.texts.get(name);
        if value.is_some() && field(&mut row).as_ref() == value && !needed {
            *field(&mut row) = None;
        }
    }
    for (name, field) in NUMBERS {
        let value = taken.numbers.get(name);
        if value.is_some() && field(&mut row).as_ref() == value {
            *field(&mut row) = None;
        }
    }
    take_out(&mut row.profile.aliases, &taken.aliases);
    take_out(&mut row.profile.addresses, &taken.addresses);
    take_out(&mut row.profile.contacts, &taken.contacts);
    take_out(&mut row.profile.custom_fields, &taken.custom_fields);
    row.profile.former.retain(|former| former.merge != merge);
    row
}

fn take_out<T: PartialEq>(list: &mut Vec<T>, taken: &[T]) {
    for one in taken {
        if let Some(place) = list.iter().position(|known| known == one) {
            list.remove(place);
        }
    }
}

//! Names of look-up entries while products are written: each is looked up once in a unit of work, however many products
//! name it.

use std::collections::HashMap;

use db::{Amount, Conn};
use serde_json::json;

use super::lookup;
use crate::http::Error;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// An entry's number, and its name in its own spelling.
pub(super) type Entry = (i64, String);

/// What was looked up so far.
#[derive(Debug)]
pub(super) struct Names {
    company: i64,
    known: HashMap<(&'static str, String), Entry>,
    /// Units by name, also in English.
    units: HashMap<String, Entry>,
    attributes: HashMap<String, Choice>,
    /// VAT rates that the company has; read when the first is asked for.
    rates: Option<Vec<Amount>>,
}

impl Names {
    /// Reads the lists that products choose from and never add to.
    pub(super) async fn open(conn: &mut Conn, company: i64) -> Result<Names, db::Error> {
        let mut units = HashMap::new();
        for unit in active(conn, company, List::Units).await? {
            if let Some(name_en) = &unit.name_en {
                units.entry(choice::key(name_en)).or_insert_with(|| (unit.id, unit.name.clone()));
            }
            units.insert(choice::key(&unit.name), (unit.id, unit.name));
        }
        let attributes = active(conn, company, List::Attributes).await?.into_iter();
        let attributes = attributes.map(|attribute| (choice::key(&attribute.name), attribute)).collect();
        Ok(Names { company, known: HashMap::new(), units, attributes, rates: None })
    }

    /// The unit of this name.
    pub(super) fn unit(&self, name: &str) -> Option<Entry> {
        self.units.get(&choice::key(name)).cloned()
    }

    /// The attribute of this name.
    pub(super) fn attribute(&self, name: &str) -> Option<&Choice> {
        self.attributes.get(&choice::key(name))
    }

    /// The entry of this name, made when it is new.
    pub(super) async fn ensure(&mut self, tx: &mut Conn, list: List, name: &str) -> Result<Entry, Error> {
        self.ensure_below(tx, list, None, name).await
    }

    /// The same for an entry that is part of another.
    pub(super) async fn ensure_below(
        &mut self,
        tx: &mut Conn,
        list: List,
        parent: Option<i64>,
        name: &str,
    ) -> Result<Entry, Error> {
        let key = (list.path(), choice::key_below(parent, name));
        if let Some(entry) = self.known.get(&key) {
            return Ok(entry.clone());
        }
        let detail = parent.map(|parent| json!({"parentId": parent}));
        let found = choice::ensure_with(tx, self.company, list, name, detail.as_ref()).await?;
        let entry = (found.id, found.name);
        self.known.insert(key, entry.clone());
        Ok(entry)
    }

    /// Makes the company have this VAT rate.
    pub(super) async fn ensure_rate(&mut self, tx: &mut Conn, rate: Amount) -> Result<(), Error> {
        let rates = match &mut self.rates {
            Some(rates) => rates,
            none => none.insert(rates(tx, self.company).await?),
        };
        if rates.contains(&rate) {
            return Ok(());
        }
        let detail = json!({"rate": rate});
        choice::ensure_with(tx, self.company, List::VatRates, &format!("VAT {rate}%"), Some(&detail)).await?;
        rates.push(rate);
        Ok(())
    }
}

/// The value of an attribute in its own spelling; nothing when it has no such value.
pub(super) fn value_of(attribute: &Choice, value: &str) -> Option<String> {
    let key = choice::key(value);
    lookup::values(attribute).find(|known| choice::key(known) == key).map(str::to_owned)
}

async fn active(conn: &mut Conn, company: i64, list: List) -> Result<Vec<Choice>, db::Error> {
    let mut all = choice::all(conn, company, list).await?;
    all.retain(|choice| choice.is_active);
    Ok(all)
}

async fn rates(conn: &mut Conn, company: i64) -> Result<Vec<Amount>, db::Error> {
    let all = choice::all(conn, company, List::VatRates).await?;
    let rates = all.into_iter().filter_map(|choice| choice.detail?["rate"].to_string().parse().ok());
    Ok(rates.collect())
}

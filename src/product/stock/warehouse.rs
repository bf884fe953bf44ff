//! Warehouses: 0 is the company's own, the others are entries of the look-up list `warehouses`.

use db::Conn;

use crate::http::{Code, Faults};
use crate::search;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The warehouse of a company that keeps no others.
pub(crate) const OWN: i64 = 0;

/// The warehouses of a company.
#[derive(Debug, Default)]
pub(crate) struct Warehouses(Vec<Choice>);

impl Warehouses {
    /// Reads the list.
    pub(crate) async fn load(conn: &mut Conn, company: i64) -> Result<Warehouses, db::Error> {
        Ok(Warehouses(choice::all(conn, company, List::Warehouses).await?))
    }

    /// The warehouse that a property names, by number or by name: absent and 0 is the company's own. What is not in the
    /// list is a fault, and so is one that is out of use where something is to be put.
    pub(crate) fn read(&self, field: &str, text: Option<&str>, in_use: bool, faults: &mut Faults) -> i64 {
        let text = text.map(search::trimmed).unwrap_or_default();
        if matches!(text, "" | "0") {
            return OWN;
        }
        let number = text.parse::<i64>().ok();
        let key = choice::key(text);
        let by_number = self.0.iter().find(|choice| Some(choice.id) == number);
        let found = by_number.or_else(|| self.0.iter().find(|choice| choice::key(&choice.name) == key));
        match found {
            Some(choice) if choice.is_active || !in_use => choice.id,
            Some(choice) => {
                faults.add(Code::InvalidValue, field, format!("{field} “{}” is out of use", choice.name));
                OWN
            }
            None => {
                faults.add(Code::NotFound, field, format!("{field} “{text}” is not in the list warehouses"));
                OWN
            }
        }
    }

    /// The name of a warehouse; the company's own has none.
    pub(crate) fn name(&self, id: i64) -> Option<String> {
        self.0.iter().find(|choice| choice.id == id).map(|choice| choice.name.clone())
    }
}

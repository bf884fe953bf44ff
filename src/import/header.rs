//! Which column of a file is which field: by its header in Thai or English, or by the caller's own mapping.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cell::Form;
use super::sheet::SheetRow;
use crate::http::{Code, Fault};
use crate::search;

/// A column that a kind of record understands.
#[derive(Debug)]
pub(super) struct Column {
    /// The field of the API: a path for what is nested.
    pub(super) field: &'static str,
    pub(super) form: Form,
    /// What people call it, in any letter case, spacing and punctuation; the field's own name is understood besides.
    pub(super) names: &'static [&'static str],
}

pub(super) const fn column(field: &'static str, form: Form, names: &'static [&'static str]) -> Column {
    Column { field, form, names }
}

/// Header in the file -> field; none leaves the column out.
pub(crate) type Mapping = BTreeMap<String, Option<String>>;

/// A mapping that names fields which no column of this kind has is refused.
pub(super) fn check_mapping(mapping: &Mapping, columns: &[Column], custom: Option<&str>) -> Vec<Fault> {
    let unknown = mapping.iter().filter_map(|(header, field)| Some((header, field.as_deref()?)));
    let unknown = unknown.filter(|(_, field)| target(field, columns, custom).is_none());
    unknown
        .map(|(header, field)| {
            let message = format!("“{header}” is mapped to {field}, which is not a field of this kind");
            Fault::new(Code::InvalidValue, format!("mapping.{header}"), message)
        })
        .collect()
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FileColumn {
    /// Its header.
    #[schema(example = "ชื่อลูกค้า")]
    pub(super) header: String,
    /// The field that it is read as; null when it is left out.
    #[schema(example = "customerName")]
    pub(super) field: Option<String>,
    /// Why it is left out: `unknown`, `duplicate`, `mapped` (by the caller, to nothing).
    pub(super) ignored: Option<String>,
}

/// The columns of a file, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Layout {
    pub(super) columns: Vec<FileColumn>,
}

/// The header stands within the first rows that have anything in them: titles may stand above it.
const DEEPEST: usize = 10;

/// A header as it is compared: folded, without spaces and punctuation.
pub(super) fn key(text: &str) -> String {
    let ignored = |letter: char| {
        letter.is_whitespace()
            || letter.is_ascii_punctuation()
            || search::is_unseen(letter)
            || matches!(letter, '\u{2010}'..='\u{2027}' | '·' | '。' | '、')
    };
    search::fold(text).chars().filter(|letter| !ignored(*letter)).collect()
}

/// How the cells of a field are read: one of the caller's own is text, and a price of a tier is an amount.
pub(super) fn form_of(field: &str, columns: &[Column]) -> Form {
    let known = columns.iter().find(|known| known.field == field).map(|known| known.form);
    known.unwrap_or(if field.starts_with("prices.") { Form::Amount } else { Form::Text })
}

/// The headers of a mapping that no column of the file has.
pub(super) fn idle<'m>(mapping: &'m Mapping, layout: &Layout) -> Vec<&'m str> {
    let has = |header: &str| layout.columns.iter().any(|column| key(&column.header) == key(header));
    mapping.keys().filter(|header| !has(header)).map(String::as_str).collect()
}

/// The place of the last row of the header among the rows, and what it says: the row in which most columns are understood,
/// or two rows, where that says more. Nothing when no row has a column that is.
pub(super) fn find(
    rows: &[SheetRow],
    columns: &[Column],
    mapping: &Mapping,
    custom: Option<&str>,
) -> Option<(usize, Layout)> {
    let rows = rows.get(..rows.len().min(DEEPEST)).unwrap_or(rows);
    let headers = |row: &SheetRow| row.cells.iter().map(|cell| vec![trimmed(&cell.text())]).collect::<Vec<_>>();
    let single = rows.iter().map(|row| layout(&headers(row), columns, mapping, custom)).enumerate();
    let (place, one) = single.max_by_key(|(place, layout)| (layout.understood(), std::cmp::Reverse(*place)))?;
    let pairs = rows.windows(2).enumerate().filter_map(|(place, rows)| match rows {
        [above, below] => Some((place + 1, layout(&joined(above, below), columns, mapping, custom))),
        _ => None,
    });
    let pair = pairs.max_by_key(|(place, layout)| (layout.understood(), std::cmp::Reverse(*place)));
    match pair.filter(|(_, two)| two.understood() > one.understood()) {
        Some(found) => Some(found),
        None => (one.understood() > 1 || one.understood() == 1 && is_header(rows, place, &one, columns))
            .then_some((place, one)),
    }
}

/// Whether a row of which one column is understood is a header, and not one of data in which a cell reads like one: then
/// some row above it is as wide, or what stands below it reads like a header too.
fn is_header(rows: &[SheetRow], place: usize, layout: &Layout, columns: &[Column]) -> bool {
    let width = |row: &SheetRow| row.cells.iter().filter(|cell| !cell.is_empty()).count();
    let (above, below) = rows.split_at(place);
    let own = below.first().map_or(0, width);
    let column = layout.columns.iter().position(|column| column.field.is_some()).unwrap_or_default();
    let reads_so =
        |row: &SheetRow| row.cells.get(column).is_some_and(|cell| recognised(&cell.text(), columns).is_some());
    !above.iter().any(|row| own > 1 && width(row) >= own) && !below.iter().skip(1).any(reads_so)
}

fn trimmed(text: &str) -> String {
    search::trimmed(text).to_owned()
}

/// What the columns of a header of two rows may be called, the likeliest first: `Contact` above `Phone` is of a contact. A
/// title above several columns stands above the first.
fn joined(above: &SheetRow, below: &SheetRow) -> Vec<Vec<String>> {
    let text =
        |row: &SheetRow, place: usize| row.cells.get(place).map(|cell| trimmed(&cell.text())).unwrap_or_default();
    let mut title = String::new();
    (0..above.cells.len().max(below.cells.len()))
        .map(|place| {
            let (upper, lower) = (text(above, place), text(below, place));
            if !upper.is_empty() {
                title = upper.clone();
            }
            match (upper.is_empty(), lower.is_empty()) {
                (_, true) => {
                    title.clear();
                    vec![upper]
                }
                (true, false) if title.is_empty() => vec![lower],
                _ => vec![format!("{title} {lower}"), lower],
            }
        })
        .collect()
}

impl Layout {
    /// How many columns are read.
    pub(super) fn understood(&self) -> usize {
        self.columns.iter().filter(|column| column.field.is_some()).count()
    }

    /// The header of a field, as a fault's path names it: `addresses[0].latitude` is of the column `addresses.latitude`.
    pub(super) fn header_of(&self, path: &str) -> String {
        let mut plain = String::new();
        let mut inside = false;
        for letter in path.chars() {
            match letter {
                '[' => inside = true,
                ']' => inside = false,
                _ if inside => {}
                letter => plain.push(letter),
            }
        }
        let of = |field: &str| self.columns.iter().find(|column| column.field.as_deref() == Some(field));
        let begins = || {
            let parts = self.columns.iter().filter(|column| {
                let field = column.field.as_deref().unwrap_or_default();
                field
                    .strip_prefix(plain.split('.').next().unwrap_or_default())
                    .is_some_and(|rest| rest.starts_with('.'))
            });
            { parts }.next()
        };
        of(&plain).or_else(begins).map_or(plain.clone(), |column| column.header.clone())
    }
}

/// What the columns say, each of which may be called by several names.
fn layout(headers: &[Vec<String>], columns: &[Column], mapping: &Mapping, custom: Option<&str>) -> Layout {
    let mapped: BTreeMap<String, Option<&str>> =
        mapping.iter().map(|(header, field)| (key(header), field.as_deref())).collect();
    let mut layout = Layout::default();
    for names in headers {
        // A file of errors that is handed in again has columns of its own before the others.
        let said = |header: &String| match mapped.get(&key(header)) {
            _ if header.is_empty() || header.starts_with('#') => None,
            Some(Some(field)) => Some((target(field, columns, custom), Some("unknown"))),
            Some(None) => Some((None, Some("mapped"))),
            None => recognised(header, columns).map(|field| (Some(field.to_owned()), None)),
        };
        let found = names.iter().find_map(|header| Some((header, said(header)?)));
        let header = found.as_ref().map_or(names.last(), |(header, _)| Some(*header)).cloned().unwrap_or_default();
        let is_named = !header.is_empty() && !header.starts_with('#');
        let (field, ignored) = found.map_or((None, is_named.then_some("unknown")), |(_, found)| found);
        let is_twice = field.is_some() && layout.columns.iter().any(|column| column.field == field);
        let (field, ignored) = match (field, is_twice) {
            (Some(_), true) => (None, Some("duplicate")),
            (Some(field), false) => (Some(field), None),
            (None, _) => (None, ignored),
        };
        layout.columns.push(FileColumn { header, field, ignored: ignored.map(str::to_owned) });
    }
    layout
}

/// The field that a header says. `Phone (เบอร์โทร)` is understood by either part.
fn recognised(header: &str, columns: &[Column]) -> Option<&'static str> {
    let parts = header.split(['(', ')', '（', '）', '/', '\n']).map(str::trim).filter(|part| !part.is_empty());
    std::iter::once(header).chain(parts).find_map(|text| {
        let wanted = key(text);
        let is_it = |column: &&Column| {
            let last = column.field.rsplit('.').next().unwrap_or_default();
            key(column.field) == wanted || key(last) == wanted || column.names.iter().any(|name| key(name) == wanted)
        };
        columns.iter().find(is_it).map(|column| column.field)
    })
}

/// The field that a mapping names: a known one in any letter case, or one of the caller's own below `custom`.
fn target(field: &str, columns: &[Column], custom: Option<&str>) -> Option<String> {
    if let Some(column) = columns.iter().find(|column| column.field.eq_ignore_ascii_case(field.trim())) {
        return Some(column.field.to_owned());
    }
    let custom = custom?;
    let (prefix, name) = field.trim().split_once('.')?;
    let name = name.trim();
    (prefix.eq_ignore_ascii_case(custom) && !name.is_empty()).then(|| format!("{custom}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::super::cell::Cell;
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { field: "customerName", form: Form::Text, names: &["name", "ชื่อลูกค้า"] },
        Column { field: "customerPhone", form: Form::Phone, names: &["phone", "เบอร์โทร"] },
        Column { field: "contacts.contactName", form: Form::Text, names: &["contact"] },
    ];

    fn rows(texts: &[&[&str]]) -> Vec<SheetRow> {
        let cells = |row: &&[&str]| row.iter().map(|text| Cell::Text((*text).to_owned())).collect();
        (1..).zip(texts).map(|(number, row)| SheetRow::new(number, cells(row))).collect()
    }

    #[test]
    fn a_header_is_understood_however_it_is_written() {
        for header in ["Customer Name", "CUSTOMER_NAME", "customerName*", "ชื่อลูกค้า ", "ชื่อ-ลูกค้า", "Ｎａｍｅ", "Name (ชื่อ)"]
        {
            let (_, layout) = find(&rows(&[&[header]]), &COLUMNS, &Mapping::new(), None).expect("a header");
            assert_eq!(layout.columns[0].field.as_deref(), Some("customerName"), "{header}");
        }
        assert!(find(&rows(&[&["Turnover", "Name of the dog"]]), &COLUMNS, &Mapping::new(), None).is_none());
    }

    #[test]
    fn titles_stand_above_and_what_is_not_known_is_said() {
        let sheet = rows(&[&["Customers 2025"], &["", "Phone"], &["#row", "Name", "เบอร์โทร", "Phone", "Dog", "Score"]]);
        let mapping =
            Mapping::from([("score".to_owned(), Some("customfields.Score".to_owned())), ("DOG".to_owned(), None)]);
        let (place, layout) = find(&sheet, &COLUMNS, &mapping, Some("customFields")).expect("a header");
        assert_eq!(place, 2);
        let fields: Vec<Option<&str>> = layout.columns.iter().map(|column| column.field.as_deref()).collect();
        let expected = [None, Some("customerName"), Some("customerPhone"), None, None, Some("customFields.Score")];
        assert_eq!(fields, expected);
        let ignored: Vec<Option<&str>> = layout.columns.iter().map(|column| column.ignored.as_deref()).collect();
        assert_eq!(ignored, [None, None, None, Some("duplicate"), Some("mapped"), None]);
    }

    #[test]
    fn a_header_may_have_two_rows() {
        let (place, layout) = find(
            &rows(&[
                &["Customers"],
                &["Name", "Contact", "", "Dog"],
                &["", "contactName", "Phone", ""],
                &["Acme", "Ann", "081", "x"],
            ]),
            &[
                Column { field: "customerName", form: Form::Text, names: &["name"] },
                Column { field: "contacts.contactName", form: Form::Text, names: &[] },
                Column { field: "contacts.contactPhone", form: Form::Phone, names: &[] },
            ],
            &Mapping::new(),
            None,
        )
        .expect("a header");
        assert_eq!(place, 2);
        let fields: Vec<Option<&str>> = layout.columns.iter().map(|column| column.field.as_deref()).collect();
        assert_eq!(fields, [Some("customerName"), Some("contacts.contactName"), Some("contacts.contactPhone"), None]);
    }

    #[test]
    fn a_row_of_data_with_a_cell_that_reads_like_a_header_is_none() {
        let found = |texts: &[&[&str]]| find(&rows(texts), &COLUMNS, &Mapping::new(), None).map(|(place, _)| place);
        assert_eq!(found(&[&["Firma", "Stadt"], &["Acme", "Bern"], &["Name", "Zug"]]), None);
        assert_eq!(found(&[&["How to fill this in"], &["Name"], &["Phone"]]), None);
        assert_eq!(found(&[&["Customers"], &["Name"], &["Acme"]]), Some(1));
        assert_eq!(found(&[&["Customers 2025"], &["Name", "Dog"], &["Acme", "Rex"]]), Some(1));
    }

    #[test]
    fn a_faults_path_leads_to_its_column() {
        let (_, layout) = find(&rows(&[&["Name", "Contact"]]), &COLUMNS, &Mapping::new(), None).expect("a header");
        assert_eq!(layout.header_of("contacts[0].contactName"), "Contact");
        assert_eq!(layout.header_of("contacts[0].contactEmail"), "Contact");
        assert_eq!(layout.header_of("customerState"), "customerState");
    }
}

//! Which column of a file is which field: by its header in Thai or English, or by the caller's own mapping.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cell::Form;
use super::sheet::SheetRow;
use crate::http::{Code, Fault};
use crate::search;

/// A column that a kind of record understands.
#[derive(Debug, Clone, Copy)]
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
    /// Why it is left out: `unknown`, `duplicate`, `mapped` (by the caller, to nothing), `unclear` (what stands in its
    /// brackets, or its unit, contradicts the rest: `VAT (Amount)`).
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

/// The longest header, in bytes: what is longer is a text, and no name of a column.
const LONGEST: usize = 1000;

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
    if mapping.is_empty() {
        return Vec::new();
    }
    let has: HashSet<String> = layout.columns.iter().map(|column| key(&column.header)).collect();
    mapping.keys().filter(|header| !has.contains(&key(header))).map(String::as_str).collect()
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
    let known = Known::new(columns, mapping, custom);
    let headers = |row: &SheetRow| row.cells.iter().map(|cell| vec![trimmed(&cell.text())]).collect::<Vec<_>>();
    let single = rows.iter().map(|row| layout(&headers(row), &known)).enumerate();
    let (place, one) = single.max_by_key(|(place, layout)| (layout.understood(), std::cmp::Reverse(*place)))?;
    let pairs = rows.windows(2).enumerate().filter_map(|(place, rows)| match rows {
        [above, below] => Some((place + 1, layout(&joined(above, below), &known))),
        _ => None,
    });
    let pair = pairs.max_by_key(|(place, layout)| (layout.understood(), std::cmp::Reverse(*place)));
    match pair.filter(|(_, two)| two.understood() > one.understood()) {
        Some(found) => Some(found),
        None => (one.understood() > 1 || one.understood() == 1 && is_header(rows, place, &one, &known))
            .then_some((place, one)),
    }
}

/// Whether a row of which one column is understood is a header, and not one of data in which a cell reads like one: then
/// some row above it is as wide, or what stands below it reads like a header too.
fn is_header(rows: &[SheetRow], place: usize, layout: &Layout, known: &Known<'_>) -> bool {
    let width = |row: &SheetRow| row.cells.iter().filter(|cell| !cell.is_empty()).count();
    let (above, below) = rows.split_at(place);
    let own = below.first().map_or(0, width);
    let column = layout.columns.iter().position(|column| column.field.is_some()).unwrap_or_default();
    let reads_so = |row: &SheetRow| row.cells.get(column).is_some_and(|cell| known.recognised(&cell.text()).is_some());
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
                _ if title.len() > LONGEST => vec![lower],
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

/// What the columns say, each of which may be called by several names. Whatever is said for certain comes before what is
/// only likely, wherever it stands: `Price` before `Total (ราคา)`.
fn layout(headers: &[Vec<String>], known: &Known<'_>) -> Layout {
    let said = headers.iter().map(|names| names.iter().find_map(|header| Some((header, known.said(header)?))));
    let said: Vec<Option<(&String, Said)>> = said.collect();
    let mut owners: HashMap<&str, (Rank, usize)> = HashMap::new();
    for (place, said) in said.iter().enumerate() {
        if let Some((_, Said::Field(field, rank))) = said {
            let owner = owners.entry(field.as_str()).or_insert((*rank, place));
            *owner = (*owner).min((*rank, place));
        }
    }
    let columns = said.iter().zip(headers).enumerate().map(|(place, (said, names))| {
        let header = said.as_ref().map_or(names.last(), |(header, _)| Some(*header)).cloned().unwrap_or_default();
        let (field, ignored) = match said {
            Some((_, Said::Field(field, _))) if owners.get(field.as_str()).is_some_and(|owner| owner.1 == place) => {
                (Some(field.clone()), None)
            }
            Some((_, Said::Field(..))) => (None, Some("duplicate")),
            Some((_, Said::Ignored(why))) => (None, Some(*why)),
            None => (None, is_named(&header).then_some("unknown")),
        };
        FileColumn { header, field, ignored: ignored.map(str::to_owned) }
    });
    Layout { columns: columns.collect() }
}

/// A file of errors that is handed in again has columns of its own before the others.
fn is_named(header: &str) -> bool {
    !header.is_empty() && !header.starts_with('#')
}

/// What a header says.
#[derive(Debug)]
enum Said {
    Field(String, Rank),
    Ignored(&'static str),
}

/// How certain it is which field a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The caller says so.
    Mapped,
    /// It is one of the field's names.
    Exact,
    /// A part of it is, or it is one with a unit.
    Partial,
}

/// What the numbers of a column are, as its header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Percent,
    Money,
    /// Money or a quantity, but no rate.
    Amount,
}

/// The words for units, as they are compared; the longer before those that they end with.
static UNITS: LazyLock<Vec<(String, Unit)>> = LazyLock::new(|| {
    let percent = ["percentage", "percent", "pct", "เปอร์เซ็นต์", "เปอร์เซนต์", "ร้อยละ"].map(|word| (word, Unit::Percent));
    let money = ["บาท", "baht", "thb", "฿", "จำนวนเงิน"].map(|word| (word, Unit::Money));
    let all = percent.into_iter().chain(money).chain([("amount", Unit::Amount)]);
    all.map(|(word, unit)| (key(word), unit)).collect()
});

/// Fields of amounts that are no money.
const QUANTITIES: [&str; 6] =
    ["qty", "salesOrderDetails.qty", "dealQuantity", "productWeight", "lowStockAlert", "timeWarrantyValue"];

impl Unit {
    fn contradicts(self, column: &Column) -> bool {
        match (column.form, self) {
            (Form::Amount, Unit::Percent) | (Form::Percent, Unit::Money | Unit::Amount) => true,
            (Form::Amount, Unit::Money) => QUANTITIES.contains(&column.field),
            _ => false,
        }
    }
}

/// A text as it is compared, without the unit that it names. A text that is nothing but a unit stays as it is.
fn measured(text: &str) -> (String, Option<Unit>) {
    let key = key(text);
    if text.contains(['%', '％']) {
        let word =
            UNITS.iter().find_map(|(word, unit)| key.strip_suffix(word.as_str()).filter(|_| *unit == Unit::Percent));
        return (word.unwrap_or(&key).to_owned(), Some(Unit::Percent));
    }
    let named = UNITS.iter().find_map(|(word, unit)| Some((key.strip_suffix(word.as_str())?, *unit)));
    match named.filter(|(rest, _)| !rest.is_empty()) {
        Some((rest, unit)) => (rest.to_owned(), Some(unit)),
        None => (key, None),
    }
}

fn is_latin(text: &str) -> bool {
    text.chars().all(|letter| letter < '\u{370}')
}

/// What is known of the columns of a kind: their names as they are compared, and the caller's mapping.
struct Known<'k> {
    names: HashMap<(String, Option<Unit>), &'k Column>,
    /// None leaves the column out; so does a field that there is not.
    mapped: HashMap<String, Option<Option<String>>>,
}

impl<'k> Known<'k> {
    fn new(columns: &'k [Column], mapping: &Mapping, custom: Option<&str>) -> Known<'k> {
        let mut names = HashMap::new();
        for column in columns {
            let last = column.field.rsplit('.').next().unwrap_or_default();
            for name in [column.field, last].into_iter().chain(column.names.iter().copied()) {
                names.entry(measured(name)).or_insert(column);
            }
        }
        let mapped = mapping
            .iter()
            .map(|(header, field)| (key(header), field.as_deref().map(|field| target(field, columns, custom))));
        Known { names, mapped: mapped.collect() }
    }

    fn said(&self, header: &str) -> Option<Said> {
        if !is_named(header) {
            return None;
        }
        let mapped = if self.mapped.is_empty() { None } else { self.mapped.get(&key(header)) };
        match mapped {
            Some(Some(Some(field))) => Some(Said::Field(field.clone(), Rank::Mapped)),
            Some(Some(None)) => Some(Said::Ignored("unknown")),
            Some(None) => Some(Said::Ignored("mapped")),
            None => match self.recognised(header)? {
                Ok((column, rank)) => Some(Said::Field(column.field.to_owned(), rank)),
                Err(why) => Some(Said::Ignored(why)),
            },
        }
    }

    /// The column that a header says, or why what it says cannot be told. In `Phone (เบอร์โทร)` the brackets hold a
    /// translation, by which it is understood too; in `Discount (%)` a unit; in `Total (Price)` neither.
    fn recognised(&self, header: &str) -> Option<Result<(&'k Column, Rank), &'static str>> {
        if header.len() > LONGEST {
            return None;
        }
        let is_bracket = |letter: char| matches!(letter, '(' | ')' | '（' | '）');
        let is_bare = !header.contains(|letter: char| is_bracket(letter) || matches!(letter, '[' | '%' | '％' | '฿'));
        let (whole, unit) = measured(header);
        if let Some(found) = self.with_unit(&whole, unit, is_bare) {
            return Some(found);
        }
        if !header.contains(|letter: char| is_bracket(letter) || matches!(letter, '/' | '\n')) {
            return None;
        }
        let (mut outer, mut inside, mut depth) = (String::new(), Vec::new(), 0_usize);
        for letter in header.chars() {
            match letter {
                '(' | '（' => {
                    depth += 1;
                    inside.push(String::new());
                }
                ')' | '）' => depth = depth.saturating_sub(1),
                letter if depth == 0 => outer.push(letter),
                letter => {
                    if let Some(text) = inside.last_mut() {
                        text.push(letter);
                    }
                }
            }
        }
        // What stands in brackets is a unit where it says nothing else, or is the name of a column with one.
        let within: Vec<(&String, String, Option<Unit>)> = inside
            .iter()
            .map(|text| {
                let (base, unit) = match measured(text) {
                    (base, None) => match UNITS.iter().find(|(word, _)| *word == base) {
                        Some((_, unit)) => (String::new(), Some(*unit)),
                        None => (base, None),
                    },
                    both => both,
                };
                let is_name = self.names.contains_key(&(base.clone(), None));
                let counts = is_name || base.bytes().all(|byte| byte.is_ascii_digit());
                (text, base, unit.filter(|_| counts))
            })
            .collect();
        let unit = within.iter().find_map(|(_, _, unit)| *unit);
        if unit.is_some_and(|one| within.iter().any(|(_, _, other)| other.is_some_and(|other| other != one))) {
            return Some(Err("unclear"));
        }
        for part in outer.split(['/', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
            let (base, own) = measured(part);
            let found = match (own, unit) {
                (Some(own), Some(unit)) if own != unit => self.names.get(&(base, None)).map(|_| Err("unclear")),
                (own, unit) => self.with_unit(&base, own.or(unit), own.is_some() && unit.is_none() && is_bare),
            };
            let Some(found) = found else { continue };
            // `Contact (Phone)` is neither the one nor the other.
            let differs = |column: &Column| {
                within.iter().any(|(text, base, _)| {
                    let other = self.names.get(&(base.clone(), None));
                    is_latin(text) == is_latin(part) && other.is_some_and(|other| other.field != column.field)
                })
            };
            return Some(match found {
                Ok((column, _)) if unit.is_none() && differs(column) => Err("unclear"),
                found => found.map(|(column, _)| (column, Rank::Partial)),
            });
        }
        let translated = within.iter().find(|(text, ..)| is_latin(text) != is_latin(&outer));
        let (_, base, unit) = translated?;
        self.with_unit(base, *unit, false).map(|found| found.map(|(column, _)| (column, Rank::Partial)))
    }

    /// The column of this name, with this unit or for any. A bare word for a unit, as in `Customer amount`, is one only
    /// where numbers are meant.
    fn with_unit(
        &self,
        base: &str,
        unit: Option<Unit>,
        is_bare: bool,
    ) -> Option<Result<(&'k Column, Rank), &'static str>> {
        if let Some(column) = self.names.get(&(base.to_owned(), unit)) {
            return Some(Ok((column, Rank::Exact)));
        }
        let unit = unit?;
        let column = self.names.get(&(base.to_owned(), None))?;
        if is_bare && !matches!(column.form, Form::Amount | Form::Percent) {
            return None;
        }
        Some(if unit.contradicts(column) { Err("unclear") } else { Ok((column, Rank::Partial)) })
    }
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
    fn brackets_hold_a_unit_or_a_translation_and_names_come_first() {
        let columns = [
            Column { field: "price", form: Form::Amount, names: &["ราคา"] },
            Column { field: "discountValue", form: Form::Amount, names: &["discount", "ส่วนลด"] },
            Column { field: "discountPercent", form: Form::Percent, names: &["ส่วนลด %"] },
            Column { field: "vatValue", form: Form::Percent, names: &["vat", "vat rate"] },
            Column { field: "qty", form: Form::Amount, names: &["จำนวน"] },
            Column { field: "customerName", form: Form::Text, names: &["name", "customer"] },
            Column { field: "customerPhone", form: Form::Phone, names: &["phone"] },
        ];
        let said = |header: &str| {
            let known = Known::new(&columns, &Mapping::new(), None);
            match known.said(header) {
                Some(Said::Field(field, _)) => field,
                Some(Said::Ignored(why)) => why.to_owned(),
                None => String::new(),
            }
        };
        for (header, expected) in [
            ("Discount", "discountValue"),
            ("Discount (THB)", "discountValue"),
            ("ส่วนลดบาท", "discountValue"),
            ("ส่วนลด (จำนวนเงิน)", "discountValue"),
            ("Discount %", "discountPercent"),
            ("Discount (%)", "discountPercent"),
            ("ส่วนลด (เปอร์เซ็นต์)", "discountPercent"),
            ("ส่วนลด (Discount %)", "discountPercent"),
            ("discount percent", "discountPercent"),
            ("ส่วนลด (บาท) (%)", "unclear"),
            ("VAT (Amount)", "unclear"),
            ("VAT amount", "unclear"),
            ("VAT (%)", "vatValue"),
            ("VAT (7%)", "vatValue"),
            ("ราคา (รวม VAT 7%)", "price"),
            ("ราคา (บาท)", "price"),
            ("Price (%)", "unclear"),
            ("จำนวน (บาท)", "unclear"),
            ("Customer amount", ""),
            ("Total (Price)", ""),
            ("ยอด (Price)", "price"),
            ("Name (Phone)", "unclear"),
            ("ลูกค้า/Name", "customerName"),
        ] {
            assert_eq!(said(header), expected, "{header}");
        }
        let (_, layout) =
            find(&rows(&[&["Total (ราคา)", "Price"]]), &columns, &Mapping::new(), None).expect("a header");
        let ignored: Vec<Option<&str>> = layout.columns.iter().map(|column| column.ignored.as_deref()).collect();
        assert_eq!(ignored, [Some("duplicate"), None]);
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

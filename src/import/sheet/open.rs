//! OpenDocument spreadsheets, row by row: what each cell shows stands beside its value there, so nothing has to be guessed, and
//! rows that are repeated a million times need no memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use calamine::Dimensions;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::super::cell::{Cell, Number, Shown, fifteen};
use super::book::{Book, broken, duration, iso};
use super::{MOST_COLUMNS, SheetRow, Unreadable, clean};

/// The most rows that a sheet has.
const MOST_ROWS: i64 = 1_048_576;

/// A spreadsheet.
pub(super) struct Open {
    archive: zip::ZipArchive<BufReader<File>>,
    sheets: Vec<String>,
}

type Xml<'a> = Reader<BufReader<zip::read::ZipFile<'a, BufReader<File>>>>;

impl Open {
    pub(super) fn new(mut archive: zip::ZipArchive<BufReader<File>>) -> Result<Open, Unreadable> {
        let sheets = sheets(&mut content(&mut archive)?)?;
        Ok(Open { archive, sheets })
    }
}

fn content(archive: &mut zip::ZipArchive<BufReader<File>>) -> Result<Xml<'_>, Unreadable> {
    let mut xml = Reader::from_reader(BufReader::new(archive.by_name("content.xml").map_err(broken)?));
    let config = xml.config_mut();
    config.check_end_names = false;
    config.expand_empty_elements = true;
    Ok(xml)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|attribute| attribute.key.0 == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

/// How often an element is repeated.
fn times(element: &BytesStart<'_>, name: &str) -> usize {
    attribute(element, name).and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The sheets that people see. An encrypted spreadsheet has none that can be read.
fn sheets(xml: &mut Xml<'_>) -> Result<Vec<String>, Unreadable> {
    let (mut buffer, mut sheets) = (Vec::new(), Vec::new());
    let (mut style, mut hidden) = (None, Vec::new());
    let mut depth = 0;
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(broken)? {
            Event::Start(element) => match element.name().0 {
                "style:style" => style = attribute(&element, "style:name"),
                "style:table-properties" if attribute(&element, "table:display").as_deref() == Some("false") => {
                    hidden.extend(style.clone());
                }
                "table:table" => {
                    depth += 1;
                    let shown = attribute(&element, "table:style-name").is_none_or(|style| !hidden.contains(&style));
                    sheets.extend(attribute(&element, "table:name").filter(|_| shown && depth == 1));
                }
                _ => {}
            },
            Event::End(element) if element.name().0 == "table:table" => depth -= 1,
            Event::Eof => return Ok(sheets),
            _ => {}
        }
    }
}

impl Book for Open {
    fn sheets(&self) -> Vec<String> {
        self.sheets.clone()
    }

    fn is_from_1904(&self) -> bool {
        false
    }

    fn merged(&mut self, _sheet: &str) -> Result<Vec<Dimensions>, Unreadable> {
        // Rows are handed on with what reaches into them.
        Ok(Vec::new())
    }

    fn rows(&mut self, sheet: &str, _: bool, take: &mut dyn FnMut(SheetRow) -> bool) -> Result<(), Unreadable> {
        let mut xml = content(&mut self.archive)?;
        let mut buffer = Vec::new();
        let (mut depth, mut is_it) = (0, false);
        let mut number = 0;
        let mut reaching: HashMap<usize, (usize, Cell)> = HashMap::new();
        loop {
            buffer.clear();
            match xml.read_event_into(&mut buffer).map_err(broken)? {
                Event::Start(element) => match element.name().0 {
                    "table:table" => {
                        depth += 1;
                        is_it |= depth == 1 && attribute(&element, "table:name").as_deref() == Some(sheet);
                    }
                    "table:table-row" if is_it && depth == 1 => {
                        let repeated = i64::try_from(times(&element, "table:number-rows-repeated")).unwrap_or(i64::MAX);
                        let mut cells = cells(&mut xml, &mut reaching)?;
                        if cells.iter().all(Cell::is_empty) {
                            number = (number + repeated).min(MOST_ROWS);
                            continue;
                        }
                        for _ in 0..repeated.min(MOST_ROWS - number) {
                            number += 1;
                            fill(&mut cells, &mut reaching);
                            if !take(SheetRow::new(number, cells.clone())) {
                                return Ok(());
                            }
                        }
                    }
                    _ => {}
                },
                Event::End(element) if element.name().0 == "table:table" => {
                    depth -= 1;
                    if is_it && depth == 0 {
                        return Ok(());
                    }
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }
}

/// What stands in a cell that reaches over several rows stands in each of them.
fn fill(cells: &mut Vec<Cell>, reaching: &mut HashMap<usize, (usize, Cell)>) {
    for (column, (rows, cell)) in reaching.iter_mut() {
        if *rows == 0 {
            continue;
        }
        *rows -= 1;
        if cells.len() <= *column {
            cells.resize(*column + 1, Cell::Empty);
        }
        if let Some(empty) = cells.get_mut(*column).filter(|cell| cell.is_empty()) {
            *empty = cell.clone();
        }
    }
}

/// The cells of a row, to its end.
fn cells(xml: &mut Xml<'_>, reaching: &mut HashMap<usize, (usize, Cell)>) -> Result<Vec<Cell>, Unreadable> {
    let (mut buffer, mut cells, mut empty) = (Vec::new(), Vec::new(), 0_usize);
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(broken)? {
            Event::Start(element) if matches!(element.name().0, "table:table-cell" | "table:covered-table-cell") => {
                let repeated = times(&element, "table:number-columns-repeated");
                let rows = times(&element, "table:number-rows-spanned");
                let (kind, value, text) = (kind(&element), value(&element), text(xml)?);
                let cell = match element_is_covered(&element) {
                    true => Cell::Empty,
                    false => of(kind.as_deref(), value, text, attribute(&element, "table:formula").is_some()),
                };
                if cell == Cell::Empty {
                    empty = empty.saturating_add(repeated).min(MOST_COLUMNS);
                    continue;
                }
                cells.resize((cells.len() + empty).min(MOST_COLUMNS), Cell::Empty);
                empty = 0;
                if rows > 1 {
                    reaching.insert(cells.len(), (rows, cell.clone()));
                }
                let room = MOST_COLUMNS - cells.len();
                cells.resize(cells.len() + repeated.min(room), cell);
            }
            Event::End(element) if element.name().0 == "table:table-row" => return Ok(cells),
            Event::Eof => return Err(broken("it ends within a row")),
            _ => {}
        }
    }
}

fn element_is_covered(element: &BytesStart<'_>) -> bool {
    element.name().0 == "table:covered-table-cell"
}

fn kind(element: &BytesStart<'_>) -> Option<String> {
    let failed = attribute(element, "calcext:value-type").filter(|kind| kind == "error");
    failed.or_else(|| attribute(element, "office:value-type"))
}

fn value(element: &BytesStart<'_>) -> Option<String> {
    ["office:value", "office:date-value", "office:time-value", "office:boolean-value", "office:string-value"]
        .into_iter()
        .find_map(|name| attribute(element, name))
}

/// What a cell shows, to its end; what others have noted on it is left out.
fn text(xml: &mut Xml<'_>) -> Result<String, Unreadable> {
    let (mut buffer, mut text, mut depth, mut noted) = (Vec::new(), String::new(), 0, 0);
    let mut paragraphs = 0;
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(broken)? {
            Event::Start(element) => {
                depth += 1;
                match element.name().0 {
                    "office:annotation" | "draw:frame" | "table:table" if noted == 0 => noted = depth,
                    "text:p" if noted == 0 => {
                        paragraphs += 1;
                        if paragraphs > 1 {
                            text.push('\n');
                        }
                    }
                    "text:s" if noted == 0 => text.push_str(&" ".repeat(times(&element, "text:c").min(1000))),
                    "text:tab" if noted == 0 => text.push('\t'),
                    "text:line-break" if noted == 0 => text.push('\n'),
                    _ => {}
                }
            }
            Event::End(_) if depth == 0 => return Ok(text),
            Event::End(_) => {
                if noted == depth {
                    noted = 0;
                }
                depth -= 1;
            }
            Event::Text(part) if noted == 0 && depth > 0 => text.push_str(&part.xml10_content()),
            Event::GeneralRef(name) if noted == 0 => match name.resolve_char_ref() {
                Ok(Some(letter)) => text.push(letter),
                _ => text.push_str(quick_xml::escape::resolve_predefined_entity(name.as_ref()).unwrap_or_default()),
            },
            Event::Eof => return Err(broken("it ends within a cell")),
            _ => {}
        }
    }
}

fn of(kind: Option<&str>, value: Option<String>, text: String, is_formula: bool) -> Cell {
    let number = || value.as_deref().and_then(|value| value.parse::<f64>().ok());
    match (kind, number()) {
        (Some("error"), _) => Cell::Wrong(text),
        (Some("percentage"), Some(value)) => Cell::Number(Number { value, shown: Shown::Percent }),
        (Some("currency"), Some(value)) => Cell::Number(Number { value, shown: Shown::Plain }),
        (Some("float"), Some(value)) => Cell::Number(Number { value, shown: shown(value, &text) }),
        (Some("date"), _) => iso(&value.unwrap_or(text)),
        (Some("time"), _) => duration(&value.unwrap_or(text)),
        (Some("boolean"), _) => Cell::Flag(value.as_deref() == Some("true")),
        (Some("string"), _) => match value.filter(|_| text.is_empty()) {
            Some(value) => clean(&value),
            None if text.is_empty() && !is_formula => Cell::Empty,
            None => clean(&text),
        },
        _ if is_formula && text.is_empty() => Cell::Uncomputed,
        _ if text.is_empty() => Cell::Empty,
        _ => clean(&text),
    }
}

/// How a number is shown, by what is shown: zeros and words of its format count, thousands apart and rounding do not.
fn shown(value: f64, text: &str) -> Shown {
    let plain = fifteen(value);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    if text.is_empty() || text == plain {
        return Shown::Plain;
    }
    if text.contains(['E', 'e']) && text.contains('+') {
        return Shown::Rounded;
    }
    let (shown, own) = (digits(text), digits(&plain));
    let is_whole = value.fract() == 0.0 && value >= 0.0;
    let is_sum = text.contains(',') || text.contains(['฿', '$', '€']);
    match is_whole && !is_sum && !text.contains('.') && shown.trim_start_matches('0') == own.trim_start_matches('0') {
        true => Shown::As(text.to_owned()),
        false => Shown::Plain,
    }
}

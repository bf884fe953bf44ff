//! The two kinds of file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek};

use axum::body::Bytes;
use futures_util::{Stream, stream};
use rust_xlsxwriter::{Format, XlsxError};
use tokio::io::AsyncReadExt;

use super::table::{Node, Table};

/// The rows of a sheet, the head included (ECMA-376 has it so, and Excel reads no more).
const MOST_ROWS: u32 = 1_048_576;

/// The longest text of a cell, in UTF-16 units.
const LONGEST: usize = 32_767;

/// A spreadsheet computes a text that begins with one of these; an apostrophe before it says that it is text. The import
/// takes the apostrophe away again.
pub fn neutral(text: &str) -> Cow<'_, str> {
    // One that has such an apostrophe of its own gets another, so that both come back as they were.
    let own = text.starts_with('\'');
    match text.trim_start_matches('\'').as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@') if own => Cow::Owned(format!("'{text}")),
        _ if own => Cow::Borrowed(text),
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

/// CSV as Excel reads it: UTF-8 with a mark that says so, lines that end with CR and LF (RFC 4180).
pub(super) struct Csv;

impl Csv {
    pub(super) fn head(table: &Table) -> Result<Vec<u8>, io::Error> {
        let mut bytes = b"\xEF\xBB\xBF".to_vec();
        bytes.extend(lines([table.names()])?);
        Ok(bytes)
    }

    pub(super) fn rows(table: &Table, rows: &[Node]) -> Result<Vec<u8>, io::Error> {
        lines(rows.iter().map(|record| {
            table.row(record).map(|value| match value {
                // A number is what it is; only texts can be taken for formulas.
                Node::Whole(_) | Node::Fraction(_) => value.text(),
                _ => neutral(&value.text()).into_owned(),
            })
        }))
    }
}

fn lines<R: IntoIterator<Item = String>>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, io::Error> {
    // Every text in quotes: with a semicolon in it, a spreadsheet that takes that for the separator would see two cells.
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .quote_style(csv::QuoteStyle::NonNumeric)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// Properties that hold the lines of a document: they get a sheet of their own.
const LINES: [&str; 4] = ["quotationDetails", "salesorderDetails", "expenseDetails", "details"];

/// The sheet of the lines of documents.
const LINES_SHEET: &str = "Lines";

/// The sheet that has whole what is too long for a cell.
const LONG_TEXTS: &str = "Long texts";

/// A workbook whose rows are on disk as soon as they are written. What one sheet cannot hold goes on in another.
pub(super) struct Workbook {
    table: Table,
    names: Vec<String>,
    sheets: Sheets,
    /// Where the next record goes.
    at: Place,
    /// The sheets of lists, by their names.
    lists: BTreeMap<String, List>,
}

/// A row of a sheet.
#[derive(Debug, Clone, Copy)]
struct Place {
    sheet: usize,
    row: u32,
}

/// The sheet of what stands in the lists of records.
struct List {
    at: Option<Place>,
    columns: Vec<String>,
}

impl Workbook {
    pub(super) fn new(table: Table) -> Result<Workbook, io::Error> {
        let names = table.names();
        let mut sheets = Sheets { book: rust_xlsxwriter::Workbook::new(), count: 0, long: None };
        let at = sheets.begin(None, names.iter().map(String::as_str)).map_err(io::Error::other)?;
        Ok(Workbook { table, names, sheets, at, lists: BTreeMap::new() })
    }

    pub(super) fn rows(&mut self, rows: &[Node]) -> Result<(), io::Error> {
        rows.iter().try_for_each(|record| self.add(record)).map_err(io::Error::other)
    }

    /// Writes a record: lines of a document go to a sheet of theirs as well, and so does a list that no cell can hold.
    fn add(&mut self, record: &Node) -> Result<(), XlsxError> {
        let at = self.sheets.room(Some(self.at), None, self.names.iter().map(String::as_str))?;
        self.at = Place { row: at.row + 1, ..at };
        let lines = LINES.iter().find_map(|name| record.get(name)).and_then(Node::list);
        let lines = lines.map(|lines| (LINES_SHEET.to_owned(), lines));
        let mut lists: Vec<(String, &[Node])> = lines.into_iter().collect();
        for ((column, name), value) in (0..).zip(&self.names).zip(self.table.row(record)) {
            let records = value.list().filter(|items| items.iter().any(|item| matches!(item, Node::Object(_))));
            let Some(records) = records else {
                self.sheets.cell(at, column, name, value)?;
                continue;
            };
            let mut text = value.text();
            if fitting(&text, LONGEST) < text.len() {
                let sheet = sheet_name(name);
                text = format!("see {sheet}");
                if lists.iter().all(|(known, _)| *known != sheet) {
                    lists.push((sheet, records));
                }
            }
            self.sheets.cell(at, column, name, &Node::Text(text))?;
        }
        lists.into_iter().try_for_each(|(sheet, items)| self.add_list(sheet, record, items))
    }

    /// Writes what stands in a list below that of the records before it: each with the record's number and its place.
    fn add_list(&mut self, sheet: String, record: &Node, items: &[Node]) -> Result<(), XlsxError> {
        let is_number = |name: &str| name.ends_with("No") || sheet != LINES_SHEET;
        let (number_name, number) = record.member(is_number).unwrap_or(("no", &Node::Null));
        let Some(first) = items.first() else { return Ok(()) };
        let columns = || first.names().map(str::to_owned).collect();
        let list = self.lists.entry(sheet.clone()).or_insert_with(|| List { at: None, columns: columns() });
        for (place, item) in (1..).zip(items) {
            let head = [number_name, "line"].into_iter().chain(list.columns.iter().map(String::as_str));
            let at = self.sheets.room(list.at, Some(&sheet), head)?;
            list.at = Some(Place { row: at.row + 1, ..at });
            self.sheets.cell(at, 0, number_name, number)?;
            self.sheets.cell(at, 1, "line", &Node::Whole(place))?;
            for (column, name) in (2..).zip(&list.columns) {
                self.sheets.cell(at, column, name, item.get(name).unwrap_or(&Node::Null))?;
            }
        }
        Ok(())
    }

    /// The whole file, at its beginning.
    pub(super) fn finish(mut self) -> Result<File, io::Error> {
        let mut file = tempfile::tempfile()?;
        self.sheets.book.save_to_writer(io::BufWriter::new(&mut file)).map_err(io::Error::other)?;
        file.rewind()?;
        Ok(file)
    }
}

/// The sheet for a property's list: its name, as far as sheets are named so.
fn sheet_name(property: &str) -> String {
    if LINES.contains(&property) || property.eq_ignore_ascii_case(LINES_SHEET) {
        return LINES_SHEET.to_owned();
    }
    let plain = |letter: char| if letter.is_alphanumeric() || letter == '.' { letter } else { '_' };
    property.chars().map(plain).take(24).collect()
}

/// The sheets of a workbook.
struct Sheets {
    book: rust_xlsxwriter::Workbook,
    /// How many there are.
    count: usize,
    /// Where the next part of a long text goes.
    long: Option<Place>,
}

impl Sheets {
    fn begin<'h>(&mut self, name: Option<&str>, head: impl IntoIterator<Item = &'h str>) -> Result<Place, XlsxError> {
        let bold = Format::new().set_bold();
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        if let Some(name) = name {
            sheet.set_name(name)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        for (column, name) in (0..).zip(head) {
            sheet.write_string_with_format(0, column, name, &bold)?;
        }
        self.count += 1;
        Ok(Place { sheet: self.count - 1, row: 1 })
    }

    /// This row, or the first of another sheet when there is none yet or it is full.
    fn room<'h>(
        &mut self,
        at: Option<Place>,
        name: Option<&str>,
        head: impl IntoIterator<Item = &'h str>,
    ) -> Result<Place, XlsxError> {
        match (at, name) {
            (Some(at), _) if at.row < MOST_ROWS => Ok(at),
            (Some(_), Some(name)) => self.begin(Some(&format!("{name} {}", self.count + 1)), head),
            _ => self.begin(name, head),
        }
    }

    /// Writes a value under this name. A text that is too long for a cell ends with `…`, and a sheet has it whole.
    fn cell(&mut self, at: Place, column: u16, name: &str, value: &Node) -> Result<(), XlsxError> {
        let sheet = self.book.worksheet_from_index(at.sheet)?;
        let row = at.row;
        match value {
            Node::Null => {}
            Node::Flag(flag) => drop(sheet.write_boolean(row, column, *flag)?),
            // Excel's numbers are floats: one that would be rounded is written as text.
            Node::Whole(number) => match i32::try_from(*number) {
                Ok(number) => drop(sheet.write_number(row, column, number)?),
                Err(_) if number.unsigned_abs() < 1 << 53 => {
                    #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
                    sheet.write_number(row, column, *number as f64)?;
                }
                Err(_) => drop(sheet.write_string(row, column, number.to_string())?),
            },
            Node::Fraction(number) => drop(sheet.write_number(row, column, *number)?),
            other => {
                let text = other.text();
                if fitting(&text, LONGEST) < text.len() {
                    let (begin, _) = text.split_at(fitting(&text, LONGEST - 1));
                    sheet.write_string(row, column, format!("{begin}…"))?;
                    let sheet = sheet.name();
                    return self.keep(&sheet, row + 1, name, &text);
                }
                if !text.is_empty() {
                    sheet.write_string(row, column, text)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the whole of a long text, part by part, with the cell that it belongs to.
    fn keep(&mut self, sheet: &str, row: u32, column: &str, text: &str) -> Result<(), XlsxError> {
        let (mut part, mut rest) = (0, text);
        while !rest.is_empty() {
            let (begin, end) = rest.split_at(fitting(rest, LONGEST));
            (part, rest) = (part + 1, end);
            let at = self.room(self.long, Some(LONG_TEXTS), ["sheet", "row", "column", "part", "text"])?;
            self.long = Some(Place { row: at.row + 1, ..at });
            let long = self.book.worksheet_from_index(at.sheet)?;
            long.write_string(at.row, 0, sheet)?;
            long.write_number(at.row, 1, row)?;
            long.write_string(at.row, 2, column)?;
            long.write_number(at.row, 3, part)?;
            long.write_string(at.row, 4, begin)?;
        }
        Ok(())
    }
}

/// How many bytes of a text have together no more UTF-16 units than this.
fn fitting(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let mut units = 0;
    let end = text.char_indices().find_map(|(at, letter)| {
        units += letter.len_utf16();
        (units > most).then_some(at)
    });
    end.unwrap_or(text.len())
}

/// A file, piece by piece; what it is made of is let go at its end.
pub(super) fn pieces<T>(file: tokio::fs::File, made_of: T) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold((file, made_of), async |(mut file, made_of)| {
        let mut piece = Vec::with_capacity(64 * 1024);
        let read = file.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (Bytes::from(piece), (file, made_of))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_be_computed_is_made_text() {
        for (text, written) in [("=1+1", "'=1+1"), ("+6681", "'+6681"), ("-1", "'-1"), ("@x", "'@x"), ("a=b", "a=b")] {
            assert_eq!(neutral(text), written);
        }
    }

    #[test]
    fn a_text_is_cut_where_a_cell_ends() {
        let long = "🙂".repeat(20_000);
        let (begin, _) = long.split_at(fitting(&long, LONGEST));
        assert_eq!(begin.encode_utf16().count(), LONGEST - 1, "no letter is cut in two");
        let thai = "ก".repeat(LONGEST);
        assert_eq!(fitting(&thai, LONGEST), thai.len());
    }
}

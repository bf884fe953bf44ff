//! The two kinds of file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Seek};

use axum::body::Bytes;
use futures_util::{Stream, stream};
use rust_xlsxwriter::{Format, Worksheet, XlsxError};
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
const LINES: [&str; 3] = ["quotationDetails", "salesorderDetails", "details"];

/// A workbook whose rows are on disk as soon as they are written. What one sheet cannot hold goes on in another.
pub(super) struct Workbook {
    table: Table,
    book: rust_xlsxwriter::Workbook,
    /// How many sheets there are, and which of them is written to.
    sheets: usize,
    sheet: usize,
    row: u32,
    lines: Option<Lines>,
}

/// The sheet of the lines of documents.
struct Lines {
    sheet: usize,
    row: u32,
    columns: Vec<String>,
}

impl Workbook {
    pub(super) fn new(table: Table) -> Result<Workbook, io::Error> {
        let book = rust_xlsxwriter::Workbook::new();
        let mut workbook = Workbook { table, book, sheets: 0, sheet: 0, row: 0, lines: None };
        workbook.begin_sheet().map_err(io::Error::other)?;
        Ok(workbook)
    }

    fn begin_sheet(&mut self) -> Result<(), XlsxError> {
        let head = Format::new().set_bold();
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, name) in (0..).zip(self.table.names()) {
            sheet.write_string_with_format(0, column, name, &head)?;
        }
        self.sheet = self.sheets;
        self.sheets += 1;
        self.row = 1;
        Ok(())
    }

    /// Writes the lines of a document below those of the documents before it, each with the document's number and its place.
    fn add_lines(&mut self, record: &Node) -> Result<(), XlsxError> {
        let Some(lines) = LINES.iter().find_map(|name| record.get(name)).and_then(Node::list) else { return Ok(()) };
        let (name, number) = record.member(|name| name.ends_with("No")).unwrap_or(("no", &Node::Null));
        for (place, line) in (1..).zip(lines) {
            if self.lines.is_none() {
                let columns: Vec<String> = line.names().map(str::to_owned).collect();
                let head = Format::new().set_bold();
                let sheet = self.book.add_worksheet_with_constant_memory()?;
                sheet.set_name("Lines")?;
                sheet.set_freeze_panes(1, 0)?;
                let names = [name, "line"].into_iter().chain(columns.iter().map(String::as_str));
                for (column, name) in (0..).zip(names) {
                    sheet.write_string_with_format(0, column, name, &head)?;
                }
                self.lines = Some(Lines { sheet: self.sheets, row: 1, columns });
                self.sheets += 1;
            }
            let Some(rest) = self.lines.as_mut().filter(|lines| lines.row < MOST_ROWS) else { return Ok(()) };
            let sheet = self.book.worksheet_from_index(rest.sheet)?;
            write(sheet, rest.row, 0, number)?;
            write(sheet, rest.row, 1, &Node::Whole(place))?;
            for (column, name) in (2..).zip(&rest.columns) {
                write(sheet, rest.row, column, line.get(name).unwrap_or(&Node::Null))?;
            }
            rest.row += 1;
        }
        Ok(())
    }

    pub(super) fn rows(&mut self, rows: &[Node]) -> Result<(), io::Error> {
        rows.iter().try_for_each(|record| self.add(record)).map_err(io::Error::other)
    }

    fn add(&mut self, record: &Node) -> Result<(), XlsxError> {
        if self.row == MOST_ROWS {
            self.begin_sheet()?;
        }
        let sheet = self.book.worksheet_from_index(self.sheet)?;
        for (column, value) in (0..).zip(self.table.row(record)) {
            write(sheet, self.row, column, value)?;
        }
        self.row += 1;
        self.add_lines(record)
    }

    /// The whole file, at its beginning.
    pub(super) fn finish(mut self) -> Result<File, io::Error> {
        let mut file = tempfile::tempfile()?;
        self.book.save_to_writer(io::BufWriter::new(&mut file)).map_err(io::Error::other)?;
        file.rewind()?;
        Ok(file)
    }
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, value: &Node) -> Result<(), XlsxError> {
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
            if !text.is_empty() {
                sheet.write_string(row, column, shortened(text))?;
            }
        }
    }
    Ok(())
}

/// A text as long as a cell takes.
fn shortened(mut text: String) -> String {
    if text.len() <= LONGEST || text.encode_utf16().count() <= LONGEST {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find_map(|(at, letter)| {
        units += letter.len_utf16();
        (units >= LONGEST).then_some(at)
    });
    text.truncate(end.unwrap_or(text.len()));
    text.push('…');
    text
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
        let long = shortened("🙂".repeat(20_000));
        assert!(long.encode_utf16().count() <= LONGEST && long.ends_with("🙂…"));
        assert_eq!(shortened("ก".repeat(LONGEST)), "ก".repeat(LONGEST));
    }
}

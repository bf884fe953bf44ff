//! Files as rows of cells: CSV in any usual encoding and separator, and workbooks. Everything here blocks.

mod book;
mod child;
mod encoding;
mod format;
mod open;
mod text;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::header::{self, Column, Layout, Mapping};
use super::kind::Kind;

pub(crate) use self::child::answer;
pub(super) use self::child::{Ask, read};
pub(super) use self::encoding::named as encoding_named;

/// A row with something in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SheetRow {
    /// Its number, as a spreadsheet shows it.
    pub(super) number: i64,
    /// Its cells; empty ones at the end are left out.
    pub(super) cells: Vec<Cell>,
    /// Why its cells are not what was meant.
    pub(super) wrong: Option<String>,
    /// Why they may not be.
    pub(super) doubt: Option<String>,
}

impl SheetRow {
    pub(super) fn new(number: i64, cells: Vec<Cell>) -> SheetRow {
        SheetRow { number, cells, wrong: None, doubt: None }
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(Cell::is_empty)
    }
}

/// What a file is, as far as the meaning of its cells depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    /// Days are counted from 1904 in this workbook.
    pub(super) is_from_1904: bool,
    /// The separator of a text.
    pub(super) separator: Option<char>,
    /// The encoding of a text.
    pub(super) encoding: Option<String>,
    /// The sheet of a workbook that is read.
    pub(super) sheet: Option<String>,
    /// Its other sheets with something in them.
    pub(super) other_sheets: Vec<String>,
}

/// What is found in a file, in this order: its header once, then the rows below it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Found {
    Header { layout: Layout, source: Source },
    Row(SheetRow),
}

/// What to look for.
#[derive(Debug)]
pub(super) struct Wanted {
    kind: Kind,
    pub(super) mapping: Mapping,
    /// The encoding of a text, where it was named.
    pub(super) encoding: Option<&'static encoding_rs::Encoding>,
}

/// Why a file cannot be read, in words for the person who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) String);

/// The visitor of what is found; false ends the reading.
type Visit<'v> = &'v mut dyn FnMut(Found) -> bool;

/// Rows that are looked through for the header.
const HEAD: usize = 10;

/// The longest row, in cells; Excel's own limit.
const MOST_COLUMNS: usize = 16_384;

/// The largest workbook, in cells of its sheet, empty ones before the last of each row included.
const MOST_CELLS: usize = 10_000_000;

impl Wanted {
    pub(super) fn new(kind: Kind, mapping: Mapping) -> Wanted {
        Wanted { kind, mapping, encoding: None }
    }

    fn header(&self, rows: &[SheetRow]) -> Option<(usize, Layout)> {
        let find = |columns: &[Column]| header::find(rows, columns, &self.mapping, self.kind.custom());
        let (place, layout) = find(self.kind.columns())?;
        match self.kind.columns_beside(&layout) {
            Some(columns) => find(columns),
            None => Some((place, layout)),
        }
    }

    fn unknown(&self) -> Unreadable {
        let known: Vec<&str> = self.kind.columns().iter().take(8).map(|column| column.field).collect();
        Unreadable(format!(
            "none of the first {HEAD} rows is a header: no column is called {}, … in English or Thai; a mapping can name them",
            known.join(", ")
        ))
    }
}

/// Reads a file from its beginning, in this process.
fn read_here(path: &Path, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    match magic(&mut file).map_err(unreadable)? {
        Magic::Nothing => Err(Unreadable("the file is empty".to_owned())),
        Magic::Packed => book::packed(file, size, wanted, visit),
        Magic::Old => book::old(file, size, wanted, visit),
        Magic::Text => text::text(file, wanted, visit),
    }
}

/// What a file's first bytes say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magic {
    Nothing,
    /// A ZIP.
    Packed,
    /// A workbook from before 2007.
    Old,
    Text,
}

fn magic(file: &mut File) -> std::io::Result<Magic> {
    let mut magic = [0; 8];
    let length = fill(file, &mut magic)?;
    file.rewind()?;
    Ok(match magic.get(..length).unwrap_or_default() {
        [] => Magic::Nothing,
        [b'P', b'K', 3, 4, ..] => Magic::Packed,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Magic::Old,
        _ => Magic::Text,
    })
}

fn fill(file: &mut File, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn unreadable(error: std::io::Error) -> Unreadable {
    Unreadable(format!("the file cannot be read: {error}"))
}

/// What a spreadsheet writes where a formula has failed.
const ERRORS: [&str; 9] = ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"];

/// A text without the one character that no database keeps, and nobody can see; a failed formula that was written as text
/// has failed all the same.
fn clean(text: &str) -> Cell {
    if text.starts_with('#') && ERRORS.contains(&text.trim_end()) {
        return Cell::Wrong(text.trim_end().to_owned());
    }
    Cell::Text(text.to_owned())
}

/// Keeps the first rows until the header is known, and then hands on one after another.
struct Rows<'r, 'v> {
    wanted: &'r Wanted,
    source: Source,
    head: Vec<SheetRow>,
    found: bool,
    /// The columns of the header.
    width: usize,
    visit: &'r mut (dyn FnMut(Found) -> bool + 'v),
}

impl<'r, 'v> Rows<'r, 'v> {
    fn new(wanted: &'r Wanted, source: Source, visit: &'r mut (dyn FnMut(Found) -> bool + 'v)) -> Rows<'r, 'v> {
        Rows { wanted, source, head: Vec::new(), found: false, width: 0, visit }
    }

    /// Takes the next row; false when no more are wanted: the visitor has seen enough, or there is no header.
    fn add(&mut self, mut row: SheetRow) -> bool {
        let used = row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        row.cells.truncate(used);
        if used == 0 {
            return true;
        }
        if self.found {
            // Of what stands behind the header's last column it counts only that there is something.
            if let Some(beyond) =
                row.cells.get(self.width..).and_then(|cells| cells.iter().find(|cell| !cell.is_empty()))
            {
                let beyond = beyond.clone();
                row.cells.truncate(self.width);
                row.cells.push(beyond);
            }
            return (self.visit)(Found::Row(row));
        }
        self.head.push(row);
        self.head.len() < HEAD || self.settle()
    }

    /// Finds the header among the first rows, and hands on those below it; false when no more rows are wanted.
    fn settle(&mut self) -> bool {
        let Some((place, layout)) = self.wanted.header(&self.head) else { return false };
        (self.found, self.width) = (true, layout.columns.len());
        let rest = self.head.split_off(place + 1);
        (self.visit)(Found::Header { layout, source: std::mem::take(&mut self.source) })
            && rest.into_iter().all(|row| (self.visit)(Found::Row(row)))
    }

    /// At the end of a sheet: whether it had a header.
    fn end(&mut self) -> bool {
        if !self.found && self.head.len() < HEAD {
            self.settle();
        }
        self.found
    }
}

/// Reads bytes as any kind of file, for the fuzz target: whatever they are, nothing panics.
pub fn fuzz(bytes: &[u8]) {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if std::io::Write::write_all(&mut file, bytes).is_err() {
        return;
    }
    let kind = Kind::Customers;
    let wanted = Wanted::new(kind, Mapping::new());
    let reading = super::cell::Reading::of("TH");
    let mut layout = Layout::default();
    let _ = read_here(file.path(), &wanted, &mut |found| {
        match found {
            Found::Header { layout: found, .. } => layout = found,
            Found::Row(row) => drop(super::record::parse(row, &layout, kind.columns(), &reading)),
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::WINDOWS_874;

    use super::*;

    fn rows(bytes: &[u8]) -> Result<Vec<(i64, Vec<String>)>, Unreadable> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("is written");
        let wanted = Wanted::new(Kind::Customers, Mapping::new());
        let mut rows = Vec::new();
        read_here(file.path(), &wanted, &mut |found| {
            if let Found::Row(row) = found {
                rows.push((row.number, row.cells.iter().map(Cell::text).collect()));
            }
            true
        })?;
        Ok(rows)
    }

    fn row(number: i64, texts: &[&str]) -> (i64, Vec<String>) {
        (number, texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn rows_have_the_numbers_that_a_spreadsheet_shows() {
        let text = "A title\r\n\r\ncustomerName,note\r\nA,\"two\r\nlines\"\r\n,,\r\n\r\nB,\"a \"\"quote\"\",\"\r\nC";
        let expected = [row(4, &["A", "two\r\nlines"]), row(7, &["B", "a \"quote\","]), row(8, &["C"])];
        assert_eq!(rows(text.as_bytes()).expect("reads"), expected);
        let old = rows(b"customerName,note\rA,x\rB,y\r").expect("reads");
        assert_eq!(old, [row(2, &["A", "x"]), row(3, &["B", "y"])]);
    }

    #[test]
    fn every_usual_separator_and_encoding_is_understood() {
        for separator in [",", ";", "\t", "|"] {
            let text = format!("ชื่อลูกค้า{separator}Note\nก้าวหน้า{separator}\"x;y,z\"\n");
            let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
            let mut files = vec![
                text.clone().into_bytes(),
                [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
                WINDOWS_874.encode(&text).0.into_owned(),
                [&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat(),
                [&[0xfe, 0xff][..], &utf16(u16::to_be_bytes)].concat(),
            ];
            files.push(utf16(u16::to_le_bytes));
            for bytes in files {
                assert_eq!(rows(&bytes).expect("reads"), [row(2, &["ก้าวหน้า", "x;y,z"])], "{separator:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_no_list_of_records_is_refused_in_words() {
        for (bytes, why) in [
            (&b""[..], "empty"),
            (b"\n\n", "header"),
            (b"a,b\n1,2\n", "header"),
            (
                &[b"customerName,note\nA,\"never closed\n", "x\n".repeat(3_000_000).as_bytes()].concat(),
                "quotation mark",
            ),
            (b"PK\x03\x04rubbish", "workbook"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
        ] {
            let refused = rows(bytes).expect_err("is refused");
            assert!(refused.0.contains(why), "{refused:?}");
        }
    }
}

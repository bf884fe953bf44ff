//! Files as rows of cells: CSV in any usual encoding and separator, and workbooks. Everything here blocks.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use calamine::{Data, DataRef, Ods, Reader, SheetVisible, Xls, Xlsb, Xlsx};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_874};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::cell::{Cell, serial};
use super::header::{self, Column, Layout, Mapping};

/// A row with something in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SheetRow {
    /// Its number, as a spreadsheet shows it.
    pub(super) number: i64,
    /// Its cells; empty ones at the end are left out.
    pub(super) cells: Vec<Cell>,
}

/// What is found in a file, in this order: its header once, then the rows below it.
#[derive(Debug)]
pub(super) enum Found {
    Header { layout: Layout, from_1904: bool },
    Row(SheetRow),
}

/// What to look for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) columns: &'static [Column],
    pub(super) mapping: Mapping,
    /// Below this field a mapping may name fields of the caller's own.
    pub(super) custom: Option<&'static str>,
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

/// Workbooks of the older kinds are held as a whole while they are read, so they may have no more bytes than this.
const LARGEST_WHOLE: u64 = 20 * 1024 * 1024;

/// The texts of a workbook are held while it is read, so they may have no more bytes than this, unpacked.
const LARGEST_TEXTS: u64 = 64 * 1024 * 1024;

impl Wanted {
    fn header(&self, rows: &[SheetRow]) -> Option<(usize, Layout)> {
        header::find(rows, self.columns, &self.mapping, self.custom)
    }

    fn unknown(&self) -> Unreadable {
        let known: Vec<&str> = self.columns.iter().take(8).map(|column| column.field).collect();
        Unreadable(format!(
            "none of the first {HEAD} rows is a header: no column is called {}, … in English or Thai; a mapping can name them",
            known.join(", ")
        ))
    }
}

/// Reads a file from its beginning.
pub(super) fn read(path: &Path, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let mut file = File::open(path).map_err(unreadable)?;
    let mut magic = [0; 8];
    let length = fill(&mut file, &mut magic).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    match magic.get(..length).unwrap_or_default() {
        [] => Err(Unreadable("the file is empty".to_owned())),
        [b'P', b'K', 3, 4, ..] => packed(file, size, wanted, visit),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            whole(size)?;
            let mut book = Xls::new(BufReader::new(file)).map_err(broken)?;
            let from_1904 = book.has_1904_epoch();
            sheets(&mut book, from_1904, wanted, visit)
        }
        _ => text(file, wanted, visit),
    }
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

fn broken(error: impl std::fmt::Display) -> Unreadable {
    Unreadable(format!("the workbook cannot be read: {error}"))
}

fn whole(size: u64) -> Result<(), Unreadable> {
    match size > LARGEST_WHOLE {
        true => Err(Unreadable(format!(
            "a workbook of this kind may have {} MB; save it as .xlsx or as CSV",
            LARGEST_WHOLE / 1024 / 1024
        ))),
        false => Ok(()),
    }
}

/// What comes in a ZIP: a workbook of one of three kinds.
fn packed(file: File, size: u64, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let texts = archive.by_name("xl/sharedStrings.xml").map_or(0, |texts| texts.size());
    if texts > LARGEST_TEXTS {
        return Err(Unreadable("the texts of this workbook are too large; save it as CSV".to_owned()));
    }
    let (is_binary, is_open) =
        (archive.index_for_name("xl/workbook.bin").is_some(), archive.index_for_name("mimetype").is_some());
    let mut file = archive.into_inner();
    file.rewind().map_err(unreadable)?;
    if is_binary {
        whole(size)?;
        let mut book = Xlsb::new(file).map_err(broken)?;
        let from_1904 = book.has_1904_epoch();
        return sheets(&mut book, from_1904, wanted, visit);
    }
    if is_open {
        whole(size)?;
        return sheets(&mut Ods::new(file).map_err(broken)?, false, wanted, visit);
    }
    let mut book = Xlsx::new(file).map_err(broken)?;
    let from_1904 = book.has_1904_epoch();
    for name in visible(&book) {
        let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
        let mut rows = Rows::new(wanted, from_1904, visit);
        let mut row = SheetRow { number: 0, cells: Vec::new() };
        let mut goes_on = true;
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (line, column) = cell.get_position();
            let number = i64::from(line) + 1;
            if number != row.number {
                goes_on = rows.add(std::mem::replace(&mut row, SheetRow { number, cells: Vec::new() }));
            }
            if !goes_on {
                break;
            }
            let column = column as usize;
            if column < MOST_COLUMNS && !matches!(cell.get_value(), DataRef::Empty) {
                row.cells.resize(column.max(row.cells.len()), Cell::Empty);
                row.cells.truncate(column);
                row.cells.push(of_excel(cell.get_value(), from_1904));
            }
        }
        if goes_on {
            rows.add(row);
        }
        if rows.end() {
            return Ok(());
        }
    }
    Err(wanted.unknown())
}

/// The names of the sheets that people see.
fn visible<R: Read + Seek, B: Reader<R>>(book: &B) -> Vec<String> {
    let shown = book.sheets_metadata().iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
    shown.map(|sheet| sheet.name.clone()).collect()
}

/// A workbook that is held as a whole: the first sheet with a header is meant.
fn sheets<R: Read + Seek, B: Reader<R>>(
    book: &mut B,
    from_1904: bool,
    wanted: &Wanted,
    visit: Visit<'_>,
) -> Result<(), Unreadable>
where
    B::Error: std::fmt::Display,
{
    for name in visible(book) {
        let range = book.worksheet_range(&name).map_err(broken)?;
        let (first, left) = range.start().unwrap_or_default();
        let mut rows = Rows::new(wanted, from_1904, visit);
        for (number, values) in (i64::from(first) + 1..).zip(range.rows()) {
            let mut cells = vec![Cell::Empty; left as usize];
            cells.extend(values.iter().map(|value| of_whole(value, from_1904)));
            if !rows.add(SheetRow { number, cells }) {
                break;
            }
        }
        if rows.end() {
            return Ok(());
        }
    }
    Err(wanted.unknown())
}

fn of_excel(value: &DataRef<'_>, from_1904: bool) -> Cell {
    match value {
        DataRef::SharedString(text) => clean(text),
        other => of_whole(&Data::from(other.clone()), from_1904),
    }
}

fn of_whole(value: &Data, from_1904: bool) -> Cell {
    match value {
        Data::Empty => Cell::Empty,
        Data::String(text) => clean(text),
        #[expect(clippy::cast_precision_loss, reason = "a spreadsheet's numbers are floats")]
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::Bool(flag) => Cell::Flag(*flag),
        Data::DateTime(time) if time.is_datetime() => {
            serial(time.as_f64(), from_1904).map_or(Cell::Number(time.as_f64()), Cell::Day)
        }
        Data::DateTime(time) => Cell::Number(time.as_f64()),
        Data::DateTimeIso(text) | Data::DurationIso(text) => clean(text),
        Data::Error(error) => Cell::Wrong(error.to_string()),
    }
}

/// A text without the one character that no database keeps, and nobody can see.
fn clean(text: &str) -> Cell {
    Cell::Text(if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() })
}

/// Keeps the first rows until the header is known, and then hands on one after another.
struct Rows<'r, 'v> {
    wanted: &'r Wanted,
    from_1904: bool,
    head: Vec<SheetRow>,
    found: bool,
    visit: &'r mut (dyn FnMut(Found) -> bool + 'v),
}

impl<'r, 'v> Rows<'r, 'v> {
    fn new(wanted: &'r Wanted, from_1904: bool, visit: &'r mut (dyn FnMut(Found) -> bool + 'v)) -> Rows<'r, 'v> {
        Rows { wanted, from_1904, head: Vec::new(), found: false, visit }
    }

    /// Takes the next row; false when no more are wanted: the visitor has seen enough, or there is no header.
    fn add(&mut self, mut row: SheetRow) -> bool {
        let used = row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        row.cells.truncate(used);
        if used == 0 {
            return true;
        }
        if self.found {
            return (self.visit)(Found::Row(row));
        }
        self.head.push(row);
        self.head.len() < HEAD || self.settle()
    }

    /// Finds the header among the first rows, and hands on those below it; false when no more rows are wanted.
    fn settle(&mut self) -> bool {
        let Some((place, layout)) = self.wanted.header(&self.head) else { return false };
        self.found = true;
        let rest = self.head.split_off(place + 1);
        (self.visit)(Found::Header { layout, from_1904: self.from_1904 })
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

/// The part of a text that its encoding and separator are judged by.
const SAMPLE: u64 = 256 * 1024;

/// A text file: rows of fields apart by comma, semicolon, tab or bar.
fn text(mut file: File, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let encoding = encoding_of(&mut file).map_err(unreadable)?;
    let decoded = |file: File| DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_override(true).build(file);
    file.rewind().map_err(unreadable)?;
    let mut sample = Vec::new();
    let copy = file.try_clone().map_err(unreadable)?;
    decoded(copy).take(SAMPLE).read_to_end(&mut sample).map_err(unreadable)?;
    let separator = separator_of(&sample, wanted).ok_or_else(|| wanted.unknown())?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut rows = Rows::new(wanted, false, visit);
    let text = Text { bytes: decoded(file), is_old: is_old(&sample) };
    each_record(text, separator, &mut |row| rows.add(row))?;
    match rows.end() {
        true => Ok(()),
        false => Err(wanted.unknown()),
    }
}

fn is_old(sample: &[u8]) -> bool {
    sample.contains(&b'\r') && !sample.contains(&b'\n')
}

/// The encoding of a file: by its mark, or by what its bytes can be. Text that is no UTF-8 is what Thai spreadsheets write
/// on Windows.
fn encoding_of(file: &mut File) -> std::io::Result<&'static Encoding> {
    let mut start = [0; 4096];
    let length = fill(file, &mut start)?;
    let start = start.get(..length).unwrap_or_default();
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return Ok(encoding);
    }
    // UTF-16 without a mark: every other byte of what is written in ASCII is zero.
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if (even + odd) * 10 > length {
        return Ok(if odd > even { UTF_16LE } else { UTF_16BE });
    }
    file.rewind()?;
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let (mut bytes, mut text) = (vec![0; 64 * 1024], vec![0; 256 * 1024]);
    loop {
        let read = fill(file, &mut bytes)?;
        let piece = bytes.get(..read).unwrap_or_default();
        let (result, _, _) = decoder.decode_to_utf8_without_replacement(piece, &mut text, read == 0);
        if matches!(result, encoding_rs::DecoderResult::Malformed(..)) {
            return Ok(WINDOWS_874);
        }
        if read == 0 {
            return Ok(UTF_8);
        }
    }
}

/// The separator with which most columns of the header are understood.
fn separator_of(sample: &[u8], wanted: &Wanted) -> Option<u8> {
    let judged = [b',', b';', b'\t', b'|'].into_iter().filter_map(|separator| {
        let mut rows = Vec::new();
        // Only the beginning is looked at: what is wrong further on is said when it is read.
        let _ = each_record(Text { bytes: sample, is_old: is_old(sample) }, separator, &mut |row| {
            rows.push(row);
            rows.len() < HEAD
        });
        let (_, layout) = wanted.header(&rows)?;
        Some((layout.understood(), layout.columns.len(), separator))
    });
    judged
        .max_by_key(|(understood, columns, separator)| (*understood, *columns, std::cmp::Reverse(*separator)))
        .map(|(_, _, separator)| separator)
}

/// A text in UTF-8.
struct Text<R> {
    bytes: R,
    /// Its lines end with `\r` alone, as they did on old machines of Apple.
    is_old: bool,
}

/// The records of a text with their row's number in a spreadsheet: blank lines count, line ends within quotes do not.
fn each_record(text: Text<impl Read>, separator: u8, take: &mut dyn FnMut(SheetRow) -> bool) -> Result<(), Unreadable> {
    let since = Rc::new(std::cell::Cell::new(0));
    // With a line end behind the last record, each ends one line before where the reader stands.
    let bytes = Bounded { text: text.bytes, since: Rc::clone(&since) }.chain(&b"\n"[..]);
    // The reader counts the ends of lines that it has passed: with `\n` alone as the end, that of each record is counted
    // when it is read. The `\r` before it is taken off below.
    let ending = if text.is_old { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(separator).terminator(ending);
    let mut reader = reader.from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let (mut within, mut last) = (0, 0);
    loop {
        let read =
            reader.read_record(&mut record).map_err(|error| Unreadable(format!("the text cannot be read: {error}")))?;
        if !read {
            return Ok(());
        }
        let inside: usize = record.iter().map(|field| field.bytes().filter(|byte| *byte == b'\n').count()).sum();
        let line = i64::try_from(reader.position().line()).unwrap_or(i64::MAX);
        within += i64::try_from(inside).unwrap_or_default();
        let number = (line - 1 - within).max(last + 1);
        last = number;
        since.set(0);
        let mut cells: Vec<Cell> = record.iter().take(MOST_COLUMNS).map(clean).collect();
        if let Some(Cell::Text(last)) = cells.last_mut() {
            last.truncate(last.strip_suffix('\r').map_or(last.len(), str::len));
        }
        if !take(SheetRow { number, cells }) {
            return Ok(());
        }
    }
}

/// A text that ends where a record is longer than any can be: a quote that is never closed would make one of all the rest.
struct Bounded<R> {
    text: R,
    since: Rc<std::cell::Cell<usize>>,
}

/// The longest record, in bytes.
const LONGEST_RECORD: usize = 4 * 1024 * 1024;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.text.read(bytes)?;
        self.since.set(self.since.get() + read);
        match self.since.get() > LONGEST_RECORD {
            true => Err(std::io::Error::other("a row is longer than 4 MB; perhaps a quotation mark is not closed")),
            false => Ok(read),
        }
    }
}

/// Reads bytes as any kind of file, for the fuzz target: whatever they are, nothing panics.
pub fn fuzz(bytes: &[u8]) {
    use super::kind::Kind;
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if std::io::Write::write_all(&mut file, bytes).is_err() {
        return;
    }
    let kind = Kind::Customers;
    let wanted = Wanted { columns: kind.columns(), mapping: Mapping::new(), custom: kind.custom() };
    let reading = super::cell::Reading { country: "TH".to_owned(), from_1904: false };
    let mut layout = Layout::default();
    let _ = read(file.path(), &wanted, &mut |found| {
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

    use super::super::cell::Form;
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { field: "customerName", form: Form::Text, names: &["ชื่อลูกค้า"] },
        Column { field: "customerNote", form: Form::Text, names: &["note"] },
    ];

    fn rows(bytes: &[u8]) -> Result<Vec<(i64, Vec<String>)>, Unreadable> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("is written");
        let wanted = Wanted { columns: COLUMNS, mapping: Mapping::new(), custom: None };
        let mut rows = Vec::new();
        read(file.path(), &wanted, &mut |found| {
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

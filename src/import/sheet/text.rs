//! Texts as rows of cells: any usual encoding and separator.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek};
use std::rc::Rc;

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::super::cell::Cell;
use super::{HEAD, MOST_COLUMNS, Rows, SheetRow, Source, Unreadable, Visit, Wanted, clean, encoding, unreadable};

/// The part of a text that its separator is judged by.
const SAMPLE: u64 = 256 * 1024;

/// A text file: rows of fields apart by comma, semicolon, tab or bar.
pub(super) fn text(mut file: File, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let encoding = encoding::of(&mut file, wanted.encoding)?;
    let decoded = |file: File| DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_override(true).build(file);
    file.rewind().map_err(unreadable)?;
    let mut sample = Vec::new();
    let copy = file.try_clone().map_err(unreadable)?;
    decoded(copy).take(SAMPLE).read_to_end(&mut sample).map_err(unreadable)?;
    let separator = separator_of(&sample, wanted).ok_or_else(|| wanted.unknown())?;
    file.rewind().map_err(unreadable)?;
    let mut rows = Rows::new(wanted, source(encoding, separator), visit);
    let text = Text { bytes: decoded(file), is_old: is_old(&sample) };
    each_record(text, separator, &mut |row| rows.add(row))?;
    match rows.end() {
        true => Ok(()),
        false => Err(wanted.unknown()),
    }
}

fn source(encoding: &'static Encoding, separator: u8) -> Source {
    Source {
        separator: Some(char::from(separator)),
        encoding: Some(encoding.name().to_ascii_lowercase()),
        ..Source::default()
    }
}

fn is_old(sample: &[u8]) -> bool {
    sample.contains(&b'\r') && !sample.contains(&b'\n')
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
    let copied = Rc::new(RefCell::new(Vec::new()));
    // With a line end behind the last record, each ends one line before where the reader stands.
    let bytes = Copied { text: text.bytes, copied: Rc::clone(&copied) }.chain(&b"\n"[..]);
    // The reader counts the ends of lines that it has passed: with `\n` alone as the end, that of each record is counted
    // when it is read. The `\r` before it is taken off below.
    let ending = if text.is_old { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(separator).terminator(ending);
    let mut reader = reader.from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let (mut within, mut last, mut passed) = (0, 0, 0);
    loop {
        let read =
            reader.read_record(&mut record).map_err(|error| Unreadable(format!("the text cannot be read: {error}")))?;
        if !read {
            return Ok(());
        }
        let inside = record.iter().flat_map(str::bytes).filter(|byte| *byte == b'\n').count();
        let line = i64::try_from(reader.position().line()).unwrap_or(i64::MAX);
        within += i64::try_from(inside).unwrap_or_default();
        let number = (line - 1 - within).max(last + 1);
        last = number;
        let ended = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let raw: Vec<u8> = {
            let mut copied = copied.borrow_mut();
            let length = (ended - passed).min(copied.len());
            copied.drain(..length).collect()
        };
        passed = ended;
        let mut cells: Vec<Cell> = record.iter().take(MOST_COLUMNS).map(clean).collect();
        if let Some(Cell::Text(last)) = cells.last_mut() {
            last.truncate(last.strip_suffix('\r').map_or(last.len(), str::len));
        }
        let mut row = SheetRow::new(number, cells);
        match quotes(&raw, separator) {
            Quotes::Fine => {}
            Quotes::Open => {
                return Err(Unreadable(format!(
                    "a quotation mark in row {number} is never closed: everything below it would be in one cell"
                )));
            }
            Quotes::Stray => {
                let why = "a quotation mark is inside a quoted cell: write it twice there";
                row.wrong = Some(why.to_owned());
            }
        }
        if row.wrong.is_none() && inside > 0 && swallows(&record, separator) {
            row.doubt = Some("a cell contains lines that look like rows; a quotation mark may be missing".to_owned());
        }
        if !take(row) {
            return Ok(());
        }
    }
}

/// How the quotation marks of a record stand.
#[derive(Debug, PartialEq, Eq)]
enum Quotes {
    Fine,
    /// One is open at the end.
    Open,
    /// Something stands between one that closes and the next separator.
    Stray,
}

fn quotes(raw: &[u8], separator: u8) -> Quotes {
    let (mut is_start, mut is_open, mut is_closed, mut is_stray) = (true, false, false, false);
    for &byte in raw {
        match byte {
            b'"' if is_open => (is_open, is_closed) = (false, true),
            // The second of two, which stand for one.
            b'"' if is_closed => (is_open, is_closed) = (true, false),
            _ if is_open => {}
            b'"' if is_start => is_open = true,
            b'\r' | b'\n' => (is_closed, is_start) = (false, true),
            _ if byte == separator => (is_closed, is_start) = (false, true),
            b' ' | b'\t' if is_closed => {}
            _ => {
                is_stray |= is_closed;
                (is_closed, is_start) = (false, false);
            }
        }
    }
    match (is_open, is_stray) {
        (true, _) => Quotes::Open,
        (_, true) => Quotes::Stray,
        _ => Quotes::Fine,
    }
}

/// Whether a cell has lines with as many separators as a row has.
fn swallows(record: &csv::StringRecord, separator: u8) -> bool {
    let separators = record.len() - 1;
    let is_row = |line: &str| line.bytes().filter(|byte| *byte == separator).count() >= separators;
    separators > 1 && record.iter().any(|cell| cell.split('\n').skip(1).any(is_row))
}

/// A text whose bytes are kept until their record was read. It ends where a record is longer than any can be: a quote that
/// is never closed would make one of all the rest.
struct Copied<R> {
    text: R,
    copied: Rc<RefCell<Vec<u8>>>,
}

/// The longest record, in bytes.
const LONGEST_RECORD: usize = 4 * 1024 * 1024;

impl<R: Read> Read for Copied<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.text.read(bytes)?;
        let mut copied = self.copied.borrow_mut();
        copied.extend_from_slice(bytes.get(..read).unwrap_or_default());
        match copied.len() > LONGEST_RECORD {
            true => Err(std::io::Error::other("a row is longer than 4 MB; perhaps a quotation mark is not closed")),
            false => Ok(read),
        }
    }
}

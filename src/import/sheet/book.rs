//! Workbooks as rows of cells: .xlsx and .xlsb cell by cell, .xls as a whole.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek};

use calamine::{
    Data, DataRef, Dimensions, ExcelDateTime, ExcelDateTimeType, Reader, SheetType, SheetVisible, Xls, Xlsb, Xlsx,
};
use jiff::SignedDuration;
use jiff::civil::{DateTime, Time};

use super::super::cell::{Cell, Number, Shown};
use super::super::day::serial;
use super::format::{shown, shows, thai};
use super::open::Open;
use super::{HEAD, MOST_CELLS, MOST_COLUMNS, Rows, SheetRow, Source, Unreadable, Visit, Wanted, clean, unreadable};

/// Workbooks of the older kinds are held as a whole while they are read, so they may have no more bytes than this.
const LARGEST_WHOLE: u64 = 20 * 1024 * 1024;

/// The texts of a workbook are held while it is read, so they may have no more bytes than this, unpacked.
const LARGEST_TEXTS: u64 = 64 * 1024 * 1024;

pub(super) fn broken(error: impl std::fmt::Display) -> Unreadable {
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

/// A workbook of one of the kinds.
pub(super) trait Book {
    /// The worksheets that people see, in their order. Charts and macros are none.
    fn sheets(&self) -> Vec<String>;

    /// Days are counted from 1904.
    fn is_from_1904(&self) -> bool;

    /// Cells of a sheet that are shown as one.
    fn merged(&mut self, sheet: &str) -> Result<Vec<Dimensions>, Unreadable>;

    /// Hands on the rows of a sheet until no more are wanted; whether formulas were computed is looked at where it is asked
    /// for.
    fn rows(&mut self, sheet: &str, formulas: bool, take: &mut dyn FnMut(SheetRow) -> bool) -> Result<(), Unreadable>;
}

fn worksheets<R: Read + Seek>(book: &impl Reader<R>) -> Vec<String> {
    let is_shown = |sheet: &&calamine::Sheet| {
        sheet.visible == SheetVisible::Visible && matches!(sheet.typ, SheetType::WorkSheet | SheetType::DialogSheet)
    };
    book.sheets_metadata().iter().filter(is_shown).map(|sheet| sheet.name.clone()).collect()
}

/// A workbook from before 2007.
pub(super) fn old(file: File, size: u64, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    whole(size)?;
    best(&mut Xls::new(BufReader::new(file)).map_err(broken)?, wanted, visit)
}

/// What comes in a ZIP: a workbook of one of three kinds. Names are compared without case, as readers of workbooks do.
pub(super) fn packed(file: File, size: u64, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let names: Vec<String> = (0..archive.len())
        .map(|at| archive.name_for_index(at))
        .map(|name| match name {
            Some(Ok(name)) => name.to_ascii_lowercase(),
            // No reader finds a file by a name that is none.
            _ => String::new(),
        })
        .collect();
    let has = |wanted: &str| names.iter().any(|name| name.trim_start_matches('/') == wanted);
    for (at, name) in names.iter().enumerate() {
        if name.ends_with("sharedstrings.xml") || name.ends_with("sharedstrings.bin") {
            // How large it says that it is does not count.
            let texts = archive.by_index(at).map_err(broken)?;
            let length = std::io::copy(&mut texts.take(LARGEST_TEXTS + 1), &mut std::io::sink()).map_err(broken)?;
            if length > LARGEST_TEXTS {
                return Err(Unreadable("the texts of this workbook are too large; save it as CSV".to_owned()));
            }
        }
    }
    let (is_binary, is_open, is_book) = (has("xl/workbook.bin"), has("mimetype"), has("_rels/.rels"));
    if is_open && !is_binary {
        whole(size)?;
        return best(&mut Open::new(archive)?, wanted, visit);
    }
    let mut file = archive.into_inner();
    file.rewind().map_err(unreadable)?;
    match (is_binary, is_book) {
        (true, _) => {
            whole(size)?;
            best(&mut Xlsb::new(file).map_err(broken)?, wanted, visit)
        }
        (_, true) => best(&mut Xlsx::new(file).map_err(broken)?, wanted, visit),
        _ => Err(Unreadable("this is not a workbook that can be read: save it as .xlsx or as CSV".to_owned())),
    }
}

/// How well a sheet is understood: whether it has what its kind is read by first, columns that are known, and columns in all.
type Score = (bool, usize, usize);

/// Reads the sheet in which most columns are understood, of orders one with their lines; the first of several. A sheet that
/// cannot be read is passed over when another can.
fn best(book: &mut dyn Book, wanted: &Wanted, visit: Visit<'_>) -> Result<(), Unreadable> {
    let names = book.sheets();
    let mut found: Option<(Score, String, Vec<Dimensions>)> = None;
    let (mut trouble, mut read) = (None, Vec::new());
    for name in &names {
        let mut head: Vec<SheetRow> = Vec::new();
        let merged = book.merged(name).unwrap_or_default();
        let mut spread = Spread::new(&merged);
        let ended = book.rows(name, false, &mut |mut row| {
            spread.fill(&mut row);
            if !row.is_empty() {
                head.push(row);
            }
            head.len() < HEAD
        });
        if let Err(error) = ended {
            trouble = Some(error);
            continue;
        }
        if !head.is_empty() {
            read.push(name.clone());
        }
        let Some((_, layout)) = wanted.header(&head) else { continue };
        let score = (wanted.kind.is_first(&layout), layout.understood(), layout.columns.len());
        if found.as_ref().is_none_or(|(best, ..)| score > *best) {
            found = Some((score, name.clone(), merged));
        }
    }
    let Some((_, name, merged)) = found else {
        return Err(trouble.unwrap_or_else(|| wanted.unknown()));
    };
    let source = Source {
        is_from_1904: book.is_from_1904(),
        other_sheets: read.into_iter().filter(|other| *other != name).collect(),
        sheet: Some(name.clone()),
        ..Source::default()
    };
    let mut rows = Rows::new(wanted, source, visit);
    let mut cells: usize = 0;
    let mut spread = Spread::new(&merged);
    book.rows(&name, true, &mut |mut row| {
        cells += row.cells.len() + 1;
        spread.fill(&mut row);
        cells <= MOST_CELLS && rows.add(row)
    })?;
    if cells > MOST_CELLS {
        return Err(Unreadable(format!("a workbook may have {MOST_CELLS} cells; save it as CSV")));
    }
    match rows.end() {
        true => Ok(()),
        false => Err(wanted.unknown()),
    }
}

/// What stands in a cell that reaches over several rows stands in each of them.
struct Spread<'m> {
    merged: Vec<&'m Dimensions>,
    values: HashMap<(u32, u32), Cell>,
}

impl Spread<'_> {
    fn new(merged: &[Dimensions]) -> Spread<'_> {
        Spread { merged: merged.iter().filter(|area| area.end.0 > area.start.0).collect(), values: HashMap::new() }
    }

    /// Only a row that has something of its own is filled.
    fn fill(&mut self, row: &mut SheetRow) {
        let Ok(number) = u32::try_from(row.number - 1) else { return };
        if self.merged.is_empty() || row.is_empty() {
            return;
        }
        for area in &self.merged {
            let column = area.start.1 as usize;
            if area.start.0 == number {
                if let Some(cell) = row.cells.get(column) {
                    self.values.insert(area.start, cell.clone());
                }
            } else if area.start.0 < number && number <= area.end.0 && column < MOST_COLUMNS {
                let Some(value) = self.values.get(&area.start) else { continue };
                if row.cells.len() <= column {
                    row.cells.resize(column + 1, Cell::Empty);
                }
                if let Some(cell) = row.cells.get_mut(column).filter(|cell| cell.is_empty()) {
                    *cell = value.clone();
                }
            }
        }
    }
}

/// Puts cells together to rows.
struct Gather<'t> {
    row: SheetRow,
    take: &'t mut dyn FnMut(SheetRow) -> bool,
}

impl<'t> Gather<'t> {
    fn new(take: &'t mut dyn FnMut(SheetRow) -> bool) -> Gather<'t> {
        Gather { row: SheetRow::new(0, Vec::new()), take }
    }

    /// Takes the next cell; false when no more are wanted.
    fn cell(&mut self, (line, column): (u32, u32), cell: Cell) -> bool {
        let (number, column) = (i64::from(line) + 1, column as usize);
        if number != self.row.number {
            let row = std::mem::replace(&mut self.row, SheetRow::new(number, Vec::new()));
            if row.number > 0 && !(self.take)(row) {
                self.row.number = 0;
                return false;
            }
        }
        if column < MOST_COLUMNS && cell != Cell::Empty {
            self.row.cells.resize(column.max(self.row.cells.len()), Cell::Empty);
            self.row.cells.truncate(column);
            self.row.cells.push(cell);
        }
        true
    }

    fn end(self) {
        if self.row.number > 0 {
            (self.take)(self.row);
        }
    }
}

impl<R: Read + Seek> Book for Xlsx<R> {
    fn sheets(&self) -> Vec<String> {
        worksheets(self)
    }

    fn is_from_1904(&self) -> bool {
        self.has_1904_epoch()
    }

    fn merged(&mut self, sheet: &str) -> Result<Vec<Dimensions>, Unreadable> {
        self.merge_cells_by_sheet_name(sheet).map_err(broken)
    }

    fn rows(&mut self, sheet: &str, formulas: bool, take: &mut dyn FnMut(SheetRow) -> bool) -> Result<(), Unreadable> {
        let is_from_1904 = self.has_1904_epoch();
        let mut uncomputed = HashSet::new();
        if formulas {
            let mut cells = self.worksheet_cells_reader(sheet).map_err(broken)?;
            while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(broken)? {
                if cell.formula.is_some() && matches!(cell.value, DataRef::Empty) {
                    uncomputed.insert(cell.pos);
                }
                if uncomputed.len() > MOST_CELLS {
                    break;
                }
            }
        }
        let mut cells = self.worksheet_cells_reader(sheet).map_err(broken)?;
        let formats = cells.styles().iter().map(|style| {
            let format = style.number_format.as_ref()?;
            // A number that the reader does not know is General to it.
            let thai = format.format_id.and_then(thai).filter(|_| format.format_code == "General");
            Some((thai.map_or_else(|| format.format_code.clone(), str::to_owned), thai.is_some()))
        });
        let formats: Vec<Option<(String, bool)>> = formats.collect();
        let mut gather = Gather::new(take);
        while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(broken)? {
            let known = formats.get(style).and_then(Option::as_ref);
            let (format, is_thai) = known.map_or(("General", false), |(format, is_thai)| (format, *is_thai));
            let value = match cell.get_value() {
                DataRef::Empty if uncomputed.contains(&cell.get_position()) => Cell::Uncomputed,
                DataRef::Float(number) if is_thai => in_thai(*number, format, is_from_1904),
                #[expect(clippy::cast_precision_loss, reason = "a spreadsheet's numbers are floats")]
                DataRef::Int(number) if is_thai => in_thai(*number as f64, format, is_from_1904),
                value => of(value, Some(format), is_from_1904),
            };
            if !gather.cell(cell.get_position(), value) {
                break;
            }
        }
        gather.end();
        Ok(())
    }
}

impl<R: Read + Seek> Book for Xlsb<R> {
    fn sheets(&self) -> Vec<String> {
        worksheets(self)
    }

    fn is_from_1904(&self) -> bool {
        self.has_1904_epoch()
    }

    fn merged(&mut self, _sheet: &str) -> Result<Vec<Dimensions>, Unreadable> {
        Ok(Vec::new())
    }

    fn rows(&mut self, sheet: &str, _: bool, take: &mut dyn FnMut(SheetRow) -> bool) -> Result<(), Unreadable> {
        let is_from_1904 = self.has_1904_epoch();
        let mut cells = self.worksheet_cells_reader(sheet).map_err(broken)?;
        let mut gather = Gather::new(take);
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            if !gather.cell(cell.get_position(), of(cell.get_value(), None, is_from_1904)) {
                break;
            }
        }
        gather.end();
        Ok(())
    }
}

impl<R: Read + Seek> Book for Xls<R> {
    fn sheets(&self) -> Vec<String> {
        worksheets(self)
    }

    fn is_from_1904(&self) -> bool {
        self.has_1904_epoch()
    }

    fn merged(&mut self, sheet: &str) -> Result<Vec<Dimensions>, Unreadable> {
        self.merge_cells_by_sheet_name(sheet).map_err(broken)
    }

    fn rows(&mut self, sheet: &str, _: bool, take: &mut dyn FnMut(SheetRow) -> bool) -> Result<(), Unreadable> {
        let is_from_1904 = self.has_1904_epoch();
        held(&self.worksheet_range(sheet).map_err(broken)?, is_from_1904, take);
        Ok(())
    }
}

/// The rows of a sheet that is held as a whole.
fn held(range: &calamine::Range<Data>, is_from_1904: bool, take: &mut dyn FnMut(SheetRow) -> bool) {
    let (first, left) = range.start().unwrap_or_default();
    for (number, values) in (i64::from(first) + 1..).zip(range.rows()) {
        let used = values.iter().rposition(|value| *value != Data::Empty).map_or(0, |last| last + 1);
        if used == 0 {
            continue;
        }
        let mut cells = vec![Cell::Empty; left as usize];
        cells.extend(values.iter().take(used).map(|value| of_whole(value, is_from_1904)));
        cells.truncate(MOST_COLUMNS);
        if !take(SheetRow::new(number, cells)) {
            return;
        }
    }
}

fn of_whole(value: &Data, is_from_1904: bool) -> Cell {
    match value {
        Data::Empty => Cell::Empty,
        Data::String(text) => clean(text),
        #[expect(clippy::cast_precision_loss, reason = "a spreadsheet's numbers are floats")]
        Data::Int(number) => number_of(*number as f64, None),
        Data::Float(number) => number_of(*number, None),
        Data::Bool(flag) => Cell::Flag(*flag),
        Data::DateTime(time) => moment(*time, None, is_from_1904),
        Data::DateTimeIso(text) => iso(text),
        Data::DurationIso(text) => duration(text),
        Data::Error(error) => Cell::Wrong(error.to_string()),
    }
}

fn of(value: &DataRef<'_>, format: Option<&str>, is_from_1904: bool) -> Cell {
    match value {
        DataRef::SharedString(text) => clean(text),
        #[expect(clippy::cast_precision_loss, reason = "a spreadsheet's numbers are floats")]
        DataRef::Int(number) => number_of(*number as f64, format),
        DataRef::Float(number) => number_of(*number, format),
        DataRef::DateTime(time) => moment(*time, format, is_from_1904),
        other => of_whole(&Data::from(other.clone()), is_from_1904),
    }
}

/// A number in one of the formats of Excel in Thai: the reader does not know which of them show days and times of day.
fn in_thai(value: f64, format: &str, is_from_1904: bool) -> Cell {
    let kind = match format.starts_with("[h]") {
        true => ExcelDateTimeType::TimeDelta,
        false => ExcelDateTimeType::DateTime,
    };
    match shows(format) {
        (false, false) => number_of(value, Some(format)),
        _ => moment(ExcelDateTime::new(value, kind, is_from_1904), Some(format), is_from_1904),
    }
}

fn number_of(value: f64, format: Option<&str>) -> Cell {
    Cell::Number(Number { value, shown: format.map_or(Shown::Untold, |format| shown(value, format)) })
}

/// A day, a time of day, both, or a length of time: by the number format where it is known, and by the value otherwise.
fn moment(time: ExcelDateTime, format: Option<&str>, is_from_1904: bool) -> Cell {
    let value = time.as_f64();
    if time.is_duration() {
        return length(value).map_or(number_of(value, None), Cell::Time);
    }
    let (is_day, is_clock) = match format.map(shows) {
        Some((false, false)) | None => (value.trunc() != 0.0, value.fract() != 0.0 || value == 0.0),
        Some(shown) => shown,
    };
    // To the second: what a float lost of midnight is no time of day.
    let seconds = (value * 86_400.0).round() / 86_400.0;
    let at = || {
        let day = serial(seconds, is_from_1904)?;
        let time =
            Time::midnight().checked_add(SignedDuration::try_from_secs_f64((seconds.fract() * 86_400.0).round()).ok()?);
        Some(DateTime::from_parts(day, time.ok()?))
    };
    let Some(at) = at() else { return number_of(value, None) };
    match (is_day, is_clock) {
        (true, true) if at.time() != Time::midnight() => Cell::Moment(at),
        (false, true) => {
            Cell::Time(clock(i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second())))
        }
        _ => Cell::Day(at.date()),
    }
}

/// A length of time as it is shown: `36:30:00`.
fn length(days: f64) -> Option<String> {
    let seconds = (days * 86_400.0).round();
    if !(0.0..1e12).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    let seconds = seconds as i64;
    Some(clock(seconds))
}

fn clock(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { format!("{hours:02}:{minutes:02}") } else { format!("{hours:02}:{minutes:02}:{rest:02}") }
}

/// A day or a moment as OpenDocument writes it.
pub(super) fn iso(text: &str) -> Cell {
    let text = text.trim().trim_end_matches('Z');
    match (text.contains('T'), text.parse::<DateTime>()) {
        (true, Ok(at)) if at.time() != Time::midnight() => Cell::Moment(at),
        (_, Ok(at)) => Cell::Day(at.date()),
        (_, Err(_)) => clean(text),
    }
}

/// A time of day as OpenDocument writes it: `PT14H30M00S`.
pub(super) fn duration(text: &str) -> Cell {
    let seconds = text.parse::<SignedDuration>().map(|length| length.as_secs_f64());
    seconds.ok().and_then(|seconds| length(seconds / 86_400.0)).map_or_else(|| clean(text), Cell::Time)
}

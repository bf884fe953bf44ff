//! The tables that say which letters glyphs are, for readers that look at nothing else.
//!
//! Where several glyphs are one cluster, the writer gives the whole cluster to the first of them and says it once more around
//! the glyphs (`ActualText`). Poppler, Chrome and Acrobat read that; Firefox and MuPDF read only the table, and there every น
//! would be น้ำ. So what stands around the glyphs is read here, its letters are dealt out to the glyphs, and the tables are
//! written anew. A document that is not built as expected stays as it is: it is right for most readers.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::ops::Range;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// The largest stream that is read, unpacked.
const STREAM: u64 = 64 * 1024 * 1024;

/// Entries of one block of a table: the format allows no more.
const BLOCK: usize = 100;

/// The same document with a letter for each glyph in its tables.
pub fn mended(pdf: Vec<u8>) -> Vec<u8> {
    let written = Pdf::read(&pdf).and_then(|read| read.written_anew());
    written.unwrap_or(pdf)
}

/// A document as its table of objects says it.
struct Pdf<'a> {
    bytes: &'a [u8],
    /// Where each object stands, by number.
    objects: BTreeMap<usize, Range<usize>>,
    /// From the word `trailer` on, without its place.
    trailer: &'a str,
}

impl<'a> Pdf<'a> {
    fn read(bytes: &'a [u8]) -> Option<Pdf<'a>> {
        let end = find_last(bytes, b"startxref")?;
        let table: usize = std::str::from_utf8(&bytes[end + 9..]).ok()?.split_whitespace().next()?.parse().ok()?;
        let text = std::str::from_utf8(bytes.get(table..end)?).ok()?;
        let (head, trailer) = text.split_once("trailer")?;
        let mut lines = head.lines();
        if lines.next()? != "xref" || lines.next()?.split_once(' ')?.0 != "0" {
            return None;
        }
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (number, line) in lines.enumerate() {
            if line.trim_end().ends_with('n') {
                places.push((line.get(..10)?.parse().ok()?, number));
            }
        }
        places.sort_unstable();
        let ends = places.iter().skip(1).map(|place| place.0).chain([table]).collect::<Vec<_>>();
        let objects = places.iter().zip(ends).map(|((from, number), to)| (*number, *from..to)).collect();
        Some(Pdf { bytes, objects, trailer: trailer.trim() })
    }

    fn object(&self, number: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.objects.get(&number)?.clone())
    }

    /// The dictionary of an object, as far as it is text.
    fn dictionary(&self, number: usize) -> Option<String> {
        let object = self.object(number)?;
        let end = find(object, b"stream").or_else(|| find(object, b"endobj"))?;
        Some(String::from_utf8_lossy(&object[..end]).into_owned())
    }

    /// What a stream holds, unpacked.
    fn stream(&self, number: usize) -> Option<Vec<u8>> {
        let object = self.object(number)?;
        let dictionary = self.dictionary(number)?;
        let begin = find(object, b"stream")? + 6;
        let begin = begin + object.get(begin..)?.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let end = find_last(object, b"endstream")?;
        let packed = object.get(begin..end)?;
        if !dictionary.contains("/FlateDecode") {
            return Some(packed.to_vec());
        }
        let mut plain = Vec::new();
        ZlibDecoder::new(packed).take(STREAM).read_to_end(&mut plain).ok()?;
        Some(plain)
    }

    /// The tables of the fonts that a page or a form names: name of the font to number of its table.
    fn fonts(&self, dictionary: &str) -> Option<HashMap<String, usize>> {
        let resources = match reference(dictionary, "/Resources") {
            Some(number) => self.dictionary(number)?,
            None => dictionary.to_owned(),
        };
        let begin = resources.find("/Font<<")? + 7;
        let names = &resources[begin..begin + resources[begin..].find(">>")?];
        let mut fonts = HashMap::new();
        for part in names.split('/').filter(|part| !part.trim().is_empty()) {
            let (name, number) = part.trim().split_once(' ')?;
            let font = self.dictionary(number.split(' ').next()?.parse().ok()?)?;
            if let Some(table) = reference(&font, "/ToUnicode") {
                fonts.insert(name.to_owned(), table);
            }
        }
        Some(fonts)
    }

    /// The letters of glyphs, by table.
    fn letters(&self) -> HashMap<usize, BTreeMap<u16, String>> {
        let mut letters = HashMap::new();
        for &number in self.objects.keys() {
            let Some(dictionary) = self.dictionary(number) else { continue };
            let content = if dictionary.contains("/Type/Page/") {
                reference(&dictionary, "/Contents")
            } else if dictionary.contains("/Subtype/Form") {
                Some(number)
            } else {
                None
            };
            let content = content.and_then(|content| self.stream(content));
            if let (Some(content), Some(fonts)) = (content, self.fonts(&dictionary)) {
                read_spans(&content, &fonts, &mut letters);
            }
        }
        letters
    }

    /// The whole document with its tables written anew.
    fn written_anew(&self) -> Option<Vec<u8>> {
        let letters = self.letters();
        if letters.is_empty() {
            return None;
        }
        let first = self.objects.values().map(|place| place.start).min()?;
        let mut pdf = self.bytes.get(..first)?.to_vec();
        let mut places = BTreeMap::new();
        let mut order: Vec<(&usize, &Range<usize>)> = self.objects.iter().collect();
        order.sort_unstable_by_key(|(_, place)| place.start);
        for (number, place) in order {
            places.insert(*number, pdf.len());
            let table = letters.get(number).and_then(|letters| table(&self.stream(*number)?, letters));
            match table {
                Some(table) => pdf.extend(object(*number, &table)?),
                None => pdf.extend_from_slice(self.bytes.get(place.clone())?),
            }
        }
        let begin = pdf.len();
        let count = self.objects.keys().next_back()? + 1;
        let mut text = format!("xref\n0 {count}\n");
        for number in 0..count {
            text.push_str(&match places.get(&number) {
                Some(place) => format!("{place:010} 00000 n\r\n"),
                None => "0000000000 65535 f\r\n".to_owned(),
            });
        }
        text.push_str(&format!("trailer\n{}\nstartxref\n{begin}\n%%EOF", self.trailer));
        pdf.extend_from_slice(text.as_bytes());
        Some(pdf)
    }
}

fn object(number: usize, table: &[u8]) -> Option<Vec<u8>> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(table).ok()?;
    let packed = packer.finish().ok()?;
    let length = packed.len();
    let mut object =
        format!("{number} 0 obj\n<</Length {length}/Type/CMap/Filter/FlateDecode/WMode 0>>\nstream\n").into_bytes();
    object.extend(packed);
    object.extend_from_slice(b"\nendstream\nendobj\n\n");
    Some(object)
}

/// The number behind a name, where it points to another object.
fn reference(dictionary: &str, name: &str) -> Option<usize> {
    let rest = &dictionary[dictionary.find(name)? + name.len()..];
    let mut words = rest.trim_start().split(|letter: char| letter.is_whitespace() || letter == '/');
    let number = words.next()?.parse().ok()?;
    (words.next()? == "0" && words.next()?.starts_with('R')).then_some(number)
}

/// Reads what stands around the glyphs of a page.
fn read_spans(content: &[u8], fonts: &HashMap<String, usize>, letters: &mut HashMap<usize, BTreeMap<u16, String>>) {
    const MARK: &[u8] = b"/ActualText<FEFF";
    let mut font = None;
    let mut rest = content;
    while let Some(at) = find(rest, MARK) {
        font = last_font(&rest[..at]).or(font);
        rest = &rest[at + MARK.len()..];
        let (Some(text_end), Some(begin), Some(end)) = (find(rest, b">"), find(rest, b"BDC"), find(rest, b"EMC"))
        else {
            return;
        };
        let text = hex(&rest[..text_end]).and_then(|units| String::from_utf16(&units).ok());
        let span = &rest[begin.min(end)..end];
        font = last_font(span).or(font);
        let table = font.as_ref().and_then(|name| fonts.get(name));
        if let (Some(text), Some(table)) = (text, table) {
            deal(&text, &glyphs(span), letters.entry(*table).or_default());
        }
        rest = &rest[end..];
    }
}

/// The font that was chosen last: `/f0 12 Tf`.
fn last_font(content: &[u8]) -> Option<String> {
    let end = find_last(content, b" Tf")?;
    let begin = content[..end].iter().rposition(|byte| *byte == b'/')? + 1;
    let name = content[begin..end].split(|byte| *byte == b' ').next()?;
    String::from_utf8(name.to_vec()).ok()
}

/// The glyphs that a piece of content shows: two bytes each, in strings of either form.
fn glyphs(content: &[u8]) -> Vec<u16> {
    let mut glyphs = Vec::new();
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'(' | b'<')) {
        let is_literal = rest[at] == b'(';
        rest = &rest[at + 1..];
        if is_literal {
            let (text, length) = literal(rest);
            glyphs.extend(text.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
            rest = &rest[length..];
        } else {
            let end = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
            glyphs.extend(hex(&rest[..end]).unwrap_or_default());
            rest = &rest[end..];
        }
    }
    glyphs
}

/// A string up to its closing parenthesis, and how long it was.
fn literal(text: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b')' if depth == 0 => return (bytes, at),
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let digits = text[at..].iter().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
        if digits > 0 {
            let value = text[at..at + digits].iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            bytes.push(u8::try_from(value & 0xff).unwrap_or_default());
            at += digits;
        } else if let Some(&letter) = text.get(at) {
            at += 1;
            bytes.push(match letter {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                other => other,
            });
        }
    }
    (bytes, at)
}

/// Groups of four digits.
fn hex(text: &[u8]) -> Option<Vec<u16>> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.is_ascii() || text.len() % 4 != 0 {
        return None;
    }
    (0..text.len()).step_by(4).map(|at| u16::from_str_radix(&text[at..at + 4], 16).ok()).collect()
}

const SARA_AM: char = '\u{e33}';
const NIKHAHIT: char = '\u{e4d}';
const SARA_AA: char = '\u{e32}';

/// Deals the letters of a cluster out to its glyphs, in the order in which fonts lay them: base, nikhahit, vowel, tone, AA.
/// Tone and nikhahit may be one glyph, as they are in Sarabun's น้ำ.
fn deal(text: &str, glyphs: &[u16], letters: &mut BTreeMap<u16, String>) {
    let all: Vec<char> = text.chars().collect();
    if !all.iter().all(|letter| ('\u{e01}'..='\u{e5b}').contains(letter)) {
        return;
    }
    let has_am = all.contains(&SARA_AM);
    let mut order: Vec<String> = all.iter().filter(|letter| **letter != SARA_AM).map(char::to_string).collect();
    if has_am {
        if order.len() == 2 && glyphs.len() == 3 {
            // In this order SARA AM is found again by who puts nikhahit and AA together.
            order[1].push(NIKHAHIT);
        } else {
            order.insert(order.len().min(1), NIKHAHIT.to_string());
        }
        order.push(SARA_AA.to_string());
    }
    if order.len() == glyphs.len() {
        for (glyph, letter) in glyphs.iter().zip(order) {
            letters.entry(*glyph).or_insert(letter);
        }
    }
}

/// A table with these letters in the place of what it said of their glyphs.
fn table(old: &[u8], letters: &BTreeMap<u16, String>) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(old).ok()?;
    if text.contains("beginbfrange") {
        return None;
    }
    let head = &text[..text.find("beginbfchar")?];
    // In front of the word stands how many there are.
    let head = head.trim_end().rsplit_once('\n')?.0;
    let tail = &text[text.rfind("endbfchar")? + 9..];
    let mut entries: BTreeMap<u16, String> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('<')) {
        let (glyph, rest) = line.strip_prefix('<')?.split_once('>')?;
        let said = rest.trim().strip_prefix('<')?.strip_suffix('>')?;
        // The range of all codes stands in the same form, with fewer or more digits.
        if let (4, Ok(glyph)) = (glyph.len(), u16::from_str_radix(glyph, 16)) {
            entries.insert(glyph, said.to_owned());
        }
    }
    // The range of codes itself: <0000> <FFFF>.
    if text.contains("begincodespacerange") && entries.get(&0).is_some_and(|said| said.eq_ignore_ascii_case("ffff")) {
        entries.remove(&0);
    }
    for (glyph, letter) in letters {
        entries.insert(*glyph, letter.encode_utf16().map(|unit| format!("{unit:04X}")).collect());
    }
    let mut table = String::from(head);
    let entries: Vec<(u16, String)> = entries.into_iter().collect();
    for block in entries.chunks(BLOCK) {
        table.push_str(&format!("\n{} beginbfchar\n", block.len()));
        for (glyph, said) in block {
            table.push_str(&format!("<{glyph:04X}> <{said}>\n"));
        }
        table.push_str("endbfchar");
    }
    table.push_str(tail);
    Some(table.into_bytes())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

fn find_last(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|part| part == wanted)
}

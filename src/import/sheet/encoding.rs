//! The encoding of a text: by its mark, by what its bytes can be, or by name. What cannot be decoded is refused: a letter
//! that was guessed wrong is worse than none.

use std::fs::File;
use std::io::{Read, Seek};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_874};

use super::{Unreadable, fill, unreadable};

/// The encoding of this name, in any usual spelling: `windows-1252`, `CP874`, `Shift_JIS`.
pub(in crate::import) fn named(name: &str) -> Option<&'static Encoding> {
    let label = name.trim().to_ascii_lowercase().replace('_', "-");
    let bare = label.trim_start_matches("cp").trim_start_matches("windows-").trim_start_matches("win");
    let windows = format!("windows-{}", bare.trim_start_matches('-'));
    let known = |label: &str| Encoding::for_label(label.as_bytes());
    known(&label).or_else(|| known(&label.replace('-', "_"))).or_else(|| known(&windows)).or(match bare {
        "932" | "sjis" => Some(encoding_rs::SHIFT_JIS),
        "936" => Some(encoding_rs::GBK),
        "949" => Some(encoding_rs::EUC_KR),
        "950" => Some(encoding_rs::BIG5),
        "tis620" => Some(WINDOWS_874),
        _ => None,
    })
}

/// The encoding in which a whole file can be read.
pub(super) fn of(file: &mut File, wanted: Option<&'static Encoding>) -> Result<&'static Encoding, Unreadable> {
    let mut start = [0; 4096];
    file.rewind().map_err(unreadable)?;
    let length = fill(file, &mut start).map_err(unreadable)?;
    let start = start.get(..length).unwrap_or_default();
    let marked = Encoding::for_bom(start).map(|(encoding, _)| encoding);
    // UTF-16 without a mark: every other byte of what is written in ASCII is zero.
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let wide = ((even + odd) * 10 > length).then_some(if odd > even { UTF_16LE } else { UTF_16BE });
    if let Some(encoding) = marked.or(wanted).or(wide) {
        return match decodes(file, encoding, &mut |_| {})? {
            None => Ok(encoding),
            Some(line) => Err(Unreadable(format!(
                "line {line} has bytes that are not {}: save the file as UTF-8, or name its encoding",
                encoding.name()
            ))),
        };
    }
    let Some(line) = decodes(file, UTF_8, &mut |_| {})? else { return Ok(UTF_8) };
    let mut thai = Thai::default();
    let is_whole = decodes(file, WINDOWS_874, &mut |piece| thai.see(piece))?.is_none();
    thai.end();
    match is_whole && thai.is_it() {
        true => Ok(WINDOWS_874),
        false => Err(Unreadable(format!(
            "line {line} has letters in an unknown encoding: save the file as UTF-8, or name its encoding, \
             such as windows-1252 or shift_jis"
        ))),
    }
}

/// Reads a file through in an encoding; the line of the first bytes that are none of its letters.
fn decodes(
    file: &mut File,
    encoding: &'static Encoding,
    see: &mut dyn FnMut(&str),
) -> Result<Option<usize>, Unreadable> {
    file.rewind().map_err(unreadable)?;
    let mut decoder = encoding.new_decoder();
    let (mut bytes, mut line) = (vec![0; 64 * 1024], 1);
    let mut text = String::with_capacity(256 * 1024);
    loop {
        let read = file.read(&mut bytes).map_err(unreadable)?;
        text.clear();
        let piece = bytes.get(..read).unwrap_or_default();
        let (result, _) = decoder.decode_to_string_without_replacement(piece, &mut text, read == 0);
        line += text.bytes().filter(|byte| *byte == b'\n').count();
        see(&text);
        match result {
            DecoderResult::Malformed(..) => return Ok(Some(line)),
            _ if read == 0 => return Ok(None),
            _ => {}
        }
    }
}

/// Whether a text that was decoded as Thai reads as Thai: its vowels and tones stand where they can.
#[derive(Debug, Default)]
struct Thai {
    last: Option<char>,
    /// Runs of letters that are no ASCII, and those of them that no Thai would write.
    runs: usize,
    odd: usize,
    is_run: bool,
    is_odd: bool,
}

fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

fn is_consonant(letter: char) -> bool {
    matches!(letter, 'ก'..='ฮ')
}

impl Thai {
    fn see(&mut self, text: &str) {
        for letter in text.chars() {
            self.letter(letter);
        }
    }

    fn letter(&mut self, letter: char) {
        let last = self.last.replace(letter);
        if letter.is_ascii() {
            // A vowel that is written before its consonant has one behind it.
            self.is_odd |= self.is_run && last.is_some_and(|last| matches!(last, 'เ'..='ไ'));
            // Thai and Latin letters stand in one word less often than in `Müller`.
            self.is_odd |= self.is_run && letter.is_ascii_alphabetic();
            self.end();
            return;
        }
        let after = last.filter(|last| !last.is_ascii());
        self.is_run = true;
        self.is_odd |= match letter {
            mark if is_mark(mark) => !after.is_some_and(|last| is_consonant(last) || is_mark(last)),
            // Signs that are hardly written, and what stands where Windows-874 has no letter.
            '\u{e4e}' | '\u{e5a}' | '\u{e5b}' | '\u{80}'..='\u{9f}' => true,
            'ะ' | 'า' | 'ำ' | 'ๅ' => {
                !after.is_some_and(|last| is_consonant(last) || is_mark(last) || last == 'ฤ' || last == 'า')
            }
            'ก'..='ฮ'
            | 'เ'..='ไ'
            | 'ฯ'
            | 'ๆ'
            | '฿'
            | '๐'..='๙'
            | '\u{a0}'
            | '‘'..='”'
            | '–'
            | '—'
            | '…'
            | '€'
            | '•' => matches!(after, Some('เ'..='ไ')) && !is_consonant(letter),
            _ => true,
        };
        // A run that begins within a Latin word.
        self.is_odd |= last.is_some_and(|last| last.is_ascii_alphabetic());
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_run) {
            self.runs += 1;
            self.odd += usize::from(self.is_odd);
        }
        self.is_odd = false;
    }

    /// One run in ten may be a misspelling, or Latin letters in a Thai word.
    fn is_it(&self) -> bool {
        self.runs > 0 && self.odd * 10 <= self.runs
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn told(bytes: &[u8], wanted: Option<&str>) -> Result<&'static str, Unreadable> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("is written");
        of(&mut file, wanted.map(|name| named(name).expect("a name"))).map(Encoding::name)
    }

    #[test]
    fn only_what_reads_as_thai_is_taken_for_it() {
        for text in ["ชื่อ,เบอร์\nก้าวหน้า,๐๘๑\nบริษัท น้ำแข็ง จำกัด (มหาชน),฿ 5\nเสื้อ XL,-\n", "ชื่อ\nกำธร\n"]
        {
            assert_eq!(told(&WINDOWS_874.encode(text).0, None), Ok("windows-874"), "{text}");
        }
        for (text, encoding) in [
            ("code,name\nW1,Zoë Müller Café\nW2,François Bâtiment\nW3,10 – 20\n", "windows-1252"),
            ("code,name\nW1,São\n", "windows-1252"),
            ("code,name\nW1,Łódź\n", "windows-1250"),
            ("code,name\n1,東京商事\n", "shift_jis"),
            ("code,name\n1,北京贸易有限公司,李\n", "gbk"),
            ("code,name\n1,台北貿易\n", "big5"),
            ("code,name\n1,서울 상사\n", "euc-kr"),
            ("code,name\n1,Nguyễn Văn A\n", "windows-1258"),
            ("code,name\n1,Иванов\n", "windows-1251"),
            ("code,name\n1,Γιάννης\n", "iso-8859-7"),
        ] {
            let encoding = named(encoding).expect("a name");
            let bytes = encoding.encode(text).0;
            assert!(told(&bytes, None).is_err(), "{text}");
            assert_eq!(told(&bytes, Some(encoding.name())), Ok(encoding.name()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_refused_by_its_line() {
        let why = told(b"\xef\xbb\xbfcode\nA\nB\xff\n", None).expect_err("is refused");
        assert!(why.0.starts_with("line 3 "), "{why:?}");
        let why = told(b"code\n\xfd\xfe\n", Some("shift_jis")).expect_err("is refused");
        assert!(why.0.starts_with("line 2 "), "{why:?}");
        assert!(told(b"\xff\xfea\x00\x00\xd8b\x00", None).is_err(), "half a letter of UTF-16");
    }

    #[test]
    fn an_encoding_has_many_names() {
        for (name, expected) in [
            ("CP874", "windows-874"),
            ("TIS-620", "windows-874"),
            ("latin1", "windows-1252"),
            ("cp1252", "windows-1252"),
            ("Windows_1258", "windows-1258"),
            ("SJIS", "Shift_JIS"),
            ("cp932", "Shift_JIS"),
            ("utf8", "UTF-8"),
            ("UTF-16LE", "UTF-16LE"),
        ] {
            assert_eq!(named(name).map(Encoding::name), Some(expected), "{name}");
        }
        assert_eq!(named("klingon"), None);
    }
}

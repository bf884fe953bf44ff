//! Keywords: how a part of a text is looked for; and how far lists are followed for a page.

use unicode_normalization::UnicodeNormalization;

/// How much is read for one page of a list before another way to it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Entries of an index that are read at a time.
    pub entries: usize,
    /// Records that are looked at in their table: a few microseconds each.
    pub rows: usize,
    /// Records that are passed in the index of the list's order: some tenths of a microsecond each.
    pub passed: usize,
    /// Records that an index names together and that are sorted, or looked at one after another, sooner than a longer list
    /// is followed.
    pub sorted: usize,
}

/// So many of what an index names are looked at to say how many of them match.
pub const SAMPLE: usize = 200;

/// So many of the newest records are, where no index names those that may: what is looked for is common then.
pub const UNLED_SAMPLE: usize = 500;

impl Default for Effort {
    fn default() -> Effort {
        Effort { entries: 10_000, rows: 3_000, passed: 12_000, sorted: 20_000 }
    }
}

/// A count as statements take it.
pub fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A text as it is compared: one form for whatever looks the same. NFKC (composed or not, full or half width), lower case,
/// without what cannot be seen, the digits, dashes and quotation marks of all scripts as those of ASCII, and Thai and Lao
/// vowels and tones in one spelling. Spaces, tabs and no-break spaces in a row are one space, and those at the ends are gone.
/// What is folded stays as it is when folded again.
///
/// Whoever changes what this makes of a text adds a migration that asks for `refold`, so that what is stored is folded anew.
pub fn fold(text: &str) -> String {
    let mut folded = fold_once(text);
    // What one turn brings together may be the same as something else in the next; a few turns end it.
    for _ in 0..4 {
        if is_plain(&folded) {
            break;
        }
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

/// Whether a text has only letters of ASCII and Thai with at most a vowel and a tone: but for capitals, spaces and what cannot
/// be seen it is folded.
fn is_plain(text: &str) -> bool {
    let mut last: Option<(char, Option<u8>)> = None;
    for letter in text.chars() {
        let place = rank(letter);
        let is_known = letter.is_ascii() || matches!(letter, '\u{e01}'..='\u{e32}' | '\u{e34}'..='\u{e4c}');
        let follows = match (place, last) {
            (None, Some(('\u{e40}', _))) => letter != '\u{e40}',
            (None, _) => true,
            // The first mark of a letter, or one behind those that stand before it.
            (Some(_), Some((_, None))) => true,
            (Some(place), Some((_, Some(before)))) => before < place,
            (Some(_), None) => false,
        };
        if !is_known || !follows || letter == '\u{e45}' {
            return false;
        }
        last = Some((letter, place));
    }
    true
}

/// One space for each run of them, and none at the ends. Line ends stay: they stand between words that are no neighbours.
fn one_space(text: String) -> String {
    let is_space = |letter: char| letter.is_whitespace() && !is_line_end(letter);
    // Nearly every text is so already.
    let is_odd = |letter: char| letter != ' ' && is_space(letter);
    if text.trim().len() == text.len() && !text.contains("  ") && !text.contains(is_odd) {
        return text;
    }
    let mut spaced = String::with_capacity(text.len());
    for letter in text.trim().chars() {
        match is_space(letter) {
            true if spaced.ends_with(' ') => {}
            true => spaced.push(' '),
            false => spaced.push(letter),
        }
    }
    spaced
}

/// Whether a text has spaces that the fold takes for one, for another letter, or for nothing.
pub(crate) fn has_spaces_to_fold(text: &str) -> bool {
    let is_blank = |letter: char| letter.is_whitespace() || is_unseen(letter);
    let mut was_blank = true;
    for letter in text.chars() {
        if is_blank(letter) && (was_blank || letter != ' ') {
            return true;
        }
        was_blank = is_blank(letter);
    }
    was_blank
}

fn is_line_end(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn fold_once(text: &str) -> String {
    if !text.bytes().any(|byte| byte.is_ascii() && is_unseen(char::from(byte))) {
        let lower = text.to_ascii_lowercase();
        if is_plain(&lower) {
            return one_space(lower);
        }
    }
    fold_all(text)
}

/// [`fold_once`] for any text.
fn fold_all(text: &str) -> String {
    let lower: String = text.nfkc().filter(|letter| !is_unseen(*letter)).flat_map(char::to_lowercase).collect();
    // Lower case may come apart (İ), and what stood between two parts of a letter may be gone.
    let letters: Vec<char> = lower.nfkc().map(plain).collect();
    let mut folded = String::with_capacity(lower.len());
    let mut rest = letters.as_slice();
    while let Some((letter, after)) = rest.split_first() {
        rest = after;
        let marks = rest.iter().position(|mark| rank(*mark).is_none()).unwrap_or(rest.len());
        match (rank(*letter), letter) {
            // Marks that follow nothing are a run of their own.
            (Some(_), _) => {
                let (run, after) = letters_of(*letter, rest, marks);
                folded.extend(one_spelling(run));
                rest = after;
            }
            // Two of the vowel E look like the vowel AE.
            (None, '\u{e40}' | '\u{ec0}') if rest.first() == Some(letter) => {
                folded.push(if *letter == '\u{e40}' { '\u{e41}' } else { '\u{ec1}' });
                rest = rest.get(1..).unwrap_or_default();
            }
            (None, letter) => folded.push(*letter),
        }
    }
    // Marks of other scripts among those of Thai have an order, too.
    one_space(folded.nfkc().collect())
}

/// A run of marks that begins with this one, and what is behind it.
fn letters_of(first: char, rest: &[char], marks: usize) -> (Vec<char>, &[char]) {
    let (run, after) = rest.split_at(marks);
    (std::iter::once(first).chain(run.iter().copied()).collect(), after)
}

/// The vowels and tones above or below a letter in one order, each once: whoever types them, in whatever order, sees the
/// same.
fn one_spelling(mut marks: Vec<char>) -> Vec<char> {
    marks.sort_by_key(|mark| (rank(*mark), *mark));
    marks.dedup();
    // The vowel I with a circle above it is the vowel UE.
    for (i, circle, ue) in [('\u{e34}', '\u{e4d}', '\u{e36}'), ('\u{eb4}', '\u{ecd}', '\u{eb6}')] {
        if marks.contains(&i) && marks.contains(&circle) {
            marks.retain(|mark| *mark != circle);
            marks.iter_mut().filter(|mark| **mark == i).for_each(|mark| *mark = ue);
            marks.dedup();
        }
    }
    marks
}

/// The place of a Thai or Lao mark among those of its letter; none for what is no such mark.
fn rank(letter: char) -> Option<u8> {
    match letter {
        '\u{e38}'..='\u{e3a}' | '\u{eb8}'..='\u{eba}' | '\u{ebc}' => Some(0),
        '\u{e31}' | '\u{e34}'..='\u{e37}' | '\u{eb1}' | '\u{eb4}'..='\u{eb7}' | '\u{ebb}' => Some(1),
        '\u{e47}' => Some(2),
        '\u{e48}'..='\u{e4b}' | '\u{ec8}'..='\u{ecb}' => Some(3),
        '\u{e4c}' | '\u{ecc}' => Some(4),
        '\u{e4d}' | '\u{ecd}' => Some(5),
        '\u{e4e}' | '\u{ece}' => Some(6),
        _ => None,
    }
}

/// A letter as the one of ASCII, or of its script, that looks like it.
fn plain(letter: char) -> char {
    match letter {
        letter if letter.is_ascii() => letter,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2bc}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' => '"',
        // The long vowel that stands behind ฤ only.
        '\u{e45}' => '\u{e32}',
        // Sigma at the end of a word.
        'ς' => 'σ',
        letter => digit(letter).unwrap_or(letter),
    }
}

/// Whether a letter cannot be seen: joiners, marks of direction and of the order of bytes, soft hyphens, selectors of
/// variants, controls. Spaces and line ends are seen.
pub fn is_unseen(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The first control character inside a text, with line ends and tabs among them unless they are allowed. At the ends they are
/// no part of it.
pub fn control(text: &str, allows_lines: bool) -> Option<char> {
    let is_allowed = |letter: char| allows_lines && matches!(letter, '\n' | '\r' | '\t');
    text.trim().chars().find(|letter| letter.is_control() && !is_allowed(*letter))
}

/// A text as it is kept: without what cannot be seen at its ends, spaces included. What says how the letter before it looks
/// (an emoji in colour, a flag) stays.
pub fn trimmed(text: &str) -> &str {
    let looks = |letter: char| matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}');
    text.trim_matches(|letter: char| letter.is_whitespace() || is_unseen(letter) && !looks(letter))
}

/// A code, a number or an address as it is kept: without anything that cannot be seen.
pub fn seen(text: &str) -> String {
    trimmed(text).chars().filter(|letter| !is_unseen(*letter)).collect()
}

/// A text with the digits of all scripts as those of ASCII.
pub fn ascii_digits(text: &str) -> String {
    text.chars().map(|letter| digit(letter).unwrap_or(letter)).collect()
}

/// The first digit of each script that people count in (Unicode's decimal digits).
const ZEROS: [char; 25] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}',
    '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{1090}', '\u{17e0}', '\u{1810}',
    '\u{1a80}', '\u{1a90}', '\u{a8d0}', '\u{a9d0}', '\u{ff10}',
];

fn digit(letter: char) -> Option<char> {
    if letter.is_ascii() {
        return None;
    }
    let zero = *ZEROS.get(ZEROS.partition_point(|zero| *zero <= letter).checked_sub(1)?)?;
    char::from_digit(u32::from(letter) - u32::from(zero), 10)
}

/// What a caller looks for, folded; none when nothing is left of it.
pub fn keyword(text: Option<&str>) -> Option<String> {
    Some(fold(trimmed(text?))).filter(|text| !text.is_empty())
}

/// The same where telephone numbers are among what is searched: one is looked for by its digits, in whatever groups it
/// is typed.
pub fn keyword_or_phone(text: Option<&str>) -> Option<String> {
    let text = keyword(text)?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_phone = digits.len() >= 7
        && text.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '.' | '(' | ')' | '+'));
    Some(if is_phone { digits } else { text })
}

/// `%keyword%` for `like … escape '!'`, with the keyword's own wildcards taken literally.
pub fn pattern(keyword: &str) -> String {
    format!("%{}", prefix(keyword))
}

/// `keyword%`, likewise.
pub fn prefix(keyword: &str) -> String {
    let mut pattern = String::new();
    for letter in keyword.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_every_spelling() {
        assert_eq!(fold("Nguye\u{302}\u{303}n"), fold("NGUYỄN"));
        assert_eq!(fold("ＡＢＣ"), "abc");
        assert_eq!(fold("บริษัท ก้าวหน้า"), fold(&fold("บริษัท ก้าวหน้า")));
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        for same in [
            &["ZW01", "zw01\u{200b}", "\u{200f}ZW01", "\u{202a}ZW01\u{202c}", "Z\u{ad}W01", "ＺＷ０１", "ZW๐๑", "zw٠١"]
                [..],
            &["น้ำแข็ง", "นํ้าแข็ง", "น้ําแข็ง", "น\u{e49}\u{e4d}\u{e32}แข็ง"],
            &["แม่ค้า", "เเม่ค้า"],
            &["ที่", "ที\u{e48}\u{e48}", "ท\u{e48}\u{e35}"],
            &["ผู้", "ผ\u{e49}\u{e39}"],
            &["ນ້ຳ", "ນ\u{ec9}\u{ecd}\u{eb2}", "ນ\u{ecd}\u{ec9}\u{eb2}"],
            &["ແມ່", "\u{ec0}\u{ec0}ມ່"],
            &["ฤา", "ฤๅ"],
            &["SN-0001", "sn\u{2010}0001", "SN–0001", "SN−0001"],
            &["O'Brien", "O’Brien", "oʼbrien"],
            &["ΟΔΟΣ", "οδος", "οδοσ"],
            &["Café", "Cafe\u{301}", "CAFÉ"],
            &["❤\u{fe0f}", "❤"],
            &["บริษัท เอ", "บริษัท  เอ", "บริษัท\u{a0}เอ", "บริษัท \tเอ", " บริษัท\u{3000}เอ ", "บริษัท \u{200b} เอ\u{a0}"],
            &["a b", "A  B", "\ta\u{2009} b", "a\u{b}b", "a\u{202f}\u{a0}b "],
        ] {
            for other in same {
                assert_eq!(fold(other), fold(same[0]), "{other:?}");
            }
        }
        for (one, other) in [
            ("น้ำ", "นำ"),
            ("เม", "แม"),
            ("กา", "ก่า"),
            ("ปู", "ปุ"),
            ("ซึม", "ซิม"),
            ("ab", "a b"),
            ("a-b", "ab"),
            ("a b", "a\nb"),
        ] {
            assert_ne!(fold(one), fold(other));
        }
        // Once is enough, whatever stands beside each other.
        let letters = [
            'a', 'İ', 'ß', 'ﬁ', '\u{200d}', '\u{301}', 'น', '\u{e31}', '\u{e34}', '\u{e49}', '\u{e4d}', 'ำ', 'เ', 'แ',
            ' ', '\t', '\n', '\u{a0}', '\u{a8}', '\u{200b}', 'า', '๑', '-', '–', '\u{ecd}', '\u{eb4}', 'ຳ', 'ເ', 'Å',
            '\u{1100}', '\u{1161}', '\u{e38}', '\u{e3a}', '\u{e47}', 'A', '\0', 'ฤ', '\u{e4c}', 'ๆ', '฿',
        ];
        for one in letters {
            for other in letters {
                for third in letters {
                    let text: String = [one, other, third, one].iter().collect();
                    let folded = fold(&text);
                    assert_eq!(fold(&folded), folded, "{text:?}");
                    assert_eq!(fold_once(&text), fold_all(&text), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_telephone_is_looked_for_by_its_digits() {
        assert_eq!(keyword_or_phone(Some(" 081-234 5678 ")).as_deref(), Some("0812345678"));
        assert_eq!(keyword_or_phone(Some("+66 81 234 5678")).as_deref(), Some("66812345678"));
        assert_eq!(keyword_or_phone(Some("12-34")).as_deref(), Some("12-34"));
        assert_eq!(keyword(Some("  ")), None);
        assert_eq!(pattern("50%_!"), "%50!%!_!!%");
    }
}

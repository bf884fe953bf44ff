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

/// A text as it is compared: one form for each letter (NFKC: composed or not, full or half width), in lower case.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    // Lower case may come apart (İ): what is folded stays as it is when folded again.
    lower.nfkc().collect()
}

/// What a caller looks for, folded; none when nothing is left of it.
pub fn keyword(text: Option<&str>) -> Option<String> {
    Some(fold(text?.trim())).filter(|text| !text.is_empty())
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
    fn a_telephone_is_looked_for_by_its_digits() {
        assert_eq!(keyword_or_phone(Some(" 081-234 5678 ")).as_deref(), Some("0812345678"));
        assert_eq!(keyword_or_phone(Some("+66 81 234 5678")).as_deref(), Some("66812345678"));
        assert_eq!(keyword_or_phone(Some("12-34")).as_deref(), Some("12-34"));
        assert_eq!(keyword(Some("  ")), None);
        assert_eq!(pattern("50%_!"), "%50!%!_!!%");
    }
}

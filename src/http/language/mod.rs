//! The language of messages: Thai for who asks for it (`Accept-Language`), English for everybody else.
//!
//! Messages are written in English where they arise. Each has its Thai sentence in `messages.th`, by its pattern: what
//! stands in the place of `{}` (fields, limits, numbers, words of the caller's) is taken over as it is. A message that
//! has no line there yet is told by the sentence of its code, with its own words behind it, so that nothing is lost.

mod code;

pub(super) use code::status;

use std::sync::OnceLock;

use super::error::{Code, Fault};
use crate::telemetry;

/// A language in which messages are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Also for every language that is not here.
    #[default]
    English,
    /// For `th` and its regions.
    Thai,
}

impl Language {
    /// The better of both by the value of `Accept-Language` (RFC 9110, section 12.5.4).
    pub fn wanted(header: &str) -> Language {
        let mut best = (Language::English, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let quality = quality.map_or(1.0, |number| number.trim().parse::<f32>().unwrap_or_default());
            let language = match tag.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "th" => Language::Thai,
                "en" | "*" => Language::English,
                _ => continue,
            };
            if quality > best.1 {
                best = (language, quality);
            }
        }
        best.0
    }

    /// The language of the present request; English outside any.
    pub fn present() -> Language {
        telemetry::language()
    }

    /// Its tag, as `Content-Language` has it.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Thai => "th",
        }
    }

    /// The sentence of a code, where no more is known.
    pub fn sentence(self, code: Code) -> &'static str {
        let (english, thai) = code::sentences(code);
        match self {
            Language::English => english,
            Language::Thai => thai,
        }
    }

    /// A message in this language; `code` says what it is about where it has no sentence of its own.
    pub fn tell(self, code: Code, message: &str) -> String {
        match self {
            Language::English => message.to_owned(),
            Language::Thai => thai(message).unwrap_or_else(|| format!("{} ({message})", self.sentence(code))),
        }
    }

    /// The same for a fault that was stored with the word of its code.
    pub fn tell_stored(self, code: &str, message: &str) -> String {
        let code = Code::ALL.into_iter().find(|known| serde_json::to_value(known).is_ok_and(|word| word == code));
        self.tell(code.unwrap_or(Code::InvalidValue), message)
    }
}

impl Fault {
    /// The same in the language of the present request.
    #[must_use]
    pub fn told(self) -> Fault {
        let message = Language::present().tell(self.code, &self.message);
        telemetry::tell(|work| work.spoke = true);
        Fault { message, ..self }
    }
}

/// The message of a stored fault in the language of the present request.
pub fn told_stored(code: &str, message: &str) -> String {
    telemetry::tell(|work| work.spoke = true);
    Language::present().tell_stored(code, message)
}

/// A warning in the language of the present request, where it has a sentence in it.
pub fn told_warning(message: &str) -> String {
    telemetry::tell(|work| work.spoke = true);
    match Language::present() {
        Language::English => message.to_owned(),
        Language::Thai => thai(message).unwrap_or_else(|| message.to_owned()),
    }
}

/// Faults in the language of the present request.
pub fn told(faults: Vec<Fault>) -> Vec<Fault> {
    faults.into_iter().map(Fault::told).collect()
}

/// A pattern of messages and its Thai sentence.
#[derive(Debug)]
struct Line {
    /// The text between the places of values.
    english: Vec<&'static str>,
    thai: &'static str,
    /// How much of a message the pattern says itself; the pattern that says most is the right one.
    weight: usize,
}

const MESSAGES: &str = include_str!("messages.th");

/// What stands between both sentences of a line.
const ARROW: &str = " ⇒ ";

fn lines() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| {
        let pairs = MESSAGES.lines().filter_map(|line| line.split_once(ARROW));
        let mut lines: Vec<Line> = pairs
            .map(|(english, thai)| {
                let english: Vec<&str> = english.split("{}").collect();
                let weight = english.iter().map(|part| part.len()).sum();
                Line { english, thai, weight }
            })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.weight));
        lines
    })
}

/// Bytes of a message that is looked for among the patterns.
const LONGEST: usize = 4_000;

/// Bytes of a value that may be a phrase of ours: it bounds how deep one stands in another.
const LONGEST_PHRASE: usize = 200;

/// The Thai sentence of a message.
fn thai(message: &str) -> Option<String> {
    // A caller's words may be in it: what is longer than a message of ours is told by its code.
    if message.len() > LONGEST {
        return None;
    }
    lines().iter().find_map(|line| Some(fill(line.thai, &values(&line.english, message)?)))
}

/// What stands in the places of a pattern; none when the message is not of it.
fn values<'a>(pattern: &[&str], message: &'a str) -> Option<Vec<&'a str>> {
    let (first, others) = pattern.split_first()?;
    let mut rest = message.strip_prefix(first)?;
    let Some((last, between)) = others.split_last() else { return rest.is_empty().then(Vec::new) };
    let mut values = Vec::new();
    for part in between {
        let (value, behind) = rest.split_once(part)?;
        values.push(value);
        rest = behind;
    }
    values.push(rest.strip_suffix(last)?);
    values.iter().all(|value| !value.is_empty()).then_some(values)
}

/// A sentence with its values: `{0}` as it stands, `{0t}` in Thai where it is a phrase that has its own line.
fn fill(sentence: &str, values: &[&str]) -> String {
    let mut rest = sentence;
    let mut text = String::new();
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((place, behind)) = behind.split_once('}') else { break };
        let (number, in_thai) = place.strip_suffix('t').map_or((place, false), |number| (number, true));
        let value = number.parse().ok().and_then(|number: usize| values.get(number)).copied().unwrap_or_default();
        text.push_str(before);
        match (in_thai && value.len() <= LONGEST_PHRASE).then(|| thai(value)).flatten() {
            Some(phrase) => text.push_str(&phrase),
            None => text.push_str(value),
        }
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_wanted_more() {
        for (header, thai) in [
            ("th", true),
            ("th-TH,th;q=0.9,en;q=0.8", true),
            ("TH-th", true),
            ("en-US,en;q=0.9,th;q=0.8", false),
            ("en;q=0.5, th;q=0.7", true),
            ("de, th;q=0.1", true),
            ("th;q=0", false),
            ("th;q=0.5, *;q=0.8", false),
            ("*", false),
            ("", false),
            ("de", false),
            ("thx", false),
        ] {
            assert_eq!(Language::wanted(header) == Language::Thai, thai, "{header}");
        }
    }

    #[test]
    fn what_a_caller_nests_ends() {
        let nested = format!("a{} must be an object", " must be text".repeat(80_000));
        let told = Language::Thai.tell(Code::InvalidType, &nested);
        assert!(told.ends_with(&format!("({nested})")), "it is told by its code");
        let deep = format!("a{} must be an object", " must be text".repeat(200));
        assert!(Language::Thai.tell(Code::InvalidType, &deep).contains("must be text"));
    }

    #[test]
    fn a_message_keeps_its_values() {
        let tell = |code, message| Language::Thai.tell(code, message);
        assert_eq!(tell(Code::Required, "user.name is required"), "ต้องระบุ user.name");
        assert_eq!(tell(Code::OutOfRange, "take must be from 1 to 200"), "take ต้องอยู่ระหว่าง 1 ถึง 200");
        assert_eq!(
            tell(Code::Conflict, "{0} is deleted, {1}"),
            "สถานะปัจจุบันของข้อมูลไม่อนุญาตให้ทำรายการนี้ ({0} is deleted, {1})"
        );
        assert_eq!(tell(Code::Taken, "{1} belongs to another record"), "{1} เป็นของข้อมูลอื่นแล้ว");
    }

    #[test]
    fn every_line_has_both_sentences_and_no_value_is_lost() {
        let mut seen = std::collections::HashSet::new();
        for line in MESSAGES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (english, thai) = line.split_once(ARROW).unwrap_or_else(|| panic!("{line}: not of two sentences"));
            assert!(seen.insert(english), "{english}: twice");
            let is_thai = thai.chars().any(|letter| ('\u{e00}'..='\u{e7f}').contains(&letter));
            assert!(is_thai && english.is_ascii_or_quoted(), "{line}");
            for place in 0..english.matches("{}").count() {
                let named = thai.contains(&format!("{{{place}}}")) || thai.contains(&format!("{{{place}t}}"));
                assert!(named, "{line}: the value {place} is lost");
            }
        }
        assert!(seen.len() > 300, "the lines are not read rightly");
    }

    trait Written {
        fn is_ascii_or_quoted(&self) -> bool;
    }

    impl Written for str {
        fn is_ascii_or_quoted(&self) -> bool {
            !self.chars().any(|letter| ('\u{e00}'..='\u{e7f}').contains(&letter)) || self.contains("31 ธ.ค. 2568")
        }
    }

    #[test]
    fn every_code_has_both_sentences() {
        for code in Code::ALL {
            let (english, thai) = code::sentences(code);
            assert!(english.is_ascii() && english.ends_with(|last: char| last.is_ascii_alphanumeric()), "{code:?}");
            assert!(
                thai.chars().all(|letter| !letter.is_ascii_alphabetic() || "IdempotencyKeyJSONhttps".contains(letter))
            );
            assert!(thai.chars().any(|letter| ('\u{e00}'..='\u{e7f}').contains(&letter)), "{code:?}");
        }
    }
}

//! Gathering faults: a handler looks at every field before it refuses, and names each field once.

use std::collections::HashSet;

use jiff::civil::DateTime;

use super::error::{Code, Error, Fault};
use super::input::Patch;
use crate::search;
use crate::time::{self, Zone};

/// More faults than this are neither gathered nor told: whoever sends a megabyte of them has no use for a list.
pub(super) const MOST_FAULTS: usize = 50;

/// Whether a text is one e-mail address, as far as that can be told without writing to it.
pub fn is_email(text: &str) -> bool {
    let is_odd = |letter: char| letter.is_whitespace() || letter.is_control() || ",;:<>()".contains(letter);
    let (local, domain) = search::trimmed(text).split_once('@').unwrap_or_default();
    let is_named = domain.split('.').all(|part| !part.is_empty());
    !local.is_empty() && is_named && !local.contains(is_odd) && !domain.contains(is_odd) && !domain.contains('@')
}

/// Whether this fault tells all there is to tell of a field: it is the field's own, or that of what the field is a part of and
/// that has another type. `lines[0].code` has nothing to add to `lines[0]` being no object.
fn is_told_by(field: &str, known: &Fault) -> bool {
    match field.strip_prefix(known.field.as_str()) {
        Some("") => true,
        Some(rest) => known.code == Code::InvalidType && rest.starts_with(['.', '[']),
        None => false,
    }
}

/// What is wrong with a request so far.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Begins with what the decoder found; a field that it named is not named again.
    pub fn new(found: Vec<Fault>) -> Faults {
        Faults(found)
    }

    /// Adds a fault, unless its field has one, or is a part of what could not be read at all.
    pub fn add(&mut self, code: Code, field: impl Into<String>, message: impl Into<String>) {
        if self.0.len() >= MOST_FAULTS {
            return;
        }
        let fault = Fault::new(code, field, message);
        if !self.0.iter().any(|known| is_told_by(&fault.field, known)) {
            self.0.push(fault);
        }
    }

    /// A record that was looked for, or what is wrong with the call already: that is said before that there is no such record.
    pub fn found<T>(&self, record: Result<T, Error>) -> Result<T, Error> {
        if matches!(record, Err(Error::NotFound(_))) {
            self.clone().end()?;
        }
        record
    }

    /// A text that must have something in it and at most so many characters.
    pub fn required(&mut self, field: &str, text: &str, longest: usize) {
        if search::trimmed(text).is_empty() {
            self.add(Code::Required, field, format!("{field} is required"));
        }
        self.longest(field, text, longest);
    }

    /// A text that may have at most so many characters.
    pub fn longest(&mut self, field: &str, text: &str, longest: usize) {
        if text.chars().count() > longest {
            self.add(Code::TooLong, field, format!("{field} may have {longest} characters"));
        }
    }

    /// The number of a new record that is read by a path: none of the words that stand in its place for something else.
    pub fn path_part(&mut self, field: &str, number: &str, words: &[&str]) {
        let number = search::seen(number);
        if matches!(number.as_str(), "." | "..") || words.iter().any(|word| word.eq_ignore_ascii_case(&number)) {
            let message =
                format!("{field} “{number}” is a word of the paths by which records are read; use another one");
            self.add(Code::InvalidValue, field, message);
        }
    }

    /// A number that must be one of these.
    pub fn one_of(&mut self, field: &str, number: i64, allowed: &[i64]) {
        if !allowed.contains(&number) {
            let words: Vec<String> = allowed.iter().map(i64::to_string).collect();
            self.add(Code::InvalidValue, field, format!("{field} must be one of {}", words.join(", ")));
        }
    }

    /// A text after an update: trimmed, none when nothing is left of it.
    pub fn text(
        &mut self,
        field: &str,
        patch: &Patch<String>,
        stored: Option<String>,
        longest: usize,
    ) -> Option<String> {
        match patch {
            Patch::Keep => stored,
            Patch::Clear => None,
            Patch::Set(text) => {
                let text = search::trimmed(text);
                self.longest(field, text, longest);
                Some(text.to_owned()).filter(|text| !text.is_empty())
            }
        }
    }

    /// A list of names after an update: trimmed, without blanks, each once whatever its letter case.
    pub fn names(
        &mut self,
        field: &str,
        patch: &Patch<Vec<String>>,
        stored: Vec<String>,
        (most, longest): (usize, usize),
    ) -> Vec<String> {
        let given = match patch {
            Patch::Keep => return stored,
            Patch::Clear => return Vec::new(),
            Patch::Set(given) => given,
        };
        let mut names: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        for (index, name) in
            given.iter().map(|name| search::trimmed(name)).enumerate().filter(|(_, name)| !name.is_empty())
        {
            self.longest(&format!("{field}[{index}]"), name, longest);
            if known.insert(search::fold(name)) {
                names.push(name.to_owned());
            }
            if names.len() > most {
                break;
            }
        }
        self.most(field, names.len(), most);
        names
    }

    /// A list that may have at most so many entries.
    pub fn most(&mut self, field: &str, length: usize, most: usize) {
        if length > most {
            self.add(Code::TooLong, field, format!("{field} may have {most} entries"));
        }
    }

    /// An e-mail address, when there is one.
    pub fn email(&mut self, field: &str, text: &str) {
        if !text.trim().is_empty() && !is_email(text) {
            self.add(Code::InvalidFormat, field, format!("{field} is not an e-mail address"));
        }
    }

    /// A number within bounds, when there is one.
    pub fn range(&mut self, field: &str, number: Option<i64>, bounds: std::ops::RangeInclusive<i64>) {
        if number.is_some_and(|number| !bounds.contains(&number)) {
            let (from, to) = bounds.into_inner();
            self.add(Code::OutOfRange, field, format!("{field} must be from {from} to {to}"));
        }
    }

    /// A time in Unix milliseconds, when there is one; a bare day is its beginning. The empty date of .NET is none.
    pub fn time(&mut self, field: &str, text: Option<&str>, zone: &Zone) -> Option<i64> {
        self.moment(field, text, |text| time::read(text, zone))
    }

    /// The end of a period in Unix milliseconds, when there is one; a bare day is its last millisecond.
    pub fn time_end(&mut self, field: &str, text: Option<&str>, zone: &Zone) -> Option<i64> {
        self.moment(field, text, |text| time::read_end(text, zone))
    }

    /// By when something is to be done, in Unix milliseconds, and whether by the hour: a bare day is its last millisecond.
    pub fn due(&mut self, field: &str, text: &str, zone: &Zone) -> (Option<i64>, bool) {
        let has_time = text.contains(':') || text.contains('T') && text.trim().parse::<DateTime>().is_ok();
        let at = match has_time {
            true => self.time(field, Some(text), zone),
            false => self.time_end(field, Some(text), zone),
        };
        (at, has_time)
    }

    fn moment(&mut self, field: &str, text: Option<&str>, read: impl Fn(&str) -> Option<i64>) -> Option<i64> {
        let text = text.map(str::trim).filter(|text| !text.is_empty() && !time::is_unset(text))?;
        let at = read(text);
        if at.is_none() {
            let message = format!("{field} must be a time such as 2025-01-29T15:38:43+0700");
            self.add(Code::InvalidFormat, field, message);
        }
        at
    }

    /// A time after an update.
    pub fn patched_time(
        &mut self,
        field: &str,
        patch: &Patch<String>,
        stored: Option<i64>,
        zone: &Zone,
    ) -> Option<i64> {
        match patch {
            Patch::Keep => stored,
            Patch::Clear => None,
            Patch::Set(text) => self.time(field, Some(text), zone),
        }
    }

    /// One of these words, in any letter case, when there is one.
    pub fn choice<T: Copy>(&mut self, field: &str, text: Option<&str>, words: &[(&str, T)]) -> Option<T> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.add(Code::InvalidValue, field, format!("{field} must be one of {}", known.join(", ")));
        }
        found.map(|(_, value)| *value)
    }

    /// Takes over what a look-up found to be wrong; answers what it found otherwise.
    pub fn take<T>(&mut self, found: Result<T, Error>) -> Result<Option<T>, Error> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Error::Invalid(faults)) => {
                for fault in faults {
                    self.add(fault.code, fault.field, fault.message);
                }
                Ok(None)
            }
            // It was looked up by the stand-in of a field whose fault is known.
            Err(Error::Db(db::Error::Invalid(_))) if !self.0.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The list itself, for the checks that add to one.
    pub fn list(&mut self) -> &mut Vec<Fault> {
        &mut self.0
    }

    /// 400 with every fault, when there is one.
    pub fn end(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

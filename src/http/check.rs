//! Gathering faults: a handler looks at every field before it refuses, and names each field once.

use super::error::{Code, Error, Fault};

/// What is wrong with a request so far.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Begins with what the decoder found; a field that it named is not named again.
    pub fn new(found: Vec<Fault>) -> Faults {
        Faults(found)
    }

    /// Adds a fault, unless its field has one.
    pub fn add(&mut self, code: Code, field: impl Into<String>, message: impl Into<String>) {
        let fault = Fault::new(code, field, message);
        if !self.0.iter().any(|known| known.field == fault.field) {
            self.0.push(fault);
        }
    }

    /// A text that must have something in it and at most so many characters.
    pub fn required(&mut self, field: &str, text: &str, longest: usize) {
        if text.trim().is_empty() {
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

    /// A number that must be one of these.
    pub fn one_of(&mut self, field: &str, number: i64, allowed: &[i64]) {
        if !allowed.contains(&number) {
            let words: Vec<String> = allowed.iter().map(i64::to_string).collect();
            self.add(Code::InvalidValue, field, format!("{field} must be one of {}", words.join(", ")));
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

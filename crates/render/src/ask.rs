//! What is asked, and what is answered when there is no document.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Debug, Deserialize)]
pub struct Ask {
    /// The template, and the texts that it imports, by name; it begins with `main.typ`.
    pub files: BTreeMap<String, String>,
    /// What `json("data.json")` reads.
    pub data: serde_json::Value,
    /// Pictures by name, in Base64.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// Files or folders with more fonts.
    #[serde(default)]
    pub fonts: Vec<PathBuf>,
    /// `a-3a`, `a-3b` or `a-3u`.
    #[serde(default)]
    pub standard: Option<String>,
    /// The present day, `[2026, 11, 28]`, and the time of day, `[9, 30, 0]`, in UTC.
    #[serde(default)]
    pub now: Option<([i32; 3], [u8; 3])>,
    /// What tells this document from others: its number.
    #[serde(default)]
    pub ident: String,
}

/// Why there is no document.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// `template`, `too_large`, `question`, `defect`.
    pub error: &'static str,
    pub faults: Vec<Fault>,
}

impl Answer {
    /// One fault without a place.
    pub fn alone(error: &'static str, message: &str) -> Answer {
        Answer { error, faults: vec![Fault::new(message.to_owned())] }
    }
}

/// A fault of a template.
#[derive(Debug, Serialize)]
pub struct Fault {
    pub message: String,
    pub hints: Vec<String>,
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in letters.
    pub column: Option<usize>,
}

impl Fault {
    pub fn new(message: String) -> Fault {
        Fault { message, hints: Vec::new(), file: None, line: None, column: None }
    }
}

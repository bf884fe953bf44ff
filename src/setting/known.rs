//! Companies' rules as they were read last: each unit of work reads their text, and nearly always it is the same.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::value::RawValue;

use super::profile::Setting;
use crate::http::Error;

/// The rules of so many companies are kept.
const MOST: usize = 1_000;

static KNOWN: LazyLock<Mutex<HashMap<i64, Known>>> = LazyLock::new(Mutex::default);

/// A company's rules.
struct Known {
    /// What they were read from.
    text: String,
    setting: Arc<Setting>,
}

/// The rules of a company that stand in this text; there is none until they are changed for the first time.
pub(super) fn setting(company: i64, text: Option<&RawValue>) -> Result<Arc<Setting>, Error> {
    let text = text.map_or("null", RawValue::get);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(&company).filter(|known| known.text == text) {
        return Ok(Arc::clone(&known.setting));
    }
    let read: Option<Setting> = serde_json::from_str(text).map_err(|error| Error::Internal(error.to_string()))?;
    if known.len() >= MOST {
        known.clear();
    }
    let setting = Arc::new(read.unwrap_or_default());
    known.insert(company, Known { text: text.to_owned(), setting: Arc::clone(&setting) });
    Ok(setting)
}

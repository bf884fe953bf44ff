//! What can be bound to a statement.

use serde::Serialize;
use uuid::Uuid;

use crate::{Amount, Error};

/// A value on its way into a statement; made with `into()` from the plain types.
///
/// Numbers are 64-bit integers, [`Amount`] is its ten-thousandths, times are integers of milliseconds. There is no float.
#[derive(Debug, Clone, PartialEq)]
pub struct Value(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(String),
    Uuid(Uuid),
    Bytes(Vec<u8>),
    Json(String),
    /// One column of [`crate::Rows`] on PostgreSQL.
    Array(Vec<Value>),
    /// A value that was already wrong when it was made; said when the statement runs, so that `bind` needs no `?`.
    Invalid(&'static str),
}

impl Value {
    /// JSON that is written already; only what a serializer of JSON has written is.
    pub fn json(text: String) -> Self {
        json(Ok(text))
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.0 {
            Kind::Invalid(why) => Err(Error::Invalid((*why).into())),
            Kind::Array(values) => values.iter().try_for_each(Value::check),
            _ => Ok(()),
        }
    }
}

/// Binds anything serializable as JSON.
///
/// `Json(None::<T>)` is the JSON value `null`; for a NULL of SQL bind `None::<Json<T>>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

const NUL: &str = "text with a NUL character";

fn text(text: String) -> Value {
    // PostgreSQL cannot keep a NUL and SQLite cuts text at it in some functions, so neither ever sees one.
    Value(if text.as_bytes().contains(&0) { Kind::Invalid(NUL) } else { Kind::Text(text) })
}

fn json(text: Result<String, serde_json::Error>) -> Value {
    Value(match text {
        Ok(text) if escapes_nul(&text) => Kind::Invalid(NUL),
        Ok(text) => Kind::Json(text),
        Err(_) => Kind::Invalid("a value that cannot be written as JSON"),
    })
}

/// Whether serialized JSON holds the escape `\u0000`, which `jsonb` refuses.
fn escapes_nul(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with("u0000") {
            return true;
        }
        // The escaped character is skipped, so that `\\u0000`, a backslash and five characters, stays allowed.
        rest = escape.get(1..).unwrap_or("");
    }
    false
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self(Kind::Integer(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self(Kind::Integer(value.into()))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self(Kind::Integer(value.into()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(Kind::Boolean(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        text(value.clone())
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self(Kind::Uuid(value))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self(Kind::Bytes(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self(Kind::Bytes(value.to_vec()))
    }
}

impl From<Amount> for Value {
    fn from(value: Amount) -> Self {
        Self(Kind::Integer(value.units()))
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        json(serde_json::to_string(&value))
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        json(serde_json::to_string(value))
    }
}

impl<T: Serialize> From<Json<T>> for Value {
    fn from(value: Json<T>) -> Self {
        json(serde_json::to_string(&value.0))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(Kind::Null), Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_in_text_and_in_json_but_not_where_it_is_only_spelled() {
        assert!(Value::from("a\0b").check().is_err());
        assert!(Value::from(serde_json::json!({"a\0": 1})).check().is_err());
        assert!(Value::from(serde_json::json!(["x", "\\\0"])).check().is_err());
        assert!(Value::from(serde_json::json!("\\u0000")).check().is_ok());
        assert!(Value::from(vec![0_u8]).check().is_ok());
    }

    #[test]
    fn an_option_is_its_value_or_null() {
        assert_eq!(Value::from(None::<i64>).0, Kind::Null);
        assert_eq!(Value::from(Some("a")).0, Kind::Text("a".into()));
    }
}

//! Many rows as one statement.

use crate::{Error, Value, value::Kind};

/// The type of a column of [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A 64-bit integer; also amounts and times.
    BigInt,
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// A UUID.
    Uuid,
    /// Bytes.
    Bytes,
    /// JSON.
    Json,
}

impl Type {
    pub(crate) fn postgres(self) -> &'static str {
        match self {
            Self::BigInt => "bigint",
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Uuid => "uuid",
            Self::Bytes => "bytea",
            Self::Json => "jsonb",
        }
    }
}

/// Rows to be pushed into a statement as a sub-select, so that a thousand rows cost one statement.
///
/// `insert into t (company, name) select company, name from {rows} as input`, or
/// `update t set name = input.name from {rows} as input where …`.
#[derive(Debug, Clone)]
pub struct Rows {
    pub(crate) columns: Vec<(&'static str, Type)>,
    /// All values, row after row.
    pub(crate) values: Vec<Value>,
    /// The first mistake of a caller, said when the statement runs.
    pub(crate) wrong: Option<Error>,
}

impl Rows {
    /// No rows yet, of these columns.
    pub fn new(columns: &[(&'static str, Type)]) -> Self {
        let wrong = columns.is_empty().then(|| Error::Sql("rows without columns".into()));
        Self { columns: columns.to_vec(), values: Vec::new(), wrong }
    }

    /// Adds a row: one value per column, in their order.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) -> &mut Self {
        let before = self.values.len();
        for value in row {
            if let Err(fault) = value.check() {
                self.wrong.get_or_insert(fault);
            }
            let column = self.columns.get(self.values.len() - before);
            if let Some((name, kind)) = column
                && !fits(&value.0, *kind)
            {
                self.wrong.get_or_insert_with(|| Error::Sql(format!("column {name} of the rows is {kind:?}")));
            }
            self.values.push(value);
        }
        if self.values.len() - before != self.columns.len() {
            self.wrong.get_or_insert_with(|| Error::Sql("a row has more or fewer values than columns".into()));
        }
        self
    }

    /// The rows as a JSON list of lists. What JSON has no type for is text: bytes as hexadecimal, and JSON itself.
    pub(crate) fn json(&self) -> String {
        let mut json = String::from("[");
        for (index, row) in self.values.chunks(self.columns.len().max(1)).enumerate() {
            json.push_str(if index == 0 { "[" } else { ",[" });
            for (index, value) in row.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                write(&value.0, &mut json);
            }
            json.push(']');
        }
        json.push(']');
        json
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

fn write(value: &Kind, json: &mut String) {
    use std::fmt::Write;
    // Writing to a String cannot fail.
    let _ = match value {
        Kind::Integer(value) => write!(json, "{value}"),
        Kind::Boolean(value) => write!(json, "{value}"),
        Kind::Text(text) | Kind::Json(text) => write!(json, "{}", serde_json::Value::from(text.as_str())),
        Kind::Uuid(id) => write!(json, "\"{}\"", id.simple()),
        Kind::Bytes(bytes) => {
            json.push('"');
            bytes.iter().try_for_each(|byte| write!(json, "{byte:02x}")).and_then(|()| json.write_char('"'))
        }
        Kind::Null | Kind::Array(_) | Kind::Invalid(_) => json.write_str("null"),
    };
}

fn fits(value: &Kind, kind: Type) -> bool {
    match value {
        Kind::Null | Kind::Invalid(_) => true,
        Kind::Integer(_) => kind == Type::BigInt,
        Kind::Boolean(_) => kind == Type::Boolean,
        Kind::Text(_) => kind == Type::Text,
        Kind::Uuid(_) => kind == Type::Uuid,
        Kind::Bytes(_) => kind == Type::Bytes,
        Kind::Json(_) => kind == Type::Json,
        Kind::Array(_) => false,
    }
}

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

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
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

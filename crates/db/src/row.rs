//! From a row of either engine to a Rust value, without a copy in between.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use uuid::Uuid;

use crate::Error;

/// One value of a row, as the engine knows it.
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Boolean(bool),
    /// Text; on SQLite possibly JSON in an expression whose type nobody declared.
    Text(&'a str),
    Bytes(&'a [u8]),
    Uuid(Uuid),
    Json(&'a str),
}

/// What an engine must tell of its row.
pub(crate) trait Columns {
    fn len(&self) -> usize;
    fn name(&self, index: usize) -> &str;
    fn cell(&self, index: usize) -> Result<Cell<'_>, Error>;
    /// The cell for a reader that asks for "whatever it is": SQLite looks at the declared type here, because its values
    /// do not tell text from JSON or numbers from booleans.
    fn declared(&self, index: usize) -> Result<Cell<'_>, Error> {
        self.cell(index)
    }
}

/// Reads a row: a struct by the names of the columns, a tuple by their order, anything else from the only column.
pub(crate) fn decode<R: DeserializeOwned>(row: &impl Columns) -> Result<R, Error> {
    R::deserialize(RowReader(row)).map_err(|fault| match fault {
        Fault::Engine(error) => error,
        Fault::Message(message) => Error::Decode(message),
    })
}

#[derive(Debug)]
pub(crate) enum Fault {
    Engine(Error),
    Message(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Message(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }

    // The standard texts quote the value, which may be personal; the type is enough to find the mistake.
    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Message(format!("expected {expected}, found {}", kind(&unexpected)))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Message(format!("expected {expected}, found another {}", kind(&unexpected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Message(format!("unknown variant, expected one of {expected:?}"))
    }
}

fn kind(unexpected: &de::Unexpected<'_>) -> &'static str {
    match unexpected {
        de::Unexpected::Bool(_) => "boolean",
        de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) => "integer",
        de::Unexpected::Float(_) => "float",
        de::Unexpected::Char(_) | de::Unexpected::Str(_) => "text",
        de::Unexpected::Bytes(_) => "bytes",
        de::Unexpected::Unit | de::Unexpected::Option => "null",
        de::Unexpected::Seq => "list",
        _ => "value",
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// A message of serde_json without the value it may quote.
fn json_fault(error: &serde_json::Error) -> Fault {
    let what = match error.classify() {
        serde_json::error::Category::Data => "the JSON does not fit the type",
        _ => "the text is not JSON",
    };
    Fault::Message(format!("{what} (line {}, column {})", error.line(), error.column()))
}

struct RowReader<'a, C>(&'a C);

impl<'a, C: Columns> RowReader<'a, C> {
    fn only(&self) -> Result<CellReader<'a, C>, Fault> {
        match self.0.len() {
            1 => Ok(CellReader { row: self.0, index: 0 }),
            n => Err(de::Error::custom(format!("a single value was asked of a row with {n} columns"))),
        }
    }

    fn sequence<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Fault> {
        let mut cells = Cells { row: self.0, index: 0 };
        let value = visitor.visit_seq(&mut cells)?;
        if cells.index != self.0.len() {
            let (asked, found) = (cells.index, self.0.len());
            return Err(de::Error::custom(format!("{asked} columns were asked of a row with {found}")));
        }
        Ok(value)
    }
}

macro_rules! from_the_only_column {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de, C: Columns> Deserializer<'de> for RowReader<'de, C> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    from_the_only_column! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_seq deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name == RAW {
            self.only()?.deserialize_newtype_struct(name, visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.sequence(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.sequence(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Named { row: self.0, index: 0 })
    }

    /// Serde buffers flattened fields without their types, and an [`crate::Amount`] would come out of the buffer ten
    /// thousand times too large. So it is refused, loudly.
    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom("a row is read as a struct without flattened fields, a tuple or a single value"))
    }
}

struct Cells<'a, C> {
    row: &'a C,
    index: usize,
}

impl<'de, C: Columns> SeqAccess<'de> for &mut Cells<'de, C> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        if self.index == self.row.len() {
            return Ok(None);
        }
        let cell = CellReader { row: self.row, index: self.index };
        self.index += 1;
        seed.deserialize(cell).map(Some).map_err(|fault| locate(fault, self.row.name(self.index - 1)))
    }
}

struct Named<'a, C> {
    row: &'a C,
    index: usize,
}

impl<'de, C: Columns> MapAccess<'de> for Named<'de, C> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        if self.index == self.row.len() {
            return Ok(None);
        }
        seed.deserialize(self.row.name(self.index).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let cell = CellReader { row: self.row, index: self.index };
        self.index += 1;
        seed.deserialize(cell).map_err(|fault| locate(fault, self.row.name(self.index - 1)))
    }
}

fn locate(fault: Fault, column: &str) -> Fault {
    match fault {
        Fault::Message(message) => Fault::Message(format!("column {column}: {message}")),
        engine => engine,
    }
}

/// The name by which `serde_json::value::RawValue` asks for the text itself.
const RAW: &str = "$serde_json::private::RawValue";

struct CellReader<'a, C> {
    row: &'a C,
    index: usize,
}

impl<'a, C: Columns> CellReader<'a, C> {
    fn cell(&self) -> Result<Cell<'a>, Fault> {
        Ok(self.row.cell(self.index)?)
    }
}

fn visit_json<'de, V: Visitor<'de>>(json: &'de str, visitor: V) -> Result<V::Value, Fault> {
    with_json(json, |d| d.deserialize_any(visitor))
}

fn with_json<'de, T>(
    json: &'de str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> Result<T, serde_json::Error>,
) -> Result<T, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = read(&mut deserializer).map_err(|e| json_fault(&e))?;
    deserializer.end().map_err(|e| json_fault(&e))?;
    Ok(value)
}

fn visit<'de, V: Visitor<'de>>(cell: Cell<'de>, visitor: V) -> Result<V::Value, Fault> {
    match cell {
        Cell::Null => visitor.visit_unit(),
        Cell::Integer(value) => visitor.visit_i64(value),
        Cell::Boolean(value) => visitor.visit_bool(value),
        Cell::Text(value) => visitor.visit_str(value),
        Cell::Bytes(value) => visitor.visit_bytes(value),
        Cell::Uuid(value) => visitor.visit_bytes(value.as_bytes()),
        Cell::Json(value) => visit_json(value, visitor),
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.cell()? {
                Cell::Text(json) | Cell::Json(json) => with_json(json, |d| d.$method(visitor)),
                cell => visit(cell, visitor),
            }
        }
    )*};
}

macro_rules! nested {
    ($($method:ident($($argument:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, Fault> {
            match self.cell()? {
                Cell::Text(json) | Cell::Json(json) => with_json(json, |d| d.$method($($argument,)* visitor)),
                Cell::Bytes(bytes) => visitor.visit_seq(de::value::SeqDeserializer::<_, Fault>::new(bytes.iter().copied())),
                cell => visit(cell, visitor),
            }
        }
    )*};
}

impl<'de, C: Columns> Deserializer<'de> for CellReader<'de, C> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visit(self.row.declared(self.index)?, visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    nested! {
        deserialize_seq()
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.cell()? {
            Cell::Integer(value @ (0 | 1)) => visitor.visit_bool(value == 1),
            Cell::Text(json) | Cell::Json(json) => with_json(json, |d| d.deserialize_bool(visitor)),
            cell => visit(cell, visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom("a float is never read from a column, use an integer or an Amount"))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.cell()? {
            Cell::Json(text) => visitor.visit_str(text),
            Cell::Uuid(id) => visitor.visit_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Cell::Bytes(bytes) if bytes.len() == 16 => {
                let id = Uuid::from_slice(bytes).map_err(|_| Fault::Message("not a UUID".into()))?;
                visitor.visit_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            cell => visit(cell, visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.cell()? {
            Cell::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name != RAW {
            return visitor.visit_newtype_struct(self);
        }
        match self.cell()? {
            Cell::Text(json) | Cell::Json(json) => with_json(json, |d| d.deserialize_newtype_struct(name, visitor)),
            cell => visit(cell, visitor),
        }
    }

    /// An enum is its name in a text column; in a JSON column it is whatever its own `Deserialize` wants.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.cell()? {
            Cell::Text(text) if !text.starts_with(['"', '{']) => visitor.visit_enum(text.into_deserializer()),
            Cell::Text(json) | Cell::Json(json) => with_json(json, |d| d.deserialize_enum(name, variants, visitor)),
            cell => visit(cell, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // Nobody wants it, so nobody looks at it: a type this crate does not know may be ignored.
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct }
}

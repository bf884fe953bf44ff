//! Rows written as they are read: a struct whose fields are the columns of its table. Columns that follow from others (a key, a
//! place in an order) may stand in a second struct, which is written with the first as a pair: `(&row, keys)`.
//!
//! Numbers, texts, booleans, UUIDs and [`crate::Amount`] are their column; an enum without data is its name; what is nested
//! (a list, a map, a struct, a [`serde_json::Value`] that is one) is JSON. Bytes and floats are not written this way. A
//! column that is a word of SQL cannot be named.

use std::fmt::{self, Write};
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::ser::{self, Impossible, Serialize, SerializeStruct, SerializeTuple, Serializer};
use uuid::Uuid;

use crate::value::Kind;
use crate::{Conn, Error, Json, Query, Value};

impl Conn {
    /// Begins `select …`, with a column of this table, or of what the statement calls so, for each field of `R`.
    pub fn select<R: DeserializeOwned>(&mut self, table: &'static str) -> Query<'_> {
        let mut text = String::from("select ");
        for (index, column) in columns::<R>().iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{table}.{column}", if index == 0 { "" } else { ", " });
        }
        Query::owned(self, text, Vec::new())
    }

    /// Begins `select … from table`, with a column for each field of `R`.
    pub fn rows<R: DeserializeOwned>(&mut self, table: &'static str) -> Query<'_> {
        self.select::<R>(table).push(" from ").push(table)
    }

    /// Inserts a row, together with the next statement or COMMIT: a unique index that has it already fails the unit with
    /// [`Error::Duplicate`].
    pub async fn insert<R: Serialize>(&mut self, table: &'static str, row: &R) -> Result<(), Error> {
        self.inserting(table, row)?.later().await
    }

    /// Inserts a row unless a unique index has it already: false then, and the unit goes on.
    pub async fn insert_new<R: Serialize>(&mut self, table: &'static str, row: &R) -> Result<bool, Error> {
        Ok(self.inserting(table, row)?.push(" on conflict do nothing").exec().await? == 1)
    }

    fn inserting<R: Serialize>(&mut self, table: &'static str, row: &R) -> Result<Query<'_>, Error> {
        let cells = cells(row)?;
        let mark = self.kind().mark();
        let (mut names, mut numbers) = (String::new(), String::new());
        for (index, (name, _)) in cells.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(names, "{comma}{name}");
            let _ = write!(numbers, "{comma}{mark}{}", index + 1);
        }
        let text = format!("insert into {table} ({names}) values ({numbers})");
        Ok(Query::owned(self, text, cells.into_iter().map(|(_, value)| value).collect()))
    }

    /// Puts a row in the place of the one with its `company` and `id`, provided that this has the `version` before its own;
    /// false when it has not. Who made a row, and when, stays as it was inserted.
    pub async fn replace<R: Serialize>(&mut self, table: &'static str, row: &R) -> Result<bool, Error> {
        Ok(self.replacing(table, row, true)?.exec().await? == 1)
    }

    /// The same for a row that the unit holds, whatever its version: together with the next statement or COMMIT.
    pub async fn replace_held<R: Serialize>(&mut self, table: &'static str, row: &R) -> Result<(), Error> {
        self.replacing(table, row, false)?.later().await
    }

    fn replacing<R: Serialize>(&mut self, table: &'static str, row: &R, is_next: bool) -> Result<Query<'_>, Error> {
        let mut cells = cells(row)?;
        // SQLite would write each index anew that has one of them.
        cells.retain(|(name, _)| !matches!(*name, "created_by" | "created_at"));
        let number = |name: &str| {
            let at = cells.iter().position(|(known, _)| *known == name);
            at.map(|at| at + 1).ok_or_else(|| Error::Sql(format!("a row of {table} has no {name}")))
        };
        let (company, id, version) = (number("company")?, number("id")?, number("version")?);
        let mark = self.kind().mark();
        let mut text = format!("update {table} set ");
        let mut comma = "";
        for (index, (name, _)) in cells.iter().enumerate() {
            if index + 1 != company && index + 1 != id {
                let _ = write!(text, "{comma}{name} = {mark}{}", index + 1);
                comma = ", ";
            }
        }
        let _ = write!(text, " where company = {mark}{company} and id = {mark}{id}");
        if is_next {
            let _ = write!(text, " and version = {mark}{version} - 1");
        }
        Ok(Query::owned(self, text, cells.into_iter().map(|(_, value)| value).collect()))
    }
}

/// What stands in a column by which rows are ordered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A number; of an [`crate::Amount`] its ten-thousandths.
    Integer(i64),
    /// A text.
    Text(String),
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Integer(number) => number.into(),
            Key::Text(text) => text.into(),
        }
    }
}

impl Key {
    /// What stands in this column of a row as it is stored; nothing when that is null or of another type.
    pub fn of<R: Serialize>(row: &R, column: &str) -> Option<Key> {
        let found = cells(row).ok()?.into_iter().find(|(name, _)| *name == column)?;
        match found.1.0 {
            Kind::Integer(number) => Some(Key::Integer(number)),
            Kind::Text(text) => Some(Key::Text(text)),
            _ => None,
        }
    }
}

/// The names of a struct's fields, as serde knows them.
fn columns<R: DeserializeOwned>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // The reader only wants to be asked; it never gets a value.
    let _ = R::deserialize(Fields(&mut found, PhantomData));
    found
}

struct Fields<'a>(&'a mut &'static [&'static str], PhantomData<()>);

#[derive(Debug)]
struct Asked;

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only the names of fields were asked for")
    }
}

impl std::error::Error for Asked {}

impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Asked {
        Asked
    }
}

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Asked;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        *self.0 = fields;
        Err(Asked)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The columns and values of a row.
fn cells<R: Serialize>(row: &R) -> Result<Vec<(&'static str, Value)>, Error> {
    row.serialize(RowWriter).map_err(Fault::outside)
}

/// Why a value is not a cell.
#[derive(Debug)]
enum Fault {
    /// It is nested: its cell is JSON.
    Nested,
    Message(String),
}

impl Fault {
    fn outside(self) -> Error {
        Error::Sql(self.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Nested => f.write_str("a row is a struct"),
            Fault::Message(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Fault {
        Fault::Message(message.to_string())
    }
}

/// One value as a cell.
fn cell<T: Serialize + ?Sized>(value: &T) -> Result<Value, Fault> {
    match value.serialize(CellWriter) {
        Err(Fault::Nested) => Ok(Value::from(Json(value))),
        other => other,
    }
}

struct RowWriter;

struct RowCells(Vec<(&'static str, Value)>);

impl SerializeStruct for RowCells {
    type Ok = Vec<(&'static str, Value)>;
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
        self.0.push((key, cell(value)?));
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Fault> {
        Ok(self.0)
    }
}

/// The parts of a row one after another.
impl SerializeTuple for RowCells {
    type Ok = Vec<(&'static str, Value)>;
    type Error = Fault;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Fault> {
        self.0.extend(part.serialize(RowWriter)?);
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Fault> {
        Ok(self.0)
    }
}

struct CellWriter;

/// What neither a row nor a cell can be, all alike.
macro_rules! refuse {
    ($fault:expr; $($method:ident($($argument:ident: $kind:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $($argument: $kind),*) -> Result<$ok, Fault> {
            $(let _ = $argument;)*
            Err($fault)
        }
    )*};
}

/// What is nested in a cell.
macro_rules! nested {
    () => {
        type SerializeSeq = Impossible<Self::Ok, Fault>;
        type SerializeTupleStruct = Impossible<Self::Ok, Fault>;
        type SerializeTupleVariant = Impossible<Self::Ok, Fault>;
        type SerializeMap = Impossible<Self::Ok, Fault>;
        type SerializeStructVariant = Impossible<Self::Ok, Fault>;
        type Error = Fault;

        refuse! { Fault::Nested;
            serialize_seq(len: Option<usize>) -> Self::SerializeSeq;
            serialize_tuple_struct(name: &'static str, len: usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> Self::SerializeTupleVariant;
            serialize_map(len: Option<usize>) -> Self::SerializeMap;
            serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> Self::SerializeStructVariant;
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, Fault> {
            Err(Fault::Nested)
        }

        fn is_human_readable(&self) -> bool {
            false
        }
    };
}

impl Serializer for RowWriter {
    type Ok = Vec<(&'static str, Value)>;
    type SerializeStruct = RowCells;
    type SerializeTuple = RowCells;

    nested!();

    fn serialize_tuple(self, _: usize) -> Result<RowCells, Fault> {
        Ok(RowCells(Vec::new()))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<RowCells, Fault> {
        Ok(RowCells(Vec::with_capacity(len)))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Self::Ok, Fault> {
        value.serialize(self)
    }

    refuse! { Fault::Nested;
        serialize_bool(value: bool) -> Self::Ok;
        serialize_i8(value: i8) -> Self::Ok;
        serialize_i16(value: i16) -> Self::Ok;
        serialize_i32(value: i32) -> Self::Ok;
        serialize_i64(value: i64) -> Self::Ok;
        serialize_u8(value: u8) -> Self::Ok;
        serialize_u16(value: u16) -> Self::Ok;
        serialize_u32(value: u32) -> Self::Ok;
        serialize_u64(value: u64) -> Self::Ok;
        serialize_f32(value: f32) -> Self::Ok;
        serialize_f64(value: f64) -> Self::Ok;
        serialize_char(value: char) -> Self::Ok;
        serialize_str(value: &str) -> Self::Ok;
        serialize_bytes(value: &[u8]) -> Self::Ok;
        serialize_none() -> Self::Ok;
        serialize_unit() -> Self::Ok;
        serialize_unit_struct(name: &'static str) -> Self::Ok;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> Self::Ok;
    }
}

impl Serializer for CellWriter {
    type Ok = Value;
    type SerializeStruct = Impossible<Value, Fault>;
    type SerializeTuple = Impossible<Value, Fault>;

    nested!();

    refuse! { Fault::Nested;
        serialize_struct(name: &'static str, len: usize) -> Self::SerializeStruct;
        serialize_tuple(len: usize) -> Self::SerializeTuple;
    }

    refuse! { Fault::Message("a float is never written to a column, use an integer or an Amount".to_owned());
        serialize_f32(value: f32) -> Value;
        serialize_f64(value: f64) -> Value;
    }

    fn serialize_bool(self, value: bool) -> Result<Value, Fault> {
        Ok(value.into())
    }

    fn serialize_i8(self, value: i8) -> Result<Value, Fault> {
        Ok(i64::from(value).into())
    }

    fn serialize_i16(self, value: i16) -> Result<Value, Fault> {
        Ok(i64::from(value).into())
    }

    fn serialize_i32(self, value: i32) -> Result<Value, Fault> {
        Ok(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<Value, Fault> {
        Ok(value.into())
    }

    fn serialize_u8(self, value: u8) -> Result<Value, Fault> {
        Ok(i64::from(value).into())
    }

    fn serialize_u16(self, value: u16) -> Result<Value, Fault> {
        Ok(i64::from(value).into())
    }

    fn serialize_u32(self, value: u32) -> Result<Value, Fault> {
        Ok(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<Value, Fault> {
        i64::try_from(value)
            .map(Value::from)
            .map_err(|_| Fault::Message("a number beyond 64 bits with a sign".to_owned()))
    }

    fn serialize_char(self, value: char) -> Result<Value, Fault> {
        Ok(value.to_string().into())
    }

    fn serialize_str(self, value: &str) -> Result<Value, Fault> {
        Ok(value.into())
    }

    /// A UUID is the only value that writes itself as bytes.
    fn serialize_bytes(self, value: &[u8]) -> Result<Value, Fault> {
        Uuid::from_slice(value).map(Value::from).map_err(|_| Fault::Message("bytes that are not a UUID".to_owned()))
    }

    fn serialize_none(self) -> Result<Value, Fault> {
        Ok(Value(Kind::Null))
    }

    fn serialize_unit(self) -> Result<Value, Fault> {
        Ok(Value(Kind::Null))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Fault> {
        Ok(Value(Kind::Null))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Fault> {
        cell(value)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Fault> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Fault> {
        cell(value)
    }
}

//! Whole tables, in and out, without a word of the product: what is known of them is read from the schema itself.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value as Plain;
use uuid::Uuid;

use crate::{Conn, Db, Engine, Error, Inner, Kind, Query, Rows, Type, Value};

/// A row, value by value in the order of [`Table::columns`]: integers, booleans, text, UUIDs as text with hyphens, bytes
/// as hexadecimal text, JSON as it is with its names in order.
pub type Row = Vec<Plain>;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
}

/// A table as the schema describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The indexes of the columns of its primary key, in the key's order.
    pub key: Vec<usize>,
    /// The tables whose rows its rows need, itself left out.
    pub needs: Vec<String>,
    /// The indexes of the columns that name other rows of the same table.
    pub own: Vec<usize>,
}

/// What the rows of a statement are called in it.
const NAMES: [&str; 64] = {
    const ALL: &str = "c00c01c02c03c04c05c06c07c08c09c10c11c12c13c14c15c16c17c18c19c20c21c22c23c24c25c26c27c28c29c30c31\
                       c32c33c34c35c36c37c38c39c40c41c42c43c44c45c46c47c48c49c50c51c52c53c54c55c56c57c58c59c60c61c62c63";
    let mut names = [""; 64];
    let mut at = 0;
    let mut rest = ALL;
    while at < 64 {
        let (name, after) = rest.split_at(3);
        names[at] = name;
        rest = after;
        at += 1;
    }
    names
};

impl Db {
    /// Every table but the record of migrations and the text indexes, by name.
    pub async fn tables(&self) -> Result<Vec<Table>, Error> {
        let mut conn = self.read().await?;
        let names: Vec<String> = conn
            .sql(match self.kind() {
                Kind::Sqlite => {
                    "select name from pragma_table_list where schema = 'main' and type = 'table'
                     and name not like 'sqlite!_%' escape '!' and name <> '_migration' order by name"
                }
                Kind::Postgres => {
                    "select table_name::text from information_schema.tables as t
                     where table_schema = current_schema() and table_type = 'BASE TABLE' and table_name <> '_migration'
                       and not exists (select 1 from information_schema.columns as c
                                       where c.table_schema = t.table_schema and c.table_name = t.table_name
                                         and c.column_name = 'grams' and c.data_type = 'ARRAY')
                     order by table_name::text collate \"C\""
                }
            })
            .all()
            .await?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            tables.push(describe(&mut conn, self.kind(), name).await?);
        }
        Ok(tables)
    }

    /// The text indexes, by name.
    pub async fn text_indexes(&self) -> Result<Vec<String>, Error> {
        let names = match self.kind() {
            Kind::Sqlite => {
                "select name from pragma_table_list where schema = 'main' and type = 'virtual' order by name"
            }
            Kind::Postgres => {
                "select table_name::text from information_schema.columns
                 where table_schema = current_schema() and column_name = 'grams' and data_type = 'ARRAY'
                 order by table_name::text collate \"C\""
            }
        };
        self.read().await?.sql(names).all().await
    }

    /// A reader whose statements all see one state: that of this moment. On SQLite the log grows as long as it is held.
    pub async fn snapshot(&self) -> Result<Conn, Error> {
        Ok(Conn::new(match &*self.engine {
            Engine::Sqlite(database) => Inner::SqliteReader(database.read().await?.freeze()?),
            Engine::Postgres(database) => Inner::PostgresReader(database.read().await?.freeze().await?),
        }))
    }
}

async fn describe(conn: &mut Conn, kind: Kind, name: String) -> Result<Table, Error> {
    let (columns, key, links) = match kind {
        Kind::Sqlite => (
            "select name, lower(type) from pragma_table_info($1) order by cid",
            "select name from pragma_table_info($1) where pk > 0 order by pk",
            "select \"table\", \"from\" from pragma_foreign_key_list($1)",
        ),
        Kind::Postgres => (
            "select column_name::text, data_type::text from information_schema.columns
                 where table_schema = current_schema() and table_name = $1 order by ordinal_position",
            "select a.attname::text from pg_index as i
                 cross join lateral unnest(i.indkey::int2[]) with ordinality as k(number, place)
                 join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number
                 where i.indrelid = to_regclass($1) and i.indisprimary order by k.place",
            "select r.relname::text, a.attname::text from pg_constraint as c
                 join pg_class as r on r.oid = c.confrelid
                 cross join lateral unnest(c.conkey) as k(number)
                 join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.number
                 where c.contype = 'f' and c.conrelid = to_regclass($1)",
        ),
    };
    let found: Vec<(String, String)> = conn.sql(columns).bind(&name).all().await?;
    let mut columns = Vec::with_capacity(found.len());
    for (column, declared) in found {
        let kind = read_type(&declared)
            .ok_or_else(|| Error::Sql(format!("column {column} of {name} is of the type {declared}")))?;
        columns.push(Column { name: column, kind });
    }
    let position = |wanted: &str| columns.iter().position(|column| column.name == wanted);
    let key: Vec<String> = conn.sql(key).bind(&name).all().await?;
    let key = key.iter().filter_map(|column| position(column)).collect();
    let links: Vec<(String, String)> = conn.sql(links).bind(&name).all().await?;
    let (own, others): (Vec<_>, Vec<_>) = links.into_iter().partition(|(table, _)| *table == name);
    let own = own.iter().filter(|(_, column)| column != "company").filter_map(|(_, column)| position(column)).collect();
    let mut needs: Vec<String> = others.into_iter().map(|(table, _)| table).collect();
    needs.sort_unstable();
    needs.dedup();
    if columns.len() > NAMES.len() {
        return Err(Error::Sql(format!("table {name} has more than {} columns", NAMES.len())));
    }
    Ok(Table { name, columns, key, needs, own })
}

fn read_type(declared: &str) -> Option<Type> {
    Some(match declared {
        "bigint" => Type::BigInt,
        "text" => Type::Text,
        "boolean" => Type::Boolean,
        "uuid" => Type::Uuid,
        "bytea" => Type::Bytes,
        "jsonb" | crate::migrate::JSON => Type::Json,
        _ => return None,
    })
}

impl Table {
    /// The index of a column.
    pub fn index_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }

    /// At most so many rows of a company, in the order of the primary key, behind this row of the page before.
    pub async fn page(&self, conn: &mut Conn, company: i64, after: Option<&Row>, most: i64) -> Result<Vec<Row>, Error> {
        let mut text = format!("select {} from \"{}\" where company = $1", self.list(0..self.columns.len()), self.name);
        let mut values = vec![Value::from(company)];
        // Behind the company, which is the same in all of them.
        let key: Vec<usize> = self.key.iter().copied().filter(|at| self.columns[*at].name != "company").collect();
        if let Some(after) = after {
            if key.is_empty() {
                return Ok(Vec::new());
            }
            let numbers: Vec<String> = (2..key.len() + 2).map(|number| format!("${number}")).collect();
            text.push_str(&format!(" and ({}) > ({})", self.list(key.iter().copied()), numbers.join(",")));
            for at in &key {
                values.push(self.value(*at, after.get(*at).unwrap_or(&Plain::Null))?);
            }
        }
        if !key.is_empty() {
            text.push_str(" order by ");
            text.push_str(&self.list(key.iter().copied()));
        }
        text.push_str(&format!(" limit ${}", values.len() + 1));
        values.push(most.into());
        let rows: Vec<Cells> = Query::owned(conn, text, values).all().await?;
        let plain = |(any, column): (Any, &Column)| match (column.kind, any.0) {
            (Type::Uuid, Plain::String(text)) => match Uuid::try_parse(&text) {
                Ok(id) => id.hyphenated().to_string().into(),
                Err(_) => text.into(),
            },
            (_, other) => other,
        };
        Ok(rows.into_iter().map(|row| row.0.into_iter().zip(&self.columns).map(plain).collect()).collect())
    }

    /// Inserts rows that have values for these columns only, in their order; the columns that name other rows of the
    /// same table stay empty, because those may come later.
    pub async fn insert(&self, tx: &mut Conn, columns: &[usize], rows: &[Row]) -> Result<u64, Error> {
        let kept: Vec<usize> = (0..columns.len()).filter(|at| !self.own.contains(&columns[*at])).collect();
        let input = self.rows(columns, &kept, rows)?;
        let text = format!(
            "insert into \"{}\" ({}) select {} from ",
            self.name,
            self.list(kept.iter().map(|at| columns[*at])),
            NAMES[..kept.len()].join(","),
        );
        Query::owned(tx, text, Vec::new()).push_rows(&input).push(" as input").exec().await
    }

    /// Fills in, of rows that are there, the columns that name other rows of the same table.
    pub async fn connect(&self, tx: &mut Conn, columns: &[usize], rows: &[Row]) -> Result<u64, Error> {
        let mut changed = 0;
        for own in self.own.iter().filter_map(|own| columns.iter().position(|column| column == own)) {
            let named: Vec<Row> = rows.iter().filter(|row| !row[own].is_null()).cloned().collect();
            let key: Vec<usize> =
                self.key.iter().filter_map(|key| columns.iter().position(|column| column == key)).collect();
            if named.is_empty() || key.len() < self.key.len() {
                continue;
            }
            let kept: Vec<usize> = key.iter().copied().chain([own]).collect();
            let input = self.rows(columns, &kept, &named)?;
            let name = |at: usize| format!("\"{}\"", self.columns[columns[at]].name);
            let table = format!("\"{}\"", self.name);
            let same: Vec<String> =
                key.iter().zip(NAMES).map(|(at, input)| format!("{table}.{} = input.{input}", name(*at))).collect();
            let (column, value) = (name(own), NAMES[key.len()]);
            let begin = format!("update {table} set {column} = input.{value} from ");
            let query = Query::owned(tx, begin, Vec::new()).push_rows(&input).push(" as input where ");
            changed += query.push_owned(&same.join(" and ")).exec().await?;
        }
        Ok(changed)
    }

    fn rows(&self, columns: &[usize], kept: &[usize], rows: &[Row]) -> Result<Rows, Error> {
        let kinds: Vec<(&'static str, Type)> =
            kept.iter().zip(NAMES).map(|(at, name)| (name, self.columns[columns[*at]].kind)).collect();
        let mut input = Rows::new(&kinds);
        for row in rows {
            let values: Result<Vec<Value>, Error> =
                kept.iter().map(|at| self.value(columns[*at], row.get(*at).unwrap_or(&Plain::Null))).collect();
            input.push(values?);
        }
        Ok(input)
    }

    /// The names of columns, in quotes.
    fn list(&self, indexes: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<String> = indexes.into_iter().map(|at| format!("\"{}\"", self.columns[at].name)).collect();
        names.join(",")
    }

    fn value(&self, at: usize, plain: &Plain) -> Result<Value, Error> {
        let column = &self.columns[at];
        let wrong = || Error::Invalid(format!("column {} of {} takes {:?}", column.name, self.name, column.kind));
        if plain.is_null() {
            return Ok(None::<i64>.into());
        }
        Ok(match column.kind {
            Type::BigInt => plain.as_i64().ok_or_else(wrong)?.into(),
            Type::Boolean => plain.as_bool().ok_or_else(wrong)?.into(),
            Type::Text => plain.as_str().ok_or_else(wrong)?.into(),
            Type::Uuid => plain.as_str().and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(wrong)?.into(),
            Type::Bytes => plain.as_str().and_then(unhex).ok_or_else(wrong)?.into(),
            Type::Json => plain.into(),
        })
    }
}

/// The bytes that hexadecimal text stands for.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A row of any width.
struct Cells(Vec<Any>);

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cells, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Cells;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Cells, A::Error> {
                let mut cells = Vec::new();
                while let Some(cell) = items.next_element()? {
                    cells.push(cell);
                }
                Ok(Cells(cells))
            }
        }

        // A row is read by the order of its columns as a tuple is; how many it has is its own matter.
        deserializer.deserialize_tuple(0, Visitor)
    }
}

/// Whatever a column holds.
struct Any(Plain);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Any;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of a column")
            }

            fn visit_unit<E>(self) -> Result<Any, E> {
                Ok(Any(Plain::Null))
            }

            fn visit_none<E>(self) -> Result<Any, E> {
                Ok(Any(Plain::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Any, E> {
                Ok(Any(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
                Ok(Any(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
                Ok(Any(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
                Ok(Any(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Any, E> {
                Ok(Any(value.into()))
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Any, E> {
                use fmt::Write;
                let mut text = String::with_capacity(value.len() * 2);
                for byte in value {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "{byte:02x}");
                }
                Ok(Any(text.into()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Any, A::Error> {
                Plain::deserialize(de::value::SeqAccessDeserializer::new(items)).map(Any)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, fields: A) -> Result<Any, A::Error> {
                Plain::deserialize(de::value::MapAccessDeserializer::new(fields)).map(Any)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_their_digits() {
        assert_eq!(unhex("00ff7f"), Some(vec![0, 255, 127]));
        for wrong in ["0", "0g", "+1", "é0"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
        assert_eq!((NAMES[0], NAMES[63]), ("c00", "c63"));
    }
}

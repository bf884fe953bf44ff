//! One statement on one connection.

use rusqlite::{
    CachedStatement, Connection, ToSql,
    types::{ToSqlOutput, Value as Owned, ValueRef},
};
use serde::de::DeserializeOwned;

use crate::{
    Error, Value,
    query::EachRow,
    row::{Cell, Columns, decode},
    value::Kind,
};

use super::{error, error_in_text};

/// Runs a statement to its end, once or for each row, and reads at most so many of the rows that it answers.
pub(super) fn fetch<R: DeserializeOwned>(
    connection: &Connection,
    text: &str,
    values: &[Value],
    each: Option<&EachRow>,
    most: usize,
) -> Result<Vec<R>, Error> {
    let mut statement = Prepared::new(connection, text)?;
    let mut read = Vec::new();
    statement.run(values, each, |rows| {
        // A statement that changes rows has changed all of them before it hands out the first, so one may stop after it.
        while let Some(row) = rows.next().map_err(error)? {
            if read.len() < most {
                read.push(decode(&Row { row, width: row.as_ref().column_count() })?);
            }
            if read.len() >= most {
                break;
            }
        }
        Ok(())
    })?;
    Ok(read)
}

pub(super) fn exec(
    connection: &Connection,
    text: &str,
    values: &[Value],
    each: Option<&EachRow>,
) -> Result<u64, Error> {
    let mut statement = Prepared::new(connection, text)?;
    let answers = statement.statement.column_count() > 0;
    let mut count = 0;
    statement.run(values, each, |rows| {
        // `returning`: a row for each row changed.
        while rows.next().map_err(error)?.is_some() {
            count += 1;
        }
        if !answers {
            count += connection.changes();
        }
        Ok(())
    })?;
    Ok(count)
}

/// A statement, and the number that each of its parameters was written with.
struct Prepared<'c> {
    statement: CachedStatement<'c>,
    numbers: Vec<usize>,
}

impl<'c> Prepared<'c> {
    fn new(connection: &'c Connection, text: &str) -> Result<Self, Error> {
        let statement = connection.prepare_cached(text).map_err(error_in_text)?;
        let count = statement.parameter_count();
        let is_numbered = |index| statement.parameter_name(index).is_some_and(|name| name.starts_with('?'));
        if count > 0 && is_numbered(1) && is_numbered(count) {
            return Ok(Self { statement, numbers: (1..=count).collect() });
        }
        let named = |index| statement.parameter_name(index).and_then(number);
        let numbers = (1..=count).map(named).collect::<Option<_>>();
        let numbers = numbers.ok_or_else(|| Error::Sql("parameters are written $1, $2, …".into()))?;
        Ok(Self { statement, numbers })
    }

    /// Runs it once, or for each row with the row's values behind the others.
    fn run(
        &mut self,
        values: &[Value],
        each: Option<&EachRow>,
        mut read: impl FnMut(&mut rusqlite::Rows<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(each) = each else {
            self.bind(values, &[])?;
            return read(&mut self.statement.raw_query());
        };
        for row in each.values.chunks(each.width) {
            self.bind(values, row)?;
            read(&mut self.statement.raw_query())?;
        }
        Ok(())
    }

    fn bind(&mut self, values: &[Value], row: &[Value]) -> Result<(), Error> {
        let mut highest = 0;
        for (place, number) in self.numbers.iter().enumerate() {
            let value = values.get(number - 1).or_else(|| row.get(number - 1 - values.len()));
            let value = value.ok_or_else(|| Error::Sql(format!("parameter ${number} has no value")))?;
            self.statement.raw_bind_parameter(place + 1, value).map_err(error)?;
            highest = highest.max(*number);
        }
        // A column of the rows may go unused, as it may on PostgreSQL.
        if highest < values.len() {
            return Err(Error::Sql(format!("{} values were bound to {highest} parameters", values.len())));
        }
        Ok(())
    }
}

/// The number that was written. SQLite numbers parameters by first appearance, and takes a cast such as `$1::bigint`
/// for a part of the name; so the same text with casts works in both engines.
fn number(name: &str) -> Option<usize> {
    let name = name.strip_prefix(['$', '?'])?;
    let digits = name.split_once("::").map_or(name, |(digits, _)| digits);
    digits.parse().ok().filter(|n| *n > 0)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            Kind::Null => ValueRef::Null,
            Kind::Integer(value) => ValueRef::Integer(*value),
            Kind::Boolean(value) => ValueRef::Integer((*value).into()),
            Kind::Text(value) | Kind::Json(value) => ValueRef::Text(value.as_bytes()),
            Kind::Uuid(value) => ValueRef::Blob(value.as_bytes()),
            Kind::Bytes(value) => ValueRef::Blob(value),
            Kind::Array(_) | Kind::Invalid(_) => return Ok(ToSqlOutput::Owned(Owned::Null)),
        }))
    }
}

struct Row<'a, 's> {
    row: &'a rusqlite::Row<'s>,
    width: usize,
}

impl Columns for Row<'_, '_> {
    fn len(&self) -> usize {
        self.width
    }

    fn name(&self, index: usize) -> &str {
        self.row.as_ref().column_name(index).unwrap_or_default()
    }

    fn cell(&self, index: usize) -> Result<Cell<'_>, Error> {
        Ok(match self.row.get_ref(index).map_err(error)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Text(value) => Cell::Text(utf8(value)?),
            ValueRef::Blob(value) => Cell::Bytes(value),
            ValueRef::Real(_) => return Err(Error::Decode(format!("column {} is a float", self.name(index)))),
        })
    }

    fn declared(&self, index: usize) -> Result<Cell<'_>, Error> {
        let cell = self.cell(index)?;
        let column = self.row.as_ref().columns().nth(index);
        let declared = column.as_ref().and_then(rusqlite::Column::decl_type).unwrap_or("");
        Ok(match cell {
            Cell::Integer(value) if declared.eq_ignore_ascii_case("boolean") => Cell::Boolean(value != 0),
            Cell::Text(text) if declared.eq_ignore_ascii_case(crate::migrate::JSON) => Cell::Json(text),
            // An expression has no declared type; JSON functions make objects and lists.
            Cell::Text(text) if declared.is_empty() && text.starts_with(['{', '[']) => Cell::Json(text),
            other => other,
        })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::Decode("text that is not UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn the_written_number_is_read_from_the_name() {
        assert_eq!(number("$12"), Some(12));
        assert_eq!(number("$3::bigint"), Some(3));
        assert_eq!(number("?4"), Some(4));
        for name in [":a", "$a", "$0", "?"] {
            assert_eq!(number(name), None, "{name}");
        }
    }
}

//! A statement being put together, and the ways to run it.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::{Conn, Error, Inner, Kind, Rows, Type, Value, migrate::words, sqlite, value::Kind as Bound};

/// A statement with its values; runs when one of its last six methods is awaited.
///
/// Values are bound by the number that is written: `$2 … $1 … $2` means the same in both engines.
#[must_use = "a query does nothing until it is run"]
pub struct Query<'c> {
    conn: &'c mut Conn,
    pub(crate) text: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
    wrong: Option<Error>,
    /// On SQLite the statement runs once for each of these rows, whose columns the text calls `input.…`.
    each: Option<Each>,
    /// Whether other tasks of the thread go on elsewhere meanwhile.
    aside: bool,
    /// Whether the rows are held until the unit of work ends.
    holds: bool,
    /// How many values there may be, once rows to run for were given, and where the text goes on behind them.
    most: Option<usize>,
    behind: usize,
}

/// Rows and the names of their columns.
struct Each {
    columns: Vec<(&'static str, Type)>,
    rows: Vec<Value>,
}

impl<'c> Query<'c> {
    pub(crate) fn new(conn: &'c mut Conn, text: &'static str) -> Self {
        Self {
            conn,
            text: Cow::Borrowed(text),
            values: Vec::new(),
            wrong: None,
            each: None,
            aside: false,
            holds: false,
            most: None,
            behind: 0,
        }
    }

    /// The same for a text that this crate has put together out of the schema's own names.
    pub(crate) fn owned(conn: &'c mut Conn, text: String, values: Vec<Value>) -> Self {
        Self { text: Cow::Owned(text), values, ..Self::new(conn, "") }
    }

    pub(crate) fn push_owned(mut self, text: &str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Binds the next number: the first call is `$1`.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends to the text.
    pub fn push(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Appends the next `$n` to the text and binds its value.
    pub fn push_bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self.push_number();
        self
    }

    /// Appends a parenthesised sub-select of these rows, with the columns they were made with; give it a name with `as`.
    ///
    /// Before `on conflict` SQLite wants a `where true`, or it takes `on` for the condition of a join.
    pub fn push_rows(mut self, rows: &Rows) -> Self {
        if let Some(wrong) = &rows.wrong {
            self.wrong.get_or_insert_with(|| wrong.clone());
        }
        match self.conn.kind() {
            Kind::Postgres => self.push_arrays(rows),
            Kind::Sqlite => self.push_json(rows),
        }
        self
    }

    /// Appends, to an `insert`, a row for each of these: `input.…` in the expressions is a column of theirs.
    ///
    /// PostgreSQL gets one statement for all rows. SQLite runs it once for each, which costs half: nothing is written as
    /// JSON and read again, and a statement that changes one row keeps no copy of each page that it touches in case it
    /// fails in the middle. All other values are bound before.
    pub fn push_values(mut self, expressions: &'static str, rows: Rows) -> Self {
        let postgres = self.conn.kind() == Kind::Postgres;
        self.text.to_mut().push_str(if postgres { "select " } else { "values (" });
        self = self.push(expressions);
        if !postgres {
            self = self.push(")");
        }
        // The text begins with `insert`, so the rows are what is selected from.
        self.push_each(rows)
    }

    /// Appends these rows, called `input`, to the tables of an `update … set …` or a `select … from …`. How it runs is said
    /// at [`Query::push_values`]: each row has to mean the same by itself as among the others.
    pub fn push_each(mut self, rows: Rows) -> Self {
        if let Some(wrong) = &rows.wrong {
            self.wrong.get_or_insert_with(|| wrong.clone());
        }
        match self.conn.kind() {
            Kind::Postgres => {
                // An `update` has named no table to read from yet, a `select` has.
                let more = first_word(&self.text).eq_ignore_ascii_case("select");
                self = self.push(if more { ", " } else { " from " });
                self.push_arrays(&rows);
                self = self.push(" as input");
            }
            Kind::Sqlite => self.each = Some(Each { columns: rows.columns, rows: rows.values }),
        }
        self.most = Some(self.values.len());
        self.behind = self.text.len();
        self
    }

    /// Appends a parenthesised sub-select of these ids, in a column `id`: `.push(" and id in ").push_ids(&ids)`, or
    /// `.push(" join ").push_ids(&ids).push(" as found on found.id = …")`. The text is the same for any number of them.
    pub fn push_ids(self, ids: &[i64]) -> Self {
        let mut rows = Rows::new(&[("id", Type::BigInt)]);
        for id in ids {
            rows.push([Value::from(*id)]);
        }
        self.push_rows(&rows)
    }

    /// Ends a `select` so that its rows are held until the unit of work ends: other units that want to change or to hold them
    /// wait, and then read what this one has left. On SQLite the unit waits for the writer, who holds everything.
    pub fn held(mut self) -> Self {
        self.holds = true;
        match self.conn.kind() {
            Kind::Postgres => self.push(" for update"),
            Kind::Sqlite => self,
        }
    }

    /// The same for rows that must not change, while others may read them so too: whoever wants to change or to hold one
    /// waits.
    pub fn shared(mut self) -> Self {
        self.holds = true;
        match self.conn.kind() {
            Kind::Postgres => self.push(" for share"),
            Kind::Sqlite => self,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.conn.kind()
    }

    fn push_number(&mut self) {
        use std::fmt::Write;
        let number = self.values.len();
        // Writing to a String cannot fail.
        let _ = write!(self.text.to_mut(), "${number}");
    }

    /// One array per column: the text is the same for any number of rows, so its plan is kept.
    fn push_arrays(&mut self, rows: &Rows) {
        let width = rows.columns.len().max(1);
        self.text.to_mut().push_str("(select * from unnest(");
        for (index, (_, kind)) in rows.columns.iter().enumerate() {
            let column = rows.values.iter().skip(index).step_by(width).cloned().collect();
            self.values.push(Value(Bound::Array(column)));
            self.comma(index);
            self.push_number();
            let text = self.text.to_mut();
            text.push_str("::");
            text.push_str(kind.postgres());
            text.push_str("[]");
        }
        self.text.to_mut().push_str(") as t(");
        for (index, (name, _)) in rows.columns.iter().enumerate() {
            self.comma(index);
            self.text.to_mut().push_str(name);
        }
        self.text.to_mut().push_str("))");
    }

    /// One JSON text for all rows: measured at half the time of a list of values, whose names SQLite looks up one by one,
    /// and the statement is the same for any number of rows. `jsonb_each` because it hands each row on as it was parsed, where
    /// `json_each` would write it as text again for each of its columns.
    fn push_json(&mut self, rows: &Rows) {
        use std::fmt::Write;
        self.text.to_mut().push_str("(select ");
        for (index, (name, kind)) in rows.columns.iter().enumerate() {
            self.comma(index);
            // Writing to a String cannot fail.
            let _ = match kind {
                Type::Uuid | Type::Bytes => write!(self.text.to_mut(), "unhex(value ->> {index}) as {name}"),
                _ => write!(self.text.to_mut(), "value ->> {index} as {name}"),
            };
        }
        self.values.push(Value(Bound::Text(rows.json())));
        self.text.to_mut().push_str(" from jsonb_each(");
        self.push_number();
        self.text.to_mut().push_str("))");
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.to_mut().push(',');
        }
    }

    /// Everything that can be known to be wrong before the database is asked.
    fn check(&mut self) -> Result<(), Error> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        if self.most.is_some_and(|most| self.values.len() > most) {
            return Err(Error::Sql("values are bound before the rows that a statement runs for".into()));
        }
        self.values.iter().try_for_each(Value::check)?;
        if let Some(each) = &self.each {
            self.text = Cow::Owned(each.number(&self.text, self.values.len())?);
        }
        allowed(&self.text, self.conn.is_reader())
    }

    /// For a statement that [`Query::all`] runs and that may take long: a reader of SQLite runs it on the thread of its task,
    /// whose other tasks then go on in another thread.
    pub fn aside(mut self) -> Self {
        self.aside = true;
        self
    }

    /// All rows.
    pub async fn all<R: DeserializeOwned>(mut self) -> Result<Vec<R>, Error> {
        self.check()?;
        let Self { conn, text, values, each, aside, holds, .. } = self;
        if let (true, Inner::SqliteReader(reader)) = (aside, &mut conn.inner) {
            return sqlite::aside(|| reader.fetch(&text, &values, each.map(Each::rows).as_ref(), usize::MAX));
        }
        conn.fetch(&text, values, each.map(Each::rows).as_ref(), (usize::MAX, holds)).await
    }

    /// The first row; [`Error::NoRow`] when there is none.
    pub async fn one<R: DeserializeOwned>(self) -> Result<R, Error> {
        self.optional().await?.ok_or(Error::NoRow)
    }

    /// The first row, if any.
    pub async fn optional<R: DeserializeOwned>(mut self) -> Result<Option<R>, Error> {
        self.check()?;
        let Self { conn, text, values, each, holds, .. } = self;
        Ok(conn.fetch(&text, values, each.map(Each::rows).as_ref(), (1, holds)).await?.pop())
    }

    /// Runs an `update` for the rows of [`Query::push_each`] and answers these columns of all that it changed.
    ///
    /// PostgreSQL returns them from the update. SQLite reads them after it, by the condition that follows the rows, which
    /// still has to hold then: for `returning` it would make a table in memory, and copy each page that the update touches.
    pub async fn all_changed<R: DeserializeOwned>(mut self, columns: &'static str) -> Result<Vec<R>, Error> {
        if self.kind() == Kind::Postgres {
            return self.push(" returning ").push(columns).all().await;
        }
        let table = words(&self.text).nth(1).map_or("", |word| word.text);
        let Some(each) = self.each.as_ref().filter(|_| first_word(&self.text).eq_ignore_ascii_case("update")) else {
            return Err(Error::Sql("an update for rows was expected".into()));
        };
        let reading = format!("select {columns} from {table}{}", &self.text[self.behind..]);
        let reading = each.number(&reading, self.values.len())?;
        self.check()?;
        let Self { conn, text, values, each, .. } = self;
        let rows = each.map(Each::rows);
        conn.exec(&text, values.clone(), rows.as_ref()).await?;
        conn.fetch(&reading, values, rows.as_ref(), (usize::MAX, false)).await
    }

    /// Runs the statement and tells how many rows it changed.
    pub async fn exec(mut self) -> Result<u64, Error> {
        self.check()?;
        let Self { conn, text, values, each, .. } = self;
        conn.exec(&text, values, each.map(Each::rows).as_ref()).await
    }

    /// Runs the statement without waiting for its result: PostgreSQL gets it together with the next awaited statement
    /// or COMMIT. When it fails, the unit of work fails. On a reader it is the same as [`Query::exec`].
    pub async fn later(mut self) -> Result<(), Error> {
        self.check()?;
        let Self { conn, text, values, each, .. } = self;
        conn.later(text, values, each.map(Each::rows)).await
    }
}

/// What stands before the name of a column of the rows that a statement runs for.
const INPUT: &str = "input.";

impl Each {
    fn rows(self) -> EachRow {
        EachRow { width: self.columns.len().max(1), values: self.rows }
    }

    /// Writes the numbers of each row's values for its columns' names, behind those of the values that are the same for
    /// all rows.
    fn number(&self, text: &str, fixed: usize) -> Result<String, Error> {
        use std::fmt::Write;
        let mut parts = text.split(INPUT);
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let column = self.columns.iter().position(|(column, _)| *column == name);
            let column = column.ok_or_else(|| Error::Sql(format!("the rows have no column {name}")))?;
            // Writing to a String cannot fail.
            let _ = write!(numbered, "${}", fixed + column + 1);
            numbered.push_str(rest);
        }
        Ok(numbered)
    }
}

/// Rows for which SQLite runs a statement one after another.
pub(crate) struct EachRow {
    pub(crate) width: usize,
    /// All values, row after row.
    pub(crate) values: Vec<Value>,
}

/// Whether a statement changes nothing, as far as its first word tells.
pub(crate) fn only_reads(text: &str) -> bool {
    first_word(text).eq_ignore_ascii_case("select")
}

/// Refuses what would end or nest the transaction behind the back of this crate, and writes through a reader, with the
/// same words in both engines.
fn allowed(text: &str, reader: bool) -> Result<(), Error> {
    let word = first_word(text);
    let is = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
    if is(&["begin", "commit", "end", "rollback", "abort", "savepoint", "release", "start", "prepare", "pragma", "set"])
    {
        return Err(Error::Sql("a statement may not control the transaction or the session".into()));
    }
    // PostgreSQL lets `with` change rows.
    let writes = |word: crate::migrate::Word<'_>| {
        ["insert", "update", "delete", "merge"].iter().any(|w| word.text.eq_ignore_ascii_case(w))
    };
    if reader && (!is(&["select", "with", "values", "explain"]) || is(&["with"]) && words(text).any(writes)) {
        return Err(Error::Sql("a reader may not write".into()));
    }
    Ok(())
}

/// The first word of a statement, after comments.
fn first_word(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            return &rest[..end];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_found_behind_comments() {
        assert_eq!(first_word("  -- why\n /* and\nhow */ Select 1"), "Select");
        assert_eq!(first_word("-- only a comment"), "");
        assert!(allowed("/* x */ COMMIT", false).is_err());
        assert!(allowed("insert into t values (1)", true).is_err());
        assert!(allowed("with a as (select 1) select * from a", true).is_ok());
        assert!(allowed("with a as (delete from t returning id) select * from a", true).is_err());
        assert!(allowed("with a as (delete from t returning id) select * from a", false).is_ok());
    }
}

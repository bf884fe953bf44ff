//! Entries of text indexes on their way: the units of a group hand theirs over, and they are written together before COMMIT.
//!
//! A full-text table gathers new entries in memory, and writes them out at each savepoint and whenever a row comes before
//! the last. Written unit by unit, 64 units would leave 64 small segments that are merged again soon after, which costs
//! several times what the entries do.

use rusqlite::Connection;

use super::error;
use crate::Error;

/// What an index is to hold for a row from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) index: &'static str,
    pub(crate) row_id: i64,
    /// None: nothing any more.
    pub(crate) tokens: Option<String>,
}

/// Writes the last entry of each row, in the order of the rows.
pub(super) fn write<'e>(connection: &Connection, entries: impl Iterator<Item = &'e Entry>) -> Result<(), Error> {
    let mut entries: Vec<&Entry> = entries.collect();
    // The sort keeps the order of what is the same.
    entries.sort_by_key(|entry| (entry.index, entry.row_id));
    let mut entries = entries.into_iter().peekable();
    while let Some(Entry { index, row_id, tokens }) = entries.next() {
        if entries.peek().is_some_and(|next| (next.index, next.row_id) == (*index, *row_id)) {
            continue;
        }
        let written = match tokens {
            Some(tokens) => connection
                .prepare_cached(&format!("insert or replace into {index} (rowid, grams) values (?1, ?2)"))
                .and_then(|mut statement| statement.execute((row_id, tokens))),
            None => connection
                .prepare_cached(&format!("delete from {index} where rowid = ?1"))
                .and_then(|mut statement| statement.execute([row_id])),
        };
        written.map_err(error)?;
    }
    Ok(())
}

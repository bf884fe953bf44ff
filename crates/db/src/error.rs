//! The one error of this crate, the same for both engines.

/// What can go wrong between the product and its database.
///
/// Messages name statements, constraints, tables and columns, never the values that were bound and never the URL, so
/// they can be logged as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Every connection is taken, another process holds the write lock, or a unit of work held it for too long.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached, or the connection was lost before COMMIT was sent.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The disk is full; nothing of this unit was written.
    #[error("the database has no space left")]
    Full,
    /// The connection was lost while COMMIT was under way: the change is either there as a whole or not at all.
    #[error("the connection was lost during commit: the change may or may not have been written")]
    Unknown,
    /// `one` found no row.
    #[error("no row")]
    NoRow,
    /// A unique index or primary key already has this value; its columns, with their table: `employee.company,
    /// employee.staff_key`.
    #[error("duplicate: {0}")]
    Duplicate(String),
    /// A foreign key points to a row that is missing, or a row that is still pointed to would vanish.
    #[error("reference: {0}")]
    Reference(String),
    /// A value that no database of ours can keep, such as text with a NUL.
    #[error("invalid value: {0}")]
    Invalid(String),
    /// A row does not fit the type it was asked as.
    #[error("decode: {0}")]
    Decode(String),
    /// The database was migrated by a newer binary to this version.
    #[error("the database is at version {0}, which is newer than this binary")]
    Newer(i64),
    /// The text of an applied migration has changed.
    #[error("migration {0} was changed after it had been applied")]
    Changed(i64),
    /// Any other failure of a statement: a bug, or a constraint without a variant of its own.
    #[error("sql: {0}")]
    Sql(String),
}

impl Error {
    /// Whether the same call may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable(_))
    }
}

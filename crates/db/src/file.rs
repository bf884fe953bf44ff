//! SQLite files as a whole: copied while a server uses them, checked, and put in the place of another.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{
    Error, Migration, MigrationState,
    migrate::{compare, read_sqlite},
    sqlite,
};

/// Why a file was not copied or replaced.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("{0} is not there")]
    Missing(PathBuf),
    /// It is no SQLite database, or one without a record of migrations.
    #[error("{0} is no database of this program")]
    Foreign(PathBuf),
    /// Its pages contradict each other.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// A server has it open.
    #[error("{0} is in use; stop the server first")]
    InUse(PathBuf),
    /// A path that is no text.
    #[error("{0} is no path that SQLite takes")]
    Path(PathBuf),
    /// The file system failed.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

/// How long a copy waits for a moment in which the file can be opened.
const PATIENCE: Duration = Duration::from_secs(30);

/// Copies a database that may be in use into a new file: its state at the moment at which this begins, in which every
/// COMMIT that has returned by then is found. The copy is checked and on disk before it gets its name. Blocks the thread.
pub fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    if !from.is_file() {
        return Err(FileError::Missing(from.to_owned()));
    }
    let partial = beside(to, ".partial");
    remove(&partial)?;
    let copied = copy_into(from, &partial).and_then(|()| settle(&partial, to));
    if copied.is_err() {
        // What is left of it is of no use to anyone; the error that is told is the one before.
        let _ = fs::remove_file(&partial);
    }
    copied
}

fn copy_into(from: &Path, partial: &Path) -> Result<(), FileError> {
    let target = partial.to_str().ok_or_else(|| FileError::Path(partial.to_owned()))?;
    let connection = open(from)?;
    connection.execute("vacuum into ?1", [target]).map_err(|fault| sorted(from, fault))?;
    drop(connection);
    intact(&open(partial)?, partial)
}

/// Checks a database file, and says how it compares with these migrations. Blocks the thread.
pub fn check(path: &Path, migrations: &[Migration]) -> Result<MigrationState, FileError> {
    if !path.is_file() {
        return Err(FileError::Missing(path.to_owned()));
    }
    let connection = open(path)?;
    intact(&connection, path)?;
    let applied = read_sqlite(&connection).map_err(|_| FileError::Foreign(path.to_owned()))?;
    if applied.is_empty() {
        return Err(FileError::Foreign(path.to_owned()));
    }
    Ok(compare(migrations, &applied))
}

/// Whether a database file has a row in this table; false when there is no file, or no such table.
pub fn has_rows(path: &Path, table: &'static str) -> Result<bool, FileError> {
    if fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(false);
    }
    let connection = open(path)?;
    let known = "select exists (select 1 from sqlite_schema where type = 'table' and name = ?1)";
    let known: bool = connection.query_row(known, [table], |row| row.get(0)).map_err(|fault| sorted(path, fault))?;
    if !known {
        return Ok(false);
    }
    let any = format!("select exists (select 1 from {table})");
    connection.query_row(&any, [], |row| row.get(0)).map_err(|fault| sorted(path, fault))
}

/// Puts a checked file in the place of another, whose log and shared memory go with it. Nobody may use the other one.
/// Blocks the thread.
pub fn replace(staged: &Path, target: &Path) -> Result<(), FileError> {
    if fs::metadata(target).map_or(0, |file| file.len()) > 0 {
        match unused(target) {
            Err(FileError::Foreign(_) | FileError::Damaged(..)) | Ok(()) => {}
            Err(in_use) => return Err(in_use),
        }
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&beside(target, suffix))?;
    }
    settle(staged, target)
}

/// Takes the file for itself for a moment, which fails as long as any other connection has it open.
fn unused(path: &Path) -> Result<(), FileError> {
    let connection = open(path)?;
    let alone = "pragma locking_mode = exclusive; begin immediate; commit; pragma wal_checkpoint(truncate)";
    let taken = connection.busy_timeout(Duration::ZERO).and_then(|()| connection.execute_batch(alone));
    match taken {
        Err(fault)
            if matches!(fault.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) =>
        {
            Err(FileError::InUse(path.to_owned()))
        }
        other => other.map_err(|fault| sorted(path, fault)),
    }
}

fn open(path: &Path) -> Result<Connection, FileError> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Reading beside a writer needs its shared memory, and so the right to write; a file on a medium that cannot be
    // written has no writer.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|fault| sorted(path, fault))?;
    connection.busy_timeout(PATIENCE).map_err(|fault| sorted(path, fault))?;
    Ok(connection)
}

fn intact(connection: &Connection, path: &Path) -> Result<(), FileError> {
    let verdict: String =
        connection.query_row("pragma integrity_check(1)", [], |row| row.get(0)).map_err(|fault| sorted(path, fault))?;
    if verdict == "ok" { Ok(()) } else { Err(FileError::Damaged(path.to_owned(), verdict)) }
}

fn sorted(path: &Path, fault: rusqlite::Error) -> FileError {
    match fault.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => FileError::Foreign(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => FileError::Damaged(path.to_owned(), "the pages are malformed".to_owned()),
        _ => FileError::Db(sqlite::error(fault)),
    }
}

/// Gives a finished file its name, so that it is found under it after a crash, whole.
fn settle(from: &Path, to: &Path) -> Result<(), FileError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| FileError::Io(path, error)
    };
    File::open(from).and_then(|file| file.sync_all()).map_err(failed(from))?;
    fs::rename(from, to).map_err(failed(to))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::Io(path.to_owned(), error)),
        _ => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

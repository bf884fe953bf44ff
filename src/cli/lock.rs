//! An SQLite database belongs to one server at a time: whoever serves it holds a lock beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::{Failure, sqlite_file, unusable};

/// The lock of a database; it ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of an SQLite database; PostgreSQL has as many servers as one likes.
    pub(super) fn take(database: &str) -> Result<Option<Lock>, Failure> {
        let Some(database) = sqlite_file(database) else { return Ok(None) };
        let path = beside(&database);
        let failed = |error: std::io::Error| unusable(&path, &error);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match patient(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file).map(|pid| format!(" (process {pid})")).unwrap_or_default();
                return Err(Failure::new(format!(
                    "{} is in use by another server{holder}; stop that one first, or name another database with \
                     --database or SALA_DATABASE",
                    database.display()
                )));
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the database could not be locked; take care that no other server uses it");
                return Ok(None);
            }
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(failed)?;
        Ok(Some(Lock { _file: file }))
    }

    /// The process that serves an SQLite database, when one does; its number where that can be read.
    pub(super) fn held(database: &str) -> Option<Option<String>> {
        let mut file = File::open(beside(&sqlite_file(database)?)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
            _ => None,
        }
    }
}

/// Locks a file; a doctor that looks at it has it for a moment.
fn patient(file: &File) -> Result<(), TryLockError> {
    for _ in 0..5 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(50)),
            done => return done,
        }
    }
    file.try_lock()
}

fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Some(text).filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

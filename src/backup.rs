//! What is remembered of backups: a mark beside an SQLite database, so that people can be told how old the newest one is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A backup that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// How many bytes it has.
    pub bytes: u64,
    /// Files of the media store that were copied with it; none when they were not asked for.
    pub media_files: Option<u64>,
}

fn file_path(database: &Path) -> PathBuf {
    let mut file_path = database.as_os_str().to_owned();
    file_path.push(".backup");
    PathBuf::from(file_path)
}

/// Leaves the mark; a reader never sees half of one.
pub fn leave(database: &Path, mark: &Mark) -> std::io::Result<()> {
    let file_path = file_path(database);
    let mut half = file_path.as_os_str().to_owned();
    half.push(".new");
    std::fs::write(&half, serde_json::to_vec(mark)?)?;
    std::fs::rename(half, file_path)
}

/// The newest backup, where one was made.
pub fn last(database: &Path) -> Option<Mark> {
    serde_json::from_slice(&std::fs::read(file_path(database)).ok()?).ok()
}

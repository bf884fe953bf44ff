//! `sala backup` and `sala restore`.

use std::path::{Path, PathBuf};

use clap::Args;
use db::MigrationState;
use db::file::{self, FileError};
use serde::Serialize;

use super::{Failure, media, media_place, now, print_record, print_text, progress, sqlite_file};
use crate::MIGRATIONS;
use crate::backup::{self, Mark};
use crate::config::Common;
use crate::media::Store;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where to write the backup; an existing file is not overwritten.
    file: PathBuf,
    /// Also copy the media store into the folder FILE.media; files that already exist there are skipped.
    #[arg(long, env = "SALA_WITH_MEDIA", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    with_media: bool,
    /// The media store, as for `serve`.
    #[arg(long, env = "SALA_MEDIA")]
    media: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup.
    file: PathBuf,
    /// Overwrite a database that has companies in it.
    #[arg(long, env = "SALA_FORCE", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    force: bool,
    /// Bring the files of FILE.media back into the media store.
    #[arg(long, env = "SALA_WITH_MEDIA", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    with_media: bool,
    /// The media store, as for `serve`.
    #[arg(long, env = "SALA_MEDIA")]
    media: Option<String>,
}

/// What was copied.
#[derive(Debug, Serialize)]
struct Copied {
    /// The backup.
    file: String,
    /// The version of its schema.
    schema: i64,
    /// How many bytes it has.
    bytes: u64,
    /// Files of the media store; none when they were not asked for.
    media_files: Option<u64>,
}

impl Backup {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let database = database(common, "sala backup")?;
        if self.file.exists() {
            return Err(Failure::new(format!("{} already exists; choose another name", self.file.display())));
        }
        let at = now();
        let (from, to) = (database.clone(), self.file.clone());
        let schema = blocking(move || {
            file::copy(&from, &to)?;
            version(&to)
        })
        .await?;
        let mut media_files = None;
        if self.with_media {
            // After the database: a file that the copy names was stored before it.
            let target = folder(&self.file);
            let store = Store::open(&target).map_err(|error| Failure::new(format!("{target}: {error}")))?;
            media_files = Some(copy(&media(common, self.media.as_ref())?, &store).await?);
        }
        let bytes = std::fs::metadata(&self.file)?.len();
        // Only so that people are told how old it is: the backup is good without.
        if let Err(error) = backup::leave(&database, &Mark { at, bytes, media_files }) {
            tracing::warn!(%error, "that there is a backup could not be written down");
        }
        let copied = Copied { file: self.file.display().to_string(), schema, bytes, media_files };
        print_record(common, &copied)?;
        if !common.json {
            if !self.with_media {
                let place = media_place(common, self.media.as_ref());
                print_text(&format!(
                    "The media store, {place}, is not in it: copy it after this, or use --with-media."
                ))?;
            }
            print_text("The secret key is not in it: keep it in another place.")?;
        }
        Ok(())
    }
}

impl Restore {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let database = database(common, "sala restore")?;
        if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let (from, to, force) = (self.file.clone(), database, self.force);
        let schema = blocking(move || restore(&from, &to, force)).await?;
        let mut media_files = None;
        if self.with_media {
            let source = folder(&self.file);
            if !Path::new(&source).is_dir() {
                return Err(Failure::new(format!(
                    "{source} is not there; the database is restored, the files are not"
                )));
            }
            let store = Store::open(&source).map_err(|error| Failure::new(format!("{source}: {error}")))?;
            media_files = Some(copy(&store, &media(common, self.media.as_ref())?).await?);
        }
        let bytes = std::fs::metadata(&self.file)?.len();
        print_record(common, &Copied { file: self.file.display().to_string(), schema, bytes, media_files })
    }
}

/// Checks everything before the old database is touched.
fn restore(from: &Path, to: &Path, force: bool) -> Result<i64, Failure> {
    let schema = version(from)?;
    if !force {
        let occupied = match file::has_rows(to, "company") {
            Ok(occupied) => occupied,
            Err(FileError::Foreign(_) | FileError::Damaged(..)) => true,
            Err(error) => return Err(error.into()),
        };
        if occupied {
            return Err(Failure::new(format!("{} is not empty; --force overwrites it", to.display())));
        }
    }
    let mut staged = to.as_os_str().to_owned();
    staged.push(".restoring");
    let staged = PathBuf::from(staged);
    file::copy(from, &staged)?;
    let replaced = file::replace(&staged, to);
    if replaced.is_err() {
        let _ = std::fs::remove_file(&staged);
    }
    replaced?;
    Ok(schema)
}

/// The version of a database's schema, if this program can use it.
fn version(path: &Path) -> Result<i64, Failure> {
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
    match file::check(path, MIGRATIONS)? {
        MigrationState::Current => Ok(newest),
        MigrationState::Pending(missing) => {
            let known = MIGRATIONS.len() - missing.min(MIGRATIONS.len());
            Ok(MIGRATIONS.get(known.saturating_sub(1)).map_or(0, |migration| migration.version))
        }
        MigrationState::Newer(version) => Err(Failure::new(format!(
            "{} is of version {version}, this program knows {newest}; use the newer program",
            path.display()
        ))),
        MigrationState::Changed(version) => {
            Err(Failure::new(format!("{}: migration {version} is not the one of this program", path.display())))
        }
    }
}

async fn copy(from: &Store, to: &Store) -> Result<u64, Failure> {
    let bar = progress(None);
    bar.set_message("media files");
    let copied = from.copy_to(to, || bar.inc(1)).await;
    bar.finish_and_clear();
    copied.map_err(|error| Failure::new(format!("media store: {error}")))
}

/// Where the media of a backup are.
fn folder(file: &Path) -> String {
    format!("{}.media", file.display())
}

fn database(common: &Common, command: &str) -> Result<PathBuf, Failure> {
    sqlite_file(&common.database).ok_or_else(|| {
        Failure::new(format!(
            "{command} is for SQLite. For PostgreSQL use pg_dump and pg_restore, or your provider's snapshots, and copy \
             the media store after it; sala export takes one company out"
        ))
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::new(error.to_string()))?
}

//! The command line: one enum, one match, one file for each command.

mod account;
mod backup;
mod client;
mod company;
mod demo;
mod doctor;
mod export;
mod import;
mod job;
mod key;
mod keys;
mod lock;
mod mail;
mod reference;
mod report;
mod room;
mod serve;
mod simulate;
mod user;
mod venio;
mod webhook;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use db::Db;
use db::file::FileError;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::app::{App, Clock, use_tls};
use crate::config::Common;
use crate::http::Error;
use crate::media::Store;
use crate::transfer::TransferError;
use crate::vault::{Vault, VaultError};
use crate::{MIGRATIONS, telemetry};

pub use serve::{Running, serve};

/// A self-hosted customer platform: omnichannel chat, CRM and sales documents in one binary.
#[derive(Debug, Parser)]
#[command(name = "sala", version, about)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and channel callbacks, and run the background jobs.
    Serve(Box<crate::config::Config>),
    /// Migrate the database to this program's schema.
    Migrate {
        /// Also distribute the tables of a Citus cluster by company.
        #[arg(long, env = "SALA_DISTRIBUTE", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
        distribute: bool,
    },
    /// Print the API's OpenAPI document.
    Openapi,
    /// Check the installation, and say how to fix what is wrong.
    Doctor(doctor::Doctor),
    /// Companies: the tenants.
    Company(company::Company),
    /// API clients of a company.
    Client(client::Client),
    /// People who sign in to the console.
    User(user::User),
    /// Channel accounts of a company.
    Account(account::Account),
    /// Rooms of a company.
    Room(room::Room),
    /// Webhook subscriptions of a company.
    Webhook(webhook::Webhook),
    /// E-mail.
    Mail(Box<mail::Mail>),
    /// Figures of reports.
    Report(report::Report),
    /// Background jobs that failed permanently.
    Job(job::Job),
    /// The key that encrypts stored credentials.
    Key(key::Key),
    /// Back up the database into a file while servers use it.
    Backup(backup::Backup),
    /// Replace the database with a backup.
    Restore(backup::Restore),
    /// Export everything of a company into a folder or a ZIP file.
    Export(export::Export),
    /// Load files of records, copy or import a company, or undo an import.
    Import(import::Import),
    /// Simulate a provider, for tests and integrators.
    Simulate(simulate::Simulate),
    /// Print a shell's completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages (sala.1, sala-serve.1, …) into a folder.
    Man {
        /// The folder, which must exist.
        folder: PathBuf,
    },
    /// Print the command line's reference as Markdown: docs/COMMANDS.md.
    #[command(hide = true)]
    Reference,
    /// Read a workbook for another process of this program.
    #[command(hide = true)]
    ReadWorkbook {
        /// The workbook.
        file: PathBuf,
    },
}

/// Why a command failed: one sentence for the person who typed it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure in words.
    pub fn new(why: impl Into<String>) -> Failure {
        Failure(why.into())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::Db(inner) => Failure(inner.to_string()),
            Error::Internal(why) => Failure(why.clone()),
            _ => Failure(error.faults().into_iter().map(|fault| fault.message).collect::<Vec<_>>().join("; ")),
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Failure {
        match error {
            TransferError::Store(error) => error.into(),
            other => Failure(other.to_string()),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        Failure(error.to_string())
    }
}

impl From<db::Error> for Failure {
    fn from(error: db::Error) -> Failure {
        Failure(error.to_string())
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Failure {
        Failure(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        // Whoever read the output has enough of it (`sala openapi | head`): there is nothing to complain of.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure(String::new());
        }
        Failure(error.to_string())
    }
}

/// Runs a command line to its end.
pub fn run(cli: Cli) -> ExitCode {
    // It limits itself, and has neither a runtime nor a log.
    if let Command::ReadWorkbook { file } = &cli.command {
        return crate::import::sheet::answer(file);
    }
    telemetry::start_log(&cli.common.log, cli.common.log_format);
    // A build without optimisation needs more of a thread's stack than the usual 2 MiB; what is not used costs nothing.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure(format!("no runtime: {error}"))),
    };
    let ended = runtime.block_on(command(cli));
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    match ended {
        Ok(code) => code,
        Err(failure) => failed(&failure),
    }
}

/// A write beyond the process's file size limit is then an error like a full disk, not the end of the process.
#[cfg(unix)]
fn survive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    const SIGXFSZ: i32 = 25;
    // Only the handler is wanted: it stays, and with it the signal does no more.
    if let Err(error) = signal(SignalKind::from_raw(SIGXFSZ)) {
        tracing::warn!(%error, "a file size limit would end the process");
    }
}

#[cfg(not(unix))]
fn survive_file_limits() {}

/// What is written is for this user alone: databases, media, backups and exports hold what customers said.
#[cfg(unix)]
fn keep_files_private() {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

#[cfg(not(unix))]
fn keep_files_private() {}

fn failed(failure: &Failure) -> ExitCode {
    if failure.0.is_empty() {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(io::stderr(), "error: {failure}");
    ExitCode::FAILURE
}

async fn command(cli: Cli) -> Result<ExitCode, Failure> {
    survive_file_limits();
    keep_files_private();
    use_tls();
    let common = cli.common;
    match cli.command {
        Command::Serve(config) => serve::run(&common, *config).await?,
        Command::Migrate { distribute } => migrate(&common, distribute).await?,
        Command::Openapi => print_text(&crate::http::document().to_pretty_json().map_err(|e| Failure(e.to_string()))?)?,
        Command::Doctor(doctor) => return doctor.run(&common).await,
        Command::Company(company) => company.run(&common).await?,
        Command::Client(client) => client.run(&common).await?,
        Command::User(user) => user.run(&common).await?,
        Command::Account(account) => account.run(&common).await?,
        Command::Room(room) => room.run(&common).await?,
        Command::Mail(mail) => mail.run().await?,
        Command::Webhook(webhook) => webhook.run(&common).await?,
        Command::Report(report) => report.run(&common).await?,
        Command::Job(job) => job.run(&common).await?,
        Command::Import(import) => return import.run(&common).await,
        Command::Key(key) => key.run(&common).await?,
        Command::Backup(backup) => backup.run(&common).await?,
        Command::Restore(restore) => restore.run(&common).await?,
        Command::Export(export) => export.run(&common).await?,
        Command::Simulate(simulate) => simulate.run().await?,
        Command::Completions { shell } => reference::completions(shell)?,
        Command::Man { folder } => reference::manual(&folder)?,
        Command::Reference => print_text(&reference::markdown())?,
        Command::ReadWorkbook { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(common: &Common, distribute: bool) -> Result<(), Failure> {
    let db = open_unmigrated(common, 2).await?;
    let migrated = db.migrate(MIGRATIONS).await?;
    print_text(&format!("{} migrations applied; the schema is at version {}", migrated.applied, migrated.version))?;
    if distribute {
        let tables = db.distribute("company").await?;
        print_text(&format!("{} tables distributed by company", tables.len()))?;
    }
    Ok(())
}

/// Which record a command is about: `sala client revoke ID`, or `--id ID`.
#[derive(Debug, clap::Args)]
struct Target {
    /// The record's id.
    #[arg(value_name = "ID")]
    positional: Option<String>,
    /// The same as an option.
    #[arg(long, env = "SALA_ID")]
    id: Option<String>,
}

impl Target {
    fn read<T: std::str::FromStr>(self) -> Result<T, Failure> {
        let id = self.positional.or(self.id).ok_or_else(|| Failure::new("the record's ID is required"))?;
        id.parse().map_err(|_| Failure::new(format!("{id} is not a valid id")))
    }
}

/// Makes the folder of an SQLite file when it is not there.
fn make_folder(common: &Common) -> Result<(), Failure> {
    if let Some(file) = sqlite_file(&common.database)
        && let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
    }
    Ok(())
}

/// Why a command can do nothing with a file or a folder of its own.
fn unusable(path: &Path, error: &impl Display) -> Failure {
    Failure(format!("{}: {error}; may this user read and write it?", path.display()))
}

/// Opens the database as it is, and makes it where it is not there.
async fn open_unmigrated(common: &Common, pool_size: usize) -> Result<Db, Failure> {
    make_folder(common)?;
    let options = db::Options { pool_size, ..db::Options::default() };
    let opened = Db::open(&common.database, options).await;
    opened.map_err(|error| match sqlite_file(&common.database) {
        Some(file) => unusable(&file, &error),
        None => Failure(format!("database: {error}")),
    })
}

/// Refuses to work on an SQLite file that is not there: it would be a second, empty one beside the one that was meant.
fn must_be_there(common: &Common) -> Result<(), Failure> {
    match sqlite_file(&common.database) {
        Some(file) if !file.exists() => Err(Failure(format!(
            "{} is not there; name the database with --database or SALA_DATABASE, or make a company first: sala company \
             create --name NAME",
            file.display()
        ))),
        _ => Ok(()),
    }
}

/// Opens a database that is there and brings its schema up to date, as every command does before it reads or writes.
async fn open(common: &Common) -> Result<Db, Failure> {
    must_be_there(common)?;
    open_or_make(common).await
}

/// The same, for the commands with which one begins.
async fn open_or_make(common: &Common) -> Result<Db, Failure> {
    let db = open_unmigrated(common, 2).await?;
    db.migrate(MIGRATIONS).await?;
    Ok(db)
}

/// The server's parts, for a command that does the server's work: settings come from the environment, as they do there.
async fn parts(common: &Common, media: Option<String>) -> Result<App, Failure> {
    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        config: crate::config::Config,
    }
    let mut config = Settings::try_parse_from(["sala"]).map_err(|error| Failure(error.to_string()))?.config;
    config.media = media.or(config.media);
    let db = open(common).await?;
    let media = self::media(common, config.media.as_ref())?;
    App::new(config, db, vault(common)?, media, Clock::System, None).map_err(|error| Failure(error.to_string()))
}

/// The file of an SQLite address.
pub fn sqlite_file(database: &str) -> Option<PathBuf> {
    let path = database.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// Where media are kept: what was given, or beside an SQLite database, or in the present folder.
fn media_place(common: &Common, given: Option<&String>) -> String {
    let beside = || sqlite_file(&common.database).map(|file| file.with_file_name("media").display().to_string());
    given.cloned().or_else(beside).unwrap_or_else(|| "media".to_owned())
}

/// Opens the media store for a command.
fn media(common: &Common, given: Option<&String>) -> Result<Store, Failure> {
    let place = media_place(common, given);
    Store::open(&place).map_err(|error| Failure(format!("media store {place}: {error}; see --media")))
}

/// Shows on standard error how far a command has come; nothing where that is no terminal.
fn progress(total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let form = match total {
        Some(_) => "{spinner} {msg} {wide_bar} {human_pos}/{human_len} {eta}",
        None => "{spinner} {msg} {human_pos} {per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar
}

/// The key file beside an SQLite database.
fn key_file(database: &str) -> Option<PathBuf> {
    sqlite_file(database).map(|file| file.with_extension("key"))
}

/// The vault: the given key, or the key file beside an SQLite database. PostgreSQL without a key is refused, because
/// each node would make its own.
fn vault(common: &Common) -> Result<Vault, Failure> {
    match (&common.secret_key, key_file(&common.database)) {
        (Some(text), _) => Ok(Vault::from_text(text)?),
        (None, Some(file)) => Ok(Vault::from_file(&file)?),
        (None, None) => Err(VaultError::Missing.into()),
    }
}

fn now() -> i64 {
    Clock::System.now()
}

fn print_text(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Says where a server is. One whose output nobody reads (any more) works all the same.
fn announce(text: &str) {
    if let Err(error) = writeln!(io::stdout(), "{text}") {
        tracing::warn!(%error, "standard output takes nothing");
    }
}

/// The program, as reports of faults name it.
fn build() -> String {
    let schema = MIGRATIONS.last().map_or(0, |migration| migration.version);
    format!("sala {}, schema {schema}, SQLite {}", env!("CARGO_PKG_VERSION"), db::sqlite_version())
}

/// Says something besides what a command prints: to people, on standard error, so that no program has to read past it.
fn note(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stderr(), "{text}")?)
}

/// Prints a new record: one JSON object, or its fields line by line.
fn print_record(common: &Common, record: &impl Serialize) -> Result<(), Failure> {
    let value = serde_json::to_value(record).map_err(|error| Failure(error.to_string()))?;
    if common.json {
        return print_text(&value.to_string());
    }
    let fields = value.as_object().into_iter().flatten();
    let fields = fields.filter(|(_, value)| !value.is_null());
    let lines: Vec<String> = fields.map(|(name, value)| format!("{name}: {}", told(name, value))).collect();
    print_text(&lines.join("\n"))
}

/// Prints a list: one JSON array, or one line a record.
fn print_list(common: &Common, records: &[impl Serialize]) -> Result<(), Failure> {
    let value = serde_json::to_value(records).map_err(|error| Failure(error.to_string()))?;
    if common.json {
        return print_text(&value.to_string());
    }
    let rows = value.as_array().into_iter().flatten();
    for row in rows {
        let fields = row.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let words: Vec<String> = fields.map(|(name, value)| format!("{name}={}", told(name, value))).collect();
        print_text(&words.join("  "))?;
    }
    Ok(())
}

/// A field for people: a time (`…_at`, Unix milliseconds) as a time.
fn told(name: &str, value: &serde_json::Value) -> String {
    let time =
        value.as_i64().filter(|_| name.ends_with("_at")).and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    time.map_or_else(|| plain(value), |time| time.to_string())
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The company that a command is about.
fn required_company(common: &Common) -> Result<i64, Failure> {
    common.company.ok_or_else(|| Failure::new("--company NUMBER is required"))
}

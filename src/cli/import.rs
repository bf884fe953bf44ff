//! `sala import`: the same imports as the API's, begun and watched from the command line.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use clap::{Args, Subcommand};
use futures_util::{TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::venio::Venio;
use super::{
    Failure, media, now, open, open_or_make, parts, print_list, print_record, print_text, progress, required_company,
    vault,
};
use crate::app::App;
use crate::config::Common;
use crate::http::{Error, Faults};
use crate::import::{self, Import as View, Kind, New};
use crate::job::{self, Kind as JobKind};
use crate::setting::company;
use crate::time::Zone;
use crate::transfer;

/// The exit code where rows were refused, or records were left as they are.
pub(super) const NOT_ALL: u8 = 2;

/// How often an import is looked at that somebody else works on.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    what: What,
    /// Where media are kept, as for `sala serve`: a folder, or s3://bucket/prefix.
    #[arg(long, env = "SALA_MEDIA", global = true)]
    media: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Load customers from a CSV file or a workbook.
    Customers(Source),
    /// Load employees from a CSV file or a workbook.
    Employees(Source),
    /// Load products from a CSV file or a workbook.
    Products(Source),
    /// Load stock quantities from a CSV file or a workbook.
    Stock(Source),
    /// Load tasks from a CSV file or a workbook.
    Tasks(Source),
    /// Load sales orders from a CSV file or a workbook, a row for each line.
    Orders(Source),
    /// Load deals from a CSV file or a workbook.
    Deals(Source),
    /// Import a company from an export. It must not exist here yet. Repeat the command to resume an interrupted run.
    Company {
        /// The folder or ZIP file that `sala export` wrote.
        source: PathBuf,
    },
    /// Copy a company from another server with this API. Repeat the command to resume an interrupted run.
    Venio(Box<Venio>),
    /// List the imports, the newest first.
    List {
        /// How many, at most 200.
        #[arg(long, env = "SALA_TAKE", default_value_t = 20)]
        take: i64,
    },
    /// Resume an interrupted import.
    Resume(Which),
    /// Undo an import: delete what it created and restore what it changed.
    Undo(Which),
}

#[derive(Debug, Args)]
struct Source {
    /// The file: CSV, .xlsx, .xlsb, .xls or .ods.
    file: PathBuf,
    /// Write nothing; report what would be written.
    #[arg(long, env = "SALA_DRY_RUN", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    dry_run: bool,
    /// A JSON file that maps headers to fields: {"Score": "customFields.Score", "Remark": null}.
    #[arg(long, env = "SALA_MAP")]
    map: Option<PathBuf>,
    /// The encoding of a text file that is not UTF-8, UTF-16 or Windows-874, such as windows-1252 or shift_jis.
    #[arg(long, env = "SALA_ENCODING")]
    encoding: Option<String>,
}

#[derive(Debug, Args)]
struct Which {
    /// The import's id, as it was printed when it began.
    id: Uuid,
}

impl Import {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let media_store = self.media;
        match self.what {
            What::Customers(source) => load(common, media_store, Kind::Customers, source).await,
            What::Employees(source) => load(common, media_store, Kind::Employees, source).await,
            What::Products(source) => load(common, media_store, Kind::Products, source).await,
            What::Stock(source) => load(common, media_store, Kind::Stock, source).await,
            What::Tasks(source) => load(common, media_store, Kind::Tasks, source).await,
            What::Orders(source) => load(common, media_store, Kind::Orders, source).await,
            What::Deals(source) => load(common, media_store, Kind::Deals, source).await,
            What::Company { source } => whole(common, media_store.as_ref(), &source).await,
            What::Venio(venio) => {
                let (app, company) = ready(common, media_store).await?;
                venio.run(&app, common, company).await
            }
            What::List { take } => {
                let (db, company) = (open(common).await?, required_company(common)?);
                let imports = import::listed(&mut db.read().await?, company, take.clamp(1, 200)).await?;
                print_list(common, &imports)?;
                Ok(ExitCode::SUCCESS)
            }
            What::Resume(which) => resume(common, media_store, which.id).await,
            What::Undo(which) => undo(common, media_store, which.id).await,
        }
    }
}

/// The server's parts, and the company that the command is about.
async fn ready(common: &Common, media_store: Option<String>) -> Result<(App, i64), Failure> {
    let company = required_company(common)?;
    let app = parts(common, media_store).await?;
    company::must_exist(&mut app.db.read().await?, company).await?;
    Ok((app, company))
}

/// Reads a whole company in; only an export with secrets needs the key, and says so.
async fn whole(common: &Common, media_store: Option<&String>, source: &Path) -> Result<ExitCode, Failure> {
    let (db, media) = (open_or_make(common).await?, media(common, media_store)?);
    let vault = vault(common).ok();
    let bar = progress(None);
    let done = transfer::import(&db, &media, vault.as_ref(), common.company, source, now(), &bar).await;
    bar.finish_and_clear();
    print_record(common, &done?)?;
    Ok(ExitCode::SUCCESS)
}

async fn load(common: &Common, media_store: Option<String>, kind: Kind, source: Source) -> Result<ExitCode, Failure> {
    let (app, company) = ready(common, media_store).await?;
    let app = &app;
    let mapping = match &source.map {
        None => import::Mapping::new(),
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| of_file(file, &error))?;
            let mut faults = Faults::default();
            let mapping = import::read_mapping(text.trim_start_matches('\u{feff}'), &mut faults);
            faults.end()?;
            mapping
        }
    };
    if let Some(encoding) = &source.encoding {
        let mut faults = Faults::default();
        import::check_encoding(encoding, &mut faults);
        faults.end()?;
    }
    let file_name = source.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let new = New { kind, dry_run: source.dry_run, file_name, mapping, encoding: source.encoding.clone() };
    let (file, size) = import::keep(app, company, pieces(&source.file).await?).await?;
    let begun =
        app.db.write(async |mut tx| import::begin(&mut tx, company, "system", &new, (&file, size), now()).await).await;
    let id = match begun {
        Ok(id) => id,
        Err(error) => {
            app.media.delete(&file).await?;
            return Err(error.into());
        }
    };
    tell(&format!("import {id} began; go on with it after a break by: sala import resume {id} --company {company}"))?;
    let view = attend(app, company, id).await?;
    report_errors(app, company, id, &view, &source.file).await?;
    end(common, &view)
}

/// The file, piece by piece.
async fn pieces(path: &Path) -> Result<impl futures_util::Stream<Item = Result<Bytes, Error>> + use<>, Failure> {
    let file = tokio::fs::File::open(path).await.map_err(|error| of_file(path, &error))?;
    let name = path.display().to_string();
    Ok(stream::try_unfold((file, name), async |(mut file, name)| {
        let mut piece = Vec::with_capacity(64 * 1024);
        let read = file.read_buf(&mut piece).await.map_err(|error| Error::Internal(format!("{name}: {error}")))?;
        Ok((read > 0).then(|| (Bytes::from(piece), (file, name))))
    }))
}

fn of_file(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

async fn resume(common: &Common, media_store: Option<String>, id: Uuid) -> Result<ExitCode, Failure> {
    let (app, company) = ready(common, media_store).await?;
    let view = attend(&app, company, id).await?;
    if view.failed > 0 {
        tell(&format!("the refused rows: GET /v1/imports/{id}/errors"))?;
    }
    end(common, &view)
}

async fn undo(common: &Common, media_store: Option<String>, id: Uuid) -> Result<ExitCode, Failure> {
    let (app, company) = ready(common, media_store).await?;
    app.db
        .write(async |mut tx| {
            let row = import::find(&mut tx, company, id).await?.ok_or(Error::NotFound("import"))?;
            import::ask_undo(&mut tx, &row, "system", now()).await
        })
        .await?;
    let view = attend(&app, company, id).await?;
    end(common, &view)
}

/// Works on an import, or waits for whoever does, until it is settled.
async fn attend(app: &App, company: i64, id: Uuid) -> Result<View, Failure> {
    let find = async || {
        let row = import::find(&mut app.db.read().await?, company, id).await?;
        row.ok_or(Error::NotFound("import"))
    };
    let work = async {
        let key = id.to_string();
        if !find().await?.state.is_settled() {
            let ask = async || {
                app.db.write(async |mut tx| job::enqueue(&mut tx, company, JobKind::Import, &key, now()).await).await
            };
            patiently(ask).await?;
        }
        loop {
            // Until there is nothing left to do, which is more than the import being settled: its file is deleted then.
            if patiently(async || job::attend(app, JobKind::Import, company, &key).await).await? {
                continue;
            }
            let row = find().await?;
            if row.state.is_settled() {
                return Ok::<_, Error>(row);
            }
            // A server has the job, or it failed and waits for its next try.
            tokio::time::sleep(LOOK).await;
        }
    };
    let progress = Progress::new();
    let watch = async {
        loop {
            // What cannot be looked at now is looked at a little later.
            if let Ok(row) = find().await {
                progress.show(&import::plain(row, &Zone::UTC));
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let row = tokio::select! {
        row = work => row?,
        () = watch => return Err(Failure::new("the import is no longer watched")),
    };
    let view = import::view(&mut app.db.read().await?, row).await?;
    progress.show(&view);
    progress.end();
    Ok(view)
}

/// How often something is tried that another process is in the way of.
const MOST_TRIES: usize = 60;

/// Tries again what the database was too busy for: a server may be writing to the same file.
async fn patiently<T>(work: impl AsyncFn() -> Result<T, db::Error>) -> Result<T, db::Error> {
    for _ in 0..MOST_TRIES {
        match work().await {
            Err(error) if error.is_transient() => tokio::time::sleep(LOOK).await,
            ended => return ended,
        }
    }
    work().await
}

/// A bar in a terminal, a line now and then otherwise; both on standard error.
struct Progress {
    bar: Option<ProgressBar>,
    /// Tenths that were told.
    told: AtomicI64,
}

impl Progress {
    fn new() -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {percent}%  {pos}/{len} rows  {eta}  {msg}");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { bar, told: AtomicI64::new(-1) }
    }

    fn show(&self, view: &View) {
        let Some(rows) = view.rows else { return };
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_length(count(rows));
            bar.set_position(count(view.rows_done));
            bar.set_message(format!("{} refused", view.failed));
        } else if self.told.swap(view.progress / 10, Ordering::Relaxed) != view.progress / 10 {
            let _ = tell(&format!("{}%: {} of {rows} rows, {} refused", view.progress, view.rows_done, view.failed));
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Says something to whoever watches; standard output is for the result.
pub(super) fn tell(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}

/// Writes the refused rows beside the file.
async fn report_errors(app: &App, company: i64, id: Uuid, view: &View, source: &Path) -> Result<(), Failure> {
    if view.failed == 0 {
        return Ok(());
    }
    let row = import::find(&mut app.db.read().await?, company, id).await?.ok_or(Error::NotFound("import"))?;
    let mut name = source.as_os_str().to_owned();
    name.push(".errors.csv");
    let path = PathBuf::from(name);
    let mut file = std::fs::File::create(&path).map_err(|error| of_file(&path, &error))?;
    let mut pieces = std::pin::pin!(import::report(app.clone(), row));
    while let Some(piece) = pieces.try_next().await? {
        file.write_all(&piece).map_err(|error| of_file(&path, &error))?;
    }
    tell(&format!("{} rows were refused; {} says why", view.failed, path.display()))
}

/// Warnings that are told one by one; how many there are stands in the summary.
const TOLD: usize = 20;

/// Prints what became of it, in the exit code too; before it what was left out.
fn end(common: &Common, view: &View) -> Result<ExitCode, Failure> {
    for part in &view.left_out {
        tell(&part.sentence())?;
    }
    for warning in view.warnings.iter().take(TOLD) {
        tell(&format!("row {}, {}: {}", warning.row, warning.column, warning.message))?;
    }
    if let Some(problem) = &view.problem {
        return Err(Failure::new(problem.message.as_str()));
    }
    if common.json {
        print_record(common, view)?;
    } else {
        print_text(&view.summary())?;
    }
    Ok(if view.failed + view.kept > 0 { ExitCode::from(NOT_ALL) } else { ExitCode::SUCCESS })
}

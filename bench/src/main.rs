//! Measures Sala next to what it could reach at best, in one run, and prints a table of ratios.
//!
//! `cargo build --release -p sala -p bench && target/release/bench [--quick]`

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

mod accept;
mod customers;
mod exports;
mod hooks;
mod imports;
mod large;
mod limits;
mod load;
mod products;
mod report;
mod reports;
mod sales;
mod search;
mod seed;
mod server;
mod units;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use report::Report;

/// What went wrong; a measurement stops at the first error.
pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures Sala and prints a table of ratios.
#[derive(Parser)]
struct Options {
    /// A couple of minutes in all, with more noise.
    #[arg(long)]
    quick: bool,

    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,

    /// The server's binary; beside this one when not given.
    #[arg(long)]
    sala: Option<PathBuf>,

    /// Where databases are made; the disk under it is what is measured.
    #[arg(long)]
    folder: Option<PathBuf>,

    /// Where the million customers stay from run to run: written by the first, read by the next.
    #[arg(long)]
    keep: Option<PathBuf>,

    /// A Markdown file whose table, between `<!-- table -->` and `<!-- end -->`, is replaced.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Embedded,
    Postgres,
    Units,
    Large,
    Hooks,
    Customers,
    Exports,
    Imports,
    Products,
    Sales,
    Reports,
    Search,
}

/// What every part needs to know.
pub(crate) struct Bench {
    program: PathBuf,
    folder: PathBuf,
    kept: Option<PathBuf>,
    quick: bool,
}

impl Bench {
    /// How long one measurement takes.
    fn time(&self) -> Duration {
        Duration::from_secs(if self.quick { 2 } else { 5 })
    }

    /// How often each is repeated; the median counts.
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }
}

pub(crate) fn say(text: &str) {
    println!("{text}");
}

fn main() -> Result<()> {
    let options = Options::parse();
    let program = match options.sala {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("sala"),
    };
    let name = format!("sala-bench-{}", std::process::id());
    let folder = options.folder.unwrap_or_else(std::env::temp_dir).join(name);
    std::fs::create_dir_all(&folder)?;
    let bench = Bench {
        program: program.canonicalize()?,
        folder: folder.canonicalize()?,
        kept: options.keep,
        quick: options.quick,
    };
    let mut report = Report::default();
    let measured = measure(&bench, &options.only, &mut report);
    let machine = report::machine(&bench.folder, measured.as_deref().unwrap_or_default());
    std::fs::remove_dir_all(&bench.folder)?;
    measured?;
    let table = report.table();
    say(&format!("\n{machine}\n{table}"));
    if let Some(file) = options.write {
        let text = std::fs::read_to_string(&file)?;
        let (before, rest) = text.split_once("<!-- table -->").ok_or("the file has no <!-- table -->")?;
        let (_, after) = rest.split_once("<!-- end -->").ok_or("the file has no <!-- end -->")?;
        std::fs::write(&file, format!("{before}<!-- table -->\n{machine}\n{table}<!-- end -->{after}"))?;
    }
    Ok(())
}

/// Runs the parts; answers the version of PostgreSQL.
fn measure(bench: &Bench, only: &[Part], report: &mut Report) -> Result<String> {
    let wanted = |part: Part| only.is_empty() || only.contains(&part);
    if wanted(Part::Embedded) {
        accept::embedded(bench, report)?;
    }
    if wanted(Part::Units) {
        units::measure(bench, report)?;
    }
    if wanted(Part::Large) {
        large::measure(bench, report)?;
    }
    if wanted(Part::Hooks) {
        hooks::measure(bench, report)?;
        hooks::hundred(bench, report)?;
    }
    if wanted(Part::Imports) {
        imports::measure(bench, report)?;
    }
    let exports = wanted(Part::Exports);
    if exports {
        exports::measure(bench, report, None)?;
    }
    if wanted(Part::Reports) {
        reports::measure(bench, report)?;
    }
    // Writing a million customers takes minutes: the short form leaves them out unless it is asked for them.
    let customers = if bench.quick { only.contains(&Part::Customers) } else { wanted(Part::Customers) };
    if customers {
        customers::measure(bench, report, None)?;
    }
    let products = if bench.quick { only.contains(&Part::Products) } else { wanted(Part::Products) };
    if products {
        products::measure(bench, report, None)?;
    }
    let sales = wanted(Part::Sales);
    if sales {
        sales::measure(bench, report, None)?;
    }
    let search = if bench.quick { only.contains(&Part::Search) } else { wanted(Part::Search) };
    if search {
        search::measure(bench, report, None)?;
    }
    if !wanted(Part::Postgres) && !customers && !exports && !products && !sales && !search {
        return Ok("not measured".to_owned());
    }
    let postgres = limits::Postgres::start()?;
    if wanted(Part::Postgres) {
        accept::postgres(bench, report, &postgres)?;
    }
    if customers {
        customers::measure(bench, report, Some(&postgres))?;
    }
    if exports {
        exports::measure(bench, report, Some(&postgres))?;
    }
    if products {
        products::measure(bench, report, Some(&postgres))?;
    }
    if sales {
        sales::measure(bench, report, Some(&postgres))?;
    }
    if search {
        search::measure(bench, report, Some(&postgres))?;
    }
    postgres.psql("postgres", "show server_version")
}

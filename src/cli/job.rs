//! `sala job`.

use clap::{Args, Subcommand};

use super::{Failure, now, open, print_list, print_text};
use crate::config::Common;
use crate::job::{Kind, dead};

#[derive(Debug, Args)]
pub(super) struct Job {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the jobs that failed permanently, and why; --company limits it to one company.
    List(Which),
    /// Run failed jobs again, after their cause is fixed.
    Retry(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// Only this kind of job, such as deliver or webhook.
    #[arg(long, env = "SALA_KIND")]
    kind: Option<String>,
}

impl Which {
    fn kind(&self) -> Result<Option<Kind>, Failure> {
        let Some(word) = &self.kind else { return Ok(None) };
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == word);
        let words = || Kind::ALL.map(Kind::name).join(", ");
        found.map(Some).ok_or_else(|| Failure::new(format!("--kind {word} is not one of {}", words())))
    }
}

impl Job {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let db = open(common).await?;
        match self.action {
            Action::List(which) => {
                print_list(common, &dead::list(&mut db.read().await?, common.company, which.kind()?).await?)
            }
            Action::Retry(which) => {
                let count = dead::retry(&db, common.company, which.kind()?, now()).await?;
                print_text(&format!("{count} jobs will run again"))
            }
        }
    }
}

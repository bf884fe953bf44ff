//! `sala report`.

use clap::{Args, Subcommand};

use super::{Failure, parts, print_text, required_company};
use crate::config::Common;
use crate::report::tally;

#[derive(Debug, Args)]
pub(super) struct Report {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Rebuild the figures of a company's reports from all its records, for example after a change of its time zone.
    Rebuild,
}

impl Report {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = required_company(common)?;
        let app = parts(common, None).await?;
        match self.action {
            Action::Rebuild => {
                tally::rebuild(&app, company).await?;
                print_text(&format!("the figures of company {company} are made anew"))
            }
        }
    }
}

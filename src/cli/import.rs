//! `sala import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, media, now, open, print_record, progress, vault};
use crate::config::Common;
use crate::transfer;

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read a company in from an export. The server must not have it; a run that was killed is resumed by the same command.
    Company {
        /// The folder or ZIP file that `sala export` wrote.
        source: PathBuf,
        /// Where media are kept, as for `serve`.
        #[arg(long, env = "SALA_MEDIA")]
        media: Option<String>,
    },
}

impl Import {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let Action::Company { source, media: place } = self.action;
        let (db, media) = (open(common).await?, media(common, place.as_ref())?);
        // Only an export with secrets needs the key, and says so.
        let vault = vault(common).ok();
        let bar = progress(None);
        let done = transfer::import(&db, &media, vault.as_ref(), common.company, &source, now(), &bar).await;
        bar.finish_and_clear();
        print_record(common, &done?)
    }
}

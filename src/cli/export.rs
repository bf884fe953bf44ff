//! `sala export`.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, media, now, open, print_record, print_text, progress, required_company, vault};
use crate::config::Common;
use crate::transfer;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// A folder, or a name that ends in .zip; existing files are not overwritten.
    target: PathBuf,
    /// Include API clients, credentials, webhook subscriptions and waiting jobs. Importing it needs the same secret key.
    #[arg(long, env = "SALA_WITH_SECRETS", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    with_secrets: bool,
    /// The media store, as for `serve`.
    #[arg(long, env = "SALA_MEDIA")]
    media: Option<String>,
}

impl Export {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = required_company(common)?;
        let vault = if self.with_secrets { Some(vault(common)?) } else { None };
        let (db, media) = (open(common).await?, media(common, self.media.as_ref())?);
        let bar = progress(None);
        let done = transfer::export(&db, &media, vault.as_ref(), company, &self.target, now(), &bar).await;
        bar.finish_and_clear();
        print_record(common, &done?)?;
        if !common.json && !self.with_secrets {
            print_text(
                "Clients, credentials, subscriptions and waiting work are not in it: --with-secrets takes them along.",
            )?;
        }
        Ok(())
    }
}

//! `sala webhook`.

use clap::{Args, Subcommand};

use super::{Failure, Target, now, open, print_list, print_record, print_text, required_company, vault};
use crate::config::Common;
use crate::webhook::subscription;

#[derive(Debug, Args)]
pub(super) struct Webhook {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Subscribe a URL; the secret that checks signatures is printed once.
    Create {
        /// Where events go.
        #[arg(long, env = "SALA_URL")]
        url: String,
        /// A topic to hear of; repeat for several. Default: all.
        #[arg(long, env = "SALA_TOPIC", value_delimiter = ' ')]
        topic: Vec<String>,
    },
    /// List the subscriptions.
    List,
    /// Start a paused subscription again.
    Resume(Target),
    /// Remove a subscription.
    Remove(Target),
}

impl Webhook {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = required_company(common)?;
        let db = open(common).await?;
        match self.action {
            Action::Create { url, topic } => {
                print_record(common, &subscription::create(&db, &vault(common)?, company, &url, &topic, now()).await?)
            }
            Action::List => print_list(common, &subscription::list(&mut db.read().await?, company).await?),
            Action::Resume(target) => {
                let id: i64 = target.read()?;
                subscription::resume(&db, company, id).await?;
                print_text(&format!("webhook {id} is active"))
            }
            Action::Remove(target) => {
                let id: i64 = target.read()?;
                subscription::remove(&db, company, id, now()).await?;
                print_text(&format!("webhook {id} is removed"))
            }
        }
    }
}

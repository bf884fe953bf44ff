//! `sala webhook`.

use clap::{Args, Subcommand};

use super::{Failure, Target, now, open, print_list, print_record, print_text, required_company, vault};
use crate::config::Common;
use crate::time;
use crate::webhook::{replay, subscription};

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
    /// Send a subscription what it has missed: events whose tries ended, and those of a pause.
    Replay {
        #[command(flatten)]
        target: Target,
        /// From this time on, in the company's zone when it has no offset; events are kept for 90 days.
        #[arg(long, env = "SALA_SINCE")]
        since: String,
    },
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
                let failing = subscription::resume(&db, company, id).await?;
                let zone = time::zone(&mut db.read().await?, company).await?;
                let since = time::text(failing.unwrap_or_else(now), &zone);
                print_text(&format!(
                    "webhook {id} is active; to send what it has missed: sala webhook replay {id} --company {company} --since {since}"
                ))
            }
            Action::Replay { target, since } => {
                let id: i64 = target.read()?;
                let zone = time::zone(&mut db.read().await?, company).await?;
                let at =
                    time::read(&since, &zone).ok_or_else(|| Failure::new(format!("--since {since} is no time")))?;
                let count = replay::replay(&db, company, id, at, now()).await?;
                print_text(&format!("{count} events will be sent to webhook {id}"))
            }
            Action::Remove(target) => {
                let id: i64 = target.read()?;
                subscription::remove(&db, company, id, now()).await?;
                print_text(&format!("webhook {id} is removed"))
            }
        }
    }
}

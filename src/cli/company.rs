//! `sala company`.

use clap::{Args, Subcommand};

use super::{Failure, now, open, open_or_make, print_list, print_record};
use crate::config::Common;
use crate::setting::company;

#[derive(Debug, Args)]
pub(super) struct Company {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a company.
    Create {
        /// Its name.
        #[arg(long, env = "SALA_NAME")]
        name: String,
        /// Its number, the API's companyId. Default: the next free one.
        #[arg(long, env = "SALA_ID")]
        id: Option<i64>,
        /// Its IANA time zone.
        #[arg(long, env = "SALA_TIME_ZONE", default_value = "Asia/Bangkok")]
        time_zone: String,
    },
    /// List the companies.
    List,
}

impl Company {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        match self.action {
            Action::Create { name, id, time_zone } => {
                let db = open_or_make(common).await?;
                print_record(common, &company::create(&db, id, &name, &time_zone, now()).await?)
            }
            Action::List => {
                let db = open(common).await?;
                print_list(common, &company::list(&mut db.read().await?).await?)
            }
        }
    }
}

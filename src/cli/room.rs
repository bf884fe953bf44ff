//! `sala room`.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Failure, now, open, print_record, required_company};
use crate::chat::room;
use crate::config::Common;

#[derive(Debug, Args)]
pub(super) struct Room {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a room for a customer whose id is known; others appear on first contact.
    Create {
        /// The channel account's id.
        #[arg(long, env = "SALA_ACCOUNT")]
        account: String,
        /// What the provider calls the customer: for LINE a user id, U and 32 hexadecimal digits.
        #[arg(long, env = "SALA_EXTERNAL_ID")]
        external_id: String,
        /// The room's id; a new one when not given.
        #[arg(long, env = "SALA_ID")]
        id: Option<Uuid>,
        /// The customer's name.
        #[arg(long, env = "SALA_NAME", default_value = "")]
        name: String,
    },
}

impl Room {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = required_company(common)?;
        let db = open(common).await?;
        match self.action {
            Action::Create { account, external_id, id, name } => {
                print_record(common, &room::create(&db, company, &account, &external_id, id, &name, now()).await?)
            }
        }
    }
}

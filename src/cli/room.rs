//! `sala room`.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Failure, now, open, parts, print_list, print_record, print_text, required_company};
use crate::chat::{account, room, texts};
use crate::config::Common;

#[derive(Debug, Args)]
pub(super) struct Room {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Rebuild the index that a company's messages are searched with.
    Reindex,
    /// Create a room for a customer whose id is known; other rooms appear on first contact.
    Create {
        /// The channel account's id.
        #[arg(long, env = "SALA_ACCOUNT")]
        account: String,
        /// The provider's id of the customer; for LINE a user id: U and 32 hexadecimal digits.
        #[arg(long, env = "SALA_EXTERNAL_ID")]
        external_id: String,
        /// The room's id. Default: a new one.
        #[arg(long, env = "SALA_ID")]
        id: Option<Uuid>,
        /// The customer's name.
        #[arg(long, env = "SALA_NAME", default_value = "")]
        name: String,
    },
    /// List the rooms, the newest first.
    List {
        /// Only those of this channel account.
        #[arg(long, env = "SALA_ACCOUNT")]
        account: Option<String>,
        /// How many, at most 1000.
        #[arg(long, env = "SALA_TAKE", default_value_t = 100)]
        take: i64,
    },
}

impl Room {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = required_company(common)?;
        match self.action {
            Action::Reindex => {
                let app = parts(common, None).await?;
                texts::rebuild(&app, company).await?;
                print_text(&format!("the messages of company {company} are in the index anew"))
            }
            Action::Create { account, external_id, id, name } => {
                let db = open(common).await?;
                let found = account::list(&mut db.read().await?, company).await?;
                let is_line = found.iter().any(|one| one.id == account && one.platform == "line" && !one.sandbox);
                if is_line && !channel::line::is_chat_id(&external_id) {
                    let why =
                        "--external-id of a LINE customer is U and 32 hexadecimal digits (C of a group, R of a room)";
                    return Err(Failure::new(why));
                }
                print_record(common, &room::create(&db, company, &account, &external_id, id, &name, now()).await?)
            }
            Action::List { account, take } => {
                let db = open(common).await?;
                let mut conn = db.read().await?;
                print_list(common, &room::list(&mut conn, company, account.as_deref(), take.clamp(1, 1000)).await?)
            }
        }
    }
}

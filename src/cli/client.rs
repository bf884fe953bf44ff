//! `sala client`.

use clap::{Args, Subcommand};

use super::{Failure, Target, now, open, print_list, print_text};
use crate::config::Common;
use crate::http::openapi::Operations;
use crate::{http, oauth};

#[derive(Debug, Args)]
pub(super) struct Client {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a client; its secret and key are printed once, as JSON.
    Create {
        /// A name for people.
        #[arg(long, env = "SALA_NAME")]
        name: String,
        /// A scope it may have; repeat for several. Default: all.
        #[arg(long, env = "SALA_SCOPE", value_delimiter = ' ')]
        scope: Vec<String>,
    },
    /// List the clients.
    List,
    /// Revoke a client and its tokens.
    Revoke(Target),
}

impl Client {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = super::required_company(common)?;
        let db = open(common).await?;
        match self.action {
            Action::Create { name, scope } => {
                let known = Operations::read(&http::document()).scopes();
                if let Some(unknown) = scope.iter().find(|scope| !known.contains(scope)) {
                    return Err(Failure::new(format!("--scope {unknown} is none of {}", known.join(", "))));
                }
                let scopes = if scope.is_empty() { known } else { scope };
                let client = oauth::create_client(&db, company, &name, &scopes, now()).await?;
                print_text(&serde_json::to_string(&client).map_err(|error| Failure::new(error.to_string()))?)
            }
            Action::List => print_list(common, &oauth::list_clients(&mut db.read().await?, company).await?),
            Action::Revoke(target) => {
                let id: String = target.read()?;
                oauth::revoke_client(&db, company, &id, now()).await?;
                print_text(&format!("client {id} is revoked"))
            }
        }
    }
}

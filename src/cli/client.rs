//! `sala client`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Failure, Target, note, now, open, print_list, print_text};
use crate::config::Common;
use crate::oauth::Given;
use crate::{http, oauth};

#[derive(Debug, Args)]
pub(super) struct Client {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a client. Its secret and key are printed once, as JSON.
    Create {
        /// A name that people recognise.
        #[arg(long, env = "SALA_NAME")]
        name: String,
        /// A scope to grant; repeat for several. Default: all.
        #[arg(long, env = "SALA_SCOPE", value_delimiter = ' ')]
        scope: Vec<String>,
        /// The id that existing programs already use. Default: a new one.
        #[arg(long, env = "SALA_ID")]
        id: Option<String>,
        /// The secret that they already use; better in SALA_CLIENT_SECRET.
        #[arg(long, env = "SALA_CLIENT_SECRET", hide_env_values = true)]
        secret: Option<String>,
        /// The subscription key that they already use; better in SALA_SUBSCRIPTION_KEY.
        #[arg(long, env = "SALA_SUBSCRIPTION_KEY", hide_env_values = true)]
        key: Option<String>,
        /// The type of status.code in answers: text, as documented, or number, for programs that compare it with 1000.
        #[arg(long, env = "SALA_STATUS_CODE", value_enum, default_value_t = StatusCode::Text)]
        status_code: StatusCode,
    },
    /// Replace a client's secret and subscription key (printed once). The old ones stop at once, tokens within their hour.
    RotateSecret(Target),
    /// List the clients.
    List,
    /// Revoke a client and its tokens.
    Revoke(Target),
}

/// The type of `status.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatusCode {
    Text,
    Number,
}

impl Client {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = super::required_company(common)?;
        let db = open(common).await?;
        match self.action {
            Action::Create { name, scope, id, secret, key, status_code } => {
                let known = http::operations().scopes();
                if let Some(unknown) = scope.iter().find(|scope| !known.contains(scope)) {
                    return Err(Failure::new(format!("--scope {unknown} is not one of {}", known.join(", "))));
                }
                let scopes = if scope.is_empty() { known } else { scope };
                let given = Given { id, secret, key, number_codes: status_code == StatusCode::Number };
                let client = oauth::create_client_as(&db, company, &name, &scopes, given, now()).await?;
                print_text(&serde_json::to_string(&client).map_err(|error| Failure::new(error.to_string()))?)?;
                note("The secret and the key are shown only once.")
            }
            Action::RotateSecret(target) => {
                let id: String = target.read()?;
                let (secret, key) = oauth::rotate_client(&db, company, &id).await?;
                let renewed = json!({"client_id": id, "client_secret": secret, "subscription_key": key});
                print_text(&renewed.to_string())?;
                note("The secret and the key are shown only once.")
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

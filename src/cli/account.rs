//! `sala account`.

use std::io::Read;

use channel::Platform;
use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Target, note, now, open, print_list, print_record, print_text, required_company, vault};
use crate::chat::account::{self, Credentials, NewAccount};
use crate::config::Common;

#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Connect a channel account, or create a sandbox account.
    Create {
        /// line, messenger, instagram, whatsapp or web.
        #[arg(long, env = "SALA_PLATFORM")]
        platform: String,
        /// A name that people recognise.
        #[arg(long, env = "SALA_NAME")]
        name: String,
        #[command(flatten)]
        secrets: Secrets,
        /// Deliver to Sala itself instead of a provider.
        #[arg(long, env = "SALA_SANDBOX", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
        sandbox: bool,
        /// Use another address for the provider: a simulator or a proxy.
        #[arg(long, env = "SALA_API_BASE")]
        api_base: Option<String>,
        /// An answer that is too late for its free reply token: pay for a push, wait for a person, or never pay.
        #[arg(long, env = "SALA_LATE_PUSH", value_enum, default_value_t = LatePush::Yes)]
        late_push: LatePush,
    },
    /// Replace an account's credentials; its rooms and waiting messages stay.
    Renew {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Resume an account that was stopped (quota used up, or credentials refused) after the cause is fixed.
    Resume(Target),
    /// List the accounts.
    List,
    /// Disable an account.
    Remove(Target),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LatePush {
    Yes,
    Ask,
    No,
}

/// A channel's secrets: as options, from the environment, or as two lines of standard input.
#[derive(Args)]
struct Secrets {
    /// The channel secret; better in SALA_CHANNEL_SECRET, or `-` to read it from standard input.
    #[arg(long, env = "SALA_CHANNEL_SECRET", hide_env_values = true)]
    channel_secret: Option<String>,
    /// The channel access token; better in SALA_ACCESS_TOKEN, or `-` to read it from standard input, after the secret.
    #[arg(long, env = "SALA_ACCESS_TOKEN", hide_env_values = true)]
    access_token: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    fn read(self) -> Result<Credentials, Failure> {
        let mut input = String::new();
        if self.channel_secret.as_deref() == Some("-") || self.access_token.as_deref() == Some("-") {
            std::io::stdin().read_to_string(&mut input)?;
        }
        let mut lines = input.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut value = |given: Option<String>, option: &str| {
            let given = if given.as_deref() == Some("-") { lines.next().map(str::to_owned) } else { given };
            given
                .filter(|value| !value.trim().is_empty())
                .ok_or_else(|| Failure::new(format!("{option} is required (or --sandbox instead of credentials)")))
        };
        let channel_secret = value(self.channel_secret, "--channel-secret")?;
        let access_token = value(self.access_token, "--access-token")?;
        Ok(Credentials { channel_secret, access_token })
    }
}

impl Account {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let company = required_company(common)?;
        let db = open(common).await?;
        match self.action {
            Action::Resume(target) => {
                let id: String = target.read()?;
                print_record(common, &account::resume(&db, company, &id, now()).await?)
            }
            Action::Create { platform, name, secrets, sandbox, api_base, late_push } => {
                let platform = Platform::read(&platform).ok_or_else(|| {
                    Failure::new(format!("--platform {platform} is not one of {}", known_platforms()))
                })?;
                if !sandbox && platform != Platform::Line {
                    let why = "only LINE accounts take credentials so far; use --sandbox for this platform";
                    return Err(Failure::new(why));
                }
                if let Some(base) = &api_base
                    && !base.starts_with("http://")
                    && !base.starts_with("https://")
                {
                    return Err(Failure::new("--api-base must begin with https:// or http://"));
                }
                let credentials = if sandbox { None } else { Some(secrets.read()?) };
                let late_push = match late_push {
                    LatePush::Yes => "yes",
                    LatePush::Ask => "ask",
                    LatePush::No => "no",
                };
                let new =
                    NewAccount { company, platform, name, credentials, api_base, late_push: late_push.to_owned() };
                let is_line = platform == Platform::Line && !sandbox;
                let made = account::create(&db, &vault(common)?, new, now()).await?;
                print_record(common, &made)?;
                if !common.json && is_line {
                    let base = std::env::var("SALA_PUBLIC_URL").unwrap_or_else(|_| "https://YOUR-ADDRESS".to_owned());
                    note(&format!(
                        "Webhook URL for LINE's console: {}/channels/line/{}\nSwitch on \"Use webhook\" and \"Webhook \
                         redelivery\" there; then sala doctor says what is still wrong.",
                        base.trim_end_matches('/'),
                        made.id
                    ))?;
                }
                Ok(())
            }
            Action::Renew { target, secrets } => {
                let id: String = target.read()?;
                let credentials = secrets.read()?;
                print_record(common, &account::renew(&db, &vault(common)?, company, &id, &credentials, now()).await?)
            }
            Action::List => print_list(common, &account::list(&mut db.read().await?, company).await?),
            Action::Remove(target) => {
                let id: String = target.read()?;
                account::remove(&db, company, &id, now()).await?;
                print_text(&format!("account {id} is removed"))
            }
        }
    }
}

fn known_platforms() -> String {
    Platform::ALL.iter().map(|platform| platform.name()).collect::<Vec<_>>().join(", ")
}

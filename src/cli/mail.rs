//! `sala mail`.

use clap::{Args, Subcommand};

use super::{Failure, print_text};
use crate::config::Smtp;
use crate::mail::smtp::Mailer;

#[derive(Debug, Args)]
pub(super) struct Mail {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send a test e-mail with the settings of `serve`, and print the SMTP server's answer.
    Test {
        /// The recipient's address.
        #[arg(long, env = "SALA_TO", value_name = "ADDRESS")]
        to: String,
        #[command(flatten)]
        smtp: Smtp,
    },
}

impl Mail {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Action::Test { to, smtp } = self.action;
        crate::app::use_tls();
        let mailer = Mailer::open(&smtp).map_err(Failure::new)?;
        let mailer = mailer.ok_or_else(|| Failure::new("no SMTP server is set: SALA_SMTP_HOST, SALA_SMTP_FROM, …"))?;
        let answer = mailer.trial(&to).await.map_err(Failure::new)?;
        print_text(&format!("{} took it: {answer}", mailer.address()))
    }
}

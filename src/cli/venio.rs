//! `sala import venio`: brings a company over from another server that speaks this API.

use std::process::ExitCode;

use clap::Args;

use super::import::{NOT_ALL, tell};
use super::{Failure, now, print_list, print_text, progress};
use crate::app::App;
use crate::config::Common;
use crate::import::venio::{self, Account, Kind, Order, Report};
use crate::time;

#[derive(Debug, Args)]
pub(super) struct Venio {
    /// The other server's address, such as https://api.gofive.co.th.
    #[arg(long, env = "SALA_VENIO_BASE_URL")]
    base_url: reqwest::Url,
    /// The API client's id there.
    #[arg(long, env = "SALA_VENIO_CLIENT_ID")]
    client_id: String,
    /// Its secret; better in SALA_VENIO_CLIENT_SECRET, or `-` to read it from standard input.
    #[arg(long, env = "SALA_VENIO_CLIENT_SECRET", hide_env_values = true)]
    client_secret: String,
    /// The subscription key, where the server asks for one; better in SALA_VENIO_SUBSCRIPTION_KEY.
    #[arg(long, env = "SALA_VENIO_SUBSCRIPTION_KEY", hide_env_values = true)]
    subscription_key: Option<String>,
    /// Only what changed at or after this time (in the company's time zone, unless it has an offset).
    #[arg(long, env = "SALA_SINCE")]
    since: Option<String>,
    /// Calls per second at most.
    #[arg(long, env = "SALA_RATE", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Only this kind of record; repeat for several. Default: all.
    #[arg(long, env = "SALA_KIND", value_delimiter = ' ')]
    kind: Vec<Kind>,
    /// The role for employees whose own role does not exist here; without it they are refused.
    #[arg(long, env = "SALA_DEFAULT_ROLE")]
    default_role: Option<String>,
}

impl Venio {
    pub(super) async fn run(self, app: &App, common: &Common, company: i64) -> Result<ExitCode, Failure> {
        let since =
            match &self.since {
                None => None,
                Some(text) => {
                    let zone = time::zone(&mut app.db.read().await?, company).await?;
                    let at = time::read(text, &zone);
                    Some(at.ok_or_else(|| {
                        Failure::new(format!("--since {text} is not a time such as 2026-01-31T08:00:00"))
                    })?)
                }
            };
        let kinds = Kind::ALL.into_iter().filter(|kind| self.kind.is_empty() || self.kind.contains(kind)).collect();
        let order = Order { company, kinds, since, default_role: self.default_role };
        let client_secret = match self.client_secret.as_str() {
            "-" => std::io::read_to_string(std::io::stdin())?.trim().to_owned(),
            secret => secret.to_owned(),
        };
        let account = Account {
            base_url: self.base_url.to_string(),
            client_id: self.client_id,
            client_secret,
            subscription_key: self.subscription_key,
            rate: self.rate,
        };
        let bar = progress(None);
        let watch = |report: &Report| {
            let count = |number: i64| u64::try_from(number).unwrap_or_default();
            if let Some(there) = report.there {
                bar.set_length(count(there));
            }
            bar.set_position(count(report.read));
            bar.set_message(format!("{:?}, {} refused", report.kind, report.failed));
        };
        let copied = venio::run(&app.db, app.http.clone(), account, &order, now, watch).await;
        bar.finish_and_clear();
        let reports = copied?;
        let refused = venio::refused(&app.db, company).await?;
        for record in &refused {
            tell(&format!("{} {}: {}", record.step, record.code, record.faults))?;
        }
        if common.json {
            print_list(common, &reports)?;
        } else {
            reports.iter().try_for_each(|report| print_text(&sentence(report)))?;
        }
        let failed = reports.iter().any(|report| report.failed > 0) || !refused.is_empty();
        Ok(if failed { ExitCode::from(NOT_ALL) } else { ExitCode::SUCCESS })
    }
}

/// What became of a kind of record, in words.
fn sentence(report: &Report) -> String {
    let Report { kind, there, read, created, updated, unchanged, older, failed, here } = report;
    let there = there.map_or_else(|| "an unknown number".to_owned(), |there| there.to_string());
    format!(
        "{kind:?}: {there} there, {read} read, {created} created, {updated} updated, {unchanged} unchanged, {older} older, \
         {failed} refused; {here} here"
    )
}

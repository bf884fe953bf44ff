//! `sala webhook`: what the API offers about subscriptions.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, Target, note, now, open, print_list, print_record, print_text, required_company, vault};
use crate::config::Common;
use crate::event::catalogue::{self, EventKind};
use crate::http::{Conditions, Patch};
use crate::time;
use crate::webhook::replay::{self, Span};
use crate::webhook::subscription::{self, WebhookWrite};
use crate::webhook::{api, client, history};

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
        #[command(flatten)]
        what: What,
    },
    /// List the subscriptions.
    List,
    /// List the events that a subscription can get.
    Events,
    /// Change a subscription; options that are not given keep their value.
    Update {
        #[command(flatten)]
        target: Target,
        /// Where events go.
        #[arg(long, env = "SALA_URL")]
        url: Option<String>,
        #[command(flatten)]
        what: What,
    },
    /// Pause a subscription: it gets nothing until it is resumed.
    Pause(Target),
    /// Start a paused subscription again.
    Resume(Target),
    /// Post a test event and print the result; the exit code is 1 when it did not arrive.
    Test(Target),
    /// Replace a subscription's secret (printed once); for a day, both secrets sign.
    RotateSecret(Target),
    /// List the latest deliveries and their results, the newest first.
    Deliveries {
        #[command(flatten)]
        target: Target,
        /// Only pending, delivered or failed ones.
        #[arg(long, env = "SALA_STATE")]
        state: Option<String>,
        /// How many, at most 200.
        #[arg(long, env = "SALA_TAKE", default_value_t = 20)]
        take: i64,
    },
    /// Send a subscription what it missed: events whose tries ended, and those of a pause.
    Replay {
        #[command(flatten)]
        target: Target,
        /// From this time on (in the company's time zone, unless it has an offset); events are kept for 90 days.
        #[arg(long, env = "SALA_SINCE")]
        since: String,
        /// Until this time.
        #[arg(long, env = "SALA_UNTIL")]
        until: Option<String>,
        /// Also the events that already arrived.
        #[arg(long, env = "SALA_ALL", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
        all: bool,
    },
    /// Remove a subscription.
    Remove(Target),
}

/// What a subscription hears, and how.
#[derive(Debug, Args)]
struct What {
    /// A topic, or an event such as Chat.Message; repeat for several. Default: all.
    #[arg(long, env = "SALA_TOPIC", value_delimiter = ' ')]
    topic: Vec<String>,
    /// A description.
    #[arg(long, env = "SALA_DESCRIPTION")]
    description: Option<String>,
    /// full, or thin: only the identifiers of each record.
    #[arg(long, env = "SALA_PAYLOAD")]
    payload: Option<String>,
    /// Calls at once.
    #[arg(long, env = "SALA_PARALLEL")]
    parallel: Option<i64>,
    /// Calls per second from each node.
    #[arg(long, env = "SALA_RATE")]
    rate: Option<i64>,
}

impl What {
    fn write(self, url: Option<String>) -> WebhookWrite {
        fn given<T>(value: Option<T>) -> Patch<T> {
            value.map_or(Patch::Keep, Patch::Set)
        }
        WebhookWrite {
            url,
            topics: if self.topic.is_empty() { Patch::Keep } else { Patch::Set(self.topic) },
            description: given(self.description),
            payload: self.payload,
            parallel: given(self.parallel),
            rate_per_second: given(self.rate),
            state: None,
        }
    }
}

impl Webhook {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        if matches!(self.action, Action::Events) {
            let kinds: Vec<EventKind> = catalogue::all().map(EventKind::from).collect();
            return print_list(common, &kinds);
        }
        let company = required_company(common)?;
        let db = open(common).await?;
        let change = async |id: i64, write: &WebhookWrite| {
            let known = Conditions::default();
            db.write(async |mut tx| subscription::change(&mut tx, company, "system", id, write, &known, now()).await)
                .await
        };
        match self.action {
            Action::Events => Ok(()),
            Action::Create { url, what } => {
                let (secret, write) = (subscription::new_secret(&vault(common)?, company)?, what.write(Some(url)));
                let made = db
                    .write(async |mut tx| subscription::add(&mut tx, company, "system", &write, &secret, now()).await)
                    .await?;
                let topics = made.wishes();
                print_record(
                    common,
                    &json!({"id": made.id, "url": made.url, "topics": topics, "secret": secret.text}),
                )?;
                note("The secret is shown only once.")?;
                tell_private(&made.url)
            }
            Action::List => print_list(common, &subscription::list(&mut db.read().await?, company).await?),
            Action::Update { target, url, what } => {
                let given = url.clone();
                print_record(common, &change(target.read()?, &what.write(url)).await?)?;
                given.map_or(Ok(()), |url| tell_private(&url))
            }
            Action::Pause(target) => {
                let id: i64 = target.read()?;
                let write = WebhookWrite { state: Some("paused".to_owned()), ..WebhookWrite::default() };
                change(id, &write).await?;
                print_text(&format!("webhook {id} is paused"))
            }
            Action::Resume(target) => {
                let id: i64 = target.read()?;
                let failing = subscription::resume(&db, company, id).await?;
                let zone = time::zone(&mut db.read().await?, company).await?;
                let since = time::text(failing.unwrap_or_else(now), &zone);
                print_text(&format!(
                    "webhook {id} is active; to send what it has missed: sala webhook replay {id} --company {company} --since {since}"
                ))
            }
            Action::Test(target) => {
                let app = super::parts(common, None).await?;
                let tested = api::test(&app, company, target.read()?).await?;
                print_record(common, &tested)?;
                if tested.is_delivered() { Ok(()) } else { Err(Failure::new("the test did not arrive")) }
            }
            Action::RotateSecret(target) => {
                let (id, secret): (i64, _) = (target.read()?, subscription::new_secret(&vault(common)?, company)?);
                let until = db
                    .write(async |mut tx| subscription::rotate(&mut tx, company, "system", id, &secret, now()).await)
                    .await?;
                let zone = time::zone(&mut db.read().await?, company).await?;
                let until = time::text(until, &zone);
                print_record(common, &json!({"id": id, "secret": secret.text, "oldSecretUntil": until}))
            }
            Action::Deliveries { target, state, take } => {
                let filter = history::Filter { state, event: None, before: None, take };
                let found = history::find(&mut db.read().await?, company, target.read()?, &filter).await?;
                print_list(common, &found.value)
            }
            Action::Replay { target, since, until, all } => {
                let id: i64 = target.read()?;
                let zone = time::zone(&mut db.read().await?, company).await?;
                let from =
                    time::read(&since, &zone).ok_or_else(|| Failure::new(format!("--since {since} is not a time")))?;
                let to = match until {
                    Some(until) => time::read_end(&until, &zone)
                        .ok_or_else(|| Failure::new(format!("--until {until} is not a time")))?,
                    None => i64::MAX,
                };
                let count = replay::replay_span(&db, company, id, Span { from, to, all }, now()).await?;
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

/// Says of an address inside the own network that a server has to be told to post there.
fn tell_private(url: &str) -> Result<(), Failure> {
    let is_allowed = std::env::var("SALA_ALLOW_PRIVATE_WEBHOOKS").is_ok_and(|text| text == "true" || text == "1");
    let is_private = reqwest::Url::parse(url)
        .is_ok_and(|url| client::names_private_address(&url) || url.host_str() == Some("localhost"));
    if is_private && !is_allowed {
        note("This is a private address: start the server with --allow-private-webhooks, or nothing arrives.")?;
    }
    Ok(())
}

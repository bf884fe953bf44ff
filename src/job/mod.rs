//! Background work: rows that say that something is to be done, claimed with a lease, run at least once.
//!
//! A job has a kind and a key and at most one row: "room 26259b2c has messages to deliver". What exactly is to be done is
//! read from the tables when it runs, so asking twice is asking once, and work on one key never runs twice at a time:
//! that is what keeps a room's messages in order. A request for work that comes during a run moves the row's version,
//! and the run's end sees it and leaves the row for another run.
//!
//! A job has a lane besides: what it shares its places with, such as a subscription or a channel account. A node claims
//! no more of a lane, of a company and of a kind than it has places for, so whoever is slow keeps nobody else waiting.

mod ask;
pub mod dead;
mod due;
mod each;
mod loops;
mod purge;
mod runner;
mod share;

use db::Conn;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::app::App;
use crate::chat::{delivery, line, texts};
use crate::http::Error;
use crate::sales::contract;
use crate::{
    attachment, import, inbox, mail, media, privacy, product, refold, report, sales, service, task, telemetry, webhook,
};

pub use ask::{Wanted, enqueue, enqueue_all, enqueue_in, hasten};
pub use each::each_company;
pub use loops::Loops;
pub use runner::{Runner, attend, run_due, start};
pub use share::Shares;

/// A job that fails so many times in a row is set aside, visibly: new work on its subject revives it.
const MOST_FAILURES: i64 = 60;

/// What kinds of work there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Hand a room's waiting messages to their provider. Key: the room.
    Deliver,
    /// Post a subscription's waiting events. Key: subscription and subject.
    Webhook,
    /// Fetch a customer's name and picture. Key: the contact.
    Profile,
    /// Fetch a message's media. Key: the media.
    Media,
    /// Fetch a file of a record. Key: the attachment.
    File,
    /// Delete the bytes of a file that was removed, or that never got a record. Key: the attachment.
    Discard,
    /// Ask a provider how much of the month's quota is left. Key: the account.
    Quota,
    /// Put everything about a customer into an archive, and delete it when its time is over. Key: the privacy request.
    Export,
    /// Remove the person from a customer's records. Key: the privacy request.
    Erase,
    /// Load a file of records, or take that back. Key: the import.
    Import,
    /// Write the products of a company's tickets. Key: empty, one ticket after another.
    Products,
    /// Remind of a record at its time. Key: the kind of record, its number, and the time.
    Remind,
    /// Bring what is compared to this program's fold. Key: the kind of record.
    Refold,
    /// Add up the figures of reports. Key: empty.
    Tally,
    /// Put messages into their text index. Key: empty.
    Texts,
    /// Say which quotations have expired and which orders are overdue. Key: empty.
    Due,
    /// Look at a contract whose time has come: it begins, ends, is due to be renewed, or promises a visit. Key: the contract.
    Contract,
    /// Open a room again that was put off. Key: the room.
    Snooze,
    /// Hand an e-mail to the SMTP server. Key: the e-mail.
    Mail,
    /// Delete what is past its time. Key: empty.
    Purge,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 20] = [
        Kind::Deliver,
        Kind::Webhook,
        Kind::Profile,
        Kind::Media,
        Kind::File,
        Kind::Discard,
        Kind::Quota,
        Kind::Export,
        Kind::Erase,
        Kind::Import,
        Kind::Products,
        Kind::Remind,
        Kind::Refold,
        Kind::Tally,
        Kind::Texts,
        Kind::Due,
        Kind::Contract,
        Kind::Snooze,
        Kind::Mail,
        Kind::Purge,
    ];

    /// The kind of this word, as it is in the database.
    pub fn named(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == word)
    }

    /// The word in the database and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Deliver => "deliver",
            Kind::Webhook => "webhook",
            Kind::Profile => "profile",
            Kind::Media => "media",
            Kind::File => "file",
            Kind::Discard => "discard",
            Kind::Quota => "quota",
            Kind::Export => "export",
            Kind::Erase => "erase",
            Kind::Import => "import",
            Kind::Products => "products",
            Kind::Remind => "remind",
            Kind::Refold => "refold",
            Kind::Tally => "tally",
            Kind::Texts => "texts",
            Kind::Due => "due",
            Kind::Contract => "contract",
            Kind::Snooze => "snooze",
            Kind::Mail => "mail",
            Kind::Purge => "purge",
        }
    }
}

/// A job that this node holds.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// The tenant; 0 for the server's own work.
    pub company: i64,
    /// What kind of work.
    pub kind: Kind,
    /// Which one of the kind.
    pub key: String,
    version: i64,
    /// Workers in a row that ended before the job did.
    lost: i64,
    /// Runs so far that did not end the job, this one included.
    pub tries: i64,
    worker: Uuid,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing is left to do.
    Done,
    /// To be run again at this time (Unix milliseconds); counts as a further try.
    At(i64),
    /// To be run again at this time as if for the first time: what was in the way is no fault of the work.
    Later(i64),
    /// To be run again at once; something was achieved.
    Again,
    /// The run ended its job itself, in its own last unit of work; see [`finish`].
    Finished,
}

async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    match job.kind {
        Kind::Deliver => delivery::run(app, job).await,
        Kind::Webhook => webhook::delivery::run(app, job).await,
        // Boxed: these are rarer and large, and every other job's future would be as large.
        Kind::Profile => Box::pin(line::fetch_profile(app, job)).await,
        Kind::Media => Box::pin(media::fetch(app, job)).await,
        Kind::File | Kind::Discard => Box::pin(attachment::run(app, job)).await,
        Kind::Quota => Box::pin(line::check_quota(app, job)).await,
        Kind::Export => Box::pin(privacy::export::run(app, job)).await,
        Kind::Erase => Box::pin(privacy::erase::run(app, job)).await,
        Kind::Import => Box::pin(import::run(app, job)).await,
        Kind::Products => Box::pin(product::ticket::run(app, job)).await,
        Kind::Remind if job.key.starts_with("case:") => Box::pin(service::case::run(app, job)).await,
        Kind::Remind => Box::pin(task::run(app, job)).await,
        Kind::Refold => Box::pin(refold::run(app, job)).await,
        Kind::Tally => Box::pin(report::tally::run(app)).await,
        Kind::Texts => Box::pin(texts::run(app)).await,
        Kind::Due => Box::pin(sales::due::run(app)).await,
        Kind::Contract => Box::pin(contract::run(app, job)).await,
        Kind::Snooze => Box::pin(inbox::wake(app, job)).await,
        Kind::Mail => Box::pin(mail::run::run(app, job)).await,
        Kind::Purge => Box::pin(purge::run(app)).await,
    }
}

/// Notes that the present request or job has asked for work: its end wakes the search.
fn asked(kind: Kind) {
    telemetry::tell(|work| work.asked |= 1 << kind as u32);
}

/// Ends a run in the caller's transaction: the job is gone, unless work was asked for meanwhile.
pub async fn finish(tx: &mut Conn, job: &Job, now: i64) -> Result<(), db::Error> {
    let gone = tx
        .sql("delete from job where company = $1 and kind = $2 and key = $3 and worker = $4 and version = $5")
        .bind(job.company)
        .bind(job.kind.name())
        .bind(&job.key)
        .bind(job.worker)
        .bind(job.version)
        .exec()
        .await?;
    if gone == 0 {
        put_back(tx, job, now, 0, None).await?;
    }
    Ok(())
}

/// Says in the caller's transaction that a job has come further: a worker that ends after this was not ended by what was
/// done before.
pub async fn advance(tx: &mut Conn, company: i64, kind: Kind, key: &str) -> Result<(), db::Error> {
    tx.sql("update job set lost = 0 where company = $1 and kind = $2 and key = $3 and lost > 0")
        .bind(company)
        .bind(kind.name())
        .bind(key)
        .later()
        .await
}

/// Gives a job back, to be run at this time.
async fn put_back(tx: &mut Conn, job: &Job, at: i64, tries: i64, error: Option<&str>) -> Result<(), db::Error> {
    tx.sql(
        "update job set worker = null, run_at = $1, tries = $2, error = $3,
                failures = case when $8 then failures + 1 else 0 end,
                dead = dead or ($8 and failures + 1 >= $9), lost = 0
         where company = $4 and kind = $5 and key = $6 and worker = $7",
    )
    .bind(at)
    .bind(tries)
    .bind(error)
    .bind(job.company)
    .bind(job.kind.name())
    .bind(&job.key)
    .bind(job.worker)
    .bind(error.is_some())
    .bind(MOST_FAILURES)
    .exec()
    .await?;
    Ok(())
}

/// Wakes this node's search for work; other nodes find the work when they next look.
#[derive(Debug, Default)]
pub struct Wakes(Notify);

impl Wakes {
    /// Says that there is work of this kind. To be called after the commit: readers see nothing before it.
    pub fn wake(&self, _kind: Kind) {
        self.0.notify_one();
    }

    /// The same for what a request or a job has asked for, once it has ended.
    pub fn wake_all(&self, asked: u32) {
        if asked != 0 {
            self.0.notify_one();
        }
    }

    async fn woken(&self) {
        self.0.notified().await;
    }
}

/// How long to wait before try number `tries + 1`: doubling from a second to `most`, a fifth more or less by chance.
pub fn backoff(tries: i64, most: i64) -> i64 {
    let exponent = u32::try_from(tries.clamp(1, 30) - 1).unwrap_or(0);
    let base = 1000_i64.saturating_mul(1 << exponent).min(most);
    let mut random = [0; 2];
    // Without randomness every node waits equally long; that is all.
    let _ = getrandom::fill(&mut random);
    let share = i64::from(u16::from_le_bytes(random)) * 400 / 65_535 - 200;
    base + base * share / 1000
}

/// What `doctor` and the metrics tell of the queue.
#[derive(Debug)]
pub struct Depth {
    /// The kind of work.
    pub kind: Kind,
    /// Jobs that wait or run, among the first [`MOST_COUNTED`] of all kinds.
    pub waiting: i64,
    /// How long the oldest due one has waited, in milliseconds.
    pub lag: i64,
}

/// A longer queue is not counted to its end: whoever asks for its depth would wait for it.
pub const MOST_COUNTED: i64 = 50_000;

/// The queue's depth, kind by kind; of a longer queue than is counted, that of the jobs which have waited longest.
pub async fn depths(conn: &mut Conn, now: i64) -> Result<Vec<Depth>, db::Error> {
    let found: Vec<(String, i64, i64)> = conn
        .sql(
            "select kind, count(*), min(run_at) from
               (select kind, run_at from job where not dead order by run_at limit $1) as first
             group by kind",
        )
        .bind(MOST_COUNTED)
        .all()
        .await?;
    let depth = |kind: Kind| {
        let found = found.iter().find(|(found, ..)| found == kind.name());
        let (waiting, lag) = found.map_or((0, 0), |(_, waiting, first)| (*waiting, (now - first).max(0)));
        Depth { kind, waiting, lag }
    };
    Ok(Kind::ALL.map(depth).into())
}

#[cfg(test)]
mod tests {
    use super::backoff;

    #[test]
    fn waits_double_up_to_the_most() {
        for (tries, base) in [(1, 1000), (2, 2000), (5, 16_000), (30, 900_000)] {
            let wait = backoff(tries, 900_000);
            assert!((base * 8 / 10..=base * 12 / 10).contains(&wait), "{tries}: {wait}");
        }
    }
}

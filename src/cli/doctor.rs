//! `sala doctor`: what is wrong, and how to mend it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use channel::line;
use clap::Args;
use db::{Conn, Db, MigrationState};
use serde::{Deserialize, Serialize};

use super::{Failure, media_place, now, open_unmigrated, print_text, sqlite_file, vault};
use crate::chat::account::{self, Credentials};
use crate::config::{Common, Smtp};
use crate::document;
use crate::mail::smtp::Mailer;
use crate::media::Store;
use crate::setting::profile;
use crate::setting::retention::{self, Retention};
use crate::vault::Vault;
use crate::{MIGRATIONS, job, refold};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Do not call providers.
    #[arg(long, env = "SALA_OFFLINE", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
    /// Where media are kept, as for `serve`.
    #[arg(long, env = "SALA_MEDIA")]
    media: Option<String>,
    /// The program that makes documents, as for `serve`.
    #[arg(long, env = "SALA_RENDER")]
    render: Option<PathBuf>,
    #[command(flatten)]
    smtp: Smtp,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    ok: bool,
    message: String,
}

#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn good(&mut self, check: &str, message: impl Into<String>) {
        self.0.push(Finding { check: check.to_owned(), ok: true, message: message.into() });
    }

    fn bad(&mut self, check: &str, message: impl Into<String>) {
        self.0.push(Finding { check: check.to_owned(), ok: false, message: message.into() });
    }
}

/// Less free space than this on the data's disk is a finding (bytes).
const LOW_DISK: u64 = 1024 * 1024 * 1024;

/// A job that has been due for longer than this is a finding (milliseconds).
const MOST_LAG: i64 = 10 * 60 * 1000;

impl Doctor {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let mut report = Report::default();
        let vault = vault(common).map_err(|failure| report.bad("secret key", failure.to_string())).ok();
        if vault.is_some() {
            report.good("secret key", "is there");
        }
        check_disk(&mut report, common);
        check_clock(&mut report);
        self.check_media(&mut report, common).await;
        self.check_render(&mut report).await;
        self.check_mail(&mut report).await;
        match open_unmigrated(common, 2).await {
            Err(failure) => report.bad("database", format!("{failure}; check --database")),
            Ok(db) => self.check_database(&mut report, &db, vault.as_ref()).await,
        }
        let well = report.0.iter().all(|finding| finding.ok);
        if common.json {
            print_text(&serde_json::to_string(&report.0).map_err(|error| Failure::new(error.to_string()))?)?;
        } else {
            for finding in &report.0 {
                let mark = if finding.ok { "ok  " } else { "BAD " };
                print_text(&format!("{mark} {}: {}", finding.check, finding.message))?;
            }
        }
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn check_media(&self, report: &mut Report, common: &Common) {
        let place = media_place(common, self.media.as_ref());
        let checked = async { Store::open(&place)?.check().await }.await;
        match checked {
            Ok(()) => report.good("media store", format!("{place} answers")),
            Err(error) => report.bad("media store", format!("{place}: {error}; check --media")),
        }
    }

    async fn check_render(&self, report: &mut Report) {
        match document::program::try_out(self.render.as_deref()).await {
            Ok(Some(program)) => report.good("documents", format!("{} makes them", program.display())),
            // A server that makes none is well; whoever asks for one is told.
            Ok(None) => {
                report.good("documents", "are refused: there is no sala-render beside this program; see --render")
            }
            Err(why) => report.bad("documents", format!("{why}; check --render")),
        }
    }

    /// Logs in to the SMTP server, as `serve` would with the same settings.
    async fn check_mail(&self, report: &mut Report) {
        crate::app::use_tls();
        match Mailer::open(&self.smtp) {
            Err(why) => report.bad("e-mail", why),
            Ok(None) => report.good("e-mail", "no SMTP server is set (SALA_SMTP_HOST); none is sent"),
            Ok(Some(mailer)) if self.offline => {
                report.good("e-mail", format!("goes to {}; not tried (--offline)", mailer.place()));
            }
            Ok(Some(mailer)) => match mailer.test().await {
                Ok(message) => report.good("e-mail", message),
                Err(why) => report.bad("e-mail", format!("{why}; check the SALA_SMTP settings")),
            },
        }
    }

    async fn check_database(&self, report: &mut Report, db: &Db, vault: Option<&Vault>) {
        match db.migration_state(MIGRATIONS).await {
            Ok(MigrationState::Current) => report.good("migrations", "the schema is current"),
            Ok(MigrationState::Pending(count)) => {
                report.bad("migrations", format!("{count} are missing; run: sala migrate"));
                return;
            }
            Ok(MigrationState::Newer(version)) => {
                report.bad(
                    "migrations",
                    format!("the database is at version {version}, newer than this program; upgrade it"),
                );
                return;
            }
            Ok(MigrationState::Changed(version)) => {
                report.bad(
                    "migrations",
                    format!("migration {version} is not the one that was applied; use the released program"),
                );
                return;
            }
            Err(error) => {
                report.bad("database", format!("{error}; check --database"));
                return;
            }
        }
        let checked = async {
            let mut conn = db.read().await?;
            check_jobs(report, &mut conn).await?;
            check_webhooks(report, &mut conn).await?;
            check_retention(report, &mut conn).await?;
            check_imports(report, &mut conn).await?;
            check_clashes(report, &mut conn).await?;
            accounts(&mut conn).await
        };
        match checked.await {
            Ok(accounts) => {
                report.good("database", format!("{} answers", db.kind()));
                for account in accounts {
                    self.check_account(report, &account, vault).await;
                }
            }
            Err(error) => report.bad("database", error.to_string()),
        }
    }

    async fn check_account(&self, report: &mut Report, account: &AccountRow, vault: Option<&Vault>) {
        let check = format!("account {} ({})", account.id, account.name);
        match account.state.as_str() {
            "stopped" => {
                let why = "stopped: the month's paid messages are used up; raise the plan or wait for the next month";
                report.bad(&check, why);
                return;
            }
            "broken" => {
                let reason = account.state_reason.clone().unwrap_or_default();
                report.bad(
                    &check,
                    format!("the provider refuses its credentials ({reason}); run: sala account renew {}", account.id),
                );
                return;
            }
            _ => {}
        }
        let Some(sealed) = &account.secrets else { return report.good(&check, "is a sandbox") };
        let Some(vault) = vault else { return };
        let plain = vault.open(&account::purpose(account.company), sealed);
        let credentials = plain.ok().and_then(|plain| serde_json::from_slice::<Credentials>(&plain).ok());
        let Some(credentials) = credentials else {
            let why =
                format!("its credentials cannot be decrypted with this key; run: sala account renew {}", account.id);
            return report.bad(&check, why);
        };
        if self.offline {
            return report.good(&check, "has credentials; not tried (--offline)");
        }
        match try_line(&credentials, account.api_base.as_deref()).await {
            Ok(message) => report.good(&check, message),
            Err(why) => report.bad(&check, why),
        }
    }
}

#[derive(Deserialize)]
struct AccountRow {
    company: i64,
    id: String,
    name: String,
    state: String,
    state_reason: Option<String>,
    secrets: Option<Vec<u8>>,
    api_base: Option<String>,
}

async fn accounts(conn: &mut Conn) -> Result<Vec<AccountRow>, db::Error> {
    conn.sql(
        "select company, id, name, state, state_reason, secrets, api_base from account
         where state <> 'removed' order by company, created_at limit 1000",
    )
    .all()
    .await
}

/// Asks LINE who the account is, and where its callbacks go.
async fn try_line(credentials: &Credentials, api_base: Option<&str>) -> Result<String, String> {
    let credentials = line::Credentials::new(&credentials.access_token, api_base);
    let http =
        reqwest::Client::builder().timeout(Duration::from_secs(10)).build().map_err(|error| error.to_string())?;
    let ask = async |request: Result<http::Request<Vec<u8>>, channel::Refusal>| {
        let request = request.map_err(|refusal| refusal.to_string())?;
        let request = reqwest::Request::try_from(request).map_err(|error| error.to_string())?;
        let answer = http.execute(request).await.map_err(|error| crate::chat::line::describe(&error))?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|error| crate::chat::line::describe(&error))?;
        Ok::<_, String>((status, body))
    };
    let (status, body) = ask(line::bot_info(&credentials)).await?;
    if status != 200 {
        return Err(format!("LINE answers {status} to its access token; run: sala account renew"));
    }
    let bot = line::read_bot_info(&body).map_err(|error| error.to_string())?;
    let (status, body) = ask(line::webhook_endpoint(&credentials)).await?;
    match line::read_webhook_endpoint(&body) {
        Ok(endpoint) if status == 200 && endpoint.active => Ok(format!(
            "LINE knows it as {} and calls {}; switch webhook redelivery on in LINE's console",
            bot.name, endpoint.endpoint
        )),
        Ok(endpoint) if status == 200 => Err(format!(
            "LINE knows its webhook {} but does not use it; switch it on in LINE's console",
            endpoint.endpoint
        )),
        _ => Err("LINE has no webhook address for it; enter https://…/channels/line/<account id> in LINE's console"
            .to_owned()),
    }
}

async fn check_jobs(report: &mut Report, conn: &mut Conn) -> Result<(), db::Error> {
    let lag = job::depths(conn, now()).await?.iter().map(|depth| depth.lag).max().unwrap_or_default();
    match lag > MOST_LAG {
        true => {
            report.bad(
                "jobs",
                format!(
                    "the oldest has waited {} minutes; is a server with --role worker or all running?",
                    lag / 60_000
                ),
            );
        }
        false => report.good("jobs", "none waits too long"),
    }
    let dead: i64 = conn.sql("select count(*) from job where dead").one().await?;
    if dead > 0 {
        report
            .bad("jobs", format!("{dead} failed for good; sala job list says why, sala job retry lets them run again"));
    }
    Ok(())
}

async fn check_webhooks(report: &mut Report, conn: &mut Conn) -> Result<(), db::Error> {
    #[derive(Deserialize)]
    struct Row {
        company: i64,
        id: i64,
        state: String,
        state_reason: Option<String>,
    }
    let rows: Vec<Row> = conn
        .sql(
            "select company, id, state, state_reason from webhook
             where state in ('paused', 'ended') or (state = 'active' and failing_since < $1)
             order by company, id limit 1000",
        )
        .bind(now() - 60 * 60 * 1000)
        .all()
        .await?;
    for row in rows {
        let check = format!("webhook {} of company {}", row.id, row.company);
        match row.state.as_str() {
            "ended" => report.bad(
                &check,
                format!(
                    "was ended by its receiver (410); sala webhook remove {} --company {}, or resume it",
                    row.id, row.company
                ),
            ),
            "paused" => {
                let reason = row.state_reason.unwrap_or_default();
                report.bad(
                    &check,
                    format!(
                        "is paused: {reason}; mend the receiver, then: sala webhook resume {} --company {}",
                        row.id, row.company
                    ),
                );
            }
            _ => report.bad(&check, "has failed for more than an hour; look at its receiver"),
        }
    }
    Ok(())
}

/// Says how long each company keeps what only tells of its work, and whether what is older is really gone.
async fn check_retention(report: &mut Report, conn: &mut Conn) -> Result<(), db::Error> {
    const LATE: i64 = 2 * 24 * 60 * 60 * 1000;
    let companies: Vec<i64> = conn.sql("select company from company order by company limit 1000").all().await?;
    for company in companies {
        let check = format!("retention of company {company}");
        let Ok(setting) = profile::of(conn, company).await else { continue };
        let ages = Retention::of(&setting);
        let audit = ages.audit.map_or_else(|| "for good".to_owned(), |days| format!("{days} days"));
        let kept = format!(
            "keeps events {} days, deliveries {}, tries {}, e-mails {}, the audit trail {audit}; answers to repeated requests a day",
            ages.events, ages.deliveries, ages.attempts, ages.mails
        );
        let oldest: Option<i64> =
            conn.sql("select at from event where company = $1 order by id limit 1").bind(company).optional().await?;
        match oldest {
            Some(at) if at < retention::before(now(), ages.events) - LATE => {
                report.bad(&check, format!("{kept}; older events are still there: is a server with jobs running?"));
            }
            _ => report.good(&check, kept),
        }
    }
    Ok(())
}

async fn check_imports(report: &mut Report, conn: &mut Conn) -> Result<(), db::Error> {
    let half: Vec<i64> = conn.sql("select company from company_import order by company limit 1000").all().await?;
    for company in half {
        let why = "is read in by half: run the same sala import company again, which goes on where it stopped";
        report.bad(&format!("company {company}"), why);
    }
    Ok(())
}

async fn check_clashes(report: &mut Report, conn: &mut Conn) -> Result<(), db::Error> {
    for clash in refold::clashes(conn).await? {
        let why = format!(
            "{} looks the same as that of another record, which alone is found by it; rename one, or merge them: it is \
             looked at again within a day",
            clash.record
        );
        report.bad(&format!("{} of company {}", clash.kind, clash.company), why);
    }
    Ok(())
}

/// Tries the data's disk by its free space.
fn check_disk(report: &mut Report, common: &Common) {
    let folder = sqlite_file(&common.database).and_then(|file| file.parent().map(std::path::Path::to_owned));
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| ".".into());
    match fs4::available_space(&folder) {
        Ok(free) if free < LOW_DISK => {
            report.bad("disk", format!("{} MB are free at {}; make room", free / 1024 / 1024, folder.display()));
        }
        Ok(free) => report.good("disk", format!("{} MB are free", free / 1024 / 1024)),
        Err(error) => report.bad("disk", format!("{}: {error}", folder.display())),
    }
}

/// A clock from before this program was written is wrong: signatures and tokens would fail.
fn check_clock(report: &mut Report) {
    const BUILT_AFTER: i64 = 1_763_856_000_000;
    match now() > BUILT_AFTER {
        true => report.good("clock", "is plausible"),
        false => report.bad("clock", "is in the past; set the machine's clock (NTP)"),
    }
}

//! `sala doctor`: what is wrong, and how to mend it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use channel::line;
use clap::Args;
use db::{Conn, Db, MigrationState};
use serde::{Deserialize, Serialize};

use super::keys::Stored;
use super::lock::Lock;
use super::{Failure, key_file, media_place, now, open_unmigrated, print_text, sqlite_file, vault};
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
    /// The media store, as for `serve`.
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
        report.good("program", super::build());
        let vault = check_key(&mut report, common);
        check_server(&mut report, common);
        check_disk(&mut report, common);
        check_clock(&mut report);
        self.check_media(&mut report, common).await;
        self.check_render(&mut report).await;
        self.check_mail(&mut report).await;
        // Only looked at: a doctor makes no database, no key and no folder.
        let missing = sqlite_file(&common.database).filter(|file| !file.exists());
        match open_unmigrated_unless(missing.is_some(), common).await {
            None => report.bad(
                "database",
                format!(
                    "{} is not there; make a company: sala company create --name NAME",
                    missing.unwrap_or_default().display()
                ),
            ),
            Some(Err(failure)) => report.bad("database", format!("{failure}; check --database")),
            Some(Ok(db)) => self.check_database(&mut report, &db, vault.as_ref()).await,
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
        let address = media_place(common, self.media.as_ref());
        if !address.starts_with("s3://") && !std::path::Path::new(&address).exists() {
            return report.good("media store", format!("{address} is not there yet; the server makes it"));
        }
        let checked = async { Store::open(&address)?.check().await }.await;
        match checked {
            Ok(()) => report.good("media store", format!("{address} answers")),
            Err(error) => report.bad("media store", format!("{address}: {error}; check --media")),
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
                report.good("e-mail", format!("goes to {}; not tried (--offline)", mailer.address()));
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
                check_secrets(report, db, vault).await;
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
                report.bad(
                    &check,
                    format!(
                        "stopped: the month's paid messages are used up; raise the plan, then: sala account resume {} \
                         --company {}, or wait for the next month",
                        account.id, account.company
                    ),
                );
                return;
            }
            "broken" => {
                let reason = account.state_reason.clone().unwrap_or_default();
                report.bad(
                    &check,
                    format!(
                        "the provider refuses its credentials ({reason}); run: sala account renew {} --company {} \
                         --channel-secret - --access-token -, and type both",
                        account.id, account.company
                    ),
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
            let why = format!(
                "its credentials cannot be decrypted with this key; put the right key back, or run: sala account renew {} \
                 --company {} --channel-secret - --access-token -, and type both",
                account.id, account.company
            );
            return report.bad(&check, why);
        };
        if account.refused_at > account.last_callback_at {
            let at = account.refused_at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()).unwrap_or_default();
            report.bad(
                &check,
                format!(
                    "a callback was refused at {at}: its signature does not match; copy the channel secret from the \
                     provider's console and run: sala account renew {} --company {} --channel-secret - --access-token -, and \
                     type both",
                    account.id, account.company
                ),
            );
        }
        if self.offline {
            return report.good(&check, "has credentials; not tried (--offline)");
        }
        match try_line(&credentials, account).await {
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
    last_callback_at: Option<i64>,
    refused_at: Option<i64>,
}

async fn accounts(conn: &mut Conn) -> Result<Vec<AccountRow>, db::Error> {
    conn.sql(
        "select company, id, name, state, state_reason, secrets, api_base, last_callback_at, refused_at from account
         where state <> 'removed' order by company, created_at limit 1000",
    )
    .all()
    .await
}

/// Looks whether the key opens what is stored with it; accounts are told of one by one.
async fn check_secrets(report: &mut Report, db: &Db, vault: Option<&Vault>) {
    let stored = match Stored::read(db).await {
        Ok(stored) => stored,
        Err(failure) => return report.bad("secret key", failure.to_string()),
    };
    let Some(vault) = vault else {
        if !stored.is_empty() {
            report.bad(
                "secret key",
                "is not there, and the database holds credentials that were encrypted with it; put it back",
            );
        }
        return;
    };
    for name in stored.closed_to(vault).into_iter().filter(|name| name.starts_with("webhook")) {
        let why = "its secret cannot be decrypted with this key; put the right key back, or run: sala webhook \
                   rotate-secret ID --company NUMBER";
        report.bad(name, why);
    }
}

/// Opens the database, unless that would make it.
async fn open_unmigrated_unless(missing: bool, common: &Common) -> Option<Result<Db, Failure>> {
    if missing { None } else { Some(open_unmigrated(common, 2).await) }
}

/// Reads the key, and makes none.
fn check_key(report: &mut Report, common: &Common) -> Option<Vault> {
    let file = key_file(&common.database).filter(|_| common.secret_key.is_none());
    if let Some(file) = file.filter(|file| !file.exists()) {
        match sqlite_file(&common.database).is_some_and(|database| database.exists()) {
            true => {
                report.good("secret key", format!("{} is not there yet; it is made when it is needed", file.display()))
            }
            false => report.good("secret key", "is made with the first credentials"),
        }
        return None;
    }
    match vault(common) {
        Ok(vault) => {
            report.good("secret key", "is there");
            Some(vault)
        }
        Err(failure) => {
            report.bad("secret key", failure.to_string());
            None
        }
    }
}

/// Says whether a server uses the database; of PostgreSQL it is not known.
fn check_server(report: &mut Report, common: &Common) {
    if sqlite_file(&common.database).is_some() {
        match Lock::held(&common.database) {
            Some(Some(process)) => report.good("server", format!("runs as process {process}")),
            Some(None) => report.good("server", "runs"),
            None => report.good("server", "none runs on this database now"),
        }
    }
}

/// Asks LINE who the account is, and where its callbacks go.
async fn try_line(credentials: &Credentials, account: &AccountRow) -> Result<String, String> {
    let credentials = line::Credentials::new(&credentials.access_token, account.api_base.as_deref());
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
        return Err(format!(
            "LINE answers {status} to its access token; run: sala account renew {} --company {} --channel-secret - \
             --access-token -, and type both",
            account.id, account.company
        ));
    }
    let bot = line::read_bot_info(&body).map_err(|error| error.to_string())?;
    let (status, body) = ask(line::webhook_endpoint(&credentials)).await?;
    let path = format!("/channels/line/{}", account.id);
    match line::read_webhook_endpoint(&body) {
        Ok(endpoint) if status == 200 && !endpoint.endpoint.trim_end_matches('/').ends_with(&path) => Err(format!(
            "LINE calls {}, which is not this account; enter https://YOUR-ADDRESS{path} in LINE's console",
            endpoint.endpoint
        )),
        Ok(endpoint) if status == 200 && endpoint.active => Ok(format!(
            "LINE knows it as {} and calls {}; switch webhook redelivery on in LINE's console",
            bot.name, endpoint.endpoint
        )),
        Ok(endpoint) if status == 200 => Err(format!(
            "LINE knows its webhook {} but does not use it; switch it on in LINE's console",
            endpoint.endpoint
        )),
        _ => Err(format!("LINE has no webhook address for it; enter https://YOUR-ADDRESS{path} in LINE's console")),
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
        let why = "was imported only in part: run the same sala import company again, which goes on where it stopped";
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

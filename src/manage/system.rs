//! The server as its people see it: what needs somebody's eye, how old the backup is, and the jobs that failed for good.
//! `sala doctor` looks at the whole machine; this looks at what a company may know of it.

use axum::extract::State;
use db::{Conn, MigrationState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::audit::{self, Change};
use crate::chat::account;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Listing, Query, Reply};
use crate::job::{Kind, dead};
use crate::webhook::subscription;
use crate::{MIGRATIONS, backup};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_system))
        .routes(routes!(list_failed_jobs))
        .routes(routes!(retry_failed_jobs))
}

/// Something that was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SystemFinding {
    /// What was looked at: `schema`, `media`, `disk`, `jobs_late`, `jobs_failed`, `webhook`, `account`, `account_silent`,
    /// `backup`.
    #[schema(example = "jobs_failed")]
    code: &'static str,
    /// Whether it is well.
    #[schema(example = false)]
    ok: bool,
    /// Which one: the name of an account, the address of a webhook.
    subject: Option<String>,
    /// How many, or how much: jobs, minutes, megabytes, days.
    #[schema(example = 3)]
    number: Option<i64>,
    /// The same for people.
    #[schema(example = "3 jobs failed for good")]
    message: String,
}

/// The newest backup of `sala backup`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SystemBackup {
    /// When it was made: Unix time in milliseconds.
    at: i64,
    /// How many bytes it has.
    #[schema(example = 1_048_576)]
    bytes: u64,
    /// Whether the media store was copied, too.
    with_media: bool,
}

/// The server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct System {
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// `sqlite` or `postgres`.
    #[schema(example = "sqlite")]
    database: String,
    /// The version of the database's schema that this program knows.
    #[schema(example = 27)]
    schema_version: i64,
    /// The address under which customers and providers reach it; null when none is set.
    public_url: Option<String>,
    /// Jobs of the company that wait or run, at most 10,000.
    #[schema(example = 0)]
    waiting_jobs: i64,
    /// Jobs of the company that failed for good, at most 1,000.
    #[schema(example = 0)]
    failed_jobs: i64,
    /// The newest backup; null when `sala backup` was never used, as with PostgreSQL, which has tools of its own.
    backup: Option<SystemBackup>,
    /// What was looked at, what is not well first.
    findings: Vec<SystemFinding>,
    /// The time on the server: Unix time in milliseconds.
    now: i64,
}

/// A job that is tried no more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FailedJob {
    /// What kind of work: `deliver`, `webhook`, …
    #[schema(example = "media")]
    kind: String,
    /// Which one of the kind: the room, the file, the subscription.
    key: String,
    /// How often it was tried.
    #[schema(example = 60)]
    tries: i64,
    /// What the last run complained of.
    error: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FailedQuery {
    /// Only this kind of work.
    kind: Option<String>,
}

/// Which jobs are to run again; all of the company when nothing is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RetryJobs {
    /// Only this kind of work.
    #[schema(example = "media")]
    kind: Option<String>,
    /// Only this one of the kind.
    key: Option<String>,
}

/// How many jobs run again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RetriedJobs {
    /// So many.
    #[schema(example = 3)]
    retried: u64,
}

/// A job that has been due for longer is a finding, in milliseconds.
const MOST_LAG: i64 = 10 * 60 * 1000;

/// Less free space on the data's disk is a finding, in bytes.
const LOW_DISK: u64 = 1024 * 1024 * 1024;

/// An older backup is a finding, in milliseconds.
const OLD_BACKUP: i64 = 7 * DAY;

/// An account that was never called for so long is a finding, in milliseconds.
const SILENT: i64 = DAY;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Jobs are counted no further.
const MOST_JOBS: i64 = 10_000;

#[derive(Default)]
struct Findings(Vec<SystemFinding>);

impl Findings {
    fn add(&mut self, code: &'static str, ok: bool, subject: Option<&str>, number: Option<i64>, message: String) {
        self.0.push(SystemFinding { code, ok, subject: subject.map(str::to_owned), number, message });
    }
}

/// Look at the server: its version, what needs somebody's eye, the age of its backup.
#[utoipa::path(
    get,
    path = "/v1/system",
    operation_id = "getSystem",
    tag = "Operations",
    responses((status = 200, description = "The server.", body = Envelope<System>)),
    security(("bearerAuth" = ["system:read"], "subscriptionKey" = []))
)]
async fn get_system(State(app): State<App>, caller: Caller) -> Result<Reply<System>, Error> {
    let now = app.now();
    let mut findings = Findings::default();
    let current = matches!(app.db.migration_state(MIGRATIONS).await, Ok(MigrationState::Current));
    let schema = if current { "the schema is current" } else { "the schema is not this program's" };
    findings.add("schema", current, None, None, schema.to_owned());
    match app.media.check().await {
        Ok(()) => findings.add("media", true, None, None, "the media store answers".to_owned()),
        // What it says may name places that are the operator's business.
        Err(error) => {
            tracing::warn!(%error, "the media store does not answer");
            findings.add("media", false, None, None, "the media store does not answer".to_owned());
        }
    }
    check_disk(&app, &mut findings);
    let mut conn = app.db.read().await?;
    let (waiting_jobs, failed_jobs) = check_jobs(&mut conn, caller.company, now, &mut findings).await?;
    check_webhooks(&mut conn, caller.company, now, &mut findings).await?;
    check_accounts(&mut conn, &caller, now, &mut findings).await?;
    drop(conn);
    let backup = check_backup(&app, now, &mut findings).await;
    findings.0.sort_by_key(|finding| finding.ok);
    Ok(Reply::ok(System {
        version: env!("CARGO_PKG_VERSION"),
        database: app.db.kind().to_string(),
        schema_version: MIGRATIONS.last().map_or(0, |migration| migration.version),
        public_url: app.config.public_url.clone(),
        waiting_jobs,
        failed_jobs,
        backup,
        findings: findings.0,
        now,
    }))
}

fn check_disk(app: &App, findings: &mut Findings) {
    let Some(folder) = app.config.database_file.as_deref().and_then(std::path::Path::parent) else { return };
    let folder = if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder };
    let Ok(free) = fs4::available_space(folder) else { return };
    let megabytes = i64::try_from(free / 1024 / 1024).unwrap_or(i64::MAX);
    findings.add("disk", free >= LOW_DISK, None, Some(megabytes), format!("{megabytes} MB are free"));
}

async fn check_jobs(conn: &mut Conn, company: i64, now: i64, findings: &mut Findings) -> Result<(i64, i64), Error> {
    let (waiting, first): (i64, Option<i64>) = conn
        .sql(
            "select count(*), min(run_at) from
               (select run_at from job where company = $1 and not dead limit $2) as first",
        )
        .bind(company)
        .bind(MOST_JOBS)
        .one()
        .await?;
    let lag = first.map_or(0, |first| (now - first).max(0));
    let minutes = lag / 60_000;
    findings.add(
        "jobs_late",
        lag <= MOST_LAG,
        None,
        Some(minutes),
        format!("the oldest job waits for {minutes} minutes"),
    );
    let failed = i64::try_from(dead::list(conn, Some(company), None).await?.len()).unwrap_or_default();
    findings.add("jobs_failed", failed == 0, None, Some(failed), format!("{failed} jobs failed for good"));
    Ok((waiting, failed))
}

async fn check_webhooks(conn: &mut Conn, company: i64, now: i64, findings: &mut Findings) -> Result<(), Error> {
    for row in subscription::list(conn, company).await? {
        let failing = row.failing_since.is_some_and(|since| since < now - 60 * 60 * 1000);
        let what = match row.state.as_str() {
            "ended" => "was ended by its receiver",
            "paused" => "is paused",
            _ if failing => "has failed for more than an hour",
            _ => "delivers",
        };
        findings.add("webhook", what == "delivers", Some(&row.url), Some(row.id), format!("{} {what}", row.url));
    }
    Ok(())
}

async fn check_accounts(conn: &mut Conn, caller: &Caller, now: i64, findings: &mut Findings) -> Result<(), Error> {
    for row in account::list(conn, caller.company).await?.into_iter().filter(|row| caller.sees_account(&row.id)) {
        let well = row.state == "active";
        let reason = row.state_reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
        findings.add("account", well, Some(&row.name), None, format!("{} is {}{reason}", row.name, row.state));
        if !row.sandbox && well && row.last_callback_at.is_none() && row.created_at < now - SILENT {
            findings.add("account_silent", false, Some(&row.name), None, format!("{} was never called", row.name));
        }
    }
    Ok(())
}

/// The mark that `sala backup` leaves beside an SQLite database. PostgreSQL is saved by tools of its own.
async fn check_backup(app: &App, now: i64, findings: &mut Findings) -> Option<SystemBackup> {
    let database = app.config.database_file.clone()?;
    let mark = tokio::task::spawn_blocking(move || backup::last(&database)).await.ok().flatten();
    let Some(mark) = mark else {
        findings.add("backup", false, None, None, "sala backup was never used".to_owned());
        return None;
    };
    let days = (now - mark.at).max(0) / DAY;
    findings.add(
        "backup",
        now - mark.at <= OLD_BACKUP,
        None,
        Some(days),
        format!("the newest backup is {days} days old"),
    );
    Some(SystemBackup { at: mark.at, bytes: mark.bytes, with_media: mark.media_files.is_some() })
}

/// The kind of work that a word names.
fn kind(word: Option<&str>, faults: &mut Faults) -> Option<Kind> {
    let word = word.map(str::trim).filter(|word| !word.is_empty())?;
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == word);
    if found.is_none() {
        faults.add(Code::InvalidValue, "kind", format!("kind must be one of {}", Kind::ALL.map(Kind::name).join(", ")));
    }
    found
}

/// List the jobs that failed for good, and why.
#[utoipa::path(
    get,
    path = "/v1/jobs/failed",
    operation_id = "listFailedJobs",
    tag = "Operations",
    params(FailedQuery),
    responses((status = 200, description = "The jobs: at most 1,000.", body = Envelope<Listing<FailedJob>>)),
    security(("bearerAuth" = ["system:read"], "subscriptionKey" = []))
)]
async fn list_failed_jobs(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FailedQuery>,
) -> Result<Reply<Listing<FailedJob>>, Error> {
    let mut faults = Faults::default();
    let kind = kind(query.kind.as_deref(), &mut faults);
    faults.end()?;
    let rows = dead::list(&mut app.db.read().await?, Some(caller.company), kind).await?;
    let value: Vec<FailedJob> = rows
        .into_iter()
        .map(|row| FailedJob { kind: row.kind, key: row.key, tries: row.tries, error: row.error })
        .collect();
    let total = i64::try_from(value.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(value, total)))
}

/// Let jobs that failed for good run again, once what stopped them is mended.
#[utoipa::path(
    post,
    path = "/v1/jobs/failed/retry",
    operation_id = "retryFailedJobs",
    tag = "Operations",
    request_body = RetryJobs,
    responses((status = 200, description = "How many run again.", body = Envelope<RetriedJobs>)),
    security(("bearerAuth" = ["system:write"], "subscriptionKey" = []))
)]
async fn retry_failed_jobs(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<RetryJobs>,
) -> Result<Reply<RetriedJobs>, Error> {
    let mut faults = Faults::new(faults);
    let kind = kind(input.kind.as_deref(), &mut faults);
    if input.key.is_some() && kind.is_none() {
        faults.add(Code::Required, "kind", "kind is required with key");
    }
    faults.end()?;
    let reply = caller
        .write(&app, async |mut tx| {
            let which = (Some(caller.company), kind, input.key.as_deref());
            let retried = dead::revive(&mut tx, which, app.now()).await?;
            let change = Change {
                company: caller.company,
                reference: "system/jobs".to_owned(),
                actor: &caller.id,
                action: "retried",
                at: app.now(),
            };
            if retried > 0 {
                let to = json!({"kind": kind.map(Kind::name), "key": input.key, "retried": retried});
                audit::record(&mut tx, &change, &json!({}), &to).await?;
            }
            tx.reply(Reply::ok(RetriedJobs { retried })).await
        })
        .await?;
    app.wakes.wake(kind.unwrap_or(Kind::Deliver));
    Ok(reply)
}

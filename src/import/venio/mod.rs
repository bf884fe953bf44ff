//! Bringing a company over from another server that speaks this API.
//!
//! Record after record is read there and written here as a client of the API would write it, so a copy can be run again at
//! any time: what is the same already stays untouched. How far it has come is written down with each record; a copy that
//! was cut off goes on there. Nothing is deleted here because it is missing there.
//!
//! Deals, documents, contracts and expenses are history: they keep their numbers, statuses, dates and amounts, whatever the
//! rules here, and nobody is told of them.

mod kind;
mod lists;
mod sales;
mod source;
mod store;

use db::Db;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::kind::Kind;
pub(crate) use self::source::Account;
use self::source::{Page, Source};
use self::store::Progress;
pub(crate) use self::store::Refused;
use crate::http::{Caller, Code, Error, Fault, Faults};

/// What is to be copied.
#[derive(Debug)]
pub(crate) struct Order {
    /// The tenant that the records are for.
    pub(crate) company: i64,
    /// What of it.
    pub(crate) kinds: Vec<Kind>,
    /// Only what was changed at or after this time, in Unix milliseconds.
    pub(crate) since: Option<i64>,
    /// The role of employees whose own role is not in the list of roles here.
    pub(crate) default_role: Option<String>,
}

/// What became of one kind of record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// The kind.
    pub(crate) kind: Kind,
    /// How many the other server says it has; null when it does not say.
    pub(crate) there: Option<i64>,
    /// How many came from it.
    pub(crate) read: i64,
    /// How many were made here.
    pub(crate) created: i64,
    /// How many were changed here.
    pub(crate) updated: i64,
    /// How many were the same already.
    pub(crate) unchanged: i64,
    /// How many were left out because they were not changed since.
    pub(crate) older: i64,
    /// How many could not be taken.
    pub(crate) failed: i64,
    /// How many there are here now.
    pub(crate) here: i64,
}

/// Copies, and tells after every page how far it is.
pub(crate) async fn run(
    db: &Db,
    http: reqwest::Client,
    account: Account,
    order: &Order,
    now: impl Fn() -> i64,
    mut tell: impl FnMut(&Report),
) -> Result<Vec<Report>, Error> {
    let mut source = Source::new(http, account);
    let caller = Caller::acting(order.company, "system");
    let mut reports = Vec::new();
    for kind in &order.kinds {
        for step in kind.steps() {
            let mut progress = Progress::open(db, order, &source.name(), *step, now()).await?;
            let task = Task { db, caller: &caller, order, step: *step };
            while let Some(page) = next_page(&mut source, db, &mut progress, *step).await? {
                task.take(&mut source, &mut progress, page, &now).await?;
                tell(&progress.report(db, *kind).await?);
            }
            progress.end(db, now()).await?;
            if step.is_counted() {
                reports.push(progress.report(db, *kind).await?);
            }
        }
    }
    Ok(reports)
}

/// Records that could not be taken, or not as a whole: the first 1,000.
pub(crate) async fn refused(db: &Db, company: i64) -> Result<Vec<Refused>, Error> {
    Ok(store::refused(db, company).await?)
}

/// Reads the page that the copy has come to; none when there is no more.
async fn next_page(
    source: &mut Source,
    db: &Db,
    progress: &mut Progress,
    step: kind::Step,
) -> Result<Option<Page>, Error> {
    if progress.is_read {
        return Ok(None);
    }
    if step == kind::Step::Lists {
        let rows = if progress.skip == 0 { lists::rows(source).await? } else { Vec::new() };
        return Ok((!rows.is_empty()).then_some(Page { rows, total: None, next: None }));
    }
    let query = step.query(progress.skip, progress.cursor.as_deref(), progress.since);
    let page = if step.may_lack() {
        let Some(page) = source.list_if_any(step.path(), &query).await? else {
            let message = format!("POST {}: the other server has no such list, or not for this client", step.path());
            progress.lack(db, Fault::new(Code::NotFound, step.path(), message)).await?;
            return Ok(None);
        };
        page
    } else {
        source.list(step.path(), &query).await?
    };
    let page = if step == kind::Step::Expenses { sales::ungrouped(page, progress.cursor.as_deref()) } else { page };
    let first = page.rows.first().and_then(|row| step.code_of(row));
    if page.rows.is_empty() || (progress.cursor.is_none() && progress.skip > 0 && first == progress.first) {
        // A server that knows no skip gives its first page again.
        return Ok(None);
    }
    if progress.skip == 0 {
        progress.first = first;
    }
    Ok(Some(page))
}

/// What records are written with.
struct Task<'a> {
    db: &'a Db,
    caller: &'a Caller,
    order: &'a Order,
    step: kind::Step,
}

impl Task<'_> {
    /// Takes what of a page was not taken before it was cut off.
    async fn take(
        &self,
        source: &mut Source,
        progress: &mut Progress,
        page: Page,
        now: &impl Fn() -> i64,
    ) -> Result<(), Error> {
        let rows = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
        progress.total = page.total.or(progress.total);
        let done = usize::try_from(progress.done).unwrap_or_default();
        for row in page.rows.into_iter().skip(done) {
            let code = self.step.code_of(&row).unwrap_or_default();
            let record = match self.step.is_older(&row, progress.since) {
                true => None,
                false => self.step.whole(source, &code, row).await?,
            };
            self.write(progress, &code, record, now()).await?;
        }
        progress.turn(self.db, rows, page.next).await
    }

    /// Writes one record, and that it was dealt with, in one unit of work. What is at fault is written down instead.
    async fn write(&self, progress: &mut Progress, code: &str, record: Option<Value>, now: i64) -> Result<(), Error> {
        let Some(record) = record else { return progress.pass(self.db).await };
        let written = self
            .db
            .write(async |mut tx| {
                let mut left = Faults::default();
                let outcome = self.step.put(&mut tx, self.caller, &record, self.order, now, &mut left).await?;
                progress.count(&mut tx, code, outcome, left.list()).await?;
                Ok::<_, Error>(outcome)
            })
            .await;
        match written {
            Ok(outcome) => progress.counted(outcome),
            Err(error) if error.status().is_server_error() => return Err(error),
            Err(error) => {
                let faults = json!(error.faults());
                progress.fail(self.db, code, &faults).await?;
            }
        }
        Ok(())
    }
}

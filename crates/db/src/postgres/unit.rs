//! A unit of work on PostgreSQL.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use deadpool_postgres::Object;
use serde::de::DeserializeOwned;
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Fault, Postgres, Shared, fetch, lost, prepare, stale};
use crate::{Conn, Error, Stats, Value, sqlite::lock};

/// How often a unit runs before a conflict or a lost connection is given to the caller.
const RUNS: u32 = 5;

/// How long an abandoned connection may take to roll back before its statement is cancelled.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long a request to cancel may take.
const CANCEL: Duration = Duration::from_secs(5);

type Pending = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

#[derive(Default)]
pub(super) struct Counts {
    commits: AtomicU64,
    busy: AtomicU64,
    again: AtomicU64,
}

impl Counts {
    pub(super) fn busy(&self) {
        self.busy.fetch_add(1, Relaxed);
    }

    pub(super) fn stats(&self) -> Stats {
        let commits = self.commits.load(Relaxed);
        Stats {
            commits,
            members: commits,
            largest_group: commits.min(1),
            busy: self.busy.load(Relaxed),
            run_again: self.again.load(Relaxed),
            ..Stats::default()
        }
    }
}

pub(super) async fn write<T, E, F>(postgres: &Postgres, unit: impl Fn(Conn) -> F) -> Result<T, E>
where
    E: From<Error>,
    F: Future<Output = Result<T, E>> + Send,
{
    let mut run = 1;
    loop {
        let client = Arc::new(postgres.get().await?);
        let scope = Scope { unit: Arc::new(Unit::new(client)), tls: postgres.tls.clone() };
        let answer = tokio::time::timeout(postgres.hold, unit(Conn::unit(Arc::clone(&scope.unit)))).await;
        let Ok(answer) = answer else {
            tracing::warn!("a unit of work held its connection for too long and was rolled back");
            postgres.counts.busy();
            return Err(Error::Busy.into());
        };
        match scope.end(answer.is_ok()).await {
            Ok(()) => {
                postgres.counts.commits.fetch_add(u64::from(answer.is_ok()), Relaxed);
                return answer;
            }
            Err(failure) if failure.again && run < RUNS => {
                postgres.counts.again.fetch_add(1, Relaxed);
                pause(run).await;
                run += 1;
            }
            // The unit's own error says more than the database's, but an Ok over a failed statement is none.
            Err(failure) => return answer.and(Err(failure.error.into())),
        }
    }
}

/// The transaction of a unit, begun by its first statement.
pub(crate) struct Unit {
    state: Mutex<State>,
}

struct State {
    /// Taken away when the unit has ended, whoever still holds a handle.
    client: Option<Shared>,
    begun: bool,
    /// Sent with the next statement that is waited for.
    pending: Vec<Pending>,
    /// A statement is on its way. Still set when the next one starts: its future was dropped, and with it its result.
    under_way: bool,
    failed: Option<Failure>,
}

#[derive(Clone)]
struct Failure {
    error: Error,
    again: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, again: false }
    }
}

impl Unit {
    fn new(client: Shared) -> Self {
        let state = State { client: Some(client), begun: false, pending: Vec::new(), under_way: false, failed: None };
        Self { state: Mutex::new(state) }
    }

    pub(crate) async fn fetch<R: DeserializeOwned>(
        &self,
        text: &str,
        values: &[Value],
        most: usize,
    ) -> Result<Vec<R>, Error> {
        let client = self.enter()?;
        let result = async {
            let statement = prepare(&client, text, values).await?;
            let rows = fetch(&client, &statement, values, most);
            Pipeline::new(self.lead(&client), rows).await.first()
        };
        let result = result.await;
        self.leave(&client, result)
    }

    pub(crate) async fn exec(&self, text: &str, values: &[Value]) -> Result<u64, Error> {
        let client = self.enter()?;
        let result = async {
            let statement = prepare(&client, text, values).await?;
            let changed = async { client.execute_raw(&statement, values).await.map_err(Fault::from) };
            Pipeline::new(self.lead(&client), changed).await.first()
        };
        let result = result.await;
        self.leave(&client, result)
    }

    pub(crate) async fn later(&self, text: &str, values: Vec<Value>) -> Result<(), Error> {
        let client = self.enter()?;
        let result = prepare(&client, text, &values).await;
        let statement = self.leave(&client, result)?;
        let pending = async move { client.execute_raw(&statement, &values).await.map(drop) };
        lock(&self.state).pending.push(Box::pin(pending));
        Ok(())
    }

    /// Before a statement: whether the unit can still go on.
    fn enter(&self) -> Result<Shared, Error> {
        let mut state = lock(&self.state);
        if state.under_way {
            state.failed.get_or_insert_with(|| Error::Sql("a statement was dropped before it had ended".into()).into());
        }
        if let Some(failure) = &state.failed {
            return Err(failure.error.clone());
        }
        let Some(client) = state.client.clone() else {
            return Err(Error::Sql("the unit of work is over".into()));
        };
        state.under_way = true;
        Ok(client)
    }

    /// What has to be sent ahead of the statement.
    fn lead(&self, client: &Shared) -> Vec<Pending> {
        lock(&self.state).lead(client)
    }

    /// After a statement: remembers a failure, so that the unit cannot be committed any more.
    fn leave<T>(&self, client: &Shared, result: Result<T, Fault>) -> Result<T, Error> {
        let mut state = lock(&self.state);
        state.under_way = false;
        match result {
            Ok(value) => Ok(value),
            Err(Fault::Ours(fault @ Error::Decode(_))) => Err(fault),
            Err(fault) => {
                let failure = failure(client, fault);
                let error = failure.error.clone();
                state.failed.get_or_insert(failure);
                Err(error)
            }
        }
    }
}

impl State {
    fn lead(&mut self, client: &Shared) -> Vec<Pending> {
        let mut lead = std::mem::take(&mut self.pending);
        if !std::mem::replace(&mut self.begun, true) {
            let client = Arc::clone(client);
            lead.insert(0, Box::pin(async move { client.batch_execute("begin").await }));
        }
        lead
    }
}

fn failure(client: &Shared, fault: Fault) -> Failure {
    let again = match &fault {
        Fault::Server(fault) if stale(fault) => {
            client.statement_cache.clear();
            true
        }
        Fault::Server(fault) => conflict(fault) || lost(fault),
        Fault::Ours(_) => false,
    };
    Failure { error: fault.into(), again }
}

/// The server ended the transaction in favour of another one.
fn conflict(fault: &tokio_postgres::Error) -> bool {
    fault
        .code()
        .is_some_and(|code| *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED)
}

/// Ends the unit; when it is dropped instead, the connection is rolled back or closed before anybody else gets it.
struct Scope {
    unit: Arc<Unit>,
    tls: MakeRustlsConnect,
}

impl Scope {
    /// Commits or rolls back. An error means that nothing was written, but for [`Error::Unknown`].
    async fn end(self, keep: bool) -> Result<(), Failure> {
        let (client, begun, lead, failed) = {
            let mut state = lock(&self.unit.state);
            if state.under_way {
                // Dropping the scope cleans up.
                let dropped = || Error::Sql("a statement was dropped before it had ended".into()).into();
                return Err(state.failed.take().unwrap_or_else(dropped));
            }
            let Some(client) = state.client.clone() else {
                return Err(Error::Sql("the unit of work is over".into()).into());
            };
            let commit = keep && state.failed.is_none() && (state.begun || !state.pending.is_empty());
            let begun = state.begun;
            let lead = if commit { Some(state.lead(&client)) } else { None };
            (client, begun, lead, state.failed.take())
        };
        let Some(lead) = lead else {
            if !begun || client.batch_execute("rollback").await.is_ok() {
                self.free();
            }
            return failed.map_or(Ok(()), Err);
        };
        if client.is_closed() {
            return Err(Failure { error: Error::Unavailable("the connection was lost".into()), again: true });
        }
        let ended = Pipeline::new(lead, client.batch_execute("commit")).await;
        match (ended.lead, ended.last) {
            (Ok(()), Ok(())) => {
                self.free();
                Ok(())
            }
            // A failed statement turns COMMIT into a rollback.
            (Err(fault), Ok(())) => {
                self.free();
                Err(failure(&client, Fault::Server(fault)))
            }
            (_, Err(fault)) if lost(&fault) => Err(Error::Unknown.into()),
            (_, Err(fault)) => Err(failure(&client, Fault::Server(fault))),
        }
    }

    /// The connection is clean and may go back to the pool.
    fn free(&self) {
        lock(&self.unit.state).client = None;
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let mut state = lock(&self.unit.state);
        state.pending.clear();
        let Some(client) = state.client.take() else { return };
        if state.begun || state.under_way {
            abandon(client, self.tls.clone());
        }
    }
}

/// Rolls back in the background; a connection that cannot be rolled back soon is closed, never pooled, and the statement
/// that keeps it busy is cancelled: a request that went away must not go on costing.
pub(super) fn abandon(client: Shared, tls: MakeRustlsConnect) {
    let close = |client: Shared| {
        if let Some(object) = Arc::into_inner(client) {
            drop(Object::take(object));
        }
    };
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return close(client);
    };
    runtime.spawn(async move {
        match tokio::time::timeout(PATIENCE, client.batch_execute("rollback")).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => close(client),
            Err(_) => {
                // Closed even if it answers after all: the request to cancel could meet somebody else's statement.
                let _ = tokio::time::timeout(CANCEL, client.cancel_token().cancel_query(tls)).await;
                close(client);
            }
        }
    });
}

/// Sends several requests in one go: each is polled, in order, before any answer is waited for.
struct Pipeline<F: Future> {
    lead: Vec<Option<Pending>>,
    failed: Option<tokio_postgres::Error>,
    last: Pin<Box<F>>,
    answer: Option<F::Output>,
}

struct Ended<T> {
    lead: Result<(), tokio_postgres::Error>,
    last: T,
}

impl<T> Ended<Result<T, Fault>> {
    /// The first failure is the cause of those after it.
    fn first(self) -> Result<T, Fault> {
        self.lead?;
        self.last
    }
}

impl<F: Future> Pipeline<F> {
    fn new(lead: Vec<Pending>, last: F) -> Self {
        Self { lead: lead.into_iter().map(Some).collect(), failed: None, last: Box::pin(last), answer: None }
    }
}

// Nothing in it is pinned in place: the futures are boxed.
impl<F: Future> Unpin for Pipeline<F> {}

impl<F: Future> Future for Pipeline<F> {
    type Output = Ended<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut waiting = false;
        for slot in &mut this.lead {
            if let Some(pending) = slot {
                match pending.as_mut().poll(cx) {
                    Poll::Pending => waiting = true,
                    Poll::Ready(result) => {
                        *slot = None;
                        if let Err(fault) = result {
                            this.failed.get_or_insert(fault);
                        }
                    }
                }
            }
        }
        if this.answer.is_none()
            && let Poll::Ready(answer) = this.last.as_mut().poll(cx)
        {
            this.answer = Some(answer);
        }
        match this.answer.take() {
            Some(last) if !waiting => Poll::Ready(Ended { lead: this.failed.take().map_or(Ok(()), Err), last }),
            answer => {
                this.answer = answer;
                Poll::Pending
            }
        }
    }
}

/// Longer with every run, and not the same for everybody.
async fn pause(run: u32) {
    let mut random = [0_u8; 1];
    // Without randomness the pause is merely regular.
    let _ = getrandom::fill(&mut random);
    tokio::time::sleep(Duration::from_millis(u64::from(run) * (2 + u64::from(random[0]) / 16))).await;
}

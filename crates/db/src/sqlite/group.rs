//! Group commit: the writer's open transaction goes from unit to unit, and one COMMIT ends it for all of them.
//!
//! A unit reads with a reader until it changes or holds something. Then it waits for its turn, runs inside a savepoint (but the
//! first of its group) and, when it ends, passes the open transaction to the next unit that waits. When none waits, or the group
//! is large or old enough, the committing thread writes COMMIT (or the unit's own thread, when the unit is the whole group), and
//! only then does every member learn its answer, errors included, because an error may have been decided on rows of a group
//! that never came to be. When the group as a whole fails, each member runs again in a group of its own.
//!
//! The connection never leaves its mutex: a unit holds a *turn*, and each statement checks that the turn is still its
//! own. So a unit that is dropped, or that holds the writer for too long, can be rolled back from outside.
//!
//! Lock order: connection, then queue.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::{Duration, Instant},
};

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{Notify, oneshot};

use super::{
    Readers, error, lock,
    slot::{Member, Slot},
    text::{self, Entry},
};
use crate::{Conn, Error, Options, Stats};

/// A group is committed when it has so many members, even if more units wait.
const MEMBERS: usize = 64;

/// A unit that was given the turn but does not start (its task is not being polled) loses it after this time.
const START: Duration = Duration::from_millis(50);

/// A unit that begins and an answer step aside so many times at most.
const WAYS: usize = 32;

pub(crate) struct Writer {
    pub(super) connection: Mutex<Connection>,
    interrupt: InterruptHandle,
    /// Whose statements may run, by ticket; zero is nobody. Changed only under the lock of the connection.
    pub(super) current: AtomicU64,
    pub(super) queue: Mutex<Queue>,
    /// Wakes the committing thread.
    commit: Condvar,
    idle: Notify,
    hold: Duration,
    age: Duration,
    commits: AtomicU64,
    members: AtomicU64,
    largest: AtomicU64,
    pub(super) busy: AtomicU64,
    again: AtomicU64,
}

pub(super) struct Queue {
    pub(super) turn: Turn,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) group: Option<Group>,
    pub(super) tickets: u64,
    /// Units under way, those that only read so far included.
    units: usize,
    pub(super) closed: bool,
    pub(super) stopped: bool,
}

pub(super) enum Turn {
    Free,
    /// Offered to a waiting unit that has not started yet.
    Offered {
        waiting: Waiting,
        since: Instant,
    },
    Running {
        ticket: u64,
        since: Instant,
        verdict: oneshot::Sender<Verdict>,
    },
    /// `here`: by the only member itself, not by the committing thread.
    Committing {
        here: bool,
    },
}

#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) ticket: u64,
    pub(super) alone: bool,
    pub(super) offer: Arc<Notify>,
}

/// An open transaction and those who wait for its COMMIT.
pub(super) struct Group {
    pub(super) since: Instant,
    pub(super) alone: bool,
    pub(super) members: Vec<oneshot::Sender<Verdict>>,
    /// What its members have for text indexes, in their order.
    pub(super) entries: Vec<Entry>,
}

pub(super) enum Verdict {
    Committed,
    /// The group failed because of somebody: run again, alone.
    Again,
    Failed(Error),
}

impl Queue {
    /// Whether the unit that has the turn is the first of its group.
    pub(super) fn is_first(&self) -> bool {
        self.group.as_ref().is_none_or(|group| group.members.is_empty())
    }
}

impl Writer {
    pub(super) fn new(connection: Connection, options: &Options) -> Self {
        Self {
            interrupt: connection.get_interrupt_handle(),
            connection: Mutex::new(connection),
            current: AtomicU64::new(0),
            queue: Mutex::new(Queue {
                turn: Turn::Free,
                waiting: VecDeque::new(),
                group: None,
                tickets: 0,
                units: 0,
                closed: false,
                stopped: false,
            }),
            commit: Condvar::new(),
            idle: Notify::new(),
            hold: options.hold_limit,
            age: options.group_age,
            commits: AtomicU64::new(0),
            members: AtomicU64::new(0),
            largest: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            again: AtomicU64::new(0),
        }
    }

    /// Starts the thread that commits, so that a slow disk blocks no thread of the runtime.
    pub(super) fn start(writer: &Arc<Self>) -> Result<(), Error> {
        let writer = Arc::clone(writer);
        std::thread::Builder::new()
            .name("db-commit".into())
            .spawn(move || writer.commits())
            .map(drop)
            .map_err(|_| Error::Unavailable("no thread for the database".into()))
    }

    pub(super) async fn write<T, E, F>(
        this: &Arc<Self>,
        readers: &Arc<Readers>,
        acquire: Duration,
        unit: impl Fn(Conn) -> F,
    ) -> Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = Result<T, E>> + Send,
    {
        let _under_way = UnderWay::begin(this)?;
        // What it reads and works out before its turn can wait; a turn that was offered and not begun keeps everybody.
        this.give_way().await;
        let mut alone = false;
        loop {
            let state = Arc::new(Member::new(this, readers, acquire, alone));
            if alone {
                state.turn().await?;
            }
            let answer = {
                let mut run = pin!(unit(Conn::member(Arc::clone(&state))));
                // The unit itself is asked first: once it has the turn it hardly ever has to wait.
                std::future::poll_fn(|cx| match run.as_mut().poll(cx) {
                    Poll::Ready(answer) => Poll::Ready(Some(answer)),
                    Poll::Pending => state.poll_verdict(cx).map(|()| None),
                })
                .await
            };
            // Nobody answered: the unit was rolled back because it held the writer for too long.
            let Some(answer) = answer else {
                this.busy.fetch_add(1, Relaxed);
                return Err(Error::Busy.into());
            };
            let failed = state.failed();
            // A statement error that the unit swallowed fails it all the same, as PostgreSQL would have it.
            let answer = match (answer, failed) {
                (Ok(_), Some(fault)) => Err(fault.into()),
                (answer, _) => answer,
            };
            // Without the turn it has read what is committed, and nothing else: there is nothing to wait for.
            let Some(slot) = state.leave() else { return answer };
            match slot.finish(answer.is_ok(), state.entries()).await {
                Verdict::Committed => return answer,
                Verdict::Failed(fault) => return Err(fault.into()),
                Verdict::Again if alone => return answer.and(Err(Error::Busy.into())),
                Verdict::Again => {
                    this.again.fetch_add(1, Relaxed);
                    alone = true;
                }
            }
        }
    }

    /// Runs work on the connection with no transaction open, everybody else waiting.
    pub(super) async fn alone<T>(
        this: &Arc<Self>,
        acquire: Duration,
        mut work: impl FnMut(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut slot = Slot::take(this, true, acquire).await?;
        let deadline = Instant::now() + acquire;
        loop {
            let result = work(&lock(&this.connection));
            if !matches!(result, Err(Error::Busy)) || Instant::now() >= deadline {
                slot.leave();
                return result;
            }
            pause().await;
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            commits: self.commits.load(Relaxed),
            members: self.members.load(Relaxed),
            largest_group: self.largest.load(Relaxed),
            busy: self.busy.load(Relaxed),
            run_again: self.again.load(Relaxed),
            waiting: lock(&self.queue).waiting.len(),
            ..Stats::default()
        }
    }

    pub(super) async fn close(&self) {
        loop {
            let idle = self.idle.notified();
            {
                let mut queue = lock(&self.queue);
                queue.closed = true;
                if matches!(queue.turn, Turn::Free) && queue.waiting.is_empty() && queue.units == 0 {
                    break;
                }
            }
            idle.await;
        }
        self.stop();
    }

    pub(super) fn stop(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.stopped = true;
        self.commit.notify_all();
    }

    /// Gives the turn to the next unit, or lets the committing thread end the group. Called by whoever had the turn.
    pub(super) fn next(&self, queue: &mut Queue) {
        if let Some(group) = &queue.group {
            let go_on = !group.alone
                && group.members.len() < MEMBERS
                && queue.waiting.front().is_some_and(|next| !next.alone)
                && group.since.elapsed() < self.age;
            if !go_on {
                return self.end_group(queue);
            }
        }
        match queue.waiting.pop_front() {
            Some(next) => {
                next.offer.notify_one();
                queue.turn = Turn::Offered { waiting: next, since: Instant::now() };
            }
            None => {
                queue.turn = Turn::Free;
                if queue.closed {
                    self.idle.notify_waiters();
                }
            }
        }
    }

    /// Lets the committing thread end the group.
    fn end_group(&self, queue: &mut Queue) {
        queue.turn = Turn::Committing { here: false };
        self.commit.notify_one();
    }

    /// Takes the COMMIT over when the group is one unit and nobody waits: to hand it to the committing thread and to be
    /// woken by it takes half as long again as the COMMIT itself.
    pub(super) fn take_commit(queue: &mut Queue) -> bool {
        let only = queue.waiting.is_empty() && queue.group.as_ref().is_some_and(|group| group.members.len() == 1);
        let here = only && super::has_threads();
        if here {
            queue.turn = Turn::Committing { here };
        }
        here
    }

    /// Lets a unit that was given the turn begin first. A COMMIT wakes all members of a group, and each has its answer to
    /// write; the runtime would go through them before it gets to the unit that all others wait for.
    pub(super) async fn give_way(&self) {
        for _ in 0..WAYS {
            if !matches!(lock(&self.queue).turn, Turn::Offered { .. }) {
                return;
            }
            // Behind all that the runtime has to do; `yield_now` would wait until a worker has nothing else.
            let mut stepped_aside = false;
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut stepped_aside, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    pub(super) fn count_busy(&self) {
        self.busy.fetch_add(1, Relaxed);
    }

    fn commits(&self) {
        loop {
            {
                let mut queue = lock(&self.queue);
                while !matches!(queue.turn, Turn::Committing { here: false }) {
                    if queue.stopped {
                        return;
                    }
                    queue = self.commit.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
            self.commit_group();
        }
    }

    pub(super) fn commit_group(&self) {
        let outcome = {
            let connection = lock(&self.connection);
            let entries = lock(&self.queue).group.as_mut().map(|group| std::mem::take(&mut group.entries));
            let written = text::write(&connection, entries.iter().flatten());
            let outcome = written.and_then(|()| run(&connection, "commit"));
            if outcome.is_err() && !connection.is_autocommit() {
                // Nothing is left to save: should this fail too, the next BEGIN finds the transaction open and says so.
                let _ = run(&connection, "rollback");
            }
            outcome
        };
        let members = {
            let mut queue = lock(&self.queue);
            let members = queue.group.take().map_or_else(Vec::new, |group| group.members);
            self.next(&mut queue);
            members
        };
        if outcome.is_ok() && !members.is_empty() {
            self.commits.fetch_add(1, Relaxed);
            self.members.fetch_add(members.len() as u64, Relaxed);
            self.largest.fetch_max(members.len() as u64, Relaxed);
        }
        tell(members, outcome);
    }

    /// Called at every tick: takes the turn from a unit that does not start, and rolls back one that does not end.
    pub(super) fn watch(&self) {
        let late = {
            let mut queue = lock(&self.queue);
            match &queue.turn {
                Turn::Offered { waiting, since } if since.elapsed() >= START => {
                    // It keeps its place in life, at the end of the queue; the others, and the members of the group
                    // that wait for their COMMIT, go on without it.
                    let waiting = waiting.clone();
                    queue.waiting.push_back(waiting);
                    if queue.group.is_some() {
                        self.end_group(&mut queue);
                    } else {
                        self.next(&mut queue);
                    }
                    None
                }
                Turn::Running { ticket, since, .. } if since.elapsed() >= self.hold => Some(*ticket),
                _ => None,
            }
        };
        let Some(ticket) = late else { return };
        if self.current.load(Relaxed) != ticket {
            // It has no transaction yet, or it is a migration, which takes as long as it takes.
            return;
        }
        let Ok(connection) = self.connection.try_lock() else {
            // One of its statements is running: it is told to stop, and the next tick does the rest.
            self.interrupt.interrupt();
            return;
        };
        if self.current.load(Relaxed) == ticket {
            tracing::warn!("a unit of work held the writer for too long and was rolled back");
            self.undo(&connection);
        }
    }

    /// Ends the current unit without an answer of its own, and goes on with the next. The lock of the connection is held.
    pub(super) fn undo(&self, connection: &Connection) {
        self.current.store(0, Relaxed);
        let first = lock(&self.queue).is_first();
        let alive = !first && !connection.is_autocommit() && rollback(connection).is_ok();
        let mut queue = lock(&self.queue);
        queue.turn = Turn::Free;
        let dead = if alive { None } else { self.abandon(connection, &mut queue) };
        self.next(&mut queue);
        drop(queue);
        tell_all(dead, || Verdict::Again);
    }

    /// Forgets the transaction, which SQLite has already ended or which cannot be trusted any more.
    pub(super) fn abandon(&self, connection: &Connection, queue: &mut Queue) -> Option<Vec<oneshot::Sender<Verdict>>> {
        if !connection.is_autocommit() {
            let _ = run(connection, "rollback");
        }
        queue.group.take().map(|group| group.members)
    }
}

/// A unit from its beginning to its answer.
struct UnderWay<'w>(&'w Writer);

impl<'w> UnderWay<'w> {
    fn begin(writer: &'w Writer) -> Result<Self, Error> {
        let mut queue = lock(&writer.queue);
        if queue.closed {
            return Err(Error::Unavailable("the database is closed".into()));
        }
        queue.units += 1;
        Ok(Self(writer))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.units -= 1;
        if queue.closed {
            self.0.idle.notify_waiters();
        }
    }
}

fn tell(members: Vec<oneshot::Sender<Verdict>>, outcome: Result<(), Error>) {
    let single = members.len() == 1;
    tell_all(Some(members), || match &outcome {
        Ok(()) => Verdict::Committed,
        Err(fault) if single => Verdict::Failed(fault.clone()),
        Err(_) => Verdict::Again,
    });
}

pub(super) fn tell_all(members: Option<Vec<oneshot::Sender<Verdict>>>, verdict: impl Fn() -> Verdict) {
    for member in members.into_iter().flatten() {
        // Whoever went away does not need to know.
        let _ = member.send(verdict());
    }
}

/// Runs one of the few statements that control the transaction.
pub(super) fn run(connection: &Connection, text: &str) -> Result<(), Error> {
    connection.prepare_cached(text).and_then(|mut statement| statement.raw_execute()).map(drop).map_err(error)
}

pub(super) fn rollback(connection: &Connection) -> Result<(), Error> {
    run(connection, "rollback to unit")?;
    run(connection, "release unit")
}

/// A few milliseconds, not the same for everybody.
pub(super) async fn pause() {
    let mut random = [0_u8; 1];
    // Without randomness the pause is merely regular.
    let _ = getrandom::fill(&mut random);
    tokio::time::sleep(Duration::from_micros(1_000 + u64::from(random[0]) * 20)).await;
}

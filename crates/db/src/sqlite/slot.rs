//! The slot of one unit in the queue of the writer, and its face to the statements.

use std::{
    pin::pin,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, oneshot};

use super::{
    Reader, Readers,
    group::{Group, Turn, Verdict, Waiting, Writer, pause, rollback, run, tell_all},
    lock, statement,
    text::{self, Entry},
};
use crate::{Error, Value, query::EachRow};

/// A slot in the queue, then the turn; given up when dropped.
pub(super) struct Slot {
    writer: Arc<Writer>,
    pub(super) ticket: u64,
    pub(super) verdict: oneshot::Receiver<Verdict>,
    left: bool,
}

impl Slot {
    /// Waits for the turn.
    pub(super) async fn take(writer: &Arc<Writer>, alone: bool, acquire: Duration) -> Result<Self, Error> {
        let (sender, verdict) = oneshot::channel();
        let mut slot = Self { writer: Arc::clone(writer), ticket: 0, verdict, left: false };
        let offer = {
            let mut queue = lock(&writer.queue);
            // Units that had begun before are waited for.
            if queue.stopped {
                slot.left = true;
                return Err(Error::Unavailable("the database is closed".into()));
            }
            queue.tickets += 1;
            slot.ticket = queue.tickets;
            if matches!(queue.turn, Turn::Free) {
                queue.turn = Turn::Running { ticket: slot.ticket, since: Instant::now(), verdict: sender };
                return Ok(slot);
            }
            let offer = Arc::new(Notify::new());
            queue.waiting.push_back(Waiting { ticket: slot.ticket, alone, offer: Arc::clone(&offer) });
            offer
        };
        let mut sender = Some(sender);
        let offered = async {
            loop {
                offer.notified().await;
                let mut queue = lock(&writer.queue);
                let mine = matches!(&queue.turn, Turn::Offered { waiting, .. } if waiting.ticket == slot.ticket);
                if mine && let Some(verdict) = sender.take() {
                    queue.turn = Turn::Running { ticket: slot.ticket, since: Instant::now(), verdict };
                    return;
                }
            }
        };
        if tokio::time::timeout(acquire, offered).await.is_err() {
            writer.busy.fetch_add(1, Relaxed);
            return Err(Error::Busy);
        }
        Ok(slot)
    }

    /// Waits for the turn and opens the savepoint, and the transaction when there is none.
    pub(super) async fn start(writer: &Arc<Writer>, alone: bool, acquire: Duration) -> Result<Self, Error> {
        let slot = Self::take(writer, alone, acquire).await?;
        let deadline = Instant::now() + acquire;
        loop {
            let begun = {
                let connection = lock(&writer.connection);
                slot.begin(&connection, alone)
            };
            match begun {
                Ok(()) => return Ok(slot),
                // Another process is writing; it is waited for here rather than inside SQLite, which would block.
                Err(Error::Busy) if Instant::now() < deadline => pause().await,
                Err(fault) => {
                    if fault == Error::Busy {
                        writer.busy.fetch_add(1, Relaxed);
                    }
                    return Err(fault);
                }
            }
        }
    }

    fn begin(&self, connection: &Connection, alone: bool) -> Result<(), Error> {
        if connection.is_autocommit() {
            run(connection, "begin immediate")?;
            let now = Instant::now();
            let mut queue = lock(&self.writer.queue);
            queue.group = Some(Group { since: now, alone, members: Vec::new(), entries: Vec::new() });
            // The time spent waiting for another process is not the unit's own.
            if let Turn::Running { since, .. } = &mut queue.turn {
                *since = now;
            }
        }
        // The first unit of a group is the whole transaction so far: it needs no savepoint, which would copy each page that
        // it changes.
        if !lock(&self.writer.queue).is_first() {
            run(connection, "savepoint unit")?;
        }
        self.writer.current.store(self.ticket, Relaxed);
        Ok(())
    }

    /// Closes the savepoint, leaves its entries of text indexes with the group, passes the turn on and waits for the COMMIT.
    pub(super) async fn finish(mut self, keep: bool, entries: Vec<Entry>) -> Verdict {
        let commits = self.end(keep, entries);
        self.left = true;
        if commits {
            tokio::task::block_in_place(|| self.writer.commit_group());
        }
        // No verdict: the unit was rolled back from outside in its last moment.
        let verdict = (&mut self.verdict).await.unwrap_or(Verdict::Failed(Error::Busy));
        self.writer.give_way().await;
        verdict
    }

    /// Whether the caller has to write the COMMIT.
    fn end(&self, keep: bool, entries: Vec<Entry>) -> bool {
        let writer = &*self.writer;
        let connection = lock(&writer.connection);
        if writer.current.load(Relaxed) != self.ticket {
            // Rolled back from outside meanwhile; the verdict has been dropped with the turn.
            return false;
        }
        writer.current.store(0, Relaxed);
        let open = !connection.is_autocommit();
        let first = lock(&writer.queue).is_first();
        let closed = open
            && match (keep, first) {
                (true, true) => Ok(()),
                (true, false) => run(&connection, "release unit"),
                (false, true) => run(&connection, "rollback"),
                (false, false) => rollback(&connection),
            }
            .is_ok();
        let mut queue = lock(&writer.queue);
        let Turn::Running { verdict, .. } = std::mem::replace(&mut queue.turn, Turn::Free) else { return false };
        let mut dead = None;
        if closed && !keep && first {
            // Nothing else was in the transaction, so nothing is waited for.
            queue.group = None;
            let _ = verdict.send(Verdict::Committed);
        } else if closed && let Some(group) = &mut queue.group {
            group.members.push(verdict);
            if keep {
                group.entries.extend(entries);
            }
        } else {
            // This unit, or what it ran into, ended the transaction of all members: none of them has happened.
            let mut members = writer.abandon(&connection, &mut queue).unwrap_or_default();
            members.push(verdict);
            dead = Some(members);
        }
        let commits = dead.is_none() && Writer::take_commit(&mut queue);
        if !commits {
            writer.next(&mut queue);
        }
        drop(queue);
        drop(connection);
        tell_all(dead, || Verdict::Again);
        commits
    }

    /// Gives the turn back without having opened anything.
    pub(super) fn leave(&mut self) {
        self.left = true;
        let mut queue = lock(&self.writer.queue);
        if matches!(&queue.turn, Turn::Running { ticket, .. } if *ticket == self.ticket) {
            queue.turn = Turn::Free;
            self.writer.next(&mut queue);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        let writer = &*self.writer;
        let running = {
            let mut queue = lock(&writer.queue);
            match &queue.turn {
                Turn::Running { ticket, .. } if *ticket == self.ticket => true,
                Turn::Offered { waiting, .. } if waiting.ticket == self.ticket => {
                    queue.turn = Turn::Free;
                    writer.next(&mut queue);
                    false
                }
                _ => {
                    queue.waiting.retain(|waiting| waiting.ticket != self.ticket);
                    false
                }
            }
        };
        if !running {
            return;
        }
        let connection = lock(&writer.connection);
        if writer.current.load(Relaxed) == self.ticket {
            writer.undo(&connection);
        } else {
            // The savepoint was never opened.
            drop(connection);
            self.leave();
        }
    }
}

/// The face of a unit of work on the writer.
///
/// It has the turn from its first statement that changes or holds something. What it reads before is what is committed, as on
/// PostgreSQL, and keeps nobody from writing.
pub(crate) struct Member {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    acquire: Duration,
    /// Whether it is to be a group of its own.
    alone: bool,
    /// What it reads with before it has the turn.
    reader: Mutex<Option<Reader>>,
    slot: Mutex<Option<Slot>>,
    failed: Mutex<Option<Error>>,
    entries: Mutex<Vec<Entry>>,
}

impl Member {
    pub(super) fn new(writer: &Arc<Writer>, readers: &Arc<Readers>, acquire: Duration, alone: bool) -> Self {
        Self {
            writer: Arc::clone(writer),
            readers: Arc::clone(readers),
            acquire,
            alone,
            reader: Mutex::default(),
            slot: Mutex::default(),
            failed: Mutex::default(),
            entries: Mutex::default(),
        }
    }

    /// Waits for the turn, unless the unit has it.
    pub(crate) async fn turn(&self) -> Result<(), Error> {
        if lock(&self.slot).is_some() {
            return Ok(());
        }
        if let Some(fault) = &*lock(&self.failed) {
            return Err(fault.clone());
        }
        lock(&self.reader).take();
        match Slot::start(&self.writer, self.alone, self.acquire).await {
            Ok(slot) => *lock(&self.slot) = Some(slot),
            Err(fault) => {
                *lock(&self.failed) = Some(fault.clone());
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Whether the unit was rolled back from outside.
    pub(super) fn poll_verdict(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *lock(&self.slot) {
            Some(slot) => pin!(&mut slot.verdict).poll(cx).map(drop),
            None => Poll::Pending,
        }
    }

    /// Ends it: its slot, if it has had the turn.
    pub(super) fn leave(&self) -> Option<Slot> {
        *lock(&self.failed) = Some(Error::Busy);
        lock(&self.reader).take();
        lock(&self.slot).take()
    }

    /// Runs a `select` that holds nothing with a reader; none when the unit has the turn, or when no reader is at hand.
    pub(crate) fn read<R: DeserializeOwned>(
        &self,
        text: &str,
        values: &[Value],
        each: Option<&EachRow>,
        most: usize,
    ) -> Option<Result<Vec<R>, Error>> {
        if lock(&self.slot).is_some() || lock(&self.failed).is_some() {
            return None;
        }
        let mut reader = lock(&self.reader);
        if reader.is_none() {
            *reader = Readers::try_take(&self.readers);
        }
        let read = reader.as_mut()?.fetch(text, values, each, most);
        match &read {
            Ok(_) | Err(Error::Decode(_)) => {}
            Err(fault) => *lock(&self.failed) = Some(fault.clone()),
        }
        Some(read)
    }

    /// The error of the statement that failed, if one did.
    pub(super) fn failed(&self) -> Option<Error> {
        lock(&self.failed).take()
    }

    /// What it has for text indexes; handed out once.
    pub(super) fn entries(&self) -> Vec<Entry> {
        std::mem::take(&mut *lock(&self.entries))
    }

    /// Changes a text index, when the group commits.
    pub(crate) fn index(&self, entry: Entry) -> Result<(), Error> {
        self.with(|_| {
            lock(&self.entries).push(entry);
            Ok(())
        })
    }

    /// Writes what the group has for text indexes so far, for the unit to see it. It is written again before COMMIT, because
    /// this unit's part of it may be rolled back.
    pub(crate) fn show_index(&self) -> Result<(), Error> {
        self.with(|connection| {
            let queue = lock(&self.writer.queue);
            let of_group = queue.group.iter().flat_map(|group| &group.entries);
            text::write(connection, of_group.chain(lock(&self.entries).iter()))
        })
    }

    pub(crate) fn fetch<R: DeserializeOwned>(
        &self,
        text: &str,
        values: &[Value],
        each: Option<&EachRow>,
        most: usize,
    ) -> Result<Vec<R>, Error> {
        self.with(|connection| statement::fetch(connection, text, values, each, most))
    }

    pub(crate) fn exec(&self, text: &str, values: &[Value], each: Option<&EachRow>) -> Result<u64, Error> {
        self.with(|connection| statement::exec(connection, text, values, each))
    }

    fn with<T>(&self, run: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let ticket = lock(&self.slot).as_ref().map(|slot| slot.ticket);
        let connection = lock(&self.writer.connection);
        if Some(self.writer.current.load(Relaxed)) != ticket {
            return Err(Error::Busy);
        }
        let mut failed = lock(&self.failed);
        if let Some(fault) = &*failed {
            return Err(fault.clone());
        }
        let result = run(&connection);
        match &result {
            // A row that cannot be read is a matter between the caller and its types; the statement was carried out.
            Ok(_) | Err(Error::Decode(_)) => {
                if connection.is_autocommit() {
                    *failed = Some(Error::Sql("a statement ended the transaction".into()));
                }
            }
            Err(fault) => *failed = Some(fault.clone()),
        }
        result
    }
}

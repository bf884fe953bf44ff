//! The room for connections, and what each of them is doing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Patience;

/// The connections of a node.
#[derive(Debug, Clone)]
pub struct Seats(Arc<Room>);

#[derive(Debug)]
struct Room {
    most: usize,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Doing>>>,
    /// Connections that were closed to make room, and those that found none.
    displaced: AtomicU64,
    refused: AtomicU64,
}

impl Seats {
    /// Room for so many, at least one.
    pub fn new(most: usize) -> Seats {
        Seats(Arc::new(Room {
            most: most.max(1),
            next: AtomicU64::new(0),
            open: Mutex::default(),
            displaced: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.0.lock().len()
    }

    /// How many were closed so far to make room for new ones, and how many found none.
    pub fn turned_away(&self) -> (u64, u64) {
        (self.0.displaced.load(Ordering::Relaxed), self.0.refused.load(Ordering::Relaxed))
    }

    /// A place for a new connection. When all are taken, those that do nothing for longest lose theirs; none when each
    /// is being answered.
    pub(super) fn take(&self) -> Option<Arc<Seat>> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let doing = Arc::new(Doing::default());
        let mut open = self.0.lock();
        if open.len() >= self.0.most {
            let displaced = displace(&mut open, self.0.most.div_ceil(32));
            self.0.displaced.fetch_add(displaced, Ordering::Relaxed);
        }
        if open.len() >= self.0.most {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        open.insert(id, Arc::clone(&doing));
        Some(Arc::new(Seat { id, doing, room: Arc::downgrade(&self.0) }))
    }

    /// Closes every connection that is not being answered.
    pub(super) fn close_idle(&self) {
        let mut open = self.0.lock();
        let all = open.len();
        displace(&mut open, all);
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Doing>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes so many connections that are not being answered: first those that never sent a request, and of each kind those
/// that have stood still for longest. Several at once, because all must be looked at to find them.
fn displace(open: &mut HashMap<u64, Arc<Doing>>, count: usize) -> u64 {
    let mut idle: Vec<(bool, Instant, u64)> = open
        .iter()
        .filter_map(|(id, doing)| {
            let state = doing.lock();
            (state.phase != Phase::Busy).then_some((state.phase == Phase::Idle, state.since, *id))
        })
        .collect();
    idle.sort_unstable();
    let mut displaced = 0;
    for (_, _, id) in idle.into_iter().take(count) {
        if let Some(doing) = open.remove(&id) {
            doing.cut.notify_one();
            displaced += 1;
        }
    }
    displaced
}

/// A connection's place; free when the last part of the connection is gone.
#[derive(Debug)]
pub(super) struct Seat {
    id: u64,
    doing: Arc<Doing>,
    room: Weak<Room>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(room) = self.room.upgrade() {
            room.lock().remove(&self.id);
        }
    }
}

#[derive(Debug, Default)]
struct Doing {
    state: Mutex<State>,
    cut: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when the other side takes nothing of an answer.
    stalled: Option<Instant>,
    lingers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No request has been seen.
    New,
    /// The last request was answered.
    Idle,
    /// A further request has begun to come.
    Head,
    /// A request is being read and answered.
    Busy,
}

impl Default for State {
    fn default() -> State {
        State { phase: Phase::New, since: Instant::now(), stalled: None, lingers: false }
    }
}

impl Doing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Ends when the connection has to make room.
    pub(super) async fn cut(&self) {
        self.doing.cut.notified().await;
    }

    /// When the connection is to be closed if nothing happens.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<Instant> {
        let state = self.doing.lock();
        let stalled = state.stalled.map(|since| since + patience.stalled);
        let still = match state.phase {
            Phase::New | Phase::Head => Some(state.since + patience.head),
            Phase::Idle => Some(state.since + patience.idle),
            Phase::Busy => None,
        };
        stalled.into_iter().chain(still).min()
    }

    /// A request is there.
    pub(super) fn begin(&self) {
        self.enter(Phase::Busy);
    }

    /// Its answer has been handed over.
    pub(super) fn end(&self) {
        self.enter(Phase::Idle);
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.doing.lock();
        (state.phase, state.since) = (phase, Instant::now());
    }

    /// Bytes have come.
    pub(super) fn heard(&self) {
        let mut state = self.doing.lock();
        if state.phase == Phase::Idle {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// Whether the other side takes what is written.
    pub(super) fn written(&self, taken: bool) {
        let mut state = self.doing.lock();
        if !taken {
            state.stalled.get_or_insert_with(Instant::now);
            return;
        }
        state.stalled = None;
        if state.phase == Phase::Idle {
            // The end of an answer that was handed over is still on its way.
            state.since = Instant::now();
        }
    }

    /// The connection is closed after this answer, and the rest of its request is still to be taken.
    pub(super) fn linger(&self) {
        self.doing.lock().lingers = true;
    }

    pub(super) fn lingers(&self) -> bool {
        self.doing.lock().lingers
    }
}

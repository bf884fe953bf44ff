//! How many documents are made at once, and whose turn it is.
//!
//! A document takes a processor for a tenth of a second, and a bad template for some seconds. So as many are made at a time as
//! there are processors; the next permit goes to the company with the fewest in the making, and among those to who has waited
//! longest. Who finds too many waiting is sent away at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::http::Error;

/// Documents that wait on a node.
const MOST_WAITING: usize = 128;

/// Documents of one company that wait.
const EACH_WAITING: usize = 32;

/// The documents that a node makes.
#[derive(Debug, Clone)]
pub struct Room(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    free: usize,
    running: HashMap<i64, usize>,
    waiting: VecDeque<(i64, oneshot::Sender<Permit>)>,
}

impl Default for Room {
    fn default() -> Room {
        let permits = std::thread::available_parallelism().map_or(1, usize::from);
        Room::of(permits)
    }
}

impl Room {
    fn of(free: usize) -> Room {
        Room(Arc::new(Mutex::new(Inner { free, running: HashMap::new(), waiting: VecDeque::new() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for one more document of this company; 503 when too many wait for one.
    pub(super) async fn enter(&self, company: i64) -> Result<Permit, Error> {
        let turn = {
            let mut inner = self.inner();
            if inner.free > 0 {
                inner.free -= 1;
                *inner.running.entry(company).or_default() += 1;
                return Ok(Permit { room: self.clone(), company });
            }
            let own = inner.waiting.iter().filter(|(other, _)| *other == company).count();
            // Who has none waiting is let in all the same: one permit each, beyond the most.
            if own >= EACH_WAITING || (own > 0 && inner.waiting.len() >= MOST_WAITING) {
                return Err(Error::Busy("Too many documents are being made now; ask again in a moment"));
            }
            let (sender, turn) = oneshot::channel();
            inner.waiting.push_back((company, sender));
            turn
        };
        turn.await.map_err(|_| Error::Internal("a permit for a document was lost".to_owned()))
    }

    /// Hands a permit on, or keeps it free.
    fn leave(&self, company: i64) {
        let next = {
            let mut inner = self.inner();
            match inner.running.get_mut(&company) {
                Some(own) if *own > 1 => *own -= 1,
                _ => drop(inner.running.remove(&company)),
            }
            inner.waiting.retain(|(_, sender)| !sender.is_closed());
            let busy = |company: &i64| inner.running.get(company).copied().unwrap_or_default();
            let chosen = (0..inner.waiting.len()).min_by_key(|at| busy(&inner.waiting[*at].0));
            let next = chosen.and_then(|at| inner.waiting.remove(at));
            match &next {
                Some((company, _)) => *inner.running.entry(*company).or_default() += 1,
                None => inner.free += 1,
            }
            next
        };
        if let Some((company, sender)) = next {
            // Who no longer waits gives the permit back by dropping it.
            drop(sender.send(Permit { room: self.clone(), company }));
        }
    }
}

/// A document that is being made, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    room: Room,
    company: i64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.leave(self.company);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::{FutureExt, poll};

    use super::*;

    #[tokio::test]
    async fn permits_go_to_who_has_the_fewest() {
        let room = Room::of(2);
        let first = room.enter(1).await.expect("a permit");
        let second = room.enter(1).await.expect("a permit");
        let mut greedy = room.enter(1).boxed();
        let mut other = room.enter(2).boxed();
        assert!(poll!(&mut greedy).is_pending() && poll!(&mut other).is_pending());
        drop(first);
        // The other company came later and has none.
        let Poll::Ready(Ok(theirs)) = poll!(&mut other) else { panic!("the permit went elsewhere") };
        assert!(poll!(&mut greedy).is_pending());
        // Who waits no longer is passed over, and the permit is not lost.
        drop(greedy);
        drop((second, theirs));
        assert_eq!(room.inner().free, 2);
        assert!(room.inner().running.is_empty());
    }

    #[tokio::test]
    async fn who_finds_too_many_waiting_is_sent_away() {
        let room = Room::of(1);
        let _busy = room.enter(1).await.expect("a permit");
        let mut waiting: Vec<_> = (0..EACH_WAITING).map(|_| room.enter(1).boxed()).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        assert!(matches!(room.enter(1).await, Err(Error::Busy(_))));
        let mut other = room.enter(2).boxed();
        assert!(poll!(&mut other).is_pending());
    }
}

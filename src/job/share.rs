//! Who is next: the permits of a node, shared out between kinds, companies and lanes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Kind;
use super::due::{Due, Lane};
use crate::app::App;

/// Jobs of a kind that run at once: here, of one company, and in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    node: usize,
    company: usize,
    lane: usize,
}

impl Kind {
    /// So many workers in a row may end before a job does; then it is the job that ends them, and it is set aside. What
    /// reads nothing that others made is rather there by chance when another job ends the worker.
    pub(super) fn most_lost(self) -> i64 {
        match self {
            Kind::Deliver
            | Kind::Webhook
            | Kind::Profile
            | Kind::Quota
            | Kind::Due
            | Kind::Purge
            | Kind::Discard
            | Kind::Remind
            | Kind::Contract
            | Kind::Snooze
            | Kind::Mail
            | Kind::Tally
            | Kind::Texts => 20,
            Kind::Media | Kind::File | Kind::Products | Kind::Import | Kind::Export | Kind::Erase | Kind::Refold => 3,
        }
    }

    fn limits(self, app: &App) -> Limits {
        let of = |node, company, lane| Limits { node, company, lane };
        // No company gets more than half of what a node can do, so another one never waits for it.
        let calls = |parallel: usize, times: usize| of(parallel * times, (parallel * times / 2).max(1), parallel);
        match self {
            Kind::Deliver => calls(app.config.account_parallel.max(1), 32),
            Kind::Webhook => calls(app.config.webhook_parallel.max(1), 8),
            Kind::Profile | Kind::Media => of(16, 8, 4),
            Kind::File => of(16, 2, 2),
            Kind::Discard => of(8, 4, 4),
            Kind::Remind | Kind::Contract | Kind::Snooze => of(4, 2, 2),
            Kind::Products | Kind::Import => of(4, 1, 1),
            // They wait in one line for the connection, where each company has one permit.
            Kind::Mail => of(8, 1, 1),
            Kind::Quota | Kind::Export | Kind::Erase | Kind::Refold => of(2, 1, 1),
            Kind::Tally | Kind::Texts | Kind::Due | Kind::Purge => of(1, 1, 1),
        }
    }
}

/// What a lane with a limit of jobs in a second may begin at once is what it may begin in this time.
const BURST: Duration = Duration::from_secs(1);

/// When the next job of a lane may begin at the earliest, and how far apart they are.
#[derive(Debug, Clone, Copy)]
struct Pace {
    next: Instant,
    interval: Duration,
}

impl Pace {
    /// How long the next one has to wait.
    fn wait(self, now: Instant) -> Duration {
        (self.next + self.interval).saturating_duration_since(now + BURST)
    }
}

/// What runs on this node, counted.
#[derive(Debug, Default)]
struct Counts {
    kinds: HashMap<Kind, usize>,
    companies: HashMap<(Kind, i64), usize>,
    lanes: HashMap<Lane, usize>,
    /// Lanes that have fewer permits than others.
    limits: HashMap<Lane, usize>,
    /// Jobs of a lane that have a permit and were told that they are too many: they are about to give it back.
    surplus: HashMap<Lane, usize>,
    /// Lanes that have a limit of jobs in a second: when the next one may begin, and not before when any is claimed.
    paces: HashMap<Lane, Pace>,
}

impl Counts {
    fn company(&self, lane: &Lane) -> usize {
        self.companies.get(&(lane.kind, lane.company)).copied().unwrap_or_default()
    }

    fn lane(&self, lane: &Lane) -> usize {
        self.lanes.get(lane).copied().unwrap_or_default()
    }

    fn is_open(&self, lane: &Lane, limits: Limits) -> bool {
        let most = self.limits.get(lane).copied().unwrap_or(limits.lane).min(limits.lane);
        let rests = self.paces.get(lane).is_some_and(|pace| !pace.wait(Instant::now()).is_zero());
        self.kinds.get(&lane.kind).copied().unwrap_or_default() < limits.node
            && self.company(lane) < limits.company
            && self.lane(lane) < most
            && !rests
    }

    fn add(&mut self, lane: &Lane) {
        *self.kinds.entry(lane.kind).or_default() += 1;
        *self.companies.entry((lane.kind, lane.company)).or_default() += 1;
        *self.lanes.entry(lane.clone()).or_default() += 1;
    }

    fn remove(&mut self, lane: &Lane) {
        fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
            if let Some(count) = counts.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(key);
                }
            }
        }
        less(&mut self.kinds, &lane.kind);
        less(&mut self.companies, &(lane.kind, lane.company));
        less(&mut self.lanes, lane);
        less(&mut self.surplus, lane);
    }
}

/// The permits of a node.
#[derive(Debug, Default)]
pub struct Shares {
    counts: Mutex<Counts>,
    freed: Notify,
}

impl Shares {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a lane has room for more.
    pub(super) fn is_open(&self, app: &App, lane: &Lane) -> bool {
        self.counts().is_open(lane, lane.kind.limits(app))
    }

    /// Waits until a permit was given back.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// From now on a company's lane has so many permits, or as many as others have.
    pub fn limit(&self, kind: Kind, company: i64, lane: &str, permits: Option<usize>) {
        let lane = Lane { kind, company, lane: lane.to_owned() };
        let mut counts = self.counts();
        let Some(permits) = permits else {
            if counts.limits.remove(&lane).is_some() {
                self.freed.notify_one();
            }
            return;
        };
        counts.limits.insert(lane, permits.max(1));
    }

    /// Whether more permits of a lane were taken than it has by now, so that the caller is to give its own back. Of those that ask,
    /// as many are let go on as there are permits.
    pub fn is_one_too_many(&self, kind: Kind, company: i64, lane: &str) -> bool {
        let lane = Lane { kind, company, lane: lane.to_owned() };
        let mut counts = self.counts();
        let Some(permits) = counts.limits.get(&lane).copied() else { return false };
        let taken = counts.lane(&lane);
        let surplus = counts.surplus.get(&lane).copied().unwrap_or_default();
        let is_one_too_many = taken.saturating_sub(surplus) > permits;
        if is_one_too_many {
            *counts.surplus.entry(lane).or_default() += 1;
        }
        is_one_too_many
    }

    /// Lets so many jobs of a lane begin in a second, and as many at once after a rest: nothing when this one may, or for how
    /// many milliseconds it has to wait.
    pub fn pace(&self, kind: Kind, company: i64, lane: &str, per_second: i64) -> Option<i64> {
        let lane = Lane { kind, company, lane: lane.to_owned() };
        let interval = BURST / u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
        let now = Instant::now();
        let mut counts = self.counts();
        counts.paces.retain(|_, pace| pace.next > now);
        let next = counts.paces.get(&lane).map_or(now, |pace| pace.next);
        let early = Pace { next, interval }.wait(now);
        if early.is_zero() {
            counts.paces.insert(lane, Pace { next: next + interval, interval });
            return None;
        }
        Some(i64::try_from(early.as_millis()).unwrap_or(i64::MAX) + 1)
    }

    /// Takes permits for as many of these as there are, at most so many: always for the company, and then for the lane, that
    /// has the fewest. What found no permit stays in the list.
    pub(super) fn pick(self: &Arc<Shares>, app: &App, due: &mut Vec<Due>, most: usize) -> Vec<(Due, Permit)> {
        let mut lanes: Vec<VecDeque<Due>> = Vec::new();
        let mut known: HashMap<Lane, usize> = HashMap::new();
        for job in due.drain(..) {
            let at = *known.entry(job.lane.clone()).or_insert_with(|| {
                lanes.push(VecDeque::new());
                lanes.len() - 1
            });
            lanes[at].push_back(job);
        }
        let mut counts = self.counts();
        let rank = |counts: &Counts, jobs: &VecDeque<Due>| {
            jobs.front().map(|due| (counts.company(&due.lane), counts.lane(&due.lane)))
        };
        let mut heap: BinaryHeap<Reverse<((usize, usize), usize)>> = BinaryHeap::new();
        for (at, jobs) in lanes.iter().enumerate() {
            heap.extend(rank(&counts, jobs).map(|rank| Reverse((rank, at))));
        }
        let mut picked = Vec::new();
        while picked.len() < most
            && let Some(Reverse((before, at))) = heap.pop()
        {
            let Some(now) = rank(&counts, &lanes[at]) else { continue };
            if now > before {
                // Its company got permits meanwhile: others may come first now.
                heap.push(Reverse((now, at)));
                continue;
            }
            let Some(next) = lanes[at].front() else { continue };
            if !counts.is_open(&next.lane, next.lane.kind.limits(app)) {
                continue;
            }
            let Some(next) = lanes[at].pop_front() else { continue };
            counts.add(&next.lane);
            let permit = Permit { shares: Arc::clone(self), lane: next.lane.clone() };
            picked.push((next, permit));
            heap.extend(rank(&counts, &lanes[at]).map(|rank| Reverse((rank, at))));
        }
        drop(counts);
        due.extend(lanes.into_iter().flatten());
        picked
    }
}

/// A permit, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    shares: Arc<Shares>,
    lane: Lane,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shares.counts().remove(&self.lane);
        self.shares.freed.notify_one();
    }
}

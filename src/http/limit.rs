//! Token buckets: requests of a client, and wrong guesses of its secret.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Parts of the buckets with a lock each, so that few requests meet at one and pruning keeps few of them waiting.
const PARTS: usize = 16;

/// One bucket for each key. Kept as the time at which the bucket is full again (the generic cell rate algorithm), so a
/// bucket is one number and an idle one costs nothing. Times are those of a clock that never goes back.
#[derive(Debug)]
pub struct Buckets<K> {
    /// Milliseconds in which one token comes back, in thousandths.
    interval: u64,
    burst: u64,
    hasher: RandomState,
    full_at: [Mutex<HashMap<K, u64>>; PARTS],
}

/// What a bucket says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Tokens left.
    pub remaining: u64,
    /// Milliseconds until a token is there (when refused) or until the bucket is full (when allowed).
    pub wait: u64,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Buckets of `burst` tokens, refilled at `per_second`.
    pub fn new(per_second: f64, burst: u64) -> Buckets<K> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive configured rate")]
        let interval = (1_000_000.0 / per_second) as u64;
        Buckets {
            interval: interval.max(1),
            burst: burst.max(1),
            hasher: RandomState::new(),
            full_at: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Takes a token of `key` at `now` (milliseconds of a steady clock).
    pub fn take(&self, key: K, now: i64) -> Verdict {
        self.take_above(key, now, 0)
    }

    /// The same for who leaves so many tokens to others that use the bucket.
    pub fn take_above(&self, key: K, now: i64, left: u64) -> Verdict {
        let now = micros(now);
        let capacity = self.interval * self.burst.saturating_sub(left).max(1);
        let part = usize::try_from(self.hasher.hash_one(&key) % PARTS as u64).unwrap_or_default();
        let mut buckets = self.part(part);
        let full_at = buckets.get(&key).copied().unwrap_or(0).max(now);
        let after = full_at + self.interval;
        if after > now + capacity {
            return Verdict { allowed: false, remaining: 0, wait: (after - now - capacity).div_ceil(1000) };
        }
        buckets.insert(key, after);
        let remaining = (now + self.interval * self.burst - after) / self.interval;
        Verdict { allowed: true, remaining, wait: (after - now).div_ceil(1000) }
    }

    /// Gives a token back.
    pub fn give(&self, key: &K, now: i64) {
        let part = usize::try_from(self.hasher.hash_one(key) % PARTS as u64).unwrap_or_default();
        if let Some(full_at) = self.part(part).get_mut(key) {
            *full_at = full_at.saturating_sub(self.interval).max(micros(now));
        }
    }

    /// Forgets the buckets that are full again.
    pub fn prune(&self, now: i64) {
        let now = micros(now);
        for part in 0..PARTS {
            self.part(part).retain(|_, full_at| *full_at > now);
        }
    }

    fn part(&self, part: usize) -> MutexGuard<'_, HashMap<K, u64>> {
        self.full_at[part].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(now: i64) -> u64 {
    u64::try_from(now).unwrap_or_default() * 1000
}

/// Wrong credentials at the token endpoint. Right ones are never asked for here: a secret of 256 random bits needs no
/// lock, and one that could be thrown would let anybody who knows a client's id keep it out.
#[derive(Debug)]
pub struct Guesses {
    clients: Buckets<(String, IpAddr)>,
    addresses: Buckets<IpAddr>,
}

impl Default for Guesses {
    fn default() -> Guesses {
        Guesses { clients: Buckets::new(0.2, 10), addresses: Buckets::new(2.0, 100) }
    }
}

impl Guesses {
    /// Counts a wrong guess of a client's secret; beyond ten in a row for a client, or a hundred for any, from one
    /// address, it says how long to wait.
    pub fn wrong(&self, client: &str, address: IpAddr, now: i64) -> Verdict {
        let address = household(address);
        let verdict = self.addresses.take(address, now);
        // Whoever makes ids up fills no more memory than this.
        if verdict.allowed { self.clients.take((client.to_owned(), address), now) } else { verdict }
    }

    /// Forgets those who have waited long enough.
    pub fn prune(&self, now: i64) {
        self.clients.prune(now);
        self.addresses.prune(now);
    }
}

/// Whoever has an IPv6 address has the 2^64 addresses beside it, too.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rate_holds_after_it() {
        let buckets = Buckets::new(10.0, 3);
        assert_eq!([0, 0, 0, 0].map(|now| buckets.take("a", now).allowed), [true, true, true, false]);
        assert_eq!(buckets.take("a", 0).wait, 100);
        assert!(buckets.take("b", 0).allowed, "another key has a bucket of its own");
        assert!(buckets.take("a", 100).allowed);
        assert!(!buckets.take("a", 100).allowed);
        assert_eq!(buckets.take("a", 10_000).remaining, 2);
    }

    #[test]
    fn who_leaves_tokens_to_others_waits_sooner() {
        let buckets = Buckets::new(10.0, 4);
        assert_eq!(buckets.take_above("a", 0, 2).remaining, 3);
        assert_eq!(buckets.take_above("a", 0, 2).remaining, 2);
        assert_eq!(buckets.take_above("a", 0, 2), Verdict { allowed: false, remaining: 0, wait: 100 });
        assert_eq!(buckets.take("a", 0).remaining, 1);
        assert_eq!(buckets.take_above("a", 0, 2).wait, 200);
        assert!(buckets.take_above("a", 200, 2).allowed);
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let buckets = Buckets::new(1.0, 2);
        buckets.take("a", 0);
        buckets.take("b", 1500);
        buckets.prune(2000);
        let kept: Vec<&str> =
            (0..PARTS).flat_map(|part| buckets.part(part).keys().copied().collect::<Vec<_>>()).collect();
        assert_eq!(kept, ["b"]);
    }
}

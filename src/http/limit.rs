//! Token buckets: requests of a client, and failed token requests of an address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

/// One bucket for each key. Kept as the time at which the bucket is full again (the generic cell rate algorithm), so a
/// bucket is one number and an idle one costs nothing.
#[derive(Debug)]
pub struct Buckets<K> {
    /// Milliseconds in which one token comes back, in thousandths.
    interval: u64,
    burst: u64,
    full_at: Mutex<HashMap<K, u64>>,
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

/// Beyond this many keys, those whose bucket is full again are forgotten.
const MANY: usize = 10_000;

impl<K: Hash + Eq> Buckets<K> {
    /// Buckets of `burst` tokens, refilled at `per_second`.
    pub fn new(per_second: f64, burst: u64) -> Buckets<K> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive configured rate")]
        let interval = (1_000_000.0 / per_second) as u64;
        Buckets { interval: interval.max(1), burst: burst.max(1), full_at: Mutex::default() }
    }

    /// Takes a token of `key` at `now` (milliseconds).
    pub fn take(&self, key: K, now: i64) -> Verdict {
        self.ask(key, now, true)
    }

    /// What [`Buckets::take`] would say, taking nothing.
    pub fn peek(&self, key: K, now: i64) -> Verdict {
        self.ask(key, now, false)
    }

    fn ask(&self, key: K, now: i64, take: bool) -> Verdict {
        let now = u64::try_from(now).unwrap_or_default() * 1000;
        let mut buckets = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() > MANY {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.get(&key).copied().unwrap_or(0).max(now);
        let after = full_at + self.interval;
        let capacity = self.interval * self.burst;
        if after > now + capacity {
            return Verdict { allowed: false, remaining: 0, wait: (after - now - capacity).div_ceil(1000) };
        }
        let settled = if take { after } else { full_at };
        if take {
            buckets.insert(key, after);
        }
        let remaining = (now + capacity - settled) / self.interval;
        Verdict { allowed: true, remaining, wait: (settled - now).div_ceil(1000) }
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
}

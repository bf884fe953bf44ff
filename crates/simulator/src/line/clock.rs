//! The fake LINE's own time, so that a minute can pass without waiting for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Real time plus what a test has added to it. It follows tokio's clock, also when that is paused.
pub(crate) struct Clock {
    started: Instant,
    started_at: i64,
    added: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { started: Instant::now(), started_at: Timestamp::now().as_millisecond(), added: AtomicU64::new(0) }
    }

    /// The time since the start, for lives and windows.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed() + Duration::from_millis(self.added.load(Ordering::Relaxed))
    }

    /// Milliseconds since 1970, as LINE writes times.
    pub(crate) fn millis(&self) -> i64 {
        self.started_at + i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.added.fetch_add(by, Ordering::Relaxed);
    }
}

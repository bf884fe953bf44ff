//! Whether a node's loops run: one that has ended by a defect would leave its work undone, and nobody would see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The loops that were started, and those that have ended.
#[derive(Debug, Clone, Default)]
pub struct Loops(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    started: AtomicUsize,
    ended: AtomicUsize,
}

impl Loops {
    /// The loop, of which it is known when it ends, however it does.
    pub fn keep<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        self.0.started.fetch_add(1, Ordering::SeqCst);
        let ending = Ending(Arc::clone(&self.0));
        async move {
            let _ending = ending;
            task.await
        }
    }

    /// Whether all that were started still run; on a node that starts none, none is missing.
    pub fn run(&self) -> bool {
        self.0.ended.load(Ordering::SeqCst) == 0
    }
}

struct Ending(Arc<Counts>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

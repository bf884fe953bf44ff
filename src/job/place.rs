//! Places for work in progress, so many for each account or subscription: who is slow keeps nobody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places for each name.
#[derive(Debug)]
pub struct Places {
    each: usize,
    known: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Places {
    /// `each` places for every name, at least one.
    pub fn new(each: usize) -> Places {
        Places { each: each.max(1), known: Mutex::default() }
    }

    /// One place of this name; waits until there is one.
    pub async fn take(&self, name: &str) -> Option<OwnedSemaphorePermit> {
        let semaphore = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(name) {
                Some(semaphore) => Arc::clone(semaphore),
                None => Arc::clone(known.entry(name.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.each)))),
            }
        };
        semaphore.acquire_owned().await.ok()
    }
}

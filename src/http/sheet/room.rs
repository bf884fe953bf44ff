//! How many lists are exported at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Exports of one company at once.
const EACH: usize = 2;

/// Exports of a node at once: what they cost must leave it most of its processors.
const ALL: usize = 4;

/// The exports that a node makes.
#[derive(Debug, Clone, Default)]
pub struct Exports(Arc<Mutex<HashMap<i64, usize>>>);

impl Exports {
    /// A place for one more export of this company, if there is one.
    pub(super) fn begin(&self, company: i64) -> Option<Export> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = running.get(&company).copied().unwrap_or_default();
        if own >= EACH || running.values().sum::<usize>() >= ALL {
            return None;
        }
        running.insert(company, own + 1);
        Some(Export { exports: self.clone(), company })
    }
}

/// An export that is being made or read, until this is dropped.
#[derive(Debug)]
pub(super) struct Export {
    exports: Exports,
    company: i64,
}

impl Drop for Export {
    fn drop(&mut self) {
        let mut running = self.exports.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(&self.company) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(running.remove(&self.company)),
        }
    }
}

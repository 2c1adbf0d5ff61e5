//! What `/v1/status` counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Messages taken in.
    pub(crate) accepted: Count,
    /// Recipients whose next hop took the message.
    pub(crate) sent: Count,
    /// Tries that failed for now.
    pub(crate) deferred: Count,
    /// Recipients given up.
    pub(crate) bounced: Count,
    /// Reports handed over.
    pub(crate) reports: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

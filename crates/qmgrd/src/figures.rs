//! What `/v1/status` counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daemon::{Histogram, LONG_TIMES};

/// Counted since the start.
#[derive(Debug)]
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
    /// From a message's arrival to each recipient's being sent.
    pub(crate) delays: Arc<Histogram>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            accepted: Count::default(),
            sent: Count::default(),
            deferred: Count::default(),
            bounced: Count::default(),
            reports: Count::default(),
            delays: Arc::new(Histogram::new(LONG_TIMES)),
        }
    }
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

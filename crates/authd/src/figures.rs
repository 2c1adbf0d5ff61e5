//! What was counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters, each only ever growing.
#[derive(Debug, Default)]
pub struct Figures {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    users: AtomicU64,
    unknown: AtomicU64,
    lookups_failed: AtomicU64,
}

/// Reads one counter.
type Figure = fn(&Figures) -> u64;

impl Figures {
    /// The counters by the names that the admin socket gives them.
    pub const ALL: [(&'static str, Figure); 6] = [
        ("logins_accepted", |figures| read(&figures.accepted)),
        ("logins_refused", |figures| read(&figures.refused)),
        ("logins_failed", |figures| read(&figures.failed)),
        ("users_found", |figures| read(&figures.users)),
        ("users_unknown", |figures| read(&figures.unknown)),
        ("lookups_failed", |figures| read(&figures.lookups_failed)),
    ];

    pub(crate) fn accepted(&self) {
        count(&self.accepted);
    }

    pub(crate) fn refused(&self) {
        count(&self.refused);
    }

    pub(crate) fn failed(&self) {
        count(&self.failed);
    }

    pub(crate) fn found(&self) {
        count(&self.users);
    }

    pub(crate) fn unknown(&self) {
        count(&self.unknown);
    }

    pub(crate) fn lookup_failed(&self) {
        count(&self.lookups_failed);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

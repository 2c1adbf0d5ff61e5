//! What was counted since the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daemon::{Figure, Histogram, SHORT_TIMES};

/// Counters, each only ever growing; and how long logins take.
#[derive(Debug)]
pub struct Figures {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    users: AtomicU64,
    unknown: AtomicU64,
    lookups_failed: AtomicU64,
    /// How long a login's check takes, without what holds a failure back.
    pub(crate) login_times: Arc<Histogram>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            accepted: AtomicU64::default(),
            refused: AtomicU64::default(),
            failed: AtomicU64::default(),
            users: AtomicU64::default(),
            unknown: AtomicU64::default(),
            lookups_failed: AtomicU64::default(),
            login_times: Arc::new(Histogram::new(SHORT_TIMES)),
        }
    }
}

/// Reads one counter.
type Read = fn(&Figures) -> u64;

impl Figures {
    /// The counters by the names that the admin socket gives them.
    pub const ALL: [(Figure, Read); 6] = [
        (Figure::counter("logins_accepted", "Logins with the right password."), |figures| {
            read(&figures.accepted)
        }),
        (Figure::counter("logins_refused", "Logins with a wrong user or password."), |figures| {
            read(&figures.refused)
        }),
        (Figure::counter("logins_failed", "Logins that couldn't be checked."), |figures| {
            read(&figures.failed)
        }),
        (Figure::counter("users_found", "Users that were looked up and found."), |figures| {
            read(&figures.users)
        }),
        (Figure::counter("users_unknown", "Users that were looked up in vain."), |figures| {
            read(&figures.unknown)
        }),
        (Figure::counter("lookups_failed", "Look-ups that couldn't be answered."), |figures| {
            read(&figures.lookups_failed)
        }),
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

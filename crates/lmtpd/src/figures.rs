//! What lmtpd counts for the operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daemon::{Admin, Figure, Histogram, LONG_TIMES};

use crate::deliver::Outcome;
use crate::session::Shared;

/// Counts for the operator.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) delays: Arc<Histogram>,
    pub(crate) stored: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) passed: AtomicU64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            delays: Arc::new(Histogram::new(LONG_TIMES)),
            stored: AtomicU64::default(),
            repeated: AtomicU64::default(),
            failed: AtomicU64::default(),
            refused: AtomicU64::default(),
            passed: AtomicU64::default(),
        }
    }
}

impl Figures {
    /// Shows them on the admin socket.
    pub(crate) fn show(shared: &Arc<Shared>, admin: &Admin) {
        let figure = |name, get: fn(&Shared) -> u64| {
            let shared = Arc::clone(shared);
            admin.figure(name, move || get(&shared));
        };
        let (counter, gauge) = (Figure::counter, Figure::gauge);
        let stored = counter("stored", "Copies that were stored.");
        figure(stored, |shared| shared.figures.stored.load(Ordering::Relaxed));
        let again = counter("offered_again", "Copies that were there already.");
        figure(again, |shared| shared.figures.repeated.load(Ordering::Relaxed));
        let failed = counter("failed", "Copies that couldn't be stored for now.");
        figure(failed, |shared| shared.figures.failed.load(Ordering::Relaxed));
        let refused = counter("refused", "Copies refused for good.");
        figure(refused, |shared| shared.figures.refused.load(Ordering::Relaxed));
        let remembered = gauge("remembered", "Deliveries whose second offer would be recognised.");
        figure(remembered, |shared| shared.deliveries.remembered() as u64);
        let passed = counter("passed_on", "Copies that other uids' instances answered for.");
        figure(passed, |shared| shared.figures.passed.load(Ordering::Relaxed));
        let known = gauge("instances", "Other uids' instances that are known.");
        figure(known, |shared| shared.proxy.known() as u64);
        let help = "From when a message came in to when its copy was stored.";
        admin.times("delay_seconds", help, &shared.figures.delays);
    }

    /// Counts what became of a copy of ours.
    pub(crate) fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Stored { mailbox: Some(_) } => &self.stored,
            Outcome::Stored { mailbox: None } => &self.repeated,
            Outcome::Failed(_) | Outcome::TimeUp => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

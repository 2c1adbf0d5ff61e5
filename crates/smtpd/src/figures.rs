//! What smtpd has done since it started, for `/v1/status`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters; each only grows.
#[derive(Debug, Default)]
pub struct Figures {
    /// Messages that lmtpd took while the client waited.
    pub straight_in: AtomicU64,
    /// Messages that qmgrd took.
    pub queued: AtomicU64,
    /// Messages that were to go straight in and went to qmgrd after all.
    pub fell_back: AtomicU64,
    /// Messages refused for good behind DATA.
    pub refused: AtomicU64,
    /// Messages the client must send again.
    pub deferred: AtomicU64,
    /// Recipients refused for good.
    pub recipients_refused: AtomicU64,
    /// Recipients the client must name again.
    pub recipients_deferred: AtomicU64,
    /// Logins that succeeded.
    pub logins: AtomicU64,
    /// Logins that failed.
    pub logins_failed: AtomicU64,
}

impl Figures {
    /// One more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Names and values, in the order shown.
    #[must_use]
    pub fn list(&self) -> [(&'static str, u64); 9] {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("messages_straight_in", value(&self.straight_in)),
            ("messages_queued", value(&self.queued)),
            ("messages_fell_back", value(&self.fell_back)),
            ("messages_refused", value(&self.refused)),
            ("messages_deferred", value(&self.deferred)),
            ("recipients_refused", value(&self.recipients_refused)),
            ("recipients_deferred", value(&self.recipients_deferred)),
            ("logins", value(&self.logins)),
            ("logins_failed", value(&self.logins_failed)),
        ]
    }

    /// The value of that name, as [`Self::list`] has it.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.list().iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| *value)
    }
}

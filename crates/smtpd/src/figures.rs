//! What smtpd has done since it started, for `/v1/status` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daemon::{Admin, Figure};

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

    /// Shows them on the admin socket.
    pub fn show(self: &Arc<Self>, admin: &Admin) {
        let figure = |name, help, of: fn(&Self) -> &AtomicU64| {
            let figures = Arc::clone(self);
            let value = move || of(&figures).load(Ordering::Relaxed);
            admin.figure(Figure::counter(name, help), value);
        };
        let help = "Messages that lmtpd took while the client waited.";
        figure("messages_straight_in", help, |all| &all.straight_in);
        figure("messages_queued", "Messages that qmgrd took.", |all| &all.queued);
        let help = "Messages that were to go straight in and went to qmgrd after all.";
        figure("messages_fell_back", help, |all| &all.fell_back);
        let help = "Messages refused for good behind DATA.";
        figure("messages_refused", help, |all| &all.refused);
        let help = "Messages that the client must send again.";
        figure("messages_deferred", help, |all| &all.deferred);
        let help = "Recipients refused for good.";
        figure("recipients_refused", help, |all| &all.recipients_refused);
        let help = "Recipients that the client must name again.";
        figure("recipients_deferred", help, |all| &all.recipients_deferred);
        figure("logins", "Logins that succeeded.", |all| &all.logins);
        figure("logins_failed", "Logins that failed.", |all| &all.logins_failed);
    }
}

//! What imapd does and has done since it started, for `/v1/status`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters, shared by all connections.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    logins: AtomicU64,
    logins_failed: AtomicU64,
    sessions: AtomicU64,
    idling: AtomicU64,
}

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Logins that succeeded.
    Logins,
    /// Logins that failed, whyever.
    LoginsFailed,
    /// Sessions that are logged in now.
    Sessions,
    /// Sessions that are in IDLE now.
    Idling,
}

impl Figure {
    pub(crate) const ALL: [Figure; 4] =
        [Figure::Logins, Figure::LoginsFailed, Figure::Sessions, Figure::Idling];

    /// As the admin socket shows it.
    pub(crate) const fn shown(self) -> daemon::Figure {
        let name = self.name();
        match self {
            Figure::Logins => daemon::Figure::counter(name, "Logins that succeeded."),
            Figure::LoginsFailed => daemon::Figure::counter(name, "Logins that failed."),
            Figure::Sessions => daemon::Figure::gauge(name, "Sessions that are logged in now."),
            Figure::Idling => daemon::Figure::gauge(name, "Sessions that are in IDLE now."),
        }
    }

    /// Its key in `/v1/status`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Figure::Logins => "logins",
            Figure::LoginsFailed => "logins_failed",
            Figure::Sessions => "sessions",
            Figure::Idling => "sessions_idling",
        }
    }
}

impl Figures {
    const fn counter(&self, figure: Figure) -> &AtomicU64 {
        match figure {
            Figure::Logins => &self.logins,
            Figure::LoginsFailed => &self.logins_failed,
            Figure::Sessions => &self.sessions,
            Figure::Idling => &self.idling,
        }
    }

    pub(crate) fn get(&self, figure: Figure) -> u64 {
        self.counter(figure).load(Ordering::Relaxed)
    }

    /// One more, for good.
    pub(crate) fn count(&self, figure: Figure) {
        self.counter(figure).fetch_add(1, Ordering::Relaxed);
    }

    /// One more, as long as what is returned lives.
    pub(crate) fn hold(self: &Arc<Self>, figure: Figure) -> Held {
        self.count(figure);
        Held { figures: Arc::clone(self), figure }
    }
}

/// Something that is counted while it lasts, a panic included.
#[derive(Debug)]
pub(crate) struct Held {
    figures: Arc<Figures>,
    figure: Figure,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.figures.counter(self.figure).fetch_sub(1, Ordering::Relaxed);
    }
}

//! How long an asker is patient.

use std::time::Duration;

/// How long to wait for the auth daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For connecting and the handshake, and for a free place among the requests under way.
    pub connect: Duration,
    /// For the answer to one question. The daemon holds failed logins back for up to 9 s.
    pub reply: Duration,
}

impl Default for Timeouts {
    /// 5 s to connect, 30 s for an answer.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), reply: Duration::from_secs(30) }
    }
}

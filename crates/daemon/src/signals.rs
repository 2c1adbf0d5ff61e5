//! The signals that a daemon listens to, as docs/operations.md lists them.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Each signal and what it does, for the manual.
pub(crate) const SIGNALS: &[(&str, &str)] = &[
    (
        "SIGTERM, SIGINT",
        "Stops accepting at once, tells idle clients goodbye, lets work in hand end for `drain`, and ends with 0. A \
         second one cuts what is left.",
    ),
    (
        "SIGHUP",
        "Reads configuration and TLS keys again. What is wrong is logged, and the running configuration stays; \
         `dovetail reload` does the same and says what came of it.",
    ),
    ("SIGUSR1", "Opens its log files again."),
];

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// SIGUSR1.
    Reopen,
}

pub(crate) struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr1: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Error> {
        let on = |kind| signal(kind).map_err(|error| Error::other(format!("signals: {error}")));
        Ok(Self {
            term: on(SignalKind::terminate())?,
            int: on(SignalKind::interrupt())?,
            hup: on(SignalKind::hangup())?,
            usr1: on(SignalKind::user_defined1())?,
        })
    }

    /// The next one. Nothing is lost if this is dropped before.
    pub(crate) async fn next(&mut self) -> Sign {
        tokio::select! {
            _ = self.term.recv() => Sign::Stop,
            _ = self.int.recv() => Sign::Stop,
            _ = self.hup.recv() => Sign::Reload,
            _ = self.usr1.recv() => Sign::Reopen,
        }
    }
}

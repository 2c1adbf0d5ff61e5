//! Where a hop goes, and how long everything may take.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A client's names, times and bounds. The defaults are for a hop between daemons of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What is said in LHLO: this host's name.
    pub helo: String,
    /// How long connecting and the greeting may take.
    pub connect: Duration,
    /// How long a reply before the content, and each write of it, may take.
    pub reply: Duration,
    /// How long the replies to the final dot may take, all together.
    pub final_dot: Duration,
    /// Connections at a time.
    pub max_connections: usize,
    /// How long [`crate::Client::open`] waits for one of them to be free.
    pub wait_for_connection: Duration,
    /// How long an unused connection is kept.
    pub keep_idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            helo: "localhost".to_owned(),
            connect: Duration::from_secs(30),
            reply: Duration::from_secs(60),
            final_dot: Duration::from_secs(60),
            max_connections: 20,
            wait_for_connection: Duration::from_secs(10),
            keep_idle: Duration::from_secs(30),
        }
    }
}

/// How long a connection waits at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the greeting, and the reply to EHLO or LHLO.
    pub greeting: Duration,
    /// For a reply to any other command, and for each write of commands.
    pub command: Duration,
    /// For the reply to DATA.
    pub data_start: Duration,
    /// For each write of content.
    pub block: Duration,
    /// For all replies to the final dot together.
    pub final_dot: Duration,
}

impl Patience {
    /// RFC 5321 §4.5.3.2's times, for strangers.
    #[must_use]
    pub const fn rfc5321() -> Self {
        Self {
            greeting: Duration::from_secs(5 * 60),
            command: Duration::from_secs(5 * 60),
            data_start: Duration::from_secs(2 * 60),
            block: Duration::from_secs(3 * 60),
            final_dot: Duration::from_secs(10 * 60),
        }
    }
}

impl From<&Settings> for Patience {
    fn from(settings: &Settings) -> Self {
        Self {
            greeting: settings.connect,
            command: settings.reply,
            data_start: settings.reply,
            block: settings.reply,
            final_dot: settings.final_dot,
        }
    }
}

//! Why a daemon doesn't start, or stops.

use std::path::PathBuf;

use crate::config::{Problem, print_problems};

/// Why a daemon doesn't start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong: all of it.
    #[error("configuration:\n{}", print_problems(.0).trim_end())]
    Config(Vec<Problem>),
    /// A listener couldn't be bound.
    #[error("listener {name}: {address}: {why}")]
    Bind {
        /// The listener's name.
        name: String,
        /// Where it should have listened.
        address: String,
        /// What was in the way.
        why: String,
    },
    /// Privileges couldn't be dropped.
    #[error("privileges: {0}")]
    Privileges(String),
    /// A file of the daemon's own.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else, said in full.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Anything that has no kind of its own; the text says what and where.
    pub fn other(what: impl std::fmt::Display) -> Self {
        Self::Other(what.to_string())
    }

    /// A file of the daemon's own.
    pub fn file(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File { path: path.into(), source }
    }
}

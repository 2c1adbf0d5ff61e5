//! Why a question got no answer. All of it is temporary.

use std::io;
use std::path::PathBuf;

/// The auth daemon couldn't be asked, or couldn't tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Nobody answers at the socket, or we may not connect to it.
    #[error("{}: no connection to the auth daemon: {source}", socket.display())]
    Away {
        /// The socket's path.
        socket: PathBuf,
        /// What connecting said.
        source: io::Error,
    },
    /// The connection ended before the answer came.
    #[error("{}: the auth daemon closed the connection: {why}", socket.display())]
    Lost {
        /// The socket's path.
        socket: PathBuf,
        /// What ended it.
        why: String,
    },
    /// No answer within the time set.
    #[error("{}: no answer from the auth daemon in time", socket.display())]
    TimedOut {
        /// The socket's path.
        socket: PathBuf,
    },
    /// The server behind the socket speaks something else.
    #[error("{}: {why}", socket.display())]
    Protocol {
        /// The socket's path.
        socket: PathBuf,
        /// What was wrong.
        why: String,
    },
    /// The daemon answered that it can't tell now.
    #[error("the auth daemon can't tell: {}", reason.as_deref().unwrap_or("no reason given"))]
    Failed {
        /// Its reason, if it gave one.
        reason: Option<String>,
    },
    /// The mechanism isn't one the daemon offers.
    #[error("the auth daemon doesn't offer {0}")]
    UnknownMechanism(String),
    /// The request doesn't fit a line of the protocol.
    #[error("the request is too long for the auth protocol")]
    TooLong,
}

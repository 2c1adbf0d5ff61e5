//! What can go wrong in a store, in kinds that a daemon can answer.

use std::io;
use std::path::Path;

use mailbox::NameError;

use crate::roots::RootError;

/// The store's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure it was: what a daemon's reply depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// No such mailbox (IMAP: `[NONEXISTENT]`, or `[TRYCREATE]` for APPEND, COPY and MOVE).
    NotFound,
    /// A mailbox of that name is there (IMAP: `[ALREADYEXISTS]`).
    Exists,
    /// The name can't be a mailbox's in this store, or this operation is never allowed on it
    /// (IMAP: `[CANNOT]`).
    Cannot,
    /// The operating system says no (IMAP: `[NOPERM]`).
    NoPermission,
    /// Somebody else held the mailbox's lock for too long (IMAP: `[INUSE]`, LMTP: 4xx).
    Locked,
    /// The message isn't there any more: another session expunged it (IMAP: `[EXPUNGEISSUED]`).
    Gone,
    /// The mailbox's UIDs got a new validity, or the mailbox was deleted under this session: the
    /// session can only end (IMAP: `* BYE`).
    Reset,
    /// The disk is full (IMAP: `[LIMIT]`… as a temporary failure, LMTP: 452 4.3.1).
    NoSpace,
    /// The user's quota is used up (IMAP: `[OVERQUOTA]`, LMTP: 552 5.2.2).
    OverQuota,
    /// A limit of the store's own, such as 26 keywords a mailbox (IMAP: `[LIMIT]`).
    Limit,
    /// The mailbox was opened for reading only.
    ReadOnly,
    /// Anything else: input and output failed, files can't be understood (IMAP: `[SERVERBUG]`).
    Internal,
}

/// A failure of the store. Its text names files, so it is for the log; what a client may read is
/// [`Error::public`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such mailbox.
    #[error("mailbox doesn't exist: {0}")]
    NotFound(String),
    /// The name is taken.
    #[error("mailbox already exists: {0}")]
    Exists(String),
    /// The name can't be a mailbox's.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An operation or a name that this store refuses; a client may read the text.
    #[error("{0}")]
    Cannot(&'static str),
    /// A lock was held for longer than we wait.
    #[error("{what}: still locked after {seconds} s, by {holder}; remove the lock if that is gone")]
    Locked {
        /// The lock's file.
        what: String,
        /// How long we waited.
        seconds: u64,
        /// What the lock's file says: process id and host.
        holder: String,
    },
    /// The message was expunged by somebody else.
    #[error("message was expunged by another session")]
    Gone,
    /// The session's UIDs no longer mean anything.
    #[error("{0}")]
    Reset(String),
    /// The user's quota is used up.
    #[error("Quota exceeded (mailbox for user is full)")]
    OverQuota,
    /// A limit of the store's.
    #[error("{0}")]
    Limit(&'static str),
    /// A change to a mailbox that was opened for reading.
    #[error("mailbox was opened read-only")]
    ReadOnly,
    /// A file of the store can't be understood.
    #[error("{file}: {why}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The folder that all mail lies below, or its disk, isn't there.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The operating system refused an operation.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, and on which file.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// For `map_err`: says what was tried, and on which file.
pub(crate) fn io<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + use<'a> {
    move |source| Error::Io { what: format!("{what} {}", path.display()), source }
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Error::NotFound(_) => Kind::NotFound,
            Error::Exists(_) => Kind::Exists,
            Error::Name(_) | Error::Cannot(_) => Kind::Cannot,
            Error::Locked { .. } => Kind::Locked,
            Error::Gone => Kind::Gone,
            Error::Reset(_) => Kind::Reset,
            Error::OverQuota => Kind::OverQuota,
            Error::Limit(_) => Kind::Limit,
            Error::ReadOnly => Kind::ReadOnly,
            Error::Damaged { .. } | Error::Root(_) => Kind::Internal,
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Kind::NoPermission
                }
                io::ErrorKind::StorageFull => Kind::NoSpace,
                io::ErrorKind::QuotaExceeded => Kind::OverQuota,
                _ => Kind::Internal,
            },
        }
    }

    /// A text that a client may read: no file, no host, nothing of the system's inside.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Error::NotFound(name) => format!("Mailbox doesn't exist: {name}"),
            Error::Exists(_) => "Mailbox already exists".to_owned(),
            Error::Locked { .. } => "Timeout while waiting for lock".to_owned(),
            Error::Reset(_) => "Mailbox was changed by somebody else, open it again".to_owned(),
            Error::Name(_)
            | Error::Cannot(_)
            | Error::Gone
            | Error::OverQuota
            | Error::Limit(_)
            | Error::ReadOnly => self.to_string(),
            Error::Damaged { .. } | Error::Root(_) | Error::Io { .. } => match self.kind() {
                Kind::NoPermission => "Permission denied".to_owned(),
                Kind::NoSpace => "Not enough disk space".to_owned(),
                Kind::OverQuota => "Not enough disk quota".to_owned(),
                _ => "Internal error occurred, see the server log".to_owned(),
            },
        }
    }
}

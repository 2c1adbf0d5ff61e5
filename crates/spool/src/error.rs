//! What goes wrong in a spool.

use std::io;

use address::EntryId;

use crate::fs::Folder;
use crate::head::HeadError;
use crate::state::StateError;

/// Why an operation on the spool failed. Nothing was acknowledged, nothing acknowledged is lost.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system refused.
    #[error("cannot {doing} in the spool's {}: {source}", place(*.folder))]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// Where.
        folder: Folder,
        /// What the system said.
        source: io::Error,
    },
    /// No such entry; it may have been settled a moment ago.
    #[error("no entry {0} in the queue")]
    NotFound(EntryId),
    /// The message's file can't be read.
    #[error("queue file {id}: {source}")]
    Head {
        /// Which entry.
        id: EntryId,
        /// What is wrong with it.
        source: HeadError,
    },
    /// The record can't be read.
    #[error("state record {id}: {source}")]
    State {
        /// Which entry.
        id: EntryId,
        /// What is wrong with it.
        source: StateError,
    },
    /// More than [`crate::MAX_PARTS`] different messages under one trace id.
    #[error("too many messages under trace id {0}")]
    TooManyParts(address::TraceId),
    /// The envelope is larger than a queue file may hold.
    #[error("{0}")]
    Envelope(HeadError),
    /// A sync failed earlier for this draft: it must be written anew.
    #[error("the draft had failed before")]
    Spoiled,
}

fn place(folder: Folder) -> String {
    match folder {
        Folder::Root => "folder".to_owned(),
        inner => format!("folder {}", inner.name()),
    }
}

impl SpoolError {
    /// Adapts an I/O error: `.map_err(SpoolError::io("create a file", Folder::Tmp))`.
    pub(crate) fn io(doing: &'static str, folder: Folder) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, folder, source }
    }

    /// Whether the disk is full: a reply of 452 instead of 451.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ))
    }

    /// Whether the entry is not there (any more).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

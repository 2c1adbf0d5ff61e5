//! A client's commands with their arguments, typed (RFC 3501 §6 and the extensions' own).
//!
//! Values only: [`crate::grammar`] makes them. Which command is allowed in which state is the
//! daemon's. What a client wrote as a mailbox name stays in its wire form, [`WireName`], because a
//! bad name is a NO and not a syntax error.

mod fetch;
mod list;
mod name;
mod search;
mod secret;
mod tag;
mod verb;

pub use fetch::{Fetch, FetchItem, Partial, Section, SectionText};
pub use list::{List, ListReturn, ListSelection, StatusItem, WirePattern};
pub use name::{WireName, WireNameError};
pub use search::{Charset, Search, SearchKey, SearchReturn};
pub use secret::Secret;
pub use tag::{MAX_TAG_OCTETS, Tag};

use mailbox::Flags;

use crate::date::DateTime;
use crate::sequence::{SequenceSet, UidSet};

/// One whole command line with its literals.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged {
    /// What the reply repeats.
    pub tag: Tag,
    /// What is wanted.
    pub command: Command,
}

/// What a client wants. APPEND stands apart, in [`Append`], because its literal streams.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// CAPABILITY (RFC 3501 §6.1.1), in any state.
    Capability,
    /// NOOP (RFC 3501 §6.1.2), in any state.
    Noop,
    /// LOGOUT (RFC 3501 §6.1.3), in any state.
    Logout,
    /// ID (RFC 2971), in any state. `NIL` gives no pairs; names and values as the client wrote them.
    Id(Vec<(Vec<u8>, Option<Vec<u8>>)>),

    /// STARTTLS (RFC 3501 §6.2.1), before login.
    StartTls,
    /// AUTHENTICATE (RFC 3501 §6.2.2, RFC 4959), before login.
    Authenticate {
        /// In upper case.
        mechanism: String,
        /// Decoded; `Some` of nothing for `=`.
        initial: Option<Secret>,
    },
    /// LOGIN (RFC 3501 §6.2.3), before login.
    Login {
        /// As written; may be no UTF-8.
        user: Vec<u8>,
        /// As written.
        password: Secret,
    },

    /// ENABLE (RFC 5161), names in upper case.
    Enable(Vec<String>),
    /// SELECT (RFC 3501 §6.3.1).
    Select(WireName),
    /// EXAMINE (RFC 3501 §6.3.2).
    Examine(WireName),
    /// CREATE (RFC 3501 §6.3.3).
    Create {
        /// May end in the separator: "names will be made below it".
        name: WireName,
        /// `(USE (\Drafts …))` (RFC 6154 §3); attributes as written, with their backslash.
        special_use: Vec<String>,
    },
    /// DELETE (RFC 3501 §6.3.4).
    Delete(WireName),
    /// RENAME (RFC 3501 §6.3.5).
    Rename {
        /// The present name.
        from: WireName,
        /// The wanted one.
        to: WireName,
    },
    /// SUBSCRIBE (RFC 3501 §6.3.6).
    Subscribe(WireName),
    /// UNSUBSCRIBE (RFC 3501 §6.3.7).
    Unsubscribe(WireName),
    /// LIST (RFC 3501 §6.3.8, RFC 5258).
    List(List),
    /// LSUB (RFC 3501 §6.3.9).
    Lsub {
        /// Put before the pattern.
        reference: WireName,
        /// With `%` and `*`.
        pattern: WirePattern,
    },
    /// NAMESPACE (RFC 2342).
    Namespace,
    /// STATUS (RFC 3501 §6.3.10).
    Status {
        /// Of which mailbox.
        name: WireName,
        /// At least one, each once.
        items: Vec<StatusItem>,
    },
    /// IDLE (RFC 2177): the next line ends it.
    Idle,

    /// CHECK (RFC 3501 §6.4.1).
    Check,
    /// CLOSE (RFC 3501 §6.4.2): expunges in silence.
    Close,
    /// UNSELECT (RFC 3691): doesn't.
    Unselect,
    /// EXPUNGE (RFC 3501 §6.4.3); with a set it is UID EXPUNGE (RFC 4315 §2.1).
    Expunge(Option<UidSet>),
    /// SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731).
    Search(Search),
    /// FETCH and UID FETCH (RFC 3501 §6.4.5).
    Fetch(Fetch),
    /// STORE and UID STORE (RFC 3501 §6.4.6).
    Store(Store),
    /// COPY and UID COPY (RFC 3501 §6.4.7).
    Copy {
        /// Which.
        messages: Messages,
        /// Where to.
        to: WireName,
    },
    /// MOVE and UID MOVE (RFC 6851).
    Move {
        /// Which.
        messages: Messages,
        /// Where to.
        to: WireName,
    },
}

/// Which messages a command speaks of: the two kinds of numbers can't be confused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Messages {
    /// By place in the session's view.
    Sequence(SequenceSet),
    /// By UID; the command began with `UID`.
    Uid(UidSet),
}

impl Messages {
    /// Whether the command began with `UID`, so that every FETCH reply carries the UID
    /// (RFC 3501 §6.4.8).
    #[must_use]
    pub const fn by_uid(&self) -> bool {
        matches!(self, Messages::Uid(_))
    }
}

/// STORE's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Which.
    pub messages: Messages,
    /// `FLAGS`, `+FLAGS` or `-FLAGS`.
    pub change: FlagChange,
    /// `.SILENT`: no FETCH in reply.
    pub silent: bool,
    /// The flags named. `\Recent`, which nobody can set, is a syntax error (RFC 3501 §2.3.2).
    pub flags: Flags,
}

/// What STORE does with the flags it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagChange {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// APPEND up to its literal (RFC 3501 §6.3.11): the octets themselves stream past as events of
/// [`crate::frame`] and are never kept here.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// What the reply repeats.
    pub tag: Tag,
    /// Where to.
    pub name: WireName,
    /// To be set on the new message.
    pub flags: Flags,
    /// The internal date wanted; the time of arrival if there is none.
    pub date: Option<DateTime>,
}

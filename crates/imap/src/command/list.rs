//! LIST's and STATUS's arguments (RFC 3501 §6.3.8, RFC 5258, RFC 5819, RFC 6154).

use std::fmt;

use super::name::{WireName, WireNameError, decode};

/// LIST, in the old form or the extended one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The options in front of the reference (RFC 5258 §3.1).
    pub selection: ListSelection,
    /// Put before each pattern.
    pub reference: WireName,
    /// One, or several in parentheses (RFC 5258 §3).
    pub patterns: Vec<WirePattern>,
    /// The options after RETURN (RFC 5258 §3.2).
    pub returns: ListReturn,
    /// Whether any of RFC 5258's forms was used: then `\NonExistent` may stand in a reply, and an
    /// empty pattern isn't the question for the separator.
    pub extended: bool,
}

/// Which mailboxes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListSelection {
    /// SUBSCRIBED: those subscribed to, existing or not.
    pub subscribed: bool,
    /// REMOTE: remote ones too; there are none here.
    pub remote: bool,
    /// RECURSIVEMATCH: also parents of a match, with CHILDINFO. Never alone.
    pub recursive_match: bool,
    /// SPECIAL-USE (RFC 6154 §5.2): only those with such an attribute.
    pub special_use: bool,
}

/// What is to be told about each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListReturn {
    /// SUBSCRIBED: `\Subscribed` where it is so.
    pub subscribed: bool,
    /// CHILDREN: `\HasChildren` or `\HasNoChildren`.
    pub children: bool,
    /// SPECIAL-USE: the attributes of RFC 6154.
    pub special_use: bool,
    /// STATUS (RFC 5819): a STATUS reply after each LIST reply. Empty if not wanted.
    pub status: Vec<StatusItem>,
}

/// One thing that STATUS tells (RFC 3501 §6.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusItem {
    /// How many messages there are.
    Messages,
    /// How many have `\Recent`.
    Recent,
    /// The UID that the next message will get, or more.
    UidNext,
    /// The UID validity.
    UidValidity,
    /// How many haven't `\Seen`.
    Unseen,
}

impl StatusItem {
    /// All of them, in the order in which Dovecot answers.
    pub const ALL: [StatusItem; 5] = [
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
    ];

    /// As IMAP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            StatusItem::Messages => "MESSAGES",
            StatusItem::Recent => "RECENT",
            StatusItem::UidNext => "UIDNEXT",
            StatusItem::UidValidity => "UIDVALIDITY",
            StatusItem::Unseen => "UNSEEN",
        }
    }
}

/// A `list-mailbox` as written: a name in modified UTF-7 in which `%` and `*` match.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WirePattern(Vec<u8>);

impl WirePattern {
    /// Takes the argument's octets.
    #[must_use]
    pub const fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// As written.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Decoded, for [`crate::pattern::Pattern`].
    ///
    /// # Errors
    /// If it is not modified UTF-7: nothing can match it.
    pub fn text(&self) -> Result<String, WireNameError> {
        decode(&self.0)
    }

    /// `""`: in the old LIST the question for the separator and the root (RFC 3501 §6.3.8).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for WirePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&WireName::new(self.0.clone()), f)
    }
}

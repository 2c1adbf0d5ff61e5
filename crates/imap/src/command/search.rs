//! SEARCH's arguments (RFC 3501 §6.4.4, RFC 4731).

use mailbox::Flag;

use crate::date::Date;
use crate::sequence::{SequenceSet, UidSet};

/// SEARCH and UID SEARCH.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Whether the reply gives UIDs.
    pub by_uid: bool,
    /// `RETURN (…)` (RFC 4731): the reply is an ESEARCH. `None` without it.
    pub returns: Option<SearchReturn>,
    /// `CHARSET …`; US-ASCII if not said.
    pub charset: Charset,
    /// All of them must hold; at least one.
    pub keys: Vec<SearchKey>,
}

/// In which the search's strings are written (RFC 2978 names).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charset {
    /// US-ASCII, or nothing said.
    Ascii,
    /// UTF-8.
    Utf8,
    /// Any other: `NO [BADCHARSET]`.
    Other(String),
}

/// What an ESEARCH is to tell. `RETURN ()` means ALL (RFC 4731 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchReturn {
    /// The lowest number.
    pub min: bool,
    /// The highest.
    pub max: bool,
    /// All of them.
    pub all: bool,
    /// How many.
    pub count: bool,
}

/// One condition. The negated words (UNSEEN, UNKEYWORD …) are written as [`SearchKey::Not`].
#[derive(Debug, Clone, PartialEq)]
pub enum SearchKey {
    /// `ALL`
    All,
    /// Several in parentheses: all must hold.
    And(Vec<SearchKey>),
    /// `OR a b`
    Or(Box<SearchKey>, Box<SearchKey>),
    /// `NOT a`; also UNANSWERED, UNDELETED, UNDRAFT, UNFLAGGED, UNSEEN, UNKEYWORD, OLD.
    Not(Box<SearchKey>),
    /// Sequence numbers.
    Sequence(SequenceSet),
    /// `UID …`
    Uid(UidSet),
    /// ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, `KEYWORD x`
    Flag(Flag),
    /// `RECENT`; `OLD` is its opposite.
    Recent,
    /// `NEW`: recent and not seen.
    New,
    /// `BEFORE`: internal date earlier than the day.
    Before(Date),
    /// `ON`
    On(Date),
    /// `SINCE`: on the day or later.
    Since(Date),
    /// `SENTBEFORE`: by the Date field, its time and zone not looked at.
    SentBefore(Date),
    /// `SENTON`
    SentOn(Date),
    /// `SENTSINCE`
    SentSince(Date),
    /// `LARGER n`: more octets than n.
    Larger(u64),
    /// `SMALLER n`: fewer.
    Smaller(u64),
    /// `HEADER name text`; also BCC, CC, FROM, SUBJECT and TO. An empty text asks only whether the
    /// field is there.
    Header {
        /// In upper case.
        name: Vec<u8>,
        /// In the search's charset.
        text: Vec<u8>,
    },
    /// `BODY text`
    Body(Vec<u8>),
    /// `TEXT text`: header or body.
    Text(Vec<u8>),
}

//! An opened mailbox: the messages as one session sees them, and changes to them.

use std::sync::Arc;

use mailbox::{Flags, Keyword, MailboxName, Uid, UidValidity};

use crate::{Access, Body, Result, WatchPoint};

/// One message as a session sees it. Its place in [`Mailbox::messages`] is its sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its identifier.
    pub uid: Uid,
    /// Its flags; equal sets are shared, so that a large mailbox stays small in memory.
    pub flags: Arc<Flags>,
    /// Whether this session is the first to see it (`\Recent`).
    pub recent: bool,
}

/// What STORE does to a message's flags (RFC 3501 §6.4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `+FLAGS`
    Add(Flags),
    /// `-FLAGS`
    Remove(Flags),
    /// `FLAGS`
    Replace(Flags),
}

/// What [`Mailbox::refresh`] found, already done to [`Mailbox::messages`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// What is gone, with the place (from 0) that each had in [`Mailbox::messages`] before the
    /// refresh, in ascending order.
    pub expunged: Vec<(usize, Uid)>,
    /// How many messages were put at the end of [`Mailbox::messages`].
    pub appeared: usize,
    /// Messages, neither new nor gone, whose flags somebody else changed.
    pub changed: Vec<Uid>,
    /// Whether [`Mailbox::keywords`] got more names.
    pub keywords: bool,
}

impl Changes {
    /// Whether nothing happened at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where copied messages went (RFC 4315 §3, COPYUID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The target's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// Source and target UID of each, ascending in both. Messages that were gone are left out.
    pub pairs: Vec<(Uid, Uid)>,
}

/// An opened mailbox. Between two calls of [`Mailbox::refresh`] nothing appears in or leaves
/// [`Mailbox::messages`], except what this session's own [`Mailbox::expunge`] and
/// [`Mailbox::move_to`] removed: so sequence numbers hold (RFC 3501 §7.4.1).
pub trait Mailbox: Send {
    /// Its name.
    fn name(&self) -> &MailboxName;

    /// How it was opened; read-only also if the operating system lets us do no more.
    fn access(&self) -> Access;

    /// Which life of the mailbox the UIDs belong to.
    fn uid_validity(&self) -> UidValidity;

    /// The UID that the next message will get, at least.
    fn uid_next(&self) -> Uid;

    /// The messages in ascending order of UID.
    fn messages(&self) -> &[Entry];

    /// The keywords that this mailbox knows, for FLAGS.
    fn keywords(&self) -> Vec<Keyword>;

    /// Whether a STORE may make new keywords (`\*` in PERMANENTFLAGS).
    fn can_create_keywords(&self) -> bool;

    /// Takes up what others did since.
    ///
    /// # Errors
    /// [`crate::Kind::Reset`] if the session can't go on; [`crate::Kind::Locked`] or input and
    /// output: the view is unchanged, and the next refresh tries again.
    fn refresh(&mut self) -> Result<Changes>;

    /// What to give to a [`crate::Watcher`] so as to be woken when others change the mailbox.
    fn watched(&self) -> Vec<WatchPoint>;

    /// The message's size in octets with CRLF at line ends (RFC822.SIZE).
    ///
    /// # Errors
    /// [`crate::Kind::Gone`] if it was expunged by another.
    fn size(&mut self, uid: Uid) -> Result<u64>;

    /// When it was received, in seconds since 1970 (INTERNALDATE).
    ///
    /// # Errors
    /// [`crate::Kind::Gone`] if it was expunged by another.
    fn internal_date(&mut self, uid: Uid) -> Result<i64>;

    /// The message's content.
    ///
    /// # Errors
    /// [`crate::Kind::Gone`] if it was expunged by another.
    fn body(&mut self, uid: Uid) -> Result<Box<dyn Body>>;

    /// Changes flags, durably, and in [`Mailbox::messages`]. Messages that were expunged by another
    /// are passed over; the next refresh tells of them.
    ///
    /// # Errors
    /// [`crate::Kind::ReadOnly`], [`crate::Kind::Limit`] for too many keywords, or input and output:
    /// then some messages may be changed and others not.
    fn store(&mut self, uids: &[Uid], change: &Change) -> Result<()>;

    /// Removes those of `uids` that carry `\Deleted`, durably, from [`Mailbox::messages`] too. Tells
    /// what this session removed, each with the place (from 0) that it had before, ascending.
    ///
    /// # Errors
    /// [`crate::Kind::ReadOnly`], or input and output.
    fn expunge(&mut self, uids: &[Uid]) -> Result<Vec<(usize, Uid)>>;

    /// Copies messages with their flags and dates: all that still exist, or none.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] if there is no such target.
    fn copy(&mut self, uids: &[Uid], to: &MailboxName) -> Result<Copied>;

    /// Moves messages (RFC 6851): copies them all, then removes them here, from
    /// [`Mailbox::messages`] too. The second value tells what was removed, as
    /// [`Mailbox::expunge`] does.
    ///
    /// # Errors
    /// As [`Mailbox::copy`] and [`Mailbox::expunge`].
    fn move_to(&mut self, uids: &[Uid], to: &MailboxName) -> Result<(Copied, Vec<(usize, Uid)>)>;
}

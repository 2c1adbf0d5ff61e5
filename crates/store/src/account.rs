//! One user's mail: its mailboxes, subscriptions, and ways to put messages in.

use mailbox::{MailboxName, Uid, UidValidity};

use crate::{Draft, Mailbox, Result};

/// How a mailbox is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// SELECT: flags and messages may change, and new messages stop being recent for others.
    ReadWrite,
    /// EXAMINE: nothing changes; `\Recent` stays (RFC 3501 §6.3.2).
    ReadOnly,
}

/// A mailbox as LIST shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name.
    pub name: MailboxName,
    /// Whether it can be opened. False for a name that only has mailboxes below it.
    pub selectable: bool,
    /// Whether there is a mailbox below it.
    pub has_children: bool,
}

/// What STATUS tells of a mailbox (RFC 3501 §6.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Messages in it.
    pub messages: u32,
    /// Messages that no read-write session has seen yet.
    pub recent: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// The UID that the next message will get, at least.
    pub uid_next: Uid,
    /// Which life of the mailbox its UIDs belong to.
    pub uid_validity: UidValidity,
}

/// One user's mail. Names are decoded [`MailboxName`]s; INBOX always exists.
pub trait Account: Send {
    /// All mailboxes in order of name, and the names above them that are none themselves
    /// (`selectable: false`).
    ///
    /// # Errors
    /// If the mail can't be read.
    fn list(&mut self) -> Result<Vec<Listed>>;

    /// Whether a mailbox of that name can be opened.
    ///
    /// # Errors
    /// If the mail can't be read, or the name can't exist here ([`crate::Kind::Cannot`]).
    fn exists(&mut self, name: &MailboxName) -> Result<bool>;

    /// Makes a mailbox. The names above it need not exist and are not made.
    ///
    /// # Errors
    /// [`crate::Kind::Exists`], [`crate::Kind::Cannot`], or input and output.
    fn create(&mut self, name: &MailboxName) -> Result<()>;

    /// Removes a mailbox and its messages; those below it stay. Its subscription stays too
    /// (RFC 3501 §6.3.6).
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`]; [`crate::Kind::Cannot`] for INBOX.
    fn delete(&mut self, name: &MailboxName) -> Result<()>;

    /// Gives a mailbox, and those below it, another name.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`], [`crate::Kind::Exists`]; [`crate::Kind::Cannot`] for INBOX.
    fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<()>;

    /// The subscribed names, in their file's order. They may name mailboxes that don't exist.
    ///
    /// # Errors
    /// If the file can't be read.
    fn subscriptions(&mut self) -> Result<Vec<MailboxName>>;

    /// Subscribes to a name; nothing changes if it was subscribed.
    ///
    /// # Errors
    /// If the file can't be written, or is locked by another for too long.
    fn subscribe(&mut self, name: &MailboxName) -> Result<()>;

    /// Unsubscribes from a name. False if it wasn't subscribed.
    ///
    /// # Errors
    /// If the file can't be written, or is locked by another for too long.
    fn unsubscribe(&mut self, name: &MailboxName) -> Result<bool>;

    /// Counts a mailbox's messages. New ones get their UIDs, but stay recent.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] and those of [`Account::open`].
    fn status(&mut self, name: &MailboxName) -> Result<Status>;

    /// Opens a mailbox. INBOX is made if it isn't there yet.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`], [`crate::Kind::NoPermission`], [`crate::Kind::Locked`] …
    fn open(&mut self, name: &MailboxName, access: Access) -> Result<Box<dyn Mailbox>>;

    /// Begins a message for a mailbox (APPEND, delivery). INBOX is made if it isn't there yet.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] and the like: before a byte of the message was taken.
    fn draft(&mut self, to: &MailboxName) -> Result<Box<dyn Draft>>;
}

//! A message on its way into a mailbox. Until it is saved nobody sees it; dropped, it is gone.

use address::TraceId;
use mailbox::{Flags, Uid, UidValidity};

use crate::{Body, Result};

/// Where an appended message went (RFC 4315 §3, APPENDUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The message's UID.
    pub uid: Uid,
}

/// What makes a delivery recognisable when it is offered again.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message's trace id. Time and name of the message's file come from it.
    pub trace: TraceId,
    /// Tells apart two recipients of one message whose mail lands in the same mailbox; `None` for a
    /// user's plain address.
    pub recipient: Option<String>,
    /// Look whether the message is there already. Costs a scan of the mailbox: only for an offer
    /// that nothing in memory can answer for.
    pub search: bool,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It was stored now.
    Stored,
    /// The same delivery was there already; nothing was stored.
    AlreadyThere,
}

/// A message being written. The bytes go to the store as they come, never whole into memory.
pub trait Draft: Send {
    /// Adds to the message. CRLF, bare LF and mixtures may come in; a CRLF may be cut in two.
    ///
    /// # Errors
    /// [`crate::Kind::NoSpace`] and the like; the draft is of no use then.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Octets so far, counted with CRLF.
    fn octets(&self) -> u64;

    /// Reads back what was written so far, with CRLF.
    ///
    /// # Errors
    /// If it can't be read.
    fn read_back(&mut self) -> Result<Box<dyn Body>>;

    /// Saves it for APPEND: durable, and with a UID. `internal_date` is in seconds since 1970, `None`
    /// means now.
    ///
    /// # Errors
    /// [`crate::Kind::Locked`], [`crate::Kind::NotFound`] if the mailbox is gone, …
    fn append(self: Box<Self>, flags: &Flags, internal_date: Option<i64>) -> Result<Appended>;

    /// Saves it for LMTP: durable, at most once for each trace id and recipient, without waiting
    /// for the mailbox's lock.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] if the mailbox is gone, …
    fn deliver(self: Box<Self>, delivery: &Delivery) -> Result<Delivered>;
}

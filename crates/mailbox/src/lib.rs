//! What IMAP, POP3 and the mail store all speak of: mailbox names, UIDs, sequence numbers, flags.
//!
//! Values only. A name here is what a client sees, decoded; its path on disk is the store's own
//! type; [`utf7`] is the spelling that both IMAP4rev1 and Maildir++ give it. Ruled by RFC 3501 §2.3
//! and §5.1.

mod flag;
mod name;
mod numbers;
pub mod utf7;

pub use flag::{Flag, FlagError, Flags, Keyword, MAX_KEYWORD_OCTETS};
pub use name::{MAX_NAME_OCTETS, MAX_PART_OCTETS, MailboxName, NameError};
pub use numbers::{ModSeq, SeqNo, Uid, UidValidity};

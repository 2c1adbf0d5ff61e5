//! Takes mail in and decides at RCPT and DATA.
//!
//! Accept, session, decide, hand over: a message with one mailbox here goes straight in to lmtpd,
//! all others to qmgrd, and the client gets its 250 only when one of them has it on stable storage.
//! Ruled by RFC 5321, RFC 6409 (submission), RFC 4954 (AUTH) and docs/architecture.md.

pub mod content;
pub mod kept;
pub mod networks;
pub mod resolve;

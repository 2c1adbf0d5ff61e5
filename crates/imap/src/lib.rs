//! IMAP4rev1 as types, framing and grammar: bytes in, values out.
//!
//! [`frame`] cuts a client's bytes into whole commands, [`grammar`] reads one command into
//! [`command`]'s types, [`response`] writes what the server says. No I/O, no clock, no session
//! state: which command is allowed when is the daemon's. Ruled by RFC 3501, and by RFC 2177, 2342,
//! 2971, 3348, 3691, 4315, 4731, 4959, 5161, 5258, 5819, 6154, 6851 and 7888 for the extensions.

pub mod capability;
pub mod command;
pub mod date;
pub mod frame;
pub mod grammar;
pub mod pattern;
pub mod response;
pub mod sequence;

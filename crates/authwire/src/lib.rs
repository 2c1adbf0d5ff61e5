//! Dovecot's auth protocol, the client side (logins) and the master side (user look-ups), as types
//! and state machines.
//!
//! Bytes in, values out: no sockets, no clock, no password checks. A machine takes one line (or a
//! chunk, through [`LineBuffer`]) and says what it means; whoever owns the socket writes what the
//! machine hands back. Ruled by Dovecot's own protocol (its `doc/` text and, where that differs,
//! what its server sends), with the forms of versions 2.3 and 2.4 both understood.

pub mod client;
mod escape;
mod id;
mod line;
pub mod master;
mod params;

pub use escape::{escape_into, unescape};
pub use id::RequestId;
pub use line::{LineBuffer, LineTooLong};
pub use params::{Param, Params};

/// The longest line, LF not counted, that either side of a **client** connection takes.
/// Longer ones end the connection without a reply (Dovecot's `AUTH_CLIENT_MAX_LINE_LENGTH`).
pub const CLIENT_LINE_LIMIT: usize = 16384;

/// The longest request line on a **master** connection (Dovecot's `MAX_INBUF_SIZE`).
pub const MASTER_REQUEST_LIMIT: usize = 1024;

/// The longest reply line on a **master** connection.
pub const MASTER_REPLY_LIMIT: usize = 8192;

/// The major version of both protocols; peers with another one are turned away.
pub const VERSION_MAJOR: u32 = 1;

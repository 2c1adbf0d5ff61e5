//! SASL mechanisms as state machines: the server's side, and what a client sends.
//!
//! Bytes in, values out. A mechanism never looks a user up: its last step hands out what must be
//! checked, as [`Credentials`], and the caller answers. Ruled by RFC 4422, RFC 4616 (PLAIN) and
//! draft-murchison-sasl-login-00 (LOGIN). Base64 and line framing are the carrying protocol's.

pub mod client;
mod credentials;
pub mod server;

pub use credentials::{Credentials, Password};
pub use server::{Exchange, Malformed, Mechanism, Property, Step};

/// The longest user name taken, in octets: what fits a look-up on the master protocol's line.
pub const MAX_USER_OCTETS: usize = 900;

/// The longest password taken, in octets: what hashing costs grows with it.
pub const MAX_PASSWORD_OCTETS: usize = 4096;

//! The client protocol: how a login asks for a verdict on a mechanism's exchange.
//!
//! [`Server`] is the answering side, [`Asker`] the asking one. Neither knows any mechanism: they
//! carry its messages as bytes.

mod asker;
mod message;
mod server;

pub use asker::{Asker, AskerEvent, AuthRequest, Reply, WireError};
pub use message::{FailCode, Failure, Mech, MechFlag};
pub use server::{Close, Event, Greeting, LoginRequest, Server, Ticket};

/// The minor version this side announces: what Dovecot 2.3 does, which knows an empty initial
/// response from none and no channel binding.
pub const VERSION_MINOR: u32 = 2;

/// How many requests of one connection may be unanswered at a time.
pub const MAX_LIVE_REQUESTS: usize = 1024;

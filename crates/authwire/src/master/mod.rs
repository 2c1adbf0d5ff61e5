//! The master protocol: who is a user, without a login. Spoken on the userdb socket.
//!
//! [`Server`] is the answering side, [`Asker`] the asking one.

mod asker;
mod server;

pub use asker::{Asker, AskerEvent, AskerReply, WireError};
pub use server::{Answer, Close, Question, Request, Server, greeting};

/// The minor version this side announces: what Dovecot 2.3 does.
pub const VERSION_MINOR: u32 = 1;

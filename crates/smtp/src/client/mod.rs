//! The client's side of a session, SMTP or LMTP, without a socket.
//!
//! [`Replies`] puts what the server says together, [`Opening`] plays a transaction from XFORWARD to the
//! last RCPT, pipelined where that is offered. What follows, DATA and the content, is straight enough for
//! the driver: [`crate::data::Encoder`] codes it. Only what the server announced is said to it.

mod opening;
mod replies;

pub use opening::{Opened, Opening, Unsendable, WINDOW, mail_line, rcpt_line};
pub use replies::{MAX_WIRE_LINE, Replies};

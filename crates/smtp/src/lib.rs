//! SMTP and LMTP as types and state machines, server and client.
//!
//! Bytes in, values and bytes out: no socket, no clock, no look-ups, no idea who may relay. Ruled by RFC
//! 5321 (SMTP), RFC 2033 (LMTP), RFC 2034 and 3463 (enhanced status), RFC 2920 (pipelining), RFC 1870
//! (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS), RFC 4954
//! (AUTH), RFC 3461 (DSN), and Postfix's XFORWARD.

mod capabilities;
pub mod client;
pub mod data;
mod envelope;
mod params;
mod reply;
pub mod server;
mod status;
mod xforward;
pub mod xtext;

pub use capabilities::Capabilities;
pub use envelope::{
    BodyType, Envelope, MAX_ENVID, MAX_ORCPT, Mail, MailParams, Notify, Orcpt, Rcpt, RcptParams,
    Ret,
};
pub use params::ParamError;
pub use reply::{MAX_REPLY_LINE, MAX_REPLY_LINES, Reply, ReplyError, ReplyReader};
pub use status::{Class, EnhancedStatus, StatusError};
pub use xforward::{NAMES as XFORWARD_NAMES, XForward, XForwardError};

/// Which of the two protocols a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// One reply after the content.
    Smtp,
    /// LHLO, and one reply a recipient after the content (RFC 2033).
    Lmtp,
}

//! What may come of a hop.

use smtp::client::Unsendable;
use smtp::{Reply, ReplyError};

/// Why a hop isn't open, or its content isn't taken. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HopError {
    /// Nobody is there: no socket, refused, no greeting in time.
    #[error("{0}")]
    Away(String),
    /// All connections are in use.
    #[error("all connections to {0} are in use")]
    Busy(String),
    /// The server's greeting, or its answer to LHLO, is a refusal: it takes nothing at all now.
    #[error("{0} said: {1} (in reply to its greeting)")]
    Unwilling(String, Reply),
    /// The server refused MAIL or DATA, or its SIZE is less than the message: its verdict on this
    /// message.
    #[error("refused: {0}")]
    Refused(Reply),
    /// The connection was lost, or nothing came in time.
    #[error("{0}")]
    Lost(String),
    /// The message needs SMTPUTF8 and the server doesn't offer it.
    #[error("the message needs SMTPUTF8, which the next server does not offer")]
    NeedsSmtpUtf8,
}

impl HopError {
    /// The verdict that goes to whoever sent the message: RFC 3463's codes, as Postfix has them.
    #[must_use]
    pub fn as_reply(&self) -> Reply {
        match self {
            Self::Away(why) => Reply::new(451, 4, 1, why.clone()),
            Self::Busy(_) => Reply::new(451, 3, 2, self.to_string()),
            Self::Unwilling(_, reply) | Self::Refused(reply) => reply.clone(),
            Self::Lost(why) => Reply::new(451, 4, 2, why.clone()),
            // RFC 6531 §3.5
            Self::NeedsSmtpUtf8 => Reply::new(550, 6, 7, self.to_string()),
        }
    }
}

impl From<Unsendable> for HopError {
    fn from(error: Unsendable) -> Self {
        match error {
            Unsendable::NeedsSmtpUtf8 => Self::NeedsSmtpUtf8,
            Unsendable::TooBig { .. } => Self::Refused(Reply::new(552, 3, 4, error.to_string())),
        }
    }
}

/// What became of the message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server's verdict. A positive one is its promise.
    Reply(Reply),
    /// The final dot was sent and no verdict came: it may be stored, or not.
    Unknown(String),
    /// The connection was lost before the final dot: it isn't stored.
    Lost(String),
}

/// Why a stream is good for nothing more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("lost connection with {0} while {1}")]
    Closed(String, &'static str),
    #[error("conversation with {0} timed out while {1}")]
    TimedOut(String, &'static str),
    #[error("lost connection with {0} while {1}: {2}")]
    Io(String, &'static str, std::io::Error),
    #[error("protocol error of {0} while {1}: {2}")]
    Protocol(String, &'static str, ReplyError),
}

impl From<WireError> for HopError {
    fn from(error: WireError) -> Self {
        Self::Lost(error.to_string())
    }
}

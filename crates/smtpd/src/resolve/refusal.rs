//! Why a recipient is not taken, and how the client is told, in the words that Postfix uses.

use address::Address;

/// authd can't say whether a mailbox exists. Displayed in logs, never to clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("userdb: {0}")]
pub struct Unavailable(pub String);

/// Why a recipient is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not our domain, and the client is a stranger.
    #[error("relay access denied")]
    Relay,
    /// Our domain, but nobody by that name.
    #[error("unknown user")]
    UnknownUser,
    /// authd is away or fails. Never "unknown": the mail would be lost to its sender.
    #[error(transparent)]
    Userdb(Unavailable),
    /// An alias table can't be read.
    #[error("{0}")]
    Table(String),
    /// The operator's aliases lead nowhere: a loop, or beyond a limit.
    #[error("alias expansion: {0}")]
    Expansion(&'static str),
}

impl Refusal {
    /// Code, enhanced subject and detail, and text for the client; `given` as the client wrote it.
    #[must_use]
    pub fn words(&self, given: &Address) -> (u16, u16, u16, String) {
        match self {
            Self::Relay => (554, 7, 1, format!("<{given}>: Relay access denied")),
            Self::UnknownUser => {
                let text = "Recipient address rejected: User unknown in virtual mailbox table";
                (550, 1, 1, format!("<{given}>: {text}"))
            }
            Self::Userdb(_) | Self::Table(_) => {
                (451, 3, 0, format!("<{given}>: Temporary lookup failure"))
            }
            Self::Expansion(_) => {
                (451, 6, 0, format!("<{given}>: Recipient address rejected: Alias expansion error"))
            }
        }
    }
}

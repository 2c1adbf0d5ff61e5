//! What the framer tells.

use std::fmt;

use crate::command::Tag;
use crate::response::Code;

/// Something for the session to act on. `Debug` shows lengths only: commands hold passwords.
#[must_use]
pub enum Event<'a> {
    /// A whole command, its literals within, for [`crate::grammar::command`].
    Command(Vec<u8>),
    /// The client waits before it sends a literal that fits: say `+ OK` and go on.
    Continue,
    /// APPEND up to its message: read it with [`crate::grammar::append`], then
    /// [`accept`](super::Framer::accept) or [`refuse`](super::Framer::refuse).
    Append(AppendHead),
    /// The next octets of an accepted message; never none.
    Literal(&'a [u8]),
    /// All announced octets of the message were given, and the line has ended. If it was not
    /// `clean`, something else stood behind the message: a syntax error, nothing to be stored.
    AppendEnd {
        /// Whether the command is well formed to its end.
        clean: bool,
    },
    /// The refused message has gone past; commands may come again.
    Skipped,
    /// A command was over a limit and has been passed over, or need not be: answer it.
    Rejected {
        /// Its tag, if it had a good one.
        tag: Option<Tag>,
        /// What was wrong.
        why: Rejection,
    },
    /// The line that was asked for, without its end.
    Line(Vec<u8>),
    /// The line that was asked for was too long, and has been passed over.
    LineTooLong,
    /// Too much to pass over: say BYE and close. Nothing more will be read.
    Close(Rejection),
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Command(octets) => write!(f, "Command({} octets)", octets.len()),
            Event::Continue => f.write_str("Continue"),
            Event::Append(head) => write!(f, "{head:?}"),
            Event::Literal(octets) => write!(f, "Literal({} octets)", octets.len()),
            Event::AppendEnd { clean } => write!(f, "AppendEnd(clean: {clean})"),
            Event::Skipped => f.write_str("Skipped"),
            Event::Rejected { tag, why } => write!(f, "Rejected({tag:?}, {why:?})"),
            Event::Line(octets) => write!(f, "Line({} octets)", octets.len()),
            Event::LineTooLong => f.write_str("LineTooLong"),
            Event::Close(why) => write!(f, "Close({why:?})"),
        }
    }
}

/// A literal's announcement: `{n}` or `{n+}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal {
    /// How many octets; `u64::MAX` for what is no number of 64 bits.
    pub octets: u64,
    /// Whether the client waits to be asked for them (RFC 7888 §3 has those who don't).
    pub synchronising: bool,
}

/// APPEND up to and with its message's announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendHead {
    /// For [`crate::grammar::append`].
    pub octets: Vec<u8>,
    /// The message's size, and whether the client waits.
    pub literal: Literal,
}

/// What follows on a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Answer; the client sends no message.
    Answer,
    /// The message comes all the same and is passed over; [`Event::Skipped`] tells the end of it.
    /// Answer now or then.
    Skip,
    /// It is too big to be passed over: say BYE and close.
    Close,
}

/// Why a command was not taken. The texts are for BAD or BYE, in Dovecot's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// More octets than [`super::Limits::command`].
    #[error("Too long argument")]
    TooLong,
    /// A literal that doesn't fit into it.
    #[error("Literal size too large")]
    LiteralTooBig,
}

impl Rejection {
    /// The response code that goes with it (RFC 7888 §4, RFC 4469 §4.2).
    #[must_use]
    pub const fn code(self) -> Option<Code<'static>> {
        match self {
            Rejection::TooLong => None,
            Rejection::LiteralTooBig => Some(Code::TooBig),
        }
    }
}

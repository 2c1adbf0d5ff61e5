//! Exit codes of sysexits(3), and why a command fails.

/// Wrong usage.
pub const EX_USAGE: u8 = 64;
/// The message or an address in it is wrong.
pub const EX_DATAERR: u8 = 65;
/// A recipient doesn't exist.
pub const EX_NOUSER: u8 = 67;
/// A recipient's domain doesn't exist.
pub const EX_NOHOST: u8 = 68;
/// Refused for good, for another reason.
pub const EX_UNAVAILABLE: u8 = 69;
/// The system lacks something: the caller's login name, say.
pub const EX_OSERR: u8 = 71;
/// What was read or written here failed.
pub const EX_IOERR: u8 = 74;
/// Try again: nothing was sent.
pub const EX_TEMPFAIL: u8 = 75;
/// The caller may not.
pub const EX_NOPERM: u8 = 77;

/// A command's end: its code, and one line for standard error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// Of sysexits(3), or 1.
    pub code: u8,
    /// One line, or several if there is more to say.
    pub text: String,
}

impl Failure {
    /// Ends with this code and says so.
    #[must_use]
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Wrong usage.
    #[must_use]
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(EX_USAGE, text)
    }
}

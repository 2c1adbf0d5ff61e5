//! Exit codes by sysexits(3), as doveadm uses them.

/// Wrong usage.
pub(crate) const EX_USAGE: u8 = 64;
/// No such user or entry.
pub(crate) const EX_NOUSER: u8 = 67;
/// A daemon runs and says that it doesn't do its work.
pub(crate) const EX_UNAVAILABLE: u8 = 69;
/// Something of the system's: a file, a socket, a process.
pub(crate) const EX_OSERR: u8 = 71;
/// A daemon is away, or says to come again.
pub(crate) const EX_TEMPFAIL: u8 = 75;
/// Not permitted, or a wrong password.
pub(crate) const EX_NOPERM: u8 = 77;
/// The configuration is wrong.
pub(crate) const EX_CONFIG: u8 = 78;

/// Why a command ends without success.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// For stderr; empty when everything was said already.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Something the system refused, and what it was about.
    pub(crate) fn system(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self::new(EX_OSERR, format!("{what}: {error}"))
    }
}

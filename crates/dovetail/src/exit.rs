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

/// Every exit code that commands share and what it means, for the manual.
pub(crate) const CODES: &[(u8, &str)] = &[
    (0, "Good."),
    (EX_USAGE, "Wrong usage."),
    (EX_NOUSER, "There is no such user, message, session or daemon."),
    (EX_UNAVAILABLE, "All daemons run, and one of them says that something is bad."),
    (EX_OSERR, "The system refused something: a file, a socket, a process."),
    (EX_TEMPFAIL, "Try again: a daemon is away, or says so."),
    (EX_NOPERM, "Not permitted; or a wrong password."),
    (EX_CONFIG, "The configuration is wrong."),
];

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

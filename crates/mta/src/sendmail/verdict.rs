//! What smtpd's replies come to: a code of sysexits(3), and words.

use smtp::Reply;

use crate::exit::{EX_DATAERR, EX_NOHOST, EX_NOPERM, EX_NOUSER, EX_TEMPFAIL, EX_UNAVAILABLE};

/// The exit code for a message, or a recipient, that was refused so (RFC 3463 §3 for the status).
#[must_use]
pub fn code(reply: &Reply) -> u8 {
    if !reply.is_permanent() {
        return EX_TEMPFAIL;
    }
    let status = reply.status();
    match (status.subject, status.detail) {
        (7, _) => EX_NOPERM,
        (1, 2) => EX_NOHOST,
        (1, 3 | 7) | (6, _) => EX_DATAERR,
        (1, _) => EX_NOUSER,
        (0, 0) if reply.enhanced().is_none() && matches!(reply.code(), 550 | 553) => EX_NOUSER,
        _ => EX_UNAVAILABLE,
    }
}

/// The code of several refusals: theirs, if they agree.
#[must_use]
pub fn code_of_all(codes: impl IntoIterator<Item = u8>) -> u8 {
    let mut codes = codes.into_iter();
    let first = codes.next().unwrap_or(EX_UNAVAILABLE);
    if codes.all(|code| code == first) { first } else { EX_UNAVAILABLE }
}

/// What became of a recipient at RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was taken.
    Taken,
    /// The message has as many as it may have: it goes with the next one (RFC 5321 §4.5.3.1.10).
    Next,
    /// Not now.
    Later,
    /// Not at all.
    Refused,
}

/// Reads the reply to RCPT.
#[must_use]
pub fn fate(reply: &Reply) -> Fate {
    let status = reply.status();
    match reply.code() / 100 {
        2 => Fate::Taken,
        4 if reply.code() == 452 && (status.subject, status.detail) == (5, 3) => Fate::Next,
        5 => Fate::Refused,
        _ => Fate::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let code = |code: u16, subject, detail| super::code(&Reply::new(code, subject, detail, ""));
        assert_eq!(code(550, 1, 1), EX_NOUSER);
        assert_eq!(code(550, 1, 2), EX_NOHOST);
        assert_eq!(code(501, 1, 3), EX_DATAERR);
        assert_eq!(code(554, 7, 1), EX_NOPERM);
        assert_eq!(code(552, 3, 4), EX_UNAVAILABLE);
        assert_eq!(code(552, 2, 2), EX_UNAVAILABLE);
        assert_eq!(code(451, 3, 0), EX_TEMPFAIL);
        assert_eq!(code(354, 0, 0), EX_TEMPFAIL, "out of turn");
        assert_eq!(super::code(&Reply::bare(550, "no")), EX_NOUSER);
        assert_eq!(super::code(&Reply::bare(554, "no")), EX_UNAVAILABLE);
        assert_eq!(code_of_all([67, 67]), EX_NOUSER);
        assert_eq!(code_of_all([67, 65]), EX_UNAVAILABLE);
    }

    #[test]
    fn fates() {
        let fate = |code, subject, detail| super::fate(&Reply::new(code, subject, detail, ""));
        assert_eq!(fate(250, 1, 5), Fate::Taken);
        assert_eq!(fate(452, 5, 3), Fate::Next);
        assert_eq!(fate(452, 3, 1), Fate::Later);
        assert_eq!(fate(550, 1, 1), Fate::Refused);
    }
}

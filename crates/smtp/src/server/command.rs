//! One command line: its verb, and its argument as text.

use crate::Protocol;

/// The verbs that some server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// RFC 5321 §4.1.1.1, without extensions.
    Helo,
    /// RFC 5321 §4.1.1.1
    Ehlo,
    /// RFC 2033 §4.1
    Lhlo,
    /// RFC 5321 §4.1.1.2
    Mail,
    /// RFC 5321 §4.1.1.3
    Rcpt,
    /// RFC 5321 §4.1.1.4
    Data,
    /// RFC 3030 §2
    Bdat,
    /// RFC 5321 §4.1.1.5
    Rset,
    /// RFC 5321 §4.1.1.9
    Noop,
    /// RFC 5321 §4.1.1.6
    Vrfy,
    /// RFC 5321 §4.1.1.10
    Quit,
    /// RFC 4954 §4
    Auth,
    /// RFC 3207 §4
    StartTls,
    /// Postfix's XFORWARD_README
    XForward,
}

impl Verb {
    /// All of them, for tests that walk every cell.
    pub const ALL: [Self; 14] = [
        Self::Helo,
        Self::Ehlo,
        Self::Lhlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::Rset,
        Self::Noop,
        Self::Vrfy,
        Self::Quit,
        Self::Auth,
        Self::StartTls,
        Self::XForward,
    ];

    /// Whether a client must wait for the answer before it goes on (RFC 2920 §3.1); those that Postfix
    /// looks at.
    pub(super) fn ends_group(self) -> bool {
        matches!(self, Self::Helo | Self::Ehlo | Self::Data | Self::Noop | Self::Vrfy)
    }

    /// Whether it moves nothing (Postfix's `smtpd_junk_command_limit`).
    pub(super) fn is_junk(self) -> bool {
        matches!(self, Self::Helo | Self::Ehlo | Self::Lhlo | Self::Noop | Self::Rset | Self::Vrfy)
    }

    /// The verb of a word, in any case, where the protocol has it.
    #[must_use]
    pub fn read(word: &str, protocol: Protocol) -> Option<Self> {
        let verb = match word.to_ascii_uppercase().as_str() {
            "HELO" => Self::Helo,
            "EHLO" => Self::Ehlo,
            "LHLO" => Self::Lhlo,
            "MAIL" => Self::Mail,
            "RCPT" => Self::Rcpt,
            "DATA" => Self::Data,
            "BDAT" => Self::Bdat,
            "RSET" => Self::Rset,
            "NOOP" => Self::Noop,
            "VRFY" => Self::Vrfy,
            "QUIT" => Self::Quit,
            "AUTH" => Self::Auth,
            "STARTTLS" => Self::StartTls,
            "XFORWARD" => Self::XForward,
            _ => return None,
        };
        let other = match protocol {
            Protocol::Smtp => verb == Self::Lhlo,
            Protocol::Lmtp => matches!(verb, Self::Helo | Self::Ehlo),
        };
        (!other).then_some(verb)
    }
}

/// A line's first word and the rest, blanks around it taken off.
#[must_use]
pub(super) fn split(line: &str) -> (&str, &str) {
    let line = line.trim_matches([' ', '\t']);
    match line.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_matches([' ', '\t'])),
        None => (line, ""),
    }
}

/// Browsers and proxies that were led here, mail's own headers, and what doesn't begin with a letter, such
/// as a TLS handshake (Postfix's `smtpd_forbidden_commands`).
#[must_use]
pub(super) fn is_foreign(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let Some(first) = line.first() else { return false };
    let word = line.split(|octet| matches!(octet, b' ' | b'\t')).next().unwrap_or_default();
    // `MAIL FROM:` has its colon in the second word.
    !first.is_ascii_alphabetic()
        || word.ends_with(b":")
        || [&b"CONNECT"[..], b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS"]
            .iter()
            .any(|foreign| word.eq_ignore_ascii_case(foreign))
}

//! What a server offers, and the limits it keeps.

use crate::Protocol;

/// Limits of one session; each has a line in docs/limits.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command line with its end. RFC 5321 §4.5.3.1.4 says 512 and more for extensions;
    /// Postfix takes 2048.
    pub command_line: usize,
    /// Octets of a SASL response line (RFC 4954 §4 says 12288).
    pub auth_line: usize,
    /// Recipients of one message.
    pub recipients: usize,
    /// Recipients beyond that, in one transaction, before each counts as an error (Postfix's
    /// `smtpd_recipient_overshoot_limit`): RFC 5321 §4.5.3.1.10 lets a client try them all.
    pub overshoot: usize,
    /// Commands that were refused before the session is closed with 421 (Postfix's
    /// `smtpd_hard_error_limit`). A message that was taken sets the count back.
    pub errors: u32,
    /// NOOP, RSET, VRFY and the like before each counts as an error (Postfix's
    /// `smtpd_junk_command_limit`).
    pub junk: u32,
    /// Octets of content.
    pub size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_line: 2048,
            auth_line: 12_288,
            recipients: 1000,
            overshoot: 1000,
            errors: 20,
            junk: 100,
            size: 50 << 20,
        }
    }
}

/// How a session is offered.
#[derive(Debug, Clone)]
pub struct Options {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// This host, in greetings and EHLO's first line.
    pub hostname: String,
    /// What stands behind 220.
    pub greeting: String,
    /// STARTTLS is offered until TLS is on.
    pub starttls: bool,
    /// The connection is TLS from the first byte.
    pub tls: bool,
    /// Nothing but STARTTLS is done before TLS (RFC 3207 §4).
    pub require_tls: bool,
    /// SASL mechanisms, under TLS.
    pub auth: Vec<String>,
    /// AUTH in clear too.
    pub auth_without_tls: bool,
    /// No mail before a login: 530 5.7.0 at MAIL.
    pub require_auth: bool,
    /// XFORWARD is taken.
    pub xforward: bool,
    /// Further lines of EHLO's reply, each a keyword and its words.
    pub extensions: Vec<String>,
    /// HELO or EHLO must come before MAIL.
    pub require_hello: bool,
    /// A client that talks before the greeting, or goes on behind EHLO, HELO, DATA, NOOP or VRFY
    /// without waiting, is sent away (RFC 2920 §3.1; Postfix's `smtpd_forbid_unauth_pipelining`).
    pub strict_pipelining: bool,
    /// The session's limits.
    pub limits: Limits,
}

impl Options {
    /// A server of that protocol with nothing optional.
    #[must_use]
    pub fn new(protocol: Protocol, hostname: impl Into<String>) -> Self {
        let hostname = hostname.into();
        let name = if protocol == Protocol::Smtp { "ESMTP" } else { "LMTP" };
        Self {
            protocol,
            greeting: format!("{hostname} {name} Dovetail"),
            hostname,
            starttls: false,
            tls: false,
            require_tls: false,
            auth: Vec::new(),
            auth_without_tls: false,
            require_auth: false,
            xforward: false,
            extensions: Vec::new(),
            require_hello: true,
            strict_pipelining: protocol == Protocol::Smtp,
            limits: Limits::default(),
        }
    }
}

//! Drives an SMTP or LMTP server session (`smtp::server`) over an accepted connection.
//!
//! A daemon implements [`Handler`], one value a connection, and calls [`serve`]: it finds order, syntax,
//! content decoding, TLS, time-outs and the end already done, and decides only what mail is taken. Used by
//! smtpd (SMTP, and LMTP inside), qmgrd, relayd and lmtpd. Doesn't look anything up.

mod admit;
mod drive;
mod handler;
mod pace;

use std::time::Duration;

use daemon::tls::ServerTls;

pub use admit::admit;
pub use drive::{Ended, serve};
pub use handler::Handler;
pub use smtp::server::{AuthAnswer, Hello, Limits, Verb};

/// How connections of one listener are served.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is offered, and the session's limits. `starttls` and `tls` are set by [`serve`].
    pub session: smtp::server::Options,
    /// What TLS clients are shown; STARTTLS is offered if there is one.
    pub tls: Option<ServerTls>,
    /// TLS from the first byte (port 465).
    pub implicit_tls: bool,
    /// How long a client may be silent (RFC 5321 §4.5.3.2.7 says five minutes), and how long a command
    /// may take from its first octet to its last.
    pub idle: Duration,
    /// Octets a second that a message must come with on the whole, beyond `idle`; 0: any.
    pub min_data_rate: u64,
    /// How long a client may take to read what we say.
    pub write: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
}

impl Options {
    /// With the RFC's patience and without TLS.
    #[must_use]
    pub fn new(session: smtp::server::Options) -> Self {
        Self {
            session,
            tls: None,
            implicit_tls: false,
            idle: Duration::from_secs(300),
            min_data_rate: 0,
            write: Duration::from_secs(300),
            handshake: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests;

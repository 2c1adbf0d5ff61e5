//! What is known of whoever asks about a user, and of the client behind it.
//!
//! All of it comes from the asking daemon; nothing is believed beyond what a variable or a field
//! such as `allow_nets` makes of it. Only the service is always there.

use std::net::IpAddr;

/// How the client's connection is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Secured {
    /// Not at all.
    #[default]
    No,
    /// By being local, or by something that isn't TLS.
    Yes,
    /// By TLS.
    Tls,
}

/// What is known of whoever asks.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// `smtp`, `imap`, `lmtp` …
    pub service: String,
    /// The SASL mechanism; "" where nobody logs in.
    pub mechanism: String,
    /// The address that was connected to.
    pub local: Option<IpAddr>,
    /// The client's address.
    pub remote: Option<IpAddr>,
    /// The port that was connected to.
    pub local_port: Option<u16>,
    /// The client's port.
    pub remote_port: Option<u16>,
    /// What the connection itself says where a proxy told `local`.
    pub real_local: Option<IpAddr>,
    /// The proxy's address where it told `remote`.
    pub real_remote: Option<IpAddr>,
    /// What the connection itself says where a proxy told `local_port`.
    pub real_local_port: Option<u16>,
    /// The proxy's port where it told `remote_port`.
    pub real_remote_port: Option<u16>,
    /// How the client's connection is protected.
    pub secured: Secured,
    /// The client showed a certificate that is good.
    pub valid_certificate: bool,
    /// The server name that the client asked TLS for; "" if unknown.
    pub local_name: String,
    /// The session's name; "" if unknown.
    pub session: String,
    /// What the client called itself (IMAP ID); "" if unknown.
    pub client_id: String,
    /// The process that asks.
    pub client_pid: Option<u32>,
    /// The process that the session will be served by.
    pub session_pid: Option<u32>,
}

impl Asking {
    /// The address that the connection itself comes from.
    #[must_use]
    pub fn real_remote(&self) -> Option<IpAddr> {
        self.real_remote.or(self.remote)
    }

    /// The address that the connection itself came to.
    #[must_use]
    pub fn real_local(&self) -> Option<IpAddr> {
        self.real_local.or(self.local)
    }

    /// The port that the connection itself comes from.
    #[must_use]
    pub fn real_remote_port(&self) -> Option<u16> {
        self.real_remote_port.or(self.remote_port)
    }

    /// The port that the connection itself came to.
    #[must_use]
    pub fn real_local_port(&self) -> Option<u16> {
        self.real_local_port.or(self.local_port)
    }
}

//! What a TLS connection came to.

use std::fmt;

/// What a TLS connection came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3`, as Received headers and logs write it.
    pub version: String,
    /// `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The cipher's key length in bits, where its name says it.
    pub bits: u16,
    /// The name that the client asked for (SNI).
    pub server_name: Option<String>,
    /// It went on from an earlier connection, without a full handshake.
    pub resumed: bool,
    /// The client's certificate (servers only).
    pub client: ClientCertificate,
    /// `[tls] log_handshakes`: the handshake's line is for everybody, not for debugging.
    pub log: bool,
}

/// A client's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Nobody asked for one.
    #[default]
    NotAsked,
    /// The client was asked and has none.
    NotSent,
    /// The client showed one and has its key.
    Sent {
        /// The subject's common name; empty if it has none.
        subject: String,
        /// The issuer's common name or organization.
        issuer: String,
        /// SHA-256: `AB:CD:…`.
        fingerprint: String,
        /// An authority of `client_ca` vouches for it.
        verified: bool,
    },
}

impl TlsInfo {
    /// Describes a connection of either side after its handshake.
    #[must_use]
    pub fn of_common(connection: &rustls::CommonState) -> Self {
        let version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        };
        let suite = connection.negotiated_cipher_suite();
        let cipher = suite
            .and_then(|suite| suite.suite().as_str())
            .map_or_else(String::new, |name| name.replace("TLS13_", "TLS_"));
        let bits = if cipher.contains("256") || cipher.contains("CHACHA20") { 256 } else { 128 };
        Self {
            version: version.to_owned(),
            cipher,
            bits,
            server_name: None,
            resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            client: ClientCertificate::NotAsked,
            log: false,
        }
    }

    /// Logs the handshake as Postfix's smtpd_tls_loglevel = 1 does, once for each.
    pub fn tell(&self, client: &str) {
        let (subject, fingerprint) = match &self.client {
            ClientCertificate::Sent { subject, fingerprint, .. } => {
                (Some(subject.as_str()), Some(fingerprint.as_str()))
            }
            _ => (None, None),
        };
        let name = self.server_name.as_deref();
        if self.log {
            tracing::info!(client, name, subject, fingerprint, "{self}");
        } else {
            tracing::debug!(client, name, subject, fingerprint, "{self}");
        }
    }
}

/// `Anonymous TLS connection established: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)`
impl fmt::Display for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trust = match &self.client {
            ClientCertificate::Sent { verified: true, .. } => "Trusted",
            ClientCertificate::Sent { .. } => "Untrusted",
            _ => "Anonymous",
        };
        let Self { version, cipher, bits, .. } = self;
        let how = if self.resumed { "resumed" } else { "established" };
        write!(
            f,
            "{trust} TLS connection {how}: {version} with cipher {cipher} ({bits}/{bits} bits)"
        )
    }
}

/// As Postfix's Received has it: `Client CN "x", Issuer "y" (verified OK)`.
impl fmt::Display for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name of somebody else's making: nothing that ends the comment or the quotes, or isn't
        // ASCII, as Received must be read by everybody.
        let safe = |text: &str| -> String {
            let plain = |c: char| {
                let bad = matches!(c, '(' | ')' | '"' | '\\') || !(' '..='~').contains(&c);
                if bad { '?' } else { c }
            };
            text.chars().map(plain).collect()
        };
        match self {
            Self::NotAsked => f.write_str("No client certificate requested"),
            Self::NotSent => f.write_str("Client did not present a certificate"),
            Self::Sent { subject, issuer, verified, .. } => {
                let verdict = if *verified { "verified OK" } else { "not verified" };
                let (subject, issuer) = (safe(subject), safe(issuer));
                write!(f, "Client CN \"{subject}\", Issuer \"{issuer}\" ({verdict})")
            }
        }
    }
}

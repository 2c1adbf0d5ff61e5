//! TLS as a server: certificate and key from PEM files, and what a connection came to.
//!
//! The files are read when the settings are made, so before privileges are dropped, and again on
//! each reload.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Problem, Table};

/// Why certificate and key can't be used. Says the file, never what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that can't be read.
    #[error("{0}: {1}")]
    Read(String, std::io::Error),
    /// A file without what it should hold.
    #[error("{0}: holds no {1} in PEM form")]
    Empty(String, &'static str),
    /// They don't fit together, or aren't understood.
    #[error("{0}: {1}")]
    Unusable(String, rustls::Error),
}

/// Makes a server's TLS configuration (1.2 and 1.3) of a PEM certificate with its chain and a PEM
/// key.
///
/// # Errors
/// See [`TlsError`].
pub fn server_config(
    certificate: &Path,
    key: &Path,
) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let shown = |path: &Path| path.display().to_string();
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| TlsError::Read(shown(path), error));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if chain.is_empty() {
        return Err(TlsError::Empty(shown(certificate), "certificate"));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| TlsError::Empty(shown(key), "private key"))?;
    install_provider();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(chain, key_der)
        .map_err(|error| TlsError::Unusable(shown(certificate), error))?;
    Ok(Arc::new(config))
}

/// Reads `[tls]` ([`crate::keys::TLS`]): none if neither file is named.
///
/// # Errors
/// One of the two is missing, or they can't be used.
pub fn from_table(table: &Table) -> Result<Option<Arc<rustls::ServerConfig>>, Problem> {
    match (table.opt_path("certificate"), table.opt_path("key")) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => server_config(certificate, key)
            .map(Some)
            .map_err(|error| table.problem("certificate", error.to_string())),
        (Some(_), None) => Err(table.problem("certificate", "needs `key` beside it")),
        (None, Some(_)) => Err(table.problem("key", "needs `certificate` beside it")),
    }
}

/// Makes aws-lc-rs the cryptography of this process; a second call changes nothing.
pub fn install_provider() {
    // Fails only if there is one already, which is then the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

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
}

impl TlsInfo {
    /// Describes a server's connection after its handshake.
    #[must_use]
    pub fn of(connection: &rustls::ServerConnection) -> Self {
        let name = connection.server_name().map(str::to_owned);
        Self { server_name: name, ..Self::of_common(connection) }
    }

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
        Self { version: version.to_owned(), cipher, bits, server_name: None }
    }
}

//! Opportunistic TLS towards other mail servers (RFC 3207, RFC 7435).
//!
//! Any certificate is taken: against somebody who only listens, TLS with a stranger's key is better than
//! none, and a certificate that were refused would send the mail in clear. The signatures of the
//! handshake are verified all the same. Policies that demand more (DANE, MTA-STS) come with their own
//! verifier.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

/// Takes every certificate, and checks that the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The client side of opportunistic TLS.
///
/// # Errors
/// If the provider lacks the protocol versions, which would be a fault of the build.
pub(crate) fn opportunistic() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// How a connection should be protected: the key `tls` of relayd.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Never STARTTLS.
    None,
    /// STARTTLS where it is offered; in clear where the handshake fails.
    May,
    /// STARTTLS or nothing.
    Encrypt,
}

impl Policy {
    /// The key's words.
    pub const WORDS: &[&str] = &["none", "may", "encrypt"];

    /// The policy of a word; `may` for what the configuration's check lets never through.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "none" => Self::None,
            "encrypt" => Self::Encrypt,
            _ => Self::May,
        }
    }
}

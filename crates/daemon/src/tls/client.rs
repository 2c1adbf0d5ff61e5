//! Clients' certificates: asked for, looked at, never a reason to refuse.
//!
//! A client must prove that it has the certificate's key (RFC 8446 §4.4.3), or the handshake fails;
//! whether anybody vouches for the certificate is only noted.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::certificate::Certificate;
use super::info::ClientCertificate;

/// Asks for a certificate and takes whatever comes.
#[derive(Debug)]
pub(super) struct AskClients {
    /// Who says whether a certificate is one of `client_ca`'s.
    judge: Option<Arc<dyn ClientCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AskClients {
    /// With authorities whose certificates count as verified.
    pub(super) fn new(roots: RootCertStore) -> Result<Self, String> {
        let judge = if roots.is_empty() {
            None
        } else {
            let built = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            Some(built.map_err(|error| error.to_string())?)
        };
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Ok(Self { judge, algorithms: provider.signature_verification_algorithms })
    }

    /// What a client has shown.
    pub(super) fn describe(&self, shown: Option<&[CertificateDer<'static>]>) -> ClientCertificate {
        let Some((leaf, others)) = shown.and_then(<[_]>::split_first) else {
            return ClientCertificate::NotSent;
        };
        let Some(facts) = Certificate::parse(leaf) else { return ClientCertificate::NotSent };
        let verified = self
            .judge
            .as_ref()
            .is_some_and(|judge| judge.verify_client_cert(leaf, others, UnixTime::now()).is_ok());
        ClientCertificate::Sent {
            subject: facts.common_name.unwrap_or_default(),
            issuer: facts.issuer_name.unwrap_or_default(),
            fingerprint: facts.fingerprint,
            verified,
        }
    }
}

impl ClientCertVerifier for AskClients {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judge.as_ref().map_or(&[], |judge| judge.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

//! A certificate authority for tests, and what a server shows of it.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::line;

/// A certificate authority.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    /// Its certificate, PEM.
    pub certificate: String,
}

/// What it issued, PEM.
pub struct Issued {
    /// The certificate and its chain.
    pub chain: String,
    /// The private key.
    pub key: String,
}

impl Default for Authority {
    fn default() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test CA");
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(params, key), certificate }
    }
}

impl Authority {
    /// A certificate for these names, the first of which is its common name; valid for 90 days.
    pub fn issue(&self, names: &[&str]) -> Issued {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common_name = names.first().cloned().unwrap_or_default();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        Issued { chain: leaf.pem() + &self.certificate, key: key.serialize_pem() }
    }
}

impl Issued {
    /// Whether a server that speaks TLS at once shows this certificate; it must be one that the
    /// authority in the file issued for localhost.
    pub fn is_shown(&self, address: &str, ca: &Path) -> bool {
        let own = CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap();
        line::shown(address, ca).as_deref() == Some(own.as_ref())
    }
}

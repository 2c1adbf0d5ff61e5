//! Handshakes over a pair of sockets, with certificates made for the occasion.

mod certificates;
mod handshakes;
mod renewals;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{ServerTls, TlsInfo};
use crate::config::{Config, FileSpec, Problem};
use crate::{Stream, keys};

const LIMIT: Duration = Duration::from_secs(20);

/// An authority, and a folder for what it issues.
pub(super) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    certificate: String,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        super::install_provider();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let certificate = params.self_signed(&key).unwrap().pem();
        let issuer = rcgen::Issuer::new(params, key);
        let folder = tempfile::tempdir().unwrap();
        let authority = Self { issuer, certificate, folder };
        authority.write("ca.pem", &authority.certificate);
        authority
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A certificate with its chain, and its key, as PEM.
    pub(super) fn issue(&self, names: &[&str]) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common_name = names.first().cloned().unwrap_or_default();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        (leaf.pem() + &self.certificate, key.serialize_pem())
    }

    /// Issues into one file that has both.
    pub(super) fn file(&self, name: &str, names: &[&str]) -> PathBuf {
        let (certificate, key) = self.issue(names);
        self.write(name, &(certificate + &key))
    }

    /// A client that trusts it.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        Arc::new(self.client_builder().with_no_client_auth())
    }

    /// A client with a certificate of its own.
    fn client_with(&self, certificate: &str, key: &str) -> Arc<ClientConfig> {
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        Arc::new(self.client_builder().with_client_auth_cert(chain, key).unwrap())
    }

    fn client_builder(
        &self,
    ) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        ClientConfig::builder().with_root_certificates(roots)
    }
}

/// `[tls]` with this text.
fn read(text: &str) -> Result<ServerTls, Vec<Problem>> {
    super::install_provider();
    let spec = FileSpec::shared("x", "A test.", &[keys::TLS]);
    let config = Config::from_texts("x", &[spec], &[("x", &format!("[tls]\n{text}"))])?;
    super::from_table(config.table("tls")).map(|tls| tls.expect("a certificate is named"))
}

fn server(text: &str) -> ServerTls {
    read(text).unwrap_or_else(|problems| panic!("{}", crate::print_problems(&problems)))
}

/// A line of TOML with a path.
fn line(key: &str, path: &Path) -> String {
    format!("{key} = \"{}\"\n", path.display())
}

/// What both sides have of a handshake.
struct Shaken {
    info: TlsInfo,
    /// The names in the certificate that the server showed.
    names: Vec<String>,
}

/// One connection: handshake, an octet each way, close.
async fn shake(server: &ServerTls, client: &Arc<ClientConfig>, host: &str) -> Option<Shaken> {
    let (near, far) = UnixStream::pair().unwrap();
    let dial = async {
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(client));
        let host = ServerName::try_from(host.to_owned()).unwrap();
        let mut stream = connector.connect(host, far).await.ok()?;
        stream.write_all(b"x").await.ok()?;
        // Tickets come with the first octets.
        stream.read_exact(&mut [0]).await.ok()?;
        let leaf = stream.get_ref().1.peer_certificates().unwrap().first().unwrap().to_vec();
        let _ = stream.shutdown().await;
        Some(super::Certificate::parse(&leaf).unwrap().names)
    };
    let answer = async {
        let (mut stream, info) = Stream::from(near).start_tls(server, LIMIT).await.ok()?;
        stream.read_exact(&mut [0]).await.ok()?;
        stream.write_all(b"y").await.ok()?;
        let _ = stream.read(&mut [0]).await;
        Some(info)
    };
    let (names, info) = tokio::join!(dial, answer);
    Some(Shaken { info: info?, names: names? })
}

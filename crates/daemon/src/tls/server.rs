//! What a server's handshakes are done with: versions, certificates by name, resumption, whether
//! clients are asked for theirs.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache};
use rustls::{ServerConfig, ServerConnection};

use super::client::AskClients;
use super::error::TlsError;
use super::info::TlsInfo;
use super::names::Names;
use super::pair::PairFiles;
use super::slot;

/// What a server's handshakes are done with. Cheap to clone; certificates in it are replaced while
/// it is used.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<ServerConfig>,
    clients: Option<Arc<AskClients>>,
    log: bool,
}

/// All but the certificates.
#[derive(Debug)]
pub(super) struct Manner {
    /// TLSv1.2 is refused.
    pub(super) only_13: bool,
    pub(super) clients: Option<Arc<AskClients>>,
    pub(super) resumption: bool,
    /// Sessions of TLSv1.2 without tickets.
    pub(super) cache: usize,
    pub(super) log: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { only_13: false, clients: None, resumption: true, cache: 1024, log: false }
    }
}

impl ServerTls {
    /// With one certificate from PEM files and everything else by default.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = PairFiles { certificate: certificate.to_owned(), key: key.to_owned() };
        let names = Names::new(slot::open(files)?);
        Self::new(names, Manner::default())
            .map_err(|error| TlsError::Unusable(certificate.display().to_string(), error))
    }

    pub(super) fn new(names: Names, manner: Manner) -> Result<Self, String> {
        let versions: &[&rustls::SupportedProtocolVersion] = if manner.only_13 {
            &[&rustls::version::TLS13]
        } else {
            &[&rustls::version::TLS13, &rustls::version::TLS12]
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let config = match &manner.clients {
            Some(ask) => config.with_client_cert_verifier(Arc::clone(ask) as Arc<_>),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(Arc::new(names));
        if manner.resumption {
            config.session_storage = ServerSessionMemoryCache::new(manner.cache);
            config.ticketer = tickets()?;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self(Arc::new(Inner {
            config: Arc::new(config),
            clients: manner.clients,
            log: manner.log,
        })))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.config)
    }

    /// Describes a connection after its handshake.
    #[must_use]
    pub fn info(&self, connection: &ServerConnection) -> TlsInfo {
        let clients = self.0.clients.as_ref();
        TlsInfo {
            server_name: connection.server_name().map(str::to_owned),
            client: clients
                .map(|ask| ask.describe(connection.peer_certificates()))
                .unwrap_or_default(),
            log: self.0.log,
            ..TlsInfo::of_common(connection)
        }
    }
}

/// The process's one maker of tickets, so that a reload takes no client's ticket away. Its keys are
/// in memory alone; a new one comes every six hours and is good for twelve.
fn tickets() -> Result<Arc<dyn ProducesTickets>, String> {
    static TICKETS: OnceLock<Result<Arc<dyn ProducesTickets>, String>> = OnceLock::new();
    let made = TICKETS.get_or_init(|| {
        rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| format!("tickets: {error}"))
    });
    made.clone()
}

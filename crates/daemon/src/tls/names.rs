//! Which certificate a client is shown, by the host that it names (SNI, RFC 6066 §3).

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::slot::Slot;

/// The default certificate and those of certain names.
#[derive(Debug)]
pub(super) struct Names {
    default: Arc<Slot>,
    exact: BTreeMap<String, Arc<Slot>>,
    /// Of `*.example.org` under `example.org`.
    wildcard: BTreeMap<String, Arc<Slot>>,
}

impl Names {
    pub(super) fn new(default: Arc<Slot>) -> Self {
        Self { default, exact: BTreeMap::new(), wildcard: BTreeMap::new() }
    }

    /// Adds one, for a host or `*.` and a domain.
    pub(super) fn add(&mut self, name: &str, slot: Arc<Slot>) {
        let name = name.to_lowercase();
        match name.strip_prefix("*.") {
            Some(parent) => self.wildcard.insert(parent.to_owned(), slot),
            None => self.exact.insert(name, slot),
        };
    }

    /// The host's own, that of its wildcard, or the default.
    fn pick(&self, host: Option<&str>) -> &Arc<Slot> {
        let Some(host) = host else { return &self.default };
        let host = host.trim_end_matches('.').to_lowercase();
        let wildcard = || host.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        self.exact.get(&host).or_else(wildcard).unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pick(hello.server_name()).pair().certified))
    }
}

//! The DNS as mail needs it: the hosts that take a domain's mail, and their addresses.
//!
//! RFC 5321 §5.1 for mail exchangers, RFC 7505 for the null MX. "There is none" and "could not be asked"
//! are never confused: the first bounces mail, the second keeps it. DANE's records come with their own
//! client, because this one doesn't say whether an answer was validated.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

/// Of a domain's mail exchangers, the first so many by preference are looked at.
pub const MAX_EXCHANGERS: usize = 50;
/// Of a host's addresses, so many are tried: half of them IPv4, half IPv6.
pub const MAX_ADDRESSES: usize = 10;
/// One question to one server may take so long, and is asked again so often.
const QUESTION: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 2;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsFailure {
    /// The name doesn't exist (NXDOMAIN).
    #[error("Host or domain name not found")]
    NoSuchName,
    /// It exists, without such a record.
    #[error("No such record")]
    NoRecord,
    /// The domain says that it takes no mail (RFC 7505).
    #[error("Domain does not accept mail (nullMX)")]
    NullMx,
    /// The name can't be asked for.
    #[error("Not a domain name")]
    BadName,
    /// No answer, or one that says nothing: try again later.
    #[error("Host not found, try again: {0}")]
    Temporary(String),
}

impl DnsFailure {
    /// Whether another try may end otherwise.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_))
    }
}

/// A host that takes a domain's mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exchanger {
    /// Lower is tried first.
    pub preference: u16,
    /// The host's name in lower case, without the dot at its end.
    pub host: String,
}

/// The resolver could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("no resolver: {0}; name one with `resolver = [\"127.0.0.1:53\"]`")]
pub struct SetupError(String);

/// Asks the configured name servers. Clones share what they know of them.
#[derive(Clone)]
pub struct Resolver {
    servers: TokioResolver,
    last: Arc<Mutex<Option<String>>>,
}

impl Resolver {
    /// Asks these servers; none: those of /etc/resolv.conf.
    ///
    /// # Errors
    /// If /etc/resolv.conf is needed and can't be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, SetupError> {
        let failed = |error: NetError| SetupError(error.to_string());
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let config =
                ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = QUESTION;
        options.attempts = ATTEMPTS;
        // Names are asked as they stand: a search list would find the neighbours' mail servers.
        options.ndots = 0;
        Ok(Self { servers: builder.build().map_err(failed)?, last: Arc::default() })
    }

    /// The hosts that take mail for `domain`, best first: its MX records, or the domain itself where it
    /// has none but an address (RFC 5321 §5.1).
    ///
    /// # Errors
    /// See [`DnsFailure`]. [`DnsFailure::NoRecord`] is left to the look-up of addresses.
    pub async fn exchangers(&self, domain: &str) -> Result<Vec<Exchanger>, DnsFailure> {
        let records = match self.records(domain, RecordType::MX).await {
            Ok(records) => records,
            Err(DnsFailure::NoRecord) => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let mut found: Vec<Exchanger> = records
            .into_iter()
            .filter_map(|data| match data {
                RData::MX(mx) => {
                    Some(Exchanger { preference: mx.preference, host: plain(&mx.exchange) })
                }
                _ => None,
            })
            .collect();
        // RFC 5321 §5.1: exchangers of equal preference are tried in random order.
        found.sort_by_cached_key(|exchanger| (exchanger.preference, draw()));
        found.truncate(MAX_EXCHANGERS);
        if found.is_empty() {
            return Ok(vec![Exchanger { preference: 0, host: domain.to_ascii_lowercase() }]);
        }
        // RFC 7505 §3: the root as its only host.
        found.retain(|exchanger| !exchanger.host.is_empty());
        if found.is_empty() { Err(DnsFailure::NullMx) } else { Ok(found) }
    }

    /// A host's addresses, IPv4 first.
    ///
    /// # Errors
    /// See [`DnsFailure`]; temporary only if no address was found at all.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsFailure> {
        let (four, six) =
            tokio::join!(self.records(host, RecordType::A), self.records(host, RecordType::AAAA));
        let mut found = Vec::new();
        let mut failures = Vec::new();
        for answer in [four, six] {
            match answer {
                // Half of them to each family, so that many of one don't hide the other.
                Ok(records) => {
                    found.extend(records.iter().filter_map(address).take(MAX_ADDRESSES / 2));
                }
                Err(failure) => failures.push(failure),
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        // A temporary failure of either question leaves the matter open.
        let open = failures.iter().find(|failure| failure.is_temporary());
        Err(open.or(failures.first()).cloned().unwrap_or(DnsFailure::NoRecord))
    }

    /// Why the last question had no answer; none if it had one, or nothing was asked yet. Nothing is
    /// asked for this.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsFailure> {
        let found = self.ask(name, kind).await;
        let trouble = match &found {
            Err(DnsFailure::Temporary(why)) => Some(format!("{name}: {why}")),
            _ => None,
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        found
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsFailure> {
        let mut name = Name::from_utf8(name).map_err(|_| DnsFailure::BadName)?;
        name.set_fqdn(true);
        match self.servers.lookup(name, kind).await {
            Ok(found) => {
                let wanted =
                    found.answers().iter().filter(|record| record.data.record_type() == kind);
                let data: Vec<RData> = wanted.map(|record| record.data.clone()).collect();
                if data.is_empty() { Err(DnsFailure::NoRecord) } else { Ok(data) }
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Err(match none.response_code {
                ResponseCode::NXDomain => DnsFailure::NoSuchName,
                ResponseCode::NoError => DnsFailure::NoRecord,
                other => DnsFailure::Temporary(other.to_string()),
            }),
            Err(error) => Err(DnsFailure::Temporary(error.to_string())),
        }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let with_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![with_port(ConnectionConfig::udp()), with_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::from(address.0)),
        RData::AAAA(address) => Some(IpAddr::from(address.0)),
        _ => None,
    }
}

/// A random number; 0 where the system has none, which only makes the order a fixed one.
fn draw() -> u32 {
    getrandom::u32().unwrap_or(0)
}

fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;

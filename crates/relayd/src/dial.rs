//! From a domain to an open connection: routes, mail exchangers, addresses, one after the other until one
//! says hello; then TLS where it is offered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use daemon::Check;
use lmtp_client::{Connection, HopError, StartTls};
use lookup::dns::{DnsFailure, Exchanger, Resolver};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use smtp::{Protocol, Reply};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::routes::{NextHop, Route};
use crate::said::{Host, passed_on};
use crate::settings::Settings;
use crate::stream::Remote;
use crate::tls::{self, Policy};

/// What dialling needs besides the settings, kept for the daemon's life.
pub(crate) struct Dialer {
    resolver: Resolver,
    tls: Arc<ClientConfig>,
}

/// A server that has said hello.
pub(crate) struct Dialled {
    pub(crate) host: Host,
    pub(crate) connection: Connection<Remote>,
}

impl Dialer {
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let resolver = Resolver::new(&settings.resolver).map_err(|error| error.to_string())?;
        let tls = tls::opportunistic().map_err(|error| error.to_string())?;
        Ok(Self { resolver, tls })
    }

    /// What the last question to the DNS says about its servers.
    pub(crate) fn health(&self) -> Check {
        match self.resolver.trouble() {
            Some(why) => Check::warn(format!("the last question had no answer: {why}")),
            None => Check::good(),
        }
    }

    /// Connects to the first server of `domain` that will have us. The reply of an error is the verdict on
    /// every recipient there.
    pub(crate) async fn dial(&self, settings: &Settings, domain: &str) -> Result<Dialled, Reply> {
        let route = settings.routes.of(domain);
        let mut last = None;
        let mut tried = 0;
        for name in self.hosts(settings, &route).await? {
            let addresses = match self.addresses(&route, &name).await {
                Ok(addresses) => addresses,
                Err(failure) => {
                    // The next exchanger may still have an address; a temporary failure weighs more.
                    if failure.is_temporary() || last.is_none() {
                        last = Some(unresolved(&name, &failure));
                    }
                    continue;
                }
            };
            for address in addresses {
                if tried == settings.max_addresses {
                    break;
                }
                tried += 1;
                let host = Host { name: name.clone(), address, port: route.port };
                match self.connect(settings, host).await {
                    Ok(dialled) => return Ok(dialled),
                    Err(reply) => last = Some(reply),
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            Reply::new(451, 4, 4, format!("no mail server for {domain} could be tried"))
        }))
    }

    /// The names to try, in order.
    async fn hosts(&self, settings: &Settings, route: &Route) -> Result<Vec<String>, Reply> {
        let domain = match &route.next {
            NextHop::Host(host) => return Ok(vec![host.clone()]),
            NextHop::Address(address) => return Ok(vec![address.to_string()]),
            NextHop::Domain(domain) => domain,
        };
        let exchangers = self
            .resolver
            .exchangers(domain)
            .await
            .map_err(|failure| unresolved(domain, &failure))?;
        let before_us = before(exchangers, &settings.hostname);
        if before_us.is_empty() {
            return Err(Reply::new(554, 4, 6, format!("mail for {domain} loops back to myself")));
        }
        Ok(before_us.into_iter().map(|exchanger| exchanger.host).collect())
    }

    async fn addresses(&self, route: &Route, name: &str) -> Result<Vec<IpAddr>, DnsFailure> {
        match route.next {
            NextHop::Address(address) => Ok(vec![address]),
            _ => self.resolver.addresses(name).await,
        }
    }

    async fn connect(&self, settings: &Settings, host: Host) -> Result<Dialled, Reply> {
        let connection = self.greet(settings, &host).await?;
        let offers = connection.capabilities().has("STARTTLS");
        match settings.tls {
            Policy::May if offers => match self.encrypt(settings, &host, connection).await {
                Ok(connection) => Ok(Dialled { host, connection }),
                Err(reply) => {
                    // RFC 7435 §3: in clear is still better than not at all.
                    tracing::warn!(relay = %host, why = %reply, "TLS failed; trying in clear");
                    let connection = self.greet(settings, &host).await?;
                    Ok(Dialled { host, connection })
                }
            },
            Policy::Encrypt if offers => {
                let connection = self.encrypt(settings, &host, connection).await?;
                Ok(Dialled { host, connection })
            }
            Policy::Encrypt => Err(Reply::new(
                450,
                7,
                4,
                format!("TLS is required, but was not offered by host {host}"),
            )),
            Policy::None | Policy::May => Ok(Dialled { host, connection }),
        }
    }

    async fn greet(&self, settings: &Settings, host: &Host) -> Result<Connection<Remote>, Reply> {
        let target = SocketAddr::new(host.address, host.port);
        let unreachable =
            |why: String| Reply::new(451, 4, 1, format!("connect to {host}:{}: {why}", host.port));
        let stream = match timeout(settings.connect, TcpStream::connect(target)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(plain(&error))),
            Err(_) => return Err(unreachable("Connection timed out".to_owned())),
        };
        // Commands go out whole: waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let stream = Remote::Clear(stream);
        Connection::greet(
            stream,
            Protocol::Smtp,
            &settings.helo,
            settings.patience,
            host.to_string(),
        )
        .await
        .map_err(|error| refused(host, &error, "initial greeting"))
    }

    async fn encrypt(
        &self,
        settings: &Settings,
        host: &Host,
        connection: Connection<Remote>,
    ) -> Result<Connection<Remote>, Reply> {
        let failed =
            |why: String| Reply::new(451, 7, 5, format!("TLS with host {host} failed: {why}"));
        let stream = match connection.starttls().await {
            Ok(StartTls::Ready(Remote::Clear(stream))) => stream,
            Ok(StartTls::Ready(Remote::Tls(_))) => {
                return Err(failed("TLS is there already".to_owned()));
            }
            Ok(StartTls::Refused(_, reply)) => {
                return Err(passed_on(host, &reply, "STARTTLS command"));
            }
            Err(error) => return Err(refused(host, &error, "STARTTLS command")),
        };
        let name = ServerName::try_from(host.name.clone())
            .unwrap_or_else(|_| ServerName::from(host.address));
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream =
            match timeout(settings.patience.greeting, connector.connect(name, stream)).await {
                Ok(Ok(stream)) => Remote::Tls(Box::new(stream)),
                Ok(Err(error)) => return Err(failed(error.to_string())),
                Err(_) => return Err(failed("the handshake took too long".to_owned())),
            };
        Connection::after_tls(
            stream,
            Protocol::Smtp,
            &settings.helo,
            settings.patience,
            host.to_string(),
        )
        .await
        .map_err(|error| refused(host, &error, "EHLO command"))
    }
}

/// Exchangers that are better than we are: the others would only give the mail back (RFC 5321 §5.1).
fn before(exchangers: Vec<Exchanger>, hostname: &str) -> Vec<Exchanger> {
    let us = exchangers.iter().find(|exchanger| exchanger.host.eq_ignore_ascii_case(hostname));
    match us.map(|exchanger| exchanger.preference) {
        Some(ours) => {
            exchangers.into_iter().filter(|exchanger| exchanger.preference < ours).collect()
        }
        None => exchangers,
    }
}

/// The verdict where the DNS has no way to go on.
fn unresolved(name: &str, failure: &DnsFailure) -> Reply {
    match failure {
        DnsFailure::Temporary(_) => Reply::new(451, 4, 3, format!("{name}: {failure}")),
        // RFC 7505 §4.1
        DnsFailure::NullMx => {
            Reply::new(556, 1, 10, format!("Domain {name} does not accept mail (nullMX)"))
        }
        DnsFailure::NoSuchName | DnsFailure::NoRecord | DnsFailure::BadName => {
            Reply::new(550, 4, 4, format!("{name}: {failure}"))
        }
    }
}

/// A session that never came to a transaction: temporary whatever was said, because another host or
/// another day may be better, except where the server says for good that it takes no mail.
fn refused(host: &Host, error: &HopError, command: &str) -> Reply {
    match error {
        HopError::Unwilling(_, reply) | HopError::Refused(reply) => passed_on(host, reply, command),
        other => other.as_reply(),
    }
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "Connection refused".to_owned(),
        std::io::ErrorKind::TimedOut => "Connection timed out".to_owned(),
        std::io::ErrorKind::NetworkUnreachable => "Network is unreachable".to_owned(),
        std::io::ErrorKind::HostUnreachable => "No route to host".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_better_exchangers_than_ourselves() {
        let list = |pairs: &[(u16, &str)]| -> Vec<Exchanger> {
            pairs.iter().map(|(p, h)| Exchanger { preference: *p, host: (*h).to_owned() }).collect()
        };
        let all = list(&[(10, "a.test"), (20, "us.test"), (20, "b.test"), (30, "c.test")]);
        assert_eq!(before(all.clone(), "US.test"), list(&[(10, "a.test")]));
        assert_eq!(before(all.clone(), "other.test"), all);
        assert!(before(list(&[(0, "us.test")]), "us.test").is_empty());
    }
}

//! What relayd.toml and domains.toml come to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use daemon::{Config, Domains, Problem, SocketAddress};
use lmtp_client::Patience;
use smtp::Protocol;

use crate::routes::{Route, Routes};
use crate::tls::Policy;

/// Everything that an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This host's name.
    pub hostname: String,
    /// What is said in EHLO.
    pub helo: String,
    /// Name servers; empty: the system's.
    pub resolver: Vec<SocketAddr>,
    /// Static routes.
    pub routes: Routes,
    /// Whether connections are protected.
    pub tls: Policy,
    /// For connecting to one address.
    pub connect: Duration,
    /// For each step of a session.
    pub patience: Patience,
    /// For a transaction as a whole.
    pub max_time: Duration,
    /// Addresses tried in a transaction.
    pub max_addresses: usize,
    /// Transactions at a time.
    pub max_connections: usize,
    /// Octets of content.
    pub size_limit: u64,
}

/// Where name servers answer that /etc/resolv.conf names.
const DNS: u16 = 53;

impl Settings {
    /// The TCP ports that relayd connects to, each with its key: the routes', and the name servers', whom
    /// it asks again by TCP when an answer is too long for UDP (RFC 7766 §5).
    pub(crate) fn ports(config: &Config) -> Vec<(&'static str, u16)> {
        let port = u16::try_from(config.integer("port")).unwrap_or(25);
        let mut ports = vec![("port", port), ("resolver", DNS)];
        let routes = config.text_map("routes");
        let routes = routes.values().filter_map(|text| Route::parse(text, port).ok());
        ports.extend(routes.map(|route| ("routes", route.port)));
        for address in config.addresses("resolver") {
            if let SocketAddress::Tcp(address) = address {
                ports.push(("resolver", address.port()));
            }
        }
        ports
    }

    pub(crate) fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let domains = Domains::read(config.file("domains"));
        let port = u16::try_from(config.integer("port")).unwrap_or(25);
        let mut problems = Vec::new();
        let mut routes = BTreeMap::new();
        for (domain, text) in config.text_map("routes") {
            match Route::parse(&text, port) {
                Ok(route) => {
                    routes.insert(domain.to_lowercase(), route);
                }
                Err(error) => problems
                    .push(config.problem("routes", format!("{domain}: {text:?} is {error}"))),
            }
        }
        let mut resolver = Vec::new();
        for address in config.addresses("resolver") {
            match address {
                SocketAddress::Tcp(address) => resolver.push(address),
                _ => problems
                    .push(config.problem("resolver", "a name server is an address and a port")),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let data = config.duration("data_timeout");
        Ok(Self {
            size_limit: domains.hop_size_limit(),
            helo: config.opt_text("helo").map_or_else(|| domains.hostname.clone(), str::to_owned),
            hostname: domains.hostname,
            resolver,
            routes: Routes::new(routes, port),
            tls: Policy::from_word(config.text("tls")),
            connect: config.duration("connect_timeout"),
            patience: Patience {
                greeting: config.duration("helo_timeout"),
                command: config.duration("command_timeout"),
                data_start: data,
                block: data,
                final_dot: config.duration("final_dot_timeout"),
            },
            max_time: config.duration("max_time"),
            max_addresses: config.count("max_addresses"),
            max_connections: config.count("max_connections"),
        })
    }

    pub(crate) fn server_options(&self) -> smtp_server::Options {
        let mut session = smtp::server::Options::new(Protocol::Lmtp, self.hostname.clone());
        session.xforward = true;
        session.limits.size = self.size_limit;
        smtp_server::Options::new(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemon::Daemon as _;

    #[test]
    fn all_bad_routes_are_told_at_once() {
        let text = "resolver = [\"127.0.0.1:53\"]\n[routes]\n\"a.test\" = \"smtp:x\"\n\"b.test\" = \"[h]:25\"\n\"c.test\" = \"\"\n";
        let config = Config::from_texts("relayd", &crate::Relayd::files(), &[("relayd", text)])
            .expect("well formed");
        let problems = Settings::read(&config).expect_err("two bad routes");
        assert_eq!(problems.len(), 2);
        assert!(problems.iter().any(|problem| problem.message.contains("a.test")), "{problems:?}");
    }
}

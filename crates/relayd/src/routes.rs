//! Static routes: which host a domain's mail goes to, in place of what the DNS says.
//!
//! As in Postfix's transport table: `[host]:port` goes to that host, `host:port` to the mail servers
//! (MX) of that name, and the domain `*` stands for all that have no route of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// Where a domain's mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whom to look up or connect to.
    pub next: NextHop,
    /// The port there.
    pub port: u16,
}

/// Whom a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHop {
    /// The mail servers of this domain (RFC 5321 §5.1).
    Domain(String),
    /// This host, without a look-up of mail servers.
    Host(String),
    /// This address.
    Address(IpAddr),
}

/// Why a text is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a route: write `[host]:port`, `[192.0.2.1]:port`, `[2001:db8::1]:port` or `domain:port`"
)]
pub struct RouteError;

impl Route {
    /// Reads `[host]:port`, `[host]`, `domain:port` or `domain`; a missing port is `port`.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn parse(text: &str, port: u16) -> Result<Self, RouteError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or(RouteError)?;
            let port = match after.strip_prefix(':') {
                Some(number) => number.parse().map_err(|_| RouteError)?,
                None if after.is_empty() => port,
                None => return Err(RouteError),
            };
            let address = host.strip_prefix("IPv6:").unwrap_or(host).parse();
            let next = match address {
                Ok(address) => NextHop::Address(address),
                Err(_) => NextHop::Host(name(host)?),
            };
            return Ok(Self { next, port });
        }
        let (domain, port) = match text.split_once(':') {
            Some((domain, number)) => (domain, number.parse().map_err(|_| RouteError)?),
            None => (text, port),
        };
        Ok(Self { next: NextHop::Domain(name(domain)?), port })
    }
}

/// A host's name in the form that the DNS is asked for.
fn name(text: &str) -> Result<String, RouteError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 253 || !text.chars().all(good) {
        return Err(RouteError);
    }
    Ok(text.to_ascii_lowercase())
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.next {
            NextHop::Domain(domain) => write!(f, "{domain}:{}", self.port),
            NextHop::Host(host) => write!(f, "[{host}]:{}", self.port),
            NextHop::Address(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// All static routes, by domain in lower case.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    by_domain: BTreeMap<String, Route>,
    default_port: u16,
}

impl Routes {
    /// The routes of the configuration, whose domains are folded already. `default_port` is for domains
    /// that have none.
    #[must_use]
    pub fn new(by_domain: BTreeMap<String, Route>, default_port: u16) -> Self {
        Self { by_domain, default_port }
    }

    /// The route of a domain in lower case: its own, that of `*`, or its mail servers.
    #[must_use]
    pub fn of(&self, domain: &str) -> Route {
        let found = self.by_domain.get(domain).or_else(|| self.by_domain.get("*"));
        found.cloned().unwrap_or_else(|| self.unrouted(domain))
    }

    fn unrouted(&self, domain: &str) -> Route {
        let literal = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']'));
        let address = literal.and_then(|d| d.strip_prefix("ipv6:").unwrap_or(d).parse().ok());
        let next = match address {
            Some(address) => NextHop::Address(address),
            None => NextHop::Domain(domain.to_owned()),
        };
        Route { next, port: self.default_port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        let read = |text: &str| Route::parse(text, 25).map(|route| route.to_string());
        assert_eq!(read("[127.0.0.1]:2525").as_deref(), Ok("[127.0.0.1]:2525"));
        assert_eq!(read("[2001:db8::1]").as_deref(), Ok("[2001:db8::1]:25"));
        assert_eq!(read("[Relay.Example.ORG]:587").as_deref(), Ok("[relay.example.org]:587"));
        assert_eq!(read("example.org:26").as_deref(), Ok("example.org:26"));
        assert_eq!(read("example.org").as_deref(), Ok("example.org:25"));
        for bad in ["", "[", "[]:1", "[a]x", "a:b", "a b", "[a]:70000", "smtp:[host]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn own_route_then_star_then_the_dns() {
        let route = |text: &str| Route::parse(text, 25).expect("good");
        let mut routes = Routes::new([("a.test".to_owned(), route("[h.test]"))].into(), 25);
        assert_eq!(routes.of("a.test").to_string(), "[h.test]:25");
        assert_eq!(routes.of("b.test").to_string(), "b.test:25");
        assert_eq!(routes.of("[192.0.2.1]").to_string(), "[192.0.2.1]:25");
        assert_eq!(routes.of("[ipv6:2001:db8::1]").to_string(), "[2001:db8::1]:25");
        routes.by_domain.insert("*".to_owned(), route("[smart.test]:587"));
        assert_eq!(routes.of("b.test").to_string(), "[smart.test]:587");
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(text in "\\PC{0,30}|\\[?[a-z0-9.:]{0,16}\\]?(:[0-9]{1,6})?") {
            if let Ok(route) = Route::parse(&text, 25) {
                prop_assert_eq!(Route::parse(&route.to_string(), 1), Ok(route));
            }
        }
    }
}

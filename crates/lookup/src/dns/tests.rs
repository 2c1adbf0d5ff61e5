//! Against a small server on loopback.

use super::*;
use support::dns::Server;

const ZONE: &str = "\
two.test        MX 20 b.two.test
two.test        MX 10 A.two.test
a.two.test      A 127.0.0.1
a.two.test      AAAA ::1
plain.test      A 127.0.0.2
null.test       MX 0 .
txt.test        TXT nothing
broken.test     SERVFAIL
";

fn resolver(server: &Server) -> Resolver {
    Resolver::new(&[server.address()]).expect("a resolver")
}

#[tokio::test]
async fn exchangers_in_order_and_the_domain_itself_without_any() {
    let server = Server::start(ZONE);
    let asked = |domain: &'static str| {
        let resolver = resolver(&server);
        async move {
            let found = resolver.exchangers(domain).await?;
            Ok::<_, DnsFailure>(found.into_iter().map(|e| e.host).collect::<Vec<_>>())
        }
    };
    assert_eq!(asked("two.test").await, Ok(vec!["a.two.test".into(), "b.two.test".into()]));
    assert_eq!(asked("Plain.test").await, Ok(vec!["plain.test".into()]));
    assert_eq!(asked("null.test").await, Err(DnsFailure::NullMx));
    assert_eq!(asked("gone.test").await, Err(DnsFailure::NoSuchName));
    assert!(asked("broken.test").await.is_err_and(|failure| failure.is_temporary()));
}

#[tokio::test]
async fn addresses_of_both_families() {
    let server = Server::start(ZONE);
    let resolver = resolver(&server);
    let found = resolver.addresses("a.two.test").await.expect("two");
    assert_eq!(found, ["127.0.0.1".parse::<IpAddr>().expect("v4"), "::1".parse().expect("v6")]);
    assert_eq!(resolver.addresses("txt.test").await, Err(DnsFailure::NoRecord));
    assert_eq!(resolver.addresses("gone.test").await, Err(DnsFailure::NoSuchName));
    assert!(resolver.addresses("broken.test").await.is_err_and(|failure| failure.is_temporary()));
}

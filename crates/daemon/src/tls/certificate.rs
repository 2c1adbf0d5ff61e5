//! What stands in a certificate, as operators and logs want it, and what is wrong with a chain.
//!
//! Pure: octets and a time in, facts out. Ruled by RFC 5280; names match as RFC 6125 §6.4.3 says.
//! It verifies no signature: rustls does that where it counts.

use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Days before its end at which a certificate is worth a warning.
pub(super) const EXPIRY_WARNING_DAYS: i64 = 14;
const DAY: i64 = 24 * 60 * 60;

/// What stands in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Whose it is: `CN=mail.example.org`. Control characters are never in it.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The subject's common name.
    #[serde(skip)]
    pub common_name: Option<String>,
    /// The issuer's common name, or its organization.
    #[serde(skip)]
    pub issuer_name: Option<String>,
    /// The hosts and addresses that it is for, in lower case.
    pub names: Vec<String>,
    /// Seconds since 1970.
    #[serde(skip)]
    pub not_before: i64,
    /// Seconds since 1970; the last second that it is good for.
    #[serde(skip)]
    pub not_after: i64,
    /// SHA-256 over the whole of it: `AB:CD:…`.
    pub fingerprint: String,
    /// `RSA 2048`, `ECDSA P-256`.
    pub key_type: String,
}

impl Certificate {
    /// Reads one in DER; none if it isn't a certificate.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let digest = Sha256::digest(der);
        let fingerprint: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let issuer_name = first(parsed.issuer().iter_common_name())
            .or(first(parsed.issuer().iter_organization()));
        Some(Self {
            subject: shown(parsed.subject()),
            issuer: shown(parsed.issuer()),
            common_name: first(parsed.subject().iter_common_name()),
            issuer_name,
            names: names(&parsed),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            fingerprint: fingerprint.join(":"),
            key_type: key_type(&parsed),
        })
    }

    /// Whether it is for this host; `*.example.org` asks for that very wildcard.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| name_matches(name, host))
    }

    /// Whether it names itself as its issuer.
    #[must_use]
    pub fn is_own_issuer(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whole days that are left at this time (seconds since 1970); negative when it's over.
    #[must_use]
    pub fn days_left(&self, now: i64) -> i64 {
        self.not_after.saturating_sub(now).div_euclid(DAY)
    }
}

/// Whether a name in a certificate, in lower case, is for this host.
#[must_use]
pub fn name_matches(name: &str, host: &str) -> bool {
    let host = host.to_lowercase();
    let parent = host.split_once('.').map(|(_, parent)| parent);
    *name == host || name.strip_prefix("*.").is_some_and(|rest| Some(rest) == parent)
}

/// What an operator must hear of a chain at this time (seconds since 1970): its end is near or
/// over, links lack or are out of order.
#[must_use]
pub fn judge(chain: &[Certificate], now: i64) -> Vec<String> {
    let mut said = Vec::new();
    for one in chain {
        let whose = &one.subject;
        let left = one.days_left(now);
        if now > one.not_after {
            said.push(format!("the certificate of {whose} expired {} days ago", -left));
        } else if left < EXPIRY_WARNING_DAYS {
            said.push(format!("the certificate of {whose} expires in {left} days"));
        }
        if now < one.not_before {
            said.push(format!("the certificate of {whose} is not valid yet"));
        }
    }
    for pair in chain.windows(2) {
        if let [one, next] = pair
            && one.issuer != next.subject
        {
            said.push(format!(
                "the chain is out of order: {} was issued by {}, but {} follows",
                one.subject, one.issuer, next.subject
            ));
        }
    }
    if let [leaf] = chain
        && !leaf.is_own_issuer()
    {
        said.push(format!(
            "the certificate of {} stands without its chain: clients that don't have the \
             certificate of {} already will not trust it (use certbot's fullchain.pem)",
            leaf.subject, leaf.issuer
        ));
    }
    said
}

/// A text of somebody else's making, without what a log or a header must not have.
fn clean(text: &str) -> String {
    const LONGEST: usize = 256;
    text.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn first<'a>(mut values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<String> {
    values.find_map(|value| value.as_str().ok()).map(clean)
}

fn shown(name: &X509Name<'_>) -> String {
    clean(&name.to_string())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(clean(&name.to_lowercase())),
        GeneralName::IPAddress(octets) => address(octets),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(octets).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}

fn key_type(certificate: &X509Certificate<'_>) -> String {
    let key = certificate.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(point)) => format!("ECDSA P-{}", point.key_size()),
        _ if key.algorithm.algorithm.to_id_string() == "1.3.101.112" => "Ed25519".to_owned(),
        _ => key.algorithm.algorithm.to_id_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(subject: &str, issuer: &str, days: i64) -> Certificate {
        Certificate {
            subject: subject.to_owned(),
            issuer: issuer.to_owned(),
            common_name: None,
            issuer_name: None,
            names: vec!["mail.example.org".to_owned(), "*.example.net".to_owned()],
            not_before: 0,
            not_after: days * DAY,
            fingerprint: String::new(),
            key_type: String::new(),
        }
    }

    #[test]
    fn hosts_that_it_is_for() {
        let one = made("CN=a", "CN=b", 1);
        for host in ["mail.example.org", "MAIL.example.org", "x.example.net", "*.example.net"] {
            assert!(one.covers(host), "{host}");
        }
        for host in ["example.org", "example.net", "a.b.example.net", "x.mail.example.org", ""] {
            assert!(!one.covers(host), "{host}");
        }
    }

    #[test]
    fn what_is_said_of_a_chain() {
        let leaf = made("CN=a", "CN=b", 100);
        let middle = made("CN=b", "CN=c", 1000);
        assert!(judge(&[leaf.clone(), middle.clone()], DAY).is_empty());
        assert!(judge(&[made("CN=self", "CN=self", 100)], DAY).is_empty());
        let said = |chain: &[Certificate], day: i64| judge(chain, day * DAY).join("\n");
        assert!(said(std::slice::from_ref(&leaf), 1).contains("without its chain"));
        assert!(said(&[middle.clone(), leaf.clone()], 1).contains("out of order"));
        assert!(said(&[leaf.clone(), middle.clone()], 90).contains("CN=a expires in 10 days"));
        assert!(said(&[leaf.clone(), middle.clone()], 103).contains("expired 3 days ago"));
        assert!(said(&[leaf, middle], -1).contains("not valid yet"));
    }

    #[test]
    fn octets_that_are_no_certificate() {
        assert_eq!(Certificate::parse(b""), None);
        assert_eq!(Certificate::parse(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}

//! Whole addresses, and the two kinds of path that an envelope has.

use std::fmt;
use std::str::FromStr;

use crate::grammar;
use crate::parts::{Domain, LocalPart};

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text does not follow RFC 5321 §4.1.2.
    #[error("not an address")]
    Syntax,
    /// Nothing stands before the `@`.
    #[error("the local part is empty")]
    EmptyLocalPart,
    /// More than [`crate::MAX_LOCAL_OCTETS`].
    #[error("the local part is too long")]
    LocalPartTooLong,
    /// A control character, which could break a line or a log.
    #[error("a control character in the address")]
    ControlCharacter,
    /// The domain is neither a name nor an address literal.
    #[error("not a domain")]
    Domain,
    /// More than [`crate::MAX_DOMAIN_OCTETS`].
    #[error("the domain is too long")]
    DomainTooLong,
}

/// `local@domain`, or a bare local part (`postmaster`, RFC 5321 §4.5.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    local: LocalPart,
    domain: Option<Domain>,
}

impl Address {
    /// Joins two halves that were checked before.
    #[must_use]
    pub fn new(local: LocalPart, domain: Option<Domain>) -> Self {
        Self { local, domain }
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    /// What stands behind the `@`, if anything does.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    /// The same with `domain` in place of a missing one (Postfix's `myorigin`).
    #[must_use]
    pub fn or_domain(mut self, domain: &Domain) -> Self {
        self.domain.get_or_insert_with(|| domain.clone());
        self
    }

    /// The key for tables and for "is this the same mailbox": unquoted, all lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        let local = self.local.as_str().to_lowercase();
        match &self.domain {
            Some(domain) => format!("{local}@{}", domain.folded()),
            None => local,
        }
    }

    /// The address without its detail, and the detail: see [`LocalPart::split_detail`].
    #[must_use]
    pub fn split_detail(&self, delimiters: &str) -> (Address, Option<&str>) {
        let (local, detail) = self.local.split_detail(delimiters);
        (Address { local, domain: self.domain.clone() }, detail)
    }

    /// Whether it can be said without SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.as_ref().is_none_or(Domain::is_ascii)
    }

    fn from_parsed((local, domain): (String, Option<&str>)) -> Result<Self, AddressError> {
        let local = LocalPart::from_unquoted(local)?;
        let domain = domain.map(Domain::parse).transpose()?;
        Ok(Self { local, domain })
    }
}

/// Parses the form without angle brackets: `user@example.org`, `"a b"@example.org`, `postmaster`.
impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match grammar::mailbox(text) {
            Ok(("", parsed)) => Self::from_parsed(parsed),
            _ => Err(AddressError::Syntax),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            Some(domain) => write!(f, "{}@{domain}", self.local),
            None => write!(f, "{}", self.local),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where failures go: RFC 5321 §4.1.1.2. `<>` is for mail that must never cause another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: bounces and other notices.
    Null,
    /// Somebody who wants to hear of failures.
    Address(Address),
}

impl ReversePath {
    /// Parses a leading `<path>`; returns it and what follows.
    ///
    /// # Errors
    /// If the input does not begin with a path.
    pub fn parse_prefix(input: &str) -> Result<(Self, &str), AddressError> {
        let (rest, parsed) = grammar::path(input).map_err(|_| AddressError::Syntax)?;
        let path = match parsed {
            None => Self::Null,
            Some(parts) => Self::Address(Address::from_parsed(parts)?),
        };
        Ok((path, rest))
    }

    /// The address, unless it is the null path.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }

    /// Whether it can be said without SMTPUTF8.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.address().is_none_or(Address::is_ascii)
    }
}

/// Parses `<>`, `<user@example.org>`.
impl FromStr for ReversePath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match Self::parse_prefix(text)? {
            (path, "") => Ok(path),
            _ => Err(AddressError::Syntax),
        }
    }
}

/// Prints with the angle brackets.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

impl fmt::Debug for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whom a message is for: RFC 5321 §4.1.1.3. Never empty; perhaps without a domain.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ForwardPath(Address);

impl ForwardPath {
    /// A path to this address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self(address)
    }

    /// Parses a leading `<path>`; returns it and what follows. Source routes are dropped.
    ///
    /// # Errors
    /// If the input does not begin with a path, or begins with `<>`.
    pub fn parse_prefix(input: &str) -> Result<(Self, &str), AddressError> {
        let (rest, parsed) = grammar::path(input).map_err(|_| AddressError::Syntax)?;
        let parts = parsed.ok_or(AddressError::EmptyLocalPart)?;
        Ok((Self(Address::from_parsed(parts)?), rest))
    }

    /// The address in it.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0
    }

    /// Takes the address out.
    #[must_use]
    pub fn into_address(self) -> Address {
        self.0
    }
}

/// Parses `<user@example.org>`.
impl FromStr for ForwardPath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match Self::parse_prefix(text)? {
            (path, "") => Ok(path),
            _ => Err(AddressError::Syntax),
        }
    }
}

/// Prints with the angle brackets.
impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

impl fmt::Debug for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Result<String, AddressError> {
        text.parse::<Address>().map(|a| a.to_string())
    }

    #[test]
    fn addresses_that_are_good() {
        for good in [
            "a@b.test",
            "postmaster",
            "\"a b\"@example.org",
            "user+x@EXAMPLE.org",
            "a@[192.0.2.1]",
            "a@[IPv6:2001:db8::1]",
            "é@ok.test",
            "a@é.test",
        ] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        assert_eq!(address("\"plain\"@b.test").as_deref(), Ok("plain@b.test"));
    }

    #[test]
    fn addresses_that_are_not() {
        for bad in [
            "",
            "@b.test",
            "a@",
            "a@b..test",
            "a@-b.test",
            "a b@c.test",
            "a@b.test.",
            "a@[1.2.3]",
            "a@b@c",
            "\"a\u{0}\"@b.test",
            "a\r\n@b.test",
            ".a@b.test",
            "a.@b.test",
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths() {
        assert_eq!("<>".parse(), Ok(ReversePath::Null));
        assert!("<>".parse::<ForwardPath>().is_err());
        let (path, rest) = ForwardPath::parse_prefix("<@r.test,@s.test:a@b.test> NOTIFY=NEVER")
            .expect("a source route is dropped");
        assert_eq!((path.to_string().as_str(), rest), ("<a@b.test>", " NOTIFY=NEVER"));
    }

    #[test]
    fn details() {
        let cut = |text: &str| {
            let whole: Address = text.parse().expect("good");
            let (base, detail) = whole.split_detail("+-");
            (base.to_string(), detail.map(str::to_owned))
        };
        assert_eq!(cut("a+b+c@d.test"), ("a@d.test".into(), Some("b+c".into())));
        assert_eq!(cut("+a@d.test"), ("+a@d.test".into(), None));
        assert_eq!(cut("a-@d.test"), ("a@d.test".into(), Some(String::new())));
        assert_eq!(cut("MAILER-DAEMON@d.test"), ("MAILER-DAEMON@d.test".into(), None));
    }

    #[test]
    fn domains_fold_and_local_parts_keep_their_case() {
        let a: Address = "Ann@Example.ORG".parse().expect("good");
        let b: Address = "Ann@example.org".parse().expect("good");
        assert_eq!(a, b);
        assert_eq!(a.folded(), "ann@example.org");
        assert_eq!(a.to_string(), "Ann@Example.ORG");
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in "\\PC{0,40}|[a-z\"\\\\@.+<>\\[\\]: ]{0,30}") {
            if let Ok(address) = text.parse::<Address>() {
                let printed = address.to_string();
                prop_assert_eq!(printed.parse::<Address>(), Ok(address));
                prop_assert!(!printed.contains(['\r', '\n', '\0']));
            }
            let _ = ReversePath::parse_prefix(&text);
            let _ = ForwardPath::parse_prefix(&text);
        }
    }
}

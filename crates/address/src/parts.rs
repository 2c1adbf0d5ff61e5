//! The two halves of an address, each of them impossible to hold wrong.

use std::fmt;

use crate::grammar;
use crate::path::AddressError;

/// RFC 5321 §4.5.3.1.1 asks for at least 64; SRS and BATV make longer ones, and we take them.
pub const MAX_LOCAL_OCTETS: usize = 256;
/// RFC 5321 §4.5.3.1.2.
pub const MAX_DOMAIN_OCTETS: usize = 255;

/// What stands before the `@`, without its quotes: `a b` for `"a b"@example.org`.
///
/// Case is kept. Never empty, never longer than [`MAX_LOCAL_OCTETS`], without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(String);

impl LocalPart {
    /// Takes the text without quotes.
    ///
    /// # Errors
    /// If it is empty, too long, or has a control character in it.
    pub fn from_unquoted(text: impl Into<String>) -> Result<Self, AddressError> {
        let text = text.into();
        if text.is_empty() {
            return Err(AddressError::EmptyLocalPart);
        }
        if text.len() > MAX_LOCAL_OCTETS {
            return Err(AddressError::LocalPartTooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// The text without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Cuts the detail off at the first of `delimiters` (Postfix's `recipient_delimiter`).
    ///
    /// Nothing is cut from `mailer-daemon` and `double-bounce`, and a delimiter in the first place
    /// starts no detail, as in Postfix's `split_addr`. An empty detail (`user+`) is a detail.
    #[must_use]
    pub fn split_detail(&self, delimiters: &str) -> (LocalPart, Option<&str>) {
        let special = ["mailer-daemon", "double-bounce"];
        if !special.iter().any(|name| self.0.eq_ignore_ascii_case(name)) {
            for (at, c) in self.0.char_indices().skip(1) {
                if delimiters.contains(c) {
                    let (base, rest) = self.0.split_at(at);
                    return (LocalPart(base.to_owned()), rest.get(c.len_utf8()..));
                }
            }
        }
        (self.clone(), None)
    }

    /// Whether it needs SMTPUTF8 on the wire (RFC 6531).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

/// Prints the form for the wire: quoted where RFC 5321's `Dot-string` does not allow it bare.
impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if grammar::is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

impl fmt::Debug for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What stands behind the `@`: a domain name as it was written, or an address literal.
///
/// Compared and hashed without regard to ASCII case; [`Domain::folded`] is the key for tables.
#[derive(Clone)]
pub struct Domain(String);

impl Domain {
    /// Parses `example.org`, a U-label form of it, or `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    ///
    /// # Errors
    /// If it is none of these or too long. A dot at the end is refused, as Postfix does.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_DOMAIN_OCTETS {
            return Err(AddressError::DomainTooLong);
        }
        if grammar::is_domain(text) || grammar::is_address_literal(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AddressError::Domain)
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key for tables and comparisons: lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// Whether this is an address literal such as `[192.0.2.1]`.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }

    /// Whether it can be said without SMTPUTF8.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Domain {}

impl std::hash::Hash for Domain {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

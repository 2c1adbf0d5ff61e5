//! A mailbox name as a client wrote it.

use std::fmt;

use mailbox::{MailboxName, NameError, utf7};

/// Why a written name is no mailbox's. The texts are for `NO [CANNOT]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireNameError {
    /// 8-bit octets, or a broken `&…-`.
    #[error("Invalid mailbox name: Name must be valid mUTF-7")]
    Utf7,
    /// Decoded, but not acceptable.
    #[error("Invalid mailbox name: {0}")]
    Name(#[from] NameError),
}

/// The octets of a `mailbox` argument (RFC 3501 §9), still in modified UTF-7.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WireName(Vec<u8>);

impl WireName {
    /// Takes an astring's octets.
    #[must_use]
    pub const fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// As written.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Whether nothing was written: `""`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mailbox meant, where `separator` parts the levels of the hierarchy.
    ///
    /// # Errors
    /// If it is not modified UTF-7, or not acceptable as a name.
    pub fn name(&self, separator: char) -> Result<MailboxName, WireNameError> {
        Ok(MailboxName::parse(&self.text()?, separator)?)
    }

    /// As [`WireName::name`] for CREATE: one separator at the end says that names will be made
    /// below it (RFC 3501 §6.3.3), and is cut off. Tells whether there was one.
    ///
    /// # Errors
    /// As [`WireName::name`].
    pub fn name_to_create(&self, separator: char) -> Result<(MailboxName, bool), WireNameError> {
        let text = self.text()?;
        match text.strip_suffix(separator) {
            Some(cut) => Ok((MailboxName::parse(cut, separator)?, true)),
            None => Ok((MailboxName::parse(&text, separator)?, false)),
        }
    }

    /// Decoded and unchecked: a LIST's reference, which needn't be a whole name.
    ///
    /// # Errors
    /// If it is not modified UTF-7.
    pub fn text(&self) -> Result<String, WireNameError> {
        decode(&self.0)
    }

    /// For the text of a reply: the wire form, with what a line can't carry shown as `?`.
    #[must_use]
    pub fn shown(&self) -> String {
        let harmless = |&b: &u8| if matches!(b, 0x20..=0x7e) { char::from(b) } else { '?' };
        self.0.iter().map(harmless).collect()
    }
}

impl fmt::Debug for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

/// Octets in modified UTF-7 to text.
pub(super) fn decode(octets: &[u8]) -> Result<String, WireNameError> {
    let text = std::str::from_utf8(octets).map_err(|_| WireNameError::Utf7)?;
    utf7::decode(text).map_err(|_| WireNameError::Utf7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> WireName {
        WireName::new(text.as_bytes().to_vec())
    }

    #[test]
    fn names() {
        assert!(wire("inBox").name('/').expect("good").is_inbox());
        assert_eq!(wire("a/&AOk-").name('/').expect("good").join('/'), "a/é");
        assert_eq!(wire("é").name('/'), Err(WireNameError::Utf7));
        assert_eq!(wire("a&b").name('/'), Err(WireNameError::Utf7));
        let (name, below) = wire("a/b/").name_to_create('/').expect("good");
        assert_eq!((name.join('/').as_str(), below), ("a/b", true));
        assert!(wire("a/").name('/').is_err() && wire("a//").name_to_create('/').is_err());
        assert_eq!(wire("é\r").shown(), "???");
    }

    #[test]
    fn texts_as_recorded() {
        let text = |name| wire(name).name('/').expect_err("bad").to_string();
        assert_eq!(text("bad//name"), "Invalid mailbox name: Has adjacent hierarchy separators");
        assert_eq!(text(""), "Invalid mailbox name: Name is empty");
    }
}

//! A mailbox name as a client wrote it.

use std::fmt;

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

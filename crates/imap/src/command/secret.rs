//! What must not appear in a log.

use std::fmt;

/// A password or a SASL response. Its `Debug` tells nothing but that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the octets over.
    #[must_use]
    pub const fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets themselves, for whoever checks them.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Gives the octets away.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

//! The tag in front of a command.

use std::fmt;

/// A limit of ours: a tag is repeated in the reply and kept while its command runs.
pub const MAX_TAG_OCTETS: usize = 128;

/// `tag = 1*<any ASTRING-CHAR except "+">` (RFC 3501 §9).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Tag {
    /// `None` if the octets are no tag, or longer than [`MAX_TAG_OCTETS`].
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let good = |&b: &u8| crate::grammar::is_astring_char(b) && b != b'+';
        if octets.is_empty() || octets.len() > MAX_TAG_OCTETS || !octets.iter().all(good) {
            return None;
        }
        String::from_utf8(octets.to_vec()).ok().map(Self)
    }

    /// As the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

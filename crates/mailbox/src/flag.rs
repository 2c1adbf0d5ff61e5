//! Message flags (RFC 3501 §2.3.2): five of the system's, and keywords.

use std::collections::BTreeSet;
use std::fmt;

/// A limit of ours: keywords are kept in files and repeated in every FLAGS reply.
pub const MAX_KEYWORD_OCTETS: usize = 256;

/// Why a text is no flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// `\Something` that a client may not set; `\Recent` too (RFC 3501 §2.3.2).
    #[error("not a system flag that a client can set")]
    System,
    /// Not an IMAP atom, or longer than [`MAX_KEYWORD_OCTETS`].
    #[error("not a keyword")]
    Keyword,
}

/// A keyword such as `$Forwarded`: an IMAP atom, its case kept, compared without regard to it.
#[derive(Clone)]
pub struct Keyword(String);

impl Keyword {
    /// Checks that it is an atom.
    ///
    /// # Errors
    /// If it is empty, too long, or holds what an atom can't.
    pub fn parse(text: &str) -> Result<Self, FlagError> {
        let atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
        if text.is_empty() || text.len() > MAX_KEYWORD_OCTETS || !text.bytes().all(atom) {
            return Err(FlagError::Keyword);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was first written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Keyword {}
impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One flag that a client can set. `\Recent` is none: the session keeps it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Flag {
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Seen`
    Seen,
    /// `\Draft`
    Draft,
    /// Any other name.
    Keyword(Keyword),
}

impl Flag {
    /// The system flags, in the order in which FLAGS lists them.
    pub const SYSTEM: [Flag; 5] =
        [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

    /// Parses `\Seen` or `$Forwarded`.
    ///
    /// # Errors
    /// For `\Recent`, unknown system flags, and what is no atom.
    pub fn parse(text: &str) -> Result<Self, FlagError> {
        if !text.starts_with('\\') {
            return Keyword::parse(text).map(Flag::Keyword);
        }
        Self::SYSTEM
            .into_iter()
            .find(|flag| flag.as_str().eq_ignore_ascii_case(text))
            .ok_or(FlagError::System)
    }

    /// As IMAP writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Flag::Answered => "\\Answered",
            Flag::Flagged => "\\Flagged",
            Flag::Deleted => "\\Deleted",
            Flag::Seen => "\\Seen",
            Flag::Draft => "\\Draft",
            Flag::Keyword(keyword) => keyword.as_str(),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of flags, printed as `\Answered \Seen $Forwarded` (no parentheses).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Flags(BTreeSet<Flag>);

impl Flags {
    /// No flag at all.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether `flag` is in the set.
    #[must_use]
    pub fn contains(&self, flag: &Flag) -> bool {
        self.0.contains(flag)
    }

    /// Puts a flag in; false if it was there.
    pub fn insert(&mut self, flag: Flag) -> bool {
        self.0.insert(flag)
    }

    /// Takes a flag out; false if it wasn't there.
    pub fn remove(&mut self, flag: &Flag) -> bool {
        self.0.remove(flag)
    }

    /// System flags first, then keywords by name.
    pub fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.0.iter()
    }

    /// The keywords alone.
    pub fn keywords(&self) -> impl Iterator<Item = &Keyword> {
        self.0.iter().filter_map(|flag| match flag {
            Flag::Keyword(keyword) => Some(keyword),
            _ => None,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::new();
        set.extend(flags); // one by one: the first spelling of a keyword stays
        set
    }
}

impl Extend<Flag> for Flags {
    fn extend<I: IntoIterator<Item = Flag>>(&mut self, flags: I) {
        self.0.extend(flags);
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, flag) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{flag}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_print_in_order_and_keywords_ignore_case() {
        let flags: Flags = ["$Fwd", "\\seen", "\\ANSWERED", "$fwd", "foo"]
            .iter()
            .map(|text| Flag::parse(text).expect("good"))
            .collect();
        assert_eq!(flags.to_string(), "\\Answered \\Seen $Fwd foo");
    }

    #[test]
    fn what_is_no_flag() {
        assert_eq!(Flag::parse("\\Recent"), Err(FlagError::System));
        assert_eq!(Flag::parse("\\Foo"), Err(FlagError::System));
        for bad in ["", "a b", "a\r", "é", "x(", "]"] {
            assert_eq!(Flag::parse(bad), Err(FlagError::Keyword), "{bad:?}");
        }
    }
}

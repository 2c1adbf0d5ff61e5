//! A mailbox's name as clients see it, decoded to UTF-8 and split at the separator.
//!
//! The separator is not part of the value: `Lists/rust` on the wire is the parts `Lists` and `rust`
//! here, so that a store with another separator, or with none, cannot confuse the two.

use std::fmt;

/// RFC 9051 sets none; Dovecot's own limit.
pub const MAX_NAME_OCTETS: usize = 4096;
/// One level of the hierarchy, so that it fits a file name. Dovecot's own limit.
pub const MAX_PART_OCTETS: usize = 255;

/// Why a text is no mailbox name. The texts are Dovecot's, which clients have seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("Name is empty")]
    Empty,
    /// `a//b`.
    #[error("Has adjacent hierarchy separators")]
    AdjacentSeparators,
    /// `/a`.
    #[error("Begins with hierarchy separator")]
    LeadingSeparator,
    /// `a/`; CREATE takes that form itself (RFC 3501 §6.3.3).
    #[error("Ends with hierarchy separator")]
    TrailingSeparator,
    /// `.` or `..` as a part, `~` in front, or a `/` where it separates nothing.
    #[error("Contains characters that a folder's path can't have")]
    Path,
    /// A control character.
    #[error("Control characters not allowed in mailbox name")]
    Control,
    /// Over [`MAX_NAME_OCTETS`] or [`MAX_PART_OCTETS`].
    #[error("Mailbox name is too long")]
    TooLong,
}

/// A mailbox name: one part or more, none of them empty or a path trick. INBOX is written so.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(Vec<String>);

impl MailboxName {
    /// The mailbox that always exists.
    #[must_use]
    pub fn inbox() -> Self {
        Self(vec!["INBOX".to_owned()])
    }

    /// Splits decoded UTF-8 at `separator`. A first part `inbox` in any case becomes `INBOX`
    /// (RFC 3501 §5.1).
    ///
    /// # Errors
    /// If the name could not be a mailbox's.
    pub fn parse(text: &str, separator: char) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME_OCTETS {
            return Err(NameError::TooLong);
        }
        if text.starts_with(separator) {
            return Err(NameError::LeadingSeparator);
        }
        if text.ends_with(separator) {
            return Err(NameError::TrailingSeparator);
        }
        Self::from_parts(text.split(separator).map(str::to_owned).collect())
    }

    /// Checks parts that something else split.
    ///
    /// # Errors
    /// As [`MailboxName::parse`].
    pub fn from_parts(mut parts: Vec<String>) -> Result<Self, NameError> {
        let mut length = 0;
        for (place, part) in parts.iter().enumerate() {
            check_part(part, place == 0)?;
            length += part.len() + 1;
        }
        if length > MAX_NAME_OCTETS {
            return Err(NameError::TooLong);
        }
        match parts.first_mut() {
            None => return Err(NameError::Empty),
            Some(first) if first.eq_ignore_ascii_case("INBOX") => *first = "INBOX".to_owned(),
            Some(_) => {}
        }
        Ok(Self(parts))
    }

    /// The levels of the hierarchy.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// With the separator between the parts.
    #[must_use]
    pub fn join(&self, separator: char) -> String {
        self.0.join(separator.encode_utf8(&mut [0; 4]))
    }

    /// Whether this is INBOX itself (not a child of it).
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0.len() == 1 && self.0.first().is_some_and(|part| part == "INBOX")
    }

    /// The name one level up; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        (!above.is_empty()).then(|| Self(above.to_vec()))
    }

    /// Whether `self` lies below `other`, at any depth.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }
}

fn check_part(part: &str, first: bool) -> Result<(), NameError> {
    if part.is_empty() {
        return Err(NameError::AdjacentSeparators);
    }
    if part.len() > MAX_PART_OCTETS {
        return Err(NameError::TooLong);
    }
    if part.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    if part == "." || part == ".." || part.contains('/') || (first && part.starts_with('~')) {
        return Err(NameError::Path);
    }
    Ok(())
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Result<MailboxName, NameError> {
        MailboxName::parse(text, '/')
    }

    #[test]
    fn inbox_in_any_case() {
        assert!(name("iNbOx").expect("good").is_inbox());
        let child = name("inbox/k").expect("good");
        assert_eq!(child.join('/'), "INBOX/k");
        assert!(child.is_below(&MailboxName::inbox()) && !child.is_inbox());
        assert_eq!(child.parent(), Some(MailboxName::inbox()));
        assert_eq!(MailboxName::inbox().parent(), None);
    }

    #[test]
    fn refused() {
        assert_eq!(name(""), Err(NameError::Empty));
        assert_eq!(name("bad//name"), Err(NameError::AdjacentSeparators));
        assert_eq!(name("/a"), Err(NameError::LeadingSeparator));
        assert_eq!(name("a/"), Err(NameError::TrailingSeparator));
        assert_eq!(name("a/../b"), Err(NameError::Path));
        assert_eq!(name("~root"), Err(NameError::Path));
        assert_eq!(name("a\u{0}"), Err(NameError::Control));
        assert_eq!(name(&"x".repeat(256)), Err(NameError::TooLong));
        assert_eq!(MailboxName::parse("a/b", '.'), Err(NameError::Path));
    }

    proptest! {
        #[test]
        fn no_name_climbs(text in "\\PC{0,30}|[a.~/]{0,12}") {
            if let Ok(name) = MailboxName::parse(&text, '/') {
                prop_assert!(name.parts().iter().all(|p| p != ".." && !p.contains('/')));
                prop_assert_eq!(MailboxName::parse(&name.join('/'), '/'), Ok(name));
            }
        }
    }
}

//! A daemon's name with its instance: `smtpd`, or `smtpd@mx` of a daemon that runs more than once.
//!
//! Configuration file, default places, log lines, the process and the operator's view are all named
//! by it.

use std::fmt;

/// An instance's name has at most so many octets: process names and paths are made of it.
pub const MAX_INSTANCE_OCTETS: usize = 64;

/// A daemon's name with its instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    base: &'static str,
    instance: Option<String>,
}

/// Why a text can't name an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an instance's name has 1 to {MAX_INSTANCE_OCTETS} letters, digits, `-`, `_` and `.`, and doesn't begin \
     with `.`"
)]
pub struct BadInstance;

impl Name {
    /// The daemon that runs once.
    #[must_use]
    pub const fn new(base: &'static str) -> Self {
        Self { base, instance: None }
    }

    /// An instance of it.
    ///
    /// # Errors
    /// [`BadInstance`]: the text would be a path, or nobody could read it.
    pub fn with_instance(base: &'static str, instance: &str) -> Result<Self, BadInstance> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = 1..=MAX_INSTANCE_OCTETS;
        if !length.contains(&instance.len())
            || instance.starts_with('.')
            || !instance.bytes().all(fits)
        {
            return Err(BadInstance);
        }
        Ok(Self { base, instance: Some(instance.to_owned()) })
    }

    /// `smtpd` of `smtpd@mx`.
    #[must_use]
    pub const fn base(&self) -> &'static str {
        self.base
    }

    /// `mx` of `smtpd@mx`.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(instance) => write!(f, "{}@{instance}", self.base),
            None => f.write_str(self.base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_no_paths() {
        assert_eq!(Name::new("smtpd").to_string(), "smtpd");
        let mx = Name::with_instance("smtpd", "mx").unwrap();
        assert_eq!((mx.to_string().as_str(), mx.instance()), ("smtpd@mx", Some("mx")));
        for good in ["1000", "a-b_c.d", &"x".repeat(MAX_INSTANCE_OCTETS)] {
            assert!(Name::with_instance("lmtpd", good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "é", "a@b", &"x".repeat(MAX_INSTANCE_OCTETS + 1)]
        {
            assert_eq!(Name::with_instance("lmtpd", bad), Err(BadInstance), "{bad}");
        }
    }
}

//! Enhanced status codes (RFC 3463), whose class can't disagree with the reply's code.

use std::fmt;
use std::str::FromStr;

/// How a reply or a status ends the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Done.
    Success,
    /// Not now: try again.
    Transient,
    /// Never.
    Permanent,
}

impl Class {
    /// 2, 4 or 5.
    #[must_use]
    pub fn digit(self) -> u16 {
        match self {
            Self::Success => 2,
            Self::Transient => 4,
            Self::Permanent => 5,
        }
    }
}

/// `class.subject.detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedStatus {
    /// Success, transient or permanent.
    pub class: Class,
    /// What it is about (RFC 3463 §3), 0 to 999.
    pub subject: u16,
    /// What exactly, 0 to 999.
    pub detail: u16,
}

impl EnhancedStatus {
    /// Of its three parts.
    #[must_use]
    pub const fn new(class: Class, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class.digit(), self.subject, self.detail)
    }
}

/// The text is no enhanced status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code")]
pub struct StatusError;

impl FromStr for EnhancedStatus {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        let mut parts = text.split('.');
        let class = match parts.next() {
            Some("2") => Class::Success,
            Some("4") => Class::Transient,
            Some("5") => Class::Permanent,
            _ => return Err(StatusError),
        };
        let mut number = || {
            let digits = parts.next().filter(|p| (1..=3).contains(&p.len()));
            let digits = digits.filter(|p| p.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|p| p.parse().ok()).ok_or(StatusError)
        };
        let (subject, detail) = (number()?, number()?);
        if parts.next().is_some() {
            return Err(StatusError);
        }
        Ok(Self { class, subject, detail })
    }
}

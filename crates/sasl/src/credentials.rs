//! What a client claims, with the password kept out of logs.

use std::fmt;

/// A password in clear. Its Debug form never shows it, and it has no Display.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

impl Password {
    /// Wraps the bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for hashing only.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A user's claim to be who they say, by a password in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user to act as, where it differs from `user` (RFC 4616 §2: authzid).
    pub authorize_as: Option<String>,
    /// The user whose password this is (RFC 4616 §2: authcid).
    pub user: String,
    /// The password.
    pub password: Password,
}

impl Credentials {
    /// The common case: a user and their own password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<Vec<u8>>) -> Self {
        Self { authorize_as: None, user: user.into(), password: Password::new(password) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let shown = format!("{:?}", Credentials::new("u", "hunter2"));
        assert!(!shown.contains("hunter2") && shown.contains("\"u\""), "{shown}");
    }
}

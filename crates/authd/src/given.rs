//! Passwords in the log, where the operator has switched that on: of refused logins alone.
//!
//! By default nothing of a password is ever kept for a log line. Dovecot's
//! `auth_verbose_passwords` does the same.

use sasl::Password;
use sha1::{Digest as _, Sha1};

/// What of a refused login's password is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogPasswords {
    /// Nothing.
    #[default]
    No,
    /// Its SHA-1 in hexadecimal digits: tells one password that is tried again and again from many.
    /// It has no salt: whoever has a list of passwords finds those of the list.
    Sha1,
    /// The password itself.
    Plain,
}

impl LogPasswords {
    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "sha1" => Self::Sha1,
            "plain" => Self::Plain,
            _ => Self::No,
        }
    }

    /// Says loudly that it is on.
    pub(crate) fn warn(self) {
        if self != Self::No {
            tracing::warn!(
                log_passwords = self.word(),
                "PASSWORDS ARE LOGGED: those of refused logins, which are mostly good ones mistyped; \
                 set log_passwords = \"no\" as soon as you have seen what you need"
            );
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Sha1 => "sha1",
            Self::Plain => "plain",
        }
    }

    /// What is said of this password. Fields, not words of the message: what a client says must not
    /// look like other fields.
    pub(crate) fn of(self, password: &Password) -> Given {
        match self {
            Self::No => Given::default(),
            Self::Sha1 => {
                let digest = Sha1::digest(password.expose());
                let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                Given { sha1: Some(hex), plain: None }
            }
            Self::Plain => {
                let text = String::from_utf8_lossy(password.expose()).into_owned();
                Given { sha1: None, plain: Some(text) }
            }
        }
    }
}

/// What the line of a refusal may show; mostly nothing.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) sha1: Option<String>,
    pub(crate) plain: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let password = Password::new("abc");
        assert!(LogPasswords::No.of(&password) == Given::default());
        assert_eq!(LogPasswords::Plain.of(&password).plain.as_deref(), Some("abc"));
        // FIPS 180-1's example.
        let wanted = "a9993e364706816aba3e25717850c26c9cd0d89d";
        assert_eq!(LogPasswords::Sha1.of(&password).sha1.as_deref(), Some(wanted));
        for word in ["no", "sha1", "plain"] {
            assert_eq!(LogPasswords::from_word(word).word(), word);
        }
    }
}

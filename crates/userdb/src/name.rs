//! What becomes of a user's name before any look-up.

use crate::{Template, Values};

/// Dovecot's `auth_username_chars`: what a name may hold unless configured otherwise.
pub const DEFAULT_USERNAME_CHARS: &str =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@";

/// The rules, in the order in which they are applied.
#[derive(Debug, Clone)]
pub struct NameRules {
    /// Appended behind an `@` to names that have none; "" appends nothing.
    pub default_realm: String,
    /// The characters a name may hold; "" allows all but NUL.
    pub username_chars: String,
    /// What is looked up, of what was said: `%Lu`.
    pub username_format: Template,
}

/// A name that look-ups may be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name to look up.
    pub user: String,
    /// The name as it was said, with the realm appended.
    pub original: String,
}

/// A name that can't be any user's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A character that username_chars doesn't have.
    #[error("the name holds {0:?}, which username_chars doesn't allow")]
    Character(char),
    /// Nothing is left of it.
    #[error("the name is empty")]
    Empty,
}

impl NameRules {
    /// Applies the rules.
    ///
    /// # Errors
    /// The name can't be any user's: it is to be treated as unknown.
    pub fn apply(&self, said: &str) -> Result<Name, NameError> {
        if said.is_empty() {
            return Err(NameError::Empty);
        }
        let mut original = said.to_owned();
        if !self.default_realm.is_empty() && !original.contains('@') {
            original.push('@');
            original.push_str(&self.default_realm);
        }
        let allowed = |c: char| {
            c != '\0' && (self.username_chars.is_empty() || self.username_chars.contains(c))
        };
        if let Some(refused) = original.chars().find(|&c| !allowed(c)) {
            return Err(NameError::Character(refused));
        }
        let user = self.username_format.expand(&Values::of_user(&original));
        if user.is_empty() {
            return Err(NameError::Empty);
        }
        Ok(Name { user, original })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(realm: &str, chars: &str, format: &str) -> NameRules {
        NameRules {
            default_realm: realm.into(),
            username_chars: chars.into(),
            username_format: Template::parse(format).unwrap(),
        }
    }

    #[test]
    fn realm_then_characters_then_format() {
        let rules = rules("x.test", DEFAULT_USERNAME_CHARS, "%Lu");
        let name = rules.apply("Bob").unwrap();
        assert_eq!((name.user.as_str(), name.original.as_str()), ("bob@x.test", "Bob@x.test"));
        assert_eq!(rules.apply("a%b"), Err(NameError::Character('%')));
        assert_eq!(rules.apply("a/b"), Err(NameError::Character('/')));
        assert_eq!(rules.apply(""), Err(NameError::Empty));
    }

    #[test]
    fn nul_is_never_allowed() {
        assert!(rules("", "", "%u").apply("a\0b").is_err());
        assert!(rules("", "", "%u").apply("a/b").is_ok());
        assert_eq!(rules("", "", "%d").apply("bob"), Err(NameError::Empty));
    }
}

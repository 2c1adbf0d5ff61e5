//! Password schemes: reading a stored password, and checking one against it.
//!
//! What a check may cost is bounded by named limits: a stored hash that asks for more is an
//! error, since whoever can write one could otherwise stop the daemon. Comparisons take the same
//! time wherever the texts differ.

mod argon;
mod crypt;
mod digest;
mod make;
mod stored;

pub use argon::{MAX_ARGON2_LANES, MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_PASSES};
pub use crypt::{MAX_BCRYPT_COST, MAX_SHA_CRYPT_ROUNDS};
pub use make::{DEFAULT_ARGON2_MEMORY_KIB, DEFAULT_BCRYPT_COST, MakeError, make};
pub use stored::StoredPassword;

/// How a password is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In clear.
    Plain,
    /// Whatever crypt(3) form the text has: `$5$`, `$6$`, `$2a$`, `$2b$`, `$2y$`.
    Crypt,
    /// `$5$`.
    Sha256Crypt,
    /// `$6$`.
    Sha512Crypt,
    /// bcrypt: `$2y$` and its like.
    BlfCrypt,
    /// A bare SHA-1 digest.
    Sha1,
    /// A bare SHA-256 digest.
    Sha256,
    /// A bare SHA-512 digest.
    Sha512,
    /// SHA-1 of password and salt.
    Ssha,
    /// SHA-256 of password and salt.
    Ssha256,
    /// SHA-512 of password and salt.
    Ssha512,
    /// Argon2i in libsodium's text form.
    Argon2i,
    /// Argon2id in libsodium's text form.
    Argon2id,
}

impl Scheme {
    /// All schemes with the names they are known by; the first name is the usual one.
    const NAMES: [(Self, &'static [&'static str]); 13] = [
        (Self::Plain, &["PLAIN", "CLEAR", "CLEARTEXT"]),
        (Self::Crypt, &["CRYPT"]),
        (Self::Sha256Crypt, &["SHA256-CRYPT"]),
        (Self::Sha512Crypt, &["SHA512-CRYPT"]),
        (Self::BlfCrypt, &["BLF-CRYPT"]),
        (Self::Sha1, &["SHA", "SHA1"]),
        (Self::Sha256, &["SHA256"]),
        (Self::Sha512, &["SHA512"]),
        (Self::Ssha, &["SSHA"]),
        (Self::Ssha256, &["SSHA256"]),
        (Self::Ssha512, &["SSHA512"]),
        (Self::Argon2i, &["ARGON2I"]),
        (Self::Argon2id, &["ARGON2ID"]),
    ];

    /// All schemes.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(|(scheme, _)| scheme)
    }

    /// The scheme's usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let names = Self::NAMES.iter().find(|(scheme, _)| *scheme == self);
        names.and_then(|(_, names)| names.first()).copied().unwrap_or_default()
    }

    /// The scheme of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let known = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        Self::NAMES.iter().find(|(_, names)| known(names)).map(|(scheme, _)| *scheme)
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The password is right.
    Yes,
    /// It is wrong.
    No,
    /// No password can be right (`*`, `!`, nothing): nothing was hashed.
    Locked,
}

/// A stored password that can't be checked against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// A scheme that isn't known here.
    #[error("unknown password scheme {0}")]
    Unknown(String),
    /// A form of crypt(3) that isn't known here.
    #[error("a crypt form that isn't supported ({0}): set the password anew with `dovetail pw`")]
    UnknownCrypt(String),
    /// The text isn't one of its scheme.
    #[error("the stored password isn't valid for scheme {0}")]
    Invalid(&'static str),
    /// Checking would cost more than is allowed.
    #[error("the stored {scheme} password asks for {what}, more than the {limit} allowed here")]
    TooCostly {
        /// The scheme.
        scheme: &'static str,
        /// What it asks for.
        what: String,
        /// The limit that it passes.
        limit: u32,
    },
    /// No memory for it.
    #[error("no memory for checking the stored {0} password")]
    NoMemory(&'static str),
}

fn same(one: &[u8], other: &[u8]) -> Match {
    use subtle::ConstantTimeEq as _;
    if one.ct_eq(other).into() { Match::Yes } else { Match::No }
}

//! New stored passwords, as `dovetail pw` prints them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::Version;

use super::argon::{self, MAX_ARGON2_PASSES};
use super::crypt::{self, SHA_CRYPT_ROUNDS};
use super::{MAX_BCRYPT_COST, MAX_SHA_CRYPT_ROUNDS, Scheme, SchemeError, digest};

/// The cost of new bcrypt hashes unless told otherwise. (`doveadm pw` takes 5, of another age.)
pub const DEFAULT_BCRYPT_COST: u32 = 10;

/// The memory of new Argon2 hashes, in KiB: libsodium's "interactive" level.
pub const DEFAULT_ARGON2_MEMORY_KIB: u32 = 64 * 1024;

const DEFAULT_ARGON2_PASSES: u32 = 3;
/// SHA-crypt takes 16 letters of salt at most.
const SHA_CRYPT_SALT: usize = 16;
const DIGEST_SALT: usize = 16;
const LONG_SALT: usize = 16;
/// What bcrypt can tell apart.
const BCRYPT_LONGEST: usize = 72;

/// A stored password that can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// No protocol could carry it.
    #[error("a password can't hold NUL, and no database here could hold a line end")]
    Character,
    /// bcrypt would cut it.
    #[error(
        "bcrypt tells passwords apart by their first {BCRYPT_LONGEST} bytes only: choose a shorter one or another scheme"
    )]
    TooLong,
    /// The cost isn't one that the scheme takes, or that a check would allow.
    #[error("{scheme} takes costs from {min} to {max}")]
    Cost {
        /// The scheme.
        scheme: &'static str,
        /// The lowest cost.
        min: u32,
        /// The highest cost.
        max: u32,
    },
    /// The scheme has no cost to choose.
    #[error("{0} has no cost to choose")]
    NoCost(&'static str),
    /// The system gave no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(String),
    /// Hashing failed.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
}

/// Makes a stored password with its `{SCHEME}` in front. `cost` is rounds for SHA-crypt, the
/// logarithm of the rounds for bcrypt, passes for Argon2. [`Scheme::Crypt`] makes `$6$`.
///
/// # Errors
/// The password or the cost can't be used with this scheme.
pub fn make(scheme: Scheme, password: &[u8], cost: Option<u32>) -> Result<String, MakeError> {
    if password.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
        return Err(MakeError::Character);
    }
    let data = match scheme {
        Scheme::Plain => {
            no_cost(scheme, cost)?;
            match std::str::from_utf8(password) {
                // The passwd-file ends a field at a colon.
                Ok(text) if !text.contains(':') => text.to_owned(),
                _ => return Ok(format!("{{PLAIN.B64}}{}", STANDARD.encode(password))),
            }
        }
        Scheme::Sha256Crypt | Scheme::Sha512Crypt | Scheme::Crypt => {
            sha_crypt(scheme, password, cost)?
        }
        Scheme::BlfCrypt => blf_crypt(password, cost)?,
        Scheme::Sha1 | Scheme::Sha256 | Scheme::Sha512 => {
            no_cost(scheme, cost)?;
            STANDARD.encode(digest::hash(scheme, password, &[]))
        }
        Scheme::Ssha | Scheme::Ssha256 | Scheme::Ssha512 => {
            no_cost(scheme, cost)?;
            let salt = random::<DIGEST_SALT>()?;
            let mut raw = digest::hash(scheme, password, &salt);
            raw.extend_from_slice(&salt);
            STANDARD.encode(raw)
        }
        Scheme::Argon2i | Scheme::Argon2id => {
            let passes = within(scheme, cost, DEFAULT_ARGON2_PASSES, 1, MAX_ARGON2_PASSES)?;
            let salt = random::<LONG_SALT>()?;
            argon::format(scheme, password, &salt, DEFAULT_ARGON2_MEMORY_KIB, passes)?
        }
    };
    Ok(format!("{{{}}}{data}", scheme.name()))
}

fn sha_crypt(scheme: Scheme, password: &[u8], cost: Option<u32>) -> Result<String, MakeError> {
    let least = sha_crypt::Params::ROUNDS_MIN;
    let rounds = within(scheme, cost, SHA_CRYPT_ROUNDS, least, MAX_SHA_CRYPT_ROUNDS)?;
    let salt = random::<SHA_CRYPT_SALT>()?;
    let made = crypt::sha_make(scheme, password, &salt, rounds);
    Ok(made.ok_or(SchemeError::Invalid(scheme.name()))?)
}

fn blf_crypt(password: &[u8], cost: Option<u32>) -> Result<String, MakeError> {
    let cost = within(Scheme::BlfCrypt, cost, DEFAULT_BCRYPT_COST, 4, MAX_BCRYPT_COST)?;
    if password.len() > BCRYPT_LONGEST {
        return Err(MakeError::TooLong);
    }
    let made = bcrypt::hash_with_salt(password, cost, random::<16>()?);
    let made = made.map_err(|_| SchemeError::Invalid(Scheme::BlfCrypt.name()))?;
    Ok(made.format_for_version(Version::TwoY))
}

fn within(
    scheme: Scheme,
    cost: Option<u32>,
    usual: u32,
    min: u32,
    max: u32,
) -> Result<u32, MakeError> {
    let cost = cost.unwrap_or(usual);
    if !(min..=max).contains(&cost) {
        return Err(MakeError::Cost { scheme: scheme.name(), min, max });
    }
    Ok(cost)
}

fn no_cost(scheme: Scheme, cost: Option<u32>) -> Result<(), MakeError> {
    cost.map_or(Ok(()), |_| Err(MakeError::NoCost(scheme.name())))
}

fn random<const N: usize>() -> Result<[u8; N], MakeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| MakeError::Random(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{Match, StoredPassword};
    use super::*;

    #[test]
    fn what_is_made_can_be_checked() {
        for scheme in Scheme::all() {
            let made = make(scheme, b"s:cret", None).unwrap();
            let stored = StoredPassword::parse(&made, Scheme::Plain).unwrap();
            assert_eq!(stored.scheme(), scheme, "{made}");
            assert_eq!(stored.check(b"s:cret"), Ok(Match::Yes), "{made}");
            assert_eq!(stored.check(b"secret"), Ok(Match::No), "{made}");
            assert!(!made.contains(':'), "{made}");
            assert_ne!(made, make(scheme, b"s:cret", None).unwrap_or_default() + "x");
        }
    }

    #[test]
    fn limits() {
        let long = [b'x'; 73];
        assert_eq!(make(Scheme::BlfCrypt, &long, Some(4)), Err(MakeError::TooLong));
        let made = make(Scheme::BlfCrypt, &[b'x'; 72], Some(4)).unwrap();
        let stored = StoredPassword::parse(&made, Scheme::Plain).unwrap();
        assert_eq!(stored.check(&long), Ok(Match::Yes), "cut at 72 as crypt(3) does");
        assert!(matches!(make(Scheme::Sha512Crypt, b"x", Some(1)), Err(MakeError::Cost { .. })));
        assert!(matches!(make(Scheme::Ssha512, b"x", Some(9)), Err(MakeError::NoCost(_))));
        assert_eq!(make(Scheme::Plain, b"a\0", None), Err(MakeError::Character));
    }
}

//! Argon2 in libsodium's text form: `$argon2id$v=19$m=65536,t=3,p=1$salt$hash`.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, u32};
use nom::combinator::{all_consuming, opt};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser as _};

use super::crypt::too_costly;
use super::{Match, Scheme, SchemeError, same};

/// The most memory a check may take, in KiB: libsodium's "sensitive" level.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 1024 * 1024;

/// The most passes over the memory.
pub const MAX_ARGON2_PASSES: u32 = 32;

/// The most lanes; they run one after the other here.
pub const MAX_ARGON2_LANES: u32 = 16;

/// The longest digest that is compared, in bytes.
const MAX_DIGEST: usize = 128;

/// A parsed text.
pub(super) struct Text<'a> {
    algorithm: Algorithm,
    version: Version,
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: &'a str,
    digest: &'a str,
}

pub(super) fn check(scheme: Scheme, text: &str, password: &[u8]) -> Result<Match, SchemeError> {
    let invalid = || SchemeError::Invalid(scheme.name());
    if text.is_empty() || text.starts_with(['*', '!']) {
        return Ok(Match::Locked);
    }
    let (_, text) = all_consuming(parse).parse(text).map_err(|_| invalid())?;
    let wanted = if scheme == Scheme::Argon2i { Algorithm::Argon2i } else { Algorithm::Argon2id };
    if text.algorithm != wanted {
        return Err(invalid());
    }
    for (asked, limit, unit) in [
        (text.memory, MAX_ARGON2_MEMORY_KIB, "KiB"),
        (text.passes, MAX_ARGON2_PASSES, "passes"),
        (text.lanes, MAX_ARGON2_LANES, "lanes"),
    ] {
        if asked > limit {
            return Err(too_costly(scheme, format!("{asked} {unit}"), limit));
        }
    }
    let salt = STANDARD_NO_PAD.decode(text.salt).map_err(|_| invalid())?;
    let stored = STANDARD_NO_PAD.decode(text.digest).map_err(|_| invalid())?;
    if stored.len() > MAX_DIGEST {
        return Err(invalid());
    }
    let params = Params::new(text.memory, text.passes, text.lanes, Some(stored.len()));
    let argon = Argon2::new(text.algorithm, text.version, params.map_err(|_| invalid())?);
    let mut raw = vec![0; stored.len()];
    match argon.hash_password_into(password, &salt, &mut raw) {
        Ok(()) => Ok(same(&stored, &raw)),
        Err(argon2::Error::OutOfMemory) => Err(SchemeError::NoMemory(scheme.name())),
        Err(_) => Err(invalid()),
    }
}

/// Writes the text form of a new hash.
pub(super) fn format(
    scheme: Scheme,
    password: &[u8],
    salt: &[u8],
    memory: u32,
    passes: u32,
) -> Result<String, SchemeError> {
    let invalid = || SchemeError::Invalid(scheme.name());
    let (name, algorithm) = match scheme {
        Scheme::Argon2i => ("argon2i", Algorithm::Argon2i),
        _ => ("argon2id", Algorithm::Argon2id),
    };
    let params = Params::new(memory, passes, 1, None).map_err(|_| invalid())?;
    let argon = Argon2::new(algorithm, Version::V0x13, params);
    let mut raw = [0; Params::DEFAULT_OUTPUT_LEN];
    let no_memory = |_| SchemeError::NoMemory(scheme.name());
    argon.hash_password_into(password, salt, &mut raw).map_err(no_memory)?;
    let (salt, digest) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(raw));
    Ok(format!("${name}$v=19$m={memory},t={passes},p=1${salt}${digest}"))
}

fn parse(input: &str) -> IResult<&str, Text<'_>> {
    let algorithm = nom::branch::alt((
        tag("argon2id").map(|_| Algorithm::Argon2id),
        tag("argon2i").map(|_| Algorithm::Argon2i),
    ));
    let base64 = || take_while1(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
    let version = nom::branch::alt((
        tag("v=19").map(|_| Version::V0x13),
        tag("v=16").map(|_| Version::V0x10),
    ));
    let mut costs =
        (preceded(tag("m="), u32), preceded(tag(",t="), u32), preceded(tag(",p="), u32));
    let (input, algorithm) = delimited(char('$'), algorithm, char('$')).parse(input)?;
    // Texts from before version 1.3 of Argon2 name none.
    let (input, version) = opt((version, char('$'))).parse(input)?;
    let version = version.map_or(Version::V0x10, |(version, _)| version);
    let (input, (memory, passes, lanes)) = costs.parse(input)?;
    let (input, salt) = preceded(char('$'), base64()).parse(input)?;
    let (input, digest) = preceded(char('$'), base64()).parse(input)?;
    Ok((input, Text { algorithm, version, memory, passes, lanes, salt, digest }))
}

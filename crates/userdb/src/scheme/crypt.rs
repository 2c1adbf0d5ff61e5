//! The forms of crypt(3) that are known here: SHA-256, SHA-512 and bcrypt.

use std::str::FromStr as _;

use bcrypt::HashParts;
use nom::bytes::complete::{tag, take_till};
use nom::character::complete::{char, one_of, u32};
use nom::combinator::{all_consuming, opt};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser as _};

use super::{Match, Scheme, SchemeError, same};

/// The rounds of a SHA-crypt text that names none.
pub(super) const SHA_CRYPT_ROUNDS: u32 = 5000;

/// The most rounds of SHA-crypt that are checked; the usual number is 5000. A check of these
/// takes about three seconds.
pub const MAX_SHA_CRYPT_ROUNDS: u32 = 5_000_000;

/// The highest bcrypt cost that is checked; each step doubles the time, and this one takes about
/// four seconds.
pub const MAX_BCRYPT_COST: u32 = 16;

/// Checks against a crypt text; its own marks say which form it is.
pub(super) fn check(scheme: Scheme, text: &str, password: &[u8]) -> Result<Match, SchemeError> {
    // An account without a password, or one that was locked by the customary marks.
    if text.is_empty() || text == "x" || text.starts_with(['*', '!']) {
        return Ok(Match::Locked);
    }
    let form = text.strip_prefix('$').and_then(|text| text.split('$').next());
    match (scheme, form) {
        (Scheme::Crypt | Scheme::Sha256Crypt, Some("5")) => {
            sha_crypt(Scheme::Sha256Crypt, text, password)
        }
        (Scheme::Crypt | Scheme::Sha512Crypt, Some("6")) => {
            sha_crypt(Scheme::Sha512Crypt, text, password)
        }
        (Scheme::Crypt | Scheme::BlfCrypt, Some("2a" | "2b" | "2y")) => bcrypt(text, password),
        (Scheme::Crypt, Some(other)) if other.len() <= 8 => {
            Err(SchemeError::UnknownCrypt(format!("${other}$")))
        }
        (Scheme::Crypt, _) => Err(SchemeError::UnknownCrypt("DES or none".into())),
        _ => Err(SchemeError::Invalid(scheme.name())),
    }
}

fn sha_crypt(scheme: Scheme, text: &str, password: &[u8]) -> Result<Match, SchemeError> {
    let invalid = || SchemeError::Invalid(scheme.name());
    let (_, (rounds, salt, digest)) = sha_text(text).map_err(|_| invalid())?;
    if let Some(rounds) = rounds.filter(|&rounds| rounds > MAX_SHA_CRYPT_ROUNDS) {
        return Err(too_costly(scheme, format!("{rounds} rounds"), MAX_SHA_CRYPT_ROUNDS));
    }
    let made = sha_digest(scheme, password, salt, rounds.unwrap_or(SHA_CRYPT_ROUNDS));
    let made = made.ok_or_else(invalid)?;
    if digest.len() != made.len() {
        return Err(invalid());
    }
    Ok(same(digest.as_bytes(), made.as_bytes()))
}

/// `$6$[rounds=N$]salt$digest`.
fn sha_text(input: &str) -> IResult<&str, (Option<u32>, &str, &str)> {
    let head = (char('$'), one_of("56"), char('$'));
    let rounds = opt(delimited(tag("rounds="), u32, char('$')));
    let part = || take_till(|c| c == '$');
    let mut text = all_consuming((preceded(head, rounds), terminated(part(), char('$')), part()));
    text.parse(input)
}

/// The digest in crypt(3)'s letters; `None` if the rounds are too few.
fn sha_digest(scheme: Scheme, password: &[u8], salt: &str, rounds: u32) -> Option<String> {
    let params = sha_crypt::Params::new(rounds).ok()?;
    let salt = salt.as_bytes();
    Some(match scheme {
        Scheme::Sha256Crypt => {
            letters(&sha_crypt::sha256_crypt(password, salt, params), [0, 10, 20], [2, 0, 1])
        }
        _ => letters(&sha_crypt::sha512_crypt(password, salt, params), [0, 21, 42], [1, 2, 0]),
    })
}

/// A new text of the form.
pub(super) fn sha_make(
    scheme: Scheme,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Option<String> {
    let form = if scheme == Scheme::Sha256Crypt { '5' } else { '6' };
    let salt: String = salt.iter().map(|byte| letter(u32::from(*byte))).collect();
    let digest = sha_digest(scheme, password, &salt, rounds)?;
    Some(format!("${form}$rounds={rounds}${salt}${digest}"))
}

/// crypt(3) takes a digest's bytes three at a time, each three chosen from the three before: one
/// further in the order `turn`; what is left over at the end stands alone.
fn letters(digest: &[u8], mut three: [usize; 3], turn: [usize; 3]) -> String {
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let mut out = String::new();
    for _ in 0..digest.len() / 3 {
        let group = three.iter().fold(0, |group, &at| group << 8 | byte(at));
        push(&mut out, group, 4);
        three = turn.map(|from| three.get(from).copied().unwrap_or_default() + 1);
    }
    match digest.len() % 3 {
        1 => push(&mut out, byte(digest.len() - 1), 2),
        2 => push(&mut out, byte(digest.len() - 1) << 8 | byte(digest.len() - 2), 3),
        _ => {}
    }
    out
}

fn push(out: &mut String, mut group: u32, count: usize) {
    for _ in 0..count {
        out.push(letter(group));
        group >>= 6;
    }
}

/// The letter for the lowest six bits.
fn letter(bits: u32) -> char {
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let at = usize::try_from(bits & 0x3f).unwrap_or_default();
    char::from(LETTERS.get(at).copied().unwrap_or(b'.'))
}

/// A password of more than 72 bytes is cut there, as crypt(3) does: hashes that others made must
/// go on working. Making new ones refuses such passwords.
fn bcrypt(text: &str, password: &[u8]) -> Result<Match, SchemeError> {
    let invalid = || SchemeError::Invalid(Scheme::BlfCrypt.name());
    let cost = HashParts::from_str(text).map_err(|_| invalid())?.get_cost();
    if cost > MAX_BCRYPT_COST {
        return Err(too_costly(Scheme::BlfCrypt, format!("cost {cost}"), MAX_BCRYPT_COST));
    }
    match bcrypt::verify(password, text).map_err(|_| invalid())? {
        true => Ok(Match::Yes),
        false => Ok(Match::No),
    }
}

pub(super) const fn too_costly(scheme: Scheme, what: String, limit: u32) -> SchemeError {
    let scheme = match scheme {
        Scheme::Sha256Crypt => "SHA256-CRYPT",
        Scheme::Sha512Crypt => "SHA512-CRYPT",
        Scheme::BlfCrypt => "BLF-CRYPT",
        _ => "ARGON2",
    };
    SchemeError::TooCostly { scheme, what, limit }
}

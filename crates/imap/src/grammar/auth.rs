//! LOGIN, AUTHENTICATE, ID, ENABLE (RFC 3501 §6.2, RFC 4959, RFC 2971, RFC 5161).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nom::Parser as _;
use nom::combinator::opt;
use nom::multi::many;
use nom::sequence::preceded;

use super::error::{In, Parsed, Problem, or_because};
use super::strings::{astring, atom, list, nstring, sp, string};
use crate::command::{Command, Secret};

/// RFC 2971 §3.3: "MUST NOT send more than 30 field-value pairs".
const MAX_ID_PAIRS: usize = 30;
/// A limit of ours: names in one ENABLE.
const MAX_ENABLE: usize = 64;

/// ```abnf
/// login = "LOGIN" SP userid SP password
/// ```
pub(super) fn login(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, user) = preceded(sp, astring).parse(input)?;
    let (rest, password) = preceded(sp, astring).parse(rest)?;
    Ok((rest, Command::Login { user, password: Secret::new(password) }))
}

/// ```abnf
/// authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")] *(CRLF base64)
/// ```
/// The initial response by RFC 4959 §7; what follows comes as lines of its own.
pub(super) fn authenticate(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, mechanism) = preceded(sp, astring).parse(input)?;
    let Ok(mechanism) = String::from_utf8(mechanism.to_ascii_uppercase()) else {
        return In::other();
    };
    let (rest, initial) = opt(preceded(sp, atom)).parse(rest)?;
    let initial = match initial {
        None => None,
        Some(b"=") => Some(Vec::new()),
        Some(text) => match STANDARD.decode(text) {
            Ok(octets) => Some(octets),
            Err(_) => return In::fail_with(Problem::InitialResponse),
        },
    };
    Ok((rest, Command::Authenticate { mechanism, initial: initial.map(Secret::new) }))
}

/// What a line during AUTHENTICATE says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaslResponse {
    /// Decoded.
    Octets(Secret),
    /// `*`: the client gives up (RFC 3501 §6.2.2).
    Cancelled,
    /// Not base64: BAD.
    Invalid,
}

/// Reads a line during AUTHENTICATE, without its end.
///
/// ```abnf
/// base64 = *(4base64-char) [base64-terminal]
/// ```
#[must_use]
pub fn sasl_response(line: &[u8]) -> SaslResponse {
    if line == b"*" {
        return SaslResponse::Cancelled;
    }
    match STANDARD.decode(line) {
        Ok(octets) => SaslResponse::Octets(Secret::new(octets)),
        Err(_) => SaslResponse::Invalid,
    }
}

/// ```abnf
/// id             = "ID" SP id-params-list
/// id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil
/// ```
pub(super) fn id(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, ()) = sp(input)?;
    if let Ok((rest, None)) = nstring(rest) {
        return Ok((rest, Command::Id(Vec::new())));
    }
    let pair = |input| {
        let (rest, name) = string(input)?;
        let (rest, value) = preceded(sp, nstring).parse(rest)?;
        Ok((rest, (name, value)))
    };
    let (rest, pairs) = list(rest, MAX_ID_PAIRS, pair)?;
    Ok((rest, Command::Id(pairs)))
}

/// ```abnf
/// enable = "ENABLE" 1*(SP capability)
/// ```
pub(super) fn enable(input: &[u8]) -> Parsed<'_, Command> {
    let capability =
        preceded(sp, atom.map(|name| String::from_utf8_lossy(name).to_ascii_uppercase()));
    let (rest, names) =
        or_because(many(1..=MAX_ENABLE, capability).parse(input), "Invalid arguments")?;
    Ok((rest, Command::Enable(names)))
}

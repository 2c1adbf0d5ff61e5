//! Parameters of Content-Type and Content-Disposition (RFC 2045 §5.1), and RFC 2231's pieces.
//!
//! Pieces are joined but not decoded: `name*0*=utf-8''a; name*1*=b` is one parameter `name*`, as
//! Dovecot shows it in BODYSTRUCTURE.

use nom::Parser;
use nom::bytes::complete::{tag, take_till, take_while1};
use nom::combinator::{map, peek};
use nom::sequence::preceded;

use crate::token::{Parsed, cfws, is_white, quoted_string, token};

/// A limit of ours: parameters of one field. The rest is left out.
pub const MAX_PARAMS: usize = 200;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// As written; ends in `*` if the value is encoded by RFC 2231.
    pub name: Vec<u8>,
    /// Quotes taken off, pieces joined.
    pub value: Vec<u8>,
}

/// The value of the first parameter so named, in any case.
pub(crate) fn find<'a>(params: &'a [Param], name: &str) -> Option<&'a [u8]> {
    let named = |param: &&Param| param.name.eq_ignore_ascii_case(name.as_bytes());
    params.iter().find(named).map(|param| param.value.as_slice())
}

/// Reads `; name=value; …`, skipping what stands between a value and the next semicolon, up to the
/// first thing that is no parameter.
pub(crate) fn parse(input: &[u8]) -> Vec<Param> {
    let mut params = Vec::new();
    let mut rest = input;
    while params.len() < MAX_PARAMS {
        let semicolon = take_till::<_, _, nom::error::Error<&[u8]>>(|b| b == b';').parse(rest);
        let Ok((at, _)) = semicolon else { break };
        let Some(after) = at.strip_prefix(b";") else { break };
        match parameter(after) {
            Ok((behind, (name, value))) => {
                rest = behind;
                // `a@b=c` has no value behind its name; what follows may still be good.
                if let Some(value) = value {
                    params.push(Param { name, value });
                }
            }
            Err(_) => break,
        }
    }
    join_pieces(params)
}

fn parameter(input: &[u8]) -> Parsed<'_, (Vec<u8>, Option<Vec<u8>>)> {
    let (rest, (_, name, _)) = (cfws, token, cfws).parse(input)?;
    let value = (tag("="), cfws, value).parse(rest);
    match value {
        Ok((rest, (_, _, value))) => Ok((rest, (name.to_vec(), Some(value)))),
        Err(_) if rest.contains(&b';') => Ok((rest, (name.to_vec(), None))),
        Err(error) => Err(error),
    }
}

fn value(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    if input.first() == Some(&b'"') {
        return quoted_string(input);
    }
    // Unquoted RFC 2047 words are common, against its §5.
    let word = preceded(peek(tag("=?")), take_while1(|b| !is_white(b) && b != b';'));
    let mut found = map(nom::branch::alt((word, token)), <[u8]>::to_vec);
    // `charset=` is an empty value.
    found.parse(input).or(Ok((input, Vec::new())))
}

/// What a name says by RFC 2231 §3: its base, the piece's number, and whether it is encoded.
fn piece(name: &[u8]) -> Option<(&[u8], u32, bool)> {
    let (name, encoded) = match name.strip_suffix(b"*") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let star = memchr::memchr(b'*', name)?;
    let digits = std::str::from_utf8(name.get(star + 1..)?).ok()?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((name.get(..star)?, digits.parse().ok()?, encoded))
}

/// Joined parameters stand behind the plain ones. Pieces of which one is missing stay as they are.
fn join_pieces(params: Vec<Param>) -> Vec<Param> {
    let (pieces, mut plain): (Vec<_>, Vec<_>) =
        params.into_iter().partition(|param| piece(&param.name).is_some());
    let mut bases: Vec<Vec<u8>> = Vec::new();
    for param in &pieces {
        let Some((base, ..)) = piece(&param.name) else { continue };
        if !bases.iter().any(|known| known.eq_ignore_ascii_case(base)) {
            bases.push(base.to_vec());
        }
    }
    bases.sort();
    for base in bases {
        plain.extend(joined(&base, &pieces));
    }
    plain
}

fn joined(base: &[u8], pieces: &[Param]) -> Vec<Param> {
    let mut mine: Vec<(u32, bool, &Param)> = pieces
        .iter()
        .filter_map(|param| piece(&param.name).map(|found| (found, param)))
        .filter(|((name, ..), _)| name.eq_ignore_ascii_case(base))
        .map(|((_, number, encoded), param)| (number, encoded, param))
        .collect();
    mine.sort_by_key(|&(number, ..)| number);
    let complete = mine.iter().zip(0_u32..).all(|(&(number, ..), place)| number == place);
    if !complete {
        return mine.into_iter().map(|(_, _, param)| param.clone()).collect();
    }
    let mut whole = Param { name: base.to_vec(), value: Vec::new() };
    if mine.iter().any(|&(_, encoded, _)| encoded) {
        whole.name.push(b'*');
    }
    for (_, _, param) in mine {
        whole.value.extend_from_slice(&param.value);
    }
    vec![whole]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let one = |p: &Param| {
            format!("{}={}", String::from_utf8_lossy(&p.name), String::from_utf8_lossy(&p.value))
        };
        parse(text.as_bytes()).iter().map(one).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn parameters() {
        for (text, expected) in [
            ("; A=b; a=\"c\\\"d\"", "A=b|a=c\"d"),
            ("; charset=(c)us-ascii(d)", "charset=us-ascii"),
            ("; charset=", "charset="),
            ("; charset=a/b; n==?us?= ", "charset=a|n==?us?="),
            ("; a=\"b\" x; c=d", "a=b|c=d"),
            ("; a=\"unclosed", ""),
            (";;a=b", ""),
            ("; charset=utf-8; bad; k=v", "charset=utf-8|k=v"),
            ("; x=1; foo*=utf-8''%C3; bar*0=x; bar*1=y", "x=1|foo*=utf-8''%C3|bar=xy"),
            ("; f*1=b; f*0=a", "f=ab"),
            ("; f*0*=utf-8''a; f*1*=b; f*2=c", "f*=utf-8''abc"),
            ("; f*0=a; f*2=c; k=1", "k=1|f*0=a|f*2=c"),
            ("; f*x=a", "f*x=a"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[;a=*01\"\\\\ ()'%]{0,40}") {
            prop_assert!(parse(text.as_bytes()).len() <= MAX_PARAMS);
        }
    }
}

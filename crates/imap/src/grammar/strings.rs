//! Atoms, strings and lists (RFC 3501 §4, §9).

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take, take_while1};
use nom::character::complete::char;
use nom::combinator::opt;
use nom::sequence::terminated;

use super::chars::is_argument_char;
use super::error::{In, Parsed};

/// `SP`, one or more.
pub(super) fn sp(input: &[u8]) -> Parsed<'_, ()> {
    take_while1(|b| b == b' ').map(|_| ()).parse(input)
}

/// `*SP`
pub(super) fn blanks(input: &[u8]) -> Parsed<'_, ()> {
    opt(sp).map(|_| ()).parse(input)
}

/// ```abnf
/// atom = 1*ATOM-CHAR
/// ```
/// and what Dovecot takes in its place; see [`is_argument_char`].
pub(super) fn atom(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, atom) = take_while1(is_argument_char)(input)?;
    match rest.first() {
        Some(0x80..) => In::fail("8bit data in atom"),
        Some(b'"' | b'{' | 0..=31 | 127) => In::fail("Invalid characters in atom"),
        _ => Ok((rest, atom)),
    }
}

/// ```abnf
/// astring = 1*ASTRING-CHAR / string
/// ```
pub(super) fn astring(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    match input.first() {
        Some(b'"' | b'{') => string(input),
        Some(0x80..) => In::fail("8bit data in atom"),
        _ => atom.map(<[u8]>::to_vec).parse(input),
    }
}

/// ```abnf
/// string = quoted / literal
/// ```
pub(super) fn string(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    alt((quoted, literal)).parse(input)
}

/// ```abnf
/// nstring = string / nil
/// ```
pub(super) fn nstring(input: &[u8]) -> Parsed<'_, Option<Vec<u8>>> {
    match string(input) {
        Ok((rest, octets)) => Ok((rest, Some(octets))),
        Err(nom::Err::Error(_)) => match atom(input)? {
            (rest, word) if word.eq_ignore_ascii_case(b"NIL") => Ok((rest, None)),
            _ => In::other(),
        },
        Err(failure) => Err(failure),
    }
}

/// ```abnf
/// quoted      = DQUOTE *QUOTED-CHAR DQUOTE
/// QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
/// ```
/// 8-bit octets and any character behind `\` are taken, as Dovecot does.
fn quoted(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    let (mut rest, _) = char('"')(input)?;
    let mut octets = Vec::new();
    loop {
        let (&octet, tail) = match rest.split_first() {
            Some((b'"', tail)) => return Ok((tail, octets)),
            Some((b'\\', tail)) => tail.split_first().unwrap_or((&b'\r', tail)),
            Some(pair) => pair,
            None => return In::fail("Missing '\"'"),
        };
        match octet {
            0 => return In::fail("NULs not allowed in strings"),
            b'\r' | b'\n' => return In::fail("Missing '\"'"),
            _ => octets.push(octet),
        }
        rest = tail;
    }
}

/// ```abnf
/// literal = "{" number ["+"] "}" CRLF *CHAR8
/// ```
/// `+` by RFC 7888 §8.
fn literal(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    let (rest, _) = char('{')(input)?;
    let announced = terminated(super::numbers::number, (opt(char('+')), tag(&b"}\r\n"[..])));
    let Ok((rest, length)) = ({ announced }).parse(rest) else {
        return In::fail("Invalid literal size");
    };
    let (rest, octets) = take(length)(rest)?;
    if octets.contains(&0) {
        return In::fail("NULs not allowed in strings");
    }
    Ok((rest, octets.to_vec()))
}

/// A word in any case, with an end to it.
pub(super) fn keyword<'a>(word: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, ()> {
    move |input| {
        let (rest, _) = tag_no_case(word)(input)?;
        match rest.first() {
            Some(&next) if is_argument_char(next) => In::other(),
            _ => Ok((rest, ())),
        }
    }
}

/// `"(" [item *(SP item)] ")"`, at most `most` items, blanks allowed inside.
pub(super) fn list<'a, T>(
    input: &'a [u8],
    most: usize,
    mut item: impl FnMut(&'a [u8]) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (rest, _) = char('(')(input)?;
    let (mut rest, ()) = blanks(rest)?;
    let mut items = Vec::new();
    loop {
        if let Some(rest) = rest.strip_prefix(b")") {
            return Ok((rest, items));
        }
        if rest.is_empty() {
            return In::fail("Missing ')'");
        }
        if items.len() == most {
            return In::fail("Too many items in list");
        }
        let (after, value) = item(rest)?;
        items.push(value);
        let (after, ()) = match after.first() {
            Some(b' ' | b')') | None => blanks(after)?,
            Some(_) => return In::fail("Invalid arguments"),
        };
        rest = after;
    }
}

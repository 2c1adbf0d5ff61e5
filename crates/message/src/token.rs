//! The small pieces of structured header fields: white space and comments, atoms, quoted strings,
//! MIME tokens (RFC 5322 §3.2, RFC 2045 §5.1). As tolerant as mail is: 8-bit octets are letters.

use nom::branch::alt;
use nom::bytes::complete::{take, take_while, take_while1};
use nom::character::complete::char;
use nom::error::{Error, ErrorKind};
use nom::{Err, IResult, Parser};

pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T>;

/// A limit of ours: comments nested deeper than this are no comments.
const MAX_COMMENT_DEPTH: u32 = 32;

pub(crate) const fn is_atext(octet: u8) -> bool {
    octet >= 0x80 || (octet.is_ascii_graphic() && !is_special(octet))
}

/// RFC 5322 §3.2.3's `specials`.
const fn is_special(octet: u8) -> bool {
    matches!(
        octet,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'.' | b'"'
    )
}

/// RFC 2045 §5.1: `token := 1*<any (US-ASCII) CHAR except SPACE, CTLs, or tspecials>`
pub(crate) const fn is_token_char(octet: u8) -> bool {
    octet >= 0x80
        || octet == b'.'
        || (octet.is_ascii_graphic() && !is_special(octet) && !matches!(octet, b'/' | b'?' | b'='))
}

pub(crate) fn is_white(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

pub(crate) fn atom(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(is_atext).parse(input)
}

pub(crate) fn token(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(is_token_char).parse(input)
}

fn failed<T>(input: &[u8], kind: ErrorKind) -> Parsed<'_, T> {
    Err(Err::Error(Error::new(input, kind)))
}

/// `(…)`, comments in it too; gives what is inside, quoted pairs resolved.
pub(crate) fn comment(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    let (mut rest, _) = char('(').parse(input)?;
    let mut text = Vec::new();
    let mut depth = 1_u32;
    loop {
        let (after, octet) = take(1_usize).parse(rest)?;
        rest = after;
        match octet {
            b"(" => depth += 1,
            b")" => depth -= 1,
            b"\\" => {
                let (after, octet) = take(1_usize).parse(rest)?;
                rest = after;
                text.extend_from_slice(octet);
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            return Ok((rest, text));
        }
        if depth > MAX_COMMENT_DEPTH {
            return failed(input, ErrorKind::TooLarge);
        }
        text.extend_from_slice(octet);
    }
}

/// White space and comments; gives the last comment.
pub(crate) fn cfws(input: &[u8]) -> Parsed<'_, Option<Vec<u8>>> {
    let mut last = None;
    let mut rest = input;
    loop {
        (rest, _) = take_while(is_white).parse(rest)?;
        match comment(rest) {
            Ok((after, text)) => {
                last = Some(text);
                rest = after;
            }
            Err(_) => return Ok((rest, last)),
        }
    }
}

/// `"…"` with quoted pairs resolved. Unclosed, it is an error.
pub(crate) fn quoted_string(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    let (mut rest, _) = char('"').parse(input)?;
    let mut text = Vec::new();
    loop {
        let (after, piece) = take_while(|b| b != b'"' && b != b'\\').parse(rest)?;
        text.extend_from_slice(piece);
        let (after, octet) = take(1_usize).parse(after)?;
        rest = after;
        if octet == b"\"" {
            return Ok((rest, text));
        }
        let (after, octet) = take(1_usize).parse(rest)?;
        text.extend_from_slice(octet);
        rest = after;
    }
}

/// `[192.0.2.1]`, brackets kept.
fn domain_literal(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    let (rest, (_, inside, _)) =
        (char('['), take_while(|b| b != b']' && b != b'['), char(']')).parse(input)?;
    let mut text = vec![b'['];
    text.extend(inside.iter().filter(|&&b| !is_white(b)));
    text.push(b']');
    Ok((rest, text))
}

/// `a.b.c` with comments and blanks between (RFC 5322 §4.4, `obs-domain`), or a domain literal.
pub(crate) fn domain(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    alt((domain_literal, |input| dotted(input, false))).parse(input)
}

/// `a.b`, `"a b"`, and mixtures (RFC 5322 §4.4, `obs-local-part`).
pub(crate) fn local_part(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    dotted(input, true)
}

/// Words joined by dots. White space or a comment may stand around a dot but not elsewhere, so that
/// what follows blanks without a dot is left. Empty words (`a..b`) are tolerated.
fn dotted(input: &[u8], quoted: bool) -> Parsed<'_, Vec<u8>> {
    let mut text = Vec::new();
    let mut rest = input;
    loop {
        let (mut after, ()) = word_into(rest, quoted, &mut text)?;
        while let Ok((behind, ())) = dot(after) {
            text.push(b'.');
            after = behind;
        }
        rest = after;
        if text.last() != Some(&b'.') {
            return Ok((rest, text));
        }
        if word_into(rest, quoted, &mut Vec::new()).is_err() {
            return Ok((rest, text)); // `a@b.`
        }
    }
}

fn dot(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = (cfws, char('.'), cfws).parse(input)?;
    Ok((rest, ()))
}

fn word_into<'a>(input: &'a [u8], quoted: bool, text: &mut Vec<u8>) -> Parsed<'a, ()> {
    match atom(input) {
        Ok((rest, word)) => {
            text.extend_from_slice(word);
            Ok((rest, ()))
        }
        Err(error) if !quoted => Err(error),
        Err(_) => {
            let (rest, word) = quoted_string(input)?;
            text.extend(word);
            Ok((rest, ()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces() {
        assert_eq!(comment(b"(a (b) \\) c)d"), Ok((&b"d"[..], b"a (b) ) c".to_vec())));
        assert_eq!(quoted_string(b"\"a\\\"b\"c"), Ok((&b"c"[..], b"a\"b".to_vec())));
        assert_eq!(local_part(b"a . b @"), Ok((&b" @"[..], b"a.b".to_vec())));
        assert_eq!(local_part(b"\"a b\".c@"), Ok((&b"@"[..], b"a b.c".to_vec())));
        assert_eq!(domain(b"[1.2.3.4] x"), Ok((&b" x"[..], b"[1.2.3.4]".to_vec())));
        assert_eq!(domain(b"b."), Ok((&b""[..], b"b.".to_vec())));
        assert!(quoted_string(b"\"a").is_err() && comment(b"(a").is_err());
        assert!(comment("(".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a.@()\\\\\"\\[\\] ]{0,24}") {
            let text = text.as_bytes();
            let _ = (cfws(text), local_part(text), domain(text), quoted_string(text));
        }
    }
}

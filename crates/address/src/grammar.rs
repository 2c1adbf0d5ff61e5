//! RFC 5321 §4.1.2's grammar for paths, with RFC 6531 §3.3's widening to UTF-8.

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, satisfy};
use nom::combinator::{map, opt, recognize, verify};
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// RFC 5322 §3.2.3 `atext`, and any UTF-8 beyond ASCII (RFC 6531 §3.3).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && !c.is_control())
}

/// `Dot-string`: what needs no quotes.
pub(crate) fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// `Domain`, with U-labels. Underscores are let through, as Postfix and Dovecot do.
pub(crate) fn is_domain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && is_short(label)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || matches!(c, '-' | '_')
                || (!c.is_ascii() && c.is_alphanumeric())
                || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
        })
}

/// RFC 1035 §2.3.4: 63 octets; a U-label may have more of them than its A-label.
fn is_short(label: &str) -> bool {
    label.len() <= if label.is_ascii() { 63 } else { 63 * 4 }
}

/// `address-literal` without the general form: nobody has registered one.
pub(crate) fn is_address_literal(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) else {
        return false;
    };
    match inner.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("IPv6:") => {
            inner.get(5..).is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok())
        }
        _ => inner.parse::<Ipv4Addr>().is_ok(),
    }
}

/// The local part as it stands on the wire, its quotes taken off.
pub(crate) fn local_part(input: &str) -> IResult<&str, String> {
    alt((quoted_string, map(dot_string, str::to_owned))).parse(input)
}

fn dot_string(input: &str) -> IResult<&str, &str> {
    recognize(separated_list1(char('.'), take_while1(is_atext))).parse(input)
}

fn quoted_string(input: &str) -> IResult<&str, String> {
    let plain = satisfy(|c| c != '"' && c != '\\' && !c.is_control());
    let pair = preceded(char('\\'), satisfy(|c| !c.is_control()));
    let text = map(many0(alt((pair, plain))), |chars| chars.into_iter().collect());
    delimited(char('"'), text, char('"')).parse(input)
}

/// The domain or literal, as text that [`crate::Domain::parse`] checks once more.
pub(crate) fn domain(input: &str) -> IResult<&str, &str> {
    let literal = recognize((char('['), take_while1(|c| c != ']' && c != '>'), char(']')));
    let name = take_while1(|c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || !c.is_ascii()
    });
    alt((verify(literal, is_address_literal), verify(name, is_domain))).parse(input)
}

/// `A-d-l ":"`, which RFC 5321 §4.1.2 asks to accept and ignore.
fn source_route(input: &str) -> IResult<&str, ()> {
    let hop = preceded(char('@'), domain);
    map(terminated(separated_list1(char(','), hop), char(':')), |_| ()).parse(input)
}

/// What stands between the angle brackets: local part and perhaps a domain.
pub(crate) fn mailbox(input: &str) -> IResult<&str, (String, Option<&str>)> {
    preceded(opt(source_route), (local_part, opt(preceded(char('@'), domain)))).parse(input)
}

/// `"<" [ A-d-l ":" ] Mailbox ">"`, or `<>` as `None`.
pub(crate) fn path(input: &str) -> IResult<&str, Option<(String, Option<&str>)>> {
    alt((map(tag("<>"), |_| None), map(delimited(char('<'), mailbox, char('>')), Some)))
        .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_63_octets_at_most() {
        assert!(is_domain(&format!("{}.test", "a".repeat(63))));
        assert!(!is_domain(&format!("{}.test", "a".repeat(64))));
        assert!(is_domain(&format!("{}.test", "ü".repeat(50))));
    }
}

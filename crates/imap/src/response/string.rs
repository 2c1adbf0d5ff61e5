//! Strings, each in the form that its octets allow (RFC 3501 §4.3).

use crate::grammar::{is_atom_char, is_quoted_special};

/// A limit of ours: what is longer goes as a literal, as clients' line buffers are small.
const MAX_QUOTED_OCTETS: usize = 1024;

/// `NIL`, or a string as [`put_string`] writes it.
pub fn put_nstring(out: &mut Vec<u8>, octets: Option<&[u8]>) {
    match octets {
        Some(octets) => put_string(out, octets),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Quoted, with `"` and `\` escaped; a literal if there are 8-bit or control octets, or many. NUL,
/// which no string can hold, is left out.
pub fn put_string(out: &mut Vec<u8>, octets: &[u8]) {
    let plain = |&b: &u8| b != 0 && b < 0x80 && b != b'\r' && b != b'\n';
    if octets.len() <= MAX_QUOTED_OCTETS && octets.iter().all(plain) {
        quote(out, octets.iter().copied());
    } else {
        literal(out, octets);
    }
}

/// As [`put_nstring`], but `"` and `\` make it a literal: Dovecot's choice in envelopes, whose
/// clients don't all know about escapes.
pub(crate) fn put_unescaped_nstring(out: &mut Vec<u8>, octets: Option<&[u8]>) {
    match octets {
        Some(octets) if octets.iter().any(|&b| is_quoted_special(b)) => literal(out, octets),
        other => put_nstring(out, other),
    }
}

/// An atom where that is possible, else a string. `NIL` in any case is quoted, lest it be taken for
/// nothing.
pub fn put_astring(out: &mut Vec<u8>, octets: &[u8]) {
    let atom = !octets.is_empty() && octets.iter().all(|&b| is_atom_char(b));
    if atom && !octets.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(octets);
    } else {
        put_string(out, octets);
    }
}

/// Quoted in any case: for texts of our own. What a quoted string can't hold becomes `?`.
pub fn put_quoted(out: &mut Vec<u8>, text: &str) {
    quote(out, harmless(text));
}

/// The octets of `text` with control and 8-bit characters shown as `?`: a line of `TEXT-CHAR`s.
pub(crate) fn harmless(text: &str) -> impl Iterator<Item = u8> {
    text.chars().map(|c| if matches!(c, ' '..='~') { c as u8 } else { b'?' })
}

fn quote(out: &mut Vec<u8>, octets: impl Iterator<Item = u8>) {
    out.push(b'"');
    for octet in octets {
        if is_quoted_special(octet) {
            out.push(b'\\');
        }
        out.push(octet);
    }
    out.push(b'"');
}

fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    let nuls = octets.iter().filter(|&&b| b == 0).count(); // CHAR8 has no NUL (RFC 3501 §9)
    put_literal_head(out, (octets.len() - nuls) as u64);
    out.extend(octets.iter().filter(|&&b| b != 0));
}

/// `{n}` and the line's end; n octets must follow.
pub(crate) fn put_literal_head(out: &mut Vec<u8>, octets: u64) {
    out.push(b'{');
    put_number(out, octets);
    out.extend_from_slice(b"}\r\n");
}

pub(crate) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// `(a b c)`, each written by `put`.
pub(crate) fn put_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'(');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        put(out, item);
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn astring(octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_astring(&mut out, octets);
        out
    }

    #[test]
    fn each_in_its_form() {
        assert_eq!(astring(b"INBOX"), b"INBOX");
        assert_eq!(astring(b"nil"), b"\"nil\"");
        assert_eq!(astring(b""), b"\"\"");
        assert_eq!(astring(b"a b\"\\"), b"\"a b\\\"\\\\\"");
        assert_eq!(astring(b"a\r\nb"), b"{4}\r\na\r\nb");
        assert_eq!(astring(b"\xc3\xa9\0x"), b"{3}\r\n\xc3\xa9x");
        assert!(astring(&[b' '; 2000]).starts_with(b"{2000}\r\n"));
    }

    #[test]
    fn our_own_texts_stay_on_their_line() {
        let mut out = Vec::new();
        put_quoted(&mut out, "a\r\nb \"é\"");
        assert_eq!(out, b"\"a??b \\\"?\\\"\"");
    }
}

//! The protocol's byte escapes: 0x01 and a letter stand for the five bytes that frame a line.
//!
//! A line is split at TAB first and un-escaped after, so an escaped TAB never splits a field.

use std::borrow::Cow;

const ESCAPE: u8 = 0x01;

/// Appends `value` with NUL, 0x01, TAB, CR and LF escaped.
pub fn escape_into(out: &mut Vec<u8>, value: &[u8]) {
    for &byte in value {
        match letter(byte) {
            Some(letter) => out.extend_from_slice(&[ESCAPE, letter]),
            None => out.push(byte),
        }
    }
}

/// Undoes [`escape_into`]. An escape before any other byte gives that byte; a lone escape at the
/// end is dropped.
#[must_use]
pub fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(ESCAPE, field).is_none() {
        return Cow::Borrowed(field);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != ESCAPE {
            out.push(byte);
        } else if let Some(letter) = bytes.next() {
            out.push(byte_of(letter));
        }
    }
    Cow::Owned(out)
}

const fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        0 => b'0',
        ESCAPE => b'1',
        b'\t' => b't',
        b'\r' => b'r',
        b'\n' => b'n',
        _ => return None,
    })
}

const fn byte_of(letter: u8) -> u8 {
    match letter {
        b'0' => 0,
        b'1' => ESCAPE,
        b't' => b'\t',
        b'r' => b'\r',
        b'n' => b'\n',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_five_bytes() {
        let mut out = Vec::new();
        escape_into(&mut out, b"a\0\x01\t\r\nb");
        assert_eq!(out, b"a\x010\x011\x01t\x01r\x01nb");
        assert_eq!(&*unescape(b"\x01x"), b"x");
        assert_eq!(&*unescape(b"x\x01"), b"x");
    }

    proptest! {
        #[test]
        fn round_trip(value: Vec<u8>) {
            let mut out = Vec::new();
            escape_into(&mut out, &value);
            prop_assert!(!out.iter().any(|b| matches!(b, 0 | b'\t' | b'\r' | b'\n')));
            prop_assert_eq!(&*unescape(&out), &value[..]);
        }

        #[test]
        fn never_panics(value: Vec<u8>) {
            let _ = unescape(&value);
        }
    }
}

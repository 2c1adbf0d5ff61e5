//! Modified UTF-7 (RFC 3501 §5.1.3): how IMAP4rev1 and Maildir++ folders write mailbox names.
//!
//! Works on one part or a whole name; separators are printable ASCII and pass unchanged. Decoding
//! is strict, so that one name has one spelling and two folders can't show as the same mailbox.

use std::fmt::Write as _;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// The text is not modified UTF-7, or not in its one right form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid modified UTF-7")]
pub struct Utf7Error;

/// Writes `text` in modified UTF-7.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut shifted: Vec<u16> = Vec::new();
    for c in text.chars() {
        if plain(c) {
            unshift(&mut out, &mut shifted);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    unshift(&mut out, &mut shifted);
    out
}

/// Reads modified UTF-7.
///
/// # Errors
/// If a byte is not printable ASCII, a shift is not closed, encodes what needs no encoding, is
/// followed at once by another, has bits left over, or holds half a surrogate pair.
pub fn decode(text: &str) -> Result<String, Utf7Error> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_shift = false;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        if c != '&' {
            if !plain(c) {
                return Err(Utf7Error);
            }
            out.push(c);
            (rest, after_shift) = (tail, false);
            continue;
        }
        let (inside, tail) = tail.split_once('-').ok_or(Utf7Error)?;
        if inside.is_empty() {
            out.push('&');
            after_shift = false;
        } else if after_shift {
            return Err(Utf7Error); // `&AOk-&AOk-` must be written `&AOkA6Q-`
        } else {
            decode_shifted(inside, &mut out)?;
            after_shift = true;
        }
        rest = tail;
    }
    Ok(out)
}

/// What stands for itself (`&` apart): printable ASCII.
fn plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn unshift(out: &mut String, shifted: &mut Vec<u16>) {
    if shifted.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0u32, 0u32);
    for unit in shifted.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        held += 16;
        while held >= 6 {
            held -= 6;
            push_digit(out, bits >> held);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        push_digit(out, bits << (6 - held));
    }
    out.push('-');
}

fn push_digit(out: &mut String, bits: u32) {
    let digit = ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'A');
    let _ = out.write_char(char::from(digit));
}

fn decode_shifted(inside: &str, out: &mut String) -> Result<(), Utf7Error> {
    let mut units = Vec::with_capacity(inside.len() * 6 / 16);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in inside.bytes() {
        let digit = ALPHABET.iter().position(|&d| d == byte).ok_or(Utf7Error)?;
        bits = (bits << 6) | u32::try_from(digit).map_err(|_| Utf7Error)?;
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from((bits >> held) & 0xFFFF).map_err(|_| Utf7Error)?);
            bits &= (1 << held) - 1;
        }
    }
    // What is left over must be padding: fewer than six bits, all zero.
    if held >= 6 || bits != 0 || units.is_empty() {
        return Err(Utf7Error);
    }
    for c in char::decode_utf16(units) {
        let c = c.map_err(|_| Utf7Error)?;
        if plain(c) {
            return Err(Utf7Error);
        }
        out.push(c);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_names() {
        // RFC 3501 §5.1.3's own examples among them.
        for (text, coded) in [
            ("INBOX", "INBOX"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("a&b", "a&-b"),
            ("été&é", "&AOk-t&AOk-&-&AOk-"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encode(text), coded);
            assert_eq!(decode(coded).as_deref(), Ok(text));
        }
    }

    #[test]
    fn one_spelling_only() {
        for bad in [
            "&",
            "&AOk",
            "&AO-",
            "&A-",
            "&AOl-",
            "&AGE-",
            "&AOk-&AOk-",
            "&2D0-",
            "&3gA-",
            "é",
            "a\tb",
            "&Jjo!-",
            "&AOk=-",
            "&/-",
        ] {
            assert_eq!(decode(bad), Err(Utf7Error), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(text in "\\PC{0,30}|[\u{0}-\u{ff}&-]{0,20}") {
            let coded = encode(&text);
            prop_assert!(coded.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert_eq!(decode(&coded), Ok(text));
        }

        #[test]
        fn never_panics_and_is_unique(text in "[&A-Za-z0-9+,é-]{0,24}") {
            if let Ok(decoded) = decode(&text) {
                prop_assert_eq!(encode(&decoded), text);
            }
        }
    }
}

//! Encoded words in header fields, decoded: `=?utf-8?q?caf=C3=A9?=` (RFC 2047, RFC 2231 §5).

use crate::content::Encoding;
use crate::header::unfold;
use crate::text::charset;
use crate::transfer::decode as transfer_decode;

/// A field's value as a reader sees it: on one line, encoded words decoded, what isn't UTF-8 shown
/// as U+FFFD. A word in a charset that nobody knows stays as it is.
#[must_use]
pub fn decode(value: &[u8]) -> String {
    let line = unfold(value);
    let mut text = String::with_capacity(line.len());
    let mut rest = line.as_slice();
    let mut after_word = false;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, b""));
        let Some((length, word)) = word(from) else {
            put(&mut text, before);
            text.push_str("=?");
            rest = from.get(2..).unwrap_or_default();
            after_word = false;
            continue;
        };
        // RFC 2047 §6.2: white space between two encoded words is not shown.
        if !(after_word && before.iter().all(u8::is_ascii_whitespace)) {
            put(&mut text, before);
        }
        text.push_str(&word);
        rest = from.get(length..).unwrap_or_default();
        after_word = true;
    }
    put(&mut text, rest);
    text
}

fn put(text: &mut String, octets: &[u8]) {
    text.push_str(&String::from_utf8_lossy(octets));
}

/// The encoded word at the start, how long it is, and what it says.
fn word(from: &[u8]) -> Option<(usize, String)> {
    let mut parts = from.get(2..)?.splitn(3, |&b| b == b'?');
    let (name, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let end = memchr::memmem::find(rest, b"?=")?;
    let inside = rest.get(..end)?;
    if inside.contains(&b'?') || inside.contains(&b' ') && encoding.eq_ignore_ascii_case(b"b") {
        return None;
    }
    let octets = match encoding {
        b"b" | b"B" => transfer_decode(Encoding::Base64, inside),
        b"q" | b"Q" => {
            let spaced: Vec<u8> =
                inside.iter().map(|&b| if b == b'_' { b' ' } else { b }).collect();
            transfer_decode(Encoding::QuotedPrintable, &spaced)
        }
        _ => return None,
    };
    // RFC 2231 §5: the charset may carry a language.
    let name = name.split(|&b| b == b'*').next()?;
    let length = 2 + name_length(from)? + 1 + 1 + end + 2;
    let known =
        name.eq_ignore_ascii_case(b"us-ascii") || encoding_rs::Encoding::for_label(name).is_some();
    if name.is_empty() || !known {
        return None;
    }
    let (decoded, _) = charset(Some(name)).decode_without_bom_handling(&octets);
    Some((length, decoded.chars().filter(|&c| c != '\0').collect()))
}

/// The length of `charset?` behind `=?`.
fn name_length(from: &[u8]) -> Option<usize> {
    memchr::memchr(b'?', from.get(2..)?).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words() {
        for (value, expected) in [
            ("=?utf-8?q?caf=C3=A9?= au lait", "café au lait"),
            (" =?UTF-8?B?w6k=?=\r\n =?iso-8859-1*fr?Q?=E9_?= x", "éé  x"),
            ("a =?utf-8?q?b?=c", "a bc"),
            ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
            ("=?x-none?q?a?=", "=?x-none?q?a?="),
            ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
            ("=?utf-8?q?a", "=?utf-8?q?a"),
            ("2 =? 3", "2 =? 3"),
            ("=?us-ascii?q?=41?=", "A"),
        ] {
            assert_eq!(decode(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(decode(b"\xe9 x"), "\u{fffd} x");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(=\\?|\\?=|utf-8|\\?q\\?|[a=?_ \r\n]){0,12}") {
            let _ = decode(text.as_bytes());
        }

        #[test]
        fn round_trip(text in "[a-zäöü ]{1,20}") {
            let encoded: String = text.bytes().map(|b| format!("={b:02x}")).collect();
            prop_assert_eq!(decode(format!("=?utf-8?Q?{encoded}?=").as_bytes()), text);
        }
    }
}

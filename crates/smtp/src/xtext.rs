//! `xtext` (RFC 3461 §4): printable ASCII with `+` and `=` and all else as `+XX`.

/// Encodes any text.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'+' && byte != b'=' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}

/// Decodes; `None` for a `+` without two hex digits, for control characters and for bytes that are no
/// UTF-8. Characters that should have been encoded are let through, as other servers do.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'+' {
            out.push(byte);
            continue;
        }
        let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
        out.push(high << 4 | low);
    }
    String::from_utf8(out).ok().filter(|text| !text.contains(char::is_control))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(text in "\\PC{0,40}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }
    }

    #[test]
    fn bad_forms() {
        assert_eq!(decode("a+2"), None);
        assert_eq!(decode("a+0D"), None);
        assert_eq!(decode("q+40r.test").as_deref(), Some("q@r.test"));
    }
}

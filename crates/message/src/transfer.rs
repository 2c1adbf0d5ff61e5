//! base64 and quoted-printable, decoded while the bytes pass by (RFC 2045 §6.7, §6.8).
//!
//! Never fails: what can't be decoded is passed over or passed on, because this serves searching.

use crate::content::Encoding;

/// A body being decoded.
#[derive(Debug, Clone)]
pub struct Decoder(State);

#[derive(Debug, Clone)]
enum State {
    Identity,
    Base64 { bits: u32, sextets: u8 },
    QuotedPrintable(Escape),
}

/// Where in `=XY` the quoted-printable decoder stands.
#[derive(Debug, Clone, Copy)]
enum Escape {
    None,
    /// Behind `=`.
    Equals,
    /// Behind `=` and a first digit.
    Digit(u8),
    /// In the line end behind `=`, a soft break.
    SoftBreak,
}

impl Decoder {
    /// Starts at a body's first byte.
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Self(match encoding {
            Encoding::Identity => State::Identity,
            Encoding::Base64 => State::Base64 { bits: 0, sextets: 0 },
            Encoding::QuotedPrintable => State::QuotedPrintable(Escape::None),
        })
    }

    /// Decodes the next bytes, adding to `out`.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => out.extend_from_slice(chunk),
            State::Base64 { bits, sextets } => {
                for &octet in chunk {
                    base64_octet(octet, bits, sextets, out);
                }
            }
            State::QuotedPrintable(escape) => {
                for &octet in chunk {
                    *escape = printable_octet(octet, *escape, out);
                }
            }
        }
    }
}

fn base64_octet(octet: u8, bits: &mut u32, sextets: &mut u8, out: &mut Vec<u8>) {
    let value = match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => {
            // Padding ends a quantum; whole ones may follow (joined pieces).
            (*bits, *sextets) = (0, 0);
            return;
        }
        _ => return, // "Any characters outside of the base64 alphabet are to be ignored"
    };
    *bits = (*bits << 6) | u32::from(value);
    *sextets += 1;
    match *sextets {
        1 => return,
        2 => out.push((*bits >> 4) as u8),
        3 => out.push((*bits >> 2) as u8),
        _ => {
            out.push(*bits as u8);
            *sextets = 0;
        }
    }
    *bits &= 0xff;
}

fn printable_octet(octet: u8, escape: Escape, out: &mut Vec<u8>) -> Escape {
    match (escape, octet) {
        (Escape::None | Escape::SoftBreak, b'=') => Escape::Equals,
        (Escape::SoftBreak, b'\n') => Escape::None,
        (Escape::None | Escape::SoftBreak, _) => {
            out.push(octet);
            Escape::None
        }
        (Escape::Equals, b'\n') => Escape::None,
        // Blanks between `=` and the line end were added on the way (RFC 2045 §6.7, rule 3).
        (Escape::Equals, b'\r' | b' ' | b'\t') => Escape::SoftBreak,
        (Escape::Equals, _) if hex(octet).is_some() => Escape::Digit(octet),
        (Escape::Equals, _) => {
            out.extend_from_slice(&[b'=', octet]);
            Escape::None
        }
        (Escape::Digit(first), _) => {
            match hex(first).zip(hex(octet)) {
                Some((high, low)) => out.push(high << 4 | low),
                None => out.extend_from_slice(&[b'=', first, octet]),
            }
            Escape::None
        }
    }
}

pub(crate) const fn hex(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

/// Decodes a whole text.
pub(crate) fn decode(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    Decoder::new(encoding).feed(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use proptest::prelude::*;

    #[test]
    fn known_texts() {
        let base64 = |text: &[u8]| decode(Encoding::Base64, text);
        assert_eq!(base64(b"aGVs\r\nbG8="), b"hello");
        assert_eq!(base64(b"aGk=aGk="), b"hihi");
        assert_eq!(base64(b"a"), b"");
        let printable = |text: &[u8]| decode(Encoding::QuotedPrintable, text);
        assert_eq!(printable(b"a=3D=e9=\r\nb= \nc=zz=4"), b"a=\xe9bc=zz");
    }

    proptest! {
        #[test]
        fn base64_round_trip(octets in prop::collection::vec(any::<u8>(), 0..80), cut in 1_usize..9) {
            let text = base64::engine::general_purpose::STANDARD.encode(&octets);
            let mut out = Vec::new();
            let mut decoder = Decoder::new(Encoding::Base64);
            text.as_bytes().chunks(cut).for_each(|chunk| decoder.feed(chunk, &mut out));
            prop_assert_eq!(out, octets);
        }

        #[test]
        fn printable_round_trip(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let text: String = octets.iter().map(|b| format!("={b:02X}=\r\n")).collect();
            prop_assert_eq!(decode(Encoding::QuotedPrintable, text.as_bytes()), octets);
        }
    }
}

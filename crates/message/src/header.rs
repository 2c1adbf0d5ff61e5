//! Header fields in a block of bytes, with their places (RFC 5322 §2.2).
//!
//! Lines may end in CRLF or in LF alone. What is no field (a line without a colon) is given as one
//! with an empty name, so that nothing of the block gets lost.

use std::ops::Range;

use memchr::{memchr, memchr3};

/// A limit of ours: what lies beyond it in a header is not looked at for ENVELOPE, SEARCH and
/// HEADER.FIELDS. Fetching the header whole is not affected.
pub const MAX_HEADER_OCTETS: usize = 1 << 20;

/// Fields that are for one hop or one reader only.
const STAY_BEHIND: [&str; 4] = ["bcc", "content-length", "resent-bcc", "return-path"];

/// Whether a field of this name, in any case, doesn't travel on: nobody but the sender may see it, or it
/// says what isn't so any more.
#[must_use]
pub fn stays_behind(name: &[u8]) -> bool {
    STAY_BEHIND.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

/// One field: its name, a colon, its value with the folds still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// Where it stands in the block, with its last line end.
    pub place: Range<usize>,
    /// The name, without blanks behind it; empty if the line has no colon.
    pub name: &'a [u8],
    /// Everything behind the colon but the last line end.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field so named, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The fields of a header block, up to the empty line or the block's end.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Starts at the block's first byte.
    #[must_use]
    pub const fn new(block: &'a [u8]) -> Self {
        Self { block, at: 0 }
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.block.get(from..).unwrap_or_default();
        memchr(b'\n', rest).map_or(self.block.len(), |at| from + at + 1)
    }

    fn is_fold(&self, at: usize) -> bool {
        matches!(self.block.get(at), Some(b' ' | b'\t'))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.at;
        let mut end = self.line_end(start);
        let first = self.block.get(start..end).filter(|line| !is_empty_line(line))?;
        // RFC 5322 §2.2.3: lines that begin with white space go on with the field.
        while self.is_fold(end) {
            end = self.line_end(end);
        }
        self.at = end;
        let whole = without_line_end(self.block.get(start..end)?);
        let colon = memchr(b':', first).unwrap_or(0);
        let (name, value) = whole.split_at_checked(colon)?;
        let value = if colon == 0 { value } else { value.get(1..).unwrap_or_default() };
        // RFC 5322 §4.5: obsolete fields may have blanks in front of the colon.
        Some(Field { place: start..end, name: name.trim_ascii_end(), value })
    }
}

/// Whether the line is empty but for its end: the end of a header.
#[must_use]
pub fn is_empty_line(line: &[u8]) -> bool {
    without_line_end(line).is_empty()
}

/// The line without its CRLF or LF.
#[must_use]
pub fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The length of the header block with its empty line, if the bytes reach so far.
#[must_use]
pub fn header_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(at) = memchr(b'\n', bytes.get(start..)?) {
        let end = start + at + 1;
        if is_empty_line(bytes.get(start..end)?) {
            return Some(end);
        }
        start = end;
    }
    None
}

/// The fields that `wanted` picks by name, byte for byte, and the empty line: IMAP's HEADER.FIELDS
/// and HEADER.FIELDS.NOT (RFC 3501 §6.4.5).
#[must_use]
pub fn select(block: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut chosen = Vec::new();
    for field in Fields::new(block).filter(|field| wanted(field.name)) {
        chosen.extend_from_slice(block.get(field.place).unwrap_or_default());
    }
    // "except in the case of a message which has no body and no blank line" (RFC 3501 §6.4.5)
    if header_end(block).is_some() {
        chosen.extend_from_slice(b"\r\n");
    }
    chosen
}

/// A field's value on one line (RFC 5322 §2.2.3): folds taken out, runs of white space as one
/// blank, none at the ends. NUL becomes U+FFFD, because IMAP's strings can't carry it.
#[must_use]
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(value.len());
    let white = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    for word in value.split(white).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(b' ');
        }
        put_without_nul(&mut line, word);
    }
    line
}

fn put_without_nul(line: &mut Vec<u8>, word: &[u8]) {
    let mut pieces = word.split(|&b| b == 0);
    line.extend_from_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        line.extend_from_slice("\u{fffd}".as_bytes());
        line.extend_from_slice(piece);
    }
}

/// The value without line ends, otherwise as it is: what a parser of structured fields wants.
#[must_use]
pub(crate) fn without_folds(value: &[u8]) -> Vec<u8> {
    if memchr3(b'\r', b'\n', 0, value).is_none() {
        return value.to_vec();
    }
    let mut line = Vec::with_capacity(value.len());
    for &octet in value {
        match octet {
            b'\n' | 0 => {}
            b'\r' => line.push(b' '),
            _ => line.push(octet),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: &[u8] = b"A: b\r\nNo colon\r\n more\r\nSubject : x\r\n  y \r\n\r\nbody: no\r\n";

    #[test]
    fn fields_and_their_places() {
        let fields: Vec<_> = Fields::new(BLOCK).collect();
        assert_eq!(fields.len(), 3);
        assert!(fields[0].is("a") && fields[0].value == b" b" && fields[0].place == (0..6));
        assert_eq!(fields[1].name, b"");
        assert_eq!(fields[1].value, b"No colon\r\n more");
        assert!(fields[2].is("SUBJECT"));
        assert_eq!(unfold(fields[2].value), b"x y");
        assert_eq!(header_end(BLOCK), Some(fields[2].place.end + 2));
    }

    #[test]
    fn chosen_fields() {
        let named = |wanted: &'static [u8]| move |name: &[u8]| name.eq_ignore_ascii_case(wanted);
        assert_eq!(select(BLOCK, named(b"subject")), b"Subject : x\r\n  y \r\n\r\n");
        assert_eq!(select(BLOCK, named(b"x")), b"\r\n");
        assert_eq!(select(b"A: b", named(b"a")), b"A: b");
    }

    #[test]
    fn odd_blocks() {
        assert_eq!(Fields::new(b"").count(), 0);
        assert_eq!(Fields::new(b"\n").count(), 0);
        assert_eq!(Fields::new(b"A: b").count(), 1);
        assert_eq!(Fields::new(b": x\n").next().expect("one").name, b"");
        assert_eq!(header_end(b"\nx"), Some(1));
        assert_eq!(header_end(b"A: b\n"), None);
        assert_eq!(unfold(b"a\rb\0c"), "a b\u{fffd}c".as_bytes());
    }

    proptest! {
        #[test]
        fn fields_join_up(block in "[A: \t\r\n]{0,60}") {
            let block = block.as_bytes();
            let mut at = 0;
            for field in Fields::new(block) {
                prop_assert_eq!(field.place.start, at);
                prop_assert!(field.place.end > at && field.place.end <= block.len());
                at = field.place.end;
            }
            prop_assert!(header_end(block).is_none_or(|end| end <= block.len()));
        }
    }
}

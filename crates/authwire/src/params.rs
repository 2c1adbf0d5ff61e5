//! `key=value` and bare `key` fields, and the grammar all lines share: fields split at TAB.

use nom::bytes::complete::{tag, take_till};
use nom::combinator::all_consuming;
use nom::multi::separated_list1;
use nom::{IResult, Parser as _};

use crate::{RequestId, escape_into, unescape};

/// One field behind a command: `key=value`, or `key` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// The part before the first `=`.
    pub key: String,
    /// The part behind it; `None` when there was no `=`.
    pub value: Option<String>,
}

/// The fields of a message, in their order. Bytes that aren't UTF-8 became U+FFFD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

impl Params {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds `key=value` at the end.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push(Param { key: key.into(), value: Some(value.into()) });
    }

    /// Adds a bare `key` at the end.
    pub fn push_bare(&mut self, key: impl Into<String>) {
        self.0.push(Param { key: key.into(), value: None });
    }

    /// The value of the first field of this name; a bare field has the value "".
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let param = self.0.iter().find(|p| p.key == key)?;
        Some(param.value.as_deref().unwrap_or_default())
    }

    /// Whether a field of this name is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|p| p.key == key)
    }

    /// Takes the first field of this name out.
    pub fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|p| p.key == key)?;
        Some(self.0.remove(at).value.unwrap_or_default())
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends each field, a TAB in front.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for param in &self.0 {
            out.push(b'\t');
            escape_into(out, param.key.as_bytes());
            if let Some(value) = &param.value {
                out.push(b'=');
                escape_into(out, value.as_bytes());
            }
        }
    }

    pub(crate) fn decode(fields: &[&[u8]]) -> Self {
        Self(fields.iter().filter(|f| !f.is_empty()).map(|field| Param::decode(field)).collect())
    }
}

impl FromIterator<Param> for Params {
    fn from_iter<I: IntoIterator<Item = Param>>(params: I) -> Self {
        Self(params.into_iter().collect())
    }
}

impl Param {
    fn decode(field: &[u8]) -> Self {
        let field = text(field);
        match field.split_once('=') {
            Some((key, value)) => Self { key: key.into(), value: Some(value.into()) },
            None => Self { key: field, value: None },
        }
    }
}

/// An un-escaped field as text.
pub(crate) fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

/// Splits a line at its TABs; still escaped. A line has at least one field, maybe empty.
pub(crate) fn fields(line: &[u8]) -> Vec<&[u8]> {
    fn field(input: &[u8]) -> IResult<&[u8], &[u8]> {
        take_till(|byte| byte == b'\t').parse(input)
    }
    let parsed = all_consuming(separated_list1(tag(&b"\t"[..]), field)).parse(line);
    parsed.map(|(_, fields)| fields).unwrap_or_default()
}

/// A decimal number of digits alone that fits 32 bits.
pub(crate) fn number(field: &[u8]) -> Option<u32> {
    let digits: IResult<&[u8], &[u8]> =
        all_consuming(nom::character::complete::digit1).parse(field);
    let (_, digits) = digits.ok()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A request id: decimal, not 0.
pub(crate) fn request_id(field: Option<&&[u8]>) -> Option<RequestId> {
    RequestId::new(number(field?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn key_ends_at_the_first_equals_sign() {
        let params = Params::decode(&[b"a=b=c", b"bare", b"t=x\x01ty"]);
        assert_eq!(params.get("a"), Some("b=c"));
        assert_eq!(params.get("bare"), Some(""));
        assert_eq!(params.get("t"), Some("x\ty"));
        assert!(!params.has("x"));
    }

    #[test]
    fn ids() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"+1"), None);
        assert_eq!(number(b""), None);
        assert_eq!(request_id(Some(&&b"0"[..])), None);
    }

    #[test]
    fn empty_fields_stay_apart() {
        assert_eq!(fields(b"CONT\t1\t"), [&b"CONT"[..], b"1", b""]);
        assert_eq!(fields(b""), [&b""[..]]);
    }

    proptest! {
        #[test]
        fn round_trip(pairs in proptest::collection::vec(("[^=]{1,8}", any::<Option<String>>()), 0..5)) {
            let params: Params =
                pairs.into_iter().map(|(key, value)| Param { key, value }).collect();
            let mut wire = b"X".to_vec();
            params.encode(&mut wire);
            let back = Params::decode(fields(&wire).get(1..).unwrap_or_default());
            prop_assert_eq!(back, params);
        }
    }
}

//! What a part's Content-* fields say (RFC 2045 §5–8, RFC 2183, RFC 1864, RFC 3282, RFC 2557).

use nom::Parser;
use nom::bytes::complete::tag;

use crate::header::{Field, unfold, without_folds};
use crate::params::{self, Param};
use crate::token::{Parsed, cfws, token};

/// A limit of ours: language tags of one Content-Language field.
const MAX_LANGUAGES: usize = 50;

/// How a part's body is encoded (RFC 2045 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary, and what isn't known.
    Identity,
    /// base64 (RFC 2045 §6.8).
    Base64,
    /// quoted-printable (RFC 2045 §6.7).
    QuotedPrintable,
}

/// A Content-Disposition (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `attachment`, as written; empty if the field has none.
    pub kind: Vec<u8>,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// The Content-* fields of one header. Values are as written, nothing decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// `text`; empty if there was a Content-Type that can't be read.
    pub media: Vec<u8>,
    /// `plain`
    pub subtype: Vec<u8>,
    /// Content-Type's parameters; text has a charset always (RFC 2045 §5.2).
    pub params: Vec<Param>,
    /// Content-ID
    pub id: Option<Vec<u8>>,
    /// Content-Description
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding's token; `7bit` is what is meant without it.
    pub encoding: Option<Vec<u8>>,
    /// Content-MD5
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition
    pub disposition: Option<Disposition>,
    /// Content-Language
    pub language: Vec<Vec<u8>>,
    /// Content-Location
    pub location: Option<Vec<u8>>,
}

impl Content {
    /// What a header without a Content-Type means: plain text (RFC 2045 §5.2), in a digest a
    /// message (RFC 2046 §5.1.5).
    pub(crate) fn of<'a>(fields: impl Iterator<Item = Field<'a>>, in_digest: bool) -> Self {
        let mut content = Content::default();
        let mut typed = false;
        for field in fields {
            if field.is("Content-Type") {
                if !std::mem::replace(&mut typed, true) {
                    content.read_type(field.value);
                }
            } else {
                content.read(&field);
            }
        }
        if !typed {
            let (media, subtype) =
                if in_digest { ("message", "rfc822") } else { ("text", "plain") };
            content.media = media.into();
            content.subtype = subtype.into();
        }
        if content.is("text") && params::find(&content.params, "charset").is_none() {
            let charset = Param { name: b"charset".to_vec(), value: b"us-ascii".to_vec() };
            content.params.push(charset);
        }
        content
    }

    /// What stands for a part that lies too deep to be looked into.
    pub(crate) fn opaque(&mut self) {
        self.media = b"application".to_vec();
        self.subtype = b"octet-stream".to_vec();
        self.params.clear();
    }

    /// Whether the type is so, in any case: `is("text")`.
    #[must_use]
    pub fn is(&self, media: &str) -> bool {
        self.media.eq_ignore_ascii_case(media.as_bytes())
    }

    /// Whether the subtype is so, in any case.
    #[must_use]
    pub fn is_subtype(&self, subtype: &str) -> bool {
        self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// A parameter of Content-Type.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        params::find(&self.params, name)
    }

    /// How the body is encoded.
    #[must_use]
    pub fn transfer(&self) -> Encoding {
        match self.encoding.as_deref() {
            Some(name) if name.eq_ignore_ascii_case(b"base64") => Encoding::Base64,
            Some(name) if name.eq_ignore_ascii_case(b"quoted-printable") => {
                Encoding::QuotedPrintable
            }
            _ => Encoding::Identity,
        }
    }

    fn read_type(&mut self, value: &[u8]) {
        let value = without_folds(value);
        if let Ok((rest, (media, subtype))) = media_type(&value) {
            self.media = media.to_vec();
            self.subtype = subtype.to_vec();
            self.params = params::parse(rest);
        }
    }

    /// The first of several counts, but for Content-Disposition: Dovecot's choice.
    fn read(&mut self, field: &Field<'_>) {
        if field.is("Content-Disposition") {
            let value = without_folds(field.value);
            self.disposition = Some(disposition(&value));
        } else if field.is("Content-Language") {
            if self.language.is_empty() {
                self.language = languages(&without_folds(field.value));
            }
        } else if field.is("Content-Transfer-Encoding") {
            if self.encoding.is_none() {
                self.encoding = only_token(&without_folds(field.value));
            }
        } else {
            let slot = if field.is("Content-ID") {
                &mut self.id
            } else if field.is("Content-Description") {
                &mut self.description
            } else if field.is("Content-MD5") {
                &mut self.md5
            } else if field.is("Content-Location") {
                &mut self.location
            } else {
                return;
            };
            if slot.is_none() {
                *slot = Some(unfold(field.value));
            }
        }
    }
}

/// `type "/" subtype`; a type alone is taken with an empty subtype, as Dovecot does. Behind it must
/// stand a semicolon or nothing.
fn media_type(value: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let (rest, (_, media, _)) = (cfws, token, cfws).parse(value)?;
    let (rest, subtype) = match rest.first() {
        Some(b'/') => {
            let (rest, (_, _, subtype, _)) = (tag("/"), cfws, token, cfws).parse(rest)?;
            (rest, subtype)
        }
        _ => (rest, &b""[..]),
    };
    let (_, ()) = end_or_semicolon(rest)?;
    Ok((rest, (media, subtype)))
}

fn end_or_semicolon(input: &[u8]) -> Parsed<'_, ()> {
    if matches!(input.first(), None | Some(b';')) {
        return Ok((input, ()));
    }
    Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Char)))
}

fn disposition(value: &[u8]) -> Disposition {
    let (rest, _) = cfws(value).unwrap_or((value, None));
    match token(rest) {
        Ok((rest, kind)) => Disposition { kind: kind.to_vec(), params: params::parse(rest) },
        Err(_) => Disposition { kind: Vec::new(), params: params::parse(rest) },
    }
}

/// `en, de`, up to the first thing that is no language tag.
fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let mut tags = Vec::new();
    let mut rest = value;
    while tags.len() < MAX_LANGUAGES {
        let Ok((after, (_, tag, _))) = (cfws, token, cfws).parse(rest) else { break };
        tags.push(tag.to_vec());
        match after.strip_prefix(b",") {
            Some(after) => rest = after,
            None => break,
        }
    }
    tags
}

/// A single token; nothing if more stands there.
fn only_token(value: &[u8]) -> Option<Vec<u8>> {
    let (rest, (_, found, _)) = (cfws, token, cfws).parse(value).ok()?;
    rest.is_empty().then(|| found.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Fields;

    fn of(block: &str) -> Content {
        Content::of(Fields::new(block.as_bytes()), false)
    }

    fn kind(value: &str) -> (String, String) {
        let content = of(&format!("Content-Type: {value}\n\n"));
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (text(&content.media), text(&content.subtype))
    }

    #[test]
    fn types() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(kind("TEXT/Html; a=b"), pair("TEXT", "Html"));
        assert_eq!(kind("text / plain ; a=b"), pair("text", "plain"));
        assert_eq!(kind("text/plain (comment)"), pair("text", "plain"));
        assert_eq!(kind("text"), pair("text", ""));
        for bad in ["", ";;;", "text/", "/plain", "text/plain/x; a=b", "text/plain x", "te@xt/x"] {
            assert_eq!(kind(bad), pair("", ""), "{bad}");
        }
    }

    #[test]
    fn everything_else() {
        let content = of("Content-Language: en (x), de\nContent-Transfer-Encoding: BASE64 \n\
             Content-ID: <a>\nContent-ID: <b>\nContent-Description:  a\n  b\n\
             Content-Disposition: ;filename=\"x y\"\nContent-Disposition: attachment\n\n");
        assert_eq!((content.is("text"), content.is_subtype("plain")), (true, true));
        assert_eq!(content.param("CHARSET"), Some(&b"us-ascii"[..]));
        assert_eq!(content.language, [b"en", b"de"]);
        assert_eq!(content.transfer(), Encoding::Base64);
        assert_eq!(content.id.as_deref(), Some(&b"<a>"[..]));
        assert_eq!(content.description.as_deref(), Some(&b"a b"[..]));
        let disposition = content.disposition.expect("there");
        assert_eq!(disposition.kind, b"attachment");
        assert!(of("Content-Transfer-Encoding: x y\n\n").encoding.is_none());
    }
}

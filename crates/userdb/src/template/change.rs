//! What is done to a variable's value: 2.3's modifiers and 2.4's filters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::variable::Part;

/// A digest that a filter may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// 2.3's two hashes, whose values are cut by a modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OldHash {
    /// `%H`.
    Elf,
    /// `%N`: of the MD5.
    New,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Lower,
    Upper,
    Only(Part),
    Reverse,
    /// A backslash before quotes and backslashes.
    Escape,
    /// `a.b` becomes `a,dc=b`.
    LdapDn,
    Trim,
    /// A decimal number in hexadecimal; `%X` and `hex(WIDTH)`.
    Hex(i32),
    /// The MD5 in hexadecimal.
    Md5Hex,
    /// `%2.256N`: in hexadecimal, below `modulus` unless that is 0, of at least `width` digits.
    OldHash {
        hash: OldHash,
        modulus: u32,
        width: usize,
    },
    Digest {
        algorithm: Algorithm,
        rounds: u32,
        salt: String,
    },
    Hexlify(usize),
    Base64,
    Modulo(u64),
    Default(String),
    Concat(String),
    Substr(i32, Option<i32>),
    Truncate(usize),
    Index(String, i32),
    Fill {
        left: bool,
        amount: usize,
        with: String,
    },
}

/// A value on its way through the filters. What a digest gives is no text.
pub(super) enum Value {
    Text(String),
    Raw(Vec<u8>),
}

impl Value {
    /// As text; digests in hexadecimal.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Raw(bytes) => hex(&bytes),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

impl Change {
    pub(super) fn apply(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Digest { algorithm, rounds, salt }, value) => {
                let round = |bytes: Vec<u8>| {
                    algorithm.digest(&[salt.as_bytes(), bytes.as_slice()].concat())
                };
                Value::Raw((0..*rounds).fold(value.bytes(), |bytes, _| round(bytes)))
            }
            (Self::Hexlify(width), value) => Value::Text(hexlify(&value.bytes(), *width)),
            (Self::Base64, value) => Value::Text(STANDARD.encode(value.bytes())),
            (Self::Modulo(modulus), Value::Raw(bytes)) => {
                let number = last_eight(&bytes).checked_rem(*modulus).unwrap_or_default();
                Value::Text(number.to_string())
            }
            (Self::Truncate(length), Value::Raw(mut bytes)) => {
                bytes.truncate(*length);
                Value::Raw(bytes)
            }
            (Self::Reverse, Value::Raw(mut bytes)) => {
                bytes.reverse();
                Value::Raw(bytes)
            }
            (change, value) => Value::Text(change.text(value.into_text())),
        }
    }

    fn text(&self, text: String) -> String {
        match self {
            Self::Lower => text.to_ascii_lowercase(),
            Self::Upper => text.to_ascii_uppercase(),
            Self::Only(part) => part.of(&text).into(),
            Self::Reverse => text.chars().rev().collect(),
            Self::Escape => escape(&text),
            Self::LdapDn => text.replace('.', ",dc="),
            Self::Trim => text.trim_ascii_end().into(),
            Self::Hex(width) => hex_number(&text, *width),
            Self::Md5Hex => hex(&Md5::digest(text)),
            Self::OldHash { hash, modulus, width } => old_hash(*hash, &text, *modulus, *width),
            Self::Modulo(modulus) => {
                let number = text.parse::<u64>().unwrap_or_default();
                number.checked_rem(*modulus).unwrap_or_default().to_string()
            }
            Self::Default(other) if text.is_empty() => other.clone(),
            Self::Concat(more) => text + more,
            Self::Substr(offset, length) => substr(&text, *offset, *length),
            Self::Truncate(length) => text.chars().take(*length).collect(),
            Self::Index(separator, at) => index(&text, separator, *at).into(),
            Self::Fill { left, amount, with } => fill(text, *left, *amount, with),
            Self::Default(_) | Self::Digest { .. } | Self::Hexlify(_) | Self::Base64 => text,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// With a width: zeros in front, or cut behind.
fn hexlify(bytes: &[u8], width: usize) -> String {
    let mut text = hex(bytes);
    if width > 0 {
        text = format!("{text:0>width$}");
        text.truncate(width);
    }
    text
}

/// A positive width counts from the end, with zeros in front; a negative one from the start.
fn hex_number(text: &str, width: i32) -> String {
    let number = format!("{:x}", text.parse::<u64>().unwrap_or_default());
    let size = width.unsigned_abs() as usize;
    match width {
        0 => number,
        1.. => {
            let padded = format!("{number:0>size$}");
            padded.get(padded.len() - size..).unwrap_or_default().into()
        }
        _ => {
            let mut padded = format!("{number:0<size$}");
            padded.truncate(size);
            padded
        }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '\'' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn old_hash(hash: OldHash, text: &str, modulus: u32, width: usize) -> String {
    let modulus = u64::from(modulus);
    let value = match hash {
        OldHash::Elf => u64::from(elf(text.as_bytes())),
        OldHash::New => {
            let digest = Md5::digest(text);
            digest.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
        }
    };
    // Without a modulus 32 bits of it are left.
    let value = value.checked_rem(modulus).unwrap_or(value) & u64::from(u32::MAX);
    let digits = format!("{value:x}");
    format!("{digits:0>width$}")
}

/// The hash of the ELF format, as Dovecot's `str_hash` has it.
fn elf(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        let high = hash & 0xf000_0000;
        if high == 0 { hash } else { (hash ^ (high >> 24)) ^ high }
    })
}

fn last_eight(bytes: &[u8]) -> u64 {
    let from = bytes.len().saturating_sub(8);
    bytes.iter().skip(from).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Negative offsets count from the end, negative lengths leave that many out there. What lies
/// outside the text is nothing.
fn substr(text: &str, offset: i32, length: Option<i32>) -> String {
    let chars: Vec<char> = text.chars().collect();
    let from = place(offset, chars.len());
    let until = match length {
        None => chars.len(),
        Some(length) if length < 0 => place(length, chars.len()),
        Some(length) => from.saturating_add(length.unsigned_abs() as usize),
    };
    chars.iter().take(until).skip(from).collect()
}

fn place(offset: i32, size: usize) -> usize {
    let distance = offset.unsigned_abs() as usize;
    if offset < 0 { size.saturating_sub(distance) } else { distance.min(size) }
}

fn index<'a>(text: &'a str, separator: &str, at: i32) -> &'a str {
    let back = at.unsigned_abs() as usize;
    let found = if separator.is_empty() {
        None
    } else if at < 0 {
        text.rsplit(separator).nth(back - 1)
    } else {
        text.split(separator).nth(back)
    };
    found.unwrap_or_default()
}

fn fill(mut text: String, left: bool, amount: usize, with: &str) -> String {
    while !with.is_empty() && text.chars().count() < amount {
        if left {
            text.insert_str(0, with);
        } else {
            text.push_str(with);
        }
    }
    text
}

//! FETCH (RFC 3501 §6.4.5).

use nom::Parser as _;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::opt;
use nom::sequence::{delimited, preceded, separated_pair};

use super::chars::is_argument_char;
use super::error::{In, Parsed, or_because};
use super::numbers::{number, nz_number};
use super::strings::{astring, list, sp};
use crate::command::{Command, Fetch, FetchItem, Messages, Partial, Section, SectionText};

/// A limit of ours: things asked for in one FETCH.
pub const MAX_FETCH_ITEMS: usize = 512;
/// A limit of ours: names in one HEADER.FIELDS.
pub const MAX_HEADER_FIELDS: usize = 512;
/// A limit of ours: numbers in one section, as deep as parts are looked for.
pub const MAX_PART_NUMBERS: usize = 100;

/// ```abnf
/// fetch = "FETCH" SP sequence-set SP
///         ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
/// ```
pub(super) fn fetch<'a>(
    input: &'a [u8],
    messages: impl Fn(&'a [u8]) -> Parsed<'a, Messages>,
) -> Parsed<'a, Command> {
    let (rest, messages) = messages(input)?;
    let (rest, ()) = sp(rest)?;
    let (rest, named) = match rest.first() {
        Some(b'(') => list(rest, MAX_FETCH_ITEMS, item)?,
        _ => match macro_items(rest) {
            Some(found) => found,
            None => item.map(|item| vec![item]).parse(rest)?,
        },
    };
    let mut items: Vec<FetchItem> = Vec::with_capacity(named.len());
    for item in named {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    match items.is_empty() {
        true => In::fail("FETCH list is empty"),
        false => Ok((rest, Command::Fetch(Fetch { messages, items }))),
    }
}

/// RFC 3501 §6.4.5: a macro stands alone.
fn macro_items(input: &[u8]) -> Option<(&[u8], Vec<FetchItem>)> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Rfc822Size};
    let (rest, word) = word(input).ok()?;
    let items = match word.to_ascii_uppercase().as_slice() {
        b"FAST" => vec![Flags, InternalDate, Rfc822Size],
        b"ALL" => vec![Flags, InternalDate, Rfc822Size, Envelope],
        b"FULL" => vec![Flags, InternalDate, Rfc822Size, Envelope, Body],
        _ => return None,
    };
    Some((rest, items))
}

/// ```abnf
/// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
///             "BODY" ["STRUCTURE"] / "UID" / "BODY" [".PEEK"] section ["<" number "." nz-number ">"]
/// ```
fn item(input: &[u8]) -> Parsed<'_, FetchItem> {
    let (rest, name) = or_because(word(input), "Invalid arguments")?;
    let plain = match name.to_ascii_uppercase().as_slice() {
        b"UID" => FetchItem::Uid,
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"RFC822.SIZE" => FetchItem::Rfc822Size,
        b"ENVELOPE" => FetchItem::Envelope,
        b"BODYSTRUCTURE" => FetchItem::BodyStructure,
        b"RFC822" => FetchItem::Rfc822,
        b"RFC822.HEADER" => FetchItem::Rfc822Header,
        b"RFC822.TEXT" => FetchItem::Rfc822Text,
        b"BODY" if rest.first() != Some(&b'[') => FetchItem::Body,
        b"BODY" => return section_item(rest, false),
        b"BODY.PEEK" => return section_item(rest, true),
        _ => return In::fail_at("Unknown parameter:", name),
    };
    match rest.first() {
        Some(b' ' | b')') | None => Ok((rest, plain)),
        Some(_) => In::fail_at("Unknown parameter:", input),
    }
}

fn word(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b| is_argument_char(b) && b != b'[')(input)
}

/// ```abnf
/// section = "[" [section-spec] "]"
/// ```
fn section_item(input: &[u8], peek: bool) -> Parsed<'_, FetchItem> {
    let section = delimited(char('['), section_spec, char(']')).parse(input);
    let (rest, section) = or_because(section, "Invalid BODY[..] section")?;
    let partial = delimited(char('<'), separated_pair(number, char('.'), number), char('>'));
    let (rest, partial) = opt(partial).parse(rest)?;
    let partial = match partial {
        Some((_, 0)) => return In::fail("Invalid BODY[..] partial"), // nz-number
        Some((offset, length)) => Some(Partial { offset, length }),
        None => None,
    };
    match rest.first() {
        Some(b' ' | b')') | None => Ok((rest, FetchItem::Section { peek, section, partial })),
        Some(_) => In::fail("Invalid BODY[..] partial"),
    }
}

/// ```abnf
/// section-spec    = section-msgtext / (section-part ["." section-text])
/// section-part    = nz-number *("." nz-number)
/// section-text    = section-msgtext / "MIME"
/// ```
fn section_spec(input: &[u8]) -> Parsed<'_, Section> {
    let mut part = Vec::new();
    let mut rest = input;
    while let Ok((after, number)) = nz_number(rest) {
        if part.len() == MAX_PART_NUMBERS {
            return In::fail("Too many part numbers");
        }
        part.push(number);
        rest = after;
        match rest.strip_prefix(b".") {
            Some(after) => rest = after,
            None => return Ok((rest, Section { part, text: SectionText::All })),
        }
    }
    // `1.` must go on; nothing at all is the whole message.
    if part.is_empty() && rest.first() == Some(&b']') {
        return Ok((rest, Section { part, text: SectionText::All }));
    }
    let (rest, text) = section_text(rest)?;
    match text {
        SectionText::Mime if part.is_empty() => In::other(), // only of a part (RFC 3501 §6.4.5)
        text => Ok((rest, Section { part, text })),
    }
}

/// ```abnf
/// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
/// ```
fn section_text(input: &[u8]) -> Parsed<'_, SectionText> {
    let (rest, word) = take_while1(|b: u8| b.is_ascii_alphabetic() || b == b'.')(input)?;
    let fields =
        |not| preceded(sp, header_list).map(move |names| SectionText::HeaderFields { not, names });
    match word.to_ascii_uppercase().as_slice() {
        b"HEADER" => Ok((rest, SectionText::Header)),
        b"HEADER.FIELDS" => fields(false).parse(rest),
        b"HEADER.FIELDS.NOT" => fields(true).parse(rest),
        b"TEXT" => Ok((rest, SectionText::Text)),
        b"MIME" => Ok((rest, SectionText::Mime)),
        _ => In::other(),
    }
}

/// ```abnf
/// header-list = "(" header-fld-name *(SP header-fld-name) ")"
/// ```
fn header_list(input: &[u8]) -> Parsed<'_, Vec<Vec<u8>>> {
    let name = |input| astring.map(|name| name.to_ascii_uppercase()).parse(input);
    let (rest, names) = list(input, MAX_HEADER_FIELDS, name)?;
    if names.is_empty() { In::other() } else { Ok((rest, names)) }
}

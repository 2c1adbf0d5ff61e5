//! SEARCH (RFC 3501 §6.4.4, RFC 4731).

use mailbox::Flag;
use nom::Parser as _;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::dates::date;
use super::error::{In, Parsed, or_because};
use super::messages::{flag_to_find, uids};
use super::numbers::{number, ranges};
use super::strings::{astring, atom, blanks, keyword, list, sp};
use crate::command::{Charset, Search, SearchKey, SearchReturn};
use crate::date::Date;
use crate::sequence::SequenceSet;

/// A limit of ours: parentheses, NOT and OR within one another.
pub const MAX_SEARCH_DEPTH: usize = 32;
/// A limit of ours: conditions side by side.
pub const MAX_SEARCH_KEYS: usize = 1024;

/// ```abnf
/// search = "SEARCH" [SP "RETURN" SP "(" … ")"] [SP "CHARSET" SP astring] 1*(SP search-key)
/// ```
pub(super) fn search(input: &[u8]) -> Parsed<'_, Search> {
    let (rest, returns) = opt(preceded(sp, returns)).parse(input)?;
    let (rest, charset) = opt(preceded(sp, charset)).parse(rest)?;
    let (rest, keys) = keys(rest)?;
    let charset = charset.unwrap_or(Charset::Ascii);
    Ok((rest, Search { by_uid: false, returns, charset, keys }))
}

/// ```abnf
/// search-return-opts = "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
/// search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT"
/// ```
fn returns(input: &[u8]) -> Parsed<'_, SearchReturn> {
    let (rest, ((), ())) = (keyword("RETURN"), sp).parse(input)?;
    let (rest, words) = list(rest, 16, atom)?;
    let mut returns = SearchReturn::default();
    for word in &words {
        match word.to_ascii_uppercase().as_slice() {
            b"MIN" => returns.min = true,
            b"MAX" => returns.max = true,
            b"ALL" => returns.all = true,
            b"COUNT" => returns.count = true,
            _ => return In::fail("Unknown SEARCH return option"),
        }
    }
    returns.all |= words.is_empty(); // RFC 4731 §3.1
    Ok((rest, returns))
}

fn charset(input: &[u8]) -> Parsed<'_, Charset> {
    let (rest, ((), (), name)) = (keyword("CHARSET"), sp, astring).parse(input)?;
    let charset = match name.to_ascii_uppercase().as_slice() {
        b"US-ASCII" => Charset::Ascii,
        b"UTF-8" => Charset::Utf8,
        other => Charset::Other(String::from_utf8_lossy(other).into_owned()),
    };
    Ok((rest, charset))
}

/// `1*(SP search-key)`
fn keys(input: &[u8]) -> Parsed<'_, Vec<SearchKey>> {
    let mut keys = Vec::new();
    let mut rest = input;
    while let Ok((after, ())) = sp(rest) {
        if matches!(after.first(), Some(b')') | None) {
            break;
        }
        if keys.len() == MAX_SEARCH_KEYS {
            return In::fail("Too many search parameters");
        }
        let (after, one) = key(after, MAX_SEARCH_DEPTH)?;
        keys.push(one);
        rest = after;
    }
    if keys.is_empty() { In::fail("Missing search parameters") } else { Ok((rest, keys)) }
}

/// ```abnf
/// search-key = "ALL" / … / sequence-set / "(" search-key *(SP search-key) ")"
/// ```
/// `depth` is how many more levels may lie within.
fn key(input: &[u8], depth: usize) -> Parsed<'_, SearchKey> {
    let Some(depth) = depth.checked_sub(1) else {
        return In::fail("Too many levels of search parameters");
    };
    match input.first() {
        Some(b'(') => {
            let (rest, keys) = list(input, MAX_SEARCH_KEYS, |input| key(input, depth))?;
            match keys.is_empty() {
                true => In::fail("No search parameters inside list"),
                false => Ok((rest, SearchKey::And(keys))),
            }
        }
        Some(b'0'..=b'9' | b'*') => {
            let (rest, ranges) = or_because(ranges(input), "Invalid messageset")?;
            match SequenceSet::new(ranges) {
                Ok(set) => Ok((rest, SearchKey::Sequence(set))),
                Err(_) => In::fail("Invalid messageset"),
            }
        }
        _ => named_key(input, depth),
    }
}

fn named_key(input: &[u8], depth: usize) -> Parsed<'_, SearchKey> {
    use SearchKey::{Not, Or};
    let (rest, word) = or_because(atom(input), "Invalid arguments")?;
    let word = word.to_ascii_uppercase();
    if let Some(key) = bare_key(&word) {
        return Ok((rest, key));
    }
    let sub_key = |input| preceded(argument, |input| key(input, depth)).map(Box::new).parse(input);
    match word.as_slice() {
        b"NOT" => sub_key.map(Not).parse(rest),
        b"OR" => (sub_key, sub_key).map(|(a, b)| Or(a, b)).parse(rest),
        b"UID" => {
            let (rest, uids) = or_because(uids(rest), "Missing argument")?;
            Ok((rest, SearchKey::Uid(uids)))
        }
        b"KEYWORD" => flag_key(rest),
        b"UNKEYWORD" => flag_key.map(not).parse(rest),
        b"LARGER" => size(rest, SearchKey::Larger),
        b"SMALLER" => size(rest, SearchKey::Smaller),
        b"BEFORE" => day(rest, SearchKey::Before),
        b"ON" => day(rest, SearchKey::On),
        b"SINCE" => day(rest, SearchKey::Since),
        b"SENTBEFORE" => day(rest, SearchKey::SentBefore),
        b"SENTON" => day(rest, SearchKey::SentOn),
        b"SENTSINCE" => day(rest, SearchKey::SentSince),
        b"BODY" => text(rest).map(|(rest, text)| (rest, SearchKey::Body(text))),
        b"TEXT" => text(rest).map(|(rest, text)| (rest, SearchKey::Text(text))),
        b"BCC" | b"CC" | b"FROM" | b"SUBJECT" | b"TO" => {
            let (rest, text) = text(rest)?;
            Ok((rest, SearchKey::Header { name: word, text }))
        }
        b"HEADER" => {
            let (rest, name) = text(rest)?;
            let (rest, text) = text(rest)?;
            Ok((rest, SearchKey::Header { name: name.to_ascii_uppercase(), text }))
        }
        _ => In::fail_at("Unknown argument", &word),
    }
}

/// Those without an argument.
fn bare_key(word: &[u8]) -> Option<SearchKey> {
    use SearchKey::{All, New, Recent};
    Some(match word {
        b"ALL" => All,
        b"RECENT" => Recent,
        b"OLD" => not(Recent),
        b"NEW" => New,
        b"ANSWERED" => SearchKey::Flag(Flag::Answered),
        b"DELETED" => SearchKey::Flag(Flag::Deleted),
        b"DRAFT" => SearchKey::Flag(Flag::Draft),
        b"FLAGGED" => SearchKey::Flag(Flag::Flagged),
        b"SEEN" => SearchKey::Flag(Flag::Seen),
        b"UNANSWERED" => not(SearchKey::Flag(Flag::Answered)),
        b"UNDELETED" => not(SearchKey::Flag(Flag::Deleted)),
        b"UNDRAFT" => not(SearchKey::Flag(Flag::Draft)),
        b"UNFLAGGED" => not(SearchKey::Flag(Flag::Flagged)),
        b"UNSEEN" => not(SearchKey::Flag(Flag::Seen)),
        _ => return None,
    })
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

/// The blank in front of an argument, which must be there.
fn argument(input: &[u8]) -> Parsed<'_, ()> {
    match blanks(input)? {
        (rest, ()) if rest.is_empty() || rest.len() == input.len() => In::fail("Missing argument"),
        found => Ok(found),
    }
}

fn text(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    preceded(argument, astring).parse(input)
}

/// A flag that nobody can set, no message has: `NOT ALL`.
fn flag_key(input: &[u8]) -> Parsed<'_, SearchKey> {
    let (rest, flag) = preceded(argument, flag_to_find).parse(input)?;
    Ok((rest, flag.map_or_else(|| not(SearchKey::All), SearchKey::Flag)))
}

fn size(input: &[u8], make: fn(u64) -> SearchKey) -> Parsed<'_, SearchKey> {
    let (rest, ()) = argument(input)?;
    let (rest, size) = or_because(number(rest), "Invalid search size parameter")?;
    ended(rest, make(size), "Invalid search size parameter")
}

fn day(input: &[u8], make: fn(Date) -> SearchKey) -> Parsed<'_, SearchKey> {
    let (rest, ()) = argument(input)?;
    let (rest, day) = or_because(date(rest), "Invalid search date parameter")?;
    ended(rest, make(day), "Invalid search date parameter")
}

/// Nothing may stick to an argument's end.
fn ended<'a>(rest: &'a [u8], key: SearchKey, text: &'static str) -> Parsed<'a, SearchKey> {
    match rest.first() {
        Some(b' ' | b')') | None => Ok((rest, key)),
        Some(_) => In::fail(text),
    }
}

//! Message sets, flags, STORE, COPY and MOVE (RFC 3501 §6.4, RFC 6851).

use mailbox::{Flag, FlagError, Flags};
use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::tag_no_case;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::error::{In, Parsed, Problem, or_because};
use super::mailboxes::mailbox;
use super::numbers::ranges;
use super::strings::{atom, list, sp};
use crate::command::{Command, FlagChange, Messages, Store};
use crate::sequence::{SequenceSet, SetError, UidSet};

/// A limit of ours: flags named in one command.
const MAX_FLAGS: usize = 512;

/// `SP sequence-set`, of sequence numbers.
pub(super) fn sequence(input: &[u8]) -> Parsed<'_, SequenceSet> {
    set(input, SequenceSet::new)
}

/// `SP sequence-set`, of UIDs.
pub(super) fn uids(input: &[u8]) -> Parsed<'_, UidSet> {
    set(input, UidSet::new)
}

fn set<T>(
    input: &[u8],
    make: fn(Vec<crate::sequence::Range>) -> Result<T, SetError>,
) -> Parsed<'_, T> {
    let (rest, ()) = sp(input)?;
    let (rest, ranges) = or_because(ranges(rest), "Invalid messageset")?;
    match make(ranges) {
        Ok(set) => Ok((rest, set)),
        Err(_) => In::fail("Invalid messageset"),
    }
}

/// ```abnf
/// copy = "COPY" SP sequence-set SP mailbox
/// ```
pub(super) fn copy<'a>(
    input: &'a [u8],
    messages: impl Fn(&'a [u8]) -> Parsed<'a, Messages>,
) -> Parsed<'a, Command> {
    let (rest, (messages, to)) = (messages, preceded(sp, mailbox)).parse(input)?;
    Ok((rest, Command::Copy { messages, to }))
}

/// ```abnf
/// move = "MOVE" SP sequence-set SP mailbox
/// ```
pub(super) fn move_<'a>(
    input: &'a [u8],
    messages: impl Fn(&'a [u8]) -> Parsed<'a, Messages>,
) -> Parsed<'a, Command> {
    let (rest, (messages, to)) = (messages, preceded(sp, mailbox)).parse(input)?;
    Ok((rest, Command::Move { messages, to }))
}

/// ```abnf
/// store           = "STORE" SP sequence-set SP store-att-flags
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
/// ```
pub(super) fn store<'a>(
    input: &'a [u8],
    messages: impl Fn(&'a [u8]) -> Parsed<'a, Messages>,
) -> Parsed<'a, Command> {
    let (rest, messages) = messages(input)?;
    let (rest, change) = preceded(sp, change).parse(rest)?;
    let silent = tag_no_case(&b".SILENT"[..]);
    let (rest, silent) = opt(silent).map(|found| found.is_some()).parse(rest)?;
    let (rest, ()) = sp(rest)?;
    let (rest, flags) = match rest.first() {
        Some(b'(') => flag_list(rest)?,
        _ => bare_flags(rest)?,
    };
    Ok((rest, Command::Store(Store { messages, change, silent, flags })))
}

fn change(input: &[u8]) -> Parsed<'_, FlagChange> {
    let word = |word: &'static str, change| tag_no_case(word).map(move |_| change);
    alt((
        word("FLAGS", FlagChange::Replace),
        word("+FLAGS", FlagChange::Add),
        word("-FLAGS", FlagChange::Remove),
    ))
    .parse(input)
}

/// ```abnf
/// flag-list = "(" [flag *(SP flag)] ")"
/// ```
pub(super) fn flag_list(input: &[u8]) -> Parsed<'_, Flags> {
    let (rest, flags) = list(input, MAX_FLAGS, flag)?;
    Ok((rest, flags.into_iter().collect()))
}

fn bare_flags(input: &[u8]) -> Parsed<'_, Flags> {
    let mut flags = Flags::new();
    let (mut rest, first) = flag(input)?;
    flags.insert(first);
    while let Ok((after, ())) = sp(rest) {
        if after.is_empty() {
            break;
        }
        if flags.len() >= MAX_FLAGS {
            return In::fail("Too many flags");
        }
        let (after, next) = flag(after)?;
        flags.insert(next);
        rest = after;
    }
    Ok((rest, flags))
}

/// ```abnf
/// flag         = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword
/// flag-keyword = atom
/// ```
fn flag(input: &[u8]) -> Parsed<'_, Flag> {
    let (rest, word) = or_because(atom(input), "Flags list contains non-atoms")?;
    let text = String::from_utf8_lossy(word);
    match Flag::parse(&text) {
        Ok(flag) => Ok((rest, flag)),
        Err(FlagError::System) => In::fail_with(Problem::SystemFlag(super::error::shown(word))),
        Err(FlagError::Keyword) => In::fail_with(Problem::Keyword),
    }
}

/// A flag in SEARCH's KEYWORD: what can't be a flag is `None`, and no message has it.
pub(super) fn flag_to_find(input: &[u8]) -> Parsed<'_, Option<Flag>> {
    atom.map(|word| Flag::parse(&String::from_utf8_lossy(word)).ok()).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_ends_at_the_list() {
        let (rest, flags) = flag_list(b"( \\seen  $x)y").expect("good");
        assert_eq!((rest, flags.to_string().as_str()), (&b"y"[..], "\\Seen $x"));
    }
}

//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9, RFC 5258 §6, RFC 5819, RFC 6154 §6).

use nom::Parser as _;
use nom::branch::alt;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::error::{In, Parsed};
use super::mailboxes::{mailbox, status_items};
use super::strings::{astring, atom, keyword, list as parenthesised, sp};
use crate::command::{Command, List, ListReturn, ListSelection, StatusItem, WirePattern};

/// A limit of ours: each pattern is matched against each mailbox.
pub const MAX_PATTERNS: usize = 32;
/// A limit of ours: options in one list.
const MAX_OPTIONS: usize = 16;

/// ```abnf
/// lsub = "LSUB" SP mailbox SP list-mailbox
/// ```
pub(super) fn lsub(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, reference) = preceded(sp, mailbox).parse(input)?;
    let (rest, pattern) = preceded(sp, pattern).parse(rest)?;
    Ok((rest, Command::Lsub { reference, pattern }))
}

/// ```abnf
/// list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
/// ```
pub(super) fn list(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, selection) = opt(preceded(sp, selection)).parse(input)?;
    let (rest, reference) = preceded(sp, mailbox).parse(rest)?;
    let (rest, (patterns, several)) = preceded(sp, patterns).parse(rest)?;
    let (rest, returns) = opt(preceded(sp, returns)).parse(rest)?;
    let extended = selection.is_some() || several || returns.is_some();
    let selection = selection.unwrap_or_default();
    let mut returns = returns.unwrap_or_default();
    // RFC 5258 §3.1: to select by a mark is to have it shown; RFC 6154 §5.2 the same.
    returns.subscribed |= selection.subscribed;
    returns.special_use |= selection.special_use;
    Ok((rest, Command::List(List { selection, reference, patterns, returns, extended })))
}

/// ```abnf
/// list-mailbox = 1*list-char / string
/// ```
fn pattern(input: &[u8]) -> Parsed<'_, WirePattern> {
    astring.map(WirePattern::new).parse(input)
}

/// ```abnf
/// mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
/// ```
fn patterns(input: &[u8]) -> Parsed<'_, (Vec<WirePattern>, bool)> {
    let one = pattern.map(|one| (vec![one], false));
    let several = |input| parenthesised(input, MAX_PATTERNS, pattern);
    alt((several.map(|several| (several, true)), one)).parse(input)
}

/// ```abnf
/// list-select-opts = "(" [*(list-select-opt SP) …] ")"
/// list-select-opt  = "SUBSCRIBED" / "REMOTE" / "RECURSIVEMATCH" / "SPECIAL-USE"
/// ```
fn selection(input: &[u8]) -> Parsed<'_, ListSelection> {
    let (rest, words) = parenthesised(input, MAX_OPTIONS, atom)?;
    let mut selection = ListSelection::default();
    for word in words {
        match word.to_ascii_uppercase().as_slice() {
            b"SUBSCRIBED" => selection.subscribed = true,
            b"REMOTE" => selection.remote = true,
            b"RECURSIVEMATCH" => selection.recursive_match = true,
            b"SPECIAL-USE" => selection.special_use = true,
            _ => return In::fail("Unknown select options"),
        }
    }
    // RFC 5258 §3.1: RECURSIVEMATCH says how to select, not what.
    if selection.recursive_match && !selection.subscribed && !selection.special_use {
        return In::fail("RECURSIVEMATCH must not be the only selection");
    }
    Ok((rest, selection))
}

enum ReturnOption {
    Subscribed,
    Children,
    SpecialUse,
    Status(Vec<StatusItem>),
}

/// ```abnf
/// list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
/// return-option    = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / "STATUS" SP "(" … ")"
/// ```
fn returns(input: &[u8]) -> Parsed<'_, ListReturn> {
    let options = |input| parenthesised(input, MAX_OPTIONS, return_option);
    let (rest, ((), (), options)) = (keyword("RETURN"), sp, options).parse(input)?;
    let mut returns = ListReturn::default();
    for option in options {
        match option {
            ReturnOption::Subscribed => returns.subscribed = true,
            ReturnOption::Children => returns.children = true,
            ReturnOption::SpecialUse => returns.special_use = true,
            ReturnOption::Status(items) => returns.status = items,
        }
    }
    Ok((rest, returns))
}

fn return_option(input: &[u8]) -> Parsed<'_, ReturnOption> {
    let (rest, word) = atom(input)?;
    match word.to_ascii_uppercase().as_slice() {
        b"SUBSCRIBED" => Ok((rest, ReturnOption::Subscribed)),
        b"CHILDREN" => Ok((rest, ReturnOption::Children)),
        b"SPECIAL-USE" => Ok((rest, ReturnOption::SpecialUse)),
        b"STATUS" => preceded(sp, status_items).map(ReturnOption::Status).parse(rest),
        _ => In::fail("Unknown return options"),
    }
}

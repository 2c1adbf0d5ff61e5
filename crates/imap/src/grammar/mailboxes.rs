//! Commands that name a mailbox (RFC 3501 §6.3, RFC 6154 §3).

use nom::Parser as _;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::error::{In, Parsed};
use super::strings::{astring, atom, blanks, keyword, list, sp};
use crate::command::{Command, StatusItem, WireName};

/// A limit of ours.
const MAX_STATUS_ITEMS: usize = 32;
const MAX_SPECIAL_USE: usize = 16;

/// ```abnf
/// mailbox = "INBOX" / astring
/// ```
pub(super) fn mailbox(input: &[u8]) -> Parsed<'_, WireName> {
    astring.map(WireName::new).parse(input)
}

/// ```abnf
/// select = "SELECT" SP mailbox    ; EXAMINE, DELETE, SUBSCRIBE, UNSUBSCRIBE alike
/// ```
pub(super) fn named(input: &[u8], command: fn(WireName) -> Command) -> Parsed<'_, Command> {
    preceded(sp, mailbox).map(command).parse(input)
}

/// ```abnf
/// rename = "RENAME" SP mailbox SP mailbox
/// ```
pub(super) fn rename(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, from) = preceded(sp, mailbox).parse(input)?;
    let (rest, to) = preceded(sp, mailbox).parse(rest)?;
    Ok((rest, Command::Rename { from, to }))
}

/// ```abnf
/// create       = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]
/// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"
/// use-attr     = "\All" / "\Archive" / "\Drafts" / … / "\" atom
/// ```
pub(super) fn create(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, name) = preceded(sp, mailbox).parse(input)?;
    let (rest, uses) = opt(preceded(sp, |input| list(input, 1, use_parameter))).parse(rest)?;
    let special_use = uses.unwrap_or_default().into_iter().flatten().collect();
    Ok((rest, Command::Create { name, special_use }))
}

fn use_parameter(input: &[u8]) -> Parsed<'_, Vec<String>> {
    let attribute = |input| match atom(input)? {
        (rest, name) if name.starts_with(b"\\") => {
            Ok((rest, String::from_utf8_lossy(name).into_owned()))
        }
        _ => In::other(),
    };
    let attributes = |input| list(input, MAX_SPECIAL_USE, attribute);
    let (rest, ((), (), attributes)) = (keyword("USE"), sp, attributes).parse(input)?;
    Ok((rest, attributes))
}

/// ```abnf
/// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
/// ```
pub(super) fn status(input: &[u8]) -> Parsed<'_, Command> {
    let (rest, name) = preceded(sp, mailbox).parse(input)?;
    let (rest, items) = preceded(sp, status_items).parse(rest)?;
    Ok((rest, Command::Status { name, items }))
}

/// The items in parentheses, each kept once.
pub(super) fn status_items(input: &[u8]) -> Parsed<'_, Vec<StatusItem>> {
    let (rest, named) = list(input, MAX_STATUS_ITEMS, status_item)?;
    if named.is_empty() {
        return In::fail("Empty status list");
    }
    let mut items = Vec::new();
    for item in named {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    let (rest, ()) = blanks(rest)?;
    Ok((rest, items))
}

/// ```abnf
/// status-att = "MESSAGES" / "RECENT" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN"
/// ```
fn status_item(input: &[u8]) -> Parsed<'_, StatusItem> {
    let (rest, word) = atom(input)?;
    let known = |item: &StatusItem| item.as_str().as_bytes().eq_ignore_ascii_case(word);
    match StatusItem::ALL.into_iter().find(known) {
        Some(item) => Ok((rest, item)),
        None => In::fail_at("Invalid status item", word),
    }
}

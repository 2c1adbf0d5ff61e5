//! APPEND up to its message (RFC 3501 §6.3.11).

use mailbox::Flags;
use nom::Parser as _;
use nom::character::complete::{char, digit1};
use nom::combinator::opt;
use nom::sequence::preceded;

use super::dates::date_time;
use super::error::{In, Parsed, or_because};
use super::mailboxes::mailbox;
use super::messages::flag_list;
use super::strings::sp;
use crate::command::WireName;
use crate::date::DateTime;

/// ```abnf
/// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal
/// ```
pub(super) fn append(input: &[u8]) -> Parsed<'_, (WireName, Flags, Option<DateTime>)> {
    let (rest, name) = preceded(sp, mailbox).parse(input)?;
    let (rest, flags) = opt(preceded(sp, flag_list)).parse(rest)?;
    let (rest, ()) = sp(rest)?;
    let (rest, date) = match rest.first() {
        Some(b'"') => {
            let (rest, date) = or_because(date_time(rest), "Invalid internal date")?;
            let (rest, ()) = sp(rest)?;
            (rest, Some(date))
        }
        _ => (rest, None),
    };
    let (rest, ()) = announcement(rest)?;
    Ok((rest, (name, flags.unwrap_or_default(), date)))
}

/// `{n}` or `{n+}`; its line's end was cut off, and the framer has read the number.
fn announcement(input: &[u8]) -> Parsed<'_, ()> {
    if input.first() == Some(&b'~') {
        return In::fail("Binary literals are not known here"); // RFC 3516's
    }
    let (rest, _) = (char('{'), digit1, opt(char('+')), char('}')).parse(input)?;
    Ok((rest, ()))
}

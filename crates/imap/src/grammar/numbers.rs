//! Numbers and message sets (RFC 3501 §9).

use nom::Parser as _;
use nom::branch::alt;
use nom::character::complete::{char, digit1};
use nom::combinator::opt;
use nom::multi::separated_list1;
use nom::sequence::preceded;

use super::error::{In, Parsed};
use crate::sequence::{Bound, Range};

/// ```abnf
/// number = 1*DIGIT    ; Unsigned 32-bit integer
/// ```
/// Sizes may be larger here.
pub(super) fn number(input: &[u8]) -> Parsed<'_, u64> {
    let (rest, digits) = digit1(input)?;
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.map_or_else(In::other, |number| Ok((rest, number)))
}

/// ```abnf
/// nz-number = digit-nz *DIGIT    ; Non-zero unsigned 32-bit integer
/// ```
pub(super) fn nz_number(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, number) = number(input)?;
    match u32::try_from(number) {
        Ok(number) if number > 0 => Ok((rest, number)),
        _ => In::other(),
    }
}

/// ```abnf
/// sequence-set = (seq-number / seq-range) *("," sequence-set)
/// seq-range    = seq-number ":" seq-number
/// seq-number   = nz-number / "*"
/// ```
pub(super) fn ranges(input: &[u8]) -> Parsed<'_, Vec<Range>> {
    let (rest, ranges) = separated_list1(char(','), range).parse(input)?;
    match rest.first() {
        // The set must end where the argument does: `1:2:3`, `1,`.
        Some(b' ' | b')') | None => Ok((rest, ranges)),
        _ => In::other(),
    }
}

fn range(input: &[u8]) -> Parsed<'_, Range> {
    let (rest, first) = bound(input)?;
    let (rest, last) = opt(preceded(char(':'), bound)).parse(rest)?;
    Ok((rest, (first, last.unwrap_or(first))))
}

fn bound(input: &[u8]) -> Parsed<'_, Bound> {
    alt((char('*').map(|_| Bound::Star), nz_number.map(Bound::Number))).parse(input)
}

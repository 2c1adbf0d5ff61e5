//! Dates (RFC 3501 §9).

use nom::Parser as _;
use nom::bytes::complete::take;
use nom::character::complete::{char, one_of, satisfy};
use nom::combinator::opt;
use nom::multi::count;
use nom::sequence::{delimited, preceded};

use super::error::{In, Parsed};
use crate::date::{Date, DateTime};

/// ```abnf
/// date         = date-text / DQUOTE date-text DQUOTE
/// date-text    = date-day "-" date-month "-" date-year
/// date-day     = 1*2DIGIT
/// ```
pub(super) fn date(input: &[u8]) -> Parsed<'_, Date> {
    let (rest, quote) = opt(char('"')).parse(input)?;
    let (rest, first) = digit(rest)?;
    let (rest, second) = opt(digit).parse(rest)?;
    let day = second.map_or(first, |second| first * 10 + second);
    let (rest, (month, year)) = month_and_year(rest)?;
    let rest = match quote {
        Some(_) => char('"')(rest)?.0,
        None => rest,
    };
    made(rest, Date::new(year, month, day))
}

/// ```abnf
/// date-time      = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
/// date-day-fixed = (SP DIGIT) / 2DIGIT
/// time           = 2DIGIT ":" 2DIGIT ":" 2DIGIT
/// zone           = ("+" / "-") 4DIGIT
/// ```
/// A one-digit day without the blank is taken, as Dovecot does.
pub(super) fn date_time(input: &[u8]) -> Parsed<'_, DateTime> {
    delimited(char('"'), inside, char('"')).parse(input)
}

fn inside(input: &[u8]) -> Parsed<'_, DateTime> {
    let (rest, _) = opt(char(' ')).parse(input)?;
    let (rest, first) = digit(rest)?;
    let (rest, second) = opt(digit).parse(rest)?;
    let day = second.map_or(first, |second| first * 10 + second);
    let (rest, (month, year)) = month_and_year(rest)?;
    let (rest, hour) = preceded(char(' '), two_digits).parse(rest)?;
    let (rest, minute) = preceded(char(':'), two_digits).parse(rest)?;
    let (rest, second) = preceded(char(':'), two_digits).parse(rest)?;
    let (rest, sign) = preceded(char(' '), one_of("+-")).parse(rest)?;
    let (rest, hours) = two_digits(rest)?;
    let (rest, minutes) = two_digits(rest)?;
    if minutes > 59 {
        return In::other();
    }
    let east = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    let offset = if sign == '-' { -east } else { east };
    let time = (hour, minute, second);
    made(rest, Date::new(year, month, day).and_then(|date| DateTime::at(date, time, offset)))
}

/// ```abnf
/// "-" date-month "-" date-year
/// date-month = "Jan" / "Feb" / … / "Dec"
/// date-year  = 4DIGIT
/// ```
fn month_and_year(input: &[u8]) -> Parsed<'_, (u8, u16)> {
    let (rest, name) = preceded(char('-'), take(3_usize)).parse(input)?;
    let (rest, digits) = preceded(char('-'), count(digit, 4)).parse(rest)?;
    let year = digits.into_iter().fold(0, |year, digit| year * 10 + u16::from(digit));
    made(rest, Date::month_named(name).map(|month| (month, year)))
}

fn digit(input: &[u8]) -> Parsed<'_, u8> {
    let (rest, digit) = satisfy(|c| c.is_ascii_digit()).parse(input)?;
    made(rest, digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()))
}

fn two_digits(input: &[u8]) -> Parsed<'_, u8> {
    let (rest, (tens, ones)) = (digit, digit).parse(input)?;
    Ok((rest, tens * 10 + ones))
}

fn made<T>(rest: &[u8], value: Option<T>) -> Parsed<'_, T> {
    value.map_or_else(In::other, |value| Ok((rest, value)))
}

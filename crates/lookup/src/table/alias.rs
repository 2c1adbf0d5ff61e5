//! The right-hand side of a virtual alias table: addresses with commas or blanks between them.
//!
//! Only the syntax; expansion, recursion and defaults for bare names are smtpd's. Ruled by Postfix's
//! virtual(5).

use address::{Address, Domain};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{anychar, char, none_of};
use nom::combinator::{all_consuming, recognize};
use nom::multi::{many0_count, many1_count, separated_list1};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::{Limits, Table, TableError};

/// Addresses that one entry may name; Postfix's virtual_alias_expansion_limit.
pub const MAX_DESTINATIONS: usize = 1000;

/// One address on the right of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// `user@example.org`, or `user` alone.
    Address(Address),
    /// `@example.org`: the user asked for, in another domain.
    Domain(Domain),
}

/// A virtual alias table.
pub type AliasTable = Table<Vec<Destination>>;

/// Opens a virtual alias table.
///
/// # Errors
/// If the file can't be read or one of its lines names something that is no address.
pub fn open(path: impl Into<std::path::PathBuf>, limits: Limits) -> Result<AliasTable, TableError> {
    Table::open(path, limits, read_value)
}

/// Keys without `@` that hold a dot mark a domain in Postfix ("domain anything"): their right-hand
/// side means nothing, so it can't be wrong either.
fn read_value(key: &str, value: &str) -> Result<Option<Vec<Destination>>, String> {
    match parse(value) {
        Ok(list) => Ok(Some(list)),
        Err(_) if !key.contains('@') && key.contains('.') => Ok(None),
        Err(why) => Err(why),
    }
}

/// Reads the right-hand side of an entry.
///
/// # Errors
/// Says which word is no address, or that there are more than [`MAX_DESTINATIONS`].
pub fn parse(value: &str) -> Result<Vec<Destination>, String> {
    let words = all_consuming(delimited(gap0, separated_list1(gap1, word), gap0))
        .parse(value)
        .map_err(|_| "a quote stays open".to_owned())
        .map(|(_, words)| words)?;
    if words.len() > MAX_DESTINATIONS {
        return Err(format!("more than {MAX_DESTINATIONS} addresses"));
    }
    words.into_iter().map(destination).collect()
}

fn destination(word: &str) -> Result<Destination, String> {
    let bare = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')).unwrap_or(word);
    let read = match bare.strip_prefix('@') {
        Some(domain) => Domain::parse(domain).map(Destination::Domain),
        None => bare.parse().map(Destination::Address),
    };
    read.map_err(|why| format!("{}: {why}", word.escape_debug()))
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || c == ','
}

fn gap0(input: &str) -> IResult<&str, &str> {
    take_while(is_gap).parse(input)
}

fn gap1(input: &str) -> IResult<&str, &str> {
    take_while1(is_gap).parse(input)
}

/// Up to the next comma or blank outside quotes.
fn word(input: &str) -> IResult<&str, &str> {
    let pair = recognize(preceded(char('\\'), anychar));
    let within = alt((pair, recognize(none_of("\"\\"))));
    let quoted = recognize(delimited(char('"'), many0_count(within), tag("\"")));
    let plain = take_while1(|c: char| !is_gap(c) && c != '"');
    recognize(many1_count(alt((quoted, plain)))).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(value: &str) -> Vec<String> {
        let show = |d: &Destination| match d {
            Destination::Address(address) => address.to_string(),
            Destination::Domain(domain) => format!("@{domain}"),
        };
        parse(value).expect("addresses").iter().map(show).collect()
    }

    #[test]
    fn lists() {
        assert_eq!(show("bob@b.test"), ["bob@b.test"]);
        assert_eq!(show("bob, ann@b.test ,carl"), ["bob", "ann@b.test", "carl"]);
        assert_eq!(show("<bob@b.test>  @c.test,"), ["bob@b.test", "@c.test"]);
        assert_eq!(show("\"a, b\"@c.test d"), ["\"a, b\"@c.test", "d"]);
    }

    #[test]
    fn what_is_no_address() {
        for bad in ["", ",", "a@@b", "\"open", "a@b..c", "/file/ name@"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(read_value("old.test", "a@@b"), Ok(None));
        assert!(read_value("@old.test", "a@@b").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(value in "\\PC{0,60}") {
            let _ = parse(&value);
        }

        #[test]
        fn round_trips(names in proptest::collection::vec("[a-z]{1,6}@[a-z]{1,6}", 1..9)) {
            prop_assert_eq!(show(&names.join(", ")), names.clone());
            prop_assert_eq!(show(&names.join(" ")), names);
        }
    }
}

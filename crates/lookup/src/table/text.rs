//! The format of a table's source: logical lines first, then `key whitespace value` on each.
//!
//! As postmap(1) reads it: a line that starts with a blank continues the one before; empty lines
//! and lines whose first non-blank is `#` don't count, between continuations neither; a key may
//! hold quoted blanks, and keeps its quotes; of two equal keys the first wins.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::{anychar, char, none_of};
use nom::combinator::{recognize, rest};
use nom::multi::{many0_count, many1_count};
use nom::sequence::{delimited, preceded, separated_pair};
use nom::{IResult, Parser};

use super::ReadValue;

/// A line of a table that is wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1; for a logical line, where it starts.
    pub line: usize,
    /// What is the matter.
    pub what: String,
}

/// An entry as it stands in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1; where it starts.
    pub line: usize,
    /// As it was written: quotes kept, case kept.
    pub key: String,
    /// Everything behind the key and its blanks.
    pub value: String,
}

/// Reads every entry of a table in order, duplicates too. Oddities go to `warn` in Postfix's words.
pub(super) fn lines(content: &[u8], warn: &mut dyn FnMut(Fault)) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    for Logical { line, text } in logical_lines(content)? {
        let mut warn = |what: String| warn(Fault { line, what });
        if quote_stays_open(&text) {
            warn(format!("unbalanced '\"' in '{text}' -- ignoring this line"));
            continue;
        }
        let continued = text.starts_with(char::is_whitespace);
        let Some((key, value)) = entry(&text).filter(|_| !continued) else {
            warn("expected format: key whitespace value".to_owned());
            continue;
        };
        if key.ends_with(':') {
            warn("record is in \"key: value\" format; is this an alias file?".to_owned());
        }
        lines.push(Line { line, key: key.to_owned(), value: value.to_owned() });
    }
    Ok(lines)
}

/// Reads a whole table. Oddities that Postfix too only warns of go to `warn`.
pub(super) fn read<V>(
    content: &[u8],
    max_entries: usize,
    read_value: ReadValue<V>,
    warn: &mut dyn FnMut(Fault),
) -> Result<HashMap<String, V>, Fault> {
    let mut map = HashMap::new();
    for Line { line, key, value } in lines(content, warn)? {
        let fault = |what: String| Fault { line, what };
        let read = read_value(&key, &value).map_err(|why| fault(format!("`{key}`: {why}")))?;
        let Some(value) = read else {
            warn(fault(format!("`{key}` has no address on its right, left out")));
            continue;
        };
        match map.entry(key.to_lowercase()) {
            Entry::Occupied(_) => warn(duplicate(line, &key)),
            Entry::Vacant(place) => {
                place.insert(value);
            }
        }
        if map.len() > max_entries {
            return Err(fault(format!("more than {max_entries} entries")));
        }
    }
    Ok(map)
}

/// An entry whose key was there before: the first one counts.
#[must_use]
pub fn duplicate(line: usize, key: &str) -> Fault {
    Fault { line, what: format!("duplicate entry: \"{}\"", key.to_lowercase()) }
}

pub(super) struct Logical {
    pub(super) line: usize,
    pub(super) text: String,
}

/// Puts continuation lines together and drops what doesn't count.
pub(super) fn logical_lines(content: &[u8]) -> Result<Vec<Logical>, Fault> {
    let mut lines: Vec<Logical> = Vec::new();
    for (index, bytes) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = index + 1;
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Fault { line, what: "not UTF-8".into() })?
            .trim_end();
        let inner = text.trim_start();
        if inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        match lines.last_mut() {
            Some(before) if inner.len() < text.len() => before.text.push_str(text),
            _ => lines.push(Logical { line, text: text.to_owned() }),
        }
    }
    Ok(lines)
}

/// Whether the key has a quote that nothing closes.
fn quote_stays_open(line: &str) -> bool {
    let (mut open, mut skip) = (false, false);
    for c in line.chars() {
        match c {
            _ if skip => skip = false,
            '\\' => skip = true,
            '"' => open = !open,
            _ if c.is_whitespace() && !open => return false,
            _ => {}
        }
    }
    open
}

/// Key and value of one logical line; none if either is missing or a quote stays open.
fn entry(line: &str) -> Option<(&str, &str)> {
    let gap = take_while1(char::is_whitespace);
    match separated_pair(key, gap, rest::<&str, nom::error::Error<&str>>).parse(line) {
        Ok((_, (key, value))) if !value.is_empty() => Some((key, value)),
        _ => None,
    }
}

/// Everything up to the first blank outside quotes. A backslash takes the next character along.
fn key(input: &str) -> IResult<&str, &str> {
    let escaped = || recognize(preceded(char('\\'), anychar));
    let within = alt((escaped(), recognize(none_of("\"\\"))));
    let quoted = recognize(delimited(char('"'), many0_count(within), char('"')));
    let plain = take_while1(|c: char| !c.is_whitespace() && !matches!(c, '"' | '\\'));
    recognize(many1_count(alt((quoted, escaped(), plain)))).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_text(text: &str) -> (HashMap<String, String>, Vec<usize>) {
        let mut odd = Vec::new();
        let map = read(
            text.as_bytes(),
            100,
            |_, value| Ok(Some(value.to_owned())),
            &mut |fault: Fault| odd.push(fault.line),
        )
        .expect("a table");
        (map, odd)
    }

    /// What Debian's `postmap -q` and `postmap -s` say of the same file.
    #[test]
    fn reads_as_postmap_does() {
        let (map, odd) = read_text(concat!(
            "# comment\n",
            "A@x.test b@x.test\n",
            "   c@x.test\n",
            "\"quoted key\"@x.test  d@x.test\n",
            "   # comment within\n",
            " cont \n",
            "dup@x.test one\n",
            "dup@x.test two\n",
            "novalue\n",
            "@x.test  u # data\r\n",
            "e@x.test: f\n",
            "\"open v\n",
            "back\\ slash v4",
        ));
        let mut found: Vec<_> = map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("\"quoted key\"@x.test", "d@x.test cont"),
                ("@x.test", "u # data"),
                ("a@x.test", "b@x.test   c@x.test"),
                ("back\\ slash", "v4"),
                ("dup@x.test", "one"),
                ("e@x.test:", "f"),
            ]
        );
        assert_eq!(odd, [9, 11, 12, 8]);
    }

    #[test]
    fn a_first_line_that_continues_nothing() {
        let (map, odd) = read_text("  a b\nc d\n");
        assert_eq!((map.len(), odd), (1, vec![1]));
    }

    #[test]
    fn limits_and_bad_bytes() {
        let take = |_: &str, value: &str| Ok(Some(value.to_owned()));
        let fault = read(b"a b\nc d\n", 1, take, &mut |_| ()).expect_err("too many");
        assert_eq!(fault.line, 2);
        let fault = read(b"a b\n\xff c\n", 9, take, &mut |_| ()).expect_err("bad bytes");
        assert_eq!(fault, Fault { line: 2, what: "not UTF-8".into() });
    }

    proptest! {
        #[test]
        fn never_panics(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&content, 10, |_, v| Ok(Some(v.to_owned())), &mut |_| ());
        }

        #[test]
        fn finds_what_was_written(
            entries in proptest::collection::btree_map("[a-z]{1,8}@[a-z]{1,8}", "[!-~]{1,9}( [!-~]{1,9}){0,2}", 0..20),
            gap in "[ \t]{1,3}",
        ) {
            let text: String =
                entries.iter().map(|(k, v)| format!("#\n{k}{gap}{}\n\n", v.replace(' ', "\n "))).collect();
            let (map, _) = read_text(&text);
            let found: std::collections::BTreeMap<_, _> = map.into_iter().collect();
            // A value's word that starts with `#` on a line of its own is a comment.
            let expected: std::collections::BTreeMap<_, _> = entries
                .into_iter()
                .map(|(k, v)| {
                    let mut words = v.split(' ');
                    let first = words.next().unwrap_or_default().to_owned();
                    let rest = words.filter(|w| !w.starts_with('#')).map(|w| format!(" {w}"));
                    (k, first + &rest.collect::<String>())
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}

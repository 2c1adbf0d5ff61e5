//! Alias files for local names, Postfix's aliases(5): `name: value, value`.
//!
//! Logical lines as in other tables; the name is unquoted and local, the value is put down as postalias(1)
//! does it. What a value means (addresses, `|command`, `/file`, `:include:`), whoever asks knows.

use std::path::Path;

use super::text::{Fault, Line, logical_lines};
use super::{Limits, TableError, read_file, within};

/// Reads a file's entries in order. Lines that Postfix would leave out go to `warn`.
///
/// # Errors
/// If the file can't be read, is too large, or isn't UTF-8.
pub fn read(
    path: &Path,
    limits: Limits,
    warn: &mut dyn FnMut(Fault),
) -> Result<Vec<Line>, TableError> {
    let (_, content) = read_file(path, limits.octets)?;
    within(path, limits, lines(&content, warn))
}

fn lines(content: &[u8], warn: &mut dyn FnMut(Fault)) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    for logical in logical_lines(content)? {
        match entry(&logical.text) {
            Ok((key, value)) => lines.push(Line { line: logical.line, key, value }),
            Err(what) => warn(Fault { line: logical.line, what: what.to_owned() }),
        }
    }
    Ok(lines)
}

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// An atom, a quoted string or a comment, as it was written.
    Word(&'a str),
    Special(char),
}

/// Name and value.
fn entry(line: &str) -> Result<(String, String), &'static str> {
    let pieces = pieces(line);
    let colon = pieces.iter().position(|piece| *piece == Piece::Special(':'));
    let parts = colon.map(|at| (pieces.get(..at), pieces.get(at + 1..)));
    let (name, value) = match parts {
        Some((Some(name), Some(value))) if !name.is_empty() && !value.is_empty() => (name, value),
        _ => return Err("need name:value pair"),
    };
    let has = |c: char| name.contains(&Piece::Special(c));
    if has(',') {
        return Err("need name:value pair");
    }
    if has('@') || has('%') {
        return Err("name must be local");
    }
    Ok((unquoted(name), written(value)))
}

/// As it is looked up.
fn unquoted(pieces: &[Piece<'_>]) -> String {
    let mut name = String::new();
    for piece in pieces {
        match piece {
            Piece::Special(c) => name.push(*c),
            Piece::Word(word) => {
                let mut skip = false;
                for c in word.chars() {
                    if skip || !matches!(c, '"' | '\\') {
                        name.push(c);
                    }
                    skip = !skip && c == '\\';
                }
            }
        }
    }
    name
}

/// As postalias(1) puts it down: a blank behind commas and between words, none elsewhere.
fn written(pieces: &[Piece<'_>]) -> String {
    let mut value = String::new();
    let mut before = Piece::Special(':');
    for piece in pieces {
        if matches!((before, piece), (Piece::Word(_), Piece::Word(_)) | (Piece::Special(','), _)) {
            value.push(' ');
        }
        match piece {
            Piece::Word(word) => value.push_str(word),
            Piece::Special(c) => value.push(*c),
        }
        before = *piece;
    }
    value
}

fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => closed(rest, '"'),
            '(' => closed(rest, ')'),
            _ if is_special(first) => {
                pieces.push(Piece::Special(first));
                rest = rest.get(first.len_utf8()..).unwrap_or_default().trim_start();
                continue;
            }
            _ => atom(rest),
        };
        let (word, behind) = rest.split_at(length);
        pieces.push(Piece::Word(word));
        rest = behind.trim_start();
    }
    pieces
}

fn is_special(c: char) -> bool {
    matches!(c, ':' | ',' | ';' | '@' | '%' | '<' | '>' | '.' | '!')
}

/// The length of what ends in this character; the whole rest if nothing ends it.
fn closed(text: &str, end: char) -> usize {
    let mut skip = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if skip => skip = false,
            '\\' => skip = true,
            _ if c == end => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

fn atom(text: &str) -> usize {
    let mut skip = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if skip => skip = false,
            '\\' => skip = true,
            _ if is_special(c) || c.is_whitespace() || matches!(c, '"' | '(') => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_text(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let mut odd = Vec::new();
        let mut warn = |fault: Fault| odd.push(format!("{}: {}", fault.line, fault.what));
        let lines = lines(text.as_bytes(), &mut warn).expect("text");
        (lines.into_iter().map(|line| (line.key, line.value)).collect(), odd)
    }

    /// What Debian's `postalias -s` says of the same file.
    #[test]
    fn reads_as_postalias_does() {
        let (found, odd) = read_text(concat!(
            "# c\n",
            "postmaster: root\n",
            "Root:  alice,bob , \"c d\"\n",
            "list:\t:include:/x/y\n",
            "prog: \"|/usr/bin/foo -x\"\n",
            "file: /var/mail/x\n",
            "a@b: c\n",
            "nocolon\n",
            "empty:\n",
            " cont: x\n",
            "multi: a\n",
            "  b, c\n",
            "\"q x\": z\n",
            "x, y: z\n",
            "k:l:m\n",
            ": v\n",
        ));
        let wanted = [
            ("postmaster", "root"),
            ("Root", "alice, bob, \"c d\""),
            ("list", ":include:/x/y"),
            ("prog", "\"|/usr/bin/foo -x\""),
            ("file", "/var/mail/x"),
            ("empty", "cont:x"),
            ("multi", "a b, c"),
            ("q x", "z"),
            ("k", "l:m"),
        ];
        let wanted: Vec<_> = wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(found, wanted);
        assert_eq!(
            odd,
            [
                "7: name must be local",
                "8: need name:value pair",
                "14: need name:value pair",
                "16: need name:value pair"
            ]
        );
    }

    #[test]
    fn addresses_stay_whole() {
        let (found, _) = read_text("a.b: x.y@z.test, <u@v.test>\nopen: \"|a b\n");
        assert_eq!(found[0], ("a.b".to_owned(), "x.y@z.test, <u@v.test>".to_owned()));
        assert_eq!(found[1].1, "\"|a b");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c:,@%\"\\\\() \n#é.]{0,40}") {
            let _ = read_text(&text);
        }
    }
}

//! Addresses in a word of the command line or in a field: every one that Postfix would find there.
//!
//! More lenient than RFC 5322 §3.4: names without a domain, words without commas between them, quotes
//! and brackets that stay open. It says where each address stands, so that a domain can be put behind
//! one that has none, and all else be left as it was written.

use address::{Address, Domain, LocalPart};

/// Nesting of comments; deeper ones end the text.
const MAX_COMMENT_DEPTH: usize = 100;

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The address; none if it can't be one (`<>`, `a@-b`).
    pub address: Option<Address>,
    /// As it was written, for people.
    pub written: String,
    /// For one without a domain: the octet of the text behind which the domain belongs.
    pub domain_goes: Option<usize>,
}

/// A piece of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    kind: Kind,
    /// Without quotes.
    text: String,
    /// Where it ends.
    end: usize,
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An atom or a quoted string.
    Word,
    /// `[…]`
    Literal,
    /// One of `.@,;:<>`.
    Special(char),
}

/// Finds them all, in order.
#[must_use]
pub fn find(text: &str) -> Vec<Found> {
    let pieces = pieces(text);
    let mut found = Vec::new();
    let mut run: Vec<&Piece> = Vec::new();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        at += 1;
        match piece.kind {
            Kind::Special(',' | ';') => end_run(text, &mut run, &mut found),
            // What stands before it is a group's name.
            Kind::Special(':') => run.clear(),
            Kind::Special('<') => {
                // What stands before it is a person's name.
                run.clear();
                let rest = pieces.get(at..).unwrap_or_default();
                let length = rest.iter().position(|piece| piece.kind == Kind::Special('>'));
                let inside = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
                let behind = at + inside.len() + 1;
                let bracket = piece.start..inside.last().map_or(piece.end, |last| last.end);
                found.push(bracketed(text, inside, bracket));
                at = behind;
            }
            Kind::Special('>') => {}
            _ => run.push(piece),
        }
    }
    end_run(text, &mut run, &mut found);
    found
}

/// `@a,@b:` in front of an address asked old mailers for a way; nobody follows it.
fn bracketed(text: &str, inside: &[Piece], place: std::ops::Range<usize>) -> Found {
    let route = inside.first().is_some_and(|first| first.kind == Kind::Special('@'));
    let colon = inside.iter().rposition(|piece| piece.kind == Kind::Special(':'));
    let inside = match colon.filter(|_| route) {
        Some(colon) => inside.get(colon + 1..).unwrap_or_default(),
        None => inside,
    };
    let written = format!("{}>", text.get(place).unwrap_or_default());
    Found { written, ..address(&inside.iter().collect::<Vec<_>>()) }
}

/// A run of words between separators: each word that follows another without a dot or an at sign is
/// an address of its own.
fn end_run(text: &str, run: &mut Vec<&Piece>, found: &mut Vec<Found>) {
    let mut own: Vec<&Piece> = Vec::new();
    let mut one = |own: &mut Vec<&Piece>| {
        if let (Some(first), Some(last)) = (own.first(), own.last()) {
            let written = text.get(first.start..last.end).unwrap_or_default().to_owned();
            found.push(Found { written, ..address(own) });
        }
        own.clear();
    };
    for piece in run.drain(..) {
        let word = !matches!(piece.kind, Kind::Special(_));
        if word && own.last().is_some_and(|last| !matches!(last.kind, Kind::Special(_))) {
            one(&mut own);
        }
        own.push(piece);
    }
    one(&mut own);
}

fn address(pieces: &[&Piece]) -> Found {
    let at = pieces.iter().rposition(|piece| piece.kind == Kind::Special('@'));
    let joined = |pieces: &[&Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect();
    let (local, domain): (String, Option<String>) = match at {
        Some(at) => {
            let behind = pieces.get(at + 1..).unwrap_or_default();
            (joined(pieces.get(..at).unwrap_or_default()), Some(joined(behind)))
        }
        None => (joined(pieces), None),
    };
    let domain_goes =
        pieces.last().filter(|_| domain.is_none() && !local.is_empty()).map(|last| last.end);
    let parsed = || {
        let local = LocalPart::from_unquoted(local).ok()?;
        let domain = domain.map(|text| Domain::parse(&text)).transpose().ok()?;
        Some(Address::new(local, domain))
    };
    Found { address: parsed(), written: String::new(), domain_goes }
}

/// Cuts the text up; white space and comments are left out.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while let Some(first) = text.get(start..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(start..).unwrap_or_default();
        let (length, piece) = match first {
            _ if first.is_whitespace() || first.is_control() => (first.len_utf8(), None),
            '(' => (comment(rest), None),
            '"' => {
                let (length, inner) = quoted(rest);
                (length, Some((Kind::Word, inner)))
            }
            '[' => {
                let length = rest.find(']').map_or(rest.len(), |at| at + 1);
                let inner = rest.get(..length).unwrap_or_default();
                let inner = inner.chars().filter(|c| !c.is_whitespace()).collect();
                (length, Some((Kind::Literal, inner)))
            }
            '.' | '@' | ',' | ';' | ':' | '<' | '>' => {
                (1, Some((Kind::Special(first), first.to_string())))
            }
            _ => {
                let (length, inner) = atom(rest);
                (length, Some((Kind::Word, inner)))
            }
        };
        let end = start + length.max(1);
        pieces.extend(piece.map(|(kind, text)| Piece { kind, text, end, start }));
        start = end;
    }
    pieces
}

/// The length of `(…)`, comments in it too.
fn comment(text: &str) -> usize {
    let (mut depth, mut skip) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if skip => skip = false,
            '\\' => skip = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
        if depth > MAX_COMMENT_DEPTH {
            break;
        }
    }
    text.len()
}

/// `"…"`: its length, and what is in it.
fn quoted(text: &str) -> (usize, String) {
    let (mut inner, mut skip) = (String::new(), false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            // A fold within quotes.
            '\r' | '\n' => {}
            _ if skip => {
                skip = false;
                inner.push(c);
            }
            '\\' => skip = true,
            '"' => return (at + 1, inner),
            _ => inner.push(c),
        }
    }
    (text.len(), inner)
}

/// Everything up to a character that means something; a backslash takes the next one along.
fn atom(text: &str) -> (usize, String) {
    let (mut inner, mut skip) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            _ if skip => {
                skip = false;
                inner.push(c);
            }
            '\\' => skip = true,
            _ if "\"().@,;:<>[]".contains(c) || c.is_whitespace() || c.is_control() => {
                return (at.max(1), inner);
            }
            _ => inner.push(c),
        }
    }
    (text.len(), inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Addresses as they print, `!` and the text for what is none.
    fn show(text: &str) -> Vec<String> {
        let one = |found: Found| match found.address {
            Some(address) => address.to_string(),
            None => format!("!{}", found.written),
        };
        find(text).into_iter().map(one).collect()
    }

    #[test]
    fn as_postfix_finds_them() {
        let table: [(&str, &[&str]); 22] = [
            ("a@b.test", &["a@b.test"]),
            ("A One <a@b.test>, bare", &["a@b.test", "bare"]),
            ("\"x, y\" <c@d.test>", &["c@d.test"]),
            ("group: a@b.test, c@d.test;", &["a@b.test", "c@d.test"]),
            ("undisclosed-recipients:;", &[]),
            ("a@b.test (comment), <d@e.test>", &["a@b.test", "d@e.test"]),
            ("a@b.test; c@d.test", &["a@b.test", "c@d.test"]),
            ("a b", &["a", "b"]),
            ("<a@b.test> <c@d.test>", &["a@b.test", "c@d.test"]),
            ("<@r.test,@s.test:a@b.test>", &["a@b.test"]),
            ("a@@b.test", &["\"a@\"@b.test"]),
            ("x@y@z.test", &["\"x@y\"@z.test"]),
            ("a..b@c.test, .a@b.test", &["\"a..b\"@c.test", "\".a\"@b.test"]),
            ("Ü@b.test, Ä <ä@b.test>", &["Ü@b.test", "ä@b.test"]),
            ("a%c@b.test, x!y", &["a%c@b.test", "x!y"]),
            ("\"a b\"@c.test", &["\"a b\"@c.test"]),
            ("a . b @ c . test", &["a.b@c.test"]),
            ("a@[192.0.2.1]", &["a@[192.0.2.1]"]),
            ("\"open a@b.test", &["\"open a@b.test\""]),
            ("Jo <a@b.test", &["a@b.test"]),
            ("@b.test, a@-b.test, <>", &["!@b.test", "!a@-b.test", "!<>"]),
            ("", &[]),
        ];
        for (text, wanted) in table {
            assert_eq!(show(text), wanted, "{text}");
        }
    }

    #[test]
    fn where_a_domain_goes() {
        let text = "Z <z>, y (c), a@b.test, \"q r\"\t";
        let mut completed = text.to_owned();
        for found in find(text).iter().rev() {
            if let Some(at) = found.domain_goes {
                completed.insert_str(at, "@x.test");
            }
        }
        assert_eq!(completed, "Z <z@x.test>, y@x.test (c), a@b.test, \"q r\"@x.test\t");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-zé@.,;:<>()\\[\\]\"\\\\ \r\n\t]{0,40}") {
            for found in find(&text) {
                prop_assert!(found.domain_goes.is_none_or(|at| text.is_char_boundary(at)));
                prop_assert!(found.domain_goes.is_none_or(|at| at <= text.len()));
            }
        }

        /// What is written well is found as it was written.
        #[test]
        fn round_trips(names in proptest::collection::vec("[a-z]{1,5}(\\.[a-z]{1,3})?@[a-z]{1,5}\\.test", 0..6)) {
            prop_assert_eq!(show(&names.join(", ")), names.clone());
            let long: Vec<String> = names.iter().map(|name| format!("\"N, x\" (c) <{name}>")).collect();
            prop_assert_eq!(show(&long.join(",\r\n\t")), names);
        }
    }
}

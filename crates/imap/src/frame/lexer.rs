//! Finds a line's end, and the literal that it may announce.

use super::event::Literal;

/// State between two octets of a line.
///
/// `{n+}` counts wherever it stands outside quotes, as its octets will come whatever we think of
/// the line. `{n}` counts only where an argument may begin: elsewhere the line is a syntax error,
/// and the client, which waits, is told so.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    quoted: bool,
    escaped: bool,
    /// Whether an argument may begin at the next octet.
    boundary: bool,
    announcement: Announcement,
}

#[derive(Debug, Default, Clone, Copy)]
enum Announcement {
    #[default]
    None,
    /// `{` and digits; `digits` counts none as no number.
    Number { octets: u64, digits: bool, boundary: bool },
    /// `{n+`
    Plus { octets: u64 },
    /// `{n}` or `{n+}`
    Closed(Literal),
    /// The same and a CR.
    Return(Literal),
}

impl Lexer {
    /// Takes the line's next octet. At its end tells the literal announced, if any.
    pub(super) fn step(&mut self, octet: u8) -> Option<Option<Literal>> {
        if octet == b'\n' {
            let literal = match self.announcement {
                Announcement::Closed(literal) | Announcement::Return(literal) => Some(literal),
                _ => None,
            };
            *self = Self::default();
            return Some(literal);
        }
        if self.quoted {
            match octet {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return None;
        }
        self.announcement = self.announced(octet);
        // A quote opens a string only where an argument may begin: `a"b` is a broken atom.
        self.quoted = octet == b'"' && self.boundary;
        self.boundary = matches!(octet, b' ' | b'(' | b'~');
        None
    }

    fn announced(&self, octet: u8) -> Announcement {
        use Announcement::{Closed, None, Number, Plus, Return};
        match (self.announcement, octet) {
            (Number { octets, boundary, .. }, b'0'..=b'9') => {
                let digit = u64::from(octet - b'0');
                let grown = octets.checked_mul(10).and_then(|tens| tens.checked_add(digit));
                Number { octets: grown.unwrap_or(u64::MAX), digits: true, boundary }
            }
            (Number { octets, digits: true, .. }, b'+') => Plus { octets },
            (Number { octets, digits: true, boundary: true }, b'}') => {
                Closed(Literal { octets, synchronising: true })
            }
            (Plus { octets }, b'}') => Closed(Literal { octets, synchronising: false }),
            (Closed(literal), b'\r') => Return(literal),
            (_, b'{') => Number { octets: 0, digits: false, boundary: self.boundary },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(line: &str) -> Option<(u64, bool)> {
        let mut lexer = Lexer::default();
        let mut ends = line.bytes().filter_map(|octet| lexer.step(octet));
        let end = ends.next().expect("a line's end");
        end.map(|literal| (literal.octets, literal.synchronising))
    }

    #[test]
    fn where_literals_count() {
        assert_eq!(announced("a LOGIN {5}\r\n"), Some((5, true)));
        assert_eq!(announced("a LOGIN {5+}\n"), Some((5, false)));
        assert_eq!(announced("a X ({0}\r\n"), Some((0, true)));
        assert_eq!(announced("a X ~{7}\r\n"), Some((7, true)));
        assert_eq!(announced("a X \"a\\\"\" {7}\r\n"), Some((7, true)));
        assert_eq!(announced("a X y{7+}\r\n"), Some((7, false)));
        assert_eq!(announced("a X \"y\"{7+}\r\n"), Some((7, false)));
        assert_eq!(announced("a X {99999999999999999999}\r\n"), Some((u64::MAX, true)));
    }

    #[test]
    fn where_they_do_not() {
        for line in [
            "a X y{7}\r\n",
            "a X \"y {7+}\r\n",
            "a X \"y\\\" {7}\r\n",
            "a X {7} \r\n",
            "a X {}\r\n",
            "a X {+}\r\n",
            "a X {7++}\r\n",
            "a X {7}\r\r\n",
            "a X {7\r\n",
        ] {
            assert_eq!(announced(line), None, "{line:?}");
        }
    }
}

//! Looking for a piece of text without regard to case, in text that passes by.
//!
//! Letters are compared by Unicode's lower case. Ruled by RFC 3501 §6.4.4 ("case-insensitive");
//! composed and decomposed letters are different here.

use memchr::memmem;

use crate::words;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Needle {
    folded: String,
}

fn fold(text: &str, into: &mut String) {
    if text.is_ascii() {
        return into.push_str(&text.to_ascii_lowercase()); // much faster, and most text
    }
    into.extend(text.chars().flat_map(char::to_lowercase));
}

impl Needle {
    /// Takes the text; an empty one is found everywhere.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut folded = String::new();
        fold(text, &mut folded);
        Self { folded }
    }

    /// Whether nothing in particular is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    /// Whether it stands in the text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        Finder::new(self).feed(text)
    }

    /// Whether it stands in a header field's value, encoded words decoded.
    #[must_use]
    pub fn is_in_field(&self, value: &[u8]) -> bool {
        self.is_in(&words::decode(value))
    }
}

/// A search under way in one text that comes in pieces.
#[derive(Debug)]
pub struct Finder<'a> {
    needle: &'a Needle,
    /// The folded end of the text so far, shorter than the needle, and then the present piece.
    window: String,
    found: bool,
}

impl<'a> Finder<'a> {
    /// Starts at a text's beginning.
    #[must_use]
    pub const fn new(needle: &'a Needle) -> Self {
        Self { needle, window: String::new(), found: needle.folded.is_empty() }
    }

    /// Whether it has been found now.
    pub fn feed(&mut self, piece: &str) -> bool {
        if self.found {
            return true;
        }
        fold(piece, &mut self.window);
        let wanted = self.needle.folded.as_bytes();
        self.found = memmem::find(self.window.as_bytes(), wanted).is_some();
        let mut keep_from = self.window.len().saturating_sub(wanted.len() - 1);
        while !self.window.is_char_boundary(keep_from) {
            keep_from -= 1;
        }
        self.window.drain(..keep_from);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_case() {
        assert!(Needle::new("ÉTÉ").is_in("un été"));
        assert!(!Needle::new("ete").is_in("été"));
        assert!(Needle::new("").is_in(""));
        assert!(Needle::new("café").is_in_field(b"=?utf-8?q?CAF=C3=89?="));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[abé]{0,30}", needle in "[abé]{1,3}") {
            let wanted = Needle::new(&needle);
            let mut finder = Finder::new(&wanted);
            let mut found = false;
            for letter in text.chars() {
                found = finder.feed(&letter.to_string());
            }
            prop_assert_eq!(found, text.contains(&needle));
        }
    }
}

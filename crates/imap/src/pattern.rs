//! LIST's patterns: `*` stands for anything, `%` for anything without the separator
//! (RFC 3501 §6.3.8).
//!
//! Works on decoded text. The time that a match takes is bounded by name times pattern, whatever
//! the pattern's wildcards.

use mailbox::MAX_NAME_OCTETS;

/// A limit of ours, reference and pattern together.
pub const MAX_PATTERN_OCTETS: usize = MAX_NAME_OCTETS;
/// A limit of ours, so that a pattern made of stars can't keep a server busy.
pub const MAX_WILDCARDS: usize = 32;

/// Over [`MAX_PATTERN_OCTETS`] or [`MAX_WILDCARDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Mailbox pattern is too long")]
pub struct PatternTooLong;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `%`
    Level,
    /// `*`
    Any,
}

/// A reference and a pattern, ready to be matched against names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
    separator: char,
}

impl Pattern {
    /// The reference is put in front of the pattern as it stands; wildcards in it match too.
    /// `INBOX` as the first level matches in any case (RFC 3501 §5.1).
    ///
    /// # Errors
    /// If it is too long.
    pub fn new(reference: &str, pattern: &str, separator: char) -> Result<Self, PatternTooLong> {
        if reference.len() + pattern.len() > MAX_PATTERN_OCTETS {
            return Err(PatternTooLong);
        }
        let mut tokens = Vec::new();
        for c in reference.chars().chain(pattern.chars()) {
            match (c, tokens.last()) {
                ('*', Some(Token::Any)) | ('%', Some(Token::Any | Token::Level)) => {}
                ('*', Some(Token::Level)) => {
                    tokens.pop();
                    tokens.push(Token::Any);
                }
                ('*', _) => tokens.push(Token::Any),
                ('%', _) => tokens.push(Token::Level),
                _ => tokens.push(Token::Char(c)),
            }
        }
        let wild = tokens.iter().filter(|token| !matches!(token, Token::Char(_))).count();
        if wild > MAX_WILDCARDS {
            return Err(PatternTooLong);
        }
        fold_inbox(&mut tokens, separator);
        Ok(Self { tokens, separator })
    }

    /// Whether the whole name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut states = vec![0];
        self.pass_wildcards(&mut states);
        for c in name.chars() {
            self.step(&mut states, c);
            if states.is_empty() {
                return false;
            }
        }
        states.contains(&self.tokens.len())
    }

    /// Places in the pattern that the name may have come to, after one more character.
    fn step(&self, states: &mut Vec<usize>, c: char) {
        let mut next = Vec::with_capacity(states.len() + 1);
        for &state in states.iter() {
            match self.tokens.get(state) {
                Some(&Token::Char(wanted)) if wanted == c => next.push(state + 1),
                Some(Token::Any) => next.push(state),
                Some(Token::Level) if c != self.separator => next.push(state),
                _ => {}
            }
        }
        *states = next;
        self.pass_wildcards(states);
    }

    /// A wildcard may stand for nothing: the place behind it counts too.
    fn pass_wildcards(&self, states: &mut Vec<usize>) {
        for place in 0..states.len() {
            let mut state = states.get(place).copied().unwrap_or_default();
            while matches!(self.tokens.get(state), Some(Token::Any | Token::Level)) {
                state += 1;
                states.push(state);
            }
        }
        states.sort_unstable();
        states.dedup();
    }
}

/// Writes a first level `inbox` in capitals, as names have it.
fn fold_inbox(tokens: &mut [Token], separator: char) {
    let is = |token: &Token, wanted: char| matches!(token, Token::Char(c) if c.eq_ignore_ascii_case(&wanted));
    let ends = match tokens.get(5) {
        None | Some(Token::Any | Token::Level) => true,
        Some(Token::Char(c)) => *c == separator,
    };
    let Some(first) = tokens.get_mut(..5).filter(|_| ends) else { return };
    if first.iter().zip("INBOX".chars()).all(|(token, wanted)| is(token, wanted)) {
        for (token, wanted) in first.iter_mut().zip("INBOX".chars()) {
            *token = Token::Char(wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern, '/').expect("short").matches(name)
    }

    #[test]
    fn wildcards() {
        assert!(matches("*", "a/b") && matches("*", ""));
        assert!(matches("%", "a") && !matches("%", "a/b") && matches("%/%", "a/b"));
        assert!(matches("a*c", "ac") && matches("a*c", "a/b/c") && !matches("a%c", "a/c"));
        assert!(matches("%b*", "abc/d") && !matches("%b*", "a/b"));
        assert!(matches("*%*", "a/b") && matches("%%", "ab"));
        assert!(!matches("", "a") && matches("", ""));
        assert!(matches("a/%/c", "a/x/c") && !matches("a/%/c", "a/x/y/c"));
    }

    #[test]
    fn inbox_in_any_case_and_the_reference() {
        assert!(matches("inbox", "INBOX") && matches("inBox/%", "INBOX/a"));
        assert!(matches("inbox*", "INBOX/a") && !matches("inboxes", "INBOXES"));
        assert!(Pattern::new("a/", "%", '/').expect("short").matches("a/b"));
        assert!(Pattern::new("in", "box", '/').expect("short").matches("INBOX"));
    }

    #[test]
    fn costly_patterns() {
        assert_eq!(Pattern::new("", &"x".repeat(MAX_PATTERN_OCTETS + 1), '/'), Err(PatternTooLong));
        assert_eq!(Pattern::new("", &"*x".repeat(MAX_WILDCARDS + 1), '/'), Err(PatternTooLong));
        let many = format!("{}b", "*a".repeat(MAX_WILDCARDS - 1));
        assert!(!matches(&many, &"a".repeat(MAX_NAME_OCTETS)));
        assert!(matches(&"*".repeat(1000), "a"));
    }

    fn slow(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, _) => name.is_empty(),
            (Some((w @ ('*' | '%'), rest)), Some((c, tail))) => {
                slow(rest, name) || ((*w == '*' || *c != '/') && slow(pattern, tail))
            }
            (Some(('*' | '%', rest)), None) => slow(rest, name),
            (Some((p, rest)), Some((c, tail))) => p == c && slow(rest, tail),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn as_by_trying_everything(pattern in "[ab/*%]{0,8}", name in "[ab/]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &name), slow(&chars(&pattern), &chars(&name)));
        }
    }
}

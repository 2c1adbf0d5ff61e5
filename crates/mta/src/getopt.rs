//! Options as POSIX getopt(3) reads them: the first word that is none ends them, as `--` does.
//!
//! What an option means, whoever asks knows.

/// A command line on its way through.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// As getopt(3) has it: `ab:` takes `-a` and `-b VALUE`.
    known: &'a str,
    words: &'a [String],
    /// Octets of the first word that were read already.
    within: usize,
}

/// What stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// `-a`
    Flag(char),
    /// `-bVALUE`, `-b VALUE`
    Value(char, &'a str),
    /// An option that nobody knows.
    Unknown(char),
    /// An option whose value isn't there.
    Lacking(char),
}

impl<'a> Options<'a> {
    /// The words behind the program's name.
    #[must_use]
    pub fn new(known: &'a str, words: &'a [String]) -> Self {
        Self { known, words, within: 0 }
    }

    /// The next word, if it wasn't begun.
    #[must_use]
    pub fn word(&self) -> Option<&'a str> {
        self.words.first().filter(|_| self.within == 0).map(String::as_str)
    }

    /// The word behind it.
    #[must_use]
    pub fn word_behind(&self) -> Option<&'a str> {
        self.words.get(1).filter(|_| self.within == 0).map(String::as_str)
    }

    /// Passes over the next word.
    pub fn skip_word(&mut self) {
        self.within = 0;
        self.words = self.words.get(1..).unwrap_or_default();
    }

    /// What no option was taken of.
    #[must_use]
    pub fn rest(&self) -> &'a [String] {
        self.words
    }

    /// The next option; none where the options end.
    pub fn next_option(&mut self) -> Option<Found<'a>> {
        let word = self.words.first()?;
        if self.within == 0 {
            let cluster = word.strip_prefix('-').filter(|cluster| !cluster.is_empty())?;
            if cluster == "-" {
                self.skip_word();
                return None;
            }
            self.within = 1;
        }
        let mut rest = word.get(self.within..).unwrap_or_default().chars();
        let letter = rest.next()?;
        let rest = rest.as_str();
        self.within = word.len() - rest.len();
        let takes = self.takes_value(letter);
        if takes == Some(true) {
            self.skip_word();
            if !rest.is_empty() {
                return Some(Found::Value(letter, rest));
            }
            let Some(value) = self.words.first() else { return Some(Found::Lacking(letter)) };
            self.skip_word();
            return Some(Found::Value(letter, value));
        }
        if rest.is_empty() {
            self.skip_word();
        }
        Some(if takes.is_some() { Found::Flag(letter) } else { Found::Unknown(letter) })
    }

    /// None for an option that nobody knows.
    fn takes_value(&self, letter: char) -> Option<bool> {
        if letter == ':' {
            return None;
        }
        let at = self.known.find(letter)?;
        let behind = self.known.get(at + letter.len_utf8()..).unwrap_or_default();
        Some(behind.starts_with(':'))
    }
}

/// What getopt(3) itself prints of an option that it doesn't take.
#[must_use]
pub fn complaint(name: &str, found: Found<'_>) -> Option<String> {
    match found {
        Found::Unknown(letter) => Some(format!("{name}: invalid option -- '{letter}'")),
        Found::Lacking(letter) => {
            Some(format!("{name}: option requires an argument -- '{letter}'"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> (Vec<String>, Vec<String>) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let mut options = Options::new("ab:c", &words);
        let mut found = Vec::new();
        while let Some(next) = options.next_option() {
            found.push(match next {
                Found::Flag(letter) => format!("{letter}"),
                Found::Value(letter, value) => format!("{letter}={value}"),
                Found::Unknown(letter) => format!("?{letter}"),
                Found::Lacking(letter) => format!("!{letter}"),
            });
        }
        (found, options.rest().to_vec())
    }

    #[test]
    fn as_getopt_reads_them() {
        let table: [(&str, &[&str], &[&str]); 9] = [
            ("-a -c x", &["a", "c"], &["x"]),
            ("-ac x -a", &["a", "c"], &["x", "-a"]),
            ("-bx -b y z", &["b=x", "b=y"], &["z"]),
            ("-ab", &["a", "!b"], &[]),
            ("-acb -a", &["a", "c", "b=-a"], &[]),
            ("-a -- -c", &["a"], &["-c"]),
            ("-a - -c", &["a"], &["-", "-c"]),
            ("-xa -:", &["?x", "a", "?:"], &[]),
            ("-é x", &["?é"], &["x"]),
        ];
        for (line, options, rest) in table {
            let (found, left) = read(line);
            assert_eq!(found, options, "{line}");
            assert_eq!(left, rest, "{line}");
        }
    }

    proptest! {
        #[test]
        fn comes_to_an_end(words in proptest::collection::vec("-{0,2}[a-cxé:]{0,4}", 0..6)) {
            let mut options = Options::new("ab:c", &words);
            let letters: usize = words.iter().map(|word| word.chars().count()).sum();
            let mut count = 0;
            while options.next_option().is_some() {
                count += 1;
                prop_assert!(count <= letters);
            }
        }
    }
}

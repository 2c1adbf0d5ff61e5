//! The file `differences`: what ours says otherwise, where, and why that is meant.
//!
//! ```text
//! where: lmtp/*
//! theirs: 250 STARTTLS
//! why: Unix sockets don't need it.
//! ```
//! Several `theirs:` or `ours:` lines are lines that follow each other, none of them is nothing, and `…`
//! is any text. A rule that matches nothing any more is an error, as a difference without a rule is.

use std::cell::Cell;

use support::dialogue::matches;

use crate::compare::Hunk;

/// One meant difference.
#[derive(Debug, Default)]
pub struct Rule {
    /// Where it begins in the file.
    pub line: usize,
    /// Names of transcripts; `*` is any text.
    places: Vec<String>,
    theirs: Vec<String>,
    ours: Vec<String>,
    why: String,
    used: Cell<usize>,
}

/// All of them.
#[derive(Debug)]
pub struct Differences(Vec<Rule>);

impl Differences {
    /// Reads the file's text; records are separated by empty lines.
    pub fn parse(text: &str) -> Self {
        let mut rules: Vec<Rule> = Vec::new();
        let mut open = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                open = false;
            } else if !line.starts_with('#') {
                if !open {
                    rules.push(Rule { line: index + 1, ..Rule::default() });
                    open = true;
                }
                rules.last_mut().unwrap().take(line);
            }
        }
        rules.iter().for_each(Rule::check);
        Self(rules)
    }

    /// Whether the hunk is meant in that transcript: as a whole, or line against line.
    pub fn know(&self, transcript: &str, hunk: &Hunk) -> bool {
        if self.one(transcript, &hunk.theirs, &hunk.ours) {
            return true;
        }
        let pairs = hunk.theirs.len() == hunk.ours.len() && hunk.theirs.len() > 1;
        pairs
            && hunk.theirs.iter().zip(&hunk.ours).all(|(theirs, ours)| {
                self.one(transcript, std::slice::from_ref(theirs), std::slice::from_ref(ours))
            })
    }

    fn one(&self, transcript: &str, theirs: &[String], ours: &[String]) -> bool {
        let rule = self.0.iter().find(|rule| rule.is(transcript, theirs, ours));
        if let Some(rule) = rule {
            rule.used.set(rule.used.get() + 1);
        }
        rule.is_some()
    }

    /// Rules that matched nothing since they were read.
    pub fn gone(&self) -> Vec<String> {
        let unused = self.0.iter().filter(|rule| rule.used.get() == 0);
        unused
            .map(|rule| {
                let what = rule.theirs.first().or(rule.ours.first()).map_or("", String::as_str);
                format!("differences:{}: is gone: {} {what}", rule.line, rule.places.join(" "))
            })
            .collect()
    }

    /// How many rules there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Rule {
    fn take(&mut self, line: &str) {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match key {
            "where" => self.places.extend(value.split(' ').map(str::to_owned)),
            "theirs" => self.theirs.push(value),
            "ours" => self.ours.push(value),
            "why" => self.why.push_str(&value),
            _ if line.starts_with(' ') => self.why.push_str(line.trim_start()),
            _ => panic!("differences:{}: not understood: {line}", self.line),
        }
    }

    fn check(&self) {
        let something = !self.theirs.is_empty() || !self.ours.is_empty();
        let whole = !self.places.is_empty() && something && !self.why.is_empty();
        assert!(whole, "differences:{}: needs where, theirs or ours, and why", self.line);
    }

    fn is(&self, transcript: &str, theirs: &[String], ours: &[String]) -> bool {
        let here = self.places.iter().any(|place| matches(&place.replace('*', "…"), transcript));
        here && equal(&self.theirs, theirs) && equal(&self.ours, ours)
    }
}

fn equal(patterns: &[String], lines: &[String]) -> bool {
    patterns.len() == lines.len()
        && patterns.iter().zip(lines).all(|(pattern, line)| matches(pattern, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(theirs: &[&str], ours: &[&str]) -> Hunk {
        let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Hunk { at: 0, theirs: own(theirs), ours: own(ours) }
    }

    #[test]
    fn known_unknown_and_gone() {
        let text = "# about\nwhere: lmtp/* smtp/a\ntheirs: 250-A …\nours: 250-B\nwhy: because\n  of it\n\n\
                    where: imap/*\nours: more\nwhy: it helps\n";
        let differences = Differences::parse(text);
        assert!(differences.know("lmtp/x", &hunk(&["250-A 1"], &["250-B"])));
        assert!(differences.know("smtp/a", &hunk(&["250-A 1", "250-A 2"], &["250-B", "250-B"])));
        assert!(!differences.know("smtp/b", &hunk(&["250-A 1"], &["250-B"])));
        assert!(!differences.know("lmtp/x", &hunk(&["250-A 1"], &["250-C"])));
        assert_eq!(differences.gone(), ["differences:8: is gone: imap/* more"]);
        assert!(differences.know("imap/x", &hunk(&[], &["more"])));
        assert!(differences.gone().is_empty());
    }

    #[test]
    #[should_panic(expected = "needs where, theirs or ours, and why")]
    fn a_rule_has_a_reason() {
        Differences::parse("where: a\nours: b\n");
    }
}

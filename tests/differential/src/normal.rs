//! What must differ between two servers, taken out of what they said: ids, times, places, owners.
//!
//! Each rule is as narrow as it can be: everything that it takes out is something that nobody compares.

use std::collections::BTreeMap;

use crate::wire::Wire;

/// The day of every message and date in the transcripts is in this year; other dates are of today.
const YEAR: &str = "2020";

/// One dialogue's names for numbers that are drawn: the same number has the same name throughout.
#[derive(Debug, Default)]
pub struct Normal {
    validities: BTreeMap<String, usize>,
}

impl Normal {
    /// A line as both sides should have it; `places` are texts of this side and their common names.
    pub fn line(&mut self, wire: Wire, line: &str, places: &[(String, String)]) -> String {
        let line = places.iter().fold(line.to_owned(), |line, (own, name)| line.replace(own, name));
        match wire {
            Wire::Lmtp => saved(&line),
            Wire::Smtp | Wire::Submission | Wire::Submissions => saved(&queued(&line)),
            Wire::Imap | Wire::Imaps => self.imap(&line),
            Wire::Auth | Wire::Userdb => auth(&line),
        }
    }

    fn imap(&mut self, line: &str) -> String {
        let mut line = untimed(line);
        for word in ["UIDVALIDITY ", "COPYUID ", "APPENDUID "] {
            line = replace_after(&line, word, |c| c.is_ascii_digit(), |n| self.validity(n));
        }
        for word in ["HIGHESTMODSEQ ", "MODSEQ ("] {
            line = replace_after(&line, word, |c| c.is_ascii_digit(), |_| "<modseq>".to_owned());
        }
        replace_after(
            &line,
            "INTERNALDATE \"",
            |c| c != '"',
            |date| {
                if date.contains(YEAR) { date.to_owned() } else { "<now>".to_owned() }
            },
        )
    }

    fn validity(&mut self, number: &str) -> String {
        let next = self.validities.len() + 1;
        format!("<v{}>", self.validities.entry(number.to_owned()).or_insert(next))
    }
}

/// `(0.001 + 0.000 secs).` at the end of an IMAP reply, with two or three numbers.
fn untimed(line: &str) -> String {
    let Some(at) = line.rfind(" (").filter(|_| line.ends_with(" secs).")) else {
        return line.to_owned();
    };
    let times = &line[at + 2..line.len() - " secs).".len()];
    let is_time = |text: &str| {
        text.split_once('.').is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.len() == 3)
    };
    if times.split(" + ").all(is_time) { format!("{}.", &line[..at]) } else { line.to_owned() }
}

/// Postfix's queue id, and ours of a message that went straight in.
fn queued(line: &str) -> String {
    let id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let line = replace_after(line, "queued as ", id, |_| "<id>".to_owned());
    replace_after(&line, "stored as ", id, |_| "<id>".to_owned())
}

/// The id in LMTP's `250 2.0.0 <user@domain> ID Saved`.
fn saved(line: &str) -> String {
    let Some(rest) = line.strip_suffix(" Saved") else { return line.to_owned() };
    match rest.rsplit_once("> ") {
        Some((address, id)) if !id.contains(' ') => format!("{address}> <id> Saved"),
        _ => line.to_owned(),
    }
}

/// Pids, connection ids, cookies.
fn auth(line: &str) -> String {
    let mut line = line.to_owned();
    for word in ["SPID␉", "CUID␉", "COOKIE␉"] {
        if line.starts_with(word) {
            line = format!("{word}<id>");
        }
    }
    line
}

/// `text` with what follows `word` replaced, as far as its letters are `wanted`.
fn replace_after(
    text: &str,
    word: &str,
    wanted: impl Fn(char) -> bool,
    mut with: impl FnMut(&str) -> String,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = rest.split_at(at + word.len());
        let end = behind.find(|c| !wanted(c)).unwrap_or(behind.len());
        out.push_str(before);
        if end > 0 {
            out.push_str(&with(&behind[..end]));
        }
        rest = &behind[end..];
    }
    out + rest
}

/// Runs of `* LIST` lines sorted: Dovecot lists in no order (RFC 3501 §7.2.2 asks for none).
#[must_use]
pub fn in_order(lines: Vec<String>) -> Vec<String> {
    let listed = |line: &String| line.starts_with("* LIST ") || line.starts_with("* LSUB ");
    let mut out: Vec<String> = Vec::new();
    let mut run: Vec<String> = Vec::new();
    for line in lines {
        if listed(&line) {
            run.push(line);
        } else {
            run.sort();
            out.append(&mut run);
            out.push(line);
        }
    }
    run.sort();
    out.append(&mut run);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(wire: Wire, line: &str) -> String {
        let places = [("/tmp/x/vmail".to_owned(), "<mail>".to_owned())];
        Normal::default().line(wire, line, &places)
    }

    #[test]
    fn what_must_differ_is_taken_out() {
        assert_eq!(
            normal(Wire::Smtp, "250 2.0.0 Ok: queued as 8F1CC9961F6"),
            "250 2.0.0 Ok: queued as <id>"
        );
        assert_eq!(
            normal(Wire::Lmtp, "250 2.0.0 <a@b> aBc+/:R3 Saved"),
            "250 2.0.0 <a@b> <id> Saved"
        );
        assert_eq!(normal(Wire::Imap, "a OK Done (0.001 + 0.000 + 0.002 secs)."), "a OK Done.");
        assert_eq!(normal(Wire::Imap, "a OK [COPYUID 17 2:3 1] x"), "a OK [COPYUID <v1> 2:3 1] x");
        assert_eq!(normal(Wire::Imap, "a OK Done (10.204 + 0.000 secs)."), "a OK Done.");
        assert_eq!(normal(Wire::Auth, "SPID␉4711"), "SPID␉<id>");
        assert_eq!(normal(Wire::Userdb, "home=/tmp/x/vmail/d/u"), "home=<mail>/d/u");
    }

    #[test]
    fn the_rest_stays() {
        for line in ["250 2.1.0 Ok", "* 1 FETCH (UID 3)", "a OK  two spaces", "250 2.0.0 a b Saved"]
        {
            assert_eq!(normal(Wire::Imap, line), line);
            assert_eq!(normal(Wire::Lmtp, line), line);
        }
    }

    #[test]
    fn a_validity_keeps_its_name() {
        let mut normal = Normal::default();
        let mut say = |line: &str| normal.line(Wire::Imap, line, &[]);
        assert_eq!(say("[UIDVALIDITY 5]"), "[UIDVALIDITY <v1>]");
        assert_eq!(say("[UIDVALIDITY 9]"), "[UIDVALIDITY <v2>]");
        assert_eq!(say("[APPENDUID 5 1]"), "[APPENDUID <v1> 1]");
    }
}

//! Plays a transcript: `C:` lines are sent, `S:` lines are awaited, `#` lines are for the reader.
//!
//! In an `S:` line `…` stands for any text. `C:` lines may hold `{user}`-like names that the test
//! gives values to, and `<LF>`, `<CR>`, `<NUL>` for bytes that can't be written down; a line that ends
//! in `<->` is sent without its CRLF. `S: <closed>` awaits the end of the connection.
//! A failing run shows the transcript up to the first wrong line.

use std::collections::BTreeMap;

use crate::line::Line;

/// Plays `transcript` on a connection; what stands between braces is looked up in `names`.
pub fn play(transcript: &str, line: &mut Line, names: &BTreeMap<&str, String>) {
    for (number, text) in transcript.lines().enumerate() {
        let number = number + 1;
        if let Some(said) = text.strip_prefix("C:") {
            send(said.strip_prefix(' ').unwrap_or(said), line, names);
        } else if let Some(wanted) = text.strip_prefix("S:") {
            let wanted = fill(wanted.strip_prefix(' ').unwrap_or(wanted), names);
            check(number, &wanted, line);
        } else if !text.trim().is_empty() && !text.starts_with('#') {
            panic!("line {number} is neither C: nor S: nor #: {text}");
        }
    }
}

fn send(said: &str, line: &mut Line, names: &BTreeMap<&str, String>) {
    let text = fill(said, names);
    let (text, end) = match text.strip_suffix("<->") {
        Some(open) => (open.to_owned(), ""),
        None => (text, "\r\n"),
    };
    let text = text.replace("<LF>", "\n").replace("<CR>", "\r").replace("<NUL>", "\0");
    line.send(format!("{text}{end}").as_bytes());
}

fn check(number: usize, wanted: &str, line: &mut Line) {
    let heard = line.hear();
    let good = match &heard {
        None => wanted == "<closed>",
        Some(heard) => matches(wanted, heard),
    };
    assert!(
        good,
        "line {number}: wanted\n   {wanted}\nbut heard\n   {heard:?}\nin\n{}",
        line.said()
    );
}

fn fill(text: &str, names: &BTreeMap<&str, String>) -> String {
    names
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Whether `heard` is `pattern`, where `…` in the pattern is any text.
pub fn matches(pattern: &str, heard: &str) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| heard.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        assert!(matches("250 2.0.0 …", "250 2.0.0 Ok: queued as X"));
        assert!(matches("250 … queued as …", "250 2.0.0 Ok: queued as X"));
        assert!(matches("a…c", "abc") && !matches("a…c", "abd"));
        assert!(matches("same", "same") && !matches("same", "same more"));
    }
}

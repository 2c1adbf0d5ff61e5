//! Bytes in a text that people read: tabs, bare line ends, long repetitions, base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a `C:` line stands for: `␉` is a tab, `<CR>`, `<LF>`, `<NUL>` and `<xFF>` are bytes,
/// `{plain LOGIN PASSWORD}` is SASL PLAIN's response, `{base64 TEXT}` and `{repeat TEXT TIMES}` are what
/// they say. A line that ends in `<->` has no CRLF.
#[must_use]
pub fn octets(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix("<->") {
        Some(open) => (open, &b""[..]),
        None => (text, &b"\r\n"[..]),
    };
    let text = macros(text);
    let mut octets = Vec::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let (octet, length) = named(rest).unwrap_or((None, first.len_utf8()));
        match octet {
            Some(octet) => octets.push(octet),
            None => octets.extend_from_slice(&rest.as_bytes()[..length]),
        }
        rest = &rest[length..];
    }
    octets.extend_from_slice(end);
    octets
}

/// A byte that is written by name at the beginning of `text`, and how long the name is.
fn named(text: &str) -> Option<(Option<u8>, usize)> {
    for (name, octet) in [("␉", b'\t'), ("<CR>", b'\r'), ("<LF>", b'\n'), ("<NUL>", 0)] {
        if text.starts_with(name) {
            return Some((Some(octet), name.len()));
        }
    }
    let hex = text.strip_prefix("<x")?.get(..3)?.strip_suffix('>')?;
    Some((Some(u8::from_str_radix(hex, 16).ok()?), 5))
}

fn macros(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, inner) = rest.split_at(at);
        out.push_str(before);
        let Some(end) = inner.find('}') else {
            out.push_str(inner);
            return out;
        };
        let (whole, after) = inner.split_at(end + 1);
        out.push_str(&meaning(&whole[1..end]).unwrap_or_else(|| whole.to_owned()));
        rest = after;
    }
    out + rest
}

/// What stands for `{inner}`; none for an IMAP literal's `{12}`.
fn meaning(inner: &str) -> Option<String> {
    let (word, rest) = inner.split_once(' ')?;
    match word {
        "plain" => {
            let (login, password) = rest.split_once(' ')?;
            Some(STANDARD.encode(format!("\0{login}\0{password}")))
        }
        "base64" => Some(STANDARD.encode(rest)),
        "repeat" => {
            let (text, times) = rest.rsplit_once(' ')?;
            Some(text.repeat(times.parse().ok()?))
        }
        _ => None,
    }
}

/// A line that a server said, as an `S:` line has it: what isn't plain text is written by name, and so is
/// a line end other than CRLF (`bare` says that this protocol's is LF). An empty line is `<empty>`.
#[must_use]
pub fn shown(line: &[u8], bare: bool) -> String {
    let (text, end) = match line.strip_suffix(b"\n") {
        Some(text) if bare => (text, ""),
        Some(text) => match text.strip_suffix(b"\r") {
            Some(text) => (text, ""),
            None => (text, "<LF>"),
        },
        None => (line, "<cut>"),
    };
    let mut out = String::new();
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\t' => out.push('␉'),
                c if c.is_ascii_control() => out.push_str(&format!("<x{:02X}>", c as u32)),
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|octet| out.push_str(&format!("<x{octet:02X}>")));
    }
    let shown = out + end;
    if shown.is_empty() { "<empty>".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says() {
        assert_eq!(octets("a␉b<xFF><NUL>"), b"a\tb\xff\0\r\n");
        assert_eq!(octets("a APPEND x {5}"), b"a APPEND x {5}\r\n");
        assert_eq!(octets("{repeat ab 3}<->"), b"ababab");
        assert_eq!(octets("{plain a b}"), b"AGEAYg==\r\n");
        assert_eq!(octets("RCPT TO:<x@y.test>"), b"RCPT TO:<x@y.test>\r\n");
    }

    #[test]
    fn what_a_server_said() {
        assert_eq!(shown(b"250 ok\r\n", false), "250 ok");
        assert_eq!(shown(b"250 ok\n", false), "250 ok<LF>");
        assert_eq!(shown(b"OK\t1\n", true), "OK␉1");
        assert_eq!(shown(b"\xc3\xa9\xff\x01", false), "é<xFF><x01><cut>");
    }
}

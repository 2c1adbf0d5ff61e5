//! Where IMAP's replies end: with the tagged line, or with `+` where the client has the word.

use crate::wire::Talk;

/// Where an IMAP session stands.
#[derive(Default)]
pub(super) struct Imap {
    /// Tags without a reply.
    pending: Vec<String>,
    /// Octets of a literal that are still to be sent; the command goes on behind it.
    literal: Option<usize>,
    /// IDLE or AUTHENTICATE: the next line isn't a command.
    asked: bool,
}

impl Talk<'_> {
    /// Notes what commands a client's lines begin.
    fn imap_said(&mut self, said: &[String]) -> Awaited {
        let mut awaited = Awaited { plus: false, more: false };
        for text in said {
            awaited.plus = false;
            let bytes = self.octets(text);
            let open = self.imap.literal.take();
            let inside = open.unwrap_or(0).min(bytes.len());
            if open.is_some() && inside == bytes.len() {
                self.imap.literal = open.map(|left| left - inside);
                continue;
            }
            let text = String::from_utf8_lossy(&bytes[inside..]).trim_end().to_owned();
            if open.is_some() {
                // The command goes on behind its literal.
            } else if self.imap.asked {
                self.imap.asked = false;
                awaited.more = true;
            } else {
                let mut words = text.split(' ');
                self.imap.pending.push(words.next().unwrap_or_default().to_owned());
                let verb = words.next().unwrap_or_default().to_ascii_uppercase();
                let bare = words.count();
                self.imap.asked = verb == "IDLE" || (verb == "AUTHENTICATE" && bare == 1);
                awaited.plus = self.imap.asked;
            }
            if let Some((size, synchronising)) = literal(&text) {
                self.imap.literal = Some(size);
                awaited.plus = synchronising;
            }
        }
        awaited
    }

    pub(super) fn imap_replies(&mut self, said: &[String]) {
        let awaited = self.imap_said(said);
        while let Some(line) = self.imap_line() {
            if line.starts_with('+') && (awaited.plus || awaited.more) {
                self.imap.asked |= awaited.more;
                return;
            }
            if let Some(at) = self.imap.pending.iter().position(|tag| answers(tag, &line)) {
                self.imap.pending.remove(at);
                self.imap.asked = false;
                self.imap.literal = None;
                if line.contains(" OK Begin TLS") {
                    self.start_tls();
                }
                if self.imap.pending.is_empty() {
                    return;
                }
            }
        }
        self.imap = Imap::default();
    }

    /// One response, its literals passed over.
    fn imap_line(&mut self) -> Option<String> {
        let first = self.next()?;
        let mut line = first.clone();
        while let Some((mut left, _)) = literal(&line).filter(|_| first.starts_with("* ")) {
            loop {
                line = self.next()?;
                let length = line.len() + 2;
                if length > left {
                    break;
                }
                left -= length;
            }
            line = line.get(left..).unwrap_or_default().to_owned();
        }
        Some(first)
    }
}

/// How a reply to IMAP lines may end, beside the tagged line.
struct Awaited {
    /// With `+`, before the client goes on.
    plus: bool,
    /// With another `+`: AUTHENTICATE asks as often as it likes.
    more: bool,
}

/// Whether a line is the tagged reply to the command of that tag; one that is no tag has `* BAD`.
fn answers(tag: &str, line: &str) -> bool {
    let odd = tag.is_empty() || tag.contains(['(', ')', '{', '%', '*', '"', '\\', '+']);
    line.strip_prefix(tag).is_some_and(|rest| rest.starts_with(' ') && !tag.is_empty())
        || (odd && line.starts_with("* BAD"))
}

/// `{12}` or `{12+}` at a line's end: its size, and whether the server is asked first.
fn literal(text: &str) -> Option<(usize, bool)> {
    let inner = text.strip_suffix('}')?;
    let (_, digits) = inner.rsplit_once('{')?;
    let plus = digits.strip_suffix('+');
    Some((plus.unwrap_or(digits).parse().ok()?, plus.is_none()))
}

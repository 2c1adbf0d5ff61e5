//! Where SMTP's and LMTP's replies end: one a command, and after the content one, or one a recipient.

use crate::wire::{Talk, Wire};

/// Where an SMTP or LMTP session stands.
#[derive(Default)]
pub(super) struct Smtp {
    /// Recipients that were taken.
    taken: usize,
    in_content: bool,
    /// Octets of a BDAT chunk that are still to be sent, and whether it is the last.
    chunk: Option<(usize, bool)>,
}

impl Talk<'_> {
    pub(super) fn smtp_replies(&mut self, said: &[String]) {
        for text in said {
            let clear = self.tls;
            self.smtp_reply(text);
            // What came in clear behind STARTTLS counts for nothing; a reply to it would come later.
            if self.tls != clear {
                return;
            }
        }
    }

    /// The replies to one line of an SMTP or LMTP client.
    fn smtp_reply(&mut self, text: &str) {
        if self.smtp.in_content {
            if text == "." {
                self.smtp.in_content = false;
                self.content_replies();
            }
            return;
        }
        if let Some((left, last)) = self.smtp.chunk {
            let left = left.saturating_sub(self.octets(text).len());
            self.smtp.chunk = Some((left, last)).filter(|_| left > 0);
            if left == 0 {
                self.chunk_replies(last);
            }
            return;
        }
        let upper = text.to_ascii_uppercase();
        let mut words = upper.split(' ');
        match words.next().unwrap_or_default() {
            "BDAT" => {
                let size = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                let last = words.next() == Some("LAST");
                if size == 0 {
                    self.chunk_replies(last)
                } else {
                    self.smtp.chunk = Some((size, last))
                }
            }
            verb => {
                if text.ends_with("<->") {
                    return; // the rest of the line is still to come
                }
                let good = self
                    .reply()
                    .is_some_and(|line| matches!(line.as_bytes().first(), Some(b'2' | b'3')));
                match verb {
                    _ if !good => {}
                    "MAIL" | "RSET" | "EHLO" | "LHLO" | "HELO" => self.smtp.taken = 0,
                    "RCPT" => self.smtp.taken += 1,
                    "DATA" => self.smtp.in_content = true,
                    "STARTTLS" => self.start_tls(),
                    _ => {}
                }
            }
        }
    }

    fn chunk_replies(&mut self, last: bool) {
        if last { self.content_replies() } else { self.replies(1) }
    }

    /// One reply in SMTP, one a recipient in LMTP (RFC 2033 §4.2).
    fn content_replies(&mut self) {
        let count = if self.wire == Wire::Lmtp { self.smtp.taken.max(1) } else { 1 };
        self.smtp.taken = 0;
        self.replies(count);
    }
}

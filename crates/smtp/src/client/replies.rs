//! Framing: octets from a server become replies, in order.

use memchr::memchr;

use crate::reply::{Reply, ReplyError, ReplyReader};

/// Octets of one line of a server's reply; RFC 5321 §4.5.3.1.5 says 512, and some say more.
pub const MAX_WIRE_LINE: usize = 4096;
/// Lines of one reply that are read at all; [`crate::MAX_REPLY_LINES`] of them are kept.
const MAX_LINES: usize = 1000;

/// The server's side of the stream. A line that is too long, and a reply without end, are errors: such a
/// connection is good for nothing more.
#[derive(Debug, Default)]
pub struct Replies {
    input: Vec<u8>,
    reader: ReplyReader,
    lines: usize,
}

impl Replies {
    /// Takes octets in. Call [`Replies::next_reply`] until it has none before more is read, so that no
    /// more than a piece and a line are held.
    pub fn receive(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
    }

    /// The next whole reply, if it is there.
    ///
    /// # Errors
    /// If the server speaks something else.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = memchr(b'\n', &self.input) {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.lines += 1;
            if line.len() > MAX_WIRE_LINE || self.lines > MAX_LINES {
                return Err(ReplyError);
            }
            if let Some(reply) = self.reader.line(line)? {
                self.lines = 0;
                return Ok(Some(reply));
            }
        }
        if self.input.len() > MAX_WIRE_LINE { Err(ReplyError) } else { Ok(None) }
    }

    /// Whether nothing was said that hasn't been taken out. After the answer to STARTTLS this must hold:
    /// what stands behind it was said in clear, by whomever (RFC 3207 §6).
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.input.is_empty() && self.lines == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn replies_in_pieces() {
        let wire = b"250-a\r\n250 b\r\n550 5.1.1 no\n250";
        for piece in 1..wire.len() {
            let mut replies = Replies::default();
            let mut heard = Vec::new();
            for octets in wire.chunks(piece) {
                replies.receive(octets);
                while let Some(reply) = replies.next_reply().expect("good") {
                    heard.push(reply.to_string());
                }
            }
            assert_eq!(heard, ["250 a b", "550 5.1.1 no"], "in pieces of {piece}");
            assert!(!replies.is_drained());
        }
    }

    #[test]
    fn what_is_no_reply_or_has_no_end() {
        let fails = |wire: &[u8]| {
            let mut replies = Replies::default();
            replies.receive(wire);
            replies.next_reply().is_err()
        };
        assert!(fails(b"SSH-2.0-x\r\n"));
        assert!(fails(&[b'2'; MAX_WIRE_LINE + 1]));
        assert!(fails("250-x\r\n".repeat(MAX_LINES + 1).as_bytes()));
    }

    proptest! {
        #[test]
        fn never_panics(pieces in prop::collection::vec(
            prop::collection::vec(prop::sample::select(b"25 -.\r\nx\0".to_vec()), 0..20), 0..8)) {
            let mut replies = Replies::default();
            for piece in pieces {
                replies.receive(&piece);
                while let Ok(Some(_)) = replies.next_reply() {}
            }
        }
    }
}

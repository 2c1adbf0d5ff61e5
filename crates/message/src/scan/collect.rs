//! The header fields that a structure needs; all others pass by.

use memchr::memchr;

use crate::envelope::Envelope;

#[derive(Debug)]
pub(super) struct Collected {
    /// Whether the ENVELOPE's fields are wanted too.
    pub(super) message: bool,
    block: Vec<u8>,
    /// Whether the field that the last line belongs to is wanted.
    wanted: bool,
}

impl Collected {
    pub(super) const fn new(message: bool) -> Self {
        Self { message, block: Vec::new(), wanted: false }
    }

    /// Keeps the line if its field is wanted and `budget` allows; gives what was kept.
    pub(super) fn line(&mut self, line: &[u8], budget: usize) -> usize {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            self.wanted = self.wants(line);
        }
        if !self.wanted || line.len() >= budget {
            self.wanted = false;
            return 0;
        }
        self.block.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            self.block.extend_from_slice(b"\r\n"); // cut, or the message's last line
        }
        line.len()
    }

    fn wants(&self, line: &[u8]) -> bool {
        let Some(name) = memchr(b':', line).and_then(|at| line.get(..at)) else { return false };
        let name = name.trim_ascii_end();
        let content = name.get(..8).is_some_and(|front| front.eq_ignore_ascii_case(b"Content-"));
        let version = name.eq_ignore_ascii_case(b"MIME-Version");
        content || (self.message && (version || Envelope::wants(name)))
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.block)
    }
}

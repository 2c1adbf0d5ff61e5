//! Where records go: one target a kind of log, behind one trait.

use std::io::{self, Write};
use std::ops::Range;

use tracing::Level;

/// One event, ready to be written.
pub(super) struct Record {
    pub(super) level: Level,
    /// What the target writes.
    pub(super) bytes: Vec<u8>,
    /// Where in it a text for people stands, for when only standard error is left.
    pub(super) text: Range<usize>,
}

impl Record {
    /// A record that is text altogether.
    pub(super) fn line(level: Level, line: String) -> Self {
        let text = 0..line.len();
        Self { level, bytes: line.into_bytes(), text }
    }

    /// Writes its text to standard error, as one line.
    pub(super) fn to_stderr(&self) -> io::Result<()> {
        let mut line = self.bytes.get(self.text.clone()).unwrap_or_default().to_vec();
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        io::stderr().write_all(&line)
    }
}

/// Something that takes records. An error from `write` means that the record is lost.
pub(super) trait Target: Send {
    /// Writes one. `may_wait` is set on the writer's own thread: a socket that is away for a moment
    /// may then be waited for.
    fn write(&mut self, record: &Record, may_wait: bool) -> io::Result<()>;

    /// Opens its files again; what couldn't be opened stays as it was and is told.
    fn reopen(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Standard error.
pub(super) struct Stderr;

impl Target for Stderr {
    fn write(&mut self, record: &Record, _: bool) -> io::Result<()> {
        io::stderr().write_all(&record.bytes)
    }
}

//! Finds a message's MIME structure while its bytes pass by (RFC 2045, RFC 2046).
//!
//! [`Scanner`] takes chunks of any size and keeps no body: memory is bounded by [`Limits`], time is
//! linear. Never fails. As tolerant as Dovecot: a header that a boundary cuts off, a boundary that
//! never closes, a multipart without parts all have their structure.

mod collect;
mod open;

use memchr::memchr;

use crate::part::Part;
use open::{Open, Phase};

/// Longest boundary that is compared (RFC 2046 §5.1.1 allows 70); one longer is cut.
pub const MAX_BOUNDARY_OCTETS: usize = 256;

/// How much of a line of a body must be kept to know a boundary and its closing dashes.
const BODY_LINE: usize = 2 + MAX_BOUNDARY_OCTETS + 2;

/// How much of a line of a header is looked at; the rest of that line is passed over.
const HEADER_LINE: usize = 64 << 10;

/// What a scan may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Parts nested in one another. What lies deeper is application/octet-stream.
    pub depth: usize,
    /// Parts altogether. Further boundaries are text of the last part.
    pub parts: usize,
    /// Octets of header fields kept for the whole scan. Later fields are passed over.
    pub kept_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, parts: 10_000, kept_octets: 4 << 20 }
    }
}

/// A scan under way.
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    /// Where the line begins that is being looked at.
    at: u64,
    /// Line ends before it.
    lines: u64,
    /// Length of the line end before it: 0 at the start, 1 for LF, 2 for CRLF.
    line_end: u64,
    /// The kept front of a line whose end hasn't come yet, and its length so far.
    partial: Vec<u8>,
    partial_length: u64,
    last_octet: u8,
    /// The message, the part in it, the part in that …
    open: Vec<Open>,
    /// Parts opened so far.
    parts: usize,
    /// Octets of header fields kept so far.
    kept: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Scanner {
    /// Starts at a message's first byte.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            at: 0,
            lines: 0,
            line_end: 0,
            partial: Vec::new(),
            partial_length: 0,
            last_octet: 0,
            open: vec![Open::message(0)],
            parts: 1,
            kept: 0,
        }
    }

    /// Scans a whole message.
    #[must_use]
    pub fn scan(message: &[u8]) -> Part {
        let mut scanner = Self::default();
        scanner.feed(message);
        scanner.finish()
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(at) = memchr(b'\n', rest) {
            let Some((line, after)) = rest.split_at_checked(at + 1) else { break };
            if self.partial_length == 0 {
                let kept = line.get(..self.keep()).unwrap_or(line);
                let crlf = line.ends_with(b"\r\n");
                self.line(kept, line.len() as u64, 1 + u64::from(crlf));
            } else {
                self.keep_partial(line);
                let crlf = line.ends_with(b"\r\n") || (line == b"\n" && self.last_octet == b'\r');
                self.end_partial(1 + u64::from(crlf));
            }
            rest = after;
        }
        self.keep_partial(rest);
    }

    /// The structure of what was fed.
    #[must_use]
    pub fn finish(mut self) -> Part {
        if self.partial_length > 0 {
            self.end_partial(0);
        }
        self.finish_header(self.at);
        let (end, lines) = (self.at, self.lines);
        self.close_down_to(0, end, lines);
        self.open.pop().map_or_else(|| Open::message(0).close(0, 0), |open| open.close(end, lines))
    }

    /// How much of the present line is worth keeping.
    fn keep(&self) -> usize {
        match self.open.last().map(|open| open.phase) {
            Some(Phase::Header) => HEADER_LINE,
            _ => BODY_LINE,
        }
    }

    fn keep_partial(&mut self, piece: &[u8]) {
        let room = self.keep().saturating_sub(self.partial.len());
        self.partial.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.partial_length += piece.len() as u64;
        if let Some((&last, before)) = piece.split_last() {
            // What stands before the line's last octet tells CRLF from LF.
            if last != b'\n' {
                self.last_octet = last;
            } else if let Some(&before) = before.last() {
                self.last_octet = before;
            }
        }
    }

    fn end_partial(&mut self, line_end: u64) {
        let mut line = std::mem::take(&mut self.partial);
        let length = std::mem::take(&mut self.partial_length);
        self.line(&line, length, line_end);
        line.clear();
        self.partial = line;
    }

    /// One line: its kept front, its whole length, and the length of its line end.
    fn line(&mut self, kept: &[u8], length: u64, line_end: u64) {
        let next = self.at + length;
        let delimiter = kept.strip_prefix(b"--").and_then(|rest| self.delimiter(rest));
        match delimiter {
            Some((index, closing)) => self.delimit(index, closing, (line_end > 0).then_some(next)),
            None => self.text(kept, next),
        }
        self.at = next;
        self.lines += u64::from(line_end > 0);
        self.line_end = line_end;
    }

    /// A line that is no boundary.
    fn text(&mut self, kept: &[u8], next: u64) {
        let lines = self.lines + 1;
        let Some(open) = self.open.last_mut() else { return };
        if open.phase != Phase::Header {
            return;
        }
        if crate::header::is_empty_line(kept) && next > self.at {
            self.end_header(next, lines);
        } else {
            let budget = self.limits.kept_octets.saturating_sub(self.kept);
            self.kept += open.fields.line(kept, budget);
        }
    }

    /// Which open multipart's boundary this is, and whether it closes it. "It is sufficient that the
    /// boundary appear in its entirety" at the line's start (RFC 2046 §5.1.1): the longest counts,
    /// and of equal ones the innermost.
    fn delimiter(&self, rest: &[u8]) -> Option<(usize, bool)> {
        let mut best: Option<(usize, usize)> = None;
        for (index, open) in self.open.iter().enumerate().rev() {
            let Some(boundary) = &open.boundary else { continue };
            let longer = best.is_none_or(|(_, length)| boundary.len() > length);
            if longer && rest.starts_with(boundary) {
                best = Some((index, boundary.len()));
            }
        }
        let (index, length) = best?;
        let closing = rest.get(length..).is_some_and(|tail| tail.starts_with(b"--"));
        (closing || self.parts < self.limits.parts).then_some((index, closing))
    }

    /// A boundary line of the multipart at `index`; the next line begins at `next`, if the message
    /// goes on.
    fn delimit(&mut self, index: usize, closing: bool, next: Option<u64>) {
        let (end, lines) = self.end_before_delimiter();
        self.close_down_to(index, end, lines);
        let depth = self.open.len();
        let Some(multipart) = self.open.last_mut() else { return };
        if closing {
            multipart.boundary = None; // what follows is its epilogue
            return;
        }
        debug_assert!(depth <= self.limits.depth);
        let digest = multipart.content.is_subtype("digest");
        // A message that breaks off in the boundary has no part behind it.
        if let Some(next) = next {
            self.parts += 1;
            self.open.push(Open::part(next, digest));
        }
    }

    /// Where the innermost part ends at a boundary: before the line end in front of it, which is the
    /// boundary's own (RFC 2046 §5.1.1), but not before its body began.
    fn end_before_delimiter(&mut self) -> (u64, u64) {
        let header = self.open.last().is_some_and(|open| open.phase == Phase::Header);
        if header {
            self.finish_header(self.at);
            return (self.at, self.lines);
        }
        let start = self.open.last().map_or(0, |open| open.body_start);
        if start < self.at {
            (self.at - self.line_end, self.lines - u64::from(self.line_end > 0))
        } else {
            (self.at, self.lines)
        }
    }

    /// Closes everything inside the part at `index`.
    fn close_down_to(&mut self, index: usize, end: u64, lines: u64) {
        while self.open.len() > index + 1 {
            let Some(inner) = self.open.pop() else { return };
            let part = inner.close(end, lines);
            if let Some(outer) = self.open.last_mut() {
                outer.take(part);
            }
        }
    }

    /// The header ends without an empty line, at a boundary or at the end of the message.
    fn finish_header(&mut self, at: u64) {
        while self.open.last().is_some_and(|open| open.phase == Phase::Header) {
            self.end_header(at, self.lines);
        }
    }

    /// The body begins at `at`, after so many line ends.
    fn end_header(&mut self, at: u64, lines: u64) {
        let room = self.open.len() < self.limits.depth && self.parts < self.limits.parts;
        let Some(open) = self.open.last_mut() else { return };
        if open.end_header(at, lines, room) {
            self.parts += 1;
            self.open.push(Open::message(at));
        }
    }
}

#[cfg(test)]
mod tests;

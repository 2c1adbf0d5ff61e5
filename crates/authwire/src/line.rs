//! Framing: chunks of bytes in, whole lines out, bounded by a limit.

/// A line was longer than the limit: the connection ends without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit that was passed, in bytes without the LF.
    pub limit: usize,
}

/// Collects bytes until an LF. Holds at most one line and the chunk pushed last, if the caller
/// takes all lines out between pushes.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    start: usize,
    limit: usize,
}

impl LineBuffer {
    /// A buffer that refuses lines of more than `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, limit }
    }

    /// Adds what the peer sent.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(chunk);
    }

    /// Takes the next whole line, without its LF; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The line, finished or not, is longer than the limit.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, LineTooLong> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest);
        if end.unwrap_or(rest.len()) > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        let Some(end) = end else { return Ok(None) };
        let line = rest.get(..end).unwrap_or_default().to_vec();
        self.start += end + 1;
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limit_counts_without_lf() {
        let mut buffer = LineBuffer::new(4);
        buffer.push(b"abcd\nab");
        assert_eq!(buffer.next_line(), Ok(Some(b"abcd".to_vec())));
        assert_eq!(buffer.next_line(), Ok(None));
        buffer.push(b"cde");
        assert_eq!(buffer.next_line(), Err(LineTooLong { limit: 4 }));
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(
            lines in proptest::collection::vec("[^\n]{0,20}", 0..6), cut in 1usize..7,
        ) {
            let wire: Vec<u8> = lines.iter().flat_map(|l| format!("{l}\n").into_bytes()).collect();
            let mut buffer = LineBuffer::new(200);
            let mut got = Vec::new();
            for chunk in wire.chunks(cut) {
                buffer.push(chunk);
                while let Some(line) = buffer.next_line().unwrap() {
                    got.push(String::from_utf8(line).unwrap());
                }
            }
            prop_assert_eq!(got, lines);
        }
    }
}

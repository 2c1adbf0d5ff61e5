//! Line ends: CRLF on the wire, LF in Maildir files, and a message body that shows CRLF.
//!
//! A file may hold either or both. What counts as one line end is the same in both directions: LF,
//! with a CR before it or without.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

use crate::Body;

/// What is read from a file at once.
const CHUNK: usize = 64 * 1024;

/// Takes CRs before LFs out of a stream, and counts.
#[derive(Debug, Default)]
pub(crate) struct ToLf {
    held_cr: bool,
    last: u8,
    /// Octets that came out.
    pub(crate) stored: u64,
    /// Octets that they will be with CRLF.
    pub(crate) octets: u64,
}

impl ToLf {
    /// Puts `input`, converted, at the end of `out`.
    pub(crate) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        let mut rest = input;
        while !rest.is_empty() {
            if self.held_cr {
                self.held_cr = false;
                if rest.first() != Some(&b'\n') {
                    out.push(b'\r');
                }
            }
            let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
            let (plain, after) = rest.split_at(end);
            out.extend_from_slice(plain);
            rest = match after.split_first() {
                Some((_, after)) => {
                    self.held_cr = true;
                    after
                }
                None => after,
            };
        }
        self.count(out.get(from..).unwrap_or_default());
    }

    /// A CR at the very end is content.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            out.push(b'\r');
            self.count(b"\r");
        }
    }

    fn count(&mut self, new: &[u8]) {
        let mut bare = 0u64;
        for at in memchr::memchr_iter(b'\n', new) {
            let before = at.checked_sub(1).and_then(|at| new.get(at)).unwrap_or(&self.last);
            bare += u64::from(*before != b'\r');
        }
        self.last = new.last().copied().unwrap_or(self.last);
        self.stored += new.len() as u64;
        self.octets += new.len() as u64 + bare;
    }
}

/// Puts `raw` at the end of `out`, every line end as CRLF. `last` is the octet before `raw`.
fn to_crlf(raw: &[u8], last: &mut u8, out: &mut Vec<u8>) {
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', raw) {
        let before = at.checked_sub(1).and_then(|at| raw.get(at)).unwrap_or(last);
        if *before != b'\r' {
            out.extend_from_slice(raw.get(from..at).unwrap_or_default());
            out.push(b'\r');
            from = at;
        }
    }
    out.extend_from_slice(raw.get(from..).unwrap_or_default());
    *last = raw.last().copied().unwrap_or(*last);
}

/// Where a chunk begins: in the file, as shown, and the octet before it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    raw: u64,
    shown: u64,
    last: u8,
}

/// A file shown with CRLF. Keeps one chunk in memory, and where chunks begin, for going back.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: File,
    marks: Vec<Mark>,
    /// The chunk in memory: its number, and its octets as shown.
    chunk: Option<usize>,
    octets: Vec<u8>,
    at: u64,
    end: Option<u64>,
}

impl FileBody {
    pub(crate) fn new(file: File) -> Self {
        let marks = vec![Mark { raw: 0, shown: 0, last: 0 }];
        Self { file, marks, chunk: None, octets: Vec::new(), at: 0, end: None }
    }

    /// Loads chunk `number`, whose mark must be known. False at the end of the file.
    fn load(&mut self, number: usize) -> io::Result<bool> {
        let Some(&mark) = self.marks.get(number) else { return Ok(false) };
        // Most messages are smaller than a chunk; one octet more shows that the file ends there.
        let size = self.file.metadata()?.len().saturating_sub(mark.raw).saturating_add(1);
        let mut raw = vec![0; usize::try_from(size).unwrap_or(CHUNK).min(CHUNK)];
        let wanted = raw.len();
        let mut filled = 0;
        while let Some(space) = raw.get_mut(filled..).filter(|space| !space.is_empty()) {
            match self.file.read_at(space, mark.raw + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        raw.truncate(filled);
        self.octets.clear();
        let mut last = mark.last;
        to_crlf(&raw, &mut last, &mut self.octets);
        self.chunk = Some(number);
        let next = Mark {
            raw: mark.raw + filled as u64,
            shown: mark.shown + self.octets.len() as u64,
            last,
        };
        if filled < wanted {
            self.end = Some(next.shown);
        } else if self.marks.len() == number + 1 {
            self.marks.push(next);
        }
        Ok(filled > 0)
    }

    /// Loads the chunk that holds `self.at`. False at or behind the end.
    fn seek_chunk(&mut self) -> io::Result<bool> {
        loop {
            let number = self.marks.partition_point(|mark| mark.shown <= self.at).saturating_sub(1);
            if self.chunk != Some(number) && !self.load(number)? {
                return Ok(false);
            }
            let start = self.marks.get(number).map_or(0, |mark| mark.shown);
            if self.at < start + self.octets.len() as u64 {
                return Ok(true);
            }
            if self.end.is_some() {
                return Ok(false);
            }
        }
    }
}

impl Read for FileBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || !self.seek_chunk()? {
            return Ok(0);
        }
        let start = self.chunk.and_then(|n| self.marks.get(n)).map_or(0, |mark| mark.shown);
        let skip = usize::try_from(self.at - start).unwrap_or(usize::MAX);
        let mut rest = self.octets.get(skip..).unwrap_or_default();
        let n = rest.read(buf)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for FileBody {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.octets()?.checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Body for FileBody {
    fn octets(&mut self) -> io::Result<u64> {
        while self.end.is_none() {
            self.load(self.marks.len() - 1)?;
        }
        Ok(self.end.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn body(content: &[u8]) -> FileBody {
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(content).expect("write");
        FileBody::new(file)
    }

    fn shown(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        to_crlf(content, &mut 0, &mut out);
        out
    }

    #[test]
    fn both_ways() {
        let mut to_lf = ToLf::default();
        let mut out = Vec::new();
        for piece in [&b"a\r"[..], b"\nb\n\r", b"\r", b"\nc\rd\r"] {
            to_lf.push(piece, &mut out);
        }
        to_lf.finish(&mut out);
        assert_eq!(out, b"a\nb\n\r\nc\rd\r");
        assert_eq!(shown(&out), b"a\r\nb\r\n\r\nc\rd\r");
        assert_eq!((to_lf.stored, to_lf.octets), (10, 12));
    }

    #[test]
    fn long_bodies_go_forward_and_back() {
        let line = b"0123456789\n";
        let content: Vec<u8> = line.iter().copied().cycle().take(CHUNK * 3 + 5).collect();
        let want = shown(&content);
        let mut body = body(&content);
        assert_eq!(body.octets().expect("count"), want.len() as u64);
        for at in [want.len() - 3, 0, CHUNK, CHUNK + 1, 2 * CHUNK - 1, want.len()] {
            body.seek(SeekFrom::Start(at as u64)).expect("seek");
            let mut rest = Vec::new();
            body.read_to_end(&mut rest).expect("read");
            assert!(rest == want[at..], "from {at}");
        }
        let exact: Vec<u8> = vec![b'x'; CHUNK * 2];
        assert_eq!(self::body(&exact).octets().expect("count"), exact.len() as u64);
        assert_eq!(self::body(b"").octets().expect("count"), 0);
    }

    proptest! {
        #[test]
        fn what_is_stored_shows_as_counted(
            pieces in proptest::collection::vec("[ab\r\n]{0,12}", 0..6),
        ) {
            let (mut to_lf, mut out) = (ToLf::default(), Vec::new());
            for piece in &pieces {
                to_lf.push(piece.as_bytes(), &mut out);
            }
            to_lf.finish(&mut out);
            let (mut whole, mut at_once) = (ToLf::default(), Vec::new());
            whole.push(pieces.concat().as_bytes(), &mut at_once);
            whole.finish(&mut at_once);
            prop_assert_eq!(&out, &at_once);
            prop_assert_eq!(to_lf.stored, out.len() as u64);
            let want = shown(&out);
            prop_assert_eq!(to_lf.octets, want.len() as u64);
            let mut got = Vec::new();
            body(&out).read_to_end(&mut got).expect("read");
            prop_assert_eq!(got, want);
        }
    }
}

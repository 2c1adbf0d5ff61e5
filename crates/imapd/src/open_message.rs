//! One message being looked into: its body, header and structure, each read when first needed.
//!
//! Runs on blocking threads. The header is kept up to a limit, the body never.

use std::io::{self, Read, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use mailbox::Uid;
use message::header::{self, MAX_HEADER_OCTETS};
use message::part::Part;
use message::scan::Scanner;
use store::{Body, Kind};

use crate::opened::Opened;

/// How much is read from a body at a time.
pub(crate) const CHUNK: usize = 64 << 10;

/// Why a message can't be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Another session expunged it.
    #[error("expunged by another session")]
    Gone,
    #[error(transparent)]
    Store(store::Error),
    #[error("reading a message: {0}")]
    Io(#[from] io::Error),
}

impl From<store::Error> for Unreadable {
    fn from(error: store::Error) -> Self {
        if error.kind() == Kind::Gone { Self::Gone } else { Self::Store(error) }
    }
}

/// A message; nothing is read yet.
pub(crate) struct OpenMessage {
    uid: Uid,
    body: Option<Box<dyn Body>>,
    header: Option<Header>,
}

struct Header {
    /// The block with its empty line, or the front of one that is longer than the limit.
    block: Vec<u8>,
    whole: bool,
}

impl OpenMessage {
    pub(crate) const fn new(uid: Uid) -> Self {
        Self { uid, body: None, header: None }
    }

    fn body(&mut self, opened: &mut Opened) -> Result<&mut dyn Body, Unreadable> {
        if self.body.is_none() {
            self.body = Some(opened.mailbox.body(self.uid)?);
        }
        match &mut self.body {
            Some(body) => Ok(body.as_mut()),
            None => Err(Unreadable::Gone),
        }
    }

    /// How many octets the message has.
    pub(crate) fn octets(&mut self, opened: &mut Opened) -> Result<u64, Unreadable> {
        Ok(self.body(opened)?.octets()?)
    }

    fn read_header(&mut self, opened: &mut Opened) -> Result<&Header, Unreadable> {
        if self.header.is_none() {
            let body = self.body(opened)?;
            body.seek(SeekFrom::Start(0))?;
            self.header = Some(read_header(body)?);
        }
        self.header.as_ref().ok_or(Unreadable::Gone)
    }

    /// The message's header block.
    pub(crate) fn header(&mut self, opened: &mut Opened) -> Result<&[u8], Unreadable> {
        self.read_header(opened).map(|header| header.block.as_slice())
    }

    /// Where the header ends and the body begins.
    pub(crate) fn header_octets(&mut self, opened: &mut Opened) -> Result<u64, Unreadable> {
        let header = self.read_header(opened)?;
        if header.whole {
            return Ok(header.block.len() as u64);
        }
        Ok(self.structure(opened)?.header.end)
    }

    /// The MIME structure; reads the whole message unless it was the last one asked about.
    pub(crate) fn structure(&mut self, opened: &mut Opened) -> Result<Arc<Part>, Unreadable> {
        if let Some((uid, part)) = &opened.structure
            && *uid == self.uid
        {
            return Ok(Arc::clone(part));
        }
        let body = self.body(opened)?;
        body.seek(SeekFrom::Start(0))?;
        let mut scanner = Scanner::default();
        each_chunk(body, u64::MAX, &mut |chunk| {
            scanner.feed(chunk);
            true
        })?;
        let part = Arc::new(scanner.finish());
        opened.structure = Some((self.uid, Arc::clone(&part)));
        Ok(part)
    }

    /// Reads a range, at most [`MAX_HEADER_OCTETS`] of it: a header within the message.
    pub(crate) fn read(
        &mut self,
        opened: &mut Opened,
        range: &Range<u64>,
    ) -> Result<Vec<u8>, Unreadable> {
        let length = (range.end - range.start).min(MAX_HEADER_OCTETS as u64);
        let body = self.body(opened)?;
        body.seek(SeekFrom::Start(range.start))?;
        let mut octets = Vec::new();
        body.take(length).read_to_end(&mut octets)?;
        Ok(octets)
    }

    /// Shows a range chunk by chunk, until `look` says that it has seen enough.
    pub(crate) fn scan(
        &mut self,
        opened: &mut Opened,
        range: &Range<u64>,
        look: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Unreadable> {
        let body = self.body(opened)?;
        body.seek(SeekFrom::Start(range.start))?;
        Ok(each_chunk(body, range.end - range.start, look)?)
    }

    /// Reads on from `at`, up to `room` octets.
    pub(crate) fn read_at(
        &mut self,
        opened: &mut Opened,
        at: u64,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Unreadable> {
        let body = self.body(opened)?;
        if body.stream_position()? != at {
            body.seek(SeekFrom::Start(at))?;
        }
        Ok(body.take(room as u64).read_to_end(out)?)
    }
}

fn read_header(body: &mut dyn Body) -> io::Result<Header> {
    let mut block = Vec::new();
    let mut chunk = vec![0; 4096];
    loop {
        let got = read_some(body, &mut chunk)?;
        let before = block.len();
        block.extend_from_slice(chunk.get(..got).unwrap_or_default());
        // The empty line may lie across two chunks.
        let from = last_line_start(block.get(..before).unwrap_or_default());
        if let Some(end) = block.get(from..).and_then(header::header_end) {
            block.truncate(from + end);
            return Ok(Header { block, whole: true });
        }
        if got == 0 {
            return Ok(Header { block, whole: true }); // a header without a body
        }
        if block.len() >= MAX_HEADER_OCTETS {
            block.truncate(MAX_HEADER_OCTETS);
            return Ok(Header { block, whole: false });
        }
        let room = chunk.len().saturating_mul(2).min(CHUNK);
        chunk.resize(room, 0);
    }
}

fn last_line_start(block: &[u8]) -> usize {
    block.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1)
}

fn each_chunk(
    body: &mut dyn Body,
    mut length: u64,
    look: &mut dyn FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    while length > 0 {
        let room = usize::try_from(length).unwrap_or(CHUNK).min(CHUNK);
        let got = read_some(body, chunk.get_mut(..room).unwrap_or_default())?;
        if got == 0 || !look(chunk.get(..got).unwrap_or_default()) {
            return Ok(());
        }
        length -= got as u64;
    }
    Ok(())
}

fn read_some(body: &mut dyn Body, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match body.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

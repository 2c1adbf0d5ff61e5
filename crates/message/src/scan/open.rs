//! A part that hasn't ended yet.

use crate::content::Content;
use crate::envelope::Envelope;
use crate::header::Fields;
use crate::part::{Inside, Part};

use super::MAX_BOUNDARY_OCTETS;
use super::collect::Collected;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Header,
    Body,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) phase: Phase,
    pub(super) fields: Collected,
    header_start: u64,
    /// Also the header's end.
    pub(super) body_start: u64,
    /// Line ends before the body.
    body_lines: u64,
    /// Known when the header has ended.
    pub(super) content: Content,
    envelope: Option<Box<Envelope>>,
    /// Of a multipart that hasn't closed.
    pub(super) boundary: Option<Vec<u8>>,
    in_digest: bool,
    inside: Inside,
}

impl Open {
    /// A message's header begins here.
    pub(super) fn message(at: u64) -> Self {
        Self::new(at, true, false)
    }

    /// The header of a part of a multipart begins here.
    pub(super) fn part(at: u64, in_digest: bool) -> Self {
        Self::new(at, false, in_digest)
    }

    fn new(at: u64, message: bool, in_digest: bool) -> Self {
        Self {
            phase: Phase::Header,
            fields: Collected::new(message),
            header_start: at,
            body_start: at,
            body_lines: 0,
            content: Content::default(),
            envelope: None,
            boundary: None,
            in_digest,
            inside: Inside::Leaf,
        }
    }

    /// The body begins at `at`. True if it is a message whose header begins there. With no `room`
    /// for parts below, what would have some isn't looked into.
    pub(super) fn end_header(&mut self, at: u64, lines: u64, room: bool) -> bool {
        self.phase = Phase::Body;
        self.body_start = at;
        self.body_lines = lines;
        let block = self.fields.take();
        // RFC 2045 §4: a message without MIME-Version is none of MIME's. As Dovecot does, one with a
        // Content-Type is taken for it all the same.
        let mut mime = Fields::new(&block);
        let is_mime = mime.any(|field| field.is("MIME-Version") || field.is("Content-Type"));
        let fields: &[u8] = if is_mime || !self.fields.message { &block } else { b"" };
        self.content = Content::of(Fields::new(fields), self.in_digest);
        if self.fields.message {
            self.envelope = Some(Box::new(Envelope::of(Fields::new(&block))));
        }
        let multipart = self.content.is("multipart");
        let message = self.content.is("message") && self.content.is_subtype("rfc822");
        if !room && (multipart || message) {
            self.content.opaque();
            return false;
        }
        if multipart {
            self.inside = Inside::Multipart(Vec::new());
            let boundary = self.content.param("boundary").filter(|found| !found.is_empty());
            self.boundary =
                boundary.map(|found| found.get(..MAX_BOUNDARY_OCTETS).unwrap_or(found).to_vec());
        }
        message
    }

    /// A part inside this one has ended.
    pub(super) fn take(&mut self, part: Part) {
        match &mut self.inside {
            Inside::Multipart(parts) => parts.push(part),
            inside => *inside = Inside::Message(Box::new(part)),
        }
    }

    /// Ends at `end`, after so many line ends of the message.
    pub(super) fn close(self, end: u64, lines: u64) -> Part {
        Part {
            header: self.header_start..self.body_start,
            body: self.body_start..end.max(self.body_start),
            lines: lines.saturating_sub(self.body_lines),
            content: self.content,
            envelope: self.envelope,
            inside: self.inside,
        }
    }
}

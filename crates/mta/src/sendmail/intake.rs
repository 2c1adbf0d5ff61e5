//! The message as a program writes it, in pieces: header fields in, a body out, lines ended by CRLF.
//!
//! As Postfix's sendmail(1): the `From ` lines of an mbox in front go, carriage returns before a line's
//! end go, and a line with a dot alone ends it unless `-i` was said. A first line that is no field begins
//! the body. Holds the header and at most a line of it more, both within [`MAX_HEADER_OCTETS`]; of the
//! body nothing.

use memchr::memchr2;

use super::header::Field;
use crate::exit::{EX_DATAERR, Failure};

/// Octets of a header, with a line that may yet belong to it.
pub const MAX_HEADER_OCTETS: usize = 1 << 20;
/// Octets of one line of which it isn't known yet whether it is a field; longer, it is body.
const MAX_UNDECIDED: usize = super::header::MAX_NAME + 1;

/// The header, and what was seen of the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// Octets beyond ASCII are in the header.
    pub header_8bit: bool,
}

/// A message that is coming in.
#[derive(Debug)]
pub struct Intake {
    dot_ends: bool,
    head: Head,
    /// The header's octets so far.
    size: usize,
    place: Place,
    /// A line of the header that isn't whole yet.
    line: Vec<u8>,
    body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first field: lines of an mbox may stand there.
    Front,
    Header,
    Body,
    /// Behind the dot.
    End,
}

/// Where in the body's lines the next octet stands.
#[derive(Debug, Default)]
struct Body {
    /// Something stands in the line already, be it a dot that is held back.
    begun: bool,
    /// The line is a dot so far, which is held back.
    dot: bool,
    /// Carriage returns that may stand before the line's end.
    returns: usize,
}

impl Intake {
    /// Begins a message.
    #[must_use]
    pub fn new(dot_ends: bool) -> Self {
        Self {
            dot_ends,
            head: Head::default(),
            size: 0,
            place: Place::Front,
            line: Vec::new(),
            body: Body::default(),
        }
    }

    /// Whether the message's own end was seen; what comes behind it isn't looked at.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.place == Place::End
    }

    /// Takes the next piece and puts what is body into `body`.
    ///
    /// # Errors
    /// If the header is larger than [`MAX_HEADER_OCTETS`].
    pub fn push(&mut self, piece: &[u8], body: &mut Vec<u8>) -> Result<(), Failure> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.place {
                Place::Front | Place::Header => self.header_octets(rest, body)?,
                Place::Body => self.body_octets(rest, body),
                Place::End => return Ok(()),
            };
        }
        Ok(())
    }

    /// The input is at its end.
    ///
    /// # Errors
    /// As [`Intake::push`].
    pub fn finish(mut self, body: &mut Vec<u8>) -> Result<Head, Failure> {
        if !self.line.is_empty() {
            // A last line without its end.
            self.push(b"\n", body)?;
        }
        if self.place == Place::Body {
            if self.body.dot && !self.dot_ends {
                body.push(b'.');
            }
            if self.body.begun && !(self.body.dot && self.dot_ends) {
                body.extend_from_slice(b"\r\n");
            }
        }
        Ok(self.head)
    }

    fn header_octets<'a>(
        &mut self,
        rest: &'a [u8],
        body: &mut Vec<u8>,
    ) -> Result<&'a [u8], Failure> {
        let end = memchr::memchr(b'\n', rest);
        let (octets, behind) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end + 1..)),
            None => (rest, None),
        };
        let room = MAX_HEADER_OCTETS.saturating_sub(self.size + self.line.len());
        if octets.len() > room && self.may_be_field(octets) {
            let why = format!("message header exceeds {MAX_HEADER_OCTETS} octets");
            return Err(Failure::new(EX_DATAERR, why));
        }
        let undecided = self.line.len() + octets.len() > MAX_UNDECIDED;
        if undecided && !self.may_be_field(octets) {
            // A long line of text, or no text at all.
            self.enter_body(body);
            return Ok(rest);
        }
        self.line.extend_from_slice(octets);
        if end.is_some() {
            self.header_line(body);
        }
        Ok(behind.unwrap_or_default())
    }

    /// Whether the line, with these octets of it, is a field's so far.
    fn may_be_field(&self, octets: &[u8]) -> bool {
        let mut start = self.line.iter().chain(octets).take(MAX_UNDECIDED).copied();
        match start.next() {
            Some(b' ' | b'\t') => !self.head.fields.is_empty(),
            Some(first) => {
                let start: Vec<u8> = std::iter::once(first).chain(start).collect();
                let separator = self.place == Place::Front && is_separator(&start);
                start.len() < MAX_UNDECIDED || separator || Field::begin(&start).is_some()
            }
            None => true,
        }
    }

    /// A whole line of the header, or the first one behind it.
    fn header_line(&mut self, body: &mut Vec<u8>) {
        let mut line = std::mem::take(&mut self.line);
        if self.place == Place::Front && is_separator(&line) {
            return;
        }
        self.place = Place::Header;
        while line.last() == Some(&b'\r') {
            line.pop();
        }
        if self.dot_ends && line == b"." {
            self.place = Place::End;
            return;
        }
        if line.is_empty() {
            self.place = Place::Body;
            return;
        }
        self.size += line.len() + 2;
        self.head.header_8bit |= !line.is_ascii();
        if matches!(line.first(), Some(b' ' | b'\t'))
            && let Some(field) = self.head.fields.last_mut()
        {
            field.go_on(&line);
            return;
        }
        if let Some(field) = Field::begin(&line) {
            self.head.fields.push(field);
            return;
        }
        self.head.header_8bit = self.head.fields.iter().any(|field| !field.lines().is_ascii());
        line.push(b'\n');
        self.line = line;
        self.enter_body(body);
    }

    /// The header is over, and what was read of the line is body.
    fn enter_body(&mut self, body: &mut Vec<u8>) {
        self.place = Place::Body;
        let line = std::mem::take(&mut self.line);
        self.body_octets(&line, body);
    }

    /// Passes body octets on; gives what stands behind the message's end.
    fn body_octets<'a>(&mut self, octets: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let mut rest = octets;
        while let Some((&octet, behind)) = rest.split_first() {
            match octet {
                b'\r' => {
                    self.body.returns += 1;
                    self.body.begun = true;
                    rest = behind;
                }
                b'\n' => {
                    self.body.returns = 0;
                    if std::mem::take(&mut self.body.dot) {
                        if self.dot_ends {
                            self.place = Place::End;
                            return behind;
                        }
                        out.push(b'.');
                    }
                    self.body.begun = false;
                    out.extend_from_slice(b"\r\n");
                    rest = behind;
                }
                b'.' if !self.body.begun => {
                    self.body.begun = true;
                    self.body.dot = true;
                    rest = behind;
                }
                _ => {
                    self.body.begun = true;
                    self.release(out);
                    let run = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    let (plain, behind) = rest.split_at(run);
                    out.extend_from_slice(plain);
                    rest = behind;
                }
            }
        }
        rest
    }

    /// What was held back of the line is text.
    fn release(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.body.dot) {
            out.push(b'.');
        }
        let returns = std::mem::take(&mut self.body.returns);
        out.resize(out.len() + returns, b'\r');
    }
}

/// The line that mbox files put between messages.
fn is_separator(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    line.get(quotes..).unwrap_or_default().starts_with(b"From ")
}

#[cfg(test)]
mod tests;

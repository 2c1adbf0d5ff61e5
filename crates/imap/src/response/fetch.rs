//! FETCH replies, piece by piece (RFC 3501 §7.4.2).
//!
//! A [`FetchLine`] is begun, given items, and ended. An item whose octets are many is announced by
//! [`FetchLine::literal`]; the caller then sends exactly that many octets, and goes on.

use mailbox::{Flags, SeqNo, Uid};

use super::data::put_flags;
use super::string::{put_astring, put_list, put_literal_head, put_number};
use super::structure::{self, Envelope, Structure};
use crate::command::{FetchItem, Section, SectionText};
use crate::date::DateTime;

/// An open `* n FETCH (` line.
#[derive(Debug)]
#[must_use = "the line must be ended"]
pub struct FetchLine {
    first: bool,
}

impl FetchLine {
    /// Writes `* n FETCH (`.
    pub fn begin(out: &mut Vec<u8>, number: SeqNo) -> Self {
        out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
        Self { first: true }
    }

    /// `UID n`
    pub fn uid(&mut self, out: &mut Vec<u8>, uid: Uid) {
        self.label(out, &FetchItem::Uid);
        put_number(out, u64::from(uid.get()));
    }

    /// `FLAGS (…)`, with `\Recent` if the session keeps it for this message.
    pub fn flags(&mut self, out: &mut Vec<u8>, flags: &Flags, recent: bool) {
        self.label(out, &FetchItem::Flags);
        put_flags(out, flags, recent);
    }

    /// `INTERNALDATE "24-Nov-2026 19:34:11 +0000"`
    pub fn internal_date(&mut self, out: &mut Vec<u8>, date: DateTime) {
        self.label(out, &FetchItem::InternalDate);
        out.extend_from_slice(format!("\"{date}\"").as_bytes());
    }

    /// `RFC822.SIZE n`: octets, lines ending in CRLF.
    pub fn rfc822_size(&mut self, out: &mut Vec<u8>, octets: u64) {
        self.label(out, &FetchItem::Rfc822Size);
        put_number(out, octets);
    }

    /// `ENVELOPE (…)`
    pub fn envelope(&mut self, out: &mut Vec<u8>, envelope: &Envelope) {
        self.label(out, &FetchItem::Envelope);
        structure::put_envelope(out, envelope);
    }

    /// `BODY (…)`: the structure without its extensions.
    pub fn body(&mut self, out: &mut Vec<u8>, body: &Structure) {
        self.label(out, &FetchItem::Body);
        structure::put_structure(out, body, false);
    }

    /// `BODYSTRUCTURE (…)`
    pub fn body_structure(&mut self, out: &mut Vec<u8>, body: &Structure) {
        self.label(out, &FetchItem::BodyStructure);
        structure::put_structure(out, body, true);
    }

    /// `BODY[…]<0> {n}` and the line's end: exactly `octets` octets must be sent next. NUL can't be
    /// among them (RFC 3501 §9, `CHAR8`).
    pub fn literal(&mut self, out: &mut Vec<u8>, item: &FetchItem, octets: u64) {
        self.label(out, item);
        put_literal_head(out, octets);
    }

    /// `BODY[…] NIL`: the message is gone, expunged by another session.
    pub fn nil(&mut self, out: &mut Vec<u8>, item: &FetchItem) {
        self.label(out, item);
        out.extend_from_slice(b"NIL");
    }

    /// Writes `)` and the line's end.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b")\r\n");
    }

    fn label(&mut self, out: &mut Vec<u8>, item: &FetchItem) {
        if !self.first {
            out.push(b' ');
        }
        self.first = false;
        match item {
            FetchItem::Section { section, partial, .. } => {
                put_section(out, section);
                if let Some(partial) = partial {
                    // RFC 3501 §7.4.2: the reply tells where it starts, not how much was asked.
                    out.extend_from_slice(format!("<{}>", partial.offset).as_bytes());
                }
            }
            plain => out.extend_from_slice(plain.word().as_bytes()),
        }
        out.push(b' ');
    }
}

/// `BODY[1.2.HEADER.FIELDS (SUBJECT FROM)]`
fn put_section(out: &mut Vec<u8>, section: &Section) {
    out.extend_from_slice(b"BODY[");
    let mut dot = false;
    for number in &section.part {
        if dot {
            out.push(b'.');
        }
        put_number(out, u64::from(*number));
        dot = true;
    }
    let word = section.text.word();
    if dot && !word.is_empty() {
        out.push(b'.');
    }
    out.extend_from_slice(word.as_bytes());
    if let SectionText::HeaderFields { names, .. } = &section.text {
        out.push(b' ');
        put_list(out, names, |out, name| put_astring(out, name));
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Partial;

    #[test]
    fn a_line_with_a_streamed_body() {
        let mut out = Vec::new();
        let mut line = FetchLine::begin(&mut out, SeqNo::new(1).expect("not 0"));
        line.uid(&mut out, Uid::new(7).expect("not 0"));
        line.flags(&mut out, &Flags::new(), true);
        line.internal_date(&mut out, DateTime::new(1_795_548_851, 0));
        line.rfc822_size(&mut out, 313);
        let section = Section {
            part: vec![1, 2],
            text: SectionText::HeaderFields {
                not: true,
                names: vec![b"FROM".to_vec(), b"X (Y)".to_vec()],
            },
        };
        let partial = Some(Partial { offset: 10, length: 3 });
        line.literal(&mut out, &FetchItem::Section { peek: true, section, partial }, 3);
        out.extend_from_slice(b"abc");
        line.nil(&mut out, &FetchItem::Rfc822Header);
        line.end(&mut out);
        assert_eq!(
            String::from_utf8(out).expect("ASCII"),
            "* 1 FETCH (UID 7 FLAGS (\\Recent) INTERNALDATE \"24-Nov-2026 19:34:11 +0000\" \
             RFC822.SIZE 313 BODY[1.2.HEADER.FIELDS.NOT (FROM \"X (Y)\")]<10> {3}\r\nabc \
             RFC822.HEADER NIL)\r\n"
        );
    }
}

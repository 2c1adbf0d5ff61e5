//! A message's MIME structure as a tree with offsets (RFC 2046 §5), and IMAP's ways into it.

use std::ops::Range;

use crate::content::Content;
use crate::envelope::Envelope;

/// One part: the message itself, a part of a multipart, or a message inside a message/rfc822 part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Offsets of the header, with the empty line behind it.
    pub header: Range<u64>,
    /// Offsets of the body. The line end in front of a boundary is not the body's (RFC 2046 §5.1.1).
    pub body: Range<u64>,
    /// Line ends in the body.
    pub lines: u64,
    /// What the header's Content-* fields say.
    pub content: Content,
    /// The header's other fields, if it is a message's and not just a part's.
    pub envelope: Option<Box<Envelope>>,
    /// What is inside.
    pub inside: Inside,
}

/// What a part's body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// Text, an image, or anything else without parts.
    Leaf,
    /// Parts between boundaries; none if no boundary was found.
    Multipart(Vec<Part>),
    /// One message (message/rfc822).
    Message(Box<Part>),
}

impl Part {
    /// The octets of the body.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.body.end - self.body.start
    }

    /// The part that IMAP's numbers mean, seen from a message (RFC 3501 §6.4.5): `[4, 1]` is the
    /// first part of the fourth part. No numbers mean the message itself.
    #[must_use]
    pub fn at(&self, numbers: &[u32]) -> Option<&Part> {
        let Some((&first, rest)) = numbers.split_first() else { return Some(self) };
        let mut found = self.numbered(first)?;
        for &number in rest {
            found = match &found.inside {
                // The numbers of a message in a message/rfc822 part begin anew below that part.
                Inside::Message(message) => message.numbered(number)?,
                Inside::Multipart(_) => found.numbered(number)?,
                // RFC 3501 gives 2.1 no meaning where 2 holds no parts; to Dovecot it is 2, but for
                // a message's own body.
                Inside::Leaf if number == 1 && found.envelope.is_none() => found,
                Inside::Leaf => return None,
            };
        }
        Some(found)
    }

    /// "Every message has at least one part number" (RFC 3501 §6.4.5): 1 is a message's own body
    /// where that is no multipart.
    fn numbered(&self, number: u32) -> Option<&Part> {
        match &self.inside {
            Inside::Multipart(parts) => parts.get(usize::try_from(number).ok()?.checked_sub(1)?),
            _ => (number == 1).then_some(self),
        }
    }

    /// The message inside a message/rfc822 part.
    #[must_use]
    pub fn message(&self) -> Option<&Part> {
        match &self.inside {
            Inside::Message(message) => Some(message),
            _ => None,
        }
    }

    /// This part and all in it, in the order in which they stand.
    pub fn walk(&self, visit: &mut dyn FnMut(&Part)) {
        visit(self);
        match &self.inside {
            Inside::Leaf => {}
            Inside::Multipart(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Inside::Message(message) => message.walk(visit),
        }
    }
}

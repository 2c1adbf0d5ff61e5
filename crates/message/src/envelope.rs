//! A message's ENVELOPE (RFC 3501 §7.4.2): some header fields, addresses parsed, nothing decoded.

use crate::addresses::{self, Address};
use crate::header::{Field, unfold};

/// The values of one message's header. Missing is `None`, or no address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Date, not checked.
    pub date: Option<Vec<u8>>,
    /// Subject, not decoded.
    pub subject: Option<Vec<u8>>,
    /// From
    pub from: Vec<Address>,
    /// Sender; From where that is missing or empty.
    pub sender: Vec<Address>,
    /// Reply-To; From where that is missing or empty.
    pub reply_to: Vec<Address>,
    /// To
    pub to: Vec<Address>,
    /// Cc
    pub cc: Vec<Address>,
    /// Bcc
    pub bcc: Vec<Address>,
    /// In-Reply-To
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID
    pub message_id: Option<Vec<u8>>,
}

impl Envelope {
    /// Reads a header's fields. Of several Date, Subject, In-Reply-To or Message-ID fields the last
    /// counts, address fields add up: as Dovecot does.
    #[must_use]
    pub fn of<'a>(fields: impl Iterator<Item = Field<'a>>) -> Self {
        let mut envelope = Envelope::default();
        for field in fields {
            if let Some(list) = envelope.list(&field) {
                let room = addresses::MAX_ADDRESSES.saturating_sub(list.len());
                list.extend(addresses::parse(field.value).into_iter().take(room));
            } else if let Some(text) = envelope.text(&field) {
                *text = Some(unfold(field.value));
            }
        }
        // RFC 3501 §7.4.2: "the server defaults the reply-to and sender to from".
        for list in [&mut envelope.sender, &mut envelope.reply_to] {
            if list.is_empty() {
                list.clone_from(&envelope.from);
            }
        }
        envelope
    }

    /// Whether a field so named has a place in an ENVELOPE.
    pub(crate) fn wants(name: &[u8]) -> bool {
        let field = Field { place: 0..0, name, value: b"" };
        let mut envelope = Envelope::default();
        envelope.list(&field).is_some() || envelope.text(&field).is_some()
    }

    fn list(&mut self, field: &Field<'_>) -> Option<&mut Vec<Address>> {
        Some(match field.name.to_ascii_lowercase().as_slice() {
            b"from" => &mut self.from,
            b"sender" => &mut self.sender,
            b"reply-to" => &mut self.reply_to,
            b"to" => &mut self.to,
            b"cc" => &mut self.cc,
            b"bcc" => &mut self.bcc,
            _ => return None,
        })
    }

    fn text(&mut self, field: &Field<'_>) -> Option<&mut Option<Vec<u8>>> {
        Some(match field.name.to_ascii_lowercase().as_slice() {
            b"date" => &mut self.date,
            b"subject" => &mut self.subject,
            b"in-reply-to" => &mut self.in_reply_to,
            b"message-id" => &mut self.message_id,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Fields;

    #[test]
    fn defaults_and_repeats() {
        let block = b"To: a@b\r\nTO: c@d\r\nSubject: 1\r\nSubject: a\r\n  b\tc \r\nDate:\r\n\
            Sender: \r\nReply-To: undisclosed:;\r\nFrom: x@y\r\n\r\nCc: no@no\r\n";
        let envelope = Envelope::of(Fields::new(block));
        assert_eq!(envelope.to.len(), 2);
        assert_eq!(envelope.subject.as_deref(), Some(&b"a b c"[..]));
        assert_eq!(envelope.date.as_deref(), Some(&b""[..]));
        assert_eq!(envelope.sender, envelope.from);
        assert_eq!(envelope.reply_to.len(), 2);
        assert!(envelope.cc.is_empty() && envelope.message_id.is_none());
        assert!(Envelope::wants(b"MESSAGE-ID") && !Envelope::wants(b"Received"));
    }
}

//! ENVELOPE and BODYSTRUCTURE: plain values, and their form on the wire (RFC 3501 §7.4.2).
//!
//! The values hold header octets as a message parser found them; nothing is decoded. Absent is
//! `None` (NIL), empty is `Some` of nothing (`""`).

use super::string::{put_nstring, put_number, put_string, put_unescaped_nstring};

/// A limit of ours: parts nested deeper are shown as one opaque part.
pub const MAX_DEPTH: usize = 64;

/// A message's header fields that ENVELOPE shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The Date field as it stands.
    pub date: Option<Vec<u8>>,
    /// Unfolded, not decoded.
    pub subject: Option<Vec<u8>>,
    /// From.
    pub from: Vec<EnvelopeAddress>,
    /// Sender; From where it is missing (RFC 3501 §7.4.2), which whoever fills this in sees to.
    pub sender: Vec<EnvelopeAddress>,
    /// Reply-To; the same.
    pub reply_to: Vec<EnvelopeAddress>,
    /// To.
    pub to: Vec<EnvelopeAddress>,
    /// Cc.
    pub cc: Vec<EnvelopeAddress>,
    /// Bcc.
    pub bcc: Vec<EnvelopeAddress>,
    /// In-Reply-To as it stands.
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID as it stands.
    pub message_id: Option<Vec<u8>>,
}

/// One address, or a group's begin (`host` absent) or end (`mailbox` absent too).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvelopeAddress {
    /// The display name.
    pub name: Option<Vec<u8>>,
    /// The source route, of old.
    pub route: Option<Vec<u8>>,
    /// The local part, or the group's name.
    pub mailbox: Option<Vec<u8>>,
    /// The domain.
    pub host: Option<Vec<u8>>,
}

/// A MIME entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Structure {
    /// multipart/…
    Multi(Multipart),
    /// Anything else.
    Single(Part),
}

/// Parameters in order: name, value.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// A multipart entity. Without parts it is shown with one empty text part, as the grammar wants
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Multipart {
    /// In their order.
    pub parts: Vec<Structure>,
    /// `mixed`, `alternative`, …
    pub subtype: Vec<u8>,
    /// Of Content-Type.
    pub parameters: Parameters,
    /// Shown in BODYSTRUCTURE alone.
    pub extension: Extension,
}

/// An entity without parts, or a message within a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `text`, `image`, …
    pub media: Vec<u8>,
    /// `plain`, `png`, …
    pub subtype: Vec<u8>,
    /// Of Content-Type.
    pub parameters: Parameters,
    /// Content-ID.
    pub id: Option<Vec<u8>>,
    /// Content-Description.
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding; `7bit` if none.
    pub encoding: Vec<u8>,
    /// Of the content as it is encoded, lines ending in CRLF.
    pub octets: u64,
    /// What else its type says.
    pub kind: PartKind,
    /// Content-MD5. Shown in BODYSTRUCTURE alone.
    pub md5: Option<Vec<u8>>,
    /// Shown in BODYSTRUCTURE alone.
    pub extension: Extension,
}

/// What a part's type adds (RFC 3501 §7.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// Nothing.
    Basic,
    /// text/…: how many lines.
    Text {
        /// Lines of the content as it is encoded.
        lines: u64,
    },
    /// message/rfc822.
    Message {
        /// Of the message within.
        envelope: Box<Envelope>,
        /// Of the message within.
        structure: Box<Structure>,
        /// Of the part's content.
        lines: u64,
    },
}

/// Content-Disposition, -Language, -Location.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extension {
    /// `attachment` and its parameters.
    pub disposition: Option<(Vec<u8>, Parameters)>,
    /// Language tags.
    pub language: Vec<Vec<u8>>,
    /// A URI.
    pub location: Option<Vec<u8>>,
}

/// `(date subject from sender reply-to to cc bcc in-reply-to message-id)`
pub(super) fn put_envelope(out: &mut Vec<u8>, envelope: &Envelope) {
    out.push(b'(');
    put_unescaped_nstring(out, envelope.date.as_deref());
    out.push(b' ');
    put_unescaped_nstring(out, envelope.subject.as_deref());
    for addresses in [
        &envelope.from,
        &envelope.sender,
        &envelope.reply_to,
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        out.push(b' ');
        put_addresses(out, addresses);
    }
    out.push(b' ');
    put_unescaped_nstring(out, envelope.in_reply_to.as_deref());
    out.push(b' ');
    put_unescaped_nstring(out, envelope.message_id.as_deref());
    out.push(b')');
}

fn put_addresses(out: &mut Vec<u8>, addresses: &[EnvelopeAddress]) {
    if addresses.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in addresses {
        let fields = [&address.name, &address.route, &address.mailbox, &address.host];
        super::string::put_list(out, fields, |out, field| {
            put_unescaped_nstring(out, field.as_deref());
        });
    }
    out.push(b')');
}

/// A `body`, with or without its extension data.
pub(super) fn put_structure(out: &mut Vec<u8>, structure: &Structure, extended: bool) {
    put_body(out, structure, extended, MAX_DEPTH);
}

fn put_body(out: &mut Vec<u8>, structure: &Structure, extended: bool, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return put_part(out, &Part::opaque(), extended, 0);
    };
    match structure {
        Structure::Multi(multi) => put_multipart(out, multi, extended, depth),
        Structure::Single(part) => put_part(out, part, extended, depth),
    }
}

fn put_multipart(out: &mut Vec<u8>, multi: &Multipart, extended: bool, depth: usize) {
    out.push(b'(');
    for part in &multi.parts {
        put_body(out, part, extended, depth);
    }
    if multi.parts.is_empty() {
        put_part(out, &Part::empty_text(), extended, depth);
    }
    out.push(b' ');
    put_string(out, &multi.subtype);
    if extended {
        out.push(b' ');
        put_parameters(out, &multi.parameters);
        put_extension(out, &multi.extension);
    }
    out.push(b')');
}

fn put_part(out: &mut Vec<u8>, part: &Part, extended: bool, depth: usize) {
    out.push(b'(');
    put_string(out, &part.media);
    out.push(b' ');
    put_string(out, &part.subtype);
    out.push(b' ');
    put_parameters(out, &part.parameters);
    for field in [&part.id, &part.description] {
        out.push(b' ');
        put_nstring(out, field.as_deref());
    }
    out.push(b' ');
    put_string(out, &part.encoding);
    out.push(b' ');
    put_number(out, part.octets);
    match &part.kind {
        PartKind::Basic => {}
        PartKind::Text { lines } => {
            out.push(b' ');
            put_number(out, *lines);
        }
        PartKind::Message { envelope, structure, lines } => {
            out.push(b' ');
            put_envelope(out, envelope);
            out.push(b' ');
            put_body(out, structure, extended, depth);
            out.push(b' ');
            put_number(out, *lines);
        }
    }
    if extended {
        out.push(b' ');
        put_nstring(out, part.md5.as_deref());
        put_extension(out, &part.extension);
    }
    out.push(b')');
}

/// ` disposition language location`
fn put_extension(out: &mut Vec<u8>, extension: &Extension) {
    out.push(b' ');
    match &extension.disposition {
        None => out.extend_from_slice(b"NIL"),
        Some((kind, parameters)) => {
            out.push(b'(');
            put_string(out, kind);
            out.push(b' ');
            put_parameters(out, parameters);
            out.push(b')');
        }
    }
    out.push(b' ');
    if extension.language.is_empty() {
        out.extend_from_slice(b"NIL");
    } else {
        super::string::put_list(out, &extension.language, |out, tag| put_string(out, tag));
    }
    out.push(b' ');
    put_nstring(out, extension.location.as_deref());
}

fn put_parameters(out: &mut Vec<u8>, parameters: &Parameters) {
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    super::string::put_list(out, parameters, |out, (name, value)| {
        put_string(out, name);
        out.push(b' ');
        put_string(out, value);
    });
}

impl Part {
    /// text/plain in US-ASCII without content: RFC 2045 §5.2's default.
    #[must_use]
    pub fn empty_text() -> Self {
        Self {
            media: b"text".to_vec(),
            subtype: b"plain".to_vec(),
            parameters: vec![(b"charset".to_vec(), b"us-ascii".to_vec())],
            kind: PartKind::Text { lines: 0 },
            ..Self::opaque()
        }
    }

    fn opaque() -> Self {
        Self {
            media: b"application".to_vec(),
            subtype: b"octet-stream".to_vec(),
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: b"7bit".to_vec(),
            octets: 0,
            kind: PartKind::Basic,
            md5: None,
            extension: Extension::default(),
        }
    }
}

#[cfg(test)]
mod tests;

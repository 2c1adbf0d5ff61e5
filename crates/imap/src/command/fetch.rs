//! FETCH's arguments (RFC 3501 §6.4.5).

use super::Messages;

/// FETCH and UID FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Which.
    pub messages: Messages,
    /// What, in the client's order, each once; macros are written out.
    pub items: Vec<FetchItem>,
}

/// One thing to be told about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Rfc822Size,
    /// `ENVELOPE`
    Envelope,
    /// `BODY`: the structure without its extensions.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `RFC822`: as `BODY[]`, under that name.
    Rfc822,
    /// `RFC822.HEADER`: as `BODY.PEEK[HEADER]`, under that name.
    Rfc822Header,
    /// `RFC822.TEXT`: as `BODY[TEXT]`, under that name.
    Rfc822Text,
    /// `BODY[…]` and `BODY.PEEK[…]`
    Section {
        /// Whether `\Seen` is left alone.
        peek: bool,
        /// Which part.
        section: Section,
        /// Which octets of it.
        partial: Option<Partial>,
    },
}

impl FetchItem {
    /// Its name in a command and in the reply; `BODY` for a section.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            FetchItem::Uid => "UID",
            FetchItem::Flags => "FLAGS",
            FetchItem::InternalDate => "INTERNALDATE",
            FetchItem::Rfc822Size => "RFC822.SIZE",
            FetchItem::Envelope => "ENVELOPE",
            FetchItem::Body | FetchItem::Section { .. } => "BODY",
            FetchItem::BodyStructure => "BODYSTRUCTURE",
            FetchItem::Rfc822 => "RFC822",
            FetchItem::Rfc822Header => "RFC822.HEADER",
            FetchItem::Rfc822Text => "RFC822.TEXT",
        }
    }

    /// Whether showing it sets `\Seen` (RFC 3501 §6.4.5).
    #[must_use]
    pub const fn sets_seen(&self) -> bool {
        matches!(
            self,
            FetchItem::Rfc822 | FetchItem::Rfc822Text | FetchItem::Section { peek: false, .. }
        )
    }
}

/// What stands between the brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The numbers in front: `1.2`. Empty for the message itself. None is 0.
    pub part: Vec<u32>,
    /// What of that part.
    pub text: SectionText,
}

/// Which piece of a message or part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// Nothing named: all of the message, or a part's content.
    All,
    /// `HEADER`: of the message, or of the message/rfc822 part.
    Header,
    /// `HEADER.FIELDS (…)`, `HEADER.FIELDS.NOT (…)`
    HeaderFields {
        /// Whether it is all but these.
        not: bool,
        /// In upper case, at least one.
        names: Vec<Vec<u8>>,
    },
    /// `TEXT`: the body without its header.
    Text,
    /// `MIME`: a part's own header; only after a part number.
    Mime,
}

impl SectionText {
    /// Its name between the brackets, without the list of fields.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            SectionText::All => "",
            SectionText::Header => "HEADER",
            SectionText::HeaderFields { not: false, .. } => "HEADER.FIELDS",
            SectionText::HeaderFields { not: true, .. } => "HEADER.FIELDS.NOT",
            SectionText::Text => "TEXT",
            SectionText::Mime => "MIME",
        }
    }
}

/// `<offset.length>`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// Of the first octet, from 0.
    pub offset: u64,
    /// At most so many octets; never 0.
    pub length: u64,
}

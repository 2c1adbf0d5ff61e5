//! Which octets of a message a FETCH item means (RFC 3501 §6.4.5).

use std::ops::Range;

use imap::command::{FetchItem, Partial, Section, SectionText};
use message::header;
use message::part::Part;

use crate::open_message::{OpenMessage, Unreadable};
use crate::opened::Opened;

/// Octets to be shown.
#[derive(Debug)]
pub(crate) enum Piece {
    /// These, in the message.
    Range(Range<u64>),
    /// These, made of the message.
    Octets(Vec<u8>),
}

impl Piece {
    fn empty() -> Self {
        Piece::Octets(Vec::new())
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Piece::Range(range) => range.end - range.start,
            Piece::Octets(octets) => octets.len() as u64,
        }
    }

    /// The part of it that `<offset.length>` asks for; nothing if it begins behind the end.
    fn cut(self, partial: Option<&Partial>) -> Self {
        let Some(partial) = partial else { return self };
        let from = partial.offset.min(self.len());
        let to = from.saturating_add(partial.length).min(self.len());
        match self {
            Piece::Range(range) => Piece::Range(range.start + from..range.start + to),
            Piece::Octets(octets) => {
                let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
                let cut = range.and_then(|(from, to)| octets.get(from..to));
                Piece::Octets(cut.unwrap_or_default().to_vec())
            }
        }
    }
}

/// What `item` means in this message. A part that isn't there is empty, as in Dovecot.
pub(crate) fn of(
    item: &FetchItem,
    message: &mut OpenMessage,
    opened: &mut Opened,
) -> Result<Piece, Unreadable> {
    match item {
        FetchItem::Rfc822Header => of_message(&SectionText::Header, message, opened),
        FetchItem::Rfc822Text => of_message(&SectionText::Text, message, opened),
        FetchItem::Section { section, partial, .. } => {
            Ok(section_of(section, message, opened)?.cut(partial.as_ref()))
        }
        _ => of_message(&SectionText::All, message, opened),
    }
}

fn section_of(
    section: &Section,
    message: &mut OpenMessage,
    opened: &mut Opened,
) -> Result<Piece, Unreadable> {
    if section.part.is_empty() {
        return of_message(&section.text, message, opened);
    }
    let structure = message.structure(opened)?;
    match structure.at(&section.part) {
        Some(part) => of_part(part, &section.text, message, opened),
        None => Ok(Piece::empty()),
    }
}

/// Without part numbers: the structure isn't needed, so it isn't looked for.
fn of_message(
    text: &SectionText,
    message: &mut OpenMessage,
    opened: &mut Opened,
) -> Result<Piece, Unreadable> {
    Ok(match text {
        SectionText::All => Piece::Range(0..message.octets(opened)?),
        SectionText::Header => Piece::Range(0..message.header_octets(opened)?),
        SectionText::Text => {
            let end = message.octets(opened)?;
            Piece::Range(message.header_octets(opened)?.min(end)..end)
        }
        SectionText::HeaderFields { not, names } => {
            Piece::Octets(chosen(message.header(opened)?, *not, names))
        }
        SectionText::Mime => Piece::empty(),
    })
}

fn of_part(
    part: &Part,
    text: &SectionText,
    message: &mut OpenMessage,
    opened: &mut Opened,
) -> Result<Piece, Unreadable> {
    let inner = part.message();
    Ok(match (text, inner) {
        (SectionText::All, _) => Piece::Range(part.body.clone()),
        (SectionText::Mime, _) => Piece::Range(part.header.clone()),
        // The others speak of the message in a message/rfc822 part alone.
        (_, None) => Piece::empty(),
        (SectionText::Header, Some(inner)) => Piece::Range(inner.header.clone()),
        (SectionText::Text, Some(inner)) => Piece::Range(inner.body.clone()),
        (SectionText::HeaderFields { not, names }, Some(inner)) => {
            let block = message.read(opened, &inner.header)?;
            Piece::Octets(chosen(&block, *not, names))
        }
    })
}

fn chosen(block: &[u8], not: bool, names: &[Vec<u8>]) -> Vec<u8> {
    let named = |name: &[u8]| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    header::select(block, |name| named(name) != not)
}

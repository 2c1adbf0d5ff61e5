//! FETCH, step by step (RFC 3501 §6.4.5, §7.4.2).
//!
//! [`Fetch`] runs on a blocking thread until so many octets of replies are ready, and goes on when
//! the client has taken them: a message of any size costs one buffer.

use imap::command::{self, FetchItem, Messages};
use imap::date::DateTime;
use imap::response::fetch::FetchLine;
use mailbox::{Flag, Flags, Uid};
use message::envelope::Envelope;
use message::header::Fields;
use store::Change;

use crate::open_message::{OpenMessage, Unreadable};
use crate::opened::{Numbered, Opened};
use crate::piece::{self, Piece};
use crate::structure;
use crate::wire::FLUSH_AT;

/// So many messages ahead of the one being shown are marked as seen at once: each change of flags
/// costs a rename and a sync.
const SEEN_AHEAD: usize = 16;

/// A FETCH under way.
pub(crate) struct Fetch {
    items: Vec<FetchItem>,
    by_uid: bool,
    sets_seen: bool,
    messages: std::vec::IntoIter<Numbered>,
    /// How many of the next messages have been marked as seen already.
    marked: usize,
    /// Those that were marked so and must be told.
    newly_seen: Vec<Uid>,
    current: Option<Current>,
    /// Some message was gone.
    pub(crate) some_gone: bool,
}

/// The message whose line is open.
struct Current {
    numbered: Numbered,
    message: OpenMessage,
    line: Option<FetchLine>,
    /// Place of the next item.
    next: usize,
    /// A literal that was announced, and what of it is still to come.
    literal: Option<Piece>,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send what is ready, and call again.
    More {
        /// Whether the reply stops in the middle of a literal.
        in_literal: bool,
    },
    Done,
}

/// Why a FETCH can't go on.
#[derive(Debug, thiserror::Error)]
#[error("message {uid}: {why}")]
pub(crate) struct Failed {
    uid: Uid,
    pub(crate) why: Unreadable,
    /// In the middle of a literal: the connection is of no use any more.
    pub(crate) in_literal: bool,
}

impl Fetch {
    pub(crate) fn new(fetch: command::Fetch, meant: Vec<Numbered>, read_only: bool) -> Self {
        let by_uid = matches!(fetch.messages, Messages::Uid(_));
        let mut items = fetch.items;
        if by_uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid); // RFC 3501 §6.4.8
        }
        Self {
            sets_seen: !read_only && items.iter().any(FetchItem::sets_seen),
            items,
            by_uid,
            messages: meant.into_iter(),
            marked: 0,
            newly_seen: Vec::new(),
            current: None,
            some_gone: false,
        }
    }

    /// Adds replies to `out` until there are enough, or all.
    ///
    /// # Errors
    /// If a message can't be read. A message that is gone is no error.
    pub(crate) fn step(&mut self, opened: &mut Opened, out: &mut Vec<u8>) -> Result<Step, Failed> {
        while out.len() < FLUSH_AT {
            if self.current.is_none() && !self.begin_next(opened, out)? {
                return Ok(Step::Done);
            }
            let Some(mut current) = self.current.take() else { return Ok(Step::Done) };
            let shown = current.show(&self.items, opened, out);
            let in_literal = current.literal.is_some();
            match shown {
                Ok(true) => {}
                Ok(false) => self.current = Some(current),
                Err(Unreadable::Gone) if !in_literal => {
                    self.some_gone = true;
                    current.show_as_gone(&self.items, out);
                }
                Err(why) => {
                    if let Some(line) = current.line.filter(|_| !in_literal) {
                        line.end(out);
                    }
                    return Err(Failed { uid: current.numbered.uid, why, in_literal });
                }
            }
        }
        let in_literal = self.current.as_ref().is_some_and(|current| current.literal.is_some());
        Ok(Step::More { in_literal })
    }

    /// Opens the next message's line. False if there is none.
    fn begin_next(&mut self, opened: &mut Opened, out: &mut Vec<u8>) -> Result<bool, Failed> {
        let Some(&numbered) = self.messages.as_slice().first() else { return Ok(false) };
        if self.sets_seen && self.marked == 0 {
            self.mark_seen(opened).map_err(|why| Failed {
                uid: numbered.uid,
                why,
                in_literal: false,
            })?;
        }
        self.marked = self.marked.saturating_sub(1);
        self.messages.next();
        let mut current = Current {
            numbered,
            message: OpenMessage::new(numbered.uid),
            line: None,
            next: 0,
            literal: None,
        };
        // RFC 3501 §6.4.5: flags that change "SHOULD be included as part of the FETCH responses".
        let told = self.items.contains(&FetchItem::Flags);
        if self.newly_seen.contains(&numbered.uid) && !told {
            if self.by_uid {
                current.line(out).uid(out, numbered.uid);
                current.next = usize::from(self.items.first() == Some(&FetchItem::Uid));
            }
            current.show_flags(opened, out);
        }
        self.current = Some(current);
        Ok(true)
    }

    /// Sets `\Seen` on the next few messages that lack it.
    fn mark_seen(&mut self, opened: &mut Opened) -> Result<(), Unreadable> {
        let ahead: Vec<Numbered> =
            self.messages.as_slice().iter().take(SEEN_AHEAD).copied().collect();
        self.marked = ahead.len();
        let unseen = |numbered: &Numbered| {
            let entry = opened.entry(numbered.number)?;
            (!entry.flags.contains(&Flag::Seen)).then_some(numbered.uid)
        };
        self.newly_seen = ahead.iter().filter_map(unseen).collect();
        if !self.newly_seen.is_empty() {
            let seen: Flags = [Flag::Seen].into_iter().collect();
            opened.mailbox.store(&self.newly_seen, &Change::Add(seen))?;
        }
        Ok(())
    }
}

impl Current {
    /// The open line, begun when the first item is there.
    fn line(&mut self, out: &mut Vec<u8>) -> &mut FetchLine {
        let number = self.numbered.number;
        self.line.get_or_insert_with(|| FetchLine::begin(out, number))
    }

    /// Adds items until all are there (true) or the buffer has enough (false).
    fn show(
        &mut self,
        items: &[FetchItem],
        opened: &mut Opened,
        out: &mut Vec<u8>,
    ) -> Result<bool, Unreadable> {
        loop {
            if !self.stream_literal(opened, out)? {
                return Ok(false);
            }
            let Some(item) = items.get(self.next) else { break };
            self.show_item(item, opened, out)?;
            self.next += 1;
        }
        if let Some(line) = self.line.take() {
            line.end(out);
        }
        Ok(true)
    }

    fn show_item(
        &mut self,
        item: &FetchItem,
        opened: &mut Opened,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        let uid = self.numbered.uid;
        match item {
            FetchItem::Uid => self.line(out).uid(out, uid),
            FetchItem::Flags => self.show_flags(opened, out),
            FetchItem::InternalDate => {
                let date = DateTime::new(opened.mailbox.internal_date(uid)?, 0);
                self.line(out).internal_date(out, date);
            }
            FetchItem::Rfc822Size => {
                let octets = opened.mailbox.size(uid)?;
                self.line(out).rfc822_size(out, octets);
            }
            FetchItem::Envelope => {
                let header = self.message.header(opened)?;
                let envelope = structure::envelope(&Envelope::of(Fields::new(header)));
                self.line(out).envelope(out, &envelope);
            }
            FetchItem::Body => {
                let part = self.message.structure(opened)?;
                self.line(out).body(out, &structure::structure(&part));
            }
            FetchItem::BodyStructure => {
                let part = self.message.structure(opened)?;
                self.line(out).body_structure(out, &structure::structure(&part));
            }
            FetchItem::Rfc822
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text
            | FetchItem::Section { .. } => {
                let piece = piece::of(item, &mut self.message, opened)?;
                self.line(out).literal(out, item, piece.len());
                self.literal = Some(piece);
            }
        }
        Ok(())
    }

    fn show_flags(&mut self, opened: &Opened, out: &mut Vec<u8>) {
        if let Some(entry) = opened.entry(self.numbered.number) {
            self.line(out).flags(out, &entry.flags, entry.recent);
        }
    }

    /// Adds what is left of an announced literal. False if the buffer has enough before its end.
    fn stream_literal(
        &mut self,
        opened: &mut Opened,
        out: &mut Vec<u8>,
    ) -> Result<bool, Unreadable> {
        loop {
            match &mut self.literal {
                None => return Ok(true),
                Some(Piece::Octets(octets)) => {
                    let octets = std::mem::take(octets);
                    put_without_nul(out, &octets);
                    self.literal = None;
                }
                Some(Piece::Range(range)) if range.is_empty() => self.literal = None,
                Some(Piece::Range(range)) => {
                    let room = FLUSH_AT.saturating_sub(out.len());
                    if room == 0 {
                        return Ok(false);
                    }
                    let wanted = usize::try_from(range.end - range.start).unwrap_or(room).min(room);
                    let from = out.len();
                    let got = self.message.read_at(opened, range.start, wanted, out)?;
                    without_nul(out.get_mut(from..).unwrap_or_default());
                    if got == 0 {
                        let short = std::io::ErrorKind::UnexpectedEof;
                        return Err(std::io::Error::from(short).into());
                    }
                    range.start += got as u64;
                }
            }
        }
    }

    /// The rest of the line for a message that another session expunged: `BODY[] NIL`, as Dovecot
    /// says it; what has no such form is left out.
    fn show_as_gone(mut self, items: &[FetchItem], out: &mut Vec<u8>) {
        for item in items.get(self.next..).unwrap_or_default() {
            if matches!(
                item,
                FetchItem::Rfc822
                    | FetchItem::Rfc822Header
                    | FetchItem::Rfc822Text
                    | FetchItem::Section { .. }
            ) {
                self.line(out).nil(out, item);
            }
        }
        if let Some(line) = self.line {
            line.end(out);
        }
    }
}

fn put_without_nul(out: &mut Vec<u8>, octets: &[u8]) {
    let from = out.len();
    out.extend_from_slice(octets);
    without_nul(out.get_mut(from..).unwrap_or_default());
}

/// No string of IMAP's can hold NUL (RFC 3501 §9, CHAR8); the length must stay, so another octet
/// takes its place: Dovecot's choice.
fn without_nul(octets: &mut [u8]) {
    for octet in octets.iter_mut().filter(|octet| **octet == 0) {
        *octet = 0x80;
    }
}

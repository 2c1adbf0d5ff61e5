//! The selected mailbox as this session sees it, and what the client has been told of it.
//!
//! Sequence numbers change in [`Opened::refresh`] and by the session's own expunges, nowhere else:
//! the session calls them only where a client expects EXPUNGE replies, never in a FETCH, STORE or
//! SEARCH by sequence number (RFC 3501 §5.5, §7.4.1).

use std::sync::Arc;

use imap::command::Messages;
use imap::response::fetch::FetchLine;
use imap::response::{self, Code, Status};
use imap::sequence::OutOfRange;
use mailbox::{Flag, Flags, SeqNo, Uid};
use message::part::Part;
use store::{Access, Changes, Entry, Mailbox};

/// A selected mailbox.
pub(crate) struct Opened {
    pub(crate) mailbox: Box<dyn Mailbox>,
    /// RECENT as last told.
    told_recent: u32,
    /// How many keywords FLAGS told.
    told_keywords: usize,
    /// The structure of the message that was looked into last: clients ask for BODYSTRUCTURE, then
    /// for the parts one after the other.
    pub(crate) structure: Option<(Uid, Arc<Part>)>,
}

/// A message with its sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: SeqNo,
    pub(crate) uid: Uid,
}

impl Opened {
    pub(crate) fn new(mailbox: Box<dyn Mailbox>) -> Self {
        Self { mailbox, told_recent: 0, told_keywords: 0, structure: None }
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.mailbox.access() == Access::ReadOnly
    }

    pub(crate) fn entry(&self, number: SeqNo) -> Option<&Entry> {
        self.mailbox.messages().get(number.index())
    }

    pub(crate) fn exists(&self) -> u32 {
        u32::try_from(self.mailbox.messages().len()).unwrap_or(u32::MAX)
    }

    fn recent(&self) -> u32 {
        let count = self.mailbox.messages().iter().filter(|entry| entry.recent).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// SELECT's untagged replies in Dovecot's order (RFC 3501 §6.3.1).
    pub(crate) fn introduce(&mut self, out: &mut Vec<u8>) {
        self.tell_flags(out);
        response::exists(out, self.exists());
        self.told_recent = self.recent();
        response::recent(out, self.told_recent);
        let unseen = |entry: &Entry| !entry.flags.contains(&Flag::Seen);
        let first_unseen = self.mailbox.messages().iter().position(unseen);
        let mut tell = |code: Code<'_>, text| {
            response::untagged(out, Status::Ok, Some(&code), text);
        };
        if let Some(number) = first_unseen.and_then(SeqNo::from_index) {
            tell(Code::Unseen(number), "First unseen.");
        }
        tell(Code::UidValidity(self.mailbox.uid_validity()), "UIDs valid");
        tell(Code::UidNext(self.mailbox.uid_next()), "Predicted next UID");
    }

    /// FLAGS and PERMANENTFLAGS (RFC 3501 §7.1, §7.2.6).
    pub(crate) fn tell_flags(&mut self, out: &mut Vec<u8>) {
        let keywords = self.mailbox.keywords();
        self.told_keywords = keywords.len();
        let system = Flag::SYSTEM.into_iter();
        let flags: Flags = system.chain(keywords.into_iter().map(Flag::Keyword)).collect();
        response::flags(out, &flags);
        if self.is_read_only() {
            let code = Code::PermanentFlags { flags: &Flags::new(), any_keyword: false };
            response::untagged(out, Status::Ok, Some(&code), "Read-only mailbox.");
        } else {
            let any_keyword = self.mailbox.can_create_keywords();
            let code = Code::PermanentFlags { flags: &flags, any_keyword };
            response::untagged(out, Status::Ok, Some(&code), "Flags permitted.");
        }
    }

    /// FLAGS again, if there are keywords that the client doesn't know yet.
    pub(crate) fn tell_new_keywords(&mut self, out: &mut Vec<u8>) {
        if self.mailbox.keywords().len() != self.told_keywords {
            self.tell_flags(out);
        }
    }

    /// Takes up what others did, and tells it.
    pub(crate) fn refresh(&mut self, out: &mut Vec<u8>) -> store::Result<()> {
        let changes = self.mailbox.refresh()?;
        self.tell_expunged(out, &changes.expunged);
        self.tell_rest(out, &changes);
        Ok(())
    }

    fn tell_rest(&mut self, out: &mut Vec<u8>, changes: &Changes) {
        if changes.keywords {
            self.tell_new_keywords(out); // this session's own STORE has told its own
        }
        if changes.appeared > 0 {
            response::exists(out, self.exists());
        }
        self.tell_recent(out, changes.appeared > 0);
        for uid in &changes.changed {
            let messages = self.mailbox.messages();
            let Ok(place) = messages.binary_search_by_key(uid, |entry| entry.uid) else { continue };
            let found = SeqNo::from_index(place).zip(messages.get(place));
            if let Some((number, entry)) = found {
                tell_message_flags(out, number, entry, false);
            }
        }
    }

    fn tell_recent(&mut self, out: &mut Vec<u8>, anyhow: bool) {
        let recent = self.recent();
        if anyhow || recent != self.told_recent {
            self.told_recent = recent;
            response::recent(out, recent);
        }
    }

    /// EXPUNGE for each, the highest number first, so that each number still means what it meant.
    pub(crate) fn tell_expunged(&mut self, out: &mut Vec<u8>, expunged: &[(usize, Uid)]) {
        for &(place, uid) in expunged.iter().rev() {
            if let Some(number) = SeqNo::from_index(place) {
                response::expunge(out, number);
            }
            if self.structure.as_ref().is_some_and(|(kept, _)| *kept == uid) {
                self.structure = None;
            }
        }
        if !expunged.is_empty() {
            self.tell_recent(out, false);
        }
    }

    /// The messages that a command means.
    pub(crate) fn meant(&self, messages: &Messages) -> Result<Vec<Numbered>, OutOfRange> {
        let entries = self.mailbox.messages();
        match messages {
            Messages::Sequence(set) => {
                let numbers = set.resolve(self.exists())?;
                let known = |number: SeqNo| {
                    let entry = entries.get(number.index())?;
                    Some(Numbered { number, uid: entry.uid })
                };
                Ok(numbers.sequence_numbers().filter_map(known).collect())
            }
            Messages::Uid(set) => {
                let numbers = set.resolve(entries.last().map(|entry| entry.uid));
                let mut meant = Vec::new();
                for &(first, last) in numbers.ranges() {
                    let from = entries.partition_point(|entry| entry.uid.get() < first);
                    let rest = entries.iter().enumerate().skip(from);
                    for (place, entry) in rest.take_while(|(_, entry)| entry.uid.get() <= last) {
                        let number = SeqNo::from_index(place);
                        meant.extend(number.map(|number| Numbered { number, uid: entry.uid }));
                    }
                }
                Ok(meant)
            }
        }
    }
}

/// `* 1 FETCH (FLAGS (…))`, with the UID in replies to UID commands (RFC 3501 §6.4.8).
pub(crate) fn tell_message_flags(out: &mut Vec<u8>, number: SeqNo, entry: &Entry, uid: bool) {
    let mut line = FetchLine::begin(out, number);
    if uid {
        line.uid(out, entry.uid);
    }
    line.flags(out, &entry.flags, entry.recent);
    line.end(out);
}

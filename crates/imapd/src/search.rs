//! SEARCH, step by step (RFC 3501 §6.4.4).
//!
//! Conditions that cost little are looked at first; a message is read only if they don't decide.
//! After so many messages or octets a step ends, so that the session can see whether to go on.

use imap::command::SearchKey;
use imap::date::Date;
use mailbox::{Flag, SeqNo};
use message::content::Content;
use message::date as mail_date;
use message::find::{Finder, Needle};
use message::header::Fields;
use message::part::{Inside, Part};
use message::text::TextDecoder;
use store::Entry;

use crate::open_message::{OpenMessage, Unreadable};
use crate::opened::Opened;

/// Messages that one step looks at.
const STEP_MESSAGES: u32 = 10_000;
/// Octets that one step reads, about.
const STEP_OCTETS: u64 = 8 << 20;

/// A SEARCH under way.
pub(crate) struct Search {
    condition: Condition,
    by_uid: bool,
    /// Place of the next message.
    next: usize,
    /// What was found: sequence numbers or UIDs, ascending.
    pub(crate) found: Vec<u32>,
    octets: u64,
}

/// A search key, resolved against the mailbox, its text ready to be looked for.
enum Condition {
    All,
    Never,
    And(Vec<Condition>),
    Or(Box<(Condition, Condition)>),
    Not(Box<Condition>),
    Numbers(imap::sequence::Numbers),
    Uids(imap::sequence::Numbers),
    Flag(Flag),
    Recent,
    Before(Date),
    On(Date),
    Since(Date),
    SentBefore(Date),
    SentOn(Date),
    SentSince(Date),
    Larger(u64),
    Smaller(u64),
    Header { name: Vec<u8>, text: Needle },
    Body(Needle),
    Text(Needle),
}

/// What a condition costs to look at: nothing, a look at the file, the header, the whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Nothing,
    Stat,
    Header,
    Message,
}

impl Condition {
    fn of(key: SearchKey, opened: &Opened) -> Self {
        let last_uid = opened.mailbox.messages().last().map(|entry| entry.uid);
        let needle = |text: Vec<u8>| Needle::new(&String::from_utf8_lossy(&text));
        match key {
            SearchKey::All => Self::All,
            SearchKey::And(keys) => Self::all_of(keys, opened),
            SearchKey::Or(a, b) => Self::Or(Box::new((Self::of(*a, opened), Self::of(*b, opened)))),
            SearchKey::Not(key) => Self::Not(Box::new(Self::of(*key, opened))),
            SearchKey::Sequence(set) => Self::Numbers(set.resolve_within(opened.exists())),
            SearchKey::Uid(set) => match last_uid {
                None => Self::Never,
                last => Self::Uids(set.resolve(last)),
            },
            SearchKey::Flag(flag) => Self::Flag(flag),
            SearchKey::Recent => Self::Recent,
            SearchKey::New => {
                Self::And(vec![Self::Recent, Self::Not(Box::new(Self::Flag(Flag::Seen)))])
            }
            SearchKey::Before(date) => Self::Before(date),
            SearchKey::On(date) => Self::On(date),
            SearchKey::Since(date) => Self::Since(date),
            SearchKey::SentBefore(date) => Self::SentBefore(date),
            SearchKey::SentOn(date) => Self::SentOn(date),
            SearchKey::SentSince(date) => Self::SentSince(date),
            SearchKey::Larger(octets) => Self::Larger(octets),
            SearchKey::Smaller(octets) => Self::Smaller(octets),
            SearchKey::Header { name, text } => Self::Header { name, text: needle(text) },
            SearchKey::Body(text) => Self::Body(needle(text)),
            SearchKey::Text(text) => Self::Text(needle(text)),
        }
    }

    fn all_of(keys: Vec<SearchKey>, opened: &Opened) -> Self {
        let mut all: Vec<Self> = keys.into_iter().map(|key| Self::of(key, opened)).collect();
        all.sort_by_key(Self::cost);
        Self::And(all)
    }

    fn cost(&self) -> Cost {
        match self {
            Self::And(all) => all.iter().map(Self::cost).max().unwrap_or(Cost::Nothing),
            Self::Or(both) => both.0.cost().max(both.1.cost()),
            Self::Not(one) => one.cost(),
            Self::Before(_) | Self::On(_) | Self::Since(_) | Self::Larger(_) | Self::Smaller(_) => {
                Cost::Stat
            }
            Self::SentBefore(_) | Self::SentOn(_) | Self::SentSince(_) | Self::Header { .. } => {
                Cost::Header
            }
            Self::Body(_) | Self::Text(_) => Cost::Message,
            _ => Cost::Nothing,
        }
    }
}

impl Search {
    pub(crate) fn new(keys: Vec<SearchKey>, by_uid: bool, opened: &Opened) -> Self {
        let condition = Condition::all_of(keys, opened);
        Self { condition, by_uid, next: 0, found: Vec::new(), octets: 0 }
    }

    /// Looks at some messages. True when all have been looked at.
    ///
    /// # Errors
    /// If a message can't be read. One that is gone just isn't found.
    pub(crate) fn step(&mut self, opened: &mut Opened) -> Result<bool, Unreadable> {
        self.octets = 0;
        for _ in 0..STEP_MESSAGES {
            let Some(entry) = opened.mailbox.messages().get(self.next).cloned() else {
                return Ok(true);
            };
            let Some(number) = SeqNo::from_index(self.next) else { return Ok(true) };
            self.next += 1;
            let mut looked = Looked { entry, number, message: None, octets: 0 };
            let matches = match looked.at(&self.condition, opened) {
                Err(Unreadable::Gone) => false,
                other => other?,
            };
            if matches {
                let uid = looked.entry.uid.get();
                self.found.push(if self.by_uid { uid } else { number.get() });
            }
            self.octets += looked.octets;
            if self.octets > STEP_OCTETS {
                break;
            }
        }
        Ok(self.next >= opened.mailbox.messages().len())
    }
}

/// A message that is being looked at.
struct Looked {
    entry: Entry,
    number: SeqNo,
    message: Option<OpenMessage>,
    octets: u64,
}

impl Looked {
    fn message(&mut self) -> &mut OpenMessage {
        let uid = self.entry.uid;
        self.message.get_or_insert_with(|| OpenMessage::new(uid))
    }

    fn at(&mut self, condition: &Condition, opened: &mut Opened) -> Result<bool, Unreadable> {
        Ok(match condition {
            Condition::All => true,
            Condition::Never => false,
            Condition::And(all) => {
                for one in all {
                    if !self.at(one, opened)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Or(both) => self.at(&both.0, opened)? || self.at(&both.1, opened)?,
            Condition::Not(one) => !self.at(one, opened)?,
            Condition::Numbers(numbers) => numbers.contains(self.number.get()),
            Condition::Uids(numbers) => numbers.contains(self.entry.uid.get()),
            Condition::Flag(flag) => self.entry.flags.contains(flag),
            Condition::Recent => self.entry.recent,
            Condition::Before(date) => self.received(opened)? < *date,
            Condition::On(date) => self.received(opened)? == *date,
            Condition::Since(date) => self.received(opened)? >= *date,
            Condition::SentBefore(date) => self.sent(opened)?.is_some_and(|sent| sent < *date),
            Condition::SentOn(date) => self.sent(opened)?.is_some_and(|sent| sent == *date),
            Condition::SentSince(date) => self.sent(opened)?.is_some_and(|sent| sent >= *date),
            Condition::Larger(octets) => opened.mailbox.size(self.entry.uid)? > *octets,
            Condition::Smaller(octets) => opened.mailbox.size(self.entry.uid)? < *octets,
            Condition::Header { name, text } => self.field(opened, name, text)?,
            Condition::Body(text) => self.body(opened, text)?,
            Condition::Text(text) => self.header(opened, text)? || self.body(opened, text)?,
        })
    }

    /// The day of arrival, in UTC, as INTERNALDATE shows it.
    fn received(&self, opened: &mut Opened) -> Result<Date, Unreadable> {
        Ok(Date::of(opened.mailbox.internal_date(self.entry.uid)?, 0))
    }

    /// The day that the Date field says, "disregarding time and timezone" (RFC 3501 §6.4.4).
    fn sent(&mut self, opened: &mut Opened) -> Result<Option<Date>, Unreadable> {
        let header = self.message().header(opened)?;
        let field = Fields::new(header).find(|field| field.is("Date"));
        let date = field.and_then(|field| {
            mail_date::parse(&String::from_utf8_lossy(&message::header::unfold(field.value)))
        });
        Ok(date.map(|(seconds, offset)| Date::of(seconds, offset)))
    }

    fn field(
        &mut self,
        opened: &mut Opened,
        name: &[u8],
        text: &Needle,
    ) -> Result<bool, Unreadable> {
        let header = self.message().header(opened)?;
        let mut named = Fields::new(header).filter(|field| field.name.eq_ignore_ascii_case(name));
        Ok(named.any(|field| text.is_empty() || text.is_in_field(field.value)))
    }

    fn header(&mut self, opened: &mut Opened, text: &Needle) -> Result<bool, Unreadable> {
        let header = self.message().header(opened)?;
        Ok(in_header(header, text))
    }

    /// In the text parts, decoded, and in the headers of messages within the message.
    fn body(&mut self, opened: &mut Opened, text: &Needle) -> Result<bool, Unreadable> {
        let structure = self.message().structure(opened)?;
        self.octets += structure.body.end;
        self.part(opened, &structure, text)
    }

    /// Recursion is bounded by the depth at which the structure's scan stopped.
    fn part(
        &mut self,
        opened: &mut Opened,
        part: &Part,
        text: &Needle,
    ) -> Result<bool, Unreadable> {
        match &part.inside {
            Inside::Multipart(parts) => {
                for inner in parts {
                    if self.part(opened, inner, text)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Inside::Message(message) => {
                let header = self.message().read(opened, &message.header)?;
                Ok(in_header(&header, text) || self.part(opened, message, text)?)
            }
            Inside::Leaf if is_text(&part.content) => {
                self.octets += part.octets();
                let mut decoder = TextDecoder::new(&part.content);
                let mut finder = Finder::new(text);
                let mut found = text.is_empty();
                self.message().scan(opened, &part.body, &mut |chunk| {
                    found = finder.feed(decoder.feed(chunk));
                    !found
                })?;
                Ok(found)
            }
            Inside::Leaf => Ok(false),
        }
    }
}

/// Which leaves are read as text: text/… and message/… (delivery-status).
fn is_text(content: &Content) -> bool {
    content.is("text") || content.is("message")
}

fn in_header(header: &[u8], text: &Needle) -> bool {
    let shown = |name: &[u8], value: &[u8]| {
        format!("{}: {}", String::from_utf8_lossy(name), message::words::decode(value))
    };
    Fields::new(header).any(|field| text.is_in(&shown(field.name, field.value)))
}

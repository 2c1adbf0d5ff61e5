//! How far each recipient of an entry is: the record that is replaced at every step.
//!
//! A first line with magic, version and the times a scan needs; then one JSON object a line, of the
//! kinds `recipient` and `notice`. Kinds and keys that this version doesn't know are kept. A
//! recipient without a line was never tried. Reports (RFC 3464) stand here, with their id, before
//! they are offered to anybody.

use std::collections::BTreeMap;

use address::TraceId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod file;

pub(crate) use file::{Glance, glance};
pub use file::{MAX_STATE_OCTETS, StateError};

/// The longest text of a verdict that is kept, in octets; longer ones are cut.
pub const MAX_TEXT_OCTETS: usize = 2048;

/// What became of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Still to be delivered.
    #[default]
    Pending,
    /// The next hop has taken the message for this recipient.
    Delivered,
    /// Given up.
    Failed,
}

/// What the last try of a recipient brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// The enhanced status, `5.1.1`.
    pub dsn: String,
    /// For people and logs: `host … said: … (in reply to …)`.
    pub text: String,
    /// Who was asked, for the log and the list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub relay: String,
    /// The host that gave the reply, for a report's Remote-MTA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The very reply, for a report's Diagnostic-Code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostic: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// One recipient's record. The default is "never tried".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recipient {
    /// What became of it.
    #[serde(default)]
    pub fate: Fate,
    /// Tries so far.
    #[serde(default)]
    pub attempts: u32,
    /// When it was tried last, in milliseconds since 1970; 0 for never.
    #[serde(default)]
    pub last: u64,
    /// When it is due again; 0 for at once.
    #[serde(default)]
    pub next: u64,
    /// What the last try brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// A report that the sender must still get. Cleared in the same step that adds the [`Notice`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<NoticeKind>,
    /// The sender was told of the delay (once is enough).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delay_told: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// What a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    /// The message could not be delivered.
    Failure,
    /// Not yet, and the queue goes on.
    Delay,
    /// The sender asked to hear of success (RFC 3461 §4.1).
    Success,
}

/// A report that is fixed and not yet handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which report of this entry it is, from 1.
    pub round: u32,
    /// What it tells.
    pub kind: NoticeKind,
    /// Its own trace id: [`crate::derived_id`].
    #[serde(with = "trace_text")]
    pub id: TraceId,
    /// When it was made, in milliseconds since 1970: its Date, and part of its id.
    pub made: u64,
    /// The recipients it tells of, as indices into the envelope.
    pub recipients: Vec<u32>,
    /// It goes to the postmaster instead of the sender.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_postmaster: bool,
    /// How often it was offered.
    #[serde(default)]
    pub attempts: u32,
    /// When it is due again; 0 for at once.
    #[serde(default)]
    pub next: u64,
    /// Why it could not be handed over the last time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Verdict {
    /// A verdict with its texts cut to [`MAX_TEXT_OCTETS`] and without line breaks.
    #[must_use]
    pub fn new(dsn: &str, text: &str, relay: &str) -> Self {
        Self {
            dsn: clean(dsn),
            text: clean(text),
            relay: clean(relay),
            remote: None,
            diagnostic: None,
            extra: Map::new(),
        }
    }

    /// The same, with the host that spoke and its very words.
    #[must_use]
    pub fn from_remote(mut self, remote: Option<&str>, diagnostic: Option<&str>) -> Self {
        self.remote = remote.map(clean);
        self.diagnostic = diagnostic.map(clean);
        self
    }
}

impl Notice {
    /// A report made now, to be offered at once.
    #[must_use]
    pub fn new(round: u32, kind: NoticeKind, id: TraceId, made: u64, recipients: Vec<u32>) -> Self {
        Self {
            round,
            kind,
            id,
            made,
            recipients,
            to_postmaster: false,
            attempts: 0,
            next: 0,
            reason: String::new(),
            extra: Map::new(),
        }
    }
}

/// An entry's record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    recipients: BTreeMap<u32, Recipient>,
    notices: Vec<Notice>,
    /// Reports made so far.
    rounds: u32,
    /// Lines of kinds that this version doesn't know, as they stood there.
    unknown: Vec<String>,
    /// Keys of the entry's own line that this version doesn't know.
    extra: Map<String, Value>,
}

impl State {
    /// Recipient `index`; the default for one that was never tried.
    #[must_use]
    pub fn recipient(&self, index: u32) -> Recipient {
        self.recipients.get(&index).cloned().unwrap_or_default()
    }

    /// Recipient `index`, to be changed.
    pub fn recipient_mut(&mut self, index: u32) -> &mut Recipient {
        self.recipients.entry(index).or_default()
    }

    /// The reports that are fixed and not handed over.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// A report, by its round.
    pub fn notice_mut(&mut self, round: u32) -> Option<&mut Notice> {
        self.notices.iter_mut().find(|notice| notice.round == round)
    }

    /// The number of the next report.
    #[must_use]
    pub fn next_round(&self) -> u32 {
        self.rounds.saturating_add(1)
    }

    /// Adds a report and clears what its recipients owed.
    pub fn fix(&mut self, notice: Notice) {
        for index in &notice.recipients {
            let recipient = self.recipient_mut(*index);
            recipient.owed = None;
            recipient.delay_told |= notice.kind == NoticeKind::Delay;
        }
        self.rounds = self.rounds.max(notice.round);
        self.notices.push(notice);
    }

    /// Takes a report out: handed over, or given up.
    pub fn drop_notice(&mut self, round: u32) -> Option<Notice> {
        let at = self.notices.iter().position(|notice| notice.round == round)?;
        Some(self.notices.remove(at))
    }

    /// The recipients that owe the sender a report of this kind, of `total`.
    #[must_use]
    pub fn owing(&self, kind: NoticeKind, total: u32) -> Vec<u32> {
        let owing = |(index, recipient): (&u32, &Recipient)| {
            (*index < total && recipient.owed == Some(kind)).then_some(*index)
        };
        self.recipients.iter().filter_map(owing).collect()
    }

    /// The recipients still to be delivered, of `total`.
    pub fn pending(&self, total: u32) -> impl Iterator<Item = u32> + '_ {
        (0..total).filter(|index| {
            self.recipients.get(index).is_none_or(|recipient| recipient.fate == Fate::Pending)
        })
    }

    /// Whether nothing is left to do for an entry with `total` recipients.
    #[must_use]
    pub fn is_settled(&self, total: u32) -> bool {
        self.notices.is_empty()
            && self.pending(total).next().is_none()
            && self.recipients.values().all(|recipient| recipient.owed.is_none())
    }

    /// When the entry is due next, of `total` recipients; 0 for at once.
    #[must_use]
    pub fn due(&self, total: u32) -> u64 {
        if self.recipients.values().any(|recipient| recipient.owed.is_some()) {
            return 0;
        }
        let recipients = self.pending(total).map(|index| self.recipient(index).next);
        let notices = self.notices.iter().map(|notice| notice.next);
        recipients.chain(notices).min().unwrap_or(0)
    }

    /// When any recipient was tried last; 0 for never.
    #[must_use]
    pub fn tried(&self) -> u64 {
        self.recipients.values().map(|recipient| recipient.last).max().unwrap_or(0)
    }
}

/// One line, cut at a character.
fn clean(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_OCTETS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = text.get(..end).unwrap_or_default();
    cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

mod trace_text {
    use address::TraceId;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(id: &TraceId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(id.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TraceId, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

//! The record's form on disk, written and read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Notice, Recipient, State};

/// The longest record that is read or written, in octets: [`crate::MAX_RECIPIENTS`] lines of a
/// verdict each.
pub const MAX_STATE_OCTETS: u64 = 16 * 1024 * 1024;

const MAGIC: &str = "Dovetail-Queue-State";
const VERSION: &str = "1";

/// Why a state record can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not a state record at all, or torn.
    #[error("line {line}: not a state record: {why}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// Written by a newer program; it must not be touched.
    #[error("version {0} is newer than this program")]
    Newer(String),
    /// More than [`MAX_STATE_OCTETS`].
    #[error("longer than {MAX_STATE_OCTETS} octets")]
    TooLong,
}

/// What the first line tells without reading the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance {
    /// When the entry is due, in milliseconds since 1970; 0 for at once.
    pub(crate) due: u64,
    /// When it was tried last; 0 for never.
    pub(crate) tried: u64,
}

#[derive(Serialize, Deserialize)]
struct RecipientLine {
    n: u32,
    #[serde(flatten)]
    recipient: Recipient,
}

#[derive(Serialize, Deserialize)]
struct EntryLine {
    #[serde(default)]
    rounds: u32,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl State {
    /// The record's bytes for an entry with `total` recipients.
    pub(crate) fn to_bytes(&self, total: u32) -> Result<Vec<u8>, StateError> {
        let (due, tried) = (self.due(total), self.tried());
        let mut out = format!("{MAGIC} {VERSION} due={due} tried={tried}\n");
        let entry = EntryLine { rounds: self.rounds, extra: self.extra.clone() };
        push(&mut out, "entry", &entry)?;
        for (n, recipient) in &self.recipients {
            push(&mut out, "recipient", &RecipientLine { n: *n, recipient: recipient.clone() })?;
        }
        for notice in &self.notices {
            push(&mut out, "notice", notice)?;
        }
        for line in &self.unknown {
            out.push_str(line);
            out.push('\n');
        }
        if out.len() as u64 > MAX_STATE_OCTETS {
            return Err(StateError::TooLong);
        }
        // The last line says that it is the last: a torn file is seen, whatever it ends with.
        out.push_str("end\n");
        Ok(out.into_bytes())
    }

    /// Reads a record.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StateError> {
        let text = std::str::from_utf8(bytes).map_err(|e| malformed(0, &e))?;
        let mut lines = text.split_terminator('\n').enumerate();
        glance(lines.next().map(|(_, line)| line).unwrap_or_default())?;
        let mut state = Self::default();
        for (at, line) in lines {
            if line == "end" {
                return match text.ends_with("\nend\n") {
                    true if at + 1 == text.split_terminator('\n').count() => Ok(state),
                    _ => Err(malformed(at, &"something behind the end")),
                };
            }
            state.add(at, line)?;
        }
        Err(malformed(text.split_terminator('\n').count(), &"the end is missing"))
    }

    fn add(&mut self, at: usize, line: &str) -> Result<(), StateError> {
        let mut value: Map<String, Value> =
            serde_json::from_str(line).map_err(|e| malformed(at, &e))?;
        let kind = value.remove("record");
        match kind.as_ref().and_then(Value::as_str) {
            Some("entry") => {
                let entry: EntryLine = typed(at, value)?;
                self.rounds = entry.rounds;
                self.extra = entry.extra;
            }
            Some("recipient") => {
                let line: RecipientLine = typed(at, value)?;
                self.recipients.insert(line.n, line.recipient);
            }
            Some("notice") => {
                let notice: Notice = typed(at, value)?;
                self.rounds = self.rounds.max(notice.round);
                self.notices.push(notice);
            }
            _ => self.unknown.push(line.to_owned()),
        }
        Ok(())
    }
}

/// Reads the first line.
pub(crate) fn glance(line: &str) -> Result<Glance, StateError> {
    let mut words = line.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(malformed(0, &"no magic"));
    }
    match words.next() {
        Some(VERSION) => {}
        Some(other) if other.parse::<u32>().is_ok_and(|n| n > 1) => {
            return Err(StateError::Newer(other.to_owned()));
        }
        _ => return Err(malformed(0, &"no version")),
    }
    let mut glance = Glance { due: 0, tried: 0 };
    for word in words {
        let number = |text: &str| text.parse().map_err(|e| malformed(0, &e));
        match word.split_once('=') {
            Some(("due", text)) => glance.due = number(text)?,
            Some(("tried", text)) => glance.tried = number(text)?,
            _ => {}
        }
    }
    Ok(glance)
}

fn push<T: Serialize>(out: &mut String, kind: &str, value: &T) -> Result<(), StateError> {
    let mut value = serde_json::to_value(value).map_err(|e| malformed(0, &e))?;
    if let Some(map) = value.as_object_mut() {
        map.insert("record".to_owned(), Value::from(kind));
    }
    out.push_str(&value.to_string());
    out.push('\n');
    Ok(())
}

fn typed<T: DeserializeOwned>(at: usize, value: Map<String, Value>) -> Result<T, StateError> {
    serde_json::from_value(Value::Object(value)).map_err(|e| malformed(at, &e))
}

fn malformed(at: usize, why: &dyn ToString) -> StateError {
    StateError::Malformed { line: at + 1, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use address::TraceId;
    use proptest::prelude::*;

    use super::super::{Fate, NoticeKind, Verdict};
    use super::*;

    fn sample() -> State {
        let mut state = State::default();
        *state.recipient_mut(0) = Recipient {
            fate: Fate::Failed,
            attempts: 2,
            last: 7,
            next: 0,
            verdict: Some(
                Verdict::new("5.1.1", "host x said:\r\nno", "x[unix]")
                    .from_remote(Some("x"), Some("550 no")),
            ),
            owed: Some(NoticeKind::Failure),
            ..Recipient::default()
        };
        state.recipient_mut(3).next = 99;
        state.fix(Notice::new(1, NoticeKind::Failure, TraceId::new(1, 2), 1, vec![0]));
        state
    }

    #[test]
    fn round_trip() {
        let state = sample();
        let bytes = state.to_bytes(4).expect("fits");
        assert_eq!(State::parse(&bytes).expect("reads"), state);
        assert!(bytes.starts_with(b"Dovetail-Queue-State 1 due=0 tried=7\n"));
        assert!(!state.is_settled(4));
        assert_eq!(state.pending(4).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_a_later_version_added_is_kept() {
        let text = "Dovetail-Queue-State 1 due=5 tried=3 more=x\n\
            {\"record\":\"entry\",\"rounds\":2,\"hold\":true}\n\
            {\"n\":1,\"record\":\"recipient\",\"colour\":\"red\",\"fate\":\"delivered\"}\n\
            {\"record\":\"weather\",\"sun\":1}\nend\n";
        let state = State::parse(text.as_bytes()).expect("reads");
        let again = String::from_utf8(state.to_bytes(2).expect("fits")).expect("text");
        for kept in ["\"colour\":\"red\"", "{\"record\":\"weather\",\"sun\":1}", "\"hold\":true"] {
            assert!(again.contains(kept), "{again}");
        }
        assert_eq!(state.next_round(), 3);
    }

    #[test]
    fn a_newer_version_is_left_alone_and_a_torn_one_seen() {
        let newer = State::parse(b"Dovetail-Queue-State 2\nend\n");
        assert!(matches!(newer, Err(StateError::Newer(_))));
        let bytes = sample().to_bytes(4).expect("fits");
        for cut in 0..bytes.len() {
            assert!(State::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut zeros = bytes.clone();
        zeros[40..].fill(0);
        assert!(State::parse(&zeros).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            line in "\\PC{0,80}",
            json in "\\{\"record\":\"(recipient|notice|entry)\"[\",:a-z0-9{}]{0,40}\\}",
        ) {
            let _ = State::parse(&bytes);
            let _ = glance(&line);
            let _ = State::parse(format!("{MAGIC} 1\n{json}\n{line}\nend\n").as_bytes());
        }

        #[test]
        fn any_verdict_round_trips(text in "\\PC{0,300}", dsn in "[0-9.]{0,8}", next in any::<u64>()) {
            let mut state = State::default();
            let recipient = state.recipient_mut(1);
            recipient.verdict = Some(Verdict::new(&dsn, &text, "r").from_remote(None, Some(&text)));
            recipient.next = next;
            let bytes = state.to_bytes(3).expect("fits");
            prop_assert_eq!(State::parse(&bytes).expect("reads"), state);
        }
    }
}

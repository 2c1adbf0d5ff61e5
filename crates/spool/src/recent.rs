//! What was committed lately: answers a second offer of a message that was delivered meanwhile.

use std::collections::{HashMap, VecDeque};

use address::{EntryId, TraceId};

/// How many entries the table remembers. After a restart, or for older ones, a second offer of a
/// message that has left the queue makes a second entry, and the receiving side tells them apart
/// by (trace id, recipient).
pub const RECENT_ENTRIES: usize = 8192;

/// Sender, recipients and content of a message, boiled down. In memory only.
pub(crate) type Fingerprint = u64;

/// The latest entries, oldest forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    order: VecDeque<TraceId>,
    known: HashMap<TraceId, Vec<(Fingerprint, EntryId)>>,
}

impl Recent {
    /// The entry that an equal message under the same trace id became.
    pub(crate) fn find(&self, trace: TraceId, fingerprint: Fingerprint) -> Option<EntryId> {
        let entries = self.known.get(&trace)?;
        entries.iter().find(|(known, _)| *known == fingerprint).map(|(_, id)| *id)
    }

    /// Remembers an entry.
    pub(crate) fn insert(&mut self, id: EntryId, fingerprint: Fingerprint) {
        self.order.push_back(id.trace());
        self.known.entry(id.trace()).or_default().push((fingerprint, id));
        while self.order.len() > RECENT_ENTRIES {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(entries) = self.known.get_mut(&oldest) {
                if entries.len() > 1 {
                    entries.remove(0);
                } else {
                    self.known.remove(&oldest);
                }
            }
        }
    }

    /// Forgets an entry that the operator deleted: the same message may come again.
    pub(crate) fn forget(&mut self, id: EntryId) {
        if let Some(entries) = self.known.get_mut(&id.trace()) {
            entries.retain(|(_, known)| *known != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_forgets_the_oldest() {
        let mut recent = Recent::default();
        let id = |n: u64| EntryId::new(TraceId::new(n, 0), 1);
        for n in 0..RECENT_ENTRIES as u64 + 10 {
            recent.insert(id(n), n);
        }
        assert_eq!(recent.find(id(9).trace(), 9), None);
        assert_eq!(recent.find(id(10).trace(), 10), Some(id(10)));
        assert_eq!(recent.known.len(), RECENT_ENTRIES);
        assert_eq!(recent.find(id(10).trace(), 11), None);
        recent.forget(id(10));
        assert_eq!(recent.find(id(10).trace(), 10), None);
    }
}

//! What each user's programs do at a sendmail listener: sessions at a time, messages a minute.
//!
//! Users are known by the kernel's word alone. Who has no session and sent nothing in the last minute
//! takes no memory. No clock: the time is an argument.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Root is never too much: its programs keep the machine.
const ROOT: u32 = 0;
/// How long messages are counted for, in milliseconds.
const MINUTE: u64 = 60_000;
/// Users kept in mind before those who do nothing are forgotten.
const CROWD: usize = 1024;

/// Limits for each user; 0: any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerUid {
    /// Sessions at a time.
    pub sessions: usize,
    /// Messages a minute.
    pub messages: usize,
}

/// All users that are here now.
#[derive(Debug, Clone, Default)]
pub struct Uids(Arc<Mutex<HashMap<u32, Doings>>>);

#[derive(Debug, Default)]
struct Doings {
    sessions: usize,
    /// Since when messages are counted, in milliseconds.
    since: u64,
    messages: usize,
}

/// One of a user's sessions, until it is dropped.
#[derive(Debug)]
pub struct Entered {
    uid: u32,
    uids: Uids,
}

impl Uids {
    /// One more session; none if it is one too many.
    #[must_use]
    pub fn enter(&self, uid: u32, limits: PerUid, now: u64) -> Option<Entered> {
        let mut all = self.lock();
        if all.len() >= CROWD {
            all.retain(|_, doings| doings.sessions > 0 || now < doings.since + MINUTE);
        }
        let doings = all.entry(uid).or_default();
        if uid != ROOT && limits.sessions > 0 && doings.sessions >= limits.sessions {
            return None;
        }
        doings.sessions += 1;
        drop(all);
        Some(Entered { uid, uids: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Doings>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered {
    /// One more message; false if it is one too many for this minute.
    #[must_use]
    pub fn message(&self, limits: PerUid, now: u64) -> bool {
        let mut all = self.uids.lock();
        let doings = all.entry(self.uid).or_default();
        if now >= doings.since + MINUTE {
            (doings.since, doings.messages) = (now, 0);
        }
        if self.uid != ROOT && limits.messages > 0 && doings.messages >= limits.messages {
            return false;
        }
        doings.messages += 1;
        true
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.uids.lock();
        if let Some(doings) = all.get_mut(&self.uid) {
            doings.sessions = doings.sessions.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PerUid = PerUid { sessions: 2, messages: 3 };

    #[test]
    fn sessions_at_a_time() {
        let uids = Uids::default();
        let first = uids.enter(1000, LIMITS, 0).unwrap();
        let second = uids.enter(1000, LIMITS, 0).unwrap();
        assert!(uids.enter(1000, LIMITS, 0).is_none());
        let other = uids.enter(1001, LIMITS, 0).unwrap();
        drop(first);
        let third = uids.enter(1000, LIMITS, 0).unwrap();
        let roots: Vec<_> = (0..9).map(|_| uids.enter(0, LIMITS, 0).unwrap()).collect();
        drop((second, other, third, roots));
        assert!(uids.lock().values().all(|doings| doings.sessions == 0));
    }

    #[test]
    fn messages_a_minute() {
        let uids = Uids::default();
        let session = uids.enter(1000, LIMITS, 0).unwrap();
        let sent = (0..5).filter(|n| session.message(LIMITS, 1_000_000 + n)).count();
        assert_eq!(sent, 3);
        drop(session);
        let session = uids.enter(1000, LIMITS, 0).unwrap();
        assert!(!session.message(LIMITS, 1_059_999), "a new session is the same user's");
        assert!(session.message(LIMITS, 1_060_000));
        assert!(session.message(PerUid::default(), 1_060_000));
        let root = uids.enter(0, LIMITS, 0).unwrap();
        assert!((0..9).all(|_| root.message(LIMITS, 0)));
    }

    #[test]
    fn who_does_nothing_is_forgotten() {
        let uids = Uids::default();
        for uid in 1..10_000 {
            drop(uids.enter(uid, LIMITS, 1_000_000));
        }
        assert!(uids.lock().len() <= CROWD, "{}", uids.lock().len());
    }
}

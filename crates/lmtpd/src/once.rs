//! One delivery for each trace id and recipient, however often it is offered.
//!
//! A delivery in work is claimed: a second offer waits for the first. Finished ones stand in a bounded
//! table. What the table can't answer for, because the id is older than this process or than the
//! table reaches, has to be searched for in the mailbox; the common delivery never is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use address::TraceId;
use tokio::sync::Notify;

/// A trace id and a recipient's folded address.
pub(crate) type Key = (TraceId, String);

/// All deliveries that this process knows of.
#[derive(Debug)]
pub(crate) struct Deliveries {
    state: Mutex<State>,
    limit: usize,
}

#[derive(Debug)]
struct State {
    in_work: HashMap<Key, Arc<Notify>>,
    finished: HashSet<Key>,
    order: VecDeque<Key>,
    /// Ids made at this millisecond or before may be missing from `finished`.
    horizon: u64,
}

/// The right, and the duty, to do a delivery. Dropped unfinished, the next offer gets it.
#[derive(Debug)]
pub(crate) struct Claim {
    deliveries: Arc<Deliveries>,
    key: Key,
    /// The mailbox has to be searched first.
    pub(crate) search: bool,
}

impl Deliveries {
    /// `now` is when this process started, in milliseconds since 1970.
    pub(crate) fn new(limit: usize, now: u64) -> Arc<Self> {
        let state = State {
            in_work: HashMap::new(),
            finished: HashSet::new(),
            order: VecDeque::new(),
            horizon: now,
        };
        Arc::new(Self { state: Mutex::new(state), limit })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else does this delivery. `None` if it is done.
    pub(crate) async fn claim(self: &Arc<Self>, key: Key) -> Option<Claim> {
        loop {
            let other = {
                let mut state = self.state();
                if state.finished.contains(&key) {
                    return None;
                }
                match state.in_work.get(&key) {
                    Some(other) => Arc::clone(other),
                    None => {
                        state.in_work.insert(key.clone(), Arc::new(Notify::new()));
                        let search = key.0.millis() <= state.horizon;
                        return Some(Claim { deliveries: Arc::clone(self), key, search });
                    }
                }
            };
            let changed = other.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            // Looked at again after asking to be told, so that no end is missed.
            if self.state().in_work.get(&key).is_some_and(|now| Arc::ptr_eq(now, &other)) {
                changed.await;
            }
        }
    }

    /// Deliveries remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.state().finished.len()
    }
}

impl Claim {
    /// The delivery is on stable storage.
    pub(crate) fn finish(self) {
        let mut state = self.deliveries.state();
        if state.finished.insert(self.key.clone()) {
            state.order.push_back(self.key.clone());
        }
        while state.order.len() > self.deliveries.limit {
            if let Some(oldest) = state.order.pop_front() {
                state.horizon = state.horizon.max(oldest.0.millis());
                state.finished.remove(&oldest);
            }
        }
        // Dropping the claim wakes who waits.
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let waiting = self.deliveries.state().in_work.remove(&self.key);
        if let Some(waiting) = waiting {
            waiting.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(millis: u64) -> Key {
        (TraceId::new(millis, 1), "a@b".to_owned())
    }

    #[tokio::test]
    async fn once_and_searched_for_only_if_old() {
        let deliveries = Deliveries::new(2, 1000);
        let old = deliveries.claim(key(1000)).await.expect("free");
        assert!(old.search);
        drop(old); // it failed
        for millis in [1001, 1002] {
            let claim = deliveries.claim(key(millis)).await.expect("new");
            assert!(!claim.search);
            claim.finish();
            assert!(deliveries.claim(key(millis)).await.is_none());
        }
        deliveries.claim(key(1003)).await.expect("new").finish();
        assert_eq!(deliveries.remembered(), 2);
        // 1001 was forgotten, so that ids up to it can't be answered for.
        assert!(deliveries.claim(key(1001)).await.expect("forgotten").search);
        assert!(!deliveries.claim(key(1004)).await.expect("new").search);
    }

    #[tokio::test]
    async fn a_second_offer_waits_for_the_first() {
        let deliveries = Deliveries::new(10, 0);
        for done in [true, false] {
            let millis = if done { 1 } else { 2 };
            let first = deliveries.claim(key(millis)).await.expect("free");
            let again = Arc::clone(&deliveries);
            let second = tokio::spawn(async move { again.claim(key(millis)).await.is_none() });
            tokio::task::yield_now().await;
            if done {
                first.finish()
            } else {
                drop(first)
            }
            assert_eq!(second.await.expect("no panic"), done);
        }
    }
}

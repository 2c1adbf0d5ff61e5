//! Who is connected: what `dovetail who` shows, what `dovetail kick` ends, and how many connections an
//! address or a user may have.
//!
//! A daemon [`Sessions::enter`]s a connection before it does anything costly for it, and keeps the
//! [`Seat`] as long as the session lasts. Seats lie in shards, each with a lock that is held for
//! moments; a session's own state has a lock of its own, so that ten thousand don't meet. What is said
//! to a client that is refused or kicked is the protocol's, so the daemon's.

mod count;
mod limits;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio_util::sync::CancellationToken;

use crate::stream::Peer;
use crate::time::now_millis;
use count::{Counted, Counts, Place};
use limits::Refusals;
pub use limits::SessionLimits;

/// Locks over which sessions are spread.
const SHARDS: usize = 16;

/// All sessions of a daemon. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: AtomicU64,
    shards: [Mutex<BTreeMap<u64, Weak<Chair>>>; SHARDS],
    addresses: Counts<Place>,
    users: Counts<(String, Option<Place>)>,
    limits: RwLock<SessionLimits>,
    refusals: Refusals,
    shutdown: CancellationToken,
}

/// A session's place among them, for as long as it or a clone of it lives.
#[derive(Debug, Clone)]
pub struct Seat(Arc<Chair>);

#[derive(Debug)]
struct Chair {
    id: u64,
    protocol: &'static str,
    peer: Peer,
    since: u64,
    shown: Mutex<Shown>,
    kicked: CancellationToken,
    home: Arc<Inner>,
    _address: Option<Counted<Place>>,
}

/// What changes in a session's life.
#[derive(Debug)]
struct Shown {
    state: &'static str,
    user: Option<User>,
}

#[derive(Debug)]
struct User {
    name: String,
    _counted: Option<Counted<(String, Option<Place>)>>,
}

/// A connection that is one too many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// For its address (an IPv6 address counts with all of its /64).
    #[error("too many connections from {address}")]
    OfAddress {
        /// The client's.
        address: IpAddr,
        /// `max_connections_per_address`.
        limit: usize,
    },
    /// For its user at that address.
    #[error("too many connections of user {user} from one address")]
    OfUser {
        /// Who logged in.
        user: String,
        /// `max_connections_per_user`.
        limit: usize,
    },
}

/// Whom `kick` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// One session.
    Id(u64),
    /// Every session of a user; the case of ASCII letters doesn't matter.
    User(&'a str),
    /// Every session from an address.
    Address(IpAddr),
}

/// A session as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number, from 1 in each run of the daemon.
    pub id: u64,
    /// `imap`, `smtp`, `lmtp` …
    pub protocol: &'static str,
    /// Who logged in.
    pub user: Option<String>,
    /// The client: an address, or `uid=…,pid=…` at a Unix socket.
    pub client: String,
    /// When it began, in milliseconds since 1970.
    pub since: u64,
    /// What it does now: `idle`, `SELECT`, `waiting for qmgrd`.
    pub state: &'static str,
}

impl Sessions {
    /// Without limits, for the daemon that `shutdown` stops.
    #[must_use]
    pub fn new(shutdown: CancellationToken) -> Self {
        Self(Arc::new(Inner { shutdown, ..Inner::default() }))
    }

    /// Replaces the limits. Who is there stays.
    pub fn limit(&self, limits: SessionLimits) {
        *self.0.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Takes a connection in. A refusal is logged here, at most once a second.
    ///
    /// # Errors
    /// [`TooMany::OfAddress`]; peers of Unix sockets and of `unlimited_networks` are never too many.
    pub fn enter(&self, protocol: &'static str, peer: &Peer) -> Result<Seat, TooMany> {
        let inner = &self.0;
        let limit = inner.limits().of_address(peer);
        let address = match (limit, peer.remote.map(|remote| remote.ip())) {
            (Some(limit), Some(ip)) => match inner.addresses.take(Place::of(ip), limit) {
                Some(counted) => Some(counted),
                None => {
                    let refused = TooMany::OfAddress { address: ip, limit };
                    inner.refusals.count(protocol, peer, &refused);
                    return Err(refused);
                }
            },
            _ => None,
        };
        let chair = Arc::new(Chair {
            id: inner.last.fetch_add(1, Ordering::Relaxed) + 1,
            protocol,
            peer: peer.clone(),
            since: now_millis(),
            shown: Mutex::new(Shown { state: "connected", user: None }),
            kicked: CancellationToken::new(),
            home: Arc::clone(inner),
            _address: address,
        });
        lock(inner.shard(chair.id)).insert(chair.id, Arc::downgrade(&chair));
        Ok(Seat(chair))
    }

    /// Sessions with numbers above `after`, in the order of their numbers, at most `most`.
    #[must_use]
    pub fn list(&self, after: u64, most: usize) -> Vec<Session> {
        let mut found: Vec<Session> =
            self.chairs(|id| id > after).iter().map(|chair| chair.show()).collect();
        found.sort_unstable_by_key(|session| session.id);
        found.truncate(most);
        found
    }

    /// Asks sessions to end; gives those that weren't asked before. Each says goodbye in its protocol's words, after what it has
    /// in hand and can't leave half done.
    #[must_use]
    pub fn kick(&self, who: Who<'_>) -> Vec<Session> {
        let meant = |chair: &&Arc<Chair>| match who {
            Who::Id(id) => chair.id == id,
            Who::Address(ip) => {
                chair.peer.remote.is_some_and(|remote| remote.ip() == ip.to_canonical())
            }
            Who::User(name) => {
                let shown = lock(&chair.shown);
                shown.user.as_ref().is_some_and(|user| user.name.eq_ignore_ascii_case(name))
            }
        };
        let only = |id| !matches!(who, Who::Id(wanted) if wanted != id);
        let mut kicked: Vec<Session> = Vec::new();
        for chair in self.chairs(only).iter().filter(meant) {
            // One that was kicked before is only saying goodbye.
            if !chair.kicked.is_cancelled() {
                kicked.push(chair.show());
                chair.kicked.cancel();
            }
        }
        kicked.sort_unstable_by_key(|session| session.id);
        kicked
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// The sessions whose numbers are wanted. They are let go by the caller, outside every lock: the
    /// last to hold one takes it out of its shard.
    fn chairs(&self, wanted: impl Fn(u64) -> bool) -> Vec<Arc<Chair>> {
        let mut found = Vec::new();
        for shard in &self.0.shards {
            let shard = lock(shard);
            let there = shard.iter().filter(|(id, _)| wanted(**id));
            found.extend(there.filter_map(|(_, chair)| chair.upgrade()));
        }
        found
    }
}

impl Inner {
    fn shard(&self, id: u64) -> &Mutex<BTreeMap<u64, Weak<Chair>>> {
        let [first, ..] = &self.shards;
        let at = usize::try_from(id % SHARDS as u64).unwrap_or(0);
        self.shards.get(at).unwrap_or(first)
    }

    fn limits(&self) -> SessionLimits {
        self.limits.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Seat {
    /// The session is this user's from now on; whoever it was before is forgotten. A refusal is
    /// logged here, at most once a second.
    ///
    /// # Errors
    /// [`TooMany::OfUser`]: the user has as many sessions from this address as may be. The session is
    /// nobody's then.
    pub fn user(&self, name: &str) -> Result<(), TooMany> {
        let Chair { home, peer, .. } = &*self.0;
        self.no_user();
        let limit = home.limits().of_user(peer);
        let counted = match limit {
            None => None,
            Some(limit) => {
                let place = peer.remote.map(|remote| Place::of(remote.ip()));
                match home.users.take((name.to_ascii_lowercase(), place), limit) {
                    Some(counted) => Some(counted),
                    None => {
                        let refused = TooMany::OfUser { user: name.to_owned(), limit };
                        home.refusals.count(self.0.protocol, peer, &refused);
                        return Err(refused);
                    }
                }
            }
        };
        lock(&self.0.shown).user = Some(User { name: name.to_owned(), _counted: counted });
        Ok(())
    }

    /// Nobody is logged in any more, as after STARTTLS.
    pub fn no_user(&self) {
        let before = lock(&self.0.shown).user.take();
        drop(before); // its count has a lock of its own
    }

    /// What the session does now, as a process title would say it.
    pub fn state(&self, state: &'static str) {
        lock(&self.0.shown).state = state;
    }

    /// Cancelled when the operator wants the session to end.
    #[must_use]
    pub fn kicked(&self) -> &CancellationToken {
        &self.0.kicked
    }

    /// Cancelled when the daemon is to stop.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.home.shutdown
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.0.peer
    }

    /// As the operator sees it.
    #[must_use]
    pub fn describe(&self) -> Session {
        self.0.show()
    }
}

impl Chair {
    fn show(&self) -> Session {
        let shown = lock(&self.shown);
        Session {
            id: self.id,
            protocol: self.protocol,
            user: shown.user.as_ref().map(|user| user.name.clone()),
            client: self.peer.to_string(),
            since: self.since,
            state: if self.kicked.is_cancelled() { "kicked" } else { shown.state },
        }
    }
}

impl Drop for Chair {
    fn drop(&mut self) {
        lock(self.home.shard(self.id)).remove(&self.id);
    }
}

/// A panic elsewhere leaves nothing half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! How many sessions may be, and a line now and then about those that may not.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::{Config, Problem};
use crate::networks::{Network, Networks};
use crate::stream::Peer;
use crate::time::now_millis;

use super::TooMany;

/// Refusals are logged so often at most, in milliseconds; the others are counted.
const LOG_EVERY: u64 = 1000;

/// Limits for each address and each user. The default: none.
#[derive(Debug, Clone, Default)]
pub struct SessionLimits {
    /// Connections of an address, or of an IPv6 network of 64 bits; 0: any number.
    pub per_address: usize,
    /// Sessions of a user from one such; 0: any number.
    pub per_user: usize,
    /// Clients that neither holds for.
    pub unlimited: Networks,
}

impl SessionLimits {
    /// Reads `max_connections_per_address`, `max_connections_per_user` and `unlimited_networks`, as far as
    /// the daemon has these keys.
    ///
    /// # Errors
    /// Each text that is no network.
    pub fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let count = |key: &str| if config.defines(key) { config.count(key) } else { 0 };
        let texts = match config.defines(UNLIMITED) {
            true => config.texts(UNLIMITED),
            false => Vec::new(),
        };
        let mut problems = Vec::new();
        let mut read = |text: String| {
            let network = text.parse::<Network>();
            network.map_err(|why| problems.push(config.problem(UNLIMITED, why.to_string()))).ok()
        };
        let unlimited = texts.into_iter().filter_map(&mut read).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            per_address: count("max_connections_per_address"),
            per_user: count("max_connections_per_user"),
            unlimited,
        })
    }

    /// The limit that holds for connections of this peer's address.
    pub(super) fn of_address(&self, peer: &Peer) -> Option<usize> {
        self.holds_for(peer).then_some(self.per_address).filter(|limit| *limit > 0)
    }

    /// The limit that holds for a user at this peer's address.
    pub(super) fn of_user(&self, peer: &Peer) -> Option<usize> {
        self.holds_for(peer).then_some(self.per_user).filter(|limit| *limit > 0)
    }

    /// Who comes by a Unix socket is known by other means, and shares no address.
    fn holds_for(&self, peer: &Peer) -> bool {
        peer.remote.is_some_and(|remote| !self.unlimited.contains(remote.ip()))
    }
}

const UNLIMITED: &str = "unlimited_networks";

/// Counts refusals, and logs one of them a second.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    all: AtomicU64,
    logged_at: AtomicU64,
    unlogged: AtomicU64,
}

impl Refusals {
    pub(super) fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, protocol: &'static str, peer: &Peer, why: &TooMany) {
        self.all.fetch_add(1, Ordering::Relaxed);
        let (now, before) = (now_millis(), self.logged_at.load(Ordering::Relaxed));
        let due = now.saturating_sub(before) >= LOG_EVERY;
        let order = Ordering::Relaxed;
        if !due || self.logged_at.compare_exchange(before, now, order, order).is_err() {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let others = self.unlogged.swap(0, Ordering::Relaxed);
        let (limit, user) = match why {
            TooMany::OfAddress { limit, .. } => (limit, None),
            TooMany::OfUser { limit, user } => (limit, Some(user.as_str())),
        };
        let client = peer.remote.map_or_else(|| peer.to_string(), |remote| remote.ip().to_string());
        tracing::warn!(client, user, limit, others, "refused: {why} for {protocol}");
    }
}

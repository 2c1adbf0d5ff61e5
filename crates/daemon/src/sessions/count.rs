//! How many sessions an address, or a user at an address, has: counted while they last.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use super::lock;

/// Locks over which keys are spread.
const SHARDS: usize = 16;
/// Who has one IPv6 address has its whole /64.
const IPV6_PREFIX: u32 = 64;

/// Where a client comes from, as far as it counts: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place(IpAddr);

impl Place {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & (u128::MAX << (128 - IPV6_PREFIX));
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 => v4,
        })
    }
}

/// Counts by key. Holds a key only while somebody counts under it.
#[derive(Debug)]
pub(super) struct Counts<K>(Arc<Tables<K>>);

#[derive(Debug)]
struct Tables<K> {
    hasher: RandomState,
    shards: [Mutex<HashMap<K, usize>>; SHARDS],
}

/// One of those that are counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted<K: Hash + Eq> {
    key: K,
    tables: Arc<Tables<K>>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self(Arc::new(Tables { hasher: RandomState::new(), shards }))
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    /// One more under the key, if there are fewer than `limit`.
    pub(super) fn take(&self, key: K, limit: usize) -> Option<Counted<K>> {
        let mut shard = lock(self.0.shard(&key));
        let count = shard.entry(key.clone()).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(shard);
        Some(Counted { key, tables: Arc::clone(&self.0) })
    }
}

impl<K: Hash> Tables<K> {
    fn shard(&self, key: &K) -> &Mutex<HashMap<K, usize>> {
        let [first, ..] = &self.shards;
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards.get(at).unwrap_or(first)
    }
}

impl<K: Hash + Eq> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut shard = lock(self.tables.shard(&self.key));
        if let Some(count) = shard.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                shard.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_while_held() {
        let counts = Counts::default();
        let one = counts.take("a", 2).unwrap();
        let two = counts.take("a", 2).unwrap();
        assert!(counts.take("a", 2).is_none());
        assert!(counts.take("b", 1).is_some());
        drop(one);
        let three = counts.take("a", 2).unwrap();
        drop((two, three));
        let left: usize = counts.0.shards.iter().map(|shard| lock(shard).len()).sum();
        assert_eq!(left, 0, "nothing is kept of those that went");
        assert!(counts.take("a", 0).is_none());
    }

    #[test]
    fn a_whole_ipv6_network_is_one_place() {
        let place = |text: &str| Place::of(text.parse().unwrap());
        assert_eq!(place("2001:db8:0:1::1"), place("2001:db8:0:1:ffff::2"));
        assert_ne!(place("2001:db8:0:1::1"), place("2001:db8:0:2::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
    }
}

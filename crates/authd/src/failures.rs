//! When a failed login is answered.
//!
//! A failure is held back, and the failures of one address are answered one after the other, so
//! that guessing on many connections is no faster than on one. But never for so long that Postfix
//! takes the daemon for dead: past [`LONGEST_HOLD`] they come out together. (How many guesses an
//! address has at all is not decided here.)

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The longest time from a request to its answer. Postfix gives up after 10 s, and calls it a
/// temporary failure.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_millis(8900);

/// How many addresses are remembered at a time; failures of further ones are held back singly.
const MAX_ADDRESSES: usize = 65536;

/// An IPv6 user has a /64 to choose from.
const IPV6_NETWORK: u32 = 64;

/// The failures that were answered last, by address.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    last: Mutex<HashMap<IpAddr, Instant>>,
}

impl Failures {
    /// When a failure of this address, asked for at `asked` and found at `now`, is answered.
    pub(crate) fn release(
        &self,
        address: Option<IpAddr>,
        asked: Instant,
        now: Instant,
        delay: Duration,
    ) -> Instant {
        let latest = (asked + LONGEST_HOLD).max(now);
        let earliest = (now + delay).min(latest);
        let Some(address) = address.filter(|_| !delay.is_zero()) else { return earliest };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MAX_ADDRESSES {
            last.retain(|_, release| *release > now);
        }
        let network = network(address);
        let after_last = last.get(&network).map_or(earliest, |last| *last + delay);
        let release = earliest.max(after_last).min(latest);
        if last.len() < MAX_ADDRESSES || last.contains_key(&network) {
            last.insert(network, release);
        }
        release
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (128 - IPV6_NETWORK);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(2);

    fn after(failures: &Failures, address: &str, start: Instant) -> Duration {
        failures.release(address.parse().ok(), start, start, DELAY) - start
    }

    #[test]
    fn one_address_one_at_a_time() {
        let (failures, start) = (Failures::default(), Instant::now());
        let seconds = |n| Duration::from_secs(n);
        assert_eq!(after(&failures, "192.0.2.1", start), seconds(2));
        assert_eq!(after(&failures, "192.0.2.1", start), seconds(4));
        assert_eq!(after(&failures, "::ffff:192.0.2.1", start), seconds(6));
        assert_eq!(after(&failures, "192.0.2.2", start), seconds(2), "others are unhurt");
        assert_eq!(after(&failures, "192.0.2.1", start), seconds(8));
        assert_eq!(after(&failures, "192.0.2.1", start), LONGEST_HOLD);
        assert_eq!(after(&failures, "192.0.2.1", start), LONGEST_HOLD);
    }

    #[test]
    fn a_v6_network_is_one_address() {
        let (failures, start) = (Failures::default(), Instant::now());
        assert_eq!(after(&failures, "2001:db8::1", start), DELAY);
        assert_eq!(after(&failures, "2001:db8::2", start), DELAY * 2);
        assert_eq!(after(&failures, "2001:db8:0:1::2", start), DELAY);
    }

    #[test]
    fn later_failures_do_not_wait_for_earlier_ones_that_are_answered() {
        let (failures, start) = (Failures::default(), Instant::now());
        assert_eq!(after(&failures, "192.0.2.1", start), DELAY);
        assert_eq!(after(&failures, "192.0.2.1", start + Duration::from_secs(60)), DELAY);
    }

    #[test]
    fn a_slow_check_shortens_the_hold() {
        let (failures, start) = (Failures::default(), Instant::now());
        let now = start + Duration::from_secs(8);
        assert_eq!(failures.release(None, start, now, DELAY), start + LONGEST_HOLD);
        let late = start + Duration::from_secs(20);
        assert_eq!(failures.release(None, start, late, DELAY), late);
        assert_eq!(failures.release(None, start, start, Duration::ZERO), start);
    }
}

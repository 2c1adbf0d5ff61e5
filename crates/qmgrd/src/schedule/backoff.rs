//! When a recipient is tried again.

use super::Millis;

/// The times that rule retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The shortest wait.
    pub min: Millis,
    /// The longest wait.
    pub max: Millis,
    /// How long a message is tried; 0 for once.
    pub lifetime: Millis,
    /// The same for messages with the null sender, and for reports.
    pub bounce_lifetime: Millis,
}

impl Retry {
    /// When a message's time is over.
    #[must_use]
    pub fn expires(&self, arrived: Millis, null_sender: bool) -> Millis {
        arrived.saturating_add(if null_sender { self.bounce_lifetime } else { self.lifetime })
    }
}

/// When to try again what failed for now: after as long as the message is old, between the limits,
/// which doubles the waits (RFC 5321 §4.5.4.1 asks for at least 30 minutes in the long run). The
/// last try is made when the time is over, not after it. `None` if it is over.
#[must_use]
pub fn retry_at(retry: &Retry, arrived: Millis, expires: Millis, now: Millis) -> Option<Millis> {
    if expires <= now {
        return None;
    }
    let age = now.saturating_sub(arrived);
    let wait = age.clamp(retry.min, retry.max.max(retry.min));
    Some(now.saturating_add(wait).min(expires))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Millis = 1_000;

    #[test]
    fn waits_double_up_to_the_longest_and_end_at_the_lifetime() {
        let retry =
            Retry { min: 300 * S, max: 4_000 * S, lifetime: 20_000 * S, bounce_lifetime: 0 };
        let expires = retry.expires(7, false);
        let mut tries = Vec::new();
        let mut now = 7;
        while let Some(next) = retry_at(&retry, 7, expires, now) {
            now = next;
            tries.push((now - 7) / S);
        }
        assert_eq!(tries, [300, 600, 1200, 2400, 4800, 8800, 12800, 16800, 20000]);
    }

    #[test]
    fn one_try_with_a_lifetime_of_nothing() {
        let retry = Retry { min: 1, max: 2, lifetime: 9, bounce_lifetime: 0 };
        assert_eq!(retry_at(&retry, 5, retry.expires(5, true), 5), None);
        assert_eq!(retry_at(&retry, 5, retry.expires(5, false), 5), Some(6));
        // A clock that was set back: no wait beyond the longest.
        assert_eq!(retry_at(&retry, 500, 509, 5), Some(6));
    }
}

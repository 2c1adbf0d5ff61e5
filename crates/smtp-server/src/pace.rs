//! How long a client may still take for what it has begun: silence is one thing, an octet now and then
//! another. Without it a connection could be held for ever by who sends just enough.

use std::time::Duration;

use crate::Options;

/// How long we have waited for a command, or a message, that isn't complete, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    begun: bool,
    in_content: bool,
    waited: Duration,
    octets: u64,
}

impl Pace {
    /// How long the next read may take: `idle`, or what is left of the time for a command or message that
    /// was begun. Only waiting counts, not what the next hop takes.
    pub(crate) fn left(&mut self, options: &Options, begun: bool, in_content: bool) -> Duration {
        if begun != self.begun || in_content != self.in_content {
            *self = Self { begun, in_content, ..Self::default() };
        }
        if !begun || (in_content && options.min_data_rate == 0) {
            return options.idle;
        }
        let earned = match in_content {
            true => self.octets / options.min_data_rate.max(1),
            false => 0,
        };
        let allowed = options.idle.saturating_add(Duration::from_secs(earned));
        options.idle.min(allowed.saturating_sub(self.waited))
    }

    /// So much came, after so long.
    pub(crate) fn got(&mut self, octets: usize, waited: Duration) {
        if !self.begun {
            return;
        }
        self.octets = self.octets.saturating_add(octets as u64);
        self.waited = self.waited.saturating_add(waited);
    }
}

#[cfg(test)]
mod tests {
    use smtp::Protocol;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn options() -> Options {
        let session = smtp::server::Options::new(Protocol::Smtp, "mx.test");
        Options { idle: 10 * SECOND, min_data_rate: 100, ..Options::new(session) }
    }

    #[test]
    fn a_command_has_its_time_however_it_comes() {
        let (options, mut pace) = (options(), Pace::default());
        assert_eq!(pace.left(&options, false, false), 10 * SECOND);
        // The wait for its first octet was silence between commands.
        pace.got(1, 9 * SECOND);
        assert_eq!(pace.left(&options, true, false), 10 * SECOND);
        pace.got(1, 4 * SECOND);
        assert_eq!(pace.left(&options, true, false), 6 * SECOND);
        pace.got(1, 6 * SECOND);
        assert_eq!(pace.left(&options, true, false), Duration::ZERO);
        assert_eq!(pace.left(&options, false, false), 10 * SECOND);
    }

    #[test]
    fn content_earns_time_by_coming() {
        let (mut options, mut pace) = (options(), Pace::default());
        assert_eq!(pace.left(&options, true, true), 10 * SECOND);
        pace.got(300, 8 * SECOND);
        assert_eq!(pace.left(&options, true, true), 5 * SECOND);
        pace.got(1000, SECOND);
        assert_eq!(pace.left(&options, true, true), 10 * SECOND);
        pace.got(1, 14 * SECOND);
        assert_eq!(pace.left(&options, true, true), Duration::ZERO);
        options.min_data_rate = 0;
        assert_eq!(pace.left(&options, true, true), 10 * SECOND);
    }
}

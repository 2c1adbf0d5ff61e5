//! Names for new message files: `SECONDS.MMICROSECONDSPPID.HOST`, as Dovecot makes them, and with
//! the trace id inside for deliveries (`…PPIDTtrace.HOST`), so that a repeated one is recognised.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use address::TraceId;

/// This host's name as it stands in file names and locks.
pub(crate) fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
        let name: String = name.unwrap_or_default().chars().map(plain).collect();
        if name.is_empty() { "localhost".to_owned() } else { name }
    })
}

/// Microseconds since 1970.
pub(crate) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A base name that this process never gave before.
pub(crate) fn fresh() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = now_micros();
    let before = LAST.fetch_max(now, Ordering::Relaxed);
    let mine = if now > before { now } else { LAST.fetch_add(1, Ordering::Relaxed) + 1 };
    format!("{}.M{}P{}.{}", mine / 1_000_000, mine % 1_000_000, std::process::id(), host())
}

/// What marks a delivery in its file's name: the trace id, and a hash of the recipient where that
/// isn't the mailbox owner's plain address.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    before: String,
    after: String,
}

impl Mark {
    pub(crate) fn new(trace: &TraceId, recipient: Option<&str>) -> Self {
        let millis = trace.millis();
        let tag = recipient.map(|r| format!("R{:08x}", fnv(r.as_bytes()))).unwrap_or_default();
        Self {
            before: format!("{}.M{}P", millis / 1000, millis % 1000 * 1000),
            after: format!("{tag}T{trace}."),
        }
    }

    /// The base name that this process gives the delivery.
    pub(crate) fn base(&self) -> String {
        format!("{}{}{}{}", self.before, std::process::id(), self.after, host())
    }

    /// Whether a file is this delivery, whichever process stored it.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(self.before.as_bytes()) else { return false };
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        rest.get(digits..).is_some_and(|rest| rest.starts_with(self.after.as_bytes()))
    }
}

/// FNV-1a, 32 bits: the name must be the same in every run, and guards against accidents only.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn never_twice() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..2000).map(|_| fresh()).collect::<Vec<_>>()))
            .collect();
        let names: Vec<String> =
            threads.into_iter().flat_map(|t| t.join().expect("thread")).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn marks() {
        let trace = TraceId::new(1_795_548_153_502, 7);
        let mark = Mark::new(&trace, None);
        let other = Mark::new(&trace, Some("a+b@c"));
        assert_eq!(
            mark.base(),
            format!("1795548153.M502000P{}T{trace}.{}", std::process::id(), host())
        );
        assert!(mark.matches(format!("1795548153.M502000P1T{trace}.elsewhere,S=1:2,S").as_bytes()));
        assert!(other.matches(other.base().as_bytes()));
        assert!(!mark.matches(other.base().as_bytes()) && !other.matches(mark.base().as_bytes()));
        assert!(!mark.matches(b"1795548153.M502000P1.h"));
    }
}

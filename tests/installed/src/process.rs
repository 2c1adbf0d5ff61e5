//! What /proc says of a process: who it is and what it may.

use std::fs;

/// Fields of /proc/PID/status.
#[derive(Debug, Clone)]
pub struct Status(String);

impl Status {
    /// Of a process, by its number here; none if it has gone.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        fs::read_to_string(format!("/proc/{pid}/status")).ok().map(Self)
    }

    /// A field's words.
    #[must_use]
    pub fn words(&self, field: &str) -> Vec<String> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// Its numbers, in its own namespaces last.
    #[must_use]
    pub fn inner_pid(&self) -> u32 {
        self.words("NSpid").last().unwrap().parse().unwrap()
    }

    /// Whether one of its capability sets holds CAP_SETUID (7), the bounding set left out.
    #[must_use]
    pub fn may_change_uid(&self) -> bool {
        ["CapInh", "CapPrm", "CapEff", "CapAmb"]
            .iter()
            .any(|set| u64::from_str_radix(&self.words(set)[0], 16).unwrap() & (1 << 7) != 0)
    }
}

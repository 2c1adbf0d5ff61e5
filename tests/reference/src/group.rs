//! All processes of one instance: its master leads a process group that its children stay in.

use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// How long a master may take to end itself and its children.
const END: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A master and everything that it started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group(Pid);

impl Group {
    /// The group that this process leads.
    pub(crate) fn led_by(master: i32) -> Self {
        Self(Pid::from_raw(master))
    }

    pub(crate) fn master(self) -> i32 {
        self.0.as_raw()
    }

    /// Everybody in it as of now, the master first.
    pub(crate) fn pids(self) -> Vec<i32> {
        let listing = fs::read_dir("/proc").unwrap().flatten();
        let numbers = listing.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut pids: Vec<i32> =
            numbers.filter(|pid| group_of(*pid) == Some(self.master())).collect();
        pids.sort_by_key(|pid| (*pid != self.master(), *pid));
        pids
    }

    /// Asks the master to end, waits until all have, and kills who hasn't. `reap` takes away the
    /// master's remains where it is our child.
    pub(crate) fn end(self, mut reap: impl FnMut()) {
        let _ = kill(self.0, Signal::SIGTERM);
        let deadline = Instant::now() + END;
        while self.lives() && Instant::now() < deadline {
            reap();
            std::thread::sleep(LOOK_AGAIN);
        }
        while self.lives() {
            let _ = killpg(self.0, Signal::SIGKILL);
            reap();
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn lives(self) -> bool {
        killpg(self.0, None) != Err(Errno::ESRCH)
    }
}

/// The process group of a process, from the fields behind its name in /proc/PID/stat.
fn group_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(2)?.parse().ok()
}

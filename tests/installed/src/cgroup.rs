//! A control group for each machine, below which its systemd makes its own; removed with it.

use std::fs;
use std::path::{Path, PathBuf};

use support::eventually;

/// A folder of the machine's cgroup2 file system.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    pub(crate) fn new(name: &str) -> Self {
        let path = mounted().join(format!("dovetail-test-{name}"));
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// Where a process writes its number to join.
    pub(crate) fn processes(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Killed processes leave a moment later.
        eventually("the control group to be empty", || remove(&self.0).ok());
    }
}

/// Control groups are removed one by one, from below.
fn remove(path: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

/// Where cgroup2 is: alone, or beside the older ones.
fn mounted() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let place = line.and_then(|line| line.split(' ').nth(1));
    PathBuf::from(place.expect("a cgroup2 file system is mounted"))
}

//! What the process uses, by the kernel's word: memory, processor time, descriptors.
//!
//! /proc's files are opened at the start and kept: once the daemon is confined it may open them no
//! longer. Without /proc the numbers are left out.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode;
use nix::unistd::{SysconfVar, sysconf};

/// `/proc/PID/stat` is shorter.
const MAX_STAT: usize = 4096;

static HELD: OnceLock<Held> = OnceLock::new();

struct Held {
    stat: Option<File>,
    descriptors: Option<Mutex<Dir>>,
}

/// Opens what is read later. Call it before the daemon confines itself; a second call does nothing.
pub(crate) fn open() {
    HELD.get_or_init(|| {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = Dir::open("/proc/self/fd", flags, Mode::empty());
        Held { stat: File::open("/proc/self/stat").ok(), descriptors: folder.ok().map(Mutex::new) }
    });
}

/// What the process uses now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// Processor time in seconds, its own and the kernel's for it.
    pub(super) cpu: f64,
    /// Octets of address space.
    pub(super) virtual_memory: f64,
    /// Octets that are in memory.
    pub(super) resident: f64,
    pub(super) threads: f64,
}

pub(super) fn usage() -> Option<Usage> {
    let stat = HELD.get()?.stat.as_ref()?;
    let mut buffer = [0; MAX_STAT];
    let length = stat.read_at(&mut buffer, 0).ok()?;
    let text = String::from_utf8_lossy(buffer.get(..length)?);
    let second = sysconf(SysconfVar::CLK_TCK).ok().flatten()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten()?;
    read_stat(&text, f64::from(i32::try_from(second).ok()?), f64::from(i32::try_from(page).ok()?))
}

/// proc(5): the second field is the name in parentheses, which may hold anything.
fn read_stat(text: &str, second: f64, page: f64) -> Option<Usage> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The first of `rest` is field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some(Usage {
        cpu: (field(14)? + field(15)?) / second,
        threads: field(20)?,
        virtual_memory: field(23)?,
        resident: field(24)? * page,
    })
}

/// Descriptors that are open, and how many may be. The one that counts is counted.
pub(super) fn descriptors() -> Option<(u64, u64)> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let mut folder =
        HELD.get()?.descriptors.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
    // `iter` begins at the start: it rewinds when it ends.
    let names = folder.iter().filter_map(Result::ok);
    let open = names.filter(|entry| !entry.file_name().to_bytes().starts_with(b".")).count();
    Some((open as u64, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_hostile_name() {
        let text = "7 (a) b (c)) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 9 0 100 4096 3 18";
        let wanted = Usage { cpu: 2.0, virtual_memory: 4096.0, resident: 12288.0, threads: 9.0 };
        assert_eq!(read_stat(text, 100.0, 4096.0), Some(wanted));
        assert_eq!(read_stat("7 (a) S 1", 100.0, 4096.0), None);
        assert_eq!(read_stat("", 100.0, 4096.0), None);
    }

    #[test]
    fn this_process() {
        open();
        let before = descriptors().unwrap();
        let held: Vec<_> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
        let after = descriptors().unwrap();
        assert!(after.0 >= before.0 + 15 && after.0 < after.1, "{before:?} {after:?}");
        drop(held);
        let usage = usage().unwrap();
        assert!(usage.resident > 1e5 && usage.threads >= 1.0, "{usage:?}");
    }
}

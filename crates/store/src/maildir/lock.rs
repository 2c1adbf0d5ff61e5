//! Lock files as Dovecot makes them: `FILE.lock`, made with O_EXCL, holding `PID:HOST`.
//!
//! Two floors: threads of this process queue for a claim in memory, so that the lock file speaks
//! for processes only; then the file. A lock whose process is dead is broken after two seconds, an
//! empty one (its process died before it wrote) after fifteen, another that doesn't say whose it is
//! when nothing moved for its stale time. Only one of ours breaks a lock at a time (flock on the
//! folder), so that nobody removes a lock just made.

use std::collections::HashSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::unique;
use crate::error::io;
use crate::fs::{Fs, Mode, read_limited};
use crate::{Error, Result};

/// How long anybody waits for a lock: longer than a lock can be stale.
pub(crate) const WAIT: Duration = Duration::from_secs(122);
/// `dovecot-uidlist.lock` without a living owner, where nothing moves for so long, is broken.
pub(crate) const UIDLIST_STALE: Duration = Duration::from_secs(120);
/// `subscriptions.lock` likewise.
pub(crate) const SUBSCRIPTIONS_STALE: Duration = Duration::from_secs(30);
/// A lock without a word in it, where nothing moves for so long, is of a process that was killed
/// between making it and writing; longer than [`TOUCH_EVERY`], for a holder that a full disk kept from
/// writing.
const EMPTY_STALE: Duration = Duration::from_secs(15);
/// A lock younger than this isn't looked into.
const YOUNG: Duration = Duration::from_secs(2);
/// A holder shows so often that it lives.
const TOUCH_EVERY: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// `PID:HOST` and no more.
const MAX_LOCK_OCTETS: u64 = 512;

/// A lock held; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lock {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    file: File,
    inode: (u64, u64),
    touched: Instant,
    _claim: Claim,
}

impl Lock {
    /// Waits for `FILE.lock`. `stale` is how long nothing may move before an ownerless lock counts as
    /// left over.
    pub(crate) fn acquire(
        fs: &Arc<dyn Fs>,
        file: &Path,
        mode: Mode,
        stale: Duration,
        wait: Duration,
    ) -> Result<Self> {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let folder = path.parent().unwrap_or(Path::new("/"));
        let until = Instant::now() + wait;
        let busy = |holder: String| Error::Locked {
            what: path.display().to_string(),
            seconds: wait.as_secs(),
            holder,
        };
        let claim = Claim::take(folder, &path, until)
            .map_err(io("lock", &path))?
            .ok_or_else(|| busy("this process".to_owned()))?;
        let mut seen = Seen::look(&path, file);
        let mut pause = FIRST_PAUSE;
        loop {
            match fs.create(&path, mode) {
                Ok(made) => return Self::own(fs, path, made, claim),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("create", &path)(error)),
            }
            if seen.is_stale(&path, file, stale) && break_lock(&**fs, folder, &path, &seen) {
                continue;
            }
            if Instant::now() >= until {
                return Err(busy(holder(&path).unwrap_or_else(|| "an unknown process".to_owned())));
            }
            std::thread::sleep(pause); // a blocking thread's; the lock tells nobody when it goes
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn own(fs: &Arc<dyn Fs>, path: PathBuf, file: File, claim: Claim) -> Result<Self> {
        let meta = file.metadata().map_err(io("stat", &path))?;
        let inode = (meta.dev(), meta.ino());
        let touched = Instant::now();
        let lock = Self { fs: Arc::clone(fs), path, file, inode, touched, _claim: claim };
        let text = format!("{}:{}", std::process::id(), unique::host());
        if let Err(error) = fs.write(&lock.file, text.as_bytes()) {
            // On a full disk too, mail must be removable: a lock that doesn't say whose it is holds.
            tracing::debug!(lock = %lock.path.display(), %error, "can't write our number");
        }
        Ok(lock)
    }

    /// Shows that the holder lives. Call it in long work.
    pub(crate) fn keep(&mut self) {
        if self.touched.elapsed() >= TOUCH_EVERY {
            self.touched = Instant::now();
            if let Err(error) = self.file.set_modified(SystemTime::now()) {
                tracing::warn!(lock = %self.path.display(), %error, "can't touch the lock");
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let now = std::fs::symlink_metadata(&self.path).map(|meta| (meta.dev(), meta.ino()));
        if now.as_ref().is_ok_and(|inode| *inode == self.inode) {
            if let Err(error) = self.fs.unlink(&self.path) {
                tracing::error!(lock = %self.path.display(), %error, "can't remove the lock");
            }
        } else {
            tracing::warn!(lock = %self.path.display(), "somebody broke our lock");
        }
    }
}

/// Device, number, time of change, fraction of the time of writing, size.
type FileState = (u64, u64, i64, i64, u64);

/// The lock file and the file that it guards, as they were, and since when.
#[derive(Debug)]
struct Seen {
    state: [Option<FileState>; 2],
    since: Instant,
}

impl Seen {
    fn look(lock: &Path, file: &Path) -> Self {
        let state = [lock, file].map(|path| {
            let meta = std::fs::symlink_metadata(path).ok()?;
            Some((meta.dev(), meta.ino(), meta.ctime(), meta.mtime_nsec(), meta.size()))
        });
        Self { state, since: Instant::now() }
    }

    /// Looks again. Whether the lock is nobody's.
    fn is_stale(&mut self, lock: &Path, file: &Path, stale: Duration) -> bool {
        let now = Self::look(lock, file);
        if now.state != self.state {
            *self = now;
        }
        let Ok(meta) = std::fs::symlink_metadata(lock) else { return false };
        let age = meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_none_or(|age| age < YOUNG) {
            return false;
        }
        match owner(lock) {
            Some(alive) => !alive,
            None if meta.size() == 0 => self.since.elapsed() >= stale.min(EMPTY_STALE),
            None => self.since.elapsed() >= stale,
        }
    }
}

/// Removes a stale lock, if it is still the one that was seen.
fn break_lock(fs: &dyn Fs, folder: &Path, lock: &Path, seen: &Seen) -> bool {
    let Ok(open) = File::open(folder) else { return false };
    let Ok(_alone) = Flock::lock(open, FlockArg::LockExclusiveNonblock) else { return false };
    let [before, _] = seen.state;
    let [now, _] = Seen::look(lock, lock).state;
    if before.is_none() || now != before {
        return false;
    }
    tracing::warn!(lock = %lock.display(), holder = holder(lock), "breaking a stale lock");
    fs.unlink(lock).is_ok()
}

/// What the lock's file says.
fn holder(lock: &Path) -> Option<String> {
    let bytes = read_limited(lock, MAX_LOCK_OCTETS).ok().flatten()?;
    let text = String::from_utf8(bytes).ok()?;
    let (pid, host) = text.split_once(':')?;
    let pid: u32 = pid.parse().ok()?;
    Some(format!("{pid}:{host}"))
}

/// Whether the process of this host that made the lock lives. `None` if that can't be told.
fn owner(lock: &Path) -> Option<bool> {
    let text = holder(lock)?;
    let (pid, host) = text.split_once(':')?;
    let pid: i32 = pid.parse().ok()?;
    if host != unique::host() || pid <= 0 {
        return None;
    }
    // Our own number: we hold the claim and not the lock, so it was an earlier process's.
    let ours = u32::try_from(pid).is_ok_and(|pid| pid == std::process::id());
    Some(!ours && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

type Key = (u64, u64, PathBuf);
static CLAIMS: Mutex<Option<HashSet<Key>>> = Mutex::new(None);
static GIVEN_BACK: Condvar = Condvar::new();

/// The right of one thread of this process to try for the lock file.
#[derive(Debug)]
struct Claim(Key);

impl Claim {
    fn take(folder: &Path, lock: &Path, until: Instant) -> std::io::Result<Option<Self>> {
        let meta = std::fs::metadata(folder)?;
        let name = lock.file_name().map(PathBuf::from).unwrap_or_default();
        let key = (meta.dev(), meta.ino(), name);
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        while !claims.get_or_insert_default().insert(key.clone()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            claims =
                GIVEN_BACK.wait_timeout(claims, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(Some(Self(key)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = claims.as_mut() {
            claims.remove(&self.0);
        }
        drop(claims);
        GIVEN_BACK.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Disk;

    const MODE: Mode = Mode { file: 0o600, folder: 0o700, group: None };
    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    fn acquire(dir: &Path, stale: Duration, wait: Duration) -> Result<Lock> {
        let disk: Arc<dyn Fs> = Arc::new(Disk);
        Lock::acquire(&disk, &dir.join("list"), MODE, stale, wait)
    }

    /// A lock file that is already old enough to be looked into.
    fn left_over(dir: &Path, content: &str) {
        let path = dir.join("list.lock");
        std::fs::write(&path, content).expect("write");
        let file = File::options().write(true).open(path).expect("open");
        file.set_modified(SystemTime::now() - Duration::from_secs(5)).expect("touch");
    }

    #[test]
    fn one_at_a_time_between_threads() {
        let dir = tempfile::tempdir().expect("dir");
        let lock = acquire(dir.path(), LONG, LONG).expect("free");
        let text = std::fs::read_to_string(dir.path().join("list.lock")).expect("lock file");
        assert_eq!(text, format!("{}:{}", std::process::id(), unique::host()));
        assert_eq!(acquire(dir.path(), LONG, SHORT).expect_err("held").kind(), crate::Kind::Locked);
        drop(lock);
        assert!(!dir.path().join("list.lock").exists());
        let counter = Arc::new(Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _lock = acquire(dir.path(), LONG, LONG).expect("in turn");
                        *counter.try_lock().expect("alone") += 1;
                    }
                });
            }
        });
        assert_eq!(*counter.lock().expect("done"), 80);
    }

    #[test]
    fn a_living_process_keeps_its_lock_and_a_dead_one_does_not() {
        let dir = tempfile::tempdir().expect("dir");
        let host = unique::host();
        left_over(dir.path(), &format!("1:{host}"));
        assert!(acquire(dir.path(), Duration::ZERO, SHORT).is_err(), "process 1 lives");
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let dead = child.id();
        child.wait().expect("gone");
        left_over(dir.path(), &format!("{dead}:{host}"));
        acquire(dir.path(), LONG, SHORT).expect("its owner is dead");
        left_over(dir.path(), &format!("{}:{host}", std::process::id()));
        acquire(dir.path(), LONG, SHORT).expect("an earlier process had our number");
    }

    #[test]
    fn what_says_nothing_is_stale_after_a_while() {
        let dir = tempfile::tempdir().expect("dir");
        for content in ["", "7:another-host", "new content"] {
            left_over(dir.path(), content);
            assert!(acquire(dir.path(), LONG, SHORT).is_err(), "{content}");
            acquire(dir.path(), Duration::from_millis(20), LONG).expect("stale");
        }
    }

    #[test]
    fn a_lock_taken_from_us_is_left_alone() {
        let dir = tempfile::tempdir().expect("dir");
        let lock = acquire(dir.path(), LONG, LONG).expect("free");
        std::fs::rename(dir.path().join("list.lock"), dir.path().join("old")).expect("taken");
        std::fs::write(dir.path().join("list.lock"), "7:another-host").expect("write");
        drop(lock);
        assert!(dir.path().join("list.lock").exists());
    }
}
